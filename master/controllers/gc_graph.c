/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/gc_graph.h"
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
	const struct client_kind *k =
		kinds_find(jv_text(jv_get(ref, "apiVersion")), jv_text(jv_get(ref, "kind")));

	for (size_t i = 0; k && i < g->n_kinds; i++)
		if (g->kinds[i].kind == k)
			return &g->kinds[i];
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

	if (!str_split(&key, ':', &index) || str_to_u64(index, &at) < 0 || at >= g->n_kinds)
		return NULL;
	*ret = &g->kinds[at];
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

struct gc *gc_graph_new(struct ctl *c)
{
	struct gc *g = NEW(struct gc);
	const struct client_kind *kinds = kinds_all(&g->n_kinds);

	g->c = c;
	g->dependents = hmap_new();
	g->absent = hmap_new();
	g->kinds = xcalloc(g->n_kinds, sizeof(*g->kinds));
	for (size_t i = 0; i < g->n_kinds; i++) {
		struct informer *in = informers_get_metadata(c->informers, &kinds[i]);

		g->kinds[i] = (struct gc_kind){g, &kinds[i], in, i};
	}
	/* Handlers last: those of one kind ask for the others. */
	for (size_t i = 0; i < g->n_kinds; i++)
		informer_handle(g->kinds[i].in, &handler, &g->kinds[i]);
	return g;
}

struct gc *gc_graph_free(struct gc *g)
{
	if (!g)
		return NULL;
	for (size_t i = 0; i < g->n_kinds; i++)
		informer_unhandle(g->kinds[i].in, &handler, &g->kinds[i]);
	hmap_free_full(g->dependents, array_free);
	hmap_free(g->absent);
	free(g->kinds);
	free(g);
	return NULL;
}
