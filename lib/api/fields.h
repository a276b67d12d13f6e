/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_FIELDS_H
#define KNARR_API_FIELDS_H
#include "lib/api/kind.h"
/*
 * Field selectors: `fieldSelector=spec.nodeName=n1,status.phase!=Succeeded` (grammar of
 * k8s.io/apimachinery/pkg/fields; backslash escapes comma, equals and itself).
 */
struct field_req {
	char *path, *value;
	bool negate;
};

struct field_selector {
	struct field_req *reqs;
	size_t n, cap;
};

void field_selector_done(struct field_selector *s);
/* kind NULL: any path is allowed; else `field label not supported: x` (400). */
int field_selector_parse(struct str text, const struct api_kind *kind, struct field_selector *ret,
			 struct err *err);
/* One term more: `path=value`. */
void field_selector_add(struct field_selector *s, const char *path, struct str value);
/* The value a selector demands for path with `=`, or STR_NULL. */
struct str field_selector_exact(const struct field_selector *s, const char *path);
#endif
