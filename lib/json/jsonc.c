/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/jsonc.h"
#include "lib/json/jw.h"

int jsonc_parse(struct str json, const struct json_scan_limits *limits, struct json_object **ret,
		struct err *err)
{
	/* One tokener for the life of the thread: making one costs more than a small document. */
	static __thread struct json_tokener *tok;
	struct json_object *obj;
	int r = json_scan(json, limits, err);

	if (r < 0)
		return r;
	if (json.len > INT_MAX)
		return err_sys(err, EFBIG, "JSON of more than 2 GB");
	if (!tok)
		tok = json_tokener_new_ex(JSON_MAX_DEPTH * 2);
	json_tokener_reset(tok);
	obj = json_tokener_parse_ex(tok, json.p, (int)json.len);
	/* A bare number could go on behind the end; the terminator says that it doesn't. */
	if (json_tokener_get_error(tok) == json_tokener_continue)
		obj = json_tokener_parse_ex(tok, "", 1);
	if (json_tokener_get_error(tok) != json_tokener_success)
		return err_sys(err, EINVAL, "invalid JSON: %s",
			       json_tokener_error_desc(json_tokener_get_error(tok)));
	*ret = obj;
	return 0;
}

/* ---- objects kept as text: json-c's user data holds it ---- */

static int print_text(struct json_object *obj, struct printbuf *pb, int level, int flags)
{
	struct str s = jsonc_text(obj);

	return printbuf_memappend(pb, s.p, (int)s.len);
}

static void free_text(struct json_object *obj, void *p)
{
	struct buf *b = p;

	buf_done(b);
	free(b);
}

struct json_object *jsonc_new_text(struct buf *take_json)
{
	struct json_object *o = json_object_new_object();
	struct buf *b = NEW(struct buf);

	*b = *take_json;
	buf_init(take_json);
	json_object_set_serializer(o, print_text, b, free_text);
	return o;
}

struct str jsonc_text(struct json_object *obj)
{
	const struct buf *b =
		json_object_is_type(obj, json_type_object) ? json_object_get_userdata(obj) : NULL;

	return b ? buf_str(b) : STR_NULL;
}

static int copy_one(struct json_object *src, struct json_object *parent, const char *key,
		    size_t index, struct json_object **dst)
{
	struct str s = jsonc_text(src);
	struct buf b = BUF_INIT;

	if (!s.p)
		return json_c_shallow_copy_default(src, parent, key, index, dst);
	buf_addstr(&b, s);
	*dst = jsonc_new_text(&b);
	return 2; /* its serializer is set */
}

static void write_value(struct json_object *obj, struct buf *out);

static void write_object(struct json_object *obj, struct buf *out)
{
	struct str text = jsonc_text(obj);
	bool first = true;

	if (text.p) {
		buf_addstr(out, text);
		return;
	}
	buf_addc(out, '{');
	json_object_object_foreach(obj, key, value)
	{
		if (!first)
			buf_addc(out, ',');
		first = false;
		json_quote(str_of(key), out);
		buf_addc(out, ':');
		write_value(value, out);
	}
	buf_addc(out, '}');
}

static void write_number(struct json_object *obj, struct buf *out)
{
	int64_t i = json_object_get_int64(obj);

	if (i == INT64_MAX) { /* json-c keeps what lies above int64 as uint64 */
		buf_addu64(out, json_object_get_uint64(obj));
		return;
	}
	if (i < 0)
		buf_addc(out, '-');
	buf_addu64(out, i < 0 ? -(uint64_t)i : (uint64_t)i);
}

static void write_value(struct json_object *obj, struct buf *out)
{
	switch (json_object_get_type(obj)) {
	case json_type_null:
		buf_adds(out, "null");
		break;
	case json_type_boolean:
		buf_adds(out, json_object_get_boolean(obj) ? "true" : "false");
		break;
	case json_type_double:
		json_double(json_object_get_double(obj), out);
		break;
	case json_type_int:
		write_number(obj, out);
		break;
	case json_type_string:
		json_quote(jsonc_str(obj), out);
		break;
	case json_type_array:
		buf_addc(out, '[');
		for (size_t i = 0; i < json_object_array_length(obj); i++) {
			if (i)
				buf_addc(out, ',');
			write_value(json_object_array_get_idx(obj, i), out);
		}
		buf_addc(out, ']');
		break;
	case json_type_object:
		write_object(obj, out);
		break;
	}
}

void jsonc_write(struct json_object *obj, struct buf *out)
{
	write_value(obj, out);
}

struct json_object *jsonc_get(struct json_object *obj, const char *name)
{
	struct json_object *v;

	if (!json_object_is_type(obj, json_type_object))
		return NULL;
	return json_object_object_get_ex(obj, name, &v) ? v : NULL;
}

struct json_object *jsonc_path(struct json_object *obj, const char *path)
{
	const char *dot;

	for (; obj && (dot = strchrnul(path, '.'))[0]; path = dot + 1) {
		char key[256];

		if ((size_t)(dot - path) >= sizeof(key))
			return NULL;
		memcpy(key, path, (size_t)(dot - path));
		key[dot - path] = 0;
		obj = jsonc_get(obj, key);
	}
	return jsonc_get(obj, path);
}

struct str jsonc_str(struct json_object *obj)
{
	if (!json_object_is_type(obj, json_type_string))
		return STR_NULL;
	return str_n(json_object_get_string(obj), (size_t)json_object_get_string_len(obj));
}

struct str jsonc_path_str(struct json_object *obj, const char *path)
{
	return jsonc_str(jsonc_path(obj, path));
}

int64_t jsonc_i64(struct json_object *obj, int64_t otherwise)
{
	if (json_object_is_type(obj, json_type_int))
		return json_object_get_int64(obj);
	if (json_object_is_type(obj, json_type_double))
		return (int64_t)json_object_get_double(obj);
	return otherwise;
}

void jsonc_set_key(struct json_object *obj, const char *name, struct json_object *take_value,
		   bool constant)
{
	if (json_object_object_add_ex(obj, name, take_value,
				      constant ? JSON_C_OBJECT_KEY_IS_CONSTANT : 0) < 0)
		abort();
}

struct json_object *jsonc_new_str(struct str s)
{
	struct json_object *o;

	assert(s.len <= INT_MAX);
	o = json_object_new_string_len(s.p ? s.p : "", (int)s.len);
	if (!o)
		abort();
	return o;
}

struct json_object *jsonc_ensure(struct json_object *obj, const char *name)
{
	struct json_object *v = jsonc_get(obj, name);

	if (!v) {
		v = json_object_new_object();
		jsonc_set(obj, name, v);
	}
	return v;
}

struct json_object *jsonc_clone(struct json_object *obj)
{
	struct json_object *copy = NULL;

	if (obj && json_object_deep_copy(obj, &copy, copy_one) < 0)
		abort();
	return copy;
}

static bool objects_equal(struct json_object *a, struct json_object *b)
{
	if (json_object_object_length(a) != json_object_object_length(b))
		return false;
	json_object_object_foreach(a, key, value)
	{
		struct json_object *other;

		if (!json_object_object_get_ex(b, key, &other) || !jsonc_equal(value, other))
			return false;
	}
	return true;
}

/* A tree of its own of what is kept as text; others as they are. */
static struct json_object *opened(struct json_object *o)
{
	struct json_object *tree = NULL;
	struct str text = jsonc_text(o);

	if (!text.p)
		return json_object_get(o);
	return jsonc_parse(text, NULL, &tree, NULL) < 0 ? NULL : tree;
}

static bool texts_equal(struct json_object *a, struct json_object *b)
{
	CLEANUP_JSON struct json_object *x = NULL;
	CLEANUP_JSON struct json_object *y = NULL;

	if (str_eq(jsonc_text(a), jsonc_text(b)))
		return true;
	x = opened(a);
	y = opened(b);
	return x && y && jsonc_equal(x, y);
}

bool jsonc_equal(struct json_object *a, struct json_object *b)
{
	enum json_type ta = json_object_get_type(a), tb = json_object_get_type(b);

	if (a == b)
		return true;
	if (ta != tb) {
		bool numbers = (ta == json_type_int || ta == json_type_double) &&
			       (tb == json_type_int || tb == json_type_double);

		return numbers && json_object_get_double(a) == json_object_get_double(b);
	}
	if (ta == json_type_object && (jsonc_text(a).p || jsonc_text(b).p))
		return texts_equal(a, b);
	if (ta == json_type_object)
		return objects_equal(a, b);
	if (ta != json_type_array)
		return json_object_equal(a, b);
	if (json_object_array_length(a) != json_object_array_length(b))
		return false;
	for (size_t i = 0; i < json_object_array_length(a); i++)
		if (!jsonc_equal(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i)))
			return false;
	return true;
}
