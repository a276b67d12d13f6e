/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/jsonpath.h"

#include <ctype.h>

#define STEPS_MAX 100

enum step_kind { STEP_FIELD, STEP_INDEX, STEP_SLICE, STEP_ALL, STEP_DESCEND, STEP_FILTER };
enum filter_op { OP_EXISTS, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };

struct step {
	enum step_kind kind;
	struct str name;
	int64_t from, to; /* slices: to INT64_MAX is the end */
	const struct jsonpath *left; /* of a filter */
	enum filter_op op;
	struct str literal; /* decoded */
	bool literal_number;
};

struct jsonpath {
	struct step *v;
	size_t n;
};

struct reader {
	const char *p, *end;
	struct arena *arena;
	unsigned depth;
};

static int read_path(struct reader *r, struct jsonpath *ret, bool filter);

static void skip_space(struct reader *r)
{
	while (r->p < r->end && isspace((unsigned char)*r->p))
		r->p++;
}

static int quoted(struct reader *r, struct str *ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char q = *r->p++;

	for (; r->p < r->end && *r->p != q; r->p++) {
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
		buf_addc(&b, *r->p);
	}
	if (r->p >= r->end)
		return -EINVAL;
	r->p++;
	*ret = arena_str(r->arena, buf_str(&b));
	return 0;
}

static int name(struct reader *r, struct str *ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	while (r->p < r->end && !strchr(".[]{}()=!<>\"' ", *r->p)) {
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
		buf_addc(&b, *r->p++);
	}
	if (!b.len)
		return -EINVAL;
	*ret = arena_str(r->arena, buf_str(&b));
	return 0;
}

static bool integer(struct reader *r, int64_t *ret)
{
	const char *s = r->p;

	if (r->p < r->end && *r->p == '-')
		r->p++;
	while (r->p < r->end && isdigit((unsigned char)*r->p))
		r->p++;
	return str_to_i64(str_n(s, (size_t)(r->p - s)), ret) == 0;
}

static int filter_op(struct reader *r, enum filter_op *ret)
{
	static const struct {
		const char *text;
		enum filter_op op;
	} ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE},
		   {">=", OP_GE}, {"<", OP_LT},  {">", OP_GT}};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!str_starts(str_n(r->p, (size_t)(r->end - r->p)), str_of(ops[i].text)))
			continue;
		r->p += strlen(ops[i].text);
		*ret = ops[i].op;
		return 0;
	}
	return -EINVAL;
}

/* Behind "[?(". */
static int read_filter(struct reader *r, struct step *s)
{
	struct jsonpath *left = ARENA_NEW(r->arena, struct jsonpath);

	skip_space(r);
	if (r->p >= r->end || *r->p != '@')
		return -EINVAL;
	r->p++;
	if (read_path(r, left, true) < 0)
		return -EINVAL;
	s->kind = STEP_FILTER;
	s->left = left;
	skip_space(r);
	if (r->p < r->end && *r->p != ')') {
		if (filter_op(r, &s->op) < 0)
			return -EINVAL;
		skip_space(r);
		if (r->p >= r->end)
			return -EINVAL;
		if (*r->p == '"' || *r->p == '\'') {
			if (quoted(r, &s->literal) < 0)
				return -EINVAL;
		} else {
			const char *from = r->p;

			while (r->p < r->end && *r->p != ')' && *r->p != ' ')
				r->p++;
			s->literal = arena_str(r->arena, str_n(from, (size_t)(r->p - from)));
			s->literal_number = s->literal.len && !isalpha((unsigned char)*from);
		}
		skip_space(r);
	}
	if (r->end - r->p < 2 || r->p[0] != ')' || r->p[1] != ']')
		return -EINVAL;
	r->p += 2;
	return 0;
}

static int read_bracket(struct reader *r, struct step *s)
{
	r->p++;
	if (r->p >= r->end)
		return -EINVAL;
	if (r->end - r->p > 1 && r->p[0] == '?' && r->p[1] == '(') {
		r->p += 2;
		return read_filter(r, s);
	}
	if (*r->p == '\'' || *r->p == '"') {
		s->kind = STEP_FIELD;
		if (quoted(r, &s->name) < 0)
			return -EINVAL;
	} else if (*r->p == '*') {
		s->kind = STEP_ALL;
		r->p++;
	} else {
		bool has = *r->p != ':' && integer(r, &s->from);

		s->kind = STEP_INDEX;
		if (r->p < r->end && *r->p == ':') {
			s->kind = STEP_SLICE;
			r->p++;
			s->to = INT64_MAX;
			if (r->p < r->end && *r->p != ']' && !integer(r, &s->to))
				return -EINVAL;
		} else if (!has) {
			return -EINVAL;
		}
	}
	if (r->p >= r->end || *r->p != ']')
		return -EINVAL;
	r->p++;
	return 0;
}

static int read_path(struct reader *r, struct jsonpath *ret, bool filter)
{
	struct step steps[STEPS_MAX];
	size_t n = 0;

	if (++r->depth > 8)
		return -EINVAL;
	while (r->p < r->end) {
		struct step *s = &steps[n];

		if (filter && strchr(" )=!<>", *r->p))
			break;
		if (n == STEPS_MAX)
			return -EINVAL;
		*s = (struct step){0};
		if (*r->p == '[') {
			if (read_bracket(r, s) < 0)
				return -EINVAL;
			n++;
			continue;
		}
		if (*r->p == '.') {
			r->p++;
			if (r->p >= r->end)
				break; /* "." is the whole */
			if (*r->p == '[')
				continue;
			if (*r->p == '.') {
				r->p++;
				s->kind = STEP_DESCEND;
			}
		} else if (n || filter) {
			return -EINVAL;
		}
		if (r->p < r->end && *r->p == '*' && s->kind == STEP_FIELD) {
			s->kind = STEP_ALL;
			r->p++;
		} else if (name(r, &s->name) < 0) {
			return -EINVAL;
		}
		n++;
	}
	r->depth--;
	ret->n = n;
	ret->v = ARENA_ARRAY(r->arena, struct step, n);
	if (n)
		memcpy(ret->v, steps, n * sizeof(*steps));
	return 0;
}

int jsonpath_parse(struct str text, struct arena *a, struct jsonpath **ret, struct err *err)
{
	struct reader r = {text.p, text.p + text.len, a, 0};
	struct jsonpath *p = ARENA_NEW(a, struct jsonpath);

	if (text.len > 1 && text.p[0] == '{' && text.p[text.len - 1] == '}') {
		r.p++;
		r.end--;
	}
	if (r.p < r.end && *r.p == '$')
		r.p++;
	if (!text.len || text.len > 4096 || read_path(&r, p, false) < 0 || r.p != r.end)
		return err_set(err, EINVAL, NULL, "is not a JSONPath: %.*s", STR_ARG(text));
	*ret = p;
	return 0;
}

bool jsonpath_is_simple(struct str text)
{
	if (text.len < 2 || text.p[0] != '.')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '.' ? i + 1 == text.len || text.p[i + 1] == '.'
			     : !isalnum(c) && c != '_' && c != '-' && c != '\\' && c != '/')
			return false;
	}
	return true;
}

/* ---- walking ---- */

static struct jv walk(const struct jsonpath *p, size_t i, struct jv v);

static int compare(struct jv v, const struct step *s)
{
	CLEANUP(buf_done) struct buf tmp = BUF_INIT;
	struct str text;

	if (jv_type(v) == JV_NUMBER && s->literal_number) {
		double a = jv_double(v, 0), b = strtod(s->literal.p, NULL);

		return a < b ? -1 : a > b;
	}
	text = jv_type(v) == JV_STRING ? jv_str(v, &tmp) : jv_raw(v);
	return str_cmp(text, s->literal);
}

static bool holds(const struct step *s, struct jv v)
{
	struct jv left = walk(s->left, 0, v);
	int c;

	if (!jv_exists(left))
		return false;
	c = s->op == OP_EXISTS ? 0 : compare(left, s);
	switch (s->op) {
	case OP_EXISTS:
		return true;
	case OP_EQ:
		return c == 0;
	case OP_NE:
		return c != 0;
	case OP_LT:
		return c < 0;
	case OP_LE:
		return c <= 0;
	case OP_GT:
		return c > 0;
	case OP_GE:
		return c >= 0;
	}
	return false;
}

static struct jv descend(const struct jsonpath *p, size_t i, struct jv v)
{
	struct jv hit = jv_getn(v, p->v[i].name);

	if (jv_exists(hit)) {
		hit = walk(p, i + 1, hit);
		if (jv_exists(hit))
			return hit;
	}
	jv_for_each (it, v)
		if (jv_exists(hit = descend(p, i, it.value)))
			return hit;
	jv_for_each_member (it, v)
		if (jv_exists(hit = descend(p, i, it.value)))
			return hit;
	return JV_NONE;
}

static struct jv elements(const struct jsonpath *p, size_t i, struct jv v)
{
	const struct step *s = &p->v[i];
	int64_t n = (int64_t)jv_len(v), at = 0;
	int64_t from = s->from < 0 ? s->from + n : s->from;
	int64_t to = s->kind == STEP_INDEX ? from + 1 : s->to < 0 ? s->to + n : s->to;
	struct jv hit;

	jv_for_each (it, v) {
		bool in =
			s->kind == STEP_ALL || (s->kind == STEP_FILTER && holds(s, it.value)) ||
			((s->kind == STEP_INDEX || s->kind == STEP_SLICE) && at >= from && at < to);

		at++;
		if (in && jv_exists(hit = walk(p, i + 1, it.value)))
			return hit;
	}
	return JV_NONE;
}

static struct jv walk(const struct jsonpath *p, size_t i, struct jv v)
{
	const struct step *s;
	struct jv hit;

	if (i == p->n)
		return v;
	s = &p->v[i];
	if (s->kind == STEP_FIELD)
		return walk(p, i + 1, jv_getn(v, s->name));
	if (s->kind == STEP_DESCEND)
		return descend(p, i, v);
	if (s->kind == STEP_ALL && jv_type(v) == JV_OBJECT) {
		jv_for_each_member (it, v)
			if (jv_exists(hit = walk(p, i + 1, it.value)))
				return hit;
		return JV_NONE;
	}
	return elements(p, i, v);
}

struct jv jsonpath_first(const struct jsonpath *p, struct jv obj)
{
	return walk(p, 0, obj);
}
