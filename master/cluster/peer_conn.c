/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cluster/peer_conn.h"
#include "master/store/le.h"

#include <openssl/err.h>

#define HELLO_DEADLINE_MS 5000u
#define READ_BYTES (64u << 10)
#define SHORT_BYTES 4096
#define READS_A_TURN 16u /* then others are served */
#define KEEP_BYTES (1u << 20) /* of an input buffer, between frames */

static void on_poll(uv_poll_t *h, int status, int events);

static void on_closed(uv_handle_t *h)
{
	struct peer_conn *c = h->data;

	if (--c->n_handles)
		return;
	SSL_free(c->ssl);
	close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

void peer_conn_close(struct peer_conn *c)
{
	if (c->closed)
		return;
	c->closed = true;
	if (c->up && !c->down)
		SSL_shutdown(c->ssl);
	uv_poll_stop(&c->poll);
	uv_close((uv_handle_t *)&c->poll, on_closed);
	uv_close((uv_handle_t *)&c->deadline, on_closed);
}

static void set_down(struct peer_conn *c, int error)
{
	if (!c->down)
		c->down = error;
}

/* Said to the kernel only when it changes: masters at rest do little else than exchange heartbeats.
 */
static void watch(struct peer_conn *c, int events)
{
	if (c->watched == events)
		return;
	c->watched = events;
	uv_poll_start(&c->poll, events, on_poll);
}

/* At the end of a turn: the user is told from nowhere else. */
static void finish_turn(struct peer_conn *c)
{
	bool more;

	if (c->closed)
		return;
	if (c->down) {
		c->ops->on_down(c, c->down);
		peer_conn_close(c);
		return;
	}
	more = c->want_write || (c->up && !peer_conn_is_drained(c));
	watch(c, UV_READABLE | (more ? UV_WRITABLE : 0));
}

/* 0: go on later. */
static int ssl_problem(struct peer_conn *c, int r)
{
	int e = SSL_get_error(c->ssl, r), why = errno;

	ERR_clear_error();
	if (e == SSL_ERROR_WANT_READ)
		return 0;
	if (e == SSL_ERROR_WANT_WRITE) {
		c->want_write = true;
		return 0;
	}
	if (e == SSL_ERROR_ZERO_RETURN)
		return -ECONNRESET;
	if (e == SSL_ERROR_SYSCALL)
		return why ? -why : -ECONNRESET;
	return -EPERM; /* a certificate, or no TLS at all */
}

static void handshake(struct peer_conn *c)
{
	X509 *cert;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(c->ssl);
	if (r != 1) {
		set_down(c, ssl_problem(c, r));
		return;
	}
	cert = SSL_get1_peer_certificate(c->ssl);
	if (!cert || SSL_get_verify_result(c->ssl) != X509_V_OK) {
		set_down(c, -EPERM);
	} else {
		c->up = true;
		r = c->ops->on_up(c, cert);
		if (r < 0)
			set_down(c, r);
	}
	X509_free(cert);
}

static void take_frames(struct peer_conn *c)
{
	size_t at = 0;

	while (!c->down && !c->closed && c->in.len - at >= 4) {
		size_t len = le32_get(c->in.p + at);
		int r;

		if (len > c->frame_max) {
			set_down(c, -EPERM);
			return;
		}
		if (c->in.len - at - 4 < len)
			break;
		r = c->ops->on_frame(c, str_n(c->in.p + at + 4, len));
		if (r < 0)
			set_down(c, r);
		at += 4 + len;
	}
	if (at)
		buf_consume(&c->in, at);
	if (!c->in.len && c->in.cap > KEEP_BYTES)
		buf_done(&c->in);
}

static void read_some(struct peer_conn *c)
{
	for (unsigned i = 0; i < READS_A_TURN && !c->down && !c->closed; i++) {
		char *p = buf_reserve(&c->in, READ_BYTES);
		int r;

		ERR_clear_error();
		errno = 0;
		r = SSL_read(c->ssl, p, READ_BYTES);
		if (r <= 0) {
			set_down(c, ssl_problem(c, r));
			return;
		}
		buf_setlen(&c->in, c->in.len + (size_t)r);
		take_frames(c);
		/* That was all, most likely; if not, the descriptor is still readable. */
		if (r < SHORT_BYTES && !SSL_pending(c->ssl))
			break;
	}
	/* What TLS holds decrypted makes no descriptor readable. */
	if (!c->down && !c->closed && SSL_pending(c->ssl))
		c->want_write = true;
}

static void write_some(struct peer_conn *c)
{
	while (!c->down && !c->closed && c->out_at < c->out.len) {
		size_t n = MIN(c->out.len - c->out_at, (size_t)INT_MAX);
		int r;

		ERR_clear_error();
		errno = 0;
		r = SSL_write(c->ssl, c->out.p + c->out_at, (int)n);
		if (r <= 0) {
			set_down(c, ssl_problem(c, r));
			return;
		}
		c->out_at += (size_t)r;
		if (c->out_at < c->out.len)
			continue;
		buf_done(&c->out);
		c->out_at = 0;
		c->ops->on_drained(c);
	}
}

/* `reads`: there may be something to read. */
static void turn(struct peer_conn *c, bool reads)
{
	if (c->busy || c->closed)
		return; /* the turn under way goes on with it */
	c->busy = true;
	reads |= c->want_write; /* TLS holds something */
	c->want_write = false;
	if (!c->up)
		handshake(c);
	if (c->up && !c->down && reads)
		read_some(c);
	if (c->up && !c->down)
		write_some(c);
	c->busy = false;
	finish_turn(c);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct peer_conn *c = h->data;

	(void)events;
	if (status < 0)
		set_down(c, status);
	turn(c, true);
}

static void on_deadline(uv_timer_t *t)
{
	struct peer_conn *c = t->data;

	set_down(c, -ETIMEDOUT);
	finish_turn(c);
}

struct peer_conn *peer_conn_new(uv_loop_t *loop, int take_fd, SSL_CTX *ctx, bool server,
				const struct peer_conn_ops *ops, void *user)
{
	struct peer_conn *c = NEW(struct peer_conn);

	list_init(&c->node);
	c->ops = ops;
	c->user = user;
	c->fd = take_fd;
	c->server = server;
	c->frame_max = PEER_HELLO_MAX;
	c->n_handles = 2;
	buf_init(&c->in);
	buf_init(&c->out);
	c->ssl = SSL_new(ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, take_fd) != 1)
		abort(); /* only out of memory */
	if (server)
		SSL_set_accept_state(c->ssl);
	else
		SSL_set_connect_state(c->ssl);
	uv_poll_init(loop, &c->poll, take_fd);
	uv_timer_init(loop, &c->deadline);
	c->poll.data = c->deadline.data = c;
	uv_timer_start(&c->deadline, on_deadline, HELLO_DEADLINE_MS, 0);
	/* A client speaks first, as soon as the descriptor can be written to. */
	watch(c, UV_READABLE | (server ? 0 : UV_WRITABLE));
	return c;
}

bool peer_conn_is_drained(const struct peer_conn *c)
{
	return c->out_at >= c->out.len;
}

void peer_conn_write(struct peer_conn *c, struct buf *b)
{
	buf_done(&c->out);
	c->out = *b;
	c->out_at = 0;
	buf_init(b);
	turn(c, false);
}

void peer_conn_ready(struct peer_conn *c, size_t max)
{
	c->ready = true;
	c->frame_max = max;
	uv_timer_stop(&c->deadline);
}
