/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_AUTHN_H
#define KNARR_AUTH_AUTHN_H
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "master/auth/user.h"
#include <openssl/types.h>
/*
 * From credentials to a user: client certificates (common name is the user, organizations are the
 * groups), service-account tokens, and bootstrap tokens. Objects a token points at are read
 * through a lookup that the API server gives, so that a deleted service account or secret ends
 * its tokens at once.
 */
struct authn_conf {
	EVP_PKEY *sa_key; /* borrowed; makes service-account tokens */
	EVP_PKEY *const *sa_keys; /* borrowed; they check them; ends with NULL; NULL: sa_key does */
	const char *issuer; /* "https://kubernetes.default.svc.cluster.local" */
	const struct clock *clock;
	/* Append the stored JSON of a core/v1 object; false when there is none. */
	bool (*lookup)(void *user, const char *plural, struct str ns, struct str name,
		       struct buf *json);
	void *user;
};

/* The user of a verified client certificate; NULL when it has no common name. */
struct user *authn_cert(const X509 *cert);
/* Nobody in particular. */
struct user *authn_anonymous(void);

/*
 * The user of a bearer token; `audience` is what the token must be good for (STR_NULL: the issuer,
 * which is the API itself). NULL, with a reason for the log only, when it is not good.
 */
struct user *authn_token(const struct authn_conf *c, struct str token, struct str audience,
			 const char **ret_why);

/* What a service-account token says. Empty texts are left out. */
struct authn_sa_claims {
	struct str ns, sa_name, sa_uid;
	struct str pod_name, pod_uid; /* bound to a pod ... */
	struct str secret_name, secret_uid; /* ... or to a secret */
	struct str node_name, node_uid; /* ... or, without a pod, to a node */
	struct str jti; /* its own name; absent: one is made up */
	const struct str *audiences; /* none: the issuer */
	size_t n_audiences;
	uint64_t valid_s;
};
/* Make a token; *ret_expires is its end in Unix seconds. */
int authn_sa_token(const struct authn_conf *c, const struct authn_sa_claims *claims,
		   struct buf *ret_token, int64_t *ret_expires, struct err *err);
#endif
