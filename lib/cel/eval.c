/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/ast.h"
#include "lib/cel/call.h"

#include <math.h>

void cel_run_done(struct cel_run *r);

struct cel_val cel_over(void)
{
	return (struct cel_val){.kind = CEL_ERR,
				.s = STR("operation cancelled: actual cost limit exceeded")};
}

static struct cel_val bad_bool(const struct cel_val *v)
{
	return v->kind == CEL_ERR ? *v : cel_no_overload();
}

/* ---- selections ---- */

static struct cel_val no_such_key(struct cel_run *r, const struct cel_val *k)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	cel_text(r, k, &b);
	return cel_error(r, "no such key: %s", b.p);
}

/* A member by name; *ret_has false: absent (what null in a typed object counts as, too). */
static struct cel_val member(struct cel_run *r, const struct cel_val *v, struct str name,
			     bool *ret_has)
{
	struct cel_val k = cel_str(name), got;

	*ret_has = false;
	if (v->kind == CEL_HOST && v->h.ops->field) {
		*ret_has = !v->h.ops->has || v->h.ops->has(r, v->h.p, name);
		return *ret_has ? v->h.ops->field(r, v->h.p, name) : no_such_key(r, &k);
	}
	if (v->kind != CEL_MAP)
		return cel_no_overload();
	if (!cel_map_get(r, v, &k, &got))
		return no_such_key(r, &k);
	if (got.kind == CEL_NULL && v->m->type && v->m->type->kind == CEL_OBJECT &&
	    !v->m->type->open)
		return no_such_key(r, &k);
	*ret_has = true;
	return got;
}

static struct cel_val eval_select(struct cel_run *r, const struct cel_node *x)
{
	struct cel_val v = cel_eval_node(r, x->args[0]), m;
	bool has, opt = false;

	if (v.kind == CEL_ERR)
		return v;
	if (!cel_charge(r, 1))
		return cel_over();
	if (v.kind == CEL_OPTIONAL) {
		if (!v.opt)
			return x->op == OP_HAS ? cel_bool(false) : v;
		v = *v.opt;
		opt = true;
	}
	m = member(r, &v, x->name, &has);
	if (x->op == OP_HAS)
		return v.kind == CEL_MAP || v.kind == CEL_HOST ? cel_bool(has) : m;
	if (x->op == OP_SELECT && !opt)
		return m;
	if (!has)
		return v.kind == CEL_MAP || v.kind == CEL_HOST
			       ? (struct cel_val){.kind = CEL_OPTIONAL}
			       : m;
	return m.kind == CEL_OPTIONAL || m.kind == CEL_ERR ? m : cel_some(r, m);
}

static bool as_index(const struct cel_val *k, int64_t *ret)
{
	if (k->kind == CEL_INT)
		*ret = k->i;
	else if (k->kind == CEL_UINT && k->u <= INT64_MAX)
		*ret = (int64_t)k->u;
	else if (k->kind == CEL_DOUBLE && k->d == floor(k->d) && fabs(k->d) < 9e18)
		*ret = (int64_t)k->d;
	else
		return false;
	return true;
}

static struct cel_val index_of(struct cel_run *r, const struct cel_val *v, const struct cel_val *k,
			       bool *ret_absent)
{
	struct cel_val got;
	int64_t i;

	*ret_absent = false;
	if (v->kind == CEL_MAP) {
		r->steps += v->m->json ? 0 : v->m->n;
		if (cel_map_get(r, v, k, &got))
			return got;
		*ret_absent = true;
		return no_such_key(r, k);
	}
	if (v->kind != CEL_LIST || !as_index(k, &i))
		return cel_no_overload();
	if (i >= 0 && (uint64_t)i < v->l->n)
		return cel_at(r, v, (size_t)i);
	*ret_absent = true;
	return cel_error(r, "index out of bounds: %" PRId64, i);
}

static struct cel_val eval_index(struct cel_run *r, const struct cel_node *x)
{
	struct cel_val v = cel_eval_node(r, x->args[0]), k, got;
	bool absent, opt = x->op == OP_OPT_INDEX;

	if (v.kind == CEL_ERR)
		return v;
	k = cel_eval_node(r, x->args[1]);
	if (k.kind == CEL_ERR)
		return k;
	if (!cel_charge(r, 1))
		return cel_over();
	if (v.kind == CEL_OPTIONAL) {
		if (!v.opt)
			return v;
		v = *v.opt;
		opt = true;
	}
	got = index_of(r, &v, &k, &absent);
	if (!opt)
		return got;
	if (absent)
		return (struct cel_val){.kind = CEL_OPTIONAL};
	return got.kind == CEL_ERR || got.kind == CEL_OPTIONAL ? got : cel_some(r, got);
}

/* ---- calls ---- */

static bool takes(const struct cel_type *t, const struct cel_val *v)
{
	switch ((enum cel_kind)t->kind) {
	case CEL_PARAM:
	case CEL_DYN:
		return true;
	case CEL_OBJECT:
		return v->kind == CEL_MAP;
	case CEL_HOST:
		return v->kind == CEL_HOST && !strcmp(v->h.ops->name, t->name);
	default:
		return v->kind == t->kind;
	}
}

static size_t length_of(const struct cel_val *v)
{
	return v->kind == CEL_STRING || v->kind == CEL_BYTES ? v->s.len : cel_size(v);
}

static struct cel_val eval_call(struct cel_run *r, const struct cel_node *x)
{
	struct cel_val args[CEL_ARGS_MAX];

	for (uint32_t i = 0; i < x->n; i++) {
		args[i] = cel_eval_node(r, x->args[i]);
		if (args[i].kind == CEL_ERR)
			return args[i];
	}
	for (size_t o = 0; o < x->os->n; o++) {
		const struct cel_overload *ov = &x->os->v[o];
		bool ok = true;
		uint64_t cost = 1;

		for (uint32_t i = 0; ok && i < x->n; i++)
			ok = takes(ov->args[i], &args[i]);
		if (!ok)
			continue;
		if (ov->cost && x->n)
			cost += (length_of(&args[0]) + 9) / 10 * ov->cost;
		if (!cel_charge(r, cost))
			return cel_over();
		return ov->fn(r, args, x->n);
	}
	return cel_no_overload();
}

/* ---- literals ---- */

bool cel_eval_element(struct cel_run *r, const struct cel_node *x, uint32_t arg, uint32_t at,
		      struct cel_val *ret)
{
	*ret = cel_eval_node(r, x->args[arg]);
	if (ret->kind == CEL_ERR || !x->opt || !x->opt[at])
		return true;
	if (ret->kind != CEL_OPTIONAL)
		*ret = cel_no_overload();
	else if (ret->opt)
		*ret = *ret->opt;
	else
		return false;
	return true;
}

static struct cel_val eval_list(struct cel_run *r, const struct cel_node *x)
{
	struct cel_val *v, list = cel_new_list(r, x->n, &v);
	size_t n = 0;

	if (!cel_charge(r, 10))
		return cel_over();
	for (uint32_t i = 0; i < x->n; i++) {
		struct cel_val e;

		if (!cel_eval_element(r, x, i, i, &e))
			continue;
		if (e.kind == CEL_ERR)
			return e;
		v[n++] = e;
	}
	((struct cel_list *)list.l)->n = n;
	return list;
}

static struct cel_val eval_map(struct cel_run *r, const struct cel_node *x)
{
	struct cel_map *m = ARENA_NEW(r->arena, struct cel_map);
	struct cel_pair *v = ARENA_ARRAY(r->arena, struct cel_pair, x->n / 2);
	struct cel_val map = {.kind = CEL_MAP, .m = m}, had;

	m->v = v;
	if (!cel_charge(r, 30))
		return cel_over();
	for (uint32_t i = 0; i < x->n; i += 2) {
		struct cel_val k = cel_eval_node(r, x->args[i]), e;

		if (k.kind == CEL_ERR)
			return k;
		if (!cel_eval_element(r, x, i + 1, i / 2, &e))
			continue;
		if (e.kind == CEL_ERR)
			return e;
		if (k.kind != CEL_STRING && k.kind != CEL_INT && k.kind != CEL_UINT &&
		    k.kind != CEL_BOOL)
			return cel_error(r, "unsupported key type");
		if (cel_map_get(r, &map, &k, &had))
			return cel_error(r, "Failed with repeated key");
		v[m->n++] = (struct cel_pair){k, e};
	}
	return map;
}

/* ---- macros ---- */

struct loop {
	struct cel_run *r;
	const struct cel_node *x;
	struct cel_val range, error; /* the first error, if nothing decides without it */
	struct cel_val *out;
	struct cel_pair *pairs;
	size_t n, cap, found;
	bool decided;
	struct lh_entry *entry;
};

static void push(struct loop *l, struct cel_val v)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		struct cel_val *p = ARENA_ARRAY(l->r->arena, struct cel_val, cap);

		if (l->n)
			memcpy(p, l->out, l->n * sizeof(*p));
		l->out = p;
		l->cap = cap;
	}
	l->out[l->n++] = v;
}

static void push_pair(struct loop *l, struct cel_val k, struct cel_val v)
{
	push(l, k);
	push(l, v);
}

/* The variables of round i; one variable of a map is its key. */
static void bind_round(struct loop *l, size_t i)
{
	struct cel_val *slot = &l->r->slots[l->x->at], value;

	if (l->range.kind == CEL_LIST) {
		if (l->x->two)
			*slot++ = cel_int((int64_t)i);
		*slot = cel_at(l->r, &l->range, i);
		return;
	}
	if (l->entry) {
		*slot = cel_str(str_of(lh_entry_k(l->entry)));
		l->entry = lh_entry_next(l->entry);
	} else {
		*slot = cel_map_key(l->r, &l->range, i);
	}
	if (l->x->two && cel_map_get(l->r, &l->range, slot, &value))
		slot[1] = value;
}

static void add_entries(struct loop *l, const struct cel_val *m)
{
	if (m->kind != CEL_MAP) {
		l->error = cel_no_overload();
		l->decided = true;
		return;
	}
	for (size_t i = 0; i < m->m->n; i++) {
		struct cel_val k = cel_map_key(l->r, m, i), v;

		for (size_t j = 0; j + 1 < l->n; j += 2) {
			l->r->steps++;
			if (cel_equal(l->r, &l->out[j], &k)) {
				l->error = cel_error(l->r, "insert failed: key already exists");
				l->decided = true;
				return;
			}
		}
		if (cel_map_get(l->r, m, &k, &v))
			push_pair(l, k, v);
	}
}

/* One round of all, exists, exists_one: errors count only if nothing decides. */
static void round_bool(struct loop *l, const struct cel_val *v)
{
	if (v->kind != CEL_BOOL) {
		struct cel_val e = bad_bool(v);

		if (l->error.kind != CEL_ERR || !l->error.s.p)
			l->error = e;
		l->decided = l->x->macro == MACRO_EXISTS_ONE;
		return;
	}
	l->found += v->b;
	if (l->x->macro == MACRO_ALL)
		l->decided = !v->b;
	else if (l->x->macro == MACRO_EXISTS)
		l->decided = v->b;
	if (l->decided)
		l->error = (struct cel_val){0};
}

static void round_(struct loop *l)
{
	struct cel_run *r = l->r;
	const struct cel_node *x = l->x;
	struct cel_val v, *slot = &r->slots[x->at], first = slot[0];

	if (x->args[1]) {
		v = cel_eval_node(r, x->args[1]);
		if (v.kind != CEL_BOOL) {
			l->error = bad_bool(&v);
			l->decided = true;
			return;
		}
		if (!v.b)
			return;
	}
	v = cel_eval_node(r, x->args[2]);
	if (x->macro <= MACRO_EXISTS_ONE) {
		round_bool(l, &v);
		return;
	}
	if (v.kind == CEL_ERR || (x->macro == MACRO_FILTER && v.kind != CEL_BOOL)) {
		l->error = bad_bool(&v);
		l->decided = true;
		return;
	}
	switch ((enum cel_macro)x->macro) {
	case MACRO_FILTER:
		if (v.b)
			push(l, first);
		break;
	case MACRO_TRANSFORM_MAP:
		push_pair(l, first, v);
		break;
	case MACRO_TRANSFORM_ENTRY:
		add_entries(l, &v);
		break;
	default:
		push(l, v);
		break;
	}
}

static struct cel_val loop_result(struct loop *l)
{
	struct cel_list *list;
	struct cel_map *m;

	if (l->error.kind == CEL_ERR && l->error.s.p)
		return l->error;
	switch ((enum cel_macro)l->x->macro) {
	case MACRO_ALL:
		return cel_bool(!l->decided);
	case MACRO_EXISTS:
		return cel_bool(l->decided);
	case MACRO_EXISTS_ONE:
		return cel_bool(l->found == 1);
	case MACRO_TRANSFORM_MAP:
	case MACRO_TRANSFORM_ENTRY:
		m = ARENA_NEW(l->r->arena, struct cel_map);
		*m = (struct cel_map){.n = l->n / 2, .v = (const struct cel_pair *)l->out};
		return (struct cel_val){.kind = CEL_MAP, .m = m};
	default:
		list = ARENA_NEW(l->r->arena, struct cel_list);
		*list = (struct cel_list){.n = l->n, .v = l->out};
		return (struct cel_val){.kind = CEL_LIST, .l = list};
	}
}

static struct cel_val opt_macro(struct cel_run *r, const struct cel_node *x,
				const struct cel_val *o)
{
	struct cel_val v;

	if (o->kind != CEL_OPTIONAL)
		return cel_no_overload();
	if (!o->opt)
		return *o;
	r->slots[x->at] = *o->opt;
	v = cel_eval_node(r, x->args[2]);
	if (v.kind == CEL_ERR)
		return v;
	if (x->macro == MACRO_OPT_MAP)
		return cel_some(r, v);
	return v.kind == CEL_OPTIONAL ? v : cel_no_overload();
}

static struct cel_val eval_macro(struct cel_run *r, const struct cel_node *x)
{
	struct loop l = {.r = r, .x = x, .range = cel_eval_node(r, x->args[0])};
	size_t n;

	if (l.range.kind == CEL_ERR)
		return l.range;
	if (x->macro >= MACRO_OPT_MAP)
		return opt_macro(r, x, &l.range);
	if (l.range.kind != CEL_LIST && l.range.kind != CEL_MAP)
		return cel_no_overload();
	if (!cel_charge(r, x->macro >= MACRO_MAP ? 10 : 1))
		return cel_over();
	if (l.range.kind == CEL_MAP && l.range.m->json)
		l.entry = lh_table_head(json_object_get_object(l.range.m->json));
	n = cel_size(&l.range);
	for (size_t i = 0; i < n && !l.decided; i++) {
		if (!cel_charge(r, 2))
			return cel_over();
		bind_round(&l, i);
		round_(&l);
		if (r->over)
			return cel_over();
	}
	return loop_result(&l);
}

/* ---- the rest ---- */

/* Either side may decide alone, whatever becomes of the other. */
static struct cel_val eval_logic(struct cel_run *r, const struct cel_node *x)
{
	bool decides = x->op == OP_OR;
	struct cel_val a = cel_eval_node(r, x->args[0]), b;

	if (a.kind == CEL_BOOL && a.b == decides)
		return a;
	if (r->over)
		return cel_over();
	b = cel_eval_node(r, x->args[1]);
	if (b.kind == CEL_BOOL && b.b == decides)
		return b;
	if (a.kind != CEL_BOOL)
		return bad_bool(&a);
	return b.kind != CEL_BOOL ? bad_bool(&b) : cel_bool(!decides);
}

struct cel_val cel_eval_node(struct cel_run *r, const struct cel_node *x)
{
	struct cel_val v;

	if (r->over || ++r->steps > UINT64_C(100000000))
		return cel_over();
	switch ((enum cel_op)x->op) {
	case OP_CONST:
		return x->val;
	case OP_VAR:
		return cel_charge(r, 1) ? r->vars[x->at] : cel_over();
	case OP_SLOT:
		return cel_charge(r, 1) ? r->slots[x->at] : cel_over();
	case OP_IDENT:
		return cel_error(r, "no such attribute");
	case OP_SELECT:
	case OP_HAS:
	case OP_OPT_SELECT:
		return eval_select(r, x);
	case OP_INDEX:
	case OP_OPT_INDEX:
		return eval_index(r, x);
	case OP_CALL:
		return eval_call(r, x);
	case OP_LIST:
		return eval_list(r, x);
	case OP_MAP:
		return eval_map(r, x);
	case OP_MESSAGE:
		return cel_eval_message(r, x);
	case OP_AND:
	case OP_OR:
		return eval_logic(r, x);
	case OP_NOT:
		v = cel_eval_node(r, x->args[0]);
		return v.kind == CEL_BOOL ? cel_bool(!v.b) : bad_bool(&v);
	case OP_COND:
		v = cel_eval_node(r, x->args[0]);
		if (v.kind != CEL_BOOL)
			return bad_bool(&v);
		return cel_eval_node(r, x->args[v.b ? 1 : 2]);
	case OP_MACRO:
		return eval_macro(r, x);
	case OP_BIND:
		v = cel_eval_node(r, x->args[0]);
		if (v.kind == CEL_ERR)
			return v;
		r->slots[x->at] = v;
		return cel_eval_node(r, x->args[1]);
	}
	return cel_no_overload();
}

struct cel_val cel_eval(const struct cel_program *p, const struct cel_val *vars, struct cel_run *r)
{
	struct cel_val v;

	r->vars = vars;
	r->slots = ARENA_ARRAY(r->arena, struct cel_val, p->n_slots);
	if (!r->cost_max)
		r->cost_max = UINT64_MAX;
	v = cel_eval_node(r, p->root);
	cel_run_done(r);
	return r->over ? cel_over() : v;
}

/* ---- programs ---- */

int cel_compile(const struct cel_env *env, struct str text, struct cel_program **ret,
		struct err *err)
{
	struct cel_program *p = NEW(struct cel_program);
	struct cel_mistakes m = {.out = BUF_INIT};

	m.text = text.len > CEL_TEXT_MAX ? STR("") : text;
	p->n_vars = env->n_vars;
	if (text.len > CEL_TEXT_MAX) {
		cel_mistake(&m, 0, "expression is too large");
	} else {
		struct str copy = arena_str(&p->arena, text);

		m.text = copy;
		p->root = cel_parse(&p->arena, copy, &m);
		if (p->root && !cel_check(p, env, &m))
			p->root = NULL;
	}
	if (!p->root) {
		err_set(err, EINVAL, NULL, "%s", m.out.p);
		cel_program_free(p);
		buf_done(&m.out);
		return -EINVAL;
	}
	buf_done(&m.out);
	p->cost = cel_estimate(p);
	*ret = p;
	return 0;
}

struct cel_program *cel_program_free(struct cel_program *p)
{
	if (!p)
		return NULL;
	arena_done(&p->arena);
	free(p);
	return NULL;
}

const struct cel_type *cel_program_type(const struct cel_program *p)
{
	return p->root->type;
}

bool cel_program_uses(const struct cel_program *p, size_t var)
{
	return var < 256 && p->used[var / 64] >> (var % 64) & 1;
}

uint64_t cel_program_cost(const struct cel_program *p)
{
	return p->cost;
}
