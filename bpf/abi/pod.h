/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_ABI_POD_H
#define KNARR_BPF_ABI_POD_H
#include <linux/types.h>
/* pods: hash of this node's pods, address (network byte order) -> pod_entry. */
#define POD_LAYOUT 1

struct pod_entry {
	__u32 ifindex; /* of the node's end of the veth pair */
	__u32 flags; /* POD_... */
};

struct pod_addr6 {
	__be32 addr[4];
};

/* pods6: the same by IPv6 address; only pods that have one. */
struct pod_entry6 {
	__u32 ifindex;
	__u32 flags;
	__be32 addr4; /* the pod's key in `guards` */
	__u32 pad;
};
_Static_assert(sizeof(struct pod_entry6) == 16, "pod_entry6");

#define POD_GUARDED 1 /* what it sends and gets is looked at: bpf/policy.bpf.h */
_Static_assert(sizeof(struct pod_entry) == 8, "pod_entry");
#endif
