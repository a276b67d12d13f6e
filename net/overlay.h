/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_OVERLAY_H
#define KNARR_NET_OVERLAY_H
#include "lib/base/err.h"
#include "net/addr.h"
/*
 * The way to the pods of nodes that are not on a link of ours: one VXLAN device (RFC 7348) a node,
 * without learning, flooding or multicast. Everything it must know follows from the peer's pod
 * range, so nodes need not tell each other anything but what their Node objects say:
 *
 *	route      RANGE via FIRST dev knx... onlink      FIRST: the range's first address,
 *	neighbour  FIRST  lladdr 0a:4b:FIRST              the peer's own one (pod_net.h)
 *	fdb        0a:4b:FIRST  dst NODE-ADDRESS
 *
 * Outer packets carry DF: a path that is narrower than the uplink is found out (the kernel turns
 * the ICMP error into one for the pod; net.ipv4.ip_forward_use_pmtu is switched on for that), never
 * fragmented. The device's MTU is the uplink's less
 * OVERLAY_HEADERS. The device and its entries belong to the kernel and outlive the agent.
 */
struct overlay;

#define OVERLAY_HEADERS 50 /* Ethernet, IPv4, UDP, VXLAN */
#define OVERLAY_ID 1
#define OVERLAY_PORT 8472 /* Linux's own default; 4789 is IANA's */

struct overlay_conf {
	const char *node; /* scopes the device's name */
	uint32_t id; /* VNI, 1..2^24-1 */
	uint16_t port; /* UDP, of all nodes */
	uint32_t local; /* outer source: the node's address, network byte order */
	uint32_t inner; /* the node's first address of its range, network byte order */
	uint32_t mtu; /* of the uplink */
};

/*
 * Make the device, or take over one that is as `conf` says; one that differs is made anew.
 * -EADDRINUSE: another VXLAN device of this id and port (message says so).
 */
int overlay_open(const struct overlay_conf *conf, struct overlay **ret, struct err *err);
/* Is there one of this node's name, from an earlier agent? */
bool overlay_exists(const char *node);
/* Forget the handle; the device goes on. NULL is fine; returns NULL. */
struct overlay *overlay_close(struct overlay *o);
uint32_t overlay_ifindex(const struct overlay *o);
uint32_t overlay_mtu(const struct overlay *o);
/* `range` is behind the node at `via`; replaces another way to it. */
int overlay_add(struct overlay *o, struct ip4_prefix range, uint32_t via);
/*
 * The same node's range of IPv6, under the same MAC; `range` is its IPv4 one, `via` its address.
 * ip_route_del takes it away.
 */
int overlay_add6(struct overlay *o, struct ip_prefix range6, struct ip4_prefix range, uint32_t via,
		 struct ip_addr src);
/* 0 when there is none. The route is left to route_del where another one took its place. */
int overlay_del(struct overlay *o, struct ip4_prefix range);
/* Remove the device, and with it routes and entries. 0 when there is none. */
int overlay_reset(const char *node, struct err *err);
#endif
