/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/devices.h"

/*
 * DynamicResources: the devices that a pod's ResourceClaims ask for must be free and reached from
 * the node; where a request has alternatives, nodes with the better ones go first.
 */
#define ALTERNATIVES_MAX 8

static bool prepare(struct sched_cycle *cy)
{
	char *why;

	if (!cy->class->pieces[PIECE_CLAIMS].len || !cy->cache->devices || !cy->pod)
		return false;
	cy->devices = sched_devices_read(cy->cache->devices, cy->pod, &why);
	if (why)
		return sched_refuse_all(cy, why);
	return cy->devices != NULL;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	CLEANUP_FREE char *why = NULL;

	switch (sched_devices_fit(cy->devices, n, NULL, &why)) {
	case DEVICES_FIT:
		return true;
	case DEVICES_WRONG_NODE:
		SCHED_REFUSE(cy, false, STR("resourceclaim not available on the node"));
		break;
	case DEVICES_NONE:
		SCHED_REFUSE(cy, false, STR("cannot allocate all claims"));
		break;
	case DEVICES_FAILED:
		SCHED_REFUSE(cy, false, str_of(why));
		break;
	}
	return false;
}

static bool prepare_score(struct sched_cycle *cy)
{
	return cy->devices && cy->devices->n_open && cy->devices->alternatives;
}

static int64_t quality(const struct sched_device_grant *g)
{
	int64_t sum = 0;

	for (size_t i = 0; i < g->n; i++) {
		const struct sched_device_result *r = &g->v[i];

		/* A request counts once, however many devices it takes. */
		if (r->ask->sub.len &&
		    (!i || r[-1].claim != r->claim || r[-1].request != r->request))
			sum += ALTERNATIVES_MAX - r->alternative;
	}
	return sum;
}

static void score(struct sched_cycle *cy, int64_t *scores)
{
	for (size_t k = 0; k < cy->n_fit; k++) {
		struct sched_device_grant g;
		CLEANUP_FREE char *why = NULL;

		scores[k] = 0;
		if (sched_devices_fit(cy->devices, cy->fit[k], &g, &why) == DEVICES_FIT)
			scores[k] = quality(&g);
	}
}

static void normalise(struct sched_cycle *cy, int64_t *scores)
{
	sched_normalise(scores, cy->n_fit, false);
}

const struct sched_plugin sched_dynamic_resources = {
	.name = "DynamicResources",
	.weight = 2,
	.wakes = SCHED_EV_DEVICES | SCHED_EV_NODE_LABELS,
	.prepare = prepare,
	.filter = filter,
	.prepare_score = prepare_score,
	.score = score,
	.normalise = normalise,
};
