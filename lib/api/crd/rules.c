/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/rules.h"

void crd_rules_check(const struct place *p, struct json_object *schema, struct json_object *old)
{
}
