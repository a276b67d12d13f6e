/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/json/jsonc.h"
#include "master/controllers/controller.h"
#include "master/controllers/custom_kinds.h"
#include "master/controllers/kinds.h"
#include "master/controllers/util.h"

/*
 * Namespace deletion (k8s pkg/controller/namespace): a namespace that is being deleted is emptied,
 * first of its pods, so that none outlives the policies and secrets it lives by, then of all other
 * kinds; then its finalizer "kubernetes" is taken off, which lets it go. What does not go is told
 * in its status.
 */
#define SOON_NS NSEC_PER_SEC /* most content goes within */
#define LOOK_AGAIN_NS (15 * NSEC_PER_SEC) /* content may wait for finalizers of others */

static struct informer *namespaces(struct ctl *c)
{
	return informers_get(c->informers, &client_namespaces);
}

static struct object_set content(struct ctl *c, const struct client_kind *k, struct str ns)
{
	struct informer *in = informers_find(c->informers, k);

	return in ? informer_lookup(informer_index(in, informer_by_ns), ns)
		  : (struct object_set){0};
}

/* ---- what remains ---- */

struct remains {
	char **kinds, **finalizers; /* "pods. has 1 resource instances" */
	size_t n_kinds, cap_kinds, n_finalizers, cap_finalizers;
	struct hmap *counts; /* of finalizers: how many have it, as a number */
};

static void remains_add(struct remains *r, const struct client_kind *k, struct object_set set)
{
	*ARRAY_PUSH(r->kinds, r->n_kinds, r->cap_kinds) =
		xasprintf("%s.%s has %zu resource instances", k->plural, k->group, set.n);
	for (size_t i = 0; i < set.n; i++) {
		jv_for_each (f, jv_get(object_meta(set.v[i]), "finalizers")) {
			struct str name = jv_text(f.value);
			uintptr_t n = (uintptr_t)hmap_get(r->counts, name);

			hmap_put(r->counts, name, (void *)(n + 1));
		}
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, joined, and freed. */
static void join(char **v, size_t n, struct buf *out)
{
	if (n)
		qsort(v, n, sizeof(*v), by_text);
	for (size_t i = 0; i < n; i++) {
		buf_addf(out, "%s%s", i ? ", " : "", v[i]);
		free(v[i]);
	}
	free(v);
}

static void write_condition(struct jw *w, const struct object *ns, const char *type, bool holds,
			    const char *reason, const char *message, const char *now)
{
	struct jv had = condition_get(jv_of(ns->bytes), type);
	const char *status = holds ? "True" : "False";

	jw_begin_object(w);
	jw_member_str(w, "type", str_of(type));
	jw_member_str(w, "status", str_of(status));
	jw_member_str(w, "lastTransitionTime",
		      jv_eqs(jv_get(had, "status"), status)
			      ? jv_text(jv_get(had, "lastTransitionTime"))
			      : str_of(now));
	jw_member_str(w, "reason", str_of(reason));
	jw_member_str(w, "message", str_of(message));
	jw_end_object(w);
}

static bool told(const struct object *ns, const char *type, const struct buf *message)
{
	CLEANUP(buf_done) struct buf had = BUF_INIT;

	return str_eq(jv_str(jv_get(condition_get(jv_of(ns->bytes), type), "message"), &had),
		      buf_str(message));
}

static void tell(struct ctl *c, const struct object *ns, const struct buf *kinds,
		 const struct buf *finalizers, struct plan *p)
{
	char now[TIME_LEN + 1];
	struct plan_op *op;
	struct jw w;

	if (told(ns, "NamespaceContentRemaining", kinds) &&
	    told(ns, "NamespaceFinalizersRemaining", finalizers))
		return;
	time_format(client_real_ns(c->client), now);
	op = plan_add(p, "PATCH", &client_namespaces, STR_NULL, ns->name, "status");
	op->content_type = CLIENT_MERGE_PATCH;
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body,
		 "{\"metadata\":{\"resourceVersion\":\"%.*s\"},\"status\":{\"conditions\":",
		 STR_ARG(jv_text(jv_get(object_meta(ns), "resourceVersion"))));
	w = jw_start(&op->body);
	jw_begin_array(&w);
	write_condition(&w, ns, "NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered",
			"All resources successfully discovered", now);
	write_condition(&w, ns, "NamespaceDeletionGroupVersionParsingFailure", false,
			"ParsedGroupVersions", "All legacy kube types successfully parsed", now);
	write_condition(&w, ns, "NamespaceDeletionContentFailure", false, "ContentDeleted",
			"All content successfully deleted, may be waiting on finalization", now);
	write_condition(&w, ns, "NamespaceContentRemaining", true, "SomeResourcesRemain", kinds->p,
			now);
	write_condition(&w, ns, "NamespaceFinalizersRemaining", finalizers->len > 0,
			finalizers->len ? "SomeFinalizersRemain" : "ContentHasNoFinalizers",
			finalizers->len ? finalizers->p
					: "All content-preserving finalizers finished",
			now);
	jw_end_array(&w);
	buf_adds(&op->body, "}}");
}

/* Most is gone in a moment, and nothing is said of it. */
static void look_again(struct ctl *c, const struct object *ns, struct remains *r, struct plan *p)
{
	int64_t since = time_ns(jv_get(object_meta(ns), "deletionTimestamp"));
	CLEANUP(buf_done) struct buf kinds = BUF_INIT, finalizers = BUF_INIT;
	bool late = client_real_ns(c->client) - since >= (int64_t)(2 * SOON_NS);

	plan_again_in(p, late ? LOOK_AGAIN_NS : SOON_NS);
	if (!late || !r->n_kinds)
		return;
	hmap_for_each (it, r->counts)
		*ARRAY_PUSH(r->finalizers, r->n_finalizers, r->cap_finalizers) =
			xasprintf("%.*s in %zu resource instances", STR_ARG(it->key),
				  (size_t)(uintptr_t)it->value);
	buf_adds(&kinds, "Some resources are remaining: ");
	join(TAKE(r->kinds), r->n_kinds, &kinds);
	if (r->n_finalizers)
		buf_adds(&finalizers, "Some content in the namespace has finalizers remaining: ");
	join(TAKE(r->finalizers), r->n_finalizers, &finalizers);
	r->n_kinds = 0;
	tell(c, ns, &kinds, &finalizers, p);
}

static void remains_done(struct remains *r)
{
	for (size_t i = 0; i < r->n_kinds; i++)
		free(r->kinds[i]);
	free(r->kinds);
	hmap_free(r->counts);
}

/* ---- emptying ---- */

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
static bool empty_of_customs(struct ctl *c, struct plan *p, struct str ns, struct remains *r)
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
		} else if (content(c, k, ns).n) {
			remains_add(r, k, content(c, k, ns));
			delete_all(p, k, ns);
			empty = false;
		}
	}
	return empty;
}

static bool empty_of(struct ctl *c, const struct client_kind *k, const struct object *ns,
		     struct remains *r, struct plan *p)
{
	struct object_set set = k->namespaced ? content(c, k, ns->name) : (struct object_set){0};

	if (!set.n)
		return true;
	remains_add(r, k, set);
	delete_all(p, k, ns->name);
	return false;
}

static bool empty_of_all(struct ctl *c, const struct object *ns, struct remains *r, struct plan *p)
{
	const struct client_kind *kinds;
	bool empty = true;
	size_t n;

	kinds = kinds_all(&n);
	for (size_t i = 0; i < n; i++)
		if (!*kinds[i].group && !strcmp(kinds[i].plural, "pods") &&
		    !empty_of(c, &kinds[i], ns, r, p))
			return false;
	for (size_t i = 0; i < n; i++)
		empty &= empty_of(c, &kinds[i], ns, r, p);
	return empty_of_customs(c, p, ns->name, r) && empty;
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *ns = informer_get(namespaces(c), key);
	CLEANUP(remains_done) struct remains r = {0};

	if (!ns || !object_deleting(ns) || !has_finalizer(ns))
		return;
	r.counts = hmap_new();
	if (!empty_of_all(c, ns, &r, p)) {
		look_again(c, ns, &r, p);
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
