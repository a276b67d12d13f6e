/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CRD_DEFINITION_H
#define KNARR_API_CRD_DEFINITION_H
#include "lib/base/err.h"
/*
 * CustomResourceDefinition itself: defaults, strategy and validation
 * (apiextensions-apiserver pkg/apis/apiextensions/validation). The rules for schemas stand in
 * structural.c.
 */
struct json_object;
struct buf;
struct place;

void crd_defaults(struct json_object *crd);
void crd_prepare_create(struct json_object *crd);
void crd_prepare_update(struct json_object *crd, struct json_object *old);
void crd_validate(struct json_object *crd, struct err *err);
void crd_validate_create(struct json_object *crd, struct err *err);
void crd_validate_update(struct json_object *crd, struct json_object *old, struct err *err);
void crd_validate_status(struct json_object *crd, struct json_object *old, struct err *err);
void crd_warnings(struct json_object *crd, struct json_object *old, struct buf *out);

/* A version's openAPIV3Schema; `old` is the same version's before, or NULL (ratcheting). */
void crd_validate_schema(const struct place *p, struct json_object *schema,
			 struct json_object *old);
#endif
