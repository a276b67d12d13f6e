/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Eviction by taints (k8s pkg/controller/tainteviction): a pod on a node with NoExecute taints
 * goes when it does not tolerate one, or when its tolerationSeconds are over.
 */

static struct informer *pods(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}
static struct informer *nodes(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}

static bool is_no_execute(struct jv taint)
{
	return jv_eqs(jv_get(taint, "effect"), "NoExecute");
}

static bool tolerates(struct jv tol, struct jv taint)
{
	struct str key = jv_text(jv_get(tol, "key"));
	struct jv effect = jv_get(tol, "effect");

	if (jv_exists(effect) && jv_text(effect).len && !jv_eqs(effect, "NoExecute"))
		return false;
	if (key.len && !str_eq(key, jv_text(jv_get(taint, "key"))))
		return false;
	if (jv_eqs(jv_get(tol, "operator"), "Exists"))
		return true;
	return key.len && str_eq(jv_text(jv_get(tol, "value")), jv_text(jv_get(taint, "value")));
}

/*
 * When the pod has to go because of this taint: INT64_MAX never, 0 at once. Of several tolerations
 * that fit the shortest counts.
 */
static int64_t due_ns(struct jv pod, struct jv taint, int64_t now_ns)
{
	int64_t since_ns = time_ns(jv_get(taint, "timeAdded")), due = INT64_MAX;
	bool tolerated = false;

	since_ns = since_ns ? since_ns : now_ns;
	jv_for_each (t, jv_path(pod, "spec.tolerations")) {
		struct jv seconds = jv_get(t.value, "tolerationSeconds");

		if (!tolerates(t.value, taint))
			continue;
		tolerated = true;
		if (!jv_exists(seconds))
			continue;
		due = MIN(due,
			  since_ns + MAX(jv_i64(seconds, 0), (int64_t)0) * (int64_t)NSEC_PER_SEC);
	}
	return tolerated ? due : 0;
}

static void evict(struct ctl *c, struct plan *p, const struct object *pod)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_pods, pod->ns, pod->name, "status");
	char now[TIME_LEN + 1];

	time_format(client_real_ns(c->client), now);
	op->content_type = CLIENT_STRATEGIC_PATCH;
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body,
		 "{\"status\":{\"conditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"True\","
		 "\"reason\":\"DeletionByTaintManager\",\"message\":\"Taint manager: deleting due "
		 "to NoExecute taint\",\"lastTransitionTime\":\"%s\"}]}}",
		 now);
	plan_next_stage(p);
	op = plan_add(p, "DELETE", &client_pods, pod->ns, pod->name, NULL);
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}", STR_ARG(object_uid(pod)));
	recorder_event_for(c->events, &client_pods, pod, EVENT_NORMAL, "TaintManagerEviction",
			   "Marking for deletion Pod %.*s/%.*s", STR_ARG(pod->ns),
			   STR_ARG(pod->name));
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *pod = informer_get(pods(c), key), *node;
	int64_t now_ns = client_real_ns(c->client), due = INT64_MAX;
	struct jv v;

	if (!pod || object_deleting(pod) || pod_ended(pod))
		return;
	v = jv_of(pod->bytes);
	node = informer_get(nodes(c), jv_text(jv_path(v, "spec.nodeName")));
	if (!node)
		return;
	jv_for_each (t, jv_get(object_spec(node), "taints"))
		if (is_no_execute(t.value))
			due = MIN(due, due_ns(v, t.value, now_ns));
	if (due <= now_ns)
		evict(c, p, pod);
	else if (due != INT64_MAX)
		plan_again_in(p, (uint64_t)(due - now_ns));
}

static bool has_no_execute(const struct object *node)
{
	jv_for_each (t, jv_get(object_spec(node), "taints"))
		if (is_no_execute(t.value))
			return true;
	return false;
}

static void node_one(void *user, struct object *node)
{
	struct ctl *c = user;
	struct object_set set =
		informer_lookup(informer_index(pods(c), informer_by_node), node->name);

	for (size_t i = 0; has_no_execute(node) && i < set.n; i++)
		ctl_enqueue(c, set.v[i]->key);
}
static void node_two(void *user, struct object *old, struct object *node)
{
	if (!str_eq(jv_raw(jv_get(object_spec(old), "taints")),
		    jv_raw(jv_get(object_spec(node), "taints"))))
		node_one(user, node);
}
static const struct informer_handler on_node = {.added = node_one, .updated = node_two};

static void pod_one(void *user, struct object *pod)
{
	struct ctl *c = user;
	struct object *node = informer_get(nodes(c), informer_by_node(pod));

	if (node && has_no_execute(node))
		ctl_enqueue(c, pod->key);
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	if (!str_eq(jv_raw(object_spec(old)), jv_raw(object_spec(pod))))
		pod_one(user, pod);
}
static const struct informer_handler on_pod = {.added = pod_one, .updated = pod_two};

static bool init(struct ctl *c)
{
	informer_index(pods(c), informer_by_node);
	ctl_handle(c, nodes(c), &on_node);
	ctl_handle(c, pods(c), &on_pod);
	return true;
}

const struct controller eviction_controller = {
	.name = "taint-eviction",
	.component = "taint-eviction-controller",
	.parallel = 16,
	.init = init,
	.sync = reconcile,
};
