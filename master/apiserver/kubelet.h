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
#endif
