/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const struct api_field CrossVersionObjectReference_fields[] = {
	{"kind", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What kind of object this is."},
	{"name", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"apiVersion", API_STRING, .pb = 3, .help = "Group and version of this object's form."},
};

const struct api_type api_t_autoscaling_v2_CrossVersionObjectReference = {
	.name = "io.k8s.api.autoscaling.v2.CrossVersionObjectReference",
	.fields = CrossVersionObjectReference_fields,
	.n_fields = ARRAY_SIZE(CrossVersionObjectReference_fields),
	.help = "Cross version object reference.",
};

static const struct api_field MetricTarget_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"value", API_QUANTITY, .pb = 2, .flags = API_PTR, .help = "The value."},
	{"averageValue", API_QUANTITY, .pb = 3, .flags = API_PTR,
	 .help = "The average over the pods, as a quantity."},
	{"averageUtilization", API_INT32, .pb = 4, .flags = API_PTR,
	 .help = "The average over the pods, in percent of what they request."},
};

const struct api_type api_t_autoscaling_v2_MetricTarget = {
	.name = "io.k8s.api.autoscaling.v2.MetricTarget",
	.fields = MetricTarget_fields,
	.n_fields = ARRAY_SIZE(MetricTarget_fields),
	.help = "Metric target.",
};

static const struct api_field MetricIdentifier_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"selector", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Which objects are meant."},
};

const struct api_type api_t_autoscaling_v2_MetricIdentifier = {
	.name = "io.k8s.api.autoscaling.v2.MetricIdentifier",
	.fields = MetricIdentifier_fields,
	.n_fields = ARRAY_SIZE(MetricIdentifier_fields),
	.help = "Metric identifier.",
};

static const struct api_field ObjectMetricSource_fields[] = {
	{"describedObject", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_CrossVersionObjectReference,
	 .help = "The object that is measured."},
	{"target", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricTarget, .help = "The value that is wanted."},
	{"metric", API_OBJECT, .pb = 3, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricIdentifier, .help = "What is measured."},
};

const struct api_type api_t_autoscaling_v2_ObjectMetricSource = {
	.name = "io.k8s.api.autoscaling.v2.ObjectMetricSource",
	.fields = ObjectMetricSource_fields,
	.n_fields = ARRAY_SIZE(ObjectMetricSource_fields),
	.help = "Object metric source.",
};

static const struct api_field PodsMetricSource_fields[] = {
	{"metric", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricIdentifier, .help = "What is measured."},
	{"target", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricTarget, .help = "The value that is wanted."},
};

const struct api_type api_t_autoscaling_v2_PodsMetricSource = {
	.name = "io.k8s.api.autoscaling.v2.PodsMetricSource",
	.fields = PodsMetricSource_fields,
	.n_fields = ARRAY_SIZE(PodsMetricSource_fields),
	.help = "Pods metric source.",
};

static const struct api_field ResourceMetricSource_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"target", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricTarget, .help = "The value that is wanted."},
};

const struct api_type api_t_autoscaling_v2_ResourceMetricSource = {
	.name = "io.k8s.api.autoscaling.v2.ResourceMetricSource",
	.fields = ResourceMetricSource_fields,
	.n_fields = ARRAY_SIZE(ResourceMetricSource_fields),
	.help = "Resource metric source.",
};

static const struct api_field ContainerResourceMetricSource_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"target", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricTarget, .help = "The value that is wanted."},
	{"container", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the container."},
};

const struct api_type api_t_autoscaling_v2_ContainerResourceMetricSource = {
	.name = "io.k8s.api.autoscaling.v2.ContainerResourceMetricSource",
	.fields = ContainerResourceMetricSource_fields,
	.n_fields = ARRAY_SIZE(ContainerResourceMetricSource_fields),
	.help = "Container resource metric source.",
};

static const struct api_field ExternalMetricSource_fields[] = {
	{"metric", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricIdentifier, .help = "What is measured."},
	{"target", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricTarget, .help = "The value that is wanted."},
};

const struct api_type api_t_autoscaling_v2_ExternalMetricSource = {
	.name = "io.k8s.api.autoscaling.v2.ExternalMetricSource",
	.fields = ExternalMetricSource_fields,
	.n_fields = ARRAY_SIZE(ExternalMetricSource_fields),
	.help = "External metric source.",
};

static const struct api_field MetricSpec_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"object", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_ObjectMetricSource, .help = "One object that is measured."},
	{"pods", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_PodsMetricSource, .help = "An average over the pods."},
	{"resource", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_ResourceMetricSource, .help = "The resource."},
	{"containerResource", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_ContainerResourceMetricSource,
	 .help = "A resource of one container of the pods."},
	{"external", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_ExternalMetricSource,
	 .help = "Something measured outside the cluster."},
};

const struct api_type api_t_autoscaling_v2_MetricSpec = {
	.name = "io.k8s.api.autoscaling.v2.MetricSpec",
	.fields = MetricSpec_fields,
	.n_fields = ARRAY_SIZE(MetricSpec_fields),
	.help = "Metric spec.",
};

static const struct api_field HPAScalingPolicy_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"value", API_INT32, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The value."},
	{"periodSeconds", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "In which time."},
};

const struct api_type api_t_autoscaling_v2_HPAScalingPolicy = {
	.name = "io.k8s.api.autoscaling.v2.HPAScalingPolicy",
	.fields = HPAScalingPolicy_fields,
	.n_fields = ARRAY_SIZE(HPAScalingPolicy_fields),
	.help = "Hpascaling policy.",
};

static const struct api_field HPAScalingRules_fields[] = {
	{"stabilizationWindowSeconds", API_INT32, .pb = 3, .flags = API_PTR,
	 .help = "How far back to look before it changes."},
	{"selectPolicy", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Which policy counts: Max, Min or Disabled."},
	{"policies", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_autoscaling_v2_HPAScalingPolicy,
	 .help = "How much may change in which time."},
	{"tolerance", API_QUANTITY, .pb = 4, .flags = API_PTR,
	 .help = "How far off the target nothing happens."},
};

const struct api_type api_t_autoscaling_v2_HPAScalingRules = {
	.name = "io.k8s.api.autoscaling.v2.HPAScalingRules",
	.fields = HPAScalingRules_fields,
	.n_fields = ARRAY_SIZE(HPAScalingRules_fields),
	.help = "Hpascaling rules.",
};

static const struct api_field HorizontalPodAutoscalerBehavior_fields[] = {
	{"scaleUp", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_HPAScalingRules, .help = "How fast it may grow."},
	{"scaleDown", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_HPAScalingRules, .help = "How fast it may shrink."},
};

const struct api_type api_t_autoscaling_v2_HorizontalPodAutoscalerBehavior = {
	.name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior",
	.fields = HorizontalPodAutoscalerBehavior_fields,
	.n_fields = ARRAY_SIZE(HorizontalPodAutoscalerBehavior_fields),
	.help = "Horizontal pod autoscaler behavior.",
};

static const struct api_field HorizontalPodAutoscalerSpec_fields[] = {
	{"scaleTargetRef", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_CrossVersionObjectReference, .help = "What is scaled."},
	{"minReplicas", API_INT32, .pb = 2, .flags = API_PTR, .def = "1",
	 .help = "The fewest pods."},
	{"maxReplicas", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The most pods."},
	{"metrics", API_OBJECT, API_LIST, .pb = 4, .ref = &api_t_autoscaling_v2_MetricSpec,
	 .help = "What the number of pods follows."},
	{"behavior", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_HorizontalPodAutoscalerBehavior,
	 .help = "How fast the number of pods may change."},
};

const struct api_type api_t_autoscaling_v2_HorizontalPodAutoscalerSpec = {
	.name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec",
	.fields = HorizontalPodAutoscalerSpec_fields,
	.n_fields = ARRAY_SIZE(HorizontalPodAutoscalerSpec_fields),
	.defaults = default_hpa_spec,
	.help = "Horizontal pod autoscaler spec.",
};

static const struct api_field MetricValueStatus_fields[] = {
	{"value", API_QUANTITY, .pb = 1, .flags = API_PTR, .help = "The value."},
	{"averageValue", API_QUANTITY, .pb = 2, .flags = API_PTR,
	 .help = "The average over the pods, as a quantity."},
	{"averageUtilization", API_INT32, .pb = 3, .flags = API_PTR,
	 .help = "The average over the pods, in percent of what they request."},
};

const struct api_type api_t_autoscaling_v2_MetricValueStatus = {
	.name = "io.k8s.api.autoscaling.v2.MetricValueStatus",
	.fields = MetricValueStatus_fields,
	.n_fields = ARRAY_SIZE(MetricValueStatus_fields),
	.help = "Metric value status.",
};

static const struct api_field ObjectMetricStatus_fields[] = {
	{"metric", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricIdentifier, .help = "What is measured."},
	{"current", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricValueStatus, .help = "The value measured last."},
	{"describedObject", API_OBJECT, .pb = 3, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_CrossVersionObjectReference,
	 .help = "The object that is measured."},
};

const struct api_type api_t_autoscaling_v2_ObjectMetricStatus = {
	.name = "io.k8s.api.autoscaling.v2.ObjectMetricStatus",
	.fields = ObjectMetricStatus_fields,
	.n_fields = ARRAY_SIZE(ObjectMetricStatus_fields),
	.help = "Object metric status.",
};

static const struct api_field PodsMetricStatus_fields[] = {
	{"metric", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricIdentifier, .help = "What is measured."},
	{"current", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricValueStatus, .help = "The value measured last."},
};

const struct api_type api_t_autoscaling_v2_PodsMetricStatus = {
	.name = "io.k8s.api.autoscaling.v2.PodsMetricStatus",
	.fields = PodsMetricStatus_fields,
	.n_fields = ARRAY_SIZE(PodsMetricStatus_fields),
	.help = "Pods metric status.",
};

static const struct api_field ResourceMetricStatus_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"current", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricValueStatus, .help = "The value measured last."},
};

const struct api_type api_t_autoscaling_v2_ResourceMetricStatus = {
	.name = "io.k8s.api.autoscaling.v2.ResourceMetricStatus",
	.fields = ResourceMetricStatus_fields,
	.n_fields = ARRAY_SIZE(ResourceMetricStatus_fields),
	.help = "Resource metric status.",
};

static const struct api_field ContainerResourceMetricStatus_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"current", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricValueStatus, .help = "The value measured last."},
	{"container", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the container."},
};

const struct api_type api_t_autoscaling_v2_ContainerResourceMetricStatus = {
	.name = "io.k8s.api.autoscaling.v2.ContainerResourceMetricStatus",
	.fields = ContainerResourceMetricStatus_fields,
	.n_fields = ARRAY_SIZE(ContainerResourceMetricStatus_fields),
	.help = "Container resource metric status.",
};

static const struct api_field ExternalMetricStatus_fields[] = {
	{"metric", API_OBJECT, .pb = 1, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricIdentifier, .help = "What is measured."},
	{"current", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_autoscaling_v2_MetricValueStatus, .help = "The value measured last."},
};

const struct api_type api_t_autoscaling_v2_ExternalMetricStatus = {
	.name = "io.k8s.api.autoscaling.v2.ExternalMetricStatus",
	.fields = ExternalMetricStatus_fields,
	.n_fields = ARRAY_SIZE(ExternalMetricStatus_fields),
	.help = "External metric status.",
};

static const struct api_field MetricStatus_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"object", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_ObjectMetricStatus, .help = "One object that is measured."},
	{"pods", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_PodsMetricStatus, .help = "An average over the pods."},
	{"resource", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_ResourceMetricStatus, .help = "The resource."},
	{"containerResource", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_ContainerResourceMetricStatus,
	 .help = "A resource of one container of the pods."},
	{"external", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_autoscaling_v2_ExternalMetricStatus,
	 .help = "Something measured outside the cluster."},
};

const struct api_type api_t_autoscaling_v2_MetricStatus = {
	.name = "io.k8s.api.autoscaling.v2.MetricStatus",
	.fields = MetricStatus_fields,
	.n_fields = ARRAY_SIZE(MetricStatus_fields),
	.help = "Metric status.",
};

static const struct api_field HorizontalPodAutoscalerCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
	{"observedGeneration", API_INT64, .pb = 6, .flags = API_PTR,
	 .help = "Generation the status belongs to."},
};

const struct api_type api_t_autoscaling_v2_HorizontalPodAutoscalerCondition = {
	.name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerCondition",
	.fields = HorizontalPodAutoscalerCondition_fields,
	.n_fields = ARRAY_SIZE(HorizontalPodAutoscalerCondition_fields),
	.help = "Horizontal pod autoscaler condition.",
};

static const struct api_field HorizontalPodAutoscalerStatus_fields[] = {
	{"observedGeneration", API_INT64, .pb = 1, .flags = API_PTR,
	 .help = "Generation the status belongs to."},
	{"lastScaleTime", API_TIME, .pb = 2, .flags = API_PTR,
	 .help = "When the number of pods last changed."},
	{"currentReplicas", API_INT32, .pb = 3, .help = "How many pods there are."},
	{"desiredReplicas", API_INT32, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How many pods there shall be."},
	{"currentMetrics", API_OBJECT, API_LIST, .pb = 5, .flags = API_KEEP_EMPTY,
	 .ref = &api_t_autoscaling_v2_MetricStatus, .help = "What was measured last."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 6, .flags = API_MERGE,
	 .keys = "type", .merge_key = "type",
	 .ref = &api_t_autoscaling_v2_HorizontalPodAutoscalerCondition,
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_autoscaling_v2_HorizontalPodAutoscalerStatus = {
	.name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus",
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
	 .ref = &api_t_autoscaling_v2_HorizontalPodAutoscalerSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_autoscaling_v2_HorizontalPodAutoscalerStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_autoscaling_v2_HorizontalPodAutoscaler = {
	.name = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
	.fields = HorizontalPodAutoscaler_fields,
	.n_fields = ARRAY_SIZE(HorizontalPodAutoscaler_fields),
	.help = "Horizontal pod autoscaler.",
};
