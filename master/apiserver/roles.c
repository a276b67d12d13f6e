/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/roles.h"
#include "master/apiserver/follow.h"

struct follower {
	struct roles *roles;
	enum rbac_kind kind;
	struct follow follow;
};

struct roles {
	struct store *store;
	struct rbac *rbac;
	struct follower followers[RBAC_MAX];
};

static const char *const prefixes[RBAC_MAX] = {
	[RBAC_ROLE] = "/rbac.authorization.k8s.io/roles/",
	[RBAC_CLUSTERROLE] = "/rbac.authorization.k8s.io/clusterroles/",
	[RBAC_ROLEBINDING] = "/rbac.authorization.k8s.io/rolebindings/",
	[RBAC_CLUSTERROLEBINDING] = "/rbac.authorization.k8s.io/clusterrolebindings/",
};

/* Key is prefix + "NS/NAME". */
static void place_of(const struct follower *f, struct str key, struct str *ns, struct str *name)
{
	struct str rest = str_skip(key, strlen(prefixes[f->kind]));

	str_split(&rest, '/', ns);
	*name = rest;
}

static void put(void *user, const struct store_obj *o)
{
	struct follower *f = user;
	struct str ns, name;

	place_of(f, o->key, &ns, &name);
	rbac_put(f->roles->rbac, f->kind, ns, name, o->value);
}

static void del(void *user, const struct store_obj *o)
{
	struct follower *f = user;
	struct str ns, name;

	place_of(f, o->key, &ns, &name);
	rbac_del(f->roles->rbac, f->kind, ns, name);
}

static void follow_all(struct roles *r);

static void behind(void *user)
{
	follow_all(((struct follower *)user)->roles);
}

static const struct follow_ops follow_ops = {.put = put, .del = del, .behind = behind};

/* Everything anew: what was deleted meanwhile must not go on allowing. */
static void follow_all(struct roles *r)
{
	rbac_clear(r->rbac);
	for (size_t i = 0; i < RBAC_MAX; i++)
		follow_start(&r->followers[i].follow, r->store, str_of(prefixes[i]), &follow_ops,
			     &r->followers[i]);
}

struct roles *roles_new(struct store *store)
{
	struct roles *r = NEW(struct roles);

	r->store = store;
	r->rbac = rbac_new();
	for (size_t i = 0; i < RBAC_MAX; i++)
		r->followers[i] = (struct follower){.roles = r, .kind = (enum rbac_kind)i};
	follow_all(r);
	return r;
}

struct roles *roles_free(struct roles *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; i < RBAC_MAX; i++)
		follow_stop(&r->followers[i].follow);
	rbac_free(r->rbac);
	free(r);
	return NULL;
}

const struct rbac *roles_rbac(const struct roles *r)
{
	return r->rbac;
}
