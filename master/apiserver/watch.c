/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/convert.h"
#include "lib/api/protobuf.h"
#include "lib/api/table.h"
#include "master/apiserver/audit.h"
#include "master/apiserver/conversion.h"
#include "master/apiserver/flow.h"
#include "master/apiserver/node_routes.h"
#include "master/apiserver/read.h"
#include "master/apiserver/verbs.h"

/*
 * A watch.
 *
 *	begin --> [initial: ADDED for each stored object, a page at a time] --> [bookmark] --> live
 *	                         |  client slow: wait for on_drain                           | slow:
 *	                         '-------------------------------------------- store_watch_pause
 *
 * Nothing is queued for a slow reader beyond QUEUE_HIGH: the walk stops, or the store's window
 * keeps its place. When the window has moved past it the client gets 410 and lists again.
 */
#define QUEUE_HIGH (256u << 10)
#define BOOKMARK_NS (60 * NSEC_PER_SEC)
#define BEFORE_END_NS (2 * NSEC_PER_SEC) /* the last bookmark */
#define TIMEOUT_MIN_S 1800
#define TIMEOUT_MAX_S (365u * 86400)

struct watch {
	struct request *r;
	struct read_filter filter;
	struct buf prefix, after;
	struct store_view *view; /* during initial; NULL when live */
	struct store_watch *store_watch;
	struct timer timeout, bookmark;
	uint64_t ends_ns; /* when timeout fires */
	uint64_t bookmarked; /* revision of the last bookmark */
	bool bookmarks, send_initial, columns_sent, paused, over;
	/* An event that waits for a conversion webhook; the store's watch is paused meanwhile. */
	struct store_obj *waiting;
	enum transport_event waiting_ev;
	unsigned
		asked; /* conversions under way: their answers come whatever becomes of the watch */
	bool gone;
};

static const char *const event_names[TRANSPORT_EVENT_MAX] = {
	[TRANSPORT_ADDED] = "ADDED",     [TRANSPORT_MODIFIED] = "MODIFIED",
	[TRANSPORT_DELETED] = "DELETED", [TRANSPORT_BOOKMARK] = "BOOKMARK",
	[TRANSPORT_ERROR] = "ERROR",
};

static void watch_asked_free(struct watch *w)
{
	if (w->asked)
		return;
	request_unref(w->r);
	free(w);
}

static void watch_free(struct watch *w)
{
	struct timers *ts = w->r->srv->timers;

	store_unwatch(w->store_watch);
	timers_disarm(ts, &w->timeout);
	timers_disarm(ts, &w->bookmark);
	store_view_unref(w->view);
	read_filter_done(&w->filter);
	buf_done(&w->prefix);
	buf_done(&w->after);
	w->gone = true;
	watch_asked_free(w);
}

static void watch_gone(struct request *r)
{
	struct watch *w = r->work;

	r->work = NULL;
	r->on_gone = NULL;
	r->on_drain_cb = NULL;
	watch_free(w);
}

/* The server's own end of the stream. */
static void watch_end(struct watch *w)
{
	struct request *r = w->r;

	if (w->over)
		return;
	w->over = true;
	store_unwatch(w->store_watch);
	w->store_watch = NULL;
	timers_disarm(r->srv->timers, &w->timeout);
	timers_disarm(r->srv->timers, &w->bookmark);
	if (!r->gone)
		r->front->end(r); /* request_gone follows from the loop and frees w */
}

/* The same as a frame of protobuf; `object` is JSON. */
static bool frame_of(enum transport_event ev, struct str object, struct buf *out)
{
	CLEANUP(buf_done) struct buf pb = BUF_INIT;

	if (!api_pb_any_object(object, &pb))
		return false;
	api_pb_watch_head(str_of(event_names[ev]), pb.len, out);
	buf_addstr(out, buf_str(&pb));
	return true;
}

static void write_line(struct watch *w, enum transport_event ev, struct str object)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct http_blob *blob;
	struct http_piece piece;

	if (w->r->accept.pb) {
		if (!frame_of(ev, object, &b))
			return;
	} else {
		buf_addf(&b, "{\"type\":\"%s\",\"object\":", event_names[ev]);
		buf_addstr(&b, object);
		buf_adds(&b, "}\n");
	}
	blob = http_blob_take_buf(&b);
	piece = http_piece_of(blob);
	if (!w->r->gone)
		w->r->front->write(w->r, &piece, 1);
	http_blob_unref(blob);
}

static void release_obj(void *user)
{
	store_obj_unref(user);
}

/* One object of an event in the forms that watchers want, each made once for all of them. */
struct event_forms {
	struct http_blob *json, *pb;
};

static void forms_free(void *user)
{
	struct event_forms *f = user;

	http_blob_unref(f->json);
	http_blob_unref(f->pb);
	free(f);
}

static struct event_forms *forms_of(const struct store_event *e)
{
	struct event_forms *f = e->cookie;

	if (f)
		return f;
	f = NEW(struct event_forms);
	if (store_event_set_cookie(e, f, forms_free) < 0) {
		free(f);
		return NULL;
	}
	return f;
}

static struct http_blob *json_blob(const struct store_obj *o)
{
	return http_blob_wrap(o->value, release_obj, store_obj_ref(o));
}

static struct http_blob *pb_blob(const struct store_obj *o)
{
	struct buf b = BUF_INIT;

	api_pb_any_object(o->value, &b);
	return http_blob_take_buf(&b);
}

/* A reference on the object in one form, from the event's own if it has one. */
static struct http_blob *form_of(const struct store_obj *o, const struct store_event *e, bool pb)
{
	struct event_forms *f = e ? forms_of(e) : NULL;
	struct http_blob **at = f ? (pb ? &f->pb : &f->json) : NULL;

	if (!at)
		return pb ? pb_blob(o) : json_blob(o);
	if (!*at)
		*at = pb ? pb_blob(o) : json_blob(o);
	return http_blob_ref(*at);
}

static void write_shared_pb(struct watch *w, enum transport_event ev, const struct store_obj *o,
			    const struct store_event *e)
{
	struct http_blob *blob = form_of(o, e, true), *head;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct http_piece p[2];

	api_pb_watch_head(str_of(event_names[ev]), blob->bytes.len, &b);
	head = http_blob_take_buf(&b);
	p[0] = http_piece_of(head);
	p[1] = http_piece_of(blob);
	w->r->front->write(w->r, p, 2);
	http_blob_unref(head);
	http_blob_unref(blob);
}

#define HEAD(lit)                      \
	{                              \
		(lit), sizeof(lit) - 1 \
	}
/* The stored bytes without a copy; all watchers of one event share the blob. */
static void write_shared(struct watch *w, enum transport_event ev, const struct store_obj *o,
			 const struct store_event *e)
{
	static const struct str heads[TRANSPORT_EVENT_MAX] = {
		[TRANSPORT_ADDED] = HEAD("{\"type\":\"ADDED\",\"object\":"),
		[TRANSPORT_MODIFIED] = HEAD("{\"type\":\"MODIFIED\",\"object\":"),
		[TRANSPORT_DELETED] = HEAD("{\"type\":\"DELETED\",\"object\":"),
	};
	struct http_blob *blob;
	struct http_piece p[3];

	if (w->r->accept.pb) {
		write_shared_pb(w, ev, o, e);
		return;
	}
	blob = form_of(o, e, false);
	p[0] = (struct http_piece){heads[ev], NULL};
	p[1] = (struct http_piece){o->value, blob};
	p[2] = HTTP_PIECE_LIT("}\n");
	w->r->front->write(w->r, p, 3);
	http_blob_unref(blob);
}

static void write_table(struct watch *w, enum transport_event ev, struct str value)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct request *r = w->r;
	int include = api_table_include_parse(query_get(&r->query, "includeObject"));
	struct jv obj = jv_of(value);

	api_table_begin(r->kind, r->accept.version,
			jv_text(jv_path(obj, "metadata.resourceVersion")), STR(""), -1,
			!w->columns_sent, &b);
	api_table_row(r->kind, r->accept.version, server_now_ns(r->srv), obj,
		      include < 0 ? API_INCLUDE_METADATA : (enum api_table_include)include, true,
		      &b);
	api_table_end(&b);
	w->columns_sent = true;
	write_line(w, ev, buf_str(&b));
}

/* `value` is what the store has of an object, of revision `rev`. */
static void write_value(struct watch *w, enum transport_event ev, struct str value, uint64_t rev)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct request *r = w->r;

	if (!api_is_served_form(r->kind, value, rev)) {
		api_convert_bytes(r->kind, jv_of(value), &b);
		value = buf_str(&b);
	}
	if (r->accept.form == ACCEPT_TABLE) {
		write_table(w, ev, value);
	} else if (r->accept.form == ACCEPT_PARTIAL) {
		CLEANUP(buf_done) struct buf partial = BUF_INIT;

		api_partial_metadata(r->accept.version, jv_of(value), &partial);
		write_line(w, ev, buf_str(&partial));
	} else {
		write_line(w, ev, value);
	}
}

static void show(struct watch *w, enum transport_event ev, const struct store_obj *o,
		 const struct store_event *e);

/* `e` is the event it comes from, or NULL; its cookie may only stand for e->obj. */
static void write_object(struct watch *w, enum transport_event ev, const struct store_obj *o,
			 const struct store_event *e)
{
	struct request *r = w->r;
	struct str value = o->value;

	if (r->gone || w->over)
		return;
	if (r->accept.form == ACCEPT_OBJECT && api_is_served_form(r->kind, value, o->rev)) {
		if (!r->front->object || !r->front->object(r, ev, o))
			write_shared(w, ev, o, e && e->obj == o ? e : NULL);
		return;
	}
	write_value(w, ev, value, o->rev);
}

/*
 * It is out of the selector's sight: the object as the watcher knew it, with the revision of the
 * change (Kubernetes' cacher does so). Clients in this process take the new one.
 */
static void write_left(struct watch *w, const struct store_event *e)
{
	const struct store_obj *was = e->prev;
	CLEANUP(buf_done) struct buf b = BUF_INIT, old = BUF_INIT;

	if (w->r->front->object || was->rv_at == STORE_NO_RV ||
	    custom_wants_webhook(w->r->kind, was->value)) {
		show(w, TRANSPORT_DELETED, e->obj, e);
		return;
	}
	buf_addu64(&old, was->rev);
	buf_add(&b, was->value.p, was->rv_at);
	buf_addu64(&b, e->obj->rev);
	buf_addstr(&b, str_skip(was->value, was->rv_at + old.len));
	if (!w->r->gone && !w->over)
		write_value(w, TRANSPORT_DELETED, buf_str(&b), was->rev);
}

/* An object of the kind with nothing but a revision, and a mark when it ends the initial events. */
static void write_bookmark(struct watch *w, uint64_t rev, bool initial_end)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct request *r = w->r;
	const char *note =
		initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "";
	bool partial = r->accept.form == ACCEPT_PARTIAL;

	if (r->gone || w->over)
		return;
	w->bookmarked = rev;
	buf_addf(&b, "{\"kind\":\"%s\",\"apiVersion\":\"",
		 partial ? "PartialObjectMetadata" : r->kind->kind);
	if (partial)
		buf_addf(&b, "meta.k8s.io/%s", r->accept.version);
	else
		api_kind_api_version(r->kind, &b);
	buf_addf(&b,
		 "\",\"metadata\":{\"resourceVersion\":\"%" PRIu64
		 "\",\"creationTimestamp\":null%s}}",
		 rev, note);
	if (r->accept.form == ACCEPT_TABLE)
		write_table(w, TRANSPORT_BOOKMARK, buf_str(&b));
	else
		write_line(w, TRANSPORT_BOOKMARK, buf_str(&b));
}

static void write_status(struct watch *w, const struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	api_status_write(e, NULL, &b);
	write_line(w, TRANSPORT_ERROR, buf_str(&b));
}

/* What the watcher sees of a change, when selectors let objects come into and out of its sight. */
static void send_initial(struct watch *w);

static void converted(void *user, const struct err *e)
{
	struct watch *w = user;
	struct store_obj *o = TAKE(w->waiting);

	w->asked--;
	if (w->gone) {
		store_obj_unref(o);
		watch_asked_free(w);
		return;
	}
	if (e && !w->over) {
		write_status(w, e);
		watch_end(w);
	} else if (!w->over && w->view) {
		send_initial(w);
	} else if (o) {
		write_object(w, w->waiting_ev, o, NULL);
		if (!w->over && !w->paused)
			store_watch_resume(w->store_watch);
	}
	store_obj_unref(o);
}

/* Show it, now or when the webhook has converted it. */
static void show(struct watch *w, enum transport_event ev, const struct store_obj *o,
		 const struct store_event *e)
{
	if (w->r->accept.form == ACCEPT_PARTIAL || !custom_wants_webhook(w->r->kind, o->value)) {
		write_object(w, ev, o, e);
		return;
	}
	w->waiting = store_obj_ref(o);
	w->waiting_ev = ev;
	w->asked++;
	store_watch_pause(w->store_watch);
	conversion_ensure(w->r->srv, w->r->kind, &o->value, 1, converted, w);
}

/* Of what the walk will show next some is not at hand: it goes on when it is. */
static bool initial_waits(struct watch *w)
{
	CLEANUP_FREE struct str *values = NULL;
	size_t n = 0, cap = 0;
	const struct store_obj *o;
	struct store_iter it;

	if (!custom_has_webhook(w->r->kind) || w->r->accept.form == ACCEPT_PARTIAL)
		return false;
	store_range(w->view, buf_str(&w->prefix), w->after.len ? buf_str(&w->after) : STR_NULL,
		    &it);
	while ((o = store_iter_next(&it)))
		if (read_filter_match(&w->filter, o))
			*ARRAY_PUSH(values, n, cap) = o->value;
	if (!conversion_ensure(w->r->srv, w->r->kind, values, n, converted, w))
		return false;
	w->asked++;
	return true;
}

static void on_event(void *user, const struct store_event *ev, int err)
{
	struct watch *w = user;
	struct request *r = w->r;
	bool now, before;

	if (!ev) {
		CLEANUP(err_done) struct err e = ERR_INIT;

		if (err == -ESTALE) {
			api_err_gone(&e, "too old resource version: %" PRIu64 " (%" PRIu64 ")",
				     store_watch_rev(w->store_watch), store_rev(r->srv->store));
			write_status(w, &e);
		}
		watch_end(w);
		return;
	}
	now = ev->type == STORE_EVENT_PUT && read_filter_match(&w->filter, ev->obj);
	before = ev->prev && read_filter_match(&w->filter, ev->prev);
	if (now)
		show(w, before ? TRANSPORT_MODIFIED : TRANSPORT_ADDED, ev->obj, ev);
	else if (before && ev->type == STORE_EVENT_PUT)
		write_left(w, ev);
	else if (before)
		show(w, TRANSPORT_DELETED, ev->obj, ev);
	if (!w->over && !r->gone && r->front->queued && r->front->queued(r) > QUEUE_HIGH) {
		store_watch_pause(w->store_watch);
		w->paused = true;
	}
}

/* ---- life ---- */

static void timeout_fire(struct timer *t)
{
	watch_end(container_of(t, struct watch, timeout));
}

/* Each minute, and once shortly before the end: a client that comes back then has missed little. */
static void arm_bookmark(struct watch *w)
{
	struct timers *ts = w->r->srv->timers;
	uint64_t left = w->ends_ns - MIN(w->ends_ns, timers_now_ns(ts));

	if (left > BEFORE_END_NS)
		timers_arm_in(ts, &w->bookmark, MIN(left - BEFORE_END_NS, BOOKMARK_NS));
}

static void bookmark_fire(struct timer *t)
{
	struct watch *w = container_of(t, struct watch, bookmark);
	uint64_t rev = w->store_watch ? store_watch_rev(w->store_watch) : 0;

	if (rev > w->bookmarked)
		write_bookmark(w, rev, false);
	arm_bookmark(w);
}

/*
 * The narrowest watch of the store that gives all events the selectors can want. What fails from
 * here on is told as an event: the answer's head is out (as in Kubernetes, also for 410).
 */
static void go_live(struct watch *w, uint64_t from_rev)
{
	struct request *r = w->r;
	struct store_watch_spec spec = {.prefix = buf_str(&w->prefix), .from_rev = from_rev};
	struct str name = field_selector_exact(&w->filter.fields, "metadata.name");
	struct str node = field_selector_exact(&w->filter.fields, "spec.nodeName");
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	CLEANUP(err_done) struct err err = ERR_INIT;
	int e;

	if (name.len && (r->info.ns.len || !api_kind_namespaced(r->kind))) {
		request_key(r->kind, r->info.ns, name, &key);
		spec.prefix = buf_str(&key);
	}
	if (node.len) {
		spec.field = STR("spec.nodeName");
		spec.value = node;
	}
	w->bookmarked = from_rev;
	e = store_watch(r->srv->store, &spec, on_event, w, &w->store_watch);
	if (e == 0)
		return;
	if (e == -ESTALE)
		api_err_gone(&err, "too old resource version: %" PRIu64 " (%" PRIu64 ")", from_rev,
			     store_rev(r->srv->store));
	else
		err_set(&err, -e, "InternalError", "cannot watch: %s", strerror(-e));
	write_status(w, &err);
	watch_end(w);
}

/* Send stored objects until all are sent or the client has enough for now. */
static void send_initial(struct watch *w)
{
	struct request *r = w->r;
	const struct store_obj *o;
	struct store_iter it;
	uint64_t rev = store_view_rev(w->view);

	if (w->asked || initial_waits(w))
		return;
	store_range(w->view, buf_str(&w->prefix), w->after.len ? buf_str(&w->after) : STR_NULL,
		    &it);
	while (!r->gone && (o = store_iter_next(&it))) {
		if (!read_filter_match(&w->filter, o))
			continue;
		write_object(w, TRANSPORT_ADDED, o, NULL);
		if (r->front->queued && r->front->queued(r) > QUEUE_HIGH) {
			buf_clear(&w->after);
			buf_addstr(&w->after, o->key);
			return;
		}
	}
	store_view_unref(w->view);
	w->view = NULL;
	if (r->gone)
		return;
	if (w->bookmarks)
		write_bookmark(w, rev, true);
	go_live(w, rev);
}

static void on_drain(struct request *r)
{
	struct watch *w = r->work;

	if (!w || w->over || r->gone)
		return;
	if (w->view) {
		send_initial(w);
	} else if (w->paused) {
		w->paused = false;
		if (!w->waiting)
			store_watch_resume(w->store_watch);
	}
}

void watch_answer(struct request *r, void *work, void (*on_gone)(struct request *r),
		  void (*drain)(struct request *r))
{
	struct http_header h[] = {
		HTTP_HEADER("Content-Type", r->accept.pb ? STR(API_PB_TYPE ";stream=watch")
							 : STR("application/json")),
		HTTP_HEADER("Cache-Control", STR("no-cache, private")),
	};

	r->answered = true;
	r->streaming = r->long_running = true;
	r->status = 200;
	r->work = work;
	r->on_gone = on_gone;
	if (r->front->on_drain)
		r->front->on_drain(r, drain);
	flow_release(r);
	audit_started(r, 200);
	r->front->start(r, 200, h, ARRAY_SIZE(h));
}

static void start(struct watch *w, uint64_t timeout_s)
{
	struct request *r = w->r;

	w->timeout.fire = timeout_fire;
	w->bookmark.fire = bookmark_fire;
	timers_arm_in(r->srv->timers, &w->timeout, timeout_s * NSEC_PER_SEC);
	w->ends_ns = timers_now_ns(r->srv->timers) + timeout_s * NSEC_PER_SEC;
	if (w->bookmarks)
		arm_bookmark(w);
	watch_answer(r, w, watch_gone, on_drain);
}

uint64_t watch_timeout_s(uint64_t asked, const struct rng *rng)
{
	if (asked && asked <= TIMEOUT_MAX_S)
		return asked;
	return TIMEOUT_MIN_S + rng_below(rng, TIMEOUT_MIN_S);
}

static int watch_begin(struct watch *w, struct err *err)
{
	struct request *r = w->r;
	uint64_t rev, from = 0, timeout_s;
	struct str initial = query_get(&r->query, "sendInitialEvents");
	int given;

	if (read_check_options(r, true, err) < 0 || read_filter_parse(r, &w->filter, err) < 0 ||
	    read_number(r, "timeoutSeconds", 0, &timeout_s, err) < 0)
		return -EINVAL;
	timeout_s = watch_timeout_s(timeout_s, &rng_system);
	given = read_check_rv(r, &rev, err);
	if (given < 0)
		return given;
	request_key(r->kind, r->info.ns, STR(""), &w->prefix);
	w->bookmarks = query_bool(&r->query, "allowWatchBookmarks");
	/* Without a revision, or from 0, the present state comes first unless it is not wanted. */
	w->send_initial = initial.len ? query_bool(&r->query, "sendInitialEvents")
				      : str_is_null(initial) && (!given || !rev);
	if (w->send_initial)
		w->view = store_view(r->srv->store);
	else
		from = given && rev ? rev : store_rev(r->srv->store);
	start(w, timeout_s);
	if (w->send_initial)
		send_initial(w);
	else
		go_live(w, from);
	return 0;
}

static void watch_now(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct watch *w = NEW(struct watch);

	w->r = request_ref(r);
	w->prefix = BUF_INIT;
	w->after = BUF_INIT;
	if (watch_begin(w, &e) < 0) {
		respond_err(r, &e);
		watch_free(w);
	}
}

/* Nothing would come: another master may not be cut off. */
static void watch_lost(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EBUSY, "ServiceUnavailable", "no master leads at the moment");
	e.http_code = 503;
	e.retry_after_s = 1;
	respond_err(r, &e);
}

void verb_watch(struct request *r)
{
	if (r->accept.form == ACCEPT_NONE)
		respond_not_acceptable(r);
	else if (r->srv->lost)
		watch_lost(r);
	else if (node_routes_wanted(r))
		read_consistent(r, node_routes_watch);
	else
		read_consistent(r, watch_now);
}
