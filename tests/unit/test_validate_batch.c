/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules, time zones, sets of indexes; validation of Job, CronJob and ReplicationController. */
#include "tests/unit/validate_fixture.h"
#include "lib/api/cron.h"
#include "lib/api/indexes.h"
#include "lib/api/strategy.h"
#include "lib/base/clock.h"

static int64_t at(const char *text)
{
	int64_t ns;

	if (time_parse(str_of(text), &ns) < 0)
		fail_msg("%s", text);
	return ns / (int64_t)NSEC_PER_SEC;
}

static void next_is(const char *schedule, const struct tzone *z, const char *after,
		    const char *want)
{
	struct err e = ERR_INIT;
	struct cron c;
	char got[TIME_LEN + 1] = "";
	int64_t t;

	if (cron_parse(str_of(schedule), &c, &e) < 0)
		fail_msg("%s: %s", schedule, err_text(&e));
	t = cron_next(&c, z, at(after));
	if (t)
		time_format(t * (int64_t)NSEC_PER_SEC, got);
	if (strcmp(got, want) != 0)
		fail_msg("%s after %s: %s, not %s", schedule, after, got, want);
}

static void test_cron_next(void **state)
{
	next_is("*/15 * * * *", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z");
	next_is("*/15 * * * *", NULL, "2026-01-01T00:14:59Z", "2026-01-01T00:15:00Z");
	next_is("5/20 * * * *", NULL, "2026-01-01T00:05:00Z", "2026-01-01T00:25:00Z");
	next_is("0 0 1 jan ?", NULL, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
	next_is("0 12 * * MON-fri", NULL, "2026-01-02T13:00:00Z", "2026-01-05T12:00:00Z");
	/* Both days given: either will do. */
	next_is("0 0 13 * fri", NULL, "2026-01-10T00:00:00Z", "2026-01-13T00:00:00Z");
	next_is("0 0 13 * fri", NULL, "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z");
	next_is("0 0 29 2 *", NULL, "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z");
	next_is("0 0 30 2 *", NULL, "2026-03-01T00:00:00Z", "");
	next_is("@daily", NULL, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z");
	next_is("@every 90s", NULL, "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z");
}

static void test_cron_zones(void **state)
{
	CLEANUP(tzone_freep) struct tzone *berlin = NULL, *york = NULL, *none = NULL;

	assert_int_equal(tzone_open(STR("../../etc/passwd"), &none), -ENOENT);
	assert_int_equal(tzone_open(STR("Middle/Earth"), &none), -ENOENT);
	if (tzone_open(STR("Europe/Berlin"), &berlin) < 0 ||
	    tzone_open(STR("America/New_York"), &york) < 0) {
		skip(); /* no tzdata */
		return;
	}
	assert_int_equal(tzone_offset(berlin, at("2026-01-01T00:00:00Z")), 3600);
	assert_int_equal(tzone_offset(berlin, at("2026-07-01T00:00:00Z")), 7200);
	/* Behind the last transition of the file: by the rule. */
	assert_int_equal(tzone_offset(berlin, at("2090-07-01T00:00:00Z")), 7200);
	assert_int_equal(tzone_offset(berlin, at("2090-10-29T00:59:59Z")), 7200);
	assert_int_equal(tzone_offset(berlin, at("2090-10-29T01:00:00Z")), 3600);
	next_is("0 9 * * *", berlin, "2026-03-28T12:00:00Z", "2026-03-29T07:00:00Z");
	next_is("0 9 * * *", berlin, "2026-03-27T12:00:00Z", "2026-03-28T08:00:00Z");
	/* 02:30 does not exist on March 29; it exists twice on October 25. */
	next_is("30 2 * * *", berlin, "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z");
	next_is("30 2 * * *", berlin, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z");
	next_is("30 2 * * *", berlin, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
	next_is("0 0 1 * *", york, "2026-10-15T00:00:00Z", "2026-11-01T04:00:00Z");
	next_is("0 0 2 * *", york, "2026-11-01T12:00:00Z", "2026-11-02T05:00:00Z");
}

static void test_tzone_files(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct tzone *z = NULL;

	assert_int_equal(tzone_parse(STR(""), &z), -EINVAL);
	assert_int_equal(tzone_parse(STR("TZif"), &z), -EINVAL);
	/* A version 2 file of the rule alone, cut at every place: never read beyond, never a crash.
	 */
	for (int i = 0; i < 2; i++) {
		static const char head[20] = "TZif2";

		buf_add(&b, head, sizeof(head));
		buf_add(&b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\1", 24);
		buf_add(&b, "\0\0\0\0\0\0\0", 7);
	}
	buf_adds(&b, "\n<+03>-3<+04>,M3.5.0,M10.5.0/3\n");
	for (size_t n = 0; n < b.len; n++) {
		CLEANUP_FREE char *part = xstrndup(b.p, n);

		z = NULL;
		if (tzone_parse(str_n(part, n), &z) == 0)
			tzone_free(z);
	}
	z = NULL;
	assert_int_equal(tzone_parse(buf_str(&b), &z), 0);
	assert_int_equal(tzone_offset(z, at("2030-01-01T00:00:00Z")), 3 * 3600);
	assert_int_equal(tzone_offset(z, at("2030-07-01T00:00:00Z")), 4 * 3600);
	tzone_free(z);
}

static void test_cron_wrong(void **state)
{
	static const char *const cases[][2] = {
		{"", "empty spec string"},
		{"* * *", "expected exactly 5 fields, found 3: [* * *]"},
		{"60 * * * *", "end of range (60) above maximum (59): 60"},
		{"* * 0 * *", "beginning of range (0) below minimum (1): 0"},
		{"* * * * 7", "end of range (7) above maximum (6): 7"},
		{"5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"},
		{"*/0 * * * *", "step of range should be a positive number: */0"},
		{"1-2-3 * * * *", "too many hyphens: 1-2-3"},
		{"1/2/3 * * * *", "too many slashes: 1/2/3"},
		{"x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid "
			      "syntax"},
		{"@often", "unrecognized descriptor: @often"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct cron c;

		assert_int_equal(cron_parse(str_of(cases[i][0]), &c, &e), -EINVAL);
		assert_string_equal(err_text(&e), cases[i][1]);
		err_done(&e);
	}
}

static void test_indexes(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(indexes_done) struct indexes s = {0}, t = {0};
	static const int order[] = {5, 3, 4, 0, 9, 8, 1, 5};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		indexes_add(&s, order[i]);
	indexes_format(&s, &b);
	assert_string_equal(b.p, "0,1,3-5,8,9");
	assert_int_equal(indexes_total(&s), 7);
	assert_true(indexes_has(&s, 4));
	assert_false(indexes_has(&s, 2));
	assert_int_equal(indexes_gap(&s, 3), 6);
	assert_int_equal(indexes_gap(&s, 2), 2);
	indexes_read(STR("1-3,7-20"), 9, &t);
	assert_int_equal(indexes_total(&t), 5);
	assert_int_equal(indexes_common(&s, &t), 3);
	assert_int_equal(indexes_parse(STR("1,1"), 9, &t, NULL), -EINVAL);
	assert_int_equal(indexes_parse(STR("1-9"), 9, &t, NULL), -EINVAL);
	assert_int_equal(indexes_parse(STR("1-2-3"), 9, &t, NULL), -EINVAL);
	assert_int_equal(indexes_parse(STR("a"), 9, &t, NULL), -EINVAL);
}

#define POD(policy)                                                                             \
	"\"spec\":{\"restartPolicy\":\"" policy "\",\"containers\":[{\"name\":\"c\",\"image\":" \
	"\"i\"}]}"
#define MADE                                                                                   \
	"\"batch.kubernetes.io/controller-uid\":\"u\",\"batch.kubernetes.io/job-name\":\"a\"," \
	"\"controller-uid\":\"u\",\"job-name\":\"a\""
#define JOB                                                                              \
	"{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\"},\"spec\":{"    \
	"\"selector\":{\"matchLabels\":{\"batch.kubernetes.io/controller-uid\":\"u\"}}," \
	"\"template\":{\"metadata\":{\"labels\":{" MADE "}}," POD("Never") "}}}"

static void test_job(void **state)
{
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/parallelism -1",
		 "spec.parallelism: Invalid value: -1: must be greater than or equal to 0"},
		{"/spec/template/spec/restartPolicy \"Always\"",
		 "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", "
		 "\"Never\""},
		{"-/spec/selector",
		 "spec.selector: Required value\nspec.template.metadata.labels: Invalid value: "
		 "{" MADE "}: `selector` does not match template `labels`"},
		{"/spec/completionMode \"Indexed\"\n/spec/parallelism 1",
		 "spec.completions: Required value: when completion mode is Indexed"},
		{"/spec/backoffLimitPerIndex 1",
		 "spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"},
		{"/spec/maxFailedIndexes 1\n/spec/completionMode \"Indexed\"",
		 "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified"},
		{"/spec/template/metadata/labels/job-name \"b\"",
		 "spec.template.metadata.labels[job-name]: Invalid value: "
		 "{\"batch.kubernetes.io/controller-uid\":\"u\",\"batch.kubernetes.io/"
		 "job-name\":\"a\",\"controller-uid\":\"u\",\"job-name\":\"b\"}: must be 'a'"},
		{"/spec/podFailurePolicy {\"rules\":[{\"action\":\"FailIndex\",\"onExitCodes\":{"
		 "\"containerName\":\"x\",\"operator\":\"In\",\"values\":[3,0,3]}}]}",
		 "spec.podFailurePolicy.rules[0].action: Invalid value: \"FailIndex\": requires "
		 "the backoffLimitPerIndex to be set\n"
		 "spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: \"x\": "
		 "must be one of the container or initContainer names in the pod template\n"
		 "spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must "
		 "not be 0 for the In operator\n"
		 "spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 3\n"
		 "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,0,3]: must "
		 "be ordered"},
		{"/spec/podFailurePolicy {\"rules\":[{\"action\":\"\"}]}\n"
		 "/spec/podReplacementPolicy \"TerminatingOrFailed\"",
		 "spec.podFailurePolicy.rules[0].action: Required value: valid values: [\"Count\" "
		 "\"FailIndex\" \"FailJob\" \"Ignore\"]\n"
		 "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and "
		 "OnPodConditions is required\n"
		 "spec.podReplacementPolicy: Unsupported value: \"TerminatingOrFailed\": supported "
		 "values: \"Failed\""},
		{"/spec/completionMode \"Indexed\"\n/spec/completions 5\n"
		 "/spec/successPolicy {\"rules\":[{},{\"succeededIndexes\":\"1-9\"},{"
		 "\"succeededIndexes\":\"1\",\"succeededCount\":2}]}",
		 "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or "
		 "succeededIndexes must be specified\n"
		 "spec.successPolicy.rules[1].succeededIndexes: Invalid value: \"1-9\": error "
		 "parsing succeededIndexes: too large index: \"9\"\n"
		 "spec.successPolicy.rules[2].succeededCount: Invalid value: 2: must be less than "
		 "or equal to 1 (the number of indexes in the specified succeededIndexes field)"},
		{"/spec/managedBy \"me\"",
		 "spec.managedBy: Invalid value: \"me\": must be a domain-prefixed path (such as "
		 "\"acme.io/foo\")"},
	};
	static const struct vcase updates[] = {
		{"/spec/parallelism 4\n/spec/completions 1\n/spec/suspend true", ""},
		{"/spec/completions 2\n/spec/parallelism 1",
		 "spec.completions: Invalid value: 2: field is immutable"},
		{"/spec/template/spec/containers/0/image \"j\"\n/spec/podReplacementPolicy "
		 "\"Failed\"",
		 NULL},
	};
	const struct api_kind *k = v_kind("batch", "jobs");
	struct err e = ERR_INIT;

	V_CREATE(k, JOB, cases);
	v_update(k, NULL, JOB, updates, 2);
	{
		CLEANUP_JSON struct json_object *old = v_object(k, JOB, ""),
						*o = v_object(k, JOB, updates[2].change);

		assert_int_equal(api_validate_update(k, NULL, o, old, &e), -EINVAL);
		assert_int_equal(e.n_fields, 1);
		assert_string_equal(e.fields[0].path, "spec.template");
		err_done(&e);
		/* Before its start a suspended Job may be told where to run. */
		api_set(old, "spec.suspend", json_object_new_boolean(true));
		json_object_put(o);
		o = jsonc_clone(old);
		api_set_str(o, "spec.template.spec.nodeSelector.disk", STR("fast"));
		assert_int_equal(api_validate_update(k, NULL, o, old, &e), 0);
		err_done(&e);
	}
}

static void test_job_prepare(void **state)
{
	const struct api_kind *k = v_kind("batch", "jobs");
	CLEANUP_JSON struct json_object *o = v_object(
		k,
		"{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\"},\"spec\":{"
		"\"template\":{" POD("Never") "}}}",
		"");
	struct err e = ERR_INIT;

	api_prepare_create(k, o);
	assert_int_equal(api_validate_create(k, o, &e), 0);
	assert_true(str_eqs(jsonc_str(jsonc_get(jsonc_path(o, "spec.selector.matchLabels"),
						"batch.kubernetes.io/controller-uid")),
			    "u"));
	assert_int_equal(jsonc_i64(jsonc_path(o, "spec.completions"), -1), 1);
	assert_int_equal(jsonc_i64(jsonc_path(o, "spec.backoffLimit"), -1), 6);
	err_done(&e);
}

static void test_cronjob(void **state)
{
	static const char *const cron =
		"{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"spec\":{\"schedule\":\"* * * "
		"* *\",\"jobTemplate\":{\"spec\":{\"template\":{" POD("Never") "}}}}}";
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/timeZone \"UTC\"", ""},
		{"/spec/timeZone \"Mars/Base\"",
		 "spec.timeZone: Invalid value: \"Mars/Base\": unknown time zone Mars/Base"},
		{"/spec/timeZone \"Local\"",
		 "spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone "
		 "as defined in https://www.iana.org/time-zones"},
		{"/spec/schedule \"\"", "spec.schedule: Required value"},
		{"/spec/schedule \"TZ=UTC * * * * *\"",
		 "spec.schedule: Invalid value: \"TZ=UTC * * * * *\": cannot use TZ or CRON_TZ in "
		 "schedule, use timeZone field instead"},
		{"/spec/schedule \"* * * *\"",
		 "spec.schedule: Invalid value: \"* * * *\": expected exactly 5 fields, found 4: "
		 "[* * * *]"},
		{"/spec/concurrencyPolicy \"Maybe\"",
		 "spec.concurrencyPolicy: Unsupported value: \"Maybe\": supported values: "
		 "\"Allow\", \"Forbid\", \"Replace\""},
		{"/spec/jobTemplate/spec/selector {\"matchLabels\":{\"a\":\"b\"}}",
		 "spec.jobTemplate.spec.selector: Invalid value: "
		 "{\"matchLabels\":{\"a\":\"b\"}}: `selector` will be auto-generated"},
		{"/metadata/name \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
		 "metadata.name: Invalid value: "
		 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": must be no more "
		 "than 52 characters"},
	};

	V_CREATE(v_kind("batch", "cronjobs"), cron, cases);
}

static void test_replicationcontroller(void **state)
{
	static const char *const rc =
		"{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"},\"spec\":{\"template\":{"
		"\"metadata\":{\"labels\":{\"x\":\"y\"}}," POD("Always") "}}}";
	static const struct vcase cases[] = {
		{"", ""},
		{"/spec/selector {\"x\":\"z\"}",
		 "spec.template.metadata.labels: Invalid value: {\"x\":\"y\"}: `selector` does not "
		 "match template `labels`"},
		{"-/spec/template", "spec.selector: Required value\nspec.template: Required value"},
		{"/spec/replicas -1",
		 "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
		{"/spec/template/spec/restartPolicy \"Never\"",
		 "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported "
		 "values: \"Always\""},
	};

	V_CREATE(v_kind("", "replicationcontrollers"), rc, cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cron_next),
		cmocka_unit_test(test_cron_zones),
		cmocka_unit_test(test_tzone_files),
		cmocka_unit_test(test_cron_wrong),
		cmocka_unit_test(test_indexes),
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_job_prepare),
		cmocka_unit_test(test_cronjob),
		cmocka_unit_test(test_replicationcontroller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
