/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/patch.h"
#include "lib/api/status.h"
#include "lib/json/jsonc.h"

/* RFC 7386 section 2. Gives a new reference. */
static struct json_object *merge(struct json_object *target, struct json_object *patch)
{
	struct json_object *out;

	if (!json_object_is_type(patch, json_type_object))
		return jsonc_clone(patch);
	out = json_object_is_type(target, json_type_object) ? jsonc_clone(target)
							    : json_object_new_object();
	json_object_object_foreach(patch, key, v)
	{
		if (!v)
			json_object_object_del(out, key);
		else
			json_object_object_add(out, key,
					       merge(json_object_object_get(out, key), v));
	}
	return out;
}

int api_patch_merge(struct json_object *obj, struct json_object *patch, struct json_object **ret,
		    struct err *err)
{
	if (!json_object_is_type(patch, json_type_object))
		return api_err_bad_request(err, "error decoding patch: a merge patch is an object");
	*ret = merge(obj, patch);
	return 0;
}
