/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_CLIENT_CONN_H
#define KNARR_HTTP_CLIENT_CONN_H
#include "lib/base/list.h"
#include "lib/http/client.h"
#include "lib/http/conn.h"
#include "lib/http/fields.h"

#include <http_parser.h>
#include <nghttp2/nghttp2.h>
/*
 * Inside the client: client.c keeps calls and connections and decides what runs where;
 * client_resolve.c finds the addresses of names; client_connect.c makes connections;
 * client_h1.c and client_h2.c speak the protocols on one connection.
 *
 *	call:  WAITING --call_begin--> on a cconn --call_end--> on_end, freed
 *	          ^------ call_requeue ----'
 *
 * Public calls only change lists and start the idle handle; all callbacks come from the loop.
 */
struct cconn;

struct endpoint {
	char *host, *authority; /* "10.0.0.1"; "10.0.0.1:6443" */
	uint16_t port;
	bool is_tls;
	struct sockaddr_storage addr; /* of those to connect to */
	struct sockaddr_storage *found; /* of those given: what the host is, port 0 */
	size_t n_found;
};

struct http_client {
	struct http_client_conf conf;
	struct endpoint *given; /* as it was told */
	size_t n_given;
	bool names; /* some of them are host names */
	struct list lookups;
	uint64_t looked_ms; /* when names were looked up last; 0: never */
	struct endpoint *endpoints; /* addresses; none while no name is known yet */
	size_t n_endpoints, at; /* the one in use or tried next */
	char *token, *user_agent;
	struct list calls; /* every call, by `all` */
	struct list waiting; /* calls without a connection, by `link` */
	struct list conns;
	struct cconn *h2; /* the shared connection, once it is ready */
	unsigned attempts; /* connections on their way that will show which protocol it is */
	size_t tried; /* endpoints in this round */
	unsigned rounds; /* that failed in a row */
	uint64_t round_ms; /* when this one began */
	uint64_t beside_at_ms; /* when the next endpoint is tried beside those under way */
	bool is_h1; /* the server spoke HTTP/1.1 last */
	unsigned failures; /* endpoints that failed in a row for calls with their own connection */
	uint64_t retry_at_ms; /* backoff; 0: connect at once */
	uint64_t move_at_ms; /* not before may it be moved again */
	uv_idle_t idle;
	uv_timer_t timer;
	char last_error[200];
	int last_err;
	unsigned refs; /* the owner and two handles, connections */
	bool freed;
};

#define INTERIMS_MAX 64

struct http_call {
	struct http_client *client;
	struct list all, link; /* link: waiting, or cconn.calls */
	struct cconn *cc; /* NULL: waiting */
	char *method, *path;
	struct fields req, resp;
	struct buf body;
	size_t sent; /* of the body */
	bool has_body, paused, got_response, is_head, was_reused;
	bool begun; /* on a connection: the server may have seen it */
	bool bad; /* a header field that must not be sent */
	int status;
	unsigned interims; /* 1xx answers so far; INTERIMS_MAX at most */
	int32_t stream_id;
	size_t unconsumed;
	unsigned tries; /* endpoints that failed for this upgrade */
	uint64_t deadline_ms, wait_until_ms;
	const struct http_call_ops *ops;
	const struct http_upgrade_ops *upgrade; /* not NULL: an upgrade */
	struct buf refusal; /* body of a refused upgrade */
	void *user;
	char error[200];
};

struct cconn {
	struct conn *conn;
	struct http_client *client; /* NULL: given up, only waits to be closed */
	struct http_client *owner; /* holds the reference */
	struct endpoint ep; /* own copy */
	struct list link;
	struct list calls;
	bool ready, is_h2, draining;
	bool attempt; /* in its client's attempts */
	/* h1 */
	http_parser parser;
	struct http_call *call; /* the one running; calls has it too */
	bool reused, complete;
	struct buf early; /* behind a 101 */
	/* h2 */
	nghttp2_session *session;
	uint64_t heard_ms, pinged_ms;
};

/* client.c */
void client_work(struct http_client *c); /* look at the waiting calls in the next turn */
/* Over: tells the user and frees the call. `text` may be NULL. */
void call_end(struct http_call *call, int err, const char *text);
/* 101: hands over the stream, frees the call. */
void call_upgraded(struct http_call *call, struct http_stream *s);
void client_unref(struct http_client *c);
/* Frees cc without its conn, which has a new owner. */
void cconn_release(struct cconn *cc);
void call_requeue(struct http_call *call);
void call_attach(struct http_call *call, struct cconn *cc);
void call_data(struct http_call *call, struct str data);
/* Fields that every request has besides its own; `add` gets them in order. */
void call_fields(struct http_call *call, bool is_h2,
		 void (*add)(struct str name, struct str value, void *user), void *user);

/* Look at them now. */
void client_work_now(struct http_client *c);
void endpoint_done(struct endpoint *e);
void endpoints_free(struct endpoint *v, size_t n);
/* The answer to a ping is here. */
void client_h2_heard(struct cconn *cc);

/* client_resolve.c */
/* Other endpoints than so far; takes v. */
void client_given(struct http_client *c, struct endpoint *v, size_t n);
/*
 * Is there an address to connect to? Names that are not known, or were asked for long ago or
 * before a round that failed, are looked up beside it; client_work follows.
 */
bool client_resolve(struct http_client *c);
void client_resolve_stop(struct http_client *c);
/* This endpoint is the one in use; the next one is. */
void client_at(struct http_client *c, const struct endpoint *e);
void client_at_next(struct http_client *c);
struct endpoint endpoint_copy(const struct endpoint *e);

/* client_connect.c */
/* No name has an address: a round that failed. */
void client_unresolved(struct http_client *c);
/* Begin a round unless one is under way or it is too early. May end waiting calls. */
void client_connect(struct http_client *c);
/* One more endpoint in this round, if the others take their time. */
void client_connect_beside(struct http_client *c);
/* Drop the attempts under way. */
void client_connect_stop(struct http_client *c);
/* NULL: it failed at once. */
struct cconn *client_connect_to(struct http_client *c, const struct endpoint *e, bool only_h1);

/* client_h1.c */
void client_h1_begin(struct cconn *cc, struct http_call *call);
void client_h1_data(struct cconn *cc, struct str data);
void client_h1_eof(struct cconn *cc);

/* client_h2.c */
int client_h2_open(struct cconn *cc);
int client_h2_begin(struct cconn *cc, struct http_call *call);
void client_h2_data(struct cconn *cc, struct str data);
void client_h2_flush(struct cconn *cc);
void client_h2_cancel(struct cconn *cc, struct http_call *call);
void client_h2_resume(struct cconn *cc, struct http_call *call);
void client_h2_ping(struct cconn *cc);
bool client_h2_full(struct cconn *cc);
#endif
