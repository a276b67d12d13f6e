/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CGROUP_H
#define KNARR_CGROUP_H
#include "agent/runtime/runtime.h"
/*
 * Control groups v1, hybrid and v2 behind one interface. Paths are relative to the root given at
 * opening ("burstable/podX/ctr"); "" is the root itself. libcgroup finds, makes, limits and
 * deletes; joining, killing and reading statistics are plain file operations (the reasons stand in
 * docs/decisions). All calls block for as long as the kernel takes: tens of microseconds.
 *
 *	v1      every controller a tree of its own
 *	hybrid  the same, and a v2 tree without controllers: a group of the same path there makes
 *	        cgroup.kill, cgroup.events and cgroup-BPF (devices, socket load balancing) work
 *	v2      one tree
 */
struct cgroups;

/* The leaf all knarr-pod are in: beside the pods, never within a pod's limits. */
#define CGROUP_SUPERVISORS "supervisors"

/* The most v1 trees a process has to join. */
#define CGROUP_JOIN_MAX 8

/* mount: where the trees are ("/sys/fs/cgroup"). -ENODEV when none is usable, err says what. */
int cgroups_open(const char *mount, const char *root, struct cgroups **ret, struct err *err);
struct cgroups *cgroups_close(struct cgroups *cg);
const char *cgroups_version(const struct cgroups *cg); /* "v1", "hybrid", "v2" */
/* Absolute path of the v2 group of the root; NULL on pure v1. */
const char *cgroups_v2_root(const struct cgroups *cg);

/* Make the group and missing parents, with limits (res may be NULL). Existing: limits only. */
int cgroup_apply(struct cgroups *cg, const char *path, const struct runtime_resources *res,
		 struct err *err);
/* A leaf in the v2 tree only, for processes that are accounted to no pod. -ENOENT on v1. */
int cgroup_open_leaf(struct cgroups *cg, const char *path);
/* Delete an empty group in all trees. 0 when it was not there, -EBUSY when something is in it. */
int cgroup_remove(struct cgroups *cg, const char *path);
/* The same with the groups beneath it, whoever made them. */
int cgroup_remove_all(struct cgroups *cg, const char *path);
/* SIGKILL to all in it and beneath. */
int cgroup_kill(struct cgroups *cg, const char *path);

/* Descriptors for joining: *ret_v2 the v2 directory (-1 on v1), ret_v1 files to write "0" to
 * (single thread). */
int cgroup_open_join(struct cgroups *cg, const char *path, int *ret_v2, int ret_v1[CGROUP_JOIN_MAX],
		     size_t *ret_n);
/* cgroup.kill for writing, and the file with "oom_kill N" for reading; -1 where there is none. */
int cgroup_open_kill(struct cgroups *cg, const char *path);
int cgroup_open_oom(struct cgroups *cg, const char *path);

/* Plain write of one value into a group's file (libcgroup keeps one value a name). */
int cgroup_write(const char *dir, const char *file, const char *value);

int cgroup_stats(struct cgroups *cg, const char *path, struct runtime_stats *ret);
/* Directory of one v1 controller's group, or of the v2 group for controller NULL; 0 or -ENOENT. */
int cgroup_dir(const struct cgroups *cg, const char *controller, const char *path, char *ret,
	       size_t size);
#endif
