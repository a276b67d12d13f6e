/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * Spread: pods of one controller prefer nodes with few of their siblings, so that the loss of a
 * node takes as little of a service as possible. The siblings' nodes are stamped once a decision.
 */

static bool prepare(struct sched_cycle *cy)
{
	const struct sched_owner *o = cy->pod->owner;

	if (!o || !o->n_nodes)
		return false;
	for (size_t i = 0; i < o->n_nodes; i++) {
		o->nodes[i].node->stamp = cy->stamp;
		o->nodes[i].node->owner_pods = o->nodes[i].n;
		cy->owner_max = MAX(cy->owner_max, o->nodes[i].n);
	}
	return true;
}

static int64_t score(struct sched_cycle *cy, const struct sched_node *n)
{
	uint32_t here = n->stamp == cy->stamp ? n->owner_pods : 0;

	return (int64_t)(cy->owner_max - here) * SCHED_SCORE_MAX / cy->owner_max;
}

const struct sched_plugin sched_spread = {
	.name = "Spread",
	.weight = 2,
	.prepare = prepare,
	.score = score,
};
