/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_OPENAPI_PARTS_H
#define KNARR_API_OPENAPI_PARTS_H
#include "lib/api/kind.h"
/* Between the files of openapi: schemas and paths in either version of the format. */
enum oa_version { OA_V2, OA_V3 };

#define OA_META "io.k8s.apimachinery.pkg.apis.meta.v1."

/* Does the kind belong into the document? group NULL: all do. */
static inline bool oa_wants(const struct api_kind *k, const char *group, const char *version)
{
	return !group || (strcmp(k->group, group) == 0 && strcmp(k->version, version) == 0);
}
/* A member `schemas` holds: every type the kinds of a document reach, their lists, and the
 * common ones. Writes the members into the object which is open in w. */
void oa_schemas(const struct api_kinds *ks, struct jw *w, enum oa_version v, const char *group,
		const char *version);
/* {"$ref": "#/definitions/NAME"} */
void oa_ref(struct jw *w, enum oa_version v, const char *name);
/* A custom resource's schema, as the value of a member. */
void custom_openapi_write(struct jw *w, enum oa_version v, const struct api_kind *k);
/* "io.k8s.api.core.v1.PodList" for a kind with a list. */
void oa_list_name(const struct api_kind *k, struct buf *out);
/* Members of "paths". */
void oa_paths(const struct api_kinds *ks, struct jw *w, enum oa_version v, const char *group,
	      const char *version);
/* "x-kubernetes-group-version-kind": one object, or a list of one. */
void oa_gvk(struct jw *w, const char *group, const char *version, const char *kind, bool list);
#endif
