/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_APPLY_H
#define KNARR_API_APPLY_H
#include "lib/api/api.h"
/*
 * Server-side apply and field ownership (structured-merge-diff v6 semantics), driven by the
 * tables. metadata.managedFields of the objects is read and rewritten here and nowhere else.
 */
struct api_manager {
	struct str name; /* fieldManager= */
	struct str subresource; /* "" or "status", "scale" */
	int64_t now_ns;
};

/*
 * Merge `applied` (decoded, not defaulted) into live (NULL: create). *ret is the new object with
 * managedFields set; fields which this manager applied before and no longer does, and which
 * nobody else owns, are gone. Conflicts: -EEXIST, reason Conflict (409), message `Apply failed
 * with N conflicts: ...` and one FieldManagerConflict cause each, unless force.
 */
int api_apply(const struct api_kind *kind, struct json_object *live, struct json_object *applied,
	      const struct api_manager *by, bool force, struct json_object **ret, struct err *err);
/*
 * Ownership after create, update or patch: what differs between old (NULL: create) and obj now
 * belongs to `by` with operation Update. Changes obj's managedFields only. The client may clear
 * the list by sending managedFields: [{}] or [].
 */
void api_managed_fields_update(const struct api_kind *kind, struct json_object *old,
			       struct json_object *obj, const struct api_manager *by);
#endif
