/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_KINDS_TYPES_H
#define KNARR_API_KINDS_TYPES_H
#include "lib/api/schema.h"
/* The tables of built-in types, one struct api_type each, named by group, version and type. */

/* apps_types.c */
extern const struct api_type api_t_apps_v1_RollingUpdateDeployment;
extern const struct api_type api_t_apps_v1_DeploymentStrategy;
extern const struct api_type api_t_apps_v1_DeploymentSpec;
extern const struct api_type api_t_apps_v1_DeploymentCondition;
extern const struct api_type api_t_apps_v1_DeploymentStatus;
extern const struct api_type api_t_apps_v1_Deployment;
extern const struct api_type api_t_apps_v1_ReplicaSetSpec;
extern const struct api_type api_t_apps_v1_ReplicaSetCondition;
extern const struct api_type api_t_apps_v1_ReplicaSetStatus;
extern const struct api_type api_t_apps_v1_ReplicaSet;
extern const struct api_type api_t_apps_v1_RollingUpdateStatefulSetStrategy;
extern const struct api_type api_t_apps_v1_StatefulSetUpdateStrategy;
extern const struct api_type api_t_apps_v1_StatefulSetPersistentVolumeClaimRetentionPolicy;
extern const struct api_type api_t_apps_v1_StatefulSetOrdinals;
extern const struct api_type api_t_apps_v1_StatefulSetSpec;
extern const struct api_type api_t_apps_v1_StatefulSetCondition;
extern const struct api_type api_t_apps_v1_StatefulSetStatus;
extern const struct api_type api_t_apps_v1_StatefulSet;
extern const struct api_type api_t_apps_v1_RollingUpdateDaemonSet;
extern const struct api_type api_t_apps_v1_DaemonSetUpdateStrategy;
extern const struct api_type api_t_apps_v1_DaemonSetSpec;
extern const struct api_type api_t_apps_v1_DaemonSetCondition;
extern const struct api_type api_t_apps_v1_DaemonSetStatus;
extern const struct api_type api_t_apps_v1_DaemonSet;
extern const struct api_type api_t_apps_v1_ControllerRevision;

/* authentication_types.c */
extern const struct api_type api_t_authentication_v1_BoundObjectReference;
extern const struct api_type api_t_authentication_v1_TokenRequestSpec;
extern const struct api_type api_t_authentication_v1_TokenRequestStatus;
extern const struct api_type api_t_authentication_v1_TokenRequest;
extern const struct api_type api_t_authentication_v1_UserInfo;
extern const struct api_type api_t_authentication_v1_SelfSubjectReviewStatus;
extern const struct api_type api_t_authentication_v1_SelfSubjectReview;
extern const struct api_type api_t_authentication_v1_TokenReviewSpec;
extern const struct api_type api_t_authentication_v1_TokenReviewStatus;
extern const struct api_type api_t_authentication_v1_TokenReview;

/* authorization_types.c */
extern const struct api_type api_t_authorization_v1_FieldSelectorAttributes;
extern const struct api_type api_t_authorization_v1_LabelSelectorAttributes;
extern const struct api_type api_t_authorization_v1_ResourceAttributes;
extern const struct api_type api_t_authorization_v1_NonResourceAttributes;
extern const struct api_type api_t_authorization_v1_SelfSubjectAccessReviewSpec;
extern const struct api_type api_t_authorization_v1_SubjectAccessReviewStatus;
extern const struct api_type api_t_authorization_v1_SelfSubjectAccessReview;
extern const struct api_type api_t_authorization_v1_SelfSubjectRulesReviewSpec;
extern const struct api_type api_t_authorization_v1_ResourceRule;
extern const struct api_type api_t_authorization_v1_NonResourceRule;
extern const struct api_type api_t_authorization_v1_SubjectRulesReviewStatus;
extern const struct api_type api_t_authorization_v1_SelfSubjectRulesReview;
extern const struct api_type api_t_authorization_v1_SubjectAccessReviewSpec;
extern const struct api_type api_t_authorization_v1_SubjectAccessReview;
extern const struct api_type api_t_authorization_v1_LocalSubjectAccessReview;

/* autoscaling_types.c */
extern const struct api_type api_t_autoscaling_v1_ScaleSpec;
extern const struct api_type api_t_autoscaling_v1_ScaleStatus;
extern const struct api_type api_t_autoscaling_v1_Scale;
extern const struct api_type api_t_autoscaling_v1_CrossVersionObjectReference;
extern const struct api_type api_t_autoscaling_v1_HorizontalPodAutoscalerSpec;
extern const struct api_type api_t_autoscaling_v1_HorizontalPodAutoscalerStatus;
extern const struct api_type api_t_autoscaling_v1_HorizontalPodAutoscaler;

/* batch_types.c */
extern const struct api_type api_t_batch_v1_PodFailurePolicyOnExitCodesRequirement;
extern const struct api_type api_t_batch_v1_PodFailurePolicyOnPodConditionsPattern;
extern const struct api_type api_t_batch_v1_PodFailurePolicyRule;
extern const struct api_type api_t_batch_v1_PodFailurePolicy;
extern const struct api_type api_t_batch_v1_SuccessPolicyRule;
extern const struct api_type api_t_batch_v1_SuccessPolicy;
extern const struct api_type api_t_batch_v1_JobSchedulingConfiguration;
extern const struct api_type api_t_batch_v1_JobSpec;
extern const struct api_type api_t_batch_v1_JobCondition;
extern const struct api_type api_t_batch_v1_UncountedTerminatedPods;
extern const struct api_type api_t_batch_v1_JobStatus;
extern const struct api_type api_t_batch_v1_Job;
extern const struct api_type api_t_batch_v1_JobTemplateSpec;
extern const struct api_type api_t_batch_v1_CronJobSpec;
extern const struct api_type api_t_batch_v1_CronJobStatus;
extern const struct api_type api_t_batch_v1_CronJob;

/* certificates_types.c */
extern const struct api_type api_t_certificates_v1_CertificateSigningRequestSpec;
extern const struct api_type api_t_certificates_v1_CertificateSigningRequestCondition;
extern const struct api_type api_t_certificates_v1_CertificateSigningRequestStatus;
extern const struct api_type api_t_certificates_v1_CertificateSigningRequest;

/* container_types.c */
extern const struct api_type api_t_core_v1_ObjectFieldSelector;
extern const struct api_type api_t_core_v1_ResourceFieldSelector;
extern const struct api_type api_t_core_v1_ContainerPort;
extern const struct api_type api_t_core_v1_ConfigMapEnvSource;
extern const struct api_type api_t_core_v1_SecretEnvSource;
extern const struct api_type api_t_core_v1_EnvFromSource;
extern const struct api_type api_t_core_v1_ConfigMapKeySelector;
extern const struct api_type api_t_core_v1_SecretKeySelector;
extern const struct api_type api_t_core_v1_FileKeySelector;
extern const struct api_type api_t_core_v1_EnvVarSource;
extern const struct api_type api_t_core_v1_EnvVar;
extern const struct api_type api_t_core_v1_ResourceClaim;
extern const struct api_type api_t_core_v1_ResourceRequirements;
extern const struct api_type api_t_core_v1_ContainerResizePolicy;
extern const struct api_type api_t_core_v1_ContainerRestartRuleOnExitCodes;
extern const struct api_type api_t_core_v1_ContainerRestartRule;
extern const struct api_type api_t_core_v1_VolumeMount;
extern const struct api_type api_t_core_v1_VolumeDevice;
extern const struct api_type api_t_core_v1_ExecAction;
extern const struct api_type api_t_core_v1_HTTPHeader;
extern const struct api_type api_t_core_v1_HTTPGetAction;
extern const struct api_type api_t_core_v1_TCPSocketAction;
extern const struct api_type api_t_core_v1_GRPCAction;
extern const struct api_type api_t_core_v1_ProbeHandler;
extern const struct api_type api_t_core_v1_Probe;
extern const struct api_type api_t_core_v1_SleepAction;
extern const struct api_type api_t_core_v1_LifecycleHandler;
extern const struct api_type api_t_core_v1_Lifecycle;
extern const struct api_type api_t_core_v1_Capabilities;
extern const struct api_type api_t_core_v1_SELinuxOptions;
extern const struct api_type api_t_core_v1_WindowsSecurityContextOptions;
extern const struct api_type api_t_core_v1_SeccompProfile;
extern const struct api_type api_t_core_v1_AppArmorProfile;
extern const struct api_type api_t_core_v1_SecurityContext;
extern const struct api_type api_t_core_v1_Container;
extern const struct api_type api_t_core_v1_EphemeralContainerCommon;
extern const struct api_type api_t_core_v1_EphemeralContainer;

/* coordination_types.c */
extern const struct api_type api_t_coordination_v1_LeaseSpec;
extern const struct api_type api_t_coordination_v1_Lease;

/* core_types.c */
extern const struct api_type api_t_core_v1_LocalObjectReference;
extern const struct api_type api_t_core_v1_TypedLocalObjectReference;
extern const struct api_type api_t_core_v1_VolumeHealthCondition;
extern const struct api_type api_t_core_v1_NamespaceSpec;
extern const struct api_type api_t_core_v1_NamespaceCondition;
extern const struct api_type api_t_core_v1_NamespaceStatus;
extern const struct api_type api_t_core_v1_Namespace;
extern const struct api_type api_t_core_v1_ObjectReference;
extern const struct api_type api_t_core_v1_ConfigMap;
extern const struct api_type api_t_core_v1_Secret;
extern const struct api_type api_t_core_v1_ServiceAccount;
extern const struct api_type api_t_core_v1_EventSource;
extern const struct api_type api_t_core_v1_EventSeries;
extern const struct api_type api_t_core_v1_Event;
extern const struct api_type api_t_core_v1_Binding;
extern const struct api_type api_t_core_v1_VolumeHealthStatus;
extern const struct api_type api_t_core_v1_ReplicationControllerSpec;
extern const struct api_type api_t_core_v1_ReplicationControllerCondition;
extern const struct api_type api_t_core_v1_ReplicationControllerStatus;
extern const struct api_type api_t_core_v1_ReplicationController;
extern const struct api_type api_t_core_v1_ScopedResourceSelectorRequirement;
extern const struct api_type api_t_core_v1_ScopeSelector;
extern const struct api_type api_t_core_v1_ResourceQuotaSpec;
extern const struct api_type api_t_core_v1_ResourceQuotaStatus;
extern const struct api_type api_t_core_v1_ResourceQuota;
extern const struct api_type api_t_core_v1_LimitRangeItem;
extern const struct api_type api_t_core_v1_LimitRangeSpec;
extern const struct api_type api_t_core_v1_LimitRange;
extern const struct api_type api_t_core_v1_TopologySelectorLabelRequirement;
extern const struct api_type api_t_core_v1_TopologySelectorTerm;

/* discovery_types.c */
extern const struct api_type api_t_discovery_v1_EndpointConditions;
extern const struct api_type api_t_discovery_v1_ForZone;
extern const struct api_type api_t_discovery_v1_ForNode;
extern const struct api_type api_t_discovery_v1_EndpointHints;
extern const struct api_type api_t_discovery_v1_Endpoint;
extern const struct api_type api_t_discovery_v1_EndpointPort;
extern const struct api_type api_t_discovery_v1_EndpointSlice;

/* events_types.c */
extern const struct api_type api_t_events_v1_EventSeries;
extern const struct api_type api_t_events_v1_Event;

/* meta_types.c */
extern const struct api_type api_t_meta_v1_OwnerReference;
extern const struct api_type api_t_meta_v1_ManagedFieldsEntry;
extern const struct api_type api_t_meta_v1_ObjectMeta;
extern const struct api_type api_t_meta_v1_ShardInfo;
extern const struct api_type api_t_meta_v1_ListMeta;
extern const struct api_type api_t_meta_v1_StatusCause;
extern const struct api_type api_t_meta_v1_StatusDetails;
extern const struct api_type api_t_meta_v1_Status;
extern const struct api_type api_t_meta_v1_Preconditions;
extern const struct api_type api_t_meta_v1_DeleteOptions;
extern const struct api_type api_t_meta_v1_LabelSelectorRequirement;
extern const struct api_type api_t_meta_v1_LabelSelector;
extern const struct api_type api_t_meta_v1_Condition;
extern const struct api_type api_t_meta_v1_FieldSelectorRequirement;

/* networking_types.c */
extern const struct api_type api_t_networking_v1_ServiceBackendPort;
extern const struct api_type api_t_networking_v1_IngressServiceBackend;
extern const struct api_type api_t_networking_v1_IngressBackend;
extern const struct api_type api_t_networking_v1_IngressTLS;
extern const struct api_type api_t_networking_v1_HTTPIngressPath;
extern const struct api_type api_t_networking_v1_HTTPIngressRuleValue;
extern const struct api_type api_t_networking_v1_IngressRuleValue;
extern const struct api_type api_t_networking_v1_IngressRule;
extern const struct api_type api_t_networking_v1_IngressSpec;
extern const struct api_type api_t_networking_v1_IngressPortStatus;
extern const struct api_type api_t_networking_v1_IngressLoadBalancerIngress;
extern const struct api_type api_t_networking_v1_IngressLoadBalancerStatus;
extern const struct api_type api_t_networking_v1_IngressStatus;
extern const struct api_type api_t_networking_v1_Ingress;
extern const struct api_type api_t_networking_v1_IngressClassParametersReference;
extern const struct api_type api_t_networking_v1_IngressClassSpec;
extern const struct api_type api_t_networking_v1_IngressClass;
extern const struct api_type api_t_networking_v1_NetworkPolicyPort;
extern const struct api_type api_t_networking_v1_IPBlock;
extern const struct api_type api_t_networking_v1_NetworkPolicyPeer;
extern const struct api_type api_t_networking_v1_NetworkPolicyIngressRule;
extern const struct api_type api_t_networking_v1_NetworkPolicyEgressRule;
extern const struct api_type api_t_networking_v1_NetworkPolicySpec;
extern const struct api_type api_t_networking_v1_NetworkPolicy;

/* node_types.c */
extern const struct api_type api_t_core_v1_Taint;
extern const struct api_type api_t_core_v1_ConfigMapNodeConfigSource;
extern const struct api_type api_t_core_v1_NodeConfigSource;
extern const struct api_type api_t_core_v1_NodePodPreemptionPolicy;
extern const struct api_type api_t_core_v1_NodeSpec;
extern const struct api_type api_t_core_v1_NodeCondition;
extern const struct api_type api_t_core_v1_NodeAddress;
extern const struct api_type api_t_core_v1_DaemonEndpoint;
extern const struct api_type api_t_core_v1_NodeDaemonEndpoints;
extern const struct api_type api_t_core_v1_NodeSwapStatus;
extern const struct api_type api_t_core_v1_NodeSystemInfo;
extern const struct api_type api_t_core_v1_ContainerImage;
extern const struct api_type api_t_core_v1_AttachedVolume;
extern const struct api_type api_t_core_v1_NodeConfigStatus;
extern const struct api_type api_t_core_v1_NodeRuntimeHandlerFeatures;
extern const struct api_type api_t_core_v1_NodeRuntimeHandler;
extern const struct api_type api_t_core_v1_NodeFeatures;
extern const struct api_type api_t_core_v1_NodeStatus;
extern const struct api_type api_t_core_v1_Node;
extern const struct api_type api_t_node_v1_Overhead;
extern const struct api_type api_t_node_v1_Scheduling;
extern const struct api_type api_t_node_v1_RuntimeClass;

/* pod_types.c */
extern const struct api_type api_t_core_v1_Sysctl;
extern const struct api_type api_t_core_v1_PodSecurityContext;
extern const struct api_type api_t_core_v1_NodeSelectorRequirement;
extern const struct api_type api_t_core_v1_NodeSelectorTerm;
extern const struct api_type api_t_core_v1_NodeSelector;
extern const struct api_type api_t_core_v1_PreferredSchedulingTerm;
extern const struct api_type api_t_core_v1_NodeAffinity;
extern const struct api_type api_t_core_v1_PodAffinityTerm;
extern const struct api_type api_t_core_v1_WeightedPodAffinityTerm;
extern const struct api_type api_t_core_v1_PodAffinity;
extern const struct api_type api_t_core_v1_PodAntiAffinity;
extern const struct api_type api_t_core_v1_Affinity;
extern const struct api_type api_t_core_v1_Toleration;
extern const struct api_type api_t_core_v1_HostAlias;
extern const struct api_type api_t_core_v1_PodDNSConfigOption;
extern const struct api_type api_t_core_v1_PodDNSConfig;
extern const struct api_type api_t_core_v1_PodReadinessGate;
extern const struct api_type api_t_core_v1_TopologySpreadConstraint;
extern const struct api_type api_t_core_v1_PodOS;
extern const struct api_type api_t_core_v1_PodSchedulingGate;
extern const struct api_type api_t_core_v1_PodResourceClaim;
extern const struct api_type api_t_core_v1_PodSchedulingGroup;
extern const struct api_type api_t_core_v1_EvictionResponder;
extern const struct api_type api_t_core_v1_PodSpec;
extern const struct api_type api_t_core_v1_PodVolumeHealth;
extern const struct api_type api_t_core_v1_PodTemplateSpec;

/* pod_status_types.c */
extern const struct api_type api_t_core_v1_PodCondition;
extern const struct api_type api_t_core_v1_HostIP;
extern const struct api_type api_t_core_v1_PodIP;
extern const struct api_type api_t_core_v1_ContainerStateWaiting;
extern const struct api_type api_t_core_v1_ContainerStateRunning;
extern const struct api_type api_t_core_v1_ContainerStateTerminated;
extern const struct api_type api_t_core_v1_ContainerState;
extern const struct api_type api_t_core_v1_ImageVolumeStatus;
extern const struct api_type api_t_core_v1_VolumeStatus;
extern const struct api_type api_t_core_v1_VolumeMountStatus;
extern const struct api_type api_t_core_v1_LinuxContainerUser;
extern const struct api_type api_t_core_v1_ContainerUser;
extern const struct api_type api_t_core_v1_ResourceHealth;
extern const struct api_type api_t_core_v1_ResourceStatus;
extern const struct api_type api_t_core_v1_ContainerStatus;
extern const struct api_type api_t_core_v1_PodResourceClaimStatus;
extern const struct api_type api_t_core_v1_ContainerExtendedResourceRequest;
extern const struct api_type api_t_core_v1_PodExtendedResourceClaimStatus;
extern const struct api_type api_t_core_v1_NodeAllocatableMappedResources;
extern const struct api_type api_t_core_v1_NodeAllocatableOverheadResources;
extern const struct api_type api_t_core_v1_NodeAllocatableResourceClaimStatus;
extern const struct api_type api_t_core_v1_PodStatus;
extern const struct api_type api_t_core_v1_Pod;
extern const struct api_type api_t_core_v1_PodTemplate;

/* policy_types.c */
extern const struct api_type api_t_policy_v1_Eviction;
extern const struct api_type api_t_policy_v1_PodDisruptionBudgetSpec;
extern const struct api_type api_t_policy_v1_PodDisruptionBudgetStatus;
extern const struct api_type api_t_policy_v1_PodDisruptionBudget;

/* rbac_types.c */
extern const struct api_type api_t_rbac_v1_PolicyRule;
extern const struct api_type api_t_rbac_v1_Role;
extern const struct api_type api_t_rbac_v1_AggregationRule;
extern const struct api_type api_t_rbac_v1_ClusterRole;
extern const struct api_type api_t_rbac_v1_Subject;
extern const struct api_type api_t_rbac_v1_RoleRef;
extern const struct api_type api_t_rbac_v1_RoleBinding;
extern const struct api_type api_t_rbac_v1_ClusterRoleBinding;

/* scheduling_types.c */
extern const struct api_type api_t_scheduling_v1_PriorityClass;

/* service_types.c */
extern const struct api_type api_t_core_v1_ServicePort;
extern const struct api_type api_t_core_v1_ClientIPConfig;
extern const struct api_type api_t_core_v1_SessionAffinityConfig;
extern const struct api_type api_t_core_v1_ServiceSpec;
extern const struct api_type api_t_core_v1_PortStatus;
extern const struct api_type api_t_core_v1_LoadBalancerIngress;
extern const struct api_type api_t_core_v1_LoadBalancerStatus;
extern const struct api_type api_t_core_v1_ServiceStatus;
extern const struct api_type api_t_core_v1_Service;
extern const struct api_type api_t_core_v1_EndpointAddress;
extern const struct api_type api_t_core_v1_EndpointPort;
extern const struct api_type api_t_core_v1_EndpointSubset;
extern const struct api_type api_t_core_v1_Endpoints;

/* storage_types.c */
extern const struct api_type api_t_core_v1_PersistentVolumeClaimVolumeSource;
extern const struct api_type api_t_core_v1_VolumeResourceRequirements;
extern const struct api_type api_t_core_v1_TypedObjectReference;
extern const struct api_type api_t_core_v1_PersistentVolumeClaimSpec;
extern const struct api_type api_t_core_v1_PersistentVolumeClaimTemplate;
extern const struct api_type api_t_core_v1_PersistentVolumeClaimCondition;
extern const struct api_type api_t_core_v1_ModifyVolumeStatus;
extern const struct api_type api_t_core_v1_PersistentVolumeClaimStatus;
extern const struct api_type api_t_core_v1_PersistentVolumeClaim;
extern const struct api_type api_t_core_v1_GlusterfsPersistentVolumeSource;
extern const struct api_type api_t_core_v1_SecretReference;
extern const struct api_type api_t_core_v1_RBDPersistentVolumeSource;
extern const struct api_type api_t_core_v1_ISCSIPersistentVolumeSource;
extern const struct api_type api_t_core_v1_CinderPersistentVolumeSource;
extern const struct api_type api_t_core_v1_CephFSPersistentVolumeSource;
extern const struct api_type api_t_core_v1_FlexPersistentVolumeSource;
extern const struct api_type api_t_core_v1_AzureFilePersistentVolumeSource;
extern const struct api_type api_t_core_v1_ScaleIOPersistentVolumeSource;
extern const struct api_type api_t_core_v1_LocalVolumeSource;
extern const struct api_type api_t_core_v1_StorageOSPersistentVolumeSource;
extern const struct api_type api_t_core_v1_CSIPersistentVolumeSource;
extern const struct api_type api_t_core_v1_PersistentVolumeSource;
extern const struct api_type api_t_core_v1_VolumeNodeAffinity;
extern const struct api_type api_t_core_v1_PersistentVolumeSpec;
extern const struct api_type api_t_core_v1_PersistentVolumeStatus;
extern const struct api_type api_t_core_v1_PersistentVolume;
extern const struct api_type api_t_storage_v1_StorageClass;
extern const struct api_type api_t_storage_v1_TokenRequest;
extern const struct api_type api_t_storage_v1_CSIDriverSpec;
extern const struct api_type api_t_storage_v1_CSIDriver;
extern const struct api_type api_t_storage_v1_VolumeNodeResources;
extern const struct api_type api_t_storage_v1_CSINodeDriver;
extern const struct api_type api_t_storage_v1_CSINodeSpec;
extern const struct api_type api_t_storage_v1_StorageHealthCondition;
extern const struct api_type api_t_storage_v1_StorageHealth;
extern const struct api_type api_t_storage_v1_CSINodeStatus;
extern const struct api_type api_t_storage_v1_CSINode;
extern const struct api_type api_t_storage_v1_VolumeAttachmentSource;
extern const struct api_type api_t_storage_v1_VolumeAttachmentSpec;
extern const struct api_type api_t_storage_v1_VolumeError;
extern const struct api_type api_t_storage_v1_VolumeAttachmentStatus;
extern const struct api_type api_t_storage_v1_VolumeAttachment;

/* volume_types.c */
extern const struct api_type api_t_core_v1_HostPathVolumeSource;
extern const struct api_type api_t_core_v1_EmptyDirVolumeSource;
extern const struct api_type api_t_core_v1_GCEPersistentDiskVolumeSource;
extern const struct api_type api_t_core_v1_AWSElasticBlockStoreVolumeSource;
extern const struct api_type api_t_core_v1_GitRepoVolumeSource;
extern const struct api_type api_t_core_v1_KeyToPath;
extern const struct api_type api_t_core_v1_SecretVolumeSource;
extern const struct api_type api_t_core_v1_NFSVolumeSource;
extern const struct api_type api_t_core_v1_ISCSIVolumeSource;
extern const struct api_type api_t_core_v1_GlusterfsVolumeSource;
extern const struct api_type api_t_core_v1_RBDVolumeSource;
extern const struct api_type api_t_core_v1_FlexVolumeSource;
extern const struct api_type api_t_core_v1_CinderVolumeSource;
extern const struct api_type api_t_core_v1_CephFSVolumeSource;
extern const struct api_type api_t_core_v1_FlockerVolumeSource;
extern const struct api_type api_t_core_v1_DownwardAPIVolumeFile;
extern const struct api_type api_t_core_v1_DownwardAPIVolumeSource;
extern const struct api_type api_t_core_v1_FCVolumeSource;
extern const struct api_type api_t_core_v1_AzureFileVolumeSource;
extern const struct api_type api_t_core_v1_ConfigMapVolumeSource;
extern const struct api_type api_t_core_v1_VsphereVirtualDiskVolumeSource;
extern const struct api_type api_t_core_v1_QuobyteVolumeSource;
extern const struct api_type api_t_core_v1_AzureDiskVolumeSource;
extern const struct api_type api_t_core_v1_PhotonPersistentDiskVolumeSource;
extern const struct api_type api_t_core_v1_SecretProjection;
extern const struct api_type api_t_core_v1_DownwardAPIProjection;
extern const struct api_type api_t_core_v1_ConfigMapProjection;
extern const struct api_type api_t_core_v1_ServiceAccountTokenProjection;
extern const struct api_type api_t_core_v1_ClusterTrustBundleProjection;
extern const struct api_type api_t_core_v1_PodCertificateProjection;
extern const struct api_type api_t_core_v1_VolumeProjection;
extern const struct api_type api_t_core_v1_ProjectedVolumeSource;
extern const struct api_type api_t_core_v1_PortworxVolumeSource;
extern const struct api_type api_t_core_v1_ScaleIOVolumeSource;
extern const struct api_type api_t_core_v1_StorageOSVolumeSource;
extern const struct api_type api_t_core_v1_CSIVolumeSource;
extern const struct api_type api_t_core_v1_EphemeralVolumeSource;
extern const struct api_type api_t_core_v1_ImageVolumeSource;
extern const struct api_type api_t_core_v1_VolumeSource;
extern const struct api_type api_t_core_v1_Volume;
#endif
