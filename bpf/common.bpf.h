/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_COMMON_H
#define KNARR_BPF_COMMON_H
/*
 * What every program includes. No vmlinux.h: <linux/bpf.h> and the few kernel structs a program
 * reads, declared with preserve_access_index where it reads them, compile and load several times
 * faster.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "bpf/abi/reason.h"

#define AF_INET 2
#define AF_INET6 10

/* Pinned; one slot a reason, summed over CPUs by net/counters.c. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(enum net_reason reason)
{
	__u32 key = reason;
	__u64 *n = bpf_map_lookup_elem(&counters, &key);

	if (n)
		*n += 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
#endif
