/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/* NodeAffinity: spec.nodeSelector and required node affinity must match; preferred one scores. */

static bool prepare(struct sched_cycle *cy)
{
	const struct sched_spec *s = &cy->class->spec;

	return s->n_selector || s->has_required;
}

static bool prepare_score(struct sched_cycle *cy)
{
	return cy->class->spec.n_preferred > 0;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	if (sched_spec_selects(&cy->class->spec, n))
		return true;
	SCHED_REFUSE(cy, false, STR("node(s) didn't match Pod's node affinity/selector"));
	return false;
}

static void score(struct sched_cycle *cy, int64_t *scores)
{
	const struct sched_spec *s = &cy->class->spec;

	for (size_t k = 0; k < cy->n_fit; k++) {
		scores[k] = 0;
		for (size_t i = 0; i < s->n_preferred; i++)
			if (s->preferred[i].weight &&
			    sched_node_term_match(&s->preferred[i], cy->fit[k]))
				scores[k] += s->preferred[i].weight;
	}
}

static void normalise(struct sched_cycle *cy, int64_t *scores)
{
	sched_normalise(scores, cy->n_fit, false);
}

const struct sched_plugin sched_node_affinity = {
	.name = "NodeAffinity",
	.weight = 2,
	.wakes = SCHED_EV_NODE_LABELS,
	.fixed = true,
	.local = true,
	.prepare = prepare,
	.prepare_score = prepare_score,
	.filter = filter,
	.score = score,
	.normalise = normalise,
};
