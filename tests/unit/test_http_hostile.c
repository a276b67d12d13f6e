/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/http/server_conn.h"
#include "tests/http/site.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
/*
 * Clients that do not play fair, each with raw bytes over plain text. A test sends, lets the loop
 * turn, and looks at what came back and at the server's counters. Deadlines are set to 80 ms.
 */
struct fix {
	uv_loop_t loop;
	struct site site;
	struct http_server *server;
	uv_timer_t limit;
	int fd;
	bool eof;
	struct buf got;
};

static void on_limit(uv_timer_t *t)
{
	fail_msg("the loop did not come to an end");
}

static int dial(struct fix *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(http_server_port(f->server)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	f->eof = false;
	buf_clear(&f->got);
	return fd;
}

static struct fix *fix_new(void)
{
	struct fix *f = NEW(struct fix);
	uint64_t quick = 80 * NSEC_PER_MSEC;

	uv_loop_init(&f->loop);
	site_init(&f->site);
	buf_init(&f->got);
	f->server = http_server_new(&(struct http_server_conf){
		.loop = &f->loop,
		.on_request = site_request,
		.user = &f->site,
		.max_queue = 300000,
		.header_timeout_ns = quick,
		.body_timeout_ns = quick,
		.stall_timeout_ns = quick,
		.idle_timeout_ns = quick,
	});
	assert_int_equal(http_server_listen(f->server, "127.0.0.1", 0, NULL), 0);
	uv_timer_init(&f->loop, &f->limit);
	uv_timer_start(&f->limit, on_limit, 20000, 0);
	uv_unref((uv_handle_t *)&f->limit);
	f->fd = dial(f);
	return f;
}

static void fix_free(struct fix *f)
{
	struct http_server *s = f->server;

	if (f->fd >= 0)
		close(f->fd);
	http_server_free(s);
	uv_close((uv_handle_t *)&f->limit, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(f->site.n_watchers, 0);
	buf_done(&f->got);
	free(f);
}

static void turn(struct fix *f)
{
	char b[65536];
	ssize_t n = 0;

	uv_run(&f->loop, UV_RUN_NOWAIT);
	while (f->fd >= 0 && (n = recv(f->fd, b, sizeof(b), 0)) >= 0) {
		if (n == 0) {
			f->eof = true;
			break;
		}
		buf_add(&f->got, b, (size_t)n);
	}
	if (f->fd >= 0 && n < 0 && errno != EAGAIN)
		f->eof = true;
}

static void say(struct fix *f, struct str s)
{
	while (s.len && !f->eof) {
		ssize_t n = send(f->fd, s.p, s.len, MSG_NOSIGNAL);

		if (n > 0)
			s = str_skip(s, (size_t)n);
		else if (errno != EAGAIN)
			f->eof = true;
		turn(f);
	}
	for (int i = 0; i < 5; i++)
		turn(f);
}

static void until_eof(struct fix *f)
{
	while (!f->eof) {
		turn(f);
		usleep(1000);
	}
}

static unsigned status(struct fix *f)
{
	return f->got.len > 12 ? (unsigned)strtoul(f->got.p + 9, NULL, 10) : 0;
}

static void hello(struct fix *f)
{
	close(f->fd);
	f->fd = dial(f);
	say(f, STR("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
	while (status(f) != 200)
		turn(f);
}

/* ---- HTTP/1.1 ---- */

static void test_bad_requests(void **state)
{
	static const struct {
		struct str in;
		unsigned status;
	} cases[] = {
		{STR("nonsense\r\n\r\n"), 501},
		{STR("GET /hello HTTP/1.1\r\n\r\n"), 400}, /* no Host */
		{STR("GET /hello HTTP/3.0\r\nHost: x\r\n\r\n"), 505},
		{STR("GET /hello HTTP/1.1\r\nHost: x\r\nbad name: y\r\n\r\n"), 400},
		{STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"), 400},
		{STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
		     "99999999999999999999\r\n\r\n"),
		 400},
		/* Request smuggling: two lengths, or a length and chunks. */
		{STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: "
		     "2\r\n\r\nab"),
		 400},
		{STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
		     "chunked\r\n\r\n0\r\n\r\n"),
		 400},
		{STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS to a plain port\r\n\r\n"),
		 501},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fix *f = fix_new();

		say(f, cases[i].in);
		until_eof(f);
		if (status(f) != cases[i].status)
			fail_msg("case %zu: %u: %s", i, status(f), f->got.p);
		assert_int_equal(http_server_stats(f->server)->bad_requests, 1);
		hello(f);
		fix_free(f);
	}
}

static void test_large_headers(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_adds(&b, "GET /hello HTTP/1.1\r\nHost: x\r\n");
	while (b.len < 70000)
		buf_adds(&b, "X-Filler: 0123456789012345678901234567890123456789\r\n");
	say(f, buf_str(&b));
	until_eof(f);
	assert_int_equal(status(f), 431);
	fix_free(f);
}

static void test_large_body(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	/* Announced. */
	say(f, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\nabc"));
	until_eof(f);
	assert_int_equal(status(f), 413);
	/* In chunks, found out on the way. */
	close(f->fd);
	f->fd = dial(f);
	for (unsigned i = 0; i < 65536; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\r\n");
	say(f, STR("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
	for (unsigned i = 0; i < 60 && !f->eof; i++) {
		say(f, STR("10000\r\n"));
		say(f, buf_str(&b));
	}
	until_eof(f);
	assert_int_equal(status(f), 413);
	fix_free(f);
}

static void test_slow_loris(void **state)
{
	struct fix *f = fix_new();
	const char *slow = "GET /hello HTTP/1.1\r\nHost: x\r\nX-Slow: ";

	say(f, str_of(slow));
	while (!f->eof) { /* a byte now and then does not help */
		usleep(10000);
		say(f, STR("x"));
	}
	assert_int_equal(status(f), 408);
	assert_int_equal(http_server_stats(f->server)->timeouts, 1);
	/* Nothing at all, and a body that stops. */
	close(f->fd);
	f->fd = dial(f);
	until_eof(f);
	assert_int_equal(f->got.len, 0);
	close(f->fd);
	f->fd = dial(f);
	say(f, STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"));
	until_eof(f);
	assert_int_equal(f->got.len, 0);
	fix_free(f);
}

static void test_slow_reader(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf event = BUF_INIT;
	int size = 4096, fd = f->fd;

	for (unsigned i = 0; i < 50000; i++)
		buf_addc(&event, 'e');
	setsockopt(f->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	say(f, STR("GET /watch HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_int_equal(f->site.n_watchers, 1);
	f->fd = -1; /* stop reading */
	while (!f->site.closed) {
		site_event(&f->site, buf_str(&event));
		turn(f);
	}
	assert_int_equal(f->site.slow, 1);
	assert_int_equal(http_server_stats(f->server)->slow_readers, 1);
	close(fd);
	/* A large answer that nobody takes runs into the stall deadline. */
	f->fd = fd = dial(f);
	setsockopt(f->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	say(f, STR("GET /stream?50000000 HTTP/1.1\r\nHost: x\r\n\r\n"));
	f->fd = -1;
	while (f->site.closed < 2) {
		turn(f);
		usleep(1000);
	}
	f->fd = fd;
	fix_free(f);
}

static void test_client_gone(void **state)
{
	struct fix *f = fix_new();

	say(f, STR("GET /stream?50000000 HTTP/1.1\r\nHost: x\r\n\r\n"));
	close(f->fd); /* in the middle of an answer, with unread input: a reset */
	f->fd = -1;
	while (!f->site.closed)
		turn(f);
	assert_true(f->site.last_err < 0);
	/* Half-close: the answer in hand is sent, a watch is given up. */
	f->fd = dial(f);
	say(f, STR("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"));
	shutdown(f->fd, SHUT_WR);
	until_eof(f);
	assert_int_equal(status(f), 200);
	close(f->fd);
	f->fd = dial(f);
	say(f, STR("GET /watch HTTP/1.1\r\nHost: x\r\n\r\n"));
	shutdown(f->fd, SHUT_WR);
	until_eof(f);
	assert_int_equal(f->site.closed, 2);
	fix_free(f);
}

static void test_pipeline(void **state)
{
	struct fix *f = fix_new();
	const char *p;
	unsigned n = 0;

	say(f, STR("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
		   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
		   "GET /big?70000 HTTP/1.1\r\nHost: x\r\n\r\n"
		   "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: "
		   "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
		   "GET /hello HTTP/1.0\r\n\r\n"));
	until_eof(f);
	for (p = f->got.p; (p = strstr(p, "HTTP/1.1 200")); p++)
		n++;
	assert_int_equal(n, 5);
	assert_non_null(strstr(f->got.p, "HTTP/1.1 100 Continue"));
	fix_free(f);
}

static void test_header_injection(void **state)
{
	struct http_header h = HTTP_HEADER("X", STR("a\r\nSet-Cookie: b"));
	struct http_header own = HTTP_HEADER("Transfer-Encoding", STR("chunked"));

	assert_false(reply_header_ok(&h));
	assert_false(reply_header_ok(&own));
}

/* ---- HTTP/2 ---- */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
/* :method GET, :scheme http, :path (indexed /), :authority x */
#define HEADER_BLOCK "\x82\x86\x84\x41\x01x"

static void frame(struct buf *b, uint8_t type, uint8_t flags, uint32_t id, struct str payload)
{
	buf_addc(b, (char)(payload.len >> 16));
	buf_addc(b, (char)(payload.len >> 8));
	buf_addc(b, (char)payload.len);
	buf_addc(b, (char)type);
	buf_addc(b, (char)flags);
	for (int i = 24; i >= 0; i -= 8)
		buf_addc(b, (char)(id >> i));
	buf_addstr(b, payload);
}

/* Error code of a GOAWAY in what came, or -1. */
static int goaway(struct fix *f)
{
	const unsigned char *p = (const unsigned char *)f->got.p;

	for (size_t at = 0; at + 17 <= f->got.len;) {
		size_t len = (size_t)p[at] << 16 | (size_t)p[at + 1] << 8 | p[at + 2];

		if (p[at + 3] == NGHTTP2_GOAWAY)
			return p[at + 16];
		at += 9 + len;
	}
	return -1;
}

static void test_rapid_reset(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	say(f, STR(PREFACE));
	for (uint32_t id = 1; id < 8001 && !f->eof; id += 2) {
		frame(&b, NGHTTP2_HEADERS, 5, id, STR(HEADER_BLOCK));
		frame(&b, NGHTTP2_RST_STREAM, 0, id, STR("\0\0\0\x08"));
		if (b.len > 30000) {
			say(f, buf_str(&b));
			buf_clear(&b);
		}
	}
	until_eof(f);
	assert_int_equal(http_server_stats(f->server)->floods, 1);
	assert_true(http_server_stats(f->server)->reqs_total < 2500);
	assert_int_equal(http_server_stats(f->server)->reqs, 0);
	hello(f);
	fix_free(f);
}

static void test_continuation_flood(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	say(f, STR(PREFACE));
	frame(&b, NGHTTP2_HEADERS, 1, 1, STR(HEADER_BLOCK));
	for (unsigned i = 0; i < 1000; i++)
		frame(&b, NGHTTP2_CONTINUATION, 0, 1, STR("\x40\x01y\x01z"));
	say(f, buf_str(&b));
	until_eof(f);
	assert_int_equal(http_server_stats(f->server)->reqs_total, 1);
	assert_int_equal(http_server_stats(f->server)->reqs, 0);
	hello(f);
	fix_free(f);
}

/* A header block without its end, and a table bomb: one indexed field, a thousand times. */
static void test_h2_headers(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf block = BUF_INIT;

	say(f, STR(PREFACE));
	frame(&b, NGHTTP2_HEADERS, 1, 1, STR(HEADER_BLOCK));
	say(f, buf_str(&b));
	until_eof(f);
	assert_int_equal(http_server_stats(f->server)->timeouts, 1);
	for (unsigned n = 30; n <= 3000; n *= 100) { /* 431, then: no answer is worth it */
		close(f->fd);
		f->fd = dial(f);
		buf_clear(&b);
		buf_clear(&block);
		buf_adds(&block, HEADER_BLOCK "\x40\x01y\x7f\xa1\x16"); /* 2976 bytes of value */
		for (unsigned i = 0; i < 2976; i++)
			buf_addc(&block, 'z');
		for (unsigned i = 0; i < n; i++)
			buf_addc(&block, '\xbe');
		say(f, STR(PREFACE));
		frame(&b, NGHTTP2_HEADERS, 5, 1, buf_str(&block));
		say(f, buf_str(&b));
		until_eof(f);
		assert_int_equal(http_server_stats(f->server)->reqs, 0);
	}
	hello(f);
	fix_free(f);
}

static void test_h2_bad_frames(void **state)
{
	static const struct {
		uint8_t type, flags;
		uint32_t id;
		struct str payload;
	} cases[] = {
		{NGHTTP2_DATA, 0, 0, STR("x")},
		{NGHTTP2_DATA, 0, 7, STR("x")},
		{NGHTTP2_SETTINGS, 0, 0, STR("12345")},
		{NGHTTP2_WINDOW_UPDATE, 0, 0, STR("\0\0\0\0")},
		{NGHTTP2_PING, 0, 0, STR("1")},
		{NGHTTP2_HEADERS, 5, 2, STR(HEADER_BLOCK)},
		{NGHTTP2_HEADERS, 5, 1, STR("\xff\xff\xff\xff\xff\xff")},
		{NGHTTP2_CONTINUATION, 4, 1, STR("")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fix *f = fix_new();
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		say(f, STR(PREFACE));
		frame(&b, cases[i].type, cases[i].flags, cases[i].id, cases[i].payload);
		say(f, buf_str(&b));
		until_eof(f);
		assert_true(goaway(f) > 0);
		fix_free(f);
	}
}

static void test_h2_streams(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	const char *path = "\x82\x86\x44\x06/never\x41\x01x";

	say(f, STR(PREFACE "\0\0\0\4\1\0\0\0\0"));
	for (uint32_t id = 1; id < 601; id += 2)
		frame(&b, NGHTTP2_HEADERS, 5, id, str_of(path));
	say(f, buf_str(&b));
	while (http_server_stats(f->server)->reqs < 250)
		turn(f);
	assert_int_equal(http_server_stats(f->server)->reqs, 250);
	fix_free(f);
}

/* A window of nothing: a watcher that never takes a byte is ended alone, the connection stays. */
static void test_h2_slow_reader(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf event = BUF_INIT;

	for (unsigned i = 0; i < 50000; i++)
		buf_addc(&event, 'e');
	say(f, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\6\4\0\0\0\0\0\0\4\0\0\0\0"));
	frame(&b, NGHTTP2_HEADERS, 5, 1, str_of("\x82\x86\x44\x06/watch\x41\x01x"));
	say(f, buf_str(&b));
	assert_int_equal(f->site.n_watchers, 1);
	while (!f->site.closed) {
		site_event(&f->site, buf_str(&event));
		turn(f);
	}
	assert_int_equal(f->site.slow, 1);
	assert_int_equal(http_server_stats(f->server)->conns, 1);
	until_eof(f); /* idle */
	fix_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_requests), cmocka_unit_test(test_large_headers),
		cmocka_unit_test(test_large_body),   cmocka_unit_test(test_slow_loris),
		cmocka_unit_test(test_slow_reader),  cmocka_unit_test(test_client_gone),
		cmocka_unit_test(test_pipeline),     cmocka_unit_test(test_header_injection),
		cmocka_unit_test(test_rapid_reset),  cmocka_unit_test(test_continuation_flood),
		cmocka_unit_test(test_h2_headers),   cmocka_unit_test(test_h2_bad_frames),
		cmocka_unit_test(test_h2_streams),   cmocka_unit_test(test_h2_slow_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
