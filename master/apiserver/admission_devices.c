/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/status.h"
#include "master/apiserver/admission.h"
#include "master/apiserver/server.h"

/*
 * Who looks after devices may have those that are in use, too: only from namespaces that are marked
 * for it (KEP-5018).
 */
#define ADMIN_LABEL "resource.kubernetes.io/admin-access"

static bool wants_admin(struct json_object *list, const char *path)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (json_object_get_boolean(jsonc_path(json_object_array_get_idx(list, i), path)))
			return true;
	return false;
}

int admit_device_admin(struct admission *a, struct err *err)
{
	bool claim = !strcmp(a->kind->plural, "resourceclaims");
	const struct store_obj *ns;
	bool wants = false;

	if (a->op == ADMIT_CREATE)
		wants = wants_admin(jsonc_path(a->obj, claim ? "spec.devices.requests"
							     : "spec.spec.devices.requests"),
				    "exactly.adminAccess");
	else if (claim && !strcmp(a->sub, "status") && !jsonc_path(a->old, "status.allocation"))
		wants = wants_admin(jsonc_path(a->obj, "status.allocation.devices.results"),
				    "adminAccess");
	if (!wants)
		return 0;
	ns = server_get(a->view, server_kind("", "v1", "namespaces"), STR(""), a->ns);
	if (ns && jv_eqs(jv_get(jv_path(jv_of(ns->value), "metadata.labels"), ADMIN_LABEL), "true"))
		return 0;
	err_field(err, "", "FieldValueForbidden",
		  "Forbidden: admin access to devices requires the `" ADMIN_LABEL ": true` label "
		  "on the containing namespace");
	return api_err_invalid(err, a->kind, a->name);
}
