/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * TaintToleration: NoSchedule and NoExecute taints keep pods away that do not tolerate them;
 * of PreferNoSchedule ones the fewer are untolerated the better.
 */

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	if (sched_tolerates_node(&cy->class->spec, n))
		return true;
	SCHED_REFUSE(cy, false, STR("node(s) had untolerated taint(s)"));
	return false;
}

/* Where no node has such taints, all are the same. */
static bool prepare_score(struct sched_cycle *cy)
{
	return cy->cache->n_soft_tainted > 0;
}

static void score(struct sched_cycle *cy, int64_t *scores)
{
	for (size_t k = 0; k < cy->n_fit; k++) {
		const struct sched_node *n = cy->fit[k];

		scores[k] = 0;
		for (size_t i = 0; n->soft_taints && i < n->n_taints; i++)
			scores[k] += n->taints[i].effect == EFFECT_PREFER &&
				     !sched_tolerates(&cy->class->spec, &n->taints[i]);
	}
}

static void normalise(struct sched_cycle *cy, int64_t *scores)
{
	sched_normalise(scores, cy->n_fit, true);
}

const struct sched_plugin sched_taints = {
	.name = "TaintToleration",
	.weight = 3,
	.wakes = SCHED_EV_NODE_TAINTS,
	.fixed = true,
	.local = true,
	.filter = filter,
	.prepare_score = prepare_score,
	.score = score,
	.normalise = normalise,
};
