/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_SPEC_H
#define KNARR_SCHEDULER_SPEC_H
#include "lib/client/object.h"
#include "lib/json/jv.h"
/*
 * The parts of objects that decisions look at, compiled once. Texts point into the bytes they were
 * parsed from.
 */
struct sched_node;

struct sched_quantity { /* an extended resource: "nvidia.com/gpu", "hugepages-2Mi" */
	char *name;
	int64_t value;
};

/* Amounts; on a node also the sum over its pods. */
struct sched_resources {
	int64_t cpu_milli, mem_bytes, disk_bytes; /* disk: ephemeral-storage */
	struct sched_quantity *extended;
	size_t n_extended, cap_extended;
};
void sched_resources_done(struct sched_resources *r);
/* sum += sign * r */
void sched_resources_add(struct sched_resources *sum, const struct sched_resources *r, int sign);
bool sched_resources_eq(const struct sched_resources *a, const struct sched_resources *b);
int64_t sched_extended(const struct sched_resources *r, const char *name);

struct sched_port {
	char ip[46]; /* "" and "0.0.0.0": every address */
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

enum sched_op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_NOT_EXISTS, OP_GT, OP_LT, OP_INVALID = -EINVAL };

struct sched_req {
	struct str key;
	enum sched_op op;
	struct jv values; /* array of strings */
	bool field; /* metadata.name instead of a label */
};

struct sched_node_term { /* all requirements must hold; a term without any matches nothing */
	struct sched_req *reqs;
	size_t n, cap;
	int32_t weight; /* of a preference */
};

struct sched_toleration {
	struct str key, value;
	bool exists; /* operator Exists */
	char effect;
};

/* What a pod asks of a node's labels and taints. */
struct sched_spec {
	struct sched_label *selector; /* spec.nodeSelector */
	size_t n_selector, cap_selector;
	bool has_required;
	struct sched_node_term *required, *preferred; /* node affinity */
	size_t n_required, cap_required, n_preferred, cap_preferred;
	struct sched_toleration *tolerations;
	size_t n_tolerations, cap_tolerations;
};
/* From spec.nodeSelector, spec.affinity.nodeAffinity and spec.tolerations. */
void sched_spec_parse(struct sched_spec *s, struct jv selector, struct jv node_affinity,
		      struct jv tolerations);
/* A NodeSelector alone, as volumes have it; absent: any node. */
void sched_spec_parse_selector(struct sched_spec *s, struct jv node_selector);
void sched_spec_done(struct sched_spec *s);

/* What a pod takes of a node. `nonzero`: containers that ask for nothing count a little (scores).
 */
struct sched_demand {
	struct sched_resources requests;
	int64_t cpu_nonzero, mem_nonzero;
	struct sched_port *ports;
	size_t n_ports, cap_ports;
};
/*
 * The members of a pod's spec that matter, found in one pass: pods come by the thousand, and most
 * of what reading one costs is stepping over bytes.
 */
enum sched_pod_member {
	POD_CONTAINERS,
	POD_VOLUMES,
	POD_SCHEDULER,
	POD_TOLERATIONS,
	POD_PRIORITY,
	POD_PREEMPTION,
	POD_NODE_NAME,
	POD_SELECTOR,
	POD_AFFINITY,
	POD_SPREAD,
	POD_GATES,
	POD_INIT,
	POD_OVERHEAD,
	POD_HOST_NETWORK,
	POD_RESOURCES,
	POD_CLAIMS,
	POD_MEMBERS,
};
void sched_pod_members(struct jv pod_spec, struct jv ret[POD_MEMBERS]);
/* `images`: those of the containers are appended, one a line. */
void sched_demand_parse(struct sched_demand *d, const struct jv spec[POD_MEMBERS],
			struct buf *images);
void sched_demand_done(struct sched_demand *d);

/* Parses labels, taints, allocatable of n from n->obj; frees what was there. */
void sched_node_parse(struct sched_node *n);
void sched_node_clear(struct sched_node *n);

/* spec.nodeSelector and required node affinity. */
bool sched_spec_selects(const struct sched_spec *s, const struct sched_node *n);
bool sched_node_term_match(const struct sched_node_term *t, const struct sched_node *n);
struct str sched_node_label(const struct sched_node *n, struct str key);
bool sched_tolerates(const struct sched_spec *s, const struct sched_taint *t);
/* All NoSchedule and NoExecute taints of n are tolerated. */
bool sched_tolerates_node(const struct sched_spec *s, const struct sched_node *n);
bool sched_ports_conflict(const struct sched_port *a, const struct sched_port *b);
#endif
