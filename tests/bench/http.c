/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/clock.h"
#include "lib/http/client.h"
#include "tests/http/certs.h"
#include "tests/http/site.h"

#include <sys/resource.h>
#include <sys/wait.h>
/*
 * bench/http: requests a second over TLS by HTTP/1.1 and HTTP/2, memory of an idle watch, and the
 * server's processor time to bring one event to all watchers. The server is a process of its own;
 * the peers are the marks of DESIGN.md (what upstream's apiserver needs for the same).
 */
#define CONNS 4
#define IN_FLIGHT 32 /* HTTP/2, for each connection */

static struct test_certs certs;

struct server {
	pid_t pid;
	int in, out; /* "e": one event; answers "cpu_ns rss_bytes reqs" */
	uint16_t port;
};

/* ---- the server's process ---- */

static struct site site;
static struct http_server *served;

static uint64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * NSEC_PER_SEC +
	       ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000;
}

static uint64_t rss_bytes(void)
{
	uint64_t size = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f && fscanf(f, "%" SCNu64 " %" SCNu64, &size, &rss) != 2)
		rss = 0;
	if (f)
		fclose(f);
	return rss * 4096;
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	static char text[64];

	*b = uv_buf_init(text, sizeof(text));
}

static void on_order(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	static char event[400];
	const int *out = s->data;

	if (n < 0)
		_exit(0);
	if (b->base[0] == 'e')
		site_event(&site, str_n(event, sizeof(event)));
	else
		dprintf(*out, "%" PRIu64 " %" PRIu64 " %u\n", cpu_ns(), rss_bytes(),
			site.n_watchers);
}

static void server_main(void)
{
	int in = 0, out = 1;
	uv_loop_t *loop = uv_default_loop();
	struct tls_ctx *tls;
	uv_pipe_t orders;

	site_init(&site);
	test_certs_make(&certs);
	if (tls_server_new(&(struct tls_conf){.cert_pem = buf_str(&certs.server),
					      .key_pem = buf_str(&certs.server_key)},
			   &tls, NULL) < 0)
		_exit(1);
	served = http_server_new(&(struct http_server_conf){
		.loop = loop, .tls = tls, .on_request = site_request, .user = &site});
	if (http_server_listen(served, "127.0.0.1", 0, NULL) < 0)
		_exit(1);
	dprintf(out, "%u\n", http_server_port(served));
	uv_pipe_init(loop, &orders, 0);
	uv_pipe_open(&orders, in);
	orders.data = &out;
	uv_read_start((uv_stream_t *)&orders, on_alloc, on_order);
	uv_run(loop, UV_RUN_DEFAULT);
	_exit(0);
}

static bool read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = 0;
	return n > 0;
}

static struct server server_start(void)
{
	struct server s = {0};
	int to[2], from[2];
	char line[64] = "";

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		exit(1);
	s.pid = fork();
	if (s.pid == 0) { /* exec: a fresh heap, whose growth is the server's alone */
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl("/proc/self/exe", "http", "--server", (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	s.in = to[1];
	s.out = from[0];
	if (!read_line(s.out, line, sizeof(line)))
		exit(1);
	s.port = (uint16_t)strtoul(line, NULL, 10);
	return s;
}

static void server_stop(struct server *s)
{
	close(s->in);
	close(s->out);
	waitpid(s->pid, NULL, 0);
}

static unsigned server_ask(struct server *s, uint64_t *ret_cpu, uint64_t *ret_rss)
{
	char line[64];
	unsigned watchers = 0;

	if (write(s->in, "s", 1) != 1 || !read_line(s->out, line, sizeof(line)) ||
	    sscanf(line, "%" SCNu64 " %" SCNu64 " %u", ret_cpu, ret_rss, &watchers) != 3)
		exit(1);
	return watchers;
}

/* ---- load ---- */

static uv_loop_t loop;
static uint64_t done, bytes;
static bool stop;

static void on_data(struct http_call *call, struct str data, void *user)
{
	bytes += data.len;
}

static void on_end(struct http_call *call, int err, void *user);
static const struct http_call_ops get_ops = {NULL, NULL, on_end};
static const struct http_call_ops watch_ops = {NULL, on_data, NULL};

static void on_end(struct http_call *call, int err, void *user)
{
	if (err && !stop) {
		fprintf(stderr, "bench: %s\n", http_call_error(call));
		exit(1);
	}
	done++;
	if (!stop)
		http_client_request(user,
				    &(struct http_call_req){.method = "GET", .path = "/hello"},
				    &get_ops, user);
}

static struct http_client *client_to(const struct server *s, bool no_h2)
{
	char url[64];
	const char *p = url;
	struct tls_ctx *tls;
	struct http_client *c;

	snprintf(url, sizeof(url), "https://127.0.0.1:%u", s->port);
	if (tls_client_new(&(struct tls_conf){.insecure = true, .no_h2 = no_h2}, &tls, NULL) < 0 ||
	    http_client_new(
		    &(struct http_client_conf){
			    .loop = &loop, .endpoints = &p, .n_endpoints = 1, .tls = tls},
		    &c, NULL) < 0)
		exit(1);
	tls_ctx_unref(tls);
	return c;
}

static void row(const char *name, double value, const char *unit, const char *peer,
		double peer_value)
{
	printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"peer\":\"%s\",\"peer_value\":%."
	       "3f,"
	       "\"ratio\":%.3f}\n",
	       name, value, unit, peer, peer_value, peer_value ? value / peer_value : 0);
	fflush(stdout);
}

static void on_time(uv_timer_t *t)
{
	uv_stop(t->loop);
}

static void run_for(uint64_t ns)
{
	uv_timer_t t;

	uv_timer_init(&loop, &t);
	uv_timer_start(&t, on_time, ns / NSEC_PER_MSEC, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&t, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* Requests a second of server processor time: the load generator shares the machine. */
static void bench_requests(bool h2)
{
	struct server s = server_start();
	struct http_client *c[CONNS];
	uint64_t cpu0, cpu1, rss, n0, t0;
	double wall;

	for (unsigned i = 0; i < CONNS; i++) {
		c[i] = client_to(&s, !h2);
		for (unsigned k = 0; k < (h2 ? IN_FLIGHT : 4); k++)
			http_client_request(
				c[i], &(struct http_call_req){.method = "GET", .path = "/hello"},
				&get_ops, c[i]);
	}
	run_for(NSEC_PER_SEC / 2);
	server_ask(&s, &cpu0, &rss);
	n0 = done;
	t0 = clock_mono_ns(&clock_system);
	run_for(2 * NSEC_PER_SEC);
	wall = (double)(clock_mono_ns(&clock_system) - t0) / 1e9;
	server_ask(&s, &cpu1, &rss);
	row(h2 ? "http.h2_tls.requests" : "http.h1_tls.requests", (double)(done - n0) / wall, "1/s",
	    "prototype (STORE.md)", h2 ? 257341 : 52215);
	row(h2 ? "http.h2_tls.requests_per_cpu_second" : "http.h1_tls.requests_per_cpu_second",
	    (double)(done - n0) * 1e9 / (double)(cpu1 - cpu0), "1/s", "prototype (STORE.md)",
	    h2 ? 257341 : 52215);
	stop = true;
	for (unsigned i = 0; i < CONNS; i++)
		http_client_free(c[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
	stop = false;
	server_stop(&s);
}

static void bench_watches(unsigned n, bool h2)
{
	unsigned per_client = h2 ? 250 : 50, n_clients = n / per_client;
	struct http_client **c = xcalloc(n_clients, sizeof(*c));
	struct server s = server_start();
	uint64_t cpu0, cpu1, rss0, rss1, want = (uint64_t)n * 400, t0;
	char name[64];

	server_ask(&s, &cpu0, &rss0);
	for (unsigned i = 0; i < n_clients; i++) {
		c[i] = client_to(&s, !h2);
		for (unsigned k = 0; k < per_client; k++)
			http_client_request(
				c[i], &(struct http_call_req){.method = "GET", .path = "/watch"},
				&watch_ops, NULL);
	}
	while (server_ask(&s, &cpu0, &rss1) < n)
		run_for(20 * NSEC_PER_MSEC);
	run_for(300 * NSEC_PER_MSEC);
	server_ask(&s, &cpu0, &rss1);
	snprintf(name, sizeof(name), "http.%s.watch_memory_%u", h2 ? "h2_tls" : "h1_tls", n);
	row(name, (double)(rss1 - rss0) / n / 1024, "KB", "kube-apiserver", 110);
	bytes = 0;
	t0 = clock_mono_ns(&clock_system);
	if (write(s.in, "e", 1) != 1)
		exit(1);
	while (bytes < want)
		uv_run(&loop, UV_RUN_ONCE);
	t0 = clock_mono_ns(&clock_system) - t0;
	server_ask(&s, &cpu1, &rss1);
	snprintf(name, sizeof(name), "http.%s.fanout_%u", h2 ? "h2_tls" : "h1_tls", n);
	row(name, (double)t0 / 1e6, "ms", "prototype, server CPU for 5,000", h2 ? 14 : 96);
	snprintf(name, sizeof(name), "http.%s.fanout_cpu_%u", h2 ? "h2_tls" : "h1_tls", n);
	row(name, (double)(cpu1 - cpu0) / 1e6, "ms", "prototype, server CPU for 5,000",
	    h2 ? 14 : 96);
	for (unsigned i = 0; i < n_clients; i++)
		http_client_free(c[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
	free(c);
	server_stop(&s);
}

int main(int argc, char **argv)
{
	struct rlimit files = {16384, 16384};

	setrlimit(RLIMIT_NOFILE, &files);
	if (argc > 1 && !strcmp(argv[1], "--server"))
		server_main();
	uv_loop_init(&loop);
	if (argc < 2) {
		bench_requests(false);
		bench_requests(true);
	}
	bench_watches(1000, false);
	bench_watches(1000, true);
	bench_watches(5000, true);
	return uv_loop_close(&loop) ? 1 : 0;
}
