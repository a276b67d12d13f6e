/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_SERVICE_FAMILIES_H
#define KNARR_APISERVER_SERVICE_FAMILIES_H
#include "lib/base/cidr.h"
#include "lib/json/jsonc.h"
/*
 * Which families of addresses a Service has (KEP-563): spec.ipFamilyPolicy and spec.ipFamilies of
 * one about to be written are filled in from what it says, what it was (`old`; NULL: it is new) and
 * what the cluster has, `ranges`. A Service never gains or loses a family unless its policy, its
 * families or its addresses were changed.
 *
 * What contradicts itself or the cluster adds causes to err; addresses are not chosen here. Other
 * than in validation these few mistakes come alone, as upstream finds them before it validates.
 */
void service_families(const struct cidr_pair *ranges, struct json_object *obj,
		      struct json_object *old, struct err *err);
#endif
