/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_WAL_H
#define KNARR_STORE_WAL_H
#include "lib/base/err.h"
#include "master/store/io.h"
/*
 * The log on disk: raft's entries in segments of fixed size that are written over again and again.
 *
 *	log-0000000000000007   log-0000000000000008   log-spare-0
 *	[header | records ...] [header | records ... zeros]  (old bytes)
 *
 * A segment's space is reserved when it is made and its blocks are written ahead with zeros, a few
 * MB at a time, so that a record costs one data write and no metadata. Segments whose entries a
 * snapshot covers become spares and are used again.
 *
 * record, 8-byte aligned, numbers little-endian:
 *	u32 crc		crc32c of all that follows, with the segment's random seed
 *	u32 prev	crc of the record before (0: first in its segment)
 *	u32 length	of the payload
 *	u32 batch	offset in the segment where the write that carried it began
 *	u64 index, u64 term, u8 type, 7 zero bytes, payload, zeros up to 8 bytes
 *
 * What ends the log is the first thing that is no valid continuation of the chain. The seed keeps
 * records of an earlier use of the segment out, `prev` those of a write that was cut off by a crash
 * and then written over. A valid record further on whose `batch` lies beyond that place was
 * written after that place had been synced: then this is no torn tail but damage, and -EBADMSG.
 * A record whose index is not above the last one takes back all entries from that index on; one of
 * type WAL_RESET takes back everything before it.
 *
 * One thread at a time uses a wal (the writer thread), except where noted.
 */
struct wal;

struct wal_entry {
	uint64_t index, term;
	uint8_t type;
	uint32_t len;
	const void *data;
};

/* For each entry found: data is valid during the call. A negative return stops and is returned. */
typedef int (*wal_each)(void *user, const struct wal_entry *e);

#define WAL_RESET 4u /* LOG_ENTRY_RESET */
#define WAL_SEGMENT_MIN (64u << 10)

/*
 * Open the log of `io`'s directory, check every record and call `each` for it, in the order
 * written (so an index may go back; see above). What lies behind the end is forgotten.
 */
int wal_open(const struct store_io *io, size_t segment_bytes, uint64_t seed, wal_each each,
	     void *user, struct wal **ret, struct err *err);
struct wal *wal_close(struct wal *w);

/* The largest payload that fits. */
size_t wal_entry_max(const struct wal *w);
/*
 * Write n entries behind each other and sync. -ENOSPC if there is no segment left (nothing was
 * written then: call again when there is space; wal_space tells before); any other error is fatal:
 * the log must not be used again.
 */
int wal_append(struct wal *w, const struct wal_entry *entries, size_t n);
/*
 * Segments all of whose entries are at or below `index` may be used again. Returns the first index
 * that is still there (0: none).
 */
uint64_t wal_release(struct wal *w, uint64_t index);
/*
 * See to it that a segment is ready for when this one is full; without `now` only when that is half
 * full. Cheap when there is nothing to do. -ENOSPC and the like are no harm yet: call again later.
 */
int wal_prepare(struct wal *w, bool now);
/* Bytes that can be appended without asking the file system for space. From any thread. */
uint64_t wal_space(const struct wal *w);
/* Since wal_open. From any thread. */
void wal_counters(const struct wal *w, uint64_t *entries, uint64_t *bytes, uint64_t *syncs);

/*
 * Read entries [from, to] again, from any thread while none of them is being released. -ENODATA
 * when one is not there.
 */
int wal_read(struct wal *w, uint64_t from, uint64_t to, wal_each each, void *user);
#endif
