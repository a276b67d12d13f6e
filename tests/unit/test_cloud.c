/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/json/json_scan.h"
#include "lib/sys/file.h"
#include "lib/sys/timers_uv.h"
#include "master/cloud/cloud.h"
#include "master/cloud/inventory.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <uv.h>

/* ---- The inventory ---- */

#define GOOD                                                                                   \
	"region: north\n"                                                                      \
	"machines:\n"                                                                          \
	"- {name: n1, zone: a, addresses: [192.0.2.1], externalAddresses: [198.51.100.1]}\n"   \
	"- {name: n2, zone: b, region: south, type: big, shutdown: true, providerID: x://2}\n" \
	"pools:\n"                                                                             \
	"- {name: web, addresses: [192.0.2.10-192.0.2.11], zones: [a]}\n"                      \
	"- {name: more, addresses: [192.0.2.16/30]}\n"                                         \
	"- {name: asked, addresses: [203.0.113.7], autoAssign: false}\n"

static void test_inventory(void **state)
{
	static const char *const wrong[][2] = {
		{"[1, 2]", "there is no mapping with machines and pools"},
		{"{", NULL},
		{"machine: []", "\"machine\" is none of machines, pools, region"},
		{"machines: 3", "machines is no list"},
		{"machines: [x]", "machines[0] is no mapping"},
		{"machines: [{zone: a}]", "machines[0].name: is missing"},
		{"machines: [{name: a}, {name: a}]", "machines[1].name: comes twice"},
		{"machines: [{name: a, colour: red}]", "machines[0]: \"colour\" is no key of it"},
		{"machines: [{name: a, zone: 'b c'}]", NULL},
		{"machines: [{name: a, addresses: [1.2.3]}]",
		 "machines[0].addresses: has what is no address"},
		{"machines: [{name: a, shutdown: maybe}]",
		 "machines[0].shutdown: is neither true nor false"},
		{"pools: [{name: p}]", "pools[0].addresses: is no list of ranges"},
		{"pools: [{name: p, addresses: [192.0.2.9-192.0.2.1]}]",
		 "pools[0].addresses: has what is no range (192.0.2.10-192.0.2.20, 192.0.2.0/28)"},
		{"pools: [{name: p, addresses: [192.0.2.1/24]}]", NULL},
		{"pools: [{name: p, addresses: [10, ~, {}]}]", NULL},
		{"pools: [{name: p, addresses: [192.0.2.0/24]}, {name: q, addresses: "
		 "[192.0.2.7]}]",
		 "pools[1].addresses: has addresses that another range has"},
	};
	struct inventory *v = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(inventory_read(STR(GOOD), &v, &e), 0);
	assert_int_equal(v->n_machines, 2);
	assert_string_equal(inventory_machine(v, STR("n1"))->provider_id, "metal://n1");
	assert_string_equal(inventory_machine(v, STR("n1"))->region, "north");
	assert_string_equal(inventory_machine(v, STR("n2"))->region, "south");
	assert_int_equal((int)(v->pools[1].ranges[0].last.n - v->pools[1].ranges[0].first.n), 1);
	inventory_free(v);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		v = NULL;
		if (inventory_read(str_of(wrong[i][0]), &v, &e) == 0)
			fail_msg("%s is taken", wrong[i][0]);
		if (wrong[i][1])
			assert_string_equal(err_text(&e), wrong[i][1]);
		err_done(&e);
	}
}

/* ---- Answers are checked, whoever gives them ---- */

static void test_answers(void **state)
{
	static const char *const instances[] = {
		"[]",
		"{}",
		"{\"exists\":1}",
		"{\"exists\":true,\"zone\":\"a b\"}",
		"{\"exists\":true,\"zone\":7}",
		"{\"exists\":true,\"addresses\":{}}",
		"{\"exists\":true,\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"x\"}]}",
		"{\"exists\":true,\"addresses\":[{\"type\":\"Moon\",\"address\":\"1.2.3.4\"}]}",
	};
	static const char *const balancers[] = {
		"{}",
		"{\"ingress\":[]}",
		"{\"ingress\":[{}]}",
		"{\"ingress\":[{\"ip\":\"nine\"}]}",
		"{\"ingress\":[{\"hostname\":\"A B\"}]}",
		"{\"ingress\":[{\"ip\":\"1.2.3.4\",\"ipMode\":\"Magic\"}]}",
		"{\"ingress\":[{\"ip\":\"1.2.3.4\"}],\"announce\":\"yes\"}",
	};
	struct cloud_instance i;
	struct cloud_balancer b;
	struct err e = ERR_INIT;

	for (size_t k = 0; k < ARRAY_SIZE(instances); k++) {
		assert_true(cloud_read_instance(jv_of(str_of(instances[k])), &i, &e) < 0);
		assert_true(str_starts(str_of(err_text(&e)), STR("the cloud provider's answer: ")));
		err_done(&e);
	}
	for (size_t k = 0; k < ARRAY_SIZE(balancers); k++) {
		assert_true(cloud_read_balancer(jv_of(str_of(balancers[k])), &b, &e) < 0);
		err_done(&e);
	}
	assert_int_equal(cloud_read_instance(jv_of(STR("{\"exists\":false}")), &i, &e), 0);
	assert_int_equal(cloud_read_balancer(jv_of(STR("{\"ingress\":[{\"hostname\":\"lb.example\"}"
						       "]}")),
					     &b, &e),
			 0);
}

/* ---- A provider on a loop ---- */

struct lab {
	char dir[40];
	char *file;
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *driver;
	struct cloud *c;
	/* Of the last answer */
	int answers, changes;
	struct err e;
	char *result;
};

static void put(struct lab *l, const char *name, const char *text, int mode)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", l->dir, name);

	assert_int_equal(file_write_atomic(AT_FDCWD, path, str_of(text), (mode_t)mode), 0);
}

static void begin(struct lab *l, const char *provider, const char *conf)
{
	struct err e = ERR_INIT;

	memset(l, 0, sizeof(*l));
	str_copy(l->dir, sizeof(l->dir), STR("/tmp/knarr-cloud-XXXXXX"));
	assert_non_null(mkdtemp(l->dir));
	l->file = xasprintf("%s/conf", l->dir);
	uv_loop_init(&l->loop);
	timers_init(&l->timers, &clock_system);
	l->driver = timers_uv_attach(&l->timers, &l->loop);
	put(l, "conf", conf, 0644);
	if (cloud_open(
		    provider,
		    &(struct cloud_conf){.file = l->file, .timers = &l->timers, .loop = &l->loop},
		    &l->c, &e) < 0)
		fail_msg("%s", err_text(&e));
}

static void end(struct lab *l)
{
	l->c = cloud_close(l->c);
	l->driver = timers_uv_detach(l->driver);
	uv_run(&l->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&l->loop), 0);
	timers_done(&l->timers);
	dir_remove_tree(AT_FDCWD, l->dir);
	err_done(&l->e);
	free(l->result);
	free(l->file);
}

static void on_answer(void *user, const struct err *e, struct jv result)
{
	struct lab *l = user;

	l->answers++;
	err_done(&l->e);
	free(l->result);
	l->result = NULL;
	if (e->errnum)
		err_set(&l->e, e->errnum, NULL, "%s", err_text(e));
	else
		l->result = str_dup(jv_raw(result));
}

static struct jv ask(struct lab *l, enum cloud_verb v, const char *params)
{
	int before = l->answers;

	assert_int_equal(json_scan(str_of(params), NULL, NULL), 0);
	assert_non_null(cloud_ask(l->c, v, str_of(params), on_answer, l));
	assert_int_equal(l->answers, before); /* never from within */
	while (l->answers == before)
		uv_run(&l->loop, UV_RUN_ONCE);
	return l->result ? jv_of(str_of(l->result)) : JV_NONE;
}

static const char *balancer(struct lab *l, const char *uid, const char *more)
{
	static char ip[64];
	CLEANUP_FREE char *p = xasprintf("{\"service\":{\"uid\":\"%s\"%s}", uid, more);
	CLEANUP_FREE char *params = xasprintf("%s}", p);
	struct jv r = ask(l, CLOUD_ENSURE_BALANCER, params);

	str_copy(ip, sizeof(ip), jv_text(jv_path(r, "ingress[0].ip")));
	return jv_exists(r) ? ip : err_text(&l->e);
}

static void on_change(void *user)
{
	((struct lab *)user)->changes++;
}

static void test_metal(void **state)
{
	struct cloud_instance i;
	struct lab l;

	begin(&l, "metal", GOOD);
	assert_int_equal(cloud_read_instance(
				 ask(&l, CLOUD_INSTANCE, "{\"node\":{\"name\":\"n1\"}}"), &i, NULL),
			 0);
	assert_true(i.exists && !i.shutdown && str_eqs(i.zone, "a"));
	assert_int_equal(jv_len(i.addresses), 2);
	assert_int_equal(cloud_read_instance(
				 ask(&l, CLOUD_INSTANCE, "{\"node\":{\"name\":\"n2\"}}"), &i, NULL),
			 0);
	assert_true(i.exists && i.shutdown);
	assert_int_equal(cloud_read_instance(
				 ask(&l, CLOUD_INSTANCE, "{\"node\":{\"name\":\"n3\"}}"), &i, NULL),
			 0);
	assert_false(i.exists);
	/* Addresses: pools in order, each address once, the same Service the same. */
	cloud_hold(l.c, STR("old"), STR("192.0.2.10"));
	assert_string_equal(balancer(&l, "s1", ""), "192.0.2.11");
	assert_string_equal(balancer(&l, "s1", "},\"current\":[\"192.0.2.11\"],\"x\":{"),
			    "192.0.2.11");
	assert_string_equal(balancer(&l, "s2", ""), "192.0.2.17");
	assert_string_equal(balancer(&l, "s3", ""), "192.0.2.18");
	assert_string_equal(balancer(&l, "s4", ""), "no address is free in any pool");
	assert_string_equal(
		balancer(&l, "s4", ",\"annotations\":{\"knarr.io/address-pool\":\"web\"}"),
		"no address is free in pool web");
	assert_string_equal(
		balancer(&l, "s4", ",\"annotations\":{\"knarr.io/address-pool\":\"nope\"}"),
		"the inventory has no pool \"nope\"");
	assert_string_equal(balancer(&l, "s4", ",\"spec\":{\"loadBalancerIP\":\"192.0.2.11\"}"),
			    "address 192.0.2.11 is another Service's");
	assert_string_equal(balancer(&l, "s4", ",\"spec\":{\"loadBalancerIP\":\"10.0.0.1\"}"),
			    "address 10.0.0.1 is in no pool of the inventory");
	assert_string_equal(balancer(&l, "s4", ",\"spec\":{\"loadBalancerIP\":\"203.0.113.7\"}"),
			    "203.0.113.7");
	ask(&l, CLOUD_DELETE_BALANCER, "{\"service\":{\"uid\":\"s1\"}}");
	assert_string_equal(balancer(&l, "s5", ""), "192.0.2.11");
	cloud_release(l.c, STR("old"));
	assert_string_equal(balancer(&l, "s6", ""), "192.0.2.10");
	/* A new inventory is read; one with a mistake is not. */
	cloud_on_change(l.c, on_change, &l);
	put(&l, "conf", "machines: [{name: n3}]", 0644);
	while (!l.changes)
		uv_run(&l.loop, UV_RUN_ONCE);
	put(&l, "conf", "machines: [", 0644);
	ask(&l, CLOUD_INSTANCE, "{\"node\":{\"name\":\"n3\"}}");
	assert_non_null(strstr(l.result, "\"exists\":true"));
	end(&l);
}

static void test_wrong_conf(void **state)
{
	static const char *const cases[][3] = {
		{"exec", "command: []", "conf: command is no list of words"},
		{"exec", "command: [ls]\nfeatures: [instances]",
		 "conf: command[0]: \"ls\" is no absolute path"},
		{"exec", "command: [/no/such]\nfeatures: [instances]",
		 "conf: command[0]: /no/such: No such file or directory"},
		{"exec", "command: [/bin/true]",
		 "conf: features is no list of instances, "
		 "loadBalancers, routes"},
		{"exec", "command: [/bin/true]\nfeatures: [tea]",
		 "conf: features: \"tea\" is none of instances, loadBalancers, routes"},
		{"exec", "command: [/bin/true]\nfeatures: [routes]\ntimeoutSeconds: 0",
		 "conf: timeoutSeconds: from 1 to 3600"},
		{"exec", "command: [/bin/true]\nfeatures: [routes]\ncolour: red",
		 "conf: \"colour\" is no key of it"},
		{"metal", "pools: 1", "conf: pools is no list"},
		{"magic", "", "--cloud: \"magic\" is none of metal, exec"},
	};
	char dir[] = "/tmp/knarr-cloud-XXXXXX";
	struct timers ts;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	timers_init(&ts, &clock_system);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct cloud *c = NULL;

		file_write_atomic(AT_FDCWD, "conf", str_of(cases[i][1]), 0644);
		assert_true(cloud_open(cases[i][0],
				       &(struct cloud_conf){.file = "conf", .timers = &ts}, &c,
				       &e) < 0);
		assert_string_equal(err_text(&e), cases[i][2]);
		err_done(&e);
	}
	timers_done(&ts);
	assert_int_equal(chdir("/"), 0);
	dir_remove_tree(AT_FDCWD, dir);
}

/* A program that does what it is told by its own text. */
static void program(struct lab *l, const char *script)
{
	CLEANUP_FREE char *text = xasprintf("#!/bin/sh\n%s\n", script);

	put(l, "cloud", text, 0755);
}

static const char *said(struct lab *l, const char *script)
{
	program(l, script);
	ask(l, CLOUD_INSTANCE, "{\"node\":{\"name\":\"n1\"}}");
	return l->result ? l->result : err_text(&l->e);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" has no \"%s\"", text, part);
}

static void test_exec(void **state)
{
	CLEANUP_FREE char *conf = NULL;
	struct lab l, first;
	uint64_t at;

	/* The program is named before it is there: two labs, one folder. */
	begin(&first, "metal", "{}");
	program(&first, "exit 0");
	conf = xasprintf("command: [%s/cloud]\nfeatures: [instances]\ntimeoutSeconds: 1\n"
			 "maxOutput: 100000\nenvironment: {TOKEN: secret}\n",
			 first.dir);
	begin(&l, "exec", conf);
	dir_remove_tree(AT_FDCWD, l.dir);
	str_copy(l.dir, sizeof(l.dir), str_of(first.dir));
	has(said(&l, "cat"),
	    "{\"apiVersion\":\"cloud.knarr.io/v1\",\"verb\":\"instance\",\"node\":{"
	    "\"name\":\"n1\"}}");
	has(said(&l, "echo \"{\\\"exists\\\":true,\\\"zone\\\":\\\"$1-$TOKEN\\\"}\""),
	    "instance-secret");
	has(said(&l, "echo '{\"error\":\"quota of machines used up\"}'; exit 1"),
	    "quota of machines used up");
	has(said(&l, "echo 'no route to cloud' >&2; exit 7"),
	    "instance ended with status 7: no route to cloud");
	has(said(&l, "kill -9 $$"), "was killed by signal 9");
	has(said(&l, "echo hello"), "gave no JSON object");
	has(said(&l, "echo '[1]'"), "gave no JSON object");
	has(said(&l, "exit 0"), "gave no JSON object");
	has(said(&l, "yes"), "printed more than 100000 bytes");
	has(said(&l, "yes >&2 & sleep 0.1; kill $!; echo '{}'"), "{}");
	at = timers_now_ns(&l.timers);
	has(said(&l, "trap '' TERM; sleep 60"), "gave no answer in 1 s");
	assert_true(timers_now_ns(&l.timers) - at < 10 * NSEC_PER_SEC);
	/* A child that keeps the output open does not keep us. */
	at = timers_now_ns(&l.timers);
	has(said(&l, "sleep 60 & echo '{\"exists\":true}'"), "exists");
	assert_true(timers_now_ns(&l.timers) - at < 10 * NSEC_PER_SEC);
	/* It never reads what it is asked: a large question does not end in SIGPIPE. */
	{
		CLEANUP_FREE char *pad = xcalloc(1, 300001);
		CLEANUP_FREE char *params = NULL;

		memset(pad, 'x', 300000);
		params = xasprintf("{\"pad\":\"%s\"}", pad);
		program(&l, "echo '{\"exists\":false}'");
		ask(&l, CLOUD_INSTANCE, params);
		has(l.result, "exists");
	}
	put(&l, "cloud", "#!/no/such/shell\n", 0755);
	ask(&l, CLOUD_INSTANCE, "{}");
	has(err_text(&l.e), "cannot start");
	/* Closed while it runs. */
	program(&l, "sleep 60");
	cloud_ask(l.c, CLOUD_INSTANCE, STR("{}"), on_answer, &l);
	cloud_cancel(cloud_ask(l.c, CLOUD_INSTANCE, STR("{}"), on_answer, &l));
	for (int i = 0; i < 10; i++)
		cloud_ask(l.c, CLOUD_INSTANCE, STR("{}"), on_answer, &l);
	end(&l);
	end(&first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inventory), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_metal),     cmocka_unit_test(test_wrong_conf),
		cmocka_unit_test(test_exec),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
