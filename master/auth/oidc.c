/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/oidc.h"
#include "lib/base/codec.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "master/auth/jwt.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define TOKEN_MAX (16u * 1024)
#define LEEWAY_NS (10 * (int64_t)NSEC_PER_SEC)

struct oidc_key {
	char *id;
	EVP_PKEY *key;
};

struct oidc {
	char *issuer, *client_id, *username_claim, *username_prefix, *groups_claim, *groups_prefix;
	char **required;
	size_t n_required, cap_required;
	const struct clock *clock;
	struct oidc_key *keys;
	size_t n_keys, cap_keys;
};

/* ---- configuration ---- */

static char *default_prefix(const struct oidc_conf *conf)
{
	if (conf->username_prefix)
		return xstrdup(strcmp(conf->username_prefix, "-") ? conf->username_prefix : "");
	if (conf->username_claim && !strcmp(conf->username_claim, "email"))
		return xstrdup("");
	return xasprintf("%s#", conf->issuer);
}

int oidc_new(const struct oidc_conf *conf, struct oidc **ret, struct err *err)
{
	struct oidc *o;

	if (!str_starts(str_of(conf->issuer), STR("https://")))
		return err_sys(err, EINVAL, "--oidc-issuer-url: \"%s\" is no https URL",
			       conf->issuer);
	if (!conf->client_id || !*conf->client_id)
		return err_sys(err, EINVAL, "--oidc-client-id: is needed with --oidc-issuer-url");
	for (size_t i = 0; conf->required && conf->required[i]; i++)
		if (!strchr(conf->required[i], '='))
			return err_sys(err, EINVAL, "--oidc-required-claim: \"%s\" is no KEY=VALUE",
				       conf->required[i]);
	o = NEW(struct oidc);
	o->issuer = xstrdup(conf->issuer);
	o->client_id = xstrdup(conf->client_id);
	o->username_claim = xstrdup(conf->username_claim ? conf->username_claim : "sub");
	o->username_prefix = default_prefix(conf);
	o->groups_claim = conf->groups_claim ? xstrdup(conf->groups_claim) : NULL;
	o->groups_prefix = xstrdup(conf->groups_prefix ? conf->groups_prefix : "");
	for (size_t i = 0; conf->required && conf->required[i]; i++)
		*ARRAY_PUSH(o->required, o->n_required, o->cap_required) =
			xstrdup(conf->required[i]);
	o->clock = conf->clock;
	*ret = o;
	return 0;
}

static void drop_keys(struct oidc_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(keys[i].id);
		EVP_PKEY_free(keys[i].key);
	}
	free(keys);
}

struct oidc *oidc_free(struct oidc *o)
{
	if (!o)
		return NULL;
	drop_keys(o->keys, o->n_keys);
	for (size_t i = 0; i < o->n_required; i++)
		free(o->required[i]);
	free(o->required);
	free(o->issuer);
	free(o->client_id);
	free(o->username_claim);
	free(o->username_prefix);
	free(o->groups_claim);
	free(o->groups_prefix);
	free(o);
	return NULL;
}

const char *oidc_issuer(const struct oidc *o)
{
	return o->issuer;
}

/* ---- keys ---- */

DEFINE_CLEANUP(OSSL_PARAM_BLD *, bld_freep, OSSL_PARAM_BLD_free)
DEFINE_CLEANUP(OSSL_PARAM *, param_freep, OSSL_PARAM_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, pctx_freep, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(BIGNUM *, bn_freep, BN_free)

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	CLEANUP(param_freep) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	CLEANUP(pctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return key;
}

static bool member_bytes(struct jv jwk, const char *name, struct buf *out)
{
	return base64url_decode(jv_text(jv_get(jwk, name)), out) == 0 && out->len &&
	       out->len <= 1024;
}

static EVP_PKEY *rsa_key(struct jv jwk)
{
	CLEANUP(buf_done) struct buf n = BUF_INIT, e = BUF_INIT;
	CLEANUP(bld_freep) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	CLEANUP(bn_freep) BIGNUM *bn_n = NULL;
	CLEANUP(bn_freep) BIGNUM *bn_e = NULL;

	if (!member_bytes(jwk, "n", &n) || !member_bytes(jwk, "e", &e) || n.len < 256)
		return NULL; /* nothing below 2048 bits */
	bn_n = BN_bin2bn((const uint8_t *)n.p, (int)n.len, NULL);
	bn_e = BN_bin2bn((const uint8_t *)e.p, (int)e.len, NULL);
	if (!OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) ||
	    !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e))
		return NULL;
	return from_params("RSA", bld);
}

static EVP_PKEY *ec_key(struct jv jwk)
{
	CLEANUP(buf_done) struct buf x = BUF_INIT, y = BUF_INIT, point = BUF_INIT;
	CLEANUP(bld_freep) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

	if (!jv_eqs(jv_get(jwk, "crv"), "P-256") || !member_bytes(jwk, "x", &x) ||
	    !member_bytes(jwk, "y", &y) || x.len != 32 || y.len != 32)
		return NULL;
	buf_addc(&point, 4); /* uncompressed */
	buf_addstr(&point, buf_str(&x));
	buf_addstr(&point, buf_str(&y));
	if (!OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.len))
		return NULL;
	return from_params("EC", bld);
}

int oidc_set_keys(struct oidc *o, struct str jwks, struct err *err)
{
	struct oidc_key *keys = NULL;
	size_t n = 0, cap = 0;
	int r = json_scan(jwks, NULL, err);

	if (r < 0)
		return r;
	jv_for_each (k, jv_get(jv_of(jwks), "keys")) {
		struct jv use = jv_get(k.value, "use");
		EVP_PKEY *key = NULL;

		if (jv_exists(use) && !jv_eqs(use, "sig"))
			continue;
		if (jv_eqs(jv_get(k.value, "kty"), "RSA"))
			key = rsa_key(k.value);
		else if (jv_eqs(jv_get(k.value, "kty"), "EC"))
			key = ec_key(k.value);
		if (key)
			*ARRAY_PUSH(keys, n, cap) =
				(struct oidc_key){jv_strdup(jv_get(k.value, "kid")), key};
	}
	if (!n)
		return err_sys(err, EINVAL, "the key set of %s holds no key that can be used",
			       o->issuer);
	drop_keys(o->keys, o->n_keys);
	o->keys = keys;
	o->n_keys = n;
	return 0;
}

/* ---- tokens ---- */

/* The n-th part of a token (0: header, 1: claims), decoded and known to be JSON. */
static bool part(struct str token, unsigned n, struct buf *out)
{
	struct str rest = token, p = STR_NULL;

	if (token.len > TOKEN_MAX)
		return false;
	for (unsigned i = 0; i <= n; i++)
		if (!str_split(&rest, '.', &p))
			return false;
	return rest.p && base64url_decode(p, out) == 0 && json_scan(buf_str(out), NULL, NULL) == 0;
}

bool oidc_claims_issuer(const struct oidc *o, struct str token)
{
	CLEANUP(buf_done) struct buf claims = BUF_INIT;
	CLEANUP_FREE char *iss = NULL;

	if (!part(token, 1, &claims))
		return false;
	iss = jv_strdup(jv_get(jv_of(buf_str(&claims)), "iss"));
	return iss && !strcmp(iss, o->issuer);
}

/* A key without an id may have signed anything. */
static bool signed_by_one(const struct oidc *o, struct str token, struct buf *claims,
			  bool *ret_unknown)
{
	CLEANUP(buf_done) struct buf header = BUF_INIT;
	CLEANUP_FREE char *id = NULL;
	struct jv alg;

	*ret_unknown = false;
	if (!part(token, 0, &header))
		return false;
	id = jv_strdup(jv_get(jv_of(buf_str(&header)), "kid"));
	alg = jv_get(jv_of(buf_str(&header)), "alg");
	*ret_unknown = true;
	for (size_t i = 0; i < o->n_keys; i++) {
		const struct oidc_key *k = &o->keys[i];

		if ((id && k->id && strcmp(id, k->id) != 0) || !jv_eqs(alg, jwt_alg(k->key)))
			continue;
		*ret_unknown = false;
		buf_clear(claims);
		if (jwt_verify(k->key, token, claims) == 0)
			return json_scan(buf_str(claims), NULL, NULL) == 0;
	}
	return false;
}

static bool is_for(struct jv aud, const char *client)
{
	jv_for_each (a, aud)
		if (jv_eqs(a.value, client))
			return true;
	return jv_eqs(aud, client);
}

static bool time_ok(const struct oidc *o, struct jv claims, const char **ret_why)
{
	int64_t now = clock_real_ns(o->clock);
	double exp = jv_double(jv_get(claims, "exp"), 0), nbf = jv_double(jv_get(claims, "nbf"), 0);

	if (exp <= 0 || exp * 1e9 + (double)LEEWAY_NS < (double)now)
		*ret_why = "oidc: the token has expired";
	else if (nbf * 1e9 - (double)LEEWAY_NS > (double)now)
		*ret_why = "oidc: the token is not valid yet";
	else
		return true;
	return false;
}

static bool requirements_met(const struct oidc *o, struct jv claims)
{
	for (size_t i = 0; i < o->n_required; i++) {
		struct str rest = str_of(o->required[i]), key;
		CLEANUP_FREE char *have = NULL;

		str_split(&rest, '=', &key);
		have = jv_strdup(jv_getn(claims, key));
		if (!have || !str_eqs(rest, have))
			return false;
	}
	return true;
}

static void add_group(const struct oidc *o, struct user *u, struct jv v)
{
	CLEANUP_FREE char *name = jv_strdup(v);
	CLEANUP_FREE char *full = NULL;

	if (!name)
		return;
	full = xasprintf("%s%s", o->groups_prefix, name);
	user_add_group(u, str_of(full));
}

static struct user *user_of(const struct oidc *o, struct jv claims, const char **ret_why)
{
	CLEANUP_FREE char *name = jv_strdup(jv_get(claims, o->username_claim));
	CLEANUP_FREE char *full = NULL;
	struct jv verified = jv_get(claims, "email_verified"), groups;
	struct user *u;

	if (!name || !*name) {
		*ret_why = "oidc: the token has no claim with the user's name";
		return NULL;
	}
	if (!strcmp(o->username_claim, "email") && jv_exists(verified) &&
	    !jv_bool(verified, false)) {
		*ret_why = "oidc: email not verified";
		return NULL;
	}
	full = xasprintf("%s%s", o->username_prefix, name);
	u = user_new(str_of(full));
	groups = o->groups_claim ? jv_get(claims, o->groups_claim) : JV_NONE;
	if (jv_type(groups) == JV_STRING)
		add_group(o, u, groups);
	jv_for_each (g, groups)
		add_group(o, u, g.value);
	user_add_group(u, STR(GROUP_AUTHENTICATED));
	return u;
}

struct user *oidc_token(const struct oidc *o, struct str token, bool *ret_unknown_key,
			const char **ret_why)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	CLEANUP_FREE char *iss = NULL;
	struct jv claims;

	if (!signed_by_one(o, token, &text, ret_unknown_key)) {
		*ret_why = "oidc: the signature is not one of the issuer's";
		return NULL;
	}
	claims = jv_of(buf_str(&text));
	iss = jv_strdup(jv_get(claims, "iss"));
	if (!iss || strcmp(iss, o->issuer) != 0 || !is_for(jv_get(claims, "aud"), o->client_id)) {
		*ret_why = "oidc: the token is for somebody else";
		return NULL;
	}
	if (!time_ok(o, claims, ret_why))
		return NULL;
	if (!requirements_met(o, claims)) {
		*ret_why = "oidc: a required claim is missing";
		return NULL;
	}
	return user_of(o, claims, ret_why);
}
