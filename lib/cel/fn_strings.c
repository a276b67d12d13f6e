/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/cel.h"
#include "lib/json/jw.h"

#include <ctype.h>
#include <math.h>
/* Strings (cel-go ext/strings.go): positions count characters, not bytes. */

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

static size_t chars(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Byte offset of character i; s.len at and behind the end. */
static size_t at_char(struct str s, size_t i)
{
	size_t b = 0;

	while (b < s.len && i--)
		for (b++; b < s.len && (s.p[b] & 0xc0) == 0x80; b++)
			;
	return b;
}

static bool charge(struct cel_run *r, struct str s)
{
	return cel_charge(r, s.len / 10);
}

static struct cel_val out_of_range(struct cel_run *r, int64_t i)
{
	return cel_error(r, "index out of range: %" PRId64, i);
}

FN(char_at)
{
	size_t len = chars(a->s), from;

	if (a[1].i < 0 || (uint64_t)a[1].i > len)
		return out_of_range(r, a[1].i);
	from = at_char(a->s, (size_t)a[1].i);
	return cel_str(str_n(a->s.p + from, at_char(str_skip(a->s, from), 1)));
}

FN(index_of)
{
	int64_t from = n > 2 ? a[2].i : 0;
	size_t len = chars(a->s), b;
	const char *hit;

	if (!cel_charge(r, (a[0].s.len / 10 + 1) * (a[1].s.len / 10 + 1)))
		return cel_no_overload();
	if (from < 0 || (uint64_t)from > len)
		return out_of_range(r, from);
	if (!a[1].s.len)
		return cel_int(from);
	b = at_char(a->s, (size_t)from);
	hit = memmem(a->s.p + b, a->s.len - b, a[1].s.p, a[1].s.len);
	return cel_int(hit ? (int64_t)chars(str_n(a->s.p, (size_t)(hit - a->s.p))) : -1);
}

FN(last_index_of)
{
	size_t len = chars(a->s);
	int64_t from = n > 2 ? a[2].i : (int64_t)len;
	size_t b;

	if (!cel_charge(r, (a[0].s.len / 10 + 1) * (a[1].s.len / 10 + 1)))
		return cel_no_overload();
	if (from < 0 || (uint64_t)from > len)
		return out_of_range(r, from);
	if (!a[1].s.len)
		return cel_int(from);
	for (b = at_char(a->s, (size_t)from) + 1; b-- > 0;)
		if (str_starts(str_skip(a->s, b), a[1].s) &&
		    (b == a->s.len || (a->s.p[b] & 0xc0) != 0x80))
			return cel_int((int64_t)chars(str_n(a->s.p, b)));
	return cel_int(-1);
}

static struct cel_val change_case(struct cel_run *r, struct str s, bool upper)
{
	char *p = arena_alloc(r->arena, s.len + 1);

	charge(r, s);
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		p[i] = (char)(c > 127 ? c : upper ? toupper(c) : tolower(c));
	}
	return cel_str(str_n(p, s.len));
}

FN(lower)
{
	return change_case(r, a->s, false);
}
FN(upper)
{
	return change_case(r, a->s, true);
}

FN(replace)
{
	int64_t left = n > 3 ? a[3].i : -1;
	struct str rest = a[0].s;
	struct buf b = BUF_INIT;

	if (!charge(r, rest))
		return cel_no_overload();
	while (left && rest.len && a[1].s.len) {
		const char *hit = memmem(rest.p, rest.len, a[1].s.p, a[1].s.len);

		if (!hit)
			break;
		buf_addstr(&b, str_n(rest.p, (size_t)(hit - rest.p)));
		buf_addstr(&b, a[2].s);
		if (!cel_charge(r, a[2].s.len / 10))
			break;
		rest = str_skip(rest, (size_t)(hit - rest.p) + a[1].s.len);
		left--;
	}
	if (!a[1].s.len) { /* before each character, and at the end */
		for (; left; left--) {
			size_t c = at_char(rest, 1);

			buf_addstr(&b, a[2].s);
			if (!rest.len || !cel_charge(r, a[2].s.len / 10))
				break;
			buf_addstr(&b, str_n(rest.p, c));
			rest = str_skip(rest, c);
		}
	}
	buf_addstr(&b, rest);
	return cel_take_buf(r, &b);
}

FN(split)
{
	int64_t limit = n > 2 ? a[2].i : -1;
	struct str s = a[0].s, sep = a[1].s;
	size_t max = limit < 0 ? s.len + 1 : MIN((size_t)limit, s.len + 1), at = 0;
	struct cel_val *v, list;

	if (!charge(r, s) || !cel_charge(r, max / 10))
		return cel_no_overload();
	if (limit >= 0 && limit <= 1) {
		list = cel_new_list(r, (size_t)limit, &v);
		if (limit)
			v[0] = a[0];
		return list;
	}
	if (sep.len) {
		size_t pieces = 1;

		for (struct str t = s; t.len;) {
			const char *hit = memmem(t.p, t.len, sep.p, sep.len);

			if (!hit)
				break;
			pieces++;
			t = str_skip(t, (size_t)(hit - t.p) + sep.len);
		}
		max = MIN(max, pieces);
	}
	list = cel_new_list(r, MAX(max, (size_t)1), &v);
	while (at + 1 < max && s.len) {
		size_t len = sep.len ? s.len : at_char(s, 1);
		const char *hit = sep.len ? memmem(s.p, s.len, sep.p, sep.len) : NULL;

		if (sep.len && !hit)
			break;
		if (hit)
			len = (size_t)(hit - s.p);
		else if (len == s.len)
			break;
		v[at++] = cel_str(str_n(s.p, len));
		s = str_skip(s, len + sep.len);
	}
	if (sep.len || s.len)
		v[at++] = cel_str(s);
	((struct cel_list *)list.l)->n = at;
	return list;
}

FN(substring)
{
	size_t len = chars(a->s), from, to;
	int64_t end = n > 2 ? a[2].i : (int64_t)len;

	charge(r, a->s);
	if (a[1].i < 0 || (uint64_t)a[1].i > len)
		return out_of_range(r, a[1].i);
	if (end < 0 || (uint64_t)end > len)
		return out_of_range(r, end);
	if (end < a[1].i)
		return cel_error(r, "invalid substring range. start: %" PRId64 ", end: %" PRId64,
				 a[1].i, end);
	from = at_char(a->s, (size_t)a[1].i);
	to = at_char(a->s, (size_t)end);
	return cel_str(str_n(a->s.p + from, to - from));
}

/* Unicode white space at either end. */
static size_t space_at(struct str s)
{
	static const char *const wide[] = {
		"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
		"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
		"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
		"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

	if (s.len && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r')))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (str_starts(s, str_of(wide[i])))
			return strlen(wide[i]);
	return 0;
}

FN(trim)
{
	struct str s = a->s;
	size_t k;

	charge(r, s);
	while ((k = space_at(s)))
		s = str_skip(s, k);
	while (s.len) {
		size_t b = s.len - 1;

		while (b && (s.p[b] & 0xc0) == 0x80)
			b--;
		if (space_at(str_skip(s, b)) != s.len - b)
			break;
		s.len = b;
	}
	return cel_str(s);
}

FN(join)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < cel_size(a); i++) {
		struct cel_val e = cel_at(r, a, i);

		if (e.kind != CEL_STRING || !cel_charge(r, e.s.len / 10)) {
			buf_done(&b);
			return e.kind == CEL_ERR ? e : cel_no_overload();
		}
		if (i && n > 1)
			buf_addstr(&b, a[1].s);
		buf_addstr(&b, e.s);
	}
	return cel_take_buf(r, &b);
}

FN(reverse)
{
	char *p = arena_alloc(r->arena, a->s.len + 1), *at = p + a->s.len;

	charge(r, a->s);
	for (struct str s = a->s; s.len;) {
		size_t c = at_char(s, 1);

		at -= c;
		memcpy(at, s.p, c);
		s = str_skip(s, c);
	}
	return cel_str(str_n(p, a->s.len));
}

FN(quote)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
	struct buf b = BUF_INIT;

	charge(r, a->s);
	buf_addc(&b, '"');
	for (size_t i = 0; i < a->s.len; i++) {
		const char *hit = a->s.p[i] ? strchr(from, a->s.p[i]) : NULL;

		if (hit) {
			buf_addc(&b, '\\');
			buf_addc(&b, to[hit - from]);
		} else {
			buf_addc(&b, a->s.p[i]);
		}
	}
	buf_addc(&b, '"');
	return cel_take_buf(r, &b);
}

/* ---- format ---- */

static void as_literal(struct cel_run *r, const struct cel_val *v, struct buf *out, unsigned depth);

static void map_literal(struct cel_run *r, const struct cel_val *v, struct buf *out, unsigned depth)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < cel_size(v) && cel_charge(r, 1); i++) {
		struct cel_val k = cel_map_key(r, v, i), e;

		buf_adds(out, i ? ", " : "");
		as_literal(r, &k, out, depth + 1);
		buf_adds(out, ": ");
		if (cel_map_get(r, v, &k, &e))
			as_literal(r, &e, out, depth + 1);
	}
	buf_addc(out, '}');
}

static void as_literal(struct cel_run *r, const struct cel_val *v, struct buf *out, unsigned depth)
{
	if (depth > 32)
		return;
	if (v->kind == CEL_LIST) {
		buf_addc(out, '[');
		for (size_t i = 0; i < cel_size(v) && cel_charge(r, 1); i++) {
			struct cel_val e = cel_at(r, v, i);

			buf_adds(out, i ? ", " : "");
			as_literal(r, &e, out, depth + 1);
		}
		buf_addc(out, ']');
	} else if (v->kind == CEL_MAP) {
		map_literal(r, v, out, depth);
	} else {
		cel_text(r, v, out);
	}
}

static void in_base(uint64_t u, bool minus, unsigned base, bool upper_, struct buf *out)
{
	char text[66], *p = text + sizeof(text) - 1;
	const char *digits = upper_ ? "0123456789ABCDEF" : "0123456789abcdef";

	*p = 0;
	do {
		*--p = digits[u % base];
		u /= base;
	} while (u);
	buf_addf(out, "%s%s", minus ? "-" : "", p);
}

static const char *clause_number(char clause, const struct cel_val *v, struct buf *out)
{
	bool minus = v->kind == CEL_INT && v->i < 0;
	uint64_t u = minus ? 0 - (uint64_t)v->i : v->u;
	unsigned base = clause == 'b' ? 2 : clause == 'o' ? 8 : (clause | 32) == 'x' ? 16 : 10;

	if (clause == 'b' && v->kind == CEL_BOOL) {
		buf_addc(out, v->b ? '1' : '0');
		return NULL;
	}
	if (base == 16 && (v->kind == CEL_STRING || v->kind == CEL_BYTES)) {
		for (size_t i = 0; i < v->s.len; i++)
			buf_addf(out, clause == 'X' ? "%02X" : "%02x", (unsigned char)v->s.p[i]);
		return NULL;
	}
	if (clause == 'd' && v->kind == CEL_DOUBLE && (isnan(v->d) || isinf(v->d))) {
		buf_adds(out, isnan(v->d) ? "NaN" : v->d > 0 ? "Infinity" : "-Infinity");
		return NULL;
	}
	if (v->kind != CEL_INT && v->kind != CEL_UINT)
		return "decimal clause can only be used on integers";
	in_base(u, minus, base, clause == 'X', out);
	return NULL;
}

static const char *clause_real(char clause, int precision, const struct cel_val *v, struct buf *out)
{
	double d = v->kind == CEL_DOUBLE ? v->d : v->kind == CEL_INT ? (double)v->i : (double)v->u;

	if (v->kind != CEL_DOUBLE && v->kind != CEL_INT && v->kind != CEL_UINT)
		return "fixed-point clause can only be used on doubles";
	if (isnan(d) || isinf(d))
		buf_adds(out, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
	else if (clause == 'e')
		buf_addf(out, "%.*e", precision, d);
	else
		buf_addf(out, "%.*f", precision, d);
	return NULL;
}

FN(format)
{
	struct str f = a[0].s;
	struct buf b = BUF_INIT;
	const char *wrong = NULL;
	size_t arg = 0;

	charge(r, f);
	for (size_t i = 0; i < f.len && !wrong; i++) {
		int precision = 6;
		struct cel_val v;
		char c;

		if (f.p[i] != '%') {
			buf_addc(&b, f.p[i]);
			continue;
		}
		if (++i < f.len && f.p[i] == '%') {
			buf_addc(&b, '%');
			continue;
		}
		if (i < f.len && f.p[i] == '.')
			for (i++, precision = 0; i < f.len && isdigit((unsigned char)f.p[i]); i++)
				precision = MIN(precision * 10 + (f.p[i] - '0'), 100);
		if (i >= f.len) {
			wrong = "unexpected end of string";
			break;
		}
		c = f.p[i];
		if (arg >= cel_size(&a[1])) {
			buf_done(&b);
			return cel_error(r, "index %zu out of range", arg);
		}
		v = cel_at(r, &a[1], arg++);
		if (v.kind == CEL_ERR || !cel_charge(r, 1)) {
			buf_done(&b);
			return v.kind == CEL_ERR ? v : cel_no_overload();
		}
		if (c == 's')
			as_literal(r, &v, &b, 0);
		else if (strchr("dboxX", c) && c)
			wrong = clause_number(c, &v, &b);
		else if (c == 'f' || c == 'e')
			wrong = clause_real(c, precision, &v, &b);
		else
			wrong = "unrecognized formatting clause";
	}
	if (wrong) {
		buf_done(&b);
		return cel_error(r, "error during formatting: %s", wrong);
	}
	cel_charge(r, b.len / 10);
	return cel_take_buf(r, &b);
}

static const struct cel_def defs[] = {
	{"charAt", "s.i:s", char_at, 0},
	{"indexOf", "s.s:i", index_of, 0},
	{"indexOf", "s.s,i:i", index_of, 0},
	{"lastIndexOf", "s.s:i", last_index_of, 0},
	{"lastIndexOf", "s.s,i:i", last_index_of, 0},
	{"lowerAscii", "s.:s", lower, 1},
	{"upperAscii", "s.:s", upper, 1},
	{"replace", "s.s,s:s", replace, 1},
	{"replace", "s.s,s,i:s", replace, 1},
	{"split", "s.s:ls", split, 1},
	{"split", "s.s,i:ls", split, 1},
	{"substring", "s.i:s", substring, 1},
	{"substring", "s.i,i:s", substring, 1},
	{"trim", "s.:s", trim, 1},
	{"join", "ls.:s", join, 1},
	{"join", "ls.s:s", join, 1},
	{"reverse", "s.:s", reverse, 1},
	{"strings.quote", "s:s", quote, 1},
	{"format", "s.lA:s", format, 1},
};
const struct cel_lib cel_lib_strings = {.defs = defs, .n = ARRAY_SIZE(defs)};
