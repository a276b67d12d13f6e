/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/server_conn.h"
#include "lib/http/stream_conn.h"
/*
 * HTTP/1.1 (RFC 9112): one request at a time. What arrives behind it waits in `pending` (pipelined
 * requests, or the first bytes after an upgrade).
 *
 *	      head      dispatch          body            answer sent
 *	IDLE ------> HEAD ------> RECEIVING ----> ANSWERING ----------> IDLE | close
 *
 * http_parser is paused at the end of the head (if a body follows) and at the end of the message,
 * so that handlers run outside of it and may upgrade, which frees the sconn.
 */

/* Input kept behind a running request, and a refused body thrown away, before we stop caring. */
#define PENDING_MAX (64 * 1024)

static void h1_input(struct sconn *sc, struct str data);

/* ---- what the parser tells ---- */

static bool head_fits(struct sconn *sc, size_t more)
{
	sc->h1.head_bytes += more;
	sc->h1.req->head_too_big = sc->h1.head_bytes > sc->server->conf.max_headers;
	return !sc->h1.req->head_too_big;
}

static int on_message_begin(http_parser *p)
{
	struct sconn *sc = p->data;

	sc->h1.req = req_new(sc);
	sc->h1.head_bytes = 0;
	sc->h1.complete = sc->h1.tail_sent = sc->h1.chunked = false;
	sc->h1.close_after = false;
	conn_set_deadline(sc->conn, sc->server->conf.header_timeout_ns);
	fields_name_more(&sc->h1.req->head, STR(":path"));
	fields_value_more(&sc->h1.req->head, STR(""));
	return 0;
}

static int on_url(http_parser *p, const char *at, size_t len)
{
	struct sconn *sc = p->data;

	fields_value_more(&sc->h1.req->head, str_n(at, len));
	return head_fits(sc, len) ? 0 : -1;
}

/* The library lets blanks through, which others may read differently: RFC 9112 section 5.1. */
static bool is_token(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", p[i]))
			return false;
	return true;
}

static int on_field(http_parser *p, const char *at, size_t len)
{
	struct sconn *sc = p->data;

	if (!is_token(at, len))
		return -1;
	if (sc->h1.req->dispatched) /* a trailer */
		return head_fits(sc, len) ? 0 : -1;
	fields_name_more(&sc->h1.req->head, str_n(at, len));
	return head_fits(sc, len + 4) ? 0 : -1;
}

static int on_value(http_parser *p, const char *at, size_t len)
{
	struct sconn *sc = p->data;

	if (!sc->h1.req->dispatched)
		fields_value_more(&sc->h1.req->head, str_n(at, len));
	return head_fits(sc, len) ? 0 : -1;
}

static int on_headers_complete(http_parser *p)
{
	struct sconn *sc = p->data;
	struct http_req *r = sc->h1.req;

	fields_add(&r->head, STR(":method"), str_of(http_method_str(p->method)));
	sc->h1.close_after = !http_should_keep_alive(p);
	p->upgrade = 0; /* http_req_upgrade decides */
	if (p->http_major != 1 || (p->http_minor > 0 && str_is_null(http_req_header(r, "host"))))
		return -1;
	if ((p->flags & F_CHUNKED) || (p->content_length && p->content_length != ULLONG_MAX))
		http_parser_pause(p, 1);
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct sconn *sc = p->data;
	struct http_req *r = sc->h1.req;

	req_body_add(r, str_n(at, len));
	conn_set_deadline(sc->conn, sc->server->conf.body_timeout_ns);
	if (!r->body_wanted && r->body.len > PENDING_MAX)
		conn_pause(sc->conn, true);
	return 0;
}

static int on_message_complete(http_parser *p)
{
	struct sconn *sc = p->data;

	sc->h1.complete = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_message_begin = on_message_begin,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

/* ---- receiving ---- */

static void parse_failed(struct sconn *sc, enum http_errno err)
{
	struct http_req *r = sc->h1.req;
	int status = 400;

	sc->server->stats.bad_requests++;
	sc->h1.dead = true;
	if (r && r->dispatched) { /* in the body: there may be an answer already */
		r->failed = -EPROTO;
		return;
	}
	if (!r)
		r = sc->h1.req = req_new(sc);
	if (err == HPE_HEADER_OVERFLOW || r->head_too_big)
		status = 431;
	else if (err == HPE_INVALID_VERSION || sc->h1.parser.http_major > 1)
		status = 505;
	else if (err == HPE_INVALID_METHOD)
		status = 501;
	req_reply_error(r, status);
}

static void message_complete(struct sconn *sc, struct str rest)
{
	struct http_req *r = sc->h1.req;

	buf_addstr(&sc->h1.pending, rest);
	conn_set_deadline(sc->conn, 0);
	if (r->dispatched) {
		req_body_end(r);
	} else {
		r->body_done = true;
		req_dispatch(r);
	}
}

static void h1_parse(struct sconn *sc, struct str data)
{
	struct h1 *h = &sc->h1;

	while (data.len && !h->dead && !sc->released && !conn_is_closing(sc->conn)) {
		size_t n;
		enum http_errno err;

		if (h->req && h->complete) {
			buf_addstr(&h->pending, data);
			if (h->pending.len > PENDING_MAX)
				conn_pause(sc->conn, true);
			return;
		}
		if (!h->parser.data) {
			http_parser_init(&h->parser, HTTP_REQUEST);
			h->parser.data = sc;
		}
		n = http_parser_execute(&h->parser, &settings, data.p, data.len);
		err = HTTP_PARSER_ERRNO(&h->parser);
		data = str_skip(data, n);
		if (err == HPE_PAUSED) {
			http_parser_pause(&h->parser, 0);
			if (h->complete) {
				message_complete(sc, data);
				return;
			}
			conn_set_deadline(sc->conn, sc->server->conf.body_timeout_ns);
			req_dispatch(h->req);
		} else if (err != HPE_OK) {
			parse_failed(sc, err);
		}
	}
}

/* The sconn may be given up (upgrade) by a handler: it is freed when the last of us returns. */
static void enter(struct sconn *sc)
{
	sc->busy++;
}

static void leave(struct sconn *sc)
{
	if (--sc->busy == 0 && sc->released)
		free(sc);
}

static void h1_input(struct sconn *sc, struct str data)
{
	enter(sc);
	h1_parse(sc, data);
	leave(sc);
}

static void h1_eof(struct sconn *sc)
{
	struct h1 *h = &sc->h1;

	h->peer_eof = true;
	if (!h->req)
		conn_close_soft(sc->conn);
	else if (!h->complete || !h->req->ended)
		conn_close(sc->conn, -ECONNRESET); /* gave up: what is not answered need not be */
}

static void h1_deadline(struct sconn *sc)
{
	struct http_req *r = sc->h1.req;

	if (!r) {
		conn_close_soft(sc->conn);
	} else if (!r->dispatched) {
		sc->server->stats.timeouts++;
		sc->h1.dead = true;
		req_reply_error(r, 408);
	} else if (!sc->h1.complete) {
		conn_close(sc->conn, -ETIMEDOUT);
	}
}

static void h1_want_body(struct http_req *r)
{
	struct sconn *sc = r->sc;

	if (r->expect_continue && !r->body.len && !r->started) {
		conn_put(sc->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		r->expect_continue = false;
		sconn_dirty(sc);
	}
	conn_pause(sc->conn, false);
}

/* ---- answering ---- */

/* May the connection serve another request after this answer? */
static bool can_keep(struct http_req *r)
{
	struct h1 *h = &r->sc->h1;
	const http_parser *p = &h->parser;

	if (h->close_after || r->close_after || h->dead || h->peer_eof || r->server->stopping)
		return false;
	if (h->complete)
		return true;
	/* The rest of a body that nobody reads is swallowed if it is short and announced. */
	return !r->expect_continue && !(p->flags & F_CHUNKED) && p->content_length < PENDING_MAX;
}

static void put_head(struct conn *c, struct buf *head)
{
	buf_adds(head, "\r\n");
	conn_put(c, head->p, head->len);
	buf_clear(head);
}

static void add_field(struct buf *b, struct str name, struct str value)
{
	buf_addstr(b, name);
	buf_add(b, ": ", 2);
	buf_addstr(b, value);
	buf_add(b, "\r\n", 2);
}

static void add_status(struct buf *b, int status)
{
	buf_adds(b, "HTTP/1.1 ");
	buf_addu64(b, (uint64_t)status);
	buf_addc(b, ' ');
	buf_adds(b, http_status_text(status));
	buf_adds(b, "\r\n");
}

static _Thread_local struct buf head_text = {buf_empty, 0, 0};

static int h1_start(struct http_req *r, int status, const struct http_header *headers, size_t n,
		    int64_t length)
{
	struct h1 *h = &r->sc->h1;
	bool body_allowed = status >= 200 && status != 204 && status != 304;
	struct buf *b = &head_text;

	if (r->streaming && h->peer_eof)
		return -ECONNRESET;
	add_status(b, status);
	for (size_t i = 0; i < n; i++)
		if (reply_header_ok(&headers[i]))
			add_field(b, headers[i].name, headers[i].value);
	add_field(b, STR("date"), http_date());
	if (length < 0 && body_allowed && r->dispatched && h->parser.http_minor == 0) {
		h->close_after = true; /* HTTP/1.0: the end of the connection ends the body */
	} else if (length < 0 && body_allowed) {
		h->chunked = !r->is_head;
		add_field(b, STR("transfer-encoding"), STR("chunked"));
	} else if (body_allowed) {
		buf_adds(b, "content-length: ");
		buf_addu64(b, (uint64_t)length);
		buf_adds(b, "\r\n");
	}
	if (!can_keep(r)) {
		h->close_after = true;
		add_field(b, STR("connection"), STR("close"));
	} else if (h->parser.http_minor == 0) {
		add_field(b, STR("connection"), STR("keep-alive"));
	}
	put_head(r->sc->conn, b);
	return 0;
}

static void h1_kick(struct http_req *r)
{
}

/* Move the queue to the connection while it takes it; several pieces make one chunk. */
static bool pump(struct http_req *r)
{
	struct conn *c = r->sc->conn;
	bool sent = false;
	size_t room;

	while (r->queue.bytes && (room = conn_room(c))) {
		size_t n = MIN(room, r->queue.bytes);
		char size[24];

		if (r->sc->h1.chunked)
			conn_put(c, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", n));
		while (n) {
			struct str s = pieceq_front(&r->queue);
			size_t part = MIN(n, s.len);

			conn_put(c, s.p, part);
			pieceq_consume(&r->queue, part);
			n -= part;
		}
		if (r->sc->h1.chunked)
			conn_put(c, "\r\n", 2);
		sent = true;
	}
	return sent;
}

static void finish(struct sconn *sc)
{
	struct h1 *h = &sc->h1;
	struct http_req *r = TAKE(h->req);
	bool keep = !h->close_after && !h->peer_eof && h->complete;
	struct buf pending = h->pending;

	req_over(r, 0);
	if (!keep || sc->server->stopping) {
		conn_close_soft(sc->conn);
		return;
	}
	h->complete = false;
	buf_init(&h->pending);
	conn_pause(sc->conn, false);
	conn_set_deadline(sc->conn, sc->server->conf.idle_timeout_ns);
	h1_input(sc, buf_str(&pending));
	buf_done(&pending);
}

/* One step with the current request; false when it has to wait. */
static bool advance(struct sconn *sc)
{
	struct h1 *h = &sc->h1;
	struct http_req *r = h->req;

	if (r->failed) {
		int err = r->failed;

		h->req = NULL;
		req_over(r, err);
		conn_close(sc->conn, err);
		return false;
	}
	if (!r->started)
		return false;
	if (pump(r)) {
		req_drained(r);
		return true;
	}
	if (r->queue.bytes || !r->ended)
		return false;
	if (h->chunked && !h->tail_sent)
		conn_put(sc->conn, "0\r\n\r\n", 5);
	h->tail_sent = true;
	if (!h->complete && !h->close_after) {
		conn_pause(sc->conn, false);
		return false;
	}
	finish(sc);
	return true;
}

static void h1_flush(struct sconn *sc)
{
	enter(sc);
	while (!sc->released && sc->h1.req && !conn_is_closing(sc->conn) && advance(sc))
		;
	if (!sc->released)
		conn_flush(sc->conn);
	leave(sc);
}

static void h1_shutdown(struct sconn *sc)
{
	if (!sc->h1.req)
		conn_close_soft(sc->conn);
}

static void h1_done(struct sconn *sc)
{
	buf_done(&sc->h1.pending);
}

const struct proto proto_h1 = {
	.version = 1,
	.on_data = h1_input,
	.on_eof = h1_eof,
	.on_deadline = h1_deadline,
	.flush = h1_flush,
	.shutdown = h1_shutdown,
	.done = h1_done,
	.start = h1_start,
	.kick = h1_kick,
	.want_body = h1_want_body,
};

/* ---- upgrade ---- */

int http_req_upgrade(struct http_req *r, const char *protocol, const struct http_header *headers,
		     size_t n_headers, struct http_stream **ret)
{
	struct sconn *sc = r->sc;
	struct buf *b = &head_text;
	struct conn *c;

	if (!sc || r->started || r->failed || conn_is_closing(sc->conn))
		return -EPIPE;
	if (sc->proto != &proto_h1 || sc->h1.parser.http_minor == 0 || !r->body_done)
		return -EOPNOTSUPP;
	c = sc->conn;
	add_status(b, 101);
	add_field(b, STR("upgrade"), str_of(protocol));
	add_field(b, STR("connection"), STR("Upgrade"));
	for (size_t i = 0; i < n_headers; i++)
		if (reply_header_ok(&headers[i]))
			add_field(b, headers[i].name, headers[i].value);
	put_head(c, b);
	conn_flush(c);
	c->bytes_in = c->bytes_out = NULL;
	conn_set_deadline(c, 0);
	*ret = stream_of_conn(c, &sc->h1.pending);
	r->on_close = NULL;
	sc->h1.req = NULL;
	req_over(r, 0);
	sconn_release(sc);
	return 0;
}
