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
	for (size_t i = ts->due_at; i < ts->n_due; i++)
		if (ts->due[i])
			ts->due[i]->slot = 0;
	free(ts->heap);
	free(ts->due);
	ts->heap = ts->due = NULL;
	ts->n = ts->cap = ts->due_at = ts->n_due = ts->cap_due = 0;
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

/* Slots of the round under way lie above all of the heap's. */
#define DUE_SLOT (SIZE_MAX / 2)

static void take_out(struct timers *ts, struct timer *t)
{
	size_t i = t->slot - 1;
	struct timer *last;

	t->slot = 0;
	if (i >= DUE_SLOT) {
		ts->due[i - DUE_SLOT] = NULL;
		return;
	}
	last = ts->heap[--ts->n];
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
	for (size_t i = ts->due_at; i < ts->n_due; i++)
		if (ts->due[i])
			return ts->due[i]->at_ns;
	return ts->n ? ts->heap[0]->at_ns : UINT64_MAX;
}

/* What is due leaves the heap first: a timer that arms itself for now then stands behind it. */
static void begin_round(struct timers *ts)
{
	uint64_t now_ns = timers_now_ns(ts);

	if (ts->due_at == ts->n_due)
		ts->due_at = ts->n_due = 0;
	while (ts->n && ts->heap[0]->at_ns <= now_ns) {
		struct timer *t = ts->heap[0];

		take_out(ts, t);
		*ARRAY_PUSH(ts->due, ts->n_due, ts->cap_due) = t;
		t->slot = DUE_SLOT + ts->n_due;
	}
}

size_t timers_run(struct timers *ts)
{
	size_t left, fired = 0;

	begin_round(ts);
	left = ts->n_due - ts->due_at;
	while (left-- && ts->due_at < ts->n_due) {
		struct timer *t = ts->due[ts->due_at++];

		if (!t)
			continue;
		t->slot = 0;
		t->fire(t);
		fired++;
	}
	if (ts->rearm)
		ts->rearm(ts, timers_next_ns(ts));
	return fired;
}
