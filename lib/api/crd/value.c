/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/schema.h"
#include "lib/api/validate/check.h"

/* ---- pruning (apiextensions pkg/apiserver/schema/pruning) ---- */

struct prune {
	struct buf path;
	crd_unknown_fn *found;
	void *user;
};

static bool is_own(const char *key)
{
	return !strcmp(key, "apiVersion") || !strcmp(key, "kind") || !strcmp(key, "metadata");
}

static void prune(struct prune *p, const struct crd_schema *s, struct json_object *v, bool root);

static size_t enter(struct prune *p, const char *key)
{
	size_t len = p->path.len;

	if (p->found)
		buf_addf(&p->path, "%s%s", len ? "." : "", key);
	return len;
}

extern const struct api_type api_t_meta_v1_ObjectMeta;

/* The metadata of an embedded object is known by its table. */
static void prune_typed(struct prune *p, const struct api_type *t, struct json_object *v)
{
	struct lh_entry *next;

	if (!json_object_is_type(v, json_type_object))
		return;
	for (struct lh_entry *e = lh_table_head(json_object_get_object(v)); e; e = next) {
		const struct api_field *f = api_field_find(t, str_of(map_key(e)));
		size_t len = enter(p, map_key(e));

		next = lh_entry_next(e);
		if (!f) {
			if (p->found)
				p->found(p->user, p->path.p);
			json_object_object_del(v, map_key(e));
		} else if (f->type == API_OBJECT && f->shape == API_ONE) {
			prune_typed(p, f->ref, map_value(e));
		} else if (f->type == API_OBJECT && f->shape == API_LIST) {
			for (size_t i = 0; i < list_len(map_value(e)); i++) {
				size_t at = p->path.len;

				if (p->found)
					buf_addf(&p->path, "[%zu]", i);
				prune_typed(p, f->ref, list_at(map_value(e), i));
				buf_setlen(&p->path, at);
			}
		}
		buf_setlen(&p->path, len);
	}
}

static void prune_object(struct prune *p, const struct crd_schema *s, struct json_object *v,
			 bool root)
{
	bool keep = s && s->preserve;
	struct lh_entry *next;

	for (struct lh_entry *e = lh_table_head(json_object_get_object(v)); e; e = next) {
		const char *key = map_key(e);
		const struct crd_schema *m = crd_schema_prop(s, str_of(key));
		size_t len;

		next = lh_entry_next(e);
		if ((root || (s && s->embedded)) && is_own(key)) {
			len = enter(p, key);
			if (!root && !strcmp(key, "metadata"))
				prune_typed(p, &api_t_meta_v1_ObjectMeta, map_value(e));
			buf_setlen(&p->path, len);
			continue;
		}
		len = enter(p, key);
		if (m) {
			prune(p, m, map_value(e), false);
		} else if (s && (s->additional || s->additional_any)) {
			prune(p, s->additional, map_value(e), false);
		} else if (!keep) {
			if (p->found)
				p->found(p->user, p->path.p);
			json_object_object_del(v, key);
		}
		buf_setlen(&p->path, len);
	}
}

static void prune(struct prune *p, const struct crd_schema *s, struct json_object *v, bool root)
{
	if (json_object_is_type(v, json_type_object)) {
		prune_object(p, s, v, root);
		return;
	}
	/* Elements nothing is said about are kept where their list is. */
	if (!json_object_is_type(v, json_type_array) || (s && s->preserve && !s->items))
		return;
	for (size_t i = 0; i < list_len(v); i++) {
		size_t len = p->path.len;

		if (p->found)
			buf_addf(&p->path, "[%zu]", i);
		prune(p, s ? s->items : NULL, list_at(v, i), false);
		buf_setlen(&p->path, len);
	}
}

void crd_prune(const struct crd_schema *root, struct json_object *obj, crd_unknown_fn *found,
	       void *user)
{
	struct prune p = {.path = BUF_INIT, .found = found, .user = user};

	prune(&p, root, obj, true);
	buf_done(&p.path);
}

/* ---- defaults (pkg/apiserver/schema/defaulting) ---- */

static bool bad_null(const struct crd_schema *s, struct json_object *v)
{
	return !v && s && !s->nullable;
}

static void fill(const struct crd_schema *s, struct json_object *v);

static void fill_object(const struct crd_schema *s, struct json_object *v)
{
	struct lh_entry *next;

	for (uint32_t i = 0; i < s->n_props; i++) {
		const struct crd_prop *p = &s->props[i];
		struct json_object *m;

		if (!p->schema->def)
			continue;
		if (!json_object_object_get_ex(v, p->name.p, &m) || bad_null(p->schema, m))
			json_object_object_add(v, p->name.p, jsonc_clone(p->schema->def));
	}
	for (struct lh_entry *e = lh_table_head(json_object_get_object(v)); e; e = next) {
		const struct crd_schema *m = crd_schema_member(s, str_of(map_key(e)));

		next = lh_entry_next(e);
		if (!m)
			continue;
		if (map_value(e)) {
			fill(m, map_value(e));
		} else if (bad_null(m, NULL) && m->def) {
			json_object_object_add(v, map_key(e), jsonc_clone(m->def));
		} else if (bad_null(m, NULL)) {
			json_object_object_del(v, map_key(e));
		}
	}
}

static void fill(const struct crd_schema *s, struct json_object *v)
{
	if (!s)
		return;
	if (json_object_is_type(v, json_type_object)) {
		fill_object(s, v);
	} else if (json_object_is_type(v, json_type_array) && s->items) {
		for (size_t i = 0; i < list_len(v); i++) {
			if (bad_null(s->items, list_at(v, i)) && s->items->def)
				json_object_array_put_idx(v, i, jsonc_clone(s->items->def));
			fill(s->items, list_at(v, i));
		}
	}
}

void crd_default(const struct crd_schema *root, struct json_object *obj)
{
	fill(root, obj);
}
