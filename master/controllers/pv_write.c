/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/pv_binder.h"

/* What the binder writes, as merge patches. */

/* {"metadata":{"resourceVersion":..., still open: on what was looked at, and nothing newer. */
static struct plan_op *begin(struct plan *p, const struct client_kind *kind, struct object *o,
			     struct jw *w)
{
	struct plan_op *op = plan_add(p, "PATCH", kind, o->ns, o->name, NULL);
	struct jv meta = object_meta(o);

	op->flags = PLAN_OK_ABSENT;
	*w = jw_start(&op->body);
	jw_begin_object(w);
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "uid", jv_text(jv_get(meta, "uid")));
	jw_member_str(w, "resourceVersion", jv_text(jv_get(meta, "resourceVersion")));
	return op;
}

static void bind_volume(struct plan *p, struct object *volume, struct object *claim)
{
	struct jv v = jv_of(volume->bytes), uid = jv_path(v, "spec.claimRef.uid");
	bool ours = volume_claimed(v, jv_of(claim->bytes)) > 0;
	struct jw w;

	if (ours && str_eq(jv_text(uid), object_uid(claim)))
		return;
	begin(p, &client_pvs, volume, &w);
	if (!ours) {
		jw_key(&w, "annotations");
		jw_begin_object(&w);
		jw_member_str(&w, NOTE_BOUND_BY_CONTROLLER, STR("yes"));
		jw_end_object(&w);
	}
	jw_end_object(&w);
	volume_write_claim(&w, jv_of(claim->bytes));
	jw_end_object(&w);
	plan_next_stage(p);
}

static void bind_claim(struct plan *p, struct object *claim, struct object *volume)
{
	bool named = str_eq(jv_text(jv_get(object_spec(claim), "volumeName")), volume->name);
	bool complete = object_annotation(claim, NOTE_BIND_COMPLETED).len > 0;
	struct jw w;

	if (named && complete)
		return;
	begin(p, &client_pvcs, claim, &w);
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	jw_member_str(&w, NOTE_BIND_COMPLETED, STR("yes"));
	if (!named)
		jw_member_str(&w, NOTE_BOUND_BY_CONTROLLER, STR("yes"));
	jw_end_object(&w);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_str(&w, "volumeName", volume->name);
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(p);
}

void pv_plan_bind(struct pv_binder *b, struct plan *p, struct object *volume, struct object *claim)
{
	bind_volume(p, volume, claim);
	pv_plan_phase(b, p, volume, "Bound", NULL);
	bind_claim(p, claim, volume);
	pv_plan_claim_phase(p, claim, "Bound", volume);
}

void pv_plan_unbind(struct pv_binder *b, struct plan *p, struct object *volume)
{
	bool by_us = object_annotation(volume, NOTE_BOUND_BY_CONTROLLER).len > 0;
	struct jw w;

	begin(p, &client_pvs, volume, &w);
	if (by_us) {
		jw_key(&w, "annotations");
		jw_begin_object(&w);
		jw_key(&w, NOTE_BOUND_BY_CONTROLLER);
		jw_null(&w);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_key(&w, "claimRef");
	if (by_us) {
		jw_null(&w);
	} else { /* its maker's wish for a claim of that name stays */
		jw_begin_object(&w);
		jw_key(&w, "uid");
		jw_null(&w);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(p);
	pv_plan_phase(b, p, volume, "Available", NULL);
}

static struct plan_op *begin_status(struct plan *p, const struct client_kind *kind,
				    struct object *o, const char *phase, struct jw *w)
{
	struct plan_op *op = plan_add(p, "PATCH", kind, o->ns, o->name, "status");

	op->flags = PLAN_OK_ABSENT;
	*w = jw_start(&op->body);
	jw_begin_object(w);
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "uid", object_uid(o));
	jw_end_object(w);
	jw_key(w, "status");
	jw_begin_object(w);
	jw_member_str(w, "phase", str_of(phase));
	return op;
}

bool pv_plan_phase(struct pv_binder *b, struct plan *p, struct object *volume, const char *phase,
		   const char *message)
{
	struct jv status = object_status(volume);
	char now[TIME_LEN + 1];
	struct jw w;

	if (jv_eqs(jv_get(status, "phase"), phase))
		return false;
	begin_status(p, &client_pvs, volume, phase, &w);
	time_format(client_real_ns(b->c->client), now);
	jw_member_str(&w, "lastPhaseTransitionTime", str_of(now));
	jw_key(&w, "message");
	if (message)
		jw_str(&w, str_of(message));
	else
		jw_null(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(p);
	return true;
}

bool pv_plan_claim_phase(struct plan *p, struct object *claim, const char *phase,
			 struct object *volume)
{
	struct jv status = object_status(claim), modes = jv_get(status, "accessModes");
	struct jv capacity = jv_get(status, "capacity"), spec = JV_NONE;
	bool same = jv_eqs(jv_get(status, "phase"), phase);
	struct jw w;

	/* The capacity of one that is bound may be another on purpose (a grown file system). */
	if (volume) {
		spec = object_spec(volume);
		if (same && json_same(jv_raw(modes), jv_raw(jv_get(spec, "accessModes"))))
			return false;
	} else if (same && !jv_exists(modes) && !jv_exists(capacity)) {
		return false;
	}
	begin_status(p, &client_pvcs, claim, phase, &w);
	jw_key(&w, "accessModes");
	if (volume)
		jw_raw(&w, jv_raw(jv_get(spec, "accessModes")));
	else
		jw_null(&w);
	if (!volume) {
		jw_key(&w, "capacity");
		jw_null(&w);
	} else if (!same) {
		jw_member_raw(&w, "capacity", jv_raw(jv_get(spec, "capacity")));
	}
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(p);
	return true;
}

void pv_plan_provisioner(struct plan *p, struct object *claim, struct str provisioner)
{
	struct jw w;

	begin(p, &client_pvcs, claim, &w);
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	jw_member_str(&w, NOTE_OLD_PROVISIONER, provisioner);
	jw_member_str(&w, NOTE_PROVISIONER, provisioner);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(p);
}

void pv_plan_class(struct plan *p, struct object *claim, struct str class)
{
	struct jw w;

	begin(p, &client_pvcs, claim, &w);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_str(&w, "storageClassName", class);
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(p);
}
