/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_SVC_H
#define KNARR_BPF_SVC_H
/*
 * Service lookup and choice of a backend: the one implementation for sockets (lb.bpf.c) and
 * packets (uplink.bpf.c). Map sizes are set by net/lb.c before loading.
 */
#include "bpf/common.bpf.h"
#include "bpf/abi/lb.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct lb_svc_key);
	__type(value, struct lb_svc);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 262144);
	__type(key, __u32);
	__type(value, struct lb_slot);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct lb_affinity_key);
	__type(value, struct lb_affinity);
} affinity SEC(".maps");

/* The node's own addresses, at which keys with addr 0 answer. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __be32);
	__type(value, __u8);
} node_addrs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct lb_source_key);
	__type(value, __u8);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct lb_source6_key);
	__type(value, __u8);
} sources6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LB_NAMES_MAX);
	__type(key, struct lb_name_key);
	__type(value, struct lb_name);
} names6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LB_NAMES_MAX);
	__type(key, __u32);
	__type(value, struct lb_addr6);
} addrs6 SEC(".maps");

/* The short name of an address that matters to services; its port is left alone. */
static __always_inline bool name_get(const __be32 addr[4], struct lb_slot *ret)
{
	struct lb_name *found = bpf_map_lookup_elem(&names6, addr);
	struct lb_name n;

	if (!found)
		return false;
	n = *found;
	if (n.check != lb_name_check(addr))
		return false;
	ret->addr = n.name;
	ret->flags = n.flags;
	return true;
}

static __always_inline bool addr6_get(__u32 name, struct lb_addr6 *ret)
{
	struct lb_addr6 *found = bpf_map_lookup_elem(&addrs6, &name);

	if (!found)
		return false;
	*ret = *found;
	return ret->name == name;
}

/*
 * Copy the service out at once. The element may be freed and used for another service between
 * lookup and copy; `check` tells.
 */
static __always_inline bool svc_get(const struct lb_svc_key *key, struct lb_svc *ret)
{
	struct lb_svc *found = bpf_map_lookup_elem(&services, key);

	if (!found)
		return false;
	*ret = *found;
	if (ret->check == lb_svc_check(key))
		return true;
	found = bpf_map_lookup_elem(&services, key);
	if (!found)
		return false;
	*ret = *found;
	return ret->check == lb_svc_check(key);
}

static __always_inline bool slot_get(__u32 at, struct lb_slot *ret)
{
	const volatile __u64 *raw = bpf_map_lookup_elem(&backends, &at);

	if (!raw)
		return false;
	*(__u64 *)ret = *raw; /* one load: a slot is never seen half written */
	return true;
}

static __always_inline bool slot_same(const struct lb_slot *a, const struct lb_slot *b)
{
	return a->addr == b->addr && a->port == b->port;
}

struct svc_search {
	struct lb_slot want;
	__u32 base;
	__u32 found;
};

static long svc_search_step(__u32 i, void *data)
{
	struct svc_search *s = data;
	struct lb_slot slot;

	if (!slot_get(s->base + i, &slot))
		return 1;
	if (!slot_same(&slot, &s->want))
		return 0;
	s->found = 1;
	return 1;
}

/* Is it still one of the service's backends? A walk, only for flows that must stay. */
static __always_inline bool svc_has(const struct lb_svc *svc, const struct lb_slot *backend)
{
	struct svc_search s = {.want = *backend, .base = svc->base};

	bpf_loop(svc->count, svc_search_step, &s, 0);
	return s.found;
}

static __always_inline bool svc_pick_random(const struct lb_svc *svc, struct lb_slot *ret)
{
	__u32 i = ((__u64)bpf_get_prandom_u32() * svc->count) >> 32;

	if (slot_get(svc->base + i, ret) && ret->addr)
		return true;
	count(NET_REASON_BACKEND_BAD);
	return false;
}

static __always_inline bool svc_pick_sticky(const struct lb_svc_key *key, const struct lb_svc *svc,
					    __u64 client, struct lb_slot *ret)
{
	struct lb_affinity_key ak = {.client = client, .svc = *key};
	struct lb_affinity fresh = {.used_ns = bpf_ktime_get_ns()};
	struct lb_affinity *old = bpf_map_lookup_elem(&affinity, &ak);

	if (old) {
		struct lb_slot b = old->backend;
		__u64 age_ns = fresh.used_ns - old->used_ns;

		if (age_ns < svc->affinity_s * 1000000000ull && svc_has(svc, &b)) {
			old->used_ns = fresh.used_ns;
			*ret = b;
			count(NET_REASON_AFFINITY);
			return true;
		}
	}
	if (!svc_pick_random(svc, ret))
		return false;
	fresh.backend = *ret;
	bpf_map_update_elem(&affinity, &ak, &fresh, BPF_ANY);
	return true;
}

/* Choose a backend. The caller has dealt with count 0. */
static __always_inline bool svc_pick(const struct lb_svc_key *key, const struct lb_svc *svc,
				     __u64 client, struct lb_slot *ret)
{
	if (svc->affinity_s)
		return svc_pick_sticky(key, svc, client, ret);
	return svc_pick_random(svc, ret);
}
#endif
