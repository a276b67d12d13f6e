/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POLICIES_H
#define KNARR_POLICIES_H
#include "master/apiserver/write.h"
/*
 * ValidatingAdmissionPolicy and MutatingAdmissionPolicy (admissionregistration.k8s.io/v1, KEP-3488,
 * KEP-3962): rules and changes in CEL that the server itself evaluates. A policy says what to look
 * at, its bindings where, with which parameters and what follows; policies are compiled once, in
 * step with the store.
 *
 *	policies.c           what there is, and who fits a write, with which parameters
 *	policies_validate.c  denials, warnings, notes
 *	policies_mutate.c    changes
 */
struct policies;
struct policies *policies_new(struct apiserver *s);
struct policies *policies_free(struct policies *p); /* takes NULL, returns NULL */

/* What the first of two rounds did. Zero-initialise; ends with policies_round_done. */
struct policies_round {
	bool again; /* the second: only those that ran in the first and want to be asked again */
	char **keys; /* of those: policy, binding, parameter */
	size_t n, cap;
};
void policies_round_done(struct policies_round *round);
bool policies_any(const struct policies *p); /* of either sort, and bound */
bool policies_any_mutating(const struct policies *p);
/*
 * Mutating policies, in the order of their names, then of their bindings', change w->obj. Returns
 * how often they did, or a refusal: 403 Invalid with one cause each that failed. With w->lack.to
 * set afterwards it is to be undone and done again (admission_version.h).
 */
int policies_mutate(struct write *w, struct policies_round *round, struct err *err);
/* Are all forms at hand in which validating policies want to see it? False: w->lack says what is
 * not (admission_version.h). */
bool policies_validate_ready(struct write *w);
/* Refusal as Kubernetes words it (422 by default), warnings, notes in the audit log. */
int policies_validate(struct write *w, struct err *err);
/*
 * Do the expressions of a new policy compile? Otherwise Invalid, naming the field. For writes of
 * policies themselves. What its types are wrong in is told in its status (policy_types.h).
 */
int policies_check(const struct apiserver *s, const struct api_kind *kind, struct json_object *obj,
		   struct err *err);
#endif
