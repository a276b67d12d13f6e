/* SPDX-License-Identifier: Apache-2.0 */
/* Deployment, ReplicaSet, ReplicationController, DaemonSet, StatefulSet, ControllerRevision. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"
#include "lib/json/jsonc.h"

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
	COLUMNS_TEMPLATE,
	COLUMN_SELECTOR(cell_selector),
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

#define COLUMNS_COUNTS                                                                 \
	{"Desired", "integer", NULL, 0, NULL, cell_desired, "Pods wanted"},            \
		{"Current", "integer", NULL, 0, NULL, cell_current, "Pods there are"}, \
	{                                                                              \
		"Ready", "integer", NULL, 0, NULL, cell_ready, "Pods ready"            \
	}
static const struct api_column replicaset_columns[] = {
	COLUMN_NAME, COLUMNS_COUNTS, COLUMN_AGE, COLUMNS_TEMPLATE, COLUMN_SELECTOR(cell_selector),
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

/* ---- ReplicationController: a ReplicaSet with a selector of the old form ---- */

static void controller_defaults(struct json_object *obj)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *meta = jsonc_get(obj, "metadata");
	struct json_object *labels = jsonc_path(spec, "template.metadata.labels");

	if (!spec || !labels || !json_object_object_length(labels))
		return;
	if (!jsonc_get(spec, "selector") || !json_object_object_length(jsonc_get(spec, "selector")))
		jsonc_set(spec, "selector", jsonc_clone(labels));
	if (meta &&
	    (!jsonc_get(meta, "labels") || !json_object_object_length(jsonc_get(meta, "labels"))))
		jsonc_set(meta, "labels", jsonc_clone(labels));
}

static void cell_map_selector(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	column_map(jv_path(obj, "spec.selector"), &b);
	jw_str(w, buf_str(&b));
}

static const struct api_column controller_columns[] = {
	COLUMN_NAME,
	COLUMNS_COUNTS,
	COLUMN_AGE,
	COLUMNS_TEMPLATE,
	COLUMN_SELECTOR(cell_map_selector),
};

static const struct api_strategy controller_strategy = {
	.validate = validate_replicationcontroller,
};

const struct api_kind api_kind_replicationcontroller = {
	.group = "",
	.version = "v1",
	.kind = "ReplicationController",
	.plural = "replicationcontrollers",
	.singular = "replicationcontroller",
	.short_names = (const char *const[]){"rc", NULL},
	.categories = (const char *const[]){"all", NULL},
	.list_kind = "ReplicationControllerList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL |
		 API_K_ORPHAN,
	.type = &api_t_core_v1_ReplicationController,
	.subresources = replicaset_subs,
	.n_subresources = ARRAY_SIZE(replicaset_subs),
	.strategy = &controller_strategy,
	.defaults = controller_defaults,
	.columns = controller_columns,
	.n_columns = ARRAY_SIZE(controller_columns),
	.selectable = (const char *const[]){"status.replicas", NULL},
	.short_help = "Keeps a number of pods of one template running; the older ReplicaSet.",
};

CELL_INT(cell_ds_desired, "status.desiredNumberScheduled")
CELL_INT(cell_ds_current, "status.currentNumberScheduled")
CELL_INT(cell_ds_ready, "status.numberReady")
CELL_INT(cell_ds_updated, "status.updatedNumberScheduled")
CELL_INT(cell_ds_available, "status.numberAvailable")

static void cell_node_selector(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	column_map(jv_path(obj, "spec.template.spec.nodeSelector"), &b);
	jw_str(w, buf_str(&b));
}

static const struct api_column daemonset_columns[] = {
	COLUMN_NAME,
	{"Desired", "integer", NULL, 0, NULL, cell_ds_desired, "Nodes that should have a pod"},
	{"Current", "integer", NULL, 0, NULL, cell_ds_current, "Nodes that have one"},
	{"Ready", "integer", NULL, 0, NULL, cell_ds_ready, "Nodes whose pod is ready"},
	{"Up-to-date", "integer", NULL, 0, NULL, cell_ds_updated, "Nodes of the newest template"},
	{"Available", "integer", NULL, 0, NULL, cell_ds_available, "Ready for long enough"},
	{"Node Selector", "string", NULL, 0, NULL, cell_node_selector, "Labels of its nodes"},
	COLUMN_AGE,
	COLUMNS_TEMPLATE,
	COLUMN_SELECTOR(cell_selector),
};
static const struct api_subresource daemonset_subs[] = {
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = validate_daemonset_status},
};

const struct api_kind api_kind_daemonset = {
	.group = "apps",
	.version = "v1",
	.kind = "DaemonSet",
	.plural = "daemonsets",
	.singular = "daemonset",
	.short_names = (const char *const[]){"ds", NULL},
	.categories = (const char *const[]){"all", NULL},
	.list_kind = "DaemonSetList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_apps_v1_DaemonSet,
	.subresources = daemonset_subs,
	.n_subresources = ARRAY_SIZE(daemonset_subs),
	.strategy = &daemonset_strategy,
	.columns = daemonset_columns,
	.n_columns = ARRAY_SIZE(daemonset_columns),
	.short_help = "Keeps a pod of one template on each node that fits.",
};

static const struct api_column statefulset_columns[] = {
	COLUMN_NAME,
	{"Ready", "string", NULL, 0, NULL, cell_deploy_ready, "Ready pods of those wanted"},
	COLUMN_AGE,
	COLUMNS_TEMPLATE,
};
static const struct api_subresource statefulset_subs[] = {
	SUB_SCALE,
	{.name = "status",
	 .verbs = API_VERB_STATUS,
	 .validate_update = validate_statefulset_status},
};

const struct api_kind api_kind_statefulset = {
	.group = "apps",
	.version = "v1",
	.kind = "StatefulSet",
	.plural = "statefulsets",
	.singular = "statefulset",
	.short_names = (const char *const[]){"sts", NULL},
	.categories = (const char *const[]){"all", NULL},
	.list_kind = "StatefulSetList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_apps_v1_StatefulSet,
	.subresources = statefulset_subs,
	.n_subresources = ARRAY_SIZE(statefulset_subs),
	.strategy = &statefulset_strategy,
	.columns = statefulset_columns,
	.n_columns = ARRAY_SIZE(statefulset_columns),
	.short_help = "Keeps pods with lasting names running, one instance of each.",
};

/* "apps/v1 DaemonSet web" reads "daemonset.apps/web". */
static void cell_controller(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (ref, jv_path(obj, "metadata.ownerReferences")) {
		struct str group, version, kind = jv_text(jv_get(ref.value, "kind"));

		if (!jv_bool(jv_get(ref.value, "controller"), false))
			continue;
		api_version_split(jv_text(jv_get(ref.value, "apiVersion")), &group, &version);
		for (size_t i = 0; i < kind.len; i++)
			buf_addc(&b, (char)(kind.p[i] | 0x20));
		if (group.len)
			buf_addf(&b, ".%.*s", STR_ARG(group));
		buf_addf(&b, "/%.*s", STR_ARG(jv_text(jv_get(ref.value, "name"))));
		break;
	}
	jw_str(w, b.len ? buf_str(&b) : STR("<none>"));
}

static void cell_revision(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_i64(w, jv_i64(jv_get(obj, "revision"), 0));
}

static const struct api_column revision_columns[] = {
	COLUMN_NAME,
	{"Controller", "string", NULL, 0, NULL, cell_controller, "Whose template it is"},
	{"Revision", "string", NULL, 0, NULL, cell_revision, "Its number"},
	COLUMN_AGE,
};

const struct api_kind api_kind_controllerrevision = {
	.group = "apps",
	.version = "v1",
	.kind = "ControllerRevision",
	.plural = "controllerrevisions",
	.singular = "controllerrevision",
	.list_kind = "ControllerRevisionList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL,
	.type = &api_t_apps_v1_ControllerRevision,
	.strategy = &controllerrevision_strategy,
	.columns = revision_columns,
	.n_columns = ARRAY_SIZE(revision_columns),
	.short_help = "A template that a DaemonSet or StatefulSet has had.",
};
