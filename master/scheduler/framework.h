/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_FRAMEWORK_H
#define KNARR_SCHEDULER_FRAMEWORK_H
#include "master/scheduler/wants.h"
/*
 * A decision: which node for this pod. A pure function of the cache and the pod.
 *
 *	prepare (all plugins) -> filter (each node, until enough fit) -> score -> normalise -> best
 *	                             | none fits
 *	                             v
 *	                         once more over all nodes, for the reasons
 *
 * Filters marked `fixed` look at nothing but the class of the pod and the node object: what they
 * said is remembered a class and node, until the node object changes.
 */
struct sched_cycle;

/* A plugin is one file with one of these; unused members are NULL. */
struct sched_plugin {
	const char *name;
	uint32_t weight; /* of its score, in the default profile */
	uint32_t wakes; /* enum sched_event that may let a pod pass which it refused */
	bool fixed;
	/* What it refuses can only change with the node itself and the pods on it: after an event
	 * on one node, a look at that node tells whether another try is worth it. */
	bool local;
	/* Once a decision. False: this plugin has nothing to filter (to score) for the pod. */
	bool (*prepare)(struct sched_cycle *cy);
	bool (*prepare_score)(struct sched_cycle *cy);
	/* May the pod run on n? If not, says why through sched_refuse. */
	bool (*filter)(struct sched_cycle *cy, const struct sched_node *n);
	/* The more the better, for each of cy->fit. Without normalise: 0 to 100. */
	void (*score)(struct sched_cycle *cy, int64_t *scores);
	void (*normalise)(struct sched_cycle *cy, int64_t *scores);
};
#define SCHED_SCORE_MAX 100

extern const struct sched_plugin sched_node_unschedulable, sched_node_name, sched_taints,
	sched_node_affinity, sched_node_ports, sched_resources_fit, sched_balanced,
	sched_topology_spread, sched_inter_pod_affinity, sched_image_locality,
	sched_volume_restrictions, sched_volume_limits, sched_volume_binding, sched_volume_zone,
	sched_dynamic_resources;
/* All there are, in the order in which filters run; ended by NULL. */
extern const struct sched_plugin *const sched_plugins[];
#define SCHED_PLUGINS_MAX 24

/* Which of the plugins take part, and how. */
struct sched_profile {
	char *name; /* spec.schedulerName */
	bool no_filter[SCHED_PLUGINS_MAX], no_score[SCHED_PLUGINS_MAX]; /* by index */
	uint32_t weight[SCHED_PLUGINS_MAX];
	uint32_t percent; /* of nodes to look for; 0: by the size of the cluster */
	int64_t hard_affinity_weight;
	bool most_allocated; /* NodeResourcesFit prefers full nodes, not empty ones */
	char *default_spread; /* JSON list of constraints; NULL: the system's */
	bool no_preemption;
	uint32_t candidates_percent, candidates_min; /* nodes tried for preemption */
};
void sched_profile_default(struct sched_profile *p, const char *name);
void sched_profile_done(struct sched_profile *p);

struct sched_reason {
	char *text;
	uint32_t nodes;
};

struct sched_cycle {
	struct sched_cache *cache;
	const struct sched_profile *profile;
	struct sched_pod *pod;
	struct sched_class *class;
	struct sched_wants *wants;
	/* Filters that have something to say, by index in sched_plugins: fixed ones and others. */
	uint8_t fixed[SCHED_PLUGINS_MAX], others[SCHED_PLUGINS_MAX];
	uint32_t n_fixed, n_others;
	/* Nodes that fit */
	struct sched_node **fit;
	size_t n_fit;
	/* Outcome without a node */
	bool explain; /* reasons are collected */
	struct sched_reason *reasons;
	size_t n_reasons, cap_reasons;
	uint32_t refused_by; /* bit per index in sched_plugins */
	bool node_hopeless; /* the node at hand: other pods leaving would not help */
	struct sched_node **helpable; /* nodes where it might */
	size_t n_helpable, cap_helpable;
	uint32_t evaluated;
	uint32_t plugin; /* index of the one that runs */
	const char *post; /* what else was tried for a pod that fits nowhere; NULL: nothing */
	char *preemption; /* what came of it: "0/3 nodes are available: ..."; NULL: nothing said */
	/* Set by a plugin's prepare: the pod fits nowhere, whatever the node. */
	char *nowhere;
	/* Plugins' own */
	struct sched_claims *claims; /* storage.h; NULL: none */
	char *claims_why;
	struct sched_device_claims *devices; /* devices.h; NULL: none */
	struct sched_pod **exclusive; /* pods that use a ReadWriteOncePod claim of this one's */
	size_t n_exclusive, cap_exclusive;
	double *spread_weights; /* a constraint each, see topology_spread.c */
	size_t cap_spread;
	const struct sched_image **images;
	size_t n_images, cap_images;
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

/* In prepare: no node will do, and why (taken). Returns true. */
bool sched_refuse_all(struct sched_cycle *cy, char *take_why);

/* State between decisions. */
struct sched_framework {
	size_t start; /* where the next walk over nodes begins */
	uint64_t random; /* state of the generator that breaks ties; seed it with anything */
	int64_t *scores, *totals; /* scratch */
	size_t cap;
	struct sched_cycle cy;
};
void sched_framework_done(struct sched_framework *fw);
/* Below n, not zero. */
uint64_t sched_random(struct sched_framework *fw, uint64_t n);
/*
 * Decide. The node, or NULL and fw->cy tells why (until the next decision).
 */
struct sched_node *sched_decide(struct sched_framework *fw, struct sched_cache *c,
				const struct sched_profile *profile, struct sched_pod *p);
/* Whether the pod of this decision fits n as it is now, nominated pods counted. */
bool sched_fits(struct sched_cycle *cy, struct sched_node *n);
/*
 * A queueing hint: something changed on n, and the plugins `refused_by` refused pods of the class
 * before. False: what the local ones of them look at is no better there, so a try would be wasted.
 */
bool sched_may_help(struct sched_cache *c, const struct sched_profile *profile,
		    struct sched_class *cl, uint32_t refused_by, const struct sched_node *n);
/* Kubernetes' text: "0/3 nodes are available: 1 Insufficient cpu, ... preemption: ...". */
void sched_explain(const struct sched_cycle *cy, struct buf *out);
/* "2 Insufficient cpu, 1 Too many pods", in the order of the texts. */
void sched_reasons_text(const struct sched_reason *v, size_t n, struct buf *out);
/* Union of `wakes` of the plugins that refused. */
uint32_t sched_wakes(const struct sched_cycle *cy);
/* Scale scores so that the largest is 100; reverse: the smallest is best. */
void sched_normalise(int64_t *scores, size_t n, bool reverse);
#endif
