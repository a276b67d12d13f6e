/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/roles.h"

struct follower {
	struct roles *roles;
	enum rbac_kind kind;
	struct store_watch *watch;
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

static void put(struct follower *f, const struct store_obj *o)
{
	struct str ns, name;

	place_of(f, o->key, &ns, &name);
	rbac_put(f->roles->rbac, f->kind, ns, name, o->value);
}

static void del(struct follower *f, const struct store_obj *o)
{
	struct str ns, name;

	place_of(f, o->key, &ns, &name);
	rbac_del(f->roles->rbac, f->kind, ns, name);
}

static void follow_all(struct roles *r);

static void on_event(void *user, const struct store_event *ev, int err)
{
	struct follower *f = user;

	if (!ev) {
		store_unwatch(f->watch);
		f->watch = NULL;
		if (err == -ESTALE)
			follow_all(f->roles);
		return;
	}
	if (ev->type == STORE_EVENT_PUT)
		put(f, ev->obj);
	else
		del(f, ev->obj);
}

static void follow(struct follower *f)
{
	struct store_view *v = store_view(f->roles->store);
	struct store_watch_spec spec = {.prefix = str_of(prefixes[f->kind]),
					.from_rev = store_view_rev(v)};
	const struct store_obj *o;
	struct store_iter it;

	store_range(v, spec.prefix, STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		put(f, o);
	store_watch(f->roles->store, &spec, on_event, f, &f->watch);
	store_view_unref(v);
}

/* Everything anew: what was deleted meanwhile must not go on allowing. */
static void follow_all(struct roles *r)
{
	rbac_clear(r->rbac);
	for (size_t i = 0; i < RBAC_MAX; i++) {
		store_unwatch(r->followers[i].watch);
		r->followers[i].watch = NULL;
		follow(&r->followers[i]);
	}
}

struct roles *roles_new(struct store *store)
{
	struct roles *r = NEW(struct roles);

	r->store = store;
	r->rbac = rbac_new();
	for (size_t i = 0; i < RBAC_MAX; i++) {
		r->followers[i] = (struct follower){.roles = r, .kind = (enum rbac_kind)i};
	}
	follow_all(r);
	return r;
}

struct roles *roles_free(struct roles *r)
{
	if (!r)
		return NULL;
	for (size_t i = 0; i < RBAC_MAX; i++)
		store_unwatch(r->followers[i].watch);
	rbac_free(r->rbac);
	free(r);
	return NULL;
}

const struct rbac *roles_rbac(const struct roles *r)
{
	return r->rbac;
}
