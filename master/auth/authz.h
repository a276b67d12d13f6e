/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_AUTHZ_H
#define KNARR_AUTH_AUTHZ_H
#include "lib/base/buf.h"
#include "master/auth/user.h"
/*
 * May this user do that? system:masters may do everything; a node what its pods need (the Node
 * authoriser and the NodeRestriction rules of Kubernetes in one place); a bootstrapper may ask for
 * a certificate; everybody who is known may look at discovery and ask about himself; anybody may
 * ask for health and version. All else is refused.
 */
struct authz_attrs {
	const char *verb; /* "get", or the lower-case HTTP method for a path */
	bool is_resource;
	struct str group, version, resource, subresource, ns, name;
	struct str path; /* when !is_resource */
	struct str field_node; /* spec.nodeName=... of a field selector, or absent */
};

/* What the node rules must know of the stored objects. */
struct authz_facts {
	/* Is the pod bound to this node? */
	bool (*pod_on_node)(void *user, struct str node, struct str ns, struct str pod);
	/* Does a pod on this node refer to the object ("secrets", "serviceaccounts", ...)? */
	bool (*node_uses)(void *user, struct str node, const char *plural, struct str ns,
			  struct str name);
	void *user;
};

/* `ret_why` (may be NULL): a static text with the reason of a refusal, or NULL without one. */
bool authz_allow(const struct authz_facts *facts, const struct user *u, const struct authz_attrs *a,
		 const char **ret_why);
/* `User "x" cannot get resource "pods" in API group "" in the namespace "default"` (+ ": why"). */
void authz_message(const struct user *u, const struct authz_attrs *a, const char *why,
		   struct buf *out);

/* The rules everybody has, for SelfSubjectRulesReview. NULL-terminated lists. */
struct authz_rule {
	const char *const *verbs, *const *groups, *const *resources, *const *paths;
};
/* Calls fn for each rule of the user that does not depend on stored objects. */
void authz_rules(const struct user *u, void (*fn)(void *user, const struct authz_rule *r),
		 void *user);
#endif
