/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STATEFULSET_H
#define KNARR_STATEFULSET_H
#include "master/controllers/controller.h"
#include "master/controllers/util.h"
/*
 * The claims of a StatefulSet's pods: "TEMPLATE-SET-ORDINAL", one for each of
 * spec.volumeClaimTemplates. They outlive their pods, and are found again by name; whether they go
 * with the set, or with a pod that is scaled away, is said by owner references
 * (spec.persistentVolumeClaimRetentionPolicy).
 */
bool sts_has_claims(const struct object *set);
/*
 * Plans those that are missing for a pod which is to be made. False: the pod has to wait, for a
 * claim that is going away. The plan's stage is not moved on.
 */
bool sts_claims_make(struct ctl *c, struct plan *p, struct object *set, int64_t ordinal);
/* Plans the owner references that the claims of `pod` are to have. */
void sts_claims_own(struct ctl *c, struct plan *p, struct object *set, int64_t ordinal,
		    struct object *pod, bool scaled_away);
/* spec.volumes of a pod: those of its claims in place of the template's of the same names. */
void sts_claims_volumes(struct object *set, int64_t ordinal, struct jv volumes, struct buf *out);
/* Asks for the informer; a set is enqueued when a claim goes that its name says is the set's. */
void sts_claims_watch(struct ctl *c);
#endif
