/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/csr.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/client/client.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

#define SIGNER "kubernetes.io/kube-apiserver-client-kubelet"
#define LOOK_NS (500 * NSEC_PER_MSEC)
#define LOOK_MAX_NS (5 * NSEC_PER_SEC)
#define GIVE_UP_NS (90 * NSEC_PER_SEC)

struct csr {
	struct client *client;
	struct timers *timers;
	struct client_call *call;
	struct timer look;
	uint64_t began_ns, delay_ns;
	char *name; /* of the object; NULL until it is made */
	struct buf key_pem, body;
	csr_fn *done;
	void *user;
};

struct csr *csr_cancel(struct csr *c)
{
	if (!c)
		return NULL;
	if (c->call)
		client_cancel(c->client, c->call);
	timers_disarm(c->timers, &c->look);
	buf_done(&c->key_pem);
	buf_done(&c->body);
	free(c->name);
	free(c);
	return NULL;
}

static void finish(struct csr *c, int r, struct str cert, const struct err *err)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT, copy = BUF_INIT;
	csr_fn *done = c->done;
	void *user = c->user;

	buf_addstr(&key, buf_str(&c->key_pem));
	buf_addstr(&copy, cert);
	csr_cancel(c);
	done(user, r, buf_str(&copy), buf_str(&key), err);
}

static void fail(struct csr *c, int errnum, const char *text)
{
	struct err err = ERR_INIT;

	err_sys(&err, errnum, "%s", text);
	finish(c, -errnum, STR_NULL, &err);
	err_done(&err);
}

static bool has_condition(struct jv obj, const char *type)
{
	jv_for_each (it, jv_path(obj, "status.conditions"))
		if (jv_eqs(jv_get(it.value, "type"), type))
			return true;
	return false;
}

static void on_object(void *user, const struct err *e, struct str body);

static void look(struct timer *t)
{
	struct csr *c = container_of(t, struct csr, look);

	if (timers_now_ns(c->timers) - c->began_ns > GIVE_UP_NS) {
		fail(c, ETIMEDOUT,
		     c->name ? "the certificate request was not approved in time: see `kubectl get "
			       "csr`"
			     : "no master answers");
		return;
	}
	if (c->name)
		c->call = client_get(c->client, &client_csrs, STR_NULL, str_of(c->name), on_object,
				     c);
	else
		c->call = client_create(c->client, &client_csrs, STR_NULL, buf_str(&c->body),
					on_object, c);
}

static void on_object(void *user, const struct err *e, struct str body)
{
	struct csr *c = user;
	CLEANUP(buf_done) struct buf scratch = BUF_INIT, cert = BUF_INIT;
	struct jv obj = jv_of(body), value;

	c->call = NULL;
	if (e->errnum && !client_err_transient(e)) {
		finish(c, -e->errnum, STR_NULL, e);
		return;
	}
	if (!e->errnum && json_scan(body, NULL, NULL) == 0) {
		if (!c->name)
			c->name = jv_strdup(jv_path(obj, "metadata.name"));
		value = jv_path(obj, "status.certificate");
		if (jv_exists(value) && base64_decode(jv_str(value, &scratch), &cert) == 0 &&
		    cert.len) {
			finish(c, 0, buf_str(&cert), NULL);
			return;
		}
		if (has_condition(obj, "Denied") || has_condition(obj, "Failed")) {
			fail(c, EACCES, "the certificate request was denied");
			return;
		}
	}
	c->delay_ns = MIN(MAX(c->delay_ns * 2, LOOK_NS), LOOK_MAX_NS);
	timers_arm_in(c->timers, &c->look,
		      c->name && c->delay_ns <= LOOK_NS ? LOOK_NS / 10 : c->delay_ns);
}

/* A new P-256 key and a PKCS#10 request for it, both PEM. */
static int make_request(const char *node_name, struct buf *key_pem, struct buf *req_pem)
{
	CLEANUP_FREE char *cn = xasprintf("system:node:%s", node_name);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = req ? X509_REQ_get_subject_name(req) : NULL;
	BIO *b = BIO_new(BIO_s_mem());
	int r = -EIO;
	char *p;
	long n;

	if (key && name &&
	    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
				       (const unsigned char *)"system:nodes", -1, -1, 0) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1,
				       0) &&
	    X509_REQ_set_pubkey(req, key) && X509_REQ_sign(req, key, EVP_sha256()) &&
	    PEM_write_bio_X509_REQ(b, req)) {
		n = BIO_get_mem_data(b, &p);
		buf_add(req_pem, p, (size_t)n);
		(void)BIO_reset(b);
		if (PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL)) {
			n = BIO_get_mem_data(b, &p);
			buf_add(key_pem, p, (size_t)n);
			r = 0;
		}
	}
	BIO_free(b);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	return r;
}

static void write_body(struct buf *out, struct str req_pem)
{
	static const char *const usages[] = {"digital signature", "client auth"};
	CLEANUP(buf_done) struct buf b64 = BUF_INIT;
	struct jw w = jw_start(out);

	base64_encode(req_pem, &b64);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("certificates.k8s.io/v1"));
	jw_member_str(&w, "kind", STR("CertificateSigningRequest"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "generateName", STR("node-csr-"));
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_str(&w, "request", buf_str(&b64));
	jw_member_str(&w, "signerName", STR(SIGNER));
	jw_key(&w, "usages");
	jw_begin_array(&w);
	for (size_t i = 0; i < ARRAY_SIZE(usages); i++)
		jw_str(&w, str_of(usages[i]));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

struct csr *csr_start(struct client *client, struct timers *timers, const char *node_name,
		      csr_fn *done, void *user, struct err *err)
{
	CLEANUP(buf_done) struct buf req = BUF_INIT;
	struct csr *c = NEW(struct csr);

	c->client = client;
	c->timers = timers;
	c->done = done;
	c->user = user;
	c->began_ns = timers_now_ns(timers);
	c->look.fire = look;
	buf_init(&c->key_pem);
	buf_init(&c->body);
	if (make_request(node_name, &c->key_pem, &req) < 0) {
		err_sys(err, EIO, "cannot make a key for the node's certificate");
		return csr_cancel(c);
	}
	write_body(&c->body, buf_str(&req));
	timers_soon(timers, &c->look);
	return c;
}

static int asn1_ns(const ASN1_TIME *t, int64_t *ret)
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return -EINVAL;
	*ret = (int64_t)timegm(&tm) * (int64_t)NSEC_PER_SEC;
	return 0;
}

int csr_cert_times(struct str cert_pem, int64_t *ret_from_ns, int64_t *ret_to_ns)
{
	BIO *b = BIO_new_mem_buf(cert_pem.p, (int)cert_pem.len);
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	int r = x && asn1_ns(X509_get0_notBefore(x), ret_from_ns) == 0 &&
				asn1_ns(X509_get0_notAfter(x), ret_to_ns) == 0
			? 0
			: -EINVAL;

	BIO_free(b);
	X509_free(x);
	return r;
}
