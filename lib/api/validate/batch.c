/* SPDX-License-Identifier: Apache-2.0 */
/* Job and CronJob; follows pkg/apis/batch/validation. */
#include "lib/api/cron.h"
#include "lib/api/indexes.h"
#include "lib/api/validate/pod.h"
#include "lib/api/validate/rules.h"

#define PARALLEL_MAX_INDEXED 100000
#define FAILED_INDEXES_MAX 100000
#define COMPLETIONS_SOFT 100000 /* with backoffLimitPerIndex, above it: */
#define MANY_MAX 10000 /* parallelism and maxFailedIndexes */
#define FAILURE_RULES_MAX 20
#define EXIT_CODES_MAX 255
#define SUCCESS_INDEXES_MAX 65536
#define MANAGED_BY_MAX 63
#define CRONJOB_NAME_MAX 52 /* a Job's name is 11 longer */

static bool one_of(struct str s, const char *const *list)
{
	for (size_t i = 0; list[i]; i++)
		if (str_eqs(s, list[i]))
			return true;
	return false;
}

/* Required, with what would be right; or one of the list. */
static void check_choice(const struct place *p, struct json_object *o, const char *name,
			 const char *const *list)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str s = text_of(o, name);

	if (!s.len) {
		buf_adds(&b, "valid values: [");
		for (size_t i = 0; list[i]; i++)
			buf_addf(&b, "%s\"%s\"", i ? " " : "", list[i]);
		buf_addc(&b, ']');
		place_required(PLACE(p, name), b.p);
	} else if (!one_of(s, list)) {
		place_unsupported(PLACE(p, name), s, list);
	}
}

/* ---- podFailurePolicy ---- */

static bool container_known(struct json_object *spec, struct str name)
{
	static const char *const lists[] = {"containers", "initContainers"};
	struct json_object *pod = jsonc_path(spec, "template.spec");

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json_object *v = jsonc_get(pod, lists[l]);

		for (size_t i = 0; i < list_len(v); i++)
			if (str_eq(text_of(list_at(v, i), "name"), name))
				return true;
	}
	return false;
}

static void check_values(const struct place *p, struct json_object *values, bool in)
{
	bool ordered = true;

	if (!list_len(values))
		place_report(p, "FieldValueInvalid",
			     "Invalid value: []: at least one value is required");
	else if (list_len(values) > EXIT_CODES_MAX)
		place_too_many(p, list_len(values), EXIT_CODES_MAX);
	for (size_t i = 0; i < MIN(list_len(values), (size_t)EXIT_CODES_MAX); i++) {
		int64_t v = jsonc_i64(list_at(values, i), 0);
		bool twice = false;

		if (in && !v)
			place_invalid_int(PLACE_AT(p, i), v, "must not be 0 for the In operator");
		for (size_t j = 0; j < i; j++)
			twice |= jsonc_i64(list_at(values, j), 0) == v;
		if (twice)
			place_report(PLACE_AT(p, i), "FieldValueDuplicate",
				     "Duplicate value: %" PRId64, v);
		ordered &= !i || jsonc_i64(list_at(values, i - 1), 0) <= v;
	}
	if (!ordered)
		place_invalid(p, values, "must be ordered");
}

static void check_exit_codes(const struct place *p, struct json_object *spec,
			     struct json_object *codes)
{
	static const char *const operators[] = {"In", "NotIn", NULL};
	struct json_object *name = jsonc_get(codes, "containerName");

	check_choice(p, codes, "operator", operators);
	if (name && !container_known(spec, jsonc_str(name)))
		place_invalid(PLACE(p, "containerName"), name,
			      "must be one of the container or initContainer names in the pod "
			      "template");
	check_values(PLACE(p, "values"), jsonc_get(codes, "values"),
		     str_eqs(text_of(codes, "operator"), "In"));
}

static void check_patterns(const struct place *p, struct json_object *list)
{
	static const char *const statuses[] = {"False", "True", "Unknown", NULL};

	if (list_len(list) > FAILURE_RULES_MAX)
		place_too_many(p, list_len(list), FAILURE_RULES_MAX);
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *pattern = list_at(list, i);

		check_name(PLACE(PLACE_AT(p, i), "type"), NAME_QUALIFIED, text_of(pattern, "type"));
		check_choice(PLACE_AT(p, i), pattern, "status", statuses);
	}
}

static void check_failure_rule(const struct place *p, struct json_object *spec,
			       struct json_object *rule)
{
	static const char *const actions[] = {"Count", "FailIndex", "FailJob", "Ignore", NULL};
	struct json_object *codes = jsonc_get(rule, "onExitCodes");
	struct json_object *patterns = jsonc_get(rule, "onPodConditions");

	if (str_eqs(text_of(rule, "action"), "FailIndex") &&
	    !jsonc_get(spec, "backoffLimitPerIndex"))
		place_invalid_str(PLACE(p, "action"), STR("FailIndex"),
				  "requires the backoffLimitPerIndex to be set");
	check_choice(p, rule, "action", actions);
	if (codes)
		check_exit_codes(PLACE(p, "onExitCodes"), spec, codes);
	check_patterns(PLACE(p, "onPodConditions"), patterns);
	if (codes && list_len(patterns))
		place_report(p, "FieldValueInvalid",
			     "Invalid value: specifying both OnExitCodes and OnPodConditions is "
			     "not supported");
	if (!codes && !list_len(patterns))
		place_report(p, "FieldValueInvalid",
			     "Invalid value: specifying one of OnExitCodes and OnPodConditions is "
			     "required");
}

static void check_failure_policy(const struct place *p, struct json_object *spec)
{
	struct json_object *policy = jsonc_get(spec, "podFailurePolicy");
	struct json_object *rules = jsonc_get(policy, "rules");
	const struct place *at = PLACE(p, "podFailurePolicy.rules");

	if (list_len(rules) > FAILURE_RULES_MAX)
		place_too_many(at, list_len(rules), FAILURE_RULES_MAX);
	for (size_t i = 0; i < list_len(rules); i++)
		check_failure_rule(PLACE_AT(at, i), spec, list_at(rules, i));
}

/* ---- successPolicy ---- */

static void check_success_rule(const struct place *p, struct json_object *rule, int64_t completions)
{
	struct json_object *count = jsonc_get(rule, "succeededCount");
	struct json_object *which = jsonc_get(rule, "succeededIndexes");
	CLEANUP(indexes_done) struct indexes set = {0};
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP_FREE char *why = NULL;

	if (!count && !which)
		place_required(p, "at least one of succeededCount or succeededIndexes must be "
				  "specified");
	if (which && jsonc_str(which).len > SUCCESS_INDEXES_MAX) {
		place_too_long(PLACE(p, "succeededIndexes"), SUCCESS_INDEXES_MAX);
	} else if (which && indexes_parse(jsonc_str(which), completions, &set, &e) < 0) {
		why = xasprintf("error parsing succeededIndexes: %s", err_text(&e));
		place_invalid(PLACE(p, "succeededIndexes"), which, why);
		free(TAKE(why));
	}
	check_not_negative(p, rule, "succeededCount");
	if (count && jsonc_i64(count, 0) > completions) {
		why = xasprintf("must be less than or equal to %" PRId64
				" (the number of specified completions)",
				completions);
		place_invalid(PLACE(p, "succeededCount"), count, why);
		free(TAKE(why));
	}
	if (count && which && jsonc_i64(count, 0) > indexes_total(&set)) {
		why = xasprintf("must be less than or equal to %" PRId64
				" (the number of indexes in the specified succeededIndexes field)",
				indexes_total(&set));
		place_invalid(PLACE(p, "succeededCount"), count, why);
	}
}

static void check_success_policy(const struct place *p, struct json_object *spec)
{
	struct json_object *policy = jsonc_get(spec, "successPolicy");
	struct json_object *rules = jsonc_get(policy, "rules");
	const struct place *at = PLACE(p, "successPolicy.rules");

	if (!str_eqs(text_of(spec, "completionMode"), "Indexed")) {
		place_invalid(PLACE(p, "successPolicy"), policy,
			      "requires indexed completion mode");
		return;
	}
	if (!list_len(rules))
		place_required(at, "at least one rules must be specified when the successPolicy is "
				   "specified");
	if (list_len(rules) > FAILURE_RULES_MAX)
		place_too_many(at, list_len(rules), FAILURE_RULES_MAX);
	for (size_t i = 0; i < list_len(rules); i++)
		check_success_rule(PLACE_AT(at, i), list_at(rules, i), int_of(spec, "completions"));
}

/* ---- The spec, as Jobs and CronJobs have it ---- */

static void above(const struct place *p, struct json_object *spec, const char *name, int64_t max,
		  const char *detail)
{
	if (jsonc_get(spec, name) && int_of(spec, name) > max)
		place_invalid_int(PLACE(p, name), int_of(spec, name), detail);
}

static void check_indexed(const struct place *p, struct json_object *spec)
{
	static const char *const high = "must be less than or equal to 10000 when completions are "
					"above 100000 and used with backoff limit per index";
	struct json_object *completions = jsonc_get(spec, "completions");

	if (!completions)
		place_required(PLACE(p, "completions"), "when completion mode is Indexed");
	above(p, spec, "parallelism", PARALLEL_MAX_INDEXED,
	      "must be less than or equal to 100000 when completion mode is Indexed");
	if (completions)
		above(p, spec, "maxFailedIndexes", jsonc_i64(completions, 0),
		      "must be less than or equal to completions");
	above(p, spec, "maxFailedIndexes", FAILED_INDEXES_MAX,
	      "must be less than or equal to 100000");
	if (int_of(spec, "completions") <= COMPLETIONS_SOFT ||
	    !jsonc_get(spec, "backoffLimitPerIndex"))
		return;
	if (!jsonc_get(spec, "maxFailedIndexes"))
		place_required(PLACE(p, "maxFailedIndexes"),
			       "must be specified when completions is above 100000");
	above(p, spec, "parallelism", MANY_MAX, high);
	above(p, spec, "maxFailedIndexes", MANY_MAX, high);
}

static void check_mode(const struct place *p, struct json_object *spec)
{
	static const char *const modes[] = {"Indexed", "NonIndexed", NULL};
	static const char *const indexed_only[] = {"backoffLimitPerIndex", "maxFailedIndexes"};
	struct str mode = text_of(spec, "completionMode");

	if (jsonc_get(spec, "completionMode") && !one_of(mode, modes))
		place_unsupported(PLACE(p, "completionMode"), mode, modes);
	if (str_eqs(mode, "Indexed")) {
		check_indexed(p, spec);
		return;
	}
	for (size_t i = 0; mode.len == 0 || str_eqs(mode, "NonIndexed"); i++) {
		if (i == ARRAY_SIZE(indexed_only))
			break;
		if (jsonc_get(spec, indexed_only[i]))
			place_invalid(PLACE(p, indexed_only[i]), jsonc_get(spec, indexed_only[i]),
				      "requires indexed completion mode");
	}
}

static void check_managed_by(const struct place *p, struct json_object *v)
{
	struct str s = jsonc_str(v);
	ssize_t slash = str_chr(s, '/');

	if (!v)
		return;
	if (slash <= 0 || (size_t)slash + 1 == s.len ||
	    name_check_dns_subdomain(str_n(s.p, (size_t)slash)))
		place_invalid(p, v, "must be a domain-prefixed path (such as \"acme.io/foo\")");
	if (s.len > MANAGED_BY_MAX)
		place_too_long(p, MANAGED_BY_MAX);
}

static void check_replacement(const struct place *p, struct json_object *spec)
{
	static const char *const all[] = {"Failed", "TerminatingOrFailed", NULL};
	static const char *const failed[] = {"Failed", NULL};

	check_enum(p, spec, "podReplacementPolicy",
		   jsonc_get(spec, "podFailurePolicy") ? failed : all, false);
}

static void check_restart_policy(const struct place *p, struct json_object *spec)
{
	static const char *const policies[] = {"OnFailure", "Never", NULL};
	struct str policy = jsonc_path_str(spec, "template.spec.restartPolicy");
	const struct place *at = PLACE(p, "template.spec.restartPolicy");

	if (!policy.len || str_eqs(policy, "Always"))
		place_required(at, "valid values: \"OnFailure\", \"Never\"");
	else if (!one_of(policy, policies))
		place_unsupported(at, policy, policies);
	else if (jsonc_get(spec, "podFailurePolicy") && !str_eqs(policy, "Never"))
		place_invalid_str(at, policy,
				  "only \"Never\" is supported when podFailurePolicy is specified");
}

static void check_job_spec(const struct place *p, struct json_object *spec)
{
	static const char *const counts[] = {"parallelism",
					     "completions",
					     "activeDeadlineSeconds",
					     "backoffLimit",
					     "ttlSecondsAfterFinished",
					     "backoffLimitPerIndex",
					     "maxFailedIndexes"};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		check_not_negative(p, spec, counts[i]);
	if (jsonc_get(spec, "maxFailedIndexes") && !jsonc_get(spec, "backoffLimitPerIndex"))
		place_required(PLACE(p, "backoffLimitPerIndex"),
			       "when maxFailedIndexes is specified");
	check_managed_by(PLACE(p, "managedBy"), jsonc_get(spec, "managedBy"));
	check_mode(p, spec);
	if (jsonc_get(spec, "podFailurePolicy"))
		check_failure_policy(p, spec);
	if (jsonc_get(spec, "successPolicy"))
		check_success_policy(p, spec);
	check_replacement(p, spec);
	validate_pod_template(PLACE(p, "template"), jsonc_get(spec, "template"));
	check_restart_policy(p, spec);
}

/* ---- Job ---- */

static void has_label(const struct place *spec, struct json_object *labels, const char *key,
		      struct str want)
{
	const struct place *at = PLACE(spec, "template.metadata.labels");
	CLEANUP_FREE char *why = xasprintf("must be '%.*s'", STR_ARG(want));
	struct json_object *v = labels ? jsonc_get(labels, key) : NULL;

	if (!v)
		place_required(PLACE_KEY(at, key), why);
	else if (!str_eq(jsonc_str(v), want))
		place_invalid_map(PLACE_KEY(at, key), labels, why);
}

/* What the server makes of a Job without manualSelector must still stand there. */
static void check_generated(const struct place *p, struct json_object *obj)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *match;
	struct json_object *labels = jsonc_path(spec, "template.metadata.labels");
	struct str uid = jsonc_path_str(obj, "metadata.uid");
	struct str name = jsonc_path_str(obj, "metadata.name");

	if (bool_of(spec, "manualSelector") || !jsonc_get(spec, "selector"))
		return;
	has_label(p, labels, "batch.kubernetes.io/controller-uid", uid);
	has_label(p, labels, "batch.kubernetes.io/job-name", name);
	has_label(p, labels, "controller-uid", uid);
	has_label(p, labels, "job-name", name);
	match = jsonc_path(spec, "selector.matchLabels");
	map_for_each(it, match)
	{
		static const char *const uids[] = {"batch.kubernetes.io/controller-uid",
						   "controller-uid", NULL};
		static const char *const names[] = {"batch.kubernetes.io/job-name", "job-name",
						    NULL};
		struct str key = str_of(map_key(it)), v = jsonc_str(map_value(it));

		if ((one_of(key, uids) && str_eq(v, uid)) ||
		    (one_of(key, names) && str_eq(v, name)))
			continue;
		place_invalid(PLACE(p, "selector"), jsonc_get(spec, "selector"),
			      "`selector` not auto-generated");
		return;
	}
}

static void check_host_names(const struct place *root, struct json_object *obj)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct str name = jsonc_path_str(obj, "metadata.name");
	int64_t completions = int_of(spec, "completions");
	CLEANUP_FREE char *host = NULL, *why = NULL;

	if (!str_eqs(text_of(spec, "completionMode"), "Indexed") || completions <= 0)
		return;
	host = xasprintf("%.*s-%" PRId64, STR_ARG(name), completions - 1);
	if (!name_check_dns_label(str_of(host)))
		return;
	why = xasprintf("will not able to create pod with invalid DNS label: %s", host);
	place_invalid_str(PLACE(root, "metadata.name"), name, why);
}

void validate_job(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec");

	check_generated(p, obj);
	check_job_spec(p, spec);
	if (!jsonc_get(spec, "selector"))
		place_required(PLACE(p, "selector"), "");
	else
		check_label_selector(PLACE(p, "selector"), jsonc_get(spec, "selector"));
	check_selected(p, spec);
	check_host_names(root, obj);
}

/* What queueing controllers may set while a Job has not started. */
static struct json_object *without_directives(struct json_object *template)
{
	static const char *const free_spec[] = {"nodeSelector", "tolerations", "schedulingGates"};
	struct json_object *t = jsonc_clone(template), *spec = jsonc_get(t, "spec");
	struct json_object *meta = jsonc_get(t, "metadata"),
			   *affinity = jsonc_get(spec, "affinity");

	for (size_t i = 0; spec && i < ARRAY_SIZE(free_spec); i++)
		json_object_object_del(spec, free_spec[i]);
	if (affinity) {
		json_object_object_del(affinity, "nodeAffinity");
		if (!json_object_object_length(affinity))
			json_object_object_del(spec, "affinity");
	}
	if (meta) {
		json_object_object_del(meta, "annotations");
		json_object_object_del(meta, "labels");
		if (!json_object_object_length(meta))
			json_object_object_del(t, "metadata");
	}
	return t;
}

static void check_template_update(const struct place *p, struct json_object *now,
				  struct json_object *obj_old)
{
	struct json_object *old = jsonc_get(obj_old, "spec");
	struct json_object *a = jsonc_get(now, "template"), *b = jsonc_get(old, "template");

	if (bool_of(old, "suspend") && !jsonc_path(obj_old, "status.startTime")) {
		CLEANUP_JSON struct json_object *x = without_directives(a),
						*y = without_directives(b);

		if (jsonc_equal(x, y))
			return;
	}
	check_immutable(PLACE(p, "template"), a, b);
}

void validate_job_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const fixed[] = {"selector",         "completionMode",
					    "podFailurePolicy", "backoffLimitPerIndex",
					    "managedBy",        "successPolicy"};
	struct json_object *now = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	struct json_object *n = jsonc_get(now, "completions"), *m = jsonc_get(was, "completions");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	if (!str_eqs(text_of(now, "completionMode"), "Indexed"))
		check_immutable(PLACE(p, "completions"), n, m);
	else if (n && !jsonc_equal(n, m) && jsonc_i64(n, 0) != int_of(now, "parallelism"))
		place_invalid(PLACE(p, "completions"), n,
			      "can only be modified in tandem with spec.parallelism");
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		check_immutable(PLACE(p, fixed[i]), jsonc_get(now, fixed[i]),
				jsonc_get(was, fixed[i]));
	check_template_update(p, now, old);
}

/* ---- Job status ---- */

static bool is_true(struct json_object *status, const char *type)
{
	struct json_object *v = jsonc_get(status, "conditions");

	for (size_t i = 0; i < list_len(v); i++)
		if (str_eqs(text_of(list_at(v, i), "type"), type))
			return str_eqs(text_of(list_at(v, i), "status"), "True");
	return false;
}

static void conditions_wrong(const struct place *status, const char *detail)
{
	place_report(PLACE(status, "conditions"), "FieldValueInvalid", "Invalid value: %s", detail);
}

static void check_job_conditions(const struct place *p, struct json_object *s,
				 struct json_object *was)
{
	static const char *const lasting[] = {"Failed", "Complete", "FailureTarget",
					      "SuccessCriteriaMet"};
	bool complete = is_true(s, "Complete"), met = is_true(s, "SuccessCriteriaMet");

	if (complete && is_true(s, "Failed"))
		conditions_wrong(p, "cannot set Complete=True and Failed=true conditions");
	if (complete && is_true(s, "FailureTarget"))
		conditions_wrong(p, "cannot set Complete=True and FailureTarget=true conditions");
	if (met && is_true(s, "Failed"))
		conditions_wrong(p,
				 "cannot set SuccessCriteriaMet=True and Failed=true conditions");
	if (met && is_true(s, "FailureTarget"))
		conditions_wrong(p, "cannot set SuccessCriteriaMet=True and FailureTarget=true "
				    "conditions");
	for (size_t i = 0; i < ARRAY_SIZE(lasting); i++)
		if (is_true(was, lasting[i]) && !is_true(s, lasting[i])) {
			CLEANUP_FREE char *why =
				xasprintf(i < 3 ? "cannot disable the terminal %s=True condition"
						: "cannot disable the %s=True condition",
					  lasting[i]);

			conditions_wrong(p, why);
		}
	if (jsonc_get(s, "completionTime") && !complete)
		place_invalid(PLACE(p, "completionTime"), jsonc_get(s, "completionTime"),
			      "cannot set completionTime when there is no Complete=True condition");
	if (!jsonc_get(s, "completionTime") && complete)
		place_required(PLACE(p, "completionTime"),
			       "completionTime is required for Complete jobs");
	if ((complete || is_true(s, "Failed")) && int_of(s, "active") > 0)
		place_invalid_int(PLACE(p, "active"), int_of(s, "active"),
				  "active>0 is invalid for finished job");
}

void validate_job_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const counts[] = {"active", "succeeded", "failed", "ready",
					     "terminating"};
	struct json_object *s = jsonc_get(obj, "status"), *was = jsonc_get(old, "status");
	const struct place *p = PLACE(PLACE_OF(err), "status");

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		check_not_negative(p, s, counts[i]);
	if (int_of(s, "failed") < int_of(was, "failed"))
		place_invalid_int(PLACE(p, "failed"), int_of(s, "failed"),
				  "cannot decrease the failed counter");
	/* Indexes may be cut off by a smaller number of completions. */
	if (int_of(s, "succeeded") < int_of(was, "succeeded") &&
	    !str_eqs(jsonc_path_str(obj, "spec.completionMode"), "Indexed"))
		place_invalid_int(PLACE(p, "succeeded"), int_of(s, "succeeded"),
				  "cannot decrease the succeeded counter");
	check_job_conditions(p, s, was);
}

/* ---- CronJob ---- */

static bool has_tz(struct str schedule)
{
	for (size_t i = 0; i + 1 < schedule.len; i++)
		if (schedule.p[i] == 'T' && schedule.p[i + 1] == 'Z')
			return true;
	return false;
}

static void check_schedule(const struct place *p, struct json_object *spec)
{
	struct str text = text_of(spec, "schedule");
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct cron c;

	if (!text.len)
		place_required(p, "");
	else if (has_tz(text))
		place_invalid_str(p, text,
				  "cannot use TZ or CRON_TZ in schedule, use timeZone field "
				  "instead");
	else if (cron_parse(text, &c, &e) < 0)
		place_invalid_str(p, text, err_text(&e));
}

static void check_time_zone(const struct place *p, struct json_object *v)
{
	CLEANUP(tzone_freep) struct tzone *z = NULL;
	CLEANUP_FREE char *why = NULL;

	if (!v)
		return;
	if (!jsonc_str(v).len) {
		place_invalid(p, v, "timeZone must be nil or non-empty string");
	} else if (str_eq_nocase(jsonc_str(v), STR("local"))) {
		place_invalid(p, v,
			      "timeZone must be an explicit time zone as defined in "
			      "https://www.iana.org/time-zones");
	} else if (tzone_open(jsonc_str(v), &z) < 0) {
		why = xasprintf("unknown time zone %.*s", STR_ARG(jsonc_str(v)));
		place_invalid(p, v, why);
	}
}

static void check_job_template(const struct place *p, struct json_object *spec)
{
	static const char *const nil[] = {"nil", "false", NULL};

	check_job_spec(p, spec);
	if (jsonc_get(spec, "selector"))
		place_invalid(PLACE(p, "selector"), jsonc_get(spec, "selector"),
			      "`selector` will be auto-generated");
	if (bool_of(spec, "manualSelector"))
		place_unsupported_json(PLACE(p, "manualSelector"), "true", nil);
}

static void check_cronjob(const struct place *p, struct json_object *spec)
{
	static const char *const policies[] = {"Allow", "Forbid", "Replace", NULL};

	check_schedule(PLACE(p, "schedule"), spec);
	check_not_negative(p, spec, "startingDeadlineSeconds");
	check_enum(p, spec, "concurrencyPolicy", policies, true);
	check_job_template(PLACE(p, "jobTemplate.spec"), jsonc_path(spec, "jobTemplate.spec"));
	check_not_negative(p, spec, "successfulJobsHistoryLimit");
	check_not_negative(p, spec, "failedJobsHistoryLimit");
}

void validate_cronjob(struct json_object *obj, struct err *err)
{
	const struct place *root = PLACE_OF(err);
	struct str name = jsonc_path_str(obj, "metadata.name");

	check_cronjob(PLACE(root, "spec"), jsonc_get(obj, "spec"));
	check_time_zone(PLACE(root, "spec.timeZone"), jsonc_path(obj, "spec.timeZone"));
	if (name.len > CRONJOB_NAME_MAX)
		place_invalid_str(PLACE(root, "metadata.name"), name,
				  "must be no more than 52 characters");
}

void cronjob_warnings(struct json_object *obj, struct json_object *old, struct buf *out)
{
	struct str name = jsonc_path_str(obj, "metadata.name");

	if (!old && name_check_dns_label(name) && !name_check_dns_subdomain(name))
		buf_adds(out, "metadata.name: this is used in Pod names and hostnames, which can "
			      "result in surprising behavior; a DNS label is recommended\n");
}
