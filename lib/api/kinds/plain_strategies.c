/* SPDX-License-Identifier: Apache-2.0 */
/* Storage, networking, quotas, autoscaling, admission, devices: what little they do by themselves.
 */
#include "lib/api/kinds/strategies.h"
#include "lib/api/api.h"
#include "lib/api/kinds/defaults.h"
#include "lib/api/validate/check.h"
#include "lib/api/validate/rules.h"

static void phase_pending(struct json_object *obj)
{
	api_set_str(obj, "status.phase", STR("Pending"));
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

const struct api_strategy persistentvolume_strategy = {.prepare_create = phase_pending};
const struct api_strategy persistentvolumeclaim_strategy = {
	.prepare_create = claim_create,
	.prepare_update = claim_update,
};
const struct api_strategy storageclass_strategy = {0};
const struct api_strategy csidriver_strategy = {0};
const struct api_strategy csinode_strategy = {0};
const struct api_strategy csistoragecapacity_strategy = {0};
const struct api_strategy volumeattachment_strategy = {0};
const struct api_strategy volumeattributesclass_strategy = {0};

const struct api_strategy ingress_strategy = {0};
const struct api_strategy ingressclass_strategy = {0};
const struct api_strategy networkpolicy_strategy = {0};
const struct api_strategy ipaddress_strategy = {0};
const struct api_strategy servicecidr_strategy = {0};

const struct api_strategy limitrange_strategy = {0};
const struct api_strategy resourcequota_strategy = {0};
const struct api_strategy podtemplate_strategy = {0};
const struct api_strategy runtimeclass_strategy = {0};
const struct api_strategy hpa_strategy = {0};
const struct api_strategy hpa_v1_strategy = {0};

const struct api_strategy validatingwebhook_strategy = {0};
const struct api_strategy mutatingwebhook_strategy = {0};
const struct api_strategy validatingpolicy_strategy = {0};
const struct api_strategy validatingbinding_strategy = {0};
const struct api_strategy mutatingpolicy_strategy = {0};
const struct api_strategy mutatingbinding_strategy = {0};

const struct api_strategy flowschema_strategy = {0};
const struct api_strategy prioritylevel_strategy = {0};

const struct api_strategy deviceclass_strategy = {0};
const struct api_strategy resourceclaim_strategy = {0};
const struct api_strategy resourceclaimtemplate_strategy = {0};
const struct api_strategy resourceslice_strategy = {0};

const struct api_strategy apiservice_strategy = {0};
