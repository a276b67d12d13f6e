/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CEL_CALL_H
#define KNARR_CEL_CALL_H
#include "lib/cel/cel.h"
/* Overloads of one call, as the checker leaves them for the evaluation and the estimate. */
#define CEL_ARGS_MAX 8
#define CEL_PARAMS 2

struct cel_overload {
	cel_fn *fn;
	const struct cel_def *def;
	uint8_t cost;
	const struct cel_type *args[CEL_ARGS_MAX];
	const struct cel_type *result;
};
struct cel_overloads {
	struct cel_overload *v;
	size_t n;
	bool known; /* there are some by this name, with whatever arguments */
};
#endif
