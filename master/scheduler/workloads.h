/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_WORKLOADS_H
#define KNARR_SCHEDULER_WORKLOADS_H
#include "lib/client/informer.h"
#include "master/scheduler/cache.h"
/*
 * Services and controllers as the scheduler sees them: whose pods a pod belongs to, for default
 * spreading (k8s pkg/scheduler/framework/plugins/helper/spread.go).
 */
struct workloads {
	struct sched_cache *cache;
	struct informer *services, *replicasets, *statefulsets;
	struct informer_index *services_by_ns;
};
/* Watches through `informers`, and answers the cache's questions. */
void workloads_start(struct workloads *w, struct informers *informers, struct sched_cache *c);
void workloads_stop(struct workloads *w);
bool workloads_synced(const struct workloads *w);
#endif
