/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/forward.h"
#include "lib/base/codec.h"
#include "lib/http/client.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
#include "master/apiserver/respond.h"
#include "master/apiserver/server.h"

#define FORWARD_WAIT_NS (2 * NSEC_PER_SEC)
#define AGAIN_NS (10 * NSEC_PER_MSEC)
#define CALL_TIMEOUT_NS (60 * NSEC_PER_SEC)
#define PING_NS (500 * NSEC_PER_MSEC) /* silence of a leader that has calls of ours */
#define WHOLE_MAX (1u << 20) /* longer answers are passed on as they come */
#define QUEUE_HIGH (256u << 10)
#define HEADERS_MAX 48u

struct forward_set {
	struct apiserver *s;
	struct hmap *clients; /* URL -> struct http_client, for the life of this process */
	struct list calls; /* struct forward.node */
};

struct forward {
	struct list node;
	struct request *r; /* a reference */
	void (*local)(struct request *r);
	bool or_local;
	struct http_call *call;
	struct timer again;
	uint64_t until_ns;
	int status;
	bool streaming, paused;
	struct buf body; /* of the answer, while it is short */
};

static void ask(struct forward *f);

/* ---- who asks ---- */

static void write_list(struct jw *w, const char *key, char **v, size_t n)
{
	jw_key(w, key);
	jw_begin_array(w);
	for (size_t i = 0; i < n; i++)
		jw_str(w, str_of(v[i]));
	jw_end_array(w);
}

static void write_user(struct jw *w, const struct user *u)
{
	jw_member_str(w, "name", str_of(u->name));
	if (u->uid)
		jw_member_str(w, "uid", str_of(u->uid));
	write_list(w, "groups", u->groups, u->n_groups);
	jw_key(w, "extra");
	jw_begin_array(w);
	for (size_t i = 0; i < u->n_extra; i++) {
		jw_str(w, str_of(u->extra[i].key));
		jw_str(w, str_of(u->extra[i].value));
	}
	jw_end_array(w);
}

void forward_who_encode(const struct forward_who *who, struct buf *out)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jw w = jw_start(&json);

	jw_begin_object(&w);
	write_user(&w, who->user);
	if (who->real) {
		jw_key(&w, "real");
		jw_begin_object(&w);
		write_user(&w, who->real);
		jw_end_object(&w);
	}
	if (who->from)
		jw_member_str(&w, "from", str_of(who->from));
	jw_end_object(&w);
	base64_encode(buf_str(&json), out);
}

static struct user *read_user(struct jv v)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	CLEANUP_FREE char *key = NULL;
	struct user *u;

	if (!jv_text(jv_get(v, "name")).len)
		return NULL;
	u = user_new(jv_str(jv_get(v, "name"), &scratch));
	if (jv_exists(jv_get(v, "uid")))
		user_set_uid(u, jv_str(jv_get(v, "uid"), &scratch));
	jv_for_each (g, jv_get(v, "groups"))
		user_add_group(u, jv_str(g.value, &scratch));
	jv_for_each (e, jv_get(v, "extra")) {
		struct str s = jv_str(e.value, &scratch);

		if (!key) {
			key = str_dup(s);
			continue;
		}
		user_add_extra(u, key, s);
		free(key);
		key = NULL;
	}
	return u;
}

int forward_who_decode(struct str text, struct forward_who *ret)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jv v;

	*ret = (struct forward_who){0};
	if (base64_decode(text, &json) < 0 || json_scan(buf_str(&json), NULL, NULL) < 0)
		return -EINVAL;
	v = jv_of(buf_str(&json));
	ret->user = read_user(v);
	if (!ret->user)
		return -EINVAL;
	ret->real = read_user(jv_get(v, "real"));
	ret->from = jv_strdup(jv_get(v, "from"));
	return 0;
}

/* ---- the end of one ---- */

static void forward_done(struct forward *f)
{
	struct request *r = f->r;

	if (f->call)
		http_call_cancel(f->call);
	timers_disarm(r->srv->timers, &f->again);
	list_remove(&f->node);
	r->work = NULL;
	r->on_gone = NULL;
	buf_done(&f->body);
	free(f);
	request_unref(r);
}

static void forward_gone(struct request *r)
{
	forward_done(r->work);
}

static void go_local(struct forward *f)
{
	struct request *r = request_ref(f->r);
	void (*local)(struct request *) = f->local;

	forward_done(f);
	local(r);
	request_unref(r);
}

static void give_up(struct forward *f, int code, const char *reason, const char *why)
{
	struct request *r = request_ref(f->r);
	CLEANUP(err_done) struct err e = ERR_INIT;

	forward_done(f);
	err_set(&e, EBUSY, reason, "%s", why);
	e.http_code = code;
	e.retry_after_s = code == 503 ? 1 : 0;
	respond_err(r, &e);
	request_unref(r);
}

static void fire_again(struct timer *t)
{
	ask(container_of(t, struct forward, again));
}

/* Nothing was done so far. */
static void later(struct forward *f, const char *why)
{
	struct timers *ts = f->r->srv->timers;

	if (timers_now_ns(ts) + AGAIN_NS < f->until_ns) {
		timers_arm_in(ts, &f->again, AGAIN_NS);
		return;
	}
	if (f->or_local)
		go_local(f);
	else
		give_up(f, 503, "ServiceUnavailable", why);
}

static bool is_read(const struct request *r)
{
	return str_eqs(r->method, "GET") || str_eqs(r->method, "HEAD");
}

/* ---- the answer ---- */

static bool passes(struct str name)
{
	static const char *const not [] = {"connection", "transfer-encoding", "content-length",
					   "date", "keep-alive"};

	if (!name.len || name.p[0] == ':')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(not ); i++)
		if (str_eq_nocase(name, str_of(not [i])))
			return false;
	return true;
}

static size_t headers(struct http_call *call, struct http_header h[HEADERS_MAX])
{
	struct http_header one;
	size_t n = 0;

	for (size_t i = 0; n < HEADERS_MAX && http_call_header_at(call, i, &one); i++)
		if (passes(one.name))
			h[n++] = one;
	return n;
}

static void on_response(struct http_call *call, int status, void *user)
{
	((struct forward *)user)->status = status;
}

static void stream(struct forward *f, struct http_call *call, struct str data)
{
	struct http_header h[HEADERS_MAX];
	struct http_blob *b = http_blob_new(data);
	struct http_piece piece = http_piece_of(b);
	struct request *r = f->r;

	if (!f->streaming) {
		f->streaming = r->answered = true;
		r->status = f->status;
		r->front->start(r, f->status, h, headers(call, h));
	}
	if (!r->gone)
		r->front->write(r, &piece, 1);
	http_blob_unref(b);
	if (!r->gone && r->front->queued && r->front->queued(r) > QUEUE_HIGH) {
		http_call_pause(call, true);
		f->paused = true;
	}
}

static void on_drain(struct request *r)
{
	struct forward *f = r->work;

	if (f && f->call && f->paused) {
		f->paused = false;
		http_call_pause(f->call, false);
	}
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct forward *f = user;

	if (f->status == 421)
		return;
	if (!f->streaming && f->body.len + data.len <= WHOLE_MAX) {
		buf_addstr(&f->body, data);
		return;
	}
	if (!f->streaming && f->body.len) {
		buf_addstr(&f->body, data);
		data = buf_str(&f->body);
	}
	stream(f, call, data);
	buf_done(&f->body);
}

static void pass_whole(struct forward *f, struct http_call *call)
{
	struct http_header h[HEADERS_MAX];
	struct http_blob *b = http_blob_take_buf(&f->body);
	struct http_piece piece = http_piece_of(b);
	struct request *r = request_ref(f->r);
	size_t n = headers(call, h);

	r->answered = true;
	r->status = f->status;
	/* The texts of h belong to the call, which lives until we return from its on_end. */
	r->front->reply(r, f->status, h, n, &piece, 1);
	http_blob_unref(b);
	if (r->work == f)
		forward_done(f);
	request_unref(r);
}

static void on_end(struct http_call *call, int err, void *user)
{
	struct forward *f = user;
	bool begun = http_call_begun(call);

	f->call = NULL;
	if (err == 0 && f->streaming)
		f->r->front->end(f->r); /* request_gone frees f */
	else if (err == 0 && f->status != 421)
		pass_whole(f, call);
	else if (f->streaming)
		f->r->front->end(f->r); /* the client sees that it is not complete */
	else if (err == 0 || !begun || is_read(f->r))
		later(f, "no master leads at the moment");
	else
		give_up(f, 504, "Timeout",
			"the leading master did not answer: the request may or may not have been "
			"carried out");
}

/* ---- the question ---- */

static struct http_client *client_for(struct forward_set *set, const char *url)
{
	struct http_client *c = hmap_get(set->clients, str_of(url));
	struct http_client_conf conf = {.loop = set->s->conf.loop,
					.endpoints = &url,
					.n_endpoints = 1,
					.tls = set->s->conf.cluster->tls,
					.connect_timeout_ns = FORWARD_WAIT_NS / 2,
					.wait_timeout_ns = 1,
					.ping_idle_ns = PING_NS,
					.ping_timeout_ns = PING_NS};

	if (c || http_client_new(&conf, &c, NULL) < 0)
		return c;
	hmap_put(set->clients, str_of(url), c);
	return c;
}

static void call(struct forward *f, struct http_client *c)
{
	static const struct http_call_ops ops = {on_response, on_data, on_end};
	struct request *r = f->r;
	CLEANUP(buf_done) struct buf who = BUF_INIT;
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP_FREE char *method = str_dup(r->method);
	struct http_header h[6];
	struct http_call_req req = {.method = method,
				    .headers = h,
				    .body = is_read(r) ? STR_NULL : r->body,
				    .timeout_ns = CALL_TIMEOUT_NS};

	forward_who_encode(&(struct forward_who){r->user, r->real_user, r->peer_addr}, &who);
	buf_addstr(&path, r->path);
	if (r->query_text.len)
		buf_addf(&path, "?%.*s", STR_ARG(r->query_text));
	req.path = path.p;
	h[req.n_headers++] = HTTP_HEADER(FORWARD_USER, buf_str(&who));
	if (r->content_type.len)
		h[req.n_headers++] = HTTP_HEADER("content-type", r->content_type);
	if (r->accept_text.len)
		h[req.n_headers++] = HTTP_HEADER("accept", r->accept_text);
	if (*r->audit_id)
		h[req.n_headers++] = HTTP_HEADER("audit-id", str_of(r->audit_id));
	if (r->user_agent.len)
		h[req.n_headers++] = HTTP_HEADER("user-agent", r->user_agent);
	f->status = 0;
	buf_clear(&f->body);
	f->call = http_client_request(c, &req, &ops, f);
}

static void ask(struct forward *f)
{
	struct apiserver *s = f->r->srv;
	const struct apiserver_cluster *cl = s->conf.cluster;
	const char *url;
	struct http_client *c;

	if (cl->leads(cl->user)) {
		go_local(f);
		return;
	}
	url = cl->leader_url(cl->user);
	c = url ? client_for(s->forward, url) : NULL;
	if (c)
		call(f, c);
	else
		later(f, "no master leads at the moment");
}

bool forward_wanted(const struct request *r)
{
	const struct apiserver_cluster *c = r->srv->conf.cluster;

	return c && !c->leads(c->user);
}

void forward_refuse(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EREMOTE, "NotLeader", "this master does not lead");
	e.http_code = 421;
	respond_err(r, &e);
}

static void start(struct request *r, void (*local)(struct request *r), bool or_local)
{
	struct forward *f;

	if (r->gone || r->answered)
		return;
	if (r->forwarded) {
		forward_refuse(r);
		return;
	}
	f = NEW(struct forward);
	f->r = request_ref(r);
	f->local = local;
	f->or_local = or_local;
	f->again.fire = fire_again;
	f->until_ns = timers_now_ns(r->srv->timers) + FORWARD_WAIT_NS;
	buf_init(&f->body);
	list_append(&r->srv->forward->calls, &f->node);
	r->work = f;
	r->on_gone = forward_gone;
	if (r->front->on_drain)
		r->front->on_drain(r, on_drain);
	/*
	 * It came back from here: the store does not answer as a leader, e.g. while it hands over.
	 * Asked again at once it would go round and round until that is decided.
	 */
	if (r->srv->conf.cluster->leads(r->srv->conf.cluster->user))
		later(f, "no master leads at the moment");
	else
		ask(f);
}

void forward_start(struct request *r, void (*local)(struct request *r))
{
	start(r, local, false);
}

void forward_or_local(struct request *r, void (*local)(struct request *r))
{
	start(r, local, true);
}

void apiserver_leader_changed(struct apiserver *s)
{
	list_for_each_safe (it, &s->forward->calls) {
		struct forward *f = list_entry(it, struct forward, node);

		/* A read that the old one has not answered is asked of the new one. */
		if (!f->call || !is_read(f->r) || f->status)
			continue;
		http_call_cancel(f->call);
		f->call = NULL;
		timers_soon(s->timers, &f->again);
	}
}

/* ---- life ---- */

struct forward_set *forward_new(struct apiserver *s)
{
	struct forward_set *f = NEW(struct forward_set);

	f->s = s;
	f->clients = hmap_new();
	list_init(&f->calls);
	return f;
}

static void free_client(void *c)
{
	http_client_free(c);
}

struct forward_set *forward_free(struct forward_set *f)
{
	if (!f)
		return NULL;
	list_for_each_safe (it, &f->calls)
		forward_done(list_entry(it, struct forward, node));
	hmap_free_full(f->clients, free_client);
	free(f);
	return NULL;
}
