/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_OIDC_H
#define KNARR_AUTH_OIDC_H
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "master/auth/user.h"
/*
 * Users by ID tokens of an OpenID Connect issuer (OpenID Connect Core 1.0 section 3.1.3.7; the
 * options are kube-apiserver's --oidc-*). Here is only what can be decided at once: the issuer's
 * keys are fetched elsewhere and handed in.
 */
struct oidc_conf {
	const char *issuer; /* https URL; also the value of "iss" */
	const char *client_id; /* must be among "aud" */
	const char *username_claim; /* NULL: "sub" */
	/* NULL: "ISSUER#", but nothing for the claim "email"; "-": nothing. */
	const char *username_prefix;
	const char *groups_claim, *groups_prefix; /* NULL: no groups; no prefix */
	const char *const *required; /* "claim=value"; ends with NULL; may be NULL */
	const struct clock *clock; /* borrowed */
};
struct oidc;

/* Copies conf. -EINVAL names the option. */
int oidc_new(const struct oidc_conf *conf, struct oidc **ret, struct err *err);
struct oidc *oidc_free(struct oidc *o); /* takes NULL, returns NULL */
const char *oidc_issuer(const struct oidc *o);
/* A JSON Web Key Set (RFC 7517) in place of the last: RSA and P-256 keys. -EINVAL: the old stay. */
int oidc_set_keys(struct oidc *o, struct str jwks, struct err *err);
/* Does the token say that it is of this issuer? Nothing is checked. */
bool oidc_claims_issuer(const struct oidc *o, struct str token);
/*
 * The user of a token, or NULL with the reason. *ret_unknown_key: it names a key that is not in
 * the set, which may be out of date.
 */
struct user *oidc_token(const struct oidc *o, struct str token, bool *ret_unknown_key,
			const char **ret_why);
#endif
