/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_DeploymentStrategyType[] = {"Recreate", "RollingUpdate", NULL};

static const char *const enum_StatefulSetUpdateStrategyType[] = {"OnDelete", "Recreate",
								 "RollingUpdate", NULL};

static const char *const enum_PodManagementPolicyType[] = {"OrderedReady", "Parallel", NULL};

static const char *const enum_DaemonSetUpdateStrategyType[] = {"OnDelete", "RollingUpdate", NULL};

static const struct api_field RollingUpdateDeployment_fields[] = {
	{"maxUnavailable", API_INT_OR_STRING, .pb = 1, .flags = API_PTR, .def = "\"25%\"",
	 .help = "How many pods may be missing during an update."},
	{"maxSurge", API_INT_OR_STRING, .pb = 2, .flags = API_PTR, .def = "\"25%\"",
	 .help = "How many pods there may be above the wanted number."},
};

const struct api_type api_t_apps_v1_RollingUpdateDeployment = {
	.name = "io.k8s.api.apps.v1.RollingUpdateDeployment",
	.fields = RollingUpdateDeployment_fields,
	.n_fields = ARRAY_SIZE(RollingUpdateDeployment_fields),
	.help = "Rolling update deployment.",
};

static const struct api_field DeploymentStrategy_fields[] = {
	{"type", API_STRING, .pb = 1, .def = "\"RollingUpdate\"",
	 .enums = enum_DeploymentStrategyType, .help = "Which type it is."},
	{"rollingUpdate", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_apps_v1_RollingUpdateDeployment,
	 .help = "Rolling update of this deployment strategy."},
};

const struct api_type api_t_apps_v1_DeploymentStrategy = {
	.name = "io.k8s.api.apps.v1.DeploymentStrategy",
	.fields = DeploymentStrategy_fields,
	.n_fields = ARRAY_SIZE(DeploymentStrategy_fields),
	.help = "How pods are replaced.",
	.defaults = default_deployment_strategy,
};

static const struct api_field DeploymentSpec_fields[] = {
	{"replicas", API_INT32, .pb = 1, .flags = API_PTR, .def = "1", .help = "How many pods."},
	{"selector", API_OBJECT, .pb = 2, .flags = API_REQUIRED | API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .help = "Labels of its pods; cannot be changed."},
	{"template", API_OBJECT, .pb = 3, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_PodTemplateSpec, .help = "What the pods look like."},
	{"strategy", API_OBJECT, .pb = 4, .flags = API_RETAIN_KEYS,
	 .ref = &api_t_apps_v1_DeploymentStrategy, .def = "{}",
	 .help = "How old pods are replaced by new ones."},
	{"minReadySeconds", API_INT32, .pb = 5,
	 .help = "Seconds a new pod must be ready to count as available."},
	{"revisionHistoryLimit", API_INT32, .pb = 6, .flags = API_PTR, .def = "10",
	 .help = "How many old revisions are kept."},
	{"paused", API_BOOL, .pb = 7, .help = "Do not roll out changes for now."},
	{"progressDeadlineSeconds", API_INT32, .pb = 9, .flags = API_PTR, .def = "600",
	 .help = "Seconds without progress until the rollout counts as failed."},
};

const struct api_type api_t_apps_v1_DeploymentSpec = {
	.name = "io.k8s.api.apps.v1.DeploymentSpec",
	.fields = DeploymentSpec_fields,
	.n_fields = ARRAY_SIZE(DeploymentSpec_fields),
	.help = "What a deployment is to run.",
};

static const struct api_field DeploymentCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_KEEP_EMPTY, .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_KEEP_EMPTY, .help = "What is observed."},
	{"lastUpdateTime", API_TIME, .pb = 6, .help = "When it was last written."},
	{"lastTransitionTime", API_TIME, .pb = 7, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
};

const struct api_type api_t_apps_v1_DeploymentCondition = {
	.name = "io.k8s.api.apps.v1.DeploymentCondition",
	.fields = DeploymentCondition_fields,
	.n_fields = ARRAY_SIZE(DeploymentCondition_fields),
	.help = "Deployment condition.",
};

static const struct api_field DeploymentStatus_fields[] = {
	{"observedGeneration", API_INT64, .pb = 1, .help = "Generation the status belongs to."},
	{"replicas", API_INT32, .pb = 2, .help = "How many pods."},
	{"updatedReplicas", API_INT32, .pb = 3, .help = "Pods of the newest template."},
	{"readyReplicas", API_INT32, .pb = 7, .help = "Pods that are ready."},
	{"availableReplicas", API_INT32, .pb = 4,
	 .help = "Pods that have been ready for long enough."},
	{"unavailableReplicas", API_INT32, .pb = 5, .help = "Pods still missing."},
	{"terminatingReplicas", API_INT32, .pb = 9, .flags = API_PTR,
	 .help = "Terminating replicas of this deployment status."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 6, .flags = API_MERGE,
	 .ref = &api_t_apps_v1_DeploymentCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
	{"collisionCount", API_INT32, .pb = 8, .flags = API_PTR,
	 .help = "Collision count of this deployment status."},
};

const struct api_type api_t_apps_v1_DeploymentStatus = {
	.name = "io.k8s.api.apps.v1.DeploymentStatus",
	.fields = DeploymentStatus_fields,
	.n_fields = ARRAY_SIZE(DeploymentStatus_fields),
	.help = "Deployment status.",
};

static const struct api_field Deployment_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_apps_v1_DeploymentSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_apps_v1_DeploymentStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_apps_v1_Deployment = {
	.name = "io.k8s.api.apps.v1.Deployment",
	.fields = Deployment_fields,
	.n_fields = ARRAY_SIZE(Deployment_fields),
	.help = "Deployment.",
};

static const struct api_field ReplicaSetSpec_fields[] = {
	{"replicas", API_INT32, .pb = 1, .flags = API_PTR, .def = "1", .help = "How many pods."},
	{"minReadySeconds", API_INT32, .pb = 4,
	 .help = "Seconds a new pod must be ready to count as available."},
	{"selector", API_OBJECT, .pb = 2, .flags = API_REQUIRED | API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .help = "Selector of this replica set spec."},
	{"template", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_PodTemplateSpec,
	 .help = "What the pods look like."},
};

const struct api_type api_t_apps_v1_ReplicaSetSpec = {
	.name = "io.k8s.api.apps.v1.ReplicaSetSpec",
	.fields = ReplicaSetSpec_fields,
	.n_fields = ARRAY_SIZE(ReplicaSetSpec_fields),
	.help = "Replica set spec.",
};

static const struct api_field ReplicaSetCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_KEEP_EMPTY, .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_KEEP_EMPTY, .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
};

const struct api_type api_t_apps_v1_ReplicaSetCondition = {
	.name = "io.k8s.api.apps.v1.ReplicaSetCondition",
	.fields = ReplicaSetCondition_fields,
	.n_fields = ARRAY_SIZE(ReplicaSetCondition_fields),
	.help = "Replica set condition.",
};

static const struct api_field ReplicaSetStatus_fields[] = {
	{"replicas", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How many pods."},
	{"fullyLabeledReplicas", API_INT32, .pb = 2,
	 .help = "Fully labeled replicas of this replica set status."},
	{"readyReplicas", API_INT32, .pb = 4, .help = "Pods that are ready."},
	{"availableReplicas", API_INT32, .pb = 5,
	 .help = "Pods that have been ready for long enough."},
	{"terminatingReplicas", API_INT32, .pb = 7, .flags = API_PTR,
	 .help = "Terminating replicas of this replica set status."},
	{"observedGeneration", API_INT64, .pb = 3, .help = "Generation the status belongs to."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 6, .flags = API_MERGE,
	 .ref = &api_t_apps_v1_ReplicaSetCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_apps_v1_ReplicaSetStatus = {
	.name = "io.k8s.api.apps.v1.ReplicaSetStatus",
	.fields = ReplicaSetStatus_fields,
	.n_fields = ARRAY_SIZE(ReplicaSetStatus_fields),
	.help = "Replica set status.",
};

static const struct api_field ReplicaSet_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_apps_v1_ReplicaSetSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_apps_v1_ReplicaSetStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_apps_v1_ReplicaSet = {
	.name = "io.k8s.api.apps.v1.ReplicaSet",
	.fields = ReplicaSet_fields,
	.n_fields = ARRAY_SIZE(ReplicaSet_fields),
	.help = "Replica set.",
};

static const struct api_field RollingUpdateStatefulSetStrategy_fields[] = {
	{"partition", API_INT32, .pb = 1, .flags = API_PTR, .def = "0",
	 .help = "Partition of this rolling update stateful set strategy."},
	{"maxUnavailable", API_INT_OR_STRING, .pb = 2, .flags = API_PTR,
	 .help = "How many pods may be missing during an update."},
};

const struct api_type api_t_apps_v1_RollingUpdateStatefulSetStrategy = {
	.name = "io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy",
	.fields = RollingUpdateStatefulSetStrategy_fields,
	.n_fields = ARRAY_SIZE(RollingUpdateStatefulSetStrategy_fields),
	.help = "Rolling update stateful set strategy.",
};

static const struct api_field StatefulSetUpdateStrategy_fields[] = {
	{"type", API_STRING, .pb = 1, .def = "\"RollingUpdate\"",
	 .enums = enum_StatefulSetUpdateStrategyType, .help = "Which type it is."},
	{"rollingUpdate", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_apps_v1_RollingUpdateStatefulSetStrategy,
	 .help = "Rolling update of this stateful set update strategy."},
};

const struct api_type api_t_apps_v1_StatefulSetUpdateStrategy = {
	.name = "io.k8s.api.apps.v1.StatefulSetUpdateStrategy",
	.fields = StatefulSetUpdateStrategy_fields,
	.n_fields = ARRAY_SIZE(StatefulSetUpdateStrategy_fields),
	.help = "Stateful set update strategy.",
	.defaults = default_rolling_update,
};

static const struct api_field StatefulSetPersistentVolumeClaimRetentionPolicy_fields[] = {
	{"whenDeleted", API_STRING, .pb = 1, .def = "\"Retain\"",
	 .help = "When deleted of this stateful set persistent volume claim retention policy."},
	{"whenScaled", API_STRING, .pb = 2, .def = "\"Retain\"",
	 .help = "When scaled of this stateful set persistent volume claim retention policy."},
};

const struct api_type api_t_apps_v1_StatefulSetPersistentVolumeClaimRetentionPolicy = {
	.name = "io.k8s.api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
	.fields = StatefulSetPersistentVolumeClaimRetentionPolicy_fields,
	.n_fields = ARRAY_SIZE(StatefulSetPersistentVolumeClaimRetentionPolicy_fields),
	.help = "Stateful set persistent volume claim retention policy.",
};

static const struct api_field StatefulSetOrdinals_fields[] = {
	{"start", API_INT32, .pb = 1, .flags = API_KEEP_EMPTY,
	 .help = "Start of this stateful set ordinals."},
};

const struct api_type api_t_apps_v1_StatefulSetOrdinals = {
	.name = "io.k8s.api.apps.v1.StatefulSetOrdinals",
	.fields = StatefulSetOrdinals_fields,
	.n_fields = ARRAY_SIZE(StatefulSetOrdinals_fields),
	.help = "Stateful set ordinals.",
};

static const struct api_field StatefulSetSpec_fields[] = {
	{"replicas", API_INT32, .pb = 1, .flags = API_PTR, .def = "1", .help = "How many pods."},
	{"selector", API_OBJECT, .pb = 2, .flags = API_REQUIRED | API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .help = "Selector of this stateful set spec."},
	{"template", API_OBJECT, .pb = 3, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_PodTemplateSpec, .help = "What the pods look like."},
	{"volumeClaimTemplates", API_OBJECT, API_LIST, .pb = 4,
	 .ref = &api_t_core_v1_PersistentVolumeClaim,
	 .help = "The volume claim templates of this stateful set spec."},
	{"serviceName", API_STRING, .pb = 5, .flags = API_KEEP_EMPTY,
	 .help = "Service name of this stateful set spec."},
	{"podManagementPolicy", API_STRING, .pb = 6, .def = "\"OrderedReady\"",
	 .enums = enum_PodManagementPolicyType,
	 .help = "Pod management policy of this stateful set spec."},
	{"updateStrategy", API_OBJECT, .pb = 7, .ref = &api_t_apps_v1_StatefulSetUpdateStrategy,
	 .def = "{}", .help = "Update strategy of this stateful set spec."},
	{"revisionHistoryLimit", API_INT32, .pb = 8, .flags = API_PTR, .def = "10",
	 .help = "How many old revisions are kept."},
	{"minReadySeconds", API_INT32, .pb = 9,
	 .help = "Seconds a new pod must be ready to count as available."},
	{"persistentVolumeClaimRetentionPolicy", API_OBJECT, .pb = 10, .flags = API_PTR,
	 .ref = &api_t_apps_v1_StatefulSetPersistentVolumeClaimRetentionPolicy, .def = "{}",
	 .help = "Persistent volume claim retention policy of this stateful set spec."},
	{"ordinals", API_OBJECT, .pb = 11, .flags = API_PTR,
	 .ref = &api_t_apps_v1_StatefulSetOrdinals, .help = "Ordinals of this stateful set spec."},
};

const struct api_type api_t_apps_v1_StatefulSetSpec = {
	.name = "io.k8s.api.apps.v1.StatefulSetSpec",
	.fields = StatefulSetSpec_fields,
	.n_fields = ARRAY_SIZE(StatefulSetSpec_fields),
	.help = "Stateful set spec.",
	.defaults = default_stateful_set_spec,
};

static const struct api_field StatefulSetCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_KEEP_EMPTY, .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_KEEP_EMPTY, .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
};

const struct api_type api_t_apps_v1_StatefulSetCondition = {
	.name = "io.k8s.api.apps.v1.StatefulSetCondition",
	.fields = StatefulSetCondition_fields,
	.n_fields = ARRAY_SIZE(StatefulSetCondition_fields),
	.help = "Stateful set condition.",
};

static const struct api_field StatefulSetStatus_fields[] = {
	{"observedGeneration", API_INT64, .pb = 1, .help = "Generation the status belongs to."},
	{"replicas", API_INT32, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How many pods."},
	{"readyReplicas", API_INT32, .pb = 3, .help = "Pods that are ready."},
	{"currentReplicas", API_INT32, .pb = 4,
	 .help = "Current replicas of this stateful set status."},
	{"updatedReplicas", API_INT32, .pb = 5, .help = "Pods of the newest template."},
	{"currentRevision", API_STRING, .pb = 6,
	 .help = "Current revision of this stateful set status."},
	{"updateRevision", API_STRING, .pb = 7,
	 .help = "Update revision of this stateful set status."},
	{"collisionCount", API_INT32, .pb = 9, .flags = API_PTR,
	 .help = "Collision count of this stateful set status."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 10, .flags = API_MERGE,
	 .ref = &api_t_apps_v1_StatefulSetCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
	{"availableReplicas", API_INT32, .pb = 11, .flags = API_KEEP_EMPTY,
	 .help = "Pods that have been ready for long enough."},
};

const struct api_type api_t_apps_v1_StatefulSetStatus = {
	.name = "io.k8s.api.apps.v1.StatefulSetStatus",
	.fields = StatefulSetStatus_fields,
	.n_fields = ARRAY_SIZE(StatefulSetStatus_fields),
	.help = "Stateful set status.",
};

static const struct api_field StatefulSet_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_apps_v1_StatefulSetSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_apps_v1_StatefulSetStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_apps_v1_StatefulSet = {
	.name = "io.k8s.api.apps.v1.StatefulSet",
	.fields = StatefulSet_fields,
	.n_fields = ARRAY_SIZE(StatefulSet_fields),
	.help = "Stateful set.",
};

static const struct api_field RollingUpdateDaemonSet_fields[] = {
	{"maxUnavailable", API_INT_OR_STRING, .pb = 1, .flags = API_PTR, .def = "1",
	 .help = "How many pods may be missing during an update."},
	{"maxSurge", API_INT_OR_STRING, .pb = 2, .flags = API_PTR, .def = "0",
	 .help = "How many pods there may be above the wanted number."},
};

const struct api_type api_t_apps_v1_RollingUpdateDaemonSet = {
	.name = "io.k8s.api.apps.v1.RollingUpdateDaemonSet",
	.fields = RollingUpdateDaemonSet_fields,
	.n_fields = ARRAY_SIZE(RollingUpdateDaemonSet_fields),
	.help = "Rolling update daemon set.",
};

static const struct api_field DaemonSetUpdateStrategy_fields[] = {
	{"type", API_STRING, .pb = 1, .def = "\"RollingUpdate\"",
	 .enums = enum_DaemonSetUpdateStrategyType, .help = "Which type it is."},
	{"rollingUpdate", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_apps_v1_RollingUpdateDaemonSet,
	 .help = "Rolling update of this daemon set update strategy."},
};

const struct api_type api_t_apps_v1_DaemonSetUpdateStrategy = {
	.name = "io.k8s.api.apps.v1.DaemonSetUpdateStrategy",
	.fields = DaemonSetUpdateStrategy_fields,
	.n_fields = ARRAY_SIZE(DaemonSetUpdateStrategy_fields),
	.help = "Daemon set update strategy.",
	.defaults = default_rolling_update,
};

static const struct api_field DaemonSetSpec_fields[] = {
	{"selector", API_OBJECT, .pb = 1, .flags = API_REQUIRED | API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .help = "Selector of this daemon set spec."},
	{"template", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_PodTemplateSpec, .help = "What the pods look like."},
	{"updateStrategy", API_OBJECT, .pb = 3, .ref = &api_t_apps_v1_DaemonSetUpdateStrategy,
	 .def = "{}", .help = "Update strategy of this daemon set spec."},
	{"minReadySeconds", API_INT32, .pb = 4,
	 .help = "Seconds a new pod must be ready to count as available."},
	{"revisionHistoryLimit", API_INT32, .pb = 6, .flags = API_PTR, .def = "10",
	 .help = "How many old revisions are kept."},
};

const struct api_type api_t_apps_v1_DaemonSetSpec = {
	.name = "io.k8s.api.apps.v1.DaemonSetSpec",
	.fields = DaemonSetSpec_fields,
	.n_fields = ARRAY_SIZE(DaemonSetSpec_fields),
	.help = "Daemon set spec.",
};

static const struct api_field DaemonSetCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_KEEP_EMPTY, .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_KEEP_EMPTY, .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
};

const struct api_type api_t_apps_v1_DaemonSetCondition = {
	.name = "io.k8s.api.apps.v1.DaemonSetCondition",
	.fields = DaemonSetCondition_fields,
	.n_fields = ARRAY_SIZE(DaemonSetCondition_fields),
	.help = "Daemon set condition.",
};

static const struct api_field DaemonSetStatus_fields[] = {
	{"currentNumberScheduled", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Current number scheduled of this daemon set status."},
	{"numberMisscheduled", API_INT32, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Number misscheduled of this daemon set status."},
	{"desiredNumberScheduled", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Desired number scheduled of this daemon set status."},
	{"numberReady", API_INT32, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Number ready of this daemon set status."},
	{"observedGeneration", API_INT64, .pb = 5, .help = "Generation the status belongs to."},
	{"updatedNumberScheduled", API_INT32, .pb = 6,
	 .help = "Updated number scheduled of this daemon set status."},
	{"numberAvailable", API_INT32, .pb = 7,
	 .help = "Number available of this daemon set status."},
	{"numberUnavailable", API_INT32, .pb = 8,
	 .help = "Number unavailable of this daemon set status."},
	{"collisionCount", API_INT32, .pb = 9, .flags = API_PTR,
	 .help = "Collision count of this daemon set status."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 10, .flags = API_MERGE,
	 .ref = &api_t_apps_v1_DaemonSetCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_apps_v1_DaemonSetStatus = {
	.name = "io.k8s.api.apps.v1.DaemonSetStatus",
	.fields = DaemonSetStatus_fields,
	.n_fields = ARRAY_SIZE(DaemonSetStatus_fields),
	.help = "Daemon set status.",
};

static const struct api_field DaemonSet_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_apps_v1_DaemonSetSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_apps_v1_DaemonSetStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_apps_v1_DaemonSet = {
	.name = "io.k8s.api.apps.v1.DaemonSet",
	.fields = DaemonSet_fields,
	.n_fields = ARRAY_SIZE(DaemonSet_fields),
	.help = "Daemon set.",
};

static const struct api_field ControllerRevision_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"data", API_ANY, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Keys and values."},
	{"revision", API_INT64, .pb = 3, .flags = API_KEEP_EMPTY,
	 .help = "Revision of this controller revision."},
};

const struct api_type api_t_apps_v1_ControllerRevision = {
	.name = "io.k8s.api.apps.v1.ControllerRevision",
	.fields = ControllerRevision_fields,
	.n_fields = ARRAY_SIZE(ControllerRevision_fields),
	.help = "Controller revision.",
};
