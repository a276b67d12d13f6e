/* SPDX-License-Identifier: Apache-2.0 */
/* What a node may say, where the object's body decides: NodeRestriction of k8s.io/kubernetes. */
#include "master/apiserver/admission.h"
#include "lib/api/node_labels.h"
#include "lib/api/status.h"
#include "master/apiserver/node_facts.h"
#include "master/apiserver/server.h"

static int node_refuse(struct admission *a, struct str node, const char *what, struct err *err)
{
	CLEANUP_FREE char *why = xasprintf("node \"%.*s\" %s", STR_ARG(node), what);

	return api_err_forbidden(err, a->kind, a->name, why);
}

/* Its Node, so that what a node shows of itself goes with it, and nothing else is made to go. */
static const char *mirror_owner_fault(const struct admission *a, struct str node)
{
	struct json_object *refs = jsonc_path(a->obj, "metadata.ownerReferences");
	struct json_object *ref = refs ? json_object_array_get_idx(refs, 0) : NULL;
	const struct store_obj *o;

	if (ref && json_object_array_length(refs) > 1)
		return "can only create pods with a single owner reference set to itself";
	if (!ref || !str_eqs(jsonc_path_str(ref, "apiVersion"), "v1") ||
	    !str_eqs(jsonc_path_str(ref, "kind"), "Node") ||
	    !str_eq(jsonc_path_str(ref, "name"), node))
		return "can only create pods with an owner reference set to itself";
	if (!json_object_get_boolean(jsonc_get(ref, "controller")))
		return "can only create pods with a controller owner reference set to itself";
	if (json_object_get_boolean(jsonc_get(ref, "blockOwnerDeletion")))
		return "must not set blockOwnerDeletion on an owner reference";
	o = server_get(a->view, server_kind("", "v1", "nodes"), STR(""), node);
	if (!o ||
	    !str_eq(jv_text(jv_path(jv_of(o->value), "metadata.uid")), jsonc_path_str(ref, "uid")))
		return "has another uid than the owner reference says";
	return NULL;
}

/*
 * A mirror pod only shows what runs on a node already. Were it allowed to name secrets, a node
 * could make itself a reader of any of them (NodeRestriction's admitPodCreate).
 */
static const char *mirror_pod_fault(const struct admission *a, struct str node)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	const char *fault;

	if (!jsonc_get(jsonc_path(a->obj, "metadata.annotations"), "kubernetes.io/config.mirror"))
		return "can only create mirror pods";
	if (!str_eq(jsonc_path_str(a->obj, "spec.nodeName"), node))
		return "can only create pods with spec.nodeName set to itself";
	fault = mirror_owner_fault(a, node);
	if (fault)
		return fault;
	if (jsonc_path_str(a->obj, "spec.serviceAccountName").len)
		return "can not create pods that reference a service account";
	jsonc_write(a->obj, &b);
	if (pod_refers_any(jv_of(buf_str(&b))))
		return "can not create pods that reference secrets, config maps or claims";
	return NULL;
}

/* Which claims a pod has decides which of them its node may read. */
static const char *pod_update_fault(const struct admission *a)
{
	static const char claims[] = "status.resourceClaimStatuses";

	if (!json_object_equal(jsonc_path(a->obj, "metadata.labels"),
			       jsonc_path(a->old, "metadata.labels")))
		return "cannot update labels through pod status";
	if (!json_object_equal(jsonc_path(a->obj, claims), jsonc_path(a->old, claims)))
		return "cannot update resource claim statuses";
	return NULL;
}

/* A claim without what its node may say of it. */
static struct json_object *claim_for_others(struct json_object *claim)
{
	static const char *const own[] = {"capacity", "conditions", "allocatedResources",
					  "allocatedResourceStatuses"};
	struct json_object *copy = jsonc_clone(claim), *meta = jsonc_get(copy, "metadata");
	struct json_object *status = jsonc_get(copy, "status");

	json_object_object_del(meta, "resourceVersion");
	json_object_object_del(meta, "managedFields");
	for (size_t i = 0; status && i < ARRAY_SIZE(own); i++)
		json_object_object_del(status, own[i]);
	if (status && !json_object_object_length(status))
		json_object_object_del(copy, "status");
	return copy;
}

static const char *claim_update_fault(const struct admission *a)
{
	CLEANUP_JSON struct json_object *was = claim_for_others(a->old);
	CLEANUP_JSON struct json_object *is = claim_for_others(a->obj);

	return json_object_equal(was, is) ? NULL
					  : "is not allowed to update fields other than "
					    "status.capacity and status.conditions";
}

/* Every label of `a` that is not a node's own to write stands in `b` with the same value. */
static bool labels_within(struct json_object *a, struct json_object *b)
{
	struct json_object *labels = jsonc_path(a, "metadata.labels");
	struct json_object *others = jsonc_path(b, "metadata.labels");

	if (!json_object_is_type(labels, json_type_object))
		return true;
	json_object_object_foreach(
		labels, key,
		value) if (!node_label_own(str_of(key)) &&
			   !json_object_equal(value, jsonc_get(others, key))) return false;
	return true;
}

/* What draws pods to a node, or keeps them away, is for others to say. */
static const char *node_update_fault(const struct admission *a)
{
	struct json_object *was = jsonc_path(a->old, "spec.taints");
	struct json_object *is = jsonc_path(a->obj, "spec.taints");

	if (!labels_within(a->obj, a->old) || !labels_within(a->old, a->obj))
		return "is not allowed to modify labels of kubernetes.io and k8s.io but those of "
		       "its own place and kind, nor any of node-restriction.kubernetes.io";
	if (a->op == ADMIT_UPDATE && !json_object_equal(was, is))
		return "is not allowed to modify taints";
	return NULL;
}

/* What a node may say about itself and its pods, where the object's body decides. */
int admit_node_restriction(struct admission *a, struct err *err)
{
	struct str node = user_node_name(a->user);
	const char *plural = a->kind->plural, *fault = NULL;

	if (!node.len)
		return 0;
	if (!strcmp(plural, "nodes") && !str_eq(a->name, node))
		return node_refuse(a, node, "is not allowed to modify another node", err);
	if (!strcmp(plural, "leases") &&
	    (!str_eqs(a->ns, "kube-node-lease") || !str_eq(a->name, node)))
		return node_refuse(a, node, "can only access its own lease", err);
	if (!strcmp(plural, "csinodes") && !str_eq(a->name, node))
		return node_refuse(a, node, "can only access its own CSINode", err);
	if (!strcmp(plural, "resourceslices") && a->op == ADMIT_CREATE &&
	    !str_eq(jsonc_path_str(a->obj, "spec.nodeName"), node))
		fault = "can only create ResourceSlice with the same NodeName as the requesting "
			"node";
	if (!strcmp(plural, "nodes") && a->op != ADMIT_DELETE)
		fault = node_update_fault(a);
	if (!strcmp(plural, "pods") && a->op == ADMIT_CREATE && !*a->sub)
		fault = mirror_pod_fault(a, node);
	if (!strcmp(plural, "pods") && a->op == ADMIT_UPDATE)
		fault = pod_update_fault(a);
	if (!strcmp(plural, "persistentvolumeclaims") && a->op == ADMIT_UPDATE)
		fault = claim_update_fault(a);
	return fault ? node_refuse(a, node, fault, err) : 0;
}
