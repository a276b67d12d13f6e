/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/server_conn.h"
/*
 * HTTP/2 (RFC 9113) by nghttp2. A request is a stream; its body's window is opened only when the
 * handler reads it. Answers are not copied into the session: nghttp2 asks how much there is
 * (on_data_source) and tells when to send it (on_send_data).
 *
 * Against floods: the client's and our own resets draw from a bucket (rapid reset, CVE-2023-44487
 * and CVE-2025-8671), continuations are counted (CVE-2024-27316), acknowledgements are bounded by
 * nghttp2 itself.
 */
#define RESETS_BURST 1000
#define RESETS_PER_SEC 33
#define CONTINUATIONS_MAX 16
#define CONN_WINDOW (1024 * 1024)
#define TICK_NS (5 * NSEC_PER_SEC)

static struct http_req *req_of(nghttp2_session *session, int32_t stream_id)
{
	return nghttp2_session_get_stream_user_data(session, stream_id);
}

static void touch(struct http_req *r)
{
	r->progress_ms = uv_now(r->server->conf.loop);
}

/* ---- floods and deadlines ---- */

static void calm_down(struct sconn *sc)
{
	sc->server->stats.floods++;
	sc->h2.going = true;
	nghttp2_session_terminate_session(sc->h2.session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void count_reset(struct sconn *sc)
{
	struct h2 *h = &sc->h2;
	uint64_t now = uv_now(sc->server->conf.loop);
	uint64_t refill = (now - h->resets_at_ms) * RESETS_PER_SEC / 1000;

	if (refill) {
		h->resets -= (unsigned)MIN((uint64_t)h->resets, refill);
		h->resets_at_ms = now;
	}
	if (++h->resets == RESETS_BURST)
		calm_down(sc);
}

/* When to look next: an open header block, then streams that wait for the peer, then idleness. */
static void set_deadline(struct sconn *sc)
{
	const struct http_server_conf *conf = &sc->server->conf;
	bool waiting = false;

	if (sc->h2.in_head)
		return; /* began with the block */
	if (list_empty(&sc->reqs)) {
		if (!sc->h2.idle)
			conn_set_deadline(sc->conn, conf->idle_timeout_ns);
		sc->h2.idle = true;
		return;
	}
	sc->h2.idle = false;
	list_for_each (it, &sc->reqs) {
		const struct http_req *r = list_entry(it, struct http_req, link);

		waiting = waiting || !r->body_done || r->queue.bytes;
	}
	conn_set_deadline(sc->conn,
			  waiting ? MIN(TICK_NS, MIN(conf->body_timeout_ns, conf->stall_timeout_ns))
				  : 0);
}

static bool is_stuck(const struct http_req *r, uint64_t now_ms)
{
	const struct http_server_conf *conf = &r->server->conf;
	uint64_t quiet_ns = (now_ms - r->progress_ms) * NSEC_PER_MSEC;

	return (r->queue.bytes && quiet_ns > conf->stall_timeout_ns) ||
	       (!r->body_done && !r->ended && quiet_ns > conf->body_timeout_ns);
}

static void h2_deadline(struct sconn *sc)
{
	uint64_t now = uv_now(sc->server->conf.loop);

	if (sc->h2.in_head) {
		sc->server->stats.timeouts++;
		conn_close(sc->conn, -ETIMEDOUT);
		return;
	}
	if (list_empty(&sc->reqs)) {
		sc->proto->shutdown(sc);
		conn_close_soft(sc->conn);
		return;
	}
	list_for_each_safe (it, &sc->reqs) {
		struct http_req *r = list_entry(it, struct http_req, link);

		if (!r->failed && is_stuck(r, now)) {
			r->failed = -ETIMEDOUT;
			sc->proto->kick(r);
		}
	}
	sc->proto->flush(sc);
}

/* ---- receiving ---- */

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct sconn *sc = user;

	if (hd->type != NGHTTP2_CONTINUATION)
		sc->h2.continuations = 0;
	else if (++sc->h2.continuations > CONTINUATIONS_MAX) {
		sc->server->stats.floods++;
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	}
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct sconn *sc = user;
	struct http_req *r;

	sc->h2.in_head = true;
	sc->h2.idle = false;
	conn_set_deadline(sc->conn, sc->server->conf.header_timeout_ns);
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	r = req_new(sc);
	r->stream_id = frame->hd.stream_id;
	nghttp2_session_set_stream_user_data(session, r->stream_id, r);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *user)
{
	struct sconn *sc = user;
	struct http_req *r = req_of(session, frame->hd.stream_id);
	size_t max = sc->server->conf.max_headers;

	if (!r)
		return 0;
	r->head_bytes += name_len + value_len + 32; /* as SETTINGS_MAX_HEADER_LIST_SIZE counts */
	if (r->head_bytes > 16 * max)
		return NGHTTP2_ERR_CALLBACK_FAILURE; /* a bomb: small on the wire, no end of it */
	if (r->head_bytes > max)
		r->head_too_big = true;
	else if (!r->dispatched)
		fields_add(&r->head, str_n(name, name_len), str_n(value, value_len));
	return 0;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct sconn *sc = user;
	struct http_req *r = req_of(session, frame->hd.stream_id);
	bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	if (frame->hd.type == NGHTTP2_RST_STREAM)
		count_reset(sc);
	if (frame->hd.type == NGHTTP2_HEADERS) {
		sc->h2.in_head = false;
		conn_set_deadline(sc->conn, 0);
	}
	if (!r || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	touch(r);
	if (r->dispatched) {
		if (end)
			req_body_end(r);
		return 0;
	}
	r->body_done = end;
	if (r->head_too_big) {
		sc->server->stats.bad_requests++;
		req_reply_error(r, 431);
	} else {
		req_dispatch(r);
	}
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id,
			 const uint8_t *data, size_t len, void *user)
{
	struct http_req *r = req_of(session, stream_id);

	if (r) {
		touch(r);
		req_body_add(r, str_n(data, len));
	}
	if (!r || r->body_wanted || r->ended)
		nghttp2_session_consume(session, stream_id, len);
	else
		r->unconsumed += len;
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user)
{
	struct sconn *sc = user;
	struct http_req *r = req_of(session, stream_id);
	bool good;

	if (!r)
		return 0;
	nghttp2_session_set_stream_user_data(session, stream_id, NULL);
	if (r->unconsumed)
		nghttp2_session_consume_connection(session, r->unconsumed);
	good = code == NGHTTP2_NO_ERROR && r->ended && !r->queue.bytes;
	if (r->close_after)
		sc->proto->shutdown(sc);
	req_over(r, good ? 0 : -ECONNRESET);
	return 0;
}

static void h2_want_body(struct http_req *r)
{
	nghttp2_session *session = r->sc->h2.session;

	touch(r);
	if (r->expect_continue && !r->body.len && !r->started) {
		nghttp2_nv nv = {(uint8_t *)":status", (uint8_t *)"100", 7, 3, 0};

		nghttp2_submit_headers(session, 0, r->stream_id, NULL, &nv, 1, NULL);
	}
	if (r->unconsumed)
		nghttp2_session_consume(session, r->stream_id, r->unconsumed);
	r->unconsumed = 0;
	sconn_dirty(r->sc);
}

/* ---- answering ---- */

static ssize_t on_data_source(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t max,
			      uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct http_req *r = req_of(session, stream_id);
	size_t n;

	if (!r)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = MIN(max, r->queue.bytes);
	if (!n && !r->ended)
		return NGHTTP2_ERR_DEFERRED;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (r->ended && n == r->queue.bytes)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
			size_t len, nghttp2_data_source *source, void *user)
{
	struct sconn *sc = user;
	struct http_req *r = req_of(session, frame->hd.stream_id);

	if (!r)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	conn_put(sc->conn, head, 9);
	while (len) {
		struct str s = pieceq_front(&r->queue);
		size_t n = MIN(len, s.len);

		conn_put(sc->conn, s.p, n);
		pieceq_consume(&r->queue, n);
		len -= n;
	}
	touch(r);
	return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http_req *r = req_of(session, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_RST_STREAM &&
	    frame->rst_stream.error_code == NGHTTP2_PROTOCOL_ERROR)
		count_reset(user);
	if (!r || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	/* Answered before the body came: the client may stop sending (RFC 9113 section 8.1). */
	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && !r->body_done)
		nghttp2_submit_rst_stream(session, 0, r->stream_id, NGHTTP2_NO_ERROR);
	else if (frame->hd.type == NGHTTP2_DATA)
		req_drained(r);
	return 0;
}

static nghttp2_nv nv_of(struct str name, struct str value)
{
	return (nghttp2_nv){(uint8_t *)name.p, (uint8_t *)value.p, name.len, value.len, 0};
}

/* nghttp2 wants lower-case names; they are copied to `names` until it has copied them itself. */
static nghttp2_nv nv_lower(const struct http_header *h, struct buf *names)
{
	size_t at = names->len;

	for (size_t i = 0; i < h->name.len; i++) {
		char ch = h->name.p[i];

		buf_addc(names, ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch);
	}
	return nv_of(str_n(names->p + at, h->name.len), h->value);
}

static int h2_start(struct http_req *r, int status, const struct http_header *headers, size_t n,
		    int64_t length)
{
	CLEANUP(buf_done) struct buf names = BUF_INIT;
	CLEANUP_FREE nghttp2_nv *nv = xcalloc(n + 3, sizeof(*nv));
	nghttp2_data_provider source = {.read_callback = on_data_source};
	bool no_body = r->is_head || (r->ended && !r->queue.bytes);
	char code[16], size[24];
	size_t n_nv = 0, names_len = 0;
	int err;

	for (size_t i = 0; i < n; i++)
		names_len += headers[i].name.len;
	buf_reserve(&names, names_len); /* so that it does not move */
	snprintf(code, sizeof(code), "%d", status);
	nv[n_nv++] = nv_of(STR(":status"), str_of(code));
	for (size_t i = 0; i < n; i++)
		if (reply_header_ok(&headers[i]))
			nv[n_nv++] = nv_lower(&headers[i], &names);
	nv[n_nv++] = nv_of(STR("date"), http_date());
	if (length >= 0 && status != 204 && status != 304) {
		snprintf(size, sizeof(size), "%" PRId64, length);
		nv[n_nv++] = nv_of(STR("content-length"), str_of(size));
	}
	err = nghttp2_submit_response(r->sc->h2.session, r->stream_id, nv, n_nv,
				      no_body ? NULL : &source);
	if (no_body)
		r->ended = true;
	return err ? -EPIPE : 0;
}

/*
 * A failed request is reset and moved to the front of the connection's list, where flush finds it.
 */
static void h2_kick(struct http_req *r)
{
	nghttp2_session *session = r->sc->h2.session;

	if (!r->failed) {
		nghttp2_session_resume_data(session, r->stream_id);
		return;
	}
	nghttp2_session_set_stream_user_data(session, r->stream_id, NULL);
	nghttp2_submit_rst_stream(session, 0, r->stream_id,
				  r->failed == -ECANCELED ? NGHTTP2_INTERNAL_ERROR
							  : NGHTTP2_CANCEL);
	list_remove(&r->link);
	list_prepend(&r->sc->reqs, &r->link);
}

static void end_failed(struct sconn *sc)
{
	struct http_req *r;

	while ((r = list_first(&sc->reqs, struct http_req, link)) && r->failed) {
		if (r->unconsumed)
			nghttp2_session_consume_connection(sc->h2.session, r->unconsumed);
		req_over(r, r->failed == -ECANCELED ? 0 : r->failed);
	}
}

static void h2_flush(struct sconn *sc)
{
	nghttp2_session *session = sc->h2.session;
	const uint8_t *p;
	ssize_t n = 1;

	if (!session || conn_is_closing(sc->conn))
		return;
	end_failed(sc);
	while (n > 0 && conn_room(sc->conn)) {
		n = nghttp2_session_mem_send(session, &p);
		if (n > 0)
			conn_put(sc->conn, p, (size_t)n);
	}
	conn_flush(sc->conn);
	if (conn_is_closing(sc->conn))
		return;
	end_failed(sc);
	if (n < 0) {
		conn_close(sc->conn, -EPROTO);
	} else if (!nghttp2_session_want_write(session) &&
		   (!nghttp2_session_want_read(session) ||
		    (sc->h2.going && list_empty(&sc->reqs)))) {
		conn_close_soft(sc->conn);
	} else {
		set_deadline(sc);
	}
}

/* ---- the session ---- */

static const nghttp2_session_callbacks *callbacks(void)
{
	static nghttp2_session_callbacks *cb;

	if (cb)
		return cb;
	if (nghttp2_session_callbacks_new(&cb))
		abort();
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_send_data_callback(cb, on_send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_send);
	return cb;
}

static const nghttp2_option *options(void)
{
	static nghttp2_option *o;

	if (o)
		return o;
	if (nghttp2_option_new(&o))
		abort();
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_max_settings(o, 32);
	return o;
}

static int session_open(struct sconn *sc)
{
	const struct http_server_conf *conf = &sc->server->conf;
	nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, conf->max_streams},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)conf->max_headers},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};

	if (nghttp2_session_server_new2(&sc->h2.session, callbacks(), sc, options()))
		return -ENOMEM;
	sc->h2.resets_at_ms = uv_now(conf->loop);
	nghttp2_submit_settings(sc->h2.session, 0, settings, ARRAY_SIZE(settings));
	nghttp2_session_set_local_window_size(sc->h2.session, 0, 0, CONN_WINDOW);
	return 0;
}

static void h2_data(struct sconn *sc, struct str data)
{
	ssize_t n;

	if (!sc->h2.session && session_open(sc) < 0) {
		conn_close(sc->conn, -ENOMEM);
		return;
	}
	n = nghttp2_session_mem_recv(sc->h2.session, (const uint8_t *)data.p, data.len);
	if (n >= 0)
		return;
	sc->server->stats.bad_requests++;
	sc->proto->flush(sc); /* a GOAWAY that says why, if there is one */
	conn_close(sc->conn, -EPROTO);
}

static void h2_eof(struct sconn *sc)
{
	conn_close(sc->conn, list_empty(&sc->reqs) ? 0 : -ECONNRESET);
}

static void h2_shutdown(struct sconn *sc)
{
	struct h2 *h = &sc->h2;

	if (!h->session) {
		conn_close(sc->conn, 0);
		return;
	}
	if (h->going)
		return;
	h->going = true;
	nghttp2_submit_goaway(h->session, 0, nghttp2_session_get_last_proc_stream_id(h->session),
			      NGHTTP2_NO_ERROR, NULL, 0);
	sconn_dirty(sc);
}

static void h2_done(struct sconn *sc)
{
	nghttp2_session_del(sc->h2.session);
}

const struct proto proto_h2 = {
	.version = 2,
	.on_data = h2_data,
	.on_eof = h2_eof,
	.on_deadline = h2_deadline,
	.flush = h2_flush,
	.shutdown = h2_shutdown,
	.done = h2_done,
	.start = h2_start,
	.kick = h2_kick,
	.want_body = h2_want_body,
};
