/* SPDX-License-Identifier: Apache-2.0 */
/* PodDisruptionBudget. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"

static void int_or_text(struct jv v, struct jw *w)
{
	char text[24];

	if (jv_type(v) == JV_NUMBER) {
		snprintf(text, sizeof(text), "%" PRId64, jv_i64(v, 0));
		jw_str(w, str_of(text));
	} else {
		jw_str(w, jv_exists(v) ? jv_text(v) : STR("N/A"));
	}
}
static void cell_min(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	int_or_text(jv_path(obj, "spec.minAvailable"), w);
}
static void cell_max(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	int_or_text(jv_path(obj, "spec.maxUnavailable"), w);
}
static void cell_allowed(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_i64(w, jv_i64(jv_path(obj, "status.disruptionsAllowed"), 0));
}

static const struct api_column pdb_columns[] = {
	COLUMN_NAME,
	{"Min Available", "string", NULL, 0, NULL, cell_min, "Pods that must stay"},
	{"Max Unavailable", "string", NULL, 0, NULL, cell_max, "Pods that may be missing"},
	{"Allowed Disruptions", "integer", NULL, 0, NULL, cell_allowed, "Evictions possible now"},
	COLUMN_AGE,
};
static const struct api_subresource pdb_subs[] = {SUB_STATUS};

const struct api_kind api_kind_poddisruptionbudget = {
	.group = "policy",
	.version = "v1",
	.kind = "PodDisruptionBudget",
	.plural = "poddisruptionbudgets",
	.singular = "poddisruptionbudget",
	.short_names = (const char *const[]){"pdb", NULL},
	.list_kind = "PodDisruptionBudgetList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_GENERATION,
	.type = &api_t_policy_v1_PodDisruptionBudget,
	.subresources = pdb_subs,
	.n_subresources = ARRAY_SIZE(pdb_subs),
	.strategy = &poddisruptionbudget_strategy,
	.columns = pdb_columns,
	.n_columns = ARRAY_SIZE(pdb_columns),
	.short_help = "How many pods of a set may be evicted at a time.",
};
