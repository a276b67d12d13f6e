/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/api.h"
#include "lib/api/crd/custom.h"

/* The few forms of constant in the tables: text, numbers, booleans, {} and []. */
static struct json_object *constant(const char *json)
{
	size_t len = strlen(json);

	switch (json[0]) {
	case '"':
		return json_object_new_string_len(json + 1, (int)len - 2);
	case '{':
		if (len == 2)
			return json_object_new_object();
		break;
	case 't':
	case 'f':
		return json_object_new_boolean(json[0] == 't');
	case '-':
	case '0' ... '9':
		if (!strpbrk(json, ".eE"))
			return json_object_new_int64(strtoll(json, NULL, 10));
		break;
	default:
		break;
	}
	return json_tokener_parse(json);
}

static void default_object(const struct api_type *t, struct json_object *obj);

static void default_rows(const struct api_type *t, struct json_object *obj)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct api_field *f = &t->fields[i];

		if (f->flags & API_INLINE)
			default_rows(f->ref, obj);
		else if (f->def && !json_object_object_get(obj, f->name))
			json_object_object_add_ex(obj, f->name, constant(f->def),
						  JSON_C_OBJECT_KEY_IS_CONSTANT);
	}
	if (t->defaults)
		t->defaults(obj);
}

static void default_value(const struct api_field *f, struct json_object *v)
{
	if (f->shape == API_ONE) {
		if (json_object_is_type(v, json_type_object))
			default_object(f->ref, v);
	} else if (f->shape == API_LIST && json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++) {
			struct json_object *e = json_object_array_get_idx(v, i);

			if (json_object_is_type(e, json_type_object))
				default_object(f->ref, e);
		}
	} else if (f->shape == API_MAP && json_object_is_type(v, json_type_object)) {
		json_object_object_foreach(v, key, e)
		{
			(void)key;
			if (json_object_is_type(e, json_type_object))
				default_object(f->ref, e);
		}
	}
}

static void default_object(const struct api_type *t, struct json_object *obj)
{
	default_rows(t, obj);
	json_object_object_foreach(obj, key, v)
	{
		const struct api_field *f = api_field_find(t, str_of(key));

		if (f && f->type == API_OBJECT && f->ref)
			default_value(f, v);
	}
}

void api_default(const struct api_kind *kind, struct json_object *obj)
{
	if (kind->custom) {
		crd_default(custom_schema(kind)->root, obj);
		return;
	}
	default_object(kind->type, obj);
	if (kind->defaults)
		kind->defaults(obj);
}

/* Walks to the object that holds the last name of a dotted path, making objects on the way. */
static struct json_object *walk(struct json_object *obj, const char *path, bool make,
				const char **ret_last)
{
	const char *dot;

	while ((dot = strchr(path, '.'))) {
		CLEANUP_FREE char *name = xstrndup(path, (size_t)(dot - path));

		obj = make ? jsonc_ensure(obj, name) : jsonc_get(obj, name);
		if (!obj)
			return NULL;
		path = dot + 1;
	}
	*ret_last = path;
	return obj;
}

void api_set(struct json_object *obj, const char *path, struct json_object *take_value)
{
	const char *last;

	obj = walk(obj, path, true, &last);
	jsonc_set(obj, last, take_value);
}

void api_set_str(struct json_object *obj, const char *path, struct str value)
{
	api_set(obj, path, jsonc_new_str(value));
}

void api_del(struct json_object *obj, const char *path)
{
	const char *last;

	obj = walk(obj, path, false, &last);
	if (obj && json_object_is_type(obj, json_type_object))
		json_object_object_del(obj, last);
}
