/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AGGREGATE_INTERNAL_H
#define KNARR_AGGREGATE_INTERNAL_H
#include "lib/http/client.h"
#include "master/apiserver/aggregate.h"
#include "master/apiserver/follow.h"
#include "master/apiserver/service_urls.h"

/* Who serves one group and version. */
struct remote {
	struct aggregate *all;
	char *key; /* of the APIService in the store */
	char *group, *version, *ns, *name;
	uint16_t port;
	char *ca_pem;
	bool insecure;
	int64_t group_priority, version_priority;
	struct http_client *client; /* NULL: not connected yet */
	struct buf urls; /* that the client was made for */
	/* What it serves (APIResourceList), as it last said; empty: unknown. */
	struct buf resources, fresh;
	struct buf listed; /* the same as our aggregated discovery shows it: members of a list */
	bool available;
	/* The look that is under way. */
	struct timer look;
	struct http_call *call;
	int status;
};

struct aggregate {
	struct apiserver *s;
	struct follow follow;
	struct remote **v; /* by group priority, version priority, name */
	size_t n, cap;
	struct buf cert, key; /* front-proxy-client */
	struct timer renew;
};

struct remote *aggregate_find(const struct aggregate *a, struct str group, struct str version);
/*
 * The client for it, pointed at the endpoints there are now. NULL with `why` (the condition's
 * reason is *ret_reason).
 */
struct http_client *aggregate_client(struct remote *r, const char **ret_reason, struct buf *why);
/*
 * What an APIResourceList says, as members of the aggregated form's list. -EINVAL where a client
 * would stumble over it: one server's nonsense would hide all other groups.
 */
int aggregate_understand(const struct remote *r, struct str json, struct buf *out);
/* Write the condition Available of an APIService, where it is another. */
void aggregate_tell(struct apiserver *s, struct str key, bool available, const char *reason,
		    const char *message);
/* Look now whether it answers. */
void aggregate_look(struct remote *r);
void aggregate_look_stop(struct remote *r);
void aggregate_on_look(struct timer *t);
#endif
