/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/job.h"

#define UNCOUNTED_MAX 500 /* their uids stay below 20 KB of status */

bool job_finished(const struct object *job)
{
	struct jv v = jv_of(job->bytes);

	return condition_true(v, "Complete") || condition_true(v, "Failed");
}

/* The status as the plan leaves it after one of its two writes. */
struct next {
	struct job_step *s;
	int64_t succeeded, failed;
	struct str *waiting_ok, *waiting_bad; /* uids */
	size_t n_ok, n_bad;
	bool final; /* with Complete or Failed */
};

static void write_time(struct jw *w, const char *name, int64_t ns)
{
	char text[TIME_LEN + 1];

	time_format(ns, text);
	jw_member_str(w, name, str_of(text));
}

static void write_condition(struct job_step *s, struct jw *w, const char *type, bool status,
			    const char *reason, const char *message)
{
	jw_begin_object(w);
	jw_member_str(w, "type", str_of(type));
	jw_member_str(w, "status", status ? STR("True") : STR("False"));
	write_time(w, "lastProbeTime", s->now_ns);
	write_time(w, "lastTransitionTime", s->now_ns);
	if (reason && *reason)
		jw_member_str(w, "reason", str_of(reason));
	if (message && *message)
		jw_member_str(w, "message", str_of(message));
	jw_end_object(w);
}

/* Suspended, True or False; false: as it was. */
static bool suspend_changes(const struct job_step *s)
{
	struct jv had = condition_get(jv_of(s->job->bytes), "Suspended");

	if (s->end.type || object_deleting(s->job))
		return false;
	return s->suspended ? !jv_eqs(jv_get(had, "status"), "True")
			    : jv_eqs(jv_get(had, "status"), "True");
}

static void write_conditions(struct next *n, struct jw *w)
{
	struct job_step *s = n->s;
	bool suspend = suspend_changes(s), target = false;

	jw_key(w, "conditions");
	jw_begin_array(w);
	jv_for_each (c, jv_get(s->status, "conditions")) {
		struct jv type = jv_get(c.value, "type");

		target |= s->end.type && jv_eqs(type, s->end.type);
		if (!suspend || !jv_eqs(type, "Suspended"))
			jw_raw(w, jv_raw(c.value));
	}
	if (suspend)
		write_condition(s, w, "Suspended", s->suspended,
				s->suspended ? "JobSuspended" : "JobResumed",
				s->suspended ? "Job suspended" : "Job resumed");
	if (s->end.type && !target)
		write_condition(s, w, s->end.type, true, s->end.reason, s->end.message);
	if (n->final)
		write_condition(s, w, strcmp(s->end.type, "FailureTarget") ? "Complete" : "Failed",
				true, s->end.reason, s->end.message);
	jw_end_array(w);
}

static void write_uids(struct jw *w, const char *name, const struct str *v, size_t n)
{
	jw_key(w, name);
	jw_begin_array(w);
	for (size_t i = 0; i < n; i++)
		jw_str(w, v[i]);
	jw_end_array(w);
}

static void write_indexes(struct jw *w, const char *name, const struct indexes *v, bool always)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	indexes_format(v, &b);
	jw_key(w, name);
	if (b.len || always)
		jw_str(w, buf_str(&b));
	else
		jw_null(w);
}

static void write_count(struct jw *w, const char *name, int64_t n, bool always)
{
	jw_key(w, name);
	if (n || always)
		jw_i64(w, n);
	else
		jw_null(w);
}

static bool started(const struct job_step *s)
{
	return jv_exists(jv_get(s->status, "startTime"));
}

/* A merge patch: what is not there any more is null. */
static void write_status(struct next *n, struct buf *out)
{
	struct job_step *s = n->s;
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(s->job));
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	write_conditions(n, &w);
	if ((!started(s) && !s->suspended) || s->resumed)
		write_time(&w, "startTime", s->now_ns);
	if (n->final && strcmp(s->end.type, "FailureTarget") != 0)
		write_time(&w, "completionTime", s->now_ns);
	write_count(&w, "active", n->final ? 0 : s->active, false);
	write_count(&w, "ready", n->final ? 0 : s->ready, true);
	write_count(&w, "terminating", n->final ? 0 : s->terminating, true);
	write_count(&w, "succeeded", n->succeeded, false);
	write_count(&w, "failed", n->failed, false);
	if (s->indexed)
		write_indexes(&w, "completedIndexes", &s->done, false);
	if (s->per_index)
		write_indexes(&w, "failedIndexes", &s->broken, true);
	jw_key(&w, "uncountedTerminatedPods");
	jw_begin_object(&w);
	write_uids(&w, "succeeded", n->waiting_ok, n->n_ok);
	write_uids(&w, "failed", n->waiting_bad, n->n_bad);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static bool indexes_changed(struct jv had, const struct indexes *now)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	indexes_format(now, &b);
	return !str_eq(jv_text(had), buf_str(&b));
}

static bool differs(const struct job_step *s, const char *name, int64_t now)
{
	struct jv v = jv_get(s->status, name);

	return jv_i64(v, 0) != now;
}

/* Does the first write say anything new? */
static bool news(const struct job_step *s)
{
	struct jv v = jv_of(s->job->bytes);

	return differs(s, "active", s->active) || differs(s, "terminating", s->terminating) ||
	       !jv_exists(jv_get(s->status, "ready")) || differs(s, "ready", s->ready) ||
	       (!started(s) && !s->suspended) || s->resumed || suspend_changes(s) ||
	       (s->end.type && !condition_true(v, s->end.type)) ||
	       (s->indexed && indexes_changed(jv_get(s->status, "completedIndexes"), &s->done)) ||
	       (s->per_index && (indexes_changed(jv_get(s->status, "failedIndexes"), &s->broken) ||
				 !jv_exists(jv_get(s->status, "failedIndexes"))));
}

/* Once status has them, failures count for the backoff. */
static void on_flushed(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct job_backoff *b;

	object_key(str_of(op->ns), str_of(op->name), &key);
	b = hmap_get(c->state, buf_str(&key));
	if (!b || e->errnum)
		return;
	b->failures = b->next_failures;
	b->last_ns = b->next_last_ns;
}

static struct plan_op *add_status(struct next *n)
{
	struct object *job = n->s->job;
	struct plan_op *op;

	plan_next_stage(n->s->p);
	op = plan_add(n->s->p, "PATCH", &client_jobs, job->ns, job->name, "status");
	op->flags = PLAN_OK_ABSENT;
	write_status(n, &op->body);
	plan_next_stage(n->s->p);
	return op;
}

static void on_ended(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *job = informer_get_in(informers_get(c->informers, &client_jobs),
					     str_of(op->ns), str_of(op->name));
	struct jv failed;

	if (!job || e->errnum)
		return;
	failed = condition_get(jv_of(body), "Failed");
	if (jv_exists(failed))
		recorder_event_for(c->events, &client_jobs, job, EVENT_WARNING, op->user_text,
				   "%.*s", STR_ARG(jv_text(jv_get(failed, "message"))));
	else
		recorder_event_for(c->events, &client_jobs, job, EVENT_NORMAL, "Completed",
				   "Job completed");
}

/* May the finalizer go? */
static bool releasable(const struct job_step *s, const struct job_pod *p)
{
	/* One that this plan deletes is another after that: it goes with the next step. */
	if (!p->tracked || p->drop)
		return false;
	if (object_deleting(s->job) || s->end.type || p->succeeded)
		return true;
	return p->failed && !p->delayed;
}

/*
 * Sorts the pods that ended into the lists. A Job that fails takes all of its pods for failed, one
 * that has succeeded none.
 */
static void take_in(struct next *n)
{
	struct job_step *s = n->s;
	bool all_failed = s->end.type && !strcmp(s->end.type, "FailureTarget");
	bool none_failed = s->end.type && !all_failed; /* that was not ended before */
	size_t new_ones = 0;

	for (size_t i = 0; i < s->n_pods && new_ones < UNCOUNTED_MAX; i++) {
		struct job_pod *p = &s->pods[i];

		if (!releasable(s, p))
			continue;
		p->release = true;
		new_ones++;
		if (p->uncounted || (s->indexed && (p->succeeded || p->index < 0)))
			continue;
		if (p->succeeded)
			n->waiting_ok[n->n_ok++] = object_uid(p->o);
		else if (p->failed ? p->action != JOB_IGNORE && !(none_failed && p->terminating)
				   : all_failed)
			n->waiting_bad[n->n_bad++] = object_uid(p->o);
	}
}

static void tell_suspend(struct job_step *s)
{
	if (suspend_changes(s))
		recorder_event_for(s->c->events, &client_jobs, s->job, EVENT_NORMAL,
				   s->suspended ? "Suspended" : "Resumed",
				   s->suspended ? "Job suspended" : "Job resumed");
}

/* uids that status still waits for, and whose pods keep the finalizer, are kept; others counted. */
static size_t settle(const struct job_step *s, struct jv list, struct str *v, int64_t *counted)
{
	size_t n = 0;

	jv_for_each (u, list) {
		bool tracked = false;

		for (size_t i = 0; i < s->n_pods && !tracked; i++)
			tracked = s->pods[i].tracked &&
				  str_eq(object_uid(s->pods[i].o), jv_text(u.value));
		if (tracked)
			v[n++] = jv_text(u.value);
		else
			(*counted)++;
	}
	return n;
}

void job_track(struct job_step *s)
{
	struct jv waiting = jv_get(s->status, "uncountedTerminatedPods");
	struct jv ok = jv_get(waiting, "succeeded"), bad = jv_get(waiting, "failed");
	CLEANUP_FREE struct str *v = xcalloc(s->n_pods + jv_len(ok) + 1, sizeof(*v));
	CLEANUP_FREE struct str *w = xcalloc(s->n_pods + jv_len(bad) + 1, sizeof(*w));
	struct next n = {.s = s, .waiting_ok = v, .waiting_bad = w};
	int64_t more_ok = 0, more_bad = 0;
	bool flush = news(s), remaining = false;
	struct plan_op *op;

	n.n_ok = settle(s, ok, v, &more_ok);
	n.n_bad = settle(s, bad, w, &more_bad);
	n.failed = jv_i64(jv_get(s->status, "failed"), 0) + more_bad;
	n.succeeded = s->indexed ? indexes_total(&s->done)
				 : jv_i64(jv_get(s->status, "succeeded"), 0) + more_ok;
	flush |= more_ok || more_bad;
	more_ok = (int64_t)n.n_ok;
	more_bad = (int64_t)n.n_bad;
	take_in(&n);
	flush |= (int64_t)n.n_ok != more_ok || (int64_t)n.n_bad != more_bad;
	tell_suspend(s);
	if (flush) {
		op = add_status(&n);
		op->result = on_flushed;
		op->user = s->c;
	}
	for (size_t i = 0; i < s->n_pods; i++) {
		if (s->pods[i].release)
			job_release(s->p, s->pods[i].o);
		remaining |= s->pods[i].tracked && !s->pods[i].release;
	}
	n.final = s->end.type && !remaining && !s->active && !s->terminating;
	if (!n.n_ok && !n.n_bad && !n.final)
		return;
	/* All that were released are counted now. */
	n.succeeded += s->indexed ? 0 : (int64_t)n.n_ok;
	n.failed += (int64_t)n.n_bad;
	n.n_ok = n.n_bad = 0;
	op = add_status(&n);
	if (n.final) {
		op->result = on_ended;
		op->user = s->c;
		op->user_text = xstrdup(s->end.reason);
	}
}
