/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_KUBELET_H
#define KNARR_APISERVER_KUBELET_H
#include "master/apiserver/server.h"
/*
 * Log, exec, attach and port-forward: the agent of the pod's node has the container, the API server
 * passes bytes. The node API is the kubelet's (/containerLogs, /exec, /attach, /portForward on
 * port 10250, TLS with the master's client certificate). An upgraded connection is joined to the
 * agent's and never looked into.
 */
struct kubelet_client;
struct kubelet_client *kubelet_client_new(struct apiserver *s);
struct kubelet_client *kubelet_client_free(struct kubelet_client *k);

/* "https://10.0.0.2:10250" of a node that is in the store, appended. -EBUSY, -ENOENT. */
int kubelet_node_url(struct apiserver *s, struct str node, struct buf *out, struct err *err);
/* Is it one of our own agents, which know paths that a kubelet has not? */
bool kubelet_is_ours(struct apiserver *s, struct str node);
/*
 * The client of a node API, shared and borrowed: for a call that begins at once. One without calls
 * is freed some minutes after it was asked for last. NULL with err.
 */
struct http_client *kubelet_client_for(struct apiserver *s, const char *url, struct err *err);
/* How many there are. */
size_t kubelet_client_count(const struct kubelet_client *k);
/* A client of somebody in the cluster (pods, endpoints), whose certificate nobody signed. */
struct http_client *proxy_client_new(struct apiserver *s, const char *url, struct err *err);
#endif
