/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_SHIP_H
#define KNARR_STORE_SHIP_H
#include "master/store/consensus.h"
#include "master/store/io.h"
/*
 * Carrying a snapshot file to a master that is further behind than the log goes.
 *
 *	leader                                    follower
 *	  |-- PEER_SNAPSHOT offset 0, no data  -->|  what do you have of it?
 *	  |<-- PEER_SNAPSHOT_RESULT have 0 -------|
 *	  |-- offset 0, 512 KB ------------------>|  written to SHIP_FILE
 *	  |<-- have 512K -------------------------|
 *	  |   ...                                 |
 *	  |-- the last chunk -------------------->|  synced, checked as a whole (ops.check), then
 *	  |<-- have all --------------------------|  offered to raft, which has it installed or not
 *
 * One chunk is under way at a time, so heartbeats wait behind at most one. A chunk is said again
 * until it is answered; only an answer that moves the place is acted upon, so that repeated
 * messages stay single. What has been received stays when the leader changes: snapshots of one
 * place are the same bytes everywhere, and the checksum over the whole file finds out if not.
 *
 * No threads and no clock in here: the user calls with the time, and with one thread at a time.
 */
#define SHIP_FILE "snapshot.in"
#define SHIP_CHUNK (512u << 10)
#define SHIP_ALL (UINT64_MAX / 2 - 1) /* "have": the follower needs nothing of this */
#define SHIP_ADDRESS_MAX 128u

struct ship_ops {
	void (*send)(void *user, uint64_t to, const char *address, const struct peer_msg *m);
	/*
	 * The newest snapshot: a descriptor of io that stays readable, its place (conf: a buffer
	 * that is not initialised yet) and its size. -ENOENT: there is none.
	 */
	int (*open)(void *user, struct consensus_point *ret_at, uint64_t *ret_size);
	/*
	 * Is SHIP_FILE, which is durable, a whole snapshot at this place? -EBADMSG and -EPROTO: it
	 * is not. Other errors are fatal.
	 */
	int (*check)(void *user, const struct consensus_point *at);
	/* It is: hand it to consensus_receive as coming from `from`; then ship_in_verdict. */
	void (*offer)(void *user, uint64_t from, uint64_t term, const struct consensus_point *at);
	/* What ops.check made of it is not needed. May be NULL. */
	void (*forget)(void *user);
	void *user;
};

/* ---- a leader's stream to one follower ---- */

struct ship_out {
	const struct store_io *io;
	const struct ship_ops *ops;
	size_t chunk;
	unsigned retry_ms;
	uint64_t to, term;
	char address[SHIP_ADDRESS_MAX];
	int fd; /* -1: nothing under way */
	uint64_t size, at; /* of the file; where the chunk under way begins */
	bool asking; /* the first question is not answered */
	uint64_t sent_ms;
	unsigned tries;
	struct consensus_point place;
	struct buf b;
};
void ship_out_init(struct ship_out *o, const struct store_io *io, const struct ship_ops *ops,
		   size_t chunk, unsigned retry_ms);
void ship_out_end(struct ship_out *o); /* also when nothing is under way */
static inline bool ship_out_runs(const struct ship_out *o)
{
	return o->fd >= 0;
}
/*
 * Raft wants `to` to have a snapshot. While one is on its way that only renews term and address.
 * -ENOENT: there is none; other errors: it can't be read.
 */
int ship_out_begin(struct ship_out *o, uint64_t to, const char *address, uint64_t term,
		   uint64_t now_ms);
/* A PEER_SNAPSHOT_RESULT of this follower. Errors: the file can't be read; the stream has ended. */
int ship_out_result(struct ship_out *o, const struct peer_msg *m, uint64_t now_ms);
int ship_out_tick(struct ship_out *o, uint64_t now_ms);
uint64_t ship_out_timeout(const struct ship_out *o); /* UINT64_MAX: none */

/* ---- what a follower receives ---- */

enum ship_in_state {
	SHIP_IN_IDLE,
	SHIP_IN_FILLING,
	SHIP_IN_OFFERED, /* whole, checked, raft is being asked */
	SHIP_IN_INSTALLING, /* raft wants it; until ship_in_installed */
};
struct ship_in {
	const struct store_io *io;
	const struct ship_ops *ops;
	uint64_t reserve_bytes;
	enum ship_in_state state;
	uint64_t from, term; /* of the newest leader heard of */
	uint64_t filling_term, offered_term; /* of the last chunk; of the offer */
	struct consensus_point place;
	int fd;
	uint64_t have, unsynced;
	uint64_t done_index; /* of the last one installed */
	uint64_t refuse_until_ms; /* the disk is full */
};
void ship_in_init(struct ship_in *in, const struct store_io *io, const struct ship_ops *ops,
		  uint64_t reserve_bytes);
void ship_in_end(struct ship_in *in);
/*
 * A PEER_SNAPSHOT. Negative: the disk failed, which is fatal. A full disk is not: the chunk is not
 * answered, and comes again.
 */
int ship_in_chunk(struct ship_in *in, uint64_t from, const struct peer_msg *m, uint64_t now_ms);
/* What consensus made of the offer. `installing`: ops.install was called. */
void ship_in_verdict(struct ship_in *in, bool installing);
/* SHIP_FILE has been given its own name and is in force. */
void ship_in_installed(struct ship_in *in);
#endif
