/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/volumes.h"
#include "master/scheduler/storage.h"

/* NodeVolumeLimits: a CSI driver attaches at most so many volumes to a node, as its CSINode says.
 */

static bool prepare(struct sched_cycle *cy)
{
	return cy->claims && !cy->claims_why && cy->claims->n &&
	       informer_len(cy->cache->storage->csinodes) > 0;
}

struct attached {
	struct sched_storage *st;
	struct hmap *handles; /* "driver handle" */
	struct str driver; /* which counts */
};

static void add(struct attached *a, const struct sched_claim *c)
{
	struct str driver, handle;

	if (sched_claim_csi(a->st, c, &driver, &handle) && str_eq(driver, a->driver))
		hmap_put(a->handles, handle, a);
}

static void add_claim(void *user, struct object *claim)
{
	struct attached *a = user;
	struct str volume = jv_text(jv_get(object_spec(claim), "volumeName"));
	struct sched_claim c = {.obj = claim,
				.bound = sched_claim_bound(claim),
				.volume = volume.len ? informer_get(a->st->volumes, volume) : NULL};
	struct str class = volume_class(jv_of(claim->bytes));

	c.class = class.len ? informer_get(a->st->classes, class) : NULL;
	add(a, &c);
}

static bool within(struct sched_cycle *cy, const struct sched_node *n, struct jv driver)
{
	CLEANUP(hmap_freep) struct hmap *handles = hmap_new();
	struct attached a = {cy->cache->storage, handles, jv_text(jv_get(driver, "name"))};
	int64_t most = jv_i64(jv_path(driver, "allocatable.count"), -1);
	size_t before;

	if (most < 0)
		return true;
	list_for_each (it, &n->pods) {
		const struct sched_pod *p = list_entry(it, struct sched_pod, on_node);

		if (p->class->pieces[PIECE_VOLUMES].len)
			sched_claims_each(a.st, p, add_claim, &a);
	}
	before = hmap_len(handles);
	for (size_t i = 0; i < cy->claims->n; i++)
		add(&a, &cy->claims->v[i]);
	return hmap_len(handles) == before || hmap_len(handles) <= (size_t)most;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	struct object *o = informer_get(cy->cache->storage->csinodes, n->name);

	if (!o)
		return true;
	jv_for_each (d, jv_get(object_spec(o), "drivers")) {
		if (within(cy, n, d.value))
			continue;
		SCHED_REFUSE(cy, true, STR("node(s) exceed max volume count"));
		return false;
	}
	return true;
}

const struct sched_plugin sched_volume_limits = {
	.name = "NodeVolumeLimits",
	.wakes = SCHED_EV_POD_GONE | SCHED_EV_VOLUMES,
	.prepare = prepare,
	.filter = filter,
};
