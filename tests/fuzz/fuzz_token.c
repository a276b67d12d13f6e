/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, key sets, certificate requests and audit policies. The first line says what the rest is.
 */
#include "lib/base/base.h"
#include "master/apiserver/audit.h"
#include "master/auth/oidc.h"
#include "master/auth/cert.h"
#include "tests/fuzz/fuzz.h"

static struct oidc *issuer(void)
{
	static struct oidc *o;
	struct oidc_conf conf = {.issuer = "https://i.example",
				 .client_id = "c",
				 .groups_claim = "groups",
				 .clock = &clock_system};

	if (!o && oidc_new(&conf, &o, NULL) < 0)
		abort();
	return o;
}

static void token(struct str in)
{
	const char *why;
	bool unknown;

	oidc_claims_issuer(issuer(), in);
	if (oidc_token(issuer(), in, &unknown, &why))
		abort(); /* nobody has signed it */
}

void fuzz_one(struct str in)
{
	struct str rest = in, what;

	str_split(&rest, '\n', &what);
	if (!rest.p)
		return;
	if (str_eqs(what, "jwt"))
		token(rest);
	else if (str_eqs(what, "jwks"))
		oidc_set_keys(issuer(), rest, NULL);
	else if (str_eqs(what, "csr"))
		X509_REQ_free(cert_req_from_pem(rest, NULL));
	else if (str_eqs(what, "cert"))
		X509_free(cert_from_pem(rest, NULL));
	else
		audit_policy_check(rest, NULL);
}
