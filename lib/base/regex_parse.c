/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/regex_parts.h"

#define DEPTH_MAX 200
#define REPEAT_MAX 1000
#define CLASS_MAX 2000

struct rp {
	struct arena *arena;
	const char *at, *end, *begin;
	unsigned flags, depth;
	size_t n_groups, n_nodes;
	const char *names[RX_GROUPS_MAX];
	struct err *err;
	bool failed;
};

static struct rx_node *bad(struct rp *p, const char *what, struct str where)
{
	if (!p->failed)
		err_set(p->err, EINVAL, NULL, "error parsing regexp: %s: `%.*s`", what,
			STR_ARG(where));
	p->failed = true;
	return NULL;
}

static struct str from(const struct rp *p, const char *a)
{
	return str_n(a, (size_t)(p->at - a));
}

static struct rx_node *node(struct rp *p, enum rx_op op)
{
	struct rx_node *n;

	if (++p->n_nodes > RX_NODES_MAX)
		return bad(p, "expression too large", str_n(p->begin, 0));
	n = ARENA_NEW(p->arena, struct rx_node);
	n->op = op;
	n->flags = p->flags;
	return n;
}

uint32_t rx_utf8(const char **at, const char *end)
{
	const unsigned char *s = (const unsigned char *)*at;
	size_t have = (size_t)(end - *at), len = 1;
	uint32_t c = s[0];

	if (c >= 0xf0 && c < 0xf8)
		len = 4, c &= 7;
	else if (c >= 0xe0 && c < 0xf0)
		len = 3, c &= 15;
	else if (c >= 0xc2 && c < 0xe0)
		len = 2, c &= 31;
	else if (c >= 0x80)
		c = 0xfffd;
	if (len > have) {
		(*at)++;
		return 0xfffd;
	}
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			(*at)++;
			return 0xfffd;
		}
		c = c << 6 | (s[i] & 63);
	}
	*at += len;
	return c;
}

static void range(struct rp *p, struct rx_node *n, uint32_t lo, uint32_t hi)
{
	struct rx_range *r;

	if (n->n_ranges >= CLASS_MAX) {
		bad(p, "expression too large", str_n(p->begin, 0));
		return;
	}
	if (n->n_ranges == n->cap_ranges) {
		size_t cap = n->cap_ranges ? n->cap_ranges * 2 : 4;

		r = ARENA_ARRAY(p->arena, struct rx_range, cap);
		if (n->n_ranges)
			memcpy(r, n->ranges, n->n_ranges * sizeof(*r));
		n->ranges = r;
		n->cap_ranges = cap;
	}
	n->ranges[n->n_ranges++] = (struct rx_range){lo, hi, 0, false};
}

static void predicate(struct rp *p, struct rx_node *n, char pred, bool negate)
{
	range(p, n, 0, 0);
	if (n->n_ranges)
		n->ranges[n->n_ranges - 1] = (struct rx_range){1, 0, pred, negate};
}

/* \d \w \s and their opposites; false: it is none. */
static bool perl_class(struct rp *p, struct rx_node *n, char c)
{
	static const struct {
		char name;
		uint32_t r[8][2];
	} rows[] = {
		{'d', {{'0', '9'}}},
		{'D', {{0, '0' - 1}, {'9' + 1, 0x10ffff}}},
		{'w', {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
		{'W',
		 {{0, '0' - 1},
		  {'9' + 1, 'A' - 1},
		  {'Z' + 1, '_' - 1},
		  {'`', '`'},
		  {'z' + 1, 0x10ffff}}},
		{'s', {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
		{'S', {{0, 8}, {0xb, 0xb}, {0xe, 0x1f}, {0x21, 0x10ffff}}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].name != c)
			continue;
		for (size_t j = 0; j < 8 && rows[i].r[j][1]; j++)
			range(p, n, rows[i].r[j][0], rows[i].r[j][1]);
		return true;
	}
	return false;
}

static const struct {
	const char *name;
	char pred;
} unicode_classes[] = {{"L", 'L'},      {"Lu", 'u'},    {"Ll", 'l'},    {"Lt", 'u'},
		       {"Lm", 'L'},     {"Lo", 'L'},    {"N", 'N'},     {"Nd", 'N'},
		       {"P", 'P'},      {"S", 'P'},     {"Z", 'Z'},     {"Zs", 'Z'},
		       {"M", 'M'},      {"Mn", 'M'},    {"C", 'C'},     {"Cc", 'C'},
		       {"Letter", 'L'}, {"Greek", 'g'}, {"Latin", 'a'}, {"Cyrillic", 'c'},
		       {"Han", 'h'}};

/* At p or P behind the backslash. */
static bool unicode_class(struct rp *p, struct rx_node *n, const char *start)
{
	bool negate = *p->at++ == 'P';
	struct str name;

	if (p->at >= p->end) {
		bad(p, "invalid character class range", from(p, start));
		return false;
	}
	if (*p->at == '{') {
		const char *close = memchr(p->at, '}', (size_t)(p->end - p->at));

		if (!close) {
			bad(p, "invalid character class range",
			    str_n(start, (size_t)(p->end - start)));
			return false;
		}
		name = str_n(p->at + 1, (size_t)(close - p->at - 1));
		p->at = close + 1;
	} else {
		name = str_n(p->at++, 1);
	}
	if (name.len && name.p[0] == '^') {
		negate = !negate;
		name = str_skip(name, 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unicode_classes); i++) {
		if (str_eqs(name, unicode_classes[i].name)) {
			predicate(p, n, unicode_classes[i].pred, negate);
			return true;
		}
	}
	bad(p, "invalid character class range", from(p, start));
	return false;
}

/* A character behind a backslash; the cursor stands on it. -1: failed. */
static int64_t escaped(struct rp *p, const char *start)
{
	static const char from_c[] = "aftnrv", to_c[] = "\a\f\t\n\r\v";
	const char *hit;
	uint32_t c = 0;
	char e = *p->at++;

	if (e == 'x') {
		bool brace = p->at < p->end && *p->at == '{';
		size_t n = 0;

		p->at += brace;
		while (p->at < p->end && n < (brace ? 8u : 2u) && isxdigit((unsigned char)*p->at)) {
			char h = *p->at++;

			c = c * 16 + (uint32_t)(h <= '9' ? h - '0' : (h | 32) - 'a' + 10);
			n++;
		}
		if (!n || (!brace && n < 2) || c > 0x10ffff ||
		    (brace && (p->at >= p->end || *p->at++ != '}'))) {
			bad(p, "invalid escape sequence", from(p, start));
			return -1;
		}
		return c;
	}
	if (e >= '0' && e <= '7') {
		if (e != '0' && !(p->at < p->end && *p->at >= '0' && *p->at <= '7')) {
			bad(p, "invalid escape sequence", from(p, start));
			return -1;
		}
		c = (uint32_t)(e - '0');
		for (size_t n = 1; n < 3 && p->at < p->end && *p->at >= '0' && *p->at <= '7'; n++)
			c = c * 8 + (uint32_t)(*p->at++ - '0');
		return c;
	}
	hit = strchr(from_c, e);
	if (e && hit)
		return to_c[hit - from_c];
	if ((unsigned char)e < 0x80 && !isalnum((unsigned char)e))
		return e;
	bad(p, "invalid escape sequence", from(p, start));
	return -1;
}

static bool posix_class(struct rp *p, struct rx_node *n)
{
	static const struct {
		const char *name;
		uint32_t r[5][2];
	} rows[] = {
		{"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
		{"alpha", {{'A', 'Z'}, {'a', 'z'}}},
		{"ascii", {{0, 127}}},
		{"blank", {{'\t', '\t'}, {' ', ' '}}},
		{"cntrl", {{0, 31}, {127, 127}}},
		{"digit", {{'0', '9'}}},
		{"graph", {{'!', '~'}}},
		{"lower", {{'a', 'z'}}},
		{"print", {{' ', '~'}}},
		{"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
		{"space", {{'\t', '\r'}, {' ', ' '}}},
		{"upper", {{'A', 'Z'}}},
		{"word", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}, {'_', '_'}}},
		{"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
	};
	const char *q = p->at + 2, *close;
	bool negate;
	uint32_t next = 0;

	if (p->end - p->at < 4 || p->at[1] != ':')
		return false;
	close = memmem(q, (size_t)(p->end - q), ":]", 2);
	if (!close)
		return false;
	negate = *q == '^';
	q += negate;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!str_eqs(str_n(q, (size_t)(close - q)), rows[i].name))
			continue;
		for (size_t j = 0; j < 5 && rows[i].r[j][1]; j++) {
			if (!negate)
				range(p, n, rows[i].r[j][0], rows[i].r[j][1]);
			else if (rows[i].r[j][0] > next)
				range(p, n, next, rows[i].r[j][0] - 1);
			next = rows[i].r[j][1] + 1;
		}
		if (negate)
			range(p, n, next, 0x10ffff);
		p->at = close + 2;
		return true;
	}
	bad(p, "invalid character class range", str_n(p->at, (size_t)(close + 2 - p->at)));
	return true;
}

static int64_t class_char(struct rp *p, const char *start)
{
	if (*p->at != '\\')
		return rx_utf8(&p->at, p->end);
	if (++p->at >= p->end) {
		bad(p, "missing closing ]", str_n(start, (size_t)(p->end - start)));
		return -1;
	}
	return escaped(p, p->at - 1);
}

static struct rx_node *class_(struct rp *p)
{
	const char *start = p->at++;
	struct rx_node *n = node(p, RX_CLASS);
	bool first = true;

	if (n && p->at < p->end && *p->at == '^') {
		n->negate = true;
		p->at++;
	}
	for (; n && !p->failed; first = false) {
		const char *item = p->at;
		int64_t lo, hi;

		if (p->at >= p->end)
			return bad(p, "missing closing ]", str_n(start, (size_t)(p->end - start)));
		if (*p->at == ']' && !first)
			break;
		if (*p->at == '[' && posix_class(p, n))
			continue;
		if (*p->at == '\\' && p->at + 1 < p->end) {
			if (p->at[1] == 'p' || p->at[1] == 'P') {
				p->at++;
				unicode_class(p, n, item);
				continue;
			}
			if (perl_class(p, n, p->at[1])) {
				p->at += 2;
				continue;
			}
		}
		lo = hi = class_char(p, start);
		if (lo >= 0 && p->end - p->at >= 2 && *p->at == '-' && p->at[1] != ']') {
			p->at++;
			hi = class_char(p, start);
			if (hi >= 0 && hi < lo)
				return bad(p, "invalid character class range", from(p, item));
		}
		if (lo < 0 || hi < 0)
			return NULL;
		range(p, n, (uint32_t)lo, (uint32_t)hi);
	}
	p->at++;
	return p->failed ? NULL : n;
}

static struct rx_node *alternatives(struct rp *p);

static struct rx_node *literal(struct rp *p, uint32_t c)
{
	struct rx_node *n = node(p, RX_CLASS);

	if (n)
		range(p, n, c, c);
	return n;
}

static bool set_flags(struct rp *p, const char *start)
{
	bool off = false, any = false;

	for (; p->at < p->end && *p->at != ':' && *p->at != ')'; p->at++) {
		unsigned bit = *p->at == 'i'   ? RX_FOLD
			       : *p->at == 'm' ? RX_MULTI
			       : *p->at == 's' ? RX_DOTNL
			       : *p->at == 'U' ? RX_LAZY
					       : 0;

		if (*p->at == '-' && !off) {
			off = true;
			any = false;
			continue;
		}
		if (!bit) {
			p->at++;
			bad(p, "invalid or unsupported Perl syntax", from(p, start));
			return false;
		}
		any = true;
		p->flags = off ? p->flags & ~bit : p->flags | bit;
	}
	if (p->at >= p->end) {
		bad(p, "missing closing )", str_n(p->begin, (size_t)(p->end - p->begin)));
		return false;
	}
	if (off && !any) {
		p->at++;
		bad(p, "invalid or unsupported Perl syntax", from(p, start));
		return false;
	}
	return true;
}

/* The name of (?P<name>; the cursor is put behind it. */
static bool group_name(struct rp *p, size_t skip, const char *start)
{
	const char *name = p->at + skip;
	const char *close = name < p->end ? memchr(name, '>', (size_t)(p->end - name)) : NULL;

	if (!close || close == name) {
		bad(p, "invalid named capture", str_n(start, (size_t)(p->end - start)));
		return false;
	}
	p->at = close + 1;
	for (const char *c = name; c < close; c++) {
		if (!isalnum((unsigned char)*c) && *c != '_') {
			bad(p, "invalid named capture", from(p, start));
			return false;
		}
	}
	if (p->n_groups < RX_GROUPS_MAX)
		p->names[p->n_groups] = arena_strdup(p->arena, str_n(name, (size_t)(close - name)));
	return true;
}

static struct rx_node *group(struct rp *p)
{
	const char *start = p->at++;
	unsigned saved = p->flags;
	struct rx_node *n, *in;
	bool capture = true;
	size_t at = 0;

	if (p->end - p->at >= 2 && *p->at == '?') {
		if (p->end - p->at > 3 && p->at[1] == 'P' && p->at[2] == '<') {
			if (!group_name(p, 3, start))
				return NULL;
		} else if (p->at[1] == '<' && p->end - p->at > 2 && p->at[2] != '=' &&
			   p->at[2] != '!') {
			if (!group_name(p, 2, start))
				return NULL;
		} else {
			p->at++;
			capture = false;
			if (!set_flags(p, start))
				return NULL;
			if (*p->at++ == ')')
				return node(p, RX_EMPTY); /* flags stay until the group ends */
		}
	}
	if (capture) {
		at = p->n_groups++;
		if (at >= RX_GROUPS_MAX)
			return bad(p, "expression too large", str_n(p->begin, 0));
	}
	if (++p->depth > DEPTH_MAX)
		return bad(p, "expression nests too deeply",
			   str_n(p->begin, (size_t)(p->end - p->begin)));
	in = alternatives(p);
	p->depth--;
	if (!in)
		return NULL;
	if (p->at >= p->end)
		return bad(p, "missing closing )", str_n(p->begin, (size_t)(p->end - p->begin)));
	p->at++;
	p->flags = saved;
	if (!capture)
		return in;
	n = node(p, RX_GROUP);
	if (n) {
		n->min = (int)at;
		n->a = in;
	}
	return n;
}

static struct rx_node *assertion(struct rp *p, enum rx_assert what)
{
	struct rx_node *n = node(p, RX_ASSERT);

	if (n)
		n->min = (int)what;
	return n;
}

/* One more behind a sequence: the chain grows at its end, so that its depth is walked in a loop. */
static bool append(struct rp *p, struct rx_node ***tail, struct rx_node *n)
{
	struct rx_node *cat;

	if (!n)
		return false;
	if (!**tail) {
		**tail = n;
		return true;
	}
	cat = node(p, RX_CAT);
	if (!cat)
		return false;
	cat->a = **tail;
	cat->b = n;
	**tail = cat;
	*tail = &cat->b;
	return true;
}

static struct rx_node *quoted(struct rp *p)
{
	const char *close = memmem(p->at, (size_t)(p->end - p->at), "\\E", 2);
	const char *end = close ? close : p->end;
	struct rx_node *all = NULL, **tail = &all;

	while (p->at < end)
		if (!append(p, &tail, literal(p, rx_utf8(&p->at, end))))
			return NULL;
	p->at = close ? close + 2 : end;
	return all ? all : node(p, RX_EMPTY);
}

static struct rx_node *backslash(struct rp *p)
{
	const char *start = p->at++;
	struct rx_node *n;
	int64_t c;

	if (p->at >= p->end)
		return bad(p, "trailing backslash at end of expression", str_n(start, 0));
	switch (*p->at) {
	case 'A':
		p->at++;
		return assertion(p, RX_BEGIN_TEXT);
	case 'z':
		p->at++;
		return assertion(p, RX_END_TEXT);
	case 'b':
		p->at++;
		return assertion(p, RX_WORD);
	case 'B':
		p->at++;
		return assertion(p, RX_NO_WORD);
	case 'Q':
		p->at++;
		return quoted(p);
	case 'C':
		p->at++;
		return bad(p, "invalid escape sequence", from(p, start));
	default:
		break;
	}
	n = node(p, RX_CLASS);
	if (!n)
		return NULL;
	if (*p->at == 'p' || *p->at == 'P')
		return unicode_class(p, n, start) ? n : NULL;
	if (perl_class(p, n, *p->at)) {
		p->at++;
		return n;
	}
	c = escaped(p, start);
	if (c < 0)
		return NULL;
	range(p, n, (uint32_t)c, (uint32_t)c);
	return n;
}

static struct rx_node *atom(struct rp *p)
{
	switch (*p->at) {
	case '(':
		return group(p);
	case '[':
		return class_(p);
	case '\\':
		return backslash(p);
	case '.':
		p->at++;
		return node(p, RX_ANY);
	case '^':
		p->at++;
		return assertion(p, p->flags & RX_MULTI ? RX_BEGIN_LINE : RX_BEGIN_TEXT);
	case '$':
		p->at++;
		return assertion(p, p->flags & RX_MULTI ? RX_END_LINE : RX_END_TEXT);
	case '*':
	case '+':
	case '?':
		return bad(p, "missing argument to repetition operator", str_n(p->at, 1));
	default:
		return literal(p, rx_utf8(&p->at, p->end));
	}
}

static bool number(const char **at, const char *end, int *ret)
{
	const char *q = *at;
	int n = 0;

	while (q < end && *q >= '0' && *q <= '9' && n < 100000)
		n = n * 10 + (*q++ - '0');
	if (q == *at)
		return false;
	*at = q;
	*ret = n;
	return true;
}

/* {n}, {n,}, {n,m}; anything else is plain text. */
static bool bounds(struct rp *p, int *lo, int *hi)
{
	const char *q = p->at + 1;

	if (!number(&q, p->end, lo))
		return false;
	*hi = *lo;
	if (q < p->end && *q == ',') {
		q++;
		if (!number(&q, p->end, hi))
			*hi = -1;
	}
	if (q >= p->end || *q != '}')
		return false;
	p->at = q + 1;
	return true;
}

/* Repetitions within repetitions multiply: all together at most REPEAT_MAX, as in Go. */
static bool repeats_fit(const struct rx_node *n, int left)
{
	for (; n; n = n->b) {
		int here = left;

		if (n->op == RX_REPEAT && n->max != 0) {
			int times = n->max < 0 ? n->min : n->max;

			if (times > left)
				return false;
			here = times > 0 ? left / times : left;
		}
		if (n->a && !repeats_fit(n->a, here))
			return false;
	}
	return true;
}

static struct rx_node *repeated(struct rp *p)
{
	struct rx_node *n = atom(p);
	const char *before = NULL;

	while (n && p->at < p->end) {
		const char *op = p->at;
		struct rx_node *r;
		int lo = 0, hi = -1;

		if (*op == '*')
			p->at++;
		else if (*op == '+')
			lo = 1, p->at++;
		else if (*op == '?')
			hi = 1, p->at++;
		else if (*op != '{' || !bounds(p, &lo, &hi))
			break;
		if (lo > REPEAT_MAX || hi > REPEAT_MAX || (hi >= 0 && hi < lo))
			return bad(p, "invalid repeat count", from(p, op));
		if (before)
			return bad(p, "invalid nested repetition operator", from(p, before));
		before = op;
		if (!repeats_fit(n, hi > 0   ? REPEAT_MAX / hi
				    : lo > 0 ? REPEAT_MAX / lo
					     : REPEAT_MAX))
			return bad(p, "invalid repeat count", from(p, op));
		r = node(p, RX_REPEAT);
		if (!r)
			return NULL;
		r->a = n;
		r->min = lo;
		r->max = hi;
		r->lazy = p->flags & RX_LAZY;
		if (p->at < p->end && *p->at == '?') {
			r->lazy = !r->lazy;
			p->at++;
		}
		n = r;
	}
	return n;
}

static struct rx_node *sequence(struct rp *p)
{
	struct rx_node *all = NULL, **tail = &all;

	while (p->at < p->end && *p->at != '|' && *p->at != ')')
		if (!append(p, &tail, repeated(p)))
			return NULL;
	return all ? all : node(p, RX_EMPTY);
}

static struct rx_node *alternatives(struct rp *p)
{
	struct rx_node *all = sequence(p);

	while (all && p->at < p->end && *p->at == '|') {
		struct rx_node *alt = node(p, RX_ALT);

		p->at++;
		if (!alt)
			return NULL;
		alt->a = all;
		alt->b = sequence(p);
		all = alt->b ? alt : NULL;
	}
	return all;
}

struct rx_node *rx_parse(struct str pattern, struct arena *arena, size_t *ret_groups,
			 const char **names, struct err *err)
{
	struct rp p = {.arena = arena,
		       .at = pattern.p,
		       .begin = pattern.p,
		       .end = pattern.p + pattern.len,
		       .n_groups = 1,
		       .err = err};
	struct rx_node *n = alternatives(&p);

	if (n && p.at < p.end)
		n = bad(&p, "unexpected )", str_n(p.begin, (size_t)(p.end - p.begin)));
	*ret_groups = MIN(p.n_groups, (size_t)RX_GROUPS_MAX);
	memcpy(names, p.names, sizeof(p.names));
	return p.failed ? NULL : n;
}
