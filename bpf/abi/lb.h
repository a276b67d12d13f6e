/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_ABI_LB_H
#define KNARR_BPF_ABI_LB_H
#include <linux/types.h>
/*
 * Maps of the socket load balancer, shared by bpf/lb.bpf.c, bpf/uplink.bpf.c and net/lb.c. Any
 * change of a layout raises LB_LAYOUT, which stands in the pins' path: programs of two versions
 * never meet in one map.
 */
#define LB_LAYOUT 1

/* Who asks: sockets on the node (pods and host), or packets from outside on the uplink. */
#define LB_SCOPE_INSIDE 0
#define LB_SCOPE_OUTSIDE 1

/*
 * An IPv6 address that is a front's, a backend's or the node's has a short name of 32 bits, which
 * stands wherever an IPv4 address does: one set of maps and one code for both families, and IPv4
 * has the short keys it always had. LB_V6 in the protocol, LB_SLOT_V6 in a slot say which it is.
 *   names6  hash of the address -> lb_name
 *   addrs6  hash of the name -> lb_addr6
 */
#define LB_NAMES_MAX 32768

struct lb_name_key {
	__be32 addr[4];
};

struct lb_name {
	__u32 name;
	__u16 flags; /* LB_SLOT_V6 and more */
	__u16 pad;
	__u32 check; /* lb_name_check(address): the element may be recycled while it is read */
};
_Static_assert(sizeof(struct lb_name) == 12, "lb_name");

struct lb_addr6 {
	__be32 addr[4];
	__u32 name; /* again, for the same reason */
};
_Static_assert(sizeof(struct lb_addr6) == 20, "lb_addr6");

static inline __u32 lb_name_check(const __be32 a[4])
{
	return (a[0] * 31 ^ a[1]) * 31 ^ (a[2] * 31 ^ a[3]);
}

/* services: hash lb_svc_key -> lb_svc. addr 0: any address of the node, of the family. */
#define LB_V6 0x80

struct lb_svc_key {
	__be32 addr;
	__be16 port;
	__u8 proto; /* IPPROTO_TCP, IPPROTO_UDP; with LB_V6 */
	__u8 scope;
};
_Static_assert(sizeof(struct lb_svc_key) == 8, "lb_svc_key");

#define LB_SVC_EMPTY_DROP 1 /* no backends here by policy, not for want of any */
#define LB_SVC_EXTERNAL 2
#define LB_SVC_SOURCES 4 /* only for clients that `sources` has */

struct lb_svc {
	__u32 base; /* first slot in `backends` */
	__u16 count; /* slots from there on; 0: no endpoints */
	__u16 flags;
	__u32 affinity_s; /* 0: none */
	__u32 check; /* lb_svc_check(key): the element may be recycled while it is read */
};
_Static_assert(sizeof(struct lb_svc) == 16, "lb_svc");

static inline __u32 lb_svc_check(const struct lb_svc_key *k)
{
	return k->addr ^ ((__u32)k->port << 16) ^ ((__u32)k->proto << 8) ^ k->scope ^ 0x9e3779b9u;
}

/* sources: LPM trie of who may use a service from outside; prefixlen counts from `svc` on. */
struct lb_source_key {
	__u32 prefixlen;
	struct lb_svc_key svc; /* whole */
	__be32 saddr;
};
_Static_assert(sizeof(struct lb_source_key) == 16, "lb_source_key");

/* sources6: the same of IPv6. */
struct lb_source6_key {
	__u32 prefixlen;
	struct lb_svc_key svc;
	__be32 saddr[4];
};
_Static_assert(sizeof(struct lb_source6_key) == 28, "lb_source6_key");

/*
 * backends: array of slots, mapped by user space and written with one 8-byte store each. A run
 * that a service gave up is not written again before every program that read the old service
 * entry has ended.
 */
#define LB_SLOT_V6 1 /* addr is a name */
#define LB_SLOT_NODE 2 /* of an address of the node; not in `backends` */
#define LB_SLOT_LOOPBACK 4 /* ::1; not in `backends` */

struct lb_slot {
	__be32 addr;
	__be16 port;
	__u16 flags;
};
_Static_assert(sizeof(struct lb_slot) == 8, "lb_slot");

/* affinity: LRU hash. client: cookie of the network namespace, or the source address outside. */
struct lb_affinity_key {
	__u64 client;
	struct lb_svc_key svc;
};
_Static_assert(sizeof(struct lb_affinity_key) == 16, "lb_affinity_key");

struct lb_affinity {
	__u64 used_ns; /* CLOCK_MONOTONIC, of the last new connection */
	struct lb_slot backend;
};
_Static_assert(sizeof(struct lb_affinity) == 16, "lb_affinity");

/*
 * udp_flows: LRU hash for unconnected UDP sockets, two entries a flow:
 *   {cookie, service, LB_UDP_OUT}  -> backend   (the next datagram goes the same way)
 *   {cookie, backend, LB_UDP_BACK} -> service   (what recvmsg says as source)
 */
#define LB_UDP_OUT 0
#define LB_UDP_BACK 1

struct lb_udp_key {
	__u64 cookie;
	__be32 addr;
	__be16 port;
	__u8 dir;
	__u8 v6;
};
_Static_assert(sizeof(struct lb_udp_key) == 16, "lb_udp_key");

/* sockets: sk_storage of a connected UDP socket; tcp_peers: LRU hash by socket cookie. */
struct lb_sock {
	struct lb_slot service; /* what the client asked for: getpeername, recvmsg */
	struct lb_slot backend; /* what it is connected to */
};
_Static_assert(sizeof(struct lb_sock) == 16, "lb_sock");

/* gone: hash of backends whose sockets bpf/reap.bpf.c closes. The value is not used. */
struct lb_gone_key {
	__be32 addr;
	__be16 port;
	__u8 proto; /* with LB_V6 */
	__u8 pad;
};
_Static_assert(sizeof(struct lb_gone_key) == 8, "lb_gone_key");
#endif
