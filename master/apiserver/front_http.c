/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/authn_remote.h"
#include "master/apiserver/forward.h"
#include "master/apiserver/impersonate.h"

/* The door for HTTP: who is it, and how do bytes get back to him. */
struct http_front {
	struct request r;
	struct http_req *req;
	void (*drain)(struct request *r);
	bool bad; /* nobody's request, whoever sent it */
	struct authn_remote_call *asking; /* who it is; nothing is begun before that is known */
	const char *from; /* owned: where it came from to the master that passed it on */
	bool begun;
};

static struct http_front *front_of(struct request *r)
{
	return container_of(r, struct http_front, r);
}

/*
 * Every answer says under which id the request stands in the audit log, but those of another server
 * that has said so itself.
 */
#define FRONT_HEADERS 64u

static size_t with_audit_id(struct request *r, const struct http_header *h, size_t n,
			    struct http_header out[FRONT_HEADERS])
{
	n = MIN(n, FRONT_HEADERS - 1);
	for (size_t i = 0; i < n; i++) {
		out[i] = h[i];
		if (str_eq_nocase(h[i].name, STR("audit-id")))
			return n;
	}
	out[n++] = HTTP_HEADER("Audit-Id", str_of(r->audit_id));
	return n;
}

/* The client's own is taken, as for calls that one server makes for another. */
static void take_audit_id(struct request *r, struct str given)
{
	bool good = given.len > 0 && given.len <= AUDIT_ID_MAX;

	for (size_t i = 0; good && i < given.len; i++)
		good = given.p[i] > ' ' && given.p[i] < 0x7f;
	if (good)
		str_copy(r->audit_id, sizeof(r->audit_id), given);
	else
		rng_uuid(&rng_system, r->audit_id);
}

static void front_reply(struct request *r, int status, const struct http_header *h, size_t n_h,
			const struct http_piece *p, size_t n_p)
{
	struct http_req *req = front_of(r)->req;
	struct http_header all[FRONT_HEADERS];

	n_h = with_audit_id(r, h, n_h, all);
	/* Who is nobody gets one answer a connection, so that they hold nothing open. */
	if (!r->user || user_in_group(r->user, GROUP_UNAUTHENTICATED))
		http_req_close_after(req);
	http_reply(req, status, all, n_h, p, n_p);
}

static void front_start(struct request *r, int status, const struct http_header *h, size_t n_h)
{
	struct http_header all[FRONT_HEADERS];

	n_h = with_audit_id(r, h, n_h, all);
	http_reply_start(front_of(r)->req, status, all, n_h);
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
	free((char *)f->from);
	free(f);
}

static void closed(struct http_req *req, int err, void *user)
{
	struct http_front *f = user;

	if (f->asking)
		authn_remote_cancel(TAKE(f->asking));
	if (f->begun)
		request_gone(&f->r);
	request_unref(&f->r);
}

/*
 * Another master: it speaks for itself, or passes on the request of somebody whom it knows. Nobody
 * else is listened to in that.
 */
static struct user *from_master(struct request *r, struct http_req *req, struct user *u)
{
	struct str text = http_req_header(req, FORWARD_USER);
	struct forward_who who;

	if (!text.len) {
		user_add_group(u, STR(GROUP_MASTERS));
		return u;
	}
	user_unref(u);
	r->forwarded = true;
	forward_who_decode(text, &who);
	r->real_user = who.real;
	if (who.from)
		r->peer_addr = front_of(r)->from = who.from;
	return who.user;
}

/*
 * An authenticating proxy in front of us says who its client is (X-Remote-User and so on); believed
 * only of those whom the administrator has named.
 */
static struct user *from_proxy(const struct apiserver *s, struct http_req *req, struct user *u)
{
	static const char extra[] = "x-remote-extra-";
	struct str name = http_req_header(req, "x-remote-user");
	const char *const *names = s->conf.proxy_names;
	bool trusted = false;
	struct http_header h;
	struct user *client;

	for (; names && *names; names++)
		trusted = trusted || !strcmp(*names, u->name);
	if (!trusted || !name.len)
		return u;
	user_unref(u);
	client = user_new(name);
	for (size_t i = 0; http_req_header_at(req, i, &h); i++) {
		if (str_eq_nocase(h.name, STR("x-remote-group"))) {
			user_add_group(client, h.value);
		} else if (str_eq_nocase(h.name, STR("x-remote-uid"))) {
			user_set_uid(client, h.value);
		} else if (h.name.len > sizeof(extra) - 1 &&
			   str_eq_nocase(str_n(h.name.p, sizeof(extra) - 1), str_of(extra))) {
			CLEANUP_FREE char *key =
				impersonate_extra_key(str_skip(h.name, sizeof(extra) - 1));

			user_add_extra(client, key, h.value);
		}
	}
	user_add_group(client, STR(GROUP_AUTHENTICATED));
	return client;
}

/* The token of "Authorization: Bearer", or STR_NULL. */
static struct str bearer_token(struct http_req *req)
{
	struct str auth = http_req_header(req, "authorization");

	if (auth.len > 7 && str_eq_nocase(str_n(auth.p, 7), STR("bearer ")))
		return str_trim(str_skip(auth, 7));
	return STR_NULL;
}

/* NULL: what was shown is not good (401). Without anything: system:anonymous. */
static struct user *authenticate(struct apiserver *s, struct request *r, struct http_req *req)
{
	struct str token = bearer_token(req);
	X509 *cert = http_req_peer_cert(req);
	struct user *u;

	if (cert) {
		u = authn_cert(cert);
		if (u && user_in_group(u, GROUP_PEERS))
			return from_master(r, req, u);
		return u ? from_proxy(s, req, u) : NULL;
	}
	if (http_req_peer_verify(req) != 0)
		return NULL;
	if (token.p)
		return authn_token(&s->authn, token, STR_NULL, NULL);
	return http_req_header(req, "authorization").len ? NULL : authn_anonymous();
}

static void begin(struct http_front *f)
{
	struct request *r = &f->r;

	f->begun = true;
	r->as = impersonate_wanted(f->req, &f->bad);
	if (f->bad) /* whose groups? It is nobody's request then */
		r->user = user_unref(r->user);
	request_run(r);
}

/* Somebody outside has said whose the token is. */
static void known(void *user, struct user *u)
{
	struct http_front *f = user;

	f->asking = NULL;
	f->r.user = u;
	begin(f);
}

/* known may run, and with it all of the request, before the call returns. */
static void ask(struct http_front *f, struct str token)
{
	struct authn_remote_call *call;

	request_ref(&f->r);
	call = authn_remote_ask(f->r.srv->authn_remote, token, known, f);
	if (!f->begun)
		f->asking = call;
	request_unref(&f->r);
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
	struct str token;

	f->req = http_req_ref(req);
	request_init(r, s, &http_front_ops);
	r->method = http_req_method(req);
	r->path = http_req_path(req);
	r->query_text = http_req_query(req);
	r->content_type = http_req_header(req, "content-type");
	r->accept_text = http_req_header(req, "accept");
	r->user_agent = http_req_header(req, "user-agent");
	r->peer_addr = http_req_peer_addr(req);
	take_audit_id(r, http_req_header(req, "audit-id"));
	r->user = authenticate(s, r, req);
	token = bearer_token(req);
	http_req_on_close(req, closed, f);
	if (r->user || !token.p || http_req_peer_cert(req) || !s->authn_remote)
		begin(f);
	else
		ask(f, token);
}
