/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * ReplicaSet: as many pods of one template as spec.replicas says
 * (k8s pkg/controller/replicaset; deletion order: pkg/controller/controller_utils.go).
 * ReplicationController is the same with a plain map for a selector.
 */

#define BURST 500 /* pods made or deleted in one step */

struct rs_step {
	struct ctl *c;
	struct plan *p;
	struct object *rs;
	struct jv spec;
	struct object **pods; /* claimed and not ended */
	size_t n_pods;
	int64_t replicas;
};

static struct informer *pods_of(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}
extern const struct controller replicationcontroller_controller;
static const struct client_kind *kind_of(const struct ctl *c)
{
	return c->def == &replicationcontroller_controller ? &client_replicationcontrollers
							   : &client_replicasets;
}
static struct informer *sets_of(struct ctl *c)
{
	return informers_get(c->informers, kind_of(c));
}
static int selector_of(const struct ctl *c, const struct object *set, struct label_selector *ret)
{
	struct jv selector = jv_get(object_spec(set), "selector");

	if (kind_of(c) == &client_replicationcontrollers)
		return label_selector_from_map(selector, ret, NULL);
	return label_selector_from_object(selector, ret, NULL);
}

/* Making pods */

/* What a failed creation left behind, by key: shown as a condition until one succeeds. */
static void set_failure(struct ctl *c, const struct plan_op *op, const char *message)
{
	CLEANUP_FREE char *old = NULL;
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	object_key(str_of(op->ns), str_of(op->user_text), &key);
	if (message)
		old = hmap_put(c->state, buf_str(&key), xstrdup(message));
	else
		old = hmap_del(c->state, buf_str(&key));
}

static void on_created(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct object *rs;

	object_key(str_of(op->ns), str_of(op->user_text), &key);
	rs = informer_get(sets_of(c), buf_str(&key));
	set_failure(c, op, e->errnum ? err_text(e) : NULL);
	if (!rs)
		return;
	if (e->errnum)
		recorder_event_for(c->events, kind_of(c), rs, EVENT_WARNING, "FailedCreate",
				   "Error creating: %s", err_text(e));
	else
		recorder_event_for(c->events, kind_of(c), rs, EVENT_NORMAL, "SuccessfulCreate",
				   "Created pod: %.*s",
				   STR_ARG(jv_text(jv_path(jv_of(body), "metadata.name"))));
}

static void add_create(struct rs_step *s)
{
	struct plan_op *op = plan_add(s->p, "POST", &client_pods, s->rs->ns, STR_NULL, NULL);
	struct jv template = jv_get(s->spec, "template"), meta = jv_get(template, "metadata");
	static const char *const copied[] = {"labels", "annotations", "finalizers"};
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	struct jw w = jw_start(&op->body);

	op->result = on_created;
	op->user = s->c;
	op->user_text = str_dup(s->rs->name);
	buf_addf(&prefix, "%.*s-", STR_ARG(s->rs->name));
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Pod"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "generateName", buf_str(&prefix));
	jw_member_str(&w, "namespace", s->rs->ns);
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		if (jv_exists(jv_get(meta, copied[i])))
			jw_member_raw(&w, copied[i], jv_raw(jv_get(meta, copied[i])));
	jw_key(&w, "ownerReferences");
	jw_begin_array(&w);
	write_controller_ref(&w, kind_of(s->c), s->rs);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_member_raw(&w, "spec", jv_raw(jv_get(template, "spec")));
	jw_end_object(&w);
}

/*
 * 1, 2, 4, 8, ... at a time: if the first ones fail (quota, a webhook), thousands don't.
 */
static void add_creates(struct rs_step *s, int64_t n)
{
	int64_t batch = 1;

	n = MIN(n, (int64_t)BURST);
	while (n > 0) {
		plan_next_stage(s->p);
		for (int64_t i = 0; i < batch && n > 0; i++, n--)
			add_create(s);
		batch *= 2;
	}
}

/* Deleting pods: the one that is missed least goes first. */

struct rank {
	struct object *pod;
	bool assigned, ready;
	int phase; /* 0 Pending, 1 Unknown, 2 Running */
	int64_t cost, siblings_here, ready_since_ns, restarts, created_ns;
};

static int cmp(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* Ages on a logarithmic scale: pods of similar age are picked by chance, not always the youngest.*/
static int age_class(int64_t now_ns, int64_t then_ns)
{
	int64_t age = then_ns ? (now_ns - then_ns) / (int64_t)NSEC_PER_SEC : 0;
	int bits = 0;

	for (; age > 0; age >>= 1)
		bits++;
	return bits;
}

static int64_t rank_now_ns;

static int by_rank(const void *x, const void *y)
{
	const struct rank *a = x, *b = y;
	int r;

	if ((r = cmp(a->assigned, b->assigned)) || (r = cmp(a->phase, b->phase)) ||
	    (r = cmp(a->ready, b->ready)) || (r = cmp(a->cost, b->cost)) ||
	    (r = cmp(b->siblings_here, a->siblings_here)))
		return r;
	if (a->ready && b->ready &&
	    (r = cmp(age_class(rank_now_ns, a->ready_since_ns),
		     age_class(rank_now_ns, b->ready_since_ns))))
		return r;
	if ((r = cmp(b->restarts, a->restarts)) ||
	    (r = cmp(age_class(rank_now_ns, a->created_ns), age_class(rank_now_ns, b->created_ns))))
		return r;
	return str_cmp(object_uid(a->pod), object_uid(b->pod));
}

static struct str node_name_of(const struct object *pod)
{
	return jv_text(jv_get(object_spec(pod), "nodeName"));
}

/* How many of the set's pods are on each node: node name -> count. */
static struct hmap *count_by_node(struct rs_step *s)
{
	struct hmap *m = hmap_new();

	for (size_t i = 0; i < s->n_pods; i++) {
		struct str node = node_name_of(s->pods[i]);

		if (node.len)
			hmap_put(m, node, (void *)((uintptr_t)hmap_get(m, node) + 1));
	}
	return m;
}

static struct rank rank_of(struct object *pod, const struct hmap *by_node)
{
	struct jv v = jv_of(pod->bytes), phase = jv_path(v, "status.phase");
	struct rank r = {.pod = pod};

	r.assigned = node_name_of(pod).len > 0;
	r.phase = jv_eqs(phase, "Running") ? 2 : jv_eqs(phase, "Unknown") ? 1 : 0;
	r.ready = pod_ready(v);
	str_to_i64(object_annotation(pod, "controller.kubernetes.io/pod-deletion-cost"), &r.cost);
	r.siblings_here = (int64_t)(uintptr_t)hmap_get(by_node, node_name_of(pod));
	r.ready_since_ns = time_ns(jv_get(condition_get(v, "Ready"), "lastTransitionTime"));
	jv_for_each (c, jv_path(v, "status.containerStatuses"))
		r.restarts = MAX(r.restarts, jv_i64(jv_get(c.value, "restartCount"), 0));
	r.created_ns = object_created_ns(pod);
	return r;
}

static void on_deleted(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct object *rs;

	object_key(str_of(op->ns), str_of(op->user_text), &key);
	rs = informer_get(sets_of(c), buf_str(&key));
	if (!rs || e->errnum == ENOENT)
		return;
	if (e->errnum)
		recorder_event_for(c->events, kind_of(c), rs, EVENT_WARNING, "FailedDelete",
				   "Error deleting: %s", err_text(e));
	else
		recorder_event_for(c->events, kind_of(c), rs, EVENT_NORMAL, "SuccessfulDelete",
				   "Deleted pod: %s", op->name);
}

static void add_deletes(struct rs_step *s, size_t n)
{
	CLEANUP_FREE struct rank *ranks = xcalloc(s->n_pods, sizeof(*ranks));
	CLEANUP(hmap_freep) struct hmap *by_node = count_by_node(s);

	for (size_t i = 0; i < s->n_pods; i++)
		ranks[i] = rank_of(s->pods[i], by_node);
	rank_now_ns = client_real_ns(s->c->client);
	qsort(ranks, s->n_pods, sizeof(*ranks), by_rank);
	/* Never more than there are: replicas of an object that was stored by an older rule may be
	 * negative. */
	n = MIN(n, s->n_pods);
	for (size_t i = 0; i < MIN(n, (size_t)BURST); i++) {
		struct object *pod = ranks[i].pod;
		struct plan_op *op =
			plan_add(s->p, "DELETE", &client_pods, pod->ns, pod->name, NULL);

		op->flags = PLAN_OK_ABSENT;
		op->result = on_deleted;
		op->user = s->c;
		op->user_text = str_dup(s->rs->name);
		buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}",
			 STR_ARG(object_uid(pod)));
	}
}

/* Status */

struct rs_counts {
	int64_t replicas, labeled, ready, available;
};

static struct rs_counts count(struct rs_step *s)
{
	struct jv want = jv_path(s->spec, "template.metadata.labels");
	int64_t min_ready_s = jv_i64(jv_get(s->spec, "minReadySeconds"), 0);
	int64_t now_ns = client_real_ns(s->c->client);
	struct rs_counts n = {.replicas = (int64_t)s->n_pods};
	struct label_selector template = {0};
	uint64_t wait_ns;

	label_selector_from_map(want, &template, NULL);
	for (size_t i = 0; i < s->n_pods; i++) {
		struct jv pod = jv_of(s->pods[i]->bytes);

		n.labeled += label_selector_match(&template, jv_path(pod, "metadata.labels"));
		n.ready += pod_ready(pod);
		wait_ns = 0;
		if (pod_available(pod, min_ready_s, now_ns, &wait_ns))
			n.available++;
		else if (wait_ns)
			plan_again_in(s->p, wait_ns);
	}
	label_selector_done(&template);
	return n;
}

/* Zero is what the API leaves out, so null takes a field away. */
static void write_count(struct jw *w, const char *name, int64_t n)
{
	jw_key(w, name);
	if (n)
		jw_i64(w, n);
	else
		jw_null(w);
}

static void write_failure(struct rs_step *s, struct jw *w, const char *message)
{
	struct jv old = condition_get(jv_of(s->rs->bytes), "ReplicaFailure");
	char now[TIME_LEN + 1];

	time_format(client_real_ns(s->c->client), now);
	jw_key(w, "conditions");
	jw_begin_array(w);
	if (message) {
		jw_begin_object(w);
		jw_member_str(w, "type", STR("ReplicaFailure"));
		jw_member_str(w, "status", STR("True"));
		jw_member_str(w, "lastTransitionTime",
			      jv_exists(old) ? jv_text(jv_get(old, "lastTransitionTime"))
					     : str_of(now));
		jw_member_str(w, "reason", STR("FailedCreate"));
		jw_member_str(w, "message", str_of(message));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void update_status(struct rs_step *s)
{
	struct rs_counts n = count(s);
	struct jv rs = jv_of(s->rs->bytes), old = jv_get(rs, "status");
	int64_t generation = jv_i64(jv_path(rs, "metadata.generation"), 0);
	const char *failure = hmap_get(s->c->state, s->rs->key);
	bool failed = jv_exists(condition_get(rs, "ReplicaFailure"));
	struct plan_op *op;
	struct jw w;

	if (jv_i64(jv_get(old, "replicas"), 0) == n.replicas &&
	    jv_i64(jv_get(old, "fullyLabeledReplicas"), 0) == n.labeled &&
	    jv_i64(jv_get(old, "readyReplicas"), 0) == n.ready &&
	    jv_i64(jv_get(old, "availableReplicas"), 0) == n.available &&
	    jv_i64(jv_get(old, "observedGeneration"), 0) == generation && failed == !!failure)
		return;
	plan_next_stage(s->p);
	op = plan_add(s->p, "PATCH", kind_of(s->c), s->rs->ns, s->rs->name, "status");
	op->flags = PLAN_OK_ABSENT;
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_member_i64(&w, "replicas", n.replicas);
	write_count(&w, "fullyLabeledReplicas", n.labeled);
	write_count(&w, "readyReplicas", n.ready);
	write_count(&w, "availableReplicas", n.available);
	jw_member_i64(&w, "observedGeneration", generation);
	if (failed != !!failure)
		write_failure(s, &w, failure);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct rs_step s = {.c = c, .p = p, .rs = informer_get(sets_of(c), key)};
	struct label_selector sel = {0};
	struct object **claimed;
	size_t n, old_ops;
	int64_t diff;

	if (!s.rs) {
		free(hmap_del(c->state, key));
		return;
	}
	s.spec = object_spec(s.rs);
	if (selector_of(c, s.rs, &sel) < 0)
		return;
	s.replicas = jv_i64(jv_get(s.spec, "replicas"), 1);
	n = claim(p, kind_of(c), s.rs, &sel, &client_pods, pods_of(c), &claimed);
	label_selector_done(&sel);
	s.pods = claimed;
	for (size_t i = 0; i < n; i++)
		if (pod_active(claimed[i]))
			s.pods[s.n_pods++] = claimed[i];
	/* Status first: it tells what is; the plan's other part changes it. */
	old_ops = p->n;
	update_status(&s);
	if (p->n > old_ops)
		plan_next_stage(p);
	diff = (int64_t)s.n_pods - s.replicas;
	if (!object_deleting(s.rs) && diff < 0)
		add_creates(&s, -diff);
	else if (!object_deleting(s.rs) && diff > 0)
		add_deletes(&s, (size_t)diff);
	free(claimed);
}

/* Events */

/* A pod without a controller may be adopted by any set of its namespace that selects it. */
static void enqueue_adopters(struct ctl *c, const struct object *pod)
{
	struct object_set sets =
		informer_lookup(informer_index(sets_of(c), informer_by_ns), pod->ns);
	struct jv labels = jv_get(object_meta(pod), "labels");

	if (!jv_len(labels))
		return;
	for (size_t i = 0; i < sets.n; i++) {
		struct label_selector sel = {0};

		if (selector_of(c, sets.v[i], &sel) == 0 && label_selector_match(&sel, labels))
			ctl_enqueue(c, sets.v[i]->key);
		label_selector_done(&sel);
	}
}

static void enqueue_owner(struct ctl *c, const struct object *pod)
{
	ctl_enqueue_owner(c, pod, kind_of(c)->kind);
}

static void pod_one(void *user, struct object *pod)
{
	if (informer_by_controller(pod).len)
		enqueue_owner(user, pod);
	else if (!object_deleting(pod))
		enqueue_adopters(user, pod);
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	if (!str_eq(informer_by_controller(old), informer_by_controller(pod)))
		enqueue_owner(user, old);
	pod_one(user, pod);
}
static void pod_gone(void *user, struct object *pod)
{
	enqueue_owner(user, pod);
}
static const struct informer_handler on_pod = {pod_one, pod_two, pod_gone, NULL};

static bool init(struct ctl *c)
{
	c->state = hmap_new();
	informer_index(pods_of(c), informer_by_controller);
	informer_index(pods_of(c), index_orphans);
	informer_index(sets_of(c), informer_by_ns);
	ctl_handle(c, sets_of(c), &ctl_enqueue_self);
	ctl_handle(c, pods_of(c), &on_pod);
	return true;
}

static void done(struct ctl *c)
{
	hmap_free_full(c->state, free);
}

const struct controller replicaset_controller = {
	.name = "replicaset",
	.component = "replicaset-controller",
	.parallel = 16,
	.init = init,
	.sync = reconcile,
	.done = done,
};

const struct controller replicationcontroller_controller = {
	.name = "replicationcontroller",
	.component = "replication-controller",
	.parallel = 16,
	.init = init,
	.sync = reconcile,
	.done = done,
};
