/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/ast.h"
#include "lib/cel/call.h"

const struct cel_type cel_t_null = {.kind = CEL_NULL}, cel_t_bool = {.kind = CEL_BOOL},
		      cel_t_int = {.kind = CEL_INT}, cel_t_uint = {.kind = CEL_UINT},
		      cel_t_double = {.kind = CEL_DOUBLE}, cel_t_string = {.kind = CEL_STRING},
		      cel_t_bytes = {.kind = CEL_BYTES}, cel_t_time = {.kind = CEL_TIME},
		      cel_t_duration = {.kind = CEL_DURATION}, cel_t_dyn = {.kind = CEL_DYN},
		      cel_t_type = {.kind = CEL_TYPE},
		      cel_t_list_dyn = {.kind = CEL_LIST, .a = &cel_t_dyn},
		      cel_t_map_dyn = {.kind = CEL_MAP, .a = &cel_t_string, .b = &cel_t_dyn};
static const struct cel_type optional_dyn = {.kind = CEL_OPTIONAL, .a = &cel_t_dyn};
static const struct cel_type map_any = {.kind = CEL_MAP, .a = &cel_t_dyn, .b = &cel_t_dyn};

struct scope {
	struct scope *up;
	struct str name;
	uint32_t slot;
	const struct cel_type *type;
};

struct checker {
	struct cel_program *p;
	const struct cel_env *env;
	struct cel_mistakes *m;
	struct scope *scope;
	uint32_t slots;
	bool failed;
};

void cel_type_text(const struct cel_type *t, struct buf *out)
{
	static const char *const names[CEL_KIND_MAX] = {
		[CEL_NULL] = "null",
		[CEL_BOOL] = "bool",
		[CEL_INT] = "int",
		[CEL_UINT] = "uint",
		[CEL_DOUBLE] = "double",
		[CEL_STRING] = "string",
		[CEL_BYTES] = "bytes",
		[CEL_LIST] = "list",
		[CEL_MAP] = "map",
		[CEL_TIME] = "google.protobuf.Timestamp",
		[CEL_DURATION] = "google.protobuf.Duration",
		[CEL_TYPE] = "type",
		[CEL_OPTIONAL] = "optional_type",
		[CEL_HOST] = "host",
		[CEL_DYN] = "dyn",
		[CEL_OBJECT] = "object",
		[CEL_ERR] = "*error*",
	};

	if (!t) {
		buf_adds(out, "dyn");
		return;
	}
	buf_adds(out, t->name ? t->name : names[t->kind] ? names[t->kind] : "dyn");
	if (t->kind != CEL_LIST && t->kind != CEL_MAP && t->kind != CEL_OPTIONAL)
		return;
	buf_addc(out, '(');
	cel_type_text(t->a, out);
	if (t->kind == CEL_MAP) {
		buf_adds(out, ", ");
		cel_type_text(t->b, out);
	}
	buf_addc(out, ')');
}

static const struct cel_type *mistake(struct checker *c, const struct cel_node *x, const char *fmt,
				      ...) PRINTF_LIKE(3, 4);
static const struct cel_type *mistake(struct checker *c, const struct cel_node *x, const char *fmt,
				      ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	cel_mistake(c->m, x->pos, "%s", b.p);
	c->failed = true;
	return &cel_t_dyn;
}

static bool is_dyn(const struct cel_type *t)
{
	return t->kind == CEL_DYN || t->kind == CEL_ERR;
}

/* Are values of `a` ones of `t`? Parameters are bound on the way. */
static bool fits(const struct cel_type *t, const struct cel_type *a, const struct cel_type **bound)
{
	if (t->kind == CEL_PARAM) {
		const struct cel_type **b = &bound[t->param];

		if (!*b || is_dyn(*b)) {
			*b = a;
			return true;
		}
		if ((*b)->kind == CEL_NULL && fits(a, *b, bound)) {
			*b = a;
			return true;
		}
		return fits(*b, a, bound) || fits(a, *b, bound);
	}
	if (is_dyn(t) || is_dyn(a))
		return true;
	if (a->kind == CEL_NULL && t->kind != CEL_NULL)
		return t->nullable || t->kind == CEL_OBJECT || t->kind == CEL_TIME ||
		       t->kind == CEL_DURATION || t->kind == CEL_HOST || t->kind == CEL_OPTIONAL;
	if (t->kind != a->kind)
		return false;
	switch ((enum cel_kind)t->kind) {
	case CEL_LIST:
	case CEL_OPTIONAL:
		return fits(t->a, a->a, bound);
	case CEL_MAP:
		return fits(t->a, a->a, bound) && fits(t->b, a->b, bound);
	case CEL_HOST:
		return !strcmp(t->name, a->name);
	case CEL_OBJECT:
		if (t->open || a->open)
			return t->open && a->open && !strcmp(t->name, a->name);
		return t == a || t->fields == a->fields;
	default:
		return true;
	}
}

static bool same(const struct cel_type *a, const struct cel_type *b)
{
	const struct cel_type *none[CEL_PARAMS] = {NULL};

	return a == b || (!is_dyn(a) && !is_dyn(b) && a->kind == b->kind && fits(a, b, none));
}

static const struct cel_type *make(struct checker *c, enum cel_kind kind, const struct cel_type *a,
				   const struct cel_type *b)
{
	struct cel_type *t = ARENA_NEW(&c->p->arena, struct cel_type);

	t->kind = (uint8_t)kind;
	t->a = a;
	t->b = b;
	return t;
}

static const struct cel_type *subst(struct checker *c, const struct cel_type *t,
				    const struct cel_type **bound)
{
	if (t->kind == CEL_PARAM)
		return bound[t->param] ? bound[t->param] : &cel_t_dyn;
	if (t->kind == CEL_LIST || t->kind == CEL_OPTIONAL || t->kind == CEL_MAP)
		return make(c, (enum cel_kind)t->kind, subst(c, t->a, bound),
			    t->b ? subst(c, t->b, bound) : NULL);
	return t;
}

/* ---- signatures ---- */

static const struct cel_type *host_type(const struct cel_env *env, struct str name)
{
	for (const struct cel_lib *const *l = env->libs; l && *l; l++)
		for (const struct cel_type *const *t = (*l)->types; t && *t; t++)
			if (str_eqs(name, (*t)->name))
				return *t;
	return NULL;
}

static const struct cel_type *sig_type(struct checker *c, const char **s)
{
	static const struct cel_type params[CEL_PARAMS] = {{.kind = CEL_PARAM, .param = 0},
							   {.kind = CEL_PARAM, .param = 1}};
	const struct cel_type *a, *t;
	const char *close;

	switch (*(*s)++) {
	case 'b':
		return &cel_t_bool;
	case 'i':
		return &cel_t_int;
	case 'u':
		return &cel_t_uint;
	case 'd':
		return &cel_t_double;
	case 's':
		return &cel_t_string;
	case 'y':
		return &cel_t_bytes;
	case 'n':
		return &cel_t_null;
	case 't':
		return &cel_t_time;
	case 'r':
		return &cel_t_duration;
	case 'T':
		return &cel_t_type;
	case 'A':
		return &params[0];
	case 'B':
		return &params[1];
	case 'l':
		return make(c, CEL_LIST, sig_type(c, s), NULL);
	case 'o':
		return make(c, CEL_OPTIONAL, sig_type(c, s), NULL);
	case 'm':
		a = sig_type(c, s);
		return make(c, CEL_MAP, a, sig_type(c, s));
	case '{':
		close = strchr(*s, '}');
		t = host_type(c->env, str_n(*s, (size_t)(close - *s)));
		*s = close + 1;
		return t ? t : &cel_t_dyn;
	default:
		return &cel_t_dyn;
	}
}

static bool read_sig(struct checker *c, const struct cel_def *d, bool method, size_t n,
		     struct cel_overload *ret)
{
	const char *s = d->sig, *colon = strrchr(d->sig, ':');
	bool dot = false, inside = false;
	size_t want = colon > s;

	for (const char *p = s; p < colon; p++) {
		inside = *p == '{' || (inside && *p != '}');
		if (inside || (*p != ',' && *p != '.'))
			continue;
		dot |= *p == '.';
		want += p + 1 < colon;
	}
	if (dot != method)
		return false;
	/* "recv.:x" has no argument besides. */
	if (want != n)
		return false;
	*ret = (struct cel_overload){.fn = d->fn, .cost = d->cost, .def = d};
	for (size_t i = 0; i < n; i++) {
		ret->args[i] = sig_type(c, &s);
		if (*s == ',' || *s == '.')
			s++;
	}
	s = colon + 1;
	ret->result = sig_type(c, &s);
	return true;
}

static void gather(struct checker *c, const struct cel_lib *l, struct str name, bool method,
		   size_t n, struct cel_overloads *os)
{
	for (size_t i = 0; i < l->n; i++) {
		struct cel_overload o;

		if (!str_eqs(name, l->defs[i].name))
			continue;
		os->known = true;
		if (n <= CEL_ARGS_MAX && read_sig(c, &l->defs[i], method, n, &o)) {
			struct cel_overload *v =
				ARENA_ARRAY(&c->p->arena, struct cel_overload, os->n + 1);

			if (os->n)
				memcpy(v, os->v, os->n * sizeof(*v));
			v[os->n++] = o;
			os->v = v;
		}
	}
}

static struct cel_overloads *overloads(struct checker *c, struct str name, bool method, size_t n)
{
	struct cel_overloads *os = ARENA_NEW(&c->p->arena, struct cel_overloads);

	gather(c, &cel_lib_std, name, method, n, os);
	for (const struct cel_lib *const *l = c->env->libs; l && *l; l++)
		gather(c, *l, name, method, n, os);
	return os;
}

/* ---- names ---- */

static const struct cel_type *check(struct checker *c, struct cel_node *x);

static bool as_variable(struct checker *c, struct cel_node *x)
{
	for (struct scope *s = c->scope; s; s = s->up) {
		if (!str_eq(s->name, x->name))
			continue;
		x->op = OP_SLOT;
		x->at = s->slot;
		x->type = s->type;
		return true;
	}
	for (size_t i = 0; i < c->env->n_vars; i++) {
		if (!str_eqs(x->name, c->env->vars[i].name))
			continue;
		x->op = OP_VAR;
		x->at = (uint32_t)i;
		x->type = c->env->vars[i].type;
		if (i < 256)
			c->p->used[i / 64] |= 1ull << (i % 64);
		return true;
	}
	return false;
}

static bool as_type(struct checker *c, struct cel_node *x, struct str name)
{
	static const struct {
		const char *name;
		const struct cel_type *type;
	} rows[] = {{"int", &cel_t_int},
		    {"uint", &cel_t_uint},
		    {"double", &cel_t_double},
		    {"bool", &cel_t_bool},
		    {"string", &cel_t_string},
		    {"bytes", &cel_t_bytes},
		    {"list", &cel_t_list_dyn},
		    {"map", &map_any},
		    {"null_type", &cel_t_null},
		    {"type", &cel_t_type},
		    {"optional_type", &optional_dyn},
		    {"google.protobuf.Timestamp", &cel_t_time},
		    {"google.protobuf.Duration", &cel_t_duration}};
	const struct cel_type *t = host_type(c->env, name);

	for (size_t i = 0; !t && i < ARRAY_SIZE(rows); i++)
		if (str_eqs(name, rows[i].name))
			t = rows[i].type;
	if (!t)
		return false;
	x->op = OP_CONST;
	x->n = 0;
	x->val = (struct cel_val){.kind = CEL_TYPE, .type = t};
	x->type = &cel_t_type;
	return true;
}

static const struct cel_type *check_ident(struct checker *c, struct cel_node *x)
{
	if (as_variable(c, x) || as_type(c, x, x->name))
		return x->type;
	return mistake(c, x, "undeclared reference to '%.*s' (in container '')", STR_ARG(x->name));
}

/* ---- selections ---- */

static const struct cel_type *member_type(struct checker *c, struct cel_node *x,
					  const struct cel_type *t)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	const struct cel_field *f;

	switch ((enum cel_kind)t->kind) {
	case CEL_DYN:
	case CEL_ERR:
	case CEL_HOST:
		return &cel_t_dyn;
	case CEL_MAP:
		return t->b;
	case CEL_OBJECT:
		f = cel_field_find(t->fields, t->n_fields, x->name);
		if (!f && t->open)
			return &cel_t_dyn;
		if (!f)
			return mistake(c, x, "undefined field '%.*s'", STR_ARG(x->name));
		x->name = f->name; /* from here on as in JSON */
		return f->type;
	default:
		cel_type_text(t, &b);
		return mistake(c, x, "type '%s' does not support field selection", b.p);
	}
}

static const struct cel_type *check_select(struct checker *c, struct cel_node *x)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	const struct cel_type *t, *m;
	bool opt;

	if (x->op == OP_SELECT && cel_dotted(x, &path)) {
		struct cel_node *root = x;

		while (root->op == OP_SELECT)
			root = root->args[0];
		if (!as_variable(c, root) && as_type(c, x, buf_str(&path)))
			return x->type;
	}
	t = check(c, x->args[0]);
	opt = t->kind == CEL_OPTIONAL;
	m = member_type(c, x, opt ? t->a : t);
	if (x->op == OP_HAS)
		return &cel_t_bool;
	if (x->op == OP_OPT_SELECT || opt)
		return make(c, CEL_OPTIONAL, m->kind == CEL_OPTIONAL ? m->a : m, NULL);
	return m;
}

static const struct cel_type *check_index(struct checker *c, struct cel_node *x)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	const struct cel_type *t = check(c, x->args[0]), *k = check(c, x->args[1]), *e = NULL;
	const struct cel_type *none[CEL_PARAMS] = {NULL};
	bool opt = t->kind == CEL_OPTIONAL || x->op == OP_OPT_INDEX;

	if (t->kind == CEL_OPTIONAL)
		t = t->a;
	if (is_dyn(t))
		e = &cel_t_dyn;
	else if (t->kind == CEL_LIST && (is_dyn(k) || k->kind == CEL_INT))
		e = t->a;
	else if (t->kind == CEL_MAP && fits(t->a, k, none))
		e = t->b;
	if (!e) {
		cel_type_text(t, &b);
		buf_adds(&b, ", ");
		cel_type_text(k, &b);
		return mistake(c, x, "found no matching overload for '%s' applied to '(%s)'",
			       x->op == OP_INDEX ? "_[_]" : "_[?_]", b.p);
	}
	return opt ? make(c, CEL_OPTIONAL, e, NULL) : e;
}

/* ---- calls ---- */

static bool namespaced(struct checker *c, struct cel_node *x)
{
	CLEANUP(buf_done) struct buf full = BUF_INIT;
	struct cel_node root;
	struct cel_overloads *os;

	if (!x->method || !cel_dotted(x->args[0], &full))
		return false;
	root = *x->args[0];
	if (root.op == OP_IDENT && as_variable(c, &root))
		return false;
	buf_addf(&full, ".%.*s", STR_ARG(x->name));
	os = overloads(c, buf_str(&full), false, x->n - 1);
	if (!os->known)
		return false;
	x->name = arena_str(&c->p->arena, buf_str(&full));
	x->method = false;
	x->args++;
	x->n--;
	return true;
}

static const struct cel_type *no_overload(struct checker *c, struct cel_node *x,
					  const struct cel_type **types)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (x->method) {
		cel_type_text(types[0], &b);
		buf_addc(&b, '.');
	}
	buf_addc(&b, '(');
	for (uint32_t i = x->method; i < x->n; i++) {
		if (i > x->method)
			buf_adds(&b, ", ");
		cel_type_text(types[i], &b);
	}
	buf_addc(&b, ')');
	return mistake(c, x, "found no matching overload for '%.*s' applied to '%s'",
		       STR_ARG(x->name), b.p);
}

/* Sizes that both sides of an addition bring. */
static const struct cel_type *sized(struct checker *c, const struct cel_node *x,
				    const struct cel_type *t)
{
	struct cel_type *s;

	if (!str_eqs(x->name, "_+_") || (t->kind != CEL_STRING && t->kind != CEL_LIST) ||
	    !x->args[0]->type->max || !x->args[1]->type->max)
		return t;
	s = ARENA_NEW(&c->p->arena, struct cel_type);
	*s = *t;
	s->max = x->args[0]->type->max + x->args[1]->type->max;
	return s;
}

static const struct cel_type *check_call(struct checker *c, struct cel_node *x)
{
	const struct cel_type *types[CEL_ARGS_MAX + 1], *result = NULL;
	struct cel_overloads *os, *kept;

	namespaced(c, x);
	if (x->n > CEL_ARGS_MAX)
		return mistake(c, x, "found no matching overload for '%.*s'", STR_ARG(x->name));
	os = overloads(c, x->name, x->method, x->n);
	if (!os->known)
		return mistake(c, x, "undeclared reference to '%.*s' (in container '')",
			       STR_ARG(x->name));
	for (uint32_t i = 0; i < x->n; i++)
		types[i] = check(c, x->args[i]);
	kept = ARENA_NEW(&c->p->arena, struct cel_overloads);
	kept->v = ARENA_ARRAY(&c->p->arena, struct cel_overload, os->n);
	for (size_t o = 0; o < os->n; o++) {
		const struct cel_type *bound[CEL_PARAMS] = {NULL}, *r;
		bool ok = true;

		for (uint32_t i = 0; ok && i < x->n; i++)
			ok = fits(os->v[o].args[i], types[i], bound);
		if (!ok)
			continue;
		r = subst(c, os->v[o].result, bound);
		result = !result || same(result, r) ? r : &cel_t_dyn;
		kept->v[kept->n++] = os->v[o];
	}
	if (!result)
		return no_overload(c, x, types);
	x->os = kept;
	return sized(c, x, result);
}

/* ---- the rest ---- */

static void want_bool(struct checker *c, struct cel_node *x)
{
	const struct cel_type *t = check(c, x);
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (is_dyn(t) || t->kind == CEL_BOOL)
		return;
	cel_type_text(t, &b);
	mistake(c, x, "expected type 'bool' but found '%s'", b.p);
}

static const struct cel_type *check_list(struct checker *c, struct cel_node *x)
{
	const struct cel_type *e = NULL;
	struct cel_type *t;

	for (uint32_t i = 0; i < x->n; i++) {
		const struct cel_type *a = check(c, x->args[i]);

		if (x->opt && x->opt[i])
			a = a->kind == CEL_OPTIONAL ? a->a : &cel_t_dyn;
		e = !e || same(e, a) ? a : &cel_t_dyn;
	}
	t = (struct cel_type *)make(c, CEL_LIST, e ? e : &cel_t_dyn, NULL);
	t->max = MAX(x->n, 1u);
	return t;
}

static const struct cel_type *check_map(struct checker *c, struct cel_node *x)
{
	const struct cel_type *k = NULL, *v = NULL;
	struct cel_type *t;

	for (uint32_t i = 0; i < x->n; i += 2) {
		const struct cel_type *a = check(c, x->args[i]), *b = check(c, x->args[i + 1]);

		if (x->opt && x->opt[i / 2])
			b = b->kind == CEL_OPTIONAL ? b->a : &cel_t_dyn;
		k = !k || same(k, a) ? a : &cel_t_dyn;
		v = !v || same(v, b) ? b : &cel_t_dyn;
	}
	t = (struct cel_type *)make(c, CEL_MAP, k ? k : &cel_t_dyn, v ? v : &cel_t_dyn);
	t->max = MAX(x->n / 2, 1u);
	return t;
}

static void check_field(struct checker *c, struct cel_node *x, uint32_t i)
{
	const struct cel_type *none[CEL_PARAMS] = {NULL}, *v = check(c, x->args[i]), *want;
	const struct cel_field *f =
		cel_field_find(x->message->fields, x->message->n_fields, x->fields[i]);
	CLEANUP(buf_done) struct buf a = BUF_INIT, b = BUF_INIT;

	cel_type_text(v, &b);
	if (x->opt && x->opt[i]) {
		if (v->kind != CEL_OPTIONAL && !is_dyn(v)) {
			mistake(c, x->args[i], "expected type 'optional_type(%s)' but found '%s'",
				b.p, b.p);
			return;
		}
		v = is_dyn(v) ? v : v->a;
	}
	if (!f && !x->message->open) {
		mistake(c, x, "undefined field '%.*s'", STR_ARG(x->fields[i]));
		return;
	}
	want = f ? f->type : &cel_t_dyn;
	if (fits(want, v, none))
		return;
	cel_type_text(want, &a);
	buf_clear(&b);
	cel_type_text(v, &b);
	mistake(c, x->args[i], "expected type of field '%.*s' is '%s' but provided type is '%s'",
		STR_ARG(x->fields[i]), a.p, b.p);
}

static const struct cel_type *check_message(struct checker *c, struct cel_node *x)
{
	const struct cel_type *t = NULL;

	x->message = cel_message_find(c->env, &c->p->arena, x->name, &t);
	if (!x->message) {
		struct cel_node probe = *x;

		if (as_type(c, &probe, x->name))
			return mistake(c, x, "'%.*s' is not a message type", STR_ARG(x->name));
		return mistake(c, x, "undeclared reference to '%.*s' (in container '')",
			       STR_ARG(x->name));
	}
	for (uint32_t i = 0; i < x->n; i++)
		check_field(c, x, i);
	return t;
}

static const struct cel_type *macro_result(struct checker *c, struct cel_node *x,
					   const struct cel_type *range,
					   const struct cel_type *value)
{
	struct cel_type *t;

	switch ((enum cel_macro)x->macro) {
	case MACRO_ALL:
	case MACRO_EXISTS:
	case MACRO_EXISTS_ONE:
		return &cel_t_bool;
	case MACRO_FILTER:
		t = (struct cel_type *)make(
			c, CEL_LIST,
			range->kind == CEL_LIST || range->kind == CEL_MAP ? range->a : &cel_t_dyn,
			NULL);
		break;
	case MACRO_MAP:
	case MACRO_TRANSFORM_LIST:
		t = (struct cel_type *)make(c, CEL_LIST, value, NULL);
		break;
	case MACRO_TRANSFORM_MAP:
		t = (struct cel_type *)make(c, CEL_MAP,
					    range->kind == CEL_MAP    ? range->a
					    : range->kind == CEL_LIST ? &cel_t_int
								      : &cel_t_dyn,
					    value);
		break;
	case MACRO_TRANSFORM_ENTRY:
		return value->kind == CEL_MAP ? value : &map_any;
	case MACRO_OPT_MAP:
		return make(c, CEL_OPTIONAL, value, NULL);
	case MACRO_OPT_FLAT_MAP:
		return value;
	default:
		return &cel_t_dyn;
	}
	t->max = range->max;
	return t;
}

static const struct cel_type *check_macro(struct checker *c, struct cel_node *x)
{
	const struct cel_type *range = check(c, x->args[0]), *value;
	struct scope one = {c->scope, x->var1, c->slots, &cel_t_dyn};
	struct scope two = {&one, x->var2, c->slots + 1, &cel_t_dyn};
	bool optional = x->macro == MACRO_OPT_MAP || x->macro == MACRO_OPT_FLAT_MAP;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	x->at = c->slots;
	if (optional && range->kind == CEL_OPTIONAL) {
		one.type = range->a;
	} else if (!optional && range->kind == CEL_LIST) {
		one.type = x->two ? &cel_t_int : range->a;
		two.type = range->a;
	} else if (!optional && range->kind == CEL_MAP) {
		one.type = range->a;
		two.type = range->b;
	} else if (!is_dyn(range)) {
		cel_type_text(range, &b);
		return mistake(
			c, x->args[0],
			"expression of type '%s' cannot be range of a comprehension (must be "
			"list, map, or dynamic)",
			b.p);
	}
	c->scope = x->two ? &two : &one;
	c->slots += 2;
	c->p->n_slots = MAX(c->p->n_slots, (size_t)c->slots);
	if (x->args[1])
		want_bool(c, x->args[1]);
	if (x->macro <= MACRO_EXISTS_ONE || x->macro == MACRO_FILTER) {
		want_bool(c, x->args[2]);
		value = &cel_t_bool;
	} else {
		value = check(c, x->args[2]);
	}
	c->slots -= 2;
	c->scope = one.up;
	return macro_result(c, x, range, value);
}

static const struct cel_type *check_bind(struct checker *c, struct cel_node *x)
{
	struct scope s = {c->scope, x->var1, c->slots, check(c, x->args[0])};
	const struct cel_type *t;

	x->at = c->slots;
	c->scope = &s;
	c->slots++;
	c->p->n_slots = MAX(c->p->n_slots, (size_t)c->slots);
	t = check(c, x->args[1]);
	c->slots--;
	c->scope = s.up;
	return t;
}

/* One of two types that are the same but for what is dyn in one of them, and how large they get. */
static const struct cel_type *either(struct checker *c, const struct cel_type *a,
				     const struct cel_type *b)
{
	bool vague = (a->a && is_dyn(a->a)) || (a->b && is_dyn(a->b));
	uint64_t max = a->max && b->max ? MAX(a->max, b->max) : 0;
	struct cel_type *t;

	if (vague)
		a = b;
	if (a->max == max)
		return a;
	t = ARENA_NEW(&c->p->arena, struct cel_type);
	*t = *a;
	t->max = max;
	return t;
}

static const struct cel_type *check_cond(struct checker *c, struct cel_node *x)
{
	const struct cel_type *a, *b, *none[CEL_PARAMS] = {NULL};

	want_bool(c, x->args[0]);
	a = check(c, x->args[1]);
	b = check(c, x->args[2]);
	if (same(a, b))
		return either(c, a, b);
	if (is_dyn(a) || is_dyn(b))
		return &cel_t_dyn;
	if (fits(a, b, none))
		return a;
	if (fits(b, a, none))
		return b;
	x->name = STR("_?_:_");
	return no_overload(c, x, (const struct cel_type *[]){&cel_t_bool, a, b});
}

static const struct cel_type *const_type(struct checker *c, struct cel_node *x)
{
	static const struct cel_type *const types[CEL_KIND_MAX] = {
		[CEL_NULL] = &cel_t_null, [CEL_BOOL] = &cel_t_bool,     [CEL_INT] = &cel_t_int,
		[CEL_UINT] = &cel_t_uint, [CEL_DOUBLE] = &cel_t_double, [CEL_TYPE] = &cel_t_type};
	struct cel_type *t;

	if (x->val.kind != CEL_STRING && x->val.kind != CEL_BYTES)
		return types[x->val.kind];
	t = (struct cel_type *)make(c, (enum cel_kind)x->val.kind, NULL, NULL);
	t->max = MAX(x->val.s.len, (size_t)1);
	return t;
}

static const struct cel_type *check(struct checker *c, struct cel_node *x)
{
	const struct cel_type *t = &cel_t_dyn;

	switch ((enum cel_op)x->op) {
	case OP_CONST:
		t = const_type(c, x);
		break;
	case OP_IDENT:
		t = check_ident(c, x);
		break;
	case OP_VAR:
	case OP_SLOT:
		t = x->type;
		break;
	case OP_SELECT:
	case OP_HAS:
	case OP_OPT_SELECT:
		t = check_select(c, x);
		break;
	case OP_INDEX:
	case OP_OPT_INDEX:
		t = check_index(c, x);
		break;
	case OP_CALL:
		t = check_call(c, x);
		break;
	case OP_LIST:
		t = check_list(c, x);
		break;
	case OP_MAP:
		t = check_map(c, x);
		break;
	case OP_MESSAGE:
		t = check_message(c, x);
		break;
	case OP_AND:
	case OP_OR:
		want_bool(c, x->args[0]);
		want_bool(c, x->args[1]);
		t = &cel_t_bool;
		break;
	case OP_NOT:
		want_bool(c, x->args[0]);
		t = &cel_t_bool;
		break;
	case OP_COND:
		t = check_cond(c, x);
		break;
	case OP_MACRO:
		t = check_macro(c, x);
		break;
	case OP_BIND:
		t = check_bind(c, x);
		break;
	}
	x->type = t;
	return t;
}

bool cel_check(struct cel_program *p, const struct cel_env *env, struct cel_mistakes *m)
{
	struct checker c = {.p = p, .env = env, .m = m};

	check(&c, p->root);
	return !c.failed;
}
