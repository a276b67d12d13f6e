/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/api_priv.h"
#include "agent/pod/pods.h"
#include "lib/http/relay.h"
#include "lib/json/jw.h"
/*
 * /podProxy/SCHEME/IP[:PORT]/path: a request of the API server's for a pod of this node. The master
 * has no route to pods and needs none.
 */
struct proxied {
	struct list node;
	struct http_relay *relay;
	struct http_req *req;
};

static void proxied_free(struct proxied *p)
{
	list_remove(&p->node);
	http_req_unref(p->req);
	free(p);
}

/* As the API server itself would say it: the answer is passed on as it is. */
static void unreachable(struct http_req *r, const char *why)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct jw w = jw_start(&b);

	buf_addf(&text, "error trying to reach service: %s", why);
	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Status"));
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_end_object(&w);
	jw_member_str(&w, "status", STR("Failure"));
	jw_member_str(&w, "message", buf_str(&text));
	jw_member_str(&w, "reason", STR("ServiceUnavailable"));
	jw_member_i64(&w, "code", 503);
	jw_end_object(&w);
	http_reply_text(r, 503, "application/json", buf_str(&b));
}

static void on_end(void *user, enum http_relay_end end, const char *why)
{
	struct proxied *p = user;

	http_req_set_user(p->req, NULL);
	if (end == RELAY_FAILED)
		unreachable(p->req, why);
	proxied_free(p);
}

static const struct http_relay_ops relay_ops = {.on_end = on_end};

static void on_gone(struct http_req *r, int err, void *user)
{
	struct proxied *p = http_req_user(r);

	if (!p)
		return;
	http_req_set_user(r, NULL);
	http_relay_cancel(p->relay);
	proxied_free(p);
}

/* Whether an address is that of a pod here: nothing else is reached by way of the node. */
static bool is_pods(struct node_api *a, struct str ip)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	pods_list_json(a->conf.pods, &b);
	jv_for_each (it, jv_get(jv_of(buf_str(&b)), "items")) {
		if (str_eq(jv_text(jv_path(it.value, "status.podIP")), ip))
			return true;
		jv_for_each (p, jv_path(it.value, "status.podIPs"))
			if (str_eq(jv_text(jv_get(p.value, "ip")), ip))
				return true;
	}
	return false;
}

static struct str host_ip(struct str host)
{
	ssize_t end;

	if (str_starts(host, STR("["))) {
		end = str_chr(host, ']');
		return end < 0 ? STR("") : str_n(host.p + 1, (size_t)end - 1);
	}
	end = str_chr(host, ':');
	return end < 0 ? host : str_n(host.p, (size_t)end);
}

static void start(struct node_api *a, struct http_req *r, struct str body)
{
	struct str rest = str_skip(http_req_path(r), strlen("/podProxy/")), scheme, host;
	CLEANUP(buf_done) struct buf url = BUF_INIT;
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(err_done) struct err e = ERR_INIT;
	const char *urls[1];
	struct http_client_conf conf = {
		.loop = a->conf.loop, .endpoints = urls, .n_endpoints = 1, .wait_timeout_ns = 1};
	struct http_relay_conf relay = {
		.req = r, .take_client = true, .body = body, .ops = &relay_ops};
	struct proxied *p;
	bool tls;

	str_split(&rest, '/', &scheme);
	str_split(&rest, '/', &host);
	tls = str_eqs(scheme, "https");
	if ((!tls && !str_eqs(scheme, "http")) || !is_pods(a, host_ip(host))) {
		api_fail(r, 404, "no pod of this node has that address");
		return;
	}
	buf_addf(&url, "%.*s://%.*s", STR_ARG(scheme), STR_ARG(host));
	urls[0] = url.p;
	if (tls && tls_client_new(&(struct tls_conf){.insecure = true}, &conf.tls, &e) < 0) {
		api_fail(r, 500, err_text(&e));
		return;
	}
	if (http_client_new(&conf, &relay.client, &e) < 0)
		relay.client = NULL;
	if (conf.tls)
		tls_ctx_unref(conf.tls);
	if (!relay.client) {
		api_fail(r, 500, err_text(&e));
		return;
	}
	buf_addc(&path, '/');
	if (rest.p)
		buf_addstr(&path, rest);
	if (http_req_query(r).len)
		buf_addf(&path, "?%.*s", STR_ARG(http_req_query(r)));
	relay.path = path.p;
	p = NEW(struct proxied);
	p->req = http_req_ref(r);
	list_append(&a->proxied, &p->node);
	relay.user = p;
	http_req_set_user(r, p);
	http_req_on_close(r, on_gone, a);
	p->relay = http_relay_start(&relay);
}

static void body_read(struct http_req *r, int err, struct str body, void *user)
{
	if (err == -EFBIG)
		api_fail(r, 413, "the body is too large");
	else if (!err)
		start(user, r, body);
}

void api_pod_proxy(struct node_api *a, struct http_req *r)
{
	if (!http_relay_is_upgrade(r) && http_relay_has_body(r))
		http_req_read_body(r, 0, body_read, a);
	else
		start(a, r, STR_NULL);
}

void api_pod_proxy_abort_all(struct node_api *a)
{
	list_for_each_safe (it, &a->proxied) {
		struct proxied *p = list_entry(it, struct proxied, node);

		http_req_set_user(p->req, NULL);
		http_relay_cancel(p->relay);
		proxied_free(p);
	}
}
