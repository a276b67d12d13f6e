/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/jv_skip.h"
#include "lib/base/base.h"

#include <endian.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif
/*
 * Nested values are passed in blocks of 64 bytes, each as bit masks (one bit a byte, the first
 * byte lowest): quotes that are not escaped make, by a running xor, the mask of what lies inside
 * strings; brackets outside of it are counted, and looked at one by one only in a block where the
 * value can end. The idea is that of simdjson (Langdale, Lemire: Parsing Gigabytes of JSON per
 * Second, section 3.1). A processor that has AVX2, a carry-less multiplication (a running xor is
 * one by all ones) and a count of bits does a block in a third of the instructions.
 */
#define BLOCK 64
#define EACH(byte) (0x0101010101010101ull * (uint8_t)(byte))

struct masks {
	uint64_t quote, backslash, open, close;
};

#ifdef __x86_64__
static uint64_t bits(const __m128i v[4], char c)
{
	__m128i want = _mm_set1_epi8(c);
	uint64_t m = 0;

	for (int i = 3; i >= 0; i--)
		m = m << 16 | (uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], want));
	return m;
}

static struct masks classify(const char *p)
{
	__m128i v[4], folded[4];

	for (int i = 0; i < 4; i++) {
		v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		/* '[' and ']' become '{' and '}'; nothing else does. */
		folded[i] = _mm_or_si128(v[i], _mm_set1_epi8(0x20));
	}
	return (struct masks){bits(v, '"'), bits(v, '\\'), bits(folded, '{'), bits(folded, '}')};
}
#else
/* 0x80 in each byte of w that is c, gathered to eight bits. */
static uint64_t bits8(uint64_t w, char c)
{
	uint64_t x = w ^ EACH(c);

	x = ~(((x & EACH(0x7f)) + EACH(0x7f)) | x | EACH(0x7f));
	return ((x >> 7) * 0x0102040810204080ull) >> 56;
}

static struct masks classify(const char *p)
{
	struct masks m = {0};

	for (int i = 7; i >= 0; i--) {
		uint64_t w;

		memcpy(&w, p + 8 * i, 8);
		w = le64toh(w);
		m.quote = m.quote << 8 | bits8(w, '"');
		m.backslash = m.backslash << 8 | bits8(w, '\\');
		m.open = m.open << 8 | bits8(w | EACH(0x20), '{');
		m.close = m.close << 8 | bits8(w | EACH(0x20), '}');
	}
	return m;
}
#endif

/* Bytes behind an unescaped backslash; *carry: the next block's first byte is one. */
static uint64_t escaped(uint64_t backslash, bool *carry)
{
	uint64_t ret = *carry;

	*carry = false;
	backslash &= ~ret;
	while (backslash) {
		uint64_t bit = backslash & -backslash;

		ret |= bit << 1;
		*carry = bit >> 63;
		backslash &= ~(bit | bit << 1);
	}
	return ret;
}

static uint64_t running_xor(uint64_t m)
{
	for (int shift = 1; shift < 64; shift *= 2)
		m ^= m << shift;
	return m;
}

#define INLINE static inline __attribute__((always_inline))

INLINE const char *skip_nested(const char *p, const char *end,
			       struct masks (*classify_fn)(const char *),
			       uint64_t (*xor_fn)(uint64_t))
{
	uint64_t in_string = 0; /* all ones: the block begins inside a string */
	bool carry = false;
	size_t depth = 0;

	for (; p < end; p += BLOCK) {
		char tail[BLOCK];
		bool last = end - p < BLOCK;
		struct masks m;
		uint64_t strings, both;

		if (last) {
			memset(tail, ' ', sizeof(tail));
			memcpy(tail, p, (size_t)(end - p));
		}
		m = classify_fn(last ? tail : p);
		if (m.backslash || carry)
			m.quote &= ~escaped(m.backslash, &carry);
		strings = xor_fn(m.quote) ^ in_string;
		in_string = strings >> 63 ? UINT64_MAX : 0;
		m.open &= ~strings;
		m.close &= ~strings;
		if ((size_t)__builtin_popcountll(m.close) < depth) {
			depth += (size_t)__builtin_popcountll(m.open);
			depth -= (size_t)__builtin_popcountll(m.close);
			continue;
		}
		for (both = m.open | m.close; both; both &= both - 1) {
			if (m.open & both & -both)
				depth++;
			else if (--depth == 0)
				return p + __builtin_ctzll(both) + 1;
		}
	}
	return end;
}

const char *jv_skip_nested_plain(const char *p, const char *end)
{
	return skip_nested(p, end, classify, running_xor);
}

#ifdef __x86_64__
#define FAST static __attribute__((target("avx2,bmi,popcnt,pclmul"), always_inline)) inline
FAST uint64_t bits_fast(__m256i low, __m256i high, char c)
{
	__m256i want = _mm256_set1_epi8(c);

	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, want)) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, want)) << 32;
}

FAST struct masks classify_fast(const char *p)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
	__m256i fold = _mm256_set1_epi8(0x20);
	uint64_t quote = bits_fast(low, high, '"'), backslash = bits_fast(low, high, '\\');

	low = _mm256_or_si256(low, fold);
	high = _mm256_or_si256(high, fold);
	return (struct masks){quote, backslash, bits_fast(low, high, '{'),
			      bits_fast(low, high, '}')};
}

FAST uint64_t running_xor_fast(uint64_t m)
{
	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)m),
								_mm_set1_epi8((char)0xff), 0));
}

__attribute__((target("avx2,bmi,popcnt,pclmul"))) static const char *skip_fast(const char *p,
									       const char *end)
{
	return skip_nested(p, end, classify_fast, running_xor_fast);
}
#endif

/* Until the first call has looked at the processor. Two threads that do find the same. */
static const char *skip_first(const char *p, const char *end);
static const char *(*skip)(const char *p, const char *end) = skip_first;

static const char *skip_first(const char *p, const char *end)
{
	const char *(*found)(const char *, const char *) = jv_skip_nested_plain;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul"))
		found = skip_fast;
#endif
	__atomic_store_n(&skip, found, __ATOMIC_RELAXED);
	return found(p, end);
}

const char *jv_skip_nested(const char *p, const char *end)
{
	return __atomic_load_n(&skip, __ATOMIC_RELAXED)(p, end);
}

const char *jv_skip_string(const char *p, const char *end)
{
	for (p++; p < end;) {
		uint64_t w, m;

		if (end - p >= 8) {
			/* The lowest bit is right: a borrow runs upwards only. */
			memcpy(&w, p, 8);
			w = le64toh(w);
			m = w ^ EACH('"');
			m = (m - EACH(1)) & ~m;
			w ^= EACH('\\');
			m |= (w - EACH(1)) & ~w;
			m &= EACH(0x80);
			if (!m) {
				p += 8;
				continue;
			}
			p += __builtin_ctzll(m) / 8;
		}
		if (*p == '"')
			return p + 1;
		p += *p == '\\' ? 2 : 1;
	}
	return end;
}
