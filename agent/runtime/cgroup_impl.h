/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CGROUP_IMPL_H
#define KNARR_CGROUP_IMPL_H
/* What cgroup.c and the two layouts (cgroup_v1.c, cgroup_v2.c) share. */
#include "agent/runtime/cgroup.h"

#include <libcgroup.h>

struct cgroup_tree {
	const char *controller; /* "memory"; NULL in the v2 tree */
	char *mount; /* "/sys/fs/cgroup/memory" */
	bool shared; /* mounted together with an earlier one: one directory, joined once */
};

struct cgroup_layout {
	const char *version;
	/* Add the controllers and values of res to a libcgroup group. */
	int (*fill)(struct cgroups *cg, struct cgroup *g, const struct runtime_resources *res);
	int (*stats)(struct cgroups *cg, const char *path, struct runtime_stats *ret);
};

struct cgroups {
	const struct cgroup_layout *layout;
	char *root; /* "knarr" */
	char *v2; /* mount of the v2 tree, NULL on v1 */
	char *v2_root;
	struct cgroup_tree tree[CGROUP_JOIN_MAX]; /* v1 trees we use */
	size_t n_trees;
};

extern const struct cgroup_layout cgroup_layout_v1, cgroup_layout_hybrid, cgroup_layout_v2;

/* libcgroup's error as a negative errno. */
int cgroup_errno(int ecg);
struct cgroup_controller *cgroup_want(struct cgroup *g, const char *controller);
/* One number out of a file of a group: the whole content, or the value behind `key `. */
int cgroup_read_u64(const char *dir, const char *file, const char *key, uint64_t *ret);
#endif
