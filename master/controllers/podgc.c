/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Pods that nobody else will take away (k8s pkg/controller/podgc): on nodes that are no more, being
 * deleted without ever having had a node or on one that is out of service and not ready, and ended
 * ones beyond a number.
 *
 * Keys are pods; the key "" stands for the count of ended pods.
 */
#define QUARANTINE_NS (40 * NSEC_PER_SEC) /* a node may only be re-registering */
#define THRESHOLD 12500

struct podgc {
	size_t n_ended;
};

static struct informer *pods(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}

static size_t threshold(const struct ctl *c)
{
	return c->conf->terminated_pod_threshold ? c->conf->terminated_pod_threshold : THRESHOLD;
}

static void plan_force_delete(struct plan *p, const struct object *pod)
{
	struct plan_op *op = plan_add(p, "DELETE", &client_pods, pod->ns, pod->name, NULL);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body, "{\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":\"%.*s\"}}",
		 STR_ARG(object_uid(pod)));
}

/* A pod that its node ends no more has failed, which is what its owner is to see first. */
static void plan_fail(struct ctl *c, struct plan *p, const struct object *pod, bool node_gone)
{
	struct plan_op *op;
	char now[TIME_LEN + 1];

	if (!pod_ended(pod)) {
		op = plan_add(p, "PATCH", &client_pods, pod->ns, pod->name, "status");
		op->content_type = CLIENT_STRATEGIC_PATCH;
		op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
		buf_adds(&op->body, "{\"status\":{\"phase\":\"Failed\"");
		time_format(client_real_ns(c->client), now);
		if (node_gone)
			buf_addf(
				&op->body,
				",\"conditions\":[{\"type\":\"DisruptionTarget\",\"status\":"
				"\"True\",\"reason\":\"DeletionByPodGC\",\"message\":\"PodGC: node "
				"no longer exists\",\"lastTransitionTime\":\"%s\"}]",
				now);
		buf_adds(&op->body, "}}");
		plan_next_stage(p);
	}
	plan_force_delete(p, pod);
}

static struct object *node_of(struct ctl *c, const struct object *pod)
{
	return informer_get(informers_get(c->informers, &client_nodes), informer_by_node(pod));
}

static bool dead(const struct object *node)
{
	return node_out_of_service(node) && !condition_true(jv_of(node->bytes), "Ready");
}

static int by_age(const void *a, const void *b)
{
	struct object *const *x = a, *const *y = b;
	int64_t tx = object_created_ns(*x), ty = object_created_ns(*y);

	return tx != ty ? (tx < ty ? -1 : 1) : str_cmp((*x)->key, (*y)->key);
}

static void trim_ended(struct ctl *c, struct plan *p)
{
	struct object **v = NULL;
	size_t n = 0, cap = 0;

	informer_for_each(o, pods(c)) if (pod_ended(o) && !object_deleting(o)) *
		ARRAY_PUSH(v, n, cap) = o;
	if (n > threshold(c)) {
		qsort(v, n, sizeof(*v), by_age);
		for (size_t i = 0; i < n - threshold(c); i++)
			plan_force_delete(p, v[i]);
	}
	free(v);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *pod, *node;
	bool bound;

	if (!key.len) {
		trim_ended(c, p);
		return;
	}
	pod = informer_get(pods(c), key);
	if (!pod)
		return;
	bound = informer_by_node(pod).len > 0;
	node = bound ? node_of(c, pod) : NULL;
	if (bound && !node)
		plan_fail(c, p, pod, true);
	else if (node && object_deleting(pod) && dead(node))
		plan_fail(c, p, pod, false);
	else if (!bound && object_deleting(pod))
		plan_force_delete(p, pod);
}

static void pod_one(void *user, struct object *pod)
{
	struct ctl *c = user;
	struct podgc *g = c->state;
	bool bound = informer_by_node(pod).len > 0;
	struct object *node = bound ? node_of(c, pod) : NULL;

	if (object_deleting(pod) && (node ? dead(node) : !bound))
		ctl_enqueue(c, pod->key);
	else if (bound && !node)
		workqueue_add_after(c->queue, pod->key, QUARANTINE_NS);
	if (pod_ended(pod) && ++g->n_ended > threshold(c))
		ctl_enqueue(c, STR(""));
}
static void pod_gone(void *user, struct object *pod)
{
	struct podgc *g = ((struct ctl *)user)->state;

	if (pod_ended(pod) && g->n_ended)
		g->n_ended--;
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	pod_gone(user, old);
	pod_one(user, pod);
}
static const struct informer_handler on_pod = {pod_one, pod_two, pod_gone, NULL};

static void node_gone(void *user, struct object *node)
{
	struct ctl *c = user;
	struct object_set set =
		informer_lookup(informer_index(pods(c), informer_by_node), node->name);

	for (size_t i = 0; i < set.n; i++)
		workqueue_add_after(c->queue, set.v[i]->key, QUARANTINE_NS);
}

static void node_here(void *user, struct object *node)
{
	struct ctl *c = user;
	struct object_set set =
		informer_lookup(informer_index(pods(c), informer_by_node), node->name);

	for (size_t i = 0; i < set.n && dead(node); i++)
		if (object_deleting(set.v[i]))
			ctl_enqueue(c, set.v[i]->key);
}
static void node_changed(void *user, struct object *old, struct object *node)
{
	if (!dead(old))
		node_here(user, node);
}
static const struct informer_handler on_node = {node_here, node_changed, node_gone, NULL};

static bool init(struct ctl *c)
{
	c->state = NEW(struct podgc);
	informer_index(pods(c), informer_by_node);
	ctl_handle(c, informers_get(c->informers, &client_nodes), &on_node);
	ctl_handle(c, pods(c), &on_pod);
	return true;
}

static void done(struct ctl *c)
{
	free(c->state);
}

const struct controller podgc_controller = {
	.name = "pod-gc",
	.parallel = 16,
	.init = init,
	.sync = reconcile,
	.done = done,
};
