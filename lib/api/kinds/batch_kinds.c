/* SPDX-License-Identifier: Apache-2.0 */
/* Job, CronJob, and what they do on create and update. */
#include "lib/api/kinds/defaults.h"
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"
#include "lib/base/clock.h"
#include "lib/json/jsonc.h"

/* ---- Defaults (pkg/apis/batch/v1/defaults.go): those of a Job, not of a CronJob's template ----
 */

static void default_to(struct json_object *o, const char *name, struct json_object *value)
{
	if (jsonc_get(o, name))
		json_object_put(value);
	else
		jsonc_set(o, name, value);
}

void default_failure_pattern(struct json_object *o)
{
	if (!jsonc_path_str(o, "status").len)
		jsonc_set_str(o, "status", STR("True"));
}

static void job_defaults(struct json_object *obj)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *labels, *meta;
	bool single = !jsonc_get(spec, "completions") && !jsonc_get(spec, "parallelism");

	if (!spec)
		return;
	if (single)
		default_to(spec, "completions", json_object_new_int(1));
	default_to(spec, "parallelism", json_object_new_int(1));
	default_to(spec, "backoffLimit",
		   json_object_new_int(jsonc_get(spec, "backoffLimitPerIndex") ? INT32_MAX : 6));
	default_to(spec, "completionMode", json_object_new_string("NonIndexed"));
	default_to(spec, "suspend", json_object_new_boolean(false));
	default_to(spec, "manualSelector", json_object_new_boolean(false));
	default_to(spec, "podReplacementPolicy",
		   json_object_new_string(
			   jsonc_get(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed"));
	meta = jsonc_get(obj, "metadata");
	labels = jsonc_path(spec, "template.metadata.labels");
	if (meta && labels && json_object_object_length(labels) &&
	    (!jsonc_get(meta, "labels") || !json_object_object_length(jsonc_get(meta, "labels"))))
		jsonc_set(meta, "labels", jsonc_clone(labels));
}

/* ---- A selector of its own (pkg/registry/batch/job/strategy.go generateSelector) ---- */

static void set_missing(struct json_object *map, const char *key, struct str value)
{
	if (!jsonc_get(map, key))
		jsonc_set_str(map, key, value);
}

static void job_create(struct json_object *obj)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *labels, *match;
	struct str name = jsonc_path_str(obj, "metadata.name");
	struct str uid = jsonc_path_str(obj, "metadata.uid");

	if (!spec || json_object_get_boolean(jsonc_get(spec, "manualSelector")))
		return;
	labels = jsonc_ensure(jsonc_ensure(jsonc_ensure(spec, "template"), "metadata"), "labels");
	set_missing(labels, "job-name", name);
	set_missing(labels, "batch.kubernetes.io/job-name", name);
	set_missing(labels, "controller-uid", uid);
	set_missing(labels, "batch.kubernetes.io/controller-uid", uid);
	match = jsonc_ensure(jsonc_ensure(spec, "selector"), "matchLabels");
	set_missing(match, "batch.kubernetes.io/controller-uid", uid);
}

static const struct api_strategy job_strategy = {
	.prepare_create = job_create,
	.validate = validate_job,
	.validate_update = validate_job_update,
};
static const struct api_strategy cronjob_strategy = {
	.validate = validate_cronjob,
	.warnings = cronjob_warnings,
};

/* ---- Columns ---- */

static bool condition(struct jv obj, const char *type)
{
	jv_for_each (c, jv_path(obj, "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), type))
			return jv_eqs(jv_get(c.value, "status"), "True");
	return false;
}

static void cell_job_status(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	const char *s = "Running";

	if (condition(obj, "Complete"))
		s = "Complete";
	else if (condition(obj, "Failed"))
		s = "Failed";
	else if (jv_exists(jv_path(obj, "metadata.deletionTimestamp")))
		s = "Terminating";
	else if (condition(obj, "Suspended"))
		s = "Suspended";
	else if (condition(obj, "FailureTarget"))
		s = "FailureTarget";
	else if (condition(obj, "SuccessCriteriaMet"))
		s = "SuccessCriteriaMet";
	jw_str(w, str_of(s));
}

static void cell_completions(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct jv want = jv_path(obj, "spec.completions");
	int64_t done = jv_i64(jv_path(obj, "status.succeeded"), 0);
	int64_t parallel = jv_i64(jv_path(obj, "spec.parallelism"), 0);
	char text[80];

	if (jv_exists(want))
		snprintf(text, sizeof(text), "%" PRId64 "/%" PRId64, done, jv_i64(want, 0));
	else if (parallel > 1)
		snprintf(text, sizeof(text), "%" PRId64 "/1 of %" PRId64, done, parallel);
	else
		snprintf(text, sizeof(text), "%" PRId64 "/1", done);
	jw_str(w, str_of(text));
}

static void cell_duration(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int64_t start, end;

	if (time_parse(jv_text(jv_path(obj, "status.startTime")), &start) == 0) {
		if (time_parse(jv_text(jv_path(obj, "status.completionTime")), &end) < 0)
			end = c->now_ns;
		duration_human(end - start, &b);
	}
	jw_str(w, buf_str(&b));
}

static const struct api_column job_columns[] = {
	COLUMN_NAME,
	{"Status", "string", NULL, 0, NULL, cell_job_status, "How far it is"},
	{"Completions", "string", NULL, 0, NULL, cell_completions,
	 "Successful pods of those wanted"},
	{"Duration", "string", NULL, 0, NULL, cell_duration, "Time from start to completion"},
	COLUMN_AGE,
	COLUMNS_TEMPLATE,
	COLUMN_SELECTOR(cell_selector),
};

static void cell_time_zone(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct str zone = jv_text(jv_path(obj, "spec.timeZone"));

	jw_str(w, zone.len ? zone : STR("<none>"));
}

static void cell_suspend(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct jv v = jv_path(obj, "spec.suspend");

	jw_str(w, !jv_exists(v) ? STR("<unset>") : jv_bool(v, false) ? STR("True") : STR("False"));
}

static void cell_active(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_u64(w, jv_len(jv_path(obj, "status.active")));
}

static void cell_last_schedule(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv at = jv_path(obj, "status.lastScheduleTime");

	if (jv_exists(at))
		column_age(c, at, &b);
	jw_str(w, b.len ? buf_str(&b) : STR("<none>"));
}

static void template_cell(struct jv obj, const char *member, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (it, jv_path(obj, "spec.jobTemplate.spec.template.spec.containers")) {
		if (b.len)
			buf_addc(&b, ',');
		buf_addstr(&b, jv_text(jv_get(it.value, member)));
	}
	jw_str(w, buf_str(&b));
}

static void cell_cron_containers(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	template_cell(obj, "name", w);
}

static void cell_cron_images(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	template_cell(obj, "image", w);
}

static void cell_cron_selector(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_str(w, STR("<none>"));
}

static const struct api_column cronjob_columns[] = {
	COLUMN_NAME,
	{"Schedule", "string", NULL, 0, "spec.schedule", NULL, "When it runs"},
	{"Timezone", "string", NULL, 0, NULL, cell_time_zone, "On whose clock"},
	{"Suspend", "boolean", NULL, 0, NULL, cell_suspend, "Whether it makes no Jobs"},
	{"Active", "integer", NULL, 0, NULL, cell_active, "Jobs that run now"},
	{"Last Schedule", "string", NULL, 0, NULL, cell_last_schedule,
	 "Since the last Job was due"},
	COLUMN_AGE,
	{"Containers", "string", NULL, 1, NULL, cell_cron_containers, "Names of its containers"},
	{"Images", "string", NULL, 1, NULL, cell_cron_images, "Images of its containers"},
	COLUMN_SELECTOR(cell_cron_selector),
};

/* ---- Kinds ---- */

static const struct api_subresource job_subs[] = {
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = validate_job_status},
};
static const struct api_subresource cronjob_subs[] = {SUB_STATUS};

const struct api_kind api_kind_job = {
	.group = "batch",
	.version = "v1",
	.kind = "Job",
	.plural = "jobs",
	.singular = "job",
	.categories = (const char *const[]){"all", NULL},
	.list_kind = "JobList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL |
		 API_K_ORPHAN,
	.type = &api_t_batch_v1_Job,
	.subresources = job_subs,
	.n_subresources = ARRAY_SIZE(job_subs),
	.strategy = &job_strategy,
	.defaults = job_defaults,
	.columns = job_columns,
	.n_columns = ARRAY_SIZE(job_columns),
	.selectable = (const char *const[]){"status.succeeded", NULL},
	.short_help = "Runs pods until enough of them have succeeded.",
};

const struct api_kind api_kind_cronjob = {
	.group = "batch",
	.version = "v1",
	.kind = "CronJob",
	.plural = "cronjobs",
	.singular = "cronjob",
	.short_names = (const char *const[]){"cj", NULL},
	.categories = (const char *const[]){"all", NULL},
	.list_kind = "CronJobList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_batch_v1_CronJob,
	.subresources = cronjob_subs,
	.n_subresources = ARRAY_SIZE(cronjob_subs),
	.strategy = &cronjob_strategy,
	.columns = cronjob_columns,
	.n_columns = ARRAY_SIZE(cronjob_columns),
	.short_help = "Makes a Job at the times of a schedule.",
};
