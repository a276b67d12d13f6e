/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/policies.h"
#include "master/apiserver/admission_version.h"
#include "lib/api/convert.h"
#include "master/apiserver/admission_request.h"
#include "master/apiserver/follow.h"
#include "master/apiserver/policy_set.h"
#include "master/apiserver/policy_types.h"

#define GROUP "/admissionregistration.k8s.io/"
static const struct {
	const char *policies, *bindings;
} prefixes[POLICY_SORTS] = {
	[POLICIES_VALIDATING] = {GROUP "validatingadmissionpolicies/",
				 GROUP "validatingadmissionpolicybindings/"},
	[POLICIES_MUTATING] = {GROUP "mutatingadmissionpolicies/",
			       GROUP "mutatingadmissionpolicybindings/"},
};

/* The policies of one sort, or their bindings, as the store tells of them. */
struct source {
	struct policy_set *set;
	bool bindings;
	struct follow follow;
};

struct policy_set {
	struct source sources[2]; /* policies, bindings */
	struct policy **policies;
	struct binding **bindings; /* by name of policy, then binding */
	size_t n_policies, cap_policies, n_bindings, cap_bindings;
};

struct policies {
	struct apiserver *s;
	struct policy_set sets[POLICY_SORTS];
};

/* ---- in step with the store ---- */

static void policy_free(struct policy *p)
{
	webhook_done(&p->match);
	policy_exprs_done(&p->conditions);
	policy_exprs_done(&p->variables);
	policy_exprs_done(&p->validations);
	policy_exprs_done(&p->notes);
	policy_exprs_done(&p->mutations);
	store_obj_unref(p->o);
	free(p);
}

static void binding_free(struct binding *b)
{
	webhook_done(&b->match);
	store_obj_unref(b->o);
	free(b);
}

static struct policy *policy_new(const struct store_obj *o)
{
	struct jv obj = jv_of(o->value), spec = jv_get(obj, "spec");
	struct policy *p = NEW(struct policy);

	*p = (struct policy){.o = store_obj_ref(o),
			     .name = jv_text(jv_path(obj, "metadata.name")),
			     .constraints = jv_get(spec, "matchConstraints"),
			     .param_version = jv_text(jv_path(spec, "paramKind.apiVersion")),
			     .param_kind = jv_text(jv_path(spec, "paramKind.kind")),
			     .fail = !jv_eqs(jv_get(spec, "failurePolicy"), "Ignore"),
			     .reinvoke = jv_eqs(jv_get(spec, "reinvocationPolicy"), "IfNeeded")};
	webhook_parse_match(p->constraints, &p->match);
	policy_exprs_compile(jv_get(spec, "matchConditions"), "spec.matchConditions",
			     &p->conditions, NULL);
	policy_exprs_compile(jv_get(spec, "variables"), "spec.variables", &p->variables, NULL);
	policy_exprs_compile(jv_get(spec, "validations"), "spec.validations", &p->validations,
			     NULL);
	policy_exprs_compile(jv_get(spec, "auditAnnotations"), "spec.auditAnnotations", &p->notes,
			     NULL);
	policy_mutations_compile(jv_get(spec, "mutations"), "spec.mutations", &p->mutations, NULL);
	return p;
}

static struct binding *binding_new(const struct store_obj *o)
{
	struct jv obj = jv_of(o->value), spec = jv_get(obj, "spec");
	struct binding *b = NEW(struct binding);

	*b = (struct binding){.o = store_obj_ref(o),
			      .name = jv_text(jv_path(obj, "metadata.name")),
			      .policy = jv_text(jv_get(spec, "policyName")),
			      .resources = jv_get(spec, "matchResources"),
			      .params = jv_get(spec, "paramRef")};
	webhook_parse_match(b->resources, &b->match);
	jv_for_each (a, jv_get(spec, "validationActions")) {
		if (jv_eqs(a.value, "Deny"))
			b->actions |= POLICY_DENY;
		else if (jv_eqs(a.value, "Warn"))
			b->actions |= POLICY_WARN;
		else if (jv_eqs(a.value, "Audit"))
			b->actions |= POLICY_AUDIT;
	}
	return b;
}

static void forget(struct policy_set *p, struct str key)
{
	for (size_t i = 0; i < p->n_policies; i++)
		if (str_eq(p->policies[i]->o->key, key)) {
			policy_free(p->policies[i]);
			p->policies[i] = p->policies[--p->n_policies];
			return;
		}
	for (size_t i = 0; i < p->n_bindings; i++)
		if (str_eq(p->bindings[i]->o->key, key)) {
			binding_free(p->bindings[i]);
			p->n_bindings--;
			memmove(p->bindings + i, p->bindings + i + 1,
				(p->n_bindings - i) * sizeof(*p->bindings));
			return;
		}
}

static void put(void *user, const struct store_obj *o)
{
	struct source *s = user;
	struct policy_set *p = s->set;
	struct binding *b;
	size_t i;

	forget(p, o->key);
	if (!s->bindings) {
		*ARRAY_PUSH(p->policies, p->n_policies, p->cap_policies) = policy_new(o);
		return;
	}
	b = binding_new(o);
	i = p->n_bindings;
	(void)ARRAY_PUSH(p->bindings, p->n_bindings, p->cap_bindings);
	for (; i; i--) {
		int c = str_cmp(p->bindings[i - 1]->policy, b->policy);

		if (c < 0 || (c == 0 && str_cmp(p->bindings[i - 1]->name, b->name) < 0))
			break;
		p->bindings[i] = p->bindings[i - 1];
	}
	p->bindings[i] = b;
}

static void del(void *user, const struct store_obj *gone)
{
	struct source *s = user;

	forget(s->set, gone->key);
}

static void clear(struct source *s)
{
	struct policy_set *p = s->set;

	while (!s->bindings && p->n_policies)
		policy_free(p->policies[--p->n_policies]);
	while (s->bindings && p->n_bindings)
		binding_free(p->bindings[--p->n_bindings]);
}

static void begin(void *user, const struct store_view *v)
{
	clear(user);
}

static const struct follow_ops follow_ops = {.begin = begin, .put = put, .del = del};

struct policies *policies_new(struct apiserver *s)
{
	struct policies *p = NEW(struct policies);

	p->s = s;
	for (int i = 0; i < POLICY_SORTS; i++) {
		const char *const names[] = {prefixes[i].policies, prefixes[i].bindings};

		for (int j = 0; j < 2; j++) {
			struct source *src = &p->sets[i].sources[j];

			*src = (struct source){.set = &p->sets[i], .bindings = j};
			follow_start(&src->follow, s->store, str_of(names[j]), &follow_ops, src);
		}
	}
	return p;
}

struct policies *policies_free(struct policies *p)
{
	for (int i = 0; p && i < POLICY_SORTS; i++) {
		struct policy_set *set = &p->sets[i];

		for (int j = 0; j < 2; j++) {
			follow_stop(&set->sources[j].follow);
			clear(&set->sources[j]);
		}
		free(set->policies);
		free(set->bindings);
	}
	free(p);
	return NULL;
}

static const struct policy *find_policy(const struct policy_set *p, struct str name)
{
	for (size_t i = 0; i < p->n_policies; i++)
		if (str_eq(p->policies[i]->name, name))
			return p->policies[i];
	return NULL;
}

bool policies_any(const struct policies *p)
{
	return p->sets[POLICIES_VALIDATING].n_bindings || p->sets[POLICIES_MUTATING].n_bindings;
}

bool policies_any_mutating(const struct policies *p)
{
	return p->sets[POLICIES_MUTATING].n_bindings;
}

/* ---- variables ---- */

/* variables.x: evaluated when first asked for, once. */
static struct cel_val variable(struct cel_run *r, void *p, struct str name)
{
	struct policy_run *run = p;
	const struct policy_exprs *all = &run->policy->variables;

	for (size_t i = 0; i < all->n; i++) {
		if (!all->v[i].name || !str_eqs(name, all->v[i].name))
			continue;
		if (!all->v[i].program)
			return cel_error(r, "variable %s does not compile", all->v[i].name);
		if (!run->known[i]) {
			run->known[i] = true; /* one that names itself finds an error */
			run->memo[i] = cel_error(r, "variable %s names itself", all->v[i].name);
			run->memo[i] = policy_eval_run(&run->eval, all->v[i].program);
		}
		return run->memo[i];
	}
	return cel_error(r, "no such key: %.*s", STR_ARG(name));
}

static bool has_variable(struct cel_run *r, void *p, struct str name)
{
	const struct policy_exprs *all = &((struct policy_run *)p)->policy->variables;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].name && str_eqs(name, all->v[i].name))
			return true;
	return false;
}

static const struct cel_host_ops variables_ops = {
	.name = "variables", .field = variable, .has = has_variable};

void policy_run_forget(struct policy_run *run)
{
	size_t n = run->policy->variables.n;

	run->memo = ARENA_ARRAY(&run->eval.arena, struct cel_val, n + 1);
	run->known = ARENA_ARRAY(&run->eval.arena, bool, n + 1);
}

/* Made when the first policy fits. False: what it wants to see is not there, and it was told. */
static bool prepare(struct policy_run *run, const struct webhook_attrs *a)
{
	const struct api_kind *as = admission_version(run->w, &run->policy->match, a);

	if (as && !admission_version_at_hand(run->w, as)) {
		CLEANUP_FREE char *why = xasprintf("failed to convert object version: %s",
						   run->w->lack.fault ? run->w->lack.fault : "");

		run->stop = run->w->lack.to;
		if (!run->stop && run->each)
			run->no_params(run, why);
		return false;
	}
	if (!run->each)
		return false;
	policy_eval_prepare(&run->eval);
	policy_eval_version(&run->eval, as);
	run->eval.vars[POLICY_VARIABLES] = cel_host(&variables_ops, run);
	return true;
}

/* ---- parameters ---- */

static void with_params(struct policy_run *run, struct json_object *params)
{
	run->eval.vars[POLICY_PARAMS] = policy_eval_json(&run->eval, params);
	policy_run_forget(run);
	run->each(run);
}

/* A stored object in the version that the policy names; a tree of its own. */
static struct json_object *param_tree(const struct api_kind *k, const struct store_obj *o)
{
	CLEANUP(buf_done) struct buf served = BUF_INIT;
	struct str value = o->value;
	struct json_object *tree = NULL;

	if (!api_is_served_form(k, value, o->rev)) {
		api_convert_bytes(k, jv_of(value), &served);
		value = buf_str(&served);
	}
	return jsonc_parse(value, &json_stored_limits, &tree, NULL) == 0 ? tree : NULL;
}

static void each_param(struct policy_run *run, const struct api_kind *k, struct str ns, size_t *n)
{
	struct jv ref = run->binding->params;
	struct str name = jv_text(jv_get(ref, "name"));
	CLEANUP(label_selector_done) struct label_selector labels = {0};
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;

	if (!name.len && label_selector_from_object(jv_get(ref, "selector"), &labels, NULL) < 0)
		return;
	request_key(k, ns, STR_NULL, &prefix);
	store_range(run->w->view, buf_str(&prefix), STR_NULL, &it);
	while (!run->stop && (o = store_iter_next(&it))) {
		struct jv meta = jv_get(jv_of(o->value), "metadata");
		struct jv l = jv_get(meta, "labels");
		CLEANUP_JSON struct json_object *tree = NULL;

		if (name.len ? !str_eq(jv_text(jv_get(meta, "name")), name)
			     : !label_selector_match(&labels, jv_exists(l) ? l : jv_of(STR("{}"))))
			continue;
		++*n;
		run->param = o->key;
		tree = param_tree(k, o);
		if (tree)
			with_params(run, tree);
	}
	run->param = STR_NULL;
}

static const struct api_kind *param_kind(const struct policy_run *run)
{
	const struct api_kinds *kinds = server_kinds(run->w->srv);
	struct str group, version, kind = run->policy->param_kind;
	const struct api_kind *k;

	api_version_split(run->policy->param_version, &group, &version);
	for (size_t i = 0; (k = api_kinds_at(kinds, i)); i++)
		if (k->plural && str_eqs(group, k->group) && str_eqs(version, k->version) &&
		    str_eqs(kind, k->kind))
			return k;
	return NULL;
}

/* The policy's expressions for each of the binding's parameters. */
static void run_params(struct policy_run *run)
{
	const struct policy *p = run->policy;
	struct jv ref = run->binding->params;
	struct str ns = jv_text(jv_get(ref, "namespace"));
	const struct api_kind *k;
	size_t n = 0;

	if (!p->param_kind.len || !jv_exists(ref)) {
		with_params(run, NULL);
		return;
	}
	k = param_kind(run);
	if (!k) {
		CLEANUP_FREE char *why = xasprintf(
			"failed to configure binding: paramKind kind `%.*s, Kind=%.*s` not known",
			STR_ARG(p->param_version), STR_ARG(p->param_kind));

		run->no_params(run, why);
		return;
	}
	if (!api_kind_namespaced(k) && ns.len) {
		run->no_params(run, "failed to configure binding: paramRef.namespace must not be "
				    "provided for a cluster-scoped `paramKind`");
		return;
	}
	if (api_kind_namespaced(k) && !ns.len)
		ns = str_of(run->w->ns);
	if (api_kind_namespaced(k) && !ns.len) {
		run->no_params(run,
			       "failed to configure binding: cannot use namespaced paramRef in "
			       "policy binding that matches cluster-scoped resources");
		return;
	}
	each_param(run, k, ns, &n);
	if (!n && !jv_eqs(jv_get(ref, "parameterNotFoundAction"), "Allow"))
		run->no_params(run,
			       "failed to configure binding: no params found for policy binding "
			       "with `Deny` parameterNotFoundAction");
}

/* ---- the walk ---- */

static bool fits(const struct webhook *match, struct jv excluded, const struct webhook_attrs *a)
{
	return webhook_matches(match, a) && !webhook_excludes(excluded, a);
}

void policy_run(struct policy_run *run, enum policy_sort sort)
{
	struct write *w = run->w;
	const struct policy_set *p = &w->srv->policies->sets[sort];
	CLEANUP(buf_done) struct buf labels = BUF_INIT, old_labels = BUF_INIT;
	struct webhook_attrs a;

	if (!p->n_bindings || w->phase == WRITE_PHASE_OTHER ||
	    !strcmp(w->kind->group, "admissionregistration.k8s.io"))
		return;
	run->eval.w = w;
	admission_attrs(w, &a, &labels, &old_labels);
	for (size_t i = 0; i < p->n_bindings && !run->stop; i++) {
		const struct binding *b = p->bindings[i];

		run->policy = find_policy(p, b->policy);
		run->binding = b;
		if (!run->policy || !fits(&run->policy->match, run->policy->constraints, &a) ||
		    !fits(&b->match, b->resources, &a))
			continue;
		if (prepare(run, &a))
			run_params(run);
	}
	policy_eval_done(&run->eval);
}

/* ---- policies themselves ---- */

/* The matchConditions of webhooks. */
static int check_webhooks(const struct api_kind *kind, struct json_object *obj, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	size_t bad = 0, i = 0;

	jsonc_write(obj, &text);
	jv_for_each (it, jv_get(jv_of(buf_str(&text)), "webhooks")) {
		CLEANUP_FREE char *path = xasprintf("webhooks[%zu].matchConditions", i++);
		struct policy_exprs e;

		bad += policy_exprs_compile(jv_get(it.value, "matchConditions"), path, &e, err);
		policy_exprs_done(&e);
	}
	return bad ? api_err_invalid(err, kind, jsonc_path_str(obj, "metadata.name")) : 0;
}

int policies_check(const struct apiserver *s, const struct api_kind *kind, struct json_object *obj,
		   struct err *err)
{
	static const char *const lists[] = {"matchConditions", "variables", "validations",
					    "auditAnnotations", "mutations"};
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	size_t bad = 0;

	if (strcmp(kind->group, "admissionregistration.k8s.io") != 0)
		return 0;
	if (strstr(kind->plural, "webhookconfigurations"))
		return check_webhooks(kind, obj, err);
	if (strcmp(kind->plural, "validatingadmissionpolicies") != 0 &&
	    strcmp(kind->plural, "mutatingadmissionpolicies") != 0)
		return 0;
	jsonc_write(obj, &text);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		CLEANUP_FREE char *path = xasprintf("spec.%s", lists[i]);
		struct jv list = jv_path(jv_of(buf_str(&text)), path);
		struct policy_exprs e;

		bad += (strcmp(lists[i], "mutations") != 0
				? policy_exprs_compile
				: policy_mutations_compile)(list, path, &e, err);
		policy_exprs_done(&e);
	}
	if (bad)
		return api_err_invalid(err, kind, jsonc_path_str(obj, "metadata.name"));
	if (!strcmp(kind->plural, "validatingadmissionpolicies"))
		policy_types_check(s, obj);
	return 0;
}
