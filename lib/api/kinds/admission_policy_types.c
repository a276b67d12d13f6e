/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const char *const enum_MatchPolicyType[] = {"Equivalent", "Exact", NULL};

static const char *const enum_FailurePolicyType[] = {"Fail", "Ignore", NULL};

static const char *const enum_ValidationAction[] = {"Audit", "Deny", "Warn", NULL};

static const char *const enum_PatchType[] = {"ApplyConfiguration", "JSONPatch", NULL};

static const char *const enum_ReinvocationPolicyType[] = {"IfNeeded", "Never", NULL};

static const struct api_field ParamKind_fields[] = {
	{"apiVersion", API_STRING, .pb = 1, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .pb = 2, .help = "What kind of object this is."},
};

const struct api_type api_t_admissionregistration_v1_ParamKind = {
	.name = "io.k8s.api.admissionregistration.v1.ParamKind",
	.fields = ParamKind_fields,
	.n_fields = ARRAY_SIZE(ParamKind_fields),
	.flags = API_WHOLE,
	.help = "Param kind.",
};

static const struct api_field NamedRuleWithOperations_fields[] = {
	{"resourceNames", API_STRING, API_LIST, .pb = 1, .help = "Names of objects; none: all."},
	{"", API_OBJECT, .pb = 2, .flags = API_INLINE,
	 .ref = &api_t_admissionregistration_v1_RuleWithOperations,
	 .help = "Part of this named rule with operations."},
};

const struct api_type api_t_admissionregistration_v1_NamedRuleWithOperations = {
	.name = "io.k8s.api.admissionregistration.v1.NamedRuleWithOperations",
	.fields = NamedRuleWithOperations_fields,
	.n_fields = ARRAY_SIZE(NamedRuleWithOperations_fields),
	.flags = API_WHOLE,
	.help = "Named rule with operations.",
};

static const struct api_field MatchResources_fields[] = {
	{"namespaceSelector", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .def = "{}",
	 .help = "Namespace selector of this match resources."},
	{"objectSelector", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .def = "{}",
	 .help = "Object selector of this match resources."},
	{"resourceRules", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_admissionregistration_v1_NamedRuleWithOperations,
	 .help = "Which requests it is about."},
	{"excludeResourceRules", API_OBJECT, API_LIST, .pb = 4,
	 .ref = &api_t_admissionregistration_v1_NamedRuleWithOperations,
	 .help = "Which requests it is not about."},
	{"matchPolicy", API_STRING, .pb = 7, .flags = API_PTR, .enums = enum_MatchPolicyType,
	 .def = "\"Equivalent\"",
	 .help = "Exact, or Equivalent: also other versions of the same resource."},
};

const struct api_type api_t_admissionregistration_v1_MatchResources = {
	.name = "io.k8s.api.admissionregistration.v1.MatchResources",
	.fields = MatchResources_fields,
	.n_fields = ARRAY_SIZE(MatchResources_fields),
	.flags = API_WHOLE,
	.help = "Match resources.",
};

static const struct api_field Validation_fields[] = {
	{"expression", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "A CEL expression."},
	{"message", API_STRING, .pb = 2, .help = "Why, for people."},
	{"reason", API_STRING, .pb = 3, .flags = API_PTR, .help = "Why, as one word."},
	{"messageExpression", API_STRING, .pb = 4,
	 .help = "A CEL expression that gives the message."},
};

const struct api_type api_t_admissionregistration_v1_Validation = {
	.name = "io.k8s.api.admissionregistration.v1.Validation",
	.fields = Validation_fields,
	.n_fields = ARRAY_SIZE(Validation_fields),
	.help = "Validation.",
};

static const struct api_field AuditAnnotation_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its key."},
	{"valueExpression", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "A CEL expression that gives the value."},
};

const struct api_type api_t_admissionregistration_v1_AuditAnnotation = {
	.name = "io.k8s.api.admissionregistration.v1.AuditAnnotation",
	.fields = AuditAnnotation_fields,
	.n_fields = ARRAY_SIZE(AuditAnnotation_fields),
	.help = "Audit annotation.",
};

static const struct api_field Variable_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"expression", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "A CEL expression."},
};

const struct api_type api_t_admissionregistration_v1_Variable = {
	.name = "io.k8s.api.admissionregistration.v1.Variable",
	.fields = Variable_fields,
	.n_fields = ARRAY_SIZE(Variable_fields),
	.flags = API_WHOLE,
	.help = "Variable.",
};

static const struct api_field ValidatingAdmissionPolicySpec_fields[] = {
	{"paramKind", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_ParamKind,
	 .help = "What kind the parameters are of."},
	{"matchConstraints", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_MatchResources,
	 .help = "Which requests it is about."},
	{"validations", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_admissionregistration_v1_Validation,
	 .help = "Expressions that must be true."},
	{"failurePolicy", API_STRING, .pb = 4, .flags = API_PTR, .enums = enum_FailurePolicyType,
	 .def = "\"Fail\"", .help = "What happens when it cannot be asked: Fail or Ignore."},
	{"auditAnnotations", API_OBJECT, API_LIST, .pb = 5,
	 .ref = &api_t_admissionregistration_v1_AuditAnnotation,
	 .help = "What goes to the audit log."},
	{"matchConditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 6, .flags = API_MERGE,
	 .keys = "name", .merge_key = "name", .ref = &api_t_admissionregistration_v1_MatchCondition,
	 .help = "CEL expressions that must all be true for a request to be sent on."},
	{"variables", API_OBJECT, API_LIST, API_LISTMAP, .pb = 7, .flags = API_MERGE,
	 .keys = "name", .merge_key = "name", .ref = &api_t_admissionregistration_v1_Variable,
	 .help = "Expressions with a name, for use in others."},
};

const struct api_type api_t_admissionregistration_v1_ValidatingAdmissionPolicySpec = {
	.name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicySpec",
	.fields = ValidatingAdmissionPolicySpec_fields,
	.n_fields = ARRAY_SIZE(ValidatingAdmissionPolicySpec_fields),
	.help = "Validating admission policy spec.",
};

static const struct api_field ExpressionWarning_fields[] = {
	{"fieldRef", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Where in the policy."},
	{"warning", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is wrong."},
};

const struct api_type api_t_admissionregistration_v1_ExpressionWarning = {
	.name = "io.k8s.api.admissionregistration.v1.ExpressionWarning",
	.fields = ExpressionWarning_fields,
	.n_fields = ARRAY_SIZE(ExpressionWarning_fields),
	.help = "Expression warning.",
};

static const struct api_field TypeChecking_fields[] = {
	{"expressionWarnings", API_OBJECT, API_LIST, .pb = 1,
	 .ref = &api_t_admissionregistration_v1_ExpressionWarning,
	 .help = "What is wrong, by expression."},
};

const struct api_type api_t_admissionregistration_v1_TypeChecking = {
	.name = "io.k8s.api.admissionregistration.v1.TypeChecking",
	.fields = TypeChecking_fields,
	.n_fields = ARRAY_SIZE(TypeChecking_fields),
	.help = "Type checking.",
};

static const struct api_field ValidatingAdmissionPolicyStatus_fields[] = {
	{"observedGeneration", API_INT64, .pb = 1, .help = "Generation the status belongs to."},
	{"typeChecking", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_TypeChecking,
	 .help = "What is wrong with the expressions' types."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 3, .keys = "type",
	 .ref = &api_t_meta_v1_Condition,
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_admissionregistration_v1_ValidatingAdmissionPolicyStatus = {
	.name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyStatus",
	.fields = ValidatingAdmissionPolicyStatus_fields,
	.n_fields = ARRAY_SIZE(ValidatingAdmissionPolicyStatus_fields),
	.help = "Validating admission policy status.",
};

static const struct api_field ValidatingAdmissionPolicy_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2,
	 .ref = &api_t_admissionregistration_v1_ValidatingAdmissionPolicySpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3,
	 .ref = &api_t_admissionregistration_v1_ValidatingAdmissionPolicyStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_admissionregistration_v1_ValidatingAdmissionPolicy = {
	.name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
	.fields = ValidatingAdmissionPolicy_fields,
	.n_fields = ARRAY_SIZE(ValidatingAdmissionPolicy_fields),
	.help = "Validating admission policy.",
};

static const struct api_field ParamRef_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Its name."},
	{"namespace", API_STRING, .pb = 2, .help = "Its namespace."},
	{"selector", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Which objects are meant."},
	{"parameterNotFoundAction", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Allow or Deny where there are no parameters."},
};

const struct api_type api_t_admissionregistration_v1_ParamRef = {
	.name = "io.k8s.api.admissionregistration.v1.ParamRef",
	.fields = ParamRef_fields,
	.n_fields = ARRAY_SIZE(ParamRef_fields),
	.flags = API_WHOLE,
	.help = "Param ref.",
};

static const struct api_field ValidatingAdmissionPolicyBindingSpec_fields[] = {
	{"policyName", API_STRING, .pb = 1, .flags = API_REQUIRED, .help = "Name of the policy."},
	{"paramRef", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_ParamRef,
	 .help = "Which objects hold the parameters."},
	{"matchResources", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_MatchResources,
	 .help = "Which requests it is about."},
	{"validationActions", API_STRING, API_LIST, API_SET, .pb = 4, .flags = API_REQUIRED,
	 .enums = enum_ValidationAction,
	 .help = "What happens when one is false: Deny, Warn, Audit."},
};

const struct api_type api_t_admissionregistration_v1_ValidatingAdmissionPolicyBindingSpec = {
	.name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec",
	.fields = ValidatingAdmissionPolicyBindingSpec_fields,
	.n_fields = ARRAY_SIZE(ValidatingAdmissionPolicyBindingSpec_fields),
	.help = "Validating admission policy binding spec.",
};

static const struct api_field ValidatingAdmissionPolicyBinding_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_admissionregistration_v1_ValidatingAdmissionPolicyBindingSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_admissionregistration_v1_ValidatingAdmissionPolicyBinding = {
	.name = "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
	.fields = ValidatingAdmissionPolicyBinding_fields,
	.n_fields = ARRAY_SIZE(ValidatingAdmissionPolicyBinding_fields),
	.help = "Validating admission policy binding.",
};

static const struct api_field ApplyConfiguration_fields[] = {
	{"expression", API_STRING, .pb = 1, .help = "A CEL expression."},
};

const struct api_type api_t_admissionregistration_v1_ApplyConfiguration = {
	.name = "io.k8s.api.admissionregistration.v1.ApplyConfiguration",
	.fields = ApplyConfiguration_fields,
	.n_fields = ARRAY_SIZE(ApplyConfiguration_fields),
	.help = "Apply configuration.",
};

static const struct api_field JSONPatch_fields[] = {
	{"expression", API_STRING, .pb = 1, .help = "A CEL expression."},
};

const struct api_type api_t_admissionregistration_v1_JSONPatch = {
	.name = "io.k8s.api.admissionregistration.v1.JSONPatch",
	.fields = JSONPatch_fields,
	.n_fields = ARRAY_SIZE(JSONPatch_fields),
	.help = "Jsonpatch.",
};

static const struct api_field Mutation_fields[] = {
	{"patchType", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_PatchType, .help = "ApplyConfiguration or JSONPatch."},
	{"applyConfiguration", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_ApplyConfiguration,
	 .help = "Makes an object to be merged."},
	{"jsonPatch", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_JSONPatch, .help = "Makes a JSON patch."},
};

const struct api_type api_t_admissionregistration_v1_Mutation = {
	.name = "io.k8s.api.admissionregistration.v1.Mutation",
	.fields = Mutation_fields,
	.n_fields = ARRAY_SIZE(Mutation_fields),
	.help = "Mutation.",
};

static const struct api_field MutatingAdmissionPolicySpec_fields[] = {
	{"paramKind", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_ParamKind,
	 .help = "What kind the parameters are of."},
	{"matchConstraints", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_MatchResources,
	 .help = "Which requests it is about."},
	{"variables", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_admissionregistration_v1_Variable,
	 .help = "Expressions with a name, for use in others."},
	{"mutations", API_OBJECT, API_LIST, .pb = 4,
	 .ref = &api_t_admissionregistration_v1_Mutation, .help = "The changes, in order."},
	{"failurePolicy", API_STRING, .pb = 5, .flags = API_PTR, .enums = enum_FailurePolicyType,
	 .def = "\"Fail\"", .help = "What happens when it cannot be asked: Fail or Ignore."},
	{"matchConditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 6, .flags = API_MERGE,
	 .keys = "name", .merge_key = "name", .ref = &api_t_admissionregistration_v1_MatchCondition,
	 .help = "CEL expressions that must all be true for a request to be sent on."},
	{"reinvocationPolicy", API_STRING, .pb = 7, .enums = enum_ReinvocationPolicyType,
	 .help = "Whether to ask again when others changed the object: Never or IfNeeded."},
};

const struct api_type api_t_admissionregistration_v1_MutatingAdmissionPolicySpec = {
	.name = "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicySpec",
	.fields = MutatingAdmissionPolicySpec_fields,
	.n_fields = ARRAY_SIZE(MutatingAdmissionPolicySpec_fields),
	.help = "Mutating admission policy spec.",
};

static const struct api_field MutatingAdmissionPolicy_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2,
	 .ref = &api_t_admissionregistration_v1_MutatingAdmissionPolicySpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_admissionregistration_v1_MutatingAdmissionPolicy = {
	.name = "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy",
	.fields = MutatingAdmissionPolicy_fields,
	.n_fields = ARRAY_SIZE(MutatingAdmissionPolicy_fields),
	.help = "Mutating admission policy.",
};

static const struct api_field MutatingAdmissionPolicyBindingSpec_fields[] = {
	{"policyName", API_STRING, .pb = 1, .help = "Name of the policy."},
	{"paramRef", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_ParamRef,
	 .help = "Which objects hold the parameters."},
	{"matchResources", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_admissionregistration_v1_MatchResources,
	 .help = "Which requests it is about."},
};

const struct api_type api_t_admissionregistration_v1_MutatingAdmissionPolicyBindingSpec = {
	.name = "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBindingSpec",
	.fields = MutatingAdmissionPolicyBindingSpec_fields,
	.n_fields = ARRAY_SIZE(MutatingAdmissionPolicyBindingSpec_fields),
	.help = "Mutating admission policy binding spec.",
};

static const struct api_field MutatingAdmissionPolicyBinding_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2,
	 .ref = &api_t_admissionregistration_v1_MutatingAdmissionPolicyBindingSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_admissionregistration_v1_MutatingAdmissionPolicyBinding = {
	.name = "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding",
	.fields = MutatingAdmissionPolicyBinding_fields,
	.n_fields = ARRAY_SIZE(MutatingAdmissionPolicyBinding_fields),
	.help = "Mutating admission policy binding.",
};
