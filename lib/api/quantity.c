/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/quantity.h"

#define NANO ((__int128)1000000000)
#define QMAX ((__int128)INT64_MAX * NANO) /* saturation: as much as int64 whole units */

/* x * by, or the limit. x >= 0, by > 0. */
static __int128 mul_sat(__int128 x, __int128 by)
{
	return x > QMAX / by ? QMAX : x * by;
}

/* x / by, rounded away from zero as Kubernetes does with what is finer than it can hold. */
static __int128 div_up(__int128 x, __int128 by)
{
	return x / by + (x % by > 0);
}

static int suffix_binary(struct str s, unsigned *ret_shift)
{
	static const char units[] = "KMGTPE";
	const char *u;

	if (s.len != 2 || s.p[1] != 'i' || !(u = memchr(units, s.p[0], sizeof(units) - 1)))
		return -EINVAL;
	*ret_shift = (unsigned)(u - units + 1) * 10;
	return 0;
}

/* Power of ten of a decimal suffix; exponent form "e3", "E-2" too. */
static int suffix_decimal(struct str s, int *ret_exp, enum quantity_format *ret_format)
{
	static const struct {
		char c;
		int exp;
	} units[] = {{'n', -9}, {'u', -6}, {'m', -3}, {'k', 3}, {'M', 6},
		     {'G', 9},  {'T', 12}, {'P', 15}, {'E', 18}};
	int64_t e;

	*ret_format = QUANTITY_SI;
	*ret_exp = 0;
	if (s.len == 0)
		return 0;
	if (s.len == 1) {
		for (size_t i = 0; i < ARRAY_SIZE(units); i++)
			if (units[i].c == s.p[0]) {
				*ret_exp = units[i].exp;
				return 0;
			}
		return -EINVAL;
	}
	if (s.p[0] != 'e' && s.p[0] != 'E')
		return -EINVAL;
	s = str_skip(s, 1);
	if (s.p[0] == '+')
		s = str_skip(s, 1);
	if (!s.len || s.p[0] == '+' || str_to_i64(s, &e) < 0 || e < -1000 || e > 1000)
		return -EINVAL;
	*ret_exp = (int)e;
	*ret_format = QUANTITY_EXPONENT;
	return 0;
}

/* The digits as an integer `mant` with `*frac` of them behind the point; the number's end. */
static int digits(struct str s, size_t *pos, __int128 *ret_mant, int *ret_frac, bool *ret_sticky)
{
	__int128 m = 0;
	size_t n = 0;
	bool point = false;
	int frac = 0;

	*ret_sticky = false;
	for (; *pos < s.len; (*pos)++) {
		char c = s.p[*pos];

		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		n++;
		if (m > (((__int128)1 << 120) / 10)) {
			if (!point) /* too large to hold: saturates anyway */
				m = (__int128)1 << 120;
			else if (c != '0')
				*ret_sticky = true;
			continue;
		}
		m = m * 10 + (c - '0');
		frac += point;
	}
	*ret_mant = m;
	*ret_frac = frac;
	return n ? 0 : -EINVAL;
}

int quantity_parse(struct str s, struct quantity *ret)
{
	struct quantity q = {0, QUANTITY_SI};
	bool negative = false, sticky;
	size_t pos = 0;
	unsigned shift = 0;
	int frac, exp = 0;
	__int128 m;

	if (!s.len || s.len > 512)
		return -EINVAL;
	if (s.p[0] == '+' || s.p[0] == '-') {
		negative = s.p[0] == '-';
		pos = 1;
	}
	if (digits(s, &pos, &m, &frac, &sticky) < 0)
		return -EINVAL;
	s = str_skip(s, pos);
	if (suffix_binary(s, &shift) == 0)
		q.format = QUANTITY_BINARY;
	else if (suffix_decimal(s, &exp, &q.format) < 0)
		return -EINVAL;
	if (m && shift) { /* m * 2^shift may not fit before the division: take out tens first */
		for (; frac && m % 10 == 0; frac--)
			m /= 10;
		m = m > ((__int128)1 << 126) >> shift ? (__int128)1 << 126 : m << shift;
	}
	for (exp = exp - frac + 9; exp > 0 && m && m < QMAX; exp--)
		m = mul_sat(m, 10);
	for (; exp < 0 && m; exp++) {
		sticky |= m % 10 != 0;
		m /= 10;
	}
	if (sticky && m < QMAX)
		m++;
	m = MIN(m, QMAX);
	q.nano = negative ? -m : m;
	*ret = q;
	return 0;
}

static void add_i128(__int128 v, struct buf *out)
{
	char tmp[48];
	size_t n = sizeof(tmp);

	do {
		tmp[--n] = (char)('0' + (int)(v % 10));
		v /= 10;
	} while (v);
	buf_add(out, tmp + n, sizeof(tmp) - n);
}

void quantity_format(struct quantity q, struct buf *out)
{
	static const char *const si[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
	static const char *const bin[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
	__int128 v = q.nano < 0 ? -q.nano : q.nano;
	size_t i = 0;

	if (q.nano < 0)
		buf_addc(out, '-');
	if (v == 0) {
		buf_addc(out, '0');
		return;
	}
	/* Below 1024, and what is no whole number, is written in decimal form. */
	if (q.format == QUANTITY_BINARY && v % NANO == 0 && v / NANO >= 1024) {
		for (v /= NANO; v % 1024 == 0 && i + 1 < ARRAY_SIZE(bin); i++)
			v /= 1024;
		add_i128(v, out);
		buf_adds(out, bin[i]);
		return;
	}
	while (v % 1000 == 0 && i + 1 < ARRAY_SIZE(si)) {
		v /= 1000;
		i++;
	}
	add_i128(v, out);
	if (q.format == QUANTITY_EXPONENT && i != 3)
		buf_addf(out, "e%d", ((int)i - 3) * 3);
	else
		buf_adds(out, si[i]);
}

int quantity_canonical(struct str s, struct buf *out)
{
	struct quantity q;
	int r = quantity_parse(s, &q);

	if (r == 0)
		quantity_format(q, out);
	return r;
}

static int64_t scaled(__int128 nano, __int128 unit)
{
	__int128 v = nano < 0 ? -(-nano / unit) : div_up(nano, unit);

	return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

int64_t quantity_value(struct quantity q)
{
	return scaled(q.nano, NANO);
}

int64_t quantity_milli(struct quantity q)
{
	return scaled(q.nano, NANO / 1000);
}

int64_t quantity_str_value(struct str s)
{
	struct quantity q;

	return quantity_parse(s, &q) < 0 ? 0 : quantity_value(q);
}

int64_t quantity_str_milli(struct str s)
{
	struct quantity q;

	return quantity_parse(s, &q) < 0 ? 0 : quantity_milli(q);
}

struct quantity quantity_of(int64_t v, enum quantity_format f)
{
	return (struct quantity){v * NANO, f};
}

struct quantity quantity_of_milli(int64_t v, enum quantity_format f)
{
	return (struct quantity){v * (NANO / 1000), f};
}
