/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_INDEX_H
#define KNARR_API_INDEX_H
#include "lib/api/fields.h"
#include "lib/api/labels.h"
/*
 * What selectors look at, taken out of an object once when it is written and kept beside it in
 * the store as opaque bytes: its labels and the kind's selectable fields.
 *
 * Form: entries of {u8 tag 'L' or 'F', u16 key length, u16 value length (little endian),
 * key, value}; fields with an empty value are left out.
 */
void api_index_extract(const struct api_kind *kind, struct json_object *obj, struct buf *meta);
/* The same bytes with another value of one field, appended to out; for changes made in place. */
void api_index_with_field(struct str meta, const char *path, struct str value, struct buf *out);
/* Value of a field or a label; STR_NULL when absent. Points into meta. */
struct str api_index_field(struct str meta, struct str path);
struct str api_index_label(struct str meta, struct str key);
/* Selectors may be NULL. ns and name stand for metadata.namespace and metadata.name. */
bool api_index_match(struct str meta, struct str ns, struct str name,
		     const struct label_selector *labels, const struct field_selector *fields);
#endif
