/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several servers' consensus in one process, with a clock, a network and disks that are nothing but
 * numbers from a seed: loss, delay, repetition, one-way partitions, stops, crashes that lose what
 * was not synced, snapshots in chunks, members that come and go.
 *
 *	test_store_cluster [FIRST-SEED [COUNT]]
 *
 * What holds after every step: an entry once applied anywhere is applied everywhere with the same
 * term and bytes; a server's state at an index is everybody's; what was acknowledged is there; a
 * read that was confirmed sees all that had been acknowledged when it began. When the faults end,
 * all members come to one state and take writes.
 */
#include "lib/base/base.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "master/store/consensus.h"
#include "master/store/le.h"
#include "master/store/ship.h"
#include "tests/unit/store_disk.h"
#include "tests/unit/test.h"

#define NODES 5u
#define FAULTS_MS 3000u
#define HEAL_MS 4000u
#define READS_MAX 16u
#define SNAPSHOT "snapshot"
#define SNAPSHOT_BYTES 100u
#define CHUNK 24u
#define RETRY_MS 40u

struct rec {
	uint64_t index, term;
	uint8_t type;
	uint32_t len;
	char *data;
};

/* A log: entries with the indexes first, first + 1, ... */
struct reclog {
	uint64_t first;
	struct rec *v;
	size_t n, cap;
};

struct write {
	uint64_t at_ms, seq;
	struct rec rec;
};

struct state {
	uint64_t index, term, hash, count, conf_index;
	struct buf conf;
};

/* LOG_ENTRY_RESET in a struct rec: nothing before counts. */

struct node {
	struct sim *sim;
	uint64_t id;
	struct consensus *c; /* NULL: down */
	bool leader;
	enum { NOT, WANTED, ADOPTED } installing; /* the file has its name; the log follows */
	uint64_t stopped_until, up_at, install_at;
	/* Snapshots that are received and sent; what of them is to be offered. */
	struct ship_in in;
	struct ship_out out[NODES];
	struct {
		uint64_t from, term, at_ms;
		struct consensus_point at; /* conf: borrowed from ship_in */
	} offer;
	uint64_t commit;
	struct reclog log; /* in memory, with what is not durable yet */
	struct state state; /* applied */
	struct state incoming; /* a snapshot being installed */
	struct {
		uint64_t seq, acked; /* acked index when the read began */
	} reads[READS_MAX];
	unsigned n_reads;

	/* What survives. */
	struct reclog disk;
	uint64_t term, voted_for;
	struct state snapshot; /* index 0: none; and its file: */
	struct disk *files;
	struct store_io io;
	struct ship_ops ship_ops;

	struct write *writes; /* under way, in order */
	size_t n_writes, cap_writes;
};

struct packet {
	uint64_t at_ms, from, to;
	struct buf bytes;
};

struct committed {
	uint64_t term, hash; /* of the state behind it */
	uint32_t crc;
	bool acked;
};

struct sim {
	uint64_t seed, rng, now;
	struct node nodes[NODES];
	struct packet *net;
	size_t n_net, cap_net;
	unsigned loss, dup, slow; /* per 1000 */
	bool cut[NODES + 1][NODES + 1];
	struct committed *all; /* [index - 1] */
	size_t n_all, cap_all;
	uint64_t next_value, acked_index;
	struct {
		uint64_t node, value;
	} * sent; /* by value - 1 */
	size_t n_sent, cap_sent;
	unsigned n_acked, n_reads, n_snapshots, n_elections, n_damaged;
};

static uint64_t rnd(struct sim *s)
{
	uint64_t z = (s->rng += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static uint64_t below(struct sim *s, uint64_t n)
{
	return rnd(s) % n;
}

static bool chance(struct sim *s, unsigned per_1000)
{
	return below(s, 1000) < per_1000;
}

#define CHECK(s, x)                                                                             \
	do {                                                                                    \
		if (!(x))                                                                       \
			fail_msg("seed %" PRIu64 " at %" PRIu64 " ms: %s", (s)->seed, (s)->now, \
				 #x);                                                           \
	} while (0)

/* ---- logs and states ---- */

static void rec_done(struct rec *r)
{
	free(r->data);
}

static void reclog_cut(struct reclog *l, uint64_t index) /* from index on */
{
	while (l->n && l->first + l->n > index)
		rec_done(&l->v[--l->n]);
}

static void reclog_put(struct reclog *l, const struct rec *r)
{
	if (r->type == LOG_ENTRY_RESET) {
		reclog_cut(l, 0);
		return;
	}
	if (l->n && r->index > l->first + l->n)
		reclog_cut(l, 0); /* behind a snapshot that was installed */
	reclog_cut(l, r->index);
	if (!l->n)
		l->first = r->index;
	*ARRAY_PUSH(l->v, l->n, l->cap) =
		(struct rec){r->index, r->term, r->type, r->len, xmemdup(r->data, r->len)};
}

static void reclog_drop(struct reclog *l, uint64_t before)
{
	size_t n = 0;

	while (n < l->n && l->first + n < before)
		rec_done(&l->v[n++]);
	l->n -= n;
	l->first += n;
	memmove(l->v, l->v + n, l->n * sizeof(*l->v));
}

static const struct rec *reclog_at(const struct reclog *l, uint64_t index)
{
	return index >= l->first && index < l->first + l->n ? &l->v[index - l->first] : NULL;
}

static void reclog_done(struct reclog *l)
{
	reclog_cut(l, 0);
	free(l->v);
	*l = (struct reclog){0};
}

static void state_copy(struct state *to, const struct state *from)
{
	struct buf conf = to->conf;

	*to = *from;
	to->conf = conf;
	buf_clear(&to->conf);
	buf_addstr(&to->conf, buf_str(&from->conf));
}

static void state_init(struct state *s)
{
	*s = (struct state){.conf = BUF_INIT};
}

static uint64_t mix(uint64_t hash, uint64_t v)
{
	return (hash ^ v) * 0x9e3779b97f4a7c15ull + 1;
}

/* ---- what consensus asks for ---- */

static int on_save_vote(void *user, uint64_t term, uint64_t voted_for)
{
	struct node *n = user;

	CHECK(n->sim,
	      term > n->term || (term == n->term && (!n->voted_for || n->voted_for == voted_for)));
	n->term = term;
	n->voted_for = voted_for;
	return 0;
}

static void on_append(void *user, struct log_entry *e)
{
	struct node *n = user;
	struct rec r = {e->index, e->term, (uint8_t)e->type, e->len, e->data};
	uint64_t at = n->sim->now + below(n->sim, chance(n->sim, 20) ? 100 : 4);

	CHECK(n->sim, e->index > n->state.index); /* nothing applied is ever replaced */
	CHECK(n->sim, !n->n_writes || n->writes[n->n_writes - 1].seq < e->seq);
	if (n->n_writes)
		at = MAX(at, n->writes[n->n_writes - 1].at_ms);
	reclog_put(&n->log, &r);
	r.data = xmemdup(e->data, e->len);
	*ARRAY_PUSH(n->writes, n->n_writes, n->cap_writes) = (struct write){at, e->seq, r};
	log_entry_free(e);
}

static void on_commit(void *user, uint64_t index)
{
	struct node *n = user;

	n->commit = MAX(n->commit, index);
}

static void on_role(void *user, bool leader)
{
	struct node *n = user;

	n->leader = leader;
	n->sim->n_elections += leader;
	for (unsigned i = 0; i < NODES && !leader; i++)
		ship_out_end(&n->out[i]);
}

static void put_packet(struct sim *s, uint64_t from, uint64_t to, const struct peer_msg *m)
{
	uint64_t delay = 1 + below(s, 4);
	struct packet *p;

	if (s->cut[from][to] || chance(s, s->loss))
		return;
	if (chance(s, s->slow))
		delay += below(s, 300);
	p = ARRAY_PUSH(s->net, s->n_net, s->cap_net);
	*p = (struct packet){s->now + delay, from, to, BUF_INIT};
	peer_msg_encode(m, &p->bytes);
}

static void on_send(void *user, uint64_t to, const char *address, const struct peer_msg *m)
{
	struct node *n = user;

	CHECK(n->sim, to && to <= NODES && to != n->id);
	CHECK(n->sim, !*address || strtoull(address + 1, NULL, 10) == to);
	/* No message leaves before its term is durable; a pre-vote's term is only a plan. */
	CHECK(n->sim, m->term <= n->term || (m->type == PEER_VOTE && m->vote.pre) ||
			      (m->type == PEER_VOTE_RESULT && m->vote_result.pre));
	put_packet(n->sim, n->id, to, m);
	if (chance(n->sim, n->sim->dup))
		put_packet(n->sim, n->id, to, m);
}

static int on_read(void *user, uint64_t from, uint64_t to, consensus_each each, void *arg)
{
	struct node *n = user;

	for (; from <= to; from++) {
		const struct rec *r = reclog_at(&n->log, from);
		struct peer_entry e;
		int x;

		if (!r)
			return -ENODATA;
		e = (struct peer_entry){r->term, r->type, str_n(r->data, r->len)};
		x = each(arg, &e);
		if (x < 0)
			return x;
	}
	return 0;
}

/* ---- snapshots on their way ---- */

static void write_file(struct node *n, const char *name, const struct state *s)
{
	uint8_t p[SNAPSHOT_BYTES];
	int fd = n->io.open(n->files, name, O_RDWR | O_CREAT | O_TRUNC);

	memset(p, (int)s->index, sizeof(p));
	le64_put(p, s->index);
	le64_put(p + 8, s->hash);
	le64_put(p + 16, s->count);
	le32_put(p + SNAPSHOT_BYTES - 4, crc32c(0, p, SNAPSHOT_BYTES - 4));
	io_pwrite(&n->io, fd, p, sizeof(p), 0);
	n->io.datasync(n->files, fd);
	n->io.close(n->files, fd);
}

static void ship_send(void *user, uint64_t to, const char *address, const struct peer_msg *m)
{
	on_send(user, to, address, m);
}

static int ship_open(void *user, struct consensus_point *ret_at, uint64_t *ret_size)
{
	struct node *n = user;
	int fd = n->io.open(n->files, SNAPSHOT, O_RDONLY);

	CHECK(n->sim, n->snapshot.index && fd >= 0);
	*ret_at = (struct consensus_point){n->snapshot.index, n->snapshot.term,
					   n->snapshot.conf_index, BUF_INIT};
	buf_addstr(&ret_at->conf, buf_str(&n->snapshot.conf));
	*ret_size = SNAPSHOT_BYTES;
	n->sim->n_snapshots++;
	return fd;
}

static int ship_check(void *user, const struct consensus_point *at)
{
	struct node *n = user;
	struct buf *b = disk_file(n->files, SHIP_FILE);
	struct state *s = &n->incoming;

	if (chance(n->sim, 50)) { /* the disk has it wrong */
		b->p[below(n->sim, b->len)] ^= (char)(1 + below(n->sim, 255));
		n->sim->n_damaged++;
	}
	if (b->len != SNAPSHOT_BYTES || le64_get(b->p) != at->index ||
	    le32_get(b->p + SNAPSHOT_BYTES - 4) != crc32c(0, b->p, SNAPSHOT_BYTES - 4))
		return -EBADMSG;
	s->index = at->index;
	s->term = at->term;
	s->conf_index = at->conf_index;
	buf_clear(&s->conf);
	buf_addstr(&s->conf, buf_str(&at->conf));
	s->hash = le64_get(b->p + 8);
	s->count = le64_get(b->p + 16);
	CHECK(n->sim, n->sim->all[s->index - 1].hash == s->hash);
	return 0;
}

static void ship_offer(void *user, uint64_t from, uint64_t term, const struct consensus_point *at)
{
	struct node *n = user;

	n->offer.from = from;
	n->offer.term = term;
	n->offer.at = *at;
	n->offer.at_ms = n->sim->now + below(n->sim, 10);
}

static void on_send_snapshot(void *user, uint64_t to, const char *address, uint64_t term)
{
	struct node *n = user;

	CHECK(n->sim, ship_out_begin(&n->out[to - 1], to, address, term, n->sim->now) == 0);
}

static void on_install(void *user, const struct consensus_point *p, struct str data)
{
	struct node *n = user;

	CHECK(n->sim, !n->installing && data.len == 0 && p->index == n->incoming.index);
	n->installing = WANTED;
	n->install_at = n->sim->now + 1 + below(n->sim, 80);
}

static void on_confirmed(void *user, uint64_t seq, uint64_t index, int err)
{
	struct node *n = user;

	for (unsigned i = 0; i < n->n_reads; i++) {
		if (n->reads[i].seq != seq)
			continue;
		if (!err) {
			CHECK(n->sim, index >= n->reads[i].acked);
			n->sim->n_reads++;
		}
		n->reads[i] = n->reads[--n->n_reads];
		return;
	}
}

/* ---- a server's life ---- */

static void node_down(struct node *n)
{
	struct sim *s = n->sim;
	size_t keep = n->n_writes ? below(s, n->n_writes + 1) : 0;

	n->c = consensus_free(n->c);
	for (size_t i = 0; i < n->n_writes; i++) {
		if (i < keep)
			reclog_put(&n->disk, &n->writes[i].rec);
		rec_done(&n->writes[i].rec);
	}
	n->n_writes = 0;
	n->installing = NOT;
	n->leader = false;
	n->n_reads = 0;
	ship_in_end(&n->in);
	for (unsigned i = 0; i < NODES; i++)
		ship_out_end(&n->out[i]);
	n->offer.from = 0;
}

static void node_up(struct node *n)
{
	struct consensus_ops ops = {.save_vote = on_save_vote,
				    .append = on_append,
				    .commit = on_commit,
				    .role = on_role,
				    .send = on_send,
				    .read = on_read,
				    .send_snapshot = on_send_snapshot,
				    .install = on_install,
				    .confirmed = on_confirmed,
				    .user = n};
	struct consensus_point p = {n->snapshot.index, n->snapshot.term, n->snapshot.conf_index,
				    n->snapshot.conf};
	CLEANUP(err_done) struct err err = ERR_INIT;
	char address[8];

	snprintf(address, sizeof(address), "s%" PRIu64, n->id);
	n->c = consensus_new(n->id, address, &ops, (uint32_t)rnd(n->sim));
	consensus_set_timeouts(n->c, 100, 20);
	state_copy(&n->state, &n->snapshot);
	n->commit = n->snapshot.index;
	for (size_t i = 0; i < n->disk.n; i++)
		CHECK(n->sim, consensus_recover(n->c, n->disk.v[i].index, n->disk.v[i].term,
						n->disk.v[i].type, n->disk.v[i].data,
						n->disk.v[i].len) == 0);
	if (consensus_start(n->c, n->term, n->voted_for, n->snapshot.index ? &p : NULL, n->sim->now,
			    &err) < 0)
		fail_msg("seed %" PRIu64 ": server %" PRIu64 ": %s", n->sim->seed, n->id,
			 err_text(&err));
	if (consensus_was_cut(n->c))
		reclog_cut(&n->disk, 0); /* LOG_ENTRY_RESET */
	CHECK(n->sim, !n->disk.n || n->disk.first + n->disk.n == consensus_last_index(n->c) + 1);
	n->io.unlink(n->files, SHIP_FILE);
	ship_in_init(&n->in, &n->io, &n->ship_ops, 0);
	for (unsigned i = 0; i < NODES; i++)
		ship_out_init(&n->out[i], &n->io, &n->ship_ops, CHUNK, RETRY_MS);
	reclog_cut(&n->log, 0);
	for (size_t i = 0; i < n->disk.n; i++)
		reclog_put(&n->log, &n->disk.v[i]);
}

static void must(struct node *n, int r)
{
	if (r < 0)
		fail_msg("seed %" PRIu64 " at %" PRIu64 " ms: server %" PRIu64 ": %s (%s)",
			 n->sim->seed, n->sim->now, n->id, strerror(-r), consensus_errmsg(n->c));
}

static void check_committed(struct node *n, const struct rec *r)
{
	struct sim *s = n->sim;
	uint32_t crc = crc32c(r->type, r->data, r->len);

	CHECK(s, r->index <= s->n_all + 1);
	if (r->index == s->n_all + 1)
		*ARRAY_PUSH(s->all, s->n_all, s->cap_all) =
			(struct committed){r->term, n->state.hash, crc, false};
	CHECK(s, s->all[r->index - 1].term == r->term);
	CHECK(s, s->all[r->index - 1].crc == crc);
	CHECK(s, s->all[r->index - 1].hash == n->state.hash);
}

static void apply(struct node *n)
{
	struct sim *s = n->sim;

	while (!n->installing && n->state.index < MIN(n->commit, consensus_durable(n->c))) {
		const struct rec *r = reclog_at(&n->log, n->state.index + 1);
		uint64_t value = 0;

		CHECK(s, r);
		n->state.index++;
		n->state.term = r->term;
		if (r->type == LOG_ENTRY_CONFIG) {
			must(n, consensus_configured(n->c, r->index, r->data, r->len, s->now));
			n->state.conf_index = r->index;
			buf_clear(&n->state.conf);
			buf_add(&n->state.conf, r->data, r->len);
		}
		if (r->type == LOG_ENTRY_COMMAND) {
			value = le64_get(r->data);
			n->state.hash = mix(n->state.hash, value);
			n->state.count++;
		}
		check_committed(n, r);
		if (value && s->sent[value - 1].node == n->id) { /* its client hears of it */
			s->all[r->index - 1].acked = true;
			s->acked_index = MAX(s->acked_index, r->index);
			s->n_acked++;
		}
	}
}

/* Raft is asked whether it wants what has been received. */
static void make_offer(struct node *n)
{
	struct peer_msg m = {.type = PEER_SNAPSHOT, .term = n->offer.term};
	uint64_t from = n->offer.from;

	m.snapshot.last_index = n->offer.at.index;
	m.snapshot.last_term = n->offer.at.term;
	m.snapshot.conf_index = n->offer.at.conf_index;
	m.snapshot.conf = buf_str(&n->offer.at.conf);
	m.snapshot.last = true;
	n->offer.from = 0;
	must(n, consensus_receive(n->c, from, &m, n->sim->now));
	ship_in_verdict(&n->in, n->installing == WANTED);
}

/* Now the snapshot counts, whatever is in the log; then the log begins anew. */
static void adopt(struct node *n)
{
	struct rec reset = {n->incoming.index, n->incoming.term, LOG_ENTRY_RESET, 0, NULL};
	uint64_t at = n->sim->now + below(n->sim, 40);

	n->io.rename(n->files, SHIP_FILE, SNAPSHOT);
	state_copy(&n->snapshot, &n->incoming);
	ship_in_installed(&n->in);
	if (n->n_writes)
		at = MAX(at, n->writes[n->n_writes - 1].at_ms);
	*ARRAY_PUSH(n->writes, n->n_writes, n->cap_writes) = (struct write){at, 0, reset};
	n->installing = ADOPTED;
}

static void finish_install(struct node *n)
{
	reclog_cut(&n->log, 0);
	state_copy(&n->state, &n->snapshot);
	n->installing = NOT;
	CHECK(n->sim, n->sim->all[n->state.index - 1].hash == n->state.hash);
	must(n, consensus_installed(n->c, n->sim->now));
}

static void take_snapshot(struct node *n)
{
	uint64_t trailing = below(n->sim, 20), first;
	struct consensus_point p;

	state_copy(&n->snapshot, &n->state);
	n->io.unlink(n->files, SNAPSHOT); /* streams go on reading the old one */
	write_file(n, SNAPSHOT, &n->snapshot);
	p = (struct consensus_point){n->state.index, n->state.term, n->state.conf_index,
				     n->snapshot.conf};
	first = p.index > trailing ? p.index - trailing : 1;
	reclog_drop(&n->log, first);
	reclog_drop(&n->disk, first);
	must(n, consensus_snapshotted(n->c, &p, MAX(n->log.first, first), n->sim->now));
}

static void node_step(struct node *n)
{
	struct sim *s = n->sim;
	uint64_t seq = 0;
	size_t done = 0;
	bool reset = false;

	if (n->offer.from && n->offer.at_ms <= s->now && !n->installing)
		make_offer(n);
	if (n->installing == WANTED && n->install_at <= s->now)
		adopt(n);
	while (done < n->n_writes && n->writes[done].at_ms <= s->now) {
		reset |= n->writes[done].rec.type == LOG_ENTRY_RESET;
		reclog_put(&n->disk, &n->writes[done].rec);
		rec_done(&n->writes[done].rec);
		seq = MAX(seq, n->writes[done].seq);
		done++;
	}
	n->n_writes -= done;
	if (done)
		memmove(n->writes, n->writes + done, n->n_writes * sizeof(*n->writes));
	if (seq)
		must(n, consensus_written(n->c, seq, s->now));
	if (reset)
		finish_install(n);
	for (unsigned i = 0; i < NODES; i++)
		must(n, ship_out_tick(&n->out[i], s->now));
	apply(n);
	if (consensus_timeout(n->c) <= s->now)
		must(n, consensus_tick(n->c, s->now));
	apply(n);
	if (!n->installing && n->state.index > n->snapshot.index + 30 && chance(s, 100))
		take_snapshot(n);
}

static void deliver(struct sim *s, struct packet *p)
{
	struct node *n = &s->nodes[p->to - 1];
	struct peer_entry v[PEER_ENTRIES_MAX];
	struct peer_msg m;
	int r;

	if (!n->c || s->cut[p->from][p->to])
		return;
	CHECK(s, peer_msg_decode(buf_str(&p->bytes), v, &m) == 0);
	if (m.type == PEER_SNAPSHOT)
		r = ship_in_chunk(&n->in, p->from, &m, s->now);
	else if (m.type == PEER_SNAPSHOT_RESULT)
		r = ship_out_result(&n->out[p->from - 1], &m, s->now);
	else
		r = consensus_receive(n->c, p->from, &m, s->now);
	must(n, r);
	apply(n);
}

static void run_net(struct sim *s)
{
	for (size_t i = 0; i < s->n_net;) {
		struct packet p = s->net[i];

		if (p.at_ms > s->now || s->nodes[p.to - 1].stopped_until > s->now) {
			i++;
			continue;
		}
		s->net[i] = s->net[--s->n_net];
		deliver(s, &p);
		buf_done(&p.bytes);
	}
}

/* ---- clients, operators, faults ---- */

static bool put(struct sim *s, struct node *n)
{
	char data[24] = {0};
	struct log_entry *e;

	le64_put(data, ++s->next_value);
	e = log_entry_new(LOG_ENTRY_COMMAND, xmemdup(data, 8 + s->next_value % 16),
			  (uint32_t)(8 + s->next_value % 16));
	*ARRAY_PUSH(s->sent, s->n_sent, s->cap_sent) = (__typeof__(*s->sent)){n->id, s->next_value};
	if (consensus_submit(n->c, e, s->now) < 0) {
		log_entry_free(e);
		return false;
	}
	return true;
}

static void read_once(struct sim *s, struct node *n)
{
	uint64_t seq;

	if (n->n_reads == READS_MAX)
		return;
	/* The answer may come from within. */
	n->reads[n->n_reads].acked = s->acked_index;
	n->reads[n->n_reads].seq = UINT64_MAX;
	if (consensus_confirm(n->c, &seq) == 0)
		n->reads[n->n_reads++].seq = seq;
}

static void change_members(struct sim *s, struct node *n)
{
	struct consensus_member v[NODES], m = {.id = 1 + below(s, NODES)};
	size_t count = consensus_members(n->c, v, NODES), voters = 0;
	char address[8];

	for (size_t i = 0; i < count; i++)
		voters += v[i].role == MEMBER_VOTER;
	snprintf(address, sizeof(address), "s%" PRIu64, m.id);
	m.address = address;
	m.role = chance(s, 600) ? MEMBER_VOTER : MEMBER_STANDBY;
	if (chance(s, 300) && voters > 2)
		consensus_remove_member(n->c, m.id, s->now);
	else if (m.role == MEMBER_VOTER || voters > 2)
		consensus_set_member(n->c, &m, s->now);
}

static void clients(struct sim *s)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = &s->nodes[i];

		if (!n->c || n->stopped_until > s->now)
			continue;
		if (!n->leader && chance(s, 50))
			read_once(s, n);
		if (!n->leader || n->installing)
			continue;
		if (chance(s, 300))
			put(s, n);
		if (chance(s, 100))
			read_once(s, n);
		if (chance(s, 4))
			change_members(s, n);
		if (chance(s, 2))
			consensus_transfer(n->c, 0, s->now);
	}
}

static void faults(struct sim *s)
{
	struct node *n = &s->nodes[below(s, NODES)];

	if (chance(s, 4) && n->c) {
		node_down(n);
		n->up_at = s->now + below(s, 500);
	}
	if (chance(s, 4))
		n->stopped_until = s->now + below(s, 300);
	if (chance(s, 6)) {
		uint64_t a = 1 + below(s, NODES), b = 1 + below(s, NODES);

		s->cut[a][b] = chance(s, 500);
		if (chance(s, 700))
			s->cut[b][a] = s->cut[a][b];
	}
	if (chance(s, 4))
		memset(s->cut, 0, sizeof(s->cut));
	if (chance(s, 3)) {
		s->loss = (unsigned)below(s, 200);
		s->dup = (unsigned)below(s, 100);
		s->slow = (unsigned)below(s, 200);
	}
}

static void tick(struct sim *s, bool with_faults)
{
	s->now++;
	if (with_faults)
		faults(s);
	for (unsigned i = 0; i < NODES; i++)
		if (!s->nodes[i].c && s->nodes[i].up_at <= s->now)
			node_up(&s->nodes[i]);
	run_net(s);
	for (unsigned i = 0; i < NODES; i++)
		if (s->nodes[i].c && s->nodes[i].stopped_until <= s->now)
			node_step(&s->nodes[i]);
	if (with_faults)
		clients(s);
}

/* All members of the leader's configuration have applied all that the leader has. */
static bool converged(struct sim *s)
{
	struct consensus_member v[NODES];
	struct node *lead = NULL;
	size_t n;

	for (unsigned i = 0; i < NODES; i++)
		if (s->nodes[i].leader && (!lead || s->nodes[i].term > lead->term))
			lead = &s->nodes[i];
	if (!lead || lead->state.index != consensus_last_index(lead->c))
		return false;
	n = consensus_members(lead->c, v, NODES);
	for (size_t i = 0; i < n; i++)
		if (v[i].role != MEMBER_SPARE &&
		    s->nodes[v[i].id - 1].state.index != lead->state.index)
			return false;
	return true;
}

static void dump(struct sim *s)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = &s->nodes[i];
		struct consensus_member v[NODES];
		size_t count = n->c ? consensus_members(n->c, v, NODES) : 0;

		print_message("s%u %s%s term %" PRIu64 ", leader %" PRIu64 ", log %" PRIu64
			      "..%" PRIu64 ", durable %" PRIu64 ", commit %" PRIu64
			      ", applied %" PRIu64 ", snapshot %" PRIu64 ", members",
			      i + 1, n->leader ? "leads" : "follows",
			      n->installing ? ", installs" : "", n->term, consensus_leader(n->c),
			      n->log.first, consensus_last_index(n->c), consensus_durable(n->c),
			      n->commit, n->state.index, n->snapshot.index);
		for (size_t k = 0; k < count; k++)
			print_message(" %" PRIu64 "%s", v[k].id,
				      v[k].role == MEMBER_VOTER ? "v" : "");
		print_message("\n");
	}
}

static void heal(struct sim *s)
{
	bool sent = false, done = false;

	s->loss = s->dup = s->slow = 0;
	memset(s->cut, 0, sizeof(s->cut));
	for (unsigned i = 0; i < NODES; i++)
		s->nodes[i].up_at = s->nodes[i].stopped_until = 0;
	for (unsigned t = 0; t < HEAL_MS && !done; t++) {
		tick(s, false);
		if (!converged(s))
			continue;
		done = sent;
		for (unsigned i = 0; i < NODES && !sent; i++)
			sent = s->nodes[i].leader && put(s, &s->nodes[i]);
	}
	if (!done)
		dump(s);
	CHECK(s, done);
}

static void sim_start(struct sim *s, uint64_t seed)
{
	struct consensus_member v[3] = {
		{1, "s1", MEMBER_VOTER}, {2, "s2", MEMBER_VOTER}, {3, "s3", MEMBER_VOTER}};
	CLEANUP(buf_done) struct buf conf = BUF_INIT;
	struct rec first = {.index = 1, .term = 1, .type = LOG_ENTRY_CONFIG};

	*s = (struct sim){.seed = seed, .rng = seed, .now = 1000};
	assert_int_equal(consensus_conf_encode(v, 3, &conf), 0);
	first.data = conf.p;
	first.len = (uint32_t)conf.len;
	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = &s->nodes[i];

		n->sim = s;
		n->id = i + 1;
		n->files = disk_new();
		n->io = disk_io(n->files);
		n->ship_ops =
			(struct ship_ops){ship_send, ship_open, ship_check, ship_offer, NULL, n};
		ship_in_init(&n->in, &n->io, &n->ship_ops, 0);
		for (unsigned k = 0; k < NODES; k++)
			ship_out_init(&n->out[k], &n->io, &n->ship_ops, CHUNK, RETRY_MS);
		state_init(&n->state);
		state_init(&n->snapshot);
		state_init(&n->incoming);
		if (i < 3) {
			n->term = 1;
			reclog_put(&n->disk, &first);
		}
	}
}

static void sim_done(struct sim *s)
{
	for (unsigned i = 0; i < NODES; i++) {
		struct node *n = &s->nodes[i];

		node_down(n);
		reclog_done(&n->log);
		reclog_done(&n->disk);
		free(n->writes);
		buf_done(&n->state.conf);
		buf_done(&n->snapshot.conf);
		buf_done(&n->incoming.conf);
		disk_free(n->files);
	}
	for (size_t i = 0; i < s->n_net; i++)
		buf_done(&s->net[i].bytes);
	free(s->net);
	free(s->all);
	free(s->sent);
}

static uint64_t first_seed = 1, n_seeds = 300;

static void test_faults(void **state)
{
	static struct sim s;
	unsigned acked = 0, reads = 0, snapshots = 0, elections = 0, damaged = 0;

	(void)state;
	for (uint64_t seed = first_seed; seed < first_seed + n_seeds; seed++) {
		sim_start(&s, seed);
		for (unsigned t = 0; t < FAULTS_MS; t++)
			tick(&s, true);
		heal(&s);
		acked += s.n_acked;
		reads += s.n_reads;
		snapshots += s.n_snapshots;
		elections += s.n_elections;
		damaged += s.n_damaged;
		sim_done(&s);
	}
	print_message("%u writes, %u reads, %u snapshots (%u damaged), %u elections\n", acked,
		      reads, snapshots, damaged, elections);
	assert_true(acked > 50 * n_seeds && reads > 10 * n_seeds);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults)};

	log_max = LOG_LEVEL_ERR; /* damaged snapshots are the rule here */
	if (argc > 1) {
		first_seed = strtoull(argv[1], NULL, 10);
		n_seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
