/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_FILE_H
#define KNARR_FILE_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/* Files and directories. All descriptors are O_CLOEXEC. Everything here blocks. */

/*
 * Read a whole file (appended to out). -EFBIG when it is longer than max: a size from outside is
 * always bounded. `dirfd` may be AT_FDCWD.
 */
int file_read(int dirfd, const char *path, size_t max, struct buf *out);
/* The same of an open descriptor, to its end. */
int fd_read_all(int fd, size_t max, struct buf *out);
/*
 * Replace a file in one step: temporary file beside it, fsync, rename, fsync of the directory.
 * After success the new content survives a power cut; after failure the old one is untouched.
 */
int file_write_atomic(int dirfd, const char *path, struct str content, mode_t mode);
/* Write all of it, through EINTR and short writes. */
int fd_write_all(int fd, const void *p, size_t len);
/* mkdir -p; -EEXIST only if something other than a directory is in the way. */
int dir_make(const char *path, mode_t mode);
/*
 * Remove a tree beneath dirfd, never following a symbolic link or crossing a mount. 0 when it was
 * not there.
 */
int dir_remove_tree(int dirfd, const char *path);
#endif
