/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and bindings; follows pkg/apis/rbac/validation. */
#include "lib/api/validate/check.h"
#include "lib/api/validate/rules.h"

#define GROUP "rbac.authorization.k8s.io"

static const char *const only_group[] = {GROUP, NULL};
static const char *const core_group[] = {"", NULL};

static void check_rule(const struct place *p, struct json_object *r, bool namespaced)
{
	struct json_object *urls = jsonc_get(r, "nonResourceURLs");
	size_t groups = list_len(jsonc_get(r, "apiGroups"));
	size_t resources = list_len(jsonc_get(r, "resources"));
	size_t names = list_len(jsonc_get(r, "resourceNames"));

	if (!list_len(jsonc_get(r, "verbs")))
		place_required(PLACE(p, "verbs"), "verbs must contain at least one value");
	if (list_len(urls)) {
		if (namespaced)
			place_invalid(PLACE(p, "nonResourceURLs"), urls,
				      "namespaced rules cannot apply to non-resource URLs");
		if (groups || resources || names)
			place_invalid(PLACE(p, "nonResourceURLs"), urls,
				      "rules cannot apply to both regular resources and "
				      "non-resource URLs");
		return;
	}
	if (!groups)
		place_required(PLACE(p, "apiGroups"),
			       "resource rules must supply at least one api group");
	if (!resources)
		place_required(PLACE(p, "resources"),
			       "resource rules must supply at least one resource");
}

static void check_rules(struct json_object *obj, bool namespaced, struct err *err)
{
	struct json_object *rules = jsonc_get(obj, "rules");
	const struct place *p = PLACE(PLACE_OF(err), "rules");

	for (size_t i = 0; i < list_len(rules); i++)
		check_rule(PLACE_AT(p, i), list_at(rules, i), namespaced);
}

void validate_role(struct json_object *obj, struct err *err)
{
	check_rules(obj, true, err);
}

void validate_clusterrole(struct json_object *obj, struct err *err)
{
	struct json_object *sel = jsonc_path(obj, "aggregationRule.clusterRoleSelectors");
	const struct place *p = PLACE(PLACE_OF(err), "aggregationRule.clusterRoleSelectors");

	check_rules(obj, false, err);
	if (jsonc_get(obj, "aggregationRule") && !list_len(sel))
		place_required(p, "at least one clusterRoleSelector required if aggregationRule is "
				  "non-nil");
	for (size_t i = 0; i < list_len(sel); i++)
		check_label_selector(PLACE_AT(p, i), list_at(sel, i));
}

static void check_subject(const struct place *p, struct json_object *s, bool namespaced)
{
	static const char *const kinds[] = {"ServiceAccount", "User", "Group", NULL};
	struct str kind = text_of(s, "kind"), name = text_of(s, "name"),
		   group = text_of(s, "apiGroup");

	if (!name.len)
		place_required(PLACE(p, "name"), "");
	if (str_eqs(kind, "ServiceAccount")) {
		if (name.len)
			check_name(PLACE(p, "name"), NAME_SUBDOMAIN, name);
		if (group.len)
			place_unsupported(PLACE(p, "apiGroup"), group, core_group);
		if (!namespaced && !text_of(s, "namespace").len)
			place_required(PLACE(p, "namespace"), "");
	} else if (str_eqs(kind, "User") || str_eqs(kind, "Group")) {
		if (!name.len)
			place_invalid_str(PLACE(p, "name"), name,
					  str_eqs(kind, "User") ? "user name cannot be empty"
								: "group name cannot be empty");
		if (!str_eqs(group, GROUP))
			place_unsupported(PLACE(p, "apiGroup"), group, only_group);
	} else {
		place_unsupported(PLACE(p, "kind"), kind, kinds);
	}
}

static void check_binding(struct json_object *obj, bool namespaced, struct err *err)
{
	static const char *const any[] = {"Role", "ClusterRole", NULL};
	struct json_object *ref = jsonc_get(obj, "roleRef"), *subjects = jsonc_get(obj, "subjects");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "roleRef");
	struct str kind = text_of(ref, "kind"), name = text_of(ref, "name");

	if (!str_eqs(text_of(ref, "apiGroup"), GROUP))
		place_unsupported(PLACE(p, "apiGroup"), text_of(ref, "apiGroup"), only_group);
	if (!str_eqs(kind, "ClusterRole") && !(namespaced && str_eqs(kind, "Role")))
		place_unsupported(PLACE(p, "kind"), kind, namespaced ? any : any + 1);
	if (!name.len)
		place_required(PLACE(p, "name"), "");
	else
		check_name(PLACE(p, "name"), NAME_PATH_SEGMENT, name);
	for (size_t i = 0; i < list_len(subjects); i++)
		check_subject(PLACE_AT(PLACE(root, "subjects"), i), list_at(subjects, i),
			      namespaced);
}

void validate_rolebinding(struct json_object *obj, struct err *err)
{
	check_binding(obj, true, err);
}

void validate_clusterrolebinding(struct json_object *obj, struct err *err)
{
	check_binding(obj, false, err);
}

void validate_rolebinding_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *now = jsonc_get(obj, "roleRef");

	if (!jsonc_equal(now, jsonc_get(old, "roleRef")))
		place_invalid(PLACE(PLACE_OF(err), "roleRef"), now, "cannot change roleRef");
}
