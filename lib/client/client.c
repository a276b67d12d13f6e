/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/client.h"
#include "lib/client/client_private.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"

#define BODY_MAX (64u << 20)

struct client_call {
	struct client_stream s; /* first */
	struct buf body;
	client_fn *done;
	void *user;
	bool too_large;
};

struct client *client_new(const struct client_conf *conf)
{
	struct client *c = NEW(struct client);

	c->transport = conf->transport;
	c->timers = conf->timers;
	c->rng = conf->rng ? conf->rng : &rng_system;
	c->spread_ns = conf->spread_ns;
	c->user_agent = xstrdup(conf->user_agent ? conf->user_agent : "knarr");
	list_init(&c->streams);
	return c;
}

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	list_for_each_safe (it, &c->streams) {
		struct client_stream *s = list_entry(it, struct client_stream, node);

		client_stream_close(s);
		s->free(s);
	}
	free(c->user_agent);
	free(c);
	return NULL;
}

struct timers *client_timers(struct client *c)
{
	return c->timers;
}
const struct rng *client_rng(struct client *c)
{
	return c->rng;
}
uint64_t client_spread_ns(const struct client *c)
{
	return c->spread_ns;
}
struct transport *client_transport(struct client *c)
{
	return c->transport;
}

/* What HTTP's status codes mean to callers; see client_fn. */
static int errno_of(int status, struct str reason)
{
	switch (status) {
	case 404:
		return ENOENT;
	case 409:
		return str_eqs(reason, "AlreadyExists") ? EEXIST : EAGAIN;
	case 410:
		return ESTALE;
	case 401:
	case 403:
		return EACCES;
	case 400:
	case 422:
		return EINVAL;
	case 413:
		return EMSGSIZE;
	case 429:
	case 503:
		return EBUSY;
	case 504:
		return ETIMEDOUT;
	default:
		return EPROTO;
	}
}

int client_status_to_err(int http_status, struct str status_json, struct err *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT, scratch = BUF_INIT;
	struct str reason = STR_NULL, message = STR_NULL;
	struct jv details = JV_NONE;
	int code = http_status, r;

	if (status_json.len && json_scan(status_json, NULL, NULL) >= 0) {
		struct jv v = jv_of(status_json);

		code = (int)jv_i64(jv_get(v, "code"), http_status);
		reason = jv_text(jv_get(v, "reason"));
		message = jv_str(jv_get(v, "message"), &scratch);
		details = jv_get(v, "details");
	}
	buf_addstr(&text, reason);
	if (message.len)
		r = err_set(e, errno_of(code, reason), text.len ? text.p : NULL, "%.*s",
			    STR_ARG(message));
	else
		r = err_set(e, errno_of(code, reason), text.len ? text.p : NULL,
			    "the server answered with status %d", code);
	if (!e)
		return r;
	e->http_code = code;
	e->retry_after_s = (uint32_t)jv_i64(jv_get(details, "retryAfterSeconds"), 0);
	jv_for_each (it, jv_get(details, "causes")) {
		CLEANUP_FREE char *path = jv_strdup(jv_get(it.value, "field"));
		CLEANUP_FREE char *why = jv_strdup(jv_get(it.value, "reason"));
		CLEANUP_FREE char *msg = jv_strdup(jv_get(it.value, "message"));

		err_field(e, path ? path : "", why, "%s", msg ? msg : "");
	}
	return r;
}

bool client_err_transient(const struct err *e)
{
	switch (e->errnum) {
	case EAGAIN:
	case EBUSY:
	case ETIMEDOUT:
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ECANCELED:
		return true;
	default:
		return false;
	}
}

bool client_err_offline(const struct err *e)
{
	switch (e->errnum) {
	case ETIMEDOUT:
	case ECONNREFUSED:
	case ENETUNREACH:
	case EHOSTUNREACH:
		return e->http_code == 0;
	default:
		return false;
	}
}

void client_stream_open(struct client *c, struct client_stream *s, const struct client_req *req,
			struct transport_req *treq)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;

	client_path(req, &path);
	treq->method = req->method;
	treq->path = buf_str(&path);
	treq->body = req->body;
	treq->accept = str_of(req->accept);
	treq->user_agent = str_of(c->user_agent);
	if (!str_is_null(req->body))
		treq->content_type =
			req->content_type ? str_of(req->content_type) : STR("application/json");
	treq->user = s;
	s->client = c;
	list_append(&c->streams, &s->node);
	s->call = transport_request(c->transport, treq);
}

void client_stream_close(struct client_stream *s)
{
	if (s->call)
		transport_cancel(s->client->transport, TAKE(s->call));
	list_remove(&s->node);
}

void client_stream_ended(struct client_stream *s)
{
	s->call = NULL;
	list_remove(&s->node);
}

static void call_free(struct client_stream *s)
{
	struct client_call *call = container_of(s, struct client_call, s);

	buf_done(&call->body);
	free(call);
}

static void on_response(void *user, const struct transport_resp *r)
{
	struct client_call *call = user;

	call->s.status = r->status;
	call->s.retry_after_s = r->retry_after_s;
}

static void on_data(void *user, struct str bytes)
{
	struct client_call *call = user;

	if (call->body.len + bytes.len > BODY_MAX) {
		call->too_large = true;
		buf_clear(&call->body);
	}
	if (!call->too_large)
		buf_addstr(&call->body, bytes);
}

void client_stream_result(const struct client_stream *s, int r, struct str body, struct err *e)
{
	if (r < 0)
		err_set(e, r, NULL, "%s", strerror(-r));
	else if (s->status < 200 || s->status > 299)
		client_status_to_err(s->status, body, e);
	if (e->errnum && s->retry_after_s)
		e->retry_after_s = s->retry_after_s;
}

static void on_end(void *user, int r)
{
	struct client_call *call = user;
	struct err e = ERR_INIT;

	client_stream_ended(&call->s);
	client_stream_result(&call->s, call->too_large ? -EMSGSIZE : r, buf_str(&call->body), &e);
	if (call->done)
		call->done(call->user, &e, buf_str(&call->body));
	err_done(&e);
	call_free(&call->s);
}

struct client_call *client_do(struct client *c, const struct client_req *req, client_fn *done,
			      void *user)
{
	struct client_call *call = NEW(struct client_call);
	struct transport_req treq = {
		.on_response = on_response, .on_data = on_data, .on_end = on_end};

	call->s.free = call_free;
	buf_init(&call->body);
	call->done = done;
	call->user = user;
	client_stream_open(c, &call->s, req, &treq);
	return call;
}

void client_cancel(struct client *c, struct client_call *call)
{
	if (!call)
		return;
	client_stream_close(&call->s);
	call_free(&call->s);
}

void client_call_detach(struct client_call *call)
{
	if (call)
		call->done = NULL;
}

struct client_call *client_get(struct client *c, const struct client_kind *k, struct str ns,
			       struct str name, client_fn *done, void *user)
{
	return client_do(c,
			 &(struct client_req){.method = "GET", .kind = k, .ns = ns, .name = name},
			 done, user);
}

struct client_call *client_list(struct client *c, const struct client_kind *k, struct str ns,
				const char *query, client_fn *done, void *user)
{
	return client_do(c,
			 &(struct client_req){.method = "GET", .kind = k, .ns = ns, .query = query},
			 done, user);
}

struct client_call *client_create(struct client *c, const struct client_kind *k, struct str ns,
				  struct str body, client_fn *done, void *user)
{
	return client_do(c,
			 &(struct client_req){.method = "POST", .kind = k, .ns = ns, .body = body},
			 done, user);
}

struct client_call *client_update(struct client *c, const struct client_kind *k, struct str ns,
				  struct str name, const char *sub, struct str body,
				  client_fn *done, void *user)
{
	struct client_req req = {
		.method = "PUT", .kind = k, .ns = ns, .name = name, .sub = sub, .body = body};

	return client_do(c, &req, done, user);
}

struct client_call *client_merge(struct client *c, const struct client_kind *k, struct str ns,
				 struct str name, const char *sub, struct str body, client_fn *done,
				 void *user)
{
	struct client_req req = {.method = "PATCH",
				 .kind = k,
				 .ns = ns,
				 .name = name,
				 .sub = sub,
				 .content_type = CLIENT_MERGE_PATCH,
				 .body = body};

	return client_do(c, &req, done, user);
}

struct client_call *client_delete(struct client *c, const struct client_kind *k, struct str ns,
				  struct str name, struct str options, client_fn *done, void *user)
{
	struct client_req req = {
		.method = "DELETE", .kind = k, .ns = ns, .name = name, .body = options};

	return client_do(c, &req, done, user);
}
