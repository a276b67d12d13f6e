/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_BACKOFF_H
#define KNARR_BACKOFF_H
#include "lib/base/base.h"
/*
 * Delay before the next try of one thing (a container's restart, an image pull): doubles from
 * `initial` to `max` with each failure, and starts over when the thing then stayed well for twice
 * `max` (client-go/util/flowcontrol/backoff.go). A container's restarts: 10 s to 5 min, reset
 * after 10 min of running.
 */
struct backoff_conf {
	uint64_t initial_ns, max_ns;
};
extern const struct backoff_conf backoff_restart; /* CrashLoopBackOff: 10 s to 5 min */
extern const struct backoff_conf backoff_image; /* ImagePullBackOff: 10 s to 5 min */
extern const struct backoff_conf backoff_setup; /* volumes, sandbox: 0.5 s to 2 min */

struct backoff {
	uint64_t delay_ns; /* 0: no failure yet */
	uint64_t since_ns; /* monotonic: when the last failure was counted */
};

/* Count a failure that happened at `now`. */
void backoff_fail(struct backoff *b, const struct backoff_conf *c, uint64_t now_ns);
/*
 * Nanoseconds until the next try is due; 0: now. `from_ns` is when the waiting began: the moment
 * the container ended, which may be later than the moment it was started and counted.
 */
uint64_t backoff_remaining(const struct backoff *b, uint64_t from_ns, uint64_t now_ns);
static inline void backoff_reset(struct backoff *b)
{
	*b = (struct backoff){0};
}
#endif
