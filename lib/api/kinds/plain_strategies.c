/* SPDX-License-Identifier: Apache-2.0 */
/* Storage, networking, quotas, autoscaling, admission, devices: what little they do by themselves.
 */
#include "lib/api/kinds/strategies.h"
#include "lib/api/api.h"
#include "lib/api/kinds/defaults.h"
#include "lib/api/validate/check.h"
#include "lib/api/validate/rules.h"
#include "lib/api/volumes.h"

static void phase_pending(struct json_object *obj)
{
	api_set_str(obj, "status.phase", STR("Pending"));
}

/* ---- What is of old, for the Warning header; a line each ---- */

static void warn_old_class(struct json_object *obj, struct buf *out)
{
	struct json_object *notes = jsonc_path(obj, "metadata.annotations");

	if (notes && jsonc_get(notes, NOTE_OLD_CLASS))
		buf_adds(out,
			 "metadata.annotations[" NOTE_OLD_CLASS
			 "]: deprecated since v1.8; use \"storageClassName\" attribute instead\n");
}

static void warn_volume(struct json_object *obj, struct json_object *old, struct buf *out)
{
	static const char *const plugins[][2] = {
		{"cephfs", "spec.cephfs: deprecated in v1.28, non-functional in v1.31+"},
		{"photonPersistentDisk",
		 "spec.photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+"},
		{"scaleIO", "spec.scaleIO: deprecated in v1.16, non-functional in v1.22+"},
		{"storageos", "spec.storageOS: deprecated in v1.22, non-functional in v1.25+"},
		{"glusterfs", "spec.glusterfs: deprecated in v1.25, non-functional in v1.26+"},
		{"rbd", "spec.rbd: deprecated in v1.28, non-functional in v1.31+"},
	};
	struct json_object *spec = jsonc_get(obj, "spec");

	warn_old_class(obj, out);
	if (str_eqs(text_of(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
		buf_adds(out, "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is "
			      "deprecated. Instead, the recommended approach is to use dynamic "
			      "provisioning.\n");
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++)
		if (jsonc_get(spec, plugins[i][0]))
			buf_addf(out, "%s\n", plugins[i][1]);
}

static void warn_claim(struct json_object *obj, struct json_object *old, struct buf *out)
{
	warn_old_class(obj, out);
}

static void warn_ingress(struct json_object *obj, struct json_object *old, struct buf *out)
{
	struct json_object *notes = jsonc_path(obj, "metadata.annotations");
	struct json_object *before = jsonc_path(old, "metadata.annotations");

	if (notes && jsonc_get(notes, "kubernetes.io/ingress.class") &&
	    !(before && jsonc_get(before, "kubernetes.io/ingress.class")))
		buf_adds(out,
			 "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
			 "'spec.ingressClassName' instead\n");
}

/* ---- PersistentVolumeClaim: dataSource and dataSourceRef say the same ---- */

static void same_source(struct json_object *obj)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *src = jsonc_get(spec, "dataSource");
	struct json_object *ref = jsonc_get(spec, "dataSourceRef");

	if (src && !ref) {
		jsonc_set(spec, "dataSourceRef", jsonc_clone(src));
	} else if (ref && !src && !text_of(ref, "namespace").len) {
		src = jsonc_clone(ref);
		json_object_object_del(src, "namespace");
		jsonc_set(spec, "dataSource", src);
	}
}

static void claim_create(struct json_object *obj)
{
	phase_pending(obj);
	same_source(obj);
}

static void claim_update(struct json_object *obj, struct json_object *old)
{
	same_source(obj);
}

const struct api_strategy persistentvolume_strategy = {
	.prepare_create = phase_pending,
	.warnings = warn_volume,
	.validate = validate_pv,
	.validate_update = validate_pv_update,
};
const struct api_strategy persistentvolumeclaim_strategy = {
	.prepare_create = claim_create,
	.prepare_update = claim_update,
	.warnings = warn_claim,
	.validate = validate_pvc,
	.validate_update = validate_pvc_update,
};
const struct api_strategy storageclass_strategy = {
	.validate = validate_storageclass,
	.validate_update = validate_storageclass_update,
};
const struct api_strategy csidriver_strategy = {
	.validate = validate_csidriver,
	.validate_update = validate_csidriver_update,
};
const struct api_strategy csinode_strategy = {
	.validate = validate_csinode,
	.validate_update = validate_csinode_update,
};
const struct api_strategy csistoragecapacity_strategy = {
	.validate = validate_csistoragecapacity,
	.validate_update = validate_csistoragecapacity_update,
};
const struct api_strategy volumeattachment_strategy = {
	.validate = validate_volumeattachment,
	.validate_update = validate_volumeattachment_update,
};
const struct api_strategy volumeattributesclass_strategy = {
	.validate = validate_vac,
	.validate_update = validate_vac_update,
};

const struct api_strategy ingress_strategy = {
	.warnings = warn_ingress,
	.validate = validate_ingress,
	.validate_create = validate_ingress_create,
};
const struct api_strategy ingressclass_strategy = {
	.validate = validate_ingressclass,
	.validate_update = validate_ingressclass_update,
};
const struct api_strategy networkpolicy_strategy = {
	.validate = validate_networkpolicy,
};
const struct api_strategy ipaddress_strategy = {
	.validate = validate_ipaddress,
	.validate_update = validate_ipaddress_update,
};
/* The one that the master makes of its own range is ready from the start. */
static void servicecidr_create(struct json_object *obj)
{
	if (!str_eqs(jsonc_path_str(obj, "metadata.name"), "kubernetes"))
		json_object_object_del(obj, "status");
}

const struct api_strategy servicecidr_strategy = {
	.prepare_create = servicecidr_create,
	.validate = validate_servicecidr,
	.validate_update = validate_servicecidr_update,
};

const struct api_strategy limitrange_strategy = {
	.validate = validate_limitrange,
};
const struct api_strategy resourcequota_strategy = {
	.validate = validate_resourcequota,
	.validate_update = validate_resourcequota_update,
};
const struct api_strategy podtemplate_strategy = {
	.validate = validate_podtemplate,
};
const struct api_strategy runtimeclass_strategy = {
	.validate = validate_runtimeclass,
	.validate_update = validate_runtimeclass_update,
};
const struct api_strategy hpa_strategy = {
	.validate = validate_hpa,
};
const struct api_strategy hpa_v1_strategy = {
	.validate = validate_hpa_v1,
};

const struct api_strategy validatingwebhook_strategy = {
	.validate = validate_validatingwebhook,
};
const struct api_strategy mutatingwebhook_strategy = {
	.validate = validate_mutatingwebhook,
};
const struct api_strategy validatingpolicy_strategy = {
	.validate = validate_validatingpolicy,
};
const struct api_strategy validatingbinding_strategy = {
	.validate = validate_validatingbinding,
};
const struct api_strategy mutatingpolicy_strategy = {
	.validate = validate_mutatingpolicy,
};
const struct api_strategy mutatingbinding_strategy = {
	.validate = validate_mutatingbinding,
};

const struct api_strategy flowschema_strategy = {
	.validate = validate_flowschema,
};
const struct api_strategy prioritylevel_strategy = {
	.validate = validate_prioritylevel,
};

const struct api_strategy deviceclass_strategy = {
	.validate_create = validate_deviceclass_create,
	.validate_update = validate_deviceclass_update,
};
const struct api_strategy resourceclaim_strategy = {
	.validate_create = validate_resourceclaim_create,
	.validate_update = validate_resourceclaim_update,
};
const struct api_strategy resourceclaimtemplate_strategy = {
	.validate_create = validate_resourceclaimtemplate_create,
	.validate_update = validate_resourceclaimtemplate_update,
};
const struct api_strategy resourceslice_strategy = {
	.validate = validate_resourceslice,
	.validate_update = validate_resourceslice_update,
};

const struct api_strategy apiservice_strategy = {
	.validate = validate_apiservice,
};
