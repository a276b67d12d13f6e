/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_Protocol[] = {"SCTP", "TCP", "UDP", NULL};

static const char *const enum_PolicyType[] = {"Egress", "Ingress", NULL};

static const struct api_field ServiceBackendPort_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Its name."},
	{"number", API_INT32, .pb = 2, .help = "Number of this service backend port."},
};

const struct api_type api_t_networking_v1_ServiceBackendPort = {
	.name = "io.k8s.api.networking.v1.ServiceBackendPort",
	.fields = ServiceBackendPort_fields,
	.n_fields = ARRAY_SIZE(ServiceBackendPort_fields),
	.flags = API_WHOLE,
	.help = "Service backend port.",
};

static const struct api_field IngressServiceBackend_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"port", API_OBJECT, .pb = 2, .ref = &api_t_networking_v1_ServiceBackendPort,
	 .help = "Port by number or name."},
};

const struct api_type api_t_networking_v1_IngressServiceBackend = {
	.name = "io.k8s.api.networking.v1.IngressServiceBackend",
	.fields = IngressServiceBackend_fields,
	.n_fields = ARRAY_SIZE(IngressServiceBackend_fields),
	.help = "Ingress service backend.",
};

static const struct api_field IngressBackend_fields[] = {
	{"service", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_networking_v1_IngressServiceBackend,
	 .help = "Service of this ingress backend."},
	{"resource", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_TypedLocalObjectReference,
	 .help = "Resource of this ingress backend."},
};

const struct api_type api_t_networking_v1_IngressBackend = {
	.name = "io.k8s.api.networking.v1.IngressBackend",
	.fields = IngressBackend_fields,
	.n_fields = ARRAY_SIZE(IngressBackend_fields),
	.help = "Ingress backend.",
};

static const struct api_field IngressTLS_fields[] = {
	{"hosts", API_STRING, API_LIST, .pb = 1, .help = "The hosts of this ingress tls."},
	{"secretName", API_STRING, .pb = 2, .help = "Secret name of this ingress tls."},
};

const struct api_type api_t_networking_v1_IngressTLS = {
	.name = "io.k8s.api.networking.v1.IngressTLS",
	.fields = IngressTLS_fields,
	.n_fields = ARRAY_SIZE(IngressTLS_fields),
	.help = "Ingress TLS.",
};

static const struct api_field HTTPIngressPath_fields[] = {
	{"path", API_STRING, .pb = 1, .help = "The path."},
	{"pathType", API_STRING, .pb = 3, .flags = API_REQUIRED | API_PTR | API_KEEP_EMPTY,
	 .help = "Path type of this http ingress path."},
	{"backend", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_networking_v1_IngressBackend, .help = "Backend of this http ingress path."},
};

const struct api_type api_t_networking_v1_HTTPIngressPath = {
	.name = "io.k8s.api.networking.v1.HTTPIngressPath",
	.fields = HTTPIngressPath_fields,
	.n_fields = ARRAY_SIZE(HTTPIngressPath_fields),
	.help = "HTTP ingress path.",
};

static const struct api_field HTTPIngressRuleValue_fields[] = {
	{"paths", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_networking_v1_HTTPIngressPath,
	 .help = "The paths of this http ingress rule value."},
};

const struct api_type api_t_networking_v1_HTTPIngressRuleValue = {
	.name = "io.k8s.api.networking.v1.HTTPIngressRuleValue",
	.fields = HTTPIngressRuleValue_fields,
	.n_fields = ARRAY_SIZE(HTTPIngressRuleValue_fields),
	.help = "HTTP ingress rule value.",
};

static const struct api_field IngressRuleValue_fields[] = {
	{"http", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_networking_v1_HTTPIngressRuleValue,
	 .help = "Http of this ingress rule value."},
};

const struct api_type api_t_networking_v1_IngressRuleValue = {
	.name = "io.k8s.api.networking.v1.IngressRuleValue",
	.fields = IngressRuleValue_fields,
	.n_fields = ARRAY_SIZE(IngressRuleValue_fields),
	.help = "Ingress rule value.",
};

static const struct api_field IngressRule_fields[] = {
	{"host", API_STRING, .pb = 1, .help = "Host name or address."},
	{"", API_OBJECT, .pb = 2, .flags = API_INLINE,
	 .ref = &api_t_networking_v1_IngressRuleValue},
};

const struct api_type api_t_networking_v1_IngressRule = {
	.name = "io.k8s.api.networking.v1.IngressRule",
	.fields = IngressRule_fields,
	.n_fields = ARRAY_SIZE(IngressRule_fields),
	.help = "Ingress rule.",
};

static const struct api_field IngressSpec_fields[] = {
	{"ingressClassName", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Ingress class name of this ingress spec."},
	{"defaultBackend", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_networking_v1_IngressBackend,
	 .help = "Default backend of this ingress spec."},
	{"tls", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_networking_v1_IngressTLS,
	 .help = "The tls of this ingress spec."},
	{"rules", API_OBJECT, API_LIST, .pb = 3, .ref = &api_t_networking_v1_IngressRule,
	 .help = "The rules of this ingress spec."},
};

const struct api_type api_t_networking_v1_IngressSpec = {
	.name = "io.k8s.api.networking.v1.IngressSpec",
	.fields = IngressSpec_fields,
	.n_fields = ARRAY_SIZE(IngressSpec_fields),
	.help = "Ingress spec.",
};

static const struct api_field IngressPortStatus_fields[] = {
	{"port", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port by number or name."},
	{"protocol", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_Protocol, .help = "TCP, UDP or SCTP."},
	{"error", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Error of this ingress port status."},
};

const struct api_type api_t_networking_v1_IngressPortStatus = {
	.name = "io.k8s.api.networking.v1.IngressPortStatus",
	.fields = IngressPortStatus_fields,
	.n_fields = ARRAY_SIZE(IngressPortStatus_fields),
	.help = "Ingress port status.",
};

static const struct api_field IngressLoadBalancerIngress_fields[] = {
	{"ip", API_STRING, .pb = 1, .help = "Ip of this ingress load balancer ingress."},
	{"hostname", API_STRING, .pb = 2, .help = "Host name inside the pod."},
	{"ports", API_OBJECT, API_LIST, .pb = 4, .ref = &api_t_networking_v1_IngressPortStatus,
	 .help = "The ports."},
};

const struct api_type api_t_networking_v1_IngressLoadBalancerIngress = {
	.name = "io.k8s.api.networking.v1.IngressLoadBalancerIngress",
	.fields = IngressLoadBalancerIngress_fields,
	.n_fields = ARRAY_SIZE(IngressLoadBalancerIngress_fields),
	.help = "Ingress load balancer ingress.",
};

static const struct api_field IngressLoadBalancerStatus_fields[] = {
	{"ingress", API_OBJECT, API_LIST, .pb = 1,
	 .ref = &api_t_networking_v1_IngressLoadBalancerIngress,
	 .help = "The ingress of this ingress load balancer status."},
};

const struct api_type api_t_networking_v1_IngressLoadBalancerStatus = {
	.name = "io.k8s.api.networking.v1.IngressLoadBalancerStatus",
	.fields = IngressLoadBalancerStatus_fields,
	.n_fields = ARRAY_SIZE(IngressLoadBalancerStatus_fields),
	.help = "Ingress load balancer status.",
};

static const struct api_field IngressStatus_fields[] = {
	{"loadBalancer", API_OBJECT, .pb = 1, .ref = &api_t_networking_v1_IngressLoadBalancerStatus,
	 .help = "Load balancer of this ingress status."},
};

const struct api_type api_t_networking_v1_IngressStatus = {
	.name = "io.k8s.api.networking.v1.IngressStatus",
	.fields = IngressStatus_fields,
	.n_fields = ARRAY_SIZE(IngressStatus_fields),
	.help = "Ingress status.",
};

static const struct api_field Ingress_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_networking_v1_IngressSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_networking_v1_IngressStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_networking_v1_Ingress = {
	.name = "io.k8s.api.networking.v1.Ingress",
	.fields = Ingress_fields,
	.n_fields = ARRAY_SIZE(Ingress_fields),
	.help = "Ingress.",
};

static const struct api_field IngressClassParametersReference_fields[] = {
	{"apiGroup", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Api group of this ingress class parameters reference."},
	{"kind", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kind of this ingress class parameters reference."},
	{"name", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"scope", API_STRING, .pb = 4, .flags = API_PTR | API_KEEP_EMPTY, .def = "\"Cluster\"",
	 .help = "Scope of this ingress class parameters reference."},
	{"namespace", API_STRING, .pb = 5, .flags = API_PTR, .help = "Its namespace."},
};

const struct api_type api_t_networking_v1_IngressClassParametersReference = {
	.name = "io.k8s.api.networking.v1.IngressClassParametersReference",
	.fields = IngressClassParametersReference_fields,
	.n_fields = ARRAY_SIZE(IngressClassParametersReference_fields),
	.help = "Ingress class parameters reference.",
};

static const struct api_field IngressClassSpec_fields[] = {
	{"controller", API_STRING, .pb = 1,
	 .help = "Set on the one owner that manages the object."},
	{"parameters", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_networking_v1_IngressClassParametersReference,
	 .help = "Parameters of this ingress class spec."},
};

const struct api_type api_t_networking_v1_IngressClassSpec = {
	.name = "io.k8s.api.networking.v1.IngressClassSpec",
	.fields = IngressClassSpec_fields,
	.n_fields = ARRAY_SIZE(IngressClassSpec_fields),
	.help = "Ingress class spec.",
};

static const struct api_field IngressClass_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_networking_v1_IngressClassSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_networking_v1_IngressClass = {
	.name = "io.k8s.api.networking.v1.IngressClass",
	.fields = IngressClass_fields,
	.n_fields = ARRAY_SIZE(IngressClass_fields),
	.help = "Ingress class.",
};

static const struct api_field NetworkPolicyPort_fields[] = {
	{"protocol", API_STRING, .pb = 1, .flags = API_PTR, .def = "\"TCP\"",
	 .enums = enum_Protocol, .help = "TCP, UDP or SCTP."},
	{"port", API_INT_OR_STRING, .pb = 2, .flags = API_PTR, .help = "Port by number or name."},
	{"endPort", API_INT32, .pb = 3, .flags = API_PTR,
	 .help = "End port of this network policy port."},
};

const struct api_type api_t_networking_v1_NetworkPolicyPort = {
	.name = "io.k8s.api.networking.v1.NetworkPolicyPort",
	.fields = NetworkPolicyPort_fields,
	.n_fields = ARRAY_SIZE(NetworkPolicyPort_fields),
	.help = "Network policy port.",
};

static const struct api_field IPBlock_fields[] = {
	{"cidr", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Cidr of this ip block."},
	{"except", API_STRING, API_LIST, .pb = 2, .help = "The except of this ip block."},
};

const struct api_type api_t_networking_v1_IPBlock = {
	.name = "io.k8s.api.networking.v1.IPBlock",
	.fields = IPBlock_fields,
	.n_fields = ARRAY_SIZE(IPBlock_fields),
	.help = "IP block.",
};

static const struct api_field NetworkPolicyPeer_fields[] = {
	{"podSelector", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Pod selector of this network policy peer."},
	{"namespaceSelector", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Namespace selector of this network policy peer."},
	{"ipBlock", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_networking_v1_IPBlock,
	 .help = "Ip block of this network policy peer."},
};

const struct api_type api_t_networking_v1_NetworkPolicyPeer = {
	.name = "io.k8s.api.networking.v1.NetworkPolicyPeer",
	.fields = NetworkPolicyPeer_fields,
	.n_fields = ARRAY_SIZE(NetworkPolicyPeer_fields),
	.help = "Network policy peer.",
};

static const struct api_field NetworkPolicyIngressRule_fields[] = {
	{"ports", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_networking_v1_NetworkPolicyPort,
	 .help = "The ports."},
	{"from", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_networking_v1_NetworkPolicyPeer,
	 .help = "The from of this network policy ingress rule."},
};

const struct api_type api_t_networking_v1_NetworkPolicyIngressRule = {
	.name = "io.k8s.api.networking.v1.NetworkPolicyIngressRule",
	.fields = NetworkPolicyIngressRule_fields,
	.n_fields = ARRAY_SIZE(NetworkPolicyIngressRule_fields),
	.help = "Network policy ingress rule.",
};

static const struct api_field NetworkPolicyEgressRule_fields[] = {
	{"ports", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_networking_v1_NetworkPolicyPort,
	 .help = "The ports."},
	{"to", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_networking_v1_NetworkPolicyPeer,
	 .help = "The to of this network policy egress rule."},
};

const struct api_type api_t_networking_v1_NetworkPolicyEgressRule = {
	.name = "io.k8s.api.networking.v1.NetworkPolicyEgressRule",
	.fields = NetworkPolicyEgressRule_fields,
	.n_fields = ARRAY_SIZE(NetworkPolicyEgressRule_fields),
	.help = "Network policy egress rule.",
};

static const struct api_field NetworkPolicySpec_fields[] = {
	{"podSelector", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Pod selector of this network policy spec."},
	{"ingress", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_networking_v1_NetworkPolicyIngressRule,
	 .help = "The ingress of this network policy spec."},
	{"egress", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_networking_v1_NetworkPolicyEgressRule,
	 .help = "The egress of this network policy spec."},
	{"policyTypes", API_STRING, API_LIST, .pb = 4, .enums = enum_PolicyType,
	 .help = "The policy types of this network policy spec."},
};

const struct api_type api_t_networking_v1_NetworkPolicySpec = {
	.name = "io.k8s.api.networking.v1.NetworkPolicySpec",
	.fields = NetworkPolicySpec_fields,
	.n_fields = ARRAY_SIZE(NetworkPolicySpec_fields),
	.defaults = default_network_policy_spec,
	.help = "Network policy spec.",
};

static const struct api_field NetworkPolicy_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_networking_v1_NetworkPolicySpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_networking_v1_NetworkPolicy = {
	.name = "io.k8s.api.networking.v1.NetworkPolicy",
	.fields = NetworkPolicy_fields,
	.n_fields = ARRAY_SIZE(NetworkPolicy_fields),
	.help = "Network policy.",
};
