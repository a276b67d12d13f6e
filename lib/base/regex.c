/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/regex.h"
#include "lib/base/regex_parts.h"

#include <locale.h>
#include <wctype.h>

#define PROGRAM_MAX 20000

enum inst_op { I_CLASS, I_ANY, I_ANY_NOT_NL, I_SPLIT, I_JMP, I_SAVE, I_ASSERT, I_MATCH };

struct inst {
	uint8_t op;
	bool fold, negate;
	uint32_t x, y; /* targets; x also slot, assertion, number of ranges */
	const struct rx_range *ranges;
};

struct rx {
	struct arena arena;
	struct inst *prog;
	uint32_t n, cap;
	size_t groups;
	const char *names[RX_GROUPS_MAX];
	bool too_large, anchored;
};

static uint32_t emit(struct rx *r, enum inst_op op, uint32_t x, uint32_t y)
{
	if (r->n >= PROGRAM_MAX) {
		r->too_large = true;
		return r->n - 1;
	}
	*ARRAY_PUSH(r->prog, r->n, r->cap) = (struct inst){.op = (uint8_t)op, .x = x, .y = y};
	return r->n - 1;
}

static void gen(struct rx *r, const struct rx_node *n);

/* L1: split L2, L3; L2: a; jmp L1; L3: */
static void gen_star(struct rx *r, const struct rx_node *n)
{
	uint32_t split = emit(r, I_SPLIT, 0, 0);

	gen(r, n->a);
	emit(r, I_JMP, split, 0);
	r->prog[split].x = n->lazy ? r->n : split + 1;
	r->prog[split].y = n->lazy ? split + 1 : r->n;
}

static void gen_optional(struct rx *r, const struct rx_node *n, int times)
{
	uint32_t split;

	if (!times || r->too_large)
		return;
	split = emit(r, I_SPLIT, 0, 0);
	gen(r, n->a);
	gen_optional(r, n, times - 1);
	r->prog[split].x = n->lazy ? r->n : split + 1;
	r->prog[split].y = n->lazy ? split + 1 : r->n;
}

static void gen(struct rx *r, const struct rx_node *n)
{
	uint32_t at, jump;

	if (r->too_large)
		return;
	switch (n->op) {
	case RX_EMPTY:
		break;
	case RX_CLASS:
		at = emit(r, I_CLASS, (uint32_t)n->n_ranges, 0);
		r->prog[at].ranges = n->ranges;
		r->prog[at].fold = n->flags & RX_FOLD;
		r->prog[at].negate = n->negate;
		break;
	case RX_ANY:
		emit(r, n->flags & RX_DOTNL ? I_ANY : I_ANY_NOT_NL, 0, 0);
		break;
	case RX_CAT:
		for (; n->op == RX_CAT; n = n->b)
			gen(r, n->a);
		gen(r, n);
		break;
	case RX_ALT:
		at = emit(r, I_SPLIT, r->n + 1, 0);
		gen(r, n->a);
		jump = emit(r, I_JMP, 0, 0);
		r->prog[at].y = r->n;
		gen(r, n->b);
		r->prog[jump].x = r->n;
		break;
	case RX_REPEAT:
		for (int i = 0; i < n->min && !r->too_large; i++)
			gen(r, n->a);
		if (n->max < 0)
			gen_star(r, n);
		else
			gen_optional(r, n, n->max - n->min);
		break;
	case RX_GROUP:
		emit(r, I_SAVE, (uint32_t)n->min * 2, 0);
		gen(r, n->a);
		emit(r, I_SAVE, (uint32_t)n->min * 2 + 1, 0);
		break;
	case RX_ASSERT:
		emit(r, I_ASSERT, (uint32_t)n->min, 0);
		break;
	}
}

int rx_compile(struct str pattern, struct rx **ret, struct err *err)
{
	struct rx *r = NEW(struct rx);
	struct rx_node *tree = rx_parse(pattern, &r->arena, &r->groups, r->names, err);

	if (tree) {
		const struct rx_node *first = tree;

		gen(r, tree);
		emit(r, I_MATCH, 0, 0);
		while (first->op == RX_CAT || first->op == RX_GROUP)
			first = first->a;
		r->anchored = first->op == RX_ASSERT && first->min == RX_BEGIN_TEXT;
		if (r->too_large)
			err_set(err, EINVAL, NULL,
				"error parsing regexp: expression too large: `%.*s`",
				STR_ARG(pattern));
	}
	if (!tree || r->too_large) {
		rx_free(r);
		return -EINVAL;
	}
	*ret = r;
	return 0;
}

struct rx *rx_free(struct rx *r)
{
	if (!r)
		return NULL;
	arena_done(&r->arena);
	free(r->prog);
	free(r);
	return NULL;
}

size_t rx_groups(const struct rx *r)
{
	return r->groups;
}

const char *rx_group_name(const struct rx *r, size_t i)
{
	return i < r->groups ? r->names[i] : NULL;
}

size_t rx_size(const struct rx *r)
{
	return r->n;
}

/* ---- matching ---- */

static locale_t wide_locale(void)
{
	static locale_t l;

	if (!l)
		l = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
	return l;
}

static bool pred_has(char pred, uint32_t c)
{
	locale_t l = wide_locale();
	wint_t w = (wint_t)c;

	if (!l)
		return false;
	switch (pred) {
	case 'L':
		return iswalpha_l(w, l) && !iswdigit_l(w, l);
	case 'u':
		return iswupper_l(w, l);
	case 'l':
		return iswlower_l(w, l);
	case 'N':
		return c < 128 ? c >= '0' && c <= '9' : iswalnum_l(w, l) && !iswalpha_l(w, l);
	case 'P':
		return iswpunct_l(w, l);
	case 'Z':
		return iswspace_l(w, l) && c != '\t' && c != '\n' && c != '\v' && c != '\f' &&
		       c != '\r';
	case 'M':
		return (c >= 0x300 && c < 0x370) || (c >= 0x1ab0 && c < 0x1b00) ||
		       (c >= 0x20d0 && c < 0x2100);
	case 'C':
		return iswcntrl_l(w, l);
	case 'g':
		return c >= 0x370 && c < 0x400;
	case 'c':
		return c >= 0x400 && c < 0x530;
	case 'a':
		return iswalpha_l(w, l) && c < 0x250;
	case 'h':
		return (c >= 0x4e00 && c < 0xa000) || (c >= 0x3400 && c < 0x4dc0);
	default:
		return false;
	}
}

static bool in_ranges(const struct inst *i, uint32_t c)
{
	for (uint32_t k = 0; k < i->x; k++) {
		const struct rx_range *r = &i->ranges[k];

		if (r->pred ? pred_has(r->pred, c) != r->negate : c >= r->lo && c <= r->hi)
			return true;
	}
	return false;
}

static bool takes(const struct inst *i, uint32_t c)
{
	bool in;

	if (i->op == I_ANY)
		return true;
	if (i->op == I_ANY_NOT_NL)
		return c != '\n';
	in = in_ranges(i, c);
	if (!in && i->fold && wide_locale())
		in = in_ranges(i, (uint32_t)towlower_l((wint_t)c, wide_locale())) ||
		     in_ranges(i, (uint32_t)towupper_l((wint_t)c, wide_locale()));
	return in != i->negate;
}

static bool is_word(struct str t, size_t at)
{
	return at < t.len && (isalnum((unsigned char)t.p[at]) || t.p[at] == '_');
}

static bool holds(enum rx_assert a, struct str t, size_t at)
{
	bool edge = (at > 0 && is_word(t, at - 1)) != is_word(t, at);

	switch (a) {
	case RX_BEGIN_TEXT:
		return at == 0;
	case RX_END_TEXT:
		return at == t.len;
	case RX_BEGIN_LINE:
		return at == 0 || t.p[at - 1] == '\n';
	case RX_END_LINE:
		return at == t.len || t.p[at] == '\n';
	case RX_WORD:
		return edge;
	case RX_NO_WORD:
		return !edge;
	}
	return false;
}

/* Threads in order of preference; a sparse set, so that clearing costs nothing. */
struct threads {
	uint32_t *dense, *sparse, n;
	ssize_t *caps; /* n_caps each */
};

struct machine {
	const struct rx *rx;
	struct str text;
	size_t n_caps; /* 0: only whether */
	uint64_t steps;
	struct threads a, b;
	struct frame {
		uint32_t pc;
		ssize_t slot, old; /* slot >= 0: put this back */
	} * stack;
	ssize_t *work;
};

static bool has(const struct threads *t, uint32_t pc)
{
	return t->sparse[pc] < t->n && t->dense[t->sparse[pc]] == pc;
}

/* pc and all it leads to without reading; m->work holds the captures on the way. */
static void follow(struct machine *m, struct threads *t, uint32_t pc0, size_t at)
{
	size_t n = 0;

	m->stack[n++] = (struct frame){pc0, -1, 0};
	while (n) {
		struct frame f = m->stack[--n];
		const struct inst *i;
		uint32_t pc = f.pc;

		if (f.slot >= 0) {
			m->work[f.slot] = f.old;
			continue;
		}
		if (has(t, pc))
			continue;
		t->sparse[pc] = t->n;
		t->dense[t->n++] = pc;
		i = &m->rx->prog[pc];
		switch ((enum inst_op)i->op) {
		case I_JMP:
			m->stack[n++] = (struct frame){i->x, -1, 0};
			break;
		case I_SPLIT:
			m->stack[n++] = (struct frame){i->y, -1, 0};
			m->stack[n++] = (struct frame){i->x, -1, 0};
			break;
		case I_SAVE:
			if (i->x < m->n_caps) {
				m->stack[n++] = (struct frame){0, (ssize_t)i->x, m->work[i->x]};
				m->work[i->x] = (ssize_t)at;
			}
			m->stack[n++] = (struct frame){pc + 1, -1, 0};
			break;
		case I_ASSERT:
			if (holds((enum rx_assert)i->x, m->text, at))
				m->stack[n++] = (struct frame){pc + 1, -1, 0};
			break;
		case I_CLASS:
		case I_ANY:
		case I_ANY_NOT_NL:
		case I_MATCH:
			if (m->n_caps)
				memcpy(t->caps + (size_t)(t->n - 1) * m->n_caps, m->work,
				       m->n_caps * sizeof(ssize_t));
			break;
		}
	}
}

static bool run(struct machine *m, size_t from, ssize_t *ret)
{
	struct threads *now = &m->a, *next = &m->b, *tmp;
	const char *at = m->text.p + from, *end = m->text.p + m->text.len;
	bool matched = false;

	now->n = 0;
	for (;;) {
		size_t pos = (size_t)(at - m->text.p);
		const char *after = at;
		uint32_t c = at < end ? rx_utf8(&after, end) : 0;

		if (!matched && (!m->rx->anchored || pos == 0)) {
			for (size_t i = 0; i < m->n_caps; i++)
				m->work[i] = -1;
			if (m->n_caps)
				m->work[0] = (ssize_t)pos;
			follow(m, now, 0, pos);
		}
		if (!now->n)
			return matched;
		next->n = 0;
		m->steps += 4 + now->n;
		if (m->steps > RX_STEPS_MAX)
			return false;
		for (uint32_t k = 0; k < now->n; k++) {
			const struct inst *i = &m->rx->prog[now->dense[k]];

			if (i->op == I_MATCH) {
				matched = true;
				if (!m->n_caps)
					return true;
				memcpy(ret, now->caps + k * m->n_caps, m->n_caps * sizeof(ssize_t));
				if (m->n_caps > 1)
					ret[1] = (ssize_t)pos;
				break; /* those behind are less wanted */
			}
			if (i->op > I_ANY_NOT_NL || at >= end || !takes(i, c))
				continue;
			if (m->n_caps)
				memcpy(m->work, now->caps + k * m->n_caps,
				       m->n_caps * sizeof(ssize_t));
			follow(m, next, now->dense[k] + 1, (size_t)(after - m->text.p));
		}
		if (at >= end)
			return matched;
		at = after;
		tmp = now;
		now = next;
		next = tmp;
	}
}

static bool search(const struct rx *r, struct str text, size_t from, ssize_t *caps, size_t n,
		   uint64_t *steps)
{
	struct machine m = {.rx = r, .text = text, .n_caps = n};
	size_t each = sizeof(uint32_t) * 2 + sizeof(ssize_t) * n;
	char *mem, *p;
	bool yes;

	if (!m.text.p)
		m.text = STR("");
	mem = p = xcalloc(1, 2 * each * r->n + sizeof(struct frame) * (2 * (size_t)r->n + 4) +
				     sizeof(ssize_t) * (n + 1));
	m.stack = (struct frame *)p;
	p += sizeof(struct frame) * (2 * (size_t)r->n + 4);
	m.work = (ssize_t *)p;
	p += sizeof(ssize_t) * (n + 1);
	m.a.caps = (ssize_t *)p;
	p += sizeof(ssize_t) * n * r->n;
	m.b.caps = (ssize_t *)p;
	p += sizeof(ssize_t) * n * r->n;
	m.a.dense = (uint32_t *)p;
	m.a.sparse = m.a.dense + r->n;
	m.b.dense = m.a.sparse + r->n;
	m.b.sparse = m.b.dense + r->n;
	yes = run(&m, from, caps);
	free(mem);
	if (steps)
		*steps += m.steps;
	return yes;
}

bool rx_match(const struct rx *r, struct str text)
{
	return search(r, text, 0, NULL, 0, NULL);
}

bool rx_match_steps(const struct rx *r, struct str text, uint64_t *steps)
{
	return search(r, text, 0, NULL, 0, steps);
}

bool rx_find(const struct rx *r, struct str text, size_t from, ssize_t *caps, size_t n)
{
	return from <= text.len && search(r, text, from, caps, n * 2, NULL);
}
