/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/cel.h"
#include "lib/base/regex.h"
/* Lists, sets and regular expressions (k8s.io/apiserver pkg/cel/library, cel-go ext). */

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

/* The elements as an array; NULL when the budget is gone. */
static const struct cel_val *elements(struct cel_run *r, const struct cel_val *list)
{
	struct cel_val *v;

	if (!cel_charge(r, list->l->n))
		return NULL;
	if (!list->l->json)
		return list->l->v;
	v = ARENA_ARRAY(r->arena, struct cel_val, list->l->n);
	for (size_t i = 0; i < list->l->n; i++)
		v[i] = cel_at(r, list, i);
	return v;
}

static struct cel_val list_of(struct cel_run *r, const struct cel_val *v, size_t n)
{
	struct cel_list *l = ARENA_NEW(r->arena, struct cel_list);

	l->n = n;
	l->v = v;
	return (struct cel_val){.kind = CEL_LIST, .l = l};
}

FN(is_sorted)
{
	const struct cel_val *v = elements(r, a);

	for (size_t i = 1; v && i < a->l->n; i++) {
		int c = cel_compare(&v[i - 1], &v[i]);

		if (c == 2)
			return cel_no_overload();
		if (c > 0)
			return cel_bool(false);
	}
	return cel_bool(true);
}

FN(sum)
{
	const struct cel_val *v = elements(r, a);
	struct cel_val s = cel_int(0);
	bool over = false;

	for (size_t i = 0; v && i < a->l->n && !over; i++) {
		if (!i)
			s = v[0];
		else if (v[i].kind != s.kind)
			return cel_no_overload();
		else if (s.kind == CEL_INT || s.kind == CEL_DURATION)
			over = __builtin_add_overflow(s.i, v[i].i, &s.i);
		else if (s.kind == CEL_UINT)
			over = __builtin_add_overflow(s.u, v[i].u, &s.u);
		else if (s.kind == CEL_DOUBLE)
			s.d += v[i].d;
		else
			return cel_no_overload();
	}
	return over ? cel_error(r, "integer overflow") : s;
}

static struct cel_val extreme(struct cel_run *r, const struct cel_val *a, int want)
{
	const struct cel_val *v = elements(r, a);
	struct cel_val best;

	if (!v || !a->l->n)
		return cel_error(r, "%s called on empty list", want < 0 ? "min" : "max");
	best = v[0];
	for (size_t i = 1; i < a->l->n; i++) {
		int c = cel_compare(&v[i], &best);

		if (c == 2)
			return cel_no_overload();
		if (c == want)
			best = v[i];
	}
	return best;
}

FN(min)
{
	return extreme(r, a, -1);
}
FN(max)
{
	return extreme(r, a, 1);
}

FN(index_of)
{
	const struct cel_val *v = elements(r, a);

	for (size_t i = 0; v && i < a->l->n; i++)
		if (cel_equal(r, &v[i], &a[1]))
			return cel_int((int64_t)i);
	return cel_int(-1);
}

FN(last_index_of)
{
	const struct cel_val *v = elements(r, a);

	for (size_t i = v ? a->l->n : 0; i-- > 0;)
		if (cel_equal(r, &v[i], &a[1]))
			return cel_int((int64_t)i);
	return cel_int(-1);
}

FN(slice)
{
	const struct cel_val *v = elements(r, a);
	int64_t from = a[1].i, to = a[2].i;

	if (from < 0 || to < 0)
		return cel_error(
			r, "cannot slice(%" PRId64 ", %" PRId64 "), negative indexes not supported",
			from, to);
	if (from > to)
		return cel_error(r,
				 "cannot slice(%" PRId64 ", %" PRId64
				 "), start index must be less than or equal to end index",
				 from, to);
	if (!v || (uint64_t)to > a->l->n)
		return cel_error(r, "cannot slice(%" PRId64 ", %" PRId64 "), list is length %zu",
				 from, to, a->l->n);
	return list_of(r, v + from, (size_t)(to - from));
}

static bool flatten_into(struct cel_run *r, const struct cel_val *a, int64_t depth,
			 struct cel_val *v, size_t max, size_t *at)
{
	for (size_t i = 0; i < a->l->n; i++) {
		struct cel_val e = cel_at(r, a, i);

		if (!cel_charge(r, 1))
			return false;
		if (e.kind == CEL_LIST && depth > 0) {
			if (!flatten_into(r, &e, depth - 1, v, max, at))
				return false;
			continue;
		}
		if (v && *at < max)
			v[*at] = e;
		++*at;
	}
	return true;
}

FN(flatten)
{
	int64_t depth = n > 1 ? a[1].i : 1;
	struct cel_val *v;
	size_t count = 0, at = 0;

	if (depth < 0)
		return cel_error(r, "level must be non-negative");
	depth = MIN(depth, (int64_t)64);
	if (!flatten_into(r, a, depth, NULL, 0, &count))
		return cel_no_overload();
	v = ARENA_ARRAY(r->arena, struct cel_val, count);
	flatten_into(r, a, depth, v, count, &at);
	return list_of(r, v, count);
}

FN(distinct)
{
	const struct cel_val *v = elements(r, a);
	struct cel_val *out = ARENA_ARRAY(r->arena, struct cel_val, a->l->n);
	size_t at = 0;

	for (size_t i = 0; v && i < a->l->n; i++) {
		bool had = false;

		for (size_t j = 0; j < at && !had; j++) {
			if (!cel_charge(r, 1))
				return cel_no_overload();
			had = cel_equal(r, &out[j], &v[i]);
		}
		if (!had)
			out[at++] = v[i];
	}
	return list_of(r, out, at);
}

FN(reverse)
{
	const struct cel_val *v = elements(r, a);
	struct cel_val *out = ARENA_ARRAY(r->arena, struct cel_val, a->l->n);

	for (size_t i = 0; v && i < a->l->n; i++)
		out[i] = v[a->l->n - 1 - i];
	return list_of(r, out, v ? a->l->n : 0);
}

static int by_order(const void *x, const void *y)
{
	return cel_compare(x, y);
}

FN(sort)
{
	const struct cel_val *v = elements(r, a);
	struct cel_val *out = ARENA_ARRAY(r->arena, struct cel_val, a->l->n);

	for (size_t i = 0; v && i < a->l->n; i++) {
		out[i] = v[i];
		if (i && (v[i].kind != v[0].kind || cel_compare(&v[0], &v[i]) == 2))
			return cel_error(r, "list elements must have the same type");
	}
	if (v && a->l->n > 1)
		qsort(out, a->l->n, sizeof(*out), by_order);
	cel_charge(r, a->l->n * 4);
	return list_of(r, out, v ? a->l->n : 0);
}

FN(range)
{
	struct cel_val *v, list;

	if (a->i < 0 || a->i > 1000000 || !cel_charge(r, (uint64_t)a->i))
		return cel_error(r, "lists.range: %" PRId64 " is out of range", a->i);
	list = cel_new_list(r, (size_t)a->i, &v);
	for (int64_t i = 0; i < a->i; i++)
		v[i] = cel_int(i);
	return list;
}

FN(first)
{
	return a->l->n ? cel_some(r, cel_at(r, a, 0)) : (struct cel_val){.kind = CEL_OPTIONAL};
}
FN(last)
{
	return a->l->n ? cel_some(r, cel_at(r, a, a->l->n - 1))
		       : (struct cel_val){.kind = CEL_OPTIONAL};
}

static const struct cel_def list_defs[] = {
	{"isSorted", "lA.:b", is_sorted, 0},
	{"sum", "lA.:A", sum, 0},
	{"min", "lA.:A", min, 0},
	{"max", "lA.:A", max, 0},
	{"indexOf", "lA.A:i", index_of, 0},
	{"lastIndexOf", "lA.A:i", last_index_of, 0},
	{"slice", "lA.i,i:lA", slice, 0},
	{"flatten", "lA.:lD", flatten, 0},
	{"flatten", "lA.i:lD", flatten, 0},
	{"distinct", "lA.:lA", distinct, 0},
	{"reverse", "lA.:lA", reverse, 0},
	{"sort", "lA.:lA", sort, 0},
	{"lists.range", "i:li", range, 0},
	{"first", "lA.:oA", first, 0},
	{"last", "lA.:oA", last, 0},
};
const struct cel_lib cel_lib_lists = {.defs = list_defs, .n = ARRAY_SIZE(list_defs)};

/* ---- sets ---- */

/* Every element of b is in a. */
static bool contains_all(struct cel_run *r, const struct cel_val *a, const struct cel_val *b)
{
	for (size_t i = 0; i < b->l->n; i++) {
		struct cel_val e = cel_at(r, b, i);
		bool found = false;

		for (size_t j = 0; j < a->l->n && !found; j++) {
			struct cel_val o = cel_at(r, a, j);

			if (!cel_charge(r, 1))
				return false;
			found = cel_equal(r, &e, &o);
		}
		if (!found)
			return false;
	}
	return true;
}

FN(set_contains)
{
	return cel_bool(contains_all(r, &a[0], &a[1]));
}
FN(set_equivalent)
{
	return cel_bool(contains_all(r, &a[0], &a[1]) && contains_all(r, &a[1], &a[0]));
}
FN(set_intersects)
{
	for (size_t i = 0; i < a[0].l->n; i++) {
		struct cel_val e = cel_at(r, &a[0], i);

		for (size_t j = 0; j < a[1].l->n; j++) {
			struct cel_val o = cel_at(r, &a[1], j);

			if (!cel_charge(r, 1))
				return cel_no_overload();
			if (cel_equal(r, &e, &o))
				return cel_bool(true);
		}
	}
	return cel_bool(false);
}

static const struct cel_def set_defs[] = {
	{"sets.contains", "lA,lA:b", set_contains, 0},
	{"sets.equivalent", "lA,lA:b", set_equivalent, 0},
	{"sets.intersects", "lA,lA:b", set_intersects, 0},
};
const struct cel_lib cel_lib_sets = {.defs = set_defs, .n = ARRAY_SIZE(set_defs)};

/* ---- regular expressions ---- */

static const struct rx *pattern(struct cel_run *r, const struct cel_val *a, struct cel_val *e)
{
	if (!cel_charge(r, (a[0].s.len / 10 + 1) * (a[1].s.len / 4 + 1))) {
		*e = cel_no_overload();
		return NULL;
	}
	return cel_regex(r, a[1].s, e);
}

FN(find)
{
	struct cel_val e;
	const struct rx *rx = pattern(r, a, &e);
	ssize_t c[2];

	if (!rx)
		return e;
	if (!rx_find(rx, a->s, 0, c, 1))
		return cel_str(STR(""));
	return cel_str(str_n(a->s.p + c[0], (size_t)(c[1] - c[0])));
}

FN(find_all)
{
	int64_t limit = n > 2 ? a[2].i : -1;
	struct cel_val e, *v = NULL, *grown;
	const struct rx *rx = pattern(r, a, &e);
	size_t at = 0, cap = 0, from = 0;
	ssize_t c[2];

	if (!rx)
		return e;
	while (limit && from <= a->s.len && rx_find(rx, a->s, from, c, 1)) {
		if (!cel_charge(r, 1 + (uint64_t)(c[1] - c[0]) / 10))
			return cel_no_overload();
		r->steps += (uint64_t)(c[1] - (ssize_t)from) * rx_size(rx) / 64;
		if (at == cap) {
			cap = cap ? cap * 2 : 8;
			grown = ARENA_ARRAY(r->arena, struct cel_val, cap);
			if (at)
				memcpy(grown, v, at * sizeof(*v));
			v = grown;
		}
		v[at++] = cel_str(str_n(a->s.p + c[0], (size_t)(c[1] - c[0])));
		from = (size_t)c[1] + (c[1] == c[0]);
		while (from < a->s.len && (a->s.p[from] & 0xc0) == 0x80)
			from++;
		limit--;
	}
	return list_of(r, v, at);
}

static const struct cel_def regex_defs[] = {
	{"find", "s.s:s", find, 0},
	{"findAll", "s.s:ls", find_all, 0},
	{"findAll", "s.s,i:ls", find_all, 0},
};
const struct cel_lib cel_lib_regex = {.defs = regex_defs, .n = ARRAY_SIZE(regex_defs)};
