/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_BACKUP_H
#define KNARR_STORE_BACKUP_H
#include "master/store/store.h"
/*
 * Backups: everything in the store at one revision, in one file.
 *
 *	"KnarrBk1", u32 length of the header (88), u32 flags (0), u64 cluster, u64 revision,
 *	u64 objects, u64 bytes of them, u64 raft index, u64 raft term, i64 when (Unix seconds),
 *	12 zero bytes, u32 crc32c of the header; then chunks and end as in snapshot.h
 *
 * Who changes the format changes the last character of the magic.
 */
struct store_backup;

struct store_backup_info {
	uint64_t cluster;
	uint64_t rev, objects, bytes;
	uint64_t raft_index, raft_term;
	int64_t taken_s; /* Unix time */
	uint64_t file_bytes; /* of a file that was checked */
	uint64_t sealed; /* objects in it that are; their keys are not */
};

/*
 * A backup of the present state, to be fetched piece by piece while the store goes on; it holds a
 * view. On the loop's thread; store_backup_next may be called on any one thread.
 */
struct store_backup *store_backup_new(struct store *s);
struct store_backup *store_backup_free(struct store_backup *b);
void store_backup_info(const struct store_backup *b, struct store_backup_info *ret);
/* Append the next piece (about 256 KB) to `out`. 1: there is more; 0: that was all;
 * negative: sealing failed. */
int store_backup_next(struct store_backup *b, struct buf *out);

/*
 * Write a backup to `path`, on a thread of libuv's: the file appears under its name (0600) when it
 * is whole and synced; one that is there is replaced. `cb` is called on the loop with 0 and what
 * was saved, or a negative errno and NULL; also after the store was closed meanwhile.
 */
typedef void (*store_backup_cb)(void *user, int err, const struct store_backup_info *info);
void store_backup_save(struct store *s, const char *path, store_backup_cb cb, void *user);

/* ---- without a store; these block ---- */

/* Records of the masters themselves: they are not taken along into another cluster. */
#define STORE_MASTERS_PREFIX "/knarr.io/masters/"
/*
 * How much the revision is raised in a restored cluster, so that no client takes what it knows of
 * the old one for newer than what it is told, and every watch has to begin anew.
 */
#define STORE_REVISION_BUMP 1000000000ull

/*
 * Read a backup whole and check every byte. -EBADMSG: damaged, cut short or none at all; -EPROTO:
 * of a newer format; other errors: not readable. `err` says it in words.
 */
int store_backup_check(const char *path, struct store_backup_info *ret, struct err *err);

struct store_restore {
	const char *dir; /* the store's; must not exist or be empty */
	uint64_t id; /* of the only master of the new cluster */
	const char *address; /* at which it is reached; "" if it is not known yet */
	uint64_t bump; /* see STORE_REVISION_BUMP; 0: none */
	const char *drop_prefix; /* objects left out; NULL: none */
	const struct clock *clock; /* of the new cluster's number; NULL: the system's */
	const struct rng *rng;
};
/*
 * Make a directory that store_open takes for that of a new cluster with this content. It appears
 * under its name when it is complete. `ret` (may be NULL): of what was restored, with its new
 * revision and cluster. -ENOTEMPTY: there is something in it.
 */
int store_restore(const char *path, const struct store_restore *conf, struct store_backup_info *ret,
		  struct err *err);
/*
 * What is in the directory `from` of a master whose others are lost, snapshot and the whole log, as
 * a new cluster. Entries that the others had not confirmed are kept: the lost ones may have.
 * conf->id and address 0 and NULL: as they were. -EWOULDBLOCK: the master runs.
 */
int store_rebuild(const char *from, const struct store_restore *conf, struct store_backup_info *ret,
		  struct err *err);
#endif
