/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/http/certs.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *make(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const void *)"testers", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const void *)cn, -1, -1, 0);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
	X509_set_pubkey(cert, key);
	if (!strcmp(cn, "test-ca")) {
		extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	} else {
		extension(cert, issuer ? issuer : cert, NID_ext_key_usage, "serverAuth,clientAuth");
		extension(cert, issuer ? issuer : cert, NID_subject_alt_name,
			  "IP:127.0.0.1,IP:::1,DNS:localhost");
	}
	X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256());
	return cert;
}

static void to_pem(BIO *bio, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	buf_init(out);
	buf_add(out, p, (size_t)n);
	BIO_free(bio);
}

static void cert_pem(X509 *cert, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(bio, cert);
	to_pem(bio, out);
}

static void key_pem(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	to_pem(bio, out);
}

static void leaf(const char *cn, X509 *ca, EVP_PKEY *ca_key, struct buf *cert, struct buf *key)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	X509 *x = make(cn, k, ca, ca_key);

	cert_pem(x, cert);
	key_pem(k, key);
	X509_free(x);
	EVP_PKEY_free(k);
}

void test_certs_make(struct test_certs *ret)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256");
	X509 *ca = make("test-ca", ca_key, NULL, NULL);

	cert_pem(ca, &ret->ca);
	leaf("server", ca, ca_key, &ret->server, &ret->server_key);
	leaf("tester", ca, ca_key, &ret->client, &ret->client_key);
	leaf("stranger", NULL, NULL, &ret->stranger, &ret->stranger_key);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
}

void test_certs_done(struct test_certs *c)
{
	buf_done(&c->ca);
	buf_done(&c->server);
	buf_done(&c->server_key);
	buf_done(&c->client);
	buf_done(&c->client_key);
	buf_done(&c->stranger);
	buf_done(&c->stranger_key);
}
