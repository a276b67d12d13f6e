/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_OBJECT_H
#define KNARR_CLIENT_OBJECT_H
#include "lib/base/buf.h"
#include "lib/client/transport.h"
#include "lib/json/jv.h"
/*
 * An API object in a cache: its JSON bytes, immutable and reference-counted, with the few facts
 * that everybody asks for. Read the rest through object_meta, object_spec and object_status, which
 * know where they stand, or jv_of(object->bytes). One allocation for the struct and its key; the
 * bytes stay where the transport has them.
 */
#define OBJECT_INDEXES 4
struct object {
	struct str key; /* "ns/name", or "name" of a cluster-scoped object */
	struct str ns, name; /* parts of key; ns absent when cluster-scoped */
	uint64_t rv; /* metadata.resourceVersion */
	struct str bytes;
	bool deleting; /* metadata.deletionTimestamp is set */
	uint32_t node_at; /* private: of spec.nodeName, once object_node was asked; 1: absent */
	/* private */
	void (*release)(void *owner);
	void *owner;
	uint32_t meta_at, spec_at, status_at, owners_at; /* in bytes; 0: absent */
	uint32_t refs, hash;
	uint32_t generation; /* informer: last list that had it */
	uint32_t slot[OBJECT_INDEXES]; /* informer: position in the bucket of each index */
};

static inline struct jv object_at(const struct object *o, uint32_t at)
{
	return at ? (struct jv){o->bytes.p + at, o->bytes.p + o->bytes.len} : JV_NONE;
}
static inline struct jv object_meta(const struct object *o)
{
	return object_at(o, o->meta_at);
}
static inline struct jv object_spec(const struct object *o)
{
	return object_at(o, o->spec_at);
}
static inline struct jv object_status(const struct object *o)
{
	return object_at(o, o->status_at);
}
static inline struct jv object_owners(const struct object *o) /* metadata.ownerReferences */
{
	return object_at(o, o->owners_at);
}

struct str object_node(struct object *o); /* spec.nodeName; absent when empty */

/* Makes an object with one reference and takes the blob. The bytes must be valid JSON of an object
 * with metadata.name. NULL when it has no name (the blob is released). */
struct object *object_new(struct blob blob);
struct object *object_ref(struct object *o);
struct object *object_unref(struct object *o); /* NULL is fine; returns NULL */
/* Cut "ns/name" at the slash; a key without one gives an absent namespace. */
void object_key_split(struct str key, struct str *ret_ns, struct str *ret_name);
void object_key(struct str ns, struct str name, struct buf *out);

/* A hash table of objects by key; it owns one reference to each. Zero-initialised. */
struct object_map {
	struct object **slots;
	size_t n, cap;
};
void object_map_done(struct object_map *m);
struct object *object_map_get(const struct object_map *m, struct str key); /* borrowed */
/* Takes o; returns the object it replaces with its reference, or NULL. */
struct object *object_map_put(struct object_map *m, struct object *o);
struct object *object_map_take(struct object_map *m, struct str key); /* removes */
/* Iterates in no particular order; the map must not change meanwhile. *pos = 0 at first. */
struct object *object_map_next(const struct object_map *m, size_t *pos);
#endif
