/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a document, a line feed, a patch. */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/patch.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct str in)
{
	const struct api_kind *k = api_kind_by_gvk(STR(""), STR("v1"), STR("Pod"));
	CLEANUP_JSON struct json_object *doc = NULL, *patch = NULL;
	struct json_object *out = NULL;
	struct str first;

	if (!str_split(&in, '\n', &first) || jsonc_parse(first, NULL, &doc, NULL) < 0 ||
	    jsonc_parse(in, NULL, &patch, NULL) < 0)
		return;
	if (api_patch_json(doc, patch, &out, NULL) == 0)
		json_object_put(out);
	if (api_patch_merge(doc, patch, &out, NULL) == 0)
		json_object_put(out);
	if (json_object_is_type(doc, json_type_object) &&
	    api_patch_strategic(k->type, doc, patch, &out, NULL) == 0)
		json_object_put(out);
}
