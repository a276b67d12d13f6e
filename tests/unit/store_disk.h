/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TEST_STORE_DISK_H
#define KNARR_TEST_STORE_DISK_H
#include "master/store/io.h"
/*
 * A disk in memory that behaves as badly as real ones may: at a crash, of what was written since a
 * file's last datasync any 512-byte sectors are lost, and of the directory's changes since its last
 * sync any are. And any call can be made to fail.
 */
struct disk;
struct disk *disk_new(void);
struct disk *disk_free(struct disk *d);
struct store_io disk_io(struct disk *d);
/* What is left after a crash now; `d` goes on by itself. */
struct disk *disk_crashed(struct disk *d, unsigned seed);
/* Fail the n-th call from now (1: the next) with error; 0: none. */
void disk_fail_at(struct disk *d, unsigned n, int error);
unsigned disk_calls(struct disk *d);
/* Name of the function that was made to fail last, or NULL. */
const char *disk_failed(struct disk *d);
/* From now on no space can be reserved, and files that have none reserved can't be written. */
void disk_set_full(struct disk *d, bool full);
void disk_set_free(struct disk *d, int64_t bytes);
/* The bytes of a file, for damaging them; NULL when there is none. */
struct buf *disk_file(struct disk *d, const char *name);
/* First name that begins so and sorts last, or NULL. */
const char *disk_find(struct disk *d, const char *prefix);
#endif
