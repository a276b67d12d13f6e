/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/consensus.h"

#include <raft.h>

_Static_assert((int)LOG_ENTRY_COMMAND == (int)RAFT_COMMAND &&
		       (int)LOG_ENTRY_BARRIER == (int)RAFT_BARRIER &&
		       (int)LOG_ENTRY_CONFIG == (int)RAFT_CHANGE,
	       "entry types go through unchanged");

struct consensus {
	struct raft raft;
	struct consensus_ops ops;
	bool leader;
	uint64_t snapshot_index;
	/* Until the start: what the log holds. */
	struct raft_entry *found;
	size_t n_found, cap_found;
	uint64_t found_first;
	bool started;
};

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
	if (raft_init(&c->raft, NULL, NULL, id, address) != 0)
		abort(); /* only out of memory */
	raft_seed(&c->raft, seed);
	raft_set_pre_vote(&c->raft, true);
	raft_set_election_timeout(&c->raft, 300);
	raft_set_heartbeat_timeout(&c->raft, 50);
	return c;
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
	raft_close(&c->raft, NULL);
	free(c);
	return NULL;
}

int consensus_recover(struct consensus *c, uint64_t index, uint64_t term, enum log_entry_type type,
		      const void *data, uint32_t len)
{
	struct raft_entry *e;

	if (index == 0 || term == 0 || type < LOG_ENTRY_COMMAND || type > LOG_ENTRY_CONFIG)
		return -EBADMSG;
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

bool consensus_is_empty(const struct consensus *c)
{
	return c->n_found == 0;
}

struct log_entry *consensus_bootstrap(struct consensus *c)
{
	struct raft_configuration conf;
	struct raft_buffer buf;
	struct log_entry *e;

	raft_configuration_init(&conf);
	if (raft_configuration_add(&conf, c->raft.id, c->raft.address, RAFT_VOTER) != 0 ||
	    raft_configuration_encode(&conf, &buf) != 0)
		abort(); /* only out of memory */
	raft_configuration_close(&conf);
	e = log_entry_new(LOG_ENTRY_CONFIG, xmemdup(buf.base, buf.len), (uint32_t)buf.len);
	raft_free(buf.base);
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

static int save_vote(struct consensus *c)
{
	return c->ops.save_vote(c->ops.user, raft_current_term(&c->raft), raft_voted_for(&c->raft));
}

/* One step and all that follows from it, in the order raft needs: vote, entries, the rest. */
static int step(struct consensus *c, struct raft_event *ev, uint64_t now_ms)
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
	if (up.flags & (RAFT_UPDATE_ENTRIES)) {
		for (unsigned i = 0; i < up.entries.n; i++) {
			struct raft_entry *re = &up.entries.batch[i];
			struct log_entry *e = entry_of(re);

			e->index = up.entries.index + i;
			e->term = re->term;
			c->ops.append(c->ops.user, e);
		}
		/* 0.22 hands back the array it was given; later versions a copy of it. */
		if (ev->type == RAFT_SUBMIT && up.entries.batch != ev->submit.entries)
			raft_free(up.entries.batch);
	}
	if (up.flags & (RAFT_UPDATE_COMMIT_INDEX))
		c->ops.commit(c->ops.user, raft_commit_index(&c->raft));
	if ((raft_state(&c->raft) == RAFT_LEADER) != c->leader) {
		c->leader = !c->leader;
		c->ops.role(c->ops.user, c->leader);
	}
	return 0;
}

/* Checks what raft_step only asserts: that log and snapshot fit together. */
static int check_recovered(struct consensus *c, const struct consensus_point *point,
			   struct err *err)
{
	uint64_t snap = point ? point->index : 0;

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
	    c->found[snap - c->found_first].term != point->term)
		return err_sys(err, EBADMSG, "the log and the snapshot are of different histories");
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
		struct raft_buffer conf = {point->conf.p, point->conf.len};

		meta.index = point->index;
		meta.term = point->term;
		meta.configuration_index = point->conf_index;
		raft_configuration_init(&meta.configuration);
		if (raft_configuration_decode(&conf, &meta.configuration) != 0)
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
	r = step(c, &ev, now_ms);
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
	return step(c, &ev, now_ms);
}

int consensus_persisted(struct consensus *c, uint64_t index, uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_PERSISTED_ENTRIES,
				.persisted_entries = {.index = index}};

	return step(c, &ev, now_ms);
}

int consensus_configured(struct consensus *c, uint64_t index, const void *data, uint32_t len,
			 uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_CONFIGURATION, .configuration = {.index = index}};
	struct raft_buffer buf = {(void *)(uintptr_t)data, len};

	raft_configuration_init(&ev.configuration.conf);
	if (raft_configuration_decode(&buf, &ev.configuration.conf) != 0)
		return -EBADMSG;
	return step(c, &ev, now_ms); /* raft takes the configuration */
}

int consensus_snapshotted(struct consensus *c, const struct consensus_point *p,
			  uint64_t first_index, uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_SNAPSHOT};
	struct raft_buffer buf = {p->conf.p, p->conf.len};

	if (p->index <= c->snapshot_index)
		return 0;
	ev.snapshot.metadata.index = p->index;
	ev.snapshot.metadata.term = p->term;
	ev.snapshot.metadata.configuration_index = p->conf_index;
	raft_configuration_init(&ev.snapshot.metadata.configuration);
	if (raft_configuration_decode(&buf, &ev.snapshot.metadata.configuration) != 0)
		return -EBADMSG;
	if (first_index && first_index <= p->index)
		ev.snapshot.trailing = (unsigned)(p->index - first_index + 1);
	c->snapshot_index = p->index;
	return step(c, &ev, now_ms);
}

int consensus_tick(struct consensus *c, uint64_t now_ms)
{
	struct raft_event ev = {.type = RAFT_TIMEOUT};

	return step(c, &ev, now_ms);
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
