/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CRD_RULES_H
#define KNARR_API_CRD_RULES_H
#include "lib/api/crd/schema.h"
#include "lib/api/validate/check.h"
/*
 * x-kubernetes-validations: rules in CEL about a value and what it was
 * (apiextensions pkg/apiserver/schema/cel).
 */
/* Rules of a schema, which is structural: they compile, and what they may cost is bounded. `old`:
 * the schema before, whose rules are taken as they are. */
void crd_rules_check(const struct place *p, struct json_object *schema, struct json_object *old);
#endif
