/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/* NodeName: a pod that names its node fits there only. */

static bool prepare(struct sched_cycle *cy)
{
	return cy->pod->spec->node_name.len > 0;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	if (str_eq(cy->pod->spec->node_name, n->name))
		return true;
	SCHED_REFUSE(cy, false, STR("node(s) didn't match the requested node name"));
	return false;
}

const struct sched_plugin sched_node_name = {
	.name = "NodeName",
	.prepare = prepare,
	.filter = filter,
};
