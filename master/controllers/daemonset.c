/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/daemonset.h"
#include "master/controllers/revision.h"

/*
 * DaemonSet: one pod on each node that fits (k8s pkg/controller/daemon: daemon_controller.go,
 * update.go).
 *
 *	pods by node --manage--> missing made, failed and surplus removed
 *	             --roll----> old pods replaced as maxUnavailable or maxSurge allow
 */
#define BURST 250 /* pods made or deleted in one step */
#define BACKOFF_MIN_NS (1 * NSEC_PER_SEC)
#define BACKOFF_MAX_NS (15 * 60 * NSEC_PER_SEC)
#define GENERATION_ANN "deprecated.daemonset.template.generation"

struct place_on { /* one node */
	struct object *node;
	struct daemon_fit fit;
	struct object **pods; /* in the step's array; scheduled ones first, then oldest */
	size_t n;
	struct object *old_pod, *new_pod; /* not ended */
	size_t n_old, n_new;
	bool changed; /* manage has done something here */
};

struct ds_step {
	struct ctl *c;
	struct plan *p;
	struct object *ds;
	struct jv spec, template_spec;
	struct revisions rev;
	struct object **pods;
	size_t n_pods;
	struct place_on *places;
	size_t n_places;
	int64_t desired, max_unavailable, max_surge, min_ready_s, now_ns;
	size_t budget;
};

static struct informer *sets_in(struct ctl *c)
{
	return informers_get(c->informers, &client_daemonsets);
}
static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}
static struct informer *nodes_in(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}

/* Making and deleting */

static void tell(struct ctl *c, const struct plan_op *op, const struct err *e, const char *verb,
		 struct str name)
{
	struct object *ds = informer_get_in(sets_in(c), str_of(op->ns), str_of(op->user_text));
	bool made = !strcmp(verb, "creat");

	if (!ds || e->errnum == ENOENT)
		return;
	if (e->errnum)
		recorder_event_for(c->events, &client_daemonsets, ds, EVENT_WARNING,
				   made ? "FailedCreate" : "FailedDelete", "Error %sing: %s", verb,
				   err_text(e));
	else
		recorder_event_for(c->events, &client_daemonsets, ds, EVENT_NORMAL,
				   made ? "SuccessfulCreate" : "SuccessfulDelete",
				   made ? "Created pod: %.*s" : "Deleted pod: %.*s", STR_ARG(name));
}

static void on_created(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	tell(user, op, e, "creat", jv_text(jv_path(jv_of(body), "metadata.name")));
}
static void on_deleted(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	tell(user, op, e, "delet", str_of(op->name));
}

static void add_create(struct ds_step *s, struct object *node)
{
	CLEANUP(buf_done) struct buf affinity = BUF_INIT, tolerations = BUF_INIT;
	CLEANUP_FREE char *generation = str_dup(object_annotation(s->ds, GENERATION_ANN));
	const char *extra[] = {REVISION_HASH_LABEL, s->rev.hash, NULL, NULL, NULL};
	struct plan_op *op;
	struct jw w;

	if (!s->budget)
		return;
	s->budget--;
	if (generation && *generation) {
		extra[2] = "pod-template-generation";
		extra[3] = generation;
	}
	op = plan_add(s->p, "POST", &client_pods, s->ds->ns, STR_NULL, NULL);
	op->result = on_created;
	op->user = s->c;
	op->user_text = str_dup(s->ds->name);
	daemon_affinity(s->template_spec, node->name, &affinity);
	daemon_tolerations(s->template_spec, &tolerations);
	w = jw_start(&op->body);
	write_pod_from_template(&w, jv_get(s->spec, "template"), &client_daemonsets, s->ds,
				STR_NULL, extra,
				(const struct pod_over[]){{"affinity", buf_str(&affinity)},
							  {"tolerations", buf_str(&tolerations)}},
				2);
}

static void add_delete(struct ds_step *s, struct object *pod)
{
	struct plan_op *op;

	if (!s->budget || object_deleting(pod))
		return;
	s->budget--;
	op = plan_add(s->p, "DELETE", &client_pods, pod->ns, pod->name, NULL);
	op->flags = PLAN_OK_ABSENT;
	op->result = on_deleted;
	op->user = s->c;
	op->user_text = str_dup(s->ds->name);
	buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}", STR_ARG(object_uid(pod)));
}

/* A pod that failed (refused by its node, say) is replaced, but not in a tight circle. */
struct backoff {
	uint64_t delay_ns, last_ns;
};

static bool may_replace(struct ds_step *s, struct object *node)
{
	struct hmap *nodes = hmap_get(s->c->state, s->ds->key); /* node name -> backoff */
	uint64_t now_ns = client_now_ns(s->c->client);
	struct backoff *b;

	if (!nodes) {
		nodes = hmap_new();
		hmap_put(s->c->state, s->ds->key, nodes);
	}
	b = hmap_get(nodes, node->name);
	if (b && now_ns < b->last_ns + b->delay_ns) {
		plan_again_in(s->p, b->last_ns + b->delay_ns - now_ns);
		return false;
	}
	if (!b) {
		b = NEW(struct backoff);
		hmap_put(nodes, node->name, b);
	}
	if (!b->delay_ns || now_ns > b->last_ns + 2 * BACKOFF_MAX_NS)
		b->delay_ns = BACKOFF_MIN_NS;
	else
		b->delay_ns = MIN(b->delay_ns * 2, BACKOFF_MAX_NS);
	b->last_ns = now_ns;
	return true;
}

static void forget(void *nodes)
{
	hmap_free_full(nodes, free);
}

/* Looking */

static bool is_new(const struct ds_step *s, const struct object *pod)
{
	return str_eqs(jv_text(jv_get(jv_get(object_meta(pod), "labels"), REVISION_HASH_LABEL)),
		       s->rev.hash);
}

static bool available(struct ds_step *s, const struct object *pod)
{
	uint64_t wait_ns = 0;
	bool yes = pod_available(jv_of(pod->bytes), s->min_ready_s, s->now_ns, &wait_ns);

	if (wait_ns)
		plan_again_in(s->p, wait_ns);
	return yes;
}

static int by_node_and_age(const void *x, const void *y)
{
	const struct object *a = *(struct object *const *)x, *b = *(struct object *const *)y;
	struct jv sa = object_spec(a), sb = object_spec(b);
	int r = str_cmp(daemon_node_of(sa), daemon_node_of(sb));
	bool da = jv_exists(jv_get(sa, "nodeName")), db = jv_exists(jv_get(sb, "nodeName"));
	int64_t ta = object_created_ns(a), tb = object_created_ns(b);

	if (r)
		return r;
	if (da != db)
		return da ? -1 : 1;
	return ta < tb ? -1 : ta > tb ? 1 : str_cmp(a->name, b->name);
}

static int by_name(const void *x, const void *y)
{
	return str_cmp(((const struct place_on *)x)->node->name,
		       ((const struct place_on *)y)->node->name);
}

static void look(struct ds_step *s)
{
	size_t at = 0;

	s->places = xcalloc(informer_len(nodes_in(s->c)) + 1, sizeof(*s->places));
	informer_for_each(node, nodes_in(s->c)) s->places[s->n_places++] = (struct place_on){
		.node = node, .fit = daemon_fit(s->template_spec, jv_of(node->bytes))};
	qsort(s->places, s->n_places, sizeof(*s->places), by_name);
	if (s->n_pods)
		qsort(s->pods, s->n_pods, sizeof(*s->pods), by_node_and_age);
	for (size_t i = 0; i < s->n_places; i++) {
		struct place_on *o = &s->places[i];
		struct str name = o->node->name;

		s->desired += o->fit.run;
		while (at < s->n_pods &&
		       str_cmp(daemon_node_of(object_spec(s->pods[at])), name) < 0) {
			/* Meant for a node that is gone; one bound to it is the pod GC's. */
			if (!jv_exists(jv_get(object_spec(s->pods[at]), "nodeName")))
				add_delete(s, s->pods[at]);
			at++;
		}
		o->pods = s->pods + at;
		while (at < s->n_pods && str_eq(daemon_node_of(object_spec(s->pods[at])), name)) {
			o->n++;
			at++;
		}
	}
	for (; at < s->n_pods; at++)
		if (!jv_exists(jv_get(object_spec(s->pods[at]), "nodeName")))
			add_delete(s, s->pods[at]);
}

/* The oldest pod of each kind stays; the rest of that kind goes. */
static void keep_one(struct ds_step *s, struct place_on *o, struct object **kept, size_t *n,
		     struct object *pod)
{
	if (++*n == 1) {
		*kept = pod;
		return;
	}
	add_delete(s, pod);
	o->changed = true;
}

/* What is on a node that ought to have a pod. */
static void manage_node(struct ds_step *s, struct place_on *o)
{
	size_t waiting = 0;

	for (size_t i = 0; i < o->n; i++) {
		struct object *pod = o->pods[i];

		if (object_deleting(pod)) {
			waiting++;
			continue;
		}
		if (pod_ended(pod)) {
			waiting++;
			if (may_replace(s, o->node)) {
				bool failed = jv_eqs(jv_get(object_status(pod), "phase"), "Failed");

				recorder_event_for(
					s->c->events, &client_daemonsets, s->ds,
					failed ? EVENT_WARNING : EVENT_NORMAL,
					failed ? "FailedDaemonPod" : "SucceededDaemonPod",
					"Found %s daemon pod %.*s/%.*s on node %.*s, "
					"will try to %s it",
					failed ? "failed" : "succeeded", STR_ARG(pod->ns),
					STR_ARG(pod->name), STR_ARG(o->node->name),
					failed ? "kill" : "delete");
				add_delete(s, pod);
			}
			continue;
		}
		if (s->max_surge && is_new(s, pod))
			keep_one(s, o, &o->new_pod, &o->n_new, pod);
		else if (s->max_surge)
			keep_one(s, o, &o->old_pod, &o->n_old, pod);
		else if (!o->n_new && !o->n_old)
			keep_one(s, o, is_new(s, pod) ? &o->new_pod : &o->old_pod,
				 is_new(s, pod) ? &o->n_new : &o->n_old, pod);
		else {
			add_delete(s, pod);
			o->changed = true;
		}
	}
	if (!o->new_pod && !o->old_pod) {
		o->changed = true;
		if (!waiting)
			add_create(s, o->node);
	}
}

static void manage(struct ds_step *s)
{
	for (size_t i = 0; i < s->n_places; i++) {
		struct place_on *o = &s->places[i];

		if (o->fit.run)
			manage_node(s, o);
		else if (!o->fit.stay)
			for (size_t k = 0; k < o->n; k++)
				add_delete(s, o->pods[k]);
	}
}

/* Rolling update */

static void roll_down(struct ds_step *s)
{
	int64_t gone = 0, left;

	/* Old pods that serve nobody go at once, the others as far as the budget allows. */
	for (size_t i = 0; i < s->n_places; i++) {
		struct place_on *o = &s->places[i];

		if (!o->fit.run)
			continue;
		if (o->changed || !(o->old_pod || o->new_pod)) {
			gone++;
		} else if (!available(s, o->old_pod ? o->old_pod : o->new_pod)) {
			gone++;
			if (o->old_pod)
				add_delete(s, o->old_pod);
			o->changed = true;
		}
	}
	left = s->max_unavailable - gone;
	for (size_t i = 0; i < s->n_places && left > 0; i++)
		if (s->places[i].fit.run && !s->places[i].changed && s->places[i].old_pod) {
			add_delete(s, s->places[i].old_pod);
			left--;
		}
}

static void roll_surge(struct ds_step *s)
{
	int64_t surging = 0;

	for (size_t i = 0; i < s->n_places; i++) {
		struct place_on *o = &s->places[i];

		if (!o->fit.run || !o->old_pod)
			continue;
		if (o->new_pod && available(s, o->new_pod))
			add_delete(s, o->old_pod);
		else if (o->new_pod)
			surging++;
	}
	for (size_t i = 0; i < s->n_places; i++) {
		struct place_on *o = &s->places[i];

		if (!o->fit.run || !o->old_pod || o->new_pod)
			continue;
		if (!available(s, o->old_pod))
			add_create(s, o->node);
		else if (surging < s->max_surge) {
			add_create(s, o->node);
			surging++;
		}
	}
}

static void read_strategy(struct ds_step *s)
{
	struct jv rolling = jv_path(s->spec, "updateStrategy.rollingUpdate");
	bool on_delete = jv_eqs(jv_path(s->spec, "updateStrategy.type"), "OnDelete");

	s->max_unavailable = int_or_percent(jv_get(rolling, "maxUnavailable"), s->desired, true, 1);
	s->max_surge =
		on_delete ? 0 : int_or_percent(jv_get(rolling, "maxSurge"), s->desired, true, 0);
	if (!s->max_unavailable && !s->max_surge)
		s->max_unavailable = 1;
}

/* Status */

enum { DESIRED, CURRENT, MISPLACED, READY, UPDATED, AVAILABLE, UNAVAILABLE, N_COUNTS };
static const struct {
	const char *name;
	bool always; /* written even when zero */
} count_fields[N_COUNTS] = {
	{"desiredNumberScheduled", true},  {"currentNumberScheduled", true},
	{"numberMisscheduled", true},      {"numberReady", true},
	{"updatedNumberScheduled", false}, {"numberAvailable", false},
	{"numberUnavailable", false},
};

static void update_status(struct ds_step *s)
{
	int64_t n[N_COUNTS] = {[DESIRED] = s->desired};
	struct jv old = object_status(s->ds);
	int64_t generation = jv_i64(jv_get(object_meta(s->ds), "generation"), 0);
	bool same = jv_i64(jv_get(old, "observedGeneration"), 0) == generation;
	struct plan_op *op;
	struct jw w;

	for (size_t i = 0; i < s->n_places; i++) {
		struct place_on *o = &s->places[i];

		if (!o->fit.run) {
			n[MISPLACED] += o->n > 0;
			continue;
		}
		if (!o->n)
			continue;
		n[CURRENT]++;
		n[READY] += pod_ready(jv_of(o->pods[0]->bytes));
		n[AVAILABLE] += available(s, o->pods[0]);
		n[UPDATED] += is_new(s, o->pods[0]);
	}
	n[UNAVAILABLE] = n[DESIRED] - n[AVAILABLE];
	for (size_t i = 0; i < N_COUNTS; i++)
		same &= jv_i64(jv_get(old, count_fields[i].name), -1) ==
			(n[i] || count_fields[i].always ? n[i] : -1);
	if (same)
		return;
	op = plan_add(s->p, "PATCH", &client_daemonsets, s->ds->ns, s->ds->name, "status");
	op->flags = PLAN_OK_ABSENT;
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_member_i64(&w, "observedGeneration", generation);
	for (size_t i = 0; i < N_COUNTS; i++) {
		jw_key(&w, count_fields[i].name);
		if (n[i] || count_fields[i].always)
			jw_i64(&w, n[i]);
		else
			jw_null(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(s->p);
}

static bool revision_lives(void *user, struct object *rev)
{
	struct ds_step *s = user;
	struct str hash = jv_text(jv_get(jv_get(object_meta(rev), "labels"), REVISION_HASH_LABEL));

	for (size_t i = 0; i < s->n_pods; i++)
		if (str_eq(jv_text(jv_get(jv_get(object_meta(s->pods[i]), "labels"),
					  REVISION_HASH_LABEL)),
			   hash))
			return true;
	return false;
}

static void step(struct ds_step *s, const struct label_selector *sel)
{
	s->n_pods =
		claim(s->p, &client_daemonsets, s->ds, sel, &client_pods, pods_in(s->c), &s->pods);
	revisions_find(&s->rev, s->c, s->p, &client_daemonsets, s->ds, sel);
	if (object_deleting(s->ds))
		s->budget = 0;
	look(s);
	read_strategy(s);
	update_status(s);
	if (object_deleting(s->ds))
		return;
	manage(s);
	if (!jv_eqs(jv_path(s->spec, "updateStrategy.type"), "OnDelete")) {
		if (s->max_surge)
			roll_surge(s);
		else
			roll_down(s);
	}
	revisions_trim(&s->rev, s->p, jv_i64(jv_get(s->spec, "revisionHistoryLimit"), 10),
		       revision_lives, s);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct ds_step s = {.c = c, .p = p, .ds = informer_get(sets_in(c), key), .budget = BURST};
	struct label_selector sel = {0};

	if (!s.ds) {
		forget(hmap_del(c->state, key));
		return;
	}
	s.spec = object_spec(s.ds);
	s.template_spec = jv_path(s.spec, "template.spec");
	s.min_ready_s = jv_i64(jv_get(s.spec, "minReadySeconds"), 0);
	s.now_ns = client_real_ns(c->client);
	if (label_selector_from_object(jv_get(s.spec, "selector"), &sel, NULL) == 0 &&
	    !label_selector_is_everything(&sel))
		step(&s, &sel);
	if (!s.budget && !object_deleting(s.ds))
		plan_again_in(p, NSEC_PER_MSEC);
	label_selector_done(&sel);
	revisions_done(&s.rev);
	free(s.places);
	free(s.pods);
}

/* Events */

static void child_one(void *user, struct object *o)
{
	struct ctl *c = user;
	struct object_set all;

	if (informer_by_controller(o).len) {
		ctl_enqueue_owner(c, o, "DaemonSet");
		return;
	}
	all = informer_lookup(informer_index(sets_in(c), informer_by_ns), o->ns);
	for (size_t i = 0; i < all.n; i++) {
		struct label_selector sel = {0};

		if (label_selector_from_object(jv_get(object_spec(all.v[i]), "selector"), &sel,
					       NULL) == 0 &&
		    label_selector_match(&sel, jv_get(object_meta(o), "labels")))
			ctl_enqueue(c, all.v[i]->key);
		label_selector_done(&sel);
	}
}
static void child_two(void *user, struct object *old, struct object *o)
{
	if (!str_eq(informer_by_controller(old), informer_by_controller(o)))
		ctl_enqueue_owner(user, old, "DaemonSet");
	child_one(user, o);
}
static void child_gone(void *user, struct object *o)
{
	ctl_enqueue_owner(user, o, "DaemonSet");
}
static const struct informer_handler on_child = {child_one, child_two, child_gone, NULL};

static void node_one(void *user, struct object *node)
{
	struct ctl *c = user;

	informer_for_each(ds, sets_in(c)) ctl_enqueue(c, ds->key);
}
/* Heartbeats change a node all the time: only what decides counts. */
static void node_two(void *user, struct object *old, struct object *node)
{
	struct ctl *c = user;

	if (str_eq(jv_raw(jv_get(object_meta(old), "labels")),
		   jv_raw(jv_get(object_meta(node), "labels"))) &&
	    str_eq(jv_raw(jv_get(object_spec(old), "taints")),
		   jv_raw(jv_get(object_spec(node), "taints"))))
		return;
	informer_for_each(ds, sets_in(c))
	{
		struct jv spec = jv_path(object_spec(ds), "template.spec");
		struct daemon_fit a = daemon_fit(spec, jv_of(old->bytes));
		struct daemon_fit b = daemon_fit(spec, jv_of(node->bytes));

		if (a.run != b.run || a.stay != b.stay)
			ctl_enqueue(c, ds->key);
	}
}
static const struct informer_handler on_node = {node_one, node_two, node_one, NULL};

static bool init(struct ctl *c)
{
	c->state = hmap_new();
	informer_index(pods_in(c), informer_by_controller);
	informer_index(pods_in(c), index_orphans);
	informer_index(sets_in(c), informer_by_ns);
	ctl_handle(c, sets_in(c), &ctl_enqueue_self);
	ctl_handle(c, pods_in(c), &on_child);
	ctl_handle(c, nodes_in(c), &on_node);
	revisions_watch(c, &on_child);
	return true;
}

static void done(struct ctl *c)
{
	hmap_free_full(c->state, forget);
}

const struct controller daemonset_controller = {
	.name = "daemonset",
	.component = "daemonset-controller",
	.init = init,
	.sync = reconcile,
	.done = done,
};
