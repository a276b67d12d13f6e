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

struct renewer {
	struct renewer_conf conf;
	struct csr *csr;
	struct timer timer;
};

static void on_renewed(void *user, int r, struct str cert, struct str key, const struct err *err)
{
	struct renewer *n = user;
	struct err e = ERR_INIT;

	n->csr = NULL;
	if (r == 0)
		r = write_kubeconfig(n->conf.path, n->conf.kc->server, buf_str(&n->conf.kc->ca_pem),
				     cert, key, &e);
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
	timers_disarm(n->conf.timers, &n->timer);
	free(n);
	return NULL;
}
