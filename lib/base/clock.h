/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLOCK_H
#define KNARR_CLOCK_H
#include "lib/base/buf.h"
/*
 * Time as a parameter: code that a simulation must be able to drive takes a `const struct clock *`
 * and never calls clock_gettime itself. All times are nanoseconds in uint64_t/int64_t.
 */
struct clock {
	uint64_t (*mono_ns)(void *user); /* never goes back; for timeouts */
	int64_t (*real_ns)(void *user); /* Unix epoch; for timestamps in objects */
	void *user;
};
extern const struct clock clock_system;
static inline uint64_t clock_mono_ns(const struct clock *c)
{
	return c->mono_ns(c->user);
}
static inline int64_t clock_real_ns(const struct clock *c)
{
	return c->real_ns(c->user);
}

/* Randomness as a parameter, for the same reason. */
struct rng {
	void (*fill)(void *user, void *p, size_t len);
	void *user;
};
extern const struct rng rng_system; /* getrandom(2) */
uint64_t rng_u64(const struct rng *r);
/* Uniform in [0, n). */
uint64_t rng_below(const struct rng *r, uint64_t n);
#define UUID_LEN 36
/* RFC 9562 version 4, lower case, NUL-terminated. */
void rng_uuid(const struct rng *r, char ret[UUID_LEN + 1]);
/* k8s.io/apimachinery/pkg/util/rand: n characters of "bcdfghjklmnpqrstvwxz2456789". */
void rng_name_suffix(const struct rng *r, char *ret, size_t n);

/* metav1.Time: "2006-01-02T15:04:05Z" (seconds, UTC). 20 characters. */
#define TIME_LEN 20
void time_format(int64_t real_ns, char ret[TIME_LEN + 1]);
/* metav1.MicroTime: "2006-01-02T15:04:05.000000Z". 27 characters. */
#define MICROTIME_LEN 27
void time_format_micro(int64_t real_ns, char ret[MICROTIME_LEN + 1]);
/* RFC 3339 with nanoseconds as logs have them: "2006-01-02T15:04:05.999999999Z". */
#define NANOTIME_LEN 30
void time_format_nano(int64_t real_ns, char ret[NANOTIME_LEN + 1]);
/* Any RFC 3339 time, with zone and fraction. -EINVAL when it is none. */
int time_parse(struct str s, int64_t *ret_real_ns);
/* Go's time.Duration text ("1h30m", "1.5s", "300ms"), non-negative or signed. */
int duration_parse(struct str s, int64_t *ret_ns);
void duration_format(int64_t ns, struct buf *out);
/* kubectl's ages: "5s", "3m20s", "4h", "12d" (k8s.io/apimachinery/pkg/util/duration HumanDuration).
 */
void duration_human(int64_t ns, struct buf *out);
#endif
