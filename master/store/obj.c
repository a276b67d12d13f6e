/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/obj.h"
#include "master/store/le.h"
#include "master/store/pack.h"

#define LOCKED_VALUE "{}"

size_t obj_digits(uint64_t v, char out[OBJ_DIGITS_MAX])
{
	char tmp[OBJ_DIGITS_MAX];
	size_t n = 0;

	do {
		tmp[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (size_t i = 0; i < n; i++)
		out[i] = tmp[n - 1 - i];
	return n;
}

static char *put(char *p, struct str s)
{
	return s.len ? mempcpy(p, s.p, s.len) : p;
}

static struct obj *make_large(const struct store_obj *t, struct str head, struct str mid,
			      struct str tail)
{
	size_t value_len = head.len + mid.len + tail.len;
	struct large *l = xmalloc(sizeof(*l) + t->key.len + t->meta.len);
	char *p = l->obj.bytes;

	*l = (struct large){.plain = xmalloc(value_len + 1)};
	l->obj.pub = *t;
	l->obj.refs = 1;
	l->obj.expiry_pos = OBJ_NOT_QUEUED;
	l->obj.pub.key.p = p;
	p = put(p, t->key);
	l->obj.pub.meta = str_n(p, t->meta.len);
	put(p, t->meta);
	p = put(put(put(l->plain, head), mid), tail);
	*p = 0;
	l->obj.pub.value = str_n(l->plain, value_len);
	return &l->obj;
}

/* head + mid + tail become the value. */
static struct obj *make(const struct store_obj *t, struct str head, struct str mid, struct str tail)
{
	size_t value_len = head.len + mid.len + tail.len;
	struct obj *o;
	char *p;

	if (value_len >= PACK_MIN)
		return make_large(t, head, mid, tail);
	o = xmalloc(sizeof(*o) + t->key.len + value_len + 1 + t->meta.len);
	o->pub = *t;
	o->refs = 1;
	o->expiry_pos = OBJ_NOT_QUEUED;
	o->pub.key.p = p = o->bytes;
	p = put(p, t->key);
	o->pub.value = str_n(p, value_len);
	p = put(put(put(p, head), mid), tail);
	*p++ = 0;
	o->pub.meta = str_n(p, t->meta.len);
	put(p, t->meta);
	return o;
}

/* t->value is the sealed form; it goes behind a value that is no more than valid. */
static struct obj *make_locked(const struct store_obj *t)
{
	struct store_obj l = *t;
	size_t at = t->key.len + sizeof(LOCKED_VALUE);
	struct obj *o;
	char *p;

	l.value = STR(LOCKED_VALUE);
	l.meta = STR_NULL;
	o = xmalloc(sizeof(*o) + at + 4 + t->value.len);
	o->pub = l;
	o->refs = 1;
	o->expiry_pos = OBJ_NOT_QUEUED;
	o->pub.key.p = o->bytes;
	p = mempcpy(o->bytes, t->key.p, t->key.len);
	o->pub.value = str_n(p, sizeof(LOCKED_VALUE) - 1);
	p = mempcpy(p, LOCKED_VALUE, sizeof(LOCKED_VALUE));
	o->pub.meta = str_n(p, 0);
	le32_put(p, (uint32_t)t->value.len);
	memcpy(p + 4, t->value.p, t->value.len);
	return o;
}

struct str obj_sealed(const struct store_obj *o)
{
	return str_n(o->meta.p + 4, le32_get(o->meta.p));
}

struct obj *obj_new(const struct store_obj *t)
{
	char digits[OBJ_DIGITS_MAX];

	if (t->rv_at == STORE_NO_RV || obj_is_locked(t))
		return obj_restore(t);
	return make(t, str_n(t->value.p, t->rv_at), str_n(digits, obj_digits(t->rev, digits)),
		    str_skip(t->value, t->rv_at));
}

struct obj *obj_restore(const struct store_obj *t)
{
	return obj_is_locked(t) ? make_locked(t) : make(t, t->value, STR_NULL, STR_NULL);
}

struct obj *obj_tombstone(struct obj *o, uint64_t rev)
{
	char digits[OBJ_DIGITS_MAX];
	struct store_obj t = obj_open(o)->pub;

	t.rev = rev;
	if (obj_is_locked(&t)) {
		t.value = obj_sealed(&o->pub);
		return make_locked(&t);
	}
	if (t.rv_at == STORE_NO_RV)
		return obj_restore(&t);
	/* The old digits are those of the old revision. */
	return make(&t, str_n(t.value.p, t.rv_at), str_n(digits, obj_digits(rev, digits)),
		    str_skip(t.value, t.rv_at + obj_digits(o->pub.rev, (char[OBJ_DIGITS_MAX]){0})));
}

void obj_unref(struct obj *o)
{
	if (!o || --o->refs)
		return;
	if (obj_is_large(o))
		obj_large_free(obj_large(o));
	else
		free(o);
}

struct store_obj *store_obj_ref(const struct store_obj *o)
{
	obj_pin(obj_of(o));
	return &obj_ref(obj_of(o))->pub;
}

void store_obj_unref(const struct store_obj *o)
{
	if (!o)
		return;
	obj_unpin(obj_of(o));
	obj_unref(obj_of(o));
}

struct store_obj *store_obj_keep(const struct store_obj *o)
{
	return &obj_ref(obj_of(o))->pub;
}

void store_obj_drop(const struct store_obj *o)
{
	if (o)
		obj_unref(obj_of(o));
}
