/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ADMISSION_REQUEST_H
#define KNARR_ADMISSION_REQUEST_H
#include "lib/json/jw.h"
#include "master/apiserver/webhooks.h"
#include "master/apiserver/write.h"
/*
 * A write as admission sees it: for the rules of webhooks and policies, and as the request of
 * admission.k8s.io/v1. Only for writes in a phase that admission hears of.
 */

/* What rules and selectors look at; it points into w and the two buffers (labels as JSON). */
void admission_attrs(const struct write *w, struct webhook_attrs *ret, struct buf *labels,
		     struct buf *old_labels);
/* The object's namespace; NULL for kinds without one, or when there is none. */
const struct store_obj *admission_namespace(const struct write *w);
/*
 * AdmissionRequest as a JSON value; `uid` may be absent. as: the version in which the objects are
 * wanted (NULL: the request's own); only where they are at hand (admission_version.h).
 */
void admission_request_write(struct write *w, struct str uid, const struct api_kind *as,
			     bool with_objects, struct jw *jw);
/* authentication.k8s.io/v1 UserInfo. */
void admission_user_write(const struct user *u, struct jw *jw);
#endif
