/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_QUEUE_H
#define KNARR_SCHEDULER_QUEUE_H
#include "lib/base/timers.h"
#include "master/scheduler/cache.h"
/*
 * Pods that wait for a node.
 *
 *	add --> active --pop--> (a decision) --fits--> gone
 *	          ^  ^                |
 *	          |  +----------+     | no node
 *	   time over            |     v
 *	       backoff <--wake-- unschedulable      (wake: an event that its refusers care for;
 *	                                             after five minutes in any case)
 *
 * active: higher priority first, then who waits longer. The backoff is 1 s, doubling to 10 s with
 * each attempt, and counts from the attempt: an event after it has passed makes a pod active.
 */
/* What an event is about, as far as it is one thing. */
struct sched_change {
	const struct sched_node *node; /* which changed, or on which a pod came or went */
	const struct sched_pod *placed; /* which got its place */
	const struct object *claim; /* a ResourceClaim: it matters to pods that name it */
};
struct sched_queue {
	struct timers *timers;
	struct sched_wait **active; /* heap */
	size_t n_active, cap_active;
	struct list unschedulable;
	size_t n_unschedulable, n_backoff;
	uint64_t serial, backoff_min_ns, backoff_max_ns;
	void (*ready)(void *user); /* something became active */
	/* Whether what happened may let p in, which `refused_by` kept out. NULL: yes */
	bool (*may_help)(void *user, struct sched_pod *p, uint32_t refused_by,
			 const struct sched_change *what);
	void *user;
};
void sched_queue_init(struct sched_queue *q, struct timers *ts, void (*ready)(void *), void *user);
/* 0: the default, 1 s and 10 s. */
void sched_queue_backoffs(struct sched_queue *q, uint64_t min_ns, uint64_t max_ns);
void sched_queue_done(struct sched_queue *q); /* pods must have been removed */
/* A pod without a node appeared or changed. */
void sched_queue_add(struct sched_queue *q, struct sched_pod *p);
void sched_queue_remove(struct sched_queue *q, struct sched_pod *p);
/* The next pod, or NULL. It stays known (its attempts count) until remove. */
struct sched_pod *sched_queue_pop(struct sched_queue *q);
/* No node fits until one of the events `wakes` happens; refused_by is for may_help. */
void sched_queue_park(struct sched_queue *q, struct sched_pod *p, uint32_t wakes,
		      uint32_t refused_by);
/* Try again after backoff, whatever happens (a failed binding). */
void sched_queue_backoff(struct sched_queue *q, struct sched_pod *p);
/* what NULL: not one thing alone. */
void sched_queue_wake(struct sched_queue *q, uint32_t events, const struct sched_change *what);
#endif
