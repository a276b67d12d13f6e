/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const struct api_field PriorityLevelConfigurationReference_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_flowcontrol_v1_PriorityLevelConfigurationReference = {
	.name = "io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationReference",
	.fields = PriorityLevelConfigurationReference_fields,
	.n_fields = ARRAY_SIZE(PriorityLevelConfigurationReference_fields),
	.help = "Priority level configuration reference.",
};

static const struct api_field FlowDistinguisherMethod_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Type of this flow distinguisher method."},
};

const struct api_type api_t_flowcontrol_v1_FlowDistinguisherMethod = {
	.name = "io.k8s.api.flowcontrol.v1.FlowDistinguisherMethod",
	.fields = FlowDistinguisherMethod_fields,
	.n_fields = ARRAY_SIZE(FlowDistinguisherMethod_fields),
	.help = "Flow distinguisher method.",
};

static const struct api_field UserSubject_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_flowcontrol_v1_UserSubject = {
	.name = "io.k8s.api.flowcontrol.v1.UserSubject",
	.fields = UserSubject_fields,
	.n_fields = ARRAY_SIZE(UserSubject_fields),
	.help = "User subject.",
};

static const struct api_field GroupSubject_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_flowcontrol_v1_GroupSubject = {
	.name = "io.k8s.api.flowcontrol.v1.GroupSubject",
	.fields = GroupSubject_fields,
	.n_fields = ARRAY_SIZE(GroupSubject_fields),
	.help = "Group subject.",
};

static const struct api_field ServiceAccountSubject_fields[] = {
	{"namespace", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Its namespace."},
	{"name", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_flowcontrol_v1_ServiceAccountSubject = {
	.name = "io.k8s.api.flowcontrol.v1.ServiceAccountSubject",
	.fields = ServiceAccountSubject_fields,
	.n_fields = ARRAY_SIZE(ServiceAccountSubject_fields),
	.help = "Service account subject.",
};

static const struct api_field Subject_fields[] = {
	{"kind", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What kind of object this is."},
	{"user", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_flowcontrol_v1_UserSubject,
	 .help = "User of this subject."},
	{"group", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_flowcontrol_v1_GroupSubject,
	 .help = "Group of this subject."},
	{"serviceAccount", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_ServiceAccountSubject,
	 .help = "Service account of this subject."},
};

const struct api_type api_t_flowcontrol_v1_Subject = {
	.name = "io.k8s.api.flowcontrol.v1.Subject",
	.fields = Subject_fields,
	.n_fields = ARRAY_SIZE(Subject_fields),
	.help = "Subject.",
};

static const struct api_field ResourcePolicyRule_fields[] = {
	{"verbs", API_STRING, API_LIST, API_SET, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Verbs of this resource policy rule."},
	{"apiGroups", API_STRING, API_LIST, API_SET, .pb = 2,
	 .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Api groups of this resource policy rule."},
	{"resources", API_STRING, API_LIST, API_SET, .pb = 3,
	 .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Resources of this resource policy rule."},
	{"clusterScope", API_BOOL, .pb = 4, .help = "Cluster scope of this resource policy rule."},
	{"namespaces", API_STRING, API_LIST, API_SET, .pb = 5, .flags = API_KEEP_EMPTY,
	 .help = "Namespaces of this resource policy rule."},
};

const struct api_type api_t_flowcontrol_v1_ResourcePolicyRule = {
	.name = "io.k8s.api.flowcontrol.v1.ResourcePolicyRule",
	.fields = ResourcePolicyRule_fields,
	.n_fields = ARRAY_SIZE(ResourcePolicyRule_fields),
	.help = "Resource policy rule.",
};

static const struct api_field NonResourcePolicyRule_fields[] = {
	{"verbs", API_STRING, API_LIST, API_SET, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Verbs of this non resource policy rule."},
	{"nonResourceURLs", API_STRING, API_LIST, API_SET, .pb = 6,
	 .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Non resource urls of this non resource policy rule."},
};

const struct api_type api_t_flowcontrol_v1_NonResourcePolicyRule = {
	.name = "io.k8s.api.flowcontrol.v1.NonResourcePolicyRule",
	.fields = NonResourcePolicyRule_fields,
	.n_fields = ARRAY_SIZE(NonResourcePolicyRule_fields),
	.help = "Non resource policy rule.",
};

static const struct api_field PolicyRulesWithSubjects_fields[] = {
	{"subjects", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_flowcontrol_v1_Subject,
	 .help = "Subjects of this policy rules with subjects."},
	{"resourceRules", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_flowcontrol_v1_ResourcePolicyRule,
	 .help = "Resource rules of this policy rules with subjects."},
	{"nonResourceRules", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_flowcontrol_v1_NonResourcePolicyRule,
	 .help = "Non resource rules of this policy rules with subjects."},
};

const struct api_type api_t_flowcontrol_v1_PolicyRulesWithSubjects = {
	.name = "io.k8s.api.flowcontrol.v1.PolicyRulesWithSubjects",
	.fields = PolicyRulesWithSubjects_fields,
	.n_fields = ARRAY_SIZE(PolicyRulesWithSubjects_fields),
	.help = "Policy rules with subjects.",
};

static const struct api_field FlowSchemaSpec_fields[] = {
	{"priorityLevelConfiguration", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_flowcontrol_v1_PriorityLevelConfigurationReference,
	 .help = "Priority level configuration of this flow schema spec."},
	{"matchingPrecedence", API_INT32, .pb = 2, .def = "1000",
	 .help = "Matching precedence of this flow schema spec."},
	{"distinguisherMethod", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_FlowDistinguisherMethod,
	 .help = "Distinguisher method of this flow schema spec."},
	{"rules", API_OBJECT, API_LIST, .pb = 4,
	 .ref = &api_t_flowcontrol_v1_PolicyRulesWithSubjects,
	 .help = "Rules of this flow schema spec."},
};

const struct api_type api_t_flowcontrol_v1_FlowSchemaSpec = {
	.name = "io.k8s.api.flowcontrol.v1.FlowSchemaSpec",
	.fields = FlowSchemaSpec_fields,
	.n_fields = ARRAY_SIZE(FlowSchemaSpec_fields),
	.help = "Flow schema spec.",
};

static const struct api_field FlowSchemaCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED,
	 .help = "Type of this flow schema condition."},
	{"status", API_STRING, .pb = 2, .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
};

const struct api_type api_t_flowcontrol_v1_FlowSchemaCondition = {
	.name = "io.k8s.api.flowcontrol.v1.FlowSchemaCondition",
	.fields = FlowSchemaCondition_fields,
	.n_fields = ARRAY_SIZE(FlowSchemaCondition_fields),
	.help = "Flow schema condition.",
};

static const struct api_field FlowSchemaStatus_fields[] = {
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1, .flags = API_MERGE,
	 .keys = "type", .merge_key = "type", .ref = &api_t_flowcontrol_v1_FlowSchemaCondition,
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_flowcontrol_v1_FlowSchemaStatus = {
	.name = "io.k8s.api.flowcontrol.v1.FlowSchemaStatus",
	.fields = FlowSchemaStatus_fields,
	.n_fields = ARRAY_SIZE(FlowSchemaStatus_fields),
	.help = "Flow schema status.",
};

static const struct api_field FlowSchema_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_flowcontrol_v1_FlowSchemaSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_flowcontrol_v1_FlowSchemaStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_flowcontrol_v1_FlowSchema = {
	.name = "io.k8s.api.flowcontrol.v1.FlowSchema",
	.fields = FlowSchema_fields,
	.n_fields = ARRAY_SIZE(FlowSchema_fields),
	.help = "Flow schema.",
};

static const struct api_field QueuingConfiguration_fields[] = {
	{"queues", API_INT32, .pb = 1, .def = "64",
	 .help = "Queues of this queuing configuration."},
	{"handSize", API_INT32, .pb = 2, .def = "8",
	 .help = "Hand size of this queuing configuration."},
	{"queueLengthLimit", API_INT32, .pb = 3, .def = "50",
	 .help = "Queue length limit of this queuing configuration."},
};

const struct api_type api_t_flowcontrol_v1_QueuingConfiguration = {
	.name = "io.k8s.api.flowcontrol.v1.QueuingConfiguration",
	.fields = QueuingConfiguration_fields,
	.n_fields = ARRAY_SIZE(QueuingConfiguration_fields),
	.help = "Queuing configuration.",
};

static const struct api_field LimitResponse_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Type of this limit response."},
	{"queuing", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_QueuingConfiguration,
	 .help = "Queuing of this limit response."},
};

const struct api_type api_t_flowcontrol_v1_LimitResponse = {
	.name = "io.k8s.api.flowcontrol.v1.LimitResponse",
	.fields = LimitResponse_fields,
	.n_fields = ARRAY_SIZE(LimitResponse_fields),
	.defaults = default_limit_response,
	.help = "Limit response.",
};

static const struct api_field LimitedPriorityLevelConfiguration_fields[] = {
	{"nominalConcurrencyShares", API_INT32, .pb = 1, .flags = API_PTR | API_KEEP_EMPTY,
	 .def = "30",
	 .help = "Nominal concurrency shares of this limited priority level configuration."},
	{"limitResponse", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_flowcontrol_v1_LimitResponse,
	 .help = "Limit response of this limited priority level configuration."},
	{"lendablePercent", API_INT32, .pb = 3, .flags = API_PTR, .def = "0",
	 .help = "Lendable percent of this limited priority level configuration."},
	{"borrowingLimitPercent", API_INT32, .pb = 4, .flags = API_PTR,
	 .help = "Borrowing limit percent of this limited priority level configuration."},
};

const struct api_type api_t_flowcontrol_v1_LimitedPriorityLevelConfiguration = {
	.name = "io.k8s.api.flowcontrol.v1.LimitedPriorityLevelConfiguration",
	.fields = LimitedPriorityLevelConfiguration_fields,
	.n_fields = ARRAY_SIZE(LimitedPriorityLevelConfiguration_fields),
	.help = "Limited priority level configuration.",
};

static const struct api_field ExemptPriorityLevelConfiguration_fields[] = {
	{"nominalConcurrencyShares", API_INT32, .pb = 1, .flags = API_PTR, .def = "0",
	 .help = "Nominal concurrency shares of this exempt priority level configuration."},
	{"lendablePercent", API_INT32, .pb = 2, .flags = API_PTR, .def = "0",
	 .help = "Lendable percent of this exempt priority level configuration."},
};

const struct api_type api_t_flowcontrol_v1_ExemptPriorityLevelConfiguration = {
	.name = "io.k8s.api.flowcontrol.v1.ExemptPriorityLevelConfiguration",
	.fields = ExemptPriorityLevelConfiguration_fields,
	.n_fields = ARRAY_SIZE(ExemptPriorityLevelConfiguration_fields),
	.help = "Exempt priority level configuration.",
};

static const struct api_field PriorityLevelConfigurationSpec_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Type of this priority level configuration spec."},
	{"limited", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_LimitedPriorityLevelConfiguration,
	 .help = "Limited of this priority level configuration spec."},
	{"exempt", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_ExemptPriorityLevelConfiguration,
	 .help = "Exempt of this priority level configuration spec."},
};

const struct api_type api_t_flowcontrol_v1_PriorityLevelConfigurationSpec = {
	.name = "io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec",
	.fields = PriorityLevelConfigurationSpec_fields,
	.n_fields = ARRAY_SIZE(PriorityLevelConfigurationSpec_fields),
	.defaults = default_priority_level_spec,
	.help = "Priority level configuration spec.",
};

static const struct api_field PriorityLevelConfigurationCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED,
	 .help = "Type of this priority level configuration condition."},
	{"status", API_STRING, .pb = 2, .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
};

const struct api_type api_t_flowcontrol_v1_PriorityLevelConfigurationCondition = {
	.name = "io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationCondition",
	.fields = PriorityLevelConfigurationCondition_fields,
	.n_fields = ARRAY_SIZE(PriorityLevelConfigurationCondition_fields),
	.help = "Priority level configuration condition.",
};

static const struct api_field PriorityLevelConfigurationStatus_fields[] = {
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1, .flags = API_MERGE,
	 .keys = "type", .merge_key = "type",
	 .ref = &api_t_flowcontrol_v1_PriorityLevelConfigurationCondition,
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_flowcontrol_v1_PriorityLevelConfigurationStatus = {
	.name = "io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationStatus",
	.fields = PriorityLevelConfigurationStatus_fields,
	.n_fields = ARRAY_SIZE(PriorityLevelConfigurationStatus_fields),
	.help = "Priority level configuration status.",
};

static const struct api_field PriorityLevelConfiguration_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_flowcontrol_v1_PriorityLevelConfigurationSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3,
	 .ref = &api_t_flowcontrol_v1_PriorityLevelConfigurationStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_flowcontrol_v1_PriorityLevelConfiguration = {
	.name = "io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration",
	.fields = PriorityLevelConfiguration_fields,
	.n_fields = ARRAY_SIZE(PriorityLevelConfiguration_fields),
	.help = "Priority level configuration.",
};
