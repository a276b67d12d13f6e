/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/jv.h"
#include "lib/json/jv_skip.h"

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

static const char *skip_value(const char *p, const char *end)
{
	if (p >= end)
		return end;
	if (*p == '"')
		return jv_skip_string(p, end);
	if (*p == '{' || *p == '[')
		return jv_skip_nested(p, end);
	/* A number or a word. */
	while (p<end && * p> ' ' && *p != ',' && *p != ':' && *p != ']' && *p != '}')
		p++;
	return p;
}

struct jv jv_of(struct str json)
{
	const char *end = json.p + json.len, *p;

	if (!json.p)
		return JV_NONE;
	p = skip_space(json.p, end);
	return p < end ? (struct jv){p, end} : JV_NONE;
}

enum jv_type jv_type(struct jv v)
{
	if (!v.p || v.p >= v.end)
		return JV_ABSENT;
	switch (*v.p) {
	case '{':
		return JV_OBJECT;
	case '[':
		return JV_ARRAY;
	case '"':
		return JV_STRING;
	case 't':
	case 'f':
		return JV_BOOL;
	case 'n':
		return JV_NULL;
	default:
		return JV_NUMBER;
	}
}

bool jv_exists(struct jv v)
{
	return jv_type(v) > JV_NULL;
}

struct str jv_raw(struct jv v)
{
	if (!v.p)
		return STR_NULL;
	return str_n(v.p, (size_t)(skip_value(v.p, v.end) - v.p));
}

struct jv_iter jv_iter_start(struct jv v, bool want_object)
{
	struct jv_iter it = {.is_object = want_object};

	if (jv_type(v) != (want_object ? JV_OBJECT : JV_ARRAY))
		return it;
	it.next_p = skip_space(v.p + 1, v.end);
	it.end_p = v.end;
	return it;
}

bool jv_iter_next(struct jv_iter *it)
{
	const char *p = it->next_p, *end = it->end_p;

	if (it->value.p) {
		p = skip_space(skip_value(it->value.p, end), end);
		if (p < end && *p == ',')
			p = skip_space(p + 1, end);
	}
	if (!p || p >= end || *p == '}' || *p == ']') {
		it->next_p = NULL;
		it->value = JV_NONE;
		it->end_p = NULL;
		return false;
	}
	if (it->is_object) {
		const char *q = jv_skip_string(p, end);

		it->key = str_n(p + 1, q - p >= 2 ? (size_t)(q - p - 2) : 0);
		p = skip_space(q, end);
		if (p < end && *p == ':')
			p = skip_space(p + 1, end);
		if (p >= end)
			return false;
	}
	it->value = (struct jv){p, end};
	return true;
}

static bool escaped_is(struct str raw, struct str name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_unescape(raw, &b);
	return str_eq(buf_str(&b), name);
}

static inline bool key_is(struct str raw, struct str name)
{
	/* What is escaped is longer than what it means. */
	if (raw.len <= name.len)
		return str_eq(raw, name);
	return memchr(raw.p, '\\', raw.len) && escaped_is(raw, name);
}

struct jv jv_getn(struct jv v, struct str name)
{
	jv_for_each_member (it, v)
		if (key_is(it.key, name))
			return it.value;
	return JV_NONE;
}

struct jv jv_get(struct jv v, const char *name)
{
	return jv_getn(v, str_of(name));
}

void jv_members(struct jv v, const struct str *names, size_t n, struct jv *ret)
{
	for (size_t i = 0; i < n; i++)
		ret[i] = JV_NONE;
	jv_for_each_member (it, v)
		for (size_t i = 0; i < n; i++)
			if (!ret[i].p && key_is(it.key, names[i])) {
				ret[i] = it.value;
				break;
			}
}

static struct jv element(struct jv v, uint64_t n)
{
	jv_for_each (it, v)
		if (n-- == 0)
			return it.value;
	return JV_NONE;
}

struct jv jv_path(struct jv v, const char *path)
{
	while (*path && v.p) {
		size_t n = strcspn(path, ".[");
		char *end;

		if (n)
			v = jv_getn(v, str_n(path, n));
		path += n;
		while (*path == '[') {
			v = element(v, strtoull(path + 1, &end, 10));
			path = *end == ']' ? end + 1 : end;
		}
		if (*path == '.')
			path++;
	}
	return v;
}

size_t jv_len(struct jv v)
{
	struct jv_iter it = jv_iter_start(v, jv_type(v) == JV_OBJECT);
	size_t n = 0;

	while (jv_iter_next(&it))
		n++;
	return n;
}

struct str jv_text(struct jv v)
{
	const char *q;

	if (jv_type(v) != JV_STRING)
		return STR_NULL;
	q = jv_skip_string(v.p, v.end);
	return str_n(v.p + 1, q - v.p >= 2 ? (size_t)(q - v.p - 2) : 0);
}

struct str jv_str(struct jv v, struct buf *scratch)
{
	struct str raw = jv_text(v);
	size_t from = scratch->len;

	if (!raw.p || str_chr(raw, '\\') < 0)
		return raw;
	jv_unescape(raw, scratch);
	return str_n(scratch->p + from, scratch->len - from);
}

char *jv_strdup(struct jv v)
{
	struct buf b = BUF_INIT;

	if (jv_type(v) != JV_STRING)
		return NULL;
	jv_unescape(jv_text(v), &b);
	return buf_take(&b);
}

bool jv_eqs(struct jv v, const char *text)
{
	return jv_type(v) == JV_STRING && key_is(jv_text(v), str_of(text));
}

/* The number's text as a C string; longest legal one is bounded by json_scan. */
static bool number_text(struct jv v, char *t, size_t size)
{
	return jv_type(v) == JV_NUMBER && str_copy(t, size, jv_raw(v)) == 0;
}

int64_t jv_i64(struct jv v, int64_t otherwise)
{
	int64_t i;
	char t[404];

	if (jv_type(v) != JV_NUMBER)
		return otherwise;
	if (str_to_i64(jv_raw(v), &i) == 0)
		return i;
	/* 1e3 and 2.0 are integers too. */
	if (number_text(v, t, sizeof(t))) {
		double d = strtod(t, NULL);

		if (d >= -9.2e18 && d <= 9.2e18 && d == (double)(int64_t)d)
			return (int64_t)d;
	}
	return otherwise;
}

double jv_double(struct jv v, double otherwise)
{
	char t[404];

	return number_text(v, t, sizeof(t)) ? strtod(t, NULL) : otherwise;
}

bool jv_bool(struct jv v, bool otherwise)
{
	return jv_type(v) == JV_BOOL ? *v.p == 't' : otherwise;
}

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t c = (uint8_t)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return v;
}

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 63)));
		buf_addc(out, (char)(0x80 | (c & 63)));
	} else {
		buf_addc(out, (char)(0xf0 | c >> 18));
		buf_addc(out, (char)(0x80 | (c >> 12 & 63)));
		buf_addc(out, (char)(0x80 | (c >> 6 & 63)));
		buf_addc(out, (char)(0x80 | (c & 63)));
	}
}

void jv_unescape(struct str raw, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

	while (raw.len) {
		ssize_t at = str_chr(raw, '\\');
		const char *known;
		uint32_t c;

		if (at < 0 || (size_t)at + 1 >= raw.len) {
			buf_addstr(out, raw);
			return;
		}
		buf_add(out, raw.p, (size_t)at);
		raw = str_skip(raw, (size_t)at + 1);
		known = memchr(from, raw.p[0], sizeof(from) - 1);
		if (known) {
			buf_addc(out, to[known - from]);
			raw = str_skip(raw, 1);
			continue;
		}
		if (raw.p[0] != 'u' || raw.len < 5)
			return;
		c = hex4(raw.p + 1);
		raw = str_skip(raw, 5);
		if (c >= 0xd800 && c <= 0xdbff && raw.len >= 6 && raw.p[1] == 'u') {
			c = 0x10000 + ((c & 0x3ff) << 10) + (hex4(raw.p + 2) & 0x3ff);
			raw = str_skip(raw, 6);
		}
		add_utf8(out, c);
	}
}
