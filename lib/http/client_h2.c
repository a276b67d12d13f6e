/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/client_conn.h"

#define STREAM_WINDOW (1024 * 1024)
#define CONN_WINDOW (16 * 1024 * 1024)

static struct http_call *call_of(nghttp2_session *session, int32_t stream_id)
{
	return nghttp2_session_get_stream_user_data(session, stream_id);
}

/* ---- receiving ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http_call *call = call_of(session, frame->hd.stream_id);

	if (call && !call->got_response)
		fields_done(&call->resp);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *user)
{
	struct http_call *call = call_of(session, frame->hd.stream_id);

	if (!call || call->got_response)
		return 0;
	if (call->resp.b.len + name_len + value_len > call->client->conf.max_headers)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	fields_add(&call->resp, str_n(name, name_len), str_n(value, value_len));
	return 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct cconn *cc = user;
	struct http_call *call = call_of(session, frame->hd.stream_id);
	uint64_t status = 0;

	if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
		client_h2_heard(cc);
	if (frame->hd.type == NGHTTP2_SETTINGS && cc->client)
		client_work(cc->client); /* until they came, 100 streams were the limit */
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		cc->draining = true;
		if (cc->client && cc->client->h2 == cc) {
			cc->client->h2 = NULL;
			client_work(cc->client);
		}
	}
	if (!call || frame->hd.type != NGHTTP2_HEADERS || call->got_response)
		return 0;
	str_to_u64(fields_get(&call->resp, STR(":status")), &status);
	if (status / 100 == 1)
		return ++call->interims > INTERIMS_MAX ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
	call->status = (int)status;
	call->got_response = true;
	fields_shrink(&call->resp);
	if (call->ops->on_response)
		call->ops->on_response(call, call->status, call->user);
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *user)
{
	struct http_call *call = call_of(session, stream_id);

	nghttp2_session_consume_connection(session, len);
	if (!call)
		return 0;
	call_data(call, str_n(data, len));
	call = call_of(session, stream_id);
	if (call && call->paused)
		call->unconsumed += len;
	else if (call)
		nghttp2_session_consume_stream(session, stream_id, len);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user)
{
	struct http_call *call = call_of(session, stream_id);

	if (!call)
		return 0;
	nghttp2_session_set_stream_user_data(session, stream_id, NULL);
	if (code == NGHTTP2_REFUSED_STREAM && !call->got_response)
		call_requeue(call); /* the server says that it did not look at it */
	else if (code == NGHTTP2_NO_ERROR && call->got_response)
		call_end(call, 0, NULL);
	else
		call_end(call, code == NGHTTP2_PROTOCOL_ERROR ? -EPROTO : -ECONNRESET,
			 nghttp2_http2_strerror(code));
	return 0;
}

void client_h2_data(struct cconn *cc, struct str data)
{
	ssize_t n = nghttp2_session_mem_recv(cc->session, (const uint8_t *)data.p, data.len);

	if (n >= 0)
		return;
	if (cc->client)
		client_h2_flush(cc);
	conn_close(cc->conn, -EPROTO);
}

/* ---- sending ---- */

static ssize_t on_data_source(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t max,
			      uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct http_call *call = call_of(session, stream_id);
	size_t n;

	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = MIN(max, call->body.len - call->sent);
	memcpy(buf, call->body.p + call->sent, n);
	call->sent += n;
	if (call->sent == call->body.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

struct nv_list {
	nghttp2_nv *v;
	size_t n, cap;
};

static void add_nv(struct str name, struct str value, void *user)
{
	struct nv_list *l = user;

	*ARRAY_PUSH(l->v, l->n, l->cap) =
		(nghttp2_nv){(uint8_t *)name.p, (uint8_t *)value.p, name.len, value.len, 0};
}

int client_h2_begin(struct cconn *cc, struct http_call *call)
{
	struct nv_list l = {0};
	nghttp2_data_provider source = {.read_callback = on_data_source};
	char size[24];

	add_nv(STR(":method"), str_of(call->method), &l);
	add_nv(STR(":scheme"), str_of(cc->ep.is_tls ? "https" : "http"), &l);
	add_nv(STR(":authority"), str_of(cc->ep.authority), &l);
	add_nv(STR(":path"), str_of(call->path), &l);
	call_fields(call, true, add_nv, &l);
	if (call->has_body) {
		snprintf(size, sizeof(size), "%zu", call->body.len);
		add_nv(STR("content-length"), str_of(size), &l);
	}
	call->stream_id = nghttp2_submit_request(cc->session, NULL, l.v, l.n,
						 call->has_body ? &source : NULL, call);
	free(l.v);
	return call->stream_id < 0 ? -EPIPE : 0;
}

void client_h2_flush(struct cconn *cc)
{
	const uint8_t *p;
	ssize_t n = 1;

	while (n > 0 && conn_room(cc->conn)) {
		n = nghttp2_session_mem_send(cc->session, &p);
		if (n > 0)
			conn_put(cc->conn, p, (size_t)n);
	}
	conn_flush(cc->conn);
	if (conn_is_closing(cc->conn))
		return;
	if (n < 0)
		conn_close(cc->conn, -EPROTO);
	else if ((cc->draining && list_empty(&cc->calls)) ||
		 (!nghttp2_session_want_read(cc->session) &&
		  !nghttp2_session_want_write(cc->session)))
		conn_close_soft(cc->conn);
}

void client_h2_cancel(struct cconn *cc, struct http_call *call)
{
	nghttp2_session_set_stream_user_data(cc->session, call->stream_id, NULL);
	nghttp2_submit_rst_stream(cc->session, 0, call->stream_id, NGHTTP2_CANCEL);
	if (cc->client)
		client_work(cc->client);
}

void client_h2_resume(struct cconn *cc, struct http_call *call)
{
	if (call->unconsumed)
		nghttp2_session_consume_stream(cc->session, call->stream_id, call->unconsumed);
	call->unconsumed = 0;
	client_work(cc->client);
}

void client_h2_ping(struct cconn *cc)
{
	nghttp2_submit_ping(cc->session, 0, NULL);
}

bool client_h2_full(struct cconn *cc)
{
	uint32_t max = nghttp2_session_get_remote_settings(cc->session,
							   NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	size_t n = 0;

	list_for_each (it, &cc->calls)
		n++;
	return n >= max;
}

/* ---- the session ---- */

int client_h2_open(struct cconn *cc)
{
	static nghttp2_session_callbacks *cb;
	static nghttp2_option *o;
	nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};

	if (!cb) {
		if (nghttp2_session_callbacks_new(&cb) || nghttp2_option_new(&o))
			abort();
		nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
		nghttp2_option_set_no_auto_window_update(o, 1);
		nghttp2_option_set_no_closed_streams(o, 1);
	}
	if (nghttp2_session_client_new2(&cc->session, cb, cc, o))
		return -ENOMEM;
	nghttp2_submit_settings(cc->session, 0, settings, ARRAY_SIZE(settings));
	nghttp2_session_set_local_window_size(cc->session, 0, 0, CONN_WINDOW);
	return 0;
}
