/* SPDX-License-Identifier: Apache-2.0 */
/* Reviews, tokens and certificate requests: mostly answered at once, not stored. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"
#include "lib/base/clock.h"

/* A kind of which only `create` exists. */
#define REVIEW(var, group_, kind_, plural_, singular_, flags_, type_, help_) \
	const struct api_kind var = {                                        \
		.group = group_,                                             \
		.version = "v1",                                             \
		.kind = kind_,                                               \
		.plural = plural_,                                           \
		.singular = singular_,                                       \
		.verbs = API_VERB_CREATE,                                    \
		.flags = API_K_VIRTUAL | (flags_),                           \
		.type = &(type_),                                            \
		.short_help = help_,                                         \
	}

REVIEW(api_kind_self_review, "authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews",
       "selfsubjectreview", 0, api_t_authentication_v1_SelfSubjectReview, "Who the caller is.");
REVIEW(api_kind_token_review, "authentication.k8s.io", "TokenReview", "tokenreviews", "tokenreview",
       0, api_t_authentication_v1_TokenReview, "Whom a token belongs to.");
REVIEW(api_kind_self_sar, "authorization.k8s.io", "SelfSubjectAccessReview",
       "selfsubjectaccessreviews", "selfsubjectaccessreview", 0,
       api_t_authorization_v1_SelfSubjectAccessReview, "Whether the caller may do something.");
REVIEW(api_kind_self_rules, "authorization.k8s.io", "SelfSubjectRulesReview",
       "selfsubjectrulesreviews", "selfsubjectrulesreview", 0,
       api_t_authorization_v1_SelfSubjectRulesReview, "What the caller may do in a namespace.");
REVIEW(api_kind_sar, "authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews",
       "subjectaccessreview", 0, api_t_authorization_v1_SubjectAccessReview,
       "Whether somebody may do something.");
REVIEW(api_kind_local_sar, "authorization.k8s.io", "LocalSubjectAccessReview",
       "localsubjectaccessreviews", "localsubjectaccessreview", API_K_NAMESPACED,
       api_t_authorization_v1_LocalSubjectAccessReview,
       "Whether somebody may do something in this namespace.");

const struct api_kind api_kind_token_request = {.group = "authentication.k8s.io",
						.version = "v1",
						.kind = "TokenRequest",
						.type = &api_t_authentication_v1_TokenRequest};

static void cell_condition(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	bool approved = false, denied = false, failed = false;

	jv_for_each (it, jv_path(obj, "status.conditions")) {
		struct jv type = jv_get(it.value, "type");

		approved |= jv_eqs(type, "Approved");
		denied |= jv_eqs(type, "Denied");
		failed |= jv_eqs(type, "Failed");
	}
	buf_adds(&b, denied ? "Denied" : approved ? "Approved" : "Pending");
	if (failed)
		buf_adds(&b, ",Failed");
	if (jv_text(jv_path(obj, "status.certificate")).len)
		buf_adds(&b, ",Issued");
	jw_str(w, buf_str(&b));
}

static void cell_duration(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int64_t s = jv_i64(jv_path(obj, "spec.expirationSeconds"), -1);

	if (s < 0)
		buf_adds(&b, "<none>");
	else
		duration_human(s * (int64_t)NSEC_PER_SEC, &b);
	jw_str(w, buf_str(&b));
}

static const struct api_column csr_columns[] = {
	COLUMN_NAME,
	COLUMN_AGE,
	{"SignerName", "string", NULL, 0, "spec.signerName", NULL, "Who is to sign"},
	{"Requestor", "string", NULL, 0, "spec.username", NULL, "Who asked"},
	{"RequestedDuration", "string", NULL, 0, NULL, cell_duration, "Validity asked for"},
	{"Condition", "string", NULL, 0, NULL, cell_condition, "How far it has come"},
};

static const struct api_subresource csr_subs[] = {
	{"approval", API_VERB_STATUS, NULL, NULL, NULL, csr_prepare_approval, validate_csr_update},
	{"status", API_VERB_STATUS, NULL, NULL, NULL, csr_prepare_status, validate_csr_update},
};

const struct api_kind api_kind_csr = {
	.group = "certificates.k8s.io",
	.version = "v1",
	.kind = "CertificateSigningRequest",
	.plural = "certificatesigningrequests",
	.singular = "certificatesigningrequest",
	.short_names = (const char *const[]){"csr", NULL},
	.list_kind = "CertificateSigningRequestList",
	.verbs = API_VERB_ALL,
	.flags = API_K_STATUS | API_K_UNCONDITIONAL,
	.type = &api_t_certificates_v1_CertificateSigningRequest,
	.subresources = csr_subs,
	.n_subresources = ARRAY_SIZE(csr_subs),
	.strategy = &csr_strategy,
	.columns = csr_columns,
	.n_columns = ARRAY_SIZE(csr_columns),
	.selectable = (const char *const[]){"spec.signerName", NULL},
	.name_rule = "path",
	.short_help = "A request to sign a certificate.",
};
