/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_NODE_FACTS_H
#define KNARR_APISERVER_NODE_FACTS_H
#include "master/apiserver/server.h"
/*
 * What the node rules of authz.h ask: which pods are bound to a node, and what those refer to.
 * Answered from the stored pods of the one namespace in question.
 */
void node_facts_init(struct authz_facts *f, struct apiserver *s);
/* Does the pod name any secret, config map or volume claim? */
bool pod_refers_any(struct jv pod);
#endif
