/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CONTROLLERS_H
#define KNARR_CONTROLLERS_H
#include "lib/client/informer.h"
/*
 * The controllers of a cluster: each is one file with one const struct in one array. They see the
 * API through lib/client only. Start them where the process leads, stop them where it leads no
 * longer.
 */
struct controllers;
struct cloud;
struct controllers_conf {
	struct str ca_pem; /* what kube-root-ca.crt holds; absent: that controller is not run */
	uint64_t node_grace_ns; /* without a lease renewal a node is Unknown; 0: 40 s */
	uint64_t node_startup_grace_ns; /* the same for a node that never reported; 0: 60 s */
	uint64_t node_settle_ns; /* from Unknown to eviction: how many fell silent is clear; 0: 5 s
				  */
	uint64_t node_evict_every_ns; /* between two nodes of a zone; 0: 10 s */
	/* A zone of which so many percent (and more than two) are not ready: ten times slower
	 * when it has more than node_large_zone nodes, else nothing is evicted; 0: 55 and 50 */
	uint64_t node_unhealthy_percent, node_large_zone;
	uint32_t terminated_pod_threshold; /* ended pods kept; 0: 12500 */
	uint32_t max_endpoints_per_slice; /* 0: 100 */
	/* Pod addresses, "10.244.0.0/16" or with one of IPv6 (cidr_pair_parse); NULL: no range is
	 * given out. */
	const char *cluster_cidr;
	unsigned node_bits_v4, node_bits_v6; /* prefix length of one node's range; 0: 24, 64 */
	struct cloud *cloud; /* borrowed; NULL: no cloud provider */
	const char *only; /* comma-separated names of controllers to run; NULL: all */
};
/*
 * Adds its handlers to `informers` (borrowed; the caller calls informers_start afterwards) and
 * works from then on, from the client's timers. Each controller begins when the caches are full.
 */
struct controllers *controllers_start(struct informers *informers,
				      const struct controllers_conf *conf);
/* No callback and no new request after it; NULL is fine. Returns NULL. */
struct controllers *controllers_stop(struct controllers *cs);
#endif
