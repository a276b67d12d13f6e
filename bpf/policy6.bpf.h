/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_POLICY6_H
#define KNARR_BPF_POLICY6_H
/*
 * policy.bpf.h for IPv6: the same guards, rows and rules; only addresses and the way to the ports
 * differ. Extension headers are walked, up to IP6_HEADERS; what stands behind more of them
 * is a protocol without ports.
 */
#include "bpf/ip6.bpf.h"
#include "bpf/policy.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct policy_id6_key);
	__type(value, struct policy_id6);
} ids6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct policy_block6_key);
	__type(value, __u32);
} blocks6 SEC(".maps");

struct policy_conns6 {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, POLICY_CONNS_MAX);
	__uint(key_size, sizeof(struct policy_conn6_key));
	__uint(value_size, sizeof(struct policy_conn));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct policy_conns6);
} conns6 SEC(".maps");

struct policy_packet6 {
	__be32 saddr[4], daddr[4];
	__be16 sport, dport;
	__u8 proto;
	__u8 tcp, syn, rest, error;
	struct {
		__be32 saddr[4], daddr[4];
		__be16 sport, dport;
		__u8 proto;
	} of;
};

/*
 * Where a packet is taken apart. On the stack the verifier would know each field and go through
 * what follows anew for each way by which it was filled: half a second at every start of an agent.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct policy_packet6);
} packet6 SEC(".maps");

static __always_inline struct policy_packet6 *policy_packet6_new(void)
{
	__u32 zero = 0;
	struct policy_packet6 *p = bpf_map_lookup_elem(&packet6, &zero);

	if (p)
		__builtin_memset(p, 0, sizeof(*p));
	return p;
}

/* Of an error: the packet it quotes, which may have no extension headers to be known. */
static __always_inline bool policy_parse_quoted6(struct __sk_buff *skb, __u32 at,
						 struct policy_packet6 *p)
{
	struct ipv6hdr ip;
	__be16 ports[2];

	if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)))
		return false;
	p->error = 1;
	copy6(p->of.saddr, ip.saddr.in6_u.u6_addr32);
	copy6(p->of.daddr, ip.daddr.in6_u.u6_addr32);
	p->of.proto = ip.nexthdr;
	if (!policy_has_ports(ip.nexthdr))
		return true;
	if (bpf_skb_load_bytes(skb, at + sizeof(ip), ports, sizeof(ports)))
		return false;
	p->of.sport = ports[0];
	p->of.dport = ports[1];
	return true;
}

static __always_inline bool policy_parse_icmp6(struct __sk_buff *skb, __u32 l4,
					       struct policy_packet6 *p)
{
	__be16 id;
	__u8 type;

	if (bpf_skb_load_bytes(skb, l4, &type, 1) || bpf_skb_load_bytes(skb, l4 + 4, &id, 2))
		return false;
	if (type == 128) /* echo */
		p->sport = id;
	else if (type == 129)
		p->dport = id;
	return type >= 128 || policy_parse_quoted6(skb, l4 + 8, p);
}

/* An IPv6 packet behind an Ethernet header; false: it is cut off. */
static __noinline int policy_parse6(struct __sk_buff *skb, struct policy_packet6 *p)
{
	__u32 l4 = ETH_HLEN + sizeof(struct ipv6hdr);
	struct ipv6hdr ip;
	__be16 ports[2];
	__u8 flags, next;
	int r;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)))
		return false;
	copy6(p->saddr, ip.saddr.in6_u.u6_addr32);
	copy6(p->daddr, ip.daddr.in6_u.u6_addr32);
	next = ip.nexthdr;
	r = ip6_skip(skb, &l4, &next);
	p->proto = next;
	if (r <= 0) {
		p->rest = 1;
		return r == 0;
	}
	if (next == IPPROTO_ICMPV6)
		return policy_parse_icmp6(skb, l4, p);
	if (!policy_has_ports(next))
		return true;
	if (bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
		return false;
	p->sport = ports[0];
	p->dport = ports[1];
	if (next != IPPROTO_TCP)
		return true;
	if (bpf_skb_load_bytes(skb, l4 + 13, &flags, 1))
		return false;
	p->tcp = 1;
	p->syn = (flags & 0x12) == 0x02;
	return true;
}

static __always_inline __u32 policy_id_of6(__u32 space, const __be32 addr[4])
{
	struct policy_block6_key bk = {.prefixlen = 160, .space = space};
	struct policy_id6_key k = {.space = space};
	struct policy_id6 *found;
	__u32 *block;

	copy6(k.addr, addr);
	found = bpf_map_lookup_elem(&ids6, &k);
	if (found) {
		__u32 id = found->id;

		if (same6(found->addr, addr))
			return id;
	}
	copy6(bk.addr, addr);
	block = bpf_map_lookup_elem(&blocks6, &bk);
	return block ? *block : 0;
}

/* `k` is the first member of a policy_conn6_key. */
static __noinline int policy_allows6(const struct policy_guard *g, const struct policy_conn6_key *k,
				     __u32 began)
{
	if (!(began == POLICY_IN ? g->in : g->out))
		return 1;
	return policy_allows_id(g, &k->k, began, policy_id_of6(g->space, k->peer));
}

static __always_inline int policy_allows6_k(const struct policy_guard *g,
					    const struct policy_conn_key *k, __u32 began)
{
	return policy_allows6(g, (const struct policy_conn6_key *)k, began);
}

static __noinline int policy_to_node6(struct __sk_buff *skb, const struct policy_packet6 *p)
{
	struct bpf_fib_lookup f = {.family = AF_INET6};

	f.ifindex = skb->ifindex;
	copy6(f.ipv6_src, p->saddr);
	copy6(f.ipv6_dst, p->daddr);
	return bpf_fib_lookup(skb, &f, sizeof(f), BPF_FIB_LOOKUP_SKIP_NEIGH) ==
	       BPF_FIB_LKUP_RET_NOT_FWDED;
}

static __noinline int policy_knows_quoted6(const struct policy_packet6 *p, __be32 pod, __u32 dir)
{
	struct policy_conn6_key k = {.k.proto = p->of.proto, .k.pod = pod};
	void *inner;
	__u32 zero = 0;

	copy6(k.peer, dir == POLICY_IN ? p->of.daddr : p->of.saddr);
	k.k.pod_port = dir == POLICY_IN ? p->of.sport : p->of.dport;
	k.k.peer_port = dir == POLICY_IN ? p->of.dport : p->of.sport;
	inner = bpf_map_lookup_elem(&conns6, &zero);
	return inner && bpf_map_lookup_elem(inner, &k) != NULL;
}

/* policy_pass; `pod` is the IPv4 address of the guarded pod. */
static __noinline int policy_pass6(struct __sk_buff *skb, const struct policy_packet6 *p,
				   __be32 pod, __u32 dir, int from_node)
{
	struct policy_conn6_key k = {.k.proto = p->proto, .k.pod = pod};
	struct policy_conn fresh = {}, *c;
	struct policy_guard g;
	__u32 zero = 0, began = dir;
	void *table;
	int ok;

	if (p->rest)
		return 1;
	copy6(k.peer, dir == POLICY_IN ? p->saddr : p->daddr);
	k.k.pod_port = dir == POLICY_IN ? p->dport : p->sport;
	k.k.peer_port = dir == POLICY_IN ? p->sport : p->dport;
	if (p->error) {
		policy_guard_of(pod, &g);
		return from_node || !(dir == POLICY_IN ? g.in : g.out) ||
		       policy_knows_quoted6(p, pod, dir);
	}
	table = bpf_map_lookup_elem(&conns6, &zero);
	c = table && !p->syn ? bpf_map_lookup_elem(table, &k) : NULL;
	if (c) {
		ok = policy_known(c, &k.k, p->tcp, dir, policy_allows6_k);
		if (ok >= 0)
			return ok;
	}
	policy_guard_of(pod, &g);
	ok = from_node || policy_allows6(&g, &k, dir);
	if (!ok && p->tcp && !p->syn) {
		began = dir ^ (POLICY_IN | POLICY_OUT);
		ok = policy_allows6(&g, &k, began);
	}
	fresh.flags = began | (from_node ? POLICY_NODE : 0);
	if (!ok && dir == POLICY_OUT && policy_to_node6(skb, p)) {
		fresh.flags = dir | POLICY_NODE;
		ok = 1;
	}
	if (!ok || !table)
		return ok;
	fresh.used_ns = bpf_ktime_get_coarse_ns();
	fresh.epoch = policy_epoch();
	bpf_map_update_elem(table, &k, &fresh, BPF_ANY);
	return ok;
}
#endif
