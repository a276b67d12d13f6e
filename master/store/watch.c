/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/watch.h"

/* Callbacks in one turn of the loop, and events looked at for one lagging watch in it. */
#define SLICE 256u
#define SCAN 1024u
/* A quiet cluster needs no large window: beyond the minimum, what is older than this goes. */
#define KEEP_BYTES (2u << 20)
#define KEEP_NS (300 * NSEC_PER_SEC)
#define COOKIE_NS (2 * NSEC_PER_SEC)

enum watch_state { WATCH_LAGGING, WATCH_LIVE, WATCH_PAUSED, WATCH_ENDED, WATCH_CLOSED };

struct store_watch {
	struct hub *hub;
	struct list node; /* LAGGING: hub->lagging; LIVE: its group's; else none */
	struct list all_node;
	enum watch_state state;
	uint32_t refs; /* the user's and those of hub->targets */
	uint64_t rev; /* seen up to here; of a LIVE watch the larger of it and hub->dispatched */
	char *prefix, *field, *value; /* field NULL: all */
	store_watch_cb cb;
	void *user;
};

/* Live watches of one prefix. */
struct group {
	struct list plain; /* those without a field */
	struct field_index {
		char *field;
		struct hmap *values; /* value -> struct list of watches */
	} * fields;
	size_t n_fields, cap_fields;
	size_t n; /* watches; the group goes with the last one */
};

/* ---- events ---- */

struct store_event *store_event_ref(const struct store_event *e)
{
	struct event *ev = container_of((struct store_event *)(uintptr_t)e, struct event, pub);

	ev->refs++;
	store_obj_ref(e->obj);
	if (e->prev)
		store_obj_ref(e->prev);
	return &ev->pub;
}

static void drop_cookie(struct event *ev)
{
	if (ev->free_cookie)
		ev->free_cookie(ev->pub.cookie);
	ev->free_cookie = NULL;
	ev->pub.cookie = NULL;
}

/* Of the window's own reference. */
static void event_unref(struct event *ev)
{
	if (--ev->refs)
		return;
	drop_cookie(ev);
	obj_unref(obj_of(ev->pub.obj));
	obj_unref(obj_of(ev->pub.prev));
	free(ev);
}

void store_event_unref(const struct store_event *e)
{
	if (!e)
		return;
	store_obj_unref(e->obj);
	store_obj_unref(e->prev);
	event_unref(container_of((struct store_event *)(uintptr_t)e, struct event, pub));
}

int store_event_set_cookie(const struct store_event *e, void *cookie, void (*free_cookie)(void *))
{
	struct event *ev = container_of((struct store_event *)(uintptr_t)e, struct event, pub);

	if (ev->pub.cookie)
		return -EEXIST;
	ev->pub.cookie = cookie;
	ev->free_cookie = free_cookie;
	return 0;
}

/* ---- the window ---- */

void hub_init(struct hub *h, size_t max_bytes, const struct clock *clock)
{
	*h = (struct hub){.max_bytes = max_bytes, .clock = clock, .first_rev = 1};
	h->groups = hmap_new();
	list_init(&h->lagging);
	list_init(&h->all);
}

void hub_set_rev(struct hub *h, uint64_t rev)
{
	h->first_rev = rev + 1;
	h->dispatched = rev;
}

static struct event *event_at(const struct hub *h, uint64_t rev)
{
	return h->ring[(h->first + (rev - h->first_rev)) % h->cap];
}

static uint64_t newest(const struct hub *h)
{
	return h->first_rev + h->n - 1;
}

int hub_reaches(const struct hub *h, uint64_t rev)
{
	if (rev > newest(h))
		return -ERANGE;
	return rev + 1 < h->first_rev ? -ESTALE : 0;
}

const struct event *hub_event(const struct hub *h, uint64_t rev)
{
	return event_at(h, rev);
}

static size_t event_bytes(const struct event *e)
{
	size_t n = sizeof(*e) + sizeof(struct obj) + obj_bytes(obj_of(e->pub.obj));

	return n + (e->pub.prev ? sizeof(struct obj) + obj_bytes(obj_of(e->pub.prev)) : 0);
}

/* What isn't dispatched yet always stays. */
static void evict(struct hub *h, uint64_t now_ns)
{
	while (h->n && h->first_rev <= h->dispatched) {
		struct event *e = h->ring[h->first];
		bool old = h->bytes > KEEP_BYTES && now_ns - e->added_ns > KEEP_NS;

		if (h->bytes <= h->max_bytes && !old)
			return;
		h->bytes -= event_bytes(e);
		h->first = (h->first + 1) % h->cap;
		h->first_rev++;
		h->n--;
		event_unref(e);
	}
}

static void grow(struct hub *h)
{
	size_t cap = h->cap ? h->cap * 2 : 64;
	struct event **ring = xcalloc(cap, sizeof(*ring));

	for (size_t i = 0; i < h->n; i++)
		ring[i] = h->ring[(h->first + i) % h->cap];
	free(h->ring);
	h->ring = ring;
	h->first = 0;
	h->cap = cap;
}

void hub_add(struct hub *h, enum store_event_type type, struct obj *o, struct obj *prev)
{
	struct event *e = NEW(struct event);

	assert(o->pub.rev == newest(h) + 1);
	e->refs = 1;
	e->pub.type = type;
	e->pub.rev = o->pub.rev;
	e->pub.obj = &obj_ref(o)->pub;
	e->pub.prev = prev ? &obj_ref(prev)->pub : NULL;
	e->added_ns = clock_mono_ns(h->clock);
	if (h->n == h->cap)
		grow(h);
	h->ring[(h->first + h->n++) % h->cap] = e;
	h->bytes += event_bytes(e);
	evict(h, e->added_ns);
	if (h->wake)
		h->wake(h);
}

void hub_drop_cookies(struct hub *h)
{
	uint64_t now = clock_mono_ns(h->clock);

	h->bare = MAX(h->bare, h->first_rev - 1);
	while (h->bare < h->dispatched && h->bare < newest(h)) {
		struct event *e = event_at(h, h->bare + 1);

		if (now - e->added_ns < COOKIE_NS)
			return;
		drop_cookie(e);
		h->bare++;
	}
}

void hub_skip(struct hub *h)
{
	h->dispatched = newest(h);
	evict(h, clock_mono_ns(h->clock));
}

/* ---- the index of live watches ---- */

static struct field_index *group_field(struct group *g, const char *field)
{
	struct field_index *fi;

	for (size_t i = 0; i < g->n_fields; i++)
		if (strcmp(g->fields[i].field, field) == 0)
			return &g->fields[i];
	fi = ARRAY_PUSH(g->fields, g->n_fields, g->cap_fields);
	*fi = (struct field_index){xstrdup(field), hmap_new()};
	return fi;
}

static void attach(struct store_watch *w)
{
	struct hub *h = w->hub;
	struct group *g = hmap_get(h->groups, str_of(w->prefix));
	struct list *l;

	if (!g) {
		g = NEW(struct group);
		list_init(&g->plain);
		hmap_put(h->groups, str_of(w->prefix), g);
	}
	l = &g->plain;
	if (w->field) {
		struct hmap *values = group_field(g, w->field)->values;

		l = hmap_get(values, str_of(w->value));
		if (!l) {
			l = NEW(struct list);
			list_init(l);
			hmap_put(values, str_of(w->value), l);
		}
	}
	g->n++;
	list_append(l, &w->node);
	w->state = WATCH_LIVE;
}

static void group_free(struct group *g)
{
	for (size_t i = 0; i < g->n_fields; i++) {
		free(g->fields[i].field);
		hmap_free(g->fields[i].values);
	}
	free(g->fields);
	free(g);
}

/* Out of the index or the list of laggards; rev says what it has seen. */
static void detach(struct store_watch *w)
{
	struct hub *h = w->hub;
	struct group *g;

	list_remove(&w->node);
	if (w->state != WATCH_LIVE)
		return;
	w->rev = MAX(w->rev, h->dispatched);
	g = hmap_get(h->groups, str_of(w->prefix));
	if (w->field) {
		struct hmap *values = group_field(g, w->field)->values;
		struct list *l = hmap_get(values, str_of(w->value));

		if (list_empty(l))
			free(hmap_del(values, str_of(w->value)));
	}
	if (--g->n == 0) {
		hmap_del(h->groups, str_of(w->prefix));
		group_free(g);
	}
}

static void add_targets(struct hub *h, struct list *l)
{
	list_for_each (it, l) {
		struct store_watch *w = list_entry(it, struct store_watch, node);

		w->refs++;
		*ARRAY_PUSH(h->targets, h->n_targets, h->cap_targets) = w;
	}
}

static void add_group(struct hub *h, struct str prefix, const struct event *e)
{
	struct group *g = hmap_get(h->groups, prefix);

	if (!g)
		return;
	add_targets(h, &g->plain);
	for (size_t i = 0; i < g->n_fields; i++) {
		struct str field = str_of(g->fields[i].field);
		struct str now = h->index_value(h->user, e->pub.obj->meta, field);
		struct str then = STR_NULL;
		struct list *l;

		if (!str_is_null(now) && (l = hmap_get(g->fields[i].values, now)))
			add_targets(h, l);
		if (e->pub.prev)
			then = h->index_value(h->user, e->pub.prev->meta, field);
		if (!str_is_null(then) && (str_is_null(now) || !str_eq(now, then)) &&
		    (l = hmap_get(g->fields[i].values, then)))
			add_targets(h, l);
	}
}

/* The three prefixes under which an event's key may be watched. */
static void find_targets(struct hub *h, const struct event *e)
{
	struct str key = e->pub.obj->key;
	unsigned slashes = 0;

	for (size_t i = 0; i < key.len; i++)
		if (key.p[i] == '/' && ++slashes >= 3)
			add_group(h, str_n(key.p, i + 1), e);
	add_group(h, key, e);
}

/* ---- delivery ---- */

static void watch_unref(struct store_watch *w)
{
	if (--w->refs)
		return;
	free(w->prefix);
	free(w->field);
	free(w->value);
	free(w);
}

static void end(struct store_watch *w, int err)
{
	detach(w);
	w->state = WATCH_ENDED;
	if (err == -ESTALE)
		w->hub->stale++;
	w->refs++;
	w->cb(w->user, NULL, err);
	watch_unref(w);
}

static void tell(struct store_watch *w, const struct event *e)
{
	w->hub->delivered++;
	obj_open(obj_of(e->pub.obj));
	if (e->pub.prev)
		obj_open(obj_of(e->pub.prev));
	w->cb(w->user, &e->pub, 0);
}

/* Hand out the event being dispatched. False when the slice is used up before. */
static bool deliver_targets(struct hub *h, struct event *e, unsigned *budget)
{
	while (h->next_target < h->n_targets) {
		struct store_watch *w = h->targets[h->next_target];

		if (!*budget)
			return false;
		h->next_target++;
		if (w->state == WATCH_LIVE && w->rev < e->pub.rev) {
			w->rev = e->pub.rev;
			--*budget;
			tell(w, e);
		}
		watch_unref(w);
	}
	return true;
}

static bool dispatch_live(struct hub *h, unsigned *budget)
{
	while (h->dispatched < newest(h)) {
		struct event *e = event_at(h, h->dispatched + 1);

		if (!h->dispatching) {
			h->n_targets = h->next_target = 0;
			find_targets(h, e);
			h->dispatching = true;
		}
		if (!deliver_targets(h, e, budget))
			return false;
		h->dispatching = false;
		h->dispatched++;
	}
	return true;
}

static bool has_value(const struct store_watch *w, const struct store_obj *o)
{
	struct str v;

	if (!o)
		return false;
	v = w->hub->index_value(w->hub->user, o->meta, str_of(w->field));
	return !str_is_null(v) && str_eqs(v, w->value);
}

static bool matches(const struct store_watch *w, const struct event *e)
{
	struct str key = e->pub.obj->key, prefix = str_of(w->prefix);

	if (!str_starts(key, prefix) || (key.len != prefix.len && !str_ends(prefix, STR("/"))))
		return false;
	return !w->field || has_value(w, e->pub.obj) || has_value(w, e->pub.prev);
}

/* Let a lagging watch read on. It ends, becomes live, or stays for the next turn. */
static void catch_up(struct hub *h, struct store_watch *w, unsigned *budget)
{
	unsigned scan = SCAN;

	w->refs++;
	while (w->state == WATCH_LAGGING && w->rev < h->dispatched && scan && *budget) {
		struct event *e;

		if (w->rev + 1 < h->first_rev) {
			end(w, -ESTALE);
			break;
		}
		e = event_at(h, ++w->rev);
		scan--;
		if (!matches(w, e))
			continue;
		--*budget;
		tell(w, e);
	}
	if (w->state == WATCH_LAGGING && w->rev >= h->dispatched && !h->dispatching) {
		list_remove(&w->node);
		attach(w);
	}
	watch_unref(w);
}

bool hub_dispatch(struct hub *h)
{
	unsigned budget = SLICE;
	struct list todo;
	struct store_watch *w;

	if (!dispatch_live(h, &budget))
		return true;
	list_init(&todo);
	while ((w = list_first(&h->lagging, struct store_watch, node))) {
		list_remove(&w->node);
		list_append(&todo, &w->node);
	}
	while ((w = list_first(&todo, struct store_watch, node))) {
		list_remove(&w->node);
		list_append(&h->lagging, &w->node);
		if (budget)
			catch_up(h, w, &budget);
	}
	return !list_empty(&h->lagging) || h->dispatched < newest(h);
}

/* ---- watches ---- */

/* Behind the third or the fourth slash, or a whole key. */
static bool prefix_ok(struct str p)
{
	unsigned slashes = 0;

	if (!p.len || p.len > STORE_KEY_MAX || p.p[0] != '/' || memchr(p.p, 0, p.len))
		return false;
	for (size_t i = 0; i < p.len; i++)
		slashes += p.p[i] == '/';
	return slashes == 4 || (slashes == 3 && p.p[p.len - 1] == '/');
}

int hub_watch(struct hub *h, const struct store_watch_spec *spec, store_watch_cb cb, void *user,
	      struct store_watch **ret)
{
	struct store_watch *w;
	bool field = !str_is_null(spec->field);
	int r = hub_reaches(h, spec->from_rev);

	if (!prefix_ok(spec->prefix) || (field && !h->index_value))
		return -EINVAL;
	if (r < 0)
		return r;
	w = NEW(struct store_watch);
	w->hub = h;
	w->refs = 1;
	w->rev = spec->from_rev;
	w->prefix = xstrndup(spec->prefix.p, spec->prefix.len);
	if (field) {
		w->field = str_dup(spec->field);
		w->value = xstrndup(spec->value.p ? spec->value.p : "", spec->value.len);
	}
	w->cb = cb;
	w->user = user;
	w->state = WATCH_LAGGING;
	list_append(&h->lagging, &w->node);
	list_append(&h->all, &w->all_node);
	h->n_watches++;
	h->wake(h);
	*ret = w;
	return 0;
}

void store_unwatch(struct store_watch *w)
{
	if (!w)
		return;
	detach(w);
	if (w->hub) {
		list_remove(&w->all_node);
		w->hub->n_watches--;
	}
	w->state = WATCH_CLOSED;
	watch_unref(w);
}

void store_watch_pause(struct store_watch *w)
{
	if (w->state != WATCH_LIVE && w->state != WATCH_LAGGING)
		return;
	detach(w);
	w->state = WATCH_PAUSED;
}

void store_watch_resume(struct store_watch *w)
{
	if (w->state != WATCH_PAUSED)
		return;
	w->state = WATCH_LAGGING;
	list_append(&w->hub->lagging, &w->node);
	w->hub->wake(w->hub);
}

uint64_t store_watch_rev(const struct store_watch *w)
{
	return w->state == WATCH_LIVE ? MAX(w->rev, w->hub->dispatched) : w->rev;
}

static void drop_window(struct hub *h)
{
	while (h->next_target < h->n_targets && h->dispatching)
		watch_unref(h->targets[h->next_target++]);
	h->dispatching = false;
	while (h->n) {
		event_unref(h->ring[h->first]);
		h->first = (h->first + 1) % h->cap;
		h->n--;
	}
	h->bytes = 0;
}

void hub_reset(struct hub *h, uint64_t rev)
{
	struct list old;

	drop_window(h);
	hub_set_rev(h, rev);
	/* Those that their callbacks begin are new and stay. */
	list_init(&old);
	while (!list_empty(&h->all)) {
		struct list *first = h->all.next;

		list_remove(first);
		list_append(&old, first);
	}
	while (!list_empty(&old)) {
		struct store_watch *w = list_entry(old.next, struct store_watch, all_node);

		list_remove(&w->all_node);
		list_append(&h->all, &w->all_node);
		if (w->state != WATCH_ENDED)
			end(w, -ESTALE);
	}
}

void hub_done(struct hub *h, int err)
{
	struct store_watch *w;

	while ((w = list_first(&h->all, struct store_watch, all_node))) {
		w->refs++;
		list_remove(&w->all_node);
		if (w->state == WATCH_ENDED)
			detach(w);
		else
			end(w, err);
		w->hub = NULL;
		watch_unref(w);
	}
	drop_window(h);
	free(h->ring);
	free(h->targets);
	h->groups = hmap_free(h->groups);
}
