/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_VALIDATE_H
#define KNARR_API_VALIDATE_H
#include "lib/api/api.h"
/*
 * Tools of the validation hooks. Each adds causes to err with Kubernetes' texts; paths are
 * "spec.containers[0].image". k8s.io/apimachinery util/validation/field is the model.
 */
void invalid_required(struct err *err, const char *path, const char *detail); /* may be "" */
/* value is printed as Kubernetes does: strings quoted, the rest as JSON. */
void invalid_value(struct err *err, const char *path, struct json_object *value,
		   const char *detail);
void invalid_text(struct err *err, const char *path, struct str value, const char *detail);
void invalid_int(struct err *err, const char *path, int64_t value, const char *detail);
void invalid_unsupported(struct err *err, const char *path, struct str value,
			 const char *const *supported);
void invalid_duplicate(struct err *err, const char *path, struct str value);
void invalid_forbidden(struct err *err, const char *path, const char *detail);
void invalid_not_found(struct err *err, const char *path, struct str value);
void invalid_too_long(struct err *err, const char *path, int64_t max_bytes);
/* Adds "field is immutable" unless both are equal (NULL is absent). */
void invalid_if_changed(struct err *err, const char *path, struct json_object *now,
			struct json_object *old);

/* ObjectMeta: name by the kind's rule, namespace, labels, annotations, finalizers, owners. */
void validate_metadata(const struct api_kind *k, struct json_object *obj, struct err *err);
void validate_metadata_update(const struct api_kind *k, struct json_object *obj,
			      struct json_object *old, struct err *err);
void validate_labels(struct json_object *labels, const char *path, struct err *err);
void validate_annotations(struct json_object *annotations, const char *path, struct err *err);
/* Required fields and enums of everything below `obj`, by the table. */
void validate_table(const struct api_type *type, struct json_object *obj, const char *path,
		    struct err *err);
#endif
