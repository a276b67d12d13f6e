/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes, claims and what storage drivers say of themselves. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"
#include "lib/api/volumes.h"

#define STORAGE "storage.k8s.io"

/* ---- PersistentVolume ---- */

/* spec.storageClassName, or the annotation that came before it. */
static void cell_class(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct jv old = volume_note(obj, NOTE_OLD_CLASS);

	jw_str(w, jv_text(jv_exists(old) ? old : jv_path(obj, "spec.storageClassName")));
}

static void cell_phase(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	bool going = jv_exists(jv_path(obj, "metadata.deletionTimestamp"));

	jw_str(w, going ? STR("Terminating") : jv_text(jv_path(obj, "status.phase")));
}

static void cell_attributes_class(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	cell_text(w, jv_path(obj, "spec.volumeAttributesClassName"), "<unset>");
}

static void cell_volume_mode(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	cell_text(w, jv_path(obj, "spec.volumeMode"), "<unset>");
}

static void cell_pv_modes(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	cell_access_modes(jv_path(obj, "spec.accessModes"), w);
}

static void cell_claim(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv ref = jv_path(obj, "spec.claimRef");

	if (jv_exists(ref))
		buf_addf(&b, "%.*s/%.*s", STR_ARG(jv_text(jv_get(ref, "namespace"))),
			 STR_ARG(jv_text(jv_get(ref, "name"))));
	jw_str(w, buf_str(&b));
}

static const struct api_column pv_columns[] = {
	COLUMN_NAME,
	{"Capacity", "string", NULL, 0, "spec.capacity.storage", NULL, "Size"},
	{"Access Modes", "string", NULL, 0, NULL, cell_pv_modes, "How it may be mounted"},
	{"Reclaim Policy", "string", NULL, 0, "spec.persistentVolumeReclaimPolicy", NULL,
	 "What happens when the claim is gone"},
	{"Status", "string", NULL, 0, NULL, cell_phase, "Where it is in its life"},
	{"Claim", "string", NULL, 0, NULL, cell_claim, "The claim it is bound to"},
	{"StorageClass", "string", NULL, 0, NULL, cell_class, "Its class"},
	{"VolumeAttributesClass", "string", NULL, 0, NULL, cell_attributes_class,
	 "Its class of attributes"},
	{"Reason", "string", NULL, 0, "status.reason", NULL, "Why it is so"},
	COLUMN_AGE,
	{"VolumeMode", "string", NULL, 1, NULL, cell_volume_mode, "Filesystem or block"},
};
static const struct api_subresource pv_subs[] = {SUB_STATUS};

const struct api_kind api_kind_persistentvolume = {
	KIND_NAMES("", "v1", "PersistentVolume", "persistentvolumes", "persistentvolume"),
	.short_names = KIND_TEXTS("pv"),
	.flags = API_K_STATUS | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_core_v1_PersistentVolume,
	KIND_SUBS(pv_subs),
	KIND_COLUMNS(pv_columns),
	.strategy = &persistentvolume_strategy,
	.short_help = "A piece of storage in the cluster.",
};

/* ---- PersistentVolumeClaim ---- */

/* Capacity and modes are those of the bound volume. */
static void cell_capacity(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	bool bound = jv_text(jv_path(obj, "spec.volumeName")).len;

	jw_str(w, bound ? jv_text(jv_path(obj, "status.capacity.storage")) : STR(""));
}

static void cell_pvc_modes(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	if (jv_text(jv_path(obj, "spec.volumeName")).len)
		cell_access_modes(jv_path(obj, "status.accessModes"), w);
	else
		jw_str(w, STR(""));
}

static const struct api_column pvc_columns[] = {
	COLUMN_NAME,
	{"Status", "string", NULL, 0, NULL, cell_phase, "Where it is in its life"},
	{"Volume", "string", NULL, 0, "spec.volumeName", NULL, "The volume it is bound to"},
	{"Capacity", "string", NULL, 0, NULL, cell_capacity, "Size of the volume"},
	{"Access Modes", "string", NULL, 0, NULL, cell_pvc_modes, "How it may be mounted"},
	{"StorageClass", "string", NULL, 0, NULL, cell_class, "Its class"},
	{"VolumeAttributesClass", "string", NULL, 0, NULL, cell_attributes_class,
	 "Its class of attributes"},
	COLUMN_AGE,
	{"VolumeMode", "string", NULL, 1, NULL, cell_volume_mode, "Filesystem or block"},
};
static const struct api_subresource pvc_subs[] = {
	{.name = "status", .verbs = API_VERB_STATUS, .validate_update = validate_pvc_status},
};

const struct api_kind api_kind_persistentvolumeclaim = {
	KIND_NAMES("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims",
		   "persistentvolumeclaim"),
	.short_names = KIND_TEXTS("pvc"),
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_core_v1_PersistentVolumeClaim,
	KIND_SUBS(pvc_subs),
	KIND_COLUMNS(pvc_columns),
	.strategy = &persistentvolumeclaim_strategy,
	.short_help = "A wish for storage, bound to a volume.",
};

/* ---- StorageClass ---- */

static bool is_true(struct jv annotations, const char *name)
{
	return jv_eqs(jv_get(annotations, name), "true");
}

static void cell_class_name(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct jv notes = jv_path(obj, "metadata.annotations");
	bool def = is_true(notes, "storageclass.kubernetes.io/is-default-class") ||
		   is_true(notes, "storageclass.beta.kubernetes.io/is-default-class");
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b, "%.*s%s", STR_ARG(jv_text(jv_path(obj, "metadata.name"))),
		 def ? " (default)" : "");
	jw_str(w, buf_str(&b));
}

static void cell_expansion(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_bool(w, jv_bool(jv_get(obj, "allowVolumeExpansion"), false));
}

static const struct api_column storageclass_columns[] = {
	{"Name", "string", "name", 0, NULL, cell_class_name, "Name; whether it is the default"},
	{"Provisioner", "string", NULL, 0, "provisioner", NULL, "Who makes volumes"},
	{"ReclaimPolicy", "string", NULL, 0, "reclaimPolicy", NULL,
	 "What happens when the claim is gone"},
	{"VolumeBindingMode", "string", NULL, 0, "volumeBindingMode", NULL,
	 "When volumes are made and bound"},
	{"AllowVolumeExpansion", "string", NULL, 0, NULL, cell_expansion, "May volumes grow"},
	COLUMN_AGE,
};

const struct api_kind api_kind_storageclass = {
	KIND_NAMES(STORAGE, "v1", "StorageClass", "storageclasses", "storageclass"),
	.short_names = KIND_TEXTS("sc"),
	.flags = API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_storage_v1_StorageClass,
	KIND_COLUMNS(storageclass_columns),
	.strategy = &storageclass_strategy,
	.short_help = "How volumes of a class are made.",
};

/* ---- CSIDriver, CSINode, CSIStorageCapacity ---- */

#define CELL_BOOL(fn, path)                                                        \
	static void fn(const struct api_table_ctx *c, struct jv obj, struct jw *w) \
	{                                                                          \
		jw_bool(w, jv_bool(jv_path(obj, (path)), false));                  \
	}

CELL_BOOL(cell_attach, "spec.attachRequired")
CELL_BOOL(cell_pod_info, "spec.podInfoOnMount")
CELL_BOOL(cell_has_capacity, "spec.storageCapacity")
CELL_BOOL(cell_republish, "spec.requiresRepublish")
CELL_BOOL(cell_attached, "status.attached")

static void join(struct jv list, const char *member, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jv_for_each (it, list)
		buf_addf(&b, "%s%.*s", b.len ? "," : "",
			 STR_ARG(jv_text(member ? jv_get(it.value, member) : it.value)));
	jw_str(w, b.len ? buf_str(&b) : STR("<unset>"));
}

static void cell_audiences(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	join(jv_path(obj, "spec.tokenRequests"), "audience", w);
}

static void cell_modes(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	join(jv_path(obj, "spec.volumeLifecycleModes"), NULL, w);
}

static const struct api_column csidriver_columns[] = {
	COLUMN_NAME,
	{"AttachRequired", "boolean", NULL, 0, NULL, cell_attach, "Must volumes be attached first"},
	{"PodInfoOnMount", "boolean", NULL, 0, NULL, cell_pod_info, "Is it told about the pod"},
	{"StorageCapacity", "boolean", NULL, 0, NULL, cell_has_capacity,
	 "Does it tell its capacity"},
	{"TokenRequests", "string", NULL, 0, NULL, cell_audiences,
	 "Audiences of tokens it is given"},
	{"RequiresRepublish", "boolean", NULL, 0, NULL, cell_republish,
	 "Is it called again and again"},
	{"Modes", "string", NULL, 0, NULL, cell_modes, "Kinds of volume it makes"},
	COLUMN_AGE,
};

const struct api_kind api_kind_csidriver = {
	KIND_NAMES(STORAGE, "v1", "CSIDriver", "csidrivers", "csidriver"),
	.flags = API_K_GENERATION | API_K_RETURN_DELETED,
	.type = &api_t_storage_v1_CSIDriver,
	KIND_COLUMNS(csidriver_columns),
	.strategy = &csidriver_strategy,
	.short_help = "A storage driver of this cluster.",
};

static void cell_drivers(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_u64(w, jv_len(jv_path(obj, "spec.drivers")));
}
static const struct api_column csinode_columns[] = {
	COLUMN_NAME,
	{"Drivers", "integer", NULL, 0, NULL, cell_drivers, "How many drivers the node has"},
	COLUMN_AGE,
};

const struct api_kind api_kind_csinode = {
	KIND_NAMES(STORAGE, "v1", "CSINode", "csinodes", "csinode"),
	.flags = API_K_RETURN_DELETED,
	.type = &api_t_storage_v1_CSINode,
	KIND_COLUMNS(csinode_columns),
	.strategy = &csinode_strategy,
	.short_help = "The storage drivers on a node.",
};

static const struct api_column csistoragecapacity_columns[] = {
	COLUMN_NAME,
	{"StorageClassName", "string", NULL, 0, "storageClassName", NULL, "Its class"},
	{"Capacity", "string", NULL, 0, "capacity", NULL, "What is free"},
};

const struct api_kind api_kind_csistoragecapacity = {
	KIND_NAMES(STORAGE, "v1", "CSIStorageCapacity", "csistoragecapacities",
		   "csistoragecapacity"),
	.flags = API_K_NAMESPACED,
	.type = &api_t_storage_v1_CSIStorageCapacity,
	KIND_COLUMNS(csistoragecapacity_columns),
	.strategy = &csistoragecapacity_strategy,
	.short_help = "What a storage class still has in a part of the cluster.",
};

/* ---- VolumeAttachment, VolumeAttributesClass ---- */

static const struct api_column volumeattachment_columns[] = {
	COLUMN_NAME,
	{"Attacher", "string", NULL, 0, "spec.attacher", NULL, "The driver"},
	{"PV", "string", NULL, 0, "spec.source.persistentVolumeName", NULL, "The volume"},
	{"Node", "string", NULL, 0, "spec.nodeName", NULL, "The node"},
	{"Attached", "boolean", NULL, 0, NULL, cell_attached, "Is it attached"},
	COLUMN_AGE,
};
static const struct api_subresource volumeattachment_subs[] = {SUB_STATUS};

const struct api_kind api_kind_volumeattachment = {
	KIND_NAMES(STORAGE, "v1", "VolumeAttachment", "volumeattachments", "volumeattachment"),
	.flags = API_K_STATUS | API_K_RETURN_DELETED,
	.type = &api_t_storage_v1_VolumeAttachment,
	KIND_SUBS(volumeattachment_subs),
	KIND_COLUMNS(volumeattachment_columns),
	.strategy = &volumeattachment_strategy,
	.short_help = "A volume that shall be at a node.",
};

static const struct api_column volumeattributesclass_columns[] = {
	COLUMN_NAME,
	{"DriverName", "string", NULL, 0, "driverName", NULL, "The driver"},
	COLUMN_AGE,
};

const struct api_kind api_kind_volumeattributesclass = {
	KIND_NAMES(STORAGE, "v1", "VolumeAttributesClass", "volumeattributesclasses",
		   "volumeattributesclass"),
	.short_names = KIND_TEXTS("vac"),
	.flags = API_K_UNCONDITIONAL | API_K_RETURN_DELETED,
	.type = &api_t_storage_v1_VolumeAttributesClass,
	KIND_COLUMNS(volumeattributesclass_columns),
	.strategy = &volumeattributesclass_strategy,
	.short_help = "Attributes of a volume that may change while it is in use.",
};
