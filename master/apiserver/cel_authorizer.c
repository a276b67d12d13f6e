/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/cel_authorizer.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)
#define CHECK_COST 350000u /* upstream's: an authorizer may be far away */

/* What is asked for so far; each call makes a new one. */
struct question {
	const struct cel_authorizer *a;
	const struct user *user;
	bool is_path;
	struct str path, group, resource, sub, ns, name;
};
struct decision {
	bool allowed;
	struct str reason;
};

static struct cel_val request_resource(struct cel_run *r, void *p, struct str name);

static const struct cel_host_ops ops_authorizer = {.name = "kubernetes.authorization.Authorizer",
						   .field = request_resource};
static const struct cel_host_ops ops_path = {.name = "kubernetes.authorization.PathCheck"};
static const struct cel_host_ops ops_group = {.name = "kubernetes.authorization.GroupCheck"};
static const struct cel_host_ops ops_resource = {.name = "kubernetes.authorization.ResourceCheck"};
static const struct cel_host_ops ops_decision = {.name = "kubernetes.authorization.Decision"};

static struct question *copy(struct cel_run *r, const struct cel_val *v)
{
	struct question *q = ARENA_NEW(r->arena, struct question);

	*q = *(const struct question *)v->h.p;
	return q;
}

static struct cel_val request_resource(struct cel_run *r, void *p, struct str name)
{
	const struct question *all = p;
	struct question *q = ARENA_NEW(r->arena, struct question);

	if (!str_eqs(name, "requestResource"))
		return cel_error(r, "no such field: %.*s", STR_ARG(name));
	*q = (struct question){.a = all->a,
			       .user = all->user,
			       .group = all->a->group,
			       .resource = all->a->resource,
			       .sub = all->a->sub,
			       .ns = all->a->ns,
			       .name = all->a->name};
	return cel_host(&ops_resource, q);
}

FN(f_path)
{
	struct question *q = copy(r, &a[0]);

	if (!a[1].s.len)
		return cel_error(r, "path must not be empty");
	q->is_path = true;
	q->path = a[1].s;
	return cel_host(&ops_path, q);
}

FN(f_group)
{
	struct question *q = copy(r, &a[0]);

	q->group = a[1].s;
	return cel_host(&ops_group, q);
}

FN(f_account)
{
	struct question *q = copy(r, &a[0]);
	CLEANUP_FREE char *name = xasprintf(USER_SERVICE_ACCOUNT_PREFIX "%.*s:%.*s",
					    STR_ARG(a[1].s), STR_ARG(a[2].s));
	struct user *u = ARENA_NEW(r->arena, struct user);
	char **groups = ARENA_ARRAY(r->arena, char *, 3);
	CLEANUP_FREE char *of_ns = xasprintf("system:serviceaccounts:%.*s", STR_ARG(a[1].s));

	groups[0] = arena_strdup(r->arena, STR("system:serviceaccounts"));
	groups[1] = arena_strdup(r->arena, str_of(of_ns));
	groups[2] = arena_strdup(r->arena, STR(GROUP_AUTHENTICATED));
	*u = (struct user){.refs = 1,
			   .name = arena_strdup(r->arena, str_of(name)),
			   .groups = groups,
			   .n_groups = 3};
	q->user = u;
	return cel_host(&ops_authorizer, q);
}

FN(f_resource)
{
	struct question *q = copy(r, &a[0]);

	q->resource = a[1].s;
	return cel_host(&ops_resource, q);
}

FN(f_sub)
{
	struct question *q = copy(r, &a[0]);

	q->sub = a[1].s;
	return cel_host(&ops_resource, q);
}

FN(f_ns)
{
	struct question *q = copy(r, &a[0]);

	q->ns = a[1].s;
	return cel_host(&ops_resource, q);
}

FN(f_name)
{
	struct question *q = copy(r, &a[0]);

	q->name = a[1].s;
	return cel_host(&ops_resource, q);
}

/* Selectors narrow what is asked for; who may see all may see these. */
FN(f_selector)
{
	return cel_host(&ops_resource, copy(r, &a[0]));
}

FN(f_check)
{
	const struct question *q = a[0].h.p;
	struct decision *d = ARENA_NEW(r->arena, struct decision);
	const char *why = NULL;
	struct authz_attrs at = {.verb = arena_strdup(r->arena, a[1].s),
				 .is_resource = !q->is_path,
				 .group = q->group,
				 .version = STR("*"),
				 .resource = q->resource,
				 .subresource = q->sub,
				 .ns = q->ns,
				 .name = q->name,
				 .path = q->path};

	if (!cel_charge(r, CHECK_COST))
		return cel_error(r, "operation cancelled: actual cost limit exceeded");
	d->allowed = authz_allow(&q->a->s->facts, q->user, &at, &why);
	d->reason = arena_str(r->arena, str_of(why ? why : ""));
	return cel_host(&ops_decision, d);
}

FN(f_allowed)
{
	return cel_bool(((const struct decision *)a[0].h.p)->allowed);
}

FN(f_reason)
{
	return cel_str(((const struct decision *)a[0].h.p)->reason);
}

FN(f_errored)
{
	return cel_bool(false); /* the authoriser is here, it always answers */
}

FN(f_error)
{
	return cel_str(STR(""));
}

#define AUTHZ "{kubernetes.authorization.Authorizer}"
#define PATH "{kubernetes.authorization.PathCheck}"
#define GROUP "{kubernetes.authorization.GroupCheck}"
#define RES "{kubernetes.authorization.ResourceCheck}"
#define DECISION "{kubernetes.authorization.Decision}"

static const struct cel_def defs[] = {
	{"path", AUTHZ ".s:" PATH, f_path, 0},
	{"group", AUTHZ ".s:" GROUP, f_group, 0},
	{"serviceAccount", AUTHZ ".s,s:" AUTHZ, f_account, 0},
	{"resource", GROUP ".s:" RES, f_resource, 0},
	{"subresource", RES ".s:" RES, f_sub, 0},
	{"namespace", RES ".s:" RES, f_ns, 0},
	{"name", RES ".s:" RES, f_name, 0},
	{"fieldSelector", RES ".s:" RES, f_selector, 0},
	{"labelSelector", RES ".s:" RES, f_selector, 0},
	{"check", RES ".s:" DECISION, f_check, 0},
	{"check", PATH ".s:" DECISION, f_check, 0},
	{"allowed", DECISION ".:b", f_allowed, 0},
	{"reason", DECISION ".:s", f_reason, 0},
	{"errored", DECISION ".:b", f_errored, 0},
	{"error", DECISION ".:s", f_error, 0},
};

#define HOST(ops)                             \
	{                                     \
		.kind = CEL_HOST, .name = ops \
	}
static const struct cel_type t_authorizer = HOST("kubernetes.authorization.Authorizer"),
			     t_path = HOST("kubernetes.authorization.PathCheck"),
			     t_group = HOST("kubernetes.authorization.GroupCheck"),
			     t_resource = HOST("kubernetes.authorization.ResourceCheck"),
			     t_decision = HOST("kubernetes.authorization.Decision");
static const struct cel_type *const types[] = {&t_authorizer, &t_path,     &t_group,
					       &t_resource,   &t_decision, NULL};
const struct cel_lib cel_lib_authorizer = {.defs = defs, .n = ARRAY_SIZE(defs), .types = types};

struct cel_val cel_authorizer_value(struct arena *arena, const struct cel_authorizer *a)
{
	struct question *q = ARENA_NEW(arena, struct question);

	*q = (struct question){.a = a, .user = a->user};
	return cel_host(&ops_authorizer, q);
}
