/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/ops.h"
#include "master/store/le.h"

#define OP_HEADER 36u

static bool key_ok(struct str key)
{
	unsigned slashes = 0;

	if (!key.p || key.len > STORE_KEY_MAX || key.len < 5 || key.p[0] != '/')
		return false;
	for (size_t i = 0; i < key.len; i++) {
		if (key.p[i] == 0)
			return false;
		slashes += key.p[i] == '/';
	}
	return slashes == 4;
}

int ops_check(const struct store_op *ops, size_t n, size_t *ret_bytes)
{
	size_t bytes = 4;

	if (n == 0 || n > STORE_TXN_OPS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const struct store_op *o = &ops[i];
		bool put = o->type == STORE_PUT;

		if (!key_ok(o->key))
			return -EINVAL;
		if (put && o->rv_at != STORE_NO_RV && o->rv_at > o->value.len)
			return -EINVAL;
		if (put && (o->value.len > STORE_VALUE_MAX || o->meta.len > STORE_META_MAX))
			return -EMSGSIZE;
		bytes += OP_HEADER + o->key.len + (put ? o->value.len + o->meta.len : 0);
		if (bytes > STORE_TXN_BYTES_MAX)
			return -EMSGSIZE;
	}
	*ret_bytes = bytes;
	return 0;
}

void ops_encode(const struct store_op *ops, size_t n, int64_t now_s, struct buf *out)
{
	uint8_t h[OP_HEADER];

	le32_put(h, (uint32_t)n);
	buf_add(out, h, 4);
	for (size_t i = 0; i < n; i++) {
		const struct store_op *o = &ops[i];
		bool put = o->type == STORE_PUT;

		memset(h, 0, sizeof(h));
		h[0] = (uint8_t)o->type;
		le32_put(h + 4, (uint32_t)o->key.len);
		le32_put(h + 8, put ? (uint32_t)o->value.len : 0);
		le32_put(h + 12, put ? (uint32_t)o->meta.len : 0);
		le32_put(h + 16, put ? o->rv_at : STORE_NO_RV);
		le64_put(h + 20, o->expect);
		le64_put(h + 28, put && o->ttl_s ? (uint64_t)(now_s + o->ttl_s) : 0);
		buf_add(out, h, sizeof(h));
		buf_addstr(out, o->key);
		if (put) {
			buf_addstr(out, o->value);
			buf_addstr(out, o->meta);
		}
	}
}

static int decode_op(struct str *in, struct ops_op *ret)
{
	const uint8_t *h = (const uint8_t *)in->p;
	struct store_op *o = &ret->op;
	uint64_t size;

	if (in->len < OP_HEADER || h[0] > STORE_CHECK)
		return -EBADMSG;
	*o = (struct store_op){.type = h[0], .expect = le64_get(h + 20), .rv_at = le32_get(h + 16)};
	o->key.len = le32_get(h + 4);
	o->value.len = le32_get(h + 8);
	o->meta.len = le32_get(h + 12);
	ret->expires_s = (int64_t)le64_get(h + 28);
	size = OP_HEADER + (uint64_t)o->key.len + o->value.len + o->meta.len;
	if (size > in->len || (o->rv_at != STORE_NO_RV && o->rv_at > o->value.len))
		return -EBADMSG;
	o->key.p = in->p + OP_HEADER;
	o->value.p = o->key.p + o->key.len;
	o->meta.p = o->value.p + o->value.len;
	*in = str_skip(*in, size);
	return 0;
}

int ops_decode(struct str *in, struct ops_array *a)
{
	uint32_t n;

	a->n = 0;
	if (in->len < 4)
		return -EBADMSG;
	n = le32_get(in->p);
	if (n == 0 || n > STORE_TXN_OPS_MAX)
		return -EBADMSG;
	*in = str_skip(*in, 4);
	for (uint32_t i = 0; i < n; i++)
		if (decode_op(in, ARRAY_PUSH(a->v, a->n, a->cap)) < 0)
			return -EBADMSG;
	return (int)n;
}
