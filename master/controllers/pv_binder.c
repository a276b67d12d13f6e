/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/pv_binder.h"

/* What makes the binder look at which claim or volume. Keys: "ns/name" a claim, "name" a volume. */

static struct str class_or_none(const struct object *o)
{
	struct str class = volume_class(jv_of(o->bytes));

	return class.len ? class : STR(NO_CLASS);
}

static struct str index_unbound(const struct object *claim)
{
	if (jv_exists(volume_note(jv_of(claim->bytes), NOTE_BIND_COMPLETED)))
		return STR_NULL;
	return class_or_none(claim);
}

static struct str index_volume_name(const struct object *claim)
{
	return jv_text(jv_get(object_spec(claim), "volumeName"));
}

static struct str index_free(const struct object *volume)
{
	if (jv_exists(jv_get(object_spec(volume), "claimRef")))
		return STR_NULL;
	return class_or_none(volume);
}

static struct str index_claim_name(const struct object *volume)
{
	return jv_text(jv_path(jv_of(volume->bytes), "spec.claimRef.name"));
}

static void enqueue_all(struct ctl *c, struct object_set set)
{
	for (size_t i = 0; i < set.n; i++)
		ctl_enqueue(c, set.v[i]->key);
}

/* Claims */

static void claim_gone(void *user, struct object *claim)
{
	struct ctl *c = user;
	struct pv_binder *b = c->state;
	struct object_set v = informer_lookup(b->volumes_of_claim, claim->name);
	struct str name = index_volume_name(claim);

	if (name.len)
		ctl_enqueue(c, name);
	for (size_t i = 0; i < v.n; i++)
		if (str_eq(jv_text(jv_path(jv_of(v.v[i]->bytes), "spec.claimRef.namespace")),
			   claim->ns))
			ctl_enqueue(c, v.v[i]->key);
}

static void claim_here(void *user, struct object *claim)
{
	ctl_enqueue(user, claim->key);
}

static void claim_changed(void *user, struct object *old, struct object *claim)
{
	/* Another claim of that name: what happened between was not seen. */
	if (!str_eq(object_uid(old), object_uid(claim)))
		claim_gone(user, old);
	ctl_enqueue(user, claim->key);
}
static const struct informer_handler on_claims = {claim_here, claim_changed, claim_gone, NULL};

/* Volumes */

static void wake_claims(struct ctl *c, const struct object *volume)
{
	struct pv_binder *b = c->state;
	struct jv ref = jv_get(object_spec(volume), "claimRef");

	if (jv_exists(ref))
		ctl_enqueue_in(c, jv_text(jv_get(ref, "namespace")), jv_text(jv_get(ref, "name")));
	else
		enqueue_all(c, informer_lookup(b->unbound_of_class, class_or_none(volume)));
	enqueue_all(c, informer_lookup(b->claims_of_volume, volume->name));
}

static void volume_here(void *user, struct object *volume)
{
	ctl_enqueue(user, volume->key);
	wake_claims(user, volume);
}

static void volume_changed(void *user, struct object *old, struct object *volume)
{
	volume_here(user, volume);
}

static void volume_gone(void *user, struct object *volume)
{
	struct ctl *c = user;
	struct pv_binder *b = c->state;

	free(hmap_del(b->unclaimed, volume->name));
	wake_claims(c, volume);
}
static const struct informer_handler on_volumes = {volume_here, volume_changed, volume_gone, NULL};

/* Classes */

static void class_here(void *user, struct object *class)
{
	struct ctl *c = user;
	struct pv_binder *b = c->state;

	enqueue_all(c, informer_lookup(b->unbound_of_class, class->name));
	enqueue_all(c, informer_lookup(b->unbound_of_class, STR(NO_CLASS)));
}
static void class_changed(void *user, struct object *old, struct object *class)
{
	class_here(user, class);
}
static const struct informer_handler on_classes = {class_here, class_changed, NULL, NULL};

static bool init(struct ctl *c)
{
	struct pv_binder *b = NEW(struct pv_binder);

	c->state = b;
	b->c = c;
	b->claims = informers_get(c->informers, &client_pvcs);
	b->volumes = informers_get(c->informers, &client_pvs);
	b->classes = informers_get(c->informers, &client_storageclasses);
	b->unbound_of_class = informer_index(b->claims, index_unbound);
	b->claims_of_volume = informer_index(b->claims, index_volume_name);
	b->free_of_class = informer_index(b->volumes, index_free);
	b->volumes_of_claim = informer_index(b->volumes, index_claim_name);
	b->unclaimed = hmap_new();
	ctl_handle(c, b->claims, &on_claims);
	ctl_handle(c, b->volumes, &on_volumes);
	ctl_handle(c, b->classes, &on_classes);
	return true;
}

static void done(struct ctl *c)
{
	struct pv_binder *b = c->state;

	hmap_free_full(b->unclaimed, free);
	free(b);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct pv_binder *b = c->state;
	struct object *o;

	if (str_chr(key, '/') >= 0) {
		o = informer_get(b->claims, key);
		if (o)
			pv_sync_claim(b, o, p);
	} else {
		o = informer_get(b->volumes, key);
		if (o)
			pv_sync_volume(b, o, p);
	}
}

const struct controller pv_binder_controller = {
	.name = "persistentvolume-binder",
	.component = "persistentvolume-controller",
	.init = init,
	.sync = reconcile,
	.done = done,
};
