/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_DEVICE_CLAIMS_H
#define KNARR_API_DEVICE_CLAIMS_H
#include "lib/json/jv.h"
#include "lib/json/jw.h"
/*
 * ResourceClaims and the pods that name them: what scheduler, controller and nodes have to agree
 * on (k8s.io/dynamic-resource-allocation/resourceclaim). Read in place; nothing is owned.
 */
#define POD_CLAIM_NOTE "resource.kubernetes.io/pod-claim-name"
#define CLAIM_DEVICE_FINALIZER "resource.kubernetes.io/delete-protection"
#define CLAIM_USERS_MAX 256 /* of status.reservedFor */
#define CLAIM_RESULTS_MAX 32 /* devices of one claim */

/* What an entry of a pod's spec.resourceClaims leads to. */
struct pod_claim {
	struct str name; /* of the claim; absent: not known (yet) */
	bool generated; /* made from a template: it has to be the pod's own (claim_is_for) */
	bool none; /* it has been found that no claim is needed */
};
struct pod_claim pod_claim(struct jv pod, struct jv entry);
/* The entry of status.resourceClaimStatuses with that name, or JV_NONE. */
struct jv pod_claim_status(struct jv pod, struct str name);
/* Is the pod with that uid the controller of the claim? */
bool claim_is_for(struct jv claim, struct str pod_uid);
bool claim_reserved_for(struct jv claim, struct str pod_uid);
bool claim_held(struct jv claim); /* has CLAIM_DEVICE_FINALIZER */
/*
 * The merge patch of its status by which a pod is added to those that may use it, on the revision
 * at hand; `allocation` (JSON) if it gets one with it, else absent.
 */
void claim_write_reserve(struct jw *w, struct jv claim, struct str pod_name, struct str pod_uid,
			 struct str allocation);
#endif
