/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_PACK_H
#define KNARR_STORE_PACK_H
#include "lib/base/list.h"
#include "master/store/obj.h"
/*
 * Large values that nobody looks at are kept compressed: definitions of custom resources, of which
 * there may be hundreds of tens of KB each, are read once and then lie there, in the tree and in
 * the watch window. A value is packed where it is, and unpacked when somebody reads it:
 *
 *	             no pins, no views, not read for two ticks
 *	   plain ------------------------------------------------> packed
 *	         <------------------------------------------------
 *	             obj_open: store_get, a walk, an event told
 *
 * Who keeps a reference of store_obj_ref's pins the value, and so does who holds any view; the
 * tree's and the window's own references don't. The main thread alone packs and unpacks; others
 * (those that write snapshots) read by store_obj_read.
 */
#define PACK_MAX (2u << 20)

/* What the objects of one store share; lives until the last of them and the last view went. */
struct pack {
	unsigned refs;
	unsigned views; /* held by users */
	unsigned tick;
	bool sliced; /* the last tick isn't through */
	struct list plain; /* struct large that may be packed one day */
	size_t n_packed, packed_bytes,
		plain_bytes; /* packed now: how many, their size so, and read */
	void (*wake)(struct pack *p); /* something is in `plain`; NULL: nobody packs any more */
	void *user;
};
struct pack *pack_new(void);
struct pack *pack_ref(struct pack *p);
void pack_unref(struct pack *p); /* takes NULL */
/* An object that is in no store yet belongs to this one; of small ones nothing happens. */
void pack_add(struct pack *p, struct obj *o);
/*
 * Pack what nobody used since the tick before the last. In how many ms to come again; 0: not until
 * wake() says so. *ret_freed: what came free.
 */
#define PACK_TICK_MS 2000u
unsigned pack_tick(struct pack *p, size_t *ret_freed);
#endif
