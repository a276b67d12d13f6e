/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/pb.h"

bool pb_varint(struct str *in, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < in->len && i < 10; i++) {
		uint8_t b = (uint8_t)in->p[i];

		v |= (uint64_t)(b & 0x7f) << (7 * i);
		if (!(b & 0x80)) {
			*in = str_skip(*in, i + 1);
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool fixed(struct str *in, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if (in->len < n)
		return false;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(uint8_t)in->p[i] << (8 * i);
	*in = str_skip(*in, n);
	*ret = v;
	return true;
}

int pb_next(struct str *in, struct pb_item *it)
{
	uint64_t tag, len;

	*it = (struct pb_item){0};
	if (!in->len)
		return 0;
	if (!pb_varint(in, &tag) || !(tag >> 3) || tag >> 3 > 0x1fffffff)
		return -EINVAL;
	it->number = (uint32_t)(tag >> 3);
	it->wire = tag & 7;
	switch (it->wire) {
	case 0:
		return pb_varint(in, &it->value) ? 1 : -EINVAL;
	case 1:
		return fixed(in, 8, &it->value) ? 1 : -EINVAL;
	case 5:
		return fixed(in, 4, &it->value) ? 1 : -EINVAL;
	case 2:
		if (!pb_varint(in, &len) || len > in->len)
			return -EINVAL;
		it->bytes = str_n(in->p, len);
		*in = str_skip(*in, len);
		return 1;
	default: /* groups are not used by Kubernetes */
		return -EINVAL;
	}
}

static bool find(struct str message, uint32_t number, struct pb_item *ret)
{
	struct pb_item it;
	bool found = false;

	while (pb_next(&message, &it) > 0)
		if (it.number == number) {
			*ret = it;
			found = true;
		}
	return found;
}

struct str pb_get_bytes(struct str message, uint32_t number)
{
	struct pb_item it;

	return find(message, number, &it) && it.wire == PB_BYTES ? it.bytes : STR("");
}

uint64_t pb_get_u64(struct str message, uint32_t number)
{
	struct pb_item it;

	return find(message, number, &it) && it.wire != PB_BYTES ? it.value : 0;
}

void pb_put_varint(struct buf *out, uint64_t v)
{
	while (v >= 0x80) {
		buf_addc(out, (char)(v | 0x80));
		v >>= 7;
	}
	buf_addc(out, (char)v);
}

void pb_put_tag(struct buf *out, uint32_t number, unsigned wire)
{
	pb_put_varint(out, (uint64_t)number << 3 | wire);
}

void pb_put_bytes(struct buf *out, uint32_t number, struct str s)
{
	pb_put_tag(out, number, 2);
	pb_put_varint(out, s.len);
	buf_addstr(out, s);
}

/* One byte is set aside for the length. */
size_t pb_open(struct buf *out, uint32_t number)
{
	pb_put_tag(out, number, 2);
	buf_addc(out, 0);
	return out->len;
}

void pb_close(struct buf *out, size_t start)
{
	size_t len = out->len - start, more = 0;
	char text[10];

	for (size_t v = len; v >= 0x80; v >>= 7)
		more++;
	for (size_t i = 0; i < more; i++)
		buf_addc(out, 0);
	if (more)
		memmove(out->p + start + more, out->p + start, len);
	for (size_t i = 0, v = len; i <= more; i++, v >>= 7)
		text[i] = (char)((v & 0x7f) | (i < more ? 0x80 : 0));
	memcpy(out->p + start - 1, text, more + 1);
}

void pb_put_text(struct buf *out, uint32_t number, struct str s)
{
	if (s.len)
		pb_put_bytes(out, number, s);
}

void pb_put_u64(struct buf *out, uint32_t number, uint64_t v)
{
	if (!v)
		return;
	pb_put_tag(out, number, PB_VARINT);
	pb_put_varint(out, v);
}

void pb_put_pair(struct buf *out, uint32_t number, struct str key, struct str value)
{
	size_t at = pb_open(out, number);

	pb_put_text(out, 1, key);
	pb_put_text(out, 2, value);
	pb_close(out, at);
}
