/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/consensus_internal.h"

#define ELECTION_MS 200u
#define HEARTBEAT_MS 40u

_Static_assert((int)LOG_ENTRY_COMMAND == (int)RAFT_COMMAND &&
		       (int)LOG_ENTRY_BARRIER == (int)RAFT_BARRIER &&
		       (int)LOG_ENTRY_CONFIG == (int)RAFT_CHANGE,
	       "entry types go through unchanged");

struct log_entry *log_entry_new(enum log_entry_type type, void *take_data, uint32_t len)
{
	struct log_entry *e = NEW(struct log_entry);

	list_init(&e->node);
	list_init(&e->write_node);
	e->type = type;
	e->data = take_data;
	e->len = len;
	return e;
}

void log_entry_free(struct log_entry *e)
{
	if (e)
		free(e->data);
	free(e);
}

/* libraft's errors as ours. */
static int errno_of(int r)
{
	switch (r) {
	case 0:
		return 0;
	case RAFT_NOTLEADER:
	case RAFT_LEADERSHIPLOST:
		return -EREMOTE;
	case RAFT_NOMEM:
		return -ENOMEM;
	case RAFT_NOSPACE:
		return -ENOSPC;
	case RAFT_CANTCHANGE:
		return -EBUSY;
	case RAFT_NOTFOUND:
	case RAFT_BADID:
		return -ENOENT;
	case RAFT_MALFORMED:
	case RAFT_CORRUPT:
		return -EBADMSG;
	default:
		return -EPROTO;
	}
}

struct consensus *consensus_new(uint64_t id, const char *address, const struct consensus_ops *ops,
				uint32_t seed)
{
	struct consensus *c = NEW(struct consensus);

	c->ops = *ops;
	buf_init(&c->out_bytes);
	if (raft_init(&c->raft, NULL, NULL, id, address) != 0)
		abort(); /* only out of memory */
	raft_seed(&c->raft, seed);
	/* An answer to a question of an earlier life is none to one of this life. */
	c->confirm_seq = (uint64_t)seed << 24;
	raft_set_pre_vote(&c->raft, true);
	consensus_set_timeouts(c, ELECTION_MS, HEARTBEAT_MS);
	return c;
}

void consensus_set_timeouts(struct consensus *c, unsigned election_ms, unsigned heartbeat_ms)
{
	raft_set_election_timeout(&c->raft, election_ms);
	raft_set_heartbeat_timeout(&c->raft, heartbeat_ms);
	/* After this it only asks again, and nothing happens as long as one is on its way. */
	raft_set_install_snapshot_timeout(&c->raft, 10 * election_ms);
}

/* Forget recovered entries from position n on. */
static void found_cut(struct consensus *c, size_t n)
{
	for (size_t i = n; i < c->n_found; i++)
		free(c->found[i].buf.base);
	c->n_found = n;
}

struct consensus *consensus_free(struct consensus *c)
{
	if (!c)
		return NULL;
	found_cut(c, 0);
	free(c->found);
	free(c->flights);
	free(c->confirms);
	free(c->questions);
	buf_done(&c->out_bytes);
	if (c->installing)
		buf_done(&c->installing->conf);
	free(c->installing);
	raft_close(&c->raft, NULL);
	free(c);
	return NULL;
}

int consensus_recover(struct consensus *c, uint64_t index, uint64_t term, enum log_entry_type type,
		      const void *data, uint32_t len)
{
	struct raft_entry *e;

	if (index == 0 || term == 0 || type < LOG_ENTRY_COMMAND || type > LOG_ENTRY_RESET)
		return -EBADMSG;
	if (type == LOG_ENTRY_RESET) {
		found_cut(c, 0);
		c->reset_index = index;
		return 0;
	}
	if (c->n_found && (index < c->found_first || index > c->found_first + c->n_found))
		found_cut(c, 0); /* everything was replaced */
	if (c->n_found == 0)
		c->found_first = index;
	found_cut(c, index - c->found_first);
	if (c->n_found && c->found[c->n_found - 1].term > term)
		return -EBADMSG;
	e = ARRAY_PUSH(c->found, c->n_found, c->cap_found);
	*e = (struct raft_entry){.term = term, .type = (enum raft_entry_type)type};
	if (type == LOG_ENTRY_CONFIG) {
		e->buf.base = xmemdup(data, len);
		e->buf.len = len;
	}
	return 0;
}

bool consensus_was_cut(const struct consensus *c)
{
	return c->cut;
}

bool consensus_is_empty(const struct consensus *c)
{
	return c->n_found == 0;
}

struct log_entry *consensus_bootstrap(struct consensus *c)
{
	struct consensus_member m = {c->raft.id, c->raft.address, MEMBER_VOTER};
	struct log_entry *e = consensus_conf_entry(&m, 1);

	e->index = e->term = 1;
	return e;
}

/*
 * An entry that raft asks to be written. Those of ours carry their struct log_entry in `batch`;
 * a barrier is raft's own memory.
 */
static struct log_entry *entry_of(struct raft_entry *r)
{
	struct log_entry *e = r->batch;

	if (r->type == RAFT_BARRIER) {
		e = log_entry_new(LOG_ENTRY_BARRIER, xmemdup(r->buf.base, r->buf.len),
				  (uint32_t)r->buf.len);
		raft_free(r->batch);
	}
	return e;
}

/* ---- steps ---- */

static int save_vote(struct consensus *c)
{
	return c->ops.save_vote(c->ops.user, raft_current_term(&c->raft), raft_voted_for(&c->raft));
}

/* Entries from `index` on are replaced: what is being written of them counts no more. */
static void drop_flights(struct consensus *c, uint64_t index)
{
	for (size_t i = 0; i < c->n_flights; i++)
		if (c->flights[i].index >= index)
			c->flights[i].index = 0;
}

static void take_entries(struct consensus *c, const struct raft_event *ev, struct raft_update *up)
{
	bool received =
		ev->type == RAFT_RECEIVE && ev->receive.message->type == RAFT_APPEND_ENTRIES;

	drop_flights(c, up->entries.index);
	for (unsigned i = 0; i < up->entries.n; i++) {
		struct raft_entry *re = &up->entries.batch[i];
		struct log_entry *e = received ? log_entry_new((enum log_entry_type)re->type,
							       xmemdup(re->buf.base, re->buf.len),
							       (uint32_t)re->buf.len)
					       : entry_of(re);

		e->index = up->entries.index + i;
		e->term = re->term;
		e->seq = ++c->seq;
		*ARRAY_PUSH(c->flights, c->n_flights, c->cap_flights) =
			(struct flight){e->seq, e->index};
		c->ops.append(c->ops.user, e);
	}
	/* 0.22 hands back the array it was given; later versions a copy of it. */
	if (ev->type == RAFT_SUBMIT && up->entries.batch != ev->submit.entries)
		raft_free(up->entries.batch);
}

static struct consensus_point *point_of(const struct raft_snapshot_metadata *m)
{
	struct consensus_point *p = NEW(struct consensus_point);
	struct raft_buffer conf;

	p->index = m->index;
	p->term = m->term;
	p->conf_index = m->configuration_index;
	buf_init(&p->conf);
	if (raft_configuration_encode(&m->configuration, &conf) != 0)
		abort(); /* only out of memory */
	buf_add(&p->conf, conf.base, conf.len);
	raft_free(conf.base);
	return p;
}

static void begin_install(struct consensus *c, struct raft_update *up)
{
	c->installing = point_of(&up->snapshot.metadata);
	raft_configuration_close(&up->snapshot.metadata.configuration);
	drop_flights(c, 0);
	c->ops.install(c->ops.user, c->installing,
		       str_n(up->snapshot.chunk.base, up->snapshot.chunk.len));
	raft_free(up->snapshot.chunk.base); /* receive_snapshot's copy */
}

static void set_leader(struct consensus *c)
{
	c->leader = !c->leader;
	c->n_acks = 0;
	c->lead_index = raft_last_index(&c->raft);
	consensus_answer(c);
	c->ops.role(c->ops.user, c->leader);
}

/* One step and all that follows from it, in the order raft needs: vote, entries, the rest. */
int consensus_step(struct consensus *c, struct raft_event *ev, uint64_t now_ms)
{
	struct raft_update up = {0};
	int r;

	ev->time = now_ms;
	r = raft_step(&c->raft, ev, &up);
	if (r != 0)
		return errno_of(r);
	if (up.flags & (RAFT_UPDATE_CURRENT_TERM | RAFT_UPDATE_VOTED_FOR)) {
		r = save_vote(c);
		if (r < 0)
			return r;
	}
	if (up.flags & (RAFT_UPDATE_ENTRIES))
		take_entries(c, ev, &up);
	if (up.flags & (RAFT_UPDATE_SNAPSHOT))
		begin_install(c, &up);
	if (up.flags & (RAFT_UPDATE_MESSAGES))
		for (unsigned i = 0; i < up.messages.n; i++)
			consensus_send(c, &up.messages.batch[i]);
	if (up.flags & (RAFT_UPDATE_COMMIT_INDEX))
		c->ops.commit(c->ops.user, raft_commit_index(&c->raft));
	if ((raft_state(&c->raft) == RAFT_LEADER) != c->leader)
		set_leader(c);
	consensus_answer(c);
	return 0;
}

/* Raft's own decoder reads where the bytes lead it. */
int consensus_decode_conf(struct str in, struct raft_configuration *ret)
{
	struct raft_buffer b = {(void *)(uintptr_t)in.p, in.len};

	raft_configuration_init(ret);
	if (!consensus_conf_valid(in) || raft_configuration_decode(&b, ret) != 0)
		return -EBADMSG;
	return 0;
}

static bool has_others(const struct consensus *c, const struct consensus_point *point)
{
	struct raft_configuration conf;
	bool yes = false;

	if (consensus_decode_conf(buf_str(&point->conf), &conf) < 0)
		return false;
	for (unsigned i = 0; i < conf.n; i++)
		yes |= conf.servers[i].id != c->raft.id;
	raft_configuration_close(&conf);
	return yes;
}

/* Checks what raft_step only asserts: that log and snapshot fit together. */
static int check_recovered(struct consensus *c, const struct consensus_point *point,
			   struct err *err)
{
	uint64_t snap = point ? point->index : 0;

	if (c->reset_index > snap)
		return err_sys(err, EBADMSG,
			       "the log goes on from a snapshot at entry %" PRIu64
			       ", and there is none behind %" PRIu64 ": a file is missing",
			       c->reset_index, snap);
	/* One installed, but the log not begun anew yet: see consensus_was_cut. */
	c->cut = c->n_found && c->found_first + c->n_found <= snap;
	if (c->n_found && c->found_first + c->n_found <= snap)
		found_cut(c, 0); /* the snapshot has all of it */
	if (c->n_found == 0)
		c->found_first = snap + 1;
	if (c->found_first > snap + 1)
		return err_sys(err, EBADMSG,
			       "the log begins at entry %" PRIu64 ", the snapshot ends at %" PRIu64
			       ": a file is missing",
			       c->found_first, snap);
	if (c->n_found && !point && c->found[0].type != RAFT_CHANGE)
		return err_sys(err, EBADMSG, "the log does not begin with a configuration");
	if (c->n_found && point && c->found_first <= snap &&
	    c->found[snap - c->found_first].term != point->term) {
		/*
		 * One that was installed from the leader, and no entry was written since: what the
		 * log holds lost an election. A lone voter has no such log.
		 */
		if (!has_others(c, point))
			return err_sys(err, EBADMSG,
				       "the log and the snapshot are of different histories");
		found_cut(c, 0);
		c->found_first = snap + 1;
		c->cut = true;
	}
	return 0;
}

int consensus_start(struct consensus *c, uint64_t term, uint64_t voted_for,
		    const struct consensus_point *point, uint64_t now_ms, struct err *err)
{
	struct raft_snapshot_metadata meta = {0};
	struct raft_event ev = {.type = RAFT_START};
	int r = check_recovered(c, point, err);

	if (r < 0)
		return r;
	if (point) {
		meta.index = point->index;
		meta.term = point->term;
		meta.configuration_index = point->conf_index;
		if (consensus_decode_conf(buf_str(&point->conf), &meta.configuration) < 0)
			return err_sys(err, EBADMSG, "the snapshot's configuration is damaged");
		c->snapshot_index = point->index;
	}
	if (c->n_found && c->found[c->n_found - 1].term > term)
		return err_sys(err, EBADMSG, "the log is newer than the file vote");
	ev.start.term = term;
	ev.start.voted_for = voted_for;
	ev.start.metadata = point ? &meta : NULL; /* raft takes the configuration */
	ev.start.start_index = c->found_first;
	ev.start.entries = c->found;
	ev.start.n_entries = (unsigned)c->n_found;
	r = consensus_step(c, &ev, now_ms);
	if (r < 0)
		err_sys(err, -r, "raft cannot start: %s", raft_errmsg(&c->raft));
	found_cut(c, 0);
	free(TAKE(c->found));
	c->cap_found = 0;
	c->started = true;
	return r;
}

int consensus_submit(struct consensus *c, struct log_entry *e, uint64_t now_ms)
{
	struct raft_entry re = {.term = raft_current_term(&c->raft),
				.type = (enum raft_entry_type)e->type,
				.buf = {e->data, e->len},
				.batch = e};
	struct raft_event ev = {.type = RAFT_SUBMIT, .submit = {.entries = &re, .n = 1}};

	if (raft_state(&c->raft) != RAFT_LEADER)
		return -EREMOTE;
	return consensus_step(c, &ev, now_ms);
}

int consensus_written(struct consensus *c, uint64_t seq, uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_PERSISTED_ENTRIES};
	size_t n = 0;

	while (n < c->n_flights && c->flights[n].seq <= seq) {
		uint64_t index = c->flights[n++].index;

		ev.persisted_entries.index = MAX((uint64_t)ev.persisted_entries.index, index);
	}
	if (n) {
		c->n_flights -= n;
		memmove(c->flights, c->flights + n, c->n_flights * sizeof(*c->flights));
	}
	return ev.persisted_entries.index ? consensus_step(c, &ev, now_ms) : 0;
}

int consensus_installed(struct consensus *c, uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_PERSISTED_SNAPSHOT};
	struct consensus_point *p = TAKE(c->installing);
	int r;

	ev.persisted_snapshot.metadata.index = p->index;
	ev.persisted_snapshot.metadata.term = p->term;
	ev.persisted_snapshot.metadata.configuration_index = p->conf_index;
	ev.persisted_snapshot.last = true;
	r = consensus_decode_conf(buf_str(&p->conf), &ev.persisted_snapshot.metadata.configuration);
	c->snapshot_index = MAX(c->snapshot_index, p->index);
	buf_done(&p->conf);
	free(p);
	return r < 0 ? r : consensus_step(c, &ev, now_ms); /* raft takes the configuration */
}

/* ---- members ---- */

size_t consensus_members(const struct consensus *c, struct consensus_member *ret, size_t max)
{
	const struct raft_configuration *conf = &c->raft.configuration;
	size_t n = MIN((size_t)conf->n, max);

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct consensus_member){conf->servers[i].id, conf->servers[i].address,
						   (enum member_role)conf->servers[i].role};
	return n;
}

int consensus_transfer(struct consensus *c, uint64_t id, uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_TRANSFER, .transfer.server_id = id};

	return c->leader ? consensus_step(c, &ev, now_ms) : -EREMOTE;
}

uint64_t consensus_id(const struct consensus *c)
{
	return c->raft.id;
}

bool consensus_is_leader(const struct consensus *c)
{
	return c->leader;
}

uint64_t consensus_leader(const struct consensus *c)
{
	if (c->leader)
		return c->raft.id;
	return c->raft.state == RAFT_FOLLOWER ? c->raft.follower_state.current_leader.id : 0;
}

uint64_t consensus_durable(const struct consensus *c)
{
	return c->raft.last_stored;
}

uint64_t consensus_configuration(const struct consensus *c)
{
	return c->raft.configuration_committed_index;
}

uint64_t consensus_match(const struct consensus *c, uint64_t id)
{
	raft_index index = 0;

	return raft_match_index(&c->raft, id, &index) == 0 ? index : 0;
}

int consensus_configured(struct consensus *c, uint64_t index, const void *data, uint32_t len,
			 uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_CONFIGURATION, .configuration = {.index = index}};

	if (consensus_decode_conf(str_n(data, len), &ev.configuration.conf) < 0)
		return -EBADMSG;
	return consensus_step(c, &ev, now_ms); /* raft takes the configuration */
}

int consensus_snapshotted(struct consensus *c, const struct consensus_point *p,
			  uint64_t first_index, uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_SNAPSHOT};

	if (p->index <= c->snapshot_index)
		return 0;
	ev.snapshot.metadata.index = p->index;
	ev.snapshot.metadata.term = p->term;
	ev.snapshot.metadata.configuration_index = p->conf_index;
	if (consensus_decode_conf(buf_str(&p->conf), &ev.snapshot.metadata.configuration) < 0)
		return -EBADMSG;
	if (first_index && first_index <= p->index)
		ev.snapshot.trailing = (unsigned)(p->index - first_index + 1);
	c->snapshot_index = p->index;
	return consensus_step(c, &ev, now_ms);
}

int consensus_tick(struct consensus *c, uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_TIMEOUT};

	if (c->leader && c->n_confirms)
		consensus_ask(c); /* the question or its answers may have been lost */
	return consensus_step(c, &ev, now_ms);
}

uint64_t consensus_timeout(const struct consensus *c)
{
	const struct raft_configuration *conf = &c->raft.configuration;

	if (c->leader && conf->n == 1 && conf->servers[0].id == c->raft.id)
		return UINT64_MAX;
	return raft_timeout(&c->raft);
}

uint64_t consensus_last_index(const struct consensus *c)
{
	return raft_last_index((struct raft *)(uintptr_t)&c->raft);
}

uint64_t consensus_term(const struct consensus *c)
{
	return raft_current_term(&c->raft);
}

const char *consensus_errmsg(const struct consensus *c)
{
	return raft_errmsg((struct raft *)(uintptr_t)&c->raft);
}
