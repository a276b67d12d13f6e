/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/str.h"

#include <sys/random.h>

int str_cmp(struct str a, struct str b)
{
	size_t n = MIN(a.len, b.len);
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c)
		return c;
	return a.len < b.len ? -1 : a.len > b.len;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.len && is_space(s.p[0]))
		s = str_skip(s, 1);
	while (s.len && is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

ssize_t str_chr(struct str s, char c)
{
	const char *q = s.len ? memchr(s.p, c, s.len) : NULL;

	return q ? q - s.p : -1;
}

ssize_t str_rchr(struct str s, char c)
{
	const char *q = s.len ? memrchr(s.p, c, s.len) : NULL;

	return q ? q - s.p : -1;
}

bool str_split(struct str *rest, char sep, struct str *ret)
{
	ssize_t at;

	if (str_is_null(*rest))
		return false;
	at = str_chr(*rest, sep);
	if (at < 0) {
		*ret = *rest;
		*rest = STR_NULL;
	} else {
		*ret = (struct str){rest->p, (size_t)at};
		*rest = str_skip(*rest, (size_t)at + 1);
	}
	return true;
}

int str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (!s.len)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

int str_to_i64(struct str s, int64_t *ret)
{
	bool neg = s.len && s.p[0] == '-';
	uint64_t v;
	int r = str_to_u64(neg ? str_skip(s, 1) : s, &v);

	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX + neg)
		return -ERANGE;
	*ret = neg ? (int64_t)-v : (int64_t)v;
	return 0;
}

int str_copy(char *dst, size_t size, struct str s)
{
	size_t n = MIN(s.len, size - 1);

	if (n)
		memcpy(dst, s.p, n);
	dst[n] = 0;
	return n == s.len ? 0 : -ENAMETOOLONG;
}

/* SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). */
#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

static uint64_t hash_key[2];

__attribute__((constructor)) static void hash_key_init(void)
{
	if (getrandom(hash_key, sizeof(hash_key), 0) != sizeof(hash_key))
		hash_key[0] = (uint64_t)getpid();
}

uint64_t str_hash(struct str s)
{
	uint64_t v[4] = {hash_key[0] ^ 0x736f6d6570736575ull, hash_key[1] ^ 0x646f72616e646f6dull,
			 hash_key[0] ^ 0x6c7967656e657261ull, hash_key[1] ^ 0x7465646279746573ull};
	uint64_t m, last = (uint64_t)s.len << 56;
	size_t i;

	for (i = 0; i + 8 <= s.len; i += 8) {
		memcpy(&m, s.p + i, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	for (size_t k = 0; i + k < s.len; k++)
		last |= (uint64_t)(uint8_t)s.p[i + k] << (8 * k);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int k = 0; k < 3; k++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
