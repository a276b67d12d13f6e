/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_SHUTDOWN_H
#define KNARR_POD_SHUTDOWN_H
#include "agent/pod/pods.h"
/*
 * The machine is about to go down: end its pods in good order, within a given time
 * (pkg/kubelet/nodeshutdown; KEP-2000).
 *
 * 1. Ordinary pods, for grace - critical. Those of a controller that can run elsewhere are evicted
 * by the API, so that disruption budgets hold: one that must wait is asked for again until the time
 *    is over. An agent that has not heard of a master yet waits a quarter of the time for one. All
 *    others, and those whose time is over, are terminated.
 * 2. Critical pods (priority of 2,000,000,000 and above), for critical: terminated.
 * 3. Reports, for 2 s at most: the statuses reach a master.
 *
 * Terminated: phase Failed, reason Terminated, and the condition DisruptionTarget with the reason
 * TerminationByKubelet, as of the kubelet. Pods that come meanwhile are held, not rejected: they
 * run when the machine is back. What was terminated and belongs to a controller is deleted then (it
 * has been replaced); static pods begin anew.
 */
struct pods_shutdown_conf {
	uint64_t grace_ns, critical_ns; /* all in all; the part of critical pods */
	void (*done)(void *user); /* once */
	void *user;
};
/* Nothing if it has begun already. */
void pods_shutdown_begin(struct pods *ps, const struct pods_shutdown_conf *conf);
/* It does not go down after all: what is held begins. `done` is not called any more. */
void pods_shutdown_cancel(struct pods *ps);

/* ---- for agent/pod ---- */
struct pod;
#define POD_TERMINATED_REASON "Terminated"
/* New pods and restarts wait. */
bool pods_shutting_down(const struct pods *ps);
/* Ended by a former shutdown of the machine, and replaced since: to be deleted. */
bool pod_is_leftover(const struct pod *p);
void pods_shutdown_free(struct pods *ps);
#endif
