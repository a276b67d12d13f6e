/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_CONFIG_H
#define KNARR_SCHEDULER_CONFIG_H
#include "lib/base/err.h"
#include "master/scheduler/framework.h"
/*
 * KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1), the part that has a meaning here:
 *
 *	percentageOfNodesToScore, podInitialBackoffSeconds, podMaxBackoffSeconds
 *	profiles: schedulerName, percentageOfNodesToScore,
 *		plugins: enabled and disabled (by name or "*") with weights, at each extension point
 *		pluginConfig: InterPodAffinity (hardPodAffinityWeight), PodTopologySpread
 *			(defaultingType, defaultConstraints), NodeResourcesFit
 *(scoringStrategy.type), DefaultPreemption (minCandidateNodesPercentage, minCandidateNodesAbsolute)
 *
 * What belongs to kube-scheduler as a process (leaderElection, clientConnection, ...) is read over;
 * whatever would change decisions and cannot be followed is an error.
 */
struct sched_config {
	struct sched_profile *profiles;
	size_t n_profiles, cap_profiles;
	uint32_t initial_backoff_s, max_backoff_s; /* 0: the default */
};
/* YAML or JSON. -EINVAL, and err says what and where; nothing is returned then. */
int sched_config_parse(struct str text, struct sched_config *ret, struct err *err);
/* One profile with all defaults. */
void sched_config_default(struct sched_config *c, const char *scheduler_name);
void sched_config_done(struct sched_config *c);
#endif
