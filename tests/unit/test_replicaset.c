/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define RS "/apis/apps/v1/namespaces/x/replicasets/web"
static void put_rs(struct fixture *f, int replicas)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	buf_addf(&json,
		 "{\"spec\":{\"replicas\":%d,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},"
		 "\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{"
		 "\"containers\":"
		 "[{\"name\":\"c\",\"image\":\"i\"}]}}}}",
		 replicas);
	fake_api_put(f->api, RS, json.p);
}

static void test_scales(void **state)
{
	struct fixture f;

	begin(&f, "replicaset");
	put_rs(&f, 10);
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, PODS), 10);
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 10);
	assert_int_equal(number(&f, RS, "status.replicas"), 10);
	assert_int_equal(number(&f, RS, "status.readyReplicas"), 0);
	assert_true(jv_eqs(jv_path(nth(&f, PODS, 0), "metadata.ownerReferences[0].name"), "web"));
	run_pods(&f);
	assert_int_equal(number(&f, RS, "status.readyReplicas"), 10);
	assert_int_equal(number(&f, RS, "status.availableReplicas"), 10);
	put_rs(&f, 3);
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	assert_int_equal(fake_api_requests(f.api, "DELETE " PODS), 7);
	fake_api_delete(f.api, "/api/v1/namespaces/x/pods/web-00001");
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	put_rs(&f, 0);
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, PODS), 0);
	assert_int_equal(number(&f, RS, "status.replicas"), 0);
	assert_true(timers_next_ns(&f.time.timers) == UINT64_MAX);
	end(&f);
}

/* Pods became ready by a clock that was an hour ahead of the master's, which is then set right. */
static void test_clock_is_set(void **state)
{
	struct fixture f;
	const int64_t hour = 3600 * (int64_t)NSEC_PER_SEC;

	begin(&f, "replicaset");
	put_rs(&f, 2);
	fake_api_put(f.api, RS,
		     "{\"spec\":{\"replicas\":2,\"minReadySeconds\":2,\"selector\":{"
		     "\"matchLabels\":{\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{"
		     "\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"c\"}]}}}}");
	run(&f, 100);
	f.time.real_ns += hour;
	run_pods(&f);
	f.time.real_ns -= hour;
	run(&f, 10000);
	assert_int_equal(number(&f, RS, "status.availableReplicas"), 0);
	f.time.real_ns += hour;
	run(&f, 5000);
	assert_int_equal(number(&f, RS, "status.availableReplicas"), 2);
	end(&f);
}

static void test_adopts_and_releases(void **state)
{
	struct fixture f;

	begin(&f, "replicaset");
	fake_api_put(f.api, PODS "/stray",
		     "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{}}");
	fake_api_put(f.api, PODS "/other",
		     "{\"metadata\":{\"labels\":{\"app\":\"db\"}},\"spec\":{}}");
	put_rs(&f, 2);
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	assert_true(jv_eqs(jv_path(get(&f, PODS "/stray"), "metadata.ownerReferences[0].kind"),
			   "ReplicaSet"));
	assert_int_equal(jv_len(jv_path(get(&f, PODS "/other"), "metadata.ownerReferences")), 0);
	/* Relabelled: let go, and replaced. */
	fake_api_put(
		f.api, PODS "/stray",
		"{\"metadata\":{\"labels\":{\"app\":\"x\"},\"ownerReferences\":[{\"apiVersion\":"
		"\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"web\",\"uid\":\"uid-00003\","
		"\"controller\":true}]},\"spec\":{}}");
	run(&f, 100);
	assert_int_equal(jv_len(jv_path(get(&f, PODS "/stray"), "metadata.ownerReferences")), 0);
	assert_int_equal(fake_api_count(f.api, PODS), 4);
	end(&f);
}

static void test_failure(void **state)
{
	struct fixture f;

	begin(&f, "replicaset");
	fake_api_fail(f.api, "POST " PODS, 403, 3);
	put_rs(&f, 100);
	run(&f, 3);
	/* Slow start: the first of a hundred failed, the others were not tried. */
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 1);
	run(&f, 1000);
	assert_int_equal(fake_api_count(f.api, PODS), 100);
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 103);
	assert_int_equal(jv_len(jv_path(get(&f, RS), "status.conditions")), 0);
	assert_int_equal(number(&f, RS, "status.replicas"), 100);
	end(&f);
}

static void test_no_double_work(void **state)
{
	struct fixture f;

	begin(&f, "replicaset");
	put_rs(&f, 5);
	/* Status answers make events while pods are still being made: no pod is made twice. */
	for (int i = 0; i < 200; i++) {
		run(&f, 0);
		fake_time_run(&f.time, 2000);
		if (i % 20 == 0)
			put_rs(&f, 5);
	}
	run(&f, 1000);
	assert_int_equal(fake_api_requests(f.api, "POST " PODS), 5);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scales),
		cmocka_unit_test(test_clock_is_set),
		cmocka_unit_test(test_adopts_and_releases),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_no_double_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
