/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/stream_conn.h"

#define CLOSE_NS (5 * NSEC_PER_SEC)
/* A splice stops reading from one side when this much waits for the other. */
#define SPLICE_HIGH (256 * 1024)

/* ---- every kind ---- */

void http_stream_start(struct http_stream *s, const struct http_stream_ops *ops, void *user)
{
	s->ops = ops;
	s->user = user;
	s->kind->start(s);
}

int http_stream_write(struct http_stream *s, struct str bytes)
{
	return s->kind->write(s, bytes);
}

size_t http_stream_queued(const struct http_stream *s)
{
	return s->kind->queued(s);
}

void http_stream_pause(struct http_stream *s, bool pause)
{
	s->kind->pause(s, pause);
}

void http_stream_shutdown(struct http_stream *s)
{
	s->kind->shutdown(s);
}

void http_stream_close(struct http_stream *s)
{
	s->kind->close(s);
}

void http_stream_abort(struct http_stream *s)
{
	s->kind->abort(s);
}

void stream_data(struct http_stream *s, struct str data)
{
	if (s->ops && s->ops->on_data && data.len)
		s->ops->on_data(s, data, s->user);
}

void stream_eof(struct http_stream *s)
{
	if (s->ops && s->ops->on_eof)
		s->ops->on_eof(s, s->user);
	else
		http_stream_close(s);
}

void stream_drained(struct http_stream *s)
{
	if (s->ops && s->ops->on_drain)
		s->ops->on_drain(s, s->user);
}

void stream_closed(struct http_stream *s, int err)
{
	if (s->ops && s->ops->on_close)
		s->ops->on_close(s, err, s->user);
}

/* ---- over a connection ---- */

struct conn_stream {
	struct http_stream s;
	struct conn *conn;
	struct buf early; /* read before the start */
	uv_idle_t idle; /* delivers `early`, flushes writes made outside of reading */
	bool early_eof, paused, shut, idle_open, drain_due, dead;
	int err;
};

static struct conn_stream *conn_stream(const struct http_stream *s)
{
	return container_of(s, struct conn_stream, s);
}

static void on_idle(uv_idle_t *h);

static void poke(struct conn_stream *cs)
{
	if (!cs->dead)
		uv_idle_start(&cs->idle, on_idle);
}

static void cs_on_data(struct conn *c, struct str data)
{
	struct conn_stream *cs = c->owner;

	if (cs->s.ops && !cs->early.len)
		stream_data(&cs->s, data);
	else
		buf_addstr(&cs->early, data);
}

static void cs_on_eof(struct conn *c)
{
	struct conn_stream *cs = c->owner;

	if (cs->s.ops && !cs->early.len)
		stream_eof(&cs->s);
	else
		cs->early_eof = true;
}

static void cs_flush(struct conn *c)
{
	struct conn_stream *cs = c->owner;

	conn_flush(c);
	if (cs->drain_due && !conn_queued(c) && !conn_is_closing(c)) {
		cs->drain_due = false;
		stream_drained(&cs->s);
	}
}

static void on_idle(uv_idle_t *h)
{
	struct conn_stream *cs = h->data;
	struct buf early = cs->early;
	bool eof = cs->early_eof;

	uv_idle_stop(h);
	if (cs->s.ops && !cs->paused) {
		buf_init(&cs->early);
		cs->early_eof = false;
		stream_data(&cs->s, buf_str(&early));
		buf_done(&early);
		if (eof && !cs->dead)
			stream_eof(&cs->s);
	}
	if (!cs->dead)
		cs_flush(cs->conn);
}

static void on_idle_closed(uv_handle_t *h)
{
	struct conn_stream *cs = h->data;

	stream_closed(&cs->s, cs->err);
	buf_done(&cs->early);
	free(cs);
}

static void cs_on_closed(struct conn *c, int err)
{
	struct conn_stream *cs = c->owner;

	cs->dead = true;
	cs->err = err;
	uv_close((uv_handle_t *)&cs->idle, on_idle_closed);
}

static const struct conn_ops stream_conn_ops = {
	.on_data = cs_on_data,
	.on_read_end = cs_flush,
	.on_eof = cs_on_eof,
	.on_writable = cs_flush,
	.on_closed = cs_on_closed,
};

static void cs_start(struct http_stream *s)
{
	struct conn_stream *cs = conn_stream(s);

	conn_pause(cs->conn, cs->paused);
	poke(cs);
}

static int cs_write(struct http_stream *s, struct str bytes)
{
	struct conn_stream *cs = conn_stream(s);

	if (cs->dead || cs->shut || conn_is_closing(cs->conn))
		return -EPIPE;
	conn_put(cs->conn, bytes.p, bytes.len);
	cs->drain_due = true;
	conn_room(cs->conn); /* asks for on_writable when it is full */
	if (!cs->conn->in_read)
		poke(cs);
	return 0;
}

static size_t cs_queued(const struct http_stream *s)
{
	const struct conn_stream *cs = conn_stream(s);

	return cs->dead ? 0 : conn_queued(cs->conn);
}

static void cs_pause(struct http_stream *s, bool pause)
{
	struct conn_stream *cs = conn_stream(s);

	if (cs->dead || cs->paused == pause)
		return;
	cs->paused = pause;
	conn_pause(cs->conn, pause);
	if (!pause)
		poke(cs);
}

static void cs_shutdown(struct http_stream *s)
{
	struct conn_stream *cs = conn_stream(s);

	if (cs->dead || cs->shut)
		return;
	cs->shut = true;
	conn_fin(cs->conn);
}

static void cs_close(struct http_stream *s)
{
	struct conn_stream *cs = conn_stream(s);

	cs->shut = true;
	if (!cs->dead)
		conn_close_soft(cs->conn);
}

static void cs_abort(struct http_stream *s)
{
	struct conn_stream *cs = conn_stream(s);

	cs->shut = true;
	if (!cs->dead)
		conn_close(cs->conn, 0);
}

static const struct stream_kind conn_kind = {
	.write = cs_write,
	.queued = cs_queued,
	.pause = cs_pause,
	.shutdown = cs_shutdown,
	.close = cs_close,
	.abort = cs_abort,
	.start = cs_start,
};

struct http_stream *stream_of_conn(struct conn *c, struct buf *early)
{
	struct conn_stream *cs = NEW(struct conn_stream);

	cs->s.kind = &conn_kind;
	cs->conn = c;
	cs->early = *early;
	buf_init(early);
	cs->early_eof = c->eof_in;
	uv_idle_init(c->timer.loop, &cs->idle);
	cs->idle.data = cs;
	conn_set_owner(c, &stream_conn_ops, cs);
	conn_pause(c, true);
	return &cs->s;
}

int http_stream_take_fd(uv_loop_t *loop, int fd, struct http_stream **ret)
{
	struct buf none = BUF_INIT;
	struct conn *c;
	int r = conn_take_fd(loop, fd, &stream_conn_ops, NULL, &c);

	if (r < 0)
		return r;
	*ret = stream_of_conn(c, &none);
	return 0;
}

/* ---- splice ---- */

struct splice {
	struct http_stream *side[2]; /* NULL once closed */
	unsigned eofs;
	void (*on_end)(void *user);
	void *user;
};

static unsigned side_of(const struct splice *sp, const struct http_stream *s)
{
	return sp->side[1] == s;
}

static void splice_data(struct http_stream *s, struct str data, void *user)
{
	struct splice *sp = user;
	struct http_stream *other = sp->side[!side_of(sp, s)];

	if (!other || http_stream_write(other, data) < 0)
		http_stream_close(s);
	else if (http_stream_queued(other) > SPLICE_HIGH)
		http_stream_pause(s, true);
}

static void splice_eof(struct http_stream *s, void *user)
{
	struct splice *sp = user;
	struct http_stream *other = sp->side[!side_of(sp, s)];

	if (++sp->eofs == 2 || !other) {
		http_stream_close(s);
		if (other)
			http_stream_close(other);
	} else {
		http_stream_shutdown(other);
	}
}

static void splice_drain(struct http_stream *s, void *user)
{
	struct splice *sp = user;
	struct http_stream *other = sp->side[!side_of(sp, s)];

	if (other)
		http_stream_pause(other, false);
}

static void splice_close(struct http_stream *s, int err, void *user)
{
	struct splice *sp = user;
	unsigned i = side_of(sp, s);

	sp->side[i] = NULL;
	if (sp->side[!i]) {
		http_stream_close(sp->side[!i]);
		return;
	}
	if (sp->on_end)
		sp->on_end(sp->user);
	free(sp);
}

void http_splice(struct http_stream *a, struct http_stream *b, void (*on_end)(void *user),
		 void *user)
{
	static const struct http_stream_ops ops = {splice_data, splice_eof, splice_drain,
						   splice_close};
	struct splice *sp = NEW(struct splice);

	*sp = (struct splice){{a, b}, 0, on_end, user};
	http_stream_start(a, &ops, sp);
	http_stream_start(b, &ops, sp);
}
