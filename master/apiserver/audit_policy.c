/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/audit_policy.h"
#include "lib/json/jv.h"
#include "lib/json/json_scan.h"
#include "lib/json/yaml.h"

const char *const audit_levels[] = {"None", "Metadata", "Request", "RequestResponse"};
const char *const audit_stages[] = {"RequestReceived", "ResponseStarted", "ResponseComplete"};

static bool find(const char *const *names, size_t n, struct jv v, unsigned *ret)
{
	for (unsigned i = 0; i < n; i++)
		if (jv_eqs(v, names[i])) {
			*ret = i;
			return true;
		}
	return false;
}

/* ---- reading ---- */

static int check_stages(struct jv list, const char *where, size_t i, struct err *err)
{
	unsigned stage;

	jv_for_each (s, list)
		if (!find(audit_stages, ARRAY_SIZE(audit_stages), s.value, &stage) &&
		    !jv_eqs(s.value, "Panic"))
			return err_sys(err, EINVAL,
				       "%s[%zu].omitStages: \"%.*s\" is none of RequestReceived, "
				       "ResponseStarted, ResponseComplete, Panic",
				       where, i, STR_ARG(jv_text(s.value)));
	return 0;
}

static int check_rule(struct jv rule, size_t i, struct err *err)
{
	static const char *const lists[] = {"users",      "userGroups", "verbs",
					    "namespaces", "resources",  "nonResourceURLs"};
	unsigned level;

	if (!find(audit_levels, ARRAY_SIZE(audit_levels), jv_get(rule, "level"), &level))
		return err_sys(err, EINVAL,
			       "rules[%zu].level: \"%.*s\" is none of None, Metadata, Request, "
			       "RequestResponse",
			       i, STR_ARG(jv_text(jv_get(rule, "level"))));
	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		enum jv_type t = jv_type(jv_get(rule, lists[k]));

		if (t != JV_ABSENT && t != JV_NULL && t != JV_ARRAY)
			return err_sys(err, EINVAL, "rules[%zu].%s: must be a list", i, lists[k]);
	}
	if (jv_len(jv_get(rule, "resources")) && jv_len(jv_get(rule, "nonResourceURLs")))
		return err_sys(err, EINVAL,
			       "rules[%zu]: resources and nonResourceURLs cannot stand in one rule",
			       i);
	return check_stages(jv_get(rule, "omitStages"), "rules", i, err);
}

int audit_policy_parse(struct str yaml, struct audit_policy *ret, struct err *err)
{
	struct jv doc;
	size_t i = 0;
	int r;

	ret->json = BUF_INIT;
	if (!yaml.p) {
		buf_adds(&ret->json, "{\"rules\":[{\"level\":\"Metadata\"}]}");
		return 0;
	}
	r = yaml_to_json(yaml, &ret->json, err);
	if (r == 0)
		r = json_scan(buf_str(&ret->json), NULL, err);
	if (r < 0) {
		audit_policy_done(ret);
		return r;
	}
	doc = jv_of(buf_str(&ret->json));
	if (!jv_eqs(jv_get(doc, "kind"), "Policy") ||
	    !jv_eqs(jv_get(doc, "apiVersion"), "audit.k8s.io/v1"))
		r = err_sys(err, EINVAL, "must have kind Policy and apiVersion audit.k8s.io/v1");
	else if (!jv_len(jv_get(doc, "rules")))
		r = err_sys(err, EINVAL, "rules: there must be at least one");
	jv_for_each (rule, jv_get(doc, "rules"))
		if (r == 0)
			r = check_rule(rule.value, i++, err);
	if (r < 0)
		audit_policy_done(ret);
	return r;
}

void audit_policy_done(struct audit_policy *p)
{
	buf_done(&p->json);
}

/* ---- deciding ---- */

static bool in_list(struct jv list, struct str s)
{
	jv_for_each (v, list)
		if (str_eq(jv_text(v.value), s))
			return true;
	return false;
}

static bool in_groups(struct jv list, const struct user *u)
{
	for (size_t i = 0; u && i < u->n_groups; i++)
		if (in_list(list, str_of(u->groups[i])))
			return true;
	return false;
}

/* "pods", "pods/log", "pods" + "/" + "*", "*", "*" + "/scale". */
static bool resource_fits(struct str pattern, const struct request_info *i)
{
	struct str rest = pattern, res;

	str_split(&rest, '/', &res);
	if (str_eqs(res, "*") && !rest.p)
		return true;
	if (!str_eqs(res, "*") && !str_eq(res, i->resource))
		return false;
	return rest.p ? str_eqs(rest, "*") || str_eq(rest, i->subresource) : !i->subresource.len;
}

static bool resources_fit(struct jv list, const struct request_info *i)
{
	jv_for_each (g, list) {
		struct jv names = jv_get(g.value, "resourceNames");
		struct jv resources = jv_get(g.value, "resources");
		struct str group = jv_text(jv_get(g.value, "group"));
		bool fits = !jv_len(resources);

		if (!str_eq(group, i->group) || (jv_len(names) && !in_list(names, i->name)))
			continue;
		jv_for_each (r, resources)
			fits = fits || resource_fits(jv_text(r.value), i);
		if (fits)
			return true;
	}
	return false;
}

static bool urls_fit(struct jv list, struct str path)
{
	jv_for_each (v, list) {
		struct str p = jv_text(v.value);

		if (str_eqs(p, "*") || str_eq(p, path) ||
		    (str_ends(p, STR("*")) && str_starts(path, str_n(p.p, p.len - 1))))
			return true;
	}
	return false;
}

static bool rule_fits(struct jv rule, const struct request *r)
{
	struct jv users = jv_get(rule, "users"), groups = jv_get(rule, "userGroups");
	struct jv verbs = jv_get(rule, "verbs"), spaces = jv_get(rule, "namespaces");
	struct jv resources = jv_get(rule, "resources"), urls = jv_get(rule, "nonResourceURLs");
	const struct request_info *i = &r->info;

	if ((jv_len(users) && !(r->user && in_list(users, str_of(r->user->name)))) ||
	    (jv_len(groups) && !in_groups(groups, r->user)) ||
	    (jv_len(verbs) && !in_list(verbs, str_of(i->verb))))
		return false;
	if (i->is_resource) {
		if (jv_len(spaces) && !in_list(spaces, i->ns.p ? i->ns : STR("")))
			return false;
		return !jv_len(urls) && (!jv_len(resources) || resources_fit(resources, i));
	}
	return !jv_len(spaces) && !jv_len(resources) && (!jv_len(urls) || urls_fit(urls, i->path));
}

static unsigned stages_of(struct jv list)
{
	unsigned set = 0, stage;

	jv_for_each (s, list)
		if (find(audit_stages, ARRAY_SIZE(audit_stages), s.value, &stage))
			set |= 1u << stage;
	return set;
}

struct audit_decision audit_policy_decide(const struct audit_policy *p, const struct request *r)
{
	struct jv doc = jv_of(buf_str(&p->json));
	struct audit_decision d = {.level = AUDIT_NONE};
	unsigned level = AUDIT_NONE;

	jv_for_each (rule, jv_get(doc, "rules")) {
		if (!rule_fits(rule.value, r))
			continue;
		find(audit_levels, ARRAY_SIZE(audit_levels), jv_get(rule.value, "level"), &level);
		d.level = (enum audit_level)level;
		d.omit_stages = stages_of(jv_get(doc, "omitStages")) |
				stages_of(jv_get(rule.value, "omitStages"));
		d.omit_managed_fields = jv_bool(jv_get(rule.value, "omitManagedFields"),
						jv_bool(jv_get(doc, "omitManagedFields"), false));
		break;
	}
	return d;
}
