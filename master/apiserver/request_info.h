/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_REQUEST_INFO_H
#define KNARR_REQUEST_INFO_H
#include "lib/base/buf.h"
/*
 * What a request's method, path and query say, before anything is looked up
 * (k8s.io/apiserver/pkg/endpoints/request RequestInfo).
 *
 *	/api/v1/namespaces/NS/pods/NAME/SUB/rest...	/apis/GROUP/VERSION/PLURAL/NAME
 *	/api/v1/namespaces/NAME[/status|/finalize]	the namespace itself
 *	/api/v1/watch/...				old form of ?watch=true
 */
struct query_param {
	struct str name, value; /* decoded */
};

#define QUERY_MAX 300 /* each word of an exec's command is one */
struct query {
	struct query_param *v;
	size_t n;
	struct buf text; /* what the pieces point into */
};

/* -EINVAL for bad escapes, -E2BIG for more than QUERY_MAX parameters. End with query_done. */
int query_parse(struct str raw, struct query *ret);
void query_done(struct query *q);
/* First parameter of the name; STR_NULL when absent. */
struct str query_get(const struct query *q, const char *name);
/* "true", "1", "t" ... as Go's ParseBool; empty counts as true, unreadable as false. */
bool query_bool(const struct query *q, const char *name);

struct request_info {
	bool is_resource; /* else only path and verb count */
	const char *verb; /* "get", "list", ..., or the method in lower case */
	struct str path;
	struct str group, version; /* group "" is core */
	struct str ns, resource, name, subresource;
	struct str rest; /* behind the sub-resource, e.g. of .../proxy/x/y; without leading slash */
	struct buf text; /* the decoded path */
};

/*
 * Fills *ret (ended by request_info_done). -EINVAL when the path cannot be decoded or hides a
 * slash or a NUL in an escape. The query decides between list and watch, and names the object of
 * a list with fieldSelector=metadata.name=X.
 */
int request_info_parse(struct str method, struct str path, const struct query *q,
		       struct request_info *ret);
void request_info_done(struct request_info *i);
#endif
