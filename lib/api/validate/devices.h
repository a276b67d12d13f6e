/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_VALIDATE_DEVICES_H
#define KNARR_API_VALIDATE_DEVICES_H
#include "lib/api/validate/check.h"
#include "lib/base/hmap.h"
/* Between devices.c (classes and claims) and device_slices.c. */

/* False, and a mistake, when the list is longer; its elements are then not looked at. */
bool check_at_most(const struct place *p, struct json_object *list, size_t max);
void check_device_driver(const struct place *p, struct str name);
void check_pool_name(const struct place *p, struct str name);
/* "[domain/]identifier" of attributes and capacities. */
void check_qualified_name(const struct place *p, struct str name, bool with_domain);
/* bindingConditions and bindingFailureConditions of a device or a result. */
void check_binding_conditions(const struct place *p, struct json_object *d);
#endif
