/* SPDX-License-Identifier: Apache-2.0 */
/* Pod, Namespace, ConfigMap, Secret, ServiceAccount and the bodies of Pod's subresources. */
#include "lib/api/kinds/defaults.h"
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/pod_columns.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

#define NAMES(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}
#define GET API_VERB_GET
#define CREATE API_VERB_CREATE

static const struct api_subresource pod_subs[] = {
	{"attach", GET | CREATE, "", "v1", "PodAttachOptions", NULL, NULL},
	{"binding", CREATE, "", "v1", "Binding", NULL, NULL},
	{"ephemeralcontainers", API_VERB_STATUS, NULL, NULL, NULL, pod_prepare_ephemeral,
	 validate_pod_ephemeral},
	{"eviction", CREATE, "policy", "v1", "Eviction", NULL, NULL},
	{"exec", GET | CREATE, "", "v1", "PodExecOptions", NULL, NULL},
	{"log", GET, NULL, NULL, NULL, NULL, NULL},
	{"portforward", GET | CREATE, "", "v1", "PodPortForwardOptions", NULL, NULL},
	SUB_PROXY("PodProxyOptions"),
	{"resize", API_VERB_STATUS, NULL, NULL, NULL, pod_prepare_resize, validate_pod_resize},
	{"status", API_VERB_STATUS, NULL, NULL, NULL, pod_prepare_status, validate_pod_status},
};

const struct api_kind api_kind_pod = {
	.group = "",
	.version = "v1",
	.kind = "Pod",
	.plural = "pods",
	.singular = "pod",
	.short_names = NAMES("po"),
	.categories = NAMES("all"),
	.list_kind = "PodList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL |
		 API_K_GRACEFUL | API_K_RETURN_DELETED,
	.type = &api_t_core_v1_Pod,
	.subresources = pod_subs,
	.n_subresources = ARRAY_SIZE(pod_subs),
	.strategy = &pod_strategy,
	.defaults = default_pod,
	.columns = pod_columns,
	.n_columns = POD_COLUMNS,
	.selectable = NAMES("spec.nodeName", "spec.restartPolicy", "spec.schedulerName",
			    "spec.serviceAccountName", "spec.hostNetwork", "status.phase",
			    "status.podIP", "status.nominatedNodeName"),
	.short_help = "Containers that run together on one node.",
};

const struct api_kind api_kind_binding = {
	.group = "", .version = "v1", .kind = "Binding", .type = &api_t_core_v1_Binding};
const struct api_kind api_kind_eviction = {
	.group = "policy", .version = "v1", .kind = "Eviction", .type = &api_t_policy_v1_Eviction};
const struct api_kind api_kind_scale = {.group = "autoscaling",
					.version = "v1",
					.kind = "Scale",
					.type = &api_t_autoscaling_v1_Scale};
const struct api_kind api_kind_delete_options = {.group = "",
						 .version = "v1",
						 .kind = "DeleteOptions",
						 .type = &api_t_meta_v1_DeleteOptions};
const struct api_kind api_kind_status = {
	.group = "", .version = "v1", .kind = "Status", .type = &api_t_meta_v1_Status};

static const struct api_subresource namespace_subs[] = {
	{"finalize", API_VERB_UPDATE, NULL, NULL, NULL, namespace_prepare_finalize,
	 validate_namespace_finalize},
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = validate_namespace_status},
};
static const struct api_column namespace_columns[] = {
	COLUMN_NAME,
	{"Status", "string", NULL, 0, "status.phase", NULL, "Active or Terminating"},
	COLUMN_AGE,
};

const struct api_kind api_kind_namespace = {
	.group = "",
	.version = "v1",
	.kind = "Namespace",
	.plural = "namespaces",
	.singular = "namespace",
	.short_names = NAMES("ns"),
	.list_kind = "NamespaceList",
	.verbs = API_VERB_ALL & ~API_VERB_DELETECOLLECTION,
	.flags = API_K_STATUS | API_K_UNCONDITIONAL,
	.type = &api_t_core_v1_Namespace,
	.subresources = namespace_subs,
	.n_subresources = ARRAY_SIZE(namespace_subs),
	.strategy = &namespace_strategy,
	.defaults = default_namespace,
	.columns = namespace_columns,
	.n_columns = ARRAY_SIZE(namespace_columns),
	.selectable = NAMES("status.phase", "name"),
	.name_rule = "label",
	.short_help = "A space for names and quotas.",
};

static const struct api_column configmap_columns[] = {
	COLUMN_NAME,
	{"Data", "integer", NULL, 0, NULL, cell_data_count, "Number of keys"},
	COLUMN_AGE,
};

const struct api_kind api_kind_configmap = {
	.group = "",
	.version = "v1",
	.kind = "ConfigMap",
	.plural = "configmaps",
	.singular = "configmap",
	.short_names = NAMES("cm"),
	.list_kind = "ConfigMapList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL,
	.type = &api_t_core_v1_ConfigMap,
	.strategy = &configmap_strategy,
	.columns = configmap_columns,
	.n_columns = ARRAY_SIZE(configmap_columns),
	.short_help = "Configuration that pods read.",
};

static const struct api_column secret_columns[] = {
	COLUMN_NAME,
	{"Type", "string", NULL, 0, "type", NULL, "What the secret is for"},
	{"Data", "integer", NULL, 0, NULL, cell_data_count, "Number of keys"},
	COLUMN_AGE,
};

const struct api_kind api_kind_secret = {
	.group = "",
	.version = "v1",
	.kind = "Secret",
	.plural = "secrets",
	.singular = "secret",
	.list_kind = "SecretList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL,
	.type = &api_t_core_v1_Secret,
	.strategy = &secret_strategy,
	.columns = secret_columns,
	.n_columns = ARRAY_SIZE(secret_columns),
	.selectable = NAMES("type"),
	.short_help = "Confidential data that pods read.",
};

static void cell_secrets(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_u64(w, jv_len(jv_get(obj, "secrets")));
}
static const struct api_column serviceaccount_columns[] = {
	COLUMN_NAME,
	{"Secrets", "integer", NULL, 0, NULL, cell_secrets, "Number of secrets"},
	COLUMN_AGE,
};
static const struct api_subresource serviceaccount_subs[] = {
	{"token", CREATE, "authentication.k8s.io", "v1", "TokenRequest", NULL, NULL},
};

const struct api_kind api_kind_serviceaccount = {
	.group = "",
	.version = "v1",
	.kind = "ServiceAccount",
	.plural = "serviceaccounts",
	.singular = "serviceaccount",
	.short_names = NAMES("sa"),
	.list_kind = "ServiceAccountList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_core_v1_ServiceAccount,
	.subresources = serviceaccount_subs,
	.n_subresources = ARRAY_SIZE(serviceaccount_subs),
	.columns = serviceaccount_columns,
	.n_columns = ARRAY_SIZE(serviceaccount_columns),
	.short_help = "An identity for what runs in pods.",
};
