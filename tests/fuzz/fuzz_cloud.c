/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/json/json_scan.h"
#include "master/cloud/cloud.h"
#include "master/cloud/inventory.h"
#include "tests/fuzz/fuzz.h"

/* An inventory, and the same bytes as an answer of a provider's program. */
void fuzz_one(struct str in)
{
	struct inventory *v = NULL;
	struct cloud_instance i;
	struct cloud_balancer b;
	struct err e = ERR_INIT;

	if (inventory_read(in, &v, &e) == 0) {
		for (size_t k = 0; k < v->n_pools; k++)
			for (size_t r = 0; r < v->pools[k].n; r++) {
				const struct ip_range *g = &v->pools[k].ranges[r];

				if (g->first.n > g->last.n ||
				    inventory_pool_of(v, g->first) != &v->pools[k])
					abort();
			}
		inventory_free(v);
	}
	err_done(&e);
	if (json_scan(in, NULL, NULL) < 0)
		return;
	if (cloud_read_instance(jv_of(in), &i, &e) < 0 && !e.errnum)
		abort();
	err_done(&e);
	if (cloud_read_balancer(jv_of(in), &b, &e) < 0 && !e.errnum)
		abort();
	err_done(&e);
}
