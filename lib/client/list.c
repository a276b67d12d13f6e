/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/client.h"
#include "lib/client/client_private.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"

#define PAGE_MAX_BYTES (256u << 20)

/* A page holds many objects, each inside the limits of one. */
static const struct json_scan_limits page_limits = {.max_depth = JSON_MAX_DEPTH + 2,
						    .max_values = UINT32_MAX};

struct client_list {
	struct client_stream s; /* first */
	struct client_page_ops ops;
	void *user;
	struct buf body;
	bool too_large, busy, dead;
};

static void list_free(struct client_stream *s)
{
	struct client_list *l = container_of(s, struct client_list, s);

	buf_done(&l->body);
	free(l);
}

static void on_response(void *user, const struct transport_resp *r)
{
	struct client_list *l = user;

	l->s.status = r->status;
	l->s.retry_after_s = r->retry_after_s;
}

static void on_data(void *user, struct str bytes)
{
	struct client_list *l = user;

	if (l->body.len + bytes.len > PAGE_MAX_BYTES)
		l->too_large = true;
	else
		buf_addstr(&l->body, bytes);
}

/* Calls the user with an object; false: the list was cancelled there and is gone. */
static bool give_item(struct client_list *l, struct blob obj)
{
	l->busy = true;
	l->ops.item(l->user, obj);
	l->busy = false;
	if (l->dead)
		list_free(&l->s);
	return !l->dead;
}

static void on_object(void *user, enum transport_event ev, struct blob obj)
{
	give_item(user, obj);
}

static void on_end(void *user, int r)
{
	struct client_list *l = user;
	struct client_page page = {0};
	struct err e = ERR_INIT;
	struct jv v = JV_NONE;

	l->s.call = NULL;
	client_stream_result(&l->s, l->too_large ? -EMSGSIZE : r, buf_str(&l->body), &e);
	/* An in-process answer is our own writing; from a wire it is checked before it is read. */
	if (!e.errnum && json_scan(buf_str(&l->body), &page_limits, &e) < 0)
		err_prefix(&e, "broken list: ");
	if (!e.errnum) {
		v = jv_of(buf_str(&l->body));
		jv_for_each (it, jv_get(v, "items")) {
			if (!give_item(l, blob_copy(jv_raw(it.value)))) {
				err_done(&e);
				return;
			}
		}
		if (str_to_u64(jv_text(jv_path(v, "metadata.resourceVersion")), &page.rv) < 0)
			page.rv = 0;
		page.cont = jv_text(jv_path(v, "metadata.continue"));
	}
	client_stream_ended(&l->s);
	l->ops.done(l->user, &e, e.errnum ? NULL : &page);
	err_done(&e);
	list_free(&l->s);
}

struct client_list *client_list_page(struct client *c, const struct client_kind *k, struct str ns,
				     const char *query, const char *accept,
				     const struct client_page_ops *ops, void *user)
{
	struct client_list *l = NEW(struct client_list);
	struct transport_req treq = {.on_response = on_response,
				     .on_data = on_data,
				     .on_object = on_object,
				     .on_end = on_end};

	l->s.free = list_free;
	l->ops = *ops;
	l->user = user;
	buf_init(&l->body);
	client_stream_open(
		c, &l->s,
		&(struct client_req){
			.method = "GET", .kind = k, .ns = ns, .query = query, .accept = accept},
		&treq);
	return l;
}

void client_list_cancel(struct client_list *l)
{
	if (!l)
		return;
	client_stream_close(&l->s);
	if (l->busy)
		l->dead = true;
	else
		list_free(&l->s);
}
