/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/authn.h"
#include "lib/base/codec.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
#include "master/auth/jwt.h"
#include <openssl/crypto.h>

#define BOOTSTRAP_ID_LEN 6
#define BOOTSTRAP_SECRET_LEN 16

struct user *authn_cert(const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	CLEANUP_FREE char *cn = cert_name_cn(subject);
	struct user *u;
	char *org;

	if (!cn || !*cn)
		return NULL;
	u = user_new(str_of(cn));
	for (size_t i = 0; (org = cert_name_org(subject, i)); i++) {
		user_add_group(u, str_of(org));
		free(org);
	}
	user_add_group(u, STR(GROUP_AUTHENTICATED));
	return u;
}

struct user *authn_anonymous(void)
{
	struct user *u = user_new(STR(USER_ANONYMOUS));

	user_add_group(u, STR(GROUP_UNAUTHENTICATED));
	return u;
}

/* ---- bootstrap tokens (kubernetes.io "Authenticating with Bootstrap Tokens") ---- */

/* A member of Secret.data, decoded. */
static bool secret_data(struct jv secret, const char *key, struct buf *out)
{
	buf_clear(out);
	return base64_decode(jv_text(jv_get(jv_get(secret, "data"), key)), out) == 0 && out->len;
}

static bool secret_is(struct jv secret, const char *key, struct str want)
{
	CLEANUP(buf_done) struct buf have = BUF_INIT;

	return secret_data(secret, key, &have) && have.len == want.len &&
	       CRYPTO_memcmp(have.p, want.p, want.len) == 0;
}

static bool bootstrap_expired(const struct authn_conf *c, struct jv secret)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	int64_t at;

	if (!secret_data(secret, "expiration", &text))
		return false;
	return time_parse(buf_str(&text), &at) < 0 || at <= clock_real_ns(c->clock);
}

/*
 * The token of a master to be. It opens the one door where keys are handed out, so it must end by
 * itself, and it is good for no node.
 */
static struct user *master_joiner(struct jv secret, struct str name, const char **ret_why)
{
	CLEANUP(buf_done) struct buf end = BUF_INIT;
	struct user *u;

	if (!secret_data(secret, "expiration", &end)) {
		*ret_why = "a master's bootstrap token must have an expiration";
		return NULL;
	}
	u = user_new(name);
	user_add_group(u, STR(GROUP_MASTER_JOINERS));
	user_add_group(u, STR(GROUP_AUTHENTICATED));
	return u;
}

static struct user *bootstrap_user(const struct authn_conf *c, struct str token,
				   const char **ret_why)
{
	struct str id = str_n(token.p, BOOTSTRAP_ID_LEN);
	struct str key = str_skip(token, BOOTSTRAP_ID_LEN + 1);
	CLEANUP_FREE char *name = xasprintf("bootstrap-token-%.*s", STR_ARG(id));
	CLEANUP_FREE char *user_name = xasprintf("system:bootstrap:%.*s", STR_ARG(id));
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	CLEANUP(buf_done) struct buf extra = BUF_INIT;
	struct user *u;
	struct jv secret;
	struct str rest, group;

	if (!c->lookup(c->user, "secrets", STR("kube-system"), str_of(name), &json)) {
		*ret_why = "no such bootstrap token";
		return NULL;
	}
	secret = jv_of(buf_str(&json));
	if (!jv_eqs(jv_get(secret, "type"), "bootstrap.kubernetes.io/token") ||
	    jv_exists(jv_path(secret, "metadata.deletionTimestamp")) ||
	    !secret_is(secret, "token-id", id) || !secret_is(secret, "token-secret", key) ||
	    !secret_is(secret, "usage-bootstrap-authentication", STR("true"))) {
		*ret_why = "bootstrap token does not match";
		return NULL;
	}
	if (bootstrap_expired(c, secret)) {
		*ret_why = "bootstrap token has expired";
		return NULL;
	}
	if (secret_is(secret, "usage-knarr-master-join", STR("true")))
		return master_joiner(secret, str_of(user_name), ret_why);
	u = user_new(str_of(user_name));
	user_add_group(u, STR(GROUP_BOOTSTRAPPERS));
	if (secret_data(secret, "auth-extra-groups", &extra)) {
		rest = buf_str(&extra);
		while (str_split(&rest, ',', &group))
			if (str_starts(str_trim(group), STR(GROUP_BOOTSTRAPPERS ":")) &&
			    !str_eqs(str_trim(group), GROUP_MASTER_JOINERS))
				user_add_group(u, str_trim(group));
	}
	user_add_group(u, STR(GROUP_AUTHENTICATED));
	return u;
}

/* ---- service accounts ---- */

static bool has_audience(struct jv aud, struct str want)
{
	if (jv_type(aud) == JV_STRING)
		return str_eq(jv_text(aud), want);
	jv_for_each (it, aud)
		if (str_eq(jv_text(it.value), want))
			return true;
	return false;
}

/* An object the token is bound to must exist with the uid it had, and not be on its way out. */
static bool bound_lives(const struct authn_conf *c, const char *plural, struct str ns,
			struct jv ref)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct jv obj;
	int64_t end;

	if (!jv_exists(ref))
		return true;
	if (!c->lookup(c->user, plural, ns, jv_text(jv_get(ref, "name")), &json))
		return false;
	obj = jv_of(buf_str(&json));
	/* A minute's grace after the time of its end (pkg/serviceaccount/claims.go). */
	if (time_parse(jv_text(jv_path(obj, "metadata.deletionTimestamp")), &end) == 0 &&
	    end + (int64_t)(60 * NSEC_PER_SEC) < clock_real_ns(c->clock))
		return false;
	return str_eq(jv_text(jv_path(obj, "metadata.uid")), jv_text(jv_get(ref, "uid")));
}

static const char *check_times(const struct authn_conf *c, struct jv claims)
{
	int64_t now = clock_real_ns(c->clock) / (int64_t)NSEC_PER_SEC;

	if (jv_i64(jv_get(claims, "exp"), 0) <= now)
		return "token has expired";
	if (jv_i64(jv_get(claims, "nbf"), 0) > now + 10)
		return "token is not valid yet";
	return NULL;
}

static const char *check_claims(const struct authn_conf *c, struct jv claims, struct str audience)
{
	struct jv k8s = jv_get(claims, "kubernetes.io");
	struct str ns = jv_text(jv_get(k8s, "namespace"));
	const char *why = check_times(c, claims);

	if (why)
		return why;
	if (!jv_eqs(jv_get(claims, "iss"), c->issuer))
		return "token of another issuer";
	if (!has_audience(jv_get(claims, "aud"), audience))
		return "token is for another audience";
	if (!jv_exists(jv_get(k8s, "serviceaccount")) ||
	    !bound_lives(c, "serviceaccounts", ns, jv_get(k8s, "serviceaccount")))
		return "service account is gone";
	if (!bound_lives(c, "pods", ns, jv_get(k8s, "pod")))
		return "pod of the token is gone";
	if (!jv_exists(jv_get(k8s, "pod")) &&
	    !bound_lives(c, "nodes", STR(""), jv_get(k8s, "node")))
		return "node of the token is gone";
	if (!bound_lives(c, "secrets", ns, jv_get(k8s, "secret")))
		return "secret of the token is gone";
	return NULL;
}

static void add_extra(struct user *u, const char *key, struct jv value)
{
	if (jv_exists(value))
		user_add_extra(u, key, jv_text(value));
}

static struct user *sa_user(struct jv claims)
{
	struct jv k8s = jv_get(claims, "kubernetes.io");
	struct str ns = jv_text(jv_get(k8s, "namespace"));
	struct str name = jv_text(jv_path(k8s, "serviceaccount.name"));
	CLEANUP_FREE char *user_name =
		xasprintf(USER_SERVICE_ACCOUNT_PREFIX "%.*s:%.*s", STR_ARG(ns), STR_ARG(name));
	CLEANUP_FREE char *group = xasprintf(GROUP_SERVICE_ACCOUNTS ":%.*s", STR_ARG(ns));
	struct str jti = jv_text(jv_get(claims, "jti"));
	struct user *u = user_new(str_of(user_name));

	user_set_uid(u, jv_text(jv_path(k8s, "serviceaccount.uid")));
	user_add_group(u, STR(GROUP_SERVICE_ACCOUNTS));
	user_add_group(u, str_of(group));
	user_add_group(u, STR(GROUP_AUTHENTICATED));
	if (jti.len) {
		CLEANUP_FREE char *id = xasprintf("JTI=%.*s", STR_ARG(jti));

		user_add_extra(u, "authentication.kubernetes.io/credential-id", str_of(id));
	}
	add_extra(u, "authentication.kubernetes.io/pod-name", jv_path(k8s, "pod.name"));
	add_extra(u, "authentication.kubernetes.io/pod-uid", jv_path(k8s, "pod.uid"));
	add_extra(u, "authentication.kubernetes.io/node-name", jv_path(k8s, "node.name"));
	add_extra(u, "authentication.kubernetes.io/node-uid", jv_path(k8s, "node.uid"));
	return u;
}

static int verify(const struct authn_conf *c, struct str token, struct buf *ret_claims)
{
	int r = -EACCES;

	if (!c->sa_keys)
		return jwt_verify(c->sa_key, token, ret_claims);
	for (size_t i = 0; r < 0 && c->sa_keys[i]; i++)
		r = jwt_verify(c->sa_keys[i], token, ret_claims);
	return r;
}

struct user *authn_token(const struct authn_conf *c, struct str token, struct str audience,
			 const char **ret_why)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	const char *unused;

	ret_why = ret_why ? ret_why : &unused;
	if (token.len == BOOTSTRAP_ID_LEN + 1 + BOOTSTRAP_SECRET_LEN &&
	    token.p[BOOTSTRAP_ID_LEN] == '.')
		return bootstrap_user(c, token, ret_why);
	if (verify(c, token, &json) < 0 || json_scan(buf_str(&json), NULL, NULL) < 0) {
		*ret_why = "token is not signed by this cluster";
		return NULL;
	}
	*ret_why = check_claims(c, jv_of(buf_str(&json)),
				str_is_null(audience) ? str_of(c->issuer) : audience);
	return *ret_why ? NULL : sa_user(jv_of(buf_str(&json)));
}

static void add_ref(struct jw *w, const char *key, struct str name, struct str uid)
{
	if (!name.len)
		return;
	jw_key(w, key);
	jw_begin_object(w);
	jw_member_str(w, "name", name);
	jw_member_str(w, "uid", uid);
	jw_end_object(w);
}

static void add_audiences(struct jw *w, const struct authn_conf *c,
			  const struct authn_sa_claims *claims)
{
	jw_key(w, "aud");
	jw_begin_array(w);
	for (size_t i = 0; i < claims->n_audiences; i++)
		jw_str(w, claims->audiences[i]);
	if (!claims->n_audiences)
		jw_str(w, str_of(c->issuer));
	jw_end_array(w);
}

int authn_sa_token(const struct authn_conf *c, const struct authn_sa_claims *claims,
		   struct buf *ret_token, int64_t *ret_expires, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *sub = xasprintf(USER_SERVICE_ACCOUNT_PREFIX "%.*s:%.*s",
					   STR_ARG(claims->ns), STR_ARG(claims->sa_name));
	int64_t now = clock_real_ns(c->clock) / (int64_t)NSEC_PER_SEC;
	int64_t expires = now + (int64_t)claims->valid_s;
	char jti[UUID_LEN + 1];
	struct jw w = jw_start(&b);
	int r;

	rng_uuid(&rng_system, jti);
	jw_begin_object(&w);
	add_audiences(&w, c, claims);
	jw_member_i64(&w, "exp", expires);
	jw_member_i64(&w, "iat", now);
	jw_member_str(&w, "iss", str_of(c->issuer));
	jw_member_str(&w, "jti", claims->jti.len ? claims->jti : str_of(jti));
	jw_key(&w, "kubernetes.io");
	jw_begin_object(&w);
	jw_member_str(&w, "namespace", claims->ns);
	add_ref(&w, "node", claims->node_name, claims->node_uid);
	add_ref(&w, "pod", claims->pod_name, claims->pod_uid);
	add_ref(&w, "secret", claims->secret_name, claims->secret_uid);
	add_ref(&w, "serviceaccount", claims->sa_name, claims->sa_uid);
	jw_end_object(&w);
	jw_member_i64(&w, "nbf", now);
	jw_member_str(&w, "sub", str_of(sub));
	jw_end_object(&w);
	r = jwt_sign(c->sa_key, buf_str(&b), ret_token, err);
	if (r == 0)
		*ret_expires = expires;
	return r;
}
