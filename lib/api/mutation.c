/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/mutation.h"
#include "lib/api/crd/custom.h"
#include "lib/api/patch.h"
#include "lib/api/typed.h"

/* ---- the language ---- */

static struct cel_val escape_key(struct cel_run *r, const struct cel_val *a, size_t n)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < a->s.len; i++) {
		if (a->s.p[i] == '~')
			buf_adds(&b, "~0");
		else if (a->s.p[i] == '/')
			buf_adds(&b, "~1");
		else
			buf_addc(&b, a->s.p[i]);
	}
	return cel_take_buf(r, &b);
}

#define FIELD(text, t)                                                \
	{                                                             \
		{text, sizeof(text) - 1}, {text, sizeof(text) - 1}, t \
	}
static const struct cel_field patch_fields[] = {
	FIELD("op", &cel_t_string), FIELD("path", &cel_t_string), FIELD("from", &cel_t_string),
	FIELD("value", &cel_t_dyn)};
static const struct cel_message messages[] = {
	{"Object", NULL, 0, true, true, NULL, NULL},
	{"JSONPatch", patch_fields, ARRAY_SIZE(patch_fields), false, false, NULL, NULL},
};
static const struct cel_def defs[] = {{"jsonpatch.escapeKey", "s:s", escape_key, 1}};
const struct cel_lib api_cel_lib_mutation = {.defs = defs,
					     .n = ARRAY_SIZE(defs),
					     .messages = messages,
					     .n_messages = ARRAY_SIZE(messages)};

static const char *const patch_types[] = {"ApplyConfiguration", "JSONPatch"};

int api_mutation_parse(struct str patch_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(patch_types); i++)
		if (str_eqs(patch_type, patch_types[i]))
			return (int)i;
	return -EINVAL;
}

static bool is_message(const struct cel_type *t, const char *name)
{
	return t->kind == CEL_OBJECT && t->open && !strcmp(t->name, name);
}

bool api_mutation_fits(enum api_mutation m, const struct cel_type *t, struct buf *why)
{
	bool apply = m == API_MUTATION_APPLY;

	if (apply ? is_message(t, "Object") : t->kind == CEL_LIST && is_message(t->a, "JSONPatch"))
		return true;
	buf_addf(why, "must evaluate to %s but got ", apply ? "Object" : "list(JSONPatch)");
	cel_type_text(t, why);
	return false;
}

/* ---- names ---- */

/*
 * Messages are named by where they stand: "Object.spec.template". What lists and maps are on the
 * way is not looked at; a plain map's own names are not known.
 */
static bool names_fit(const struct cel_val *v, struct buf *path, struct err *err)
{
	const struct cel_map *m;
	size_t len = path->len;
	bool ok = true;

	if (v->kind == CEL_LIST && !v->l->json) {
		for (size_t i = 0; ok && i < v->l->n; i++)
			ok = names_fit(&v->l->v[i], path, err);
		return ok;
	}
	if (v->kind != CEL_MAP || v->m->json)
		return true;
	m = v->m;
	if (m->type && m->type->open && strcmp(m->type->name, path->p) != 0) {
		err_set(err, EINVAL, NULL,
			"type mismatch: unexpected type name \"%s\", expected \"%s\", which "
			"matches field name path from root Object type",
			m->type->name, path->p);
		return false;
	}
	for (size_t i = 0; ok && i < m->n; i++) {
		if (m->type && m->type->open)
			buf_addf(path, ".%.*s", STR_ARG(m->v[i].k.s));
		ok = names_fit(&m->v[i].v, path, err);
		buf_setlen(path, len);
	}
	return ok;
}

/* ---- ApplyConfiguration ---- */

static int apply(const struct api_kind *kind, struct json_object *obj, const struct cel_val *v,
		 struct json_object **ret, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	CLEANUP_JSON struct json_object *config = NULL, *merged = NULL;
	CLEANUP(err_done) struct err e = ERR_INIT;

	buf_adds(&text, "Object");
	if (v->kind != CEL_MAP)
		return err_sys(err, EINVAL,
			       "unsupported return type from ApplyConfiguration expression");
	if (!names_fit(v, &text, err))
		return -EINVAL;
	config = cel_to_json(v);
	buf_clear(&text);
	api_kind_api_version(kind, &text);
	jsonc_set_str(config, "apiVersion", buf_str(&text));
	jsonc_set_str(config, "kind", str_of(kind->kind));
	buf_clear(&text);
	typed_check(custom_type(kind), config, &text);
	if (text.len)
		return err_sys(err, EINVAL,
			       "error applying patch: failed to convert patch object to typed "
			       "object: %s",
			       text.p);
	typed_atomics(custom_type(kind), config, &text);
	if (text.len)
		return err_sys(err, EINVAL,
			       "error applying patch: invalid ApplyConfiguration: may not mutate "
			       "atomic arrays, maps or structs: %s",
			       text.p);
	merged = typed_merge(custom_type(kind), obj, config);
	if (api_decode_tree(kind, merged, API_IGNORE, ret, NULL, &e) == 0)
		return 0;
	return err_sys(err, EINVAL,
		       "error applying patch: failed to convert typed object to object: %s",
		       err_text(&e));
}

/* ---- JSONPatch ---- */

/* One operation as RFC 6902 has it. */
static int operation(const struct cel_val *v, struct json_object *list, struct err *err)
{
	struct json_object *o;
	bool ok = true;

	if (v->kind != CEL_MAP || !v->m->type || !is_message(v->m->type, "JSONPatch"))
		return err_sys(err, EINVAL,
			       "type mismatch: JSONPatchType.expression should evaluate to array "
			       "of JSONPatch");
	for (size_t i = 0; ok && i < v->m->n; i++) {
		const struct cel_val *x = &v->m->v[i].v;
		CLEANUP(buf_done) struct buf path = BUF_INIT;

		/* Whatever the value stands for, its own members are named beneath it. */
		if (x->kind == CEL_MAP && x->m->type && x->m->type->open) {
			buf_adds(&path, x->m->type->name);
			ok = names_fit(x, &path, err);
		}
	}
	if (!ok)
		return -EINVAL;
	o = cel_to_json(v);
	if (!jsonc_path_str(o, "from").len)
		json_object_object_del(o, "from");
	if (!jsonc_get(o, "op"))
		jsonc_set_str(o, "op", STR(""));
	if (!jsonc_get(o, "path"))
		jsonc_set_str(o, "path", STR(""));
	json_object_array_add(list, o);
	return 0;
}

/* "the server rejected our request ...: X" is for clients; here it is X. */
static void bare(struct err *err)
{
	static const char head[] = "the server rejected our request due to an error in our "
				   "request: ";
	const char *text = err_text(err);
	CLEANUP_FREE char *copy =
		xstrdup(str_starts(str_of(text), STR(head)) ? text + strlen(head) : text);

	err_clear(err);
	err_set(err, EINVAL, NULL, "JSONPath: %s", copy);
}

static int json_patch(const struct api_kind *kind, struct json_object *obj, const struct cel_val *v,
		      struct json_object **ret, struct err *err)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array(), *raw = NULL;
	struct err e = ERR_INIT;
	int r = 0;

	if (v->kind != CEL_LIST)
		return err_sys(err, EINVAL,
			       "type mismatch: JSONPatchType.expression should evaluate to array");
	for (size_t i = 0; r == 0 && i < v->l->n && !v->l->json; i++)
		r = operation(&v->l->v[i], list, err);
	if (r < 0)
		return r;
	r = api_patch_json(obj, list, &raw, &e);
	if (r == -EDOM) {
		err_done(&e);
		return 0;
	}
	if (r < 0) {
		bare(&e);
		err_move(err, &e);
		return r;
	}
	r = api_decode_tree(kind, raw, API_STRICT, ret, NULL, &e);
	if (r < 0) {
		const char *strict = strstr(err_text(&e), "strict decoding error");

		err_set(err, EINVAL, "InternalError", "Internal error occurred: %s",
			strict ? strict : err_text(&e));
		if (err)
			err->http_code = 500;
		err_done(&e);
	}
	return r;
}

int api_mutate(const struct api_kind *kind, enum api_mutation m, struct json_object *obj,
	       const struct cel_val *v, struct json_object **ret, struct err *err)
{
	*ret = NULL;
	return m == API_MUTATION_APPLY ? apply(kind, obj, v, ret, err)
				       : json_patch(kind, obj, v, ret, err);
}
