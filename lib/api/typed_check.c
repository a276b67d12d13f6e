/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/typed_form.h"
#include "lib/api/typed.h"
#include "lib/base/hmap.h"

/* A value on the way down, and where that is. */
struct spot {
	struct buf path;
	struct buf *out;
};

static void complain(struct spot *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void complain(struct spot *s, const char *fmt, ...)
{
	va_list ap;

	if (s->out->len)
		buf_addc(s->out, '\n');
	buf_addf(s->out, "%s: ", s->path.len ? s->path.p : ".");
	va_start(ap, fmt);
	buf_vaddf(s->out, fmt, ap);
	va_end(ap);
}

static void check_value(struct spot *s, const struct api_field *f, struct json_object *v);

static void check_members(struct spot *s, const struct api_type *t, struct json_object *obj)
{
	size_t len = s->path.len;

	json_object_object_foreach(obj, key, v)
	{
		const struct api_field *f = member_of(t, str_of(key));

		buf_addf(&s->path, ".%s", key);
		if (f)
			check_value(s, f, v);
		else
			complain(s, "field not declared in schema");
		buf_setlen(&s->path, len);
	}
}

/* `[name="x"]`; false: it has no such key. */
static bool add_key(struct spot *s, const struct api_field *f, struct json_object *e, size_t i)
{
	struct str keys = str_of(f->keys), part;
	size_t n = 0;

	if (!is_object(e)) {
		complain(s, "element %zu: associative list with keys may not have non-map elements",
			 i);
		return false;
	}
	buf_addc(&s->path, '[');
	while (str_split(&keys, ',', &part)) {
		CLEANUP_FREE char *name = str_dup(part);
		const struct api_field *kf = api_field_find(f->ref, part);
		struct json_object *v = jsonc_get(e, name);

		if (!v && !(kf && kf->def)) {
			ssize_t at = str_chr(buf_str(&s->path), '[');

			while (at >= 0 && s->path.p[s->path.len - 1] != '[')
				buf_setlen(&s->path, s->path.len - 1);
			buf_setlen(&s->path, s->path.len - 1);
			complain(s,
				 "element %zu: associative list with keys has an element that "
				 "omits key field \"%s\" (and doesn't have default value)",
				 i, name);
			return false;
		}
		buf_addf(&s->path, "%s%s=", n++ ? "," : "", name);
		if (v)
			jsonc_write(v, &s->path);
		else
			buf_adds(&s->path, kf->def);
	}
	buf_addc(&s->path, ']');
	return true;
}

static void check_list(struct spot *s, const struct api_field *f, struct json_object *list)
{
	struct hmap *seen = hmap_new();
	struct api_field one = *f;
	size_t len = s->path.len;

	one.shape = API_ONE;
	one.flags &= ~API_WHOLE;
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		enum form form = form_of(f);
		CLEANUP_FREE char *key = NULL;

		if (form == LISTMAP) {
			if (!add_key(s, f, e, i)) {
				buf_setlen(&s->path, len);
				continue;
			}
		} else if (form == SET) {
			buf_adds(&s->path, "[=");
			jsonc_write(e, &s->path);
			buf_addc(&s->path, ']');
		} else {
			buf_addf(&s->path, "[%zu]", i);
		}
		key = str_dup(str_skip(buf_str(&s->path), len));
		if (form == LEAF)
			one.list = API_ATOMIC;
		else if (hmap_get(seen, str_of(key)))
			complain(s, "duplicate entries for key %s", key);
		else
			hmap_put(seen, str_of(key), seen);
		check_value(s, &one, e);
		buf_setlen(&s->path, len);
	}
	hmap_free(seen);
}

static void check_map(struct spot *s, const struct api_field *f, struct json_object *map)
{
	struct api_field e = element_of(f);
	size_t len = s->path.len;

	json_object_object_foreach(map, key, v)
	{
		buf_addf(&s->path, ".%s", key);
		check_value(s, &e, v);
		buf_setlen(&s->path, len);
	}
}

static const char *go_type(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_string:
		return "string";
	case json_type_boolean:
		return "bool";
	case json_type_array:
		return "[]interface {}";
	default:
		return "map[string]interface {}";
	}
}

static bool is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static void unexpected(struct spot *s, const char *what, struct json_object *v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jsonc_write(v, &b);
	complain(s, "expected %s, got %s", what, b.p);
}

static void check_scalar(struct spot *s, const struct api_field *f, struct json_object *v)
{
	bool composed = is_object(v) || json_object_is_type(v, json_type_array);

	switch ((enum api_vtype)f->type) {
	case API_INT32:
	case API_INT64:
	case API_DOUBLE:
		if (!is_number(v))
			complain(s, "expected numeric (int or float), got %s", go_type(v));
		break;
	case API_BOOL:
		if (!json_object_is_type(v, json_type_boolean))
			unexpected(s, "boolean", v);
		break;
	case API_QUANTITY:
	case API_INT_OR_STRING:
		if (composed)
			unexpected(s, "any scalar", v);
		break;
	case API_STRING:
	case API_BYTES:
	case API_TIME:
	case API_MICROTIME:
	case API_DURATION:
		if (!json_object_is_type(v, json_type_string))
			unexpected(s, "string", v);
		break;
	default:
		break;
	}
}

/* Null is a value of anything. */
static void check_value(struct spot *s, const struct api_field *f, struct json_object *v)
{
	if (!v || f->type == API_DEDUCED)
		return;
	if (f->shape == API_LIST) {
		if (json_object_is_type(v, json_type_array))
			check_list(s, f, v);
		else
			unexpected(s, "list", v);
	} else if (f->shape == API_MAP) {
		if (is_object(v))
			check_map(s, f, v);
		else
			unexpected(s, "map", v);
	} else if (f->type == API_OBJECT) {
		if (is_object(v))
			check_members(s, f->ref, v);
		else if (!(f->flags & API_OR_BOOL))
			unexpected(s, "map", v);
	} else {
		check_scalar(s, f, v);
	}
}

void typed_check(const struct api_type *t, struct json_object *config, struct buf *out)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT;
	struct spot s = {.path = BUF_INIT, .out = &all};
	struct str rest, line;

	check_members(&s, t, config);
	buf_done(&s.path);
	if (!all.len)
		return;
	rest = buf_str(&all);
	if (str_chr(rest, '\n') < 0) {
		buf_addstr(out, rest);
		return;
	}
	buf_adds(out, "errors:");
	while (str_split(&rest, '\n', &line))
		buf_addf(out, "\n  %.*s", STR_ARG(line));
}

/* ---- what is replaced as a whole ---- */

static void atomics_of(struct spot *s, const struct api_type *t, struct json_object *obj);

static void atomic_value(struct spot *s, const struct api_field *f, struct json_object *v)
{
	size_t len = s->path.len;

	if (form_of(f) == LEAF && (is_object(v) || json_object_is_type(v, json_type_array)))
		buf_addf(s->out, "%s%s", s->out->len ? ", " : "", s->path.p);
	if (f->type != API_OBJECT)
		return;
	if (f->shape == API_ONE && is_object(v))
		atomics_of(s, f->ref, v);
	for (size_t i = 0; f->shape == API_LIST && i < length(v); i++) {
		struct json_object *e = json_object_array_get_idx(v, i);

		buf_addf(&s->path, "[%zu]", i);
		if (f->ref->flags & API_WHOLE && is_object(e))
			buf_addf(s->out, ", %s", s->path.p);
		if (is_object(e))
			atomics_of(s, f->ref, e);
		buf_setlen(&s->path, len);
	}
}

static void atomics_of(struct spot *s, const struct api_type *t, struct json_object *obj)
{
	size_t len = s->path.len;

	json_object_object_foreach(obj, key, v)
	{
		const struct api_field *f = api_field_find(t, str_of(key));

		buf_addf(&s->path, ".%s", key);
		if (f)
			atomic_value(s, f, v);
		buf_setlen(&s->path, len);
	}
}

void typed_atomics(const struct api_type *t, struct json_object *config, struct buf *out)
{
	struct spot s = {.path = BUF_INIT, .out = out};

	atomics_of(&s, t, config);
	buf_done(&s.path);
}
