/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_IO_H
#define KNARR_STORE_IO_H
#include "lib/base/buf.h"

#include <sys/uio.h>
/*
 * Every file call of the store goes through this table, so that tests can lose or tear what was
 * not synced, and fail any call. All names are plain names inside the store's one directory. All
 * functions block, are called from several threads (never two on one descriptor at a time, except
 * reads) and return 0 or more, or a negative errno.
 */
struct store_io {
	/* flags: O_RDONLY or O_RDWR, with O_CREAT and O_TRUNC. A descriptor. */
	int (*open)(void *user, const char *name, int flags);
	void (*close)(void *user, int fd);
	/* All of len unless the file ends before; how much was read. */
	ssize_t (*pread)(void *user, int fd, void *p, size_t len, uint64_t off);
	/* All of it. iov may be changed by the call. */
	int (*pwritev)(void *user, int fd, struct iovec *iov, int n, uint64_t off);
	/* Data and size are durable when it returns 0. Never called again after a failure. */
	int (*datasync)(void *user, int fd);
	/* Reserve space for bytes [0, size) and make that the file's size. */
	int (*allocate)(void *user, int fd, uint64_t size);
	int64_t (*size)(void *user, int fd);
	int (*rename)(void *user, const char *from, const char *to);
	int (*unlink)(void *user, const char *name);
	int (*sync_dir)(void *user); /* names made, renamed and removed are durable */
	int (*list)(void *user, void (*each)(void *arg, const char *name), void *arg);
	int64_t (*free_bytes)(void *user); /* for files of this directory */
	void *user;
};

/*
 * Real files: fills *ret; `user` holds a descriptor of `dir`, which is made (0700) if absent and
 * locked with flock. -EWOULDBLOCK when another process has it.
 */
int store_io_files(const char *dir, struct store_io *ret);
void store_io_files_done(struct store_io *io);
/* Its pread, which needs nothing but the descriptor. */
ssize_t store_io_pread(void *user, int fd, void *p, size_t len, uint64_t off);

static inline int io_pwrite(const struct store_io *io, int fd, const void *p, size_t len,
			    uint64_t off)
{
	struct iovec v = {(void *)(uintptr_t)p, len};

	return io->pwritev(io->user, fd, &v, 1, off);
}
#endif
