/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/forward.h"
#include "master/apiserver/impersonate.h"

/* The door for HTTP: who is it, and how do bytes get back to him. */
struct http_front {
	struct request r;
	struct http_req *req;
	void (*drain)(struct request *r);
	bool bad; /* nobody's request, whoever sent it */
};

static struct http_front *front_of(struct request *r)
{
	return container_of(r, struct http_front, r);
}

static void front_reply(struct request *r, int status, const struct http_header *h, size_t n_h,
			const struct http_piece *p, size_t n_p)
{
	struct http_req *req = front_of(r)->req;

	/* Who is nobody gets one answer a connection, so that they hold nothing open. */
	if (!r->user || user_in_group(r->user, GROUP_UNAUTHENTICATED))
		http_req_close_after(req);
	http_reply(req, status, h, n_h, p, n_p);
}

static void front_start(struct request *r, int status, const struct http_header *h, size_t n_h)
{
	http_reply_start(front_of(r)->req, status, h, n_h);
}

static int front_write(struct request *r, const struct http_piece *p, size_t n_p)
{
	return http_reply_writev(front_of(r)->req, p, n_p);
}

static void front_end(struct request *r)
{
	http_reply_end(front_of(r)->req);
}

static size_t front_queued(struct request *r)
{
	return http_reply_queued(front_of(r)->req);
}

static void drained(struct http_req *req, void *user)
{
	struct http_front *f = user;

	f->drain(&f->r);
}

static void front_on_drain(struct request *r, void (*cb)(struct request *r))
{
	struct http_front *f = front_of(r);

	f->drain = cb;
	http_reply_on_drain(f->req, drained, f);
}

static void body_read(struct http_req *req, int err, struct str body, void *user)
{
	struct http_front *f = user;

	request_body(&f->r, err, body);
}

static void front_read_body(struct request *r, size_t max)
{
	struct http_front *f = front_of(r);

	http_req_read_body(f->req, max, body_read, f);
}

static struct http_req *front_http(struct request *r)
{
	return front_of(r)->req;
}

static void front_free(struct request *r)
{
	struct http_front *f = front_of(r);

	http_req_unref(f->req);
	free(f);
}

static void closed(struct http_req *req, int err, void *user)
{
	struct http_front *f = user;

	request_gone(&f->r);
	request_unref(&f->r);
}

/*
 * Another master: it speaks for itself, or passes on the request of somebody whom it knows. Nobody
 * else is listened to in that.
 */
static struct user *from_master(struct request *r, struct http_req *req, struct user *u)
{
	struct str who = http_req_header(req, FORWARD_USER);

	if (!who.len) {
		user_add_group(u, STR(GROUP_MASTERS));
		return u;
	}
	user_unref(u);
	r->forwarded = true;
	return forward_user_decode(who);
}

/* NULL: what was shown is not good (401). Without anything: system:anonymous. */
static struct user *authenticate(struct apiserver *s, struct request *r, struct http_req *req)
{
	struct str auth = http_req_header(req, "authorization");
	X509 *cert = http_req_peer_cert(req);
	struct user *u;

	if (cert) {
		u = authn_cert(cert);
		return u && user_in_group(u, GROUP_PEERS) ? from_master(r, req, u) : u;
	}
	if (http_req_peer_verify(req) != 0)
		return NULL;
	if (auth.len > 7 && str_eq_nocase(str_n(auth.p, 7), STR("bearer ")))
		return authn_token(&s->authn, str_trim(str_skip(auth, 7)), STR_NULL, NULL);
	return auth.len ? NULL : authn_anonymous();
}

static struct user *front_authenticate(struct request *r)
{
	struct http_front *f = front_of(r);

	return f->bad ? NULL : authenticate(r->srv, r, f->req);
}

static const struct request_front http_front_ops = {
	.reply = front_reply,
	.start = front_start,
	.write = front_write,
	.end = front_end,
	.queued = front_queued,
	.on_drain = front_on_drain,
	.read_body = front_read_body,
	.http = front_http,
	.authenticate = front_authenticate,
	.free = front_free,
};

void apiserver_http_request(struct http_req *req, void *user)
{
	struct apiserver *s = user;
	struct http_front *f = NEW(struct http_front);
	struct request *r = &f->r;

	f->req = http_req_ref(req);
	request_init(r, s, &http_front_ops);
	r->method = http_req_method(req);
	r->path = http_req_path(req);
	r->query_text = http_req_query(req);
	r->content_type = http_req_header(req, "content-type");
	r->accept_text = http_req_header(req, "accept");
	r->user_agent = http_req_header(req, "user-agent");
	r->peer_addr = http_req_peer_addr(req);
	r->user = authenticate(s, r, req);
	r->as = impersonate_wanted(req, &f->bad);
	if (f->bad) /* whose groups? It is nobody's request then */
		r->user = user_unref(r->user);
	http_req_on_close(req, closed, f);
	request_run(r);
}
