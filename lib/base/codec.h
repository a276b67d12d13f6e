/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CODEC_H
#define KNARR_CODEC_H
#include "lib/base/buf.h"
/* Text forms of bytes, and checksums. */
void base64_encode(struct str in, struct buf *out); /* RFC 4648 section 4, padded */
void base64url_encode(struct str in, struct buf *out); /* section 5, without padding (JWT) */
/* Strict: -EINVAL for foreign characters, wrong padding or left-over bits. `out` grows. */
int base64_decode(struct str in, struct buf *out);
int base64url_decode(struct str in, struct buf *out);
void hex_encode(struct str in, struct buf *out); /* lower case */
int hex_decode(struct str in, struct buf *out);
/* RFC 3986 section 2.1: "%2F" is "/". -EINVAL when two hex digits do not follow, or for %00. */
int percent_decode(struct str in, struct buf *out);
/* CRC-32C (Castagnoli, RFC 3720 B.4). Start with 0; feed the result back in to go on. */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);
#endif
