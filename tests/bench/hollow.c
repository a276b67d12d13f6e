/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/clock.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/client/kubeconfig.h"
#include "lib/client/lease.h"
#include "lib/client/node_watch.h"
#include "lib/client/transport_http.h"
#include "lib/http/client.h"
#include "lib/http/tls.h"
#include "lib/json/jw.h"
#include "lib/sys/timers_uv.h"

#include <signal.h>
#include <sys/resource.h>
/*
 *	hollow KUBECONFIG COUNT [lease SECONDS]
 *
 * Many nodes without containers: each has what an agent has with its masters (one TLS connection,
 * the same watches, that of all nodes for its routes among them, a lease, the status of its Node
 * and pods), in one process. tests/bench/away.py takes the master away from them. Commands on
 * standard input, each answered with one line of JSON once it is so at all nodes:
 *
 *	ready		{"ready"}: registered, all watches begun, the lease renewed
 *	routes		{"routes","last_ms","told","bytes"}: each knows the routes to all others;
 *how many nodes, and bytes of them, each was told of so far
 *	pods		{"pods","last_ms"}: a pod is bound to each, and its status told
 *	lost		no answer; a container of each restarts, which has to be told
 *	told		{"told","half_ms","last_ms"}: since when the restart is told and the lease
 *renewed seen NAME	{"seen","half_ms","last_ms"}: since when each knows the Service NAME back
 *{"back","half_ms","last_ms","told","bytes"}: since when the routes are confirmed after "lost", and
 *what all were told for it
 *
 * Times are monotonic milliseconds.
 */
#define NAME_MAX_LEN 32
#define RETRY_MIN_NS (200 * NSEC_PER_MSEC)
#define RETRY_MAX_NS (3 * NSEC_PER_SEC)
#define SPREAD_NS (2 * NSEC_PER_SEC)

enum { IN_PODS, IN_SERVICES, IN_SLICES, IN_SELF, IN_MAX };

struct node {
	char name[NAME_MAX_LEN];
	struct transport *transport;
	struct client *client;
	struct informer *in[IN_MAX];
	struct lease_renewer *lease;
	struct node_watch *routes; /* to the pods of all nodes */
	uint64_t told, told_bytes; /* of them */
	uint64_t routes_ns; /* since when all are known, or confirmed */
	struct client_call *call;
	struct timer retry;
	uint64_t delay_ns;
	bool registered;
	unsigned restarts, told_restarts; /* of its pod */
	bool told_pod;
	uint64_t told_ns, seen_ns;
};

static struct {
	uv_loop_t loop;
	struct timers timers;
	struct kubeconfig kc;
	struct tls_ctx *tls;
	struct node *nodes;
	size_t n;
	uint64_t lost_ns;
	uint64_t lease_ns;
	char seen[64], line[128];
	size_t line_len;
	enum ask { ASK_NONE, ASK_READY, ASK_PODS, ASK_TOLD, ASK_SEEN, ASK_ROUTES, ASK_BACK } ask;
	uv_timer_t look;
} all;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "hollow: %s: %s\n", what, why);
	exit(1);
}

static uint64_t now_ns(void)
{
	return clock_mono_ns(&clock_system);
}

static void step(struct node *n);

static void on_retry(struct timer *t)
{
	step(container_of(t, struct node, retry));
}

static void on_told(void *user, const struct err *e, struct str body)
{
	struct node *n = user;

	n->call = NULL;
	if (!e->errnum || e->errnum == EEXIST) {
		n->delay_ns = 0;
		step(n);
		return;
	}
	if (client_err_offline(e))
		n->delay_ns = 0;
	n->delay_ns = n->delay_ns ? MIN(2 * n->delay_ns, RETRY_MAX_NS) : RETRY_MIN_NS;
	timers_arm_in(&all.timers, &n->retry,
		      n->delay_ns / 2 + rng_below(&rng_system, n->delay_ns));
}

static void on_registered(void *user, const struct err *e, struct str body)
{
	struct node *n = user;

	n->registered |= !e->errnum || e->errnum == EEXIST;
	on_told(user, e, body);
}

static void on_status(void *user, const struct err *e, struct str body)
{
	struct node *n = user;

	if (!e->errnum && !n->lease)
		n->lease = lease_renewer_start(
			n->client,
			&(struct lease_renewer_conf){
				.ns = STR("kube-node-lease"),
				.name = str_of(n->name),
				.holder = str_of(n->name),
				.period_ns = all.lease_ns,
				.duration_s = (unsigned)(5 * all.lease_ns / NSEC_PER_SEC)});
	on_told(user, e, body);
}

static void on_pod_told(void *user, const struct err *e, struct str body)
{
	struct node *n = user;

	if (!e->errnum) {
		n->told_pod = true;
		n->told_restarts = (unsigned)jv_i64(
			jv_path(jv_of(body), "status.containerStatuses[0].restartCount"), 0);
		n->told_ns = now_ns();
	}
	on_told(user, e, body);
}

static struct client_call *patch(struct node *n, const struct client_kind *k, struct str ns,
				 struct str name, struct str body, client_fn *done)
{
	return client_do(n->client,
			 &(struct client_req){.method = "PATCH",
					      .kind = k,
					      .ns = ns,
					      .name = name,
					      .sub = "status",
					      .content_type = CLIENT_STRATEGIC_PATCH,
					      .body = body},
			 done, n);
}

static void send_node_status(struct node *n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char now[TIME_LEN + 1];

	size_t at = (size_t)(n - all.nodes);

	time_format(clock_real_ns(&clock_system), now);
	buf_addf(&b,
		 "{\"status\":{\"capacity\":{\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"110\"},"
		 "\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"192.168.%zu.%zu\"}],"
		 "\"allocatable\":{\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"110\"},"
		 "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":"
		 "\"KubeletReady\","
		 "\"message\":\"hollow\",\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%"
		 "s\"}]}}",
		 1 + at / 250, 1 + at % 250, now, now);
	n->call = patch(n, &client_nodes, STR_NULL, str_of(n->name), buf_str(&b), on_status);
}

static void send_pod_status(struct node *n, const struct object *pod)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char now[TIME_LEN + 1];

	time_format(clock_real_ns(&clock_system), now);
	buf_addf(
		&b,
		"{\"status\":{\"phase\":\"Running\",\"podIP\":\"10.244.0.9\",\"startTime\":\"%s\","
		"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":"
		"\"%s\"}],\"containerStatuses\":[{\"name\":\"c\",\"image\":\"i\",\"imageID\":\"i\","
		"\"ready\":true,\"restartCount\":%u,\"state\":{\"running\":{\"startedAt\":\"%s\"}}"
		"}]}}",
		now, now, n->restarts, now);
	n->call = patch(n, &client_pods, pod->ns, pod->name, buf_str(&b), on_pod_told);
}

static bool is_unknown(struct node *n)
{
	informer_for_each(o, n->in[IN_SELF]) jv_for_each (
		c,
		jv_get(object_status(o),
		       "conditions")) if (jv_eqs(jv_get(c.value, "type"), "Ready") &&
					  !jv_eqs(jv_get(c.value, "status"), "True")) return true;
	return false;
}

/* The next thing to tell. */
static void step(struct node *n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (n->call || timer_armed(&n->retry))
		return;
	if (!n->registered) {
		buf_addf(&b,
			 "{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\","
			 "\"labels\":{\"kubernetes.io/hostname\":\"%s\"}}}",
			 n->name, n->name);
		n->call = client_create(n->client, &client_nodes, STR_NULL, buf_str(&b),
					on_registered, n);
	} else if (!n->lease || is_unknown(n)) {
		send_node_status(n);
	} else if (!n->told_pod || n->told_restarts != n->restarts) {
		informer_for_each(o, n->in[IN_PODS])
		{
			send_pod_status(n, o);
			return;
		}
	}
}

static void on_object(void *user, struct object *o)
{
	step(user);
}

static void on_changed(void *user, struct object *old, struct object *o)
{
	step(user);
}

static void on_service(void *user, struct object *o)
{
	struct node *n = user;

	if (all.seen[0] && str_eqs(o->name, all.seen))
		n->seen_ns = now_ns();
}

static const struct informer_handler on_mine = {.added = on_object, .updated = on_changed};
static const struct informer_handler on_services = {.added = on_service};

static void on_node(void *user, struct str name, struct jv node)
{
	struct node *n = user;

	n->told++;
	n->told_bytes += jv_raw(node).len;
	if (n->told >= all.n && !n->routes_ns)
		n->routes_ns = now_ns();
}

static void on_begun(void *user)
{
}

static void on_node_gone(void *user, struct str name)
{
	((struct node *)user)->told++;
}

static void on_complete(void *user, bool whole)
{
	struct node *n = user;

	if (all.lost_ns)
		n->routes_ns = now_ns();
}

static void on_known(void *user, struct str token)
{
}

static const struct node_watch_ops on_nodes = {on_begun, on_node, on_node_gone, on_complete,
					       on_known};

static struct http_client *connection(void)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct http_client *c;
	const char *urls[8];
	size_t n = 0;

	urls[n++] = all.kc.server;
	for (char **s = all.kc.more_servers; s && *s && n < ARRAY_SIZE(urls); s++)
		urls[n++] = *s;
	if (http_client_new(&(struct http_client_conf){.loop = &all.loop,
						       .endpoints = urls,
						       .n_endpoints = n,
						       .tls = all.tls,
						       .user_agent = "hollow",
						       .ping_idle_ns = 1100 * NSEC_PER_MSEC,
						       .ping_timeout_ns = 1500 * NSEC_PER_MSEC},
			    &c, &err) < 0)
		die("client", err_text(&err));
	return c;
}

static struct informer *informer_of(struct node *n, const struct client_kind *kind,
				    const char *field)
{
	CLEANUP(buf_done) struct buf query = BUF_INIT, value = BUF_INIT;

	if (field) {
		buf_addf(&value, "%s=%s", field, n->name);
		client_query_add(&query, "fieldSelector", buf_str(&value));
	}
	return informer_new(n->client,
			    &(struct informer_conf){.kind = kind, .query = field ? query.p : NULL});
}

static void node_begin(struct node *n, size_t i)
{
	snprintf(n->name, sizeof(n->name), "hollow-%zu", i);
	n->transport = transport_http_new(connection());
	n->client = client_new(&(struct client_conf){.transport = n->transport,
						     .timers = &all.timers,
						     .user_agent = "hollow",
						     .spread_ns = SPREAD_NS});
	n->retry.fire = on_retry;
	n->in[IN_PODS] = informer_of(n, &client_pods, "spec.nodeName");
	n->in[IN_SERVICES] = informer_of(n, &client_services, NULL);
	n->in[IN_SLICES] = informer_of(n, &client_endpointslices, NULL);
	n->in[IN_SELF] = informer_of(n, &client_nodes, "metadata.name");
	informer_handle(n->in[IN_PODS], &on_mine, n);
	informer_handle(n->in[IN_SELF], &on_mine, n);
	informer_handle(n->in[IN_SERVICES], &on_services, n);
	for (size_t k = 0; k < IN_MAX; k++)
		informer_start(n->in[k]);
	n->routes = node_watch_start(n->client, STR_NULL, &on_nodes, n);
	step(n);
}

/* ---- what is asked ---- */

/* When the node fulfilled what is asked; 0: not yet. */
static uint64_t when(const struct node *n)
{
	uint64_t lease_ns = n->lease ? lease_renewer_last_ns(n->lease) : 0;

	switch (all.ask) {
	case ASK_READY:
		for (size_t k = 0; k < IN_MAX; k++)
			if (!informer_synced(n->in[k]))
				return 0;
		return lease_ns;
	case ASK_PODS:
		return n->told_pod ? n->told_ns : 0;
	case ASK_TOLD:
		return n->told_restarts == n->restarts && lease_ns > all.lost_ns ? n->told_ns : 0;
	case ASK_SEEN:
		return n->seen_ns;
	case ASK_ROUTES:
	case ASK_BACK:
		return n->routes_ns;
	default:
		return 0;
	}
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void answer(uv_timer_t *t)
{
	static const char *const names[] = {"", "ready", "pods", "told", "seen", "routes", "back"};
	CLEANUP_FREE uint64_t *v = xcalloc(all.n, sizeof(*v));
	uint64_t told = 0, bytes = 0;

	if (all.ask == ASK_NONE)
		return;
	for (size_t i = 0; i < all.n; i++) {
		v[i] = when(&all.nodes[i]);
		if (!v[i])
			return;
		told += all.nodes[i].told;
		bytes += all.nodes[i].told_bytes;
	}
	qsort(v, all.n, sizeof(*v), by_size);
	printf("{\"%s\":%zu,\"half_ms\":%.1f,\"last_ms\":%.1f,\"told\":%" PRIu64
	       ",\"bytes\":%" PRIu64 "}\n",
	       names[all.ask], all.n, (double)v[all.n / 2] / 1e6, (double)v[all.n - 1] / 1e6, told,
	       bytes);
	fflush(stdout);
	all.ask = ASK_NONE;
}

static void command(const char *line)
{
	if (!strcmp(line, "ready")) {
		all.ask = ASK_READY;
	} else if (!strcmp(line, "pods")) {
		all.ask = ASK_PODS;
	} else if (!strcmp(line, "routes")) {
		all.ask = ASK_ROUTES;
	} else if (!strcmp(line, "back")) {
		all.ask = ASK_BACK;
	} else if (!strcmp(line, "told")) {
		all.ask = ASK_TOLD;
	} else if (!strncmp(line, "seen ", 5)) {
		all.ask = ASK_SEEN;
		str_copy(all.seen, sizeof(all.seen), str_of(line + 5));
		for (size_t i = 0; i < all.n; i++)
			all.nodes[i].seen_ns = 0;
		for (size_t i = 0; i < all.n; i++)
			informer_for_each(o, all.nodes[i].in[IN_SERVICES])
				on_service(&all.nodes[i], o);
	} else if (!strcmp(line, "lost")) {
		all.lost_ns = now_ns();
		for (size_t i = 0; i < all.n; i++) {
			all.nodes[i].restarts++;
			all.nodes[i].routes_ns = all.nodes[i].told = all.nodes[i].told_bytes = 0;
			step(&all.nodes[i]);
		}
	} else {
		die("no such command", line);
	}
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	*b = uv_buf_init(all.line + all.line_len, (unsigned)(sizeof(all.line) - 1 - all.line_len));
}

static void on_input(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	char *nl;

	if (n < 0)
		exit(0);
	all.line_len += (size_t)n;
	all.line[all.line_len] = 0;
	while ((nl = strchr(all.line, '\n'))) {
		*nl = 0;
		command(all.line);
		all.line_len -= (size_t)(nl + 1 - all.line);
		memmove(all.line, nl + 1, all.line_len + 1);
	}
}

int main(int argc, char **argv)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct rlimit files;
	uv_pipe_t in;

	bool lease = argc == 5 && !strcmp(argv[3], "lease");

	all.n = argc == 3 || lease ? strtoul(argv[2], NULL, 10) : 0;
	all.lease_ns = (lease ? strtoul(argv[4], NULL, 10) : 1) * NSEC_PER_SEC;
	if (!all.n || !all.lease_ns)
		die("usage", "hollow KUBECONFIG COUNT [lease SECONDS]");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&all.loop);
	timers_init(&all.timers, &clock_system);
	timers_uv_attach(&all.timers, &all.loop);
	if (kubeconfig_load(argv[1], NULL, &all.kc, &err) < 0)
		die(argv[1], err_text(&err));
	if (tls_client_new(&(struct tls_conf){.cert_pem = buf_str(&all.kc.cert_pem),
					      .key_pem = buf_str(&all.kc.key_pem),
					      .ca_pem = buf_str(&all.kc.ca_pem)},
			   &all.tls, &err) < 0)
		die("TLS", err_text(&err));
	all.nodes = xcalloc(all.n, sizeof(*all.nodes));
	for (size_t i = 0; i < all.n; i++)
		node_begin(&all.nodes[i], i);
	uv_pipe_init(&all.loop, &in, 0);
	uv_pipe_open(&in, 0);
	uv_read_start((uv_stream_t *)&in, on_alloc, on_input);
	uv_timer_init(&all.loop, &all.look);
	uv_timer_start(&all.look, answer, 20, 20);
	uv_run(&all.loop, UV_RUN_DEFAULT);
	return 0;
}
