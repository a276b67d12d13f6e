/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * TaintToleration: NoSchedule and NoExecute taints keep pods away that do not tolerate them;
 * of PreferNoSchedule ones the fewer are untolerated the better.
 */

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	if (!n->hard_taints)
		return true;
	for (size_t i = 0; i < n->n_taints; i++) {
		const struct sched_taint *t = &n->taints[i];

		if (t->effect == EFFECT_PREFER || sched_tolerates(cy->pod->spec, t))
			continue;
		SCHED_REFUSE(cy, false, STR("node(s) had untolerated taint {"), t->key, STR(": "),
			     t->value, STR("}"));
		return false;
	}
	return true;
}

static int64_t score(struct sched_cycle *cy, const struct sched_node *n)
{
	int64_t untolerated = 0;

	if (!n->soft_taints)
		return 0;
	for (size_t i = 0; i < n->n_taints; i++)
		untolerated += n->taints[i].effect == EFFECT_PREFER &&
			       !sched_tolerates(cy->pod->spec, &n->taints[i]);
	return untolerated;
}

static void normalise(struct sched_cycle *cy, int64_t *scores, size_t n)
{
	sched_normalise(scores, n, true);
}

const struct sched_plugin sched_taints = {
	.name = "TaintToleration",
	.weight = 3,
	.wakes = SCHED_EV_NODE_TAINTS,
	.filter = filter,
	.score = score,
	.normalise = normalise,
};
