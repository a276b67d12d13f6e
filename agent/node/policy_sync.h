/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POLICY_SYNC_H
#define KNARR_POLICY_SYNC_H
#include "lib/base/timers.h"
#include "lib/json/jv.h"
/*
 * NetworkPolicies into the rules of net/policy.h. All NetworkPolicies are watched; the pods of
 * other nodes (a few fields each) and the namespaces only while a policy of one of our pods asks
 * for labels. Everything watched is kept in files as well.
 *
 * A pod is closed from the moment it has an address (pod_net_conf.closed) until policy_sync_pod has
 * said what it may, which is at once unless nothing has been heard of policies yet. When no master
 * answers for some seconds, what the files say is true.
 */
struct policy_sync;
struct client;
struct pod_net;

struct policy_sync_conf {
	struct client *client;
	struct timers *timers;
	struct pod_net *net;
	const char *data_dir; /* "DATA-DIR/networkpolicies", "policy-pods", "policy-namespaces" */
};
/* NULL, with a message in the log, if the maps cannot be had. */
struct policy_sync *policy_sync_start(const struct policy_sync_conf *conf);
/* The rules stay. NULL is fine; returns NULL. */
struct policy_sync *policy_sync_stop(struct policy_sync *s);
/*
 * A pod of this node got its addresses (ip6 "" without IPv6), or other labels; ip NULL: it has
 * gone.
 */
void policy_sync_pod(struct policy_sync *s, struct str uid, const char *ip, const char *ip6,
		     struct jv pod);
#endif
