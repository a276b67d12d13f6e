/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/openapi_parts.h"
#include "lib/api/kinds/types.h"
#include "lib/base/hmap.h"

void oa_ref(struct jw *w, enum oa_version v, const char *name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b, "%s%s", v == OA_V2 ? "#/definitions/" : "#/components/schemas/", name);
	jw_begin_object(w);
	jw_member_str(w, "$ref", buf_str(&b));
	jw_end_object(w);
}

void oa_list_name(const struct api_kind *k, struct buf *out)
{
	buf_adds(out, k->type->name);
	buf_adds(out, "List");
}

void oa_gvk(struct jw *w, const char *group, const char *version, const char *kind, bool list)
{
	jw_key(w, "x-kubernetes-group-version-kind");
	if (list)
		jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "group", str_of(group));
	jw_member_str(w, "kind", str_of(kind));
	jw_member_str(w, "version", str_of(version));
	jw_end_object(w);
	if (list)
		jw_end_array(w);
}

#define OA_JSON "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"

/* Types with a schema of their own that aren't objects. */
static const struct {
	uint8_t type;
	const char *name, *v2, *v3;
} scalars[] = {
	{API_TIME, OA_META "Time", "\"type\":\"string\",\"format\":\"date-time\"", NULL},
	{API_MICROTIME, OA_META "MicroTime", "\"type\":\"string\",\"format\":\"date-time\"", NULL},
	{API_DURATION, OA_META "Duration", "\"type\":\"string\"", NULL},
	{API_QUANTITY, "io.k8s.apimachinery.pkg.api.resource.Quantity", "\"type\":\"string\"",
	 "\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]"},
	{API_INT_OR_STRING, "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
	 "\"type\":\"string\",\"format\":\"int-or-string\"",
	 "\"format\":\"int-or-string\",\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]"},
	{API_ANY, "io.k8s.apimachinery.pkg.runtime.RawExtension", "\"type\":\"object\"", NULL},
	{API_VTYPE_MAX, OA_META "FieldsV1", "\"type\":\"object\"", NULL},
	{API_VTYPE_MAX, OA_JSON, "\"description\":\"Any JSON value.\"", NULL},
	{API_VTYPE_MAX, OA_META "Patch", "\"type\":\"object\"", NULL},
};

/* Free JSON is an object nearly everywhere; in the schemas of custom resources it is anything. */
static bool is_any_value(const struct api_field *f)
{
	static const char *const names[] = {"default",         "enum",
					    "example",         "items",
					    "additionalItems", "additionalProperties",
					    "dependencies"};

	for (size_t i = 0; f->type == API_ANY && i < ARRAY_SIZE(names); i++)
		if (!strcmp(f->name, names[i]))
			return true;
	return false;
}

static const char *ref_of(const struct api_field *f)
{
	if (f->type == API_OBJECT)
		return f->ref->name;
	if (is_any_value(f))
		return OA_JSON;
	if (strcmp(f->name, "fieldsV1") == 0)
		return OA_META "FieldsV1";
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++)
		if (scalars[i].type == f->type)
			return scalars[i].name;
	return NULL;
}

static void scalar_type(struct jw *w, const struct api_field *f)
{
	static const struct {
		const char *type, *format;
	} rows[API_VTYPE_MAX] = {
		[API_STRING] = {"string", NULL},     [API_BOOL] = {"boolean", NULL},
		[API_INT32] = {"integer", "int32"},  [API_INT64] = {"integer", "int64"},
		[API_DOUBLE] = {"number", "double"}, [API_BYTES] = {"string", "byte"},
	};

	jw_member_str(w, "type", str_of(rows[f->type].type));
	if (rows[f->type].format)
		jw_member_str(w, "format", str_of(rows[f->type].format));
	if (f->enums && f->shape == API_ONE) {
		jw_key(w, "enum");
		jw_begin_array(w);
		for (const char *const *e = f->enums; *e; e++)
			jw_str(w, str_of(*e));
		jw_end_array(w);
	}
}

/* One value of the field: {"$ref"} or a scalar. In v3 a ref beside other members needs allOf. */
static void value_members(struct jw *w, enum oa_version v, const struct api_field *f)
{
	const char *ref = ref_of(f);

	if (!ref) {
		scalar_type(w, f);
	} else if (v == OA_V3) {
		jw_key(w, "allOf");
		jw_begin_array(w);
		oa_ref(w, v, ref);
		jw_end_array(w);
	} else {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		buf_addf(&b, "#/definitions/%s", ref);
		jw_member_str(w, "$ref", buf_str(&b));
	}
}

static void element(struct jw *w, enum oa_version v, const struct api_field *f, const char *key)
{
	jw_key(w, key);
	jw_begin_object(w);
	if (f->flags & API_MAP_OF_LISTS) {
		jw_member_str(w, "type", STR("array"));
		jw_key(w, "items");
		jw_begin_object(w);
		value_members(w, v, f);
		jw_end_object(w);
	} else {
		value_members(w, v, f);
	}
	jw_end_object(w);
}

static void extensions(struct jw *w, const struct api_field *f)
{
	static const char *const list_types[] = {"atomic", "set", "map"};
	struct str keys = str_of(f->keys), key;
	CLEANUP(buf_done) struct buf s = BUF_INIT;

	if (f->shape == API_LIST)
		jw_member_str(w, "x-kubernetes-list-type", str_of(list_types[f->list]));
	if (f->flags & API_WHOLE || (f->ref && f->shape != API_LIST && f->ref->flags & API_WHOLE))
		jw_member_str(w, "x-kubernetes-map-type", STR("atomic"));
	if (f->keys) {
		jw_key(w, "x-kubernetes-list-map-keys");
		jw_begin_array(w);
		while (str_split(&keys, ',', &key))
			jw_str(w, key);
		jw_end_array(w);
	}
	if (f->merge_key)
		jw_member_str(w, "x-kubernetes-patch-merge-key", str_of(f->merge_key));
	if (f->flags & API_MERGE)
		buf_adds(&s, "merge");
	if (f->flags & API_RETAIN_KEYS)
		buf_adds(&s, s.len ? ",retainKeys" : "retainKeys");
	if (f->flags & API_REPLACE)
		buf_adds(&s, "replace");
	if (s.len)
		jw_member_str(w, "x-kubernetes-patch-strategy", buf_str(&s));
}

struct schema_ctx {
	struct jw *w;
	enum oa_version v;
	size_t n_required;
};

static int write_property(const struct api_field *f, void *user)
{
	struct schema_ctx *c = user;
	struct jw *w = c->w;

	jw_key(w, f->name);
	jw_begin_object(w);
	if (f->help)
		jw_member_str(w, "description", str_of(f->help));
	if (f->shape == API_LIST) {
		jw_member_str(w, "type", STR("array"));
		element(w, c->v, f, "items");
	} else if (f->shape == API_MAP) {
		jw_member_str(w, "type", STR("object"));
		element(w, c->v, f, "additionalProperties");
	} else {
		value_members(w, c->v, f);
	}
	if (f->def && f->shape == API_ONE)
		jw_member_raw(w, "default", str_of(f->def));
	extensions(w, f);
	jw_end_object(w);
	c->n_required += !!(f->flags & API_REQUIRED);
	return 0;
}

static int write_required(const struct api_field *f, void *user)
{
	struct schema_ctx *c = user;

	if (f->flags & API_REQUIRED)
		jw_str(c->w, str_of(f->name));
	return 0;
}

static void write_type(struct jw *w, enum oa_version v, const struct api_type *t,
		       const struct api_kind *root)
{
	struct schema_ctx c = {w, v, 0};

	jw_key(w, t->name);
	if (root && root->custom) {
		custom_openapi_write(w, v, root);
		return;
	}
	jw_begin_object(w);
	if (t->help)
		jw_member_str(w, "description",
			      str_of(root && root->short_help ? root->short_help : t->help));
	jw_member_str(w, "type", STR("object"));
	if (t->n_fields) {
		jw_key(w, "properties");
		jw_begin_object(w);
		api_type_each(t, write_property, &c);
		jw_end_object(w);
	}
	if (c.n_required) {
		jw_key(w, "required");
		jw_begin_array(w);
		api_type_each(t, write_required, &c);
		jw_end_array(w);
	}
	if (t->flags & API_WHOLE)
		jw_member_str(w, "x-kubernetes-map-type", STR("atomic"));
	if (root)
		oa_gvk(w, root->group, root->version, root->kind, true);
	jw_end_object(w);
}

static void write_list(struct jw *w, enum oa_version v, const struct api_kind *k)
{
	static const struct api_field meta = {
		.name = "metadata",
		.type = API_OBJECT,
		.ref = &api_t_meta_v1_ListMeta,
		.help = "Of the list.",
	};
	struct schema_ctx c = {w, v, 0};
	struct api_field items = {
		.name = "items",
		.type = API_OBJECT,
		.shape = API_LIST,
		.ref = k->type,
		.help = "The objects.",
	};
	static const struct api_field text[] = {
		{.name = "apiVersion", .type = API_STRING, .help = "Group and version."},
		{.name = "kind", .type = API_STRING, .help = "Kind of the list."}};
	CLEANUP(buf_done) struct buf name = BUF_INIT;

	oa_list_name(k, &name);
	jw_key(w, name.p);
	jw_begin_object(w);
	jw_member_str(w, "description", STR("A list of objects."));
	jw_member_str(w, "type", STR("object"));
	jw_key(w, "properties");
	jw_begin_object(w);
	write_property(&text[0], &c);
	write_property(&items, &c);
	write_property(&text[1], &c);
	write_property(&meta, &c);
	jw_end_object(w);
	jw_member_raw(w, "required", STR("[\"items\"]"));
	oa_gvk(w, k->group, k->version, k->list_kind, true);
	jw_end_object(w);
}

struct closure {
	struct hmap *seen;
	const struct api_type **v;
	size_t n, cap;
};

static int reach_field(const struct api_field *f, void *user);

static void reach(struct closure *c, const struct api_type *t)
{
	if (hmap_has(c->seen, str_of(t->name)))
		return;
	hmap_put(c->seen, str_of(t->name), (void *)t);
	*ARRAY_PUSH(c->v, c->n, c->cap) = t;
	api_type_each(t, reach_field, c);
}

static int reach_field(const struct api_field *f, void *user)
{
	if (f->type == API_OBJECT && f->ref)
		reach(user, f->ref);
	return 0;
}

static const struct api_kind *root_of(const struct api_kinds *ks, const struct api_type *t)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++)
		if (k->type == t)
			return k;
	return NULL;
}

void oa_schemas(const struct api_kinds *ks, struct jw *w, enum oa_version v, const char *group,
		const char *version)
{
	struct closure c = {.seen = hmap_new()};
	const struct api_kind *k;

	reach(&c, &api_t_meta_v1_Status);
	reach(&c, &api_t_meta_v1_DeleteOptions);
	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++) {
		if (!oa_wants(k, group, version))
			continue;
		reach(&c, k->type);
		for (size_t s = 0; s < k->n_subresources; s++) {
			const struct api_subresource *sub = &k->subresources[s];
			const struct api_kind *b =
				sub->kind ? api_kind_by_gvk(str_of(sub->group),
							    str_of(sub->version), str_of(sub->kind))
					  : NULL;

			if (b)
				reach(&c, b->type);
		}
		if (k->list_kind)
			write_list(w, v, k);
	}
	for (size_t i = 0; i < c.n; i++)
		write_type(w, v, c.v[i], root_of(ks, c.v[i]));
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		buf_addf(&b, "{%s}", v == OA_V3 && scalars[i].v3 ? scalars[i].v3 : scalars[i].v2);
		jw_member_raw(w, scalars[i].name, buf_str(&b));
	}
	free(c.v);
	hmap_free(c.seen);
}
