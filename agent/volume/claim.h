/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_VOLUME_CLAIM_H
#define KNARR_VOLUME_CLAIM_H
#include "agent/volume/volume.h"
/*
 * The sources of persistent volumes. Each is given a bound claim and its volume, sets v->path (and
 * v->read_only where the source says so) and makes what is there fit for containers. -EAGAIN: call
 * again later; other errors are in the kubelet's words, without what failed in front.
 */
struct claim {
	struct buf name, ns, pod, uid, node; /* the claim's name; the pod's others */
	bool ephemeral;
	struct jv claim, volume; /* whole objects */
	struct str volume_name;
};
int claim_host_path(struct volume *v, const struct claim *c, struct jv source, struct err *err);
int claim_local(struct volume *v, const struct claim *c, struct jv source, struct err *err);
int claim_nfs(struct volume *v, const struct claim *c, struct jv source, struct err *err);
/* Errors are whole ones here. */
int claim_csi(struct volume *v, const struct claim *c, struct jv source, struct err *err);
/* The volume has been made larger than the claim's status says: the driver is told on the node. */
void csi_claim_grow(struct volume *v, const struct claim *c);
bool csi_path_is(const struct volume *v);
/* As nfs_stands, nfs_unmount_all; the latter answers -EAGAIN while drivers are at it. */
bool csi_path_stands(const struct volume *v);
int csi_unpublish_all(struct volume *v, struct err *err);
/* Of what a former agent mounted for the pod: is v->path (one of nfs.c's) still there? */
bool nfs_stands(const struct volume *v);
/* Unmounts all that nfs.c mounted for the pod. */
int nfs_unmount_all(struct volume *v, struct err *err);
/*
 * Does the volume's node affinity let it be used on this node? Only the node's name is known, as
 * itself and as the label kubernetes.io/hostname: the scheduler has looked at the others.
 */
bool claim_volume_reaches(struct jv volume, struct str node);
/*
 * The directory and all in it are the pod's fsGroup's from now on (group.h), if it has one.
 * -EAGAIN while a thread is at it.
 */
int volume_give_to_group(struct volume *v, const char *path, struct err *err);
#endif
