/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/node_routes.h"

#include <openssl/sha.h>

#include "lib/base/log.h"
#include "lib/json/jw.h"
#include "master/apiserver/read.h"
#include "master/apiserver/verbs.h"

/*
 *	store --> changed? --> ring of changes --(flush)--> one batch --> each viewer
 *	            '- no: nothing                             who begins: all, or what is new to
 *him
 */
#define RING 1024u /* changes that are kept for those who come back */
#define STALE 64u /* changes behind which the whole is made anew */
#define QUEUE_HIGH (256u << 10)
/* Between two batches: a viewer's share keeps the effort for each batch below a tenth or so. */
#define FLUSH_NS (100 * NSEC_PER_MSEC)
#define FLUSH_VIEWER_NS (100 * NSEC_PER_USEC)
#define TIMEOUT_MIN_S 1800 /* and up to twice as much */

struct change {
	uint64_t rev, token; /* of the state behind it */
	struct http_blob *line;
};

struct node_routes {
	struct apiserver *srv;
	struct store_watch *watch;
	struct list viewers;
	size_t n_viewers;
	uint64_t token; /* the sum of all nodes' marks */
	struct change ring[RING];
	uint64_t first, end; /* numbers of changes; [n % RING] */
	uint64_t base_rev, base_token; /* before `first` */
	struct http_blob *all; /* all there is, of all_rev */
	uint64_t all_rev, all_token;
	struct http_blob *batch; /* changes from batch_first to batch_end */
	uint64_t batch_first, batch_end;
	struct timer flush;
	uint64_t flushed_ns;
};

struct viewer {
	struct list node;
	struct node_routes *hub;
	struct request *r;
	struct timer timeout;
	uint64_t rev; /* has seen all up to here */
	bool slow, over;
};

/* ---- the view ---- */

static size_t write_ranges(struct jv spec, struct jw *w)
{
	struct jv one = jv_get(spec, "podCIDR");
	size_t n = 0;

	jv_for_each (it, jv_get(spec, "podCIDRs")) {
		jw_raw(w, jv_raw(it.value));
		n++;
	}
	if (!n && jv_text(one).len) {
		jw_raw(w, jv_raw(one));
		n++;
	}
	return n;
}

static size_t write_addresses(struct jv status, struct jw *w)
{
	size_t n = 0;

	jv_for_each (it, jv_get(status, "addresses")) {
		if (!jv_eqs(jv_get(it.value, "type"), "InternalIP"))
			continue;
		jw_begin_object(w);
		jw_member_str(w, "type", STR("InternalIP"));
		jw_member_raw(w, "address", jv_raw(jv_get(it.value, "address")));
		jw_end_object(w);
		n++;
	}
	return n;
}

bool node_routes_write(struct str name, struct str node, struct buf *out)
{
	static const struct str names[] = {{"spec", 4}, {"status", 6}};
	struct jw w = jw_start(out);
	size_t len = out->len;
	struct jv v[2];
	bool is;

	jv_members(jv_of(node), names, ARRAY_SIZE(v), v);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", name);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_key(&w, "podCIDRs");
	jw_begin_array(&w);
	is = write_ranges(v[0], &w) > 0;
	jw_end_array(&w);
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "addresses");
	jw_begin_array(&w);
	is &= write_addresses(v[1], &w) > 0;
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	if (!is)
		buf_setlen(out, len);
	return is;
}

static bool view_of(const struct store_obj *o, struct buf *out)
{
	struct str ns, name;

	if (!o)
		return false;
	read_key_split(o->key, &ns, &name);
	return node_routes_write(name, o->value, out);
}

/* Of one node's view; 0: it has none. */
static uint64_t mark_of(struct str view)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	uint64_t v;

	if (!view.len)
		return 0;
	SHA256((const unsigned char *)view.p, view.len, md);
	memcpy(&v, md, sizeof(v));
	return v;
}

/* ---- lines ---- */

static void add_line(const char *type, struct str object, struct buf *out)
{
	buf_addf(out, "{\"type\":\"%s\",\"object\":", type);
	buf_addstr(out, object);
	buf_adds(out, "}\n");
}

static void add_bookmark(uint64_t rev, uint64_t token, bool first, const uint64_t *since,
			 struct buf *out)
{
	buf_addf(out,
		 "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"%" PRIu64
		 "\",\"annotations\":{\"knarr.io/known\":\"%" PRIu64 "\"",
		 rev, token);
	if (first)
		buf_adds(out, ",\"k8s.io/initial-events-end\":\"true\"");
	if (since)
		buf_addf(out, ",\"knarr.io/since\":\"%" PRIu64 "\"", *since);
	buf_adds(out, "}}}}\n");
}

static struct change *change_at(struct node_routes *h, uint64_t i)
{
	return &h->ring[i % RING];
}

/* The first change behind a revision. */
static uint64_t first_after(struct node_routes *h, uint64_t rev)
{
	uint64_t i = h->end;

	while (i > h->first && change_at(h, i - 1)->rev > rev)
		i--;
	return i;
}

static uint64_t newest_rev(struct node_routes *h)
{
	return h->end > h->first ? change_at(h, h->end - 1)->rev : h->base_rev;
}

static void add_changes(struct node_routes *h, uint64_t from, struct buf *out)
{
	for (uint64_t i = from; i < h->end; i++)
		buf_addstr(out, change_at(h, i)->line->bytes);
}

/* Borrowed: all changes from one on. The same for nearly all viewers. */
static struct http_blob *batch_from(struct node_routes *h, uint64_t from)
{
	struct buf b = BUF_INIT;

	if (h->batch && h->batch_first == from && h->batch_end == h->end)
		return h->batch;
	add_changes(h, from, &b);
	add_bookmark(newest_rev(h), h->token, false, NULL, &b);
	http_blob_unref(h->batch);
	h->batch = http_blob_take_buf(&b);
	h->batch_first = from;
	h->batch_end = h->end;
	return h->batch;
}

/* Lines of all nodes of a view; returns its token. */
static uint64_t add_all(const struct store_view *v, struct buf *out)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT, view = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;
	uint64_t token = 0;

	request_key(server_kind("", "v1", "nodes"), STR(""), STR(""), &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		buf_clear(&view);
		if (!view_of(o, &view))
			continue;
		token += mark_of(buf_str(&view));
		if (out)
			add_line("ADDED", buf_str(&view), out);
	}
	return token;
}

/* All there is, as it was at all_rev, which may be some changes ago. */
static void make_all(struct node_routes *h)
{
	struct store_view *v;
	struct buf b = BUF_INIT;

	if (h->all && h->all_rev >= h->base_rev && h->end - first_after(h, h->all_rev) <= STALE)
		return;
	v = store_view(h->srv->store);
	http_blob_unref(h->all);
	h->all_token = add_all(v, &b);
	h->all_rev = store_view_rev(v);
	h->all = http_blob_take_buf(&b);
	store_view_unref(v);
}

/* ---- viewers ---- */

static void viewer_gone(struct request *r)
{
	struct viewer *v = r->work;

	r->work = NULL;
	r->on_gone = NULL;
	r->on_drain_cb = NULL;
	timers_disarm(r->srv->timers, &v->timeout);
	list_remove(&v->node);
	v->hub->n_viewers--;
	free(v);
	request_unref(r);
}

static void viewer_end(struct viewer *v)
{
	if (v->over)
		return;
	v->over = true;
	timers_disarm(v->r->srv->timers, &v->timeout);
	if (!v->r->gone)
		v->r->front->end(v->r); /* request_gone follows from the loop and frees v */
}

static void timeout_fire(struct timer *t)
{
	viewer_end(container_of(t, struct viewer, timeout));
}

static void write_pieces(struct viewer *v, const struct http_piece *p, size_t n)
{
	struct request *r = v->r;

	if (r->gone || v->over)
		return;
	r->front->write(r, p, n);
	v->slow = !r->gone && r->front->queued && r->front->queued(r) > QUEUE_HIGH;
}

static void viewer_lost(struct viewer *v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, status = BUF_INIT;
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct http_blob *blob;
	struct http_piece p;

	api_err_gone(&e, "too old resource version: %" PRIu64 " (%" PRIu64 ")", v->rev,
		     newest_rev(v->hub));
	api_status_write(&e, NULL, &status);
	add_line("ERROR", buf_str(&status), &b);
	blob = http_blob_take_buf(&b);
	p = http_piece_of(blob);
	write_pieces(v, &p, 1);
	http_blob_unref(blob);
	viewer_end(v);
}

static void write_news(struct viewer *v)
{
	struct node_routes *h = v->hub;
	uint64_t from = first_after(h, v->rev);
	struct http_piece p;

	if (v->over || v->slow || v->r->gone)
		return;
	if (v->rev < h->base_rev) {
		viewer_lost(v);
		return;
	}
	if (from == h->end)
		return;
	p = http_piece_of(batch_from(h, from));
	v->rev = newest_rev(h);
	write_pieces(v, &p, 1);
}

static void on_drain(struct request *r)
{
	struct viewer *v = r->work;

	if (!v || !v->slow)
		return;
	v->slow = false;
	write_news(v);
}

/* Changes behind the state of a token; false: it is none that is remembered. */
static bool find_known(struct node_routes *h, uint64_t token, uint64_t *ret_from)
{
	uint64_t i = h->end;

	while (i > h->first && change_at(h, i - 1)->token != token)
		i--;
	*ret_from = i;
	return i > h->first || h->base_token == token;
}

static void write_first(struct viewer *v, const uint64_t *known)
{
	struct node_routes *h = v->hub;
	struct buf b = BUF_INIT;
	struct http_piece p[2];
	struct http_blob *rest;
	uint64_t from;
	size_t n = 0;

	if (known && find_known(h, *known, &from)) {
		v->rev = newest_rev(h);
		add_changes(h, from, &b);
		add_bookmark(v->rev, h->token, true, known, &b);
	} else {
		make_all(h);
		p[n++] = http_piece_of(h->all);
		from = first_after(h, h->all_rev);
		v->rev = MAX(newest_rev(h), h->all_rev);
		add_changes(h, from, &b);
		/* The store may have told us less so far than what it has. */
		add_bookmark(v->rev, from < h->end ? h->token : h->all_token, true, NULL, &b);
	}
	rest = http_blob_take_buf(&b);
	p[n++] = http_piece_of(rest);
	write_pieces(v, p, n);
	http_blob_unref(rest);
}

/* ---- changes ---- */

static void flush_fire(struct timer *t)
{
	struct node_routes *h = container_of(t, struct node_routes, flush);

	h->flushed_ns = timers_now_ns(h->srv->timers);
	list_for_each_safe (it, &h->viewers)
		write_news(list_entry(it, struct viewer, node));
	h->batch = http_blob_unref(h->batch);
}

static void add_change(struct node_routes *h, uint64_t rev, const char *type, struct str object)
{
	struct timers *ts = h->srv->timers;
	struct buf b = BUF_INIT;
	struct change *c;

	if (h->end - h->first == RING) {
		c = change_at(h, h->first++);
		h->base_rev = c->rev;
		h->base_token = c->token;
		http_blob_unref(c->line);
	}
	add_line(type, object, &b);
	*change_at(h, h->end++) = (struct change){rev, h->token, http_blob_take_buf(&b)};
	if (!timer_armed(&h->flush))
		timers_arm(ts, &h->flush,
			   h->flushed_ns + FLUSH_NS + h->n_viewers * FLUSH_VIEWER_NS);
}

static void hub_forget(struct node_routes *h)
{
	store_unwatch(TAKE(h->watch));
	while (h->first < h->end)
		http_blob_unref(change_at(h, h->first++)->line);
	h->all = http_blob_unref(h->all);
	h->batch = http_blob_unref(h->batch);
	timers_disarm(h->srv->timers, &h->flush);
}

static void on_event(void *user, const struct store_event *ev, int err)
{
	CLEANUP(buf_done) struct buf now = BUF_INIT, before = BUF_INIT;
	struct node_routes *h = user;
	struct str name, ns;

	if (!ev) {
		/* Who comes back finds a new one. */
		hub_forget(h);
		list_for_each_safe (it, &h->viewers)
			viewer_end(list_entry(it, struct viewer, node));
		return;
	}
	if (ev->type == STORE_EVENT_PUT)
		view_of(ev->obj, &now);
	view_of(ev->prev, &before);
	if (str_eq(buf_str(&now), buf_str(&before)))
		return;
	h->token += mark_of(buf_str(&now)) - mark_of(buf_str(&before));
	if (now.len) {
		add_change(h, ev->rev, before.len ? "MODIFIED" : "ADDED", buf_str(&now));
		return;
	}
	read_key_split(ev->obj->key, &ns, &name);
	buf_adds(&now, "{\"metadata\":{\"name\":");
	json_quote(name, &now);
	buf_adds(&now, "}}");
	add_change(h, ev->rev, "DELETED", buf_str(&now));
}

/* ---- life ---- */

static int hub_open(struct node_routes *h)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(h->srv->store);
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	struct store_watch_spec spec;

	request_key(server_kind("", "v1", "nodes"), STR(""), STR(""), &prefix);
	h->base_rev = store_view_rev(v);
	h->token = h->base_token = add_all(v, NULL);
	spec = (struct store_watch_spec){.prefix = buf_str(&prefix), .from_rev = h->base_rev};
	return store_watch(h->srv->store, &spec, on_event, h, &h->watch);
}

static struct node_routes *hub_of(struct apiserver *s)
{
	struct node_routes *h = s->node_routes;

	if (h)
		return h;
	h = s->node_routes = NEW(struct node_routes);
	h->srv = s;
	list_init(&h->viewers);
	h->flush.fire = flush_fire;
	return h;
}

struct node_routes *node_routes_free(struct node_routes *h)
{
	if (!h)
		return NULL;
	hub_forget(h);
	free(h);
	return NULL;
}

bool node_routes_wanted(const struct request *r)
{
	return r->kind == server_kind("", "v1", "nodes") && !r->info.name.len &&
	       !query_get(&r->query, "labelSelector").len &&
	       !query_get(&r->query, "fieldSelector").len &&
	       query_bool(&r->query, "sendInitialEvents") &&
	       accept_node_routes(r->accept_text, NULL);
}

void node_routes_watch(struct request *r)
{
	struct node_routes *h = hub_of(r->srv);
	CLEANUP(err_done) struct err e = ERR_INIT;
	uint64_t known, timeout_s;
	struct str token = STR_NULL;
	struct viewer *v;

	if (read_check_options(r, true, &e) < 0 ||
	    read_number(r, "timeoutSeconds", 0, &timeout_s, &e) < 0) {
		respond_err(r, &e);
		return;
	}
	if (!timeout_s || timeout_s > 365 * 86400)
		timeout_s = TIMEOUT_MIN_S + rng_below(&rng_system, TIMEOUT_MIN_S);
	if (!h->watch && hub_open(h) < 0) {
		err_set(&e, EBUSY, "ServiceUnavailable", "nodes cannot be watched now");
		e.http_code = 503;
		e.retry_after_s = 1;
		respond_err(r, &e);
		return;
	}
	v = NEW(struct viewer);
	v->hub = h;
	v->r = request_ref(r);
	v->timeout.fire = timeout_fire;
	list_append(&h->viewers, &v->node);
	h->n_viewers++;
	timers_arm_in(r->srv->timers, &v->timeout, timeout_s * NSEC_PER_SEC);
	watch_answer(r, v, viewer_gone, on_drain);
	accept_node_routes(r->accept_text, &token);
	write_first(v, str_to_u64(token, &known) == 0 ? &known : NULL);
}
