/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_CACHE_H
#define KNARR_SCHEDULER_CACHE_H
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "lib/client/object.h"
/*
 * What decisions are made from: nodes with what their pods take, kept up to date pod by pod, so
 * that a decision reads plain numbers and parses nothing. Knows neither API calls nor time.
 *
 *	pending --assume--> assumed --seen bound--> bound
 *	           ^------forget-----+
 *
 * An assumed pod counts on its node from the decision on, long before the API says so.
 */
struct sched_quantity { /* an extended resource: "nvidia.com/gpu" */
	char *name;
	int64_t value;
};

/* Amounts; on a node also the sum over its pods. */
struct sched_resources {
	int64_t cpu_milli, mem_bytes, disk_bytes; /* disk: ephemeral-storage */
	struct sched_quantity *extended;
	size_t n_extended, cap_extended;
};

struct sched_port {
	struct str ip; /* "" and "0.0.0.0": every address */
	char protocol; /* first letter: T, U, S */
	uint16_t port;
};

struct sched_label {
	struct str key, value;
};

struct sched_taint {
	struct str key, value;
	char effect; /* enum sched_effect */
};
enum sched_effect {
	EFFECT_ANY = 0,
	EFFECT_NO_SCHEDULE = 'S',
	EFFECT_PREFER = 'P',
	EFFECT_NO_EXECUTE = 'E'
};

struct sched_node {
	struct object *obj; /* texts below point into its bytes */
	char *own_name;
	struct str name;
	size_t at; /* position in cache.nodes */
	bool present; /* false: only pods refer to it (their node is not, or no longer, known) */
	bool unschedulable;
	struct sched_label *labels;
	size_t n_labels, cap_labels;
	struct sched_taint *taints;
	size_t n_taints, cap_taints;
	bool hard_taints, soft_taints; /* some of NoSchedule or NoExecute; of PreferNoSchedule */
	struct sched_resources allocatable, used;
	int64_t used_cpu_nonzero, used_mem_nonzero; /* pods without requests count a little */
	int64_t max_pods;
	struct list pods;
	size_t n_pods, n_port_pods;
	/* Scratch of a decision (spread.c): valid if stamp is the decision's. */
	uint64_t stamp;
	uint32_t owner_pods;
};

/* Pods of one controller, to spread them. */
struct sched_owner {
	char *uid;
	struct sched_owner_node {
		struct sched_node *node;
		uint32_t n;
	} * nodes;
	size_t n_nodes, cap_nodes, n_pods;
};

enum sched_pod_state { SCHED_PENDING, SCHED_ASSUMED, SCHED_BOUND };

struct sched_spec;
struct sched_pod {
	struct object *obj;
	enum sched_pod_state state;
	struct sched_node *node; /* assumed or bound */
	struct list on_node;
	struct sched_owner *owner; /* NULL: none */
	struct sched_resources requests;
	int64_t cpu_nonzero, mem_nonzero;
	struct sched_port *ports;
	size_t n_ports, cap_ports;
	int32_t priority;
	struct sched_spec *spec; /* what only decisions need; NULL once bound */
	void *queued; /* the queue's */
};

struct sched_cache {
	struct hmap *pods, *by_node_name, *owners; /* key, name, uid */
	struct sched_node **nodes; /* present ones */
	size_t n_nodes, cap_nodes;
};

void sched_cache_init(struct sched_cache *c);
void sched_cache_done(struct sched_cache *c);

/* What an update of a node may have made possible: enum sched_event bits. */
enum sched_event {
	SCHED_EV_NODE_ADD = 1 << 0,
	SCHED_EV_NODE_RESOURCES = 1 << 1,
	SCHED_EV_NODE_LABELS = 1 << 2,
	SCHED_EV_NODE_TAINTS = 1 << 3, /* and spec.unschedulable */
	SCHED_EV_POD_GONE = 1 << 4, /* a pod gave its resources and ports back */
	SCHED_EV_POD_CHANGED = 1 << 5, /* the waiting pod itself */
};
/* New or changed node; returns events. */
uint32_t sched_cache_node(struct sched_cache *c, struct object *obj);
void sched_cache_node_gone(struct sched_cache *c, struct str name);

bool sched_pod_ended(const struct object *pod); /* Succeeded or Failed */
/* New or changed pod, parsed from its bytes; keeps an assumption. NULL: ended pods are dropped. */
struct sched_pod *sched_cache_pod(struct sched_cache *c, struct object *obj);
struct sched_pod *sched_cache_find(const struct sched_cache *c, struct str key);
void sched_cache_pod_gone(struct sched_cache *c, struct str key);
void sched_cache_assume(struct sched_cache *c, struct sched_pod *p, struct sched_node *n);
void sched_cache_forget(struct sched_cache *c, struct sched_pod *p);

int64_t sched_extended(const struct sched_resources *r, const char *name);
#endif
