/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_PATCH_H
#define KNARR_APISERVER_PATCH_H
#include "lib/json/jsonc.h"
#include "master/apiserver/request.h"

/*
 * The body of a PATCH by its content type: returns the type (for patch_apply) and the document;
 * -EMEDIUMTYPE (415) or -EINVAL (400).
 */
int patch_parse(struct request *r, struct json_object **ret, bool *ret_apply, struct err *err);
/* The patched tree, not yet decoded; server-side apply merges as a merge patch here. */
int patch_apply(int type, const struct api_kind *kind, struct json_object *cur,
		struct json_object *patch, struct json_object **ret, struct err *err);
#endif
