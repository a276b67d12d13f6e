/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_FAKE_H
#define KNARR_CLIENT_FAKE_H
#include "lib/base/timers.h"
#include "lib/client/transport.h"
/*
 * A tiny API in memory behind the transport vtable, for unit tests and simulations of what uses
 * lib/client: get, list (pages), watch (bookmarks, 410), create (generateName, uid,
 * creationTimestamp), update and merge patch with resourceVersion checks, /status, /scale-less
 * subresources as plain updates, delete with finalizers and grace, pods/binding. No defaults, no
 * validation. Answers come through the given timers, one virtual microsecond later.
 */
struct fake_api;
struct fake_api *fake_api_new(struct timers *ts);
struct fake_api *fake_api_free(struct fake_api *f);
struct transport *fake_api_transport(struct fake_api *f);

/* A clock that stands still until moved, and its timers. */
struct fake_time {
	struct clock clock;
	struct timers timers;
	uint64_t mono_ns;
	int64_t real_ns;
};
void fake_time_init(struct fake_time *t);
void fake_time_done(struct fake_time *t);
/* Runs timers, moving the clock to each, for `ns`. Returns how many fired. */
size_t fake_time_run(struct fake_time *t, uint64_t ns);

/* Put an object as if a client had (create or replace); JSON text. Asserts that it is valid. */
void fake_api_put(struct fake_api *f, const char *path, const char *json);
/* Bytes of an object by path ("/api/v1/namespaces/x/pods/p"), absent if there is none; borrowed. */
struct str fake_api_get(struct fake_api *f, const char *path);
void fake_api_delete(struct fake_api *f, const char *path);
/* Number of objects in a collection ("/api/v1/namespaces/x/pods" or "/api/v1/pods"). */
size_t fake_api_count(struct fake_api *f, const char *path);
/* Bytes of the i-th object of a collection, by name order. */
struct str fake_api_nth(struct fake_api *f, const char *path, size_t i);
/* The next `n` requests whose "METHOD path" contains `match` fail with that status (0: the
 * connection breaks). */
void fake_api_fail(struct fake_api *f, const char *match, int status, uint32_t n);
void fake_api_break_watches(struct fake_api *f); /* all streams end with -ECONNRESET */
void fake_api_compact(struct fake_api *f); /* older revisions are gone: 410 */
/* Whether watches hand over objects (as the in-process transport does) or framed bytes. */
void fake_api_objects(struct fake_api *f, bool in_memory);
/* How many requests there were whose "METHOD path" contains `match`. */
size_t fake_api_requests(struct fake_api *f, const char *match);
#endif
