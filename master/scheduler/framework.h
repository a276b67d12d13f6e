/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_FRAMEWORK_H
#define KNARR_SCHEDULER_FRAMEWORK_H
#include "master/scheduler/spec.h"
/*
 * A decision: which node for this pod. A pure function of the cache and the pod; nothing but the
 * scratch fields of nodes is written.
 *
 *	prepare (all plugins) -> filter (each node, until enough fit) -> score -> normalise -> best
 */
struct sched_cycle;

/* A plugin is one file with one of these; unused members are NULL. */
struct sched_plugin {
	const char *name;
	uint32_t weight; /* of its score */
	uint32_t wakes; /* enum sched_event that may let a pod pass which it refused */
	/* Once a decision. False: this plugin has nothing to say about the pod. */
	bool (*prepare)(struct sched_cycle *cy);
	/* May the pod run on n? If not, says why through sched_refuse. */
	bool (*filter)(struct sched_cycle *cy, const struct sched_node *n);
	/* The more the better. Without normalise: 0 to 100. */
	int64_t (*score)(struct sched_cycle *cy, const struct sched_node *n);
	void (*normalise)(struct sched_cycle *cy, int64_t *scores, size_t n);
};
#define SCHED_SCORE_MAX 100

extern const struct sched_plugin sched_node_unschedulable, sched_node_name, sched_taints,
	sched_node_affinity, sched_node_ports, sched_resources_fit, sched_balanced, sched_spread;
/* In the order in which filters run; ended by NULL. */
extern const struct sched_plugin *const sched_plugins[];
#define SCHED_PLUGINS_MAX 16

struct sched_reason {
	char *text;
	uint32_t nodes;
};

struct sched_cycle {
	const struct sched_cache *cache;
	const struct sched_pod *pod;
	uint64_t stamp; /* of this decision, for scratch fields */
	size_t start; /* where the walk over nodes begins */
	/* Outcome without a node */
	struct sched_reason *reasons;
	size_t n_reasons, cap_reasons;
	uint32_t refused_by; /* bit per index in sched_plugins */
	uint32_t hopeless; /* nodes where removing other pods would not help */
	bool node_hopeless; /* the node at hand */
	uint32_t evaluated, feasible;
	uint32_t plugin; /* index of the filter that runs */
	/* Plugins' own */
	uint32_t owner_max;
};

/*
 * A refused node and why (called again: several reasons). `resolvable`: fewer pods there would
 * help. The text is the parts joined; it is built once and only counted afterwards, for a pod may
 * be refused by thousands of nodes for the same reason.
 */
void sched_refuse(struct sched_cycle *cy, bool resolvable, const struct str *parts, size_t n);
#define SCHED_REFUSE(cy, resolvable, ...)                               \
	sched_refuse(cy, resolvable, (const struct str[]){__VA_ARGS__}, \
		     sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

/* State between decisions. */
struct sched_framework {
	uint64_t stamp;
	size_t start;
	struct sched_node **fit; /* scratch */
	int64_t *scores, *totals;
	size_t cap;
	struct sched_cycle cy;
};
void sched_framework_done(struct sched_framework *fw);
/*
 * Decide. The node, or NULL and fw->cy tells why (until the next decision).
 */
struct sched_node *sched_decide(struct sched_framework *fw, struct sched_cache *c,
				struct sched_pod *p);
/* Kubernetes' text: "0/3 nodes are available: 1 Insufficient cpu, ... preemption: ...". */
void sched_explain(const struct sched_cycle *cy, struct buf *out);
/* Union of `wakes` of the plugins that refused. */
uint32_t sched_wakes(const struct sched_cycle *cy);
/* Scale scores so that the largest is 100; reverse: the smallest is best. */
void sched_normalise(int64_t *scores, size_t n, bool reverse);
#endif
