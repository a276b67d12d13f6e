/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/client_conn.h"
#include "lib/base/cidr.h"
#include "lib/base/clock.h"

#define CONNS_MAX 64 /* HTTP/1.1 connections at a time, upgrades included */
#define REFUSAL_MAX 65536
#define MOVE_MS 5000
#define SUSPECT_MS 300 /* a ping without an answer: others are asked beside it */

static void on_timer(uv_timer_t *t);

static uint64_t now_ms(const struct http_client *c)
{
	return uv_now(c->conf.loop);
}

/* ---- endpoints ---- */

void endpoint_done(struct endpoint *e)
{
	free(e->host);
	free(e->authority);
	free(e->found);
	*e = (struct endpoint){0};
}

static int endpoint_parse(struct str url, struct endpoint *ret, struct err *err)
{
	struct str rest = url, host, port;
	uint64_t n;
	ssize_t at;

	*ret = (struct endpoint){0};
	ret->is_tls = str_starts(url, STR("https://"));
	if (!ret->is_tls && !str_starts(url, STR("http://")))
		return err_sys(err, EINVAL, "\"%.*s\" begins neither with https:// nor http://",
			       STR_ARG(url));
	rest = str_skip(rest, ret->is_tls ? 8 : 7);
	at = str_chr(rest, '/');
	if (at >= 0)
		rest.len = (size_t)at;
	host = rest;
	n = ret->is_tls ? 443 : 80;
	if (!host_port_split(rest, &host, &port) || (port.p && str_to_u64(port, &n) < 0) || !n)
		return err_sys(err, EINVAL, "\"%.*s\" has no valid host and port", STR_ARG(url));
	ret->host = str_dup(host);
	ret->authority = str_dup(rest);
	ret->port = (uint16_t)n;
	return 0;
}

void endpoints_free(struct endpoint *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		endpoint_done(&v[i]);
	free(v);
}

int http_client_set_endpoints(struct http_client *c, const char *const *urls, size_t n,
			      struct err *err)
{
	struct endpoint *v = xcalloc(n ? n : 1, sizeof(*v));
	int r = n ? 0 : err_sys(err, EINVAL, "no endpoint");

	for (size_t i = 0; i < n && r == 0; i++) {
		r = endpoint_parse(str_of(urls[i]), &v[i], err);
		if (r == 0 && v[i].is_tls && !c->conf.tls)
			r = err_sys(err, EINVAL, "%s needs TLS settings", urls[i]);
	}
	if (r < 0) {
		endpoints_free(v, n);
		return r;
	}
	client_given(c, v, n);
	c->at = 0;
	if (c->h2)
		client_at(c, &c->h2->ep); /* when it goes away, its successor is next */
	return 0;
}

/* ---- calls ---- */

static void call_free(struct http_call *call)
{
	list_remove(&call->all);
	list_remove(&call->link);
	free(call->method);
	free(call->path);
	fields_done(&call->req);
	fields_done(&call->resp);
	buf_done(&call->body);
	buf_done(&call->refusal);
	free(call);
}

static void call_detach(struct http_call *call)
{
	if (call->cc && call->cc->call == call)
		call->cc->call = NULL;
	call->cc = NULL;
	list_remove(&call->link);
}

void call_end(struct http_call *call, int err, const char *text)
{
	struct http_client *c = call->client;

	call_detach(call);
	list_remove(&call->all);
	str_copy(call->error, sizeof(call->error), str_of(text ? text : err ? strerror(-err) : ""));
	if (call->upgrade)
		call->upgrade->on_done(call, err, err ? 0 : call->status, buf_str(&call->refusal),
				       NULL, call->user);
	else if (call->ops->on_end)
		call->ops->on_end(call, err, call->user);
	call_free(call);
	if (!c->freed)
		client_work(c);
}

void call_upgraded(struct http_call *call, struct http_stream *s)
{
	call_detach(call);
	list_remove(&call->all);
	call->upgrade->on_done(call, 0, 101, STR_NULL, s, call->user);
	call_free(call);
}

void call_requeue(struct http_call *call)
{
	call_detach(call);
	fields_done(&call->resp);
	call->sent = 0;
	call->begun = false;
	call->stream_id = 0;
	list_append(&call->client->waiting, &call->link);
	client_work(call->client);
}

void call_attach(struct http_call *call, struct cconn *cc)
{
	list_remove(&call->link);
	list_append(&cc->calls, &call->link);
	call->cc = cc;
}

void call_data(struct http_call *call, struct str data)
{
	if (call->upgrade) {
		data.len = MIN(data.len, REFUSAL_MAX - call->refusal.len);
		buf_addstr(&call->refusal, data);
	} else if (call->ops->on_data && data.len) {
		call->ops->on_data(call, data, call->user);
	}
}

void call_fields(struct http_call *call, bool is_h2,
		 void (*add)(struct str name, struct str value, void *user), void *user)
{
	struct http_client *c = call->client;
	struct http_header h;
	size_t pos = 0;

	if (!is_h2)
		add(STR("host"), str_of(call->cc->ep.authority), user);
	if (str_is_null(fields_get(&call->req, STR("user-agent"))))
		add(STR("user-agent"), str_of(c->user_agent), user);
	if (c->token && str_is_null(fields_get(&call->req, STR("authorization"))))
		add(STR("authorization"), str_of(c->token), user);
	while (fields_next(&call->req, &pos, &h))
		if (!is_h2 || (!str_eqs(h.name, "connection") && !str_eqs(h.name, "upgrade") &&
			       !str_eqs(h.name, "transfer-encoding") && !str_eqs(h.name, "host")))
			add(h.name, h.value, user);
}

/*
 * A target as it may stand in a request line: callers put names from elsewhere into it, and a blank
 * or a line break would end it there.
 */
static char *safe_path(const char *path)
{
	struct buf b = BUF_INIT;

	for (; *path; path++)
		if (*path > ' ' && *path < 0x7f)
			buf_addc(&b, *path);
		else
			buf_addf(&b, "%%%02X", (unsigned char)*path);
	return buf_take(&b);
}

/* The name is a token (RFC 9110, 5.6.2), and neither part begins a line of its own. */
static bool field_ok(const struct http_header *h)
{
	for (size_t i = 0; i < h->name.len; i++)
		if (h->name.p[i] <= ' ' || h->name.p[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", h->name.p[i]))
			return false;
	for (size_t i = 0; i < h->value.len; i++)
		if (h->value.p[i] == '\r' || h->value.p[i] == '\n' || !h->value.p[i])
			return false;
	return h->name.len;
}

static struct http_call *call_new(struct http_client *c, const struct http_call_req *req,
				  void *user)
{
	struct http_call *call = NEW(struct http_call);

	call->client = c;
	call->user = user;
	call->method = xstrdup(req->method);
	call->path = safe_path(req->path);
	call->is_head = !strcmp(req->method, "HEAD");
	fields_init(&call->req);
	fields_init(&call->resp);
	buf_init(&call->body);
	buf_init(&call->refusal);
	for (size_t i = 0; i < req->n_headers; i++)
		if (!field_ok(&req->headers[i]))
			call->bad = true;
		else if (!str_eq_nocase(req->headers[i].name, STR("content-length")))
			fields_add(&call->req, req->headers[i].name, req->headers[i].value);
	call->has_body = !str_is_null(req->body);
	buf_addstr(&call->body, req->body);
	call->wait_until_ms = now_ms(c) + c->conf.wait_timeout_ns / NSEC_PER_MSEC;
	if (req->timeout_ns)
		call->deadline_ms = now_ms(c) + MAX(req->timeout_ns / NSEC_PER_MSEC, (uint64_t)1);
	list_append(&c->calls, &call->all);
	list_append(&c->waiting, &call->link);
	client_work(c);
	return call;
}

struct http_call *http_client_request(struct http_client *c, const struct http_call_req *req,
				      const struct http_call_ops *ops, void *user)
{
	struct http_call *call = call_new(c, req, user);

	call->ops = ops;
	return call;
}

struct http_call *http_client_upgrade(struct http_client *c, const struct http_call_req *req,
				      const struct http_upgrade_ops *ops, void *user)
{
	struct http_call *call = call_new(c, req, user);

	call->upgrade = ops;
	return call;
}

/* Take the call off its connection without telling the user. */
static void call_drop(struct http_call *call)
{
	struct cconn *cc = call->cc;

	if (!cc)
		return;
	if (cc->is_h2)
		client_h2_cancel(cc, call);
	call_detach(call);
	if (!cc->is_h2)
		conn_close(cc->conn, -ECANCELED);
}

void http_call_cancel(struct http_call *call)
{
	call_drop(call);
	call_free(call);
}

struct str http_call_header(const struct http_call *call, const char *name)
{
	char lower[64];
	size_t len = strlen(name);

	if (len >= sizeof(lower))
		return STR_NULL;
	for (size_t i = 0; i < len; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	return fields_get(&call->resp, str_n(lower, len));
}

bool http_call_header_at(const struct http_call *call, size_t i, struct http_header *ret)
{
	return fields_at(&call->resp, i, ret);
}

bool http_call_begun(const struct http_call *call)
{
	return call->begun;
}

const char *http_call_error(const struct http_call *call)
{
	return call->error;
}

void http_call_pause(struct http_call *call, bool pause)
{
	call->paused = pause;
	if (!call->cc)
		return;
	if (!call->cc->is_h2)
		conn_pause(call->cc->conn, pause);
	else if (!pause)
		client_h2_resume(call->cc, call);
}

void client_unref(struct http_client *c)
{
	if (--c->refs)
		return;
	endpoints_free(c->given, c->n_given);
	endpoints_free(c->endpoints, c->n_endpoints);
	tls_ctx_unref(c->conf.tls);
	free(c->token);
	free(c->user_agent);
	free(c);
}

/* ---- what runs where ---- */

static struct cconn *idle_h1(struct http_client *c, size_t *ret_n)
{
	struct cconn *found = NULL;

	*ret_n = 0;
	list_for_each (it, &c->conns) {
		struct cconn *cc = list_entry(it, struct cconn, link);

		*ret_n += !cc->is_h2;
		if (cc->ready && !cc->is_h2 && !cc->call && !conn_is_closing(cc->conn))
			found = cc;
	}
	return found;
}

/* On a connection of its own, kept or new. False: none to be had now. */
static bool start_h1(struct http_client *c, struct http_call *call)
{
	size_t n;
	struct cconn *cc = idle_h1(c, &n);

	if (!cc && (n >= CONNS_MAX || now_ms(c) < c->retry_at_ms || !client_resolve(c)))
		return false;
	if (!cc)
		cc = client_connect_to(c, &c->endpoints[c->at], true);
	if (!cc)
		return false;
	call_attach(call, cc);
	cc->call = call;
	if (cc->ready) {
		call->begun = true;
		client_h1_begin(cc, call);
	}
	return true;
}

/* When something was last heard of it, or it was asked for a word. */
static uint64_t silent_since_ms(const struct cconn *cc)
{
	return MAX(cc->heard_ms, cc->pinged_ms);
}

/* Silent for so long that another endpoint, if it answers, is the better one. */
static bool suspect(const struct http_client *c)
{
	return c->n_endpoints > 1 && c->h2->pinged_ms &&
	       now_ms(c) >= silent_since_ms(c->h2) + SUSPECT_MS;
}

static bool start_call(struct http_client *c, struct http_call *call)
{
	if (call->bad) {
		call_end(call, -EINVAL, "a header field has characters that none may have");
		return true;
	}
	if (call->upgrade || (c->is_h1 && !c->h2))
		return start_h1(c, call);
	if (c->h2 && !suspect(c)) {
		if (client_h2_full(c->h2))
			return false;
		call_attach(call, c->h2);
		call->begun = true;
		if (client_h2_begin(c->h2, call) == 0)
			return true;
		c->h2->draining = true;
		c->h2 = NULL;
		call_requeue(call);
		return false;
	}
	client_connect(c);
	return false;
}

/* When check_ping has something to do. */
static uint64_t next_ping_ms(const struct http_client *c)
{
	uint64_t since = silent_since_ms(c->h2);
	uint64_t end = since + c->conf.ping_timeout_ns / NSEC_PER_MSEC;

	if (!c->h2->pinged_ms)
		return since + c->conf.ping_idle_ns / NSEC_PER_MSEC;
	if (c->n_endpoints < 2)
		return end;
	if (!suspect(c))
		return MIN(end, since + SUSPECT_MS);
	return c->attempts || c->retry_at_ms <= now_ms(c) ? end : MIN(end, c->retry_at_ms);
}

static void arm(struct http_client *c)
{
	uint64_t at = UINT64_MAX, now = now_ms(c);

	list_for_each (it, &c->calls) {
		const struct http_call *call = list_entry(it, struct http_call, all);

		if (call->deadline_ms)
			at = MIN(at, call->deadline_ms);
	}
	if (!list_empty(&c->waiting) && c->retry_at_ms > now)
		at = MIN(at, c->retry_at_ms);
	if (c->attempts && c->tried < c->n_endpoints)
		at = MIN(at, c->beside_at_ms);
	if (c->h2 && !list_empty(&c->h2->calls) && !conn_is_closing(c->h2->conn))
		at = MIN(at, next_ping_ms(c));
	if (at == UINT64_MAX)
		uv_timer_stop(&c->timer);
	else
		/* Never 0: libuv would run it again and again before it looks at anything else. */
		uv_timer_start(&c->timer, on_timer, at > now ? at - now : 1, 0);
}

/* connect_failed may end calls, so the list is walked from its head again after each change. */
void client_work_now(struct http_client *c)
{
	size_t left = 0;
	struct list *l;

	if (c->freed)
		return;
	list_for_each (it, &c->waiting)
		left++;
	while (left-- && !list_empty(&c->waiting)) {
		struct http_call *call = list_first(&c->waiting, struct http_call, link);

		/* To the tail first: whatever start_call does, the next turn sees the next one. */
		l = &call->link;
		list_remove(l);
		list_append(&c->waiting, l);
		start_call(c, call);
		if (c->freed)
			return;
	}
	list_for_each_safe (it, &c->conns) {
		struct cconn *cc = list_entry(it, struct cconn, link);

		if (cc->session && !conn_is_closing(cc->conn))
			client_h2_flush(cc);
		if (c->freed)
			return;
	}
	arm(c);
}

static void on_idle(uv_idle_t *h)
{
	uv_idle_stop(h);
	client_work_now(h->data);
}

void client_work(struct http_client *c)
{
	if (!c->freed)
		uv_idle_start(&c->idle, on_idle);
}

static void check_ping(struct http_client *c)
{
	struct cconn *cc = c->h2;
	uint64_t now = now_ms(c);

	if (!cc || list_empty(&cc->calls) || conn_is_closing(cc->conn))
		return;
	if (!cc->pinged_ms && now >= cc->heard_ms + c->conf.ping_idle_ns / NSEC_PER_MSEC) {
		cc->pinged_ms = now;
		client_h2_ping(cc);
	} else if (cc->pinged_ms &&
		   now >= silent_since_ms(cc) + c->conf.ping_timeout_ns / NSEC_PER_MSEC) {
		conn_close(cc->conn, -ETIMEDOUT);
	} else if (suspect(c)) {
		if (!c->attempts && now >= c->retry_at_ms) {
			client_at(c, &cc->ep);
			client_at_next(c);
		}
		client_connect(c);
	}
}

void client_h2_heard(struct cconn *cc)
{
	struct http_client *c = cc->client;

	cc->pinged_ms = 0;
	if (!c || c->h2 != cc)
		return;
	if (c->attempts) { /* it was only slow */
		client_connect_stop(c);
		client_at(c, &cc->ep);
	}
	client_work(c); /* calls that waited for this */
}

static void on_timer(uv_timer_t *t)
{
	struct http_client *c = t->data;
	struct list *it = c->calls.next;

	while (it != &c->calls) {
		struct http_call *call = list_entry(it, struct http_call, all);

		it = it->next;
		if (!call->deadline_ms || now_ms(c) < call->deadline_ms)
			continue;
		call_drop(call);
		call_end(call, -ETIMEDOUT, NULL);
		if (c->freed)
			return;
		it = c->calls.next; /* the callback may have changed the list anywhere */
	}
	client_connect_beside(c);
	check_ping(c);
	client_work_now(c);
}

/* ---- the client ---- */

int http_client_new(const struct http_client_conf *conf, struct http_client **ret, struct err *err)
{
	struct http_client *c = NEW(struct http_client);
	int r;

	c->conf = *conf;
	c->refs = 3;
	list_init(&c->lookups);
	r = http_client_set_endpoints(c, conf->endpoints, conf->n_endpoints, err);
	if (r < 0) {
		free(c);
		return r;
	}
	c->conf.endpoints = NULL;
	if (conf->tls)
		tls_ctx_ref(conf->tls);
#define DEFAULT(field, value) c->conf.field = conf->field ? conf->field : (value)
	DEFAULT(connect_timeout_ns, 5 * NSEC_PER_SEC);
	DEFAULT(wait_timeout_ns, 30 * NSEC_PER_SEC);
	DEFAULT(ping_idle_ns, 30 * NSEC_PER_SEC);
	DEFAULT(ping_timeout_ns, 15 * NSEC_PER_SEC);
	DEFAULT(max_headers, 65536);
#undef DEFAULT
	c->user_agent = xstrdup(conf->user_agent ? conf->user_agent : "knarr/" PACKAGE_VERSION);
	http_client_set_token(c, conf->bearer_token);
	c->conf.bearer_token = STR_NULL;
	list_init(&c->calls);
	list_init(&c->waiting);
	list_init(&c->conns);
	uv_idle_init(conf->loop, &c->idle);
	uv_timer_init(conf->loop, &c->timer);
	c->idle.data = c->timer.data = c;
	*ret = c;
	return 0;
}

void http_client_set_token(struct http_client *c, struct str token)
{
	free(c->token);
	c->token = str_is_null(token) ? NULL : xasprintf("Bearer %.*s", STR_ARG(token));
}

void http_client_reconnect(struct http_client *c)
{
	c->h2 = NULL;
	list_for_each_safe (it, &c->conns) {
		struct cconn *cc = list_entry(it, struct cconn, link);

		if (cc->is_h2)
			cc->draining = true;
		if (cc->ready && list_empty(&cc->calls))
			conn_close_soft(cc->conn);
	}
}

void http_client_move(struct http_client *c)
{
	if (c->n_endpoints < 2 || now_ms(c) < c->move_at_ms)
		return;
	c->move_at_ms = now_ms(c) + MOVE_MS / 2 + rng_below(&rng_system, MOVE_MS / 2);
	client_at_next(c);
	http_client_reconnect(c);
}

static void on_handle_closed(uv_handle_t *h)
{
	client_unref(h->data);
}

bool http_client_idle(const struct http_client *c)
{
	return list_empty(&c->calls);
}

struct http_client *http_client_free(struct http_client *c)
{
	if (!c)
		return NULL;
	c->freed = true;
	while (!list_empty(&c->calls)) {
		struct http_call *call = list_first(&c->calls, struct http_call, all);

		call_drop(call);
		call_end(call, -ECANCELED, NULL);
	}
	list_for_each_safe (it, &c->conns) {
		struct cconn *cc = list_entry(it, struct cconn, link);

		cc->client = NULL;
		list_remove(&cc->link);
		conn_close(cc->conn, 0);
	}
	client_resolve_stop(c);
	uv_close((uv_handle_t *)&c->idle, on_handle_closed);
	uv_close((uv_handle_t *)&c->timer, on_handle_closed);
	client_unref(c);
	return NULL;
}
