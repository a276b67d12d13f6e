/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_PEER_MSG_H
#define KNARR_STORE_PEER_MSG_H
#include "lib/base/buf.h"
/*
 * What masters say to each other: raft's messages, and the question by which a leader makes sure
 * that it still is one before it answers a read. One message is one frame of the transport; all
 * numbers are little-endian.
 *
 *	u8 version (1), u8 type, u8 flags, u8 0, u32 count, u64 term, u64 a, u64 b, u64 c
 *	APPEND	  count entries: u64 term, u32 length, u8 type, 3 zero bytes, bytes
 *	SNAPSHOT  u64 offset, u32 length of conf, u32 length of data, conf, data
 *
 * A message with anything else in it, a flag that its type doesn't have, or a byte too many is
 * malformed as a whole.
 */
enum peer_msg_type {
	PEER_APPEND = 1,
	PEER_APPEND_RESULT,
	PEER_VOTE,
	PEER_VOTE_RESULT,
	PEER_SNAPSHOT,
	PEER_TIMEOUT_NOW,
	PEER_CONFIRM, /* do you still follow me? (read index) */
	PEER_CONFIRM_RESULT,
	PEER_SNAPSHOT_RESULT, /* how much of it is there (ship.h) */
	PEER_READ_INDEX, /* a follower's: what must I have applied to answer a read? */
	PEER_READ_INDEX_RESULT,
	PEER_MSG_MAX,
	PEER_MSG_INVALID = -EINVAL,
};

#define PEER_MSG_VERSION 1u
#define PEER_MSG_HEAD 40u
#define PEER_ENTRIES_MAX 64u
/* An entry is at most one transaction of STORE_TXN_BYTES_MAX and what is queued beside it. */
#define PEER_MSG_BYTES_MAX (40u << 20)
#define PEER_CONF_MAX (64u << 10)

struct peer_entry {
	uint64_t term;
	uint8_t type; /* enum log_entry_type */
	struct str data;
};

struct peer_msg {
	enum peer_msg_type type;
	uint64_t term;
	union {
		struct {
			uint64_t prev_index, prev_term, commit;
			const struct peer_entry *entries;
			uint32_t n_entries;
		} append;
		struct {
			uint64_t rejected, last_index; /* rejected 0: taken */
		} append_result;
		struct {
			uint64_t candidate, last_index, last_term;
			bool disrupt, pre;
		} vote;
		struct {
			bool granted, pre;
		} vote_result;
		struct { /* a chunk of one */
			uint64_t last_index, last_term, conf_index, offset;
			struct str conf, data;
			bool last;
		} snapshot;
		struct {
			uint64_t last_index, last_term;
		} timeout_now;
		struct {
			uint64_t seq;
		} confirm; /* and its result; and PEER_READ_INDEX */
		struct {
			uint64_t last_index, last_term, have;
			bool again; /* `have` may be less than it was */
		} snapshot_result;
		struct {
			uint64_t seq, index;
			bool ok; /* else: not from me, ask the leader */
		} read_index_result;
	};
};

/* Append the message to `out`; strings and entries are copied. */
void peer_msg_encode(const struct peer_msg *m, struct buf *out);
/*
 * Take a whole message apart. Strings point into `in`; `entries` has room for PEER_ENTRIES_MAX and
 * is what ret->append.entries points to. -EPROTO: another version; -EBADMSG: malformed. What is let
 * through obeys what raft takes for granted: terms are not 0 and don't fall, an index and its term
 * are both 0 or neither, no entry is newer than the message's term.
 */
int peer_msg_decode(struct str in, struct peer_entry *entries, struct peer_msg *ret);
#endif
