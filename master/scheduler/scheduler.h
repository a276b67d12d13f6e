/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_H
#define KNARR_SCHEDULER_H
#include "lib/client/informer.h"
/*
 * The scheduler: gives each pod without a node the best node, through the API alone.
 *
 *	informers -> queue (active | backoff | unschedulable) -> step(snapshot, pod) -> assume ->
 *bind
 *	                ^------- events that may help a waiting pod ------+
 *
 * Decisions are a pure function of a snapshot (snapshot.h, framework.h); this part moves pods
 * between the queue, the decision and the API.
 */
struct scheduler;
struct sched_config;
struct scheduler_conf {
	const char *name; /* pods with this spec.schedulerName; NULL: "default-scheduler" */
	/* Profiles and more (config.h); borrowed as long as it runs. NULL: one with the name. */
	const struct sched_config *config;
	uint64_t seed; /* of what breaks ties; 0: from the client's random source */
};
/*
 * Watches pods and nodes through `informers` (borrowed; the caller calls informers_start) and
 * binds from then on. Everything runs from the client's timers.
 */
struct scheduler *scheduler_start(struct informers *informers, const struct scheduler_conf *conf);
/* No callback and no new request after it; NULL is fine. Returns NULL. */
struct scheduler *scheduler_stop(struct scheduler *s);
struct scheduler_stats {
	uint64_t bound, failed, attempts;
	size_t active, backoff, unschedulable;
};
void scheduler_stats(const struct scheduler *s, struct scheduler_stats *ret);
#endif
