/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_IP6_H
#define KNARR_BPF_IP6_H
/* IPv6 addresses and extension headers, which are walked up to IP6_HEADERS. */
#include "bpf/common.bpf.h"
#include <linux/ipv6.h>

#define IP6_HEADERS 6

static __always_inline void copy6(__be32 to[4], const __be32 from[4])
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

static __always_inline bool same6(const __be32 a[4], const __be32 b[4])
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

/*
 * From the header at *at, of kind *next, to the one of the protocol. 1: there it is, 0: a later
 * fragment, -1: cut off.
 */
static __always_inline int ip6_skip(struct __sk_buff *skb, __u32 *at, __u8 *next)
{
	__u8 h[4];

	for (int i = 0; i < IP6_HEADERS; i++) {
		__u8 kind = *next;

		if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_DSTOPTS &&
		    kind != IPPROTO_FRAGMENT && kind != IPPROTO_AH)
			return 1;
		if (bpf_skb_load_bytes(skb, *at, h, sizeof(h)))
			return -1;
		*next = h[0];
		if (kind == IPPROTO_FRAGMENT) {
			if ((h[2] << 8 | h[3]) & 0xfff8)
				return 0;
			*at += 8;
		} else if (kind == IPPROTO_AH) {
			*at += (h[1] + 2) * 4;
		} else {
			*at += (h[1] + 1) * 8;
		}
	}
	return 1;
}
#endif
