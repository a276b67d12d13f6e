/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/clock.h"
#include "lib/json/jsonc.h"
#include "lib/json/jv.h"
#include "lib/json/jv_skip.h"
#include "lib/json/jw.h"
#include "lib/json/yaml.h"
#include "tests/unit/test.h"

static void test_scan_good(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		" [1, 2.5, -3e-2, 0] ",
		"\"\\u00e9\\ud83d\\ude00\"",
		"null",
		"true",
		"{\"a\":{}}",
		"18446744073709551615",
		"-9223372036854775808",
		"\"\xc3\xa9\"",
		"[[],{}]",
		"{\"a\":1,\"b\":[{\"a\":1}]}",
		"1E5",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CLEANUP_JSON struct json_object *o = NULL;
		struct err e = ERR_INIT;
		int r = jsonc_parse(str_of(good[i]), NULL, &o, &e);

		if (r)
			print_error("%s: %s\n", good[i], err_text(&e));
		assert_int_equal(r, 0);
	}
}

/* Each weakness of json-c 0.16 (even STRICT) has its row: the scanner must refuse it first. */
static void test_scan_bad(void **state)
{
	static const struct {
		struct str in;
		const char *says;
	} bad[] = {
		{STR("{\"a\":1,\"a\":2}"), "duplicate field \"a\""},
		{STR("{\"x\":[{\"a\":1,\"\\u0061\":2}]}"), "duplicate field \"x[0].a\""},
		{STR("{'a':1}"), "expected a string as key"},
		{STR("['a']"), "a number needs a digit"},
		{STR("[NaN]"), "a number needs a digit"},
		{STR("[Infinity]"), "a number needs a digit"},
		{STR("[1e999]"), "a number out of range"},
		{STR("[18446744073709551616]"), "an integer beyond 64 bits"},
		{STR("[-9223372036854775809]"), "an integer beyond 64 bits"},
		{STR("[01]"), "expected ',' or ']'"},
		{STR("[1.]"), "behind its point"},
		{STR("\"a\tb\""), "raw control character"},
		{STR("\"\xc0\xaf\""), "invalid UTF-8"},
		{STR("\"\xed\xa0\x80\""), "invalid UTF-8"},
		{STR("\"\xf5\x80\x80\x80\""), "invalid UTF-8"},
		{STR("\"\\ud800\""), "lone high surrogate"},
		{STR("\"\\udc00\""), "lone low surrogate"},
		{STR("{\"a\\u0000b\":1}"), "\\u0000 is not allowed"},
		{STR("{}\0"), "text behind the document"},
		{STR("{} x"), "text behind the document"},
		{STR("{\"a\":1,}"), "expected a string as key"},
		{STR("[1,]"), "a number needs a digit"},
		{STR("[1 2]"), "expected ',' or ']'"},
		{STR("{\"a\" 1}"), "expected ':'"},
		{STR(""), "unexpected end"},
		{STR("[1"), "unexpected end"},
		{STR("\"abc"), "unfinished string"},
		{STR("// c\n1"), "a number needs a digit"},
		{STR("tru"), "unexpected character"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(json_scan(bad[i].in, NULL, &e), -EINVAL);
		if (!strstr(err_text(&e), bad[i].says))
			fail_msg("%.*s: %s", STR_ARG(bad[i].in), err_text(&e));
		err_done(&e);
	}
}

static void count_duplicate(void *user, const char *path)
{
	buf_addf(user, "%s;", path);
}

static void test_scan_limits(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf seen = BUF_INIT;
	struct json_scan_limits lenient = {.on_duplicate = count_duplicate, .user = &seen};

	for (int i = 0; i < 65; i++)
		buf_addc(&b, '[');
	for (int i = 0; i < 65; i++)
		buf_addc(&b, ']');
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), -EINVAL);
	assert_int_equal(json_scan(str_n(b.p + 1, 128), NULL, NULL), 0);
	buf_clear(&b);
	buf_addc(&b, '[');
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, i ? ",{}" : "{}");
	buf_addc(&b, ']');
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), -EINVAL);
	/* A large object takes the sorting way. */
	buf_clear(&b);
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%c\"k%d\":0", i ? ',' : '{', i == 999 ? 5 : i);
	buf_addc(&b, '}');
	assert_int_equal(json_scan(buf_str(&b), NULL, NULL), -EINVAL);
	assert_int_equal(json_scan(buf_str(&b), &lenient, NULL), 0);
	assert_string_equal(seen.p, "k5;");
}

static void test_jv(void **state)
{
	struct jv v =
		jv_of(STR(" {\"a\" : {\"b\":[1,{\"c\":\"x\\\"y\\u00e9\"},[\"]\"]]}, \"n\":null,"
			  "\"t\":true,\"d\":-2.5,\"e\":\"\",\"k\\u0065y\":7} "));
	CLEANUP(buf_done) struct buf s = BUF_INIT;
	struct jv m[4];
	int n = 0;

	assert_true(str_eqs(jv_raw(jv_path(v, "a.b")), "[1,{\"c\":\"x\\\"y\\u00e9\"},[\"]\"]]"));
	assert_true(str_eqs(jv_str(jv_path(v, "a.b[1].c"), &s), "x\"y\xc3\xa9"));
	assert_true(str_eqs(jv_text(jv_path(v, "a.b[2][0]")), "]"));
	assert_int_equal(jv_i64(jv_path(v, "a.b[0]"), -1), 1);
	assert_int_equal(jv_type(jv_get(v, "n")), JV_NULL);
	assert_false(jv_exists(jv_get(v, "n")));
	assert_true(jv_bool(jv_get(v, "t"), false));
	assert_true(jv_double(jv_get(v, "d"), 0) == -2.5);
	assert_int_equal(jv_i64(jv_get(v, "key"), 0), 7);
	assert_true(jv_eqs(jv_get(v, "e"), ""));
	assert_int_equal(jv_type(jv_path(v, "a.x.y[3].z")), JV_ABSENT);
	assert_true(str_is_null(jv_text(jv_path(v, "a.b[9]"))));
	assert_int_equal(jv_len(v), 6);
	assert_int_equal(jv_len(jv_path(v, "a.b")), 3);
	jv_members(v, (struct str[]){STR("d"), STR("absent"), STR("key"), STR("a")}, 4, m);
	assert_true(jv_double(m[0], 0) == -2.5);
	assert_int_equal(jv_type(m[1]), JV_ABSENT);
	assert_int_equal(jv_i64(m[2], 0), 7);
	assert_int_equal(jv_type(m[3]), JV_OBJECT);
	jv_for_each_member (it, v)
		n += (int)it.key.len;
	assert_int_equal(n, 1 + 1 + 1 + 1 + 1 + 8);
}

/* Some value of random shape: brackets, quotes and backslashes in strings, all lengths. */
static void add_random(struct buf *b, unsigned depth)
{
	static const char *const bits[] = {"x",    "[",    "]", "{",       "}",
					   "\\\\", "\\\"", ",", "\\u00e9", "a longer piece",
					   ":",    " "};
	uint64_t kind = rng_below(&rng_system, depth ? 6 : 3), n = rng_below(&rng_system, 9);

	if (kind == 0) {
		buf_adds(b, "-12.5e3");
	} else if (kind < 3) {
		buf_addc(b, '"');
		for (uint64_t i = 0; i < n * 2; i++)
			buf_adds(b, bits[rng_below(&rng_system, ARRAY_SIZE(bits))]);
		buf_addc(b, '"');
	} else {
		buf_addc(b, kind == 3 ? '[' : '{');
		for (uint64_t i = 0; i < n; i++) {
			if (i)
				buf_adds(b, kind == 4 ? " , " : ",");
			if (kind != 3)
				buf_addf(b, "\"k%d\":", (int)i);
			add_random(b, depth - 1);
		}
		buf_addc(b, kind == 3 ? ']' : '}');
	}
}

static void test_jv_skip(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	for (int round = 0; round < 3000; round++) {
		size_t at, len;
		struct jv v;

		buf_clear(&b);
		buf_adds(&b, "{\"a\":");
		at = b.len;
		add_random(&b, 4);
		len = b.len - at;
		buf_adds(&b, ",\"b\":7}");
		v = jv_of(buf_str(&b));
		assert_int_equal(json_scan(buf_str(&b), NULL, NULL), 0);
		assert_int_equal(jv_raw(jv_get(v, "a")).len, len);
		assert_ptr_equal(jv_skip_nested_plain(v.p, v.end), v.end);
		assert_ptr_equal(jv_skip_nested(v.p, v.end), v.end);
		assert_int_equal(jv_i64(jv_get(v, "b"), 0), 7);
		assert_int_equal(jv_raw(v).len, b.len);
	}
}

static void test_jw(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);

	jw_begin_object(&w);
	jw_member_str(&w, "s", STR("a\"\\\n\x01\xc3\xa9"));
	jw_key(&w, "l");
	jw_begin_array(&w);
	jw_i64(&w, INT64_MIN);
	jw_u64(&w, UINT64_MAX);
	jw_double(&w, 0.1);
	jw_double(&w, 3);
	jw_begin_object(&w);
	jw_end_object(&w);
	jw_end_array(&w);
	jw_member_bool(&w, "b", false);
	jw_member_raw(&w, "r", STR("[1]"));
	jw_end_object(&w);
	assert_string_equal(b.p,
			    "{\"s\":\"a\\\"\\\\\\n\\u0001\xc3\xa9\",\"l\":[-9223372036854775808,"
			    "18446744073709551615,0.1,3,{}],\"b\":false,\"r\":[1]}");
}

static void test_jsonc(void **state)
{
	CLEANUP_JSON struct json_object *a = NULL;
	CLEANUP_JSON struct json_object *b = NULL;
	CLEANUP(buf_done) struct buf out = BUF_INIT;

	assert_int_equal(
		jsonc_parse(STR("{\"m\":{\"n\":\"x\"},\"i\":1,\"d\":0.1}"), NULL, &a, NULL), 0);
	assert_int_equal(
		jsonc_parse(STR("{\"d\":0.1,\"i\":1.0,\"m\":{\"n\":\"x\"}}"), NULL, &b, NULL), 0);
	assert_true(jsonc_equal(a, b));
	assert_true(str_eqs(jsonc_path_str(a, "m.n"), "x"));
	assert_null(jsonc_path(a, "m.n.z"));
	jsonc_set_str(jsonc_ensure(a, "m"), "n", STR("y"));
	assert_false(jsonc_equal(a, b));
	jsonc_write(a, &out);
	assert_string_equal(out.p, "{\"m\":{\"n\":\"y\"},\"i\":1,\"d\":0.1}");
}

static void test_jsonc_text(void **state)
{
	CLEANUP_JSON struct json_object *tree = NULL;
	CLEANUP_JSON struct json_object *with = json_object_new_object();
	CLEANUP_JSON struct json_object *copy = NULL;
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct buf text = BUF_INIT;

	buf_adds(&text, "{\"a\":1,\"b\":[2]}");
	jsonc_set(with, "t", jsonc_new_text(&text));
	assert_int_equal(text.len, 0);
	copy = jsonc_clone(with);
	jsonc_write(copy, &out);
	assert_string_equal(out.p, "{\"t\":{\"a\":1,\"b\":[2]}}");
	assert_string_equal(json_object_to_json_string_ext(copy, JSON_C_TO_STRING_PLAIN), out.p);
	assert_true(str_eqs(jsonc_text(jsonc_get(copy, "t")), "{\"a\":1,\"b\":[2]}"));
	assert_true(str_is_null(jsonc_text(copy)));
	assert_true(jsonc_equal(copy, with));
	assert_int_equal(jsonc_parse(STR("{\"t\":{\"b\":[2],\"a\":1}}"), NULL, &tree, NULL), 0);
	assert_true(jsonc_equal(tree, with));
	assert_true(jsonc_equal(copy, tree));
	jsonc_set(jsonc_get(tree, "t"), "a", NULL);
	assert_false(jsonc_equal(tree, with));
}

static void yaml_is(const char *yaml, const char *json)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (yaml_to_json(str_of(yaml), &b, &e) < 0)
		fail_msg("%s: %s", yaml, err_text(&e));
	assert_string_equal(b.p, json);
}

static void test_yaml(void **state)
{
	struct str rest = STR("# c\n---\na: 1\n---\n\n---\nb: 2\n--- \nc: 3"), doc;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	yaml_is("a: 1\nb: [x, 'y', \"z\\n\", 1.5, yes, 'yes', ~, 0755, 0x10]\n",
		"{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\",1.5,true,\"yes\",null,493,16]}");
	yaml_is("base: &b {x: 1, y: 2}\nm:\n  <<: *b\n  y: 3\n",
		"{\"base\":{\"x\":1,\"y\":2},\"m\":{\"x\":1,\"y\":3}}");
	yaml_is("1: a\ntrue: b\n", "{\"1\":\"a\",\"true\":\"b\"}");
	yaml_is("image: busybox:1.36\ncpu: 100m\nv: 1e3\n",
		"{\"image\":\"busybox:1.36\",\"cpu\":\"100m\",\"v\":1000}");
	yaml_is("", "null");
	yaml_is("{\"a\":[1,{\"b\":null}]}", "{\"a\":[1,{\"b\":null}]}");
	assert_true(yaml_split(&rest, &doc) && str_eqs(doc, "a: 1\n"));
	assert_true(yaml_split(&rest, &doc) && str_eqs(doc, "b: 2\n"));
	assert_true(yaml_split(&rest, &doc) && str_eqs(doc, "c: 3"));
	assert_false(yaml_split(&rest, &doc));
	assert_int_equal(yaml_to_json(STR("a: [1\nb: 2"), &b, &e), -EINVAL);
	assert_non_null(strstr(err_text(&e), "line "));
	err_done(&e);
	/* The billion laughs stop at the limit on values. */
	assert_int_equal(
		yaml_to_json(
			STR("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
			    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d "
			    "[*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
			    "e: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"),
			&b, &e),
		-EINVAL);
	err_done(&e);
}

static void test_to_yaml(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_to_yaml(STR("{\"a\":\"yes\",\"b\":[{\"n\":1,\"l\":[]},\"x: y\"],\"t\":\"l1\\nl2\\n\","
			 "\"e\":\"\",\"o\":{\"k\":null},\"p\":\"plain text\",\"port\":\"80\"}"),
		     &b);
	assert_string_equal(
		b.p, "a: \"yes\"\nb:\n- \"n\": 1\n  l: []\n- 'x: y'\nt: |\n  l1\n  l2\ne: \"\"\n"
		     "o:\n  k: null\np: plain text\nport: \"80\"\n");
	/* Line breaks of Unicode and what YAML doesn't let stand; a key of several lines. */
	buf_clear(&b);
	json_to_yaml(STR("{\"a\":\"x\\u0085y\\u2028\\u007f\\\"\",\"k\\nl\":[1]}"), &b);
	assert_string_equal(b.p, "a: \"x\\u0085y\\u2028\\u007f\\\"\"\n? |-\n  k\n  l\n:\n- 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan_good),   cmocka_unit_test(test_scan_bad),
		cmocka_unit_test(test_scan_limits), cmocka_unit_test(test_jv),
		cmocka_unit_test(test_jv_skip),     cmocka_unit_test(test_jw),
		cmocka_unit_test(test_jsonc),       cmocka_unit_test(test_jsonc_text),
		cmocka_unit_test(test_yaml),        cmocka_unit_test(test_to_yaml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
