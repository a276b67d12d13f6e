/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/http/site.h"

#include <openssl/x509.h>

struct watcher {
	struct list link;
	struct site *site;
	struct http_req *req;
	uint64_t left; /* /stream */
};

static char block[65536];

void site_init(struct site *s)
{
	*s = (struct site){0};
	list_init(&s->watchers);
	memset(block, 'x', sizeof(block));
}

static void big(struct http_req *r, uint64_t n)
{
	size_t n_pieces = (size_t)(n / sizeof(block)) + 1;
	struct http_piece *v = xcalloc(n_pieces, sizeof(*v));
	struct http_header h = HTTP_HEADER("Content-Type", STR("text/plain"));

	for (size_t i = 0; i < n_pieces; i++)
		v[i].bytes = str_n(block, i + 1 < n_pieces ? sizeof(block) : n % sizeof(block));
	http_reply(r, 200, &h, 1, v, n_pieces);
	free(v);
}

static void on_echo(struct http_req *r, int err, struct str body, void *user)
{
	if (err == -EFBIG)
		http_reply_text(r, 413, "text/plain", STR("too large\n"));
	else if (err == 0)
		http_reply_text(r, 200, "application/octet-stream", body);
}

static void who(struct http_req *r)
{
	X509 *cert = http_req_peer_cert(r);
	char cn[64] = "nobody";

	if (cert)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn,
					  sizeof(cn));
	else if (http_req_peer_verify(r))
		snprintf(cn, sizeof(cn), "bad %ld", http_req_peer_verify(r));
	http_reply_text(r, 200, "text/plain", str_of(cn));
}

static void watcher_closed(struct http_req *r, int err, void *user)
{
	struct watcher *w = user;

	w->site->closed++;
	w->site->slow += err == -ENOBUFS;
	w->site->last_err = err;
	if (!list_empty(&w->link))
		w->site->n_watchers--;
	list_remove(&w->link);
	free(w);
}

static struct watcher *watcher_new(struct site *s, struct http_req *r)
{
	struct watcher *w = NEW(struct watcher);

	w->site = s;
	w->req = r;
	list_init(&w->link);
	http_req_on_close(r, watcher_closed, w);
	return w;
}

static void watch(struct site *s, struct http_req *r)
{
	struct http_header h = HTTP_HEADER("content-type", STR("application/json"));
	struct watcher *w = watcher_new(s, r);

	list_append(&s->watchers, &w->link);
	s->n_watchers++;
	http_reply_start(r, 200, &h, 1);
}

static void stream_more(struct http_req *r, void *user)
{
	struct watcher *w = user;

	while (w->left && http_reply_queued(r) < sizeof(block)) {
		size_t n = (size_t)MIN(w->left, (uint64_t)sizeof(block));
		struct http_piece p = {str_n(block, n), NULL};

		if (http_reply_writev(r, &p, 1) < 0)
			return;
		w->left -= n;
	}
	if (!w->left)
		http_reply_end(r);
}

static void stream(struct site *s, struct http_req *r, uint64_t n)
{
	struct watcher *w = watcher_new(s, r);

	w->left = n;
	http_reply_on_drain(r, stream_more, w);
	http_reply_start(r, 200, NULL, 0);
	stream_more(r, w);
}

void site_event(struct site *s, struct str bytes)
{
	struct http_blob *b = http_blob_new(bytes);

	list_for_each_safe (it, &s->watchers)
		http_reply_write(list_entry(it, struct watcher, link)->req, b);
	http_blob_unref(b);
}

static void on_event_body(struct http_req *r, int err, struct str body, void *user)
{
	if (err)
		return;
	site_event(user, body);
	http_reply_text(r, 200, "text/plain", STR("sent\n"));
}

static void echo_data(struct http_stream *s, struct str data, void *user)
{
	http_stream_write(s, data);
}

static void echo_close(struct http_stream *s, int err, void *user)
{
	struct site *site = user;

	site->closed++;
}

static void upgrade(struct site *site, struct http_req *r)
{
	static const struct http_stream_ops ops = {.on_data = echo_data, .on_close = echo_close};
	struct http_header h = HTTP_HEADER("X-Echo", STR("yes"));
	struct http_stream *s;

	if (http_req_upgrade(r, "echo", &h, 1, &s) < 0)
		http_reply_text(r, 400, "text/plain", STR("cannot upgrade\n"));
	else
		http_stream_start(s, &ops, site);
}

void site_request(struct http_req *r, void *user)
{
	struct site *s = user;
	struct str path = http_req_path(r);
	uint64_t n = 0;

	str_to_u64(http_req_query(r), &n);
	if (str_eqs(path, "/hello")) {
		http_reply_text(r, 200, "text/plain", STR("hello\n"));
	} else if (str_eqs(path, "/big")) {
		big(r, n);
	} else if (str_eqs(path, "/stream")) {
		stream(s, r, n);
	} else if (str_eqs(path, "/echo")) {
		http_req_read_body(r, 0, on_echo, NULL);
	} else if (str_eqs(path, "/who")) {
		who(r);
	} else if (str_eqs(path, "/watch")) {
		watch(s, r);
	} else if (str_eqs(path, "/event")) {
		http_req_read_body(r, 0, on_event_body, s);
	} else if (str_eqs(path, "/refuse")) {
		http_req_close_after(r);
		http_reply_text(r, 401, "text/plain", STR("who are you?\n"));
	} else if (str_eqs(path, "/upgrade")) {
		upgrade(s, r);
	} else if (str_eqs(path, "/never")) {
		watcher_new(s, r);
	} else {
		http_reply_text(r, 404, "text/plain", STR("no such page\n"));
	}
}
