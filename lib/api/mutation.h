/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_MUTATION_H
#define KNARR_API_MUTATION_H
#include "lib/api/api.h"
#include "lib/cel/cel.h"
/*
 * What the expressions of a MutatingAdmissionPolicy are made of, and what their values do to an
 * object (KEP-3962; k8s.io/apiserver pkg/cel/mutation, pkg/admission/plugin/policy/mutating/patch).
 */

/* Object{...}, Object.spec{...}, JSONPatch{op:, path:, from:, value:}, jsonpatch.escapeKey(). */
extern const struct cel_lib api_cel_lib_mutation;

enum api_mutation { API_MUTATION_APPLY, API_MUTATION_JSON_PATCH };
/* "ApplyConfiguration", "JSONPatch"; -EINVAL. */
int api_mutation_parse(struct str patch_type);
/* Does an expression of type t give what is wanted? Otherwise `why` says what it should. */
bool api_mutation_fits(enum api_mutation m, const struct cel_type *t, struct buf *why);

/*
 * The object that an expression's value makes of obj: decoded, not defaulted; obj itself stays as
 * it is. *ret stays NULL where nothing is to change (a patch's test failed).
 *
 * ApplyConfiguration: an Object whose members are named as their types say and declared by the
 * kind, merged as server-side apply merges, but nobody owns it. Atomic lists, maps and structs are
 * refused. JSONPatch: a list of JSONPatch.
 *
 * -EINVAL with upstream's words; with a reason where the request fails whatever the failurePolicy.
 */
int api_mutate(const struct api_kind *kind, enum api_mutation m, struct json_object *obj,
	       const struct cel_val *v, struct json_object **ret, struct err *err);
#endif
