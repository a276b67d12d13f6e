/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_Protocol[] = {"SCTP", "TCP", "UDP", NULL};

static const char *const enum_MountPropagationMode[] = {"Bidirectional", "HostToContainer", "None",
							NULL};

static const char *const enum_URIScheme[] = {"HTTP", "HTTPS", NULL};

static const char *const enum_HTTPProtocol[] = {"HTTP1", "HTTP2", NULL};

static const char *const enum_GRPCProbeMode[] = {"Plaintext", "TLS", NULL};

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

static const char *const enum_SeccompProfileType[] = {"Localhost", "RuntimeDefault", "Unconfined",
						      NULL};

static const char *const enum_AppArmorProfileType[] = {"Localhost", "RuntimeDefault", "Unconfined",
						       NULL};

static const char *const enum_ProcMountType[] = {"Default", "Unmasked", NULL};

static const char *const enum_TerminationMessagePolicy[] = {"FallbackToLogsOnError", "File", NULL};

static const char *const enum_PullPolicy[] = {"Always", "IfNotPresent", "Never", NULL};

static const struct api_field ObjectFieldSelector_fields[] = {
	{"apiVersion", API_STRING, .pb = 1, .def = "\"v1\"",
	 .help = "Group and version of the object's form."},
	{"fieldPath", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Path of the field."},
};

const struct api_type api_t_core_v1_ObjectFieldSelector = {
	.name = "io.k8s.api.core.v1.ObjectFieldSelector",
	.fields = ObjectFieldSelector_fields,
	.n_fields = ARRAY_SIZE(ObjectFieldSelector_fields),
	.flags = API_WHOLE,
	.help = "Object field selector.",
};

static const struct api_field ResourceFieldSelector_fields[] = {
	{"containerName", API_STRING, .pb = 1,
	 .help = "Container name of this resource field selector."},
	{"resource", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resource of this resource field selector."},
	{"divisor", API_QUANTITY, .pb = 3, .help = "Divisor of this resource field selector."},
};

const struct api_type api_t_core_v1_ResourceFieldSelector = {
	.name = "io.k8s.api.core.v1.ResourceFieldSelector",
	.fields = ResourceFieldSelector_fields,
	.n_fields = ARRAY_SIZE(ResourceFieldSelector_fields),
	.flags = API_WHOLE,
	.help = "Resource field selector.",
};

static const struct api_field ContainerPort_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Its name."},
	{"hostPort", API_INT32, .pb = 2, .help = "Port on the node."},
	{"containerPort", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port inside the pod."},
	{"protocol", API_STRING, .pb = 4, .def = "\"TCP\"", .enums = enum_Protocol,
	 .help = "TCP, UDP or SCTP."},
	{"hostIP", API_STRING, .pb = 5, .help = "Address on the node."},
};

const struct api_type api_t_core_v1_ContainerPort = {
	.name = "io.k8s.api.core.v1.ContainerPort",
	.fields = ContainerPort_fields,
	.n_fields = ARRAY_SIZE(ContainerPort_fields),
	.help = "Container port.",
};

static const struct api_field ConfigMapEnvSource_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE, .ref = &api_t_core_v1_LocalObjectReference},
	{"optional", API_BOOL, .pb = 2, .flags = API_PTR, .help = "Whether it may be absent."},
};

const struct api_type api_t_core_v1_ConfigMapEnvSource = {
	.name = "io.k8s.api.core.v1.ConfigMapEnvSource",
	.fields = ConfigMapEnvSource_fields,
	.n_fields = ARRAY_SIZE(ConfigMapEnvSource_fields),
	.help = "Config map env source.",
};

static const struct api_field SecretEnvSource_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE, .ref = &api_t_core_v1_LocalObjectReference},
	{"optional", API_BOOL, .pb = 2, .flags = API_PTR, .help = "Whether it may be absent."},
};

const struct api_type api_t_core_v1_SecretEnvSource = {
	.name = "io.k8s.api.core.v1.SecretEnvSource",
	.fields = SecretEnvSource_fields,
	.n_fields = ARRAY_SIZE(SecretEnvSource_fields),
	.help = "Secret env source.",
};

static const struct api_field EnvFromSource_fields[] = {
	{"prefix", API_STRING, .pb = 1, .help = "Prefix of this env from source."},
	{"configMapRef", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_ConfigMapEnvSource,
	 .help = "Config map ref of this env from source."},
	{"secretRef", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_core_v1_SecretEnvSource,
	 .help = "Secret ref of this env from source."},
};

const struct api_type api_t_core_v1_EnvFromSource = {
	.name = "io.k8s.api.core.v1.EnvFromSource",
	.fields = EnvFromSource_fields,
	.n_fields = ARRAY_SIZE(EnvFromSource_fields),
	.help = "Env from source.",
};

static const struct api_field ConfigMapKeySelector_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE, .ref = &api_t_core_v1_LocalObjectReference},
	{"key", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"optional", API_BOOL, .pb = 3, .flags = API_PTR, .help = "Whether it may be absent."},
};

const struct api_type api_t_core_v1_ConfigMapKeySelector = {
	.name = "io.k8s.api.core.v1.ConfigMapKeySelector",
	.fields = ConfigMapKeySelector_fields,
	.n_fields = ARRAY_SIZE(ConfigMapKeySelector_fields),
	.flags = API_WHOLE,
	.help = "Config map key selector.",
};

static const struct api_field SecretKeySelector_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE, .ref = &api_t_core_v1_LocalObjectReference},
	{"key", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"optional", API_BOOL, .pb = 3, .flags = API_PTR, .help = "Whether it may be absent."},
};

const struct api_type api_t_core_v1_SecretKeySelector = {
	.name = "io.k8s.api.core.v1.SecretKeySelector",
	.fields = SecretKeySelector_fields,
	.n_fields = ARRAY_SIZE(SecretKeySelector_fields),
	.flags = API_WHOLE,
	.help = "Secret key selector.",
};

static const struct api_field FileKeySelector_fields[] = {
	{"volumeName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Volume name of this file key selector."},
	{"path", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"key", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"optional", API_BOOL, .pb = 4, .flags = API_PTR, .help = "Whether it may be absent."},
};

const struct api_type api_t_core_v1_FileKeySelector = {
	.name = "io.k8s.api.core.v1.FileKeySelector",
	.fields = FileKeySelector_fields,
	.n_fields = ARRAY_SIZE(FileKeySelector_fields),
	.flags = API_WHOLE,
	.help = "File key selector.",
};

static const struct api_field EnvVarSource_fields[] = {
	{"fieldRef", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_core_v1_ObjectFieldSelector, .help = "Field ref of this env var source."},
	{"resourceFieldRef", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_ResourceFieldSelector,
	 .help = "Resource field ref of this env var source."},
	{"configMapKeyRef", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_ConfigMapKeySelector,
	 .help = "Config map key ref of this env var source."},
	{"secretKeyRef", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_core_v1_SecretKeySelector, .help = "Secret key ref of this env var source."},
	{"fileKeyRef", API_OBJECT, .pb = 5, .flags = API_PTR, .ref = &api_t_core_v1_FileKeySelector,
	 .help = "File key ref of this env var source."},
};

const struct api_type api_t_core_v1_EnvVarSource = {
	.name = "io.k8s.api.core.v1.EnvVarSource",
	.fields = EnvVarSource_fields,
	.n_fields = ARRAY_SIZE(EnvVarSource_fields),
	.help = "Env var source.",
};

static const struct api_field EnvVar_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"value", API_STRING, .pb = 2, .help = "The value."},
	{"valueFrom", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_core_v1_EnvVarSource,
	 .help = "Value from of this env var."},
};

const struct api_type api_t_core_v1_EnvVar = {
	.name = "io.k8s.api.core.v1.EnvVar",
	.fields = EnvVar_fields,
	.n_fields = ARRAY_SIZE(EnvVar_fields),
	.help = "Env var.",
};

static const struct api_field ResourceClaim_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"request", API_STRING, .pb = 2, .help = "The request, PEM in base64."},
};

const struct api_type api_t_core_v1_ResourceClaim = {
	.name = "io.k8s.api.core.v1.ResourceClaim",
	.fields = ResourceClaim_fields,
	.n_fields = ARRAY_SIZE(ResourceClaim_fields),
	.help = "Resource claim.",
};

static const struct api_field ResourceRequirements_fields[] = {
	{"limits", API_QUANTITY, API_MAP, .pb = 1, .help = "The most that may be used."},
	{"requests", API_QUANTITY, API_MAP, .pb = 2, .help = "What is set aside."},
	{"claims", API_OBJECT, API_LIST, API_LISTMAP, .pb = 3, .ref = &api_t_core_v1_ResourceClaim,
	 .keys = "name", .help = "The claims of this resource requirements."},
};

const struct api_type api_t_core_v1_ResourceRequirements = {
	.name = "io.k8s.api.core.v1.ResourceRequirements",
	.fields = ResourceRequirements_fields,
	.n_fields = ARRAY_SIZE(ResourceRequirements_fields),
	.help = "Resource requirements.",
};

static const struct api_field ContainerResizePolicy_fields[] = {
	{"resourceName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Resource name of this container resize policy."},
	{"restartPolicy", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "When containers are started again: Always, OnFailure or Never."},
};

const struct api_type api_t_core_v1_ContainerResizePolicy = {
	.name = "io.k8s.api.core.v1.ContainerResizePolicy",
	.fields = ContainerResizePolicy_fields,
	.n_fields = ARRAY_SIZE(ContainerResizePolicy_fields),
	.help = "Container resize policy.",
};

static const struct api_field ContainerRestartRuleOnExitCodes_fields[] = {
	{"operator", API_STRING, .pb = 1, .flags = API_REQUIRED,
	 .help = "How the values are compared."},
	{"values", API_INT32, API_LIST, API_SET, .pb = 2, .help = "Values to compare with."},
};

const struct api_type api_t_core_v1_ContainerRestartRuleOnExitCodes = {
	.name = "io.k8s.api.core.v1.ContainerRestartRuleOnExitCodes",
	.fields = ContainerRestartRuleOnExitCodes_fields,
	.n_fields = ARRAY_SIZE(ContainerRestartRuleOnExitCodes_fields),
	.help = "Container restart rule on exit codes.",
};

static const struct api_field ContainerRestartRule_fields[] = {
	{"action", API_STRING, .pb = 1, .flags = API_REQUIRED,
	 .help = "Action of this container restart rule."},
	{"exitCodes", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_ContainerRestartRuleOnExitCodes,
	 .help = "Exit codes of this container restart rule."},
};

const struct api_type api_t_core_v1_ContainerRestartRule = {
	.name = "io.k8s.api.core.v1.ContainerRestartRule",
	.fields = ContainerRestartRule_fields,
	.n_fields = ARRAY_SIZE(ContainerRestartRule_fields),
	.help = "Container restart rule.",
};

static const struct api_field VolumeMount_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"readOnly", API_BOOL, .pb = 2, .help = "Allow no writes."},
	{"recursiveReadOnly", API_STRING, .pb = 7, .flags = API_PTR,
	 .help = "Recursive read only of this volume mount."},
	{"mountPath", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Path in the container."},
	{"subPath", API_STRING, .pb = 4, .help = "Path inside the volume that is mounted."},
	{"mountPropagation", API_STRING, .pb = 5, .flags = API_PTR,
	 .enums = enum_MountPropagationMode,
	 .help = "How mounts travel between host and container."},
	{"subPathExpr", API_STRING, .pb = 6,
	 .help = "The same, with variables of the environment expanded."},
	{"bindMountOptions", API_STRING, API_LIST, API_SET, .pb = 8,
	 .help = "The bind mount options of this volume mount."},
};

const struct api_type api_t_core_v1_VolumeMount = {
	.name = "io.k8s.api.core.v1.VolumeMount",
	.fields = VolumeMount_fields,
	.n_fields = ARRAY_SIZE(VolumeMount_fields),
	.help = "Volume mount.",
};

static const struct api_field VolumeDevice_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"devicePath", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Device path of this volume device."},
};

const struct api_type api_t_core_v1_VolumeDevice = {
	.name = "io.k8s.api.core.v1.VolumeDevice",
	.fields = VolumeDevice_fields,
	.n_fields = ARRAY_SIZE(VolumeDevice_fields),
	.help = "Volume device.",
};

static const struct api_field ExecAction_fields[] = {
	{"command", API_STRING, API_LIST, .pb = 1,
	 .help = "Program to run instead of the entry point of the image."},
};

const struct api_type api_t_core_v1_ExecAction = {
	.name = "io.k8s.api.core.v1.ExecAction",
	.fields = ExecAction_fields,
	.n_fields = ARRAY_SIZE(ExecAction_fields),
	.help = "Exec action.",
};

static const struct api_field HTTPHeader_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"value", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The value."},
};

const struct api_type api_t_core_v1_HTTPHeader = {
	.name = "io.k8s.api.core.v1.HTTPHeader",
	.fields = HTTPHeader_fields,
	.n_fields = ARRAY_SIZE(HTTPHeader_fields),
	.help = "HTTP header.",
};

static const struct api_field HTTPGetAction_fields[] = {
	{"path", API_STRING, .pb = 1, .def = "\"/\"", .help = "The path."},
	{"port", API_INT_OR_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port by number or name."},
	{"host", API_STRING, .pb = 3, .help = "Host name or address."},
	{"scheme", API_STRING, .pb = 4, .def = "\"HTTP\"", .enums = enum_URIScheme,
	 .help = "HTTP or HTTPS."},
	{"httpHeaders", API_OBJECT, API_LIST, .pb = 5, .ref = &api_t_core_v1_HTTPHeader,
	 .help = "Headers of the request."},
	{"protocol", API_STRING, .pb = 6, .flags = API_PTR, .enums = enum_HTTPProtocol,
	 .help = "TCP, UDP or SCTP."},
};

const struct api_type api_t_core_v1_HTTPGetAction = {
	.name = "io.k8s.api.core.v1.HTTPGetAction",
	.fields = HTTPGetAction_fields,
	.n_fields = ARRAY_SIZE(HTTPGetAction_fields),
	.help = "HTTP get action.",
};

static const struct api_field TCPSocketAction_fields[] = {
	{"port", API_INT_OR_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port by number or name."},
	{"host", API_STRING, .pb = 2, .help = "Host name or address."},
};

const struct api_type api_t_core_v1_TCPSocketAction = {
	.name = "io.k8s.api.core.v1.TCPSocketAction",
	.fields = TCPSocketAction_fields,
	.n_fields = ARRAY_SIZE(TCPSocketAction_fields),
	.help = "TCP socket action.",
};

static const struct api_field GRPCAction_fields[] = {
	{"port", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Port by number or name."},
	{"service", API_STRING, .pb = 2, .flags = API_PTR | API_KEEP_EMPTY, .def = "\"\"",
	 .help = "Service of this grpc action."},
	{"mode", API_STRING, .pb = 3, .flags = API_PTR, .enums = enum_GRPCProbeMode,
	 .help = "Mode of this grpc action."},
};

const struct api_type api_t_core_v1_GRPCAction = {
	.name = "io.k8s.api.core.v1.GRPCAction",
	.fields = GRPCAction_fields,
	.n_fields = ARRAY_SIZE(GRPCAction_fields),
	.help = "GRPC action.",
};

static const struct api_field ProbeHandler_fields[] = {
	{"exec", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_ExecAction,
	 .help = "Run a command in the container."},
	{"httpGet", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_core_v1_HTTPGetAction,
	 .help = "Ask for a page over HTTP."},
	{"tcpSocket", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_core_v1_TCPSocketAction,
	 .help = "Open a TCP connection."},
	{"grpc", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_core_v1_GRPCAction,
	 .help = "Ask the gRPC health service."},
};

const struct api_type api_t_core_v1_ProbeHandler = {
	.name = "io.k8s.api.core.v1.ProbeHandler",
	.fields = ProbeHandler_fields,
	.n_fields = ARRAY_SIZE(ProbeHandler_fields),
	.help = "Probe handler.",
};

static const struct api_field Probe_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE, .ref = &api_t_core_v1_ProbeHandler},
	{"initialDelaySeconds", API_INT32, .pb = 2,
	 .help = "Seconds after start before the first check."},
	{"timeoutSeconds", API_INT32, .pb = 3, .def = "1",
	 .help = "Seconds until an attempt counts as failed."},
	{"periodSeconds", API_INT32, .pb = 4, .def = "10", .help = "Seconds between checks."},
	{"successThreshold", API_INT32, .pb = 5, .def = "1",
	 .help = "Passes in a row that make it good again."},
	{"failureThreshold", API_INT32, .pb = 6, .def = "3",
	 .help = "Failures in a row that make it bad."},
	{"terminationGracePeriodSeconds", API_INT64, .pb = 7, .flags = API_PTR,
	 .help = "Seconds between the stop signal and the kill."},
};

const struct api_type api_t_core_v1_Probe = {
	.name = "io.k8s.api.core.v1.Probe",
	.fields = Probe_fields,
	.n_fields = ARRAY_SIZE(Probe_fields),
	.help = "A check of a container.",
};

static const struct api_field SleepAction_fields[] = {
	{"seconds", API_INT64, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Seconds of this sleep action."},
};

const struct api_type api_t_core_v1_SleepAction = {
	.name = "io.k8s.api.core.v1.SleepAction",
	.fields = SleepAction_fields,
	.n_fields = ARRAY_SIZE(SleepAction_fields),
	.help = "Sleep action.",
};

static const struct api_field LifecycleHandler_fields[] = {
	{"exec", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_ExecAction,
	 .help = "Run a command in the container."},
	{"httpGet", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_core_v1_HTTPGetAction,
	 .help = "Ask for a page over HTTP."},
	{"tcpSocket", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_core_v1_TCPSocketAction,
	 .help = "Open a TCP connection."},
	{"sleep", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_core_v1_SleepAction,
	 .help = "Sleep of this lifecycle handler."},
};

const struct api_type api_t_core_v1_LifecycleHandler = {
	.name = "io.k8s.api.core.v1.LifecycleHandler",
	.fields = LifecycleHandler_fields,
	.n_fields = ARRAY_SIZE(LifecycleHandler_fields),
	.help = "Lifecycle handler.",
};

static const struct api_field Lifecycle_fields[] = {
	{"postStart", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_LifecycleHandler,
	 .help = "Runs right after the start."},
	{"preStop", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_core_v1_LifecycleHandler,
	 .help = "Runs before the stop signal."},
	{"stopSignal", API_STRING, .pb = 3, .flags = API_PTR, .enums = enum_Signal,
	 .help = "Stop signal of this lifecycle."},
};

const struct api_type api_t_core_v1_Lifecycle = {
	.name = "io.k8s.api.core.v1.Lifecycle",
	.fields = Lifecycle_fields,
	.n_fields = ARRAY_SIZE(Lifecycle_fields),
	.help = "Lifecycle.",
};

static const struct api_field Capabilities_fields[] = {
	{"add", API_STRING, API_LIST, .pb = 1, .help = "The add of this capabilities."},
	{"drop", API_STRING, API_LIST, .pb = 2, .help = "The drop of this capabilities."},
};

const struct api_type api_t_core_v1_Capabilities = {
	.name = "io.k8s.api.core.v1.Capabilities",
	.fields = Capabilities_fields,
	.n_fields = ARRAY_SIZE(Capabilities_fields),
	.help = "Capabilities.",
};

static const struct api_field SELinuxOptions_fields[] = {
	{"user", API_STRING, .pb = 1, .help = "User of this se linux options."},
	{"role", API_STRING, .pb = 2, .help = "Role of this se linux options."},
	{"type", API_STRING, .pb = 3, .help = "Which type it is."},
	{"level", API_STRING, .pb = 4, .help = "Level of this se linux options."},
};

const struct api_type api_t_core_v1_SELinuxOptions = {
	.name = "io.k8s.api.core.v1.SELinuxOptions",
	.fields = SELinuxOptions_fields,
	.n_fields = ARRAY_SIZE(SELinuxOptions_fields),
	.help = "SE linux options.",
};

static const struct api_field WindowsSecurityContextOptions_fields[] = {
	{"gmsaCredentialSpecName", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Gmsa credential spec name of this windows security context options."},
	{"gmsaCredentialSpec", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Gmsa credential spec of this windows security context options."},
	{"runAsUserName", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Run as user name of this windows security context options."},
	{"hostProcess", API_BOOL, .pb = 4, .flags = API_PTR, .help = "Whether host process holds."},
};

const struct api_type api_t_core_v1_WindowsSecurityContextOptions = {
	.name = "io.k8s.api.core.v1.WindowsSecurityContextOptions",
	.fields = WindowsSecurityContextOptions_fields,
	.n_fields = ARRAY_SIZE(WindowsSecurityContextOptions_fields),
	.help = "Windows security context options.",
};

static const struct api_field SeccompProfile_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_SeccompProfileType, .help = "Which type it is."},
	{"localhostProfile", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Localhost profile of this seccomp profile."},
};

const struct api_type api_t_core_v1_SeccompProfile = {
	.name = "io.k8s.api.core.v1.SeccompProfile",
	.fields = SeccompProfile_fields,
	.n_fields = ARRAY_SIZE(SeccompProfile_fields),
	.help = "Seccomp profile.",
};

static const struct api_field AppArmorProfile_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_AppArmorProfileType, .help = "Which type it is."},
	{"localhostProfile", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Localhost profile of this app armor profile."},
};

const struct api_type api_t_core_v1_AppArmorProfile = {
	.name = "io.k8s.api.core.v1.AppArmorProfile",
	.fields = AppArmorProfile_fields,
	.n_fields = ARRAY_SIZE(AppArmorProfile_fields),
	.help = "App armor profile.",
};

static const struct api_field SecurityContext_fields[] = {
	{"capabilities", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_Capabilities,
	 .help = "Capabilities to add and drop."},
	{"privileged", API_BOOL, .pb = 2, .flags = API_PTR, .help = "All rights of the node."},
	{"seLinuxOptions", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_SELinuxOptions, .help = "SELinux label."},
	{"windowsOptions", API_OBJECT, .pb = 10, .flags = API_PTR,
	 .ref = &api_t_core_v1_WindowsSecurityContextOptions,
	 .help = "Only for nodes with Windows."},
	{"runAsUser", API_INT64, .pb = 4, .flags = API_PTR, .help = "User id the program runs as."},
	{"runAsGroup", API_INT64, .pb = 8, .flags = API_PTR,
	 .help = "Group id the program runs as."},
	{"runAsNonRoot", API_BOOL, .pb = 5, .flags = API_PTR, .help = "Refuse to start as user 0."},
	{"readOnlyRootFilesystem", API_BOOL, .pb = 6, .flags = API_PTR,
	 .help = "Mount the root file system read-only."},
	{"allowPrivilegeEscalation", API_BOOL, .pb = 7, .flags = API_PTR,
	 .help = "May a program gain more rights than its parent."},
	{"procMount", API_STRING, .pb = 9, .flags = API_PTR, .enums = enum_ProcMountType,
	 .help = "How /proc is mounted."},
	{"seccompProfile", API_OBJECT, .pb = 11, .flags = API_PTR,
	 .ref = &api_t_core_v1_SeccompProfile, .help = "Filter of system calls."},
	{"appArmorProfile", API_OBJECT, .pb = 12, .flags = API_PTR,
	 .ref = &api_t_core_v1_AppArmorProfile, .help = "AppArmor profile."},
};

const struct api_type api_t_core_v1_SecurityContext = {
	.name = "io.k8s.api.core.v1.SecurityContext",
	.fields = SecurityContext_fields,
	.n_fields = ARRAY_SIZE(SecurityContext_fields),
	.help = "Security context.",
};

static const struct api_field Container_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the container, unique in the pod."},
	{"image", API_STRING, .pb = 2, .help = "Reference of the image."},
	{"command", API_STRING, API_LIST, .pb = 3,
	 .help = "Program to run instead of the entry point of the image."},
	{"args", API_STRING, API_LIST, .pb = 4, .help = "Arguments instead of those of the image."},
	{"workingDir", API_STRING, .pb = 5, .help = "Directory the program starts in."},
	{"ports", API_OBJECT, API_LIST, API_LISTMAP, .pb = 6, .flags = API_MERGE,
	 .ref = &api_t_core_v1_ContainerPort, .keys = "containerPort,protocol",
	 .merge_key = "containerPort", .help = "Ports the program listens on; for information."},
	{"envFrom", API_OBJECT, API_LIST, .pb = 19, .ref = &api_t_core_v1_EnvFromSource,
	 .help = "Config maps and secrets whose keys become variables."},
	{"env", API_OBJECT, API_LIST, API_LISTMAP, .pb = 7, .flags = API_MERGE,
	 .ref = &api_t_core_v1_EnvVar, .keys = "name", .merge_key = "name",
	 .help = "Variables of the environment."},
	{"resources", API_OBJECT, .pb = 8, .ref = &api_t_core_v1_ResourceRequirements,
	 .help = "What it needs and may use of cpu, memory and the like."},
	{"resizePolicy", API_OBJECT, API_LIST, .pb = 23,
	 .ref = &api_t_core_v1_ContainerResizePolicy,
	 .help = "The resize policy of this container."},
	{"restartPolicy", API_STRING, .pb = 24, .flags = API_PTR,
	 .help = "When containers are started again: Always, OnFailure or Never."},
	{"restartPolicyRules", API_OBJECT, API_LIST, .pb = 25,
	 .ref = &api_t_core_v1_ContainerRestartRule,
	 .help = "The restart policy rules of this container."},
	{"volumeMounts", API_OBJECT, API_LIST, API_LISTMAP, .pb = 9, .flags = API_MERGE,
	 .ref = &api_t_core_v1_VolumeMount, .keys = "mountPath", .merge_key = "mountPath",
	 .help = "Where volumes appear in the file system."},
	{"volumeDevices", API_OBJECT, API_LIST, API_LISTMAP, .pb = 21, .flags = API_MERGE,
	 .ref = &api_t_core_v1_VolumeDevice, .keys = "devicePath", .merge_key = "devicePath",
	 .help = "Where block devices appear."},
	{"livenessProbe", API_OBJECT, .pb = 10, .flags = API_PTR, .ref = &api_t_core_v1_Probe,
	 .help = "Check that restarts the container when it fails."},
	{"readinessProbe", API_OBJECT, .pb = 11, .flags = API_PTR, .ref = &api_t_core_v1_Probe,
	 .help = "Check that takes the pod out of services when it fails."},
	{"startupProbe", API_OBJECT, .pb = 22, .flags = API_PTR, .ref = &api_t_core_v1_Probe,
	 .help = "Check that must pass once before the others begin."},
	{"lifecycle", API_OBJECT, .pb = 12, .flags = API_PTR, .ref = &api_t_core_v1_Lifecycle,
	 .help = "Actions after start and before stop."},
	{"terminationMessagePath", API_STRING, .pb = 13, .def = "\"/dev/termination-log\"",
	 .help = "File the last message is read from."},
	{"terminationMessagePolicy", API_STRING, .pb = 20, .def = "\"File\"",
	 .enums = enum_TerminationMessagePolicy,
	 .help = "Where the last message comes from when the file is empty."},
	{"imagePullPolicy", API_STRING, .pb = 14, .enums = enum_PullPolicy,
	 .help = "When the image is pulled: Always, IfNotPresent or Never."},
	{"securityContext", API_OBJECT, .pb = 15, .flags = API_PTR,
	 .ref = &api_t_core_v1_SecurityContext, .help = "Users, capabilities and confinement."},
	{"stdin", API_BOOL, .pb = 16, .help = "Keep an input open."},
	{"stdinOnce", API_BOOL, .pb = 17, .help = "Close the input after the first attach."},
	{"tty", API_BOOL, .pb = 18, .help = "Give the program a terminal."},
};

const struct api_type api_t_core_v1_Container = {
	.name = "io.k8s.api.core.v1.Container",
	.fields = Container_fields,
	.n_fields = ARRAY_SIZE(Container_fields),
	.help = "One program of a pod.",
	.defaults = default_container,
};

static const struct api_field EphemeralContainerCommon_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"image", API_STRING, .pb = 2, .help = "Reference of the image."},
	{"command", API_STRING, API_LIST, .pb = 3,
	 .help = "Program to run instead of the entry point of the image."},
	{"args", API_STRING, API_LIST, .pb = 4, .help = "Arguments instead of those of the image."},
	{"workingDir", API_STRING, .pb = 5, .help = "Directory the program starts in."},
	{"ports", API_OBJECT, API_LIST, API_LISTMAP, .pb = 6, .flags = API_MERGE,
	 .ref = &api_t_core_v1_ContainerPort, .keys = "containerPort,protocol",
	 .merge_key = "containerPort", .help = "The ports."},
	{"envFrom", API_OBJECT, API_LIST, .pb = 19, .ref = &api_t_core_v1_EnvFromSource,
	 .help = "Config maps and secrets whose keys become variables."},
	{"env", API_OBJECT, API_LIST, API_LISTMAP, .pb = 7, .flags = API_MERGE,
	 .ref = &api_t_core_v1_EnvVar, .keys = "name", .merge_key = "name",
	 .help = "Variables of the environment."},
	{"resources", API_OBJECT, .pb = 8, .ref = &api_t_core_v1_ResourceRequirements,
	 .help = "What it needs and may use of cpu, memory and the like."},
	{"resizePolicy", API_OBJECT, API_LIST, .pb = 23,
	 .ref = &api_t_core_v1_ContainerResizePolicy,
	 .help = "The resize policy of this ephemeral container common."},
	{"restartPolicy", API_STRING, .pb = 24, .flags = API_PTR,
	 .help = "When containers are started again: Always, OnFailure or Never."},
	{"restartPolicyRules", API_OBJECT, API_LIST, .pb = 25,
	 .ref = &api_t_core_v1_ContainerRestartRule,
	 .help = "The restart policy rules of this ephemeral container common."},
	{"volumeMounts", API_OBJECT, API_LIST, API_LISTMAP, .pb = 9, .flags = API_MERGE,
	 .ref = &api_t_core_v1_VolumeMount, .keys = "mountPath", .merge_key = "mountPath",
	 .help = "Where volumes appear in the file system."},
	{"volumeDevices", API_OBJECT, API_LIST, API_LISTMAP, .pb = 21, .flags = API_MERGE,
	 .ref = &api_t_core_v1_VolumeDevice, .keys = "devicePath", .merge_key = "devicePath",
	 .help = "Where block devices appear."},
	{"livenessProbe", API_OBJECT, .pb = 10, .flags = API_PTR, .ref = &api_t_core_v1_Probe,
	 .help = "Check that restarts the container when it fails."},
	{"readinessProbe", API_OBJECT, .pb = 11, .flags = API_PTR, .ref = &api_t_core_v1_Probe,
	 .help = "Check that takes the pod out of services when it fails."},
	{"startupProbe", API_OBJECT, .pb = 22, .flags = API_PTR, .ref = &api_t_core_v1_Probe,
	 .help = "Check that must pass once before the others begin."},
	{"lifecycle", API_OBJECT, .pb = 12, .flags = API_PTR, .ref = &api_t_core_v1_Lifecycle,
	 .help = "Actions after start and before stop."},
	{"terminationMessagePath", API_STRING, .pb = 13, .def = "\"/dev/termination-log\"",
	 .help = "File the last message is read from."},
	{"terminationMessagePolicy", API_STRING, .pb = 20, .def = "\"File\"",
	 .enums = enum_TerminationMessagePolicy,
	 .help = "Where the last message comes from when the file is empty."},
	{"imagePullPolicy", API_STRING, .pb = 14, .enums = enum_PullPolicy,
	 .help = "When the image is pulled: Always, IfNotPresent or Never."},
	{"securityContext", API_OBJECT, .pb = 15, .flags = API_PTR,
	 .ref = &api_t_core_v1_SecurityContext, .help = "Users, capabilities and confinement."},
	{"stdin", API_BOOL, .pb = 16, .help = "Keep an input open."},
	{"stdinOnce", API_BOOL, .pb = 17, .help = "Close the input after the first attach."},
	{"tty", API_BOOL, .pb = 18, .help = "Give the program a terminal."},
};

const struct api_type api_t_core_v1_EphemeralContainerCommon = {
	.name = "io.k8s.api.core.v1.EphemeralContainerCommon",
	.fields = EphemeralContainerCommon_fields,
	.n_fields = ARRAY_SIZE(EphemeralContainerCommon_fields),
	.help = "Ephemeral container common.",
};

static const struct api_field EphemeralContainer_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE,
	 .ref = &api_t_core_v1_EphemeralContainerCommon},
	{"targetContainerName", API_STRING, .pb = 2,
	 .help = "Target container name of this ephemeral container."},
};

const struct api_type api_t_core_v1_EphemeralContainer = {
	.name = "io.k8s.api.core.v1.EphemeralContainer",
	.fields = EphemeralContainer_fields,
	.n_fields = ARRAY_SIZE(EphemeralContainer_fields),
	.help = "Ephemeral container.",
	.defaults = default_container,
};
