/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_POLICY_H
#define KNARR_BPF_POLICY_H
/*
 * May this packet of a guarded pod pass? Both ways go through here: pod_out asks for the sender
 * and, if it is a pod of this node, for the receiver; pod_in for what the node's stack delivers.
 *
 * Connections are remembered as the pod sees them, so answers pass whatever the other direction's
 * rules are. When the rules change (epoch) a connection is judged again by who began it. A TCP
 * segment without SYN of a connection that nobody remembers (it is older than the rules, or fell
 * out of the LRU) passes if it could have been begun by either side: without a SYN none comes to
 * be.
 */
#include "bpf/common.bpf.h"
#include "bpf/abi/policy.h"
#include <linux/if_ether.h>
#include <linux/ip.h>

#define POLICY_IDLE_NS (180 * 1000000000ull) /* all but TCP */
#define POLICY_IDLE_TCP_NS (86400 * 1000000000ull)
#define POLICY_COARSE_NS 1000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __be32);
	__type(value, struct policy_guard);
} guards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct policy_id_key);
	__type(value, struct policy_id);
} ids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct policy_block_key);
	__type(value, __u32);
} blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct policy_row_key);
	__type(value, struct policy_row);
} rows SEC(".maps");

/* An LRU is allocated whole: the inner map is only there while a pod is guarded. */
struct policy_conns {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, POLICY_CONNS_MAX);
	__uint(key_size, sizeof(struct policy_conn_key));
	__uint(value_size, sizeof(struct policy_conn));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct policy_conns);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} epoch SEC(".maps");

struct policy_packet {
	__be32 saddr, daddr;
	__be16 sport, dport;
	__u8 proto;
	__u8 tcp, syn; /* SYN without ACK */
	__u8 rest; /* a later fragment: without the first it is worth nothing */
	__u8 error; /* ICMP, about the packet `of`, which went the other way */
	struct {
		__be32 saddr, daddr;
		__be16 sport, dport;
		__u8 proto;
	} of;
};

static __always_inline bool policy_has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE;
}

static __always_inline bool policy_parse_icmp(struct __sk_buff *skb, __u32 l4,
					      struct policy_packet *p)
{
	struct iphdr quoted;
	__be16 ports[2];
	__be16 id;
	__u8 type;

	if (bpf_skb_load_bytes(skb, l4, &type, 1) || bpf_skb_load_bytes(skb, l4 + 4, &id, 2))
		return false;
	if (type == 8) /* echo */
		p->sport = id;
	else if (type == 0)
		p->dport = id;
	if (type != 3 && type != 11 && type != 12) /* unreachable, time, parameter */
		return true;
	if (bpf_skb_load_bytes(skb, l4 + 8, &quoted, sizeof(quoted)) || quoted.ihl < 5)
		return false;
	p->error = 1;
	p->of.saddr = quoted.saddr;
	p->of.daddr = quoted.daddr;
	p->of.proto = quoted.protocol;
	if (!policy_has_ports(quoted.protocol))
		return true;
	if (bpf_skb_load_bytes(skb, l4 + 8 + quoted.ihl * 4, ports, sizeof(ports)))
		return false;
	p->of.sport = ports[0];
	p->of.dport = ports[1];
	return true;
}

/* An IPv4 packet behind an Ethernet header; false: it is cut off. */
static __noinline int policy_parse(struct __sk_buff *skb, struct policy_packet *p)
{
	struct iphdr ip;
	__be16 ports[2];
	__u8 flags;
	__u32 l4;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || ip.ihl < 5)
		return false;
	p->saddr = ip.saddr;
	p->daddr = ip.daddr;
	p->proto = ip.protocol;
	l4 = ETH_HLEN + ip.ihl * 4;
	if (ip.frag_off & bpf_htons(0x1fff)) {
		p->rest = 1;
		return true;
	}
	if (ip.protocol == IPPROTO_ICMP)
		return policy_parse_icmp(skb, l4, p);
	if (!policy_has_ports(ip.protocol))
		return true;
	if (bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
		return false;
	p->sport = ports[0];
	p->dport = ports[1];
	if (ip.protocol != IPPROTO_TCP)
		return true;
	if (bpf_skb_load_bytes(skb, l4 + 13, &flags, 1))
		return false;
	p->tcp = 1;
	p->syn = (flags & 0x12) == 0x02;
	return true;
}

static __always_inline __u32 policy_id_of(__u32 space, __be32 addr)
{
	struct policy_block_key bk = {.prefixlen = 64, .space = space, .addr = addr};
	struct policy_id_key k = {.space = space, .addr = addr};
	struct policy_id *found = bpf_map_lookup_elem(&ids, &k);
	__u32 *block;

	if (found) {
		__u32 id = found->id;

		if (found->addr == addr)
			return id;
	}
	block = bpf_map_lookup_elem(&blocks, &bk);
	return block ? *block : 0;
}

struct policy_search {
	struct policy_row_key key;
	__u16 port;
	__u8 proto, yes, any;
};

static long policy_search_chunk(__u32 chunk, void *data)
{
	struct policy_search *s = data;
	struct policy_row *row;

	s->key.chunk = chunk;
	row = bpf_map_lookup_elem(&rows, &s->key);
	if (!row)
		return 1;
	s->any = 1;
	for (__u32 i = 0; i < POLICY_RANGES; i++) {
		const struct policy_range *r = &row->ranges[i];

		if (i >= row->n)
			break;
		if ((!r->proto || r->proto == s->proto) && s->port >= r->min && s->port <= r->max) {
			s->yes = 1;
			return 1;
		}
	}
	return !row->more;
}

/* The same with the peer's identity, where the direction has rules. */
static __always_inline int policy_allows_id(const struct policy_guard *g,
					    const struct policy_conn_key *k, __u32 began, __u32 id)
{
	struct policy_search s = {.proto = k->proto};

	s.key.space = g->space;
	s.key.group = began == POLICY_IN ? g->in : g->out;
	s.port = policy_has_ports(k->proto)
			 ? bpf_ntohs(began == POLICY_IN ? k->pod_port : k->peer_port)
			 : 0;
	s.key.id = id;
	bpf_loop(POLICY_CHUNKS, policy_search_chunk, &s, 0);
	if (s.any || !s.key.id)
		return s.yes;
	s.key.id = 0;
	bpf_loop(POLICY_CHUNKS, policy_search_chunk, &s, 0);
	return s.yes;
}

/* By the rules alone: may a connection that POLICY_IN or POLICY_OUT began exist? */
static __noinline int policy_allows(const struct policy_guard *g, const struct policy_conn_key *k,
				    __u32 began)
{
	if (!(began == POLICY_IN ? g->in : g->out))
		return 1;
	return policy_allows_id(g, k, began, policy_id_of(g->space, k->peer));
}

/* Will the stack keep it? What a pod sends to its own node passes. */
static __noinline int policy_to_node(struct __sk_buff *skb, __be32 saddr, __be32 daddr)
{
	struct bpf_fib_lookup f = {.family = AF_INET};

	f.ifindex = skb->ifindex;
	f.ipv4_src = saddr;
	f.ipv4_dst = daddr;
	return bpf_fib_lookup(skb, &f, sizeof(f), BPF_FIB_LOOKUP_SKIP_NEIGH) ==
	       BPF_FIB_LKUP_RET_NOT_FWDED;
}

static __always_inline __u32 policy_epoch(void)
{
	__u32 zero = 0, *e = bpf_map_lookup_elem(&epoch, &zero);

	return e ? *e : 0;
}

static __always_inline void policy_guard_of(__be32 pod, struct policy_guard *ret)
{
	struct policy_guard *g = bpf_map_lookup_elem(&guards, &pod);

	/* Guarded and no rules yet: nothing may pass but what the node does. */
	*ret = (struct policy_guard){.in = 1, .out = 1};
	if (g)
		*ret = *g;
}

typedef int (*policy_allows_fn)(const struct policy_guard *g, const struct policy_conn_key *k,
				__u32 began);

/*
 * A remembered connection's packet: 1 pass, 0 drop, -1: look at it as a new one. `allows` is of the
 * family, and known when this is compiled.
 */
static __always_inline int policy_known(struct policy_conn *c, const struct policy_conn_key *k,
					const __u8 tcp, __u32 dir, policy_allows_fn allows)
{
	__u64 used = c->used_ns, now = bpf_ktime_get_coarse_ns(); /* in this order */
	__u32 flags = c->flags, at = policy_epoch();
	struct policy_guard g;

	if ((__s64)(now - used) > (__s64)(tcp ? POLICY_IDLE_TCP_NS : POLICY_IDLE_NS))
		return -1;
	if (c->epoch != at && !(flags & POLICY_NODE)) {
		policy_guard_of(k->pod, &g);
		if (allows(&g, k, flags & (POLICY_IN | POLICY_OUT)))
			flags &= ~POLICY_DENIED;
		else
			flags |= POLICY_DENIED;
		c->flags = flags;
		c->epoch = at;
	}
	if (flags & POLICY_DENIED)
		return tcp || (flags & dir) ? 0 : -1;
	if ((__s64)(now - used) > (__s64)POLICY_COARSE_NS)
		c->used_ns = now;
	return 1;
}

static __noinline int policy_knows_quoted(const struct policy_packet *p, __u32 dir)
{
	struct policy_conn_key k = {.proto = p->of.proto};
	void *inner;
	__u32 zero = 0;

	/* What comes in is about something the pod sent. */
	k.pod = dir == POLICY_IN ? p->of.saddr : p->of.daddr;
	k.peer = dir == POLICY_IN ? p->of.daddr : p->of.saddr;
	k.pod_port = dir == POLICY_IN ? p->of.sport : p->of.dport;
	k.peer_port = dir == POLICY_IN ? p->of.dport : p->of.sport;
	inner = bpf_map_lookup_elem(&conns, &zero);
	return inner && bpf_map_lookup_elem(inner, &k) != NULL;
}

/*
 * The packet comes to (POLICY_IN) or from (POLICY_OUT) the guarded pod. from_node: a process of the
 * pod's own node sent it.
 */
static __noinline int policy_pass(struct __sk_buff *skb, const struct policy_packet *p, __u32 dir,
				  int from_node)
{
	struct policy_conn_key k = {.proto = p->proto};
	struct policy_conn fresh = {}, *c;
	struct policy_guard g;
	__u32 zero = 0, began = dir;
	void *table;
	int ok;

	if (p->rest)
		return 1;
	k.pod = dir == POLICY_IN ? p->daddr : p->saddr;
	k.peer = dir == POLICY_IN ? p->saddr : p->daddr;
	k.pod_port = dir == POLICY_IN ? p->dport : p->sport;
	k.peer_port = dir == POLICY_IN ? p->sport : p->dport;
	if (p->error) {
		policy_guard_of(k.pod, &g);
		return from_node || !(dir == POLICY_IN ? g.in : g.out) ||
		       policy_knows_quoted(p, dir);
	}
	table = bpf_map_lookup_elem(&conns, &zero);
	c = table && !p->syn ? bpf_map_lookup_elem(table, &k) : NULL;
	if (c) {
		ok = policy_known(c, &k, p->tcp, dir, policy_allows);
		if (ok >= 0)
			return ok;
	}
	policy_guard_of(k.pod, &g);
	ok = from_node || policy_allows(&g, &k, dir);
	if (!ok && p->tcp && !p->syn) {
		began = dir ^ (POLICY_IN | POLICY_OUT);
		ok = policy_allows(&g, &k, began);
	}
	fresh.flags = began | (from_node ? POLICY_NODE : 0);
	if (!ok && dir == POLICY_OUT && policy_to_node(skb, k.pod, k.peer)) {
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
