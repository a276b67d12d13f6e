/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ERR_H
#define KNARR_ERR_H
#include "lib/base/str.h"
/*
 * What went wrong, for a person and for a program. Fallible functions return a negative errno;
 * from the API layer up and at the doors of the runtime they also fill a nullable last parameter
 * `struct err *`. An err becomes a Kubernetes Status or a log line without being parsed again.
 *
 * Start with ERR_INIT (all zero), end with err_done. The first err_set wins unless err_clear ran;
 * err_field adds one cause and is how validation collects all mistakes of an object in one pass.
 */
struct err_field {
	char *path; /* "spec.containers[0].image" */
	char *reason; /* Kubernetes CauseType: FieldValueRequired, FieldValueInvalid, ... */
	char *message; /* "Invalid value: -1: must be greater than or equal to 0" */
};

struct err {
	int errnum; /* positive; 0: no error */
	int http_code; /* 0: derive from reason or errnum */
	char *reason; /* Kubernetes StatusReason ("NotFound"), or NULL */
	char *message;
	struct err_field *fields;
	size_t n_fields, cap_fields;
	uint32_t retry_after_s; /* 0: none */
};

#define ERR_INIT ((struct err){0})
void err_done(struct err *e);
void err_clear(struct err *e);
/* Fill e (may be NULL) and return -errnum. `reason` may be NULL. */
int err_set(struct err *e, int errnum, const char *reason, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same without a reason: plain failures of the system ("cannot open %s"). */
#define err_sys(e, errnum, ...) err_set(e, errnum, NULL, __VA_ARGS__)
/* Put text in front of the message: "cannot pull busybox: " + what was there. */
void err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Add a cause; sets errnum to EINVAL if there was no error yet. */
void err_field(struct err *e, const char *path, const char *reason, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* Move src into dst (dst is cleared first); either may be NULL. */
void err_move(struct err *dst, struct err *src);
/* Never NULL: the message, else strerror. */
const char *err_text(const struct err *e);
#endif
