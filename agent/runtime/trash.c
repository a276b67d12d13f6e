/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done with whole layers, in processes of their own. First: how large they are.
 *
 * Layers of removed containers. They may hold any number of files, so removal here is one rename
 * into ROOT/trash; `knarr-pod remove` empties that in a process of its own.
 */
#include "agent/runtime/internal.h"

#include "agent/runtime/spawn.h"
#include "lib/sys/file.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
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

/* ---- how much is in a layer ---- */

#define USAGE_MAX_AGE_NS (60 * (int64_t)NSEC_PER_SEC)

static void usage_start(struct container *c)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CLEANUP_FREE char *dir = xasprintf("%s/upper", c->layer_dir);
	const char *const argv[] = {"knarr-pod", "usage", dir, NULL};
	struct spawn s = {.program = c->sb->rt->pod_program, .argv = argv, .cgroup = -1};
	c->disk_at_ns = now_real_ns();
	c->disk_fd = memfd_create("usage", MFD_CLOEXEC);
	if (null < 0 || c->disk_fd < 0)
		return;
	for (int i = 0; i < 6; i++)
		s.fds[i] = i == 1 ? c->disk_fd : null;
	if (spawn_start(&s, &c->disk_child) < 0) {
		close(c->disk_fd);
		c->disk_child = 0;
	}
}

static void usage_collect(struct container *c)
{
	char text[64];
	ssize_t n = pread(c->disk_fd, text, sizeof(text), 0);
	struct str rest = str_n(text, n > 0 ? (size_t)n : 0), bytes = STR_NULL;
	str_split(&rest, ' ', &bytes);
	if (n > 0 && str_to_u64(bytes, &c->disk_bytes) == 0)
		str_to_u64(rest, &c->disk_inodes);
	close(c->disk_fd);
}

void usage_read(struct container *c, struct runtime_stats *ret)
{
	if (c->disk_child && waitpid(c->disk_child, NULL, WNOHANG) != 0) {
		c->disk_child = 0;
		usage_collect(c);
	}
	if (!c->disk_child && now_real_ns() - c->disk_at_ns > USAGE_MAX_AGE_NS)
		usage_start(c);
	ret->rootfs_bytes = c->disk_bytes;
	ret->rootfs_inodes = c->disk_inodes;
}

void usage_end(struct container *c)
{
	if (!c->disk_child)
		return;
	kill(c->disk_child, SIGKILL);
	runtime_later(c->sb->rt, NULL, c->disk_child, NULL);
	close(c->disk_fd);
	c->disk_child = 0;
}

/* ---- the trash ---- */

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

/* Made by an agent that was killed before it wrote down whose they are. */
void trash_orphans(struct runtime *rt)
{
	CLEANUP_FREE char *dir = xasprintf("%s/containers", rt->root_dir);
	DIR *d = opendir(dir);
	struct dirent *e;
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && !container_find(rt, e->d_name)) {
			CLEANUP_FREE char *path = xasprintf("%s/%s", dir, e->d_name);
			trash_put(rt, path);
		}
	if (d)
		closedir(d);
}
