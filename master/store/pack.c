/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/pack.h"

#include <pthread.h>
#include <zlib.h>

/* So much is packed in one go, that the loop isn't held up: about 3 ms. */
#define SLICE_BYTES (256u << 10)
#define SLICE_GAP_MS 10u
#define IDLE_TICKS 2u

/* Held while a value changes its form, and by other threads while they read one. */
static pthread_mutex_t form_lock = PTHREAD_MUTEX_INITIALIZER;

struct pack *pack_new(void)
{
	struct pack *p = NEW(struct pack);

	p->refs = 1;
	list_init(&p->plain);
	return p;
}

struct pack *pack_ref(struct pack *p)
{
	p->refs++;
	return p;
}

void pack_unref(struct pack *p)
{
	if (p && --p->refs == 0)
		free(p);
}

static void wait_for_ticks(struct large *l)
{
	struct pack *p = l->pack;

	l->used = p->tick;
	if (!l->listed)
		list_append(&p->plain, &l->node);
	l->listed = true;
	if (p->wake)
		p->wake(p);
}

void pack_add(struct pack *p, struct obj *o)
{
	struct large *l;

	if (!p || !obj_is_large(o))
		return;
	l = obj_large(o);
	if (l->pack || o->pub.value.len > PACK_MAX || obj_is_locked(&o->pub))
		return;
	l->pack = pack_ref(p);
	wait_for_ticks(l);
}

static void unlist(struct large *l)
{
	if (l->listed)
		list_remove(&l->node);
	l->listed = false;
}

void obj_large_free(struct large *l)
{
	unlist(l);
	if (l->packed) {
		l->pack->n_packed--;
		l->pack->packed_bytes -= l->packed_len;
		l->pack->plain_bytes -= l->obj.pub.value.len;
	}
	pack_unref(l->pack);
	free(l->packed);
	free(l->plain);
	free(l);
}

/* How it looks from outside changes in one place, under the lock. */
static void set_form(struct large *l, char *plain, char *packed, size_t packed_len)
{
	char *was_plain = l->plain, *was_packed = l->packed;

	pthread_mutex_lock(&form_lock);
	l->plain = plain;
	l->obj.pub.value.p = plain;
	l->packed = packed;
	l->packed_len = (uint32_t)packed_len;
	pthread_mutex_unlock(&form_lock);
	free(was_plain);
	free(was_packed);
}

static void inflate_to(const struct large *l, char *out)
{
	uLongf len = l->obj.pub.value.len;

	if (uncompress((Bytef *)out, &len, (const Bytef *)l->packed, l->packed_len) != Z_OK ||
	    len != l->obj.pub.value.len)
		abort(); /* memory is broken */
	out[len] = 0;
}

void obj_large_open(struct large *l)
{
	char *plain;

	if (!l->packed) {
		if (l->listed)
			l->used = l->pack->tick;
		return;
	}
	plain = xmalloc(l->obj.pub.value.len + 1);
	inflate_to(l, plain);
	l->pack->n_packed--;
	l->pack->packed_bytes -= l->packed_len;
	l->pack->plain_bytes -= l->obj.pub.value.len;
	set_form(l, plain, NULL, 0);
	wait_for_ticks(l);
}

void obj_large_unpin(struct large *l)
{
	if (--l->pins == 0 && l->pack && !l->hopeless && !l->packed)
		wait_for_ticks(l);
}

struct str store_obj_read(const struct store_obj *o, struct buf *scratch)
{
	const struct obj *obj = obj_of(o);
	const struct large *l;
	char *p;

	if (!obj_is_large(obj))
		return o->value;
	l = obj_large((struct obj *)(uintptr_t)obj);
	buf_clear(scratch);
	p = buf_reserve(scratch, o->value.len + 1);
	pthread_mutex_lock(&form_lock);
	if (l->packed)
		inflate_to(l, p);
	else
		memcpy(p, l->plain, o->value.len);
	pthread_mutex_unlock(&form_lock);
	buf_setlen(scratch, o->value.len);
	return buf_str(scratch);
}

/* What came free by it. */
static size_t squeeze(struct large *l)
{
	uLong len = l->obj.pub.value.len;
	uLongf room = len - len / 4; /* what saves less isn't worth reading it twice */
	char *out = xmalloc(room);

	if (compress2((Bytef *)out, &room, (const Bytef *)l->plain, len, Z_BEST_SPEED) != Z_OK) {
		free(out);
		l->hopeless = true;
		return 0;
	}
	out = xrealloc(out, room);
	set_form(l, NULL, out, room);
	l->pack->n_packed++;
	l->pack->packed_bytes += room;
	l->pack->plain_bytes += len;
	return len - room;
}

unsigned pack_tick(struct pack *p, size_t *ret_freed)
{
	size_t looked = 0;

	*ret_freed = 0;
	p->tick += !p->sliced;
	p->sliced = false;
	list_for_each_safe (it, &p->plain) {
		struct large *l = list_entry(it, struct large, node);

		if (p->views)
			break;
		/* Who lets go of it puts it back. */
		if (l->pins) {
			unlist(l);
			continue;
		}
		if (p->tick - l->used < IDLE_TICKS)
			continue;
		if (looked >= SLICE_BYTES) {
			p->sliced = true;
			return SLICE_GAP_MS;
		}
		looked += l->obj.pub.value.len;
		unlist(l);
		*ret_freed += squeeze(l);
	}
	return list_empty(&p->plain) ? 0 : PACK_TICK_MS;
}
