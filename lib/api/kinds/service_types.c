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
	{"name", API_STRING, .pb = 1, .help = "Its name."},
	{"protocol", API_STRING, .pb = 2, .def = "\"TCP\"", .enums = enum_Protocol,
	 .help = "TCP, UDP or SCTP."},
	{"appProtocol", API_STRING, .pb = 6, .flags = API_PTR,
	 .help = "Protocol spoken on the port."},
	{"port", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port by number or name."},
	{"targetPort", API_INT_OR_STRING, .pb = 4, .help = "Port of the pods, by number or name."},
	{"nodePort", API_INT32, .pb = 5, .help = "Port on every node."},
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
	 .help = "Seconds until an attempt counts as failed."},
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
	 .help = "The ports."},
	{"selector", API_STRING, API_MAP, .pb = 2, .flags = API_WHOLE,
	 .help = "Labels of the pods behind the service."},
	{"clusterIP", API_STRING, .pb = 3,
	 .help = "Address in the cluster; None for a headless service."},
	{"clusterIPs", API_STRING, API_LIST, .pb = 18,
	 .help = "Addresses in the cluster, one a family."},
	{"type", API_STRING, .pb = 4, .def = "\"ClusterIP\"", .enums = enum_ServiceType,
	 .help = "Which type it is."},
	{"externalIPs", API_STRING, API_LIST, .pb = 5,
	 .help = "Further addresses that are accepted on nodes."},
	{"sessionAffinity", API_STRING, .pb = 7, .def = "\"None\"", .enums = enum_ServiceAffinity,
	 .help = "ClientIP sends a client to the same pod."},
	{"loadBalancerIP", API_STRING, .pb = 8,
	 .help = "Address wished for from the load balancer."},
	{"loadBalancerSourceRanges", API_STRING, API_LIST, .pb = 9,
	 .help = "Networks that may use the load balancer."},
	{"externalName", API_STRING, .pb = 10, .help = "Name the service is an alias of."},
	{"externalTrafficPolicy", API_STRING, .pb = 11, .enums = enum_ServiceExternalTrafficPolicy,
	 .help = "Local keeps traffic from outside on its node."},
	{"healthCheckNodePort", API_INT32, .pb = 12,
	 .help = "Port on which nodes answer whether they have endpoints."},
	{"publishNotReadyAddresses", API_BOOL, .pb = 13,
	 .help = "Publish pods before they are ready."},
	{"sessionAffinityConfig", API_OBJECT, .pb = 14, .flags = API_PTR,
	 .ref = &api_t_core_v1_SessionAffinityConfig,
	 .help = "Session affinity config of this service spec."},
	{"ipFamilies", API_STRING, API_LIST, .pb = 19, .enums = enum_IPFamily,
	 .help = "IPv4, IPv6 or both."},
	{"ipFamilyPolicy", API_STRING, .pb = 17, .flags = API_PTR, .enums = enum_IPFamilyPolicy,
	 .help = "Whether one or both families are wanted."},
	{"allocateLoadBalancerNodePorts", API_BOOL, .pb = 20, .flags = API_PTR,
	 .help = "Whether allocate load balancer node ports holds."},
	{"loadBalancerClass", API_STRING, .pb = 21, .flags = API_PTR,
	 .help = "Load balancer class of this service spec."},
	{"internalTrafficPolicy", API_STRING, .pb = 22, .flags = API_PTR,
	 .enums = enum_ServiceInternalTrafficPolicy,
	 .help = "Local keeps traffic from inside on its node."},
	{"trafficDistribution", API_STRING, .pb = 23, .flags = API_PTR,
	 .help = "Traffic distribution of this service spec."},
};

const struct api_type api_t_core_v1_ServiceSpec = {
	.name = "io.k8s.api.core.v1.ServiceSpec",
	.fields = ServiceSpec_fields,
	.n_fields = ARRAY_SIZE(ServiceSpec_fields),
	.help = "How a service is reached.",
	.defaults = default_service_spec,
};

static const struct api_field PortStatus_fields[] = {
	{"port", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port by number or name."},
	{"protocol", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_Protocol, .help = "TCP, UDP or SCTP."},
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
	{"hostname", API_STRING, .pb = 2, .help = "Host name inside the pod."},
	{"ipMode", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Ip mode of this load balancer ingress."},
	{"ports", API_OBJECT, API_LIST, .pb = 4, .ref = &api_t_core_v1_PortStatus,
	 .help = "The ports."},
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
	 .help = "What is known about the object, one entry a type."},
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
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_ServiceSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_ServiceStatus,
	 .help = "What is observed."},
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
	{"hostname", API_STRING, .pb = 3, .help = "Host name inside the pod."},
	{"nodeName", API_STRING, .pb = 4, .flags = API_PTR, .help = "Node the pod is bound to."},
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
	{"name", API_STRING, .pb = 1, .help = "Its name."},
	{"port", API_INT32, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port by number or name."},
	{"protocol", API_STRING, .pb = 3, .def = "\"TCP\"", .enums = enum_Protocol,
	 .help = "TCP, UDP or SCTP."},
	{"appProtocol", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Protocol spoken on the port."},
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
	 .help = "Addresses it is reached by."},
	{"notReadyAddresses", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_EndpointAddress,
	 .help = "The not ready addresses of this endpoint subset."},
	{"ports", API_OBJECT, API_LIST, .pb = 3, .ref = &api_t_core_v1_EndpointPort,
	 .help = "The ports."},
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
	 .help = "Name, labels and the like."},
	{"subsets", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_EndpointSubset,
	 .help = "The subsets of this endpoints."},
};

const struct api_type api_t_core_v1_Endpoints = {
	.name = "io.k8s.api.core.v1.Endpoints",
	.fields = Endpoints_fields,
	.n_fields = ARRAY_SIZE(Endpoints_fields),
	.help = "Endpoints.",
};
