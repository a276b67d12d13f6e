/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/statefulset.h"

/* k8s pkg/controller/statefulset/stateful_pod_control.go, stateful_set_utils.go. */

static struct informer *claims_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pvcs);
}
static struct informer *sets_in(struct ctl *c)
{
	return informers_get(c->informers, &client_statefulsets);
}

static struct jv templates_of(const struct object *set)
{
	return jv_get(object_spec(set), "volumeClaimTemplates");
}

bool sts_has_claims(const struct object *set)
{
	return jv_len(templates_of(set)) > 0;
}

static struct str template_name(struct jv template)
{
	return jv_text(jv_path(template, "metadata.name"));
}

static char *claim_name(const struct object *set, struct jv template, int64_t ordinal)
{
	return xasprintf("%.*s-%.*s-%" PRId64, STR_ARG(template_name(template)), STR_ARG(set->name),
			 ordinal);
}

static bool deletes(const struct object *set, const char *when)
{
	struct jv policy = jv_get(object_spec(set), "persistentVolumeClaimRetentionPolicy");

	return jv_eqs(jv_get(policy, when), "Delete");
}

/* Making */

static void tell(struct ctl *c, struct object *set, struct str claim, const char *pod,
		 const char *why)
{
	if (why)
		recorder_event_for(c->events, &client_statefulsets, set, EVENT_WARNING,
				   "FailedCreate",
				   "create Claim %.*s for Pod %s in StatefulSet %.*s failed error: "
				   "%s",
				   STR_ARG(claim), pod, STR_ARG(set->name), why);
	else
		recorder_event_for(c->events, &client_statefulsets, set, EVENT_NORMAL,
				   "SuccessfulCreate",
				   "create Claim %.*s Pod %s in StatefulSet %.*s success",
				   STR_ARG(claim), pod, STR_ARG(set->name));
}

/* op->user_text: "SET CLAIM POD". */
static void on_created(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct str rest = str_of(op->user_text), name, claim;
	struct ctl *c = user;
	struct object *set;

	str_split(&rest, ' ', &name);
	str_split(&rest, ' ', &claim);
	set = informer_get_in(sets_in(c), str_of(op->ns), name);
	if (set && e->errnum != EEXIST)
		tell(c, set, claim, rest.p, e->errnum ? err_text(e) : NULL);
}

static void write_labels(struct jw *w, struct jv template, const struct object *set)
{
	struct jv selector = jv_path(object_spec(set), "selector.matchLabels");

	jw_key(w, "labels");
	jw_begin_object(w);
	jv_for_each_member (l, jv_path(template, "metadata.labels"))
		if (!jv_exists(jv_getn(selector, l.key))) {
			jw_keyn(w, l.key);
			jw_raw(w, jv_raw(l.value));
		}
	jv_for_each_member (l, selector) {
		jw_keyn(w, l.key);
		jw_raw(w, jv_raw(l.value));
	}
	jw_end_object(w);
}

static void add_create(struct ctl *c, struct plan *p, struct object *set, struct jv template,
		       const char *name, const char *pod)
{
	struct plan_op *op = plan_add(p, "POST", &client_pvcs, set->ns, STR_NULL, NULL);
	struct jv notes = jv_path(template, "metadata.annotations");
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_EXISTS;
	op->result = on_created;
	op->user = c;
	op->user_text = xasprintf("%.*s %s %s", STR_ARG(set->name), name, pod);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("PersistentVolumeClaim"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", str_of(name));
	jw_member_str(&w, "namespace", set->ns);
	write_labels(&w, template, set);
	if (jv_exists(notes))
		jw_member_raw(&w, "annotations", jv_raw(notes));
	if (deletes(set, "whenDeleted")) {
		jw_key(&w, "ownerReferences");
		jw_begin_array(&w);
		write_controller_ref(&w, &client_statefulsets, set);
		jw_end_array(&w);
	}
	jw_end_object(&w);
	jw_member_raw(&w, "spec", jv_raw(jv_get(template, "spec")));
	jw_end_object(&w);
}

/* Goes with an earlier pod of this name: it must not be used again. */
static bool is_stale(const struct object *claim, const char *pod)
{
	jv_for_each (ref, object_owners(claim))
		if (jv_eqs(jv_get(ref.value, "kind"), "Pod") &&
		    jv_eqs(jv_get(ref.value, "name"), pod))
			return true;
	return false;
}

bool sts_claims_make(struct ctl *c, struct plan *p, struct object *set, int64_t ordinal)
{
	CLEANUP_FREE char *pod = xasprintf("%.*s-%" PRId64, STR_ARG(set->name), ordinal);
	bool ready = true;

	jv_for_each (t, templates_of(set)) {
		CLEANUP_FREE char *name = claim_name(set, t.value, ordinal), *why = NULL;
		struct object *claim = informer_get_in(claims_in(c), set->ns, str_of(name));

		if (!claim) {
			add_create(c, p, set, t.value, name, pod);
			continue;
		}
		if (object_deleting(claim)) {
			why = xasprintf("pvc %s is being deleted", name);
			tell(c, set, claim->name, pod, why);
		}
		ready &= !object_deleting(claim) && !is_stale(claim, pod);
	}
	return ready;
}

/* Owners */

static bool has_owner(const struct object *claim, struct str uid)
{
	jv_for_each (ref, object_owners(claim))
		if (str_eq(jv_text(jv_get(ref.value, "uid")), uid))
			return true;
	return false;
}

/* Somebody else's: left alone. */
static bool has_other_controller(const struct object *claim, const struct object *set,
				 const struct object *pod)
{
	jv_for_each (ref, object_owners(claim)) {
		struct str uid = jv_text(jv_get(ref.value, "uid"));

		if (jv_bool(jv_get(ref.value, "controller"), false) &&
		    !str_eq(uid, object_uid(set)) && !str_eq(uid, object_uid(pod)))
			return true;
	}
	return false;
}

static void set_owners(struct plan *p, struct object *claim, struct object *set, bool by_set,
		       struct object *pod, bool by_pod)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_pvcs, claim->ns, claim->name, NULL);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(claim));
	jw_member_str(&w, "resourceVersion",
		      jv_text(jv_get(object_meta(claim), "resourceVersion")));
	jw_key(&w, "ownerReferences");
	jw_begin_array(&w);
	jv_for_each (ref, object_owners(claim)) {
		struct str uid = jv_text(jv_get(ref.value, "uid"));

		if (!str_eq(uid, object_uid(set)) && !str_eq(uid, object_uid(pod)))
			jw_raw(&w, jv_raw(ref.value));
	}
	if (by_set)
		write_controller_ref(&w, &client_statefulsets, set);
	if (by_pod)
		write_controller_ref(&w, &client_pods, pod);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

void sts_claims_own(struct ctl *c, struct plan *p, struct object *set, int64_t ordinal,
		    struct object *pod, bool scaled_away)
{
	bool by_pod = scaled_away && deletes(set, "whenScaled");
	bool by_set = !by_pod && deletes(set, "whenDeleted");

	jv_for_each (t, templates_of(set)) {
		CLEANUP_FREE char *name = claim_name(set, t.value, ordinal);
		struct object *claim = informer_get_in(claims_in(c), set->ns, str_of(name));

		if (!claim || object_deleting(claim) || has_other_controller(claim, set, pod) ||
		    (has_owner(claim, object_uid(set)) == by_set &&
		     has_owner(claim, object_uid(pod)) == by_pod))
			continue;
		set_owners(p, claim, set, by_set, pod, by_pod);
	}
}

/* The pod's volumes */

static bool is_claims(const struct object *set, struct jv volume)
{
	jv_for_each (t, templates_of(set))
		if (str_eq(template_name(t.value), jv_text(jv_get(volume, "name"))))
			return true;
	return false;
}

void sts_claims_volumes(struct object *set, int64_t ordinal, struct jv volumes, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_array(&w);
	jv_for_each (t, templates_of(set)) {
		CLEANUP_FREE char *name = claim_name(set, t.value, ordinal);

		jw_begin_object(&w);
		jw_member_str(&w, "name", template_name(t.value));
		jw_key(&w, "persistentVolumeClaim");
		jw_begin_object(&w);
		jw_member_str(&w, "claimName", str_of(name));
		jw_end_object(&w);
		jw_end_object(&w);
	}
	jv_for_each (v, volumes)
		if (!is_claims(set, v.value))
			jw_raw(&w, jv_raw(v.value));
	jw_end_array(&w);
}

/* A claim that went: a pod may have waited for that. */

static void claim_gone(void *user, struct object *claim)
{
	struct ctl *c = user;
	struct object_set all =
		informer_lookup(informer_index(sets_in(c), informer_by_ns), claim->ns);

	for (size_t i = 0; i < all.n; i++)
		jv_for_each (t, templates_of(all.v[i])) {
			CLEANUP_FREE char *start =
				xasprintf("%.*s-%.*s-", STR_ARG(template_name(t.value)),
					  STR_ARG(all.v[i]->name));

			if (str_starts(claim->name, str_of(start)))
				ctl_enqueue(c, all.v[i]->key);
		}
}
static const struct informer_handler on_claims = {NULL, NULL, claim_gone, NULL};

void sts_claims_watch(struct ctl *c)
{
	ctl_handle(c, claims_in(c), &on_claims);
}
