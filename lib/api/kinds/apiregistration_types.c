/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field ServiceReference_fields[] = {
	{"namespace", API_STRING, .pb = 1, .help = "Its namespace."},
	{"name", API_STRING, .pb = 2, .help = "Its name."},
	{"port", API_INT32, .pb = 3, .flags = API_PTR, .def = "443", .help = "The port."},
};

const struct api_type api_t_apiregistration_v1_ServiceReference = {
	.name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference",
	.fields = ServiceReference_fields,
	.n_fields = ARRAY_SIZE(ServiceReference_fields),
	.help = "Service reference.",
};

static const struct api_field APIServiceSpec_fields[] = {
	{"service", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_apiregistration_v1_ServiceReference, .help = "The Service in front of it."},
	{"group", API_STRING, .pb = 2, .help = "API group."},
	{"version", API_STRING, .pb = 3, .help = "Version."},
	{"insecureSkipTLSVerify", API_BOOL, .pb = 4, .help = "Take any certificate."},
	{"caBundle", API_BYTES, .pb = 5,
	 .help = "PEM certificates that its own must be signed by."},
	{"groupPriorityMinimum", API_INT32, .pb = 7, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Order of the group among the groups."},
	{"versionPriority", API_INT32, .pb = 8, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Order among the versions of the group."},
};

const struct api_type api_t_apiregistration_v1_APIServiceSpec = {
	.name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec",
	.fields = APIServiceSpec_fields,
	.n_fields = ARRAY_SIZE(APIServiceSpec_fields),
	.help = "Apiservice spec.",
};

static const struct api_field APIServiceCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
};

const struct api_type api_t_apiregistration_v1_APIServiceCondition = {
	.name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceCondition",
	.fields = APIServiceCondition_fields,
	.n_fields = ARRAY_SIZE(APIServiceCondition_fields),
	.help = "Apiservice condition.",
};

static const struct api_field APIServiceStatus_fields[] = {
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1, .flags = API_MERGE,
	 .keys = "type", .merge_key = "type", .ref = &api_t_apiregistration_v1_APIServiceCondition,
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_apiregistration_v1_APIServiceStatus = {
	.name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceStatus",
	.fields = APIServiceStatus_fields,
	.n_fields = ARRAY_SIZE(APIServiceStatus_fields),
	.help = "Apiservice status.",
};

static const struct api_field APIService_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_apiregistration_v1_APIServiceSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_apiregistration_v1_APIServiceStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_apiregistration_v1_APIService = {
	.name = "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService",
	.fields = APIService_fields,
	.n_fields = ARRAY_SIZE(APIService_fields),
	.help = "Apiservice.",
};
