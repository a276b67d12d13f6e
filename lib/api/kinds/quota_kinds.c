/* SPDX-License-Identifier: Apache-2.0 */
/* LimitRange, ResourceQuota, PodTemplate, ComponentStatus, RuntimeClass. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

static const struct api_column limitrange_columns[] = {
	COLUMN_NAME,
	{"Created At", "date", NULL, 0, "metadata.creationTimestamp", NULL, "When it was made"},
};

const struct api_kind api_kind_limitrange = {
	KIND_NAMES("", "v1", "LimitRange", "limitranges", "limitrange"),
	.short_names = KIND_TEXTS("limits"),
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL,
	.type = &api_t_core_v1_LimitRange,
	KIND_COLUMNS(limitrange_columns),
	.strategy = &limitrange_strategy,
	.short_help = "Limits and defaults for the objects of a namespace.",
};

/* "name: used/hard, ..." of the resources which are limits, or of those which are not. */
static void quota_cell(struct jv obj, bool limits, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv used = jv_path(obj, "status.used");

	jv_for_each_member (it, jv_path(obj, "status.hard")) {
		struct str have = jv_text(jv_getn(used, it.key));

		if (str_starts(it.key, STR("limits")) == limits)
			buf_addf(&b, "%s%.*s: %.*s/%.*s", b.len ? ", " : "", STR_ARG(it.key),
				 STR_ARG(have.len ? have : STR("0")), STR_ARG(jv_text(it.value)));
	}
	jw_str(w, buf_str(&b));
}

static void cell_request(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	quota_cell(obj, false, w);
}

static void cell_limit(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	quota_cell(obj, true, w);
}

static const struct api_column resourcequota_columns[] = {
	COLUMN_NAME,
	{"Request", "string", NULL, 0, NULL, cell_request, "Requests and counts, used and allowed"},
	{"Limit", "string", NULL, 0, NULL, cell_limit, "Limits, used and allowed"},
	COLUMN_AGE,
};
static const struct api_subresource resourcequota_subs[] = {SUB_STATUS};

const struct api_kind api_kind_resourcequota = {
	KIND_NAMES("", "v1", "ResourceQuota", "resourcequotas", "resourcequota"),
	.short_names = KIND_TEXTS("quota"),
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_core_v1_ResourceQuota,
	KIND_SUBS(resourcequota_subs),
	KIND_COLUMNS(resourcequota_columns),
	.strategy = &resourcequota_strategy,
	.short_help = "How much a namespace may use in all.",
};

/* ---- PodTemplate ---- */

static void template_cell(struct jv obj, const char *member, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (it, jv_path(obj, "template.spec.containers"))
		buf_addf(&b, "%s%.*s", b.len ? "," : "",
			 STR_ARG(jv_text(jv_get(it.value, member))));
	jw_str(w, buf_str(&b));
}

static void cell_template_names(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	template_cell(obj, "name", w);
}

static void cell_template_images(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	template_cell(obj, "image", w);
}

static void cell_template_labels(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	column_map(jv_path(obj, "template.metadata.labels"), &b);
	jw_str(w, buf_str(&b));
}

static const struct api_column podtemplate_columns[] = {
	COLUMN_NAME,
	{"Containers", "string", NULL, 0, NULL, cell_template_names, "Names of the containers"},
	{"Images", "string", NULL, 0, NULL, cell_template_images, "Images of the containers"},
	{"Pod Labels", "string", NULL, 0, NULL, cell_template_labels, "Labels of the pods"},
};

const struct api_kind api_kind_podtemplate = {
	KIND_NAMES("", "v1", "PodTemplate", "podtemplates", "podtemplate"),
	.flags = API_K_NAMESPACED | API_K_GENERATION | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_core_v1_PodTemplate,
	KIND_COLUMNS(podtemplate_columns),
	.strategy = &podtemplate_strategy,
	.short_help = "What pods made from it look like.",
};

/* ---- ComponentStatus: nothing is stored, the list is that of the master's own parts ---- */

static void cell_health(struct jv obj, const char *member, const char *none, struct jw *w)
{
	jv_for_each (it, jv_get(obj, "conditions"))
		if (jv_eqs(jv_get(it.value, "type"), "Healthy")) {
			cell_text(w, jv_get(it.value, member), none);
			return;
		}
	jw_str(w, str_of(none));
}

static void cell_component(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jv_for_each (it, jv_get(obj, "conditions"))
		if (jv_eqs(jv_get(it.value, "type"), "Healthy")) {
			bool well = jv_eqs(jv_get(it.value, "status"), "True");

			jw_str(w, well ? STR("Healthy") : STR("Unhealthy"));
			return;
		}
	jw_str(w, STR("Unhealthy"));
}

static void cell_message(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	cell_health(obj, "message", "", w);
}

static void cell_error(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	cell_health(obj, "error", "", w);
}

static const struct api_column componentstatus_columns[] = {
	COLUMN_NAME,
	{"Status", "string", NULL, 0, NULL, cell_component, "Is it well"},
	{"Message", "string", NULL, 0, NULL, cell_message, "What it says"},
	{"Error", "string", NULL, 0, NULL, cell_error, "What is wrong"},
};

const struct api_kind api_kind_componentstatus = {
	.group = "",
	.version = "v1",
	.kind = "ComponentStatus",
	.plural = "componentstatuses",
	.singular = "componentstatus",
	.list_kind = "ComponentStatusList",
	.verbs = API_VERB_GET | API_VERB_LIST,
	.short_names = KIND_TEXTS("cs"),
	.type = &api_t_core_v1_ComponentStatus,
	KIND_COLUMNS(componentstatus_columns),
	.short_help = "Health of a part of the control plane; of old.",
};

/* ---- RuntimeClass ---- */

static const struct api_column runtimeclass_columns[] = {
	COLUMN_NAME,
	{"Handler", "string", NULL, 0, "handler", NULL, "Its name on the nodes"},
	COLUMN_AGE,
};

const struct api_kind api_kind_runtimeclass = {
	KIND_NAMES("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", "runtimeclass"),
	.flags = API_K_UNCONDITIONAL,
	.type = &api_t_node_v1_RuntimeClass,
	KIND_COLUMNS(runtimeclass_columns),
	.strategy = &runtimeclass_strategy,
	.short_help = "A way to run containers.",
};
