/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/jw.h"

#include <math.h>

struct jw jw_start(struct buf *out)
{
	return (struct jw){.out = out};
}

static void before_value(struct jw *w)
{
	uint64_t bit = 1ull << w->depth;

	if (w->after_key)
		w->after_key = false;
	else if (w->has_items & bit)
		buf_addc(w->out, ',');
	w->has_items |= bit;
}

static void begin(struct jw *w, char c)
{
	before_value(w);
	buf_addc(w->out, c);
	w->depth++;
	assert(w->depth < 64);
	w->has_items &= ~(1ull << w->depth);
}

static void end(struct jw *w, char c)
{
	assert(w->depth && !w->after_key);
	w->depth--;
	buf_addc(w->out, c);
}

void jw_begin_object(struct jw *w)
{
	begin(w, '{');
}

void jw_end_object(struct jw *w)
{
	end(w, '}');
}

void jw_begin_array(struct jw *w)
{
	begin(w, '[');
}

void jw_end_array(struct jw *w)
{
	end(w, ']');
}

void jw_keyn(struct jw *w, struct str name)
{
	assert(!w->after_key);
	before_value(w);
	json_quote(name, w->out);
	buf_addc(w->out, ':');
	w->after_key = true;
}

void jw_key(struct jw *w, const char *name)
{
	jw_keyn(w, str_of(name));
}

void jw_str(struct jw *w, struct str s)
{
	before_value(w);
	if (s.p)
		json_quote(s, w->out);
	else
		buf_adds(w->out, "null");
}

void jw_i64(struct jw *w, int64_t v)
{
	before_value(w);
	if (v < 0)
		buf_addc(w->out, '-');
	buf_addu64(w->out, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void jw_u64(struct jw *w, uint64_t v)
{
	before_value(w);
	buf_addu64(w->out, v);
}

void jw_double(struct jw *w, double v)
{
	before_value(w);
	json_double(v, w->out);
}

void jw_bool(struct jw *w, bool v)
{
	before_value(w);
	buf_adds(w->out, v ? "true" : "false");
}

void jw_null(struct jw *w)
{
	before_value(w);
	buf_adds(w->out, "null");
}

void jw_raw(struct jw *w, struct str json)
{
	before_value(w);
	buf_addstr(w->out, json);
}

#define EACH(byte) (0x0101010101010101ull * (byte))

/* Where the bytes from `at` on first need an escape; eight at a time while none does. */
static size_t plain_until(struct str s, size_t at)
{
	for (; at + 8 <= s.len; at += 8) {
		uint64_t w, q, b;

		memcpy(&w, s.p + at, 8);
		q = w ^ EACH('"');
		b = w ^ EACH('\\');
		if ((((w - EACH(0x20)) & ~w) | ((q - EACH(1)) & ~q) | ((b - EACH(1)) & ~b)) &
		    EACH(0x80))
			break;
	}
	while (at < s.len && (uint8_t)s.p[at] >= 0x20 && s.p[at] != '"' && s.p[at] != '\\')
		at++;
	return at;
}

void json_quote(struct str s, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t from = 0;

	buf_reserve(out, s.len + 2);
	buf_addc(out, '"');
	for (size_t i = 0; (i = plain_until(s, i)) < s.len; i++) {
		uint8_t c = (uint8_t)s.p[i];
		const char *e = NULL;

		buf_add(out, s.p + from, i - from);
		from = i + 1;
		switch (c) {
		case '"':
			e = "\\\"";
			break;
		case '\\':
			e = "\\\\";
			break;
		case '\n':
			e = "\\n";
			break;
		case '\t':
			e = "\\t";
			break;
		case '\r':
			e = "\\r";
			break;
		default:
			buf_adds(out, "\\u00");
			buf_addc(out, hex[c >> 4]);
			buf_addc(out, hex[c & 15]);
		}
		if (e)
			buf_adds(out, e);
	}
	buf_add(out, s.p + from, s.len - from);
	buf_addc(out, '"');
}

void json_double(double v, struct buf *out)
{
	char t[40];

	if (!isfinite(v)) {
		buf_adds(out, "null");
		return;
	}
	if (v == floor(v) && fabs(v) < 1e15) {
		buf_addf(out, "%.0f", v);
		return;
	}
	for (int precision = 1; precision <= 17; precision++) {
		snprintf(t, sizeof(t), "%.*g", precision, v);
		if (strtod(t, NULL) == v)
			break;
	}
	buf_adds(out, t);
}
