/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_SNAPSHOT_H
#define KNARR_STORE_SNAPSHOT_H
#include "master/store/consensus.h"
#include "master/store/io.h"
#include "master/store/tree.h"

#include <stdatomic.h>
/*
 * Snapshot files "snapshot-INDEX": the whole map as it was after the log entry INDEX.
 *
 *	header	"KnarrSn1", u64 index, term, conf_index, rev, u32 length of conf, u32 crc32c, conf
 *	chunk	u32 length, u32 crc32c (which goes on from the one before), records
 *	...
 *	end	u32 0, u32 crc32c, u64 number of objects
 *	record	u32 key, value, meta lengths, u32 rv_at, u64 rev, create_rev, i64 expires_s, bytes
 *
 * In the length of the key, bit 31 says that the value is sealed (ops.h), bit 30 that the digits of
 * the revision are not in it yet: of an object that could not be read and was kept as it was.
 *
 * Every `seal` may be NULL: nothing is sealed then, and what is sealed is not read but kept.
 *
 * A file has its name only when it is whole and synced; then older ones are removed.
 */
struct snapshot_head {
	struct consensus_point at;
	uint64_t rev;
};
void snapshot_head_done(struct snapshot_head *h);

/*
 * Write the tree below `root` (borrowed; may be another thread's, see tree.h). -ECANCELED when
 * *cancel became true. Leaves no half file behind.
 */
int snapshot_write(const struct store_io *io, const struct store_seal *seal,
		   const struct snapshot_head *h, const struct tree_node *root,
		   const atomic_bool *cancel);
/*
 * Read the newest one: `each` gets every object in key order, borrowed. 1: read; 0: there is none;
 * -EBADMSG: damaged.
 */
int snapshot_read(const struct store_io *io, const struct store_seal *seal,
		  struct snapshot_head *ret, int (*each)(void *user, const struct store_obj *o),
		  void *user, struct err *err);
/* The same of the file `name`, which must be for the index `index` unless that is 0. 0: read. */
int snapshot_read_file(const struct store_io *io, const struct store_seal *seal, const char *name,
		       uint64_t index, struct snapshot_head *ret,
		       int (*each)(void *user, const struct store_obj *o), void *user,
		       struct err *err);
/* A descriptor of the newest one, its place and size. -ENOENT: there is none. */
int snapshot_open(const struct store_io *io, struct consensus_point *ret, uint64_t *ret_size);
/* Give the checked and durable file `name` its own name; durable when it returns 0. */
int snapshot_adopt(const struct store_io *io, const char *name, uint64_t index);

/* ---- the chunks alone, for other files made of them (backup.h) ---- */

/* The tree below `root`, piece by piece; borrows it. */
struct snapshot_encoder {
	struct store_iter it;
	const struct store_seal *seal;
	uint64_t count;
	uint32_t crc; /* begins with that of the header */
	bool ended;
};
void snapshot_encode_begin(struct snapshot_encoder *e, const struct tree_node *root,
			   const struct store_seal *seal, uint32_t head_crc);
/* Append the next chunk (about 256 KB) or the end to `out`. 1: there is more; 0: that was all;
 * negative: it can't be sealed. */
int snapshot_encode_next(struct snapshot_encoder *e, struct buf *out);
/*
 * Read chunks from `off` of a descriptor on, to the end. No object may have a revision above `rev`.
 * `ret_count` is what the end says. -EBADMSG: damaged or cut short, *ret_off tells near where.
 */
int snapshot_decode(const struct store_io *io, const struct store_seal *seal, int fd, uint64_t off,
		    uint32_t head_crc, uint64_t rev,
		    int (*each)(void *user, const struct store_obj *o), void *user,
		    uint64_t *ret_count, uint64_t *ret_off);
#endif
