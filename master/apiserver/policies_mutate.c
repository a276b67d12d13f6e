/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/mutation.h"
#include "master/apiserver/admission_version.h"
#include "master/apiserver/policies.h"
#include "master/apiserver/admission_plugins.h"
#include "master/apiserver/policy_set.h"

struct mutating {
	struct policy_run run;
	struct policies_round *round;
	int edits;
};

void policies_round_done(struct policies_round *round)
{
	for (size_t i = 0; i < round->n; i++)
		free(round->keys[i]);
	free(round->keys);
	*round = (struct policies_round){0};
}

/* ---- refusals ---- */

/*
 * The first of all mistakes is the message, each is a cause; the others are still asked
 * (generic.policyDispatcher).
 */
static void refuse(struct policy_run *run, const char *reason, const char *why)
{
	CLEANUP_FREE char *text =
		xasprintf("policy '%.*s' with binding '%.*s' denied request: %s",
			  STR_ARG(run->policy->name), STR_ARG(run->binding->name), why);

	if (!run->policy->fail)
		return;
	err_set(run->err, EPERM, reason, "%s", text);
	if (run->err)
		run->err->http_code = 403;
	err_field(run->err, "", "", "%s", text);
}

static void refuse_expr(struct policy_run *run, const char *text, const struct cel_val *v)
{
	CLEANUP_FREE char *why = NULL;

	if (!v)
		why = xasprintf("expression '%s' does not compile", text);
	else
		why = xasprintf("expression '%s' resulted in error: %.*s", text,
				STR_ARG(v->kind == CEL_ERR ? v->s : STR("not a bool")));
	refuse(run, "Invalid", why);
}

static void no_params(struct policy_run *run, const char *why)
{
	refuse(run, "Forbidden", why);
}

/* ---- one policy ---- */

static bool seen(const struct policies_round *round, const char *key)
{
	for (size_t i = 0; i < round->n; i++)
		if (!strcmp(round->keys[i], key))
			return true;
	return false;
}

static char *key_of(const struct policy_run *run)
{
	return xasprintf("%.*s/%.*s/%.*s", STR_ARG(run->policy->name), STR_ARG(run->binding->name),
			 STR_ARG(run->param));
}

/* Something is to be converted first: all will be done again. */
static bool lacks(struct policy_run *run)
{
	if (run->w->lack.to)
		run->stop = true;
	return run->stop;
}

/* What the value makes of the object, in the version that the policy sees, as the request has it.
 */
static int make(struct policy_run *run, const struct policy_expr *x, const struct cel_val *v,
		struct json_object **ret, struct err *err)
{
	const struct api_kind *as = run->eval.as;
	struct write *w = run->w;
	int r = api_mutate(as ? as : write_seen_kind(w), (enum api_mutation)x->mutation,
			   as ? run->eval.shown[0] : write_seen(w), v, ret, err);

	if (r < 0 || !*ret || !as)
		return r;
	*ret = admission_from_version(w, as, *ret);
	if (!*ret)
		return err_sys(err, EPROTO, "failed to convert object version: %s",
			       w->lack.fault ? w->lack.fault : "");
	return 0;
}

/* Variables see the object as the mutations before have left it. */
static void mutate(struct mutating *m, const struct policy_expr *x)
{
	struct policy_run *run = &m->run;
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct json_object *obj = NULL;
	struct cel_val v;

	if (!x->program) {
		refuse_expr(run, x->text ? x->text : "", NULL);
		return;
	}
	policy_run_forget(run);
	policy_eval_see(&run->eval);
	if (lacks(run))
		return;
	run->eval.budget = API_CEL_OBJECT_BUDGET;
	v = policy_eval_run(&run->eval, x->program);
	if (v.kind == CEL_ERR) {
		refuse_expr(run, x->text, &v);
	} else if (make(run, x, &v, &obj, &e) == 0) {
		m->edits += obj && write_edit(run->w, obj);
	} else if (lacks(run)) {
		;
	} else if (e.reason) {
		err_clear(run->err);
		err_move(run->err, &e);
		run->stop = true;
	} else {
		refuse(run, "Invalid", err_text(&e));
	}
}

static void each(struct policy_run *run)
{
	struct mutating *m = container_of(run, struct mutating, run);
	const struct policy_expr *bad;
	CLEANUP_FREE char *key = NULL;
	struct cel_val v;

	policy_eval_see(&run->eval);
	if (lacks(run))
		return;
	switch (policy_eval_conditions(&run->eval, &run->policy->conditions, &bad, &v)) {
	case POLICY_MATCH:
		break;
	case POLICY_NO_MATCH:
		return;
	case POLICY_MATCH_ERROR:
		refuse_expr(run, bad->text, bad->program ? &v : NULL);
		return;
	}
	key = key_of(run);
	if (m->round->again && !seen(m->round, key))
		return;
	for (size_t i = 0; i < run->policy->mutations.n && !run->stop; i++)
		mutate(m, &run->policy->mutations.v[i]);
	policy_eval_see(&run->eval);
	if (lacks(run))
		return;
	if (run->policy->reinvoke && !m->round->again)
		*ARRAY_PUSH(m->round->keys, m->round->n, m->round->cap) = TAKE(key);
}

int policies_mutate(struct write *w, struct policies_round *round, struct err *err)
{
	struct mutating m = {.run = {.w = w, .err = err, .each = each, .no_params = no_params},
			     .round = round};

	if (w->phase == WRITE_PHASE_OTHER || w->phase == WRITE_PHASE_DELETE ||
	    admission_plugin_off(w->srv->plugins_off, PLUGIN_MUTATING_POLICY))
		return 0;
	policy_run(&m.run, POLICIES_MUTATING);
	return err->errnum ? -EPERM : m.edits;
}
