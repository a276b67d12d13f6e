/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLIENT_TRANSPORT_H
#define KNARR_CLIENT_TRANSPORT_H
#include "lib/base/str.h"
/*
 * How API requests travel: over HTTP/2 to a master (transport_http.h), straight into the
 * request pipeline of the master in the same process (master/apiserver), or into a tiny API in
 * memory for tests (fake.h). All callers of lib/client see only this vtable.
 *
 * Life of a call, for every implementation:
 *
 *	request() --> on_response? --> (on_data | on_object)* --> on_end      (exactly once)
 *	                  \_________________\__ cancel(): no callback any more
 *
 * No callback runs inside request() or cancel(): answers always come from the loop. The handle is
 * valid until on_end is called or cancel() returns. Callbacks may start further requests and may
 * cancel any call, their own included.
 */
struct transport_call; /* an implementation's own */

/*
 * Bytes with an owner. Whoever gets one calls blob_release exactly once, or hands it on. The bytes
 * are immutable and stay in place until then, which lets a watcher keep the store's own bytes
 * instead of a copy.
 */
struct blob {
	struct str bytes;
	void (*release)(void *owner); /* NULL: static bytes */
	void *owner;
};
static inline void blob_release(struct blob *b)
{
	if (b->release)
		b->release(b->owner);
	*b = (struct blob){STR_NULL, NULL, NULL};
}
struct blob blob_copy(struct str bytes); /* malloc'd */

enum transport_event {
	TRANSPORT_ITEM, /* one object of a list's items */
	TRANSPORT_ADDED,
	TRANSPORT_MODIFIED,
	TRANSPORT_DELETED,
	TRANSPORT_BOOKMARK,
	TRANSPORT_ERROR, /* the object is a Status; the stream ends behind it */
	TRANSPORT_EVENT_MAX,
	TRANSPORT_EVENT_INVALID = -EINVAL,
};

struct transport_resp {
	int status; /* HTTP status code */
	struct str content_type; /* may be absent */
	uint32_t retry_after_s; /* 0: none given */
};

struct transport_req {
	const char *method; /* "GET" */
	struct str path; /* with query, escaped: "/api/v1/pods?limit=500" */
	struct str content_type; /* of the body; absent without one */
	struct str accept; /* absent: application/json */
	struct str body; /* borrowed until request() returns */
	struct str user_agent; /* may be absent */
	bool stream; /* a watch: no limit on time or size */
	uint64_t timeout_ns; /* for answers that are not streams; 0: the transport's own (30 s) */

	void (*on_response)(void *user, const struct transport_resp *r); /* may be NULL */
	void (*on_data)(void *user, struct str bytes); /* body, in pieces of any size */
	/*
	 * May be NULL. A transport that holds objects in memory may call this instead of on_data
	 * for each object of a watch or list answered with 200 (then on_data of a list carries the
	 * envelope with `"items":[]`, metadata included). It takes `obj`.
	 */
	void (*on_object)(void *user, enum transport_event ev, struct blob obj);
	/*
	 * 0: the answer is complete (whatever its status). Else a negative errno: the connection
	 * failed (-ECONNREFUSED, -ECONNRESET, -ETIMEDOUT, ...) and what came is incomplete.
	 */
	void (*on_end)(void *user, int r);
	void *user;
};

struct transport;
struct transport_ops {
	const char *name;
	struct transport_call *(*request)(struct transport *t, const struct transport_req *req);
	void (*cancel)(struct transport *t, struct transport_call *call);
	void (*free)(struct transport *t); /* calls still open are dropped without callbacks */
};
/* Embedded as the first member of each implementation. */
struct transport {
	const struct transport_ops *ops;
};

static inline struct transport_call *transport_request(struct transport *t,
						       const struct transport_req *req)
{
	return t->ops->request(t, req);
}
static inline void transport_cancel(struct transport *t, struct transport_call *call)
{
	t->ops->cancel(t, call);
}
static inline struct transport *transport_free(struct transport *t)
{
	if (t)
		t->ops->free(t);
	return NULL;
}
#endif
