/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_TLS_H
#define KNARR_HTTP_TLS_H
#include "lib/base/err.h"

#include <openssl/types.h>
/*
 * TLS settings of a server or a client: TLS 1.2 and newer, ALPN "h2" and "http/1.1", no
 * session tickets (a handshake costs 0.5 ms and a session's memory is dearer). A tls_ctx is
 * counted: a server or client holds its own reference. Certificates are replaced at run time with
 * tls_ctx_reload: connections that exist go on with what they began with.
 */
struct tls_conf {
	/* PEM text. The certificate may be a chain, leaf first. A client may have neither. */
	struct str cert_pem, key_pem;
	/*
	 * Server: who signs client certificates; absent: none are asked for.
	 * Client: who signs the server's certificate; absent: the system's own roots.
	 */
	struct str ca_pem;
	/* Client: the name to check instead of the one in the URL (tls-server-name), or NULL. */
	const char *server_name;
	/* Client: accept any certificate (HTTPS probes, insecure-skip-tls-verify). */
	bool insecure;
	/* Client: offer only http/1.1 (for upgrades), never h2. */
	bool no_h2;
};

struct tls_ctx;

/* -EINVAL with a message when the PEM is unusable or the key does not fit the certificate. */
int tls_server_new(const struct tls_conf *conf, struct tls_ctx **ret, struct err *err);
int tls_client_new(const struct tls_conf *conf, struct tls_ctx **ret, struct err *err);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *t);
struct tls_ctx *tls_ctx_unref(struct tls_ctx *t); /* returns NULL */
/* Same kind (server or client) with new settings for new connections; on error the old stay. */
int tls_ctx_reload(struct tls_ctx *t, const struct tls_conf *conf, struct err *err);
#endif
