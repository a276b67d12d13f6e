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
	char bytes[]; /* key, value, NUL, meta; of a locked one meta is followed by its sealed form
		       */
};
#define OBJ_DIGITS_MAX 20
#define OBJ_NOT_QUEUED UINT32_MAX

static inline struct obj *obj_of(const struct store_obj *o)
{
	return (struct obj *)(uintptr_t)o;
}
/*
 * Objects that can't be read (STORE_LOCKED and _BARE). In what goes into obj_new and obj_restore
 * `value` is the sealed form then, with no meta.
 */
static inline bool obj_is_locked(const struct store_obj *o)
{
	return o->sealed_by >= STORE_LOCKED_BARE;
}
struct str obj_sealed(const struct store_obj *o); /* of a locked one; borrowed */
/* The decimal digits of a revision as they stand in values; how many. */
size_t obj_digits(uint64_t rev, char ret[OBJ_DIGITS_MAX]);

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
