/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/queue.h"

#define BACKOFF_MIN_NS (1 * NSEC_PER_SEC)
#define BACKOFF_MAX_NS (10 * NSEC_PER_SEC)
#define PARKED_MAX_NS (300 * NSEC_PER_SEC)

enum wait_state { WAIT_POPPED, WAIT_ACTIVE, WAIT_BACKOFF, WAIT_PARKED };

struct sched_wait {
	struct sched_queue *q;
	struct sched_pod *pod;
	enum wait_state state;
	struct list parked;
	struct timer timer;
	uint64_t serial;
	size_t slot; /* in the heap */
	uint64_t backoff_until_ns;
	uint32_t attempts, wakes, refused_by;
};

void sched_queue_init(struct sched_queue *q, struct timers *ts, void (*ready)(void *), void *user)
{
	*q = (struct sched_queue){.timers = ts, .ready = ready, .user = user};
	list_init(&q->unschedulable);
	sched_queue_backoffs(q, 0, 0);
}

void sched_queue_backoffs(struct sched_queue *q, uint64_t min_ns, uint64_t max_ns)
{
	q->backoff_min_ns = min_ns ? min_ns : BACKOFF_MIN_NS;
	q->backoff_max_ns = MAX(q->backoff_min_ns, max_ns ? max_ns : BACKOFF_MAX_NS);
}

void sched_queue_done(struct sched_queue *q)
{
	free(q->active);
}

/* The heap */

static bool before(const struct sched_wait *a, const struct sched_wait *b)
{
	if (a->pod->priority != b->pod->priority)
		return a->pod->priority > b->pod->priority;
	return a->serial < b->serial;
}

static void place(struct sched_queue *q, size_t i, struct sched_wait *w)
{
	q->active[i] = w;
	w->slot = i;
}

static void sift(struct sched_queue *q, size_t i, struct sched_wait *w)
{
	while (i > 0 && before(w, q->active[(i - 1) / 2])) {
		place(q, i, q->active[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < q->n_active && before(q->active[child + 1], q->active[child]))
			child++;
		if (child >= q->n_active || !before(q->active[child], w))
			break;
		place(q, i, q->active[child]);
		i = child;
	}
	place(q, i, w);
}

static void heap_remove(struct sched_queue *q, struct sched_wait *w)
{
	struct sched_wait *last = q->active[--q->n_active];

	if (last != w)
		sift(q, w->slot, last);
}

static void leave(struct sched_wait *w)
{
	struct sched_queue *q = w->q;

	timers_disarm(q->timers, &w->timer);
	switch (w->state) {
	case WAIT_POPPED:
		break;
	case WAIT_ACTIVE:
		heap_remove(q, w);
		break;
	case WAIT_BACKOFF:
		q->n_backoff--;
		break;
	case WAIT_PARKED:
		list_remove(&w->parked);
		q->n_unschedulable--;
		break;
	}
	w->state = WAIT_POPPED;
}

static void activate(struct sched_wait *w)
{
	struct sched_queue *q = w->q;

	leave(w);
	w->state = WAIT_ACTIVE;
	*ARRAY_PUSH(q->active, q->n_active, q->cap_active) = w;
	sift(q, q->n_active - 1, w);
	q->ready(q->user);
}

static void on_timer(struct timer *t)
{
	activate(container_of(t, struct sched_wait, timer));
}

/* Out of the parking place: active, or first the rest of its backoff. */
static void retry(struct sched_wait *w)
{
	struct sched_queue *q = w->q;

	if (timers_now_ns(q->timers) >= w->backoff_until_ns) {
		activate(w);
		return;
	}
	leave(w);
	w->state = WAIT_BACKOFF;
	q->n_backoff++;
	timers_arm(q->timers, &w->timer, w->backoff_until_ns);
}

void sched_queue_add(struct sched_queue *q, struct sched_pod *p)
{
	struct sched_wait *w = p->queued;

	if (!w) {
		w = NEW(struct sched_wait);
		w->q = q;
		w->pod = p;
		w->serial = ++q->serial;
		w->timer.fire = on_timer;
		list_init(&w->parked);
		p->queued = w;
		activate(w);
		return;
	}
	switch (w->state) {
	case WAIT_ACTIVE:
		sift(q, w->slot, w); /* its priority may have changed */
		break;
	case WAIT_PARKED:
		if (w->wakes & SCHED_EV_POD_CHANGED)
			retry(w);
		break;
	case WAIT_POPPED:
	case WAIT_BACKOFF:
		break;
	}
}

void sched_queue_remove(struct sched_queue *q, struct sched_pod *p)
{
	struct sched_wait *w = p->queued;

	if (!w)
		return;
	leave(w);
	p->queued = NULL;
	free(w);
}

struct sched_pod *sched_queue_pop(struct sched_queue *q)
{
	struct sched_wait *w;

	if (!q->n_active)
		return NULL;
	w = q->active[0];
	leave(w);
	w->attempts++;
	return w->pod;
}

static void count_backoff(struct sched_wait *w)
{
	uint64_t ns = w->q->backoff_min_ns;

	for (uint32_t i = 1; i < w->attempts && ns < w->q->backoff_max_ns; i++)
		ns *= 2;
	w->backoff_until_ns = timers_now_ns(w->q->timers) + MIN(ns, w->q->backoff_max_ns);
}

void sched_queue_park(struct sched_queue *q, struct sched_pod *p, uint32_t wakes,
		      uint32_t refused_by)
{
	struct sched_wait *w = p->queued;

	leave(w);
	count_backoff(w);
	w->wakes = wakes;
	w->refused_by = refused_by;
	w->state = WAIT_PARKED;
	list_append(&q->unschedulable, &w->parked);
	q->n_unschedulable++;
	timers_arm_in(q->timers, &w->timer, PARKED_MAX_NS);
}

void sched_queue_backoff(struct sched_queue *q, struct sched_pod *p)
{
	struct sched_wait *w = p->queued;

	count_backoff(w);
	retry(w);
}

void sched_queue_wake(struct sched_queue *q, uint32_t events, const struct sched_change *what)
{
	const struct sched_class *last = NULL;
	uint32_t last_by = 0;
	bool help = true;

	list_for_each_safe (it, &q->unschedulable) {
		struct sched_wait *w = list_entry(it, struct sched_wait, parked);

		if (!(w->wakes & events))
			continue;
		/* Pods of one kind stand together: they are asked for once. */
		if (what && q->may_help &&
		    (what->claim || w->pod->class != last || w->refused_by != last_by)) {
			last = w->pod->class;
			last_by = w->refused_by;
			help = q->may_help(q->user, w->pod, w->refused_by, what);
		}
		if (help || (what->node && w->pod->nominated == what->node))
			retry(w);
	}
}
