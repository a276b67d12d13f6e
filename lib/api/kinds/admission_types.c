/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const char *const enum_OperationType[] = {"*",      "CONNECT", "CREATE",
						 "DELETE", "UPDATE",  NULL};

static const char *const enum_ScopeType[] = {"*", "Cluster", "Namespaced", NULL};

static const char *const enum_FailurePolicyType[] = {"Fail", "Ignore", NULL};

static const char *const enum_MatchPolicyType[] = {"Equivalent", "Exact", NULL};

static const char *const enum_SideEffectClass[] = {"None", "NoneOnDryRun", "Some", "Unknown", NULL};

static const char *const enum_ReinvocationPolicyType[] = {"IfNeeded", "Never", NULL};

static const struct api_field ServiceReference_fields[] = {
	{"namespace", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Its namespace."},
	{"name", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"path", API_STRING, .pb = 3, .flags = API_PTR, .help = "Path of the URL."},
	{"port", API_INT32, .pb = 4, .flags = API_PTR, .def = "443", .help = "The port."},
};

const struct api_type api_t_admissionregistration_v1_ServiceReference = {
	.name = "io.k8s.api.admissionregistration.v1.ServiceReference",
	.fields = ServiceReference_fields,
	.n_fields = ARRAY_SIZE(ServiceReference_fields),
	.help = "Service reference.",
};

static const struct api_field WebhookClientConfig_fields[] = {
	{"url", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Where it is, without a Service: https://host/path."},
	{"service", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_ServiceReference,
	 .help = "The Service in front of it."},
	{"caBundle", API_BYTES, .pb = 2,
	 .help = "PEM certificates that its own must be signed by."},
};

const struct api_type api_t_admissionregistration_v1_WebhookClientConfig = {
	.name = "io.k8s.api.admissionregistration.v1.WebhookClientConfig",
	.fields = WebhookClientConfig_fields,
	.n_fields = ARRAY_SIZE(WebhookClientConfig_fields),
	.help = "Webhook client config.",
};

static const struct api_field Rule_fields[] = {
	{"apiGroups", API_STRING, API_LIST, .pb = 1,
	 .help = "API groups; * for all, \"\" for core."},
	{"apiVersions", API_STRING, API_LIST, .pb = 2, .help = "API versions; * for all."},
	{"resources", API_STRING, API_LIST, .pb = 3,
	 .help = "Resources, also \"pods/status\" and \"*/*\"."},
	{"scope", API_STRING, .pb = 4, .flags = API_PTR, .enums = enum_ScopeType, .def = "\"*\"",
	 .help = "Namespaced, Cluster or *."},
};

const struct api_type api_t_admissionregistration_v1_Rule = {
	.name = "io.k8s.api.admissionregistration.v1.Rule",
	.fields = Rule_fields,
	.n_fields = ARRAY_SIZE(Rule_fields),
	.help = "Rule.",
};

static const struct api_field RuleWithOperations_fields[] = {
	{"operations", API_STRING, API_LIST, .pb = 1, .enums = enum_OperationType,
	 .help = "CREATE, UPDATE, DELETE, CONNECT or *."},
	{"", API_OBJECT, .pb = 2, .flags = API_INLINE, .ref = &api_t_admissionregistration_v1_Rule,
	 .help = "Part of this rule with operations."},
};

const struct api_type api_t_admissionregistration_v1_RuleWithOperations = {
	.name = "io.k8s.api.admissionregistration.v1.RuleWithOperations",
	.fields = RuleWithOperations_fields,
	.n_fields = ARRAY_SIZE(RuleWithOperations_fields),
	.help = "Rule with operations.",
};

static const struct api_field MatchCondition_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"expression", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "A CEL expression."},
};

const struct api_type api_t_admissionregistration_v1_MatchCondition = {
	.name = "io.k8s.api.admissionregistration.v1.MatchCondition",
	.fields = MatchCondition_fields,
	.n_fields = ARRAY_SIZE(MatchCondition_fields),
	.help = "Match condition.",
};

static const struct api_field ValidatingWebhook_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"clientConfig", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_admissionregistration_v1_WebhookClientConfig,
	 .help = "How to reach the webhook."},
	{"rules", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_admissionregistration_v1_RuleWithOperations,
	 .help = "Which requests it is about."},
	{"failurePolicy", API_STRING, .pb = 4, .flags = API_PTR, .enums = enum_FailurePolicyType,
	 .def = "\"Fail\"", .help = "What happens when it cannot be asked: Fail or Ignore."},
	{"matchPolicy", API_STRING, .pb = 9, .flags = API_PTR, .enums = enum_MatchPolicyType,
	 .def = "\"Equivalent\"",
	 .help = "Exact, or Equivalent: also other versions of the same resource."},
	{"namespaceSelector", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .def = "{}",
	 .help = "Namespace selector of this validating webhook."},
	{"objectSelector", API_OBJECT, .pb = 10, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .def = "{}",
	 .help = "Object selector of this validating webhook."},
	{"sideEffects", API_STRING, .pb = 6, .flags = API_REQUIRED | API_PTR | API_KEEP_EMPTY,
	 .enums = enum_SideEffectClass,
	 .help = "What it does besides answering: None, or NoneOnDryRun."},
	{"timeoutSeconds", API_INT32, .pb = 7, .flags = API_PTR, .def = "10",
	 .help = "How long to wait for the answer, 1 to 30."},
	{"admissionReviewVersions", API_STRING, API_LIST, .pb = 8,
	 .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Versions of AdmissionReview it understands, best first."},
	{"matchConditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 11, .flags = API_MERGE,
	 .keys = "name", .merge_key = "name", .ref = &api_t_admissionregistration_v1_MatchCondition,
	 .help = "CEL expressions that must all be true for a request to be sent on."},
};

const struct api_type api_t_admissionregistration_v1_ValidatingWebhook = {
	.name = "io.k8s.api.admissionregistration.v1.ValidatingWebhook",
	.fields = ValidatingWebhook_fields,
	.n_fields = ARRAY_SIZE(ValidatingWebhook_fields),
	.help = "Validating webhook.",
};

static const struct api_field ValidatingWebhookConfiguration_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"webhooks", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE, .keys = "name",
	 .merge_key = "name", .ref = &api_t_admissionregistration_v1_ValidatingWebhook,
	 .help = "The webhooks."},
};

const struct api_type api_t_admissionregistration_v1_ValidatingWebhookConfiguration = {
	.name = "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
	.fields = ValidatingWebhookConfiguration_fields,
	.n_fields = ARRAY_SIZE(ValidatingWebhookConfiguration_fields),
	.help = "Validating webhook configuration.",
};

static const struct api_field MutatingWebhook_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"clientConfig", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_admissionregistration_v1_WebhookClientConfig,
	 .help = "How to reach the webhook."},
	{"rules", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_admissionregistration_v1_RuleWithOperations,
	 .help = "Which requests it is about."},
	{"failurePolicy", API_STRING, .pb = 4, .flags = API_PTR, .enums = enum_FailurePolicyType,
	 .def = "\"Fail\"", .help = "What happens when it cannot be asked: Fail or Ignore."},
	{"matchPolicy", API_STRING, .pb = 9, .flags = API_PTR, .enums = enum_MatchPolicyType,
	 .def = "\"Equivalent\"",
	 .help = "Exact, or Equivalent: also other versions of the same resource."},
	{"namespaceSelector", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .def = "{}",
	 .help = "Namespace selector of this mutating webhook."},
	{"objectSelector", API_OBJECT, .pb = 11, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .def = "{}",
	 .help = "Object selector of this mutating webhook."},
	{"sideEffects", API_STRING, .pb = 6, .flags = API_REQUIRED | API_PTR | API_KEEP_EMPTY,
	 .enums = enum_SideEffectClass,
	 .help = "What it does besides answering: None, or NoneOnDryRun."},
	{"timeoutSeconds", API_INT32, .pb = 7, .flags = API_PTR, .def = "10",
	 .help = "How long to wait for the answer, 1 to 30."},
	{"admissionReviewVersions", API_STRING, API_LIST, .pb = 8,
	 .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Versions of AdmissionReview it understands, best first."},
	{"reinvocationPolicy", API_STRING, .pb = 10, .flags = API_PTR,
	 .enums = enum_ReinvocationPolicyType, .def = "\"Never\"",
	 .help = "Whether to ask again when others changed the object: Never or IfNeeded."},
	{"matchConditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 12, .flags = API_MERGE,
	 .keys = "name", .merge_key = "name", .ref = &api_t_admissionregistration_v1_MatchCondition,
	 .help = "CEL expressions that must all be true for a request to be sent on."},
};

const struct api_type api_t_admissionregistration_v1_MutatingWebhook = {
	.name = "io.k8s.api.admissionregistration.v1.MutatingWebhook",
	.fields = MutatingWebhook_fields,
	.n_fields = ARRAY_SIZE(MutatingWebhook_fields),
	.help = "Mutating webhook.",
};

static const struct api_field MutatingWebhookConfiguration_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"webhooks", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE, .keys = "name",
	 .merge_key = "name", .ref = &api_t_admissionregistration_v1_MutatingWebhook,
	 .help = "The webhooks."},
};

const struct api_type api_t_admissionregistration_v1_MutatingWebhookConfiguration = {
	.name = "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration",
	.fields = MutatingWebhookConfiguration_fields,
	.n_fields = ARRAY_SIZE(MutatingWebhookConfiguration_fields),
	.help = "Mutating webhook configuration.",
};
