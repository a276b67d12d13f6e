/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/definition.h"
#include "lib/api/crd/schema.h"
#include "lib/api/crd/rules.h"
#include "lib/api/validate/check.h"
#include "lib/base/regex.h"
/*
 * What a schema must be to be structural, which is what pruning and defaults need: every field has
 * its type outside of alternatives, and alternatives only restrict
 * (apiextensions pkg/apiserver/schema/validation.go and pkg/apis/apiextensions/validation).
 */
struct st {
	struct str type;
	bool int_or_string, preserve, embedded;
};

static void check_schema(const struct place *p, struct json_object *s, unsigned depth);
static void check_value_only(const struct place *p, struct json_object *s,
			     struct json_object *outer, const struct st *st, unsigned depth);

#define DEPTH_MAX 60

static struct st read_st(struct json_object *s)
{
	return (struct st){text_of(s, "type"), bool_of(s, "x-kubernetes-int-or-string"),
			   bool_of(s, "x-kubernetes-preserve-unknown-fields"),
			   bool_of(s, "x-kubernetes-embedded-resource")};
}

static void forbid(const struct place *p, struct json_object *s, const char *name,
		   const char *detail)
{
	struct json_object *v = jsonc_get(s, name);

	if (v && !(json_object_is_type(v, json_type_boolean) && !json_object_get_boolean(v)))
		place_forbidden(PLACE(p, name), detail);
}

static void check_forbidden(const struct place *p, struct json_object *s)
{
	struct json_object *extra = jsonc_get(s, "additionalProperties");

	forbid(p, s, "uniqueItems",
	       "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
	forbid(p, s, "$ref", "$ref is not supported");
	forbid(p, s, "id", "id is not supported");
	forbid(p, s, "definitions", "definitions is not supported");
	forbid(p, s, "dependencies", "dependencies is not supported");
	forbid(p, s, "patternProperties", "patternProperties is not supported");
	forbid(p, s, "additionalItems", "additionalItems is not supported");
	if (json_object_is_type(extra, json_type_boolean) && !json_object_get_boolean(extra))
		place_forbidden(PLACE(p, "additionalProperties"),
				"additionalProperties cannot be set to false");
	if (map_len(jsonc_get(s, "properties")) && extra)
		place_forbidden(PLACE(p, "additionalProperties"),
				"additionalProperties and properties are mutual exclusive");
}

static void check_pattern(const struct place *p, struct json_object *s)
{
	struct str pattern = text_of(s, "pattern");
	struct rx *rx = NULL;
	struct err e = ERR_INIT;

	if (pattern.len && rx_compile(pattern, &rx, &e) < 0) {
		CLEANUP_FREE char *why = xasprintf(
			"must be a valid regular expression, but isn't: %s", err_text(&e));

		place_invalid_str(PLACE(p, "pattern"), pattern, why);
	}
	rx_free(rx);
	err_done(&e);
}

static void check_type(const struct place *p, struct str type)
{
	static const char *const types[] = {"array",  "boolean", "integer", "number",
					    "object", "string",  NULL};

	for (size_t i = 0; type.len && types[i]; i++)
		if (str_eqs(type, types[i]))
			return;
	if (type.len)
		place_unsupported(PLACE(p, "type"), type, types);
}

static bool is_required(struct json_object *s, struct str name)
{
	struct json_object *list = jsonc_get(s, "required");

	for (size_t i = 0; i < list_len(list); i++)
		if (str_eq(jsonc_str(list_at(list, i)), name))
			return true;
	return false;
}

static bool is_scalar(struct str type)
{
	return str_eqs(type, "string") || str_eqs(type, "integer") || str_eqs(type, "number") ||
	       str_eqs(type, "boolean");
}

static void check_map_keys(const struct place *p, struct json_object *s, struct json_object *keys)
{
	const struct place *at = PLACE(p, "x-kubernetes-list-map-keys");
	struct json_object *items = jsonc_get(s, "items"), *props = jsonc_get(items, "properties");
	struct seen seen = {0};

	if (!list_len(keys))
		place_required(at, "must not be empty if x-kubernetes-list-type is map");
	if (items && !str_eqs(text_of(items, "type"), "object"))
		place_invalid_str(PLACE(PLACE(p, "items"), "type"), text_of(items, "type"),
				  "must be object if parent array's x-kubernetes-list-type is map");
	if (bool_of(items, "nullable"))
		place_forbidden(PLACE(PLACE(p, "items"), "nullable"),
				"cannot be nullable when x-kubernetes-list-type is map");
	for (size_t i = 0; i < list_len(keys); i++) {
		struct str k = jsonc_str(list_at(keys, i));
		struct json_object *prop = jsonc_get(props, k.p);
		const struct place *where = PLACE_KEY(PLACE(PLACE(p, "items"), "properties"), k.p);

		if (!seen_add(&seen, k))
			place_duplicate(PLACE_AT(at, i), k);
		if (!prop) {
			place_invalid_str(PLACE_AT(at, i), k,
					  "entries must all be names of item properties");
			continue;
		}
		if (!is_scalar(text_of(prop, "type")))
			place_invalid_str(PLACE(where, "type"), text_of(prop, "type"),
					  "must be a scalar type if parent array's "
					  "x-kubernetes-list-type is map");
		if (bool_of(prop, "nullable"))
			place_forbidden(PLACE(where, "nullable"),
					"this property is in x-kubernetes-list-map-keys, so it "
					"cannot be nullable");
		if (!jsonc_get(prop, "default") && !is_required(items, k))
			place_required(PLACE(where, "default"),
				       "this property is in x-kubernetes-list-map-keys, so it must "
				       "have a default or be a required property");
	}
	seen_done(&seen);
}

static void check_list_type(const struct place *p, struct json_object *s, const struct st *st)
{
	static const char *const kinds[] = {"atomic", "map", "set", NULL};
	static const char *const map_kinds[] = {"atomic", "granular", NULL};
	struct str list = text_of(s, "x-kubernetes-list-type");
	struct str map = text_of(s, "x-kubernetes-map-type");
	struct json_object *keys = jsonc_get(s, "x-kubernetes-list-map-keys");
	struct json_object *items = jsonc_get(s, "items");

	if (list.len && !str_eqs(st->type, "array"))
		place_invalid_str(PLACE(p, "type"), st->type,
				  "must be array if x-kubernetes-list-type is specified");
	check_enum(p, s, "x-kubernetes-list-type", kinds, false);
	if (map.len && !str_eqs(st->type, "object"))
		place_invalid_str(PLACE(p, "type"), st->type,
				  "must be object if x-kubernetes-map-type is specified");
	check_enum(p, s, "x-kubernetes-map-type", map_kinds, false);
	if (str_eqs(list, "map"))
		check_map_keys(p, s, keys);
	else if (list_len(keys))
		place_forbidden(PLACE(p, "x-kubernetes-list-map-keys"),
				"x-kubernetes-list-map-keys is only allowed when "
				"x-kubernetes-list-type is map");
	if (!str_eqs(list, "set") || !items)
		return;
	if (bool_of(items, "nullable"))
		place_forbidden(PLACE(PLACE(p, "items"), "nullable"),
				"cannot be nullable when x-kubernetes-list-type is set");
	if (str_eqs(text_of(items, "type"), "array") &&
	    !str_eqs(text_of(items, "x-kubernetes-list-type"), "atomic") &&
	    text_of(items, "x-kubernetes-list-type").len)
		place_invalid_str(
			PLACE(PLACE(p, "items"), "x-kubernetes-list-type"),
			text_of(items, "x-kubernetes-list-type"),
			"must be atomic as item of a list with x-kubernetes-list-type=set");
	if (str_eqs(text_of(items, "type"), "object") &&
	    !str_eqs(text_of(items, "x-kubernetes-map-type"), "atomic"))
		place_invalid_str(
			PLACE(PLACE(p, "items"), "x-kubernetes-map-type"),
			text_of(items, "x-kubernetes-map-type"),
			"must be atomic as item of a list with x-kubernetes-list-type=set");
}

static void check_extensions(const struct place *p, struct json_object *s, const struct st *st)
{
	struct json_object *preserve = jsonc_get(s, "x-kubernetes-preserve-unknown-fields");

	if (preserve && !st->preserve)
		place_report(PLACE(p, "x-kubernetes-preserve-unknown-fields"), "FieldValueInvalid",
			     "Invalid value: false: must be true or undefined");
	if (st->preserve && st->type.len && !str_eqs(st->type, "object"))
		place_invalid_str(PLACE(p, "type"), st->type,
				  "must be object if x-kubernetes-preserve-unknown-fields is true");
	if (st->embedded && !str_eqs(st->type, "object"))
		place_invalid_str(PLACE(p, "type"), st->type,
				  "must be object if x-kubernetes-embedded-resource is true");
	if (st->embedded && !st->preserve && !map_len(jsonc_get(s, "properties")))
		place_required(
			PLACE(p, "properties"),
			"must not be empty if x-kubernetes-embedded-resource is true without "
			"x-kubernetes-preserve-unknown-fields");
	if (st->int_or_string && st->type.len)
		place_invalid_str(PLACE(p, "type"), st->type,
				  "must be empty if x-kubernetes-int-or-string is true");
}

/* At the root and in embedded resources only the name may be restricted. */
static void check_metadata(const struct place *p, struct json_object *s)
{
	struct json_object *m = jsonc_get(jsonc_get(s, "properties"), "metadata");
	const struct place *at = PLACE_KEY(PLACE(p, "properties"), "metadata");
	bool more = false;

	if (!m)
		return;
	if (!str_eqs(text_of(m, "type"), "object"))
		place_invalid_str(PLACE(at, "type"), text_of(m, "type"), "must be object");
	map_for_each(it, jsonc_get(m, "properties")) more |=
		strcmp(map_key(it), "name") != 0 && strcmp(map_key(it), "generateName") != 0;
	if (more)
		place_forbidden(at,
				"must not specify anything other than name and generateName, but "
				"metadata is implicitly specified");
}

/* ---- defaults are values of the schema they stand in ---- */

struct unknown_in {
	const struct place *p;
};

static void unknown_in_default(void *user, const char *path)
{
	const struct unknown_in *u = user;

	place_report(u->p, "FieldValueInvalid", "Invalid value: %s: must not have unknown fields",
		     path);
}

static void check_default(const struct place *p, struct json_object *s)
{
	struct json_object *def = jsonc_get(s, "default");
	CLEANUP_JSON struct json_object *holder = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	CLEANUP(crd_schema_freep) struct crd_schema_set *set = NULL;
	struct unknown_in u = {PLACE(p, "default")};
	CLEANUP_JSON struct json_object *value = NULL;

	if (!def)
		return;
	/* As the one member "default" of an object, so that the walkers see any type of value. */
	buf_adds(&text, "{\"type\":\"object\",\"properties\":{\"default\":");
	jsonc_write(s, &text);
	buf_adds(&text, "}}");
	set = crd_schema_new(jv_of(buf_str(&text)));
	holder = json_object_new_object();
	json_object_object_add(holder, "default", json_object_get(def));
	value = jsonc_clone(holder);
	crd_prune(set->root, value, unknown_in_default, &u);
	crd_check(set->root, holder, NULL, p);
}

/* ---- the walk ---- */

static void check_combined(const struct place *p, struct json_object *s, struct json_object *outer,
			   const struct st *st, unsigned depth)
{
	static const char *const lists[] = {"allOf", "anyOf", "oneOf"};

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json_object *list = jsonc_get(s, lists[l]);

		for (size_t i = 0; i < list_len(list); i++)
			check_value_only(PLACE_AT(PLACE(p, lists[l]), i), list_at(list, i), outer,
					 st, depth);
	}
	if (jsonc_get(s, "not"))
		check_value_only(PLACE(p, "not"), jsonc_get(s, "not"), outer, st, depth);
}

/* Inside of alternatives: what fields there are, and of what type, is said outside. */
static void check_value_only(const struct place *p, struct json_object *s,
			     struct json_object *outer, const struct st *st, unsigned depth)
{
	static const char *const empty[] = {"default", "title", "description"};
	struct str type = text_of(s, "type");
	struct json_object *props = jsonc_get(s, "properties"), *items = jsonc_get(s, "items");
	bool alternative =
		st && st->int_or_string && (str_eqs(type, "integer") || str_eqs(type, "string"));

	if (depth > DEPTH_MAX)
		return;
	check_pattern(p, s);
	if (type.len && !alternative)
		place_forbidden(PLACE(p, "type"), "must be empty to be structural");
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
		if (jsonc_get(s, empty[i]))
			place_forbidden(PLACE(p, empty[i]), "must be empty to be structural");
	if (jsonc_get(s, "additionalProperties"))
		place_forbidden(PLACE(p, "additionalProperties"),
				"must be undefined to be structural");
	if (bool_of(s, "nullable"))
		place_forbidden(PLACE(p, "nullable"), "must be false to be structural");
	map_for_each(it, s) if (!strncmp(map_key(it), "x-kubernetes-", 13) &&
				strcmp(map_key(it), "x-kubernetes-validations") != 0)
		place_forbidden(PLACE(p, map_key(it)), "must be undefined to be structural");
	map_for_each(it, props)
	{
		struct json_object *o = jsonc_get(jsonc_get(outer, "properties"), map_key(it));
		const struct place *at = PLACE_KEY(PLACE(p, "properties"), map_key(it));

		if (!o && !jsonc_get(outer, "additionalProperties") &&
		    !(outer && bool_of(outer, "x-kubernetes-preserve-unknown-fields")))
			place_report(at, "FieldValueRequired",
				     "Required value: must be defined outside of the alternatives");
		check_value_only(at, map_value(it), o, NULL, depth + 1);
	}
	if (items)
		check_value_only(PLACE(p, "items"), items, jsonc_get(outer, "items"), NULL,
				 depth + 1);
	check_combined(p, s, outer, st, depth + 1);
}

static void check_children(const struct place *p, struct json_object *s, const struct st *st,
			   unsigned depth)
{
	struct json_object *items = jsonc_get(s, "items");
	struct json_object *extra = jsonc_get(s, "additionalProperties");

	map_for_each(it, jsonc_get(s, "properties"))
	{
		const struct place *at = PLACE_KEY(PLACE(p, "properties"), map_key(it));
		struct st in = read_st(map_value(it));

		if (!in.type.len && !in.int_or_string && !in.preserve)
			place_required(PLACE(at, "type"),
				       "must not be empty for specified object fields");
		check_schema(at, map_value(it), depth + 1);
	}
	if (json_object_is_type(extra, json_type_object)) {
		const struct place *at = PLACE(p, "additionalProperties");
		struct st in = read_st(extra);

		if (!in.type.len && !in.int_or_string && !in.preserve)
			place_required(PLACE(at, "type"),
				       "must not be empty for specified object fields");
		check_schema(at, extra, depth + 1);
	}
	if (str_eqs(st->type, "array") && !items)
		place_required(PLACE(p, "items"), "must be specified");
	if (items) {
		struct st in = read_st(items);

		if (!in.type.len && !in.int_or_string && !in.preserve)
			place_required(PLACE(PLACE(p, "items"), "type"),
				       "must not be empty for specified array items");
		check_schema(PLACE(p, "items"), items, depth + 1);
	}
}

static void check_schema(const struct place *p, struct json_object *s, unsigned depth)
{
	struct st st = read_st(s);

	if (depth > DEPTH_MAX) {
		place_forbidden(p, "nests too deeply");
		return;
	}
	check_type(p, st.type);
	check_forbidden(p, s);
	check_pattern(p, s);
	check_extensions(p, s, &st);
	check_list_type(p, s, &st);
	if (st.embedded)
		check_metadata(p, s);
	check_default(p, s);
	check_children(p, s, &st, depth);
	check_combined(p, s, s, &st, depth);
}

void crd_validate_schema(const struct place *p, struct json_object *schema, struct json_object *old)
{
	struct str type = text_of(schema, "type");
	size_t before = place_mistakes(p);

	if (!type.len)
		place_required(PLACE(p, "type"), "must not be empty at the root");
	else if (!str_eqs(type, "object"))
		place_invalid_str(PLACE(p, "type"), type, "must be object at the root");
	if (jsonc_get(schema, "additionalProperties"))
		place_forbidden(PLACE(p, "additionalProperties"), "must not be used at the root");
	check_metadata(p, schema);
	check_schema(p, schema, 0);
	if (place_mistakes(p) == before)
		crd_rules_check(p, schema, old);
}
