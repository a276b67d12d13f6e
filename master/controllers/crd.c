/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "master/controllers/controller.h"
#include "master/controllers/custom_kinds.h"
#include "master/controllers/util.h"

/*
 * CustomResourceDefinitions (apiextensions-apiserver pkg/controller/status, /establish,
 * /finalizer):
 *
 *	names free in their group --> NamesAccepted, Established: the kind is served
 *	being deleted             --> its objects are deleted, then the finalizer goes
 */
#define FINALIZER "customresourcecleanup.apiextensions.k8s.io"
#define LOOK_AGAIN_NS NSEC_PER_SEC

struct state {
	struct custom_kinds *kinds;
};

static struct informer *crds(struct ctl *c)
{
	return custom_crds(c);
}

/* ---- names ---- */

struct conflict {
	const char *reason; /* NULL: none */
	char *message;
};

static bool same_text(struct jv a, struct jv b)
{
	return jv_text(a).len && str_eq(jv_text(a), jv_text(b));
}

static bool has_text(struct jv list, struct jv text)
{
	jv_for_each (it, list)
		if (same_text(it.value, text))
			return true;
	return false;
}

/* Is a resource name (plural, singular, short) in use by `other`? */
static bool takes_resource(struct jv other, struct jv text)
{
	return same_text(jv_get(other, "plural"), text) ||
	       same_text(jv_get(other, "singular"), text) ||
	       has_text(jv_get(other, "shortNames"), text);
}

static bool takes_kind(struct jv other, struct jv text)
{
	return same_text(jv_get(other, "kind"), text) || same_text(jv_get(other, "listKind"), text);
}

static bool in_use(struct ctl *c, const struct object *crd, struct jv text, bool kind)
{
	struct jv group = jv_path(jv_of(crd->bytes), "spec.group");

	informer_for_each(o, crds(c))
	{
		struct jv other = jv_of(o->bytes);

		if (o == crd || str_eq(o->name, crd->name) ||
		    !same_text(jv_path(other, "spec.group"), group))
			continue;
		other = jv_path(other, "status.acceptedNames");
		if (kind ? takes_kind(other, text) : takes_resource(other, text))
			return true;
	}
	return false;
}

static void conflict_is(struct conflict *k, const char *reason, struct jv text)
{
	if (k->reason)
		return;
	k->reason = reason;
	k->message = xasprintf("\"%.*s\" is already in use", STR_ARG(jv_text(text)));
}

/* Each name is taken over when it is free, and stays as it was when it is not. */
static void accept(struct ctl *c, const struct object *crd, struct conflict *k, struct jw *w)
{
	static const struct {
		const char *name, *reason;
		bool kind;
	} rows[] = {{"plural", "PluralConflict", false},
		    {"singular", "SingularConflict", false},
		    {"kind", "KindConflict", true},
		    {"listKind", "ListKindConflict", true}};
	struct jv o = jv_of(crd->bytes), names = jv_path(o, "spec.names");
	struct jv had = jv_path(o, "status.acceptedNames");
	bool short_ok = true;

	jw_begin_object(w);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct jv name = jv_get(names, rows[i].name);

		if (in_use(c, crd, name, rows[i].kind)) {
			conflict_is(k, rows[i].reason, name);
			name = jv_get(had, rows[i].name);
		}
		jw_member_str(w, rows[i].name, jv_exists(name) ? jv_text(name) : STR(""));
	}
	jv_for_each (it, jv_get(names, "shortNames")) {
		if (!in_use(c, crd, it.value, false))
			continue;
		conflict_is(k, "ShortNamesConflict", it.value);
		short_ok = false;
	}
	for (size_t i = 0; i < 2; i++) {
		const char *name = i ? "categories" : "shortNames";
		struct jv list = jv_get(i || short_ok ? names : had, name);

		if (jv_exists(list))
			jw_member_raw(w, name, jv_raw(list));
		else if (jv_exists(jv_get(had, name))) /* of a merge patch: away with it */
			jw_member_raw(w, name, STR("null"));
	}
	jw_end_object(w);
}

/* ---- conditions ---- */

static void write_condition(struct ctl *c, struct jw *w, struct jv crd, const char *type, bool yes,
			    const char *reason, const char *message)
{
	struct jv had = condition_get(crd, type);
	const char *status = yes ? "True" : "False";
	char now[TIME_LEN + 1];

	time_format(client_real_ns(c->client), now);
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

/* Conditions of others stay. */
static void keep_conditions(struct jw *w, struct jv crd, const char *const *but)
{
	jv_for_each (it, jv_path(crd, "status.conditions")) {
		bool ours = false;

		for (size_t i = 0; but[i]; i++)
			ours |= jv_eqs(jv_get(it.value, "type"), but[i]);
		if (!ours)
			jw_raw(w, jv_raw(it.value));
	}
}

static void write_established(struct ctl *c, struct jw *w, struct jv crd, bool accepted)
{
	struct jv had = condition_get(crd, "Established");

	if (jv_eqs(jv_get(had, "status"), "True"))
		jw_raw(w, jv_raw(had)); /* for good */
	else if (accepted)
		write_condition(c, w, crd, "Established", true, "InitialNamesAccepted",
				"the initial names have been accepted");
	else
		write_condition(c, w, crd, "Established", false, "NotAccepted",
				"not all names are accepted");
}

static void sync_names(struct ctl *c, const struct object *crd, struct plan *p)
{
	static const char *const ours[] = {"NamesAccepted", "Established", NULL};
	CLEANUP(buf_done) struct buf names = BUF_INIT, conds = BUF_INIT;
	struct jv o = jv_of(crd->bytes);
	struct jw w = jw_start(&names);
	struct conflict k = {0};
	struct plan_op *op;

	accept(c, crd, &k, &w);
	w = jw_start(&conds);
	jw_begin_array(&w);
	keep_conditions(&w, o, ours);
	write_condition(c, &w, o, "NamesAccepted", !k.reason, k.reason ? k.reason : "NoConflicts",
			k.reason ? k.message : "no conflicts found");
	write_established(c, &w, o, !k.reason);
	jw_end_array(&w);
	free(k.message);
	if (json_same(buf_str(&names), jv_raw(jv_path(o, "status.acceptedNames"))) &&
	    json_same(buf_str(&conds), jv_raw(jv_path(o, "status.conditions"))))
		return;
	op = plan_add(p, "PATCH", &client_crds, STR_NULL, crd->name, "status");
	op->content_type = CLIENT_MERGE_PATCH;
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body,
		 "{\"metadata\":{\"resourceVersion\":\"%.*s\"},\"status\":{\"acceptedNames\":%s,"
		 "\"conditions\":%s}}",
		 STR_ARG(jv_text(jv_get(object_meta(crd), "resourceVersion"))), names.p, conds.p);
}

/* ---- deletion ---- */

static bool has_finalizer(const struct object *o)
{
	jv_for_each (f, jv_get(object_meta(o), "finalizers"))
		if (jv_eqs(f.value, FINALIZER))
			return true;
	return false;
}

static void drop_finalizer(const struct object *crd, struct plan *p)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_crds, STR_NULL, crd->name, NULL);
	struct jw w = jw_start(&op->body);

	op->content_type = CLIENT_MERGE_PATCH;
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(object_meta(crd), "resourceVersion")));
	jw_key(&w, "finalizers");
	jw_begin_array(&w);
	jv_for_each (f, jv_get(object_meta(crd), "finalizers"))
		if (!jv_eqs(f.value, FINALIZER))
			jw_raw(&w, jv_raw(f.value));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void sync_deletion(struct ctl *c, const struct object *crd, struct plan *p)
{
	const struct client_kind *k = custom_kind_of(crd);
	struct informer *in = k ? informers_find(c->informers, k) : NULL;
	CLEANUP(hmap_freep) struct hmap *seen = hmap_new();

	if (!has_finalizer(crd))
		return;
	if (k && (!in || !informer_synced(in))) {
		plan_again_in(p, LOOK_AGAIN_NS / 10);
		return;
	}
	if (!in || !informer_len(in)) {
		drop_finalizer(crd, p);
		return;
	}
	informer_for_each(o, in)
	{
		struct str ns = o->ns.p ? o->ns : STR("");
		struct plan_op *op;

		if (o->deleting || hmap_has(seen, ns))
			continue;
		hmap_put(seen, ns, seen);
		op = plan_add(p, "DELETE", k, k->namespaced ? o->ns : STR_NULL, STR_NULL, NULL);
		op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
		buf_adds(&op->body, "{\"propagationPolicy\":\"Background\"}");
	}
	plan_again_in(p, LOOK_AGAIN_NS);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *crd = informer_get(crds(c), key);

	if (!crd)
		return;
	if (object_deleting(crd))
		sync_deletion(c, crd, p);
	else
		sync_names(c, crd, p);
}

/* ---- events ---- */

/* A name may have become free. */
static void freed(void *user, struct object *gone)
{
	struct ctl *c = user;

	informer_for_each(o, crds(c)) ctl_enqueue(c, o->key);
}
static const struct informer_handler on_gone = {.deleted = freed};

static void instance_gone(void *user, struct object *o)
{
	struct ctl *c = user;

	informer_for_each(crd, crds(c)) if (object_deleting(crd)) ctl_enqueue(c, crd->key);
}
static const struct informer_handler on_instance = {.deleted = instance_gone};

static void kind_added(void *user, const struct client_kind *k)
{
	struct ctl *c = user;

	informer_handle(informers_get_metadata(c->informers, k), &on_instance, c);
	informers_start(c->informers);
}

static void kind_removed(void *user, const struct client_kind *k)
{
	struct ctl *c = user;
	struct informer *in = informers_find(c->informers, k);

	if (!in)
		return;
	informer_unhandle(in, &on_instance, c);
	informers_drop(c->informers, in);
}
static const struct custom_kinds_ops kind_ops = {kind_added, kind_removed};

static bool init(struct ctl *c)
{
	struct state *s = NEW(struct state);

	c->state = s;
	ctl_handle(c, crds(c), &ctl_enqueue_self);
	ctl_handle(c, crds(c), &on_gone);
	s->kinds = custom_kinds_new(c, &kind_ops, c);
	return true;
}

static void done(struct ctl *c)
{
	struct state *s = c->state;
	const struct client_kind *k;

	for (size_t i = 0; (k = custom_kinds_at(s->kinds, i)); i++) {
		struct informer *in = informers_find(c->informers, k);

		if (in)
			informer_unhandle(in, &on_instance, c);
	}
	custom_kinds_free(s->kinds);
	free(s);
	c->state = NULL;
}

const struct controller crd_controller = {
	.name = "customresourcedefinition",
	.parallel = 4,
	.init = init,
	.sync = reconcile,
	.done = done,
};
