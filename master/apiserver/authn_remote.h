/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTHN_REMOTE_H
#define KNARR_AUTHN_REMOTE_H
#include "master/apiserver/webhook_client.h"
#include "master/auth/oidc.h"
/*
 * Bearer tokens that only others can judge: ID tokens of an OpenID Connect issuer, whose keys are
 * fetched now and then, and tokens that a webhook is asked about (authentication.k8s.io/v1
 * TokenReview). A webhook's answers are kept for two minutes.
 */
struct authn_remote_conf {
	const struct oidc_conf *oidc; /* NULL: none */
	const char *oidc_ca_pem; /* NULL: the system's roots */
	const struct webhook_target *webhook; /* NULL: none; its url and certificates are copied */
	uint64_t cache_ns; /* [2 min] */
};
struct authn_remote;
int authn_remote_new(struct apiserver *s, const struct authn_remote_conf *conf,
		     struct authn_remote **ret, struct err *err);
struct authn_remote *authn_remote_free(struct authn_remote *a); /* takes NULL, returns NULL */

/* The user (a reference for the callee), or NULL: nobody knows the token. */
typedef void (*authn_remote_cb)(void *user, struct user *u);
struct authn_remote_call;
/*
 * Who is it? `cb` is called before this returns (then it returns NULL) or later, from the loop;
 * until then the call can be cancelled.
 */
struct authn_remote_call *authn_remote_ask(struct authn_remote *a, struct str token,
					   authn_remote_cb cb, void *user);
void authn_remote_cancel(struct authn_remote_call *c);
#endif
