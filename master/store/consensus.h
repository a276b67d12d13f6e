/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_CONSENSUS_H
#define KNARR_STORE_CONSENSUS_H
#include "lib/base/err.h"
#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "master/store/peer_msg.h"
/*
 * The one place that knows libraft: its pure core raft_step(), fed with events and turned into
 * calls of struct consensus_ops. Nothing here does I/O, starts threads or looks at a clock, so a
 * simulation runs exactly this code. All functions are called from one thread at a time.
 *
 * Times are milliseconds of a clock that never goes back.
 */
struct consensus;

#define CONSENSUS_MEMBERS_MAX 32u

enum log_entry_type {
	LOG_ENTRY_COMMAND = 1, /* a batch of transactions (ops.h) */
	LOG_ENTRY_BARRIER = 2, /* nothing; a new leader's first entry */
	LOG_ENTRY_CONFIG = 3, /* who the voters are; consensus.c alone reads it */
	/*
	 * In the log on disk only: a snapshot at this index and term was installed, and none of
	 * what stands before counts. No raft entry, and never sent.
	 */
	LOG_ENTRY_RESET = 4,
};

/*
 * An entry on its way: made by the main thread (or from a message), stamped with term and index by
 * consensus, written by the writer, and back at the main thread when it is committed.
 */
struct log_entry {
	struct list node; /* of whoever has it */
	struct list write_node; /* the writer's queue */
	uint64_t index, term;
	uint64_t seq; /* of the write, for consensus_written; rises by one with each append */
	enum log_entry_type type;
	uint32_t len;
	void *data; /* owned */
	void *user; /* the submitter's; NULL in entries from elsewhere */
	int err; /* refused: -EREMOTE or -EIO, index is 0 */
};
struct log_entry *log_entry_new(enum log_entry_type type, void *take_data, uint32_t len);
void log_entry_free(struct log_entry *e); /* takes NULL */

/* A snapshot's place in the log, and the configuration in force there. */
struct consensus_point {
	uint64_t index, term;
	uint64_t conf_index;
	struct buf conf; /* of a LOG_ENTRY_CONFIG */
};

/* An entry read back; borrowed. A negative return stops and is returned. */
typedef int (*consensus_each)(void *arg, const struct peer_entry *e);

struct consensus_ops {
	/* Must be durable when it returns 0. A failure ends the process. */
	int (*save_vote)(void *user, uint64_t term, uint64_t voted_for);
	/*
	 * Begin to write the entry at e->index (all from that index on are replaced). Entries are
	 * written in the order of these calls; when they are durable, consensus_written. Takes e.
	 */
	void (*append)(void *user, struct log_entry *e);
	/* All entries up to `index` are committed. */
	void (*commit)(void *user, uint64_t index);
	/* This server became or stopped being the leader. */
	void (*role)(void *user, bool leader);
	/*
	 * The rest is needed only where there are other servers.
	 *
	 * Queue a message for server `to`; it may be lost. Borrowed.
	 */
	void (*send)(void *user, uint64_t to, const char *address, const struct peer_msg *m);
	/* Call each for the entries [from, to], appended or recovered. -ENODATA: not there. */
	int (*read)(void *user, uint64_t from, uint64_t to, consensus_each each, void *arg);
	/*
	 * Server `to` needs a snapshot: send it the newest one in PEER_SNAPSHOT messages of this
	 * term. Asked again while that goes on, do nothing.
	 */
	void (*send_snapshot)(void *user, uint64_t to, const char *address, uint64_t term);
	/*
	 * Make the snapshot whose last chunk has been received the only content of this server:
	 * state, snapshot and an empty log behind it. Then consensus_installed. What is still being
	 * written to the log is of no more interest. `p` is borrowed.
	 */
	void (*install)(void *user, const struct consensus_point *p, struct str data);
	/*
	 * The answer to consensus_confirm: err 0, and a read is right from a state that has
	 * applied `index`; or -EREMOTE.
	 */
	void (*confirmed)(void *user, uint64_t seq, uint64_t index, int err);
	void *user;
};

struct consensus *consensus_new(uint64_t id, const char *address, const struct consensus_ops *ops,
				uint32_t seed);
struct consensus *consensus_free(struct consensus *c);

/* [200, 40]. Before the start. */
void consensus_set_timeouts(struct consensus *c, unsigned election_ms, unsigned heartbeat_ms);

/*
 * Before the start, once for each entry the log holds, in the order written. An index that goes
 * back takes back what was there. Borrowed.
 */
int consensus_recover(struct consensus *c, uint64_t index, uint64_t term, enum log_entry_type type,
		      const void *data, uint32_t len);
/* The first entry of a new cluster whose only voter is this server. It has index 1, term 1. */
struct log_entry *consensus_bootstrap(struct consensus *c);

enum member_role { MEMBER_STANDBY, MEMBER_VOTER, MEMBER_SPARE }; /* as in the configuration */
struct consensus_member {
	uint64_t id;
	const char *address;
	enum member_role role;
};
/* The bytes of a LOG_ENTRY_CONFIG. -EINVAL: the same id or address twice, or an id of 0. */
int consensus_conf_encode(const struct consensus_member *m, size_t n, struct buf *out);
/* The same as an entry; NULL for -EINVAL. */
struct log_entry *consensus_conf_entry(const struct consensus_member *m, size_t n);
/* Up to `max` members of such bytes, which the addresses point into; how many. */
size_t consensus_conf_members(struct str conf, struct consensus_member *ret, size_t max);
/* Whether these are such bytes: nothing else is ever given to raft. */
bool consensus_conf_valid(struct str conf);
/*
 * After the start: the log on disk holds entries that the snapshot has made void, so that a
 * LOG_ENTRY_RESET has to be written before the next entry.
 */
bool consensus_was_cut(const struct consensus *c);
/* Whether consensus_recover was never called. */
bool consensus_is_empty(const struct consensus *c);
/*
 * Start from what was recovered. `point` may be NULL. With a single voter the ops commit and role
 * are called from within. -EBADMSG when log and snapshot don't meet.
 */
int consensus_start(struct consensus *c, uint64_t term, uint64_t voted_for,
		    const struct consensus_point *point, uint64_t now_ms, struct err *err);

/* A leader's new entry: stamped and handed to ops.append. -EREMOTE: not the leader; e is untouched.
 */
int consensus_submit(struct consensus *c, struct log_entry *e, uint64_t now_ms);
/* All entries up to the one with this seq are durable here (which may have been replaced since). */
int consensus_written(struct consensus *c, uint64_t seq, uint64_t now_ms);
/*
 * A message from server `from`, decoded by peer_msg_decode. -EBADMSG: it cannot be from a server
 * that keeps the rules; nothing was done. Other errors are fatal.
 */
int consensus_receive(struct consensus *c, uint64_t from, const struct peer_msg *m,
		      uint64_t now_ms);
/* The snapshot given to ops.install is durable and in force. */
int consensus_installed(struct consensus *c, uint64_t now_ms);

/*
 * Read index (Raft dissertation 6.4): a leader asks a majority whether it is still the leader, a
 * follower asks the leader to do so. ops.confirmed is called with *ret_seq, perhaps from within.
 * -EREMOTE: nobody is known to lead; in ops.confirmed: the leader changed, ask again.
 */
int consensus_confirm(struct consensus *c, uint64_t *ret_seq);
/*
 * Change the members, one at a time: role of `id` (added if new), or its removal. -EREMOTE: not the
 * leader. -EBUSY: another change is under way. -EAGAIN: a server becomes a voter only when it knows
 * that it is a member, and when most of the voters there would be know the configuration in force;
 * it has not come so far yet. -ENOENT, -EINVAL: no such member, or nothing to change, or no voter
 * would be left.
 */
int consensus_set_member(struct consensus *c, const struct consensus_member *m, uint64_t now_ms);
int consensus_remove_member(struct consensus *c, uint64_t id, uint64_t now_ms);
/* Hand leadership to another voter (0: the one that is furthest). -EREMOTE, -ENOENT. */
int consensus_transfer(struct consensus *c, uint64_t id, uint64_t now_ms);
/* The members as far as known here, committed or not. Borrowed until the next step. */
size_t consensus_members(const struct consensus *c, struct consensus_member *ret, size_t max);
uint64_t consensus_id(const struct consensus *c);
bool consensus_is_leader(const struct consensus *c);
uint64_t consensus_leader(const struct consensus *c); /* 0: unknown */
/* Entries up to here are durable on this server. */
uint64_t consensus_durable(const struct consensus *c);
/* Index of the newest configuration that is known to be committed. */
uint64_t consensus_configuration(const struct consensus *c);
/* How far a member is, when this is the leader; 0: unknown. */
uint64_t consensus_match(const struct consensus *c, uint64_t id);
/* A committed LOG_ENTRY_CONFIG was reached. */
int consensus_configured(struct consensus *c, uint64_t index, const void *data, uint32_t len,
			 uint64_t now_ms);
/* A snapshot at `p` is durable; the log still has entries from `first_index` on (0: none). */
int consensus_snapshotted(struct consensus *c, const struct consensus_point *p,
			  uint64_t first_index, uint64_t now_ms);
/* When consensus_timeout has come. */
int consensus_tick(struct consensus *c, uint64_t now_ms);
/* UINT64_MAX when nothing has to be done: the only voter needs no clock. */
uint64_t consensus_timeout(const struct consensus *c);
uint64_t consensus_last_index(const struct consensus *c);
uint64_t consensus_term(const struct consensus *c);
const char *consensus_errmsg(const struct consensus *c);
#endif
