/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PB_H
#define KNARR_PB_H
#include "lib/base/buf.h"
/*
 * The wire form of protobuf, without any schema: fields are read one by one and written one by
 * one. Nothing is copied, every length is checked against the input; groups are refused.
 */
enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

/* One field off the wire. */
struct pb_item {
	uint32_t number;
	unsigned wire;
	uint64_t value; /* of all but PB_BYTES */
	struct str bytes; /* of PB_BYTES: points into the input */
};
bool pb_varint(struct str *in, uint64_t *ret);
/* Takes one field off *in. 1: an item, 0: the end, -EINVAL: not protobuf. */
int pb_next(struct str *in, struct pb_item *ret);
/* The last field of this number: its text or message ("" if absent), its number (0). */
struct str pb_get_bytes(struct str message, uint32_t number);
uint64_t pb_get_u64(struct str message, uint32_t number);

void pb_put_varint(struct buf *out, uint64_t v);
void pb_put_tag(struct buf *out, uint32_t number, unsigned wire);
void pb_put_bytes(struct buf *out, uint32_t number, struct str s);
/* As proto3 writes them: nothing for "" and 0. */
void pb_put_text(struct buf *out, uint32_t number, struct str s);
void pb_put_u64(struct buf *out, uint32_t number, uint64_t v);
/* An entry of a map<string, string>. */
void pb_put_pair(struct buf *out, uint32_t number, struct str key, struct str value);
/* A message whose length is known only when it is written: pb_close gets what pb_open gave. */
size_t pb_open(struct buf *out, uint32_t number);
void pb_close(struct buf *out, size_t start);
#endif
