/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/pv_binder.h"

/* A claim: find it a volume, have one made, or see that it still has its own. */

static struct jv of(const struct object *o)
{
	return jv_of(o->bytes);
}

static struct object *class_of(struct pv_binder *b, struct object *claim)
{
	struct str name = volume_class(of(claim));

	return name.len ? informer_get(b->classes, name) : NULL;
}

/* What to look for in the indexes by class. */
static struct str class_value(struct object *claim)
{
	struct str name = volume_class(of(claim));

	return name.len ? name : STR(NO_CLASS);
}

/* Finding */

/* One that somebody reserved for this claim. */
static struct object *find_reserved(struct pv_binder *b, struct object *claim)
{
	struct object_set v = informer_lookup(b->volumes_of_claim, claim->name);

	for (size_t i = 0; i < v.n; i++) {
		struct jv o = of(v.v[i]);

		if (!object_deleting(v.v[i]) && volume_claimed(o, of(claim)) > 0 &&
		    str_eq(volume_mode(o), volume_mode(of(claim))) &&
		    volume_modes_include(o, of(claim)) &&
		    volume_capacity(o) >= claim_request(of(claim)))
			return v.v[i];
	}
	return NULL;
}

/* The least: access modes first, then bytes, then its name. */
static bool is_less(struct object *a, struct object *than)
{
	size_t x = jv_len(jv_get(object_spec(a), "accessModes"));
	size_t y = jv_len(jv_get(object_spec(than), "accessModes"));
	int64_t m = volume_capacity(of(a)), n = volume_capacity(of(than));

	if (x != y)
		return x < y;
	return m != n ? m < n : str_cmp(a->name, than->name) < 0;
}

static struct object *find_free(struct pv_binder *b, struct object *claim)
{
	struct object_set v = informer_lookup(b->free_of_class, class_value(claim));
	struct jv selector = jv_get(object_spec(claim), "selector");
	struct label_selector sel = {0};
	struct object *best = NULL;

	if (jv_exists(selector) && label_selector_from_object(selector, &sel, NULL) < 0)
		sel.nothing = true;
	for (size_t i = 0; i < v.n; i++)
		if (!volume_mismatch(of(v.v[i]), of(claim)) &&
		    label_selector_match(&sel, jv_get(object_meta(v.v[i]), "labels")) &&
		    (!best || is_less(v.v[i], best)))
			best = v.v[i];
	label_selector_done(&sel);
	return best;
}

/* Having one made */

static struct object *default_class(struct pv_binder *b)
{
	struct object *best = NULL;

	informer_for_each(o, b->classes)
	{
		struct jv c = of(o);
		int64_t young = object_created_ns(o);
		int64_t than = best ? object_created_ns(best) : 0;

		if (!jv_eqs(volume_note(c, "storageclass.kubernetes.io/is-default-class"),
			    "true") &&
		    !jv_eqs(volume_note(c, "storageclass.beta.kubernetes.io/is-default-class"),
			    "true"))
			continue;
		if (!best || young > than || (young == than && str_cmp(o->name, best->name) < 0))
			best = o;
	}
	return best;
}

#define EVENT(type, reason, ...) \
	recorder_event_for(b->c->events, &client_pvcs, claim, type, reason, __VA_ARGS__)

static void provision(struct pv_binder *b, struct object *claim, struct plan *p)
{
	struct object *class = class_of(b, claim);
	struct str by;

	if (!class) {
		EVENT(EVENT_WARNING, "ProvisioningFailed",
		      "storageclass.storage.k8s.io \"%.*s\" not found",
		      STR_ARG(volume_class(of(claim))));
		return;
	}
	by = jv_text(jv_get(of(class), "provisioner"));
	if (str_starts(by, STR("kubernetes.io/"))) {
		EVENT(EVENT_WARNING, "ProvisioningFailed", "no volume plugin matched name: %.*s",
		      STR_ARG(by));
		return;
	}
	if (!str_eq(object_annotation(claim, NOTE_PROVISIONER), by) ||
	    !str_eq(object_annotation(claim, NOTE_OLD_PROVISIONER), by)) {
		pv_plan_provisioner(p, claim, by);
		return; /* what it leads to brings us here again */
	}
	EVENT(EVENT_NORMAL, "ExternalProvisioning",
	      "Waiting for a volume to be created either by the external provisioner '%.*s' or "
	      "manually by the system administrator. If volume creation is delayed, please verify "
	      "that the provisioner is running and correctly registered.",
	      STR_ARG(by));
}

static bool is_delayed(struct pv_binder *b, struct object *claim)
{
	struct object *class = class_of(b, claim);

	return class && jv_eqs(jv_get(of(class), "volumeBindingMode"), "WaitForFirstConsumer");
}

static void find_or_make(struct pv_binder *b, struct object *claim, struct plan *p)
{
	bool delayed = is_delayed(b, claim);
	struct object *volume = find_reserved(b, claim), *class;

	if (!volume && !delayed)
		volume = find_free(b, claim);
	if (volume) {
		pv_plan_bind(b, p, volume, claim);
		return;
	}
	class = claim_has_class(of(claim)) ? NULL : default_class(b);
	if (class) {
		pv_plan_class(p, claim, class->name);
		return;
	}
	if (delayed && !object_annotation(claim, NOTE_SELECTED_NODE).len) {
		EVENT(EVENT_NORMAL, "WaitForFirstConsumer",
		      "waiting for first consumer to be created before binding");
	} else if (volume_class(of(claim)).len) {
		provision(b, claim, p);
		return;
	} else {
		EVENT(EVENT_NORMAL, "FailedBinding",
		      "no persistent volumes available for this claim and no storage class is "
		      "set");
	}
	pv_plan_claim_phase(p, claim, "Pending", NULL);
}

/* It names its volume */

static void bind_named(struct pv_binder *b, struct object *claim, struct str name, struct plan *p)
{
	struct object *volume = informer_get(b->volumes, name);
	int claimed = volume ? volume_claimed(of(volume), of(claim)) : 0;
	const char *why;

	if (volume && claimed < 0) {
		EVENT(EVENT_WARNING, "FailedBinding",
		      "volume \"%.*s\" already bound to a different claim.", STR_ARG(name));
	} else if (volume) {
		why = claimed ? NULL : volume_mismatch(of(volume), of(claim));
		if (!why) {
			pv_plan_bind(b, p, volume, claim);
			return;
		}
		EVENT(EVENT_WARNING, "VolumeMismatch",
		      "Cannot bind to requested volume \"%.*s\": %s", STR_ARG(name), why);
	}
	pv_plan_claim_phase(p, claim, "Pending", NULL);
}

/* It has been bound */

static void lose(struct pv_binder *b, struct object *claim, struct plan *p, const char *reason,
		 const char *message)
{
	if (jv_eqs(jv_get(object_status(claim), "phase"), "Lost"))
		return;
	pv_plan_claim_phase(p, claim, "Lost", NULL);
	EVENT(EVENT_WARNING, reason, "%s", message);
}

static void keep_bound(struct pv_binder *b, struct object *claim, struct str name, struct plan *p)
{
	struct object *volume = name.len ? informer_get(b->volumes, name) : NULL;

	if (!name.len)
		lose(b, claim, p, "ClaimLost",
		     "Bound claim has lost reference to PersistentVolume. Data on the volume is "
		     "lost!");
	else if (!volume)
		lose(b, claim, p, "ClaimLost",
		     "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
	else if (!jv_exists(jv_get(object_spec(volume), "claimRef")) ||
		 str_eq(jv_text(jv_path(of(volume), "spec.claimRef.uid")), object_uid(claim)))
		pv_plan_bind(b, p, volume, claim);
	else
		lose(b, claim, p, "ClaimMisbound",
		     "Two claims are bound to the same volume, this one is bound incorrectly");
}

void pv_sync_claim(struct pv_binder *b, struct object *claim, struct plan *p)
{
	struct str name = jv_text(jv_get(object_spec(claim), "volumeName"));

	if (jv_exists(volume_note(of(claim), NOTE_BIND_COMPLETED)))
		keep_bound(b, claim, name, p);
	else if (name.len)
		bind_named(b, claim, name, p);
	else
		find_or_make(b, claim, p);
}
