/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/jv_skip.h"
#include "lib/base/base.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
/*
 * Nested values are passed in blocks of 64 bytes, each as bit masks (one bit a byte, the first
 * byte lowest): quotes that are not escaped make, by a running xor, the mask of what lies inside
 * strings; brackets outside of it are counted, and looked at one by one only in a block where the
 * value can end. The idea is that of simdjson (Langdale, Lemire: Parsing Gigabytes of JSON per
 * Second, section 3.1).
 */
#define BLOCK 64
#define EACH(byte) (0x0101010101010101ull * (uint8_t)(byte))

struct masks {
	uint64_t quote, backslash, open, close;
};

#ifdef __SSE2__
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

const char *jv_skip_nested(const char *p, const char *end)
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
		m = classify(last ? tail : p);
		if (m.backslash || carry)
			m.quote &= ~escaped(m.backslash, &carry);
		strings = running_xor(m.quote) ^ in_string;
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
