/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_LINK_H
#define KNARR_NET_LINK_H
#include "lib/base/err.h"
#include "net/addr.h"
/*
 * The few rtnetlink requests the pod network makes, on libnl-3. A `struct nl_sock` works on the
 * namespace it was opened in. All return 0 or a negative errno; making what exists already is 0.
 */
struct nl_sock;

#define LINK_NAME_MAX 16
#define LINK_MAC_LEN 6

struct link_info {
	uint32_t ifindex, mtu;
	uint8_t mac[LINK_MAC_LEN];
	bool up;
};

int rt_open(struct nl_sock **ret);
struct nl_sock *rt_close(struct nl_sock *s);
int link_find(struct nl_sock *s, const char *name, struct link_info *ret);
/* A pair: `name` here, `peer_name` in the namespace behind peer_netns. Both are down. */
int link_add_veth(struct nl_sock *s, const char *name, const uint8_t mac[LINK_MAC_LEN],
		  const char *peer_name, const uint8_t peer_mac[LINK_MAC_LEN], int peer_netns,
		  uint32_t mtu);
/* A VXLAN device: without learning or a default destination, DF on its outer packets. */
struct vxlan_info {
	struct link_info link; /* mtu and mac are asked for, the rest is told */
	uint32_t id, local; /* VNI; outer source address */
	uint16_t port;
};
int link_add_vxlan(struct nl_sock *s, const char *name, const struct vxlan_info *v);
/* -ENOENT also when the link of this name is of another kind. */
int link_find_vxlan(struct nl_sock *s, const char *name, struct vxlan_info *ret);
int link_up(struct nl_sock *s, uint32_t ifindex);
int link_del(struct nl_sock *s, uint32_t ifindex);
int addr_add(struct nl_sock *s, uint32_t ifindex, uint32_t addr, uint8_t prefix_len);
int addr_del(struct nl_sock *s, uint32_t ifindex, uint32_t addr, uint8_t prefix_len);
/* Permanent neighbour entry. */
int neigh_add(struct nl_sock *s, uint32_t ifindex, uint32_t addr, const uint8_t mac[LINK_MAC_LEN]);
int neigh_del(struct nl_sock *s, uint32_t ifindex, uint32_t addr); /* 0 when there is none */
/* The same for either family. IPv6 addresses are there at once: no duplicate is looked for. */
int ip_addr_add(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr, uint8_t prefix_len);
int ip_addr_del(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr, uint8_t prefix_len);
int ip_neigh_add(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr,
		 const uint8_t mac[LINK_MAC_LEN]);
int ip_neigh_del(struct nl_sock *s, uint32_t ifindex, struct ip_addr addr);
/* Forwarding entry of a VXLAN device: frames to `mac` go to the node `dst`, and nowhere else. */
int fdb_add(struct nl_sock *s, uint32_t ifindex, const uint8_t mac[LINK_MAC_LEN], uint32_t dst);
int fdb_del(struct nl_sock *s, uint32_t ifindex, const uint8_t mac[LINK_MAC_LEN]);

struct route {
	struct ip4_prefix dst;
	uint32_t ifindex;
	uint32_t via; /* 0: on the link */
	uint32_t src; /* preferred source, 0: none */
	uint32_t mtu; /* 0: the link's */
	bool onlink; /* the gateway is reachable although no route says so */
	bool unreachable; /* refused with an ICMP error; no link and no gateway */
};
/* The same for either family; an address that is none: not given. */
struct ip_route {
	struct ip_prefix dst;
	uint32_t ifindex;
	struct ip_addr via, src;
	uint32_t mtu;
	bool onlink, unreachable;
};
int ip_route_add(struct nl_sock *s, const struct ip_route *r);
int ip_route_del(struct nl_sock *s, struct ip_prefix dst);
int ip_route_del_unreachable(struct nl_sock *s, struct ip_prefix dst);
int ip_route_get(struct nl_sock *s, struct ip_addr dst, struct ip_route *ret, bool *ret_local);
int route_add(struct nl_sock *s, const struct route *r); /* replaces one to the same prefix */
int route_del(struct nl_sock *s, struct ip4_prefix dst); /* 0 when there is none */
int route_del_unreachable(struct nl_sock *s, struct ip4_prefix dst);
/*
 * How a packet to `dst` would leave: ret->via 0 when it is on a link of ours. *ret_local: it would
 * not leave at all, the address is our own.
 */
int route_get(struct nl_sock *s, uint32_t dst, struct route *ret, bool *ret_local);
/* The link of the default route with the lowest metric; -ENOENT without one. */
int route_default_link(struct nl_sock *s, uint32_t *ret_ifindex);
/* First global address of a link, or -ENOENT. */
int addr_of_link(struct nl_sock *s, uint32_t ifindex, uint32_t *ret_addr);
/* The same of IPv6: first one that is neither deprecated nor temporary. */
int addr6_of_link(struct nl_sock *s, uint32_t ifindex, struct ip_addr *ret_addr);
#endif
