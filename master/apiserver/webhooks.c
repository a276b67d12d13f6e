/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/webhooks.h"
#include "master/apiserver/follow.h"

#define TIMEOUT_S 10
#define TIMEOUT_MAX_S 30

/* The configurations of one sort. */
struct sort {
	struct follow follow;
	struct webhook_config **v; /* ordered by name */
	size_t n, cap;
};

struct webhooks {
	struct sort sorts[2]; /* validating, mutating */
};

/* ---- parsing ---- */

static unsigned parse_ops(struct jv ops)
{
	static const char *const names[] = {"CREATE", "UPDATE", "DELETE", "CONNECT"};
	unsigned set = 0;

	jv_for_each (op, ops)
		for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
			if (jv_eqs(op.value, names[i]) || jv_eqs(op.value, "*"))
				set |= 1u << i;
	return set;
}

static void parse_rule(struct jv rule, struct webhook_rule *ret)
{
	struct jv scope = jv_get(rule, "scope");

	*ret = (struct webhook_rule){.ops = parse_ops(jv_get(rule, "operations")),
				     .groups = jv_get(rule, "apiGroups"),
				     .versions = jv_get(rule, "apiVersions"),
				     .resources = jv_get(rule, "resources"),
				     .names = jv_get(rule, "resourceNames")};
	if (jv_eqs(scope, "Cluster"))
		ret->scope = WEBHOOK_CLUSTER;
	else if (jv_eqs(scope, "Namespaced"))
		ret->scope = WEBHOOK_NAMESPACED;
}

/* Absent means everything here, other than in most places. */
static int parse_selector(struct jv sel, struct label_selector *ret, struct err *err)
{
	return label_selector_from_object(jv_exists(sel) ? sel : jv_of(STR("{}")), ret, err);
}

/* One of the two is there: the configuration is refused otherwise. */
static bool speaks_beta(struct jv versions)
{
	jv_for_each (v, versions)
		if (jv_eqs(v.value, "v1") || jv_eqs(v.value, "v1beta1"))
			return jv_eqs(v.value, "v1beta1");
	return false;
}

static void parse_hook(struct jv v, struct webhook *h)
{
	struct jv effects = jv_get(v, "sideEffects");
	struct jv rules = jv_get(v, "rules");
	CLEANUP(err_done) struct err err = ERR_INIT;
	int64_t timeout = jv_i64(jv_get(v, "timeoutSeconds"), TIMEOUT_S);
	size_t n = 0;

	*h = (struct webhook){.name = jv_text(jv_get(v, "name")),
			      .exact = jv_eqs(jv_get(v, "matchPolicy"), "Exact"),
			      .fail = !jv_eqs(jv_get(v, "failurePolicy"), "Ignore"),
			      .side_effects =
				      !jv_eqs(effects, "None") && !jv_eqs(effects, "NoneOnDryRun"),
			      .beta = speaks_beta(jv_get(v, "admissionReviewVersions")),
			      .reinvoke = jv_eqs(jv_get(v, "reinvocationPolicy"), "IfNeeded"),
			      .timeout_s = (unsigned)MAX(MIN(timeout, TIMEOUT_MAX_S), 1)};
	policy_exprs_compile(jv_get(v, "matchConditions"), "", &h->conditions, NULL);
	h->n_rules = jv_len(rules);
	h->rules = xcalloc(h->n_rules ? h->n_rules : 1, sizeof(*h->rules));
	jv_for_each (r, rules)
		parse_rule(r.value, &h->rules[n++]);
	if (parse_selector(jv_get(v, "namespaceSelector"), &h->ns, &err) < 0 ||
	    parse_selector(jv_get(v, "objectSelector"), &h->obj, &err) < 0 ||
	    webhook_target_parse(jv_get(v, "clientConfig"), &h->target, &err) < 0)
		h->fault = xstrdup(err_text(&err));
}

static struct webhook_config *config_new(const struct store_obj *o)
{
	struct webhook_config *c = NEW(struct webhook_config);
	struct jv hooks = jv_get(jv_of(o->value), "webhooks");
	size_t n = jv_len(hooks);

	c->refs = 1;
	c->o = store_obj_ref(o);
	c->hooks = xcalloc(n ? n : 1, sizeof(*c->hooks));
	jv_for_each (h, hooks)
		parse_hook(h.value, &c->hooks[c->n++]);
	return c;
}

void webhook_done(struct webhook *h)
{
	free(h->rules);
	free(h->fault);
	policy_exprs_done(&h->conditions);
	label_selector_done(&h->ns);
	label_selector_done(&h->obj);
	webhook_target_done(&h->target);
}

void webhook_parse_match(struct jv match, struct webhook *h)
{
	struct jv rules = jv_get(match, "resourceRules");
	CLEANUP(err_done) struct err err = ERR_INIT;
	size_t n = 0;

	*h = (struct webhook){.exact = jv_eqs(jv_get(match, "matchPolicy"), "Exact")};
	h->n_rules = jv_len(rules);
	h->rules = xcalloc(h->n_rules ? h->n_rules : 1, sizeof(*h->rules));
	jv_for_each (r, rules)
		parse_rule(r.value, &h->rules[n++]);
	if (!h->n_rules) /* a binding need not say it again */
		h->rules[h->n_rules++] =
			(struct webhook_rule){.ops = ~0u,
					      .groups = jv_of(STR("[\"*\"]")),
					      .versions = jv_of(STR("[\"*\"]")),
					      .resources = jv_of(STR("[\"*/*\"]"))};
	if (parse_selector(jv_get(match, "namespaceSelector"), &h->ns, &err) < 0 ||
	    parse_selector(jv_get(match, "objectSelector"), &h->obj, &err) < 0)
		h->fault = xstrdup(err_text(&err));
}

struct webhook_config *webhook_config_ref(struct webhook_config *c)
{
	c->refs++;
	return c;
}

void webhook_config_unref(struct webhook_config *c)
{
	if (--c->refs)
		return;
	for (size_t i = 0; i < c->n; i++)
		webhook_done(&c->hooks[i]);
	free(c->hooks);
	store_obj_unref(c->o);
	free(c);
}

/* ---- in step with the store ---- */

/* Where the key is, or belongs. */
static size_t place_of(const struct sort *s, struct str key, bool *ret_there)
{
	size_t i = 0;

	while (i < s->n && str_cmp(s->v[i]->o->key, key) < 0)
		i++;
	*ret_there = i < s->n && str_eq(s->v[i]->o->key, key);
	return i;
}

static void forget(struct sort *s, struct str key)
{
	bool there;
	size_t i = place_of(s, key, &there);

	if (!there)
		return;
	webhook_config_unref(s->v[i]);
	s->n--;
	memmove(s->v + i, s->v + i + 1, (s->n - i) * sizeof(*s->v));
}

static void put(void *user, const struct store_obj *o)
{
	struct sort *s = user;
	bool there;
	size_t i;

	forget(s, o->key);
	i = place_of(s, o->key, &there);
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 8;
		s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
	}
	memmove(s->v + i + 1, s->v + i, (s->n - i) * sizeof(*s->v));
	s->v[i] = config_new(o);
	s->n++;
}

static void del(void *user, const struct store_obj *gone)
{
	forget(user, gone->key);
}

static void clear(struct sort *s)
{
	for (size_t i = 0; i < s->n; i++)
		webhook_config_unref(s->v[i]);
	s->n = 0;
}

static void begin(void *user, const struct store_view *v)
{
	clear(user);
}

static const struct follow_ops follow_ops = {.begin = begin, .put = put, .del = del};

#define GROUP "/admissionregistration.k8s.io/"

struct webhooks *webhooks_new(struct store *store)
{
	struct webhooks *w = NEW(struct webhooks);

	follow_start(&w->sorts[0].follow, store, STR(GROUP "validatingwebhookconfigurations/"),
		     &follow_ops, &w->sorts[0]);
	follow_start(&w->sorts[1].follow, store, STR(GROUP "mutatingwebhookconfigurations/"),
		     &follow_ops, &w->sorts[1]);
	return w;
}

struct webhooks *webhooks_free(struct webhooks *w)
{
	for (size_t i = 0; w && i < ARRAY_SIZE(w->sorts); i++) {
		follow_stop(&w->sorts[i].follow);
		clear(&w->sorts[i]);
		free(w->sorts[i].v);
	}
	free(w);
	return NULL;
}

size_t webhooks_configs(const struct webhooks *w, bool mutating, struct webhook_config *const **ret)
{
	*ret = w->sorts[mutating].v;
	return w->sorts[mutating].n;
}

/* ---- matching ---- */

static bool in_list(struct jv list, struct str s)
{
	jv_for_each (v, list)
		if (jv_eqs(v.value, "*") || str_eq(jv_text(v.value), s))
			return true;
	return false;
}

/* "pods", "pods/status", or with an asterisk for either part. */
static bool resource_fits(struct jv list, struct str resource, struct str sub)
{
	jv_for_each (v, list) {
		struct str rest = jv_text(v.value), res;

		str_split(&rest, '/', &res);
		if (!str_eqs(res, "*") && !str_eq(res, resource))
			continue;
		if (rest.p ? str_eqs(rest, "*") || str_eq(rest, sub) : !sub.len)
			return true;
	}
	return false;
}

/* Another version of the resource which the rule names. */
static const struct api_kind *other_version(const struct webhook_rule *r,
					    const struct webhook_attrs *a)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kinds_at(a->kinds, i)); i++)
		if (k->plural && str_eqs(a->group, k->group) && str_eqs(a->resource, k->plural) &&
		    in_list(r->versions, str_of(k->version)))
			return k;
	return NULL;
}

static bool rule_fits(const struct webhook_rule *r, const struct webhook *h,
		      const struct webhook_attrs *a, const struct api_kind **ret)
{
	if (!(r->ops & a->op) || !in_list(r->groups, a->group) ||
	    !resource_fits(r->resources, a->resource, a->sub))
		return false;
	if ((r->scope == WEBHOOK_CLUSTER && a->namespaced) ||
	    (r->scope == WEBHOOK_NAMESPACED && !a->namespaced))
		return false;
	if (jv_len(r->names) && !in_list(r->names, a->name))
		return false;
	*ret = NULL;
	if (in_list(r->versions, a->version))
		return true;
	if (!h->exact)
		*ret = other_version(r, a);
	return *ret != NULL;
}

bool webhook_excludes(struct jv match, const struct webhook_attrs *a)
{
	struct webhook h = {.exact = jv_eqs(jv_get(match, "matchPolicy"), "Exact")};
	struct webhook_rule rule;
	const struct api_kind *other;

	jv_for_each (r, jv_get(match, "excludeResourceRules")) {
		parse_rule(r.value, &rule);
		if (rule_fits(&rule, &h, a, &other))
			return true;
	}
	return false;
}

const struct api_kind *webhook_version(const struct webhook *h, const struct webhook_attrs *a)
{
	const struct api_kind *first = NULL, *other;

	for (size_t i = 0; i < h->n_rules; i++) {
		if (!rule_fits(&h->rules[i], h, a, &other))
			continue;
		if (!other)
			return NULL; /* a rule of the request's own version goes before */
		first = first ? first : other;
	}
	return first;
}

bool webhook_matches(const struct webhook *h, const struct webhook_attrs *a)
{
	const struct api_kind *other;
	bool fits = false;

	for (size_t i = 0; !fits && i < h->n_rules; i++)
		fits = rule_fits(&h->rules[i], h, a, &other);
	if (!fits)
		return false;
	if (h->fault)
		return true;
	if (!label_selector_is_everything(&h->ns) && jv_type(a->ns_labels) != JV_ABSENT &&
	    !label_selector_match(&h->ns, a->ns_labels))
		return false;
	return label_selector_is_everything(&h->obj) ||
	       (jv_type(a->labels) != JV_ABSENT && label_selector_match(&h->obj, a->labels)) ||
	       (jv_type(a->old_labels) != JV_ABSENT &&
		label_selector_match(&h->obj, a->old_labels));
}
