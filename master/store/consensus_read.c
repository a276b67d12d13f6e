/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/consensus_internal.h"

/*
 * Reads without writing to the log. A leader asks the voters whether it still leads (read index,
 * Raft dissertation 6.4); a follower asks the leader, which does that for it, and waits until it
 * has applied as much.
 */
#define CONFIRMS_MAX 4096u

static uint64_t ack_of(const struct consensus *c, uint64_t id)
{
	for (size_t i = 0; i < c->n_acks; i++)
		if (c->acks[i].id == id)
			return c->acks[i].seq;
	return 0;
}

/* The newest question that a majority of the voters has answered with yes. */
static uint64_t confirmed_seq(const struct consensus *c)
{
	const struct raft_configuration *conf = &c->raft.configuration;
	uint64_t best = 0;

	for (unsigned i = 0; i < conf->n; i++) {
		uint64_t seq = conf->servers[i].id == c->raft.id ? c->confirm_seq
								 : ack_of(c, conf->servers[i].id);
		unsigned yes = 0, voters = 0;

		for (unsigned k = 0; k < conf->n; k++) {
			uint64_t id = conf->servers[k].id;

			if (conf->servers[k].role != RAFT_VOTER)
				continue;
			voters++;
			yes += (id == c->raft.id ? c->confirm_seq : ack_of(c, id)) >= seq;
		}
		if (yes > voters / 2)
			best = MAX(best, seq);
	}
	return best;
}

void consensus_ask(struct consensus *c)
{
	const struct raft_configuration *conf = &c->raft.configuration;
	struct peer_msg m = {.type = PEER_CONFIRM, .term = raft_current_term(&c->raft)};

	m.confirm.seq = c->confirm_seq;
	for (unsigned i = 0; i < conf->n; i++)
		if (conf->servers[i].role == RAFT_VOTER && conf->servers[i].id != c->raft.id)
			c->ops.send(c->ops.user, conf->servers[i].id, conf->servers[i].address, &m);
}

/* ---- a follower's questions ---- */

static void ask_leader(struct consensus *c)
{
	struct peer_msg m = {.type = PEER_READ_INDEX, .term = raft_current_term(&c->raft)};

	m.confirm.seq = c->questions[c->n_questions - 1];
	c->asked_ms = UINT64_MAX;
	c->ops.send(c->ops.user, c->asked, consensus_address_of(c, c->asked), &m);
}

void consensus_ask_again(struct consensus *c, uint64_t now_ms)
{
	if (!c->n_questions)
		return;
	if (c->asked_ms == UINT64_MAX)
		c->asked_ms = now_ms;
	else if (now_ms - c->asked_ms >= c->raft.heartbeat_timeout)
		ask_leader(c);
}

/* All up to this one are answered: what was found out for it is true for earlier ones as well. */
static void end_questions(struct consensus *c, uint64_t seq, uint64_t index, int err)
{
	while (c->n_questions && c->questions[0] <= seq) {
		uint64_t one = c->questions[0];

		c->n_questions--;
		memmove(c->questions, c->questions + 1, c->n_questions * sizeof(one));
		c->ops.confirmed(c->ops.user, one, index, err);
	}
}

/* Else it is late, or even for a question of an earlier life. */
static bool is_pending(const struct consensus *c, uint64_t seq)
{
	for (size_t i = 0; i < c->n_questions; i++)
		if (c->questions[i] == seq)
			return true;
	return false;
}

/* ---- answers ---- */

static void tell(struct consensus *c, const struct confirm *q, int err)
{
	uint64_t index = MAX(q->index, err ? 0 : c->lead_index);
	struct peer_msg m = {.type = PEER_READ_INDEX_RESULT, .term = raft_current_term(&c->raft)};

	if (!q->from) {
		c->ops.confirmed(c->ops.user, q->seq, index, err);
		return;
	}
	m.read_index_result.seq = q->from_seq;
	m.read_index_result.index = err ? 0 : index;
	m.read_index_result.ok = err == 0;
	c->ops.send(c->ops.user, q->from, consensus_address_of(c, q->from), &m);
}

/* Answer the reads that can be answered; all of them with -EREMOTE when no longer leading. */
void consensus_answer(struct consensus *c)
{
	uint64_t upto = c->leader ? confirmed_seq(c) : UINT64_MAX;

	if (c->n_questions && consensus_leader(c) != c->asked)
		end_questions(c, UINT64_MAX, 0, -EREMOTE);
	if (c->leader && raft_commit_index(&c->raft) < c->lead_index)
		return;
	while (c->n_confirms && c->confirms[0].seq <= upto) {
		struct confirm q = c->confirms[0];

		c->n_confirms--;
		memmove(c->confirms, c->confirms + 1, c->n_confirms * sizeof(q));
		tell(c, &q, c->leader ? 0 : -EREMOTE);
	}
}

static void confirm(struct consensus *c, uint64_t from, uint64_t from_seq)
{
	*ARRAY_PUSH(c->confirms, c->n_confirms, c->cap_confirms) =
		(struct confirm){++c->confirm_seq, raft_commit_index(&c->raft), from, from_seq};
	consensus_ask(c);
	consensus_answer(c);
}

int consensus_confirm(struct consensus *c, uint64_t *ret_seq)
{
	uint64_t leader = consensus_leader(c);

	if (!leader)
		return -EREMOTE;
	if (c->leader) {
		*ret_seq = c->confirm_seq + 1;
		confirm(c, 0, 0);
		return 0;
	}
	*ret_seq = ++c->confirm_seq;
	c->asked = leader;
	*ARRAY_PUSH(c->questions, c->n_questions, c->cap_questions) = *ret_seq;
	ask_leader(c);
	return 0;
}

/* A follower's question; it may have been heard before. */
static void receive_question(struct consensus *c, uint64_t from, const struct peer_msg *m)
{
	if (!c->leader) {
		tell(c, &(struct confirm){.from = from, .from_seq = m->confirm.seq}, -EREMOTE);
		return;
	}
	for (size_t i = 0; i < c->n_confirms; i++)
		if (c->confirms[i].from == from && c->confirms[i].from_seq == m->confirm.seq)
			return;
	if (c->n_confirms < CONFIRMS_MAX)
		confirm(c, from, m->confirm.seq);
}

int consensus_receive_read(struct consensus *c, uint64_t from, const struct peer_msg *m)
{
	uint64_t term = raft_current_term(&c->raft);

	if (m->type == PEER_READ_INDEX)
		receive_question(c, from, m);
	if (m->type == PEER_READ_INDEX_RESULT && is_pending(c, m->read_index_result.seq))
		end_questions(c, m->read_index_result.seq, m->read_index_result.index,
			      m->read_index_result.ok ? 0 : -EREMOTE);
	if (m->type == PEER_CONFIRM && m->term == term && !c->leader) {
		struct peer_msg yes = *m;

		yes.type = PEER_CONFIRM_RESULT;
		c->ops.send(c->ops.user, from, consensus_address_of(c, from), &yes);
	}
	if (m->type == PEER_CONFIRM_RESULT && c->leader && m->term == term &&
	    m->confirm.seq <= c->confirm_seq) {
		size_t i = 0;

		while (i < c->n_acks && c->acks[i].id != from)
			i++;
		if (i == CONSENSUS_MEMBERS_MAX)
			return 0;
		if (i == c->n_acks)
			c->acks[c->n_acks++].id = from, c->acks[i].seq = 0;
		c->acks[i].seq = MAX(c->acks[i].seq, m->confirm.seq);
		consensus_answer(c);
	}
	return 0;
}
