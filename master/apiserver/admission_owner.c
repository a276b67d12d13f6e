/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/status.h"
#include "master/apiserver/admission.h"
#include "master/apiserver/server.h"

/*
 * OwnerReferencesPermissionEnforcement (plugin/pkg/admission/gc): owners are set only by who may
 * delete the object, and an owner's deletion is blocked only by who may set the owner's finalizers.
 */

static struct json_object *owners(struct json_object *obj)
{
	struct json_object *a = jsonc_path(obj, "metadata.ownerReferences");

	return json_object_is_type(a, json_type_array) && json_object_array_length(a) ? a : NULL;
}

static bool blocks(struct json_object *ref)
{
	return json_object_get_boolean(jsonc_get(ref, "blockOwnerDeletion"));
}

/* Did the owner of this reference's uid have it blocked already? */
static bool blocked_before(struct json_object *old, struct json_object *ref)
{
	struct str uid = jsonc_path_str(ref, "uid");

	for (size_t i = 0; old && i < json_object_array_length(old); i++) {
		struct json_object *o = json_object_array_get_idx(old, i);

		if (str_eq(jsonc_path_str(o, "uid"), uid))
			return blocks(o);
	}
	return false;
}

static int refuse(struct admission *a, const char *what, const char *why, struct err *err)
{
	CLEANUP_FREE char *text = xasprintf("%s: %s, <nil>", what, why ? why : "");

	return api_err_forbidden(err, a->kind, a->name, text);
}

static int check_delete(struct admission *a, struct err *err)
{
	struct authz_attrs at = {.verb = "delete",
				 .is_resource = true,
				 .group = str_of(a->kind->group),
				 .version = str_of(a->kind->version),
				 .resource = str_of(a->kind->plural),
				 .subresource = str_of(a->sub),
				 .ns = a->ns,
				 .name = a->name};
	const char *why = NULL;

	if (authz_allow(&a->srv->facts, a->user, &at, &why))
		return 0;
	return refuse(a, "cannot set an ownerRef on a resource you can't delete", why, err);
}

static const struct api_kind *owner_kind(struct admission *a, struct json_object *ref)
{
	struct str kind = jsonc_path_str(ref, "kind"), group, version;
	const struct api_kind *k;

	api_version_split(jsonc_path_str(ref, "apiVersion"), &group, &version);
	for (size_t i = 0; (k = api_kinds_at(server_kinds(a->srv), i)); i++)
		if (str_eqs(kind, k->kind) && str_eqs(group, k->group) &&
		    str_eqs(version, k->version))
			return k;
	return NULL;
}

static int check_owner(struct admission *a, struct json_object *ref, struct err *err)
{
	const struct api_kind *k = owner_kind(a, ref);
	struct authz_attrs at = {.verb = "update", .is_resource = true};
	const char *why = NULL;

	if (!k) {
		CLEANUP_FREE char *text = xasprintf(
			"cannot set blockOwnerDeletion in this case because cannot find "
			"RESTMapping "
			"for APIVersion %.*s Kind %.*s: no matches for kind \"%.*s\" in version "
			"\"%.*s\"",
			STR_ARG(jsonc_path_str(ref, "apiVersion")),
			STR_ARG(jsonc_path_str(ref, "kind")), STR_ARG(jsonc_path_str(ref, "kind")),
			STR_ARG(jsonc_path_str(ref, "apiVersion")));

		return api_err_forbidden(err, a->kind, a->name, text);
	}
	at.group = str_of(k->group);
	at.version = str_of(k->version);
	at.resource = str_of(k->plural);
	at.subresource = STR("finalizers");
	at.name = jsonc_path_str(ref, "name");
	at.ns = api_kind_namespaced(k) ? a->ns : STR("");
	if (authz_allow(&a->srv->facts, a->user, &at, &why))
		return 0;
	return refuse(a,
		      "cannot set blockOwnerDeletion if an ownerReference refers to a resource you "
		      "can't set finalizers on",
		      why, err);
}

int admit_owner_references(struct admission *a, struct err *err)
{
	struct json_object *now = owners(a->obj), *old = owners(a->old);
	int r = 0;

	if (now == old || (now && old && jsonc_equal(now, old)) ||
	    (!*a->kind->group && !strcmp(a->kind->plural, "pods") && !strcmp(a->sub, "status")))
		return 0;
	if (a->op != ADMIT_CREATE)
		r = check_delete(a, err);
	for (size_t i = 0; r == 0 && now && i < json_object_array_length(now); i++) {
		struct json_object *ref = json_object_array_get_idx(now, i);

		if (blocks(ref) && !blocked_before(old, ref))
			r = check_owner(a, ref, err);
	}
	return r;
}
