/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/node_watch.h"

#define BACKOFF_MIN_NS (200 * NSEC_PER_MSEC)
#define BACKOFF_MAX_NS (10 * NSEC_PER_SEC)
#define BUSY_MAX_NS (3 * NSEC_PER_SEC) /* as informers do */
#define QUERY                                                                               \
	"allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan" \
	"&resourceVersion="

struct node_watch {
	struct client *c;
	struct node_watch_ops ops;
	void *user;
	struct client_watch *watch;
	struct timer timer;
	struct buf known;
	uint64_t backoff_ns, started_ns;
	bool first; /* what there was when it began is still being told */
	bool complete;
};

static void begin(struct timer *t);

static void set_known(struct node_watch *w, struct str known)
{
	if (str_eq(known, buf_str(&w->known)))
		return;
	buf_clear(&w->known);
	buf_addstr(&w->known, known);
	w->ops.known(w->user, buf_str(&w->known));
}

static void on_bookmark(struct node_watch *w, struct jv meta)
{
	struct jv notes = jv_get(meta, "annotations");

	if (jv_eqs(jv_get(notes, "k8s.io/initial-events-end"), "true") && w->first) {
		w->first = false;
		w->complete = true;
		w->backoff_ns = 0;
		w->ops.complete(w->user, !jv_exists(jv_get(notes, "knarr.io/since")));
	}
	if (!w->first)
		set_known(w, jv_text(jv_get(notes, "knarr.io/known")));
}

static void on_event(void *user, enum transport_event ev, struct blob obj)
{
	struct node_watch *w = user;
	struct jv node = jv_of(obj.bytes), meta = jv_get(node, "metadata");

	/* Half of what is new is no state that a token stands for, nor may it be taken for the old
	 * one should the rest not come: what was changed may meanwhile be as it was. */
	if (ev != TRANSPORT_BOOKMARK)
		set_known(w, STR_NULL);
	if (ev == TRANSPORT_BOOKMARK)
		on_bookmark(w, meta);
	else if (ev == TRANSPORT_DELETED)
		w->ops.gone(w->user, jv_text(jv_get(meta, "name")));
	else
		w->ops.seen(w->user, jv_text(jv_get(meta, "name")), node);
	blob_release(&obj);
}

static void on_end(void *user, const struct err *e)
{
	struct node_watch *w = user;
	uint64_t spread = client_spread_ns(w->c), ns = 0;
	bool lived = client_now_ns(w->c) - w->started_ns > NSEC_PER_SEC;

	w->watch = NULL;
	if (lived || client_err_offline(e))
		w->backoff_ns = 0;
	if (!e->errnum && lived) {
		ns = spread ? rng_below(client_rng(w->c), spread) : 0;
	} else {
		ns = w->backoff_ns ? w->backoff_ns : BACKOFF_MIN_NS;
		w->backoff_ns = MIN(ns * 2, client_err_transient(e) ? BUSY_MAX_NS : BACKOFF_MAX_NS);
		ns += rng_below(client_rng(w->c), ns);
	}
	timers_arm_in(client_timers(w->c), &w->timer, MAX(ns, e->retry_after_s * NSEC_PER_SEC));
}

static void begin(struct timer *t)
{
	static const struct client_watch_ops ops = {on_event, on_end};
	struct node_watch *w = container_of(t, struct node_watch, timer);
	CLEANUP(buf_done) struct buf accept = BUF_INIT;

	buf_adds(&accept, "application/json;as=NodeRoutes;g=knarr.io;v=v1");
	if (w->known.len) {
		buf_adds(&accept, ";known=");
		buf_addstr(&accept, buf_str(&w->known));
	}
	buf_adds(&accept, ",application/json");
	w->first = true;
	w->started_ns = client_now_ns(w->c);
	w->ops.begun(w->user);
	w->watch = client_watch(w->c, &client_nodes, STR_NULL, QUERY, accept.p, &ops, w);
}

struct node_watch *node_watch_start(struct client *c, struct str known,
				    const struct node_watch_ops *ops, void *user)
{
	struct node_watch *w = NEW(struct node_watch);

	w->c = c;
	w->ops = *ops;
	w->user = user;
	w->timer.fire = begin;
	buf_init(&w->known);
	buf_addstr(&w->known, known);
	timers_soon(client_timers(c), &w->timer);
	return w;
}

struct node_watch *node_watch_stop(struct node_watch *w)
{
	if (!w)
		return NULL;
	timers_disarm(client_timers(w->c), &w->timer);
	client_watch_cancel(w->watch);
	buf_done(&w->known);
	free(w);
	return NULL;
}

bool node_watch_complete(const struct node_watch *w)
{
	return w->complete;
}
