/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_WORKQUEUE_H
#define KNARR_CLIENT_WORKQUEUE_H
#include "lib/base/timers.h"
/*
 * A queue of keys to work on (client-go's util/workqueue is the model):
 *
 *	absent --add--> ready --process--> busy --done--> absent
 *	                  ^                 | add while busy: once more after done
 *	                  +-----------------+
 *	absent --add_after--> waiting --time--> ready        (the earlier of two times counts)
 *
 * A key stands in it at most once; never is one key processed twice at the same time. The queue
 * drives itself from the loop: `process` starts work on a key, workqueue_done ends it.
 */
struct workqueue;
struct workqueue_conf {
	const char *name; /* for logs */
	struct timers *timers; /* borrowed */
	uint32_t parallel; /* keys in work at once; 0: 1 */
	uint64_t backoff_base_ns; /* 0: 5 ms; doubles with each failure of the key */
	uint64_t backoff_max_ns; /* 0: 1000 s */
	/* Must lead to workqueue_done(q, key), now or later. `key` is borrowed until then. */
	void (*process)(void *user, struct str key);
	void *user;
};
struct workqueue *workqueue_new(const struct workqueue_conf *conf);
struct workqueue *workqueue_free(struct workqueue *q);
void workqueue_add(struct workqueue *q, struct str key);
void workqueue_add_after(struct workqueue *q, struct str key, uint64_t delay_ns);
/* Add after the key's backoff, which grows. */
void workqueue_add_backoff(struct workqueue *q, struct str key);
void workqueue_forget(struct workqueue *q, struct str key); /* its backoff starts anew */
uint32_t workqueue_failures(const struct workqueue *q, struct str key);
/* r 0: forget its failures; negative: again after backoff. */
void workqueue_done(struct workqueue *q, struct str key, int r);
/*
 * The key, which is in work, is not processed again for `ns` from now, whoever adds it. Lets keys
 * whose work is dear take many changes in one go.
 */
void workqueue_rest(struct workqueue *q, struct str key, uint64_t ns);
/* Nothing is processed until resumed: before caches are filled, or without leadership. */
void workqueue_pause(struct workqueue *q, bool paused);
size_t workqueue_len(const struct workqueue *q); /* ready */
bool workqueue_idle(const struct workqueue *q); /* nothing ready, busy (waiting may be) */
#endif
