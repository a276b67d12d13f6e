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

/* A request below /knarr/v1/, for the administration of the masters; answered exactly once. */
struct api_call {
	struct str method; /* "GET" */
	struct str path; /* behind "/knarr/v1/" */
	struct str body;
	const struct user *who; /* authorised already */
};
void api_call_reply(struct api_call *c, int status, struct buf *json); /* takes the bytes */
void api_call_fail(struct api_call *c, const struct err *e);
void api_call_again(struct api_call *c); /* another master leads now: it shall answer */

/*
 * The other masters, as the API server sees them. What has to be decided by the leader is passed on
 * to it over mutual TLS, with the name of who asked, and waits a moment while there is none.
 */
struct apiserver_cluster {
	/* This master leads, and its state is new enough to decide on writes. */
	bool (*leads)(void *user);
	/* "https://10.0.0.2:6443" of the master that leads; NULL: this one, or unknown. */
	const char *(*leader_url)(void *user);
	void (*call)(void *user, struct api_call *c);
	struct tls_ctx *tls; /* client side, with the certificate of a master */
	void *user;
};
struct apiserver_master {
	const char *address; /* numeric */
	uint16_t port;
};

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
	/* Common names of the authenticating proxies whose X-Remote-* fields are believed; ends
	 * with NULL; NULL: none. */
	const char *const *proxy_names;
	const struct authn_remote_conf *authn_remote; /* authn_remote.h; NULL: none */
	/* authz_remote.h; borrowed; NULL: the node rules, then the roles */
	const struct authz_remote_conf *authz_remote;
	struct audit *audit; /* audit.h; borrowed; NULL: no audit log */
	const char *const *enable_plugins, *const *disable_plugins; /* admission_plugins.h */
	/* What pods that say nothing tolerate of a node before they are evicted
	 * (tolerationSeconds). */
	uint32_t not_ready_toleration_s, unreachable_toleration_s;
	const struct apiserver_cluster *cluster; /* borrowed; NULL: there are no others */
};

/*
 * Builds the server and the allocators from what is stored. Nothing is served before
 * apiserver_start. conf is copied, its pointers are borrowed for the server's life.
 */
int apiserver_new(const struct apiserver_conf *conf, struct apiserver **ret, struct err *err);
/*
 * This master leads (again): count the addresses in use anew and create what every cluster has
 * (namespaces, priority classes, the `kubernetes` Service), then become ready; from the loop.
 */
void apiserver_lead(struct apiserver *s);
/* It leads no more. */
void apiserver_follow(struct apiserver *s);
/* A follower has caught up. */
void apiserver_caught_up(struct apiserver *s);
/*
 * No leader has been heard of for a while (or one is, again). Clients had better ask another
 * master, that may not be cut off: /readyz fails, watches are ended and refused, as nothing would
 * come.
 */
void apiserver_lost(struct apiserver *s, bool lost);
/* The leader is another one than before: what waits for the old one need not wait longer. */
void apiserver_leader_changed(struct apiserver *s);
/* The masters that serve, for the endpoints of the `kubernetes` Service; written by the leader. */
void apiserver_set_masters(struct apiserver *s, const struct apiserver_master *v, size_t n);
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
