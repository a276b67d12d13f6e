/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of storage.k8s.io; follows pkg/apis/storage/validation. */
#include "lib/api/kinds/types.h"
#include "lib/api/quantity.h"
#include "lib/api/validate.h"
#include "lib/api/validate/rules.h"

#define PARAMETERS_MAX 512
#define PARAMETERS_BYTES (256 * 1024)
#define NODE_ID_MAX 256

static void check_parameters(const struct place *p, struct json_object *map)
{
	size_t size = 0;

	if (map_len(map) > PARAMETERS_MAX) {
		place_too_many(p, map_len(map), PARAMETERS_MAX);
		return;
	}
	map_for_each(it, map)
	{
		if (!*map_key(it))
			place_invalid_str(p, STR(""), "field must not be empty.");
		size += strlen(map_key(it)) + jsonc_str(map_value(it)).len;
	}
	if (size > PARAMETERS_BYTES)
		place_too_long(p, PARAMETERS_BYTES);
}

static void updates_forbidden(const struct place *p, struct json_object *now,
			      struct json_object *old, const char *name)
{
	CLEANUP_FREE char *text = NULL;

	if (jsonc_equal(jsonc_get(now, name), jsonc_get(old, name)))
		return;
	text = xasprintf("updates to %s are forbidden.", name);
	place_forbidden(PLACE(p, name), text);
}

/* ---- StorageClass ---- */

void validate_storageclass(struct json_object *obj, struct err *err)
{
	static const char *const policies[] = {"Delete", "Retain", NULL};
	const struct place *root = PLACE_OF(err);
	struct str provisioner = text_of(obj, "provisioner");

	validate_content(&api_t_storage_v1_StorageClass, obj, root);
	if (provisioner.len)
		check_name(PLACE(root, "provisioner"), NAME_QUALIFIED, provisioner);
	check_parameters(PLACE(root, "parameters"), jsonc_get(obj, "parameters"));
	if (str_eqs(text_of(obj, "reclaimPolicy"), "Recycle"))
		check_enum(root, obj, "reclaimPolicy", policies, true);
}

void validate_storageclass_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	const struct place *root = PLACE_OF(err);

	updates_forbidden(root, obj, old, "parameters");
	updates_forbidden(root, obj, old, "provisioner");
	updates_forbidden(root, obj, old, "reclaimPolicy");
	check_immutable(PLACE(root, "volumeBindingMode"), jsonc_get(obj, "volumeBindingMode"),
			jsonc_get(old, "volumeBindingMode"));
}

/* ---- CSIDriver ---- */

void validate_csidriver(struct json_object *obj, struct err *err)
{
	static const char *const modes[] = {"Ephemeral", "Persistent", NULL};
	static const char *const policies[] = {"File", "None", "ReadWriteOnceWithFSType", NULL};
	struct json_object *spec = jsonc_get(obj, "spec"), *list;
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec");
	CLEANUP(seen_done) struct seen audiences = {0};

	check_driver(PLACE(root, "metadata.name"), jsonc_path_str(obj, "metadata.name"));
	list = jsonc_get(spec, "volumeLifecycleModes");
	for (size_t i = 0; i < list_len(list); i++) {
		struct str m = jsonc_str(list_at(list, i));

		if (!str_eqs(m, modes[0]) && !str_eqs(m, modes[1]))
			place_unsupported(PLACE_AT(PLACE(p, "volumeLifecycleModes"), i), m, modes);
	}
	check_enum(p, spec, "fsGroupPolicy", policies, false);
	list = jsonc_get(spec, "tokenRequests");
	for (size_t i = 0; i < list_len(list); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "tokenRequests"), i);
		struct json_object *t = list_at(list, i);

		if (!seen_add(&audiences, text_of(t, "audience")))
			place_duplicate(PLACE(at, "audience"), text_of(t, "audience"));
		if (jsonc_get(t, "expirationSeconds") && int_of(t, "expirationSeconds") < 600)
			place_invalid_int(PLACE(at, "expirationSeconds"),
					  int_of(t, "expirationSeconds"),
					  "may not specify a duration less than 10 minutes");
	}
}

void validate_csidriver_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const fixed[] = {"attachRequired", "volumeLifecycleModes"};
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		check_immutable(PLACE(p, fixed[i]), jsonc_get(jsonc_get(obj, "spec"), fixed[i]),
				jsonc_get(jsonc_get(old, "spec"), fixed[i]));
}

/* ---- CSINode ---- */

static void check_node_driver(const struct place *p, struct json_object *d, struct seen *names)
{
	struct json_object *keys = jsonc_get(d, "topologyKeys");
	struct str id = text_of(d, "nodeID"), name = text_of(d, "name");

	if (!name.len)
		place_required(PLACE(p, "name"), "");
	check_driver(PLACE(p, "name"), name);
	if (name.len && !seen_add(names, name))
		place_duplicate(PLACE(p, "name"), name);
	if (!id.len)
		place_required(PLACE(p, "nodeID"), "");
	if (id.len > NODE_ID_MAX)
		place_invalid_str(PLACE(p, "nodeID"), id, "must be 256 characters or less");
	if (jsonc_get(d, "allocatable"))
		check_not_negative(PLACE(p, "allocatable"), jsonc_get(d, "allocatable"), "count");
	for (size_t i = 0; i < list_len(keys); i++)
		check_name(PLACE_AT(PLACE(p, "topologyKeys"), i), NAME_QUALIFIED,
			   jsonc_str(list_at(keys, i)));
}

void validate_csinode(struct json_object *obj, struct err *err)
{
	struct json_object *list = jsonc_path(obj, "spec.drivers");
	const struct place *p = PLACE(PLACE(PLACE_OF(err), "spec"), "drivers");
	CLEANUP(seen_done) struct seen names = {0};

	for (size_t i = 0; i < list_len(list); i++)
		check_node_driver(PLACE_AT(p, i), list_at(list, i), &names);
}

void validate_csinode_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *now = jsonc_path(obj, "spec.drivers");
	struct json_object *was = jsonc_path(old, "spec.drivers");
	const struct place *p = PLACE(PLACE(PLACE_OF(err), "spec"), "drivers");

	for (size_t i = 0; i < list_len(was); i++)
		for (size_t j = 0; j < list_len(now); j++) {
			CLEANUP_JSON struct json_object *a = jsonc_clone(list_at(was, i));
			CLEANUP_JSON struct json_object *b = jsonc_clone(list_at(now, j));

			if (!str_eq(text_of(a, "name"), text_of(b, "name")))
				continue;
			json_object_object_del(a, "allocatable"); /* drivers may correct it */
			json_object_object_del(b, "allocatable");
			check_immutable(PLACE_AT(p, j), b, a);
		}
}

/* ---- CSIStorageCapacity, VolumeAttachment, VolumeAttributesClass ---- */

static void not_negative(const struct place *p, struct json_object *v)
{
	struct quantity q;

	if (v && quantity_parse(jsonc_str(v), &q) == 0 && q.nano < 0)
		place_invalid(p, v, "must be greater than or equal to 0");
}

void validate_csistoragecapacity(struct json_object *obj, struct err *err)
{
	const struct place *root = PLACE_OF(err);

	check_label_selector(PLACE(root, "nodeTopology"), jsonc_get(obj, "nodeTopology"));
	check_name(PLACE(root, "storageClassName"), NAME_SUBDOMAIN,
		   text_of(obj, "storageClassName"));
	not_negative(PLACE(root, "capacity"), jsonc_get(obj, "capacity"));
	not_negative(PLACE(root, "maximumVolumeSize"), jsonc_get(obj, "maximumVolumeSize"));
}

void validate_csistoragecapacity_update(struct json_object *obj, struct json_object *old,
					struct err *err)
{
	static const char *const fixed[] = {"nodeTopology", "storageClassName"};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		check_immutable(PLACE(PLACE_OF(err), fixed[i]), jsonc_get(obj, fixed[i]),
				jsonc_get(old, fixed[i]));
}

void validate_volumeattachment(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *src = jsonc_get(spec, "source");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	bool named = text_of(src, "persistentVolumeName").len;

	validate_content(&api_t_storage_v1_VolumeAttachment, obj, PLACE_OF(err));
	check_driver(PLACE(p, "attacher"), text_of(spec, "attacher"));
	if (!jsonc_get(src, "inlineVolumeSpec") && !named)
		place_required(PLACE(p, "source"),
			       "must specify one of inlineVolumeSpec and persistentVolumeName");
	if (jsonc_get(src, "inlineVolumeSpec") && named)
		place_forbidden(PLACE(p, "source"),
				"must specify exactly one of inlineVolumeSpec and "
				"persistentVolumeName");
	if (text_of(spec, "nodeName").len)
		check_name(PLACE(p, "nodeName"), NAME_SUBDOMAIN, text_of(spec, "nodeName"));
}

void validate_volumeattachment_update(struct json_object *obj, struct json_object *old,
				      struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec"), jsonc_get(obj, "spec"),
			jsonc_get(old, "spec"));
}

void validate_vac(struct json_object *obj, struct err *err)
{
	const struct place *root = PLACE_OF(err);

	validate_content(&api_t_storage_v1_VolumeAttributesClass, obj, root);
	check_driver(PLACE(root, "driverName"), text_of(obj, "driverName"));
	if (!map_len(jsonc_get(obj, "parameters")))
		place_required(PLACE(root, "parameters"), "must contain at least one parameter");
	check_parameters(PLACE(root, "parameters"), jsonc_get(obj, "parameters"));
}

void validate_vac_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	updates_forbidden(PLACE_OF(err), obj, old, "driverName");
	updates_forbidden(PLACE_OF(err), obj, old, "parameters");
}
