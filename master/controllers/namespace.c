/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/json/jsonc.h"
#include "master/controllers/controller.h"
#include "master/controllers/custom_kinds.h"
#include "master/controllers/kinds.h"
#include "master/controllers/util.h"

/*
 * Namespace deletion (k8s pkg/controller/namespace): a namespace that is being deleted is emptied,
 * kind by kind, then its finalizer "kubernetes" is taken off, which lets it go.
 */
#define LOOK_AGAIN_NS (15 * NSEC_PER_SEC) /* content may wait for finalizers of others */

static struct informer *namespaces(struct ctl *c)
{
	return informers_get(c->informers, &client_namespaces);
}

static size_t content(struct ctl *c, const struct client_kind *k, struct str ns)
{
	struct informer *in = informers_find(c->informers, k);

	return in ? informer_lookup(informer_index(in, informer_by_ns), ns).n : 0;
}

static void delete_all(struct plan *p, const struct client_kind *k, struct str ns)
{
	struct plan_op *op = plan_add(p, "DELETE", k, ns, STR_NULL, NULL);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_adds(&op->body, "{\"propagationPolicy\":\"Background\"}");
}

static void finalize(struct plan *p, const struct object *ns)
{
	CLEANUP_JSON struct json_object *obj = NULL;
	struct json_object *spec, *left = json_object_new_array();
	struct plan_op *op;

	jsonc_parse(ns->bytes, NULL, &obj, NULL);
	spec = jsonc_ensure(obj, "spec");
	jv_for_each (f, jv_get(object_spec(ns), "finalizers"))
		if (!jv_eqs(f.value, "kubernetes"))
			json_object_array_add(left, jsonc_new_str(jv_text(f.value)));
	jsonc_set(spec, "finalizers", left);
	op = plan_add(p, "PUT", &client_namespaces, STR_NULL, ns->name, "finalize");
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	jsonc_write(obj, &op->body);
}

static bool has_finalizer(const struct object *ns)
{
	jv_for_each (f, jv_get(object_spec(ns), "finalizers"))
		if (jv_eqs(f.value, "kubernetes"))
			return true;
	return false;
}

/* Custom resources of the namespace; false: there are some, or it is not known yet. */
static bool empty_of_customs(struct ctl *c, struct plan *p, struct str ns)
{
	const struct client_kind *k;
	bool empty = true;

	for (size_t i = 0; (k = custom_kinds_at(c->state, i)); i++) {
		struct informer *in = informers_find(c->informers, k);

		if (!k->namespaced || !in)
			continue;
		if (!informer_synced(in)) {
			plan_again_in(p, NSEC_PER_SEC / 4);
			empty = false;
		} else if (content(c, k, ns)) {
			delete_all(p, k, ns);
			empty = false;
		}
	}
	return empty;
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *ns = informer_get(namespaces(c), key);
	const struct client_kind *kinds;
	bool empty = true;
	size_t n;

	if (!ns || !object_deleting(ns) || !has_finalizer(ns))
		return;
	kinds = kinds_all(&n);
	for (size_t i = 0; i < n; i++) {
		if (!kinds[i].namespaced || !content(c, &kinds[i], ns->name))
			continue;
		delete_all(p, &kinds[i], ns->name);
		empty = false;
	}
	empty &= empty_of_customs(c, p, ns->name);
	if (!empty) {
		plan_again_in(p, LOOK_AGAIN_NS);
		return;
	}
	delete_all(p, &client_events, ns->name);
	plan_next_stage(p);
	finalize(p, ns);
}

static void content_gone(void *user, struct object *o)
{
	struct ctl *c = user;
	struct object *ns = o->ns.len ? informer_get(namespaces(c), o->ns) : NULL;

	if (ns && object_deleting(ns))
		ctl_enqueue(c, ns->key);
}
static const struct informer_handler on_content = {NULL, NULL, content_gone, NULL};

static void custom_added(void *user, const struct client_kind *k)
{
	struct ctl *c = user;
	struct informer *in;

	if (!k->namespaced)
		return;
	in = informers_get_metadata(c->informers, k);
	informer_index(in, informer_by_ns);
	informer_handle(in, &on_content, c);
	informers_start(c->informers);
}

static void custom_removed(void *user, const struct client_kind *k)
{
	struct ctl *c = user;
	struct informer *in = k->namespaced ? informers_find(c->informers, k) : NULL;

	if (!in)
		return;
	informer_unhandle(in, &on_content, c);
	informers_drop(c->informers, in);
}
static const struct custom_kinds_ops custom_ops = {custom_added, custom_removed};

static bool init(struct ctl *c)
{
	const struct client_kind *kinds;
	size_t n;

	kinds = kinds_all(&n);
	ctl_handle(c, namespaces(c), &ctl_enqueue_self);
	for (size_t i = 0; i < n; i++) {
		struct informer *in;

		if (!kinds[i].namespaced)
			continue;
		in = informers_get_metadata(c->informers, &kinds[i]);
		informer_index(in, informer_by_ns);
		ctl_handle(c, in, &on_content);
	}
	c->state = custom_kinds_new(c, &custom_ops, c);
	return true;
}

static void done(struct ctl *c)
{
	const struct client_kind *k;

	for (size_t i = 0; (k = custom_kinds_at(c->state, i)); i++) {
		struct informer *in = k->namespaced ? informers_find(c->informers, k) : NULL;

		if (in)
			informer_unhandle(in, &on_content, c);
	}
	c->state = custom_kinds_free(c->state);
}

const struct controller namespace_controller = {
	.name = "namespace",
	.parallel = 4,
	.init = init,
	.sync = reconcile,
	.done = done,
};
