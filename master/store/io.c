/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/io.h"
#include "lib/sys/file.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

struct files {
	int dirfd;
};

static int files_open(void *user, const char *name, int flags)
{
	struct files *f = user;
	int fd = openat(f->dirfd, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

static void files_close(void *user, int fd)
{
	(void)user;
	close(fd);
}

ssize_t store_io_pread(void *user, int fd, void *p, size_t len, uint64_t off)
{
	size_t got = 0;

	(void)user;
	while (got < len) {
		ssize_t n = pread(fd, (char *)p + got, len - got, (off_t)(off + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int files_pwritev(void *user, int fd, struct iovec *iov, int n, uint64_t off)
{
	(void)user;
	while (n > 0) {
		ssize_t w = pwritev(fd, iov, MIN(n, IOV_MAX), (off_t)off);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		off += (uint64_t)w;
		while (n > 0 && (size_t)w >= iov->iov_len) {
			w -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + w;
			iov->iov_len -= (size_t)w;
		}
	}
	return 0;
}

static int files_datasync(void *user, int fd)
{
	(void)user;
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int files_allocate(void *user, int fd, uint64_t size)
{
	(void)user;
	/* posix_fallocate writes the blocks itself where the file system can't reserve them. */
	return -posix_fallocate(fd, 0, (off_t)size);
}

static int64_t files_size(void *user, int fd)
{
	struct stat st;

	(void)user;
	return fstat(fd, &st) < 0 ? -errno : st.st_size;
}

static int files_rename(void *user, const char *from, const char *to)
{
	struct files *f = user;

	return renameat(f->dirfd, from, f->dirfd, to) < 0 ? -errno : 0;
}

static int files_unlink(void *user, const char *name)
{
	struct files *f = user;

	return unlinkat(f->dirfd, name, 0) < 0 ? -errno : 0;
}

static int files_sync_dir(void *user)
{
	struct files *f = user;

	return fsync(f->dirfd) < 0 ? -errno : 0;
}

static int files_list(void *user, void (*each)(void *arg, const char *name), void *arg)
{
	struct files *f = user;
	int fd = openat(f->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *de;
	DIR *d;

	if (fd < 0)
		return -errno;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			each(arg, de->d_name);
	closedir(d);
	return 0;
}

static int64_t files_free_bytes(void *user)
{
	struct files *f = user;
	struct statvfs st;

	if (fstatvfs(f->dirfd, &st) < 0)
		return -errno;
	return (int64_t)MIN((uint64_t)st.f_bavail * st.f_frsize, (uint64_t)INT64_MAX);
}

int store_io_files(const char *dir, struct store_io *ret)
{
	struct files *f;
	int fd, r = dir_make(dir, 0700);

	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	f = NEW(struct files);
	f->dirfd = fd;
	*ret = (struct store_io){
		.open = files_open,
		.close = files_close,
		.pread = store_io_pread,
		.pwritev = files_pwritev,
		.datasync = files_datasync,
		.allocate = files_allocate,
		.size = files_size,
		.rename = files_rename,
		.unlink = files_unlink,
		.sync_dir = files_sync_dir,
		.list = files_list,
		.free_bytes = files_free_bytes,
		.user = f,
	};
	return 0;
}

void store_io_files_done(struct store_io *io)
{
	struct files *f = io->user;

	if (f) {
		close(f->dirfd);
		free(f);
	}
	*io = (struct store_io){0};
}
