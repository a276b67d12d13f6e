/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_POLICY_H
#define KNARR_NET_POLICY_H
#include "lib/base/err.h"
#include "net/addr.h"
#include "bpf/abi/policy.h"
/*
 * Which connections the pods of this node may begin and take (bpf/policy.bpf.h does it, per packet,
 * with a table of the connections that were allowed). Knows addresses, ports and tags, and no
 * NetworkPolicies: the caller gives each address that matters the tags it has, in words of its own
 * ("is a pod with role=web", "lies in 10.0.0.0/8"), and each pod lists of rules by tags and ports.
 *
 *	policy_begin, policy_peer..., policy_pod..., policy_commit	the rules are others
 *	policy_peer, policy_pod						an address comes, goes,
 *changes
 *
 * A commit writes a whole new state beside the one in force, then each pod changes over in one
 *step. Everything is pinned and goes on without the agent, also for pods that a new agent has not
 *asked about yet. A pod that is not guarded costs nothing.
 *
 * What always passes: answers, the traffic between a pod and its own node, ICMP errors about a
 * connection of the pod, later fragments (the first is looked at). Connections that the rules no
 * longer allow end with the change.
 */
struct policy;
struct pod_net;

/* A range of ports. Without ports of its own (ICMP): only ranges with proto 0 or from 0 on. */
struct policy_rule {
	bool anyone; /* else peers with one of these tags */
	const uint32_t *tags;
	size_t n_tags;
	const struct policy_range *ports; /* none: all */
	size_t n_ports;
};

/* One direction of a pod. */
struct policy_side {
	bool isolated; /* else everything passes and there are no rules */
	const struct policy_rule *rules; /* what passes all the same */
	size_t n;
};

/* Addresses in `range`, but not in one of `except`, have the tag. */
struct policy_block {
	struct ip_prefix range;
	const struct ip_prefix *except; /* of the same family */
	size_t n_except;
	uint32_t tag;
};

/* The maps of the pod network, which must stay open meanwhile. Rules in force stay in force. */
int policy_open(struct pod_net *n, struct policy **ret, struct err *err);
struct policy *policy_close(struct policy *p); /* the rules stay; NULL is fine; returns NULL */

/*
 * A new state begins: nothing of it is in force before the commit. There is room for 131,072 peers
 * with tags and 65,536 rows in both states together.
 */
int policy_begin(struct policy *p, const struct policy_block *blocks, size_t n, struct err *err);
/* A peer's tags, beside those of blocks; n 0: an address like any other. -ENOSPC: maps are full. */
int policy_peer(struct policy *p, struct ip_addr addr, const uint32_t *tags, size_t n,
		struct err *err);
/*
 * What a pod of this node may do, by its IPv4 address; what it says in IPv6 is judged by the same
 * rules. -ENOENT: none with this address is attached. Pods that were not
 * told since policy_begin keep what they had.
 */
int policy_pod(struct policy *p, uint32_t addr, const struct policy_side *in,
	       const struct policy_side *out, struct err *err);
int policy_commit(struct policy *p, struct err *err);
/* Take out what no pod refers to any more; a second after a commit, when no program reads it. */
void policy_collect(struct policy *p);
/* Pods under guard, of this agent or an earlier one. */
size_t policy_guarded(struct policy *p);
#endif
