/* SPDX-License-Identifier: Apache-2.0 */
/* Role, ClusterRole and their bindings. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"
#include "lib/json/jsonc.h"

#define GROUP "rbac.authorization.k8s.io"

/* ---- defaults ---- */

static void default_text(struct json_object *obj, const char *name, const char *text)
{
	if (obj && !jsonc_str(jsonc_get(obj, name)).len)
		jsonc_set_str(obj, name, str_of(text));
}

/* The API group of the role and of subjects is the only possible one. */
static void default_binding(struct json_object *obj)
{
	struct json_object *list = jsonc_get(obj, "subjects"), *s;

	default_text(jsonc_get(obj, "roleRef"), "apiGroup", GROUP);
	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct str kind;

		s = json_object_array_get_idx(list, i);
		kind = jsonc_path_str(s, "kind");
		if (str_eqs(kind, "User") || str_eqs(kind, "Group"))
			default_text(s, "apiGroup", GROUP);
	}
}

/* ---- columns ---- */

static void cell_role(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv ref = jv_get(obj, "roleRef");

	buf_addf(&b, "%.*s/%.*s", STR_ARG(jv_text(jv_get(ref, "kind"))),
		 STR_ARG(jv_text(jv_get(ref, "name"))));
	jw_str(w, buf_str(&b));
}

static void subjects_of(struct jv obj, const char *kind, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;

	jv_for_each (it, jv_get(obj, "subjects")) {
		struct str ns = jv_text(jv_get(it.value, "namespace"));

		if (!jv_eqs(jv_get(it.value, "kind"), kind))
			continue;
		if (b.len)
			buf_adds(&b, ", ");
		if (!strcmp(kind, "ServiceAccount"))
			buf_addf(&b, "%.*s/", STR_ARG(ns));
		buf_addstr(&b, jv_str(jv_get(it.value, "name"), &scratch));
	}
	jw_str(w, buf_str(&b));
}

static void cell_users(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	subjects_of(obj, "User", w);
}

static void cell_groups(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	subjects_of(obj, "Group", w);
}

static void cell_accounts(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	subjects_of(obj, "ServiceAccount", w);
}

static const struct api_column role_columns[] = {
	COLUMN_NAME,
	{"Created At", "date", NULL, 0, "metadata.creationTimestamp", NULL, "When it was made"},
};
static const struct api_column binding_columns[] = {
	COLUMN_NAME,
	{"Role", "string", NULL, 0, NULL, cell_role, "The role that is given"},
	COLUMN_AGE,
	{"Users", "string", NULL, 1, NULL, cell_users, "Users it is given to"},
	{"Groups", "string", NULL, 1, NULL, cell_groups, "Groups it is given to"},
	{"ServiceAccounts", "string", NULL, 1, NULL, cell_accounts,
	 "Service accounts it is given to"},
};

/* ---- kinds ---- */

static const struct api_strategy role_strategy = {.validate = validate_role};
static const struct api_strategy clusterrole_strategy = {.validate = validate_clusterrole};
static const struct api_strategy rolebinding_strategy = {
	.validate = validate_rolebinding,
	.validate_update = validate_rolebinding_update,
};
static const struct api_strategy clusterrolebinding_strategy = {
	.validate = validate_clusterrolebinding,
	.validate_update = validate_rolebinding_update,
};

#define RBAC_KIND(var, kind_, plural_, singular_, scope_, strategy_, defaults_, columns_, help_) \
	const struct api_kind var = {                                                            \
		.group = GROUP,                                                                  \
		.version = "v1",                                                                 \
		.kind = #kind_,                                                                  \
		.plural = plural_,                                                               \
		.singular = singular_,                                                           \
		.list_kind = #kind_ "List",                                                      \
		.verbs = API_VERB_ALL,                                                           \
		.flags = API_K_UNCONDITIONAL | API_K_CREATE_ON_UPDATE | (scope_),                \
		.type = &api_t_rbac_v1_##kind_,                                                  \
		.strategy = &(strategy_),                                                        \
		.defaults = defaults_,                                                           \
		.columns = columns_,                                                             \
		.n_columns = ARRAY_SIZE(columns_),                                               \
		.name_rule = "path",                                                             \
		.short_help = help_,                                                             \
	}

RBAC_KIND(api_kind_role, Role, "roles", "role", API_K_NAMESPACED, role_strategy, NULL, role_columns,
	  "What may be done in one namespace.");
RBAC_KIND(api_kind_clusterrole, ClusterRole, "clusterroles", "clusterrole", 0, clusterrole_strategy,
	  NULL, role_columns, "What may be done, in the whole cluster or where it is bound.");
RBAC_KIND(api_kind_rolebinding, RoleBinding, "rolebindings", "rolebinding", API_K_NAMESPACED,
	  rolebinding_strategy, default_binding, binding_columns,
	  "Gives a role to users in one namespace.");
RBAC_KIND(api_kind_clusterrolebinding, ClusterRoleBinding, "clusterrolebindings",
	  "clusterrolebinding", 0, clusterrolebinding_strategy, default_binding, binding_columns,
	  "Gives a role to users in the whole cluster.");
