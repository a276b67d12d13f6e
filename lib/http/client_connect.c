/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/client_conn.h"

#include "lib/base/clock.h"

/*
 * How a connection comes about. A round begins with the endpoint in use and has the next one join
 * when the first fails, or is slow: whichever answers first is taken, the others are dropped. When
 * all have failed the round is over; the next follows after a pause that is counted from this
 * round's beginning, so that masters that were away for long are found soon after they return.
 */
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 2000
#define JITTER_MS 100
#define TCP_NS                                                                            \
	(2 * NSEC_PER_SEC) /* two SYNs: then rather a third than one more in four seconds \
			    */
#define BESIDE_MS                                                                       \
	250 /* another endpoint is tried as well when the first does not answer at all, \
	     */
#define BESIDE_TLS_MS 500 /* or has taken the connection but is slow: many came at once */

/* ---- rounds ---- */

static uint64_t now_ms(const struct http_client *c)
{
	return uv_now(c->conf.loop);
}

static void note_failure(struct http_client *c, const struct endpoint *ep, int err, const char *why)
{
	snprintf(c->last_error, sizeof(c->last_error), "connect %s: %s", ep->authority, why);
	c->last_err = err;
	c->is_h1 = false; /* what comes back may be another server */
}

static void round_over(struct http_client *c, uint64_t began_ms)
{
	uint64_t ms = c->rounds > 5 ? BACKOFF_MAX_MS : (uint64_t)BACKOFF_MS << c->rounds;

	c->rounds++;
	c->looked_ms = 0; /* what names stood for was of no use */
	ms = MIN(ms, (uint64_t)BACKOFF_MAX_MS);
	c->retry_at_ms = MAX(began_ms + ms / 2 + rng_below(&rng_system, ms / 2 + 1),
			     now_ms(c) + rng_below(&rng_system, JITTER_MS));
	if (c->conf.wait_timeout_ns == 1) /* who does not wait is not kept waiting: at once again */
		c->retry_at_ms = 0;
	list_for_each_safe (it, &c->waiting) {
		struct http_call *call = list_entry(it, struct http_call, link);

		if (now_ms(c) >= call->wait_until_ms)
			call_end(call, c->last_err, c->last_error);
		if (c->freed)
			return;
	}
}

/* A connection of a call's own did not come about: the next call tries the next endpoint. */
static void own_failed(struct http_client *c)
{
	client_at_next(c);
	if (++c->failures % MAX(c->n_endpoints, (size_t)1) == 0)
		round_over(c, now_ms(c));
}

void client_unresolved(struct http_client *c)
{
	round_over(c, now_ms(c));
}

static void try_next(struct http_client *c)
{
	while (c->tried < c->n_endpoints) {
		const struct endpoint *e = &c->endpoints[(c->at + c->tried++) % c->n_endpoints];
		struct cconn *cc = client_connect_to(c, e, false);

		if (!cc)
			continue;
		cc->attempt = true;
		c->attempts++;
		c->beside_at_ms = now_ms(c) + BESIDE_MS;
		return;
	}
	if (!c->attempts)
		round_over(c, c->round_ms);
}

void client_connect(struct http_client *c)
{
	if (c->attempts || now_ms(c) < c->retry_at_ms || !client_resolve(c))
		return;
	c->tried = 0;
	c->round_ms = now_ms(c);
	try_next(c);
}

void client_connect_beside(struct http_client *c)
{
	if (!c->attempts || c->tried >= c->n_endpoints || now_ms(c) < c->beside_at_ms)
		return;
	list_for_each (it, &c->conns) {
		const struct cconn *cc = list_entry(it, struct cconn, link);
		uint64_t at = cc->heard_ms + ((uint64_t)BESIDE_TLS_MS << MIN(c->rounds, 2u));

		if (cc->attempt && cc->conn->state == CONN_HANDSHAKE && now_ms(c) < at) {
			c->beside_at_ms = at;
			return;
		}
	}
	try_next(c);
}

void client_connect_stop(struct http_client *c)
{
	list_for_each_safe (it, &c->conns) {
		struct cconn *cc = list_entry(it, struct cconn, link);

		if (!cc->attempt)
			continue;
		cc->attempt = false;
		cc->client = NULL;
		list_remove(&cc->link);
		conn_close(cc->conn, 0);
	}
	c->attempts = 0;
}

/* ---- one connection ---- */

/* The first of a round. */
static void won(struct http_client *c, struct cconn *cc)
{
	struct cconn *old = c->h2;

	cc->attempt = false;
	c->attempts--;
	c->is_h1 = !cc->is_h2;
	client_connect_stop(c);
	client_at(c, &cc->ep);
	c->h2 = cc->is_h2 ? cc : NULL;
	if (old) /* it had fallen silent */
		conn_close(old->conn, -ETIMEDOUT);
}

static void cc_on_ready(struct conn *conn)
{
	struct cconn *cc = conn->owner;
	struct http_client *c = cc->client;

	if (!c) {
		conn_close(conn, 0);
		return;
	}
	cc->ready = true;
	cc->is_h2 = conn->tls && tls_io_is_h2(conn->tls);
	conn_set_deadline(conn, 0);
	c->failures = 0;
	c->rounds = 0;
	c->retry_at_ms = 0;
	cc->heard_ms = now_ms(c);
	if (cc->is_h2 && client_h2_open(cc) < 0) {
		conn_close(conn, -ENOMEM);
		return;
	}
	if (cc->attempt)
		won(c, cc);
	if (!cc->is_h2 && cc->call) {
		cc->call->begun = true;
		client_h1_begin(cc, cc->call);
	}
	client_work_now(c);
}

/* Nobody asked for an answer within one round: rather late than from the beginning again. */
static bool is_patient(const struct http_client *c)
{
	return c->n_endpoints > 1 || c->conf.wait_timeout_ns > TCP_NS;
}

/* TCP is there, the handshake is not: a server that many come to at once needs its time. */
static void cc_on_deadline(struct conn *conn)
{
	struct cconn *cc = conn->owner;
	struct http_client *c = cc->client;
	uint64_t now = uv_now(conn->timer.loop), until = 0;

	if (c)
		until = cc->heard_ms + (c->conf.connect_timeout_ns
					<< (is_patient(c) ? 1 + MIN(c->rounds, 1u) : 0)) /
					       NSEC_PER_MSEC;
	if (until > now)
		conn_set_deadline(conn, (until - now) * NSEC_PER_MSEC);
	else
		conn_close(conn, -ETIMEDOUT);
}

static void cc_on_data(struct conn *conn, struct str data)
{
	struct cconn *cc = conn->owner;

	if (!cc->client)
		return;
	cc->heard_ms = uv_now(conn->timer.loop);
	if (cc->is_h2)
		client_h2_data(cc, data);
	else
		client_h1_data(cc, data);
}

static void cc_on_flush(struct conn *conn)
{
	struct cconn *cc = conn->owner;

	if (cc->client && cc->is_h2 && cc->session)
		client_h2_flush(cc);
}

static void cc_on_eof(struct conn *conn)
{
	struct cconn *cc = conn->owner;

	if (cc->client && !cc->is_h2)
		client_h1_eof(cc);
	conn_close(conn, -ECONNRESET);
}

static void end_calls(struct cconn *cc, int err, const char *why)
{
	while (!list_empty(&cc->calls)) {
		struct http_call *call = list_first(&cc->calls, struct http_call, link);
		bool again =
			!cc->ready && (!call->upgrade || ++call->tries < call->client->n_endpoints);

		/* A kept connection that the server closed while we wrote. */
		again = again || (cc->reused && !call->got_response && !call->upgrade &&
				  (call->is_head || !strcmp(call->method, "GET")));
		if (again)
			call_requeue(call);
		else
			call_end(call, err ? err : -ECONNRESET, why);
	}
}

void cconn_release(struct cconn *cc)
{
	list_remove(&cc->link);
	if (cc->session)
		nghttp2_session_del(cc->session);
	endpoint_done(&cc->ep);
	buf_done(&cc->early);
	client_unref(cc->owner);
	free(cc);
}

static void cc_on_closed(struct conn *conn, int err)
{
	struct cconn *cc = conn->owner;
	struct http_client *c = cc->client;
	const char *why = err == -EPROTO && conn->tls ? tls_io_error(conn->tls)
						      : strerror(err ? -err : ECONNRESET);
	bool attempt = cc->attempt;

	list_remove(&cc->link);
	if (c) {
		if (cc->ready && c->h2 == cc && err) /* it went away: begin with another */
			client_at_next(c);
		if (c->h2 == cc)
			c->h2 = NULL;
		if (attempt)
			c->attempts--;
		end_calls(cc, err, why);
	}
	/* A callback may have freed it; our reference keeps the memory. */
	if (c && !cc->ready && !c->freed) {
		note_failure(c, &cc->ep, err ? err : -ECONNRESET, why);
		if (!attempt)
			own_failed(c);
		else if (c->tried < c->n_endpoints || !c->attempts)
			try_next(c);
	}
	if (c)
		client_work(c);
	cconn_release(cc);
}

static const struct conn_ops client_conn_ops = {
	.on_ready = cc_on_ready,
	.on_data = cc_on_data,
	.on_read_end = cc_on_flush,
	.on_writable = cc_on_flush,
	.on_eof = cc_on_eof,
	.on_deadline = cc_on_deadline,
	.on_closed = cc_on_closed,
};

static uint64_t tcp_patience(const struct http_client *c)
{
	return is_patient(c) ? MIN(c->conf.connect_timeout_ns, TCP_NS) : c->conf.connect_timeout_ns;
}

struct cconn *client_connect_to(struct http_client *c, const struct endpoint *e, bool only_h1)
{
	struct cconn *cc = NEW(struct cconn);
	int r;

	cc->ep = endpoint_copy(e);
	list_init(&cc->calls);
	buf_init(&cc->early);
	r = conn_connect(c->conf.loop, (const struct sockaddr *)&cc->ep.addr,
			 cc->ep.is_tls ? c->conf.tls : NULL, cc->ep.host, &client_conn_ops, cc,
			 &cc->conn);
	if (r < 0) {
		note_failure(c, &cc->ep, r, strerror(-r));
		endpoint_done(&cc->ep);
		free(cc);
		if (only_h1)
			own_failed(c);
		return NULL;
	}
	if (only_h1 && cc->conn->tls)
		tls_io_only_h1(cc->conn->tls);
	cc->client = cc->owner = c;
	c->refs++;
	cc->heard_ms = now_ms(c);
	list_append(&c->conns, &cc->link);
	conn_set_deadline(cc->conn, tcp_patience(c));
	return cc;
}
