/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_OBJ_H
#define KNARR_STORE_OBJ_H
#include "lib/base/list.h"
#include "master/store/store.h"
/*
 * The memory of a struct store_obj: one allocation with its bytes behind it. References belong to
 * the main thread. `expiry_pos` is the one field that changes in a stored object: its place in the
 * expiry heap, which the snapshot thread never reads. Of a large one the value is allocated by
 * itself, and may be packed (pack.h).
 */
struct obj {
	struct store_obj pub;
	uint32_t refs;
	uint32_t expiry_pos; /* OBJ_NOT_QUEUED: in no heap */
	char bytes[]; /* key, value, NUL, meta; of a locked one meta is followed by its sealed form
		       */
};

/* From here on a value is large, and the object the end of a struct large. */
#define PACK_MIN (8u << 10)

struct pack;
struct large {
	struct list node; /* pack->plain */
	struct pack *pack; /* NULL: is never packed */
	char *plain, *packed; /* one of them; plain ends with a NUL */
	uint32_t packed_len;
	unsigned pins, used; /* used: pack->tick then */
	bool listed, hopeless; /* hopeless: doesn't get smaller */
	struct obj obj;
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
struct obj *obj_tombstone(struct obj *o, uint64_t rev);
void obj_unref(struct obj *o); /* takes NULL */

/* Other threads ask too: of what never changes. */
static inline bool obj_is_large(const struct obj *o)
{
	return o->pub.value.len >= PACK_MIN;
}
static inline struct large *obj_large(struct obj *o)
{
	return container_of(o, struct large, obj);
}
void obj_large_free(struct large *l);
void obj_large_open(struct large *l);
void obj_large_unpin(struct large *l);
/* The value is there to be read, until the loop's next turn or for as long as it is pinned. */
static inline struct obj *obj_open(struct obj *o)
{
	if (o && obj_is_large(o))
		obj_large_open(obj_large(o));
	return o;
}
static inline void obj_pin(struct obj *o)
{
	if (obj_is_large(o))
		obj_large(o)->pins++;
}
static inline void obj_unpin(struct obj *o)
{
	if (obj_is_large(o))
		obj_large_unpin(obj_large(o));
}
static inline struct obj *obj_ref(struct obj *o)
{
	o->refs++;
	return o;
}
#endif
