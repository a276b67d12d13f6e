/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_CONN_H
#define KNARR_HTTP_CONN_H
#include "lib/http/message.h"
#include "lib/http/tls_io.h"

#include <uv.h>
/*
 * Inside lib/http: one TCP (or Unix) connection with optional TLS, as a byte pipe with
 * backpressure and deadlines. Server, client and streams stand on it.
 *
 * An idle connection owns no buffer. Reading uses one block for all connections of the thread;
 * so does writing: what is put is encrypted into a shared block and offered to the kernel at
 * conn_flush; only what the kernel does not take is kept with the connection.
 *
 *	      connect/accept        handshake              conn_close_soft
 *	OPENING ----------> (TLS) ----------> OPEN ----------------------> LINGER
 *	   |                                   |                             | peer's FIN, 3 s
 *	   +-------- error, conn_close --------+-------------> CLOSED <------+
 *
 * LINGER sends what is queued, then FIN, and throws away what still arrives: closing with unread
 * input would make the kernel send RST, and the peer could lose our last answer.
 * on_closed always comes from the loop, once; the owner must not use the conn after it.
 */
struct conn;

struct conn_ops {
	void (*on_ready)(struct conn *c); /* connected, TLS done */
	void (*on_data)(struct conn *c, struct str data);
	/* All that one read brought was given to on_data: flush here. */
	void (*on_read_end)(struct conn *c);
	void (*on_eof)(struct conn *c); /* the peer's half is over; NULL: conn_close_soft */
	void (*on_writable)(struct conn *c); /* there is room again */
	void (*on_deadline)(struct conn *c); /* NULL: conn_close(-ETIMEDOUT) */
	/*
	 * A step of the TLS handshake is to be done, which costs more than most requests. False:
	 * not now; on_held follows, and the owner calls conn_pause(false) when it is its turn.
	 * NULL: at once.
	 */
	bool (*may_handshake)(struct conn *c);
	void (*on_held)(struct conn *c);
	void (*on_closed)(struct conn *c, int err); /* freed after the call */
};

enum conn_state { CONN_OPENING, CONN_HANDSHAKE, CONN_OPEN, CONN_LINGER, CONN_CLOSED };

struct conn {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} u;
	uv_timer_t timer;
	enum conn_state state;
	const struct conn_ops *ops;
	void *owner;
	struct tls_io *tls; /* NULL: plain */
	uint64_t *bytes_in, *bytes_out; /* counters of the owner's, or NULL */
	struct buf backlog; /* wire bytes the kernel did not take yet */
	struct conn_write *writing; /* being written by libuv; backlog comes after it */
	size_t writing_bytes;
	uint64_t deadline_ms, stall_at_ms; /* loop time; 0: none */
	uint64_t stall_ms;
	size_t stall_left;
	int err; /* given to on_closed */
	unsigned char closing_handles;
	bool reading, paused, eof_in, fin_queued, fin_sent, want_writable, in_read;
};

/* Take a pending connection off a listener. */
int conn_accept(uv_stream_t *listener, struct tls_ctx *tls, const struct conn_ops *ops, void *owner,
		struct conn **ret);
/* Begin to connect. `name`: for SNI and the certificate check (a host name or an address). */
int conn_connect(uv_loop_t *loop, const struct sockaddr *addr, struct tls_ctx *tls,
		 const char *name, const struct conn_ops *ops, void *owner, struct conn **ret);
/* A connected socket as a plain connection; takes fd. */
int conn_take_fd(uv_loop_t *loop, int fd, const struct conn_ops *ops, void *owner,
		 struct conn **ret);
/* Hand the connection to another owner (upgrade). */
void conn_set_owner(struct conn *c, const struct conn_ops *ops, void *owner);

/* Queue bytes; they are copied or encrypted before it returns. Follow with conn_flush. */
void conn_put(struct conn *c, const void *p, size_t len);
void conn_flush(struct conn *c);
/* How much may be put before the connection should be left to drain; on_writable follows a 0. */
size_t conn_room(struct conn *c);
size_t conn_queued(const struct conn *c);
void conn_pause(struct conn *c, bool pause);
void conn_fin(struct conn *c); /* half-close once all is sent */
/* 0: none. Fires once. */
void conn_set_deadline(struct conn *c, uint64_t ns);
void conn_close(struct conn *c, int err);
void conn_close_soft(struct conn *c);
static inline bool conn_is_closing(const struct conn *c)
{
	return c->state >= CONN_LINGER;
}
/* "1.2.3.4:56", "[::1]:56", "unix" */
void conn_peer_text(struct conn *c, char *ret, size_t size);
#endif
