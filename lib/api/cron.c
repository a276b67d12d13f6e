/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/cron.h"
#include "lib/base/clock.h"

struct bounds {
	int min, max;
	const char *const *names; /* of min, min + 1, ... */
};
static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
					  "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const struct bounds minutes = {0, 59, NULL}, hours = {0, 23, NULL}, days = {1, 31, NULL},
			   months = {1, 12, month_names}, weekdays = {0, 6, day_names};

static int bad(struct err *err, const char *what, struct str text)
{
	return err_set(err, EINVAL, NULL, "%s: %.*s", what, STR_ARG(text));
}

static int number(struct str s, int *ret, struct err *err)
{
	int64_t n;

	if (str_to_i64(s, &n) < 0 || n > INT32_MAX || n < INT32_MIN)
		return err_set(err, EINVAL, NULL,
			       "failed to parse int from %.*s: strconv.Atoi: parsing \"%.*s\": "
			       "invalid syntax",
			       STR_ARG(s), STR_ARG(s));
	if (n < 0)
		return err_set(err, EINVAL, NULL, "negative number (%" PRId64 ") not allowed: %.*s",
			       n, STR_ARG(s));
	*ret = (int)n;
	return 0;
}

static int number_or_name(struct str s, const struct bounds *b, int *ret, struct err *err)
{
	for (int i = 0; b->names && b->names[i]; i++)
		if (str_eq_nocase(s, str_of(b->names[i]))) {
			*ret = b->min + i;
			return 0;
		}
	return number(s, ret, err);
}

static size_t count(struct str s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.p[i] == c;
	return n;
}

static int check_range(struct str expr, const struct bounds *b, int start, int end, int step,
		       struct err *err)
{
	if (start < b->min)
		return err_set(err, EINVAL, NULL,
			       "beginning of range (%d) below minimum (%d): %.*s", start, b->min,
			       STR_ARG(expr));
	if (end > b->max)
		return err_set(err, EINVAL, NULL, "end of range (%d) above maximum (%d): %.*s", end,
			       b->max, STR_ARG(expr));
	if (start > end)
		return err_set(err, EINVAL, NULL,
			       "beginning of range (%d) beyond end of range (%d): %.*s", start, end,
			       STR_ARG(expr));
	if (!step)
		return bad(err, "step of range should be a positive number", expr);
	return 0;
}

/* "5", "1-5", "*", "1-30/2", "10/5" (from 10 on). */
static int range(struct str expr, const struct bounds *b, uint64_t *bits, bool *any,
		 struct err *err)
{
	struct str rest = expr, part, low;
	int start, end, step = 1, r = 0;
	bool star = false, single;

	str_split(&rest, '/', &part);
	single = count(part, '-') == 0;
	if (count(part, '-') > 1)
		return bad(err, "too many hyphens", expr);
	if (count(expr, '/') > 1)
		return bad(err, "too many slashes", expr);
	if (str_eqs(part, "*") || str_eqs(part, "?")) {
		start = b->min;
		end = b->max;
		star = true;
	} else {
		str_split(&part, '-', &low);
		r = number_or_name(low, b, &start, err);
		end = start;
		if (r == 0 && !single)
			r = number_or_name(part, b, &end, err);
	}
	if (r == 0 && rest.p) {
		r = number(rest, &step, err);
		if (single && !star)
			end = b->max;
		star &= step <= 1;
	}
	if (r == 0)
		r = check_range(expr, b, start, end, step, err);
	for (int i = start; r == 0 && i <= end; i += step)
		*bits |= 1ull << i;
	*any |= star;
	return r;
}

static int field(struct str text, const struct bounds *b, uint64_t *bits, bool *any,
		 struct err *err)
{
	struct str rest = text, one;
	int r = 0;

	while (r == 0 && str_split(&rest, ',', &one))
		if (one.len)
			r = range(one, b, bits, any, err);
	return r;
}

static int descriptor(struct str text, struct cron *c, struct err *err)
{
	static const struct {
		const char *name, *means;
	} known[] = {
		{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
		{"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
		{"@hourly", "0 * * * *"},
	};
	int64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eqs(text, known[i].name))
			return cron_parse(str_of(known[i].means), c, err);
	if (!str_starts(text, STR("@every ")))
		return bad(err, "unrecognized descriptor", text);
	if (duration_parse(str_skip(text, 7), &ns) < 0)
		return err_set(err, EINVAL, NULL,
			       "failed to parse duration %.*s: time: invalid duration \"%.*s\"",
			       STR_ARG(text), STR_ARG(str_skip(text, 7)));
	c->every_s = MAX(ns / (int64_t)NSEC_PER_SEC, (int64_t)1);
	return 0;
}

/* The pieces between white space; how many there are, at most `max` of them in v. */
static size_t fields(struct str s, struct str *v, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len;) {
		size_t at;

		while (i < s.len && strchr(" \t\r\n", s.p[i]))
			i++;
		at = i;
		while (i < s.len && !strchr(" \t\r\n", s.p[i]))
			i++;
		if (i == at)
			break;
		if (n < max)
			v[n] = str_n(s.p + at, i - at);
		n++;
	}
	return n;
}

int cron_parse(struct str text, struct cron *ret, struct err *err)
{
	struct cron c = {0};
	struct str v[5];
	bool any = false;
	size_t n;
	int r;

	if (!text.len)
		return err_set(err, EINVAL, NULL, "empty spec string");
	if (memchr(text.p, 0, text.len))
		return err_set(err, EINVAL, NULL, "a NUL in a schedule");
	if (text.p[0] == '@') {
		r = descriptor(text, &c, err);
		if (r == 0)
			*ret = c;
		return r;
	}
	n = fields(text, v, ARRAY_SIZE(v));
	if (n != ARRAY_SIZE(v))
		return err_set(err, EINVAL, NULL, "expected exactly 5 fields, found %zu: [%.*s]", n,
			       STR_ARG(text));
	if ((r = field(v[0], &minutes, &c.minute, &any, err)) < 0 ||
	    (r = field(v[1], &hours, &c.hour, &any, err)) < 0 ||
	    (r = field(v[2], &days, &c.day, &c.any_day, err)) < 0 ||
	    (r = field(v[3], &months, &c.month, &any, err)) < 0 ||
	    (r = field(v[4], &weekdays, &c.weekday, &c.any_weekday, err)) < 0)
		return r;
	*ret = c;
	return 0;
}

static bool day_matches(const struct cron *c, const struct civil *t)
{
	bool day = c->day >> t->day & 1, weekday = c->weekday >> t->weekday & 1;

	return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

/* Midnight of a later day; where the clock skips it, the first hour there is. */
static int64_t midnight(const struct tzone *z, struct civil t, int months_on, int days_on)
{
	struct civil got;
	int64_t at;

	t.month += months_on;
	t.day = months_on ? 1 : t.day + days_on;
	t.hour = t.minute = t.second = 0;
	at = civil_unix(z, &t);
	civil_of(z, at, &got);
	if (got.hour > 12)
		at += (int64_t)(24 - got.hour) * 3600;
	else if (got.hour > 0)
		at -= (int64_t)got.hour * 3600;
	return at;
}

int64_t cron_next(const struct cron *c, const struct tzone *z, int64_t after_s)
{
	struct civil t;
	int64_t at, limit_year;

	if (c->every_s)
		return after_s + c->every_s;
	/* The next whole minute of the wall (offsets with seconds are history, but exist). */
	civil_of(z, after_s, &t);
	at = after_s + 60 - t.second;
	limit_year = t.year + 5;
	for (;;) {
		int64_t was = at;

		civil_of(z, at, &t);
		if (t.year > limit_year)
			return 0;
		if (!(c->month >> t.month & 1))
			at = midnight(z, t, 1, 0);
		else if (!day_matches(c, &t))
			at = midnight(z, t, 0, 1);
		else if (!(c->hour >> t.hour & 1))
			at += 3600 - (int64_t)t.minute * 60 - t.second;
		else if (!(c->minute >> t.minute & 1))
			at += 60 - t.second;
		else
			return at;
		if (at <= was) /* never back, whatever a zone says */
			at = was + 3600;
	}
}
