/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_TaintEffect[] = {"NoExecute", "NoSchedule", "PreferNoSchedule", NULL};

static const char *const enum_NodePhase[] = {"Pending", "Running", "Terminated", NULL};

static const struct api_field Taint_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"value", API_STRING, .pb = 2, .help = "The value."},
	{"effect", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_TaintEffect, .help = "Effect of this taint."},
	{"timeAdded", API_TIME, .pb = 4, .flags = API_PTR, .help = "Time added of this taint."},
};

const struct api_type api_t_core_v1_Taint = {
	.name = "io.k8s.api.core.v1.Taint",
	.fields = Taint_fields,
	.n_fields = ARRAY_SIZE(Taint_fields),
	.help = "Taint.",
};

static const struct api_field ConfigMapNodeConfigSource_fields[] = {
	{"namespace", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Its namespace."},
	{"name", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"uid", API_STRING, .pb = 3,
	 .help = "Unique identity in time and space, given by the server."},
	{"resourceVersion", API_STRING, .pb = 4,
	 .help = "Opaque version of the object for watches and safe updates."},
	{"kubeletConfigKey", API_STRING, .pb = 5, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kubelet config key of this config map node config source."},
};

const struct api_type api_t_core_v1_ConfigMapNodeConfigSource = {
	.name = "io.k8s.api.core.v1.ConfigMapNodeConfigSource",
	.fields = ConfigMapNodeConfigSource_fields,
	.n_fields = ARRAY_SIZE(ConfigMapNodeConfigSource_fields),
	.help = "Config map node config source.",
};

static const struct api_field NodeConfigSource_fields[] = {
	{"configMap", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_ConfigMapNodeConfigSource, .help = "Keys of a config map as files."},
};

const struct api_type api_t_core_v1_NodeConfigSource = {
	.name = "io.k8s.api.core.v1.NodeConfigSource",
	.fields = NodeConfigSource_fields,
	.n_fields = ARRAY_SIZE(NodeConfigSource_fields),
	.help = "Node config source.",
};

static const struct api_field NodePodPreemptionPolicy_fields[] = {
	{"disableResizePreemption", API_STRING, API_LIST, API_SET, .pb = 1,
	 .help = "The disable resize preemption of this node pod preemption policy."},
};

const struct api_type api_t_core_v1_NodePodPreemptionPolicy = {
	.name = "io.k8s.api.core.v1.NodePodPreemptionPolicy",
	.fields = NodePodPreemptionPolicy_fields,
	.n_fields = ARRAY_SIZE(NodePodPreemptionPolicy_fields),
	.help = "Node pod preemption policy.",
};

static const struct api_field NodeSpec_fields[] = {
	{"podCIDR", API_STRING, .pb = 1, .help = "Addresses for pods of the node."},
	{"podCIDRs", API_STRING, API_LIST, API_SET, .pb = 7, .flags = API_MERGE,
	 .help = "Addresses for pods of the node, one a family."},
	{"providerID", API_STRING, .pb = 3, .help = "Provider ID of this node spec."},
	{"unschedulable", API_BOOL, .pb = 4, .help = "Let no new pods come."},
	{"taints", API_OBJECT, API_LIST, .pb = 5, .ref = &api_t_core_v1_Taint,
	 .help = "Keep pods away that do not tolerate them."},
	{"configSource", API_OBJECT, .pb = 6, .flags = API_PTR,
	 .ref = &api_t_core_v1_NodeConfigSource, .help = "Config source of this node spec."},
	{"externalID", API_STRING, .pb = 2, .help = "External ID of this node spec."},
	{"podPreemptionPolicy", API_OBJECT, .pb = 8, .flags = API_PTR,
	 .ref = &api_t_core_v1_NodePodPreemptionPolicy,
	 .help = "Pod preemption policy of this node spec."},
};

const struct api_type api_t_core_v1_NodeSpec = {
	.name = "io.k8s.api.core.v1.NodeSpec",
	.fields = NodeSpec_fields,
	.n_fields = ARRAY_SIZE(NodeSpec_fields),
	.help = "Node spec.",
};

static const struct api_field NodeCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"lastHeartbeatTime", API_TIME, .pb = 3,
	 .help = "Last heartbeat time of this node condition."},
	{"lastTransitionTime", API_TIME, .pb = 4, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 5, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 6, .help = "Why, for people."},
};

const struct api_type api_t_core_v1_NodeCondition = {
	.name = "io.k8s.api.core.v1.NodeCondition",
	.fields = NodeCondition_fields,
	.n_fields = ARRAY_SIZE(NodeCondition_fields),
	.help = "Node condition.",
};

static const struct api_field NodeAddress_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"address", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Address of this node address."},
};

const struct api_type api_t_core_v1_NodeAddress = {
	.name = "io.k8s.api.core.v1.NodeAddress",
	.fields = NodeAddress_fields,
	.n_fields = ARRAY_SIZE(NodeAddress_fields),
	.help = "Node address.",
};

static const struct api_field DaemonEndpoint_fields[] = {
	{"Port", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port of this daemon endpoint."},
};

const struct api_type api_t_core_v1_DaemonEndpoint = {
	.name = "io.k8s.api.core.v1.DaemonEndpoint",
	.fields = DaemonEndpoint_fields,
	.n_fields = ARRAY_SIZE(DaemonEndpoint_fields),
	.help = "Daemon endpoint.",
};

static const struct api_field NodeDaemonEndpoints_fields[] = {
	{"kubeletEndpoint", API_OBJECT, .pb = 1, .ref = &api_t_core_v1_DaemonEndpoint,
	 .help = "Kubelet endpoint of this node daemon endpoints."},
};

const struct api_type api_t_core_v1_NodeDaemonEndpoints = {
	.name = "io.k8s.api.core.v1.NodeDaemonEndpoints",
	.fields = NodeDaemonEndpoints_fields,
	.n_fields = ARRAY_SIZE(NodeDaemonEndpoints_fields),
	.help = "Node daemon endpoints.",
};

static const struct api_field NodeSwapStatus_fields[] = {
	{"capacity", API_INT64, .pb = 1, .flags = API_PTR, .help = "What there is in total."},
};

const struct api_type api_t_core_v1_NodeSwapStatus = {
	.name = "io.k8s.api.core.v1.NodeSwapStatus",
	.fields = NodeSwapStatus_fields,
	.n_fields = ARRAY_SIZE(NodeSwapStatus_fields),
	.help = "Node swap status.",
};

static const struct api_field NodeSystemInfo_fields[] = {
	{"machineID", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Machine ID of this node system info."},
	{"systemUUID", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "System UUID of this node system info."},
	{"bootID", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Boot ID of this node system info."},
	{"kernelVersion", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kernel version of this node system info."},
	{"osImage", API_STRING, .pb = 5, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Os image of this node system info."},
	{"containerRuntimeVersion", API_STRING, .pb = 6, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Container runtime version of this node system info."},
	{"kubeletVersion", API_STRING, .pb = 7, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kubelet version of this node system info."},
	{"kubeProxyVersion", API_STRING, .pb = 8, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kube proxy version of this node system info."},
	{"operatingSystem", API_STRING, .pb = 9, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Operating system of this node system info."},
	{"architecture", API_STRING, .pb = 10, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Architecture of this node system info."},
	{"swap", API_OBJECT, .pb = 11, .flags = API_PTR, .ref = &api_t_core_v1_NodeSwapStatus,
	 .help = "Swap of this node system info."},
};

const struct api_type api_t_core_v1_NodeSystemInfo = {
	.name = "io.k8s.api.core.v1.NodeSystemInfo",
	.fields = NodeSystemInfo_fields,
	.n_fields = ARRAY_SIZE(NodeSystemInfo_fields),
	.help = "Node system info.",
};

static const struct api_field ContainerImage_fields[] = {
	{"names", API_STRING, API_LIST, .pb = 1, .flags = API_KEEP_EMPTY,
	 .help = "The names of this container image."},
	{"sizeBytes", API_INT64, .pb = 2, .help = "Size bytes of this container image."},
};

const struct api_type api_t_core_v1_ContainerImage = {
	.name = "io.k8s.api.core.v1.ContainerImage",
	.fields = ContainerImage_fields,
	.n_fields = ARRAY_SIZE(ContainerImage_fields),
	.help = "Container image.",
};

static const struct api_field AttachedVolume_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"devicePath", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Device path of this attached volume."},
};

const struct api_type api_t_core_v1_AttachedVolume = {
	.name = "io.k8s.api.core.v1.AttachedVolume",
	.fields = AttachedVolume_fields,
	.n_fields = ARRAY_SIZE(AttachedVolume_fields),
	.help = "Attached volume.",
};

static const struct api_field NodeConfigStatus_fields[] = {
	{"assigned", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_NodeConfigSource,
	 .help = "Assigned of this node config status."},
	{"active", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_core_v1_NodeConfigSource,
	 .help = "Active of this node config status."},
	{"lastKnownGood", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_NodeConfigSource,
	 .help = "Last known good of this node config status."},
	{"error", API_STRING, .pb = 4, .help = "Error of this node config status."},
};

const struct api_type api_t_core_v1_NodeConfigStatus = {
	.name = "io.k8s.api.core.v1.NodeConfigStatus",
	.fields = NodeConfigStatus_fields,
	.n_fields = ARRAY_SIZE(NodeConfigStatus_fields),
	.help = "Node config status.",
};

static const struct api_field NodeRuntimeHandlerFeatures_fields[] = {
	{"recursiveReadOnlyMounts", API_BOOL, .pb = 1, .flags = API_PTR,
	 .help = "Whether recursive read only mounts holds."},
	{"userNamespaces", API_BOOL, .pb = 2, .flags = API_PTR,
	 .help = "Whether user namespaces holds."},
};

const struct api_type api_t_core_v1_NodeRuntimeHandlerFeatures = {
	.name = "io.k8s.api.core.v1.NodeRuntimeHandlerFeatures",
	.fields = NodeRuntimeHandlerFeatures_fields,
	.n_fields = ARRAY_SIZE(NodeRuntimeHandlerFeatures_fields),
	.help = "Node runtime handler features.",
};

static const struct api_field NodeRuntimeHandler_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_KEEP_EMPTY, .help = "Its name."},
	{"features", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_NodeRuntimeHandlerFeatures,
	 .help = "Features of this node runtime handler."},
};

const struct api_type api_t_core_v1_NodeRuntimeHandler = {
	.name = "io.k8s.api.core.v1.NodeRuntimeHandler",
	.fields = NodeRuntimeHandler_fields,
	.n_fields = ARRAY_SIZE(NodeRuntimeHandler_fields),
	.help = "Node runtime handler.",
};

static const struct api_field NodeFeatures_fields[] = {
	{"supplementalGroupsPolicy", API_BOOL, .pb = 1, .flags = API_PTR,
	 .help = "Whether supplemental groups policy holds."},
};

const struct api_type api_t_core_v1_NodeFeatures = {
	.name = "io.k8s.api.core.v1.NodeFeatures",
	.fields = NodeFeatures_fields,
	.n_fields = ARRAY_SIZE(NodeFeatures_fields),
	.help = "Node features.",
};

static const struct api_field NodeStatus_fields[] = {
	{"capacity", API_QUANTITY, API_MAP, .pb = 1, .help = "What there is in total."},
	{"allocatable", API_QUANTITY, API_MAP, .pb = 2, .help = "What pods may use."},
	{"phase", API_STRING, .pb = 3, .enums = enum_NodePhase, .help = "Where it is in its life."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 4, .flags = API_MERGE,
	 .ref = &api_t_core_v1_NodeCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
	{"addresses", API_OBJECT, API_LIST, API_LISTMAP, .pb = 5, .flags = API_MERGE,
	 .ref = &api_t_core_v1_NodeAddress, .keys = "type", .merge_key = "type",
	 .help = "Addresses it is reached by."},
	{"daemonEndpoints", API_OBJECT, .pb = 6, .ref = &api_t_core_v1_NodeDaemonEndpoints,
	 .help = "Daemon endpoints of this node status."},
	{"nodeInfo", API_OBJECT, .pb = 7, .ref = &api_t_core_v1_NodeSystemInfo,
	 .help = "Versions and identities of the machine."},
	{"images", API_OBJECT, API_LIST, .pb = 8, .ref = &api_t_core_v1_ContainerImage,
	 .help = "Images on the machine."},
	{"volumesInUse", API_STRING, API_LIST, .pb = 9,
	 .help = "The volumes in use of this node status."},
	{"volumesAttached", API_OBJECT, API_LIST, .pb = 10, .ref = &api_t_core_v1_AttachedVolume,
	 .help = "The volumes attached of this node status."},
	{"config", API_OBJECT, .pb = 11, .flags = API_PTR, .ref = &api_t_core_v1_NodeConfigStatus,
	 .help = "Config of this node status."},
	{"runtimeHandlers", API_OBJECT, API_LIST, .pb = 12,
	 .ref = &api_t_core_v1_NodeRuntimeHandler,
	 .help = "The runtime handlers of this node status."},
	{"features", API_OBJECT, .pb = 13, .flags = API_PTR, .ref = &api_t_core_v1_NodeFeatures,
	 .help = "Features of this node status."},
	{"declaredFeatures", API_STRING, API_LIST, .pb = 14,
	 .help = "The declared features of this node status."},
};

const struct api_type api_t_core_v1_NodeStatus = {
	.name = "io.k8s.api.core.v1.NodeStatus",
	.fields = NodeStatus_fields,
	.n_fields = ARRAY_SIZE(NodeStatus_fields),
	.help = "Node status.",
	.defaults = default_node_status,
};

static const struct api_field Node_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_NodeSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_NodeStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_core_v1_Node = {
	.name = "io.k8s.api.core.v1.Node",
	.fields = Node_fields,
	.n_fields = ARRAY_SIZE(Node_fields),
	.help = "Node.",
};

static const struct api_field Overhead_fields[] = {
	{"podFixed", API_QUANTITY, API_MAP, .pb = 1, .help = "Pod fixed of this overhead."},
};

const struct api_type api_t_node_v1_Overhead = {
	.name = "io.k8s.api.node.v1.Overhead",
	.fields = Overhead_fields,
	.n_fields = ARRAY_SIZE(Overhead_fields),
	.help = "Overhead.",
};

static const struct api_field Scheduling_fields[] = {
	{"nodeSelector", API_STRING, API_MAP, .pb = 1, .flags = API_WHOLE,
	 .help = "Labels a node must have to run the pod."},
	{"tolerations", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_Toleration,
	 .help = "Taints the pod puts up with."},
};

const struct api_type api_t_node_v1_Scheduling = {
	.name = "io.k8s.api.node.v1.Scheduling",
	.fields = Scheduling_fields,
	.n_fields = ARRAY_SIZE(Scheduling_fields),
	.help = "Scheduling.",
};

static const struct api_field RuntimeClass_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"handler", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Handler of this runtime class."},
	{"overhead", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_node_v1_Overhead,
	 .help = "Resources the sandbox itself needs."},
	{"scheduling", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_node_v1_Scheduling,
	 .help = "Scheduling of this runtime class."},
};

const struct api_type api_t_node_v1_RuntimeClass = {
	.name = "io.k8s.api.node.v1.RuntimeClass",
	.fields = RuntimeClass_fields,
	.n_fields = ARRAY_SIZE(RuntimeClass_fields),
	.help = "Runtime class.",
};
