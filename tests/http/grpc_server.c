/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/http/grpc_server.h"

#include <nghttp2/nghttp2.h>
#include <uv.h>

#include "lib/base/list.h"

struct grpc_server {
	uv_pipe_t pipe;
	char *path;
	struct list peers;
	grpc_handle_fn *handle;
	void *user;
};

struct peer {
	struct list in_server;
	struct grpc_server *server;
	uv_pipe_t pipe;
	nghttp2_session *h2;
	struct list streams;
	char chunk[4096];
	bool hang_up;
};

struct stream {
	struct list in_peer;
	int32_t id;
	struct buf method, in, out;
	size_t sent;
	char status[16];
	char *message;
};

struct write {
	uv_write_t req;
	struct buf bytes;
};

static void stream_free(struct stream *s)
{
	list_remove(&s->in_peer);
	buf_done(&s->method);
	buf_done(&s->in);
	buf_done(&s->out);
	free(s->message);
	free(s);
}

static void on_peer_closed(uv_handle_t *h)
{
	struct peer *p = h->data;

	list_for_each_safe (it, &p->streams)
		stream_free(list_entry(it, struct stream, in_peer));
	nghttp2_session_del(p->h2);
	free(p);
}

static void peer_close(struct peer *p)
{
	if (uv_is_closing((uv_handle_t *)&p->pipe))
		return;
	list_remove(&p->in_server);
	uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

static int on_begin(nghttp2_session *h2, const nghttp2_frame *f, void *user)
{
	struct peer *p = user;
	struct stream *s = NEW(struct stream);

	s->id = f->hd.stream_id;
	buf_init(&s->method);
	buf_init(&s->in);
	buf_init(&s->out);
	list_append(&p->streams, &s->in_peer);
	nghttp2_session_set_stream_user_data(h2, s->id, s);
	return 0;
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *f, const uint8_t *name, size_t nlen,
		     const uint8_t *value, size_t vlen, uint8_t flags, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(h2, f->hd.stream_id);

	if (s && str_eqs(str_n(name, nlen), ":path"))
		buf_add(&s->method, value, vlen);
	return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
		   void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(h2, id);

	if (s)
		buf_add(&s->in, data, len);
	return 0;
}

static nghttp2_nv nv(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			    strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static ssize_t read_body(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
			 nghttp2_data_source *source, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(h2, id);
	size_t n = MIN(len, s->out.len - s->sent);

	memcpy(buf, s->out.p + s->sent, n);
	s->sent += n;
	if (s->sent == s->out.len) {
		nghttp2_nv trailers[] = {nv("grpc-status", s->status),
					 nv("grpc-message", s->message ? s->message : "")};

		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(h2, id, trailers, s->message ? 2 : 1);
	}
	return (ssize_t)n;
}

static void answer(struct peer *p, struct stream *s)
{
	nghttp2_data_provider body = {.read_callback = read_body};
	nghttp2_nv headers[] = {nv(":status", "200"), nv("content-type", "application/grpc")};
	struct grpc_answer_to a = {0};

	buf_init(&a.body);
	p->server->handle(p->server->user, buf_str(&s->method),
			  s->in.len >= 5 ? str_skip(buf_str(&s->in), 5) : STR(""), &a);
	p->hang_up = p->hang_up || a.hang_up;
	for (unsigned i = 0; !a.status && i < MAX(a.copies, 1u); i++) {
		for (int shift = 32; !a.raw && shift >= 0; shift -= 8)
			buf_addc(&s->out, shift == 32 ? 0 : (char)(a.body.len >> shift));
		buf_addstr(&s->out, buf_str(&a.body));
	}
	snprintf(s->status, sizeof(s->status), "%d", a.status);
	s->message = a.message ? xstrdup(a.message) : NULL;
	buf_done(&a.body);
	if (!a.silent)
		nghttp2_submit_response(p->h2, s->id, headers, 2, &body);
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *f, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(h2, f->hd.stream_id);

	if (s && f->hd.type == NGHTTP2_DATA && (f->hd.flags & NGHTTP2_FLAG_END_STREAM))
		answer(user, s);
	return 0;
}

static int on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *user)
{
	struct stream *s = nghttp2_session_get_stream_user_data(h2, id);

	if (s)
		stream_free(s);
	return 0;
}

static void on_written(uv_write_t *req, int status)
{
	struct write *w = container_of(req, struct write, req);

	buf_done(&w->bytes);
	free(w);
}

static void flush(struct peer *p)
{
	struct write *w = NEW(struct write);
	const uint8_t *bytes;
	ssize_t n;
	uv_buf_t b;

	buf_init(&w->bytes);
	while ((n = nghttp2_session_mem_send(p->h2, &bytes)) > 0)
		buf_add(&w->bytes, bytes, (size_t)n);
	b = uv_buf_init(w->bytes.p, (unsigned)w->bytes.len);
	if (!w->bytes.len || uv_write(&w->req, (uv_stream_t *)&p->pipe, &b, 1, on_written) < 0)
		on_written(&w->req, 0);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	struct peer *p = h->data;

	*b = uv_buf_init(p->chunk, sizeof(p->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct peer *p = stream->data;

	if (n == 0)
		return;
	if (n < 0 || nghttp2_session_mem_recv(p->h2, (const uint8_t *)b->base, (size_t)n) < 0 ||
	    p->hang_up) {
		peer_close(p);
		return;
	}
	flush(p);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct grpc_server *s = listener->data;
	struct peer *p = NEW(struct peer);
	nghttp2_session_callbacks *cb;

	p->server = s;
	list_init(&p->streams);
	list_append(&s->peers, &p->in_server);
	uv_pipe_init(listener->loop, &p->pipe, 0);
	p->pipe.data = p;
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_server_new(&p->h2, cb, p);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(p->h2, NGHTTP2_FLAG_NONE, NULL, 0);
	uv_accept(listener, (uv_stream_t *)&p->pipe);
	uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
	flush(p);
}

struct grpc_server *grpc_server_new(struct uv_loop_s *loop, const char *path,
				    grpc_handle_fn *handle, void *user)
{
	struct grpc_server *s = NEW(struct grpc_server);

	s->handle = handle;
	s->user = user;
	s->path = xstrdup(path);
	list_init(&s->peers);
	uv_pipe_init(loop, &s->pipe, 0);
	s->pipe.data = s;
	if (uv_pipe_bind(&s->pipe, path) < 0 ||
	    uv_listen((uv_stream_t *)&s->pipe, 16, on_connection) < 0)
		abort();
	return s;
}

static void on_server_closed(uv_handle_t *h)
{
	struct grpc_server *s = h->data;

	free(s->path);
	free(s);
}

void grpc_server_free(struct grpc_server *s)
{
	list_for_each_safe (it, &s->peers)
		peer_close(list_entry(it, struct peer, in_server));
	unlink(s->path);
	uv_close((uv_handle_t *)&s->pipe, on_server_closed);
}

size_t grpc_server_connections(const struct grpc_server *s)
{
	size_t n = 0;

	list_for_each (it, &s->peers)
		n++;
	return n;
}
