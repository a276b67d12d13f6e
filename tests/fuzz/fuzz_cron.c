/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/api/cron.h"
#include "lib/api/indexes.h"
#include "tests/fuzz/fuzz.h"

/*
 * First line: a schedule; second: a set of indexes; the rest: the file of a time zone. Times go
 * forward and fit the schedule; a set that is read and written reads the same.
 */
static void run_schedule(const struct cron *c, const struct tzone *z)
{
	int64_t t = 1764000000;

	for (int i = 0; i < 20; i++) {
		int64_t next = cron_next(c, z, t);
		struct civil w;

		if (!next)
			return;
		if (next <= t)
			abort();
		civil_of(z, next, &w);
		if (!c->every_s && (!(c->minute >> w.minute & 1) || !(c->hour >> w.hour & 1) ||
				    !(c->month >> w.month & 1)))
			abort();
		t = next;
	}
}

static void run_indexes(struct str text)
{
	CLEANUP(buf_done) struct buf a = BUF_INIT, b = BUF_INIT;
	CLEANUP(indexes_done) struct indexes s = {0}, again = {0};

	if (indexes_parse(text, 1000, &s, NULL) < 0)
		return;
	indexes_format(&s, &a);
	if (indexes_parse(buf_str(&a), 1000, &again, NULL) < 0)
		abort();
	indexes_format(&again, &b);
	if (!str_eq(buf_str(&a), buf_str(&b)) || indexes_total(&s) > 1000 ||
	    indexes_common(&s, &again) != indexes_total(&s))
		abort();
	indexes_add(&s, 500);
	if (!indexes_has(&s, 500) || indexes_gap(&s, 500) <= 500)
		abort();
}

void fuzz_one(struct str in)
{
	CLEANUP(tzone_freep) struct tzone *z = NULL;
	struct str schedule, set;
	struct cron c;

	if (!str_split(&in, '\n', &schedule) || !str_split(&in, '\n', &set))
		return;
	run_indexes(set);
	tzone_parse(in, &z);
	if (cron_parse(schedule, &c, NULL) == 0)
		run_schedule(&c, z);
}
