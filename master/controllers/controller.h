/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CONTROLLER_H
#define KNARR_CONTROLLER_H
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "lib/client/events.h"
#include "lib/client/informer.h"
#include "lib/client/plan.h"
#include "lib/client/workqueue.h"
#include "master/controllers/controllers.h"
/*
 * The frame of a controller. One file has one const struct controller:
 *
 *	event --key_of--> work queue --sync(key)--> plan --run--> done
 *	                      ^                               |
 *	                      +-- busy until the caches show what the plan wrote
 *
 * sync looks at caches only and says what to write (plan.h). A key stays busy until the informers
 * have seen the writes of its plan, so that no step works from a cache older than its own last
 * deeds: this takes the place of client-go's expectations.
 */
struct ctl;
struct controller {
	const char *name; /* "replicaset"; also the queue's */
	const char *component; /* of its Events: "replicaset-controller"; NULL: records none */
	uint32_t parallel; /* keys at once; 0: 4 */
	/* Ask for informers and indexes, add handlers. False: not to be run with this conf. */
	bool (*init)(struct ctl *c);
	/* When all caches are full; may be NULL. */
	void (*start)(struct ctl *c);
	void (*sync)(struct ctl *c, struct str key, struct plan *p);
	void (*done)(struct ctl *c); /* frees c->state; handlers are removed by the frame */
	/* The cloud provider's answers may be others now (its inventory changed); may be NULL. */
	void (*cloud_changed)(struct ctl *c);
};

/* One running controller. */
struct ctl {
	const struct controller *def;
	struct controllers *all;
	const struct controllers_conf *conf;
	struct client *client;
	struct informers *informers;
	struct workqueue *queue;
	struct recorder *events;
	void *state; /* the controller's own */
	struct list runs; /* plans under way */
	struct {
		struct informer *in;
		const struct informer_handler *h;
	} * handlers;
	size_t n_handlers, cap_handlers;
};
extern const struct controller *const controllers_table[]; /* ended by NULL */

/* informer_handle that is undone when the controller stops; `user` of the callbacks is c. */
void ctl_handle(struct ctl *c, struct informer *in, const struct informer_handler *h);
/* Handlers that enqueue the object's own key; for the controller's main kind. */
extern const struct informer_handler ctl_enqueue_self;
void ctl_enqueue(struct ctl *c, struct str key);
/* The key of "ns/name" from parts. */
void ctl_enqueue_in(struct ctl *c, struct str ns, struct str name);
/* The owner of kind `kind` (its group is not looked at) in o's namespace, by its controller ref. */
void ctl_enqueue_owner(struct ctl *c, const struct object *o, const char *kind);
#endif
