/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/revision.h"
#include "master/controllers/statefulset.h"

/*
 * StatefulSet: pods with lasting names, at most one instance of each
 * (k8s pkg/controller/statefulset/stateful_set_control.go).
 *
 *	OrderedReady: one act a step; ordinal i waits for all below it, removal goes from the top
 *	Parallel:     all at once; the rolling update alone goes in order
 *
 * A name is used again only when the API has forgotten the pod of that name: a pod on a node that
 * cannot be reached stays Terminating, and nothing takes its place.
 */

struct slot {
	int64_t ordinal;
	struct object *pod; /* NULL: to be made */
	bool waits; /* for a claim that is going away */
};

struct sts_step {
	struct ctl *c;
	struct plan *p;
	struct object *set;
	struct jv spec, status;
	struct revisions rev;
	struct str current; /* name of the revision that pods below the partition have */
	struct object **pods;
	size_t n_pods;
	struct slot *slots; /* wanted ones, by ordinal */
	size_t n_slots;
	struct slot *condemned; /* highest first */
	size_t n_condemned;
	int64_t replicas, start, partition, min_ready_s, now_ns;
	bool ordered, on_delete, has_partition;
};

static struct informer *sets_in(struct ctl *c)
{
	return informers_get(c->informers, &client_statefulsets);
}
static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}

/* "web-3" of "web" is 3; -1: not a name of this set. */
static int64_t ordinal_of(const struct object *pod, const struct object *set)
{
	struct str rest;
	uint64_t n;

	if (pod->name.len < set->name.len + 2 ||
	    memcmp(pod->name.p, set->name.p, set->name.len) != 0 ||
	    pod->name.p[set->name.len] != '-')
		return -1;
	rest = str_skip(pod->name, set->name.len + 1);
	if ((rest.len > 1 && rest.p[0] == '0') || str_to_u64(rest, &n) < 0 || n > INT32_MAX)
		return -1;
	return (int64_t)n;
}

static bool fits(const struct object *o, const struct object *set)
{
	return ordinal_of(o, set) >= 0;
}

static struct str revision_of(const struct object *pod)
{
	return jv_text(jv_get(jv_get(object_meta(pod), "labels"), REVISION_HASH_LABEL));
}

static bool is_running_ready(const struct object *pod)
{
	return jv_eqs(jv_get(object_status(pod), "phase"), "Running") &&
	       pod_ready(jv_of(pod->bytes));
}

static bool is_available(struct sts_step *s, const struct object *pod)
{
	uint64_t wait_ns = 0;
	bool yes = pod_available(jv_of(pod->bytes), s->min_ready_s, s->now_ns, &wait_ns);

	if (wait_ns)
		plan_again_in(s->p, wait_ns);
	return yes && is_running_ready(pod);
}

static bool is_healthy(struct sts_step *s, const struct object *pod)
{
	return pod && !object_deleting(pod) && is_available(s, pod);
}

/* Making and deleting */

static void tell(struct ctl *c, const struct plan_op *op, const struct err *e, const char *verb,
		 const char *reason, struct str pod)
{
	struct object *set = informer_get_in(sets_in(c), str_of(op->ns), str_of(op->user_text));

	if (!set || e->errnum == ENOENT)
		return;
	if (e->errnum)
		recorder_event_for(c->events, &client_statefulsets, set, EVENT_WARNING,
				   !strcmp(verb, "create") ? "FailedCreate" : "FailedDelete",
				   "%s Pod %.*s in StatefulSet %.*s failed error: %s", verb,
				   STR_ARG(pod), STR_ARG(set->name), err_text(e));
	else
		recorder_event_for(c->events, &client_statefulsets, set, EVENT_NORMAL, reason,
				   "%s Pod %.*s in StatefulSet %.*s successful", verb, STR_ARG(pod),
				   STR_ARG(set->name));
}

static void on_created(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	tell(user, op, e, "create", "SuccessfulCreate",
	     jv_text(jv_path(jv_of(body), "metadata.name")));
}
static void on_deleted(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	tell(user, op, e, "delete", "SuccessfulDelete", str_of(op->name));
}

/* Below the partition a pod is made as it was. */
static bool wants_current(const struct sts_step *s, int64_t ordinal)
{
	if (s->on_delete)
		return false;
	if (!s->has_partition)
		return ordinal < s->start + jv_i64(jv_get(s->status, "currentReplicas"), 0);
	return ordinal < s->start + s->partition;
}

static struct jv template_of(const struct sts_step *s, const struct object *rev)
{
	return rev ? jv_path(jv_of(rev->bytes), "data.spec.template") : jv_of(s->rev.template_now);
}

static void write_pod(struct sts_step *s, struct buf *out, int64_t ordinal)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT, host = BUF_INIT, sub = BUF_INIT;
	CLEANUP(buf_done) struct buf volumes = BUF_INIT;
	struct object *old = wants_current(s, ordinal) ? revisions_get(&s->rev, s->current) : NULL;
	CLEANUP_FREE char *rev = old ? str_dup(old->name) : xstrdup(s->rev.name);
	char index[24];
	const char *extra[] = {"statefulset.kubernetes.io/pod-name",
			       NULL,
			       "apps.kubernetes.io/pod-index",
			       index,
			       REVISION_HASH_LABEL,
			       rev,
			       NULL};
	struct jw w = jw_start(out);
	struct jv template = template_of(s, old);
	struct pod_over over[3];
	size_t n_over = 1;

	snprintf(index, sizeof(index), "%" PRId64, ordinal);
	buf_addf(&name, "%.*s-%s", STR_ARG(s->set->name), index);
	extra[1] = name.p;
	json_quote(buf_str(&name), &host);
	over[0] = (struct pod_over){"hostname", buf_str(&host)};
	if (jv_text(jv_get(s->spec, "serviceName")).len) {
		json_quote(jv_text(jv_get(s->spec, "serviceName")), &sub);
		over[n_over++] = (struct pod_over){"subdomain", buf_str(&sub)};
	}
	if (sts_has_claims(s->set)) {
		sts_claims_volumes(s->set, ordinal, jv_path(template, "spec.volumes"), &volumes);
		over[n_over++] = (struct pod_over){"volumes", buf_str(&volumes)};
	}
	write_pod_from_template(&w, template, &client_statefulsets, s->set, buf_str(&name), extra,
				over, n_over);
}

static void add_create(struct sts_step *s, int64_t ordinal)
{
	struct plan_op *op = plan_add(s->p, "POST", &client_pods, s->set->ns, STR_NULL, NULL);

	op->result = on_created;
	op->user = s->c;
	op->user_text = str_dup(s->set->name);
	write_pod(s, &op->body, ordinal);
}

static void add_delete(struct sts_step *s, struct object *pod)
{
	struct plan_op *op = plan_add(s->p, "DELETE", &client_pods, pod->ns, pod->name, NULL);

	op->flags = PLAN_OK_ABSENT;
	op->result = on_deleted;
	op->user = s->c;
	op->user_text = str_dup(s->set->name);
	buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}", STR_ARG(object_uid(pod)));
}

/* Looking */

static int highest_first(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->ordinal > y->ordinal ? -1 : x->ordinal < y->ordinal;
}

static void look(struct sts_step *s)
{
	/* More slots than pods plus a burst are never acted on in one step. */
	s->n_slots = (size_t)MIN(s->replicas, (int64_t)s->n_pods + 500);
	s->slots = xcalloc(s->n_slots + 1, sizeof(*s->slots));
	s->condemned = xcalloc(s->n_pods + 1, sizeof(*s->condemned));
	for (size_t i = 0; i < s->n_slots; i++)
		s->slots[i] = (struct slot){.ordinal = s->start + (int64_t)i};
	for (size_t i = 0; i < s->n_pods; i++) {
		int64_t ordinal = ordinal_of(s->pods[i], s->set), at = ordinal - s->start;

		if (at >= 0 && at < (int64_t)s->n_slots)
			s->slots[at].pod = s->pods[i];
		else if (at < 0 || at >= s->replicas)
			s->condemned[s->n_condemned++] = (struct slot){ordinal, s->pods[i], false};
	}
	qsort(s->condemned, s->n_condemned, sizeof(*s->condemned), highest_first);
}

/* Each of these returns false when the rest has to wait. */

static bool fill_slot(struct sts_step *s, struct slot *o)
{
	if (!o->pod) {
		if (!o->waits)
			add_create(s, o->ordinal);
		return !s->ordered;
	}
	if (object_deleting(o->pod))
		return !s->ordered;
	if (pod_ended(o->pod)) {
		bool failed = jv_eqs(jv_get(object_status(o->pod), "phase"), "Failed");

		recorder_event_for(s->c->events, &client_statefulsets, s->set,
				   failed ? EVENT_WARNING : EVENT_NORMAL,
				   failed ? "RecreatingFailedPod" : "RecreatingTerminatedPod",
				   "StatefulSet %.*s/%.*s is recreating %s Pod %.*s",
				   STR_ARG(s->set->ns), STR_ARG(s->set->name),
				   failed ? "failed" : "terminated", STR_ARG(o->pod->name));
		add_delete(s, o->pod);
		return !s->ordered;
	}
	return !s->ordered || is_available(s, o->pod);
}

static struct object *first_unhealthy(struct sts_step *s)
{
	for (size_t i = 0; i < s->n_slots; i++)
		if (!is_healthy(s, s->slots[i].pod))
			return s->slots[i].pod;
	for (size_t i = s->n_condemned; i--;)
		if (!is_healthy(s, s->condemned[i].pod))
			return s->condemned[i].pod;
	return NULL;
}

static bool remove_condemned(struct sts_step *s)
{
	struct object *sick = s->ordered ? first_unhealthy(s) : NULL;

	for (size_t i = 0; i < s->n_condemned; i++) {
		struct object *pod = s->condemned[i].pod;

		if (object_deleting(pod)) {
			if (s->ordered)
				return false;
			continue;
		}
		if (s->ordered && !is_running_ready(pod) && pod != sick)
			return false;
		add_delete(s, pod);
		if (s->ordered)
			return false;
	}
	return true;
}

/* From the highest ordinal down to the partition, at most maxUnavailable out of service. */
static void roll(struct sts_step *s)
{
	struct jv max = jv_path(s->spec, "updateStrategy.rollingUpdate.maxUnavailable");
	int64_t budget = MAX(int_or_percent(max, s->replicas, false, 1), (int64_t)1);

	for (size_t i = s->n_slots; i-- && budget > 0;) {
		struct object *pod = s->slots[i].pod;

		if ((int64_t)i < s->partition)
			return;
		if (pod && !object_deleting(pod) && !str_eqs(revision_of(pod), s->rev.name)) {
			add_delete(s, pod);
			budget--;
		} else if (!is_healthy(s, pod)) {
			budget--;
		}
	}
}

/* Claims before the pods that name them; with OrderedReady for one pod, as there is one act. */
static void make_claims(struct sts_step *s)
{
	bool go = true;

	for (size_t i = 0; i < s->n_slots && go; i++) {
		struct slot *o = &s->slots[i];

		if (!o->pod) {
			o->waits = !sts_claims_make(s->c, s->p, s->set, o->ordinal);
			go = !s->ordered;
			continue;
		}
		go = !s->ordered || (!pod_ended(o->pod) && is_healthy(s, o->pod));
		if (object_deleting(o->pod))
			continue;
		sts_claims_own(s->c, s->p, s->set, o->ordinal, o->pod, false);
		if (jv_eqs(jv_get(object_status(o->pod), "phase"), "Pending"))
			sts_claims_make(s->c, s->p, s->set, o->ordinal);
	}
	for (size_t i = 0; i < s->n_condemned; i++)
		sts_claims_own(s->c, s->p, s->set, s->condemned[i].ordinal, s->condemned[i].pod,
			       true);
	plan_next_stage(s->p);
}

static void act(struct sts_step *s)
{
	size_t before;

	if (sts_has_claims(s->set))
		make_claims(s);
	before = s->p->n;
	for (size_t i = 0; i < s->n_slots; i++)
		if (!fill_slot(s, &s->slots[i]))
			return;
	if ((int64_t)s->n_slots < s->replicas) {
		plan_again_in(s->p, NSEC_PER_MSEC);
		return;
	}
	if (!remove_condemned(s) || s->on_delete || s->p->n > before)
		return;
	roll(s);
}

/* Status */

enum { REPLICAS, READY, AVAILABLE, CURRENT, UPDATED, N_COUNTS };
static const char *const count_names[N_COUNTS] = {"replicas", "readyReplicas", "availableReplicas",
						  "currentReplicas", "updatedReplicas"};

static void write_status(struct sts_step *s, const int64_t *n, int64_t generation)
{
	struct plan_op *op =
		plan_add(s->p, "PATCH", &client_statefulsets, s->set->ns, s->set->name, "status");
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT;
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_member_i64(&w, "observedGeneration", generation);
	for (size_t i = 0; i < N_COUNTS; i++) {
		jw_key(&w, count_names[i]);
		if (n[i] || i == REPLICAS || i == AVAILABLE)
			jw_i64(&w, n[i]);
		else
			jw_null(&w);
	}
	jw_member_str(&w, "currentRevision", s->current);
	jw_member_str(&w, "updateRevision", str_of(s->rev.name));
	jw_member_i64(&w, "collisionCount", jv_i64(jv_get(s->status, "collisionCount"), 0));
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(s->p);
}

static void update_status(struct sts_step *s)
{
	int64_t n[N_COUNTS] = {0};
	int64_t generation = jv_i64(jv_get(object_meta(s->set), "generation"), 0);
	bool same = jv_i64(jv_get(s->status, "observedGeneration"), 0) == generation;

	n[REPLICAS] = (int64_t)s->n_pods;
	for (size_t i = 0; i < s->n_pods; i++) {
		struct object *pod = s->pods[i];

		n[READY] += is_running_ready(pod);
		n[AVAILABLE] += is_available(s, pod);
		if (object_deleting(pod))
			continue;
		n[CURRENT] += str_eq(revision_of(pod), s->current);
		n[UPDATED] += str_eqs(revision_of(pod), s->rev.name);
	}
	/* The rollout is over: the new revision is the current one. */
	if (!s->on_delete && n[UPDATED] == n[REPLICAS] && n[READY] == n[REPLICAS] &&
	    n[REPLICAS] == s->replicas) {
		s->current = str_of(s->rev.name);
		n[CURRENT] = n[UPDATED];
	}
	same &= str_eq(jv_text(jv_get(s->status, "currentRevision")), s->current) &&
		str_eqs(jv_text(jv_get(s->status, "updateRevision")), s->rev.name);
	for (size_t i = 0; i < N_COUNTS; i++)
		same &= jv_i64(jv_get(s->status, count_names[i]), 0) == n[i];
	if (!same)
		write_status(s, n, generation);
}

static bool revision_lives(void *user, struct object *rev)
{
	struct sts_step *s = user;

	if (str_eq(rev->name, s->current))
		return true;
	for (size_t i = 0; i < s->n_pods; i++)
		if (str_eq(revision_of(s->pods[i]), rev->name))
			return true;
	return false;
}

static void read_spec(struct sts_step *s)
{
	struct jv partition = jv_path(s->spec, "updateStrategy.rollingUpdate.partition");

	s->replicas = MAX(jv_i64(jv_get(s->spec, "replicas"), 1), (int64_t)0);
	s->start = jv_i64(jv_path(s->spec, "ordinals.start"), 0);
	s->min_ready_s = jv_i64(jv_get(s->spec, "minReadySeconds"), 0);
	s->ordered = !jv_eqs(jv_get(s->spec, "podManagementPolicy"), "Parallel");
	s->on_delete = jv_eqs(jv_path(s->spec, "updateStrategy.type"), "OnDelete");
	s->has_partition = jv_exists(partition);
	s->partition = jv_i64(partition, 0);
	s->now_ns = client_real_ns(s->c->client);
}

static void step(struct sts_step *s, const struct label_selector *sel)
{
	read_spec(s);
	s->n_pods = claim_named(s->p, &client_statefulsets, s->set, sel, &client_pods,
				pods_in(s->c), fits, &s->pods);
	revisions_find(&s->rev, s->c, s->p, &client_statefulsets, s->set, sel);
	s->current = jv_text(jv_get(s->status, "currentRevision"));
	if (!revisions_get(&s->rev, s->current))
		s->current = str_of(s->rev.name);
	look(s);
	update_status(s);
	if (object_deleting(s->set))
		return;
	act(s);
	revisions_trim(&s->rev, s->p, jv_i64(jv_get(s->spec, "revisionHistoryLimit"), 10),
		       revision_lives, s);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct sts_step s = {.c = c, .p = p, .set = informer_get(sets_in(c), key)};
	struct label_selector sel = {0};

	if (!s.set)
		return;
	s.spec = object_spec(s.set);
	s.status = object_status(s.set);
	if (label_selector_from_object(jv_get(s.spec, "selector"), &sel, NULL) == 0 &&
	    !label_selector_is_everything(&sel))
		step(&s, &sel);
	label_selector_done(&sel);
	revisions_done(&s.rev);
	free(s.slots);
	free(s.condemned);
	free(s.pods);
}

/* Events */

static void child_one(void *user, struct object *o)
{
	struct ctl *c = user;
	struct object_set all;

	if (informer_by_controller(o).len) {
		ctl_enqueue_owner(c, o, "StatefulSet");
		return;
	}
	all = informer_lookup(informer_index(sets_in(c), informer_by_ns), o->ns);
	for (size_t i = 0; i < all.n; i++)
		if (str_starts(o->name, all.v[i]->name))
			ctl_enqueue(c, all.v[i]->key);
}
static void child_two(void *user, struct object *old, struct object *o)
{
	if (!str_eq(informer_by_controller(old), informer_by_controller(o)))
		ctl_enqueue_owner(user, old, "StatefulSet");
	child_one(user, o);
}
/* A stranger's pod of one of our names may have gone as well. */
static void child_gone(void *user, struct object *o)
{
	child_one(user, o);
}
static const struct informer_handler on_child = {child_one, child_two, child_gone, NULL};

static bool init(struct ctl *c)
{
	informer_index(pods_in(c), informer_by_controller);
	informer_index(pods_in(c), index_orphans);
	informer_index(sets_in(c), informer_by_ns);
	ctl_handle(c, sets_in(c), &ctl_enqueue_self);
	ctl_handle(c, pods_in(c), &on_child);
	revisions_watch(c, &on_child);
	sts_claims_watch(c);
	return true;
}

const struct controller statefulset_controller = {
	.name = "statefulset",
	.component = "statefulset-controller",
	.init = init,
	.sync = reconcile,
};
