/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/scheduler_private.h"
#include "lib/api/volumes.h"
#include "lib/json/jw.h"
#include "master/scheduler/class.h"

/*
 * Claims that wait for their first consumer, once it has a node: volumes are reserved for them, or
 * the node is named to whoever makes volumes; when all of the pod's claims are bound, so is the
 * pod.
 *
 *	decided --volume.spec.claimRef, claim's selected-node--> waiting --all bound--> bind the pod
 *	                                                            | refused, taken back, too late
 *	                                                            v
 *	                                                     the queue, after backoff
 */
#define BIND_MAX_NS (600 * NSEC_PER_SEC)

struct reserve_item {
	char *name, *claim_key; /* of the volume, or of the claim a node was chosen for */
	struct client_call *call;
	struct reserve *of;
};

struct reserve {
	struct list node;
	struct scheduler *s;
	struct object *pod;
	char *node_name;
	struct reserve_item *volumes, *claims;
	size_t n_volumes, n_claims;
	struct timer late;
	bool failed;
};

static void forget_items(struct hmap *assumed, struct reserve_item *v, size_t n, struct client *c)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].call)
			client_cancel(c, v[i].call);
		free(hmap_del(assumed, str_of(v[i].name)));
		free(v[i].name);
		free(v[i].claim_key);
	}
	free(v);
}

static void reserve_free(struct reserve *r)
{
	struct scheduler *s = r->s;

	list_remove(&r->node);
	timers_disarm(client_timers(s->c), &r->late);
	forget_items(s->storage.taken, r->volumes, r->n_volumes, s->c);
	forget_items(s->storage.chosen, r->claims, r->n_claims, s->c);
	object_unref(r->pod);
	free(r->node_name);
	free(r);
}

static void give_up(struct reserve *r, const char *why)
{
	struct scheduler *s = r->s;
	struct sched_pod *p = sched_cache_find(&s->cache, r->pod->key);

	s->stats.failed++;
	devices_release(s, r->pod);
	if (p && p->state == SCHED_ASSUMED) {
		act_event(s, p->obj, "FailedScheduling", why);
		sched_cache_forget(&s->cache, p);
		sched_queue_add(&s->queue, p);
		sched_queue_backoff(&s->queue, p);
	}
	reserve_free(r);
}

static void on_late(struct timer *t)
{
	give_up(container_of(t, struct reserve, late),
		"running PreBind plugin \"VolumeBinding\": binding volumes: context deadline "
		"exceeded");
}

static void on_written(void *user, const struct err *e, struct str body)
{
	struct reserve_item *it = user;

	it->call = NULL;
	if (!e->errnum)
		return;
	/* The others may still be under way: it ends from the loop, not from within their turn. */
	it->of->failed = true;
	timers_soon(client_timers(it->of->s->c), &it->of->s->volumes_look);
}

static struct client_call *write_volume(struct scheduler *s, const struct object *volume,
					const struct object *claim, struct reserve_item *it)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct jw w = jw_start(&body);

	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	/* On what was looked at: nobody else may have got it meanwhile. */
	jw_member_str(&w, "resourceVersion",
		      jv_text(jv_get(object_meta(volume), "resourceVersion")));
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	jw_member_str(&w, NOTE_BOUND_BY_CONTROLLER, STR("yes"));
	jw_end_object(&w);
	jw_end_object(&w);
	volume_write_claim(&w, jv_of(claim->bytes));
	jw_end_object(&w);
	return client_merge(s->c, informer_kind(s->storage.volumes), STR_NULL, volume->name, NULL,
			    buf_str(&body), on_written, it);
}

static struct client_call *write_claim(struct scheduler *s, const struct object *claim,
				       const char *node_name, struct reserve_item *it)
{
	CLEANUP_FREE char *body = xasprintf(
		"{\"metadata\":{\"annotations\":{\"" NOTE_SELECTED_NODE "\":\"%s\"}}}", node_name);

	return client_merge(s->c, informer_kind(s->storage.claims), claim->ns, claim->name, NULL,
			    str_of(body), on_written, it);
}

/* All assumptions first: what is written may be answered at any time. */
static void assume(struct reserve *r, const struct sched_claims *cs,
		   const struct sched_volume **choice)
{
	struct sched_storage *st = &r->s->storage;

	r->volumes = xcalloc(cs->n, sizeof(*r->volumes));
	r->claims = xcalloc(cs->n, sizeof(*r->claims));
	for (size_t i = 0; i < cs->n; i++) {
		const struct sched_claim *c = &cs->v[i];
		struct reserve_item *it;

		if (c->bound)
			continue;
		if (choice[i]) {
			it = &r->volumes[r->n_volumes++];
			it->name = str_dup(choice[i]->obj->name);
			free(hmap_put(st->taken, choice[i]->obj->name, str_dup(c->obj->key)));
		} else {
			it = &r->claims[r->n_claims++];
			it->name = str_dup(c->obj->key);
			free(hmap_put(st->chosen, c->obj->key, xstrdup(r->node_name)));
		}
		it->claim_key = str_dup(c->obj->key);
		it->of = r;
	}
}

static void write_all(struct reserve *r)
{
	struct scheduler *s = r->s;

	for (size_t i = 0; i < r->n_volumes; i++) {
		struct reserve_item *it = &r->volumes[i];
		struct object *v = informer_get(s->storage.volumes, str_of(it->name));
		struct object *c = informer_get(s->storage.claims, str_of(it->claim_key));

		if (v && c)
			it->call = write_volume(s, v, c, it);
	}
	for (size_t i = 0; i < r->n_claims; i++) {
		struct reserve_item *it = &r->claims[i];
		struct object *c = informer_get(s->storage.claims, str_of(it->claim_key));

		if (c)
			it->call = write_claim(s, c, r->node_name, it);
	}
}

bool reserve_start(struct scheduler *s, struct sched_pod *p, struct sched_node *n)
{
	const struct sched_claims *cs = s->fw.cy.claims;
	CLEANUP_FREE const struct sched_volume **choice = NULL;
	struct reserve *r;
	bool open = false;

	for (size_t i = 0; cs && i < cs->n; i++)
		open |= !cs->v[i].bound;
	if (!open)
		return false;
	choice = xcalloc(cs->n, sizeof(*choice));
	sched_claims_fit(cs, n, choice);
	r = NEW(struct reserve);
	r->s = s;
	r->pod = object_ref(p->obj);
	r->node_name = str_dup(n->name);
	r->late.fire = on_late;
	list_append(&s->reserves, &r->node);
	timers_arm_in(client_timers(s->c), &r->late, BIND_MAX_NS);
	assume(r, cs, choice);
	write_all(r);
	return true;
}

struct progress {
	bool open;
	const struct reserve *r;
	bool lost;
};

static void look_at_claim(void *user, struct object *claim)
{
	struct progress *pr = user;
	struct str node = jv_text(volume_note(jv_of(claim->bytes), NOTE_SELECTED_NODE));

	if (sched_claim_bound(claim))
		return;
	pr->open = true;
	pr->lost |= claim->deleting;
	/* Taken back by who was to make the volume, or another node: decide anew. */
	for (size_t i = 0; i < pr->r->n_claims; i++)
		if (str_eqs(claim->key, pr->r->claims[i].claim_key) && !pr->r->claims[i].call)
			pr->lost |= !str_eqs(node, pr->r->node_name);
}

static void look_at(struct reserve *r)
{
	struct scheduler *s = r->s;
	struct sched_pod *p = sched_cache_find(&s->cache, r->pod->key);
	struct progress pr = {.r = r};
	struct sched_node *n;

	if (!p || p->state != SCHED_ASSUMED) { /* gone, or bound by somebody else */
		devices_release(s, r->pod);
		reserve_free(r);
		return;
	}
	sched_claims_each(&s->storage, p, look_at_claim, &pr);
	if (r->failed || pr.lost) {
		give_up(r, r->failed ? "running PreBind plugin \"VolumeBinding\": could not write "
				       "what was chosen"
				     : "running PreBind plugin \"VolumeBinding\": binding volumes: "
				       "provisioning failed for PVC");
		return;
	}
	if (pr.open)
		return;
	n = p->node;
	reserve_free(r);
	devices_bind(s, p, n);
}

void reserve_look(struct timer *t)
{
	struct scheduler *s = container_of(t, struct scheduler, volumes_look);

	list_for_each_safe (it, &s->reserves)
		look_at(list_entry(it, struct reserve, node));
}

void reserve_done(struct scheduler *s)
{
	timers_disarm(client_timers(s->c), &s->volumes_look);
	list_for_each_safe (it, &s->reserves)
		reserve_free(list_entry(it, struct reserve, node));
}
