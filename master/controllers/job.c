/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/job.h"

/*
 * Job: pods until enough have succeeded (k8s pkg/controller/job). Keys are "ns/name" of a Job, or
 * "!ns/name" of a pod that has the Job finalizer and no Job that will take it off.
 */

static struct informer *jobs_in(struct ctl *c)
{
	return informers_get(c->informers, &client_jobs);
}
static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}

static void end_with(struct job_step *s, const char *type, const char *reason, char *take_message)
{
	s->end.type = type;
	s->end.reason = xstrdup(reason);
	s->end.message = take_message;
}

static void fail(struct job_step *s, const char *reason, const char *message)
{
	end_with(s, "FailureTarget", reason, xstrdup(message));
}

/* What an earlier step decided stands. */
static void decided(struct job_step *s)
{
	static const char *const types[] = {"SuccessCriteriaMet", "FailureTarget"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct jv c = condition_get(jv_of(s->job->bytes), types[i]);

		if (!jv_eqs(jv_get(c, "status"), "True"))
			continue;
		s->end.type = types[i];
		s->end.reason = str_dup(jv_text(jv_get(c, "reason")));
		s->end.message = jv_strdup(jv_get(c, "message"));
		return;
	}
}

static bool fails_by_policy(struct job_step *s)
{
	for (size_t i = 0; i < s->n_pods; i++) {
		char *message = NULL;

		if (!s->pods[i].failed || s->pods[i].action != JOB_FAIL_JOB)
			continue;
		job_failure_action(s, &s->pods[i], &message);
		end_with(s, "FailureTarget", "PodFailurePolicy", message);
		return true;
	}
	return false;
}

static int64_t restarts(struct jv list)
{
	int64_t n = 0;

	jv_for_each (c, list)
		n += jv_i64(jv_get(c.value, "restartCount"), 0);
	return n;
}

/* Containers that are started again in their pods count as well. */
static bool restarts_exceed(struct job_step *s, int64_t limit)
{
	int64_t n = 0;

	if (!jv_eqs(jv_path(s->spec, "template.spec.restartPolicy"), "OnFailure"))
		return false;
	for (size_t i = 0; i < s->n_pods; i++) {
		struct jv status = object_status(s->pods[i].o);

		if (pod_ended(s->pods[i].o))
			continue;
		n += restarts(jv_get(status, "initContainerStatuses")) +
		     restarts(jv_get(status, "containerStatuses"));
	}
	return limit ? n >= limit : n > 0;
}

/* Is activeDeadlineSeconds over? Else comes back when it is. */
static bool too_late(struct job_step *s)
{
	struct jv limit = jv_get(s->spec, "activeDeadlineSeconds");
	int64_t start_ns = time_ns(jv_get(s->status, "startTime")), due_ns;

	if (!jv_exists(limit) || s->suspended)
		return false;
	if (!start_ns)
		start_ns = s->now_ns;
	due_ns = start_ns + jv_i64(limit, 0) * (int64_t)NSEC_PER_SEC;
	if (s->now_ns >= due_ns)
		return true;
	plan_again_in(s->p, (uint64_t)(due_ns - s->now_ns));
	return false;
}

static void decide_indexed(struct job_step *s)
{
	struct jv max = jv_get(s->spec, "maxFailedIndexes");
	int64_t broken = indexes_total(&s->broken), rule;

	if (s->per_index && jv_exists(max) && broken > jv_i64(max, 0))
		fail(s, "MaxFailedIndexesExceeded",
		     "Job has exceeded the specified maximal number of failed indexes");
	else if (s->per_index && broken && broken + s->succeeded >= s->completions)
		fail(s, "FailedIndexes", "Job has failed indexes");
	else if ((rule = job_success_rule(s)) >= 0)
		end_with(s, "SuccessCriteriaMet", "SuccessPolicy",
			 xasprintf("Matched rules at index %" PRId64, rule));
}

static bool complete(const struct job_step *s)
{
	if (s->active)
		return false;
	if (s->completions < 0)
		return s->succeeded > 0;
	return s->succeeded >= s->completions;
}

static void decide(struct job_step *s)
{
	int64_t limit = jv_i64(jv_get(s->spec, "backoffLimit"), 6);

	if (s->end.type || fails_by_policy(s))
		return;
	if (s->failed > limit || restarts_exceed(s, limit))
		fail(s, "BackoffLimitExceeded", "Job has reached the specified backoff limit");
	else if (too_late(s))
		fail(s, "DeadlineExceeded", "Job was active longer than specified deadline");
	else if (s->indexed)
		decide_indexed(s);
	if (!s->end.type && !object_deleting(s->job) && complete(s))
		end_with(s, "SuccessCriteriaMet", "CompletionsReached",
			 xstrdup("Reached expected number of succeeded pods"));
}

static void read_spec(struct job_step *s)
{
	struct jv completions = jv_get(s->spec, "completions");
	struct jv was = condition_get(jv_of(s->job->bytes), "Suspended");

	s->completions = jv_exists(completions) ? jv_i64(completions, 0) : -1;
	s->parallelism = jv_i64(jv_get(s->spec, "parallelism"), 1);
	s->indexed = jv_eqs(jv_get(s->spec, "completionMode"), "Indexed") && s->completions >= 0;
	s->per_index = s->indexed && jv_exists(jv_get(s->spec, "backoffLimitPerIndex"));
	s->suspended = jv_bool(jv_get(s->spec, "suspend"), false);
	s->resumed = !s->suspended && jv_eqs(jv_get(was, "status"), "True");
	s->only_failed = jv_eqs(jv_get(s->spec, "podReplacementPolicy"), "Failed") ||
			 jv_exists(jv_get(s->spec, "podFailurePolicy"));
	s->now_ns = client_real_ns(s->c->client);
}

static void step(struct job_step *s, const struct label_selector *sel)
{
	CLEANUP_FREE struct object **pods = NULL;
	bool removed = false;
	size_t n;

	read_spec(s);
	n = claim(s->p, &client_jobs, s->job, sel, &client_pods, pods_in(s->c), &pods);
	if (s->p->n)
		plan_next_stage(s->p);
	decided(s);
	job_look(s, pods, n);
	decide(s);
	if (!object_deleting(s->job))
		removed = job_remove_pods(s);
	job_track(s);
	if (!object_deleting(s->job) && !removed && !s->end.type)
		job_create_pods(s);
}

/* ---- Finished Jobs: pods lose the finalizer, ttlSecondsAfterFinished counts ---- */

static void expire(struct ctl *c, struct plan *p, const struct object *job)
{
	struct jv ttl = jv_get(object_spec(job), "ttlSecondsAfterFinished"), v = jv_of(job->bytes);
	const char *type = condition_true(v, "Complete") ? "Complete" : "Failed";
	int64_t due_ns = time_ns(jv_get(condition_get(v, type), "lastTransitionTime"));
	int64_t now_ns = client_real_ns(c->client);
	struct plan_op *op;

	if (!jv_exists(ttl) || !due_ns || object_deleting(job))
		return;
	due_ns += jv_i64(ttl, 0) * (int64_t)NSEC_PER_SEC;
	if (now_ns < due_ns) {
		plan_again_in(p, (uint64_t)(due_ns - now_ns));
		return;
	}
	op = plan_add(p, "DELETE", &client_jobs, job->ns, job->name, NULL);
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body,
		 "{\"propagationPolicy\":\"Foreground\",\"preconditions\":{\"uid\":\"%.*s\","
		 "\"resourceVersion\":\"%" PRIu64 "\"}}",
		 STR_ARG(object_uid(job)), job->rv);
}

/* The Job that will take the finalizer off a pod, when there is one. */
static struct object *keeper(struct ctl *c, const struct object *pod)
{
	struct object *job = NULL;

	jv_for_each (ref, object_owners(pod)) {
		if (!jv_bool(jv_get(ref.value, "controller"), false) ||
		    !jv_eqs(jv_get(ref.value, "kind"), "Job"))
			continue;
		job = informer_get_in(jobs_in(c), pod->ns, jv_text(jv_get(ref.value, "name")));
		if (job && !str_eq(object_uid(job), jv_text(jv_get(ref.value, "uid"))))
			job = NULL;
	}
	return job && !job_finished(job) ? job : NULL;
}

static void release_orphan(struct ctl *c, struct str key, struct plan *p)
{
	struct object *pod = informer_get(pods_in(c), key);

	if (pod && job_has_finalizer(pod) && !keeper(c, pod))
		job_release(p, pod);
}

static bool managed_elsewhere(const struct object *job)
{
	struct jv by = jv_get(object_spec(job), "managedBy");

	return jv_exists(by) && !jv_eqs(by, JOB_MANAGER);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct job_step s = {.c = c, .p = p};
	CLEANUP(label_selector_done) struct label_selector sel = {0};

	if (str_starts(key, STR("!"))) {
		release_orphan(c, str_skip(key, 1), p);
		return;
	}
	s.job = informer_get(jobs_in(c), key);
	if (!s.job || job_finished(s.job)) {
		free(hmap_del(c->state, key));
		if (s.job)
			expire(c, p, s.job);
		return;
	}
	s.spec = object_spec(s.job);
	s.status = object_status(s.job);
	if (managed_elsewhere(s.job) ||
	    label_selector_from_object(jv_get(s.spec, "selector"), &sel, NULL) < 0)
		return;
	step(&s, &sel);
	indexes_done(&s.done);
	indexes_done(&s.broken);
	free(s.end.reason);
	free(s.end.message);
	free(s.delayed);
	free(s.pods);
}

/* ---- Events ---- */

static void enqueue_pod(struct ctl *c, const struct object *pod)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	buf_addf(&key, "!%.*s", STR_ARG(pod->key));
	ctl_enqueue(c, buf_str(&key));
}

static void enqueue_adopters(struct ctl *c, const struct object *pod)
{
	struct object_set jobs =
		informer_lookup(informer_index(jobs_in(c), informer_by_ns), pod->ns);
	struct jv labels = jv_get(object_meta(pod), "labels");

	for (size_t i = 0; jv_len(labels) && i < jobs.n; i++) {
		struct label_selector sel = {0};

		if (label_selector_from_object(jv_get(object_spec(jobs.v[i]), "selector"), &sel,
					       NULL) == 0 &&
		    label_selector_match(&sel, labels))
			ctl_enqueue(c, jobs.v[i]->key);
		label_selector_done(&sel);
	}
}

static void pod_one(void *user, struct object *pod)
{
	struct ctl *c = user;

	if (informer_by_controller(pod).len)
		ctl_enqueue_owner(c, pod, "Job");
	else if (!object_deleting(pod))
		enqueue_adopters(c, pod);
	if (job_has_finalizer(pod) && !keeper(c, pod))
		enqueue_pod(c, pod);
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	if (!str_eq(informer_by_controller(old), informer_by_controller(pod)))
		ctl_enqueue_owner(user, old, "Job");
	pod_one(user, pod);
}
static void pod_gone(void *user, struct object *pod)
{
	ctl_enqueue_owner(user, pod, "Job");
}
static const struct informer_handler on_pod = {pod_one, pod_two, pod_gone, NULL};

static void release_all(struct ctl *c, const struct object *job)
{
	struct object_set pods = informer_lookup(informer_index(pods_in(c), informer_by_controller),
						 object_uid(job));

	for (size_t i = 0; i < pods.n; i++)
		if (job_has_finalizer(pods.v[i]))
			enqueue_pod(c, pods.v[i]);
}

static void job_one(void *user, struct object *job)
{
	ctl_enqueue(user, job->key);
	if (job_finished(job))
		release_all(user, job);
}
static void job_two(void *user, struct object *old, struct object *job)
{
	job_one(user, job);
}
static void job_gone(void *user, struct object *job)
{
	ctl_enqueue(user, job->key);
	release_all(user, job);
}
static const struct informer_handler on_job = {job_one, job_two, job_gone, NULL};

static bool init(struct ctl *c)
{
	c->state = hmap_new();
	informer_index(pods_in(c), informer_by_controller);
	informer_index(pods_in(c), index_orphans);
	informer_index(jobs_in(c), informer_by_ns);
	ctl_handle(c, jobs_in(c), &on_job);
	ctl_handle(c, pods_in(c), &on_pod);
	return true;
}

static void done(struct ctl *c)
{
	hmap_free_full(c->state, free);
}

const struct controller job_controller = {
	.name = "job",
	.component = "job-controller",
	.parallel = 8,
	.init = init,
	.sync = reconcile,
	.done = done,
};
