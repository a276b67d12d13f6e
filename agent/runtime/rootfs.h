/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ROOTFS_H
#define KNARR_ROOTFS_H
#include "agent/runtime/runtime.h"
#include "lib/base/buf.h"
/*
 * Descriptors of mounts that are nowhere yet, for PLAN_MOUNT_FD. All return a descriptor or a
 * negative errno with err filled.
 */
/* Overlay of the layers (top-most first) with `upper` and `work` (existing directories). */
int rootfs_overlay(const char *const *lower, size_t n, const char *upper, const char *work,
		   struct err *err);
/* A bind mount with its attributes; *ret_is_dir says what kind of target it needs. */
int rootfs_bind(const struct runtime_mount *m, bool *ret_is_dir, struct err *err);
/*
 * A regular file beneath the root fd, as the container will see it (links stay inside), bounded by
 * max. -ENOENT when there is none or it is something else.
 */
int rootfs_read(int root_fd, const char *path, size_t max, struct buf *out);
/* A mount namespace that holds one small tmpfs with the directories r, shm, empty and proc. */
int rootfs_blank_ns(struct err *err);
#endif
