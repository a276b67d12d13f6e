/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/write.h"
#include "lib/api/apply.h"
#include "lib/api/convert.h"
#include "lib/api/index.h"
#include "lib/api/strategy.h"
#include "master/apiserver/service_alloc.h"

#define WRITE_TRIES 16
#define EVENT_TTL_S 3600

void write_init(struct write *w, struct request *r, const struct write_ops *ops)
{
	w->r = request_ref(r);
	w->srv = r->srv;
	w->ops = ops;
	w->kind = r->kind;
	w->sub = r->sub;
	w->value = BUF_INIT;
	write_set_name(w, r->info.ns, r->info.name);
}

void write_set_name(struct write *w, struct str ns, struct str name)
{
	char *new_ns = xstrndup(ns.p ? ns.p : "", ns.len);
	char *new_name = xstrndup(name.p ? name.p : "", name.len);

	free(w->ns);
	free(w->name);
	w->ns = new_ns;
	w->name = new_name;
}

static void write_free(struct write *w)
{
	struct request *r = w->r;

	service_alloc_drop(w->srv->services, w->held);
	free(w->ns);
	free(w->name);
	buf_done(&w->value);
	w->ops->free(w);
	request_unref(r);
}

static void fail(struct write *w, const struct err *e)
{
	struct api_status_details d;

	if (!w->r->gone && !w->quiet) {
		respond_details(w->r, &d);
		if (*w->name && !d.name.len)
			d.name = str_of(w->name);
		if (e->reason && !strcmp(e->reason, "Invalid"))
			d.kind = str_of(w->kind->kind);
		if (e->http_code == 400 || (e->reason && !strcmp(e->reason, "BadRequest")))
			respond_err(w->r, e);
		else
			respond_err_about(w->r, e, &d);
	}
	write_free(w);
}

/* Nothing was done, because another master leads: it gets the whole request. */
static bool pass_on(struct write *w)
{
	struct request *r = w->r;

	if (!w->srv->conf.cluster || w->quiet || r->gone || r->answered)
		return false;
	request_ref(r);
	write_free(w);
	request_to_leader(r);
	request_unref(r);
	return true;
}

static void fail_store(struct write *w, int r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	if (r == -EREMOTE && pass_on(w))
		return;

	switch (r) {
	case -EBUSY:
		err_set(&e, EBUSY, "TooManyRequests",
			"the store is busy: too many writes wait for the disk");
		e.http_code = 429;
		e.retry_after_s = 1;
		break;
	case -ENOSPC:
		err_set(&e, ENOSPC, "ServiceUnavailable", "the disk of the store is full");
		e.retry_after_s = 5;
		break;
	case -EREMOTE:
		err_set(&e, EREMOTE, "ServiceUnavailable", "this master is not the leader");
		e.retry_after_s = 1;
		break;
	case -ECANCELED:
		/* Without Retry-After: nobody shall repeat it who does not know what it would do.
		 */
		err_set(&e, ETIMEDOUT, "Timeout",
			"the leader changed while the write was under way: it may or may not have "
			"been carried out");
		e.http_code = 504;
		break;
	case -EMSGSIZE:
		err_set(&e, EFBIG, "RequestEntityTooLarge", "the object is too large");
		e.http_code = 413;
		break;
	case -EEXIST:
		api_err_already_exists(&e, w->kind, str_of(w->name));
		break;
	case -ENOENT:
		api_err_not_found(&e, w->kind, str_of(w->name));
		break;
	case -EAGAIN:
		api_err_conflict(&e, w->kind, str_of(w->name),
				 "the object has been modified; please apply your changes to the "
				 "latest version and try again");
		break;
	default:
		err_set(&e, -r, "InternalError", "the store did not confirm the write: %s",
			strerror(-r));
	}
	fail(w, &e);
}

static void answer(struct write *w, struct str value, const struct store_obj *o)
{
	struct request *r = w->r;

	if (w->action == WRITE_PUT)
		service_alloc_commit(w->srv->services, TAKE(w->held));
	if (r->gone)
		; /* nobody listens */
	else if (w->ops->done)
		w->ops->done(w, w->action, value, o);
	else if (o)
		respond_object(r, w->created ? 201 : 200, o);
	else
		respond_value(r, w->created ? 201 : 200, value);
	write_free(w);
}

static void committed(void *user, const struct store_result *res)
{
	struct write *w = user;
	int r = res->err;

	if (r == 0) {
		answer(w, res->objs[0]->value, res->objs[0]);
		return;
	}
	if ((r == -EAGAIN || r == -EEXIST || r == -ENOENT) && w->tries < WRITE_TRIES &&
	    (!w->ops->retry || w->ops->retry(w, r))) {
		write_start(w);
		return;
	}
	fail_store(w, r);
}

/* Nothing is stored: show what would have been, with the revision it was made from. */
static void dry_answer(struct write *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (w->action == WRITE_DELETE) {
		answer(w, w->cur_obj->value, NULL);
		return;
	}
	buf_add(&b, w->value.p, w->rv_at);
	if (w->cur_obj)
		buf_addu64(&b, w->cur_obj->rev);
	buf_add(&b, w->value.p + w->rv_at, w->value.len - w->rv_at);
	service_alloc_drop(w->srv->services, TAKE(w->held));
	answer(w, buf_str(&b), NULL);
}

static void propose(struct write *w, struct json_object *obj)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	CLEANUP(buf_done) struct buf meta = BUF_INIT;
	const struct api_kind *st = request_storage(w->kind);
	struct store_op op = {.type = w->action == WRITE_PUT ? STORE_PUT : STORE_DELETE,
			      .expect = w->cur_obj ? w->cur_obj->rev : STORE_ABSENT};
	int r;

	buf_clear(&w->value);
	if (obj) {
		buf_reserve(&w->value, 4000);
		if (w->kind->storage)
			api_to_storage(w->kind, obj);
		api_encode(obj, &w->value, &w->rv_at);
		api_index_extract(st, obj, &meta);
	}
	if (request_dry_run(w->r)) {
		dry_answer(w);
		return;
	}
	request_key(w->kind, str_of(w->ns), str_of(w->name), &key);
	op.key = buf_str(&key);
	if (obj) {
		op.value = buf_str(&w->value);
		op.meta = buf_str(&meta);
		op.rv_at = (uint32_t)w->rv_at;
		op.ttl_s = !strcmp(st->plural, "events") ? EVENT_TTL_S : 0;
	}
	r = store_txn(w->srv->store, &op, 1, committed, w);
	if (r < 0)
		fail_store(w, r);
}

/*
 * What is decided without a proposal (nothing changes, or it is refused) rests on what this master
 * has, which another one may have overtaken. Asked once; if something came meanwhile, from anew.
 */
static void confirmed(void *user, int err)
{
	struct write *w = user;

	if (err == -EREMOTE && pass_on(w))
		return;
	if (err) {
		fail_store(w, err == -ECANCELED ? -EREMOTE : err);
		return;
	}
	w->confirmed = true;
	write_start(w);
}

static bool must_confirm(struct write *w)
{
	struct store_member m[2];

	if (w->confirmed || w->quiet || !w->srv->conf.cluster ||
	    store_members(w->srv->store, m, 2) < 2)
		return false;
	store_read_barrier(w->srv->store, confirmed, w);
	return true;
}

void write_start(struct write *w)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(w->srv->store);
	CLEANUP_JSON struct json_object *cur = NULL;
	CLEANUP_JSON struct json_object *obj = NULL;
	CLEANUP(err_done) struct err e = ERR_INIT;
	int action = 0;

	if (w->tries++)
		api_warnings_done(&w->r->warnings);
	service_alloc_drop(w->srv->services, TAKE(w->held));
	w->cur_obj = *w->name ? server_get(v, w->kind, str_of(w->ns), str_of(w->name)) : NULL;
	if (w->cur_obj) {
		action = jsonc_parse(w->cur_obj->value, NULL, &cur, &e);
		if (action == 0 && w->kind->storage)
			api_from_storage(w->kind, cur);
	}
	if (action == 0)
		action = w->ops->make(w, cur, &obj, &e);
	if ((action < 0 || action == WRITE_NONE) && must_confirm(w))
		return;
	if (action < 0) {
		fail(w, &e);
		return;
	}
	w->action = (enum write_action)action;
	if (w->action == WRITE_NONE)
		answer(w, w->cur_obj->value, w->cur_obj);
	else
		propose(w, w->action == WRITE_PUT ? obj : NULL);
}

/* ---- what creates and updates have in common ---- */

struct str write_manager(const struct request *r)
{
	struct str given = query_get(&r->query, "fieldManager"), word = r->user_agent;

	if (given.len)
		return given;
	if (!word.len)
		return STR("unknown");
	for (size_t i = 0; i < word.len; i++)
		if (word.p[i] == '/' || word.p[i] == ' ')
			return str_n(word.p, i);
	return str_n(word.p, MIN(word.len, (size_t)128));
}

int write_strictness(struct request *r, struct err *err)
{
	struct str v = query_get(&r->query, "fieldValidation");
	struct str dry = query_get(&r->query, "dryRun");
	int s = api_strictness_parse(v.p ? v : STR(""));

	if (s < 0)
		return api_err_bad_request(
			err,
			"fieldValidation: Unsupported value: \"%.*s\": supported "
			"values: \"Ignore\", \"Strict\", \"Warn\"",
			STR_ARG(v));
	if (dry.len && !str_eqs(dry, "All"))
		return api_err_bad_request(err,
					   "dryRun: Unsupported value: \"%.*s\": supported "
					   "values: \"All\"",
					   STR_ARG(dry));
	return s;
}

bool write_is_final(struct json_object *obj)
{
	struct json_object *meta = jsonc_get(obj, "metadata");
	struct json_object *fin = jsonc_get(meta, "finalizers");
	struct json_object *spec_fin = jsonc_path(obj, "spec.finalizers");

	return jsonc_get(meta, "deletionTimestamp") &&
	       jsonc_i64(jsonc_get(meta, "deletionGracePeriodSeconds"), 0) == 0 &&
	       (!fin || !json_object_array_length(fin)) &&
	       !(json_object_is_type(spec_fin, json_type_array) &&
		 json_object_array_length(spec_fin));
}

/* managedFields with the times left out, as text. */
static void managers_text(struct json_object *obj, struct buf *out)
{
	CLEANUP_JSON struct json_object *m = jsonc_clone(jsonc_path(obj, "metadata.managedFields"));

	for (size_t i = 0; m && i < json_object_array_length(m); i++)
		json_object_object_del(json_object_array_get_idx(m, i), "time");
	if (m)
		jsonc_write(m, out);
}

bool write_same(struct json_object *obj, struct json_object *cur)
{
	CLEANUP(buf_done) struct buf a = BUF_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!api_unchanged(obj, cur))
		return false;
	managers_text(obj, &a);
	managers_text(cur, &b);
	return str_eq(buf_str(&a), buf_str(&b));
}

static int admit(struct write *w, enum admission_op op, struct json_object *obj,
		 struct json_object *old, struct err *err)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(w->srv->store);
	struct admission a = {.srv = w->srv,
			      .view = v,
			      .user = w->r->user,
			      .op = op,
			      .kind = w->kind,
			      .sub = w->sub ? w->sub->name : "",
			      .ns = str_of(w->ns),
			      .name = str_of(w->name),
			      .obj = obj,
			      .old = old,
			      .warnings = &w->r->warnings};

	return admission_run(&a, err);
}

static void own_fields(struct write *w, struct json_object *obj, struct json_object *old)
{
	const char *sub = w->sub ? w->sub->name : w->managed_sub ? w->managed_sub : "";
	struct api_manager by = {write_manager(w->r), str_of(sub), server_now_ns(w->srv)};
	bool apply = str_eqs(w->r->method, "PATCH") &&
		     str_starts(w->r->content_type, STR("application/apply-patch"));

	if (!apply)
		api_managed_fields_update(w->kind, old, obj, &by);
}

static void strategy_warnings(struct write *w, struct json_object *obj, struct json_object *old)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, line;

	if (!w->kind->strategy || !w->kind->strategy->warnings)
		return;
	w->kind->strategy->warnings(obj, old, &b);
	rest = buf_str(&b);
	while (rest.len && str_split(&rest, '\n', &line))
		if (line.len)
			api_warnings_add(&w->r->warnings, "%.*s", STR_ARG(line));
}

int write_finish_update(struct write *w, struct json_object *obj, struct json_object *cur,
			struct err *err)
{
	int r;

	if (w->sub)
		api_prepare_update_sub(w->kind, w->sub, obj, cur);
	else
		api_prepare_update(w->kind, obj, cur);
	r = admit(w, ADMIT_UPDATE, obj, cur, err);
	if (r < 0)
		return r;
	own_fields(w, obj, cur);
	if (write_same(obj, cur))
		return WRITE_NONE;
	r = api_validate_update(w->kind, w->sub, obj, cur, err);
	if (r < 0)
		return r;
	strategy_warnings(w, obj, cur);
	if (w->kind->strategy && w->kind->strategy->canonicalise)
		w->kind->strategy->canonicalise(obj);
	if (write_is_final(obj))
		return WRITE_DELETE;
	r = service_alloc_prepare(w->srv->services, w->kind, w->sub, obj, cur, &w->held, err);
	return r < 0 ? r : WRITE_PUT;
}

/* generateName, uid and times: set by the server alone. True when the name is our choice. */
static bool stamp(struct write *w, struct json_object *obj)
{
	struct str name = jsonc_path_str(obj, "metadata.name");
	struct str prefix = jsonc_path_str(obj, "metadata.generateName");
	char uid[UUID_LEN + 1], time[TIME_LEN + 1], suffix[6];
	bool generated;

	generated = !name.len && prefix.len;
	if (generated) {
		CLEANUP_FREE char *full = NULL;

		rng_name_suffix(&rng_system, suffix, 5);
		suffix[5] = 0;
		full = xasprintf("%.*s%s", (int)MIN(prefix.len, (size_t)58), prefix.p, suffix);
		api_set_str(obj, "metadata.name", str_of(full));
		name = jsonc_path_str(obj, "metadata.name");
	}
	rng_uuid(&rng_system, uid);
	time_format(server_now_ns(w->srv), time);
	api_set_str(obj, "metadata.uid", str_of(uid));
	api_set_str(obj, "metadata.creationTimestamp", str_of(time));
	write_set_name(w, str_of(w->ns), name);
	return generated;
}

static bool exists(struct write *w)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(w->srv->store);

	return *w->name && server_get(v, w->kind, str_of(w->ns), str_of(w->name));
}

/* A namespace in the body must be that of the path; absent it is filled in. */
static int check_namespace(struct write *w, struct json_object *obj, struct err *err)
{
	struct str ns = jsonc_path_str(obj, "metadata.namespace");

	if (!api_kind_namespaced(w->kind)) {
		if (ns.len)
			api_del(obj, "metadata.namespace");
		return 0;
	}
	if (ns.len && !str_eqs(ns, w->ns))
		return api_err_bad_request(err, "the namespace of the provided object does not "
						"match the namespace sent on the request");
	if (!ns.len)
		api_set_str(obj, "metadata.namespace", str_of(w->ns));
	return 0;
}

int write_finish_create(struct write *w, struct json_object *obj, struct err *err)
{
	bool generated;
	int r;

	if (jsonc_path_str(obj, "metadata.resourceVersion").len)
		return api_err_bad_request(
			err, "resourceVersion should not be set on objects to be created");
	r = check_namespace(w, obj, err);
	if (r < 0)
		return r;
	api_default(w->kind, obj);
	generated = stamp(w, obj);
	api_prepare_create(w->kind, obj);
	/* Decided again when it is stored; known now, nothing is set aside for it. */
	if (!generated && exists(w))
		return api_err_already_exists(err, w->kind, str_of(w->name));
	r = admit(w, ADMIT_CREATE, obj, NULL, err);
	if (r < 0)
		return r;
	api_default(w->kind, obj);
	own_fields(w, obj, NULL);
	r = api_validate_create(w->kind, obj, err);
	if (r < 0)
		return r;
	strategy_warnings(w, obj, NULL);
	if (w->kind->strategy && w->kind->strategy->canonicalise)
		w->kind->strategy->canonicalise(obj);
	r = service_alloc_prepare(w->srv->services, w->kind, w->sub, obj, NULL, &w->held, err);
	if (r < 0)
		return r;
	w->created = true;
	return WRITE_PUT;
}
