/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_SPEC_H
#define KNARR_SCHEDULER_SPEC_H
#include "lib/json/jv.h"
#include "master/scheduler/cache.h"
/*
 * The parts of objects that decisions look at, compiled once. Texts point into the object's bytes.
 */
enum sched_op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_NOT_EXISTS, OP_GT, OP_LT, OP_INVALID = -EINVAL };

struct sched_req {
	struct str key;
	enum sched_op op;
	struct jv values; /* array of strings */
	bool field; /* metadata.name instead of a label */
};

struct sched_term { /* all requirements must hold; a term without any matches nothing */
	struct sched_req *reqs;
	size_t n, cap;
	int32_t weight; /* of a preference */
};

struct sched_toleration {
	struct str key, value;
	bool exists; /* operator Exists */
	char effect;
};

struct sched_spec {
	struct str node_name; /* spec.nodeName is never set here; NodeName filters a wish */
	struct sched_label *selector; /* spec.nodeSelector */
	size_t n_selector, cap_selector;
	bool has_required;
	struct sched_term *required, *preferred; /* node affinity */
	size_t n_required, cap_required, n_preferred, cap_preferred;
	struct sched_toleration *tolerations;
	size_t n_tolerations, cap_tolerations;
};

struct sched_spec *sched_spec_parse(const struct object *pod);
struct sched_spec *sched_spec_free(struct sched_spec *s);
/* Fills requests, ports, priority of p from its object. */
void sched_pod_parse(struct sched_pod *p);
/* Parses labels, taints, allocatable of n from n->obj; frees what was there. */
void sched_node_parse(struct sched_node *n);
void sched_node_clear(struct sched_node *n);
void sched_resources_done(struct sched_resources *r);
/* sum += sign * r */
void sched_resources_add(struct sched_resources *sum, const struct sched_resources *r, int sign);

bool sched_term_match(const struct sched_term *t, const struct sched_node *n);
struct str sched_node_label(const struct sched_node *n, struct str key);
bool sched_tolerates(const struct sched_spec *s, const struct sched_taint *t);
bool sched_ports_conflict(const struct sched_port *a, const struct sched_port *b);
#endif
