/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/replica_internal.h"
#include "master/store/transport.h"

#define INBOX_BYTES (96u << 20)

/* ---- messages ---- */

void replica_on_send(void *user, uint64_t to, const char *address, const struct peer_msg *m)
{
	struct replica *r = user;

	replica_send(r, &r->bytes, to, address, m);
}

struct inmsg *replica_inmsg(uint64_t from, struct str msg)
{
	struct inmsg *m = xmalloc(sizeof(*m) + msg.len);

	list_init(&m->node);
	m->from = from;
	m->len = (uint32_t)msg.len;
	memcpy(m->bytes, msg.p, msg.len);
	return m;
}

void replica_on_message(void *arg, uint64_t from, struct str msg)
{
	struct replica *r = arg;
	struct inmsg *m;

	if (!replica_admit(r, from, &msg) || msg.len > PEER_MSG_BYTES_MAX)
		return;
	if (msg.p[1] == PEER_SNAPSHOT || msg.p[1] == PEER_SNAPSHOT_RESULT) {
		replica_ship_message(r, from, msg);
		return;
	}
	m = replica_inmsg(from, msg);
	pthread_mutex_lock(&r->raft_door.lock);
	if (r->inbox_bytes + msg.len > INBOX_BYTES) {
		pthread_mutex_unlock(&r->raft_door.lock);
		free(m);
		return;
	}
	r->inbox_bytes += msg.len;
	list_append(&r->inbox, &m->node);
	replica_ring(&r->raft_door);
}

int replica_take_messages(struct replica *r, struct list *inbox)
{
	struct peer_entry v[PEER_ENTRIES_MAX];
	int err = 0;

	while (!list_empty(inbox)) {
		struct inmsg *in = list_entry(inbox->next, struct inmsg, node);
		struct peer_msg m;

		list_remove(&in->node);
		/* What keeps no rules is dropped. */
		if (!err && !atomic_load(&r->dead) &&
		    peer_msg_decode(str_n(in->bytes, in->len), v, &m) == 0 &&
		    m.type != PEER_SNAPSHOT) {
			err = consensus_receive(r->consensus, in->from, &m, replica_now_ms(r));
			err = err == -EBADMSG ? 0 : err;
		}
		free(in);
	}
	return err;
}

/* ---- the log, read back ---- */

struct each {
	consensus_each fn;
	void *arg;
};

static int each_entry(void *user, const struct wal_entry *w)
{
	struct each *x = user;
	struct peer_entry e = {w->term, w->type, str_n(w->data, w->len)};

	return x->fn(x->arg, &e);
}

static int read_log(struct replica *r, uint64_t from, uint64_t to, wal_each each, void *user)
{
	int x;

	pthread_mutex_lock(&r->read_lock);
	x = wal_read(r->wal, from, to, each, user);
	pthread_mutex_unlock(&r->read_lock);
	return x;
}

/* What waits is the log's end and may not be on disk yet; all before it is. */
static uint64_t first_waiting(const struct replica *r)
{
	return list_empty(&r->waiting) ? UINT64_MAX
				       : list_entry(r->waiting.next, struct log_entry, node)->index;
}

int replica_on_read(void *user, uint64_t from, uint64_t to, consensus_each each, void *arg)
{
	struct replica *r = user;
	struct each x = {each, arg};
	uint64_t first = first_waiting(r), next = from;
	int err = 0;

	if (from < first) {
		err = read_log(r, from, MIN(to, first - 1), each_entry, &x);
		next = MIN(to, first - 1) + 1;
	}
	list_for_each (it, &r->waiting) {
		const struct log_entry *e = list_entry(it, struct log_entry, node);
		struct peer_entry p = {e->term, (uint8_t)e->type, str_n(e->data, e->len)};

		if (err < 0 || next > to)
			break;
		if (e->index < next)
			continue;
		err = each(arg, &p);
		next++;
	}
	return err < 0 ? err : next > to ? 0 : -ENODATA;
}

static int take_entry(void *user, const struct wal_entry *w)
{
	struct log_entry *e =
		log_entry_new((enum log_entry_type)w->type, xmemdup(w->data, w->len), w->len);

	e->index = w->index;
	e->term = w->term;
	list_append(user, &e->node);
	return 0;
}

int replica_read_back(struct replica *r, uint64_t upto, struct list *out)
{
	uint64_t to = MIN(upto, first_waiting(r) - 1);
	int x = 0;

	if (r->delivered < to) {
		x = read_log(r, r->delivered + 1, to, take_entry, out);
		if (x == 0)
			r->delivered = to;
	}
	return x;
}

/* ---- reads ---- */

static void answer(struct replica *r, uint64_t ticket, uint64_t index, int err)
{
	pthread_mutex_lock(&r->out_lock);
	*ARRAY_PUSH(r->reads, r->n_reads, r->cap_reads) = (struct replica_read){ticket, index, err};
	pthread_mutex_unlock(&r->out_lock);
	r->conf.wake(r->conf.user);
}

void replica_on_confirmed(void *user, uint64_t seq, uint64_t index, int err)
{
	struct replica *r = user;

	for (size_t i = 0; i < r->n_questions; i++) {
		if (r->questions[i].seq != seq)
			continue;
		answer(r, r->questions[i].ticket, index, err);
		r->n_questions--;
		memmove(r->questions + i, r->questions + i + 1,
			(r->n_questions - i) * sizeof(*r->questions));
		return;
	}
}

/* One question for all reads that came since the last one. */
void replica_put_question(struct replica *r, uint64_t ticket)
{
	struct question *q;

	if (ticket <= r->ticket)
		return;
	r->ticket = ticket;
	q = ARRAY_PUSH(r->questions, r->n_questions, r->cap_questions);
	q->ticket = ticket;
	if (consensus_confirm(r->consensus, &q->seq) < 0) { /* else it may be answered already */
		r->n_questions--;
		answer(r, ticket, 0, -EREMOTE);
	}
}

uint64_t replica_ask(struct replica *r)
{
	uint64_t ticket;

	pthread_mutex_lock(&r->raft_door.lock);
	ticket = ++r->asked;
	replica_ring(&r->raft_door);
	return ticket;
}

size_t replica_take_reads(struct replica *r, struct replica_read *ret, size_t max)
{
	size_t n;

	pthread_mutex_lock(&r->out_lock);
	n = MIN(max, r->n_reads);
	if (n) { /* without reads there is no array yet */
		memcpy(ret, r->reads, n * sizeof(*ret));
		r->n_reads -= n;
		memmove(r->reads, r->reads + n, r->n_reads * sizeof(*r->reads));
	}
	pthread_mutex_unlock(&r->out_lock);
	return n;
}

uint64_t replica_leader(const struct replica *r)
{
	return atomic_load(&((struct replica *)(uintptr_t)r)->leader_id);
}

/* ---- members ---- */

void replica_move_commands(struct list *from, struct list *to)
{
	while (!list_empty(from)) {
		struct list *first = from->next;

		list_remove(first);
		list_append(to, first);
	}
}

void replica_command(struct replica *r, struct replica_command *c)
{
	list_init(&c->node);
	pthread_mutex_lock(&r->raft_door.lock);
	list_append(&r->commands, &c->node);
	replica_ring(&r->raft_door);
}

void replica_take_commands(struct replica *r, struct list *out)
{
	pthread_mutex_lock(&r->out_lock);
	replica_move_commands(&r->commands_done, out);
	pthread_mutex_unlock(&r->out_lock);
}

static int run_command(struct replica *r, const struct replica_command *c)
{
	struct consensus_member m = {c->id, c->address, c->role};

	if (atomic_load(&r->dead))
		return -EIO;
	switch (c->type) {
	case REPLICA_SET_MEMBER:
		return consensus_set_member(r->consensus, &m, replica_now_ms(r));
	case REPLICA_REMOVE_MEMBER:
		return consensus_remove_member(r->consensus, c->id, replica_now_ms(r));
	case REPLICA_TRANSFER:
		return consensus_transfer(r->consensus, c->id, replica_now_ms(r));
	}
	return -EINVAL;
}

void replica_run_commands(struct replica *r, struct list *commands)
{
	if (list_empty(commands))
		return;
	list_for_each (it, commands) {
		struct replica_command *c = list_entry(it, struct replica_command, node);

		c->err = run_command(r, c);
	}
	pthread_mutex_lock(&r->out_lock);
	replica_move_commands(commands, &r->commands_done);
	pthread_mutex_unlock(&r->out_lock);
	r->conf.wake(r->conf.user);
}
