/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/validate/pod.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate.h"

void validate_pod_template(const struct place *p, struct json_object *tmpl)
{
	struct json_object *meta = jsonc_get(tmpl, "metadata");

	check_labels(PLACE(p, "labels"), jsonc_get(meta, "labels"));
	check_annotations(PLACE(p, "annotations"), jsonc_get(meta, "annotations"));
	validate_table(&api_t_core_v1_PodSpec, jsonc_get(tmpl, "spec"), PLACE(p, "spec"));
}
