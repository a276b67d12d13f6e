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

enum authz_decision {
	AUTHZ_NO_OPINION, /* which is a refusal if nobody has another */
	AUTHZ_ALLOW,
	AUTHZ_DENY,
	AUTHZ_ASK,
};
struct authz_step {
	enum authz_mode {
		AUTHZ_NODE,
		AUTHZ_RBAC,
		AUTHZ_ALWAYS_ALLOW,
		AUTHZ_ALWAYS_DENY,
		AUTHZ_WEBHOOK
	} mode;
	unsigned webhook; /* number of a webhook */
};

/* What the node rules must know of the stored objects. */
struct authz_facts {
	/* Is the pod bound to this node? */
	bool (*pod_on_node)(void *user, struct str node, struct str ns, struct str pod);
	/* Does a pod on this node refer to the object ("secrets", "serviceaccounts", ...)? */
	bool (*node_uses)(void *user, struct str node, const char *plural, struct str ns,
			  struct str name);
	/* Is there any NetworkPolicy? Nodes that enforce one look at all pods. */
	bool (*has_policies)(void *user);
	void *user;
	const struct rbac *rbac; /* NULL: no roles */

	/* Who is asked, in this order; n_steps 0: the node rules, then the roles. */
	const struct authz_step *steps;
	size_t n_steps;
	/* What the webhook number `n` of the steps says; AUTHZ_ASK: it has to be asked first. */
	enum authz_decision (*webhook)(void *user, unsigned n, const struct user *u,
				       const struct authz_attrs *a, const char **ret_why);
	void *webhook_user;
};

/*
 * The first opinion counts. ASK: it depends on a webhook whose answer is not there yet; ret_why is
 * then a text for who can't wait.
 */
enum authz_decision authz_decide(const struct authz_facts *facts, const struct user *u,
				 const struct authz_attrs *a, const char **ret_why);

/*
 * Whether the decision is ALLOW. `ret_why` (may be NULL): the reason of a refusal, or NULL without
 * one; valid until the next decision.
 */
bool authz_allow(const struct authz_facts *facts, const struct user *u, const struct authz_attrs *a,
		 const char **ret_why);
/* `User "x" cannot get resource "pods" in API group "" in the namespace "default"` (+ ": why"). */
void authz_message(const struct user *u, const struct authz_attrs *a, const char *why,
		   struct buf *out);
#endif
