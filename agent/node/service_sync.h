/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SERVICE_SYNC_H
#define KNARR_SERVICE_SYNC_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "net/addr.h"
/*
 * Services and EndpointSlices into the balancer's fronts (pkg/proxy: topology.go
 * CategorizeEndpoints for the choice of endpoints). A change of one Service costs its own fronts.
 */
struct service_sync;
struct client;
struct health_ports;
struct informer;
struct lb;
struct masq;

struct service_sync_conf {
	struct client *client;
	struct timers *timers;
	struct lb *lb;
	struct informer *services, *slices; /* made and started by the caller */
	const char *node_name;
	/*
	 * A file beside the pins, gone with them at a reboot. Where it is missing and no master
	 * answers for some seconds, what is in the caches (object_file.h) is programmed.
	 */
	const char *mark;
	/*
	 * Descriptors of the pods' network namespaces, to find sockets of backends that went away;
	 * an array to be freed, the descriptors to be closed by the caller. May be NULL.
	 */
	size_t (*netns_fds)(void *user, int **ret);
	void *user;
	struct health_ports *health; /* of healthCheckNodePort; may be NULL */
};
struct service_sync *service_sync_start(const struct service_sync_conf *conf);
/* Port 53 of `vip` leads to `addr`: the agent's own DNS server. One of each family. */
void service_sync_dns(struct service_sync *s, struct ip_addr vip, struct ip_addr addr);
/* The zone this node is in, for endpoints with hints; absent: none is known. May repeat. */
void service_sync_zone(struct service_sync *s, struct str zone);
/* The hostPorts of a pod: `owner` is its UID; n 0 takes them away. */
struct host_port {
	struct ip_addr host_addr; /* ip_of4(0), or ::, as addr is: all of the node's */
	uint16_t host_port, port;
	uint8_t proto; /* enum lb_proto */
	struct ip_addr addr; /* of the pod */
};
void service_sync_host_ports(struct service_sync *s, struct str owner, const struct host_port *v,
			     size_t n);
struct service_sync *service_sync_stop(struct service_sync *s);
#endif
