/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_PROTOBUF_H
#define KNARR_API_PROTOBUF_H
#include "lib/api/kind.h"
/*
 * application/vnd.kubernetes.protobuf request bodies: "k8s\0", then runtime.Unknown
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
#endif
