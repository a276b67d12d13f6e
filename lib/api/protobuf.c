/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/protobuf.h"
#include "lib/api/quantity.h"
#include "lib/api/status.h"
#include "lib/base/clock.h"
#include "lib/json/jsonc.h"
#include "lib/base/codec.h"
#include "lib/base/pb.h"
#include "lib/json/jw.h"

#define MAX_DEPTH 64
#define MAX_VALUES 100000

bool api_pb_is(struct str body)
{
	return body.len >= 4 && memcmp(body.p, "k8s\0", 4) == 0;
}

int api_pb_envelope(struct str body, struct str *ret_api_version, struct str *ret_kind,
		    struct str *ret_raw, struct err *err)
{
	struct str version = STR(""), kind = STR(""), raw = STR(""), meta;
	struct pb_item it, in;
	int r;

	if (!api_pb_is(body))
		return api_err_bad_request(err, "provided data does not appear to be a protobuf "
						"message, expected prefix [107 56 115 0]");
	body = str_skip(body, 4);
	while ((r = pb_next(&body, &it)) > 0) {
		if (it.number == 2 && it.wire == 2)
			raw = it.bytes;
		if (it.number != 1 || it.wire != 2)
			continue;
		meta = it.bytes;
		while ((r = pb_next(&meta, &in)) > 0) {
			if (in.number == 1 && in.wire == 2)
				version = in.bytes;
			else if (in.number == 2 && in.wire == 2)
				kind = in.bytes;
		}
		if (r < 0)
			break;
	}
	if (r < 0)
		return api_err_bad_request(err, "the body is not a runtime.Unknown message");
	*ret_api_version = version;
	*ret_kind = kind;
	*ret_raw = raw;
	return 0;
}

struct pb_dec {
	unsigned depth, values;
	struct buf why;
};

static struct json_object *bad(struct pb_dec *d, const char *type, const char *field)
{
	if (!d->why.len)
		buf_addf(&d->why, "proto: cannot decode field %s of %s", field, type);
	return NULL;
}

/* {seconds 1, nanos 2}; an empty message is the null time. */
static struct json_object *timestamp(struct str in, bool micro)
{
	char text[MICROTIME_LEN + 1];
	struct pb_item it;
	int64_t s = 0, ns = 0;

	while (pb_next(&in, &it) > 0) {
		if (it.number == 1)
			s = (int64_t)it.value;
		else if (it.number == 2)
			ns = (int32_t)it.value;
	}
	if (s < -9000000000 || s > 9000000000 || ns < 0 || ns >= (int64_t)NSEC_PER_SEC)
		return NULL;
	s = s * (int64_t)NSEC_PER_SEC + ns;
	if (micro)
		time_format_micro(s, text);
	else
		time_format(s, text);
	return json_object_new_string(text);
}

/* A message of one interesting member, number 1. */
static struct str first_bytes(struct str in)
{
	struct str r = STR("");
	struct pb_item it;

	while (pb_next(&in, &it) > 0)
		if (it.number == 1 && it.wire == 2)
			r = it.bytes;
	return r;
}

/* {nanoseconds 1} */
static struct json_object *duration(struct str in)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct pb_item it;
	int64_t ns = 0;

	while (pb_next(&in, &it) > 0)
		if (it.number == 1)
			ns = (int64_t)it.value;
	duration_format(ns, &b);
	return jsonc_new_str(buf_str(&b));
}

/* {type 1, intVal 2, strVal 3} */
static struct json_object *int_or_string(struct str in)
{
	struct str text = STR("");
	int64_t type = 0, n = 0;
	struct pb_item it;

	while (pb_next(&in, &it) > 0) {
		if (it.number == 1)
			type = (int64_t)it.value;
		else if (it.number == 2)
			n = (int32_t)it.value;
		else if (it.number == 3 && it.wire == 2)
			text = it.bytes;
	}
	return type ? jsonc_new_str(text) : json_object_new_int64(n);
}

static struct json_object *free_json(struct str in)
{
	struct json_object *o = NULL;
	struct str json = first_bytes(in);

	if (!json.len)
		return json_object_new_object();
	return jsonc_parse(json, NULL, &o, NULL) < 0 ? NULL : o;
}

/* Text must be UTF-8 without NUL: what the JSON scanner says of it as a string. */
static struct json_object *text(struct str s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (s.len && memchr(s.p, 0, s.len))
		return NULL;
	json_quote(s, &b);
	return json_scan(buf_str(&b), NULL, NULL) < 0 ? NULL : jsonc_new_str(s);
}

static struct json_object *base64(struct str s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	base64_encode(s, &b);
	return jsonc_new_str(buf_str(&b));
}

static struct json_object *quantity(struct str s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	return quantity_canonical(s, &b) < 0 ? NULL : jsonc_new_str(buf_str(&b));
}

static struct json_object *message(struct pb_dec *d, const struct api_type *t, struct str in);

static struct json_object *list_message(struct pb_dec *d, const struct api_field *f, struct str in);

/* {1: message}, or {1: bool, 2: message} where a boolean may stand in its place. */
static struct json_object *wrapped_message(struct pb_dec *d, const struct api_field *f,
					   struct str in)
{
	uint32_t at = f->flags & API_OR_BOOL ? 2 : 1;
	struct json_object *v = NULL;
	bool allows = false;
	struct pb_item it;

	while (pb_next(&in, &it) > 0) {
		if (it.number == at && it.wire == 2) {
			json_object_put(v);
			v = message(d, f->ref, it.bytes);
			if (!v)
				return NULL;
		} else if (it.number == 1 && it.wire == 0) {
			allows = it.value != 0;
		}
	}
	if (v)
		return v;
	return at == 2 ? json_object_new_boolean(allows) : json_object_new_object();
}

static struct json_object *value(struct pb_dec *d, const struct api_field *f,
				 const struct pb_item *it)
{
	bool scalar = f->type == API_BOOL || f->type == API_INT32 || f->type == API_INT64;
	double num;

	if (++d->values > MAX_VALUES)
		return NULL;
	if (f->type == API_DOUBLE) {
		memcpy(&num, &it->value, sizeof(num));
		return it->wire == 1 && num == num && num - num == 0 ? json_object_new_double(num)
								     : NULL;
	}
	if (it->wire != (scalar ? 0u : 2u))
		return NULL;
	switch ((enum api_vtype)f->type) {
	case API_BOOL:
		return json_object_new_boolean(it->value != 0);
	case API_INT32:
		return json_object_new_int64((int32_t)it->value);
	case API_INT64:
		return json_object_new_int64((int64_t)it->value);
	case API_STRING:
		return text(it->bytes);
	case API_BYTES:
		return base64(it->bytes);
	case API_OBJECT:
		if (f->flags & (API_OR_BOOL | API_PB_INNER))
			return wrapped_message(d, f, it->bytes);
		return message(d, f->ref, it->bytes);
	case API_ANY:
		return free_json(it->bytes);
	case API_TIME:
	case API_MICROTIME:
		return timestamp(it->bytes, f->type == API_MICROTIME);
	case API_QUANTITY:
		return quantity(first_bytes(it->bytes));
	case API_INT_OR_STRING:
		return int_or_string(it->bytes);
	case API_DURATION:
		return duration(it->bytes);
	case API_DOUBLE:
	case API_NESTED:
	case API_DEDUCED:
	case API_VTYPE_MAX:
		break;
	}
	return NULL;
}

/* One entry {key 1, value 2} of a map. */
static bool map_entry(struct pb_dec *d, const struct api_field *f, struct str in,
		      struct json_object *map)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	CLEANUP_JSON struct json_object *checked = NULL;
	struct json_object *v = NULL;
	struct pb_item it;
	bool seen = false;

	while (pb_next(&in, &it) > 0) {
		if (it.number == 1 && it.wire == 2) {
			buf_clear(&key);
			buf_addstr(&key, it.bytes);
		} else if (it.number == 2) {
			json_object_put(v);
			v = f->flags & API_MAP_OF_LISTS ? list_message(d, f, it.bytes)
							: value(d, f, &it);
			seen = true;
		}
	}
	if (!seen && (f->type == API_STRING || f->type == API_BYTES))
		v = json_object_new_string("");
	checked = text(buf_str(&key));
	if (!v || !checked) {
		json_object_put(v);
		return false;
	}
	json_object_object_add(map, key.p, v);
	return true;
}

/* Lists which are messages of their own with the elements as field 1. */
static struct json_object *list_message(struct pb_dec *d, const struct api_field *f, struct str in)
{
	CLEANUP_JSON struct json_object *list = json_object_new_array();
	struct pb_item it;

	while (pb_next(&in, &it) > 0) {
		struct json_object *v = it.number == 1 ? value(d, f, &it) : NULL;

		if (it.number == 1 && !v)
			return NULL;
		if (v)
			json_object_array_add(list, v);
	}
	return TAKE(list);
}

static struct json_object *ensure(struct json_object *obj, const char *name, bool list)
{
	struct json_object *o = jsonc_get(obj, name);

	if (!o) {
		o = list ? json_object_new_array() : json_object_new_object();
		jsonc_set(obj, name, o);
	}
	return o;
}

static bool add_repeated(struct pb_dec *d, const struct api_field *f, const struct pb_item *it,
			 struct json_object *obj)
{
	struct json_object *list = ensure(obj, f->name, true), *v;
	bool scalar = f->type == API_BOOL || f->type == API_INT32 || f->type == API_INT64;
	struct pb_item one = {.number = it->number};
	struct str in = it->bytes;

	if (!scalar || it->wire != 2) {
		v = value(d, f, it);
		return v && json_object_array_add(list, v) == 0;
	}
	while (in.len) { /* packed */
		if (!pb_varint(&in, &one.value) || !(v = value(d, f, &one)))
			return false;
		json_object_array_add(list, v);
	}
	return true;
}

/* Would Go's JSON encoder leave this out? */
static bool dropped(const struct api_field *f, struct json_object *v)
{
	if (f->flags & (API_PTR | API_KEEP_EMPTY))
		return false;
	switch (json_object_get_type(v)) {
	case json_type_string:
		return f->type != API_QUANTITY && f->type != API_INT_OR_STRING &&
		       !json_object_get_string_len(v);
	case json_type_int:
		return f->type != API_INT_OR_STRING && !json_object_get_int64(v);
	case json_type_boolean:
		return !json_object_get_boolean(v);
	case json_type_double:
		return json_object_get_double(v) == 0;
	case json_type_null:
	case json_type_object:
	case json_type_array:
		break;
	}
	return false;
}

static bool add_item(struct pb_dec *d, const struct api_field *f, const struct pb_item *it,
		     struct json_object *obj)
{
	struct json_object *v;

	if (f->flags & API_PB_WRAPPED && f->shape == API_LIST) {
		v = it->wire == 2 ? list_message(d, f, it->bytes) : NULL;
		if (v)
			jsonc_set(obj, f->name, v);
		return v;
	}
	if (f->shape == API_MAP)
		return it->wire == 2 && map_entry(d, f, it->bytes, ensure(obj, f->name, false));
	if (f->shape == API_LIST)
		return add_repeated(d, f, it, obj);
	/* Go writes the zero time of a struct as an empty message: the same as absent. */
	if ((f->type == API_TIME || f->type == API_MICROTIME) && it->wire == 2 && !it->bytes.len)
		return true;
	v = value(d, f, it);
	if (!v)
		return false;
	if (dropped(f, v))
		json_object_put(v);
	else
		jsonc_set(obj, f->name, v);
	return true;
}

static bool message_into(struct pb_dec *d, const struct api_type *t, struct str in,
			 struct json_object *obj)
{
	struct pb_item it;
	bool ok = true;
	int r;

	if (++d->depth > MAX_DEPTH)
		return false;
	while (ok && (r = pb_next(&in, &it)) > 0) {
		const struct api_field *f = api_field_by_number(t, it.number);

		if (!f)
			continue;
		if (f->flags & API_INLINE)
			ok = it.wire == 2 && message_into(d, f->ref, it.bytes, obj);
		else
			ok = add_item(d, f, &it, obj);
		if (!ok)
			bad(d, api_type_short(t), f->name);
	}
	d->depth--;
	return ok && r == 0;
}

static struct json_object *message(struct pb_dec *d, const struct api_type *t, struct str in)
{
	struct json_object *obj = json_object_new_object();

	if (!message_into(d, t, in, obj)) {
		json_object_put(obj);
		return NULL;
	}
	return obj;
}

int api_pb_decode(const struct api_type *type, struct str raw, struct json_object **ret,
		  struct err *err)
{
	struct pb_dec d = {.why = BUF_INIT};
	struct json_object *o = message(&d, type, raw);
	int r = 0;

	if (o)
		*ret = o;
	else
		r = api_err_bad_request(err, "%s",
					d.why.len ? d.why.p : "proto: the message is cut short");
	buf_done(&d.why);
	return r;
}
