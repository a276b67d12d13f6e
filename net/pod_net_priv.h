/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_POD_NET_PRIV_H
#define KNARR_NET_POD_NET_PRIV_H
#include "net/pod_net.h"
/* What policy.c needs of pod_net.c. */
struct pod_maps {
	int pods, guards, ids, blocks, rows, conns, epoch;
	int ids6, blocks6, conns6;
};
void pod_net_maps(const struct pod_net *n, struct pod_maps *ret);
/* Have the pod's packets looked at, or no longer. -ENOENT: no such pod. */
int pod_net_guard(struct pod_net *n, uint32_t addr, bool on);
#endif
