/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/cert.h"
#include "lib/base/codec.h"
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define CLOCK_SKEW_NS (300 * NSEC_PER_SEC)

int cert_err(struct err *err, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *why = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return err_sys(err, EINVAL, "%s: %s", what, why ? why : "OpenSSL gives no reason");
}

void cert_pair_done(struct cert_pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	*p = (struct cert_pair){0};
}

EVP_PKEY *cert_key_new(struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		cert_err(err, "cannot make a P-256 key");
	return key;
}

/* 127 random bits: RFC 5280 4.1.2.2 wants a positive serial of at most 20 bytes. */
static bool set_serial(X509 *x)
{
	uint8_t bytes[16];
	BIGNUM *bn;
	bool ok;

	rng_system.fill(rng_system.user, bytes, sizeof(bytes));
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
	bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
	return ok;
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const uint8_t *)value, -1,
					  -1, 0);
}

static bool add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = ext && X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static bool set_validity(X509 *cert, int64_t from_ns, int64_t to_ns)
{
	return ASN1_TIME_set(X509_getm_notBefore(cert), from_ns / (int64_t)NSEC_PER_SEC) &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), to_ns / (int64_t)NSEC_PER_SEC);
}

X509 *cert_ca_new(EVP_PKEY *key, const char *common_name, const struct clock *clock,
		  uint64_t valid_ns, struct err *err)
{
	CLEANUP(cert_x509_freep) X509 *x = X509_new();
	int64_t now = clock_real_ns(clock);

	if (!x || !X509_set_version(x, X509_VERSION_3) || !set_serial(x) ||
	    !set_validity(x, now - (int64_t)CLOCK_SKEW_NS, now + (int64_t)valid_ns) ||
	    !add_name(X509_get_subject_name(x), "CN", common_name) ||
	    !X509_set_issuer_name(x, X509_get_subject_name(x)) || !X509_set_pubkey(x, key) ||
	    !add_ext(x, x, NID_basic_constraints, "critical,CA:TRUE") ||
	    !add_ext(x, x, NID_key_usage,
		     "critical,digitalSignature,keyEncipherment,keyCertSign") ||
	    !add_ext(x, x, NID_subject_key_identifier, "hash") ||
	    !X509_sign(x, key, EVP_sha256())) {
		cert_err(err, "cannot make the certificate authority");
		return NULL;
	}
	return TAKE(x);
}

/* One entry of subjectAltName: an address when inet_pton takes it, else a DNS name. */
static GENERAL_NAME *general_name(const char *san)
{
	GENERAL_NAME *gn = GENERAL_NAME_new();
	uint8_t addr[16];
	ASN1_STRING *s;
	int len = 0;

	if (inet_pton(AF_INET, san, addr) == 1)
		len = 4;
	else if (inet_pton(AF_INET6, san, addr) == 1)
		len = 16;
	if (len) {
		s = ASN1_OCTET_STRING_new();
		ASN1_STRING_set(s, addr, len);
		GENERAL_NAME_set0_value(gn, GEN_IPADD, s);
	} else {
		s = ASN1_IA5STRING_new();
		ASN1_STRING_set(s, san, -1);
		GENERAL_NAME_set0_value(gn, GEN_DNS, s);
	}
	return gn;
}

static GENERAL_NAMES *sans_of(const char *const *sans)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();

	for (size_t i = 0; sans && sans[i]; i++)
		sk_GENERAL_NAME_push(names, general_name(sans[i]));
	return names;
}

static bool add_sans(X509 *cert, const char *const *sans)
{
	GENERAL_NAMES *names;
	bool ok;

	if (!sans || !sans[0])
		return true;
	names = sans_of(sans);
	ok = X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool add_subject(X509 *x, const struct cert_spec *spec)
{
	X509_NAME *name = X509_get_subject_name(x);

	for (size_t i = 0; spec->organizations && spec->organizations[i]; i++)
		if (!add_name(name, "O", spec->organizations[i]))
			return false;
	return !spec->common_name || add_name(name, "CN", spec->common_name);
}

static bool add_usages(X509 *x, X509 *ca, const struct cert_spec *spec)
{
	const char *extended = spec->server && spec->client ? "serverAuth,clientAuth"
			       : spec->server               ? "serverAuth"
							    : "clientAuth";

	return add_ext(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_ext(x, ca, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
	       add_ext(x, ca, NID_ext_key_usage, extended) &&
	       add_ext(x, ca, NID_authority_key_identifier, "keyid");
}

X509 *cert_issue(const struct cert_pair *ca, EVP_PKEY *subject, const struct cert_spec *spec,
		 const struct clock *clock, struct err *err)
{
	CLEANUP(cert_x509_freep) X509 *x = X509_new();
	int64_t now = clock_real_ns(clock);
	int64_t until = MIN(now + (int64_t)spec->valid_ns, cert_not_after_ns(ca->cert));

	if (!x || !X509_set_version(x, X509_VERSION_3) || !set_serial(x) ||
	    !set_validity(x, now - (int64_t)CLOCK_SKEW_NS, until) || !add_subject(x, spec) ||
	    !X509_set_issuer_name(x, X509_get_subject_name(ca->cert)) ||
	    !X509_set_pubkey(x, subject) || !add_usages(x, ca->cert, spec) ||
	    !add_sans(x, spec->sans) || !X509_sign(x, ca->key, EVP_sha256())) {
		cert_err(err, "cannot issue a certificate");
		return NULL;
	}
	return TAKE(x);
}

static void bio_out(BIO *bio, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	buf_add(out, p, (size_t)n);
}

void cert_to_pem(X509 *cert, struct buf *out)
{
	CLEANUP(cert_bio_freep) BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_X509(bio, cert);
	bio_out(bio, out);
}

void cert_key_to_pem(EVP_PKEY *key, struct buf *out)
{
	CLEANUP(cert_bio_freep) BIO *bio = BIO_new(BIO_s_secmem());

	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	bio_out(bio, out);
}

void cert_public_to_pem(EVP_PKEY *key, struct buf *out)
{
	CLEANUP(cert_bio_freep) BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PUBKEY(bio, key);
	bio_out(bio, out);
}

static BIO *bio_in(struct str pem)
{
	return BIO_new_mem_buf(pem.p ? pem.p : "", (int)MIN(pem.len, (size_t)INT_MAX));
}

/* A passphrase is never asked for on a terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *user)
{
	return -1;
}

X509 *cert_from_pem(struct str pem, struct err *err)
{
	CLEANUP(cert_bio_freep) BIO *bio = bio_in(pem);
	X509 *x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);

	if (!x)
		cert_err(err, "no certificate in PEM form");
	return x;
}

EVP_PKEY *cert_key_from_pem(struct str pem, struct err *err)
{
	CLEANUP(cert_bio_freep) BIO *bio = bio_in(pem);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);

	if (!k)
		cert_err(err, "no private key in PEM form");
	return k;
}

EVP_PKEY *cert_public_from_pem(struct str pem, struct err *err)
{
	CLEANUP(cert_bio_freep) BIO *bio = bio_in(pem);
	EVP_PKEY *k = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);

	if (!k)
		cert_err(err, "no public key in PEM form");
	return k;
}

X509_REQ *cert_req_from_pem(struct str pem, struct err *err)
{
	CLEANUP(cert_bio_freep) BIO *bio = bio_in(pem);
	CLEANUP(cert_req_freep)
	X509_REQ *req = PEM_read_bio_X509_REQ(bio, NULL, no_passphrase, NULL);

	if (!req) {
		cert_err(err, "no certificate request in PEM form");
		return NULL;
	}
	if (X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1) {
		cert_err(err, "the request is not signed by its own key");
		return NULL;
	}
	return TAKE(req);
}

static int64_t asn1_ns(const ASN1_TIME *t)
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * (int64_t)NSEC_PER_SEC;
}

int64_t cert_not_before_ns(const X509 *cert)
{
	return asn1_ns(X509_get0_notBefore(cert));
}

int64_t cert_not_after_ns(const X509 *cert)
{
	return asn1_ns(X509_get0_notAfter(cert));
}

bool cert_wants_renewal(const X509 *cert, const struct clock *clock)
{
	int64_t end = cert_not_after_ns(cert);

	return end - clock_real_ns(clock) < (end - cert_not_before_ns(cert)) / 3;
}

bool cert_has_sans(const X509 *cert, const char *const *sans)
{
	GENERAL_NAMES *have = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	GENERAL_NAMES *want = sans_of(sans);
	bool same = (have ? sk_GENERAL_NAME_num(have) : 0) == sk_GENERAL_NAME_num(want);

	for (int i = 0; same && i < sk_GENERAL_NAME_num(want); i++) {
		bool found = false;

		for (int j = 0; !found && j < sk_GENERAL_NAME_num(have); j++)
			found = GENERAL_NAME_cmp(sk_GENERAL_NAME_value(want, i),
						 sk_GENERAL_NAME_value(have, j)) == 0;
		same = found;
	}
	GENERAL_NAMES_free(have);
	GENERAL_NAMES_free(want);
	return same;
}

/* The n-th entry of a kind; a value with a NUL inside is refused (it would cut the name short). */
static char *name_entry(const X509_NAME *name, int nid, size_t n)
{
	int at = -1, len;
	uint8_t *utf8;
	char *ret = NULL;

	for (size_t i = 0; i <= n; i++) {
		at = X509_NAME_get_index_by_NID(name, nid, at);
		if (at < 0)
			return NULL;
	}
	len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (len < 0)
		return NULL;
	if (!memchr(utf8, 0, (size_t)len))
		ret = xstrndup((const char *)utf8, (size_t)len);
	OPENSSL_free(utf8);
	return ret;
}

char *cert_name_cn(const X509_NAME *name)
{
	return name_entry(name, NID_commonName, 0);
}

char *cert_name_org(const X509_NAME *name, size_t n)
{
	return name_entry(name, NID_organizationName, n);
}

void cert_spki_hash(X509 *cert, struct buf *out)
{
	uint8_t md[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned md_len = 0;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	if (len > 0)
		EVP_Digest(der, (size_t)len, md, &md_len, EVP_sha256(), NULL);
	OPENSSL_free(der);
	buf_adds(out, "sha256:");
	hex_encode(str_n(md, md_len), out);
}

static char *general_name_text(const GENERAL_NAME *gn)
{
	char text[INET6_ADDRSTRLEN];
	const ASN1_STRING *v;
	int type, len;

	v = GENERAL_NAME_get0_value(gn, &type);
	len = type == GEN_DNS || type == GEN_IPADD ? ASN1_STRING_length(v) : 0;
	if (type == GEN_DNS && len > 0 && !memchr(ASN1_STRING_get0_data(v), 0, (size_t)len))
		return xstrndup((const char *)ASN1_STRING_get0_data(v), (size_t)len);
	if (type == GEN_IPADD && (len == 4 || len == 16) &&
	    inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(v), text, sizeof(text)))
		return xstrdup(text);
	return NULL;
}

void cert_request_sans(const STACK_OF(X509_EXTENSION) * exts, char **ret, size_t max, size_t *ret_n)
{
	GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);

	*ret_n = 0;
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names) && *ret_n < max; i++) {
		char *text = general_name_text(sk_GENERAL_NAME_value(names, i));

		if (text)
			ret[(*ret_n)++] = text;
	}
	GENERAL_NAMES_free(names);
}
