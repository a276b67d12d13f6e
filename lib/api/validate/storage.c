/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes and claims; follows pkg/apis/core/validation. */
#include "lib/api/kinds/types.h"
#include "lib/api/quantity.h"
#include "lib/api/validate.h"
#include "lib/api/validate/rules.h"

static void check_modes(const struct place *p, struct json_object *modes, const char *none)
{
	bool alone = false;

	if (!list_len(modes))
		place_required(p, none);
	for (size_t i = 0; i < list_len(modes); i++)
		alone |= str_eqs(jsonc_str(list_at(modes, i)), "ReadWriteOncePod");
	if (alone && list_len(modes) > 1)
		place_forbidden(p, "may not use ReadWriteOncePod with other access modes");
}

static void check_positive(const struct place *p, struct json_object *v)
{
	struct quantity q;

	if (quantity_parse(jsonc_str(v), &q) == 0 && q.nano <= 0)
		place_invalid(p, v, "must be greater than zero");
}

static void check_class_name(const struct place *p, struct str name)
{
	if (name.len)
		check_name(p, NAME_SUBDOMAIN, name);
}

/* ---- PersistentVolume ---- */

static void check_capacity(const struct place *p, struct json_object *capacity)
{
	static const char *const only[] = {"storage", NULL};
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!map_len(capacity)) {
		place_required(p, "");
		return;
	}
	if (!jsonc_get(capacity, "storage") || map_len(capacity) > 1) {
		jsonc_write(capacity, &b);
		place_unsupported_json(p, b.p, only);
	}
	map_for_each(it, capacity) check_positive(PLACE_KEY(p, map_key(it)), map_value(it));
}

static void check_local(const struct place *p, struct json_object *spec)
{
	struct json_object *local = jsonc_get(spec, "local");
	struct str path = text_of(local, "path");

	if (!local)
		return;
	if (path.len)
		check_path_no_backsteps(PLACE(p, "local.path"), path);
	if (!jsonc_path(spec, "nodeAffinity.required"))
		place_required(PLACE(p, "nodeAffinity"), "Local volume requires node affinity");
}

static void check_host_path(const struct place *p, struct json_object *spec)
{
	struct json_object *host = jsonc_get(spec, "hostPath");
	struct str path = text_of(host, "path");

	if (!host)
		return;
	if (path.len)
		check_path_no_backsteps(PLACE(p, "hostPath.path"), path);
	if (str_eqs(path, "/") &&
	    str_eqs(text_of(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
		place_forbidden(PLACE(p, "persistentVolumeReclaimPolicy"),
				"may not be 'recycle' for a hostPath mount of '/'");
}

/* Exactly one of the members that say where the bytes are. */
static void check_source(const struct place *p, struct json_object *spec)
{
	const struct api_type *sources = &api_t_core_v1_PersistentVolumeSource;
	const char *first = NULL;

	for (size_t i = 0; i < sources->n_fields; i++) {
		if (!jsonc_get(spec, sources->fields[i].name))
			continue;
		if (first)
			place_forbidden(PLACE(p, sources->fields[i].name),
					"may not specify more than 1 volume type");
		first = sources->fields[i].name;
	}
	if (!first)
		place_required(p, "must specify a volume type");
	check_local(p, spec);
	check_host_path(p, spec);
	if (jsonc_path(spec, "nfs.path") && !str_starts(jsonc_path_str(spec, "nfs.path"), STR("/")))
		place_invalid_str(PLACE(p, "nfs.path"), jsonc_path_str(spec, "nfs.path"),
				  "must be an absolute path");
}

void validate_pv(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *affinity = jsonc_get(spec, "nodeAffinity");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_modes(PLACE(p, "accessModes"), jsonc_get(spec, "accessModes"), "");
	check_capacity(PLACE(p, "capacity"), jsonc_get(spec, "capacity"));
	if (affinity && !jsonc_get(affinity, "required"))
		place_required(PLACE(p, "nodeAffinity.required"),
			       "must specify required node constraints");
	check_source(p, spec);
	check_class_name(PLACE(p, "storageClassName"), text_of(spec, "storageClassName"));
	if (spec)
		validate_table(&api_t_core_v1_PersistentVolumeSpec, spec, p);
}

void validate_pv_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	const struct api_type *sources = &api_t_core_v1_PersistentVolumeSource;
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	for (size_t i = 0; i < sources->n_fields; i++)
		if (!jsonc_equal(jsonc_get(spec, sources->fields[i].name),
				 jsonc_get(was, sources->fields[i].name))) {
			place_forbidden(PLACE(p, "persistentvolumesource"),
					"spec.persistentvolumesource is immutable after creation");
			break;
		}
	check_immutable(PLACE(p, "volumeMode"), jsonc_get(spec, "volumeMode"),
			jsonc_get(was, "volumeMode"));
	if (jsonc_get(was, "nodeAffinity"))
		check_immutable(PLACE(p, "nodeAffinity"), jsonc_get(spec, "nodeAffinity"),
				jsonc_get(was, "nodeAffinity"));
}

/* ---- PersistentVolumeClaim ---- */

static void check_data_source(const struct place *p, struct json_object *src)
{
	if (!src)
		return;
	if (!text_of(src, "name").len)
		place_required(PLACE(p, "name"), "");
	if (!text_of(src, "kind").len)
		place_required(PLACE(p, "kind"), "");
	else if (!text_of(src, "apiGroup").len &&
		 !str_eqs(text_of(src, "kind"), "PersistentVolumeClaim"))
		place_invalid_str(PLACE(p, "kind"), text_of(src, "kind"),
				  "must be 'PersistentVolumeClaim' when referencing the default "
				  "apiGroup");
}

void validate_pvc(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *size = jsonc_path(spec, "resources.requests.storage");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_label_selector(PLACE(p, "selector"), jsonc_get(spec, "selector"));
	check_modes(PLACE(p, "accessModes"), jsonc_get(spec, "accessModes"),
		    "at least 1 access mode is required");
	if (!size)
		place_required(PLACE_KEY(PLACE(p, "resources"), "storage"), "");
	else
		check_positive(PLACE_KEY(PLACE(p, "resources"), "storage"), size);
	check_class_name(PLACE(p, "storageClassName"), text_of(spec, "storageClassName"));
	check_class_name(PLACE(p, "volumeAttributesClassName"),
			 text_of(spec, "volumeAttributesClassName"));
	check_data_source(PLACE(p, "dataSource"), jsonc_get(spec, "dataSource"));
	check_data_source(PLACE(p, "dataSourceRef"), jsonc_get(spec, "dataSourceRef"));
	if (spec)
		validate_table(&api_t_core_v1_PersistentVolumeClaimSpec, spec, p);
}

static void take(struct json_object *to, struct json_object *from, const char *name)
{
	struct json_object *v = jsonc_get(from, name);

	if (v)
		jsonc_set(to, name, json_object_get(v));
	else
		json_object_object_del(to, name);
}

void validate_pvc_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	CLEANUP_JSON struct json_object *same = spec ? jsonc_clone(spec) : json_object_new_object();
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	bool bound = str_eqs(jsonc_path_str(old, "status.phase"), "Bound");
	struct quantity now, before, has;

	/* What may change is taken back before the rest is compared. */
	if (!text_of(was, "volumeName").len)
		take(same, was, "volumeName");
	if (!jsonc_get(was, "storageClassName"))
		take(same, was, "storageClassName");
	if (bound || !text_of(was, "volumeName").len)
		take(same, was, "volumeAttributesClassName");
	if (bound)
		take(same, was, "resources");
	if (!jsonc_equal(same, was))
		place_forbidden(p, "spec is immutable after creation except resources.requests and "
				   "volumeAttributesClassName for bound claims");
	if (bound &&
	    quantity_parse(jsonc_path_str(spec, "resources.requests.storage"), &now) == 0 &&
	    quantity_parse(jsonc_path_str(was, "resources.requests.storage"), &before) == 0 &&
	    quantity_cmp(now, before) < 0 &&
	    (quantity_parse(jsonc_path_str(old, "status.capacity.storage"), &has) < 0 ||
	     quantity_cmp(now, has) <= 0))
		place_forbidden(PLACE(p, "resources.requests.storage"),
				"field can not be less than status.capacity");
}

void validate_pvc_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	const struct place *p = PLACE(PLACE_OF(err), "status");

	if (jsonc_get(obj, "status"))
		validate_table(&api_t_core_v1_PersistentVolumeClaimStatus, jsonc_get(obj, "status"),
			       p);
	map_for_each(it, jsonc_path(obj, "status.capacity"))
		check_positive(PLACE_KEY(PLACE(p, "capacity"), map_key(it)), map_value(it));
}
