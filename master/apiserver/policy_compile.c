/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/policy_compile.h"
#include "lib/api/mutation.h"
#include "master/apiserver/cel_authorizer.h"

void policy_exprs_done(struct policy_exprs *e)
{
	for (size_t i = 0; i < e->n; i++) {
		struct policy_expr *x = &e->v[i];

		free(x->name);
		free(x->text);
		free(x->message);
		free(x->reason);
		cel_program_free(x->program);
		cel_program_free(x->message_program);
	}
	free(e->v);
	*e = (struct policy_exprs){0};
}

static int compile(const char *text, bool mutation, struct cel_program **ret, struct err *err)
{
	static const struct cel_var vars[POLICY_VARS] = {
		[POLICY_OBJECT] = {"object", &cel_t_dyn},
		[POLICY_OLD_OBJECT] = {"oldObject", &cel_t_dyn},
		[POLICY_REQUEST] = {"request", &cel_t_dyn},
		[POLICY_PARAMS] = {"params", &cel_t_dyn},
		[POLICY_NAMESPACE] = {"namespaceObject", &cel_t_dyn},
		[POLICY_AUTHORIZER] = {"authorizer", &cel_t_dyn},
		[POLICY_VARIABLES] = {"variables", &cel_t_dyn}};
	const struct cel_lib *libs[API_CEL_LIBS + 3] = {NULL};
	struct cel_env env = {vars, POLICY_VARS, libs};
	size_t n = 0;

	for (size_t i = 0; i < API_CEL_LIBS && api_cel_libs[i]; i++)
		libs[n++] = api_cel_libs[i];
	libs[n++] = &cel_lib_authorizer;
	if (mutation)
		libs[n] = &api_cel_lib_mutation;
	return cel_compile(&env, str_of(text), ret, err);
}

static bool is_one_of(const struct cel_program *p, enum cel_kind kind)
{
	enum cel_kind k = (enum cel_kind)cel_program_type(p)->kind;

	return k == kind || k == CEL_DYN;
}

static void report(struct err *err, const char *path, const char *member, const char *text,
		   const char *why)
{
	CLEANUP_FREE char *full = xasprintf("%s.%s", path, member);

	if (err)
		err_field(err, full, "FieldValueInvalid", "Invalid value: \"%s\": %s", text, why);
}

/* One expression of an entry; its result must be of a kind (CEL_DYN: any). */
static struct cel_program *one(const char *text, const char *path, const char *member,
			       enum cel_kind kind, struct err *err, size_t *bad)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct cel_program *p = NULL;
	CLEANUP_FREE char *why = NULL;

	if (compile(text, false, &p, &e) < 0)
		why = xasprintf("compilation failed: %s", err_text(&e));
	else if (kind != CEL_DYN && !is_one_of(p, kind))
		why = xstrdup(kind == CEL_BOOL ? "must evaluate to bool"
					       : "must evaluate to string");
	if (!why)
		return p;
	report(err, path, member, text, why);
	++*bad;
	return cel_program_free(p);
}

static char *text_of(struct jv entry, const char *a, const char *b)
{
	char *t = jv_strdup(jv_get(entry, a));

	return t || !b ? t : jv_strdup(jv_get(entry, b));
}

size_t policy_exprs_compile(struct jv list, const char *path, struct policy_exprs *ret,
			    struct err *err)
{
	size_t bad = 0, i = 0;

	*ret = (struct policy_exprs){.n = jv_len(list)};
	ret->v = xcalloc(ret->n ? ret->n : 1, sizeof(*ret->v));
	jv_for_each (it, list) {
		CLEANUP_FREE char *at = xasprintf("%s[%zu]", path, i);
		CLEANUP_FREE char *message = text_of(it.value, "messageExpression", NULL);
		struct policy_expr *x = &ret->v[i++];
		bool is_value = jv_exists(jv_get(it.value, "valueExpression"));
		bool is_variable = strstr(path, "variables");

		x->name = text_of(it.value, "name", "key");
		x->text = text_of(it.value, "expression", "valueExpression");
		x->message = text_of(it.value, "message", NULL);
		x->reason = text_of(it.value, "reason", NULL);
		if (x->text)
			x->program = one(x->text, at, is_value ? "valueExpression" : "expression",
					 is_value || is_variable ? CEL_DYN : CEL_BOOL, err, &bad);
		if (message)
			x->message_program =
				one(message, at, "messageExpression", CEL_STRING, err, &bad);
	}
	return bad;
}

static struct cel_program *mutation(const char *text, const char *path, enum api_mutation m,
				    struct err *err, size_t *bad)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct cel_program *p = NULL;

	if (compile(text, true, &p, &e) < 0)
		buf_addf(&why, "compilation failed: %s", err_text(&e));
	else
		api_mutation_fits(m, cel_program_type(p), &why);
	if (!why.len)
		return p;
	report(err, path,
	       m == API_MUTATION_APPLY ? "applyConfiguration.expression" : "jsonPatch.expression",
	       text, why.p);
	++*bad;
	return cel_program_free(p);
}

size_t policy_mutations_compile(struct jv list, const char *path, struct policy_exprs *ret,
				struct err *err)
{
	size_t bad = 0, i = 0;

	*ret = (struct policy_exprs){.n = jv_len(list)};
	ret->v = xcalloc(ret->n ? ret->n : 1, sizeof(*ret->v));
	jv_for_each (it, list) {
		CLEANUP_FREE char *at = xasprintf("%s[%zu]", path, i);
		struct policy_expr *x = &ret->v[i++];
		int m = api_mutation_parse(jv_text(jv_get(it.value, "patchType")));

		if (m < 0)
			continue;
		x->mutation = (uint8_t)m;
		x->text = text_of(jv_get(it.value, m == API_MUTATION_APPLY ? "applyConfiguration"
									   : "jsonPatch"),
				  "expression", NULL);
		if (x->text)
			x->program = mutation(x->text, at, (enum api_mutation)m, err, &bad);
	}
	return bad;
}
