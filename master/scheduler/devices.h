/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_DEVICES_H
#define KNARR_SCHEDULER_DEVICES_H
#include "lib/api/quantity.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/client/informer.h"
#include "lib/json/jw.h"
#include "master/scheduler/framework.h"
/*
 * Devices, and claims to them, as decisions see them (k8s DynamicResources, structured parameters).
 *
 *	ResourceSlices --parsed once--> pools of devices, by node
 *	ResourceClaims --counted--> what is in use;  + pending: decided here, not yet seen in the
 *API
 *
 *	pod --devices_read--> claims, requests, classes, compiled expressions   (once a decision)
 *	    --devices_fit(node)--> first set of free devices that meets them all  (device_search.c)
 *	    --devices_grant--> pending, until the API shows it or the binding fails (device_bind.c)
 *
 * Pods without claims never come here. The search is bounded in steps and in what expressions cost;
 * whether an expression holds for a device is remembered with the device.
 */
struct cel_program;
struct sched_devices;

struct sched_device {
	struct sched_slice *slice;
	struct str name;
	char *id; /* "driver/pool/device" */
	struct jv json;
	struct jv taints, consumes; /* consumesCounters */
	bool binds_to_node, shared; /* shared: allowMultipleAllocations */
	bool conditional; /* has bindingConditions: not given out */
	/* Of slices that leave it to the device: */
	struct str node_name;
	bool all_nodes, selective;
	struct sched_spec nodes; /* selective: its nodeSelector */
	uint64_t known, fits; /* by number of the expression */
};

struct sched_slice {
	struct object *obj;
	struct str driver, pool, node_name;
	char *pool_id; /* "driver/pool" */
	int64_t generation, count; /* slices that the pool should have */
	bool all_nodes, selective, by_device;
	struct sched_spec nodes;
	struct jv counters; /* sharedCounters */
	struct sched_device *v;
	size_t n;
};

struct sched_slices {
	struct sched_slice **v;
	size_t n, cap;
};

/* What of a capacity is taken. */
struct sched_amount {
	char *name;
	struct quantity q;
};
/* Use of one device by claims that have it, or are to. */
struct sched_device_use {
	uint32_t whole; /* claims that have it for themselves */
	uint32_t shares;
	struct sched_amount *taken; /* of a shared one */
	size_t n, cap;
};

struct sched_expression {
	char *text;
	struct cel_program *program; /* NULL: why */
	char *why;
};
#define SCHED_EXPRESSIONS 64 /* results are remembered of so many */

/* A claim that has been given devices, until the API shows it. */
struct sched_pending {
	char *allocation; /* JSON */
	uint64_t rv; /* it was written as this revision; 0: not yet */
};

struct sched_devices {
	struct informer *claims, *slices, *classes;
	struct hmap *parsed; /* slice -> struct sched_slice */
	struct hmap *by_node, *by_pool; /* -> struct sched_slices */
	struct sched_slices spread; /* those not of one node */
	struct hmap *in_use; /* device id -> struct sched_device_use */
	struct hmap *pending; /* claim -> struct sched_pending */
	struct sched_expression *expressions;
	size_t n_expressions, cap_expressions;
	struct arena scratch;
	const struct rng *rng; /* NULL: the system's */
	uint64_t cost_left; /* of expressions, in the decision under way */
	/* Claims, slices or classes changed. claim: the one that did, and what it was (NULL: new);
	 * NULL: something else. */
	void (*changed)(void *user, struct object *claim, struct object *was);
	void *user;
};
void sched_devices_start(struct sched_devices *ds, struct informers *informers);
void sched_devices_stop(struct sched_devices *ds);

/*
 * Whether all claims that the pod names are there and its own; else why not (to be freed), and the
 * pod need not be looked at.
 */
bool sched_devices_ready(struct sched_devices *ds, const struct object *pod, char **ret_why);
/* Does the pod name this claim? */
bool sched_devices_names(const struct object *pod, const struct object *claim);

/* ---- a decision ---- */

/* One way to meet a request. */
struct sched_device_ask {
	struct str name, sub; /* sub: of an alternative, else absent */
	struct object *class;
	uint32_t *expressions; /* of the class, then its own */
	size_t n_expressions, n_of_class;
	bool all, admin;
	int64_t count;
	struct jv tolerations, capacity;
};
struct sched_device_request {
	struct str name;
	bool alternatives;
	struct sched_device_ask *v; /* the first that can be met counts */
	size_t n;
};
struct sched_device_constraint {
	struct jv requests;
	struct str attribute;
	bool distinct;
};
struct sched_device_claim {
	struct object *obj;
	bool allocated;
	bool reserved; /* for the pod, already */
	struct sched_spec nodes; /* allocated: from where it is reached */
	bool selective; /* allocated: not from everywhere */
	/* To be allocated: */
	struct sched_device_request *v;
	struct sched_device_constraint *constraints;
	size_t n, n_constraints;
};
#define SCHED_DEVICE_STEPS 1000000u /* of the searches of one decision */
struct sched_device_claims {
	struct arena arena, node_arena; /* of the decision; of the search at hand */
	struct sched_devices *ds;
	struct sched_device_claim *v;
	size_t n, n_open; /* n_open: to be allocated */
	bool alternatives; /* nodes differ in how well they do */
	uint64_t unavailable; /* bit i: claim i is allocated, but not on some node we looked at */
	uint64_t steps_left;
};
void sched_devices_begin(struct sched_devices *ds); /* of a decision: the budget is whole again */
/* NULL: the pod has none, or *ret_why (to be freed) tells why it can run nowhere now. */
struct sched_device_claims *sched_devices_read(struct sched_devices *ds, const struct sched_pod *p,
					       char **ret_why);
struct sched_device_claims *sched_device_claims_free(struct sched_device_claims *dc);

/* A device that a claim is given. */
struct sched_device_result {
	const struct sched_device *device;
	const struct sched_device_ask *ask;
	uint32_t claim, request, alternative;
};
struct sched_device_grant {
	struct sched_device_result *v; /* from the decision's arena; in the order of claims */
	size_t n;
};
enum sched_devices_fit {
	DEVICES_FIT,
	DEVICES_WRONG_NODE, /* an allocated claim is not reached from there */
	DEVICES_NONE, /* not all claims can be allocated */
	DEVICES_FAILED, /* something is wrong with a claim or a class: *ret_why */
};
/* `grant` may be NULL; *ret_why (to be freed) is set for DEVICES_FAILED. */
enum sched_devices_fit sched_devices_fit(struct sched_device_claims *dc, const struct sched_node *n,
					 struct sched_device_grant *grant, char **ret_why);
/* status.allocation of claim i by a grant on n. */
void sched_devices_allocation(const struct sched_device_claims *dc,
			      const struct sched_device_grant *g, uint32_t claim,
			      const struct sched_node *n, struct jw *w);

/* ---- what is in use ---- */

const struct sched_device_use *sched_device_use(const struct sched_devices *ds, const char *id);
/* Counts the devices of an allocation (sign 1), or no more (-1). */
void sched_devices_count(struct sched_devices *ds, struct jv allocation, int sign);
/* The claim has the allocation (JSON) from now on, whatever the API says. */
void sched_devices_assume(struct sched_devices *ds, struct str claim_key, struct str allocation);
/* Written with that revision, or (0) not to be. */
void sched_devices_settle(struct sched_devices *ds, struct str claim_key, uint64_t rv);
/* Does expression e hold for the device? -EINVAL and *ret_why; -EDQUOT: too much for now. */
int sched_device_matches(struct sched_devices *ds, struct sched_device *d, uint32_t e,
			 char **ret_why);
/* Number of an expression, compiled if need be. */
uint32_t sched_devices_expression(struct sched_devices *ds, struct str text);

/* ---- amounts of shared devices (device_amounts.c) ---- */

/* Would what is asked for still fit, beside what is taken of d and `more` of this search? */
bool sched_device_has_room(const struct sched_devices *ds, const struct sched_device *d,
			   struct jv capacity, const struct sched_device_result *more, size_t n);
/* Writes consumedCapacity: what a request takes of each capacity of the device. */
void sched_device_write_taken(const struct sched_device *d, struct jv capacity, struct jw *w);
/* Are the counters that d takes left in its pool? `more`: devices of this search. */
bool sched_device_counters_left(const struct sched_devices *ds, const struct sched_device *d,
				const struct sched_device_result *more, size_t n);
#endif
