/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_WATCH_H
#define KNARR_STORE_WATCH_H
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "master/store/obj.h"
/*
 * The watch window and those who watch.
 *
 *	   window: [ev 101][ev 102] ... [ev 160][ev 161]
 *	                      ^             ^       ^
 *	     a lagging watch's rev     dispatched  newest
 *
 * A live watch stands in the index (prefix, then field value) and is handed each event as it is
 * dispatched. A lagging one reads the window on its own until it has reached `dispatched`, and then
 * becomes live. Both happen in slices, so that 5,000 watchers never hold up the loop.
 *
 *	store_watch --> LAGGING --caught up--> LIVE
 *	                 |   ^ <-resume- PAUSED <-pause-+  (pause also from LAGGING)
 *	                 +--> ENDED (stale, closing);  store_unwatch --> CLOSED from anywhere
 */
struct event {
	struct store_event pub;
	uint32_t refs;
	uint64_t added_ns;
	void (*free_cookie)(void *);
};

struct hub {
	/* Events of consecutive revisions: ring[(first + i) % cap] has first_rev + i. */
	struct event **ring;
	size_t first, n, cap;
	uint64_t first_rev; /* of the oldest event, or of the next one if there is none */
	size_t bytes, max_bytes;
	uint64_t bare; /* events up to here lost their cookies */
	uint64_t dispatched; /* every live watch has everything up to here */

	struct hmap *groups; /* prefix -> struct group, of live watches */
	struct list lagging, all;
	size_t n_watches;
	/* The event being dispatched: who gets it, and how far we are. */
	struct store_watch **targets;
	size_t n_targets, cap_targets, next_target;
	bool dispatching;

	struct str (*index_value)(void *user, struct str meta, struct str field);
	void *user;
	const struct clock *clock;
	void (*wake)(struct hub *h); /* there is something to dispatch */
	uint64_t delivered, stale;
};

void hub_init(struct hub *h, size_t max_bytes, const struct clock *clock);
/* Before the first event: the state is at this revision, nothing before it can be watched. */
void hub_set_rev(struct hub *h, uint64_t rev);
/* All has changed: end every watch with -ESTALE; the window is empty and goes on behind `rev`. */
void hub_reset(struct hub *h, uint64_t rev);
/* End every watch with `err`, drop the window. */
void hub_done(struct hub *h, int err);
/* A change of the revision after the newest. Objects are ref'ed. */
void hub_add(struct hub *h, enum store_event_type type, struct obj *o, struct obj *prev);
/* Whether every event after `rev` is here: 0, -ESTALE, or -ERANGE when `rev` is in the future. */
int hub_reaches(const struct hub *h, uint64_t rev);
/* Of a revision that is here; borrowed. */
const struct event *hub_event(const struct hub *h, uint64_t rev);
/* Before anybody watches: what was added needs no dispatch. */
void hub_skip(struct hub *h);
/* What readers hung on events that were dispatched some seconds ago goes; they make it anew. */
void hub_drop_cookies(struct hub *h);
/* Deliver a slice. Whether there is more to do. */
bool hub_dispatch(struct hub *h);
int hub_watch(struct hub *h, const struct store_watch_spec *spec, store_watch_cb cb, void *user,
	      struct store_watch **ret);
#endif
