/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field ScaleSpec_fields[] = {
	{"replicas", API_INT32, .pb = 1, .help = "How many pods."},
};

const struct api_type api_t_autoscaling_v1_ScaleSpec = {
	.name = "io.k8s.api.autoscaling.v1.ScaleSpec",
	.fields = ScaleSpec_fields,
	.n_fields = ARRAY_SIZE(ScaleSpec_fields),
	.help = "Scale spec.",
};

static const struct api_field ScaleStatus_fields[] = {
	{"replicas", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How many pods."},
	{"selector", API_STRING, .pb = 2, .help = "Selector of this scale status."},
};

const struct api_type api_t_autoscaling_v1_ScaleStatus = {
	.name = "io.k8s.api.autoscaling.v1.ScaleStatus",
	.fields = ScaleStatus_fields,
	.n_fields = ARRAY_SIZE(ScaleStatus_fields),
	.help = "Scale status.",
};

static const struct api_field Scale_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_autoscaling_v1_ScaleSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_autoscaling_v1_ScaleStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_autoscaling_v1_Scale = {
	.name = "io.k8s.api.autoscaling.v1.Scale",
	.fields = Scale_fields,
	.n_fields = ARRAY_SIZE(Scale_fields),
	.help = "Scale.",
};

static const struct api_field CrossVersionObjectReference_fields[] = {
	{"kind", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kind of this cross version object reference."},
	{"name", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"apiVersion", API_STRING, .pb = 3, .help = "Group and version of the object's form."},
};

const struct api_type api_t_autoscaling_v1_CrossVersionObjectReference = {
	.name = "io.k8s.api.autoscaling.v1.CrossVersionObjectReference",
	.fields = CrossVersionObjectReference_fields,
	.n_fields = ARRAY_SIZE(CrossVersionObjectReference_fields),
	.flags = API_WHOLE,
	.help = "Cross version object reference.",
};

static const struct api_field HorizontalPodAutoscalerSpec_fields[] = {
	{"scaleTargetRef", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v1_CrossVersionObjectReference,
	 .help = "Scale target ref of this horizontal pod autoscaler spec."},
	{"minReplicas", API_INT32, .pb = 2, .flags = API_PTR, .def = "1",
	 .help = "Min replicas of this horizontal pod autoscaler spec."},
	{"maxReplicas", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Max replicas of this horizontal pod autoscaler spec."},
	{"targetCPUUtilizationPercentage", API_INT32, .pb = 4, .flags = API_PTR,
	 .help = "Target CPU utilization percentage of this horizontal pod autoscaler spec."},
};

const struct api_type api_t_autoscaling_v1_HorizontalPodAutoscalerSpec = {
	.name = "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec",
	.fields = HorizontalPodAutoscalerSpec_fields,
	.n_fields = ARRAY_SIZE(HorizontalPodAutoscalerSpec_fields),
	.help = "Horizontal pod autoscaler spec.",
};

static const struct api_field HorizontalPodAutoscalerStatus_fields[] = {
	{"observedGeneration", API_INT64, .pb = 1, .flags = API_PTR,
	 .help = "Generation the status belongs to."},
	{"lastScaleTime", API_TIME, .pb = 2, .flags = API_PTR,
	 .help = "Last scale time of this horizontal pod autoscaler status."},
	{"currentReplicas", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Current replicas of this horizontal pod autoscaler status."},
	{"desiredReplicas", API_INT32, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Desired replicas of this horizontal pod autoscaler status."},
	{"currentCPUUtilizationPercentage", API_INT32, .pb = 5, .flags = API_PTR,
	 .help = "Current CPU utilization percentage of this horizontal pod autoscaler status."},
};

const struct api_type api_t_autoscaling_v1_HorizontalPodAutoscalerStatus = {
	.name = "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerStatus",
	.fields = HorizontalPodAutoscalerStatus_fields,
	.n_fields = ARRAY_SIZE(HorizontalPodAutoscalerStatus_fields),
	.help = "Horizontal pod autoscaler status.",
};

static const struct api_field HorizontalPodAutoscaler_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v1_HorizontalPodAutoscalerSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_autoscaling_v1_HorizontalPodAutoscalerStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_autoscaling_v1_HorizontalPodAutoscaler = {
	.name = "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
	.fields = HorizontalPodAutoscaler_fields,
	.n_fields = ARRAY_SIZE(HorizontalPodAutoscaler_fields),
	.help = "Horizontal pod autoscaler.",
};
