/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field ParentReference_fields[] = {
	{"group", API_STRING, .pb = 1, .help = "API group."},
	{"resource", API_STRING, .pb = 2, .flags = API_REQUIRED, .help = "The resource."},
	{"namespace", API_STRING, .pb = 3, .help = "Its namespace."},
	{"name", API_STRING, .pb = 4, .flags = API_REQUIRED, .help = "Its name."},
};

const struct api_type api_t_networking_v1_ParentReference = {
	.name = "io.k8s.api.networking.v1.ParentReference",
	.fields = ParentReference_fields,
	.n_fields = ARRAY_SIZE(ParentReference_fields),
	.help = "Parent reference.",
};

static const struct api_field IPAddressSpec_fields[] = {
	{"parentRef", API_OBJECT, .pb = 1, .flags = API_REQUIRED | API_PTR,
	 .ref = &api_t_networking_v1_ParentReference, .help = "Who has the address."},
};

const struct api_type api_t_networking_v1_IPAddressSpec = {
	.name = "io.k8s.api.networking.v1.IPAddressSpec",
	.fields = IPAddressSpec_fields,
	.n_fields = ARRAY_SIZE(IPAddressSpec_fields),
	.help = "Ipaddress spec.",
};

static const struct api_field IPAddress_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_networking_v1_IPAddressSpec, .help = "What is wanted."},
};

const struct api_type api_t_networking_v1_IPAddress = {
	.name = "io.k8s.api.networking.v1.IPAddress",
	.fields = IPAddress_fields,
	.n_fields = ARRAY_SIZE(IPAddress_fields),
	.help = "Ipaddress.",
};

static const struct api_field ServiceCIDRSpec_fields[] = {
	{"cidrs", API_STRING, API_LIST, .pb = 1,
	 .help = "The ranges, at most one of each IP family."},
};

const struct api_type api_t_networking_v1_ServiceCIDRSpec = {
	.name = "io.k8s.api.networking.v1.ServiceCIDRSpec",
	.fields = ServiceCIDRSpec_fields,
	.n_fields = ARRAY_SIZE(ServiceCIDRSpec_fields),
	.help = "Service cidrspec.",
};

static const struct api_field ServiceCIDRStatus_fields[] = {
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1, .flags = API_MERGE,
	 .keys = "type", .merge_key = "type", .ref = &api_t_meta_v1_Condition,
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_networking_v1_ServiceCIDRStatus = {
	.name = "io.k8s.api.networking.v1.ServiceCIDRStatus",
	.fields = ServiceCIDRStatus_fields,
	.n_fields = ARRAY_SIZE(ServiceCIDRStatus_fields),
	.help = "Service cidrstatus.",
};

static const struct api_field ServiceCIDR_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_networking_v1_ServiceCIDRSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_networking_v1_ServiceCIDRStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_networking_v1_ServiceCIDR = {
	.name = "io.k8s.api.networking.v1.ServiceCIDR",
	.fields = ServiceCIDR_fields,
	.n_fields = ARRAY_SIZE(ServiceCIDR_fields),
	.help = "Service cidr.",
};
