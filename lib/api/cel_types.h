/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CEL_TYPES_H
#define KNARR_API_CEL_TYPES_H
#include "lib/api/kind.h"
#include "lib/cel/cel.h"
/*
 * A kind's objects as expressions see them when they are checked against the schema: everything its
 * table or its definition declares. From the arena, where the kind's own do not suffice; those live
 * as long as the kind.
 */
const struct cel_type *api_cel_type(const struct api_kind *k, struct arena *a);
/* The same for one table. */
const struct cel_type *api_cel_object(const struct api_type *t, struct arena *a);
#endif
