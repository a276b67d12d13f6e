/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TEST_FAULTY_DISK_H
#define KNARR_TEST_FAULTY_DISK_H
#include "master/store/io.h"

#include <stdatomic.h>
#include <unistd.h>
/* Real files, on a disk that can be full, slow, or broken: the fields may be set at any time. */
struct faulty_disk {
	struct store_io files;
	atomic_bool full; /* nothing can be reserved or grow */
	atomic_int fail; /* errno of every write and sync */
	atomic_uint slow_ms; /* each sync takes so long */
};

#define FILES(user) (&((struct faulty_disk *)(user))->files)

static inline int dk_open(void *user, const char *name, int flags)
{
	return FILES(user)->open(FILES(user)->user, name, flags);
}

static inline void dk_close(void *user, int fd)
{
	FILES(user)->close(FILES(user)->user, fd);
}

static inline ssize_t dk_pread(void *user, int fd, void *p, size_t len, uint64_t off)
{
	return FILES(user)->pread(FILES(user)->user, fd, p, len, off);
}

static inline int dk_pwritev(void *user, int fd, struct iovec *iov, int n, uint64_t off)
{
	struct faulty_disk *m = user;
	int64_t size = m->files.size(m->files.user, fd);
	uint64_t end = off;

	for (int i = 0; i < n; i++)
		end += iov[i].iov_len;
	if (atomic_load(&m->fail))
		return -atomic_load(&m->fail);
	if (atomic_load(&m->full) && end > (uint64_t)size)
		return -ENOSPC;
	return m->files.pwritev(m->files.user, fd, iov, n, off);
}

static inline int dk_datasync(void *user, int fd)
{
	struct faulty_disk *m = user;

	if (atomic_load(&m->slow_ms))
		usleep(1000 * atomic_load(&m->slow_ms));
	if (atomic_load(&m->fail))
		return -atomic_load(&m->fail);
	return m->files.datasync(m->files.user, fd);
}

static inline int dk_allocate(void *user, int fd, uint64_t size)
{
	struct faulty_disk *m = user;

	return atomic_load(&m->full) ? -ENOSPC : m->files.allocate(m->files.user, fd, size);
}

static inline int64_t dk_size(void *user, int fd)
{
	return FILES(user)->size(FILES(user)->user, fd);
}

static inline int dk_rename(void *user, const char *from, const char *to)
{
	return FILES(user)->rename(FILES(user)->user, from, to);
}

static inline int dk_unlink(void *user, const char *name)
{
	return FILES(user)->unlink(FILES(user)->user, name);
}

static inline int dk_sync_dir(void *user)
{
	return FILES(user)->sync_dir(FILES(user)->user);
}

static inline int dk_list(void *user, void (*each)(void *arg, const char *name), void *arg)
{
	return FILES(user)->list(FILES(user)->user, each, arg);
}

static inline int64_t dk_free_bytes(void *user)
{
	struct faulty_disk *m = user;

	return atomic_load(&m->full) ? 0 : m->files.free_bytes(m->files.user);
}

/* d->files has been opened by store_io_files; `d` must stay where it is. */
static inline struct store_io faulty_io(struct faulty_disk *d)
{
	return (struct store_io){dk_open,     dk_close,      dk_pread,  dk_pwritev, dk_datasync,
				 dk_allocate, dk_size,       dk_rename, dk_unlink,  dk_sync_dir,
				 dk_list,     dk_free_bytes, d};
}
#endif
