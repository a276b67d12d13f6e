/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a live object, a line feed, an applied configuration. */
#include "lib/base/base.h"
#include "lib/api/apply.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct str in)
{
	const struct api_kind *k = api_kind_by_gvk(STR(""), STR("v1"), STR("Pod"));
	const struct api_manager by = {STR("m"), STR(""), 0};
	CLEANUP_JSON struct json_object *live = NULL, *config = NULL, *out = NULL;
	struct err e = ERR_INIT;
	struct str first;

	if (str_split(&in, '\n', &first) &&
	    api_decode(k, STR(""), first, API_IGNORE, &live, NULL, NULL) == 0 &&
	    api_decode(k, STR("application/apply-patch+yaml"), in, API_IGNORE, &config, NULL,
		       NULL) == 0) {
		api_apply(k, live, config, &by, false, &out, &e);
		json_object_put(out);
		out = NULL;
		api_apply(k, live, config, &by, true, &out, NULL);
		api_managed_fields_update(k, live, config, &by);
	}
	err_done(&e);
}
