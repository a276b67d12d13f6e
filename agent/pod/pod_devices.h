/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_DEVICES_H
#define KNARR_POD_DEVICES_H
#include "agent/plugin/cdi.h"
#include "lib/base/err.h"
/*
 * The ResourceClaims of this node's pods: their drivers prepare the devices before a pod's sandbox
 * is made, and are told when the last pod that uses a claim has ended (pkg/kubelet/cm/dra).
 *
 *	claim of a pod --> HELD: DATA/devices/UID.json --driver: NodePrepareResources--> ready
 *	                                     ^                                             |
 *	     another pod of the same claim --+        last pod ended: NodeUnprepareResources
 *
 * What is held is on disk before a driver is asked, so that it is given back whatever happens.
 */
struct pods;
struct pod;
struct container;
struct held_claims;
struct held_claims *held_claims_new(struct pods *ps); /* reads what is on disk */
struct held_claims *held_claims_free(struct held_claims *h);

/*
 * Gives back what no pod holds that is known here (a driver has come, and pods have been read from
 * disk).
 */
void held_claims_sweep(struct held_claims *h);

/* 0: all claims of the pod are prepared. -EAGAIN: under way, the pod is kicked. */
int pod_devices_prepare(struct pod *p, struct err *err);
/* 0: the pod holds nothing any more. -EAGAIN: under way, the pod is kicked. */
int pod_devices_release(struct pod *p, struct err *err);
/* What the devices of a container's resources.claims need. */
int pod_devices_edits(struct container *c, struct cdi_edits *e, struct err *err);
#endif
