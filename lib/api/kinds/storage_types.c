/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const char *const enum_PersistentVolumeAccessMode[] = {
	"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod", NULL};

static const char *const enum_PersistentVolumeMode[] = {"Block", "Filesystem", NULL};

static const char *const enum_PersistentVolumeClaimModifyVolumeStatus[] = {
	"InProgress", "Infeasible", "Pending", NULL};

static const char *const enum_PersistentVolumeClaimPhase[] = {"Bound", "Lost", "Pending", NULL};

static const char *const enum_ClaimResourceStatus[] = {
	"ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress",
	"NodeResizeInfeasible",       "NodeResizePending",          NULL};

static const char *const enum_PersistentVolumeReclaimPolicy[] = {"Delete", "Recycle", "Retain",
								 NULL};

static const char *const enum_PersistentVolumePhase[] = {"Available", "Bound",    "Failed",
							 "Pending",   "Released", NULL};

static const char *const enum_VolumeBindingMode[] = {"Immediate", "WaitForFirstConsumer", NULL};

static const char *const enum_StorageHealthStatusType[] = {"StorageDegraded", "StorageUnreachable",
							   NULL};

static const struct api_field PersistentVolumeClaimVolumeSource_fields[] = {
	{"claimName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Claim name of this persistent volume claim volume source."},
	{"readOnly", API_BOOL, .pb = 2, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_PersistentVolumeClaimVolumeSource = {
	.name = "io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource",
	.fields = PersistentVolumeClaimVolumeSource_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeClaimVolumeSource_fields),
	.help = "Persistent volume claim volume source.",
};

static const struct api_field VolumeResourceRequirements_fields[] = {
	{"limits", API_QUANTITY, API_MAP, .pb = 1, .help = "The most that may be used."},
	{"requests", API_QUANTITY, API_MAP, .pb = 2, .help = "What is set aside."},
};

const struct api_type api_t_core_v1_VolumeResourceRequirements = {
	.name = "io.k8s.api.core.v1.VolumeResourceRequirements",
	.fields = VolumeResourceRequirements_fields,
	.n_fields = ARRAY_SIZE(VolumeResourceRequirements_fields),
	.help = "Volume resource requirements.",
};

static const struct api_field TypedObjectReference_fields[] = {
	{"apiGroup", API_STRING, .pb = 1, .flags = API_PTR | API_KEEP_EMPTY,
	 .help = "Api group of this typed object reference."},
	{"kind", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kind of this typed object reference."},
	{"name", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"namespace", API_STRING, .pb = 4, .flags = API_PTR, .help = "Its namespace."},
};

const struct api_type api_t_core_v1_TypedObjectReference = {
	.name = "io.k8s.api.core.v1.TypedObjectReference",
	.fields = TypedObjectReference_fields,
	.n_fields = ARRAY_SIZE(TypedObjectReference_fields),
	.help = "Typed object reference.",
};

static const struct api_field PersistentVolumeClaimSpec_fields[] = {
	{"accessModes", API_STRING, API_LIST, .pb = 1, .enums = enum_PersistentVolumeAccessMode,
	 .help = "The access modes of this persistent volume claim spec."},
	{"selector", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Selector of this persistent volume claim spec."},
	{"resources", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_VolumeResourceRequirements,
	 .help = "What it needs and may use of cpu, memory and the like."},
	{"volumeName", API_STRING, .pb = 3,
	 .help = "Volume name of this persistent volume claim spec."},
	{"storageClassName", API_STRING, .pb = 5, .flags = API_PTR,
	 .help = "Storage class name of this persistent volume claim spec."},
	{"volumeMode", API_STRING, .pb = 6, .flags = API_PTR, .def = "\"Filesystem\"",
	 .enums = enum_PersistentVolumeMode,
	 .help = "Volume mode of this persistent volume claim spec."},
	{"dataSource", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_core_v1_TypedLocalObjectReference,
	 .help = "Data source of this persistent volume claim spec."},
	{"dataSourceRef", API_OBJECT, .pb = 8, .flags = API_PTR,
	 .ref = &api_t_core_v1_TypedObjectReference,
	 .help = "Data source ref of this persistent volume claim spec."},
	{"volumeAttributesClassName", API_STRING, .pb = 9, .flags = API_PTR,
	 .help = "Volume attributes class name of this persistent volume claim spec."},
};

const struct api_type api_t_core_v1_PersistentVolumeClaimSpec = {
	.name = "io.k8s.api.core.v1.PersistentVolumeClaimSpec",
	.fields = PersistentVolumeClaimSpec_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeClaimSpec_fields),
	.help = "Persistent volume claim spec.",
};

static const struct api_field PersistentVolumeClaimTemplate_fields[] = {
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_PersistentVolumeClaimSpec, .help = "What is wanted."},
};

const struct api_type api_t_core_v1_PersistentVolumeClaimTemplate = {
	.name = "io.k8s.api.core.v1.PersistentVolumeClaimTemplate",
	.fields = PersistentVolumeClaimTemplate_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeClaimTemplate_fields),
	.help = "Persistent volume claim template.",
};

static const struct api_field PersistentVolumeClaimCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"lastProbeTime", API_TIME, .pb = 3,
	 .help = "Last probe time of this persistent volume claim condition."},
	{"lastTransitionTime", API_TIME, .pb = 4, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 5, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 6, .help = "Why, for people."},
};

const struct api_type api_t_core_v1_PersistentVolumeClaimCondition = {
	.name = "io.k8s.api.core.v1.PersistentVolumeClaimCondition",
	.fields = PersistentVolumeClaimCondition_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeClaimCondition_fields),
	.help = "Persistent volume claim condition.",
};

static const struct api_field ModifyVolumeStatus_fields[] = {
	{"targetVolumeAttributesClassName", API_STRING, .pb = 1,
	 .help = "Target volume attributes class name of this modify volume status."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_PersistentVolumeClaimModifyVolumeStatus, .help = "What is observed."},
};

const struct api_type api_t_core_v1_ModifyVolumeStatus = {
	.name = "io.k8s.api.core.v1.ModifyVolumeStatus",
	.fields = ModifyVolumeStatus_fields,
	.n_fields = ARRAY_SIZE(ModifyVolumeStatus_fields),
	.help = "Modify volume status.",
};

static const struct api_field PersistentVolumeClaimStatus_fields[] = {
	{"phase", API_STRING, .pb = 1, .enums = enum_PersistentVolumeClaimPhase,
	 .def = "\"Pending\"", .help = "Where it is in its life."},
	{"accessModes", API_STRING, API_LIST, .pb = 2, .enums = enum_PersistentVolumeAccessMode,
	 .help = "The access modes of this persistent volume claim status."},
	{"capacity", API_QUANTITY, API_MAP, .pb = 3, .help = "What there is in total."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 4, .flags = API_MERGE,
	 .ref = &api_t_core_v1_PersistentVolumeClaimCondition, .keys = "type", .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
	{"allocatedResources", API_QUANTITY, API_MAP, .pb = 5,
	 .help = "Allocated resources of this persistent volume claim status."},
	{"allocatedResourceStatuses", API_STRING, API_MAP, .pb = 7,
	 .enums = enum_ClaimResourceStatus,
	 .help = "Allocated resource statuses of this persistent volume claim status."},
	{"currentVolumeAttributesClassName", API_STRING, .pb = 8, .flags = API_PTR,
	 .help = "Current volume attributes class name of this persistent volume claim status."},
	{"modifyVolumeStatus", API_OBJECT, .pb = 9, .flags = API_PTR,
	 .ref = &api_t_core_v1_ModifyVolumeStatus,
	 .help = "Modify volume status of this persistent volume claim status."},
	{"healthStatus", API_OBJECT, .pb = 10, .flags = API_PTR,
	 .ref = &api_t_core_v1_VolumeHealthStatus,
	 .help = "Health status of this persistent volume claim status."},
};

const struct api_type api_t_core_v1_PersistentVolumeClaimStatus = {
	.name = "io.k8s.api.core.v1.PersistentVolumeClaimStatus",
	.fields = PersistentVolumeClaimStatus_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeClaimStatus_fields),
	.help = "Persistent volume claim status.",
};

static const struct api_field PersistentVolumeClaim_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_PersistentVolumeClaimSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_PersistentVolumeClaimStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_core_v1_PersistentVolumeClaim = {
	.name = "io.k8s.api.core.v1.PersistentVolumeClaim",
	.fields = PersistentVolumeClaim_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeClaim_fields),
	.help = "Persistent volume claim.",
};

static const struct api_field GlusterfsPersistentVolumeSource_fields[] = {
	{"endpoints", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Endpoints of this glusterfs persistent volume source."},
	{"path", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
	{"endpointsNamespace", API_STRING, .pb = 4, .flags = API_PTR,
	 .help = "Endpoints namespace of this glusterfs persistent volume source."},
};

const struct api_type api_t_core_v1_GlusterfsPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.GlusterfsPersistentVolumeSource",
	.fields = GlusterfsPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(GlusterfsPersistentVolumeSource_fields),
	.help = "Glusterfs persistent volume source.",
};

static const struct api_field SecretReference_fields[] = {
	{"name", API_STRING, .pb = 1, .help = "Its name."},
	{"namespace", API_STRING, .pb = 2, .help = "Its namespace."},
};

const struct api_type api_t_core_v1_SecretReference = {
	.name = "io.k8s.api.core.v1.SecretReference",
	.fields = SecretReference_fields,
	.n_fields = ARRAY_SIZE(SecretReference_fields),
	.flags = API_WHOLE,
	.help = "Secret reference.",
};

static const struct api_field RBDPersistentVolumeSource_fields[] = {
	{"monitors", API_STRING, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The monitors of this rbd persistent volume source."},
	{"image", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Reference of the image."},
	{"fsType", API_STRING, .pb = 3, .help = "Fs type of this rbd persistent volume source."},
	{"pool", API_STRING, .pb = 4, .def = "\"rbd\"",
	 .help = "Pool of this rbd persistent volume source."},
	{"user", API_STRING, .pb = 5, .def = "\"admin\"",
	 .help = "User of this rbd persistent volume source."},
	{"keyring", API_STRING, .pb = 6, .def = "\"/etc/ceph/keyring\"",
	 .help = "Keyring of this rbd persistent volume source."},
	{"secretRef", API_OBJECT, .pb = 7, .flags = API_PTR, .ref = &api_t_core_v1_SecretReference,
	 .help = "Secret ref of this rbd persistent volume source."},
	{"readOnly", API_BOOL, .pb = 8, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_RBDPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.RBDPersistentVolumeSource",
	.fields = RBDPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(RBDPersistentVolumeSource_fields),
	.help = "RBD persistent volume source.",
};

static const struct api_field ISCSIPersistentVolumeSource_fields[] = {
	{"targetPortal", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Target portal of this iscsi persistent volume source."},
	{"iqn", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Iqn of this iscsi persistent volume source."},
	{"lun", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Lun of this iscsi persistent volume source."},
	{"iscsiInterface", API_STRING, .pb = 4, .def = "\"default\"",
	 .help = "Iscsi interface of this iscsi persistent volume source."},
	{"fsType", API_STRING, .pb = 5, .help = "Fs type of this iscsi persistent volume source."},
	{"readOnly", API_BOOL, .pb = 6, .help = "Allow no writes."},
	{"portals", API_STRING, API_LIST, .pb = 7,
	 .help = "The portals of this iscsi persistent volume source."},
	{"chapAuthDiscovery", API_BOOL, .pb = 8, .help = "Whether chap auth discovery holds."},
	{"chapAuthSession", API_BOOL, .pb = 11, .help = "Whether chap auth session holds."},
	{"secretRef", API_OBJECT, .pb = 10, .flags = API_PTR, .ref = &api_t_core_v1_SecretReference,
	 .help = "Secret ref of this iscsi persistent volume source."},
	{"initiatorName", API_STRING, .pb = 12, .flags = API_PTR,
	 .help = "Initiator name of this iscsi persistent volume source."},
};

const struct api_type api_t_core_v1_ISCSIPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.ISCSIPersistentVolumeSource",
	.fields = ISCSIPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(ISCSIPersistentVolumeSource_fields),
	.help = "ISCSI persistent volume source.",
};

static const struct api_field CinderPersistentVolumeSource_fields[] = {
	{"volumeID", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Volume ID of this cinder persistent volume source."},
	{"fsType", API_STRING, .pb = 2, .help = "Fs type of this cinder persistent volume source."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
	{"secretRef", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_core_v1_SecretReference,
	 .help = "Secret ref of this cinder persistent volume source."},
};

const struct api_type api_t_core_v1_CinderPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.CinderPersistentVolumeSource",
	.fields = CinderPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(CinderPersistentVolumeSource_fields),
	.help = "Cinder persistent volume source.",
};

static const struct api_field CephFSPersistentVolumeSource_fields[] = {
	{"monitors", API_STRING, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The monitors of this ceph fs persistent volume source."},
	{"path", API_STRING, .pb = 2, .help = "The path."},
	{"user", API_STRING, .pb = 3, .help = "User of this ceph fs persistent volume source."},
	{"secretFile", API_STRING, .pb = 4,
	 .help = "Secret file of this ceph fs persistent volume source."},
	{"secretRef", API_OBJECT, .pb = 5, .flags = API_PTR, .ref = &api_t_core_v1_SecretReference,
	 .help = "Secret ref of this ceph fs persistent volume source."},
	{"readOnly", API_BOOL, .pb = 6, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_CephFSPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.CephFSPersistentVolumeSource",
	.fields = CephFSPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(CephFSPersistentVolumeSource_fields),
	.help = "Ceph FS persistent volume source.",
};

static const struct api_field FlexPersistentVolumeSource_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Driver of this flex persistent volume source."},
	{"fsType", API_STRING, .pb = 2, .help = "Fs type of this flex persistent volume source."},
	{"secretRef", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_core_v1_SecretReference,
	 .help = "Secret ref of this flex persistent volume source."},
	{"readOnly", API_BOOL, .pb = 4, .help = "Allow no writes."},
	{"options", API_STRING, API_MAP, .pb = 5,
	 .help = "Options of this flex persistent volume source."},
};

const struct api_type api_t_core_v1_FlexPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.FlexPersistentVolumeSource",
	.fields = FlexPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(FlexPersistentVolumeSource_fields),
	.help = "Flex persistent volume source.",
};

static const struct api_field AzureFilePersistentVolumeSource_fields[] = {
	{"secretName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Secret name of this azure file persistent volume source."},
	{"shareName", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Share name of this azure file persistent volume source."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
	{"secretNamespace", API_STRING, .pb = 4, .flags = API_PTR | API_KEEP_EMPTY,
	 .help = "Secret namespace of this azure file persistent volume source."},
};

const struct api_type api_t_core_v1_AzureFilePersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.AzureFilePersistentVolumeSource",
	.fields = AzureFilePersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(AzureFilePersistentVolumeSource_fields),
	.help = "Azure file persistent volume source.",
};

static const struct api_field ScaleIOPersistentVolumeSource_fields[] = {
	{"gateway", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Gateway of this scale io persistent volume source."},
	{"system", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "System of this scale io persistent volume source."},
	{"secretRef", API_OBJECT, .pb = 3, .flags = API_REQUIRED | API_PTR,
	 .ref = &api_t_core_v1_SecretReference,
	 .help = "Secret ref of this scale io persistent volume source."},
	{"sslEnabled", API_BOOL, .pb = 4, .help = "Whether ssl enabled holds."},
	{"protectionDomain", API_STRING, .pb = 5,
	 .help = "Protection domain of this scale io persistent volume source."},
	{"storagePool", API_STRING, .pb = 6,
	 .help = "Storage pool of this scale io persistent volume source."},
	{"storageMode", API_STRING, .pb = 7, .def = "\"ThinProvisioned\"",
	 .help = "Storage mode of this scale io persistent volume source."},
	{"volumeName", API_STRING, .pb = 8,
	 .help = "Volume name of this scale io persistent volume source."},
	{"fsType", API_STRING, .pb = 9, .def = "\"xfs\"",
	 .help = "Fs type of this scale io persistent volume source."},
	{"readOnly", API_BOOL, .pb = 10, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_ScaleIOPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.ScaleIOPersistentVolumeSource",
	.fields = ScaleIOPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(ScaleIOPersistentVolumeSource_fields),
	.help = "Scale IO persistent volume source.",
};

static const struct api_field LocalVolumeSource_fields[] = {
	{"path", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"fsType", API_STRING, .pb = 2, .flags = API_PTR,
	 .help = "Fs type of this local volume source."},
};

const struct api_type api_t_core_v1_LocalVolumeSource = {
	.name = "io.k8s.api.core.v1.LocalVolumeSource",
	.fields = LocalVolumeSource_fields,
	.n_fields = ARRAY_SIZE(LocalVolumeSource_fields),
	.help = "Local volume source.",
};

static const struct api_field StorageOSPersistentVolumeSource_fields[] = {
	{"volumeName", API_STRING, .pb = 1,
	 .help = "Volume name of this storage os persistent volume source."},
	{"volumeNamespace", API_STRING, .pb = 2,
	 .help = "Volume namespace of this storage os persistent volume source."},
	{"fsType", API_STRING, .pb = 3,
	 .help = "Fs type of this storage os persistent volume source."},
	{"readOnly", API_BOOL, .pb = 4, .help = "Allow no writes."},
	{"secretRef", API_OBJECT, .pb = 5, .flags = API_PTR, .ref = &api_t_core_v1_ObjectReference,
	 .help = "Secret ref of this storage os persistent volume source."},
};

const struct api_type api_t_core_v1_StorageOSPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.StorageOSPersistentVolumeSource",
	.fields = StorageOSPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(StorageOSPersistentVolumeSource_fields),
	.help = "Storage OS persistent volume source.",
};

static const struct api_field CSIPersistentVolumeSource_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Driver of this csi persistent volume source."},
	{"volumeHandle", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Volume handle of this csi persistent volume source."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
	{"fsType", API_STRING, .pb = 4, .help = "Fs type of this csi persistent volume source."},
	{"volumeAttributes", API_STRING, API_MAP, .pb = 5,
	 .help = "Volume attributes of this csi persistent volume source."},
	{"controllerPublishSecretRef", API_OBJECT, .pb = 6, .flags = API_PTR,
	 .ref = &api_t_core_v1_SecretReference,
	 .help = "Controller publish secret ref of this csi persistent volume source."},
	{"nodeStageSecretRef", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_core_v1_SecretReference,
	 .help = "Node stage secret ref of this csi persistent volume source."},
	{"nodePublishSecretRef", API_OBJECT, .pb = 8, .flags = API_PTR,
	 .ref = &api_t_core_v1_SecretReference,
	 .help = "Node publish secret ref of this csi persistent volume source."},
	{"controllerExpandSecretRef", API_OBJECT, .pb = 9, .flags = API_PTR,
	 .ref = &api_t_core_v1_SecretReference,
	 .help = "Controller expand secret ref of this csi persistent volume source."},
	{"nodeExpandSecretRef", API_OBJECT, .pb = 10, .flags = API_PTR,
	 .ref = &api_t_core_v1_SecretReference,
	 .help = "Node expand secret ref of this csi persistent volume source."},
};

const struct api_type api_t_core_v1_CSIPersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.CSIPersistentVolumeSource",
	.fields = CSIPersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(CSIPersistentVolumeSource_fields),
	.help = "CSI persistent volume source.",
};

static const struct api_field PersistentVolumeSource_fields[] = {
	{"gcePersistentDisk", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_core_v1_GCEPersistentDiskVolumeSource,
	 .help = "Gce persistent disk of this persistent volume source."},
	{"awsElasticBlockStore", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_AWSElasticBlockStoreVolumeSource,
	 .help = "Aws elastic block store of this persistent volume source."},
	{"hostPath", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_HostPathVolumeSource, .help = "A file or directory of the node."},
	{"glusterfs", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_core_v1_GlusterfsPersistentVolumeSource,
	 .help = "Glusterfs of this persistent volume source."},
	{"nfs", API_OBJECT, .pb = 5, .flags = API_PTR, .ref = &api_t_core_v1_NFSVolumeSource,
	 .help = "Nfs of this persistent volume source."},
	{"rbd", API_OBJECT, .pb = 6, .flags = API_PTR,
	 .ref = &api_t_core_v1_RBDPersistentVolumeSource,
	 .help = "Rbd of this persistent volume source."},
	{"iscsi", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_core_v1_ISCSIPersistentVolumeSource,
	 .help = "Iscsi of this persistent volume source."},
	{"cinder", API_OBJECT, .pb = 8, .flags = API_PTR,
	 .ref = &api_t_core_v1_CinderPersistentVolumeSource,
	 .help = "Cinder of this persistent volume source."},
	{"cephfs", API_OBJECT, .pb = 9, .flags = API_PTR,
	 .ref = &api_t_core_v1_CephFSPersistentVolumeSource,
	 .help = "Cephfs of this persistent volume source."},
	{"fc", API_OBJECT, .pb = 10, .flags = API_PTR, .ref = &api_t_core_v1_FCVolumeSource,
	 .help = "Fc of this persistent volume source."},
	{"flocker", API_OBJECT, .pb = 11, .flags = API_PTR,
	 .ref = &api_t_core_v1_FlockerVolumeSource,
	 .help = "Flocker of this persistent volume source."},
	{"flexVolume", API_OBJECT, .pb = 12, .flags = API_PTR,
	 .ref = &api_t_core_v1_FlexPersistentVolumeSource,
	 .help = "Flex volume of this persistent volume source."},
	{"azureFile", API_OBJECT, .pb = 13, .flags = API_PTR,
	 .ref = &api_t_core_v1_AzureFilePersistentVolumeSource,
	 .help = "Azure file of this persistent volume source."},
	{"vsphereVolume", API_OBJECT, .pb = 14, .flags = API_PTR,
	 .ref = &api_t_core_v1_VsphereVirtualDiskVolumeSource,
	 .help = "Vsphere volume of this persistent volume source."},
	{"quobyte", API_OBJECT, .pb = 15, .flags = API_PTR,
	 .ref = &api_t_core_v1_QuobyteVolumeSource,
	 .help = "Quobyte of this persistent volume source."},
	{"azureDisk", API_OBJECT, .pb = 16, .flags = API_PTR,
	 .ref = &api_t_core_v1_AzureDiskVolumeSource,
	 .help = "Azure disk of this persistent volume source."},
	{"photonPersistentDisk", API_OBJECT, .pb = 17, .flags = API_PTR,
	 .ref = &api_t_core_v1_PhotonPersistentDiskVolumeSource,
	 .help = "Photon persistent disk of this persistent volume source."},
	{"portworxVolume", API_OBJECT, .pb = 18, .flags = API_PTR,
	 .ref = &api_t_core_v1_PortworxVolumeSource,
	 .help = "Portworx volume of this persistent volume source."},
	{"scaleIO", API_OBJECT, .pb = 19, .flags = API_PTR,
	 .ref = &api_t_core_v1_ScaleIOPersistentVolumeSource,
	 .help = "Scale IO of this persistent volume source."},
	{"local", API_OBJECT, .pb = 20, .flags = API_PTR, .ref = &api_t_core_v1_LocalVolumeSource,
	 .help = "Local of this persistent volume source."},
	{"storageos", API_OBJECT, .pb = 21, .flags = API_PTR,
	 .ref = &api_t_core_v1_StorageOSPersistentVolumeSource,
	 .help = "Storageos of this persistent volume source."},
	{"csi", API_OBJECT, .pb = 22, .flags = API_PTR,
	 .ref = &api_t_core_v1_CSIPersistentVolumeSource,
	 .help = "Csi of this persistent volume source."},
};

const struct api_type api_t_core_v1_PersistentVolumeSource = {
	.name = "io.k8s.api.core.v1.PersistentVolumeSource",
	.fields = PersistentVolumeSource_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeSource_fields),
	.help = "Persistent volume source.",
};

static const struct api_field VolumeNodeAffinity_fields[] = {
	{"required", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_NodeSelector,
	 .help = "Required of this volume node affinity."},
};

const struct api_type api_t_core_v1_VolumeNodeAffinity = {
	.name = "io.k8s.api.core.v1.VolumeNodeAffinity",
	.fields = VolumeNodeAffinity_fields,
	.n_fields = ARRAY_SIZE(VolumeNodeAffinity_fields),
	.help = "Volume node affinity.",
};

static const struct api_field PersistentVolumeSpec_fields[] = {
	{"capacity", API_QUANTITY, API_MAP, .pb = 1, .help = "What there is in total."},
	{"", API_OBJECT, .pb = 2, .flags = API_INLINE,
	 .ref = &api_t_core_v1_PersistentVolumeSource},
	{"accessModes", API_STRING, API_LIST, .pb = 3, .enums = enum_PersistentVolumeAccessMode,
	 .help = "The access modes of this persistent volume spec."},
	{"claimRef", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_core_v1_ObjectReference,
	 .help = "Claim ref of this persistent volume spec."},
	{"persistentVolumeReclaimPolicy", API_STRING, .pb = 5, .def = "\"Retain\"",
	 .enums = enum_PersistentVolumeReclaimPolicy,
	 .help = "Persistent volume reclaim policy of this persistent volume spec."},
	{"storageClassName", API_STRING, .pb = 6,
	 .help = "Storage class name of this persistent volume spec."},
	{"mountOptions", API_STRING, API_LIST, .pb = 7,
	 .help = "The mount options of this persistent volume spec."},
	{"volumeMode", API_STRING, .pb = 8, .flags = API_PTR, .def = "\"Filesystem\"",
	 .enums = enum_PersistentVolumeMode, .help = "Volume mode of this persistent volume spec."},
	{"nodeAffinity", API_OBJECT, .pb = 9, .flags = API_PTR,
	 .ref = &api_t_core_v1_VolumeNodeAffinity,
	 .help = "Node affinity of this persistent volume spec."},
	{"volumeAttributesClassName", API_STRING, .pb = 10, .flags = API_PTR,
	 .help = "Volume attributes class name of this persistent volume spec."},
};

const struct api_type api_t_core_v1_PersistentVolumeSpec = {
	.name = "io.k8s.api.core.v1.PersistentVolumeSpec",
	.fields = PersistentVolumeSpec_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeSpec_fields),
	.help = "Persistent volume spec.",
};

static const struct api_field PersistentVolumeStatus_fields[] = {
	{"phase", API_STRING, .pb = 1, .enums = enum_PersistentVolumePhase, .def = "\"Pending\"",
	 .help = "Where it is in its life."},
	{"message", API_STRING, .pb = 2, .help = "Why, for people."},
	{"reason", API_STRING, .pb = 3, .help = "Why, as one word."},
	{"lastPhaseTransitionTime", API_TIME, .pb = 4, .flags = API_PTR,
	 .help = "Last phase transition time of this persistent volume status."},
};

const struct api_type api_t_core_v1_PersistentVolumeStatus = {
	.name = "io.k8s.api.core.v1.PersistentVolumeStatus",
	.fields = PersistentVolumeStatus_fields,
	.n_fields = ARRAY_SIZE(PersistentVolumeStatus_fields),
	.help = "Persistent volume status.",
};

static const struct api_field PersistentVolume_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_core_v1_PersistentVolumeSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_core_v1_PersistentVolumeStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_core_v1_PersistentVolume = {
	.name = "io.k8s.api.core.v1.PersistentVolume",
	.fields = PersistentVolume_fields,
	.n_fields = ARRAY_SIZE(PersistentVolume_fields),
	.help = "Persistent volume.",
};

static const struct api_field StorageClass_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"provisioner", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Provisioner of this storage class."},
	{"parameters", API_STRING, API_MAP, .pb = 3, .help = "Parameters of this storage class."},
	{"reclaimPolicy", API_STRING, .pb = 4, .flags = API_PTR, .def = "\"Delete\"",
	 .enums = enum_PersistentVolumeReclaimPolicy,
	 .help = "Reclaim policy of this storage class."},
	{"mountOptions", API_STRING, API_LIST, .pb = 5,
	 .help = "The mount options of this storage class."},
	{"allowVolumeExpansion", API_BOOL, .pb = 6, .flags = API_PTR,
	 .help = "Whether allow volume expansion holds."},
	{"volumeBindingMode", API_STRING, .pb = 7, .flags = API_PTR, .def = "\"Immediate\"",
	 .enums = enum_VolumeBindingMode, .help = "Volume binding mode of this storage class."},
	{"allowedTopologies", API_OBJECT, API_LIST, .pb = 8,
	 .ref = &api_t_core_v1_TopologySelectorTerm,
	 .help = "The allowed topologies of this storage class."},
};

const struct api_type api_t_storage_v1_StorageClass = {
	.name = "io.k8s.api.storage.v1.StorageClass",
	.fields = StorageClass_fields,
	.n_fields = ARRAY_SIZE(StorageClass_fields),
	.help = "Storage class.",
};

static const struct api_field TokenRequest_fields[] = {
	{"audience", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Audience of this token request."},
	{"expirationSeconds", API_INT64, .pb = 2, .flags = API_PTR, .help = "Seconds it is valid."},
};

const struct api_type api_t_storage_v1_TokenRequest = {
	.name = "io.k8s.api.storage.v1.TokenRequest",
	.fields = TokenRequest_fields,
	.n_fields = ARRAY_SIZE(TokenRequest_fields),
	.help = "Token request.",
};

static const struct api_field CSIDriverSpec_fields[] = {
	{"attachRequired", API_BOOL, .pb = 1, .flags = API_PTR, .def = "true",
	 .help = "Whether attach required holds."},
	{"podInfoOnMount", API_BOOL, .pb = 2, .flags = API_PTR, .def = "false",
	 .help = "Whether pod info on mount holds."},
	{"volumeLifecycleModes", API_STRING, API_LIST, API_SET, .pb = 3, .def = "[\"Persistent\"]",
	 .help = "The volume lifecycle modes of this csi driver spec."},
	{"storageCapacity", API_BOOL, .pb = 4, .flags = API_PTR, .def = "false",
	 .help = "Whether storage capacity holds."},
	{"fsGroupPolicy", API_STRING, .pb = 5, .flags = API_PTR,
	 .def = "\"ReadWriteOnceWithFSType\"", .help = "Fs group policy of this csi driver spec."},
	{"tokenRequests", API_OBJECT, API_LIST, .pb = 6, .ref = &api_t_storage_v1_TokenRequest,
	 .help = "The token requests of this csi driver spec."},
	{"requiresRepublish", API_BOOL, .pb = 7, .flags = API_PTR, .def = "false",
	 .help = "Whether requires republish holds."},
	{"seLinuxMount", API_BOOL, .pb = 8, .flags = API_PTR, .def = "false",
	 .help = "Whether se linux mount holds."},
	{"nodeAllocatableUpdatePeriodSeconds", API_INT64, .pb = 9, .flags = API_PTR,
	 .help = "Node allocatable update period seconds of this csi driver spec."},
	{"serviceAccountTokenInSecrets", API_BOOL, .pb = 10, .flags = API_PTR,
	 .help = "Whether service account token in secrets holds."},
	{"preventPodSchedulingIfMissing", API_BOOL, .pb = 11, .flags = API_PTR,
	 .help = "Whether prevent pod scheduling if missing holds."},
};

const struct api_type api_t_storage_v1_CSIDriverSpec = {
	.name = "io.k8s.api.storage.v1.CSIDriverSpec",
	.fields = CSIDriverSpec_fields,
	.n_fields = ARRAY_SIZE(CSIDriverSpec_fields),
	.help = "CSI driver spec.",
};

static const struct api_field CSIDriver_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_storage_v1_CSIDriverSpec,
	 .help = "What is wanted."},
};

const struct api_type api_t_storage_v1_CSIDriver = {
	.name = "io.k8s.api.storage.v1.CSIDriver",
	.fields = CSIDriver_fields,
	.n_fields = ARRAY_SIZE(CSIDriver_fields),
	.help = "CSI driver.",
};

static const struct api_field VolumeNodeResources_fields[] = {
	{"count", API_INT32, .pb = 1, .flags = API_PTR, .help = "How often it happened."},
};

const struct api_type api_t_storage_v1_VolumeNodeResources = {
	.name = "io.k8s.api.storage.v1.VolumeNodeResources",
	.fields = VolumeNodeResources_fields,
	.n_fields = ARRAY_SIZE(VolumeNodeResources_fields),
	.help = "Volume node resources.",
};

static const struct api_field CSINodeDriver_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"nodeID", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Node ID of this csi node driver."},
	{"topologyKeys", API_STRING, API_LIST, .pb = 3, .flags = API_KEEP_EMPTY,
	 .help = "The topology keys of this csi node driver."},
	{"allocatable", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_storage_v1_VolumeNodeResources, .help = "What pods may use."},
};

const struct api_type api_t_storage_v1_CSINodeDriver = {
	.name = "io.k8s.api.storage.v1.CSINodeDriver",
	.fields = CSINodeDriver_fields,
	.n_fields = ARRAY_SIZE(CSINodeDriver_fields),
	.help = "CSI node driver.",
};

static const struct api_field CSINodeSpec_fields[] = {
	{"drivers", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1,
	 .flags = API_REQUIRED | API_KEEP_EMPTY | API_MERGE, .ref = &api_t_storage_v1_CSINodeDriver,
	 .keys = "name", .merge_key = "name", .help = "The drivers of this csi node spec."},
};

const struct api_type api_t_storage_v1_CSINodeSpec = {
	.name = "io.k8s.api.storage.v1.CSINodeSpec",
	.fields = CSINodeSpec_fields,
	.n_fields = ARRAY_SIZE(CSINodeSpec_fields),
	.help = "CSI node spec.",
};

static const struct api_field StorageHealthCondition_fields[] = {
	{"status", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_StorageHealthStatusType, .help = "What is observed."},
	{"reason", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Why, as one word."},
	{"message", API_STRING, .pb = 3, .help = "Why, for people."},
	{"accessMode", API_STRING, .pb = 4, .flags = API_PTR,
	 .enums = enum_PersistentVolumeAccessMode,
	 .help = "Access mode of this storage health condition."},
	{"volumeMode", API_STRING, .pb = 5, .flags = API_PTR, .enums = enum_PersistentVolumeMode,
	 .help = "Volume mode of this storage health condition."},
	{"lastTransitionTime", API_TIME, .pb = 6, .help = "When the status last changed."},
};

const struct api_type api_t_storage_v1_StorageHealthCondition = {
	.name = "io.k8s.api.storage.v1.StorageHealthCondition",
	.fields = StorageHealthCondition_fields,
	.n_fields = ARRAY_SIZE(StorageHealthCondition_fields),
	.help = "Storage health condition.",
};

static const struct api_field StorageHealth_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"healthConditions", API_OBJECT, API_LIST, .pb = 2,
	 .ref = &api_t_storage_v1_StorageHealthCondition,
	 .help = "The health conditions of this storage health."},
};

const struct api_type api_t_storage_v1_StorageHealth = {
	.name = "io.k8s.api.storage.v1.StorageHealth",
	.fields = StorageHealth_fields,
	.n_fields = ARRAY_SIZE(StorageHealth_fields),
	.help = "Storage health.",
};

static const struct api_field CSINodeStatus_fields[] = {
	{"storageHealth", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1, .flags = API_MERGE,
	 .ref = &api_t_storage_v1_StorageHealth, .keys = "name", .merge_key = "name",
	 .help = "The storage health of this csi node status."},
};

const struct api_type api_t_storage_v1_CSINodeStatus = {
	.name = "io.k8s.api.storage.v1.CSINodeStatus",
	.fields = CSINodeStatus_fields,
	.n_fields = ARRAY_SIZE(CSINodeStatus_fields),
	.help = "CSI node status.",
};

static const struct api_field CSINode_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_storage_v1_CSINodeSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_storage_v1_CSINodeStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_storage_v1_CSINode = {
	.name = "io.k8s.api.storage.v1.CSINode",
	.fields = CSINode_fields,
	.n_fields = ARRAY_SIZE(CSINode_fields),
	.help = "CSI node.",
};

static const struct api_field VolumeAttachmentSource_fields[] = {
	{"persistentVolumeName", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Persistent volume name of this volume attachment source."},
	{"inlineVolumeSpec", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_PersistentVolumeSpec,
	 .help = "Inline volume spec of this volume attachment source."},
};

const struct api_type api_t_storage_v1_VolumeAttachmentSource = {
	.name = "io.k8s.api.storage.v1.VolumeAttachmentSource",
	.fields = VolumeAttachmentSource_fields,
	.n_fields = ARRAY_SIZE(VolumeAttachmentSource_fields),
	.help = "Volume attachment source.",
};

static const struct api_field VolumeAttachmentSpec_fields[] = {
	{"attacher", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Attacher of this volume attachment spec."},
	{"source", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_storage_v1_VolumeAttachmentSource, .help = "Who reports it."},
	{"nodeName", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Node the pod is bound to."},
};

const struct api_type api_t_storage_v1_VolumeAttachmentSpec = {
	.name = "io.k8s.api.storage.v1.VolumeAttachmentSpec",
	.fields = VolumeAttachmentSpec_fields,
	.n_fields = ARRAY_SIZE(VolumeAttachmentSpec_fields),
	.help = "Volume attachment spec.",
};

static const struct api_field VolumeError_fields[] = {
	{"time", API_TIME, .pb = 1, .help = "Time of this volume error."},
	{"message", API_STRING, .pb = 2, .help = "Why, for people."},
	{"errorCode", API_INT32, .pb = 3, .flags = API_PTR,
	 .help = "Error code of this volume error."},
};

const struct api_type api_t_storage_v1_VolumeError = {
	.name = "io.k8s.api.storage.v1.VolumeError",
	.fields = VolumeError_fields,
	.n_fields = ARRAY_SIZE(VolumeError_fields),
	.help = "Volume error.",
};

static const struct api_field VolumeAttachmentStatus_fields[] = {
	{"attached", API_BOOL, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Whether attached holds."},
	{"attachmentMetadata", API_STRING, API_MAP, .pb = 2,
	 .help = "Attachment metadata of this volume attachment status."},
	{"attachError", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_storage_v1_VolumeError,
	 .help = "Attach error of this volume attachment status."},
	{"detachError", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_storage_v1_VolumeError,
	 .help = "Detach error of this volume attachment status."},
};

const struct api_type api_t_storage_v1_VolumeAttachmentStatus = {
	.name = "io.k8s.api.storage.v1.VolumeAttachmentStatus",
	.fields = VolumeAttachmentStatus_fields,
	.n_fields = ARRAY_SIZE(VolumeAttachmentStatus_fields),
	.help = "Volume attachment status.",
};

static const struct api_field VolumeAttachment_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_storage_v1_VolumeAttachmentSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_storage_v1_VolumeAttachmentStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_storage_v1_VolumeAttachment = {
	.name = "io.k8s.api.storage.v1.VolumeAttachment",
	.fields = VolumeAttachment_fields,
	.n_fields = ARRAY_SIZE(VolumeAttachment_fields),
	.help = "Volume attachment.",
};
