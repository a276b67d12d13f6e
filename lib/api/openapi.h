/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_OPENAPI_H
#define KNARR_API_OPENAPI_H
#include "lib/api/kind.h"
/*
 * OpenAPI documents made from the tables when asked for; nothing is kept in memory here, callers
 * may cache. From any thread, while nobody changes the kinds. `etag` texts are stable as long as
 * the set of kinds is.
 */
/* GET /openapi/v3: {"paths":{"api/v1":{"serverRelativeURL":"/openapi/v3/api/v1?hash=..."}}} */
void api_openapi_v3_index(const struct api_kinds *ks, struct buf *out);
/* GET /openapi/v3/apis/apps/v1. -ENOENT when no kind is in it. */
int api_openapi_v3(const struct api_kinds *ks, struct str group, struct str version,
		   struct buf *out);
/* GET /openapi/v2 as JSON, and that as gnostic protobuf (openapi.v2.Document). */
void api_openapi_v2_json(const struct api_kinds *ks, struct buf *out);
void api_openapi_v2_pb(struct str json, struct buf *out);
/*
 * Another server's v2 document (valid JSON): of it count the paths beneath its group and version,
 * and the definitions that `own` lacks (kube-aggregator's, pkg/controllers/openapi/aggregator).
 */
struct api_openapi_other {
	struct str json;
	const char *group, *version;
};
void api_openapi_v2_merge(struct str own, const struct api_openapi_other *others, size_t n,
			  struct buf *out);
/* Hex text that changes when the set of kinds does. */
void api_openapi_hash(const struct api_kinds *ks, struct str group, struct str version,
		      struct buf *out);
#endif
