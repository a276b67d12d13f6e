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
	 .help = "Cel of this device selector."},
};

const struct api_type api_t_resource_v1_DeviceSelector = {
	.name = "io.k8s.api.resource.v1.DeviceSelector",
	.fields = DeviceSelector_fields,
	.n_fields = ARRAY_SIZE(DeviceSelector_fields),
	.help = "Device selector.",
};

static const struct api_field OpaqueDeviceConfiguration_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Driver of this opaque device configuration."},
	{"parameters", API_ANY, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Parameters of this opaque device configuration."},
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
	 .help = "Opaque of this device configuration."},
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
	 .help = "Selectors of this device class spec."},
	{"config", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_resource_v1_DeviceClassConfiguration,
	 .help = "Config of this device class spec."},
	{"extendedResourceName", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Extended resource name of this device class spec."},
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
	{"key", API_STRING, .pb = 1, .help = "Key of this device toleration."},
	{"operator", API_STRING, .pb = 2, .def = "\"Equal\"",
	 .enums = enum_DeviceTolerationOperator, .help = "Operator of this device toleration."},
	{"value", API_STRING, .pb = 3, .help = "Value of this device toleration."},
	{"effect", API_STRING, .pb = 4, .enums = enum_DeviceTaintEffect,
	 .help = "Effect of this device toleration."},
	{"tolerationSeconds", API_INT64, .pb = 5, .flags = API_PTR,
	 .help = "Toleration seconds of this device toleration."},
};

const struct api_type api_t_resource_v1_DeviceToleration = {
	.name = "io.k8s.api.resource.v1.DeviceToleration",
	.fields = DeviceToleration_fields,
	.n_fields = ARRAY_SIZE(DeviceToleration_fields),
	.help = "Device toleration.",
};

static const struct api_field CapacityRequirements_fields[] = {
	{"requests", API_QUANTITY, API_MAP, .pb = 1,
	 .help = "Requests of this capacity requirements."},
};

const struct api_type api_t_resource_v1_CapacityRequirements = {
	.name = "io.k8s.api.resource.v1.CapacityRequirements",
	.fields = CapacityRequirements_fields,
	.n_fields = ARRAY_SIZE(CapacityRequirements_fields),
	.help = "Capacity requirements.",
};

static const struct api_field ExactDeviceRequest_fields[] = {
	{"deviceClassName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Device class name of this exact device request."},
	{"selectors", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_resource_v1_DeviceSelector,
	 .help = "Selectors of this exact device request."},
	{"allocationMode", API_STRING, .pb = 3, .enums = enum_DeviceAllocationMode,
	 .def = "\"ExactCount\"", .help = "Allocation mode of this exact device request."},
	{"count", API_INT64, .pb = 4, .help = "Count of this exact device request."},
	{"adminAccess", API_BOOL, .pb = 5, .flags = API_PTR,
	 .help = "Admin access of this exact device request."},
	{"tolerations", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_resource_v1_DeviceToleration,
	 .help = "Tolerations of this exact device request."},
	{"capacity", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_resource_v1_CapacityRequirements,
	 .help = "Capacity of this exact device request."},
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
	 .help = "Device class name of this device sub request."},
	{"selectors", API_OBJECT, API_LIST, .pb = 3, .ref = &api_t_resource_v1_DeviceSelector,
	 .help = "Selectors of this device sub request."},
	{"allocationMode", API_STRING, .pb = 4, .enums = enum_DeviceAllocationMode,
	 .def = "\"ExactCount\"", .help = "Allocation mode of this device sub request."},
	{"count", API_INT64, .pb = 5, .help = "Count of this device sub request."},
	{"tolerations", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_resource_v1_DeviceToleration,
	 .help = "Tolerations of this device sub request."},
	{"capacity", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_resource_v1_CapacityRequirements,
	 .help = "Capacity of this device sub request."},
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
	 .ref = &api_t_resource_v1_ExactDeviceRequest, .help = "Exactly of this device request."},
	{"firstAvailable", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_resource_v1_DeviceSubRequest,
	 .help = "First available of this device request."},
};

const struct api_type api_t_resource_v1_DeviceRequest = {
	.name = "io.k8s.api.resource.v1.DeviceRequest",
	.fields = DeviceRequest_fields,
	.n_fields = ARRAY_SIZE(DeviceRequest_fields),
	.help = "Device request.",
};

static const struct api_field DeviceConstraint_fields[] = {
	{"requests", API_STRING, API_LIST, .pb = 1, .help = "Requests of this device constraint."},
	{"matchAttribute", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Match attribute of this device constraint."},
	{"distinctAttribute", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Distinct attribute of this device constraint."},
};

const struct api_type api_t_resource_v1_DeviceConstraint = {
	.name = "io.k8s.api.resource.v1.DeviceConstraint",
	.fields = DeviceConstraint_fields,
	.n_fields = ARRAY_SIZE(DeviceConstraint_fields),
	.help = "Device constraint.",
};

static const struct api_field DeviceClaimConfiguration_fields[] = {
	{"requests", API_STRING, API_LIST, .pb = 1,
	 .help = "Requests of this device claim configuration."},
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
	 .ref = &api_t_resource_v1_DeviceRequest, .help = "Requests of this device claim."},
	{"constraints", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_resource_v1_DeviceConstraint,
	 .help = "Constraints of this device claim."},
	{"config", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_resource_v1_DeviceClaimConfiguration,
	 .help = "Config of this device claim."},
};

const struct api_type api_t_resource_v1_DeviceClaim = {
	.name = "io.k8s.api.resource.v1.DeviceClaim",
	.fields = DeviceClaim_fields,
	.n_fields = ARRAY_SIZE(DeviceClaim_fields),
	.help = "Device claim.",
};

static const struct api_field ResourceClaimSpec_fields[] = {
	{"devices", API_OBJECT, .pb = 1, .ref = &api_t_resource_v1_DeviceClaim,
	 .help = "Devices of this resource claim spec."},
};

const struct api_type api_t_resource_v1_ResourceClaimSpec = {
	.name = "io.k8s.api.resource.v1.ResourceClaimSpec",
	.fields = ResourceClaimSpec_fields,
	.n_fields = ARRAY_SIZE(ResourceClaimSpec_fields),
	.help = "Resource claim spec.",
};

static const struct api_field DeviceRequestAllocationResult_fields[] = {
	{"request", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Request of this device request allocation result."},
	{"driver", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Driver of this device request allocation result."},
	{"pool", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Pool of this device request allocation result."},
	{"device", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Device of this device request allocation result."},
	{"adminAccess", API_BOOL, .pb = 5, .flags = API_PTR,
	 .help = "Admin access of this device request allocation result."},
	{"tolerations", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_resource_v1_DeviceToleration,
	 .help = "Tolerations of this device request allocation result."},
	{"bindingConditions", API_STRING, API_LIST, .pb = 7,
	 .help = "Binding conditions of this device request allocation result."},
	{"bindingFailureConditions", API_STRING, API_LIST, .pb = 8,
	 .help = "Binding failure conditions of this device request allocation result."},
	{"shareID", API_STRING, .pb = 9, .flags = API_PTR,
	 .help = "Share id of this device request allocation result."},
	{"consumedCapacity", API_QUANTITY, API_MAP, .pb = 10,
	 .help = "Consumed capacity of this device request allocation result."},
	{"skipNodeOperations", API_STRING, API_LIST, API_SET, .pb = 11,
	 .enums = enum_SkipNodeOperation,
	 .help = "Skip node operations of this device request allocation result."},
};

const struct api_type api_t_resource_v1_DeviceRequestAllocationResult = {
	.name = "io.k8s.api.resource.v1.DeviceRequestAllocationResult",
	.fields = DeviceRequestAllocationResult_fields,
	.n_fields = ARRAY_SIZE(DeviceRequestAllocationResult_fields),
	.help = "Device request allocation result.",
};

static const struct api_field DeviceAllocationConfiguration_fields[] = {
	{"source", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_AllocationConfigSource,
	 .help = "Source of this device allocation configuration."},
	{"requests", API_STRING, API_LIST, .pb = 2,
	 .help = "Requests of this device allocation configuration."},
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
	 .help = "Results of this device allocation result."},
	{"config", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_resource_v1_DeviceAllocationConfiguration,
	 .help = "Config of this device allocation result."},
};

const struct api_type api_t_resource_v1_DeviceAllocationResult = {
	.name = "io.k8s.api.resource.v1.DeviceAllocationResult",
	.fields = DeviceAllocationResult_fields,
	.n_fields = ARRAY_SIZE(DeviceAllocationResult_fields),
	.help = "Device allocation result.",
};

static const struct api_field AllocationResult_fields[] = {
	{"devices", API_OBJECT, .pb = 1, .ref = &api_t_resource_v1_DeviceAllocationResult,
	 .help = "Devices of this allocation result."},
	{"nodeSelector", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_core_v1_NodeSelector,
	 .help = "Node selector of this allocation result."},
	{"allocationTimestamp", API_TIME, .pb = 5, .flags = API_PTR,
	 .help = "Allocation timestamp of this allocation result."},
};

const struct api_type api_t_resource_v1_AllocationResult = {
	.name = "io.k8s.api.resource.v1.AllocationResult",
	.fields = AllocationResult_fields,
	.n_fields = ARRAY_SIZE(AllocationResult_fields),
	.help = "Allocation result.",
};

static const struct api_field ResourceClaimConsumerReference_fields[] = {
	{"apiGroup", API_STRING, .pb = 1,
	 .help = "Api group of this resource claim consumer reference."},
	{"resource", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resource of this resource claim consumer reference."},
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
	{"interfaceName", API_STRING, .pb = 1,
	 .help = "Interface name of this network device data."},
	{"ips", API_STRING, API_LIST, .pb = 2, .help = "Ips of this network device data."},
	{"hardwareAddress", API_STRING, .pb = 3,
	 .help = "Hardware address of this network device data."},
};

const struct api_type api_t_resource_v1_NetworkDeviceData = {
	.name = "io.k8s.api.resource.v1.NetworkDeviceData",
	.fields = NetworkDeviceData_fields,
	.n_fields = ARRAY_SIZE(NetworkDeviceData_fields),
	.help = "Network device data.",
};

static const struct api_field AllocatedDeviceStatus_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Driver of this allocated device status."},
	{"pool", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Pool of this allocated device status."},
	{"device", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Device of this allocated device status."},
	{"shareID", API_STRING, .pb = 7, .flags = API_PTR,
	 .help = "Share id of this allocated device status."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 4, .flags = API_KEEP_EMPTY,
	 .keys = "type", .ref = &api_t_meta_v1_Condition,
	 .help = "What is known about the object, one entry a type."},
	{"data", API_ANY, .pb = 5, .flags = API_PTR,
	 .help = "Data of this allocated device status."},
	{"networkData", API_OBJECT, .pb = 6, .flags = API_PTR,
	 .ref = &api_t_resource_v1_NetworkDeviceData,
	 .help = "Network data of this allocated device status."},
};

const struct api_type api_t_resource_v1_AllocatedDeviceStatus = {
	.name = "io.k8s.api.resource.v1.AllocatedDeviceStatus",
	.fields = AllocatedDeviceStatus_fields,
	.n_fields = ARRAY_SIZE(AllocatedDeviceStatus_fields),
	.help = "Allocated device status.",
};

static const struct api_field ResourceClaimStatus_fields[] = {
	{"allocation", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_resource_v1_AllocationResult,
	 .help = "Allocation of this resource claim status."},
	{"reservedFor", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE,
	 .keys = "uid", .merge_key = "uid",
	 .ref = &api_t_resource_v1_ResourceClaimConsumerReference,
	 .help = "Reserved for of this resource claim status."},
	{"devices", API_OBJECT, API_LIST, API_LISTMAP, .pb = 4,
	 .keys = "driver,device,pool,shareID", .ref = &api_t_resource_v1_AllocatedDeviceStatus,
	 .help = "Devices of this resource claim status."},
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
	 .help = "Generation of this resource pool."},
	{"resourceSliceCount", API_INT64, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resource slice count of this resource pool."},
};

const struct api_type api_t_resource_v1_ResourcePool = {
	.name = "io.k8s.api.resource.v1.ResourcePool",
	.fields = ResourcePool_fields,
	.n_fields = ARRAY_SIZE(ResourcePool_fields),
	.help = "Resource pool.",
};

static const struct api_field DeviceAttribute_fields[] = {
	{"int", API_INT64, .pb = 2, .flags = API_PTR, .help = "Int of this device attribute."},
	{"bool", API_BOOL, .pb = 3, .flags = API_PTR, .help = "Bool of this device attribute."},
	{"string", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "String of this device attribute."},
	{"version", API_STRING, .pb = 5, .flags = API_PTR,
	 .help = "Version of this device attribute."},
	{"ints", API_INT64, API_LIST, .pb = 6, .help = "Ints of this device attribute."},
	{"bools", API_BOOL, API_LIST, .pb = 7, .help = "Bools of this device attribute."},
	{"strings", API_STRING, API_LIST, .pb = 8, .help = "Strings of this device attribute."},
	{"versions", API_STRING, API_LIST, .pb = 9, .help = "Versions of this device attribute."},
};

const struct api_type api_t_resource_v1_DeviceAttribute = {
	.name = "io.k8s.api.resource.v1.DeviceAttribute",
	.fields = DeviceAttribute_fields,
	.n_fields = ARRAY_SIZE(DeviceAttribute_fields),
	.help = "Device attribute.",
};

static const struct api_field CapacityRequestPolicyRange_fields[] = {
	{"min", API_QUANTITY, .pb = 1, .flags = API_REQUIRED | API_PTR,
	 .help = "Min of this capacity request policy range."},
	{"max", API_QUANTITY, .pb = 2, .flags = API_PTR,
	 .help = "Max of this capacity request policy range."},
	{"step", API_QUANTITY, .pb = 3, .flags = API_PTR,
	 .help = "Step of this capacity request policy range."},
};

const struct api_type api_t_resource_v1_CapacityRequestPolicyRange = {
	.name = "io.k8s.api.resource.v1.CapacityRequestPolicyRange",
	.fields = CapacityRequestPolicyRange_fields,
	.n_fields = ARRAY_SIZE(CapacityRequestPolicyRange_fields),
	.help = "Capacity request policy range.",
};

static const struct api_field CapacityRequestPolicy_fields[] = {
	{"default", API_QUANTITY, .pb = 1, .flags = API_PTR | API_KEEP_EMPTY,
	 .help = "Default of this capacity request policy."},
	{"validValues", API_QUANTITY, API_LIST, .pb = 3,
	 .help = "Valid values of this capacity request policy."},
	{"validRange", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_resource_v1_CapacityRequestPolicyRange,
	 .help = "Valid range of this capacity request policy."},
};

const struct api_type api_t_resource_v1_CapacityRequestPolicy = {
	.name = "io.k8s.api.resource.v1.CapacityRequestPolicy",
	.fields = CapacityRequestPolicy_fields,
	.n_fields = ARRAY_SIZE(CapacityRequestPolicy_fields),
	.help = "Capacity request policy.",
};

static const struct api_field DeviceCapacity_fields[] = {
	{"value", API_QUANTITY, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Value of this device capacity."},
	{"requestPolicy", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_resource_v1_CapacityRequestPolicy,
	 .help = "Request policy of this device capacity."},
};

const struct api_type api_t_resource_v1_DeviceCapacity = {
	.name = "io.k8s.api.resource.v1.DeviceCapacity",
	.fields = DeviceCapacity_fields,
	.n_fields = ARRAY_SIZE(DeviceCapacity_fields),
	.help = "Device capacity.",
};

static const struct api_field Counter_fields[] = {
	{"value", API_QUANTITY, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Value of this counter."},
};

const struct api_type api_t_resource_v1_Counter = {
	.name = "io.k8s.api.resource.v1.Counter",
	.fields = Counter_fields,
	.n_fields = ARRAY_SIZE(Counter_fields),
	.help = "Counter.",
};

static const struct api_field DeviceCounterConsumption_fields[] = {
	{"counterSet", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Counter set of this device counter consumption."},
	{"counters", API_OBJECT, API_MAP, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_resource_v1_Counter, .help = "Counters of this device counter consumption."},
};

const struct api_type api_t_resource_v1_DeviceCounterConsumption = {
	.name = "io.k8s.api.resource.v1.DeviceCounterConsumption",
	.fields = DeviceCounterConsumption_fields,
	.n_fields = ARRAY_SIZE(DeviceCounterConsumption_fields),
	.help = "Device counter consumption.",
};

static const struct api_field DeviceTaint_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Key of this device taint."},
	{"value", API_STRING, .pb = 2, .help = "Value of this device taint."},
	{"effect", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_DeviceTaintEffect, .help = "Effect of this device taint."},
	{"timeAdded", API_TIME, .pb = 4, .flags = API_PTR,
	 .help = "Time added of this device taint."},
};

const struct api_type api_t_resource_v1_DeviceTaint = {
	.name = "io.k8s.api.resource.v1.DeviceTaint",
	.fields = DeviceTaint_fields,
	.n_fields = ARRAY_SIZE(DeviceTaint_fields),
	.help = "Device taint.",
};

static const struct api_field NodeAllocatableMapping_fields[] = {
	{"capacityKey", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Capacity key of this node allocatable mapping."},
	{"capacityMultiplier", API_QUANTITY, .pb = 2, .flags = API_PTR,
	 .help = "Capacity multiplier of this node allocatable mapping."},
	{"deviceMultiplier", API_QUANTITY, .pb = 3, .flags = API_PTR,
	 .help = "Device multiplier of this node allocatable mapping."},
};

const struct api_type api_t_resource_v1_NodeAllocatableMapping = {
	.name = "io.k8s.api.resource.v1.NodeAllocatableMapping",
	.fields = NodeAllocatableMapping_fields,
	.n_fields = ARRAY_SIZE(NodeAllocatableMapping_fields),
	.help = "Node allocatable mapping.",
};

static const struct api_field NodeAllocatableOverhead_fields[] = {
	{"perPod", API_QUANTITY, .pb = 1, .flags = API_PTR,
	 .help = "Per pod of this node allocatable overhead."},
	{"perContainer", API_QUANTITY, .pb = 2, .flags = API_PTR,
	 .help = "Per container of this node allocatable overhead."},
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
	 .help = "Mapping of this node allocatable resource."},
	{"overhead", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_resource_v1_NodeAllocatableOverhead,
	 .help = "Overhead of this node allocatable resource."},
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
	 .help = "Attributes of this device."},
	{"capacity", API_OBJECT, API_MAP, .pb = 3, .ref = &api_t_resource_v1_DeviceCapacity,
	 .help = "Capacity of this device."},
	{"consumesCounters", API_OBJECT, API_LIST, .pb = 4,
	 .ref = &api_t_resource_v1_DeviceCounterConsumption,
	 .help = "Consumes counters of this device."},
	{"nodeName", API_STRING, .pb = 5, .flags = API_PTR, .help = "Node name of this device."},
	{"nodeSelector", API_OBJECT, .pb = 6, .flags = API_PTR, .ref = &api_t_core_v1_NodeSelector,
	 .help = "Node selector of this device."},
	{"allNodes", API_BOOL, .pb = 7, .flags = API_PTR, .help = "All nodes of this device."},
	{"taints", API_OBJECT, API_LIST, .pb = 8, .ref = &api_t_resource_v1_DeviceTaint,
	 .help = "Taints of this device."},
	{"bindsToNode", API_BOOL, .pb = 9, .flags = API_PTR,
	 .help = "Binds to node of this device."},
	{"bindingConditions", API_STRING, API_LIST, .pb = 10,
	 .help = "Binding conditions of this device."},
	{"bindingFailureConditions", API_STRING, API_LIST, .pb = 11,
	 .help = "Binding failure conditions of this device."},
	{"allowMultipleAllocations", API_BOOL, .pb = 12, .flags = API_PTR,
	 .help = "Allow multiple allocations of this device."},
	{"nodeAllocatableResources", API_OBJECT, API_MAP, .pb = 14,
	 .ref = &api_t_resource_v1_NodeAllocatableResource,
	 .help = "Node allocatable resources of this device."},
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
	 .ref = &api_t_resource_v1_Counter, .help = "Counters of this counter set."},
};

const struct api_type api_t_resource_v1_CounterSet = {
	.name = "io.k8s.api.resource.v1.CounterSet",
	.fields = CounterSet_fields,
	.n_fields = ARRAY_SIZE(CounterSet_fields),
	.help = "Counter set.",
};

static const struct api_field ResourceSliceSpec_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Driver of this resource slice spec."},
	{"pool", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_resource_v1_ResourcePool,
	 .help = "Pool of this resource slice spec."},
	{"nodeName", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Node name of this resource slice spec."},
	{"nodeSelector", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_core_v1_NodeSelector,
	 .help = "Node selector of this resource slice spec."},
	{"allNodes", API_BOOL, .pb = 5, .flags = API_PTR,
	 .help = "All nodes of this resource slice spec."},
	{"devices", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_resource_v1_Device,
	 .help = "Devices of this resource slice spec."},
	{"perDeviceNodeSelection", API_BOOL, .pb = 7, .flags = API_PTR,
	 .help = "Per device node selection of this resource slice spec."},
	{"sharedCounters", API_OBJECT, API_LIST, .pb = 8, .ref = &api_t_resource_v1_CounterSet,
	 .help = "Shared counters of this resource slice spec."},
	{"partitionTypeAttribute", API_STRING, .pb = 9, .flags = API_PTR,
	 .help = "Partition type attribute of this resource slice spec."},
	{"skipNodeOperations", API_STRING, API_LIST, API_SET, .pb = 10,
	 .enums = enum_SkipNodeOperation,
	 .help = "Skip node operations of this resource slice spec."},
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
