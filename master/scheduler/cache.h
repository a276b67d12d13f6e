/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_CACHE_H
#define KNARR_SCHEDULER_CACHE_H
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "master/scheduler/spec.h"
/*
 * What decisions are made from: nodes with what their pods take, kept up to date pod by pod, so
 * that a decision reads plain numbers and parses nothing. Knows neither API calls nor time.
 *
 *	pending --assume--> assumed --seen bound--> bound
 *	           ^------forget-----+
 *
 * An assumed pod counts on its node from the decision on, long before the API says so.
 *
 * Pods that look the same to the scheduler (those of one template) share a class (class.h): what
 * is parsed, matched and remembered, is so once a class. How many pods of which kind run in which
 * zone or on which node is counted as pods come and go (count.h).
 */
struct sched_class;
struct sched_counts;
struct sched_set;
struct sched_pod_term;
struct sched_devices;
struct sched_storage;
struct label_selector;

/* What every decision reads of hundreds of nodes stands first, and begins a cache line. */
struct sched_node {
	uint32_t slot; /* its bit and index in all tables by node; stable while it is known */
	bool present; /* false: only pods refer to it (their node is not, or no longer, known) */
	bool unschedulable;
	bool hard_taints, soft_taints; /* some of NoSchedule or NoExecute; of PreferNoSchedule */
	size_t n_pods;
	int64_t max_pods;
	struct list nominated; /* pods for which room is being made here */
	int64_t used_cpu_nonzero, used_mem_nonzero; /* pods without requests count a little */
	struct sched_resources allocatable, used;

	size_t at; /* position in cache.nodes */
	struct object *obj; /* texts below point into its bytes */
	char *own_name;
	struct str name;
	struct sched_label *labels;
	size_t n_labels, cap_labels;
	struct sched_taint *taints;
	size_t n_taints, cap_taints;
	struct list pods;
	size_t n_port_pods;
	struct sched_image **images;
	size_t n_images, cap_images;
};
#define SCHED_NODE_HOT_BYTES (offsetof(struct sched_node, at))

/* A container image that some node has. */
struct sched_image {
	char *name;
	int64_t size_bytes;
	uint32_t n_nodes;
	uint64_t *on; /* bits by node slot */
};

enum sched_pod_state { SCHED_PENDING, SCHED_ASSUMED, SCHED_BOUND };

struct sched_pod {
	struct object *obj;
	struct sched_class *class;
	struct list in_class;
	enum sched_pod_state state;
	bool deleting;
	bool gated; /* spec.schedulingGates: not to be looked at yet */
	bool never_preempts; /* preemptionPolicy: Never */
	bool preempted; /* we have asked for its end */
	int32_t priority;
	uint32_t spec_len; /* bytes of obj's spec */
	struct sched_node *node; /* assumed or bound */
	struct list on_node;
	struct sched_node
		*nominated; /* status.nominatedNodeName, or what we decided; may be NULL */
	struct list in_nominated;
	void *queued; /* the queue's */
};

/* A namespace: its labels, and what lives in it. */
struct sched_ns {
	char *name;
	struct object *obj; /* NULL: not known (yet) */
	struct list classes;
	struct sched_set **sets; /* those that count pods of this namespace alone */
	struct sched_pod_term **terms; /* the same */
	size_t n_sets, cap_sets, n_terms, cap_terms;
	uint64_t workloads; /* raised when a Service or a controller here changes */
};

struct sched_cache {
	struct hmap *pods, *by_node_name, *namespaces, *images; /* key, name */
	struct sched_node **nodes; /* present ones, in the order in which zones take turns */
	size_t n_nodes, cap_nodes;
	size_t n_soft_tainted; /* nodes with PreferNoSchedule taints */
	bool reorder; /* nodes or zones changed: sched_cache_order */
	struct sched_node **slots;
	uint32_t n_slots, cap_slots;
	struct hmap *classes;
	struct sched_counts *counts;
	struct list wants; /* least recently used first */
	size_t n_wants;
	/* Raised by every change that could make a difference to a decision. */
	uint64_t version;
	struct buf scratch;
	struct sched_storage *storage; /* storage.h; borrowed, NULL: pods' claims don't matter */
	struct sched_devices *devices; /* devices.h; borrowed, NULL: they don't matter */
	/* Selector of the Services and the controller of a pod, for default spreading (set by the
	 * scheduler; NULL: none). Adds to *ret and to the text that tells it from others. */
	void (*workload_selector)(void *user, struct sched_pod *p, struct label_selector *ret,
				  struct buf *key);
	void *user;
};

void sched_cache_init(struct sched_cache *c);
void sched_cache_done(struct sched_cache *c);

/* What a change may have made possible: enum sched_event bits. */
enum sched_event {
	SCHED_EV_NODE_ADD = 1 << 0,
	SCHED_EV_NODE_RESOURCES = 1 << 1,
	SCHED_EV_NODE_LABELS = 1 << 2,
	SCHED_EV_NODE_TAINTS = 1 << 3, /* and spec.unschedulable */
	SCHED_EV_POD_GONE = 1 << 4, /* a pod gave its resources and ports back */
	SCHED_EV_POD_CHANGED = 1 << 5, /* the waiting pod itself */
	SCHED_EV_POD_PLACED = 1 << 6, /* a pod was bound, or a bound one got other labels */
	SCHED_EV_NAMESPACE = 1 << 7, /* labels of one */
	SCHED_EV_VOLUMES = 1 << 8, /* claims, volumes, storage classes */
	SCHED_EV_DEVICES = 1 << 9, /* resource claims, slices, device classes */
};
/* New or changed node; returns events. */
uint32_t sched_cache_node(struct sched_cache *c, struct object *obj);
void sched_cache_node_gone(struct sched_cache *c, struct str name);
struct sched_node *sched_cache_node_find(const struct sched_cache *c, struct str name);
/* Puts nodes of different zones in turn; called before nodes are walked. */
void sched_cache_order(struct sched_cache *c);
/* New or changed namespace; o NULL: gone. Returns events. */
uint32_t sched_cache_namespace(struct sched_cache *c, struct str name, struct object *o);
struct sched_ns *sched_cache_ns(struct sched_cache *c, struct str name); /* made if need be */

bool sched_pod_ended(const struct object *pod); /* Succeeded or Failed */
/*
 * New or changed pod, parsed from its bytes; keeps an assumption. NULL: ended pods are dropped.
 * *ret_changed (may be NULL): something that decisions look at differs from what was known.
 */
struct sched_pod *sched_cache_pod(struct sched_cache *c, struct object *obj, bool *ret_changed);
struct sched_pod *sched_cache_find(const struct sched_cache *c, struct str key);
void sched_cache_pod_gone(struct sched_cache *c, struct str key);
void sched_cache_assume(struct sched_cache *c, struct sched_pod *p, struct sched_node *n);
void sched_cache_forget(struct sched_cache *c, struct sched_pod *p);
/* Room is being made for p on n (NULL: no more). */
void sched_cache_nominate(struct sched_cache *c, struct sched_pod *p, struct sched_node *n);
/*
 * What if: p leaves, or comes to, n. Must be undone before anything else changes the cache; does
 * not count as a change.
 */
void sched_cache_lift(struct sched_cache *c, struct sched_pod *p);
void sched_cache_drop(struct sched_cache *c, struct sched_pod *p, struct sched_node *n);

static inline bool sched_bit(const uint64_t *bits, uint32_t slot)
{
	return bits[slot / 64] >> (slot % 64) & 1;
}
static inline void sched_bit_set(uint64_t *bits, uint32_t slot, bool on)
{
	if (on)
		bits[slot / 64] |= 1ull << (slot % 64);
	else
		bits[slot / 64] &= ~(1ull << (slot % 64));
}
/* Words for all slots; grows by doubling with cap_slots. */
static inline size_t sched_words(uint32_t slots)
{
	return (slots + 63) / 64;
}
#endif
