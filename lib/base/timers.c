/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/timers.h"

void timers_init(struct timers *ts, const struct clock *clock)
{
	*ts = (struct timers){.clock = clock};
}

void timers_done(struct timers *ts)
{
	for (size_t i = 0; i < ts->n; i++)
		ts->heap[i]->slot = 0;
	free(ts->heap);
	ts->heap = NULL;
	ts->n = ts->cap = 0;
}

static bool before(const struct timer *a, const struct timer *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void place(struct timers *ts, size_t i, struct timer *t)
{
	ts->heap[i] = t;
	t->slot = i + 1;
}

static void sift_up(struct timers *ts, size_t i, struct timer *t)
{
	while (i > 0 && before(t, ts->heap[(i - 1) / 2])) {
		place(ts, i, ts->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= ts->n)
			break;
		if (child + 1 < ts->n && before(ts->heap[child + 1], ts->heap[child]))
			child++;
		if (!before(ts->heap[child], t))
			break;
		place(ts, i, ts->heap[child]);
		i = child;
	}
	place(ts, i, t);
}

static void take_out(struct timers *ts, struct timer *t)
{
	size_t i = t->slot - 1;
	struct timer *last = ts->heap[--ts->n];

	t->slot = 0;
	if (last == t)
		return;
	if (i > 0 && before(last, ts->heap[(i - 1) / 2]))
		sift_up(ts, i, last);
	else
		sift_down(ts, i, last);
}

static void tell(struct timers *ts, uint64_t was_ns)
{
	uint64_t now_ns = timers_next_ns(ts);

	if (ts->rearm && now_ns != was_ns)
		ts->rearm(ts, now_ns);
}

void timers_arm(struct timers *ts, struct timer *t, uint64_t at_ns)
{
	uint64_t was_ns = timers_next_ns(ts);

	if (t->slot)
		take_out(ts, t);
	t->at_ns = at_ns;
	t->seq = ++ts->seq;
	*ARRAY_PUSH(ts->heap, ts->n, ts->cap) = t;
	sift_up(ts, ts->n - 1, t);
	tell(ts, was_ns);
}

void timers_disarm(struct timers *ts, struct timer *t)
{
	uint64_t was_ns = timers_next_ns(ts);

	if (!t->slot)
		return;
	take_out(ts, t);
	tell(ts, was_ns);
}

uint64_t timers_next_ns(const struct timers *ts)
{
	return ts->n ? ts->heap[0]->at_ns : UINT64_MAX;
}

size_t timers_run(struct timers *ts)
{
	uint64_t now_ns = timers_now_ns(ts), until = ts->seq;
	size_t fired = 0;

	/*
	 * A timer armed from a callback has a seq above `until`. Such a one at the top ends the
	 * round even if older ones are due behind it: they fire in the next, nothing is lost.
	 */
	while (ts->n && ts->heap[0]->at_ns <= now_ns && ts->heap[0]->seq <= until) {
		struct timer *t = ts->heap[0];

		take_out(ts, t);
		t->fire(t);
		fired++;
	}
	if (ts->rearm)
		ts->rearm(ts, timers_next_ns(ts));
	return fired;
}
