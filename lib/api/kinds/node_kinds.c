/* SPDX-License-Identifier: Apache-2.0 */
/* Node, Lease, PriorityClass. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

static void cell_node_status(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv ready = JV_NONE;

	jv_for_each (it, jv_path(obj, "status.conditions")) {
		if (jv_eqs(jv_get(it.value, "type"), "Ready"))
			ready = it.value;
	}
	if (!jv_exists(ready))
		buf_adds(&b, "Unknown");
	else
		buf_adds(&b, jv_eqs(jv_get(ready, "status"), "True") ? "Ready" : "NotReady");
	if (jv_bool(jv_path(obj, "spec.unschedulable"), false))
		buf_adds(&b, ",SchedulingDisabled");
	jw_str(w, buf_str(&b));
}

static void cell_roles(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str prefix = STR("node-role.kubernetes.io/");

	jv_for_each_member (it, jv_path(obj, "metadata.labels")) {
		struct str role = STR_NULL;

		if (str_starts(it.key, prefix))
			role = str_skip(it.key, prefix.len);
		else if (str_eqs(it.key, "kubernetes.io/role"))
			role = jv_text(it.value);
		if (role.len)
			buf_addf(&b, "%s%.*s", b.len ? "," : "", STR_ARG(role));
	}
	jw_str(w, b.len ? buf_str(&b) : STR("<none>"));
}

static void address(struct jv obj, const char *type, struct jw *w)
{
	jv_for_each (it, jv_path(obj, "status.addresses")) {
		if (jv_eqs(jv_get(it.value, "type"), type)) {
			jw_str(w, jv_text(jv_get(it.value, "address")));
			return;
		}
	}
	jw_str(w, STR("<none>"));
}

static void cell_internal_ip(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	address(obj, "InternalIP", w);
}

static void cell_external_ip(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	address(obj, "ExternalIP", w);
}

static void node_info(struct jv obj, const char *name, struct jw *w)
{
	struct str s = jv_text(jv_get(jv_path(obj, "status.nodeInfo"), name));

	jw_str(w, s.len ? s : STR("<unknown>"));
}

static void cell_os(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	node_info(obj, "osImage", w);
}

static void cell_kernel(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	node_info(obj, "kernelVersion", w);
}

static void cell_runtime(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	node_info(obj, "containerRuntimeVersion", w);
}

static const struct api_column node_columns[] = {
	COLUMN_NAME,
	{"Status", "string", NULL, 0, NULL, cell_node_status, "Ready, and whether pods may come"},
	{"Roles", "string", NULL, 0, NULL, cell_roles, "From node-role labels"},
	COLUMN_AGE,
	{"Version", "string", NULL, 0, "status.nodeInfo.kubeletVersion", NULL, "Of the agent"},
	{"Internal-IP", "string", NULL, 1, NULL, cell_internal_ip, "Address in the cluster"},
	{"External-IP", "string", NULL, 1, NULL, cell_external_ip, "Address from outside"},
	{"OS-Image", "string", NULL, 1, NULL, cell_os, "Operating system"},
	{"Kernel-Version", "string", NULL, 1, NULL, cell_kernel, "Kernel"},
	{"Container-Runtime", "string", NULL, 1, NULL, cell_runtime, "Container runtime"},
};

static const struct api_subresource node_subs[] = {
	{"proxy",
	 API_VERB_GET | API_VERB_CREATE | API_VERB_UPDATE | API_VERB_PATCH | API_VERB_DELETE, "",
	 "v1", "NodeProxyOptions", NULL, NULL},
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = validate_node_status},
};

const struct api_kind api_kind_node = {
	.group = "",
	.version = "v1",
	.kind = "Node",
	.plural = "nodes",
	.singular = "node",
	.short_names = (const char *const[]){"no", NULL},
	.list_kind = "NodeList",
	.verbs = API_VERB_ALL,
	.flags = API_K_STATUS | API_K_STATUS_ON_CREATE | API_K_UNCONDITIONAL,
	.type = &api_t_core_v1_Node,
	.subresources = node_subs,
	.n_subresources = ARRAY_SIZE(node_subs),
	.strategy = &node_strategy,
	.columns = node_columns,
	.n_columns = ARRAY_SIZE(node_columns),
	.selectable = (const char *const[]){"spec.unschedulable", NULL},
	.short_help = "A machine that runs pods.",
};

static const struct api_column lease_columns[] = {
	COLUMN_NAME,
	{"Holder", "string", NULL, 0, "spec.holderIdentity", NULL, "Who holds the lease"},
	COLUMN_AGE,
};

const struct api_kind api_kind_lease = {
	.group = "coordination.k8s.io",
	.version = "v1",
	.kind = "Lease",
	.plural = "leases",
	.singular = "lease",
	.list_kind = "LeaseList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_CREATE_ON_UPDATE,
	.type = &api_t_coordination_v1_Lease,
	.strategy = &lease_strategy,
	.columns = lease_columns,
	.n_columns = ARRAY_SIZE(lease_columns),
	.short_help = "A claim that is renewed or runs out.",
};

static void cell_value(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_i64(w, jv_i64(jv_get(obj, "value"), 0));
}

static void cell_global_default(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_bool(w, jv_bool(jv_get(obj, "globalDefault"), false));
}

static const struct api_column priorityclass_columns[] = {
	COLUMN_NAME,
	{"Value", "integer", NULL, 0, NULL, cell_value, "The priority"},
	{"Global-Default", "boolean", NULL, 0, NULL, cell_global_default, "For pods without one"},
	COLUMN_AGE,
	{"PreemptionPolicy", "string", NULL, 1, "preemptionPolicy", NULL, "May it push others out"},
};

const struct api_kind api_kind_priorityclass = {
	.group = "scheduling.k8s.io",
	.version = "v1",
	.kind = "PriorityClass",
	.plural = "priorityclasses",
	.singular = "priorityclass",
	.short_names = (const char *const[]){"pc", NULL},
	.list_kind = "PriorityClassList",
	.verbs = API_VERB_ALL,
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_scheduling_v1_PriorityClass,
	.strategy = &priorityclass_strategy,
	.columns = priorityclass_columns,
	.n_columns = ARRAY_SIZE(priorityclass_columns),
	.short_help = "A named priority for pods.",
};
