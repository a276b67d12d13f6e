/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/indexes.h"

void indexes_done(struct indexes *s)
{
	free(s->v);
	*s = (struct indexes){0};
}

static int read_number(struct str s, int64_t *ret, struct err *err)
{
	if (str_to_i64(s, ret) == 0 && *ret <= INT32_MAX)
		return 0;
	return err_set(err, EINVAL, NULL, "cannot convert string to integer for index: \"%.*s\"",
		       STR_ARG(s));
}

int indexes_parse(struct str text, int64_t completions, struct indexes *ret, struct err *err)
{
	struct indexes s = {0};
	struct str rest = text, part;
	int64_t last = -1;
	int r = 0;

	while (text.len && r == 0 && str_split(&rest, ',', &part)) {
		struct str limits = part, low, high;
		int64_t x, y;

		str_split(&limits, '-', &low);
		r = read_number(low, &x, err);
		if (r < 0)
			break;
		if (x >= completions)
			r = err_set(err, EINVAL, NULL, "too large index: \"%.*s\"", STR_ARG(low));
		else if (x <= last)
			r = err_set(err, EINVAL, NULL,
				    "non-increasing order, previous: %" PRId64
				    ", current: %" PRId64,
				    last, x);
		y = x;
		if (r == 0 && limits.p) {
			str_split(&limits, '-', &high);
			if (limits.p)
				r = err_set(err, EINVAL, NULL,
					    "the fragment \"%.*s\" violates the requirement that "
					    "an index interval can have at most two parts "
					    "separated by '-'",
					    STR_ARG(part));
			else
				r = read_number(high, &y, err);
			if (r == 0 && x >= y)
				r = err_set(err, EINVAL, NULL,
					    "non-increasing order, previous: %" PRId64
					    ", current: %" PRId64,
					    x, y);
			if (r == 0 && y >= completions)
				r = err_set(err, EINVAL, NULL, "too large index: \"%.*s\"",
					    STR_ARG(high));
		}
		if (r < 0)
			break;
		if (!s.n || s.v[s.n - 1].last + 1 < x) {
			ARRAY_PUSH(s.v, s.n, s.cap);
			s.v[s.n - 1].first = x;
		}
		s.v[s.n - 1].last = last = y;
	}
	if (r < 0) {
		indexes_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void indexes_read(struct str text, int64_t completions, struct indexes *ret)
{
	struct indexes s = {0};
	size_t n = 0;

	*ret = s;
	if (indexes_parse(text, (int64_t)INT32_MAX + 1, &s, NULL) < 0)
		return;
	while (n < s.n && s.v[n].first < completions) {
		s.v[n].last = MIN(s.v[n].last, completions - 1);
		n++;
	}
	s.n = n;
	*ret = s;
}

void indexes_format(const struct indexes *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		buf_addf(out, "%s%" PRId64, i ? "," : "", s->v[i].first);
		if (s->v[i].last == s->v[i].first + 1)
			buf_addf(out, ",%" PRId64, s->v[i].last);
		else if (s->v[i].last > s->v[i].first)
			buf_addf(out, "-%" PRId64, s->v[i].last);
	}
}

int64_t indexes_total(const struct indexes *s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].last - s->v[i].first + 1;
	return n;
}

/* The first interval that ends at `index` or behind it. */
static size_t find(const struct indexes *s, int64_t index)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid].last < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool indexes_has(const struct indexes *s, int64_t index)
{
	size_t at = find(s, index);

	return at < s->n && s->v[at].first <= index;
}

int64_t indexes_gap(const struct indexes *s, int64_t index)
{
	size_t at = find(s, index);

	return at < s->n && s->v[at].first <= index ? s->v[at].last + 1 : index;
}

void indexes_add(struct indexes *s, int64_t index)
{
	size_t at = find(s, index);
	bool joins_left = at > 0 && s->v[at - 1].last == index - 1;
	bool joins_right = at < s->n && s->v[at].first == index + 1;

	if (at < s->n && s->v[at].first <= index)
		return;
	if (joins_left && joins_right) {
		s->v[at - 1].last = s->v[at].last;
		memmove(&s->v[at], &s->v[at + 1], (s->n - at - 1) * sizeof(*s->v));
		s->n--;
	} else if (joins_left) {
		s->v[at - 1].last = index;
	} else if (joins_right) {
		s->v[at].first = index;
	} else {
		ARRAY_PUSH(s->v, s->n, s->cap);
		memmove(&s->v[at + 1], &s->v[at], (s->n - 1 - at) * sizeof(*s->v));
		s->v[at].first = s->v[at].last = index;
	}
}

int64_t indexes_common(const struct indexes *a, const struct indexes *b)
{
	int64_t n = 0;

	for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
		int64_t first = MAX(a->v[i].first, b->v[j].first);
		int64_t last = MIN(a->v[i].last, b->v[j].last);

		if (first <= last)
			n += last - first + 1;
		if (a->v[i].last < b->v[j].last)
			i++;
		else
			j++;
	}
	return n;
}
