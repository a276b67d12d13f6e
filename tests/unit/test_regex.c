/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/regex.h"
#include "tests/unit/test.h"

static const struct {
	const char *pattern, *text;
	bool yes;
} rows[] = {
	{"abc", "xabcx", true},
	{"^abc$", "xabcx", false},
	{"^a.c$",
	 "a\xc3\xa9"
	 "c",
	 true},
	{"^a.c$", "a\nc", false},
	{"(?s)^a.c$", "a\nc", true},
	{"a|b|c", "zzc", true},
	{"^(a|b)*$", "abab", true},
	{"^(a|b)*$", "abcb", false},
	{"^a{2,3}$", "aaaa", false},
	{"^a{2,3}$", "aaa", true},
	{"^a{2,}$", "a", false},
	{"^a{,3}$", "a{,3}", true},
	{"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "my-name", true},
	{"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "my-name-", false},
	{"^[^/]+$", "a/b", false},
	{"^[]a]+$", "a]", true},
	{"^\\d+\\.\\d*$", "12.", true},
	{"^\\D\\W\\S$", "a-b", true},
	{"^[\\d_]+$", "1_2", true},
	{"^[[:alpha:]]+$", "abC", true},
	{"^[[:^alpha:]]+$", "12", true},
	{"^\\p{L}+$", "gr\xc3\xbc\xc3\x9f", true},
	{"^\\pN$", "7", true},
	{"^\\P{Lu}+$", "abc", true},
	{"(?i)HeLLo", "xhEllO", true},
	{"(?i:a)b", "AB", false},
	{"\\bfoo\\b", "a foo b", true},
	{"\\bfoo\\b", "afoo b", false},
	{"\\Bo\\B", "foot", true},
	{"(?m)^b$", "a\nb\nc", true},
	{"\\Aa\\z", "a", true},
	{"\\Qa.b\\E", "a.b", true},
	{"\\Qa.b\\E", "axb", false},
	{"^\\x41\\x{1F600}$", "A\xf0\x9f\x98\x80", true},
	{"^$", "", true},
	{"", "anything", true},
	{"^(a*)*$", "aaaa", true},
	{"^(a*)+b$", "aaaa", false},
	{"(a|aa)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false},
	{"^(?P<x>a)(?<y>b)$", "ab", true},
	{"^[a-c]+?$", "abc", true},
	{"^\\s*$", " \t\n", true},
	{"^\\.\\*$", ".*", true},
	{"x{0}y", "y", true},
};

static void test_match(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		CLEANUP(rx_freep) struct rx *r = NULL;

		if (rx_compile(str_of(rows[i].pattern), &r, &e) < 0 ||
		    rx_match(r, str_of(rows[i].text)) != rows[i].yes)
			fail_msg("%s on %s: %s", rows[i].pattern, rows[i].text, err_text(&e));
		err_done(&e);
	}
}

static void test_errors(void **state)
{
	static const char *const bad[][2] = {
		{"(", "missing closing ): `(`"},
		{"a)", "unexpected ): `a)`"},
		{"[a", "missing closing ]: `[a`"},
		{"*a", "missing argument to repetition operator: `*`"},
		{"a**", "invalid nested repetition operator: `**`"},
		{"a{1001}", "invalid repeat count: `{1001}`"},
		{"a{3,2}", "invalid repeat count: `{3,2}`"},
		{"((a{30}){30}){20}", "invalid repeat count: `{20}`"},
		{"[z-a]", "invalid character class range: `z-a`"},
		{"\\8", "invalid escape sequence: `\\8`"},
		{"(?=a)", "invalid or unsupported Perl syntax: `(?=`"},
		{"a\\", "trailing backslash at end of expression: ``"},
		{"\\pX", "invalid character class range: `\\pX`"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		struct rx *r = NULL;
		CLEANUP_FREE char *want = xasprintf("error parsing regexp: %s", bad[i][1]);

		assert_true(rx_compile(str_of(bad[i][0]), &r, &e) < 0);
		assert_string_equal(err_text(&e), want);
		err_done(&e);
	}
}

static void test_find(void **state)
{
	CLEANUP(rx_freep) struct rx *r = NULL;
	ssize_t c[6];

	assert_int_equal(rx_compile(STR("(\\w+)@(\\w+)?"), &r, NULL), 0);
	assert_int_equal(rx_groups(r), 3);
	assert_true(rx_find(r, STR("to joe@home ok"), 0, c, 3));
	assert_int_equal(c[0], 3);
	assert_int_equal(c[1], 11);
	assert_int_equal(c[2], 3);
	assert_int_equal(c[3], 6);
	assert_int_equal(c[4], 7);
	assert_false(rx_find(r, STR("to joe@home ok"), 7, c, 3));
	rx_free(r);
	assert_int_equal(rx_compile(STR("a+?"), &r, NULL), 0);
	assert_true(rx_find(r, STR("xaaa"), 0, c, 1));
	assert_int_equal(c[1] - c[0], 1);
	rx_free(r);
	assert_int_equal(rx_compile(STR("a+|aab"), &r, NULL), 0);
	assert_true(rx_find(r, STR("aab"), 0, c, 1));
	assert_int_equal(c[1], 2); /* leftmost, the first alternative wins */
}

/* What makes backtracking engines run for ever. */
static void test_linear(void **state)
{
	CLEANUP(rx_freep) struct rx *r = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct rx *big = NULL;

	for (int i = 0; i < 20000; i++)
		buf_addc(&text, 'a');
	buf_addc(&text, '!');
	assert_int_equal(rx_compile(STR("^(a+)+$"), &r, NULL), 0);
	assert_false(rx_match(r, buf_str(&text)));
	assert_true(rx_compile(STR("((a{100}){100}){100}"), &big, NULL) < 0);
	buf_clear(&text);
	for (int i = 0; i < 5000; i++)
		buf_addc(&text, '(');
	assert_true(rx_compile(buf_str(&text), &big, NULL) < 0);
}

static void test_arena(void **state)
{
	struct arena a = {0};

	for (size_t i = 1; i < 3000; i += 7) {
		char *p = arena_alloc(&a, i);

		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, 1, i);
	}
	assert_streq_n(arena_str(&a, STR("x")), "x");
	arena_reset(&a);
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 100000));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_find),  cmocka_unit_test(test_linear),
		cmocka_unit_test(test_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
