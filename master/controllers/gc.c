/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/gc_graph.h"
#include "master/controllers/util.h"

/*
 * Garbage collector (k8s pkg/controller/garbagecollector): what all of its owners left is deleted.
 *
 *	owner gone (background)       dependents are deleted
 *	owner "foregroundDeletion"    dependents first, those with blockOwnerDeletion hold it
 *	owner "orphan"                dependents lose the reference, then the owner goes
 *
 * An owner that no cache shows is asked for before anything is deleted: caches of different kinds
 * don't move together, and a child may be seen before its parent.
 */
#define FOREGROUND "foregroundDeletion"
#define ORPHAN "orphan"

enum owner_state { OWNER_SOLID, OWNER_DANGLING, OWNER_WAITING, OWNER_UNKNOWN };

static bool has_finalizer(const struct object *o, const char *name)
{
	jv_for_each (f, jv_get(object_meta(o), "finalizers"))
		if (jv_eqs(f.value, name))
			return true;
	return false;
}

/* Plan: metadata.finalizers without `name`. */
static void drop_finalizer(struct plan *p, const struct gc_kind *k, const struct object *o,
			   const char *name)
{
	struct plan_op *op = plan_add(p, "PATCH", k->kind, o->ns, o->name, NULL);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(object_meta(o), "resourceVersion")));
	jw_key(&w, "finalizers");
	jw_begin_array(&w);
	jv_for_each (f, jv_get(object_meta(o), "finalizers"))
		if (!jv_eqs(f.value, name))
			jw_raw(&w, jv_raw(f.value));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* Plan: o without the owner references for which keep() is false. */
static void drop_refs(struct plan *p, const struct gc_kind *k, const struct object *o,
		      bool (*keep)(struct jv ref, void *user), void *user)
{
	struct jw w = plan_owners(p, k->kind, o);

	jv_for_each (ref, object_owners(o))
		if (keep(ref.value, user))
			jw_raw(&w, jv_raw(ref.value));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void plan_delete(struct plan *p, const struct gc_kind *k, const struct object *o,
			const char *policy)
{
	struct plan_op *op = plan_add(p, "DELETE", k->kind, o->ns, o->name, NULL);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"},\"propagationPolicy\":\"%s\"}",
		 STR_ARG(object_uid(o)), policy);
}

/* Owners of one object */

static enum owner_state owner_state(struct gc *g, const struct object *child, struct jv ref)
{
	struct str uid = jv_text(jv_get(ref, "uid"));
	struct gc_kind *k = gc_kind_of_ref(g, ref);
	struct object *owner;

	if (gc_known_absent(g, uid))
		return OWNER_DANGLING;
	if (!k)
		return OWNER_SOLID; /* of a kind we can't see: never our business to delete for */
	owner = informer_get_in(k->in, k->kind->namespaced ? child->ns : STR_NULL,
				jv_text(jv_get(ref, "name")));
	if (!owner || !str_eq(object_uid(owner), uid))
		return OWNER_UNKNOWN;
	return object_deleting(owner) && has_finalizer(owner, FOREGROUND) ? OWNER_WAITING
									  : OWNER_SOLID;
}

static void on_asked(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct gc *g = user;
	struct str text = str_of(op->user_text), uid;

	/* user_text: "uid\nkey of the child" */
	str_split(&text, '\n', &uid);
	if (e->errnum == ENOENT ||
	    (!e->errnum && !str_eq(jv_text(jv_path(jv_of(body), "metadata.uid")), uid)))
		gc_note_absent(g, uid);
	else if (e->errnum)
		return;
	ctl_enqueue(g->c, text);
}

/* Asks the API whether an owner exists that no cache shows; the answer brings the child back. */
static void ask(struct gc *g, struct plan *p, struct str key, const struct object *child,
		struct jv ref)
{
	struct gc_kind *k = gc_kind_of_ref(g, ref);
	struct plan_op *op = plan_add(p, "GET", k->kind, k->kind->namespaced ? child->ns : STR_NULL,
				      jv_text(jv_get(ref, "name")), NULL);

	op->flags = PLAN_OK_ABSENT;
	op->result = on_asked;
	op->user = g;
	op->user_text = xasprintf("%.*s\n%.*s", STR_ARG(jv_text(jv_get(ref, "uid"))), STR_ARG(key));
}

struct keep_solid {
	struct gc *g;
	const struct object *child;
};

static bool is_solid(struct jv ref, void *user)
{
	struct keep_solid *k = user;

	return owner_state(k->g, k->child, ref) == OWNER_SOLID;
}

static const char *policy_for(struct gc *g, const struct object *o, bool waiting)
{
	if (has_finalizer(o, ORPHAN))
		return "Orphan";
	if (has_finalizer(o, FOREGROUND) || (waiting && gc_dependents(g, object_uid(o)).n))
		return "Foreground";
	return "Background";
}

static void check_owners(struct gc *g, struct plan *p, struct str key, struct gc_kind *k,
			 struct object *o)
{
	size_t n[OWNER_UNKNOWN + 1] = {0};
	struct keep_solid keep = {g, o};

	jv_for_each (ref, object_owners(o)) {
		enum owner_state st = owner_state(g, o, ref.value);

		n[st]++;
		if (st == OWNER_UNKNOWN)
			ask(g, p, key, o, ref.value);
	}
	if (n[OWNER_UNKNOWN] || object_deleting(o))
		return;
	if (!n[OWNER_DANGLING] && !n[OWNER_WAITING])
		return;
	if (n[OWNER_SOLID])
		drop_refs(p, k, o, is_solid, &keep);
	else
		plan_delete(p, k, o, policy_for(g, o, n[OWNER_WAITING]));
}

/* Dependents of one object that is being deleted */

static bool blocks(const struct object *child, struct str uid)
{
	jv_for_each (ref, object_owners(child))
		if (str_eq(jv_text(jv_get(ref.value, "uid")), uid))
			return jv_bool(jv_get(ref.value, "blockOwnerDeletion"), false);
	return false;
}

static void delete_foreground(struct gc *g, struct plan *p, struct gc_kind *k, struct object *o)
{
	struct gc_list deps = gc_dependents(g, object_uid(o));
	bool held = false;

	for (size_t i = 0; i < deps.n; i++) {
		struct object *child = informer_get(deps.v[i].kind->in, str_of(deps.v[i].key));

		if (!child)
			continue;
		held |= blocks(child, object_uid(o));
		if (!object_deleting(child))
			gc_enqueue(g, deps.v[i].kind, child);
	}
	if (!held)
		drop_finalizer(p, k, o, FOREGROUND);
}

static bool not_this_owner(struct jv ref, void *user)
{
	return !str_eq(jv_text(jv_get(ref, "uid")), *(struct str *)user);
}

static void orphan_dependents(struct gc *g, struct plan *p, struct gc_kind *k, struct object *o)
{
	struct str uid = object_uid(o);
	struct gc_list deps = gc_dependents(g, uid);
	bool any = false;

	for (size_t i = 0; i < deps.n; i++) {
		struct object *child = informer_get(deps.v[i].kind->in, str_of(deps.v[i].key));

		if (!child)
			continue;
		drop_refs(p, deps.v[i].kind, child, not_this_owner, &uid);
		any = true;
	}
	/* Only when the caches show none: a conflict above leaves the finalizer for another round.
	 */
	if (!any)
		drop_finalizer(p, k, o, ORPHAN);
	else
		plan_again_in(p, 100 * NSEC_PER_MSEC);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct gc *g = c->state;
	struct gc_kind *k;
	struct object *o = gc_find(g, key, &k);

	if (!o)
		return;
	if (object_deleting(o) && has_finalizer(o, ORPHAN))
		orphan_dependents(g, p, k, o);
	else if (object_deleting(o) && has_finalizer(o, FOREGROUND))
		delete_foreground(g, p, k, o);
	check_owners(g, p, key, k, o);
}

bool gc_is_closing(const struct object *o)
{
	return object_deleting(o) && (has_finalizer(o, FOREGROUND) || has_finalizer(o, ORPHAN));
}

static bool init(struct ctl *c)
{
	c->state = gc_graph_new(c);
	return true;
}

static void done(struct ctl *c)
{
	c->state = gc_graph_free(c->state);
}

const struct controller gc_controller = {
	.name = "garbage-collector",
	.parallel = 32,
	.init = init,
	.sync = reconcile,
	.done = done,
};
