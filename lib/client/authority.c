/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/authority.h"
#include "lib/base/cidr.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"

#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

static int split_url(const char *url, char host[256], char port[8], struct err *err)
{
	struct str s = str_of(url), name, number;

	if (!str_starts(s, STR("https://")))
		return err_sys(err, EINVAL, "--join: \"%s\" is not an https:// URL", url);
	s = str_skip(s, 8);
	if (str_ends(s, STR("/")))
		s.len--;
	if (!host_port_split(s, &name, &number) || str_copy(host, 256, name) < 0 ||
	    str_copy(port, 8, number.p ? number : STR("6443")) < 0)
		return err_sys(err, EINVAL, "--join: \"%s\" is no URL of a master", url);
	return 0;
}

static int connect_to(const char *host, const char *port, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *ai;
	struct timeval limit = {.tv_sec = 10};
	int r = getaddrinfo(host, port, &hints, &list), fd = -1;

	if (r)
		return err_sys(err, EHOSTUNREACH, "--join: %s: %s", host, gai_strerror(r));
	for (ai = list; ai; ai = ai->ai_next) { /* a name may have addresses of both families */
		fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		r = fd < 0 || connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 ? -errno : 0;
		if (r == 0)
			break;
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(list);
	if (r < 0)
		return err_sys(err, -r, "--join: cannot reach the master at %s:%s: %s", host, port,
			       strerror(-r));
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

/* No token is sent on this connection: it only shows who is there. */
int authority_fetch(const char *url, const char *ca_hash, struct buf *pem, struct err *err)
{
	char host[256], port[8];
	SSL_CTX *ctx;
	SSL *ssl;
	int fd, r = split_url(url, host, port, err);

	if (r < 0)
		return r;
	fd = connect_to(host, port, err);
	if (fd < 0)
		return fd;
	ctx = SSL_CTX_new(TLS_client_method());
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) == 1)
		r = pick_authority(ssl, ca_hash, pem, err);
	else
		r = err_sys(err, EPROTO, "--join: %s:%s does not speak TLS", host, port);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return r;
}
