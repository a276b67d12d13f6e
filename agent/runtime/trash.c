/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers of removed containers. They may hold any number of files, so removal here is one rename
 * into ROOT/trash; `knarr-pod remove` empties that in a process of its own.
 */
#include "agent/runtime/internal.h"

#include "agent/runtime/spawn.h"
#include "lib/sys/file.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

static void empty_trash(struct runtime *rt)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const char *const argv[] = {"knarr-pod", "remove", rt->trash_dir, NULL};
	struct spawn s = {.program = rt->pod_program,
			  .argv = argv,
			  .fds = {null, null, null, null, null, null},
			  .cgroup = -1};
	rt->trash_dirty = false;
	if (null < 0 || spawn_start(&s, &rt->trash_child) < 0) {
		/* Then it must be here and now, or disks fill up. */
		dir_remove_tree(AT_FDCWD, rt->trash_dir);
		dir_make(rt->trash_dir, 0700);
	}
}

void trash_step(struct runtime *rt)
{
	if (rt->trash_child && waitpid(rt->trash_child, NULL, WNOHANG) != 0)
		rt->trash_child = 0;
	if (!rt->trash_child && rt->trash_dirty)
		empty_trash(rt);
}

bool trash_busy(const struct runtime *rt)
{
	return rt->trash_child || rt->trash_dirty;
}

void trash_put(struct runtime *rt, const char *path)
{
	CLEANUP_FREE char *to = xasprintf("%s/%" PRIu64, rt->trash_dir, ++rt->next_seq);
	if (rename(path, to) < 0) {
		if (errno != ENOENT)
			dir_remove_tree(AT_FDCWD, path);
		return;
	}
	rt->trash_dirty = true;
	runtime_tidy(rt);
}

void trash_open(struct runtime *rt)
{
	DIR *d = opendir(rt->trash_dir);
	struct dirent *e;
	while (d && (e = readdir(d)))
		rt->trash_dirty |= e->d_name[0] != '.';
	if (d)
		closedir(d);
}
