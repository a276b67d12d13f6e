/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "agent/image/image.h"
#include "tests/unit/test.h"

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_good(void **state)
{
	static const char *const rows[][2] = {
		{"busybox", "docker.io/library/busybox:latest"},
		{"busybox:1.36", "docker.io/library/busybox:1.36"},
		{"a/b", "docker.io/a/b:latest"},
		{"localhost/x", "localhost/x:latest"},
		{"localhost:5000/x", "localhost:5000/x:latest"},
		{"127.0.0.1:5000/a/b:v1", "127.0.0.1:5000/a/b:v1"},
		{"registry.example/a@" DIGEST, "registry.example/a@" DIGEST},
		{"index.docker.io/library/a:1@" DIGEST, "docker.io/library/a:1@" DIGEST},
		{"a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image_ref r;
		char text[IMAGE_REF_MAX];

		assert_int_equal(image_ref_parse(rows[i][0], &r, NULL), 0);
		image_ref_format(&r, text);
		assert_string_equal(text, rows[i][1]);
	}
}

/* The whole name has a limit, with what is understood. */
static void test_long(void **state)
{
	char text[300] = {0};
	struct image_ref r;

	memset(text, 'a', 240 - strlen("library/"));
	assert_int_equal(image_ref_parse(text, &r, NULL), 0);
	assert_int_equal(strlen(r.repository), 240);
	text[strlen(text)] = 'a';
	assert_int_equal(image_ref_parse(text, &r, NULL), -EINVAL);
}

static void test_bad(void **state)
{
	static const char *const rows[] = {
		"",
		"UPPER",
		"a//b",
		"a/",
		"/a",
		"a:",
		"a:b:c/d",
		"a@sha256:12",
		"a b",
		"a:.t",
		"a@"
		"md5:0",
		"-a",
		"a..b",
		"a___b",
		"../x",
		"r.io/",
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image_ref r;
		struct err e = ERR_INIT;

		if (image_ref_parse(rows[i], &r, &e) != -EINVAL)
			fail_msg("%s was taken", rows[i]);
		assert_non_null(strstr(err_text(&e), "couldn't parse image reference"));
		err_done(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_long),
					   cmocka_unit_test(test_bad)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
