/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/obj.h"

#define DIGITS_MAX 20

static size_t digits_of(uint64_t v, char out[DIGITS_MAX])
{
	char tmp[DIGITS_MAX];
	size_t n = 0;

	do {
		tmp[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (size_t i = 0; i < n; i++)
		out[i] = tmp[n - 1 - i];
	return n;
}

/* head + mid + tail become the value. */
static struct obj *make(const struct store_obj *t, struct str head, struct str mid, struct str tail)
{
	size_t value_len = head.len + mid.len + tail.len;
	struct obj *o = xmalloc(sizeof(*o) + t->key.len + value_len + 1 + t->meta.len);
	char *p = o->bytes;

	o->pub = *t;
	o->refs = 1;
	o->expiry_pos = OBJ_NOT_QUEUED;
	o->pub.key.p = p;
	p = mempcpy(p, t->key.p, t->key.len);
	o->pub.value = str_n(p, value_len);
	if (head.len)
		p = mempcpy(p, head.p, head.len);
	if (mid.len)
		p = mempcpy(p, mid.p, mid.len);
	if (tail.len)
		p = mempcpy(p, tail.p, tail.len);
	*p++ = 0;
	o->pub.meta = str_n(p, t->meta.len);
	if (t->meta.len)
		memcpy(p, t->meta.p, t->meta.len);
	return o;
}

struct obj *obj_new(const struct store_obj *t)
{
	char digits[DIGITS_MAX];

	if (t->rv_at == STORE_NO_RV)
		return obj_restore(t);
	return make(t, str_n(t->value.p, t->rv_at), str_n(digits, digits_of(t->rev, digits)),
		    str_skip(t->value, t->rv_at));
}

struct obj *obj_restore(const struct store_obj *t)
{
	return make(t, t->value, STR_NULL, STR_NULL);
}

struct obj *obj_tombstone(const struct obj *o, uint64_t rev)
{
	char digits[DIGITS_MAX];
	struct store_obj t = o->pub;

	t.rev = rev;
	if (t.rv_at == STORE_NO_RV)
		return obj_restore(&t);
	/* The old digits are those of the old revision. */
	return make(&t, str_n(t.value.p, t.rv_at), str_n(digits, digits_of(rev, digits)),
		    str_skip(t.value, t.rv_at + digits_of(o->pub.rev, (char[DIGITS_MAX]){0})));
}

void obj_unref(struct obj *o)
{
	if (o && --o->refs == 0)
		free(o);
}

struct store_obj *store_obj_ref(const struct store_obj *o)
{
	return &obj_ref(obj_of(o))->pub;
}

void store_obj_unref(const struct store_obj *o)
{
	if (o)
		obj_unref(obj_of(o));
}
