/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_Protocol[] = {"SCTP", "TCP", "UDP", NULL};

static const char *const enum_ServiceType[] = {"ClusterIP", "ExternalName", "LoadBalancer",
					       "NodePort", NULL};

static const char *const enum_ServiceAffinity[] = {"ClientIP", "None", NULL};

static const char *const enum_ServiceExternalTrafficPolicy[] = {"Cluster", "Local", NULL};

static const char *const enum_IPFamily[] = {"", "IPv4", "IPv6", NULL};

static const char *const enum_IPFamilyPolicy[] = {"PreferDualStack", "RequireDualStack",
						  "SingleStack", NULL};

static const char *const enum_ServiceInternalTrafficPolicy[] = {"Cluster", "Local", NULL};

static const struct api_field ServicePort_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Name of this service port."},
	{"protocol", API_STRING, .pb = 2, .def = "\"TCP\"", .enums = enum_Protocol,
	 .help = "Protocol of this service port."},
	{"appProtocol", API_STRING, .pb = 6, .flags = API_PTR,
	 .help = "App protocol of this service port."},
	{"port", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port of this service port."},
	{"targetPort", API_INT_OR_STRING, .pb = 4, .help = "Target port of this service port."},
	{"nodePort", API_INT32, .pb = 5, .help = "Node port of this service port."},
};

const struct api_type api_t_core_v1_ServicePort = {
	.name = "io.k8s.api.core.v1.ServicePort",
	.fields = ServicePort_fields,
	.n_fields = ARRAY_SIZE(ServicePort_fields),
	.help = "Service port.",
	.defaults = default_service_port,
};

static const struct api_field ClientIPConfig_fields[] = {
	{"timeoutSeconds", API_INT32, .pb = 1, .flags = API_PTR,
	 .help = "Timeout seconds of this client ip config."},
};

const struct api_type api_t_core_v1_ClientIPConfig = {
	.name = "io.k8s.api.core.v1.ClientIPConfig",
	.fields = ClientIPConfig_fields,
	.n_fields = ARRAY_SIZE(ClientIPConfig_fields),
	.help = "Client IP config.",
};

static const struct api_field SessionAffinityConfig_fields[] = {
	{"clientIP", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_ClientIPConfig,
	 .help = "Client IP of this session affinity config."},
};

const struct api_type api_t_core_v1_SessionAffinityConfig = {
	.name = "io.k8s.api.core.v1.SessionAffinityConfig",
	.fields = SessionAffinityConfig_fields,
	.n_fields = ARRAY_SIZE(SessionAffinityConfig_fields),
	.help = "Session affinity config.",
};

static const struct api_field ServiceSpec_fields[] = {
	{"ports", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1, .flags = API_MERGE,
	 .ref = &api_t_core_v1_ServicePort, .keys = "port,protocol", .merge_key = "port",
	 .help = "The ports of this service spec."},
	{"selector", API_STRING, API_MAP, .pb = 2, .flags = API_WHOLE,
	 .help = "Selector of this service spec."},
	{"clusterIP", API_STRING, .pb = 3, .help = "Cluster IP of this service spec."},
	{"clusterIPs", API_STRING, API_LIST, .pb = 18,
	 .help = "The cluster i ps of this service spec."},
	{"type", API_STRING, .pb = 4, .def = "\"ClusterIP\"", .enums = enum_ServiceType,
	 .help = "Type of this service spec."},
	{"externalIPs", API_STRING, API_LIST, .pb = 5,
	 .help = "The external i ps of this service spec."},
	{"sessionAffinity", API_STRING, .pb = 7, .def = "\"None\"", .enums = enum_ServiceAffinity,
	 .help = "Session affinity of this service spec."},
	{"loadBalancerIP", API_STRING, .pb = 8, .help = "Load balancer IP of this service spec."},
	{"loadBalancerSourceRanges", API_STRING, API_LIST, .pb = 9,
	 .help = "The load balancer source ranges of this service spec."},
	{"externalName", API_STRING, .pb = 10, .help = "External name of this service spec."},
	{"externalTrafficPolicy", API_STRING, .pb = 11, .enums = enum_ServiceExternalTrafficPolicy,
	 .help = "External traffic policy of this service spec."},
	{"healthCheckNodePort", API_INT32, .pb = 12,
	 .help = "Health check node port of this service spec."},
	{"publishNotReadyAddresses", API_BOOL, .pb = 13,
	 .help = "Whether publish not ready addresses holds."},
	{"sessionAffinityConfig", API_OBJECT, .pb = 14, .flags = API_PTR,
	 .ref = &api_t_core_v1_SessionAffinityConfig,
	 .help = "Session affinity config of this service spec."},
	{"ipFamilies", API_STRING, API_LIST, .pb = 19, .enums = enum_IPFamily,
	 .help = "The ip families of this service spec."},
	{"ipFamilyPolicy", API_STRING, .pb = 17, .flags = API_PTR, .enums = enum_IPFamilyPolicy,
	 .help = "Ip family policy of this service spec."},
	{"allocateLoadBalancerNodePorts", API_BOOL, .pb = 20, .flags = API_PTR,
	 .help = "Whether allocate load balancer node ports holds."},
	{"loadBalancerClass", API_STRING, .pb = 21, .flags = API_PTR,
	 .help = "Load balancer class of this service spec."},
	{"internalTrafficPolicy", API_STRING, .pb = 22, .flags = API_PTR,
	 .enums = enum_ServiceInternalTrafficPolicy,
	 .help = "Internal traffic policy of this service spec."},
	{"trafficDistribution", API_STRING, .pb = 23, .flags = API_PTR,
	 .help = "Traffic distribution of this service spec."},
};

const struct api_type api_t_core_v1_ServiceSpec = {
	.name = "io.k8s.api.core.v1.ServiceSpec",
	.fields = ServiceSpec_fields,
	.n_fields = ARRAY_SIZE(ServiceSpec_fields),
	.help = "Service spec.",
	.defaults = default_service_spec,
};

static const struct api_field PortStatus_fields[] = {
	{"port", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port of this port status."},
	{"protocol", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_Protocol, .help = "Protocol of this port status."},
	{"error", API_STRING, .pb = 3, .flags = API_PTR, .help = "Error of this port status."},
};

const struct api_type api_t_core_v1_PortStatus = {
	.name = "io.k8s.api.core.v1.PortStatus",
	.fields = PortStatus_fields,
	.n_fields = ARRAY_SIZE(PortStatus_fields),
	.help = "Port status.",
};

static const struct api_field LoadBalancerIngress_fields[] = {
	{"ip", API_STRING, .pb = 1, .help = "Ip of this load balancer ingress."},
	{"hostname", API_STRING, .pb = 2, .help = "Hostname of this load balancer ingress."},
	{"ipMode", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Ip mode of this load balancer ingress."},
	{"ports", API_OBJECT, API_LIST, .pb = 4, .ref = &api_t_core_v1_PortStatus,
	 .help = "The ports of this load balancer ingress."},
};

const struct api_type api_t_core_v1_LoadBalancerIngress = {
	.name = "io.k8s.api.core.v1.LoadBalancerIngress",
	.fields = LoadBalancerIngress_fields,
	.n_fields = ARRAY_SIZE(LoadBalancerIngress_fields),
	.help = "Load balancer ingress.",
};

static const struct api_field LoadBalancerStatus_fields[] = {
	{"ingress", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_core_v1_LoadBalancerIngress,
	 .help = "The ingress of this load balancer status."},
};

const struct api_type api_t_core_v1_LoadBalancerStatus = {
	.name = "io.k8s.api.core.v1.LoadBalancerStatus",
	.fields = LoadBalancerStatus_fields,
	.n_fields = ARRAY_SIZE(LoadBalancerStatus_fields),
	.help = "Load balancer status.",
};

static const struct api_field ServiceStatus_fields[] = {
	{"loadBalancer", API_OBJECT, .pb = 1, .ref = &api_t_core_v1_LoadBalancerStatus,
	 .help = "Load balancer of this service status."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE,
	 .ref = &api_t_meta_v1_Condition, .keys = "type", .merge_key = "type",
	 .help = "The conditions of this service status."},
};

const struct api_type api_t_core_v1_ServiceStatus = {
	.name = "io.k8s.api.core.v1.ServiceStatus",
	.fields = ServiceStatus_fields,
	.n_fields = ARRAY_SIZE(ServiceStatus_fields),
	.help = "Service status.",
};

static const struct api_field Service_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Metadata of this service."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_ServiceSpec,
	 .help = "Spec of this service."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_ServiceStatus,
	 .help = "Status of this service."},
};

const struct api_type api_t_core_v1_Service = {
	.name = "io.k8s.api.core.v1.Service",
	.fields = Service_fields,
	.n_fields = ARRAY_SIZE(Service_fields),
	.help = "Service.",
};

static const struct api_field EndpointAddress_fields[] = {
	{"ip", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Ip of this endpoint address."},
	{"hostname", API_STRING, .pb = 3, .help = "Hostname of this endpoint address."},
	{"nodeName", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Node name of this endpoint address."},
	{"targetRef", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_core_v1_ObjectReference,
	 .help = "Target ref of this endpoint address."},
};

const struct api_type api_t_core_v1_EndpointAddress = {
	.name = "io.k8s.api.core.v1.EndpointAddress",
	.fields = EndpointAddress_fields,
	.n_fields = ARRAY_SIZE(EndpointAddress_fields),
	.flags = API_WHOLE,
	.help = "Endpoint address.",
};

static const struct api_field EndpointPort_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Name of this endpoint port."},
	{"port", API_INT32, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port of this endpoint port."},
	{"protocol", API_STRING, .pb = 3, .def = "\"TCP\"", .enums = enum_Protocol,
	 .help = "Protocol of this endpoint port."},
	{"appProtocol", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "App protocol of this endpoint port."},
};

const struct api_type api_t_core_v1_EndpointPort = {
	.name = "io.k8s.api.core.v1.EndpointPort",
	.fields = EndpointPort_fields,
	.n_fields = ARRAY_SIZE(EndpointPort_fields),
	.flags = API_WHOLE,
	.help = "Endpoint port.",
};

static const struct api_field EndpointSubset_fields[] = {
	{"addresses", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_core_v1_EndpointAddress,
	 .help = "The addresses of this endpoint subset."},
	{"notReadyAddresses", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_EndpointAddress,
	 .help = "The not ready addresses of this endpoint subset."},
	{"ports", API_OBJECT, API_LIST, .pb = 3, .ref = &api_t_core_v1_EndpointPort,
	 .help = "The ports of this endpoint subset."},
};

const struct api_type api_t_core_v1_EndpointSubset = {
	.name = "io.k8s.api.core.v1.EndpointSubset",
	.fields = EndpointSubset_fields,
	.n_fields = ARRAY_SIZE(EndpointSubset_fields),
	.help = "Endpoint subset.",
};

static const struct api_field Endpoints_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Metadata of this endpoints."},
	{"subsets", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_EndpointSubset,
	 .help = "The subsets of this endpoints."},
};

const struct api_type api_t_core_v1_Endpoints = {
	.name = "io.k8s.api.core.v1.Endpoints",
	.fields = Endpoints_fields,
	.n_fields = ARRAY_SIZE(Endpoints_fields),
	.help = "Endpoints.",
};
