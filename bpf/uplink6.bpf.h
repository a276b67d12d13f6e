/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_UPLINK6_H
#define KNARR_BPF_UPLINK6_H
/*
 * Fronts on the uplink for IPv6, as uplink.bpf.c has them for IPv4; part of it, with its settings.
 * Fronts and backends are found by their short names (bpf/abi/lb.h). What is neither TCP nor UDP,
 * so neighbours' talk and ICMP errors, is left alone. Extension headers are walked up to
 * IP6_HEADERS; a packet with more is not translated.
 */
#include "bpf/ip6.bpf.h"

#ifndef BPF_F_IPV6
#define BPF_F_IPV6 (1ull << 7) /* Linux 6.16 */
#endif

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct pod_addr6);
	__type(value, struct pod_entry6);
} pods6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct ct_key6);
	__type(value, struct ct_entry6);
} conntrack6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct snat_key6);
	__type(value, struct ct_key6);
} snat_ports6 SEC(".maps");

/* The entry being made: on the stack there is no room for it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ct_entry6);
} fresh6 SEC(".maps");

/* The node's address on the uplink, and the one in its pod range; without the latter no IPv6. */
const volatile __be32 node_addr6[4] = {}, inner_addr6[4] = {};
const volatile bool has_ip6 = false;

struct packet6 {
	struct ct_key6 t;
	__u32 l4, check_at;
	__u8 syn, ends;
};

/* False: nothing to translate. */
static __always_inline bool parse6(struct __sk_buff *skb, struct packet6 *p)
{
	struct ipv6hdr ip;
	__u8 next, flags;

	p->l4 = IP_OFF + sizeof(ip);
	if (bpf_skb_load_bytes(skb, IP_OFF, &ip, sizeof(ip)))
		return false;
	copy6(p->t.saddr, ip.saddr.in6_u.u6_addr32);
	copy6(p->t.daddr, ip.daddr.in6_u.u6_addr32);
	next = ip.nexthdr;
	if (ip6_skip(skb, &p->l4, &next) != 1 || (next != IPPROTO_TCP && next != IPPROTO_UDP) ||
	    bpf_skb_load_bytes(skb, p->l4, &p->t.sport, 4))
		return false;
	p->t.proto = next;
	p->check_at = p->l4 + 6;
	if (next == IPPROTO_UDP)
		return true;
	if (bpf_skb_load_bytes(skb, p->l4 + 13, &flags, 1))
		return false;
	p->check_at = p->l4 + 16;
	p->syn = (flags & 0x12) == 0x02;
	p->ends = flags & 0x05;
	return true;
}

/*
 * A whole checksum the card reckoned has addresses and ports in it, whose change the header's
 * checksum takes back: kernels that know the flag leave it alone, others notice and count anew.
 */
static __always_inline void rewrite6(struct __sk_buff *skb, const struct packet6 *p,
				     const struct ct_key6 *to)
{
	__u64 flags = p->t.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__u32 was = *(const __u32 *)&p->t.sport, is = *(const __u32 *)&to->sport;
	__s64 diff = bpf_csum_diff((__be32 *)p->t.saddr, 32, (__be32 *)to->saddr, 32, 0);

	if (was != is) {
		bpf_l4_csum_replace(skb, p->check_at, was, is, flags | 4);
		bpf_skb_store_bytes(skb, p->l4, &is, 4, 0);
	}
	flags |= BPF_F_PSEUDO_HDR;
	if (bpf_l4_csum_replace(skb, p->check_at, 0, diff, flags | BPF_F_IPV6))
		bpf_l4_csum_replace(skb, p->check_at, 0, diff, flags);
	bpf_skb_store_bytes(skb, IP_OFF + offsetof(struct ipv6hdr, saddr), to->saddr, 32, 0);
}

static __always_inline void turn6(const struct ct_key6 *t, struct ct_key6 *ret)
{
	*ret = (struct ct_key6){.sport = t->dport, .dport = t->sport, .proto = t->proto};
	copy6(ret->saddr, t->daddr);
	copy6(ret->daddr, t->saddr);
}

static __noinline int ct_add6(const struct ct_key6 *from, const struct ct_key6 *to, __u32 flags,
			      __u32 ifindex)
{
	__u32 zero = 0;
	struct ct_entry6 *e = bpf_map_lookup_elem(&fresh6, &zero);
	struct ct_key6 back;

	if (!e)
		return 0;
	e->to = *to;
	e->used_ns = bpf_ktime_get_ns();
	e->flags = flags;
	e->ifindex = ifindex;
	if (bpf_map_update_elem(&conntrack6, from, e, BPF_ANY))
		return 0;
	turn6(to, &back);
	turn6(from, &e->to);
	e->flags |= CT_BACK;
	e->ifindex = 0;
	return bpf_map_update_elem(&conntrack6, &back, e, BPF_ANY) == 0;
}

static __always_inline struct ct_entry6 *ct_find6(const struct packet6 *p)
{
	struct ct_entry6 *e = bpf_map_lookup_elem(&conntrack6, &p->t);
	__u64 now;

	if (!e || (p->syn && (e->flags & CT_CLOSING)))
		return NULL;
	now = bpf_ktime_get_ns();
	if (now - e->used_ns > SECOND_NS)
		e->used_ns = now;
	if (p->ends)
		e->flags |= CT_CLOSING;
	return e;
}

static __noinline int snat_take6(struct ct_key6 *to, const struct ct_key6 *from)
{
	struct snat_key6 k = {.dport = to->dport, .proto = to->proto};
	__u32 start = bpf_get_prandom_u32();

	copy6(k.daddr, to->daddr);
	for (int i = 0; i < PORT_TRIES; i++) {
		k.port = bpf_htons(port_min + (start + i) % port_count);
		if (bpf_map_update_elem(&snat_ports6, &k, from, BPF_NOEXIST) == 0) {
			to->sport = k.port;
			return 1;
		}
	}
	return 0;
}

static __noinline int out6(struct __sk_buff *skb)
{
	struct packet6 p = {};
	struct ct_entry6 *e;
	struct ct_key6 to;

	if (!has_ip6 || !parse6(skb, &p))
		return TC_ACT_OK;
	e = ct_find6(&p);
	if (!e)
		return TC_ACT_OK;
	to = e->to;
	count(NET_REASON_NODE_PORT_BACK);
	rewrite6(skb, &p, &to);
	return TC_ACT_OK;
}

static __always_inline bool fits_overlay6(struct __sk_buff *skb, const struct packet6 *p)
{
	__u32 len = skb->len - ETH_HLEN;
	__u8 words = 0;

	if (skb->gso_size && p->t.proto == IPPROTO_TCP &&
	    bpf_skb_load_bytes(skb, p->l4 + 12, &words, 1) == 0)
		len = p->l4 - ETH_HLEN + (words >> 4) * 4 + skb->gso_size;
	return len <= overlay_mtu;
}

static __always_inline int deliver6(struct __sk_buff *skb, const struct packet6 *p,
				    const struct ct_key6 *to, bool out, __u32 ifindex)
{
	struct pod_entry6 *pod;

	if (out) {
		if (ifindex && !fits_overlay6(skb, p))
			return drop(NET_REASON_TOO_BIG);
		return bpf_redirect_neigh(ifindex ? ifindex : uplink, NULL, 0, 0);
	}
	pod = bpf_map_lookup_elem(&pods6, to->daddr);
	if (!pod || pod->flags & POD_GUARDED)
		return TC_ACT_OK;
	return bpf_redirect_peer(pod->ifindex, 0);
}

static __noinline int overlay_to6(struct __sk_buff *skb, const struct ct_key6 *to)
{
	struct bpf_fib_lookup f = {.family = AF_INET6, .ifindex = skb->ifindex};

	if (!overlay)
		return 0;
	copy6(f.ipv6_src, (const __be32 *)inner_addr6);
	copy6(f.ipv6_dst, to->daddr);
	if (bpf_fib_lookup(skb, &f, sizeof(f), BPF_FIB_LOOKUP_SKIP_NEIGH) !=
	    BPF_FIB_LKUP_RET_SUCCESS)
		return 0;
	return f.ifindex == overlay ? overlay : 0;
}

static __always_inline bool find_front6(const struct packet6 *p, struct lb_svc_key *key,
					struct lb_svc *svc)
{
	struct lb_slot at = {};

	if (!name_get(p->t.daddr, &at))
		return false;
	*key = (struct lb_svc_key){.addr = at.addr,
				   .port = p->t.dport,
				   .proto = p->t.proto | LB_V6,
				   .scope = LB_SCOPE_OUTSIDE};
	if (svc_get(key, svc))
		return true;
	if (!(at.flags & LB_SLOT_NODE))
		return false;
	key->addr = 0;
	return svc_get(key, svc);
}

static __noinline int may_use6(const struct packet6 *p, const struct lb_svc_key *key)
{
	struct lb_source6_key k = {.prefixlen = 192, .svc = *key};

	copy6(k.saddr, p->t.saddr);
	return bpf_map_lookup_elem(&sources6, &k) != NULL;
}

/* Two clients with one number share their backend. */
static __always_inline __u64 client6(const __be32 a[4])
{
	__u64 hi = (__u64)a[0] << 32 | a[1], lo = (__u64)a[2] << 32 | a[3];

	return hi * 0x9e3779b97f4a7c15ull ^ lo;
}

/* The backend's address and port, in `to`. 0: none, 1: it is on another node, 2: on this one. */
static __noinline int choose6(const struct packet6 *p, const struct lb_svc_key *key,
			      const struct lb_svc *svc, struct ct_key6 *to)
{
	struct lb_slot b = {};
	struct lb_addr6 a;

	if (!svc_pick(key, svc, client6(p->t.saddr), &b))
		return 0;
	if (!addr6_get(b.addr, &a)) {
		count(NET_REASON_BACKEND_BAD);
		return 0;
	}
	copy6(to->daddr, a.addr);
	to->dport = b.port;
	if (bpf_map_lookup_elem(&pods6, to->daddr))
		return 2;
	return name_get(to->daddr, &b) && b.flags & LB_SLOT_NODE ? 2 : 1;
}

static __always_inline int to_front6(struct __sk_buff *skb, const struct packet6 *p,
				     const struct lb_svc_key *key, const struct lb_svc *svc,
				     struct ct_key6 *to)
{
	__u32 ifindex = 0;
	int where;

	if (svc->flags & LB_SVC_SOURCES && !may_use6(p, key))
		return drop(NET_REASON_NOT_ALLOWED);
	if (!svc->count)
		return drop(svc->flags & LB_SVC_EMPTY_DROP ? NET_REASON_NO_LOCAL
							   : NET_REASON_NO_ENDPOINTS);
	*to = p->t;
	where = choose6(p, key, svc, to);
	if (!where)
		return TC_ACT_SHOT;
	if (where == 1) {
		ifindex = overlay_to6(skb, to);
		copy6(to->saddr,
		      (const __be32 *)(ifindex || !node_addr6[0] ? inner_addr6 : node_addr6));
		if (!snat_take6(to, &p->t))
			return drop(NET_REASON_MASQ_NO_PORT);
	}
	if (!ct_add6(&p->t, to, CT_FROM_OUTSIDE | (where == 1 ? CT_OUT : 0), ifindex))
		return drop(NET_REASON_MASQ_FULL);
	count(NET_REASON_NODE_PORT);
	rewrite6(skb, p, to);
	return deliver6(skb, p, to, where == 1, ifindex);
}

static __noinline int in6(struct __sk_buff *skb)
{
	struct lb_svc_key key = {};
	struct lb_svc svc = {};
	struct packet6 p = {};
	struct ct_entry6 *e;
	struct ct_key6 to;

	if (!has_ip6 || !parse6(skb, &p))
		return TC_ACT_OK;
	e = ct_find6(&p);
	if (e) {
		__u32 flags = e->flags, ifindex = e->ifindex;

		to = e->to;
		count(flags & CT_BACK ? NET_REASON_NODE_PORT_BACK : NET_REASON_NODE_PORT);
		rewrite6(skb, &p, &to);
		return deliver6(skb, &p, &to, flags & CT_OUT, ifindex);
	}
	return find_front6(&p, &key, &svc) ? to_front6(skb, &p, &key, &svc, &to) : TC_ACT_OK;
}
#endif
