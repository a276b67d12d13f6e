/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_RELAY_H
#define KNARR_HTTP_RELAY_H
#include "lib/http/client.h"
#include "lib/http/server.h"
/*
 * A request that came in, made again to somebody else, and the answer passed back: a reverse proxy
 * for one exchange. Answers stream, with backpressure; an upgrade joins the two connections.
 *
 *	start --> on_headers --> (bytes) --> RELAY_ANSWERED
 *	      \-> RELAY_UPGRADED             RELAY_FAILED, RELAY_REDIRECTED: nothing was answered
 *	                                     yet, the caller does
 *
 * Fields of one hop (RFC 9110 7.6.1), and those that say who the caller is towards this server
 * (Authorization, Impersonate-*, X-Remote-*), are not passed on.
 */
enum http_relay_end {
	RELAY_ANSWERED, /* in full, or cut in the middle */
	RELAY_UPGRADED, /* the connection is taken: the request is over */
	RELAY_FAILED,
	RELAY_REDIRECTED, /* and conf.no_redirects: nothing was answered, the caller does */
};

struct http_relay_ops {
	/* The answer begins. May be NULL. */
	void (*on_headers)(void *user, int status);
	/*
	 * A field of the answer: a new value appended to `out` replaces it. May be NULL.
	 */
	void (*edit)(void *user, const struct http_header *h, struct buf *out);
	/*
	 * A text/html body (of at most RELAY_EDIT_MAX bytes; longer ones pass as they are), to be
	 * written to `out` with what must change. NULL: bodies are left alone.
	 */
	void (*edit_html)(void *user, struct str body, struct buf *out);
	/* The end; the relay is dead. `why` is a text where the caller answers, else NULL. */
	void (*on_end)(void *user, enum http_relay_end end, const char *why);
};
#define RELAY_EDIT_MAX (4u << 20)

struct http_relay_conf {
	struct http_req *req; /* borrowed; a reference is held */
	struct http_client *client; /* of whom to ask */
	bool take_client; /* it is freed in the end */
	/*
	 * A redirection is not passed back: who believes this server would follow the other one's
	 * word, with what he shows this server.
	 */
	bool no_redirects;
	const char *path; /* with query */
	struct str body; /* copied */
	const struct http_header *headers; /* more fields of the request; copied */
	size_t n_headers;
	const struct http_relay_ops *ops; /* must stay valid */
	void *user;
};

/* Never fails at once; callbacks come from the loop only. */
struct http_relay *http_relay_start(const struct http_relay_conf *conf);
/* The client has gone, or the server stops: no further callback. NULL is fine; returns NULL. */
struct http_relay *http_relay_cancel(struct http_relay *r);
/* Does the request ask for another protocol? */
bool http_relay_is_upgrade(const struct http_req *req);
/* Is there a body to read before the start? */
bool http_relay_has_body(const struct http_req *req);
#endif
