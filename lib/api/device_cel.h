/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_DEVICE_CEL_H
#define KNARR_API_DEVICE_CEL_H
#include "lib/cel/cel.h"
#include "lib/json/jv.h"
/*
 * The expressions by which claims and classes select devices
 * (k8s.io/dynamic-resource-allocation/cel): one variable, `device`, with driver, attributes and
 * capacity by domain and name, allowMultipleAllocations.
 */
#define DEVICE_CEL_TEXT_MAX (10u << 10)
#define DEVICE_CEL_COST_MAX 1000000u
#define DEVICE_DOMAIN_MAX 63
#define DEVICE_ID_MAX 32
#define DEVICE_VALUE_MAX 64
#define DEVICE_LIST_MAX 48 /* values of all attributes */
#define DEVICE_ATTRIBUTES_MAX 32 /* and capacities, together */

/* -EINVAL with the reason. The cost by estimate is cel_program_cost(). */
int device_cel_compile(struct str text, struct cel_program **ret, struct err *err);
/*
 * Does a device (its entry in a ResourceSlice, borrowed) of that driver match? 1, 0, or -EINVAL
 * with the reason: the expression failed, or went beyond its budget. `scratch` is reset; what it
 * cost is put into *ret_cost (may be NULL).
 */
int device_cel_match(const struct cel_program *p, struct str driver, struct jv device,
		     struct arena *scratch, uint64_t *ret_cost, struct err *err);
/* "domain/name", or "name" of the driver's own domain. */
void device_name_split(struct str name, struct str driver, struct str *ret_domain,
		       struct str *ret_id);
#endif
