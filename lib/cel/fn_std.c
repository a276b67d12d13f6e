/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/ast.h"
#include "lib/base/clock.h"
#include "lib/base/regex.h"
#include "lib/sys/tzone.h"

#include <math.h>
/* The standard functions and operators of the language definition. */

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

static struct cel_val overflow(const struct cel_val *a)
{
	return (struct cel_val){.kind = CEL_ERR,
				.s = a->kind == CEL_UINT ? STR("unsigned integer overflow")
							 : STR("integer overflow")};
}

static struct cel_val duration(int64_t ns)
{
	return (struct cel_val){.kind = CEL_DURATION, .i = ns};
}

/* ---- arithmetic ---- */

static struct cel_val time_plus(const struct cel_val *t, int64_t ns)
{
	struct cel_val v = *t;
	int64_t sec = ns / (int64_t)NSEC_PER_SEC, rest = ns % (int64_t)NSEC_PER_SEC + t->t.ns;

	v.t.s += sec;
	if (rest < 0)
		v.t.s--, rest += (int64_t)NSEC_PER_SEC;
	if (rest >= (int64_t)NSEC_PER_SEC)
		v.t.s++, rest -= (int64_t)NSEC_PER_SEC;
	v.t.ns = (int32_t)rest;
	if (v.t.s < -62135596800 || v.t.s > 253402300799)
		return (struct cel_val){.kind = CEL_ERR, .s = STR("timestamp overflow")};
	return v;
}

static struct cel_val add_text(struct cel_run *r, const struct cel_val *a)
{
	size_t len = a[0].s.len + a[1].s.len;
	char *p;

	if (!cel_charge(r, len / 10))
		return cel_no_overload();
	p = arena_alloc(r->arena, len + 1);
	if (a[0].s.len)
		memcpy(p, a[0].s.p, a[0].s.len);
	if (a[1].s.len)
		memcpy(p + a[0].s.len, a[1].s.p, a[1].s.len);
	return (struct cel_val){.kind = a->kind, .s = {p, len}};
}

/* Where elements have an identity, those of b replace or follow those of a. */
static bool merged(struct cel_run *r, const struct cel_type *t, struct cel_val *v, size_t n,
		   const struct cel_val *e)
{
	for (size_t i = 0; i < n; i++) {
		bool eq = true;

		if (!cel_charge(r, 1))
			return true;
		if (t->list == CEL_LIST_SET) {
			eq = cel_equal(r, &v[i], e);
		} else {
			for (size_t k = 0; eq && k < t->n_keys; k++) {
				struct cel_val key = cel_str(t->keys[k]), x, y;
				bool hx = v[i].kind == CEL_MAP && cel_map_get(r, &v[i], &key, &x);
				bool hy = e->kind == CEL_MAP && cel_map_get(r, e, &key, &y);

				eq = hx == hy && (!hx || cel_equal(r, &x, &y));
			}
		}
		if (eq) {
			v[i] = *e;
			return true;
		}
	}
	return false;
}

static struct cel_val add_lists(struct cel_run *r, const struct cel_val *a)
{
	const struct cel_type *t = a[0].l->type;
	size_t n = a[0].l->n + a[1].l->n, at = 0;
	struct cel_val *v, list;

	if (!cel_charge(r, n / 10))
		return cel_no_overload();
	list = cel_new_list(r, n, &v);
	for (size_t i = 0; i < a[0].l->n; i++)
		v[at++] = cel_at(r, &a[0], i);
	for (size_t i = 0; i < a[1].l->n; i++) {
		struct cel_val e = cel_at(r, &a[1], i);

		if (!t || t->list == CEL_LIST_PLAIN || !merged(r, t, v, at, &e))
			v[at++] = e;
	}
	((struct cel_list *)list.l)->n = at;
	((struct cel_list *)list.l)->type = t;
	return list;
}

FN(op_add)
{
	struct cel_val v = a[0];

	switch ((enum cel_kind)a->kind) {
	case CEL_INT:
		return __builtin_add_overflow(a[0].i, a[1].i, &v.i) ? overflow(a) : v;
	case CEL_UINT:
		return __builtin_add_overflow(a[0].u, a[1].u, &v.u) ? overflow(a) : v;
	case CEL_DOUBLE:
		return cel_double(a[0].d + a[1].d);
	case CEL_STRING:
	case CEL_BYTES:
		return add_text(r, a);
	case CEL_LIST:
		return add_lists(r, a);
	case CEL_TIME:
		return time_plus(&a[0], a[1].i);
	case CEL_DURATION:
		if (a[1].kind == CEL_TIME)
			return time_plus(&a[1], a[0].i);
		return __builtin_add_overflow(a[0].i, a[1].i, &v.i) ? overflow(a) : v;
	default:
		return cel_no_overload();
	}
}

FN(op_sub)
{
	struct cel_val v = a[0];
	int64_t ns;

	switch ((enum cel_kind)a->kind) {
	case CEL_INT:
		return __builtin_sub_overflow(a[0].i, a[1].i, &v.i) ? overflow(a) : v;
	case CEL_UINT:
		return __builtin_sub_overflow(a[0].u, a[1].u, &v.u) ? overflow(a) : v;
	case CEL_DOUBLE:
		return cel_double(a[0].d - a[1].d);
	case CEL_TIME:
		if (a[1].kind == CEL_DURATION)
			return a[1].i == INT64_MIN ? overflow(a) : time_plus(&a[0], -a[1].i);
		if (__builtin_mul_overflow(a[0].t.s - a[1].t.s, (int64_t)NSEC_PER_SEC, &ns) ||
		    __builtin_add_overflow(ns, a[0].t.ns - a[1].t.ns, &ns))
			return overflow(a);
		return duration(ns);
	case CEL_DURATION:
		return __builtin_sub_overflow(a[0].i, a[1].i, &v.i) ? overflow(a) : v;
	default:
		return cel_no_overload();
	}
}

FN(op_mul)
{
	struct cel_val v = a[0];

	if (a->kind == CEL_INT)
		return __builtin_mul_overflow(a[0].i, a[1].i, &v.i) ? overflow(a) : v;
	if (a->kind == CEL_UINT)
		return __builtin_mul_overflow(a[0].u, a[1].u, &v.u) ? overflow(a) : v;
	return cel_double(a[0].d * a[1].d);
}

FN(op_div)
{
	if (a->kind == CEL_DOUBLE)
		return cel_double(a[0].d / a[1].d);
	if (!a[1].u)
		return cel_error(r, "division by zero");
	if (a->kind == CEL_UINT)
		return cel_uint(a[0].u / a[1].u);
	return a[0].i == INT64_MIN && a[1].i == -1 ? overflow(a) : cel_int(a[0].i / a[1].i);
}

FN(op_mod)
{
	if (!a[1].u)
		return cel_error(r, "modulus by zero");
	if (a->kind == CEL_UINT)
		return cel_uint(a[0].u % a[1].u);
	return a[0].i == INT64_MIN && a[1].i == -1 ? overflow(a) : cel_int(a[0].i % a[1].i);
}

FN(op_neg)
{
	if (a->kind == CEL_DOUBLE)
		return cel_double(-a->d);
	return a->i == INT64_MIN ? overflow(a) : cel_int(-a->i);
}

/* ---- comparisons ---- */

static uint64_t text_cost(const struct cel_val *a)
{
	if (a[0].kind != CEL_STRING && a[0].kind != CEL_BYTES)
		return 0;
	return MIN(a[0].s.len, a[1].kind == a[0].kind ? a[1].s.len : (size_t)0) / 10;
}

FN(op_eq)
{
	cel_charge(r, text_cost(a));
	return cel_bool(cel_equal(r, &a[0], &a[1]));
}

FN(op_ne)
{
	cel_charge(r, text_cost(a));
	return cel_bool(!cel_equal(r, &a[0], &a[1]));
}

static struct cel_val order(struct cel_run *r, const struct cel_val *a, bool lt, bool eq, bool gt)
{
	int c = cel_compare(&a[0], &a[1]);

	cel_charge(r, text_cost(a));
	if (c == 2) /* NaN has no order */
		return a[0].kind == CEL_DOUBLE || a[1].kind == CEL_DOUBLE ? cel_bool(false)
									  : cel_no_overload();
	return cel_bool(c < 0 ? lt : c > 0 ? gt : eq);
}

FN(op_lt)
{
	return order(r, a, true, false, false);
}
FN(op_le)
{
	return order(r, a, true, true, false);
}
FN(op_gt)
{
	return order(r, a, false, false, true);
}
FN(op_ge)
{
	return order(r, a, false, true, true);
}

FN(op_in)
{
	struct cel_val got;

	if (a[1].kind == CEL_MAP) {
		struct cel_map plain = *a[1].m;
		struct cel_val map = {.kind = CEL_MAP, .m = &plain};

		plain.otherwise = NULL;
		r->steps += plain.json ? 0 : plain.n;
		return cel_bool(cel_map_get(r, &map, &a[0], &got));
	}
	for (size_t i = 0; i < a[1].l->n; i++) {
		struct cel_val e = cel_at(r, &a[1], i);

		if (!cel_charge(r, 1))
			return cel_no_overload();
		if (cel_equal(r, &e, &a[0]))
			return cel_bool(true);
	}
	return cel_bool(false);
}

/* ---- sizes and texts ---- */

static size_t code_points(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

FN(fn_size)
{
	if (a->kind == CEL_STRING) {
		cel_charge(r, a->s.len / 10);
		return cel_int((int64_t)code_points(a->s));
	}
	return cel_int((int64_t)(a->kind == CEL_BYTES ? a->s.len : cel_size(a)));
}

FN(fn_contains)
{
	if (!cel_charge(r, (a[0].s.len / 10 + 1) * (a[1].s.len / 10 + 1)))
		return cel_no_overload();
	return cel_bool(!a[1].s.len || memmem(a[0].s.p, a[0].s.len, a[1].s.p, a[1].s.len));
}

FN(fn_starts)
{
	cel_charge(r, a[1].s.len / 10);
	return cel_bool(str_starts(a[0].s, a[1].s));
}

FN(fn_ends)
{
	cel_charge(r, a[1].s.len / 10);
	return cel_bool(str_ends(a[0].s, a[1].s));
}

FN(fn_matches)
{
	struct cel_val e;
	const struct rx *rx;
	uint64_t steps = 0;
	bool yes;

	/* cel-go counts a quarter of a unit for a character of the pattern. */
	if (!cel_charge(r, (a[0].s.len / 10 + 1) * (a[1].s.len / 4 + 1)))
		return cel_no_overload();
	rx = cel_regex(r, a[1].s, &e);
	if (!rx)
		return e;
	yes = rx_match_steps(rx, a[0].s, &steps);
	r->steps += steps / 8;
	return cel_bool(yes);
}

/* ---- conversions ---- */

FN(fn_dyn)
{
	return a[0];
}

FN(fn_type)
{
	static const struct cel_type *const types[CEL_KIND_MAX] = {
		[CEL_NULL] = &cel_t_null,         [CEL_BOOL] = &cel_t_bool,
		[CEL_INT] = &cel_t_int,           [CEL_UINT] = &cel_t_uint,
		[CEL_DOUBLE] = &cel_t_double,     [CEL_STRING] = &cel_t_string,
		[CEL_BYTES] = &cel_t_bytes,       [CEL_LIST] = &cel_t_list_dyn,
		[CEL_MAP] = &cel_t_map_dyn,       [CEL_TIME] = &cel_t_time,
		[CEL_DURATION] = &cel_t_duration, [CEL_TYPE] = &cel_t_type};
	static const struct cel_type optional = {.kind = CEL_OPTIONAL, .a = &cel_t_dyn};
	const struct cel_type *t = types[a->kind];

	if (a->kind == CEL_OPTIONAL)
		t = &optional;
	if (a->kind == CEL_MAP && a->m->type && a->m->type->open)
		t = a->m->type;
	if (a->kind == CEL_HOST) {
		struct cel_type *h = ARENA_NEW(r->arena, struct cel_type);

		h->kind = CEL_HOST;
		h->name = a->h.ops->name;
		t = h;
	}
	return (struct cel_val){.kind = CEL_TYPE, .type = t};
}

FN(fn_int)
{
	int64_t i;

	switch ((enum cel_kind)a->kind) {
	case CEL_UINT:
		return a->u > INT64_MAX ? overflow(&(struct cel_val){.kind = CEL_INT})
					: cel_int((int64_t)a->u);
	case CEL_DOUBLE:
		if (!(a->d > -9223372036854775808.0 && a->d < 9223372036854775808.0))
			return overflow(&(struct cel_val){.kind = CEL_INT});
		return cel_int((int64_t)a->d);
	case CEL_STRING:
		if (str_to_i64(a->s, &i) < 0)
			return cel_error(r, "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
					 STR_ARG(a->s));
		return cel_int(i);
	case CEL_TIME:
		return cel_int(a->t.s);
	default:
		return cel_int(a->i);
	}
}

FN(fn_uint)
{
	uint64_t u;

	switch ((enum cel_kind)a->kind) {
	case CEL_INT:
		return a->i < 0 ? overflow(&(struct cel_val){.kind = CEL_UINT})
				: cel_uint((uint64_t)a->i);
	case CEL_DOUBLE:
		if (!(a->d >= 0 && a->d < 18446744073709551616.0))
			return overflow(&(struct cel_val){.kind = CEL_UINT});
		return cel_uint((uint64_t)a->d);
	case CEL_STRING:
		if (str_to_u64(a->s, &u) < 0)
			return cel_error(r, "strconv.ParseUint: parsing \"%.*s\": invalid syntax",
					 STR_ARG(a->s));
		return cel_uint(u);
	default:
		return a[0];
	}
}

FN(fn_double)
{
	char text[400], *end;
	double d;

	switch ((enum cel_kind)a->kind) {
	case CEL_INT:
		return cel_double((double)a->i);
	case CEL_UINT:
		return cel_double((double)a->u);
	case CEL_STRING:
		if (str_copy(text, sizeof(text), a->s) < 0 || !*text ||
		    strspn(text, "0123456789+-.eEinfaNIynt") != strlen(text))
			return cel_error(r, "strconv.ParseFloat: parsing \"%.*s\": invalid syntax",
					 STR_ARG(a->s));
		d = strtod(text, &end);
		if (*end)
			return cel_error(r, "strconv.ParseFloat: parsing \"%.*s\": invalid syntax",
					 STR_ARG(a->s));
		return cel_double(d);
	default:
		return a[0];
	}
}

static bool valid_utf8(struct str s)
{
	for (size_t i = 0; i < s.len;) {
		unsigned char c = (unsigned char)s.p[i];
		size_t len = c < 0x80                ? 1
			     : c >= 0xc2 && c < 0xe0 ? 2
			     : c >= 0xe0 && c < 0xf0 ? 3
			     : c >= 0xf0 && c < 0xf5 ? 4
						     : 0;

		if (!len || i + len > s.len)
			return false;
		for (size_t k = 1; k < len; k++)
			if ((s.p[i + k] & 0xc0) != 0x80)
				return false;
		if ((c == 0xe0 && (unsigned char)s.p[i + 1] < 0xa0) ||
		    (c == 0xed && (unsigned char)s.p[i + 1] >= 0xa0) ||
		    (c == 0xf0 && (unsigned char)s.p[i + 1] < 0x90) ||
		    (c == 0xf4 && (unsigned char)s.p[i + 1] >= 0x90))
			return false;
		i += len;
	}
	return true;
}

FN(fn_string)
{
	struct buf b = BUF_INIT;

	if (a->kind == CEL_STRING)
		return a[0];
	if (a->kind == CEL_BYTES && !valid_utf8(a->s))
		return cel_error(r, "invalid UTF-8 in bytes, cannot convert to string");
	cel_text(r, a, &b);
	return cel_take_buf(r, &b);
}

FN(fn_bytes)
{
	return (struct cel_val){.kind = CEL_BYTES, .s = a->s};
}

FN(fn_bool)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	if (a->kind == CEL_BOOL)
		return a[0];
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (str_eqs(a->s, yes[i]) || str_eqs(a->s, no[i]))
			return cel_bool(str_eqs(a->s, yes[i]));
	return cel_error(r, "strconv.ParseBool: parsing \"%.*s\": invalid syntax", STR_ARG(a->s));
}

FN(fn_timestamp)
{
	struct cel_val v;

	if (a->kind == CEL_TIME)
		return a[0];
	if (a->kind == CEL_INT)
		return time_plus(&(struct cel_val){.kind = CEL_TIME, .t = {a->i, 0}}, 0);
	if (!cel_time_parse(a->s, &v))
		return cel_error(r, "parsing time \"%.*s\" as RFC 3339", STR_ARG(a->s));
	return v;
}

FN(fn_duration)
{
	struct cel_val v;

	if (a->kind == CEL_DURATION)
		return a[0];
	if (a->kind == CEL_INT)
		return duration(a->i);
	if (!cel_duration_parse(a->s, &v))
		return cel_error(r, "time: invalid duration \"%.*s\"", STR_ARG(a->s));
	return v;
}

/* ---- parts of times ---- */

/* "+02:00", "02:00", "-8:00" as seconds. */
static bool offset_parse(struct str s, int64_t *ret)
{
	bool minus = s.len && s.p[0] == '-';
	ssize_t colon = str_chr(s, ':');
	uint64_t h, m;

	if (s.len && (s.p[0] == '-' || s.p[0] == '+')) {
		s = str_skip(s, 1);
		colon--;
	}
	if (colon < 1 || str_to_u64(str_n(s.p, (size_t)colon), &h) < 0 ||
	    str_to_u64(str_skip(s, (size_t)colon + 1), &m) < 0 || h > 23 || m > 59)
		return false;
	*ret = (int64_t)(h * 3600 + m * 60) * (minus ? -1 : 1);
	return true;
}

static struct cel_val parts(struct cel_run *r, const struct cel_val *a, size_t n, struct tm *tm)
{
	int64_t off = 0;
	time_t t;

	if (n > 1 && !str_eqs(a[1].s, "UTC") && !offset_parse(a[1].s, &off)) {
		struct tzone *z = NULL;

		if (tzone_open(a[1].s, &z) < 0)
			return cel_error(r, "unknown time zone %.*s", STR_ARG(a[1].s));
		off = tzone_offset(z, a[0].t.s);
		tzone_free(z);
	}
	t = a[0].t.s + off;
	gmtime_r(&t, tm);
	return CEL_VAL_NULL;
}

#define PART(name, expr)                                        \
	FN(name)                                                \
	{                                                       \
		struct tm tm;                                   \
		struct cel_val e = parts(r, a, n, &tm);         \
                                                                \
		return e.kind == CEL_ERR ? e : cel_int((expr)); \
	}
PART(get_year, tm.tm_year + 1900)
PART(get_month, tm.tm_mon)
PART(get_date, tm.tm_mday)
PART(get_day_of_month, tm.tm_mday - 1)
PART(get_day_of_week, tm.tm_wday)
PART(get_day_of_year, tm.tm_yday)
PART(get_hours, tm.tm_hour)
PART(get_minutes, tm.tm_min)
PART(get_seconds, tm.tm_sec)
PART(get_millis, a[0].t.ns / 1000000)

FN(dur_hours)
{
	return cel_int(a->i / (3600 * (int64_t)NSEC_PER_SEC));
}
FN(dur_minutes)
{
	return cel_int(a->i / (60 * (int64_t)NSEC_PER_SEC));
}
FN(dur_seconds)
{
	return cel_int(a->i / (int64_t)NSEC_PER_SEC);
}
FN(dur_millis)
{
	return cel_int(a->i / 1000000 % 1000);
}

#define ORDERED(op, fn)                                                                         \
	{op, "i,i:b", fn, 0}, {op, "u,u:b", fn, 0}, {op, "d,d:b", fn, 0}, {op, "i,u:b", fn, 0}, \
		{op, "i,d:b", fn, 0}, {op, "u,i:b", fn, 0}, {op, "u,d:b", fn, 0},               \
		{op, "d,i:b", fn, 0}, {op, "d,u:b", fn, 0}, {op, "s,s:b", fn, 0},               \
		{op, "y,y:b", fn, 0}, {op, "b,b:b", fn, 0}, {op, "t,t:b", fn, 0},               \
	{                                                                                       \
		op, "r,r:b", fn, 0                                                              \
	}
#define PARTS(name, fn)              \
	{name, "t.:i", fn, 0},       \
	{                            \
		name, "t.s:i", fn, 0 \
	}

static const struct cel_def defs[] = {
	{"_+_", "i,i:i", op_add, 0},
	{"_+_", "u,u:u", op_add, 0},
	{"_+_", "d,d:d", op_add, 0},
	{"_+_", "s,s:s", op_add, 0},
	{"_+_", "y,y:y", op_add, 0},
	{"_+_", "lA,lA:lA", op_add, 0},
	{"_+_", "t,r:t", op_add, 0},
	{"_+_", "r,t:t", op_add, 0},
	{"_+_", "r,r:r", op_add, 0},
	{"_-_", "i,i:i", op_sub, 0},
	{"_-_", "u,u:u", op_sub, 0},
	{"_-_", "d,d:d", op_sub, 0},
	{"_-_", "t,t:r", op_sub, 0},
	{"_-_", "t,r:t", op_sub, 0},
	{"_-_", "r,r:r", op_sub, 0},
	{"_*_", "i,i:i", op_mul, 0},
	{"_*_", "u,u:u", op_mul, 0},
	{"_*_", "d,d:d", op_mul, 0},
	{"_/_", "i,i:i", op_div, 0},
	{"_/_", "u,u:u", op_div, 0},
	{"_/_", "d,d:d", op_div, 0},
	{"_%_", "i,i:i", op_mod, 0},
	{"_%_", "u,u:u", op_mod, 0},
	{"-_", "i:i", op_neg, 0},
	{"-_", "d:d", op_neg, 0},
	{"_==_", "A,A:b", op_eq, 0},
	{"_!=_", "A,A:b", op_ne, 0},
	ORDERED("_<_", op_lt),
	ORDERED("_<=_", op_le),
	ORDERED("_>_", op_gt),
	ORDERED("_>=_", op_ge),
	{"@in", "A,lA:b", op_in, 0},
	{"@in", "A,mAB:b", op_in, 0},
	{"size", "s:i", fn_size, 0},
	{"size", "y:i", fn_size, 0},
	{"size", "lA:i", fn_size, 0},
	{"size", "mAB:i", fn_size, 0},
	{"size", "s.:i", fn_size, 0},
	{"size", "y.:i", fn_size, 0},
	{"size", "lA.:i", fn_size, 0},
	{"size", "mAB.:i", fn_size, 0},
	{"contains", "s.s:b", fn_contains, 0},
	{"startsWith", "s.s:b", fn_starts, 0},
	{"endsWith", "s.s:b", fn_ends, 0},
	{"matches", "s.s:b", fn_matches, 0},
	{"matches", "s,s:b", fn_matches, 0},
	{"dyn", "A:D", fn_dyn, 0},
	{"type", "A:T", fn_type, 0},
	{"int", "i:i", fn_int, 0},
	{"int", "u:i", fn_int, 0},
	{"int", "d:i", fn_int, 0},
	{"int", "s:i", fn_int, 0},
	{"int", "t:i", fn_int, 0},
	{"uint", "u:u", fn_uint, 0},
	{"uint", "i:u", fn_uint, 0},
	{"uint", "d:u", fn_uint, 0},
	{"uint", "s:u", fn_uint, 0},
	{"double", "d:d", fn_double, 0},
	{"double", "i:d", fn_double, 0},
	{"double", "u:d", fn_double, 0},
	{"double", "s:d", fn_double, 0},
	{"string", "s:s", fn_string, 0},
	{"string", "b:s", fn_string, 0},
	{"string", "i:s", fn_string, 0},
	{"string", "u:s", fn_string, 0},
	{"string", "d:s", fn_string, 0},
	{"string", "y:s", fn_string, 1},
	{"string", "t:s", fn_string, 0},
	{"string", "r:s", fn_string, 0},
	{"bytes", "s:y", fn_bytes, 1},
	{"bytes", "y:y", fn_bytes, 0},
	{"bool", "b:b", fn_bool, 0},
	{"bool", "s:b", fn_bool, 0},
	{"timestamp", "s:t", fn_timestamp, 0},
	{"timestamp", "t:t", fn_timestamp, 0},
	{"timestamp", "i:t", fn_timestamp, 0},
	{"duration", "s:r", fn_duration, 0},
	{"duration", "r:r", fn_duration, 0},
	{"duration", "i:r", fn_duration, 0},
	PARTS("getFullYear", get_year),
	PARTS("getMonth", get_month),
	PARTS("getDate", get_date),
	PARTS("getDayOfMonth", get_day_of_month),
	PARTS("getDayOfWeek", get_day_of_week),
	PARTS("getDayOfYear", get_day_of_year),
	PARTS("getHours", get_hours),
	PARTS("getMinutes", get_minutes),
	PARTS("getSeconds", get_seconds),
	PARTS("getMilliseconds", get_millis),
	{"getHours", "r.:i", dur_hours, 0},
	{"getMinutes", "r.:i", dur_minutes, 0},
	{"getSeconds", "r.:i", dur_seconds, 0},
	{"getMilliseconds", "r.:i", dur_millis, 0},
};

const struct cel_lib cel_lib_std = {.defs = defs, .n = ARRAY_SIZE(defs)};
