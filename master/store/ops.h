/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_OPS_H
#define KNARR_STORE_OPS_H
#include "master/store/store.h"
#include "lib/base/buf.h"
/*
 * Transactions as bytes: the payload of a command entry is one or more of them.
 *
 *	txn	u32 operations, then each
 *	op	u8 type, 3 zero bytes, u32 key, value, meta lengths, u32 rv_at, u64 expect,
 *		i64 expires_s, bytes
 *	type 3	a put that is sealed: the value's bytes are the sealed form of u32 length of the
 *		value, value, meta; the meta's length is 0
 *
 * A time to live is turned into a moment when the transaction is made, so that all replicas apply
 * the same.
 */
struct ops_op {
	struct store_op op; /* its bytes point into the payload; ttl_s is 0 */
	int64_t expires_s;
	uint32_t sealed_by; /* as in store_obj; of a locked one `value` is the sealed form */
};

/* 0, or -EINVAL / -EMSGSIZE as store_txn. *ret_bytes: how long its encoding is. */
int ops_check(const struct store_op *ops, size_t n, size_t *ret_bytes);
/* By `seal` (may be NULL). 0, or its error: out is as it was. */
int ops_encode(const struct store_op *ops, size_t n, int64_t now_s, const struct store_seal *seal,
	       struct buf *out);

/*
 * Decode the next transaction off the front of *in. v is grown as needed; what was opened lives
 * there until the next call. Returns how many operations it has, or -EBADMSG.
 */
struct ops_array {
	struct ops_op *v;
	size_t n, cap;
	struct buf plain;
};
int ops_decode(struct str *in, const struct store_seal *seal, struct ops_array *ret);
void ops_done(struct ops_array *a);

/* ---- sealed forms, also of a snapshot's ---- */

/* Append that of value and meta: 1; 0: stored in plain. */
int ops_seal(const struct store_seal *seal, struct str key, struct str value, struct str meta,
	     struct buf *out);
/*
 * Append value and meta to `plain`: 0, how long the value is and by which key; the meta is the
 * rest. Negative: it can't be read.
 */
int ops_open(const struct store_seal *seal, struct str key, struct str sealed, struct buf *plain,
	     size_t *ret_value, uint32_t *ret_id);
#endif
