/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/volumes.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Claims that pods use and volumes that claims are bound to are not taken away under them
 * (k8s pkg/controller/volume/pvcprotection, pvprotection): a finalizer, which admission adds, holds
 * them until nobody uses them any more.
 */

static bool has_finalizer(const struct object *o, const char *name)
{
	jv_for_each (f, jv_get(object_meta(o), "finalizers"))
		if (jv_eqs(f.value, name))
			return true;
	return false;
}

static void set_finalizer(struct plan *p, const struct client_kind *kind, const struct object *o,
			  const char *name, bool on)
{
	struct plan_op *op = plan_add(p, "PATCH", kind, o->ns, o->name, NULL);
	struct jv meta = object_meta(o);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(o));
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(meta, "resourceVersion")));
	jw_key(&w, "finalizers");
	jw_begin_array(&w);
	jv_for_each (f, jv_get(meta, "finalizers"))
		if (!jv_eqs(f.value, name))
			jw_raw(&w, jv_raw(f.value));
	if (on)
		jw_str(&w, str_of(name));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* Claims and pods */

struct claims {
	struct hmap *held; /* claims that are to go, by key: pods' events matter for these only */
	/* Claim -> its revision (text) at which the API named no pod that uses it. */
	struct hmap *unused;
};

static struct informer *claims_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pvcs);
}
static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}

/* The node has done its part, or was passed over: only finalizers hold the pod. */
static bool is_shut_down(struct jv meta)
{
	return jv_exists(jv_get(meta, "deletionTimestamp")) &&
	       jv_i64(jv_get(meta, "deletionGracePeriodSeconds"), -1) == 0;
}

/* An unscheduled pod doesn't count: no node starts one whose claim is to go. */
static bool uses(struct jv pod, const struct object *claim)
{
	struct str name = jv_text(jv_path(pod, "metadata.name"));

	if (!jv_text(jv_path(pod, "spec.nodeName")).len || !pod_names_claim(pod, claim->name))
		return false;
	jv_for_each (v, jv_path(pod, "spec.volumes"))
		if (str_eq(jv_text(jv_path(v.value, "persistentVolumeClaim.claimName")),
			   claim->name))
			return true;
	/* By an ephemeral volume. */
	return name.len && !is_shut_down(jv_get(pod, "metadata")) &&
	       ephemeral_claim_is_for(jv_of(claim->bytes), jv_text(jv_path(pod, "metadata.uid")));
}

static void on_pods(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct claims *s = c->state;
	struct object *claim = informer_get_in(claims_in(c), str_of(op->ns), str_of(op->user_text));

	if (e->errnum || !claim)
		return;
	jv_for_each (pod, jv_get(jv_of(body), "items"))
		if (uses(pod.value, claim))
			return;
	free(hmap_put(s->unused, claim->key, xasprintf("%" PRIu64, claim->rv)));
	ctl_enqueue(c, claim->key);
}

/* Also when the cache of pods is older than the claim's deletion: then the API is asked. */
static bool is_used(struct ctl *c, struct object *claim, struct plan *p)
{
	struct object_set pods =
		informer_lookup(informer_index(pods_in(c), informer_by_ns), claim->ns);
	struct claims *s = c->state;
	const char *known = hmap_get(s->unused, claim->key);
	CLEANUP_FREE char *rv = xasprintf("%" PRIu64, claim->rv);
	struct plan_op *op;

	for (size_t i = 0; i < pods.n; i++)
		if (uses(jv_of(pods.v[i]->bytes), claim))
			return true;
	if (informer_rv(pods_in(c)) >= claim->rv || (known && !strcmp(known, rv)))
		return false;
	op = plan_add(p, "GET", &client_pods, claim->ns, STR_NULL, NULL);
	op->result = on_pods;
	op->user = c;
	op->user_text = str_dup(claim->name);
	return true;
}

static void sync_claim(struct ctl *c, struct str key, struct plan *p)
{
	struct object *claim = informer_get(claims_in(c), key);
	struct claims *s = c->state;
	bool held = claim && has_finalizer(claim, CLAIM_PROTECTION);

	if (!claim || !object_deleting(claim) || !held) {
		hmap_del(s->held, key);
		free(hmap_del(s->unused, key));
		if (claim && !object_deleting(claim) && !held)
			set_finalizer(p, &client_pvcs, claim, CLAIM_PROTECTION, true);
		return;
	}
	hmap_put(s->held, key, s);
	if (!is_used(c, claim, p))
		set_finalizer(p, &client_pvcs, claim, CLAIM_PROTECTION, false);
}

static void claim_one(void *user, struct object *claim)
{
	bool held = has_finalizer(claim, CLAIM_PROTECTION);

	if (held == object_deleting(claim))
		ctl_enqueue(user, claim->key);
}
static void claim_two(void *user, struct object *old, struct object *claim)
{
	claim_one(user, claim);
}
static void claim_gone(void *user, struct object *claim)
{
	ctl_enqueue(user, claim->key);
}
static const struct informer_handler on_claim = {claim_one, claim_two, claim_gone, NULL};

static void pod_one(void *user, struct object *pod)
{
	struct ctl *c = user;
	struct claims *s = c->state;

	if (!hmap_len(s->held))
		return;
	hmap_for_each (it, s->held) {
		struct str ns, name;

		object_key_split(it->key, &ns, &name);
		if (str_eq(ns, pod->ns) && pod_names_claim(jv_of(pod->bytes), name))
			ctl_enqueue(c, it->key);
	}
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	pod_one(user, pod);
}
static const struct informer_handler on_pod = {NULL, pod_two, pod_one, NULL};

static bool init_claims(struct ctl *c)
{
	struct claims *s = NEW(struct claims);

	c->state = s;
	s->held = hmap_new();
	s->unused = hmap_new();
	informer_index(pods_in(c), informer_by_ns);
	ctl_handle(c, claims_in(c), &on_claim);
	ctl_handle(c, pods_in(c), &on_pod);
	return true;
}

static void done_claims(struct ctl *c)
{
	struct claims *s = c->state;

	hmap_free(s->held);
	hmap_free_full(s->unused, free);
	free(s);
}

const struct controller pvc_protection_controller = {
	.name = "persistentvolumeclaim-protection",
	.init = init_claims,
	.sync = sync_claim,
	.done = done_claims,
};

/* Volumes and claims */

static struct informer *volumes_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pvs);
}

static void sync_volume(struct ctl *c, struct str key, struct plan *p)
{
	struct object *volume = informer_get(volumes_in(c), key);
	bool held = volume && has_finalizer(volume, VOLUME_PROTECTION);

	if (!volume || held != object_deleting(volume))
		return;
	if (!held)
		set_finalizer(p, &client_pvs, volume, VOLUME_PROTECTION, true);
	else if (!jv_eqs(jv_get(object_status(volume), "phase"), "Bound"))
		set_finalizer(p, &client_pvs, volume, VOLUME_PROTECTION, false);
}

static void volume_one(void *user, struct object *volume)
{
	if (has_finalizer(volume, VOLUME_PROTECTION) == object_deleting(volume))
		ctl_enqueue(user, volume->key);
}
static void volume_two(void *user, struct object *old, struct object *volume)
{
	volume_one(user, volume);
}
static const struct informer_handler on_volume = {volume_one, volume_two, NULL, NULL};

static bool init_volumes(struct ctl *c)
{
	ctl_handle(c, volumes_in(c), &on_volume);
	return true;
}

const struct controller pv_protection_controller = {
	.name = "persistentvolume-protection",
	.init = init_volumes,
	.sync = sync_volume,
};
