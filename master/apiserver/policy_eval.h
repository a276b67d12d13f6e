/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POLICY_EVAL_H
#define KNARR_POLICY_EVAL_H
#include "master/apiserver/cel_authorizer.h"
#include "master/apiserver/policy_compile.h"
#include "master/apiserver/write.h"
/*
 * One write as expressions see it: object, oldObject, request, namespaceObject and authorizer.
 * Zero-initialise with w; end with policy_eval_done. Values live until then.
 */
struct policy_eval {
	struct write *w;
	struct arena arena;
	struct json_object *request, *ns;
	struct cel_authorizer authorizer;
	struct cel_val vars[POLICY_VARS]; /* params and variables are the caller's to set */
	uint64_t budget; /* left for this write */
	bool ready;
	const struct api_kind *as; /* the version in which objects are seen; NULL: the request's */
	struct json_object *shown[2]; /* object and oldObject in it */
};
/* Makes the variables of the write as it is now; further calls do nothing. */
void policy_eval_prepare(struct policy_eval *e);
/* Objects and request as the version has them (admission_version; NULL: the request's own). */
void policy_eval_version(struct policy_eval *e, const struct api_kind *as);
/* Object and oldObject as they are now: they are others than before. */
void policy_eval_see(struct policy_eval *e);
struct cel_val policy_eval_run(struct policy_eval *e, const struct cel_program *p);
struct cel_val policy_eval_json(struct policy_eval *e, struct json_object *o);
void policy_eval_done(struct policy_eval *e);

enum policy_match { POLICY_MATCH, POLICY_NO_MATCH, POLICY_MATCH_ERROR };
/*
 * Do all conditions hold? One that says no decides, whatever is wrong with others; else *ret_bad is
 * the first that could not be told (its value in *ret_val; NULL kind where it does not compile).
 */
enum policy_match policy_eval_conditions(struct policy_eval *e, const struct policy_exprs *all,
					 const struct policy_expr **ret_bad,
					 struct cel_val *ret_val);
#endif
