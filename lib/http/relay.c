/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/relay.h"

#define QUEUE_HIGH (256u << 10)
#define MAX_HEADERS 100

struct http_relay {
	struct http_req *req;
	struct http_client *client;
	bool take_client, no_redirects;
	struct http_call *call;
	const struct http_relay_ops *ops;
	void *user;
	bool started, paused, whole; /* `whole`: HTML is collected to be edited */
	int status;
	struct buf html;
	struct buf values; /* edited fields */
};

/* ---- fields ---- */

static bool is_one_of(struct str name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(name, str_of(list[i])))
			return true;
	return false;
}

static bool has_prefix(struct str name, const char *prefix)
{
	size_t n = strlen(prefix);

	return name.len > n && str_eq_nocase(str_n(name.p, n), str_of(prefix));
}

/* Fields of one hop; `upgrade` keeps those that an upgrade needs. */
static bool one_hop(struct str name, bool upgrade)
{
	static const char *const always[] = {
		"keep-alive",     "proxy-connection", "te",    "trailer", "transfer-encoding",
		"content-length", "http2-settings",   "expect"};
	static const char *const plain[] = {"connection", "upgrade"};

	return is_one_of(name, always, ARRAY_SIZE(always)) ||
	       (!upgrade && is_one_of(name, plain, ARRAY_SIZE(plain)));
}

static bool stays_here(struct str name)
{
	static const char *const own[] = {"host", "authorization", "user-agent"};

	return is_one_of(name, own, ARRAY_SIZE(own)) || has_prefix(name, "impersonate-") ||
	       has_prefix(name, "x-remote-") || has_prefix(name, "x-knarr-");
}

bool http_relay_is_upgrade(const struct http_req *req)
{
	return http_req_header(req, "upgrade").len > 0;
}

bool http_relay_has_body(const struct http_req *req)
{
	struct str method = http_req_method(req), n = http_req_header(req, "content-length");
	bool none = str_eqs(method, "GET") || str_eqs(method, "HEAD");

	if (n.len)
		return !str_eqs(n, "0");
	return http_req_header(req, "transfer-encoding").len ||
	       (http_req_version(req) == 2 && !none);
}

/* `out` has room for MAX_HEADERS of the client's and all of the caller's. */
static size_t request_fields(struct http_relay *r, const struct http_relay_conf *conf,
			     struct http_header *out)
{
	bool upgrade = http_relay_is_upgrade(r->req);
	struct http_header one;
	size_t n = 0;

	for (size_t i = 0; n < MAX_HEADERS && http_req_header_at(r->req, i, &one); i++)
		if (!one_hop(one.name, upgrade) && !stays_here(one.name) &&
		    !(r->ops->edit_html && str_eq_nocase(one.name, STR("accept-encoding"))))
			out[n++] = one;
	for (size_t i = 0; i < conf->n_headers; i++)
		out[n++] = conf->headers[i];
	return n;
}

/* Fields of the answer, edited. Values that change stand in r->values, which may move. */
static size_t answer_fields(struct http_relay *r, struct http_call *call, bool upgrade,
			    struct http_header *out)
{
	size_t at[MAX_HEADERS][2], n = 0;
	struct http_header one;

	for (size_t i = 0; n < MAX_HEADERS && http_call_header_at(call, i, &one); i++) {
		if (one_hop(one.name, false) || str_eq_nocase(one.name, STR("date")))
			continue;
		at[n][0] = r->values.len;
		if (r->ops->edit && !upgrade)
			r->ops->edit(r->user, &one, &r->values);
		at[n][1] = r->values.len - at[n][0];
		out[n++] = one;
	}
	for (size_t i = 0; i < n; i++)
		if (at[i][1])
			out[i].value = str_n(r->values.p + at[i][0], at[i][1]);
	return n;
}

/* ---- life ---- */

struct late_free {
	uv_timer_t timer;
	struct http_client *client;
};

static void late_closed(uv_handle_t *h)
{
	free(h->data);
}

static void late_fire(uv_timer_t *t)
{
	struct late_free *f = t->data;

	http_client_free(f->client);
	uv_close((uv_handle_t *)t, late_closed);
}

/* Not from within one of the client's own callbacks. */
static void free_client_later(uv_loop_t *loop, struct http_client *c)
{
	struct late_free *f = NEW(struct late_free);

	f->client = c;
	uv_timer_init(loop, &f->timer);
	f->timer.data = f;
	uv_timer_start(&f->timer, late_fire, 0, 0);
}

static void relay_free(struct http_relay *r)
{
	if (r->take_client)
		free_client_later(http_req_loop(r->req), r->client);
	http_reply_on_drain(r->req, NULL, NULL);
	http_req_unref(r->req);
	buf_done(&r->html);
	buf_done(&r->values);
	free(r);
}

static void relay_end(struct http_relay *r, enum http_relay_end end, const char *why)
{
	r->call = NULL;
	r->ops->on_end(r->user, end, why);
	relay_free(r);
}

/* ---- plain answers ---- */

static void drained(struct http_req *req, void *user)
{
	struct http_relay *r = user;

	if (r->call && r->paused) {
		r->paused = false;
		http_call_pause(r->call, false);
	}
}

static void start_answer(struct http_relay *r, struct http_call *call)
{
	struct http_header h[MAX_HEADERS];
	size_t n = answer_fields(r, call, false, h);

	r->started = true;
	if (r->ops->on_headers)
		r->ops->on_headers(r->user, r->status);
	http_reply_start(r->req, r->status, h, n);
	http_reply_on_drain(r->req, drained, r);
}

static bool is_html(struct http_call *call)
{
	struct str type = http_call_header(call, "content-type"), first;

	return str_split(&type, ';', &first) && str_eq_nocase(str_trim(first), STR("text/html")) &&
	       !http_call_header(call, "content-encoding").len;
}

static bool leads_away(const struct http_relay *r, const struct http_call *call, int status)
{
	return r->no_redirects && status / 100 == 3 && http_call_header(call, "location").len;
}

static void redirected(struct http_relay *r)
{
	relay_end(r, RELAY_REDIRECTED,
		  "the backend attempted to redirect this request, which is not permitted");
}

static void on_response(struct http_call *call, int status, void *user)
{
	struct http_relay *r = user;

	if (leads_away(r, call, status)) {
		http_call_cancel(call);
		redirected(r);
		return;
	}
	r->status = status;
	r->whole = r->ops->edit_html && is_html(call);
	if (!r->whole)
		start_answer(r, call);
}

static void pass_bytes(struct http_relay *r, struct str data)
{
	struct http_blob *b = http_blob_new(data);

	http_reply_write(r->req, b);
	http_blob_unref(b);
	if (r->call && http_reply_queued(r->req) > QUEUE_HIGH && !r->paused) {
		r->paused = true;
		http_call_pause(r->call, true);
	}
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct http_relay *r = user;

	if (!r->whole) {
		pass_bytes(r, data);
		return;
	}
	buf_addstr(&r->html, data);
	if (r->html.len <= RELAY_EDIT_MAX)
		return;
	r->whole = false; /* too long to be looked at */
	start_answer(r, call);
	pass_bytes(r, buf_str(&r->html));
	buf_clear(&r->html);
}

static void on_end(struct http_call *call, int err, void *user)
{
	struct http_relay *r = user;

	if (err && !r->started) {
		relay_end(r, RELAY_FAILED, http_call_error(call));
		return;
	}
	if (!err && r->whole) {
		CLEANUP(buf_done) struct buf edited = BUF_INIT;

		r->ops->edit_html(r->user, buf_str(&r->html), &edited);
		start_answer(r, call);
		r->call = NULL;
		pass_bytes(r, buf_str(&edited));
	}
	if (err)
		http_reply_abort(r->req);
	else
		http_reply_end(r->req);
	relay_end(r, RELAY_ANSWERED, NULL);
}

static const struct http_call_ops call_ops = {on_response, on_data, on_end};

/* ---- upgrades ---- */

static void refuse(struct http_relay *r, struct http_call *call, int status, struct str body)
{
	struct http_header h[MAX_HEADERS];
	size_t n = answer_fields(r, call, false, h);
	struct http_blob *b = http_blob_new(body);
	struct http_piece piece = http_piece_of(b);

	if (r->ops->on_headers)
		r->ops->on_headers(r->user, status);
	http_reply(r->req, status, h, n, &piece, 1);
	http_blob_unref(b);
	relay_end(r, RELAY_ANSWERED, NULL);
}

static void on_upgraded(struct http_call *call, int err, int status, struct str body,
			struct http_stream *s, void *user)
{
	struct http_relay *r = user;
	struct str proto = http_call_header(call, "upgrade");
	CLEANUP_FREE char *protocol = str_dup(proto.len ? proto : STR("websocket"));
	struct http_header h[MAX_HEADERS];
	struct http_stream *ours = NULL;
	size_t n;

	r->call = NULL;
	if (!s && err) {
		relay_end(r, RELAY_FAILED, http_call_error(call));
		return;
	}
	if (!s && leads_away(r, call, status)) {
		redirected(r);
		return;
	}
	if (!s) {
		refuse(r, call, status, body);
		return;
	}
	n = answer_fields(r, call, true, h);
	if (http_req_upgrade(r->req, protocol, h, n, &ours) < 0) {
		http_stream_abort(s);
		relay_end(r, RELAY_FAILED, "an upgrade needs HTTP/1.1");
		return;
	}
	http_splice(ours, s, NULL, NULL);
	relay_end(r, RELAY_UPGRADED, NULL);
}

static const struct http_upgrade_ops upgrade_ops = {on_upgraded};

/* ---- start, cancel ---- */

struct http_relay *http_relay_start(const struct http_relay_conf *conf)
{
	struct http_relay *r = NEW(struct http_relay);
	CLEANUP_FREE char *method = str_dup(http_req_method(conf->req));
	CLEANUP_FREE struct http_header *h = xcalloc(MAX_HEADERS + conf->n_headers, sizeof(*h));
	struct http_call_req call = {
		.method = method, .path = conf->path, .headers = h, .body = conf->body};

	r->req = http_req_ref(conf->req);
	r->client = conf->client;
	r->take_client = conf->take_client;
	r->no_redirects = conf->no_redirects;
	r->ops = conf->ops;
	r->user = conf->user;
	r->html = r->values = BUF_INIT;
	call.n_headers = request_fields(r, conf, h);
	r->call = http_relay_is_upgrade(r->req)
			  ? http_client_upgrade(r->client, &call, &upgrade_ops, r)
			  : http_client_request(r->client, &call, &call_ops, r);
	return r;
}

struct http_relay *http_relay_cancel(struct http_relay *r)
{
	if (!r)
		return NULL;
	if (r->call)
		http_call_cancel(r->call);
	r->call = NULL;
	relay_free(r);
	return NULL;
}
