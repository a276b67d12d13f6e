/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/codec.h"
#include "lib/json/jv.h"
#include "lib/json/yaml.h"
#include "master/seal/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

static const char *const provider_names[] = {
	[SEAL_IDENTITY] = "identity",
	[SEAL_AESGCM] = "aesgcm",
	[SEAL_AESCBC] = "aescbc",
	[SEAL_SECRETBOX] = "secretbox",
};

void seal_keys_done(struct seal_keys *k)
{
	for (size_t i = 0; i < k->n_rules; i++) {
		struct seal_rule *r = &k->rules[i];

		for (size_t j = 0; j < r->n_resources; j++)
			free(r->resources[j]);
		for (size_t j = 0; j < r->n_keys; j++)
			free(r->keys[j].name);
		if (r->keys)
			OPENSSL_cleanse(r->keys, r->cap_keys * sizeof(*r->keys));
		free(r->resources);
		free(r->keys);
	}
	free(k->rules);
	*k = (struct seal_keys){0};
}

static bool good_length(enum seal_provider p, size_t n)
{
	return n == 32 || (p != SEAL_SECRETBOX && (n == 16 || n == 24));
}

/* Not of the name: a key under another name is the same key, another one under its name is not. */
static uint32_t key_id(const struct seal_key *k)
{
	uint8_t md[EVP_MAX_MD_SIZE] = {0}, in[33];
	uint32_t id = 0;

	in[0] = (uint8_t)k->provider;
	memcpy(in + 1, k->secret, 32);
	EVP_Digest(in, sizeof(in), md, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 4; i++)
		id |= (uint32_t)md[i] << 8 * i;
	OPENSSL_cleanse(in, sizeof(in));
	/* Not 0, and below what the store has a meaning of its own for. */
	return id % 0xffffff00u + 1;
}

static int read_key(struct jv v, const char *path, struct seal_key *k, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT, secret = BUF_INIT;
	struct str name;
	int r = 0;

	jv_for_each_member (m, v)
		if (!str_eqs(m.key, "name") && !str_eqs(m.key, "secret"))
			return err_sys(err, EINVAL, "%s: unknown field \"%.*s\"", path,
				       STR_ARG(m.key));
	name = jv_text(jv_get(v, "name"));
	if (!name.len || name.len > 255 || str_chr(name, ':') >= 0)
		return err_sys(
			err, EINVAL,
			"%s.name: a key needs a name, of at most 255 bytes and without \":\"",
			path);
	if (base64_decode(jv_str(jv_get(v, "secret"), &text), &secret) < 0 || !secret.len)
		r = err_sys(err, EINVAL, "%s.secret: must be given in base64", path);
	else if (!good_length(k->provider, secret.len))
		r = err_sys(err, EINVAL, "%s.secret: is %zu bytes long, expected %s", path,
			    secret.len, k->provider == SEAL_SECRETBOX ? "32" : "16, 24 or 32");
	if (r == 0) {
		memcpy(k->secret, secret.p, secret.len);
		k->len = (unsigned)secret.len;
		k->name = xstrndup(name.p, name.len);
		k->id = key_id(k);
	}
	OPENSSL_cleanse(secret.p, secret.len);
	OPENSSL_cleanse(text.p, text.len);
	return r;
}

static int read_keys(struct jv v, const char *path, enum seal_provider p, struct seal_rule *rule,
		     struct err *err)
{
	unsigned n = 0;

	jv_for_each_member (m, v)
		if (!str_eqs(m.key, "keys"))
			return err_sys(err, EINVAL, "%s: unknown field \"%.*s\"", path,
				       STR_ARG(m.key));
	jv_for_each (it, jv_get(v, "keys")) {
		CLEANUP_FREE char *at = xasprintf("%s.keys[%u]", path, n++);
		struct seal_key k = {.provider = p};
		int r = read_key(it.value, at, &k, err);

		if (r < 0)
			return r;
		/* Two keys of one id: the second can never be meant. */
		for (size_t i = 0; i < rule->n_keys; i++)
			if (rule->keys[i].id == k.id && rule->keys[i].provider == p) {
				free(k.name);
				return err_sys(err, EINVAL, "%s: the same secret as of key \"%s\"",
					       at, rule->keys[i].name);
			}
		*ARRAY_PUSH(rule->keys, rule->n_keys, rule->cap_keys) = k;
		OPENSSL_cleanse(&k, sizeof(k));
	}
	return n ? 0 : err_sys(err, EINVAL, "%s.keys: Required value: at least one key", path);
}

static int read_provider(struct jv v, const char *path, struct seal_rule *rule, struct err *err)
{
	struct jv_iter it = jv_iter_start(v, true);
	CLEANUP_FREE char *at = NULL;

	if (!jv_iter_next(&it))
		return err_sys(err, EINVAL, "%s: Required value: names no provider", path);
	if (jv_len(v) != 1)
		return err_sys(err, EINVAL,
			       "%s: more than one provider in one element: each needs its own",
			       path);
	at = xasprintf("%s.%.*s", path, STR_ARG(it.key));
	if (str_eqs(it.key, "kms"))
		return err_sys(err, ENOTSUP,
			       "%s: keys of a KMS plugin are not supported: use aesgcm, aescbc or "
			       "secretbox",
			       at);
	if (str_eqs(it.key, "identity")) {
		*ARRAY_PUSH(rule->keys, rule->n_keys, rule->cap_keys) =
			(struct seal_key){.provider = SEAL_IDENTITY};
		return 0;
	}
	for (enum seal_provider p = SEAL_AESGCM; p <= SEAL_SECRETBOX; p++)
		if (str_eqs(it.key, provider_names[p]))
			return read_keys(it.value, at, p, rule, err);
	return err_sys(err, EINVAL, "%s: no such provider", at);
}

/* Upstream's rule: "*" is a whole name, of the resource or of both. */
static int check_resource(struct str s, const char *path, struct err *err)
{
	ssize_t star = str_chr(s, '*');

	if (!s.len)
		return err_sys(err, EINVAL, "%s: an empty name", path);
	if (star > 0 && !str_eqs(s, "*.*"))
		return err_sys(err, EINVAL, "%s: \"%.*s\": * stands for a whole name", path,
			       STR_ARG(s));
	if (star == 0 && (s.len < 2 || s.p[1] != '.'))
		return err_sys(err, EINVAL,
			       "%s: \"%.*s\": write *.* for everything, *. for the core group, "
			       "*.GROUP for a group",
			       path, STR_ARG(s));
	return 0;
}

static int read_resources(struct jv v, const char *path, struct seal_rule *rule, struct err *err)
{
	unsigned n = 0;

	jv_for_each (it, jv_get(v, "resources")) {
		CLEANUP_FREE char *at = xasprintf("%s.resources[%u]", path, n++);
		int r = check_resource(jv_text(it.value), at, err);

		if (r < 0)
			return r;
		*ARRAY_PUSH(rule->resources, rule->n_resources, rule->cap_resources) =
			jv_strdup(it.value);
	}
	return n ? 0 : err_sys(err, EINVAL, "%s.resources: Required value: names none", path);
}

static int read_rule(struct jv v, const char *path, struct seal_keys *k, struct err *err)
{
	struct seal_rule *rule = ARRAY_PUSH(k->rules, k->n_rules, k->cap_rules);
	unsigned n = 0;
	int r;

	*rule = (struct seal_rule){0};
	jv_for_each_member (m, v)
		if (!str_eqs(m.key, "resources") && !str_eqs(m.key, "providers"))
			return err_sys(err, EINVAL, "%s: unknown field \"%.*s\"", path,
				       STR_ARG(m.key));
	r = read_resources(v, path, rule, err);
	jv_for_each (it, jv_get(v, "providers")) {
		CLEANUP_FREE char *at = xasprintf("%s.providers[%u]", path, n++);

		if (r == 0)
			r = read_provider(it.value, at, rule, err);
	}
	if (r == 0 && !rule->n_keys)
		r = err_sys(err, EINVAL, "%s.providers: Required value: names none", path);
	return r;
}

int seal_keys_parse(struct str text, struct seal_keys *ret, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct seal_keys k = {0};
	struct jv v;
	unsigned n = 0;
	int r = yaml_to_json(text, &json, err);

	if (r < 0)
		return r;
	v = jv_of(buf_str(&json));
	if (!jv_eqs(jv_get(v, "apiVersion"), "apiserver.config.k8s.io/v1") ||
	    !jv_eqs(jv_get(v, "kind"), "EncryptionConfiguration"))
		r = err_sys(err, EINVAL, "no apiserver.config.k8s.io/v1 EncryptionConfiguration");
	jv_for_each (it, jv_get(v, "resources")) {
		CLEANUP_FREE char *at = xasprintf("resources[%u]", n++);

		if (r == 0)
			r = read_rule(it.value, at, &k, err);
	}
	if (r == 0 && !n)
		r = err_sys(err, EINVAL, "resources: Required value: names none");
	OPENSSL_cleanse(json.p, json.len);
	if (r < 0)
		seal_keys_done(&k);
	else
		*ret = k;
	return r;
}

int seal_generate(const char *provider, struct buf *out, struct err *err)
{
	uint8_t secret[32];
	enum seal_provider p = SEAL_AESGCM;

	while (p <= SEAL_SECRETBOX && strcmp(provider_names[p], provider) != 0)
		p++;
	if (p > SEAL_SECRETBOX)
		return err_sys(err, EINVAL, "\"%s\" is none of aesgcm, aescbc, secretbox",
			       provider);
	if (RAND_bytes(secret, sizeof(secret)) != 1)
		return err_sys(err, EIO, "no random bytes");
	buf_adds(out, "apiVersion: apiserver.config.k8s.io/v1\n"
		      "kind: EncryptionConfiguration\n"
		      "resources:\n"
		      "  - resources:\n"
		      "      - secrets\n"
		      "    providers:\n");
	buf_addf(out, "      - %s:\n          keys:\n            - name: key1\n", provider);
	buf_adds(out, "              secret: ");
	base64_encode(str_n((const char *)secret, sizeof(secret)), out);
	buf_adds(out,
		 "\n"
		 "      - identity: {} # reads what was written before; to be removed later\n");
	OPENSSL_cleanse(secret, sizeof(secret));
	return 0;
}
