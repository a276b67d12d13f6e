/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SPAWN_H
#define KNARR_SPAWN_H
#include "lib/base/err.h"
/*
 * Starting knarr-pod. The program runs from a sealed copy in memory: a container that gets at
 * /proc/PID/exe of a process on its way into it finds nothing that can be written
 * (CVE-2019-5736).
 */
/* Descriptor of the copy. */
int spawn_copy(const char *path, struct err *err);

struct spawn {
	int program; /* of spawn_copy */
	const char *const *argv; /* NULL-terminated */
	int fds[6]; /* become 0..5; all valid */
	int cgroup; /* v2 directory to be born in, or -1 */
};
/*
 * Without copying our own memory (clone3 with CLONE_VM and CLONE_VFORK), with an empty environment
 * and default signal handlers. Returns when the program runs. The child is ours to reap.
 */
int spawn_start(const struct spawn *s, pid_t *ret);
#endif
