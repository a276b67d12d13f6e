/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/codec.h"

static const char set_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char set_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct str in, struct buf *out, const char *set, bool pad)
{
	const uint8_t *s = (const uint8_t *)in.p;
	size_t i;

	buf_reserve(out, in.len / 3 * 4 + 4);
	for (i = 0; i + 3 <= in.len; i += 3) {
		uint32_t v = (uint32_t)s[i] << 16 | (uint32_t)s[i + 1] << 8 | s[i + 2];
		char q[4] = {set[v >> 18], set[v >> 12 & 63], set[v >> 6 & 63], set[v & 63]};

		buf_add(out, q, 4);
	}
	if (i < in.len) {
		bool two = in.len - i == 2;
		uint32_t v = (uint32_t)s[i] << 16 | (two ? (uint32_t)s[i + 1] << 8 : 0);

		buf_addc(out, set[v >> 18]);
		buf_addc(out, set[v >> 12 & 63]);
		if (two)
			buf_addc(out, set[v >> 6 & 63]);
		if (pad)
			buf_adds(out, two ? "=" : "==");
	}
}

static int value_of(char c, bool url)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (url ? '-' : '+'))
		return 62;
	return c == (url ? '_' : '/') ? 63 : -1;
}

static int decode(struct str in, struct buf *out, bool url)
{
	uint32_t v = 0, bits = 0;
	size_t pad = 0;

	if (!url) {
		if (in.len % 4)
			return -EINVAL;
		while (pad < 2 && in.len && in.p[in.len - 1] == '=') {
			in.len--;
			pad++;
		}
	}
	if (in.len % 4 == 1)
		return -EINVAL;
	buf_reserve(out, in.len / 4 * 3 + 3);
	for (size_t i = 0; i < in.len; i++) {
		int d = value_of(in.p[i], url);

		if (d < 0)
			return -EINVAL;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(out, (char)(v >> bits));
		}
	}
	return v & ((1u << bits) - 1) ? -EINVAL : 0;
}

void base64_encode(struct str in, struct buf *out)
{
	encode(in, out, set_std, true);
}

void base64url_encode(struct str in, struct buf *out)
{
	encode(in, out, set_url, false);
}

int base64_decode(struct str in, struct buf *out)
{
	return decode(in, out, false);
}

int base64url_decode(struct str in, struct buf *out)
{
	return decode(in, out, true);
}

void hex_encode(struct str in, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";

	buf_reserve(out, in.len * 2);
	for (size_t i = 0; i < in.len; i++) {
		buf_addc(out, hex[(uint8_t)in.p[i] >> 4]);
		buf_addc(out, hex[(uint8_t)in.p[i] & 15]);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 32);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(struct str in, struct buf *out)
{
	if (in.len % 2)
		return -EINVAL;
	for (size_t i = 0; i < in.len; i += 2) {
		int a = hex_value(in.p[i]), b = hex_value(in.p[i + 1]);

		if (a < 0 || b < 0)
			return -EINVAL;
		buf_addc(out, (char)(a << 4 | b));
	}
	return 0;
}

int percent_decode(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		char c = in.p[i];

		if (c == '%') {
			if (i + 2 >= in.len || hex_decode(str_n(in.p + i + 1, 2), out) < 0)
				return -EINVAL;
			if (!out->p[out->len - 1])
				return -EINVAL;
			i += 2;
		} else {
			buf_addc(out, c);
		}
	}
	return 0;
}

static uint32_t crc_table[256];
static bool crc_hw;

__attribute__((constructor)) static void crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		crc_table[i] = c;
	}
#ifdef __x86_64__
	crc_hw = __builtin_cpu_supports("sse4.2");
#endif
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_sse(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t c = crc, v;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		c = __builtin_ia32_crc32di(c, v);
	}
	for (; n; n--, p++)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return (uint32_t)c;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
	const uint8_t *q = p;

	crc = ~crc;
#ifdef __x86_64__
	if (crc_hw)
		return ~crc_sse(crc, q, len);
#endif
	for (; len; len--, q++)
		crc = crc >> 8 ^ crc_table[(crc ^ *q) & 255];
	return ~crc;
}
