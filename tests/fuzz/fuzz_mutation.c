/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/cel_libs.h"
#include "lib/api/mutation.h"
#include "tests/fuzz/fuzz.h"

/* Whatever an expression makes of an object is an object of the kind, or a mistake with a text. */
void fuzz_one(struct str in)
{
	static const struct cel_var vars[] = {{"object", &cel_t_dyn}};
	static const char obj[] =
		"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"labels\":{"
		"\"a\":\"b\"}},\"spec\":{\"replicas\":1,\"template\":{\"spec\":{\"containers\":[{"
		"\"name\":\"c\",\"image\":\"x\",\"env\":[{\"name\":\"A\",\"value\":\"1\"}]}]}}}}";
	const struct api_kind *k = api_kind_by_gvk(STR("apps"), STR("v1"), STR("Deployment"));
	const struct cel_lib *libs[API_CEL_LIBS + 2] = {NULL};
	struct cel_env env = {vars, 1, libs};
	CLEANUP(cel_program_freep) struct cel_program *p = NULL;
	CLEANUP_JSON struct json_object *o = NULL;
	struct arena arena = {0};
	struct cel_run r = {.arena = &arena, .cost_max = 100000};
	struct cel_val v;

	for (size_t i = 0; i < API_CEL_LIBS; i++)
		libs[i] = api_cel_libs[i];
	libs[API_CEL_LIBS] = &api_cel_lib_mutation;
	if (cel_compile(&env, in, &p, NULL) < 0)
		return;
	jsonc_parse(STR(obj), NULL, &o, NULL);
	v = cel_of_json(&r, o, NULL);
	v = cel_eval(p, &v, &r);
	for (int m = API_MUTATION_APPLY; m <= API_MUTATION_JSON_PATCH && v.kind != CEL_ERR; m++) {
		CLEANUP(err_done) struct err e = ERR_INIT;
		CLEANUP_JSON struct json_object *out = NULL;

		/* Also what the checker would not have let through. */
		if (api_mutate(k, (enum api_mutation)m, o, &v, &out, &e) < 0) {
			if (!*err_text(&e))
				abort();
			continue;
		}
		if (out)
			api_default(k, out);
	}
	arena_done(&arena);
}
