/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/server_conn.h"

#include <arpa/inet.h>

#define BACKLOG 4096
/*
 * TLS handshakes begun in a turn of the loop: many that come at once leave time for the others, and
 * those that have begun are ended first.
 */
#define HANDSHAKES 16u

struct listener {
	struct list link;
	uv_tcp_t tcp;
	struct http_server *server;
};

static const struct http_server_conf defaults = {
	.max_headers = 64 * 1024,
	.max_body = 3 * 1024 * 1024,
	.max_queue = 1024 * 1024,
	.max_conns = 10000,
	.max_streams = 250,
	.handshake_timeout_ns = 10 * NSEC_PER_SEC,
	.header_timeout_ns = 20 * NSEC_PER_SEC,
	.body_timeout_ns = 60 * NSEC_PER_SEC,
	.stall_timeout_ns = 60 * NSEC_PER_SEC,
	.idle_timeout_ns = 180 * NSEC_PER_SEC,
};

static void on_idle(uv_idle_t *idle);

/* ---- one connection ---- */

static void choose_proto(struct sconn *sc, bool is_h2)
{
	sc->proto = is_h2 ? &proto_h2 : &proto_h1;
	conn_set_deadline(sc->conn, sc->server->conf.header_timeout_ns);
}

static void on_ready(struct conn *c)
{
	struct sconn *sc = c->owner;

	choose_proto(sc, tls_io_is_h2(c->tls));
}

static void on_data(struct conn *c, struct str data)
{
	struct sconn *sc = c->owner;

	if (!sc->proto) /* plain text: HTTP/2 with prior knowledge begins with its preface */
		choose_proto(sc, str_starts(data, STR("PRI * HTTP/2")));
	sc->proto->on_data(sc, data);
}

static void on_flush(struct conn *c)
{
	struct sconn *sc = c->owner;

	if (sc->proto)
		sc->proto->flush(sc);
}

static void on_eof(struct conn *c)
{
	struct sconn *sc = c->owner;

	if (sc->proto)
		sc->proto->on_eof(sc);
	else
		conn_close(c, 0);
}

static void on_deadline(struct conn *c)
{
	struct sconn *sc = c->owner;

	if (sc->proto) {
		sc->proto->on_deadline(sc);
		return;
	}
	sc->server->stats.timeouts++;
	conn_close(c, -ETIMEDOUT);
}

void sconn_release(struct sconn *sc)
{
	struct http_server *s = sc->server;

	while (!list_empty(&sc->reqs))
		req_over(list_first(&sc->reqs, struct http_req, link), -ECONNRESET);
	if (sc->proto)
		sc->proto->done(sc);
	list_remove(&sc->link);
	list_remove(&sc->dirty);
	list_remove(&sc->held);
	s->stats.conns--;
	sc->released = true;
	if (!sc->busy)
		free(sc);
	if (s->stopping && !s->stats.conns && s->on_done) {
		void (*done)(void *) = TAKE(s->on_done);

		uv_timer_stop(&s->grace);
		done(s->on_done_user);
	}
	server_unref(s);
}

static void on_closed(struct conn *c, int err)
{
	struct sconn *sc = c->owner;

	if (!sc->proto && err == -EPROTO)
		sc->server->stats.handshake_failures++;
	sconn_release(sc);
}

static bool may_handshake(struct conn *c)
{
	struct sconn *sc = c->owner;
	struct http_server *s = sc->server;

	if (sc->its_turn || s->freed)
		return true;
	if (s->handshakes >= HANDSHAKES || !list_empty(&s->held))
		return false;
	s->handshakes++;
	sc->its_turn = true;
	uv_idle_start(&s->idle, on_idle);
	return true;
}

static void on_held(struct conn *c)
{
	struct sconn *sc = c->owner;

	list_append(&sc->server->held, &sc->held);
	uv_idle_start(&sc->server->idle, on_idle);
}

static void next_handshakes(struct http_server *s)
{
	for (s->handshakes = 0; s->handshakes < HANDSHAKES && !list_empty(&s->held);
	     s->handshakes++) {
		struct sconn *sc = list_first(&s->held, struct sconn, held);

		list_remove(&sc->held);
		sc->its_turn = true;
		conn_pause(sc->conn, false);
	}
}

static const struct conn_ops server_conn_ops = {
	.may_handshake = may_handshake,
	.on_held = on_held,
	.on_ready = on_ready,
	.on_data = on_data,
	.on_read_end = on_flush,
	.on_eof = on_eof,
	.on_writable = on_flush,
	.on_deadline = on_deadline,
	.on_closed = on_closed,
};

static void on_connection(uv_stream_t *stream, int status)
{
	struct listener *l = stream->data;
	struct http_server *s = l->server;
	struct sconn *sc;

	if (status < 0)
		return;
	sc = NEW(struct sconn);
	if (conn_accept(stream, s->conf.tls, &server_conn_ops, sc, &sc->conn) < 0) {
		free(sc);
		return;
	}
	sc->server = s;
	s->refs++;
	list_append(&s->conns, &sc->link);
	list_init(&sc->dirty);
	list_init(&sc->held);
	list_init(&sc->reqs);
	s->stats.conns++;
	s->stats.conns_total++;
	if (s->stats.conns > s->conf.max_conns || s->stopping) {
		conn_close(sc->conn, 0);
		return;
	}
	sc->conn->bytes_in = &s->stats.bytes_in;
	sc->conn->bytes_out = &s->stats.bytes_out;
	sc->conn->stall_ms = s->conf.stall_timeout_ns / NSEC_PER_MSEC;
	conn_peer_text(sc->conn, sc->peer, sizeof(sc->peer));
	conn_set_deadline(sc->conn,
			  s->conf.tls ? s->conf.handshake_timeout_ns : s->conf.header_timeout_ns);
}

/* ---- deferred work ---- */

static void on_idle(uv_idle_t *idle)
{
	struct http_server *s = idle->data;
	struct list now;

	next_handshakes(s);
	/* What becomes dirty meanwhile waits for the next turn: input gets its share. */
	list_init(&now);
	while (!list_empty(&s->dirty)) {
		struct list *l = s->dirty.next;

		list_remove(l);
		list_append(&now, l);
	}
	while (!list_empty(&now)) {
		struct sconn *sc = list_first(&now, struct sconn, dirty);

		list_remove(&sc->dirty);
		if (!conn_is_closing(sc->conn))
			sc->proto->flush(sc);
	}
	if (list_empty(&s->dirty) && list_empty(&s->held) && !s->handshakes)
		uv_idle_stop(idle);
}

void sconn_dirty(struct sconn *sc)
{
	struct http_server *s = sc->server;

	if (sc->conn->in_read || !list_empty(&sc->dirty) || s->freed)
		return;
	list_append(&s->dirty, &sc->dirty);
	uv_idle_start(&s->idle, on_idle);
}

/* ---- the server ---- */

struct http_server *http_server_new(const struct http_server_conf *conf)
{
	struct http_server *s = NEW(struct http_server);
	struct http_server_conf *c = &s->conf;

	*c = *conf;
#define DEFAULT(field) c->field = c->field ? c->field : defaults.field
	DEFAULT(max_headers);
	DEFAULT(max_body);
	DEFAULT(max_queue);
	DEFAULT(max_conns);
	DEFAULT(max_streams);
	DEFAULT(handshake_timeout_ns);
	DEFAULT(header_timeout_ns);
	DEFAULT(body_timeout_ns);
	DEFAULT(stall_timeout_ns);
	DEFAULT(idle_timeout_ns);
#undef DEFAULT
	if (c->tls)
		tls_ctx_ref(c->tls);
	list_init(&s->listeners);
	list_init(&s->conns);
	list_init(&s->dirty);
	list_init(&s->held);
	uv_idle_init(c->loop, &s->idle);
	uv_timer_init(c->loop, &s->grace);
	s->idle.data = s->grace.data = s;
	s->refs = 2; /* the two handles; freed with http_server_free */
	return s;
}

static int parse_addr(const char *addr, uint16_t port, struct sockaddr_storage *ret)
{
	if (uv_ip4_addr(addr, port, (struct sockaddr_in *)ret) == 0)
		return 0;
	return uv_ip6_addr(addr, port, (struct sockaddr_in6 *)ret);
}

static void on_listener_closed(uv_handle_t *h)
{
	struct listener *l = h->data;

	server_unref(l->server);
	free(l);
}

int http_server_listen(struct http_server *s, const char *addr, uint16_t port, struct err *err)
{
	struct listener *l;
	struct sockaddr_storage ss;
	int len = sizeof(ss);
	int r;

	if (parse_addr(addr, port, &ss) < 0)
		return err_sys(err, EINVAL, "%s is not a numeric address", addr);
	l = NEW(struct listener);
	l->server = s;
	uv_tcp_init(s->conf.loop, &l->tcp);
	l->tcp.data = l;
	s->refs++;
	r = uv_tcp_bind(&l->tcp, (struct sockaddr *)&ss, 0);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
	if (r == 0)
		r = uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&ss, &len);
	if (r < 0) {
		list_init(&l->link);
		uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
		return err_sys(err, -r, "listen on %s port %u: %s", addr, port, strerror(-r));
	}
	list_append(&s->listeners, &l->link);
	s->port = ntohs(((struct sockaddr_in *)&ss)->sin_port); /* same place in sockaddr_in6 */
	return 0;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

const struct http_server_stats *http_server_stats(const struct http_server *s)
{
	return &s->stats;
}

void server_unref(struct http_server *s)
{
	if (--s->refs)
		return;
	tls_ctx_unref(s->conf.tls);
	free(s);
}

static void close_listeners(struct http_server *s)
{
	list_for_each_safe (it, &s->listeners) {
		struct listener *l = list_entry(it, struct listener, link);

		list_remove(&l->link);
		uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
	}
}

static void close_conns(struct http_server *s)
{
	list_for_each_safe (it, &s->conns)
		conn_close(list_entry(it, struct sconn, link)->conn, -ECONNABORTED);
}

static void on_grace_over(uv_timer_t *t)
{
	struct http_server *s = t->data;

	close_conns(s);
	if (!s->stats.conns && s->on_done)
		TAKE(s->on_done)(s->on_done_user);
}

void http_server_shutdown(struct http_server *s, uint64_t grace_ns, void (*on_done)(void *user),
			  void *user)
{
	s->stopping = true;
	s->on_done = on_done;
	s->on_done_user = user;
	close_listeners(s);
	list_for_each_safe (it, &s->conns) {
		struct sconn *sc = list_entry(it, struct sconn, link);

		if (sc->proto)
			sc->proto->shutdown(sc);
		else
			conn_close(sc->conn, 0);
	}
	/* With no connection at all on_done still comes from the loop. */
	uv_timer_start(&s->grace, on_grace_over, s->stats.conns ? grace_ns / NSEC_PER_MSEC : 0, 0);
}

static void on_handle_closed(uv_handle_t *h)
{
	server_unref(h->data);
}

struct http_server *http_server_free(struct http_server *s)
{
	if (!s)
		return NULL;
	s->freed = s->stopping = true;
	s->on_done = NULL;
	close_listeners(s);
	close_conns(s);
	uv_close((uv_handle_t *)&s->idle, on_handle_closed);
	uv_close((uv_handle_t *)&s->grace, on_handle_closed);
	return NULL;
}
