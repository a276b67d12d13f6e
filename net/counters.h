/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_COUNTERS_H
#define KNARR_NET_COUNTERS_H
#include "lib/base/err.h"
#include "bpf/abi/reason.h"
/*
 * What the BPF programs counted, by reason (bpf/abi/reason.h), per CPU in the kernel, summed here.
 * Reads the pinned map: works beside a running agent, too (knarrctl net).
 */
struct net_counters {
	uint64_t n[NET_REASON_MAX];
};
/* "no-endpoints", "spoofed-source", ...; never NULL for a valid reason. */
const char *net_reason_name(enum net_reason r);
const char *net_reason_help(enum net_reason r); /* one line for people */
bool net_reason_is_drop(enum net_reason r); /* a packet or connection was refused */
/* -ENOENT when no agent of this name ever ran here. */
int net_counters_read(const char *node, const char *run_dir, struct net_counters *ret,
		      struct err *err);
#endif
