/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * tc programs of the node's uplink: masquerade of pods, and services for clients outside.
 *
 *   uplink_out  pod -> outside              src becomes node:port; other nodes are not outside,
 *                                           they also answer fronts with our pods (below)
 *               local backend -> client     src becomes the front again
 *   uplink_in   outside -> node:port        dst becomes the pod again
 *               client -> front             dst becomes a backend: a local one keeps the client's
 *                                           address; for one on another node src becomes node:port
 *                                           and the packet goes straight out again, or into the
 *                                           overlay with the node's inner address
 *
 * Each connection has one conntrack entry a direction, holding the whole tuple to write. IP
 * fragments behind the first have no ports: where they would need translation they are dropped
 * and counted.
 */
#include "bpf/svc.bpf.h"
#include "bpf/abi/pod.h"
#include "bpf/abi/uplink.h"
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#define IP_OFF ETH_HLEN
#define ICMP_ECHOREPLY 0
#define ICMP_ECHO 8
#define ICMP_UNREACHABLE 3
#define ICMP_TIME_EXCEEDED 11
#define PORT_TRIES 32
#define SECOND_NS 1000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __be32);
	__type(value, struct pod_entry);
} pods SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct ct_key);
	__type(value, struct ct_entry);
} conntrack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct snat_key);
	__type(value, struct ct_key);
} snat_ports SEC(".maps");

/* Addresses of other nodes: they have routes to our pods. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 8192);
	__type(key, __be32);
	__type(value, __u8);
} peers SEC(".maps");

const volatile __be32 node_addr = 0;
const volatile __be32 cluster_addr = 0, cluster_mask = 0;
const volatile __u16 port_min = 61000, port_count = 4536;
const volatile __u32 uplink = 0;
/* Set when there is one: nodes behind a router are reached by it. */
volatile __u32 overlay = 0, overlay_mtu = 0;
volatile __be32 overlay_addr = 0;

struct packet {
	struct ct_key t;
	__u32 l4; /* offset */
	__u32 port_at[2]; /* offsets of source and destination port, 0: none */
	__u32 check_at;
	bool syn, ends, fragment;
};

static __always_inline bool in_cluster(__be32 addr)
{
	return (addr & cluster_mask) == cluster_addr;
}

static __always_inline int drop(enum net_reason reason)
{
	count(reason);
	return TC_ACT_SHOT;
}

#include "bpf/uplink6.bpf.h"

static __always_inline bool parse_tcp(struct __sk_buff *skb, struct packet *p)
{
	__u8 flags;

	if (bpf_skb_load_bytes(skb, p->l4, &p->t.sport, 4) ||
	    bpf_skb_load_bytes(skb, p->l4 + 13, &flags, 1))
		return false;
	p->syn = (flags & 0x12) == 0x02; /* SYN without ACK */
	p->ends = flags & 0x05; /* FIN, RST */
	p->port_at[0] = p->l4;
	p->port_at[1] = p->l4 + 2;
	p->check_at = p->l4 + 16;
	return true;
}

static __always_inline bool parse_udp(struct __sk_buff *skb, struct packet *p)
{
	if (bpf_skb_load_bytes(skb, p->l4, &p->t.sport, 4))
		return false;
	p->port_at[0] = p->l4;
	p->port_at[1] = p->l4 + 2;
	p->check_at = p->l4 + 6;
	return true;
}

/* Echo only. */
static __always_inline bool parse_icmp(struct __sk_buff *skb, struct packet *p)
{
	__be16 id;
	__u8 type;

	if (bpf_skb_load_bytes(skb, p->l4, &type, 1) || bpf_skb_load_bytes(skb, p->l4 + 4, &id, 2))
		return false;
	if (type == ICMP_ECHO) {
		p->t.sport = id;
		p->port_at[0] = p->l4 + 4;
	} else if (type == ICMP_ECHOREPLY) {
		p->t.dport = id;
		p->port_at[1] = p->l4 + 4;
	} else {
		return false;
	}
	p->check_at = p->l4 + 2;
	return true;
}

static __always_inline bool parse(struct __sk_buff *skb, struct packet *p)
{
	struct iphdr ip;

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, IP_OFF, &ip, sizeof(ip)) || ip.ihl < 5)
		return false;
	p->t.saddr = ip.saddr;
	p->t.daddr = ip.daddr;
	p->t.proto = ip.protocol;
	p->l4 = IP_OFF + ip.ihl * 4;
	if (ip.frag_off & bpf_htons(0x1fff)) {
		p->fragment = true;
		return true;
	}
	switch (ip.protocol) {
	case IPPROTO_TCP:
		return parse_tcp(skb, p);
	case IPPROTO_UDP:
		return parse_udp(skb, p);
	case IPPROTO_ICMP:
		return parse_icmp(skb, p);
	}
	return false;
}

static __always_inline void set_addr(struct __sk_buff *skb, const struct packet *p, __u32 at,
				     __be32 old, __be32 new)
{
	__u64 flags = BPF_F_PSEUDO_HDR | sizeof(new);

	if (old == new)
		return;
	if (p->t.proto == IPPROTO_UDP)
		flags |= BPF_F_MARK_MANGLED_0;
	if (p->t.proto != IPPROTO_ICMP)
		bpf_l4_csum_replace(skb, p->check_at, old, new, flags);
	bpf_l3_csum_replace(skb, IP_OFF + offsetof(struct iphdr, check), old, new, sizeof(new));
	bpf_skb_store_bytes(skb, at, &new, sizeof(new), 0);
}

static __always_inline void set_port(struct __sk_buff *skb, const struct packet *p, __u32 at,
				     __be16 old, __be16 new)
{
	__u64 flags = sizeof(new);

	if (!at || old == new)
		return;
	if (p->t.proto == IPPROTO_UDP)
		flags |= BPF_F_MARK_MANGLED_0;
	bpf_l4_csum_replace(skb, p->check_at, old, new, flags);
	bpf_skb_store_bytes(skb, at, &new, sizeof(new), 0);
}

static __always_inline void rewrite(struct __sk_buff *skb, const struct packet *p,
				    const struct ct_key *to)
{
	set_port(skb, p, p->port_at[0], p->t.sport, to->sport);
	set_port(skb, p, p->port_at[1], p->t.dport, to->dport);
	set_addr(skb, p, IP_OFF + offsetof(struct iphdr, saddr), p->t.saddr, to->saddr);
	set_addr(skb, p, IP_OFF + offsetof(struct iphdr, daddr), p->t.daddr, to->daddr);
}

static __always_inline void turn(const struct ct_key *t, struct ct_key *ret)
{
	*ret = (struct ct_key){.saddr = t->daddr,
			       .daddr = t->saddr,
			       .sport = t->dport,
			       .dport = t->sport,
			       .proto = t->proto};
}

/* Note a connection: `from` becomes `to`, and its answers the other way round. */
static __always_inline bool ct_add(const struct ct_key *from, const struct ct_key *to, __u32 flags,
				   __u32 ifindex)
{
	struct ct_entry e = {
		.to = *to, .used_ns = bpf_ktime_get_ns(), .flags = flags, .ifindex = ifindex};
	struct ct_key back;

	if (bpf_map_update_elem(&conntrack, from, &e, BPF_ANY))
		return false;
	turn(to, &back);
	turn(from, &e.to);
	e.flags |= CT_BACK;
	e.ifindex = 0;
	return bpf_map_update_elem(&conntrack, &back, &e, BPF_ANY) == 0;
}

/* The entry of a packet; a new connection on an old one's tuple starts over. */
static __always_inline struct ct_entry *ct_find(const struct packet *p)
{
	struct ct_entry *e = bpf_map_lookup_elem(&conntrack, &p->t);
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

/* A source port nobody else uses towards this destination: to->sport. */
static __always_inline bool snat_take(struct ct_key *to, const struct ct_key *from)
{
	struct snat_key k = {.daddr = to->daddr, .dport = to->dport, .proto = to->proto};
	__u32 start = bpf_get_prandom_u32();

	for (int i = 0; i < PORT_TRIES; i++) {
		k.port = bpf_htons(port_min + (start + i) % port_count);
		if (bpf_map_update_elem(&snat_ports, &k, from, BPF_NOEXIST) == 0) {
			to->sport = k.port;
			return true;
		}
	}
	return false;
}

/*
 * An ICMP error about a packet of a connection that is translated: whoever sent that packet must
 * find it, and the addresses, as it knows them. The quoted packet is the connection's other
 * direction, so its answers' entry tells. (RFC 5508 section 4.2.) Without it a pod never learns
 * that a path is narrow.
 */
struct quoted {
	struct iphdr ip;
	__be16 sport, dport;
	__be32 rest; /* of the 8 bytes that every error has */
};
_Static_assert(sizeof(struct quoted) == 28, "quoted");

static __always_inline bool icmp_is_error(struct __sk_buff *skb, __u32 at)
{
	__u8 type;

	return bpf_skb_load_bytes(skb, at, &type, 1) == 0 &&
	       (type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED);
}

static __always_inline __sum16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__sum16)~sum;
}

static __always_inline void set_outer(struct __sk_buff *skb, __u32 at, __be32 old, __be32 new)
{
	bpf_l3_csum_replace(skb, IP_OFF + offsetof(struct iphdr, check), old, new, sizeof(new));
	bpf_skb_store_bytes(skb, at, &new, sizeof(new), 0);
}

/* True: it was one of ours; ret says where the quoted packet's sender is now. */
static __always_inline bool icmp_error(struct __sk_buff *skb, struct ct_entry *ret)
{
	struct ct_key sent = {}, answer;
	struct quoted was, is;
	struct ct_entry *e;
	struct iphdr ip;
	__u32 icmp = IP_OFF + sizeof(ip), diff;

	if (skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, IP_OFF, &ip, sizeof(ip)) || ip.ihl != 5 ||
	    ip.protocol != IPPROTO_ICMP || ip.frag_off & bpf_htons(0x1fff) ||
	    !icmp_is_error(skb, icmp) || bpf_skb_load_bytes(skb, icmp + 8, &was, sizeof(was)) ||
	    was.ip.ihl != 5 || was.ip.frag_off & bpf_htons(0x1fff) ||
	    (was.ip.protocol != IPPROTO_TCP && was.ip.protocol != IPPROTO_UDP))
		return false;
	sent.saddr = was.ip.saddr;
	sent.daddr = was.ip.daddr;
	sent.sport = was.sport;
	sent.dport = was.dport;
	sent.proto = was.ip.protocol;
	turn(&sent, &answer);
	e = bpf_map_lookup_elem(&conntrack, &answer);
	if (!e)
		return false;
	*ret = *e;
	is = was;
	is.ip.saddr = ret->to.daddr;
	is.ip.daddr = ret->to.saddr;
	is.sport = ret->to.dport;
	is.dport = ret->to.sport;
	is.ip.check = 0;
	is.ip.check = fold(bpf_csum_diff(NULL, 0, (__be32 *)&is.ip, sizeof(is.ip), 0));
	diff = bpf_csum_diff((__be32 *)&was, sizeof(was), (__be32 *)&is, sizeof(is), 0);
	bpf_l4_csum_replace(skb, icmp + 2, 0, diff, 0);
	bpf_skb_store_bytes(skb, icmp + 8, &is, sizeof(is), 0);
	if (ip.saddr == was.ip.daddr)
		set_outer(skb, IP_OFF + offsetof(struct iphdr, saddr), ip.saddr, is.ip.daddr);
	if (ip.daddr == was.ip.saddr)
		set_outer(skb, IP_OFF + offsetof(struct iphdr, daddr), ip.daddr, is.ip.saddr);
	count(NET_REASON_ICMP_ERROR);
	return true;
}

static __always_inline int masquerade(struct __sk_buff *skb, const struct packet *p)
{
	struct ct_key to = p->t;

	to.saddr = node_addr;
	if (!snat_take(&to, &p->t))
		return drop(NET_REASON_MASQ_NO_PORT);
	if (!ct_add(&p->t, &to, CT_OUT, 0))
		return drop(NET_REASON_MASQ_FULL);
	count(NET_REASON_MASQ);
	rewrite(skb, p, &to);
	return TC_ACT_OK;
}

SEC("tc")
int uplink_out(struct __sk_buff *skb)
{
	struct packet p = {};
	struct ct_entry *e, of = {};
	bool leaves;

	if (!parse(skb, &p)) {
		if (skb->protocol == bpf_htons(ETH_P_IPV6))
			return out6(skb);
		icmp_error(skb, &of);
		return TC_ACT_OK;
	}
	leaves = in_cluster(p.t.saddr) && !in_cluster(p.t.daddr);
	if (p.fragment)
		return leaves ? drop(NET_REASON_FRAGMENT) : TC_ACT_OK;
	e = ct_find(&p);
	if (e) {
		struct ct_key to = e->to;

		count(e->flags & CT_FROM_OUTSIDE ? NET_REASON_NODE_PORT_BACK : NET_REASON_MASQ);
		rewrite(skb, &p, &to);
		return TC_ACT_OK;
	}
	if (!leaves || bpf_map_lookup_elem(&peers, &p.t.daddr))
		return TC_ACT_OK;
	return masquerade(skb, &p);
}

/* One packet, or each one that a large segment is cut into. */
static __always_inline bool fits_overlay(struct __sk_buff *skb, const struct packet *p)
{
	__u32 len = skb->len - ETH_HLEN;
	__u8 words = 0;

	if (skb->gso_size && p->t.proto == IPPROTO_TCP &&
	    bpf_skb_load_bytes(skb, p->l4 + 12, &words, 1) == 0)
		len = p->l4 - ETH_HLEN + (words >> 4) * 4 + skb->gso_size;
	return len <= overlay_mtu;
}

/* Where a packet goes after its destination was changed on the way in. */
static __always_inline int deliver(struct __sk_buff *skb, const struct packet *p,
				   const struct ct_key *to, bool out, __u32 ifindex)
{
	struct pod_entry *pod;

	if (out) { /* its source is ours: the stack would take it for a martian */
		if (ifindex && !fits_overlay(skb, p))
			return drop(NET_REASON_TOO_BIG);
		return bpf_redirect_neigh(ifindex ? ifindex : uplink, NULL, 0, 0);
	}
	pod = bpf_map_lookup_elem(&pods, &to->daddr);
	if (!pod || pod->flags & POD_GUARDED) /* by the stack it meets pod_in */
		return TC_ACT_OK;
	return bpf_redirect_peer(pod->ifindex, 0);
}

/* Is the way to a pod of another node the overlay? Its link, else 0. Once a connection. */
static __always_inline __u32 overlay_to(struct __sk_buff *skb, __be32 daddr)
{
	struct bpf_fib_lookup f = {
		.family = AF_INET, .ifindex = skb->ifindex, .ipv4_src = node_addr};

	f.ipv4_dst = daddr;
	if (!overlay || !in_cluster(daddr))
		return 0;
	if (bpf_fib_lookup(skb, &f, sizeof(f), BPF_FIB_LOOKUP_SKIP_NEIGH) !=
	    BPF_FIB_LKUP_RET_SUCCESS)
		return 0;
	return f.ifindex == overlay ? overlay : 0;
}

static __always_inline bool find_front(const struct packet *p, struct lb_svc_key *key,
				       struct lb_svc *svc)
{
	*key = (struct lb_svc_key){.addr = p->t.daddr,
				   .port = p->t.dport,
				   .proto = p->t.proto,
				   .scope = LB_SCOPE_OUTSIDE};
	if (svc_get(key, svc))
		return true;
	if (!bpf_map_lookup_elem(&node_addrs, &p->t.daddr))
		return false;
	key->addr = 0;
	return svc_get(key, svc);
}

static __always_inline bool may_use(const struct packet *p, const struct lb_svc_key *key,
				    const struct lb_svc *svc)
{
	struct lb_source_key k = {.prefixlen = 96, .svc = *key, .saddr = p->t.saddr};

	return !(svc->flags & LB_SVC_SOURCES) || bpf_map_lookup_elem(&sources, &k);
}

static __always_inline int to_front(struct __sk_buff *skb, const struct packet *p,
				    const struct lb_svc_key *key, const struct lb_svc *svc)
{
	struct ct_key to = p->t;
	struct lb_slot b = {};
	__u32 ifindex = 0;
	bool local;

	if (!may_use(p, key, svc))
		return drop(NET_REASON_NOT_ALLOWED);
	if (!svc->count)
		return drop(svc->flags & LB_SVC_EMPTY_DROP ? NET_REASON_NO_LOCAL
							   : NET_REASON_NO_ENDPOINTS);
	if (!svc_pick(key, svc, p->t.saddr, &b))
		return TC_ACT_SHOT;
	to.daddr = b.addr;
	to.dport = b.port;
	local = bpf_map_lookup_elem(&pods, &b.addr) || bpf_map_lookup_elem(&node_addrs, &b.addr);
	if (!local) {
		ifindex = overlay_to(skb, b.addr);
		to.saddr = ifindex ? overlay_addr : node_addr;
		if (!snat_take(&to, &p->t))
			return drop(NET_REASON_MASQ_NO_PORT);
	}
	if (!ct_add(&p->t, &to, CT_FROM_OUTSIDE | (local ? 0 : CT_OUT), ifindex))
		return drop(NET_REASON_MASQ_FULL);
	count(NET_REASON_NODE_PORT);
	rewrite(skb, p, &to);
	return deliver(skb, p, &to, !local, ifindex);
}

SEC("tc")
int uplink_in(struct __sk_buff *skb)
{
	struct lb_svc_key key = {};
	struct lb_svc svc = {};
	struct packet p = {};
	struct ct_entry *e, of = {};

	if (!parse(skb, &p)) {
		if (skb->protocol == bpf_htons(ETH_P_IPV6))
			return in6(skb);
		if (!icmp_error(skb, &of))
			return TC_ACT_OK;
		return deliver(skb, &p, &of.to, (of.flags & CT_FROM_OUTSIDE) && (of.flags & CT_OUT),
			       of.ifindex);
	}
	if (p.fragment)
		return TC_ACT_OK;
	e = ct_find(&p);
	if (e) {
		struct ct_key to = e->to;
		__u32 flags = e->flags, ifindex = e->ifindex;

		if (flags & CT_FROM_OUTSIDE)
			count(flags & CT_BACK ? NET_REASON_NODE_PORT_BACK : NET_REASON_NODE_PORT);
		else
			count(NET_REASON_MASQ_BACK);
		rewrite(skb, &p, &to);
		return deliver(skb, &p, &to, (flags & CT_FROM_OUTSIDE) && (flags & CT_OUT),
			       ifindex);
	}
	if (p.t.proto != IPPROTO_ICMP && find_front(&p, &key, &svc))
		return to_front(skb, &p, &key, &svc);
	return TC_ACT_OK;
}
