/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/model.h"
#include "tests/sim/sim.h"

#include "lib/base/codec.h"
#include "master/store/store.h"
/*
 * What every master, watcher and client must agree on: one history, a revision after the other, in
 * which nothing ever changes, and which holds all that anybody was told of.
 */
struct past {
	bool known;
	enum store_event_type type;
	char *key;
	uint32_t crc;
};

static struct past *past; /* [revision - 1] */
static size_t n_past, cap_past;
static struct hmap *acked; /* key -> revision, as a pointer */
static uint64_t max_acked;

static uint32_t crc_of(struct str s)
{
	s = str_trim(s);
	return crc32c(0, s.p, s.len);
}

void checks_begin(void)
{
	n_past = 0;
	max_acked = 0;
	acked = hmap_new();
	model_begin();
}

void checks_done(void)
{
	for (size_t i = 0; i < n_past; i++)
		free(past[i].key);
	acked = hmap_free(acked);
	model_done();
}

static void grow_to(uint64_t rev)
{
	while (n_past < rev)
		*ARRAY_PUSH(past, n_past, cap_past) = (struct past){0};
}

/* The same at this revision as everybody saw, or the first who sees it. */
static void agree(unsigned i, uint64_t rev, enum store_event_type type, const struct store_obj *o)
{
	struct past *p = &past[rev - 1];
	uint32_t crc = crc_of(o->value);

	if (!p->known) {
		*p = (struct past){true, type, str_dup(o->key), crc};
		return;
	}
	SIM_CHECK(p->type == type && str_eqs(o->key, p->key) && p->crc == crc,
		  "m%u has another change at revision %" PRIu64 " than others: %.*s, not %s", i,
		  rev, STR_ARG(o->key), p->key);
}

void check_event(unsigned i, const struct store_event *ev, uint64_t *last_rev)
{
	bool newest = ev->rev == n_past + 1;

	SIM_CHECK(ev->rev == *last_rev + 1, "m%u applied revision %" PRIu64 " after %" PRIu64, i,
		  ev->rev, *last_rev);
	*last_rev = ev->rev;
	grow_to(ev->rev);
	agree(i, ev->rev, ev->type, ev->obj);
	world.count.events++;
	if (!newest)
		return;
	trace("%" PRIu64 " %s %.*s %08x", ev->rev, ev->type == STORE_EVENT_PUT ? "put" : "del",
	      STR_ARG(ev->obj->key), world.very_verbose ? crc_of(ev->obj->value) : 0);
	if (world.very_verbose)
		printf("           %.*s\n", STR_ARG(ev->obj->value));
	model_change(ev->type == STORE_EVENT_PUT, ev->obj);
}

void check_watch(unsigned i, const char *prefix, const struct store_event *ev, uint64_t *last)
{
	SIM_CHECK(ev->rev > *last && ev->rev <= n_past,
		  "m%u: a watch of %s got revision %" PRIu64 " after %" PRIu64, i, prefix, ev->rev,
		  *last);
	agree(i, ev->rev, ev->type, ev->obj);
	while (++*last < ev->rev)
		SIM_CHECK(!past[*last - 1].known ||
				  !str_starts(str_of(past[*last - 1].key), str_of(prefix)),
			  "m%u: a watch of %s got revision %" PRIu64 " and not %" PRIu64, i, prefix,
			  ev->rev, *last);
}

void check_state(unsigned i, const struct store_view *v)
{
	uint64_t rev = store_view_rev(v);
	bool newer = rev > n_past;
	const struct store_obj *o;
	struct store_iter it;
	size_t n = 0;

	SIM_CHECK(n_masters > 1 || rev >= max_acked,
		  "m%u came up with revision %" PRIu64 "; %" PRIu64 " had been acknowledged", i,
		  rev, max_acked);
	grow_to(rev);
	store_range(v, STR("/"), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		agree(i, o->rev, STORE_EVENT_PUT, o);
		n++;
	}
	if (newer)
		model_reset(v);
	else if (rev == n_past)
		SIM_CHECK(n == model_count(), "m%u came up with %zu objects instead of %zu", i, n,
			  model_count());
}

uint64_t check_newest(void)
{
	return n_past;
}

/* ---- answers ---- */

/* "/api/v1/namespaces/x/pods/p/status?q" -> key, and what stands behind it. */
static bool path_key(struct str path, struct str name, char key[512], struct str *ret_sub)
{
	struct str part[10], q, rest, group = STR("core"), ns = STR("");
	size_t n = 0, at = 2;

	str_split(&path, '?', &q);
	rest = str_skip(q, 1);
	while (n < ARRAY_SIZE(part) && rest.p && str_split(&rest, '/', &part[n]))
		n++;
	if (n < 3)
		return false;
	if (str_eqs(part[0], "apis")) {
		group = part[1];
		at = 3;
	}
	if (n > at + 2 && str_eqs(part[at], "namespaces") && !str_eqs(part[at + 2], "status") &&
	    !str_eqs(part[at + 2], "finalize")) {
		ns = part[at + 1];
		at += 2;
	}
	if (n <= at)
		return false;
	if (n > at + 1)
		name = part[at + 1];
	*ret_sub = n > at + 2 ? part[at + 2] : STR("");
	if (!name.len)
		return false;
	snprintf(key, 512, "/%.*s/%.*s/%.*s/%.*s", STR_ARG(group), STR_ARG(part[at]), STR_ARG(ns),
		 STR_ARG(name));
	return true;
}

uint64_t check_acked(struct str path)
{
	char key[512];
	struct str sub;

	if (!path_key(path, STR(""), key, &sub))
		return 0;
	return (uintptr_t)hmap_get(acked, str_of(key));
}

/* The object a client was given is what is in the history at its revision. */
static void check_object(const char *method, const char *key, struct str body, uint64_t rev)
{
	struct past *p;

	SIM_CHECK(rev && rev <= n_past,
		  "%s %s was answered with revision %" PRIu64 ", which nobody has", method, key,
		  rev);
	p = &past[rev - 1];
	if (!p->known)
		return;
	SIM_CHECK(strcmp(p->key, key) == 0 && p->crc == crc_of(body),
		  "%s %s was answered with revision %" PRIu64 ", which is %s and other bytes",
		  method, key, rev, p->key);
}

static void check_read(const char *key, int status, uint64_t rev, uint64_t asked_rev)
{
	const struct store_obj *o = model_get(str_of(key));

	world.count.reads++;
	if (status == 200)
		SIM_CHECK(rev >= asked_rev,
			  "GET %s gave revision %" PRIu64 "; %" PRIu64
			  " had been acknowledged before it was asked",
			  key, rev, asked_rev);
	if (status == 404)
		SIM_CHECK(!o || !asked_rev || o->create_rev > asked_rev,
			  "GET %s gave 404; it has been there since %" PRIu64, key, o->create_rev);
}

void check_answer(const char *method, struct str path, int status, struct str body,
		  uint64_t asked_rev)
{
	bool get = strcmp(method, "GET") == 0;
	struct jv v = jv_of(body), meta = jv_get(v, "metadata");
	struct str sub, name = jv_text(jv_get(meta, "name"));
	uint64_t rev = 0;
	char key[512];

	trace("%s %.*s: %d", method, STR_ARG(path), status);
	if ((status != 200 && status != 201 && !(get && status == 404)) ||
	    !path_key(path, name, key, &sub))
		return;
	if (sub.len && !str_eqs(sub, "status"))
		return;
	if (status == 404) {
		if (!memmem(path.p, path.len, "resourceVersion=0", 17))
			check_read(key, status, 0, asked_rev);
		return;
	}
	if (jv_eqs(jv_get(v, "kind"), "Status") || !name.len ||
	    str_to_u64(jv_text(jv_get(meta, "resourceVersion")), &rev) < 0)
		return;
	check_object(method, key, body, rev);
	if (get) {
		if (!memmem(path.p, path.len, "resourceVersion=0", 17))
			check_read(key, status, rev, asked_rev);
		return;
	}
	world.count.acked++;
	max_acked = MAX(max_acked, rev);
	if (rev > (uintptr_t)hmap_get(acked, str_of(key)))
		hmap_put(acked, str_of(key), (void *)(uintptr_t)rev);
}
