/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"

/*
 * NodeResourcesFit: what the pod requests must be free; the more is left afterwards, the better
 * (LeastAllocated over CPU and memory).
 */

static bool lacks(int64_t wants, int64_t used, int64_t has)
{
	return wants > 0 && wants > has - used;
}

static void refuse(struct sched_cycle *cy, const char *what, int64_t wants, int64_t has)
{
	SCHED_REFUSE(cy, wants <= has, STR("Insufficient "), str_of(what));
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	const struct sched_resources *r = &cy->class->demand.requests, *u = &n->used,
				     *a = &n->allocatable;
	bool ok = true;

	if ((int64_t)n->n_pods + 1 > n->max_pods) {
		SCHED_REFUSE(cy, true, STR("Too many pods"));
		ok = false;
	}
	if (lacks(r->cpu_milli, u->cpu_milli, a->cpu_milli)) {
		refuse(cy, "cpu", r->cpu_milli, a->cpu_milli);
		ok = false;
	}
	if (lacks(r->mem_bytes, u->mem_bytes, a->mem_bytes)) {
		refuse(cy, "memory", r->mem_bytes, a->mem_bytes);
		ok = false;
	}
	if (lacks(r->disk_bytes, u->disk_bytes, a->disk_bytes)) {
		refuse(cy, "ephemeral-storage", r->disk_bytes, a->disk_bytes);
		ok = false;
	}
	for (size_t i = 0; i < r->n_extended; i++) {
		const char *name = r->extended[i].name;
		int64_t has = sched_extended(a, name);

		if (!lacks(r->extended[i].value, sched_extended(u, name), has))
			continue;
		refuse(cy, name, r->extended[i].value, has);
		ok = false;
	}
	return ok;
}

/* In doubles: exact for all amounts below 2^46, and much faster than dividing 64-bit integers. */
static int64_t left(int64_t used, int64_t has, bool most)
{
	int64_t part = most ? MIN(used, has) : has - used;

	return part <= 0 ? 0 : (int64_t)((double)part * SCHED_SCORE_MAX / (double)has);
}

/* A resource that a node does not have at all counts neither for nor against it. */
static void score(struct sched_cycle *cy, int64_t *scores)
{
	const struct sched_demand *d = &cy->class->demand;
	bool most = cy->profile->most_allocated;

	for (size_t i = 0; i < cy->n_fit; i++) {
		const struct sched_node *n = cy->fit[i];
		const struct sched_resources *a = &n->allocatable;
		int64_t sum = 0, of = 0;

		if (a->cpu_milli) {
			sum += left(n->used_cpu_nonzero + d->cpu_nonzero, a->cpu_milli, most);
			of++;
		}
		if (a->mem_bytes) {
			sum += left(n->used_mem_nonzero + d->mem_nonzero, a->mem_bytes, most);
			of++;
		}
		scores[i] = of ? sum / of : 0;
	}
}

const struct sched_plugin sched_resources_fit = {
	.name = "NodeResourcesFit",
	.weight = 1,
	.wakes = SCHED_EV_NODE_RESOURCES | SCHED_EV_POD_GONE,
	.local = true,
	.filter = filter,
	.score = score,
};
