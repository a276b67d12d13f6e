/* SPDX-License-Identifier: Apache-2.0 */
/* Load balancers, who announces them, and nodes as the cloud provider knows them. */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/client/lease.h"
#include "lib/sys/file.h"
#include "master/cloud/cloud.h"
#include "tests/unit/control_fixture.h"

#include <fcntl.h>

#define SVC "/api/v1/namespaces/x/services/web"
#define NODE(n) "/api/v1/nodes/" n
#define EVENTS "/api/v1/namespaces/x/events"
#define FIN "service.kubernetes.io/load-balancer-cleanup"

/* ---- A provider that answers what the test says ---- */

struct stub {
	struct cloud_base base;
	struct timers *timers;
	const char *answer; /* JSON; NULL: `error` */
	const char *error;
	bool silent; /* gives no answer at all */
	int asked[CLOUD_VERB_MAX];
	char *last; /* params of the last question */
};
struct stub_call {
	struct cloud_call_base base;
	struct stub *s;
	struct timer timer;
	const char *answer, *error;
	cloud_fn *done;
	void *user;
};
static struct stub stub;

static void stub_fire(struct timer *t)
{
	struct stub_call *k = container_of(t, struct stub_call, timer);
	struct stub_call copy = *k;
	struct err e = ERR_INIT;

	free(k);
	if (!copy.answer)
		err_set(&e, EIO, NULL, "%s", copy.error);
	copy.done(copy.user, &e, copy.answer ? jv_of(str_of(copy.answer)) : JV_NONE);
	err_done(&e);
}

static const struct cloud_provider stub_provider;

static struct cloud_call *stub_ask(struct cloud *c, enum cloud_verb v, struct str params,
				   cloud_fn *done, void *user)
{
	struct stub_call *k = NEW(struct stub_call);

	*k = (struct stub_call){
		.s = &stub, .answer = stub.answer, .error = stub.error, .done = done, .user = user};
	k->base.provider = &stub_provider;
	k->timer.fire = stub_fire;
	stub.asked[v]++;
	free(stub.last);
	stub.last = str_dup(params);
	if (v == CLOUD_DELETE_BALANCER && k->answer)
		k->answer = "{}";
	if (!stub.silent)
		timers_arm_in(stub.timers, &k->timer, 20 * NSEC_PER_MSEC);
	return (struct cloud_call *)k;
}
static void stub_cancel(struct cloud_call *call)
{
	struct stub_call *k = (struct stub_call *)call;

	timers_disarm(stub.timers, &k->timer);
	free(k);
}
static bool stub_does(const struct cloud *c, enum cloud_verb v)
{
	return true;
}
static void stub_close(struct cloud *c)
{
	free(stub.last);
}
static const struct cloud_provider stub_provider = {
	.name = "stub",
	.close = stub_close,
	.does = stub_does,
	.call = stub_ask,
	.cancel = stub_cancel,
};
static struct cloud *stub_open(struct fixture *f)
{
	stub = (struct stub){.base.provider = &stub_provider, .timers = &f->time.timers};
	return (struct cloud *)&stub;
}

/* ---- The provider metal with an inventory of its own ---- */

static char inventory_dir[40];
static struct cloud *metal;

static void put_inventory(const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/inventory", inventory_dir);

	assert_int_equal(file_write_atomic(AT_FDCWD, path, str_of(text), 0644), 0);
}
static struct cloud *metal_open(struct fixture *f)
{
	CLEANUP_FREE char *path = xasprintf("%s/inventory", inventory_dir);
	struct err e = ERR_INIT;

	if (cloud_open("metal", &(struct cloud_conf){.file = path, .timers = &f->time.timers},
		       &metal, &e) < 0)
		fail_msg("%s", err_text(&e));
	return metal;
}
static void begin_metal(struct fixture *f, const char *only, const char *inventory)
{
	str_copy(inventory_dir, sizeof(inventory_dir), STR("/tmp/knarr-lb-XXXXXX"));
	assert_non_null(mkdtemp(inventory_dir));
	put_inventory(inventory);
	begin_cloud(f, only, metal_open);
}
static void end_metal(struct fixture *f)
{
	f->cs = controllers_stop(f->cs);
	metal = cloud_close(metal);
	end(f);
	dir_remove_tree(AT_FDCWD, inventory_dir);
}

/* ---- Objects ---- */

static void put_service(struct fixture *f, const char *path, const char *type, const char *spec,
			const char *meta)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jv old = get(f, path);
	struct jv fin = jv_path(old, "metadata.finalizers");
	struct jv notes = jv_path(old, "metadata.annotations");

	buf_addf(&json,
		 "{\"metadata\":{\"uid\":\"u-%s\",\"finalizers\":%.*s,\"annotations\":%.*s%s},"
		 "\"spec\":{\"type\":\"%s\",\"ports\":[{\"port\":80}]%s},\"status\":%.*s}",
		 strrchr(path, '/') + 1, STR_ARG(jv_exists(fin) ? jv_raw(fin) : STR("[]")),
		 STR_ARG(jv_exists(notes) ? jv_raw(notes) : STR("{}")), meta, type, spec,
		 STR_ARG(jv_exists(old) ? jv_raw(jv_get(old, "status")) : STR("{}")));
	fake_api_put(f->api, path, json.p);
	run(f, 200);
}

static void put_node(struct fixture *f, const char *name, const char *zone, bool ready,
		     const char *spec)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT, path = BUF_INIT;

	buf_addf(&path, "/api/v1/nodes/%s", name);
	buf_addf(&json,
		 "{\"metadata\":{\"uid\":\"u-%s\",\"labels\":{\"topology.kubernetes.io/"
		 "zone\":\"%s\"}},"
		 "\"spec\":{%s},\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":"
		 "\"10.0.0.1\"}],\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		 name, zone, spec, ready ? "True" : "False");
	fake_api_put(f->api, path.p, json.p);
	run(f, 100);
}

static const char *ip_of(struct fixture *f, const char *path)
{
	static char text[64];

	str_copy(text, sizeof(text),
		 jv_text(jv_path(get(f, path), "status.loadBalancer.ingress[0].ip")));
	return text;
}

static const char *announcer(struct fixture *f, const char *path)
{
	static char text[64];

	str_copy(text, sizeof(text),
		 jv_text(jv_get(jv_path(get(f, path), "metadata.annotations"),
				"knarr.io/announced-by")));
	return text;
}

static int events(struct fixture *f, const char *reason)
{
	int n = 0;

	for (size_t i = 0; i < fake_api_count(f->api, EVENTS); i++) {
		struct jv e = nth(f, EVENTS, i);

		if (jv_eqs(jv_get(e, "reason"), reason))
			n += (int)MAX(jv_i64(jv_get(e, "count"), 1), (int64_t)1);
	}
	return n;
}

static bool has_finalizer(struct fixture *f)
{
	return jv_eqs(jv_path(get(f, SVC), "metadata.finalizers[0]"), FIN);
}

/* ---- Load balancers ---- */

static void test_life(void **state)
{
	struct fixture f;
	int asked;

	begin_cloud(&f, "service-lb", stub_open);
	stub.answer = "{\"ingress\":[{\"ip\":\"192.0.2.1\"},{\"hostname\":\"lb.example\"}]}";
	put_service(&f, SVC, "ClusterIP", "", "");
	assert_int_equal(stub.asked[CLOUD_ENSURE_BALANCER], 0);
	assert_false(has_finalizer(&f));
	put_service(&f, SVC, "LoadBalancer", "", "");
	assert_true(has_finalizer(&f));
	assert_string_equal(ip_of(&f, SVC), "192.0.2.1");
	assert_true(jv_eqs(jv_path(get(&f, SVC), "status.loadBalancer.ingress[0].ipMode"), "VIP"));
	assert_true(jv_eqs(jv_path(get(&f, SVC), "status.loadBalancer.ingress[1].hostname"),
			   "lb.example"));
	assert_int_equal(events(&f, "EnsuredLoadBalancer"), 1);
	assert_string_equal(announcer(&f, SVC), "");
	/* Its own writes make no new question; another port does, and a new node. */
	asked = stub.asked[CLOUD_ENSURE_BALANCER];
	run(&f, 60000);
	assert_int_equal(stub.asked[CLOUD_ENSURE_BALANCER], asked);
	put_service(&f, SVC, "LoadBalancer", ",\"sessionAffinity\":\"ClientIP\"", "");
	assert_int_equal(stub.asked[CLOUD_ENSURE_BALANCER], asked + 1);
	put_node(&f, "n1", "a", true, "");
	assert_int_equal(stub.asked[CLOUD_ENSURE_BALANCER], asked + 2);
	assert_non_null(strstr(stub.last, "\"current\":[\"192.0.2.1\"]"));
	assert_non_null(strstr(stub.last, "\"nodes\":[{\"name\":\"n1\""));
	/* No longer wanted. */
	put_service(&f, SVC, "ClusterIP", "", "");
	run(&f, 200);
	assert_int_equal(stub.asked[CLOUD_DELETE_BALANCER], 1);
	assert_false(has_finalizer(&f));
	assert_string_equal(ip_of(&f, SVC), "");
	end(&f);
	stub_close(NULL);
}

static void test_deletion(void **state)
{
	struct fixture f;

	begin_cloud(&f, "service-lb", stub_open);
	stub.answer = "{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}";
	put_service(&f, SVC, "LoadBalancer", "", "");
	stub.answer = NULL;
	stub.error = "the cloud is on fire";
	put_service(&f, SVC, "LoadBalancer", "", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"");
	run(&f, 1000);
	/* It stays until it was taken back. */
	assert_true(jv_exists(get(&f, SVC)));
	assert_int_equal(events(&f, "SyncLoadBalancerFailed"), 1);
	stub.answer = "{}";
	run(&f, 6000);
	assert_false(jv_exists(get(&f, SVC)));
	assert_int_equal(events(&f, "DeletedLoadBalancer"), 1);
	end(&f);
	stub_close(NULL);
}

static void test_failures(void **state)
{
	static const char *const rubbish[] = {"[]", "{\"ingress\":7}",
					      "{\"ingress\":[{\"ip\":\"<script>\"}]}"};
	struct fixture f;

	begin_cloud(&f, "service-lb", stub_open);
	stub.error = "quota of addresses used up";
	put_service(&f, SVC, "LoadBalancer", "", "");
	assert_int_equal(events(&f, "SyncLoadBalancerFailed"), 1);
	assert_string_equal(ip_of(&f, SVC), "");
	/* 5, 10, 20, 40, ... seconds: tried again, each failure told. */
	run(&f, 100 * 1000);
	assert_int_equal(stub.asked[CLOUD_ENSURE_BALANCER], 5);
	run(&f, 3600 * 1000);
	assert_in_range(stub.asked[CLOUD_ENSURE_BALANCER], 15, 20);
	for (size_t i = 0; i < ARRAY_SIZE(rubbish); i++) {
		stub.answer = rubbish[i];
		put_service(&f, SVC, "LoadBalancer",
			    i % 2 ? ",\"loadBalancerIP\":\"192.0.2.7\"" : "", "");
		run(&f, 1000);
		assert_string_equal(ip_of(&f, SVC), "");
	}
	/* It gives no answer: nothing is done, nothing is asked twice. */
	stub.silent = true;
	stub.asked[CLOUD_ENSURE_BALANCER] = 0;
	put_service(&f, SVC, "LoadBalancer", ",\"loadBalancerIP\":\"192.0.2.9\"", "");
	run(&f, 3600 * 1000);
	assert_int_equal(stub.asked[CLOUD_ENSURE_BALANCER], 1);
	end(&f);
	stub_close(NULL);
}

static void test_class(void **state)
{
	struct fixture f;

	begin_cloud(&f, "service-lb", stub_open);
	stub.answer = "{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}";
	put_service(&f, SVC, "LoadBalancer", ",\"loadBalancerClass\":\"example.com/other\"", "");
	assert_int_equal(stub.asked[CLOUD_ENSURE_BALANCER], 0);
	put_service(&f, SVC, "LoadBalancer", ",\"loadBalancerClass\":\"knarr.io/stub\"", "");
	assert_string_equal(ip_of(&f, SVC), "192.0.2.1");
	end(&f);
	stub_close(NULL);
}

/* ---- Metal: addresses and who announces them ---- */

#define POOLS "pools:\n- {name: p, addresses: [192.0.2.10-192.0.2.11]}\n"

static struct lease_renewer *renew(struct fixture *f, const char *name)
{
	return lease_renewer_start(f->c, &(struct lease_renewer_conf){
						 .ns = STR("kube-node-lease"),
						 .name = str_of(name),
						 .holder = str_of(name),
						 .duration_s = 5,
						 .period_ns = NSEC_PER_SEC,
					 });
}

static void test_announced(void **state)
{
	static const char *const names[] = {"n1", "n2", "n3"};
	struct lease_renewer *l[3];
	struct fixture f;
	uint64_t at;
	size_t first;

	begin_metal(&f, "service-lb", POOLS);
	for (size_t i = 0; i < 3; i++) {
		put_node(&f, names[i], "a", true, "");
		l[i] = renew(&f, names[i]);
	}
	put_service(&f, SVC, "LoadBalancer", "", "");
	run(&f, 3000);
	assert_string_equal(ip_of(&f, SVC), "192.0.2.10");
	for (first = 0; first < 2; first++)
		if (!strcmp(announcer(&f, SVC), names[first]))
			break;
	assert_string_equal(announcer(&f, SVC), names[first]);
	run(&f, 120 * 1000);
	assert_string_equal(announcer(&f, SVC), names[first]); /* no move without a cause */
	/* The machine dies: another announces within two seconds. */
	l[first] = lease_renewer_stop(l[first]);
	at = f.time.mono_ns;
	while (!strcmp(announcer(&f, SVC), names[first]) && f.time.mono_ns - at < 10 * NSEC_PER_SEC)
		run(&f, 20);
	assert_true(f.time.mono_ns - at < 2 * NSEC_PER_SEC);
	/* It comes back: no reason to move again. */
	l[first] = renew(&f, names[first]);
	run(&f, 10000);
	assert_string_not_equal(announcer(&f, SVC), names[first]);
	/* Excluded by its label, or not ready. */
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(announcer(&f, SVC), names[i])) {
			put_node(&f, names[i], "a", false, "");
			run(&f, 500);
			assert_string_not_equal(announcer(&f, SVC), names[i]);
			break;
		}
	for (size_t i = 0; i < 3; i++)
		l[i] = lease_renewer_stop(l[i]);
	end_metal(&f);
}

/* The leader dies with the node that announces: the next one sees to it. */
static void test_new_leader(void **state)
{
	struct lease_renewer *a, *b;
	struct fixture f;
	const char *dead;

	begin_metal(&f, "service-lb", POOLS);
	put_node(&f, "n1", "a", true, "");
	put_node(&f, "n2", "a", true, "");
	a = renew(&f, "n1");
	b = renew(&f, "n2");
	put_service(&f, SVC, "LoadBalancer", "", "");
	run(&f, 3000);
	f.cs = controllers_stop(f.cs);
	dead = !strcmp(announcer(&f, SVC), "n1") ? "n1" : "n2";
	if (dead[1] == '1')
		a = lease_renewer_stop(a);
	else
		b = lease_renewer_stop(b);
	informers_free(f.set);
	f.set = informers_new(f.c);
	f.cs = controllers_start(f.set,
				 &(struct controllers_conf){.only = "service-lb", .cloud = metal});
	informers_start(f.set);
	run(&f, 2000);
	assert_string_equal(announcer(&f, SVC), dead);
	run(&f, 2000);
	assert_string_equal(announcer(&f, SVC), dead[1] == '1' ? "n2" : "n1");
	lease_renewer_stop(a);
	lease_renewer_stop(b);
	end_metal(&f);
}

static void test_pools_and_zones(void **state)
{
	struct fixture f;

	begin_metal(&f, "service-lb", "pools:\n- {name: p, addresses: [192.0.2.10], zones: [b]}\n");
	put_node(&f, "n1", "a", true, "");
	put_node(&f, "n2", "b", true, "");
	put_service(&f, SVC, "LoadBalancer", "", "");
	run(&f, 500);
	assert_string_equal(announcer(&f, SVC), "n2");
	/* The pool is used up; a larger inventory helps at once. */
	put_service(&f, "/api/v1/namespaces/x/services/two", "LoadBalancer", "", "");
	assert_string_equal(ip_of(&f, "/api/v1/namespaces/x/services/two"), "");
	assert_int_equal(events(&f, "SyncLoadBalancerFailed"), 1);
	put_inventory(POOLS);
	run(&f, 3000);
	assert_string_equal(ip_of(&f, "/api/v1/namespaces/x/services/two"), "192.0.2.11");
	assert_string_equal(ip_of(&f, SVC), "192.0.2.10");
	end_metal(&f);
}

/* Another master leads: addresses that Services have are not given out again. */
static const char *ips_of(struct fixture *f, const char *path)
{
	static struct buf text;

	buf_clear(&text);
	jv_for_each (i, jv_path(get(f, path), "status.loadBalancer.ingress"))
		buf_addf(&text, "%s%.*s", text.len ? " " : "",
			 STR_ARG(jv_text(jv_get(i.value, "ip"))));
	return text.len ? text.p : "";
}

#define DUAL(policy) ",\"ipFamilies\":[\"IPv4\",\"IPv6\"],\"ipFamilyPolicy\":\"" policy "\""

/* An address of each family of the Service; the second from where the first is at home. */
static void test_families(void **state)
{
	struct fixture f;

	begin_metal(&f, "service-lb",
		    "pools:\n- {name: p, addresses: [192.0.2.10-192.0.2.12, \"fd00::8/126\"]}\n"
		    "- {name: far, addresses: [\"fd01::/120\"], zones: [z]}\n");
	put_node(&f, "n1", "b", true, "");
	put_service(&f, SVC, "LoadBalancer", DUAL("RequireDualStack"), "");
	assert_string_equal(ips_of(&f, SVC), "192.0.2.10 fd00::9");
	put_service(&f, SVC "6", "LoadBalancer", ",\"ipFamilies\":[\"IPv6\"]", "");
	assert_string_equal(ips_of(&f, SVC "6"), "fd00::a");
	/* Asked for, in other letters; and of a family that it has not. */
	put_service(&f, SVC "w", "LoadBalancer",
		    DUAL("RequireDualStack") ",\"loadBalancerIP\":\"FD00:0::B\"", "");
	assert_string_equal(ips_of(&f, SVC "w"), "192.0.2.11 fd00::b");
	put_service(&f, SVC "n", "LoadBalancer",
		    ",\"ipFamilies\":[\"IPv4\"],\"loadBalancerIP\":\"fd01::5\"", "");
	assert_string_equal(ips_of(&f, SVC "n"), "");
	/* None of IPv6 is left in that zone. */
	put_service(&f, SVC "p", "LoadBalancer", DUAL("PreferDualStack"), "");
	assert_string_equal(ips_of(&f, SVC "p"), "192.0.2.12");
	/* One family less: the address is another's at once. */
	put_service(&f, SVC, "LoadBalancer",
		    ",\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":\"SingleStack\"", "");
	assert_string_equal(ips_of(&f, SVC), "192.0.2.10");
	put_service(&f, SVC "p", "LoadBalancer",
		    DUAL("PreferDualStack") ",\"sessionAffinity\":\"ClientIP\"", "");
	run(&f, 1000);
	assert_string_equal(ips_of(&f, SVC "p"), "192.0.2.12 fd00::9");
	end_metal(&f);
}

static void test_addresses_stay(void **state)
{
	struct fixture f;

	begin_metal(&f, "none", POOLS);
	fake_api_put(f.api, "/api/v1/namespaces/x/services/a-new",
		     "{\"metadata\":{\"uid\":\"u-new\"},\"spec\":{\"type\":\"LoadBalancer\"}}");
	fake_api_put(f.api, "/api/v1/namespaces/x/services/z-old",
		     "{\"metadata\":{\"uid\":\"u-old\",\"finalizers\":[\"" FIN
		     "\"]},\"spec\":{\"type\":\"LoadBalancer\"},\"status\":{\"loadBalancer\":{"
		     "\"ingress\":[{\"ip\":\"192.0.2.10\",\"ipMode\":\"VIP\"}]}}}");
	controllers_stop(f.cs);
	f.cs = controllers_start(f.set,
				 &(struct controllers_conf){.only = "service-lb", .cloud = metal});
	informers_start(f.set);
	run(&f, 1000);
	assert_string_equal(ip_of(&f, "/api/v1/namespaces/x/services/z-old"), "192.0.2.10");
	assert_string_equal(ip_of(&f, "/api/v1/namespaces/x/services/a-new"), "192.0.2.11");
	end_metal(&f);
}

/* ---- Nodes ---- */

static void test_node(void **state)
{
	struct fixture f;
	struct jv n;

	begin_metal(&f, "cloud-node",
		    "region: r\nmachines:\n- {name: n1, zone: z, type: big, externalAddresses: "
		    "[198.51.100.1]}\n- {name: n2}\n");
	put_node(
		&f, "n1", "wrong", true,
		"\"taints\":[{\"key\":\"node.cloudprovider.kubernetes.io/uninitialized\",\"value\":"
		"\"true\",\"effect\":\"NoSchedule\"},{\"key\":\"mine\",\"effect\":\"NoSchedule\"}"
		"]");
	run(&f, 200);
	n = get(&f, NODE("n1"));
	assert_true(jv_eqs(jv_path(n, "spec.providerID"), "metal://n1"));
	assert_int_equal(jv_len(jv_path(n, "spec.taints")), 1);
	assert_true(jv_eqs(jv_path(n, "spec.taints[0].key"), "mine"));
	assert_true(
		jv_eqs(jv_get(jv_path(n, "metadata.labels"), "topology.kubernetes.io/zone"), "z"));
	assert_true(jv_eqs(jv_get(jv_path(n, "metadata.labels"), "topology.kubernetes.io/region"),
			   "r"));
	assert_true(jv_eqs(
		jv_get(jv_path(n, "metadata.labels"), "node.kubernetes.io/instance-type"), "big"));
	assert_non_null(memmem(fake_api_get(f.api, NODE("n1")).p,
			       fake_api_get(f.api, NODE("n1")).len, "198.51.100.1", 12));
	/* A node that was there before keeps what it calls its zone. */
	put_node(&f, "n2", "own", true, "");
	run(&f, 200);
	assert_true(jv_eqs(jv_get(jv_path(get(&f, NODE("n2")), "metadata.labels"),
				  "topology.kubernetes.io/zone"),
			   "own"));
	end_metal(&f);
}

static void test_node_gone(void **state)
{
	struct fixture f;

	begin_metal(&f, "cloud-node", "machines: [{name: n1}, {name: n2}]\n");
	put_node(&f, "n1", "a", true, "\"providerID\":\"metal://n1\"");
	put_node(&f, "n2", "a", false, "\"providerID\":\"metal://n2\"");
	put_node(&f, "n3", "a", true, "");
	run(&f, 30 * 1000);
	assert_true(jv_exists(get(&f, NODE("n2")))); /* not ready, but its machine is there */
	/* Taken out of the inventory: the dead one's node goes, the live one's does not. */
	put_inventory("machines: [{name: n4}]\n");
	run(&f, 10 * 1000);
	assert_false(jv_exists(get(&f, NODE("n2"))));
	assert_true(jv_exists(get(&f, NODE("n1"))));
	put_node(&f, "n1", "a", false, "\"providerID\":\"metal://n1\"");
	run(&f, 10 * 1000);
	assert_false(jv_exists(get(&f, NODE("n1"))));
	/* Shut down is not gone. */
	put_inventory("machines: [{name: n3, shutdown: true}]\n");
	run(&f, 3000);
	put_node(&f, "n3", "a", false, "\"providerID\":\"metal://n3\"");
	run(&f, 10 * 1000);
	assert_true(jv_eqs(jv_path(get(&f, NODE("n3")), "spec.taints[0].key"),
			   "node.cloudprovider.kubernetes.io/shutdown"));
	end_metal(&f);
}

static void test_routes(void **state)
{
	struct fixture f;

	begin_cloud(&f, "cloud-route", stub_open);
	stub.answer = "{}";
	fake_api_put(f.api, NODE("n1"),
		     "{\"spec\":{\"podCIDR\":\"10.244.1.0/24\"},\"status\":{\"addresses\":[{"
		     "\"type\":\"InternalIP\",\"address\":\"10.0.0.7\"}],\"conditions\":[{\"type\":"
		     "\"NetworkUnavailable\",\"status\":\"True\"}]}}");
	run(&f, 500);
	assert_string_equal(stub.last, "{\"routes\":[{\"node\":\"n1\",\"cidr\":\"10.244.1.0/24\","
				       "\"address\":\"10.0.0.7\"}]}");
	assert_true(memmem(fake_api_get(f.api, NODE("n1")).p, fake_api_get(f.api, NODE("n1")).len,
			   "RouteCreated", 12) != NULL);
	/* Each range by the address of its family; none where the node has no such address. */
	fake_api_put(f.api, NODE("n1"),
		     "{\"spec\":{\"podCIDR\":\"10.244.1.0/24\",\"podCIDRs\":[\"10.244.1.0/24\","
		     "\"fd00:244:1::/64\"]},\"status\":{\"addresses\":[{\"type\":\"InternalIP\","
		     "\"address\":\"fd00::7\"}]}}");
	run(&f, 500);
	assert_string_equal(stub.last, "{\"routes\":[{\"node\":\"n1\",\"cidr\":\"fd00:244:1::/64\","
				       "\"address\":\"fd00::7\"}]}");
	fake_api_delete(f.api, NODE("n1"));
	run(&f, 500);
	assert_string_equal(stub.last, "{\"routes\":[]}");
	end(&f);
	stub_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_deletion),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_class),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_new_leader),
		cmocka_unit_test(test_pools_and_zones),
		cmocka_unit_test(test_addresses_stay),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_node_gone),
		cmocka_unit_test(test_routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
