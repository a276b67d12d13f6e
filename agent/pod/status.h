/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_STATUS_H
#define KNARR_POD_STATUS_H
#include "lib/base/buf.h"
/*
 * The PodStatus that follows from what the agent knows of a pod, as pkg/kubelet's
 * generateAPIPodStatus computes it.
 */
struct pod;
enum pod_phase { PHASE_PENDING, PHASE_RUNNING, PHASE_SUCCEEDED, PHASE_FAILED };
const char *pod_phase_name(enum pod_phase ph);
enum pod_phase pod_phase(const struct pod *p);

enum pod_condition {
	COND_READY_TO_START, /* PodReadyToStartContainers */
	COND_INITIALIZED,
	COND_READY,
	COND_CONTAINERS_READY,
	COND_SCHEDULED,
	COND_MAX,
};
/*
 * Appends the status as a JSON object. lastTransitionTime moves when a condition's value is another
 * than the last time this was called (kept in the pod). With `patch` it is meant for a strategic
 * merge patch: lists that would be merged say that they are whole.
 */
void pod_status_json(struct pod *p, bool patch, struct buf *out);
#endif
