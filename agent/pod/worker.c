/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/worker.h"

#define BIT(x) (1u << (x))

static const unsigned pod_to[POD_WORK_MAX] = {
	[POD_SYNC] = BIT(POD_TERMINATING),
	[POD_TERMINATING] = BIT(POD_TERMINATED),
	[POD_TERMINATED] = BIT(POD_FINISHED),
	[POD_FINISHED] = 0,
};

static const unsigned container_to[CONTAINER_STATE_MAX] = {
	/* WAITING to itself: a try that failed before anything was begun. */
	[CONTAINER_WAITING] =
		BIT(CONTAINER_PULLING) | BIT(CONTAINER_STARTING) | BIT(CONTAINER_WAITING),
	[CONTAINER_PULLING] =
		BIT(CONTAINER_STARTING) | BIT(CONTAINER_WAITING) | BIT(CONTAINER_EXITED),
	[CONTAINER_STARTING] =
		BIT(CONTAINER_RUNNING) | BIT(CONTAINER_WAITING) | BIT(CONTAINER_EXITED),
	[CONTAINER_RUNNING] = BIT(CONTAINER_STOPPING) | BIT(CONTAINER_EXITED),
	[CONTAINER_STOPPING] = BIT(CONTAINER_EXITED),
	/* WAITING: the sandbox was replaced, so that init containers begin anew. */
	[CONTAINER_EXITED] =
		BIT(CONTAINER_PULLING) | BIT(CONTAINER_STARTING) | BIT(CONTAINER_WAITING),
};

static const unsigned sandbox_to[SANDBOX_STATE_MAX] = {
	[SANDBOX_NONE] = BIT(SANDBOX_STARTING) | BIT(SANDBOX_READY) | BIT(SANDBOX_GONE),
	[SANDBOX_STARTING] =
		BIT(SANDBOX_READY) | BIT(SANDBOX_NONE) | BIT(SANDBOX_STOPPING) | BIT(SANDBOX_GONE),
	[SANDBOX_READY] = BIT(SANDBOX_STOPPING) | BIT(SANDBOX_GONE),
	[SANDBOX_STOPPING] = BIT(SANDBOX_GONE),
	[SANDBOX_GONE] = BIT(SANDBOX_STARTING) | BIT(SANDBOX_NONE),
};

bool pod_work_allowed(enum pod_work from, enum pod_work to)
{
	return pod_to[from] & BIT(to);
}

bool container_state_allowed(enum container_state from, enum container_state to)
{
	return container_to[from] & BIT(to);
}

bool sandbox_state_allowed(enum sandbox_state from, enum sandbox_state to)
{
	return sandbox_to[from] & BIT(to);
}

const char *pod_work_name(enum pod_work w)
{
	static const char *const names[] = {"sync", "terminating", "terminated", "finished"};

	return names[w];
}

const char *container_state_name(enum container_state s)
{
	static const char *const names[] = {"waiting", "pulling",  "starting",
					    "running", "stopping", "exited"};

	return names[s];
}

const char *sandbox_state_name(enum sandbox_state s)
{
	static const char *const names[] = {"none", "starting", "ready", "stopping", "gone"};

	return names[s];
}

const char *pod_facts_check(const struct pod_facts *f)
{
	size_t active = f->n_state[CONTAINER_STARTING] + f->n_state[CONTAINER_RUNNING] +
			f->n_state[CONTAINER_STOPPING];

	if (active && (f->sandbox == SANDBOX_NONE || f->sandbox == SANDBOX_STARTING))
		return "a container is active without a sandbox";
	switch (f->work) {
	case POD_SYNC:
		return f->must_end ? "a pod that must end is still kept in sync" : NULL;
	case POD_TERMINATING:
		return f->must_end ? NULL : "a pod is terminated without a reason";
	case POD_FINISHED:
		if (f->sandbox != SANDBOX_NONE && f->sandbox != SANDBOX_GONE)
			return "a finished pod has a sandbox";
		if (f->has_volumes)
			return "a finished pod has volumes";
		__attribute__((fallthrough));
	case POD_TERMINATED:
		return active + f->n_state[CONTAINER_PULLING]
			       ? "a terminated pod has work under way"
			       : NULL;
	case POD_WORK_MAX:
	case POD_WORK_INVALID:
		break;
	}
	return "no such state";
}
