/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_SERVER_CONN_H
#define KNARR_HTTP_SERVER_CONN_H
#include "lib/base/list.h"
#include "lib/http/conn.h"
#include "lib/http/fields.h"
#include "lib/http/pieceq.h"
#include "lib/http/server.h"

#include <http_parser.h>
#include <nghttp2/nghttp2.h>
/*
 * Inside the server: its connections and requests. server.c accepts and keeps the books, req.c is
 * the handler's side, h1.c and h2.c speak the protocols.
 *
 * The rule that keeps callbacks simple: what a handler calls only changes queues and marks the
 * connection dirty; the protocol's flush() does the work later, from the loop. So an exchange
 * never ends (and no on_close runs) inside a handler's call.
 */
struct sconn;

struct proto {
	int version;
	void (*on_data)(struct sconn *sc, struct str data);
	void (*on_eof)(struct sconn *sc);
	void (*on_deadline)(struct sconn *sc);
	/* Send what can be sent; end exchanges that are done; close when there is no more. */
	void (*flush)(struct sconn *sc);
	void (*shutdown)(struct sconn *sc); /* no further requests */
	void (*done)(struct sconn *sc); /* free the protocol's state */
	/* The answer's head. length -1: not known. The body follows from r->queue. */
	int (*start)(struct http_req *r, int status, const struct http_header *headers, size_t n,
		     int64_t length);
	void (*kick)(struct http_req *r); /* r->queue, r->ended or r->failed changed */
	void (*want_body)(struct http_req *r); /* the handler reads the body from now on */
};
extern const struct proto proto_h1, proto_h2;

struct http_server {
	struct http_server_conf conf;
	struct list listeners; /* struct listener */
	struct list conns; /* struct sconn */
	struct list dirty; /* struct sconn */
	struct list held; /* struct sconn: their handshakes wait for a turn, first come first */
	unsigned handshakes; /* begun in this turn of the loop */
	uv_idle_t idle; /* active while the lists have entries, and a turn longer */
	uv_timer_t grace; /* of shutdown */
	struct http_server_stats stats;
	uint16_t port;
	unsigned refs; /* handles, connections, requests, the owner */
	bool stopping, freed;
	void (*on_done)(void *user);
	void *on_done_user;
};

struct h1 {
	http_parser parser;
	struct http_req *req; /* being received or answered */
	struct buf pending; /* input behind the running request */
	size_t head_bytes;
	bool complete; /* all of req has been received */
	bool dead; /* nothing further can be parsed */
	bool chunked, tail_sent, close_after, peer_eof;
};

struct h2 {
	nghttp2_session *session;
	uint64_t resets_at_ms; /* token bucket against rapid resets */
	unsigned resets, continuations;
	bool in_head; /* a header block has begun and not ended */
	bool going; /* GOAWAY is sent or about to be */
	bool idle; /* the idle deadline is running */
};

struct sconn {
	struct conn *conn;
	struct http_server *server;
	const struct proto *proto; /* NULL until TLS is done */
	struct list link, dirty, held, reqs;
	bool its_turn; /* its handshake may go on */
	union {
		struct h1 h1;
		struct h2 h2;
	};
	unsigned busy; /* depth of h1's functions at work on it */
	bool released; /* free it when busy falls to 0 */
	char peer[56];
};

struct http_req {
	struct sconn *sc; /* NULL: over */
	struct http_server *server;
	struct list link;
	unsigned refs;
	int32_t stream_id; /* h2 */
	struct fields head;
	struct buf body;
	struct pieceq queue;
	size_t max_queue;
	size_t head_bytes, body_max;
	size_t unconsumed; /* h2: body bytes for which the window was not opened again */
	uint64_t progress_ms; /* h2: when the peer last moved this stream */
	int failed; /* negative errno: cut it at the next flush */
	bool dispatched; /* on_request ran */
	bool body_done, body_wanted, body_read, body_too_big, expect_continue;
	bool started, ended, is_head, streaming, drain_wanted, close_after;
	bool head_too_big;
	void *user;
	void (*on_close)(struct http_req *r, int err, void *user);
	void *on_close_user;
	void (*on_body)(struct http_req *r, int err, struct str body, void *user);
	void *on_body_user;
	void (*on_drain)(struct http_req *r, void *user);
	void *on_drain_user;
};

/* server.c */
void sconn_dirty(struct sconn *sc);
/* Frees sc without its conn (upgrade): the conn has a new owner. */
void sconn_release(struct sconn *sc);
void server_unref(struct http_server *s);

/* req.c */
struct http_req *req_new(struct sconn *sc);
/* Headers are complete. */
void req_dispatch(struct http_req *r);
/* Part of the body; cuts off what is beyond the limit. */
void req_body_add(struct http_req *r, struct str data);
void req_body_end(struct http_req *r);
/* The exchange is over: callbacks, then the server's reference goes. */
void req_over(struct http_req *r, int err);
/* After `n` bytes of the queue went out: on_drain if it was the last. */
void req_drained(struct http_req *r);
/* A small error answer of the server's own. */
void req_reply_error(struct http_req *r, int status);
/* "Tue, 24 Nov 2026 06:48:26 GMT", renewed once a second. */
struct str http_date(void);
/* False for what the server sets itself or must not be sent (connection, date, ...). */
bool reply_header_ok(const struct http_header *h);
#endif
