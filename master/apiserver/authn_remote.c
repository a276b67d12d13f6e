/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/authn_remote.h"
#include "lib/base/log.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

#include <openssl/evp.h>

#define KEYS_EVERY_NS (600 * NSEC_PER_SEC)
#define KEYS_RETRY_NS (5 * NSEC_PER_SEC)
#define KEYS_TIMEOUT_S 10
#define ASK_TIMEOUT_S 10
#define CACHE_NS (120 * NSEC_PER_SEC)
#define CACHE_MAX 4096u
#define TOKEN_MAX (16u << 10)

/* What the webhook said of a token. */
struct known {
	struct user *user; /* NULL: it is not good */
	uint64_t until_ns;
};

struct authn_remote {
	struct apiserver *s;
	struct oidc *oidc;
	char *oidc_ca;
	struct timer fetch;
	bool fetching, failing;
	uint64_t fetched_ns;
	struct webhook_target webhook;
	bool has_webhook;
	uint64_t cache_ns;
	struct hmap *cache; /* SHA-256 of a token -> struct known: anybody may send long ones */
};

struct token_key {
	uint8_t sha[32];
};

/* Told by the webhook; outlives whoever asked. */
struct authn_remote_call {
	struct authn_remote *a;
	struct token_key key;
	authn_remote_cb cb; /* NULL: cancelled */
	void *user;
};

/* ---- the issuer's keys ---- */

static void fetched(struct authn_remote *a, const char *why)
{
	a->fetching = false;
	if (why && !a->failing)
		log_warn("oidc: cannot fetch the keys of %s: %s", oidc_issuer(a->oidc), why);
	a->failing = why;
	a->fetched_ns = timers_now_ns(a->s->timers);
	timers_arm_in(a->s->timers, &a->fetch, why ? KEYS_RETRY_NS : KEYS_EVERY_NS);
}

static void on_keys(void *user, int err, int status, struct str body, const char *why)
{
	struct authn_remote *a = user;
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (err == -ECANCELED)
		return;
	if (err < 0 || status != 200)
		fetched(a, err < 0 ? why : "the server does not answer with a key set");
	else if (oidc_set_keys(a->oidc, body, &e) < 0)
		fetched(a, err_text(&e));
	else
		fetched(a, NULL);
}

static void on_document(void *user, int err, int status, struct str body, const char *why)
{
	struct authn_remote *a = user;
	CLEANUP_FREE char *issuer = NULL, *uri = NULL;

	if (err == -ECANCELED)
		return;
	if (err < 0 || status != 200 || json_scan(body, NULL, NULL) < 0) {
		fetched(a, err < 0 ? why : "no discovery document");
		return;
	}
	issuer = jv_strdup(jv_get(jv_of(body), "issuer"));
	uri = jv_strdup(jv_get(jv_of(body), "jwks_uri"));
	if (!issuer || strcmp(issuer, oidc_issuer(a->oidc)) != 0)
		fetched(a, "the discovery document is of another issuer");
	else
		webhook_get(a->s->webhook_client, uri ? uri : "", a->oidc_ca, KEYS_TIMEOUT_S,
			    on_keys, a);
}

static void fetch(struct authn_remote *a)
{
	CLEANUP_FREE char *url =
		xasprintf("%s%s.well-known/openid-configuration", oidc_issuer(a->oidc),
			  str_ends(str_of(oidc_issuer(a->oidc)), STR("/")) ? "" : "/");

	if (a->fetching)
		return;
	a->fetching = true;
	webhook_get(a->s->webhook_client, url, a->oidc_ca, KEYS_TIMEOUT_S, on_document, a);
}

static void on_fetch(struct timer *t)
{
	fetch(container_of(t, struct authn_remote, fetch));
}

/* A key that is not known may be new; asked for at most every few seconds. */
static struct user *ask_oidc(struct authn_remote *a, struct str token)
{
	const char *why = "";
	bool unknown = false;
	struct user *u = oidc_token(a->oidc, token, &unknown, &why);

	if (!u)
		log_info("%s", why);
	if (!u && unknown && timers_now_ns(a->s->timers) > a->fetched_ns + KEYS_RETRY_NS)
		fetch(a);
	return u;
}

/* ---- the webhook ---- */

static void known_free(void *p)
{
	struct known *k = p;

	user_unref(k->user);
	free(k);
}

static struct token_key key_of(struct str token)
{
	struct token_key k = {{0}};

	EVP_Digest(token.p, token.len, k.sha, NULL, EVP_sha256(), NULL);
	return k;
}

static struct str key_str(const struct token_key *k)
{
	return str_n(k->sha, sizeof(k->sha));
}

static void remember(struct authn_remote *a, const struct token_key *key, struct user *u)
{
	struct known *k = NEW(struct known), *old;

	if (hmap_len(a->cache) >= CACHE_MAX) { /* rarely: begin anew rather than keep an order */
		hmap_free_full(a->cache, known_free);
		a->cache = hmap_new();
	}
	k->user = u ? user_ref(u) : NULL;
	k->until_ns = timers_now_ns(a->s->timers) + a->cache_ns;
	old = hmap_put(a->cache, key_str(key), k);
	if (old)
		known_free(old);
}

static struct known *recall(struct authn_remote *a, struct str token)
{
	struct token_key key = key_of(token);
	struct known *k = hmap_get(a->cache, key_str(&key));

	if (k && k->until_ns < timers_now_ns(a->s->timers)) {
		known_free(hmap_del(a->cache, key_str(&key)));
		k = NULL;
	}
	return k;
}

static struct user *read_user(struct jv v)
{
	CLEANUP_FREE char *name = jv_strdup(jv_get(v, "username"));
	CLEANUP_FREE char *uid = jv_strdup(jv_get(v, "uid"));
	struct user *u;

	if (!name || !*name)
		return NULL;
	u = user_new(str_of(name));
	if (uid && *uid)
		user_set_uid(u, str_of(uid));
	jv_for_each (g, jv_get(v, "groups")) {
		CLEANUP_FREE char *group = jv_strdup(g.value);

		if (group)
			user_add_group(u, str_of(group));
	}
	jv_for_each_member (x, jv_get(v, "extra"))
		jv_for_each (e, x.value) {
			CLEANUP_FREE char *key = str_dup(x.key), *value = jv_strdup(e.value);

			if (value)
				user_add_extra(u, key, str_of(value));
		}
	user_add_group(u, STR(GROUP_AUTHENTICATED));
	return u;
}

static void on_review(void *user, int err, int status, struct str body, const char *why)
{
	struct authn_remote_call *c = user;
	struct user *u = NULL;
	bool answered =
		err == 0 && status >= 200 && status < 300 && json_scan(body, NULL, NULL) == 0;

	if (answered) {
		struct jv st = jv_get(jv_of(body), "status");

		if (jv_bool(jv_get(st, "authenticated"), false))
			u = read_user(jv_get(st, "user"));
		remember(c->a, &c->key, u);
	} else if (err != -ECANCELED) {
		log_warn("the token webhook does not answer: %s", err < 0 ? why : "bad answer");
	}
	if (c->cb)
		c->cb(c->user, u ? user_ref(u) : NULL);
	user_unref(u);
	free(c);
}

static struct authn_remote_call *ask_webhook(struct authn_remote *a, struct str token,
					     authn_remote_cb cb, void *user)
{
	struct authn_remote_call *c = NEW(struct authn_remote_call);
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	*c = (struct authn_remote_call){a, key_of(token), cb, user};
	buf_adds(&body, "{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
			"\"metadata\":{\"creationTimestamp\":null},\"spec\":{\"token\":");
	json_quote(token, &body);
	buf_adds(&body, "},\"status\":{\"user\":{}}}");
	webhook_post(a->s->webhook_client, &a->webhook, ASK_TIMEOUT_S, buf_str(&body), on_review,
		     c);
	return c;
}

struct authn_remote_call *authn_remote_ask(struct authn_remote *a, struct str token,
					   authn_remote_cb cb, void *user)
{
	struct known *k;

	if (token.len > TOKEN_MAX) {
		cb(user, NULL);
		return NULL;
	}
	if (a->oidc && oidc_claims_issuer(a->oidc, token)) {
		cb(user, ask_oidc(a, token));
		return NULL;
	}
	k = recall(a, token);
	if (k || !a->has_webhook) {
		cb(user, k && k->user ? user_ref(k->user) : NULL);
		return NULL;
	}
	return ask_webhook(a, token, cb, user);
}

void authn_remote_cancel(struct authn_remote_call *c)
{
	c->cb = NULL;
}

/* ---- life ---- */

int authn_remote_new(struct apiserver *s, const struct authn_remote_conf *conf,
		     struct authn_remote **ret, struct err *err)
{
	struct authn_remote *a = NEW(struct authn_remote);
	int r = 0;

	a->s = s;
	a->cache = hmap_new();
	a->cache_ns = conf->cache_ns ? conf->cache_ns : CACHE_NS;
	a->fetch.fire = on_fetch;
	if (conf->webhook) {
		const struct webhook_target *t = conf->webhook;

		a->has_webhook = true;
		a->webhook = (struct webhook_target){
			.url = xstrdup(t->url),
			.ca_pem = t->ca_pem ? xstrdup(t->ca_pem) : NULL,
			.cert_pem = t->cert_pem ? xstrdup(t->cert_pem) : NULL,
			.key_pem = t->key_pem ? xstrdup(t->key_pem) : NULL};
	}
	if (conf->oidc) {
		a->oidc_ca = conf->oidc_ca_pem ? xstrdup(conf->oidc_ca_pem) : NULL;
		r = oidc_new(conf->oidc, &a->oidc, err);
		if (r == 0)
			timers_soon(s->timers, &a->fetch);
	}
	if (r < 0) {
		authn_remote_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct authn_remote *authn_remote_free(struct authn_remote *a)
{
	if (!a)
		return NULL;
	timers_disarm(a->s->timers, &a->fetch);
	hmap_free_full(a->cache, known_free);
	webhook_target_done(&a->webhook);
	oidc_free(a->oidc);
	free(a->oidc_ca);
	free(a);
	return NULL;
}
