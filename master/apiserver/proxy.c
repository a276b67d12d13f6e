/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/relay.h"
#include "lib/base/cidr.h"
#include "master/apiserver/service_urls.h"
#include "master/apiserver/kubelet.h"
#include "master/apiserver/flow.h"
#include "master/apiserver/proxy_html.h"
#include "master/apiserver/gate.h"
#include "master/apiserver/verbs.h"

/*
 * .../proxy of pods, services and nodes: the request made again to them, whatever its method.
 *
 * Names are "[scheme:]name[:port]". A pod (or a Service's endpoint) on a node of ours is asked
 * through that node's API (/podProxy/...), so that a master needs no route to pods; on others it
 * is asked straight. Nodes are asked on their node API, on another port straight.
 */

struct proxy_target {
	struct str scheme, name, port; /* of the path */
	struct buf host; /* "10.0.0.1:80", whom the page's links may name */
	struct buf url; /* of the client */
	struct buf path; /* in front of what the client asked for */
	bool tls_node; /* the node API, with our own certificate */
};

static void target_done(struct proxy_target *t)
{
	buf_done(&t->host);
	buf_done(&t->url);
	buf_done(&t->path);
}

/* "name", "name:port", "scheme:name:port" (pkg/util utilnet SplitSchemeNamePort). */
static int split_name(struct str id, struct proxy_target *t)
{
	struct str part[3];
	size_t n = 0;
	bool bad;

	while (n < 3 && id.p && str_split(&id, ':', &part[n]))
		n++;
	bad = !n || (id.p && id.len);
	t->scheme = STR("http");
	t->port = STR("");
	t->name = n ? part[0] : STR("");
	if (n == 2) {
		t->port = part[1];
		bad |= !t->port.len;
	} else if (n == 3) {
		t->scheme = part[0].len ? part[0] : STR("http");
		t->name = part[1];
		t->port = part[2];
		bad |= !str_eqs(t->scheme, "http") && !str_eqs(t->scheme, "https");
	}
	return bad || !t->name.len ? -EINVAL : 0;
}

/* Neither loopback nor link-local, multicast, unspecified: nobody's business but the master's. */
static bool is_global(struct str text)
{
	struct ip ip;

	if (!ip_parse(text, &ip))
		return false; /* it has none yet */
	if (ip.v6)
		return ip.n > 1 && ip.n >> 120 != 0xff && ip.n >> 118 != 0xfe80 >> 6;
	return ip.n >> 24 && ip.n >> 24 != 127 && ip.n >> 24 < 224 && ip.n >> 16 != 0xa9fe;
}

/* Where a pod's address is reached: by its node, or straight. */
static int reach(struct request *r, struct proxy_target *t, struct str ip, struct str port,
		 struct str node, struct err *err)
{
	bool v6 = str_chr(ip, ':') >= 0;

	if (!is_global(ip))
		return api_err_bad_request(err, "address not allowed");
	buf_addf(&t->host, v6 ? "[%.*s]" : "%.*s", STR_ARG(ip));
	if (port.len)
		buf_addf(&t->host, ":%.*s", STR_ARG(port));
	if (kubelet_is_ours(r->srv, node) && kubelet_node_url(r->srv, node, &t->url, NULL) == 0) {
		t->tls_node = true;
		buf_addf(&t->path, "/podProxy/%.*s/%s", STR_ARG(t->scheme), t->host.p);
		return 0;
	}
	buf_addf(&t->url, "%.*s://%s", STR_ARG(t->scheme), t->host.p);
	return 0;
}

static int find_pod(struct request *r, const struct store_view *v, struct proxy_target *t,
		    struct err *err)
{
	const struct store_obj *o = server_get(v, r->kind, r->info.ns, t->name);
	char text[24];
	struct jv pod;

	if (!o)
		return api_err_not_found(err, r->kind, t->name);
	pod = jv_of(o->value);
	if (!t->port.len)
		jv_for_each (c, jv_path(pod, "spec.containers"))
			jv_for_each (p, jv_get(c.value, "ports")) {
				if (t->port.len)
					break;
				snprintf(text, sizeof(text), "%" PRId64,
					 jv_i64(jv_get(p.value, "containerPort"), 0));
				t->port = str_of(text);
			}
	return reach(r, t, jv_text(jv_path(pod, "status.podIP")), t->port,
		     jv_text(jv_path(pod, "spec.nodeName")), err);
}

/* ---- services ---- */

static int unavailable(struct err *err, const char *fmt, struct str what, struct str name)
{
	CLEANUP_FREE char *w = str_dup(what), *n = str_dup(name);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	err_set(err, EBUSY, "ServiceUnavailable", fmt, n, w);
#pragma GCC diagnostic pop
	err->http_code = 503;
	return -EBUSY;
}

/* A port's number becomes its name; "" is the unnamed one. */
static int port_name(struct jv svc, struct proxy_target *t, struct err *err)
{
	int64_t number;

	if (!t->port.len || str_to_i64(t->port, &number) < 0)
		return 0;
	if (service_port_name(svc, number, &t->port))
		return 0;
	err_set(err, EBUSY, "ServiceUnavailable",
		"no service port %" PRId64 " found for service "
		"\"%.*s\"",
		number, STR_ARG(t->name));
	err->http_code = 503;
	return -EBUSY;
}

struct choice {
	struct str ip, node;
	int64_t port;
	unsigned seen;
};

/* Any of the ready endpoints, all alike (the nth replaces the choice with 1/n). */
static void choose(void *user, struct str address, struct str node, uint16_t port)
{
	struct choice *c = user;

	if (rng_below(&rng_system, ++c->seen))
		return;
	c->ip = address;
	c->node = node;
	c->port = port;
}

static int find_service(struct request *r, const struct store_view *v, struct proxy_target *t,
			struct err *err)
{
	const struct store_obj *o = server_get(v, r->kind, r->info.ns, t->name);
	struct choice c = {.port = 0};
	char text[24];
	int e;

	if (!o)
		return api_err_not_found(err, r->kind, t->name);
	e = port_name(jv_of(o->value), t, err);
	if (e < 0)
		return e;
	service_endpoints(v, r->info.ns, t->name, t->port, choose, &c);
	if (!c.port)
		return unavailable(err, "no endpoints available for service \"%s\"%.0s", STR(""),
				   t->name);
	snprintf(text, sizeof(text), "%" PRId64, c.port);
	return reach(r, t, c.ip, str_of(text), c.node, err);
}

/* ---- nodes ---- */

static int find_node(struct request *r, const struct store_view *v, struct proxy_target *t,
		     struct err *err)
{
	struct str host;
	ssize_t colon;

	if (!server_get(v, r->kind, STR(""), t->name))
		return api_err_not_found(err, r->kind, t->name);
	if (kubelet_node_url(r->srv, t->name, &t->url, err) < 0)
		return -EBUSY;
	host = str_skip(buf_str(&t->url), 8); /* https:// */
	buf_addstr(&t->host, host);
	colon = str_rchr(host, ':');
	if (!t->port.len || str_eq(t->port, str_skip(host, (size_t)colon + 1))) {
		t->tls_node = true;
		return 0;
	}
	buf_setlen(&t->host, (size_t)colon);
	buf_addf(&t->host, ":%.*s", STR_ARG(t->port));
	buf_clear(&t->url);
	buf_addf(&t->url, "%.*s://%s", STR_ARG(t->scheme), t->host.p);
	return 0;
}

static int find_target(struct request *r, struct proxy_target *t, struct err *err)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(r->srv->store);

	if (split_name(r->info.name, t) < 0)
		return api_err_bad_request(err, "invalid %s request \"%.*s\"", r->kind->singular,
					   STR_ARG(r->info.name));
	if (!strcmp(r->kind->plural, "pods"))
		return find_pod(r, v, t, err);
	if (!strcmp(r->kind->plural, "services"))
		return find_service(r, v, t, err);
	return find_node(r, v, t, err);
}

/* ---- the exchange ---- */

struct proxy {
	struct request *r;
	struct http_relay *relay;
	char *prefix, *host;
};

static void proxy_free(struct proxy *p)
{
	p->r->work = NULL;
	p->r->on_gone = NULL;
	request_unref(p->r);
	free(p->prefix);
	free(p->host);
	free(p);
}

static void proxy_gone(struct request *r)
{
	struct proxy *p = r->work;

	http_relay_cancel(p->relay);
	proxy_free(p);
}

static void on_headers(void *user, int status)
{
	struct request *r = ((struct proxy *)user)->r;

	r->answered = r->streaming = true;
	r->status = status;
}

static void edit(void *user, const struct http_header *h, struct buf *out)
{
	struct proxy *p = user;

	if (str_eq_nocase(h->name, STR("location")))
		proxy_rewrite_url(h->value, str_of(p->prefix), str_of(p->host), out);
}

static void edit_html(void *user, struct str body, struct buf *out)
{
	struct proxy *p = user;

	proxy_rewrite_html(body, str_of(p->prefix), str_of(p->host), out);
}

static void on_end(void *user, enum http_relay_end end, const char *why)
{
	struct proxy *p = user;
	struct request *r = p->r;

	p->relay = NULL;
	switch (end) {
	case RELAY_UPGRADED:
		r->answered = true;
		r->status = 101;
		proxy_free(p); /* the front's reference is left */
		request_taken(r);
		break;
	case RELAY_FAILED: {
		CLEANUP(err_done) struct err e = ERR_INIT;

		err_set(&e, EIO, "ServiceUnavailable", "error trying to reach service: %s", why);
		e.http_code = 503;
		r->long_running = false;
		respond_err(r, &e);
		proxy_free(p);
		break;
	}
	case RELAY_ANSWERED:
	case RELAY_REDIRECTED: /* passed on here */
		proxy_free(p); /* request_gone follows from the loop */
		break;
	}
}

static const struct http_relay_ops relay_ops = {on_headers, edit, edit_html, on_end};

/* What stands behind ".../proxy" in the path as it was sent. */
static struct str raw_tail(const struct request *r)
{
	size_t skip = api_kind_namespaced(r->kind) ? 7 : 5;
	struct str path = r->path;

	for (size_t i = 0; i < path.len; i++)
		if (path.p[i] == '/' && skip-- == 0)
			return str_skip(path, i);
	return STR("");
}

/* Without anything behind ".../proxy" relative links would lead astray. */
static void redirect_to_slash(struct request *r)
{
	CLEANUP(buf_done) struct buf to = BUF_INIT;
	struct http_header h[1];

	buf_addstr(&to, r->path);
	buf_addc(&to, '/');
	if (r->query_text.len)
		buf_addf(&to, "?%.*s", STR_ARG(r->query_text));
	h[0] = HTTP_HEADER("Location", buf_str(&to));
	r->answered = true;
	r->status = 301;
	r->front->reply(r, 301, h, 1, NULL, 0);
}

static void begin(struct request *r, const struct proxy_target *t, struct str tail)
{
	struct http_req *req = r->front->http(r);
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct http_header more[] = {
		HTTP_HEADER("X-Forwarded-Uri", r->path),
		HTTP_HEADER("X-Forwarded-Host", http_req_header(req, "host")),
		HTTP_HEADER("X-Forwarded-Proto", STR("https")),
	};
	struct http_relay_conf conf = {.req = req,
				       .body = r->body,
				       .headers = more,
				       .n_headers = ARRAY_SIZE(more),
				       .ops = &relay_ops};
	struct proxy *p;

	conf.client = t->tls_node ? kubelet_client_for(r->srv, t->url.p, &e)
				  : proxy_client_new(r->srv, t->url.p, &e);
	if (!conf.client) {
		respond_err(r, &e);
		return;
	}
	conf.take_client = !t->tls_node;
	buf_addstr(&path, buf_str(&t->path));
	buf_addstr(&path, tail);
	if (r->query_text.len)
		buf_addf(&path, "?%.*s", STR_ARG(r->query_text));
	conf.path = path.p;
	p = NEW(struct proxy);
	p->r = request_ref(r);
	p->prefix = xstrndup(r->path.p, r->path.len - tail.len);
	p->host = xstrdup(t->host.p);
	conf.user = p;
	r->work = p;
	r->on_gone = proxy_gone;
	r->long_running = true;
	flow_release(r);
	p->relay = http_relay_start(&conf);
}

void sub_proxy(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(target_done)
	struct proxy_target t = {.host = BUF_INIT, .url = BUF_INIT, .path = BUF_INIT};
	struct str tail = raw_tail(r);

	if (!r->front->http) {
		api_err_bad_request(&e, "this request needs an HTTP connection");
		respond_err(r, &e);
	} else if (!r->body.p && !http_relay_is_upgrade(r->front->http(r)) &&
		   http_relay_has_body(r->front->http(r))) {
		r->front->read_body(r, 0); /* comes back here */
	} else if (gate_connect(r, sub_proxy)) {
		; /* comes back here */
	} else if (!tail.len) {
		redirect_to_slash(r);
	} else if (find_target(r, &t, &e) < 0) {
		respond_err(r, &e);
	} else {
		begin(r, &t, tail);
	}
}
