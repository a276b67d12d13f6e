/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/schema.h"
#include "lib/base/regex.h"

#define DEPTH_MAX 64

static const char *const type_names[CRD_TYPE_MAX] = {
	[CRD_NONE] = "",          [CRD_OBJECT] = "object",   [CRD_ARRAY] = "array",
	[CRD_STRING] = "string",  [CRD_INTEGER] = "integer", [CRD_NUMBER] = "number",
	[CRD_BOOLEAN] = "boolean"};

const char *crd_type_name(enum crd_type t)
{
	return type_names[t];
}

static enum crd_type type_of(struct str name)
{
	for (size_t i = 1; i < CRD_TYPE_MAX; i++)
		if (str_eqs(name, type_names[i]))
			return (enum crd_type)i;
	return CRD_NONE;
}

/* All members of a schema that are read, in one pass over its bytes. */
enum member {
	M_TYPE,
	M_FORMAT,
	M_PROPERTIES,
	M_ITEMS,
	M_ADDITIONAL,
	M_REQUIRED,
	M_DEFAULT,
	M_NULLABLE,
	M_PRESERVE,
	M_EMBEDDED,
	M_INT_OR_STRING,
	M_LIST_TYPE,
	M_MAP_TYPE,
	M_KEYS,
	M_RULES,
	M_ENUM,
	M_PATTERN,
	M_MINIMUM,
	M_MAXIMUM,
	M_XMIN,
	M_XMAX,
	M_MULTIPLE,
	M_MINLEN,
	M_MAXLEN,
	M_MINITEMS,
	M_MAXITEMS,
	M_MINPROPS,
	M_MAXPROPS,
	M_ALLOF,
	M_ANYOF,
	M_ONEOF,
	M_NOT,
	M_MAX,
};
static const struct str names[M_MAX] = {
	[M_TYPE] = {"type", 4},
	[M_FORMAT] = {"format", 6},
	[M_PROPERTIES] = {"properties", 10},
	[M_ITEMS] = {"items", 5},
	[M_ADDITIONAL] = {"additionalProperties", 20},
	[M_REQUIRED] = {"required", 8},
	[M_DEFAULT] = {"default", 7},
	[M_NULLABLE] = {"nullable", 8},
	[M_PRESERVE] = {"x-kubernetes-preserve-unknown-fields", 36},
	[M_EMBEDDED] = {"x-kubernetes-embedded-resource", 30},
	[M_INT_OR_STRING] = {"x-kubernetes-int-or-string", 26},
	[M_LIST_TYPE] = {"x-kubernetes-list-type", 22},
	[M_MAP_TYPE] = {"x-kubernetes-map-type", 21},
	[M_KEYS] = {"x-kubernetes-list-map-keys", 26},
	[M_RULES] = {"x-kubernetes-validations", 24},
	[M_ENUM] = {"enum", 4},
	[M_PATTERN] = {"pattern", 7},
	[M_MINIMUM] = {"minimum", 7},
	[M_MAXIMUM] = {"maximum", 7},
	[M_XMIN] = {"exclusiveMinimum", 16},
	[M_XMAX] = {"exclusiveMaximum", 16},
	[M_MULTIPLE] = {"multipleOf", 10},
	[M_MINLEN] = {"minLength", 9},
	[M_MAXLEN] = {"maxLength", 9},
	[M_MINITEMS] = {"minItems", 8},
	[M_MAXITEMS] = {"maxItems", 8},
	[M_MINPROPS] = {"minProperties", 13},
	[M_MAXPROPS] = {"maxProperties", 13},
	[M_ALLOF] = {"allOf", 5},
	[M_ANYOF] = {"anyOf", 5},
	[M_ONEOF] = {"oneOf", 5},
	[M_NOT] = {"not", 3},
};

static struct crd_schema *compile(struct crd_schema_set *set, struct jv v, unsigned depth);

static struct str text(struct crd_schema_set *set, struct jv v)
{
	CLEANUP(buf_done) struct buf tmp = BUF_INIT;

	return arena_str(&set->arena, jv_str(v, &tmp));
}

static struct str *texts(struct crd_schema_set *set, struct jv list, uint32_t *ret_n)
{
	size_t n = jv_type(list) == JV_ARRAY ? jv_len(list) : 0;
	struct str *v = n ? ARENA_ARRAY(&set->arena, struct str, n) : NULL;
	uint32_t i = 0;

	jv_for_each (it, list)
		if (i < n)
			v[i++] = text(set, it.value);
	*ret_n = i;
	return v;
}

static struct json_object *tree(struct crd_schema_set *set, struct jv v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct json_object *wrap = NULL, *o;

	/* The parser wants a document that is an object or list. */
	buf_addf(&b, "[");
	buf_addstr(&b, jv_raw(v));
	buf_addc(&b, ']');
	if (jsonc_parse(buf_str(&b), NULL, &wrap, NULL) < 0)
		return NULL;
	o = json_object_get(json_object_array_get_idx(wrap, 0));
	json_object_put(wrap);
	if (o)
		*ARRAY_PUSH(set->objects, set->n_objects, set->cap_objects) = o;
	return o;
}

static struct crd_limits *limits_of(struct crd_schema_set *set, struct crd_schema *s)
{
	if (!s->limits)
		s->limits = ARENA_NEW(&set->arena, struct crd_limits);
	return s->limits;
}

static void bound_f(struct crd_schema_set *set, struct crd_schema *s, struct jv v,
		    enum crd_bound bit, size_t at)
{
	struct crd_limits *l;

	if (jv_type(v) != JV_NUMBER)
		return;
	l = limits_of(set, s);
	l->set |= (uint16_t)bit;
	*(double *)((char *)l + at) = jv_double(v, 0);
}

static void bound_i(struct crd_schema_set *set, struct crd_schema *s, struct jv v,
		    enum crd_bound bit, size_t at)
{
	struct crd_limits *l;

	if (jv_type(v) != JV_NUMBER)
		return;
	l = limits_of(set, s);
	l->set |= (uint16_t)bit;
	*(int64_t *)((char *)l + at) = jv_i64(v, 0);
}

static struct crd_schema **list(struct crd_schema_set *set, struct jv v, size_t *ret_n,
				unsigned depth)
{
	size_t n = jv_len(v), i = 0;
	struct crd_schema **out = ARENA_ARRAY(&set->arena, struct crd_schema *, n);

	jv_for_each (it, v)
		out[i++] = compile(set, it.value, depth + 1);
	*ret_n = i;
	return out;
}

static void read_limits(struct crd_schema_set *set, struct crd_schema *s, const struct jv *m,
			unsigned depth)
{
#define LIM(f) offsetof(struct crd_limits, f)
	bound_f(set, s, m[M_MINIMUM], CRD_MINIMUM, LIM(minimum));
	bound_f(set, s, m[M_MAXIMUM], CRD_MAXIMUM, LIM(maximum));
	bound_f(set, s, m[M_MULTIPLE], CRD_MULTIPLE, LIM(multiple));
	bound_i(set, s, m[M_MINLEN], CRD_MIN_LEN, LIM(min_len));
	bound_i(set, s, m[M_MAXLEN], CRD_MAX_LEN, LIM(max_len));
	bound_i(set, s, m[M_MINITEMS], CRD_MIN_ITEMS, LIM(min_items));
	bound_i(set, s, m[M_MAXITEMS], CRD_MAX_ITEMS, LIM(max_items));
	bound_i(set, s, m[M_MINPROPS], CRD_MIN_PROPS, LIM(min_props));
	bound_i(set, s, m[M_MAXPROPS], CRD_MAX_PROPS, LIM(max_props));
#undef LIM
	if (s->limits) {
		s->limits->exclusive_min = jv_bool(m[M_XMIN], false);
		s->limits->exclusive_max = jv_bool(m[M_XMAX], false);
	}
	if (jv_type(m[M_PATTERN]) == JV_STRING && jv_raw(m[M_PATTERN]).len > 2) {
		struct crd_limits *l = limits_of(set, s);

		l->pattern = text(set, m[M_PATTERN]).p;
		l->owner = set;
	}
	if (jv_type(m[M_ENUM]) == JV_ARRAY && jv_len(m[M_ENUM]))
		limits_of(set, s)->enums = tree(set, m[M_ENUM]);
	if (jv_type(m[M_ALLOF]) == JV_ARRAY) {
		struct crd_limits *l = limits_of(set, s);

		l->all_of = list(set, m[M_ALLOF], &l->n_all, depth);
	}
	if (jv_type(m[M_ANYOF]) == JV_ARRAY) {
		struct crd_limits *l = limits_of(set, s);

		l->any_of = list(set, m[M_ANYOF], &l->n_any, depth);
	}
	if (jv_type(m[M_ONEOF]) == JV_ARRAY) {
		struct crd_limits *l = limits_of(set, s);

		l->one_of = list(set, m[M_ONEOF], &l->n_one, depth);
	}
	if (jv_type(m[M_NOT]) == JV_OBJECT)
		limits_of(set, s)->not_ = compile(set, m[M_NOT], depth + 1);
}

const struct rx *crd_pattern(struct crd_limits *l)
{
	if (!l->pattern || l->rx || l->bad_pattern)
		return l->rx;
	if (rx_compile(str_of(l->pattern), &l->rx, NULL) == 0)
		*ARRAY_PUSH(l->owner->rxs, l->owner->n_rxs, l->owner->cap_rxs) = l->rx;
	else
		l->bad_pattern = true;
	return l->rx;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct crd_prop *)a)->name, ((const struct crd_prop *)b)->name);
}

static void inherit(struct crd_schema *s, const struct crd_schema *child)
{
	s->has_defaults |= child->has_defaults;
	s->has_rules |= child->has_rules;
}

static void read_children(struct crd_schema_set *set, struct crd_schema *s, const struct jv *m,
			  unsigned depth)
{
	if (jv_type(m[M_PROPERTIES]) == JV_OBJECT && jv_len(m[M_PROPERTIES])) {
		s->props = ARENA_ARRAY(&set->arena, struct crd_prop, jv_len(m[M_PROPERTIES]));
		jv_for_each_member (it, m[M_PROPERTIES]) {
			CLEANUP(buf_done) struct buf key = BUF_INIT;
			struct crd_prop *p = &s->props[s->n_props++];

			jv_unescape(it.key, &key);
			p->name = arena_str(&set->arena, buf_str(&key));
			p->schema = compile(set, it.value, depth + 1);
			inherit(s, p->schema);
		}
		qsort(s->props, s->n_props, sizeof(*s->props), by_name);
	}
	if (jv_type(m[M_ITEMS]) == JV_OBJECT) {
		s->items = compile(set, m[M_ITEMS], depth + 1);
		inherit(s, s->items);
	}
	if (jv_type(m[M_ADDITIONAL]) == JV_OBJECT) {
		s->additional = compile(set, m[M_ADDITIONAL], depth + 1);
		inherit(s, s->additional);
	}
	s->additional_any = jv_type(m[M_ADDITIONAL]) == JV_BOOL && jv_bool(m[M_ADDITIONAL], false);
}

static struct crd_schema *compile(struct crd_schema_set *set, struct jv v, unsigned depth)
{
	struct crd_schema *s = ARENA_NEW(&set->arena, struct crd_schema);
	struct jv m[M_MAX];

	if (jv_type(v) != JV_OBJECT || depth > DEPTH_MAX)
		return s;
	jv_members(v, names, M_MAX, m);
	s->type = (uint8_t)type_of(jv_text(m[M_TYPE]));
	s->format = (uint8_t)crd_format_of(jv_text(m[M_FORMAT]));
	s->nullable = jv_bool(m[M_NULLABLE], false);
	s->preserve = jv_bool(m[M_PRESERVE], false);
	s->embedded = jv_bool(m[M_EMBEDDED], false);
	s->int_or_string = jv_bool(m[M_INT_OR_STRING], false);
	s->atomic_map = jv_eqs(m[M_MAP_TYPE], "atomic");
	s->list = jv_eqs(m[M_LIST_TYPE], "set")   ? API_SET
		  : jv_eqs(m[M_LIST_TYPE], "map") ? API_LISTMAP
						  : API_ATOMIC;
	s->required = texts(set, m[M_REQUIRED], &s->n_required);
	s->keys = texts(set, m[M_KEYS], &s->n_keys);
	read_children(set, s, m, depth);
	read_limits(set, s, m, depth);
	if (jv_exists(m[M_DEFAULT])) {
		s->def = tree(set, m[M_DEFAULT]);
		s->has_defaults = true;
	}
	if (jv_type(m[M_RULES]) == JV_ARRAY && jv_len(m[M_RULES])) {
		s->rules_json = jv_of(arena_str(&set->arena, jv_raw(m[M_RULES])));
		s->has_rules = true;
	}
	return s;
}

struct crd_schema_set *crd_schema_new(struct jv openapi)
{
	struct crd_schema_set *s = NEW(struct crd_schema_set);

	s->root = compile(s, openapi, 0);
	if (!jv_exists(openapi))
		s->root->preserve = true;
	return s;
}

struct crd_schema_set *crd_schema_free(struct crd_schema_set *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_undo; i++)
		s->undo[i](s->undo_arg[i]);
	free(s->undo);
	free(s->undo_arg);
	for (size_t i = 0; i < s->n_objects; i++)
		json_object_put(s->objects[i]);
	free(s->objects);
	for (size_t i = 0; i < s->n_rxs; i++)
		rx_free(s->rxs[i]);
	free(s->rxs);
	arena_done(&s->arena);
	free(s);
	return NULL;
}

const struct crd_schema *crd_schema_prop(const struct crd_schema *s, struct str name)
{
	size_t lo = 0, hi = s ? s->n_props : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(s->props[mid].name, name);

		if (!c)
			return s->props[mid].schema;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct crd_schema *crd_schema_member(const struct crd_schema *s, struct str name)
{
	const struct crd_schema *m = crd_schema_prop(s, name);

	return m ? m : s ? s->additional : NULL;
}

/* ---- as a table of fields ---- */

struct maker {
	struct crd_schema_set *set;
};

static const struct api_type *type_for(struct crd_schema_set *set, const struct crd_schema *s,
				       bool with_meta);

extern const struct api_type api_t_meta_v1_ObjectMeta;

/* How a value with this schema is owned. */
static void field_for(struct crd_schema_set *set, const struct crd_schema *s, struct api_field *f)
{
	static const uint8_t scalar[CRD_TYPE_MAX] = {[CRD_STRING] = API_STRING,
						     [CRD_INTEGER] = API_INT64,
						     [CRD_NUMBER] = API_DOUBLE,
						     [CRD_BOOLEAN] = API_BOOL};

	f->flags |= API_PTR;
	if (s->int_or_string) {
		f->type = API_ANY;
	} else if (s->type == CRD_ARRAY) {
		f->shape = API_LIST;
		f->list = s->items ? s->list : API_ATOMIC;
		f->type = API_ANY;
		if (f->list == API_LISTMAP) {
			struct buf keys = BUF_INIT;

			for (uint32_t i = 0; i < s->n_keys; i++)
				buf_addf(&keys, "%s%.*s", i ? "," : "", STR_ARG(s->keys[i]));
			f->keys = arena_strdup(&set->arena, buf_str(&keys));
			buf_done(&keys);
			f->type = API_OBJECT;
			f->ref = type_for(set, s->items, s->items->embedded);
		}
	} else if (s->type == CRD_OBJECT && s->atomic_map) {
		f->type = API_ANY;
	} else if (s->type == CRD_OBJECT && s->additional && !s->n_props) {
		struct api_field *e = ARENA_NEW(&set->arena, struct api_field);
		struct api_type *t = ARENA_NEW(&set->arena, struct api_type);

		e->name = "";
		field_for(set, s->additional, e);
		*t = (struct api_type){.name = "", .fields = e, .n_fields = 1};
		f->shape = API_MAP;
		f->type = API_NESTED;
		f->ref = t;
	} else if (s->type == CRD_OBJECT && (s->n_props || s->embedded)) {
		f->type = API_OBJECT;
		f->ref = type_for(set, s, s->embedded);
	} else if (s->type == CRD_OBJECT || s->type == CRD_NONE) {
		f->type = API_DEDUCED;
	} else {
		f->type = scalar[s->type];
	}
}

/* A member's default as text: list keys that are absent count as it. */
static const char *default_text(struct crd_schema_set *set, const struct crd_schema *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!s->def)
		return NULL;
	jsonc_write(s->def, &b);
	return arena_strdup(&set->arena, buf_str(&b));
}

static const struct api_type *type_for(struct crd_schema_set *set, const struct crd_schema *s,
				       bool with_meta)
{
	static const char *const own[] = {"apiVersion", "kind", "metadata"};
	struct api_type *t = ARENA_NEW(&set->arena, struct api_type);
	struct api_field *f = ARENA_ARRAY(&set->arena, struct api_field, s->n_props + 3);
	uint16_t n = 0;

	for (uint32_t i = 0; i < s->n_props && n < UINT16_MAX - 3; i++) {
		struct str name = s->props[i].name;

		if (with_meta &&
		    (str_eqs(name, own[0]) || str_eqs(name, own[1]) || str_eqs(name, own[2])))
			continue;
		f[n].name = name.p;
		f[n].def = default_text(set, s->props[i].schema);
		field_for(set, s->props[i].schema, &f[n++]);
	}
	if (with_meta) {
		f[n++] = (struct api_field){.name = own[0], .type = API_STRING};
		f[n++] = (struct api_field){.name = own[1], .type = API_STRING};
		f[n++] = (struct api_field){
			.name = own[2], .type = API_OBJECT, .ref = &api_t_meta_v1_ObjectMeta};
	}
	*t = (struct api_type){
		.name = "", .fields = f, .n_fields = n, .flags = s->preserve ? API_PRESERVE : 0};
	return t;
}

const struct api_type *crd_schema_type(struct crd_schema_set *s)
{
	if (!s->type)
		s->type = type_for(s, s->root, true);
	return s->type;
}
