/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_TLS_IO_H
#define KNARR_HTTP_TLS_IO_H
#include "lib/base/buf.h"
#include "lib/http/tls.h"
/*
 * Inside lib/http: one TLS session between two byte buffers. The caller points `in` to bytes from
 * the wire, calls, and finds bytes for the wire appended to *out. The session itself keeps
 * nothing but OpenSSL's state (SSL_MODE_RELEASE_BUFFERS).
 */
struct tls_io;

/* `name`: client only, checked against the certificate. NULL on failure. */
struct tls_io *tls_io_new(struct tls_ctx *ctx, const char *name);
struct tls_io *tls_io_free(struct tls_io *t); /* returns NULL */
/* Bytes from the wire, consumed by the calls that follow. */
void tls_io_feed(struct tls_io *t, struct str in);
/* Where bytes for the wire go from now on. */
void tls_io_sink(struct tls_io *t, struct buf *out);
/* 1 done, 0 more input needed, -EPROTO failed (an alert may stand in the sink). */
int tls_io_handshake(struct tls_io *t);
/* Plain bytes read; 0 more input needed; -ENOTCONN the peer closed; -EPROTO. */
ssize_t tls_io_read(struct tls_io *t, void *p, size_t size);
int tls_io_write(struct tls_io *t, const void *p, size_t len); /* all, or -EPROTO */
void tls_io_only_h1(struct tls_io *t); /* client, before the handshake: do not offer h2 */
void tls_io_close(struct tls_io *t); /* close_notify */
bool tls_io_is_h2(const struct tls_io *t); /* what ALPN chose */
/* The verified certificate of the peer or NULL, and the X509_V_ERR_ number of a bad one. */
X509 *tls_io_peer(const struct tls_io *t, long *ret_verify);
/* Why the last call failed; static text until the next failure of any session. */
const char *tls_io_error(const struct tls_io *t);
#endif
