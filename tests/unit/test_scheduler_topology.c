/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/unit/scheduler_fixture.h"

#define SEL(k, v) "\"labelSelector\":{\"matchLabels\":{\"" k "\":\"" v "\"}}"
#define SPREAD(more)                                                                              \
	"\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"topology.kubernetes.io/" \
	"zone\"," SEL("app", "web") "," more "}]"
#define HARD "\"whenUnsatisfiable\":\"DoNotSchedule\""
#define SOFT "\"whenUnsatisfiable\":\"ScheduleAnyway\""

static void zones(struct fixture *f)
{
	node(f, "a1", "4", "",
	     "\"topology.kubernetes.io/zone\":\"a\",\"kubernetes.io/hostname\":\"a1\"");
	node(f, "a2", "4", "",
	     "\"topology.kubernetes.io/zone\":\"a\",\"kubernetes.io/hostname\":\"a2\"");
	node(f, "b1", "4", "",
	     "\"topology.kubernetes.io/zone\":\"b\",\"kubernetes.io/hostname\":\"b1\"");
	node(f, "c1", "4", "",
	     "\"topology.kubernetes.io/zone\":\"c\",\"kubernetes.io/hostname\":\"c1\"");
}

/* How many of the pods p0..p<n-1> run in a zone (the first letter of the node). */
static int in_zone(struct fixture *f, char zone, int n)
{
	int found = 0;

	for (int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		found += *where(f, name) == zone;
	}
	return found;
}

static void many(struct fixture *f, int n, const char *spec)
{
	for (int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		pod_of(f, "x", name, "\"app\":\"web\"", spec);
	}
	run(f, 100);
}

static void test_hard_spread(void **state)
{
	struct fixture f;

	begin(&f);
	zones(&f);
	many(&f, 9, SPREAD(HARD));
	assert_int_equal(in_zone(&f, 'a', 9), 3);
	assert_int_equal(in_zone(&f, 'b', 9), 3);
	assert_int_equal(in_zone(&f, 'c', 9), 3);
	/* A zone without nodes is none: the two others stay even. A node without the label is
	 * refused. */
	fake_api_delete(f.api, "/api/v1/nodes/c1");
	node(&f, "bare", "4", "", "");
	node(&f, "b1", "4", "\"unschedulable\":true", "\"topology.kubernetes.io/zone\":\"b\"");
	run(&f, 100);
	pod_of(&f, "x", "q0", "\"app\":\"web\"", SPREAD(HARD));
	run(&f, 100);
	pod_of(&f, "x", "q1", "\"app\":\"web\"", SPREAD(HARD));
	run(&f, 100);
	assert_int_equal(*where(&f, "q0"), 'a');
	assert_true(says(&f, "q1",
			 "0/4 nodes are available: 1 node(s) didn't match pod topology spread "
			 "constraints (missing required label), 1 node(s) were unschedulable, 2 "
			 "node(s) didn't match pod topology spread constraints. preemption: 0/4 "
			 "nodes are available: 2 No preemption victims found for incoming pod, 2 "
			 "Preemption is not helpful for scheduling."));
	/* One of zone a goes: it fits again. */
	for (int i = 0; i < 9; i++) {
		char name[64], path[96];

		snprintf(name, sizeof(name), "p%d", i);
		if (*where(&f, name) != 'a')
			continue;
		snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/%s", name);
		fake_api_delete(f.api, path);
		break;
	}
	run(&f, 3000);
	assert_int_equal(*where(&f, "q1"), 'a');
	end(&f);
}

static void test_spread_policies(void **state)
{
	struct fixture f;

	begin(&f);
	zones(&f);
	node(&f, "c1", "4", "\"taints\":[{\"key\":\"k\",\"effect\":\"NoSchedule\"}]",
	     "\"topology.kubernetes.io/zone\":\"c\"");
	/* The tainted zone counts as empty: after one in each of the others, no more. */
	many(&f, 4, SPREAD(HARD));
	assert_int_equal(in_zone(&f, 'a', 4) + in_zone(&f, 'b', 4), 2);
	for (int i = 0; i < 4; i++) {
		char path[96];

		snprintf(path, sizeof(path), "/api/v1/namespaces/x/pods/p%d", i);
		fake_api_delete(f.api, path);
	}
	run(&f, 100);
	/* It does not where taints are honoured. */
	many(&f, 4, SPREAD(HARD ",\"nodeTaintsPolicy\":\"Honor\""));
	assert_int_equal(in_zone(&f, 'a', 4), 2);
	assert_int_equal(in_zone(&f, 'b', 4), 2);
	/* minDomains: with fewer zones than asked for, each takes but one (maxSkew). */
	pod_of(&f, "x", "m", "\"app\":\"web\"", SPREAD(HARD ",\"minDomains\":5"));
	run(&f, 100);
	assert_string_equal(where(&f, "m"), "");
	/* matchLabelKeys: another revision is counted by itself. */
	pod_of(&f, "x", "r", "\"app\":\"web\",\"rev\":\"2\"",
	       SPREAD(HARD ",\"minDomains\":5,\"matchLabelKeys\":[\"rev\"]"));
	run(&f, 100);
	assert_string_not_equal(where(&f, "r"), "");
	end(&f);
}

static void test_soft_spread(void **state)
{
	struct fixture f;

	begin(&f);
	zones(&f);
	many(&f, 6, SPREAD(SOFT));
	assert_int_equal(in_zone(&f, 'a', 6), 2);
	assert_int_equal(in_zone(&f, 'b', 6), 2);
	assert_int_equal(in_zone(&f, 'c', 6), 2);
	end(&f);
}

/* Pods of a Service or a ReplicaSet spread over zones and nodes although they ask for nothing. */
static void test_default_spread(void **state)
{
	struct fixture f;

	begin(&f);
	zones(&f);
	fake_api_put(f.api, "/api/v1/namespaces/x/services/s",
		     "{\"spec\":{\"selector\":{\"app\":\"web\"}}}");
	run(&f, 100);
	/* Much else runs in zones b and c, so that by resources all would go to a. */
	pod_of(&f, "x", "big1", "", "\"nodeSelector\":{\"kubernetes.io/hostname\":\"b1\"}");
	pod_of(&f, "x", "big2", "", "\"nodeSelector\":{\"kubernetes.io/hostname\":\"c1\"}");
	run(&f, 100);
	many(&f, 6, "");
	assert_int_equal(in_zone(&f, 'a', 6), 2);
	assert_int_equal(in_zone(&f, 'b', 6), 2);
	assert_int_equal(in_zone(&f, 'c', 6), 2);
	end(&f);
}

#define TERM(labels, more) "{" labels ",\"topologyKey\":\"topology.kubernetes.io/zone\"" more "}"
#define REQUIRED(kind, term)                                                                    \
	"\"affinity\":{\"" kind "\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[" term \
	"]}}"
#define PREFERRED(kind, term)                                                       \
	"\"affinity\":{\"" kind                                                     \
	"\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100," \
	"\"podAffinityTerm\":" term "}]}}"

static void test_affinity(void **state)
{
	struct fixture f;

	begin(&f);
	zones(&f);
	/* The first of its kind goes anywhere, the others to its zone. */
	many(&f, 4, REQUIRED("podAffinity", TERM(SEL("app", "web"), "")));
	assert_true(in_zone(&f, 'a', 4) == 4 || in_zone(&f, 'b', 4) == 4 ||
		    in_zone(&f, 'c', 4) == 4);
	/* Nobody there to be near to; another namespace does not count. */
	pod_of(&f, "y", "db", "\"app\":\"db\"", "");
	run(&f, 100);
	pod_of(&f, "x", "q", "", REQUIRED("podAffinity", TERM(SEL("app", "db"), "")));
	run(&f, 100);
	assert_true(says(&f, "q",
			 "0/4 nodes are available: 4 node(s) didn't match pod affinity rules. "
			 "preemption: 0/4 nodes are available: 4 Preemption is not helpful for "
			 "scheduling."));
	/* It comes. */
	pod_of(&f, "x", "db", "\"app\":\"db\"", "");
	run(&f, 3000);
	assert_int_equal(*where(&f, "q"), *where(&f, "db"));
	end(&f);
}

/* Who waits for company is woken by those who count, not by others. */
static void test_placed_hint(void **state)
{
	struct fixture f;
	struct scheduler_stats st;
	uint64_t attempts;

	begin(&f);
	zones(&f);
	pod_of(&f, "x", "q", "", REQUIRED("podAffinity", TERM(SEL("app", "db"), "")));
	run(&f, 5000);
	scheduler_stats(f.s, &st);
	attempts = st.attempts;
	pod_of(&f, "x", "other", "\"app\":\"other\"", "");
	run(&f, 5000);
	scheduler_stats(f.s, &st);
	assert_int_equal(st.attempts, attempts + 1); /* its own */
	pod_of(&f, "x", "db", "\"app\":\"db\"", "");
	run(&f, 5000);
	assert_int_equal(*where(&f, "q"), *where(&f, "db"));
	end(&f);
}

static void test_namespaces(void **state)
{
	struct fixture f;
	char zone;

	begin(&f);
	zones(&f);
	pod_of(&f, "y", "db", "\"app\":\"db\"", "");
	run(&f, 100);
	zone = *where_in(&f, "y", "db");
	pod_of(&f, "x", "q", "",
	       REQUIRED("podAffinity",
			TERM(SEL("app", "db"),
			     ",\"namespaceSelector\":{\"matchLabels\":{\"team\":\"t\"}}")));
	pod_of(&f, "x", "any", "",
	       REQUIRED("podAffinity", TERM(SEL("app", "db"), ",\"namespaceSelector\":{}")));
	pod_of(&f, "x", "named", "",
	       REQUIRED("podAffinity", TERM(SEL("app", "db"), ",\"namespaces\":[\"y\"]")));
	run(&f, 100);
	assert_string_equal(where(&f, "q"), "");
	assert_int_equal(*where(&f, "any"), zone);
	assert_int_equal(*where(&f, "named"), zone);
	fake_api_put(f.api, "/api/v1/namespaces/y", "{\"metadata\":{\"labels\":{\"team\":\"t\"}}}");
	run(&f, 3000);
	assert_int_equal(*where(&f, "q"), zone);
	end(&f);
}

static void test_anti_affinity(void **state)
{
	struct fixture f;

	begin(&f);
	zones(&f);
	many(&f, 4, REQUIRED("podAntiAffinity", TERM(SEL("app", "web"), "")));
	assert_int_equal(in_zone(&f, 'a', 4), 1);
	assert_int_equal(in_zone(&f, 'b', 4), 1);
	assert_int_equal(in_zone(&f, 'c', 4), 1);
	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		if (!*where(&f, name))
			assert_true(
				says(&f, name,
				     "0/4 nodes are available: 4 node(s) didn't match pod "
				     "anti-affinity rules. preemption: 0/4 nodes are available: "
				     "4 No preemption victims found for incoming pod."));
	}
	/* Those who are there are heard too, though the new one minds nobody. */
	pod_of(&f, "x", "plain", "\"app\":\"web\"", "");
	run(&f, 100);
	assert_true(
		says(&f, "plain",
		     "0/4 nodes are available: 4 node(s) didn't satisfy existing pods "
		     "anti-affinity rules. preemption: 0/4 nodes are available: 4 No preemption "
		     "victims found for incoming pod."));
	pod_of(&f, "x", "other", "\"app\":\"other\"", "");
	run(&f, 100);
	assert_string_not_equal(where(&f, "other"), "");
	end(&f);
}

static void test_mismatch_keys(void **state)
{
	struct fixture f;

	begin(&f);
	zones(&f);
	/* A zone a tenant: pods of the same stay together, those of others apart. */
#define TENANT                                                                                     \
	"\"affinity\":{\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"       \
	"[" TERM("\"labelSelector\":{}",                                                           \
		 ",\"matchLabelKeys\":[\"tenant\"]") "]},\"podAntiAffinity\":{"                    \
						     "\"requiredDuringSchedulingIgnoredDuringExec" \
						     "ution\":[" TERM("\"labelSelector\":{}",      \
								      ",\"mismatchLabelKeys\":["   \
								      "\"tenant\"]") "]}}"
	for (int i = 0; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "p%d", i);
		pod_of(&f, "x", name, i % 2 ? "\"tenant\":\"one\"" : "\"tenant\":\"two\"", TENANT);
		run(&f, 20);
	}
	for (int i = 2; i < 6; i++) {
		char name[16], first[16], zone;

		snprintf(name, sizeof(name), "p%d", i);
		snprintf(first, sizeof(first), "p%d", i % 2);
		zone = *where(&f, first);
		assert_int_equal(*where(&f, name), zone);
	}
	char one = *where(&f, "p0");
	assert_int_not_equal(one, *where(&f, "p1"));
	end(&f);
}

static void test_preferred_affinity(void **state)
{
	struct fixture f;
	char zone;

	begin(&f);
	zones(&f);
	pod_of(&f, "x", "db", "\"app\":\"db\"", "");
	run(&f, 100);
	zone = *where(&f, "db");
	many(&f, 3, PREFERRED("podAffinity", TERM(SEL("app", "db"), "")));
	assert_int_equal(in_zone(&f, zone, 3), 3);
	pod_of(&f, "x", "away", "", PREFERRED("podAntiAffinity", TERM(SEL("app", "db"), "")));
	run(&f, 100);
	assert_int_not_equal(*where(&f, "away"), zone);
	/* Symmetric: p0..p2 like to be near a db, so the next one is drawn to them. */
	pod_of(&f, "x", "db2", "\"app\":\"db\"", "");
	run(&f, 100);
	assert_int_equal(*where(&f, "db2"), zone);
	end(&f);
}

/* Labels of nodes move what was counted; a scheduler that starts anew counts the same. */
static void test_moving_labels_and_restart(void **state)
{
	struct fixture f;

	begin(&f);
	zones(&f);
	many(&f, 4, SPREAD(HARD));
	assert_int_equal(in_zone(&f, 'a', 4) + in_zone(&f, 'b', 4) + in_zone(&f, 'c', 4), 4);
	scheduler_stop(f.s);
	f.s = scheduler_start(f.set, &(struct scheduler_conf){.seed = 7});
	informers_start(f.set);
	run(&f, 100);
	/* All of a becomes b: two zones, and c has the fewer. */
	node(&f, "a1", "4", "", "\"topology.kubernetes.io/zone\":\"b\"");
	node(&f, "a2", "4", "", "\"topology.kubernetes.io/zone\":\"b\"");
	run(&f, 100);
	pod_of(&f, "x", "q", "\"app\":\"web\"", SPREAD(HARD));
	run(&f, 100);
	assert_string_equal(where(&f, "q"), "c1");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hard_spread),
		cmocka_unit_test(test_spread_policies),
		cmocka_unit_test(test_soft_spread),
		cmocka_unit_test(test_default_spread),
		cmocka_unit_test(test_affinity),
		cmocka_unit_test(test_placed_hint),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_anti_affinity),
		cmocka_unit_test(test_mismatch_keys),
		cmocka_unit_test(test_preferred_affinity),
		cmocka_unit_test(test_moving_labels_and_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
