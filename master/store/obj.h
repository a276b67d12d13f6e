/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_OBJ_H
#define KNARR_STORE_OBJ_H
#include "master/store/store.h"
/*
 * The memory of a struct store_obj: one allocation with its bytes behind it. References belong to
 * the main thread. `expiry_pos` is the one field that changes in a stored object: its place in the
 * expiry heap, which the snapshot thread never reads.
 */
struct obj {
	struct store_obj pub;
	uint32_t refs;
	uint32_t expiry_pos; /* OBJ_NOT_QUEUED: in no heap */
	char bytes[]; /* key, value, NUL, meta */
};
#define OBJ_NOT_QUEUED UINT32_MAX

static inline struct obj *obj_of(const struct store_obj *o)
{
	return (struct obj *)(uintptr_t)o;
}
static inline size_t obj_bytes(const struct obj *o)
{
	return o->pub.key.len + o->pub.value.len + o->pub.meta.len;
}

/*
 * A new object with one reference. `t` gives everything but the revision's digits: value is
 * without them and rv_at says where they go.
 */
struct obj *obj_new(const struct store_obj *t);
/* The same from a snapshot: t->value already has the digits. */
struct obj *obj_restore(const struct store_obj *t);
/* `o` as its delete at revision `rev` leaves it: the digits of the new revision in its value. */
struct obj *obj_tombstone(const struct obj *o, uint64_t rev);
void obj_unref(struct obj *o); /* takes NULL */
static inline struct obj *obj_ref(struct obj *o)
{
	o->refs++;
	return o;
}
#endif
