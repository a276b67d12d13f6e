/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_VALIDATE_H
#define KNARR_API_VALIDATE_H
#include "lib/api/validate/check.h"
/*
 * The part of validation that is the same for every kind. The kinds' own rules stand in
 * lib/api/validate/, one file a group, and are reached through the strategies.
 */

/* ObjectMeta: name by the kind's rule, namespace, labels, annotations, finalizers, owners. */
void validate_metadata(const struct api_kind *k, struct json_object *obj, const struct place *root);
/* What an update may not do to it. */
void validate_metadata_update(struct json_object *obj, struct json_object *old,
			      const struct place *root);
/* Required fields and enums of everything below `obj`, by the table. */
void validate_table(const struct api_type *type, struct json_object *obj, const struct place *p);
/* The same of a whole object but for its metadata and status. */
void validate_content(const struct api_type *type, struct json_object *obj,
		      const struct place *root);
/* A finalizer without "/" must be one of Kubernetes' own. */
void validate_finalizer_known(const struct place *p, struct str finalizer);
#endif
