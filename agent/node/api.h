/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NODE_API_H
#define KNARR_NODE_API_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
/*
 * The node API on port 10250, at the kubelet's paths: the master calls it for logs, exec, attach
 * and port-forward; monitoring reads /stats/summary and /metrics*. TLS with a certificate of its
 * own making; a caller must show a client certificate of the cluster's authority for an
 * administrator (O=system:masters) or the API server (CN=kube-apiserver-kubelet-client).
 */
struct node_api;
struct pods;
struct runtime;
struct image_store;
struct node_info;
struct uv_loop_s;
struct node_api_conf {
	struct uv_loop_s *loop;
	struct timers *timers;
	struct pods *pods;
	struct runtime *rt;
	struct image_store *images;
	const struct node_info *info;
	const char *node_name, *node_ip, *address;
	uint16_t port;
	struct str client_ca; /* PEM; copied */
	const char *pki_dir; /* serving.crt, serving.key: made when missing or near their end */
};
int node_api_start(const struct node_api_conf *conf, struct node_api **ret, struct err *err);
/* Cuts all requests; their ends come from the loop. Then, when it has run, free. NULL is fine. */
void node_api_stop(struct node_api *a);
struct node_api *node_api_free(struct node_api *a);
#endif
