/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const char *const enum_UnhealthyPodEvictionPolicyType[] = {"AlwaysAllow", "IfHealthyBudget",
								  NULL};

static const struct api_field Eviction_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"deleteOptions", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_meta_v1_DeleteOptions, .help = "Delete options of this eviction."},
};

const struct api_type api_t_policy_v1_Eviction = {
	.name = "io.k8s.api.policy.v1.Eviction",
	.fields = Eviction_fields,
	.n_fields = ARRAY_SIZE(Eviction_fields),
	.help = "Eviction.",
};

static const struct api_field PodDisruptionBudgetSpec_fields[] = {
	{"minAvailable", API_INT_OR_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Min available of this pod disruption budget spec."},
	{"selector", API_OBJECT, .pb = 2, .flags = API_PTR | API_REPLACE,
	 .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Selector of this pod disruption budget spec."},
	{"maxUnavailable", API_INT_OR_STRING, .pb = 3, .flags = API_PTR,
	 .help = "How many pods may be missing during an update."},
	{"unhealthyPodEvictionPolicy", API_STRING, .pb = 4, .flags = API_PTR,
	 .enums = enum_UnhealthyPodEvictionPolicyType,
	 .help = "Unhealthy pod eviction policy of this pod disruption budget spec."},
};

const struct api_type api_t_policy_v1_PodDisruptionBudgetSpec = {
	.name = "io.k8s.api.policy.v1.PodDisruptionBudgetSpec",
	.fields = PodDisruptionBudgetSpec_fields,
	.n_fields = ARRAY_SIZE(PodDisruptionBudgetSpec_fields),
	.help = "Pod disruption budget spec.",
};

static const struct api_field PodDisruptionBudgetStatus_fields[] = {
	{"observedGeneration", API_INT64, .pb = 1, .help = "Generation the status belongs to."},
	{"disruptedPods", API_TIME, API_MAP, .pb = 2,
	 .help = "Disrupted pods of this pod disruption budget status."},
	{"disruptionsAllowed", API_INT32, .pb = 3, .flags = API_KEEP_EMPTY,
	 .help = "Disruptions allowed of this pod disruption budget status."},
	{"currentHealthy", API_INT32, .pb = 4, .flags = API_KEEP_EMPTY,
	 .help = "Current healthy of this pod disruption budget status."},
	{"desiredHealthy", API_INT32, .pb = 5, .flags = API_KEEP_EMPTY,
	 .help = "Desired healthy of this pod disruption budget status."},
	{"expectedPods", API_INT32, .pb = 6, .flags = API_KEEP_EMPTY,
	 .help = "Expected pods of this pod disruption budget status."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 7, .flags = API_MERGE,
	 .ref = &api_t_meta_v1_Condition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_policy_v1_PodDisruptionBudgetStatus = {
	.name = "io.k8s.api.policy.v1.PodDisruptionBudgetStatus",
	.fields = PodDisruptionBudgetStatus_fields,
	.n_fields = ARRAY_SIZE(PodDisruptionBudgetStatus_fields),
	.help = "Pod disruption budget status.",
};

static const struct api_field PodDisruptionBudget_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_policy_v1_PodDisruptionBudgetSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_policy_v1_PodDisruptionBudgetStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_policy_v1_PodDisruptionBudget = {
	.name = "io.k8s.api.policy.v1.PodDisruptionBudget",
	.fields = PodDisruptionBudget_fields,
	.n_fields = ARRAY_SIZE(PodDisruptionBudget_fields),
	.help = "Pod disruption budget.",
};
