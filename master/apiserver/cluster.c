/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/forward.h"
#include "master/apiserver/verbs.h"

/* The administration of the masters: decided elsewhere (conf.cluster), by the one that leads. */
#define BODY_MAX (64u << 10)

struct cluster_call {
	struct api_call c;
	struct request *r; /* a reference */
};

static struct request *take(struct api_call *c)
{
	struct cluster_call *cc = container_of(c, struct cluster_call, c);
	struct request *r = cc->r;

	free(cc);
	return r;
}

void api_call_reply(struct api_call *c, int status, struct buf *json)
{
	struct request *r = take(c);

	respond_json(r, status, json);
	request_unref(r);
}

void api_call_fail(struct api_call *c, const struct err *e)
{
	struct request *r = take(c);

	respond_err(r, e);
	request_unref(r);
}

static void call(struct request *r)
{
	const struct apiserver_cluster *cl = r->srv->conf.cluster;
	struct cluster_call *cc = NEW(struct cluster_call);

	cc->c = (struct api_call){r->method, str_skip(r->info.path, strlen(CLUSTER_PATH)), r->body,
				  r->user};
	cc->r = request_ref(r);
	cl->call(cl->user, &cc->c);
}

void cluster_run(struct request *r)
{
	/* Each master answers for its own keys. */
	if (!forward_wanted(r) || str_eqs(r->info.path, CLUSTER_PATH "ca"))
		call(r);
	else if (str_eqs(r->method, "GET"))
		forward_or_local(r, call);
	else
		forward_start(r, call);
}

void api_call_again(struct api_call *c)
{
	struct request *r = take(c);

	forward_start(r, call);
	request_unref(r);
}

void cluster_begin(struct request *r)
{
	if (str_eqs(r->method, "GET"))
		cluster_run(r);
	else
		r->front->read_body(r, BODY_MAX);
}
