/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/ast.h"

#include <ctype.h>
#include <math.h>

#define TREE_DEPTH_MAX 500

enum tok {
	T_END,
	T_IDENT,
	T_INT,
	T_UINT,
	T_DOUBLE,
	T_STRING,
	T_BYTES,
	T_PUNCT, /* text is the sign */
	T_QUOTED, /* `name` */
	T_BAD,
};

struct parser {
	struct arena *arena;
	struct str text;
	struct cel_mistakes *m;
	size_t pos; /* behind the token at hand */
	enum tok tok;
	uint32_t at; /* where it begins */
	struct str word; /* its text */
	struct cel_val lit;
	unsigned depth;
	size_t nodes;
	bool failed;
};

void cel_mistake(struct cel_mistakes *m, uint32_t pos, const char *fmt, ...)
{
	size_t line = 1, start = 0, end, col = 0;
	va_list ap;

	if (m->n++ >= 20)
		return;
	pos = (uint32_t)MIN((size_t)pos, m->text.len);
	for (size_t i = 0; i < pos; i++)
		if (m->text.p[i] == '\n')
			line++, start = i + 1;
	for (end = start; end < m->text.len && m->text.p[end] != '\n'; end++)
		;
	for (size_t i = start; i < pos; i++)
		col += (m->text.p[i] & 0xc0) != 0x80;
	buf_addf(&m->out, "%sERROR: <input>:%zu:%zu: ", m->out.len ? "\n" : "", line, col + 1);
	va_start(ap, fmt);
	buf_vaddf(&m->out, fmt, ap);
	va_end(ap);
	buf_addf(&m->out, "\n | %.*s\n | ", (int)MIN(end - start, (size_t)INT_MAX),
		 m->text.p + start);
	for (size_t i = 0; i < col; i++)
		buf_addc(&m->out, '.');
	buf_addc(&m->out, '^');
}

static struct cel_node *fail(struct parser *p, const char *what)
{
	if (!p->failed)
		cel_mistake(p->m, p->at, "Syntax error: %s", what);
	p->failed = true;
	return NULL;
}

/* ---- tokens ---- */

static bool at_text(const struct parser *p, const char *s)
{
	return str_starts(str_skip(p->text, p->pos), str_of(s));
}

static void skip_space(struct parser *p)
{
	for (; p->pos < p->text.len; p->pos++) {
		if (at_text(p, "//")) {
			while (p->pos < p->text.len && p->text.p[p->pos] != '\n')
				p->pos++;
			continue;
		}
		if (!memchr(" \t\n\r\f", p->text.p[p->pos], 5))
			break;
	}
}

static void add_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 63)));
		buf_addc(b, (char)(0x80 | (c & 63)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 63)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 63)));
		buf_addc(b, (char)(0x80 | (c & 63)));
	}
}

static bool digits(const char *s, size_t n, int base, uint32_t *ret)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n; i++) {
		int d = isdigit((unsigned char)s[i])    ? s[i] - '0'
			: isxdigit((unsigned char)s[i]) ? (s[i] | 32) - 'a' + 10
							: 99;

		if (d >= base)
			return false;
		v = v * (uint32_t)base + (uint32_t)d;
	}
	*ret = v;
	return true;
}

/* Behind a backslash at s[0]; returns how many bytes it takes, 0: none. */
static size_t escape(const char *s, size_t len, bool bytes, struct buf *b)
{
	static const char from[] = "abfnrtv\\?\"'`", to[] = "\a\b\f\n\r\t\v\\?\"'`";
	const char *hit = len && s[0] ? strchr(from, s[0]) : NULL;
	uint32_t c;
	size_t n;

	if (!len)
		return 0;
	if (hit) {
		buf_addc(b, to[hit - from]);
		return 1;
	}
	if (s[0] >= '0' && s[0] <= '3') {
		if (len < 3 || !digits(s, 3, 8, &c))
			return 0;
		n = 3;
	} else {
		n = s[0] == 'x' || s[0] == 'X' ? 2 : s[0] == 'u' ? 4 : s[0] == 'U' ? 8 : 0;
		if (!n || len < n + 1 || !digits(s + 1, n, 16, &c) || (bytes && n > 2))
			return 0;
		n++;
	}
	if (bytes)
		buf_addc(b, (char)c);
	else if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	else
		add_utf8(b, c);
	return n;
}

static enum tok text_literal(struct parser *p, bool raw, bool bytes)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	const char *s = p->text.p;
	char q = s[p->pos];
	bool triple = p->pos + 2 < p->text.len && s[p->pos + 1] == q && s[p->pos + 2] == q;
	size_t n = triple ? 3 : 1;

	p->pos += n;
	for (;;) {
		if (p->pos >= p->text.len || (!triple && (s[p->pos] == '\n' || s[p->pos] == '\r')))
			return T_BAD;
		if (s[p->pos] == q && (!triple || (p->pos + 2 < p->text.len && s[p->pos + 1] == q &&
						   s[p->pos + 2] == q)))
			break;
		if (s[p->pos] == '\\' && !raw) {
			size_t took = escape(s + p->pos + 1, p->text.len - p->pos - 1, bytes, &b);

			if (!took)
				return T_BAD;
			p->pos += took + 1;
			continue;
		}
		buf_addc(&b, s[p->pos++]);
	}
	p->pos += n;
	p->lit = (struct cel_val){.kind = bytes ? CEL_BYTES : CEL_STRING,
				  .s = arena_str(p->arena, buf_str(&b))};
	return bytes ? T_BYTES : T_STRING;
}

static enum tok number(struct parser *p)
{
	const char *s = p->text.p + p->pos;
	size_t left = p->text.len - p->pos, n = 0;
	bool hex = left > 2 && s[0] == '0' && (s[1] | 32) == 'x', real = false;
	char text[80], *end;
	uint64_t u;

	if (hex)
		for (n = 2; n < left && isxdigit((unsigned char)s[n]); n++)
			;
	else {
		while (n < left && isdigit((unsigned char)s[n]))
			n++;
		if (n + 1 < left && s[n] == '.' && isdigit((unsigned char)s[n + 1])) {
			real = true;
			for (n++; n < left && isdigit((unsigned char)s[n]); n++)
				;
		}
		if (n < left && (s[n] | 32) == 'e') {
			size_t k = n + 1;

			if (k < left && (s[k] == '+' || s[k] == '-'))
				k++;
			if (k < left && isdigit((unsigned char)s[k])) {
				real = true;
				for (n = k; n < left && isdigit((unsigned char)s[n]); n++)
					;
			}
		}
	}
	if (str_copy(text, sizeof(text), str_n(s, n)) < 0)
		return T_BAD;
	p->pos += n;
	if (real) {
		p->lit = cel_double(strtod(text, NULL));
		return T_DOUBLE;
	}
	errno = 0;
	u = strtoull(text, &end, hex ? 16 : 10);
	if (errno || *end || (hex && n < 3))
		return T_BAD;
	if (p->pos < p->text.len && (p->text.p[p->pos] | 32) == 'u') {
		p->pos++;
		p->lit = cel_uint(u);
		return T_UINT;
	}
	/* The smallest int has a magnitude of its own: the sign before it decides. */
	p->lit = cel_uint(u);
	return T_INT;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static enum tok sign(struct parser *p)
{
	static const char *const two[] = {"&&", "||", "==", "!=", "<=", ">="};

	for (size_t i = 0; i < ARRAY_SIZE(two); i++) {
		if (at_text(p, two[i])) {
			p->pos += 2;
			return T_PUNCT;
		}
	}
	if (!strchr("()[]{}.,:?+-*/%<>!", p->text.p[p->pos]) || !p->text.p[p->pos])
		return T_BAD;
	p->pos++;
	return T_PUNCT;
}

/* r"", b'', rb"" and so on; 0: no literal begins here. */
static size_t text_prefix(const struct parser *p, bool *raw, bool *bytes)
{
	size_t n = 0;

	for (; n < 2 && p->pos + n < p->text.len; n++) {
		char c = (char)(p->text.p[p->pos + n] | 32);

		if (c == 'r' && !*raw)
			*raw = true;
		else if (c == 'b' && !*bytes)
			*bytes = true;
		else
			break;
	}
	if (p->pos + n < p->text.len &&
	    (p->text.p[p->pos + n] == '"' || p->text.p[p->pos + n] == '\''))
		return n + 1;
	*raw = *bytes = false;
	return 0;
}

static enum tok scan(struct parser *p)
{
	bool raw = false, bytes = false;
	size_t n;
	char c;

	skip_space(p);
	p->at = (uint32_t)p->pos;
	if (p->pos >= p->text.len)
		return T_END;
	c = p->text.p[p->pos];
	n = text_prefix(p, &raw, &bytes);
	if (n) {
		p->pos += n - 1;
		return text_literal(p, raw, bytes);
	}
	if (isdigit((unsigned char)c) ||
	    (c == '.' && p->pos + 1 < p->text.len && isdigit((unsigned char)p->text.p[p->pos + 1])))
		return number(p);
	if (c == '`') {
		const char *close = memchr(p->text.p + p->pos + 1, '`', p->text.len - p->pos - 1);

		if (!close)
			return T_BAD;
		p->pos = (size_t)(close - p->text.p) + 1;
		return T_QUOTED;
	}
	if (isalpha((unsigned char)c) || c == '_') {
		while (p->pos < p->text.len && is_word(p->text.p[p->pos]))
			p->pos++;
		return T_IDENT;
	}
	return sign(p);
}

static void next(struct parser *p)
{
	p->tok = scan(p);
	p->word = str_n(p->text.p + p->at, p->pos - p->at);
	if (p->tok == T_QUOTED)
		p->word = str_n(p->word.p + 1, p->word.len - 2);
	if (p->tok == T_BAD) {
		struct str shown = str_n(p->text.p + p->at, MIN(p->text.len - p->at, (size_t)20));
		CLEANUP_FREE char *what =
			xasprintf("token recognition error at: '%.*s'", STR_ARG(shown));

		fail(p, what);
		p->tok = T_END;
	}
}

static bool is(const struct parser *p, const char *s)
{
	return p->tok == T_PUNCT && str_eqs(p->word, s);
}

static bool take(struct parser *p, const char *s)
{
	if (!is(p, s))
		return false;
	next(p);
	return true;
}

static bool expect(struct parser *p, const char *s)
{
	CLEANUP_FREE char *what = NULL;

	if (take(p, s))
		return true;
	what = p->tok == T_END
		       ? xasprintf("mismatched input '<EOF>' expecting '%s'", s)
		       : xasprintf("mismatched input '%.*s' expecting '%s'", STR_ARG(p->word), s);
	fail(p, what);
	return false;
}

/* ---- nodes ---- */

static struct cel_node *node(struct parser *p, enum cel_op op, uint32_t pos, size_t n)
{
	struct cel_node *x;

	if (++p->nodes > CEL_NODES_MAX)
		return fail(p, "expression is too large");
	x = ARENA_NEW(p->arena, struct cel_node);
	x->op = (uint8_t)op;
	x->pos = pos;
	x->n = (uint32_t)n;
	x->args = n ? ARENA_ARRAY(p->arena, struct cel_node *, n) : NULL;
	return x;
}

static struct cel_node *call(struct parser *p, const char *name, uint32_t pos, struct cel_node *a,
			     struct cel_node *b)
{
	struct cel_node *x = a ? node(p, OP_CALL, pos, b ? 2 : 1) : NULL;

	if (!x)
		return NULL;
	x->name = str_of(name);
	x->args[0] = a;
	if (b)
		x->args[1] = b;
	return x;
}

static struct cel_node *expr(struct parser *p);

static struct cel_node *unexpected(struct parser *p)
{
	CLEANUP_FREE char *what =
		p->tok == T_END ? xstrdup("mismatched input '<EOF>' expecting an expression")
				: xasprintf("mismatched input '%.*s' expecting an expression",
					    STR_ARG(p->word));

	return fail(p, what);
}

struct nodes {
	struct cel_node **v;
	size_t n, cap;
};

/* Expressions with commas between them, up to `close`; a comma may stand last in literals. */
static bool list_of(struct parser *p, const char *close, bool literal, struct nodes *ret,
		    bool **opt)
{
	struct nodes ns = {0};
	CLEANUP_FREE bool *marks = NULL;
	size_t n_marks = 0, cap_marks = 0;
	bool any = false, ok = true;

	while (ok && !is(p, close)) {
		bool o = literal && take(p, "?");
		struct cel_node *e = expr(p);

		if (!e) {
			ok = false;
			break;
		}
		*ARRAY_PUSH(ns.v, ns.n, ns.cap) = e;
		*ARRAY_PUSH(marks, n_marks, cap_marks) = o;
		any |= o;
		if (is(p, close))
			break;
		ok = take(p, ",") || expect(p, ",");
		if (ok && !literal && is(p, close))
			ok = unexpected(p);
	}
	ok = ok && expect(p, close);
	ret->n = ns.n;
	ret->v = ARENA_ARRAY(p->arena, struct cel_node *, ns.n);
	if (ns.n)
		memcpy(ret->v, ns.v, ns.n * sizeof(*ns.v));
	if (opt)
		*opt = any ? memcpy(ARENA_ARRAY(p->arena, bool, ns.n), marks, ns.n) : NULL;
	free(ns.v);
	return ok;
}

static struct cel_node *map_literal(struct parser *p, uint32_t pos)
{
	struct nodes ns = {0};
	CLEANUP_FREE bool *marks = NULL;
	size_t n_marks = 0, cap_marks = 0;
	struct cel_node *x = NULL;
	bool any = false;

	while (!is(p, "}")) {
		bool o = take(p, "?");
		struct cel_node *k = expr(p), *v;

		if (!k || !expect(p, ":"))
			goto out;
		v = expr(p);
		if (!v)
			goto out;
		*ARRAY_PUSH(ns.v, ns.n, ns.cap) = k;
		*ARRAY_PUSH(ns.v, ns.n, ns.cap) = v;
		*ARRAY_PUSH(marks, n_marks, cap_marks) = o;
		any |= o;
		if (!take(p, ","))
			break;
	}
	if (!expect(p, "}"))
		goto out;
	x = node(p, OP_MAP, pos, ns.n);
	if (x && ns.n)
		memcpy(x->args, ns.v, ns.n * sizeof(*ns.v));
	if (x && any)
		x->opt = memcpy(ARENA_ARRAY(p->arena, bool, n_marks), marks, n_marks);
out:
	free(ns.v);
	return x;
}

/* ---- macros ---- */

static const struct {
	const char *name;
	enum cel_macro macro;
	size_t n; /* arguments */
	bool two;
} macros[] = {
	{"all", MACRO_ALL, 2, false},
	{"exists", MACRO_EXISTS, 2, false},
	{"exists_one", MACRO_EXISTS_ONE, 2, false},
	{"existsOne", MACRO_EXISTS_ONE, 2, false},
	{"map", MACRO_MAP, 2, false},
	{"map", MACRO_MAP, 3, false},
	{"filter", MACRO_FILTER, 2, false},
	{"all", MACRO_ALL, 3, true},
	{"exists", MACRO_EXISTS, 3, true},
	{"exists_one", MACRO_EXISTS_ONE, 3, true},
	{"existsOne", MACRO_EXISTS_ONE, 3, true},
	{"transformList", MACRO_TRANSFORM_LIST, 3, true},
	{"transformList", MACRO_TRANSFORM_LIST, 4, true},
	{"transformMap", MACRO_TRANSFORM_MAP, 3, true},
	{"transformMap", MACRO_TRANSFORM_MAP, 4, true},
	{"transformMapEntry", MACRO_TRANSFORM_ENTRY, 3, true},
	{"transformMapEntry", MACRO_TRANSFORM_ENTRY, 4, true},
	{"optMap", MACRO_OPT_MAP, 2, false},
	{"optFlatMap", MACRO_OPT_FLAT_MAP, 2, false},
};

static bool is_name(const struct cel_node *n)
{
	return n->op == OP_IDENT && n->name.len && n->name.p[0] != '.';
}

/* target.name(args) as a macro; *ret stays NULL when it is none. False: failed. */
static bool try_macro(struct parser *p, struct cel_node *target, struct str name, uint32_t pos,
		      const struct nodes *args, struct cel_node **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(macros); i++) {
		size_t vars = macros[i].two ? 2 : 1;
		struct cel_node *x;

		if (!str_eqs(name, macros[i].name) || args->n != macros[i].n)
			continue;
		for (size_t v = 0; v < vars; v++) {
			if (!is_name(args->v[v])) {
				p->at = args->v[v]->pos;
				fail(p, "argument must be a simple name");
				return false;
			}
		}
		x = node(p, OP_MACRO, pos, 3);
		if (!x)
			return false;
		x->name = name;
		x->macro = (uint8_t)macros[i].macro;
		x->two = macros[i].two;
		x->var1 = args->v[0]->name;
		x->var2 = x->two ? args->v[1]->name : STR_NULL;
		x->args[0] = target;
		/* One expression more than needed is a filter in front of the value. */
		x->args[1] = args->n - vars == 2 ? args->v[vars] : NULL;
		x->args[2] = args->v[args->n - 1];
		*ret = x;
		return true;
	}
	return true;
}

static struct cel_node *has_macro(struct parser *p, const struct nodes *args, uint32_t pos)
{
	struct cel_node *a = args->n == 1 ? args->v[0] : NULL;

	if (!a || (a->op != OP_SELECT && a->op != OP_OPT_SELECT)) {
		p->at = pos;
		return fail(p, "invalid argument to has() macro");
	}
	a->op = OP_HAS;
	return a;
}

static struct cel_node *bind_macro(struct parser *p, const struct nodes *args, uint32_t pos)
{
	struct cel_node *x;

	if (!is_name(args->v[0]))
		return fail(p, "cel.bind() variable names must be simple identifiers");
	x = node(p, OP_BIND, pos, 2);
	if (!x)
		return NULL;
	x->var1 = args->v[0]->name;
	x->args[0] = args->v[1];
	x->args[1] = args->v[2];
	return x;
}

static struct cel_node *method(struct parser *p, struct cel_node *target, struct str name,
			       uint32_t pos)
{
	struct nodes args = {0};
	struct cel_node *x = NULL;

	if (!list_of(p, ")", false, &args, NULL))
		return NULL;
	if (target->op == OP_IDENT && str_eqs(target->name, "cel") && str_eqs(name, "bind") &&
	    args.n == 3)
		return bind_macro(p, &args, pos);
	if (!try_macro(p, target, name, pos, &args, &x) || x)
		return x;
	x = node(p, OP_CALL, pos, args.n + 1);
	if (!x)
		return NULL;
	x->name = name;
	x->method = true;
	x->args[0] = target;
	if (args.n)
		memcpy(x->args + 1, args.v, args.n * sizeof(*args.v));
	return x;
}

/* ---- grammar ---- */

static bool reserved(struct str w)
{
	static const char *const words[] = {
		"in",       "as",  "break",  "const", "continue", "else",    "for",
		"function", "if",  "import", "let",   "loop",     "package", "namespace",
		"return",   "var", "void",   "while", "false",    "true",    "null"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eqs(w, words[i]))
			return true;
	return false;
}

static struct cel_node *constant(struct parser *p, struct cel_val v)
{
	struct cel_node *x = node(p, OP_CONST, p->at, 0);

	if (x)
		x->val = v;
	next(p);
	return x;
}

static struct cel_node *ident(struct parser *p)
{
	struct str word = p->word;
	uint32_t pos = p->at;
	struct cel_node *x;

	if (str_eqs(word, "true") || str_eqs(word, "false"))
		return constant(p, cel_bool(word.p[0] == 't'));
	if (str_eqs(word, "null"))
		return constant(p, CEL_VAL_NULL);
	if (reserved(word)) {
		CLEANUP_FREE char *what = xasprintf("reserved identifier: %.*s", STR_ARG(word));

		return fail(p, what);
	}
	next(p);
	if (take(p, "(")) {
		struct nodes args = {0};

		if (!list_of(p, ")", false, &args, NULL))
			return NULL;
		if (str_eqs(word, "has"))
			return has_macro(p, &args, pos);
		x = node(p, OP_CALL, pos, args.n);
		if (x && args.n)
			memcpy(x->args, args.v, args.n * sizeof(*args.v));
	} else {
		x = node(p, OP_IDENT, pos, 0);
	}
	if (x)
		x->name = arena_str(p->arena, word);
	return x;
}

static struct cel_node *primary(struct parser *p)
{
	uint32_t pos = p->at;
	struct cel_node *x;
	struct nodes ns = {0};
	bool *opt = NULL;

	switch (p->tok) {
	case T_INT:
		if (p->lit.u > INT64_MAX)
			return fail(p, "invalid int literal");
		return constant(p, cel_int((int64_t)p->lit.u));
	case T_UINT:
	case T_DOUBLE:
	case T_STRING:
	case T_BYTES:
		return constant(p, p->lit);
	case T_IDENT:
		return ident(p);
	case T_PUNCT:
		break;
	case T_QUOTED:
	case T_BAD:
	case T_END:
		return unexpected(p);
	}
	if (take(p, ".")) {
		if (p->tok != T_IDENT)
			return unexpected(p);
		return ident(p);
	}
	if (take(p, "(")) {
		x = expr(p);
		return x && expect(p, ")") ? x : NULL;
	}
	if (take(p, "[")) {
		if (!list_of(p, "]", true, &ns, &opt))
			return NULL;
		x = node(p, OP_LIST, pos, ns.n);
		if (x && ns.n)
			memcpy(x->args, ns.v, ns.n * sizeof(*ns.v));
		if (x)
			x->opt = opt;
		return x;
	}
	if (take(p, "{"))
		return map_literal(p, pos);
	return unexpected(p);
}

static struct cel_node *select_(struct parser *p, struct cel_node *target)
{
	uint32_t pos = p->at;
	bool opt;
	struct cel_node *x;
	struct str name;

	next(p);
	opt = take(p, "?");
	if (p->tok != T_IDENT && p->tok != T_QUOTED)
		return unexpected(p);
	name = arena_str(p->arena, p->word);
	if (p->tok == T_IDENT && (str_eqs(name, "in") || str_eqs(name, "true") ||
				  str_eqs(name, "false") || str_eqs(name, "null")))
		return unexpected(p);
	next(p);
	if (!opt && take(p, "("))
		return method(p, target, name, pos);
	x = node(p, opt ? OP_OPT_SELECT : OP_SELECT, pos, 1);
	if (!x)
		return NULL;
	x->name = name;
	x->args[0] = target;
	return x;
}

/* name{field: value, ...}: `type` is the name, as selections. */
static struct cel_node *message(struct parser *p, struct cel_node *type)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;
	CLEANUP_FREE struct str *fields = NULL;
	CLEANUP_FREE bool *marks = NULL;
	struct nodes ns = {0};
	size_t n_fields = 0, cap_fields = 0, n_marks = 0, cap_marks = 0;
	uint32_t pos = p->at;
	struct cel_node *x = NULL;

	if (!cel_dotted(type, &name))
		return unexpected(p);
	next(p);
	while (!is(p, "}")) {
		bool o = take(p, "?");
		struct cel_node *v;

		if (p->tok != T_IDENT && p->tok != T_QUOTED) {
			unexpected(p);
			goto out;
		}
		*ARRAY_PUSH(fields, n_fields, cap_fields) = arena_str(p->arena, p->word);
		*ARRAY_PUSH(marks, n_marks, cap_marks) = o;
		next(p);
		v = expect(p, ":") ? expr(p) : NULL;
		if (!v)
			goto out;
		*ARRAY_PUSH(ns.v, ns.n, ns.cap) = v;
		if (!take(p, ","))
			break;
	}
	if (!expect(p, "}"))
		goto out;
	x = node(p, OP_MESSAGE, pos, ns.n);
	if (!x)
		goto out;
	x->name = arena_str(p->arena, buf_str(&name));
	if (ns.n) {
		memcpy(x->args, ns.v, ns.n * sizeof(*ns.v));
		x->opt = memcpy(ARENA_ARRAY(p->arena, bool, ns.n), marks, ns.n);
		x->fields = memcpy(ARENA_ARRAY(p->arena, struct str, ns.n), fields,
				   ns.n * sizeof(*fields));
	}
out:
	free(ns.v);
	return x;
}

static struct cel_node *member(struct parser *p)
{
	struct cel_node *x = primary(p);

	while (x && !p->failed) {
		uint32_t pos = p->at;

		if (is(p, ".")) {
			x = select_(p, x);
		} else if (take(p, "[")) {
			bool opt = take(p, "?");
			struct cel_node *i = expr(p), *y;

			if (!i || !expect(p, "]"))
				return NULL;
			y = node(p, opt ? OP_OPT_INDEX : OP_INDEX, pos, 2);
			if (!y)
				return NULL;
			y->args[0] = x;
			y->args[1] = i;
			x = y;
		} else if (is(p, "{") && (x->op == OP_IDENT || x->op == OP_SELECT)) {
			x = message(p, x);
		} else {
			break;
		}
	}
	return x;
}

static struct cel_node *unary(struct parser *p)
{
	uint32_t pos = p->at;
	struct cel_node *x, *a;
	size_t n = 0;

	if (is(p, "!")) {
		for (; take(p, "!"); n++)
			;
		a = member(p);
		if (!a || n % 2 == 0)
			return a;
		x = node(p, OP_NOT, pos, 1);
		if (x)
			x->args[0] = a;
		return x;
	}
	if (!is(p, "-"))
		return member(p);
	for (; take(p, "-"); n++)
		;
	if (n == 1 && p->tok == T_INT && p->lit.u == (uint64_t)INT64_MAX + 1)
		return constant(p, cel_int(INT64_MIN));
	a = member(p);
	if (a && n == 1 && a->op == OP_CONST && a->val.kind == CEL_INT && a->val.i != INT64_MIN) {
		a->val.i = -a->val.i;
		return a;
	}
	if (a && n == 1 && a->op == OP_CONST && a->val.kind == CEL_DOUBLE) {
		a->val.d = -a->val.d;
		return a;
	}
	return n % 2 ? call(p, "-_", pos, a, NULL) : a;
}

static const struct level {
	const char *sign, *name;
	int rank;
} levels[] = {
	{"*", "_*_", 3},   {"/", "_/_", 3},   {"%", "_%_", 3},   {"+", "_+_", 2},
	{"-", "_-_", 2},   {"==", "_==_", 1}, {"!=", "_!=_", 1}, {"<=", "_<=_", 1},
	{">=", "_>=_", 1}, {"<", "_<_", 1},   {">", "_>_", 1},
};

static const struct level *operator(const struct parser *p)
{
	static const struct level in = {"in", "@in", 1};

	if (p->tok == T_IDENT && str_eqs(p->word, "in"))
		return &in;
	for (size_t i = 0; p->tok == T_PUNCT && i < ARRAY_SIZE(levels); i++)
		if (str_eqs(p->word, levels[i].sign))
			return &levels[i];
	return NULL;
}

/* Operators of one rank and those that bind closer. */
static struct cel_node *binary(struct parser *p, int rank)
{
	struct cel_node *a = rank > 3 ? unary(p) : binary(p, rank + 1);

	while (a && rank <= 3) {
		const struct level *l = operator(p);
		uint32_t pos = p->at;
		struct cel_node *b;

		if (!l || l->rank != rank)
			break;
		next(p);
		b = binary(p, rank + 1);
		a = b ? call(p, l->name, pos, a, b) : NULL;
	}
	return a;
}

static struct cel_node *logic(struct parser *p, bool or_)
{
	struct cel_node *a = or_ ? logic(p, false) : binary(p, 1);

	while (a && is(p, or_ ? "||" : "&&")) {
		struct cel_node *x = node(p, or_ ? OP_OR : OP_AND, p->at, 2), *b;

		next(p);
		b = or_ ? logic(p, false) : binary(p, 1);
		if (!x || !b)
			return NULL;
		x->args[0] = a;
		x->args[1] = b;
		a = x;
	}
	return a;
}

static struct cel_node *expr(struct parser *p)
{
	struct cel_node *a, *x = NULL;

	if (++p->depth > CEL_DEPTH_MAX) {
		p->depth--;
		return fail(p, "expression nests too deeply");
	}
	a = logic(p, true);
	if (a && is(p, "?")) {
		uint32_t pos = p->at;

		next(p);
		x = node(p, OP_COND, pos, 3);
		if (x) {
			x->args[0] = a;
			x->args[1] = logic(p, true);
			if (!x->args[1] || !expect(p, ":") || !(x->args[2] = expr(p)))
				x = NULL;
		}
		a = x;
	}
	p->depth--;
	return p->failed ? NULL : a;
}

/* Chains of operators and selections are as deep as they are long: those who walk them recurse. */
static bool depth_fits(const struct cel_node *x, unsigned left)
{
	if (!left)
		return false;
	for (uint32_t i = 0; i < x->n; i++)
		if (x->args[i] && !depth_fits(x->args[i], left - 1))
			return false;
	return true;
}

struct cel_node *cel_parse(struct arena *a, struct str text, struct cel_mistakes *m)
{
	struct parser p = {.arena = a, .text = text, .m = m};
	struct cel_node *x;

	next(&p);
	x = expr(&p);
	if (x && !p.failed && p.tok != T_END) {
		CLEANUP_FREE char *what =
			xasprintf("extraneous input '%.*s' expecting <EOF>", STR_ARG(p.word));

		fail(&p, what);
	}
	if (x && !p.failed && !depth_fits(x, TREE_DEPTH_MAX))
		fail(&p, "expression nests too deeply");
	return p.failed ? NULL : x;
}
