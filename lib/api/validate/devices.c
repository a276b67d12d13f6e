/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of resource.k8s.io; follows pkg/apis/resource/validation. */
#include "lib/api/kinds/types.h"
#include "lib/api/validate.h"
#include "lib/api/validate/rules.h"

static void check_selectors(const struct place *p, struct json_object *list)
{
	if (list_len(list) > 32)
		place_too_many(p, list_len(list), 32);
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *cel = jsonc_get(list_at(list, i), "cel");
		struct str e = text_of(cel, "expression");

		if (!cel)
			place_required(PLACE(PLACE_AT(p, i), "cel"), "");
		if (e.len > 10 * 1024)
			place_too_long(PLACE(PLACE_AT(p, i), "cel.expression"), 10 * 1024);
	}
}

static void check_config(const struct place *p, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *opaque = jsonc_get(list_at(list, i), "opaque");

		if (!opaque)
			place_required(PLACE(PLACE_AT(p, i), "opaque"), "");
		else
			check_driver(PLACE(PLACE_AT(p, i), "opaque.driver"),
				     text_of(opaque, "driver"));
	}
}

void validate_deviceclass(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_selectors(PLACE(p, "selectors"), jsonc_get(spec, "selectors"));
	check_config(PLACE(p, "config"), jsonc_get(spec, "config"));
	if (spec)
		validate_table(&api_t_resource_v1_DeviceClassSpec, spec, p);
}

/* ---- claims ---- */

static void check_exact(const struct place *p, struct json_object *r)
{
	static const char *const modes[] = {"All", "ExactCount", NULL};
	struct str mode = text_of(r, "allocationMode"), class = text_of(r, "deviceClassName");
	int64_t count = int_of(r, "count");

	if (!class.len)
		place_required(PLACE(p, "deviceClassName"), "");
	else
		check_name(PLACE(p, "deviceClassName"), NAME_SUBDOMAIN, class);
	check_selectors(PLACE(p, "selectors"), jsonc_get(r, "selectors"));
	check_enum(p, r, "allocationMode", modes, true);
	if (str_eqs(mode, "All") && count)
		place_invalid_int(PLACE(p, "count"), count,
				  "must not be specified when allocationMode is 'All'");
	if (str_eqs(mode, "ExactCount") && count <= 0)
		place_invalid_int(PLACE(p, "count"), count, "must be greater than zero");
}

static void check_request(const struct place *p, struct json_object *r, struct seen *names)
{
	struct json_object *exact = jsonc_get(r, "exactly"), *list = jsonc_get(r, "firstAvailable");
	struct str name = text_of(r, "name");

	if (!name.len)
		place_required(PLACE(p, "name"), "");
	else
		check_name(PLACE(p, "name"), NAME_DNS_LABEL, name);
	if (name.len && !seen_add(names, name))
		place_duplicate(PLACE(p, "name"), name);
	if (!exact && !list_len(list))
		place_required(p, "exactly one of `exactly` or `firstAvailable` is required");
	if (exact && list_len(list))
		place_invalid(p, r,
			      "exactly one of `exactly` or `firstAvailable` is required, but "
			      "multiple fields are set");
	if (exact)
		check_exact(PLACE(p, "exactly"), exact);
	for (size_t i = 0; i < list_len(list); i++)
		check_exact(PLACE_AT(PLACE(p, "firstAvailable"), i), list_at(list, i));
}

static void check_named(const struct place *p, struct json_object *list, const struct seen *names)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct str r = jsonc_str(list_at(list, i));
		ssize_t slash = str_chr(r, '/');

		if (!seen_has(names, slash > 0 ? str_n(r.p, (size_t)slash) : r))
			place_invalid_str(PLACE_AT(p, i), r,
					  "must be the name of a request in the claim or the name "
					  "of a request and a subrequest separated by '/'");
	}
}

static void check_claim(const struct place *p, struct json_object *devices)
{
	struct json_object *list = jsonc_get(devices, "requests");
	CLEANUP(seen_done) struct seen names = {0};

	if (list_len(list) > 32)
		place_too_many(PLACE(p, "requests"), list_len(list), 32);
	for (size_t i = 0; i < list_len(list); i++)
		check_request(PLACE_AT(PLACE(p, "requests"), i), list_at(list, i), &names);
	list = jsonc_get(devices, "constraints");
	for (size_t i = 0; i < list_len(list); i++)
		check_named(PLACE(PLACE_AT(PLACE(p, "constraints"), i), "requests"),
			    jsonc_get(list_at(list, i), "requests"), &names);
	list = jsonc_get(devices, "config");
	check_config(PLACE(p, "config"), list);
	for (size_t i = 0; i < list_len(list); i++)
		check_named(PLACE(PLACE_AT(PLACE(p, "config"), i), "requests"),
			    jsonc_get(list_at(list, i), "requests"), &names);
}

void validate_resourceclaim(struct json_object *obj, struct err *err)
{
	check_claim(PLACE(PLACE_OF(err), "spec.devices"), jsonc_path(obj, "spec.devices"));
}

void validate_resourceclaim_update(struct json_object *obj, struct json_object *old,
				   struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec"), jsonc_get(obj, "spec"),
			jsonc_get(old, "spec"));
}

void validate_resourceclaimtemplate(struct json_object *obj, struct err *err)
{
	check_claim(PLACE(PLACE_OF(err), "spec.spec.devices"),
		    jsonc_path(obj, "spec.spec.devices"));
}

void validate_resourceclaimtemplate_update(struct json_object *obj, struct json_object *old,
					   struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec"), jsonc_get(obj, "spec"),
			jsonc_get(old, "spec"));
}

/* ---- ResourceSlice ---- */

static void check_devices(const struct place *p, struct json_object *list)
{
	CLEANUP(seen_done) struct seen names = {0};

	if (list_len(list) > 128)
		place_too_many(p, list_len(list), 128);
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");

		check_name(PLACE(PLACE_AT(p, i), "name"), NAME_DNS_LABEL, name);
		if (!seen_add(&names, name))
			place_duplicate(PLACE(PLACE_AT(p, i), "name"), name);
	}
}

void validate_resourceslice(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *pool = jsonc_get(spec, "pool");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	int n = (text_of(spec, "nodeName").len != 0) + (jsonc_get(spec, "nodeSelector") != NULL) +
		bool_of(spec, "allNodes") + bool_of(spec, "perDeviceNodeSelection");

	check_driver(PLACE(p, "driver"), text_of(spec, "driver"));
	if (pool && int_of(pool, "resourceSliceCount") <= 0)
		place_invalid_int(PLACE(p, "pool.resourceSliceCount"),
				  int_of(pool, "resourceSliceCount"), "must be greater than zero");
	if (n == 0)
		place_required(p, "exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
				  "`perDeviceNodeSelection` is required");
	else if (n > 1)
		place_invalid_str(p, STR(""),
				  "exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
				  "`perDeviceNodeSelection` is required, but multiple fields are "
				  "set");
	check_devices(PLACE(p, "devices"), jsonc_get(spec, "devices"));
	if (!text_of(spec, "driver").len)
		place_required(PLACE(p, "driver"), "");
	if (!text_of(pool, "name").len)
		place_required(PLACE(p, "pool.name"), "");
}
