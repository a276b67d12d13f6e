/* SPDX-License-Identifier: Apache-2.0 */
/* Deployment, ReplicaSet. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

static void cell_deploy_ready(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRId64 "/%" PRId64,
		 jv_i64(jv_path(obj, "status.readyReplicas"), 0),
		 jv_i64(jv_path(obj, "spec.replicas"), 0));
	jw_str(w, str_of(text));
}

#define CELL_INT(fn, path_)                                                        \
	static void fn(const struct api_table_ctx *c, struct jv obj, struct jw *w) \
	{                                                                          \
		jw_i64(w, jv_i64(jv_path(obj, path_), 0));                         \
	}
CELL_INT(cell_updated, "status.updatedReplicas")
CELL_INT(cell_available, "status.availableReplicas")
CELL_INT(cell_desired, "spec.replicas")
CELL_INT(cell_current, "status.replicas")
CELL_INT(cell_ready, "status.readyReplicas")

static const struct api_column deployment_columns[] = {
	COLUMN_NAME,
	{"Ready", "string", NULL, 0, NULL, cell_deploy_ready, "Ready pods of those wanted"},
	{"Up-to-date", "string", NULL, 0, NULL, cell_updated, "Pods of the newest template"},
	{"Available", "string", NULL, 0, NULL, cell_available, "Ready for long enough"},
	COLUMN_AGE,
	{"Containers", "string", NULL, 1, NULL, cell_containers, "Names of its containers"},
	{"Images", "string", NULL, 1, NULL, cell_images, "Images of its containers"},
	{"Selector", "string", NULL, 1, NULL, cell_selector, "Labels of its pods"},
};

static const struct api_subresource deployment_subs[] = {
	SUB_SCALE,
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = validate_deployment_status},
};
static const struct api_subresource replicaset_subs[] = {
	SUB_SCALE,
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = validate_replicaset_status},
};

const struct api_kind api_kind_deployment = {
	.group = "apps",
	.version = "v1",
	.kind = "Deployment",
	.plural = "deployments",
	.singular = "deployment",
	.short_names = (const char *const[]){"deploy", NULL},
	.categories = (const char *const[]){"all", NULL},
	.list_kind = "DeploymentList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_GENERATION_ANN |
		 API_K_UNCONDITIONAL,
	.type = &api_t_apps_v1_Deployment,
	.subresources = deployment_subs,
	.n_subresources = ARRAY_SIZE(deployment_subs),
	.strategy = &deployment_strategy,
	.columns = deployment_columns,
	.n_columns = ARRAY_SIZE(deployment_columns),
	.short_help = "Keeps pods of one template running and replaces them step by step.",
};

static const struct api_column replicaset_columns[] = {
	COLUMN_NAME,
	{"Desired", "integer", NULL, 0, NULL, cell_desired, "Pods wanted"},
	{"Current", "integer", NULL, 0, NULL, cell_current, "Pods there are"},
	{"Ready", "integer", NULL, 0, NULL, cell_ready, "Pods ready"},
	COLUMN_AGE,
	{"Containers", "string", NULL, 1, NULL, cell_containers, "Names of its containers"},
	{"Images", "string", NULL, 1, NULL, cell_images, "Images of its containers"},
	{"Selector", "string", NULL, 1, NULL, cell_selector, "Labels of its pods"},
};

const struct api_kind api_kind_replicaset = {
	.group = "apps",
	.version = "v1",
	.kind = "ReplicaSet",
	.plural = "replicasets",
	.singular = "replicaset",
	.short_names = (const char *const[]){"rs", NULL},
	.categories = (const char *const[]){"all", NULL},
	.list_kind = "ReplicaSetList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_apps_v1_ReplicaSet,
	.subresources = replicaset_subs,
	.n_subresources = ARRAY_SIZE(replicaset_subs),
	.strategy = &replicaset_strategy,
	.columns = replicaset_columns,
	.n_columns = ARRAY_SIZE(replicaset_columns),
	.selectable = (const char *const[]){"status.replicas", NULL},
	.short_help = "Keeps a number of pods of one template running.",
};
