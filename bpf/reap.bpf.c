/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Closes sockets whose backend is gone: socket iterators over the network namespace of whoever
 * reads them. An object of its own because bpf_sock_destroy exists from Linux 6.5 on only; the
 * balancer works without it.
 */
#include "bpf/common.bpf.h"
#include "bpf/abi/lb.h"

struct in6_addr_ {
	union {
		__be32 u6_addr32[4];
	} in6_u;
} __attribute__((preserve_access_index));

struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	unsigned short skc_family;
	unsigned char skc_state;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));

struct inet_sock {
	struct sock sk;
} __attribute__((preserve_access_index));

struct udp_sock {
	struct inet_sock inet;
} __attribute__((preserve_access_index));

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
} __attribute__((preserve_access_index));

struct bpf_iter__udp {
	struct bpf_iter_meta *meta;
	struct udp_sock *udp_sk;
} __attribute__((preserve_access_index));

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_TIME_WAIT 6
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12

extern int bpf_sock_destroy(struct sock_common *sk) __ksym;

/* Not pinned: filled for one pass. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct lb_gone_key);
	__type(value, __u8);
} gone SEC(".maps");

/* Shared with lb.bpf.c by the pin: only sockets it translated are closed. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct lb_sock);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct lb_sock);
} tcp_peers SEC(".maps");

__u64 closed = 0;

static __always_inline bool is_stale(struct lb_sock *st, __u8 proto)
{
	struct lb_gone_key key = {.proto = proto};

	if (st->backend.flags & LB_SLOT_V6)
		key.proto |= LB_V6;
	key.addr = st->backend.addr;
	key.port = st->backend.port;
	return bpf_map_lookup_elem(&gone, &key) != NULL;
}

SEC("iter/tcp")
int reap_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct lb_sock *st;
	unsigned char state;
	__u64 cookie;

	if (!skc)
		return 0;
	/* Listening, half-made and TIME_WAIT ones are no full sockets, or have no peer. */
	state = skc->skc_state;
	if (state == TCP_TIME_WAIT || state == TCP_LISTEN || state == TCP_NEW_SYN_RECV)
		return 0;
	cookie = bpf_get_socket_cookie(skc);
	st = bpf_map_lookup_elem(&tcp_peers, &cookie);
	if (!st || !is_stale(st, IPPROTO_TCP))
		return 0;
	if (!bpf_sock_destroy(skc)) {
		closed++;
		count(NET_REASON_SOCK_KILLED);
	}
	return 0;
}

SEC("iter/udp")
int reap_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *udp = ctx->udp_sk;
	struct lb_sock *st;

	if (!udp)
		return 0;
	st = bpf_sk_storage_get(&sockets, &udp->inet.sk, NULL, 0);
	if (!st || !is_stale(st, IPPROTO_UDP))
		return 0;
	if (!bpf_sock_destroy((struct sock_common *)udp)) {
		closed++;
		count(NET_REASON_SOCK_KILLED);
	}
	return 0;
}
