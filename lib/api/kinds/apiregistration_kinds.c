/* SPDX-License-Identifier: Apache-2.0 */
/* APIService: who serves a group and version. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

static void cell_service(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv s = jv_path(obj, "spec.service");

	if (jv_exists(s))
		buf_addf(&b, "%.*s/%.*s", STR_ARG(jv_text(jv_get(s, "namespace"))),
			 STR_ARG(jv_text(jv_get(s, "name"))));
	jw_str(w, b.len ? buf_str(&b) : STR("Local"));
}

static void cell_available(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (it, jv_path(obj, "status.conditions")) {
		struct str status = jv_text(jv_get(it.value, "status"));

		if (!jv_eqs(jv_get(it.value, "type"), "Available"))
			continue;
		buf_addstr(&b, status);
		if (!str_eqs(status, "True"))
			buf_addf(&b, " (%.*s)", STR_ARG(jv_text(jv_get(it.value, "reason"))));
	}
	jw_str(w, b.len ? buf_str(&b) : STR("Unknown"));
}

static const struct api_column apiservice_columns[] = {
	COLUMN_NAME,
	{"Service", "string", NULL, 0, NULL, cell_service, "Who serves it"},
	{"Available", "string", NULL, 0, NULL, cell_available, "Can it be reached"},
	COLUMN_AGE,
};
static const struct api_subresource apiservice_subs[] = {SUB_STATUS};

const struct api_kind api_kind_apiservice = {
	KIND_NAMES("apiregistration.k8s.io", "v1", "APIService", "apiservices", "apiservice"),
	.categories = KIND_TEXTS("api-extensions"),
	.flags = API_K_STATUS | API_K_UNCONDITIONAL,
	.type = &api_t_apiregistration_v1_APIService,
	KIND_SUBS(apiservice_subs),
	KIND_COLUMNS(apiservice_columns),
	.strategy = &apiservice_strategy,
	.name_rule = "path", /* "v1." is the core group's */
	.short_help = "A group and version, and the server that has it.",
};
