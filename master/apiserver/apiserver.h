/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_H
#define KNARR_APISERVER_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "lib/client/transport.h"
#include "lib/http/server.h"
#include "master/auth/pki.h"
#include "master/store/store.h"
/*
 * The Kubernetes API over the store. One pipeline for every request, however it came:
 *
 *	HTTP front ----\                                               /-> get, list, watch
 *	                +-> who -> may he -> which kind -> body -> verb --> create, update, patch
 *... local front ---/                                               \-> store_txn -> answer
 *
 * It runs on the loop of the store, keeps no copy of any object, and answers reads from the
 * store's own bytes.
 */
struct apiserver;

struct apiserver_conf {
	uv_loop_t *loop;
	struct store *store; /* borrowed; opened on the same loop */
	struct timers *timers; /* borrowed; driven by the same loop */
	struct pki *pki; /* borrowed */
	const char *service_cidr; /* "10.96.0.0/16" */
	uint16_t node_port_first, node_port_last; /* 0, 0: 30000-32767 */
	const char *advertise_address; /* numeric: endpoint of the `kubernetes` Service */
	uint16_t port; /* where the API listens */
	const char *cluster_domain; /* "cluster.local" */
	/* Client side towards the agents' node API (exec, logs); NULL: those answer 503. */
	struct tls_ctx *kubelet_tls;
	uint16_t kubelet_port; /* 0: 10250 */
	/* What pods that say nothing tolerate of a node before they are evicted
	 * (tolerationSeconds). */
	uint32_t not_ready_toleration_s, unreachable_toleration_s;
};

/*
 * Builds the server and the allocators from what is stored. Nothing is served before
 * apiserver_start. conf is copied, its pointers are borrowed for the server's life.
 */
int apiserver_new(const struct apiserver_conf *conf, struct apiserver **ret, struct err *err);
/*
 * Create what every cluster has (namespaces, priority classes, the `kubernetes` Service), then
 * become ready; from the loop. On a follower only the latter.
 */
void apiserver_start(struct apiserver *s);
/* The port that was found, where conf had 0. Before apiserver_start. */
void apiserver_set_port(struct apiserver *s, uint16_t port);
/* /readyz fails, watches are ended, so that clients go elsewhere; new requests get 503. */
void apiserver_stop(struct apiserver *s);
/* After the HTTP server and all local transports are gone. NULL is fine; returns NULL. */
struct apiserver *apiserver_free(struct apiserver *s);
bool apiserver_is_ready(const struct apiserver *s);

/* on_request of a struct http_server_conf; user is the struct apiserver. */
void apiserver_http_request(struct http_req *req, void *user);

/*
 * A transport into the pipeline for parts of the same process. `name` is the user they act as
 * ("system:kube-scheduler"), always with system:masters. Watches and lists hand out the store's
 * own bytes when the caller takes on_object. Free it with transport_free before apiserver_free.
 */
struct transport *apiserver_local_transport(struct apiserver *s, const char *name);
#endif
