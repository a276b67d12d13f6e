/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/seal/seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

/* D. J. Bernstein, "Extending the Salsa20 nonce"; OpenSSL has Poly1305 but not Salsa20. */

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void quarter(uint32_t x[16], int a, int b, int c, int d)
{
#define ROTL(v, n) ((v) << (n) | (v) >> (32 - (n)))
	x[b] ^= ROTL(x[a] + x[d], 7);
	x[c] ^= ROTL(x[b] + x[a], 9);
	x[d] ^= ROTL(x[c] + x[b], 13);
	x[a] ^= ROTL(x[d] + x[c], 18);
#undef ROTL
}

static void rounds(uint32_t x[16])
{
	for (int i = 0; i < 10; i++) {
		quarter(x, 0, 4, 8, 12);
		quarter(x, 5, 9, 13, 1);
		quarter(x, 10, 14, 2, 6);
		quarter(x, 15, 3, 7, 11);
		quarter(x, 0, 1, 2, 3);
		quarter(x, 5, 6, 7, 4);
		quarter(x, 10, 11, 8, 9);
		quarter(x, 15, 12, 13, 14);
	}
}

static void input(uint32_t x[16], const uint8_t key[32], const uint8_t in[16])
{
	static const uint8_t sigma[16] = "expand 32-byte k";

	for (int i = 0; i < 4; i++) {
		x[5 * i] = get32(sigma + 4 * i);
		x[1 + i] = get32(key + 4 * i);
		x[6 + i] = get32(in + 4 * i);
		x[11 + i] = get32(key + 16 + 4 * i);
	}
}

static void hsalsa(const uint8_t key[32], const uint8_t in[16], uint8_t out[32])
{
	uint32_t x[16];

	input(x, key, in);
	rounds(x);
	for (int i = 0; i < 4; i++) {
		put32(out + 4 * i, x[5 * i]);
		put32(out + 16 + 4 * i, x[6 + i]);
	}
}

static void block(const uint8_t key[32], const uint8_t nonce[8], uint64_t counter, uint8_t out[64])
{
	uint32_t x[16], y[16];
	uint8_t in[16];

	memcpy(in, nonce, 8);
	put32(in + 8, (uint32_t)counter);
	put32(in + 12, (uint32_t)(counter >> 32));
	input(x, key, in);
	memcpy(y, x, sizeof(y));
	rounds(x);
	for (int i = 0; i < 16; i++)
		put32(out + 4 * i, x[i] + y[i]);
}

/* The stream's first 32 bytes are the key of the tag, the rest goes over the text. */
static void stream(const uint8_t key[32], const uint8_t nonce[24], uint8_t *p, size_t len,
		   uint8_t tag_key[32])
{
	uint8_t sub[32], b[64];
	size_t used = 32, n = 0;
	uint64_t counter = 0;

	hsalsa(key, nonce, sub);
	block(sub, nonce + 16, counter++, b);
	if (tag_key)
		memcpy(tag_key, b, 32);
	for (; n < len && p; n++) {
		if (used == 64) {
			block(sub, nonce + 16, counter++, b);
			used = 0;
		}
		p[n] ^= b[used++];
	}
	OPENSSL_cleanse(sub, sizeof(sub));
	OPENSSL_cleanse(b, sizeof(b));
}

static int poly1305(const uint8_t key[32], const uint8_t *p, size_t len, uint8_t tag[16])
{
	size_t n;

	return EVP_Q_mac(NULL, "POLY1305", NULL, NULL, NULL, key, 32, p, len, tag, 16, &n) &&
			       n == 16
		       ? 0
		       : -EIO;
}

int xsalsa_seal(const uint8_t key[32], const uint8_t nonce[24], uint8_t *p, size_t len,
		uint8_t tag[16])
{
	uint8_t tag_key[32];
	int r;

	stream(key, nonce, p, len, tag_key);
	r = poly1305(tag_key, p, len, tag);
	OPENSSL_cleanse(tag_key, sizeof(tag_key));
	return r;
}

int xsalsa_open(const uint8_t key[32], const uint8_t nonce[24], uint8_t *p, size_t len,
		const uint8_t tag[16])
{
	uint8_t tag_key[32], want[16];
	int r;

	stream(key, nonce, NULL, 0, tag_key);
	r = poly1305(tag_key, p, len, want);
	OPENSSL_cleanse(tag_key, sizeof(tag_key));
	if (r == 0 && CRYPTO_memcmp(want, tag, 16) != 0)
		r = -EBADMSG;
	if (r == 0)
		stream(key, nonce, p, len, NULL);
	return r;
}
