/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const char *const enum_Signal[] = {
	"SIGABRT",     "SIGALRM",     "SIGBUS",      "SIGCHLD",     "SIGCLD",      "SIGCONT",
	"SIGFPE",      "SIGHUP",      "SIGILL",      "SIGINT",      "SIGIO",       "SIGIOT",
	"SIGKILL",     "SIGPIPE",     "SIGPOLL",     "SIGPROF",     "SIGPWR",      "SIGQUIT",
	"SIGRTMAX",    "SIGRTMAX-1",  "SIGRTMAX-10", "SIGRTMAX-11", "SIGRTMAX-12", "SIGRTMAX-13",
	"SIGRTMAX-14", "SIGRTMAX-2",  "SIGRTMAX-3",  "SIGRTMAX-4",  "SIGRTMAX-5",  "SIGRTMAX-6",
	"SIGRTMAX-7",  "SIGRTMAX-8",  "SIGRTMAX-9",  "SIGRTMIN",    "SIGRTMIN+1",  "SIGRTMIN+10",
	"SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+2",
	"SIGRTMIN+3",  "SIGRTMIN+4",  "SIGRTMIN+5",  "SIGRTMIN+6",  "SIGRTMIN+7",  "SIGRTMIN+8",
	"SIGRTMIN+9",  "SIGSEGV",     "SIGSTKFLT",   "SIGSTOP",     "SIGSYS",      "SIGTERM",
	"SIGTRAP",     "SIGTSTP",     "SIGTTIN",     "SIGTTOU",     "SIGURG",      "SIGUSR1",
	"SIGUSR2",     "SIGVTALRM",   "SIGWINCH",    "SIGXCPU",     "SIGXFSZ",     NULL};

static const char *const enum_PodPhase[] = {"Failed",    "Pending", "Running",
					    "Succeeded", "Unknown", NULL};

static const char *const enum_PodQOSClass[] = {"BestEffort", "Burstable", "Guaranteed", NULL};

static const struct api_field PodCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"observedGeneration", API_INT64, .pb = 7, .help = "Generation the status belongs to."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"lastProbeTime", API_TIME, .pb = 3, .help = "Last probe time of this pod condition."},
	{"lastTransitionTime", API_TIME, .pb = 4, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 5, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 6, .help = "Why, for people."},
};

const struct api_type api_t_core_v1_PodCondition = {
	.name = "io.k8s.api.core.v1.PodCondition",
	.fields = PodCondition_fields,
	.n_fields = ARRAY_SIZE(PodCondition_fields),
	.help = "Pod condition.",
};

static const struct api_field HostIP_fields[] = {
	{"ip", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Ip of this host ip."},
};

const struct api_type api_t_core_v1_HostIP = {
	.name = "io.k8s.api.core.v1.HostIP",
	.fields = HostIP_fields,
	.n_fields = ARRAY_SIZE(HostIP_fields),
	.help = "Host IP.",
};

static const struct api_field PodIP_fields[] = {
	{"ip", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Ip of this pod ip."},
};

const struct api_type api_t_core_v1_PodIP = {
	.name = "io.k8s.api.core.v1.PodIP",
	.fields = PodIP_fields,
	.n_fields = ARRAY_SIZE(PodIP_fields),
	.help = "Pod IP.",
};

static const struct api_field ContainerStateWaiting_fields[] = {
	{"reason", API_STRING, .pb = 1, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 2, .help = "Why, for people."},
};

const struct api_type api_t_core_v1_ContainerStateWaiting = {
	.name = "io.k8s.api.core.v1.ContainerStateWaiting",
	.fields = ContainerStateWaiting_fields,
	.n_fields = ARRAY_SIZE(ContainerStateWaiting_fields),
	.help = "Container state waiting.",
};

static const struct api_field ContainerStateRunning_fields[] = {
	{"startedAt", API_TIME, .pb = 1, .help = "Started at of this container state running."},
};

const struct api_type api_t_core_v1_ContainerStateRunning = {
	.name = "io.k8s.api.core.v1.ContainerStateRunning",
	.fields = ContainerStateRunning_fields,
	.n_fields = ARRAY_SIZE(ContainerStateRunning_fields),
	.help = "Container state running.",
};

static const struct api_field ContainerStateTerminated_fields[] = {
	{"exitCode", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Exit code of this container state terminated."},
	{"signal", API_INT32, .pb = 2, .help = "Signal of this container state terminated."},
	{"reason", API_STRING, .pb = 3, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 4, .help = "Why, for people."},
	{"startedAt", API_TIME, .pb = 5, .help = "Started at of this container state terminated."},
	{"finishedAt", API_TIME, .pb = 6,
	 .help = "Finished at of this container state terminated."},
	{"containerID", API_STRING, .pb = 7,
	 .help = "Container ID of this container state terminated."},
};

const struct api_type api_t_core_v1_ContainerStateTerminated = {
	.name = "io.k8s.api.core.v1.ContainerStateTerminated",
	.fields = ContainerStateTerminated_fields,
	.n_fields = ARRAY_SIZE(ContainerStateTerminated_fields),
	.help = "Container state terminated.",
};

static const struct api_field ContainerState_fields[] = {
	{"waiting", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_core_v1_ContainerStateWaiting, .help = "Waiting of this container state."},
	{"running", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_ContainerStateRunning, .help = "Running of this container state."},
	{"terminated", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_ContainerStateTerminated,
	 .help = "Terminated of this container state."},
};

const struct api_type api_t_core_v1_ContainerState = {
	.name = "io.k8s.api.core.v1.ContainerState",
	.fields = ContainerState_fields,
	.n_fields = ARRAY_SIZE(ContainerState_fields),
	.help = "Container state.",
};

static const struct api_field ImageVolumeStatus_fields[] = {
	{"imageRef", API_STRING, .pb = 1, .flags = API_REQUIRED,
	 .help = "Image ref of this image volume status."},
};

const struct api_type api_t_core_v1_ImageVolumeStatus = {
	.name = "io.k8s.api.core.v1.ImageVolumeStatus",
	.fields = ImageVolumeStatus_fields,
	.n_fields = ARRAY_SIZE(ImageVolumeStatus_fields),
	.help = "Image volume status.",
};

static const struct api_field VolumeStatus_fields[] = {
	{"image", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_ImageVolumeStatus,
	 .help = "Reference of the image."},
};

const struct api_type api_t_core_v1_VolumeStatus = {
	.name = "io.k8s.api.core.v1.VolumeStatus",
	.fields = VolumeStatus_fields,
	.n_fields = ARRAY_SIZE(VolumeStatus_fields),
	.help = "Volume status.",
};

static const struct api_field VolumeMountStatus_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"mountPath", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Path in the container."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
	{"recursiveReadOnly", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Recursive read only of this volume mount status."},
	{"volumeStatus", API_OBJECT, .pb = 5, .flags = API_PTR, .ref = &api_t_core_v1_VolumeStatus,
	 .help = "Volume status of this volume mount status."},
};

const struct api_type api_t_core_v1_VolumeMountStatus = {
	.name = "io.k8s.api.core.v1.VolumeMountStatus",
	.fields = VolumeMountStatus_fields,
	.n_fields = ARRAY_SIZE(VolumeMountStatus_fields),
	.help = "Volume mount status.",
};

static const struct api_field LinuxContainerUser_fields[] = {
	{"uid", API_INT64, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Unique identity in time and space, given by the server."},
	{"gid", API_INT64, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Gid of this linux container user."},
	{"supplementalGroups", API_INT64, API_LIST, .pb = 3,
	 .help = "Further groups of the program."},
};

const struct api_type api_t_core_v1_LinuxContainerUser = {
	.name = "io.k8s.api.core.v1.LinuxContainerUser",
	.fields = LinuxContainerUser_fields,
	.n_fields = ARRAY_SIZE(LinuxContainerUser_fields),
	.help = "Linux container user.",
};

static const struct api_field ContainerUser_fields[] = {
	{"linux", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_LinuxContainerUser,
	 .help = "Linux of this container user."},
};

const struct api_type api_t_core_v1_ContainerUser = {
	.name = "io.k8s.api.core.v1.ContainerUser",
	.fields = ContainerUser_fields,
	.n_fields = ARRAY_SIZE(ContainerUser_fields),
	.help = "Container user.",
};

static const struct api_field ResourceHealth_fields[] = {
	{"resourceID", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resource ID of this resource health."},
	{"health", API_STRING, .pb = 2, .help = "Health of this resource health."},
	{"message", API_STRING, .pb = 6, .flags = API_PTR, .help = "Why, for people."},
};

const struct api_type api_t_core_v1_ResourceHealth = {
	.name = "io.k8s.api.core.v1.ResourceHealth",
	.fields = ResourceHealth_fields,
	.n_fields = ARRAY_SIZE(ResourceHealth_fields),
	.help = "Resource health.",
};

static const struct api_field ResourceStatus_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"resources", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2,
	 .ref = &api_t_core_v1_ResourceHealth, .keys = "resourceID",
	 .help = "What it needs and may use of cpu, memory and the like."},
};

const struct api_type api_t_core_v1_ResourceStatus = {
	.name = "io.k8s.api.core.v1.ResourceStatus",
	.fields = ResourceStatus_fields,
	.n_fields = ARRAY_SIZE(ResourceStatus_fields),
	.help = "Resource status.",
};

static const struct api_field ContainerStatus_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"state", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_ContainerState,
	 .help = "State of this container status."},
	{"lastState", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_ContainerState,
	 .help = "Last state of this container status."},
	{"ready", API_BOOL, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Whether ready holds."},
	{"restartCount", API_INT32, .pb = 5, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Restart count of this container status."},
	{"image", API_STRING, .pb = 6, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Reference of the image."},
	{"imageID", API_STRING, .pb = 7, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Image ID of this container status."},
	{"containerID", API_STRING, .pb = 8, .help = "Container ID of this container status."},
	{"started", API_BOOL, .pb = 9, .flags = API_PTR, .help = "Whether started holds."},
	{"allocatedResources", API_QUANTITY, API_MAP, .pb = 10,
	 .help = "Allocated resources of this container status."},
	{"resources", API_OBJECT, .pb = 11, .flags = API_PTR,
	 .ref = &api_t_core_v1_ResourceRequirements,
	 .help = "What it needs and may use of cpu, memory and the like."},
	{"volumeMounts", API_OBJECT, API_LIST, API_LISTMAP, .pb = 12, .flags = API_MERGE,
	 .ref = &api_t_core_v1_VolumeMountStatus, .keys = "mountPath", .merge_key = "mountPath",
	 .help = "Where volumes appear in the file system."},
	{"user", API_OBJECT, .pb = 13, .flags = API_PTR, .ref = &api_t_core_v1_ContainerUser,
	 .help = "User of this container status."},
	{"allocatedResourcesStatus", API_OBJECT, API_LIST, API_LISTMAP, .pb = 14,
	 .flags = API_MERGE, .ref = &api_t_core_v1_ResourceStatus, .keys = "name",
	 .merge_key = "name", .help = "The allocated resources status of this container status."},
	{"stopSignal", API_STRING, .pb = 15, .flags = API_PTR, .enums = enum_Signal,
	 .help = "Stop signal of this container status."},
};

const struct api_type api_t_core_v1_ContainerStatus = {
	.name = "io.k8s.api.core.v1.ContainerStatus",
	.fields = ContainerStatus_fields,
	.n_fields = ARRAY_SIZE(ContainerStatus_fields),
	.help = "Container status.",
};

static const struct api_field PodResourceClaimStatus_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"resourceClaimName", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Resource claim name of this pod resource claim status."},
};

const struct api_type api_t_core_v1_PodResourceClaimStatus = {
	.name = "io.k8s.api.core.v1.PodResourceClaimStatus",
	.fields = PodResourceClaimStatus_fields,
	.n_fields = ARRAY_SIZE(PodResourceClaimStatus_fields),
	.help = "Pod resource claim status.",
};

static const struct api_field ContainerExtendedResourceRequest_fields[] = {
	{"containerName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Container name of this container extended resource request."},
	{"resourceName", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resource name of this container extended resource request."},
	{"requestName", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Request name of this container extended resource request."},
};

const struct api_type api_t_core_v1_ContainerExtendedResourceRequest = {
	.name = "io.k8s.api.core.v1.ContainerExtendedResourceRequest",
	.fields = ContainerExtendedResourceRequest_fields,
	.n_fields = ARRAY_SIZE(ContainerExtendedResourceRequest_fields),
	.help = "Container extended resource request.",
};

static const struct api_field PodExtendedResourceClaimStatus_fields[] = {
	{"requestMappings", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_core_v1_ContainerExtendedResourceRequest,
	 .help = "The request mappings of this pod extended resource claim status."},
	{"resourceClaimName", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resource claim name of this pod extended resource claim status."},
};

const struct api_type api_t_core_v1_PodExtendedResourceClaimStatus = {
	.name = "io.k8s.api.core.v1.PodExtendedResourceClaimStatus",
	.fields = PodExtendedResourceClaimStatus_fields,
	.n_fields = ARRAY_SIZE(PodExtendedResourceClaimStatus_fields),
	.help = "Pod extended resource claim status.",
};

static const struct api_field NodeAllocatableMappedResources_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"quantity", API_QUANTITY, .pb = 2, .flags = API_REQUIRED | API_PTR | API_KEEP_EMPTY,
	 .help = "Quantity of this node allocatable mapped resources."},
};

const struct api_type api_t_core_v1_NodeAllocatableMappedResources = {
	.name = "io.k8s.api.core.v1.NodeAllocatableMappedResources",
	.fields = NodeAllocatableMappedResources_fields,
	.n_fields = ARRAY_SIZE(NodeAllocatableMappedResources_fields),
	.help = "Node allocatable mapped resources.",
};

static const struct api_field NodeAllocatableOverheadResources_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"perPod", API_QUANTITY, .pb = 2, .flags = API_PTR,
	 .help = "Per pod of this node allocatable overhead resources."},
	{"perContainer", API_QUANTITY, .pb = 3, .flags = API_PTR,
	 .help = "Per container of this node allocatable overhead resources."},
};

const struct api_type api_t_core_v1_NodeAllocatableOverheadResources = {
	.name = "io.k8s.api.core.v1.NodeAllocatableOverheadResources",
	.fields = NodeAllocatableOverheadResources_fields,
	.n_fields = ARRAY_SIZE(NodeAllocatableOverheadResources_fields),
	.help = "Node allocatable overhead resources.",
};

static const struct api_field NodeAllocatableResourceClaimStatus_fields[] = {
	{"resourceClaimName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resource claim name of this node allocatable resource claim status."},
	{"containers", API_STRING, API_LIST, API_SET, .pb = 2,
	 .help = "The containers of this node allocatable resource claim status."},
	{"mapping", API_OBJECT, API_LIST, API_LISTMAP, .pb = 4, .flags = API_MERGE,
	 .ref = &api_t_core_v1_NodeAllocatableMappedResources, .keys = "name", .merge_key = "name",
	 .help = "The mapping of this node allocatable resource claim status."},
	{"overhead", API_OBJECT, API_LIST, API_LISTMAP, .pb = 5, .flags = API_MERGE,
	 .ref = &api_t_core_v1_NodeAllocatableOverheadResources, .keys = "name",
	 .merge_key = "name", .help = "Resources the sandbox itself needs."},
};

const struct api_type api_t_core_v1_NodeAllocatableResourceClaimStatus = {
	.name = "io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus",
	.fields = NodeAllocatableResourceClaimStatus_fields,
	.n_fields = ARRAY_SIZE(NodeAllocatableResourceClaimStatus_fields),
	.help = "Node allocatable resource claim status.",
};

static const struct api_field PodStatus_fields[] = {
	{"observedGeneration", API_INT64, .pb = 17, .help = "Generation the status belongs to."},
	{"phase", API_STRING, .pb = 1, .enums = enum_PodPhase, .help = "Where it is in its life."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE,
	 .ref = &api_t_core_v1_PodCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
	{"message", API_STRING, .pb = 3, .help = "Why, for people."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"nominatedNodeName", API_STRING, .pb = 11,
	 .help = "Nominated node name of this pod status."},
	{"hostIP", API_STRING, .pb = 5, .help = "Address on the node."},
	{"hostIPs", API_OBJECT, API_LIST, .pb = 16, .flags = API_MERGE,
	 .ref = &api_t_core_v1_HostIP, .merge_key = "ip",
	 .help = "The host i ps of this pod status."},
	{"podIP", API_STRING, .pb = 6, .help = "Pod IP of this pod status."},
	{"podIPs", API_OBJECT, API_LIST, API_LISTMAP, .pb = 12, .flags = API_MERGE,
	 .ref = &api_t_core_v1_PodIP, .keys = "ip", .merge_key = "ip",
	 .help = "The pod i ps of this pod status."},
	{"startTime", API_TIME, .pb = 7, .flags = API_PTR,
	 .help = "Start time of this pod status."},
	{"initContainerStatuses", API_OBJECT, API_LIST, .pb = 10,
	 .ref = &api_t_core_v1_ContainerStatus,
	 .help = "The init container statuses of this pod status."},
	{"containerStatuses", API_OBJECT, API_LIST, .pb = 8, .ref = &api_t_core_v1_ContainerStatus,
	 .help = "The container statuses of this pod status."},
	{"qosClass", API_STRING, .pb = 9, .enums = enum_PodQOSClass,
	 .help = "Qos class of this pod status."},
	{"ephemeralContainerStatuses", API_OBJECT, API_LIST, .pb = 13,
	 .ref = &api_t_core_v1_ContainerStatus,
	 .help = "The ephemeral container statuses of this pod status."},
	{"resize", API_STRING, .pb = 14, .help = "Resize of this pod status."},
	{"resourceClaimStatuses", API_OBJECT, API_LIST, API_LISTMAP, .pb = 15,
	 .flags = API_MERGE | API_RETAIN_KEYS, .ref = &api_t_core_v1_PodResourceClaimStatus,
	 .keys = "name", .merge_key = "name",
	 .help = "The resource claim statuses of this pod status."},
	{"extendedResourceClaimStatus", API_OBJECT, .pb = 18, .flags = API_PTR,
	 .ref = &api_t_core_v1_PodExtendedResourceClaimStatus,
	 .help = "Extended resource claim status of this pod status."},
	{"allocatedResources", API_QUANTITY, API_MAP, .pb = 19,
	 .help = "Allocated resources of this pod status."},
	{"resources", API_OBJECT, .pb = 20, .flags = API_PTR,
	 .ref = &api_t_core_v1_ResourceRequirements,
	 .help = "What it needs and may use of cpu, memory and the like."},
	{"nodeAllocatableResourceClaimStatuses", API_OBJECT, API_LIST, API_LISTMAP, .pb = 21,
	 .flags = API_MERGE, .ref = &api_t_core_v1_NodeAllocatableResourceClaimStatus,
	 .keys = "resourceClaimName", .merge_key = "resourceClaimName",
	 .help = "The node allocatable resource claim statuses of this pod status."},
	{"volumeHealth", API_OBJECT, API_LIST, API_LISTMAP, .pb = 22,
	 .ref = &api_t_core_v1_PodVolumeHealth, .keys = "name",
	 .help = "The volume health of this pod status."},
};

const struct api_type api_t_core_v1_PodStatus = {
	.name = "io.k8s.api.core.v1.PodStatus",
	.fields = PodStatus_fields,
	.n_fields = ARRAY_SIZE(PodStatus_fields),
	.help = "How a pod is doing, written by its node.",
};

static const struct api_field Pod_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_PodSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_PodStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_core_v1_Pod = {
	.name = "io.k8s.api.core.v1.Pod",
	.fields = Pod_fields,
	.n_fields = ARRAY_SIZE(Pod_fields),
	.help = "Pod.",
};

static const struct api_field PodTemplate_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"template", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_PodTemplateSpec,
	 .help = "What the pods look like."},
};

const struct api_type api_t_core_v1_PodTemplate = {
	.name = "io.k8s.api.core.v1.PodTemplate",
	.fields = PodTemplate_fields,
	.n_fields = ARRAY_SIZE(PodTemplate_fields),
	.help = "Pod template.",
};
