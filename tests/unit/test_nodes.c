/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/client/client.h"
#include "lib/client/lease.h"
#include "tests/unit/control_fixture.h"

#define NODE(n) "/api/v1/nodes/" n

static void put_node(struct fixture *f, const char *name, const char *ready)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT, path = BUF_INIT;
	char now[TIME_LEN + 1];
	struct str taints;

	time_format(f->time.real_ns, now);
	buf_addf(&path, "/api/v1/nodes/%s", name);
	taints = jv_raw(jv_path(get(f, path.p), "spec.taints"));
	buf_addf(&json,
		 "{\"spec\":{\"taints\":%.*s},\"status\":{\"conditions\":[{\"type\":\"Ready\","
		 "\"status\":\"%s\",\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
		 STR_ARG(taints.len ? taints : STR("[]")), ready, now, now);
	fake_api_put(f->api, path.p, json.p);
	run(f, 100);
}

static bool tainted(struct fixture *f, const char *node, const char *key, const char *effect)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;

	buf_addf(&path, "/api/v1/nodes/%s", node);
	jv_for_each (t, jv_path(get(f, path.p), "spec.taints"))
		if (jv_eqs(jv_get(t.value, "key"), key) &&
		    jv_eqs(jv_get(t.value, "effect"), effect))
			return true;
	return false;
}

static struct lease_renewer *renew(struct fixture *f, const char *name)
{
	return lease_renewer_start(f->c, &(struct lease_renewer_conf){
						 .ns = STR("kube-node-lease"),
						 .name = str_of(name),
						 .holder = str_of(name),
					 });
}

static void test_silent_node(void **state)
{
	struct lease_renewer *a, *b;
	struct fixture f;

	begin(&f, "node-lifecycle,taint-eviction");
	put_node(&f, "a", "True");
	put_node(&f, "b", "True");
	a = renew(&f, "a");
	b = renew(&f, "b");
	fake_api_put(f.api, PODS "/p",
		     "{\"spec\":{\"nodeName\":\"b\",\"tolerations\":[{\"key\":\"node.kubernetes.io/"
		     "unreachable\",\"operator\":\"Exists\",\"effect\":\"NoExecute\","
		     "\"tolerationSeconds\":30}]},\"status\":{\"phase\":\"Running\",\"conditions\":"
		     "[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
	fake_api_put(f.api, PODS "/daemon",
		     "{\"spec\":{\"nodeName\":\"b\",\"tolerations\":[{\"operator\":\"Exists\"}]}}");
	run(&f, 120 * 1000);
	assert_false(tainted(&f, "b", "node.kubernetes.io/unreachable", "NoSchedule"));
	b = lease_renewer_stop(b);
	run(&f, 28 * 1000);
	assert_false(tainted(&f, "b", "node.kubernetes.io/unreachable", "NoSchedule"));
	run(&f, 20 * 1000);
	assert_true(tainted(&f, "b", "node.kubernetes.io/unreachable", "NoSchedule"));
	assert_true(tainted(&f, "b", "node.kubernetes.io/unreachable", "NoExecute"));
	assert_false(tainted(&f, "a", "node.kubernetes.io/unreachable", "NoSchedule"));
	assert_true(jv_eqs(jv_path(get(&f, NODE("b")), "status.conditions[0].status"), "Unknown"));
	assert_true(jv_eqs(jv_path(get(&f, PODS "/p"), "status.conditions[0].status"), "False"));
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	run(&f, 31 * 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 1); /* the daemon tolerates all */
	put_node(&f, "b", "True");
	run(&f, 1000);
	assert_false(tainted(&f, "b", "node.kubernetes.io/unreachable", "NoSchedule"));
	assert_false(tainted(&f, "b", "node.kubernetes.io/unreachable", "NoExecute"));
	a = lease_renewer_stop(a);
	end(&f);
}

static void test_not_ready_and_cordon(void **state)
{
	struct fixture f;

	begin(&f, "node-lifecycle");
	put_node(&f, "a", "True");
	put_node(&f, "b", "False");
	assert_true(tainted(&f, "b", "node.kubernetes.io/not-ready", "NoSchedule"));
	assert_true(tainted(&f, "b", "node.kubernetes.io/not-ready", "NoExecute"));
	put_node(&f, "b", "True");
	assert_false(tainted(&f, "b", "node.kubernetes.io/not-ready", "NoExecute"));
	fake_api_put(f.api, NODE("a"),
		     "{\"spec\":{\"unschedulable\":true,\"taints\":[{\"key\":\"mine\",\"effect\":"
		     "\"NoSchedule\"}]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":"
		     "\"True\"}]}}");
	run(&f, 100);
	assert_true(tainted(&f, "a", "node.kubernetes.io/unschedulable", "NoSchedule"));
	assert_true(tainted(&f, "a", "mine", "NoSchedule"));
	end(&f);
}

/* All nodes silent at once: it is the master that lost the network, nobody is evicted. */
static void test_all_silent(void **state)
{
	struct fixture f;

	begin(&f, "node-lifecycle");
	put_node(&f, "a", "True");
	put_node(&f, "b", "True");
	put_node(&f, "c", "True");
	run(&f, 300 * 1000);
	assert_true(tainted(&f, "a", "node.kubernetes.io/unreachable", "NoSchedule"));
	assert_true(tainted(&f, "c", "node.kubernetes.io/unreachable", "NoSchedule"));
	assert_int_equal(tainted(&f, "a", "node.kubernetes.io/unreachable", "NoExecute") +
				 tainted(&f, "b", "node.kubernetes.io/unreachable", "NoExecute") +
				 tainted(&f, "c", "node.kubernetes.io/unreachable", "NoExecute"),
			 0);
	end(&f);
}

static void put_in_zone(struct fixture *f, const char *zone, int i, bool ready)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT, path = BUF_INIT;
	char now[TIME_LEN + 1];
	struct str taints;

	time_format(f->time.real_ns, now);
	buf_addf(&path, "/api/v1/nodes/%s%d", zone, i);
	taints = jv_raw(jv_path(get(f, path.p), "spec.taints"));
	buf_addf(&json,
		 "{\"metadata\":{\"labels\":{\"topology.kubernetes.io/zone\":\"%s\"}},\"spec\":{"
		 "\"taints\":%.*s},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":"
		 "\"%s\",\"lastHeartbeatTime\":\"%s\"}]}}",
		 zone, STR_ARG(taints.len ? taints : STR("[]")), ready ? "True" : "False", now);
	fake_api_put(f->api, path.p, json.p);
}

static int evicted(struct fixture *f, const char *zone, int n)
{
	int k = 0;

	for (int i = 0; i < n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%d", zone, i);
		k += tainted(f, name, "node.kubernetes.io/not-ready", "NoExecute");
	}
	return k;
}

/* The states of a zone, and how fast its nodes are given up in each. */
static void test_zones(void **state)
{
	struct fixture f;

	begin(&f, "node-lifecycle");
	for (int i = 0; i < 4; i++) {
		put_in_zone(&f, "a", i, true);
		put_in_zone(&f, "b", i, true);
	}
	for (int i = 0; i < 60; i++)
		put_in_zone(&f, "c", i, true);
	run(&f, 100);
	/* Two of four: as usual, one node in ten seconds. */
	put_in_zone(&f, "a", 0, false);
	put_in_zone(&f, "a", 1, false);
	run(&f, 1000);
	assert_int_equal(evicted(&f, "a", 4), 1);
	run(&f, 10000);
	assert_int_equal(evicted(&f, "a", 4), 2);
	/* Three of four: more likely the zone's network than its machines. Nothing is evicted. */
	put_in_zone(&f, "a", 2, false);
	run(&f, 10500);
	assert_int_equal(evicted(&f, "a", 4), 0);
	/* All four: the zone is lost, the others carry on. */
	put_in_zone(&f, "a", 3, false);
	run(&f, 500);
	assert_int_equal(evicted(&f, "a", 4), 1);
	/* Most of a large zone: one in a hundred seconds; zone b is not concerned. */
	for (int i = 0; i < 40; i++)
		put_in_zone(&f, "c", i, false);
	put_in_zone(&f, "b", 0, false);
	run(&f, 12000);
	assert_int_equal(evicted(&f, "c", 60), 1);
	assert_int_equal(evicted(&f, "b", 4), 1);
	end(&f);
}

/* The process is stopped for minutes while heartbeats wait to be read: nobody is given up. */
static void test_master_was_away(void **state)
{
	struct lease_renewer *a;
	struct fixture f;

	begin(&f, "node-lifecycle");
	put_node(&f, "a", "True");
	a = renew(&f, "a");
	run(&f, 30 * 1000);
	f.time.mono_ns += 300 * NSEC_PER_SEC;
	f.time.real_ns += 300 * (int64_t)NSEC_PER_SEC;
	run(&f, 60 * 1000);
	assert_false(tainted(&f, "a", "node.kubernetes.io/unreachable", "NoSchedule"));
	a = lease_renewer_stop(a);
	end(&f);
}

static void test_pod_gc(void **state)
{
	struct fixture f;

	begin(&f, "pod-gc");
	put_node(&f, "a", "True");
	fake_api_put(f.api, PODS "/on-a", "{\"spec\":{\"nodeName\":\"a\"}}");
	fake_api_put(f.api, PODS "/lost", "{\"spec\":{\"nodeName\":\"gone\"}}");
	fake_api_put(f.api, PODS "/unborn",
		     "{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{}}");
	run(&f, 10 * 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	run(&f, 40 * 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	fake_api_delete(f.api, NODE("a"));
	run(&f, 39 * 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	run(&f, 2 * 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 0);
	end(&f);
}

#define OUT "[{\"key\":\"node.kubernetes.io/out-of-service\",\"effect\":\"NoExecute\"}]"

static void put_out_of_service(struct fixture *f, const char *ready, const char *taints)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"spec\":{\"taints\":%s},\"status\":{\"conditions\":[{\"type\":"
			  "\"Ready\",\"status\":\"%s\"}]}}",
			  taints, ready);

	fake_api_put(f->api, NODE("a"), json);
	run(f, 5000);
}

/* Nobody ends the pods of a dead node: those being deleted go when somebody says that it is dead.
 */
static void test_pod_gc_out_of_service(void **state)
{
	static const char *const dying =
		"{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{"
		"\"nodeName\":\"a\"},\"status\":{\"phase\":\"Running\"}}";
	struct fixture f;

	begin(&f, "pod-gc");
	put_out_of_service(&f, "Unknown", "[]");
	fake_api_put(f.api, PODS "/alive", "{\"spec\":{\"nodeName\":\"a\"}}");
	fake_api_put(f.api, PODS "/dying", dying);
	run(&f, 60 * 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	put_out_of_service(&f, "True", OUT); /* it does it itself */
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	put_out_of_service(&f, "Unknown", OUT);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	assert_true(jv_type(get(&f, PODS "/alive")) == JV_OBJECT);
	assert_int_equal(fake_api_requests(f.api, "PATCH " PODS "/dying/status"), 1);
	fake_api_put(f.api, PODS "/later", dying);
	run(&f, 5000);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	assert_true(jv_type(get(&f, PODS "/alive")) == JV_OBJECT);
	end(&f);
}

static bool has_range(struct fixture *f, const char *path, const char *range)
{
	return jv_eqs(jv_path(get(f, path), "spec.podCIDR"), range);
}

/* Ranges are given out once each, kept, and free again with their node. */
static void test_pod_ranges(void **state)
{
	struct fixture f;

	begin(&f, "node-ipam");
	fake_api_put(f.api, NODE("own"), "{\"spec\":{\"podCIDR\":\"10.244.0.0/24\"}}");
	fake_api_put(f.api, NODE("a"), "{\"spec\":{}}");
	run(&f, 100);
	assert_true(has_range(&f, NODE("a"), "10.244.1.0/24"));
	fake_api_put(f.api, NODE("late"), "{\"spec\":{}}");
	run(&f, 100);
	assert_false(jv_exists(jv_path(get(&f, NODE("late")), "spec.podCIDR")));
	fake_api_delete(f.api, NODE("own"));
	run(&f, 61000);
	assert_true(has_range(&f, NODE("late"), "10.244.0.0/24"));
	assert_true(has_range(&f, NODE("a"), "10.244.1.0/24"));
	end(&f);
}

static bool has_ranges(struct fixture *f, const char *path, const char *list)
{
	return str_eqs(jv_raw(jv_path(get(f, path), "spec.podCIDRs")), list);
}

/* One of each family or none; what a node came with is not given out, whatever its size. */
static void test_pod_ranges_dual(void **state)
{
	struct fixture f;

	begin_with(&f, "node-ipam", "fd00:10::/48,10.244.0.0/22", NULL);
	fake_api_put(f.api, NODE("own"),
		     "{\"spec\":{\"podCIDR\":\"fd00:10::/63\",\"podCIDRs\":["
		     "\"fd00:10::/63\",\"10.244.1.0/25\"]}}");
	fake_api_put(f.api, NODE("other"),
		     "{\"spec\":{\"podCIDR\":\"fd00:11::/64\",\"podCIDRs\":["
		     "\"fd00:11::/64\",\"10.245.0.0/24\"]}}");
	fake_api_put(f.api, NODE("a"), "{\"spec\":{}}");
	run(&f, 100);
	assert_true(has_range(&f, NODE("a"), "fd00:10:0:2::/64"));
	assert_true(has_ranges(&f, NODE("a"), "[\"fd00:10:0:2::/64\",\"10.244.0.0/24\"]"));
	fake_api_put(f.api, NODE("b"), "{\"spec\":{}}");
	run(&f, 100);
	assert_true(has_ranges(&f, NODE("b"), "[\"fd00:10:0:3::/64\",\"10.244.2.0/24\"]"));
	fake_api_put(f.api, NODE("c"), "{\"spec\":{}}");
	run(&f, 100);
	assert_true(has_ranges(&f, NODE("c"), "[\"fd00:10:0:4::/64\",\"10.244.3.0/24\"]"));
	fake_api_put(f.api, NODE("d"), "{\"spec\":{}}");
	run(&f, 100);
	assert_false(jv_exists(jv_path(get(&f, NODE("d")), "spec.podCIDRs")));
	fake_api_delete(f.api, NODE("a"));
	run(&f, 61000);
	assert_true(has_ranges(&f, NODE("d"), "[\"fd00:10:0:2::/64\",\"10.244.0.0/24\"]"));
	end(&f);
}

/* The range is one piece, at the end of the number space. */
static void test_pod_ranges_edge(void **state)
{
	struct fixture f;

	begin_with(&f, "node-ipam", "ffff:ffff:ffff:ffff::/64", NULL);
	fake_api_put(f.api, NODE("a"), "{\"spec\":{}}");
	fake_api_put(f.api, NODE("b"), "{\"spec\":{}}");
	run(&f, 100);
	assert_true(has_ranges(&f, NODE("a"), "[\"ffff:ffff:ffff:ffff::/64\"]") ||
		    has_ranges(&f, NODE("b"), "[\"ffff:ffff:ffff:ffff::/64\"]"));
	assert_true(!jv_exists(jv_path(get(&f, NODE("a")), "spec.podCIDR")) ||
		    !jv_exists(jv_path(get(&f, NODE("b")), "spec.podCIDR")));
	end(&f);
}

/* Ended pods are kept up to a number; the oldest go first, and each such pod at most once. */
static void test_pod_gc_threshold(void **state)
{
	struct fixture f;

	begin(&f, "pod-gc");
	put_node(&f, "a", "True");
	for (int i = 0; i < 6; i++) {
		CLEANUP(buf_done) struct buf path = BUF_INIT;

		buf_addf(&path, PODS "/p%d", i);
		fake_api_put(f.api, path.p,
			     "{\"spec\":{\"nodeName\":\"a\"},\"status\":{\"phase\":\"Failed\"}}");
		run(&f, 2000);
	}
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	assert_true(jv_type(get(&f, PODS "/p2")) == JV_ABSENT);
	assert_true(jv_type(get(&f, PODS "/p5")) == JV_OBJECT);
	assert_int_equal(fake_api_requests(f.api, "DELETE"), 3);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_node),
		cmocka_unit_test(test_pod_ranges),
		cmocka_unit_test(test_pod_ranges_dual),
		cmocka_unit_test(test_pod_ranges_edge),
		cmocka_unit_test(test_not_ready_and_cordon),
		cmocka_unit_test(test_all_silent),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_master_was_away),
		cmocka_unit_test(test_pod_gc),
		cmocka_unit_test(test_pod_gc_threshold),
		cmocka_unit_test(test_pod_gc_out_of_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
