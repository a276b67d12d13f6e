/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/unit/scheduler_fixture.h"

/* A pod of `cpu` with a priority; on_node NULL: to be scheduled. `started`: "10:00:00". */
static void prio(struct fixture *f, const char *name, int priority, const char *cpu,
		 const char *on_node, const char *started, const char *labels, const char *more)
{
	char path[128], json[2048];

	snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/%s", name);
	snprintf(
		json, sizeof(json),
		"{\"metadata\":{\"labels\":{%s}},\"spec\":{\"priority\":%d,%s%s%s%s\"containers\":["
		"{\"name\":\"c\",\"resources\":{\"requests\":{\"cpu\":\"%s\"}}}]}%s%s%s}",
		labels, priority, on_node ? "\"nodeName\":\"" : "", on_node ? on_node : "",
		on_node ? "\"," : "", more, cpu,
		started ? ",\"status\":{\"startTime\":\"2026-01-01T" : "", started ? started : "",
		started ? "Z\"}" : "");
	fake_api_put(f->api, path, json);
}

static bool gone(struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/%s", name);
	return str_is_null(fake_api_get(f->api, path));
}

static struct str nominated(struct fixture *f, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/%s", name);
	return jv_text(jv_path(jv_of(fake_api_get(f->api, path)), "status.nominatedNodeName"));
}

static bool event(struct fixture *f, const char *reason, const char *message)
{
	for (size_t i = 0; i < fake_api_count(f->api, "/api/v1/events"); i++) {
		struct jv e = jv_of(fake_api_nth(f->api, "/api/v1/events", i));

		if (jv_eqs(jv_get(e, "reason"), reason) && jv_eqs(jv_get(e, "message"), message))
			return true;
	}
	return false;
}

static void test_makes_room(void **state)
{
	struct fixture f;

	begin(&f);
	node(&f, "n", "2", "", "");
	prio(&f, "low", 1, "1", "n", "10:00:00", "", "");
	prio(&f, "mid", 5, "1", "n", "10:00:00", "", "");
	run(&f, 100);
	prio(&f, "high", 10, "1", NULL, NULL, "", "");
	run(&f, 50);
	/* The least important goes, and only that one. */
	assert_true(gone(&f, "low"));
	assert_false(gone(&f, "mid"));
	assert_int_equal(fake_api_requests(f.api, "PATCH /api/v1/namespaces/x/pods/low/status"), 1);
	run(&f, 3000);
	assert_string_equal(where(&f, "high"), "n");
	assert_true(event(&f, "FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu."));
	assert_true(event(&f, "Preempted", "Preempted by pod uid-00004 on node n"));
	end(&f);
}

static void test_not_helpful(void **state)
{
	struct fixture f;

	begin(&f);
	node(&f, "full", "2", "", "");
	node(&f, "small", "1", "", "");
	node(&f, "tainted", "8", "\"taints\":[{\"key\":\"k\",\"effect\":\"NoSchedule\"}]", "");
	node(&f, "equal", "2", "", "");
	prio(&f, "low", 1, "1", "full", NULL, "", "");
	prio(&f, "higher", 20, "1", "full", NULL, "", "");
	prio(&f, "same", 10, "1", "equal", NULL, "", "");
	prio(&f, "high", 10, "2", NULL, NULL, "", "");
	run(&f, 100);
	assert_true(says(&f, "high",
			 "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 "
			 "Insufficient cpu. preemption: 0/4 nodes are available: 1 Insufficient "
			 "cpu, 1 No preemption victims found for incoming pod, 2 Preemption is not "
			 "helpful for scheduling."));
	/* Never: nobody is asked. */
	prio(&f, "meek", 30, "2", NULL, NULL, "", "\"preemptionPolicy\":\"Never\",");
	run(&f, 100);
	assert_true(says(&f, "meek",
			 "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 "
			 "Insufficient cpu. preemption: not eligible due to "
			 "preemptionPolicy=Never."));
	assert_false(gone(&f, "low"));
	end(&f);
}

static void begin_two(struct fixture *f)
{
	begin(f);
	node(f, "a", "2", "", "");
	node(f, "b", "2", "", "");
}

static void test_choice(void **state)
{
	struct fixture f;

	/* The lowest highest priority. */
	begin_two(&f);
	prio(&f, "a1", 3, "2", "a", NULL, "", "");
	prio(&f, "b1", 2, "1", "b", NULL, "", "");
	prio(&f, "b2", 2, "1", "b", NULL, "", "");
	prio(&f, "high", 10, "2", NULL, NULL, "", "");
	run(&f, 100);
	assert_true(gone(&f, "b1") && gone(&f, "b2") && !gone(&f, "a1"));
	end(&f);
	/* Then the smallest sum, and with it the fewest. */
	begin_two(&f);
	prio(&f, "a1", 3, "1", "a", NULL, "", "");
	prio(&f, "a2", 3, "1", "a", NULL, "", "");
	prio(&f, "b1", 3, "2", "b", NULL, "", "");
	prio(&f, "high", 10, "2", NULL, NULL, "", "");
	run(&f, 100);
	assert_true(gone(&f, "b1") && !gone(&f, "a1") && !gone(&f, "a2"));
	end(&f);
	/* Then the one that started last. */
	begin_two(&f);
	prio(&f, "a1", 3, "2", "a", "11:00:00", "", "");
	prio(&f, "b1", 3, "2", "b", "10:00:00", "", "");
	prio(&f, "high", 10, "2", NULL, NULL, "", "");
	run(&f, 100);
	assert_true(gone(&f, "a1") && !gone(&f, "b1"));
	end(&f);
}

static void test_budgets(void **state)
{
	struct fixture f;

	begin_two(&f);
	fake_api_put(f.api, "/apis/policy/v1/namespaces/x/poddisruptionbudgets/web",
		     "{\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}}},"
		     "\"status\":{\"disruptionsAllowed\":0}}");
	/* Rather a more important one whose budget allows it. */
	prio(&f, "a1", 1, "2", "a", NULL, "\"app\":\"web\"", "");
	prio(&f, "b1", 5, "2", "b", NULL, "\"app\":\"db\"", "");
	run(&f, 100);
	prio(&f, "high", 10, "2", NULL, NULL, "", "");
	run(&f, 3000);
	assert_true(gone(&f, "b1") && !gone(&f, "a1"));
	assert_string_equal(where(&f, "high"), "b");
	/* If there is no other, a budget does not save it. */
	prio(&f, "high2", 10, "2", NULL, NULL, "", "");
	run(&f, 3000);
	assert_true(gone(&f, "a1"));
	assert_string_equal(where(&f, "high2"), "a");
	/* On one node: those with a budget are let back in first. */
	prio(&f, "high", 1, "1", "b", NULL, "\"app\":\"web\"", "");
	prio(&f, "plain", 2, "1", "b", NULL, "", "");
	run(&f, 100);
	prio(&f, "third", 8, "1", NULL, NULL, "", "");
	run(&f, 3000);
	assert_true(gone(&f, "plain") && !gone(&f, "high"));
	end(&f);
}

/* While a victim takes its time, the room is kept: not for lower ones, but for higher ones. */
static void test_nominated(void **state)
{
	struct fixture f;

	begin(&f);
	node(&f, "n", "2", "", "");
	/* Slow to go: the API in memory keeps what has a finalizer. */
	fake_api_put(
		f.api, "/api/v1/namespaces/x/pods/slow",
		"{\"metadata\":{\"finalizers\":[\"f\"]},\"spec\":{\"nodeName\":\"n\","
		"\"priority\":1,\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"2\"}}}]}}");
	run(&f, 100);
	prio(&f, "high", 10, "2", NULL, NULL, "", "");
	run(&f, 100);
	assert_true(str_eqs(nominated(&f, "high"), "n"));
	assert_string_equal(where(&f, "high"), "");
	/* It does not ask again: the one who leaves is enough. */
	node(&f, "n", "2", "", "\"some\":\"label\"");
	node(&f, "m", "1", "", "");
	run(&f, 5000);
	assert_true(str_eqs(nominated(&f, "high"), "n"));
	assert_int_equal(fake_api_requests(f.api, "DELETE"), 1);
	/* One more CPU comes free on n: not for a lower one, which would take high's place. */
	node(&f, "n", "3", "", "\"some\":\"label\"");
	node(&f, "m", "500m", "", "");
	prio(&f, "low", 5, "1500m", NULL, NULL, "", "");
	run(&f, 5000);
	assert_string_equal(where(&f, "low"), "");
	fake_api_delete(f.api, "/api/v1/namespaces/x/pods/slow");
	run(&f, 15000);
	assert_string_equal(where(&f, "high"), "n");
	end(&f);
}

/* Anti-affinity and spreading can be resolved by preemption too. */
static void test_topology(void **state)
{
	struct fixture f;

	begin(&f);
	node(&f, "n", "4", "", "\"kubernetes.io/hostname\":\"n\"");
	prio(&f, "low", 1, "1", "n", NULL, "\"app\":\"web\"", "");
	prio(&f, "else", 1, "1", "n", NULL, "", "");
	run(&f, 100);
	prio(&f, "high", 10, "1", NULL, NULL, "\"app\":\"web\"",
	     "\"affinity\":{\"podAntiAffinity\":{"
	     "\"requiredDuringSchedulingIgnoredDuringExecution\":["
	     "{\"labelSelector\":{\"matchLabels\":{\"app\":\"web\"}},\"topologyKey\":"
	     "\"kubernetes.io/hostname\"}]}},");
	run(&f, 3000);
	assert_true(gone(&f, "low") && !gone(&f, "else"));
	assert_string_equal(where(&f, "high"), "n");
	end(&f);
}

/* A crowd that does not fit costs one decision, and each is told. */
static void test_crowd(void **state)
{
	struct fixture f;
	struct scheduler_stats st;

	begin(&f);
	node(&f, "n", "1", "", "");
	for (int i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		prio(&f, name, 0, "2", NULL, NULL, "", "");
	}
	run(&f, 1000);
	scheduler_stats(f.s, &st);
	assert_int_equal(st.unschedulable, 50);
	assert_int_equal(fake_api_requests(f.api, "/status"), 50);
	assert_true(says(&f, "p49",
			 "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are "
			 "available: 1 Preemption is not helpful for scheduling."));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_makes_room), cmocka_unit_test(test_not_helpful),
		cmocka_unit_test(test_choice),     cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_nominated),  cmocka_unit_test(test_topology),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
