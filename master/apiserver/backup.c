/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/backup.h"
#include "master/apiserver/verbs.h"

/*
 * GET /knarr/v1/snapshot: everything in the store at one revision, as a file (knarrctl snapshot
 * save). Confirmed with the leader, unless "local=true" asks for what this master happens to have.
 *
 *	confirm --> pieces, as the client takes them --> end
 */
#define QUEUE_HIGH (1u << 20)

struct backup {
	struct request *r;
	struct store_backup *b; /* NULL: not begun */
	bool over;
};

static void backup_free(struct backup *w)
{
	store_backup_free(w->b);
	request_unref(w->r);
	free(w);
}

static void backup_gone(struct request *r)
{
	struct backup *w = r->work;

	r->work = NULL;
	r->on_gone = NULL;
	r->on_drain_cb = NULL;
	backup_free(w);
}

static void push(struct backup *w)
{
	struct request *r = w->r;

	while (!w->over && !r->gone && !(r->front->queued && r->front->queued(r) > QUEUE_HIGH)) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		struct http_piece piece;
		struct http_blob *blob;

		/* Cut short if it can't be sealed: the client sees that the end is missing. */
		w->over = store_backup_next(w->b, &b) <= 0;
		blob = http_blob_take_buf(&b);
		piece = http_piece_of(blob);
		r->front->write(r, &piece, 1);
		http_blob_unref(blob);
		if (w->over && !r->gone)
			r->front->end(r); /* request_gone follows from the loop and frees w */
	}
}

static void on_drain(struct request *r)
{
	if (r->work && !r->gone)
		push(r->work);
}

static void begin(struct request *r)
{
	struct http_header h[] = {
		HTTP_HEADER("Content-Type", STR("application/octet-stream")),
		HTTP_HEADER("Cache-Control", STR("no-cache, private")),
	};
	struct backup *w = NEW(struct backup);

	w->r = request_ref(r);
	w->b = store_backup_new(r->srv->store);
	r->answered = true;
	r->streaming = r->long_running = true;
	r->status = 200;
	r->work = w;
	r->on_gone = backup_gone;
	if (r->front->on_drain)
		r->front->on_drain(r, on_drain);
	r->front->start(r, 200, h, ARRAY_SIZE(h));
	push(w);
}

static void confirmed(void *user, int error)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct request *r = user;

	if (!error && !r->gone) {
		begin(r);
	} else if (!r->gone) {
		err_set(&e, EAGAIN, "ServiceUnavailable",
			"no master leads, so that nobody knows what is newest: try again, or ask "
			"for what this one has (local=true)");
		e.http_code = 503;
		e.retry_after_s = 1;
		respond_err(r, &e);
	}
	request_unref(r);
}

/* It holds all there is, Secrets too: a right to read every path is not enough. */
static bool may_read_all(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct authz_attrs all = {
		.verb = "get",
		.is_resource = true,
		.group = STR("*"),
		.version = STR("*"),
		.resource = STR("*"),
	};

	if (authz_allow(&r->srv->facts, r->user, &all, NULL))
		return true;
	err_set(&e, EACCES, "Forbidden",
		"a snapshot holds every object: User \"%s\" cannot get resource \"*\" in API group "
		"\"*\" at the cluster scope",
		r->user->name);
	e.http_code = 403;
	respond_err(r, &e);
	return false;
}

void backup_run(struct request *r)
{
	if (!str_eqs(r->method, "GET"))
		respond_not_allowed(r);
	else if (!may_read_all(r))
		return;
	else if (query_bool(&r->query, "local"))
		begin(r);
	else
		store_read_barrier(r->srv->store, confirmed, request_ref(r));
}
