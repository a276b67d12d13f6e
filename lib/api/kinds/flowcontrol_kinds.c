/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests belong together, and how many of them run at once. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

#define FLOW "flowcontrol.apiserver.k8s.io"

static void cell_precedence(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_i64(w, jv_i64(jv_path(obj, "spec.matchingPrecedence"), 0));
}

static void cell_distinguisher(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	cell_text(w, jv_path(obj, "spec.distinguisherMethod.type"), "<none>");
}

static void cell_missing(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jv_for_each (it, jv_path(obj, "status.conditions"))
		if (jv_eqs(jv_get(it.value, "type"), "Dangling")) {
			jw_str(w, jv_text(jv_get(it.value, "status")));
			return;
		}
	jw_str(w, STR("?"));
}

static const struct api_column flowschema_columns[] = {
	COLUMN_NAME,
	{"PriorityLevel", "string", NULL, 0, "spec.priorityLevelConfiguration.name", NULL,
	 "Where its requests go"},
	{"MatchingPrecedence", "number", NULL, 0, NULL, cell_precedence,
	 "The lowest is asked first"},
	{"DistinguisherMethod", "string", NULL, 0, NULL, cell_distinguisher, "What makes a flow"},
	COLUMN_AGE,
	{"MissingPL", "string", NULL, 0, NULL, cell_missing, "Is there no such level"},
};
static const struct api_subresource status_sub[] = {SUB_STATUS};

const struct api_kind api_kind_flowschema = {
	KIND_NAMES(FLOW, "v1", "FlowSchema", "flowschemas", "flowschema"),
	.flags = API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_flowcontrol_v1_FlowSchema,
	KIND_SUBS(status_sub),
	KIND_COLUMNS(flowschema_columns),
	.strategy = &flowschema_strategy,
	.short_help = "Which requests belong to a priority level.",
};

static void number_or(struct jv v, const char *none, struct jw *w)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, jv_i64(v, 0));
	jw_str(w, str_of(jv_exists(v) ? text : none));
}

static void cell_shares(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct jv limited = jv_path(obj, "spec.limited");
	struct jv from = jv_exists(limited) ? limited : jv_path(obj, "spec.exempt");

	number_or(jv_get(from, "nominalConcurrencyShares"), "<none>", w);
}

#define QUEUING "spec.limited.limitResponse.queuing"
static void cell_queues(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	number_or(jv_path(obj, QUEUING ".queues"), "<none>", w);
}
static void cell_hand(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	number_or(jv_path(obj, QUEUING ".handSize"), "<none>", w);
}
static void cell_queue_length(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	number_or(jv_path(obj, QUEUING ".queueLengthLimit"), "<none>", w);
}

static const struct api_column prioritylevel_columns[] = {
	COLUMN_NAME,
	{"Type", "string", NULL, 0, "spec.type", NULL, "Limited or exempt"},
	{"NominalConcurrencyShares", "string", NULL, 0, NULL, cell_shares, "Its share"},
	{"Queues", "string", NULL, 0, NULL, cell_queues, "How many queues"},
	{"HandSize", "string", NULL, 0, NULL, cell_hand, "Queues a flow chooses from"},
	{"QueueLengthLimit", "string", NULL, 0, NULL, cell_queue_length, "Room in a queue"},
	COLUMN_AGE,
};

const struct api_kind api_kind_prioritylevel = {
	KIND_NAMES(FLOW, "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations",
		   "prioritylevelconfiguration"),
	.flags = API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_flowcontrol_v1_PriorityLevelConfiguration,
	KIND_SUBS(status_sub),
	KIND_COLUMNS(prioritylevel_columns),
	.strategy = &prioritylevel_strategy,
	.short_help = "How many requests of a level run at once.",
};
