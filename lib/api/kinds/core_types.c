/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_VolumeHealthStatusType[] = {"DataLoss", "Degraded", "Inaccessible",
							  NULL};

static const char *const enum_NamespacePhase[] = {"Active", "Terminating", NULL};

static const char *const enum_ResourceQuotaScope[] = {"BestEffort",
						      "CrossNamespacePodAffinity",
						      "NotBestEffort",
						      "NotTerminating",
						      "PriorityClass",
						      "Terminating",
						      "VolumeAttributesClass",
						      NULL};

static const char *const enum_ScopeSelectorOperator[] = {"DoesNotExist", "Exists", "In", "NotIn",
							 NULL};

static const struct api_field LocalObjectReference_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Its name."},
};

const struct api_type api_t_core_v1_LocalObjectReference = {
	.name = "io.k8s.api.core.v1.LocalObjectReference",
	.fields = LocalObjectReference_fields,
	.n_fields = ARRAY_SIZE(LocalObjectReference_fields),
	.flags = API_WHOLE,
	.help = "Local object reference.",
};

static const struct api_field TypedLocalObjectReference_fields[] = {
	{"apiGroup", API_STRING, .pb = 1, .flags = API_PTR | API_KEEP_EMPTY,
	 .help = "Api group of this typed local object reference."},
	{"kind", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kind of this typed local object reference."},
	{"name", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_core_v1_TypedLocalObjectReference = {
	.name = "io.k8s.api.core.v1.TypedLocalObjectReference",
	.fields = TypedLocalObjectReference_fields,
	.n_fields = ARRAY_SIZE(TypedLocalObjectReference_fields),
	.flags = API_WHOLE,
	.help = "Typed local object reference.",
};

static const struct api_field VolumeHealthCondition_fields[] = {
	{"status", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_VolumeHealthStatusType, .help = "What is observed."},
	{"reason", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Why, as one word."},
	{"message", API_STRING, .pb = 3, .help = "Why, for people."},
};

const struct api_type api_t_core_v1_VolumeHealthCondition = {
	.name = "io.k8s.api.core.v1.VolumeHealthCondition",
	.fields = VolumeHealthCondition_fields,
	.n_fields = ARRAY_SIZE(VolumeHealthCondition_fields),
	.help = "Volume health condition.",
};

static const struct api_field NamespaceSpec_fields[] = {
	{"finalizers", API_STRING, API_LIST, .pb = 1,
	 .help = "Names that must be taken off before the object goes away."},
};

const struct api_type api_t_core_v1_NamespaceSpec = {
	.name = "io.k8s.api.core.v1.NamespaceSpec",
	.fields = NamespaceSpec_fields,
	.n_fields = ARRAY_SIZE(NamespaceSpec_fields),
	.help = "Namespace spec.",
};

static const struct api_field NamespaceCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 4, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 5, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 6, .help = "Why, for people."},
};

const struct api_type api_t_core_v1_NamespaceCondition = {
	.name = "io.k8s.api.core.v1.NamespaceCondition",
	.fields = NamespaceCondition_fields,
	.n_fields = ARRAY_SIZE(NamespaceCondition_fields),
	.help = "Namespace condition.",
};

static const struct api_field NamespaceStatus_fields[] = {
	{"phase", API_STRING, .pb = 1, .enums = enum_NamespacePhase,
	 .help = "Where it is in its life."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE,
	 .ref = &api_t_core_v1_NamespaceCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_core_v1_NamespaceStatus = {
	.name = "io.k8s.api.core.v1.NamespaceStatus",
	.fields = NamespaceStatus_fields,
	.n_fields = ARRAY_SIZE(NamespaceStatus_fields),
	.help = "Namespace status.",
};

static const struct api_field Namespace_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_NamespaceSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_NamespaceStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_core_v1_Namespace = {
	.name = "io.k8s.api.core.v1.Namespace",
	.fields = Namespace_fields,
	.n_fields = ARRAY_SIZE(Namespace_fields),
	.help = "Namespace.",
};

static const struct api_field ObjectReference_fields[] = {
	{"kind", API_STRING, .pb = 1, .help = "Kind of this object reference."},
	{"namespace", API_STRING, .pb = 2, .help = "Its namespace."},
	{"name", API_STRING, .pb = 3, .help = "Its name."},
	{"uid", API_STRING, .pb = 4,
	 .help = "Unique identity in time and space, given by the server."},
	{"apiVersion", API_STRING, .pb = 5, .help = "Group and version of the object's form."},
	{"resourceVersion", API_STRING, .pb = 6,
	 .help = "Opaque version of the object for watches and safe updates."},
	{"fieldPath", API_STRING, .pb = 7, .help = "Path of the field."},
};

const struct api_type api_t_core_v1_ObjectReference = {
	.name = "io.k8s.api.core.v1.ObjectReference",
	.fields = ObjectReference_fields,
	.n_fields = ARRAY_SIZE(ObjectReference_fields),
	.flags = API_WHOLE,
	.help = "Object reference.",
};

static const struct api_field ConfigMap_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"immutable", API_BOOL, .pb = 4, .flags = API_PTR, .help = "Allow no change of the data."},
	{"data", API_STRING, API_MAP, .pb = 2, .help = "Keys and values."},
	{"binaryData", API_BYTES, API_MAP, .pb = 3, .help = "Keys and bytes, in base64."},
};

const struct api_type api_t_core_v1_ConfigMap = {
	.name = "io.k8s.api.core.v1.ConfigMap",
	.fields = ConfigMap_fields,
	.n_fields = ARRAY_SIZE(ConfigMap_fields),
	.help = "Config map.",
};

static const struct api_field Secret_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"immutable", API_BOOL, .pb = 5, .flags = API_PTR, .help = "Allow no change of the data."},
	{"data", API_BYTES, API_MAP, .pb = 2, .help = "Keys and values."},
	{"stringData", API_STRING, API_MAP, .pb = 4,
	 .help = "Keys and text; written into data, never read back."},
	{"type", API_STRING, .pb = 3, .def = "\"Opaque\"", .help = "Which type it is."},
};

const struct api_type api_t_core_v1_Secret = {
	.name = "io.k8s.api.core.v1.Secret",
	.fields = Secret_fields,
	.n_fields = ARRAY_SIZE(Secret_fields),
	.help = "Secret.",
};

static const struct api_field ServiceAccount_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"secrets", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE,
	 .ref = &api_t_core_v1_ObjectReference, .keys = "name", .merge_key = "name",
	 .help = "Secrets the account may use."},
	{"imagePullSecrets", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Secrets with credentials for image registries."},
	{"automountServiceAccountToken", API_BOOL, .pb = 4, .flags = API_PTR,
	 .help = "Whether a token of the service account is mounted."},
};

const struct api_type api_t_core_v1_ServiceAccount = {
	.name = "io.k8s.api.core.v1.ServiceAccount",
	.fields = ServiceAccount_fields,
	.n_fields = ARRAY_SIZE(ServiceAccount_fields),
	.help = "Service account.",
};

static const struct api_field EventSource_fields[] = {
	{"component", API_STRING, .pb = 1, .help = "Component of this event source."},
	{"host", API_STRING, .pb = 2, .help = "Host name or address."},
};

const struct api_type api_t_core_v1_EventSource = {
	.name = "io.k8s.api.core.v1.EventSource",
	.fields = EventSource_fields,
	.n_fields = ARRAY_SIZE(EventSource_fields),
	.help = "Event source.",
};

static const struct api_field EventSeries_fields[] = {
	{"count", API_INT32, .pb = 1, .help = "How often it happened."},
	{"lastObservedTime", API_MICROTIME, .pb = 2,
	 .help = "Last observed time of this event series."},
};

const struct api_type api_t_core_v1_EventSeries = {
	.name = "io.k8s.api.core.v1.EventSeries",
	.fields = EventSeries_fields,
	.n_fields = ARRAY_SIZE(EventSeries_fields),
	.help = "Event series.",
};

static const struct api_field Event_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .flags = API_REQUIRED, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"involvedObject", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_ObjectReference, .help = "What the event is about."},
	{"reason", API_STRING, .pb = 3, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 4, .help = "Why, for people."},
	{"source", API_OBJECT, .pb = 5, .ref = &api_t_core_v1_EventSource,
	 .help = "Who reports it."},
	{"firstTimestamp", API_TIME, .pb = 6, .help = "When it first happened."},
	{"lastTimestamp", API_TIME, .pb = 7, .help = "When it last happened."},
	{"count", API_INT32, .pb = 8, .help = "How often it happened."},
	{"type", API_STRING, .pb = 9, .help = "Which type it is."},
	{"eventTime", API_MICROTIME, .pb = 10, .help = "Event time of this event."},
	{"series", API_OBJECT, .pb = 11, .flags = API_PTR, .ref = &api_t_core_v1_EventSeries,
	 .help = "Series of this event."},
	{"action", API_STRING, .pb = 12, .help = "Action of this event."},
	{"related", API_OBJECT, .pb = 13, .flags = API_PTR, .ref = &api_t_core_v1_ObjectReference,
	 .help = "Related of this event."},
	{"reportingComponent", API_STRING, .pb = 14, .flags = API_KEEP_EMPTY,
	 .help = "Who reports it."},
	{"reportingInstance", API_STRING, .pb = 15, .flags = API_KEEP_EMPTY,
	 .help = "Reporting instance of this event."},
};

const struct api_type api_t_core_v1_Event = {
	.name = "io.k8s.api.core.v1.Event",
	.fields = Event_fields,
	.n_fields = ARRAY_SIZE(Event_fields),
	.help = "Event.",
};

static const struct api_field Binding_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"target", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_ObjectReference, .help = "Target of this binding."},
};

const struct api_type api_t_core_v1_Binding = {
	.name = "io.k8s.api.core.v1.Binding",
	.fields = Binding_fields,
	.n_fields = ARRAY_SIZE(Binding_fields),
	.help = "Binding.",
};

static const struct api_field VolumeHealthStatus_fields[] = {
	{"healthConditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1, .flags = API_MERGE,
	 .ref = &api_t_core_v1_VolumeHealthCondition, .keys = "status,reason",
	 .merge_key = "status", .help = "The health conditions of this volume health status."},
	{"lastTransitionTime", API_TIME, .pb = 2, .help = "When the status last changed."},
};

const struct api_type api_t_core_v1_VolumeHealthStatus = {
	.name = "io.k8s.api.core.v1.VolumeHealthStatus",
	.fields = VolumeHealthStatus_fields,
	.n_fields = ARRAY_SIZE(VolumeHealthStatus_fields),
	.help = "Volume health status.",
};

static const struct api_field ReplicationControllerSpec_fields[] = {
	{"replicas", API_INT32, .pb = 1, .flags = API_PTR, .def = "1", .help = "How many pods."},
	{"minReadySeconds", API_INT32, .pb = 4,
	 .help = "Seconds a new pod must be ready to count as available."},
	{"selector", API_STRING, API_MAP, .pb = 2, .flags = API_WHOLE,
	 .help = "Selector of this replication controller spec."},
	{"template", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_core_v1_PodTemplateSpec,
	 .help = "What the pods look like."},
};

const struct api_type api_t_core_v1_ReplicationControllerSpec = {
	.name = "io.k8s.api.core.v1.ReplicationControllerSpec",
	.fields = ReplicationControllerSpec_fields,
	.n_fields = ARRAY_SIZE(ReplicationControllerSpec_fields),
	.help = "Replication controller spec.",
};

static const struct api_field ReplicationControllerCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
};

const struct api_type api_t_core_v1_ReplicationControllerCondition = {
	.name = "io.k8s.api.core.v1.ReplicationControllerCondition",
	.fields = ReplicationControllerCondition_fields,
	.n_fields = ARRAY_SIZE(ReplicationControllerCondition_fields),
	.help = "Replication controller condition.",
};

static const struct api_field ReplicationControllerStatus_fields[] = {
	{"replicas", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How many pods."},
	{"fullyLabeledReplicas", API_INT32, .pb = 2,
	 .help = "Fully labeled replicas of this replication controller status."},
	{"readyReplicas", API_INT32, .pb = 4, .help = "Pods that are ready."},
	{"availableReplicas", API_INT32, .pb = 5,
	 .help = "Pods that have been ready for long enough."},
	{"observedGeneration", API_INT64, .pb = 3, .help = "Generation the status belongs to."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 6, .flags = API_MERGE,
	 .ref = &api_t_core_v1_ReplicationControllerCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_core_v1_ReplicationControllerStatus = {
	.name = "io.k8s.api.core.v1.ReplicationControllerStatus",
	.fields = ReplicationControllerStatus_fields,
	.n_fields = ARRAY_SIZE(ReplicationControllerStatus_fields),
	.help = "Replication controller status.",
};

static const struct api_field ReplicationController_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_ReplicationControllerSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_ReplicationControllerStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_core_v1_ReplicationController = {
	.name = "io.k8s.api.core.v1.ReplicationController",
	.fields = ReplicationController_fields,
	.n_fields = ARRAY_SIZE(ReplicationController_fields),
	.help = "Replication controller.",
};

static const struct api_field ScopedResourceSelectorRequirement_fields[] = {
	{"scopeName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_ResourceQuotaScope,
	 .help = "Scope name of this scoped resource selector requirement."},
	{"operator", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_ScopeSelectorOperator, .help = "How the values are compared."},
	{"values", API_STRING, API_LIST, .pb = 3, .help = "Values to compare with."},
};

const struct api_type api_t_core_v1_ScopedResourceSelectorRequirement = {
	.name = "io.k8s.api.core.v1.ScopedResourceSelectorRequirement",
	.fields = ScopedResourceSelectorRequirement_fields,
	.n_fields = ARRAY_SIZE(ScopedResourceSelectorRequirement_fields),
	.help = "Scoped resource selector requirement.",
};

static const struct api_field ScopeSelector_fields[] = {
	{"matchExpressions", API_OBJECT, API_LIST, .pb = 1,
	 .ref = &api_t_core_v1_ScopedResourceSelectorRequirement,
	 .help = "Conditions on labels; all must hold."},
};

const struct api_type api_t_core_v1_ScopeSelector = {
	.name = "io.k8s.api.core.v1.ScopeSelector",
	.fields = ScopeSelector_fields,
	.n_fields = ARRAY_SIZE(ScopeSelector_fields),
	.flags = API_WHOLE,
	.help = "Scope selector.",
};

static const struct api_field ResourceQuotaSpec_fields[] = {
	{"hard", API_QUANTITY, API_MAP, .pb = 1, .help = "Hard of this resource quota spec."},
	{"scopes", API_STRING, API_LIST, .pb = 2, .enums = enum_ResourceQuotaScope,
	 .help = "The scopes of this resource quota spec."},
	{"scopeSelector", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_ScopeSelector,
	 .help = "Scope selector of this resource quota spec."},
};

const struct api_type api_t_core_v1_ResourceQuotaSpec = {
	.name = "io.k8s.api.core.v1.ResourceQuotaSpec",
	.fields = ResourceQuotaSpec_fields,
	.n_fields = ARRAY_SIZE(ResourceQuotaSpec_fields),
	.help = "Resource quota spec.",
};

static const struct api_field ResourceQuotaStatus_fields[] = {
	{"hard", API_QUANTITY, API_MAP, .pb = 1, .help = "Hard of this resource quota status."},
	{"used", API_QUANTITY, API_MAP, .pb = 2, .help = "Used of this resource quota status."},
};

const struct api_type api_t_core_v1_ResourceQuotaStatus = {
	.name = "io.k8s.api.core.v1.ResourceQuotaStatus",
	.fields = ResourceQuotaStatus_fields,
	.n_fields = ARRAY_SIZE(ResourceQuotaStatus_fields),
	.help = "Resource quota status.",
};

static const struct api_field ResourceQuota_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_ResourceQuotaSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_ResourceQuotaStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_core_v1_ResourceQuota = {
	.name = "io.k8s.api.core.v1.ResourceQuota",
	.fields = ResourceQuota_fields,
	.n_fields = ARRAY_SIZE(ResourceQuota_fields),
	.help = "Resource quota.",
};

static const struct api_field LimitRangeItem_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"max", API_QUANTITY, API_MAP, .pb = 2, .help = "Max of this limit range item."},
	{"min", API_QUANTITY, API_MAP, .pb = 3, .help = "Min of this limit range item."},
	{"default", API_QUANTITY, API_MAP, .pb = 4, .help = "Default of this limit range item."},
	{"defaultRequest", API_QUANTITY, API_MAP, .pb = 5,
	 .help = "Default request of this limit range item."},
	{"maxLimitRequestRatio", API_QUANTITY, API_MAP, .pb = 6,
	 .help = "Max limit request ratio of this limit range item."},
};

const struct api_type api_t_core_v1_LimitRangeItem = {
	.name = "io.k8s.api.core.v1.LimitRangeItem",
	.fields = LimitRangeItem_fields,
	.n_fields = ARRAY_SIZE(LimitRangeItem_fields),
	.defaults = default_limit_range_item,
	.help = "Limit range item.",
};

static const struct api_field LimitRangeSpec_fields[] = {
	{"limits", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_core_v1_LimitRangeItem, .help = "The most that may be used."},
};

const struct api_type api_t_core_v1_LimitRangeSpec = {
	.name = "io.k8s.api.core.v1.LimitRangeSpec",
	.fields = LimitRangeSpec_fields,
	.n_fields = ARRAY_SIZE(LimitRangeSpec_fields),
	.help = "Limit range spec.",
};

static const struct api_field LimitRange_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_LimitRangeSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_core_v1_LimitRange = {
	.name = "io.k8s.api.core.v1.LimitRange",
	.fields = LimitRange_fields,
	.n_fields = ARRAY_SIZE(LimitRange_fields),
	.help = "Limit range.",
};

static const struct api_field TopologySelectorLabelRequirement_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"values", API_STRING, API_LIST, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Values to compare with."},
};

const struct api_type api_t_core_v1_TopologySelectorLabelRequirement = {
	.name = "io.k8s.api.core.v1.TopologySelectorLabelRequirement",
	.fields = TopologySelectorLabelRequirement_fields,
	.n_fields = ARRAY_SIZE(TopologySelectorLabelRequirement_fields),
	.help = "Topology selector label requirement.",
};

static const struct api_field TopologySelectorTerm_fields[] = {
	{"matchLabelExpressions", API_OBJECT, API_LIST, .pb = 1,
	 .ref = &api_t_core_v1_TopologySelectorLabelRequirement,
	 .help = "The match label expressions of this topology selector term."},
};

const struct api_type api_t_core_v1_TopologySelectorTerm = {
	.name = "io.k8s.api.core.v1.TopologySelectorTerm",
	.fields = TopologySelectorTerm_fields,
	.n_fields = ARRAY_SIZE(TopologySelectorTerm_fields),
	.flags = API_WHOLE,
	.help = "Topology selector term.",
};
