/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_JWT_H
#define KNARR_AUTH_JWT_H
#include "master/auth/cert.h"
/*
 * JSON Web Tokens in compact form (RFC 7515, 7519), as far as service accounts need them. The
 * algorithm is a property of the key (P-256: ES256, RSA: RS256) and is never taken from the token,
 * so that "alg": "none" and its relatives have nothing to attack.
 */

/* Sign the claims (a JSON object) and append "header.claims.signature". */
int jwt_sign(EVP_PKEY *key, struct str claims, struct buf *out, struct err *err);

/*
 * Check the signature and append the claims to `ret_claims`. -EACCES for anything that is not a
 * token signed by `key`; times and audiences are the caller's to check.
 */
int jwt_verify(EVP_PKEY *key, struct str token, struct buf *ret_claims);

/* "ES256" or "RS256", NULL for another kind of key. */
const char *jwt_alg(EVP_PKEY *key);
/* The key id in the token's header: base64url of SHA-256 over the public key. */
void jwt_key_id(EVP_PKEY *key, struct buf *out);
/* The JSON Web Key Set (RFC 7517) that holds the public keys; the list ends with NULL. */
int jwt_key_set(EVP_PKEY *const *keys, struct buf *out, struct err *err);
#endif
