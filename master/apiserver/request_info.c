/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/request_info.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoding; in a path an escaped slash would move the borders of its parts. */
static int decode(struct str in, bool is_query, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.p[i];

		if (c == '%') {
			int hi = i + 2 < in.len ? hex_digit(in.p[i + 1]) : -1;
			int lo = i + 2 < in.len ? hex_digit(in.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return -EINVAL;
			c = (char)(hi * 16 + lo);
			if (!c || (c == '/' && !is_query))
				return -EINVAL;
			i += 2;
		} else if (c == '+' && is_query) {
			c = ' ';
		}
		buf_addc(out, c);
	}
	return 0;
}

int query_parse(struct str raw, struct query *ret)
{
	size_t starts[QUERY_MAX][4], n = 0;
	struct str piece;

	*ret = (struct query){.text = BUF_INIT};
	while (raw.len && str_split(&raw, '&', &piece)) {
		ssize_t eq = str_chr(piece, '=');
		struct str name = eq < 0 ? piece : str_n(piece.p, (size_t)eq);
		struct str value = eq < 0 ? STR("") : str_skip(piece, (size_t)eq + 1);
		size_t *at;

		if (!piece.len)
			continue;
		if (n == QUERY_MAX)
			return -E2BIG;
		at = starts[n++];
		at[0] = ret->text.len;
		if (decode(name, true, &ret->text) < 0)
			return -EINVAL;
		at[1] = ret->text.len - at[0];
		at[2] = ret->text.len;
		if (decode(value, true, &ret->text) < 0)
			return -EINVAL;
		at[3] = ret->text.len - at[2];
	}
	if (n)
		ret->v = xcalloc(n, sizeof(*ret->v));
	/* The buffer stands still only now. */
	for (; ret->n < n; ret->n++) {
		const size_t *at = starts[ret->n];

		ret->v[ret->n] = (struct query_param){str_n(ret->text.p + at[0], at[1]),
						      str_n(ret->text.p + at[2], at[3])};
	}
	return 0;
}

void query_done(struct query *q)
{
	buf_done(&q->text);
	free(q->v);
	*q = (struct query){.text = BUF_INIT};
}

struct str query_get(const struct query *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++)
		if (str_eqs(q->v[i].name, name))
			return q->v[i].value;
	return STR_NULL;
}

bool query_bool(const struct query *q, const char *name)
{
	struct str v = query_get(q, name);

	if (str_is_null(v))
		return false;
	return !v.len || str_eq_nocase(v, STR("true")) || str_eq(v, STR("1")) ||
	       str_eq_nocase(v, STR("t"));
}

static const struct {
	const char *method, *one, *many, *other;
} verbs[] = {
	{"GET", "get", "list", "get"},        {"HEAD", "get", "list", "head"},
	{"POST", "create", "create", "post"}, {"PUT", "update", "update", "put"},
	{"PATCH", "patch", "patch", "patch"}, {"DELETE", "delete", "deletecollection", "delete"},
};

static const char *verb_of(struct str method, const struct request_info *i)
{
	for (size_t v = 0; v < ARRAY_SIZE(verbs); v++)
		if (str_eqs(method, verbs[v].method))
			return !i->is_resource ? verbs[v].other
			       : i->name.len   ? verbs[v].one
					       : verbs[v].many;
	return "options";
}

/* Cut the front part of a path off; empty when there is none. */
static struct str take_part(struct str *rest)
{
	struct str part = STR("");

	if (!rest->p || !rest->len)
		return part;
	str_split(rest, '/', &part);
	return part;
}

/* namespaces/NS/... unless it is the namespace itself or one of its own sub-resources. */
static void parse_scope(struct request_info *i, struct str *rest)
{
	struct str after = *rest, ns, next, behind;

	i->resource = take_part(&after);
	if (!str_eqs(i->resource, "namespaces")) {
		*rest = after;
		return;
	}
	ns = take_part(&after);
	behind = after;
	next = take_part(&behind);
	if (ns.len)
		i->ns = ns;
	if (ns.len && next.len && !str_eqs(next, "status") && !str_eqs(next, "finalize")) {
		i->resource = next;
		*rest = behind;
		return;
	}
	take_part(rest);
}

static void parse_resource(struct request_info *i, struct str rest, bool *old_watch)
{
	struct str after = rest, first = take_part(&after);

	if (str_eqs(first, "watch") && after.len) {
		*old_watch = true;
		rest = after;
	}
	parse_scope(i, &rest);
	if (!i->resource.len)
		return;
	i->is_resource = true;
	i->name = take_part(&rest);
	i->subresource = take_part(&rest);
	i->rest = rest.p ? rest : STR("");
}

static void parse_verb(struct str method, const struct query *q, bool old_watch,
		       struct request_info *i)
{
	struct str sel = query_get(q, "fieldSelector"), eq = STR("metadata.name=");

	i->verb = verb_of(method, i);
	if (!i->is_resource)
		return;
	if (old_watch || (!strcmp(i->verb, "list") && query_bool(q, "watch")))
		i->verb = "watch";
	if (!i->name.len && str_starts(sel, eq) && str_chr(sel, ',') < 0 &&
	    strcmp(i->verb, "create") != 0) {
		i->name = str_skip(sel, eq.len);
		if (i->name.len && i->name.p[0] == '=')
			i->name = str_skip(i->name, 1);
	}
}

int request_info_parse(struct str method, struct str path, const struct query *q,
		       struct request_info *ret)
{
	struct request_info *i = ret;
	bool old_watch = false, core, grouped;
	struct str rest;

	*i = (struct request_info){.text = BUF_INIT};
	if (decode(path, false, &i->text) < 0)
		return -EINVAL;
	i->path = rest = buf_str(&i->text);
	if (rest.len && rest.p[0] == '/')
		rest = str_skip(rest, 1);
	core = str_starts(rest, STR("api/"));
	grouped = str_starts(rest, STR("apis/"));
	if (core || grouped) {
		take_part(&rest);
		i->group = core ? STR("") : take_part(&rest);
		i->version = take_part(&rest);
		if (rest.p && rest.len)
			parse_resource(i, rest, &old_watch);
	}
	parse_verb(method, q, old_watch, i);
	return 0;
}

void request_info_done(struct request_info *i)
{
	buf_done(&i->text);
}
