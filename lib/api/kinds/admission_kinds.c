/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks and policies that see requests before they are stored. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"

#define ADMISSION "admissionregistration.k8s.io"

static void count(struct jv list, struct jw *w)
{
	jw_u64(w, jv_len(list));
}

static void cell_webhooks(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	count(jv_get(obj, "webhooks"), w);
}

static const struct api_column webhook_columns[] = {
	COLUMN_NAME,
	{"Webhooks", "integer", NULL, 0, NULL, cell_webhooks, "How many there are"},
	COLUMN_AGE,
};

const struct api_kind api_kind_validatingwebhook = {
	KIND_NAMES(ADMISSION, "v1", "ValidatingWebhookConfiguration",
		   "validatingwebhookconfigurations", "validatingwebhookconfiguration"),
	.categories = KIND_TEXTS("api-extensions"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_admissionregistration_v1_ValidatingWebhookConfiguration,
	KIND_COLUMNS(webhook_columns),
	.strategy = &validatingwebhook_strategy,
	.short_help = "Webhooks that accept or refuse.",
};

const struct api_kind api_kind_mutatingwebhook = {
	KIND_NAMES(ADMISSION, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
		   "mutatingwebhookconfiguration"),
	.categories = KIND_TEXTS("api-extensions"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_admissionregistration_v1_MutatingWebhookConfiguration,
	KIND_COLUMNS(webhook_columns),
	.strategy = &mutatingwebhook_strategy,
	.short_help = "Webhooks that change and may refuse.",
};

/* ---- policies ---- */

static void cell_validations(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	count(jv_path(obj, "spec.validations"), w);
}

static void cell_mutations(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	count(jv_path(obj, "spec.mutations"), w);
}

static void cell_param_kind(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv p = jv_path(obj, "spec.paramKind");

	if (jv_exists(p))
		buf_addf(&b, "%.*s/%.*s", STR_ARG(jv_text(jv_get(p, "apiVersion"))),
			 STR_ARG(jv_text(jv_get(p, "kind"))));
	jw_str(w, b.len ? buf_str(&b) : STR("<unset>"));
}

static void cell_param_ref(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv p = jv_path(obj, "spec.paramRef");
	struct str ns = jv_text(jv_get(p, "namespace"));

	if (jv_text(jv_get(p, "name")).len)
		buf_addf(&b, "%.*s/%.*s", STR_ARG(ns.len ? ns : STR("*")),
			 STR_ARG(jv_text(jv_get(p, "name"))));
	else if (jv_exists(p))
		buf_addstr(&b, jv_raw(jv_get(p, "selector")));
	jw_str(w, b.len ? buf_str(&b) : STR("<unset>"));
}

#define PARAM_KIND                                                                              \
	{                                                                                       \
		"ParamKind", "string", NULL, 0, NULL, cell_param_kind, "Kind of its parameters" \
	}

static const struct api_column validatingpolicy_columns[] = {
	COLUMN_NAME,
	{"Validations", "integer", NULL, 0, NULL, cell_validations, "How many there are"},
	PARAM_KIND,
	COLUMN_AGE,
};
static const struct api_column mutatingpolicy_columns[] = {
	COLUMN_NAME,
	{"Mutations", "integer", NULL, 0, NULL, cell_mutations, "How many there are"},
	PARAM_KIND,
	COLUMN_AGE,
};
static const struct api_column binding_columns[] = {
	COLUMN_NAME,
	{"PolicyName", "string", NULL, 0, "spec.policyName", NULL, "The policy"},
	{"ParamRef", "string", NULL, 0, NULL, cell_param_ref, "Its parameters"},
	COLUMN_AGE,
};
static const struct api_subresource policy_subs[] = {SUB_STATUS};

const struct api_kind api_kind_validatingpolicy = {
	KIND_NAMES(ADMISSION, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies",
		   "validatingadmissionpolicy"),
	.categories = KIND_TEXTS("api-extensions"),
	.flags = API_K_STATUS | API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_admissionregistration_v1_ValidatingAdmissionPolicy,
	KIND_SUBS(policy_subs),
	KIND_COLUMNS(validatingpolicy_columns),
	.strategy = &validatingpolicy_strategy,
	.short_help = "Rules in CEL that accept or refuse.",
};

const struct api_kind api_kind_validatingbinding = {
	KIND_NAMES(ADMISSION, "v1", "ValidatingAdmissionPolicyBinding",
		   "validatingadmissionpolicybindings", "validatingadmissionpolicybinding"),
	.categories = KIND_TEXTS("api-extensions"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_admissionregistration_v1_ValidatingAdmissionPolicyBinding,
	KIND_COLUMNS(binding_columns),
	.strategy = &validatingbinding_strategy,
	.short_help = "Where a validating policy holds, and with what parameters.",
};

const struct api_kind api_kind_mutatingpolicy = {
	KIND_NAMES(ADMISSION, "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies",
		   "mutatingadmissionpolicy"),
	.categories = KIND_TEXTS("api-extensions"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_admissionregistration_v1_MutatingAdmissionPolicy,
	KIND_COLUMNS(mutatingpolicy_columns),
	.strategy = &mutatingpolicy_strategy,
	.short_help = "Changes in CEL.",
};

const struct api_kind api_kind_mutatingbinding = {
	KIND_NAMES(ADMISSION, "v1", "MutatingAdmissionPolicyBinding",
		   "mutatingadmissionpolicybindings", "mutatingadmissionpolicybinding"),
	.categories = KIND_TEXTS("api-extensions"),
	.flags = API_K_GENERATION | API_K_UNCONDITIONAL,
	.type = &api_t_admissionregistration_v1_MutatingAdmissionPolicyBinding,
	KIND_COLUMNS(binding_columns),
	.strategy = &mutatingbinding_strategy,
	.short_help = "Where a mutating policy holds, and with what parameters.",
};
