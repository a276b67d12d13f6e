/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field OwnerReference_fields[] = {
	{"apiVersion", API_STRING, .pb = 5, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Api version of this owner reference."},
	{"kind", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kind of this owner reference."},
	{"name", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of this owner reference."},
	{"uid", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Uid of this owner reference."},
	{"controller", API_BOOL, .pb = 6, .flags = API_PTR, .help = "Whether controller holds."},
	{"blockOwnerDeletion", API_BOOL, .pb = 7, .flags = API_PTR,
	 .help = "Whether block owner deletion holds."},
};

const struct api_type api_t_meta_v1_OwnerReference = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference",
	.fields = OwnerReference_fields,
	.n_fields = ARRAY_SIZE(OwnerReference_fields),
	.flags = API_WHOLE,
	.help = "Owner reference.",
};

static const struct api_field ManagedFieldsEntry_fields[] = {
	{"manager", API_STRING, .pb = 1, .help = "Manager of this managed fields entry."},
	{"operation", API_STRING, .pb = 2, .help = "Operation of this managed fields entry."},
	{"apiVersion", API_STRING, .pb = 3, .help = "Api version of this managed fields entry."},
	{"time", API_TIME, .pb = 4, .flags = API_PTR, .help = "Time of this managed fields entry."},
	{"fieldsType", API_STRING, .pb = 6, .help = "Fields type of this managed fields entry."},
	{"fieldsV1", API_ANY, .pb = 7, .flags = API_PTR,
	 .help = "Fields V1 of this managed fields entry."},
	{"subresource", API_STRING, .pb = 8, .help = "Subresource of this managed fields entry."},
};

const struct api_type api_t_meta_v1_ManagedFieldsEntry = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
	.fields = ManagedFieldsEntry_fields,
	.n_fields = ARRAY_SIZE(ManagedFieldsEntry_fields),
	.help = "Managed fields entry.",
};

static const struct api_field ObjectMeta_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Name of this object meta."},
	{"generateName", API_STRING, .pb = 2, .help = "Generate name of this object meta."},
	{"namespace", API_STRING, .pb = 3, .help = "Namespace of this object meta."},
	{"selfLink", API_STRING, .pb = 4, .help = "Self link of this object meta."},
	{"uid", API_STRING, .pb = 5, .help = "Uid of this object meta."},
	{"resourceVersion", API_STRING, .pb = 6, .help = "Resource version of this object meta."},
	{"generation", API_INT64, .pb = 7, .help = "Generation of this object meta."},
	{"creationTimestamp", API_TIME, .pb = 8, .help = "Creation timestamp of this object meta."},
	{"deletionTimestamp", API_TIME, .pb = 9, .flags = API_PTR,
	 .help = "Deletion timestamp of this object meta."},
	{"deletionGracePeriodSeconds", API_INT64, .pb = 10, .flags = API_PTR,
	 .help = "Deletion grace period seconds of this object meta."},
	{"labels", API_STRING, API_MAP, .pb = 11, .help = "Labels of this object meta."},
	{"annotations", API_STRING, API_MAP, .pb = 12, .help = "Annotations of this object meta."},
	{"ownerReferences", API_OBJECT, API_LIST, API_LISTMAP, .pb = 13, .flags = API_MERGE,
	 .ref = &api_t_meta_v1_OwnerReference, .keys = "uid", .merge_key = "uid",
	 .help = "The owner references of this object meta."},
	{"finalizers", API_STRING, API_LIST, API_SET, .pb = 14, .flags = API_MERGE,
	 .help = "The finalizers of this object meta."},
	{"managedFields", API_OBJECT, API_LIST, .pb = 17, .ref = &api_t_meta_v1_ManagedFieldsEntry,
	 .help = "The managed fields of this object meta."},
};

const struct api_type api_t_meta_v1_ObjectMeta = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
	.fields = ObjectMeta_fields,
	.n_fields = ARRAY_SIZE(ObjectMeta_fields),
	.help = "Object meta.",
};

static const struct api_field ShardInfo_fields[] = {
	{"selector", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Selector of this shard info."},
};

const struct api_type api_t_meta_v1_ShardInfo = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.ShardInfo",
	.fields = ShardInfo_fields,
	.n_fields = ARRAY_SIZE(ShardInfo_fields),
	.help = "Shard info.",
};

static const struct api_field ListMeta_fields[] = {
	{"selfLink", API_STRING, .pb = 1, .help = "Self link of this list meta."},
	{"resourceVersion", API_STRING, .pb = 2, .help = "Resource version of this list meta."},
	{"continue", API_STRING, .pb = 3, .help = "Continue of this list meta."},
	{"remainingItemCount", API_INT64, .pb = 4, .flags = API_PTR,
	 .help = "Remaining item count of this list meta."},
	{"shardInfo", API_OBJECT, .pb = 5, .flags = API_PTR, .ref = &api_t_meta_v1_ShardInfo,
	 .help = "Shard info of this list meta."},
};

const struct api_type api_t_meta_v1_ListMeta = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta",
	.fields = ListMeta_fields,
	.n_fields = ARRAY_SIZE(ListMeta_fields),
	.help = "List meta.",
};

static const struct api_field StatusCause_fields[] = {
	{"reason", API_STRING, .pb = 1, .help = "Reason of this status cause."},
	{"message", API_STRING, .pb = 2, .help = "Message of this status cause."},
	{"field", API_STRING, .pb = 3, .help = "Field of this status cause."},
};

const struct api_type api_t_meta_v1_StatusCause = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.StatusCause",
	.fields = StatusCause_fields,
	.n_fields = ARRAY_SIZE(StatusCause_fields),
	.help = "Status cause.",
};

static const struct api_field StatusDetails_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Name of this status details."},
	{"group", API_STRING, .pb = 2, .help = "Group of this status details."},
	{"kind", API_STRING, .pb = 3, .help = "Kind of this status details."},
	{"uid", API_STRING, .pb = 6, .help = "Uid of this status details."},
	{"causes", API_OBJECT, API_LIST, .pb = 4, .ref = &api_t_meta_v1_StatusCause,
	 .help = "The causes of this status details."},
	{"retryAfterSeconds", API_INT32, .pb = 5,
	 .help = "Retry after seconds of this status details."},
};

const struct api_type api_t_meta_v1_StatusDetails = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.StatusDetails",
	.fields = StatusDetails_fields,
	.n_fields = ARRAY_SIZE(StatusDetails_fields),
	.help = "Status details.",
};

static const struct api_field Status_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ListMeta,
	 .help = "Metadata of this status."},
	{"status", API_STRING, .pb = 2, .help = "Status of this status."},
	{"message", API_STRING, .pb = 3, .help = "Message of this status."},
	{"reason", API_STRING, .pb = 4, .help = "Reason of this status."},
	{"details", API_OBJECT, .pb = 5, .flags = API_PTR, .ref = &api_t_meta_v1_StatusDetails,
	 .help = "Details of this status."},
	{"code", API_INT32, .pb = 6, .help = "Code of this status."},
};

const struct api_type api_t_meta_v1_Status = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
	.fields = Status_fields,
	.n_fields = ARRAY_SIZE(Status_fields),
	.help = "Status.",
};

static const struct api_field Preconditions_fields[] = {
	{"uid", API_STRING, .pb = 1, .flags = API_PTR, .help = "Uid of this preconditions."},
	{"resourceVersion", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Resource version of this preconditions."},
};

const struct api_type api_t_meta_v1_Preconditions = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions",
	.fields = Preconditions_fields,
	.n_fields = ARRAY_SIZE(Preconditions_fields),
	.help = "Preconditions.",
};

static const struct api_field DeleteOptions_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"gracePeriodSeconds", API_INT64, .pb = 1, .flags = API_PTR,
	 .help = "Grace period seconds of this delete options."},
	{"preconditions", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_meta_v1_Preconditions, .help = "Preconditions of this delete options."},
	{"orphanDependents", API_BOOL, .pb = 3, .flags = API_PTR,
	 .help = "Whether orphan dependents holds."},
	{"propagationPolicy", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Propagation policy of this delete options."},
	{"dryRun", API_STRING, API_LIST, .pb = 5, .help = "The dry run of this delete options."},
	{"ignoreStoreReadErrorWithClusterBreakingPotential", API_BOOL, .pb = 6, .flags = API_PTR,
	 .help = "Whether ignore store read error with cluster breaking potential holds."},
};

const struct api_type api_t_meta_v1_DeleteOptions = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions",
	.fields = DeleteOptions_fields,
	.n_fields = ARRAY_SIZE(DeleteOptions_fields),
	.help = "Delete options.",
};

static const struct api_field LabelSelectorRequirement_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Key of this label selector requirement."},
	{"operator", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Operator of this label selector requirement."},
	{"values", API_STRING, API_LIST, .pb = 3,
	 .help = "The values of this label selector requirement."},
};

const struct api_type api_t_meta_v1_LabelSelectorRequirement = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
	.fields = LabelSelectorRequirement_fields,
	.n_fields = ARRAY_SIZE(LabelSelectorRequirement_fields),
	.help = "Label selector requirement.",
};

static const struct api_field LabelSelector_fields[] = {
	{"matchLabels", API_STRING, API_MAP, .pb = 1,
	 .help = "Match labels of this label selector."},
	{"matchExpressions", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_meta_v1_LabelSelectorRequirement,
	 .help = "The match expressions of this label selector."},
};

const struct api_type api_t_meta_v1_LabelSelector = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
	.fields = LabelSelector_fields,
	.n_fields = ARRAY_SIZE(LabelSelector_fields),
	.flags = API_WHOLE,
	.help = "Label selector.",
};

static const struct api_field Condition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Type of this condition."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Status of this condition."},
	{"observedGeneration", API_INT64, .pb = 3,
	 .help = "Observed generation of this condition."},
	{"lastTransitionTime", API_TIME, .pb = 4, .flags = API_REQUIRED,
	 .help = "Last transition time of this condition."},
	{"reason", API_STRING, .pb = 5, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Reason of this condition."},
	{"message", API_STRING, .pb = 6, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Message of this condition."},
};

const struct api_type api_t_meta_v1_Condition = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
	.fields = Condition_fields,
	.n_fields = ARRAY_SIZE(Condition_fields),
	.help = "Condition.",
};

static const struct api_field FieldSelectorRequirement_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Key of this field selector requirement."},
	{"operator", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Operator of this field selector requirement."},
	{"values", API_STRING, API_LIST, .pb = 3,
	 .help = "The values of this field selector requirement."},
};

const struct api_type api_t_meta_v1_FieldSelectorRequirement = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement",
	.fields = FieldSelectorRequirement_fields,
	.n_fields = ARRAY_SIZE(FieldSelectorRequirement_fields),
	.help = "Field selector requirement.",
};
