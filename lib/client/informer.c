/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/informer.h"
#include "lib/json/json_scan.h"
#include "lib/base/hmap.h"
#include "lib/json/jv.h"

#define BACKOFF_MIN_NS (200 * NSEC_PER_MSEC)
#define BACKOFF_MAX_NS (10 * NSEC_PER_SEC)
#define BUSY_MAX_NS (3 * NSEC_PER_SEC) /* there is a server, and it will have time again */
#define PAGE_ITEMS 500

struct bucket {
	struct object **v;
	size_t n, cap;
};

struct informer_index {
	const struct informer *in;
	informer_index_fn *fn;
	size_t at; /* which of object.slot[] */
	struct hmap *buckets;
};

struct handler {
	const struct informer_handler *h; /* NULL: removed while a callback ran */
	void *user;
};

enum phase { PHASE_IDLE, PHASE_LIST, PHASE_WATCH, PHASE_WAIT };

struct informer {
	struct client *c;
	const struct client_kind *kind;
	char *ns, *query;
	bool metadata_only, synced;
	void (*trim)(struct jv object, struct buf *out);
	uint32_t page, generation;
	struct object_map map;
	struct informer_index *indexes[OBJECT_INDEXES];
	size_t n_indexes;
	struct handler *handlers;
	size_t n_handlers, cap_handlers;

	enum phase phase;
	bool relist; /* the next start is a list, not a watch */
	uint64_t rv, started_ns, backoff_ns;
	struct buf cont; /* token of the next page */
	struct client_list *list;
	struct client_watch *watch;
	struct timer timer;
	struct informers *set;
};

static void informers_check(struct informers *s);
static void next(struct informer *in);

static void on_timer(struct timer *t)
{
	next(container_of(t, struct informer, timer));
}

struct informer *informer_new(struct client *c, const struct informer_conf *conf)
{
	struct informer *in = NEW(struct informer);

	in->c = c;
	in->kind = conf->kind;
	in->ns = str_dup(conf->ns);
	in->query = xstrdup(conf->query);
	in->metadata_only = conf->metadata_only;
	in->trim = conf->trim;
	in->page = conf->page ? conf->page : PAGE_ITEMS;
	in->relist = true;
	in->timer.fire = on_timer;
	buf_init(&in->cont);
	return in;
}

void informer_trim(struct informer *in, void (*trim)(struct jv object, struct buf *out))
{
	in->trim = trim;
}

static void bucket_free(void *p)
{
	struct bucket *b = p;

	free(b->v);
	free(b);
}

struct informer *informer_free(struct informer *in)
{
	if (!in)
		return NULL;
	timers_disarm(client_timers(in->c), &in->timer);
	client_list_cancel(in->list);
	client_watch_cancel(in->watch);
	for (size_t i = 0; i < in->n_indexes; i++) {
		hmap_free_full(in->indexes[i]->buckets, bucket_free);
		free(in->indexes[i]);
	}
	object_map_done(&in->map);
	buf_done(&in->cont);
	free(in->handlers);
	free(in->ns);
	free(in->query);
	free(in);
	return NULL;
}

const struct client_kind *informer_kind(const struct informer *in)
{
	return in->kind;
}
bool informer_synced(const struct informer *in)
{
	return in->synced;
}
uint64_t informer_rv(const struct informer *in)
{
	return in->rv;
}
size_t informer_len(const struct informer *in)
{
	return in->map.n;
}
struct object *informer_get(const struct informer *in, struct str key)
{
	return object_map_get(&in->map, key);
}
struct object *informer_next(const struct informer *in, size_t *pos)
{
	return object_map_next(&in->map, pos);
}

struct object *informer_get_in(const struct informer *in, struct str ns, struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	object_key(ns, name, &key);
	return object_map_get(&in->map, buf_str(&key));
}

/* Indexes */

static void index_add(struct informer_index *ix, struct object *o)
{
	struct str value = ix->fn(o);
	struct bucket *b;

	if (str_is_null(value))
		return;
	b = hmap_get(ix->buckets, value);
	if (!b) {
		b = NEW(struct bucket);
		hmap_put(ix->buckets, value, b);
	}
	o->slot[ix->at] = (uint32_t)b->n;
	*ARRAY_PUSH(b->v, b->n, b->cap) = o;
}

static void index_remove(struct informer_index *ix, struct object *o)
{
	struct str value = ix->fn(o);
	struct object *last;
	struct bucket *b;

	if (str_is_null(value))
		return;
	b = hmap_get(ix->buckets, value);
	assert(b && b->v[o->slot[ix->at]] == o);
	last = b->v[--b->n];
	b->v[o->slot[ix->at]] = last;
	last->slot[ix->at] = o->slot[ix->at];
	if (!b->n) {
		hmap_del(ix->buckets, value);
		bucket_free(b);
	}
}

struct informer_index *informer_index(struct informer *in, informer_index_fn *fn)
{
	struct informer_index *ix;

	for (size_t i = 0; i < in->n_indexes; i++)
		if (in->indexes[i]->fn == fn)
			return in->indexes[i];
	assert(in->n_indexes < OBJECT_INDEXES);
	ix = NEW(struct informer_index);
	*ix = (struct informer_index){in, fn, in->n_indexes, hmap_new()};
	in->indexes[in->n_indexes++] = ix;
	informer_for_each(o, in) index_add(ix, o);
	return ix;
}

struct object_set informer_lookup(const struct informer_index *ix, struct str value)
{
	const struct bucket *b = hmap_get(ix->buckets, value);

	return b ? (struct object_set){b->v, b->n} : (struct object_set){NULL, 0};
}

struct str informer_by_ns(const struct object *o)
{
	return o->ns;
}
struct str informer_by_controller(const struct object *o)
{
	jv_for_each (ref, object_owners(o))
		if (jv_bool(jv_get(ref.value, "controller"), false))
			return jv_text(jv_get(ref.value, "uid"));
	return STR_NULL;
}
struct str informer_by_node(const struct object *o)
{
	/* What it looks up the first time it keeps: the one thing that changes in an object. */
	return object_node((struct object *)o);
}

/* Handlers */

void informer_handle(struct informer *in, const struct informer_handler *h, void *user)
{
	*ARRAY_PUSH(in->handlers, in->n_handlers, in->cap_handlers) = (struct handler){h, user};
	if (h->added)
		informer_for_each(o, in) h->added(user, o);
	if (in->synced && h->synced)
		h->synced(user);
}

void informer_unhandle(struct informer *in, const struct informer_handler *h, void *user)
{
	/* Only blanked: a notification may be walking over the array. */
	for (size_t i = 0; i < in->n_handlers; i++)
		if (in->handlers[i].h == h && in->handlers[i].user == user)
			in->handlers[i].h = NULL;
}

static void compact_handlers(struct informer *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n_handlers; i++)
		if (in->handlers[i].h)
			in->handlers[n++] = in->handlers[i];
	in->n_handlers = n;
}

#define NOTIFY(in, member, ...)                                                     \
	do {                                                                        \
		for (size_t i_ = 0; i_ < (in)->n_handlers; i_++) {                  \
			const struct informer_handler *h_ = (in)->handlers[i_].h;   \
			if (h_ && h_->member)                                       \
				h_->member((in)->handlers[i_].user, ##__VA_ARGS__); \
		}                                                                   \
	} while (0)

/* Cache changes; each takes the references it is given. */

static void upsert(struct informer *in, struct object *o)
{
	struct object *old = object_map_get(&in->map, o->key);

	o->generation = in->generation;
	if (old && old->rv == o->rv && o->rv) {
		old->generation = in->generation;
		object_unref(o);
		return;
	}
	if (old)
		for (size_t i = 0; i < in->n_indexes; i++)
			index_remove(in->indexes[i], old);
	object_map_put(&in->map, o);
	for (size_t i = 0; i < in->n_indexes; i++)
		index_add(in->indexes[i], o);
	object_ref(o);
	if (old)
		NOTIFY(in, updated, old, o);
	else
		NOTIFY(in, added, o);
	object_unref(o);
	object_unref(old);
}

static void drop(struct informer *in, struct str key, struct object *last)
{
	struct object *old = object_map_take(&in->map, key);

	if (old) {
		for (size_t i = 0; i < in->n_indexes; i++)
			index_remove(in->indexes[i], old);
		NOTIFY(in, deleted, last ? last : old);
	}
	object_unref(old);
}

/* What the finished list did not have is gone. */
static void drop_unlisted(struct informer *in)
{
	struct object **gone = NULL;
	size_t n = 0, cap = 0;

	informer_for_each(o, in) if (o->generation != in->generation) * ARRAY_PUSH(gone, n, cap) =
		object_ref(o);
	for (size_t i = 0; i < n; i++) {
		drop(in, gone[i]->key, NULL);
		object_unref(gone[i]);
	}
	free(gone);
}

/* List and watch */

static void wait_and_retry(struct informer *in, const struct err *e, uint32_t retry_after_s)
{
	uint64_t ns;

	if (client_err_offline(e))
		in->backoff_ns = 0;
	ns = in->backoff_ns ? in->backoff_ns : BACKOFF_MIN_NS;
	in->backoff_ns = MIN(ns * 2, client_err_transient(e) ? BUSY_MAX_NS : BACKOFF_MAX_NS);
	ns += rng_below(client_rng(in->c), ns); /* jitter: many watchers lost one master together */
	in->phase = PHASE_WAIT;
	timers_arm_in(client_timers(in->c), &in->timer, MAX(ns, retry_after_s * NSEC_PER_SEC));
}

/* Takes the blob. */
static struct object *make_object(const struct informer *in, struct blob blob)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!in->trim)
		return object_new(blob);
	in->trim(jv_of(blob.bytes), &b);
	blob_release(&blob);
	return object_new(blob_copy(buf_str(&b)));
}

static void on_item(void *user, struct blob obj)
{
	struct informer *in = user;
	struct object *o = make_object(in, obj);

	if (o)
		upsert(in, o);
}

bool informer_preload(struct informer *in, struct str json)
{
	struct object *o = json_scan(json, NULL, NULL) < 0 ? NULL : object_new(blob_copy(json));

	if (o)
		upsert(in, o);
	return o;
}

void informer_preload_drop(struct informer *in, struct str key)
{
	drop(in, key, NULL);
}

static void on_page(void *user, const struct err *e, const struct client_page *p)
{
	struct informer *in = user;

	in->list = NULL;
	buf_clear(&in->cont);
	if (e->errnum) {
		wait_and_retry(in, e, e->errnum == ESTALE ? 0 : e->retry_after_s);
		return;
	}
	if (p->cont.len) {
		buf_addstr(&in->cont, p->cont);
		next(in);
		return;
	}
	in->rv = p->rv;
	in->relist = false;
	in->backoff_ns = 0;
	drop_unlisted(in);
	if (!in->synced) {
		in->synced = true;
		NOTIFY(in, synced);
		if (in->set)
			informers_check(in->set);
	}
	next(in);
}

static void on_event(void *user, enum transport_event ev, struct blob obj)
{
	struct informer *in = user;
	uint64_t rv;
	struct object *o;

	if (ev == TRANSPORT_BOOKMARK) {
		if (str_to_u64(jv_text(jv_path(jv_of(obj.bytes), "metadata.resourceVersion")),
			       &rv) == 0)
			in->rv = MAX(in->rv, rv);
		blob_release(&obj);
		return;
	}
	o = make_object(in, obj);
	if (!o)
		return;
	in->rv = MAX(in->rv, o->rv);
	if (ev == TRANSPORT_DELETED) {
		drop(in, o->key, o);
		object_unref(o);
	} else {
		upsert(in, o);
	}
}

/* At once, or some time within what its crowd spreads over. */
static void begin_again(struct informer *in)
{
	uint64_t spread = client_spread_ns(in->c);

	if (!spread) {
		next(in);
		return;
	}
	in->phase = PHASE_WAIT;
	timers_arm_in(client_timers(in->c), &in->timer, rng_below(client_rng(in->c), spread));
}

static void on_watch_end(void *user, const struct err *e)
{
	struct informer *in = user;
	bool lived = client_now_ns(in->c) - in->started_ns > NSEC_PER_SEC;

	in->watch = NULL;
	compact_handlers(in);
	if (lived)
		in->backoff_ns = 0;
	if (e->errnum == ESTALE)
		in->relist = true;
	if (e->errnum == ESTALE || (!e->errnum && lived)) {
		begin_again(in);
		return;
	}
	/* A server that restarted may count revisions anew: what it calls invalid is listed again.
	 */
	if (e->errnum == EINVAL || e->errnum == ENOENT)
		in->relist = true;
	wait_and_retry(in, e, e->retry_after_s);
}

static void start_list(struct informer *in)
{
	static const struct client_page_ops ops = {on_item, on_page};
	CLEANUP(buf_done) struct buf q = BUF_INIT;

	if (!in->cont.len)
		in->generation++;
	buf_addf(&q, "limit=%u", in->page);
	if (in->query)
		buf_addf(&q, "&%s", in->query);
	if (in->cont.len)
		client_query_add(&q, "continue", buf_str(&in->cont));
	in->phase = PHASE_LIST;
	in->list =
		client_list_page(in->c, in->kind, str_of(in->ns), q.p,
				 in->metadata_only ? CLIENT_METADATA_LIST_ACCEPT : NULL, &ops, in);
}

static void start_watch(struct informer *in)
{
	static const struct client_watch_ops ops = {on_event, on_watch_end};
	CLEANUP(buf_done) struct buf q = BUF_INIT;

	buf_addf(&q, "allowWatchBookmarks=true&resourceVersion=%" PRIu64, in->rv);
	if (in->query)
		buf_addf(&q, "&%s", in->query);
	in->phase = PHASE_WATCH;
	in->started_ns = client_now_ns(in->c);
	in->watch = client_watch(in->c, in->kind, str_of(in->ns), q.p,
				 in->metadata_only ? CLIENT_METADATA_ACCEPT : NULL, &ops, in);
}

static void next(struct informer *in)
{
	if (in->relist)
		start_list(in);
	else
		start_watch(in);
}

void informer_start(struct informer *in)
{
	if (in->phase == PHASE_IDLE)
		next(in);
}

/* The set */

struct informers {
	struct client *c;
	struct informer **v;
	size_t n, cap;
	struct waiter {
		void (*fn)(void *user);
		void *user;
	} * waiters;
	size_t n_waiters, cap_waiters;
	struct timer check;
};

static void on_check(struct timer *t)
{
	struct informers *s = container_of(t, struct informers, check);
	struct waiter *waiters = s->waiters;
	size_t n = s->n_waiters;

	if (!informers_synced(s))
		return;
	s->waiters = NULL;
	s->n_waiters = s->cap_waiters = 0;
	for (size_t i = 0; i < n; i++)
		waiters[i].fn(waiters[i].user);
	free(waiters);
}

static void informers_check(struct informers *s)
{
	if (s->n_waiters)
		timers_soon(client_timers(s->c), &s->check);
}

struct informers *informers_new(struct client *c)
{
	struct informers *s = NEW(struct informers);

	s->c = c;
	s->check.fire = on_check;
	return s;
}

struct informers *informers_free(struct informers *s)
{
	if (!s)
		return NULL;
	timers_disarm(client_timers(s->c), &s->check);
	for (size_t i = 0; i < s->n; i++)
		informer_free(s->v[i]);
	free(s->v);
	free(s->waiters);
	free(s);
	return NULL;
}

static struct informer *set_find(struct informers *s, const struct client_kind *kind, bool meta)
{
	for (size_t i = 0; i < s->n; i++)
		if (client_kind_eq(s->v[i]->kind, kind) && s->v[i]->metadata_only == meta)
			return s->v[i];
	return NULL;
}

static struct informer *set_get(struct informers *s, const struct client_kind *kind, bool meta)
{
	struct informer *in = set_find(s, kind, meta);

	if (in)
		return in;
	in = informer_new(s->c, &(struct informer_conf){.kind = kind, .metadata_only = meta});
	in->set = s;
	*ARRAY_PUSH(s->v, s->n, s->cap) = in;
	return in;
}

struct informer *informers_get(struct informers *s, const struct client_kind *kind)
{
	return set_get(s, kind, false);
}

struct informer *informers_get_metadata(struct informers *s, const struct client_kind *kind)
{
	struct informer *full = set_find(s, kind, false);

	return full ? full : set_get(s, kind, true);
}

struct informer *informers_find(struct informers *s, const struct client_kind *kind)
{
	struct informer *full = set_find(s, kind, false);

	return full ? full : set_find(s, kind, true);
}

void informers_drop(struct informers *s, struct informer *in)
{
	if (in->n_handlers)
		return;
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i] != in)
			continue;
		s->v[i] = s->v[--s->n];
		informer_free(in);
		informers_check(s);
		return;
	}
}

void informers_start(struct informers *s)
{
	for (size_t i = 0; i < s->n; i++)
		informer_start(s->v[i]);
	informers_check(s);
}

bool informers_synced(const struct informers *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i]->synced)
			return false;
	return true;
}

struct client *informers_client(struct informers *s)
{
	return s->c;
}

void informers_on_synced(struct informers *s, void (*fn)(void *user), void *user)
{
	*ARRAY_PUSH(s->waiters, s->n_waiters, s->cap_waiters) = (struct waiter){fn, user};
	informers_check(s);
}

void informers_cancel_on_synced(struct informers *s, void (*fn)(void *user), void *user)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_waiters; i++)
		if (s->waiters[i].fn != fn || s->waiters[i].user != user)
			s->waiters[n++] = s->waiters[i];
	s->n_waiters = n;
}
