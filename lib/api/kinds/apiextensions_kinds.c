/* SPDX-License-Identifier: Apache-2.0 */
/* CustomResourceDefinition: kinds that users bring along. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/api.h"
#include "lib/api/crd/definition.h"
#include "lib/api/kinds/types.h"

static const struct api_subresource crd_subs[] = {
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = crd_validate_status},
};

static void cell_created(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_str(w, jv_text(jv_path(obj, "metadata.creationTimestamp")));
}

static const struct api_column crd_columns[] = {
	COLUMN_NAME,
	{"Created At", "date", NULL, 0, NULL, cell_created, "When it was made"},
};

static const struct api_strategy crd_strategy = {
	.prepare_create = crd_prepare_create,
	.prepare_update = crd_prepare_update,
	.validate = crd_validate,
	.validate_create = crd_validate_create,
	.validate_update = crd_validate_update,
	.warnings = crd_warnings,
};

const struct api_kind api_kind_crd = {
	KIND_NAMES("apiextensions.k8s.io", "v1", "CustomResourceDefinition",
		   "customresourcedefinitions", "customresourcedefinition"),
	.short_names = KIND_TEXTS("crd", "crds"),
	.categories = KIND_TEXTS("api-extensions"),
	.flags = API_K_GENERATION | API_K_STATUS,
	.type = &api_t_apiextensions_v1_CustomResourceDefinition,
	KIND_SUBS(crd_subs),
	KIND_COLUMNS(crd_columns),
	.strategy = &crd_strategy,
	.defaults = crd_defaults,
	.short_help = "A kind of the users' own, served like a built-in one.",
};
