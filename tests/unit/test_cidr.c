/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/cidr.h"
#include "tests/unit/test.h"

static const char *canonical(const char *text)
{
	static char out[IP_TEXT];
	struct ip a = {0};

	return ip_parse(str_of(text), &a) ? ip_text(a, out) : "-";
}

static void test_addresses(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"10.0.0.1", "10.0.0.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"FD00:0:0:1::A", "fd00:0:0:1::a"},
		{"::", "::"},
		{"::1", "::1"},
		{"::1.2.3.4", "::102:304"},
		{"::1:0", "::1:0"},
		{"::ffff:10.0.0.1", "10.0.0.1"},
		{"::fffe:10.0.0.1", "::fffe:a00:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"", "-"},
		{"10.0.0", "-"},
		{"10.0.0.01", "-"},
		{"fe80::1%eth0", "-"},
		{"[::1]", "-"},
		{"1:2:3:4:5:6:7:8:9", "-"},
		{"10.0.0.1 ", "-"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(canonical(rows[i].in), rows[i].out);
}

static void test_ranges(void **state)
{
	struct cidr a = {0}, b = {0};
	struct ip at = {0};
	char text[CIDR_TEXT];

	assert_true(cidr_parse(STR("10.96.3.4/16"), &a) && a.base.n == 0x0a600000 && a.bits == 16);
	assert_string_equal(cidr_text(a, text), "10.96.0.0/16");
	assert_false(cidr_parse(STR("10.96.0.0"), &b) || cidr_parse(STR("10.96.0.0/33"), &b) ||
		     cidr_parse(STR("10.96/16"), &b) || cidr_parse(STR("fd00::/129"), &b) ||
		     cidr_parse(STR("fd00::/"), &b) || cidr_parse(STR("/64"), &b) ||
		     cidr_parse(STR("fd00::/64/64"), &b) || cidr_parse(STR("fd00::/-1"), &b));
	assert_true(cidr_parse(STR("0.0.0.0/0"), &b) && cidr_span(b) == UINT32_MAX);
	assert_true(cidr_within(a, b) && !cidr_within(b, a) && cidr_within(a, a));
	assert_true(ip_parse(STR("10.96.0.0"), &at) && !cidr_has_host(a, at));
	at.n++;
	assert_true(cidr_has_host(a, at));
	at.n += 65533;
	assert_true(cidr_has_host(a, at));
	at.n++;
	assert_true(!cidr_has_host(a, at) && cidr_has(a, at));
	assert_true(cidr_parse(STR("10.0.0.1/32"), &b) && !cidr_has_host(b, b.base));

	assert_true(cidr_parse(STR("::/0"), &b) && cidr_span(b) == ~(u128)0);
	assert_false(cidr_within(a, b) || cidr_has(b, at));
	assert_true(ip_parse(STR("ffff::ffff"), &at) && cidr_has(b, at));
	assert_true(cidr_parse(STR("fd00:96::5/112"), &a) && cidr_within(a, b));
	assert_string_equal(cidr_text(a, text), "fd00:96::/112");
	assert_true(ip_parse(STR("fd00:96::ffff"), &at) && cidr_has_host(a, at));
	assert_true(ip_parse(STR("fd00:96::"), &at) && !cidr_has_host(a, at));
	assert_true(ip_parse(STR("fd00:96::1:0"), &at) && !cidr_has(a, at));
	assert_true(ip_parse(STR("0.0.0.1"), &at) && !cidr_has(b, at));
	assert_true(cidr_parse(STR("::ffff:10.0.0.0/104"), &a) && !a.base.v6 && a.bits == 8);
}

static void test_pairs(void **state)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct cidr_pair p;

	assert_int_equal(cidr_pair_parse("service-cidr", "10.96.0.0/16", &p, &e), 0);
	assert_true(p.n == 1 && cidr_pair_of(&p, false) && !cidr_pair_of(&p, true));
	assert_int_equal(cidr_pair_parse("service-cidr", "fd00::/108,10.96.0.0/16", &p, &e), 0);
	assert_true(p.n == 2 && p.v[0].base.v6 && cidr_pair_of(&p, true) == &p.v[0] &&
		    cidr_pair_of(&p, false) == &p.v[1]);
	assert_int_equal(cidr_pair_parse("service-cidr", "10.96.0.0/16,", &p, &e), -EINVAL);
	assert_string_equal(e.message, "--service-cidr: \"\" is no range of addresses such as "
				       "10.96.0.0/16 or fd00:96::/108");
	err_done(&e);
	assert_int_equal(cidr_pair_parse("c", "10.0.0.0/8,11.0.0.0/8", &p, &e), -EINVAL);
	assert_non_null(strstr(e.message, "--c: ") ? strstr(e.message, "two ranges of IPv4")
						   : NULL);
	err_done(&e);
	assert_int_equal(cidr_pair_parse("c", "10.0.0.0/8,fd00::/64,fd01::/64", &p, &e), -EINVAL);
	assert_non_null(strstr(e.message, "more than two"));
}

static void test_host_port(void **state)
{
	static const struct {
		const char *in, *host, *port; /* host NULL: refused */
	} rows[] = {
		{"10.0.0.1:6443", "10.0.0.1", "6443"},
		{"10.0.0.1", "10.0.0.1", NULL},
		{"[fd00::1]:6443", "fd00::1", "6443"},
		{"[fd00::1]", "fd00::1", NULL},
		{"fd00::1", "fd00::1", NULL},
		{"::1", "::1", NULL},
		{"master.example:1", "master.example", "1"},
		{"", NULL, NULL},
		{":6443", NULL, NULL},
		{"[]:6443", NULL, NULL},
		{"[::1", NULL, NULL},
		{"[::1]6443", NULL, NULL},
		{"a:b", NULL, NULL},
		{"a:", NULL, NULL},
		{"a:65536", NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct str host, port;
		bool good = host_port_split(str_of(rows[i].in), &host, &port);

		assert_int_equal(good, rows[i].host != NULL);
		assert_true(!good || str_eqs(host, rows[i].host));
		assert_true(!good || (rows[i].port ? str_eqs(port, rows[i].port) : !port.p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_host_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
