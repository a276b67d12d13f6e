/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/clock.h"
#include "lib/http/client.h"
#include "lib/sys/file.h"

#include <signal.h>
#include <sys/wait.h>
/*
 * bench/api: a real knarr-master over TLS. Durable pod creates with 1, 16 and 64 writers, reads of
 * one pod, a list of all, watches (memory of an idle one, time of an event to all), and the start
 * with that much stored. Peers are what DESIGN.md measured of upstream's API server with etcd.
 *
 *	api [PODS [WATCHES]]		default 10000 and 1000
 */
#define PORT_TEXT "18443"
#define PODS_PATH "/api/v1/namespaces/bench/pods"

static char dir[] = "/tmp/knarr-bench-XXXXXX";
static const char *program;
static pid_t master_pid;
static uv_loop_t loop;
static struct http_client *client;
static uint64_t pods = 10000, watches = 1000;

static uint64_t now_ns(void)
{
	return clock_mono_ns(&clock_system);
}

static void figure(const char *name, double value, const char *unit, const char *peer,
		   double peer_value, bool less_is_better)
{
	double ratio = !peer_value || !value ? 0
		       : less_is_better      ? peer_value / value
					     : value / peer_value;

	printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"peer\":\"%s\",\"peer_value\":%."
	       "6g,"
	       "\"ratio\":%.3g}\n",
	       name, value, unit, peer, peer_value, ratio);
	fflush(stdout);
}

static double rss_kb(void)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/statm", master_pid);
	unsigned long rss = 0;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%*s %lu", &rss) != 1)
		rss = 0;
	if (f)
		fclose(f);
	return (double)rss * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* ---- the master ---- */

static void start_master(void)
{
	CLEANUP_FREE char *data = xasprintf("%s/data", dir);
	CLEANUP_FREE char *etc = xasprintf("%s/etc", dir);

	master_pid = fork();
	if (master_pid == 0) {
		execl(program, program, "--data-dir", data, "--config-dir", etc, "--bind",
		      "127.0.0.1", "--port", PORT_TEXT, "--no-scheduler", "--no-controllers",
		      "--log-level", "err", NULL);
		_exit(127);
	}
}

static void stop_master(void)
{
	kill(master_pid, SIGKILL);
	waitpid(master_pid, NULL, 0);
}

static struct http_client *open_client(void)
{
	struct http_client *c = NULL;
	static const char *const url = "https://127.0.0.1:" PORT_TEXT;
	CLEANUP(buf_done) struct buf cert = BUF_INIT;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	CLEANUP_FREE char *crt_path = xasprintf("%s/data/pki/admin.crt", dir);
	CLEANUP_FREE char *key_path = xasprintf("%s/data/pki/admin.key", dir);
	struct tls_conf tls = {.insecure = true};
	struct http_client_conf conf = {.loop = &loop, .endpoints = &url, .n_endpoints = 1};
	struct tls_ctx *ctx = NULL;

	while (file_read(AT_FDCWD, crt_path, 1 << 20, &cert) < 0 ||
	       file_read(AT_FDCWD, key_path, 1 << 20, &key) < 0) {
		buf_clear(&cert);
		buf_clear(&key);
		usleep(10000);
	}
	tls.cert_pem = buf_str(&cert);
	tls.key_pem = buf_str(&key);
	if (tls_client_new(&tls, &ctx, NULL) < 0)
		abort();
	conf.tls = ctx;
	if (http_client_new(&conf, &c, NULL) < 0)
		abort();
	tls_ctx_unref(ctx);
	return c;
}

/* ---- requests in a closed loop ---- */

struct load {
	const char *method;
	void (*make)(uint64_t i, struct buf *path, struct buf *body);
	uint64_t n, next, done, failed, bytes;
	uint64_t limit_ns, began_ns;
};
struct slot {
	struct load *l;
	int status;
};

static void next_request(struct slot *s);

static void on_response(struct http_call *c, int status, void *user)
{
	((struct slot *)user)->status = status;
}

static void on_data(struct http_call *c, struct str data, void *user)
{
	((struct slot *)user)->l->bytes += data.len;
}

static void on_end(struct http_call *c, int err, void *user)
{
	struct slot *s = user;

	s->l->done++;
	s->l->failed += err || s->status >= 300;
	next_request(s);
}

static const struct http_call_ops call_ops = {on_response, on_data, on_end};

static void next_request(struct slot *s)
{
	struct load *l = s->l;
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct http_header h = HTTP_HEADER("content-type", STR("application/json"));
	struct http_call_req req = {.method = l->method, .headers = &h, .n_headers = 1};

	if (l->next == l->n || (l->limit_ns && now_ns() - l->began_ns > l->limit_ns))
		return;
	l->make(l->next++, &path, &body);
	req.path = path.p;
	req.body = body.len ? buf_str(&body) : STR_NULL;
	http_client_request(client, &req, &call_ops, s);
}

/* Runs until all are answered or the time is over; requests a second. */
static double run(struct load *l, unsigned width)
{
	struct slot slots[64];

	l->began_ns = now_ns();
	for (unsigned i = 0; i < width; i++) {
		slots[i] = (struct slot){l, 0};
		next_request(&slots[i]);
	}
	while (l->done < l->next)
		uv_run(&loop, UV_RUN_ONCE);
	if (l->failed)
		fprintf(stderr, "bench/api: %" PRIu64 " of %" PRIu64 " failed\n", l->failed,
			l->done);
	return (double)l->done / ((double)(now_ns() - l->began_ns) / 1e9);
}

static uint64_t created;

static void make_pod(uint64_t i, struct buf *path, struct buf *body)
{
	buf_adds(path, PODS_PATH);
	buf_addf(body,
		 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p%" PRIu64 "\","
		 "\"labels\":{\"app\":\"bench\",\"i\":\"%" PRIu64 "\"}},\"spec\":{\"containers\":[{"
		 "\"name\":\"c\",\"image\":\"registry.example/app:1.2.3\",\"env\":[{\"name\":\"A\","
		 "\"value\":\"",
		 created, i % 10);
	for (int k = 0; k < 40; k++)
		buf_adds(body, "0123456789");
	buf_adds(body,
		 "\"}],\"resources\":{\"requests\":{\"cpu\":\"10m\",\"memory\":\"16Mi\"}}}]}}");
	created++;
}

static void make_get(uint64_t i, struct buf *path, struct buf *body)
{
	buf_addf(path, PODS_PATH "/p%" PRIu64, i % created);
}

static void make_list(uint64_t i, struct buf *path, struct buf *body)
{
	buf_adds(path, PODS_PATH);
}

static void make_start(uint64_t i, struct buf *path, struct buf *body)
{
	static const char *const objs[] = {
		"/api/v1/namespaces\0{\"metadata\":{\"name\":\"bench\"}}",
		"/api/v1/namespaces/bench/serviceaccounts\0{\"metadata\":{\"name\":\"default\"}}"};

	buf_adds(path, objs[i]);
	buf_adds(body, objs[i] + strlen(objs[i]) + 1);
}

/* ---- watches ---- */

static uint64_t seen, open_watches;

static void watch_response(struct http_call *c, int status, void *user)
{
	open_watches += status == 200;
}

static void watch_data(struct http_call *c, struct str data, void *user)
{
	seen++;
}

static void watch_end(struct http_call *c, int err, void *user)
{
}

static const struct http_call_ops watch_ops = {watch_response, watch_data, watch_end};

static uint64_t list_rv;
static void rv_data(struct http_call *c, struct str data, void *user)
{
	const char *at = memmem(data.p, data.len, "\"resourceVersion\":\"", 19);

	if (at && !list_rv)
		list_rv = strtoull(at + 19, NULL, 10);
}

static void rv_end(struct http_call *c, int err, void *user)
{
	*(bool *)user = true;
}

static const struct http_call_ops rv_ops = {NULL, rv_data, rv_end};

#define WATCHES_A_CONN 200 /* a connection takes 250 streams */
static void bench_watches(void)
{
	size_t n_conns = (watches + WATCHES_A_CONN - 1) / WATCHES_A_CONN;
	CLEANUP_FREE struct http_client **conns = xcalloc(n_conns + 1, sizeof(*conns));
	struct http_call_req req = {.method = "GET", .path = PODS_PATH "?limit=1"};
	struct load one = {.method = "POST", .make = make_pod, .n = 1};
	bool done = false;
	double before;
	char path[128];
	uint64_t began;

	http_client_request(client, &req, &rv_ops, &done);
	while (!done)
		uv_run(&loop, UV_RUN_ONCE);
	before = rss_kb();
	snprintf(path, sizeof(path), PODS_PATH "?watch=true&resourceVersion=%" PRIu64, list_rv);
	req.path = path;
	for (uint64_t i = 0; i < watches; i++) {
		struct http_client **c = &conns[i / WATCHES_A_CONN];

		*c = *c ? *c : open_client();
		http_client_request(*c, &req, &watch_ops, NULL);
	}
	while (open_watches < watches)
		uv_run(&loop, UV_RUN_ONCE);
	figure("watch_memory", (rss_kb() - before) / (double)watches, "KiB", "upstream", 110, true);
	began = now_ns();
	run(&one, 1);
	while (seen < watches)
		uv_run(&loop, UV_RUN_ONCE);
	figure("create_to_last_of_watches", (double)(now_ns() - began) / 1e6, "ms", "", 0, true);
	for (size_t i = 0; i < n_conns; i++)
		http_client_free(conns[i]);
}

static void bench_restart(void)
{
	struct http_call_req req = {.method = "GET", .path = "/readyz"};
	uint64_t began;

	client = http_client_free(client);
	stop_master();
	began = now_ns();
	start_master();
	client = open_client();
	for (int status = 0; status != 200;) {
		struct load l = {.method = "GET", .n = 0};
		struct slot s = {&l, 0};

		http_client_request(client, &req, &call_ops, &s);
		while (!l.done)
			uv_run(&loop, UV_RUN_ONCE);
		status = s.status;
	}
	figure("restart_to_ready", (double)(now_ns() - began) / 1e6, "ms", "upstream, empty", 4200,
	       true);
	figure("memory_with_pods", rss_kb() / 1024, "MiB", "", 0, true);
}

static void bench_writes(void)
{
	static const struct {
		unsigned width;
		double peer;
	} rows[] = {{1, 250}, {16, 0}, {64, 717}};
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct load l = {.method = "POST",
				 .make = make_pod,
				 .n = i + 1 < ARRAY_SIZE(rows) ? pods / 5 : pods - created,
				 .limit_ns = i + 1 < ARRAY_SIZE(rows) ? 3 * NSEC_PER_SEC : 0};

		snprintf(name, sizeof(name), "pod_creates_%u_writers", rows[i].width);
		figure(name, run(&l, rows[i].width), "1/s", "upstream", rows[i].peer, false);
	}
}

static void bench_reads(void)
{
	struct load get = {
		.method = "GET", .make = make_get, .n = 50000, .limit_ns = 3 * NSEC_PER_SEC};
	struct load list = {.method = "GET", .make = make_list, .n = 5};
	double per_s;

	figure("pod_gets_32_readers", run(&get, 32), "1/s", "", 0, false);
	per_s = run(&list, 1);
	figure("list_all", 1000 / per_s, "ms", "", 0, true);
	figure("list_bytes", (double)list.bytes / (double)list.n / 1e6, "MB", "", 0, true);
}

int main(int argc, char **argv)
{
	struct load prepare = {.method = "POST", .make = make_start, .n = 2};
	const char *build = getenv("KNARR_BUILD");
	CLEANUP_FREE char *path = xasprintf("%s/knarr-master", build ? build : "build");

	if (argc > 1)
		pods = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		watches = strtoull(argv[2], NULL, 10);
	program = path;
	if (!mkdtemp(dir))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	start_master();
	client = open_client();
	run(&prepare, 1);
	figure("memory_idle", rss_kb() / 1024, "MiB", "upstream, all four", 468, true);
	bench_writes();
	bench_reads();
	bench_watches();
	bench_restart();
	http_client_free(client);
	stop_master();
	dir_remove_tree(AT_FDCWD, dir);
	return 0;
}
