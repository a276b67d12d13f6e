/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/* NodeUnschedulable: a cordoned node takes only pods that tolerate it. */

static const struct sched_taint cordon = {
	{"node.kubernetes.io/unschedulable", sizeof("node.kubernetes.io/unschedulable") - 1},
	{"", 0},
	EFFECT_NO_SCHEDULE};

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	if (!n->unschedulable || sched_tolerates(&cy->class->spec, &cordon))
		return true;
	SCHED_REFUSE(cy, false, STR("node(s) were unschedulable"));
	return false;
}

const struct sched_plugin sched_node_unschedulable = {
	.name = "NodeUnschedulable",
	.wakes = SCHED_EV_NODE_TAINTS,
	.fixed = true,
	.local = true,
	.filter = filter,
};
