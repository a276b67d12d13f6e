/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/fuzz/fuzz.h"
#include "tests/http/site.h"

#include <arpa/inet.h>
#include <sys/socket.h>
/*
 * The bytes a client sends to a plain-text server: HTTP/1.1, or HTTP/2 when they begin with its
 * preface. Over a real socket, so that cutting, closing and half-closing are the real thing.
 */
static uv_loop_t loop;
static struct site site;
static struct http_server *server;

static void start(void)
{
	uv_loop_init(&loop);
	site_init(&site);
	server = http_server_new(&(struct http_server_conf){
		.loop = &loop, .on_request = site_request, .user = &site, .max_body = 65536});
	if (http_server_listen(server, "127.0.0.1", 0, NULL) < 0)
		abort();
}

static void turn(int fd, unsigned n)
{
	char sink[65536];

	while (n--) {
		uv_run(&loop, UV_RUN_NOWAIT);
		while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	}
}

/* Once more if a signal came between (the fuzzer's own timer, on a busy machine). */
static int connected(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(http_server_port(server)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd;

	for (;;) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		if (errno != EINTR) {
			perror("connect");
			abort();
		}
		close(fd);
	}
}

void fuzz_one(struct str in)
{
	struct linger reset = {.l_onoff = 1};
	size_t half = in.len / 2;
	int fd;

	if (!server)
		start();
	fd = connected();
	send(fd, in.p, half, MSG_NOSIGNAL | MSG_DONTWAIT);
	turn(fd, 3);
	send(fd, in.p + half, in.len - half, MSG_NOSIGNAL | MSG_DONTWAIT);
	turn(fd, 3);
	site_event(&site, STR("event"));
	turn(fd, 2);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	while (http_server_stats(server)->conns)
		uv_run(&loop, UV_RUN_ONCE);
	if (http_server_stats(server)->reqs || site.n_watchers)
		abort();
}
