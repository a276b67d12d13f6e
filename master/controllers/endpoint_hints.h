/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ENDPOINT_HINTS_H
#define KNARR_ENDPOINT_HINTS_H
#include "master/controllers/backends.h"
/*
 * Which clients an endpoint is for: hints.forZones and forNodes of EndpointSlices, which the
 * agents follow as long as all endpoints of a Service have them and one is theirs.
 *
 *	trafficDistribution PreferClose, PreferSameZone	the endpoint's own zone
 *	PreferSameNode					its own node, and its zone
 *	annotation topology-mode: Auto			zones by their share of the processors
 *							(KEP-2433), which comes before the above
 */
enum hints_mode { HINTS_NONE, HINTS_ZONE, HINTS_NODE, HINTS_AUTO };
enum hints_mode hints_mode(const struct object *service);
/* The zone label of a node by name; absent. Borrowed from the cache. */
struct str zone_of_node(struct ctl *c, struct str node_name);
/*
 * ret[i]: the zone that all->v[i] is for, absent: no hint. Only ready ones get hints; where the
 * mode cannot be kept (an endpoint without a zone, too few of them) none does.
 */
void hints_zones(struct ctl *c, enum hints_mode mode, const struct backends *all, struct str *ret);
/* The member "hints" of an endpoint. */
void write_hints(struct jw *w, enum hints_mode mode, struct str zone, struct str node_name);
/* May a change of this node change hints or zones of endpoints? */
bool hints_node_differs(const struct object *old, const struct object *node);
#endif
