/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SERVICE_SYNC_H
#define KNARR_SERVICE_SYNC_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
/*
 * Services and EndpointSlices into the balancer's fronts (pkg/proxy: topology.go
 * CategorizeEndpoints for the choice of endpoints). A change of one Service costs its own fronts.
 */
struct service_sync;
struct client;
struct informer;
struct lb;
struct masq;

struct service_sync_conf {
	struct client *client;
	struct timers *timers;
	struct lb *lb;
	struct informer *services, *slices; /* made and started by the caller */
	const char *node_name;
};
struct service_sync *service_sync_start(const struct service_sync_conf *conf);
/* Port 53 of `vip` leads to `addr` (network byte order): the agent's own DNS server. */
void service_sync_dns(struct service_sync *s, uint32_t vip, uint32_t addr);
struct service_sync *service_sync_stop(struct service_sync *s);
#endif
