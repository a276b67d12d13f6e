/* SPDX-License-Identifier: Apache-2.0 */
#include "master/seal/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define FORMAT 1u
#define HEAD 48u /* up to the name */
#define NONCE 24u
#define TAG 16u

struct head {
	enum seal_provider provider;
	uint32_t id;
	const uint8_t *nonce, *tag;
	struct str name, text;
};

DEFINE_CLEANUP(EVP_CIPHER_CTX *, cipher_ctx_freep, EVP_CIPHER_CTX_free)

/* ---- rules ---- */

static bool split_key(struct str key, struct str *group, struct str *resource, struct str *rest)
{
	struct str none;

	*rest = key;
	return str_split(rest, '/', &none) && str_split(rest, '/', group) &&
	       str_split(rest, '/', resource) && rest->p;
}

static bool names(const char *pattern, struct str group, struct str resource)
{
	struct str rest = str_of(pattern), first = STR_NULL;

	if (strcmp(pattern, "*.*") == 0)
		return true;
	str_split(&rest, '.', &first);
	if (!str_eqs(first, "*") && !str_eq(first, resource))
		return false;
	return str_eq(rest.len ? rest : STR("core"), group);
}

static const struct seal_rule *rule_of(const struct seal_keys *k, struct str key)
{
	struct str group, resource, rest;

	if (!split_key(key, &group, &resource, &rest))
		return NULL;
	for (size_t i = 0; i < k->n_rules; i++)
		for (size_t j = 0; j < k->rules[i].n_resources; j++)
			if (names(k->rules[i].resources[j], group, resource))
				return &k->rules[i];
	return NULL;
}

uint32_t seal_write_id(const struct seal_keys *k, struct str key)
{
	const struct seal_rule *r = rule_of(k, key);

	return r ? r->keys[0].id : 0;
}

bool seal_plain_ok(const struct seal_keys *k, struct str key)
{
	const struct seal_rule *r = rule_of(k, key);

	for (size_t i = 0; r && i < r->n_keys; i++)
		if (r->keys[i].provider == SEAL_IDENTITY)
			return true;
	return !r;
}

/* ---- ciphers ---- */

/* HMAC-SHA256 of the pieces behind each other. */
static int mac(const uint8_t *key, size_t key_len, const struct str *v, size_t n, uint8_t out[32])
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	unsigned len = 0;

	for (size_t i = 0; i < n; i++)
		buf_addstr(&b, v[i]);
	return HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)b.p, b.len, out, &len) &&
			       len == 32
		       ? 0
		       : -EIO;
}

static const EVP_CIPHER *cipher(enum seal_provider p, unsigned len)
{
	if (p == SEAL_SECRETBOX)
		return EVP_chacha20_poly1305();
	if (p == SEAL_AESGCM)
		return len == 32   ? EVP_aes_256_gcm()
		       : len == 24 ? EVP_aes_192_gcm()
				   : EVP_aes_128_gcm();
	return len == 32 ? EVP_aes_256_cbc() : len == 24 ? EVP_aes_192_cbc() : EVP_aes_128_cbc();
}

/* In or out of `text`, appended to out. */
static int run_cipher(EVP_CIPHER_CTX *c, struct str text, struct buf *out)
{
	int n, m;
	uint8_t *p;

	if (text.len > INT32_MAX / 2)
		return -EMSGSIZE;
	p = (uint8_t *)buf_reserve(out, text.len + 32);
	if (EVP_CipherUpdate(c, p, &n, (const uint8_t *)text.p, (int)text.len) != 1 ||
	    EVP_CipherFinal_ex(c, p + n, &m) != 1)
		return -EBADMSG;
	buf_setlen(out, out->len + (size_t)(n + m));
	return 0;
}

/* AES-GCM or ChaCha20-Poly1305. */
static int aead(const struct seal_key *k, const uint8_t *nonce, struct str aad, struct str text,
		struct buf *out, uint8_t *tag, bool encrypt)
{
	CLEANUP(cipher_ctx_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	struct str info[] = {k->provider == SEAL_AESGCM ? STR("knarr aesgcm")
							: STR("knarr secretbox"),
			     str_n((const char *)nonce, NONCE)};
	uint8_t sub[32], iv[12] = {0}; /* a key of its own: the nonce is in it */
	int n, r = mac(k->secret, k->len, info, 2, sub);

	if (r == 0 &&
	    (!c || EVP_CipherInit_ex(c, cipher(k->provider, k->len), NULL, sub, iv, encrypt) != 1 ||
	     EVP_CipherUpdate(c, NULL, &n, (const uint8_t *)aad.p, (int)aad.len) != 1))
		r = -EIO;
	if (r == 0 && !encrypt && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1)
		r = -EIO;
	if (r == 0)
		r = run_cipher(c, text, out);
	if (r == 0 && encrypt && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, tag) != 1)
		r = -EIO;
	OPENSSL_cleanse(sub, sizeof(sub));
	return r;
}

static int cbc_mac(const struct seal_key *k, const uint8_t *nonce, struct str aad, struct str text,
		   uint8_t out[32])
{
	struct str info = STR("knarr aescbc mac");
	uint8_t sub[32], len[8] = {0};
	struct str v[] = {str_n((const char *)nonce, NONCE), str_n((const char *)len, sizeof(len)),
			  aad, text};
	int r = mac(k->secret, k->len, &info, 1, sub);

	for (int i = 0; i < 4; i++)
		len[i] = (uint8_t)(aad.len >> 8 * i);
	if (r == 0)
		r = mac(sub, sizeof(sub), v, ARRAY_SIZE(v), out);
	OPENSSL_cleanse(sub, sizeof(sub));
	return r;
}

static int cbc(const struct seal_key *k, const uint8_t *nonce, struct str aad, struct str text,
	       struct buf *out, uint8_t *tag, bool encrypt)
{
	CLEANUP(cipher_ctx_freep) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	size_t at = out->len;
	uint8_t sum[32];
	int r = 0;

	if (!encrypt) {
		r = cbc_mac(k, nonce, aad, text, sum);
		if (r == 0 && CRYPTO_memcmp(sum, tag, TAG) != 0)
			r = -EBADMSG;
	}
	if (r == 0 && (!c || EVP_CipherInit_ex(c, cipher(k->provider, k->len), NULL, k->secret,
					       nonce, encrypt) != 1))
		r = -EIO;
	if (r == 0)
		r = run_cipher(c, text, out);
	if (r == 0 && encrypt) {
		r = cbc_mac(k, nonce, aad, str_skip(buf_str(out), at), sum);
		memcpy(tag, sum, TAG);
	}
	return r;
}

static int crypt_text(const struct seal_key *k, const uint8_t *nonce, struct str aad,
		      struct str text, struct buf *out, uint8_t *tag, bool encrypt)
{
	if (k->provider == SEAL_AESCBC)
		return cbc(k, nonce, aad, text, out, tag, encrypt);
	return aead(k, nonce, aad, text, out, tag, encrypt);
}

/* ---- sealed values ---- */

/* What the tag covers besides the text. */
static void add_aad(const struct seal_key *k, struct str key, struct buf *out)
{
	buf_addc(out, (char)FORMAT);
	buf_addc(out, (char)k->provider);
	buf_addstr(out, key);
}

static int parse_head(struct str s, struct head *ret)
{
	const uint8_t *p = (const uint8_t *)s.p;

	if (s.len < HEAD || p[0] != FORMAT || p[1] == SEAL_IDENTITY || p[1] > SEAL_SECRETBOX ||
	    s.len < HEAD + p[2])
		return -EBADMSG;
	*ret = (struct head){
		.provider = p[1],
		.id = (uint32_t)p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 |
		      (uint32_t)p[7] << 24,
		.nonce = p + 8,
		.tag = p + 8 + NONCE,
		.name = str_n(s.p + HEAD, p[2]),
		.text = str_skip(s, HEAD + p[2]),
	};
	return 0;
}

int seal_seal(const struct seal_keys *keys, struct str key, struct str plain, struct buf *out)
{
	const struct seal_rule *rule = rule_of(keys, key);
	const struct seal_key *k = rule ? rule->keys : NULL;
	CLEANUP(buf_done) struct buf aad = BUF_INIT;
	uint8_t h[HEAD] = {FORMAT}, tag[TAG];
	size_t at = out->len;
	int r;

	if (!k || k->provider == SEAL_IDENTITY)
		return 0;
	h[1] = (uint8_t)k->provider;
	h[2] = (uint8_t)strlen(k->name);
	for (int i = 0; i < 4; i++)
		h[4 + i] = (uint8_t)(k->id >> 8 * i);
	if (RAND_bytes(h + 8, NONCE) != 1)
		return -EIO;
	add_aad(k, key, &aad);
	buf_add(out, h, sizeof(h));
	buf_adds(out, k->name);
	r = crypt_text(k, h + 8, buf_str(&aad), plain, out, tag, true);
	if (r < 0) {
		buf_setlen(out, at);
		return -EIO;
	}
	memcpy(out->p + at + 8 + NONCE, tag, TAG);
	return 1;
}

static const struct seal_key *find_key(const struct seal_rule *r, const struct head *h)
{
	for (size_t i = 0; r && i < r->n_keys; i++)
		if (r->keys[i].id == h->id && r->keys[i].provider == h->provider)
			return &r->keys[i];
	return NULL;
}

int seal_open(const struct seal_keys *keys, struct str key, struct str sealed, struct buf *out,
	      uint32_t *ret_id)
{
	CLEANUP(buf_done) struct buf aad = BUF_INIT;
	const struct seal_key *k;
	size_t at = out->len;
	uint8_t tag[TAG];
	struct head h;
	int r = parse_head(sealed, &h);

	if (r < 0)
		return r;
	k = find_key(rule_of(keys, key), &h);
	/* The resource may have left the configuration, or another rule comes first now. */
	for (size_t i = 0; !k && i < keys->n_rules; i++)
		k = find_key(&keys->rules[i], &h);
	if (!k)
		return -ENOKEY;
	add_aad(k, key, &aad);
	memcpy(tag, h.tag, TAG);
	r = crypt_text(k, h.nonce, buf_str(&aad), h.text, out, tag, false);
	if (r < 0) {
		buf_setlen(out, at);
		return r;
	}
	*ret_id = k->id;
	return 0;
}

void seal_describe(struct str sealed, struct buf *out)
{
	static const char *const provider[] = {
		[SEAL_AESGCM] = "aesgcm", [SEAL_AESCBC] = "aescbc", [SEAL_SECRETBOX] = "secretbox"};
	struct head h;

	if (parse_head(sealed, &h) < 0)
		buf_adds(out, "an unknown key");
	else
		buf_addf(out, "%s key \"%.*s\"", provider[h.provider], STR_ARG(h.name));
}

void seal_object_name(struct str key, struct buf *out)
{
	struct str group, resource, rest, ns;

	if (!split_key(key, &group, &resource, &rest)) {
		buf_addstr(out, key);
		return;
	}
	buf_addstr(out, resource);
	if (!str_eqs(group, "core")) {
		buf_addc(out, '.');
		buf_addstr(out, group);
	}
	buf_addc(out, ' ');
	str_split(&rest, '/', &ns);
	if (ns.len) {
		buf_addstr(out, ns);
		buf_addc(out, '/');
	}
	buf_addstr(out, rest);
}
