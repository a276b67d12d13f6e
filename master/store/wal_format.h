/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_WAL_FORMAT_H
#define KNARR_STORE_WAL_FORMAT_H
#include "master/store/wal.h"
/* The bytes of a log segment: headers, and a reader that trusts none of them. See wal.h. */

#define SEG_HEADER 4096u
#define REC_HEADER 40u
#define REC_ALIGN 8u

struct seg_header {
	uint64_t seq;
	uint64_t size; /* of the file */
	uint64_t prev_end; /* where the records of segment seq - 1 end; all of it was synced */
	uint32_t seed;
};
void seg_header_encode(const struct seg_header *h, uint8_t out[SEG_HEADER]);
/* -EBADMSG: none; -EPROTO: of another version. */
int seg_header_decode(const uint8_t in[SEG_HEADER], struct seg_header *ret);

struct rec {
	struct wal_entry e; /* data points into the reader's memory */
	uint32_t crc, prev, batch;
};
static inline size_t rec_size(uint32_t len)
{
	return (REC_HEADER + (size_t)len + REC_ALIGN - 1) & ~(size_t)(REC_ALIGN - 1);
}
/* Fills out with the header of `e` and returns its crc. */
uint32_t rec_encode(const struct wal_entry *e, uint32_t seed, uint32_t prev, uint32_t batch,
		    uint8_t out[REC_HEADER]);

/* Reads records of one segment through a small buffer. */
struct rec_reader {
	const struct store_io *io;
	int fd;
	uint32_t seed;
	uint64_t size;
	/* A piece of the file: bytes [at, at + len). */
	uint8_t *buf;
	size_t cap, len;
	uint64_t at;
};
void rec_reader_init(struct rec_reader *r, const struct store_io *io, int fd,
		     const struct seg_header *h);
void rec_reader_done(struct rec_reader *r);
/*
 * The record at `off`. 1: there is one; 0: no valid record of this segment's present use; negative:
 * the file can't be read.
 */
int rec_read(struct rec_reader *r, uint64_t off, struct rec *ret);
/*
 * Is there, somewhere behind `end`, a record whose write began behind `end`, after what is before
 * it had been synced? 1, 0, or an error.
 */
int rec_find_later(struct rec_reader *r, uint64_t end);
#endif
