/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_DAEMONSET_H
#define KNARR_DAEMONSET_H
#include "lib/base/buf.h"
#include "lib/json/jv.h"
/*
 * Where a DaemonSet's pods belong: daemonset_nodes.c; which are made and removed: daemonset.c.
 */
struct daemon_fit {
	bool run; /* a pod belongs there */
	bool stay; /* one that is there may stay */
};
/* Looks at nodeName, nodeSelector, required node affinity and tolerations of a template's spec. */
struct daemon_fit daemon_fit(struct jv template_spec, struct jv node);
/* JSON of spec.tolerations: the template's and those that every daemon pod gets. */
void daemon_tolerations(struct jv template_spec, struct buf *out);
/* JSON of spec.affinity: the template's, its required node affinity replaced by this node's name.
 */
void daemon_affinity(struct jv template_spec, struct str node, struct buf *out);
/* The node a daemon pod is on or meant for; absent: none. */
struct str daemon_node_of(struct jv pod_spec);
#endif
