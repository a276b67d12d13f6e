/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "net/ipam.h"
#include "net/lb_priv.h"
#include "net/slots.h"
#include "tests/unit/test.h"

static uint64_t now_ns;

static uint64_t fake_mono(void *user)
{
	return now_ns;
}

static int64_t fake_real(void *user)
{
	return 0;
}

static const struct clock fake = {fake_mono, fake_real, NULL};

static void test_addr(void **state)
{
	static const char *const bad[] = {"",         "1.2.3",  "1.2.3.4.5", "256.1.1.1",
					  "01.2.3.4", "1.2.3.", "1.2.3.4 ",  "-1.2.3.4"};
	static const char *const bad_prefix[] = {"10.0.0.0", "10.0.0.0/33", "10.0.0.1/24", "/8",
						 "10.0.0.0/"};
	struct ip4_prefix p;
	char text[IP4_TEXT];
	uint32_t a;

	assert_int_equal(ip4_parse(STR("10.244.255.1"), &a), 0);
	assert_string_equal(ip4_format(a, text), "10.244.255.1");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ip4_parse(str_of(bad[i]), &a), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_prefix); i++)
		assert_int_equal(ip4_prefix_parse(str_of(bad_prefix[i]), &p), -EINVAL);
	assert_int_equal(ip4_prefix_parse(STR("10.244.1.0/24"), &p), 0);
	assert_int_equal(ip4_prefix_size(p), 256);
	assert_string_equal(ip4_format(ip4_prefix_nth(p, 255), text), "10.244.1.255");
	assert_true(ip4_prefix_has(p, ip4_prefix_nth(p, 7)));
	assert_false(ip4_prefix_has(p, ip4_prefix_nth(p, 256)));
	assert_int_equal(ip4_prefix_parse(STR("0.0.0.0/0"), &p), 0);
	assert_true(ip4_prefix_has(p, a));
}

static void test_ipam(void **state)
{
	char path[] = "/tmp/knarr-ipam-XXXXXX";
	int fd = mkstemp(path);
	struct ipam_conf conf = {.path = path, .quarantine_ns = 100, .clock = &fake};
	struct ipam *i = NULL;
	struct err err = ERR_INIT;
	uint32_t a, b, c;
	char text[IP4_TEXT], owner[16];

	close(fd);
	now_ns = 1000;
	assert_int_equal(ip4_prefix_parse(STR("10.1.0.0/29"), &conf.range), 0);
	assert_int_equal(ipam_open(&conf, &i, &err), 0);
	assert_int_equal(ipam_size(i), 5);
	assert_int_equal(ipam_take(i, STR("a"), &a, NULL), 0);
	assert_string_equal(ip4_format(a, text), "10.1.0.2");
	assert_int_equal(ipam_take(i, STR("a"), &b, NULL), 0);
	assert_int_equal(a, b);
	assert_int_equal(ipam_give(i, STR("a")), 0);
	assert_int_equal(ipam_give(i, STR("a")), 0);
	assert_int_equal(ipam_get(i, STR("a"), &b), -ENOENT);
	/* The freed one comes last. */
	for (int k = 0; k < 4; k++) {
		snprintf(owner, sizeof(owner), "o%d", k);
		assert_int_equal(ipam_take(i, str_of(owner), &b, NULL), 0);
		assert_int_not_equal(a, b);
	}
	assert_int_equal(ipam_take(i, STR("last"), &b, NULL), 0);
	assert_int_equal(a, b);
	assert_int_equal(ipam_take(i, STR("more"), &b, &err), -ENOSPC);
	assert_non_null(err.message);
	err_done(&err);
	now_ns = 2000;
	ipam_give(i, STR("o3"));
	now_ns = 3000;
	ipam_give(i, STR("o1"));
	assert_int_equal(ipam_get(i, STR("o2"), &c), 0);
	ipam_close(i);
	/* As after a kill: the next one knows everything. */
	assert_int_equal(ipam_open(&conf, &i, &err), 0);
	assert_int_equal(ipam_used(i), 3);
	assert_int_equal(ipam_get(i, STR("o2"), &b), 0);
	assert_int_equal(b, c);
	assert_int_equal(ipam_take(i, STR("n"), &b, NULL), 0);
	assert_string_equal(ip4_format(b, text), "10.1.0.6"); /* o3's: free longest */
	ipam_close(i);
	/* Another range: anew. A cut file: anew. */
	assert_int_equal(ip4_prefix_parse(STR("10.2.0.0/29"), &conf.range), 0);
	assert_int_equal(ipam_open(&conf, &i, &err), 0);
	assert_int_equal(ipam_used(i), 0);
	assert_int_equal(ipam_take(i, STR("x"), &b, NULL), 0);
	ipam_close(i);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(ipam_open(&conf, &i, &err), 0);
	assert_int_equal(ipam_used(i), 0);
	ipam_close(i);
	conf.range.len = 31;
	assert_int_equal(ipam_open(&conf, &i, NULL), -EINVAL);
	unlink(path);
}

/* Random takes and gives never overlap, and everything comes back whole. */
static void test_slots(void **state)
{
	enum { N = 5000 };
	struct slots *s = slots_new(N, &fake), *again;
	struct {
		int64_t base;
		uint8_t order;
	} held[400];
	static uint8_t used[N];
	size_t n = 0;
	uint32_t total = 0;

	now_ns = 1;
	memset(used, 0, sizeof(used));
	srand(7);
	for (int step = 0; step < 20000; step++) {
		if (rand() % 2 && n < ARRAY_SIZE(held)) {
			uint8_t o = (uint8_t)(rand() % 7);
			int64_t b = slots_take(s, o);

			if (b < 0)
				continue;
			for (uint32_t k = 0; k < 1u << o; k++)
				assert_int_equal(used[b + k]++, 0);
			assert_int_equal(b & ((1 << o) - 1), 0);
			held[n].base = b;
			held[n++].order = o;
			total += 1u << o;
		} else if (n) {
			size_t i = (size_t)rand() % n;

			for (uint32_t k = 0; k < 1u << held[i].order; k++)
				used[held[i].base + k]--;
			slots_give(s, (uint32_t)held[i].base, held[i].order, rand() % 2);
			total -= 1u << held[i].order;
			held[i] = held[--n];
			now_ns += 2 * SLOTS_REST_NS / 100;
		}
		assert_int_equal(slots_used(s), total);
	}
	again = slots_new(N, &fake);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(slots_claim(again, (uint32_t)held[i].base, held[i].order), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(slots_claim(again, (uint32_t)held[i].base, held[i].order),
				 -EEXIST);
	assert_int_equal(slots_used(again), total);
	for (size_t i = 0; i < n; i++) {
		slots_give(s, (uint32_t)held[i].base, held[i].order, true);
		slots_give(again, (uint32_t)held[i].base, held[i].order, true);
	}
	now_ns += 2 * SLOTS_REST_NS;
	assert_true(slots_take(again, 12) >= 0);
	assert_true(slots_take(s, 12) >= 0);
	slots_free(s);
	slots_free(again);
	/* What rests is not given out at once. */
	s = slots_new(4, &fake);
	assert_int_equal(slots_take(s, 1), 0);
	slots_give(s, 0, 1, false);
	assert_int_equal(slots_take(s, 1), 2);
	now_ns += SLOTS_REST_NS;
	assert_int_equal(slots_take(s, 1), 0);
	assert_int_equal(slots_take(s, 0), -ENOSPC);
	slots_free(s);
}

static void test_rows(void **state)
{
	struct lb_rows t = {0};
	struct lb_svc_key k = {.proto = 6};

	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 3000; i++) {
			k.addr = i * 2654435761u;
			lb_rows_reserve(&t, t.n + 1);
			lb_rows_add(&t, &k)->epoch = i + 1;
		}
		for (uint32_t i = 0; i < 3000; i += 2) {
			k.addr = i * 2654435761u;
			lb_rows_del(&t, lb_rows_find(&t, &k));
		}
		for (uint32_t i = 0; i < 3000; i++) {
			struct lb_row *row;

			k.addr = i * 2654435761u;
			row = lb_rows_find(&t, &k);
			assert_int_equal(row != NULL, i % 2);
			if (row) {
				assert_int_equal(row->epoch, i + 1);
				lb_rows_del(&t, row);
			}
		}
		assert_int_equal(t.n, 0);
	}
	lb_rows_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_ipam),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
