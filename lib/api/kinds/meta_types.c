/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field OwnerReference_fields[] = {
	{"apiVersion", API_STRING, .pb = 5, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Group and version of the object's form."},
	{"kind", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kind of this owner reference."},
	{"name", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"uid", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Unique identity in time and space, given by the server."},
	{"controller", API_BOOL, .pb = 6, .flags = API_PTR,
	 .help = "Set on the one owner that manages the object."},
	{"blockOwnerDeletion", API_BOOL, .pb = 7, .flags = API_PTR,
	 .help = "Keep the owner until this object is gone when deleting in the foreground."},
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
	{"apiVersion", API_STRING, .pb = 3, .help = "Group and version of the object's form."},
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
	{"name", API_STRING, .pb = 1,
	 .help = "Name, unique in its namespace for this kind; cannot be changed."},
	{"generateName", API_STRING, .pb = 2,
	 .help = "Prefix the server makes a unique name from when name is empty."},
	{"namespace", API_STRING, .pb = 3,
	 .help = "Namespace the object lives in; cannot be changed."},
	{"selfLink", API_STRING, .pb = 4, .help = "Not used any more."},
	{"uid", API_STRING, .pb = 5,
	 .help = "Unique identity in time and space, given by the server."},
	{"resourceVersion", API_STRING, .pb = 6,
	 .help = "Opaque version of the object for watches and safe updates."},
	{"generation", API_INT64, .pb = 7, .help = "Counts changes of what is wanted."},
	{"creationTimestamp", API_TIME, .pb = 8, .help = "When the server made the object."},
	{"deletionTimestamp", API_TIME, .pb = 9, .flags = API_PTR,
	 .help = "When the object is to be gone; set when deletion is asked for."},
	{"deletionGracePeriodSeconds", API_INT64, .pb = 10, .flags = API_PTR,
	 .help = "Seconds the object is given to end."},
	{"labels", API_STRING, API_MAP, .pb = 11,
	 .help = "Key-value pairs that selectors look at."},
	{"annotations", API_STRING, API_MAP, .pb = 12,
	 .help = "Key-value pairs for tools; not for selection."},
	{"ownerReferences", API_OBJECT, API_LIST, API_LISTMAP, .pb = 13, .flags = API_MERGE,
	 .ref = &api_t_meta_v1_OwnerReference, .keys = "uid", .merge_key = "uid",
	 .help = "Objects this one depends on; it is collected when all are gone."},
	{"finalizers", API_STRING, API_LIST, API_SET, .pb = 14, .flags = API_MERGE,
	 .help = "Names that must be taken off before the object goes away."},
	{"managedFields", API_OBJECT, API_LIST, .pb = 17, .ref = &api_t_meta_v1_ManagedFieldsEntry,
	 .help = "Which manager owns which fields."},
};

const struct api_type api_t_meta_v1_ObjectMeta = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
	.fields = ObjectMeta_fields,
	.n_fields = ARRAY_SIZE(ObjectMeta_fields),
	.help = "What every stored object has.",
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
	{"selfLink", API_STRING, .pb = 1, .help = "Not used any more."},
	{"resourceVersion", API_STRING, .pb = 2,
	 .help = "Opaque version of the object for watches and safe updates."},
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
	.help = "What every list has.",
};

static const struct api_field StatusCause_fields[] = {
	{"reason", API_STRING, .pb = 1, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 2, .help = "Why, for people."},
	{"field", API_STRING, .pb = 3, .help = "Field of this status cause."},
};

const struct api_type api_t_meta_v1_StatusCause = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.StatusCause",
	.fields = StatusCause_fields,
	.n_fields = ARRAY_SIZE(StatusCause_fields),
	.help = "Status cause.",
};

static const struct api_field StatusDetails_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Its name."},
	{"group", API_STRING, .pb = 2, .help = "Group of this status details."},
	{"kind", API_STRING, .pb = 3, .help = "Kind of this status details."},
	{"uid", API_STRING, .pb = 6,
	 .help = "Unique identity in time and space, given by the server."},
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
	 .help = "Name, labels and the like."},
	{"status", API_STRING, .pb = 2, .help = "What is observed."},
	{"message", API_STRING, .pb = 3, .help = "Why, for people."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"details", API_OBJECT, .pb = 5, .flags = API_PTR, .ref = &api_t_meta_v1_StatusDetails,
	 .help = "Details of this status."},
	{"code", API_INT32, .pb = 6, .help = "Code of this status."},
};

const struct api_type api_t_meta_v1_Status = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
	.fields = Status_fields,
	.n_fields = ARRAY_SIZE(Status_fields),
	.help = "The outcome of a request.",
};

static const struct api_field Preconditions_fields[] = {
	{"uid", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Unique identity in time and space, given by the server."},
	{"resourceVersion", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Opaque version of the object for watches and safe updates."},
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
	.help = "How an object is to be deleted.",
};

static const struct api_field LabelSelectorRequirement_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"operator", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How the values are compared."},
	{"values", API_STRING, API_LIST, .pb = 3, .help = "Values to compare with."},
};

const struct api_type api_t_meta_v1_LabelSelectorRequirement = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
	.fields = LabelSelectorRequirement_fields,
	.n_fields = ARRAY_SIZE(LabelSelectorRequirement_fields),
	.help = "Label selector requirement.",
};

static const struct api_field LabelSelector_fields[] = {
	{"matchLabels", API_STRING, API_MAP, .pb = 1,
	 .help = "Labels that must be there with these values."},
	{"matchExpressions", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_meta_v1_LabelSelectorRequirement,
	 .help = "Conditions on labels; all must hold."},
};

const struct api_type api_t_meta_v1_LabelSelector = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
	.fields = LabelSelector_fields,
	.n_fields = ARRAY_SIZE(LabelSelector_fields),
	.flags = API_WHOLE,
	.help = "A condition on labels.",
};

static const struct api_field Condition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"observedGeneration", API_INT64, .pb = 3, .help = "Generation the status belongs to."},
	{"lastTransitionTime", API_TIME, .pb = 4, .flags = API_REQUIRED,
	 .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 5, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Why, as one word."},
	{"message", API_STRING, .pb = 6, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Why, for people."},
};

const struct api_type api_t_meta_v1_Condition = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.Condition",
	.fields = Condition_fields,
	.n_fields = ARRAY_SIZE(Condition_fields),
	.help = "Condition.",
};

static const struct api_field FieldSelectorRequirement_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"operator", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How the values are compared."},
	{"values", API_STRING, API_LIST, .pb = 3, .help = "Values to compare with."},
};

const struct api_type api_t_meta_v1_FieldSelectorRequirement = {
	.name = "io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement",
	.fields = FieldSelectorRequirement_fields,
	.n_fields = ARRAY_SIZE(FieldSelectorRequirement_fields),
	.help = "Field selector requirement.",
};
