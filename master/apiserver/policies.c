/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/policies.h"
#include "lib/base/log.h"
#include "lib/json/jw.h"
#include "master/apiserver/admission_request.h"
#include "master/apiserver/audit.h"
#include "master/apiserver/cel_authorizer.h"
#include "master/apiserver/policy_eval.h"

#define POLICIES "/admissionregistration.k8s.io/validatingadmissionpolicies/"
#define BINDINGS "/admissionregistration.k8s.io/validatingadmissionpolicybindings/"

struct policy {
	const struct store_obj *o;
	struct str name;
	struct webhook match;
	struct jv constraints; /* for the excluded rules */
	struct str param_version, param_kind; /* absent: it takes none */
	bool fail; /* failurePolicy Fail */
	struct policy_exprs conditions, variables, validations, notes;
};

enum policy_action { POLICY_DENY = 1, POLICY_WARN = 2, POLICY_AUDIT = 4 };

struct binding {
	const struct store_obj *o;
	struct str name, policy;
	struct webhook match;
	struct jv resources; /* matchResources */
	struct jv params; /* paramRef */
	unsigned actions; /* enum policy_action */
};

struct policies {
	struct apiserver *s;
	struct store_watch *watches[2];
	struct policy **policies;
	struct binding **bindings; /* by name of policy, then binding */
	size_t n_policies, cap_policies, n_bindings, cap_bindings;
};

/* ---- in step with the store ---- */

static void policy_free(struct policy *p)
{
	webhook_done(&p->match);
	policy_exprs_done(&p->conditions);
	policy_exprs_done(&p->variables);
	policy_exprs_done(&p->validations);
	policy_exprs_done(&p->notes);
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
			     .fail = !jv_eqs(jv_get(spec, "failurePolicy"), "Ignore")};
	webhook_parse_match(p->constraints, &p->match);
	policy_exprs_compile(jv_get(spec, "matchConditions"), "spec.matchConditions",
			     &p->conditions, NULL);
	policy_exprs_compile(jv_get(spec, "variables"), "spec.variables", &p->variables, NULL);
	policy_exprs_compile(jv_get(spec, "validations"), "spec.validations", &p->validations,
			     NULL);
	policy_exprs_compile(jv_get(spec, "auditAnnotations"), "spec.auditAnnotations", &p->notes,
			     NULL);
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

static void del(struct policies *p, struct str key)
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

static void put(struct policies *p, const struct store_obj *o)
{
	struct binding *b;
	size_t i;

	del(p, o->key);
	if (str_starts(o->key, STR(POLICIES))) {
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

static void follow(struct policies *p, bool bindings);

static void on_event(struct policies *p, bool bindings, const struct store_event *ev, int err)
{
	if (!ev) {
		store_unwatch(TAKE(p->watches[bindings]));
		if (err == -ESTALE)
			follow(p, bindings);
	} else if (ev->type == STORE_EVENT_PUT) {
		put(p, ev->obj);
	} else {
		del(p, ev->obj->key);
	}
}

static void on_policy(void *user, const struct store_event *ev, int err)
{
	on_event(user, false, ev, err);
}

static void on_binding(void *user, const struct store_event *ev, int err)
{
	on_event(user, true, ev, err);
}

static void follow(struct policies *p, bool bindings)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(p->s->store);
	struct store_watch_spec spec = {.prefix = bindings ? STR(BINDINGS) : STR(POLICIES),
					.from_rev = store_view_rev(v)};
	const struct store_obj *o;
	struct store_iter it;

	while (!bindings && p->n_policies)
		policy_free(p->policies[--p->n_policies]);
	while (bindings && p->n_bindings)
		binding_free(p->bindings[--p->n_bindings]);
	store_range(v, spec.prefix, STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		put(p, o);
	if (store_watch(p->s->store, &spec, bindings ? on_binding : on_policy, p,
			&p->watches[bindings]) < 0)
		log_err("admission policies are not followed any more");
}

struct policies *policies_new(struct apiserver *s)
{
	struct policies *p = NEW(struct policies);

	p->s = s;
	follow(p, false);
	follow(p, true);
	return p;
}

struct policies *policies_free(struct policies *p)
{
	if (!p)
		return NULL;
	store_unwatch(p->watches[0]);
	store_unwatch(p->watches[1]);
	while (p->n_policies)
		policy_free(p->policies[--p->n_policies]);
	while (p->n_bindings)
		binding_free(p->bindings[--p->n_bindings]);
	free(p->policies);
	free(p->bindings);
	free(p);
	return NULL;
}

static const struct policy *find_policy(const struct policies *p, struct str name)
{
	for (size_t i = 0; i < p->n_policies; i++)
		if (str_eq(p->policies[i]->name, name))
			return p->policies[i];
	return NULL;
}

/* ---- one write ---- */

struct run {
	struct policy_eval eval; /* what all expressions of one write share */
	struct write *w;
	/* Of the policy at hand. */
	const struct policy *policy;
	struct cel_val *memo; /* of its variables */
	bool *known;
	struct err *err;
	bool denied;
};

static struct cel_val evaluate(struct run *run, const struct cel_program *p)
{
	return policy_eval_run(&run->eval, p);
}

/* variables.x: evaluated when first asked for, once. */
static struct cel_val variable(struct cel_run *r, void *p, struct str name)
{
	struct run *run = p;
	const struct policy_exprs *all = &run->policy->variables;

	for (size_t i = 0; i < all->n; i++) {
		if (!all->v[i].name || !str_eqs(name, all->v[i].name))
			continue;
		if (!all->v[i].program)
			return cel_error(r, "variable %s does not compile", all->v[i].name);
		if (!run->known[i]) {
			run->known[i] = true; /* one that names itself finds an error */
			run->memo[i] = cel_error(r, "variable %s names itself", all->v[i].name);
			run->memo[i] = evaluate(run, all->v[i].program);
		}
		return run->memo[i];
	}
	return cel_error(r, "no such key: %.*s", STR_ARG(name));
}

static bool has_variable(struct cel_run *r, void *p, struct str name)
{
	const struct policy_exprs *all = &((struct run *)p)->policy->variables;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].name && str_eqs(name, all->v[i].name))
			return true;
	return false;
}

static const struct cel_host_ops variables_ops = {
	.name = "variables", .field = variable, .has = has_variable};

/* Made when the first policy fits. */
static void prepare(struct run *run)
{
	policy_eval_prepare(&run->eval);
	run->eval.vars[POLICY_VARIABLES] = cel_host(&variables_ops, run);
}

/* ---- what follows ---- */

static int code_of(const char *reason)
{
	static const struct {
		const char *reason;
		int code;
	} codes[] = {{"Unauthorized", 401}, {"Forbidden", 403}, {"RequestEntityTooLarge", 413}};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(reason, codes[i].reason))
			return codes[i].code;
	return 422;
}

static void deny(struct run *run, const struct binding *b, const char *message, const char *reason)
{
	struct write *w = run->w;
	CLEANUP(buf_done) struct buf kind = BUF_INIT;

	if (run->denied)
		return;
	run->denied = true;
	api_kind_qualified(w->kind, &kind);
	err_set(run->err, EPERM, reason,
		"%s \"%s\" is forbidden: ValidatingAdmissionPolicy '%.*s' with binding '%.*s' "
		"denied request: %s",
		kind.p, w->name, STR_ARG(b->policy), STR_ARG(b->name), message);
	if (run->err)
		run->err->http_code = code_of(reason);
}

static void follow_up(struct run *run, const struct binding *b, const char *message,
		      const char *reason)
{
	if (b->actions & POLICY_DENY)
		deny(run, b, message, reason && *reason ? reason : "Invalid");
	if (b->actions & POLICY_WARN)
		api_warnings_add(&run->w->r->warnings,
				 "Validation failed for ValidatingAdmissionPolicy '%.*s' with "
				 "binding '%.*s': %s",
				 STR_ARG(b->policy), STR_ARG(b->name), message);
	if (b->actions & POLICY_AUDIT)
		audit_note(run->w->r, "validation.policy.admission.k8s.io/validation_failure",
			   message);
}

/* Something that could not be evaluated: the policy's failurePolicy decides. */
static void trouble(struct run *run, const struct binding *b, const char *text,
		    const struct cel_val *v)
{
	CLEANUP_FREE char *message = NULL;

	if (!run->policy->fail)
		return;
	if (!v)
		message = xasprintf("expression '%s' does not compile", text);
	else
		message = xasprintf("expression '%s' resulted in error: %.*s", text,
				    STR_ARG(v->kind == CEL_ERR ? v->s : STR("not a bool")));
	follow_up(run, b, message, NULL);
}

static void message_of(struct run *run, const struct policy_expr *x, struct buf *out)
{
	if (x->message_program) {
		struct cel_val v = evaluate(run, x->message_program);
		struct str t = v.kind == CEL_STRING ? str_trim(v.s) : STR("");

		if (t.len && t.len <= 5 * 1024 && str_chr(t, '\n') < 0)
			buf_addstr(out, t);
	}
	if (!out->len && x->message)
		buf_adds(out, x->message);
	if (!out->len)
		buf_addf(out, "failed expression: %.*s", STR_ARG(str_trim(str_of(x->text))));
}

static void validate(struct run *run, const struct binding *b)
{
	const struct policy_exprs *all = &run->policy->validations;

	for (size_t i = 0; i < all->n; i++) {
		const struct policy_expr *x = &all->v[i];
		CLEANUP(buf_done) struct buf message = BUF_INIT;
		struct cel_val v;

		if (!x->program) {
			trouble(run, b, x->text, NULL);
			continue;
		}
		v = evaluate(run, x->program);
		if (v.kind != CEL_BOOL) {
			trouble(run, b, x->text, &v);
		} else if (!v.b) {
			message_of(run, x, &message);
			follow_up(run, b, message.p, x->reason);
		}
	}
}

static void note(struct run *run)
{
	const struct policy_exprs *all = &run->policy->notes;

	for (size_t i = 0; i < all->n && run->w->r->audit; i++) {
		CLEANUP_FREE char *key = xasprintf("%.*s/%s", STR_ARG(run->policy->name),
						   all->v[i].name ? all->v[i].name : "");
		CLEANUP_FREE char *text = NULL;
		struct cel_val v;

		if (!all->v[i].program)
			continue;
		v = evaluate(run, all->v[i].program);
		if (v.kind != CEL_STRING)
			continue;
		text = str_dup(v.s);
		audit_note(run->w->r, key, text);
	}
}

/* False: this write is not the policy's business, or its conditions can't be told. */
static bool conditions_hold(struct run *run, const struct binding *b)
{
	const struct policy_exprs *all = &run->policy->conditions;
	const struct policy_expr *bad;
	struct cel_val v;

	switch (policy_eval_conditions(&run->eval, all, &bad, &v)) {
	case POLICY_MATCH:
		break;
	case POLICY_NO_MATCH:
		return false;
	case POLICY_MATCH_ERROR:
		trouble(run, b, bad->text, bad->program ? &v : NULL);
		return false;
	}
	return true;
}

/* ---- parameters ---- */

static void with_params(struct run *run, const struct binding *b, struct json_object *params)
{
	size_t n = run->policy->variables.n;

	run->eval.vars[POLICY_PARAMS] = policy_eval_json(&run->eval, params);
	run->memo = ARENA_ARRAY(&run->eval.arena, struct cel_val, n + 1);
	run->known = ARENA_ARRAY(&run->eval.arena, bool, n + 1);
	if (!conditions_hold(run, b))
		return;
	validate(run, b);
	note(run);
}

static void each_param(struct run *run, const struct binding *b, const struct api_kind *k,
		       struct str ns, size_t *n)
{
	struct jv sel = jv_get(b->params, "selector");
	struct str name = jv_text(jv_get(b->params, "name"));
	CLEANUP(label_selector_done) struct label_selector labels = {0};
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;

	if (!name.len && label_selector_from_object(sel, &labels, NULL) < 0)
		return;
	request_key(k, ns, STR_NULL, &prefix);
	store_range(run->w->view, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		struct jv meta = jv_get(jv_of(o->value), "metadata");
		struct jv l = jv_get(meta, "labels");
		CLEANUP_JSON struct json_object *tree = NULL;

		if (name.len ? !str_eq(jv_text(jv_get(meta, "name")), name)
			     : !label_selector_match(&labels, jv_exists(l) ? l : jv_of(STR("{}"))))
			continue;
		++*n;
		if (jsonc_parse(o->value, NULL, &tree, NULL) == 0)
			with_params(run, b, tree);
	}
}

/* The policy's expressions for each of the binding's parameters. */
static void run_params(struct run *run, const struct binding *b)
{
	const struct policy *p = run->policy;
	struct str group, version, ns = jv_text(jv_get(b->params, "namespace"));
	const struct api_kind *k;
	size_t n = 0;

	if (!p->param_kind.len || !jv_exists(b->params)) {
		with_params(run, b, NULL);
		return;
	}
	api_version_split(p->param_version, &group, &version);
	k = api_kind_by_gvk(group, version, p->param_kind);
	if (k && api_kind_namespaced(k) && !ns.len)
		ns = str_of(run->w->ns);
	if (k && (!api_kind_namespaced(k) || ns.len))
		each_param(run, b, k, ns, &n);
	if (n || jv_eqs(jv_get(b->params, "parameterNotFoundAction"), "Allow") || !p->fail)
		return;
	follow_up(run, b,
		  "failed to configure binding: no params found for policy binding with `Deny` "
		  "parameterNotFoundAction",
		  NULL);
}

static bool fits(const struct webhook *match, struct jv excluded, const struct webhook_attrs *a)
{
	return webhook_matches(match, a) && !webhook_excludes(excluded, a);
}

int policies_validate(struct write *w, struct err *err)
{
	struct policies *p = w->srv->policies;
	CLEANUP(buf_done) struct buf labels = BUF_INIT, old_labels = BUF_INIT;
	struct run run = {.eval = {.w = w}, .w = w, .err = err};
	struct webhook_attrs a;

	if (!p->n_bindings || w->phase == WRITE_PHASE_OTHER ||
	    !strcmp(w->kind->group, "admissionregistration.k8s.io"))
		return 0;
	admission_attrs(w, &a, &labels, &old_labels);
	for (size_t i = 0; i < p->n_bindings && !run.denied; i++) {
		const struct binding *b = p->bindings[i];

		run.policy = find_policy(p, b->policy);
		if (!run.policy || !fits(&run.policy->match, run.policy->constraints, &a) ||
		    !fits(&b->match, b->resources, &a))
			continue;
		prepare(&run);
		run_params(&run, b);
	}
	policy_eval_done(&run.eval);
	return run.denied ? -EPERM : 0;
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

int policies_check(const struct api_kind *kind, struct json_object *obj, struct err *err)
{
	static const char *const lists[] = {"matchConditions", "variables", "validations",
					    "auditAnnotations"};
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	size_t bad = 0;

	if (strcmp(kind->group, "admissionregistration.k8s.io") != 0)
		return 0;
	if (strstr(kind->plural, "webhookconfigurations"))
		return check_webhooks(kind, obj, err);
	if (strcmp(kind->plural, "validatingadmissionpolicies") != 0)
		return 0;
	jsonc_write(obj, &text);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		CLEANUP_FREE char *path = xasprintf("spec.%s", lists[i]);
		struct policy_exprs e;

		bad += policy_exprs_compile(jv_path(jv_of(buf_str(&text)), path), path, &e, err);
		policy_exprs_done(&e);
	}
	return bad ? api_err_invalid(err, kind, jsonc_path_str(obj, "metadata.name")) : 0;
}
