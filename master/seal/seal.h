/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SEAL_H
#define KNARR_SEAL_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * Encryption of what the store writes, as an EncryptionConfiguration (apiserver.config.k8s.io/v1)
 * asks for it: which resources, by which keys. The first provider of a resource's rule writes, all
 * of them read. What a key is and who calls this stands in store.h (struct store_seal).
 *
 *	sealed	u8 version (1), u8 provider, u8 length of the key's name, u8 0, u32 key id,
 *		24 bytes nonce, 16 bytes tag, name, ciphertext
 *
 * The tag also covers the store's key: a sealed value is of no use under another name.
 *	aesgcm		AES-GCM with a key of its own for each value, HMAC-SHA256(secret, nonce): no
 *			limit on how many values a secret may seal
 *	aescbc		AES-CBC, then HMAC-SHA256, by a key made of the secret
 *	secretbox	ChaCha20-Poly1305 with such a key: OpenSSL has no XSalsa20, which it is
 *			elsewhere
 * All of it is free of state: any thread.
 */
enum seal_provider {
	SEAL_IDENTITY,
	SEAL_AESGCM,
	SEAL_AESCBC,
	SEAL_SECRETBOX,
};

struct seal_key {
	char *name;
	uint8_t secret[32];
	unsigned len; /* of secret */
	uint32_t id; /* of provider and secret, not of the name; 0: identity */
	enum seal_provider provider;
};
struct seal_rule {
	char **resources; /* "secrets", "deployments.apps", "*.apps", "*.*" */
	size_t n_resources, cap_resources;
	struct seal_key *keys; /* of all providers, in order; the first one writes */
	size_t n_keys, cap_keys;
};
struct seal_keys {
	struct seal_rule *rules; /* the first that names a resource is its rule */
	size_t n_rules, cap_rules;
};

/* `text` is YAML or JSON. Errors say what is wrong as upstream's would; kms is none we have. */
int seal_keys_parse(struct str text, struct seal_keys *ret, struct err *err);
void seal_keys_done(struct seal_keys *k); /* wipes the secrets */

/*
 * Append the sealed form of `plain`, the object at the store's key `key`: 1. 0: this object is
 * stored in plain. -EIO: OpenSSL failed.
 */
int seal_seal(const struct seal_keys *k, struct str key, struct str plain, struct buf *out);
/* Append the plain form; *ret_id: of the key. -ENOKEY: none of the keys; -EBADMSG: damaged. */
int seal_open(const struct seal_keys *k, struct str key, struct str sealed, struct buf *out,
	      uint32_t *ret_id);
/* Id of the key that seal_seal would take; 0: plain. */
uint32_t seal_write_id(const struct seal_keys *k, struct str key);
/* Whether an object may be stored in plain: no rule names it, or the rule has identity. */
bool seal_plain_ok(const struct seal_keys *k, struct str key);

/* For messages: `provider "key name"` of a sealed value, e.g. aesgcm key "key1". */
void seal_describe(struct str sealed, struct buf *out);
/* The store's key as a person names it: "secrets default/x", "deployments.apps default/x". */
void seal_object_name(struct str key, struct buf *out);
/* A configuration for Secrets with one fresh key of `provider`; identity last, to read old ones. */
int seal_generate(const char *provider, struct buf *out, struct err *err);
#endif
