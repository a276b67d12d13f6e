/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_CONSENSUS_INTERNAL_H
#define KNARR_STORE_CONSENSUS_INTERNAL_H
#include "master/store/consensus.h"

#include <raft.h>
/* What consensus.c (life, steps) and consensus_peer.c (messages, reads) share. */

/* A write under way. */
struct flight {
	uint64_t seq, index; /* index 0: the entry was replaced meanwhile */
};

/* A read waiting for a majority. */
struct confirm {
	uint64_t seq, index;
	uint64_t from, from_seq; /* the follower who asks, and its number; 0: this server */
};

struct consensus {
	struct raft raft;
	struct consensus_ops ops;
	bool leader;
	uint64_t snapshot_index;
	uint64_t seq; /* of the last append */
	struct flight *flights; /* oldest first */
	size_t n_flights, cap_flights;
	struct consensus_point *installing; /* or NULL */

	/* Reads, when leading. */
	uint64_t lead_index; /* when this is committed, so is all that ever was before */
	uint64_t confirm_seq;
	struct confirm *confirms;
	size_t n_confirms, cap_confirms;
	struct {
		uint64_t id, seq;
	} acks[CONSENSUS_MEMBERS_MAX];
	size_t n_acks;
	/* Reads, when following: what the leader has been asked, oldest first. */
	uint64_t asked, asked_ms; /* whom; when (UINT64_MAX: since the last message from it) */
	uint64_t *questions;
	size_t n_questions, cap_questions;

	/* Entries being put into messages. */
	struct buf out_bytes;
	struct peer_entry out[PEER_ENTRIES_MAX];
	unsigned n_out;
	/* Until the start: what the log holds. */
	struct raft_entry *found;
	size_t n_found, cap_found;
	uint64_t found_first;
	uint64_t reset_index; /* of the newest LOG_ENTRY_RESET found */
	bool started, cut;
};

/* One step and all that follows from it, in the order raft needs: vote, entries, the rest. */
int consensus_step(struct consensus *c, struct raft_event *ev, uint64_t now_ms);
/* Raft's own decoder reads where the bytes lead it: this one looks first. -EBADMSG. */
int consensus_decode_conf(struct str in, struct raft_configuration *ret);
/* A message that raft wants sent. */
void consensus_send(struct consensus *c, const struct raft_message *m);
const char *consensus_address_of(const struct consensus *c, uint64_t id);
/* Ask the others whether this server leads; answer the reads that can be answered. */
void consensus_ask(struct consensus *c);
void consensus_answer(struct consensus *c);
/* A follower's question may have been lost. */
void consensus_ask_again(struct consensus *c, uint64_t now_ms);
int consensus_receive_read(struct consensus *c, uint64_t from, const struct peer_msg *m);
#endif
