/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/sys/timers_uv.h"
#include "master/apiserver/apiserver.h"
#include "master/index.h"
#include "master/scheduler/scheduler.h"

#include <signal.h>
#include <sys/wait.h>
/*
 * From created to bound: a store on disk, the API server and the scheduler in one process, as
 * knarr-master has them; 10,000 pods of a ReplicaSet on 1,000 and 5,000 nodes. Two figures each:
 * pods that wait when the scheduler starts (bindings alone), and pods created by 64 clients while
 * it runs (the whole way). Bound means that the API has answered the binding. The peer is
 * upstream's own floor for the same (SchedulingBasic of scheduler_perf, 5,000 nodes and 10,000
 * pods: 680/s).
 */
#define UPSTREAM 680.0
#define PODS 10000
#define CLIENTS 64

struct bench {
	char dir[64];
	uv_loop_t loop;
	struct timers timers;
	struct timers_uv *driver;
	struct pki *pki;
	struct store *store;
	struct apiserver *api;
	struct transport *t, *scheduler_t;
	struct client *c, *scheduler_c;
	struct informers *informers;
	struct scheduler *scheduler;
	const struct client_kind *kind;
	void (*body)(int i, struct buf *out);
	int next, n, done, failed;
};

static void fail(const char *what, const struct err *e)
{
	fprintf(stderr, "bind: %s: %s\n", what, err_text(e));
	exit(1);
}

static void open_all(struct bench *b)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	const char *base = getenv("KNARR_BENCH_DIR");
	char path[96];
	struct store_conf sc = {.loop = &b->loop, .index_value = index_value, .dir = path};
	struct apiserver_conf ac = {.loop = &b->loop,
				    .timers = &b->timers,
				    .service_cidr = "10.96.0.0/16",
				    .advertise_address = "192.0.2.1",
				    .port = 6443,
				    .cluster_domain = "cluster.local"};

	snprintf(b->dir, sizeof(b->dir), "%s/bind-XXXXXX", base ? base : "/var/tmp");
	if (!mkdtemp(b->dir))
		exit(1);
	uv_loop_init(&b->loop);
	timers_init(&b->timers, &clock_system);
	b->driver = timers_uv_attach(&b->timers, &b->loop);
	snprintf(path, sizeof(path), "%s/pki", b->dir);
	if (pki_open(path, &clock_system, &b->pki, &e) < 0)
		fail("pki", &e);
	snprintf(path, sizeof(path), "%s/store", b->dir);
	if (store_open(&sc, &b->store, &e) < 0)
		fail("store", &e);
	ac.store = b->store;
	ac.pki = b->pki;
	if (apiserver_new(&ac, &b->api, &e) < 0)
		fail("API", &e);
	apiserver_lead(b->api);
	while (!apiserver_is_ready(b->api))
		uv_run(&b->loop, UV_RUN_ONCE);
	b->t = apiserver_local_transport(b->api, "bench");
	b->c = client_new(&(struct client_conf){.transport = b->t, .timers = &b->timers});
}

static void start_scheduler(struct bench *b)
{
	b->scheduler_t = apiserver_local_transport(b->api, "system:kube-scheduler");
	b->scheduler_c = client_new(&(struct client_conf){
		.transport = b->scheduler_t, .timers = &b->timers, .user_agent = "kube-scheduler"});
	b->informers = informers_new(b->scheduler_c);
	b->scheduler = scheduler_start(b->informers, NULL);
	informers_start(b->informers);
}

static void close_all(struct bench *b)
{
	CLEANUP_FREE char *rm = xasprintf("rm -rf %s", b->dir);

	scheduler_stop(b->scheduler);
	informers_free(b->informers);
	client_free(b->scheduler_c);
	transport_free(b->scheduler_t);
	client_free(b->c);
	transport_free(b->t);
	store_close(b->store);
	apiserver_free(b->api);
	pki_free(b->pki);
	timers_uv_detach(b->driver);
	if (system(rm) != 0)
		fprintf(stderr, "bind: %s stays\n", b->dir);
}

static void create_next(struct bench *b);

static void created(void *user, const struct err *e, struct str body)
{
	struct bench *b = user;

	b->done++;
	if (e->errnum && !b->failed++)
		fprintf(stderr, "bind: create: %s\n", err_text(e));
	create_next(b);
}

static void create_next(struct bench *b)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	if (b->next == b->n)
		return;
	b->body(b->next++, &body);
	client_create(b->c, b->kind, b->kind->namespaced ? STR("default") : STR_NULL,
		      buf_str(&body), created, b);
}

/* New nodes are tainted until they are ready, which a controller sees to that is not here. */
static void untaint(struct bench *b, int n_nodes)
{
	b->n = b->next = n_nodes;
	b->done = 0;
	for (int i = 0; i < n_nodes; i++) {
		char name[32];

		snprintf(name, sizeof(name), "node-%d", i);
		client_merge(b->c, &client_nodes, STR_NULL, str_of(name), NULL,
			     STR("{\"spec\":{\"taints\":null}}"), created, b);
	}
	while (b->done < n_nodes)
		uv_run(&b->loop, UV_RUN_ONCE);
}

static void begin_create(struct bench *b, const struct client_kind *kind, int n,
			 void (*body)(int i, struct buf *out))
{
	b->kind = kind;
	b->body = body;
	b->n = n;
	b->next = b->done = 0;
	for (int i = 0; i < CLIENTS; i++)
		create_next(b);
}

static void create_all(struct bench *b, const struct client_kind *kind, int n,
		       void (*body)(int i, struct buf *out))
{
	begin_create(b, kind, n, body);
	while (b->done < n)
		uv_run(&b->loop, UV_RUN_ONCE);
}

static void node_body(int i, struct buf *out)
{
	buf_addf(out,
		 "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"node-%d\","
		 "\"labels\":{\"kubernetes.io/hostname\":\"node-%d\","
		 "\"topology.kubernetes.io/zone\":\"zone-%d\"}},\"status\":{"
		 "\"allocatable\":{\"cpu\":\"32\",\"memory\":\"128Gi\",\"pods\":\"110\"},"
		 "\"capacity\":{\"cpu\":\"32\",\"memory\":\"128Gi\",\"pods\":\"110\"}}}",
		 i, i, i % 3);
}

static void account_body(int i, struct buf *out)
{
	buf_adds(out, "{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":"
		      "\"default\"}}");
}

static void set_body(int i, struct buf *out)
{
	buf_adds(out, "{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"metadata\":{\"name\":"
		      "\"web\"},\"spec\":{\"replicas\":10000,\"selector\":{\"matchLabels\":{"
		      "\"app\":\"web\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}},"
		      "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"web\"}]}}}}");
}

static const char *more = ""; /* of the pods' spec */

static void pod_body(int i, struct buf *out)
{
	buf_addf(out,
		 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-%05d\","
		 "\"labels\":{\"app\":\"web\"},\"ownerReferences\":[{\"apiVersion\":\"apps/v1\","
		 "\"kind\":\"ReplicaSet\",\"name\":\"web\",\"uid\":\"0c0a6a5e\",\"controller\":"
		 "true}]},\"spec\":{\"automountServiceAccountToken\":false,%s\"containers\":[{"
		 "\"name\":"
		 "\"web\",\"image\":\"registry.example.com/"
		 "web:1.2.3\",\"ports\":[{\"containerPort\":"
		 "8080}],\"resources\":{\"requests\":{\"cpu\":\"100m\",\"memory\":\"128Mi\"}}}]}}",
		 i, more);
}

static uint64_t bound(struct bench *b)
{
	struct scheduler_stats st;

	scheduler_stats(b->scheduler, &st);
	return st.bound;
}

static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void print(const char *what, int n_nodes, uint64_t ns)
{
	double rate = PODS / ((double)ns / (double)NSEC_PER_SEC);

	printf("{\"name\":\"scheduler: %s, %d,000 nodes\",\"value\":%.0f,\"unit\":\"pods/s\","
	       "\"peer\":\"kube-scheduler's floor\",\"peer_value\":%.0f,\"ratio\":%.2f}\n",
	       what, n_nodes / 1000, rate, UPSTREAM, rate / UPSTREAM);
	fflush(stdout);
}

static void measure(const char *what, int n_nodes, bool waiting)
{
	struct bench *b = NEW(struct bench);
	uint64_t start_ns, cpu_ns;

	open_all(b);
	create_all(b, &client_nodes, n_nodes, node_body);
	untaint(b, n_nodes);
	create_all(b, &client_serviceaccounts, 1, account_body);
	create_all(b, &client_replicasets, 1, set_body);
	if (waiting)
		create_all(b, &client_pods, PODS, pod_body);
	start_scheduler(b);
	if (!waiting)
		while (!informers_synced(b->informers))
			uv_run(&b->loop, UV_RUN_ONCE);
	start_ns = clock_mono_ns(&clock_system);
	cpu_ns = thread_ns();
	if (!waiting)
		begin_create(b, &client_pods, PODS, pod_body);
	while (bound(b) < PODS)
		uv_run(&b->loop, UV_RUN_ONCE);
	print(what, n_nodes, clock_mono_ns(&clock_system) - start_ns);
	fprintf(stderr, "bind: %.1f us of the main thread a pod\n",
		(double)(thread_ns() - cpu_ns) / 1000 / PODS);
	close_all(b);
	free(b);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 1) { /* one figure, for a profile: NODES [waiting] */
		measure("profile", atoi(argv[1]), argc > 2);
		return 0;
	}
	measure("10,000 waiting pods to bound", 1000, true);
	measure("10,000 waiting pods to bound", 5000, true);
	measure("10,000 pods from created to bound", 1000, false);
	measure("10,000 pods from created to bound", 5000, false);
	return 0;
}
