/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/rbac.h"
#include "lib/base/hmap.h"
#include "lib/json/jv.h"
#include "master/auth/authz.h"
#include "master/auth/rbac_rules.h"

/* A role, or the place of one that bindings speak of and that is not there (yet). */
struct role {
	char *key;
	unsigned refs; /* bindings, and 1 while the role exists */
	bool exists;
	struct rbac_rules rules;
};

struct subject;
struct binding {
	char *ns; /* "": the whole cluster */
	struct role *role;
	struct subject **subjects;
	size_t n, cap;
};

struct subject {
	struct hmap *in; /* users or groups */
	char *name;
	struct binding **v; /* sorted by namespace, so the cluster's come first */
	size_t n, cap;
};

struct rbac {
	struct hmap *roles; /* "ns/name", "/name" */
	struct hmap *bindings; /* the same */
	struct hmap *users, *groups;
};

struct rbac *rbac_new(void)
{
	struct rbac *r = NEW(struct rbac);

	r->roles = hmap_new();
	r->bindings = hmap_new();
	r->users = hmap_new();
	r->groups = hmap_new();
	return r;
}

static void key_of(struct buf *b, struct str ns, struct str name)
{
	buf_addstr(b, ns);
	buf_addc(b, '/');
	buf_addstr(b, name);
}

/* ---- roles ---- */

static struct role *role_ref(struct rbac *r, struct str key)
{
	struct role *role = hmap_get(r->roles, key);

	if (!role) {
		role = NEW(struct role);
		role->key = str_dup(key);
		hmap_put(r->roles, key, role);
	}
	role->refs++;
	return role;
}

static void role_unref(struct rbac *r, struct role *role)
{
	if (--role->refs)
		return;
	hmap_del(r->roles, str_of(role->key));
	free(role->key);
	free(role);
}

static void role_del(struct rbac *r, struct str key)
{
	struct role *role = hmap_get(r->roles, key);

	if (!role || !role->exists)
		return;
	role->exists = false;
	rbac_rules_done(&role->rules);
	role_unref(r, role);
}

static void role_put(struct rbac *r, struct str key, struct str json)
{
	struct role *role = role_ref(r, key);

	if (role->exists) {
		rbac_rules_done(&role->rules);
		role->refs--;
	}
	role->exists = true;
	rbac_rules_parse(jv_raw(jv_get(jv_of(json), "rules")), &role->rules);
}

const struct rbac_rules *rbac_role(const struct rbac *r, struct str ns, struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct role *role;

	key_of(&key, ns, name);
	role = hmap_get(r->roles, buf_str(&key));
	return role && role->exists ? &role->rules : NULL;
}

/* ---- bindings ---- */

/* First binding of the subject whose namespace is not before ns. */
static size_t lower_bound(const struct subject *s, struct str ns)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (str_cmp(str_of(s->v[mid]->ns), ns) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void subject_add(struct hmap *in, struct str name, struct binding *b)
{
	struct subject *s = hmap_get(in, name);
	size_t at;

	if (!s) {
		s = NEW(struct subject);
		s->in = in;
		s->name = str_dup(name);
		hmap_put(in, name, s);
	}
	for (size_t i = 0; i < b->n; i++)
		if (b->subjects[i] == s)
			return;
	at = lower_bound(s, str_of(b->ns));
	ARRAY_PUSH(s->v, s->n, s->cap);
	memmove(s->v + at + 1, s->v + at, (s->n - 1 - at) * sizeof(struct binding *));
	s->v[at] = b;
	*ARRAY_PUSH(b->subjects, b->n, b->cap) = s;
}

static void subject_remove(struct subject *s, struct binding *b)
{
	size_t at = lower_bound(s, str_of(b->ns));

	while (s->v[at] != b)
		at++;
	s->n--;
	memmove(s->v + at, s->v + at + 1, (s->n - at) * sizeof(struct binding *));
	if (s->n)
		return;
	hmap_del(s->in, str_of(s->name));
	free(s->v);
	free(s->name);
	free(s);
}

static void binding_del(struct rbac *r, struct str key)
{
	struct binding *b = hmap_del(r->bindings, key);

	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		subject_remove(b->subjects[i], b);
	role_unref(r, b->role);
	free(b->subjects);
	free(b->ns);
	free(b);
}

static void add_subject(struct rbac *r, struct binding *b, struct jv s)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	CLEANUP(buf_done) struct buf account = BUF_INIT;
	struct str name = jv_str(jv_get(s, "name"), &scratch);
	struct str ns = jv_text(jv_get(s, "namespace"));

	if (jv_eqs(jv_get(s, "kind"), "User"))
		subject_add(r->users, name, b);
	else if (jv_eqs(jv_get(s, "kind"), "Group"))
		subject_add(r->groups, name, b);
	else if (jv_eqs(jv_get(s, "kind"), "ServiceAccount")) {
		if (!ns.len)
			ns = str_of(b->ns);
		if (!ns.len)
			return;
		buf_addf(&account, USER_SERVICE_ACCOUNT_PREFIX "%.*s:%.*s", STR_ARG(ns),
			 STR_ARG(name));
		subject_add(r->users, buf_str(&account), b);
	}
}

static void binding_put(struct rbac *r, struct str key, struct str ns, struct str json)
{
	CLEANUP(buf_done) struct buf role = BUF_INIT;
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct jv obj = jv_of(json), ref = jv_get(obj, "roleRef");
	struct binding *b = NEW(struct binding);

	binding_del(r, key);
	b->ns = ns.len ? str_dup(ns) : xstrdup("");
	key_of(&role, jv_eqs(jv_get(ref, "kind"), "Role") ? ns : STR(""),
	       jv_str(jv_get(ref, "name"), &scratch));
	b->role = role_ref(r, buf_str(&role));
	jv_for_each (it, jv_get(obj, "subjects"))
		add_subject(r, b, it.value);
	hmap_put(r->bindings, key, b);
}

void rbac_put(struct rbac *r, enum rbac_kind kind, struct str ns, struct str name, struct str json)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	key_of(&key, ns, name);
	if (kind == RBAC_ROLE || kind == RBAC_CLUSTERROLE)
		role_put(r, buf_str(&key), json);
	else
		binding_put(r, buf_str(&key), ns, json);
}

void rbac_del(struct rbac *r, enum rbac_kind kind, struct str ns, struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	key_of(&key, ns, name);
	if (kind == RBAC_ROLE || kind == RBAC_CLUSTERROLE)
		role_del(r, buf_str(&key));
	else
		binding_del(r, buf_str(&key));
}

static void clear(struct rbac *r, struct hmap *m, void (*del)(struct rbac *r, struct str key))
{
	size_t n = 0, len = hmap_len(m);
	CLEANUP_FREE char **keys = xcalloc(len + 1, sizeof(*keys));

	hmap_for_each (it, m)
		keys[n++] = str_dup(it->key);
	for (size_t i = 0; i < n; i++) {
		del(r, str_of(keys[i]));
		free(keys[i]);
	}
}

void rbac_clear(struct rbac *r)
{
	clear(r, r->bindings, binding_del);
	clear(r, r->roles, role_del);
}

struct rbac *rbac_free(struct rbac *r)
{
	if (!r)
		return NULL;
	rbac_clear(r);
	hmap_free(r->roles);
	hmap_free(r->bindings);
	hmap_free(r->users);
	hmap_free(r->groups);
	free(r);
	return NULL;
}

/* ---- questions ---- */

typedef bool rule_fn(void *user, const struct rbac_rule *rule);

/* False: fn wants no more. */
static bool visit_namespace(const struct subject *s, struct str ns, rule_fn *fn, void *user)
{
	for (size_t i = lower_bound(s, ns); i < s->n && str_eqs(ns, s->v[i]->ns); i++) {
		const struct rbac_rules *rules = &s->v[i]->role->rules;

		for (size_t k = 0; k < rules->n; k++)
			if (!fn(user, &rules->v[k]))
				return false;
	}
	return true;
}

static bool visit_subject(const struct subject *s, struct str ns, rule_fn *fn, void *user)
{
	return !s || (visit_namespace(s, STR(""), fn, user) &&
		      (!ns.len || visit_namespace(s, ns, fn, user)));
}

void rbac_visit(const struct rbac *r, const struct user *u, struct str ns, rule_fn *fn, void *user)
{
	if (!visit_subject(hmap_get(r->users, str_of(u->name)), ns, fn, user))
		return;
	for (size_t i = 0; i < u->n_groups; i++)
		if (!visit_subject(hmap_get(r->groups, str_of(u->groups[i])), ns, fn, user))
			return;
}

struct search {
	struct rbac_wish wish;
	bool found;
};

static bool search_rule(void *user, const struct rbac_rule *rule)
{
	struct search *s = user;

	s->found = rbac_rule_allows(rule, &s->wish);
	return !s->found;
}

static bool allowed(const struct rbac *r, const struct user *u, struct str ns,
		    const struct rbac_wish *wish)
{
	struct search s = {*wish, false};

	rbac_visit(r, u, ns, search_rule, &s);
	return s.found;
}

bool rbac_allow(const struct rbac *r, const struct user *u, const struct authz_attrs *a)
{
	const struct rbac_wish wish = {.verb = str_of(a->verb),
				       .is_path = !a->is_resource,
				       .group = a->group,
				       .resource = a->resource,
				       .subresource = a->subresource,
				       .name = a->name,
				       .path = a->path};

	return allowed(r, u, a->is_resource ? a->ns : STR(""), &wish);
}

struct cover {
	const struct rbac *r;
	const struct user *u;
	struct str ns;
	struct rbac_missing missing;
};

static void check_wish(void *user, const struct rbac_wish *wish)
{
	struct cover *c = user;

	if (!allowed(c->r, c->u, c->ns, wish))
		rbac_missing_add(&c->missing, wish);
}

bool rbac_covers(const struct rbac *r, const struct user *u, struct str ns,
		 const struct rbac_rules *rules, struct buf *ret_missing)
{
	struct cover c = {.r = r, .u = u, .ns = ns};
	bool all;

	for (size_t i = 0; i < rules->n; i++)
		rbac_rule_split(&rules->v[i], check_wish, &c);
	all = !c.missing.n;
	rbac_missing_format(&c.missing, ret_missing);
	rbac_missing_done(&c.missing);
	return all;
}
