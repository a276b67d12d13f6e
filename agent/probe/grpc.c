/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probe/grpc.h"

#include <nghttp2/nghttp2.h>

struct grpc_health {
	nghttp2_session *session;
	struct buf request, response;
	size_t sent;
	struct grpc_answer answer;
	bool ok_status;
};

struct grpc_health *grpc_health_free(struct grpc_health *g)
{
	if (!g)
		return NULL;
	nghttp2_session_del(g->session);
	buf_done(&g->request);
	buf_done(&g->response);
	free(g);
	return NULL;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t nlen,
		     const uint8_t *value, size_t vlen, uint8_t flags, void *user)
{
	struct grpc_health *g = user;
	struct str n = str_n(name, nlen), v = str_n(value, vlen);
	uint64_t code;

	if (str_eqs(n, ":status"))
		g->ok_status = str_eqs(v, "200");
	else if (str_eqs(n, "grpc-status"))
		g->answer.grpc_status =
			str_to_u64(v, &code) == 0 ? (int)MIN(code, (uint64_t)999) : 2;
	return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
		   void *user)
{
	struct grpc_health *g = user;

	if (g->response.len + len <= 4096)
		buf_add(&g->response, data, len);
	return 0;
}

/* HealthCheckResponse{status=1 varint} behind the 5-byte message header. */
static int on_close(nghttp2_session *s, int32_t id, uint32_t error, void *user)
{
	struct grpc_health *g = user;
	const struct buf *r = &g->response;

	g->answer.complete = true;
	if (!g->ok_status && !g->answer.grpc_status)
		g->answer.grpc_status = 2;
	if (r->len >= 7 && r->p[0] == 0 && r->p[5] == 0x08)
		g->answer.serving = r->p[6];
	return 0;
}

static ssize_t read_request(nghttp2_session *s, int32_t id, uint8_t *buf, size_t len,
			    uint32_t *flags, nghttp2_data_source *source, void *user)
{
	struct grpc_health *g = user;
	size_t n = MIN(len, g->request.len - g->sent);

	memcpy(buf, g->request.p + g->sent, n);
	g->sent += n;
	if (g->sent == g->request.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void drain(struct grpc_health *g, struct buf *out)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(g->session, &p)) > 0)
		buf_add(out, p, (size_t)n);
}

#define NV(n, v)                                                                                \
	{                                                                                       \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), sizeof(n) - 1, strlen(v), \
			NGHTTP2_NV_FLAG_NONE                                                    \
	}

struct grpc_health *grpc_health_new(const char *service, struct buf *out)
{
	struct grpc_health *g = NEW(struct grpc_health);
	nghttp2_session_callbacks *cb;
	nghttp2_data_provider body = {.read_callback = read_request};
	size_t n = MIN(strlen(service), (size_t)120), len = n ? n + 2 : 0;
	const nghttp2_nv nv[] = {
		NV(":method", "POST"),
		NV(":scheme", "http"),
		NV(":path", "/grpc.health.v1.Health/Check"),
		NV(":authority", "localhost"),
		NV("content-type", "application/grpc"),
		NV("te", "trailers"),
		NV("user-agent", "kube-probe/1.32"),
	};

	buf_init(&g->request);
	buf_init(&g->response);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_client_new(&g->session, cb, g);
	nghttp2_session_callbacks_del(cb);
	/* Message: no compression, length, HealthCheckRequest{service=1}. */
	buf_add(&g->request, "\0\0\0\0", 4);
	buf_addc(&g->request, (char)len);
	if (n) {
		buf_addc(&g->request, 0x0a);
		buf_addc(&g->request, (char)n);
		buf_add(&g->request, service, n);
	}
	nghttp2_submit_settings(g->session, NGHTTP2_FLAG_NONE, NULL, 0);
	nghttp2_submit_request(g->session, NULL, nv, ARRAY_SIZE(nv), &body, NULL);
	drain(g, out);
	return g;
}

int grpc_health_feed(struct grpc_health *g, struct str in, struct buf *out, struct grpc_answer *ret)
{
	ssize_t n = nghttp2_session_mem_recv(g->session, (const uint8_t *)in.p, in.len);

	if (n < 0)
		return -EPROTO;
	drain(g, out);
	*ret = g->answer;
	return 0;
}
