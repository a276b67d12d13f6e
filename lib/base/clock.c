/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/clock.h"

#include <sys/random.h>

static uint64_t sys_mono(void *user)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static int64_t sys_real(void *user)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * (int64_t)NSEC_PER_SEC + ts.tv_nsec;
}

const struct clock clock_system = {sys_mono, sys_real, NULL};

static void sys_fill(void *user, void *p, size_t len)
{
	char *q = p;

	while (len) {
		ssize_t n = getrandom(q, MIN(len, (size_t)256), 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			q += n;
			len -= (size_t)n;
		}
	}
}

const struct rng rng_system = {sys_fill, NULL};

uint64_t rng_u64(const struct rng *r)
{
	uint64_t v;

	r->fill(r->user, &v, sizeof(v));
	return v;
}

uint64_t rng_below(const struct rng *r, uint64_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, v;

	do
		v = rng_u64(r);
	while (v >= limit);
	return v % n;
}

void rng_uuid(const struct rng *r, char ret[UUID_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t b[16];
	char *q = ret;

	r->fill(r->user, b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*q++ = '-';
		*q++ = hex[b[i] >> 4];
		*q++ = hex[b[i] & 15];
	}
	*q = 0;
}

void rng_name_suffix(const struct rng *r, char *ret, size_t n)
{
	static const char set[] = "bcdfghjklmnpqrstvwxz2456789";

	for (size_t i = 0; i < n; i++)
		ret[i] = set[rng_below(r, sizeof(set) - 1)];
	ret[n] = 0;
}

static struct tm split_ns(int64_t real_ns, long *ret_nsec)
{
	time_t s = (time_t)(real_ns / (int64_t)NSEC_PER_SEC);
	long ns = (long)(real_ns % (int64_t)NSEC_PER_SEC);
	struct tm tm;

	if (ns < 0) {
		ns += (long)NSEC_PER_SEC;
		s--;
	}
	gmtime_r(&s, &tm);
	*ret_nsec = ns;
	return tm;
}

static void format_to(int64_t real_ns, char *ret, size_t size, int digits)
{
	char frac[16] = "";
	long ns;
	struct tm tm = split_ns(real_ns, &ns);

	if (digits) {
		for (int i = digits; i < 9; i++)
			ns /= 10;
		snprintf(frac, sizeof(frac), ".%0*ld", digits, ns);
	}
	snprintf(ret, size, "%04u-%02u-%02uT%02u:%02u:%02u%.10sZ",
		 (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
		 (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
		 (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u, frac);
}

void time_format(int64_t real_ns, char ret[TIME_LEN + 1])
{
	format_to(real_ns, ret, TIME_LEN + 1, 0);
}

void time_format_micro(int64_t real_ns, char ret[MICROTIME_LEN + 1])
{
	format_to(real_ns, ret, MICROTIME_LEN + 1, 6);
}

void time_format_nano(int64_t real_ns, char ret[NANOTIME_LEN + 1])
{
	format_to(real_ns, ret, NANOTIME_LEN + 1, 9);
}

static int digits(struct str *s, size_t n, int *ret)
{
	int v = 0;

	if (s->len < n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -EINVAL;
		v = v * 10 + (s->p[i] - '0');
	}
	*s = str_skip(*s, n);
	*ret = v;
	return 0;
}

static int expect(struct str *s, char c)
{
	if (!s->len || (s->p[0] | 32) != (c | 32))
		return -EINVAL;
	*s = str_skip(*s, 1);
	return 0;
}

/* The zone's offset in seconds: "Z" or "+hh:mm". */
static int zone_parse(struct str *s, int *ret)
{
	int sign, h, m;

	if (expect(s, 'Z') == 0) {
		*ret = 0;
		return 0;
	}
	if (!s->len || (s->p[0] != '+' && s->p[0] != '-'))
		return -EINVAL;
	sign = s->p[0] == '-' ? -1 : 1;
	*s = str_skip(*s, 1);
	if (digits(s, 2, &h) || expect(s, ':') || digits(s, 2, &m) || h > 23 || m > 59)
		return -EINVAL;
	*ret = sign * (h * 3600 + m * 60);
	return 0;
}

int time_parse(struct str s, int64_t *ret_real_ns)
{
	static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct tm tm = {0};
	int64_t frac = 0, scale = 100000000;
	int off;

	if (digits(&s, 4, &tm.tm_year) || expect(&s, '-') || digits(&s, 2, &tm.tm_mon) ||
	    expect(&s, '-') || digits(&s, 2, &tm.tm_mday) || expect(&s, 'T') ||
	    digits(&s, 2, &tm.tm_hour) || expect(&s, ':') || digits(&s, 2, &tm.tm_min) ||
	    expect(&s, ':') || digits(&s, 2, &tm.tm_sec))
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > month_days[tm.tm_mon - 1] || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return -EINVAL;
	if (s.len && s.p[0] == '.') {
		s = str_skip(s, 1);
		if (!s.len || s.p[0] < '0' || s.p[0] > '9')
			return -EINVAL;
		for (; s.len && s.p[0] >= '0' && s.p[0] <= '9'; s = str_skip(s, 1)) {
			frac += (s.p[0] - '0') * scale;
			scale /= 10;
		}
	}
	if (zone_parse(&s, &off) || s.len)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (__builtin_mul_overflow((int64_t)timegm(&tm) - off, (int64_t)NSEC_PER_SEC, ret_real_ns))
		return -EINVAL;
	*ret_real_ns += frac;
	return 0;
}

static const struct {
	struct str unit;
	int64_t ns;
} duration_units[] = {
	/* "ms" must stand before "m", or it would be read as minutes. */
	{STR("ns"), 1},
	{STR("us"), 1000},
	{STR("\xc2\xb5s"), 1000},
	{STR("ms"), 1000000},
	{STR("s"), 1000000000},
	{STR("m"), 60000000000},
	{STR("h"), 3600000000000},
};

int duration_parse(struct str s, int64_t *ret_ns)
{
	double total = 0;
	bool neg = false;

	if (s.len && (s.p[0] == '-' || s.p[0] == '+')) {
		neg = s.p[0] == '-';
		s = str_skip(s, 1);
	}
	if (str_eqs(s, "0")) {
		*ret_ns = 0;
		return 0;
	}
	if (!s.len)
		return -EINVAL;
	while (s.len) {
		double v = 0, scale = 1;
		size_t i, k;

		for (i = 0; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			v = v * 10 + (s.p[i] - '0');
		k = i;
		if (i < s.len && s.p[i] == '.')
			for (i++, k++; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++)
				v += (s.p[i] - '0') * (scale /= 10);
		if (i == 0 || (i == k && i == 1 && s.p[0] == '.'))
			return -EINVAL;
		s = str_skip(s, i);
		for (k = 0; k < ARRAY_SIZE(duration_units); k++)
			if (str_starts(s, duration_units[k].unit))
				break;
		if (k == ARRAY_SIZE(duration_units))
			return -EINVAL;
		total += v * (double)duration_units[k].ns;
		s = str_skip(s, duration_units[k].unit.len);
	}
	if (total > 9.2e18)
		return -ERANGE;
	*ret_ns = neg ? -(int64_t)total : (int64_t)total;
	return 0;
}

void duration_format(int64_t ns, struct buf *out)
{
	int64_t s;

	if (ns < 0) {
		buf_addc(out, '-');
		ns = -ns;
	}
	if (ns < (int64_t)NSEC_PER_SEC && ns) {
		if (ns % 1000000 == 0)
			buf_addf(out, "%" PRId64 "ms", ns / 1000000);
		else
			buf_addf(out,
				 "%g"
				 "ms",
				 (double)ns / 1e6);
		return;
	}
	s = ns / (int64_t)NSEC_PER_SEC;
	if (s >= 3600)
		buf_addf(out, "%" PRId64 "h", s / 3600);
	if (s >= 60)
		buf_addf(out, "%" PRId64 "m", s / 60 % 60);
	buf_addf(out,
		 "%.9g"
		 "s",
		 (double)(s % 60) + (double)(ns % (int64_t)NSEC_PER_SEC) / 1e9);
}

/* The thresholds are those of HumanDuration, so that AGE columns read as kubectl's do. */
void duration_human(int64_t ns, struct buf *out)
{
	int64_t s = ns / (int64_t)NSEC_PER_SEC, m = s / 60, h = m / 60, d = h / 24;

	if (s < -1)
		buf_adds(out, "<invalid>");
	else if (s < 0)
		buf_adds(out, "0s");
	else if (s < 120)
		buf_addf(out, "%" PRId64 "s", s);
	else if (m < 10 && s % 60)
		buf_addf(out, "%" PRId64 "m%" PRId64 "s", m, s % 60);
	else if (m < 180)
		buf_addf(out, "%" PRId64 "m", m);
	else if (h < 8 && m % 60)
		buf_addf(out, "%" PRId64 "h%" PRId64 "m", h, m % 60);
	else if (h < 48)
		buf_addf(out, "%" PRId64 "h", h);
	else if (h < 192 && h % 24)
		buf_addf(out, "%" PRId64 "d%" PRId64 "h", d, h % 24);
	else if (d < 730)
		buf_addf(out, "%" PRId64 "d", d);
	else if (d < 2920 && d % 365)
		buf_addf(out, "%" PRId64 "y%" PRId64 "d", d / 365, d % 365);
	else
		buf_addf(out, "%" PRId64 "y", d / 365);
}
