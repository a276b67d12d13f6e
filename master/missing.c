/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/apply.h"
#include "lib/json/jsonc.h"
/* Stands in for server-side apply until lib/api has it. */
int api_apply(const struct api_kind *kind, struct json_object *live, struct json_object *applied,
	      const struct api_manager *by, bool force, struct json_object **ret, struct err *err)
{
	return err_set(err, EOPNOTSUPP, "BadRequest", "server-side apply is not built in yet");
}

void api_managed_fields_update(const struct api_kind *kind, struct json_object *old,
			       struct json_object *obj, const struct api_manager *by)
{
}
