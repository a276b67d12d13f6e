/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_TABLE_H
#define KNARR_API_TABLE_H
#include "lib/api/kind.h"
/*
 * meta.k8s.io/v1 Table and PartialObjectMetadata from stored bytes, without building trees.
 *
 *	api_table_begin(k, version, rv, continue_token, remaining, with_columns, &out);
 *	for each object: api_table_row(k, now, obj, include, first, &out);
 *	api_table_end(&out);
 */
enum api_table_include {
	API_INCLUDE_METADATA, /* default: PartialObjectMetadata in each row */
	API_INCLUDE_OBJECT,
	API_INCLUDE_NONE,
};
/* "", "Metadata", "Object", "None"; -EINVAL. */
int api_table_include_parse(struct str s);
/* version: "v1" or "v1beta1". remaining < 0: unknown. rv may be empty. */
void api_table_begin(const struct api_kind *k, const char *version, struct str rv,
		     struct str continue_token, int64_t remaining, bool with_columns,
		     struct buf *out);
void api_table_row(const struct api_kind *k, const char *version, int64_t now_ns, struct jv obj,
		   enum api_table_include include, bool first, struct buf *out);
void api_table_end(struct buf *out);
/* apiVersion meta.k8s.io/<version>, kind PartialObjectMetadata, and the object's metadata. */
void api_partial_metadata(const char *version, struct jv obj, struct buf *out);
#endif
