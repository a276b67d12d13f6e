/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_VOLUME_H
#define KNARR_VOLUME_H
#include "agent/volume/source.h"
#include "lib/base/clock.h"
/*
 * The volumes of one pod. A kind of volume is a `struct volume_plugin` in a file of its own, listed
 * in volume.c. Setting up is level-triggered: volume_set_apply makes every volume as the pod and
 * the objects it names say now, does nothing where that is so already, and is simply called again
 * when an object has come or changed.
 *
 * Directories are laid out as the kubelet does (tools look there):
 *	POD_DIR/volumes/kubernetes.io~configmap/NAME
 */
struct volume_set;
struct csi_node;

struct volume_conf {
	struct jv volumes; /* spec.volumes; copied */
	const char *pod_dir; /* exists */
	int64_t fs_group; /* -1: none */
	bool fs_group_on_mismatch; /* fsGroupChangePolicy OnRootMismatch; else as Always says */
	int64_t fs_user; /* who owns service account tokens: runAsUser if all containers share one;
			    -1 */
	uint64_t mem_limit_bytes; /* of the pod: bounds emptyDir in memory; 0: none */
	struct pod_source *source; /* borrowed */
	const struct clock *clock;
	struct csi_node *csi; /* borrowed; NULL: no drivers on this node */
};
/* -EINVAL for a kind of volume that this agent doesn't have, naming it. */
int volume_set_new(const struct volume_conf *conf, struct volume_set **ret, struct err *err);
/* Frees the handle only; the volumes stay. */
struct volume_set *volume_set_free(struct volume_set *s);
/*
 * 0: all stand as wanted; 1: the same, and content has changed; -EAGAIN: waiting for an object;
 * other errors name the volume: `MountVolume.SetUp failed for volume "cfg" : configmap "x" not
 * found`. What could be made was made.
 */
int volume_set_apply(struct volume_set *s, struct err *err);
/* After a restart of the agent: what stands on disk may be used, although its sources (the API)
 * have not been asked yet. The next apply brings it up to date. */
void volume_set_adopt(struct volume_set *s);
/* Path on the host of a volume that was set up (a file for some hostPaths); NULL if unknown. */
const char *volume_set_path(const struct volume_set *s, struct str name);
/* It cannot be written through: by its kind (configMap, secret, ...), or a claim used read-only. */
bool volume_set_read_only(const struct volume_set *s, struct str name);
/* A block device to be given to containers as such; false: a directory or file to mount. */
bool volume_set_block(const struct volume_set *s, struct str name);
/*
 * Unmount and delete all. Idempotent; also for volumes a former agent made. -EAGAIN: under way, to
 * be called again.
 */
int volume_set_teardown(struct volume_set *s, struct err *err);
/* True if some emptyDir on disk has a sizeLimit, which volume_set_over_limit then checks. */
bool volume_set_has_limits(const struct volume_set *s);
/* Disk use of an emptyDir beyond its sizeLimit: the volume's name, else NULL. Walks the files. */
const char *volume_set_over_limit(struct volume_set *s, int64_t *ret_limit);

/* ---- for plugins ---- */
struct volume {
	struct volume_set *set;
	const struct volume_plugin *plugin;
	char *name;
	struct jv json; /* the member named by plugin->key */
	char *path; /* where containers are given it from */
	bool ready;
	bool read_only, block; /* of what a claim led to */
	bool may_grow; /* its claim and volume are watched on: it may be asked to grow */
};

struct volume_plugin {
	const char *key; /* "emptyDir": the member of a Volume */
	const char *dir; /* "kubernetes.io~empty-dir"; NULL: no directory of its own */
	bool read_only;
	bool own_words; /* errors say what failed; else "MountVolume.SetUp failed ..." is put in
			   front */
	/* Idempotent. 1: content changed. */
	int (*setup)(struct volume *v, struct err *err);
	/* May be NULL: the directory is removed. */
	int (*teardown)(struct volume *v, struct err *err);
	/* For volume_set_adopt; NULL: as read_only says. True: it stands, v->path is set. */
	bool (*adopt)(struct volume *v);
};
extern const struct volume_plugin volume_empty_dir, volume_host_path, volume_config_map,
	volume_secret, volume_projected, volume_downward, volume_claim, volume_ephemeral,
	volume_nfs, volume_csi;
/* A path of the node by the `type` of a hostPath: is it that, or can it be made? */
int host_path_check(const char *path, struct str type, struct err *err);
const struct volume_conf *volume_conf(const struct volume *v);
#endif
