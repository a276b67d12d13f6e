/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field CSIStorageCapacity_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"nodeTopology", API_OBJECT, .pb = 2, .flags = API_PTR, .ref = &api_t_meta_v1_LabelSelector,
	 .help = "From which nodes."},
	{"storageClassName", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the storage class."},
	{"capacity", API_QUANTITY, .pb = 4, .flags = API_PTR, .help = "How much there is."},
	{"maximumVolumeSize", API_QUANTITY, .pb = 5, .flags = API_PTR,
	 .help = "The largest volume that can be made."},
};

const struct api_type api_t_storage_v1_CSIStorageCapacity = {
	.name = "io.k8s.api.storage.v1.CSIStorageCapacity",
	.fields = CSIStorageCapacity_fields,
	.n_fields = ARRAY_SIZE(CSIStorageCapacity_fields),
	.help = "Csistorage capacity.",
};

static const struct api_field VolumeAttributesClass_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"driverName", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the driver."},
	{"parameters", API_STRING, API_MAP, .pb = 3, .help = "Settings in the driver's own form."},
};

const struct api_type api_t_storage_v1_VolumeAttributesClass = {
	.name = "io.k8s.api.storage.v1.VolumeAttributesClass",
	.fields = VolumeAttributesClass_fields,
	.n_fields = ARRAY_SIZE(VolumeAttributesClass_fields),
	.help = "Volume attributes class.",
};
