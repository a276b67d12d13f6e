/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CEL_LIBS_H
#define KNARR_API_CEL_LIBS_H
#include "lib/cel/cel.h"
/*
 * What CEL in Kubernetes knows beyond the language: cel-go's extensions, and quantities and named
 * formats by this folder's own rules (k8s.io/apiserver pkg/cel/library). NULL-terminated; for
 * struct cel_env.
 */
extern const struct cel_lib *const api_cel_libs[];
#define API_CEL_LIBS 12 /* rows, for who adds his own */
extern const struct cel_type api_cel_t_quantity;
struct quantity;
struct cel_val api_cel_quantity(struct cel_run *r, struct quantity q);
/* A field's name as expressions write it ("a-b" is a__dash__b); false: it cannot be written. */
bool api_cel_escape(struct str name, struct buf *out);
/* Budgets of one expression and of all of one object, as upstream has them. */
#define API_CEL_CALL_BUDGET 1000000u
#define API_CEL_OBJECT_BUDGET 10000000u
#endif
