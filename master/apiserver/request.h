/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_REQUEST_H
#define KNARR_APISERVER_REQUEST_H
#include "lib/api/api.h"
#include "lib/api/status.h"
#include "lib/base/list.h"
#include "lib/client/transport.h"
#include "lib/http/message.h"
#include "lib/http/stream.h"
#include "master/apiserver/accept.h"
#include "master/apiserver/request_info.h"
#include "master/auth/user.h"
#include "master/store/store.h"
/*
 * One request on its way through the pipeline, and the answer's way back to whatever front it came
 * from.
 *
 *	front: request_init, request_run --> ... --> reply | start, write*, end | upgrade
 *	                                  \-> request_gone (the client went away)
 *
 * The front holds one reference until the exchange is over; a verb that waits for the store holds
 * another. After request_gone nothing more is sent, and on_gone tells the verb to stop.
 */
struct apiserver;
struct request;

/* What a front does for the pipeline. Strings and pieces are borrowed during the call. */
struct request_front {
	/* Complete answer. */
	void (*reply)(struct request *r, int status, const struct http_header *h, size_t n_h,
		      const struct http_piece *p, size_t n_p);
	/* Answer in parts. write: -EPIPE or -ENOBUFS when the client is lost. */
	void (*start)(struct request *r, int status, const struct http_header *h, size_t n_h);
	int (*write)(struct request *r, const struct http_piece *p, size_t n_p);
	void (*end)(struct request *r);
	/* Bytes not yet taken by the client; NULL: writes are taken at once. */
	size_t (*queued)(struct request *r);
	void (*on_drain)(struct request *r, void (*cb)(struct request *r));
	/*
	 * Hand over an object instead of its bytes in an envelope: an event of a watch, an item of
	 * a list. False: not wanted, send bytes. NULL: never.
	 */
	bool (*object)(struct request *r, enum transport_event ev, const struct store_obj *o);
	/* Calls request_body (now or later) with what the client sends. */
	void (*read_body)(struct request *r, size_t max);
	/* The request as HTTP has it, for what must be passed on whole; NULL: cannot. */
	struct http_req *(*http)(struct request *r);
	/* Who is it, once more; NULL: was known at once. */
	struct user *(*authenticate)(struct request *r);
	void (*free)(struct request *r); /* the last reference is gone */
};

#define AUDIT_ID_MAX 64
struct request {
	struct apiserver *srv;
	const struct request_front *front;
	unsigned refs;
	struct list node; /* of srv->requests */
	/* Given by the front; stays valid while the front's reference does. */
	struct str method, path, query_text, content_type, user_agent;
	struct accept accept;
	struct str accept_text;
	struct user *user; /* owned */
	struct user *as; /* owned: whom the user wants to be, or NULL */
	struct user *real_user; /* owned: who it was before he became somebody else, or NULL */
	const char *peer_addr; /* of a network connection, or NULL */
	/* flow.h */
	struct flow_schema *flow_schema;
	struct flow_level *flow_level;
	struct flow_queue *flow_queue; /* NULL: it does not wait */
	struct list flow_node;
	void (*flow_run)(struct request *r);
	bool flow_seated; /* counts among the running ones of its level */
	struct audit_event *audit; /* audit.h; NULL: not told of */
	/* Of what came by HTTP: the same here, in other servers' logs, and in the answer. */
	char audit_id[AUDIT_ID_MAX + 1];
	struct str body;
	/* Found by the pipeline. */
	struct query query;
	bool dry_run; /* as DeleteOptions in the body say */
	struct request_info info;
	const struct api_kind *kind; /* of the resource, also for its sub-resources */
	const struct api_subresource *sub;
	struct api_warnings warnings;
	uint64_t began_ns;
	int status; /* of the answer, for metrics */
	size_t list_bytes; /* counted in srv->lists_bytes until the request is over */
	bool aggregated; /* another server's, its body is being read */
	bool answered, gone, streaming, long_running;
	bool admitted; /* gate.h: all who had to be asked have agreed */
	bool fresh; /* looked at again after catching up with the leader */
	bool forwarded; /* by another master, which takes this one for the leader */
	void (*on_gone)(struct request *r);
	void (*on_drain_cb)(struct request *r);
	void *work; /* the verb's own state */
};

/* Zeroes r and sets what every front must; the caller holds the reference. */
void request_init(struct request *r, struct apiserver *srv, const struct request_front *front);
struct request *request_ref(struct request *r);
void request_unref(struct request *r);
/*
 * Start: method, path, query_text, user and the header fields are set. Decides everything up to
 * the verb, which may answer before this returns.
 */
void request_run(struct request *r);
/* The body is there (err 0), too large (-EFBIG), or lost (any other). */
void request_body(struct request *r, int err, struct str body);
/* The exchange is over, whoever ended it. Runs on_gone once; the front then drops its reference. */
void request_gone(struct request *r);
/* A write with its whole body in r->body: another master leads. True of nothing done so far. */
void request_to_leader(struct request *r);
/*
 * A verb has taken the connection over (http_req_upgrade): the front will hear nothing of it any
 * more, so this ends the request in its place, reference included.
 */
void request_taken(struct request *r);

/* The key of an object, or the prefix of all when name (or ns too) is absent. */
void request_key(const struct api_kind *k, struct str ns, struct str name, struct buf *out);
/* The kind whose keys and bytes the store has. */
static inline const struct api_kind *request_storage(const struct api_kind *k)
{
	return k->storage ? k->storage : k;
}
/* dryRun=All, or the same in the body of a DELETE or an eviction. */
bool request_dry_run(const struct request *r);
#endif
