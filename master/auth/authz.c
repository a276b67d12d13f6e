/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/authz.h"

#define LIST_OF(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Health is for everybody, also when there are no roles yet. */
static const char *const open_paths[] = {"/healthz", "/livez", "/readyz"};

static bool is_open(const struct authz_attrs *a)
{
	if (a->is_resource || strcmp(a->verb, "get") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(open_paths); i++) {
		struct str p = str_of(open_paths[i]);

		if (str_starts(a->path, p) && (a->path.len == p.len || a->path.p[p.len] == '/'))
			return true;
	}
	return false;
}

static bool joins_as_master(const struct user *u, const struct authz_attrs *a)
{
	return !a->is_resource && !strcmp(a->verb, "post") && str_eqs(a->path, "/knarr/v1/join") &&
	       user_in_group(u, GROUP_MASTER_JOINERS);
}

static bool in_list(const char *const *list, struct str s)
{
	for (size_t i = 0; list[i]; i++)
		if (str_eqs(s, list[i]))
			return true;
	return false;
}

/* ---- nodes ---- */

enum node_check {
	NODE_ANY, /* any object */
	NODE_SELF, /* only the object named like the node */
	NODE_OWN_POD, /* only pods bound to the node */
	NODE_POD_SCOPE, /* pods of the node, by name or by the spec.nodeName selector */
	NODE_USED, /* only what a pod on the node refers to, one by one */
	NODE_SLICES, /* what belongs to the node, by name or by the spec.nodeName selector */
	NODE_POLICIES, /* only while there are NetworkPolicies, whose peers are pods anywhere */
};

struct node_rule {
	const char *group, *resource, *subresource;
	const char *const *verbs;
	enum node_check check;
	const char *ns; /* only there, or NULL */
};

#define READ LIST_OF("get", "list", "watch")
#define MODIFY LIST_OF("get", "create", "update", "patch", "delete")
static const struct node_rule node_rules[] = {
	{"", "nodes", "", READ, NODE_ANY, NULL},
	{"", "nodes", "", LIST_OF("update", "patch"), NODE_SELF, NULL},
	{"", "nodes", "", LIST_OF("create"), NODE_ANY, NULL}, /* its name is checked in admission */
	{"", "nodes", "status", LIST_OF("update", "patch"), NODE_SELF, NULL},
	{"", "services", "", READ, NODE_ANY, NULL},
	{"", "namespaces", "", READ, NODE_ANY, NULL},
	{"", "endpoints", "", READ, NODE_ANY, NULL},
	{"discovery.k8s.io", "endpointslices", "", READ, NODE_ANY, NULL},
	{"networking.k8s.io", "networkpolicies", "", READ, NODE_ANY, NULL},
	{"", "pods", "", READ, NODE_POD_SCOPE, NULL},
	{"", "pods", "", LIST_OF("list", "watch"), NODE_POLICIES, NULL},
	{"", "pods", "", LIST_OF("create"), NODE_ANY, NULL}, /* mirror pods; see admission */
	{"", "pods", "", LIST_OF("delete"), NODE_OWN_POD, NULL},
	{"", "pods", "status", LIST_OF("update", "patch"), NODE_OWN_POD, NULL},
	{"", "pods", "eviction", LIST_OF("create"), NODE_OWN_POD, NULL},
	{"", "secrets", "", READ, NODE_USED, NULL},
	{"", "configmaps", "", READ, NODE_USED, NULL},
	{"", "persistentvolumeclaims", "", READ, NODE_USED, NULL},
	{"", "persistentvolumes", "", READ, NODE_USED, NULL},
	{"", "serviceaccounts", "", LIST_OF("get"), NODE_USED, NULL},
	{"", "serviceaccounts", "token", LIST_OF("create"), NODE_USED, NULL},
	{"", "events", "", LIST_OF("create", "update", "patch"), NODE_ANY, NULL},
	{"events.k8s.io", "events", "", LIST_OF("create", "update", "patch"), NODE_ANY, NULL},
	{"coordination.k8s.io", "leases", "", MODIFY, NODE_SELF, "kube-node-lease"},
	{"certificates.k8s.io", "certificatesigningrequests", "",
	 LIST_OF("create", "get", "list", "watch"), NODE_ANY, NULL},
	{"", "persistentvolumeclaims", "status", LIST_OF("get", "update", "patch"), NODE_USED,
	 NULL},
	{"storage.k8s.io", "volumeattachments", "", LIST_OF("get"), NODE_USED, NULL},
	{"storage.k8s.io", "csidrivers", "", READ, NODE_ANY, NULL},
	{"storage.k8s.io", "csinodes", "", MODIFY, NODE_SELF, NULL},
	{"resource.k8s.io", "resourceclaims", "", READ, NODE_USED, NULL},
	{"resource.k8s.io", "resourceslices", "", LIST_OF("create"), NODE_ANY, NULL},
	{"resource.k8s.io", "resourceslices", "",
	 LIST_OF("get", "list", "watch", "update", "patch", "delete", "deletecollection"),
	 NODE_SLICES, NULL},
	{"node.k8s.io", "runtimeclasses", "", READ, NODE_ANY, NULL},
	{"authentication.k8s.io", "tokenreviews", "", LIST_OF("create"), NODE_ANY, NULL},
	{"authorization.k8s.io", "subjectaccessreviews", "", LIST_OF("create"), NODE_ANY, NULL},
	{"authorization.k8s.io", "localsubjectaccessreviews", "", LIST_OF("create"), NODE_ANY,
	 NULL},
};

static bool node_check(const struct authz_facts *f, const struct node_rule *r, struct str node,
		       const struct authz_attrs *a, const char **why)
{
	switch (r->check) {
	case NODE_ANY:
		return true;
	case NODE_SELF:
		*why = "a node may only change what bears its own name";
		/* The name of a new object is in its body: admission looks there. */
		return str_eq(a->name, node) || (!a->name.len && !strcmp(a->verb, "create"));
	case NODE_POD_SCOPE:
		*why = "can only list and watch pods with spec.nodeName field selector of the own "
		       "node";
		/* A selector narrows a list or a watch; get would not look at it. */
		if (strcmp(a->verb, "get") != 0 && str_eq(a->field_node, node))
			return true;
		return a->name.len && f->pod_on_node(f->user, node, a->ns, a->name);
	case NODE_OWN_POD:
		*why = "the pod is not bound to this node";
		return f->pod_on_node(f->user, node, a->ns, a->name);
	case NODE_SLICES:
		*why = "can only list/watch/deletecollection resourceslices with nodeName field "
		       "selector";
		if (!a->name.len)
			return str_eq(a->field_node, node);
		return f->node_uses(f->user, node, r->resource, STR(""), a->name);
	case NODE_POLICIES:
		return f->has_policies && f->has_policies(f->user);
	case NODE_USED:
		*why = "no relationship found between node and this object";
		return a->name.len && f->node_uses(f->user, node, r->resource, a->ns, a->name);
	}
	return false;
}

static bool node_allow(const struct authz_facts *f, struct str node, const struct authz_attrs *a,
		       const char **why)
{
	for (size_t i = 0; a->is_resource && i < ARRAY_SIZE(node_rules); i++) {
		const struct node_rule *r = &node_rules[i];

		if (str_eqs(a->group, r->group) && str_eqs(a->resource, r->resource) &&
		    str_eqs(a->subresource, r->subresource) && in_list(r->verbs, str_of(a->verb)) &&
		    (!r->ns || str_eqs(a->ns, r->ns)))
			if (node_check(f, r, node, a, why))
				return true;
	}
	return false;
}

static enum authz_decision take_step(const struct authz_facts *f, const struct authz_step *step,
				     const struct user *u, const struct authz_attrs *a,
				     const char **why)
{
	struct str node;

	switch (step->mode) {
	case AUTHZ_NODE:
		node = user_node_name(u);
		return node.len && node_allow(f, node, a, why) ? AUTHZ_ALLOW : AUTHZ_NO_OPINION;
	case AUTHZ_RBAC:
		return f->rbac && rbac_allow(f->rbac, u, a) ? AUTHZ_ALLOW : AUTHZ_NO_OPINION;
	case AUTHZ_ALWAYS_ALLOW:
		return AUTHZ_ALLOW;
	case AUTHZ_ALWAYS_DENY:
		*why = "Everything is forbidden.";
		return AUTHZ_NO_OPINION;
	case AUTHZ_WEBHOOK:
		return f->webhook(f->webhook_user, step->webhook, u, a, why);
	}
	return AUTHZ_NO_OPINION;
}

enum authz_decision authz_decide(const struct authz_facts *f, const struct user *u,
				 const struct authz_attrs *a, const char **ret_why)
{
	static const struct authz_step usual[] = {{AUTHZ_NODE, 0}, {AUTHZ_RBAC, 0}};
	const struct authz_step *steps = f->n_steps ? f->steps : usual;
	size_t n = f->n_steps ? f->n_steps : ARRAY_SIZE(usual);
	enum authz_decision d = AUTHZ_NO_OPINION;
	const char *why = NULL;

	if (user_in_group(u, GROUP_MASTERS) || is_open(a) || joins_as_master(u, a))
		d = AUTHZ_ALLOW;
	for (size_t i = 0; d == AUTHZ_NO_OPINION && i < n; i++)
		d = take_step(f, &steps[i], u, a, &why);
	if (ret_why)
		*ret_why = d == AUTHZ_ALLOW ? NULL : why;
	return d;
}

bool authz_allow(const struct authz_facts *facts, const struct user *u, const struct authz_attrs *a,
		 const char **ret_why)
{
	return authz_decide(facts, u, a, ret_why) == AUTHZ_ALLOW;
}

void authz_message(const struct user *u, const struct authz_attrs *a, const char *why,
		   struct buf *out)
{
	buf_addf(out, "User \"%s\" cannot %s ", u->name, a->verb);
	if (a->is_resource) {
		buf_addf(out, "resource \"%.*s", STR_ARG(a->resource));
		if (a->subresource.len)
			buf_addf(out, "/%.*s", STR_ARG(a->subresource));
		buf_addf(out, "\" in API group \"%.*s\" ", STR_ARG(a->group));
		if (a->ns.len)
			buf_addf(out, "in the namespace \"%.*s\"", STR_ARG(a->ns));
		else
			buf_adds(out, "at the cluster scope");
	} else {
		buf_addf(out, "path \"%.*s\"", STR_ARG(a->path));
	}
	if (why)
		buf_addf(out, ": %s", why);
}
