/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/ops.h"
#include "master/store/le.h"

#define OP_HEADER 36u
#define OP_SEALED (STORE_CHECK + 1u)

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

/* ---- sealed forms ---- */

int ops_seal(const struct store_seal *seal, struct str key, struct str value, struct str meta,
	     struct buf *out)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT;
	uint8_t len[4];

	if (!seal || !seal->write_id(seal->user, key))
		return 0;
	le32_put(len, (uint32_t)value.len);
	buf_reserve(&plain, 4 + value.len + meta.len);
	buf_add(&plain, len, 4);
	buf_addstr(&plain, value);
	buf_addstr(&plain, meta);
	return seal->seal(seal->user, key, buf_str(&plain), out);
}

int ops_open(const struct store_seal *seal, struct str key, struct str sealed, struct buf *plain,
	     size_t *ret_value, uint32_t *ret_id)
{
	size_t at = plain->len, len;
	int r = seal ? seal->open(seal->user, key, sealed, plain, ret_id) : -ENOKEY;

	if (r < 0)
		return r;
	len = plain->len - at;
	if (len < 4 || le32_get(plain->p + at) > len - 4) {
		buf_setlen(plain, at);
		return -EBADMSG;
	}
	*ret_value = le32_get(plain->p + at);
	memmove(plain->p + at, plain->p + at + 4, len - 4);
	buf_setlen(plain, plain->len - 4);
	return 0;
}

/* ---- encoding ---- */

static void put_header(const struct store_op *o, unsigned type, size_t value, size_t meta,
		       int64_t now_s, uint8_t h[OP_HEADER])
{
	bool put = o->type == STORE_PUT;

	memset(h, 0, OP_HEADER);
	h[0] = (uint8_t)type;
	le32_put(h + 4, (uint32_t)o->key.len);
	le32_put(h + 8, (uint32_t)value);
	le32_put(h + 12, (uint32_t)meta);
	le32_put(h + 16, put ? o->rv_at : STORE_NO_RV);
	le64_put(h + 20, o->expect);
	le64_put(h + 28, put && o->ttl_s ? (uint64_t)(now_s + o->ttl_s) : 0);
}

static int encode_op(const struct store_op *o, int64_t now_s, const struct store_seal *seal,
		     struct buf *out)
{
	bool put = o->type == STORE_PUT;
	size_t at = out->len, begin = at + OP_HEADER + o->key.len;
	uint8_t h[OP_HEADER];
	int sealed;

	buf_reserve(out, OP_HEADER);
	buf_setlen(out, at + OP_HEADER);
	buf_addstr(out, o->key);
	sealed = put ? ops_seal(seal, o->key, o->value, o->meta, out) : 0;
	if (sealed < 0)
		return sealed;
	if (sealed) {
		put_header(o, OP_SEALED, out->len - begin, 0, now_s, h);
	} else if (put) {
		buf_addstr(out, o->value);
		buf_addstr(out, o->meta);
		put_header(o, o->type, o->value.len, o->meta.len, now_s, h);
	} else {
		put_header(o, o->type, 0, 0, now_s, h);
	}
	memcpy(out->p + at, h, OP_HEADER);
	return 0;
}

int ops_encode(const struct store_op *ops, size_t n, int64_t now_s, const struct store_seal *seal,
	       struct buf *out)
{
	size_t at = out->len;
	uint8_t count[4];

	le32_put(count, (uint32_t)n);
	buf_add(out, count, 4);
	for (size_t i = 0; i < n; i++) {
		int r = encode_op(&ops[i], now_s, seal, out);

		if (r < 0) {
			buf_setlen(out, at);
			return r;
		}
	}
	return 0;
}

/* ---- decoding ---- */

/* What is opened stands in a->plain: value.p is an offset in it until all are read. */
static int open_op(struct ops_op *op, const struct store_seal *seal, struct ops_array *a)
{
	struct store_op *o = &op->op;
	size_t at = a->plain.len, value;

	if (ops_open(seal, o->key, o->value, &a->plain, &value, &op->sealed_by) < 0) {
		op->sealed_by = STORE_LOCKED_BARE;
		return 0;
	}
	o->value = str_n((const char *)at, value);
	o->meta = str_n((const char *)(at + value), a->plain.len - at - value);
	return o->rv_at != STORE_NO_RV && o->rv_at > value ? -EBADMSG : 0;
}

static int decode_op(struct str *in, const struct store_seal *seal, struct ops_op *ret,
		     struct ops_array *a)
{
	const uint8_t *h = (const uint8_t *)in->p;
	struct store_op *o = &ret->op;
	bool sealed;
	uint64_t size;

	if (in->len < OP_HEADER || h[0] > OP_SEALED)
		return -EBADMSG;
	sealed = h[0] == OP_SEALED;
	*o = (struct store_op){.type = sealed ? STORE_PUT : h[0],
			       .expect = le64_get(h + 20),
			       .rv_at = le32_get(h + 16)};
	ret->sealed_by = 0;
	o->key.len = le32_get(h + 4);
	o->value.len = le32_get(h + 8);
	o->meta.len = le32_get(h + 12);
	ret->expires_s = (int64_t)le64_get(h + 28);
	size = OP_HEADER + (uint64_t)o->key.len + o->value.len + o->meta.len;
	if (size > in->len || (o->rv_at != STORE_NO_RV && o->rv_at > o->value.len) ||
	    (sealed && o->meta.len))
		return -EBADMSG;
	o->key.p = in->p + OP_HEADER;
	o->value.p = o->key.p + o->key.len;
	o->meta.p = o->value.p + o->value.len;
	*in = str_skip(*in, size);
	if (sealed)
		return open_op(ret, seal, a);
	if (seal && o->type == STORE_PUT && !seal->plain_ok(seal->user, o->key))
		ret->sealed_by = STORE_REFUSED;
	return 0;
}

int ops_decode(struct str *in, const struct store_seal *seal, struct ops_array *a)
{
	uint32_t n;

	a->n = 0;
	if (!a->plain.p)
		buf_init(&a->plain);
	buf_clear(&a->plain);
	if (in->len < 4)
		return -EBADMSG;
	n = le32_get(in->p);
	if (n == 0 || n > STORE_TXN_OPS_MAX)
		return -EBADMSG;
	*in = str_skip(*in, 4);
	for (uint32_t i = 0; i < n; i++)
		if (decode_op(in, seal, ARRAY_PUSH(a->v, a->n, a->cap), a) < 0)
			return -EBADMSG;
	for (size_t i = 0; a->plain.len && i < a->n; i++) {
		struct ops_op *op = &a->v[i];

		if (!op->sealed_by || op->sealed_by >= STORE_REFUSED)
			continue;
		op->op.value.p = a->plain.p + (size_t)op->op.value.p;
		op->op.meta.p = a->plain.p + (size_t)op->op.meta.p;
	}
	return (int)n;
}

void ops_done(struct ops_array *a)
{
	free(TAKE(a->v));
	if (a->plain.p)
		buf_done(&a->plain);
	a->n = a->cap = 0;
}
