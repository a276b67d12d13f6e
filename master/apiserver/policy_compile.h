/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POLICY_COMPILE_H
#define KNARR_POLICY_COMPILE_H
#include "lib/api/cel_libs.h"
#include "lib/json/jv.h"
/* The expressions of a policy, compiled. */

/* Variables of every expression, in the order of cel_eval's `vars`. */
enum policy_var {
	POLICY_OBJECT,
	POLICY_OLD_OBJECT,
	POLICY_REQUEST,
	POLICY_PARAMS,
	POLICY_NAMESPACE,
	POLICY_AUTHORIZER,
	POLICY_VARIABLES,
	POLICY_VARS,
};

struct policy_expr {
	char *name; /* of a condition, variable or annotation; NULL: a validation */
	char *text;
	struct cel_program *program, *message_program;
	char *message, *reason; /* may be NULL */
	uint8_t mutation; /* enum api_mutation */
};
struct policy_exprs {
	struct policy_expr *v;
	size_t n;
};
void policy_exprs_done(struct policy_exprs *e);
/*
 * Compile a list of {name|key, expression|valueExpression, message, messageExpression, reason}.
 * With `err` every mistake adds a cause under `path`; what does not compile has no program. Returns
 * how many did not.
 */
size_t policy_exprs_compile(struct jv list, const char *path, struct policy_exprs *ret,
			    struct err *err);
/* The same for a list of mutations: {patchType, applyConfiguration|jsonPatch: {expression}}. */
size_t policy_mutations_compile(struct jv list, const char *path, struct policy_exprs *ret,
				struct err *err);
#endif
