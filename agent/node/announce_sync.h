/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ANNOUNCE_SYNC_H
#define KNARR_ANNOUNCE_SYNC_H
#include "lib/base/timers.h"
/*
 * The addresses of load balancers that this node is to answer for (net/announce.h): those of
 * status.loadBalancer.ingress of Services whose annotation knarr.io/announced-by names it. Who that
 * is, and when it is another one, is decided by the master's cloud provider.
 *
 * What the disk says of it (object_file.h) counts only when no master answers for some seconds. A
 * node that gave way to another's announcement takes the address again if a master, to which it has
 * contact, still says that it is the one; one that is cut off from the masters stays silent.
 */
#define ANNOUNCED_BY "knarr.io/announced-by"
struct announce_sync;
struct informer;
struct node;
struct uv_loop_s;

struct announce_sync_conf {
	struct uv_loop_s *loop;
	struct timers *timers;
	struct informer *services;
	const struct node *node; /* contact to a master */
	const char *node_name, *run_dir;
	uint32_t uplink; /* ifindex; 0: there is none, and nothing is done */
};
struct announce_sync *announce_sync_start(const struct announce_sync_conf *conf);
struct announce_sync *announce_sync_stop(struct announce_sync *s);
#endif
