/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_CLIENT_H
#define KNARR_HTTP_CLIENT_H
#include "lib/base/err.h"
#include "lib/http/message.h"
#include "lib/http/stream.h"
#include "lib/http/tls.h"
/*
 * An HTTP client on a libuv loop: all requests and watches of one client share one HTTP/2
 * connection to the endpoint in use. A server without h2 is talked to in HTTP/1.1, with one
 * connection a running request, kept alive between them.
 *
 * A call that finds no connection waits while the client connects, until its own connect or
 * whole-call deadline. Endpoints are tried in turn, from the one used last, each given a quarter of
 * a second (twice that for the handshake) before the next is tried beside it: the first to answer
 * is taken. When all have failed a pause follows (100 ms doubling to 2 s, jittered, counted from
 * the round's beginning: those that answered nothing for so long are tried again at once). One in
 * use that leaves a ping without an answer for 0.3 s is left for another if that answers. A call
 * that was sent is never sent again by the client: it ends with -ECONNRESET and the caller knows
 * whether repeating is safe. A refused stream (GOAWAY before it was looked at) is sent again.
 */
struct http_client;
struct http_call;

struct http_client_conf {
	uv_loop_t *loop;
	/*
	 * "https://10.0.0.1:6443", "http://[::1]:8080", "https://m1.example:6443": at least one.
	 * Names are looked up on threads of libuv, and stand for all their addresses.
	 */
	const char *const *endpoints;
	size_t n_endpoints;
	struct tls_ctx *tls; /* for https: own reference is taken */
	struct str bearer_token; /* absent: none. Sent as Authorization: Bearer */
	const char *user_agent; /* NULL: "knarr/<version>" */
	/* 0 takes the default in brackets. */
	/*
	 * [5 s] of one endpoint, handshake included. Where a call waits for longer than one round,
	 * TCP is begun anew after 2 s and the handshake has twice the time (4 times after a round).
	 */
	uint64_t connect_timeout_ns;
	/*
	 * [30 s] After each round in which all endpoints failed, the calls that have waited longer
	 * end with the last error. 1: the first failed round ends them, and
	 * the next call tries at once, without a pause (probes, commands, webhooks).
	 */
	uint64_t wait_timeout_ns;
	uint64_t ping_idle_ns; /* [30 s] a silent h2 connection with calls is pinged; */
	uint64_t ping_timeout_ns; /* [15 s] and given up without an answer */
	size_t max_headers; /* [64 KB] of one response */
};

/* -EINVAL for a URL it cannot read, or https without tls. */
int http_client_new(const struct http_client_conf *conf, struct http_client **ret, struct err *err);
/* Ends all calls with -ECANCELED (from here, before it returns). NULL is fine; returns NULL. */
struct http_client *http_client_free(struct http_client *c);
/* No call is under way. Streams that were upgraded are their owners', with or without the client.
 */
bool http_client_idle(const struct http_client *c);
/* For new calls. */
void http_client_set_token(struct http_client *c, struct str token);
/* Replace the endpoint list (masters came or went); a connection in use stays. */
int http_client_set_endpoints(struct http_client *c, const char *const *endpoints, size_t n,
			      struct err *err);
/* Close connections once their calls are over, so that new calls use new certificates. */
void http_client_reconnect(struct http_client *c);

/*
 * This server answers, but is of no use now: new calls go to the next endpoint; those under way go
 * on. Does nothing where there is no other, and every five seconds at most.
 */
void http_client_move(struct http_client *c);

struct http_call_req {
	const char *method; /* "GET" */
	const char *
		path; /* with query; "/api/v1/pods?watch=true"; blanks and the like are %-escaped */
	/*
	 * Besides host, user-agent, authorization. With a line break in a value, or a name that is
	 * no token, the call ends in -EINVAL and nothing is sent.
	 */
	const struct http_header *headers;
	size_t n_headers;
	struct str body; /* copied; absent: none */
	uint64_t timeout_ns; /* whole call; 0: none (a watch) */
};

struct http_call_ops {
	/* Headers of the final response (never 1xx). */
	void (*on_response)(struct http_call *call, int status, void *user);
	/* A part of the body as it came; valid during the call. */
	void (*on_data)(struct http_call *call, struct str data, void *user);
	/*
	 * The end, exactly once, unless cancelled: 0 when the response is complete; -ETIMEDOUT;
	 * -ECONNRESET; -ECONNREFUSED and the like from connecting; -EPROTO; -ECANCELED. The
	 * call is dead afterwards. http_call_error has the text.
	 */
	void (*on_end)(struct http_call *call, int err, void *user);
};

/*
 * Begin a call; never fails at once, callbacks come from the loop only. `ops` must stay valid; all
 * else is copied.
 */
struct http_call *http_client_request(struct http_client *c, const struct http_call_req *req,
				      const struct http_call_ops *ops, void *user);
/* End it without any further callback (RST_STREAM; the connection stays). The call is dead. */
void http_call_cancel(struct http_call *call);
/* Of the response, from on_response on; absent if there is none. */
struct str http_call_header(const struct http_call *call, const char *name);
bool http_call_header_at(const struct http_call *call, size_t i, struct http_header *ret);
/* Why it failed ("connect 10.0.0.1:6443: Connection refused"); in on_end. Never NULL. */
const char *http_call_error(const struct http_call *call);
/*
 * In on_end: whether the server may have seen any of it. False: certainly nothing was done, so the
 * call may be made again whatever its method.
 */
bool http_call_begun(const struct http_call *call);
/*
 * Stop or go on with taking the body (the server's output backs up). For readers that feed
 * something slower.
 */
void http_call_pause(struct http_call *call, bool pause);

struct http_upgrade_ops {
	/*
	 * 101: the stream is the caller's now (s not NULL), status 101, and `call` gives the
	 * response's headers during this call. Otherwise s is NULL: `status` and `body` (at most
	 * 64 KB of it) are the server's refusal, or status 0 and err the failure.
	 */
	void (*on_done)(struct http_call *call, int err, int status, struct str body,
			struct http_stream *s, void *user);
};

/*
 * Ask for a protocol upgrade on an HTTP/1.1 connection of its own. `req->headers` carry the
 * Upgrade and Connection fields and what else the protocol needs. http_call_cancel works until
 * on_done; the call is dead after it.
 */
struct http_call *http_client_upgrade(struct http_client *c, const struct http_call_req *req,
				      const struct http_upgrade_ops *ops, void *user);
#endif
