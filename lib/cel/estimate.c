/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/ast.h"
#include "lib/cel/call.h"
/*
 * The most that an expression can cost, in cel-go's units (cel-go checker/cost.go): sizes come from
 * the types, and what nobody bounds counts as the largest that a request can bring.
 */
#define UNBOUNDED 3145728u /* bytes of a request body */

static uint64_t add(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t mul(uint64_t a, uint64_t b)
{
	uint64_t v;

	return __builtin_mul_overflow(a, b, &v) ? UINT64_MAX : v;
}

static uint64_t size_of(const struct cel_type *t)
{
	if (t->max)
		return t->max;
	switch ((enum cel_kind)t->kind) {
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_DYN:
		return UNBOUNDED;
	case CEL_LIST:
	case CEL_MAP:
		return UNBOUNDED / 2; /* an element has a character and a comma */
	default:
		return 1;
	}
}

static uint64_t cost(const struct cel_node *x);

static bool named(const struct cel_node *x, const char *name)
{
	return str_eqs(x->name, name);
}

static uint64_t call_cost(const struct cel_node *x)
{
	uint64_t total = 1, a = x->n ? size_of(x->args[0]->type) : 0,
		 b = x->n > 1 ? size_of(x->args[1]->type) : 0;
	uint8_t per = 0;

	for (uint32_t i = 0; i < x->n; i++)
		total = add(total, cost(x->args[i]));
	for (size_t o = 0; o < x->os->n; o++)
		per = MAX(per, x->os->v[o].cost);
	if (per)
		total = add(total, mul((a + 9) / 10, per));
	if (named(x, "matches"))
		return add(total, mul(a / 10 + 1, b / 4 + 1));
	if (named(x, "contains"))
		return add(total, mul(a / 10 + 1, b / 10 + 1));
	if (named(x, "startsWith") || named(x, "endsWith"))
		return add(total, b / 10);
	if (named(x, "@in") && x->args[1]->type->kind != CEL_MAP)
		return add(total, b);
	if (named(x, "_==_") || named(x, "_!=_") || named(x, "_<_") || named(x, "_<=_") ||
	    named(x, "_>_") || named(x, "_>=_"))
		return add(total, MIN(a, b) / 10);
	if (named(x, "_+_") && (x->type->kind == CEL_STRING || x->type->kind == CEL_LIST ||
				x->type->kind == CEL_BYTES))
		return add(total, add(a, b) / 10);
	if (named(x, "size") && x->args[0]->type->kind == CEL_STRING)
		return add(total, a / 10);
	return total;
}

static uint64_t macro_cost(const struct cel_node *x)
{
	uint64_t each = 2, total = cost(x->args[0]);

	if (x->args[1])
		each = add(each, cost(x->args[1]));
	each = add(each, cost(x->args[2]));
	if (x->macro >= MACRO_OPT_MAP)
		return add(total, each);
	return add(add(total, x->macro >= MACRO_MAP ? 10 : 1),
		   mul(each, size_of(x->args[0]->type)));
}

static uint64_t cost(const struct cel_node *x)
{
	uint64_t total = 0, a, b;

	switch ((enum cel_op)x->op) {
	case OP_CONST:
		return 0;
	case OP_VAR:
	case OP_SLOT:
	case OP_IDENT:
		return 1;
	case OP_SELECT:
	case OP_HAS:
	case OP_OPT_SELECT:
		return add(1, cost(x->args[0]));
	case OP_CALL:
		return call_cost(x);
	case OP_MACRO:
		return macro_cost(x);
	case OP_COND:
		a = cost(x->args[1]);
		b = cost(x->args[2]);
		return add(cost(x->args[0]), MAX(a, b));
	case OP_INDEX:
	case OP_OPT_INDEX:
		total = 1;
		break;
	case OP_LIST:
		total = 10;
		break;
	case OP_MAP:
		total = 30;
		break;
	case OP_MESSAGE:
		total = 40;
		break;
	case OP_AND:
	case OP_OR:
	case OP_NOT:
	case OP_BIND:
		break;
	}
	for (uint32_t i = 0; i < x->n; i++)
		total = add(total, cost(x->args[i]));
	return total;
}

uint64_t cel_estimate(const struct cel_program *p)
{
	return cost(p->root);
}
