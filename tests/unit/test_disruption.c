/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define PDB "/apis/policy/v1/namespaces/x/poddisruptionbudgets/b"
#define RS "/apis/apps/v1/namespaces/x/replicasets/web"

static void put_pdb(struct fixture *f, const char *amount, const char *status)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	buf_addf(&json,
		 "{\"spec\":{%s,\"selector\":{\"matchLabels\":{\"app\":\"web\"}}},\"status\":{%s}}",
		 amount, status);
	fake_api_put(f->api, PDB, json.p);
	run(f, 50);
}

static void four_pods(struct fixture *f)
{
	begin(f, "replicaset,disruption");
	fake_api_put(f->api, RS,
		     "{\"spec\":{\"replicas\":4,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
		     "\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{}}}}");
	run(f, 100);
	run_pods(f);
}

static void test_amounts(void **state)
{
	struct fixture f;

	four_pods(&f);
	put_pdb(&f, "\"minAvailable\":3", "");
	assert_int_equal(number(&f, PDB, "status.disruptionsAllowed"), 1);
	assert_int_equal(number(&f, PDB, "status.currentHealthy"), 4);
	assert_int_equal(number(&f, PDB, "status.expectedPods"), 4);
	put_pdb(&f, "\"maxUnavailable\":\"30%\"", "");
	assert_int_equal(number(&f, PDB, "status.desiredHealthy"), 2);
	assert_int_equal(number(&f, PDB, "status.disruptionsAllowed"), 2);
	put_pdb(&f, "\"minAvailable\":\"80%\"", "");
	assert_int_equal(number(&f, PDB, "status.desiredHealthy"), 4);
	assert_int_equal(number(&f, PDB, "status.disruptionsAllowed"), 0);
	assert_true(
		jv_eqs(jv_path(get(&f, PDB), "status.conditions[0].reason"), "InsufficientPods"));
	end(&f);
}

/* An eviction counts until its pod is gone, or two minutes at most. */
static void test_disrupted(void **state)
{
	struct fixture f;
	CLEANUP(buf_done) struct buf status = BUF_INIT;
	char now[TIME_LEN + 1];
	struct jv pods;

	four_pods(&f);
	time_format(f.time.real_ns, now);
	buf_addf(&status, "\"disruptedPods\":{\"%.*s\":\"%s\"}",
		 STR_ARG(jv_text(jv_path(nth(&f, PODS, 0), "metadata.name"))), now);
	put_pdb(&f, "\"minAvailable\":2", status.p);
	assert_int_equal(number(&f, PDB, "status.currentHealthy"), 3);
	assert_int_equal(number(&f, PDB, "status.disruptionsAllowed"), 1);
	run(&f, 125000);
	pods = jv_path(get(&f, PDB), "status.disruptedPods");
	assert_int_equal(jv_len(pods), 0);
	assert_int_equal(number(&f, PDB, "status.disruptionsAllowed"), 2);
	end(&f);
}

/* Pods whose controller cannot tell a number: nothing may go. */
static void test_unknown_controller(void **state)
{
	struct fixture f;

	begin(&f, "disruption");
	fake_api_put(f.api, PODS "/p",
		     "{\"metadata\":{\"labels\":{\"app\":\"web\"},\"ownerReferences\":[{"
		     "\"apiVersion\":\"x/v1\",\"kind\":\"Own\",\"name\":\"o\",\"uid\":\"u\","
		     "\"controller\":true}]},\"spec\":{}}");
	run_pods(&f);
	put_pdb(&f, "\"maxUnavailable\":1", "");
	assert_int_equal(number(&f, PDB, "status.disruptionsAllowed"), 0);
	assert_true(jv_eqs(jv_path(get(&f, PDB), "status.conditions[0].reason"), "SyncFailed"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_disrupted),
		cmocka_unit_test(test_unknown_controller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
