/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_SupplementalGroupsPolicy[] = {"Merge", "Strict", NULL};

static const char *const enum_PodFSGroupChangePolicy[] = {"Always", "OnRootMismatch", NULL};

static const char *const enum_NodeSelectorOperator[] = {"DoesNotExist", "Exists", "Gt", "In",
							"Lt",           "NotIn",  NULL};

static const char *const enum_TolerationOperator[] = {"Equal", "Exists", "Gt", "Lt", NULL};

static const char *const enum_TaintEffect[] = {"NoExecute", "NoSchedule", "PreferNoSchedule", NULL};

static const char *const enum_UnsatisfiableConstraintAction[] = {"DoNotSchedule", "ScheduleAnyway",
								 NULL};

static const char *const enum_NodeInclusionPolicy[] = {"Honor", "Ignore", NULL};

static const char *const enum_RestartPolicy[] = {"Always", "Never", "OnFailure", NULL};

static const char *const enum_DNSPolicy[] = {"ClusterFirst", "ClusterFirstWithHostNet", "Default",
					     "None", NULL};

static const char *const enum_PreemptionPolicy[] = {"Never", "PreemptLowerPriority", NULL};

static const struct api_field Sysctl_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"value", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The value."},
};

const struct api_type api_t_core_v1_Sysctl = {
	.name = "io.k8s.api.core.v1.Sysctl",
	.fields = Sysctl_fields,
	.n_fields = ARRAY_SIZE(Sysctl_fields),
	.help = "Sysctl.",
};

static const struct api_field PodSecurityContext_fields[] = {
	{"seLinuxOptions", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_core_v1_SELinuxOptions, .help = "SELinux label."},
	{"windowsOptions", API_OBJECT, .pb = 8, .flags = API_PTR,
	 .ref = &api_t_core_v1_WindowsSecurityContextOptions,
	 .help = "Only for nodes with Windows."},
	{"runAsUser", API_INT64, .pb = 2, .flags = API_PTR, .help = "User id the program runs as."},
	{"runAsGroup", API_INT64, .pb = 6, .flags = API_PTR,
	 .help = "Group id the program runs as."},
	{"runAsNonRoot", API_BOOL, .pb = 3, .flags = API_PTR, .help = "Refuse to start as user 0."},
	{"supplementalGroups", API_INT64, API_LIST, .pb = 4,
	 .help = "Further groups of the program."},
	{"supplementalGroupsPolicy", API_STRING, .pb = 12, .flags = API_PTR,
	 .enums = enum_SupplementalGroupsPolicy,
	 .help = "Supplemental groups policy of this pod security context."},
	{"fsGroup", API_INT64, .pb = 5, .flags = API_PTR, .help = "Group that owns the volumes."},
	{"sysctls", API_OBJECT, API_LIST, .pb = 7, .ref = &api_t_core_v1_Sysctl,
	 .help = "Kernel parameters of the pod."},
	{"fsGroupChangePolicy", API_STRING, .pb = 9, .flags = API_PTR,
	 .enums = enum_PodFSGroupChangePolicy,
	 .help = "Fs group change policy of this pod security context."},
	{"seccompProfile", API_OBJECT, .pb = 10, .flags = API_PTR,
	 .ref = &api_t_core_v1_SeccompProfile, .help = "Filter of system calls."},
	{"appArmorProfile", API_OBJECT, .pb = 11, .flags = API_PTR,
	 .ref = &api_t_core_v1_AppArmorProfile, .help = "AppArmor profile."},
	{"seLinuxChangePolicy", API_STRING, .pb = 13, .flags = API_PTR,
	 .help = "Se linux change policy of this pod security context."},
};

const struct api_type api_t_core_v1_PodSecurityContext = {
	.name = "io.k8s.api.core.v1.PodSecurityContext",
	.fields = PodSecurityContext_fields,
	.n_fields = ARRAY_SIZE(PodSecurityContext_fields),
	.help = "Pod security context.",
};

static const struct api_field NodeSelectorRequirement_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"operator", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_NodeSelectorOperator, .help = "How the values are compared."},
	{"values", API_STRING, API_LIST, .pb = 3, .help = "Values to compare with."},
};

const struct api_type api_t_core_v1_NodeSelectorRequirement = {
	.name = "io.k8s.api.core.v1.NodeSelectorRequirement",
	.fields = NodeSelectorRequirement_fields,
	.n_fields = ARRAY_SIZE(NodeSelectorRequirement_fields),
	.help = "Node selector requirement.",
};

static const struct api_field NodeSelectorTerm_fields[] = {
	{"matchExpressions", API_OBJECT, API_LIST, .pb = 1,
	 .ref = &api_t_core_v1_NodeSelectorRequirement,
	 .help = "Conditions on labels; all must hold."},
	{"matchFields", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_core_v1_NodeSelectorRequirement,
	 .help = "The match fields of this node selector term."},
};

const struct api_type api_t_core_v1_NodeSelectorTerm = {
	.name = "io.k8s.api.core.v1.NodeSelectorTerm",
	.fields = NodeSelectorTerm_fields,
	.n_fields = ARRAY_SIZE(NodeSelectorTerm_fields),
	.flags = API_WHOLE,
	.help = "Node selector term.",
};

static const struct api_field NodeSelector_fields[] = {
	{"nodeSelectorTerms", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_core_v1_NodeSelectorTerm,
	 .help = "The node selector terms of this node selector."},
};

const struct api_type api_t_core_v1_NodeSelector = {
	.name = "io.k8s.api.core.v1.NodeSelector",
	.fields = NodeSelector_fields,
	.n_fields = ARRAY_SIZE(NodeSelector_fields),
	.flags = API_WHOLE,
	.help = "Node selector.",
};

static const struct api_field PreferredSchedulingTerm_fields[] = {
	{"weight", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Weight of this preferred scheduling term."},
	{"preference", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_NodeSelectorTerm,
	 .help = "Preference of this preferred scheduling term."},
};

const struct api_type api_t_core_v1_PreferredSchedulingTerm = {
	.name = "io.k8s.api.core.v1.PreferredSchedulingTerm",
	.fields = PreferredSchedulingTerm_fields,
	.n_fields = ARRAY_SIZE(PreferredSchedulingTerm_fields),
	.help = "Preferred scheduling term.",
};

static const struct api_field NodeAffinity_fields[] = {
	{"requiredDuringSchedulingIgnoredDuringExecution", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_core_v1_NodeSelector,
	 .help = "Required during scheduling ignored during execution of this node affinity."},
	{"preferredDuringSchedulingIgnoredDuringExecution", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_core_v1_PreferredSchedulingTerm,
	 .help = "The preferred during scheduling ignored during execution of this node affinity."},
};

const struct api_type api_t_core_v1_NodeAffinity = {
	.name = "io.k8s.api.core.v1.NodeAffinity",
	.fields = NodeAffinity_fields,
	.n_fields = ARRAY_SIZE(NodeAffinity_fields),
	.help = "Node affinity.",
};

static const struct api_field PodAffinityTerm_fields[] = {
	{"labelSelector", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector, .help = "Label selector of this pod affinity term."},
	{"namespaces", API_STRING, API_LIST, .pb = 2,
	 .help = "The namespaces of this pod affinity term."},
	{"topologyKey", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Topology key of this pod affinity term."},
	{"namespaceSelector", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Namespace selector of this pod affinity term."},
	{"matchLabelKeys", API_STRING, API_LIST, .pb = 5,
	 .help = "The match label keys of this pod affinity term."},
	{"mismatchLabelKeys", API_STRING, API_LIST, .pb = 6,
	 .help = "The mismatch label keys of this pod affinity term."},
};

const struct api_type api_t_core_v1_PodAffinityTerm = {
	.name = "io.k8s.api.core.v1.PodAffinityTerm",
	.fields = PodAffinityTerm_fields,
	.n_fields = ARRAY_SIZE(PodAffinityTerm_fields),
	.help = "Pod affinity term.",
};

static const struct api_field WeightedPodAffinityTerm_fields[] = {
	{"weight", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Weight of this weighted pod affinity term."},
	{"podAffinityTerm", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_PodAffinityTerm,
	 .help = "Pod affinity term of this weighted pod affinity term."},
};

const struct api_type api_t_core_v1_WeightedPodAffinityTerm = {
	.name = "io.k8s.api.core.v1.WeightedPodAffinityTerm",
	.fields = WeightedPodAffinityTerm_fields,
	.n_fields = ARRAY_SIZE(WeightedPodAffinityTerm_fields),
	.help = "Weighted pod affinity term.",
};

static const struct api_field PodAffinity_fields[] = {
	{"requiredDuringSchedulingIgnoredDuringExecution", API_OBJECT, API_LIST, .pb = 1,
	 .ref = &api_t_core_v1_PodAffinityTerm,
	 .help = "The required during scheduling ignored during execution of this pod affinity."},
	{"preferredDuringSchedulingIgnoredDuringExecution", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_core_v1_WeightedPodAffinityTerm,
	 .help = "The preferred during scheduling ignored during execution of this pod affinity."},
};

const struct api_type api_t_core_v1_PodAffinity = {
	.name = "io.k8s.api.core.v1.PodAffinity",
	.fields = PodAffinity_fields,
	.n_fields = ARRAY_SIZE(PodAffinity_fields),
	.help = "Pod affinity.",
};

static const struct api_field PodAntiAffinity_fields[] = {
	{"requiredDuringSchedulingIgnoredDuringExecution", API_OBJECT, API_LIST, .pb = 1,
	 .ref = &api_t_core_v1_PodAffinityTerm,
	 .help = "The required during scheduling ignored during execution of this pod anti "
		 "affinity."},
	{"preferredDuringSchedulingIgnoredDuringExecution", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_core_v1_WeightedPodAffinityTerm,
	 .help = "The preferred during scheduling ignored during execution of this pod anti "
		 "affinity."},
};

const struct api_type api_t_core_v1_PodAntiAffinity = {
	.name = "io.k8s.api.core.v1.PodAntiAffinity",
	.fields = PodAntiAffinity_fields,
	.n_fields = ARRAY_SIZE(PodAntiAffinity_fields),
	.help = "Pod anti affinity.",
};

static const struct api_field Affinity_fields[] = {
	{"nodeAffinity", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_NodeAffinity,
	 .help = "Node affinity of this affinity."},
	{"podAffinity", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_core_v1_PodAffinity,
	 .help = "Pod affinity of this affinity."},
	{"podAntiAffinity", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_PodAntiAffinity, .help = "Pod anti affinity of this affinity."},
};

const struct api_type api_t_core_v1_Affinity = {
	.name = "io.k8s.api.core.v1.Affinity",
	.fields = Affinity_fields,
	.n_fields = ARRAY_SIZE(Affinity_fields),
	.help = "Affinity.",
};

static const struct api_field Toleration_fields[] = {
	{"key", API_STRING, .pb = 1, .help = "Name of the key."},
	{"operator", API_STRING, .pb = 2, .enums = enum_TolerationOperator,
	 .help = "How the values are compared."},
	{"value", API_STRING, .pb = 3, .help = "The value."},
	{"effect", API_STRING, .pb = 4, .enums = enum_TaintEffect,
	 .help = "Effect of this toleration."},
	{"tolerationSeconds", API_INT64, .pb = 5, .flags = API_PTR,
	 .help = "Toleration seconds of this toleration."},
};

const struct api_type api_t_core_v1_Toleration = {
	.name = "io.k8s.api.core.v1.Toleration",
	.fields = Toleration_fields,
	.n_fields = ARRAY_SIZE(Toleration_fields),
	.help = "Toleration.",
};

static const struct api_field HostAlias_fields[] = {
	{"ip", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Ip of this host alias."},
	{"hostnames", API_STRING, API_LIST, .pb = 2, .help = "The hostnames of this host alias."},
};

const struct api_type api_t_core_v1_HostAlias = {
	.name = "io.k8s.api.core.v1.HostAlias",
	.fields = HostAlias_fields,
	.n_fields = ARRAY_SIZE(HostAlias_fields),
	.help = "Host alias.",
};

static const struct api_field PodDNSConfigOption_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Its name."},
	{"value", API_STRING, .pb = 2, .flags = API_PTR, .help = "The value."},
};

const struct api_type api_t_core_v1_PodDNSConfigOption = {
	.name = "io.k8s.api.core.v1.PodDNSConfigOption",
	.fields = PodDNSConfigOption_fields,
	.n_fields = ARRAY_SIZE(PodDNSConfigOption_fields),
	.help = "Pod DNS config option.",
};

static const struct api_field PodDNSConfig_fields[] = {
	{"nameservers", API_STRING, API_LIST, .pb = 1,
	 .help = "The nameservers of this pod dns config."},
	{"searches", API_STRING, API_LIST, .pb = 2, .help = "The searches of this pod dns config."},
	{"options", API_OBJECT, API_LIST, .pb = 3, .ref = &api_t_core_v1_PodDNSConfigOption,
	 .help = "The options of this pod dns config."},
};

const struct api_type api_t_core_v1_PodDNSConfig = {
	.name = "io.k8s.api.core.v1.PodDNSConfig",
	.fields = PodDNSConfig_fields,
	.n_fields = ARRAY_SIZE(PodDNSConfig_fields),
	.help = "Pod DNS config.",
};

static const struct api_field PodReadinessGate_fields[] = {
	{"conditionType", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Condition type of this pod readiness gate."},
};

const struct api_type api_t_core_v1_PodReadinessGate = {
	.name = "io.k8s.api.core.v1.PodReadinessGate",
	.fields = PodReadinessGate_fields,
	.n_fields = ARRAY_SIZE(PodReadinessGate_fields),
	.help = "Pod readiness gate.",
};

static const struct api_field TopologySpreadConstraint_fields[] = {
	{"maxSkew", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Max skew of this topology spread constraint."},
	{"topologyKey", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Topology key of this topology spread constraint."},
	{"whenUnsatisfiable", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_UnsatisfiableConstraintAction,
	 .help = "When unsatisfiable of this topology spread constraint."},
	{"labelSelector", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Label selector of this topology spread constraint."},
	{"minDomains", API_INT32, .pb = 5, .flags = API_PTR,
	 .help = "Min domains of this topology spread constraint."},
	{"nodeAffinityPolicy", API_STRING, .pb = 6, .flags = API_PTR,
	 .enums = enum_NodeInclusionPolicy,
	 .help = "Node affinity policy of this topology spread constraint."},
	{"nodeTaintsPolicy", API_STRING, .pb = 7, .flags = API_PTR,
	 .enums = enum_NodeInclusionPolicy,
	 .help = "Node taints policy of this topology spread constraint."},
	{"matchLabelKeys", API_STRING, API_LIST, .pb = 8,
	 .help = "The match label keys of this topology spread constraint."},
};

const struct api_type api_t_core_v1_TopologySpreadConstraint = {
	.name = "io.k8s.api.core.v1.TopologySpreadConstraint",
	.fields = TopologySpreadConstraint_fields,
	.n_fields = ARRAY_SIZE(TopologySpreadConstraint_fields),
	.help = "Topology spread constraint.",
};

static const struct api_field PodOS_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_core_v1_PodOS = {
	.name = "io.k8s.api.core.v1.PodOS",
	.fields = PodOS_fields,
	.n_fields = ARRAY_SIZE(PodOS_fields),
	.help = "Pod OS.",
};

static const struct api_field PodSchedulingGate_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_core_v1_PodSchedulingGate = {
	.name = "io.k8s.api.core.v1.PodSchedulingGate",
	.fields = PodSchedulingGate_fields,
	.n_fields = ARRAY_SIZE(PodSchedulingGate_fields),
	.help = "Pod scheduling gate.",
};

static const struct api_field PodResourceClaim_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"resourceClaimName", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Resource claim name of this pod resource claim."},
	{"resourceClaimTemplateName", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Resource claim template name of this pod resource claim."},
};

const struct api_type api_t_core_v1_PodResourceClaim = {
	.name = "io.k8s.api.core.v1.PodResourceClaim",
	.fields = PodResourceClaim_fields,
	.n_fields = ARRAY_SIZE(PodResourceClaim_fields),
	.help = "Pod resource claim.",
};

static const struct api_field PodSchedulingGroup_fields[] = {
	{"podGroupName", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Pod group name of this pod scheduling group."},
};

const struct api_type api_t_core_v1_PodSchedulingGroup = {
	.name = "io.k8s.api.core.v1.PodSchedulingGroup",
	.fields = PodSchedulingGroup_fields,
	.n_fields = ARRAY_SIZE(PodSchedulingGroup_fields),
	.help = "Pod scheduling group.",
};

static const struct api_field EvictionResponder_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"priority", API_INT32, .pb = 2, .flags = API_REQUIRED | API_PTR | API_KEEP_EMPTY,
	 .help = "Priority as a number; larger is more important."},
};

const struct api_type api_t_core_v1_EvictionResponder = {
	.name = "io.k8s.api.core.v1.EvictionResponder",
	.fields = EvictionResponder_fields,
	.n_fields = ARRAY_SIZE(EvictionResponder_fields),
	.flags = API_WHOLE,
	.help = "Eviction responder.",
};

static const struct api_field PodSpec_fields[] = {
	{"volumes", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1,
	 .flags = API_MERGE | API_RETAIN_KEYS, .ref = &api_t_core_v1_Volume, .keys = "name",
	 .merge_key = "name", .help = "Volumes the containers can mount."},
	{"initContainers", API_OBJECT, API_LIST, API_LISTMAP, .pb = 20, .flags = API_MERGE,
	 .ref = &api_t_core_v1_Container, .keys = "name", .merge_key = "name",
	 .help = "Containers that run one after another before the others start."},
	{"containers", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2,
	 .flags = API_REQUIRED | API_KEEP_EMPTY | API_MERGE, .ref = &api_t_core_v1_Container,
	 .keys = "name", .merge_key = "name", .help = "Containers of the pod; at least one."},
	{"ephemeralContainers", API_OBJECT, API_LIST, API_LISTMAP, .pb = 34, .flags = API_MERGE,
	 .ref = &api_t_core_v1_EphemeralContainer, .keys = "name", .merge_key = "name",
	 .help = "Containers added to a running pod for debugging."},
	{"restartPolicy", API_STRING, .pb = 3, .def = "\"Always\"", .enums = enum_RestartPolicy,
	 .help = "When containers are started again: Always, OnFailure or Never."},
	{"terminationGracePeriodSeconds", API_INT64, .pb = 4, .flags = API_PTR, .def = "30",
	 .help = "Seconds between the stop signal and the kill."},
	{"activeDeadlineSeconds", API_INT64, .pb = 5, .flags = API_PTR,
	 .help = "Seconds the pod may be active before it is failed."},
	{"dnsPolicy", API_STRING, .pb = 6, .def = "\"ClusterFirst\"", .enums = enum_DNSPolicy,
	 .help = "Where the pod gets its resolver settings from."},
	{"nodeSelector", API_STRING, API_MAP, .pb = 7, .flags = API_WHOLE,
	 .help = "Labels a node must have to run the pod."},
	{"serviceAccountName", API_STRING, .pb = 8, .help = "Service account the pod runs as."},
	{"serviceAccount", API_STRING, .pb = 9, .help = "Old name of serviceAccountName."},
	{"automountServiceAccountToken", API_BOOL, .pb = 21, .flags = API_PTR,
	 .help = "Whether a token of the service account is mounted."},
	{"nodeName", API_STRING, .pb = 10, .help = "Node the pod is bound to."},
	{"hostNetwork", API_BOOL, .pb = 11, .help = "Use the node's network."},
	{"hostPID", API_BOOL, .pb = 12, .help = "Use the node's process ids."},
	{"hostIPC", API_BOOL, .pb = 13, .help = "Use the node's IPC namespace."},
	{"shareProcessNamespace", API_BOOL, .pb = 27, .flags = API_PTR,
	 .help = "One process namespace for all containers."},
	{"securityContext", API_OBJECT, .pb = 14, .flags = API_PTR,
	 .ref = &api_t_core_v1_PodSecurityContext, .def = "{}",
	 .help = "Users, capabilities and confinement."},
	{"imagePullSecrets", API_OBJECT, API_LIST, API_LISTMAP, .pb = 15, .flags = API_MERGE,
	 .ref = &api_t_core_v1_LocalObjectReference, .keys = "name", .merge_key = "name",
	 .help = "Secrets with credentials for image registries."},
	{"hostname", API_STRING, .pb = 16, .help = "Host name inside the pod."},
	{"subdomain", API_STRING, .pb = 17,
	 .help = "Domain under the namespace for the host name."},
	{"affinity", API_OBJECT, .pb = 18, .flags = API_PTR, .ref = &api_t_core_v1_Affinity,
	 .help = "Where the pod prefers or needs to run."},
	{"schedulerName", API_STRING, .pb = 19, .def = "\"default-scheduler\"",
	 .help = "Scheduler that places the pod."},
	{"tolerations", API_OBJECT, API_LIST, .pb = 22, .ref = &api_t_core_v1_Toleration,
	 .help = "Taints the pod puts up with."},
	{"hostAliases", API_OBJECT, API_LIST, API_LISTMAP, .pb = 23, .flags = API_MERGE,
	 .ref = &api_t_core_v1_HostAlias, .keys = "ip", .merge_key = "ip",
	 .help = "Lines added to /etc/hosts."},
	{"priorityClassName", API_STRING, .pb = 24, .help = "Priority class of the pod."},
	{"priority", API_INT32, .pb = 25, .flags = API_PTR,
	 .help = "Priority as a number; larger is more important."},
	{"dnsConfig", API_OBJECT, .pb = 26, .flags = API_PTR, .ref = &api_t_core_v1_PodDNSConfig,
	 .help = "Additions to the resolver settings."},
	{"readinessGates", API_OBJECT, API_LIST, .pb = 28, .ref = &api_t_core_v1_PodReadinessGate,
	 .help = "Further conditions the pod needs to be ready."},
	{"runtimeClassName", API_STRING, .pb = 29, .flags = API_PTR,
	 .help = "Runtime class the containers run with."},
	{"enableServiceLinks", API_BOOL, .pb = 30, .flags = API_PTR,
	 .help = "Put addresses of services into the environment."},
	{"preemptionPolicy", API_STRING, .pb = 31, .flags = API_PTR, .enums = enum_PreemptionPolicy,
	 .help = "Whether pods of lower priority may be pushed out."},
	{"overhead", API_QUANTITY, API_MAP, .pb = 32,
	 .help = "Resources the sandbox itself needs."},
	{"topologySpreadConstraints", API_OBJECT, API_LIST, API_LISTMAP, .pb = 33,
	 .flags = API_MERGE, .ref = &api_t_core_v1_TopologySpreadConstraint,
	 .keys = "topologyKey,whenUnsatisfiable", .merge_key = "topologyKey",
	 .help = "How pods are spread over zones and nodes."},
	{"setHostnameAsFQDN", API_BOOL, .pb = 35, .flags = API_PTR,
	 .help = "Use the full domain name as host name."},
	{"os", API_OBJECT, .pb = 36, .flags = API_PTR, .ref = &api_t_core_v1_PodOS,
	 .help = "Os of this pod spec."},
	{"hostUsers", API_BOOL, .pb = 37, .flags = API_PTR, .help = "Use the node's user ids."},
	{"schedulingGates", API_OBJECT, API_LIST, API_LISTMAP, .pb = 38, .flags = API_MERGE,
	 .ref = &api_t_core_v1_PodSchedulingGate, .keys = "name", .merge_key = "name",
	 .help = "The pod is not scheduled while any of these is there."},
	{"resourceClaims", API_OBJECT, API_LIST, API_LISTMAP, .pb = 39,
	 .flags = API_MERGE | API_RETAIN_KEYS, .ref = &api_t_core_v1_PodResourceClaim,
	 .keys = "name", .merge_key = "name", .help = "The resource claims of this pod spec."},
	{"resources", API_OBJECT, .pb = 40, .flags = API_PTR,
	 .ref = &api_t_core_v1_ResourceRequirements,
	 .help = "What it needs and may use of cpu, memory and the like."},
	{"hostnameOverride", API_STRING, .pb = 41, .flags = API_PTR,
	 .help = "Hostname override of this pod spec."},
	{"schedulingGroup", API_OBJECT, .pb = 43, .flags = API_PTR,
	 .ref = &api_t_core_v1_PodSchedulingGroup, .help = "Scheduling group of this pod spec."},
	{"evictionResponders", API_OBJECT, API_LIST, API_LISTMAP, .pb = 44, .flags = API_MERGE,
	 .ref = &api_t_core_v1_EvictionResponder, .keys = "name", .merge_key = "name",
	 .help = "The eviction responders of this pod spec."},
};

const struct api_type api_t_core_v1_PodSpec = {
	.name = "io.k8s.api.core.v1.PodSpec",
	.fields = PodSpec_fields,
	.n_fields = ARRAY_SIZE(PodSpec_fields),
	.help = "What a pod is to run and how.",
	.defaults = default_pod_spec,
};

static const struct api_field PodVolumeHealth_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"healthConditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE,
	 .ref = &api_t_core_v1_VolumeHealthCondition, .keys = "status,reason",
	 .merge_key = "status", .help = "The health conditions of this pod volume health."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When the status last changed."},
};

const struct api_type api_t_core_v1_PodVolumeHealth = {
	.name = "io.k8s.api.core.v1.PodVolumeHealth",
	.fields = PodVolumeHealth_fields,
	.n_fields = ARRAY_SIZE(PodVolumeHealth_fields),
	.help = "Pod volume health.",
};

static const struct api_field PodTemplateSpec_fields[] = {
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_PodSpec, .help = "What is wanted."},
};

const struct api_type api_t_core_v1_PodTemplateSpec = {
	.name = "io.k8s.api.core.v1.PodTemplateSpec",
	.fields = PodTemplateSpec_fields,
	.n_fields = ARRAY_SIZE(PodTemplateSpec_fields),
	.help = "Pod template spec.",
};
