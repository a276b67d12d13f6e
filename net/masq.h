/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_MASQ_H
#define KNARR_NET_MASQ_H
#include "lib/base/err.h"
#include "net/addr.h"
/*
 * The node's uplink: per-packet translation by tc programs (bpf/uplink.bpf.c), no netfilter rule.
 *
 *   egress   pod -> outside the cluster range: source becomes the node's address and a port taken
 *            from a map above the node-port range (masquerade)
 *   ingress  answers go back to the pod; packets to a front marked `external` (lb.h: node ports,
 *            external addresses) go to a backend, with the node's address as source
 *
 * Of IPv6 only fronts, no masquerade yet. One conntrack map a family (both directions, LRU) serves
 * both. Programs and links are pinned.
 */
struct masq;

struct masq_conf {
	const char *node, *run_dir; /* as in lb.h */
	uint32_t uplink; /* ifindex */
	uint32_t addr; /* the node's address on it, network byte order */
	/*
	 * The same of IPv6, may be none, and the node's address in its pod range, which all nodes
	 * have routes to; without the latter nothing is done for IPv6.
	 */
	struct ip_addr addr6, inner6;
	struct ip4_prefix cluster_range; /* what is never masqueraded */
	uint16_t port_min, port_max; /* 0: 32768..60999 is left to the host; 61000..65535 */
};

int masq_open(const struct masq_conf *conf, struct masq **ret, struct err *err);
struct masq *masq_close(struct masq *m); /* the data path goes on */
/* Another node, which routes to our pods: what they send there keeps their address. Kept (pinned).
 */
int masq_peer(struct masq *m, uint32_t addr, bool is);
/*
 * There is an overlay (overlay.h): what comes out of it passes the ingress program, too, and what a
 * client outside sends to a backend behind it goes there with the node's inner address `addr` as
 * source, so that answers come back the same way. `mtu`: of its device.
 */
int masq_overlay(struct masq *m, uint32_t ifindex, uint32_t addr, uint32_t mtu);
/* Drop entries idle for longer than their protocol's timeout; call it every 10 s or so. */
int masq_collect(struct masq *m, size_t *ret_removed);
int masq_reset(const struct masq_conf *conf, struct err *err);
#endif
