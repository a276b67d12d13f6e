/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_DNS_RECORDS_H
#define KNARR_DNS_RECORDS_H
#include "lib/base/err.h"
/*
 * What the cluster's DNS answers, looked up in the caches of Services and EndpointSlices
 * (Kubernetes DNS-Based Service Discovery 1.1.0). The server itself is net/dns.
 */
struct dns_records;
struct informer;
struct service_sync;
struct uv_loop_s;
struct dns_records_conf {
	struct uv_loop_s *loop;
	struct informer *services, *slices;
	const char *addr; /* where it listens: the node's address in the pod range */
	const char *domain;
	const char *vip; /* service address that leads here too; NULL: none */
	struct service_sync *sync; /* who programs that; may be NULL */
};
int dns_records_start(const struct dns_records_conf *conf, struct dns_records **ret,
		      struct err *err);
struct dns_records *dns_records_stop(struct dns_records *d);
#endif
