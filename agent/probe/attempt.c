/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probe/attempt.h"

#include <arpa/inet.h>
#include <uv.h>

#include "agent/probe/grpc.h"
#include "lib/base/kubernetes.h"
#include "lib/http/client.h"

#define READ_MAX (10u << 10) /* of an HTTP answer, as pkg/probe/http */

struct attempt {
	struct uv_loop_s *loop;
	struct timers *timers;
	const struct check *check;
	uint64_t timeout_ns;
	struct timer timeout, begin;
	uv_tcp_t tcp;
	uv_connect_t connect;
	bool tcp_open, over;
	struct sockaddr_in addr;
	char host[256];
	struct buf out, in;
	char chunk[4096];
	struct grpc_health *grpc;
	struct http_client *https;
	struct http_call *call;
	struct tls_ctx *tls;
	check_fn *done;
	void *user;
};

static void attempt_free(struct attempt *a)
{
	grpc_health_free(a->grpc);
	buf_done(&a->out);
	buf_done(&a->in);
	free(a);
}

static void on_closed(uv_handle_t *h)
{
	attempt_free(h->data);
}

/* Ends everything that is open; the memory goes with the socket's close callback. */
static void shut(struct attempt *a)
{
	a->over = true;
	timers_disarm(a->timers, &a->timeout);
	timers_disarm(a->timers, &a->begin);
	if (a->call)
		http_call_cancel(TAKE(a->call));
	a->https = http_client_free(a->https);
	if (a->tls)
		a->tls = tls_ctx_unref(a->tls);
	if (a->tcp_open)
		uv_close((uv_handle_t *)&a->tcp, on_closed);
	else
		attempt_free(a);
}

static void finish(struct attempt *a, enum check_result result, struct str output)
{
	check_fn *done = a->done;
	void *user = a->user;
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	if (a->over)
		return;
	buf_addstr(&text, output);
	shut(a);
	done(user, result, buf_str(&text));
}

static void fail(struct attempt *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void fail(struct attempt *a, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	finish(a, CHECK_FAILURE, buf_str(&b));
}

static void http_status(struct attempt *a, int status)
{
	if (status >= 200 && status < 400)
		finish(a, CHECK_SUCCESS, STR_NULL);
	else
		fail(a, "HTTP probe failed with statuscode: %d", status);
}

/* "HTTP/1.1 200 OK\r\n" decides; the rest is of no interest. */
static void on_http_bytes(struct attempt *a, bool eof)
{
	struct str s = buf_str(&a->in), line, word;
	uint64_t status = 0;

	if (str_chr(s, '\n') < 0 && !eof && s.len < READ_MAX)
		return;
	str_split(&s, '\n', &line);
	if (!str_starts(line, STR("HTTP/1.")) || !str_split(&line, ' ', &word) ||
	    !str_split(&line, ' ', &word) || str_to_u64(str_trim(word), &status) < 0) {
		fail(a, "Get \"http://%s:%u%s\": %s", a->host, a->check->port, a->check->path,
		     eof && !a->in.len ? "EOF" : "malformed HTTP response");
		return;
	}
	if (status >= 200)
		http_status(a, (int)status);
	else
		buf_clear(&a->in);
}

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
	struct attempt *a = h->data;

	*buf = uv_buf_init(a->chunk, sizeof(a->chunk));
}

static void flush(struct attempt *a);

static void on_grpc_bytes(struct attempt *a, struct str bytes)
{
	struct grpc_answer answer;
	int r = grpc_health_feed(a->grpc, bytes, &a->out, &answer);

	if (r < 0) {
		fail(a, "error: health rpc failed: %s", strerror(-r));
		return;
	}
	flush(a);
	if (!answer.complete)
		return;
	if (answer.grpc_status)
		fail(a, "service unhealthy (responded with grpc status %d)", answer.grpc_status);
	else if (answer.serving != 1)
		fail(a, "service unhealthy (responded with \"%s\")",
		     answer.serving == 2 ? "NOT_SERVING" : "UNKNOWN");
	else
		finish(a, CHECK_SUCCESS, STR("service healthy"));
}

static void on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *buf)
{
	struct attempt *a = h->data;

	if (a->over || n == 0)
		return;
	if (n < 0 && n != UV_EOF) {
		fail(a, "read %s:%u: %s", a->host, a->check->port, uv_strerror((int)n));
		return;
	}
	if (a->check->type == CHECK_GRPC) {
		if (n < 0)
			fail(a, "error: health rpc failed: connection closed");
		else
			on_grpc_bytes(a, str_n(buf->base, (size_t)n));
		return;
	}
	if (n > 0)
		buf_add(&a->in, buf->base, (size_t)n);
	on_http_bytes(a, n < 0);
}

/* Small requests: what the socket buffer of a fresh connection always takes. */
static void flush(struct attempt *a)
{
	uv_buf_t b = uv_buf_init(a->out.p, (unsigned)a->out.len);
	int n;

	if (!a->out.len || a->over)
		return;
	n = uv_try_write((uv_stream_t *)&a->tcp, &b, 1);
	if (n < 0 && n != UV_EAGAIN)
		fail(a, "write %s:%u: %s", a->host, a->check->port, uv_strerror(n));
	else if (n > 0)
		buf_consume(&a->out, (size_t)n);
}

static void add_header(struct buf *out, struct jv h)
{
	CLEANUP(buf_done) struct buf s1 = BUF_INIT, s2 = BUF_INIT;
	struct str name = jv_str(jv_get(h, "name"), &s1), value = jv_str(jv_get(h, "value"), &s2);

	/* A line break would begin a header of its own. */
	if (!name.len || memchr(name.p, '\n', name.len) ||
	    (value.len && (memchr(value.p, '\n', value.len) || memchr(value.p, '\r', value.len))))
		return;
	buf_addf(out, "%.*s: %.*s\r\n", STR_ARG(name), STR_ARG(value));
}

static bool has_header(const struct check *c, const char *name)
{
	jv_for_each (it, jv_get(c->json, "httpHeaders"))
		if (str_eq_nocase(jv_text(jv_get(it.value, "name")), str_of(name)))
			return true;
	return false;
}

static void http_begin(struct attempt *a)
{
	const struct check *c = a->check;

	buf_addf(&a->out, "GET %s HTTP/1.1\r\n", c->path);
	if (!has_header(c, "Host"))
		buf_addf(&a->out, "Host: %s:%u\r\n", a->host, c->port);
	if (!has_header(c, "User-Agent"))
		buf_adds(&a->out, "User-Agent: " KUBE_PROBE_AGENT "\r\n");
	if (!has_header(c, "Accept"))
		buf_adds(&a->out, "Accept: */*\r\n");
	jv_for_each (it, jv_get(c->json, "httpHeaders"))
		add_header(&a->out, it.value);
	buf_adds(&a->out, "Connection: close\r\n\r\n");
}

static void on_https_response(struct http_call *call, int status, void *user)
{
	http_status(user, status);
}

static void on_https_end(struct http_call *call, int err, void *user)
{
	struct attempt *a = user;

	a->call = NULL;
	fail(a, "Get \"https://%s:%u%s\": %s", a->host, a->check->port, a->check->path,
	     http_call_error(call));
}

#define HEADERS_MAX 32

/* httpHeaders as they are; Host is the client's own to write. */
static size_t https_headers(const struct check *c, struct http_header *ret,
			    struct buf scratch[2 * HEADERS_MAX])
{
	size_t n = 0;

	if (!has_header(c, "Accept"))
		ret[n++] = (struct http_header){STR("accept"), STR("*/*")};
	jv_for_each (it, jv_get(c->json, "httpHeaders")) {
		struct buf *s = &scratch[2 * n];
		struct str name = jv_str(jv_get(it.value, "name"), &s[0]);
		struct str value = jv_str(jv_get(it.value, "value"), &s[1]);

		if (n == HEADERS_MAX || !name.len || str_eq_nocase(name, STR("host")) ||
		    memchr(name.p, '\n', name.len) ||
		    (value.len &&
		     (memchr(value.p, '\n', value.len) || memchr(value.p, '\r', value.len))))
			continue;
		ret[n++] = (struct http_header){name, value};
	}
	return n;
}

static void https_request(struct attempt *a)
{
	static const struct http_call_ops ops = {.on_response = on_https_response,
						 .on_end = on_https_end};
	struct http_header headers[HEADERS_MAX + 1];
	struct buf scratch[2 * HEADERS_MAX + 2];
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(scratch); i++)
		buf_init(&scratch[i]);
	n = https_headers(a->check, headers, scratch);
	a->call = http_client_request(a->https,
				      &(struct http_call_req){.method = "GET",
							      .path = a->check->path,
							      .headers = headers,
							      .n_headers = n,
							      .timeout_ns = a->timeout_ns},
				      &ops, a);
	for (size_t i = 0; i < ARRAY_SIZE(scratch); i++)
		buf_done(&scratch[i]);
}

/* A client of its own, which connects once: a probe must not find an older connection alive. */
static void https_begin(struct attempt *a)
{
	CLEANUP_FREE char *url = xasprintf("https://%s:%u", a->host, a->check->port);
	const char *urls[] = {url};
	struct tls_conf tc = {.insecure = true, .no_h2 = true};
	struct err err = ERR_INIT;

	if (tls_client_new(&tc, &a->tls, &err) < 0 ||
	    http_client_new(&(struct http_client_conf){.loop = a->loop,
						       .endpoints = urls,
						       .n_endpoints = 1,
						       .tls = a->tls,
						       .wait_timeout_ns = 1,
						       .user_agent = KUBE_PROBE_AGENT},
			    &a->https, &err) < 0)
		fail(a, "%s", err_text(&err));
	else
		https_request(a);
	err_done(&err);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct attempt *a = req->data;

	if (status == UV_ECANCELED || a->over)
		return;
	if (status < 0) {
		if (a->check->type == CHECK_HTTP)
			fail(a, "Get \"%s://%s:%u%s\": dial tcp %s:%u: connect: %s",
			     a->check->tls ? "https" : "http", a->host, a->check->port,
			     a->check->path, a->host, a->check->port, uv_strerror(status));
		else
			fail(a, "dial tcp %s:%u: connect: %s", a->host, a->check->port,
			     uv_strerror(status));
		return;
	}
	if (a->check->type == CHECK_TCP) {
		finish(a, CHECK_SUCCESS, STR_NULL);
		return;
	}
	if (a->check->type == CHECK_GRPC)
		a->grpc = grpc_health_new(a->check->service ? a->check->service : "", &a->out);
	else
		http_begin(a);
	uv_read_start((uv_stream_t *)&a->tcp, on_alloc, on_read);
	flush(a);
}

static void on_timeout(struct timer *t)
{
	struct attempt *a = container_of(t, struct attempt, timeout);
	const struct check *c = a->check;

	if (c->type == CHECK_HTTP)
		fail(a,
		     "Get \"%s://%s:%u%s\": context deadline exceeded (Client.Timeout exceeded "
		     "while awaiting headers)",
		     c->tls ? "https" : "http", a->host, c->port, c->path);
	else if (c->type == CHECK_GRPC)
		fail(a,
		     "timeout: failed to connect service \"%s:%u\" within %.9gs: context "
		     "deadline exceeded",
		     a->host, c->port, (double)a->timeout_ns / 1e9);
	else
		fail(a, "dial tcp %s:%u: i/o timeout", a->host, c->port);
}

static void on_begin(struct timer *t)
{
	struct attempt *a = container_of(t, struct attempt, begin);
	int r;

	if (a->check->type == CHECK_HTTP && a->check->tls) {
		https_begin(a);
		return;
	}
	r = uv_ip4_addr(a->host, a->check->port, &a->addr);

	if (r < 0) {
		uv_getaddrinfo_t req;
		char service[8];

		/* A name in a probe's host: rare, and answered by the host's own resolver. */
		snprintf(service, sizeof(service), "%u", a->check->port);
		r = uv_getaddrinfo(a->loop, &req, NULL, a->host, service, NULL);
		if (r == 0) {
			for (struct addrinfo *ai = req.addrinfo; ai; ai = ai->ai_next)
				if (ai->ai_family == AF_INET)
					memcpy(&a->addr, ai->ai_addr, sizeof(a->addr));
			uv_freeaddrinfo(req.addrinfo);
		}
	}
	if (r == 0)
		r = uv_tcp_init(a->loop, &a->tcp);
	if (r == 0) {
		a->tcp_open = true;
		a->tcp.data = a->connect.data = a;
		r = uv_tcp_connect(&a->connect, &a->tcp, (struct sockaddr *)&a->addr, on_connected);
	}
	if (r < 0)
		fail(a, "dial tcp %s:%u: %s", a->host, a->check->port, uv_strerror(r));
}

struct attempt *attempt_start(struct uv_loop_s *loop, struct timers *timers,
			      const struct check *check, const char *pod_ip, uint64_t timeout_ns,
			      check_fn *done, void *user)
{
	struct attempt *a = NEW(struct attempt);

	a->loop = loop;
	a->timers = timers;
	a->check = check;
	a->timeout_ns = timeout_ns ? timeout_ns : NSEC_PER_SEC;
	a->done = done;
	a->user = user;
	buf_init(&a->out);
	buf_init(&a->in);
	str_copy(a->host, sizeof(a->host), str_of(check->host[0] ? check->host : pod_ip));
	a->begin.fire = on_begin;
	a->timeout.fire = on_timeout;
	timers_soon(timers, &a->begin);
	timers_arm_in(timers, &a->timeout, a->timeout_ns);
	return a;
}

void attempt_cancel(struct attempt *a)
{
	if (a && !a->over)
		shut(a);
}
