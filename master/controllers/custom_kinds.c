/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/custom_kinds.h"
#include "lib/api/kind.h"
#include "master/controllers/util.h"

const struct client_kind client_crds = {"apiextensions.k8s.io", "v1", "customresourcedefinitions",
					"CustomResourceDefinition", false};

struct custom_kinds {
	struct ctl *c;
	const struct custom_kinds_ops *ops;
	void *user;
	struct {
		char *crd; /* the definition's name */
		const struct client_kind *kind;
	} * v;
	size_t n, cap;
};

/* The members of an object but one. */
static void all_but(struct jw *w, struct jv object, const char *but)
{
	jv_for_each_member (it, object) {
		if (str_eqs(it.key, but))
			continue;
		jw_keyn(w, it.key);
		jw_raw(w, jv_raw(it.value));
	}
}

static void trim_spec(struct jw *w, struct jv spec)
{
	static const char *const kept[] = {"name", "served", "storage"};

	jw_begin_object(w);
	all_but(w, spec, "versions");
	jw_key(w, "versions");
	jw_begin_array(w);
	jv_for_each (it, jv_get(spec, "versions")) {
		jw_begin_object(w);
		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			if (jv_exists(jv_get(it.value, kept[i])))
				jw_member_raw(w, kept[i], jv_raw(jv_get(it.value, kept[i])));
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_end_object(w);
}

/* Schemas are most of a definition, and the store keeps them compressed while nobody reads them. */
static void trim(struct jv crd, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	all_but(&w, jv_get(crd, "metadata"), "managedFields");
	jw_end_object(&w);
	jw_key(&w, "spec");
	trim_spec(&w, jv_get(crd, "spec"));
	if (jv_exists(jv_get(crd, "status")))
		jw_member_raw(&w, "status", jv_raw(jv_get(crd, "status")));
	jw_end_object(&w);
}

struct informer *custom_crds(struct ctl *c)
{
	struct informer *in = informers_get(c->informers, &client_crds);

	informer_trim(in, trim);
	return in;
}

/* One row a distinct kind, kept: plans under way point to it. */
static const struct client_kind *intern(const struct client_kind *k)
{
	static struct client_kind **all;
	static size_t n, cap;
	struct client_kind *row;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i]->group, k->group) && !strcmp(all[i]->version, k->version) &&
		    !strcmp(all[i]->plural, k->plural) && !strcmp(all[i]->kind, k->kind) &&
		    all[i]->namespaced == k->namespaced)
			return all[i];
	row = NEW(struct client_kind);
	*row = (struct client_kind){xstrdup(k->group), xstrdup(k->version), xstrdup(k->plural),
				    xstrdup(k->kind), k->namespaced};
	*ARRAY_PUSH(all, n, cap) = row;
	return row;
}

/* A served version, the stored one if it is. */
static struct jv version_of(struct jv crd)
{
	struct jv first = JV_NONE;

	jv_for_each (it, jv_path(crd, "spec.versions")) {
		if (!jv_bool(jv_get(it.value, "served"), false))
			continue;
		if (jv_bool(jv_get(it.value, "storage"), false))
			return jv_get(it.value, "name");
		if (!jv_exists(first))
			first = jv_get(it.value, "name");
	}
	return first;
}

const struct client_kind *custom_kind_of(const struct object *crd)
{
	struct jv o = jv_of(crd->bytes), names = jv_path(o, "status.acceptedNames");
	struct jv version = version_of(o);
	CLEANUP_FREE char *group = jv_strdup(jv_path(o, "spec.group"));
	CLEANUP_FREE char *ver = jv_strdup(version);
	CLEANUP_FREE char *plural = jv_strdup(jv_get(names, "plural"));
	CLEANUP_FREE char *kind = jv_strdup(jv_get(names, "kind"));

	if (!condition_true(o, "Established") || !group || !ver || !plural || !kind)
		return NULL;
	return intern(&(struct client_kind){group, ver, plural, kind,
					    jv_eqs(jv_path(o, "spec.scope"), "Namespaced")});
}

static void forget(struct custom_kinds *ck, size_t i)
{
	const struct client_kind *k = ck->v[i].kind;

	free(ck->v[i].crd);
	ck->v[i] = ck->v[--ck->n];
	ck->ops->removed(ck->user, k);
}

static void note(struct custom_kinds *ck, struct object *crd, const struct client_kind *kind)
{
	for (size_t i = 0; i < ck->n; i++) {
		if (!str_eqs(crd->name, ck->v[i].crd))
			continue;
		if (ck->v[i].kind == kind)
			return;
		forget(ck, i);
		break;
	}
	if (!kind)
		return;
	__typeof__(ck->v) row = ARRAY_PUSH(ck->v, ck->n, ck->cap);

	row->crd = str_dup(crd->name);
	row->kind = kind;
	ck->ops->added(ck->user, kind);
}

static void on_crd(void *user, struct object *o)
{
	note(user, o, custom_kind_of(o));
}

static void on_updated(void *user, struct object *old, struct object *o)
{
	note(user, o, custom_kind_of(o));
}

static void on_deleted(void *user, struct object *o)
{
	note(user, o, NULL);
}
static const struct informer_handler handler = {on_crd, on_updated, on_deleted, NULL};

struct custom_kinds *custom_kinds_new(struct ctl *c, const struct custom_kinds_ops *ops, void *user)
{
	struct custom_kinds *ck = NEW(struct custom_kinds);

	ck->c = c;
	ck->ops = ops;
	ck->user = user;
	informer_handle(custom_crds(c), &handler, ck);
	return ck;
}

struct custom_kinds *custom_kinds_free(struct custom_kinds *ck)
{
	if (!ck)
		return NULL;
	informer_unhandle(custom_crds(ck->c), &handler, ck);
	for (size_t i = 0; i < ck->n; i++)
		free(ck->v[i].crd);
	free(ck->v);
	free(ck);
	return NULL;
}

const struct client_kind *custom_kinds_at(const struct custom_kinds *ck, size_t i)
{
	return i < ck->n ? ck->v[i].kind : NULL;
}

const struct client_kind *custom_kinds_find(const struct custom_kinds *ck, struct str api_version,
					    struct str kind)
{
	struct str group, version;

	api_version_split(api_version, &group, &version);
	for (size_t i = 0; i < ck->n; i++)
		if (str_eqs(group, ck->v[i].kind->group) && str_eqs(kind, ck->v[i].kind->kind))
			return ck->v[i].kind;
	return NULL;
}
