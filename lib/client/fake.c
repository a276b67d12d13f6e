/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/fake.h"
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "lib/client/fake_private.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

/* Time */

static uint64_t fake_mono(void *user)
{
	return ((struct fake_time *)user)->mono_ns;
}

static int64_t fake_real(void *user)
{
	return ((struct fake_time *)user)->real_ns;
}

void fake_time_init(struct fake_time *t)
{
	*t = (struct fake_time){.mono_ns = NSEC_PER_SEC};
	t->real_ns = 1767225600 * (int64_t)NSEC_PER_SEC; /* 2026-01-01T00:00:00Z */
	t->clock = (struct clock){fake_mono, fake_real, t};
	timers_init(&t->timers, &t->clock);
}

void fake_time_done(struct fake_time *t)
{
	timers_done(&t->timers);
}

static void move_to(struct fake_time *t, uint64_t mono_ns)
{
	t->real_ns += (int64_t)(mono_ns - t->mono_ns);
	t->mono_ns = mono_ns;
}

size_t fake_time_run(struct fake_time *t, uint64_t ns)
{
	uint64_t until_ns = t->mono_ns + ns;
	size_t fired = 0;

	while (timers_next_ns(&t->timers) <= until_ns) {
		move_to(t, MAX(t->mono_ns, timers_next_ns(&t->timers)));
		fired += timers_run(&t->timers);
	}
	move_to(t, until_ns);
	return fired;
}

/* Paths */

static bool eat(struct str *rest, struct str *ret)
{
	return str_split(rest, '/', ret);
}

bool fake_path_parse(struct str path, struct fake_path *ret)
{
	struct str rest, query = STR_NULL, part;
	ssize_t q = str_chr(path, '?');

	*ret = (struct fake_path){0};
	if (q >= 0) {
		query = str_skip(path, (size_t)q + 1);
		path.len = (size_t)q;
	}
	rest = path;
	if (!eat(&rest, &part) || part.len || !eat(&rest, &part))
		return false;
	if (!str_eqs(part, "api") && !(str_eqs(part, "apis") && eat(&rest, &part)))
		return false;
	if (!eat(&rest, &part))
		return false;
	ret->gv = str_n(path.p, (size_t)(part.p + part.len - path.p));
	if (!eat(&rest, &part))
		return false;
	if (str_eqs(part, "namespaces") && !str_is_null(rest) && str_chr(rest, '/') >= 0) {
		struct str after = rest, ns, plural;

		eat(&after, &ns);
		eat(&after, &plural);
		if (!str_eqs(plural, "status") && !str_eqs(plural, "finalize")) {
			ret->ns = ns;
			part = plural;
			rest = after;
		}
	}
	ret->plural = part;
	if (eat(&rest, &part))
		ret->name = part;
	if (eat(&rest, &part))
		ret->sub = part;
	ret->query = query;
	return true;
}

struct str fake_query(const struct fake_path *p, const char *name)
{
	struct str rest = p->query, pair, value;

	while (str_split(&rest, '&', &pair)) {
		value = pair;
		if (str_split(&value, '=', &pair) && str_eqs(pair, name))
			return value;
	}
	return STR_NULL;
}

/* Calls */

static void call_free(struct fake_call *call)
{
	timers_disarm(call->f->timers, &call->timer);
	list_remove(&call->node);
	buf_done(&call->body);
	buf_done(&call->in);
	free(call->path_text);
	free(call);
}

static void finish(struct fake_call *call, int r)
{
	struct transport_req req = call->req;

	call_free(call);
	req.on_end(req.user, r);
}

/* Sends what a watch has not seen; the call may be cancelled by any of the callbacks. */
static void feed_watch(struct fake_call *call)
{
	struct fake_api *f = call->f;

	while (call->cursor < f->n_log) {
		const struct fake_event *ev = &f->log[call->cursor++];
		struct transport_req req = call->req;
		CLEANUP(buf_done) struct buf line = BUF_INIT;
		bool gone = false;

		if (ev->rv <= call->after_rv || !fake_path_covers(&call->path, ev->rec))
			continue;
		call->gone = &gone;
		if (f->in_memory && req.on_object) {
			req.on_object(req.user, ev->type, blob_copy(str_of(ev->bytes)));
		} else {
			buf_addf(&line, "{\"type\":\"%s\",\"object\":%s}\n",
				 ev->type == TRANSPORT_ADDED      ? "ADDED"
				 : ev->type == TRANSPORT_MODIFIED ? "MODIFIED"
								  : "DELETED",
				 ev->bytes);
			/* In two pieces, so that the decoder has to join them. */
			req.on_data(req.user, str_n(line.p, line.len / 2));
			if (!gone)
				req.on_data(req.user, str_skip(buf_str(&line), line.len / 2));
		}
		if (gone)
			return;
		call->gone = NULL;
	}
}

static void start_watch(struct fake_call *call)
{
	uint64_t rv = 0;

	if (str_to_u64(fake_query(&call->path, "resourceVersion"), &rv) == 0 && rv &&
	    rv < call->f->compacted) {
		fake_answer_error(call, 410, "Expired", "too old resource version");
		return;
	}
	call->after_rv = rv;
	call->cursor = 0;
	call->watching = true;
	call->status = 200;
}

/* Sends the answer of a call that is no open watch. The callbacks may cancel it: `gone` tells. */
static void answer(struct fake_call *call, bool *gone)
{
	struct transport_req req = call->req;

	call->gone = gone;
	if (!call->status) {
		if (req.stream)
			start_watch(call);
		else
			fake_handle(call);
	}
	if (req.on_response)
		req.on_response(req.user,
				&(struct transport_resp){.status = call->status,
							 .content_type = STR("application/json")});
	if (*gone)
		return;
	if (call->watching) {
		call->gone = NULL;
		feed_watch(call);
		return;
	}
	if (req.on_data && call->body.len)
		req.on_data(req.user, buf_str(&call->body));
	if (*gone)
		return;
	call->gone = NULL;
	finish(call, 0);
}

static void on_due(struct timer *t)
{
	struct fake_call *call = container_of(t, struct fake_call, timer);
	bool *gone;

	if (call->watching) {
		feed_watch(call);
		return;
	}
	if (call->break_connection) {
		finish(call, -ECONNRESET);
		return;
	}
	gone = xcalloc(1, sizeof(*gone));
	answer(call, gone);
	free(gone);
}

void fake_wake_watches(struct fake_api *f)
{
	list_for_each (it, &f->calls) {
		struct fake_call *call = list_entry(it, struct fake_call, node);

		if (call->watching && !timer_armed(&call->timer))
			timers_arm_in(f->timers, &call->timer, NSEC_PER_USEC);
	}
}

static void apply_faults(struct fake_api *f, struct fake_call *call, const char *what)
{
	for (size_t i = 0; i < f->n_faults; i++) {
		struct fake_fault *fault = &f->faults[i];

		if (!fault->n || !strstr(what, fault->match))
			continue;
		fault->n--;
		if (fault->status)
			fake_answer_error(call, fault->status, "Injected", "injected failure");
		else
			call->break_connection = true;
		return;
	}
}

static struct transport_call *request(struct transport *t, const struct transport_req *req)
{
	struct fake_api *f = container_of(t, struct fake_api, transport);
	struct fake_call *call = NEW(struct fake_call);
	char *what = xasprintf("%s %.*s", req->method, STR_ARG(req->path));

	call->f = f;
	call->req = *req;
	call->path_text = str_dup(req->path);
	buf_init(&call->body);
	buf_init(&call->in);
	buf_addstr(&call->in, req->body);
	call->req.body = STR_NULL;
	call->timer.fire = on_due;
	if (!fake_path_parse(str_of(call->path_text), &call->path))
		fake_answer_error(call, 404, "NotFound", "no such path");
	*ARRAY_PUSH(f->requests, f->n_requests, f->cap_requests) = what;
	apply_faults(f, call, what);
	list_append(&f->calls, &call->node);
	timers_arm_in(f->timers, &call->timer, NSEC_PER_USEC);
	return (struct transport_call *)call;
}

static void cancel(struct transport *t, struct transport_call *c)
{
	struct fake_call *call = (struct fake_call *)c;

	if (call->gone)
		*call->gone = true;
	call_free(call);
}

static void transport_free_nop(struct transport *t)
{
}

static const struct transport_ops fake_ops = {"fake", request, cancel, transport_free_nop};

struct fake_api *fake_api_new(struct timers *ts)
{
	struct fake_api *f = NEW(struct fake_api);

	f->transport.ops = &fake_ops;
	f->timers = ts;
	f->records = hmap_new();
	f->rv = 100;
	list_init(&f->calls);
	return f;
}

struct fake_api *fake_api_free(struct fake_api *f)
{
	if (!f)
		return NULL;
	list_for_each_safe (it, &f->calls)
		call_free(list_entry(it, struct fake_call, node));
	fake_store_done(f);
	for (size_t i = 0; i < f->n_requests; i++)
		free(f->requests[i]);
	free(f->requests);
	free(f->faults);
	free(f);
	return NULL;
}

struct transport *fake_api_transport(struct fake_api *f)
{
	return &f->transport;
}

void fake_api_objects(struct fake_api *f, bool in_memory)
{
	f->in_memory = in_memory;
}

void fake_api_fail(struct fake_api *f, const char *match, int status, uint32_t n)
{
	*ARRAY_PUSH(f->faults, f->n_faults, f->cap_faults) = (struct fake_fault){match, status, n};
}

void fake_api_break_watches(struct fake_api *f)
{
	list_for_each_safe (it, &f->calls) {
		struct fake_call *call = list_entry(it, struct fake_call, node);

		if (!call->watching)
			continue;
		call->watching = false;
		call->break_connection = true;
		timers_soon(f->timers, &call->timer);
	}
}

void fake_api_compact(struct fake_api *f)
{
	f->compacted = f->rv;
}

size_t fake_api_requests(struct fake_api *f, const char *match)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_requests; i++)
		n += strstr(f->requests[i], match) != NULL;
	return n;
}
