/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/volumes.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Generic ephemeral volumes: a claim for each, made from the template in the pod and owned by the
 * pod, with which it goes (k8s pkg/controller/volume/ephemeral).
 */

static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}
static struct informer *claims_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pvcs);
}

static bool has_ephemeral(const struct object *pod)
{
	jv_for_each (v, jv_get(object_spec(pod), "volumes"))
		if (jv_exists(jv_get(v.value, "ephemeral")))
			return true;
	return false;
}

#define FAILED(pod, ...)                                                                 \
	recorder_event_for(c->events, &client_pods, pod, EVENT_WARNING, "FailedBinding", \
			   __VA_ARGS__)

static void on_created(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *pod = informer_get(pods_in(c), str_of(op->user_text));

	if (pod && e->errnum)
		FAILED(pod, "ephemeral volume: create PVC: %s", err_text(e));
}

static void add_create(struct ctl *c, struct plan *p, struct object *pod, struct str name,
		       struct jv template)
{
	struct plan_op *op = plan_add(p, "POST", &client_pvcs, pod->ns, STR_NULL, NULL);
	static const char *const copied[] = {"annotations", "labels"};
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_EXISTS;
	op->result = on_created;
	op->user = c;
	op->user_text = str_dup(pod->key);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("PersistentVolumeClaim"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", name);
	jw_member_str(&w, "namespace", pod->ns);
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++) {
		struct jv v = jv_get(jv_get(template, "metadata"), copied[i]);

		if (jv_exists(v))
			jw_member_raw(&w, copied[i], jv_raw(v));
	}
	jw_key(&w, "ownerReferences");
	jw_begin_array(&w);
	write_controller_ref(&w, &client_pods, pod);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_member_raw(&w, "spec", jv_raw(jv_get(template, "spec")));
	jw_end_object(&w);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *pod = informer_get(pods_in(c), key);

	if (!pod || object_deleting(pod))
		return;
	jv_for_each (v, jv_get(object_spec(pod), "volumes")) {
		struct jv template = jv_path(v.value, "ephemeral.volumeClaimTemplate");
		CLEANUP(buf_done) struct buf name = BUF_INIT;
		struct object *claim;

		if (!jv_exists(template))
			continue;
		ephemeral_claim_name(pod->name, v.value, &name);
		claim = informer_get_in(claims_in(c), pod->ns, buf_str(&name));
		if (!claim)
			add_create(c, p, pod, buf_str(&name), template);
		else if (!ephemeral_claim_is_for(jv_of(claim->bytes), object_uid(pod)))
			FAILED(pod,
			       "ephemeral volume %.*s: PVC %.*s/%.*s was not created for pod "
			       "%.*s/%.*s (pod is not owner)",
			       STR_ARG(jv_text(jv_get(v.value, "name"))), STR_ARG(pod->ns),
			       STR_ARG(claim->name), STR_ARG(pod->ns), STR_ARG(pod->name));
	}
}

static void pod_here(void *user, struct object *pod)
{
	if (!object_deleting(pod) && has_ephemeral(pod))
		ctl_enqueue(user, pod->key);
}
static void pod_changed(void *user, struct object *old, struct object *pod)
{
	if (!str_eq(object_uid(old), object_uid(pod)))
		pod_here(user, pod);
}
static const struct informer_handler on_pods = {pod_here, pod_changed, NULL, NULL};

/* Taken away under its pod: made again. */
static void claim_gone(void *user, struct object *claim)
{
	ctl_enqueue_owner(user, claim, "Pod");
}
static const struct informer_handler on_claims = {NULL, NULL, claim_gone, NULL};

static bool init(struct ctl *c)
{
	ctl_handle(c, pods_in(c), &on_pods);
	ctl_handle(c, claims_in(c), &on_claims);
	return true;
}

const struct controller ephemeral_volume_controller = {
	.name = "ephemeral-volume",
	.component = "ephemeral_volume",
	.init = init,
	.sync = reconcile,
};
