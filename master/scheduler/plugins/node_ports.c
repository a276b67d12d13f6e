/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/* NodePorts: host ports (address, protocol, number) are taken once a node. */

static bool prepare(struct sched_cycle *cy)
{
	return cy->class->demand.n_ports > 0;
}

static bool conflicts(const struct sched_demand *a, const struct sched_demand *b)
{
	for (size_t i = 0; i < a->n_ports; i++)
		for (size_t k = 0; k < b->n_ports; k++)
			if (sched_ports_conflict(&a->ports[i], &b->ports[k]))
				return true;
	return false;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	if (!n->n_port_pods)
		return true;
	list_for_each (it, &n->pods) {
		const struct sched_pod *p = list_entry(it, struct sched_pod, on_node);

		if (!conflicts(&cy->class->demand, &p->class->demand))
			continue;
		SCHED_REFUSE(cy, true,
			     STR("node(s) didn't have free ports for the requested pod ports"));
		return false;
	}
	return true;
}

const struct sched_plugin sched_node_ports = {
	.name = "NodePorts",
	.wakes = SCHED_EV_POD_GONE,
	.local = true,
	.prepare = prepare,
	.filter = filter,
};
