/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_VOLUMES_H
#define KNARR_API_VOLUMES_H
#include "lib/json/jv.h"
/*
 * Which PersistentVolume suits which claim: what the binder, the scheduler and the nodes have to
 * agree on (k8s.io/component-helpers storage/volume). Everything is read in place from whole
 * objects; nothing is owned.
 */
#define NOTE_BIND_COMPLETED "pv.kubernetes.io/bind-completed"
#define NOTE_BOUND_BY_CONTROLLER "pv.kubernetes.io/bound-by-controller"
#define NOTE_PROVISIONED_BY "pv.kubernetes.io/provisioned-by"
#define NOTE_MIGRATED_TO "pv.kubernetes.io/migrated-to"
#define NOTE_PROVISIONER "volume.kubernetes.io/storage-provisioner"
#define NOTE_OLD_PROVISIONER "volume.beta.kubernetes.io/storage-provisioner"
#define NOTE_SELECTED_NODE "volume.kubernetes.io/selected-node"
#define NOTE_OLD_CLASS "volume.beta.kubernetes.io/storage-class"
#define CLAIM_PROTECTION "kubernetes.io/pvc-protection"
#define VOLUME_PROTECTION "kubernetes.io/pv-protection"

/* An annotation of any object; JV_NONE. */
struct jv volume_note(struct jv obj, const char *name);
/* Class of a volume or a claim: the old annotation, else spec.storageClassName; "" for none. */
struct str volume_class(struct jv obj);
/* A claim that says which class, be it "" (no class at all): the default is not for it. */
bool claim_has_class(struct jv claim);
/* spec.volumeMode of a volume or a claim; "Filesystem" when absent. */
struct str volume_mode(struct jv obj);
/* Does the volume have every access mode that the claim wants? */
bool volume_modes_include(struct jv volume, struct jv claim);
/* Bytes: capacity of a volume; request of a claim. */
int64_t volume_capacity(struct jv volume);
int64_t claim_request(struct jv claim);
/*
 * Whose spec.claimRef makes the volume: 1, this claim's (by name, and by uid if it has one);
 * 0, nobody's; -1, another's.
 */
int volume_claimed(struct jv volume, struct jv claim);
/*
 * The same from the other side, as members of a patch that is open at its top, behind "metadata":
 * "spec": {"claimRef": ...} names the claim as it is now.
 */
struct jw;
void volume_write_claim(struct jw *w, struct jv claim);
/*
 * Why a volume that the claim names can't be bound to it, in Kubernetes' words ("requested PV is
 * too small"); NULL when it can. Its claimRef and the claim's selector are not looked at.
 */
const char *volume_mismatch(struct jv volume, struct jv claim);
/* Name of the claim that a pod's volume with an `ephemeral` source has: "POD-VOLUME", appended. */
struct buf;
void ephemeral_claim_name(struct str pod, struct jv volume, struct buf *out);
/* Is the claim that of an ephemeral volume of the pod with this uid: owned by it? */
bool ephemeral_claim_is_for(struct jv claim, struct str pod_uid);
/*
 * Does a pod's spec.volumes name the claim, directly or as that of an ephemeral volume? The owner
 * of the latter is not looked at.
 */
bool pod_names_claim(struct jv pod, struct str claim);
#endif
