/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TZONE_H
#define KNARR_TZONE_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * Time zones of the IANA database, from /usr/share/zoneinfo (package tzdata): tzfile(5), RFC 9636,
 * with the POSIX rule behind the last transition. The C library's own functions know one zone a
 * process, kept in the environment; a controller needs many.
 */
struct tzone;
/*
 * "Europe/Berlin", "UTC" ("UTC" needs no file). Blocks for one small file. -ENOENT for a name that
 * is none or not installed, -EINVAL for a file that is no zone.
 */
int tzone_open(struct str name, struct tzone **ret);
/* The same from the bytes of a file. */
int tzone_parse(struct str bytes, struct tzone **ret);
struct tzone *tzone_free(struct tzone *z);
DEFINE_CLEANUP(struct tzone *, tzone_freep, tzone_free)
/* Seconds east of UTC at a Unix time. NULL is UTC. */
int32_t tzone_offset(const struct tzone *z, int64_t unix_s);

/* A date and time on the wall. month 1-12, day 1-31, weekday 0 (Sunday) - 6. */
struct civil {
	int64_t year;
	int month, day, hour, minute, second, weekday;
};
void civil_of(const struct tzone *z, int64_t unix_s, struct civil *ret);
/*
 * Its Unix time; month, day and the rest may be beyond their ranges (day 32 is the next month's
 * first) and weekday is not looked at. A time that a change of the clock skips is taken by one of
 * the two offsets, one that comes twice is the first or second, as Go's time.Date does.
 */
int64_t civil_unix(const struct tzone *z, const struct civil *c);
#endif
