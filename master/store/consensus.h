/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_CONSENSUS_H
#define KNARR_STORE_CONSENSUS_H
#include "lib/base/err.h"
#include "lib/base/buf.h"
#include "lib/base/list.h"
/*
 * The one place that knows libraft: its pure core raft_step(), fed with events and turned into
 * calls of struct consensus_ops. Nothing here does I/O, starts threads or looks at a clock, so a
 * simulation runs exactly this code. All functions are called from one thread at a time.
 *
 * Times are milliseconds of a clock that never goes back.
 */
struct consensus;

enum log_entry_type {
	LOG_ENTRY_COMMAND = 1, /* a batch of transactions (ops.h) */
	LOG_ENTRY_BARRIER = 2, /* nothing; a new leader's first entry */
	LOG_ENTRY_CONFIG = 3, /* who the voters are; consensus.c alone reads it */
};

/*
 * An entry on its way: made by the main thread (or from a message), stamped with term and index by
 * consensus, written by the writer, and back at the main thread when it is committed.
 */
struct log_entry {
	struct list node; /* of whoever has it */
	struct list write_node; /* the writer's queue */
	uint64_t index, term;
	enum log_entry_type type;
	uint32_t len;
	void *data; /* owned */
	void *user; /* the submitter's; NULL in entries from elsewhere */
	int err; /* refused: -EREMOTE or -EIO, index is 0 */
};
struct log_entry *log_entry_new(enum log_entry_type type, void *take_data, uint32_t len);
void log_entry_free(struct log_entry *e); /* takes NULL */

struct consensus_ops {
	/* Must be durable when it returns 0. A failure ends the process. */
	int (*save_vote)(void *user, uint64_t term, uint64_t voted_for);
	/*
	 * Begin to write the entry at e->index (all from that index on are replaced). When it is
	 * durable, consensus_persisted. Takes e.
	 */
	void (*append)(void *user, struct log_entry *e);
	/* All entries up to `index` are committed. */
	void (*commit)(void *user, uint64_t index);
	/* This server became or stopped being the leader. */
	void (*role)(void *user, bool leader);
	void *user;
};

struct consensus *consensus_new(uint64_t id, const char *address, const struct consensus_ops *ops,
				uint32_t seed);
struct consensus *consensus_free(struct consensus *c);

/* A snapshot's place in the log, and the configuration in force there. */
struct consensus_point {
	uint64_t index, term;
	uint64_t conf_index;
	struct buf conf; /* of a LOG_ENTRY_CONFIG */
};

/*
 * Before the start, once for each entry the log holds, in the order written. An index that goes
 * back takes back what was there. Borrowed.
 */
int consensus_recover(struct consensus *c, uint64_t index, uint64_t term, enum log_entry_type type,
		      const void *data, uint32_t len);
/* The first entry of a new cluster whose only voter is this server. It has index 1, term 1. */
struct log_entry *consensus_bootstrap(struct consensus *c);
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
/* Entries up to `index` are durable here. */
int consensus_persisted(struct consensus *c, uint64_t index, uint64_t now_ms);
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
