/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_STORAGE_H
#define KNARR_SCHEDULER_STORAGE_H
#include "lib/client/informer.h"
#include "master/scheduler/framework.h"
/*
 * Claims and volumes as decisions see them (k8s pkg/scheduler/framework/plugins/volumebinding).
 *
 *	claim	bound: its volume says which nodes reach it
 *		delayed (WaitForFirstConsumer): a free volume that fits on the node, else a new one
 *		made there by the class's provisioner
 *		else: whoever binds it at once has not done so; the pod waits
 *
 * What was decided and is not yet seen in the API (a volume for a claim, a node for a claim) is
 * assumed here, so that the next pod does not get it too.
 */
struct sched_storage {
	struct informer *claims, *volumes, *classes, *csinodes, *csidrivers, *capacities;
	struct hmap *taken; /* volume -> key of the claim it is assumed for (char *) */
	struct hmap *chosen; /* claim -> node it is assumed for (char *) */
	void (*changed)(void *user); /* something of it all changed */
	void *user;
};
void sched_storage_start(struct sched_storage *st, struct informers *informers);
void sched_storage_stop(struct sched_storage *st);

/* A free volume a delayed claim could have. */
struct sched_volume {
	struct object *obj;
	int64_t bytes;
	struct sched_spec nodes; /* its node affinity */
};

struct sched_claim {
	struct object *obj;
	bool bound;
	struct object *volume; /* bound: NULL if there is none of that name */
	struct sched_spec nodes; /* bound: node affinity of the volume */
	char *selected; /* delayed: node which the claim is meant for; NULL: none yet */
	struct object *class;
	struct sched_volume *v; /* delayed: the smallest first */
	size_t n, cap;
	int64_t bytes; /* requested */
	/*
	 * The driver says how much it has where (CSIDriver storageCapacity): nodes where that is
	 * enough, by their labels.
	 */
	bool counted;
	struct label_selector *spaces;
	size_t n_spaces, cap_spaces;
};

struct sched_claims {
	struct sched_claim *v; /* delayed ones by size */
	size_t n, cap;
};
/*
 * The claims of a pod. False: it has none. *ret_why (to be freed): why it can run nowhere now;
 * NULL: it may.
 */
bool sched_claims_read(struct sched_storage *st, const struct sched_pod *p,
		       struct sched_claims *ret, char **ret_why);
void sched_claims_done(struct sched_claims *cs);

enum sched_claims_fit {
	CLAIMS_FIT = 0,
	CLAIMS_WRONG_NODE = 1, /* a bound volume is not reached from there */
	CLAIMS_NO_VOLUME = 2, /* none is free there, and none can be made */
	CLAIMS_LOST = 4, /* bound to a volume that is not there */
	CLAIMS_NO_SPACE = 8, /* one could be made, but the driver has not enough there */
};
/*
 * Bits of enum sched_claims_fit. With `choice` (n pointers): per claim the volume that it gets on
 * n; NULL where it is bound or a new one is to be made.
 */
int sched_claims_fit(const struct sched_claims *cs, const struct sched_node *n,
		     const struct sched_volume **choice);
/* CSI driver and handle of a claim's volume (or what stands for it); false: not CSI. */
bool sched_claim_csi(struct sched_storage *st, const struct sched_claim *c, struct str *ret_driver,
		     struct str *ret_handle);
/* Name of the claim behind a volume of a pod's spec (appended to out); false: it is none. */
bool sched_claim_name(const struct sched_pod *p, struct jv volume, struct buf *out);
/* Calls fn with each claim of p that exists. */
void sched_claims_each(struct sched_storage *st, const struct sched_pod *p,
		       void (*fn)(void *user, struct object *claim), void *user);
/* Completely bound, as the controller of volumes says it. */
bool sched_claim_bound(const struct object *claim);
#endif
