/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_MESSAGE_H
#define KNARR_HTTP_MESSAGE_H
#include "lib/base/buf.h"
/*
 * What server and client share: header fields, and bytes that many answers send without copying
 * them. Everything in lib/http belongs to one loop and one thread: counts are plain integers.
 */

/* A header field as given to a call: borrowed, names in any case (HTTP/2 sends lower case). */
struct http_header {
	struct str name, value;
};
#define HTTP_HEADER(name_lit, value_str) ((struct http_header){STR(name_lit), (value_str)})

/*
 * A blob is immutable bytes with a reference count. One event is one blob, queued to thousands of
 * watchers; each holds a reference until its bytes are encrypted.
 */
struct http_blob {
	struct str bytes; /* read them freely */
	unsigned refs;
	void (*release)(void *user);
	void *user;
};

/* A copy of `bytes` (one allocation); the caller owns the one reference. */
struct http_blob *http_blob_new(struct str bytes);
/* Moves the memory of `b` into a blob; b is BUF_INIT afterwards. */
struct http_blob *http_blob_take_buf(struct buf *b);
/*
 * Bytes that live elsewhere (a stored object, a mapped file): `release(user)` runs when the last
 * reference goes. `bytes` may be empty: then the blob only keeps something alive for pieces.
 */
struct http_blob *http_blob_wrap(struct str bytes, void (*release)(void *user), void *user);
struct http_blob *http_blob_ref(struct http_blob *b); /* returns b */
struct http_blob *http_blob_unref(struct http_blob *b); /* takes NULL, returns NULL */

/*
 * Part of an answer: bytes, and the blob that keeps them alive. `keep` NULL means that they never
 * go away (a literal). A LIST is thousands of pieces over the store's bytes that all keep one
 * blob, which holds the view they were read from.
 */
struct http_piece {
	struct str bytes;
	struct http_blob *keep;
};
#define HTTP_PIECE_LIT(lit) ((struct http_piece){STR(lit), NULL})
static inline struct http_piece http_piece_of(struct http_blob *b)
{
	return (struct http_piece){b->bytes, b};
}

/* "Not Found" for 404; "" for codes without a name. */
const char *http_status_text(int status);
#endif
