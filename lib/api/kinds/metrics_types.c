/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field NodeMetrics_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"timestamp", API_TIME, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "When it was measured."},
	{"window", API_DURATION, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Over which time it was measured."},
	{"usage", API_QUANTITY, API_MAP, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is in use."},
};

const struct api_type api_t_metrics_v1beta1_NodeMetrics = {
	.name = "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics",
	.fields = NodeMetrics_fields,
	.n_fields = ARRAY_SIZE(NodeMetrics_fields),
	.help = "Node metrics.",
};

static const struct api_field ContainerMetrics_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"usage", API_QUANTITY, API_MAP, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is in use."},
};

const struct api_type api_t_metrics_v1beta1_ContainerMetrics = {
	.name = "io.k8s.metrics.pkg.apis.metrics.v1beta1.ContainerMetrics",
	.fields = ContainerMetrics_fields,
	.n_fields = ARRAY_SIZE(ContainerMetrics_fields),
	.help = "Container metrics.",
};

static const struct api_field PodMetrics_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"timestamp", API_TIME, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "When it was measured."},
	{"window", API_DURATION, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Over which time it was measured."},
	{"containers", API_OBJECT, API_LIST, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_metrics_v1beta1_ContainerMetrics, .help = "Its containers."},
};

const struct api_type api_t_metrics_v1beta1_PodMetrics = {
	.name = "io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics",
	.fields = PodMetrics_fields,
	.n_fields = ARRAY_SIZE(PodMetrics_fields),
	.help = "Pod metrics.",
};
