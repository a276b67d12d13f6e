/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLOUD_INVENTORY_H
#define KNARR_CLOUD_INVENTORY_H
#include "lib/base/buf.h"
#include "lib/base/cidr.h"
/*
 * The inventory of the provider "metal": machines with their zones, and pools of addresses for
 * load balancers (knarr-cloud(7)). Read strictly: a key that is none, a name that comes twice or
 * pools that overlap are mistakes.
 */
struct inventory_machine {
	char *name, *provider_id, *type, *zone, *region; /* NULL: not given; name is there */
	char *addresses; /* JSON: [{type, address}] */
	bool shutdown;
};
struct ip_range {
	struct ip first, last; /* of one family */
};
struct inventory_pool {
	char *name;
	char *zones; /* JSON list of names; "[]": any */
	bool by_hand; /* only for Services that ask for it */
	struct ip_range *ranges;
	size_t n, cap;
};
struct inventory {
	struct inventory_machine *machines;
	size_t n_machines, cap_machines;
	struct inventory_pool *pools;
	size_t n_pools, cap_pools;
};
/* -EINVAL with the place of the mistake: "machines[2].zone: ...". */
int inventory_read(struct str yaml, struct inventory **ret, struct err *err);
struct inventory *inventory_free(struct inventory *v);
const struct inventory_machine *inventory_machine(const struct inventory *v, struct str name);
const struct inventory_pool *inventory_pool(const struct inventory *v, struct str name);
/* The pool that has an address, or NULL. */
const struct inventory_pool *inventory_pool_of(const struct inventory *v, struct ip ip);
#endif
