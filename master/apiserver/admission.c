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
