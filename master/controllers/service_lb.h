/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SERVICE_LB_H
#define KNARR_SERVICE_LB_H
#include "master/controllers/cloud_ask.h"
#include "master/controllers/util.h"
/*
 * The parts of the load balancer controller: service_lb.c asks the cloud provider and writes what
 * it answers, lb_announce.c says which node answers for an address in the machines' own network.
 */
#define LB_FINALIZER "service.kubernetes.io/load-balancer-cleanup"
/* On a Service: the node whose agent announces its addresses (ARP); absent: none does. */
#define LB_ANNOUNCED_BY "knarr.io/announced-by"
#define LB_EXCLUDE "node.kubernetes.io/exclude-from-external-load-balancers"

struct announce;
struct lb_state { /* the controller's */
	struct announce *announce;
	struct asks *asks;
};
struct announce *announce_new(struct ctl *c);
struct announce *announce_free(struct announce *a);
/*
 * Plans the annotation: the present node as long as it is well, else another. `zones`: a JSON list
 * of names, empty or absent: any.
 */
void announce_service(struct announce *a, struct plan *p, struct object *service, struct jv zones);
/* A node that takes traffic from outside: ready, and not excluded by its label. */
bool lb_node_serves(const struct object *node);
#endif
