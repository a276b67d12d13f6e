/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_USAGE_H
#define KNARR_APISERVER_USAGE_H
#include "master/apiserver/server.h"
/*
 * metrics.k8s.io/v1beta1: what nodes and pods use now, asked of the agents (/stats/summary) when
 * somebody wants to know; an idle cluster measures nothing. cpu is a rate, so two readings are
 * needed: the earlier one is that of the last question (at most USAGE_OLD_NS ago) or, for the first
 * question, one made a second before the answer.
 */
#define USAGE_OLD_NS (120 * (int64_t)NSEC_PER_SEC)
struct usage_cache;
struct usage_cache *usage_cache_new(void);
struct usage_cache *usage_cache_free(struct usage_cache *c);
/* get and list of nodes and pods in metrics.k8s.io. */
void usage_run(struct request *r);
#endif
