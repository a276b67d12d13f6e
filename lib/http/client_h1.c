/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/client_conn.h"
#include "lib/http/stream_conn.h"

#define IDLE_NS (60 * NSEC_PER_SEC)

/* ---- the response ---- */

static int on_begin(http_parser *p)
{
	struct cconn *cc = p->data;

	if (!cc->call)
		return -1; /* a response that nobody asked for */
	fields_done(&cc->call->resp);
	cc->complete = false;
	return 0;
}

static int fits(struct http_call *call)
{
	return call->resp.b.len > call->client->conf.max_headers ? -1 : 0;
}

static int on_field(http_parser *p, const char *at, size_t len)
{
	struct cconn *cc = p->data;

	if (!cc->call)
		return -1;
	fields_name_more(&cc->call->resp, str_n(at, len));
	return fits(cc->call);
}

static int on_value(http_parser *p, const char *at, size_t len)
{
	struct cconn *cc = p->data;

	if (!cc->call)
		return -1;
	fields_value_more(&cc->call->resp, str_n(at, len));
	return fits(cc->call);
}

static int on_headers_complete(http_parser *p)
{
	struct cconn *cc = p->data;
	struct http_call *call = cc->call;

	if (p->status_code / 100 == 1 && p->status_code != 101)
		return ++call->interims > INTERIMS_MAX ? -1 : 0;
	if (p->status_code == 101 && !call->upgrade)
		return -1; /* another protocol, which nobody asked for */
	call->status = p->status_code;
	call->got_response = true;
	if (call->upgrade)
		return 0;
	p->upgrade = 0;
	if (call->ops->on_response)
		call->ops->on_response(call, call->status, call->user);
	if (!cc->call)
		return -1; /* cancelled */
	return call->is_head ? 1 : 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
	struct cconn *cc = p->data;

	call_data(cc->call, str_n(at, len));
	return cc->call ? 0 : -1;
}

static int on_complete(http_parser *p)
{
	struct cconn *cc = p->data;

	if (p->status_code / 100 == 1 && p->status_code != 101)
		return 0; /* an interim response; the final one follows */
	cc->complete = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_message_begin = on_begin,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* 101: the connection leaves the client. */
static void upgraded(struct cconn *cc, struct str rest)
{
	struct http_call *call = cc->call;
	struct conn *conn = cc->conn;
	struct http_stream *s;

	buf_addstr(&cc->early, rest);
	s = stream_of_conn(conn, &cc->early);
	call_upgraded(call, s);
	cconn_release(cc);
}

static void complete(struct cconn *cc, struct str rest)
{
	struct http_call *call = cc->call;
	bool keep = http_should_keep_alive(&cc->parser) && !rest.len && !cc->draining;

	if (call->upgrade && call->status == 101) {
		upgraded(cc, rest);
		return;
	}
	if (keep && !call->upgrade) {
		cc->reused = true;
		conn_pause(cc->conn, false);
		conn_set_deadline(cc->conn, IDLE_NS);
	} else {
		conn_close_soft(cc->conn);
	}
	call_end(call, 0, NULL);
}

void client_h1_data(struct cconn *cc, struct str data)
{
	while (data.len && cc->client && !conn_is_closing(cc->conn)) {
		size_t n = http_parser_execute(&cc->parser, &settings, data.p, data.len);
		enum http_errno err = HTTP_PARSER_ERRNO(&cc->parser);

		data = str_skip(data, n);
		if (err == HPE_PAUSED) {
			http_parser_pause(&cc->parser, 0);
			complete(cc, data);
			return;
		}
		if (err != HPE_OK) {
			conn_close(cc->conn, -EPROTO);
			return;
		}
	}
}

void client_h1_eof(struct cconn *cc)
{
	if (!cc->call || !cc->call->got_response)
		return;
	/* A body without a length ends with the connection. */
	http_parser_execute(&cc->parser, &settings, NULL, 0);
	if (cc->complete && cc->call)
		call_end(cc->call, 0, NULL);
}

/* ---- the request ---- */

static void add_line(struct str name, struct str value, void *user)
{
	struct buf *b = user;

	buf_addstr(b, name);
	buf_add(b, ": ", 2);
	buf_addstr(b, value);
	buf_add(b, "\r\n", 2);
}

void client_h1_begin(struct cconn *cc, struct http_call *call)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	const char *m = call->method;

	http_parser_init(&cc->parser, HTTP_RESPONSE);
	cc->parser.data = cc;
	cc->complete = false;
	conn_set_deadline(cc->conn, 0);
	buf_addf(&b, "%s %s HTTP/1.1\r\n", m, call->path);
	call_fields(call, false, add_line, &b);
	if (call->has_body || !strcmp(m, "POST") || !strcmp(m, "PUT") || !strcmp(m, "PATCH"))
		buf_addf(&b, "content-length: %zu\r\n", call->body.len);
	buf_adds(&b, "\r\n");
	conn_put(cc->conn, b.p, b.len);
	conn_put(cc->conn, call->body.p, call->body.len);
	conn_flush(cc->conn);
}
