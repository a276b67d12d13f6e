/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POLICY_SET_H
#define KNARR_POLICY_SET_H
#include "master/apiserver/policy_eval.h"
#include "master/apiserver/webhooks.h"
/*
 * Policies of both sorts and their bindings, as the files policies*.c share them: what there is, in
 * step with the store and compiled, and the walk over what a write has to do with.
 */
enum policy_sort { POLICIES_VALIDATING, POLICIES_MUTATING };
#define POLICY_SORTS 2

struct policy {
	const struct store_obj *o; /* holds the bytes everything points into */
	struct str name;
	struct webhook match;
	struct jv constraints; /* for the excluded rules */
	struct str param_version, param_kind; /* absent: it takes none */
	bool fail; /* failurePolicy Fail */
	bool reinvoke; /* reinvocationPolicy IfNeeded */
	struct policy_exprs conditions, variables;
	struct policy_exprs validations, notes; /* of validating ones */
	struct policy_exprs mutations; /* of mutating ones */
};

enum policy_action { POLICY_DENY = 1, POLICY_WARN = 2, POLICY_AUDIT = 4 };

struct binding {
	const struct store_obj *o;
	struct str name, policy;
	struct webhook match;
	struct jv resources; /* matchResources */
	struct jv params; /* paramRef */
	unsigned actions; /* enum policy_action, of validating ones */
};

/* One write's way through the policies of one sort. */
struct policy_run {
	struct policy_eval eval; /* what all expressions of one write share */
	struct write *w;
	struct err *err;
	bool stop; /* nobody further is to be asked */
	/*
	 * One policy with one binding and one parameter; its conditions have not been asked. NULL:
	 * only see whether all forms are at hand (admission_version.h).
	 */
	void (*each)(struct policy_run *run);
	/* The binding's parameters are not there: what failurePolicy says is not yet looked at. */
	void (*no_params)(struct policy_run *run, const char *why);
	/* At hand. */
	const struct policy *policy;
	const struct binding *binding;
	struct str param; /* key of the parameter in the store, or absent */
	/* private */
	struct cel_val *memo; /* of the policy's variables */
	bool *known;
};
void policy_run(struct policy_run *run, enum policy_sort sort);
/* Variables are evaluated anew: the object is another one. */
void policy_run_forget(struct policy_run *run);
#endif
