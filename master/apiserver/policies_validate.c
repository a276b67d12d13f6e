/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/audit.h"
#include "master/apiserver/admission_plugins.h"
#include "master/apiserver/policies.h"
#include "master/apiserver/policy_set.h"

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

static void deny(struct policy_run *run, const char *message, const char *reason)
{
	struct write *w = run->w;
	CLEANUP(buf_done) struct buf kind = BUF_INIT;

	if (run->stop)
		return;
	run->stop = true;
	api_kind_qualified(w->kind, &kind);
	err_set(run->err, EPERM, reason,
		"%s \"%s\" is forbidden: ValidatingAdmissionPolicy '%.*s' with binding '%.*s' "
		"denied request: %s",
		kind.p, w->name, STR_ARG(run->binding->policy), STR_ARG(run->binding->name),
		message);
	if (run->err)
		run->err->http_code = code_of(reason);
}

static void follow_up(struct policy_run *run, const char *message, const char *reason)
{
	if (run->binding->actions & POLICY_DENY)
		deny(run, message, reason && *reason ? reason : "Invalid");
	if (run->binding->actions & POLICY_WARN)
		api_warnings_add(&run->w->r->warnings,
				 "Validation failed for ValidatingAdmissionPolicy '%.*s' with "
				 "binding '%.*s': %s",
				 STR_ARG(run->binding->policy), STR_ARG(run->binding->name),
				 message);
	if (run->binding->actions & POLICY_AUDIT)
		audit_note(run->w->r, "validation.policy.admission.k8s.io/validation_failure",
			   message);
}

/* Something that could not be evaluated: the policy's failurePolicy decides. */
static void trouble(struct policy_run *run, const char *text, const struct cel_val *v)
{
	CLEANUP_FREE char *message = NULL;

	if (!run->policy->fail)
		return;
	if (!v)
		message = xasprintf("expression '%s' does not compile", text);
	else
		message = xasprintf("expression '%s' resulted in error: %.*s", text,
				    STR_ARG(v->kind == CEL_ERR ? v->s : STR("not a bool")));
	follow_up(run, message, NULL);
}

static void message_of(struct policy_run *run, const struct policy_expr *x, struct buf *out)
{
	if (x->message_program) {
		struct cel_val v = policy_eval_run(&run->eval, x->message_program);
		struct str t = v.kind == CEL_STRING ? str_trim(v.s) : STR("");

		if (t.len && t.len <= 5 * 1024 && str_chr(t, '\n') < 0)
			buf_addstr(out, t);
	}
	if (!out->len && x->message)
		buf_adds(out, x->message);
	if (!out->len)
		buf_addf(out, "failed expression: %.*s", STR_ARG(str_trim(str_of(x->text))));
}

static void validate(struct policy_run *run)
{
	const struct policy_exprs *all = &run->policy->validations;

	for (size_t i = 0; i < all->n; i++) {
		const struct policy_expr *x = &all->v[i];
		CLEANUP(buf_done) struct buf message = BUF_INIT;
		struct cel_val v;

		if (!x->program) {
			trouble(run, x->text, NULL);
			continue;
		}
		v = policy_eval_run(&run->eval, x->program);
		if (v.kind != CEL_BOOL) {
			trouble(run, x->text, &v);
		} else if (!v.b) {
			message_of(run, x, &message);
			follow_up(run, message.p, x->reason);
		}
	}
}

static void note(struct policy_run *run)
{
	const struct policy_exprs *all = &run->policy->notes;

	for (size_t i = 0; i < all->n && run->w->r->audit; i++) {
		CLEANUP_FREE char *key = xasprintf("%.*s/%s", STR_ARG(run->policy->name),
						   all->v[i].name ? all->v[i].name : "");
		CLEANUP_FREE char *text = NULL;
		struct cel_val v;

		if (!all->v[i].program)
			continue;
		v = policy_eval_run(&run->eval, all->v[i].program);
		if (v.kind != CEL_STRING)
			continue;
		text = str_dup(v.s);
		audit_note(run->w->r, key, text);
	}
}

/* False: this write is not the policy's business, or its conditions can't be told. */
static bool conditions_hold(struct policy_run *run)
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
		trouble(run, bad->text, bad->program ? &v : NULL);
		return false;
	}
	return true;
}

static void each(struct policy_run *run)
{
	if (!conditions_hold(run))
		return;
	validate(run);
	note(run);
}

static void no_params(struct policy_run *run, const char *why)
{
	if (run->policy->fail)
		follow_up(run, why, NULL);
}

bool policies_validate_ready(struct write *w)
{
	struct policy_run run = {.w = w};

	if (!admission_plugin_off(w->srv->plugins_off, PLUGIN_VALIDATING_POLICY))
		policy_run(&run, POLICIES_VALIDATING);
	return !w->lack.to;
}

int policies_validate(struct write *w, struct err *err)
{
	struct policy_run run = {.w = w, .err = err, .each = each, .no_params = no_params};

	if (admission_plugin_off(w->srv->plugins_off, PLUGIN_VALIDATING_POLICY))
		return 0;
	policy_run(&run, POLICIES_VALIDATING);
	return run.stop ? -EPERM : 0;
}
