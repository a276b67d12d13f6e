/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * NodeResourcesBalancedAllocation: CPU and memory of a node should fill evenly. With two resources
 * the standard deviation of the used fractions is half their difference.
 */

static int64_t permille(int64_t used, int64_t has)
{
	return has <= 0 ? 1000 : MIN(used * 1000 / has, (int64_t)1000);
}

static int64_t score(struct sched_cycle *cy, const struct sched_node *n)
{
	const struct sched_resources *a = &n->allocatable;
	int64_t cpu = permille(n->used_cpu_nonzero + cy->pod->cpu_nonzero, a->cpu_milli);
	int64_t mem = permille(n->used_mem_nonzero + cy->pod->mem_nonzero, a->mem_bytes);

	return SCHED_SCORE_MAX - (cpu > mem ? cpu - mem : mem - cpu) / 2 * SCHED_SCORE_MAX / 1000;
}

const struct sched_plugin sched_balanced = {
	.name = "NodeResourcesBalancedAllocation",
	.weight = 1,
	.score = score,
};
