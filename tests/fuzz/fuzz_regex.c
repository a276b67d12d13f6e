/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/base/regex.h"
#include "tests/fuzz/fuzz.h"

/* First line: a pattern; the rest is what it is matched against. */
void fuzz_one(struct str in)
{
	struct str pattern;
	struct rx *r = NULL;
	ssize_t c[8];

	str_split(&in, '\n', &pattern);
	if (rx_compile(pattern.p ? pattern : STR(""), &r, NULL) < 0)
		return;
	in = in.p ? str_n(in.p, MIN(in.len, (size_t)200)) : STR("");
	if (rx_find(r, in, 0, c, 4) != rx_match(r, in) || (rx_find(r, in, 0, c, 4) && c[0] > c[1]))
		abort();
	rx_free(r);
}
