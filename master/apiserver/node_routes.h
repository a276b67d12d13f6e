/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_NODE_ROUTES_H
#define KNARR_APISERVER_NODE_ROUTES_H
#include "master/apiserver/request.h"
/*
 * Where the pods of the nodes are, and nothing else of the nodes: what each agent must know of all
 * others (lib/client/node_watch.h is its side). A view of Nodes that a watch of them asks for:
 *
 *	GET /api/v1/nodes?watch=true&sendInitialEvents=true&...
 *	Accept: application/json;as=NodeRoutes;g=knarr.io;v=v1;known=TOKEN,application/json
 *
 * Events are those of a watch, each object one like
 *
 *	{"metadata":{"name":"n1"},"spec":{"podCIDRs":["10.244.1.0/24"]},
 *	 "status":{"addresses":[{"type":"InternalIP","address":"192.0.2.7"}]}}
 *
 * with all ranges and all InternalIPs; a node without one of either is not there. What changes
 * nothing of it is no event, so a node's heartbeats reach nobody, and nothing is sent at rest.
 * Changes are gathered for a moment, made once, and the same bytes go to all.
 *
 * Each batch ends with a bookmark whose annotation knarr.io/known is a token of the state reached:
 * a number made of the nodes' own bytes, so the same on every master and after a restart. Who
 * begins with the token of what he has gets the changes since, often none; the first bookmark
 * (k8s.io/initial-events-end) then has knarr.io/since. Else it gets all there is.
 *
 * To a server that knows no such view it is a watch of whole Nodes.
 */
struct node_routes;

/* A watch of all Nodes in this view: node_routes_watch answers it. */
bool node_routes_wanted(const struct request *r);
void node_routes_watch(struct request *r);
struct node_routes *node_routes_free(struct node_routes *h); /* NULL is fine; returns NULL */

/* The object above; false: nothing leads to this node's pods. Pure function of the bytes. */
bool node_routes_write(struct str name, struct str node, struct buf *out);
#endif
