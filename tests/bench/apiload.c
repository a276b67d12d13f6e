/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/clock.h"
#include "lib/client/kubeconfig.h"
#include "lib/http/client.h"
#include "lib/json/jw.h"

#include <sys/resource.h>
/*
 * Load on an API server over TLS and HTTP/2, in a closed loop: CLIENTS requests are under way at
 * any time, over at most CONNS connections. The benchmarks in Python start it.
 *
 *	apiload KUBECONFIG create CLIENTS SECONDS	pods of 1 KB that no scheduler looks at
 *	apiload KUBECONFIG fill COUNT BYTES		COUNT pods of about BYTES bytes, 64 at a
 *time apiload KUBECONFIG update CLIENTS SECONDS	PUT of a config map of 1 KB, each client its
 *own apiload KUBECONFIG apply CLIENTS SECONDS	server-side apply of such a pod, each its own
 *	apiload KUBECONFIG get CLIENTS SECONDS PATH
 *	apiload KUBECONFIG watch COUNT PATH BODY-PATH	"ready", then one line for each "e" on stdin
 *	apiload KUBECONFIG etcd CLIENTS SECONDS		gRPC Put of the same bytes (user and CA of
 *							the file, etcd as its server)
 *
 * One JSON object a result: {"requests","seconds","per_s","p50_ms","p99_ms","bytes","errors"}.
 */
#define CONNS 8
#define WATCHES_A_CONN 250
#define NS "/api/v1/namespaces/default/"

enum mode { CREATE, FILL, GET, ETCD, UPDATE, APPLY };

static struct load {
	uv_loop_t loop;
	struct kubeconfig kc;
	struct http_client *conns[64];
	unsigned n_conns;
	enum mode mode;
	const char *path;
	struct buf pad; /* fills a pod up */
	uint64_t until_ns, count, sent, done, errors, bytes;
	unsigned running;
	float *latency_ms;
	size_t cap;
	int status; /* of the first that was no success */
} load;

struct worker {
	struct http_client *c;
	unsigned id;
	uint64_t asked_ns;
	struct buf body, path;
	bool failed, made;
};

static uint64_t now_ns(void)
{
	return clock_mono_ns(&clock_system);
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "apiload: %s: %s\n", what, why);
	exit(1);
}

static void connect_all(unsigned n)
{
	struct err err = ERR_INIT;

	load.n_conns = MIN(n, (unsigned)ARRAY_SIZE(load.conns));
	for (unsigned i = 0; i < load.n_conns; i++)
		if (kubeconfig_http_client(&load.kc, &load.loop, "apiload", false, &load.conns[i],
					   &err) < 0)
			fail("client", err_text(&err));
}

static void disconnect_all(void)
{
	for (unsigned i = 0; i < load.n_conns; i++)
		http_client_free(load.conns[i]);
	uv_run(&load.loop, UV_RUN_DEFAULT);
}

static void pad(size_t n)
{
	memset(buf_reserve(&load.pad, n), 'x', n);
	buf_setlen(&load.pad, load.pad.len + n);
}

/* What a ReplicaSet would write for a small web server, with labels up to the size. */
static void write_pod(struct buf *b, const char *name)
{
	buf_clear(b);
	buf_addf(
		b,
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"labels\":{"
		"\"app\":\"web\",\"pod-template-hash\":\"5d9c7b\"},\"annotations\":{\"bench\":"
		"\"%.*s\"}},\"spec\":{\"schedulerName\":\"none\",\"containers\":[{\"name\":\"web\","
		"\"image\":\"registry.example.com/web:1.2.3\",\"ports\":[{\"containerPort\":8080,"
		"\"name\":\"http\",\"protocol\":\"TCP\"}],\"env\":[{\"name\":\"MODE\",\"value\":"
		"\"production\"},{\"name\":\"LISTEN\",\"value\":\":8080\"}],\"resources\":{"
		"\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"},\"limits\":{\"memory\":"
		"\"256Mi\"}},\"readinessProbe\":{\"httpGet\":{\"path\":\"/healthz\",\"port\":"
		"\"http\"}}}],\"automountServiceAccountToken\":false}}",
		name, STR_ARG(buf_str(&load.pad)));
}

/* The client's own object, a little different each time. The first time it is made. */
static void write_change(struct worker *w, struct http_call_req *req, struct http_header *headers)
{
	const char *plural = load.mode == APPLY ? "pods" : "configmaps";
	char name[64];

	snprintf(name, sizeof(name), "own-%d-%u", getpid(), w->id);
	buf_clear(&w->path);
	buf_addf(&w->path, NS "%s/%s", plural, name);
	memset(load.pad.p, 'a' + (int)(load.sent % 26), 20);
	if (load.mode == APPLY) {
		write_pod(&w->body, name);
	} else {
		buf_clear(&w->body);
		buf_addf(&w->body,
			 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%"
			 "s\","
			 "\"labels\":{\"app\":\"web\"}},\"data\":{\"a\":\"%s\",\"b\":\"%s\",\"c\":"
			 "\"%s\",\"d\":\"%s\"}}",
			 name, load.pad.p, load.pad.p, load.pad.p, load.pad.p);
	}
	req->method = "PUT";
	if (load.mode == APPLY || !w->made) {
		req->method = "PATCH";
		headers[0].value = STR("application/apply-patch+yaml");
		buf_adds(&w->path, "?fieldManager=apiload&force=true");
	}
	w->made = true;
	req->path = w->path.p;
	req->body = buf_str(&w->body);
}

/* A gRPC message of etcdserverpb.PutRequest: 1 = key, 2 = value. */
static void write_put(struct buf *b, const char *name)
{
	CLEANUP(buf_done) struct buf pod = BUF_INIT, msg = BUF_INIT;
	struct str key = str_of(name);
	uint8_t head[5] = {0};

	write_pod(&pod, name);
	buf_addf(&msg, "\x0a%c%.*s\x12%c%c", (int)key.len, STR_ARG(key),
		 (int)(pod.len & 0x7f) | 0x80, (int)(pod.len >> 7));
	buf_addstr(&msg, buf_str(&pod));
	head[3] = (uint8_t)(msg.len >> 8);
	head[4] = (uint8_t)msg.len;
	buf_clear(b);
	buf_add(b, head, sizeof(head));
	buf_addstr(b, buf_str(&msg));
}

static void ask(struct worker *w);

static void on_response(struct http_call *call, int status, void *user)
{
	struct worker *w = user;

	w->failed = status / 100 != 2;
	if (w->failed && !load.status)
		load.status = status;
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct worker *w = user;

	load.bytes += data.len;
	if (w->failed && load.errors == 0)
		fprintf(stderr, "apiload: %d: %.*s\n", load.status, STR_ARG(data));
}

static void on_end(struct http_call *call, int err, void *user)
{
	struct worker *w = user;
	uint64_t now = now_ns();

	if (err && load.errors == 0)
		fprintf(stderr, "apiload: %s\n", http_call_error(call));
	if (err || w->failed)
		load.errors++;
	else if (load.done < load.cap)
		load.latency_ms[load.done++] = (float)(now - w->asked_ns) / 1e6F;
	if (load.errors > 1000 || (load.count ? load.sent >= load.count : now >= load.until_ns))
		load.running--;
	else
		ask(w);
}

static const struct http_call_ops ops = {on_response, on_data, on_end};

static void ask(struct worker *w)
{
	struct http_header headers[] = {HTTP_HEADER("content-type", STR("application/json")),
					HTTP_HEADER("te", STR("trailers"))};
	struct http_call_req req = {.method = "POST", .headers = headers, .n_headers = 1};
	char name[64];

	snprintf(name, sizeof(name), "web-%d-%u-%" PRIu64, getpid(), w->id, load.sent++);
	req.path = load.path;
	if (load.mode == GET) {
		req.method = "GET";
		req.n_headers = 0;
	} else if (load.mode == ETCD) {
		headers[0].value = STR("application/grpc");
		req.n_headers = 2;
		write_put(&w->body, name);
		req.body = buf_str(&w->body);
	} else if (load.mode == UPDATE || load.mode == APPLY) {
		write_change(w, &req, headers);
	} else {
		write_pod(&w->body, name);
		req.body = buf_str(&w->body);
	}
	w->asked_ns = now_ns();
	http_client_request(w->c, &req, &ops, w);
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static double quantile(float *v, uint64_t n, double q)
{
	return n ? (double)v[(uint64_t)((double)(n - 1) * q)] : 0;
}

static void result(double seconds)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);

	qsort(load.latency_ms, load.done, sizeof(float), by_value);
	jw_begin_object(&w);
	jw_member_i64(&w, "requests", (int64_t)load.done);
	jw_key(&w, "seconds");
	jw_double(&w, seconds);
	jw_key(&w, "per_s");
	jw_double(&w, (double)load.done / seconds);
	jw_key(&w, "p50_ms");
	jw_double(&w, quantile(load.latency_ms, load.done, 0.5));
	jw_key(&w, "p99_ms");
	jw_double(&w, quantile(load.latency_ms, load.done, 0.99));
	jw_member_i64(&w, "bytes", (int64_t)load.bytes);
	jw_member_i64(&w, "errors", (int64_t)load.errors);
	jw_end_object(&w);
	printf("%.*s\n", STR_ARG(buf_str(&b)));
	fflush(stdout);
}

static void closed_loop(enum mode mode, unsigned clients, double seconds, uint64_t count)
{
	struct worker *w = xcalloc(clients, sizeof(*w));
	uint64_t start;

	connect_all(MIN(clients, CONNS));
	load.mode = mode;
	load.cap = count ? count : 2000000;
	load.latency_ms = xcalloc(load.cap, sizeof(float));
	start = now_ns();
	load.until_ns = start + (uint64_t)(seconds * 1e9);
	load.count = count;
	load.running = clients;
	for (unsigned i = 0; i < clients; i++) {
		w[i].id = i;
		w[i].c = load.conns[i % load.n_conns];
		ask(&w[i]);
	}
	while (load.running)
		uv_run(&load.loop, UV_RUN_ONCE);
	result((double)(now_ns() - start) / 1e9);
	disconnect_all();
	for (unsigned i = 0; i < clients; i++) {
		buf_done(&w[i].body);
		buf_done(&w[i].path);
	}
	free(w);
}

/* ---- watches ---- */

static struct watches {
	uint64_t open, ended, seen, event_ns;
	uint64_t written;
	char line[16];
} ws;

static void watch_response(struct http_call *call, int status, void *user)
{
	if (status != 200)
		fail("watch", "refused");
	ws.open++;
}

static void watch_data(struct http_call *call, struct str data, void *user)
{
	if (ws.event_ns && ws.seen < load.cap)
		load.latency_ms[ws.seen++] = (float)(now_ns() - ws.event_ns) / 1e6F;
	load.bytes += data.len;
}

static void watch_end(struct http_call *call, int err, void *user)
{
	fail("watch ended", http_call_error(call));
}

static const struct http_call_ops watch_ops = {watch_response, watch_data, watch_end};

static void event_end(struct http_call *call, int err, void *user)
{
	if (err)
		fail("event", http_call_error(call));
	ws.written = now_ns();
}
static void event_response(struct http_call *call, int status, void *user)
{
	if (status / 100 != 2)
		fail("event", "refused");
}
static const struct http_call_ops event_ops = {event_response, NULL, event_end};

/* From the request that makes the event until each watch has it. */
static void one_event(struct http_client *c, const char *path)
{
	struct http_header type = HTTP_HEADER("content-type", STR("application/json"));
	static unsigned n;
	char body[160];

	snprintf(body, sizeof(body),
		 "{\"metadata\":{\"generateName\":\"e%u-\"},\"data\":{\"x\":\"%0100u\"}}", n, n);
	n++;
	ws.seen = load.bytes = ws.written = 0;
	load.done = 0;
	ws.event_ns = now_ns();
	http_client_request(c,
			    &(struct http_call_req){.method = "POST",
						    .path = path,
						    .headers = &type,
						    .n_headers = 1,
						    .body = str_of(body)},
			    &event_ops, NULL);
	while (ws.seen < ws.open || !ws.written)
		uv_run(&load.loop, UV_RUN_ONCE);
	load.done = ws.seen;
	result((double)(now_ns() - ws.event_ns) / 1e9);
	ws.event_ns = 0;
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	*b = uv_buf_init(ws.line, 1);
}

static void on_order(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	if (n < 0 || b->base[0] == 'e')
		*(int *)s->data = n < 0 ? -1 : 1;
}

static void watches(unsigned count, const char *path, const char *create)
{
	struct http_client *extra = NULL;
	struct err err = ERR_INIT;
	uv_pipe_t in;
	int order = 0;

	connect_all((count + WATCHES_A_CONN - 1) / WATCHES_A_CONN);
	if (kubeconfig_http_client(&load.kc, &load.loop, "apiload", false, &extra, &err) < 0)
		fail("client", err_text(&err));
	load.cap = count;
	load.latency_ms = xcalloc(count, sizeof(float));
	for (unsigned i = 0; i < count; i++)
		http_client_request(load.conns[i % load.n_conns],
				    &(struct http_call_req){.method = "GET", .path = path},
				    &watch_ops, NULL);
	while (ws.open < count)
		uv_run(&load.loop, UV_RUN_ONCE);
	printf("ready\n");
	fflush(stdout);
	uv_pipe_init(&load.loop, &in, 0);
	uv_pipe_open(&in, 0);
	in.data = &order;
	uv_read_start((uv_stream_t *)&in, on_alloc, on_order);
	while (order >= 0) {
		uv_run(&load.loop, UV_RUN_ONCE);
		if (order > 0) {
			order = 0;
			one_event(extra, create);
		}
	}
	exit(0);
}

static unsigned arg(char **argv, int argc, int i)
{
	if (i >= argc)
		fail("usage", "see the head of tests/bench/apiload.c");
	return (unsigned)strtoul(argv[i], NULL, 10);
}

int main(int argc, char **argv)
{
	struct rlimit files = {16384, 16384};
	struct err err = ERR_INIT;
	const char *what = argc > 2 ? argv[2] : "";

	arg(argv, argc, 3);
	setrlimit(RLIMIT_NOFILE, &files);
	uv_loop_init(&load.loop);
	if (kubeconfig_load(argv[1], NULL, &load.kc, &err) < 0)
		fail("kubeconfig", err_text(&err));
	load.path = NS "pods";
	pad(200);
	if (!strcmp(what, "create")) {
		closed_loop(CREATE, arg(argv, argc, 3), strtod(argv[4], NULL), 0);
	} else if (!strcmp(what, "update") || !strcmp(what, "apply")) {
		closed_loop(!strcmp(what, "apply") ? APPLY : UPDATE, arg(argv, argc, 3),
			    strtod(argv[4], NULL), 0);
	} else if (!strcmp(what, "fill")) {
		unsigned bytes = arg(argv, argc, 4);

		pad(bytes > 1024 ? bytes - 1024 : 0);
		closed_loop(FILL, 64, 0, arg(argv, argc, 3));
	} else if (!strcmp(what, "get") && argc > 5) {
		load.path = argv[5];
		closed_loop(GET, arg(argv, argc, 3), strtod(argv[4], NULL), 0);
	} else if (!strcmp(what, "etcd")) {
		load.path = "/etcdserverpb.KV/Put";
		closed_loop(ETCD, arg(argv, argc, 3), strtod(argv[4], NULL), 0);
	} else if (!strcmp(what, "watch") && argc > 5) {
		watches(arg(argv, argc, 3), argv[4], argv[5]);
	} else {
		arg(argv, argc, INT_MAX);
	}
	kubeconfig_done(&load.kc);
	buf_done(&load.pad);
	free(load.latency_ms);
	return load.errors ? 1 : 0;
}
