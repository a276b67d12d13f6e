/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field FieldSelectorAttributes_fields[] = {
	{"rawSelector", API_STRING, .pb = 1,
	 .help = "Raw selector of this field selector attributes."},
	{"requirements", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_meta_v1_FieldSelectorRequirement,
	 .help = "The requirements of this field selector attributes."},
};

const struct api_type api_t_authorization_v1_FieldSelectorAttributes = {
	.name = "io.k8s.api.authorization.v1.FieldSelectorAttributes",
	.fields = FieldSelectorAttributes_fields,
	.n_fields = ARRAY_SIZE(FieldSelectorAttributes_fields),
	.help = "Field selector attributes.",
};

static const struct api_field LabelSelectorAttributes_fields[] = {
	{"rawSelector", API_STRING, .pb = 1,
	 .help = "Raw selector of this label selector attributes."},
	{"requirements", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_meta_v1_LabelSelectorRequirement,
	 .help = "The requirements of this label selector attributes."},
};

const struct api_type api_t_authorization_v1_LabelSelectorAttributes = {
	.name = "io.k8s.api.authorization.v1.LabelSelectorAttributes",
	.fields = LabelSelectorAttributes_fields,
	.n_fields = ARRAY_SIZE(LabelSelectorAttributes_fields),
	.help = "Label selector attributes.",
};

static const struct api_field ResourceAttributes_fields[] = {
	{"namespace", API_STRING, .pb = 1, .help = "Its namespace."},
	{"verb", API_STRING, .pb = 2, .help = "Verb of this resource attributes."},
	{"group", API_STRING, .pb = 3, .help = "Group of this resource attributes."},
	{"version", API_STRING, .pb = 4, .help = "Version of this resource attributes."},
	{"resource", API_STRING, .pb = 5, .help = "Resource of this resource attributes."},
	{"subresource", API_STRING, .pb = 6, .help = "Subresource of this resource attributes."},
	{"name", API_STRING, .pb = 7, .help = "Its name."},
	{"fieldSelector", API_OBJECT, .pb = 8, .flags = API_PTR,
	 .ref = &api_t_authorization_v1_FieldSelectorAttributes,
	 .help = "Field selector of this resource attributes."},
	{"labelSelector", API_OBJECT, .pb = 9, .flags = API_PTR,
	 .ref = &api_t_authorization_v1_LabelSelectorAttributes,
	 .help = "Label selector of this resource attributes."},
};

const struct api_type api_t_authorization_v1_ResourceAttributes = {
	.name = "io.k8s.api.authorization.v1.ResourceAttributes",
	.fields = ResourceAttributes_fields,
	.n_fields = ARRAY_SIZE(ResourceAttributes_fields),
	.help = "Resource attributes.",
};

static const struct api_field NonResourceAttributes_fields[] = {
	{"path", API_STRING, .pb = 1, .help = "The path."},
	{"verb", API_STRING, .pb = 2, .help = "Verb of this non resource attributes."},
};

const struct api_type api_t_authorization_v1_NonResourceAttributes = {
	.name = "io.k8s.api.authorization.v1.NonResourceAttributes",
	.fields = NonResourceAttributes_fields,
	.n_fields = ARRAY_SIZE(NonResourceAttributes_fields),
	.help = "Non resource attributes.",
};

static const struct api_field SelfSubjectAccessReviewSpec_fields[] = {
	{"resourceAttributes", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_authorization_v1_ResourceAttributes,
	 .help = "Resource attributes of this self subject access review spec."},
	{"nonResourceAttributes", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_authorization_v1_NonResourceAttributes,
	 .help = "Non resource attributes of this self subject access review spec."},
};

const struct api_type api_t_authorization_v1_SelfSubjectAccessReviewSpec = {
	.name = "io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec",
	.fields = SelfSubjectAccessReviewSpec_fields,
	.n_fields = ARRAY_SIZE(SelfSubjectAccessReviewSpec_fields),
	.help = "Self subject access review spec.",
};

static const struct api_field SubjectAccessReviewStatus_fields[] = {
	{"allowed", API_BOOL, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Whether allowed holds."},
	{"denied", API_BOOL, .pb = 4, .help = "Whether denied holds."},
	{"reason", API_STRING, .pb = 2, .help = "Why, as one word."},
	{"evaluationError", API_STRING, .pb = 3,
	 .help = "Evaluation error of this subject access review status."},
};

const struct api_type api_t_authorization_v1_SubjectAccessReviewStatus = {
	.name = "io.k8s.api.authorization.v1.SubjectAccessReviewStatus",
	.fields = SubjectAccessReviewStatus_fields,
	.n_fields = ARRAY_SIZE(SubjectAccessReviewStatus_fields),
	.help = "Subject access review status.",
};

static const struct api_field SelfSubjectAccessReview_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_authorization_v1_SelfSubjectAccessReviewSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_authorization_v1_SubjectAccessReviewStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_authorization_v1_SelfSubjectAccessReview = {
	.name = "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
	.fields = SelfSubjectAccessReview_fields,
	.n_fields = ARRAY_SIZE(SelfSubjectAccessReview_fields),
	.help = "Self subject access review.",
};

static const struct api_field SelfSubjectRulesReviewSpec_fields[] = {
	{"namespace", API_STRING, .pb = 1, .help = "Its namespace."},
};

const struct api_type api_t_authorization_v1_SelfSubjectRulesReviewSpec = {
	.name = "io.k8s.api.authorization.v1.SelfSubjectRulesReviewSpec",
	.fields = SelfSubjectRulesReviewSpec_fields,
	.n_fields = ARRAY_SIZE(SelfSubjectRulesReviewSpec_fields),
	.help = "Self subject rules review spec.",
};

static const struct api_field ResourceRule_fields[] = {
	{"verbs", API_STRING, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The verbs of this resource rule."},
	{"apiGroups", API_STRING, API_LIST, .pb = 2,
	 .help = "The api groups of this resource rule."},
	{"resources", API_STRING, API_LIST, .pb = 3,
	 .help = "What it needs and may use of cpu, memory and the like."},
	{"resourceNames", API_STRING, API_LIST, .pb = 4,
	 .help = "The resource names of this resource rule."},
};

const struct api_type api_t_authorization_v1_ResourceRule = {
	.name = "io.k8s.api.authorization.v1.ResourceRule",
	.fields = ResourceRule_fields,
	.n_fields = ARRAY_SIZE(ResourceRule_fields),
	.help = "Resource rule.",
};

static const struct api_field NonResourceRule_fields[] = {
	{"verbs", API_STRING, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The verbs of this non resource rule."},
	{"nonResourceURLs", API_STRING, API_LIST, .pb = 2,
	 .help = "The non resource UR ls of this non resource rule."},
};

const struct api_type api_t_authorization_v1_NonResourceRule = {
	.name = "io.k8s.api.authorization.v1.NonResourceRule",
	.fields = NonResourceRule_fields,
	.n_fields = ARRAY_SIZE(NonResourceRule_fields),
	.help = "Non resource rule.",
};

static const struct api_field SubjectRulesReviewStatus_fields[] = {
	{"resourceRules", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_authorization_v1_ResourceRule,
	 .help = "The resource rules of this subject rules review status."},
	{"nonResourceRules", API_OBJECT, API_LIST, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_authorization_v1_NonResourceRule,
	 .help = "The non resource rules of this subject rules review status."},
	{"incomplete", API_BOOL, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Whether incomplete holds."},
	{"evaluationError", API_STRING, .pb = 4,
	 .help = "Evaluation error of this subject rules review status."},
};

const struct api_type api_t_authorization_v1_SubjectRulesReviewStatus = {
	.name = "io.k8s.api.authorization.v1.SubjectRulesReviewStatus",
	.fields = SubjectRulesReviewStatus_fields,
	.n_fields = ARRAY_SIZE(SubjectRulesReviewStatus_fields),
	.help = "Subject rules review status.",
};

static const struct api_field SelfSubjectRulesReview_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_authorization_v1_SelfSubjectRulesReviewSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_authorization_v1_SubjectRulesReviewStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_authorization_v1_SelfSubjectRulesReview = {
	.name = "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
	.fields = SelfSubjectRulesReview_fields,
	.n_fields = ARRAY_SIZE(SelfSubjectRulesReview_fields),
	.help = "Self subject rules review.",
};

static const struct api_field SubjectAccessReviewSpec_fields[] = {
	{"resourceAttributes", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_authorization_v1_ResourceAttributes,
	 .help = "Resource attributes of this subject access review spec."},
	{"nonResourceAttributes", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_authorization_v1_NonResourceAttributes,
	 .help = "Non resource attributes of this subject access review spec."},
	{"user", API_STRING, .pb = 3, .help = "User of this subject access review spec."},
	{"groups", API_STRING, API_LIST, .pb = 4,
	 .help = "The groups of this subject access review spec."},
	{"extra", API_STRING, API_MAP, .pb = 5, .flags = API_PB_WRAPPED | API_MAP_OF_LISTS,
	 .help = "Extra of this subject access review spec."},
	{"uid", API_STRING, .pb = 6,
	 .help = "Unique identity in time and space, given by the server."},
};

const struct api_type api_t_authorization_v1_SubjectAccessReviewSpec = {
	.name = "io.k8s.api.authorization.v1.SubjectAccessReviewSpec",
	.fields = SubjectAccessReviewSpec_fields,
	.n_fields = ARRAY_SIZE(SubjectAccessReviewSpec_fields),
	.help = "Subject access review spec.",
};

static const struct api_field SubjectAccessReview_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_authorization_v1_SubjectAccessReviewSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_authorization_v1_SubjectAccessReviewStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_authorization_v1_SubjectAccessReview = {
	.name = "io.k8s.api.authorization.v1.SubjectAccessReview",
	.fields = SubjectAccessReview_fields,
	.n_fields = ARRAY_SIZE(SubjectAccessReview_fields),
	.help = "Subject access review.",
};

static const struct api_field LocalSubjectAccessReview_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_authorization_v1_SubjectAccessReviewSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_authorization_v1_SubjectAccessReviewStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_authorization_v1_LocalSubjectAccessReview = {
	.name = "io.k8s.api.authorization.v1.LocalSubjectAccessReview",
	.fields = LocalSubjectAccessReview_fields,
	.n_fields = ARRAY_SIZE(LocalSubjectAccessReview_fields),
	.help = "Local subject access review.",
};
