/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/jwt.h"
#include "lib/base/codec.h"
#include <openssl/core_names.h>
#include <openssl/ec.h>

#define P256_BYTES 32
#define TOKEN_MAX (16 * 1024)

DEFINE_CLEANUP(EVP_MD_CTX *, md_ctx_freep, EVP_MD_CTX_free)
DEFINE_CLEANUP(ECDSA_SIG *, ecdsa_sig_freep, ECDSA_SIG_free)
DEFINE_CLEANUP(BIGNUM *, bn_freep, BN_free)

const char *jwt_alg(EVP_PKEY *key)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		return EVP_PKEY_get_bits(key) == 256 ? "ES256" : NULL;
	case EVP_PKEY_RSA:
		return "RS256";
	default:
		return NULL;
	}
}

void jwt_key_id(EVP_PKEY *key, struct buf *out)
{
	uint8_t md[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned md_len = 0;
	int len = i2d_PUBKEY(key, &der);

	if (len > 0)
		EVP_Digest(der, (size_t)len, md, &md_len, EVP_sha256(), NULL);
	OPENSSL_free(der);
	base64url_encode(str_n(md, md_len), out);
}

/* RFC 7518 3.4: the two numbers side by side, not OpenSSL's DER. */
static int ecdsa_to_raw(const uint8_t *der, size_t len, struct buf *raw)
{
	CLEANUP(ecdsa_sig_freep) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	uint8_t *at = (uint8_t *)buf_reserve(raw, 2 * P256_BYTES);

	if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig), at, P256_BYTES) < 0 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), at + P256_BYTES, P256_BYTES) < 0)
		return -EINVAL;
	buf_setlen(raw, raw->len + 2 * P256_BYTES);
	return 0;
}

static int ecdsa_from_raw(struct str raw, struct buf *der)
{
	CLEANUP(ecdsa_sig_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
	const uint8_t *p = (const uint8_t *)raw.p;
	uint8_t *out = NULL;
	int len;

	if (raw.len != 2 * P256_BYTES || !sig ||
	    !ECDSA_SIG_set0(sig, BN_bin2bn(p, P256_BYTES, NULL),
			    BN_bin2bn(p + P256_BYTES, P256_BYTES, NULL)))
		return -EINVAL;
	len = i2d_ECDSA_SIG(sig, &out);
	if (len <= 0)
		return -EINVAL;
	buf_add(der, out, (size_t)len);
	OPENSSL_free(out);
	return 0;
}

static int sign_raw(EVP_PKEY *key, struct str input, struct buf *sig)
{
	CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP_FREE uint8_t *der = NULL;
	size_t len = 0;

	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, NULL, &len, (const uint8_t *)input.p, input.len) != 1)
		return -EINVAL;
	der = xmalloc(len);
	if (EVP_DigestSign(ctx, der, &len, (const uint8_t *)input.p, input.len) != 1)
		return -EINVAL;
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		return ecdsa_to_raw(der, len, sig);
	buf_add(sig, der, len);
	return 0;
}

int jwt_sign(EVP_PKEY *key, struct str claims, struct buf *out, struct err *err)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT;
	CLEANUP(buf_done) struct buf sig = BUF_INIT;
	const char *alg = jwt_alg(key);
	size_t at = out->len;

	if (!alg)
		return err_sys(err, EINVAL, "the service-account key must be P-256 or RSA");
	buf_addf(&header, "{\"alg\":\"%s\",\"kid\":\"", alg);
	jwt_key_id(key, &header);
	buf_adds(&header, "\"}");
	base64url_encode(buf_str(&header), out);
	buf_addc(out, '.');
	base64url_encode(claims, out);
	if (sign_raw(key, str_n(out->p + at, out->len - at), &sig) < 0) {
		buf_setlen(out, at);
		return cert_err(err, "cannot sign a token");
	}
	buf_addc(out, '.');
	base64url_encode(buf_str(&sig), out);
	return 0;
}

int jwt_verify(EVP_PKEY *key, struct str token, struct buf *ret_claims)
{
	CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP(buf_done) struct buf raw = BUF_INIT;
	CLEANUP(buf_done) struct buf der = BUF_INIT;
	ssize_t dot = str_rchr(token, '.');
	struct str input, header, claims, sig;

	if (token.len > TOKEN_MAX || dot < 0 || !jwt_alg(key))
		return -EACCES;
	input = str_n(token.p, (size_t)dot);
	claims = input;
	if (!str_split(&claims, '.', &header) || str_chr(claims, '.') >= 0 ||
	    base64url_decode(str_skip(token, (size_t)dot + 1), &raw) < 0)
		return -EACCES;
	sig = buf_str(&raw);
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
		if (ecdsa_from_raw(sig, &der) < 0)
			return -EACCES;
		sig = buf_str(&der);
	}
	if (EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestVerify(ctx, (const uint8_t *)sig.p, sig.len, (const uint8_t *)input.p,
			     input.len) != 1) {
		cert_err(NULL, "");
		return -EACCES;
	}
	return base64url_decode(claims, ret_claims) < 0 ? -EACCES : 0;
}

static int add_param(EVP_PKEY *key, const char *param, const char *name, int pad, struct buf *out)
{
	CLEANUP(bn_freep) BIGNUM *bn = NULL;
	uint8_t bytes[1024];
	int len;

	if (EVP_PKEY_get_bn_param(key, param, &bn) != 1 || BN_num_bytes(bn) > (int)sizeof(bytes))
		return -EINVAL;
	len = pad ? BN_bn2binpad(bn, bytes, pad) : BN_bn2bin(bn, bytes);
	if (len < 0)
		return -EINVAL;
	buf_addf(out, ",\"%s\":\"", name);
	base64url_encode(str_n(bytes, (size_t)len), out);
	buf_addc(out, '"');
	return 0;
}

static int add_key(EVP_PKEY *key, struct buf *out, struct err *err)
{
	const char *alg = jwt_alg(key);
	bool ec = alg && !strcmp(alg, "ES256");
	int r;

	if (!alg)
		return err_sys(err, EINVAL, "the service-account key must be P-256 or RSA");
	buf_addf(out, "{\"use\":\"sig\",\"kty\":\"%s\",\"kid\":\"", ec ? "EC" : "RSA");
	jwt_key_id(key, out);
	buf_addf(out, "\",\"alg\":\"%s\"", alg);
	if (ec) {
		buf_adds(out, ",\"crv\":\"P-256\"");
		r = add_param(key, OSSL_PKEY_PARAM_EC_PUB_X, "x", P256_BYTES, out);
		r = r ? r : add_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, "y", P256_BYTES, out);
	} else {
		r = add_param(key, OSSL_PKEY_PARAM_RSA_N, "n", 0, out);
		r = r ? r : add_param(key, OSSL_PKEY_PARAM_RSA_E, "e", 0, out);
	}
	buf_addc(out, '}');
	return r < 0 ? cert_err(err, "cannot read the service-account key") : 0;
}

int jwt_key_set(EVP_PKEY *const *keys, struct buf *out, struct err *err)
{
	int r = 0;

	buf_adds(out, "{\"keys\":[");
	for (size_t i = 0; r == 0 && keys[i]; i++) {
		if (i)
			buf_addc(out, ',');
		r = add_key(keys[i], out, err);
	}
	buf_adds(out, "]}");
	return r;
}
