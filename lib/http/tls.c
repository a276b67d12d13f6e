/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/tls.h"
#include "lib/http/tls_io.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_ctx {
	unsigned refs;
	bool is_server, insecure;
	char *server_name;
	SSL_CTX *ssl;
};

struct tls_io {
	SSL *ssl;
	struct str in;
	struct buf *out;
	long verify; /* first failure of the peer's certificate */
	bool is_server, insecure;
	char error[160];
};

static const unsigned char alpn_both[] = "\x02h2\x08http/1.1";
static const unsigned char alpn_h1[] = "\x08http/1.1";

/* ---- contexts ---- */

static int fail(struct err *err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_sys(err, EINVAL, "%s: %s", what, why ? why : "unusable");
}

/* Keys are never encrypted here; without this OpenSSL would ask for a passphrase on the tty. */
static int no_passphrase(char *buf, int size, int rwflag, void *user)
{
	return -1;
}

static int load_chain(SSL_CTX *ctx, struct str pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *leaf = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL), *ca;
	int r = 0;

	if (!leaf || SSL_CTX_use_certificate(ctx, leaf) != 1)
		r = fail(err, "certificate");
	while (r == 0 && (ca = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
		if (SSL_CTX_add0_chain_cert(ctx, ca) != 1) {
			X509_free(ca);
			r = fail(err, "certificate chain");
		}
	X509_free(leaf);
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

static int load_key(SSL_CTX *ctx, struct str pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	int r = 0;

	if (!key || SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		r = fail(err, "private key");
	EVP_PKEY_free(key);
	BIO_free(bio);
	return r;
}

static int load_cas(SSL_CTX *ctx, struct str pem, bool is_server, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509 *ca;
	int n = 0;

	while ((ca = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		n += X509_STORE_add_cert(store, ca) == 1;
		if (is_server)
			SSL_CTX_add_client_CA(ctx, ca);
		X509_free(ca);
	}
	BIO_free(bio);
	if (!n)
		return fail(err, "CA certificates");
	ERR_clear_error();
	return 0;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen,
		       const unsigned char *in, unsigned inlen, void *user)
{
	unsigned char *chosen = NULL;

	if (SSL_select_next_proto(&chosen, outlen, alpn_both, sizeof(alpn_both) - 1, in, inlen) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

/*
 * Server side: a bad client certificate is remembered, not fatal (see http_req_peer_cert). Client
 * side: only `insecure` lets one pass.
 */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_io *io = SSL_get_app_data(ssl);

	if (!ok && io->verify == X509_V_OK)
		io->verify = X509_STORE_CTX_get_error(store);
	return ok || io->is_server || io->insecure;
}

static int load_all(SSL_CTX *ctx, const struct tls_conf *conf, bool is_server, struct err *err)
{
	int r;

	if (!str_is_null(conf->cert_pem) || is_server) {
		r = load_chain(ctx, conf->cert_pem, err);
		if (r == 0)
			r = load_key(ctx, conf->key_pem, err);
		if (r < 0)
			return r;
	}
	if (!str_is_null(conf->ca_pem)) {
		r = load_cas(ctx, conf->ca_pem, is_server, err);
		if (r < 0)
			return r;
	} else if (!is_server && !conf->insecure) {
		SSL_CTX_set_default_verify_paths(ctx);
	}
	return 0;
}

static SSL_CTX *ctx_make(const struct tls_conf *conf, bool is_server, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());

	if (!ctx) {
		fail(err, "TLS");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	/* Forward secrecy and AEAD only (RFC 9325 section 4.2). */
	SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
	if (load_all(ctx, conf, is_server, err) < 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	if (is_server) {
		if (!str_is_null(conf->ca_pem))
			SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
		SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
	} else {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
		if (conf->no_h2)
			SSL_CTX_set_alpn_protos(ctx, alpn_h1, sizeof(alpn_h1) - 1);
		else
			SSL_CTX_set_alpn_protos(ctx, alpn_both, sizeof(alpn_both) - 1);
	}
	return ctx;
}

static int tls_new(const struct tls_conf *conf, bool is_server, struct tls_ctx **ret,
		   struct err *err)
{
	SSL_CTX *ssl = ctx_make(conf, is_server, err);
	struct tls_ctx *t;

	if (!ssl)
		return -EINVAL;
	t = NEW(struct tls_ctx);
	t->refs = 1;
	t->is_server = is_server;
	t->ssl = ssl;
	t->insecure = conf->insecure;
	t->server_name = xstrdup(conf->server_name);
	*ret = t;
	return 0;
}

int tls_server_new(const struct tls_conf *conf, struct tls_ctx **ret, struct err *err)
{
	return tls_new(conf, true, ret, err);
}

int tls_client_new(const struct tls_conf *conf, struct tls_ctx **ret, struct err *err)
{
	return tls_new(conf, false, ret, err);
}

struct tls_ctx *tls_ctx_ref(struct tls_ctx *t)
{
	t->refs++;
	return t;
}

struct tls_ctx *tls_ctx_unref(struct tls_ctx *t)
{
	if (t && --t->refs == 0) {
		SSL_CTX_free(t->ssl);
		free(t->server_name);
		free(t);
	}
	return NULL;
}

int tls_ctx_reload(struct tls_ctx *t, const struct tls_conf *conf, struct err *err)
{
	SSL_CTX *ssl = ctx_make(conf, t->is_server, err);

	if (!ssl)
		return -EINVAL;
	SSL_CTX_free(t->ssl);
	t->ssl = ssl;
	t->insecure = conf->insecure;
	free(t->server_name);
	t->server_name = xstrdup(conf->server_name);
	return 0;
}

/* ---- the BIO: reads from io->in, writes to io->out ---- */

static int wire_read(BIO *bio, char *p, size_t size, size_t *ret_n)
{
	struct tls_io *io = BIO_get_data(bio);
	size_t n = MIN(size, io->in.len);

	BIO_clear_retry_flags(bio);
	if (!n) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(p, io->in.p, n);
	io->in = str_skip(io->in, n);
	*ret_n = n;
	return 1;
}

static int wire_write(BIO *bio, const char *p, size_t len, size_t *ret_n)
{
	struct tls_io *io = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (io->out)
		buf_add(io->out, p, len);
	*ret_n = len;
	return 1;
}

static long wire_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	return cmd == BIO_CTRL_FLUSH || cmd == BIO_CTRL_DUP;
}

static const BIO_METHOD *wire_method(void)
{
	static BIO_METHOD *m;

	if (!m) {
		m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "knarr wire");
		BIO_meth_set_read_ex(m, wire_read);
		BIO_meth_set_write_ex(m, wire_write);
		BIO_meth_set_ctrl(m, wire_ctrl);
	}
	return m;
}

/* ---- sessions ---- */

static void set_name(SSL *ssl, const char *name)
{
	unsigned char addr[16];
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (inet_pton(AF_INET, name, addr) == 1 || inet_pton(AF_INET6, name, addr) == 1) {
		X509_VERIFY_PARAM_set1_ip_asc(param, name);
		return;
	}
	SSL_set_tlsext_host_name(ssl, name);
	X509_VERIFY_PARAM_set1_host(param, name, 0);
}

struct tls_io *tls_io_new(struct tls_ctx *ctx, const char *name)
{
	struct tls_io *t = NEW(struct tls_io);
	BIO *bio = BIO_new(wire_method());

	t->is_server = ctx->is_server;
	t->insecure = ctx->insecure;
	t->verify = X509_V_OK;
	t->ssl = SSL_new(ctx->ssl);
	if (!t->ssl || !bio) {
		BIO_free(bio);
		return tls_io_free(t);
	}
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	if (t->is_server) {
		SSL_set_accept_state(t->ssl);
	} else {
		SSL_set_connect_state(t->ssl);
		if (ctx->server_name)
			name = ctx->server_name;
		if (name)
			set_name(t->ssl, name);
	}
	return t;
}

struct tls_io *tls_io_free(struct tls_io *t)
{
	if (t) {
		SSL_free(t->ssl);
		free(t);
	}
	return NULL;
}

void tls_io_feed(struct tls_io *t, struct str in)
{
	t->in = in;
}

void tls_io_sink(struct tls_io *t, struct buf *out)
{
	t->out = out;
}

static int io_fail(struct tls_io *t)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	if (t->verify != X509_V_OK && !t->is_server)
		why = X509_verify_cert_error_string(t->verify);
	str_copy(t->error, sizeof(t->error), str_of(why ? why : "TLS failed"));
	ERR_clear_error();
	return -EPROTO;
}

int tls_io_handshake(struct tls_io *t)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(t->ssl);
	if (r == 1)
		return 1;
	return SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ ? 0 : io_fail(t);
}

ssize_t tls_io_read(struct tls_io *t, void *p, size_t size)
{
	int r;

	ERR_clear_error();
	r = SSL_read(t->ssl, p, (int)MIN(size, (size_t)INT_MAX));
	if (r > 0)
		return r;
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return -ENOTCONN;
	default:
		return io_fail(t);
	}
}

int tls_io_write(struct tls_io *t, const void *p, size_t len)
{
	ERR_clear_error();
	while (len) {
		size_t n = 0;

		if (SSL_write_ex(t->ssl, p, MIN(len, (size_t)INT_MAX), &n) != 1)
			return io_fail(t);
		p = (const char *)p + n;
		len -= n;
	}
	return 0;
}

void tls_io_only_h1(struct tls_io *t)
{
	SSL_set_alpn_protos(t->ssl, alpn_h1, sizeof(alpn_h1) - 1);
}

void tls_io_close(struct tls_io *t)
{
	ERR_clear_error();
	if (SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

bool tls_io_is_h2(const struct tls_io *t)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(t->ssl, &name, &len);
	return str_eq(str_n(name, len), STR("h2"));
}

X509 *tls_io_peer(const struct tls_io *t, long *ret_verify)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	if (ret_verify)
		*ret_verify = cert ? t->verify : X509_V_OK;
	return cert && t->verify == X509_V_OK ? cert : NULL;
}

const char *tls_io_error(const struct tls_io *t)
{
	return t->error;
}
