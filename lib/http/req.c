/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/server_conn.h"
#include "lib/base/clock.h"

/* ---- life ---- */

struct http_req *req_new(struct sconn *sc)
{
	struct http_req *r = NEW(struct http_req);

	r->sc = sc;
	r->server = sc->server;
	r->server->refs++;
	r->refs = 1;
	r->max_queue = sc->server->conf.max_queue;
	r->body_max = sc->server->conf.max_body;
	r->progress_ms = uv_now(sc->server->conf.loop);
	fields_init(&r->head);
	buf_init(&r->body);
	list_append(&sc->reqs, &r->link);
	sc->server->stats.reqs++;
	sc->server->stats.reqs_total++;
	return r;
}

struct http_req *http_req_ref(struct http_req *r)
{
	r->refs++;
	return r;
}

struct http_req *http_req_unref(struct http_req *r)
{
	if (!r || --r->refs)
		return NULL;
	fields_done(&r->head);
	buf_done(&r->body);
	pieceq_clear(&r->queue);
	server_unref(r->server);
	free(r);
	return NULL;
}

void req_dispatch(struct http_req *r)
{
	fields_shrink(&r->head);
	r->dispatched = true;
	r->is_head = str_eq(http_req_method(r), STR("HEAD"));
	r->expect_continue = str_eq_nocase(http_req_header(r, "expect"), STR("100-continue"));
	r->server->conf.on_request(r, r->server->conf.user);
}

void req_over(struct http_req *r, int err)
{
	void (*on_body)(struct http_req *, int, struct str, void *) = TAKE(r->on_body);
	void (*on_close)(struct http_req *, int, void *) = TAKE(r->on_close);

	if (!r->sc)
		return;
	r->sc = NULL;
	list_remove(&r->link);
	pieceq_clear(&r->queue);
	r->server->stats.reqs--;
	if (err == -ENOBUFS)
		r->server->stats.slow_readers++;
	if (err == -ETIMEDOUT)
		r->server->stats.timeouts++;
	if (on_body)
		on_body(r, err ? err : -ECONNRESET, STR_NULL, r->on_body_user);
	if (on_close)
		on_close(r, err, r->on_close_user);
	http_req_unref(r);
}

bool http_req_is_over(const struct http_req *r)
{
	return !r->sc;
}

void http_req_set_user(struct http_req *r, void *user)
{
	r->user = user;
}

void *http_req_user(const struct http_req *r)
{
	return r->user;
}

void http_req_on_close(struct http_req *r, void (*cb)(struct http_req *r, int err, void *user),
		       void *user)
{
	r->on_close = cb;
	r->on_close_user = user;
}

/* ---- what was asked ---- */

struct str http_req_method(const struct http_req *r)
{
	return fields_get(&r->head, STR(":method"));
}

struct str http_req_path(const struct http_req *r)
{
	struct str path = fields_get(&r->head, STR(":path"));
	ssize_t at = str_chr(path, '?');

	return at < 0 ? path : str_n(path.p, (size_t)at);
}

struct str http_req_query(const struct http_req *r)
{
	struct str path = fields_get(&r->head, STR(":path"));
	ssize_t at = str_chr(path, '?');

	return at < 0 ? STR_NULL : str_skip(path, (size_t)at + 1);
}

struct str http_req_header(const struct http_req *r, const char *name)
{
	char lower[64];
	size_t len = strlen(name);
	struct str value;

	if (len >= sizeof(lower))
		return STR_NULL;
	for (size_t i = 0; i < len; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	value = fields_get(&r->head, str_n(lower, len));
	if (str_is_null(value) && str_eq(str_n(lower, len), STR("host")))
		value = fields_get(&r->head, STR(":authority"));
	return value;
}

bool http_req_header_at(const struct http_req *r, size_t i, struct http_header *ret)
{
	struct str host = fields_get(&r->head, STR(":authority"));

	if (!str_is_null(host) && str_is_null(fields_get(&r->head, STR("host")))) {
		if (i == 0) {
			*ret = (struct http_header){STR("host"), host};
			return true;
		}
		i--;
	}
	return fields_at(&r->head, i, ret);
}

int http_req_version(const struct http_req *r)
{
	return r->stream_id ? 2 : 1;
}

bool http_req_is_tls(const struct http_req *r)
{
	return r->server->conf.tls;
}

const char *http_req_peer_addr(const struct http_req *r)
{
	return r->sc ? r->sc->peer : "";
}

X509 *http_req_peer_cert(const struct http_req *r)
{
	return r->sc && r->sc->conn->tls ? tls_io_peer(r->sc->conn->tls, NULL) : NULL;
}

long http_req_peer_verify(const struct http_req *r)
{
	long verify = 0;

	if (r->sc && r->sc->conn->tls)
		tls_io_peer(r->sc->conn->tls, &verify);
	return verify;
}

struct http_server *http_req_server(const struct http_req *r)
{
	return r->server;
}

uv_loop_t *http_req_loop(const struct http_req *r)
{
	return r->server->conf.loop;
}

/* ---- its body ---- */

static void body_deliver(struct http_req *r)
{
	void (*cb)(struct http_req *, int, struct str, void *) = TAKE(r->on_body);

	if (r->body_too_big) {
		buf_done(&r->body);
		r->close_after = !r->stream_id; /* a stream is simply reset */
	}
	r->body_read = true;
	if (cb)
		cb(r, r->body_too_big ? -EFBIG : 0, r->body_too_big ? STR_NULL : buf_str(&r->body),
		   r->on_body_user);
}

void req_body_add(struct http_req *r, struct str data)
{
	if (r->body_too_big || (r->ended && !r->body_wanted))
		return;
	if (data.len > r->body_max - MIN(r->body_max, r->body.len)) {
		r->body_too_big = true;
		if (r->on_body)
			body_deliver(r);
		return;
	}
	buf_addstr(&r->body, data);
}

void req_body_end(struct http_req *r)
{
	r->body_done = true;
	if (r->on_body && !r->body_too_big)
		body_deliver(r);
}

void http_req_read_body(struct http_req *r, size_t max,
			void (*cb)(struct http_req *r, int err, struct str body, void *user),
			void *user)
{
	uint64_t length = 0;

	if (!r->sc) {
		cb(r, -EPIPE, STR_NULL, user);
		return;
	}
	if (max)
		r->body_max = MIN(max, r->server->conf.max_body);
	r->on_body = cb;
	r->on_body_user = user;
	str_to_u64(http_req_header(r, "content-length"), &length);
	if (length > r->body_max || r->body.len > r->body_max)
		r->body_too_big = true;
	r->body_wanted = true;
	if (r->body_done || r->body_too_big) {
		body_deliver(r);
		return;
	}
	if (length)
		buf_reserve(&r->body, (size_t)MIN(length, (uint64_t)r->body_max));
	r->sc->proto->want_body(r);
}

void http_req_take_body(struct http_req *r, struct buf *ret)
{
	buf_done(ret);
	*ret = r->body;
	buf_init(&r->body);
}

/* ---- the answer ---- */

struct str http_date(void)
{
	static _Thread_local char text[32];
	static _Thread_local time_t made;
	time_t now = (time_t)(clock_real_ns(&clock_system) / (int64_t)NSEC_PER_SEC);
	struct tm tm;

	if (now != made) {
		made = now;
		gmtime_r(&now, &tm);
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
	return str_of(text);
}

bool reply_header_ok(const struct http_header *h)
{
	static const char *const own[] = {"connection", "content-length",    "date",
					  "keep-alive", "transfer-encoding", "upgrade"};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (str_eq_nocase(h->name, str_of(own[i])))
			return false;
	/* A line break in a value would begin a field of its own. */
	for (size_t i = 0; i < h->value.len; i++)
		if (h->value.p[i] == '\r' || h->value.p[i] == '\n' || !h->value.p[i])
			return false;
	return h->name.len && !str_is_null(h->value);
}

static int begin(struct http_req *r, int status, const struct http_header *headers, size_t n,
		 int64_t length)
{
	int err;

	if (!r->sc || r->started || r->failed || conn_is_closing(r->sc->conn))
		return -EPIPE;
	r->started = true;
	err = r->sc->proto->start(r, status, headers, n, length);
	if (err < 0)
		r->failed = err;
	return err;
}

static void kick(struct http_req *r)
{
	r->sc->proto->kick(r);
	sconn_dirty(r->sc);
}

int http_reply(struct http_req *r, int status, const struct http_header *headers, size_t n_headers,
	       const struct http_piece *pieces, size_t n_pieces)
{
	bool no_body = r->is_head || status == 204 || status == 304;
	size_t total = 0;
	int err;

	for (size_t i = 0; i < n_pieces; i++)
		total += pieces[i].bytes.len;
	if (!r->sc || r->started)
		return -EPIPE;
	/* Before the head: HTTP/2 says in it whether a body follows. */
	r->ended = true;
	r->progress_ms = uv_now(r->server->conf.loop);
	if (!no_body)
		for (size_t i = 0; i < n_pieces; i++)
			pieceq_add(&r->queue, pieces[i]);
	err = begin(r, status, headers, n_headers, (int64_t)total);
	if (r->sc)
		kick(r);
	return err;
}

int http_reply_text(struct http_req *r, int status, const char *content_type, struct str body)
{
	struct http_header h = HTTP_HEADER("content-type", str_of(content_type));
	struct http_blob *blob = http_blob_new(body);
	struct http_piece piece = http_piece_of(blob);
	int err = http_reply(r, status, &h, 1, &piece, 1);

	http_blob_unref(blob);
	return err;
}

void req_reply_error(struct http_req *r, int status)
{
	const char *text = http_status_text(status);

	http_req_close_after(r);
	http_reply_text(r, status, "text/plain; charset=utf-8", str_of(text));
}

int http_reply_start(struct http_req *r, int status, const struct http_header *headers,
		     size_t n_headers)
{
	int err;

	r->streaming = true;
	err = begin(r, status, headers, n_headers, -1);
	if (r->sc)
		kick(r);
	return err;
}

int http_reply_writev(struct http_req *r, const struct http_piece *pieces, size_t n)
{
	size_t total = 0;

	if (!r->sc || !r->started || r->ended || r->failed || conn_is_closing(r->sc->conn))
		return -EPIPE;
	for (size_t i = 0; i < n; i++)
		total += pieces[i].bytes.len;
	if (r->is_head || !total)
		return 0;
	/* One large write into an empty queue is not a slow reader. */
	if (r->queue.bytes && r->queue.bytes + total > r->max_queue) {
		r->failed = -ENOBUFS;
		kick(r);
		return -ENOBUFS;
	}
	if (!r->queue.bytes)
		r->progress_ms = uv_now(r->server->conf.loop);
	for (size_t i = 0; i < n; i++)
		pieceq_add(&r->queue, pieces[i]);
	kick(r);
	return 0;
}

int http_reply_write(struct http_req *r, struct http_blob *blob)
{
	struct http_piece p = http_piece_of(blob);

	return http_reply_writev(r, &p, 1);
}

int http_reply_end(struct http_req *r)
{
	if (!r->sc || !r->started || r->ended || r->failed)
		return -EPIPE;
	r->ended = true;
	kick(r);
	return 0;
}

void http_reply_abort(struct http_req *r)
{
	if (!r->sc || r->failed)
		return;
	r->failed = -ECANCELED;
	kick(r);
}

size_t http_reply_queued(const struct http_req *r)
{
	return r->queue.bytes;
}

void http_reply_on_drain(struct http_req *r, void (*cb)(struct http_req *r, void *user), void *user)
{
	r->on_drain = cb;
	r->on_drain_user = user;
}

void req_drained(struct http_req *r)
{
	if (!r->queue.bytes && r->on_drain && !r->ended && !r->failed)
		r->on_drain(r, r->on_drain_user);
}

void http_reply_set_max_queue(struct http_req *r, size_t bytes)
{
	r->max_queue = bytes;
}

void http_req_close_after(struct http_req *r)
{
	r->close_after = true;
}
