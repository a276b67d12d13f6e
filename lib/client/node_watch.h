/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_NODE_WATCH_H
#define KNARR_CLIENT_NODE_WATCH_H
#include "lib/client/client.h"
#include "lib/json/jv.h"
/*
 * Where the pods of all nodes are: a watch of Nodes that is told their pod ranges and addresses and
 * nothing else (master/apiserver/node_routes.h says how). It is begun again when it breaks, with a
 * token of what is known, and then gets only what is new; kept with what is known, the token does
 * the same for an agent that was away.
 *
 * Of masters that have no such view it gets whole Nodes and each change of them, and all of them
 * when it begins again. To the user both look the same.
 *
 *	begun --> seen* gone* --> complete --> (seen | gone)* known --> ... broken --> begun ...
 *
 * After `complete` with `all` set, what was not seen since `begun` is there no more.
 */
struct node_watch_ops {
	void (*begun)(void *user);
	/*
	 * Node has metadata.name, spec.podCIDRs (or podCIDR) and status.addresses, maybe more. One
	 * without a range or an InternalIP comes only from masters without the view.
	 */
	void (*seen)(void *user, struct str name, struct jv node);
	void (*gone)(void *user, struct str name);
	void (*complete)(void *user, bool all);
	/*
	 * All that was told so far is what `token` stands for; absent: nothing stands for it, which
	 * is said before the first change that comes after a token.
	 */
	void (*known)(void *user, struct str token);
};

struct node_watch;
/* `known`: of what the user has from before; absent: none of it counts. */
struct node_watch *node_watch_start(struct client *c, struct str known,
				    const struct node_watch_ops *ops, void *user);
struct node_watch *node_watch_stop(struct node_watch *w); /* NULL is fine; returns NULL */
/* All that was there when the watch began has been told. */
bool node_watch_complete(const struct node_watch *w);
#endif
