/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/node_facts.h"
#include "lib/api/device_claims.h"
#include "lib/api/index.h"
#include "lib/api/volumes.h"

static bool pod_on_node(void *user, struct str node, struct str ns, struct str pod)
{
	struct apiserver *s = user;
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(s->store);
	const struct store_obj *o = server_get(v, server_kind("", "v1", "pods"), ns, pod);

	/* A pod that is gone already may be asked about: the answer is 404 then, not 403. */
	return !o || str_eq(api_index_field(o->meta, STR("spec.nodeName")), node);
}

/* Where in a pod's spec an object of a kind is named; "[]" steps into each element. */
static const struct {
	const char *plural, *list, *path;
} ref_paths[] = {
	{"secrets", "spec.volumes", "secret.secretName"},
	{"configmaps", "spec.volumes", "configMap.name"},
	{"persistentvolumeclaims", "spec.volumes", "persistentVolumeClaim.claimName"},
	{"secrets", "spec.imagePullSecrets", "name"},
	{"secrets", "spec.volumes", "csi.nodePublishSecretRef.name"},
};
static const char *const container_lists[] = {"spec.containers", "spec.initContainers",
					      "spec.ephemeralContainers"};

/* A null name stands for any. */
static bool is_name(struct jv v, struct str name)
{
	struct str text = jv_text(v);

	return str_is_null(name) ? text.len > 0 : str_eq(text, name);
}

static bool env_refers(struct jv container, bool secret, struct str name)
{
	jv_for_each (e, jv_get(container, "envFrom"))
		if (is_name(jv_path(e.value, secret ? "secretRef.name" : "configMapRef.name"),
			    name))
			return true;
	jv_for_each (e, jv_get(container, "env"))
		if (is_name(jv_path(e.value, secret ? "valueFrom.secretKeyRef.name"
						    : "valueFrom.configMapKeyRef.name"),
			    name))
			return true;
	return false;
}

static bool projected_refers(struct jv volume, bool secret, struct str name)
{
	jv_for_each (s, jv_path(volume, "projected.sources"))
		if (is_name(jv_path(s.value, secret ? "secret.name" : "configMap.name"), name))
			return true;
	return false;
}

static bool pod_names_devices(struct jv pod, struct str name)
{
	jv_for_each (e, jv_path(pod, "spec.resourceClaims"))
		if (str_is_null(name) || str_eq(pod_claim(pod, e.value).name, name))
			return true;
	return false;
}

static bool pod_refers(struct jv pod, const char *plural, struct str name)
{
	bool secret = !strcmp(plural, "secrets");

	if (!strcmp(plural, "serviceaccounts"))
		return str_eq(jv_text(jv_path(pod, "spec.serviceAccountName")), name);
	if (!strcmp(plural, "persistentvolumeclaims") && !str_is_null(name))
		return pod_names_claim(pod, name);
	if (!strcmp(plural, "resourceclaims"))
		return pod_names_devices(pod, name);
	for (size_t i = 0; i < ARRAY_SIZE(ref_paths); i++) {
		if (strcmp(plural, ref_paths[i].plural) != 0)
			continue;
		jv_for_each (v, jv_path(pod, ref_paths[i].list))
			if (is_name(jv_path(v.value, ref_paths[i].path), name))
				return true;
	}
	if (!secret && strcmp(plural, "configmaps") != 0)
		return false;
	jv_for_each (v, jv_path(pod, "spec.volumes"))
		if (projected_refers(v.value, secret, name))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(container_lists); i++)
		jv_for_each (c, jv_path(pod, container_lists[i]))
			if (env_refers(c.value, secret, name))
				return true;
	return false;
}

bool pod_refers_any(struct jv pod)
{
	return pod_refers(pod, "secrets", STR_NULL) || pod_refers(pod, "configmaps", STR_NULL) ||
	       pod_refers(pod, "persistentvolumeclaims", STR_NULL) ||
	       pod_refers(pod, "resourceclaims", STR_NULL);
}

/* Made by the node itself: what it names gives the node no right. */
static bool is_mirror(struct jv pod)
{
	return jv_exists(
		jv_get(jv_path(pod, "metadata.annotations"), "kubernetes.io/config.mirror"));
}

static bool pods_use(struct store_view *v, struct str node, const char *plural, struct str ns,
		     struct str name)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;

	if (!ns.len || !name.len)
		return false;
	request_key(server_kind("", "v1", "pods"), ns, STR(""), &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		if (str_eq(api_index_field(o->meta, STR("spec.nodeName")), node) &&
		    pod_refers(jv_of(o->value), plural, name) && !is_mirror(jv_of(o->value)))
			return true;
	return false;
}

/* A volume is whose claim is. */
static bool volume_used(struct store_view *v, struct str node, struct jv volume)
{
	struct jv ref = jv_path(volume, "spec.claimRef");

	return pods_use(v, node, "persistentvolumeclaims", jv_text(jv_get(ref, "namespace")),
			jv_text(jv_get(ref, "name")));
}

/* What a driver is given on the node to stage, publish or grow a volume. */
static bool volume_names_secret(struct jv volume, struct str ns, struct str name)
{
	static const char *const refs[] = {"nodeStageSecretRef", "nodePublishSecretRef",
					   "nodeExpandSecretRef"};
	struct jv csi = jv_path(volume, "spec.csi");

	for (size_t i = 0; jv_exists(csi) && i < ARRAY_SIZE(refs); i++) {
		struct jv ref = jv_get(csi, refs[i]);

		if (str_eq(jv_text(jv_get(ref, "name")), name) &&
		    str_eq(jv_text(jv_get(ref, "namespace")), ns))
			return true;
	}
	return false;
}

static bool volumes_use_secret(struct store_view *v, struct str node, struct str ns,
			       struct str name)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;

	request_key(server_kind("", "v1", "persistentvolumes"), STR(""), STR(""), &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		if (volume_names_secret(jv_of(o->value), ns, name) &&
		    volume_used(v, node, jv_of(o->value)))
			return true;
	return false;
}

static bool node_uses(void *user, struct str node, const char *plural, struct str ns,
		      struct str name)
{
	struct apiserver *s = user;
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(s->store);
	const struct store_obj *o;

	if (!strcmp(plural, "persistentvolumes")) {
		o = server_get(v, server_kind("", "v1", plural), STR(""), name);
		return o && volume_used(v, node, jv_of(o->value));
	}
	if (!strcmp(plural, "volumeattachments")) {
		o = server_get(v, server_kind("storage.k8s.io", "v1", plural), STR(""), name);
		/* One that isn't there yet may be asked for: the answer is 404 then, not 403. */
		return !o || str_eq(jv_text(jv_path(jv_of(o->value), "spec.nodeName")), node);
	}
	if (!strcmp(plural, "resourceslices")) {
		o = server_get(v, server_kind("resource.k8s.io", "v1", plural), STR(""), name);
		return o && str_eq(api_index_field(o->meta, STR("spec.nodeName")), node);
	}
	return pods_use(v, node, plural, ns, name) ||
	       (!strcmp(plural, "secrets") && name.len && volumes_use_secret(v, node, ns, name));
}

static bool has_policies(void *user)
{
	struct apiserver *s = user;
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(s->store);
	struct store_iter it;

	store_range(v, STR("/networking.k8s.io/networkpolicies/"), STR_NULL, &it);
	return store_iter_next(&it) != NULL;
}

void node_facts_init(struct authz_facts *f, struct apiserver *s)
{
	f->pod_on_node = pod_on_node;
	f->node_uses = node_uses;
	f->has_policies = has_policies;
	f->user = s;
}
