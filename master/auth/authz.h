/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_AUTHZ_H
#define KNARR_AUTH_AUTHZ_H
#include "lib/base/buf.h"
#include "master/auth/rbac.h"
/*
 * May this user do that? system:masters may do everything, and anybody may ask for health; a node
 * may do what its pods need (the Node authoriser and the NodeRestriction rules of Kubernetes in one
 * place); all else is for roles and their bindings to say (rbac.h).
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
	const struct rbac *rbac; /* NULL: no roles */
};

/* `ret_why` (may be NULL): a static text with the reason of a refusal, or NULL without one. */
bool authz_allow(const struct authz_facts *facts, const struct user *u, const struct authz_attrs *a,
		 const char **ret_why);
/* `User "x" cannot get resource "pods" in API group "" in the namespace "default"` (+ ": why"). */
void authz_message(const struct user *u, const struct authz_attrs *a, const char *why,
		   struct buf *out);
#endif
