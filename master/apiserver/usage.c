/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/usage.h"
#include "lib/api/table.h"
#include "lib/http/client.h"
#include "master/apiserver/kubelet.h"
#include "master/apiserver/read.h"

#define ASK_TIMEOUT_NS (5 * NSEC_PER_SEC)
#define SECOND_LOOK_NS NSEC_PER_SEC
#define FRESH_NS ((int64_t)NSEC_PER_SEC / 2) /* readings closer than this make no rate */
#define SUMMARY_MAX (8u << 20)

/* ---- what was read before ---- */

/* A counter of nanoseconds, of a container (hash of "ns/pod/container") or of the node (""). */
struct counter {
	uint64_t key, cpu_ns;
};

struct reading {
	int64_t at_ns; /* by the node's clock */
	int64_t seen_ns; /* by ours */
	struct counter *v;
	size_t n, cap;
};

struct usage_cache {
	struct hmap *nodes; /* name -> struct reading */
};

static void reading_free(void *p)
{
	struct reading *r = p;

	if (r)
		free(r->v);
	free(r);
}

struct usage_cache *usage_cache_new(void)
{
	struct usage_cache *c = NEW(struct usage_cache);

	c->nodes = hmap_new();
	return c;
}

struct usage_cache *usage_cache_free(struct usage_cache *c)
{
	if (!c)
		return NULL;
	hmap_free_full(c->nodes, reading_free);
	free(c);
	return NULL;
}

static uint64_t counter_key(struct str ns, struct str pod, struct str container)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (pod.len)
		buf_addf(&b, "%.*s/%.*s/%.*s", STR_ARG(ns), STR_ARG(pod), STR_ARG(container));
	return str_hash(buf_str(&b));
}

static void reading_add(struct reading *r, uint64_t key, struct jv stats)
{
	*ARRAY_PUSH(r->v, r->n, r->cap) = (struct counter){
		key, (uint64_t)jv_i64(jv_path(stats, "cpu.usageCoreNanoSeconds"), 0)};
}

static int64_t summary_time(struct jv summary)
{
	int64_t t;

	return time_parse(jv_text(jv_path(summary, "node.cpu.time")), &t) < 0 ? 0 : t;
}

static struct reading *reading_of(struct jv summary, int64_t seen_ns)
{
	struct reading *r = NEW(struct reading);

	r->at_ns = summary_time(summary);
	r->seen_ns = seen_ns;
	reading_add(r, counter_key(STR(""), STR(""), STR("")), jv_get(summary, "node"));
	jv_for_each (p, jv_get(summary, "pods"))
		jv_for_each (c, jv_get(p.value, "containers"))
			reading_add(r,
				    counter_key(jv_text(jv_path(p.value, "podRef.namespace")),
						jv_text(jv_path(p.value, "podRef.name")),
						jv_text(jv_get(c.value, "name"))),
				    c.value);
	return r;
}

static const struct counter *counter_find(const struct reading *r, uint64_t key)
{
	for (size_t i = 0; r && i < r->n; i++)
		if (r->v[i].key == key)
			return &r->v[i];
	return NULL;
}

/* ---- one question ---- */

struct usage;
struct asked {
	struct usage *u;
	char *name; /* of the node */
	struct http_call *call;
	struct buf body; /* the summary; empty when the node does not answer */
	struct reading *before; /* owned; NULL: none yet */
	int status;
};

struct usage {
	struct request *r;
	struct asked *nodes;
	struct hmap *names; /* of them, while they are collected */
	size_t n, cap, waiting;
	struct timer again;
	bool second;
};

static void usage_free(struct usage *u)
{
	struct request *r = u->r;

	timers_disarm(r->srv->timers, &u->again);
	for (size_t i = 0; i < u->n; i++) {
		struct asked *a = &u->nodes[i];

		if (a->call)
			http_call_cancel(a->call);
		buf_done(&a->body);
		reading_free(a->before);
		free(a->name);
	}
	free(u->nodes);
	hmap_free(u->names);
	free(u);
	r->work = NULL;
	r->on_gone = NULL;
	request_unref(r);
}

static void usage_gone(struct request *r)
{
	usage_free(r->work);
}

/* ---- the answer ---- */

/* "usage":{"cpu":"12n","memory":"34Ki"} of one thing, since the reading before. */
static void write_usage(struct jw *w, const struct asked *a, uint64_t key, struct jv stats,
			int64_t at_ns)
{
	const struct counter *was = counter_find(a->before, key);
	uint64_t now = (uint64_t)jv_i64(jv_path(stats, "cpu.usageCoreNanoSeconds"), 0);
	int64_t span = a->before ? at_ns - a->before->at_ns : 0;
	char text[40];

	jw_key(w, "usage");
	jw_begin_object(w);
	snprintf(text, sizeof(text), "%" PRIu64 "n",
		 was && span > 0 && now > was->cpu_ns
			 ? (uint64_t)((double)(now - was->cpu_ns) * 1e9 / (double)span)
			 : 0);
	jw_member_str(w, "cpu", str_of(text));
	snprintf(text, sizeof(text), "%" PRId64 "Ki",
		 jv_i64(jv_path(stats, "memory.workingSetBytes"), 0) / 1024);
	jw_member_str(w, "memory", str_of(text));
	jw_end_object(w);
}

/* The beginning of an object up to what is measured; `of` is the node or pod it is about. */
static void write_head(struct jw *w, const struct api_kind *k, struct jv of, const struct asked *a,
		       int64_t at_ns)
{
	struct str ns = jv_text(jv_path(of, "metadata.namespace"));
	struct jv labels = jv_path(of, "metadata.labels");
	char text[TIME_LEN + 1];
	CLEANUP(buf_done) struct buf window = BUF_INIT;
	int64_t span = a->before ? at_ns - a->before->at_ns : 0;

	jw_begin_object(w);
	jw_member_str(w, "kind", str_of(k->kind));
	jw_member_str(w, "apiVersion", STR("metrics.k8s.io/v1beta1"));
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "name", jv_text(jv_path(of, "metadata.name")));
	if (ns.len)
		jw_member_str(w, "namespace", ns);
	time_format(at_ns, text);
	jw_member_str(w, "creationTimestamp", str_of(text));
	if (jv_exists(labels)) {
		jw_key(w, "labels");
		jw_raw(w, jv_raw(labels));
	}
	jw_end_object(w);
	jw_member_str(w, "timestamp", str_of(text));
	buf_addf(&window, "%.3fs", (double)span / 1e9);
	jw_member_str(w, "window", buf_str(&window));
}

static void node_metrics(struct usage *u, struct jv node, const struct asked *a, struct buf *out)
{
	struct jv summary = jv_of(buf_str(&a->body)), stats = jv_get(summary, "node");
	struct jw w = jw_start(out);
	int64_t at = summary_time(summary);

	write_head(&w, u->r->kind, node, a, at);
	write_usage(&w, a, counter_key(STR(""), STR(""), STR("")), stats, at);
	jw_end_object(&w);
}

static bool pod_metrics(struct usage *u, struct jv pod, const struct asked *a, struct buf *out)
{
	struct jv summary = jv_of(buf_str(&a->body)), stats = jv_get(summary, "none");
	struct str ns = jv_text(jv_path(pod, "metadata.namespace"));
	struct str name = jv_text(jv_path(pod, "metadata.name"));
	struct jw w = jw_start(out);
	int64_t at = summary_time(summary);

	jv_for_each (p, jv_get(summary, "pods"))
		if (str_eq(jv_text(jv_path(p.value, "podRef.name")), name) &&
		    str_eq(jv_text(jv_path(p.value, "podRef.namespace")), ns))
			stats = p.value;
	if (!jv_len(jv_get(stats, "containers")))
		return false;
	write_head(&w, u->r->kind, pod, a, at);
	jw_key(&w, "containers");
	jw_begin_array(&w);
	jv_for_each (c, jv_get(stats, "containers")) {
		struct str container = jv_text(jv_get(c.value, "name"));

		jw_begin_object(&w);
		jw_member_str(&w, "name", container);
		write_usage(&w, a, counter_key(ns, name, container), c.value, at);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return true;
}

static const struct asked *asked_of(const struct usage *u, struct str node)
{
	for (size_t i = 0; i < u->n; i++)
		if (str_eqs(node, u->nodes[i].name))
			return u->nodes[i].body.len ? &u->nodes[i] : NULL;
	return NULL;
}

/* Objects of the core kind that the question is about: cb for each. */
static int each_object(struct request *r, void (*cb)(void *user, const struct store_obj *o),
		       void *user, struct err *err)
{
	const struct api_kind *core = server_kind("", "v1", r->kind->plural);
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(r->srv->store);
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct read_filter filter;
	struct store_iter it;

	if (r->info.name.len) {
		o = server_get(v, core, r->info.ns, r->info.name);
		if (!o)
			return api_err_not_found(err, r->kind, r->info.name);
		cb(user, o);
		return 0;
	}
	if (read_filter_parse(r, &filter, err) < 0)
		return -EINVAL;
	request_key(core, r->info.ns, STR(""), &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		if (read_filter_match(&filter, o))
			cb(user, o);
	read_filter_done(&filter);
	return 0;
}

struct writing {
	struct usage *u;
	struct buf *out;
	size_t n;
	bool table;
};

static bool is_pods(const struct request *r)
{
	return api_kind_namespaced(r->kind);
}

static struct str node_of(const struct request *r, struct jv obj)
{
	return jv_text(jv_path(obj, is_pods(r) ? "spec.nodeName" : "metadata.name"));
}

static void write_one(void *user, const struct store_obj *o)
{
	struct writing *w = user;
	struct request *r = w->u->r;
	struct jv obj = jv_of(o->value);
	const struct asked *a = asked_of(w->u, node_of(r, obj));
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!a)
		return;
	if (!is_pods(r))
		node_metrics(w->u, obj, a, &b);
	else if (!pod_metrics(w->u, obj, a, &b))
		return;
	if (w->table) {
		api_table_row(r->kind, r->accept.version, server_now_ns(r->srv), jv_of(buf_str(&b)),
			      API_INCLUDE_METADATA, !w->n, w->out);
	} else {
		if (w->n && !r->info.name.len)
			buf_addc(w->out, ',');
		buf_addstr(w->out, buf_str(&b));
	}
	w->n++;
}

static void answer(struct usage *u)
{
	struct request *r = u->r;
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct writing w = {u, &b, 0, r->accept.form == ACCEPT_TABLE};
	bool list = !r->info.name.len;

	if (w.table)
		api_table_begin(r->kind, r->accept.version, STR(""), STR(""), -1, true, &b);
	else if (list)
		buf_addf(&b,
			 "{\"kind\":\"%s\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metadata\":"
			 "{},\"items\":[",
			 r->kind->list_kind);
	if (each_object(r, write_one, &w, &e) == 0 && !w.n && !list)
		api_err_not_found(&e, r->kind, r->info.name);
	if (e.errnum) {
		respond_err(r, &e);
		return;
	}
	if (w.table)
		api_table_end(&b);
	else if (list)
		buf_adds(&b, "]}");
	respond_json(r, 200, &b);
}

/* ---- asking ---- */

static void keep_readings(struct usage *u)
{
	struct usage_cache *c = u->r->srv->usage;
	int64_t now = server_now_ns(u->r->srv);
	char *old = NULL;

	for (size_t i = 0; i < u->n; i++) {
		struct asked *a = &u->nodes[i];

		if (a->body.len)
			reading_free(hmap_put(c->nodes, str_of(a->name),
					      reading_of(jv_of(buf_str(&a->body)), now)));
	}
	do { /* what nobody has asked about for a while goes */
		free(old);
		old = NULL;
		hmap_for_each (it, c->nodes)
			if (!old && now - ((struct reading *)it->value)->seen_ns > USAGE_OLD_NS)
				old = str_dup(it->key);
		if (old)
			reading_free(hmap_del(c->nodes, str_of(old)));
	} while (old);
}

static void ask(struct usage *u);

static void again_fire(struct timer *t)
{
	ask(container_of(t, struct usage, again));
}

/* All have answered. Some may have to be looked at twice. */
static void all_there(struct usage *u)
{
	bool again = false;

	for (size_t i = 0; i < u->n; i++) {
		struct asked *a = &u->nodes[i];
		struct jv summary = jv_of(buf_str(&a->body));

		if (!a->body.len || a->before)
			continue;
		a->before = reading_of(summary, server_now_ns(u->r->srv));
		again = true;
	}
	if (again && !u->second) {
		u->second = true;
		u->again.fire = again_fire;
		timers_arm_in(u->r->srv->timers, &u->again, SECOND_LOOK_NS);
		return;
	}
	keep_readings(u);
	u->r->on_gone = NULL; /* a client in this process is gone while it is answered */
	answer(u);
	usage_free(u);
}

static void on_response(struct http_call *call, int status, void *user)
{
	struct asked *a = user;

	a->status = status;
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct asked *a = user;

	if (a->status == 200 && a->body.len + data.len <= SUMMARY_MAX)
		buf_addstr(&a->body, data);
	else
		a->status = 0;
}

static void on_end(struct http_call *call, int err, void *user)
{
	struct asked *a = user;

	a->call = NULL;
	if (err || a->status != 200 || json_scan(buf_str(&a->body), NULL, NULL) < 0)
		buf_clear(&a->body);
	if (!--a->u->waiting)
		all_there(a->u);
}

static const struct http_call_ops call_ops = {on_response, on_data, on_end};

/* A reading of before that is neither too old nor too near. */
static struct reading *earlier(struct usage *u, const char *node)
{
	struct reading *r = hmap_get(u->r->srv->usage->nodes, str_of(node)), *copy;
	int64_t age = r ? server_now_ns(u->r->srv) - r->seen_ns : 0;

	if (!r || age > USAGE_OLD_NS || age < FRESH_NS)
		return NULL;
	copy = NEW(struct reading);
	*copy = *r;
	copy->cap = r->n;
	copy->v = xcalloc(r->n, sizeof(*r->v));
	memcpy(copy->v, r->v, r->n * sizeof(*r->v));
	return copy;
}

static void ask(struct usage *u)
{
	struct http_call_req req = {
		.method = "GET", .path = "/stats/summary", .timeout_ns = ASK_TIMEOUT_NS};

	u->waiting = 1; /* not done before all are asked */
	for (size_t i = 0; i < u->n; i++) {
		struct asked *a = &u->nodes[i];
		CLEANUP(buf_done) struct buf url = BUF_INIT;
		struct http_client *c = NULL;

		buf_clear(&a->body);
		if (kubelet_node_url(u->r->srv, str_of(a->name), &url, NULL) == 0)
			c = kubelet_client_for(u->r->srv, url.p, NULL);
		if (!c)
			continue;
		u->waiting++;
		a->call = http_client_request(c, &req, &call_ops, a);
	}
	if (!--u->waiting)
		all_there(u);
}

static void add_node(void *user, const struct store_obj *o)
{
	struct usage *u = user;
	struct str node = node_of(u->r, jv_of(o->value));

	if (!node.len || hmap_has(u->names, node))
		return;
	hmap_put(u->names, node, u);
	*ARRAY_PUSH(u->nodes, u->n, u->cap) =
		(struct asked){.u = u, .name = str_dup(node), .body = BUF_INIT};
}

void usage_run(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct usage *u = NEW(struct usage);

	u->r = request_ref(r);
	u->names = hmap_new();
	r->work = u;
	if (r->accept.form == ACCEPT_NONE) {
		respond_not_acceptable(r);
		usage_free(u);
		return;
	}
	if (each_object(r, add_node, u, &e) < 0) {
		respond_err(r, &e);
		usage_free(u);
		return;
	}
	for (size_t i = 0; i < u->n; i++)
		u->nodes[i].before = earlier(u, u->nodes[i].name);
	r->on_gone = usage_gone;
	ask(u);
}
