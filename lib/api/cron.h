/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CRON_H
#define KNARR_API_CRON_H
#include "lib/base/err.h"
#include "lib/sys/tzone.h"
/*
 * Schedules of CronJobs: five fields (minute, hour, day of month, month, day of week), "@hourly",
 * "@daily", "@every 1h30m" and the like, as github.com/robfig/cron v3's ParseStandard reads them.
 */
struct cron {
	uint64_t minute, hour, day, month, weekday; /* a bit a value */
	bool any_day, any_weekday; /* given as "*": the other alone decides */
	int64_t every_s; /* "@every"; else 0 */
};
/* -EINVAL with robfig's own sentence. */
int cron_parse(struct str text, struct cron *ret, struct err *err);
/*
 * The first time behind `after_s` (Unix seconds) on the zone's clock; 0 when there is none in five
 * years ("0 0 30 2 *"). A time that the clock skips is not run, one that comes twice is run twice.
 */
int64_t cron_next(const struct cron *c, const struct tzone *z, int64_t after_s);
#endif
