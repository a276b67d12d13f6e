/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STR_H
#define KNARR_STR_H
#include "lib/base/base.h"
/*
 * A borrowed piece of text or bytes: pointer and length, not NUL-terminated, never owned.
 * {NULL, 0} is "absent"; str_is_null tells it from the empty string.
 */
struct str {
	const char *p;
	size_t len;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_NULL ((struct str){NULL, 0})
/* For printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)MIN((s).len, (size_t)INT_MAX), (s).p ? (s).p : ""

static inline struct str str_of(const char *s)
{
	return s ? (struct str){s, strlen(s)} : STR_NULL;
}
static inline struct str str_n(const void *p, size_t len)
{
	return (struct str){p, len};
}
static inline bool str_is_null(struct str s)
{
	return !s.p;
}
static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
static inline bool str_eqs(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}
static inline bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && (!prefix.len || memcmp(s.p, prefix.p, prefix.len) == 0);
}
static inline bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len &&
	       (!suffix.len || memcmp(s.p + s.len - suffix.len, suffix.p, suffix.len) == 0);
}
static inline struct str str_skip(struct str s, size_t n)
{
	n = MIN(n, s.len);
	return (struct str){s.p + n, s.len - n};
}
static inline char *str_dup(struct str s) /* caller frees; absent gives NULL */
{
	return s.p ? xstrndup(s.p, s.len) : NULL;
}

int str_cmp(struct str a, struct str b); /* memcmp order, shorter first */
bool str_eq_nocase(struct str a, struct str b); /* ASCII */
struct str str_trim(struct str s); /* ASCII white space off both ends */
/* Position of c, or -1. */
ssize_t str_chr(struct str s, char c);
ssize_t str_rchr(struct str s, char c);
/*
 * Cut the piece before the first `sep` off the front of *rest into *ret and move *rest behind the
 * separator. False when *rest is absent. "a,,b" gives "a", "", "b"; "" gives one empty piece.
 */
bool str_split(struct str *rest, char sep, struct str *ret);
/* Whole-string decimal; -EINVAL for anything else, -ERANGE beyond the type. */
int str_to_u64(struct str s, uint64_t *ret);
int str_to_i64(struct str s, int64_t *ret);
/* Copies with truncation, always terminates; returns -ENAMETOOLONG if it did not fit. */
int str_copy(char *dst, size_t size, struct str s);

/* FNV-free keyed hash (SipHash-1-3, key drawn at process start): safe for keys from outside. */
uint64_t str_hash(struct str s);
#endif
