/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_STATUS_H
#define KNARR_API_STATUS_H
#include "lib/api/kind.h"
/*
 * metav1.Status from a struct err and back. The reason decides the HTTP code where err->http_code
 * is 0; without a reason the errno does (ENOENT 404 NotFound, EEXIST 409 AlreadyExists, ...).
 */
struct api_status_details {
	struct str name, group, kind; /* kind: plural of the resource, or Kind for Invalid */
	struct str uid;
	struct str next; /* of metadata, not of details: `continue` of an expired page */
};

int api_status_code(const struct err *err);
/* "NotFound", ...; derived from errno and code when err->reason is NULL. */
const char *api_status_reason(const struct err *err);
/* The failure as JSON. details may be NULL; causes and retry_after come from err. */
void api_status_write(const struct err *err, const struct api_status_details *details,
		      struct buf *out);
/* {"status":"Success"} with details, as DELETE answers. */
void api_status_success(const struct api_status_details *details, struct buf *out);
/* Read a Status answer (client side): fills err with reason, message, code and causes. */
int api_status_parse(struct jv status, int http_code, struct err *err);

/* Kubernetes' texts. All return the negative errno. */
int api_err_not_found(struct err *e, const struct api_kind *k, struct str name);
int api_err_already_exists(struct err *e, const struct api_kind *k, struct str name);
int api_err_conflict(struct err *e, const struct api_kind *k, struct str name, const char *why);
int api_err_forbidden(struct err *e, const struct api_kind *k, struct str name, const char *why);
int api_err_bad_request(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
int api_err_gone(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3); /* reason Expired */
/* Causes are in e already: adds reason Invalid and `Pod "x" is invalid: spec.y: ...`. */
int api_err_invalid(struct err *e, const struct api_kind *k, struct str name);
#endif
