/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_OBJECT_H
#define KNARR_CLIENT_OBJECT_H
#include "lib/base/buf.h"
#include "lib/client/transport.h"
/*
 * An API object in a cache: its JSON bytes, immutable and reference-counted, with the few facts
 * that everybody asks for. Read the rest through jv_of(object->bytes). One allocation for the
 * struct and its key; the bytes stay where the transport has them.
 */
struct object {
	struct str key; /* "ns/name", or "name" of a cluster-scoped object */
	struct str ns, name; /* parts of key; ns absent when cluster-scoped */
	uint64_t rv; /* metadata.resourceVersion */
	struct str bytes;
	/* private */
	struct blob blob;
	uint32_t refs;
};

/* Makes an object with one reference and takes the blob. The bytes must be valid JSON of an object
 * with metadata.name. NULL when it has no name (the blob is released). */
struct object *object_new(struct blob blob);
struct object *object_ref(struct object *o);
struct object *object_unref(struct object *o); /* NULL is fine; returns NULL */
/* Cut "ns/name" at the slash; a key without one gives an absent namespace. */
void object_key_split(struct str key, struct str *ret_ns, struct str *ret_name);
void object_key(struct str ns, struct str name, struct buf *out);
#endif
