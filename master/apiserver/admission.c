/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/admission.h"
#include "lib/api/status.h"
#include "lib/base/codec.h"
#include "master/apiserver/admission_plugins.h"
#include "master/apiserver/node_facts.h"
#include "master/apiserver/server.h"
#include "master/auth/cert.h"

struct plugin {
	const char *name;
	unsigned ops; /* enum admission_op, and ADMIT_LATE */
	const char *group, *resource; /* NULL: any */
	int (*admit)(struct admission *a, struct err *err);
};

/* Mutating ones first, in the order Kubernetes runs them. */
static const struct plugin plugins[] = {
	{"NamespaceLifecycle", ADMIT_CREATE | ADMIT_DELETE, NULL, NULL, admit_namespace_lifecycle},
	{"NodeRestriction", ADMIT_CREATE | ADMIT_UPDATE | ADMIT_DELETE, NULL, NULL,
	 admit_node_restriction},
	{"CertificateApproval", ADMIT_UPDATE, NULL, NULL, admit_csr_signer},
	{"CertificateRequester", ADMIT_CREATE, "certificates.k8s.io", "certificatesigningrequests",
	 admit_csr_user},
	{"NamespaceDefaultLabelName", ADMIT_CREATE | ADMIT_UPDATE, "", "namespaces",
	 admit_namespace_label},
	{"TaintNodesByCondition", ADMIT_CREATE, "", "nodes", admit_node_taint},
	{"ServiceAccount", ADMIT_CREATE, "", "pods", admit_service_account},
	{"DefaultTolerationSeconds", ADMIT_CREATE, "", "pods", admit_tolerations},
	{"Priority", ADMIT_CREATE, "", "pods", admit_priority},
	{"DefaultStorageClass", ADMIT_CREATE, "", "persistentvolumeclaims", admit_storage_class},
	{"StorageObjectInUseProtection", ADMIT_CREATE, "", "persistentvolumeclaims",
	 admit_volume_protection},
	{"StorageObjectInUseProtection", ADMIT_CREATE, "", "persistentvolumes",
	 admit_volume_protection},
	{"RuntimeClass", ADMIT_CREATE, "", "pods", admit_runtime_class},
	{"PersistentVolumeClaimResize", ADMIT_UPDATE, "", "persistentvolumeclaims",
	 admit_claim_resize},
	{"DefaultIngressClass", ADMIT_CREATE, "networking.k8s.io", "ingresses",
	 admit_ingress_class},
	{"RoleEscalation", ADMIT_CREATE | ADMIT_UPDATE, "rbac.authorization.k8s.io", "roles",
	 admit_role},
	{"RoleEscalation", ADMIT_CREATE | ADMIT_UPDATE, "rbac.authorization.k8s.io", "clusterroles",
	 admit_role},
	{"RoleEscalation", ADMIT_CREATE | ADMIT_UPDATE, "rbac.authorization.k8s.io", "rolebindings",
	 admit_role_binding},
	{"RoleEscalation", ADMIT_CREATE | ADMIT_UPDATE, "rbac.authorization.k8s.io",
	 "clusterrolebindings", admit_role_binding},
	{"DeviceAdminAccess", ADMIT_CREATE | ADMIT_UPDATE | ADMIT_LATE, "resource.k8s.io",
	 "resourceclaims", admit_device_admin},
	{"DeviceAdminAccess", ADMIT_CREATE | ADMIT_LATE, "resource.k8s.io",
	 "resourceclaimtemplates", admit_device_admin},
	{"OwnerReferencesPermissionEnforcement", ADMIT_CREATE | ADMIT_UPDATE | ADMIT_LATE, NULL,
	 NULL, admit_owner_references},
	{"LimitRanger", ADMIT_CREATE, "", "pods", admit_limit_defaults},
	{"LimitRanger", ADMIT_CREATE | ADMIT_LATE, "", "pods", admit_limits},
	{"LimitRanger", ADMIT_CREATE | ADMIT_UPDATE | ADMIT_LATE, "", "persistentvolumeclaims",
	 admit_limits},
	{"PodSecurity", ADMIT_CREATE | ADMIT_UPDATE | ADMIT_LATE, NULL, NULL, admit_pod_security},
};

void admission_setup(struct apiserver *s)
{
	_Static_assert(ARRAY_SIZE(plugins) <= 64, "one bit each");
	s->admission_rows_off = 0;
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
		int p = admission_plugin_find(plugins[i].name);

		if (p >= 0 && admission_plugin_off(s->plugins_off, (unsigned)p))
			s->admission_rows_off |= 1ull << i;
	}
}

int admission_run(struct admission *a, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
		const struct plugin *p = &plugins[i];
		int r;

		if (!(p->ops & a->op) || a->srv->admission_rows_off >> i & 1 ||
		    !(p->ops & ADMIT_LATE) != !a->late ||
		    (p->resource && (*a->sub || strcmp(p->group, a->kind->group) != 0 ||
				     strcmp(p->resource, a->kind->plural) != 0)))
			continue;
		r = p->admit(a, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_immortal(struct str ns)
{
	return str_eqs(ns, "default") || str_eqs(ns, "kube-system") || str_eqs(ns, "kube-public");
}

int admit_namespace_lifecycle(struct admission *a, struct err *err)
{
	const struct api_kind *ns_kind = server_kind("", "v1", "namespaces");
	const struct store_obj *o;
	CLEANUP_FREE char *why = NULL;
	int r;

	if (a->op == ADMIT_DELETE) {
		if (a->kind == ns_kind && is_immortal(a->name))
			return api_err_forbidden(err, a->kind, a->name,
						 "this namespace may not be deleted");
		return 0;
	}
	if (!api_kind_namespaced(a->kind) || *a->sub)
		return 0;
	o = server_get(a->view, ns_kind, STR(""), a->ns);
	if (!o)
		return api_err_not_found(err, ns_kind, a->ns);
	if (!jv_exists(jv_path(jv_of(o->value), "metadata.deletionTimestamp")))
		return 0;
	why = xasprintf("unable to create new content in namespace %.*s because it is being "
			"terminated",
			STR_ARG(a->ns));
	r = api_err_forbidden(err, a->kind, a->name, why);
	err_field(err, "metadata.namespace", "NamespaceTerminating",
		  "namespace %.*s is being terminated", STR_ARG(a->ns));
	return r;
}

int admit_namespace_label(struct admission *a, struct err *err)
{
	struct json_object *labels = jsonc_ensure(jsonc_ensure(a->obj, "metadata"), "labels");

	jsonc_set_str(labels, "kubernetes.io/metadata.name", a->name);
	return 0;
}

/*
 * The request must be whole and signed by its own key. That it is a request in PEM form at all is
 * for validation to say, with everything else that is wrong.
 */
static int check_csr(struct admission *a, struct err *err)
{
	struct str text = jsonc_path_str(a->obj, "spec.request");
	CLEANUP(cert_req_freep) X509_REQ *req = NULL;
	CLEANUP(buf_done) struct buf pem = BUF_INIT, value = BUF_INIT;
	struct err e = ERR_INIT;

	if (base64_decode(text, &pem) < 0 || !strstr(pem.p, "-----BEGIN CERTIFICATE REQUEST-----"))
		return 0;
	req = cert_req_from_pem(buf_str(&pem), &e);
	if (req)
		return 0;
	json_quote(text, &value);
	err_field(err, "spec.request", "FieldValueInvalid", "Invalid value: %s: %s", value.p,
		  err_text(&e));
	err_done(&e);
	return api_err_invalid(err, a->kind, a->name);
}

/* Who asks for a certificate is what the server knows, never what the body says. */
int admit_csr_user(struct admission *a, struct err *err)
{
	struct json_object *spec = jsonc_ensure(a->obj, "spec");
	struct json_object *groups = json_object_new_array();

	for (size_t i = 0; i < a->user->n_groups; i++)
		json_object_array_add(groups, json_object_new_string(a->user->groups[i]));
	jsonc_set(spec, "groups", groups);
	jsonc_set_str(spec, "username", str_of(a->user->name));
	json_object_object_del(spec, "extra");
	json_object_object_del(spec, "uid");
	if (a->user->uid)
		jsonc_set_str(spec, "uid", str_of(a->user->uid));
	return check_csr(a, err);
}

static bool may_for_signer(const struct admission *a, const char *verb, struct str signer)
{
	struct authz_attrs at = {.verb = verb,
				 .is_resource = true,
				 .group = STR("certificates.k8s.io"),
				 .version = STR("v1"),
				 .resource = STR("signers"),
				 .name = signer};

	return authz_allow(&a->srv->facts, a->user, &at, NULL);
}

/*
 * To write the sub-resource is not enough: who approves, or hands out a certificate, needs
 * "approve" or "sign" on the signer, by its name or as all of its domain (certificates/approval,
 * /signing).
 */
int admit_csr_signer(struct admission *a, struct err *err)
{
	bool approval = !strcmp(a->sub, "approval");
	const char *verb = approval ? "approve" : "sign";
	struct str signer = jsonc_path_str(a->old, "spec.signerName");
	ssize_t slash = str_chr(signer, '/');
	CLEANUP_FREE char *all = xasprintf("%.*s/*", (int)MAX(slash, 0), signer.p ? signer.p : "");
	CLEANUP_FREE char *why = NULL;

	if (strcmp(a->kind->plural, "certificatesigningrequests") != 0 ||
	    (!approval && strcmp(a->sub, "status") != 0) || may_for_signer(a, verb, signer) ||
	    may_for_signer(a, verb, str_of(all)))
		return 0;
	why = xasprintf("user not permitted to %s requests with signerName \"%.*s\"", verb,
			STR_ARG(signer));
	return api_err_forbidden(err, a->kind, a->name, why);
}

/* ---- nodes ---- */

/* A new node takes no pods before its agent and the node controller have seen it ready. */
int admit_node_taint(struct admission *a, struct err *err)
{
	struct json_object *spec = jsonc_ensure(a->obj, "spec");
	struct json_object *taints = jsonc_get(spec, "taints"), *t;

	if (!json_object_is_type(taints, json_type_array)) {
		taints = json_object_new_array();
		jsonc_set(spec, "taints", taints);
	}
	for (size_t i = 0; i < json_object_array_length(taints); i++)
		if (str_eqs(jsonc_path_str(json_object_array_get_idx(taints, i), "key"),
			    "node.kubernetes.io/not-ready"))
			return 0;
	t = json_object_new_object();
	jsonc_set_str(t, "key", STR("node.kubernetes.io/not-ready"));
	jsonc_set_str(t, "effect", STR("NoSchedule"));
	json_object_array_add(taints, t);
	return 0;
}

static int node_refuse(struct admission *a, struct str node, const char *what, struct err *err)
{
	CLEANUP_FREE char *why = xasprintf("node \"%.*s\" %s", STR_ARG(node), what);

	return api_err_forbidden(err, a->kind, a->name, why);
}

/*
 * A mirror pod only shows what runs on a node already. Were it allowed to name secrets, a node
 * could make itself a reader of any of them (NodeRestriction's admitPodCreate).
 */
static const char *mirror_pod_fault(struct json_object *pod, struct str node)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!jsonc_get(jsonc_path(pod, "metadata.annotations"), "kubernetes.io/config.mirror"))
		return "can only create mirror pods";
	if (!str_eq(jsonc_path_str(pod, "spec.nodeName"), node))
		return "can only create pods with spec.nodeName set to itself";
	if (jsonc_path_str(pod, "spec.serviceAccountName").len)
		return "can not create pods that reference a service account";
	jsonc_write(pod, &b);
	if (pod_refers_any(jv_of(buf_str(&b))))
		return "can not create pods that reference secrets, config maps or claims";
	return NULL;
}

static bool is_guarded_label(struct str key)
{
	ssize_t slash = str_chr(key, '/');
	struct str domain = str_n(key.p, slash < 0 ? 0 : (size_t)slash);
	struct str guarded = STR("node-restriction.kubernetes.io"), sub;

	sub = domain.len > guarded.len ? str_skip(domain, domain.len - guarded.len) : domain;
	return str_eq(sub, guarded) &&
	       (sub.len == domain.len || domain.p[domain.len - sub.len - 1] == '.');
}

/* Every guarded label of `a` stands in `b` with the same value. */
static bool guarded_labels_within(struct json_object *a, struct json_object *b)
{
	struct json_object *labels = jsonc_path(a, "metadata.labels");
	struct json_object *others = jsonc_path(b, "metadata.labels");

	if (!json_object_is_type(labels, json_type_object))
		return true;
	json_object_object_foreach(
		labels, key,
		value) if (is_guarded_label(str_of(key)) &&
			   !json_object_equal(value, jsonc_get(others, key))) return false;
	return true;
}

/* What draws pods to a node, or keeps them away, is for others to say. */
static const char *node_update_fault(const struct admission *a)
{
	struct json_object *was = jsonc_path(a->old, "spec.taints");
	struct json_object *is = jsonc_path(a->obj, "spec.taints");

	if (!guarded_labels_within(a->obj, a->old) || !guarded_labels_within(a->old, a->obj))
		return "is not allowed to modify labels of node-restriction.kubernetes.io";
	if (a->op == ADMIT_UPDATE && !json_object_equal(was, is))
		return "is not allowed to modify taints";
	return NULL;
}

/* A node says how far it has come with growing a volume, and nothing else of a claim. */
static const char *claim_status_fault(const struct admission *a)
{
	static const char *const fixed[] = {"metadata.labels",     "metadata.annotations",
					    "metadata.finalizers", "metadata.ownerReferences",
					    "status.phase",        "status.accessModes"};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (!json_object_equal(jsonc_path(a->obj, fixed[i]), jsonc_path(a->old, fixed[i])))
			return "is not allowed to update fields other than status.quantity and "
			       "status.conditions";
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
		fault = mirror_pod_fault(a->obj, node);
	if (!strcmp(plural, "pods") && a->op == ADMIT_UPDATE &&
	    !json_object_equal(jsonc_path(a->obj, "metadata.labels"),
			       jsonc_path(a->old, "metadata.labels")))
		fault = "cannot update labels through pod status";
	if (!strcmp(plural, "persistentvolumeclaims") && a->op == ADMIT_UPDATE)
		fault = claim_status_fault(a);
	return fault ? node_refuse(a, node, fault, err) : 0;
}
