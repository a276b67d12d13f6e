/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/unit/scheduler_fixture.h"

static void test_binds_and_spreads(void **state)
{
	struct fixture f;
	int on[3] = {0};

	begin(&f);
	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		node(&f, name, "4", "", "");
	}
	for (int i = 0; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		pod(&f, name, NEEDS("100m"), "");
	}
	run(&f, 100);
	for (int i = 0; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		assert_int_equal(where(&f, name)[0], 'n');
		on[where(&f, name)[1] - '0']++;
	}
	assert_true(on[0] == 2 && on[1] == 2 && on[2] == 2);
	assert_int_equal(fake_api_requests(f.api, "/binding"), 6);
	assert_int_equal(fake_api_count(f.api, "/api/v1/events"), 6);
	end(&f);
}

static void test_reasons(void **state)
{
	struct fixture f;

	begin(&f);
	pod(&f, "a", NEEDS("3"), "");
	run(&f, 100);
	assert_true(says(&f, "a", "no nodes available to schedule pods"));
	node(&f, "small", "2", "", "");
	node(&f, "tainted", "8",
	     "\"taints\":[{\"key\":\"k\",\"value\":\"v\",\"effect\":\"NoSchedule\"}]", "");
	node(&f, "cordoned", "8", "\"unschedulable\":true", "");
	run(&f, 5000);
	assert_true(says(&f, "a",
			 "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated "
			 "taint(s), 1 node(s) were unschedulable. preemption: 0/3 nodes are "
			 "available: 3 Preemption is not helpful for scheduling."));
	assert_string_equal(where(&f, "a"), "");
	/* No event, no try. */
	size_t tries = fake_api_requests(f.api, "pods/a/status");
	run(&f, 60000);
	assert_int_equal(fake_api_requests(f.api, "pods/a/status"), tries);
	node(&f, "cordoned", "8", "", "");
	run(&f, 100);
	assert_string_equal(where(&f, "a"), "cordoned");
	end(&f);
}

static void test_wakes_when_a_pod_goes(void **state)
{
	struct fixture f;

	begin(&f);
	node(&f, "n", "2", "", "");
	pod(&f, "a", NEEDS("1500m"), "");
	run(&f, 100);
	pod(&f, "b", NEEDS("1"), "");
	run(&f, 2000);
	assert_string_equal(where(&f, "a"), "n");
	assert_true(says(&f, "b",
			 "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are "
			 "available: 1 No preemption victims found for incoming pod."));
	fake_api_delete(f.api, "/api/v1/namespaces/x/pods/a");
	run(&f, 100);
	assert_string_equal(where(&f, "b"), "n");
	end(&f);
}

static void test_selectors(void **state)
{
	struct fixture f;

	begin(&f);
	node(&f, "a", "4", "\"taints\":[{\"key\":\"k\",\"effect\":\"NoExecute\"}]",
	     "\"disk\":\"ssd\",\"cores\":\"16\"");
	node(&f, "b", "4", "", "\"disk\":\"hdd\",\"cores\":\"4\"");
	pod(&f, "ssd", NEEDS("1"),
	    ",\"nodeSelector\":{\"disk\":\"ssd\"},"
	    "\"tolerations\":[{\"key\":\"k\",\"operator\":\"Exists\"}]");
	pod(&f, "hdd", NEEDS("1"),
	    ",\"affinity\":{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
	    "{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"cores\",\"operator\":\"Lt\","
	    "\"values\":[\"8\"]}]}]}}}");
	pod(&f, "none", NEEDS("1"), ",\"nodeSelector\":{\"disk\":\"tape\"}");
	pod(&f, "other", NEEDS("1"), ",\"schedulerName\":\"mine\"");
	pod(&f, "gated", NEEDS("1"), ",\"schedulingGates\":[{\"name\":\"g\"}]");
	run(&f, 100);
	assert_string_equal(where(&f, "ssd"), "a");
	assert_string_equal(where(&f, "hdd"), "b");
	assert_true(says(&f, "none",
			 "0/2 nodes are available: 1 node(s) didn't match Pod's node "
			 "affinity/selector, 1 node(s) had untolerated taint(s). preemption: "
			 "0/2 nodes are available: 2 Preemption is not helpful for scheduling."));
	assert_string_equal(where(&f, "other"), "");
	assert_string_equal(where(&f, "gated"), "");
	end(&f);
}

static void test_ports(void **state)
{
	struct fixture f;
	const char *c =
		"{\"ports\":[{\"containerPort\":80,\"hostPort\":8080,\"protocol\":\"TCP\"}]}";

	begin(&f);
	node(&f, "a", "4", "", "");
	node(&f, "b", "4", "", "");
	pod(&f, "p1", c, "");
	pod(&f, "p2", c, "");
	run(&f, 100);
	pod(&f, "p3", c, "");
	pod(&f, "p4", "{\"ports\":[{\"hostPort\":8080,\"protocol\":\"UDP\"}]}", "");
	run(&f, 100);
	assert_true(*where(&f, "p1") && *where(&f, "p2") && *where(&f, "p4"));
	assert_string_equal(where(&f, "p3"), "");
	end(&f);
}

static void test_binding_fails(void **state)
{
	struct fixture f;
	struct scheduler_stats st;

	begin(&f);
	node(&f, "a", "1", "", "");
	fake_api_fail(f.api, "/binding", 500, 2);
	pod(&f, "p", NEEDS("1"), "");
	run(&f, 500);
	assert_string_equal(where(&f, "p"), "");
	run(&f, 10000);
	assert_string_equal(where(&f, "p"), "a");
	pod(&f, "q", NEEDS("100m"), ""); /* the failed assumptions gave their room back, once */
	run(&f, 100);
	assert_string_equal(where(&f, "q"), "");
	scheduler_stats(f.s, &st);
	assert_int_equal(st.bound, 1);
	assert_int_equal(st.unschedulable, 1);
	end(&f);
}

/* An event wakes those whom it may help, and nobody else. */
static void test_hints(void **state)
{
	struct fixture f;
	struct scheduler_stats st;
	uint64_t attempts;

	begin(&f);
	node(&f, "a", "2", "", "");
	node(&f, "b", "2", "", "");
	pod(&f, "small", NEEDS("100m"), ",\"nodeName\":\"a\"");
	pod(&f, "large", NEEDS("1500m"), ",\"nodeName\":\"b\"");
	pod(&f, "second", NEEDS("1"), ",\"nodeName\":\"a\"");
	run(&f, 100);
	pod(&f, "waits", NEEDS("1"), "");
	run(&f, 15000);
	scheduler_stats(f.s, &st);
	attempts = st.attempts;
	fake_api_delete(f.api, "/api/v1/namespaces/x/pods/small"); /* one CPU is free now */
	node(&f, "b", "2", "\"unschedulable\":true", "");
	run(&f, 15000);
	scheduler_stats(f.s, &st);
	assert_string_equal(where(&f, "waits"), "a");
	assert_int_equal(st.attempts, attempts + 1);
	pod(&f, "more", NEEDS("1"), "");
	run(&f, 15000);
	scheduler_stats(f.s, &st);
	attempts = st.attempts;
	/* Room on a cordoned node is none; nor is less than what is asked for. */
	fake_api_delete(f.api, "/api/v1/namespaces/x/pods/large");
	run(&f, 15000);
	scheduler_stats(f.s, &st);
	assert_int_equal(st.attempts, attempts);
	/* After five minutes it is tried in any case. */
	run(&f, 300000);
	scheduler_stats(f.s, &st);
	assert_int_equal(st.attempts, attempts + 1);
	node(&f, "b", "2", "", "");
	run(&f, 15000);
	assert_string_equal(where(&f, "more"), "b");
	end(&f);
}

static void test_gates(void **state)
{
	struct fixture f;
	struct scheduler_stats st;

	begin(&f);
	node(&f, "a", "2", "", "");
	pod(&f, "p", NEEDS("1"), ",\"schedulingGates\":[{\"name\":\"one\"},{\"name\":\"two\"}]");
	run(&f, 1000);
	pod(&f, "p", NEEDS("1"), ",\"schedulingGates\":[{\"name\":\"two\"}]");
	run(&f, 1000);
	scheduler_stats(f.s, &st);
	assert_int_equal(st.attempts, 0);
	pod(&f, "p", NEEDS("1"), ",\"schedulingGates\":[]");
	run(&f, 1000);
	assert_string_equal(where(&f, "p"), "a");
	end(&f);
}

/* Which pods fit beside which: init containers, sidecars, overhead, what the pod as a whole asks.
 */
static void test_requests(void **state)
{
	static const struct {
		const char *spec;
		bool fits; /* a node with 4 CPUs, 1 GPU */
	} rows[] = {
		{"\"initContainers\":[" NEEDS("4") "," NEEDS("3") "],\"containers\":[" NEEDS(
			 "1") "]",
		 true},
		{"\"initContainers\":[" NEEDS("5") "],\"containers\":[" NEEDS("1") "]", false},
		/* A sidecar runs beside later init containers and beside the containers. */
		{"\"initContainers\":[{\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{"
		 "\"cpu\":\"2\"}}}," NEEDS("3") "],\"containers\":[" NEEDS("1") "]",
		 false},
		{"\"initContainers\":[" NEEDS("3") ",{\"restartPolicy\":\"Always\",\"resources\":{"
						   "\"requests\":{\"cpu\":\"2\"}}}"
						   "],\"containers\":[" NEEDS("2") "]",
		 true},
		{"\"initContainers\":[{\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{"
		 "\"cpu\":\"2\"}}}"
		 "],\"containers\":[" NEEDS("3") "]",
		 false},
		{"\"overhead\":{\"cpu\":\"2\"},\"containers\":[" NEEDS("2") "]", true},
		{"\"overhead\":{\"cpu\":\"2500m\"},\"containers\":[" NEEDS("2") "]", false},
		{"\"resources\":{\"requests\":{\"cpu\":\"5\"}},\"containers\":[" NEEDS("1") "]",
		 false},
		{"\"resources\":{\"requests\":{\"cpu\":\"3\"}},\"containers\":[" NEEDS("1") "]",
		 true},
		{"\"containers\":[{\"resources\":{\"requests\":{\"example.com/gpu\":\"1\"}}}]",
		 true},
		{"\"containers\":[{\"resources\":{\"requests\":{\"example.com/gpu\":\"2\"}}}]",
		 false},
		{"\"containers\":[{\"resources\":{\"requests\":{\"hugepages-2Mi\":\"4Mi\"}}}]",
		 false},
		{"\"containers\":[{\"resources\":{\"requests\":{\"ephemeral-storage\":\"2Gi\"}}}]",
		 false},
		{"\"containers\":[{}]", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char json[1024];
		struct fixture f;

		begin(&f);
		fake_api_put(f.api, "/api/v1/nodes/n",
			     "{\"status\":{\"allocatable\":{\"cpu\":\"4\",\"memory\":\"8Gi\","
			     "\"pods\":\"10\","
			     "\"ephemeral-storage\":\"1Gi\",\"example.com/gpu\":\"1\"}}}");
		snprintf(json, sizeof(json), "{\"spec\":{%s}}", rows[i].spec);
		fake_api_put(f.api, "/api/v1/namespaces/x/pods/p", json);
		run(&f, 100);
		if (rows[i].fits != (*where(&f, "p") == 'n'))
			fail_msg("row %zu", i);
		end(&f);
	}
}

/* Images that are there draw pods, by size and by how many nodes have them. */
static void test_images(void **state)
{
	struct fixture f;

	begin(&f);
	for (int i = 0; i < 2; i++)
		fake_api_put(
			f.api, i ? "/api/v1/nodes/with" : "/api/v1/nodes/a-without",
			i ? "{\"status\":{\"allocatable\":{\"cpu\":\"4\",\"memory\":\"8Gi\","
			    "\"pods\":\"10\"},"
			    "\"images\":[{\"names\":[\"big:latest\"],\"sizeBytes\":900000000}]}}"
			  : "{\"status\":{\"allocatable\":{\"cpu\":\"4\",\"memory\":\"8Gi\","
			    "\"pods\":\"10\"}}}");
	run(&f, 100);
	for (int i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/p%d", i);
		fake_api_put(f.api, path, "{\"spec\":{\"containers\":[{\"image\":\"big\"}]}}");
		run(&f, 100);
	}
	assert_string_equal(where(&f, "p0"), "with");
	/* It goes from the node: nothing is left of it. */
	fake_api_put(f.api, "/api/v1/nodes/with",
		     "{\"status\":{\"allocatable\":{\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":"
		     "\"10\"}}}");
	run(&f, 100);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binds_and_spreads),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_wakes_when_a_pod_goes),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_binding_fails),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
