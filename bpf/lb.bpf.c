/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The socket load balancer: cgroup sock_addr programs. connect() to a service becomes connect()
 * to one of its backends; what the socket is told about its peer is turned back. One program a
 * hook, no tail calls.
 *
 *   connect4/6      choose; remember it in tcp_peers, for connected UDP in sk_storage
 *   sendmsg4/6      unconnected UDP: choose per flow, remember in udp_flows
 *   recvmsg4/6      UDP: backend -> service in the source address
 *   getpeername4/6  backend -> service
 *   sock_release    forget the TCP socket
 *
 * The "6" ones also serve IPv4-mapped addresses of AF_INET6 sockets (::ffff:a.b.c.d), which the
 * "4" ones never see.
 */
#include "bpf/svc.bpf.h"

#define IPPROTO_MPTCP_ 262
#define ECONNREFUSED 111

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lb_sock);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct lb_udp_key);
	__type(value, struct lb_slot);
} udp_flows SEC(".maps");

/*
 * The same for TCP sockets, by cookie. sk_storage would end with the socket by itself, but its two
 * allocations cost 5 % of a short connection's time; sock_release below keeps this map to live
 * sockets. A lost entry only means that getpeername names the backend.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct lb_sock);
} tcp_peers SEC(".maps");

const volatile __u64 host_netns_cookie = 0; /* where 127.0.0.1 is a node-port address */

enum verdict {
	PASS, /* not ours */
	REDIRECT, /* *to is the backend */
	REFUSE,
};

static __always_inline bool is_node_addr(struct bpf_sock_addr *ctx, const struct lb_slot *at)
{
	__be32 addr = at->addr;

	if (at->flags & LB_SLOT_V6)
		return at->flags & LB_SLOT_NODE || (at->flags & LB_SLOT_LOOPBACK &&
						    bpf_get_netns_cookie(ctx) == host_netns_cookie);
	if ((addr & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000))
		return bpf_get_netns_cookie(ctx) == host_netns_cookie;
	return bpf_map_lookup_elem(&node_addrs, &addr) != NULL;
}

/* The front a client on this node means by *at; fills the key it was found under. */
static __always_inline bool find(struct bpf_sock_addr *ctx, const struct lb_slot *at,
				 struct lb_svc_key *key, struct lb_svc *svc)
{
	key->addr = at->addr;
	key->port = at->port;
	key->proto = ctx->protocol == IPPROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	if (at->flags & LB_SLOT_V6)
		key->proto |= LB_V6;
	key->scope = LB_SCOPE_INSIDE;
	if (svc_get(key, svc))
		return true;
	if (!is_node_addr(ctx, at))
		return false;
	key->addr = 0;
	return svc_get(key, svc);
}

static __always_inline enum verdict refuse(const struct lb_svc *svc)
{
	count(svc->flags & LB_SVC_EMPTY_DROP ? NET_REASON_NO_LOCAL : NET_REASON_NO_ENDPOINTS);
	bpf_set_retval(-ECONNREFUSED);
	return REFUSE;
}

static __always_inline bool is_tcp_or_udp(struct bpf_sock_addr *ctx)
{
	__u32 proto = ctx->protocol;

	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_MPTCP_;
}

static __always_inline void remember(struct bpf_sock_addr *ctx, struct bpf_sock *sk,
				     const struct lb_slot *service, const struct lb_slot *backend)
{
	struct lb_sock peer = {.service = *service, .backend = *backend};
	struct lb_sock *st;
	__u64 cookie;

	if (ctx->protocol != IPPROTO_UDP) {
		cookie = bpf_get_socket_cookie(ctx);
		bpf_map_update_elem(&tcp_peers, &cookie, &peer, BPF_ANY);
		return;
	}
	st = bpf_sk_storage_get(&sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (st)
		*st = peer;
	else
		count(NET_REASON_STORAGE_FULL);
}

static __always_inline enum verdict on_connect(struct bpf_sock_addr *ctx, const struct lb_slot *at,
					       struct lb_slot *to)
{
	struct lb_svc_key key = {};
	struct lb_svc svc = {};
	struct bpf_sock *sk = ctx->sk;

	if (!is_tcp_or_udp(ctx) || !sk)
		return PASS;
	if (!find(ctx, at, &key, &svc)) {
		/* A UDP socket may be connected again: forget what it was before. */
		if (ctx->protocol == IPPROTO_UDP)
			bpf_sk_storage_delete(&sockets, sk);
		return PASS;
	}
	if (!svc.count)
		return refuse(&svc);
	if (!svc_pick(&key, &svc, svc.affinity_s ? bpf_get_netns_cookie(ctx) : 0, to))
		return refuse(&svc);
	remember(ctx, sk, at, to);
	count(NET_REASON_CONNECT);
	return REDIRECT;
}

static __always_inline enum verdict on_send(struct bpf_sock_addr *ctx, const struct lb_slot *at,
					    struct lb_slot *to)
{
	struct lb_udp_key out = {.addr = at->addr,
				 .port = at->port,
				 .dir = LB_UDP_OUT,
				 .v6 = at->flags & LB_SLOT_V6};
	struct lb_udp_key back = {.dir = LB_UDP_BACK, .v6 = at->flags & LB_SLOT_V6};
	struct lb_svc_key key = {};
	struct lb_svc svc = {};
	struct lb_slot service = *at;
	struct lb_slot *old;

	if (!find(ctx, at, &key, &svc))
		return PASS;
	if (!svc.count)
		return refuse(&svc);
	out.cookie = back.cookie = bpf_get_socket_cookie(ctx);
	count(NET_REASON_UDP_SEND);
	old = bpf_map_lookup_elem(&udp_flows, &out);
	if (old) {
		struct lb_slot b = *old;

		if (svc_has(&svc, &b)) {
			back.addr = b.addr;
			back.port = b.port;
			/* The LRU may have kept only one of the two entries. */
			if (!bpf_map_lookup_elem(&udp_flows, &back))
				bpf_map_update_elem(&udp_flows, &back, &service, BPF_ANY);
			*to = b;
			return REDIRECT;
		}
	}
	if (!svc_pick(&key, &svc, svc.affinity_s ? bpf_get_netns_cookie(ctx) : 0, to))
		return refuse(&svc);
	back.addr = to->addr;
	back.port = to->port;
	bpf_map_update_elem(&udp_flows, &back, &service, BPF_ANY);
	bpf_map_update_elem(&udp_flows, &out, to, BPF_ANY);
	return REDIRECT;
}

/* Turn a peer address back into the service it was chosen for. */
static __always_inline bool untranslate(struct bpf_sock_addr *ctx, const struct lb_slot *from,
					bool udp_flow, struct lb_slot *to)
{
	struct lb_udp_key back = {.addr = from->addr,
				  .port = from->port,
				  .dir = LB_UDP_BACK,
				  .v6 = from->flags & LB_SLOT_V6};
	struct bpf_sock *sk = ctx->sk;
	struct lb_sock *st;
	struct lb_slot *service;

	if (!sk)
		return false;
	back.cookie = bpf_get_socket_cookie(ctx);
	if (ctx->protocol == IPPROTO_UDP)
		st = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	else
		st = bpf_map_lookup_elem(&tcp_peers, &back.cookie);
	if (st && slot_same(&st->backend, from)) {
		*to = st->service;
		return true;
	}
	if (!udp_flow)
		return false;
	service = bpf_map_lookup_elem(&udp_flows, &back);
	if (!service)
		return false;
	*to = *service;
	return true;
}

static __always_inline void read4(struct bpf_sock_addr *ctx, struct lb_slot *ret)
{
	ret->addr = ctx->user_ip4;
	ret->port = (__be16)ctx->user_port;
	ret->flags = 0;
}

static __always_inline bool write4(struct bpf_sock_addr *ctx, const struct lb_slot *to)
{
	ctx->user_ip4 = to->addr;
	ctx->user_port = to->port;
	return true;
}

/* False: neither an IPv4-mapped address nor one that has a name. */
static __always_inline bool read6(struct bpf_sock_addr *ctx, struct lb_slot *ret)
{
	__be32 a[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

	ret->port = (__be16)ctx->user_port;
	if (a[0] || a[1] || a[2] != bpf_htonl(0xffff))
		return name_get(a, ret);
	ret->addr = a[3];
	ret->flags = 0;
	return true;
}

static __always_inline bool write6(struct bpf_sock_addr *ctx, const struct lb_slot *to)
{
	struct lb_addr6 a;

	if (to->flags & LB_SLOT_V6) {
		if (!addr6_get(to->addr, &a))
			return false;
		ctx->user_ip6[0] = a.addr[0];
		ctx->user_ip6[1] = a.addr[1];
		ctx->user_ip6[2] = a.addr[2];
		ctx->user_ip6[3] = a.addr[3];
	} else {
		ctx->user_ip6[3] = to->addr;
	}
	ctx->user_port = to->port;
	return true;
}

/* What was chosen has no address any more: it is just being taken out. */
static __always_inline enum verdict refuse_nameless(void)
{
	count(NET_REASON_NO_ENDPOINTS);
	bpf_set_retval(-ECONNREFUSED);
	return REFUSE;
}

#define DEFINE_FORWARD(name, family, action)                   \
	SEC("cgroup/" #name)                                   \
	int lb_##name(struct bpf_sock_addr *ctx)               \
	{                                                      \
		struct lb_slot at, to = {};                    \
		enum verdict v;                                \
                                                               \
		if (!READ_##family)                            \
			return 1;                              \
		v = action(ctx, &at, &to);                     \
		if (v == REDIRECT && !write##family(ctx, &to)) \
			v = refuse_nameless();                 \
		return v != REFUSE;                            \
	}
#define DEFINE_BACK(name, family, udp_flow)                                \
	SEC("cgroup/" #name)                                               \
	int lb_##name(struct bpf_sock_addr *ctx)                           \
	{                                                                  \
		struct lb_slot at, to = {};                                \
                                                                           \
		if (READ_##family && untranslate(ctx, &at, udp_flow, &to)) \
			write##family(ctx, &to);                           \
		return 1;                                                  \
	}
#define READ_4 (read4(ctx, &at), true)
#define READ_6 read6(ctx, &at)

DEFINE_FORWARD(connect4, 4, on_connect)
DEFINE_FORWARD(connect6, 6, on_connect)
DEFINE_FORWARD(sendmsg4, 4, on_send)
DEFINE_FORWARD(sendmsg6, 6, on_send)
DEFINE_BACK(recvmsg4, 4, true)
DEFINE_BACK(recvmsg6, 6, true)
DEFINE_BACK(getpeername4, 4, false)
DEFINE_BACK(getpeername6, 6, false)

SEC("cgroup/sock_release")
int lb_sock_release(struct bpf_sock *sk)
{
	__u64 cookie;

	if (sk->protocol == IPPROTO_UDP)
		return 1;
	cookie = bpf_get_socket_cookie(sk);
	bpf_map_delete_elem(&tcp_peers, &cookie);
	return 1;
}
