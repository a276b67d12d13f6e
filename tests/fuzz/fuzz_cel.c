/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/cel/cel.h"
#include "tests/fuzz/fuzz.h"

/* Whatever compiles runs to an end within its budget, and no text is too strange to compile. */
void fuzz_one(struct str in)
{
	static const struct cel_var vars[] = {
		{"self", &cel_t_dyn}, {"s", &cel_t_string}, {"l", &cel_t_list_dyn}};
	static const struct cel_message messages[] = {{"Object", NULL, 0, true, true, NULL, NULL}};
	static const struct cel_lib own = {.messages = messages, .n_messages = 1};
	static const struct cel_lib *const libs[] = {
		&cel_lib_strings,  &cel_lib_lists, &cel_lib_regex,
		&cel_lib_sets,     &cel_lib_math,  &cel_lib_encoders,
		&cel_lib_optional, &cel_lib_url,   &cel_lib_ip,
		&cel_lib_semver,   &own,           NULL};
	const struct cel_env env = {vars, ARRAY_SIZE(vars), libs};
	static const char obj[] = "{\"a\":1,\"b\":[1,2.5,\"x\",null],\"c\":{\"d\":true}}";
	CLEANUP(cel_program_freep) struct cel_program *p = NULL;
	CLEANUP_JSON struct json_object *o = NULL;
	struct arena arena = {0};
	struct cel_run r = {.arena = &arena, .cost_max = 100000};
	struct cel_val v[3], *e;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (cel_compile(&env, in, &p, NULL) < 0)
		return;
	jsonc_parse(STR(obj), NULL, &o, NULL);
	v[0] = cel_of_json(&r, o, NULL);
	v[1] = cel_str(STR("text \xc3\xa4"));
	v[2] = cel_new_list(&r, 2, &e);
	e[0] = cel_int(1);
	e[1] = cel_str(STR("x"));
	v[0] = cel_eval(p, v, &r);
	cel_text(&r, &v[0], &b);
	json_object_put(cel_to_json(&v[0]));
	arena_done(&arena);
}
