/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ROUTE_SYNC_H
#define KNARR_ROUTE_SYNC_H
#include "lib/base/timers.h"
/*
 * Routes to the pods of other nodes: for each Node but our own with spec.podCIDR and an InternalIP,
 * its range by way of its address, direct or by the overlay (net/pod_net.h). A route goes when its
 * Node object is deleted, not when the node is silent: that is no reason to stop trying.
 *
 * What was last known is kept in a file and put back at start, so that pods on other nodes are
 * reached after a reboot without any master; with the token of it (lib/client/node_watch.h), so
 * that masters then tell only what is new.
 */
struct route_sync;
struct client;
struct pod_net;

struct route_sync_conf {
	struct client *client; /* NULL: only what the file says */
	struct timers *timers;
	struct pod_net *net;
	const char *node_name; /* our own */
	const char *file; /* "DATA-DIR/routes" */
};
struct route_sync *route_sync_start(const struct route_sync_conf *conf);
/* The routes stay. NULL is fine; returns NULL. */
struct route_sync *route_sync_stop(struct route_sync *s);
#endif
