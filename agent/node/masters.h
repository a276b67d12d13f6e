/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NODE_MASTERS_H
#define KNARR_NODE_MASTERS_H
/*
 * All masters known to the agent: the endpoints of the Service default/kubernetes become the
 * servers of its HTTP client, so that it turns to another when one goes. As the slices are kept on
 * the disk (object_file.h), an agent that starts while the master it once joined is away finds the
 * others. Each node begins with another one, so that many spread over all.
 */
struct informer;
struct http_client;
struct masters;

struct masters_conf {
	struct informer *slices; /* of EndpointSlices, all namespaces */
	struct http_client *http;
	const char *node_name;
	const char *server; /* of the kubeconfig: always among them */
};
struct masters *masters_start(const struct masters_conf *conf);
struct masters *masters_stop(struct masters *m); /* before the informer is freed; takes NULL */
#endif
