/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/pv_binder.h"

/* A volume: whose it is, and what becomes of it when its claim is gone. */

static struct jv of(const struct object *o)
{
	return jv_of(o->bytes);
}

static bool has_phase(const struct object *volume, const char *phase)
{
	return jv_eqs(jv_get(object_status(volume), "phase"), phase);
}

/* Asking the API itself */

static void on_claim(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct pv_binder *b = user;
	struct object *volume = informer_get(b->volumes, str_of(op->user_text));
	struct str uid = jv_text(jv_path(jv_of(body), "metadata.uid"));

	if (!volume || (e->errnum && e->errnum != ENOENT) ||
	    (!e->errnum && str_eq(uid, jv_text(jv_path(of(volume), "spec.claimRef.uid")))))
		return;
	free(hmap_put(b->unclaimed, volume->name, xasprintf("%" PRIu64, volume->rv)));
	ctl_enqueue(b->c, volume->key);
}

/*
 * The claim is not in the cache: true if it is really not there. A volume that was just made for a
 * claim must not be taken for one whose claim is gone, because its provisioner would delete it.
 */
static bool is_gone(struct pv_binder *b, struct object *volume, struct jv ref, struct plan *p)
{
	CLEANUP_FREE char *rv = xasprintf("%" PRIu64, volume->rv);
	const char *known = hmap_get(b->unclaimed, volume->name);
	struct plan_op *op;

	if (informer_rv(b->claims) >= volume->rv || (known && !strcmp(known, rv)))
		return true;
	op = plan_add(p, "GET", &client_pvcs, jv_text(jv_get(ref, "namespace")),
		      jv_text(jv_get(ref, "name")), NULL);
	op->flags = PLAN_OK_ABSENT;
	op->result = on_claim;
	op->user = b;
	op->user_text = str_dup(volume->name);
	return false;
}

/* Reclaiming */

#define EVENT(type, reason, ...) \
	recorder_event_for(b->c->events, &client_pvs, volume, type, reason, __VA_ARGS__)

static void fail(struct pv_binder *b, struct object *volume, const char *reason,
		 const char *message, struct plan *p)
{
	if (pv_plan_phase(b, p, volume, "Failed", message))
		EVENT(EVENT_WARNING, reason, "%s", message);
}

/* Volumes are made and deleted by programs outside; nobody here deletes what nobody made. */
static void reclaim(struct pv_binder *b, struct object *volume, struct plan *p)
{
	struct jv policy = jv_get(object_spec(volume), "persistentVolumeReclaimPolicy");
	struct str by = object_annotation(volume, NOTE_PROVISIONED_BY);
	CLEANUP_FREE char *why = NULL;

	if (jv_eqs(policy, "Delete")) {
		if ((by.len && !str_starts(by, STR("kubernetes.io/"))) ||
		    object_annotation(volume, NOTE_MIGRATED_TO).len)
			return;
		why = xasprintf("error getting deleter volume plugin for volume \"%.*s\": no "
				"deletable volume plugin matched",
				STR_ARG(volume->name));
		fail(b, volume, "VolumeFailedDelete", why, p);
	} else if (jv_eqs(policy, "Recycle")) {
		fail(b, volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!",
		     p);
	} else if (!jv_eqs(policy, "Retain")) {
		fail(b, volume, "VolumeUnknownReclaimPolicy",
		     "Volume has unrecognized PersistentVolumeReclaimPolicy", p);
	}
}

/* Released first, whatever comes of it: whoever deletes volumes waits for that. */
static void release(struct pv_binder *b, struct object *volume, struct plan *p)
{
	if (!has_phase(volume, "Released") && !has_phase(volume, "Failed"))
		pv_plan_phase(b, p, volume, "Released", NULL);
	else
		reclaim(b, volume, p);
}

/* Its claim has another volume. */
static void is_spare(struct pv_binder *b, struct object *volume, struct plan *p)
{
	struct jv policy = jv_get(object_spec(volume), "persistentVolumeReclaimPolicy");

	if (object_annotation(volume, NOTE_PROVISIONED_BY).len && jv_eqs(policy, "Delete"))
		release(b, volume, p);
	else
		pv_plan_unbind(b, p, volume);
}

void pv_sync_volume(struct pv_binder *b, struct object *volume, struct plan *p)
{
	struct jv ref = jv_get(object_spec(volume), "claimRef");
	struct str uid = jv_text(jv_get(ref, "uid")), name;
	struct object *claim;

	if (!uid.len) { /* nobody's, or reserved for a claim that is to come */
		pv_plan_phase(b, p, volume, "Available", NULL);
		return;
	}
	claim = informer_get_in(b->claims, jv_text(jv_get(ref, "namespace")),
				jv_text(jv_get(ref, "name")));
	if (!claim || !str_eq(object_uid(claim), uid)) {
		if (has_phase(volume, "Released") || has_phase(volume, "Failed") ||
		    is_gone(b, volume, ref, p))
			release(b, volume, p);
		return;
	}
	name = jv_text(jv_get(object_spec(claim), "volumeName"));
	if (!name.len)
		ctl_enqueue(b->c, claim->key);
	else if (str_eq(name, volume->name))
		pv_plan_phase(b, p, volume, "Bound", NULL);
	else
		is_spare(b, volume, p);
}
