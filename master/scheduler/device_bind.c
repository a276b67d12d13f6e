/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/device_claims.h"
#include "master/scheduler/class.h"
#include "master/scheduler/scheduler_private.h"

/*
 * From a decision to a binding, for pods with ResourceClaims: what they are given is assumed at
 * once, and written before the pod is bound.
 *
 *	devices_reserve	pending (devices.h)
 *	devices_bind	finalizer -> status.allocation and reservedFor -> the pod is bound
 *				| conflict: read again, a few times
 *				+ else: taken back, the pod waits its backoff
 */
#define TRIES_MAX 5

struct grant_item {
	struct grant *of;
	char *key; /* of the claim */
	char *allocation; /* JSON; NULL: it has one */
	char *had; /* without one of ours: what it had when it was looked at */
	struct buf claim; /* the object as last seen */
	struct client_call *call;
	int tries;
};

struct grant {
	struct list node;
	struct scheduler *s;
	struct object *pod;
	struct grant_item *v;
	size_t n, open; /* calls under way */
	bool bind;
	char *why; /* the first failure */
};

static void item_write(struct grant_item *it);

static struct str pod_uid(const struct object *pod)
{
	return jv_text(jv_get(object_meta(pod), "uid"));
}

static void grant_free(struct grant *g)
{
	struct scheduler *s = g->s;

	list_remove(&g->node);
	for (size_t i = 0; i < g->n; i++) {
		struct grant_item *it = &g->v[i];

		if (it->call)
			client_cancel(s->c, it->call);
		buf_done(&it->claim);
		free(it->key);
		free(it->allocation);
		free(it->had);
	}
	object_unref(g->pod);
	free(g->v);
	free(g->why);
	free(g);
}

/* What was assumed and not written is free again. */
static void grant_release(struct grant *g)
{
	struct sched_devices *ds = &g->s->devices;

	for (size_t i = 0; i < g->n; i++) {
		const struct sched_pending *p = hmap_get(ds->pending, str_of(g->v[i].key));

		if (g->v[i].allocation && p && !p->rv)
			sched_devices_settle(ds, str_of(g->v[i].key), 0);
	}
	grant_free(g);
}

static struct grant *grant_of(struct scheduler *s, const struct object *pod)
{
	list_for_each (it, &s->grants) {
		struct grant *g = list_entry(it, struct grant, node);

		if (str_eq(pod_uid(g->pod), pod_uid(pod)) && str_eq(g->pod->key, pod->key))
			return g;
	}
	return NULL;
}

/* ---- reserving ---- */

static void item_add(struct grant *g, const struct sched_device_claims *dc, uint32_t i,
		     const struct sched_device_grant *found, const struct sched_node *n)
{
	const struct sched_device_claim *c = &dc->v[i];
	struct grant_item *it = &g->v[g->n++];
	struct jv has = jv_get(object_status(c->obj), "allocation");

	it->of = g;
	it->key = str_dup(c->obj->key);
	buf_addstr(&it->claim, c->obj->bytes);
	if (c->allocated) {
		it->had = str_dup(jv_raw(has));
	} else {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		struct jw w = jw_start(&b);

		sched_devices_allocation(dc, found, i, n, &w);
		it->allocation = buf_take(&b);
		sched_devices_assume(dc->ds, str_of(it->key), str_of(it->allocation));
	}
}

void devices_reserve(struct scheduler *s, struct sched_pod *p, const struct sched_node *n)
{
	struct sched_device_claims *dc = s->fw.cy.devices;
	struct sched_device_grant found;
	CLEANUP_FREE char *why = NULL;
	struct grant *g;

	if (!dc)
		return;
	g = NEW(struct grant);
	g->s = s;
	g->pod = object_ref(p->obj);
	g->v = xcalloc(dc->n, sizeof(*g->v));
	list_append(&s->grants, &g->node);
	sched_devices_begin(dc->ds);
	dc->steps_left = SCHED_DEVICE_STEPS;
	/* The same search on the same state as when it was said to fit. */
	if (sched_devices_fit(dc, n, &found, &why) != DEVICES_FIT) {
		g->why = xstrdup("running Reserve plugin \"DynamicResources\": claim allocation "
				 "not found for node");
		return;
	}
	for (uint32_t i = 0; i < dc->n; i++)
		if (!dc->v[i].reserved)
			item_add(g, dc, i, &found, n);
}

void devices_release(struct scheduler *s, const struct object *pod)
{
	struct grant *g = grant_of(s, pod);

	if (g)
		grant_release(g);
}

/* ---- writing ---- */

static void give_up(struct grant *g)
{
	struct scheduler *s = g->s;
	struct object *pod = object_ref(g->pod);
	CLEANUP_FREE char *why = TAKE(g->why);
	struct sched_pod *p = sched_cache_find(&s->cache, pod->key);

	grant_release(g);
	s->stats.failed++;
	if (p && p->state == SCHED_ASSUMED && str_eq(pod_uid(p->obj), pod_uid(pod))) {
		act_event(s, p->obj, "FailedScheduling", why);
		sched_cache_forget(&s->cache, p);
		sched_queue_add(&s->queue, p);
		sched_queue_backoff(&s->queue, p);
	}
	devices_unreserve(s, pod);
	object_unref(pod);
}

/* All calls have ended. */
static void grant_over(struct grant *g)
{
	struct scheduler *s = g->s;
	struct sched_pod *p = sched_cache_find(&s->cache, g->pod->key);

	if (g->why) {
		give_up(g);
		return;
	}
	if (!p || p->state != SCHED_ASSUMED || !str_eq(pod_uid(p->obj), pod_uid(g->pod))) {
		grant_free(g); /* gone; the controller takes its reservations away */
		return;
	}
	grant_free(g);
	act_bind(s, p, p->node);
}

static void item_over(struct grant_item *it, char *take_why)
{
	struct grant *g = it->of;

	if (take_why && !g->why)
		g->why = xasprintf("running PreBind plugin \"DynamicResources\": %s", take_why);
	free(take_why);
	if (!--g->open && g->bind)
		grant_over(g);
}

static void on_read(void *user, const struct err *e, struct str body)
{
	struct grant_item *it = user;
	struct jv claim, allocation;

	it->call = NULL;
	if (e->errnum) {
		item_over(it, xasprintf("get updated claim %s after conflict: %s", it->key,
					err_text(e)));
		return;
	}
	buf_clear(&it->claim);
	buf_addstr(&it->claim, body);
	claim = jv_of(buf_str(&it->claim));
	allocation = jv_path(claim, "status.allocation");
	if (jv_exists(jv_path(claim, "metadata.deletionTimestamp")))
		item_over(it, xasprintf("claim %s got deleted in the meantime", it->key));
	else if (it->allocation ? jv_exists(allocation) : !str_eqs(jv_raw(allocation), it->had))
		item_over(it,
			  xasprintf("claim %s got allocated elsewhere in the meantime", it->key));
	else
		item_write(it);
}

static void item_failed(struct grant_item *it, const char *what, const struct err *e)
{
	struct str ns, name;

	if (e->errnum == EAGAIN && ++it->tries < TRIES_MAX) {
		object_key_split(str_of(it->key), &ns, &name);
		it->call = client_get(it->of->s->c, &client_resourceclaims, ns, name, on_read, it);
		return;
	}
	item_over(it, xasprintf("%s claim %s: %s", what, it->key, err_text(e)));
}

static void on_status(void *user, const struct err *e, struct str body)
{
	struct grant_item *it = user;
	uint64_t rv = 0;

	it->call = NULL;
	if (e->errnum) {
		item_failed(it,
			    it->allocation ? "add allocation and reservation to"
					   : "add reservation to",
			    e);
		return;
	}
	if (it->allocation &&
	    str_to_u64(jv_text(jv_path(jv_of(body), "metadata.resourceVersion")), &rv) == 0)
		sched_devices_settle(&it->of->s->devices, str_of(it->key), rv);
	item_over(it, NULL);
}

static void write_status(struct grant_item *it)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	const struct object *pod = it->of->pod;
	struct jw w = jw_start(&body);
	struct str ns, name;

	object_key_split(str_of(it->key), &ns, &name);
	claim_write_reserve(&w, jv_of(buf_str(&it->claim)), pod->name, pod_uid(pod),
			    str_of(it->allocation));
	it->call = client_merge(it->of->s->c, &client_resourceclaims, ns, name, "status",
				buf_str(&body), on_status, it);
}

static void on_held(void *user, const struct err *e, struct str body)
{
	struct grant_item *it = user;

	it->call = NULL;
	if (e->errnum) {
		item_failed(it, "add finalizer to", e);
		return;
	}
	buf_clear(&it->claim);
	buf_addstr(&it->claim, body);
	write_status(it);
}

static void write_finalizer(struct grant_item *it)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct jv meta = jv_get(jv_of(buf_str(&it->claim)), "metadata");
	struct jw w = jw_start(&body);
	struct str ns, name;

	object_key_split(str_of(it->key), &ns, &name);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", jv_text(jv_get(meta, "uid")));
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(meta, "resourceVersion")));
	jw_key(&w, "finalizers");
	jw_begin_array(&w);
	jv_for_each (f, jv_get(meta, "finalizers"))
		jw_raw(&w, jv_raw(f.value));
	jw_str(&w, STR(CLAIM_DEVICE_FINALIZER));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	it->call = client_merge(it->of->s->c, &client_resourceclaims, ns, name, NULL,
				buf_str(&body), on_held, it);
}

static void item_write(struct grant_item *it)
{
	if (it->allocation && !claim_held(jv_of(buf_str(&it->claim))))
		write_finalizer(it);
	else
		write_status(it);
}

void devices_bind(struct scheduler *s, struct sched_pod *p, struct sched_node *n)
{
	struct grant *g = grant_of(s, p->obj);

	if (!g) {
		act_bind(s, p, n);
		return;
	}
	g->open = g->n + 1; /* answers may come before all is asked */
	for (size_t i = 0; i < g->n && !g->why; i++)
		item_write(&g->v[i]);
	if (g->why)
		g->open = 1;
	g->bind = true;
	if (!--g->open)
		grant_over(g);
}

/* The pod is not bound after all: it uses none of its claims. */
void devices_unreserve(struct scheduler *s, const struct object *pod)
{
	struct str uid = pod_uid(pod);

	jv_for_each (e, jv_get(object_spec(pod), "resourceClaims")) {
		struct pod_claim pc = pod_claim(jv_of(pod->bytes), e.value);
		CLEANUP_FREE char *body = xasprintf(
			"{\"status\":{\"reservedFor\":[{\"$patch\":\"delete\",\"uid\":\"%.*s\"}]}}",
			STR_ARG(uid));

		if (pc.name.len && uid.len)
			client_do(s->c,
				  &(struct client_req){.method = "PATCH",
						       .kind = &client_resourceclaims,
						       .ns = pod->ns,
						       .name = pc.name,
						       .sub = "status",
						       .content_type = CLIENT_STRATEGIC_PATCH,
						       .body = str_of(body)},
				  NULL, NULL);
	}
}

/* ---- nothing fits ---- */

static bool free_claim(struct scheduler *s, const struct sched_pod *p, const struct object *claim)
{
	struct jv users = jv_get(object_status(claim), "reservedFor");
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	jv_for_each (u, users)
		if (!str_eq(jv_text(jv_get(u.value, "uid")), pod_uid(p->obj)))
			return false;
	buf_addf(&body,
		 "{\"metadata\":{\"uid\":\"%.*s\",\"resourceVersion\":\"%" PRIu64 "\"},"
		 "\"status\":{\"allocation\":null,\"reservedFor\":null,\"devices\":null}}",
		 STR_ARG(pod_uid(claim)), claim->rv);
	client_merge(s->c, &client_resourceclaims, claim->ns, claim->name, "status", buf_str(&body),
		     NULL, NULL);
	return true;
}

const char *devices_post(struct scheduler *s, const struct sched_pod *p)
{
	const struct sched_device_claims *dc = s->fw.cy.devices;
	size_t start;

	if (!p->class->pieces[PIECE_CLAIMS].len)
		return NULL;
	if (!dc)
		return "no new claims to deallocate";
	start = sched_random(&s->fw, dc->n);
	for (size_t k = 0; k < dc->n; k++) {
		size_t i = (start + k) % dc->n;

		if (i < 64 && dc->unavailable >> i & 1 && free_claim(s, p, dc->v[i].obj))
			return "deallocation of ResourceClaim completed";
	}
	return "still not schedulable";
}

/* ---- events ---- */

bool devices_missing(struct scheduler *s, const struct sched_pod *p)
{
	CLEANUP_FREE char *why = NULL;

	if (!p->class->pieces[PIECE_CLAIMS].len)
		return false;
	if (sched_devices_ready(&s->devices, p->obj, &why)) {
		hmap_del(s->claimless, p->obj->key);
		return false;
	}
	hmap_put(s->claimless, p->obj->key, s);
	return true;
}

/* Pods that waited for their claims to be there. */
static void look_at_claimless(struct scheduler *s, const struct object *claim)
{
	char **ready = NULL;
	size_t n = 0, cap = 0;

	hmap_for_each (it, s->claimless) {
		const struct sched_pod *p = sched_cache_find(&s->cache, it->key);

		if (!p || sched_devices_names(p->obj, claim))
			*ARRAY_PUSH(ready, n, cap) = str_dup(it->key);
	}
	for (size_t i = 0; i < n; i++) {
		struct sched_pod *p = sched_cache_find(&s->cache, str_of(ready[i]));

		if (!p)
			hmap_del(s->claimless, str_of(ready[i]));
		else
			scheduler_look_again(s, p);
		free(ready[i]);
	}
	free(ready);
}

static bool has_allocation(const struct object *claim)
{
	return jv_exists(jv_get(object_status(claim), "allocation"));
}

void devices_changed(void *user, struct object *claim, struct object *was)
{
	struct scheduler *s = user;

	if (!claim || (was && has_allocation(was) && !has_allocation(claim))) {
		sched_queue_wake(&s->queue, SCHED_EV_DEVICES, NULL);
		return;
	}
	if (was && str_eq(jv_raw(object_status(was)), jv_raw(object_status(claim))))
		return;
	if (hmap_len(s->claimless))
		look_at_claimless(s, claim);
	sched_queue_wake(&s->queue, SCHED_EV_DEVICES, &(struct sched_change){.claim = claim});
}

void devices_done(struct scheduler *s)
{
	list_for_each_safe (it, &s->grants)
		grant_free(list_entry(it, struct grant, node));
	hmap_free(s->claimless);
}
