/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/conversion.h"
#include "master/apiserver/forward.h"
#include "master/apiserver/read.h"
#include "master/apiserver/verbs.h"

#define LATE_NS (3 * NSEC_PER_SEC)
#define LATE_LOOK_NS (2 * NSEC_PER_MSEC)

typedef void read_fn(struct request *r);

static void read_fail(struct request *r, int err)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EBUSY, "ServiceUnavailable", "the store cannot be read now: %s",
		strerror(-err));
	e.retry_after_s = 1;
	respond_err(r, &e);
}

static void read_done(void *user, int err)
{
	struct request *r = user;
	read_fn *fn = (read_fn *)r->work;

	if (r->gone)
		;
	else if (!err)
		fn(r);
	else if (err == -EREMOTE && r->srv->conf.cluster && strcmp(r->info.verb, "watch") != 0)
		forward_start(r, fn);
	else if (err == -EREMOTE && !strcmp(r->info.verb, "watch"))
		fn(r); /* of what is known here; more follows */
	else
		read_fail(r, err);
	request_unref(r);
}

/* A revision that was seen elsewhere comes here too, in a moment. */
struct late {
	struct request *r; /* a reference */
	read_fn *fn;
	uint64_t rev, until_ns;
	struct timer look;
};

static void late_gone(struct request *r)
{
	struct late *l = r->work;

	timers_disarm(r->srv->timers, &l->look);
	r->on_gone = NULL;
	r->work = NULL;
	free(l);
	request_unref(r);
}

static void late_look(struct timer *t)
{
	struct late *l = container_of(t, struct late, look);
	struct timers *ts = l->r->srv->timers;
	struct request *r;
	read_fn *fn = l->fn;

	if (store_rev(l->r->srv->store) < l->rev && timers_now_ns(ts) < l->until_ns) {
		timers_arm_in(ts, t, LATE_LOOK_NS);
		return;
	}
	r = request_ref(l->r);
	late_gone(r);
	fn(r);
	request_unref(r);
}

static void read_late(struct request *r, read_fn *fn, uint64_t rev)
{
	struct late *l = NEW(struct late);

	*l = (struct late){.r = request_ref(r),
			   .fn = fn,
			   .rev = rev,
			   .until_ns = timers_now_ns(r->srv->timers) + LATE_NS,
			   .look = {.fire = late_look}};
	r->work = l;
	r->on_gone = late_gone;
	timers_arm_in(r->srv->timers, &l->look, LATE_LOOK_NS);
}

void read_consistent(struct request *r, read_fn *fn)
{
	struct str given = query_get(&r->query, "resourceVersion");
	uint64_t rev;

	/* Whoever names a revision wants nothing newer than that. */
	if (given.len && str_to_u64(given, &rev) == 0 && !query_get(&r->query, "continue").len) {
		if (rev > store_rev(r->srv->store) && forward_wanted(r))
			read_late(r, fn, rev);
		else
			fn(r);
		return;
	}
	r->work = (void *)fn;
	store_read_barrier(r->srv->store, read_done, request_ref(r));
}

int read_check_rv(struct request *r, uint64_t *ret, struct err *err)
{
	struct str text = query_get(&r->query, "resourceVersion");
	uint64_t have = store_rev(r->srv->store);

	*ret = 0;
	if (!text.len)
		return 0;
	if (str_to_u64(text, ret) < 0)
		return api_err_bad_request(err,
					   "Invalid value: \"%.*s\": strconv.ParseUint: "
					   "parsing \"%.*s\": invalid syntax",
					   STR_ARG(text), STR_ARG(text));
	return *ret <= have ? 1 : read_rv_too_large(r, *ret, err);
}

int read_rv_too_large(struct request *r, uint64_t rev, struct err *err)
{
	err_set(err, ETIMEDOUT, "Timeout",
		"Too large resource version: %" PRIu64 ", current: %" PRIu64, rev,
		store_rev(r->srv->store));
	err_field(err, "", "ResourceVersionTooLarge", "Too large resource version");
	err->http_code = 504;
	err->retry_after_s = 1;
	return -ETIMEDOUT;
}

const struct store_obj *server_get(const struct store_view *v, const struct api_kind *k,
				   struct str ns, struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	request_key(k, ns, name, &key);
	return store_get(v, buf_str(&key));
}

static void get_now(struct request *r)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(r->srv->store);
	CLEANUP(err_done) struct err e = ERR_INIT;
	const struct store_obj *o;
	uint64_t rv;

	if (read_check_rv(r, &rv, &e) < 0) {
		respond_err(r, &e);
		return;
	}
	o = server_get(v, r->kind, r->info.ns, r->info.name);
	if (o && conversion_wait(r, &o, 1, get_now))
		return;
	if (o) {
		respond_object(r, 200, o);
		return;
	}
	api_err_not_found(&e, r->kind, r->info.name);
	respond_err(r, &e);
}

void verb_get(struct request *r)
{
	read_consistent(r, get_now);
}
