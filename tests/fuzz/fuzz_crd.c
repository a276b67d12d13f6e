/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/api.h"
#include "lib/api/crd/custom.h"
#include "lib/api/crd/definition.h"
#include "lib/api/crd/rules.h"
#include "lib/api/jsonpath.h"
#include "lib/api/typed.h"
#include "tests/fuzz/fuzz.h"

/* Ownership is told before anything is checked: of values with types that the schema forbids, too.
 */
static void own(const struct api_type *t, struct json_object *old, struct json_object *now)
{
	struct fieldset *fields = typed_fieldset(t, now);
	struct json_object *merged = typed_merge(t, old, now);
	struct fieldset *none = fieldset_new();
	struct typed_diff d;

	typed_compare(t, old, merged, &d);
	typed_diff_done(&d);
	typed_prune(t, merged, fields, none);
	fieldset_free(fields);
	fieldset_free(none);
	json_object_put(merged);
}

/* {"schema": ..., "value": ..., "old": ...}: whatever the schema, every walker comes to an end. */
static void walk_all(struct json_object *doc)
{
	struct json_object *schema = jsonc_get(doc, "schema"), *old = jsonc_get(doc, "old");
	CLEANUP_JSON struct json_object *value = jsonc_clone(jsonc_get(doc, "value"));
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	CLEANUP(crd_schema_freep) struct crd_schema_set *set = NULL;
	CLEANUP(err_done) struct err e = ERR_INIT;
	const struct place *root = PLACE_OF(&e);

	if (!json_object_is_type(schema, json_type_object))
		return;
	crd_validate_schema(root, schema, NULL);
	jsonc_write(schema, &text);
	set = crd_schema_new(jv_of(buf_str(&text)));
	if (!json_object_is_type(value, json_type_object))
		return;
	crd_prune(set->root, value, NULL, NULL);
	crd_default(set->root, value);
	err_clear(&e);
	crd_check(set->root, value, json_object_is_type(old, json_type_object) ? old : NULL, root);
	crd_rules_run(set, value, json_object_is_type(old, json_type_object) ? old : NULL, root);
	own(crd_schema_type(set), json_object_is_type(old, json_type_object) ? old : NULL, value);
}

void fuzz_one(struct str in)
{
	struct json_object *doc = NULL;
	struct jsonpath *path;
	struct arena a = {0};

	if (jsonc_parse(in, NULL, &doc, NULL) == 0) {
		walk_all(doc);
		json_object_put(doc);
	} else if (jsonpath_parse(in, &a, &path, NULL) == 0) {
		jsonpath_first(path,
			       jv_of(STR("{\"a\":[{\"b\":1,\"c\":\"x\"},{\"b\":2}],\"m\":{\"k\":"
					 "null}}")));
	}
	arena_done(&a);
}
