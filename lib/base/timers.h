/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TIMERS_H
#define KNARR_TIMERS_H
#include "lib/base/clock.h"
/*
 * One-shot timers on a clock that is a parameter. The queue is a plain heap that knows no event
 * loop: a driver is told the earliest due time through `rearm` and calls timers_run when it has
 * come. In a daemon the driver is lib/sys/timers_uv.h; in a test or a simulation it is a loop that
 * moves a fake clock to timers_next_ns. So code that uses `struct timers` needs no change to be
 * simulated.
 *
 * A timer due at time 0 means "as soon as the loop is back", which is how work leaves the stack
 * of the callback it was found in.
 */
struct timer {
	void (*fire)(struct timer *t); /* disarmed before it is called; may re-arm or free itself */
	uint64_t at_ns;
	uint64_t seq; /* equal times fire in the order they were armed */
	size_t slot; /* position in the heap (or behind it, in `due`) plus one; 0: not armed */
};

struct timers {
	const struct clock *clock;
	struct timer **heap;
	size_t n, cap;
	/* Of the round under way: what was due when it began, in order; NULL: disarmed since. */
	struct timer **due;
	size_t due_at, n_due, cap_due;
	uint64_t seq;
	/* Told whenever the earliest time changed; UINT64_MAX: none is armed. May be NULL. */
	void (*rearm)(struct timers *ts, uint64_t at_ns);
	void *user; /* the driver's */
};

void timers_init(struct timers *ts, const struct clock *clock);
void timers_done(struct timers *ts); /* forgets all armed timers */
static inline uint64_t timers_now_ns(const struct timers *ts)
{
	return clock_mono_ns(ts->clock);
}
/* Arms (or moves) t to a time of clock_mono_ns. */
void timers_arm(struct timers *ts, struct timer *t, uint64_t at_ns);
static inline void timers_arm_in(struct timers *ts, struct timer *t, uint64_t delay_ns)
{
	timers_arm(ts, t, timers_now_ns(ts) + delay_ns);
}
static inline void timers_soon(struct timers *ts, struct timer *t)
{
	timers_arm(ts, t, 0);
}
void timers_disarm(struct timers *ts, struct timer *t); /* harmless when not armed */
static inline bool timer_armed(const struct timer *t)
{
	return t->slot != 0;
}
uint64_t timers_next_ns(const struct timers *ts); /* UINT64_MAX: none */
/*
 * Fires what is due now, once; timers armed meanwhile wait for the next call, and hold up none that
 * was due. Returns how many fired.
 */
size_t timers_run(struct timers *ts);
#endif
