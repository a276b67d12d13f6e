/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_PRIVATE_H
#define KNARR_SCHEDULER_PRIVATE_H
/* Between scheduler.c (what is decided when) and act.c (what is written to the API). */
#include "lib/client/events.h"
#include "master/scheduler/config.h"
#include "master/scheduler/framework.h"
#include "master/scheduler/preempt.h"
#include "master/scheduler/queue.h"
#include "master/scheduler/scheduler.h"
#include "master/scheduler/storage.h"
#include "master/scheduler/workloads.h"

#define BINDS_MAX 512 /* requests under way */

struct scheduler {
	struct informers *informers;
	struct informer *pods, *nodes, *namespaces;
	struct client *c;
	const struct sched_config *config; /* own_config, or the caller's */
	struct sched_config own_config;
	struct recorder **events; /* one a profile */
	struct sched_cache cache;
	struct workloads workloads;
	struct budgets budgets;
	struct sched_storage storage;
	struct sched_framework fw;
	struct sched_queue queue;
	struct timer pump;
	bool synced;
	struct list binds, evictions;
	size_t n_binds;
	struct list notes; /* what may be said later: it must not hold up bindings */
	size_t n_notes;
	struct timer say;
	struct list reserves; /* reserve.c: pods that wait for their claims */
	struct timer volumes_look;
	struct scheduler_stats stats;
};

/* The profile that a pod names (spec.schedulerName); NULL: another scheduler's pod. */
const struct sched_profile *scheduler_profile(const struct scheduler *s, struct str name);
void act_init(struct scheduler *s);
void act_done(struct scheduler *s); /* cancels */
/* Binds p, which is assumed on n. */
void act_bind(struct scheduler *s, struct sched_pod *p, struct sched_node *n);
/* Event and condition: no node. `nominated`: written to status.nominatedNodeName; absent: left. */
void act_unschedulable(struct scheduler *s, struct sched_pod *p, struct str why,
		       struct str nominated);
/* Ends the victims and notes who gets their place. */
void act_preempt(struct scheduler *s, struct sched_pod *p, const struct sched_victims *v,
		 struct str why);
/* An event about a pod; told when there is time. */
void act_event(struct scheduler *s, struct object *pod, const char *reason, const char *why);
/*
 * reserve.c, right after the decision that put p on n: true if it has claims that are not bound
 * yet. Then they are seen to, and the pod is bound when they are; the caller does nothing more.
 */
bool reserve_start(struct scheduler *s, struct sched_pod *p, struct sched_node *n);
void reserve_look(struct timer *volumes_look);
void reserve_done(struct scheduler *s);
void scheduler_ready(void *s); /* goes on with the queue, if it may */
#endif
