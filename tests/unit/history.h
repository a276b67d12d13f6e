/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TEST_HISTORY_H
#define KNARR_TEST_HISTORY_H
#include "lib/base/buf.h"

#include <sys/types.h>
/*
 * Histories of several masters: what clients asked and were answered, what watchers saw, on one
 * clock; and whether that can be.
 *
 * Keys are registers, written by compare-and-put only, each time with a value nobody else writes
 * (the number of the operation). The store numbers all changes, so the order of all writes is known
 * when the watchers are put together, and a history is right (linearizable, and complete) if
 *
 *  - each acknowledged write is in the order, at its revision, right behind the revision of its key
 *    that it was conditional on; nothing is in it that was refused for certain;
 *  - no operation stands in that order before one that had been answered when it began: a read (or
 * a refusal, which tells the present revision) stands behind the write it shows, before the next
 *    one to its key;
 *  - each watcher saw all revisions from where it began, in order, and what was seen is the same
 *    for all.
 */
#define HISTORY_KEYS 12u

enum history_kind {
	HIST_BEGIN, /* op, key, what, expect, t */
	HIST_END, /* op, outcome, rev, value, t */
	HIST_SEES, /* from here on watcher `op` has all that comes behind rev */
	HIST_EVENT, /* watcher `op`: rev, key, value */
	HIST_STATE, /* at the end: node, key, rev, value */
	HIST_ROLE, /* node leads (rev 1) or not */
	HIST_DONE, /* node has done a command: outcome is its errno */
};
enum history_what { HIST_CAS, HIST_READ };
enum history_outcome {
	HIST_OK, /* CAS: rev is its revision; READ: rev and value of the key, 0: absent */
	HIST_REFUSED, /* CAS: not done; rev is the present revision of the key if `seen` */
	HIST_UNKNOWN,
};

/* One line of a history; smaller than PIPE_BUF, so that a pipe of many writers keeps it whole. */
struct history_rec {
	uint8_t kind, what, outcome, seen;
	uint32_t node, key;
	int32_t err;
	uint64_t op, expect, rev, value, t_ns;
};

struct history {
	struct history_rec *v;
	size_t n, cap;
};
void history_add(struct history *h, const struct history_rec *r);
void history_done(struct history *h);

struct history_stats {
	size_t writes, reads, refused, unknown, unknown_done, events, watchers;
	uint64_t last_rev;
};
/* Whether it can be; if not, `why` says what is wrong. */
bool history_check(const struct history *h, struct history_stats *ret, struct buf *why);

/* ---- a master as a process, with clients (history_node.c) ---- */

#define HISTORY_SLOTS 5u /* addresses; the master with id i is at slot (i - 1) % HISTORY_SLOTS */

enum node_command_type {
	NODE_CUT, /* a: slots it cannot send to, b: slots it hears nothing of (bits) */
	NODE_DISK, /* a: full, b: milliseconds each sync takes */
	NODE_CLOCK, /* a: seconds by which the wall clock is wrong */
	NODE_QUIET, /* no new operations; then HIST_DONE when all are answered */
	NODE_STATE, /* read all keys, consistently: HIST_STATE, then HIST_DONE */
	NODE_ADD, /* a: id, as stand-by */
	NODE_PROMOTE, /* a: id */
	NODE_REMOVE, /* a: id */
	NODE_TRANSFER,
};
struct node_command {
	uint32_t type;
	int64_t a, b;
};
struct node_conf {
	uint64_t id;
	uint32_t life; /* of the process: differs each time */
	bool join;
	const char *dir; /* of all; the node's is dir/SLOT */
	uint16_t ports[HISTORY_SLOTS];
	unsigned voters; /* at first: the ids 1 to this */
	struct str ca_cert, ca_key; /* PEM */
	uint64_t seed;
	unsigned clients;
	int out, in; /* history_rec and node_command go here */
};
void history_node_run(const struct node_conf *conf) __attribute__((noreturn));
#endif
