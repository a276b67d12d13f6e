/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_PROTOBUF_H
#define KNARR_API_PROTOBUF_H
#include "lib/api/kind.h"
/*
 * application/vnd.kubernetes.protobuf, both ways: "k8s\0", then runtime.Unknown
 * {typeMeta 1, raw 2, contentEncoding 3, contentType 4}. Bounded: depth 64, lengths checked
 * against the input; unknown numbers are skipped as proto2 does.
 */
bool api_pb_is(struct str body); /* begins with the magic */
/* apiVersion and kind (point into body) and the inner message. -EINVAL. */
int api_pb_envelope(struct str body, struct str *ret_api_version, struct str *ret_kind,
		    struct str *ret_raw, struct err *err);
/* The message as a tree; zero values of omitempty fields are left out. -EINVAL. */
int api_pb_decode(const struct api_type *type, struct str raw, struct json_object **ret,
		  struct err *err);

/* ---- answers; JSON is that of stored or served objects, known to be valid ---- */
#define API_PB_TYPE "application/vnd.kubernetes.protobuf"

/* Do the type's rows have numbers? Custom resources have none. */
bool api_pb_has(const struct api_type *type);
/* The message of an object (without apiVersion and kind), appended. */
void api_pb_encode(const struct api_type *type, struct jv obj, struct buf *out);
/* What stands in front of a message of raw_len bytes: magic, apiVersion, kind. */
void api_pb_head(struct str api_version, struct str kind, size_t raw_len, struct buf *out);
/* A whole object with its envelope; apiVersion and kind are those of the JSON. */
void api_pb_object(const struct api_type *type, struct str json, struct buf *out);
/* Parts of a list's message. remaining < 0: unknown. */
void api_pb_list_meta(struct str rv, struct str token, int64_t remaining, struct buf *out);
void api_pb_list_item(const struct api_type *type, struct jv obj, struct buf *out);
/* What stands in front of an object (with its envelope) in a frame of a watch. */
void api_pb_watch_head(struct str event, size_t object_len, struct buf *out);
/* The object in JSON, of whatever kind it says; false: no kind with a protobuf form. */
bool api_pb_any_object(struct str json, struct buf *out);
/* PartialObjectMetadata: metadata alone. */
extern const struct api_type api_pb_partial;
#endif
