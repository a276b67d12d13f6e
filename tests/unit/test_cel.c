/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/cel/cel.h"
#include "tests/unit/test.h"

static const struct cel_field patch_fields[] = {{{"op", 2}, {"op", 2}, &cel_t_string},
						{{"value", 5}, {"value", 5}, &cel_t_dyn}};
static const struct cel_message messages[] = {
	{"Object", NULL, 0, true, true, NULL, NULL},
	{"JSONPatch", patch_fields, 2, false, false, NULL, NULL},
};
static const struct cel_lib own = {.messages = messages, .n_messages = 2};
static const struct cel_lib *const libs[] = {&cel_lib_strings,  &cel_lib_lists, &cel_lib_regex,
					     &cel_lib_sets,     &cel_lib_math,  &cel_lib_encoders,
					     &cel_lib_optional, &cel_lib_url,   &cel_lib_ip,
					     &cel_lib_semver,   &own,           NULL};
static const struct cel_field spec_fields[] = {
	{{"replicas", 8}, {"replicas", 8}, &cel_t_int},  {{"name", 4}, {"name", 4}, &cel_t_string},
	{{"a-b", 3}, {"a__dash__b", 10}, &cel_t_string}, {{"when", 4}, {"when", 4}, &cel_t_time},
	{{"ratio", 5}, {"ratio", 5}, &cel_t_double},
};
static const struct cel_type spec = {.kind = CEL_OBJECT, .fields = spec_fields, .n_fields = 5};
static const struct cel_var vars[] = {{"x", &cel_t_int},     {"s", &cel_t_string},
				      {"d", &cel_t_dyn},     {"l", &cel_t_list_dyn},
				      {"m", &cel_t_map_dyn}, {"o", &spec}};
static const struct cel_env env = {vars, ARRAY_SIZE(vars), libs};

struct eval {
	struct arena arena;
	struct cel_run run;
	struct json_object *json, *obj;
	struct cel_val vars[ARRAY_SIZE(vars)];
};

static void eval_init(struct eval *e, uint64_t budget)
{
	*e = (struct eval){.run = {.cost_max = budget}};
	e->run.arena = &e->arena;
	e->json = json_tokener_parse("{\"n\":null,\"i\":1,\"f\":1.5,\"t\":\"x\",\"l\":[1,2,3],"
				     "\"m\":{\"k\":\"v\"}}");
	e->obj = json_tokener_parse("{\"replicas\":3,\"name\":\"web\",\"a-b\":\"c\",\"when\":"
				    "\"2020-01-01T10:00:00Z\",\"ratio\":2}");
	e->vars[0] = cel_int(7);
	e->vars[1] = cel_str(STR("h\xc3\xa4llo"));
	e->vars[2] = cel_of_json(&e->run, e->json, NULL);
	e->vars[3] = cel_of_json(&e->run, jsonc_get(e->json, "l"), NULL);
	e->vars[4] = cel_of_json(&e->run, jsonc_get(e->json, "m"), NULL);
	e->vars[5] = cel_of_json(&e->run, e->obj, &spec);
}

static void eval_done(struct eval *e)
{
	json_object_put(e->json);
	json_object_put(e->obj);
	arena_done(&e->arena);
}

/* What an expression gives, as text: "true", "error: ...", "compile: ...". */
static void result_of(const char *text, struct buf *out)
{
	CLEANUP(cel_program_freep) struct cel_program *p = NULL;
	struct err err = ERR_INIT;
	struct eval e;
	struct cel_val v;

	if (cel_compile(&env, str_of(text), &p, &err) < 0) {
		const char *msg = strstr(err_text(&err), "ERROR: <input>:");
		const char *colon = msg ? strchr(strchr(msg + 15, ':') + 1, ':') : NULL;

		buf_addf(out, "compile:%.*s", (int)strcspn(colon ? colon + 1 : "?", "\n"),
			 colon ? colon + 1 : "?");
		err_done(&err);
		return;
	}
	eval_init(&e, 1000000);
	v = cel_eval(p, e.vars, &e.run);
	if (v.kind == CEL_ERR) {
		buf_addf(out, "error: %.*s", STR_ARG(v.s));
	} else if (v.kind == CEL_LIST || v.kind == CEL_MAP) {
		CLEANUP_JSON struct json_object *o = cel_to_json(&v);

		jsonc_write(o, out);
	} else if (v.kind == CEL_OPTIONAL) {
		buf_adds(out, v.opt ? "optional " : "none");
		if (v.opt)
			cel_text(&e.run, v.opt, out);
	} else {
		cel_text(&e.run, &v, out);
	}
	eval_done(&e);
}

struct row {
	const char *expr, *want;
};

static void check_rows(const struct row *rows, size_t n)
{
	size_t bad = 0;

	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		result_of(rows[i].expr, &b);
		if (strcmp(b.p, rows[i].want) == 0)
			continue;
		print_error("%s\n  gives %s\n  wants %s\n", rows[i].expr, b.p, rows[i].want);
		bad++;
	}
	assert_int_equal(bad, 0);
}
#define CHECK_ROWS(...)                                         \
	do {                                                    \
		static const struct row rows[] = {__VA_ARGS__}; \
		check_rows(rows, ARRAY_SIZE(rows));             \
	} while (0)

static void test_literals(void **state)
{
	CHECK_ROWS(
		{"1", "1"}, {"0x1F", "31"}, {"-0x10", "-16"}, {"5u", "5"}, {"0xFFu", "255"},
		{"1.5", "1.5"}, {".5", "0.5"}, {"1e3", "1000"}, {"2.5e-1", "0.25"},
		{"9223372036854775807", "9223372036854775807"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775808", "compile: Syntax error: invalid int literal"},
		{"18446744073709551615u", "18446744073709551615"}, {"true", "true"},
		{"null", "null"}, {"'a' + \"b\"", "ab"}, {"'''a'b\nc'''", "a'b\nc"},
		{"r'\\d'", "\\d"},
		{"'\\x41\\u00e4\\U0001F600\\101\\n'", "A\xc3\xa4\xf0\x9f\x98\x80"
						      "A\n"},
		{"size(b'\\xff\\u0041')", "compile: Syntax error: token recognition error at: "
					  "'b'\\xff\\u0041')'"},
		{"b'\\xff' == b'\\377'", "true"}, {"size(b'\xc3\xa4')", "2"},
		{"[1, 2, 3,]", "[1,2,3]"}, {"{'a': 1, 'b': 2}", "{\"a\":1,\"b\":2}"},
		{"{'a': 1, 'a': 2}", "error: Failed with repeated key"}, {"[]", "[]"}, {"{}", "{}"},
		{"// c\n1 // d", "1"},
		{"'unclosed", "compile: Syntax error: token "
			      "recognition error at: ''unclosed'"},
		{"1 +", "compile: Syntax error: mismatched input '<EOF>' expecting an expression"},
		{"", "compile: Syntax error: mismatched input '<EOF>' expecting an expression"},
		{"(1", "compile: Syntax error: mismatched input '<EOF>' expecting ')'"},
		{"1 2", "compile: Syntax error: extraneous input '2' expecting <EOF>"},
		{"for", "compile: Syntax error: reserved identifier: for"},
		{"a.b.c", "compile: undeclared reference to 'a' (in container '')"},
		{"f(1)", "compile: undeclared reference to 'f' (in container '')"},
		{"Foo{a: 1}", "compile: undeclared reference to 'Foo' (in container '')"});
}

static void test_arithmetic(void **state)
{
	CHECK_ROWS({"1 + 2 * 3", "7"}, {"(1 + 2) * 3", "9"}, {"7 / 2", "3"}, {"-7 / 2", "-3"},
		   {"7 % -2", "1"}, {"-7 % 2", "-1"}, {"7u % 4u", "3"}, {"1.5 * 2.0", "3"},
		   {"1 / 0", "error: division by zero"}, {"1 % 0", "error: modulus by zero"},
		   {"1.0 / 0.0", "+Inf"}, {"9223372036854775807 + 1", "error: integer overflow"},
		   {"-9223372036854775808 - 1", "error: integer overflow"},
		   {"-9223372036854775808 / -1", "error: integer overflow"},
		   {"9223372036854775807 * 2", "error: integer overflow"},
		   {"0u - 1u", "error: unsigned integer overflow"},
		   {"18446744073709551615u + 1u", "error: unsigned integer overflow"},
		   {"-(-9223372036854775808)", "error: integer overflow"}, {"--1", "1"},
		   {"-x", "-7"},
		   {"1 + 1u",
		    "compile: found no matching overload for '_+_' applied to '(int, uint)'"},
		   {"1 + 1.0", "compile: found no matching overload for '_+_' applied to '(int, "
			       "double)'"},
		   {"dyn(1) + 1u", "error: no such overload"}, {"[1] + [2, 3]", "[1,2,3]"},
		   {"b'a' + b'b' == b'ab'", "true"},
		   {"'a' + 1", "compile: found no matching overload "
			       "for '_+_' applied to '(string, int)'"});
}

static void test_comparisons(void **state)
{
	CHECK_ROWS({"1 < 2", "true"}, {"1 < 1u", "false"}, {"1 < 1.5", "true"},
		   {"2u >= 1.5", "true"}, {"-1 < 0u", "true"},
		   {"9223372036854775807 < 9223372036854775808.0", "true"}, {"1 == 1", "true"},
		   {"1 == 1u", "compile: found no matching overload for '_==_' "
			       "applied to '(int, uint)'"},
		   {"dyn(1) == 1u", "true"}, {"dyn(1) == 1.0", "true"}, {"dyn(1) == '1'", "false"},
		   {"'a' < 'b'", "true"}, {"'a' == 'a'", "true"}, {"b'a' < b'b'", "true"},
		   {"false < true", "true"}, {"[1, 2] == [1, 2]", "true"},
		   {"[1] == [1, 2]", "false"}, {"[1] != [2]", "true"},
		   {"{'a': 1} == {'a': 1}", "true"},
		   {"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"},
		   {"{'a': 1} == {'a': 2}", "false"}, {"null == null", "true"},
		   {"dyn(null) == 1", "false"}, {"0.0 / 0.0 == 0.0 / 0.0", "false"},
		   {"0.0 / 0.0 < 1.0", "false"}, {"1 in [1, 2]", "true"}, {"3 in [1, 2]", "false"},
		   {"'a' in {'a': 1}", "true"}, {"dyn(1.0) in [1, 2]", "true"},
		   {"[1] < [2]", "compile: found no matching overload for "
				 "'_<_' applied to '(list(int), list(int))'"},
		   {"1 < 2 < 3",
		    "compile: found no matching overload for '_<_' applied to '(bool, int)'"},
		   {"1 in 'a'", "compile: found no matching overload for '@in' applied to '(int, "
				"string)'"});
}

static void test_logic(void **state)
{
	CHECK_ROWS({"true && false", "false"}, {"true || 1/0 > 1", "true"},
		   {"1/0 > 1 || true", "true"}, {"1/0 > 1 && false", "false"},
		   {"1/0 > 1 && true", "error: division by zero"},
		   {"false || 1/0 > 1", "error: division by zero"}, {"!true", "false"},
		   {"!!true", "true"}, {"true ? 1 : 2", "1"}, {"false ? 1/0 : 2", "2"},
		   {"1/0 > 1 ? 1 : 2", "error: division by "
				       "zero"},
		   {"true ? 1 : 'a'",
		    "compile: found no matching overload for '_?_:_' applied to '(bool, "
		    "int, string)'"},
		   {"1 && true", "compile: expected type 'bool' but found 'int'"},
		   {"dyn(1) && true", "error: no such overload"}, {"dyn(1) && false", "false"},
		   {"true ? (false ? 1 : 2) : 3", "2"},
		   {"!1", "compile: expected type 'bool' but found "
			  "'int'"});
}

static void test_macros(void **state)
{
	CHECK_ROWS({"[1, 2].all(e, e > 0)", "true"}, {"[1, 2].all(e, e > 1)", "false"},
		   {"[].all(e, e > 1)", "true"}, {"[1, 2].exists(e, e == 2)", "true"},
		   {"[].exists(e, true)", "false"}, {"[1, 2].exists_one(e, e > 1)", "true"},
		   {"[1, 2].exists_one(e, e > 0)", "false"}, {"[1, 2].map(e, e * 2)", "[2,4]"},
		   {"[1, 2, 3].map(e, e > 1, e * 2)", "[4,6]"},
		   {"[1, 2, 3].filter(e, e != 2)", "[1,3]"},
		   {"{'a': 1, 'b': 2}.all(k, k < 'c')", "true"},
		   {"m.exists(k, m[k] == 'v')", "true"},
		   {"{'b': 1, 'a': 2}.map(k, k)", "[\"b\",\"a\"]"},
		   {"[0, 1].exists(e, 1 / e == 1)", "true"},
		   {"[0, 2].exists(e, 1 / e == 1)", "error: division by zero"},
		   {"[0, 1].all(e, 1 / e == 2)", "false"}, {"[1, 2].all(i, v, i < v)", "true"},
		   {"{'a': 1}.exists(k, v, k == 'a' && v == 1)", "true"},
		   {"[5, 6].transformList(i, v, i * v)", "[0,6]"},
		   {"[5, 6].transformList(i, v, i > 0, v)", "[6]"},
		   {"{'a': 1, 'b': 2}.transformMap(k, v, v + 1)", "{\"a\":2,\"b\":3}"},
		   {"{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v)", "{\"b\":2}"},
		   {"{'a': 'x'}.transformMapEntry(k, v, {v: k})", "{\"x\":\"a\"}"},
		   {"[[1, 2], [3]].map(a, a.map(b, b + 1))", "[[2,3],[4]]"},
		   {"[1].all(x, x == 1) && x == 7", "true"}, {"has(d.i)", "true"},
		   {"has(d.zz)", "false"}, {"has(d.m.k)", "true"}, {"has(o.name)", "true"},
		   {"has(d)", "compile: Syntax error: invalid argument to has() macro"},
		   {"cel.bind(v, 2 + 3, v * v)", "25"},
		   {"1.all(e, true)", "compile: expression of type "
				      "'int' cannot be range of a "
				      "comprehension (must be list, "
				      "map, or dynamic)"},
		   {"[1].all(1, true)", "compile: Syntax error: argument must be a simple name"},
		   {"[1].all(e, 1)", "compile: expected type 'bool' but found 'int'"});
}

static void test_fields(void **state)
{
	CHECK_ROWS(
		{"d.i", "1"}, {"d['f']", "1.5"}, {"d.m.k", "v"}, {"d.zz", "error: no such key: zz"},
		{"d.l[1]", "2"}, {"l[5]", "error: index out of bounds: 5"},
		{"l[-1]", "error: index out of bounds: -1"}, {"l[dyn(1.0)]", "2"},
		{"l['a']", "compile: found no matching overload for '_[_]' applied to '(list(dyn), "
			   "string)'"},
		{"o.replicas + 1", "4"}, {"o.nope", "compile: undefined field 'nope'"},
		{"o.a__dash__b", "c"}, {"o.when.getHours()", "10"}, {"o.ratio", "2"},
		{"o.ratio == 2.0", "true"},
		{"o.replicas == 'a'", "compile: found no matching overload "
				      "for '_==_' applied to '(int, "
				      "string)'"},
		{"s.foo", "compile: type 'string' does not support field selection"},
		{"d.?zz", "none"}, {"d.?i", "optional 1"}, {"d.?m.k", "optional v"},
		{"d.?m.?zz.orValue('e')", "e"}, {"l[?1]", "optional 2"},
		{"l[?9].hasValue()", "false"}, {"[?d.?i, ?d.?zz]", "[1]"},
		{"{?'a': d.?zz, 'b': 1}", "{\"b\":1}"}, {"d.?i.optMap(v, v + 1)", "optional 2"},
		{"d.?zz.optMap(v, v + 1)", "none"}, {"d.?m.optFlatMap(v, v.?k)", "optional v"},
		{"optional.none().value()", "error: optional.none() dereference"},
		{"optional.ofNonZeroValue('').or(optional.of('x')).value()", "x"},
		{"d.n == null", "true"}, {"m.`k`", "v"});
}

static void test_conversions(void **state)
{
	CHECK_ROWS({"int('42')", "42"}, {"int(4.9)", "4"}, {"int(-4.9)", "-4"},
		   {"int(1e19)", "error: integer overflow"},
		   {"uint(-1)", "error: unsigned integer "
				"overflow"},
		   {"int('x')", "error: strconv.ParseInt: parsing \"x\": invalid syntax"},
		   {"double('1.5')", "1.5"}, {"string(1.0)", "1"}, {"string(true)", "true"},
		   {"string(b'abc')", "abc"},
		   {"string(b'\\xff')", "error: invalid UTF-8 in bytes, cannot "
					"convert to string"},
		   {"bytes('a') == b'a'", "true"}, {"bool('true')", "true"},
		   {"bool('x')", "error: strconv.ParseBool: "
				 "parsing \"x\": invalid "
				 "syntax"},
		   {"type(1) == int", "true"}, {"type([]) == list", "true"},
		   {"type(type(1)) == type", "true"}, {"type(null) == null_type", "true"},
		   {"string(type(1u))", "compile: found no matching "
					"overload for 'string' "
					"applied to '(type)'"},
		   {"type(duration('1s')) == google.protobuf.Duration", "true"},
		   {"uint(5) == 5u", "true"}, {"dyn('a') == 'a'", "true"});
}

static void test_times(void **state)
{
	CHECK_ROWS(
		{"timestamp('2020-02-29T12:34:56.789Z').getMilliseconds()", "789"},
		{"timestamp('2021-02-29T00:00:00Z')",
		 "error: parsing time \"2021-02-29T00:00:00Z\" as "
		 "RFC 3339"},
		{"string(timestamp('2020-01-01T01:00:00+01:00'))", "2020-01-01T00:00:00Z"},
		{"timestamp('0001-01-01T00:00:00Z') - duration('1s')", "error: timestamp overflow"},
		{"timestamp('9999-12-31T23:59:59Z').getFullYear()", "9999"},
		{"timestamp('2020-01-01T00:00:00Z') + duration('24h') == "
		 "timestamp('2020-01-02T00:00:00Z')",
		 "true"},
		{"timestamp('2020-01-02T00:00:00Z') - timestamp('2020-01-01T00:00:00Z') == "
		 "duration('24h')",
		 "true"},
		{"timestamp('2020-01-01T00:00:00Z').getDayOfWeek()", "3"},
		{"timestamp('2020-12-31T00:00:00Z').getDayOfYear()", "365"},
		{"timestamp('2020-01-31T00:00:00Z').getDayOfMonth()", "30"},
		{"timestamp('2020-01-31T00:00:00Z').getDate()", "31"},
		{"timestamp('2020-01-01T00:30:00Z').getHours('+02:00')", "2"},
		{"timestamp('2020-01-01T00:30:00Z').getMinutes('-00:45')", "45"},
		{"timestamp('2020-01-01T00:00:00Z').getHours('No/Where')",
		 "error: unknown time zone "
		 "No/Where"},
		{"timestamp(0)", "1970-01-01T00:00:00Z"},
		{"int(timestamp('1970-01-01T00:01:00Z'))", "60"},
		{"duration('1h30m') > duration('89m')", "true"},
		{"duration('90s').getMinutes()", "1"}, {"string(duration('1h1ms'))", "3600.001s"},
		{"duration('x')", "error: time: invalid "
				  "duration \"x\""},
		{"duration('1.5h').getSeconds()", "5400"});
}

static void test_strings(void **state)
{
	CHECK_ROWS({"size(s)", "5"}, {"s.size()", "5"}, {"s.contains('\xc3\xa4l')", "true"},
		   {"s.startsWith('h')", "true"}, {"s.endsWith('lo')", "true"},
		   {"s.matches('^h.llo$')", "true"}, {"matches(s, 'x')", "false"},
		   {"s.matches('(')", "error: error parsing regexp: missing closing ): `(`"},
		   {"s.charAt(1)", "\xc3\xa4"}, {"s.charAt(5)", ""},
		   {"s.charAt(6)", "error: index out of "
				   "range: 6"},
		   {"s.indexOf('l')", "2"}, {"s.indexOf('l', 3)", "3"}, {"s.lastIndexOf('l')", "3"},
		   {"s.indexOf('')", "0"}, {"'a,b,c'.split(',')", "[\"a\",\"b\",\"c\"]"},
		   {"'a,b,c'.split(',', 2)", "[\"a\",\"b,c\"]"},
		   {"'abc'.split('')", "[\"a\",\"b\",\"c\"]"}, {"'a'.split(',', 0)", "[]"},
		   {"''.split(',')", "[\"\"]"}, {"'hello'.replace('l', 'L')", "heLLo"},
		   {"'hello'.replace('l', 'L', 1)", "heLlo"}, {"'ab'.replace('', '-')", "-a-b-"},
		   {"s.substring(1, 3)", "\xc3\xa4l"}, {"s.substring(3)", "lo"},
		   {"s.substring(4, 2)", "error: invalid substring range. start: "
					 "4, end: 2"},
		   {"' \\t x\\u00a0 '.trim()", "x"}, {"'aB\xc3\x84'.lowerAscii()", "ab\xc3\x84"},
		   {"'aB'.upperAscii()", "AB"}, {"['a', 'b'].join('-')", "a-b"}, {"[].join()", ""},
		   {"s.reverse()", "oll\xc3\xa4h"}, {"strings.quote('a\"\\n')", "\"a\\\"\\n\""},
		   {"'%s %d %x %b %o %.2f %e %%'.format(['a', 1, 255, 5, 8, 1.0, 1500.0])",
		    "a 1 ff 101 10 1.00 1.500000e+03 %"},
		   {"'%s'.format([[1, 'a', {'k': true}]])", "[1, a, {k: true}]"},
		   {"'%d'.format(['a'])",
		    "error: error during formatting: decimal clause can only be used "
		    "on integers"},
		   {"'%s'.format([])", "error: index 0 out of range"},
		   {"'%q'.format([1])",
		    "error: error during formatting: unrecognized formatting clause"},
		   {"'ab12cd3'.find('[0-9]+')", "12"},
		   {"'ab12cd3'.findAll('[0-9]+')", "[\"12\",\"3\"]"},
		   {"'ab12cd3'.findAll('[0-9]+', 1)", "[\"12\"]"}, {"'a'.find('x')", ""});
}

static void test_lists(void **state)
{
	CHECK_ROWS({"[1, 2, 3].sum()", "6"}, {"[1.5, 2.5].sum()", "4"}, {"[].sum()", "0"},
		   {"[3, 1].min()", "1"}, {"[3, 1].max()", "3"},
		   {"[].max()", "error: max called on empty "
				"list"},
		   {"[1, 2].isSorted()", "true"}, {"[2, 1].isSorted()", "false"},
		   {"[1, 2, 2].indexOf(2)", "1"}, {"[1, 2, 2].lastIndexOf(2)", "2"},
		   {"[1, 2, 3].slice(1, 3)", "[2,3]"}, {"[[1], [2, [3]]].flatten()", "[1,2,[3]]"},
		   {"[[1], [2, [3]]].flatten(2)", "[1,2,3]"}, {"[1, 1, 2].distinct()", "[1,2]"},
		   {"[3, 1, 2].sort()", "[1,2,3]"}, {"[1, 2].reverse()", "[2,1]"},
		   {"lists.range(3)", "[0,1,2]"}, {"[1, 2].first().value()", "1"},
		   {"[].last()", "none"}, {"sets.contains([1, 2], [2])", "true"},
		   {"sets.equivalent([1, 1], [1])", "true"}, {"sets.intersects([1], [2])", "false"},
		   {"math.greatest(1, 3, 2)", "3"}, {"math.least([4, 2])", "2"},
		   {"math.greatest(1, 2.5)", "2.5"}, {"math.abs(-3)", "3"},
		   {"math.round(2.5)", "3"}, {"math.bitShiftLeft(1, 4)", "16"},
		   {"math.isNaN(0.0/0.0)", "true"}, {"base64.encode(b'hi')", "aGk="},
		   {"base64.decode('aGk=') == b'hi'", "true"},
		   {"base64.decode('aGk') == b'hi'", "true"});
}

static void test_net(void **state)
{
	CHECK_ROWS({"isURL('https://a.b:8/p?q=1')", "true"}, {"isURL('a b')", "false"},
		   {"url('https://a.b:8/p%20x?q=1&q=2').getEscapedPath()", "/p%20x"},
		   {"url('https://a.b:8/p?q=1&q=2').getQuery()", "{\"q\":[\"1\",\"2\"]}"},
		   {"url('https://[::1]:8/').getHostname()", "::1"},
		   {"url('https://a:8/').getPort()", "8"},
		   {"url('https://a/').getScheme()", "https"}, {"url('/a/b').getHost()", ""},
		   {"url('https://a/') == url('https://a/')", "true"},
		   {"ip('10.0.0.1').family()", "4"}, {"isIP('::ffff:1.2.3.4')", "false"},
		   {"ip('x')", "error: IP Address \"x\" parse error during conversion from string"},
		   {"ip.isCanonical('0:0::1')", "false"}, {"ip('127.0.0.1').isLoopback()", "true"},
		   {"ip('fe80::1').isLinkLocalUnicast()", "true"},
		   {"ip('8.8.8.8').isGlobalUnicast()", "true"},
		   {"cidr('10.0.0.0/8').containsIP('10.1.1.1')", "true"},
		   {"cidr('10.0.0.0/8').containsIP(ip('11.1.1.1'))", "false"},
		   {"cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", "true"},
		   {"string(cidr('10.1.2.3/8').masked())", "10.0.0.0/8"},
		   {"cidr('10.0.0.0/8').prefixLength()", "8"}, {"isCIDR('10.0.0.0/33')", "false"},
		   {"string(cidr('10.0.0.1/8').ip())", "10.0.0.1"},
		   {"type(ip('::1')) == net.IP", "true"},
		   {"semver('1.2.3').isLessThan(semver('1.10.0'))", "true"},
		   {"semver('1.0.0-rc.1').compareTo(semver('1.0.0'))", "-1"},
		   {"isSemver('1.0')", "false"}, {"isSemver('v1.0', true)", "true"},
		   {"semver('1.2.3').minor()", "2"},
		   {"ip('::1') == 1",
		    "compile: found no matching overload for '_==_' applied to '(net.IP, "
		    "int)'"});
}

/* tests/simple/testdata of cel-spec: dynamic, wrappers, comparisons. */
static void test_well_known(void **state)
{
	CHECK_ROWS(
		{"google.protobuf.Int32Value{value: -123}", "-123"},
		{"google.protobuf.Int32Value{value: -123}.value",
		 "compile: type 'int' does not support field selection"},
		{"google.protobuf.Int32Value{}", "0"},
		{"google.protobuf.Int32Value{value: 12345678900}", "error: range error"},
		{"google.protobuf.Int64Value{value: -123}", "-123"},
		{"google.protobuf.UInt32Value{value: 6111222333u}", "error: range error"},
		{"google.protobuf.UInt64Value{value: 4294967296u} == 4294967296u", "true"},
		{"google.protobuf.FloatValue{value: -1.5} == -1.5", "true"},
		{"google.protobuf.FloatValue{value: 3.1416} == 3.1416", "false"},
		{"google.protobuf.DoubleValue{value: -1.5e3}", "-1500"},
		{"google.protobuf.StringValue{value: 'flamb\u00e9'}", "flamb\xc3\xa9"},
		{"google.protobuf.StringValue{} == ''", "true"},
		{"google.protobuf.StringValue{} != null", "true"},
		{"google.protobuf.BytesValue{value: b'set'} == b'set'", "true"},
		{"google.protobuf.BoolValue{} == false", "true"},
		{"google.protobuf.BoolValue{?value: optional.none()}", "false"},
		{"google.protobuf.BoolValue{?value: true}",
		 "compile: expected type 'optional_type(bool)' but found 'bool'"},
		{"google.protobuf.Int64Value{value: 'x'}",
		 "compile: expected type of field 'value' is 'int' but provided type is 'string'"},
		{"google.protobuf.Int64Value{value: dyn('x')}", "error: no such overload"},
		{"google.protobuf.Int64Value{other: 1}", "compile: undefined field 'other'"},
		{"google.protobuf.Nothing{}",
		 "compile: undeclared reference to 'google.protobuf.Nothing' (in container '')"},
		{".google.protobuf.Int64Value{value: 1} + 1", "2"},
		{"google.protobuf.ListValue{values: [3.0, 'foo', null]}", "[3,\"foo\",null]"},
		{"google.protobuf.ListValue{values: [3.0, 'foo', null]}.values",
		 "compile: type 'list(dyn)' does not support field selection"},
		{"google.protobuf.Struct{fields: {'uno': 1.0, 'dos': 2.0}}",
		 "{\"uno\":1,\"dos\":2}"},
		{"google.protobuf.Struct{}", "{}"},
		{"google.protobuf.Value{string_value: 'foo'}", "foo"},
		{"google.protobuf.Value{list_value: ['a', 3.0]}", "[\"a\",3]"},
		{"dyn(google.protobuf.Value{}) == null", "true"},
		{"google.protobuf.Timestamp{seconds: 1, nanos: 500000000}",
		 "1970-01-01T00:00:01.5Z"},
		{"google.protobuf.Timestamp{seconds: 253402300800}", "error: range error"},
		{"google.protobuf.Duration{seconds: -1, nanos: -500000000}", "-1.5s"},
		{"google.protobuf.Duration{seconds: 1, nanos: -1}", "error: range error"});
}

/* k8s.io/apiserver pkg/cel/mutation: the cases of its typeresolver_test. */
static void test_messages(void **state)
{
	CHECK_ROWS(
		{"Object{}", "{}"},
		{"Object{spec: Object.spec{replicas: 3}}", "{\"spec\":{\"replicas\":3}}"},
		{"Object{spec: Object.spec{replicas: 3,},}", "{\"spec\":{\"replicas\":3}}"},
		{"Object{a: [Object.a.item{name: 'n', args: ['-g']}], `b-c`: {'k': 'v'}}",
		 "{\"a\":[{\"name\":\"n\",\"args\":[\"-g\"]}],\"b-c\":{\"k\":\"v\"}}"},
		{"Object{list: [1, 2, 3]}.list.sum()", "6"},
		{"has(Object{a: 1}.a) && !has(Object{a: 1}.b)", "true"},
		{"Object{spec: Object.spec{n: 3}} == Object{spec: Object.spec{n: 1 + 2}}", "true"},
		{"Object{} == Object.spec{}",
		 "compile: found no matching overload for '_==_' applied to '(Object, "
		 "Object.spec)'"},
		{"dyn(Object{}) == dyn(Object.spec{})", "false"},
		{"dyn(Object{}) == dyn({})", "false"}, {"type(Object.spec{})", "Object.spec"},
		{"type(Object{}) == type(Object{a: 1})", "true"},
		{"Object{?a: optional.none()}", "{}"},
		{"Object{?spec: optional.ofNonZeroValue(Object.spec{?n: Object{}.?n})}", "{}"},
		{"Object{?a: optional.of(1)}", "{\"a\":1}"}, {"Object{}.?a", "none"},
		{"Object{a: 1, a: 2}", "{\"a\":2}"},
		{"Invalid{}", "compile: undeclared reference to 'Invalid' (in container '')"},
		{"int{}", "compile: 'int' is not a message type"},
		{"Object.a[0]{}", "compile: Syntax error: extraneous input '{' expecting <EOF>"},
		{"f(1).a{}", "compile: Syntax error: mismatched input '{' expecting an expression"},
		{"Object{1: 2}",
		 "compile: Syntax error: mismatched input '1' expecting an expression"},
		{"Object{a 2}", "compile: Syntax error: mismatched input '2' expecting ':'"},
		{"Object{a: 1", "compile: Syntax error: mismatched input '<EOF>' expecting '}'"},
		{"true ? JSONPatch{op: 'add', value: 3} : JSONPatch{op: 'remove'}",
		 "{\"op\":\"add\",\"value\":3}"},
		{"JSONPatch{op: 1}",
		 "compile: expected type of field 'op' is 'string' but provided type is 'int'"},
		{"JSONPatch{op: Invalid{}}",
		 "compile: undeclared reference to 'Invalid' (in container '')"},
		{"JSONPatch{what: 1}", "compile: undefined field 'what'"},
		{"JSONPatch{op: 'add'} == JSONPatch{op: 'remove'}", "false"},
		{"string(JSONPatch{value: 'x'}.value)", "x"},
		{"(x > 0 ? [JSONPatch{op: 'a'}] : []) + (x > 9 ? [] : [JSONPatch{op: 'b'}])",
		 "[{\"op\":\"a\"},{\"op\":\"b\"}]"});
}

static void test_message_types(void **state)
{
	static const char *const rows[][2] = {
		{"Object{}", "Object"},
		{"Object.spec{a: 1}", "Object.spec"},
		{"[JSONPatch{}]", "list(JSONPatch)"},
		{"x > 0 ? [] : [JSONPatch{}]", "list(JSONPatch)"},
		{"x > 0 ? l.map(e, JSONPatch{value: e}) : []", "list(JSONPatch)"},
		{"[] + [JSONPatch{}]", "list(JSONPatch)"},
		{"[JSONPatch{}, 1]", "list(dyn)"},
		{"Object{}.spec", "dyn"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(cel_program_freep) struct cel_program *p = NULL;
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		assert_int_equal(cel_compile(&env, str_of(rows[i][0]), &p, NULL), 0);
		cel_type_text(cel_program_type(p), &b);
		assert_string_equal(b.p, rows[i][1]);
	}
}

static uint64_t cost_of(const char *text, uint64_t *estimate)
{
	CLEANUP(cel_program_freep) struct cel_program *p = NULL;
	struct eval e;

	assert_int_equal(cel_compile(&env, str_of(text), &p, NULL), 0);
	*estimate = cel_program_cost(p);
	eval_init(&e, 1000000);
	cel_eval(p, e.vars, &e.run);
	eval_done(&e);
	return e.run.cost;
}

static void test_budget(void **state)
{
	static const char *const heavy[] = {
		"lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, a+b+c "
		"> -1)))",
		"lists.range(1000000).map(a, lists.range(1000))",
		"cel.bind(a, s+s+s+s+s+s+s+s, cel.bind(b, a+a+a+a+a+a+a+a, cel.bind(c, "
		"b+b+b+b+b+b+b+b, "
		"cel.bind(d, c+c+c+c+c+c+c+c, cel.bind(e, d+d+d+d+d+d+d+d, cel.bind(f, "
		"e+e+e+e+e+e+e+e, "
		"cel.bind(g, f+f+f+f+f+f+f+f, cel.bind(h, g+g+g+g+g+g+g+g, h+h+h+h+h+h))))))))",
		"lists.range(100000).distinct().size() > 0",
	};
	uint64_t bound;

	for (size_t i = 0; i < ARRAY_SIZE(heavy); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		result_of(heavy[i], &b);
		assert_string_equal(b.p, "error: operation cancelled: actual cost limit exceeded");
	}
	assert_int_equal(cost_of("1 + 1", &bound), 1);
	assert_int_equal(bound, 1);
	assert_true(cost_of("l.all(e, e > 0)", &bound) <= bound);
	assert_true(bound > 1000000); /* nobody bounds the list */
	assert_true(cost_of("[1, 2].all(e, e > 0)", &bound) <= bound);
	assert_true(bound < 100);
	assert_int_equal(cost_of("Object{a: Object.a{b: 1 + 1}}", &bound), 81);
	assert_int_equal(bound, 81);
}

static void test_depth(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct cel_program *p = NULL;

	for (int i = 0; i < 10000; i++)
		buf_addc(&b, '(');
	assert_true(cel_compile(&env, buf_str(&b), &p, NULL) < 0);
	buf_clear(&b);
	buf_addc(&b, '1');
	for (int i = 0; i < 5000; i++)
		buf_adds(&b, "+1");
	assert_true(cel_compile(&env, buf_str(&b), &p, NULL) < 0);
	buf_clear(&b);
	for (int i = 0; i < 5000; i++)
		buf_adds(&b, "[");
	assert_true(cel_compile(&env, buf_str(&b), &p, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_literals),      cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_comparisons),   cmocka_unit_test(test_logic),
		cmocka_unit_test(test_macros),        cmocka_unit_test(test_fields),
		cmocka_unit_test(test_conversions),   cmocka_unit_test(test_times),
		cmocka_unit_test(test_strings),       cmocka_unit_test(test_lists),
		cmocka_unit_test(test_net),           cmocka_unit_test(test_budget),
		cmocka_unit_test(test_well_known),    cmocka_unit_test(test_messages),
		cmocka_unit_test(test_message_types), cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
