/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_PRIVATE_H
#define KNARR_SCHEDULER_PRIVATE_H
/* Between scheduler.c (what is decided when) and act.c (what is written to the API). */
#include "lib/client/events.h"
#include "master/scheduler/config.h"
#include "master/scheduler/devices.h"
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
	struct sched_devices devices;
	struct list grants; /* device_bind.c: pods that are given devices */
	struct hmap *claimless; /* pods some of whose ResourceClaims are not there yet */
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
/*
 * device_bind.c. After the decision that put p on n: what its ResourceClaims are given is taken. */
void devices_reserve(struct scheduler *s, struct sched_pod *p, const struct sched_node *n);
/* Binds p, as act_bind does, once its claims are written. */
void devices_bind(struct scheduler *s, struct sched_pod *p, struct sched_node *n);
/* Not to be bound after all: before that was tried, and after it. */
void devices_release(struct scheduler *s, const struct object *pod);
void devices_unreserve(struct scheduler *s, const struct object *pod);
/* It fits nowhere: an allocated claim that is in the way is freed. What came of it, or NULL. */
const char *devices_post(struct scheduler *s, const struct sched_pod *p);
/* Its claims are not all there: it need not be looked at until they are. */
bool devices_missing(struct scheduler *s, const struct sched_pod *p);
void devices_changed(void *s, struct object *claim, struct object *was);
void devices_done(struct scheduler *s);
/* Puts a pod into the queue, or out of it, as it is now. */
void scheduler_look_again(struct scheduler *s, struct sched_pod *p);
void scheduler_ready(void *s); /* goes on with the queue, if it may */
#endif
