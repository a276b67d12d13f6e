/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CRD_RULES_H
#define KNARR_API_CRD_RULES_H
#include "lib/api/crd/schema.h"
#include "lib/api/validate/check.h"
#include "lib/cel/cel.h"
/*
 * x-kubernetes-validations: rules in CEL about a value and what it was
 * (apiextensions pkg/apiserver/schema/cel).
 *
 *	definition written  -> crd_rules_check: they compile, and their cost is bounded
 *	first object        -> crd_rules_run compiles them into the schema set
 *	each object         -> crd_rules_run evaluates, within the object's budget
 */
/* Rules of a schema, which is structural. `old`: the schema before; its rules are taken as they
 * are. */
void crd_rules_check(const struct place *p, struct json_object *schema, struct json_object *old);
/*
 * Every rule for every value it is about. old NULL: there was no object before. Rules with oldSelf
 * are for values that were there; what did not change is judged only by those.
 */
void crd_rules_run(struct crd_schema_set *set, struct json_object *obj, struct json_object *old,
		   const struct place *root);
/* A value's type in expressions, made once and kept in the set. */
const struct cel_type *crd_cel_type(struct crd_schema_set *set, struct crd_schema *s, bool root);
#endif
