/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/http/client.h"
#include "lib/http/remotecommand.h"
#include "lib/http/spdy.h"
#include "lib/http/websocket.h"
#include "tests/unit/test.h"

#include <zlib.h>
/* WebSocket, SPDY, exec and port-forward, with a client that speaks just enough of each. */

/* ---- parsers ---- */

static void test_constants(void **state)
{
	struct str d = spdy_dictionary();
	char key[WS_ACCEPT_LEN + 1];

	assert_int_equal(d.len, 1423);
	assert_int_equal(adler32(1, (const unsigned char *)d.p, (unsigned)d.len), 0xe3c6a7c2);
	ws_accept_key(STR("dGhlIHNhbXBsZSBub25jZQ=="), key); /* RFC 6455 section 1.3 */
	assert_string_equal(key, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static bool note(enum ws_opcode op, struct str data, void *user)
{
	buf_addf(user, "%d:%.*s;", op, STR_ARG(data));
	return true;
}

static unsigned parse(struct str in, bool from_client, size_t step, struct buf *out)
{
	struct ws_parser p;
	unsigned code = 0;

	buf_clear(out);
	ws_parser_init(&p, from_client, 100);
	for (size_t i = 0; i < in.len && !code; i += step)
		code = ws_parser_feed(&p, str_n(in.p + i, MIN(step, in.len - i)), note, out);
	ws_parser_done(&p);
	return code;
}

static void test_ws_parser(void **state)
{
	static const struct {
		struct str in;
		bool from_client;
		unsigned code;
		const char *out;
	} cases[] = {
		{STR("\x81\x05Hello"), false, 0, "1:Hello;"},
		{STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), true, 0, "1:Hello;"},
		{STR("\x01\x03Hel\x89\x01p\x80\x02lo"), false, 0, "9:p;1:Hello;"},
		{STR("\x82\x00\x88\x00"), false, 0, "2:;8:;"},
		{STR("\x82\x7e\x00\x01x"), false, 0, "2:x;"},
		{STR("\x81\x05Hello"), true, 1002, ""}, /* not masked */
		{STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), false, 1002, ""}, /* masked */
		{STR("\xc1\x01x"), false, 1002, ""}, /* reserved bit */
		{STR("\x83\x01x"), false, 1002, ""}, /* reserved opcode */
		{STR("\x80\x01x"), false, 1002, ""}, /* continues nothing */
		{STR("\x01\x01x\x81\x01y"), false, 1002, ""}, /* new before the end */
		{STR("\x09\x01x"), false, 1002, ""}, /* fragmented control */
		{STR("\x89\x7e\x00\x80"), false, 1002, ""}, /* long control */
		{STR("\x82\x7e\x00\x65"), false, 1009, ""},
		{STR("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), false, 1009, ""},
		{STR("\x81\x02\xc0\xaf"), false, 1007, ""}, /* overlong */
		{STR("\x81\x01\xe2"), false, 1007, ""}, /* cut */
	};
	CLEANUP(buf_done) struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t step = 1; step < 20; step += 6) {
			assert_int_equal(parse(cases[i].in, cases[i].from_client, step, &out),
					 cases[i].code);
			assert_string_equal(out.p, cases[i].out);
		}
}

/* ---- a server that runs "sessions" which echo ---- */

struct fix {
	uv_loop_t loop;
	struct http_server *server;
	struct http_client *client;
	uv_timer_t limit;
	struct rc *rc;
	struct rc_conf conf;
	unsigned opened, closed, eofs, conns, conn_closed;
	uint16_t cols, rows, port;
	struct http_stream *s; /* the client's end */
	struct buf got; /* raw bytes of it */
	struct ws *ws;
	unsigned client_closed;
	int refused;
	z_stream z;
};

static void rc_opened(struct rc *rc, void *user)
{
	((struct fix *)user)->opened++;
	rc_write(rc, RC_STDERR, STR("ready"));
}

static void rc_stdin(struct rc *rc, struct str data, void *user)
{
	if (str_eqs(data, "exit"))
		rc_exit(rc, 3);
	else if (str_eqs(data, "fail"))
		rc_fail(rc, "no \"shell\"");
	else
		rc_write(rc, RC_STDOUT, data);
}

static void rc_stdin_eof(struct rc *rc, void *user)
{
	((struct fix *)user)->eofs++;
	rc_exit(rc, 0);
}

static void rc_resized(struct rc *rc, uint16_t cols, uint16_t rows, void *user)
{
	((struct fix *)user)->cols = cols;
	((struct fix *)user)->rows = rows;
}

static void rc_closed(struct rc *rc, int err, void *user)
{
	((struct fix *)user)->closed++;
}

static void pf_conn(struct pf *pf, struct pf_conn *pc, uint16_t port, void *user)
{
	struct fix *f = user;

	f->conns++;
	f->port = port;
	pf_conn_set_user(pc, f);
	if (port == 1)
		pf_conn_end(pc, "refused");
}

static void pf_data(struct pf_conn *pc, struct str data, void *user)
{
	pf_conn_write(pc, data);
}

static void pf_eof(struct pf_conn *pc, void *user)
{
	pf_conn_end(pc, NULL);
}

static void pf_conn_closed(struct pf_conn *pc, void *user)
{
	((struct fix *)user)->conn_closed++;
}

static void pf_closed(struct pf *pf, int err, void *user)
{
	((struct fix *)user)->closed++;
}

static void on_request(struct http_req *r, void *user)
{
	static const struct rc_ops rc_ops = {rc_opened,  rc_stdin, rc_stdin_eof,
					     rc_resized, NULL,     rc_closed};
	static const struct pf_ops pf_ops = {pf_conn,        pf_data, pf_eof,
					     pf_conn_closed, NULL,    pf_closed};
	struct fix *f = user;
	struct err err = ERR_INIT;
	struct pf *pf;
	int e;

	if (str_eqs(http_req_path(r), "/exec"))
		e = rc_accept(r, &f->conf, &rc_ops, f, &f->rc, &err);
	else
		e = pf_accept(r, &pf_ops, f, &pf, &err);
	if (e < 0)
		http_reply_text(r, 400, "text/plain", str_of(err_text(&err)));
	err_done(&err);
}

static void on_limit(uv_timer_t *t)
{
	fail_msg("the loop did not come to an end");
}

static struct fix *fix_new(void)
{
	struct fix *f = NEW(struct fix);
	char url[64];
	const char *p = url;
	struct str d = spdy_dictionary();

	uv_loop_init(&f->loop);
	f->server = http_server_new(
		&(struct http_server_conf){.loop = &f->loop, .on_request = on_request, .user = f});
	assert_int_equal(http_server_listen(f->server, "127.0.0.1", 0, NULL), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_server_port(f->server));
	assert_int_equal(http_client_new(&(struct http_client_conf){.loop = &f->loop,
								    .endpoints = &p,
								    .n_endpoints = 1},
					 &f->client, NULL),
			 0);
	buf_init(&f->got);
	f->conf = (struct rc_conf){.want_stdin = true, .want_stdout = true, .want_stderr = true};
	uv_timer_init(&f->loop, &f->limit);
	uv_timer_start(&f->limit, on_limit, 20000, 0);
	uv_unref((uv_handle_t *)&f->limit);
	deflateInit(&f->z, 6);
	deflateSetDictionary(&f->z, (const unsigned char *)d.p, (unsigned)d.len);
	return f;
}

static void fix_free(struct fix *f)
{
	http_client_free(f->client);
	http_server_free(f->server);
	uv_close((uv_handle_t *)&f->limit, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buf_done(&f->got);
	deflateEnd(&f->z);
	free(f);
}

static void until(struct fix *f, unsigned *what)
{
	while (!*what)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void on_upgraded(struct http_call *call, int err, int status, struct str body,
			struct http_stream *s, void *user)
{
	struct fix *f = user;

	f->s = s;
	f->refused = s ? 0 : status;
	uv_stop(&f->loop);
}

static void ask(struct fix *f, const char *path, struct http_header *h, size_t n)
{
	static const struct http_upgrade_ops ops = {on_upgraded};

	http_client_upgrade(f->client,
			    &(struct http_call_req){
				    .method = "GET", .path = path, .headers = h, .n_headers = n},
			    &ops, f);
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void ask_ws(struct fix *f, const char *path, const char *protocol)
{
	struct http_header h[] = {
		HTTP_HEADER("Connection", STR("Upgrade")),
		HTTP_HEADER("Upgrade", STR("websocket")),
		HTTP_HEADER("Sec-WebSocket-Version", STR("13")),
		HTTP_HEADER("Sec-WebSocket-Key", STR("dGhlIHNhbXBsZSBub25jZQ==")),
		HTTP_HEADER("Sec-WebSocket-Protocol", str_of(protocol)),
	};

	ask(f, path, h, ARRAY_SIZE(h));
}

/* ---- exec over WebSocket ---- */

static void cw_message(struct ws *ws, bool binary, struct str data, void *user)
{
	struct fix *f = user;

	buf_addf(&f->got, "%d:%.*s;", data.p[0], STR_ARG(str_skip(data, 1)));
}

static void cw_close(struct ws *ws, int err, void *user)
{
	((struct fix *)user)->client_closed++;
}

static void start_ws(struct fix *f, const char *protocol)
{
	static const struct ws_ops ops = {cw_message, NULL, cw_close};

	f->client_closed = f->opened = f->closed = 0;
	buf_clear(&f->got);
	ask_ws(f, "/exec", protocol);
	assert_non_null(f->s);
	f->ws = ws_take_stream(f->s, &(struct ws_conf){.is_client = true}, &ops, f);
	until(f, &f->opened);
}

static void test_exec_ws(void **state)
{
	struct fix *f = fix_new();

	start_ws(f, "v5.channel.k8s.io");
	ws_send(f->ws, true, STR("\0"), STR("abc"));
	ws_send(f->ws, true, STR("\4"), STR("{\"Width\":101,\"Height\":37}"));
	ws_ping(f->ws, STR("x"));
	ws_send(f->ws, true, STR("\0"), STR("exit"));
	until(f, &f->closed);
	until(f, &f->client_closed);
	assert_int_equal(f->cols, 101);
	assert_int_equal(f->rows, 37);
	assert_string_equal(
		f->got.p, "1:;2:ready;1:abc;3:{\"metadata\":{},\"status\":\"Failure\",\"message\":"
			  "\"command terminated with non-zero exit code: exit status 3\","
			  "\"reason\":\"NonZeroExitCode\",\"details\":{\"causes\":[{\"reason\":"
			  "\"ExitCode\",\"message\":\"3\"}]}};");
	start_ws(f, "v3.channel.k8s.io, v4.channel.k8s.io");
	ws_send(f->ws, true, STR("\0"), STR("fail"));
	until(f, &f->closed);
	until(f, &f->client_closed);
	assert_non_null(strstr(f->got.p, "\"message\":\"no \\\"shell\\\"\""));
	start_ws(f, "v5.channel.k8s.io");
	ws_send(f->ws, true, STR("\377"), STR("\0")); /* stdin ends */
	until(f, &f->closed);
	until(f, &f->client_closed);
	assert_int_equal(f->eofs, 1);
	assert_non_null(strstr(f->got.p, "\"status\":\"Success\""));
	start_ws(f, "v5.channel.k8s.io"); /* the client vanishes */
	ws_abort(f->ws);
	until(f, &f->closed);
	ask_ws(f, "/exec", "v1.channel.k8s.io");
	assert_int_equal(f->refused, 400);
	fix_free(f);
}

/* ---- over SPDY ---- */

static void raw_data(struct http_stream *s, struct str data, void *user)
{
	buf_addstr(&((struct fix *)user)->got, data);
}

static void raw_close(struct http_stream *s, int err, void *user)
{
	((struct fix *)user)->client_closed++;
}

static const struct http_stream_ops raw_ops = {raw_data, NULL, NULL, raw_close};

static void be32(struct buf *b, uint32_t v)
{
	for (int i = 24; i >= 0; i -= 8)
		buf_addc(b, (char)(v >> i));
}

static void add_pair(struct buf *b, const char *name, const char *value)
{
	be32(b, (uint32_t)strlen(name));
	buf_adds(b, name);
	be32(b, (uint32_t)strlen(value));
	buf_adds(b, value);
}

static void out(struct fix *f, struct str bytes)
{
	if (f->ws)
		ws_send(f->ws, true, STR_NULL, bytes);
	else
		http_stream_write(f->s, bytes);
}

static void syn(struct fix *f, uint32_t id, const char *type, const char *port, const char *reqid)
{
	CLEANUP(buf_done) struct buf h = BUF_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	unsigned char block[512];
	unsigned n;

	be32(&h, port ? 3 : 1);
	add_pair(&h, "streamtype", type);
	if (port) {
		add_pair(&h, "port", port);
		add_pair(&h, "requestid", reqid);
	}
	f->z.next_in = (unsigned char *)h.p;
	f->z.avail_in = (unsigned)h.len;
	f->z.next_out = block;
	f->z.avail_out = sizeof(block);
	deflate(&f->z, Z_SYNC_FLUSH);
	n = (unsigned)sizeof(block) - f->z.avail_out;
	be32(&b, 0x80030001);
	be32(&b, 10 + n);
	be32(&b, id);
	be32(&b, 0);
	buf_add(&b, "\0\0", 2);
	buf_add(&b, block, n);
	out(f, buf_str(&b));
}

static void data(struct fix *f, uint32_t id, struct str bytes, bool fin)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	be32(&b, id);
	be32(&b, (fin ? 0x01000000u : 0) | (uint32_t)bytes.len);
	buf_addstr(&b, bytes);
	out(f, buf_str(&b));
}

/* All that came on one stream's data frames; *ret_fin when it was ended. */
static void collect(struct fix *f, uint32_t id, struct buf *ret, bool *ret_fin)
{
	const unsigned char *p = (const unsigned char *)f->got.p;
	size_t at = 0;

	buf_clear(ret);
	*ret_fin = false;
	while (at + 8 <= f->got.len) {
		uint32_t word = (uint32_t)p[at] << 24 | (uint32_t)p[at + 1] << 16 |
				(uint32_t)p[at + 2] << 8 | p[at + 3];
		size_t len = (size_t)p[at + 5] << 16 | (size_t)p[at + 6] << 8 | p[at + 7];

		if (word == id && at + 8 + len <= f->got.len) {
			buf_add(ret, p + at + 8, len);
			*ret_fin = p[at + 4] & 1;
		}
		at += 8 + len;
	}
}

static void ask_spdy(struct fix *f, const char *path, const char *versions)
{
	struct http_header h[] = {
		HTTP_HEADER("Connection", STR("Upgrade")),
		HTTP_HEADER("Upgrade", STR("SPDY/3.1")),
		HTTP_HEADER("X-Stream-Protocol-Version", str_of(versions)),
	};

	ask(f, path, h, ARRAY_SIZE(h));
	assert_non_null(f->s);
	http_stream_start(f->s, &raw_ops, f);
}

static void test_exec_spdy(void **state)
{
	struct fix *f = fix_new();
	CLEANUP(buf_done) struct buf got = BUF_INIT;
	bool fin;

	ask_spdy(f, "/exec", "v4.channel.k8s.io, v3.channel.k8s.io");
	syn(f, 1, "error", NULL, NULL);
	syn(f, 3, "stdin", NULL, NULL);
	syn(f, 5, "stdout", NULL, NULL);
	assert_int_equal(f->opened, 0);
	syn(f, 7, "stderr", NULL, NULL);
	until(f, &f->opened);
	data(f, 3, STR("abc"), false);
	data(f, 3, STR_NULL, true);
	until(f, &f->closed);
	until(f, &f->client_closed);
	collect(f, 5, &got, &fin);
	assert_string_equal(got.p, "abc");
	assert_true(fin);
	collect(f, 7, &got, &fin);
	assert_string_equal(got.p, "ready");
	collect(f, 1, &got, &fin);
	assert_string_equal(got.p, "{\"metadata\":{},\"status\":\"Success\"}");
	assert_true(fin);
	fix_free(f);
}

static void forward(struct fix *f)
{
	CLEANUP(buf_done) struct buf got = BUF_INIT;
	bool fin = false;

	syn(f, 1, "error", "8080", "0");
	syn(f, 3, "data", "8080", "0");
	data(f, 3, STR("GET / HTTP/1.0"), false);
	until(f, &f->conns);
	assert_int_equal(f->port, 8080);
	data(f, 3, STR("\r\n"), true);
	while (!fin) {
		uv_run(&f->loop, UV_RUN_ONCE);
		collect(f, 3, &got, &fin);
	}
	assert_string_equal(got.p, "GET / HTTP/1.0\r\n");
	f->conns = 0;
	syn(f, 5, "error", "1", "1");
	syn(f, 7, "data", "1", "1");
	until(f, &f->conns);
	for (fin = false; !fin; collect(f, 5, &got, &fin))
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_string_equal(got.p, "refused");
	syn(f, 9, "error", "80", "2");
	syn(f, 11, "data", "80", "2");
	f->conns = 0;
	until(f, &f->conns);
}

static void test_forward(void **state)
{
	struct fix *f = fix_new();

	ask_spdy(f, "/portforward", "portforward.k8s.io");
	forward(f);
	http_stream_abort(f->s); /* the client goes with a connection open */
	until(f, &f->closed);
	assert_int_equal(f->conn_closed, 1);
	until(f, &f->client_closed);
	fix_free(f);
}

static void tunnel_message(struct ws *ws, bool binary, struct str bytes, void *user)
{
	buf_addstr(&((struct fix *)user)->got, bytes);
}

static void test_forward_tunnel(void **state)
{
	static const struct ws_ops ops = {tunnel_message, NULL, cw_close};
	struct fix *f = fix_new();

	ask_ws(f, "/portforward", "SPDY/3.1+portforward.k8s.io");
	assert_non_null(f->s);
	f->ws = ws_take_stream(f->s, &(struct ws_conf){.is_client = true}, &ops, f);
	forward(f);
	ws_close(f->ws, 1000, "bye");
	until(f, &f->closed);
	assert_int_equal(f->conn_closed, 1);
	until(f, &f->client_closed);
	fix_free(f);
}

/* Bad frames end the connection, whatever they are. */
static void test_bad_spdy(void **state)
{
	static const struct str bad[] = {
		STR("\x80\x02\x00\x01\x00\x00\x00\x0a"
		    "0123456789"), /* version 2 */
		STR("\x80\x03\x00\x01\x00\x00\x00\x04zzzz"), /* short SYN_STREAM */
		STR("\x80\x03\x00\x01\x00\x00\x00\x14\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
		    "not zlib!!"),
		STR("\x80\x03\x00\x06\x00\xff\xff\xff"), /* a PING of 16 MB */
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fix *f = fix_new();

		ask_spdy(f, "/exec", "v4.channel.k8s.io");
		out(f, bad[i]);
		until(f, &f->closed);
		until(f, &f->client_closed);
		fix_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constants), cmocka_unit_test(test_ws_parser),
		cmocka_unit_test(test_exec_ws),   cmocka_unit_test(test_exec_spdy),
		cmocka_unit_test(test_forward),   cmocka_unit_test(test_forward_tunnel),
		cmocka_unit_test(test_bad_spdy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
