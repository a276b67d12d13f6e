/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/api.h"
#include "lib/api/decode.h"
#include "lib/api/protobuf.h"
#include "lib/api/quantity.h"
#include "lib/api/status.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/json/yaml.h"

#define MAX_STRICT_ERRORS 100

struct dec {
	struct buf path; /* "spec.containers[0].name", "metadata.labels[a]" of the value at hand */
	const struct api_type *owner; /* innermost object, for messages */
	enum api_strictness strict;
	unsigned mode; /* API_DEC_* */
	struct buf strict_errs; /* joined by ", " */
	size_t n_strict;
	struct api_warnings *warnings;
	struct buf msg; /* first type error */
	bool unique; /* no object has a key twice: what is added is new */
};

static const char *json_type_name(struct jv v)
{
	switch (jv_type(v)) {
	case JV_BOOL:
		return "bool";
	case JV_NUMBER:
		return "number";
	case JV_STRING:
		return "string";
	case JV_ARRAY:
		return "array";
	case JV_OBJECT:
		return "object";
	case JV_NULL:
	case JV_ABSENT:
		break;
	}
	return "null";
}

static const char *go_type_name(const struct api_field *f)
{
	static const char *const names[API_VTYPE_MAX] = {
		[API_STRING] = "string",        [API_BOOL] = "bool",
		[API_INT32] = "int32",          [API_INT64] = "int64",
		[API_DOUBLE] = "float64",       [API_BYTES] = "[]uint8",
		[API_OBJECT] = "object",        [API_ANY] = "object",
		[API_TIME] = "string",          [API_MICROTIME] = "string",
		[API_DURATION] = "string",      [API_QUANTITY] = "resource.Quantity",
		[API_INT_OR_STRING] = "string",
	};
	return names[f->type];
}

/* What does not fit: a value, the digits of a number, a list or map as a whole. */
enum mismatch { BAD_VALUE, BAD_LITERAL, BAD_CONTAINER };

/* "json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32" */
static struct json_object *type_error(struct dec *d, const struct api_field *f, struct jv v,
				      enum mismatch how)
{
	const char *prefix = "", *t = go_type_name(f);

	if (d->msg.len)
		return NULL;
	if (how == BAD_CONTAINER && f->shape == API_LIST)
		prefix = "[]";
	else if (how == BAD_CONTAINER && f->shape == API_MAP)
		prefix = "map[string]";
	if (f->type == API_OBJECT)
		t = api_type_short(f->ref);
	buf_addf(&d->msg, "json: cannot unmarshal %s", json_type_name(v));
	if (how == BAD_LITERAL) {
		buf_addc(&d->msg, ' ');
		buf_addstr(&d->msg, jv_raw(v));
	}
	buf_addf(&d->msg, " into Go struct field %s.", d->owner ? api_type_short(d->owner) : "");
	for (const char *p = d->path.p; *p; p++) { /* without [N] and [key] */
		if (*p == '[')
			p = strchrnul(p, ']');
		if (*p && *p != ']')
			buf_addc(&d->msg, *p);
	}
	buf_addf(&d->msg, " of type %s%s%s", prefix, f->type == API_OBJECT ? "v1." : "", t);
	return NULL;
}

static void strict_add(struct dec *d, const char *what, struct str path)
{
	if (d->strict == API_WARN && d->warnings)
		api_warnings_add(d->warnings, "%s field \"%.*s\"", what, STR_ARG(path));
	if (d->strict == API_STRICT && d->n_strict < MAX_STRICT_ERRORS)
		buf_addf(&d->strict_errs, "%s%s field \"%.*s\"", d->n_strict ? ", " : "", what,
			 STR_ARG(path));
	d->n_strict++;
}

/* Any JSON value as it is. */
static struct json_object *decode_any(struct jv v)
{
	struct json_object *o = NULL;
	struct buf tmp = BUF_INIT;

	switch (jv_type(v)) {
	case JV_ABSENT:
	case JV_NULL:
		break;
	case JV_BOOL:
		o = json_object_new_boolean(jv_bool(v, false));
		break;
	case JV_NUMBER: {
		struct str raw = jv_raw(v);
		int64_t n;
		uint64_t u;

		if (str_to_i64(raw, &n) == 0)
			o = json_object_new_int64(n);
		else if (str_to_u64(raw, &u) == 0)
			o = json_object_new_uint64(u);
		else
			o = json_object_new_double(jv_double(v, 0));
		break;
	}
	case JV_STRING:
		o = jsonc_new_str(jv_str(v, &tmp));
		break;
	case JV_ARRAY:
		o = json_object_new_array();
		jv_for_each (it, v)
			json_object_array_add(o, decode_any(it.value));
		break;
	case JV_OBJECT:
		o = json_object_new_object();
		jv_for_each_member (it, v) {
			buf_clear(&tmp);
			jv_unescape(it.key, &tmp);
			json_object_object_add(o, tmp.p, decode_any(it.value));
		}
		break;
	}
	buf_done(&tmp);
	return o;
}

static struct json_object *decode_int(struct dec *d, const struct api_field *f, struct jv v)
{
	int64_t n;

	if (jv_type(v) != JV_NUMBER)
		return type_error(d, f, v, BAD_VALUE);
	if (str_to_i64(jv_raw(v), &n) < 0 || (f->type == API_INT32 && n != (int32_t)n))
		return type_error(d, f, v, BAD_LITERAL);
	return json_object_new_int64(n);
}

static struct json_object *fail(struct dec *d, const char *fmt, const char *arg)
{
	if (!d->msg.len) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		buf_addf(&d->msg, fmt, arg, arg);
#pragma GCC diagnostic pop
	}
	return NULL;
}

static struct json_object *decode_quantity(struct dec *d, const struct api_field *f, struct jv v)
{
	struct buf out = BUF_INIT, tmp = BUF_INIT;
	struct json_object *o = NULL;
	struct str s = jv_type(v) == JV_NUMBER ? jv_raw(v) : jv_str(v, &tmp);

	if (!str_is_null(s) && quantity_canonical(s, &out) == 0)
		o = jsonc_new_str(buf_str(&out));
	if (!o)
		fail(d,
		     "quantities must match the regular expression "
		     "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
		     "");
	buf_done(&tmp);
	buf_done(&out);
	return o;
}

/* Texts with a form of their own: times and base64. */
static struct json_object *decode_text(struct dec *d, const struct api_field *f, struct jv v)
{
	struct buf tmp = BUF_INIT, bytes = BUF_INIT;
	char text[MICROTIME_LEN + 1];
	struct json_object *o = NULL;
	struct str s;
	int64_t t;

	if (jv_type(v) != JV_STRING)
		return type_error(d, f, v, BAD_VALUE);
	s = jv_str(v, &tmp);
	if (f->type == API_BYTES) {
		if (base64_decode(s, &bytes) < 0)
			fail(d, "illegal base64 data at input byte 0", "");
		else
			o = jsonc_new_str(s);
	} else if (f->type == API_TIME || f->type == API_MICROTIME) {
		if (time_parse(s, &t) < 0) {
			buf_addstr(&bytes, s);
			fail(d,
			     "parsing time \"%s\" as \"2006-01-02T15:04:05Z07:00\": cannot parse "
			     "\"%s\" as "
			     "\"2006\"",
			     bytes.p);
		} else {
			if (f->type == API_TIME)
				time_format(t, text);
			else
				time_format_micro(t, text);
			o = jsonc_new_str(str_of(text));
		}
	} else {
		o = jsonc_new_str(s);
	}
	buf_done(&tmp);
	buf_done(&bytes);
	return o;
}

static struct json_object *decode_object(struct dec *d, const struct api_type *t, struct jv v,
					 bool preserve);

/* A value as an element: lists and maps have been opened already. */
static struct json_object *decode_one(struct dec *d, const struct api_field *f, struct jv v)
{
	enum jv_type vt = jv_type(v);

	switch ((enum api_vtype)f->type) {
	case API_STRING:
	case API_BYTES:
	case API_TIME:
	case API_MICROTIME:
	case API_DURATION:
		return decode_text(d, f, v);
	case API_BOOL:
		return vt == JV_BOOL ? json_object_new_boolean(jv_bool(v, false))
				     : type_error(d, f, v, BAD_VALUE);
	case API_INT32:
	case API_INT64:
		return decode_int(d, f, v);
	case API_DOUBLE:
		return vt == JV_NUMBER ? decode_any(v) : type_error(d, f, v, BAD_VALUE);
	case API_OBJECT:
		if (f->flags & API_OR_BOOL && vt == JV_BOOL)
			return decode_any(v);
		if (vt != JV_OBJECT)
			return type_error(d, f, v, BAD_VALUE);
		return decode_object(d, f->ref, v, f->flags & API_PRESERVE);
	case API_ANY:
		return decode_any(v);
	case API_QUANTITY:
		return decode_quantity(d, f, v);
	case API_INT_OR_STRING:
		if (vt == JV_STRING)
			return decode_any(v);
		return decode_int(d, f, v);
	case API_NESTED:
	case API_DEDUCED:
	case API_VTYPE_MAX:
		break;
	}
	return NULL;
}

/* What Go leaves for a null list element or map value. */
static struct json_object *zero_value(const struct api_field *f)
{
	switch ((enum api_vtype)f->type) {
	case API_BOOL:
		return json_object_new_boolean(false);
	case API_INT32:
	case API_INT64:
	case API_DOUBLE:
	case API_INT_OR_STRING:
		return json_object_new_int64(0);
	case API_OBJECT:
	case API_ANY:
		return json_object_new_object();
	case API_QUANTITY:
		return json_object_new_string("0");
	case API_STRING:
	case API_BYTES:
	case API_TIME:
	case API_MICROTIME:
	case API_DURATION:
	case API_NESTED:
	case API_DEDUCED:
	case API_VTYPE_MAX:
		break;
	}
	return json_object_new_string("");
}

static struct json_object *decode_list(struct dec *d, const struct api_field *f, struct jv v)
{
	CLEANUP_JSON struct json_object *list = NULL;
	size_t len = d->path.len, i = 0;

	if (jv_type(v) != JV_ARRAY)
		return type_error(d, f, v, BAD_CONTAINER);
	list = json_object_new_array();
	jv_for_each (it, v) {
		struct json_object *o;

		buf_addc(&d->path, '[');
		buf_addu64(&d->path, i++);
		buf_addc(&d->path, ']');
		o = jv_exists(it.value) ? decode_one(d, f, it.value) : zero_value(f);
		buf_setlen(&d->path, len);
		if (!o && f->type != API_ANY)
			return NULL;
		json_object_array_add(list, o);
	}
	return TAKE(list);
}

static struct json_object *decode_map(struct dec *d, const struct api_field *f, struct jv v)
{
	CLEANUP_JSON struct json_object *map = NULL;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	size_t len = d->path.len;

	if (jv_type(v) != JV_OBJECT)
		return type_error(d, f, v, BAD_CONTAINER);
	map = json_object_new_object();
	jv_for_each_member (it, v) {
		struct json_object *o;

		buf_clear(&key);
		jv_unescape(it.key, &key);
		buf_addc(&d->path, '[');
		buf_addstr(&d->path, buf_str(&key));
		buf_addc(&d->path, ']');
		if (f->flags & API_MAP_OF_LISTS)
			o = decode_list(d, f, it.value);
		else
			o = jv_exists(it.value) ? decode_one(d, f, it.value) : zero_value(f);
		buf_setlen(&d->path, len);
		if (!o && f->type != API_ANY)
			return NULL;
		json_object_object_add(map, key.p, o);
	}
	return TAKE(map);
}

static bool is_zero(struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_null:
		return true;
	case json_type_boolean:
		return !json_object_get_boolean(o);
	case json_type_int:
		return json_object_get_int64(o) == 0;
	case json_type_double:
		return json_object_get_double(o) == 0;
	case json_type_string:
		return json_object_get_string_len(o) == 0;
	case json_type_array:
		return json_object_array_length(o) == 0;
	case json_type_object:
		return json_object_object_length(o) == 0;
	}
	return false;
}

/* Would Go's encoder leave the field out? (omitempty without a pointer) */
static bool omitted(const struct api_field *f, struct json_object *o)
{
	if (f->flags & (API_PTR | API_KEEP_EMPTY))
		return false;
	if (f->shape == API_ONE && (f->type == API_OBJECT || f->type == API_ANY ||
				    f->type == API_QUANTITY || f->type == API_INT_OR_STRING))
		return false;
	return is_zero(o);
}

static int decode_field(struct dec *d, const struct api_field *f, struct jv v,
			struct json_object *into)
{
	struct json_object *o;

	if (!jv_exists(v)) {
		if (d->mode & API_DEC_VERBATIM)
			json_object_object_add(into, f->name, NULL);
		else
			json_object_object_del(into, f->name); /* a duplicate before it */
		return 0;
	}
	if (f->shape == API_LIST)
		o = decode_list(d, f, v);
	else if (f->shape == API_MAP)
		o = decode_map(d, f, v);
	else
		o = decode_one(d, f, v);
	if (!o)
		return f->type == API_ANY && f->shape == API_ONE ? 0 : -EINVAL;
	if (!(d->mode & API_DEC_VERBATIM) && omitted(f, o)) {
		json_object_put(o);
		if (!d->unique)
			json_object_object_del(into, f->name);
		return 0;
	}
	/* The table outlives the object, so its text can be the key. */
	json_object_object_add_ex(into, f->name, o,
				  JSON_C_OBJECT_KEY_IS_CONSTANT |
					  (d->unique ? JSON_C_OBJECT_ADD_KEY_IS_NEW : 0));
	return 0;
}

/* Fields without omitempty appear as zero: Go writes them. */
static void fill_zero(const struct api_type *t, struct json_object *obj)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct api_field *f = &t->fields[i];

		if (f->flags & API_INLINE)
			fill_zero(f->ref, obj);
		else if (f->flags & API_KEEP_EMPTY && !(f->flags & API_PTR) &&
			 f->shape == API_ONE && f->type <= API_DOUBLE &&
			 !json_object_object_get_ex(obj, f->name, NULL))
			json_object_object_add(obj, f->name, zero_value(f));
	}
}

static void fill_below(const struct api_field *f, struct json_object *v)
{
	if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++)
			fill_below(f, json_object_array_get_idx(v, i));
	} else if (json_object_is_type(v, json_type_object)) {
		api_decode_fill(f->ref, v);
	}
}

void api_decode_fill(const struct api_type *t, struct json_object *obj)
{
	json_object_object_foreach(obj, name, v)
	{
		const struct api_field *f = api_field_find(t, str_of(name));

		if (!f || f->type != API_OBJECT || !f->ref)
			continue;
		if (f->shape == API_MAP && json_object_is_type(v, json_type_object)) {
			json_object_object_foreach(v, key, one)
			{
				(void)key;
				fill_below(f, one);
			}
		} else {
			fill_below(f, v);
		}
	}
	fill_zero(t, obj);
}

static struct json_object *decode_object(struct dec *d, const struct api_type *t, struct jv v,
					 bool preserve)
{
	CLEANUP_JSON struct json_object *obj = json_object_new_object();
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	const struct api_type *outer = d->owner;
	size_t len = d->path.len;

	jv_for_each_member (it, v) {
		const struct api_field *f;
		struct str name = it.key;

		if (memchr(name.p, '\\', name.len)) {
			buf_clear(&key);
			jv_unescape(it.key, &key);
			name = buf_str(&key);
		}
		if (len)
			buf_addc(&d->path, '.');
		buf_addstr(&d->path, name);
		f = api_field_find(t, name);
		d->owner = t;
		if (f) {
			if (decode_field(d, f, it.value, obj) < 0)
				return NULL;
		} else if (preserve || t->flags & API_PRESERVE) {
			CLEANUP_FREE char *n = str_dup(name);

			json_object_object_add(obj, n, decode_any(it.value));
		} else if (d->mode & API_DEC_VERBATIM) {
			fail(d,
			     "failed to create typed patch object: .%s: field not declared in "
			     "schema",
			     d->path.p);
			return NULL;
		} else {
			strict_add(d, "unknown", buf_str(&d->path));
		}
		buf_setlen(&d->path, len);
	}
	if (!(d->mode & (API_DEC_VERBATIM | API_DEC_UNFILLED)))
		fill_zero(t, obj);
	d->owner = outer;
	return TAKE(obj);
}

static void on_duplicate(void *user, const char *path)
{
	strict_add(user, "duplicate", str_of(path));
}

int api_decode_json(const struct api_type *type, struct str json, enum api_strictness strict,
		    unsigned mode, struct json_object **ret, struct api_warnings *warnings,
		    struct err *err)
{
	struct dec d = {BUF_INIT, NULL, strict, mode, BUF_INIT, 0, warnings, BUF_INIT, false};
	struct json_scan_limits limits = {.on_duplicate = on_duplicate, .user = &d};
	struct json_object *o = NULL;
	int r = 0;

	if (!(mode & API_DEC_SCANNED)) {
		r = json_scan(json, &limits, err);
		d.unique = !d.n_strict;
	}
	if (r == 0 && jv_type(jv_of(json)) != JV_OBJECT)
		r = api_err_bad_request(err,
					"json: cannot unmarshal %s into Go value of type v1.%s",
					json_type_name(jv_of(json)), api_type_short(type));
	else if (r < 0 && err && !err->reason)
		err->reason = xstrdup("BadRequest");
	if (r == 0) {
		o = decode_object(&d, type, jv_of(json), false);
		if (!o)
			r = api_err_bad_request(err, "%s", d.msg.p);
		else if (d.strict_errs.len)
			r = api_err_bad_request(err, "strict decoding error: %s", d.strict_errs.p);
	}
	if (r < 0)
		json_object_put(o);
	else
		*ret = o;
	buf_done(&d.path);
	buf_done(&d.strict_errs);
	buf_done(&d.msg);
	return r;
}

int api_decode_type(const struct api_type *type, struct str json, enum api_strictness strict,
		    struct json_object **ret, struct api_warnings *warnings, struct err *err)
{
	return api_decode_json(type, json, strict, API_DEC_SCANNED, ret, warnings, err);
}
