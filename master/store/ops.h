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
 *
 * A time to live is turned into a moment when the transaction is made, so that all replicas apply
 * the same.
 */
struct ops_op {
	struct store_op op; /* its bytes point into the payload; ttl_s is 0 */
	int64_t expires_s;
};

/* 0, or -EINVAL / -EMSGSIZE as store_txn. *ret_bytes: how long its encoding is. */
int ops_check(const struct store_op *ops, size_t n, size_t *ret_bytes);
void ops_encode(const struct store_op *ops, size_t n, int64_t now_s, struct buf *out);

/*
 * Decode the next transaction off the front of *in. v is grown as needed. Returns how many
 * operations it has, or -EBADMSG.
 */
struct ops_array {
	struct ops_op *v;
	size_t n, cap;
};
int ops_decode(struct str *in, struct ops_array *ret);
#endif
