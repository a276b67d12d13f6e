/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_BOOTSTRAP_ROLES_H
#define KNARR_APISERVER_BOOTSTRAP_ROLES_H
#include "master/store/store.h"
/*
 * The roles and bindings that every cluster has (k8s plugin/pkg/auth/authorizer/rbac/
 * bootstrappolicy, and what kubeadm adds for those who join with a token), as tables, and what of
 * them the store lacks.
 */

/* Texts with commas stand for lists; NULL is none, "" the one element "". */
struct boot_rule {
	const char *role; /* NULL: as in the row before */
	const char *verbs, *groups, *resources, *names, *urls;
};
struct boot_role {
	const char *ns; /* NULL: a ClusterRole */
	const char *name;
	const char *label; /* rbac.authorization.k8s.io/LABEL: "true", or NULL */
	const char *gathers; /* the same label of the roles it is made of, or NULL */
};
struct boot_binding {
	const char *ns; /* NULL: a ClusterRoleBinding */
	const char *name, *role;
	bool of_role; /* to a Role of that namespace */
	const char *users, *groups;
	const char *account; /* "NAMESPACE:NAME" */
};
extern const struct boot_rule boot_rules[];
extern const struct boot_role boot_roles[];
extern const struct boot_binding boot_bindings[];
extern const size_t boot_rules_n, boot_roles_n, boot_bindings_n;

/*
 * Calls add for each object that is to be created, or (exists) brought to the JSON given. An
 * object that has lost rules, subjects, labels or selectors gets them again and keeps what was
 * added to it, unless it is annotated rbac.authorization.kubernetes.io/autoupdate: "false".
 */
void bootstrap_roles(struct store *store,
		     void (*add)(void *user, const char *collection, const char *name, bool exists,
				 char *take_json),
		     void *user);
#endif
