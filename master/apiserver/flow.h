/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_FLOW_H
#define KNARR_FLOW_H
#include "master/apiserver/request.h"
/*
 * Priority and fairness (KEP-1040, flowcontrol.apiserver.k8s.io/v1): FlowSchemas sort requests into
 * priority levels; a level runs so many at once as its share allows and keeps the others in queues,
 * which are served in turn, so that one greedy client delays itself and not the rest.
 *
 * Requests run on one thread here and most are over before the next begins. So a level's seats
 * bound what waits for the store, and besides that only so many requests run in one turn of the
 * loop: what more has come is queued by flow, and the next turns serve the flows alike. Requests
 * of the level "exempt" (system:masters, probes) pass by all this.
 */
struct flow_control;
struct flow_control *flow_control_new(struct apiserver *s);
struct flow_control *flow_control_free(struct flow_control *f); /* takes NULL, returns NULL */

/* Call `run` when it is r's turn: at once, later, or never (429, when the queues are full). */
void flow_run(struct request *r, void (*run)(struct request *r));
/* It is over, or will last and is not counted any more; harmless when said twice. */
void flow_release(struct request *r);
/* UIDs for X-Kubernetes-PF-FlowSchema-UID and -PriorityLevel-UID; absent: not classified. */
struct str flow_schema_uid(const struct request *r);
struct str flow_level_uid(const struct request *r);
/* Prometheus text. */
void flow_metrics(const struct flow_control *f, struct buf *out);
#endif
