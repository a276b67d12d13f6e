/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/gc_graph.h"
#include "master/controllers/custom_kinds.h"
#include "master/controllers/kinds.h"
#include "master/controllers/util.h"

#define ABSENT_MAX 10000 /* then all is forgotten: it is only a cache of answers */

struct dep_array {
	struct gc_dep *v;
	size_t n, cap;
};

static void array_free(void *p)
{
	struct dep_array *a = p;

	for (size_t i = 0; i < a->n; i++)
		free(a->v[i].key);
	free(a->v);
	free(a);
}

struct gc_list gc_dependents(const struct gc *g, struct str uid)
{
	const struct dep_array *a = hmap_get(g->dependents, uid);

	return a ? (struct gc_list){a->v, a->n} : (struct gc_list){NULL, 0};
}

static void link_owner(struct gc *g, struct gc_kind *k, const struct object *o, struct str uid)
{
	struct dep_array *a = hmap_get(g->dependents, uid);

	if (!a) {
		a = NEW(struct dep_array);
		hmap_put(g->dependents, uid, a);
	}
	*ARRAY_PUSH(a->v, a->n, a->cap) = (struct gc_dep){k, str_dup(o->key)};
}

static void unlink_owner(struct gc *g, struct gc_kind *k, const struct object *o, struct str uid)
{
	struct dep_array *a = hmap_get(g->dependents, uid);

	for (size_t i = 0; a && i < a->n; i++) {
		if (a->v[i].kind != k || !str_eqs(o->key, a->v[i].key))
			continue;
		free(a->v[i].key);
		a->v[i] = a->v[--a->n];
		break;
	}
	if (a && !a->n) {
		hmap_del(g->dependents, uid);
		array_free(a);
	}
}

static void link_all(struct gc_kind *k, const struct object *o,
		     void (*fn)(struct gc *, struct gc_kind *, const struct object *, struct str))
{
	jv_for_each (ref, object_owners(o))
		fn(k->g, k, o, jv_text(jv_get(ref.value, "uid")));
}

bool gc_known_absent(const struct gc *g, struct str uid)
{
	return hmap_has(g->absent, uid);
}

void gc_note_absent(struct gc *g, struct str uid)
{
	if (hmap_len(g->absent) >= ABSENT_MAX) {
		hmap_free(g->absent);
		g->absent = hmap_new();
	}
	hmap_put(g->absent, uid, g);
}

struct gc_kind *gc_kind_of_ref(struct gc *g, struct jv ref)
{
	struct str version = jv_text(jv_get(ref, "apiVersion"));
	struct str kind = jv_text(jv_get(ref, "kind"));
	const struct client_kind *k = kinds_find(version, kind);

	if (!k && g->customs)
		k = custom_kinds_find(g->customs, version, kind);
	for (size_t i = 0; k && i < g->n_kinds; i++)
		if (g->kinds[i] && g->kinds[i]->kind == k)
			return g->kinds[i];
	return NULL;
}

/* Keys of the queue: "<index of the kind>:<key of the object>". */
void gc_enqueue(struct gc *g, struct gc_kind *k, const struct object *o)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	buf_addf(&key, "%zu:%.*s", k->at, STR_ARG(o->key));
	ctl_enqueue(g->c, buf_str(&key));
}

struct object *gc_find(struct gc *g, struct str key, struct gc_kind **ret)
{
	struct str index;
	uint64_t at;

	if (!str_split(&key, ':', &index) || str_to_u64(index, &at) < 0 || at >= g->n_kinds ||
	    !g->kinds[at])
		return NULL;
	*ret = g->kinds[at];
	return informer_get((*ret)->in, key);
}

static bool has_owners(const struct object *o)
{
	return jv_len(object_owners(o)) > 0;
}

static void enqueue_dependents(struct gc *g, struct str uid)
{
	struct gc_list deps = gc_dependents(g, uid);

	for (size_t i = 0; i < deps.n; i++) {
		struct object *o = informer_get(deps.v[i].kind->in, str_of(deps.v[i].key));

		if (o)
			gc_enqueue(g, deps.v[i].kind, o);
	}
}

static void on_added(void *user, struct object *o)
{
	struct gc_kind *k = user;

	link_all(k, o, link_owner);
	if (has_owners(o) || gc_is_closing(o))
		gc_enqueue(k->g, k, o);
}

static void on_updated(void *user, struct object *old, struct object *o)
{
	struct gc_kind *k = user;
	struct jv was = object_owners(old);
	struct jv is = object_owners(o);

	if (!str_eq(jv_raw(was), jv_raw(is))) {
		link_all(k, old, unlink_owner);
		link_all(k, o, link_owner);
		gc_enqueue(k->g, k, o);
	}
	if (!gc_is_closing(o))
		return;
	gc_enqueue(k->g, k, o);
	if (!gc_is_closing(old))
		enqueue_dependents(k->g, object_uid(o));
}

/* Its dependents may be garbage now; owners that waited for it may go on. */
static void on_deleted(void *user, struct object *o)
{
	struct gc_kind *k = user;

	link_all(k, o, unlink_owner);
	gc_note_absent(k->g, object_uid(o));
	enqueue_dependents(k->g, object_uid(o));
	jv_for_each (ref, object_owners(o)) {
		struct gc_kind *ok = gc_kind_of_ref(k->g, ref.value);
		struct object *owner =
			ok ? informer_get_in(ok->in, ok->kind->namespaced ? o->ns : STR_NULL,
					     jv_text(jv_get(ref.value, "name")))
			   : NULL;

		if (owner && gc_is_closing(owner))
			gc_enqueue(k->g, ok, owner);
	}
}
static const struct informer_handler handler = {on_added, on_updated, on_deleted, NULL};

static struct gc_kind *add_kind(struct gc *g, const struct client_kind *kind)
{
	struct gc_kind *k = NEW(struct gc_kind);
	size_t at = 0;

	while (at < g->n_kinds && g->kinds[at])
		at++;
	if (at == g->n_kinds)
		ARRAY_PUSH(g->kinds, g->n_kinds, g->cap_kinds);
	*k = (struct gc_kind){g, kind, informers_get_metadata(g->c->informers, kind), at};
	g->kinds[at] = k;
	return k;
}

static void custom_added(void *user, const struct client_kind *kind)
{
	struct gc *g = user;
	struct gc_kind *k = add_kind(g, kind);

	informer_handle(k->in, &handler, k);
	informers_start(g->c->informers);
}

/* Entries of others' lists that point to it go with it. */
static void custom_removed(void *user, const struct client_kind *kind)
{
	struct gc *g = user;

	for (size_t i = 0; i < g->n_kinds; i++) {
		struct gc_kind *k = g->kinds[i];

		if (!k || k->kind != kind)
			continue;
		informer_for_each(o, k->in) link_all(k, o, unlink_owner);
		informer_unhandle(k->in, &handler, k);
		informers_drop(g->c->informers, k->in);
		g->kinds[i] = NULL;
		free(k);
		return;
	}
}
static const struct custom_kinds_ops custom_ops = {custom_added, custom_removed};

struct gc *gc_graph_new(struct ctl *c)
{
	struct gc *g = NEW(struct gc);
	size_t n;
	const struct client_kind *kinds = kinds_all(&n);

	g->c = c;
	g->dependents = hmap_new();
	g->absent = hmap_new();
	for (size_t i = 0; i < n; i++)
		add_kind(g, &kinds[i]);
	/* Handlers last: those of one kind ask for the others. */
	for (size_t i = 0; i < n; i++)
		informer_handle(g->kinds[i]->in, &handler, g->kinds[i]);
	g->customs = custom_kinds_new(c, &custom_ops, g);
	return g;
}

struct gc *gc_graph_free(struct gc *g)
{
	if (!g)
		return NULL;
	custom_kinds_free(g->customs);
	for (size_t i = 0; i < g->n_kinds; i++) {
		if (!g->kinds[i])
			continue;
		informer_unhandle(g->kinds[i]->in, &handler, g->kinds[i]);
		free(g->kinds[i]);
	}
	hmap_free_full(g->dependents, array_free);
	hmap_free(g->absent);
	free(g->kinds);
	free(g);
	return NULL;
}
