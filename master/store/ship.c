/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/ship.h"
#include "lib/base/log.h"

/* Then raft asks again, if it is still needed. */
#define TRIES_MAX 20u
#define SYNC_EVERY (8u << 20)
#define FULL_WAIT_MS 1000u

/* ---- a leader's stream to one follower ---- */

void ship_out_init(struct ship_out *o, const struct store_io *io, const struct ship_ops *ops,
		   size_t chunk, unsigned retry_ms)
{
	*o = (struct ship_out){
		.io = io, .ops = ops, .chunk = chunk, .retry_ms = retry_ms, .fd = -1};
	buf_init(&o->place.conf);
	buf_init(&o->b);
}

void ship_out_end(struct ship_out *o)
{
	if (o->fd >= 0)
		o->io->close(o->io->user, o->fd);
	o->fd = -1;
	buf_done(&o->place.conf);
	buf_done(&o->b);
}

/* The chunk at o->at, or the question that opens the stream. */
static int send_chunk(struct ship_out *o, uint64_t now_ms)
{
	struct peer_msg m = {.type = PEER_SNAPSHOT, .term = o->term};
	size_t len = o->asking ? 0 : MIN((uint64_t)o->chunk, o->size - o->at);
	ssize_t n = 0;

	buf_clear(&o->b);
	if (len)
		n = o->io->pread(o->io->user, o->fd, buf_reserve(&o->b, len), len, o->at);
	if (n < 0 || (size_t)n != len) {
		ship_out_end(o);
		return n < 0 ? (int)n : -EIO;
	}
	buf_setlen(&o->b, len);
	m.snapshot.last_index = o->place.index;
	m.snapshot.last_term = o->place.term;
	m.snapshot.conf_index = o->place.conf_index;
	m.snapshot.conf = buf_str(&o->place.conf);
	m.snapshot.offset = o->at;
	m.snapshot.data = buf_str(&o->b);
	m.snapshot.last = !o->asking && o->at + len == o->size;
	o->sent_ms = now_ms;
	o->ops->send(o->ops->user, o->to, o->address, &m);
	return 0;
}

int ship_out_begin(struct ship_out *o, uint64_t to, const char *address, uint64_t term,
		   uint64_t now_ms)
{
	o->term = term;
	str_copy(o->address, sizeof(o->address), str_of(address));
	if (ship_out_runs(o))
		return 0;
	buf_init(&o->place.conf);
	buf_init(&o->b);
	o->to = to;
	o->fd = o->ops->open(o->ops->user, &o->place, &o->size);
	if (o->fd < 0)
		return o->fd;
	o->at = 0;
	o->tries = 0;
	o->asking = true;
	return send_chunk(o, now_ms);
}

int ship_out_result(struct ship_out *o, const struct peer_msg *m, uint64_t now_ms)
{
	uint64_t have = m->snapshot_result.have;
	bool moved;

	if (!ship_out_runs(o) || m->snapshot_result.last_index != o->place.index ||
	    m->snapshot_result.last_term != o->place.term || m->term != o->term)
		return 0;
	if (have >= o->size) {
		ship_out_end(o);
		return 0;
	}
	moved = o->asking || have > o->at || (have < o->at && m->snapshot_result.again);
	if (!moved)
		return 0;
	o->asking = false;
	o->at = have;
	o->tries = 0;
	return send_chunk(o, now_ms);
}

int ship_out_tick(struct ship_out *o, uint64_t now_ms)
{
	if (ship_out_timeout(o) > now_ms)
		return 0;
	if (++o->tries > TRIES_MAX) {
		ship_out_end(o);
		return 0;
	}
	return send_chunk(o, now_ms);
}

uint64_t ship_out_timeout(const struct ship_out *o)
{
	return ship_out_runs(o) ? o->sent_ms + o->retry_ms : UINT64_MAX;
}

/* ---- what a follower receives ---- */

void ship_in_init(struct ship_in *in, const struct store_io *io, const struct ship_ops *ops,
		  uint64_t reserve_bytes)
{
	*in = (struct ship_in){.io = io, .ops = ops, .reserve_bytes = reserve_bytes, .fd = -1};
	buf_init(&in->place.conf);
}

static void forget(struct ship_in *in)
{
	if (in->ops->forget)
		in->ops->forget(in->ops->user);
}

/* Nothing has been received. The file goes when the next one comes, or at the next start. */
static void drop(struct ship_in *in)
{
	if (in->fd >= 0)
		in->io->close(in->io->user, in->fd);
	in->fd = -1;
	if (in->state >= SHIP_IN_OFFERED)
		forget(in);
	in->have = in->unsynced = 0;
	in->place.index = in->place.term = 0;
	in->state = SHIP_IN_IDLE;
}

void ship_in_end(struct ship_in *in)
{
	drop(in);
	buf_done(&in->place.conf);
}

static void reply(struct ship_in *in, const struct peer_msg *m, uint64_t have, bool again)
{
	struct peer_msg r = {.type = PEER_SNAPSHOT_RESULT, .term = m->term};

	r.snapshot_result.last_index = m->snapshot.last_index;
	r.snapshot_result.last_term = m->snapshot.last_term;
	r.snapshot_result.have = have;
	r.snapshot_result.again = again;
	in->ops->send(in->ops->user, in->from, "", &r);
}

/* No room: what is there goes too, as it may be what fills the disk. */
static int is_full(struct ship_in *in, int r, uint64_t now_ms)
{
	if (r != -ENOSPC && r != -EDQUOT)
		return r;
	if (!in->refuse_until_ms)
		log_warn("store: no room for a snapshot from the leader; waiting for space");
	drop(in);
	in->io->unlink(in->io->user, SHIP_FILE);
	in->refuse_until_ms = now_ms + FULL_WAIT_MS;
	return 0;
}

/* A snapshot whose beginning has not been seen yet. */
static int begin(struct ship_in *in, const struct peer_msg *m)
{
	drop(in);
	in->fd = in->io->open(in->io->user, SHIP_FILE, O_RDWR | O_CREAT | O_TRUNC);
	if (in->fd < 0)
		return in->fd;
	in->place.index = m->snapshot.last_index;
	in->place.term = m->snapshot.last_term;
	in->place.conf_index = m->snapshot.conf_index;
	buf_clear(&in->place.conf);
	buf_addstr(&in->place.conf, m->snapshot.conf);
	in->state = SHIP_IN_FILLING;
	return 0;
}

static bool is_same(const struct ship_in *in, const struct peer_msg *m)
{
	return in->state != SHIP_IN_IDLE && in->place.index == m->snapshot.last_index &&
	       in->place.term == m->snapshot.last_term &&
	       in->place.conf_index == m->snapshot.conf_index &&
	       str_eq(buf_str(&in->place.conf), m->snapshot.conf);
}

static int write_chunk(struct ship_in *in, struct str data)
{
	int64_t space = in->io->free_bytes(in->io->user);
	int r;

	if (space >= 0 && (uint64_t)space < in->reserve_bytes + data.len)
		return -ENOSPC;
	r = io_pwrite(in->io, in->fd, data.p, data.len, in->have);
	if (r < 0)
		return r;
	in->have += data.len;
	in->unsynced += data.len;
	if (in->unsynced < SYNC_EVERY)
		return 0;
	in->unsynced = 0;
	return in->io->datasync(in->io->user, in->fd);
}

static void offer(struct ship_in *in)
{
	in->state = SHIP_IN_OFFERED;
	in->offered_term = in->term;
	in->ops->offer(in->ops->user, in->from, in->term, &in->place);
}

/* The last byte is there. */
static int finish(struct ship_in *in)
{
	int r = in->io->datasync(in->io->user, in->fd);

	in->io->close(in->io->user, in->fd);
	in->fd = -1;
	if (!r)
		r = in->ops->check(in->ops->user, &in->place);
	if (r == -EBADMSG || r == -EPROTO) {
		log_warn_r(r, "store: a snapshot from master %" PRIu64 " is not usable", in->from);
		drop(in);
		return 0;
	}
	if (!r)
		offer(in);
	return r;
}

static int take_data(struct ship_in *in, const struct peer_msg *m, uint64_t now_ms)
{
	int r;

	if (!m->snapshot.data.len || m->snapshot.offset != in->have) {
		/* A question, something repeated, or something is missing. */
		reply(in, m, in->have, true);
		return 0;
	}
	r = write_chunk(in, m->snapshot.data);
	if (!r && m->snapshot.last)
		r = finish(in);
	if (r)
		return is_full(in, r, now_ms);
	in->refuse_until_ms = 0;
	reply(in, m, m->snapshot.last && in->state == SHIP_IN_OFFERED ? SHIP_ALL : in->have,
	      in->state == SHIP_IN_IDLE);
	return 0;
}

int ship_in_chunk(struct ship_in *in, uint64_t from, const struct peer_msg *m, uint64_t now_ms)
{
	int r = 0;

	if (m->term < in->term || now_ms < in->refuse_until_ms)
		return 0;
	in->term = m->term;
	in->from = from;
	if (m->snapshot.last_index <= in->done_index ||
	    (in->state >= SHIP_IN_OFFERED && is_same(in, m))) {
		reply(in, m, SHIP_ALL, false);
		return 0;
	}
	if (in->state >= SHIP_IN_OFFERED)
		return 0; /* another one: it will be asked for again if it is needed then */
	if (m->snapshot.last_index < in->place.index && m->term == in->filling_term)
		return 0; /* late: a leader goes on to newer ones only */
	if (!is_same(in, m))
		r = begin(in, m);
	in->filling_term = m->term;
	return r ? is_full(in, r, now_ms) : take_data(in, m, now_ms);
}

void ship_in_verdict(struct ship_in *in, bool installing)
{
	if (in->state != SHIP_IN_OFFERED)
		return;
	if (installing)
		in->state = SHIP_IN_INSTALLING;
	else if (in->term > in->offered_term)
		offer(in); /* the leader it came from is one no more */
	else
		drop(in);
}

void ship_in_installed(struct ship_in *in)
{
	in->done_index = MAX(in->done_index, in->place.index);
	in->state = SHIP_IN_IDLE; /* what was checked is in use now: it is not forgotten */
	drop(in);
}
