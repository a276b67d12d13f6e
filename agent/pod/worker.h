/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_WORKER_H
#define KNARR_POD_WORKER_H
#include "lib/base/err.h"
/*
 * The life of a pod on a node, and of each container in it, as tables of allowed transitions.
 * Whatever changes a state goes through pod_work_step or pod_container_step, which assert the row
 *and the invariant of the new state (pkg/kubelet/pod_workers.go, "the timeline").
 *
 *	 admitted         deleted, evicted, failed,     every container      volumes, addresses,
 *	    |             out of time, all ended        has ended            cgroups are gone
 *	    v                       |                        |                      |
 *	 [SYNC] ------------> [TERMINATING] ----------> [TERMINATED] ---------> [FINISHED]
 *	 containers start     hooks, SIGTERM, grace,    nothing runs; final     status reported;
 *object and restart          SIGKILL; none starts      status is known         removed or kept as
 *record
 *
 * No way leads back: a pod that ends is never revived, even if its object is changed. The same
 * name with a new UID is another pod; it waits until the old one has FINISHED (static pods).
 */
enum pod_work {
	POD_SYNC,
	POD_TERMINATING,
	POD_TERMINATED,
	POD_FINISHED,
	POD_WORK_MAX,
	POD_WORK_INVALID = -EINVAL,
};

/*
 *	           +-------- image is not here ------+
 *	           |                                  v
 *	[WAITING] -+--> [STARTING] <------------- [PULLING]
 *	    ^           |        |  failed            | failed
 *	    +-----------|--------+--------------------+
 *	                v
 *	            [RUNNING] ---> [STOPPING]  preStop, signal, grace
 *	                |               |
 *	                v               v
 *	            [EXITED] <----------+      --restart--> PULLING or STARTING
 */
enum container_state {
	CONTAINER_WAITING, /* has not run in this sandbox, or the last try to start it failed */
	CONTAINER_PULLING,
	CONTAINER_STARTING,
	CONTAINER_RUNNING,
	CONTAINER_STOPPING,
	CONTAINER_EXITED,
	CONTAINER_STATE_MAX,
	CONTAINER_STATE_INVALID = -EINVAL,
};

/*
 *	[NONE] --> [STARTING] --> [READY] --> [STOPPING] --> [GONE] --> STARTING (a new attempt)
 *	   ^            | failed      \------- lost ------------^
 *	   +------------+
 */
enum sandbox_state {
	SANDBOX_NONE,
	SANDBOX_STARTING,
	SANDBOX_READY,
	SANDBOX_STOPPING,
	SANDBOX_GONE,
	SANDBOX_STATE_MAX,
	SANDBOX_STATE_INVALID = -EINVAL,
};

bool pod_work_allowed(enum pod_work from, enum pod_work to);
bool container_state_allowed(enum container_state from, enum container_state to);
bool sandbox_state_allowed(enum sandbox_state from, enum sandbox_state to);
const char *pod_work_name(enum pod_work w);
const char *container_state_name(enum container_state s);
const char *sandbox_state_name(enum sandbox_state s);

/* What the invariants speak of. */
struct pod_facts {
	enum pod_work work;
	enum sandbox_state sandbox;
	size_t n_state[CONTAINER_STATE_MAX]; /* containers in each state */
	bool must_end; /* somebody asked the pod to end, or it has */
	bool has_volumes; /* volumes are set up */
};
/*
 * NULL when the facts agree, else what is wrong:
 *	SYNC        nobody has asked the pod to end
 *	TERMINATING must_end
 *	TERMINATED  nothing pulls, starts, runs or stops
 *	FINISHED    that, no sandbox, no volume
 * and always: a container that starts, runs or stops has a sandbox.
 */
const char *pod_facts_check(const struct pod_facts *f);
#endif
