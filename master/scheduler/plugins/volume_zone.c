/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/storage.h"

/* VolumeZone: a bound volume with a zone or region label is used there only. */
static const char *const keys[] = {"topology.kubernetes.io/zone", "topology.kubernetes.io/region",
				   "failure-domain.beta.kubernetes.io/zone",
				   "failure-domain.beta.kubernetes.io/region"};

static bool prepare(struct sched_cycle *cy)
{
	for (size_t i = 0; cy->claims && !cy->claims_why && i < cy->claims->n; i++)
		if (cy->claims->v[i].volume)
			return true;
	return false;
}

/* Several zones are one text: "a__b". */
static bool is_among(struct str value, struct str zones)
{
	while (zones.len) {
		size_t end = 0;

		while (end < zones.len && !str_starts(str_skip(zones, end), STR("__")))
			end++;
		if (str_eq(value, str_n(zones.p, end)))
			return true;
		zones = str_skip(zones, end + 2);
	}
	return false;
}

static bool reaches(const struct object *volume, const struct sched_node *n)
{
	struct jv labels = jv_get(object_meta(volume), "labels");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct str zones = jv_text(jv_get(labels, keys[i]));
		struct str here = sched_node_label(n, str_of(keys[i]));

		if (zones.len && !is_among(here, zones))
			return false;
	}
	return true;
}

/* A node without any such label: zones mean nothing in this cluster. */
static bool has_zone(const struct sched_node *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!str_is_null(sched_node_label(n, str_of(keys[i]))))
			return true;
	return false;
}

static bool filter(struct sched_cycle *cy, const struct sched_node *n)
{
	if (!has_zone(n))
		return true;
	for (size_t i = 0; i < cy->claims->n; i++) {
		if (!cy->claims->v[i].volume || reaches(cy->claims->v[i].volume, n))
			continue;
		SCHED_REFUSE(cy, false, STR("node(s) had no available volume zone"));
		return false;
	}
	return true;
}

const struct sched_plugin sched_volume_zone = {
	.name = "VolumeZone",
	.wakes = SCHED_EV_VOLUMES | SCHED_EV_NODE_LABELS,
	.prepare = prepare,
	.filter = filter,
};
