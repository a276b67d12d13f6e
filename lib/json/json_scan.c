/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"

#include <math.h>

/* A container being read. Its keys stand in scan.keys from first_key on. */
struct frame {
	bool is_object;
	uint32_t index; /* of the current element, arrays */
	size_t first_key;
};

struct key {
	uint64_t hash; /* of the decoded key, once its object has become large */
	struct str raw;
	bool escaped;
};

struct scan {
	const char *start, *p, *end;
	const struct json_scan_limits *limits;
	struct err *err;
	struct frame *frames;
	size_t n_frames, cap_frames;
	struct key *keys;
	size_t n_keys, cap_keys;
	uint32_t max_depth, max_values, values;
	struct buf scratch;
};

static int fail(struct scan *s, const char *what)
{
	return err_sys(s->err, EINVAL, "invalid JSON at byte %zu: %s", (size_t)(s->p - s->start),
		       what);
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

/* Length of the UTF-8 sequence at p (RFC 3629: no overlong forms, surrogates or > U+10FFFF); 0 if
 * bad. */
static size_t utf8_len(const uint8_t *p, size_t left)
{
	uint32_t c = p[0];

	if (c >= 0xc2 && c <= 0xdf)
		return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (c >= 0xe0 && c <= 0xef) {
		if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 ||
		    (p[3] & 0xc0) != 0x80)
			return 0;
		if ((c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

static int hex4(const char *p, const char *end, uint32_t *ret)
{
	uint32_t v = 0;

	if (end - p < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		uint32_t d;

		if (c >= '0' && c <= '9')
			d = (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			d = (uint32_t)((c | 32) - 'a') + 10;
		else
			return -EINVAL;
		v = v << 4 | d;
	}
	*ret = v;
	return 0;
}

/* Behind a backslash. Surrogates must come as a pair, and NUL not at all. */
static int scan_escape(struct scan *s)
{
	uint32_t c, low;

	if (s->p >= s->end)
		return fail(s, "unfinished escape");
	switch (*s->p) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		s->p++;
		return 0;
	case 'u':
		break;
	default:
		return fail(s, "unknown escape");
	}
	if (hex4(s->p + 1, s->end, &c) < 0)
		return fail(s, "\\u needs four hexadecimal digits");
	if (c == 0)
		return fail(s, "\\u0000 is not allowed");
	if (c >= 0xdc00 && c <= 0xdfff)
		return fail(s, "lone low surrogate");
	s->p += 5;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' ||
		    hex4(s->p + 2, s->end, &low) < 0 || low < 0xdc00 || low > 0xdfff)
			return fail(s, "lone high surrogate");
		s->p += 6;
	}
	return 0;
}

#define EACH(byte) (0x0101010101010101ull * (byte))

/* Over what is plain: eight bytes at a time in which nothing needs a look. */
static const char *skip_plain(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t w, q, b;

		memcpy(&w, p, 8);
		q = w ^ EACH('"');
		b = w ^ EACH('\\');
		if ((w | ((w - EACH(0x20)) & ~w) | ((q - EACH(1)) & ~q) | ((b - EACH(1)) & ~b)) &
		    EACH(0x80))
			break;
	}
	return p;
}

/* At the opening quote; *ret is the raw text between the quotes. */
static int scan_string(struct scan *s, struct str *ret)
{
	const char *from = ++s->p;

	s->p = skip_plain(s->p, s->end);
	while (s->p < s->end) {
		uint8_t c = (uint8_t)*s->p;
		size_t n;
		int r;

		if (c == '"') {
			*ret = str_n(from, (size_t)(s->p - from));
			s->p++;
			return 0;
		}
		if (c == '\\') {
			s->p++;
			r = scan_escape(s);
			if (r < 0)
				return r;
		} else if (c < 0x20) {
			return fail(s, "raw control character in a string");
		} else if (c < 0x80) {
			s->p++;
		} else {
			n = utf8_len((const uint8_t *)s->p, (size_t)(s->end - s->p));
			if (!n)
				return fail(s, "invalid UTF-8");
			s->p += n;
		}
	}
	return fail(s, "unfinished string");
}

static size_t scan_digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

static int scan_number(struct scan *s)
{
	const char *from = s->p;
	bool integer = true;
	struct str text;
	uint64_t u;
	int64_t i;

	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!scan_digits(s))
		return fail(s, "a number needs a digit");
	if (s->p < s->end && *s->p == '.') {
		integer = false;
		s->p++;
		if (!scan_digits(s))
			return fail(s, "a number needs a digit behind its point");
	}
	if (s->p < s->end && (*s->p | 32) == 'e') {
		integer = false;
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!scan_digits(s))
			return fail(s, "a number needs a digit in its exponent");
	}
	text = str_n(from, (size_t)(s->p - from));
	if (text.len > 400)
		return fail(s, "a number of more than 400 characters");
	if (integer) {
		if (*from == '-' ? str_to_i64(text, &i) < 0 : str_to_u64(text, &u) < 0)
			return fail(s, "an integer beyond 64 bits");
	} else {
		char copy[404];

		str_copy(copy, sizeof(copy), text);
		if (!isfinite(strtod(copy, NULL)))
			return fail(s, "a number out of range");
	}
	return 0;
}

static int scan_word(struct scan *s, struct str word)
{
	if (!str_starts(str_n(s->p, (size_t)(s->end - s->p)), word))
		return fail(s, "unexpected character");
	s->p += word.len;
	return 0;
}

static void path_of(struct scan *s, struct buf *out)
{
	for (size_t i = 0; i < s->n_frames; i++) {
		struct frame *f = &s->frames[i];
		size_t last;

		if (!f->is_object) {
			buf_addf(out, "[%u]", f->index);
			continue;
		}
		last = (i + 1 < s->n_frames ? s->frames[i + 1].first_key : s->n_keys) - 1;
		if (out->len)
			buf_addc(out, '.');
		jv_unescape(s->keys[last].raw, out);
	}
}

static int duplicate(struct scan *s)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;

	path_of(s, &path);
	if (!s->limits || !s->limits->on_duplicate)
		return err_sys(s->err, EINVAL, "invalid JSON: duplicate field \"%s\"", path.p);
	s->limits->on_duplicate(s->limits->user, path.p);
	return 0;
}

/* Small objects compare with each earlier key; a large one is checked when it closes, by sorting.
 */
#define KEYS_PAIRWISE 32

static bool key_same(struct scan *s, const struct key *a, const struct key *b)
{
	CLEANUP(buf_done) struct buf x = BUF_INIT;
	CLEANUP(buf_done) struct buf y = BUF_INIT;

	if (!a->escaped && !b->escaped)
		return str_eq(a->raw, b->raw);
	jv_unescape(a->raw, &x);
	jv_unescape(b->raw, &y);
	return str_eq(buf_str(&x), buf_str(&y));
}

static int add_key(struct scan *s, struct str raw)
{
	struct frame *f = &s->frames[s->n_frames - 1];
	struct key *k = ARRAY_PUSH(s->keys, s->n_keys, s->cap_keys);
	size_t n = s->n_keys - 1 - f->first_key;

	*k = (struct key){0, raw, raw.len && memchr(raw.p, '\\', raw.len)};
	if (n >= KEYS_PAIRWISE)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (key_same(s, &s->keys[f->first_key + i], k))
			return duplicate(s);
	return 0;
}

static uint64_t key_hash(struct scan *s, const struct key *k)
{
	if (!k->escaped)
		return str_hash(k->raw);
	buf_clear(&s->scratch);
	jv_unescape(k->raw, &s->scratch);
	return str_hash(buf_str(&s->scratch));
}

static int key_order(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->raw.p < y->raw.p ? -1 : x->raw.p > y->raw.p;
}

static int close_object(struct scan *s)
{
	struct frame *f = &s->frames[s->n_frames - 1];
	size_t n = s->n_keys - f->first_key;
	int r = 0;

	if (n > KEYS_PAIRWISE) {
		struct key *sorted = xmemdup(&s->keys[f->first_key], n * sizeof(*sorted));

		for (size_t i = 0; i < n; i++)
			sorted[i].hash = key_hash(s, &sorted[i]);
		qsort(sorted, n, sizeof(*sorted), key_order);
		for (size_t i = 1; i < n && !r; i++) {
			if (!key_same(s, &sorted[i - 1], &sorted[i]))
				continue;
			s->keys[s->n_keys - 1] = sorted[i]; /* what path_of names */
			r = duplicate(s);
		}
		free(sorted);
	}
	s->n_keys = f->first_key;
	s->n_frames--;
	return r;
}

static int open_container(struct scan *s, bool is_object)
{
	if (s->n_frames == s->max_depth)
		return fail(s, "nested too deeply");
	*ARRAY_PUSH(s->frames, s->n_frames, s->cap_frames) =
		(struct frame){is_object, 0, s->n_keys};
	s->p++;
	return 0;
}

/* "key": at the front of a member. */
static int scan_key(struct scan *s)
{
	struct str key;
	int r;

	skip_space(s);
	if (s->p >= s->end || *s->p != '"')
		return fail(s, "expected a string as key");
	r = scan_string(s, &key);
	if (!r)
		r = add_key(s, key);
	if (r)
		return r;
	skip_space(s);
	if (s->p >= s->end || *s->p != ':')
		return fail(s, "expected ':'");
	s->p++;
	return 0;
}

/* One value; containers are only opened, their end is seen by scan_after. 1: opened, non-empty. */
static int scan_value(struct scan *s)
{
	struct str ignored;
	int r;

	skip_space(s);
	if (s->p >= s->end)
		return fail(s, "unexpected end");
	if (++s->values > s->max_values)
		return fail(s, "too many values");
	switch (*s->p) {
	case '{':
		r = open_container(s, true);
		if (r)
			return r;
		skip_space(s);
		if (s->p < s->end && *s->p == '}')
			return 0;
		r = scan_key(s);
		return r < 0 ? r : 1;
	case '[':
		r = open_container(s, false);
		if (r)
			return r;
		skip_space(s);
		return s->p < s->end && *s->p == ']' ? 0 : 1;
	case '"':
		return scan_string(s, &ignored);
	case 't':
		return scan_word(s, STR("true"));
	case 'f':
		return scan_word(s, STR("false"));
	case 'n':
		return scan_word(s, STR("null"));
	default:
		return scan_number(s);
	}
}

/* Behind a value: close containers and step over commas. 1: another value follows, 0: all read. */
static int scan_after(struct scan *s)
{
	while (s->n_frames) {
		struct frame *f = &s->frames[s->n_frames - 1];
		int r;

		skip_space(s);
		if (s->p >= s->end)
			return fail(s, "unexpected end");
		if (*s->p == ',') {
			s->p++;
			f->index++;
			r = f->is_object ? scan_key(s) : 0;
			return r < 0 ? r : 1;
		}
		if (*s->p != (f->is_object ? '}' : ']'))
			return fail(s,
				    f->is_object ? "expected ',' or '}'" : "expected ',' or ']'");
		s->p++;
		r = f->is_object ? close_object(s) : 0;
		if (r < 0)
			return r;
		if (!f->is_object)
			s->n_frames--;
	}
	skip_space(s);
	return s->p == s->end ? 0 : fail(s, "text behind the document");
}

const struct json_scan_limits json_stored_limits = {.max_values = UINT32_MAX};

int json_scan(struct str in, const struct json_scan_limits *limits, struct err *err)
{
	struct scan s = {
		.start = in.p,
		.p = in.p,
		.end = in.p + in.len,
		.limits = limits,
		.err = err,
		.max_depth = limits && limits->max_depth ? limits->max_depth : JSON_MAX_DEPTH,
		.max_values = limits && limits->max_values ? limits->max_values : JSON_MAX_VALUES,
		.scratch = BUF_INIT,
	};
	int r;

	/* An opened, non-empty container (1) is followed by its first value at once. */
	do {
		r = scan_value(&s);
		if (r == 0)
			r = scan_after(&s);
	} while (r > 0);
	free(s.frames);
	free(s.keys);
	buf_done(&s.scratch);
	return r;
}
