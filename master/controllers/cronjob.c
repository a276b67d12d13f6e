/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/cron.h"
#include "master/controllers/job.h"

/*
 * CronJob: a Job at each time of a schedule (k8s pkg/controller/cronjob/cronjob_controllerv2.go).
 * A Job's name is made of the minute it was due, so that no time is served twice, whichever master
 * leads. status.active is what the cache shows of them.
 */
#define SCHEDULED_AT "batch.kubernetes.io/cronjob-scheduled-timestamp"
#define MISSED_MANY 100
#define DAY_S 86400
#define LATE_NS (100 * NSEC_PER_MSEC) /* a due time is looked at a little after it */

struct cron_step {
	struct ctl *c;
	struct plan *p;
	struct object *cron;
	struct jv spec, status;
	struct object **jobs; /* ours */
	size_t n_jobs;
	struct object **active; /* of those, unfinished and made by us */
	size_t n_active;
	int64_t now_s;
	int64_t last_s, success_s; /* lastScheduleTime and lastSuccessfulTime as they shall be */
};

static struct informer *crons_in(struct ctl *c)
{
	return informers_get(c->informers, &client_cronjobs);
}
static struct informer *jobs_in(struct ctl *c)
{
	return informers_get(c->informers, &client_jobs);
}

static int64_t time_s(struct jv v)
{
	return time_ns(v) / (int64_t)NSEC_PER_SEC;
}

/* The zone of a name; kept as long as the process leads. Absent: UTC. */
static int zone_of(struct ctl *c, struct jv name, struct tzone **ret)
{
	struct tzone *z = NULL;
	int r;

	*ret = NULL;
	if (!jv_exists(name))
		return 0;
	z = hmap_get(c->state, jv_text(name));
	if (!z) {
		r = tzone_open(jv_text(name), &z);
		if (r < 0)
			return r;
		hmap_put(c->state, jv_text(name), z);
	}
	*ret = z;
	return 0;
}

#define TELL(s, type, reason, ...) \
	recorder_event_for((s)->c->events, &client_cronjobs, (s)->cron, type, reason, __VA_ARGS__)

/* ---- The Jobs there are ---- */

static bool listed(const struct cron_step *s, const struct object *job)
{
	jv_for_each (a, jv_get(s->status, "active"))
		if (str_eq(jv_text(jv_get(a.value, "uid")), object_uid(job)))
			return true;
	return false;
}

/* "nightly-29384712" of "nightly": due in that minute; -1: another's name. */
static int64_t minute_of(const struct cron_step *s, const struct object *job)
{
	struct str rest = job->name;
	int64_t n;

	if (!str_starts(rest, s->cron->name) || rest.len < s->cron->name.len + 2 ||
	    rest.p[s->cron->name.len] != '-')
		return -1;
	return str_to_i64(str_skip(rest, s->cron->name.len + 1), &n) < 0 ? -1 : n;
}

static void look_at_job(struct cron_step *s, struct object *job)
{
	struct jv v = jv_of(job->bytes);
	bool in_list = listed(s, job), finished = job_finished(job);
	bool good = condition_true(v, "Complete");

	if (minute_of(s, job) >= 0)
		s->last_s = MAX(s->last_s, minute_of(s, job) * 60);
	if (finished && in_list)
		TELL(s, EVENT_NORMAL, "SawCompletedJob", "Saw completed job: %.*s, condition: %s",
		     STR_ARG(job->name), good ? "Complete" : "Failed");
	if (finished && good)
		s->success_s = MAX(s->success_s, time_s(jv_path(v, "status.completionTime")));
	if (finished)
		return;
	if (in_list || minute_of(s, job) >= 0)
		s->active[s->n_active++] = job;
	else
		TELL(s, EVENT_WARNING, "UnexpectedJob",
		     "Saw a job that the controller did not create or forgot: %.*s",
		     STR_ARG(job->name));
}

static int by_name(const void *a, const void *b)
{
	return str_cmp((*(struct object *const *)a)->name, (*(struct object *const *)b)->name);
}

static void look(struct cron_step *s)
{
	struct object_set owned = informer_lookup(
		informer_index(jobs_in(s->c), informer_by_controller), object_uid(s->cron));

	s->jobs = xcalloc(owned.n + 1, sizeof(*s->jobs));
	s->active = xcalloc(owned.n + 1, sizeof(*s->active));
	for (size_t i = 0; i < owned.n; i++)
		if (str_eq(owned.v[i]->ns, s->cron->ns))
			s->jobs[s->n_jobs++] = owned.v[i];
	qsort(s->jobs, s->n_jobs, sizeof(*s->jobs), by_name);
	for (size_t i = 0; i < s->n_jobs; i++)
		look_at_job(s, s->jobs[i]);
	jv_for_each (a, jv_get(s->status, "active")) {
		struct str name = jv_text(jv_get(a.value, "name"));

		if (!informer_get_in(jobs_in(s->c), s->cron->ns, name))
			TELL(s, EVENT_NORMAL, "MissingJob", "Active job went missing: %.*s",
			     STR_ARG(name));
	}
}

/* ---- Status ---- */

static bool active_changed(const struct cron_step *s)
{
	if (jv_len(jv_get(s->status, "active")) != s->n_active)
		return true;
	for (size_t i = 0; i < s->n_active; i++)
		if (!listed(s, s->active[i]))
			return true;
	return false;
}

static void write_time(struct jw *w, const char *name, int64_t s)
{
	char text[TIME_LEN + 1];

	if (s <= 0)
		return;
	time_format(s * (int64_t)NSEC_PER_SEC, text);
	jw_member_str(w, name, str_of(text));
}

static void update_status(struct cron_step *s)
{
	struct plan_op *op;
	struct jw w;

	if (!active_changed(s) && s->last_s == time_s(jv_get(s->status, "lastScheduleTime")) &&
	    s->success_s == time_s(jv_get(s->status, "lastSuccessfulTime")))
		return;
	op = plan_add(s->p, "PATCH", &client_cronjobs, s->cron->ns, s->cron->name, "status");
	op->flags = PLAN_OK_ABSENT;
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(s->cron));
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "active");
	jw_begin_array(&w);
	for (size_t i = 0; i < s->n_active; i++) {
		struct object *job = s->active[i];

		jw_begin_object(&w);
		jw_member_str(&w, "kind", STR("Job"));
		jw_member_str(&w, "namespace", job->ns);
		jw_member_str(&w, "name", job->name);
		jw_member_str(&w, "uid", object_uid(job));
		jw_member_str(&w, "apiVersion", STR("batch/v1"));
		jw_member_str(&w, "resourceVersion",
			      jv_text(jv_get(object_meta(job), "resourceVersion")));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	write_time(&w, "lastScheduleTime", s->last_s);
	write_time(&w, "lastSuccessfulTime", s->success_s);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* ---- Deleting ---- */

static void on_deleted(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *cron = informer_get_in(crons_in(c), str_of(op->ns), str_of(op->user_text));

	if (!cron || e->errnum == ENOENT)
		return;
	if (e->errnum)
		recorder_event_for(c->events, &client_cronjobs, cron, EVENT_WARNING, "FailedDelete",
				   "Deleted job: %s", err_text(e));
	else
		recorder_event_for(c->events, &client_cronjobs, cron, EVENT_NORMAL,
				   "SuccessfulDelete", "Deleted job %s", op->name);
}

static void delete_job(struct cron_step *s, const struct object *job)
{
	struct plan_op *op = plan_add(s->p, "DELETE", &client_jobs, job->ns, job->name, NULL);

	op->flags = PLAN_OK_ABSENT;
	op->result = on_deleted;
	op->user = s->c;
	op->user_text = str_dup(s->cron->name);
	buf_addf(&op->body,
		 "{\"propagationPolicy\":\"Background\",\"preconditions\":{\"uid\":\"%.*s\"}}",
		 STR_ARG(object_uid(job)));
}

static int oldest_first(const void *a, const void *b)
{
	struct object *const *x = a, *const *y = b;
	int64_t tx = time_ns(jv_get(object_status(*x), "startTime"));
	int64_t ty = time_ns(jv_get(object_status(*y), "startTime"));

	return tx != ty ? (tx < ty ? -1 : 1) : str_cmp((*x)->name, (*y)->name);
}

static void trim(struct cron_step *s, const char *condition, const char *limit_name)
{
	struct jv limit = jv_get(s->spec, limit_name);
	CLEANUP_FREE struct object **v = xcalloc(s->n_jobs + 1, sizeof(*v));
	int64_t n = 0;

	if (!jv_exists(limit))
		return;
	for (size_t i = 0; i < s->n_jobs; i++)
		if (condition_true(jv_of(s->jobs[i]->bytes), condition) &&
		    !object_deleting(s->jobs[i]))
			v[n++] = s->jobs[i];
	qsort(v, (size_t)n, sizeof(*v), oldest_first);
	for (int64_t i = 0; i < n - jv_i64(limit, 0); i++)
		delete_job(s, v[i]);
}

/* ---- Making a Job ---- */

static void on_created(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *cron = informer_get_in(crons_in(c), str_of(op->ns), str_of(op->user_text));

	if (!cron || e->errnum == EEXIST)
		return;
	if (e->errnum)
		recorder_event_for(c->events, &client_cronjobs, cron, EVENT_WARNING, "FailedCreate",
				   "Error creating job: %s", err_text(e));
	else
		recorder_event_for(c->events, &client_cronjobs, cron, EVENT_NORMAL,
				   "SuccessfulCreate", "Created job %.*s",
				   STR_ARG(jv_text(jv_path(jv_of(body), "metadata.name"))));
}

static void write_annotations(struct jw *w, struct jv have, const struct tzone *z, int64_t due_s)
{
	struct civil t;
	int32_t east = tzone_offset(z, due_s);
	char text[64], zone[16] = "Z";

	civil_of(z, due_s, &t);
	if (east)
		snprintf(zone, sizeof(zone), "%c%02d:%02d", east < 0 ? '-' : '+', abs(east) / 3600,
			 abs(east) / 60 % 60);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d%s", (int)t.year, t.month, t.day,
		 t.hour, t.minute, t.second, zone);
	jw_key(w, "annotations");
	jw_begin_object(w);
	jv_for_each_member (m, have) {
		if (str_eqs(m.key, SCHEDULED_AT))
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
	jw_member_str(w, SCHEDULED_AT, str_of(text));
	jw_end_object(w);
}

static void create_job(struct cron_step *s, const struct tzone *z, int64_t due_s)
{
	struct plan_op *op = plan_add(s->p, "POST", &client_jobs, s->cron->ns, STR_NULL, NULL);
	struct jv template = jv_get(s->spec, "jobTemplate"), meta = jv_get(template, "metadata");
	CLEANUP(buf_done) struct buf name = BUF_INIT;
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_EXISTS;
	op->result = on_created;
	op->user = s->c;
	op->user_text = str_dup(s->cron->name);
	buf_addf(&name, "%.*s-%" PRId64, STR_ARG(s->cron->name), due_s / 60);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("batch/v1"));
	jw_member_str(&w, "kind", STR("Job"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", buf_str(&name));
	jw_member_str(&w, "namespace", s->cron->ns);
	if (jv_exists(jv_get(meta, "labels")))
		jw_member_raw(&w, "labels", jv_raw(jv_get(meta, "labels")));
	write_annotations(&w, jv_get(meta, "annotations"), z, due_s);
	jw_key(&w, "ownerReferences");
	jw_begin_array(&w);
	write_controller_ref(&w, &client_cronjobs, s->cron);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_member_raw(&w, "spec", jv_raw(jv_get(template, "spec")));
	jw_end_object(&w);
}

/* ---- When ---- */

/* Nearer to `to_s`, in step with "@every" times. */
static int64_t leap(const struct cron *cron, int64_t at, int64_t to_s)
{
	return cron->every_s ? at + (to_s - at) / cron->every_s * cron->every_s : to_s;
}

/* The last time that was due and is not served yet; 0: none. */
static int64_t due(struct cron_step *s, const struct cron *cron, const struct tzone *z)
{
	struct jv deadline = jv_get(s->spec, "startingDeadlineSeconds");
	int64_t from_s = s->last_s ? s->last_s : object_created_ns(s->cron) / (int64_t)NSEC_PER_SEC;
	int64_t last = 0, at, missed = 0;

	if (jv_exists(deadline))
		from_s = MAX(from_s, s->now_s - jv_i64(deadline, 0));
	/* After months away: no endless walk (of a minute's schedule the last day is). */
	for (at = cron_next(cron, z, from_s); at && at <= s->now_s; at = cron_next(cron, z, at)) {
		last = at;
		if (++missed > MISSED_MANY && s->now_s - at > DAY_S)
			at = leap(cron, at, s->now_s - DAY_S);
	}
	if (missed > MISSED_MANY)
		TELL(s, EVENT_WARNING, "TooManyMissedTimes",
		     "too many missed start times. Set or decrease .spec.startingDeadlineSeconds "
		     "or check clock skew");
	return last;
}

static bool served(const struct cron_step *s, int64_t due_s)
{
	if (s->last_s >= due_s)
		return true;
	for (size_t i = 0; i < s->n_jobs; i++)
		if (minute_of(s, s->jobs[i]) == due_s / 60)
			return true;
	return false;
}

/* Makes the Job of a due time if the rules let it. */
static void start(struct cron_step *s, const struct tzone *z, int64_t due_s)
{
	struct jv deadline = jv_get(s->spec, "startingDeadlineSeconds");
	struct jv policy = jv_get(s->spec, "concurrencyPolicy");
	char text[TIME_LEN + 1];

	if (served(s, due_s))
		return;
	if (jv_exists(deadline) && due_s + jv_i64(deadline, 0) < s->now_s) {
		time_format(due_s * (int64_t)NSEC_PER_SEC, text);
		TELL(s, EVENT_WARNING, "MissSchedule", "Missed scheduled time to start a job: %s",
		     text);
		return;
	}
	if (jv_eqs(policy, "Forbid") && s->n_active) {
		TELL(s, EVENT_NORMAL, "JobAlreadyActive",
		     "Not starting job because prior execution is running and concurrency policy "
		     "is Forbid");
		return;
	}
	if (jv_eqs(policy, "Replace")) {
		for (size_t i = 0; i < s->n_active; i++)
			delete_job(s, s->active[i]);
		if (s->n_active)
			plan_next_stage(s->p);
	}
	create_job(s, z, due_s);
	plan_next_stage(s->p);
	s->last_s = due_s;
}

static void schedule(struct cron_step *s)
{
	struct jv text = jv_get(s->spec, "schedule"), name = jv_get(s->spec, "timeZone");
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct tzone *z;
	struct cron cron;
	struct str raw;
	int64_t at;

	raw = jv_str(text, &b);
	if (cron_parse(raw, &cron, &e) < 0) {
		TELL(s, EVENT_WARNING, "UnparseableSchedule", "unparseable schedule: %.*s : %s",
		     STR_ARG(raw), err_text(&e));
		return;
	}
	if (zone_of(s->c, name, &z) < 0) {
		TELL(s, EVENT_WARNING, "UnknownTimeZone", "invalid timeZone: \"%.*s\"",
		     STR_ARG(jv_text(name)));
		return;
	}
	at = due(s, &cron, z);
	if (at)
		start(s, z, at);
	at = cron_next(&cron, z, s->now_s);
	if (at)
		plan_again_in(s->p, (uint64_t)(at * (int64_t)NSEC_PER_SEC -
					       client_real_ns(s->c->client)) +
					    LATE_NS);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct cron_step s = {.c = c, .p = p, .cron = informer_get(crons_in(c), key)};

	if (!s.cron)
		return;
	s.spec = object_spec(s.cron);
	s.status = object_status(s.cron);
	s.now_s = client_real_ns(c->client) / (int64_t)NSEC_PER_SEC;
	s.last_s = time_s(jv_get(s.status, "lastScheduleTime"));
	s.success_s = time_s(jv_get(s.status, "lastSuccessfulTime"));
	look(&s);
	if (!object_deleting(s.cron) && !jv_bool(jv_get(s.spec, "suspend"), false))
		schedule(&s);
	update_status(&s);
	if (!object_deleting(s.cron)) {
		trim(&s, "Complete", "successfulJobsHistoryLimit");
		trim(&s, "Failed", "failedJobsHistoryLimit");
	}
	free(s.jobs);
	free(s.active);
}

static void job_one(void *user, struct object *job)
{
	ctl_enqueue_owner(user, job, "CronJob");
}
static void job_two(void *user, struct object *old, struct object *job)
{
	ctl_enqueue_owner(user, old, "CronJob");
	ctl_enqueue_owner(user, job, "CronJob");
}
static const struct informer_handler on_job = {job_one, job_two, job_one, NULL};

static bool init(struct ctl *c)
{
	c->state = hmap_new();
	informer_index(jobs_in(c), informer_by_controller);
	ctl_handle(c, crons_in(c), &ctl_enqueue_self);
	ctl_handle(c, jobs_in(c), &on_job);
	return true;
}

static void free_zone(void *z)
{
	tzone_free(z);
}

static void done(struct ctl *c)
{
	hmap_free_full(c->state, free_zone);
}

const struct controller cronjob_controller = {
	.name = "cronjob",
	.component = "cronjob-controller",
	.init = init,
	.sync = reconcile,
	.done = done,
};
