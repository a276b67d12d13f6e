/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sys/file.h"
#include "lib/base/clock.h"

#include <dirent.h>
#include <sys/stat.h>

int fd_read_all(int fd, size_t max, struct buf *out)
{
	size_t start = out->len;

	for (;;) {
		ssize_t n;

		buf_reserve(out, 4096);
		n = read(fd, out->p + out->len, MIN(out->cap - out->len - 1, max + 1));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int r = -errno;

			buf_setlen(out, start);
			return r;
		}
		if (n == 0)
			return 0;
		buf_setlen(out, out->len + (size_t)n);
		if (out->len - start > max) {
			buf_setlen(out, start);
			return -EFBIG;
		}
	}
}

int file_read(int dirfd, const char *path, size_t max, struct buf *out)
{
	CLEANUP_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd_read_all(fd, max, out);
}

int fd_write_all(int fd, const void *p, size_t len)
{
	const char *q = p;

	while (len) {
		ssize_t n = write(fd, q, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			q += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int sync_parent(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP_FREE char *dir = NULL;
	CLEANUP_FD int fd = -1;

	if (!slash)
		dir = xstrdup(".");
	else
		dir = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int file_write_atomic(int dirfd, const char *path, struct str content, mode_t mode)
{
	CLEANUP_FREE char *tmp =
		xasprintf("%s.tmp%08x", path, (unsigned)rng_below(&rng_system, UINT32_MAX));
	CLEANUP_FD int fd =
		openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, content.p, content.len);
	/* The umask must not take bits off: callers say exactly what they want. */
	if (!r && fchmod(fd, mode) < 0)
		r = -errno;
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (!r && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	return sync_parent(dirfd, path);
}

int dir_make(const char *path, mode_t mode)
{
	CLEANUP_FREE char *p = xstrdup(path);
	struct stat st;

	for (char *q = p + 1; *p; q++) {
		char c = *q;

		if (c && c != '/')
			continue;
		*q = 0;
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			return -errno;
		*q = c;
		if (!c)
			break;
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -EEXIST;
}

static int remove_children(int fd, dev_t dev)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		close(fd);
		return -errno;
	}
	while (!r && (de = readdir(d))) {
		struct stat st;
		int sub;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), de->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM) {
			r = -errno;
			break;
		}
		sub = openat(dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0) {
			r = errno == ENOENT ? 0 : -errno;
			continue;
		}
		if (fstat(sub, &st) < 0 || st.st_dev != dev) {
			close(sub);
			r = -EXDEV;
			break;
		}
		r = remove_children(sub, dev);
		if (!r && unlinkat(dirfd(d), de->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			r = -errno;
	}
	closedir(d);
	return r;
}

int dir_remove_tree(int dirfd, const char *path)
{
	struct stat st;
	int fd, r;

	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	r = remove_children(fd, st.st_dev);
	if (!r && unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}
