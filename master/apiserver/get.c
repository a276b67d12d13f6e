/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/read.h"
#include "master/apiserver/verbs.h"

static void read_done(void *user, int err)
{
	struct request *r = user;
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (!r->gone) {
		if (err) {
			err_set(&e, EBUSY, "ServiceUnavailable", "the store cannot be read now: %s",
				strerror(-err));
			e.retry_after_s = 1;
			respond_err(r, &e);
		} else {
			((void (*)(struct request *))r->work)(r);
		}
	}
	request_unref(r);
}

void read_consistent(struct request *r, void (*fn)(struct request *r))
{
	r->work = fn;
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
	if (*ret <= have)
		return 1;
	err_set(err, ETIMEDOUT, "Timeout",
		"Too large resource version: %" PRIu64 ", current: %" PRIu64, *ret, have);
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
