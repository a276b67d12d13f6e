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
	 .help = "Which type it is."},
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
	 .help = "A user."},
	{"group", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_flowcontrol_v1_GroupSubject,
	 .help = "API group."},
	{"serviceAccount", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_ServiceAccountSubject, .help = "A service account."},
};

const struct api_type api_t_flowcontrol_v1_Subject = {
	.name = "io.k8s.api.flowcontrol.v1.Subject",
	.fields = Subject_fields,
	.n_fields = ARRAY_SIZE(Subject_fields),
	.help = "Subject.",
};

static const struct api_field ResourcePolicyRule_fields[] = {
	{"verbs", API_STRING, API_LIST, API_SET, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Verbs; * for all."},
	{"apiGroups", API_STRING, API_LIST, API_SET, .pb = 2,
	 .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "API groups; * for all, \"\" for core."},
	{"resources", API_STRING, API_LIST, API_SET, .pb = 3,
	 .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resources, also \"pods/status\" and \"*/*\"."},
	{"clusterScope", API_BOOL, .pb = 4, .help = "Also objects that are in no namespace."},
	{"namespaces", API_STRING, API_LIST, API_SET, .pb = 5, .flags = API_KEEP_EMPTY,
	 .help = "Namespaces; * for all."},
};

const struct api_type api_t_flowcontrol_v1_ResourcePolicyRule = {
	.name = "io.k8s.api.flowcontrol.v1.ResourcePolicyRule",
	.fields = ResourcePolicyRule_fields,
	.n_fields = ARRAY_SIZE(ResourcePolicyRule_fields),
	.help = "Resource policy rule.",
};

static const struct api_field NonResourcePolicyRule_fields[] = {
	{"verbs", API_STRING, API_LIST, API_SET, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Verbs; * for all."},
	{"nonResourceURLs", API_STRING, API_LIST, API_SET, .pb = 6,
	 .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Paths that are no resources, * at their end."},
};

const struct api_type api_t_flowcontrol_v1_NonResourcePolicyRule = {
	.name = "io.k8s.api.flowcontrol.v1.NonResourcePolicyRule",
	.fields = NonResourcePolicyRule_fields,
	.n_fields = ARRAY_SIZE(NonResourcePolicyRule_fields),
	.help = "Non resource policy rule.",
};

static const struct api_field PolicyRulesWithSubjects_fields[] = {
	{"subjects", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_flowcontrol_v1_Subject, .help = "Who is meant."},
	{"resourceRules", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_flowcontrol_v1_ResourcePolicyRule, .help = "Which requests it is about."},
	{"nonResourceRules", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_flowcontrol_v1_NonResourcePolicyRule,
	 .help = "Requests for paths that are no resources."},
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
	 .help = "Where its requests go."},
	{"matchingPrecedence", API_INT32, .pb = 2, .def = "1000",
	 .help = "The lowest that matches is taken."},
	{"distinguisherMethod", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_FlowDistinguisherMethod,
	 .help = "What makes a flow: ByUser or ByNamespace."},
	{"rules", API_OBJECT, API_LIST, .pb = 4,
	 .ref = &api_t_flowcontrol_v1_PolicyRulesWithSubjects,
	 .help = "Which requests it is about."},
};

const struct api_type api_t_flowcontrol_v1_FlowSchemaSpec = {
	.name = "io.k8s.api.flowcontrol.v1.FlowSchemaSpec",
	.fields = FlowSchemaSpec_fields,
	.n_fields = ARRAY_SIZE(FlowSchemaSpec_fields),
	.help = "Flow schema spec.",
};

static const struct api_field FlowSchemaCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED, .help = "Which type it is."},
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
	{"queues", API_INT32, .pb = 1, .def = "64", .help = "How many queues there are."},
	{"handSize", API_INT32, .pb = 2, .def = "8",
	 .help = "How many queues a flow chooses from."},
	{"queueLengthLimit", API_INT32, .pb = 3, .def = "50",
	 .help = "How many requests one queue holds."},
};

const struct api_type api_t_flowcontrol_v1_QueuingConfiguration = {
	.name = "io.k8s.api.flowcontrol.v1.QueuingConfiguration",
	.fields = QueuingConfiguration_fields,
	.n_fields = ARRAY_SIZE(QueuingConfiguration_fields),
	.help = "Queuing configuration.",
};

static const struct api_field LimitResponse_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"queuing", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_QueuingConfiguration, .help = "How requests wait."},
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
	 .def = "30", .help = "Its share of the server, against those of the others."},
	{"limitResponse", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_flowcontrol_v1_LimitResponse,
	 .help = "What happens to requests that find no room."},
	{"lendablePercent", API_INT32, .pb = 3, .flags = API_PTR, .def = "0",
	 .help = "How much of its share others may use."},
	{"borrowingLimitPercent", API_INT32, .pb = 4, .flags = API_PTR,
	 .help = "How much of the others' shares it may use."},
};

const struct api_type api_t_flowcontrol_v1_LimitedPriorityLevelConfiguration = {
	.name = "io.k8s.api.flowcontrol.v1.LimitedPriorityLevelConfiguration",
	.fields = LimitedPriorityLevelConfiguration_fields,
	.n_fields = ARRAY_SIZE(LimitedPriorityLevelConfiguration_fields),
	.help = "Limited priority level configuration.",
};

static const struct api_field ExemptPriorityLevelConfiguration_fields[] = {
	{"nominalConcurrencyShares", API_INT32, .pb = 1, .flags = API_PTR, .def = "0",
	 .help = "Its share of the server, against those of the others."},
	{"lendablePercent", API_INT32, .pb = 2, .flags = API_PTR, .def = "0",
	 .help = "How much of its share others may use."},
};

const struct api_type api_t_flowcontrol_v1_ExemptPriorityLevelConfiguration = {
	.name = "io.k8s.api.flowcontrol.v1.ExemptPriorityLevelConfiguration",
	.fields = ExemptPriorityLevelConfiguration_fields,
	.n_fields = ARRAY_SIZE(ExemptPriorityLevelConfiguration_fields),
	.help = "Exempt priority level configuration.",
};

static const struct api_field PriorityLevelConfigurationSpec_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"limited", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_LimitedPriorityLevelConfiguration,
	 .help = "Limits of a limited level."},
	{"exempt", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_flowcontrol_v1_ExemptPriorityLevelConfiguration,
	 .help = "Settings of a level without limits."},
};

const struct api_type api_t_flowcontrol_v1_PriorityLevelConfigurationSpec = {
	.name = "io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec",
	.fields = PriorityLevelConfigurationSpec_fields,
	.n_fields = ARRAY_SIZE(PriorityLevelConfigurationSpec_fields),
	.defaults = default_priority_level_spec,
	.help = "Priority level configuration spec.",
};

static const struct api_field PriorityLevelConfigurationCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED, .help = "Which type it is."},
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
