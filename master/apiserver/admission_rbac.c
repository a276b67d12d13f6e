/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/status.h"
#include "master/apiserver/admission.h"
#include "master/apiserver/server.h"

/*
 * Nobody makes or changes a role with rights he does not hold, nor binds one, unless he has the
 * verb "escalate" on that role or "bind" on the role that is bound
 * (k8s pkg/registry/rbac, policybased).
 */
#define GROUP "rbac.authorization.k8s.io"

/* Only what a garbage collector changes: owners and finalizers. */
static bool only_gc_fields(const struct admission *a)
{
	static const char *const ignored[] = {"ownerReferences", "finalizers", "managedFields"};
	CLEANUP_JSON struct json_object *now = NULL;
	CLEANUP_JSON struct json_object *old = NULL;

	if (!a->old)
		return false;
	now = jsonc_clone(a->obj);
	old = jsonc_clone(a->old);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) {
		json_object_object_del(jsonc_ensure(now, "metadata"), ignored[i]);
		json_object_object_del(jsonc_ensure(old, "metadata"), ignored[i]);
	}
	return !jsonc_equal(a->obj, a->old) && jsonc_equal(now, old);
}

static bool may(struct admission *a, const char *verb, const char *resource, struct str name)
{
	struct authz_attrs at = {.verb = verb,
				 .is_resource = true,
				 .group = STR(GROUP),
				 .version = STR("v1"),
				 .resource = str_of(resource),
				 .ns = a->ns,
				 .name = name};

	return authz_allow(&a->srv->facts, a->user, &at, NULL);
}

static int refuse(struct admission *a, const struct buf *missing, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b, "user \"%s\" (groups=[", a->user->name);
	for (size_t i = 0; i < a->user->n_groups; i++)
		buf_addf(&b, "%s\"%s\"", i ? " " : "", a->user->groups[i]);
	buf_addf(&b, "]) is attempting to grant RBAC permissions not currently held:\n%s",
		 missing->p);
	return api_err_forbidden(err, a->kind, a->name, b.p);
}

/* Does the user hold all rules of the list? `ns` is empty for the cluster. */
static int check_rules(struct admission *a, const struct rbac_rules *rules, struct err *err)
{
	CLEANUP(buf_done) struct buf missing = BUF_INIT;

	if (rbac_covers(a->srv->facts.rbac, a->user, a->ns, rules, &missing))
		return 0;
	return refuse(a, &missing, err);
}

static int check_aggregation(struct admission *a, struct err *err)
{
	static const struct str everything =
		STR("[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]},"
		    "{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}]");
	CLEANUP(buf_done) struct buf missing = BUF_INIT;
	struct rbac_rules rules;
	bool ok;

	if (!jsonc_get(a->obj, "aggregationRule") && !jsonc_get(a->old, "aggregationRule"))
		return 0;
	rbac_rules_parse(everything, &rules);
	ok = rbac_covers(a->srv->facts.rbac, a->user, STR(""), &rules, &missing);
	rbac_rules_done(&rules);
	return ok ? 0
		  : api_err_forbidden(
			    err, a->kind, a->name,
			    "must have cluster-admin privileges to use an aggregationRule");
}

int admit_role(struct admission *a, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct rbac_rules rules;
	int r;

	if (user_in_group(a->user, GROUP_MASTERS) || only_gc_fields(a) ||
	    may(a, "escalate", a->kind->plural, a->name))
		return 0;
	if (jsonc_get(a->obj, "rules"))
		jsonc_write(jsonc_get(a->obj, "rules"), &json);
	rbac_rules_parse(buf_str(&json), &rules);
	r = check_rules(a, &rules, err);
	rbac_rules_done(&rules);
	return r < 0 || api_kind_namespaced(a->kind) ? r : check_aggregation(a, err);
}

int admit_role_binding(struct admission *a, struct err *err)
{
	struct str name = jsonc_path_str(a->obj, "roleRef.name");
	const char *plural =
		str_eqs(jsonc_path_str(a->obj, "roleRef.kind"), "Role") ? "roles" : "clusterroles";
	const struct api_kind *kind = server_kind(GROUP, "v1", plural);
	const struct rbac_rules *rules;

	if (user_in_group(a->user, GROUP_MASTERS) || only_gc_fields(a) ||
	    may(a, "bind", plural, name))
		return 0;
	rules = rbac_role(a->srv->facts.rbac, api_kind_namespaced(kind) ? a->ns : STR(""), name);
	return rules ? check_rules(a, rules, err) : api_err_not_found(err, kind, name);
}
