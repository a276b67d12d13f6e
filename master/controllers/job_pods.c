/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/job.h"

#define BURST 500 /* pods made or deleted in one step */
#define NAME_MAX_GENERATED 58

bool job_has_finalizer(const struct object *pod)
{
	jv_for_each (f, jv_get(object_meta(pod), "finalizers"))
		if (jv_eqs(f.value, JOB_FINALIZER))
			return true;
	return false;
}

void job_release(struct plan *p, const struct object *pod)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_pods, pod->ns, pod->name, NULL);
	struct jv meta = object_meta(pod);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(pod));
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(meta, "resourceVersion")));
	jw_key(&w, "finalizers");
	jw_begin_array(&w);
	jv_for_each (f, jv_get(meta, "finalizers"))
		if (!jv_eqs(f.value, JOB_FINALIZER))
			jw_raw(&w, jv_raw(f.value));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* A pod that was adopted, or lost the finalizer by another hand, is tracked from now on. */
static void track(struct plan *p, const struct object *pod)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_pods, pod->ns, pod->name, NULL);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(pod));
	jw_key(&w, "finalizers");
	jw_begin_array(&w);
	jv_for_each (f, jv_get(object_meta(pod), "finalizers"))
		jw_raw(&w, jv_raw(f.value));
	jw_str(&w, STR(JOB_FINALIZER));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* ---- Looking ---- */

static int64_t last_container_end(struct jv status)
{
	int64_t last = 0;

	jv_for_each (c, jv_get(status, "containerStatuses")) {
		int64_t t = time_ns(jv_path(c.value, "state.terminated.finishedAt"));

		if (!t)
			return 0;
		last = MAX(last, t);
	}
	return last;
}

int64_t job_finished_ns(const struct object *pod)
{
	struct jv meta = object_meta(pod), status = object_status(pod);
	struct jv ready = condition_get(jv_of(pod->bytes), "Ready");
	int64_t t = last_container_end(status);

	if (t)
		return t;
	if (jv_eqs(jv_get(ready, "status"), "False"))
		t = time_ns(jv_get(ready, "lastTransitionTime"));
	if (!t && object_deleting(pod))
		t = time_ns(jv_get(meta, "deletionTimestamp")) -
		    jv_i64(jv_get(meta, "deletionGracePeriodSeconds"), 0) * (int64_t)NSEC_PER_SEC;
	return t > 0 ? t : object_created_ns(pod);
}

static int64_t number(const struct object *pod, const char *annotation)
{
	int64_t n = 0;

	return str_to_i64(object_annotation(pod, annotation), &n) < 0 || n < 0 ? 0 : n;
}

static bool uid_listed(struct jv list, struct str uid)
{
	jv_for_each (u, list)
		if (str_eq(jv_text(u.value), uid))
			return true;
	return false;
}

static bool is_failed(const struct job_step *s, const struct job_pod *p, struct jv phase)
{
	if (jv_eqs(phase, "Failed"))
		return true;
	/* One that is deleted may never get as far as to fail. */
	return !s->only_failed && object_deleting(p->o) && !jv_eqs(phase, "Succeeded");
}

static struct job_pod look_at(struct job_step *s, struct object *o)
{
	struct jv phase = jv_get(object_status(o), "phase");
	struct jv waiting = jv_get(s->status, "uncountedTerminatedPods");
	struct job_pod p = {.o = o, .index = -1, .tracked = job_has_finalizer(o)};

	if (s->indexed && (str_to_i64(object_annotation(o, JOB_INDEX), &p.index) < 0 ||
			   p.index < 0 || p.index >= s->completions))
		p.index = -1;
	p.failures = number(o, JOB_INDEX_FAILURES);
	p.ignored = number(o, JOB_INDEX_IGNORED);
	p.succeeded = jv_eqs(phase, "Succeeded");
	p.failed = is_failed(s, &p, phase);
	p.active = pod_active(o);
	p.terminating = object_deleting(o) && !pod_ended(o);
	p.uncounted = uid_listed(jv_get(waiting, "failed"), object_uid(o)) ||
		      (!s->indexed && uid_listed(jv_get(waiting, "succeeded"), object_uid(o)));
	if (p.succeeded || p.failed)
		p.finished_ns = job_finished_ns(o);
	p.action = p.failed ? job_failure_action(s, &p, NULL) : JOB_COUNT;
	return p;
}

static bool counts(const struct job_step *s, const struct job_pod *p)
{
	return p->tracked && !p->uncounted && (!s->indexed || p->index >= 0);
}

static void look_indexes(struct job_step *s)
{
	int64_t limit = jv_i64(jv_get(s->spec, "backoffLimitPerIndex"), INT32_MAX);

	indexes_read(jv_text(jv_get(s->status, "completedIndexes")), s->completions, &s->done);
	indexes_read(jv_text(jv_get(s->status, "failedIndexes")), s->completions, &s->broken);
	for (size_t i = 0; i < s->n_pods; i++) {
		struct job_pod *p = &s->pods[i];

		if (p->index < 0 || !p->tracked)
			continue;
		/* Once the Job is at its end, those that it stops have not failed. */
		if (p->succeeded)
			indexes_add(&s->done, p->index);
		else if (s->per_index && p->failed && !(s->end.type && p->terminating) &&
			 (p->action == JOB_FAIL_INDEX ||
			  (p->action != JOB_IGNORE && p->failures >= limit)))
			indexes_add(&s->broken, p->index);
	}
	s->succeeded = indexes_total(&s->done);
}

static int by_index_then_age(const void *a, const void *b)
{
	const struct job_pod *x = *(struct job_pod *const *)a, *y = *(struct job_pod *const *)b;
	int64_t fx = x->failures + x->ignored, fy = y->failures + y->ignored;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (fx != fy)
		return fx < fy ? -1 : 1;
	if (x->finished_ns != y->finished_ns)
		return x->finished_ns < y->finished_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

/*
 * Of each index that will run again, the last failed pod stays until its successor has its count.
 */
static void look_delayed(struct job_step *s)
{
	CLEANUP(indexes_done) struct indexes running = {0};
	struct job_pod **v = xcalloc(s->n_pods + 1, sizeof(*v));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < s->n_pods; i++) {
		struct job_pod *p = &s->pods[i];

		if (p->active && p->index >= 0)
			indexes_add(&running, p->index);
		if (p->tracked && p->failed && p->index >= 0 && !indexes_has(&s->done, p->index) &&
		    !indexes_has(&s->broken, p->index))
			v[n++] = p;
	}
	qsort(v, n, sizeof(*v), by_index_then_age);
	for (size_t i = 0; i < n; i++) {
		if ((i + 1 < n && v[i + 1]->index == v[i]->index) ||
		    indexes_has(&running, v[i]->index))
			continue;
		v[i]->delayed = true;
		v[kept++] = v[i];
	}
	s->delayed = v;
	s->n_delayed = kept;
}

static void look_backoff(struct job_step *s)
{
	struct job_backoff *b = hmap_get(s->c->state, s->job->key);
	int64_t success_ns = 0;

	if (!b) {
		b = NEW(struct job_backoff);
		hmap_put(s->c->state, s->job->key, b);
	}
	s->backoff = b;
	b->next_failures = b->failures;
	b->next_last_ns = b->last_ns;
	for (size_t i = 0; i < s->n_pods; i++)
		if (counts(s, &s->pods[i]) && s->pods[i].succeeded)
			success_ns = MAX(success_ns, s->pods[i].finished_ns);
	if (success_ns >= b->last_ns && success_ns)
		b->next_failures = 0;
	for (size_t i = 0; i < s->n_pods; i++) {
		struct job_pod *p = &s->pods[i];

		if (!counts(s, p) || !p->failed || p->finished_ns < success_ns)
			continue;
		b->next_failures++;
		b->next_last_ns = MAX(b->next_last_ns, p->finished_ns);
	}
}

void job_look(struct job_step *s, struct object **pods, size_t n)
{
	struct jv waiting = jv_get(s->status, "uncountedTerminatedPods");

	s->pods = xcalloc(n + 1, sizeof(*s->pods));
	s->n_pods = n;
	s->succeeded = jv_i64(jv_get(s->status, "succeeded"), 0) +
		       (int64_t)jv_len(jv_get(waiting, "succeeded"));
	s->failed =
		jv_i64(jv_get(s->status, "failed"), 0) + (int64_t)jv_len(jv_get(waiting, "failed"));
	for (size_t i = 0; i < n; i++) {
		struct job_pod *p = &s->pods[i];

		*p = look_at(s, pods[i]);
		s->active += p->active;
		s->ready += p->active && pod_ready(jv_of(p->o->bytes));
		s->terminating += p->terminating;
		if (!counts(s, p))
			continue;
		s->succeeded += p->succeeded;
		s->new_failed += p->failed && p->action != JOB_IGNORE;
	}
	s->failed += s->new_failed;
	if (s->indexed)
		look_indexes(s);
	if (s->per_index)
		look_delayed(s);
	look_backoff(s);
}

/* ---- Removing ---- */

static void on_deleted(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *job = informer_get_in(informers_get(c->informers, &client_jobs),
					     str_of(op->ns), str_of(op->user_text));

	if (!job || e->errnum == ENOENT)
		return;
	if (e->errnum)
		recorder_event_for(c->events, &client_jobs, job, EVENT_WARNING, "FailedDelete",
				   "Error deleting: %s", err_text(e));
	else
		recorder_event_for(c->events, &client_jobs, job, EVENT_NORMAL, "SuccessfulDelete",
				   "Deleted pod: %s", op->name);
}

static void add_delete(struct job_step *s, const struct object *pod)
{
	struct plan_op *op = plan_add(s->p, "DELETE", &client_pods, pod->ns, pod->name, NULL);

	op->flags = PLAN_OK_ABSENT;
	op->result = on_deleted;
	op->user = s->c;
	op->user_text = str_dup(s->job->name);
	buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}", STR_ARG(object_uid(pod)));
}

static int weight(const struct job_pod *p)
{
	struct jv v = jv_of(p->o->bytes);
	bool placed = jv_text(jv_path(v, "spec.nodeName")).len > 0;
	bool running = jv_eqs(jv_path(v, "status.phase"), "Running");

	return placed * 4 + running * 2 + pod_ready(v);
}

/* Those whose loss costs least go first; of equals the youngest. */
static int cheapest_first(const void *a, const void *b)
{
	const struct job_pod *x = *(struct job_pod *const *)a, *y = *(struct job_pod *const *)b;
	int64_t tx = object_created_ns(x->o), ty = object_created_ns(y->o);

	if (weight(x) != weight(y))
		return weight(x) < weight(y) ? -1 : 1;
	if (tx != ty)
		return tx > ty ? -1 : 1;
	return str_cmp(x->o->name, y->o->name);
}

static int by_index_best_first(const void *a, const void *b)
{
	const struct job_pod *x = *(struct job_pod *const *)a, *y = *(struct job_pod *const *)b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return -cheapest_first(a, b);
}

/* Of an indexed Job: pods without a number, and all but one of a number. */
static size_t mark_strays(struct job_step *s)
{
	CLEANUP_FREE struct job_pod **v = xcalloc(s->n_pods + 1, sizeof(*v));
	size_t n = 0, dropped = 0;

	for (size_t i = 0; s->indexed && i < s->n_pods; i++)
		if (s->pods[i].active)
			v[n++] = &s->pods[i];
	qsort(v, n, sizeof(*v), by_index_best_first);
	for (size_t i = 0; i < n; i++) {
		v[i]->drop = v[i]->index < 0 || (i && v[i]->index == v[i - 1]->index);
		dropped += v[i]->drop;
	}
	return dropped;
}

static int64_t wanted(const struct job_step *s)
{
	if (s->end.type || s->suspended)
		return 0;
	if (s->completions < 0)
		return s->succeeded > 0 ? s->active : s->parallelism;
	return MAX(MIN(s->completions - s->succeeded, s->parallelism), (int64_t)0);
}

bool job_remove_pods(struct job_step *s)
{
	int64_t too_many = s->active - wanted(s);
	CLEANUP_FREE struct job_pod **v = xcalloc(s->n_pods + 1, sizeof(*v));
	size_t n = 0, dropped = mark_strays(s);

	for (size_t i = 0; i < s->n_pods; i++)
		if (s->pods[i].active && !s->pods[i].drop)
			v[n++] = &s->pods[i];
	qsort(v, n, sizeof(*v), cheapest_first);
	for (size_t i = 0; i < n && (int64_t)dropped < too_many; i++, dropped++)
		v[i]->drop = true;
	if (!dropped)
		return false;
	if (!s->end.type) {
		/* These are nobody's failure: they leave the count before they go. */
		for (size_t i = 0; i < s->n_pods; i++)
			if (s->pods[i].drop && s->pods[i].tracked)
				job_release(s->p, s->pods[i].o);
		plan_next_stage(s->p);
	}
	for (size_t i = 0; i < s->n_pods; i++)
		if (s->pods[i].drop)
			add_delete(s, s->pods[i].o);
	plan_next_stage(s->p);
	return true;
}

/* ---- Making ---- */

static void on_created(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *job = informer_get_in(informers_get(c->informers, &client_jobs),
					     str_of(op->ns), str_of(op->user_text));

	if (!job)
		return;
	if (e->errnum)
		recorder_event_for(c->events, &client_jobs, job, EVENT_WARNING, "FailedCreate",
				   "Error creating: %s", err_text(e));
	else
		recorder_event_for(c->events, &client_jobs, job, EVENT_NORMAL, "SuccessfulCreate",
				   "Created pod: %.*s",
				   STR_ARG(jv_text(jv_path(jv_of(body), "metadata.name"))));
}

static void write_map(struct jw *w, const char *member, struct jv map, const char *const *extra)
{
	jw_key(w, member);
	jw_begin_object(w);
	jv_for_each_member (m, map) {
		bool replaced = false;

		for (size_t i = 0; extra[i]; i += 2)
			replaced |= str_eqs(m.key, extra[i]);
		if (replaced)
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
	for (size_t i = 0; extra[i]; i += 2)
		jw_member_str(w, extra[i], str_of(extra[i + 1]));
	jw_end_object(w);
}

static void write_finalizers(struct jw *w, struct jv list)
{
	jw_key(w, "finalizers");
	jw_begin_array(w);
	jv_for_each (f, list)
		if (!jv_eqs(f.value, JOB_FINALIZER))
			jw_raw(w, jv_raw(f.value));
	jw_str(w, STR(JOB_FINALIZER));
	jw_end_array(w);
}

/* Containers of an indexed Job's pod learn their number. */
static void write_containers(struct jw *w, struct jv list)
{
	static const char *const env =
		"{\"name\":\"JOB_COMPLETION_INDEX\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
		"\"metadata.labels['" JOB_INDEX "']\"}}}";

	jw_begin_array(w);
	jv_for_each (c, list) {
		bool has = false;

		jw_begin_object(w);
		jv_for_each_member (m, c.value) {
			if (str_eqs(m.key, "env"))
				continue;
			jw_keyn(w, m.key);
			jw_raw(w, jv_raw(m.value));
		}
		jw_key(w, "env");
		jw_begin_array(w);
		jv_for_each (e, jv_get(c.value, "env")) {
			has |= jv_eqs(jv_get(e.value, "name"), "JOB_COMPLETION_INDEX");
			jw_raw(w, jv_raw(e.value));
		}
		if (!has)
			jw_raw(w, str_of(env));
		jw_end_array(w);
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_spec(struct job_step *s, struct jw *w, struct jv spec, int64_t index)
{
	CLEANUP(buf_done) struct buf host = BUF_INIT;

	jw_key(w, "spec");
	if (index < 0) {
		jw_raw(w, jv_raw(spec));
		return;
	}
	jw_begin_object(w);
	jv_for_each_member (m, spec) {
		if (str_eqs(m.key, "hostname"))
			continue;
		jw_keyn(w, m.key);
		if (str_eqs(m.key, "containers") || str_eqs(m.key, "initContainers"))
			write_containers(w, m.value);
		else
			jw_raw(w, jv_raw(m.value));
	}
	buf_addf(&host, "%.*s-%" PRId64, STR_ARG(s->job->name), index);
	jw_member_str(w, "hostname", buf_str(&host));
	jw_end_object(w);
}

static void write_prefix(struct job_step *s, struct jw *w, int64_t index)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char tail[32] = "-";
	struct str name = s->job->name;

	if (index >= 0)
		snprintf(tail, sizeof(tail), "-%" PRId64 "-", index);
	buf_addf(&b, "%.*s%s", (int)MIN(name.len, NAME_MAX_GENERATED - strlen(tail)), name.p, tail);
	jw_member_str(w, "generateName", buf_str(&b));
}

static const struct job_pod *predecessor(const struct job_step *s, int64_t index)
{
	size_t lo = 0, hi = s->n_delayed;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->delayed[mid]->index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n_delayed && s->delayed[lo]->index == index ? s->delayed[lo] : NULL;
}

static void add_create(struct job_step *s, int64_t index)
{
	struct plan_op *op = plan_add(s->p, "POST", &client_pods, s->job->ns, STR_NULL, NULL);
	struct jv template = jv_get(s->spec, "template"), meta = jv_get(template, "metadata");
	const struct job_pod *last = s->per_index ? predecessor(s, index) : NULL;
	char number[24], failures[24], ignored[24];
	const char *labels[] = {index >= 0 ? JOB_INDEX : NULL, number, NULL};
	const char *notes[] = {
		index >= 0 ? JOB_INDEX : NULL,
		number,
		s->per_index ? JOB_INDEX_FAILURES : NULL,
		failures,
		last && (last->ignored || last->action == JOB_IGNORE) ? JOB_INDEX_IGNORED : NULL,
		ignored,
		NULL};
	struct jw w = jw_start(&op->body);

	op->result = on_created;
	op->user = s->c;
	op->user_text = str_dup(s->job->name);
	snprintf(number, sizeof(number), "%" PRId64, index);
	snprintf(failures, sizeof(failures), "%" PRId64,
		 last ? last->failures + (last->action != JOB_IGNORE) : 0);
	snprintf(ignored, sizeof(ignored), "%" PRId64,
		 last ? last->ignored + (last->action == JOB_IGNORE) : 0);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Pod"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	write_prefix(s, &w, index);
	jw_member_str(&w, "namespace", s->job->ns);
	write_map(&w, "labels", jv_get(meta, "labels"), labels);
	write_map(&w, "annotations", jv_get(meta, "annotations"), notes);
	write_finalizers(&w, jv_get(meta, "finalizers"));
	jw_key(&w, "ownerReferences");
	jw_begin_array(&w);
	write_controller_ref(&w, &client_jobs, s->job);
	jw_end_array(&w);
	jw_end_object(&w);
	write_spec(s, &w, jv_get(template, "spec"), index);
	jw_end_object(&w);
}

/* 1, 2, 4, ... at a time: where the first ones are refused, thousands are not tried. */
static void add_creates(struct job_step *s, const int64_t *indexes, int64_t n)
{
	for (int64_t i = 0, batch = 1; i < n; batch *= 2) {
		plan_next_stage(s->p);
		for (int64_t j = 0; j < batch && i < n; j++, i++)
			add_create(s, indexes ? indexes[i] : -1);
	}
}

/* Indexes that nobody works on, lowest first; those which must wait say for how long. */
static int64_t pending(struct job_step *s, int64_t *v, int64_t max)
{
	CLEANUP(indexes_done) struct indexes taken = {0};
	uint64_t least = 0;
	int64_t n = 0;

	for (size_t i = 0; i < s->n_pods; i++)
		if (s->pods[i].index >= 0 &&
		    (s->pods[i].active || (s->only_failed && s->pods[i].terminating)))
			indexes_add(&taken, s->pods[i].index);
	for (int64_t i = 0; n < max; i++) {
		const struct job_pod *last;
		uint64_t wait = 0;
		int64_t was;

		do {
			was = i;
			i = indexes_gap(&s->broken, indexes_gap(&s->done, indexes_gap(&taken, i)));
		} while (i != was);
		if (i >= s->completions)
			break;
		last = s->per_index ? predecessor(s, i) : NULL;
		if (last)
			wait = job_backoff_left(last->failures + last->ignored + 1,
						last->finished_ns, s->now_ns);
		if (!wait)
			v[n++] = i;
		else if (!least || wait < least)
			least = wait;
	}
	if (least)
		plan_again_in(s->p, least);
	return n;
}

void job_create_pods(struct job_step *s)
{
	int64_t n = wanted(s) - s->active - (s->only_failed ? s->terminating : 0);
	CLEANUP_FREE int64_t *v = NULL;
	uint64_t wait = 0;

	for (size_t i = 0; i < s->n_pods; i++)
		if (s->pods[i].active && !s->pods[i].tracked)
			track(s->p, s->pods[i].o);
	if (n <= 0)
		return;
	if (!s->per_index)
		wait = job_backoff_left(s->backoff->next_failures, s->backoff->next_last_ns,
					s->now_ns);
	if (wait) {
		plan_again_in(s->p, wait);
		return;
	}
	n = MIN(n, (int64_t)BURST);
	if (s->indexed) {
		v = xcalloc((size_t)n, sizeof(*v));
		n = pending(s, v, n);
	}
	add_creates(s, v, n);
}
