/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_WANTS_H
#define KNARR_SCHEDULER_WANTS_H
#include "master/scheduler/class.h"
/*
 * What decisions on pods of a class need: constraints resolved to tallies, and which nodes pass
 * the filters that look at nothing but the node object. Made at the first decision, thrown away
 * with the class or when no pod of it has been decided on for long.
 */
struct sched_spread {
	struct sched_tally *tally; /* NULL: counted on each node, see set */
	struct sched_set *set;
	int64_t max_skew, min_domains;
	bool self; /* the pod counts for its own constraint */
	bool host; /* kubernetes.io/hostname */
};

struct sched_wants {
	struct list lru; /* of all wants */
	struct sched_class *class;
	uint64_t workloads; /* of the namespace, when made */
	bool defaulted; /* soft: the system's defaults, not the pod's own */
	struct sched_spread *hard, *soft;
	size_t n_hard, cap_hard, n_soft, cap_soft;
	struct sched_tally **affinity, **anti; /* required */
	size_t n_affinity, cap_affinity, n_anti, cap_anti;
	bool affinity_self; /* the pod fulfils its own required affinity */
	struct sched_preference {
		struct sched_tally *tally;
		int64_t weight; /* negative: better elsewhere */
	} * preferred;
	size_t n_preferred, cap_preferred;
	/* Filters on node objects alone: known results, by slot. */
	uint64_t *known, *fits;
	/* The last decision that found no node, valid while the cache has that version. */
	uint64_t failed_version;
	int32_t failed_priority;
	uint32_t failed_wakes, failed_by;
	char *failed_text;
};
/* default_spread: constraints (JSON) for pods that have none; NULL: the system's. */
struct sched_wants *sched_wants_get(struct sched_cache *c, struct sched_class *cl,
				    struct sched_pod *p, const char *default_spread);
/* Whether pods of class `who` count for a required constraint of cl; true if that is not known. */
bool sched_is_counted(const struct sched_class *cl, const struct sched_class *who);
void sched_wants_free(struct sched_cache *c, struct sched_class *cl);
/* A node object changed: what is known of it is void. */
void sched_wants_node_changed(struct sched_cache *c, uint32_t slot);
void sched_wants_grow(struct sched_cache *c, uint32_t old_cap);
#endif
