/* SPDX-License-Identifier: Apache-2.0 */
/* PodDisruptionBudget; follows pkg/apis/policy/validation. */
#include "lib/api/validate/check.h"
#include "lib/api/validate/rules.h"

static void check_amount(const struct place *p, struct json_object *v)
{
	uint64_t n;

	if (!v)
		return;
	n = check_int_or_percent(p, v);
	if (json_object_is_type(v, json_type_string) && n > 100)
		place_invalid(p, v, "must not be greater than 100%");
}

void validate_pdb(struct json_object *obj, struct err *err)
{
	static const char *const policies[] = {"AlwaysAllow", "IfHealthyBudget", NULL};
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *min = jsonc_get(spec, "minAvailable");
	struct json_object *max = jsonc_get(spec, "maxUnavailable");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	if (min && max)
		place_invalid(p, spec, "minAvailable and maxUnavailable cannot be both set");
	check_amount(PLACE(p, "minAvailable"), min);
	check_amount(PLACE(p, "maxUnavailable"), max);
	check_label_selector(PLACE(p, "selector"), jsonc_get(spec, "selector"));
	check_enum(p, spec, "unhealthyPodEvictionPolicy", policies, false);
}
