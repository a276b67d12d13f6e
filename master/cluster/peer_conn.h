/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLUSTER_PEER_CONN_H
#define KNARR_CLUSTER_PEER_CONN_H
#include "lib/base/buf.h"
#include "lib/base/list.h"

#include <openssl/ssl.h>
#include <uv.h>
/*
 * One TLS connection between masters: frames in, bytes out, on a uv loop.
 *
 *	CONNECTING -> (handshake) -> on_up -> frames ... -> on_down -> freed by itself
 */
struct peer_conn;

struct peer_conn_ops {
	/* The handshake is done and the chain verified. A negative return ends the connection. */
	int (*on_up)(struct peer_conn *c, X509 *cert);
	/* One frame, borrowed. A negative return ends the connection. */
	int (*on_frame)(struct peer_conn *c, struct str frame);
	/* All that was given to peer_conn_write has left. */
	void (*on_drained)(struct peer_conn *c);
	/* The end, once, unless by peer_conn_close. -EPERM: refused here; else what happened. */
	void (*on_down)(struct peer_conn *c, int error);
};

struct peer_conn {
	struct list node; /* the user's */
	const struct peer_conn_ops *ops;
	void *user;
	uint64_t id; /* of the other side: expected (dialled) or told (accepted) */
	uint64_t told_hash; /* accepted: of the address it says it has */
	uint64_t heard_ns; /* when the last frame came */
	size_t frame_max;
	bool server, up, ready; /* ready: the user's, after the hello */

	/* Of peer_conn.c. */
	uv_poll_t poll;
	uv_timer_t deadline;
	int fd, n_handles, watched;
	SSL *ssl;
	struct buf in, out;
	size_t out_at;
	bool want_write, closed, busy;
	int down; /* to be told when not busy */
};

#define PEER_HELLO_MAX 512u

/* Takes fd (non-blocking; being connected, for a client). */
struct peer_conn *peer_conn_new(uv_loop_t *loop, int take_fd, SSL_CTX *ctx, bool server,
				const struct peer_conn_ops *ops, void *user);
/* No call of ops comes any more; memory goes when the loop has closed the handles. */
void peer_conn_close(struct peer_conn *c);
bool peer_conn_is_drained(const struct peer_conn *c);
/* Take the bytes of `b` (which gets an empty buffer) to be sent. Only when drained. */
void peer_conn_write(struct peer_conn *c, struct buf *take_bytes);
/* The hello is done: no deadline any more, frames up to `max`. */
void peer_conn_ready(struct peer_conn *c, size_t max);
#endif
