/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/sys/file.h"
#include "tests/http/certs.h"
#include "tests/http/site.h"
/*
 * testd DIR: serves tests/http/site.h over TLS and in plain text, both on free ports, until stdin
 * ends. DIR gets ca.pem, client.pem, client.key; stdout gets "TLS_PORT PLAIN_PORT".
 */
static void write_pem(const char *dir, const char *name, const struct buf *pem)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	if (file_write_atomic(AT_FDCWD, path, buf_str(pem), 0600) < 0)
		exit(1);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	static char sink[64];

	*b = uv_buf_init(sink, sizeof(sink));
}

static void on_stdin(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	if (n < 0)
		uv_stop(s->loop);
}

int main(int argc, char **argv)
{
	struct test_certs certs;
	struct site site;
	struct tls_ctx *tls;
	struct http_server *secure, *plain;
	struct err err = ERR_INIT;
	uv_loop_t *loop = uv_default_loop();
	uv_pipe_t in;

	if (argc < 2)
		return 2;
	test_certs_make(&certs);
	write_pem(argv[1], "ca.pem", &certs.ca);
	write_pem(argv[1], "client.pem", &certs.client);
	write_pem(argv[1], "client.key", &certs.client_key);
	write_pem(argv[1], "stranger.pem", &certs.stranger);
	write_pem(argv[1], "stranger.key", &certs.stranger_key);
	site_init(&site);
	if (tls_server_new(&(struct tls_conf){.cert_pem = buf_str(&certs.server),
					      .key_pem = buf_str(&certs.server_key),
					      .ca_pem = buf_str(&certs.ca)},
			   &tls, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	secure = http_server_new(&(struct http_server_conf){
		.loop = loop, .tls = tls, .on_request = site_request, .user = &site});
	plain = http_server_new(&(struct http_server_conf){
		.loop = loop, .on_request = site_request, .user = &site});
	if (http_server_listen(secure, "127.0.0.1", 0, &err) < 0 ||
	    http_server_listen(plain, "127.0.0.1", 0, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	printf("%u %u\n", http_server_port(secure), http_server_port(plain));
	fflush(stdout);
	uv_pipe_init(loop, &in, 0);
	uv_pipe_open(&in, 0);
	uv_read_start((uv_stream_t *)&in, on_alloc, on_stdin);
	uv_run(loop, UV_RUN_DEFAULT);
	http_server_free(secure);
	http_server_free(plain);
	uv_close((uv_handle_t *)&in, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	tls_ctx_unref(tls);
	test_certs_done(&certs);
	return uv_loop_close(loop) ? 1 : 0;
}
