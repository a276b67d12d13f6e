/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/kept.h"

#include <sys/stat.h>

#include "lib/sys/file.h"

#define KEPT_MAX (4u << 20)

/* Names come from the API, but nobody shall be led out of the folder by a manifest. */
static char *path_of(const char *pod_dir, const char *name)
{
	return strchr(name, '/') || name[0] == '.' ? NULL
						   : xasprintf("%s/objects/%s", pod_dir, name);
}

/* Not fsynced: see state.c. The new content stands beside the old one until it is whole. */
void kept_write(const char *pod_dir, const char *name, struct str bytes)
{
	CLEANUP_FREE char *dir = xasprintf("%s/objects", pod_dir);
	CLEANUP_FREE char *path = path_of(pod_dir, name);
	CLEANUP_FREE char *tmp = xasprintf("%s/.tmp", dir);
	CLEANUP_FD int fd = -1;

	if (!path || dir_make(dir, 0700) < 0)
		return;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && fd_write_all(fd, bytes.p, bytes.len) == 0)
		(void)!rename(tmp, path);
}

int kept_read(const char *pod_dir, const char *name, struct buf *ret)
{
	CLEANUP_FREE char *path = path_of(pod_dir, name);

	return path ? file_read(AT_FDCWD, path, KEPT_MAX, ret) : -ENOENT;
}

bool kept_any(const char *pod_dir)
{
	CLEANUP_FREE char *dir = xasprintf("%s/objects", pod_dir);

	return access(dir, F_OK) == 0;
}
