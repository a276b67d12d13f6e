/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/server.h"

/*
 * The door for parts of the same process: struct transport of lib/client into the pipeline. Calls
 * begin from a timer that is due at once, so that no callback ever runs inside request().
 */
struct local {
	struct transport base;
	struct apiserver *srv;
	struct user *user;
	struct list calls; /* those not ended */
};

struct transport_call {
	struct request r;
	struct local *t;
	struct list node;
	struct transport_req req;
	struct timer begin;
	struct buf text; /* copies of method, path, query, types and body */
	bool responded, ended;
};

static struct transport_call *call_of(struct request *r)
{
	return container_of(r, struct transport_call, r);
}

static void call_end(struct transport_call *c, int err, bool tell)
{
	if (c->ended)
		return;
	c->ended = true;
	list_remove(&c->node);
	timers_disarm(c->t->srv->timers, &c->begin);
	if (tell)
		c->req.on_end(c->req.user, err);
	request_gone(&c->r);
	request_unref(&c->r);
}

static void call_respond(struct transport_call *c, int status, struct str type, uint32_t retry_s)
{
	struct transport_resp resp = {status, type, retry_s};

	if (c->responded || c->ended)
		return;
	c->responded = true;
	if (c->req.on_response)
		c->req.on_response(c->req.user, &resp);
}

static void call_data(struct transport_call *c, const struct http_piece *p, size_t n)
{
	for (size_t i = 0; i < n && !c->ended; i++)
		if (p[i].bytes.len)
			c->req.on_data(c->req.user, p[i].bytes);
}

static struct str header(const struct http_header *h, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(h[i].name, str_of(name)))
			return h[i].value;
	return STR_NULL;
}

static void local_start(struct request *r, int status, const struct http_header *h, size_t n_h)
{
	uint64_t retry = 0;

	str_to_u64(header(h, n_h, "Retry-After"), &retry);
	call_respond(call_of(r), status, header(h, n_h, "Content-Type"), (uint32_t)retry);
}

static void local_reply(struct request *r, int status, const struct http_header *h, size_t n_h,
			const struct http_piece *p, size_t n_p)
{
	struct transport_call *c = call_of(r);

	request_ref(r);
	local_start(r, status, h, n_h);
	call_data(c, p, n_p);
	call_end(c, 0, true);
	request_unref(r);
}

static int local_write(struct request *r, const struct http_piece *p, size_t n_p)
{
	struct transport_call *c = call_of(r);

	if (c->ended)
		return -EPIPE;
	request_ref(r);
	call_data(c, p, n_p);
	request_unref(r);
	return 0;
}

static void local_end(struct request *r)
{
	call_end(call_of(r), 0, true);
}

static void release_obj(void *owner)
{
	store_obj_unref(owner);
}

static bool local_object(struct request *r, enum transport_event ev, const struct store_obj *o)
{
	struct transport_call *c = call_of(r);
	struct blob b = {o->value, release_obj, store_obj_ref(o)};

	if (!c->req.on_object || c->ended) {
		blob_release(&b);
		return c->ended;
	}
	request_ref(r);
	call_respond(c, 200, STR("application/json"), 0);
	if (c->ended)
		blob_release(&b);
	else
		c->req.on_object(c->req.user, ev, b);
	request_unref(r);
	return true;
}

static void local_read_body(struct request *r, size_t max)
{
	struct transport_call *c = call_of(r);

	request_body(r, c->req.body.len > max ? -EFBIG : 0, c->req.body);
}

static void local_free_request(struct request *r)
{
	struct transport_call *c = call_of(r);

	buf_done(&c->text);
	free(c);
}

static const struct request_front local_front_ops = {
	.reply = local_reply,
	.start = local_start,
	.write = local_write,
	.end = local_end,
	.object = local_object,
	.read_body = local_read_body,
	.free = local_free_request,
};

static void begin(struct timer *t)
{
	struct transport_call *c = container_of(t, struct transport_call, begin);

	request_ref(&c->r);
	request_run(&c->r);
	request_unref(&c->r);
}

/* The strings of a request stand one behind the other in one buffer. */
static void copy_request(struct transport_call *c, const struct transport_req *req)
{
	struct str path = req->path, query = req->path, *to[6];
	struct str from[6];
	size_t at[6];

	str_split(&query, '?', &path);
	from[0] = str_of(req->method), to[0] = &c->r.method;
	from[1] = path, to[1] = &c->r.path;
	from[2] = query.p && query.p != req->path.p ? query : STR(""), to[2] = &c->r.query_text;
	from[3] = req->content_type, to[3] = &c->r.content_type;
	from[4] = req->accept, to[4] = &c->r.accept_text;
	from[5] = req->user_agent, to[5] = &c->r.user_agent;
	c->text = BUF_INIT;
	for (size_t i = 0; i < 6; i++) {
		at[i] = c->text.len;
		buf_addstr(&c->text, from[i]);
	}
	buf_addstr(&c->text, req->body);
	for (size_t i = 0; i < 6; i++)
		*to[i] = str_n(c->text.p + at[i], from[i].len);
	c->req = *req;
	c->req.body = str_n(c->text.p + c->text.len - req->body.len, req->body.len);
}

static struct transport_call *local_request(struct transport *t, const struct transport_req *req)
{
	struct local *l = container_of(t, struct local, base);
	struct transport_call *c = NEW(struct transport_call);

	request_init(&c->r, l->srv, &local_front_ops);
	copy_request(c, req);
	c->t = l;
	c->r.user = user_ref(l->user);
	c->begin.fire = begin;
	list_append(&l->calls, &c->node);
	timers_soon(l->srv->timers, &c->begin);
	return c;
}

static void local_cancel(struct transport *t, struct transport_call *call)
{
	call_end(call, -ECANCELED, false);
}

static void local_free(struct transport *t)
{
	struct local *l = container_of(t, struct local, base);

	list_for_each_safe (it, &l->calls)
		call_end(list_entry(it, struct transport_call, node), -ECANCELED, false);
	user_unref(l->user);
	free(l);
}

static const struct transport_ops local_ops = {
	.name = "local",
	.request = local_request,
	.cancel = local_cancel,
	.free = local_free,
};

struct transport *apiserver_local_transport(struct apiserver *s, const char *name)
{
	struct local *l = NEW(struct local);

	l->base.ops = &local_ops;
	l->srv = s;
	l->user = user_new(str_of(name));
	user_add_group(l->user, STR(GROUP_MASTERS));
	user_add_group(l->user, STR(GROUP_AUTHENTICATED));
	list_init(&l->calls);
	return &l->base;
}
