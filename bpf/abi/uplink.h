/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_ABI_UPLINK_H
#define KNARR_BPF_ABI_UPLINK_H
#include <linux/types.h>
/* Maps of the uplink's translation, shared by bpf/uplink.bpf.c and net/masq.c. */
#define UPLINK_LAYOUT 1

/* A packet's tuple as it is seen on the link. ICMP echo: the id is the port at the asker's side. */
struct ct_key {
	__be32 saddr, daddr;
	__be16 sport, dport;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct ct_key) == 16, "ct_key");

#define CT_CLOSING 1 /* a FIN or RST was seen */
#define CT_OUT 2 /* this direction leaves by the uplink again */
#define CT_FROM_OUTSIDE 4 /* of a connection to a front, else of a masqueraded one */
#define CT_BACK 8 /* the answers' direction */

/* conntrack: LRU hash ct_key -> ct_entry, one entry a direction. */
struct ct_entry {
	struct ct_key to; /* what it becomes */
	__u64 used_ns; /* CLOCK_MONOTONIC, a second coarse */
	__u32 flags;
	__u32 ifindex; /* with CT_OUT: the link it leaves by; 0: the uplink */
};
_Static_assert(sizeof(struct ct_entry) == 32, "ct_entry");

/*
 * snat_ports: hash of taken source ports -> tuple of the connection's first direction. No LRU: a
 * port is given back when its connection has ended or idled out (net/masq.c), never under it.
 */
struct snat_key {
	__be32 daddr;
	__be16 dport, port;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct snat_key) == 12, "snat_key");

/* conntrack6, snat_ports6: the same of IPv6; a connection to a front only. */
struct ct_key6 {
	__be32 saddr[4], daddr[4];
	__be16 sport, dport;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct ct_key6) == 40, "ct_key6");

struct ct_entry6 {
	struct ct_key6 to;
	__u64 used_ns;
	__u32 flags;
	__u32 ifindex;
};
_Static_assert(sizeof(struct ct_entry6) == 56, "ct_entry6");

struct snat_key6 {
	__be32 daddr[4];
	__be16 dport, port;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct snat_key6) == 24, "snat_key6");
#endif
