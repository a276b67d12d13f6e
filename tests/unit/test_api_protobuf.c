/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind, filled in whole by its table: JSON to protobuf and back is the same object. */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/protobuf.h"
#include "tests/unit/test.h"

#define DEPTH_MAX 12

static struct json_object *object(const struct api_type *t, unsigned depth);

static struct json_object *value(const struct api_field *f, unsigned depth, size_t n)
{
	static const char *const texts[] = {"text", "", "\xc3\xa4 \"\\\n"};

	switch ((enum api_vtype)f->type) {
	case API_STRING:
		return json_object_new_string(texts[(n + depth) % (f->shape == API_ONE ? 1 : 3)]);
	case API_BOOL:
		return json_object_new_boolean(1);
	case API_INT32:
		return json_object_new_int64(n ? -7 : 2147483647);
	case API_INT64:
		return json_object_new_int64(n ? -7 : 9007199254740993);
	case API_DOUBLE:
		return json_object_new_double(1.5);
	case API_BYTES:
		return json_object_new_string("AAH/");
	case API_OBJECT:
		return object(f->ref, depth + 1);
	case API_ANY:
		return json_tokener_parse("{\"a\":[1,{\"b\":null}]}");
	case API_TIME:
		return json_object_new_string("2026-01-02T03:04:05Z");
	case API_MICROTIME:
		return json_object_new_string("2026-01-02T03:04:05.678901Z");
	case API_DURATION:
		return json_object_new_string("1m30s");
	case API_QUANTITY:
		return json_object_new_string("1500m");
	case API_INT_OR_STRING:
		return depth % 2 ? json_object_new_string("50%") : json_object_new_int64(-3);
	case API_NESTED:
	case API_DEDUCED:
	case API_VTYPE_MAX:
		break;
	}
	return NULL;
}

static struct json_object *field(const struct api_field *f, unsigned depth)
{
	struct json_object *o, *list;

	if (f->shape == API_ONE)
		return value(f, depth, 0);
	if (f->shape == API_LIST) {
		o = json_object_new_array();
		for (size_t i = 0; i < 2; i++)
			json_object_array_add(o, value(f, depth, i));
		return o;
	}
	o = json_object_new_object();
	for (size_t i = 0; i < 2; i++) {
		struct json_object *v = value(f, depth, i);

		if (f->flags & API_MAP_OF_LISTS) {
			list = json_object_new_array();
			json_object_array_add(list, v);
			v = list;
		}
		json_object_object_add(o, i ? "key.example/\xc3\xa4" : "k", v);
	}
	return o;
}

static void fill(const struct api_type *t, struct json_object *o, unsigned depth)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct api_field *f = &t->fields[i];

		if (f->flags & API_INLINE)
			fill(f->ref, o, depth);
		else if (f->pb && (f->type != API_OBJECT || depth < (f->ref == t ? 6 : DEPTH_MAX)))
			json_object_object_add(o, f->name, field(f, depth));
	}
}

static struct json_object *object(const struct api_type *t, unsigned depth)
{
	struct json_object *o = json_object_new_object();

	fill(t, o, depth);
	return o;
}

static void round_trip(const struct api_kind *k)
{
	CLEANUP_JSON struct json_object *o = object(k->type, 0), *back = NULL;
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	CLEANUP(buf_done) struct buf pb = BUF_INIT;
	CLEANUP(buf_done) struct buf got = BUF_INIT;
	struct str version, kind, raw;
	struct err e = ERR_INIT;

	jsonc_set_str(o, "apiVersion", STR("g/v1"));
	jsonc_set_str(o, "kind", str_of(k->kind));
	jsonc_write(o, &json);
	api_pb_object(k->type, buf_str(&json), &pb);
	if (api_pb_envelope(buf_str(&pb), &version, &kind, &raw, &e) < 0 ||
	    api_pb_decode(k->type, raw, &back, &e) < 0)
		fail_msg("%s: %s", k->kind, err_text(&e));
	assert_true(str_eqs(version, "g/v1") && str_eqs(kind, k->kind));
	json_object_object_del(o, "apiVersion");
	json_object_object_del(o, "kind");
	if (jsonc_equal(o, back))
		return;
	buf_clear(&json);
	jsonc_write(o, &json);
	jsonc_write(back, &got);
	fail_msg("%s\n%s\nbecame\n%s", k->kind, json.p, got.p);
}

static void test_round_trips(void **state)
{
	const struct api_kind *k;
	size_t n = 0;

	for (size_t i = 0; (k = api_kind_at(i)); i++) {
		if (!api_pb_has(k->type))
			fail_msg("%s has no numbers", k->kind);
		round_trip(k);
		n++;
	}
	assert_true(n > 70);
}

/* Bytes that Kubernetes' own encoder makes of this pod, as a client sends it. */
static void test_known_bytes(void **state)
{
	static const char want[] = "k8s\0\n\x0f\n\x02v1\x12\tConfigMap\x12\x1d\n\x03\n\x01"
				   "a"
				   "\x12\x06\n\x01k\x12\x01v\x1a\x0e\n\x01"
				   "b\x12\t";
	static const char json[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
				   "\"name\":\"a\"},\"data\":{\"k\":\"v\"},\"binaryData\":{\"b\":"
				   "\"MTIzNDU2Nzg5\"}}";
	const struct api_kind *k = api_kind_find(STR(""), STR("v1"), STR("configmaps"));
	CLEANUP(buf_done) struct buf pb = BUF_INIT;

	api_pb_object(k->type, STR(json), &pb);
	assert_int_equal(pb.len, sizeof(want) - 1 + 9);
	assert_memory_equal(pb.p, want, sizeof(want) - 1);
	assert_memory_equal(pb.p + sizeof(want) - 1, "123456789", 9);
}

static void test_long_lengths(void **state)
{
	const struct api_kind *k = api_kind_find(STR(""), STR("v1"), STR("configmaps"));

	for (size_t n = 120; n < 70000; n += n < 140 || (n > 16370 && n < 16390) ? 1 : 1777) {
		CLEANUP_JSON struct json_object *o = json_object_new_object(), *back = NULL;
		CLEANUP(buf_done) struct buf json = BUF_INIT;
		CLEANUP(buf_done) struct buf raw = BUF_INIT;
		CLEANUP_FREE char *text = xcalloc(n + 1, 1);

		memset(text, 'x', n);
		jsonc_set_str(jsonc_ensure(o, "data"), "k", str_of(text));
		jsonc_write(o, &json);
		api_pb_encode(k->type, jv_of(buf_str(&json)), &raw);
		assert_int_equal(api_pb_decode(k->type, buf_str(&raw), &back, NULL), 0);
		assert_true(jsonc_equal(o, back));
	}
}

static void test_watch_frame(void **state)
{
	static const char want[] = "\0\0\0\x0e\n\x05"
				   "ADDED\x12\x05\n\x03";
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	api_pb_watch_head(STR("ADDED"), 3, &b);
	assert_int_equal(b.len, sizeof(want) - 1);
	assert_memory_equal(b.p, want, b.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_known_bytes),
		cmocka_unit_test(test_long_lengths),
		cmocka_unit_test(test_watch_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
