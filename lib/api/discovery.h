/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_DISCOVERY_H
#define KNARR_API_DISCOVERY_H
#include "lib/api/kind.h"
/* Discovery documents, appended to out as JSON. */
enum api_discovery_form {
	API_DISCOVERY_PLAN, /* APIVersions, APIGroupList, APIResourceList */
	API_DISCOVERY_V2BETA1, /* APIGroupDiscoveryList */
	API_DISCOVERY_V2,
};
/* What the Accept header wants: the first form in it that we have. */
enum api_discovery_form api_discovery_accept(struct str accept);
/* The Content-Type that goes with the form. */
const char *api_discovery_content_type(enum api_discovery_form form);
/* GET /api; server_address ("10.0.0.1:6443") is for the unaggregated form. */
void api_discovery_core(const struct api_kinds *ks, enum api_discovery_form form,
			const char *server_address, struct buf *out);
/* GET /apis */
void api_discovery_groups(const struct api_kinds *ks, enum api_discovery_form form,
			  struct buf *out);
/* GET /apis/GROUP (APIGroup) and /apis/GROUP/VERSION or /api/v1 (APIResourceList). -ENOENT. */
int api_discovery_group(const struct api_kinds *ks, struct str group, struct buf *out);
int api_discovery_resources(const struct api_kinds *ks, struct str group, struct str version,
			    struct buf *out);
#endif
