/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * tc ingress at the node's end of a pod's veth pair: what the pod sends.
 *
 * The MAC addresses are left alone on the way to another pod: the frame was already found to be
 * "for this host" at our end of the pair, and bpf_redirect_peer keeps that verdict. Not writing
 * saves the copy of a cloned packet's head (every TCP segment is a clone).
 */
#include "bpf/common.bpf.h"
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

static __always_inline int drop(enum net_reason reason)
{
	count(reason);
	return TC_ACT_SHOT;
}

SEC("tc")
int pod_out(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	struct pod_entry *pod;
	__be32 saddr, daddr;

	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return TC_ACT_OK;
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return drop(NET_REASON_NOT_IP);
	if ((void *)(ip + 1) > end)
		return drop(NET_REASON_SHORT);
	saddr = ip->saddr;
	daddr = ip->daddr;
	pod = bpf_map_lookup_elem(&pods, &saddr);
	if (!pod || pod->ifindex != skb->ifindex)
		return drop(NET_REASON_SPOOFED);
	pod = bpf_map_lookup_elem(&pods, &daddr);
	if (pod) {
		count(NET_REASON_PEER);
		return bpf_redirect_peer(pod->ifindex, 0);
	}
	count(NET_REASON_TO_STACK);
	return TC_ACT_OK;
}
