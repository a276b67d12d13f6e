/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const char *const enum_Protocol[] = {"SCTP", "TCP", "UDP", NULL};

static const struct api_field EndpointConditions_fields[] = {
	{"ready", API_BOOL, .pb = 1, .flags = API_PTR, .help = "Whether ready holds."},
	{"serving", API_BOOL, .pb = 2, .flags = API_PTR, .help = "Whether serving holds."},
	{"terminating", API_BOOL, .pb = 3, .flags = API_PTR, .help = "Whether terminating holds."},
};

const struct api_type api_t_discovery_v1_EndpointConditions = {
	.name = "io.k8s.api.discovery.v1.EndpointConditions",
	.fields = EndpointConditions_fields,
	.n_fields = ARRAY_SIZE(EndpointConditions_fields),
	.help = "Endpoint conditions.",
};

static const struct api_field ForZone_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_discovery_v1_ForZone = {
	.name = "io.k8s.api.discovery.v1.ForZone",
	.fields = ForZone_fields,
	.n_fields = ARRAY_SIZE(ForZone_fields),
	.help = "For zone.",
};

static const struct api_field ForNode_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_discovery_v1_ForNode = {
	.name = "io.k8s.api.discovery.v1.ForNode",
	.fields = ForNode_fields,
	.n_fields = ARRAY_SIZE(ForNode_fields),
	.help = "For node.",
};

static const struct api_field EndpointHints_fields[] = {
	{"forZones", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_discovery_v1_ForZone,
	 .help = "The for zones of this endpoint hints."},
	{"forNodes", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_discovery_v1_ForNode,
	 .help = "The for nodes of this endpoint hints."},
};

const struct api_type api_t_discovery_v1_EndpointHints = {
	.name = "io.k8s.api.discovery.v1.EndpointHints",
	.fields = EndpointHints_fields,
	.n_fields = ARRAY_SIZE(EndpointHints_fields),
	.help = "Endpoint hints.",
};

static const struct api_field Endpoint_fields[] = {
	{"addresses", API_STRING, API_LIST, API_SET, .pb = 1,
	 .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Addresses it is reached by."},
	{"conditions", API_OBJECT, .pb = 2, .ref = &api_t_discovery_v1_EndpointConditions,
	 .help = "What is known about the object, one entry a type."},
	{"hostname", API_STRING, .pb = 3, .flags = API_PTR, .help = "Host name inside the pod."},
	{"targetRef", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_core_v1_ObjectReference,
	 .help = "Target ref of this endpoint."},
	{"deprecatedTopology", API_STRING, API_MAP, .pb = 5,
	 .help = "Deprecated topology of this endpoint."},
	{"nodeName", API_STRING, .pb = 6, .flags = API_PTR, .help = "Node the pod is bound to."},
	{"zone", API_STRING, .pb = 7, .flags = API_PTR, .help = "Zone of this endpoint."},
	{"hints", API_OBJECT, .pb = 8, .flags = API_PTR, .ref = &api_t_discovery_v1_EndpointHints,
	 .help = "Hints of this endpoint."},
};

const struct api_type api_t_discovery_v1_Endpoint = {
	.name = "io.k8s.api.discovery.v1.Endpoint",
	.fields = Endpoint_fields,
	.n_fields = ARRAY_SIZE(Endpoint_fields),
	.help = "Endpoint.",
};

static const struct api_field EndpointPort_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_PTR, .def = "\"\"", .help = "Its name."},
	{"protocol", API_STRING, .pb = 2, .flags = API_PTR, .def = "\"TCP\"",
	 .enums = enum_Protocol, .help = "TCP, UDP or SCTP."},
	{"port", API_INT32, .pb = 3, .flags = API_PTR, .help = "Port by number or name."},
	{"appProtocol", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Protocol spoken on the port."},
};

const struct api_type api_t_discovery_v1_EndpointPort = {
	.name = "io.k8s.api.discovery.v1.EndpointPort",
	.fields = EndpointPort_fields,
	.n_fields = ARRAY_SIZE(EndpointPort_fields),
	.flags = API_WHOLE,
	.help = "Endpoint port.",
};

static const struct api_field EndpointSlice_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"addressType", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Address type of this endpoint slice."},
	{"endpoints", API_OBJECT, API_LIST, .pb = 2, .flags = API_KEEP_EMPTY,
	 .ref = &api_t_discovery_v1_Endpoint, .help = "The endpoints of this endpoint slice."},
	{"ports", API_OBJECT, API_LIST, .pb = 3, .flags = API_KEEP_EMPTY,
	 .ref = &api_t_discovery_v1_EndpointPort, .help = "The ports."},
};

const struct api_type api_t_discovery_v1_EndpointSlice = {
	.name = "io.k8s.api.discovery.v1.EndpointSlice",
	.fields = EndpointSlice_fields,
	.n_fields = ARRAY_SIZE(EndpointSlice_fields),
	.help = "Endpoint slice.",
};
