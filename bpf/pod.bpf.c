/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The node's end of a pod's veth pair. pod_out is its tc ingress: what the pod sends. pod_in, on
 * guarded pods only, its tc egress: what the node's stack delivers.
 *
 * The MAC addresses are left alone on the way to another pod: the frame was already found to be
 * "for this host" at our end of the pair, and bpf_redirect_peer keeps that verdict. Not writing
 * saves the copy of a cloned packet's head (every TCP segment is a clone).
 */
#include "bpf/common.bpf.h"
#include "bpf/policy6.bpf.h"
#include "bpf/abi/pod.h"
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __be32);
	__type(value, struct pod_entry);
} pods SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct pod_addr6);
	__type(value, struct pod_entry6);
} pods6 SEC(".maps");

static __always_inline int drop(enum net_reason reason)
{
	count(reason);
	return TC_ACT_SHOT;
}

/* The sender's rules, and the receiver's where that is a pod of this node. */
static __always_inline int guarded_out(struct __sk_buff *skb, bool from, bool to)
{
	struct policy_packet p = {};

	if (!policy_parse(skb, &p))
		return NET_REASON_SHORT;
	if (from && !policy_pass(skb, &p, POLICY_OUT, 0))
		return NET_REASON_POLICY_OUT;
	if (to && !policy_pass(skb, &p, POLICY_IN, 0))
		return NET_REASON_POLICY_IN;
	return NET_REASON_MAX;
}

static __always_inline int guarded_out6(struct __sk_buff *skb, bool from, __be32 pod, bool to,
					__be32 peer)
{
	struct policy_packet6 *p = policy_packet6_new();

	if (!p || !policy_parse6(skb, p))
		return NET_REASON_SHORT;
	if (from && !policy_pass6(skb, p, pod, POLICY_OUT, 0))
		return NET_REASON_POLICY_OUT;
	if (to && !policy_pass6(skb, p, peer, POLICY_IN, 0))
		return NET_REASON_POLICY_IN;
	return NET_REASON_MAX;
}

static __noinline int out6(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip = data + ETH_HLEN;
	__u32 ifindex = 0, from, to = 0;
	__be32 saddr[4], daddr[4], pod4, peer4 = 0;
	struct pod_entry6 *pod;
	int why;

	if ((void *)(ip + 1) > end)
		return drop(NET_REASON_SHORT);
	copy6(saddr, ip->saddr.in6_u.u6_addr32);
	copy6(daddr, ip->daddr.in6_u.u6_addr32);
	pod = bpf_map_lookup_elem(&pods6, saddr);
	if (!pod || pod->ifindex != skb->ifindex) {
		/* What the kernel says of its own accord: nobody on the link has to hear it. */
		if ((saddr[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000) ||
		    !(saddr[0] | saddr[1] | saddr[2] | saddr[3]))
			return TC_ACT_SHOT;
		return drop(NET_REASON_SPOOFED);
	}
	from = pod->flags & POD_GUARDED;
	pod4 = pod->addr4;
	pod = bpf_map_lookup_elem(&pods6, daddr);
	if (pod) {
		ifindex = pod->ifindex;
		to = pod->flags & POD_GUARDED;
		peer4 = pod->addr4;
	}
	if (from | to) {
		why = guarded_out6(skb, from, pod4, to, peer4);
		if (why != NET_REASON_MAX)
			return drop(why);
	}
	if (ifindex) {
		count(NET_REASON_PEER);
		return bpf_redirect_peer(ifindex, 0);
	}
	count(NET_REASON_TO_STACK);
	return TC_ACT_OK;
}

static __noinline int in6(struct __sk_buff *skb)
{
	struct policy_packet6 *p = policy_packet6_new();
	struct pod_entry6 *pod;

	if (!p || !policy_parse6(skb, p))
		return drop(NET_REASON_SHORT);
	pod = bpf_map_lookup_elem(&pods6, p->daddr);
	if (!pod || pod->ifindex != skb->ifindex || !(pod->flags & POD_GUARDED))
		return TC_ACT_OK;
	if (policy_pass6(skb, p, pod->addr4, POLICY_IN, skb->ingress_ifindex == 0))
		return TC_ACT_OK;
	return drop(NET_REASON_POLICY_IN);
}

SEC("tc")
int pod_out(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	struct pod_entry *pod;
	__u32 ifindex = 0, from, to = 0;
	__be32 saddr, daddr;
	int why;

	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return TC_ACT_OK;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return out6(skb);
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return drop(NET_REASON_NOT_IP);
	if ((void *)(ip + 1) > end)
		return drop(NET_REASON_SHORT);
	saddr = ip->saddr;
	daddr = ip->daddr;
	pod = bpf_map_lookup_elem(&pods, &saddr);
	if (!pod || pod->ifindex != skb->ifindex)
		return drop(NET_REASON_SPOOFED);
	from = pod->flags & POD_GUARDED;
	pod = bpf_map_lookup_elem(&pods, &daddr);
	if (pod) {
		ifindex = pod->ifindex;
		to = pod->flags & POD_GUARDED;
	}
	if (from | to) {
		why = guarded_out(skb, from, to);
		if (why != NET_REASON_MAX)
			return drop(why);
	}
	if (ifindex) {
		count(NET_REASON_PEER);
		return bpf_redirect_peer(ifindex, 0);
	}
	count(NET_REASON_TO_STACK);
	return TC_ACT_OK;
}

SEC("tc")
int pod_in(struct __sk_buff *skb)
{
	struct policy_packet p = {};
	struct pod_entry *pod;

	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return in6(skb);
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	if (!policy_parse(skb, &p))
		return drop(NET_REASON_SHORT);
	pod = bpf_map_lookup_elem(&pods, &p.daddr);
	if (!pod || pod->ifindex != skb->ifindex || !(pod->flags & POD_GUARDED))
		return TC_ACT_OK;
	/* Nothing brought it here: a socket of the node sent it. */
	if (policy_pass(skb, &p, POLICY_IN, skb->ingress_ifindex == 0))
		return TC_ACT_OK;
	return drop(NET_REASON_POLICY_IN);
}
