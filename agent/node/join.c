/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include "agent/node/join.h"

#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <uv.h>

#include "agent/node/csr.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/client/client.h"
#include "lib/client/kubeconfig.h"
#include "lib/client/transport_http.h"
#include "lib/http/client.h"
#include "lib/json/jw.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#define RETRY_NS (60 * NSEC_PER_SEC)

/* ---- the authority ---- */

static int split_url(const char *url, char host[256], char port[8], struct err *err)
{
	struct str s = str_of(url), rest;
	ssize_t colon;

	if (!str_starts(s, STR("https://")))
		return err_sys(err, EINVAL, "--join: \"%s\" is not an https:// URL", url);
	s = str_skip(s, 8);
	if (str_ends(s, STR("/")))
		s.len--;
	colon = str_rchr(s, ':');
	rest = colon < 0 ? STR("6443") : str_skip(s, (size_t)colon + 1);
	if (colon >= 0)
		s.len = (size_t)colon;
	if (str_copy(host, 256, s) < 0 || str_copy(port, 8, rest) < 0)
		return err_sys(err, EINVAL, "--join: \"%s\" is no URL of a master", url);
	return 0;
}

static int connect_to(const char *host, const char *port, struct err *err)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *ai;
	struct timeval limit = {.tv_sec = 10};
	int r = getaddrinfo(host, port, &hints, &ai), fd;

	if (r)
		return err_sys(err, EHOSTUNREACH, "--join: %s: %s", host, gai_strerror(r));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	r = fd < 0 || connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 ? -errno : 0;
	freeaddrinfo(ai);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return err_sys(err, -r, "--join: cannot reach the master at %s:%s: %s", host, port,
			       strerror(-r));
	}
	return fd;
}

static void spki_hash(X509 *x, struct buf *out)
{
	unsigned char md[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned int n = 0;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);

	if (len > 0)
		EVP_Digest(der, (size_t)len, md, &n, EVP_sha256(), NULL);
	OPENSSL_free(der);
	buf_adds(out, "sha256:");
	hex_encode(str_n(md, n), out);
}

/* The self-signed certificate in the chain that the peer shows. */
static int pick_authority(SSL *ssl, const char *want, struct buf *pem, struct err *err)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	CLEANUP(buf_done) struct buf hash = BUF_INIT;

	for (int i = 0; chain && i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		char *p = NULL;
		long n;
		BIO *b;

		if (X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) != 0 ||
		    X509_verify(x, X509_get0_pubkey(x)) != 1)
			continue;
		spki_hash(x, &hash);
		if (want && strcmp(want, hash.p) != 0)
			return err_sys(err, EACCES,
				       "--ca-hash: the master's authority has %s, not %s: this is "
				       "another cluster, or somebody stands between",
				       hash.p, want);
		if (!want)
			log_warn("--ca-hash is not given: trusting the authority %s unseen",
				 hash.p);
		b = BIO_new(BIO_s_mem());
		PEM_write_bio_X509(b, x);
		n = BIO_get_mem_data(b, &p);
		buf_add(pem, p, (size_t)n);
		BIO_free(b);
		return 0;
	}
	return err_sys(err, EPROTO, "--join: the master does not show its authority's certificate");
}

/* No token is sent on this connection: it only shows who is there. Blocks, 10 s at most a step. */
static int fetch_authority(const struct join_conf *conf, struct buf *pem, struct err *err)
{
	char host[256], port[8];
	SSL_CTX *ctx;
	SSL *ssl;
	int fd, r = split_url(conf->server, host, port, err);

	if (r < 0)
		return r;
	fd = connect_to(host, port, err);
	if (fd < 0)
		return fd;
	ctx = SSL_CTX_new(TLS_client_method());
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) == 1)
		r = pick_authority(ssl, conf->ca_hash, pem, err);
	else
		r = err_sys(err, EPROTO, "--join: %s:%s does not speak TLS", host, port);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return r;
}

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
	int r = fetch_authority(conf, &j.ca, err);

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
	left = from + (to - from) / 5 * 4 - now;
	timers_arm_in(conf->timers, &n->timer, (uint64_t)MAX(left, (int64_t)NSEC_PER_SEC));
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
