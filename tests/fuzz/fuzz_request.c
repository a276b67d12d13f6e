/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/apiserver/accept.h"
#include "master/apiserver/pages.h"
#include "master/apiserver/request_info.h"
#include "master/auth/authn.h"
#include "master/auth/jwt.h"
#include "tests/fuzz/fuzz.h"

static bool no_object(void *user, const char *plural, struct str ns, struct str name,
		      struct buf *json)
{
	return false;
}

static EVP_PKEY *key;

/* A token nobody signed never names a user; PEM of any kind is refused or taken, never crashes. */
static void try_credentials(struct str text)
{
	struct authn_conf conf = {.sa_key = key,
				  .issuer = "https://issuer",
				  .clock = &clock_system,
				  .lookup = no_object};
	CLEANUP(cert_x509_freep) X509 *x = cert_from_pem(text, NULL);
	CLEANUP(cert_req_freep) X509_REQ *req = cert_req_from_pem(text, NULL);

	if (authn_token(&conf, text, STR_NULL, NULL))
		abort();
	if (x)
		user_unref(authn_cert(x));
}

/* Four lines: path, query, Accept, and a token or PEM. Pieces always lie inside the decoded text.
 */
void fuzz_one(struct str in)
{
	struct str path = STR(""), query = STR(""), accept = STR("");
	CLEANUP(buf_done) struct buf last = BUF_INIT;
	struct request_info info;
	struct query q;
	uint64_t rev;

	if (!key)
		key = cert_key_new(NULL);
	str_split(&in, '\n', &path);
	if (in.p)
		str_split(&in, '\n', &query);
	if (in.p)
		str_split(&in, '\n', &accept);
	if (query_parse(query, &q) == 0) {
		int r = request_info_parse(STR("GET"), path, &q, &info);

		if (r == 0 &&
		    (info.name.len > path.len + query.len || info.resource.len > path.len ||
		     (info.is_resource && !info.resource.len)))
			abort();
		query_bool(&q, "watch");
		request_info_done(&info);
	}
	query_done(&q);
	accept_parse(accept, false);
	accept_parse(accept, true);
	pages_token_parse(query, &rev, &last);
	try_credentials(in.p ? in : STR(""));
}
