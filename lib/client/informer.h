/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_INFORMER_H
#define KNARR_CLIENT_INFORMER_H
#include "lib/client/client.h"
#include "lib/client/object.h"
/*
 * A local copy of one collection, kept up to date by list and watch, with events for what changed.
 *
 *	   +--------- backoff with jitter <---- failure -----+
 *	   v                                                 |
 *	[list pages] --> diff against cache --> [watch from rv] --ended--> watch again from last rv
 *	   ^                                                 |
 *	   +---------------- 410 Gone -----------------------+
 *
 * The cache survives a broken connection: a new list is compared with it and handlers see only
 * differences. Bookmarks move the revision on without work. Only the objects' bytes are kept (in
 * the master they are the store's own).
 */
struct informer;

struct informer_conf {
	const struct client_kind *kind;
	struct str ns; /* absent: all */
	const char *query; /* selectors, escaped: "fieldSelector=spec.nodeName%3Dn1"; NULL: none */
	bool metadata_only; /* PartialObjectMetadata: for those who need no spec or status */
	uint32_t page; /* items a list page; 0: 500 */
	/*
	 * Writes what is kept of an object, with metadata.name, namespace and resourceVersion:
	 * where whole ones would be too many bytes. Handlers see the result. NULL: all of it.
	 */
	void (*trim)(struct jv object, struct buf *out);
};
/* Does nothing until informer_start. */
struct informer *informer_new(struct client *c, const struct informer_conf *conf);
/* Sets conf.trim of one that is not started yet, or sets it to what it is. */
void informer_trim(struct informer *in, void (*trim)(struct jv object, struct buf *out));
struct informer *informer_free(struct informer *in); /* stops too; no callback after */
void informer_start(struct informer *in); /* harmless when started */
/*
 * Before informer_start: an object as an earlier process knew it (bytes are copied). Handlers are
 * told; the first list confirms, replaces or deletes it. Does not make the informer synced. False:
 * the bytes are no object.
 */
bool informer_preload(struct informer *in, struct str json);
/* The same for one that went: "ns/name". Handlers are told if it was there. */
void informer_preload_drop(struct informer *in, struct str key);
const struct client_kind *informer_kind(const struct informer *in);
/* True once the first list is complete and every handler saw it. */
bool informer_synced(const struct informer *in);
/* The revision up to which the cache is complete; 0 before the first list. */
uint64_t informer_rv(const struct informer *in);

/*
 * Handlers. Objects are borrowed for the call (object_ref to keep). A handler added late first
 * gets `added` for all that is cached, before informer_handle returns. Any member may be NULL. In
 * `updated`, old and new differ in revision, except after nothing: there is no resync.
 */
struct informer_handler {
	void (*added)(void *user, struct object *o);
	void (*updated)(void *user, struct object *old, struct object *o);
	void (*deleted)(void *user, struct object *last);
	void (*synced)(void *user); /* once */
};
void informer_handle(struct informer *in, const struct informer_handler *h, void *user);
void informer_unhandle(struct informer *in, const struct informer_handler *h, void *user);

/* Reading the cache. Borrowed; NULL when absent. */
struct object *informer_get(const struct informer *in, struct str key);
struct object *informer_get_in(const struct informer *in, struct str ns, struct str name);
size_t informer_len(const struct informer *in);
/* Iterate all, in no particular order; the cache must not change meanwhile. *pos = 0 at first. */
struct object *informer_next(const struct informer *in, size_t *pos);
#define informer_for_each(it, in)                                 \
	for (size_t it##_pos = 0, it##_1 = 1; it##_1; it##_1 = 0) \
		for (struct object * it; (it = informer_next(in, &it##_pos));)

/*
 * Indexes: a function names a value of an object (absent: not in this index), and lookups give all
 * objects with a value. At most OBJECT_INDEXES an informer. A second call with the same function
 * gives the same index.
 */
typedef struct str informer_index_fn(const struct object *o);
struct informer_index;
struct informer_index *informer_index(struct informer *in, informer_index_fn *fn);
struct object_set {
	struct object **v;
	size_t n;
};
/* Borrowed until the cache changes. */
struct object_set informer_lookup(const struct informer_index *ix, struct str value);
/* Ready-made: metadata.namespace; uid of the controller owner reference; spec.nodeName. */
informer_index_fn informer_by_ns, informer_by_controller, informer_by_node;

/*
 * A set of shared informers: one cache a kind for all controllers of a process. informers_get
 * makes it on first use; informers_start starts those not yet started.
 */
struct informers;
struct informers *informers_new(struct client *c);
struct informers *informers_free(struct informers *s);
struct informer *informers_get(struct informers *s, const struct client_kind *kind);
/* The full one if there is one, else one with metadata only. */
struct informer *informers_get_metadata(struct informers *s, const struct client_kind *kind);
/* The full or the metadata one if there is one, else NULL. */
struct informer *informers_find(struct informers *s, const struct client_kind *kind);
/* Away with one that nobody handles any more (its kind is served no more); else nothing. */
void informers_drop(struct informers *s, struct informer *in);
void informers_start(struct informers *s);
bool informers_synced(const struct informers *s);
struct client *informers_client(struct informers *s);
/* Runs `fn` once, as soon as all informers of the set are synced (maybe at once). */
void informers_on_synced(struct informers *s, void (*fn)(void *user), void *user);
void informers_cancel_on_synced(struct informers *s, void (*fn)(void *user), void *user);
#endif
