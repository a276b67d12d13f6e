/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/storage.h"

/*
 * VolumeBinding: bound claims lead to nodes from which their volumes are reached; those that wait
 * for their first consumer, to nodes where there is a volume or one can be made.
 */

static bool prepare(struct sched_cycle *cy)
{
	if (cy->claims && cy->claims_why)
		return sched_refuse_all(cy, xstrdup(cy->claims_why));
	return cy->claims && cy->claims->n;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	int r = sched_claims_fit(cy->claims, n, NULL);

	if (r & CLAIMS_WRONG_NODE)
		SCHED_REFUSE(cy, false,
			     STR("node(s) didn't match PersistentVolume's node affinity"));
	if (r & CLAIMS_NO_VOLUME)
		SCHED_REFUSE(cy, false,
			     STR("node(s) didn't find available persistent volumes to bind"));
	if (r & CLAIMS_NO_SPACE)
		SCHED_REFUSE(cy, false, STR("node(s) did not have enough free storage"));
	if (r & CLAIMS_LOST)
		SCHED_REFUSE(cy, false,
			     STR("node(s) unavailable due to one or more pvc(s) bound to "
				 "non-existent pv(s)"));
	return r == CLAIMS_FIT;
}

const struct sched_plugin sched_volume_binding = {
	.name = "VolumeBinding",
	.wakes = SCHED_EV_VOLUMES | SCHED_EV_NODE_LABELS,
	.prepare = prepare,
	.filter = filter,
};
