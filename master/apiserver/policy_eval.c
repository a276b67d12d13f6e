/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/policy_eval.h"
#include "master/apiserver/admission_request.h"
#include "master/apiserver/admission_version.h"

struct cel_val policy_eval_run(struct policy_eval *e, const struct cel_program *p)
{
	struct cel_run r = {.arena = &e->arena,
			    .cost_max = MIN(e->budget, (uint64_t)API_CEL_CALL_BUDGET),
			    .now_s = server_now_ns(e->w->srv) / (int64_t)NSEC_PER_SEC};
	struct cel_val v;

	if (!e->budget)
		return cel_error(&r, "validation failed due to running out of cost budget, no "
				     "further validation rules will be run");
	v = cel_eval(p, e->vars, &r);
	e->budget -= MIN(e->budget, r.cost);
	return v;
}

struct cel_val policy_eval_json(struct policy_eval *e, struct json_object *o)
{
	struct cel_run r = {.arena = &e->arena};

	return o ? cel_of_json(&r, o, NULL) : CEL_VAL_NULL;
}

static void drop_shown(struct policy_eval *e)
{
	json_object_put(TAKE(e->shown[0]));
	json_object_put(TAKE(e->shown[1]));
}

void policy_eval_see(struct policy_eval *e)
{
	struct write *w = e->w;
	struct json_object *obj = w->phase == WRITE_PHASE_DELETE ? NULL : write_seen(w);
	struct json_object *old = write_seen_old(w);

	drop_shown(e);
	if (e->as) {
		obj = e->shown[0] = admission_in_version(w, e->as, obj);
		old = e->shown[1] = admission_in_version(w, e->as, old);
	}
	e->vars[POLICY_OBJECT] = policy_eval_json(e, obj);
	e->vars[POLICY_OLD_OBJECT] = policy_eval_json(e, old);
}

static void make_request(struct policy_eval *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct jw jw = jw_start(&text);

	json_object_put(TAKE(e->request));
	admission_request_write(e->w, STR_NULL, e->as, false, &jw);
	jsonc_parse(buf_str(&text), NULL, &e->request, NULL);
	e->vars[POLICY_REQUEST] = policy_eval_json(e, e->request);
}

void policy_eval_version(struct policy_eval *e, const struct api_kind *as)
{
	if (e->as == as)
		return;
	e->as = as;
	make_request(e);
	policy_eval_see(e);
}

void policy_eval_prepare(struct policy_eval *e)
{
	struct write *w = e->w;
	const struct store_obj *ns = admission_namespace(w);

	if (e->ready)
		return;
	e->ready = true;
	e->budget = API_CEL_OBJECT_BUDGET;
	make_request(e);
	policy_eval_see(e);
	if (ns)
		jsonc_parse(ns->value, NULL, &e->ns, NULL);
	e->authorizer = (struct cel_authorizer){.s = w->srv,
						.user = w->r->user,
						.group = str_of(w->kind->group),
						.resource = str_of(w->kind->plural),
						.sub = w->sub ? str_of(w->sub->name) : STR(""),
						.ns = str_of(w->ns),
						.name = str_of(w->name)};
	e->vars[POLICY_NAMESPACE] = policy_eval_json(e, e->ns);
	e->vars[POLICY_AUTHORIZER] = cel_authorizer_value(&e->arena, &e->authorizer);
	e->vars[POLICY_PARAMS] = e->vars[POLICY_VARIABLES] = CEL_VAL_NULL;
}

void policy_eval_done(struct policy_eval *e)
{
	drop_shown(e);
	json_object_put(e->request);
	json_object_put(e->ns);
	arena_done(&e->arena);
}

enum policy_match policy_eval_conditions(struct policy_eval *e, const struct policy_exprs *all,
					 const struct policy_expr **ret_bad,
					 struct cel_val *ret_val)
{
	enum policy_match match = POLICY_MATCH;

	for (size_t i = 0; i < all->n; i++) {
		struct cel_val v = CEL_VAL_NULL;

		if (all->v[i].program)
			v = policy_eval_run(e, all->v[i].program);
		if (v.kind == CEL_BOOL && !v.b)
			return POLICY_NO_MATCH;
		if (v.kind == CEL_BOOL || match == POLICY_MATCH_ERROR)
			continue;
		match = POLICY_MATCH_ERROR;
		*ret_bad = &all->v[i];
		*ret_val = v;
	}
	return match;
}
