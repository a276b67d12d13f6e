/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PV_BINDER_H
#define KNARR_PV_BINDER_H
#include "lib/api/volumes.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"
/*
 * The persistent volume binder (k8s pkg/controller/volume/persistentvolume): claims are given
 * volumes, and volumes of claims that are gone are released.
 *
 *	claim	Pending --a volume suits--> Bound --the volume is gone--> Lost
 *		   |  none does: the class's provisioner is told by annotations, and makes one
 *	volume	Available --claimed--> Bound --claim gone--> Released --(provisioner deletes)-->
 *		                                         \--nobody can delete it--> Failed
 *
 * A binding is four writes, each of which a restarted master can go on from: claimRef and phase of
 * the volume, then volumeName and phase of the claim. The volume comes first, on the revision that
 * was looked at, so that two claims can't get the same one.
 */
struct pv_binder {
	struct ctl *c;
	struct informer *claims, *volumes, *classes;
	struct informer_index *unbound_of_class, *claims_of_volume; /* of claims */
	struct informer_index *free_of_class, *volumes_of_claim; /* of volumes; see pv_binder.c */
	/* Volume -> its revision (text) at which the API said that its claim is not there: the
	 * cache of claims may be older than that of volumes. */
	struct hmap *unclaimed;
};
/* Volumes without a claimRef by class, and claims without a volume: NO_CLASS for none. */
#define NO_CLASS "/"

/* What is to be written for a claim or a volume, from the caches. */
void pv_sync_claim(struct pv_binder *b, struct object *claim, struct plan *p);
void pv_sync_volume(struct pv_binder *b, struct object *volume, struct plan *p);

/* pv_write.c: each adds what is not so already. `volume` NULL: no capacity, no access modes. */
void pv_plan_bind(struct pv_binder *b, struct plan *p, struct object *volume, struct object *claim);
void pv_plan_unbind(struct pv_binder *b, struct plan *p, struct object *volume);
bool pv_plan_phase(struct pv_binder *b, struct plan *p, struct object *volume, const char *phase,
		   const char *message);
bool pv_plan_claim_phase(struct plan *p, struct object *claim, const char *phase,
			 struct object *volume);
void pv_plan_provisioner(struct plan *p, struct object *claim, struct str provisioner);
void pv_plan_class(struct plan *p, struct object *claim, struct str class);
#endif
