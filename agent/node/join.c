/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/join.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/client/client.h"
#include "lib/http/client.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <uv.h>

#define CLUSTER_INFO "/api/v1/namespaces/kube-public/configmaps/cluster-info"
#define CSRS "/apis/certificates.k8s.io/v1/certificatesigningrequests"
#define PATIENCE_NS (120 * NSEC_PER_SEC)
#define ASK_AGAIN_MS 250

struct join {
	const struct join_conf *conf;
	struct buf ca_pem, key_pem, csr_pem, cert_pem;
	uint64_t until_ns;
	struct err *err;
};

/* ---- One request, waited for ---- */
struct answer {
	int status, result;
	bool done;
	struct buf body;
	struct err *err;
};

static void on_response(struct http_call *call, int status, void *user)
{
	((struct answer *)user)->status = status;
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct answer *a = user;

	if (a->body.len < 1 << 20)
		buf_addstr(&a->body, data);
}

static void on_end(struct http_call *call, int r, void *user)
{
	struct answer *a = user;

	a->done = true;
	a->result = r;
	if (r < 0)
		err_sys(a->err, r, "%s", http_call_error(call));
}

static int ask(struct join *j, struct http_client *c, const char *method, const char *path,
	       struct str body, struct buf *out)
{
	static const struct http_call_ops ops = {on_response, on_data, on_end};
	struct http_header type = HTTP_HEADER("content-type", STR("application/json"));
	struct http_call_req req = {.method = method,
				    .path = path,
				    .headers = &type,
				    .n_headers = body.p ? 1 : 0,
				    .body = body,
				    .timeout_ns = 20 * NSEC_PER_SEC};
	struct answer a = {.body = BUF_INIT, .err = j->err};
	int r;

	http_client_request(c, &req, &ops, &a);
	while (!a.done && uv_run(j->conf->loop, UV_RUN_ONCE))
		;
	r = a.result;
	if (r == 0 && a.status / 100 != 2)
		r = client_status_to_err(a.status, buf_str(&a.body), j->err);
	if (r == 0)
		r = json_scan(buf_str(&a.body), NULL, j->err);
	if (r == 0)
		buf_addstr(out, buf_str(&a.body));
	buf_done(&a.body);
	return r;
}

static int client_to(struct join *j, bool trusted, struct http_client **ret)
{
	struct tls_conf tc = {.insecure = !trusted};
	struct http_client_conf hc = {.loop = j->conf->loop,
				      .endpoints = &j->conf->server,
				      .n_endpoints = 1,
				      .wait_timeout_ns = 10 * NSEC_PER_SEC};
	int r;

	if (trusted) {
		tc.ca_pem = buf_str(&j->ca_pem);
		hc.bearer_token = str_of(j->conf->token);
	}
	r = tls_client_new(&tc, &hc.tls, j->err);
	if (r < 0)
		return r;
	r = http_client_new(&hc, ret, j->err);
	tls_ctx_unref(hc.tls);
	return r;
}

/* ---- The authority ---- */
static int check_hash(struct join *j)
{
	BIO *bio = BIO_new_mem_buf(j->ca_pem.p, (int)j->ca_pem.len);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	CLEANUP(buf_done) struct buf hash = BUF_INIT;
	unsigned char *der = NULL, md[32];
	int len = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : -1;

	if (len > 0) {
		EVP_Digest(der, (size_t)len, md, NULL, EVP_sha256(), NULL);
		buf_adds(&hash, "sha256:");
		hex_encode(str_n(md, sizeof(md)), &hash);
	}
	OPENSSL_free(der);
	X509_free(cert);
	BIO_free(bio);
	if (len <= 0)
		return err_sys(j->err, EBADMSG, "%s gives no usable certificate of its authority",
			       j->conf->server);
	if (!j->conf->ca_hash) {
		log_warn("joining without --ca-hash: trusting %s because it answered (%s)",
			 j->conf->server, hash.p);
		return 0;
	}
	if (str_eqs(buf_str(&hash), j->conf->ca_hash))
		return 0;
	return err_sys(j->err, EACCES,
		       "--ca-hash: %s has an authority with the hash %s, not %s: this is not your "
		       "cluster, or the hash is of another",
		       j->conf->server, hash.p, j->conf->ca_hash);
}

/* Nothing is sent but a GET, and nothing believed, until the authority's hash is right. */
static int fetch_authority(struct join *j)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	CLEANUP_FREE char *config = NULL;
	struct http_client *c;
	int r = client_to(j, false, &c);

	if (r < 0)
		return r;
	r = ask(j, c, "GET", CLUSTER_INFO, STR_NULL, &body);
	http_client_free(c);
	if (r < 0)
		return r;
	config = jv_strdup(jv_path(jv_of(buf_str(&body)), "data.kubeconfig"));
	if (!config || yaml_to_json(str_of(config), &json, j->err) < 0 ||
	    base64_decode(jv_text(jv_path(jv_of(buf_str(&json)),
					  "clusters[0].cluster.certificate-authority-data")),
			  &j->ca_pem) < 0)
		return err_sys(j->err, EBADMSG, "%s: kube-public/cluster-info holds no authority",
			       j->conf->server);
	return check_hash(j);
}

/* ---- Key and request ---- */
static void take_bio(BIO *b, struct buf *out)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	buf_add(out, p, (size_t)n);
	BIO_free(b);
}

static int make_request(struct join *j)
{
	CLEANUP_FREE char *cn = xasprintf("system:node:%s", j->conf->node_name);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	X509_NAME *n = X509_REQ_get_subject_name(req);
	BIO *b = BIO_new(BIO_s_mem());
	bool good;

	X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8, (const unsigned char *)"system:nodes", -1,
				   -1, 0);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	good = key && X509_REQ_set_pubkey(req, key) && X509_REQ_sign(req, key, EVP_sha256()) &&
	       PEM_write_bio_X509_REQ(b, req);
	take_bio(b, &j->csr_pem);
	if (good) {
		b = BIO_new(BIO_s_mem());
		good = PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL);
		take_bio(b, &j->key_pem);
	}
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	return good ? 0 : err_sys(j->err, EIO, "cannot make a key and a signing request");
}

static void csr_body(struct join *j, struct buf *out)
{
	CLEANUP(buf_done) struct buf b64 = BUF_INIT;
	CLEANUP_FREE char *prefix = xasprintf("node-csr-%s-", j->conf->node_name);
	struct jw w = jw_start(out);

	base64_encode(buf_str(&j->csr_pem), &b64);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("certificates.k8s.io/v1"));
	jw_member_str(&w, "kind", STR("CertificateSigningRequest"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "generateName", str_of(prefix));
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_str(&w, "request", buf_str(&b64));
	jw_member_str(&w, "signerName", STR("kubernetes.io/kube-apiserver-client-kubelet"));
	jw_key(&w, "usages");
	jw_begin_array(&w);
	jw_str(&w, STR("digital signature"));
	jw_str(&w, STR("client auth"));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void on_timer(uv_timer_t *t)
{
	uv_timer_stop(t);
	*(bool *)t->data = true;
}

static void on_timer_closed(uv_handle_t *h)
{
	*(bool *)h->data = true;
}

static void pause_loop(struct join *j)
{
	uv_timer_t t;
	bool over = false;

	uv_timer_init(j->conf->loop, &t);
	t.data = &over;
	uv_timer_start(&t, on_timer, ASK_AGAIN_MS, 0);
	while (!over)
		uv_run(j->conf->loop, UV_RUN_ONCE);
	/* The handle is on this stack: it must be closed before we leave. */
	over = false;
	uv_close((uv_handle_t *)&t, on_timer_closed);
	while (!over)
		uv_run(j->conf->loop, UV_RUN_ONCE);
}

/* 1: decided, the certificate is in cert_pem; 0: not yet. */
static int look_at_csr(struct join *j, struct str csr)
{
	struct jv status = jv_get(jv_of(csr), "status");
	struct str cert = jv_text(jv_get(status, "certificate"));

	jv_for_each (c, jv_get(status, "conditions")) {
		CLEANUP_FREE char *message = jv_strdup(jv_get(c.value, "message"));

		if (jv_eqs(jv_get(c.value, "type"), "Denied") ||
		    jv_eqs(jv_get(c.value, "type"), "Failed"))
			return err_sys(j->err, EACCES, "the signing request was refused: %s",
				       message ? message : "no reason given");
	}
	if (!cert.len)
		return 0;
	if (base64_decode(cert, &j->cert_pem) < 0)
		return err_sys(j->err, EBADMSG, "the certificate is not base64");
	return 1;
}

static int get_certificate(struct join *j)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	CLEANUP(buf_done) struct buf csr = BUF_INIT;
	CLEANUP_FREE char *path = NULL;
	struct http_client *c;
	int r = client_to(j, true, &c);

	if (r < 0)
		return r;
	csr_body(j, &body);
	r = ask(j, c, "POST", CSRS, buf_str(&body), &csr);
	if (r == -EACCES)
		err_prefix(j->err, "--token: ");
	if (r == 0)
		path = xasprintf(CSRS "/%.*s",
				 STR_ARG(jv_text(jv_path(jv_of(buf_str(&csr)), "metadata.name"))));
	while (r == 0) {
		r = look_at_csr(j, buf_str(&csr));
		if (r)
			break;
		if (uv_hrtime() > j->until_ns) {
			r = err_sys(j->err, ETIMEDOUT,
				    "the signing request was not approved within two minutes");
			break;
		}
		pause_loop(j);
		buf_clear(&csr);
		r = ask(j, c, "GET", path, STR_NULL, &csr);
	}
	http_client_free(c);
	return r < 0 ? r : 0;
}

static void member_base64(struct jw *w, const char *name, const struct buf *pem)
{
	CLEANUP(buf_done) struct buf b64 = BUF_INIT;

	base64_encode(buf_str(pem), &b64);
	jw_member_str(w, name, buf_str(&b64));
}

/* A list of one {"name": name, "<what>": {...}}; the inner object is left open. */
static void open_named(struct jw *w, const char *list, const char *name, const char *what)
{
	jw_key(w, list);
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "name", str_of(name));
	jw_key(w, what);
	jw_begin_object(w);
}

static void close_named(struct jw *w)
{
	jw_end_object(w);
	jw_end_object(w);
	jw_end_array(w);
}

static int write_kubeconfig(struct join *j)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	CLEANUP(buf_done) struct buf yaml = BUF_INIT;
	CLEANUP_FREE char *user = xasprintf("system:node:%s", j->conf->node_name);
	CLEANUP_FREE char *dir = xstrdup(j->conf->kubeconfig);
	struct jw w = jw_start(&json);
	char *slash = strrchr(dir, '/');
	int r = 0;

	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Config"));
	jw_member_str(&w, "current-context", STR("knarr"));
	open_named(&w, "clusters", "knarr", "cluster");
	jw_member_str(&w, "server", str_of(j->conf->server));
	member_base64(&w, "certificate-authority-data", &j->ca_pem);
	close_named(&w);
	open_named(&w, "users", user, "user");
	member_base64(&w, "client-certificate-data", &j->cert_pem);
	member_base64(&w, "client-key-data", &j->key_pem);
	close_named(&w);
	open_named(&w, "contexts", "knarr", "context");
	jw_member_str(&w, "cluster", STR("knarr"));
	jw_member_str(&w, "user", str_of(user));
	close_named(&w);
	jw_end_object(&w);
	json_to_yaml(buf_str(&json), &yaml);
	if (slash && slash != dir) {
		*slash = 0;
		r = dir_make(dir, 0755);
	}
	if (!r)
		r = file_write_atomic(AT_FDCWD, j->conf->kubeconfig, buf_str(&yaml), 0600);
	return r < 0 ? err_sys(j->err, r, "cannot write %s: %s", j->conf->kubeconfig, strerror(-r))
		     : 0;
}

int join_cluster(const struct join_conf *conf, struct err *err)
{
	struct join j = {.conf = conf,
			 .ca_pem = BUF_INIT,
			 .key_pem = BUF_INIT,
			 .csr_pem = BUF_INIT,
			 .cert_pem = BUF_INIT,
			 .until_ns = uv_hrtime() + PATIENCE_NS,
			 .err = err};
	int r;

	if (!conf->token)
		return err_sys(err, EINVAL, "--join needs --token (knarrctl token create)");
	r = fetch_authority(&j);
	if (!r)
		r = make_request(&j);
	if (!r)
		r = get_certificate(&j);
	if (!r)
		r = write_kubeconfig(&j);
	if (r < 0)
		err_prefix(err, "cannot join %s: ", conf->server);
	else
		log_notice("joined %s as system:node:%s", conf->server, conf->node_name);
	OPENSSL_cleanse(j.key_pem.p, j.key_pem.len);
	buf_done(&j.ca_pem);
	buf_done(&j.key_pem);
	buf_done(&j.csr_pem);
	buf_done(&j.cert_pem);
	return r;
}
