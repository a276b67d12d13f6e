/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors and quantities: what parses is written back and must parse to the same. */
#include "lib/base/base.h"
#include "lib/api/fields.h"
#include "lib/api/labels.h"
#include "lib/api/quantity.h"
#include "tests/fuzz/fuzz.h"

static void quantity(struct str in)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, again = BUF_INIT;
	struct quantity q;

	if (quantity_parse(in, &q) < 0)
		return;
	quantity_value(q);
	quantity_milli(q);
	quantity_format(q, &b);
	if (quantity_canonical(buf_str(&b), &again) < 0 || !str_eq(buf_str(&b), buf_str(&again)))
		abort();
}

void fuzz_one(struct str in)
{
	struct label_selector l = {0}, l2 = {0};
	struct field_selector f = {0};
	struct str line, rest = in;

	if (label_selector_parse(in, &l, NULL) == 0) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		label_selector_match(&l, jv_of(STR("{\"a\":\"b\",\"n\":\"3\"}")));
		label_selector_format(&l, &b);
		if (label_selector_parse(buf_str(&b), &l2, NULL) < 0 || l2.n != l.n)
			abort();
		label_selector_done(&l2);
	}
	label_selector_done(&l);
	if (field_selector_parse(in, NULL, &f, NULL) == 0)
		field_selector_done(&f);
	while (str_split(&rest, '\n', &line))
		quantity(line);
}
