/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/http/client.h"
#include "tests/http/certs.h"
#include "tests/http/site.h"
#include "tests/unit/test.h"

#include <netdb.h>
/* The client against the server of this library, in one loop. */

struct fix {
	uv_loop_t loop;
	struct test_certs certs;
	struct tls_ctx *server_tls, *client_tls;
	struct site site;
	struct http_server *server;
	struct http_client *client;
	uv_timer_t limit;
	char url[64];
};

struct result {
	int status, err, ended;
	struct buf body;
	bool begun;
	char error[200];
	char extra[64];
	struct http_call *cancel_in_data;
	struct fix *stop;
};

static void on_limit(uv_timer_t *t)
{
	fail_msg("the loop did not come to an end");
}

static void on_response(struct http_call *call, int status, void *user)
{
	struct result *r = user;

	r->status = status;
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct result *r = user;

	buf_addstr(&r->body, data);
	if (r->cancel_in_data) {
		http_call_cancel(call);
		r->ended = 1;
		uv_stop(&r->stop->loop);
	}
}

static void on_end(struct http_call *call, int err, void *user)
{
	struct result *r = user;

	r->err = err;
	r->ended++;
	r->begun = http_call_begun(call);
	str_copy(r->error, sizeof(r->error), str_of(http_call_error(call)));
	if (r->stop)
		uv_stop(&r->stop->loop);
}

static const struct http_call_ops ops = {on_response, on_data, on_end};

static struct http_server *serve(struct fix *f, bool secure, uint16_t port)
{
	struct http_server *s =
		http_server_new(&(struct http_server_conf){.loop = &f->loop,
							   .tls = secure ? f->server_tls : NULL,
							   .on_request = site_request,
							   .user = &f->site});

	assert_int_equal(http_server_listen(s, "127.0.0.1", port, NULL), 0);
	snprintf(f->url, sizeof(f->url), "http%s://127.0.0.1:%u", secure ? "s" : "",
		 http_server_port(s));
	return s;
}

static struct http_client *client_of(struct fix *f, const char *const *urls, size_t n)
{
	struct http_client *c;
	struct err err = ERR_INIT;

	if (http_client_new(&(struct http_client_conf){.loop = &f->loop,
						       .endpoints = urls,
						       .n_endpoints = n,
						       .tls = f->client_tls,
						       .bearer_token = STR("secret"),
						       .wait_timeout_ns = 1},
			    &c, &err) < 0)
		fail_msg("%s", err_text(&err));
	return c;
}

static struct fix *fix_new(bool secure, bool no_h2)
{
	struct fix *f = NEW(struct fix);
	const char *url = f->url;

	uv_loop_init(&f->loop);
	test_certs_make(&f->certs);
	site_init(&f->site);
	assert_int_equal(tls_server_new(&(struct tls_conf){.cert_pem = buf_str(&f->certs.server),
							   .key_pem = buf_str(&f->certs.server_key),
							   .ca_pem = buf_str(&f->certs.ca)},
					&f->server_tls, NULL),
			 0);
	assert_int_equal(tls_client_new(&(struct tls_conf){.cert_pem = buf_str(&f->certs.client),
							   .key_pem = buf_str(&f->certs.client_key),
							   .ca_pem = buf_str(&f->certs.ca),
							   .no_h2 = no_h2},
					&f->client_tls, NULL),
			 0);
	f->server = serve(f, secure, 0);
	f->client = client_of(f, &url, 1);
	uv_timer_init(&f->loop, &f->limit);
	uv_timer_start(&f->limit, on_limit, 20000, 0);
	uv_unref((uv_handle_t *)&f->limit);
	return f;
}

static void fix_free(struct fix *f)
{
	http_client_free(f->client);
	http_server_free(f->server);
	uv_close((uv_handle_t *)&f->limit, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(f->site.n_watchers, 0);
	tls_ctx_unref(f->server_tls);
	tls_ctx_unref(f->client_tls);
	test_certs_done(&f->certs);
	free(f);
}

static void turn(struct fix *f, unsigned n)
{
	while (n--)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void get(struct fix *f, struct http_client *c, const char *method, const char *path,
		struct str body, struct result *r)
{
	*r = (struct result){.body = BUF_INIT, .stop = f};
	http_client_request(
		c, &(struct http_call_req){.method = method, .path = path, .body = body}, &ops, r);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(r->ended, 1);
}

static void basics(struct fix *f, const char *who)
{
	struct result r;
	CLEANUP(buf_done) struct buf big = BUF_INIT;

	get(f, f->client, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body.p, "hello\n");
	buf_done(&r.body);
	get(f, f->client, "HEAD", "/big?1000", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.body.len, 0);
	get(f, f->client, "GET", "/who", STR_NULL, &r);
	assert_string_equal(r.body.p, who);
	buf_done(&r.body);
	get(f, f->client, "GET", "/big?5000000", STR_NULL, &r);
	assert_int_equal(r.body.len, 5000000);
	buf_done(&r.body);
	get(f, f->client, "GET", "/stream?5000000", STR_NULL, &r);
	assert_int_equal(r.body.len, 5000000);
	buf_done(&r.body);
	for (unsigned i = 0; i < 2900000; i++)
		buf_addc(&big, (char)(i * 7 % 251));
	get(f, f->client, "POST", "/echo", buf_str(&big), &r);
	assert_int_equal(r.status, 200);
	assert_true(str_eq(buf_str(&r.body), buf_str(&big)));
	buf_done(&r.body);
	buf_addstr(&big, str_n(big.p, 500000));
	get(f, f->client, "POST", "/echo", buf_str(&big), &r);
	assert_int_equal(r.status, 413);
	buf_done(&r.body);
	get(f, f->client, "GET", "/nope", STR_NULL, &r);
	assert_int_equal(r.status, 404);
	buf_done(&r.body);
}

/* What callers took from elsewhere neither ends the request's head nor adds to it. */
static void injections(bool no_h2)
{
	struct fix *f = fix_new(true, no_h2);
	const struct http_header bad[] = {HTTP_HEADER("x-remote-user", STR("eve\r\nx-more: 1")),
					  HTTP_HEADER("x-remote-user", STR("eve\nx")),
					  {STR("x-remote-user"), str_n("e\0v", 3)},
					  HTTP_HEADER("x-remote-extra-a\r\nb", STR("x")),
					  HTTP_HEADER("x y", STR("x")),
					  HTTP_HEADER("", STR("x"))};
	struct result r;

	get(f, f->client, "GET", "/hello HTTP/1.1\r\n\r\nGET /hello", STR_NULL, &r);
	assert_int_equal(r.err, 0);
	assert_int_equal(r.status, 404);
	buf_done(&r.body);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		r = (struct result){.body = BUF_INIT, .stop = f};
		http_client_request(f->client,
				    &(struct http_call_req){.method = "GET",
							    .path = "/hello",
							    .headers = &bad[i],
							    .n_headers = 1},
				    &ops, &r);
		uv_run(&f->loop, UV_RUN_DEFAULT);
		assert_int_equal(r.err, -EINVAL);
		assert_non_null(strstr(r.error, "header field"));
		assert_false(r.begun);
	}
	get(f, f->client, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	fix_free(f);
}

/* Where nobody listens, a client that does not wait says so each time, without a pause before. */
static void test_refused_at_once(void **state)
{
	struct fix *f = fix_new(true, false);
	struct result r;

	f->server = http_server_free(f->server);
	turn(f, 10);
	for (unsigned i = 0; i < 8; i++) {
		r = (struct result){.body = BUF_INIT};
		http_client_request(f->client,
				    &(struct http_call_req){.method = "GET", .path = "/hello"},
				    &ops, &r);
		turn(f, 2000); /* far less than a pause */
		assert_int_equal(r.ended, 1);
		assert_int_equal(r.err, -ECONNREFUSED);
	}
	fix_free(f);
}

static void test_injections(void **state)
{
	injections(true);
	injections(false);
}

static void test_h2(void **state)
{
	struct fix *f = fix_new(true, false);

	basics(f, "tester");
	assert_int_equal(http_server_stats(f->server)->conns_total, 1);
	fix_free(f);
}

static void test_h1(void **state)
{
	struct fix *f = fix_new(true, true);

	basics(f, "tester");
	assert_true(http_server_stats(f->server)->conns_total <= 2); /* 413 closes one */
	fix_free(f);
}

static void test_plain(void **state)
{
	struct fix *f = fix_new(false, false);

	basics(f, "nobody");
	fix_free(f);
}

/* More streams than HTTP/2's limit before the server's SETTINGS, or all connections of HTTP/1.1. */
static void watches(bool no_h2)
{
	enum { MOST = 240 };
	const unsigned N = no_h2 ? 40 : MOST;
	struct fix *f = fix_new(true, no_h2);
	struct result r[MOST], extra;
	struct http_call *calls[MOST];

	for (unsigned i = 0; i < N; i++) {
		r[i] = (struct result){.body = BUF_INIT};
		calls[i] = http_client_request(
			f->client, &(struct http_call_req){.method = "GET", .path = "/watch"}, &ops,
			&r[i]);
	}
	while (f->site.n_watchers < N)
		uv_run(&f->loop, UV_RUN_ONCE);
	for (unsigned round = 0; round < 3; round++)
		get(f, f->client, "POST", "/event", STR("{\"n\":1}\n"), &extra),
			buf_done(&extra.body);
	while (r[N - 1].body.len < 24 || r[0].body.len < 24)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_string_equal(r[5].body.p, "{\"n\":1}\n{\"n\":1}\n{\"n\":1}\n");
	http_call_cancel(calls[3]);
	while (f->site.closed < 1)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->site.last_err, -ECONNRESET);
	/* The server goes: every watch ends with an error, none twice. */
	f->server = http_server_free(f->server);
	turn(f, 200);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(r[i].ended, i != 3);
		if (i != 3)
			assert_true(r[i].err < 0);
		buf_done(&r[i].body);
	}
	fix_free(f);
}

static void test_watches_h2(void **state)
{
	watches(false);
}

static void test_watches_h1(void **state)
{
	watches(true);
}

static void test_cancel_in_callback(void **state)
{
	for (unsigned no_h2 = 0; no_h2 < 2; no_h2++) {
		struct fix *f = fix_new(true, no_h2);
		struct result r = {.body = BUF_INIT, .stop = f};

		r.cancel_in_data = (void *)1;
		http_client_request(
			f->client,
			&(struct http_call_req){.method = "GET", .path = "/stream?10000000"}, &ops,
			&r);
		uv_run(&f->loop, UV_RUN_DEFAULT);
		assert_int_equal(r.ended, 1);
		while (f->site.closed < 1)
			uv_run(&f->loop, UV_RUN_ONCE);
		buf_done(&r.body);
		basics(f, "tester");
		fix_free(f);
	}
}

static void test_timeout(void **state)
{
	for (unsigned no_h2 = 0; no_h2 < 2; no_h2++) {
		struct fix *f = fix_new(true, no_h2);
		struct result r = {.body = BUF_INIT, .stop = f};

		basics(f, "tester"); /* connected: the server hears of what is given up */
		http_client_request(f->client,
				    &(struct http_call_req){.method = "GET",
							    .path = "/never",
							    .timeout_ns = 50 * NSEC_PER_MSEC},
				    &ops, &r);
		uv_run(&f->loop, UV_RUN_DEFAULT);
		assert_int_equal(r.err, -ETIMEDOUT);
		while (f->site.closed < 1)
			uv_run(&f->loop, UV_RUN_ONCE);
		fix_free(f);
	}
}

static void test_failover(void **state)
{
	struct fix *f = fix_new(true, false);
	const char *urls[] = {"https://127.0.0.1:1", f->url};
	struct http_client *c = client_of(f, urls, 2), *lost = client_of(f, urls, 1);
	struct result r;

	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	get(f, lost, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.err, -ECONNREFUSED);
	assert_string_equal(r.error, "connect 127.0.0.1:1: Connection refused");
	/* A server that is back is found again, through the same client. */
	uint16_t port = http_server_port(f->server);

	http_server_free(f->server);
	turn(f, 50);
	f->server = serve(f, true, port);
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	http_client_free(c);
	http_client_free(lost);
	fix_free(f);
}

/* ---- names ---- */

/* What the resolver knows, and answers some turns of the loop later. */
static struct {
	const char *addrs[3]; /* none: no such name */
	unsigned asked;
	bool silent; /* answers when it is woken */
	uv_getaddrinfo_t *req;
	uv_getaddrinfo_cb cb;
} dns;

static void dns_answer(uv_timer_t *t)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *list = NULL, **at = &list;

	for (size_t i = 0; i < ARRAY_SIZE(dns.addrs) && dns.addrs[i]; i++, at = &(*at)->ai_next)
		assert_int_equal(getaddrinfo(dns.addrs[i], NULL, &hints, at), 0);
	if (t)
		uv_close((uv_handle_t *)t, (uv_close_cb)(void (*)(void))free);
	dns.cb(dns.req, list ? 0 : UV_EAI_NONAME, list);
}

int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
			  const char *node, const char *service, const struct addrinfo *hints);
int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
			  const char *node, const char *service, const struct addrinfo *hints)
{
	uv_timer_t *t;

	assert_string_equal(node, "localhost");
	dns.asked++;
	dns.req = req;
	dns.cb = cb;
	if (!dns.silent) {
		t = NEW(uv_timer_t);
		uv_timer_init(loop, t);
		uv_timer_start(t, dns_answer, 5, 0);
	}
	return 0;
}

/* A name is all its addresses; it is asked for once while they serve, and again when they fail. */
static void test_names(void **state)
{
	struct fix *f = fix_new(true, false);
	CLEANUP_FREE char *url = xasprintf("https://localhost:%u", http_server_port(f->server));
	CLEANUP_FREE char *plain = xasprintf("http://localhost:%u", http_server_port(f->server));
	struct http_client *c, *h1;
	struct result r;

	memset(&dns, 0, sizeof(dns));
	c = client_of(f, (const char *const[]){url}, 1);
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.err, -EHOSTUNREACH);
	assert_string_equal(r.error, "look up localhost: unknown node or service");
	dns.addrs[0] = "::1"; /* nobody listens there */
	dns.addrs[1] = "127.0.0.1";
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	assert_int_equal(dns.asked, 2);
	http_client_reconnect(c);
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	assert_int_equal(dns.asked, 2);
	/* The same for those with a connection a call: the second address on the second try. */
	h1 = client_of(f, (const char *const[]){plain}, 1);
	get(f, h1, "GET", "/hello", STR_NULL, &r);
	assert_int_not_equal(r.err, -EHOSTUNREACH);
	buf_done(&r.body);
	http_client_free(h1);
	http_client_free(c);
	fix_free(f);
}

/* Nobody waits for the resolver but who asked for the name; a client may go meanwhile. */
static void test_slow_resolver(void **state)
{
	struct fix *f = fix_new(true, false);
	CLEANUP_FREE char *url = xasprintf("https://localhost:%u", http_server_port(f->server));
	struct result r, waits = {.body = BUF_INIT};
	struct http_client *c, *both;

	memset(&dns, 0, sizeof(dns));
	dns.silent = true;
	c = client_of(f, (const char *const[]){url}, 1);
	http_client_request(c, &(struct http_call_req){.method = "GET", .path = "/hello"}, &ops,
			    &waits);
	turn(f, 20);
	assert_int_equal(dns.asked, 1);
	get(f, f->client, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	assert_false(waits.ended);
	http_client_free(c);
	assert_int_equal(waits.err, -ECANCELED);
	turn(f, 20);
	dns_answer(NULL);
	/* Beside an address that is known, a name is no reason to wait. */
	both = client_of(f, (const char *const[]){url, f->url}, 2);
	get(f, both, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	http_client_free(both);
	dns_answer(NULL);
	fix_free(f);
}

/* What may be made again, and that another server is turned to when one is of no use. */
static void test_move(void **state)
{
	struct fix *f = fix_new(true, false);
	CLEANUP_FREE char *first = xstrdup(f->url);
	struct http_server *second = serve(f, true, 0);
	CLEANUP_FREE char *other = xstrdup(f->url);
	const char *urls[] = {first, other}, *nobody = "https://127.0.0.1:1";
	struct http_client *c = client_of(f, urls, 2), *lost = client_of(f, &nobody, 1);
	struct result r, w;

	get(f, lost, "POST", "/echo", STR("x"), &r);
	assert_int_equal(r.err, -ECONNREFUSED);
	assert_false(r.begun); /* certainly nobody saw it */
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(http_server_stats(f->server)->reqs_total, 1);
	buf_done(&r.body);
	/* A call under way stays where it is, the next one goes to the other. */
	w = (struct result){.body = BUF_INIT, .stop = f};
	http_client_request(c, &(struct http_call_req){.method = "POST", .path = "/never"}, &ops,
			    &w);
	turn(f, 20);
	http_client_move(c);
	http_client_move(c); /* not back at once */
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(http_server_stats(second)->reqs_total, 1);
	buf_done(&r.body);
	http_server_free(f->server);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(w.err, -ECONNRESET);
	assert_true(w.begun); /* it may have been carried out */
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	f->server = second;
	http_client_free(c);
	http_client_free(lost);
	fix_free(f);
}

static void test_bad_server(void **state)
{
	struct fix *f = fix_new(true, false);
	struct test_certs other;
	struct tls_ctx *tls, *mine = f->client_tls;
	struct result r;
	const char *url = f->url;
	struct http_client *c;

	test_certs_make(&other); /* another CA of the same name */
	assert_int_equal(
		tls_client_new(&(struct tls_conf){.ca_pem = buf_str(&other.ca)}, &tls, NULL), 0);
	f->client_tls = tls;
	c = client_of(f, &url, 1);
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.err, -EPROTO);
	assert_non_null(strstr(r.error, "certificate"));
	http_client_free(c);
	f->client_tls = mine;
	tls_ctx_unref(tls);
	test_certs_done(&other);
	fix_free(f);
}

static void on_shut(void *user)
{
	*(bool *)user = true;
}

static void test_shutdown(void **state)
{
	for (unsigned no_h2 = 0; no_h2 < 2; no_h2++) {
		struct fix *f = fix_new(true, no_h2);
		struct result r, w = {.body = BUF_INIT};
		bool done = false;

		get(f, f->client, "GET", "/hello", STR_NULL, &r);
		buf_done(&r.body);
		http_client_request(f->client,
				    &(struct http_call_req){.method = "GET", .path = "/watch"},
				    &ops, &w);
		while (f->site.n_watchers < 1)
			uv_run(&f->loop, UV_RUN_ONCE);
		http_server_shutdown(f->server, 100 * NSEC_PER_MSEC, on_shut, &done);
		while (!done)
			uv_run(&f->loop, UV_RUN_ONCE);
		turn(f, 50);
		assert_int_equal(w.ended, 1);
		assert_true(w.err < 0);
		get(f, f->client, "GET", "/hello", STR_NULL, &r);
		assert_int_equal(r.err, -ECONNREFUSED);
		fix_free(f);
	}
}

/* ---- upgrade ---- */

struct up {
	struct fix *f;
	struct http_stream *s;
	struct buf got, refusal;
	int status, err, closed;
	char echo[8];
};

static void up_data(struct http_stream *s, struct str data, void *user)
{
	struct up *u = user;

	buf_addstr(&u->got, data);
	uv_stop(&u->f->loop);
}

static void up_close(struct http_stream *s, int err, void *user)
{
	struct up *u = user;

	u->closed++;
	uv_stop(&u->f->loop);
}

static const struct http_stream_ops up_ops = {.on_data = up_data, .on_close = up_close};

static void up_done(struct http_call *call, int err, int status, struct str body,
		    struct http_stream *s, void *user)
{
	struct up *u = user;

	u->status = status;
	u->err = err;
	u->s = s;
	buf_addstr(&u->refusal, body);
	str_copy(u->echo, sizeof(u->echo), http_call_header(call, "X-Echo"));
	if (s)
		http_stream_start(s, &up_ops, u);
	uv_stop(&u->f->loop);
}

static void upgrade_to(struct fix *f, const char *path, struct up *u)
{
	static const struct http_upgrade_ops uops = {up_done};
	struct http_header h[] = {HTTP_HEADER("Connection", STR("Upgrade")),
				  HTTP_HEADER("Upgrade", STR("echo"))};

	*u = (struct up){.f = f, .got = BUF_INIT, .refusal = BUF_INIT};
	http_client_upgrade(f->client,
			    &(struct http_call_req){
				    .method = "POST", .path = path, .headers = h, .n_headers = 2},
			    &uops, u);
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void test_upgrade(void **state)
{
	for (unsigned secure = 0; secure < 2; secure++) {
		struct fix *f = fix_new(secure, false);
		struct up u;
		CLEANUP(buf_done) struct buf big = BUF_INIT;

		upgrade_to(f, "/hello", &u);
		assert_int_equal(u.status, 200);
		assert_null(u.s);
		assert_string_equal(u.refusal.p, "hello\n");
		buf_done(&u.refusal);
		upgrade_to(f, "/upgrade", &u);
		assert_int_equal(u.status, 101);
		assert_string_equal(u.echo, "yes");
		http_stream_write(u.s, STR("ping"));
		uv_run(&f->loop, UV_RUN_DEFAULT);
		assert_string_equal(u.got.p, "ping");
		for (unsigned i = 0; i < 2000000; i++)
			buf_addc(&big, (char)i);
		http_stream_write(u.s, buf_str(&big));
		while (u.got.len < big.len + 4)
			uv_run(&f->loop, UV_RUN_DEFAULT);
		assert_memory_equal(u.got.p + 4, big.p, big.len);
		http_stream_close(u.s);
		while (!u.closed || !f->site.closed)
			uv_run(&f->loop, UV_RUN_ONCE);
		buf_done(&u.got);
		fix_free(f);
	}
}

/* A server that can be held up: TCP still takes connections for it, and no word comes. */
struct held {
	uv_loop_t loop;
	struct site site;
	struct http_server *server;
	char url[64];
};

static void held_start(struct fix *f, struct held *h)
{
	uv_loop_init(&h->loop);
	site_init(&h->site);
	h->server = http_server_new(&(struct http_server_conf){.loop = &h->loop,
							       .tls = f->server_tls,
							       .on_request = site_request,
							       .user = &h->site});
	assert_int_equal(http_server_listen(h->server, "127.0.0.1", 0, NULL), 0);
	snprintf(h->url, sizeof(h->url), "https://127.0.0.1:%u", http_server_port(h->server));
}

static void held_stop(struct held *h)
{
	http_server_free(h->server);
	uv_run(&h->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&h->loop), 0);
}

static struct http_client *watchful(struct fix *f, const char *const *urls, size_t n)
{
	struct http_client *c;

	assert_int_equal(
		http_client_new(&(struct http_client_conf){.loop = &f->loop,
							   .endpoints = urls,
							   .n_endpoints = n,
							   .tls = f->client_tls,
							   .ping_idle_ns = 50 * NSEC_PER_MSEC,
							   .ping_timeout_ns = 60 * NSEC_PER_SEC},
				&c, NULL),
		0);
	return c;
}

static void watch_begin(struct fix *f, struct held *h, struct http_client *c, struct result *w)
{
	*w = (struct result){.body = BUF_INIT};
	http_client_request(c, &(struct http_call_req){.method = "GET", .path = "/watch"}, &ops, w);
	while (!w->status) {
		uv_run(&f->loop, UV_RUN_NOWAIT);
		uv_run(&h->loop, UV_RUN_NOWAIT);
	}
}

/* An endpoint that takes the connection and says nothing does not keep calls from another. */
static void test_silent_endpoint(void **state)
{
	struct fix *f = fix_new(true, false);
	struct held h;
	struct http_client *c;
	struct result r;

	held_start(f, &h);
	c = watchful(f, (const char *[]){h.url, f->url}, 2);
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	buf_done(&r.body);
	http_client_free(c);
	held_stop(&h);
	fix_free(f);
}

/* One in use that falls silent is left as soon as another answers, long before it is given up. */
static void test_silent_server(void **state)
{
	struct fix *f = fix_new(true, false);
	struct held h;
	struct http_client *c;
	struct result r, w;

	held_start(f, &h);
	c = watchful(f, (const char *[]){h.url, f->url}, 2);
	watch_begin(f, &h, c, &w);
	while (!w.ended)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(w.err, -ETIMEDOUT);
	get(f, c, "GET", "/hello", STR_NULL, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(http_server_stats(f->server)->reqs_total, 1);
	buf_done(&r.body);
	buf_done(&w.body);
	http_client_free(c);
	held_stop(&h);
	fix_free(f);
}

/* Nobody else answers, and then it does: nothing was lost. */
static void test_slow_server(void **state)
{
	struct fix *f = fix_new(true, false);
	struct held h, other;
	struct http_client *c;
	struct result r = {.body = BUF_INIT}, w;
	uint64_t until;

	held_start(f, &h);
	held_start(f, &other);
	c = watchful(f, (const char *[]){h.url, other.url}, 2);
	watch_begin(f, &h, c, &w);
	uv_update_time(&f->loop);
	until = uv_now(&f->loop) + 600; /* pinged, suspected, the other one asked */
	while (uv_now(&f->loop) < until)
		uv_run(&f->loop, UV_RUN_ONCE);
	http_client_request(c, &(struct http_call_req){.method = "GET", .path = "/hello"}, &ops,
			    &r);
	while (!r.ended) {
		uv_run(&f->loop, UV_RUN_NOWAIT);
		uv_run(&h.loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(r.status, 200);
	assert_int_equal(http_server_stats(h.server)->reqs_total, 2);
	assert_int_equal(http_server_stats(h.server)->conns_total, 1);
	assert_int_equal(w.ended, 0);
	http_client_free(c);
	assert_int_equal(w.err, -ECANCELED);
	buf_done(&r.body);
	buf_done(&w.body);
	held_stop(&h);
	held_stop(&other);
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_h2),
		cmocka_unit_test(test_h1),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_watches_h2),
		cmocka_unit_test(test_watches_h1),
		cmocka_unit_test(test_cancel_in_callback),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_slow_resolver),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_bad_server),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_upgrade),
		cmocka_unit_test(test_injections),
		cmocka_unit_test(test_refused_at_once),
		cmocka_unit_test(test_silent_endpoint),
		cmocka_unit_test(test_silent_server),
		cmocka_unit_test(test_slow_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
