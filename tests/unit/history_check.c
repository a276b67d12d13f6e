/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/unit/history.h"

void history_add(struct history *h, const struct history_rec *r)
{
	*ARRAY_PUSH(h->v, h->n, h->cap) = *r;
}

void history_done(struct history *h)
{
	free(h->v);
	*h = (struct history){0};
}

/* A change, as the watchers saw it. */
struct change {
	uint64_t value; /* 0: not seen */
	uint32_t key;
	uint64_t before; /* revision of its key before; 0: none */
};

struct op {
	uint64_t id, expect, rev, value, began_ns, ended_ns; /* UINT64_MAX: never */
	uint32_t key;
	uint8_t what, outcome;
	bool seen;
	uint64_t place; /* 2 * revision of a write; one more for what was seen of it */
};

struct watcher {
	uint64_t id, rev;
};

struct checker {
	const struct history *h;
	struct change *changes; /* by revision */
	size_t n_changes, cap_changes;
	struct op *ops; /* by id */
	size_t n_ops, cap_ops;
	struct watcher *watchers;
	size_t n_watchers, cap_watchers;
	struct history_stats *stats;
	struct buf *why;
};

static bool wrong(struct checker *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool wrong(struct checker *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(c->why, fmt, ap);
	va_end(ap);
	return false;
}

static struct change *change_at(struct checker *c, uint64_t rev)
{
	while (c->n_changes <= rev)
		*ARRAY_PUSH(c->changes, c->n_changes, c->cap_changes) = (struct change){0};
	return &c->changes[rev];
}

/* ---- what the watchers saw ---- */

static bool take_event(struct checker *c, const struct history_rec *r)
{
	struct change *ch = change_at(c, r->rev);
	struct watcher *w = NULL;

	for (size_t i = 0; i < c->n_watchers; i++)
		if (c->watchers[i].id == r->op)
			w = &c->watchers[i];
	if (r->kind == HIST_SEES) {
		if (!w) {
			w = ARRAY_PUSH(c->watchers, c->n_watchers, c->cap_watchers);
			*w = (struct watcher){.id = r->op};
		}
		if (r->rev < w->rev)
			return wrong(c,
				     "watcher %" PRIx64 " goes back from %" PRIu64 " to %" PRIu64,
				     r->op, w->rev, r->rev);
		w->rev = r->rev;
		return true;
	}
	if (!w || r->rev != w->rev + 1)
		return wrong(c, "watcher %" PRIx64 " saw %" PRIu64 " behind %" PRIu64, r->op,
			     r->rev, w ? w->rev : 0);
	w->rev = r->rev;
	c->stats->events++;
	if (ch->value && (ch->value != r->value || ch->key != r->key))
		return wrong(c,
			     "revision %" PRIu64 " is value %" PRIx64 " for one and %" PRIx64
			     " for another",
			     r->rev, ch->value, r->value);
	ch->value = r->value;
	ch->key = r->key;
	return true;
}

/* ---- operations ---- */

static int by_id(const void *a, const void *b)
{
	const struct op *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static struct op *find_op(struct checker *c, uint64_t id)
{
	struct op key = {.id = id};

	return c->n_ops ? bsearch(&key, c->ops, c->n_ops, sizeof(*c->ops), by_id) : NULL;
}

static bool take_ops(struct checker *c)
{
	for (size_t i = 0; i < c->h->n; i++) {
		const struct history_rec *r = &c->h->v[i];

		if (r->kind == HIST_BEGIN)
			*ARRAY_PUSH(c->ops, c->n_ops, c->cap_ops) =
				(struct op){.id = r->op,
					    .key = r->key,
					    .what = r->what,
					    .expect = r->expect,
					    .outcome = HIST_UNKNOWN,
					    .began_ns = r->t_ns,
					    .ended_ns = UINT64_MAX};
	}
	if (c->n_ops)
		qsort(c->ops, c->n_ops, sizeof(*c->ops), by_id);
	for (size_t i = 0; i < c->h->n; i++) {
		const struct history_rec *r = &c->h->v[i];
		struct op *o = r->kind == HIST_END ? find_op(c, r->op) : NULL;

		if (r->kind != HIST_END)
			continue;
		if (!o || o->ended_ns != UINT64_MAX)
			return wrong(c, "operation %" PRIx64 " ended and was not under way", r->op);
		if (r->outcome == HIST_UNKNOWN)
			continue; /* whenever */
		o->outcome = r->outcome;
		o->rev = r->rev;
		o->value = r->value;
		o->seen = r->seen;
		o->ended_ns = r->t_ns;
	}
	return true;
}

/* Acknowledged writes are changes, too: where every watcher was away, they are all there is. */
static bool add_writes(struct checker *c)
{
	for (size_t i = 0; i < c->n_ops; i++) {
		struct op *o = &c->ops[i];
		struct change *ch;

		if (o->what != HIST_CAS || o->outcome != HIST_OK)
			continue;
		ch = change_at(c, o->rev);
		if (ch->value && ch->value != o->id)
			return wrong(c,
				     "write %" PRIx64 " was acknowledged at revision %" PRIu64
				     ", which is of %" PRIx64,
				     o->id, o->rev, ch->value);
		ch->value = o->id;
		ch->key = o->key;
	}
	return true;
}

static bool check_changes(struct checker *c)
{
	uint64_t last[HISTORY_KEYS] = {0};

	for (uint64_t rev = 1; rev < c->n_changes; rev++) {
		struct change *ch = &c->changes[rev];
		struct op *o = ch->value ? find_op(c, ch->value) : NULL;

		if (!ch->value)
			return wrong(c, "revision %" PRIu64 " was seen by nobody", rev);
		if (ch->key >= HISTORY_KEYS || !o || o->what != HIST_CAS || o->key != ch->key)
			return wrong(c, "revision %" PRIu64 " is of no write", rev);
		if (o->outcome == HIST_REFUSED)
			return wrong(c,
				     "write %" PRIx64 " was refused, and stands at revision "
				     "%" PRIu64,
				     o->id, rev);
		if (o->place)
			return wrong(c, "write %" PRIx64 " was done twice", o->id);
		if (o->expect != last[ch->key])
			return wrong(c,
				     "write %" PRIx64 " at revision %" PRIu64
				     " was to replace %" PRIu64 " and replaced %" PRIu64,
				     o->id, rev, o->expect, last[ch->key]);
		o->place = 2 * rev;
		ch->before = last[ch->key];
		last[ch->key] = rev;
	}
	return true;
}

/* Where reads and refusals stand; what they show must exist. */
static bool place_reads(struct checker *c)
{
	for (size_t i = 0; i < c->n_ops; i++) {
		struct op *o = &c->ops[i];
		bool write = o->what == HIST_CAS;

		c->stats->writes += write && o->outcome == HIST_OK;
		c->stats->reads += !write && o->outcome == HIST_OK;
		c->stats->refused += write && o->outcome == HIST_REFUSED;
		c->stats->unknown += write && o->outcome == HIST_UNKNOWN;
		c->stats->unknown_done += write && o->outcome == HIST_UNKNOWN && o->place;
		if (write && o->outcome == HIST_OK && !o->place)
			return wrong(c, "write %" PRIx64 " was acknowledged and is gone", o->id);
		if (write && !(o->outcome == HIST_REFUSED && o->seen))
			continue;
		if (!write && o->outcome != HIST_OK)
			continue;
		if (o->rev >= c->n_changes || (o->rev && c->changes[o->rev].key != o->key) ||
		    (!write && c->changes[o->rev].value != o->value))
			return wrong(c, "operation %" PRIx64 " saw revision %" PRIu64 " of key %u",
				     o->id, o->rev, o->key);
		if (write && o->rev == o->expect)
			return wrong(c, "write %" PRIx64 " was refused for no reason", o->id);
		o->place = 2 * o->rev + 1;
	}
	return true;
}

static int by_begin(const void *a, const void *b)
{
	const struct op *x = *(struct op *const *)a, *y = *(struct op *const *)b;

	return x->began_ns < y->began_ns ? -1 : x->began_ns > y->began_ns;
}

static int by_end(const void *a, const void *b)
{
	const struct op *x = *(struct op *const *)a, *y = *(struct op *const *)b;

	return x->ended_ns < y->ended_ns ? -1 : x->ended_ns > y->ended_ns;
}

/* Of the operations on one key: nothing stands before what had ended when it began. */
static bool check_order(struct checker *c, struct op **begin, struct op **end, size_t n)
{
	struct op *newest = NULL;
	size_t e = 0;

	qsort(begin, n, sizeof(*begin), by_begin);
	qsort(end, n, sizeof(*end), by_end);
	for (size_t i = 0; i < n; i++) {
		struct op *o = begin[i];

		for (; e < n && end[e]->ended_ns < o->began_ns; e++)
			if (!newest || end[e]->place > newest->place)
				newest = end[e];
		if (newest && o->place < newest->place)
			return wrong(c,
				     "operation %" PRIx64 " (%s) began when %" PRIx64
				     " had been answered, and stands before it: revision %" PRIu64
				     " before %" PRIu64,
				     o->id, o->what == HIST_READ ? "read" : "write", newest->id,
				     o->place / 2, newest->place / 2);
	}
	return true;
}

/*
 * Reads of one key are ordered by that key's writes alone; all writes, by their revisions, among
 * each other as well.
 */
static bool check_orders(struct checker *c)
{
	struct op **begin = xcalloc(c->n_ops + 1, sizeof(*begin));
	struct op **end = xcalloc(c->n_ops + 1, sizeof(*end));
	bool ok = true;

	for (uint32_t key = 0; ok && key <= HISTORY_KEYS; key++) {
		size_t n = 0;

		for (size_t i = 0; i < c->n_ops; i++) {
			struct op *o = &c->ops[i];
			bool all_writes = key == HISTORY_KEYS && o->what == HIST_CAS &&
					  o->outcome != HIST_REFUSED;

			/* What never came to anything stands nowhere. */
			if ((o->key == key || all_writes) &&
			    (o->place || (o->what == HIST_READ && o->outcome == HIST_OK)))
				begin[n] = end[n] = o, n++;
		}
		ok = check_order(c, begin, end, n);
	}
	free(begin);
	free(end);
	return ok;
}

/* All masters have the last write of each key at the end. */
static bool check_states(struct checker *c)
{
	uint64_t last[HISTORY_KEYS] = {0};

	for (uint64_t rev = 1; rev < c->n_changes; rev++)
		last[c->changes[rev].key] = rev;
	for (size_t i = 0; i < c->h->n; i++) {
		const struct history_rec *r = &c->h->v[i];

		if (r->kind == HIST_STATE &&
		    (r->rev != last[r->key] || r->value != c->changes[last[r->key]].value))
			return wrong(c,
				     "at the end node %u has revision %" PRIu64
				     " of key %u, not %" PRIu64,
				     r->node, r->rev, r->key, last[r->key]);
	}
	return true;
}

bool history_check(const struct history *h, struct history_stats *ret, struct buf *why)
{
	struct checker c = {.h = h, .stats = ret, .why = why};
	bool ok = true;

	*ret = (struct history_stats){0};
	change_at(&c, 0);
	for (size_t i = 0; ok && i < h->n; i++)
		if (h->v[i].kind == HIST_SEES || h->v[i].kind == HIST_EVENT)
			ok = take_event(&c, &h->v[i]);
	ok = ok && take_ops(&c) && add_writes(&c) && check_changes(&c) && place_reads(&c) &&
	     check_orders(&c) && check_states(&c);
	ret->watchers = c.n_watchers;
	ret->last_rev = c.n_changes - 1;
	free(c.changes);
	free(c.ops);
	free(c.watchers);
	return ok;
}
