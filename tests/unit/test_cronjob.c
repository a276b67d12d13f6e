/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "tests/unit/control_fixture.h"

#define CRON "/apis/batch/v1/namespaces/x/cronjobs/c"
#define JOBS "/apis/batch/v1/namespaces/x/jobs"
#define MINUTE 60000ull

static void put_cron(struct fixture *f, const char *spec)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jv old = get(f, CRON);
	char now[TIME_LEN + 1];

	time_format(f->time.real_ns, now);
	buf_addf(&json,
		 "{\"metadata\":{\"uid\":\"u-c\",\"creationTimestamp\":\"%.*s\"},\"spec\":{"
		 "\"jobTemplate\":{\"metadata\":{\"labels\":{\"l\":\"v\"}},\"spec\":{"
		 "\"template\":{}}},%s},\"status\":%.*s}",
		 STR_ARG(jv_exists(old) ? jv_text(jv_path(old, "metadata.creationTimestamp"))
					: str_of(now)),
		 spec, STR_ARG(jv_exists(old) ? jv_raw(jv_get(old, "status")) : STR("{}")));
	fake_api_put(f->api, CRON, json.p);
	run(f, 50);
}

static void end_job(struct fixture *f, size_t i, const char *type)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT, json = BUF_INIT;
	struct jv job = nth(f, JOBS, i), meta = jv_get(job, "metadata");
	char now[TIME_LEN + 1];

	time_format(f->time.real_ns, now);
	buf_addf(&path, JOBS "/%.*s", STR_ARG(jv_text(jv_get(meta, "name"))));
	buf_addf(&json,
		 "{\"metadata\":%.*s,\"spec\":%.*s,\"status\":{\"completionTime\":\"%s\","
		 "\"conditions\":[{\"type\":\"%s\",\"status\":\"True\"}]}}",
		 STR_ARG(jv_raw(meta)), STR_ARG(jv_raw(jv_get(job, "spec"))), now, type);
	fake_api_put(f->api, path.p, json.p);
	run(f, 50);
}

static void test_runs(void **state)
{
	struct fixture f;
	struct jv job;

	begin(&f, "cronjob");
	put_cron(&f, "\"schedule\":\"* * * * *\",\"concurrencyPolicy\":\"Allow\","
		     "\"successfulJobsHistoryLimit\":1,\"failedJobsHistoryLimit\":1");
	assert_int_equal(fake_api_count(f.api, JOBS), 0);
	run(&f, MINUTE + 200);
	assert_int_equal(fake_api_count(f.api, JOBS), 1);
	job = nth(&f, JOBS, 0);
	assert_true(str_starts(jv_text(jv_path(job, "metadata.name")), STR("c-")));
	assert_true(jv_eqs(jv_path(job, "metadata.labels.l"), "v"));
	assert_true(jv_exists(jv_get(jv_path(job, "metadata.annotations"),
				     "batch.kubernetes.io/cronjob-scheduled-timestamp")));
	assert_int_equal(jv_len(jv_path(get(&f, CRON), "status.active")), 1);
	assert_true(jv_exists(jv_path(get(&f, CRON), "status.lastScheduleTime")));
	run(&f, MINUTE + 200);
	assert_int_equal(fake_api_count(f.api, JOBS), 2);
	end_job(&f, 0, "Complete");
	assert_int_equal(jv_len(jv_path(get(&f, CRON), "status.active")), 1);
	assert_true(jv_exists(jv_path(get(&f, CRON), "status.lastSuccessfulTime")));
	/* The older of two successes goes. */
	end_job(&f, 1, "Complete");
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, JOBS), 1);
	/* Suspended: nothing. */
	put_cron(&f, "\"schedule\":\"* * * * *\",\"suspend\":true");
	run(&f, 5 * MINUTE);
	assert_int_equal(fake_api_count(f.api, JOBS), 1);
	end(&f);
}

static void test_concurrency(void **state)
{
	struct fixture f;
	struct str first;
	CLEANUP_FREE char *name = NULL;

	begin(&f, "cronjob");
	put_cron(&f, "\"schedule\":\"* * * * *\",\"concurrencyPolicy\":\"Forbid\"");
	run(&f, 3 * MINUTE);
	assert_int_equal(fake_api_count(f.api, JOBS), 1);
	first = jv_text(jv_path(nth(&f, JOBS, 0), "metadata.name"));
	name = str_dup(first);
	put_cron(&f, "\"schedule\":\"* * * * *\",\"concurrencyPolicy\":\"Replace\"");
	run(&f, MINUTE + 200);
	assert_int_equal(fake_api_count(f.api, JOBS), 1);
	assert_false(jv_eqs(jv_path(nth(&f, JOBS, 0), "metadata.name"), name));
	end(&f);
}

static void test_missed(void **state)
{
	struct fixture f;

	begin(&f, "cronjob");
	put_cron(&f, "\"schedule\":\"* * * * *\",\"suspend\":true,\"concurrencyPolicy\":\"Allow\"");
	run(&f, 400 * 24 * 60 * MINUTE);
	/* A year and more of minutes: one Job, the latest, and soon. */
	put_cron(&f, "\"schedule\":\"* * * * *\",\"suspend\":false,\"concurrencyPolicy\":"
		     "\"Allow\"");
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, JOBS), 1);
	end(&f);

	begin(&f, "cronjob");
	put_cron(&f, "\"schedule\":\"0 0 1 1 *\",\"startingDeadlineSeconds\":10,\"suspend\":true");
	run(&f, 400 * 24 * 60 * MINUTE);
	put_cron(&f, "\"schedule\":\"0 0 1 1 *\",\"startingDeadlineSeconds\":10");
	run(&f, 100);
	assert_int_equal(fake_api_count(f.api, JOBS), 0);
	end(&f);
}

static void test_written_once(void **state)
{
	struct fixture f;

	begin(&f, "cronjob");
	put_cron(&f, "\"schedule\":\"* * * * *\",\"concurrencyPolicy\":\"Allow\"");
	/* The Job is made, the status is not written: no second Job for that minute. */
	fake_api_fail(f.api, "cronjobs/c/status", 503, 3);
	run(&f, MINUTE + 2000);
	assert_int_equal(fake_api_count(f.api, JOBS), 1);
	assert_int_equal(jv_len(jv_path(get(&f, CRON), "status.active")), 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_concurrency),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_written_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
