/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/webhook_client.h"
#include "lib/base/cidr.h"
#include "lib/base/codec.h"
#include "lib/http/client.h"
#include "master/apiserver/service_urls.h"

#include <uv.h>

#define SERVERS_MAX 64
#define DEFAULT_PORT 443

struct webhook_client {
	struct apiserver *s;
	struct hmap *servers; /* by name, port and roots */
	struct list calls;
};

/* A server that calls share a connection to. */
struct server {
	char *key;
	struct http_client *http;
	uint64_t used_ns;
	unsigned calls;
};

struct lookup;
struct webhook_call {
	struct webhook_client *c;
	struct list node;
	struct timer later; /* the time limit, or a failure known at once */
	char *host, *path, *shown; /* shown: the URL in messages */
	char *ca_pem, *cert_pem, *key_pem, *token;
	const char *method; /* "POST", "GET" */
	uint16_t port;
	struct buf body, answer;
	int status, early; /* early: why it never began */
	char *why;
	struct lookup *lookup;
	struct server *server;
	struct http_call *call;
	webhook_cb cb;
	void *user;
};

/* Outlives its call when that ends first: libuv may be at it. */
struct lookup {
	uv_getaddrinfo_t req;
	struct webhook_call *call; /* NULL: nobody waits any more */
};

/* ---- targets ---- */

static int parse_service(struct jv svc, struct webhook_target *t, struct err *err)
{
	int64_t port = jv_i64(jv_get(svc, "port"), DEFAULT_PORT);

	t->ns = jv_strdup(jv_get(svc, "namespace"));
	t->name = jv_strdup(jv_get(svc, "name"));
	t->path = jv_strdup(jv_get(svc, "path"));
	if (!t->ns || !t->name || !*t->ns || !*t->name)
		return err_sys(err, EINVAL, "clientConfig.service: needs a namespace and a name");
	if (port < 1 || port > 65535)
		return err_sys(err, EINVAL, "clientConfig.service.port: no port number");
	t->port = (uint16_t)port;
	return 0;
}

int webhook_target_parse(struct jv conf, struct webhook_target *ret, struct err *err)
{
	struct str ca = jv_text(jv_get(conf, "caBundle"));
	int r = 0;

	*ret = (struct webhook_target){.port = DEFAULT_PORT};
	if (ca.len) {
		CLEANUP(buf_done) struct buf pem = BUF_INIT;

		r = base64_decode(ca, &pem);
		if (r < 0)
			return err_sys(err, EINVAL, "clientConfig.caBundle: is no base64");
		ret->ca_pem = buf_take(&pem);
	}
	if (jv_exists(jv_get(conf, "service")))
		r = parse_service(jv_get(conf, "service"), ret, err);
	else
		ret->url = jv_strdup(jv_get(conf, "url"));
	if (r == 0 && !ret->name && !ret->url)
		r = err_sys(err, EINVAL, "clientConfig: needs a url or a service");
	if (r < 0)
		webhook_target_done(ret);
	return r;
}

void webhook_target_done(struct webhook_target *t)
{
	free(t->url);
	free(t->ns);
	free(t->name);
	free(t->path);
	free(t->ca_pem);
	free(t->cert_pem);
	free(t->key_pem);
	free(t->token);
	*t = (struct webhook_target){0};
}

/* ---- the end of a call ---- */

static void drop_server(struct webhook_client *c, struct server *s)
{
	hmap_del(c->servers, str_of(s->key));
	http_client_free(s->http);
	free(s->key);
	free(s);
}

static void finish(struct webhook_call *w, int err, const char *why)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	list_remove(&w->node);
	timers_disarm(w->c->s->timers, &w->later);
	if (w->lookup)
		w->lookup->call = NULL;
	if (w->server)
		w->server->calls--;
	if (err < 0)
		buf_addf(&text, "%s \"%s\": %s", strcmp(w->method, "GET") ? "Post" : "Get",
			 w->shown, why);
	w->cb(w->user, err, w->status, buf_str(&w->answer), text.p);
	free(w->host);
	free(w->path);
	free(w->shown);
	free(w->ca_pem);
	free(w->cert_pem);
	free(w->key_pem);
	free(w->token);
	free(w->why);
	buf_done(&w->body);
	buf_done(&w->answer);
	free(w);
}

static void on_later(struct timer *t)
{
	struct webhook_call *w = container_of(t, struct webhook_call, later);
	int early = w->early;

	if (w->call)
		http_call_cancel(TAKE(w->call));
	finish(w, early ? early : -ETIMEDOUT, early ? w->why : "context deadline exceeded");
}

/* Told from the loop, never from within webhook_post. */
static void fail_soon(struct webhook_call *w, int err, char *take_why)
{
	w->early = err;
	free(w->why);
	w->why = take_why;
	timers_soon(w->c->s->timers, &w->later);
}

static void on_response(struct http_call *call, int status, void *user)
{
	((struct webhook_call *)user)->status = status;
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct webhook_call *w = user;

	if (w->answer.len + data.len > WEBHOOK_ANSWER_MAX) {
		if (!w->early)
			fail_soon(w, -EMSGSIZE, xstrdup("the answer is too large"));
		return;
	}
	buf_addstr(&w->answer, data);
}

static void on_end(struct http_call *call, int err, void *user)
{
	struct webhook_call *w = user;
	CLEANUP_FREE char *why = err < 0 ? xstrdup(http_call_error(call)) : NULL;

	w->call = NULL;
	if (w->early)
		finish(w, w->early, w->why);
	else if (err == -ETIMEDOUT)
		finish(w, err, "context deadline exceeded");
	else
		finish(w, err, why);
}

static const struct http_call_ops call_ops = {on_response, on_data, on_end};

/* ---- servers ---- */

/* One of the servers nobody waits for makes room, the one longest not used. */
static void make_room(struct webhook_client *c)
{
	struct server *oldest = NULL;

	if (hmap_len(c->servers) < SERVERS_MAX)
		return;
	hmap_for_each (it, c->servers) {
		struct server *s = it->value;

		if (!s->calls && (!oldest || s->used_ns < oldest->used_ns))
			oldest = s;
	}
	if (oldest)
		drop_server(c, oldest);
}

/* Calls share a connection that agree in whom they trust, and in whom they show themselves as. */
static char *server_key(const struct webhook_call *w)
{
	CLEANUP_FREE char *at = host_port_join(w->host, w->port);

	return xasprintf("%s\n%s\n%s", at, w->ca_pem ? w->ca_pem : "",
			 w->cert_pem ? w->cert_pem : "");
}

static int connect_to(struct webhook_call *w, const char *const *urls, size_t n,
		      struct server **ret, struct err *err)
{
	struct webhook_client *c = w->c;
	struct tls_conf tc = {.ca_pem = str_of(w->ca_pem),
			      .cert_pem = str_of(w->cert_pem),
			      .key_pem = str_of(w->key_pem),
			      .server_name = w->host};
	struct http_client_conf hc = {.loop = c->s->conf.loop,
				      .endpoints = urls,
				      .n_endpoints = n,
				      .user_agent = "knarr-master",
				      .wait_timeout_ns = 1};
	struct server *s;
	int r;

	r = tls_client_new(&tc, &hc.tls, err);
	if (r < 0)
		return r;
	make_room(c);
	s = NEW(struct server);
	r = http_client_new(&hc, &s->http, err);
	tls_ctx_unref(hc.tls);
	if (r < 0) {
		free(s);
		return r;
	}
	s->key = server_key(w);
	hmap_put(c->servers, str_of(s->key), s);
	*ret = s;
	return 0;
}

static void send_to(struct webhook_call *w, const char *const *urls, size_t n)
{
	CLEANUP_FREE char *key = server_key(w);
	struct http_header headers[] = {
		HTTP_HEADER("content-type", STR("application/json")),
		HTTP_HEADER("authorization", w->token ? str_of(w->token) : STR_NULL)};
	bool get = !strcmp(w->method, "GET");
	struct http_call_req req = {.method = w->method,
				    .path = w->path,
				    .headers = headers,
				    .n_headers = get        ? 0
						 : w->token ? 2
							    : 1,
				    .body = get ? STR_NULL : buf_str(&w->body)};
	struct server *s = hmap_get(w->c->servers, str_of(key));
	CLEANUP(err_done) struct err err = ERR_INIT;
	int r = 0;

	if (s)
		r = http_client_set_endpoints(s->http, urls, n, &err);
	else
		r = connect_to(w, urls, n, &s, &err);
	if (r < 0) {
		fail_soon(w, r, xstrdup(err_text(&err)));
		return;
	}
	s->used_ns = timers_now_ns(w->c->s->timers);
	s->calls++;
	w->server = s;
	w->call = http_client_request(s->http, &req, &call_ops, w);
}

/* ---- a name outside ---- */

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct lookup *l = container_of(req, struct lookup, req);
	struct webhook_call *w = l->call;
	char *urls[SERVICE_URLS_MAX];
	size_t n = 0;

	if (w) {
		w->lookup = NULL;
		for (struct addrinfo *a = found; status == 0 && a && n < SERVICE_URLS_MAX;
		     a = a->ai_next) {
			char text[INET6_ADDRSTRLEN] = "";

			getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0,
				    NI_NUMERICHOST);
			if (*text)
				urls[n++] = service_url(text, w->port);
		}
		if (n)
			send_to(w, (const char *const *)urls, n);
		else
			fail_soon(w, -ENOENT,
				  xasprintf("dial tcp: lookup %s: no such host", w->host));
		for (size_t i = 0; i < n; i++)
			free(urls[i]);
	}
	uv_freeaddrinfo(found);
	free(l);
}

static void find_host(struct webhook_call *w)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct lookup *l;
	struct ip ip;

	if (ip_parse(str_of(w->host), &ip)) {
		CLEANUP_FREE char *url = service_url(w->host, w->port);

		send_to(w, (const char *const *)&url, 1);
		return;
	}
	l = NEW(struct lookup);
	l->call = w;
	w->lookup = l;
	if (uv_getaddrinfo(w->c->s->conf.loop, &l->req, on_lookup, w->host, NULL, &hints) < 0) {
		w->lookup = NULL;
		free(l);
		fail_soon(w, -EIO, xasprintf("dial tcp: lookup %s: failed", w->host));
	}
}

/* "https://host[:port]/path": host and port are taken out, the path is what follows. */
static int split_url(struct webhook_call *w, struct str url)
{
	struct str rest = url, host, number;
	uint64_t port = DEFAULT_PORT;
	ssize_t at;

	if (!str_starts(rest, STR("https://")))
		return -EINVAL;
	rest = str_skip(rest, strlen("https://"));
	at = str_chr(rest, '/');
	host = at < 0 ? rest : str_n(rest.p, (size_t)at);
	rest = at < 0 ? STR("/") : str_skip(rest, (size_t)at);
	if (!host_port_split(host, &host, &number) || (number.p && str_to_u64(number, &port) < 0) ||
	    !port)
		return -EINVAL;
	w->host = str_dup(host);
	w->port = (uint16_t)port;
	w->path = str_dup(rest);
	return 0;
}

/* ---- a Service ---- */

static void find_service(struct webhook_call *w, const struct webhook_target *t)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(w->c->s->store);
	char *urls[SERVICE_URLS_MAX];
	struct str port_name;
	size_t n = 0;

	switch (service_urls(v, str_of(t->ns), str_of(t->name), t->port, urls, &n, &port_name)) {
	case SERVICE_FINE:
		send_to(w, (const char *const *)urls, n);
		break;
	case SERVICE_EXTERNAL:
		free(w->host);
		w->host = xstrdup(n ? urls[0] : "");
		find_host(w);
		break;
	case SERVICE_NOT_FOUND:
		fail_soon(w, -ENOENT, xasprintf("service \"%s\" not found", t->name));
		break;
	case SERVICE_NO_PORT:
		fail_soon(
			w, -ENOENT,
			xasprintf("no service port %u found for service \"%s\"", t->port, t->name));
		break;
	case SERVICE_NO_ENDPOINTS:
	case SERVICE_NOT_READY:
		fail_soon(w, -ECONNREFUSED,
			  xasprintf("no endpoints available for service \"%s\"", t->name));
		break;
	}
	for (size_t i = 0; i < n; i++)
		free(urls[i]);
}

/* ---- the client ---- */

static struct webhook_call *call_new(struct webhook_client *c, const char *method,
				     const char *ca_pem, unsigned timeout_s, webhook_cb cb,
				     void *user)
{
	struct webhook_call *w = NEW(struct webhook_call);

	*w = (struct webhook_call){.c = c,
				   .cb = cb,
				   .user = user,
				   .method = method,
				   .body = BUF_INIT,
				   .answer = BUF_INIT,
				   .ca_pem = ca_pem ? xstrdup(ca_pem) : NULL};
	w->later.fire = on_later;
	list_append(&c->calls, &w->node);
	timers_arm_in(c->s->timers, &w->later, timeout_s * NSEC_PER_SEC);
	return w;
}

static void begin_url(struct webhook_call *w, const char *url, int split)
{
	CLEANUP_FREE char *at = host_port_join(w->host ? w->host : "", w->port);

	w->shown = xasprintf("https://%s%s", at, w->path ? w->path : "");
	if (split < 0)
		fail_soon(w, split, xasprintf("\"%s\" is no https URL", url));
	else
		find_host(w);
}

void webhook_get(struct webhook_client *c, const char *url, const char *ca_pem, unsigned timeout_s,
		 webhook_cb cb, void *user)
{
	struct webhook_call *w = call_new(c, "GET", ca_pem, timeout_s, cb, user);

	begin_url(w, url, split_url(w, str_of(url)));
}

void webhook_post(struct webhook_client *c, const struct webhook_target *t, unsigned timeout_s,
		  struct str body, webhook_cb cb, void *user)
{
	struct webhook_call *w = call_new(c, "POST", t->ca_pem, timeout_s, cb, user);
	CLEANUP_FREE char *path = NULL;
	int r = 0;

	w->cert_pem = t->cert_pem ? xstrdup(t->cert_pem) : NULL;
	w->key_pem = t->key_pem ? xstrdup(t->key_pem) : NULL;
	w->token = t->token ? xasprintf("Bearer %s", t->token) : NULL;
	buf_addstr(&w->body, body);
	if (t->url) {
		r = split_url(w, str_of(t->url));
	} else {
		w->host = xasprintf("%s.%s.svc", t->name, t->ns);
		w->port = t->port;
		w->path = xstrdup(t->path && *t->path ? t->path : "/");
	}
	path = w->path;
	w->path = xasprintf("%s%ctimeout=%us", path ? path : "/",
			    path && strchr(path, '?') ? '&' : '?', timeout_s);
	if (t->url) {
		begin_url(w, t->url, r);
		return;
	}
	w->shown = xasprintf("https://%s:%u%s", w->host, w->port, w->path);
	find_service(w, t);
}

struct webhook_client *webhook_client_new(struct apiserver *s)
{
	struct webhook_client *c = NEW(struct webhook_client);

	c->s = s;
	c->servers = hmap_new();
	list_init(&c->calls);
	return c;
}

struct webhook_client *webhook_client_free(struct webhook_client *c)
{
	if (!c)
		return NULL;
	while (!list_empty(&c->calls)) {
		struct webhook_call *w = list_entry(c->calls.next, struct webhook_call, node);

		if (w->call)
			http_call_cancel(TAKE(w->call));
		finish(w, -ECANCELED, "the server is stopping");
	}
	hmap_for_each (it, c->servers) {
		struct server *s = it->value;

		http_client_free(s->http);
		free(s->key);
		free(s);
	}
	hmap_free(c->servers);
	free(c);
	return NULL;
}
