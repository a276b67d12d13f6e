/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "agent/node/api_priv.h"
#include "lib/sys/file.h"
/* The kubelet's way without a serving CSR: a self-signed certificate for name and address. */

#define CERT_DAYS 365
#define RENEW_DAYS 60
#define PEM_MAX 65536

static void bio_to_buf(BIO *b, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	buf_add(out, p, (size_t)n);
	BIO_free(b);
}

/* What is on disk, if it is good for some time to come and names this node. */
static bool load(const char *crt, const char *key, const char *ip, struct buf *cert_pem,
		 struct buf *key_pem)
{
	BIO *bio;
	X509 *x;
	time_t soon = time(NULL) + RENEW_DAYS * 86400;
	bool good;

	if (file_read(AT_FDCWD, crt, PEM_MAX, cert_pem) < 0 ||
	    file_read(AT_FDCWD, key, PEM_MAX, key_pem) < 0)
		return false;
	bio = BIO_new_mem_buf(cert_pem->p, (int)cert_pem->len);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	good = x && X509_cmp_time(X509_get0_notAfter(x), &soon) > 0 &&
	       X509_check_ip_asc(x, ip, 0) == 1;
	X509_free(x);
	return good;
}

static X509 *make(EVP_PKEY *key, const char *name, const char *ip)
{
	CLEANUP_FREE char *alt = xasprintf("DNS:%s,IP:%s,IP:127.0.0.1", name, ip);
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	uint64_t serial = 0;
	CLEANUP_FREE char *cn = xasprintf("system:node:%s", name);

	RAND_bytes((unsigned char *)&serial, sizeof(serial));
	X509_set_version(x, 2);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)CERT_DAYS * 86400);
	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"system:nodes", -1,
				   -1, 0);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, n);
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, alt);
	if (e)
		X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	e = X509V3_EXT_conf_nid(NULL, &ctx, NID_ext_key_usage, "serverAuth");
	if (e)
		X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	if (!X509_sign(x, key, EVP_sha256())) {
		X509_free(x);
		return NULL;
	}
	return x;
}

int api_serving_cert(const struct node_api_conf *conf, struct buf *cert_pem, struct buf *key_pem,
		     struct err *err)
{
	CLEANUP_FREE char *crt = xasprintf("%s/serving.crt", conf->pki_dir);
	CLEANUP_FREE char *key = xasprintf("%s/serving.key", conf->pki_dir);
	EVP_PKEY *k;
	X509 *x;
	BIO *b;
	int r = dir_make(conf->pki_dir, 0700);

	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", conf->pki_dir, strerror(-r));
	if (load(crt, key, conf->node_ip, cert_pem, key_pem))
		return 0;
	buf_clear(cert_pem);
	buf_clear(key_pem);
	k = EVP_EC_gen("P-256");
	x = k ? make(k, conf->node_name, conf->node_ip) : NULL;
	if (!x) {
		EVP_PKEY_free(k);
		return err_sys(err, EIO, "cannot make the node API's certificate");
	}
	b = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(b, x);
	bio_to_buf(b, cert_pem);
	b = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL);
	bio_to_buf(b, key_pem);
	X509_free(x);
	EVP_PKEY_free(k);
	r = file_write_atomic(AT_FDCWD, crt, buf_str(cert_pem), 0644);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, key, buf_str(key_pem), 0600);
	return r < 0 ? err_sys(err, -r, "cannot write %s: %s", crt, strerror(-r)) : 0;
}
