/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/protobuf.h"
#include "lib/api/kinds/types.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/pb.h"

/*
 * JSON to protobuf by the tables, in one pass over the JSON: fields come in its order, which every
 * decoder takes. Zero values that the JSON has are written, absent ones are not.
 */

static void put_text(struct buf *out, uint32_t number, struct jv v)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;

	pb_put_bytes(out, number, jv_str(v, &scratch));
}

static void put_base64(struct buf *out, uint32_t number, struct jv v)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	CLEANUP(buf_done) struct buf raw = BUF_INIT;

	if (base64_decode(jv_str(v, &scratch), &raw) == 0)
		pb_put_bytes(out, number, buf_str(&raw));
}

/* {seconds 1, nanos 2} */
static void put_time(struct buf *out, uint32_t number, struct jv v)
{
	int64_t t, s, ns;
	size_t at;

	if (time_parse(jv_text(v), &t) < 0)
		return;
	s = t / (int64_t)NSEC_PER_SEC;
	ns = t % (int64_t)NSEC_PER_SEC;
	if (ns < 0) {
		ns += (int64_t)NSEC_PER_SEC;
		s--;
	}
	at = pb_open(out, number);
	pb_put_tag(out, 1, 0);
	pb_put_varint(out, (uint64_t)s);
	pb_put_tag(out, 2, 0);
	pb_put_varint(out, (uint64_t)ns);
	pb_close(out, at);
}

static void put_duration(struct buf *out, uint32_t number, struct jv v)
{
	int64_t ns;
	size_t at;

	if (duration_parse(jv_text(v), &ns) < 0)
		return;
	at = pb_open(out, number);
	pb_put_tag(out, 1, 0);
	pb_put_varint(out, (uint64_t)ns);
	pb_close(out, at);
}

/* {type 1, intVal 2, strVal 3} */
static void put_int_or_string(struct buf *out, uint32_t number, struct jv v)
{
	size_t at = pb_open(out, number);
	bool text = jv_type(v) == JV_STRING;

	pb_put_tag(out, 1, 0);
	pb_put_varint(out, text);
	pb_put_tag(out, 2, 0);
	pb_put_varint(out, text ? 0 : (uint64_t)jv_i64(v, 0));
	if (text)
		put_text(out, 3, v);
	else
		pb_put_bytes(out, 3, STR(""));
	pb_close(out, at);
}

/* {bytes or text 1} */
static void put_wrapped(struct buf *out, uint32_t number, struct str s)
{
	size_t at = pb_open(out, number);

	pb_put_bytes(out, 1, s);
	pb_close(out, at);
}

static void put_double(struct buf *out, uint32_t number, double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	pb_put_tag(out, number, 1);
	for (int i = 0; i < 8; i++)
		buf_addc(out, (char)(bits >> (8 * i)));
}

/* {message 1}, or {allows 1, message 2} where a boolean may stand in its place. */
static void put_inner(struct buf *out, const struct api_field *f, uint32_t number, struct jv v)
{
	size_t at = pb_open(out, number), in;
	bool or_bool = f->flags & API_OR_BOOL, is_bool = jv_type(v) == JV_BOOL;

	if (or_bool) {
		pb_put_tag(out, 1, 0);
		pb_put_varint(out, is_bool ? jv_bool(v, false) : true);
	}
	if (!is_bool) {
		in = pb_open(out, or_bool ? 2 : 1);
		api_pb_encode(f->ref, v, out);
		pb_close(out, in);
	}
	pb_close(out, at);
}

static void put_value(struct buf *out, const struct api_field *f, uint32_t number, struct jv v)
{
	size_t at;

	switch ((enum api_vtype)f->type) {
	case API_STRING:
		put_text(out, number, v);
		break;
	case API_BOOL:
		pb_put_tag(out, number, 0);
		pb_put_varint(out, jv_bool(v, false));
		break;
	case API_INT32:
	case API_INT64:
		pb_put_tag(out, number, 0);
		pb_put_varint(out, (uint64_t)jv_i64(v, 0));
		break;
	case API_DOUBLE:
		put_double(out, number, jv_double(v, 0));
		break;
	case API_BYTES:
		put_base64(out, number, v);
		break;
	case API_OBJECT:
		if (f->flags & (API_OR_BOOL | API_PB_INNER)) {
			put_inner(out, f, number, v);
			break;
		}
		at = pb_open(out, number);
		api_pb_encode(f->ref, v, out);
		pb_close(out, at);
		break;
	case API_ANY:
		put_wrapped(out, number, jv_raw(v));
		break;
	case API_TIME:
	case API_MICROTIME:
		put_time(out, number, v);
		break;
	case API_DURATION:
		put_duration(out, number, v);
		break;
	case API_QUANTITY:
		put_wrapped(out, number, jv_text(v));
		break;
	case API_INT_OR_STRING:
		put_int_or_string(out, number, v);
		break;
	case API_NESTED:
	case API_DEDUCED:
	case API_VTYPE_MAX:
		break;
	}
}

/* A message with the elements as its field 1. */
static void put_list_message(struct buf *out, const struct api_field *f, uint32_t number,
			     struct jv list)
{
	size_t at = pb_open(out, number);

	jv_for_each (it, list)
		put_value(out, f, 1, it.value);
	pb_close(out, at);
}

static void put_map(struct buf *out, const struct api_field *f, struct jv map)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	jv_for_each_member (it, map) {
		size_t at = pb_open(out, f->pb);

		buf_clear(&key);
		jv_unescape(it.key, &key);
		pb_put_bytes(out, 1, buf_str(&key));
		if (f->flags & API_MAP_OF_LISTS)
			put_list_message(out, f, 2, it.value);
		else
			put_value(out, f, 2, it.value);
		pb_close(out, at);
	}
}

static void put_field(struct buf *out, const struct api_field *f, struct jv v)
{
	if (jv_type(v) == JV_NULL || jv_type(v) == JV_ABSENT)
		return;
	if (f->shape == API_ONE)
		put_value(out, f, f->pb, v);
	else if (f->shape == API_MAP)
		put_map(out, f, v);
	else if (f->flags & API_PB_WRAPPED)
		put_list_message(out, f, f->pb, v);
	else
		jv_for_each (it, v)
			put_value(out, f, f->pb, it.value);
}

/* The row of this very type, not of one that is inlined. */
static const struct api_field *own_field(const struct api_type *t, struct str name)
{
	for (size_t i = 0; i < t->n_fields; i++)
		if (!(t->fields[i].flags & API_INLINE) && str_eqs(name, t->fields[i].name))
			return &t->fields[i];
	return NULL;
}

void api_pb_encode(const struct api_type *type, struct jv obj, struct buf *out)
{
	jv_for_each_member (it, obj) {
		const struct api_field *f = own_field(type, it.key);

		if (f && f->pb)
			put_field(out, f, it.value);
	}
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct api_field *f = &type->fields[i];
		size_t tag, at;

		if (!(f->flags & API_INLINE) || !f->pb)
			continue;
		tag = out->len;
		at = pb_open(out, f->pb);
		api_pb_encode(f->ref, obj, out);
		if (out->len == at)
			buf_setlen(out, tag); /* nothing of it is there */
		else
			pb_close(out, at);
	}
}

bool api_pb_has(const struct api_type *type)
{
	const struct api_field *f = api_field_find(type, STR("metadata"));

	return f ? f->pb != 0 : type->n_fields && type->fields[type->n_fields - 1].pb;
}

void api_pb_head(struct str api_version, struct str kind, size_t raw_len, struct buf *out)
{
	size_t at;

	buf_add(out, "k8s\0", 4);
	at = pb_open(out, 1);
	pb_put_bytes(out, 1, api_version);
	pb_put_bytes(out, 2, kind);
	pb_close(out, at);
	pb_put_tag(out, 2, 2);
	pb_put_varint(out, raw_len);
}

void api_pb_object(const struct api_type *type, struct str json, struct buf *out)
{
	struct jv obj = jv_of(json);
	CLEANUP(buf_done) struct buf raw = BUF_INIT;

	api_pb_encode(type, obj, &raw);
	api_pb_head(jv_text(jv_get(obj, "apiVersion")), jv_text(jv_get(obj, "kind")), raw.len, out);
	buf_addstr(out, buf_str(&raw));
}

bool api_pb_any_object(struct str json, struct buf *out)
{
	struct jv obj = jv_of(json);
	struct str group, version, name = jv_text(jv_get(obj, "kind"));
	const struct api_kind *k;

	api_version_split(jv_text(jv_get(obj, "apiVersion")), &group, &version);
	if (str_eqs(group, "meta.k8s.io") && str_eqs(name, "PartialObjectMetadata")) {
		api_pb_object(&api_pb_partial, json, out);
		return true;
	}
	k = api_kind_by_gvk(group, version, name);
	if (!k || !api_pb_has(k->type))
		return false;
	api_pb_object(k->type, json, out);
	return true;
}

void api_pb_list_meta(struct str rv, struct str token, int64_t remaining, struct buf *out)
{
	size_t at = pb_open(out, 1);

	pb_put_bytes(out, 2, rv);
	if (token.len)
		pb_put_bytes(out, 3, token);
	if (remaining >= 0) {
		pb_put_tag(out, 4, 0);
		pb_put_varint(out, (uint64_t)remaining);
	}
	pb_close(out, at);
}

void api_pb_list_item(const struct api_type *type, struct jv obj, struct buf *out)
{
	size_t at = pb_open(out, 2);

	api_pb_encode(type, obj, out);
	pb_close(out, at);
}

static size_t varint_len(uint64_t v)
{
	size_t n = 1;

	while (v >= 0x80) {
		v >>= 7;
		n++;
	}
	return n;
}

/* WatchEvent {type 1, object 2 {raw 1}} behind four bytes of length, up to the raw bytes. */
void api_pb_watch_head(struct str event, size_t object_len, struct buf *out)
{
	size_t inner = 1 + varint_len(object_len) + object_len;
	size_t len = 1 + varint_len(event.len) + event.len + 1 + varint_len(inner) + inner;

	for (int i = 0; i < 4; i++)
		buf_addc(out, (char)((uint32_t)len >> (24 - 8 * i)));
	pb_put_bytes(out, 1, event);
	pb_put_tag(out, 2, 2);
	pb_put_varint(out, inner);
	pb_put_tag(out, 1, 2);
	pb_put_varint(out, object_len);
}

static const struct api_field partial_fields[] = {
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta},
};
const struct api_type api_pb_partial = {.name = "PartialObjectMetadata",
					.fields = partial_fields,
					.n_fields = ARRAY_SIZE(partial_fields)};
