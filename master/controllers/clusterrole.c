/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Aggregated ClusterRoles (k8s pkg/controller/clusterroleaggregation): the rules of a role with an
 * aggregationRule are those of all roles that one of its selectors names, in the order of names.
 */

static const struct client_kind kind_clusterroles = {"rbac.authorization.k8s.io", "v1",
						     "clusterroles", "ClusterRole", false};

static bool selected(struct jv selectors, const struct object *o)
{
	bool yes = false;

	jv_for_each (it, selectors) {
		struct label_selector sel = {0};

		yes |= label_selector_from_object(it.value, &sel, NULL) == 0 &&
		       label_selector_match(&sel, jv_get(object_meta(o), "labels"));
		label_selector_done(&sel);
	}
	return yes;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp((*(struct object *const *)a)->name, (*(struct object *const *)b)->name);
}

struct rule_set {
	struct str *v; /* borrowed from the roles */
	size_t n, cap;
};

static void add_rules(struct rule_set *set, struct jv rules)
{
	jv_for_each (it, rules) {
		struct str rule = jv_raw(it.value);
		bool seen = false;

		for (size_t i = 0; i < set->n && !seen; i++)
			seen = str_eq(set->v[i], rule);
		if (!seen)
			*ARRAY_PUSH(set->v, set->n, set->cap) = rule;
	}
}

static void sync_role(struct ctl *c, struct str key, struct plan *p)
{
	struct informer *in = informers_get(c->informers, &kind_clusterroles);
	struct object *role = informer_get(in, key);
	struct jv rule = role ? jv_get(jv_of(role->bytes), "aggregationRule") : JV_NONE;
	CLEANUP_FREE struct object **parts = xcalloc(informer_len(in) + 1, sizeof(*parts));
	CLEANUP(buf_done) struct buf rules = BUF_INIT;
	struct rule_set set = {0};
	struct plan_op *op;
	size_t n = 0;

	if (!jv_exists(rule) || object_deleting(role))
		return;
	informer_for_each(o, in)
	{
		if (o != role && selected(jv_get(rule, "clusterRoleSelectors"), o))
			parts[n++] = o;
	}
	qsort(parts, n, sizeof(*parts), by_name);
	for (size_t i = 0; i < n; i++)
		add_rules(&set, jv_get(jv_of(parts[i]->bytes), "rules"));
	buf_addc(&rules, '[');
	for (size_t i = 0; i < set.n; i++) {
		if (i)
			buf_addc(&rules, ',');
		buf_addstr(&rules, set.v[i]);
	}
	buf_addc(&rules, ']');
	free(set.v);
	if (str_eq(buf_str(&rules), jv_raw(jv_get(jv_of(role->bytes), "rules"))))
		return;
	op = plan_add(p, "PATCH", &kind_clusterroles, STR_NULL, key, NULL);
	op->content_type = "application/merge-patch+json";
	op->flags = PLAN_OK_ABSENT;
	buf_addf(&op->body, "{\"rules\":%s}", rules.p);
}

/* Whichever role changes, those that gather others are looked at again. */
static void changed(void *user, struct object *o)
{
	struct ctl *c = user;

	informer_for_each(r, informers_get(c->informers, &kind_clusterroles))
	{
		if (jv_exists(jv_get(jv_of(r->bytes), "aggregationRule")))
			ctl_enqueue(c, r->name);
	}
}

static void updated(void *user, struct object *old, struct object *o)
{
	changed(user, o);
}

static const struct informer_handler on_role = {
	.added = changed,
	.updated = updated,
	.deleted = changed,
};

static bool init_role(struct ctl *c)
{
	ctl_handle(c, informers_get(c->informers, &kind_clusterroles), &on_role);
	return true;
}

const struct controller clusterrole_controller = {
	.name = "clusterrole-aggregation",
	.parallel = 1,
	.init = init_role,
	.sync = sync_role,
};
