/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_SERVER_H
#define KNARR_HTTP_SERVER_H
#include "lib/base/err.h"
#include "lib/http/message.h"
#include "lib/http/stream.h"
#include "lib/http/tls.h"
/*
 * An HTTP/2 and HTTP/1.1 server on a libuv loop (RFC 9110, 9112, 9113).
 *
 *	on_request -> [http_req_read_body -> cb] -> http_reply
 *	                                         |  http_reply_start, http_reply_write*,
 *http_reply_end |  http_req_upgrade -> struct http_stream
 *
 * A request is owned by the server and lives until its exchange is over: answered in full, reset,
 * or its connection gone. Then on_close runs (if one was set) and the pointer is dead, unless a
 * reference was taken: on a request that is over every call is harmless and returns -EPIPE.
 * on_close never runs inside a call of the handler, it comes from the loop.
 *
 * What the server does by itself: 400, 408, 413 (when nobody reads the body), 431, 501, 505;
 * deadlines (slow headers, slow bodies, readers that stand still, idle connections); limits on
 * streams, resets and continuations of HTTP/2; Date, Content-Length and chunks; Expect: 100.
 */
struct http_server;
struct http_req;

struct http_server_conf {
	uv_loop_t *loop;
	struct tls_ctx *tls; /* NULL: plain text (HTTP/1.1, and HTTP/2 with prior knowledge) */
	/* Headers are complete; a body may still be under way. */
	void (*on_request)(struct http_req *req, void *user);
	void *user;
	/* 0 takes the default in brackets. */
	size_t max_headers; /* [64 KB] of one request, names and values */
	size_t max_body; /* [3 MB] the most that any http_req_read_body gets */
	size_t max_queue; /* [1 MB] bytes of a streamed answer not yet sent, per request */
	unsigned max_conns; /* [10,000] further ones are closed at once */
	unsigned max_streams; /* [250] concurrent requests of one HTTP/2 connection */
	uint64_t handshake_timeout_ns; /* [10 s] */
	uint64_t header_timeout_ns; /* [20 s] from the first byte of a request to its last header */
	uint64_t body_timeout_ns; /* [60 s] without a byte of an unfinished body */
	uint64_t stall_timeout_ns; /* [60 s] without the peer taking a byte of what is queued */
	uint64_t idle_timeout_ns; /* [180 s] a connection without a request */
};

struct http_server_stats {
	uint64_t conns, conns_total, reqs, reqs_total; /* open now; since the start */
	uint64_t bytes_in, bytes_out; /* on the wire */
	uint64_t handshake_failures, bad_requests, timeouts, slow_readers, floods;
};

/* Takes its own reference on conf->tls. */
struct http_server *http_server_new(const struct http_server_conf *conf);
/*
 * Listen on a numeric address ("127.0.0.1", "::", "0.0.0.0") with a backlog of 4096. Port 0 takes
 * a free one. May be called for several addresses. -EADDRINUSE and the like with a message.
 */
int http_server_listen(struct http_server *s, const char *addr, uint16_t port, struct err *err);
uint16_t http_server_port(const struct http_server *s); /* of the last listen */
const struct http_server_stats *http_server_stats(const struct http_server *s);
/*
 * Stop in good order: no new connections, GOAWAY, idle connections closed, running requests get
 * `grace_ns` to end (long watches should be ended by the handler at the same time), then the rest
 * is cut. `on_done` (may be NULL) runs from the loop when the last connection is gone.
 */
void http_server_shutdown(struct http_server *s, uint64_t grace_ns, void (*on_done)(void *user),
			  void *user);
/*
 * Cuts everything; the memory goes once the loop has run its close callbacks. Requests are closed
 * (on_close) from the loop. NULL is fine; returns NULL.
 */
struct http_server *http_server_free(struct http_server *s);

/* ---- the request; every str stays valid until the request is over ---- */
struct str http_req_method(const struct http_req *r); /* "GET" */
struct str http_req_path(const struct http_req *r); /* as sent, before the '?' */
struct str http_req_query(const struct http_req *r); /* as sent, behind the '?'; absent if none */
/* First field of this name (any case); absent if there is none. */
struct str http_req_header(const struct http_req *r, const char *name);
/* Field number i, false beyond the last. Names are lower case. ":authority" is given as "host". */
bool http_req_header_at(const struct http_req *r, size_t i, struct http_header *ret);
int http_req_version(const struct http_req *r); /* 1 or 2 */
bool http_req_is_tls(const struct http_req *r);
/* "10.0.0.7:41234", "[::1]:80". */
const char *http_req_peer_addr(const struct http_req *r);
/*
 * The client's certificate (borrowed) if it gave one that the server's CA signed, is in its time
 * and may be used by clients; else NULL. One that failed does not end the connection: as the
 * request would be without it, http_req_peer_verify says why not (an X509_V_ERR_ number; X509_V_OK
 * when fine or none was given), and the handler answers 401.
 */
X509 *http_req_peer_cert(const struct http_req *r);
long http_req_peer_verify(const struct http_req *r);
struct http_server *http_req_server(const struct http_req *r);
uv_loop_t *http_req_loop(const struct http_req *r);

/* For long work: with a reference the memory stays although the exchange may be over. */
struct http_req *http_req_ref(struct http_req *r); /* returns r */
struct http_req *http_req_unref(struct http_req *r); /* returns NULL */
bool http_req_is_over(const struct http_req *r);
/* A pointer of the handler's. */
void http_req_set_user(struct http_req *r, void *user);
void *http_req_user(const struct http_req *r);
/*
 * Runs once when the exchange is over: err 0 when the answer went out in full, -ECONNRESET when
 * the client went away or reset the stream, -ENOBUFS for a reader that was too slow, -ETIMEDOUT.
 */
void http_req_on_close(struct http_req *r, void (*cb)(struct http_req *r, int err, void *user),
		       void *user);
/*
 * Read the whole body (of at most `max` bytes, 0: the server's max_body) and call back once, maybe
 * before this returns. err: 0; -EFBIG (answer 413, the rest is thrown away and the connection
 * closed); -ECONNRESET (the client broke off: the request is over). Without a body: 0 and "".
 * The bytes are valid until the request is over. Sends 100 Continue when the client waits for it.
 */
void http_req_read_body(struct http_req *r, size_t max,
			void (*cb)(struct http_req *r, int err, struct str body, void *user),
			void *user);
/* Moves the body that was read into *ret (initialised by the caller). */
void http_req_take_body(struct http_req *r, struct buf *ret);

/*
 * Answer. `headers` and `pieces` are borrowed during the call; the bytes of the pieces are not
 * copied, their blobs are referenced. Content-Length and Date are added. -EPIPE if over or already
 * answered.
 */
int http_reply(struct http_req *r, int status, const struct http_header *headers, size_t n_headers,
	       const struct http_piece *pieces, size_t n_pieces);
/* The short form: one content type, a copied body. */
int http_reply_text(struct http_req *r, int status, const char *content_type, struct str body);
/*
 * Answer in parts: chunks in HTTP/1.1, DATA frames in HTTP/2; each write goes out at once, several
 * within one turn of the loop together.
 */
int http_reply_start(struct http_req *r, int status, const struct http_header *headers,
		     size_t n_headers);
/*
 * Queue one blob (referenced, not copied). When more than max_queue bytes stand in the queue the
 * reader is too slow: the stream is cut, this and later calls return -ENOBUFS/-EPIPE, on_close
 * follows.
 */
int http_reply_write(struct http_req *r, struct http_blob *blob);
int http_reply_writev(struct http_req *r, const struct http_piece *pieces, size_t n);
int http_reply_end(struct http_req *r);
/* End an answer that cannot be completed, so that the client sees it is cut. */
void http_reply_abort(struct http_req *r);
/* Bytes queued for this answer, and a callback when none are (the producer's flow control). */
size_t http_reply_queued(const struct http_req *r);
void http_reply_on_drain(struct http_req *r, void (*cb)(struct http_req *r, void *user),
			 void *user);
/* Another limit than max_queue for this answer. */
void http_reply_set_max_queue(struct http_req *r, size_t bytes);
/* Close the connection after this answer (Connection: close, GOAWAY): for 401 and the like. */
void http_req_close_after(struct http_req *r);

/*
 * Answer 101 and take the connection: only HTTP/1.1 can (-EOPNOTSUPP otherwise; answer 400).
 * `protocol` is the value of the Upgrade field ("websocket", "SPDY/3.1"); Connection: Upgrade is
 * added. The request is over with this, its on_close does not run; *ret belongs to the caller.
 */
int http_req_upgrade(struct http_req *r, const char *protocol, const struct http_header *headers,
		     size_t n_headers, struct http_stream **ret);
#endif
