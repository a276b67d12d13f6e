/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * NodeResourcesBalancedAllocation: CPU and memory of a node should fill evenly. With two resources
 * the standard deviation of the requested fractions is half their difference. Pods that request
 * neither have no say (else all of them would go to the most balanced node).
 */

static bool prepare_score(struct sched_cycle *cy)
{
	const struct sched_resources *r = &cy->class->demand.requests;

	return r->cpu_milli || r->mem_bytes;
}

static double fraction(int64_t used, int64_t has)
{
	return used >= has ? 1 : (double)used / (double)has;
}

static void score(struct sched_cycle *cy, int64_t *scores)
{
	const struct sched_resources *r = &cy->class->demand.requests;

	for (size_t i = 0; i < cy->n_fit; i++) {
		const struct sched_resources *a = &cy->fit[i]->allocatable, *u = &cy->fit[i]->used;
		double std = 0;

		if (a->cpu_milli && a->mem_bytes) {
			std = (fraction(u->cpu_milli + r->cpu_milli, a->cpu_milli) -
			       fraction(u->mem_bytes + r->mem_bytes, a->mem_bytes)) /
			      2;
			std = std < 0 ? -std : std;
		}
		scores[i] = (int64_t)((1 - std) * SCHED_SCORE_MAX);
	}
}

const struct sched_plugin sched_balanced = {
	.name = "NodeResourcesBalancedAllocation",
	.weight = 1,
	.prepare_score = prepare_score,
	.score = score,
};
