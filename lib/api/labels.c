/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/labels.h"
#include "lib/api/names.h"

void label_selector_done(struct label_selector *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t j = 0; j < s->reqs[i].n_values; j++)
			free(s->reqs[i].values[j]);
		free(s->reqs[i].values);
		free(s->reqs[i].key);
	}
	free(s->reqs);
	*s = (struct label_selector){0};
}

const char *label_check_key(struct str key)
{
	return name_check_qualified(key);
}

const char *label_check_value(struct str value)
{
	return name_check_label_value(value);
}

static int cmp_values(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int bad(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int bad(struct err *err, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	return err_set(err, EINVAL, "BadRequest", "%s", b.p);
}

/* Check and add one requirement; `values` (and its strings) are taken whatever the outcome. */
static int add_req(struct label_selector *s, struct str key, enum label_op op, char **values,
		   size_t n, struct err *err)
{
	struct label_req r = {NULL, op, values, n, 0};
	const char *why = name_check_qualified(key);
	int rc = 0;

	if (why)
		rc = bad(err, "key: Invalid value: \"%.*s\": %s", STR_ARG(key), why);
	for (size_t i = 0; i < n && rc == 0; i++) {
		why = name_check_label_value(str_of(values[i]));
		if (why)
			rc = bad(err, "values[%zu][%.*s]: Invalid value: \"%s\": %s", i,
				 STR_ARG(key), values[i], why);
	}
	if (rc == 0 && (op == LABEL_IN || op == LABEL_NOT_IN) && !n)
		rc = bad(err, "values: Invalid value: []: for 'in', 'notin' operators, values set "
			      "can't be empty");
	if (rc == 0 && (op == LABEL_EXISTS || op == LABEL_NOT_EXISTS) && n)
		rc = bad(err,
			 "values: Invalid value: [\"%s\"]: values set must be empty for "
			 "exists and does not exist",
			 values[0]);
	if (rc == 0 && (op == LABEL_GT || op == LABEL_LT) &&
	    (n != 1 || str_to_i64(str_of(values[0]), &r.number) < 0))
		rc = bad(err,
			 "values[0]: Invalid value: \"%s\": for 'Gt', 'Lt' operators, the value "
			 "must be "
			 "an integer",
			 n ? values[0] : "");
	if (rc < 0) {
		for (size_t i = 0; i < n; i++)
			free(values[i]);
		free(values);
		return rc;
	}
	if (n > 1)
		qsort(values, n, sizeof(*values), cmp_values);
	r.key = str_dup(key);
	*ARRAY_PUSH(s->reqs, s->n, s->cap) = r;
	return 0;
}

static char **one_value(struct str v)
{
	char **values = xmalloc(sizeof(*values));

	values[0] = xstrndup(v.p ? v.p : "", v.len);
	return values;
}

/*
 * Tokens of the text form:
 *
 *	selector    = [ requirement { "," requirement } ]
 *	requirement = [ "!" ] KEY | KEY ( "=" | "==" | "!=" | ">" | "<" ) VALUE
 *	            | KEY ( "in" | "notin" ) "(" [ VALUE ] { "," [ VALUE ] } ")"
 */
enum tok { TOK_END, TOK_WORD, TOK_OP, TOK_OPEN, TOK_CLOSE, TOK_COMMA, TOK_NOT };

struct lexer {
	struct str rest;
	enum tok tok;
	struct str text;
};

static bool is_special(char c)
{
	return c == '=' || c == '!' || c == '(' || c == ')' || c == ',' || c == '>' || c == '<';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void next(struct lexer *l)
{
	size_t n = 1;

	while (l->rest.len && is_space(l->rest.p[0]))
		l->rest = str_skip(l->rest, 1);
	if (!l->rest.len) {
		l->tok = TOK_END;
		l->text = STR("");
		return;
	}
	switch (l->rest.p[0]) {
	case ',':
		l->tok = TOK_COMMA;
		break;
	case '(':
		l->tok = TOK_OPEN;
		break;
	case ')':
		l->tok = TOK_CLOSE;
		break;
	case '!':
		l->tok = TOK_NOT;
		if (l->rest.len > 1 && l->rest.p[1] == '=') {
			l->tok = TOK_OP;
			n = 2;
		}
		break;
	case '=':
	case '>':
	case '<':
		l->tok = TOK_OP;
		if (l->rest.p[0] == '=' && l->rest.len > 1 && l->rest.p[1] == '=')
			n = 2;
		break;
	default:
		l->tok = TOK_WORD;
		while (n < l->rest.len && !is_special(l->rest.p[n]) && !is_space(l->rest.p[n]))
			n++;
	}
	l->text = str_n(l->rest.p, n);
	l->rest = str_skip(l->rest, n);
}

static int unexpected(const struct lexer *l, const char *expected, struct err *err)
{
	return bad(err, "unable to parse requirement: found '%.*s', expected: %s", STR_ARG(l->text),
		   expected);
}

/* "(a,b)" behind in and notin; an empty place is the empty value. */
static int parse_set(struct lexer *l, char ***ret, size_t *ret_n, struct err *err)
{
	char **v = NULL;
	size_t n = 0, cap = 0;
	bool want_value = true;

	next(l);
	if (l->tok != TOK_OPEN)
		return unexpected(l, "'('", err);
	for (;;) {
		next(l);
		if (l->tok == TOK_WORD && want_value) {
			*ARRAY_PUSH(v, n, cap) = xstrndup(l->text.p, l->text.len);
			want_value = false;
		} else if (l->tok == TOK_COMMA || l->tok == TOK_CLOSE) {
			if (want_value)
				*ARRAY_PUSH(v, n, cap) = xstrdup("");
			want_value = true;
			if (l->tok == TOK_CLOSE)
				break;
		} else {
			while (n)
				free(v[--n]);
			free(v);
			return unexpected(l, "',', ')' or identifier", err);
		}
	}
	next(l);
	*ret = v;
	*ret_n = n;
	return 0;
}

static int parse_req(struct lexer *l, struct label_selector *s, struct err *err)
{
	enum label_op op = LABEL_EXISTS;
	struct str key, value = STR("");
	char **values = NULL;
	size_t n = 0;
	int r;

	if (l->tok == TOK_NOT) {
		op = LABEL_NOT_EXISTS;
		next(l);
	}
	if (l->tok != TOK_WORD)
		return unexpected(l, "identifier", err);
	key = l->text;
	next(l);
	if (op == LABEL_NOT_EXISTS || l->tok == TOK_END || l->tok == TOK_COMMA)
		return add_req(s, key, op, NULL, 0, err);
	if (l->tok == TOK_WORD && (str_eqs(l->text, "in") || str_eqs(l->text, "notin"))) {
		op = str_eqs(l->text, "in") ? LABEL_IN : LABEL_NOT_IN;
		r = parse_set(l, &values, &n, err);
		return r < 0 ? r : add_req(s, key, op, values, n, err);
	}
	if (l->tok != TOK_OP)
		return unexpected(l, "in, notin, =, ==, !=, gt, lt", err);
	op = l->text.p[0] == '!'   ? LABEL_NOT_IN
	     : l->text.p[0] == '>' ? LABEL_GT
	     : l->text.p[0] == '<' ? LABEL_LT
				   : LABEL_IN;
	next(l);
	if (l->tok == TOK_WORD) {
		value = l->text;
		next(l);
	}
	return add_req(s, key, op, one_value(value), 1, err);
}

int label_selector_parse(struct str text, struct label_selector *ret, struct err *err)
{
	struct label_selector s = {0};
	struct lexer l = {.rest = text};
	int r = 0;

	next(&l);
	while (l.tok != TOK_END) {
		r = parse_req(&l, &s, err);
		if (r == 0 && l.tok != TOK_END && l.tok != TOK_COMMA)
			r = unexpected(&l, "',' or 'end of string'", err);
		if (r < 0)
			break;
		if (l.tok == TOK_COMMA) {
			next(&l);
			if (l.tok == TOK_END)
				r = unexpected(&l, "identifier after ','", err);
			if (r < 0)
				break;
		}
	}
	if (r < 0)
		label_selector_done(&s);
	else
		*ret = s;
	return r;
}

static int from_expression(struct jv e, struct label_selector *s, struct err *err)
{
	static const struct {
		const char *name;
		enum label_op op;
	} ops[] = {{"In", LABEL_IN},         {"NotIn", LABEL_NOT_IN},
		   {"Exists", LABEL_EXISTS}, {"DoesNotExist", LABEL_NOT_EXISTS},
		   {"Gt", LABEL_GT},         {"Lt", LABEL_LT}};
	struct jv op = jv_get(e, "operator");
	char **values = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!jv_eqs(op, ops[i].name))
			continue;
		jv_for_each (it, jv_get(e, "values")) {
			char *v = jv_strdup(it.value);

			*ARRAY_PUSH(values, n, cap) = v ? v : xstrdup("");
		}
		return add_req(s, jv_text(jv_get(e, "key")), ops[i].op, values, n, err);
	}
	return bad(err, "\"%.*s\" is not a valid label selector operator", STR_ARG(jv_text(op)));
}

static int add_map(struct jv map, struct label_selector *s, struct err *err)
{
	int r = 0;

	jv_for_each_member (it, map) {
		r = add_req(s, it.key, LABEL_IN, one_value(jv_text(it.value)), 1, err);
		if (r < 0)
			break;
	}
	return r;
}

int label_selector_from_object(struct jv obj, struct label_selector *ret, struct err *err)
{
	struct label_selector s = {0};
	int r;

	s.nothing = !jv_exists(obj);
	r = add_map(jv_get(obj, "matchLabels"), &s, err);
	if (r == 0) {
		jv_for_each (it, jv_get(obj, "matchExpressions")) {
			r = from_expression(it.value, &s, err);
			if (r < 0)
				break;
		}
	}
	if (r < 0)
		label_selector_done(&s);
	else
		*ret = s;
	return r;
}

int label_selector_from_map(struct jv obj, struct label_selector *ret, struct err *err)
{
	struct label_selector s = {0};
	int r = add_map(obj, &s, err);

	if (r < 0) {
		label_selector_done(&s);
		return r;
	}
	s.nothing = s.n == 0;
	*ret = s;
	return 0;
}

static bool one_of(const struct label_req *r, struct str v)
{
	for (size_t i = 0; i < r->n_values; i++)
		if (str_eqs(v, r->values[i]))
			return true;
	return false;
}

static bool holds(const struct label_req *r, struct str v)
{
	int64_t n;

	switch (r->op) {
	case LABEL_IN:
		return !str_is_null(v) && one_of(r, v);
	case LABEL_NOT_IN:
		return str_is_null(v) || !one_of(r, v);
	case LABEL_EXISTS:
		return !str_is_null(v);
	case LABEL_NOT_EXISTS:
		return str_is_null(v);
	case LABEL_GT:
		return !str_is_null(v) && str_to_i64(v, &n) == 0 && n > r->number;
	case LABEL_LT:
		return !str_is_null(v) && str_to_i64(v, &n) == 0 && n < r->number;
	}
	return false;
}

bool label_selector_match_fn(const struct label_selector *s,
			     struct str (*get)(void *user, struct str key), void *user)
{
	if (s->nothing)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (!holds(&s->reqs[i], get(user, str_of(s->reqs[i].key))))
			return false;
	return true;
}

static struct str get_from_jv(void *user, struct str key)
{
	return jv_text(jv_getn(*(struct jv *)user, key));
}

bool label_selector_match(const struct label_selector *s, struct jv labels)
{
	return label_selector_match_fn(s, get_from_jv, &labels);
}

void label_selector_format(const struct label_selector *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct label_req *r = &s->reqs[i];
		bool set = r->n_values != 1 && (r->op == LABEL_IN || r->op == LABEL_NOT_IN);

		if (i)
			buf_addc(out, ',');
		buf_addf(out, "%s%s", r->op == LABEL_NOT_EXISTS ? "!" : "", r->key);
		if (set)
			buf_adds(out, r->op == LABEL_IN ? " in (" : " notin (");
		else if (r->op == LABEL_IN || r->op == LABEL_NOT_IN)
			buf_adds(out, r->op == LABEL_IN ? "=" : "!=");
		else if (r->op == LABEL_GT || r->op == LABEL_LT)
			buf_addc(out, r->op == LABEL_GT ? '>' : '<');
		for (size_t j = 0; j < r->n_values; j++)
			buf_addf(out, "%s%s", j ? "," : "", r->values[j]);
		if (set)
			buf_addc(out, ')');
	}
}
