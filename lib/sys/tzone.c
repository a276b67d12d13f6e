/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sys/tzone.h"
#include "lib/sys/file.h"

#include <fcntl.h>

#define ZONE_DIR "/usr/share/zoneinfo/"
#define FILE_MAX (256 * 1024)
#define DAY 86400

/* When a rule of a POSIX TZ text changes the clock: Mm.w.d, Jn or n. */
struct change {
	char kind; /* 'M', 'J' or '0' */
	int month, week, day;
	int64_t time_s;
};

struct tzone {
	int64_t *at; /* transitions */
	uint8_t *type;
	size_t n;
	int32_t *offsets; /* of types */
	size_t n_types;
	bool has_rule, has_dst; /* the footer */
	int32_t std_s, dst_s;
	struct change start, end;
};

struct tzone *tzone_free(struct tzone *z)
{
	if (!z)
		return NULL;
	free(z->at);
	free(z->type);
	free(z->offsets);
	free(z);
	return NULL;
}

/* ---- The calendar ---- */

/* Days since 1970-01-01 of a Gregorian date (Hinnant's days_from_civil). */
static int64_t days_of(int64_t y, int month, int64_t day)
{
	int64_t era, yoe, doy;

	y -= month <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy + day - 1 - 719468;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static void civil_split(int64_t local_s, struct civil *c)
{
	int64_t days = floor_div(local_s, DAY), s = local_s - days * DAY;
	int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	c->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	c->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	c->year = yoe + era * 400 + (c->month <= 2);
	c->hour = (int)(s / 3600);
	c->minute = (int)(s / 60 % 60);
	c->second = (int)(s % 60);
	c->weekday = (int)(((days + 4) % 7 + 7) % 7);
}

static int64_t civil_local(const struct civil *c)
{
	int64_t months = c->year * 12 + c->month - 1;
	int64_t year = floor_div(months, 12);

	return days_of(year, (int)(months - year * 12) + 1, c->day) * DAY +
	       (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second;
}

void civil_of(const struct tzone *z, int64_t unix_s, struct civil *ret)
{
	civil_split(unix_s + tzone_offset(z, unix_s), ret);
}

int64_t civil_unix(const struct tzone *z, const struct civil *c)
{
	int64_t local = civil_local(c);

	return local - tzone_offset(z, local - tzone_offset(z, local));
}

/* ---- The rule in the footer: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool eat(struct str *s, char c)
{
	if (!s->len || s->p[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static bool digits(struct str *s, int *ret)
{
	size_t n = 0;

	*ret = 0;
	while (n < s->len && n < 4 && s->p[n] >= '0' && s->p[n] <= '9')
		*ret = *ret * 10 + (s->p[n++] - '0');
	*s = str_skip(*s, n);
	return n > 0;
}

/* [+-]hh[:mm[:ss]] */
static bool hms(struct str *s, int64_t *ret)
{
	bool minus = eat(s, '-');
	int v;

	if (!minus)
		eat(s, '+');
	if (!digits(s, &v))
		return false;
	*ret = (int64_t)v * 3600;
	if (eat(s, ':')) {
		if (!digits(s, &v))
			return false;
		*ret += (int64_t)v * 60;
		if (eat(s, ':')) {
			if (!digits(s, &v))
				return false;
			*ret += v;
		}
	}
	if (minus)
		*ret = -*ret;
	return true;
}

static bool abbreviation(struct str *s)
{
	size_t n = 0;

	if (eat(s, '<')) {
		while (n < s->len && s->p[n] != '>')
			n++;
		*s = str_skip(*s, n);
		return eat(s, '>');
	}
	while (n < s->len && ((s->p[n] | 0x20) >= 'a' && (s->p[n] | 0x20) <= 'z'))
		n++;
	*s = str_skip(*s, n);
	return n >= 3;
}

static bool change(struct str *s, struct change *c)
{
	c->time_s = 7200;
	if (eat(s, 'M')) {
		c->kind = 'M';
		if (!digits(s, &c->month) || !eat(s, '.') || !digits(s, &c->week) || !eat(s, '.') ||
		    !digits(s, &c->day) || c->month < 1 || c->month > 12 || c->week < 1 ||
		    c->week > 5 || c->day > 6)
			return false;
	} else {
		c->kind = eat(s, 'J') ? 'J' : '0';
		if (!digits(s, &c->day) || c->day > 365)
			return false;
	}
	return !eat(s, '/') || hms(s, &c->time_s);
}

static void parse_rule(struct str s, struct tzone *z)
{
	int64_t west, dst;

	if (!abbreviation(&s) || !hms(&s, &west))
		return;
	z->std_s = (int32_t)-west;
	z->has_rule = !s.len;
	if (!s.len || !abbreviation(&s))
		return;
	dst = west - 3600;
	if (s.len && s.p[0] != ',' && !hms(&s, &dst))
		return;
	z->dst_s = (int32_t)-dst;
	if (!eat(&s, ',') || !change(&s, &z->start) || !eat(&s, ',') || !change(&s, &z->end))
		return;
	z->has_rule = z->has_dst = true;
}

/* Local seconds since 1970 at which a change of a year happens. */
static int64_t change_local(const struct change *c, int64_t year)
{
	int64_t day, first;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (c->kind != 'M') {
		day = days_of(year, 1, 1) + c->day;
		if (c->kind == 'J') /* counts from 1, February 29 never counts */
			day -= c->day >= 60 && leap ? 0 : 1;
		return day * DAY + c->time_s;
	}
	first = days_of(year, c->month, 1);
	day = first + ((c->day - (first + 4)) % 7 + 7) % 7 + 7 * (c->week - 1);
	while (day >=
	       days_of(c->month == 12 ? year + 1 : year, c->month == 12 ? 1 : c->month + 1, 1))
		day -= 7;
	return day * DAY + c->time_s;
}

static int32_t rule_offset(const struct tzone *z, int64_t unix_s)
{
	struct civil c;
	int64_t start, end;

	if (!z->has_dst)
		return z->std_s;
	civil_split(unix_s + z->std_s, &c);
	start = change_local(&z->start, c.year) - z->std_s;
	end = change_local(&z->end, c.year) - z->dst_s;
	if (start < end)
		return unix_s >= start && unix_s < end ? z->dst_s : z->std_s;
	return unix_s >= end && unix_s < start ? z->std_s : z->dst_s;
}

int32_t tzone_offset(const struct tzone *z, int64_t unix_s)
{
	size_t lo = 0, hi;

	if (!z)
		return 0;
	if ((!z->n || unix_s >= z->at[z->n - 1]) && z->has_rule)
		return rule_offset(z, unix_s);
	for (hi = z->n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= unix_s)
			lo = mid + 1;
		else
			hi = mid;
	}
	return z->offsets[lo ? z->type[lo - 1] : 0];
}

/* ---- The file ---- */

#define HEADER 44
struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint64_t be(const char *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | (unsigned char)*p++;
	return v;
}

static bool header(struct str s, struct counts *c)
{
	uint32_t *v[] = {&c->isut, &c->isstd, &c->leap, &c->time, &c->type, &c->chars};

	if (s.len < HEADER || memcmp(s.p, "TZif", 4) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		*v[i] = (uint32_t)be(s.p + 20 + 4 * i, 4);
		if (*v[i] > FILE_MAX)
			return false;
	}
	return c->type > 0;
}

static size_t block_len(const struct counts *c, size_t time_len)
{
	return (size_t)c->time * (time_len + 1) + (size_t)c->type * 6 + c->chars +
	       (size_t)c->leap * (time_len + 4) + c->isstd + c->isut;
}

static bool read_block(struct str s, const struct counts *c, size_t time_len, struct tzone *z)
{
	const char *types = s.p + c->time * time_len, *infos = types + c->time;

	z->n = c->time;
	z->n_types = c->type;
	z->at = xcalloc(z->n + 1, sizeof(*z->at));
	z->type = xcalloc(z->n + 1, 1);
	z->offsets = xcalloc(z->n_types, sizeof(*z->offsets));
	for (size_t i = 0; i < z->n; i++) {
		uint64_t t = be(s.p + i * time_len, time_len);

		z->at[i] = time_len == 8 ? (int64_t)t : (int64_t)(int32_t)(uint32_t)t;
		z->type[i] = (uint8_t)types[i];
		if (z->type[i] >= z->n_types || (i && z->at[i] <= z->at[i - 1]))
			return false;
	}
	for (size_t i = 0; i < z->n_types; i++) {
		z->offsets[i] = (int32_t)(uint32_t)be(infos + 6 * i, 4);
		if (z->offsets[i] < -DAY * 2 || z->offsets[i] > DAY * 2)
			return false;
	}
	return true;
}

int tzone_parse(struct str s, struct tzone **ret)
{
	CLEANUP(tzone_freep) struct tzone *z = NEW(struct tzone);
	struct counts c;
	size_t len, time_len = 4;

	if (!header(s, &c))
		return -EINVAL;
	if (s.p[4] >= '2') { /* the same again with 64 bits */
		len = HEADER + block_len(&c, 4);
		if (len > s.len)
			return -EINVAL;
		s = str_skip(s, len);
		if (!header(s, &c))
			return -EINVAL;
		time_len = 8;
	}
	s = str_skip(s, HEADER);
	len = block_len(&c, time_len);
	if (len > s.len || !read_block(s, &c, time_len, z))
		return -EINVAL;
	s = str_skip(s, len);
	if (time_len == 8 && eat(&s, '\n')) {
		struct str line;

		str_split(&s, '\n', &line);
		parse_rule(line, z);
	}
	*ret = TAKE(z);
	return 0;
}

/* Nothing that leads out of the folder: letters, digits, "/", "_", "-", "+". */
static bool name_ok(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (i && strchr("/_-+", c))))
			return false;
	}
	return name.len && name.len < 100;
}

int tzone_open(struct str name, struct tzone **ret)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT, bytes = BUF_INIT;
	int r;

	if (str_eqs(name, "UTC")) {
		*ret = NEW(struct tzone);
		(*ret)->has_rule = true;
		return 0;
	}
	if (!name_ok(name))
		return -ENOENT;
	buf_addf(&path, ZONE_DIR "%.*s", STR_ARG(name));
	r = file_read(AT_FDCWD, path.p, FILE_MAX, &bytes);
	if (r < 0)
		return r == -ENOTDIR || r == -EISDIR ? -ENOENT : r;
	return tzone_parse(buf_str(&bytes), ret);
}
