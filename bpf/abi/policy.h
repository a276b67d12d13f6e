/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_ABI_POLICY_H
#define KNARR_BPF_ABI_POLICY_H
#include <linux/types.h>
/*
 * Who may talk to whom: maps of bpf/policy.bpf.h, filled by net/policy.c, pinned with the pods'.
 *
 *   guards  pod address -> {space, group for what comes in, group for what goes out}
 *   ids     {space, address of a peer} -> identity        else
 *   blocks  {space, longest prefix} -> identity           else identity 0
 *   rows    {space, group, identity, chunk} -> ports; none: what identity 0 may
 *   conns   connections that were allowed, so that answers pass
 *
 * ids6, blocks6 and conns6 are the same of IPv6; a pod's guard has its IPv4 address in both.
 *
 * A space is one whole state of the rules: a change of rules writes another space beside it, and
 * each pod changes over with one write of its guard.
 */
struct policy_guard {
	__u32 space;
	__u32 in, out; /* group; 0: everything is allowed in this direction */
	__u32 pad;
};
_Static_assert(sizeof(struct policy_guard) == 16, "policy_guard");

struct policy_id_key {
	__u32 space;
	__be32 addr;
};
struct policy_id {
	__u32 id;
	__be32 addr; /* again: the element may be recycled while it is read */
};
_Static_assert(sizeof(struct policy_id) == 8, "policy_id");

struct policy_block_key {
	__u32 prefixlen; /* 32 more than the prefix's: `space` is whole */
	__u32 space;
	__be32 addr;
};
_Static_assert(sizeof(struct policy_block_key) == 12, "policy_block_key");

struct policy_id6_key {
	__u32 space;
	__be32 addr[4];
};
_Static_assert(sizeof(struct policy_id6_key) == 20, "policy_id6_key");

struct policy_id6 {
	__u32 id;
	__be32 addr[4];
};

struct policy_block6_key {
	__u32 prefixlen; /* 32 more than the prefix's */
	__u32 space;
	__be32 addr[4];
};
_Static_assert(sizeof(struct policy_block6_key) == 24, "policy_block6_key");

struct policy_row_key {
	__u32 space, group, id, chunk;
};
_Static_assert(sizeof(struct policy_row_key) == 16, "policy_row_key");

#define POLICY_RANGES 14 /* a chunk */
#define POLICY_CHUNKS 1024 /* a row */

struct policy_range {
	__u16 min, max; /* host byte order */
	__u8 proto; /* 0: any, also those without ports */
	__u8 pad[3];
};
_Static_assert(sizeof(struct policy_range) == 8, "policy_range");

struct policy_row {
	__u32 n;
	__u32 more; /* another chunk follows */
	struct policy_range ranges[POLICY_RANGES];
};
_Static_assert(sizeof(struct policy_row) == 120, "policy_row");

/* As the pod sees it, whoever began. ICMP echo: the id is the port at the asker's side. */
struct policy_conn_key {
	__be32 pod, peer;
	__be16 pod_port, peer_port;
	__u8 proto;
	__u8 pad[3];
};
_Static_assert(sizeof(struct policy_conn_key) == 16, "policy_conn_key");

struct policy_conn6_key {
	struct policy_conn_key k; /* pod is its IPv4 address, peer 0 */
	__be32 peer[4];
};
_Static_assert(sizeof(struct policy_conn6_key) == 32, "policy_conn6_key");

#define POLICY_IN 1 /* who began: the peer */
#define POLICY_OUT 2 /* the pod */
#define POLICY_NODE 4 /* the peer is the pod's own node */
#define POLICY_DENIED 8 /* was allowed once */

struct policy_conn {
	__u64 used_ns; /* CLOCK_MONOTONIC, a second coarse */
	__u32 epoch; /* when it was judged; see policy_epoch */
	__u32 flags;
};
_Static_assert(sizeof(struct policy_conn) == 16, "policy_conn");

#define POLICY_CONNS_MAX 65536

/* epoch: one number that changes with the rules; connections are judged anew then. */
#endif
