/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NODE_API_PRIV_H
#define KNARR_NODE_API_PRIV_H
#include "agent/node/api.h"
#include "lib/base/list.h"
#include "lib/http/server.h"
/* The handlers of the node API: one function a path. */
struct node_api {
	struct node_api_conf conf;
	struct http_server *server;
	struct tls_ctx *tls;
	struct list sessions; /* exec and attach; upgraded connections are nobody's but ours */
	struct list forwards;
	struct list proxied; /* requests passed on to pods */
	bool stopping;
};

/* A request's path behind the first element, split: "/exec/NS/POD[/UID]/CONTAINER". */
struct api_target {
	struct str ns, pod, uid, container;
};

void api_logs(struct node_api *a, struct http_req *r, const struct api_target *t);
void api_exec(struct node_api *a, struct http_req *r, const struct api_target *t);
void api_attach(struct node_api *a, struct http_req *r, const struct api_target *t);
void api_port_forward(struct node_api *a, struct http_req *r, const struct api_target *t);
void api_pod_proxy(struct node_api *a, struct http_req *r);
void api_stats_summary(struct node_api *a, struct http_req *r);
void api_metrics(struct node_api *a, struct http_req *r);
void api_metrics_resource(struct node_api *a, struct http_req *r);

/* End all upgraded connections; their ends come from the loop. */
void api_exec_abort_all(struct node_api *a);
void api_port_forward_abort_all(struct node_api *a);
void api_pod_proxy_abort_all(struct node_api *a);

/* Answer with plain text, as the kubelet does for errors. */
void api_fail(struct http_req *r, int status, const char *text);
/*
 * The (first) value of a query parameter, decoded into out; false when it is not there. Number
 * `nth` for repeated ones.
 */
bool api_query(struct http_req *r, const char *name, size_t nth, struct buf *out);
bool api_query_bool(struct http_req *r, const char *name);
/* The TLS certificate of the node, made by itself (ECDSA P-256, one year). */
int api_serving_cert(const struct node_api_conf *conf, struct buf *cert_pem, struct buf *key_pem,
		     struct err *err);
#endif
