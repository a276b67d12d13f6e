/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include "agent/node/join.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <uv.h>

#include "agent/node/csr.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/client/authority.h"
#include "lib/client/client.h"
#include "lib/client/kubeconfig.h"
#include "lib/client/transport_http.h"
#include "lib/http/client.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#define RETRY_NS (60 * NSEC_PER_SEC)

/* ---- the kubeconfig file ---- */

static void member_base64(struct jw *w, const char *key, struct str bytes)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	base64_encode(bytes, &b);
	jw_member_str(w, key, buf_str(&b));
}

/* A list of one {"name": NAME, KEY: {...}}; the inner object is left open. */
static void open_named(struct jw *w, const char *list, const char *name, const char *key)
{
	jw_key(w, list);
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "name", str_of(name));
	jw_key(w, key);
	jw_begin_object(w);
}

static void close_named(struct jw *w)
{
	jw_end_object(w);
	jw_end_object(w);
	jw_end_array(w);
}

static int write_kubeconfig(const char *path, const char *server, struct str ca, struct str cert,
			    struct str key, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT, yaml = BUF_INIT;
	CLEANUP_FREE char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	struct jw w = jw_start(&json);
	int r;

	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Config"));
	open_named(&w, "clusters", "knarr", "cluster");
	jw_member_str(&w, "server", str_of(server));
	member_base64(&w, "certificate-authority-data", ca);
	close_named(&w);
	open_named(&w, "users", "node", "user");
	member_base64(&w, "client-certificate-data", cert);
	member_base64(&w, "client-key-data", key);
	close_named(&w);
	open_named(&w, "contexts", "node@knarr", "context");
	jw_member_str(&w, "cluster", STR("knarr"));
	jw_member_str(&w, "user", STR("node"));
	close_named(&w);
	jw_member_str(&w, "current-context", STR("node@knarr"));
	jw_end_object(&w);
	r = json_to_yaml(buf_str(&json), &yaml);
	if (slash && slash != dir) {
		*slash = 0;
		dir_make(dir, 0755);
	}
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, buf_str(&yaml), 0600);
	return r < 0 ? err_sys(err, -r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

/* ---- join ---- */

struct join {
	const struct join_conf *conf;
	struct buf ca;
	struct client *client;
	bool over;
	int r;
	struct err *err;
};

static void on_joined(void *user, int r, struct str cert, struct str key, const struct err *err)
{
	struct join *j = user;

	j->over = true;
	j->r = r;
	if (r == 0)
		j->r = write_kubeconfig(j->conf->kubeconfig, j->conf->server, buf_str(&j->ca), cert,
					key, j->err);
	else
		err_set(j->err, -r, err->reason, "cannot join the cluster: %s", err_text(err));
}

static int request(struct join *j, struct tls_ctx *tls)
{
	const char *urls[] = {j->conf->server};
	struct transport *t;
	struct http_client *hc;
	struct csr *csr;
	int r = http_client_new(&(struct http_client_conf){.loop = j->conf->loop,
							   .endpoints = urls,
							   .n_endpoints = 1,
							   .tls = tls,
							   .bearer_token = str_of(j->conf->token),
							   .user_agent = "knarr-agent"},
				&hc, j->err);

	if (r < 0)
		return r;
	t = transport_http_new(hc);
	j->client = client_new(&(struct client_conf){
		.transport = t, .timers = j->conf->timers, .user_agent = "knarr-agent"});
	csr = csr_start(j->client, j->conf->timers, j->conf->node_name, on_joined, j, j->err);
	if (!csr) {
		j->r = -EIO;
		j->over = true;
	}
	while (!j->over)
		uv_run(j->conf->loop, UV_RUN_ONCE);
	client_free(j->client);
	transport_free(t);
	return j->r;
}

int join_cluster(const struct join_conf *conf, struct err *err)
{
	struct join j = {.conf = conf, .ca = BUF_INIT, .err = err};
	struct tls_ctx *tls = NULL;
	int r = authority_fetch(conf->server, conf->ca_hash, &j.ca, err);

	if (r == 0)
		r = tls_client_new(&(struct tls_conf){.ca_pem = buf_str(&j.ca)}, &tls, err);
	if (r == 0)
		r = request(&j, tls);
	if (tls)
		tls_ctx_unref(tls);
	buf_done(&j.ca);
	if (r == 0)
		log_notice("joined the cluster of %s as %s", conf->server, conf->node_name);
	return r;
}

/* ---- renewal ---- */

/* At the earliest, after a start. */
#define RENEW_MIN_NS (10 * NSEC_PER_SEC)
/* How often the authority is looked at: a rotation waits for it. */
#define LOOK_NS (600 * NSEC_PER_SEC)
#define LOOK_FIRST_NS (500 * NSEC_PER_MSEC)

struct renewer {
	struct renewer_conf conf;
	struct csr *csr;
	struct timer timer, look;
	struct client_call *call;
	struct buf ca; /* to be trusted from now on; empty: as it is */
	bool told;
};

static struct str authorities(const struct renewer *n)
{
	return n->ca.len ? buf_str(&n->ca) : buf_str(&n->conf.kc->ca_pem);
}

static void on_renewed(void *user, int r, struct str cert, struct str key, const struct err *err)
{
	struct renewer *n = user;
	struct err e = ERR_INIT;

	n->csr = NULL;
	if (r == 0)
		r = write_kubeconfig(n->conf.path, n->conf.kc->server, authorities(n), cert, key,
				     &e);
	if (r < 0) {
		log_warn("cannot renew the node's certificate: %s", err_text(e.errnum ? &e : err));
		err_done(&e);
		timers_arm_in(n->conf.timers, &n->timer, RETRY_NS);
		return;
	}
	log_notice("the node's certificate was renewed");
	n->conf.renewed(n->conf.user);
}

static void on_due(struct timer *t)
{
	struct renewer *n = container_of(t, struct renewer, timer);
	struct err err = ERR_INIT;

	n->csr = csr_start(n->conf.client, n->conf.timers, n->conf.node_name, on_renewed, n, &err);
	if (!n->csr)
		timers_arm_in(n->conf.timers, &n->timer, RETRY_NS);
	err_done(&err);
}

/* ---- the authority ---- */

/* The certificates that are trusted now; empty: not to be read. */
static void read_info(struct str body, struct buf *pem)
{
	CLEANUP(buf_done) struct buf yaml = BUF_INIT, json = BUF_INIT;
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct str text = jv_str(jv_path(jv_of(body), "data.kubeconfig"), &yaml);

	if (!text.len || yaml_to_json(text, &json, &e) < 0 ||
	    base64_decode(jv_text(jv_path(jv_of(buf_str(&json)),
					  "clusters[0].cluster.certificate-authority-data")),
			  pem) < 0)
		buf_clear(pem);
}

static X509 *first_cert(struct str pem)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

	BIO_free(b);
	return x;
}

static bool signed_by(struct str cert_pem, struct str ca_pem)
{
	X509 *cert = first_cert(cert_pem), *ca = first_cert(ca_pem);
	bool is = cert && ca && X509_verify(cert, X509_get0_pubkey(ca)) == 1;

	X509_free(cert);
	X509_free(ca);
	return is;
}

static void on_told(void *user, const struct err *e, struct str body)
{
	struct renewer *n = user;

	(void)body;
	n->call = NULL;
	n->told = !e->errnum;
}

/* For who rotates the authority: this node trusts what it is to trust. */
static void tell(struct renewer *n)
{
	struct str ca = buf_str(&n->conf.kc->ca_pem);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	uint8_t md[32];

	if (n->told || EVP_Digest(ca.p, ca.len, md, NULL, EVP_sha256(), NULL) != 1)
		return;
	buf_adds(&b, "{\"metadata\":{\"annotations\":{\"knarr.io/authority\":\"");
	hex_encode(str_n((const char *)md, sizeof(md)), &b);
	buf_adds(&b, "\"}}}");
	n->call = client_merge(n->conf.client, &client_nodes, STR_NULL, str_of(n->conf.node_name),
			       NULL, buf_str(&b), on_told, n);
}

static void on_info(void *user, const struct err *e, struct str body)
{
	struct renewer *n = user;
	const struct kubeconfig *kc = n->conf.kc;
	CLEANUP(err_done) struct err err = ERR_INIT;
	CLEANUP(buf_done) struct buf pem = BUF_INIT;

	n->call = NULL;
	if (!e->errnum)
		read_info(body, &pem);
	if (!pem.len || n->csr)
		return;
	if (!signed_by(buf_str(&kc->cert_pem), buf_str(&pem))) {
		log_notice("the cluster has another authority: asking it for a certificate");
		buf_clear(&n->ca);
		buf_addstr(&n->ca, buf_str(&pem));
		timers_disarm(n->conf.timers, &n->timer);
		timers_soon(n->conf.timers, &n->timer);
	} else if (!str_eq(buf_str(&pem), buf_str(&kc->ca_pem))) {
		log_notice("the authorities that the cluster trusts have changed");
		if (write_kubeconfig(n->conf.path, kc->server, buf_str(&pem),
				     buf_str(&kc->cert_pem), buf_str(&kc->key_pem), &err) < 0)
			log_warn("%s", err_text(&err));
		else
			n->conf.renewed(n->conf.user);
	} else {
		tell(n);
	}
}

static void on_look(struct timer *t)
{
	struct renewer *n = container_of(t, struct renewer, look);

	if (!n->call && !n->csr)
		n->call = client_get(n->conf.client, &client_configmaps, STR("kube-public"),
				     STR("cluster-info"), on_info, n);
	timers_arm_in(n->conf.timers, t, LOOK_NS + rng_below(&rng_system, LOOK_NS / 10));
}

static bool is_node_cert(struct str pem)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	char cn[128] = "";

	if (x)
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, cn, sizeof(cn));
	X509_free(x);
	BIO_free(b);
	return strncmp(cn, "system:node:", strlen("system:node:")) == 0;
}

struct renewer *renewer_start(const struct renewer_conf *conf)
{
	struct renewer *n;
	struct str cert = buf_str(&conf->kc->cert_pem);
	int64_t from, to, now = clock_real_ns(conf->timers->clock), left;

	if (!is_node_cert(cert) || csr_cert_times(cert, &from, &to) < 0)
		return NULL;
	n = NEW(struct renewer);
	n->conf = *conf;
	n->timer.fire = on_due;
	n->look.fire = on_look;
	buf_init(&n->ca);
	timers_arm_in(conf->timers, &n->look, LOOK_FIRST_NS + rng_below(&rng_system, NSEC_PER_SEC));
	/* Between 70 and 90 % of its life: a thousand nodes that joined together renew apart. */
	left = from + (to - from) / 10 * 7 - now;
	left += (int64_t)rng_below(&rng_system, (uint64_t)MAX(to - from, 0) / 5 + 1);
	/* A clock that is wrong, or a very short life, must not make it a loop. */
	timers_arm_in(conf->timers, &n->timer, (uint64_t)MAX(left, (int64_t)RENEW_MIN_NS));
	return n;
}

struct renewer *renewer_stop(struct renewer *n)
{
	if (!n)
		return NULL;
	csr_cancel(n->csr);
	if (n->call)
		client_cancel(n->conf.client, n->call);
	timers_disarm(n->conf.timers, &n->timer);
	timers_disarm(n->conf.timers, &n->look);
	buf_done(&n->ca);
	free(n);
	return NULL;
}
