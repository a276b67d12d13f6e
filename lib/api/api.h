/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_API_H
#define KNARR_API_API_H
#include "lib/api/kind.h"
#include "lib/json/jsonc.h"
/*
 * From request bytes to an object and from an object to stored bytes. On write paths objects are
 * json-c trees, owned by the caller (json_object_put); read paths never come here.
 *
 *	bytes --api_decode--> tree --api_default--> --strategy--> --api_validate_*-->
 *--api_encode--> bytes
 */

/* fieldValidation= of a request. */
enum api_strictness {
	API_IGNORE, /* unknown and duplicate fields are dropped without a word */
	API_WARN, /* dropped, one warning each */
	API_STRICT, /* 400 BadRequest naming all of them */
};
/* "Ignore", "Warn", "Strict", "" (Warn); -EINVAL otherwise. */
int api_strictness_parse(struct str s);

/* Texts for Warning headers, in order. */
struct api_warnings {
	char **v;
	size_t n, cap;
};
void api_warnings_add(struct api_warnings *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void api_warnings_done(struct api_warnings *w);

/*
 * Read a request body against the kind's table. content_type may be empty (JSON),
 * application/json, application/yaml, application/vnd.kubernetes.protobuf, or, for a server-side
 * apply, application/apply-patch+yaml (everything stays as written), with parameters.
 * Types are checked as Kubernetes' decoder does, null members vanish, missing apiVersion and kind
 * are filled in, the wrong ones refused. Zero values of omitempty fields are dropped.
 * `warnings` and `err` may be NULL. -EINVAL (reason BadRequest, 400), -EMEDIUMTYPE (415).
 */
int api_decode(const struct api_kind *kind, struct str content_type, struct str body,
	       enum api_strictness strict, struct json_object **ret, struct api_warnings *warnings,
	       struct err *err);
/* The same for a tree that came out of a patch. */
int api_decode_tree(const struct api_kind *kind, struct json_object *tree,
		    enum api_strictness strict, struct json_object **ret,
		    struct api_warnings *warnings, struct err *err);
/* The same for the configuration of a server-side apply: what it does not say is not filled in with
 * zeros. What it was merged into may then lack some: api_complete puts them there. */
int api_decode_applied(const struct api_kind *kind, struct json_object *tree,
		       enum api_strictness strict, struct json_object **ret,
		       struct api_warnings *warnings, struct err *err);
void api_complete(const struct api_kind *kind, struct json_object *obj);
/* Like api_decode, for JSON bytes that are known to be valid JSON, against any type. */
int api_decode_type(const struct api_type *type, struct str json, enum api_strictness strict,
		    struct json_object **ret, struct api_warnings *warnings, struct err *err);

/* apiVersion and kind of a body of any of the content types, without decoding it whole. */
int api_peek_gvk(struct str content_type, struct str body, struct buf *ret_api_version,
		 struct buf *ret_kind, struct err *err);

/* Fill in every default of the kind, in place. */
void api_default(const struct api_kind *kind, struct json_object *obj);

/*
 * Canonical bytes: apiVersion, kind, metadata first, no white space, metadata.resourceVersion
 * present and empty. *rv_at is the offset behind `"resourceVersion":"`, where the store puts the
 * revision in. Appended to out; rv_at counts from the first byte of this object.
 */
void api_encode(struct json_object *obj, struct buf *out, size_t *ret_rv_at);

/*
 * Validation. Adds every mistake to err as a cause; 0 when there was none, else -EINVAL with
 * reason "Invalid" (422) and the message `Pod "x" is invalid: ...` ready.
 * The generic part checks metadata; then come the strategy's rules, or, when it has none, required
 * fields and enums below spec by the table.
 */
int api_validate_create(const struct api_kind *kind, struct json_object *obj, struct err *err);
/* `sub` (NULL: the object itself) may bring rules of its own in their place; those of "status"
 * are by default only those of metadata. */
int api_validate_update(const struct api_kind *kind, const struct api_subresource *sub,
			struct json_object *obj, struct json_object *old, struct err *err);

/* Like jsonc_set for dotted paths; makes missing objects on the way; takes the value. */
void api_set(struct json_object *obj, const char *path, struct json_object *take_value);
void api_set_str(struct json_object *obj, const char *path, struct str value);
void api_del(struct json_object *obj, const char *path);
#endif
