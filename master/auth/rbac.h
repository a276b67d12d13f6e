/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_RBAC_H
#define KNARR_AUTH_RBAC_H
#include "lib/base/buf.h"
#include "master/auth/user.h"
/*
 * Role-based access control (rbac.authorization.k8s.io/v1) as an index in memory: roles are kept
 * as lists of text, bindings stand under their subjects, sorted by namespace.
 *
 *	user, groups --hash--> subject --bindings of the cluster and of one namespace--> role -->
 *rules
 *
 * A question costs the rules that the user has where he asks, and allocates nothing. Whoever owns
 * the objects tells this index of every change; order doesn't matter (a binding may come before
 * its role).
 */
struct rbac;
struct authz_attrs;

enum rbac_kind { RBAC_ROLE, RBAC_CLUSTERROLE, RBAC_ROLEBINDING, RBAC_CLUSTERROLEBINDING, RBAC_MAX };

struct rbac_list {
	struct str *v;
	size_t n;
};
/* PolicyRule. */
struct rbac_rule {
	struct rbac_list verbs, groups, resources, names, paths;
};

struct rbac *rbac_new(void);
struct rbac *rbac_free(struct rbac *r); /* takes NULL, returns NULL */
/* `json`: the object; copied. ns is empty for the cluster's kinds. Puts replace. */
void rbac_put(struct rbac *r, enum rbac_kind kind, struct str ns, struct str name, struct str json);
void rbac_del(struct rbac *r, enum rbac_kind kind, struct str ns, struct str name);
void rbac_clear(struct rbac *r);

bool rbac_allow(const struct rbac *r, const struct user *u, const struct authz_attrs *a);
/* Every rule the user has in the namespace (empty: in the whole cluster), until fn says false. */
void rbac_visit(const struct rbac *r, const struct user *u, struct str ns,
		bool (*fn)(void *user, const struct rbac_rule *rule), void *user);

/* Rules of any JSON array of PolicyRules; to be ended by rbac_rules_done. */
struct rbac_rules {
	struct rbac_rule *v;
	size_t n;
	char *text;
	struct str *strs;
};
void rbac_rules_parse(struct str json, struct rbac_rules *ret);
void rbac_rules_done(struct rbac_rules *rules);
/* The rules of a role, borrowed until the next put or del; NULL when there is no such role. */
const struct rbac_rules *rbac_role(const struct rbac *r, struct str ns, struct str name);
/*
 * Does the user hold all of these rules in the namespace? If not, false, and each missing right on
 * a line of its own in ret_missing, as Kubernetes writes them:
 * {APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}
 * (k8s.io/component-helpers/auth/rbac/validation Covers).
 */
bool rbac_covers(const struct rbac *r, const struct user *u, struct str ns,
		 const struct rbac_rules *rules, struct buf *ret_missing);
#endif
