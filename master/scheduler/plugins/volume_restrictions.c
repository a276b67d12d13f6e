/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/storage.h"

/* VolumeRestrictions: a claim with access mode ReadWriteOncePod is for one pod at a time. */

static bool once_only(const struct object *claim)
{
	jv_for_each (m, jv_get(object_spec(claim), "accessModes"))
		if (jv_eqs(m.value, "ReadWriteOncePod"))
			return true;
	return false;
}

struct search {
	struct sched_cycle *cy;
	struct sched_pod *pod;
	const struct object *claim;
};

static void same(void *user, struct object *claim)
{
	struct search *s = user;

	if (claim == s->claim)
		*ARRAY_PUSH(s->cy->exclusive, s->cy->n_exclusive, s->cy->cap_exclusive) = s->pod;
}

static void find_users(struct sched_cycle *cy, const struct object *claim)
{
	list_for_each (it, &cy->class->ns->classes) {
		struct sched_class *cl = list_entry(it, struct sched_class, in_ns);

		if (!cl->pieces[PIECE_VOLUMES].len)
			continue;
		list_for_each (jt, &cl->pods) {
			struct search s = {cy, list_entry(jt, struct sched_pod, in_class), claim};

			if (s.pod != cy->pod && s.pod->node)
				sched_claims_each(cy->cache->storage, s.pod, same, &s);
		}
	}
}

static bool prepare(struct sched_cycle *cy)
{
	for (size_t i = 0; cy->claims && !cy->claims_why && i < cy->claims->n; i++)
		if (once_only(cy->claims->v[i].obj))
			find_users(cy, cy->claims->v[i].obj);
	return cy->n_exclusive > 0;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	for (size_t i = 0; i < cy->n_exclusive; i++) {
		if (!cy->exclusive[i]->node) /* thought away: preemption */
			continue;
		SCHED_REFUSE(cy, true,
			     STR("node has pod using PersistentVolumeClaim with the same name and "
				 "ReadWriteOncePod access mode"));
		return false;
	}
	return true;
}

const struct sched_plugin sched_volume_restrictions = {
	.name = "VolumeRestrictions",
	.wakes = SCHED_EV_POD_GONE | SCHED_EV_VOLUMES,
	.prepare = prepare,
	.filter = filter,
};
