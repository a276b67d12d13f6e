/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of nodes, and claims to them (resource.k8s.io). */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

#define RESOURCE "resource.k8s.io"

const struct api_kind api_kind_deviceclass = {
	KIND_NAMES(RESOURCE, "v1", "DeviceClass", "deviceclasses", "deviceclass"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_resource_v1_DeviceClass,
	.strategy = &deviceclass_strategy,
	.short_help = "Devices of a sort.",
};

/* "deleted,allocated,reserved", or "pending". */
static void cell_state(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	const struct {
		const char *path, *word;
	} states[] = {{"metadata.deletionTimestamp", "deleted"},
		      {"status.allocation", "allocated"},
		      {"status.reservedFor", "reserved"}};
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (jv_exists(jv_path(obj, states[i].path)))
			buf_addf(&b, "%s%s", b.len ? "," : "", states[i].word);
	if (!jv_exists(jv_path(obj, "status.allocation")) && !b.len)
		buf_adds(&b, "pending");
	jw_str(w, buf_str(&b));
}

static const struct api_column resourceclaim_columns[] = {
	COLUMN_NAME,
	{"State", "string", NULL, 0, NULL, cell_state, "How far it has come"},
	COLUMN_AGE,
};
static const struct api_subresource resourceclaim_subs[] = {
	{.name = "status",
	 .verbs = API_VERB_STATUS,
	 .validate_update = validate_resourceclaim_status},
};

const struct api_kind api_kind_resourceclaim = {
	KIND_NAMES(RESOURCE, "v1", "ResourceClaim", "resourceclaims", "resourceclaim"),
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_resource_v1_ResourceClaim,
	KIND_SUBS(resourceclaim_subs),
	KIND_COLUMNS(resourceclaim_columns),
	.strategy = &resourceclaim_strategy,
	.short_help = "A wish for devices.",
};

const struct api_kind api_kind_resourceclaimtemplate = {
	KIND_NAMES(RESOURCE, "v1", "ResourceClaimTemplate", "resourceclaimtemplates",
		   "resourceclaimtemplate"),
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_resource_v1_ResourceClaimTemplate,
	.strategy = &resourceclaimtemplate_strategy,
	.short_help = "Claims that are made for each pod.",
};

static void cell_node(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	cell_text(w, jv_path(obj, "spec.nodeName"), "<unset>");
}

static const struct api_column resourceslice_columns[] = {
	COLUMN_NAME,
	{"Node", "string", NULL, 0, NULL, cell_node, "Where the devices are"},
	{"Driver", "string", NULL, 0, "spec.driver", NULL, "The driver"},
	{"Pool", "string", NULL, 0, "spec.pool.name", NULL, "Its pool"},
	COLUMN_AGE,
};

const struct api_kind api_kind_resourceslice = {
	KIND_NAMES(RESOURCE, "v1", "ResourceSlice", "resourceslices", "resourceslice"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_resource_v1_ResourceSlice,
	KIND_COLUMNS(resourceslice_columns),
	.strategy = &resourceslice_strategy,
	.selectable = KIND_TEXTS("spec.nodeName", "spec.driver"),
	.short_help = "Devices that a driver has on a node.",
};
