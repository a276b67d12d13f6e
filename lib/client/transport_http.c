/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/transport_http.h"
#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/http/client.h"

#define TIMEOUT_NS (30 * NSEC_PER_SEC)

struct http_transport {
	struct transport t; /* first */
	struct http_client *hc;
	struct list calls;
};

struct transport_call {
	struct list node;
	struct http_transport *t;
	struct http_call *call;
	struct transport_req req; /* only its callbacks and user are used after the start */
};

static void call_free(struct transport_call *c)
{
	list_remove(&c->node);
	free(c);
}

static void on_response(struct http_call *call, int status, void *user)
{
	struct transport_call *c = user;
	struct str after = http_call_header(call, "retry-after");
	struct transport_resp r = {.status = status,
				   .content_type = http_call_header(call, "content-type")};
	uint64_t seconds;

	if (status == 503) /* another master may know a leader, or have room */
		http_client_move(c->t->hc);
	if (after.len && str_to_u64(after, &seconds) == 0)
		r.retry_after_s = (uint32_t)MIN(seconds, 3600ull);
	if (c->req.on_response)
		c->req.on_response(c->req.user, &r);
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct transport_call *c = user;

	if (c->req.on_data)
		c->req.on_data(c->req.user, data);
}

static void on_end(struct http_call *call, int r, void *user)
{
	struct transport_call *c = user;
	struct transport_req req = c->req;

	call_free(c);
	if (req.on_end)
		req.on_end(req.user, r);
}

static struct transport_call *request(struct transport *t, const struct transport_req *req)
{
	static const struct http_call_ops ops = {on_response, on_data, on_end};
	struct http_transport *ht = container_of(t, struct http_transport, t);
	struct transport_call *c = NEW(struct transport_call);
	CLEANUP_FREE char *path = str_dup(req->path);
	struct http_header headers[3];
	size_t n = 0;

	headers[n++] = (struct http_header){
		STR("accept"), str_is_null(req->accept) ? STR("application/json") : req->accept};
	if (!str_is_null(req->content_type))
		headers[n++] = (struct http_header){STR("content-type"), req->content_type};
	c->t = ht;
	c->req = *req;
	list_append(&ht->calls, &c->node);
	c->call = http_client_request(ht->hc,
				      &(struct http_call_req){
					      .method = req->method,
					      .path = path,
					      .headers = headers,
					      .n_headers = n,
					      .body = req->body,
					      .timeout_ns = req->stream       ? 0
							    : req->timeout_ns ? req->timeout_ns
									      : TIMEOUT_NS,
				      },
				      &ops, c);
	return c;
}

static void cancel(struct transport *t, struct transport_call *c)
{
	http_call_cancel(c->call);
	call_free(c);
}

static void transport_http_free(struct transport *t)
{
	struct http_transport *ht = container_of(t, struct http_transport, t);

	list_for_each_safe (it, &ht->calls)
		cancel(t, list_entry(it, struct transport_call, node));
	http_client_free(ht->hc);
	free(ht);
}

static const struct transport_ops http_ops = {"http", request, cancel, transport_http_free};

struct transport *transport_http_new(struct http_client *hc)
{
	struct http_transport *ht = NEW(struct http_transport);

	ht->t.ops = &http_ops;
	ht->hc = hc;
	list_init(&ht->calls);
	return &ht->t;
}
