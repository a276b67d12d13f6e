/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/cdi.h"
#include "agent/plugin/dra.h"
#include "tests/fuzz/fuzz.h"

static void on_answer(void *user, int r, const struct err *err, const struct dra_device *v,
		      size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < v[i].n_requests; k++)
			sum += v[i].requests[k].len;
		for (size_t k = 0; k < v[i].n_cdi_ids; k++)
			sum += v[i].cdi_ids[k].len;
	}
	*(size_t *)user += sum;
}

/* What drivers answer, and the files they write. */
void fuzz_one(struct str in)
{
	size_t sum = 0;

	dra_read_answer(in, STR("u"), true, on_answer, &sum);
	dra_read_answer(in, STR("u"), false, on_answer, &sum);
	for (int yaml = 0; yaml < 2; yaml++) {
		struct cdi_edits e = {0};

		cdi_add_from(in, yaml, "f", STR("v.io/c=d"), &e, NULL);
		cdi_edits_done(&e);
	}
}
