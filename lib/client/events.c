/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/events.h"
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "lib/client/object.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

#define REMEMBER 1024 /* entries a cache */
#define SIMILAR_MAX 10 /* different messages of one reason before they are combined */
#define SIMILAR_WINDOW_NS (600 * NSEC_PER_SEC)
#define SPAM_BURST 25
#define SPAM_REFILL_NS (300 * NSEC_PER_SEC)

/* What was said before: by full text (to count it), by reason (to combine), by object (to cut). */
struct memory {
	struct list lru;
	char *key;
	uint64_t touched_ns;
	char *name; /* of the Event; NULL while its first write is under way */
	char *first; /* firstTimestamp */
	uint32_t count; /* of events; or different messages; or tokens left */
};

struct cache {
	struct hmap *map;
	struct list lru; /* oldest first */
};

struct recorder {
	struct client *c;
	char *component, *host;
	struct cache texts, reasons, objects;
	uint64_t serial;
};

static void cache_init(struct cache *c)
{
	c->map = hmap_new();
	list_init(&c->lru);
}

static void memory_free(struct cache *c, struct memory *m)
{
	hmap_del(c->map, str_of(m->key));
	list_remove(&m->lru);
	free(m->key);
	free(m->name);
	free(m->first);
	free(m);
}

static void cache_done(struct cache *c)
{
	list_for_each_safe (it, &c->lru)
		memory_free(c, list_entry(it, struct memory, lru));
	hmap_free(c->map);
}

static struct memory *cache_get(struct cache *c, struct str key, bool *ret_fresh)
{
	struct memory *m = hmap_get(c->map, key);

	*ret_fresh = !m;
	if (!m) {
		if (hmap_len(c->map) >= REMEMBER)
			memory_free(c, list_first(&c->lru, struct memory, lru));
		m = NEW(struct memory);
		m->key = str_dup(key);
		list_init(&m->lru);
		hmap_put(c->map, key, m);
	}
	list_remove(&m->lru);
	list_append(&c->lru, &m->lru);
	return m;
}

struct recorder *recorder_new(struct client *c, const struct recorder_conf *conf)
{
	struct recorder *r = NEW(struct recorder);

	r->c = c;
	r->component = xstrdup(conf->component);
	r->host = xstrdup(conf->host);
	cache_init(&r->texts);
	cache_init(&r->reasons);
	cache_init(&r->objects);
	return r;
}

struct recorder *recorder_free(struct recorder *r)
{
	if (!r)
		return NULL;
	cache_done(&r->texts);
	cache_done(&r->reasons);
	cache_done(&r->objects);
	free(r->component);
	free(r->host);
	free(r);
	return NULL;
}

static void add_part(struct buf *b, struct str s)
{
	buf_addstr(b, s);
	buf_addc(b, '\x1f');
}

/* A token bucket an object: true if this event may go out. */
static bool within_rate(struct recorder *r, struct str object_key)
{
	uint64_t now_ns = client_now_ns(r->c), refill;
	bool fresh;
	struct memory *m = cache_get(&r->objects, object_key, &fresh);

	if (fresh) {
		m->count = SPAM_BURST;
		m->touched_ns = now_ns;
	}
	refill = (now_ns - m->touched_ns) / SPAM_REFILL_NS;
	if (refill) {
		m->count = (uint32_t)MIN(m->count + refill, (uint64_t)SPAM_BURST);
		m->touched_ns += refill * SPAM_REFILL_NS;
	}
	if (!m->count)
		return false;
	m->count--;
	return true;
}

/* True when so many different texts came for this reason that they are told as one. */
static bool too_many_similar(struct recorder *r, struct str reason_key, bool new_text)
{
	uint64_t now_ns = client_now_ns(r->c);
	bool fresh;
	struct memory *m = cache_get(&r->reasons, reason_key, &fresh);

	if (fresh || now_ns - m->touched_ns > SIMILAR_WINDOW_NS)
		m->count = 0;
	m->touched_ns = now_ns;
	if (new_text)
		m->count++;
	return m->count > SIMILAR_MAX;
}

static void write_ref(struct jw *w, const struct event_ref *about)
{
	CLEANUP(buf_done) struct buf api_version = BUF_INIT;

	client_kind_api_version(about->kind, &api_version);
	jw_begin_object(w);
	jw_member_str(w, "kind", str_of(about->kind->kind));
	if (about->ns.len)
		jw_member_str(w, "namespace", about->ns);
	jw_member_str(w, "name", about->name);
	if (about->uid.len)
		jw_member_str(w, "uid", about->uid);
	jw_member_str(w, "apiVersion", buf_str(&api_version));
	if (about->rv.len)
		jw_member_str(w, "resourceVersion", about->rv);
	if (about->field_path.len)
		jw_member_str(w, "fieldPath", about->field_path);
	jw_end_object(w);
}

static void create_event(struct recorder *r, const struct event_ref *about, struct memory *m,
			 const char *type, const char *reason, struct str text)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	char now[TIME_LEN + 1];
	struct str ns = about->ns.len ? about->ns : STR("default");
	struct jw w = jw_start(&body);

	time_format(client_real_ns(r->c), now);
	free(m->name);
	m->name = xasprintf("%.*s.%" PRIx64, STR_ARG(about->name),
			    (uint64_t)client_real_ns(r->c) + r->serial++);
	free(m->first);
	m->first = xstrdup(now);
	m->count = 1;
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Event"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", str_of(m->name));
	jw_member_str(&w, "namespace", ns);
	jw_end_object(&w);
	jw_key(&w, "involvedObject");
	write_ref(&w, about);
	jw_member_str(&w, "reason", str_of(reason));
	jw_member_str(&w, "message", text);
	jw_key(&w, "source");
	jw_begin_object(&w);
	jw_member_str(&w, "component", str_of(r->component));
	if (r->host)
		jw_member_str(&w, "host", str_of(r->host));
	jw_end_object(&w);
	jw_member_str(&w, "firstTimestamp", str_of(now));
	jw_member_str(&w, "lastTimestamp", str_of(now));
	jw_member_i64(&w, "count", 1);
	jw_member_str(&w, "type", str_of(type));
	jw_member_str(&w, "reportingComponent", str_of(r->component));
	jw_member_str(&w, "reportingInstance", str_of(r->host ? r->host : ""));
	jw_end_object(&w);
	client_create(r->c, &client_events, ns, buf_str(&body), NULL, NULL);
}

static void count_event(struct recorder *r, const struct event_ref *about, struct memory *m,
			struct str text)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	char now[TIME_LEN + 1];
	struct jw w = jw_start(&body);

	time_format(client_real_ns(r->c), now);
	m->count++;
	jw_begin_object(&w);
	jw_member_i64(&w, "count", m->count);
	jw_member_str(&w, "lastTimestamp", str_of(now));
	jw_member_str(&w, "message", text);
	jw_end_object(&w);
	client_merge(r->c, &client_events, about->ns.len ? about->ns : STR("default"),
		     str_of(m->name), NULL, buf_str(&body), NULL, NULL);
}

/* Events live for an hour: one that was last counted longer ago is a new one. */
#define COUNT_WINDOW_NS (3000 * NSEC_PER_SEC)

static void record(struct recorder *r, const struct event_ref *about, const char *type,
		   const char *reason, struct str text)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT, combined = BUF_INIT;
	size_t object_part, reason_part;
	uint64_t now_ns = client_now_ns(r->c);
	struct memory *m;
	bool fresh;

	add_part(&key, str_of(about->kind->kind));
	add_part(&key, about->ns);
	add_part(&key, about->name);
	add_part(&key, about->uid);
	object_part = key.len;
	add_part(&key, about->field_path);
	add_part(&key, str_of(type));
	add_part(&key, str_of(reason));
	reason_part = key.len;
	add_part(&key, text);
	if (too_many_similar(r, str_n(key.p, reason_part),
			     !hmap_has(r->texts.map, buf_str(&key)))) {
		buf_setlen(&key, reason_part);
		buf_addf(&combined, "(combined from similar events): %.*s", STR_ARG(text));
		text = buf_str(&combined);
	}
	if (!within_rate(r, str_n(key.p, object_part)))
		return;
	m = cache_get(&r->texts, buf_str(&key), &fresh);
	if (fresh || now_ns - m->touched_ns > COUNT_WINDOW_NS)
		create_event(r, about, m, type, reason, text);
	else
		count_event(r, about, m, text);
	m->touched_ns = now_ns;
}

void recorder_event(struct recorder *r, const struct event_ref *about, const char *type,
		    const char *reason, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	record(r, about, type, reason, buf_str(&text));
}

void recorder_event_for(struct recorder *r, const struct client_kind *kind, const struct object *o,
			const char *type, const char *reason, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct jv meta = jv_get(jv_of(o->bytes), "metadata");
	struct event_ref about = {.kind = kind,
				  .ns = o->ns,
				  .name = o->name,
				  .uid = jv_text(jv_get(meta, "uid")),
				  .rv = jv_text(jv_get(meta, "resourceVersion"))};
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	record(r, &about, type, reason, buf_str(&text));
}
