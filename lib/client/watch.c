/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/client.h"
#include "lib/client/client_private.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"

#define EVENT_MAX_BYTES (32u << 20)
#define ERROR_BODY_MAX (64u << 10)

/* The object stands one level deeper than where it was checked before. */
static const struct json_scan_limits event_limits = {.max_depth = JSON_MAX_DEPTH + 1,
						     .max_values = UINT32_MAX};

struct client_watch {
	struct client_stream s; /* first */
	struct client_watch_ops ops;
	void *user;
	struct buf in; /* bytes behind the last newline */
	size_t scanned; /* no newline before this offset */
	struct err e; /* what an ERROR event or a broken frame said */
	bool busy, dead; /* inside a callback; cancelled there */
};

static const char *const event_names[TRANSPORT_EVENT_MAX] = {
	[TRANSPORT_ADDED] = "ADDED",     [TRANSPORT_MODIFIED] = "MODIFIED",
	[TRANSPORT_DELETED] = "DELETED", [TRANSPORT_BOOKMARK] = "BOOKMARK",
	[TRANSPORT_ERROR] = "ERROR",
};

static int event_parse(struct str name)
{
	for (int i = 0; i < TRANSPORT_EVENT_MAX; i++)
		if (event_names[i] && str_eqs(name, event_names[i]))
			return i;
	return TRANSPORT_EVENT_INVALID;
}

static void watch_free(struct client_stream *s)
{
	struct client_watch *w = container_of(s, struct client_watch, s);

	err_done(&w->e);
	buf_done(&w->in);
	free(w);
}

static void deliver(struct client_watch *w, enum transport_event ev, struct blob obj)
{
	if (w->dead || w->e.errnum) {
		blob_release(&obj);
		return;
	}
	if (ev == TRANSPORT_ERROR) {
		client_status_to_err(500, obj.bytes, &w->e);
		blob_release(&obj);
		return;
	}
	w->ops.event(w->user, ev, obj);
}

static void on_line(struct client_watch *w, struct str line)
{
	struct jv v, obj;
	int ev;

	if (!str_trim(line).len)
		return;
	if (json_scan(line, &event_limits, &w->e) < 0) {
		err_prefix(&w->e, "broken watch event: ");
		return;
	}
	v = jv_of(line);
	obj = jv_get(v, "object");
	ev = event_parse(jv_text(jv_get(v, "type")));
	if (ev < 0 || jv_type(obj) != JV_OBJECT) {
		err_set(&w->e, EPROTO, NULL, "broken watch event: no known type, or no object");
		return;
	}
	deliver(w, (enum transport_event)ev, blob_copy(jv_raw(obj)));
}

static void on_response(void *user, const struct transport_resp *r)
{
	struct client_watch *w = user;

	w->s.status = r->status;
	w->s.retry_after_s = r->retry_after_s;
}

/* Ends the stream from our side. */
static void give_up(struct client_watch *w)
{
	client_stream_close(&w->s);
	w->ops.end(w->user, &w->e);
	watch_free(&w->s);
}

/* Behind a callback: the caller may have cancelled, or the event was the last. True: w is gone. */
static bool settle(struct client_watch *w)
{
	w->busy = false;
	if (w->dead)
		watch_free(&w->s);
	else if (w->e.errnum)
		give_up(w);
	else
		return false;
	return true;
}

static void on_data(void *user, struct str bytes)
{
	struct client_watch *w = user;
	size_t start = 0;
	char *nl;

	if (w->s.status != 200) {
		if (w->in.len + bytes.len <= ERROR_BODY_MAX)
			buf_addstr(&w->in, bytes);
		return;
	}
	if (w->in.len + bytes.len > EVENT_MAX_BYTES) {
		err_set(&w->e, EMSGSIZE, NULL, "watch event of more than %u bytes",
			EVENT_MAX_BYTES);
		settle(w);
		return;
	}
	buf_addstr(&w->in, bytes);
	w->busy = true;
	while (!w->dead && !w->e.errnum &&
	       (nl = memchr(w->in.p + w->scanned, '\n', w->in.len - w->scanned))) {
		size_t end = (size_t)(nl - w->in.p);

		on_line(w, str_n(w->in.p + start, end - start));
		start = w->scanned = end + 1;
	}
	if (settle(w))
		return;
	buf_consume(&w->in, start);
	w->scanned = w->in.len;
}

static void on_object(void *user, enum transport_event ev, struct blob obj)
{
	struct client_watch *w = user;

	w->busy = true;
	deliver(w, ev, obj);
	settle(w);
}

static void on_end(void *user, int r)
{
	struct client_watch *w = user;

	client_stream_ended(&w->s);
	if (!w->e.errnum)
		client_stream_result(&w->s, r, buf_str(&w->in), &w->e);
	w->ops.end(w->user, &w->e);
	watch_free(&w->s);
}

struct client_watch *client_watch(struct client *c, const struct client_kind *k, struct str ns,
				  const char *query, const char *accept,
				  const struct client_watch_ops *ops, void *user)
{
	struct client_watch *w = NEW(struct client_watch);
	CLEANUP(buf_done) struct buf q = BUF_INIT;
	struct transport_req treq = {.stream = true,
				     .on_response = on_response,
				     .on_data = on_data,
				     .on_object = on_object,
				     .on_end = on_end};

	w->s.free = watch_free;
	w->ops = *ops;
	w->user = user;
	buf_init(&w->in);
	buf_adds(&q, "watch=true");
	if (query && *query)
		buf_addf(&q, "&%s", query);
	client_stream_open(
		c, &w->s,
		&(struct client_req){
			.method = "GET", .kind = k, .ns = ns, .query = q.p, .accept = accept},
		&treq);
	return w;
}

void client_watch_cancel(struct client_watch *w)
{
	if (!w)
		return;
	client_stream_close(&w->s);
	if (w->busy)
		w->dead = true;
	else
		watch_free(&w->s);
}
