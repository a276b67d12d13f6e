/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * NodeName: a pod that names its node fits there only. Pods which come with spec.nodeName are bound
 * already, so this passes all; it stands here for profiles that name it.
 */

static bool prepare(struct sched_cycle *cy)
{
	return false;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	return true;
}

const struct sched_plugin sched_node_name = {
	.name = "NodeName",
	.fixed = true,
	.local = true,
	.prepare = prepare,
	.filter = filter,
};
