/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_CERT_H
#define KNARR_AUTH_CERT_H
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include <openssl/evp.h>
#include <openssl/x509.h>
/*
 * X.509 certificates and keys, by OpenSSL 3: what RFC 5280 asks of a certificate authority, its
 * serving and client certificates, and PKCS#10 requests. Nothing here touches a file.
 *
 * Keys are ECDSA P-256: made in under a millisecond, so that a first start is no slower than any
 * other. Every key that OpenSSL reads is accepted where a caller brings one.
 */

/* What a certificate shall say. All pointers are borrowed; lists end with NULL and may be NULL. */
struct cert_spec {
	const char *common_name; /* the user's name, for a client */
	const char *const *organizations; /* the user's groups */
	const char *const *sans; /* DNS names and IP addresses, told apart by their form */
	bool server, client; /* extended key usages */
	uint64_t valid_ns;
};

/* A key pair and certificate; cert_pair_done frees both and may see NULLs. */
struct cert_pair {
	X509 *cert;
	EVP_PKEY *key;
};
void cert_pair_done(struct cert_pair *p);

/* A fresh P-256 key, NULL when OpenSSL cannot (and err says why). The caller frees it. */
EVP_PKEY *cert_key_new(struct err *err);

/* A self-signed authority for `key`, good for valid_ns from now. The caller frees it. */
X509 *cert_ca_new(EVP_PKEY *key, const char *common_name, const struct clock *clock,
		  uint64_t valid_ns, struct err *err);

/*
 * A certificate for the public half of `subject`, signed by `ca`. It begins five minutes ago (for
 * clocks that differ) and never outlives the authority. The caller frees it.
 */
X509 *cert_issue(const struct cert_pair *ca, EVP_PKEY *subject, const struct cert_spec *spec,
		 const struct clock *clock, struct err *err);

/* PEM in and out. Reading takes the first block of its kind; NULL with err if there is none. */
void cert_to_pem(X509 *cert, struct buf *out);
void cert_key_to_pem(EVP_PKEY *key, struct buf *out);
void cert_public_to_pem(EVP_PKEY *key, struct buf *out);
X509 *cert_from_pem(struct str pem, struct err *err);
EVP_PKEY *cert_key_from_pem(struct str pem, struct err *err);
EVP_PKEY *cert_public_from_pem(struct str pem, struct err *err);
X509_REQ *cert_req_from_pem(struct str pem, struct err *err);

/* Unix nanoseconds of the two ends of validity; 0 when a field cannot be read. */
int64_t cert_not_before_ns(const X509 *cert);
int64_t cert_not_after_ns(const X509 *cert);
/* True once less than a third of its life is left: the moment to replace it. */
bool cert_wants_renewal(const X509 *cert, const struct clock *clock);
/* True when the certificate names exactly these subject alternative names (order is free). */
bool cert_has_sans(const X509 *cert, const char *const *sans);

/* The common name, or the n-th organization, of a subject; NULL if absent. The caller frees. */
char *cert_name_cn(const X509_NAME *name);
char *cert_name_org(const X509_NAME *name, size_t n);

/*
 * DNS names and IP addresses of a request's subjectAltName, as text: at most `max`, each to be
 * freed by the caller. Other kinds of names are left out.
 */
void cert_request_sans(const STACK_OF(X509_EXTENSION) * exts, char **ret, size_t max,
		       size_t *ret_n);

/*
 * The text kubeadm calls discovery-token-ca-cert-hash: "sha256:" and the hex SHA-256 of the
 * certificate's SubjectPublicKeyInfo.
 */
void cert_spki_hash(X509 *cert, struct buf *out);

/* Fill err with what OpenSSL says last, behind the text; returns -EINVAL. */
int cert_err(struct err *err, const char *what);

DEFINE_CLEANUP(X509 *, cert_x509_freep, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, cert_pkey_freep, EVP_PKEY_free)
DEFINE_CLEANUP(X509_REQ *, cert_req_freep, X509_REQ_free)
DEFINE_CLEANUP(BIO *, cert_bio_freep, BIO_free)
#endif
