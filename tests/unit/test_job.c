/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "master/controllers/job.h"
#include "tests/unit/control_fixture.h"

#define JOB "/apis/batch/v1/namespaces/x/jobs/j"
#define LABELS "{\"batch.kubernetes.io/controller-uid\":\"u-j\"}"

/* spec's members besides selector and template. */
static void put_job(struct fixture *f, const char *spec)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jv old = get(f, JOB);

	buf_addf(&json,
		 "{\"metadata\":{\"uid\":\"u-j\"},\"spec\":{\"selector\":{\"matchLabels\":" LABELS
		 "},\"template\":{\"metadata\":{\"labels\":" LABELS "},\"spec\":{"
		 "\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\"}]}},%s},"
		 "\"status\":%.*s}",
		 spec, STR_ARG(jv_exists(old) ? jv_raw(jv_get(old, "status")) : STR("{}")));
	fake_api_put(f->api, JOB, json.p);
	run(f, 50);
}

/* The i-th pod (by name) gets this status, with finishedAt in %s if it has one. */
static void pod_status(struct fixture *f, size_t i, const char *status)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT, json = BUF_INIT;
	struct jv pod = nth(f, PODS, i), meta = jv_get(pod, "metadata");

	buf_addf(&path, PODS "/%.*s", STR_ARG(jv_text(jv_get(meta, "name"))));
	buf_addf(&json, "{\"metadata\":%.*s,\"spec\":%.*s,\"status\":%s}", STR_ARG(jv_raw(meta)),
		 STR_ARG(jv_raw(jv_get(pod, "spec"))), status);
	fake_api_put(f->api, path.p, json.p);
	run(f, 50);
}

static void pod_ends(struct fixture *f, size_t i, int code)
{
	char status[300], now[TIME_LEN + 1];

	time_format(f->time.real_ns, now);
	snprintf(status, sizeof(status),
		 "{\"phase\":\"%s\",\"containerStatuses\":[{\"name\":\"c\",\"state\":{"
		 "\"terminated\":{\"exitCode\":%d,\"finishedAt\":\"%s\"}}}]}",
		 code ? "Failed" : "Succeeded", code, now);
	pod_status(f, i, status);
}

static bool condition(struct fixture *f, const char *type, const char *reason)
{
	jv_for_each (c, jv_path(get(f, JOB), "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), type) &&
		    jv_eqs(jv_get(c.value, "status"), "True"))
			return !reason || jv_eqs(jv_get(c.value, "reason"), reason);
	return false;
}

static size_t running(struct fixture *f)
{
	size_t n = 0;

	for (size_t i = 0; i < fake_api_count(f->api, PODS); i++) {
		struct jv phase = jv_path(nth(f, PODS, i), "status.phase");

		n += !jv_eqs(phase, "Failed") && !jv_eqs(phase, "Succeeded") &&
		     !jv_exists(jv_path(nth(f, PODS, i), "metadata.deletionTimestamp"));
	}
	return n;
}

static size_t tracked(struct fixture *f)
{
	size_t n = 0;

	for (size_t i = 0; i < fake_api_count(f->api, PODS); i++)
		n += jv_len(jv_path(nth(f, PODS, i), "metadata.finalizers")) > 0;
	return n;
}

/* First pod that has not ended. */
static size_t live(struct fixture *f)
{
	for (size_t i = 0; i < fake_api_count(f->api, PODS); i++) {
		struct jv phase = jv_path(nth(f, PODS, i), "status.phase");

		if (!jv_eqs(phase, "Failed") && !jv_eqs(phase, "Succeeded"))
			return i;
	}
	fail_msg("no pod runs");
	return 0;
}

/* The running pod of an index. */
static size_t pod_of(struct fixture *f, const char *index)
{
	for (size_t i = 0; i < fake_api_count(f->api, PODS); i++) {
		struct jv pod = nth(f, PODS, i), phase = jv_path(pod, "status.phase");

		if (!jv_eqs(phase, "Failed") && !jv_eqs(phase, "Succeeded") &&
		    jv_eqs(jv_get(jv_path(pod, "metadata.annotations"),
				  "batch.kubernetes.io/job-completion-index"),
			   index))
			return i;
	}
	fail_msg("no pod of index %s", index);
	return 0;
}

static const char *indexes(struct fixture *f)
{
	static char text[64];

	str_copy(text, sizeof(text), jv_text(jv_path(get(f, JOB), "status.completedIndexes")));
	return text;
}

static void test_completes(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":2,\"completions\":3,\"backoffLimit\":6");
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	assert_int_equal(tracked(&f), 2);
	assert_int_equal(number(&f, JOB, "status.active"), 2);
	assert_true(jv_exists(jv_path(get(&f, JOB), "status.startTime")));
	pod_ends(&f, 0, 0);
	assert_int_equal(number(&f, JOB, "status.succeeded"), 1);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	pod_ends(&f, live(&f), 0);
	/* Two of three: one more is needed, and runs already. */
	assert_int_equal(running(&f), 1);
	assert_false(condition(&f, "Complete", NULL));
	pod_ends(&f, live(&f), 0);
	run(&f, 100);
	assert_true(condition(&f, "SuccessCriteriaMet", "CompletionsReached"));
	assert_true(condition(&f, "Complete", "CompletionsReached"));
	assert_true(jv_exists(jv_path(get(&f, JOB), "status.completionTime")));
	assert_int_equal(number(&f, JOB, "status.succeeded"), 3);
	assert_int_equal(tracked(&f), 0);
	assert_int_equal(jv_len(jv_path(get(&f, JOB), "status.uncountedTerminatedPods.succeeded")),
			 0);
	end(&f);
}

static void test_backoff(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":1,\"completions\":1,\"backoffLimit\":2");
	pod_ends(&f, 0, 1);
	assert_int_equal(number(&f, JOB, "status.failed"), 1);
	/* 10 s, then 20 s. */
	run(&f, 8500);
	assert_int_equal(fake_api_count(f.api, PODS), 1);
	run(&f, 2000);
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	pod_ends(&f, live(&f), 1);
	run(&f, 18500);
	assert_int_equal(running(&f), 0);
	run(&f, 2000);
	assert_int_equal(running(&f), 1);
	pod_ends(&f, live(&f), 1);
	run(&f, 100);
	assert_true(condition(&f, "FailureTarget", "BackoffLimitExceeded"));
	assert_true(condition(&f, "Failed", "BackoffLimitExceeded"));
	assert_int_equal(number(&f, JOB, "status.failed"), 3);
	assert_int_equal(tracked(&f), 0);
	run(&f, 100000);
	assert_int_equal(fake_api_count(f.api, PODS), 3);
	end(&f);
}

static void test_indexed(void **state)
{
	struct fixture f;
	struct jv pod, env;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":2,\"completions\":4,\"completionMode\":\"Indexed\","
		    "\"backoffLimit\":6");
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	pod = nth(&f, PODS, pod_of(&f, "1"));
	assert_true(jv_eqs(jv_path(pod, "spec.hostname"), "j-1"));
	assert_true(jv_eqs(
		jv_get(jv_path(pod, "metadata.labels"), "batch.kubernetes.io/job-completion-index"),
		"1"));
	env = jv_path(pod, "spec.containers[0].env[0]");
	assert_true(jv_eqs(jv_get(env, "name"), "JOB_COMPLETION_INDEX"));
	assert_true(str_starts(jv_text(jv_path(pod, "metadata.generateName")), STR("j-1-")));
	pod_ends(&f, pod_of(&f, "1"), 0);
	assert_true(jv_eqs(jv_path(get(&f, JOB), "status.completedIndexes"), "1"));
	pod_ends(&f, pod_of(&f, "2"), 0);
	pod_ends(&f, pod_of(&f, "3"), 0);
	assert_string_equal(indexes(&f), "1-3");
	/* The one that fails is made again. */
	pod_ends(&f, pod_of(&f, "0"), 1);
	run(&f, 10500);
	pod_ends(&f, pod_of(&f, "0"), 0);
	run(&f, 100);
	assert_true(condition(&f, "Complete", NULL));
	assert_true(jv_eqs(jv_path(get(&f, JOB), "status.completedIndexes"), "0-3"));
	assert_int_equal(number(&f, JOB, "status.succeeded"), 4);
	assert_int_equal(number(&f, JOB, "status.failed"), 1);
	end(&f);
}

static void test_per_index(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":2,\"completions\":2,\"completionMode\":\"Indexed\","
		    "\"backoffLimit\":2147483647,\"backoffLimitPerIndex\":1");
	pod_ends(&f, pod_of(&f, "0"), 1);
	assert_true(jv_eqs(jv_path(get(&f, JOB), "status.failedIndexes"), ""));
	run(&f, 10500);
	assert_true(jv_eqs(jv_get(jv_path(nth(&f, PODS, pod_of(&f, "0")), "metadata.annotations"),
				  "batch.kubernetes.io/job-index-failure-count"),
			   "1"));
	pod_ends(&f, pod_of(&f, "0"), 1);
	assert_true(jv_eqs(jv_path(get(&f, JOB), "status.failedIndexes"), "0"));
	assert_false(condition(&f, "Failed", NULL));
	pod_ends(&f, pod_of(&f, "1"), 0);
	run(&f, 100);
	assert_true(condition(&f, "Failed", "FailedIndexes"));
	assert_int_equal(tracked(&f), 0);
	assert_true(jv_eqs(jv_path(get(&f, JOB), "status.completedIndexes"), "1"));
	end(&f);
}

static void test_max_failed_indexes(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":3,\"completions\":3,\"completionMode\":\"Indexed\","
		    "\"backoffLimit\":2147483647,\"backoffLimitPerIndex\":0,"
		    "\"maxFailedIndexes\":1");
	pod_ends(&f, pod_of(&f, "0"), 1);
	assert_int_equal(running(&f), 2);
	pod_ends(&f, pod_of(&f, "2"), 1);
	run(&f, 100);
	assert_true(condition(&f, "FailureTarget", "MaxFailedIndexesExceeded"));
	assert_true(condition(&f, "Failed", "MaxFailedIndexesExceeded"));
	assert_int_equal(running(&f), 0);
	assert_true(jv_eqs(jv_path(get(&f, JOB), "status.failedIndexes"), "0,2"));
	end(&f);
}

#define POLICY                                                                                 \
	"\"podReplacementPolicy\":\"Failed\",\"podFailurePolicy\":{\"rules\":[{\"action\":"    \
	"\"FailJob\",\"onExitCodes\":{\"operator\":\"In\",\"values\":[42]}},{\"action\":"      \
	"\"Ignore\",\"onPodConditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"True\"}]" \
	"}]}"

static void test_failure_policy(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":1,\"completions\":1,\"backoffLimit\":0," POLICY);
	/* A disruption counts for nothing. */
	pod_status(&f, 0,
		   "{\"phase\":\"Failed\",\"conditions\":[{\"type\":\"DisruptionTarget\","
		   "\"status\":\"True\"}]}");
	run(&f, 11000);
	assert_int_equal(number(&f, JOB, "status.failed"), 0);
	assert_false(condition(&f, "Failed", NULL));
	assert_int_equal(running(&f), 1);
	pod_ends(&f, live(&f), 42);
	run(&f, 100);
	assert_true(condition(&f, "Failed", "PodFailurePolicy"));
	jv_for_each (c, jv_path(get(&f, JOB), "status.conditions")) {
		struct str text = jv_text(jv_get(c.value, "message"));

		assert_true(str_starts(text, STR("Container c for pod x/")));
		assert_true(str_ends(text, STR("failed with exit code 42 matching FailJob rule at "
					       "index 0")));
	}
	end(&f);
}

static void test_success_policy(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":3,\"completions\":3,\"completionMode\":\"Indexed\","
		    "\"backoffLimit\":6,\"successPolicy\":{\"rules\":[{\"succeededIndexes\":"
		    "\"1-2\",\"succeededCount\":1}]}");
	pod_ends(&f, pod_of(&f, "0"), 0);
	assert_false(condition(&f, "SuccessCriteriaMet", NULL));
	pod_ends(&f, pod_of(&f, "2"), 0);
	run(&f, 100);
	assert_true(condition(&f, "SuccessCriteriaMet", "SuccessPolicy"));
	assert_true(condition(&f, "Complete", "SuccessPolicy"));
	assert_int_equal(running(&f), 0);
	assert_int_equal(number(&f, JOB, "status.succeeded"), 2);
	assert_int_equal(number(&f, JOB, "status.failed"), 0);
	end(&f);
}

static void test_deadline_and_ttl(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":1,\"completions\":1,\"backoffLimit\":6,"
		    "\"activeDeadlineSeconds\":30,\"ttlSecondsAfterFinished\":60");
	run(&f, 28000);
	assert_int_equal(running(&f), 1);
	run(&f, 3000);
	assert_true(condition(&f, "Failed", "DeadlineExceeded"));
	assert_int_equal(running(&f), 0);
	run(&f, 55000);
	assert_true(jv_exists(get(&f, JOB)));
	run(&f, 10000);
	assert_true(!jv_exists(get(&f, JOB)) ||
		    jv_exists(jv_path(get(&f, JOB), "metadata.deletionTimestamp")));
	end(&f);
}

static void test_suspend(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":2,\"completions\":2,\"backoffLimit\":6,\"suspend\":true");
	assert_int_equal(fake_api_count(f.api, PODS), 0);
	assert_true(condition(&f, "Suspended", "JobSuspended"));
	assert_false(jv_exists(jv_path(get(&f, JOB), "status.startTime")));
	put_job(&f, "\"parallelism\":2,\"completions\":2,\"backoffLimit\":6,\"suspend\":false");
	assert_false(condition(&f, "Suspended", NULL));
	assert_true(jv_exists(jv_path(get(&f, JOB), "status.startTime")));
	assert_int_equal(running(&f), 2);
	put_job(&f, "\"parallelism\":2,\"completions\":2,\"backoffLimit\":6,\"suspend\":true");
	assert_int_equal(running(&f), 0);
	/* Nobody failed. */
	assert_int_equal(number(&f, JOB, "status.failed"), 0);
	end(&f);
}

static void test_job_goes(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":3,\"completions\":3,\"backoffLimit\":6");
	assert_int_equal(tracked(&f), 3);
	fake_api_delete(f.api, JOB);
	run(&f, 100);
	assert_int_equal(tracked(&f), 0);
	end(&f);
}

static void test_writes_lost(void **state)
{
	struct fixture f;

	begin(&f, "job");
	put_job(&f, "\"parallelism\":1,\"completions\":2,\"backoffLimit\":6");
	/* The second write of status (counters) is refused: nothing is counted twice or lost. */
	fake_api_fail(f.api, "PATCH /api/v1/namespaces/x/pods", 500, 1);
	pod_ends(&f, 0, 0);
	run(&f, 500);
	assert_int_equal(number(&f, JOB, "status.succeeded"), 1);
	fake_api_fail(f.api, "jobs/j/status", 503, 2);
	pod_ends(&f, live(&f), 0);
	run(&f, 500);
	assert_int_equal(number(&f, JOB, "status.succeeded"), 2);
	assert_true(condition(&f, "Complete", NULL));
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	end(&f);
}

static void test_replicationcontroller(void **state)
{
	static const char *const path = "/api/v1/namespaces/x/replicationcontrollers/r";
	struct fixture f;

	begin(&f, "replicationcontroller");
	fake_api_put(f.api, path,
		     "{\"metadata\":{\"uid\":\"u-r\"},\"spec\":{\"replicas\":2,\"selector\":{"
		     "\"a\":\"b\"},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},"
		     "\"spec\":{\"containers\":[]}}}}");
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, PODS), 2);
	assert_true(jv_eqs(jv_path(nth(&f, PODS, 0), "metadata.ownerReferences[0].kind"),
			   "ReplicationController"));
	run_pods(&f);
	run(&f, 100);
	assert_int_equal(number(&f, path, "status.readyReplicas"), 2);
	end(&f);
}

/* A failure stamped by a clock that was ahead holds nothing up, one of just now waits its turn. */
static void test_backoff_clock(void **state)
{
	const int64_t now = 1000 * (int64_t)NSEC_PER_SEC;

	assert_int_equal(job_backoff_left(3, now, now), 40 * NSEC_PER_SEC);
	assert_int_equal(job_backoff_left(3, now - 30 * (int64_t)NSEC_PER_SEC, now),
			 10 * NSEC_PER_SEC);
	assert_int_equal(job_backoff_left(3, now + 3600 * (int64_t)NSEC_PER_SEC, now), 0);
	assert_int_equal(job_backoff_left(0, now, now), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_completes),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_indexed),
		cmocka_unit_test(test_per_index),
		cmocka_unit_test(test_max_failed_indexes),
		cmocka_unit_test(test_failure_policy),
		cmocka_unit_test(test_success_policy),
		cmocka_unit_test(test_deadline_and_ttl),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_job_goes),
		cmocka_unit_test(test_writes_lost),
		cmocka_unit_test(test_replicationcontroller),
		cmocka_unit_test(test_backoff_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
