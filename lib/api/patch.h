/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_PATCH_H
#define KNARR_API_PATCH_H
#include "lib/api/schema.h"
#include "lib/base/err.h"
/*
 * Three kinds of PATCH. Each leaves `obj` alone and gives a new tree (caller's), which goes
 * through api_decode_tree next. A bad patch is BadRequest; one that does not fit the object
 * (failed test, missing path) is Invalid (422).
 */

/* RFC 6902. At most 10,000 operations. -EDOM: a test failed. */
int api_patch_json(struct json_object *obj, struct json_object *patch, struct json_object **ret,
		   struct err *err);
/* RFC 7386. */
int api_patch_merge(struct json_object *obj, struct json_object *patch, struct json_object **ret,
		    struct err *err);
/*
 * Strategic merge by the type's table: $patch (replace, delete, merge), $retainKeys,
 * $setElementOrder/x, $deleteFromPrimitiveList/x (k8s.io/apimachinery/pkg/util/strategicpatch).
 */
int api_patch_strategic(const struct api_type *type, struct json_object *obj,
			struct json_object *patch, struct json_object **ret, struct err *err);
#endif
