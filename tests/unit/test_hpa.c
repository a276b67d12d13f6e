/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define HPA "/apis/autoscaling/v2/namespaces/x/horizontalpodautoscalers/h"
#define DEP "/apis/apps/v1/namespaces/x/deployments/web"
#define CPU(target)                                                                   \
	"{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\",\"target\":{\"type\":" \
	"\"Utilization\","                                                            \
	"\"averageUtilization\":" #target "}}}"

/* The API in memory has no /scale of its own: this object is read and written as one. */
static void put_target(struct fixture *f, int replicas)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	buf_addf(&json,
		 "{\"spec\":{\"replicas\":%d},\"status\":{\"replicas\":%d,\"selector\":\"app=web\"}"
		 "}",
		 replicas, replicas);
	fake_api_put(f->api, DEP, json.p);
}

static void put_hpa(struct fixture *f, int min, int max, const char *metrics, const char *more)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;

	buf_addf(&json,
		 "{\"metadata\":{\"uid\":\"u-h\"},\"spec\":{\"minReplicas\":%d,\"maxReplicas\":%d,"
		 "\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":"
		 "\"web\"},\"metrics\":[%s]%s}}",
		 min, max, metrics, more);
	fake_api_put(f->api, HPA, json.p);
}

/* Pod i of the target, and what it uses of its 1000m; -1: no metrics yet. */
static void put_pod(struct fixture *f, int i, int used_milli, bool ready)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT, path = BUF_INIT, metric = BUF_INIT;
	char now[TIME_LEN + 1];

	time_format(f->time.real_ns, now);
	buf_addf(&path, PODS "/p%d", i);
	buf_addf(&json,
		 "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":"
		 "\"c\",\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]},\"status\":{\"phase\":"
		 "\"Running\",\"startTime\":\"2025-01-01T00:00:00Z\",\"conditions\":[{\"type\":"
		 "\"Ready\",\"status\":\"%s\",\"lastTransitionTime\":\"2025-01-01T00:00:01Z\"}]}}",
		 ready ? "True" : "False");
	fake_api_put(f->api, path.p, json.p);
	buf_clear(&path);
	buf_addf(&path, "/apis/metrics.k8s.io/v1beta1/namespaces/x/pods/p%d", i);
	if (used_milli < 0) {
		fake_api_delete(f->api, path.p);
		return;
	}
	buf_addf(&metric,
		 "{\"timestamp\":\"%s\",\"window\":\"15s\",\"containers\":[{\"name\":\"c\","
		 "\"usage\":{"
		 "\"cpu\":\"%dm\"}}]}",
		 now, used_milli);
	fake_api_put(f->api, path.p, metric.p);
}

static bool condition(struct fixture *f, const char *type, const char *status, const char *reason)
{
	jv_for_each (c, jv_path(get(f, HPA), "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), type))
			return jv_eqs(jv_get(c.value, "status"), status) &&
			       jv_eqs(jv_get(c.value, "reason"), reason);
	return false;
}

static int64_t size(struct fixture *f)
{
	return number(f, DEP, "spec.replicas");
}

static void test_scales(void **state)
{
	struct fixture f;

	begin(&f, "horizontalpodautoscaler");
	put_target(&f, 2);
	put_pod(&f, 1, 500, true);
	put_pod(&f, 2, 520, true);
	put_hpa(&f, 1, 10, CPU(50), "");
	run(&f, 1000);
	/* Within a tenth of the target. */
	assert_int_equal(size(&f), 2);
	assert_true(condition(&f, "ScalingActive", "True", "ValidMetricFound"));
	assert_true(condition(&f, "AbleToScale", "True", "ReadyForNewScale"));
	assert_int_equal(number(&f, HPA,
				"status.currentMetrics[0].resource.current."
				"averageUtilization"),
			 51);
	assert_true(jv_eqs(
		jv_path(get(&f, HPA), "status.currentMetrics[0].resource.current.averageValue"),
		"510m"));
	assert_int_equal(number(&f, HPA, "status.currentReplicas"), 2);
	/* Twice as much as wanted. */
	put_pod(&f, 1, 1000, true);
	put_pod(&f, 2, 1000, true);
	run(&f, 16000);
	assert_int_equal(size(&f), 4);
	assert_true(condition(&f, "AbleToScale", "True", "SucceededRescale"));
	assert_true(jv_exists(jv_path(get(&f, HPA), "status.lastScaleTime")));
	assert_int_equal(number(&f, HPA, "status.desiredReplicas"), 4);
	put_target(&f, 4);
	/* Idle: down after five minutes of it. */
	for (int i = 1; i <= 4; i++)
		put_pod(&f, i, 10, true);
	run(&f, 250000);
	assert_int_equal(size(&f), 4);
	assert_true(condition(&f, "AbleToScale", "True", "ScaleDownStabilized"));
	run(&f, 90000);
	assert_int_equal(size(&f), 1);
	end(&f);
}

static void test_limits(void **state)
{
	struct fixture f;

	begin(&f, "horizontalpodautoscaler");
	put_target(&f, 1);
	put_pod(&f, 1, 1000, true);
	put_hpa(&f, 1, 3, CPU(1), "");
	run(&f, 1000);
	assert_int_equal(size(&f), 3);
	assert_true(condition(&f, "ScalingLimited", "True", "TooManyReplicas"));
	end(&f);

	/* Four pods, or twice the size, in 15 s. */
	begin(&f, "horizontalpodautoscaler");
	put_target(&f, 1);
	put_pod(&f, 1, 1000, true);
	put_hpa(&f, 1, 100, CPU(1), "");
	run(&f, 1000);
	assert_int_equal(size(&f), 5);
	assert_true(condition(&f, "ScalingLimited", "True", "ScaleUpLimit"));
	/* Outside the bounds: into them at once. */
	put_target(&f, 50);
	put_hpa(&f, 1, 7, CPU(1), "");
	run(&f, 1000);
	assert_int_equal(size(&f), 7);
	put_target(&f, 0);
	put_hpa(&f, 1, 8, CPU(1), "");
	run(&f, 1000);
	assert_int_equal(size(&f), 0);
	assert_true(condition(&f, "ScalingActive", "False", "ScalingDisabled"));
	end(&f);
}

static void test_behavior(void **state)
{
	struct fixture f;

	begin(&f, "horizontalpodautoscaler");
	put_target(&f, 10);
	for (int i = 0; i < 10; i++)
		put_pod(&f, i, 10, true);
	put_hpa(&f, 1, 20, CPU(50),
		",\"behavior\":{\"scaleDown\":{\"stabilizationWindowSeconds\":0,\"policies\":[{"
		"\"type\":\"Pods\",\"value\":2,\"periodSeconds\":60}]}}");
	run(&f, 30000);
	assert_int_equal(size(&f), 8);
	assert_true(condition(&f, "ScalingLimited", "True", "ScaleDownLimit"));
	run(&f, 60000);
	assert_int_equal(size(&f), 6);
	put_hpa(&f, 1, 20, CPU(50),
		",\"behavior\":{\"scaleDown\":{\"stabilizationWindowSeconds\":0,\"selectPolicy\":"
		"\"Disabled\"}}");
	run(&f, 200000);
	assert_int_equal(size(&f), 6);
	end(&f);
}

/* Pods that cannot be judged never turn the direction. */
static void test_unknown_pods(void **state)
{
	struct fixture f;

	begin(&f, "horizontalpodautoscaler");
	put_target(&f, 3);
	put_pod(&f, 1, 2000, true);
	put_pod(&f, 2, -1, true);
	put_pod(&f, 3, -1, true);
	put_hpa(&f, 1, 20, CPU(50), "");
	run(&f, 1000);
	/* Four times the target of one, 1.33 times that of three: not twelve pods but four. */
	assert_int_equal(size(&f), 4);
	put_target(&f, 3);
	put_pod(&f, 1, 900, true);
	run(&f, 16000);
	assert_int_equal(size(&f), 3); /* 1.8 times, but 0.6 times that of three */
	put_target(&f, 3);
	put_pod(&f, 1, 100, true);
	put_hpa(&f, 1, 20, CPU(50),
		",\"behavior\":{\"scaleDown\":{"
		"\"stabilizationWindowSeconds\":0}}");
	run(&f, 1000);
	/* The missing ones may use all they have. */
	assert_int_equal(size(&f), 3);
	end(&f);
}

static void test_failures(void **state)
{
	struct fixture f;

	begin(&f, "horizontalpodautoscaler");
	put_hpa(&f, 1, 5, CPU(50), "");
	run(&f, 1000);
	assert_true(condition(&f, "AbleToScale", "False", "FailedGetScale"));
	put_target(&f, 2);
	put_pod(&f, 1, -1, true);
	run(&f, 16000);
	assert_true(condition(&f, "ScalingActive", "False", "FailedGetResourceMetric"));
	assert_int_equal(size(&f), 2);
	fake_api_fail(f.api, "metrics.k8s.io", 503, 1);
	put_pod(&f, 1, 1000, true);
	put_pod(&f, 2, 1000, true);
	run(&f, 16000);
	assert_int_equal(size(&f), 2);
	run(&f, 16000);
	assert_int_equal(size(&f), 4);
	/* It goes while its questions are under way. */
	put_hpa(&f, 1, 6, CPU(50), "");
	fake_api_delete(f.api, HPA);
	run(&f, 60000);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scales),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_behavior), cmocka_unit_test(test_unknown_pods),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
