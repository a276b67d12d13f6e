/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/err.h"
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "tests/unit/test.h"

static void test_buf(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char *s;

	assert_string_equal(b.p, "");
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%d,", i);
	assert_int_equal(b.len, 3890);
	assert_memory_equal(b.p + b.len - 4, "999,", 5);
	buf_consume(&b, 3886);
	assert_string_equal(b.p, "999,");
	buf_addu64(&b, UINT64_MAX);
	assert_string_equal(b.p, "999,18446744073709551615");
	s = buf_take(&b);
	assert_int_equal(b.len, 0);
	free(s);
	buf_addf(&b, "%0200d", 7);
	assert_int_equal(b.len, 200);
	assert_int_equal(b.p[199], '7');
}

static void test_str(void **state)
{
	struct str rest = STR("a,,b"), piece;
	uint64_t u;
	int64_t i;
	char small[4];

	assert_true(str_split(&rest, ',', &piece) && str_eqs(piece, "a"));
	assert_true(str_split(&rest, ',', &piece) && piece.len == 0 && piece.p);
	assert_true(str_split(&rest, ',', &piece) && str_eqs(piece, "b"));
	assert_false(str_split(&rest, ',', &piece));
	assert_int_equal(str_to_u64(STR("18446744073709551615"), &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(str_to_u64(STR("18446744073709551616"), &u), -ERANGE);
	assert_int_equal(str_to_u64(STR("12a"), &u), -EINVAL);
	assert_int_equal(str_to_u64(STR(""), &u), -EINVAL);
	assert_int_equal(str_to_i64(STR("-9223372036854775808"), &i), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(str_to_i64(STR("9223372036854775808"), &i), -ERANGE);
	assert_int_equal(str_copy(small, sizeof(small), STR("abcd")), -ENAMETOOLONG);
	assert_string_equal(small, "abc");
	assert_true(str_eq(str_trim(STR(" \t x y\r\n")), STR("x y")));
}

static void test_hmap(void **state)
{
	CLEANUP(hmap_freep) struct hmap *m = hmap_new();
	char key[32];
	size_t seen = 0;

	for (uintptr_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "key-%zu", (size_t)i);
		assert_null(hmap_put(m, str_of(key), (void *)i));
	}
	for (uintptr_t i = 1; i <= 5000; i += 2) {
		snprintf(key, sizeof(key), "key-%zu", (size_t)i);
		assert_ptr_equal(hmap_del(m, str_of(key)), (void *)i);
	}
	assert_int_equal(hmap_len(m), 2500);
	for (uintptr_t i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "key-%zu", (size_t)i);
		assert_ptr_equal(hmap_get(m, str_of(key)), i % 2 ? NULL : (void *)i);
	}
	hmap_for_each (e, m)
		seen += (uintptr_t)e->value;
	assert_int_equal(seen, 2500u * 2501u);
}

struct item {
	int v;
	struct list node;
};

static void test_list(void **state)
{
	struct list head;
	struct item it[3] = {{.v = 1}, {.v = 2}, {.v = 3}};
	int sum = 0;

	list_init(&head);
	for (int i = 0; i < 3; i++)
		list_append(&head, &it[i].node);
	list_for_each_safe (n, &head)
		if (list_entry(n, struct item, node)->v == 2)
			list_remove(n);
	list_for_each (n, &head)
		sum = sum * 10 + list_entry(n, struct item, node)->v;
	assert_int_equal(sum, 13);
}

static void test_time(void **state)
{
	static const struct {
		const char *in;
		int64_t ns;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2024-02-29T12:00:00.5Z", 1709208000500000000},
		{"2024-02-29T14:00:00+02:00", 1709208000000000000},
	};
	static const char *const bad[] = {"",
					  "2024-02-30T00:00:00",
					  "2024-13-01T00:00:00Z",
					  "2024-01-01 00:00:00Z",
					  "2024-01-01T00:00:00.Z",
					  "2024-01-01T24:00:00Z",
					  "2024-01-01T00:00:00Zx"};
	char t[NANOTIME_LEN + 1];
	int64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(time_parse(str_of(good[i].in), &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(time_parse(str_of(bad[i]), &ns), -EINVAL);
	time_format(1709208000500000000, t);
	assert_string_equal(t, "2024-02-29T12:00:00Z");
	time_format_micro(1709208000500000000, t);
	assert_string_equal(t, "2024-02-29T12:00:00.500000Z");
	time_format_nano(1709208000500000001, t);
	assert_string_equal(t, "2024-02-29T12:00:00.500000001Z");
}

static void test_duration(void **state)
{
	static const struct {
		const char *in;
		int64_t ns;
		const char *out;
	} rows[] = {
		{"0", 0, "0s"},
		{"1h30m", 5400000000000, "1h30m0s"},
		{"1.5s", 1500000000, "1.5s"},
		{"300ms", 300000000, "300ms"},
		{"90s", 90000000000, "1m30s"},
		{"-5s", -5000000000, "-5s"},
	};
	static const char *const bad[] = {"", "5", "s", ".s", "5x", "1h-3m"};
	int64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		assert_int_equal(duration_parse(str_of(rows[i].in), &ns), 0);
		assert_int_equal(ns, rows[i].ns);
		duration_format(ns, &b);
		assert_string_equal(b.p, rows[i].out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(duration_parse(str_of(bad[i]), &ns) < 0);
}

static void test_codec(void **state)
{
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const b64[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
					  "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	static const char *const bad[] = {"Zg=", "Zg", "Z===", "Zh==", "Zm9v!", "Zg==Zg=="};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		CLEANUP(buf_done) struct buf e = BUF_INIT;
		CLEANUP(buf_done) struct buf d = BUF_INIT;

		base64_encode(str_of(plain[i]), &e);
		assert_string_equal(e.p, b64[i]);
		assert_int_equal(base64_decode(buf_str(&e), &d), 0);
		assert_string_equal(d.p, plain[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(buf_done) struct buf d = BUF_INIT;

		assert_int_equal(base64_decode(str_of(bad[i]), &d), -EINVAL);
	}
	/* RFC 3720 B.4: 32 bytes of zeros, and "123456789" (the check value of CRC-32C). */
	assert_int_equal(crc32c(0, (char[32]){0}, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

static void test_percent(void **state)
{
	static const char *const bad[] = {"%", "%2", "a%zz", "%0g", "%00", "x%2"};
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(percent_decode(STR("a%2Fb%c3%A9+%25"), &b), 0);
	assert_string_equal(b.p, "a/b\xc3\xa9+%");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(percent_decode(str_of(bad[i]), &b), -EINVAL);
}

static void test_err(void **state)
{
	struct err e = ERR_INIT;

	assert_int_equal(err_set(&e, ENOENT, "NotFound", "pods \"%s\" not found", "x"), -ENOENT);
	assert_int_equal(err_set(&e, EIO, NULL, "later"), -EIO);
	err_prefix(&e, "cannot get: ");
	assert_string_equal(err_text(&e), "cannot get: pods \"x\" not found");
	err_clear(&e);
	err_field(&e, "spec.replicas", "FieldValueInvalid", "Invalid value: %d", -1);
	assert_int_equal(e.errnum, EINVAL);
	assert_int_equal(e.n_fields, 1);
	err_done(&e);
}

static void test_uuid(void **state)
{
	char a[UUID_LEN + 1], b[UUID_LEN + 1];

	rng_uuid(&rng_system, a);
	rng_uuid(&rng_system, b);
	assert_string_not_equal(a, b);
	assert_int_equal(a[14], '4');
	assert_int_equal(strlen(a), UUID_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percent),  cmocka_unit_test(test_buf),
		cmocka_unit_test(test_str),      cmocka_unit_test(test_hmap),
		cmocka_unit_test(test_list),     cmocka_unit_test(test_time),
		cmocka_unit_test(test_duration), cmocka_unit_test(test_codec),
		cmocka_unit_test(test_err),      cmocka_unit_test(test_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
