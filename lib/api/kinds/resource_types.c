/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_DeviceAllocationMode[] = {"All", "ExactCount", NULL};

static const char *const enum_DeviceTolerationOperator[] = {"Equal", "Exists", NULL};

static const char *const enum_DeviceTaintEffect[] = {"NoExecute", "NoSchedule", "None", NULL};

static const char *const enum_SkipNodeOperation[] = {"*", "NodePrepareResources",
						     "NodeUnprepareResources", NULL};

static const char *const enum_AllocationConfigSource[] = {"FromClaim", "FromClass", NULL};

static const struct api_field CELDeviceSelector_fields[] = {
	{"expression", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "A CEL expression."},
};

const struct api_type api_t_resource_v1_CELDeviceSelector = {
	.name = "io.k8s.api.resource.v1.CELDeviceSelector",
	.fields = CELDeviceSelector_fields,
	.n_fields = ARRAY_SIZE(CELDeviceSelector_fields),
	.help = "Celdevice selector.",
};

static const struct api_field DeviceSelector_fields[] = {
	{"cel", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_resource_v1_CELDeviceSelector,
	 .help = "A CEL expression."},
};

const struct api_type api_t_resource_v1_DeviceSelector = {
	.name = "io.k8s.api.resource.v1.DeviceSelector",
	.fields = DeviceSelector_fields,
	.n_fields = ARRAY_SIZE(DeviceSelector_fields),
	.help = "Device selector.",
};

static const struct api_field OpaqueDeviceConfiguration_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the driver."},
	{"parameters", API_ANY, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Settings in the driver's own form."},
};

const struct api_type api_t_resource_v1_OpaqueDeviceConfiguration = {
	.name = "io.k8s.api.resource.v1.OpaqueDeviceConfiguration",
	.fields = OpaqueDeviceConfiguration_fields,
	.n_fields = ARRAY_SIZE(OpaqueDeviceConfiguration_fields),
	.help = "Opaque device configuration.",
};

static const struct api_field DeviceConfiguration_fields[] = {
	{"opaque", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_resource_v1_OpaqueDeviceConfiguration,
	 .help = "Settings that only the driver understands."},
};

const struct api_type api_t_resource_v1_DeviceConfiguration = {
	.name = "io.k8s.api.resource.v1.DeviceConfiguration",
	.fields = DeviceConfiguration_fields,
	.n_fields = ARRAY_SIZE(DeviceConfiguration_fields),
	.help = "Device configuration.",
};

static const struct api_field DeviceClassConfiguration_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE,
	 .ref = &api_t_resource_v1_DeviceConfiguration,
	 .help = "Part of this device class configuration."},
};

const struct api_type api_t_resource_v1_DeviceClassConfiguration = {
	.name = "io.k8s.api.resource.v1.DeviceClassConfiguration",
	.fields = DeviceClassConfiguration_fields,
	.n_fields = ARRAY_SIZE(DeviceClassConfiguration_fields),
	.help = "Device class configuration.",
};

static const struct api_field DeviceClassSpec_fields[] = {
	{"selectors", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_resource_v1_DeviceSelector,
	 .help = "CEL expressions that a device must meet."},
	{"config", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_resource_v1_DeviceClassConfiguration, .help = "Settings for the driver."},
	{"extendedResourceName", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Name under which pods may ask for it as a resource."},
};

const struct api_type api_t_resource_v1_DeviceClassSpec = {
	.name = "io.k8s.api.resource.v1.DeviceClassSpec",
	.fields = DeviceClassSpec_fields,
	.n_fields = ARRAY_SIZE(DeviceClassSpec_fields),
	.help = "Device class spec.",
};

static const struct api_field DeviceClass_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_resource_v1_DeviceClassSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_resource_v1_DeviceClass = {
	.name = "io.k8s.api.resource.v1.DeviceClass",
	.fields = DeviceClass_fields,
	.n_fields = ARRAY_SIZE(DeviceClass_fields),
	.help = "Device class.",
};

static const struct api_field DeviceToleration_fields[] = {
	{"key", API_STRING, .pb = 1, .help = "Its key."},
	{"operator", API_STRING, .pb = 2, .def = "\"Equal\"",
	 .enums = enum_DeviceTolerationOperator, .help = "How key and value are compared."},
	{"value", API_STRING, .pb = 3, .help = "The value."},
	{"effect", API_STRING, .pb = 4, .enums = enum_DeviceTaintEffect,
	 .help = "What the taint does."},
	{"tolerationSeconds", API_INT64, .pb = 5, .flags = API_PTR,
	 .help = "How long a taint is borne."},
};

const struct api_type api_t_resource_v1_DeviceToleration = {
	.name = "io.k8s.api.resource.v1.DeviceToleration",
	.fields = DeviceToleration_fields,
	.n_fields = ARRAY_SIZE(DeviceToleration_fields),
	.help = "Device toleration.",
};

static const struct api_field CapacityRequirements_fields[] = {
	{"requests", API_QUANTITY, API_MAP, .pb = 1,
	 .help = "Names of the requests it is about; none: all."},
};

const struct api_type api_t_resource_v1_CapacityRequirements = {
	.name = "io.k8s.api.resource.v1.CapacityRequirements",
	.fields = CapacityRequirements_fields,
	.n_fields = ARRAY_SIZE(CapacityRequirements_fields),
	.help = "Capacity requirements.",
};

static const struct api_field ExactDeviceRequest_fields[] = {
	{"deviceClassName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Class of the device."},
	{"selectors", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_resource_v1_DeviceSelector,
	 .help = "CEL expressions that a device must meet."},
	{"allocationMode", API_STRING, .pb = 3, .enums = enum_DeviceAllocationMode,
	 .def = "\"ExactCount\"", .help = "ExactCount, or All."},
	{"count", API_INT64, .pb = 4, .help = "How many."},
	{"adminAccess", API_BOOL, .pb = 5, .flags = API_PTR,
	 .help = "Use for looking after the device, which others may have."},
	{"tolerations", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_resource_v1_DeviceToleration,
	 .help = "Taints that do not keep it away."},
	{"capacity", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_resource_v1_CapacityRequirements, .help = "How much there is."},
};

const struct api_type api_t_resource_v1_ExactDeviceRequest = {
	.name = "io.k8s.api.resource.v1.ExactDeviceRequest",
	.fields = ExactDeviceRequest_fields,
	.n_fields = ARRAY_SIZE(ExactDeviceRequest_fields),
	.defaults = default_device_request,
	.help = "Exact device request.",
};

static const struct api_field DeviceSubRequest_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"deviceClassName", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Class of the device."},
	{"selectors", API_OBJECT, API_LIST, .pb = 3, .ref = &api_t_resource_v1_DeviceSelector,
	 .help = "CEL expressions that a device must meet."},
	{"allocationMode", API_STRING, .pb = 4, .enums = enum_DeviceAllocationMode,
	 .def = "\"ExactCount\"", .help = "ExactCount, or All."},
	{"count", API_INT64, .pb = 5, .help = "How many."},
	{"tolerations", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_resource_v1_DeviceToleration,
	 .help = "Taints that do not keep it away."},
	{"capacity", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_resource_v1_CapacityRequirements, .help = "How much there is."},
};

const struct api_type api_t_resource_v1_DeviceSubRequest = {
	.name = "io.k8s.api.resource.v1.DeviceSubRequest",
	.fields = DeviceSubRequest_fields,
	.n_fields = ARRAY_SIZE(DeviceSubRequest_fields),
	.defaults = default_device_request,
	.help = "Device sub request.",
};

static const struct api_field DeviceRequest_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"exactly", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_resource_v1_ExactDeviceRequest, .help = "One sort of device."},
	{"firstAvailable", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_resource_v1_DeviceSubRequest,
	 .help = "Several ways to meet it, best first."},
};

const struct api_type api_t_resource_v1_DeviceRequest = {
	.name = "io.k8s.api.resource.v1.DeviceRequest",
	.fields = DeviceRequest_fields,
	.n_fields = ARRAY_SIZE(DeviceRequest_fields),
	.help = "Device request.",
};

static const struct api_field DeviceConstraint_fields[] = {
	{"requests", API_STRING, API_LIST, .pb = 1,
	 .help = "Names of the requests it is about; none: all."},
	{"matchAttribute", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Attribute that all devices must have alike."},
	{"distinctAttribute", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Attribute in which all devices must differ."},
};

const struct api_type api_t_resource_v1_DeviceConstraint = {
	.name = "io.k8s.api.resource.v1.DeviceConstraint",
	.fields = DeviceConstraint_fields,
	.n_fields = ARRAY_SIZE(DeviceConstraint_fields),
	.help = "Device constraint.",
};

static const struct api_field DeviceClaimConfiguration_fields[] = {
	{"requests", API_STRING, API_LIST, .pb = 1,
	 .help = "Names of the requests it is about; none: all."},
	{"", API_OBJECT, .pb = 2, .flags = API_INLINE,
	 .ref = &api_t_resource_v1_DeviceConfiguration,
	 .help = "Part of this device claim configuration."},
};

const struct api_type api_t_resource_v1_DeviceClaimConfiguration = {
	.name = "io.k8s.api.resource.v1.DeviceClaimConfiguration",
	.fields = DeviceClaimConfiguration_fields,
	.n_fields = ARRAY_SIZE(DeviceClaimConfiguration_fields),
	.help = "Device claim configuration.",
};

static const struct api_field DeviceClaim_fields[] = {
	{"requests", API_OBJECT, API_LIST, .pb = 1, .flags = API_KEEP_EMPTY,
	 .ref = &api_t_resource_v1_DeviceRequest,
	 .help = "Names of the requests it is about; none: all."},
	{"constraints", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_resource_v1_DeviceConstraint,
	 .help = "What devices must have in common."},
	{"config", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_resource_v1_DeviceClaimConfiguration, .help = "Settings for the driver."},
};

const struct api_type api_t_resource_v1_DeviceClaim = {
	.name = "io.k8s.api.resource.v1.DeviceClaim",
	.fields = DeviceClaim_fields,
	.n_fields = ARRAY_SIZE(DeviceClaim_fields),
	.help = "Device claim.",
};

static const struct api_field ResourceClaimSpec_fields[] = {
	{"devices", API_OBJECT, .pb = 1, .ref = &api_t_resource_v1_DeviceClaim,
	 .help = "The devices."},
};

const struct api_type api_t_resource_v1_ResourceClaimSpec = {
	.name = "io.k8s.api.resource.v1.ResourceClaimSpec",
	.fields = ResourceClaimSpec_fields,
	.n_fields = ARRAY_SIZE(ResourceClaimSpec_fields),
	.help = "Resource claim spec.",
};

static const struct api_field DeviceRequestAllocationResult_fields[] = {
	{"request", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the request."},
	{"driver", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the driver."},
	{"pool", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The pool the device is in."},
	{"device", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the device."},
	{"adminAccess", API_BOOL, .pb = 5, .flags = API_PTR,
	 .help = "Use for looking after the device, which others may have."},
	{"tolerations", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_resource_v1_DeviceToleration,
	 .help = "Taints that do not keep it away."},
	{"bindingConditions", API_STRING, API_LIST, .pb = 7,
	 .help = "Conditions to wait for before a pod is bound."},
	{"bindingFailureConditions", API_STRING, API_LIST, .pb = 8,
	 .help = "Conditions of which one ends the binding."},
	{"shareID", API_STRING, .pb = 9, .flags = API_PTR,
	 .help = "Which share of a device that several use."},
	{"consumedCapacity", API_QUANTITY, API_MAP, .pb = 10,
	 .help = "How much of the device was given."},
	{"skipNodeOperations", API_STRING, API_LIST, API_SET, .pb = 11,
	 .enums = enum_SkipNodeOperation,
	 .help = "Calls of the driver that are left out on the node."},
};

const struct api_type api_t_resource_v1_DeviceRequestAllocationResult = {
	.name = "io.k8s.api.resource.v1.DeviceRequestAllocationResult",
	.fields = DeviceRequestAllocationResult_fields,
	.n_fields = ARRAY_SIZE(DeviceRequestAllocationResult_fields),
	.help = "Device request allocation result.",
};

static const struct api_field DeviceAllocationConfiguration_fields[] = {
	{"source", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_AllocationConfigSource, .help = "Where it comes from."},
	{"requests", API_STRING, API_LIST, .pb = 2,
	 .help = "Names of the requests it is about; none: all."},
	{"", API_OBJECT, .pb = 3, .flags = API_INLINE,
	 .ref = &api_t_resource_v1_DeviceConfiguration,
	 .help = "Part of this device allocation configuration."},
};

const struct api_type api_t_resource_v1_DeviceAllocationConfiguration = {
	.name = "io.k8s.api.resource.v1.DeviceAllocationConfiguration",
	.fields = DeviceAllocationConfiguration_fields,
	.n_fields = ARRAY_SIZE(DeviceAllocationConfiguration_fields),
	.help = "Device allocation configuration.",
};

static const struct api_field DeviceAllocationResult_fields[] = {
	{"results", API_OBJECT, API_LIST, .pb = 1,
	 .ref = &api_t_resource_v1_DeviceRequestAllocationResult,
	 .help = "The devices that were given."},
	{"config", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_resource_v1_DeviceAllocationConfiguration,
	 .help = "Settings for the driver."},
};

const struct api_type api_t_resource_v1_DeviceAllocationResult = {
	.name = "io.k8s.api.resource.v1.DeviceAllocationResult",
	.fields = DeviceAllocationResult_fields,
	.n_fields = ARRAY_SIZE(DeviceAllocationResult_fields),
	.help = "Device allocation result.",
};

static const struct api_field AllocationResult_fields[] = {
	{"devices", API_OBJECT, .pb = 1, .ref = &api_t_resource_v1_DeviceAllocationResult,
	 .help = "The devices."},
	{"nodeSelector", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_core_v1_NodeSelector,
	 .help = "Nodes from which it can be reached."},
	{"allocationTimestamp", API_TIME, .pb = 5, .flags = API_PTR, .help = "When it was given."},
};

const struct api_type api_t_resource_v1_AllocationResult = {
	.name = "io.k8s.api.resource.v1.AllocationResult",
	.fields = AllocationResult_fields,
	.n_fields = ARRAY_SIZE(AllocationResult_fields),
	.help = "Allocation result.",
};

static const struct api_field ResourceClaimConsumerReference_fields[] = {
	{"apiGroup", API_STRING, .pb = 1, .help = "API group."},
	{"resource", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The resource."},
	{"name", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"uid", API_STRING, .pb = 5, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its uid."},
};

const struct api_type api_t_resource_v1_ResourceClaimConsumerReference = {
	.name = "io.k8s.api.resource.v1.ResourceClaimConsumerReference",
	.fields = ResourceClaimConsumerReference_fields,
	.n_fields = ARRAY_SIZE(ResourceClaimConsumerReference_fields),
	.help = "Resource claim consumer reference.",
};

static const struct api_field NetworkDeviceData_fields[] = {
	{"interfaceName", API_STRING, .pb = 1, .help = "Name of the interface."},
	{"ips", API_STRING, API_LIST, .pb = 2, .help = "Its addresses with their prefix lengths."},
	{"hardwareAddress", API_STRING, .pb = 3, .help = "Its MAC address."},
};

const struct api_type api_t_resource_v1_NetworkDeviceData = {
	.name = "io.k8s.api.resource.v1.NetworkDeviceData",
	.fields = NetworkDeviceData_fields,
	.n_fields = ARRAY_SIZE(NetworkDeviceData_fields),
	.help = "Network device data.",
};

static const struct api_field AllocatedDeviceStatus_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the driver."},
	{"pool", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The pool the device is in."},
	{"device", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the device."},
	{"shareID", API_STRING, .pb = 7, .flags = API_PTR,
	 .help = "Which share of a device that several use."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 4, .flags = API_KEEP_EMPTY,
	 .keys = "type", .ref = &api_t_meta_v1_Condition,
	 .help = "What is known about the object, one entry a type."},
	{"data", API_ANY, .pb = 5, .flags = API_PTR, .help = "Whatever the driver reports."},
	{"networkData", API_OBJECT, .pb = 6, .flags = API_PTR,
	 .ref = &api_t_resource_v1_NetworkDeviceData,
	 .help = "Names and addresses of a network device."},
};

const struct api_type api_t_resource_v1_AllocatedDeviceStatus = {
	.name = "io.k8s.api.resource.v1.AllocatedDeviceStatus",
	.fields = AllocatedDeviceStatus_fields,
	.n_fields = ARRAY_SIZE(AllocatedDeviceStatus_fields),
	.help = "Allocated device status.",
};

static const struct api_field ResourceClaimStatus_fields[] = {
	{"allocation", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_resource_v1_AllocationResult, .help = "What was given."},
	{"reservedFor", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE,
	 .keys = "uid", .merge_key = "uid",
	 .ref = &api_t_resource_v1_ResourceClaimConsumerReference,
	 .help = "Who may use the claim."},
	{"devices", API_OBJECT, API_LIST, API_LISTMAP, .pb = 4,
	 .keys = "driver,device,pool,shareID", .ref = &api_t_resource_v1_AllocatedDeviceStatus,
	 .help = "The devices."},
};

const struct api_type api_t_resource_v1_ResourceClaimStatus = {
	.name = "io.k8s.api.resource.v1.ResourceClaimStatus",
	.fields = ResourceClaimStatus_fields,
	.n_fields = ARRAY_SIZE(ResourceClaimStatus_fields),
	.help = "Resource claim status.",
};

static const struct api_field ResourceClaim_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_resource_v1_ResourceClaimSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_resource_v1_ResourceClaimStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_resource_v1_ResourceClaim = {
	.name = "io.k8s.api.resource.v1.ResourceClaim",
	.fields = ResourceClaim_fields,
	.n_fields = ARRAY_SIZE(ResourceClaim_fields),
	.help = "Resource claim.",
};

static const struct api_field ResourceClaimTemplateSpec_fields[] = {
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_resource_v1_ResourceClaimSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_resource_v1_ResourceClaimTemplateSpec = {
	.name = "io.k8s.api.resource.v1.ResourceClaimTemplateSpec",
	.fields = ResourceClaimTemplateSpec_fields,
	.n_fields = ARRAY_SIZE(ResourceClaimTemplateSpec_fields),
	.help = "Resource claim template spec.",
};

static const struct api_field ResourceClaimTemplate_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_resource_v1_ResourceClaimTemplateSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_resource_v1_ResourceClaimTemplate = {
	.name = "io.k8s.api.resource.v1.ResourceClaimTemplate",
	.fields = ResourceClaimTemplate_fields,
	.n_fields = ARRAY_SIZE(ResourceClaimTemplate_fields),
	.help = "Resource claim template.",
};

static const struct api_field ResourcePool_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"generation", API_INT64, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Counts changes of the pool."},
	{"resourceSliceCount", API_INT64, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How many slices the pool has."},
};

const struct api_type api_t_resource_v1_ResourcePool = {
	.name = "io.k8s.api.resource.v1.ResourcePool",
	.fields = ResourcePool_fields,
	.n_fields = ARRAY_SIZE(ResourcePool_fields),
	.help = "Resource pool.",
};

static const struct api_field DeviceAttribute_fields[] = {
	{"int", API_INT64, .pb = 2, .flags = API_PTR, .help = "A number."},
	{"bool", API_BOOL, .pb = 3, .flags = API_PTR, .help = "True or false."},
	{"string", API_STRING, .pb = 4, .flags = API_PTR, .help = "A text."},
	{"version", API_STRING, .pb = 5, .flags = API_PTR, .help = "Version."},
	{"ints", API_INT64, API_LIST, .pb = 6, .help = "A list of numbers."},
	{"bools", API_BOOL, API_LIST, .pb = 7, .help = "A list of truths."},
	{"strings", API_STRING, API_LIST, .pb = 8, .help = "A list of texts."},
	{"versions", API_STRING, API_LIST, .pb = 9, .help = "A list of versions."},
};

const struct api_type api_t_resource_v1_DeviceAttribute = {
	.name = "io.k8s.api.resource.v1.DeviceAttribute",
	.fields = DeviceAttribute_fields,
	.n_fields = ARRAY_SIZE(DeviceAttribute_fields),
	.help = "Device attribute.",
};

static const struct api_field CapacityRequestPolicyRange_fields[] = {
	{"min", API_QUANTITY, .pb = 1, .flags = API_REQUIRED | API_PTR, .help = "The least."},
	{"max", API_QUANTITY, .pb = 2, .flags = API_PTR, .help = "The most."},
	{"step", API_QUANTITY, .pb = 3, .flags = API_PTR, .help = "Amounts are multiples of it."},
};

const struct api_type api_t_resource_v1_CapacityRequestPolicyRange = {
	.name = "io.k8s.api.resource.v1.CapacityRequestPolicyRange",
	.fields = CapacityRequestPolicyRange_fields,
	.n_fields = ARRAY_SIZE(CapacityRequestPolicyRange_fields),
	.help = "Capacity request policy range.",
};

static const struct api_field CapacityRequestPolicy_fields[] = {
	{"default", API_QUANTITY, .pb = 1, .flags = API_PTR | API_KEEP_EMPTY,
	 .help = "What is taken where nothing is said."},
	{"validValues", API_QUANTITY, API_LIST, .pb = 3, .help = "Amounts that may be asked for."},
	{"validRange", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_resource_v1_CapacityRequestPolicyRange,
	 .help = "Range of amounts that may be asked for."},
};

const struct api_type api_t_resource_v1_CapacityRequestPolicy = {
	.name = "io.k8s.api.resource.v1.CapacityRequestPolicy",
	.fields = CapacityRequestPolicy_fields,
	.n_fields = ARRAY_SIZE(CapacityRequestPolicy_fields),
	.help = "Capacity request policy.",
};

static const struct api_field DeviceCapacity_fields[] = {
	{"value", API_QUANTITY, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The value."},
	{"requestPolicy", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_resource_v1_CapacityRequestPolicy,
	 .help = "Which amounts may be asked for."},
};

const struct api_type api_t_resource_v1_DeviceCapacity = {
	.name = "io.k8s.api.resource.v1.DeviceCapacity",
	.fields = DeviceCapacity_fields,
	.n_fields = ARRAY_SIZE(DeviceCapacity_fields),
	.help = "Device capacity.",
};

static const struct api_field Counter_fields[] = {
	{"value", API_QUANTITY, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The value."},
};

const struct api_type api_t_resource_v1_Counter = {
	.name = "io.k8s.api.resource.v1.Counter",
	.fields = Counter_fields,
	.n_fields = ARRAY_SIZE(Counter_fields),
	.help = "Counter.",
};

static const struct api_field DeviceCounterConsumption_fields[] = {
	{"counterSet", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the set of counters."},
	{"counters", API_OBJECT, API_MAP, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_resource_v1_Counter, .help = "What is counted, by name."},
};

const struct api_type api_t_resource_v1_DeviceCounterConsumption = {
	.name = "io.k8s.api.resource.v1.DeviceCounterConsumption",
	.fields = DeviceCounterConsumption_fields,
	.n_fields = ARRAY_SIZE(DeviceCounterConsumption_fields),
	.help = "Device counter consumption.",
};

static const struct api_field DeviceTaint_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its key."},
	{"value", API_STRING, .pb = 2, .help = "The value."},
	{"effect", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_DeviceTaintEffect, .help = "What the taint does."},
	{"timeAdded", API_TIME, .pb = 4, .flags = API_PTR, .help = "When it was added."},
};

const struct api_type api_t_resource_v1_DeviceTaint = {
	.name = "io.k8s.api.resource.v1.DeviceTaint",
	.fields = DeviceTaint_fields,
	.n_fields = ARRAY_SIZE(DeviceTaint_fields),
	.help = "Device taint.",
};

static const struct api_field NodeAllocatableMapping_fields[] = {
	{"capacityKey", API_STRING, .pb = 1, .flags = API_PTR, .help = "Which capacity."},
	{"capacityMultiplier", API_QUANTITY, .pb = 2, .flags = API_PTR,
	 .help = "How much for each unit of capacity."},
	{"deviceMultiplier", API_QUANTITY, .pb = 3, .flags = API_PTR,
	 .help = "How much for each device."},
};

const struct api_type api_t_resource_v1_NodeAllocatableMapping = {
	.name = "io.k8s.api.resource.v1.NodeAllocatableMapping",
	.fields = NodeAllocatableMapping_fields,
	.n_fields = ARRAY_SIZE(NodeAllocatableMapping_fields),
	.help = "Node allocatable mapping.",
};

static const struct api_field NodeAllocatableOverhead_fields[] = {
	{"perPod", API_QUANTITY, .pb = 1, .flags = API_PTR, .help = "For each pod."},
	{"perContainer", API_QUANTITY, .pb = 2, .flags = API_PTR, .help = "For each container."},
};

const struct api_type api_t_resource_v1_NodeAllocatableOverhead = {
	.name = "io.k8s.api.resource.v1.NodeAllocatableOverhead",
	.fields = NodeAllocatableOverhead_fields,
	.n_fields = ARRAY_SIZE(NodeAllocatableOverhead_fields),
	.help = "Node allocatable overhead.",
};

static const struct api_field NodeAllocatableResource_fields[] = {
	{"mapping", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_resource_v1_NodeAllocatableMapping,
	 .help = "How it counts against the node."},
	{"overhead", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_resource_v1_NodeAllocatableOverhead, .help = "What it takes besides."},
};

const struct api_type api_t_resource_v1_NodeAllocatableResource = {
	.name = "io.k8s.api.resource.v1.NodeAllocatableResource",
	.fields = NodeAllocatableResource_fields,
	.n_fields = ARRAY_SIZE(NodeAllocatableResource_fields),
	.help = "Node allocatable resource.",
};

static const struct api_field Device_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"attributes", API_OBJECT, API_MAP, .pb = 2, .ref = &api_t_resource_v1_DeviceAttribute,
	 .help = "What the device is like, by name."},
	{"capacity", API_OBJECT, API_MAP, .pb = 3, .ref = &api_t_resource_v1_DeviceCapacity,
	 .help = "How much there is."},
	{"consumesCounters", API_OBJECT, API_LIST, .pb = 4,
	 .ref = &api_t_resource_v1_DeviceCounterConsumption,
	 .help = "What it takes of the shared counters."},
	{"nodeName", API_STRING, .pb = 5, .flags = API_PTR, .help = "Name of the node."},
	{"nodeSelector", API_OBJECT, .pb = 6, .flags = API_PTR, .ref = &api_t_core_v1_NodeSelector,
	 .help = "Nodes from which it can be reached."},
	{"allNodes", API_BOOL, .pb = 7, .flags = API_PTR, .help = "Every node can reach it."},
	{"taints", API_OBJECT, API_LIST, .pb = 8, .ref = &api_t_resource_v1_DeviceTaint,
	 .help = "Taints of the device."},
	{"bindsToNode", API_BOOL, .pb = 9, .flags = API_PTR,
	 .help = "A claim with it is for one node."},
	{"bindingConditions", API_STRING, API_LIST, .pb = 10,
	 .help = "Conditions to wait for before a pod is bound."},
	{"bindingFailureConditions", API_STRING, API_LIST, .pb = 11,
	 .help = "Conditions of which one ends the binding."},
	{"allowMultipleAllocations", API_BOOL, .pb = 12, .flags = API_PTR,
	 .help = "Several claims may share it."},
	{"nodeAllocatableResources", API_OBJECT, API_MAP, .pb = 14,
	 .ref = &api_t_resource_v1_NodeAllocatableResource, .help = "What of the node it takes."},
};

const struct api_type api_t_resource_v1_Device = {
	.name = "io.k8s.api.resource.v1.Device",
	.fields = Device_fields,
	.n_fields = ARRAY_SIZE(Device_fields),
	.help = "Device.",
};

static const struct api_field CounterSet_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"counters", API_OBJECT, API_MAP, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_resource_v1_Counter, .help = "What is counted, by name."},
};

const struct api_type api_t_resource_v1_CounterSet = {
	.name = "io.k8s.api.resource.v1.CounterSet",
	.fields = CounterSet_fields,
	.n_fields = ARRAY_SIZE(CounterSet_fields),
	.help = "Counter set.",
};

static const struct api_field ResourceSliceSpec_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the driver."},
	{"pool", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_resource_v1_ResourcePool,
	 .help = "The pool the device is in."},
	{"nodeName", API_STRING, .pb = 3, .flags = API_PTR, .help = "Name of the node."},
	{"nodeSelector", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_core_v1_NodeSelector,
	 .help = "Nodes from which it can be reached."},
	{"allNodes", API_BOOL, .pb = 5, .flags = API_PTR, .help = "Every node can reach it."},
	{"devices", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_resource_v1_Device,
	 .help = "The devices."},
	{"perDeviceNodeSelection", API_BOOL, .pb = 7, .flags = API_PTR,
	 .help = "Each device says from where it is reached."},
	{"sharedCounters", API_OBJECT, API_LIST, .pb = 8, .ref = &api_t_resource_v1_CounterSet,
	 .help = "What devices of the pool share."},
	{"partitionTypeAttribute", API_STRING, .pb = 9, .flags = API_PTR,
	 .help = "Attribute that tells the partitions apart."},
	{"skipNodeOperations", API_STRING, API_LIST, API_SET, .pb = 10,
	 .enums = enum_SkipNodeOperation,
	 .help = "Calls of the driver that are left out on the node."},
};

const struct api_type api_t_resource_v1_ResourceSliceSpec = {
	.name = "io.k8s.api.resource.v1.ResourceSliceSpec",
	.fields = ResourceSliceSpec_fields,
	.n_fields = ARRAY_SIZE(ResourceSliceSpec_fields),
	.help = "Resource slice spec.",
};

static const struct api_field ResourceSlice_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_resource_v1_ResourceSliceSpec, .help = "What is wanted."},
};

const struct api_type api_t_resource_v1_ResourceSlice = {
	.name = "io.k8s.api.resource.v1.ResourceSlice",
	.fields = ResourceSlice_fields,
	.n_fields = ARRAY_SIZE(ResourceSlice_fields),
	.help = "Resource slice.",
};
