/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_H
#define KNARR_CLIENT_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "lib/client/transport.h"
/*
 * An API client: requests by kind, namespace and name; answers as bytes, failures as struct err
 * (decoded from the Status the server sends). Asynchronous, one thread, never blocks.
 */
struct client;

/* What a request is about. Rows for the kinds of this tree stand below; others are made at run
 * time from lib/api's tables or discovery. All pointers must stay valid. */
struct client_kind {
	const char *group; /* "" for core */
	const char *version; /* "v1" */
	const char *plural; /* "pods" */
	const char *kind; /* "Pod" */
	bool namespaced;
};
extern const struct client_kind client_pods, client_nodes, client_namespaces, client_services,
	client_endpoints, client_configmaps, client_secrets, client_serviceaccounts, client_events,
	client_leases, client_endpointslices, client_deployments, client_replicasets,
	client_priorityclasses, client_csrs, client_controllerrevisions, client_daemonsets,
	client_statefulsets, client_poddisruptionbudgets, client_jobs, client_cronjobs, client_hpas,
	client_replicationcontrollers, client_pvcs, client_pvs, client_storageclasses,
	client_networkpolicies, client_resourceclaims, client_resourceclaimtemplates,
	client_resourceslices, client_deviceclasses;
/* "v1" or "apps/v1", appended. */
void client_kind_api_version(const struct client_kind *k, struct buf *out);
bool client_kind_eq(const struct client_kind *a, const struct client_kind *b);

struct client_conf {
	struct transport *transport; /* borrowed, outlives the client */
	struct timers *timers; /* borrowed */
	const struct rng *rng; /* NULL: rng_system */
	const char *user_agent; /* "knarr-master/scheduler"; NULL: "knarr" */
	/*
	 * Others do the same at the same moment (the agents of a cluster whose masters restarted):
	 * lists and watches that must begin anew do so at a random time within this. 0: at once.
	 */
	uint64_t spread_ns;
};
struct client *client_new(const struct client_conf *conf);
/* Cancels what is under way without callbacks. */
struct client *client_free(struct client *c);
struct timers *client_timers(struct client *c);
const struct rng *client_rng(struct client *c);
uint64_t client_spread_ns(const struct client *c);
struct transport *client_transport(struct client *c);
static inline uint64_t client_now_ns(struct client *c)
{
	return timers_now_ns(client_timers(c));
}
static inline int64_t client_real_ns(struct client *c)
{
	return clock_real_ns(client_timers(c)->clock);
}

struct client_req {
	const char *method;
	const struct client_kind *kind;
	struct str ns; /* absent: cluster-scoped, or all namespaces */
	struct str name; /* absent: the collection */
	const char *sub; /* "status", "binding"; NULL: none */
	const char *query; /* "limit=500", already escaped, without "?"; NULL: none */
	const char *content_type; /* NULL with a body: application/json */
	const char *accept; /* NULL: application/json */
	struct str body; /* borrowed until client_do returns */
};
#define CLIENT_MERGE_PATCH "application/merge-patch+json"
#define CLIENT_STRATEGIC_PATCH "application/strategic-merge-patch+json"
#define CLIENT_JSON_PATCH "application/json-patch+json"
#define CLIENT_METADATA_ACCEPT "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define CLIENT_METADATA_LIST_ACCEPT \
	"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

/*
 * The answer. `e->errnum` is 0 on success and `body` is the object, borrowed for the call. On
 * failure e has errnum, reason ("NotFound"), message and causes as the server gave them; body is
 * what came. errnum by HTTP status: 404 ENOENT; 409 EEXIST (AlreadyExists) or EAGAIN (Conflict);
 * 410 ESTALE; 401, 403 EACCES; 400, 422 EINVAL; 429, 503 EBUSY; 504 ETIMEDOUT; other EPROTO.
 */
typedef void client_fn(void *user, const struct err *e, struct str body);
struct client_call;
/* Starts a request. `done` runs exactly once, from the loop, unless cancelled; it may be NULL. The
 * handle is valid until then. Answers above 64 MiB fail with EMSGSIZE. */
struct client_call *client_do(struct client *c, const struct client_req *req, client_fn *done,
			      void *user);
void client_cancel(struct client *c, struct client_call *call);
/* Lets the request go on but calls nobody when it ends. NULL is fine. */
void client_call_detach(struct client_call *call);
/* True for failures that another try can mend: EAGAIN, EBUSY, ETIMEDOUT, lost connections. */
bool client_err_transient(const struct err *e);
/*
 * True when no server answered. Over a network the connection is being sought all the while, with
 * waits of its own, and the request waited for it: another may be made soon, whatever the number
 * of those that failed, so that masters that were away for long are not met with old waits.
 */
bool client_err_offline(const struct err *e);

/* The usual ones; ns and name as in client_req. */
struct client_call *client_get(struct client *c, const struct client_kind *k, struct str ns,
			       struct str name, client_fn *done, void *user);
struct client_call *client_list(struct client *c, const struct client_kind *k, struct str ns,
				const char *query, client_fn *done, void *user);
struct client_call *client_create(struct client *c, const struct client_kind *k, struct str ns,
				  struct str body, client_fn *done, void *user);
/* PUT; `sub` may be NULL. */
struct client_call *client_update(struct client *c, const struct client_kind *k, struct str ns,
				  struct str name, const char *sub, struct str body,
				  client_fn *done, void *user);
/* PATCH with a JSON merge patch. */
struct client_call *client_merge(struct client *c, const struct client_kind *k, struct str ns,
				 struct str name, const char *sub, struct str body, client_fn *done,
				 void *user);
/* `options`: DeleteOptions as JSON, or absent. */
struct client_call *client_delete(struct client *c, const struct client_kind *k, struct str ns,
				  struct str name, struct str options, client_fn *done, void *user);

/* The path with query of a request: "/apis/apps/v1/namespaces/x/deployments/web/status?...". */
void client_path(const struct client_req *req, struct buf *out);
/* Adds "name=value" to a query, escaped, with "&" if out is not empty. */
void client_query_add(struct buf *out, const char *name, struct str value);
/* Fills e from a Status document and the HTTP status code it came with; returns -errnum. */
int client_status_to_err(int http_status, struct str status_json, struct err *e);

/*
 * One page of a list, object by object.
 */
struct client_page {
	uint64_t rv; /* resourceVersion of the list */
	struct str cont; /* token of the next page; empty: this was the last. Borrowed */
};
struct client_page_ops {
	void (*item)(void *user, struct blob obj); /* takes obj */
	/* Exactly once; p is NULL when e->errnum is set (some items may have come). */
	void (*done)(void *user, const struct err *e, const struct client_page *p);
};
struct client_list;
/* `query` as for client_list; accept NULL: application/json. The handle is valid until done. */
struct client_list *client_list_page(struct client *c, const struct client_kind *k, struct str ns,
				     const char *query, const char *accept,
				     const struct client_page_ops *ops, void *user);
void client_list_cancel(struct client_list *l);

/*
 * A watch: events as objects, decoded from the newline-framed stream (or taken as they are from an
 * in-process transport). One event may have at most 32 MiB.
 */
struct client_watch_ops {
	/* TRANSPORT_ADDED, MODIFIED, DELETED, BOOKMARK. Takes obj. */
	void (*event)(void *user, enum transport_event ev, struct blob obj);
	/*
	 * Exactly once: the watch is over; e->errnum 0: the server ended it, watch again from the
	 * last revision seen. ESTALE: that revision is gone, list again.
	 */
	void (*end)(void *user, const struct err *e);
};
struct client_watch;
/* query: "resourceVersion=5&allowWatchBookmarks=true"; "watch=true" is added. ns and name as in
 * client_get; a name becomes a field selector. The handle is valid until `end`. */
struct client_watch *client_watch(struct client *c, const struct client_kind *k, struct str ns,
				  const char *query, const char *accept,
				  const struct client_watch_ops *ops, void *user);
void client_watch_cancel(struct client_watch *w);
#endif
