/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_GZIP_H
#define KNARR_APISERVER_GZIP_H
#include "master/apiserver/request.h"
/*
 * Compressed answers (RFC 9110 8.4.1.3), for clients that ask and answers from GZIP_MIN on, as
 * upstream. The one thread does it, so above GZIP_MAX (some 50 ms of work) bytes go out as they
 * are: the others' wait is dearer than the network.
 */
#define GZIP_MIN (128u << 10)
#define GZIP_MAX (8u << 20)

/* The pieces in one compressed blob that the caller owns; NULL: send them as they are. */
struct http_blob *gzip_answer(struct request *r, const struct http_piece *p, size_t n);
/* Does the client take compressed answers? */
bool gzip_wanted(struct request *r);
/* Bytes into the gzip format and back, appended to out; of any size, from any thread. -EINVAL. */
int gzip_pack(struct str in, int level, struct buf *out);
int gzip_unpack(struct str in, struct buf *out);
#endif
