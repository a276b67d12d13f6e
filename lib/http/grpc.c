/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/grpc.h"

#include <nghttp2/nghttp2.h>

#include "lib/base/codec.h"
#include "lib/http/grpc_call.h"
/*
 * One HTTP/2 connection and its calls. nghttp2 must not find its session gone in one of its own
 * callbacks: those only note things, and what the users are told is told behind them.
 */
#define HEAD 5 /* in front of a message: compressed or not, length */

struct grpc_session {
	nghttp2_session *h2;
	struct list calls;
	unsigned busy; /* callbacks of users run */
	bool dead; /* freed meanwhile */
	bool goodbye;
	struct timers *timers;
	struct timer *step; /* the owner's */
};

static const char *const names[] = {
	"OK",
	"Canceled",
	"Unknown",
	"InvalidArgument",
	"DeadlineExceeded",
	"NotFound",
	"AlreadyExists",
	"PermissionDenied",
	"ResourceExhausted",
	"FailedPrecondition",
	"Aborted",
	"OutOfRange",
	"Unimplemented",
	"Internal",
	"Unavailable",
	"DataLoss",
	"Unauthenticated",
};

const char *grpc_status_name(int status)
{
	return status >= 0 && status < (int)ARRAY_SIZE(names) ? names[status] : "Code";
}

void grpc_error_text(int status, struct str message, struct buf *out)
{
	buf_addf(out, "rpc error: code = %s desc = %.*s", grpc_status_name(status),
		 STR_ARG(message));
}

static void call_free(struct grpc_call *c)
{
	list_remove(&c->in_session);
	if (c->timers)
		timers_disarm(c->timers, &c->deadline);
	buf_done(&c->request);
	buf_done(&c->in);
	buf_done(&c->response);
	buf_done(&c->message);
	free(c);
}

void grpc_session_set_step(struct grpc_session *s, struct timers *timers, struct timer *step)
{
	s->timers = timers;
	s->step = step;
}

/* nghttp2 forgets it. */
static void call_detach(struct grpc_call *c)
{
	struct grpc_session *s = c->session;

	if (!c->over) {
		nghttp2_session_set_stream_user_data(s->h2, c->stream, NULL);
		nghttp2_submit_rst_stream(s->h2, NGHTTP2_FLAG_NONE, c->stream, NGHTTP2_CANCEL);
	}
	c->over = true;
	if (s->step && !timer_armed(s->step))
		timers_soon(s->timers, s->step);
}

void grpc_call_cancel(struct grpc_call *c)
{
	if (!c)
		return;
	call_detach(c);
	c->cancelled = true;
	if (c->timers)
		timers_disarm(c->timers, &c->deadline);
	if (!c->session->busy)
		call_free(c);
}

void grpc_call_end(struct grpc_call *c, int status, struct str message)
{
	call_detach(c);
	list_remove(&c->in_session);
	if (!c->cancelled)
		c->done(c->user, status, message, status ? STR_NULL : buf_str(&c->response));
	call_free(c);
}

static void cancel_all(struct grpc_session *s)
{
	list_for_each_safe (it, &s->calls)
		grpc_call_cancel(list_entry(it, struct grpc_call, in_session));
}

static void session_free(struct grpc_session *s)
{
	s->step = NULL;
	cancel_all(s);
	nghttp2_session_del(s->h2);
	free(s);
}

struct grpc_session *grpc_session_free(struct grpc_session *s)
{
	if (!s)
		return NULL;
	s->step = NULL;
	s->dead = true;
	if (s->busy)
		cancel_all(s);
	else
		session_free(s);
	return NULL;
}

static void leave(struct grpc_session *s)
{
	if (--s->busy)
		return;
	if (s->dead) {
		session_free(s);
		return;
	}
	list_for_each_safe (it, &s->calls) {
		struct grpc_call *c = list_entry(it, struct grpc_call, in_session);

		if (c->cancelled)
			call_free(c);
	}
}

size_t grpc_session_calls(const struct grpc_session *s)
{
	size_t n = 0;

	list_for_each (it, &s->calls)
		n += !list_entry(it, struct grpc_call, in_session)->cancelled;
	return n;
}

/* What the peer says */

static void failed(struct grpc_call *c, int status, const char *message)
{
	if (c->grpc_status <= 0)
		c->grpc_status = status;
	if (!c->message.len)
		buf_adds(&c->message, message);
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *f, const uint8_t *name, size_t nlen,
		     const uint8_t *value, size_t vlen, uint8_t flags, void *user)
{
	struct grpc_call *c = nghttp2_session_get_stream_user_data(h2, f->hd.stream_id);
	struct str n = str_n(name, nlen), v = str_n(value, vlen);
	uint64_t code;

	if (!c)
		return 0;
	if (str_eqs(n, ":status")) {
		c->http_status = str_to_u64(v, &code) == 0 ? (int)MIN(code, (uint64_t)999) : 500;
	} else if (str_eqs(n, "grpc-status")) {
		c->grpc_status =
			str_to_u64(v, &code) == 0 ? (int)MIN(code, (uint64_t)999) : GRPC_UNKNOWN;
	} else if (str_eqs(n, "grpc-message")) {
		buf_clear(&c->message);
		if (percent_decode(v, &c->message) < 0) {
			buf_clear(&c->message);
			buf_addstr(&c->message, v);
		}
	}
	return 0;
}

static int on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
		   void *user)
{
	struct grpc_call *c = nghttp2_session_get_stream_user_data(h2, id);

	if (!c)
		return 0;
	/* Two messages and a half of a stream may wait here for the end of this step. */
	if (c->in.len + len > 2 * (GRPC_MESSAGE_MAX + HEAD)) {
		failed(c, GRPC_RESOURCE_EXHAUSTED, "grpc: received message larger than max");
		nghttp2_session_set_stream_user_data(h2, id, NULL);
		nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		c->over = true;
		return 0;
	}
	buf_add(&c->in, data, len);
	return 0;
}

static int status_of_http(int status)
{
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

static void judge(struct grpc_call *c, uint32_t error)
{
	char text[96];

	if (c->grpc_status >= 0)
		return;
	if (error) {
		snprintf(text, sizeof(text), "stream terminated by RST_STREAM with error code: %s",
			 nghttp2_http2_strerror(error));
		failed(c,
		       error == NGHTTP2_REFUSED_STREAM ? GRPC_UNAVAILABLE
		       : error == NGHTTP2_CANCEL       ? GRPC_CANCELLED
						       : GRPC_INTERNAL,
		       text);
	} else if (c->http_status != 200) {
		snprintf(text, sizeof(text), "unexpected HTTP status code received from server: %d",
			 c->http_status);
		failed(c, status_of_http(c->http_status), text);
	} else {
		failed(c, GRPC_INTERNAL, "server closed the stream without sending trailers");
	}
}

static int on_close(nghttp2_session *h2, int32_t id, uint32_t error, void *user)
{
	struct grpc_call *c = nghttp2_session_get_stream_user_data(h2, id);

	if (!c)
		return 0;
	judge(c, error);
	c->over = true;
	return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *f, void *user)
{
	struct grpc_session *s = user;

	if (f->hd.type == NGHTTP2_GOAWAY)
		s->goodbye = true;
	return 0;
}

/* Takes the whole messages out of what came. */
static void deliver(struct grpc_call *c)
{
	const uint8_t *p;
	uint32_t len;

	while (c->in.len >= HEAD && !c->cancelled) {
		p = (const uint8_t *)c->in.p;
		len = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
		if (p[0] || len > GRPC_MESSAGE_MAX) {
			buf_clear(&c->message);
			failed(c, p[0] ? GRPC_INTERNAL : GRPC_RESOURCE_EXHAUSTED,
			       p[0] ? "grpc: the message is compressed"
				    : "grpc: received message larger than max");
			call_detach(c);
			return;
		}
		if (c->in.len - HEAD < len)
			return;
		buf_clear(&c->response);
		buf_add(&c->response, c->in.p + HEAD, len);
		buf_consume(&c->in, HEAD + len);
		c->got = true;
		if (c->on_message)
			c->on_message(c->user, buf_str(&c->response));
	}
}

static void tell(struct grpc_session *s)
{
	list_for_each_safe (it, &s->calls) {
		struct grpc_call *c = list_entry(it, struct grpc_call, in_session);

		deliver(c);
		if (s->dead)
			return;
		if (!c->over || c->cancelled)
			continue;
		if (c->grpc_status == 0 && !c->on_message && !c->got)
			failed(c, GRPC_INTERNAL, "unexpected EOF");
		grpc_call_end(c, c->grpc_status, buf_str(&c->message));
		if (s->dead)
			return;
	}
}

int grpc_session_feed(struct grpc_session *s, struct str in)
{
	ssize_t n = nghttp2_session_mem_recv(s->h2, (const uint8_t *)in.p, in.len);

	s->busy++;
	tell(s);
	leave(s);
	return n < 0 ? -EPROTO : 0;
}

void grpc_session_lost(struct grpc_session *s, int status, struct str message)
{
	s->busy++;
	s->goodbye = true;
	while (!list_empty(&s->calls))
		grpc_call_end(list_first(&s->calls, struct grpc_call, in_session), status, message);
	leave(s);
}

void grpc_session_drain(struct grpc_session *s, struct buf *out)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(s->h2, &p)) > 0)
		buf_add(out, p, (size_t)n);
}

struct grpc_session *grpc_session_new(void)
{
	struct grpc_session *s = NEW(struct grpc_session);
	nghttp2_session_callbacks *cb;

	list_init(&s->calls);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_client_new(&s->h2, cb, s);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(s->h2, NGHTTP2_FLAG_NONE, NULL, 0);
	return s;
}

/* A call */

static ssize_t read_request(nghttp2_session *h2, int32_t id, uint8_t *buf, size_t len,
			    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct grpc_call *c = nghttp2_session_get_stream_user_data(h2, id);
	size_t n;

	if (!c)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = MIN(len, c->request.len - c->sent);
	memcpy(buf, c->request.p + c->sent, n);
	c->sent += n;
	if (c->sent == c->request.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv nv(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			    strlen(value), NGHTTP2_NV_FLAG_NONE};
}

struct grpc_call *grpc_session_call(struct grpc_session *s, const struct grpc_req *req)
{
	nghttp2_data_provider body = {.read_callback = read_request};
	struct grpc_call *c;
	size_t len = req->request.len, n = 0;
	char timeout[24];
	nghttp2_nv v[9];

	if (s->goodbye || s->dead)
		return NULL;
	c = NEW(struct grpc_call);
	c->session = s;
	c->done = req->done;
	c->on_message = req->on_message;
	c->user = req->user;
	c->grpc_status = -1;
	buf_init(&c->request);
	buf_init(&c->in);
	buf_init(&c->response);
	buf_init(&c->message);
	for (int shift = 32; shift >= 0; shift -= 8)
		buf_addc(&c->request, shift == 32 ? 0 : (char)(len >> shift));
	buf_addstr(&c->request, req->request);
	v[n++] = nv(":method", "POST");
	v[n++] = nv(":scheme", "http");
	v[n++] = nv(":path", req->method);
	v[n++] = nv(":authority", req->authority ? req->authority : "localhost");
	v[n++] = nv("content-type", "application/grpc");
	v[n++] = nv("te", "trailers");
	v[n++] = nv("user-agent", req->user_agent ? req->user_agent : "knarr/" PACKAGE_VERSION);
	if (req->timeout_ns) {
		snprintf(timeout, sizeof(timeout), "%llum",
			 MIN(req->timeout_ns / NSEC_PER_MSEC + 1, 99999999ull));
		v[n++] = nv("grpc-timeout", timeout);
	}
	c->stream = nghttp2_submit_request(s->h2, NULL, v, n, &body, c);
	list_append(&s->calls, &c->in_session);
	if (c->stream < 0) {
		c->over = true;
		call_free(c);
		return NULL;
	}
	return c;
}
