/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/patch.h"
#include "lib/api/status.h"
#include "lib/json/jsonc.h"

#define ORDER_PREFIX "$setElementOrder/"
#define DELETE_PREFIX "$deleteFromPrimitiveList/"

struct merge_ctx {
	struct err *err;
};

/* NULL is "failed" wherever a list or an object comes back; err says why. */
static struct json_object *merge_object(struct merge_ctx *c, const struct api_type *t,
					struct json_object *orig, struct json_object *patch);

static bool has_prefix(const char *key, const char *prefix)
{
	return strncmp(key, prefix, strlen(prefix)) == 0;
}

static size_t length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static struct json_object *at(struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

static struct str directive(struct json_object *o)
{
	return json_object_is_type(o, json_type_object) ? jsonc_path_str(o, "$patch") : STR_NULL;
}

/* A patch value which meets nothing to merge with: without nulls and directives. */
static struct json_object *plain(struct json_object *v)
{
	struct json_object *out;

	if (json_object_is_type(v, json_type_array)) {
		out = json_object_new_array();
		for (size_t i = 0; i < length(v); i++) {
			struct json_object *e = at(v, i);

			if (!str_eqs(directive(e), "delete") && !str_eqs(directive(e), "replace"))
				json_object_array_add(out, plain(e));
		}
		return out;
	}
	if (!json_object_is_type(v, json_type_object))
		return jsonc_clone(v);
	out = json_object_new_object();
	json_object_object_foreach(v, key, m)
	{
		bool special = !strcmp(key, "$patch") || !strcmp(key, "$retainKeys") ||
			       has_prefix(key, ORDER_PREFIX) || has_prefix(key, DELETE_PREFIX);

		if (m && !special)
			json_object_object_add(out, key, plain(m));
	}
	return out;
}

/* What tells elements apart: the merge key's value, or a scalar itself. */
static struct json_object *identity(struct json_object *e, const char *key)
{
	return key && json_object_is_type(e, json_type_object) ? jsonc_get(e, key) : e;
}

static ssize_t index_of(struct json_object *list, struct json_object *e, const char *key)
{
	struct json_object *id = identity(e, key);

	for (size_t i = 0; i < length(list); i++)
		if (jsonc_equal(identity(at(list, i), key), id))
			return (ssize_t)i;
	return -1;
}

static void append(struct json_object *list, struct json_object *e)
{
	json_object_array_add(list, json_object_get(e));
}

/*
 * Put a merged list in order: elements named by $setElementOrder in that order, the others
 * where they stood on the server relative to them.
 */
static struct json_object *reorder(struct json_object *list, struct json_object *order,
				   struct json_object *server, const char *key)
{
	struct json_object *named = json_object_new_array(), *rest = json_object_new_array();
	struct json_object *out = json_object_new_array();
	size_t i = 0, j = 0;

	for (size_t k = 0; k < length(order); k++) {
		ssize_t n = index_of(list, at(order, k), key);

		if (n >= 0 && index_of(named, at(order, k), key) < 0)
			append(named, at(list, (size_t)n));
	}
	for (size_t k = 0; k < length(list); k++)
		if (index_of(order, at(list, k), key) < 0)
			append(rest, at(list, k));
	while (i < length(rest) || j < length(named)) {
		ssize_t li = i < length(rest) ? index_of(server, at(rest, i), key) : -1;
		ssize_t ri = j < length(named) ? index_of(server, at(named, j), key) : -1;

		if (j == length(named) || (i < length(rest) && li >= 0 && ri >= 0 && li < ri))
			append(out, at(rest, i++));
		else
			append(out, at(named, j++));
	}
	json_object_put(named);
	json_object_put(rest);
	return out;
}

static bool is_scalar_list(struct json_object *a, struct json_object *b)
{
	struct json_object *e = length(a) ? at(a, 0) : length(b) ? at(b, 0) : NULL;

	return e && !json_object_is_type(e, json_type_object);
}

static struct json_object *merge_scalars(struct json_object *orig, struct json_object *patch)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < length(orig); i++)
		if (index_of(out, at(orig, i), NULL) < 0)
			append(out, at(orig, i));
	for (size_t i = 0; i < length(patch); i++)
		if (index_of(out, at(patch, i), NULL) < 0)
			append(out, at(patch, i));
	return out;
}

static int merge_element(struct merge_ctx *c, const struct api_field *f, struct json_object *out,
			 struct json_object *e)
{
	const char *key = f->merge_key;
	struct str how = directive(e);
	struct json_object *merged;
	ssize_t n;

	if (!json_object_is_type(e, json_type_object))
		return api_err_bad_request(
			c->err, "error decoding patch: \"%s\" is a list of objects", f->name);
	if (!key || !jsonc_get(e, key))
		return api_err_bad_request(
			c->err, "map: %s does not contain declared merge key: %s",
			json_object_to_json_string_ext(e, JSON_C_TO_STRING_PLAIN), key ? key : "");
	n = index_of(out, e, key);
	if (str_eqs(how, "delete")) {
		for (; n >= 0; n = index_of(out, e, key))
			json_object_array_del_idx(out, (size_t)n, 1);
		return 0;
	}
	if (how.len && !str_eqs(how, "merge"))
		return api_err_bad_request(c->err, "delete patch type with no merge key defined");
	if (n < 0) {
		json_object_array_add(out, plain(e));
		return 0;
	}
	merged = merge_object(c, f->ref, at(out, (size_t)n), e);
	if (!merged)
		return -EINVAL;
	json_object_array_put_idx(out, (size_t)n, merged);
	return 0;
}

static struct json_object *merge_objects(struct merge_ctx *c, const struct api_field *f,
					 struct json_object *orig, struct json_object *patch)
{
	CLEANUP_JSON struct json_object *out = json_object_new_array();
	bool replace = false;

	for (size_t i = 0; i < length(patch); i++)
		replace |= str_eqs(directive(at(patch, i)), "replace");
	for (size_t i = 0; !replace && i < length(orig); i++)
		append(out, at(orig, i));
	for (size_t i = 0; i < length(patch); i++) {
		if (str_eqs(directive(at(patch, i)), "replace"))
			continue;
		if (replace)
			json_object_array_add(out, plain(at(patch, i)));
		else if (merge_element(c, f, out, at(patch, i)) < 0)
			return NULL;
	}
	return TAKE(out);
}

static struct json_object *merge_list(struct merge_ctx *c, const struct api_field *f,
				      struct json_object *orig, struct json_object *patch,
				      struct json_object *order)
{
	struct json_object *out, *sorted;

	if (is_scalar_list(orig, patch))
		out = merge_scalars(orig, patch);
	else
		out = merge_objects(c, f, orig, patch);
	if (!out || !order)
		return out;
	sorted = reorder(out, order, orig, f->merge_key);
	json_object_put(out);
	return sorted;
}

/* The $deleteFromPrimitiveList part of a field; gives a new list. */
static struct json_object *without(struct json_object *list, struct json_object *gone)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < length(list); i++)
		if (index_of(gone, at(list, i), NULL) < 0)
			append(out, at(list, i));
	return out;
}

static struct json_object *member_with_prefix(struct json_object *patch, const char *prefix,
					      const char *name)
{
	CLEANUP_FREE char *key = xasprintf("%s%s", prefix, name);

	return json_object_object_get(patch, key);
}

static int retain_keys(struct merge_ctx *c, struct json_object *out, struct json_object *patch)
{
	struct json_object *keys = json_object_object_get(patch, "$retainKeys");
	CLEANUP_JSON struct json_object *seen = NULL;

	if (!keys)
		return 0;
	if (!json_object_is_type(keys, json_type_array))
		return api_err_bad_request(c->err, "the $retainKeys directive must be a list");
	json_object_object_foreach(patch, key, v)
	{
		CLEANUP_JSON struct json_object *name = json_object_new_string(key);

		if (v && key[0] != '$' && index_of(keys, name, NULL) < 0)
			return api_err_bad_request(
				c->err,
				"the list of retainKeys lacks the key \"%s\" of the "
				"patch",
				key);
	}
	seen = jsonc_clone(out);
	json_object_object_foreach(seen, old, unused)
	{
		CLEANUP_JSON struct json_object *name = json_object_new_string(old);

		(void)unused;
		if (index_of(keys, name, NULL) < 0)
			json_object_object_del(out, old);
	}
	return 0;
}

/* One member of a patch that isn't a directive. */
static int merge_member(struct merge_ctx *c, const struct api_field *f, struct json_object *out,
			const char *key, struct json_object *patch, struct json_object *v)
{
	struct json_object *orig = json_object_object_get(out, key), *merged;
	bool is_map = f && f->shape == API_MAP;

	if (!v) {
		json_object_object_del(out, key);
		return 0;
	}
	if (!orig || json_object_get_type(orig) != json_object_get_type(v)) {
		merged = plain(v);
		if (f && f->flags & API_MERGE && json_object_is_type(v, json_type_array) &&
		    f->merge_key)
			for (size_t i = 0; i < length(v); i++)
				if (!jsonc_get(at(v, i), f->merge_key) && !directive(at(v, i)).len)
					goto no_key;
	} else if (json_object_is_type(v, json_type_object) && !(f && f->flags & API_REPLACE)) {
		merged = merge_object(c, f && !is_map ? f->ref : NULL, orig, v);
	} else if (json_object_is_type(v, json_type_array) && f && f->flags & API_MERGE) {
		merged = merge_list(c, f, orig, v, member_with_prefix(patch, ORDER_PREFIX, key));
	} else {
		merged = plain(v);
	}
	if (!merged)
		return -EINVAL;
	json_object_object_add(out, key, merged);
	return 0;
no_key:
	json_object_put(merged);
	return api_err_bad_request(c->err, "map: %s does not contain declared merge key: %s",
				   json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN),
				   f->merge_key);
}

/* $deleteFromPrimitiveList/x and, where x itself isn't patched, $setElementOrder/x. */
static int list_directive(struct merge_ctx *c, const struct api_type *t, struct json_object *out,
			  const char *key, struct json_object *patch, struct json_object *v)
{
	bool order = has_prefix(key, ORDER_PREFIX);
	const char *name = strchr(key, '/') + 1;
	const struct api_field *f = api_field_find(t, str_of(name));
	struct json_object *orig = json_object_object_get(out, name);

	if (!json_object_is_type(v, json_type_array))
		return api_err_bad_request(c->err, "%s must be a list", key);
	if (!json_object_is_type(orig, json_type_array))
		return 0;
	if (!order)
		json_object_object_add(out, name, without(orig, v));
	else if (!json_object_object_get_ex(patch, name, NULL))
		json_object_object_add(out, name, reorder(orig, v, orig, f ? f->merge_key : NULL));
	return 0;
}

static struct json_object *merge_object(struct merge_ctx *c, const struct api_type *t,
					struct json_object *orig, struct json_object *patch)
{
	CLEANUP_JSON struct json_object *out = NULL;
	struct str how = directive(patch);
	int r;

	if (str_eqs(how, "replace"))
		return plain(patch);
	if (str_eqs(how, "delete"))
		return json_object_new_object();
	if (how.len && !str_eqs(how, "merge")) {
		api_err_bad_request(c->err, "Unknown patch type found: %.*s", STR_ARG(how));
		return NULL;
	}
	out = jsonc_clone(orig);
	r = retain_keys(c, out, patch);
	for (int pass = 0; pass < 2 && r == 0; pass++) { /* list directives first */
		json_object_object_foreach(patch, key, v)
		{
			bool list = has_prefix(key, ORDER_PREFIX) || has_prefix(key, DELETE_PREFIX);

			if (r < 0)
				break;
			if (pass == 0 && list)
				r = list_directive(c, t, out, key, patch, v);
			else if (pass == 1 && !list && strcmp(key, "$patch") != 0 &&
				 strcmp(key, "$retainKeys") != 0)
				r = merge_member(c, api_field_find(t, str_of(key)), out, key, patch,
						 v);
		}
	}
	return r < 0 ? NULL : TAKE(out);
}

int api_patch_strategic(const struct api_type *type, struct json_object *obj,
			struct json_object *patch, struct json_object **ret, struct err *err)
{
	struct merge_ctx c = {.err = err};
	struct json_object *o;

	if (!json_object_is_type(patch, json_type_object))
		return api_err_bad_request(err,
					   "error decoding patch: a strategic merge patch is an "
					   "object");
	o = merge_object(&c, type, obj, patch);
	if (!o)
		return -EINVAL;
	*ret = o;
	return 0;
}
