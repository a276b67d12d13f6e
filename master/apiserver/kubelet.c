/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/kubelet.h"
#include "lib/base/cidr.h"
#include "lib/http/client.h"
#include "master/apiserver/fresh.h"
#include "master/apiserver/audit.h"
#include "master/apiserver/flow.h"
#include "master/apiserver/gate.h"
#include "master/apiserver/verbs.h"

#define KUBELET_PORT 10250
#define QUEUE_HIGH (256u << 10)

/* Nobody asked for so long: the node may be gone, and a new connection is a millisecond. */
#define IDLE_NS (300 * NSEC_PER_SEC)

struct way { /* to one node */
	struct http_client *c;
	uint64_t used_ns;
};

struct kubelet_client {
	struct apiserver *s;
	struct hmap *by_addr; /* "https://10.0.0.2:10250" -> way */
	struct timer sweep; /* armed while there is a way */
};

static void way_free(void *p)
{
	struct way *w = p;

	http_client_free(w->c);
	free(w);
}

static void sweep(struct timer *t)
{
	struct kubelet_client *k = container_of(t, struct kubelet_client, sweep);
	struct timers *ts = k->s->timers;
	char **old = NULL;
	size_t n = 0, cap = 0;

	hmap_for_each (it, k->by_addr) {
		const struct way *w = it->value;

		if (http_client_idle(w->c) && timers_now_ns(ts) - w->used_ns >= IDLE_NS)
			*ARRAY_PUSH(old, n, cap) = str_dup(it->key);
	}
	for (size_t i = 0; i < n; i++) {
		way_free(hmap_del(k->by_addr, str_of(old[i])));
		free(old[i]);
	}
	free(old);
	if (hmap_len(k->by_addr))
		timers_arm_in(ts, t, IDLE_NS);
}

struct kubelet_client *kubelet_client_new(struct apiserver *s)
{
	struct kubelet_client *k = NEW(struct kubelet_client);

	k->s = s;
	k->by_addr = hmap_new();
	k->sweep.fire = sweep;
	return k;
}

struct kubelet_client *kubelet_client_free(struct kubelet_client *k)
{
	if (!k)
		return NULL;
	timers_disarm(k->s->timers, &k->sweep);
	hmap_free_full(k->by_addr, way_free);
	free(k);
	return NULL;
}

/* ---- where to, and what to ask ---- */

static const struct {
	const char *sub, *path;
	bool container;
} targets[] = {
	{"log", "containerLogs", true},
	{"exec", "exec", true},
	{"attach", "attach", true},
	{"portforward", "portForward", false},
};

/* PodExecOptions have other names in the node API. */
static const struct {
	const char *ours, *theirs;
} renames[] = {{"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}, {"tty", "tty"}};

static const struct store_obj *node_object(const struct store_view *v, struct str node)
{
	return server_get(v, server_kind("", "v1", "nodes"), STR(""), node);
}

bool kubelet_is_ours(struct apiserver *s, struct str node)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(s->store);
	const struct store_obj *o = node.len ? node_object(v, node) : NULL;
	struct str version;

	if (!o)
		return false;
	version = jv_text(jv_path(jv_of(o->value), "status.nodeInfo.kubeletVersion"));
	return version.len && memmem(version.p, version.len, "+knarr", 6);
}

/* A node says itself what its address is: a name would be looked up while everybody waits. */
static bool is_address(struct str ip)
{
	struct ip a;

	return ip_parse(ip, &a);
}

int kubelet_node_url(struct apiserver *s, struct str node, struct buf *out, struct err *err)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(s->store);
	struct str ip = STR_NULL;
	const struct store_obj *o;
	int64_t port;

	o = server_get(v, server_kind("", "v1", "nodes"), STR(""), node);
	if (!o)
		return api_err_not_found(err, server_kind("", "v1", "nodes"), node);
	jv_for_each (a, jv_path(jv_of(o->value), "status.addresses"))
		if (jv_eqs(jv_get(a.value, "type"), "InternalIP") && !ip.len &&
		    is_address(jv_text(jv_get(a.value, "address"))))
			ip = jv_text(jv_get(a.value, "address"));
	if (!ip.len)
		return err_set(err, EBUSY, "ServiceUnavailable", "node %.*s has no address",
			       STR_ARG(node));
	port = jv_i64(jv_path(jv_of(o->value), "status.daemonEndpoints.kubeletEndpoint.Port"),
		      s->conf.kubelet_port ? s->conf.kubelet_port : KUBELET_PORT);
	buf_addf(out, str_chr(ip, ':') >= 0 ? "https://[%.*s]:%" PRId64 : "https://%.*s:%" PRId64,
		 STR_ARG(ip), port);
	return 0;
}

static int node_url(struct request *r, struct jv pod, struct buf *out, struct err *err)
{
	struct str node = jv_text(jv_path(pod, "spec.nodeName"));

	if (!node.len)
		return api_err_bad_request(err, "pod %.*s does not have a host assigned",
					   STR_ARG(r->info.name));
	return kubelet_node_url(r->srv, node, out, err);
}

/* The container asked for, the only one, or the one an annotation names. */
static int choose_container(struct request *r, struct jv pod, struct str *ret, struct err *err)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers",
					    "spec.ephemeralContainers"};
	struct str want = query_get(&r->query, "container");
	struct jv main_list = jv_path(pod, "spec.containers");
	CLEANUP(buf_done) struct buf names = BUF_INIT;

	if (!want.len)
		want = jv_text(jv_get(jv_path(pod, "metadata.annotations"),
				      "kubectl.kubernetes.io/default-container"));
	if (!want.len && jv_len(main_list) == 1) {
		jv_for_each (c, main_list)
			*ret = jv_text(jv_get(c.value, "name"));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		jv_for_each (c, jv_path(pod, lists[i])) {
			struct str name = jv_text(jv_get(c.value, "name"));

			if (want.len && str_eq(name, want)) {
				*ret = want;
				return 0;
			}
			buf_addf(&names, "%s%.*s", names.len ? " " : "", STR_ARG(name));
		}
	if (want.len)
		return api_err_bad_request(err, "container %.*s is not valid for pod %.*s",
					   STR_ARG(want), STR_ARG(r->info.name));
	return api_err_bad_request(
		err,
		"a container name must be specified for pod %.*s, choose one of: "
		"[%s]",
		STR_ARG(r->info.name), names.p);
}

static void add_param(struct buf *out, struct str name, struct str value)
{
	static const char hex[] = "0123456789ABCDEF";

	buf_addf(out, "%c%.*s=", str_chr(buf_str(out), '?') < 0 ? '?' : '&', STR_ARG(name));
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		    strchr("-_.~", c)) {
			buf_addc(out, (char)c);
		} else {
			buf_addc(out, '%');
			buf_addc(out, hex[c >> 4]);
			buf_addc(out, hex[c & 15]);
		}
	}
}

static void add_query(struct request *r, bool log, struct buf *out)
{
	for (size_t i = 0; i < r->query.n; i++) {
		struct query_param *p = &r->query.v[i];
		const char *theirs = NULL;

		if (str_eqs(p->name, "container"))
			continue;
		for (size_t j = 0; !log && j < ARRAY_SIZE(renames); j++)
			if (str_eqs(p->name, renames[j].ours))
				theirs = renames[j].theirs;
		if (!theirs)
			add_param(out, p->name, p->value);
		else if (query_bool(&r->query, renames[0].ours) || !str_eqs(p->name, "stdin"))
			if (str_eqs(p->value, "true") || str_eqs(p->value, "1"))
				add_param(out, str_of(theirs), STR("1"));
	}
}

static void check_number(struct request *r, const char *name, int64_t least, struct err *err)
{
	struct str text = query_get(&r->query, name);
	int64_t n;

	if (text.len && str_to_i64(text, &n) == 0 && n < least)
		err_field(err, name, "FieldValueInvalid",
			  "Invalid value: %" PRId64 ": must be greater than %s0", n,
			  least ? "" : "or equal to ");
}

/* PodLogOptions that the node would refuse, or not understand (ValidatePodLogOptions). */
static int check_log(struct request *r, struct err *err)
{
	static const struct api_kind options = {.group = "", .kind = "PodLogOptions"};

	check_number(r, "tailLines", 0, err);
	check_number(r, "limitBytes", 1, err);
	check_number(r, "sinceSeconds", 1, err);
	if (query_get(&r->query, "sinceSeconds").len && query_get(&r->query, "sinceTime").len)
		err_field(
			err, "", "FieldValueForbidden",
			"Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified");
	return err->n_fields ? api_err_invalid(err, &options, r->info.name) : 0;
}

static int make_path(struct request *r, struct jv pod, struct buf *out, struct err *err)
{
	struct str container = STR_NULL;
	int e = !strcmp(r->sub->name, "log") ? check_log(r, err) : 0;

	if (e < 0)
		return e;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (strcmp(r->sub->name, targets[i].sub) != 0)
			continue;
		buf_addf(out, "/%s/%.*s/%.*s", targets[i].path, STR_ARG(r->info.ns),
			 STR_ARG(r->info.name));
		if (targets[i].container) {
			e = choose_container(r, pod, &container, err);
			if (e < 0)
				return e;
			buf_addf(out, "/%.*s", STR_ARG(container));
		}
		add_query(r, i == 0, out);
		return 0;
	}
	return -EINVAL;
}

struct http_client *kubelet_client_for(struct apiserver *s, const char *url, struct err *err)
{
	struct kubelet_client *k = s->kubelet;
	struct way *w = hmap_get(k->by_addr, str_of(url));
	struct timers *ts = s->timers;
	struct http_client *c;
	struct http_client_conf conf = {.loop = k->s->conf.loop,
					.endpoints = &url,
					.n_endpoints = 1,
					.tls = k->s->conf.kubelet_tls,
					.wait_timeout_ns = 3 * NSEC_PER_SEC};

	if (w) {
		w->used_ns = timers_now_ns(ts);
		return w->c;
	}
	if (!k->s->conf.kubelet_tls) {
		err_set(err, EBUSY, "ServiceUnavailable", "this master has no way to its nodes");
		return NULL;
	}
	if (http_client_new(&conf, &c, err) < 0)
		return NULL;
	w = NEW(struct way);
	*w = (struct way){c, timers_now_ns(ts)};
	hmap_put(k->by_addr, str_of(url), w);
	if (!timer_armed(&k->sweep))
		timers_arm_in(ts, &k->sweep, IDLE_NS);
	return c;
}

size_t kubelet_client_count(const struct kubelet_client *k)
{
	return hmap_len(k->by_addr);
}

struct http_client *proxy_client_new(struct apiserver *s, const char *url, struct err *err)
{
	struct http_client_conf conf = {.loop = s->conf.loop,
					.endpoints = &url,
					.n_endpoints = 1,
					.connect_timeout_ns = 10 * NSEC_PER_SEC,
					.wait_timeout_ns = 1};
	struct http_client *c = NULL;

	if (str_starts(str_of(url), STR("https:")) &&
	    tls_client_new(&(struct tls_conf){.insecure = true}, &conf.tls, err) < 0)
		return NULL;
	if (http_client_new(&conf, &c, err) < 0)
		c = NULL;
	if (conf.tls)
		tls_ctx_unref(conf.tls);
	return c;
}

/* ---- passing bytes ---- */

#define REFUSAL_MAX 10000 /* of a node's words, as upstream reads them */

struct pass {
	struct request *r;
	struct http_call *call;
	bool paused;
	int refused; /* the node's status when it is no success */
	struct buf words; /* what it says then */
};

static void pass_gone(struct request *r)
{
	struct pass *p = r->work;

	if (p->call)
		http_call_cancel(p->call);
	r->work = NULL;
	r->on_gone = NULL;
	request_unref(r);
	buf_done(&p->words);
	free(p);
}

static void pass_fail(struct pass *p, struct http_call *call)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EIO, "InternalError", "error dialing backend: %s", http_call_error(call));
	e.http_code = 500;
	p->r->long_running = false;
	respond_err(p->r, &e);
}

/* The node refused in plain text: a Status, as genericrest's response checker makes it. */
static void pass_refusal(struct pass *p)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct str words = str_trim(buf_str(&p->words));

	if (p->refused == 400)
		err_set(&e, EINVAL, "BadRequest", "%.*s", STR_ARG(words));
	else if (p->refused == 404)
		err_set(&e, ENOENT, "NotFound", "%.*s", STR_ARG(words));
	else
		err_set(&e, EIO, "InternalError", "Internal error occurred: %.*s", STR_ARG(words));
	e.http_code = p->refused == 400 || p->refused == 404 ? p->refused : 500;
	p->r->long_running = false;
	respond_err(p->r, &e);
}

static void plain_response(struct http_call *call, int status, void *user)
{
	struct pass *p = user;
	struct str type = http_call_header(call, "content-type");
	struct http_header h[] = {HTTP_HEADER("Content-Type", type.len ? type : STR("text/plain"))};

	if (p->r->gone)
		return;
	if (status < 200 || status > 206) {
		p->refused = status;
		return;
	}
	p->r->answered = p->r->streaming = true;
	p->r->status = status;
	flow_release(p->r);
	audit_started(p->r, status);
	p->r->front->start(p->r, status, h, ARRAY_SIZE(h));
}

static void plain_data(struct http_call *call, struct str data, void *user)
{
	struct pass *p = user;
	struct http_blob *b = http_blob_new(data);
	struct http_piece piece = http_piece_of(b);
	struct request *r = p->r;

	if (p->refused) {
		if (p->words.len < REFUSAL_MAX)
			buf_add(&p->words, data.p, MIN(data.len, REFUSAL_MAX));
	} else if (!r->gone) {
		r->front->write(r, &piece, 1);
		if (r->front->queued && r->front->queued(r) > QUEUE_HIGH) {
			http_call_pause(call, true);
			p->paused = true;
		}
	}
	http_blob_unref(b);
}

static void plain_drain(struct request *r)
{
	struct pass *p = r->work;

	if (p && p->call && p->paused) {
		p->paused = false;
		http_call_pause(p->call, false);
	}
}

static void plain_end(struct http_call *call, int err, void *user)
{
	struct pass *p = user;

	p->call = NULL;
	if (p->r->gone)
		return;
	if (!p->r->answered && p->refused)
		pass_refusal(p);
	else if (!p->r->answered)
		pass_fail(p, call);
	else
		p->r->front->end(p->r); /* request_gone frees p */
}

static const struct http_call_ops plain_ops = {plain_response, plain_data, plain_end};

/* Header fields of an upgrade that the other side must see. */
static bool passes(struct str name)
{
	return str_eq_nocase(name, STR("upgrade")) || str_eq_nocase(name, STR("connection")) ||
	       str_eq_nocase(name, STR("origin")) ||
	       (name.len > 4 && str_eq_nocase(str_n(name.p, 4), STR("sec-"))) ||
	       (name.len > 9 && str_eq_nocase(str_n(name.p, 9), STR("x-stream-")));
}

#define PASS_HEADERS 24

static void join(struct pass *p, struct http_call *call, struct http_stream *s)
{
	struct http_req *req = p->r->front->http(p->r);
	struct http_header h[PASS_HEADERS], one;
	struct str proto = http_call_header(call, "upgrade");
	CLEANUP_FREE char *protocol = str_dup(proto.len ? proto : STR("websocket"));
	struct http_stream *ours = NULL;
	size_t n = 0;

	for (size_t i = 0; n < PASS_HEADERS && http_call_header_at(call, i, &one); i++)
		if (passes(one.name) && !str_eq_nocase(one.name, STR("upgrade")) &&
		    !str_eq_nocase(one.name, STR("connection")))
			h[n++] = one;
	if (http_req_upgrade(req, protocol, h, n, &ours) < 0) {
		CLEANUP(err_done) struct err e = ERR_INIT;

		http_stream_abort(s);
		api_err_bad_request(&e, "an upgrade to %s needs HTTP/1.1", protocol);
		respond_err(p->r, &e);
		return;
	}
	p->r->answered = true;
	p->r->status = 101;
	http_splice(ours, s, NULL, NULL);
	request_taken(p->r);
}

static void upgraded(struct http_call *call, int err, int status, struct str body,
		     struct http_stream *s, void *user)
{
	struct pass *p = user;
	struct str type;
	CLEANUP_FREE char *type_text = NULL;

	p->call = NULL;
	if (p->r->gone) {
		if (s)
			http_stream_abort(s);
		return;
	}
	if (s) {
		join(p, call, s);
		return;
	}
	p->r->long_running = false;
	if (err) {
		pass_fail(p, call);
		return;
	}
	type = http_call_header(call, "content-type");
	type_text = str_dup(type.len ? type : STR("text/plain"));
	respond_text(p->r, status, type_text, body);
}

static const struct http_upgrade_ops upgrade_ops = {upgraded};

static void pass_start(struct request *r, struct http_client *c, const char *path)
{
	struct pass *p = NEW(struct pass);
	struct http_header h[PASS_HEADERS], one;
	struct http_req *req = r->front->http(r);
	CLEANUP_FREE char *method = str_dup(r->method);
	struct http_call_req call = {.method = method, .path = path, .headers = h};

	p->r = request_ref(r);
	r->work = p;
	r->on_gone = pass_gone;
	r->long_running = true;
	if (!http_req_header(req, "upgrade").len) {
		if (r->front->on_drain)
			r->front->on_drain(r, plain_drain);
		p->call = http_client_request(c, &call, &plain_ops, p);
		return;
	}
	for (size_t i = 0; call.n_headers < PASS_HEADERS && http_req_header_at(req, i, &one); i++)
		if (passes(one.name))
			h[call.n_headers++] = one;
	p->call = http_client_upgrade(c, &call, &upgrade_ops, p);
}

void sub_kubelet(struct request *r)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(r->srv->store);
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf url = BUF_INIT;
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	const struct store_obj *o = server_get(v, r->kind, r->info.ns, r->info.name);
	struct http_client *c = NULL;

	if (fresh_first(r, sub_kubelet) || gate_connect(r, sub_kubelet))
		return;
	if (!o)
		api_err_not_found(&e, r->kind, r->info.name);
	else if (!r->front->http)
		api_err_bad_request(&e, "this request needs an HTTP connection");
	else if (make_path(r, jv_of(o->value), &path, &e) == 0 &&
		 node_url(r, jv_of(o->value), &url, &e) == 0)
		c = kubelet_client_for(r->srv, url.p, &e);
	if (c)
		pass_start(r, c, path.p);
	else
		respond_err(r, &e);
}
