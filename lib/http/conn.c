/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define READ_SIZE 65536 /* one read, shared by all connections */
#define RECORD_SIZE 16384 /* the most one TLS record carries */
#define WIRE_MAX (256 * 1024) /* offered to the kernel at once */
#define HIGH_WATER (128 * 1024) /* kept for a slow peer before on_writable is awaited */
#define LINGER_NS (3 * NSEC_PER_SEC)
#define STALL_NS (60 * NSEC_PER_SEC)

struct conn_write {
	uv_write_t req;
	struct conn *conn;
	struct buf bytes;
};

/*
 * The thread's output block. It belongs to one connection at a time: when another puts, the first
 * is flushed. `plain` gathers small pieces into whole TLS records, `wire` what goes to the kernel.
 */
static _Thread_local struct {
	struct conn *owner;
	size_t plain_len;
	char plain[RECORD_SIZE];
	struct buf wire;
} output = {.wire = {buf_empty, 0, 0}};
static _Thread_local char input[READ_SIZE];
static _Thread_local char decrypted[READ_SIZE];

static void read_update(struct conn *c);
static void wire_send(struct conn *c);

/* ---- deadlines ---- */

static void on_timer(uv_timer_t *t);

static void timer_arm(struct conn *c)
{
	uint64_t at = c->deadline_ms, now = uv_now(c->timer.loop);

	if (c->stall_at_ms && (!at || c->stall_at_ms < at))
		at = c->stall_at_ms;
	if (!at || c->state == CONN_CLOSED) {
		if (c->state != CONN_CLOSED)
			uv_timer_stop(&c->timer);
		return;
	}
	/* A timer that fires too early looks again; only moving it forward costs a call. */
	if (uv_is_active((uv_handle_t *)&c->timer) &&
	    uv_timer_get_due_in(&c->timer) <= (at > now ? at - now : 0))
		return;
	uv_timer_start(&c->timer, on_timer, at > now ? at - now : 0, 0);
}

static void on_timer(uv_timer_t *t)
{
	struct conn *c = t->data;
	uint64_t now = uv_now(t->loop);

	if (c->stall_at_ms && now >= c->stall_at_ms) {
		size_t left = uv_stream_get_write_queue_size(&c->u.stream);

		if (left == c->stall_left) {
			conn_close(c, -ETIMEDOUT);
			return;
		}
		c->stall_left = left;
		c->stall_at_ms = now + c->stall_ms;
	}
	if (c->deadline_ms && now >= c->deadline_ms) {
		c->deadline_ms = 0;
		if (c->state != CONN_OPENING && c->state != CONN_LINGER && c->ops->on_deadline)
			c->ops->on_deadline(c);
		else
			conn_close(c, c->state == CONN_LINGER ? 0 : -ETIMEDOUT);
	}
	timer_arm(c);
}

void conn_set_deadline(struct conn *c, uint64_t ns)
{
	if (c->state >= CONN_LINGER)
		return;
	c->deadline_ms = ns ? uv_now(c->timer.loop) + ns / NSEC_PER_MSEC : 0;
	if (ns)
		timer_arm(c);
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	if (--c->closing_handles)
		return;
	if (c->ops->on_closed)
		c->ops->on_closed(c, c->err);
	tls_io_free(c->tls);
	buf_done(&c->backlog);
	free(c);
}

void conn_close(struct conn *c, int err)
{
	if (c->state == CONN_CLOSED)
		return;
	if (output.owner == c) {
		output.owner = NULL;
		output.plain_len = 0;
		buf_clear(&output.wire);
	}
	c->state = CONN_CLOSED;
	c->err = err;
	c->closing_handles = 2;
	uv_close(&c->u.handle, on_handle_closed);
	uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	struct conn *c = req->handle->data;

	free(req);
	if (c->state == CONN_CLOSED)
		return;
	if (status < 0 || (c->eof_in && c->state == CONN_LINGER))
		conn_close(c, c->state == CONN_LINGER ? 0 : status);
}

/* Once nothing is left to send: our FIN. */
static void maybe_fin(struct conn *c)
{
	uv_shutdown_t *req;

	if (!c->fin_queued || c->fin_sent || c->writing || c->backlog.len ||
	    (output.owner == c && (output.plain_len || output.wire.len)))
		return;
	c->fin_sent = true;
	req = NEW(uv_shutdown_t);
	if (uv_shutdown(req, &c->u.stream, on_shutdown) < 0) {
		free(req);
		conn_close(c, c->state == CONN_LINGER ? 0 : -EPIPE);
	}
}

/* ---- writing ---- */

static void acquire(struct conn *c)
{
	if (output.owner == c)
		return;
	if (output.owner)
		conn_flush(output.owner);
	output.owner = c;
	if (c->tls)
		tls_io_sink(c->tls, &output.wire);
}

static void seal(struct conn *c)
{
	size_t n = output.plain_len;

	output.plain_len = 0;
	if (n && tls_io_write(c->tls, output.plain, n) < 0)
		conn_close(c, -EPROTO);
}

void conn_put(struct conn *c, const void *p, size_t len)
{
	if (c->state == CONN_CLOSED || c->fin_queued || !len)
		return;
	acquire(c);
	if (!c->tls) {
		buf_add(&output.wire, p, len);
	} else if (len <= RECORD_SIZE - output.plain_len) {
		memcpy(output.plain + output.plain_len, p, len);
		output.plain_len += len;
	} else {
		size_t fill = output.plain_len ? RECORD_SIZE - output.plain_len : 0;

		memcpy(output.plain + output.plain_len, p, fill);
		output.plain_len += fill;
		seal(c);
		if (c->state != CONN_CLOSED &&
		    tls_io_write(c->tls, (const char *)p + fill, len - fill) < 0)
			conn_close(c, -EPROTO);
	}
	if (output.owner == c && output.wire.len >= WIRE_MAX)
		wire_send(c);
}

static void on_written(uv_write_t *req, int status)
{
	struct conn_write *w = container_of(req, struct conn_write, req);
	struct conn *c = w->conn;

	buf_done(&w->bytes);
	free(w);
	c->writing = NULL;
	c->writing_bytes = 0;
	c->stall_at_ms = 0;
	if (c->state == CONN_CLOSED)
		return;
	if (status < 0) {
		conn_close(c, status);
		return;
	}
	conn_flush(c);
	if (c->want_writable && c->state != CONN_CLOSED && conn_room(c)) {
		c->want_writable = false;
		if (c->state == CONN_OPEN && c->ops->on_writable)
			c->ops->on_writable(c);
	}
}

/* Give the backlog to libuv, which waits for the socket. */
static void backlog_send(struct conn *c)
{
	struct conn_write *w;
	uv_buf_t b;
	int r;

	if (c->writing || !c->backlog.len || c->state < CONN_HANDSHAKE)
		return;
	w = NEW(struct conn_write);
	w->conn = c;
	w->bytes = c->backlog;
	buf_init(&c->backlog);
	b = uv_buf_init(w->bytes.p, (unsigned)w->bytes.len);
	c->writing = w;
	c->writing_bytes = w->bytes.len;
	r = uv_write(&w->req, &c->u.stream, &b, 1, on_written);
	if (r < 0) {
		c->writing = NULL;
		buf_done(&w->bytes);
		free(w);
		conn_close(c, r);
		return;
	}
	c->stall_left = c->writing_bytes;
	c->stall_at_ms = uv_now(c->timer.loop) + c->stall_ms;
	timer_arm(c);
}

static void wire_send(struct conn *c)
{
	struct buf *w = &output.wire;
	size_t done = 0;

	if (c->bytes_out)
		*c->bytes_out += w->len;
	if (!c->writing && !c->backlog.len && c->state >= CONN_HANDSHAKE) {
		uv_buf_t b = uv_buf_init(w->p, (unsigned)w->len);
		int r = uv_try_write(&c->u.stream, &b, 1);

		if (r < 0 && r != UV_EAGAIN) {
			conn_close(c, r);
			return;
		}
		done = r > 0 ? (size_t)r : 0;
	}
	buf_add(&c->backlog, w->p + done, w->len - done);
	buf_clear(w);
	backlog_send(c);
}

void conn_flush(struct conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	if (output.owner == c) {
		if (c->tls)
			seal(c);
		if (c->state != CONN_CLOSED && output.wire.len)
			wire_send(c);
		if (output.owner == c)
			output.owner = NULL;
		/* One burst must not leave a large block behind. */
		if (output.wire.cap > 4 * WIRE_MAX)
			buf_done(&output.wire);
	}
	if (c->state == CONN_CLOSED)
		return;
	backlog_send(c);
	if (c->state != CONN_CLOSED)
		maybe_fin(c);
}

size_t conn_queued(const struct conn *c)
{
	size_t n = c->writing_bytes + c->backlog.len;

	if (output.owner == c)
		n += output.plain_len + output.wire.len;
	return n;
}

size_t conn_room(struct conn *c)
{
	size_t n = conn_queued(c);

	/* The block was not offered to the kernel yet: see first whether it takes it. */
	if (n >= HIGH_WATER && output.owner == c && !c->writing) {
		conn_flush(c);
		n = conn_queued(c);
	}
	if (c->state != CONN_OPEN || n >= HIGH_WATER) {
		c->want_writable = true;
		return 0;
	}
	return HIGH_WATER - n;
}

void conn_fin(struct conn *c)
{
	if (c->state == CONN_CLOSED || c->fin_queued)
		return;
	if (c->tls && c->state >= CONN_OPEN) {
		acquire(c);
		seal(c);
		if (c->state != CONN_CLOSED)
			tls_io_close(c->tls);
	}
	c->fin_queued = true;
	conn_flush(c);
}

void conn_close_soft(struct conn *c)
{
	if (c->state >= CONN_LINGER)
		return;
	if (c->state < CONN_OPEN) {
		conn_close(c, 0);
		return;
	}
	c->state = CONN_LINGER;
	c->deadline_ms = uv_now(c->timer.loop) + LINGER_NS / NSEC_PER_MSEC;
	timer_arm(c);
	c->paused = false;
	read_update(c);
	conn_fin(c);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	struct conn *c = h->data;
	bool held =
		c->state == CONN_HANDSHAKE && c->ops->may_handshake && !c->ops->may_handshake(c);

	*b = uv_buf_init(input, held ? 0 : sizeof(input)); /* 0: on_read gets UV_ENOBUFS */
}

static void got_eof(struct conn *c)
{
	if (c->eof_in || c->state == CONN_CLOSED)
		return;
	c->eof_in = true;
	read_update(c);
	if (c->state == CONN_LINGER) {
		if (c->fin_sent)
			conn_close(c, 0);
	} else if (c->state != CONN_OPEN) {
		conn_close(c, -ECONNRESET);
	} else if (c->ops->on_eof) {
		c->ops->on_eof(c);
	} else {
		conn_close_soft(c);
	}
}

static void got_plain(struct conn *c, struct str data)
{
	if (c->state == CONN_OPEN && data.len)
		c->ops->on_data(c, data);
}

static void tls_input(struct conn *c)
{
	ssize_t n = 1;

	acquire(c);
	if (c->state == CONN_HANDSHAKE) {
		int r = tls_io_handshake(c->tls);

		if (r < 0)
			conn_flush(c); /* the alert */
		if (r < 0 && c->state != CONN_CLOSED)
			conn_close(c, r);
		if (r <= 0)
			return;
		c->state = CONN_OPEN;
		c->deadline_ms = 0;
		c->ops->on_ready(c);
	}
	while (n > 0 && (c->state == CONN_OPEN || c->state == CONN_LINGER)) {
		size_t len = 0;

		acquire(c);
		while (len < sizeof(decrypted) &&
		       (n = tls_io_read(c->tls, decrypted + len, sizeof(decrypted) - len)) > 0)
			len += (size_t)n;
		got_plain(c, str_n(decrypted, len));
	}
	if (n == -ENOTCONN)
		got_eof(c);
	else if (n < 0)
		conn_close(c, (int)n);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = s->data;

	if (n == 0 || c->state == CONN_CLOSED)
		return;
	if (n == UV_ENOBUFS && c->state == CONN_HANDSHAKE) {
		conn_pause(c, true);
		c->ops->on_held(c);
		return;
	}
	if (n < 0 && n != UV_EOF) {
		conn_close(c, c->state == CONN_LINGER ? 0 : (int)n);
		return;
	}
	c->in_read = true; /* what is put now is flushed at the end */
	if (n > 0) {
		if (c->bytes_in)
			*c->bytes_in += (uint64_t)n;
		if (c->tls) {
			tls_io_feed(c->tls, str_n(b->base, (size_t)n));
			tls_input(c);
			tls_io_feed(c->tls, STR_NULL);
		} else {
			got_plain(c, str_n(b->base, (size_t)n));
		}
	} else {
		got_eof(c);
	}
	c->in_read = false;
	if (c->state == CONN_OPEN && c->ops->on_read_end)
		c->ops->on_read_end(c);
	conn_flush(c);
}

static void read_update(struct conn *c)
{
	bool want =
		!c->paused && !c->eof_in && c->state >= CONN_HANDSHAKE && c->state < CONN_CLOSED;

	if (want == c->reading)
		return;
	c->reading = want;
	if (!want) {
		uv_read_stop(&c->u.stream);
	} else {
		int r = uv_read_start(&c->u.stream, on_alloc, on_read);

		if (r < 0)
			conn_close(c, r);
	}
}

void conn_pause(struct conn *c, bool pause)
{
	if (c->state >= CONN_LINGER)
		return;
	c->paused = pause;
	read_update(c);
}

/* ---- the beginning ---- */

static struct conn *conn_new(uv_loop_t *loop, const struct conn_ops *ops, void *owner)
{
	struct conn *c = NEW(struct conn);

	c->ops = ops;
	c->owner = owner;
	c->stall_ms = STALL_NS / NSEC_PER_MSEC;
	buf_init(&c->backlog);
	uv_timer_init(loop, &c->timer);
	c->timer.data = c;
	return c;
}

static const struct conn_ops no_ops;

/* For a connection whose maker gets an error: closes without a callback. */
static int conn_drop(struct conn *c, int err)
{
	c->ops = &no_ops;
	conn_close(c, err);
	return err;
}

static int set_tls(struct conn *c, struct tls_ctx *tls, const char *name)
{
	if (!tls)
		return 0;
	c->tls = tls_io_new(tls, name);
	return c->tls ? 0 : -ENOMEM;
}

/* TCP is up: no Nagle, and a peer that vanished is noticed within about a minute. */
static void begin(struct conn *c)
{
	unsigned gone_ms = 60000;
	int fd;

	if (c->u.handle.type == UV_TCP && uv_fileno(&c->u.handle, &fd) == 0) {
		uv_tcp_nodelay(&c->u.tcp, 1);
		uv_tcp_keepalive(&c->u.tcp, 1, 30);
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_ms, sizeof(gone_ms));
	}
	c->state = c->tls ? CONN_HANDSHAKE : CONN_OPEN;
	read_update(c);
}

int conn_accept(uv_stream_t *listener, struct tls_ctx *tls, const struct conn_ops *ops, void *owner,
		struct conn **ret)
{
	struct conn *c = conn_new(listener->loop, ops, owner);
	int r;

	uv_tcp_init(listener->loop, &c->u.tcp);
	c->u.handle.data = c;
	r = uv_accept(listener, &c->u.stream);
	if (r == 0)
		r = set_tls(c, tls, NULL);
	if (r < 0)
		return conn_drop(c, r);
	begin(c);
	*ret = c;
	return 0;
}

static void on_connected(uv_connect_t *req, int status)
{
	struct conn *c = req->handle->data;

	free(req);
	if (c->state == CONN_CLOSED)
		return;
	if (status < 0) {
		conn_close(c, status);
		return;
	}
	begin(c);
	if (c->state == CONN_OPEN) {
		c->deadline_ms = 0;
		c->ops->on_ready(c);
	} else if (c->state == CONN_HANDSHAKE) {
		tls_input(c);
	}
	conn_flush(c);
}

int conn_connect(uv_loop_t *loop, const struct sockaddr *addr, struct tls_ctx *tls,
		 const char *name, const struct conn_ops *ops, void *owner, struct conn **ret)
{
	struct conn *c = conn_new(loop, ops, owner);
	uv_connect_t *req;
	int r;

	uv_tcp_init(loop, &c->u.tcp);
	c->u.handle.data = c;
	r = set_tls(c, tls, name);
	if (r < 0)
		return conn_drop(c, r);
	req = NEW(uv_connect_t);
	r = uv_tcp_connect(req, &c->u.tcp, addr, on_connected);
	if (r < 0) {
		free(req);
		return conn_drop(c, r);
	}
	*ret = c;
	return 0;
}

int conn_take_fd(uv_loop_t *loop, int fd, const struct conn_ops *ops, void *owner,
		 struct conn **ret)
{
	struct conn *c = conn_new(loop, ops, owner);
	bool is_tcp = uv_guess_handle(fd) == UV_TCP;
	int r;

	if (is_tcp)
		uv_tcp_init(loop, &c->u.tcp);
	else
		uv_pipe_init(loop, &c->u.pipe, 0);
	c->u.handle.data = c;
	r = is_tcp ? uv_tcp_open(&c->u.tcp, fd) : uv_pipe_open(&c->u.pipe, fd);
	if (r < 0) {
		close(fd);
		return conn_drop(c, r);
	}
	c->paused = true;
	begin(c);
	*ret = c;
	return 0;
}

void conn_peer_text(struct conn *c, char *ret, size_t size)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	char ip[INET6_ADDRSTRLEN] = "";

	if (c->u.handle.type != UV_TCP ||
	    uv_tcp_getpeername(&c->u.tcp, (struct sockaddr *)&ss, &len) < 0) {
		snprintf(ret, size, "unix");
	} else if (ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *a = (void *)&ss;

		if (IN6_IS_ADDR_V4MAPPED(&a->sin6_addr)) {
			inet_ntop(AF_INET, &a->sin6_addr.s6_addr[12], ip, sizeof(ip));
			snprintf(ret, size, "%s:%u", ip, ntohs(a->sin6_port));
			return;
		}
		inet_ntop(AF_INET6, &a->sin6_addr, ip, sizeof(ip));
		snprintf(ret, size, "[%s]:%u", ip, ntohs(a->sin6_port));
	} else {
		const struct sockaddr_in *a = (void *)&ss;

		inet_ntop(AF_INET, &a->sin_addr, ip, sizeof(ip));
		snprintf(ret, size, "%s:%u", ip, ntohs(a->sin_port));
	}
}

void conn_set_owner(struct conn *c, const struct conn_ops *ops, void *owner)
{
	c->ops = ops;
	c->owner = owner;
}
