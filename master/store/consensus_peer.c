/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/consensus_internal.h"

/* What comes from and goes to other servers: raft's messages as ours, and reads. */

#define SEND_BYTES (1u << 20) /* entries in one message, unless one is larger */

/* ---- what raft wants sent ---- */

struct gather {
	struct consensus *c;
	const struct raft_message *m;
	struct peer_msg msg; /* prev_* of the next one */
};

static void send_gathered(struct gather *g)
{
	struct consensus *c = g->c;
	size_t at = 0;

	for (unsigned i = 0; i < c->n_out; i++) { /* the buffer has stopped moving */
		c->out[i].data.p = c->out_bytes.p + at;
		at += c->out[i].data.len;
	}
	g->msg.append.entries = c->out;
	g->msg.append.n_entries = c->n_out;
	c->ops.send(c->ops.user, g->m->server_id, g->m->server_address, &g->msg);
	if (c->n_out) {
		g->msg.append.prev_index += c->n_out;
		g->msg.append.prev_term = c->out[c->n_out - 1].term;
	}
	c->n_out = 0;
	buf_clear(&c->out_bytes);
}

static int gather_entry(void *arg, const struct peer_entry *e)
{
	struct gather *g = arg;
	struct consensus *c = g->c;

	if (c->n_out == PEER_ENTRIES_MAX ||
	    (c->n_out && c->out_bytes.len + e->data.len > SEND_BYTES))
		send_gathered(g);
	c->out[c->n_out++] = *e;
	buf_addstr(&c->out_bytes, e->data);
	return 0;
}

/*
 * Raft says which entries; here they are read and put into as many messages as it takes. What can't
 * be read has just been released, and raft will find out that a snapshot is needed.
 */
static void send_append(struct consensus *c, const struct raft_message *m)
{
	const struct raft_append_entries *a = &m->append_entries;
	struct gather g = {c, m, {.type = PEER_APPEND, .term = a->term}};

	g.msg.append.prev_index = a->prev_log_index;
	g.msg.append.prev_term = a->prev_log_term;
	g.msg.append.commit = a->leader_commit;
	c->n_out = 0;
	buf_clear(&c->out_bytes);
	if (a->n_entries && c->ops.read(c->ops.user, a->prev_log_index + 1,
					a->prev_log_index + a->n_entries, gather_entry, &g) < 0)
		return;
	if (c->n_out || !a->n_entries)
		send_gathered(&g);
	if (c->out_bytes.cap > 4 * SEND_BYTES)
		buf_done(&c->out_bytes);
}

void consensus_send(struct consensus *c, const struct raft_message *m)
{
	struct peer_msg p = {0};

	if (!m->server_id)
		return; /* a leader that is none any more, see receive_vote */
	switch (m->type) {
	case RAFT_APPEND_ENTRIES:
		send_append(c, m);
		return;
	case RAFT_INSTALL_SNAPSHOT:
		c->ops.send_snapshot(c->ops.user, m->server_id, m->server_address,
				     m->install_snapshot.term);
		return;
	case RAFT_APPEND_ENTRIES_RESULT:
		p.type = PEER_APPEND_RESULT;
		p.term = m->append_entries_result.term;
		p.append_result.rejected = m->append_entries_result.rejected;
		p.append_result.last_index = m->append_entries_result.last_log_index;
		break;
	case RAFT_REQUEST_VOTE:
		p.type = PEER_VOTE;
		p.term = m->request_vote.term;
		p.vote.candidate = m->request_vote.candidate_id;
		p.vote.last_index = m->request_vote.last_log_index;
		p.vote.last_term = m->request_vote.last_log_term;
		p.vote.disrupt = m->request_vote.disrupt_leader;
		p.vote.pre = m->request_vote.pre_vote;
		break;
	case RAFT_REQUEST_VOTE_RESULT:
		p.type = PEER_VOTE_RESULT;
		p.term = m->request_vote_result.term;
		p.vote_result.granted = m->request_vote_result.vote_granted;
		p.vote_result.pre = m->request_vote_result.pre_vote;
		/*
		 * Raft answers a pre-vote with the asker's term even when it refuses because its
		 * own is higher; one with the better log and the lower term would ask for ever.
		 */
		if (p.vote_result.pre && !p.vote_result.granted)
			p.term = MAX(p.term, (uint64_t)raft_current_term(&c->raft));
		break;
	case RAFT_TIMEOUT_NOW:
		p.type = PEER_TIMEOUT_NOW;
		p.term = m->timeout_now.term;
		p.timeout_now.last_index = m->timeout_now.last_log_index;
		p.timeout_now.last_term = m->timeout_now.last_log_term;
		break;
	}
	c->ops.send(c->ops.user, m->server_id, m->server_address, &p);
}

/* ---- messages from others ---- */

const char *consensus_address_of(const struct consensus *c, uint64_t id)
{
	const struct raft_configuration *conf = &c->raft.configuration;

	for (unsigned i = 0; i < conf->n; i++)
		if (conf->servers[i].id == id)
			return conf->servers[i].address;
	return "";
}

/*
 * A part of an append without a configuration anywhere but at its beginning: raft takes the index
 * of the first entry for that of a configuration.
 */
static int receive_entries(struct consensus *c, uint64_t from, const struct peer_msg *m,
			   unsigned first, unsigned n, uint64_t now_ms)
{
	struct raft_entry v[PEER_ENTRIES_MAX];
	struct raft_message rm = {.type = RAFT_APPEND_ENTRIES,
				  .server_id = from,
				  .server_address = consensus_address_of(c, from)};
	struct raft_event ev = {.type = RAFT_RECEIVE, .receive.message = &rm};
	struct raft_append_entries *a = &rm.append_entries;
	uint64_t seq = c->seq;
	void *batch = n ? raft_malloc(1) : NULL;
	int r;

	a->term = m->term;
	a->prev_log_index = m->append.prev_index + first;
	a->prev_log_term = first ? m->append.entries[first - 1].term : m->append.prev_term;
	a->leader_commit = m->append.commit;
	a->entries = v;
	a->n_entries = n;
	for (unsigned i = 0; i < n; i++) {
		const struct peer_entry *e = &m->append.entries[first + i];

		v[i] = (struct raft_entry){.term = e->term,
					   .type = (enum raft_entry_type)e->type,
					   .buf = {(void *)(uintptr_t)e->data.p, e->data.len},
					   .batch = batch};
	}
	r = consensus_step(c, &ev, now_ms);
	if (r == 0 && c->seq != seq)
		raft_free(batch); /* otherwise raft has done it */
	return r;
}

/* Of an entry that the log or the snapshot's end still has; 0. */
static uint64_t term_of(const struct consensus *c, uint64_t index)
{
	const struct raft_trail *t = &c->raft.trail;

	for (unsigned i = t->front; i != t->back; i = (i + 1) % t->size)
		if (index > t->offset && index <= t->records[i].index)
			return t->records[i].term;
	return index == t->snapshot.index ? t->snapshot.term : 0;
}

/*
 * Entries up to the commit index are the same here as at any leader of this term or a later one.
 * Raft compares them with its log all the same, which may no longer have them: it would refuse them
 * for ever, or take entry 1 for a new one. So it sees only what lies behind.
 */
static void skip_committed(const struct consensus *c, struct peer_msg *m)
{
	uint64_t commit = raft_commit_index((struct raft *)(uintptr_t)&c->raft);
	uint64_t n = m->append.n_entries, prev = m->append.prev_index;

	if (m->term < raft_current_term(&c->raft) || prev >= commit || !term_of(c, commit))
		return;
	n = MIN(n, commit - prev);
	m->append.entries += n;
	m->append.n_entries -= (uint32_t)n;
	m->append.prev_index = commit;
	m->append.prev_term = term_of(c, commit);
}

static int receive_append(struct consensus *c, uint64_t from, const struct peer_msg *msg,
			  uint64_t now_ms)
{
	struct peer_msg copy = *msg, *m = &copy;
	unsigned first = 0, n = 0;
	int r;

	skip_committed(c, m);
	for (unsigned i = 0; i < m->append.n_entries; i++)
		if (m->append.entries[i].type == LOG_ENTRY_CONFIG &&
		    !consensus_conf_valid(m->append.entries[i].data))
			return -EBADMSG;
	do {
		n = first < m->append.n_entries ? 1 : 0;
		while (first + n < m->append.n_entries &&
		       m->append.entries[first + n].type != LOG_ENTRY_CONFIG)
			n++;
		r = receive_entries(c, from, m, first, n, now_ms);
		first += n;
	} while (r == 0 && first < m->append.n_entries);
	return r;
}

static int receive_snapshot(struct consensus *c, struct raft_message *rm, const struct peer_msg *m,
			    uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_RECEIVE, .receive.message = rm};
	struct raft_install_snapshot *s = &rm->install_snapshot;

	if (c->installing)
		return 0; /* the leader will ask again */
	rm->type = RAFT_INSTALL_SNAPSHOT;
	s->term = m->term;
	s->last_index = m->snapshot.last_index;
	s->last_term = m->snapshot.last_term;
	s->conf_index = m->snapshot.conf_index;
	if (consensus_decode_conf(m->snapshot.conf, &s->conf) < 0)
		return -EBADMSG;
	s->data.base = m->snapshot.data.len ? raft_malloc(m->snapshot.data.len) : NULL;
	s->data.len = m->snapshot.data.len;
	if (s->data.len)
		memcpy(s->data.base, m->snapshot.data.p, s->data.len);
	return consensus_step(c, &ev, now_ms);
}

/*
 * What a follower once had durable it has: a refusal that says otherwise is an old one. Raft would
 * go back behind the match index for it, and then send nothing any more.
 */
static struct raft_append_entries_result append_result(const struct consensus *c, uint64_t from,
						       const struct peer_msg *m)
{
	uint64_t match = consensus_match(c, from);
	struct raft_append_entries_result r = {.version = 2,
					       .term = m->term,
					       .rejected = m->append_result.rejected,
					       .last_log_index = m->append_result.last_index};

	/* With a refusal the last index is a hint, and in one of an old term not even set. */
	if (r.rejected && r.rejected <= match) {
		r.rejected = 0;
		r.last_log_index = match;
	} else if (r.rejected) {
		r.last_log_index =
			MIN(MAX((uint64_t)r.last_log_index, match), (uint64_t)r.rejected - 1);
	}
	return r;
}

/* The small ones: 0 when raft is not to see it. */
static int translate(const struct consensus *c, const struct peer_msg *m, struct raft_message *rm)
{
	switch (m->type) {
	case PEER_APPEND_RESULT:
		rm->type = RAFT_APPEND_ENTRIES_RESULT;
		rm->append_entries_result = append_result(c, rm->server_id, m);
		return 1;
	case PEER_VOTE:
		rm->type = RAFT_REQUEST_VOTE;
		rm->request_vote = (struct raft_request_vote){.version = 2,
							      .term = m->term,
							      .candidate_id = m->vote.candidate,
							      .last_log_index = m->vote.last_index,
							      .last_log_term = m->vote.last_term,
							      .disrupt_leader = m->vote.disrupt,
							      .pre_vote = m->vote.pre};
		return 1;
	case PEER_VOTE_RESULT:
		rm->type = RAFT_REQUEST_VOTE_RESULT;
		rm->request_vote_result =
			(struct raft_request_vote_result){.version = 2,
							  .term = m->term,
							  .vote_granted = m->vote_result.granted,
							  .pre_vote = m->vote_result.pre};
		/* Raft looks into a candidate's state before it knows that it is one. */
		return c->raft.state == RAFT_CANDIDATE;
	case PEER_TIMEOUT_NOW:
		rm->type = RAFT_TIMEOUT_NOW;
		rm->timeout_now =
			(struct raft_timeout_now){.term = m->term,
						  .last_log_index = m->timeout_now.last_index,
						  .last_log_term = m->timeout_now.last_term};
		return 1;
	case PEER_APPEND:
	case PEER_SNAPSHOT:
	case PEER_CONFIRM:
	case PEER_CONFIRM_RESULT:
	case PEER_SNAPSHOT_RESULT:
	case PEER_READ_INDEX:
	case PEER_READ_INDEX_RESULT:
	case PEER_MSG_MAX:
	case PEER_MSG_INVALID:
		break;
	}
	return 0;
}

/*
 * From a leader of the past, who shall know. Raft's own answer has a last index that was never set
 * (recvInstallSnapshot, recvAppendEntries) and is no refusal at all for a snapshot or entry 1: that
 * sender, leading again meanwhile, would count it as a copy of all its log.
 */
static void refuse_old(struct consensus *c, uint64_t to)
{
	struct peer_msg m = {.type = PEER_APPEND_RESULT, .term = raft_current_term(&c->raft)};

	m.append_result.rejected = 1;
	c->ops.send(c->ops.user, to, consensus_address_of(c, to), &m);
}

/*
 * A server votes whatever it thinks of its own part (Raft dissertation 4.1): otherwise a candidate
 * whose configuration has just made this stand-by a voter, and who died before it could say so,
 * would never get its vote. Raft asks its own configuration, so it is told for that moment.
 */
static int receive_vote(struct consensus *c, struct raft_event *ev, uint64_t now_ms)
{
	struct raft_configuration *conf = &c->raft.configuration;
	raft_id *leader = &c->raft.follower_state.current_leader.id, was = *leader;
	uint64_t term = raft_current_term(&c->raft);
	struct raft_server *self = NULL;
	int role = RAFT_VOTER, r;
	/*
	 * Who has not heard of a leader for the shortest election timeout has none (4.2.3). Raft
	 * lets that wait for this server's own timeout, which comes later in most, so that
	 * elections take two rounds, and never comes in a stand-by, which would refuse for ever.
	 */
	bool leaderless = c->raft.state == RAFT_FOLLOWER &&
			  now_ms >= c->raft.election_timer_start + c->raft.election_timeout;

	if (leaderless)
		*leader = 0;
	for (unsigned i = 0; i < conf->n; i++)
		if (conf->servers[i].id == c->raft.id)
			self = &conf->servers[i];
	if (self) {
		role = self->role;
		self->role = RAFT_VOTER;
	}
	r = consensus_step(c, ev, now_ms);
	if (self)
		self->role = role;
	/* Raft says to somebody what it has written: to the old one until there is a new term. */
	if (leaderless && c->raft.state == RAFT_FOLLOWER && !*leader &&
	    (raft_current_term(&c->raft) == term || c->n_flights))
		*leader = was;
	return r;
}

int consensus_receive(struct consensus *c, uint64_t from, const struct peer_msg *m, uint64_t now_ms)
{
	struct raft_message rm = {.server_id = from,
				  .server_address = consensus_address_of(c, from)};
	struct raft_event ev = {.type = RAFT_RECEIVE, .receive.message = &rm};
	bool leads = c->leader && m->term == raft_current_term(&c->raft);

	if (!from || from == c->raft.id)
		return -EBADMSG;
	if ((m->type == PEER_APPEND || m->type == PEER_SNAPSHOT) && leads)
		return -EBADMSG; /* two leaders in one term */
	if (m->type == PEER_VOTE && m->vote.candidate != from)
		return -EBADMSG;
	if (m->type == PEER_APPEND || m->type == PEER_SNAPSHOT) {
		if (m->term < raft_current_term(&c->raft)) {
			refuse_old(c, from);
			return 0;
		}
	}
	if (m->type == PEER_APPEND) {
		int r = receive_append(c, from, m, now_ms);

		consensus_ask_again(c, now_ms);
		return r;
	}
	if (m->type == PEER_SNAPSHOT)
		return receive_snapshot(c, &rm, m, now_ms);
	if (m->type == PEER_CONFIRM || m->type == PEER_CONFIRM_RESULT ||
	    m->type == PEER_READ_INDEX || m->type == PEER_READ_INDEX_RESULT)
		return consensus_receive_read(c, from, m);
	if (m->type == PEER_VOTE && translate(c, m, &rm))
		return receive_vote(c, &ev, now_ms);
	return translate(c, m, &rm) ? consensus_step(c, &ev, now_ms) : 0;
}
