/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/crd/custom.h"
#include "lib/api/jsonpath.h"
#include "lib/api/status.h"
#include "tests/unit/test.h"

static struct json_object *tree(const char *json)
{
	struct json_object *o = NULL;

	assert_int_equal(jsonc_parse(str_of(json), NULL, &o, NULL), 0);
	return o;
}

static void text_is(struct json_object *o, const char *want)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jsonc_write(o, &b);
	assert_string_equal(b.p, want);
}

static void add_path(void *user, const char *path)
{
	buf_addf(user, "%s ", path);
}

static void test_prune(void **state)
{
	CLEANUP(crd_schema_freep)
	struct crd_schema_set *s = crd_schema_new(jv_of(STR(
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\",\"properties\":{"
		"\"b\":{\"type\":\"string\"}}},\"l\":{\"type\":\"array\",\"items\":{\"type\":"
		"\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}}}},\"m\":{\"type\":"
		"\"object\",\"additionalProperties\":{\"type\":\"object\",\"properties\":{\"k\":{"
		"\"type\":\"string\"}}}},\"p\":{\"type\":\"object\","
		"\"x-kubernetes-preserve-unknown-fields\":true,\"properties\":{\"q\":{\"type\":"
		"\"object\"}}},\"e\":{\"type\":\"object\",\"x-kubernetes-embedded-resource\":true,"
		"\"properties\":{\"spec\":{\"type\":\"object\"}}}}}")));
	CLEANUP_JSON struct json_object *o = tree(
		"{\"kind\":\"K\",\"metadata\":{\"name\":\"n\"},\"a\":{\"b\":\"1\",\"c\":2},\"l\":["
		"{\"x\":1,\"y\":2}],\"m\":{\"any\":{\"k\":\"v\",\"z\":1}},\"p\":{\"free\":{\"x\":1}"
		","
		"\"q\":{\"gone\":1}},\"e\":{\"kind\":\"P\",\"metadata\":{\"x\":1},\"bad\":1},\"u\":"
		"1}");
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	crd_prune(s->root, o, add_path, &b);
	assert_string_equal(b.p, "a.c l[0].y m.any.z p.q.gone e.metadata.x e.bad u ");
	text_is(o,
		"{\"kind\":\"K\",\"metadata\":{\"name\":\"n\"},\"a\":{\"b\":\"1\"},\"l\":[{\"x\":"
		"1}],\"m\":{\"any\":{\"k\":\"v\"}},\"p\":{\"free\":{\"x\":1},\"q\":{}},\"e\":{"
		"\"kind\":\"P\",\"metadata\":{}}}");
}

static void test_default(void **state)
{
	CLEANUP(crd_schema_freep)
	struct crd_schema_set *s = crd_schema_new(jv_of(STR(
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"default\":\"x\"}"
		","
		"\"n\":{\"type\":\"string\",\"nullable\":true,\"default\":\"y\"},\"o\":{\"type\":"
		"\"object\",\"default\":{},\"properties\":{\"i\":{\"type\":\"integer\",\"default\":"
		"5}}},\"z\":{\"type\":\"string\"},\"l\":{\"type\":\"array\",\"items\":{\"type\":"
		"\"object\",\"properties\":{\"d\":{\"type\":\"boolean\",\"default\":false}}}}}}")));
	CLEANUP_JSON struct json_object *o = tree("{\"a\":null,\"n\":null,\"z\":null,\"l\":[{}]}");

	crd_default(s->root, o);
	text_is(o, "{\"a\":\"x\",\"n\":null,\"l\":[{\"d\":false}],\"o\":{\"i\":5}}");
}

static void expect(const char *schema, const char *value, const char *old, const char *want)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT, got = BUF_INIT;
	CLEANUP(crd_schema_freep) struct crd_schema_set *s = NULL;
	CLEANUP_JSON struct json_object *v = NULL;
	CLEANUP_JSON struct json_object *was = NULL;
	CLEANUP(err_done) struct err e = ERR_INIT;

	buf_addf(&text, "{\"type\":\"object\",\"properties\":{\"v\":%s}}", schema);
	s = crd_schema_new(jv_of(buf_str(&text)));
	buf_clear(&text);
	buf_addf(&text, "{\"v\":%s}", value);
	v = tree(text.p);
	if (old) {
		buf_clear(&text);
		buf_addf(&text, "{\"v\":%s}", old);
		was = tree(text.p);
	}
	crd_check(s->root, v, was, PLACE_OF(&e));
	for (size_t i = 0; i < e.n_fields; i++)
		buf_addf(&got, "%s%s: %s", i ? "; " : "", e.fields[i].path, e.fields[i].message);
	assert_string_equal(got.p, want);
}

static void test_check(void **state)
{
	expect("{\"type\":\"string\"}", "1", NULL,
	       "v: Invalid value: \"integer\": v in body must be of type string: \"integer\"");
	expect("{\"type\":\"integer\"}", "1.0", NULL, "");
	expect("{\"type\":\"integer\"}", "1.5", NULL,
	       "v: Invalid value: \"number\": v in body must be of type integer: \"number\"");
	expect("{\"type\":\"string\"}", "null", NULL,
	       "v: Invalid value: \"null\": v in body must be of type string: \"null\"");
	expect("{\"type\":\"string\",\"nullable\":true}", "null", NULL, "");
	expect("{\"type\":\"integer\",\"multipleOf\":3}", "7", NULL,
	       "v: Invalid value: 7: v in body should be a multiple of 3");
	expect("{\"type\":\"number\",\"maximum\":1,\"exclusiveMaximum\":true}", "1", NULL,
	       "v: Invalid value: 1: v in body should be less than 1");
	expect("{\"type\":\"string\",\"minLength\":2}", "\"a\"", NULL,
	       "v: Invalid value: \"a\": v in body should be at least 2 chars long");
	expect("{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":1}",
	       "[\"a\",\"b\"]", NULL, "v: Too many: 2: must have at most 1 items");
	expect("{\"type\":\"object\",\"minProperties\":1}", "{}", NULL,
	       "v: Invalid value: {}: v in body should have at least 1 properties");
	expect("{\"type\":\"string\",\"format\":\"date-time\"}", "\"x\"", NULL,
	       "v: Invalid value: \"x\": v in body must be of type date-time: \"x\"");
	expect("{\"type\":\"object\",\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}",
	       "{\"a\":1,\"b\":2}", NULL,
	       "v: Invalid value: \"\": \"v\" must validate one and only one schema (oneOf). Found "
	       "2 valid alternatives");
	expect("{\"type\":\"object\",\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}",
	       "{}", NULL,
	       "v: Invalid value: \"\": \"v\" must validate at least one schema (anyOf); v.a: "
	       "Required value");
	expect("{\"type\":\"string\",\"not\":{\"enum\":[\"a\"]}}", "\"a\"", NULL,
	       "v: Invalid value: \"\": \"v\" must not validate the schema (not)");
	/* Ratcheting: what did not change is let through, what stands beside it is not. */
	expect("{\"type\":\"string\",\"maxLength\":1}", "\"abc\"", "\"abc\"", "");
	expect("{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
	       "\"x-kubernetes-list-map-keys\":[\"k\"],\"items\":{\"type\":\"object\","
	       "\"properties\":{"
	       "\"k\":{\"type\":\"string\"},\"x\":{\"type\":\"integer\",\"maximum\":1}}}}",
	       "[{\"k\":\"b\",\"x\":8},{\"k\":\"a\",\"x\":5}]",
	       "[{\"k\":\"a\",\"x\":5},{\"k\":\"b\",\"x\":5}]",
	       "v[0].x: Invalid value: 8: v[0].x in body should be less than or equal to 1");
}

static void test_formats(void **state)
{
	static const struct {
		const char *format, *good, *bad;
	} rows[] = {
		{"date", "2020-02-29", "2020-02-30"},
		{"date-time", "2020-01-01T00:00:00Z", "2020-01-01"},
		{"duration", "1h30m", "1x"},
		{"ipv4", "10.0.0.1", "::1"},
		{"ipv6", "::1", "10.0.0.1"},
		{"cidr", "10.0.0.0/8", "10.0.0.0/33"},
		{"mac", "00:11:22:33:44:55", "00:11"},
		{"uuid", "123e4567-e89b-12d3-a456-426614174000", "123"},
		{"uuid4", "123e4567-e89b-42d3-a456-426614174000",
		 "123e4567-e89b-12d3-a456-426614174000"},
		{"byte", "aGk=", "a"},
		{"email", "a@b.c", "ab.c"},
		{"hostname", "a.example", "-a"},
		{"uri", "https://a/b", "no uri"},
		{"hexcolor", "#ffeeaa", "#ggg"},
		{"rgbcolor", "rgb(1,2,3)", "rgb(1,2,300)"},
		{"isbn", "0-306-40615-2", "0-306-40615-3"},
		{"creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"},
		{"ssn", "123-45-6789", "123"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum crd_format f = crd_format_of(str_of(rows[i].format));

		assert_int_not_equal(f, CRD_F_NONE);
		if (!crd_format_check(f, str_of(rows[i].good)) ||
		    crd_format_check(f, str_of(rows[i].bad)))
			fail_msg("%s", rows[i].format);
	}
}

static void test_jsonpath(void **state)
{
	static const char obj[] =
		"{\"a\":{\"b.c\":1,\"l\":[{\"t\":\"x\",\"v\":1},{\"t\":\"y\",\"v\":"
		"2}]},\"m\":{\"k\":\"v\"}}";
	static const char *const paths[][2] = {
		{".a['b.c']", "1"},
		{".a.b\\.c", "1"},
		{".a.l[1].v", "2"},
		{"{.a.l[-1].t}", "\"y\""},
		{".a.l[*].t", "\"x\""},
		{".a.l[?(@.t==\"y\")].v", "2"},
		{".a.l[?(@.v>1)].t", "\"y\""},
		{"..v", "1"},
		{".a.l[1:2].t", "\"y\""},
		{".m.*", "\"v\""},
		{".nope.x", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct arena a = {0};
		struct jsonpath *p = NULL;
		struct jv v;

		assert_int_equal(jsonpath_parse(str_of(paths[i][0]), &a, &p, NULL), 0);
		v = jsonpath_first(p, jv_of(str_of(obj)));
		if (!str_eqs(jv_exists(v) ? jv_raw(v) : STR(""), paths[i][1]))
			fail_msg("%s", paths[i][0]);
		arena_done(&a);
	}
	for (const char *const *b = (const char *const[]){".a[", ".a[?(x)]", "", ".a b", NULL}; *b;
	     b++) {
		struct arena a = {0};
		struct jsonpath *p;

		assert_true(jsonpath_parse(str_of(*b), &a, &p, NULL) < 0);
		arena_done(&a);
	}
	assert_true(jsonpath_is_simple(STR(".spec.replicas")));
	assert_false(jsonpath_is_simple(STR(".spec[0]")));
}

static void test_versions(void **state)
{
	static const char *const order[] = {"v10",      "v2",      "v1",        "v11beta2",
					    "v10beta3", "v3beta1", "v12alpha1", "v11alpha2",
					    "foo1",     "foo10"};

	for (size_t i = 0; i + 1 < ARRAY_SIZE(order); i++)
		assert_true(custom_version_cmp(order[i], order[i + 1]) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prune),    cmocka_unit_test(test_default),
		cmocka_unit_test(test_check),    cmocka_unit_test(test_formats),
		cmocka_unit_test(test_jsonpath), cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
