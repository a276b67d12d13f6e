/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a live object, a line feed, an applied configuration. */
#include "lib/base/base.h"
#include "lib/api/apply.h"
#include "tests/fuzz/fuzz.h"

/* What a new object's creator owns, written at once, is what the sets say. */
static void own_both_ways(const struct api_kind *k, struct json_object *obj,
			  const struct api_manager *by)
{
	CLEANUP_JSON struct json_object *a = jsonc_clone(obj), *b = jsonc_clone(obj);
	CLEANUP_JSON struct json_object *nothing = json_object_new_object();
	CLEANUP(buf_done) struct buf x = BUF_INIT, y = BUF_INIT;

	api_del(a, "metadata.managedFields");
	api_del(b, "metadata.managedFields");
	api_managed_fields_update(k, NULL, a, by);
	api_managed_fields_update(k, nothing, b, by);
	jsonc_write(a, &x);
	jsonc_write(b, &y);
	if (!str_eq(buf_str(&x), buf_str(&y))) {
		fprintf(stderr, "%s\n%s\n", x.p, y.p);
		abort();
	}
}

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
		own_both_ways(k, live, &by);
		own_both_ways(k, config, &by);
		api_managed_fields_update(k, live, config, &by);
	}
	err_done(&e);
}
