/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"
#include "lib/api/kinds/defaults.h"

static const char *const enum_HostPathType[] = {
	"",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
	"File", "FileOrCreate", "Socket",     NULL};

static const char *const enum_AzureDataDiskCachingMode[] = {"None", "ReadOnly", "ReadWrite", NULL};

static const char *const enum_PullPolicy[] = {"Always", "IfNotPresent", "Never", NULL};

static const struct api_field HostPathVolumeSource_fields[] = {
	{"path", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"type", API_STRING, .pb = 2, .flags = API_PTR, .def = "\"\"", .enums = enum_HostPathType,
	 .help = "Which type it is."},
};

const struct api_type api_t_core_v1_HostPathVolumeSource = {
	.name = "io.k8s.api.core.v1.HostPathVolumeSource",
	.fields = HostPathVolumeSource_fields,
	.n_fields = ARRAY_SIZE(HostPathVolumeSource_fields),
	.help = "Host path volume source.",
};

static const struct api_field EmptyDirVolumeSource_fields[] = {
	{"medium", API_STRING, .pb = 1,
	 .help = ""
		 " for disk, Memory for tmpfs."},
	{"sizeLimit", API_QUANTITY, .pb = 2, .flags = API_PTR, .help = "How much it may hold."},
	{"mode", API_INT32, .pb = 3, .flags = API_PTR,
	 .help = "Mode of this empty dir volume source."},
};

const struct api_type api_t_core_v1_EmptyDirVolumeSource = {
	.name = "io.k8s.api.core.v1.EmptyDirVolumeSource",
	.fields = EmptyDirVolumeSource_fields,
	.n_fields = ARRAY_SIZE(EmptyDirVolumeSource_fields),
	.help = "Empty dir volume source.",
};

static const struct api_field GCEPersistentDiskVolumeSource_fields[] = {
	{"pdName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Pd name of this gce persistent disk volume source."},
	{"fsType", API_STRING, .pb = 2,
	 .help = "Fs type of this gce persistent disk volume source."},
	{"partition", API_INT32, .pb = 3,
	 .help = "Partition of this gce persistent disk volume source."},
	{"readOnly", API_BOOL, .pb = 4, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_GCEPersistentDiskVolumeSource = {
	.name = "io.k8s.api.core.v1.GCEPersistentDiskVolumeSource",
	.fields = GCEPersistentDiskVolumeSource_fields,
	.n_fields = ARRAY_SIZE(GCEPersistentDiskVolumeSource_fields),
	.help = "GCE persistent disk volume source.",
};

static const struct api_field AWSElasticBlockStoreVolumeSource_fields[] = {
	{"volumeID", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Volume ID of this aws elastic block store volume source."},
	{"fsType", API_STRING, .pb = 2,
	 .help = "Fs type of this aws elastic block store volume source."},
	{"partition", API_INT32, .pb = 3,
	 .help = "Partition of this aws elastic block store volume source."},
	{"readOnly", API_BOOL, .pb = 4, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_AWSElasticBlockStoreVolumeSource = {
	.name = "io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource",
	.fields = AWSElasticBlockStoreVolumeSource_fields,
	.n_fields = ARRAY_SIZE(AWSElasticBlockStoreVolumeSource_fields),
	.help = "AWS elastic block store volume source.",
};

static const struct api_field GitRepoVolumeSource_fields[] = {
	{"repository", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Repository of this git repo volume source."},
	{"revision", API_STRING, .pb = 2, .help = "Revision of this git repo volume source."},
	{"directory", API_STRING, .pb = 3, .help = "Directory of this git repo volume source."},
};

const struct api_type api_t_core_v1_GitRepoVolumeSource = {
	.name = "io.k8s.api.core.v1.GitRepoVolumeSource",
	.fields = GitRepoVolumeSource_fields,
	.n_fields = ARRAY_SIZE(GitRepoVolumeSource_fields),
	.help = "Git repo volume source.",
};

static const struct api_field KeyToPath_fields[] = {
	{"key", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the key."},
	{"path", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"mode", API_INT32, .pb = 3, .flags = API_PTR, .help = "Mode of this key to path."},
	{"user", API_INT64, .pb = 4, .flags = API_PTR, .help = "User of this key to path."},
};

const struct api_type api_t_core_v1_KeyToPath = {
	.name = "io.k8s.api.core.v1.KeyToPath",
	.fields = KeyToPath_fields,
	.n_fields = ARRAY_SIZE(KeyToPath_fields),
	.help = "Key to path.",
};

static const struct api_field SecretVolumeSource_fields[] = {
	{"secretName", API_STRING, .pb = 1, .help = "Secret name of this secret volume source."},
	{"items", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_KeyToPath,
	 .help = "Which keys, and under which paths."},
	{"defaultMode", API_INT32, .pb = 3, .flags = API_PTR, .def = "420",
	 .help = "Permission bits of the files."},
	{"optional", API_BOOL, .pb = 4, .flags = API_PTR, .help = "Whether it may be absent."},
	{"defaultUser", API_INT64, .pb = 5, .flags = API_PTR,
	 .help = "Default user of this secret volume source."},
};

const struct api_type api_t_core_v1_SecretVolumeSource = {
	.name = "io.k8s.api.core.v1.SecretVolumeSource",
	.fields = SecretVolumeSource_fields,
	.n_fields = ARRAY_SIZE(SecretVolumeSource_fields),
	.help = "Secret volume source.",
};

static const struct api_field NFSVolumeSource_fields[] = {
	{"server", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Server of this nfs volume source."},
	{"path", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_NFSVolumeSource = {
	.name = "io.k8s.api.core.v1.NFSVolumeSource",
	.fields = NFSVolumeSource_fields,
	.n_fields = ARRAY_SIZE(NFSVolumeSource_fields),
	.help = "NFS volume source.",
};

static const struct api_field ISCSIVolumeSource_fields[] = {
	{"targetPortal", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Target portal of this iscsi volume source."},
	{"iqn", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Iqn of this iscsi volume source."},
	{"lun", API_INT32, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Lun of this iscsi volume source."},
	{"iscsiInterface", API_STRING, .pb = 4, .def = "\"default\"",
	 .help = "Iscsi interface of this iscsi volume source."},
	{"fsType", API_STRING, .pb = 5, .help = "Fs type of this iscsi volume source."},
	{"readOnly", API_BOOL, .pb = 6, .help = "Allow no writes."},
	{"portals", API_STRING, API_LIST, .pb = 7,
	 .help = "The portals of this iscsi volume source."},
	{"chapAuthDiscovery", API_BOOL, .pb = 8, .help = "Whether chap auth discovery holds."},
	{"chapAuthSession", API_BOOL, .pb = 11, .help = "Whether chap auth session holds."},
	{"secretRef", API_OBJECT, .pb = 10, .flags = API_PTR,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Secret ref of this iscsi volume source."},
	{"initiatorName", API_STRING, .pb = 12, .flags = API_PTR,
	 .help = "Initiator name of this iscsi volume source."},
};

const struct api_type api_t_core_v1_ISCSIVolumeSource = {
	.name = "io.k8s.api.core.v1.ISCSIVolumeSource",
	.fields = ISCSIVolumeSource_fields,
	.n_fields = ARRAY_SIZE(ISCSIVolumeSource_fields),
	.help = "ISCSI volume source.",
};

static const struct api_field GlusterfsVolumeSource_fields[] = {
	{"endpoints", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Endpoints of this glusterfs volume source."},
	{"path", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_GlusterfsVolumeSource = {
	.name = "io.k8s.api.core.v1.GlusterfsVolumeSource",
	.fields = GlusterfsVolumeSource_fields,
	.n_fields = ARRAY_SIZE(GlusterfsVolumeSource_fields),
	.help = "Glusterfs volume source.",
};

static const struct api_field RBDVolumeSource_fields[] = {
	{"monitors", API_STRING, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The monitors of this rbd volume source."},
	{"image", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Reference of the image."},
	{"fsType", API_STRING, .pb = 3, .help = "Fs type of this rbd volume source."},
	{"pool", API_STRING, .pb = 4, .def = "\"rbd\"", .help = "Pool of this rbd volume source."},
	{"user", API_STRING, .pb = 5, .def = "\"admin\"",
	 .help = "User of this rbd volume source."},
	{"keyring", API_STRING, .pb = 6, .def = "\"/etc/ceph/keyring\"",
	 .help = "Keyring of this rbd volume source."},
	{"secretRef", API_OBJECT, .pb = 7, .flags = API_PTR,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Secret ref of this rbd volume source."},
	{"readOnly", API_BOOL, .pb = 8, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_RBDVolumeSource = {
	.name = "io.k8s.api.core.v1.RBDVolumeSource",
	.fields = RBDVolumeSource_fields,
	.n_fields = ARRAY_SIZE(RBDVolumeSource_fields),
	.help = "RBD volume source.",
};

static const struct api_field FlexVolumeSource_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Driver of this flex volume source."},
	{"fsType", API_STRING, .pb = 2, .help = "Fs type of this flex volume source."},
	{"secretRef", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Secret ref of this flex volume source."},
	{"readOnly", API_BOOL, .pb = 4, .help = "Allow no writes."},
	{"options", API_STRING, API_MAP, .pb = 5, .help = "Options of this flex volume source."},
};

const struct api_type api_t_core_v1_FlexVolumeSource = {
	.name = "io.k8s.api.core.v1.FlexVolumeSource",
	.fields = FlexVolumeSource_fields,
	.n_fields = ARRAY_SIZE(FlexVolumeSource_fields),
	.help = "Flex volume source.",
};

static const struct api_field CinderVolumeSource_fields[] = {
	{"volumeID", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Volume ID of this cinder volume source."},
	{"fsType", API_STRING, .pb = 2, .help = "Fs type of this cinder volume source."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
	{"secretRef", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Secret ref of this cinder volume source."},
};

const struct api_type api_t_core_v1_CinderVolumeSource = {
	.name = "io.k8s.api.core.v1.CinderVolumeSource",
	.fields = CinderVolumeSource_fields,
	.n_fields = ARRAY_SIZE(CinderVolumeSource_fields),
	.help = "Cinder volume source.",
};

static const struct api_field CephFSVolumeSource_fields[] = {
	{"monitors", API_STRING, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The monitors of this ceph fs volume source."},
	{"path", API_STRING, .pb = 2, .help = "The path."},
	{"user", API_STRING, .pb = 3, .help = "User of this ceph fs volume source."},
	{"secretFile", API_STRING, .pb = 4, .help = "Secret file of this ceph fs volume source."},
	{"secretRef", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Secret ref of this ceph fs volume source."},
	{"readOnly", API_BOOL, .pb = 6, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_CephFSVolumeSource = {
	.name = "io.k8s.api.core.v1.CephFSVolumeSource",
	.fields = CephFSVolumeSource_fields,
	.n_fields = ARRAY_SIZE(CephFSVolumeSource_fields),
	.help = "Ceph FS volume source.",
};

static const struct api_field FlockerVolumeSource_fields[] = {
	{"datasetName", API_STRING, .pb = 1, .help = "Dataset name of this flocker volume source."},
	{"datasetUUID", API_STRING, .pb = 2, .help = "Dataset UUID of this flocker volume source."},
};

const struct api_type api_t_core_v1_FlockerVolumeSource = {
	.name = "io.k8s.api.core.v1.FlockerVolumeSource",
	.fields = FlockerVolumeSource_fields,
	.n_fields = ARRAY_SIZE(FlockerVolumeSource_fields),
	.help = "Flocker volume source.",
};

static const struct api_field DownwardAPIVolumeFile_fields[] = {
	{"path", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"fieldRef", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_ObjectFieldSelector,
	 .help = "Field ref of this downward api volume file."},
	{"resourceFieldRef", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_ResourceFieldSelector,
	 .help = "Resource field ref of this downward api volume file."},
	{"mode", API_INT32, .pb = 4, .flags = API_PTR,
	 .help = "Mode of this downward api volume file."},
	{"user", API_INT64, .pb = 5, .flags = API_PTR,
	 .help = "User of this downward api volume file."},
};

const struct api_type api_t_core_v1_DownwardAPIVolumeFile = {
	.name = "io.k8s.api.core.v1.DownwardAPIVolumeFile",
	.fields = DownwardAPIVolumeFile_fields,
	.n_fields = ARRAY_SIZE(DownwardAPIVolumeFile_fields),
	.help = "Downward API volume file.",
};

static const struct api_field DownwardAPIVolumeSource_fields[] = {
	{"items", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_core_v1_DownwardAPIVolumeFile,
	 .help = "Which keys, and under which paths."},
	{"defaultMode", API_INT32, .pb = 2, .flags = API_PTR, .def = "420",
	 .help = "Permission bits of the files."},
	{"defaultUser", API_INT64, .pb = 3, .flags = API_PTR,
	 .help = "Default user of this downward api volume source."},
};

const struct api_type api_t_core_v1_DownwardAPIVolumeSource = {
	.name = "io.k8s.api.core.v1.DownwardAPIVolumeSource",
	.fields = DownwardAPIVolumeSource_fields,
	.n_fields = ARRAY_SIZE(DownwardAPIVolumeSource_fields),
	.help = "Downward API volume source.",
};

static const struct api_field FCVolumeSource_fields[] = {
	{"targetWWNs", API_STRING, API_LIST, .pb = 1,
	 .help = "The target WW ns of this fc volume source."},
	{"lun", API_INT32, .pb = 2, .flags = API_PTR, .help = "Lun of this fc volume source."},
	{"fsType", API_STRING, .pb = 3, .help = "Fs type of this fc volume source."},
	{"readOnly", API_BOOL, .pb = 4, .help = "Allow no writes."},
	{"wwids", API_STRING, API_LIST, .pb = 5, .help = "The wwids of this fc volume source."},
};

const struct api_type api_t_core_v1_FCVolumeSource = {
	.name = "io.k8s.api.core.v1.FCVolumeSource",
	.fields = FCVolumeSource_fields,
	.n_fields = ARRAY_SIZE(FCVolumeSource_fields),
	.help = "FC volume source.",
};

static const struct api_field AzureFileVolumeSource_fields[] = {
	{"secretName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Secret name of this azure file volume source."},
	{"shareName", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Share name of this azure file volume source."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_AzureFileVolumeSource = {
	.name = "io.k8s.api.core.v1.AzureFileVolumeSource",
	.fields = AzureFileVolumeSource_fields,
	.n_fields = ARRAY_SIZE(AzureFileVolumeSource_fields),
	.help = "Azure file volume source.",
};

static const struct api_field ConfigMapVolumeSource_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE, .ref = &api_t_core_v1_LocalObjectReference},
	{"items", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_KeyToPath,
	 .help = "Which keys, and under which paths."},
	{"defaultMode", API_INT32, .pb = 3, .flags = API_PTR, .def = "420",
	 .help = "Permission bits of the files."},
	{"optional", API_BOOL, .pb = 4, .flags = API_PTR, .help = "Whether it may be absent."},
	{"defaultUser", API_INT64, .pb = 5, .flags = API_PTR,
	 .help = "Default user of this config map volume source."},
};

const struct api_type api_t_core_v1_ConfigMapVolumeSource = {
	.name = "io.k8s.api.core.v1.ConfigMapVolumeSource",
	.fields = ConfigMapVolumeSource_fields,
	.n_fields = ARRAY_SIZE(ConfigMapVolumeSource_fields),
	.help = "Config map volume source.",
};

static const struct api_field VsphereVirtualDiskVolumeSource_fields[] = {
	{"volumePath", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Volume path of this vsphere virtual disk volume source."},
	{"fsType", API_STRING, .pb = 2,
	 .help = "Fs type of this vsphere virtual disk volume source."},
	{"storagePolicyName", API_STRING, .pb = 3,
	 .help = "Storage policy name of this vsphere virtual disk volume source."},
	{"storagePolicyID", API_STRING, .pb = 4,
	 .help = "Storage policy ID of this vsphere virtual disk volume source."},
};

const struct api_type api_t_core_v1_VsphereVirtualDiskVolumeSource = {
	.name = "io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource",
	.fields = VsphereVirtualDiskVolumeSource_fields,
	.n_fields = ARRAY_SIZE(VsphereVirtualDiskVolumeSource_fields),
	.help = "Vsphere virtual disk volume source.",
};

static const struct api_field QuobyteVolumeSource_fields[] = {
	{"registry", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Registry of this quobyte volume source."},
	{"volume", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Volume of this quobyte volume source."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
	{"user", API_STRING, .pb = 4, .help = "User of this quobyte volume source."},
	{"group", API_STRING, .pb = 5, .help = "Group of this quobyte volume source."},
	{"tenant", API_STRING, .pb = 6, .help = "Tenant of this quobyte volume source."},
};

const struct api_type api_t_core_v1_QuobyteVolumeSource = {
	.name = "io.k8s.api.core.v1.QuobyteVolumeSource",
	.fields = QuobyteVolumeSource_fields,
	.n_fields = ARRAY_SIZE(QuobyteVolumeSource_fields),
	.help = "Quobyte volume source.",
};

static const struct api_field AzureDiskVolumeSource_fields[] = {
	{"diskName", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Disk name of this azure disk volume source."},
	{"diskURI", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Disk URI of this azure disk volume source."},
	{"cachingMode", API_STRING, .pb = 3, .flags = API_PTR, .def = "\"ReadWrite\"",
	 .enums = enum_AzureDataDiskCachingMode,
	 .help = "Caching mode of this azure disk volume source."},
	{"fsType", API_STRING, .pb = 4, .flags = API_PTR, .def = "\"ext4\"",
	 .help = "Fs type of this azure disk volume source."},
	{"readOnly", API_BOOL, .pb = 5, .flags = API_PTR, .def = "false",
	 .help = "Allow no writes."},
	{"kind", API_STRING, .pb = 6, .flags = API_PTR, .def = "\"Shared\"",
	 .help = "Kind of this azure disk volume source."},
};

const struct api_type api_t_core_v1_AzureDiskVolumeSource = {
	.name = "io.k8s.api.core.v1.AzureDiskVolumeSource",
	.fields = AzureDiskVolumeSource_fields,
	.n_fields = ARRAY_SIZE(AzureDiskVolumeSource_fields),
	.help = "Azure disk volume source.",
};

static const struct api_field PhotonPersistentDiskVolumeSource_fields[] = {
	{"pdID", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Pd ID of this photon persistent disk volume source."},
	{"fsType", API_STRING, .pb = 2,
	 .help = "Fs type of this photon persistent disk volume source."},
};

const struct api_type api_t_core_v1_PhotonPersistentDiskVolumeSource = {
	.name = "io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource",
	.fields = PhotonPersistentDiskVolumeSource_fields,
	.n_fields = ARRAY_SIZE(PhotonPersistentDiskVolumeSource_fields),
	.help = "Photon persistent disk volume source.",
};

static const struct api_field SecretProjection_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE, .ref = &api_t_core_v1_LocalObjectReference},
	{"items", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_KeyToPath,
	 .help = "Which keys, and under which paths."},
	{"optional", API_BOOL, .pb = 4, .flags = API_PTR, .help = "Whether it may be absent."},
};

const struct api_type api_t_core_v1_SecretProjection = {
	.name = "io.k8s.api.core.v1.SecretProjection",
	.fields = SecretProjection_fields,
	.n_fields = ARRAY_SIZE(SecretProjection_fields),
	.help = "Secret projection.",
};

static const struct api_field DownwardAPIProjection_fields[] = {
	{"items", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_core_v1_DownwardAPIVolumeFile,
	 .help = "Which keys, and under which paths."},
};

const struct api_type api_t_core_v1_DownwardAPIProjection = {
	.name = "io.k8s.api.core.v1.DownwardAPIProjection",
	.fields = DownwardAPIProjection_fields,
	.n_fields = ARRAY_SIZE(DownwardAPIProjection_fields),
	.help = "Downward API projection.",
};

static const struct api_field ConfigMapProjection_fields[] = {
	{"", API_OBJECT, .pb = 1, .flags = API_INLINE, .ref = &api_t_core_v1_LocalObjectReference},
	{"items", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_core_v1_KeyToPath,
	 .help = "Which keys, and under which paths."},
	{"optional", API_BOOL, .pb = 4, .flags = API_PTR, .help = "Whether it may be absent."},
};

const struct api_type api_t_core_v1_ConfigMapProjection = {
	.name = "io.k8s.api.core.v1.ConfigMapProjection",
	.fields = ConfigMapProjection_fields,
	.n_fields = ARRAY_SIZE(ConfigMapProjection_fields),
	.help = "Config map projection.",
};

static const struct api_field ServiceAccountTokenProjection_fields[] = {
	{"audience", API_STRING, .pb = 1,
	 .help = "Audience of this service account token projection."},
	{"expirationSeconds", API_INT64, .pb = 2, .flags = API_PTR, .def = "3600",
	 .help = "Seconds it is valid."},
	{"path", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"user", API_INT64, .pb = 4, .flags = API_PTR,
	 .help = "User of this service account token projection."},
};

const struct api_type api_t_core_v1_ServiceAccountTokenProjection = {
	.name = "io.k8s.api.core.v1.ServiceAccountTokenProjection",
	.fields = ServiceAccountTokenProjection_fields,
	.n_fields = ARRAY_SIZE(ServiceAccountTokenProjection_fields),
	.help = "Service account token projection.",
};

static const struct api_field ClusterTrustBundleProjection_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_PTR, .help = "Its name."},
	{"signerName", API_STRING, .pb = 2, .flags = API_PTR, .help = "Who is to sign."},
	{"labelSelector", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Label selector of this cluster trust bundle projection."},
	{"optional", API_BOOL, .pb = 5, .flags = API_PTR, .help = "Whether it may be absent."},
	{"path", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "The path."},
	{"user", API_INT64, .pb = 6, .flags = API_PTR,
	 .help = "User of this cluster trust bundle projection."},
};

const struct api_type api_t_core_v1_ClusterTrustBundleProjection = {
	.name = "io.k8s.api.core.v1.ClusterTrustBundleProjection",
	.fields = ClusterTrustBundleProjection_fields,
	.n_fields = ARRAY_SIZE(ClusterTrustBundleProjection_fields),
	.help = "Cluster trust bundle projection.",
};

static const struct api_field PodCertificateProjection_fields[] = {
	{"signerName", API_STRING, .pb = 1, .flags = API_REQUIRED, .help = "Who is to sign."},
	{"keyType", API_STRING, .pb = 2, .flags = API_REQUIRED,
	 .help = "Key type of this pod certificate projection."},
	{"maxExpirationSeconds", API_INT32, .pb = 3, .flags = API_PTR,
	 .help = "Max expiration seconds of this pod certificate projection."},
	{"credentialBundlePath", API_STRING, .pb = 4,
	 .help = "Credential bundle path of this pod certificate projection."},
	{"keyPath", API_STRING, .pb = 5, .help = "Key path of this pod certificate projection."},
	{"certificateChainPath", API_STRING, .pb = 6,
	 .help = "Certificate chain path of this pod certificate projection."},
	{"userAnnotations", API_STRING, API_MAP, .pb = 7,
	 .help = "User annotations of this pod certificate projection."},
	{"user", API_INT64, .pb = 8, .flags = API_PTR,
	 .help = "User of this pod certificate projection."},
};

const struct api_type api_t_core_v1_PodCertificateProjection = {
	.name = "io.k8s.api.core.v1.PodCertificateProjection",
	.fields = PodCertificateProjection_fields,
	.n_fields = ARRAY_SIZE(PodCertificateProjection_fields),
	.help = "Pod certificate projection.",
};

static const struct api_field VolumeProjection_fields[] = {
	{"secret", API_OBJECT, .pb = 1, .flags = API_PTR, .ref = &api_t_core_v1_SecretProjection,
	 .help = "Keys of a secret as files."},
	{"downwardAPI", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_DownwardAPIProjection, .help = "The pod's own fields as files."},
	{"configMap", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_ConfigMapProjection, .help = "Keys of a config map as files."},
	{"serviceAccountToken", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_core_v1_ServiceAccountTokenProjection,
	 .help = "Service account token of this volume projection."},
	{"clusterTrustBundle", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_core_v1_ClusterTrustBundleProjection,
	 .help = "Cluster trust bundle of this volume projection."},
	{"podCertificate", API_OBJECT, .pb = 6, .flags = API_PTR,
	 .ref = &api_t_core_v1_PodCertificateProjection,
	 .help = "Pod certificate of this volume projection."},
};

const struct api_type api_t_core_v1_VolumeProjection = {
	.name = "io.k8s.api.core.v1.VolumeProjection",
	.fields = VolumeProjection_fields,
	.n_fields = ARRAY_SIZE(VolumeProjection_fields),
	.help = "Volume projection.",
};

static const struct api_field ProjectedVolumeSource_fields[] = {
	{"sources", API_OBJECT, API_LIST, .pb = 1, .flags = API_KEEP_EMPTY,
	 .ref = &api_t_core_v1_VolumeProjection,
	 .help = "The sources of this projected volume source."},
	{"defaultMode", API_INT32, .pb = 2, .flags = API_PTR, .def = "420",
	 .help = "Permission bits of the files."},
	{"defaultUser", API_INT64, .pb = 3, .flags = API_PTR,
	 .help = "Default user of this projected volume source."},
};

const struct api_type api_t_core_v1_ProjectedVolumeSource = {
	.name = "io.k8s.api.core.v1.ProjectedVolumeSource",
	.fields = ProjectedVolumeSource_fields,
	.n_fields = ARRAY_SIZE(ProjectedVolumeSource_fields),
	.help = "Projected volume source.",
};

static const struct api_field PortworxVolumeSource_fields[] = {
	{"volumeID", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Volume ID of this portworx volume source."},
	{"fsType", API_STRING, .pb = 2, .help = "Fs type of this portworx volume source."},
	{"readOnly", API_BOOL, .pb = 3, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_PortworxVolumeSource = {
	.name = "io.k8s.api.core.v1.PortworxVolumeSource",
	.fields = PortworxVolumeSource_fields,
	.n_fields = ARRAY_SIZE(PortworxVolumeSource_fields),
	.help = "Portworx volume source.",
};

static const struct api_field ScaleIOVolumeSource_fields[] = {
	{"gateway", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Gateway of this scale io volume source."},
	{"system", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "System of this scale io volume source."},
	{"secretRef", API_OBJECT, .pb = 3, .flags = API_REQUIRED | API_PTR,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Secret ref of this scale io volume source."},
	{"sslEnabled", API_BOOL, .pb = 4, .help = "Whether ssl enabled holds."},
	{"protectionDomain", API_STRING, .pb = 5,
	 .help = "Protection domain of this scale io volume source."},
	{"storagePool", API_STRING, .pb = 6,
	 .help = "Storage pool of this scale io volume source."},
	{"storageMode", API_STRING, .pb = 7, .def = "\"ThinProvisioned\"",
	 .help = "Storage mode of this scale io volume source."},
	{"volumeName", API_STRING, .pb = 8, .help = "Volume name of this scale io volume source."},
	{"fsType", API_STRING, .pb = 9, .def = "\"xfs\"",
	 .help = "Fs type of this scale io volume source."},
	{"readOnly", API_BOOL, .pb = 10, .help = "Allow no writes."},
};

const struct api_type api_t_core_v1_ScaleIOVolumeSource = {
	.name = "io.k8s.api.core.v1.ScaleIOVolumeSource",
	.fields = ScaleIOVolumeSource_fields,
	.n_fields = ARRAY_SIZE(ScaleIOVolumeSource_fields),
	.help = "Scale IO volume source.",
};

static const struct api_field StorageOSVolumeSource_fields[] = {
	{"volumeName", API_STRING, .pb = 1,
	 .help = "Volume name of this storage os volume source."},
	{"volumeNamespace", API_STRING, .pb = 2,
	 .help = "Volume namespace of this storage os volume source."},
	{"fsType", API_STRING, .pb = 3, .help = "Fs type of this storage os volume source."},
	{"readOnly", API_BOOL, .pb = 4, .help = "Allow no writes."},
	{"secretRef", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Secret ref of this storage os volume source."},
};

const struct api_type api_t_core_v1_StorageOSVolumeSource = {
	.name = "io.k8s.api.core.v1.StorageOSVolumeSource",
	.fields = StorageOSVolumeSource_fields,
	.n_fields = ARRAY_SIZE(StorageOSVolumeSource_fields),
	.help = "Storage OS volume source.",
};

static const struct api_field CSIVolumeSource_fields[] = {
	{"driver", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Driver of this csi volume source."},
	{"readOnly", API_BOOL, .pb = 2, .flags = API_PTR, .help = "Allow no writes."},
	{"fsType", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Fs type of this csi volume source."},
	{"volumeAttributes", API_STRING, API_MAP, .pb = 4,
	 .help = "Volume attributes of this csi volume source."},
	{"nodePublishSecretRef", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_core_v1_LocalObjectReference,
	 .help = "Node publish secret ref of this csi volume source."},
};

const struct api_type api_t_core_v1_CSIVolumeSource = {
	.name = "io.k8s.api.core.v1.CSIVolumeSource",
	.fields = CSIVolumeSource_fields,
	.n_fields = ARRAY_SIZE(CSIVolumeSource_fields),
	.help = "CSI volume source.",
};

static const struct api_field EphemeralVolumeSource_fields[] = {
	{"volumeClaimTemplate", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_core_v1_PersistentVolumeClaimTemplate,
	 .help = "Volume claim template of this ephemeral volume source."},
};

const struct api_type api_t_core_v1_EphemeralVolumeSource = {
	.name = "io.k8s.api.core.v1.EphemeralVolumeSource",
	.fields = EphemeralVolumeSource_fields,
	.n_fields = ARRAY_SIZE(EphemeralVolumeSource_fields),
	.help = "Ephemeral volume source.",
};

static const struct api_field ImageVolumeSource_fields[] = {
	{"reference", API_STRING, .pb = 1, .help = "Reference of this image volume source."},
	{"pullPolicy", API_STRING, .pb = 2, .enums = enum_PullPolicy,
	 .help = "Pull policy of this image volume source."},
};

const struct api_type api_t_core_v1_ImageVolumeSource = {
	.name = "io.k8s.api.core.v1.ImageVolumeSource",
	.fields = ImageVolumeSource_fields,
	.n_fields = ARRAY_SIZE(ImageVolumeSource_fields),
	.help = "Image volume source.",
};

static const struct api_field VolumeSource_fields[] = {
	{"hostPath", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_core_v1_HostPathVolumeSource, .help = "A file or directory of the node."},
	{"emptyDir", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_core_v1_EmptyDirVolumeSource,
	 .help = "A directory that lives as long as the pod."},
	{"gcePersistentDisk", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_core_v1_GCEPersistentDiskVolumeSource,
	 .help = "Gce persistent disk of this volume source."},
	{"awsElasticBlockStore", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_core_v1_AWSElasticBlockStoreVolumeSource,
	 .help = "Aws elastic block store of this volume source."},
	{"gitRepo", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_core_v1_GitRepoVolumeSource, .help = "Git repo of this volume source."},
	{"secret", API_OBJECT, .pb = 6, .flags = API_PTR, .ref = &api_t_core_v1_SecretVolumeSource,
	 .help = "Keys of a secret as files."},
	{"nfs", API_OBJECT, .pb = 7, .flags = API_PTR, .ref = &api_t_core_v1_NFSVolumeSource,
	 .help = "Nfs of this volume source."},
	{"iscsi", API_OBJECT, .pb = 8, .flags = API_PTR, .ref = &api_t_core_v1_ISCSIVolumeSource,
	 .help = "Iscsi of this volume source."},
	{"glusterfs", API_OBJECT, .pb = 9, .flags = API_PTR,
	 .ref = &api_t_core_v1_GlusterfsVolumeSource, .help = "Glusterfs of this volume source."},
	{"persistentVolumeClaim", API_OBJECT, .pb = 10, .flags = API_PTR,
	 .ref = &api_t_core_v1_PersistentVolumeClaimVolumeSource,
	 .help = "A claim for a persistent volume."},
	{"rbd", API_OBJECT, .pb = 11, .flags = API_PTR, .ref = &api_t_core_v1_RBDVolumeSource,
	 .help = "Rbd of this volume source."},
	{"flexVolume", API_OBJECT, .pb = 12, .flags = API_PTR,
	 .ref = &api_t_core_v1_FlexVolumeSource, .help = "Flex volume of this volume source."},
	{"cinder", API_OBJECT, .pb = 13, .flags = API_PTR, .ref = &api_t_core_v1_CinderVolumeSource,
	 .help = "Cinder of this volume source."},
	{"cephfs", API_OBJECT, .pb = 14, .flags = API_PTR, .ref = &api_t_core_v1_CephFSVolumeSource,
	 .help = "Cephfs of this volume source."},
	{"flocker", API_OBJECT, .pb = 15, .flags = API_PTR,
	 .ref = &api_t_core_v1_FlockerVolumeSource, .help = "Flocker of this volume source."},
	{"downwardAPI", API_OBJECT, .pb = 16, .flags = API_PTR,
	 .ref = &api_t_core_v1_DownwardAPIVolumeSource, .help = "The pod's own fields as files."},
	{"fc", API_OBJECT, .pb = 17, .flags = API_PTR, .ref = &api_t_core_v1_FCVolumeSource,
	 .help = "Fc of this volume source."},
	{"azureFile", API_OBJECT, .pb = 18, .flags = API_PTR,
	 .ref = &api_t_core_v1_AzureFileVolumeSource, .help = "Azure file of this volume source."},
	{"configMap", API_OBJECT, .pb = 19, .flags = API_PTR,
	 .ref = &api_t_core_v1_ConfigMapVolumeSource, .help = "Keys of a config map as files."},
	{"vsphereVolume", API_OBJECT, .pb = 20, .flags = API_PTR,
	 .ref = &api_t_core_v1_VsphereVirtualDiskVolumeSource,
	 .help = "Vsphere volume of this volume source."},
	{"quobyte", API_OBJECT, .pb = 21, .flags = API_PTR,
	 .ref = &api_t_core_v1_QuobyteVolumeSource, .help = "Quobyte of this volume source."},
	{"azureDisk", API_OBJECT, .pb = 22, .flags = API_PTR,
	 .ref = &api_t_core_v1_AzureDiskVolumeSource, .help = "Azure disk of this volume source."},
	{"photonPersistentDisk", API_OBJECT, .pb = 23, .flags = API_PTR,
	 .ref = &api_t_core_v1_PhotonPersistentDiskVolumeSource,
	 .help = "Photon persistent disk of this volume source."},
	{"projected", API_OBJECT, .pb = 26, .flags = API_PTR,
	 .ref = &api_t_core_v1_ProjectedVolumeSource, .help = "Several sources in one directory."},
	{"portworxVolume", API_OBJECT, .pb = 24, .flags = API_PTR,
	 .ref = &api_t_core_v1_PortworxVolumeSource,
	 .help = "Portworx volume of this volume source."},
	{"scaleIO", API_OBJECT, .pb = 25, .flags = API_PTR,
	 .ref = &api_t_core_v1_ScaleIOVolumeSource, .help = "Scale IO of this volume source."},
	{"storageos", API_OBJECT, .pb = 27, .flags = API_PTR,
	 .ref = &api_t_core_v1_StorageOSVolumeSource, .help = "Storageos of this volume source."},
	{"csi", API_OBJECT, .pb = 28, .flags = API_PTR, .ref = &api_t_core_v1_CSIVolumeSource,
	 .help = "Csi of this volume source."},
	{"ephemeral", API_OBJECT, .pb = 29, .flags = API_PTR,
	 .ref = &api_t_core_v1_EphemeralVolumeSource, .help = "Ephemeral of this volume source."},
	{"image", API_OBJECT, .pb = 30, .flags = API_PTR, .ref = &api_t_core_v1_ImageVolumeSource,
	 .help = "Reference of the image."},
};

const struct api_type api_t_core_v1_VolumeSource = {
	.name = "io.k8s.api.core.v1.VolumeSource",
	.fields = VolumeSource_fields,
	.n_fields = ARRAY_SIZE(VolumeSource_fields),
	.help = "Volume source.",
};

static const struct api_field Volume_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"", API_OBJECT, .pb = 2, .flags = API_INLINE, .ref = &api_t_core_v1_VolumeSource},
};

const struct api_type api_t_core_v1_Volume = {
	.name = "io.k8s.api.core.v1.Volume",
	.fields = Volume_fields,
	.n_fields = ARRAY_SIZE(Volume_fields),
	.help = "A directory that containers share.",
	.defaults = default_volume,
};
