/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/write.h"
#include "lib/api/convert.h"
#include "lib/api/index.h"
#include "master/apiserver/admission_version.h"
#include "master/apiserver/admission_webhook.h"
#include "master/apiserver/conversion.h"
#include "master/apiserver/policies.h"
#include "master/apiserver/quota.h"
#include "master/apiserver/service_alloc.h"

#define WRITE_TRIES 16
#define WRITE_TRIES_EXTRA 1000 /* of those who meet only at a quota: each time one gets on */
#define EVENT_TTL_S 3600

void write_init(struct write *w, struct request *r, const struct write_ops *ops)
{
	w->r = request_ref(r);
	w->srv = r->srv;
	w->ops = ops;
	w->kind = r->kind;
	w->sub = r->sub;
	w->value = BUF_INIT;
	w->lack.value = BUF_INIT;
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

void write_extra_done(struct write_extra *x)
{
	buf_done(&x->key);
	buf_done(&x->value);
	buf_done(&x->meta);
}

/* What one try holds. */
static void drop_try(struct write *w)
{
	json_object_put(TAKE(w->obj));
	json_object_put(TAKE(w->cur));
	json_object_put(TAKE(w->seen));
	json_object_put(TAKE(w->seen_old));
	w->seen_kind = NULL;
	store_view_unref(TAKE(w->view));
	w->cur_obj = NULL;
	while (w->n_extra)
		write_extra_done(&w->extra[--w->n_extra]);
	free(TAKE(w->extra));
	w->cap_extra = 0;
}

static void write_free(struct write *w)
{
	struct request *r = w->r;

	quota_leave(w);
	drop_try(w);
	service_alloc_drop(w->srv->services, w->held);
	free(w->ns);
	free(w->name);
	buf_done(&w->value);
	admission_lack_done(w);
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

static void answer(struct write *w, struct str value, const struct store_obj *o);

/* Stored, and to be shown in a version that only a webhook can make of it. */
struct unanswered {
	struct write *w;
	struct buf value;
	struct store_obj *o; /* a reference, or NULL */
};

static void answer_converted(void *user, const struct err *e)
{
	struct unanswered *u = user;

	if (e)
		fail(u->w, e);
	else
		answer(u->w, buf_str(&u->value), u->o);
	buf_done(&u->value);
	store_obj_unref(u->o);
	free(u);
}

static bool answer_later(struct write *w, struct str value, const struct store_obj *o)
{
	struct unanswered *u;

	if (w->r->gone || w->quiet || w->action == WRITE_DELETE ||
	    !custom_wants_webhook(w->kind, value))
		return false;
	u = NEW(struct unanswered);
	*u = (struct unanswered){w, BUF_INIT, o ? store_obj_ref(o) : NULL};
	buf_addstr(&u->value, value);
	conversion_ensure(w->srv, w->kind, &value, 1, answer_converted, u);
	return true;
}

static void answer(struct write *w, struct str value, const struct store_obj *o)
{
	struct request *r = w->r;

	if (answer_later(w, value, o))
		return;
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
	if ((r == -EAGAIN || r == -EEXIST || r == -ENOENT) && res->failed > 0 &&
	    w->tries < WRITE_TRIES_EXTRA) {
		write_start(w);
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

static void encode(struct write *w, struct buf *meta)
{
	const struct api_kind *st = request_storage(w->kind);

	buf_clear(&w->value);
	if (w->action != WRITE_PUT)
		return;
	buf_reserve(&w->value, 4000);
	if (w->kind->storage)
		api_to_storage(w->kind, w->obj);
	api_encode(w->obj, &w->value, &w->rv_at);
	api_index_extract(st, w->obj, meta);
}

void write_also(struct write *w, enum store_op_type type, const struct api_kind *k, struct str key,
		uint64_t rev, struct json_object *obj)
{
	struct write_extra *x = ARRAY_PUSH(w->extra, w->n_extra, w->cap_extra);

	*x = (struct write_extra){.type = type, .rev = rev};
	buf_addstr(&x->key, key);
	if (!obj)
		return;
	api_encode(obj, &x->value, &x->rv_at);
	api_index_extract(k, obj, &x->meta);
}

/* w->value and meta are what shall be stored. */
static void put(struct write *w, struct str meta)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct store_op ops[1 + WRITE_EXTRA_MAX], *op = ops;
	int r;

	op[0] = (struct store_op){.type = w->action == WRITE_PUT ? STORE_PUT : STORE_DELETE,
				  .expect = w->cur_obj ? w->cur_obj->rev : STORE_ABSENT};
	if (request_dry_run(w->r)) {
		dry_answer(w);
		return;
	}
	request_key(w->kind, str_of(w->ns), str_of(w->name), &key);
	op->key = buf_str(&key);
	if (op->type == STORE_PUT) {
		op->value = buf_str(&w->value);
		op->meta = meta;
		op->rv_at = (uint32_t)w->rv_at;
		op->ttl_s = !strcmp(request_storage(w->kind)->plural, "events") ? EVENT_TTL_S : 0;
	}
	for (size_t i = 0; i < w->n_extra; i++) {
		const struct write_extra *x = &w->extra[i];

		ops[1 + i] = (struct store_op){.type = x->type,
					       .expect = x->rev,
					       .key = buf_str(&x->key),
					       .value = buf_str(&x->value),
					       .meta = buf_str(&x->meta),
					       .rv_at = (uint32_t)x->rv_at};
	}
	if (quota_propose(w, ops, 1 + w->n_extra, committed, drop_try))
		return;
	r = store_txn(w->srv->store, ops, 1 + w->n_extra, committed, w);
	if (r < 0)
		fail_store(w, r);
	else
		drop_try(w); /* copied: nothing is held while the disk works */
}

/*
 * What is stored must be within the limits of what is read again, also with who owns what in it
 * (managedFields nests as the object does, some levels deeper). Objects of core, coordination
 * and events are no deeper than their types.
 */
static int check_stored(struct write *w, struct err *err)
{
	const char *g = w->kind->group;
	bool bounded = !*g || !strcmp(g, "coordination.k8s.io") || !strcmp(g, "events.k8s.io");

	if (w->action != WRITE_PUT || bounded)
		return 0;
	return json_scan(buf_str(&w->value), &json_stored_limits, err);
}

static void propose_now(struct write *w)
{
	CLEANUP(buf_done) struct buf meta = BUF_INIT;
	CLEANUP(err_done) struct err err = ERR_INIT;

	encode(w, &meta);
	if (check_stored(w, &err) < 0) {
		err_prefix(&err, "the object with its managedFields cannot be stored: ");
		fail(w, &err);
		return;
	}
	put(w, buf_str(&meta));
}

/* w->value holds the served form; what shall be stored is at hand now. */
static void propose_converted(void *user, const struct err *e)
{
	struct write *w = user;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct json_object *o = NULL;
	CLEANUP(err_done) struct err err = ERR_INIT;

	if (!e) {
		custom_read(w->kind->storage, jv_of(buf_str(&w->value)), &b);
		if (jsonc_parse(buf_str(&b), &json_stored_limits, &o, &err) < 0)
			e = &err;
	}
	if (e) {
		fail(w, e);
		return;
	}
	json_object_put(w->obj);
	w->obj = o;
	propose_now(w);
}

static void propose(struct write *w)
{
	if (w->action == WRITE_PUT && w->kind->storage && custom_has_webhook(w->kind)) {
		struct str value;

		buf_clear(&w->value);
		jsonc_write(w->obj, &w->value);
		value = buf_str(&w->value);
		/* At hand already: admission has seen it in that version. */
		if (!conversion_ensure(w->srv, w->kind->storage, &value, 1, propose_converted, w))
			propose_converted(w, NULL);
		return;
	}
	propose_now(w);
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

static void validated(struct write *w, const struct err *e);

static void at_turn(struct write *w)
{
	validated(w, NULL);
}

/* The validating webhooks have spoken. */
static void validated(struct write *w, const struct err *e)
{
	CLEANUP(err_done) struct err err = ERR_INIT;

	if (!e && w->action != WRITE_NONE && quota_charge(w, &err) < 0) {
		if (must_confirm(w))
			return;
		e = &err;
	}
	if (!e && !quota_turn(w, at_turn))
		return;
	if (!e && w->action != WRITE_NONE)
		service_alloc_charge(w->srv->services, w);
	if (e)
		fail(w, e);
	else if (w->action == WRITE_NONE)
		answer(w, w->cur_obj->value, w->cur_obj);
	else
		propose(w);
}

static void judge(struct write *w);

/* A form that a policy wants to see is there, or it will hear why not. */
static void judge_on(void *user, const struct err *e)
{
	(void)e;
	judge(user);
}

/* What it will be stands: policies, then webhooks say what they think of it. */
static void judge(struct write *w)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	int r;

	if (!policies_validate_ready(w)) {
		admission_lack_fill(w, judge_on, w);
		return;
	}
	r = policies_validate(w, &err);
	if ((r < 0 || w->action == WRITE_NONE) && must_confirm(w))
		return;
	if (r < 0)
		fail(w, &err);
	else
		admission_webhooks(w, false, validated);
}

/* The mutating webhooks have spoken, `w->obj` is as they left it. */
static void mutated(struct write *w, const struct err *e)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	int action = (int)w->action;

	if (!e && w->edited && w->ops->unsee && w->ops->unsee(w, &err) < 0)
		action = -EINVAL;
	else if (!e && (w->phase == WRITE_PHASE_CREATE || w->phase == WRITE_PHASE_UPDATE))
		action = write_finish(w, &err);
	if (!e && action >= 0) {
		w->action = (enum write_action)action;
		judge(w);
		return;
	}
	if (!e && must_confirm(w))
		return;
	fail(w, e ? e : &err);
}
/* False: it has to be made from the tree. */
static bool try_splice(struct write *w)
{
	CLEANUP(buf_done) struct buf meta = BUF_INIT;
	CLEANUP(err_done) struct err e = ERR_INIT;
	int r;

	if (w->kind->storage)
		return false;
	buf_clear(&w->value);
	r = w->ops->splice(w, &meta, &e);
	if (r < 0) {
		if (!must_confirm(w))
			fail(w, &e);
		return true;
	}
	if (!r)
		return false;
	w->action = WRITE_PUT;
	put(w, buf_str(&meta));
	return true;
}

static void write_make(struct write *w)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int action = 0;

	if (w->cur_obj) {
		struct str value = w->cur_obj->value;
		bool served = api_is_served_form(w->kind, value, w->cur_obj->rev);

		if (!served && custom_has_webhook(w->kind)) {
			custom_read(w->kind, jv_of(value), &b);
			value = buf_str(&b);
		}
		action = jsonc_parse(value, &json_stored_limits, &w->cur, &e);
		if (action == 0 && !served)
			api_from_storage(w->kind, w->cur);
	}
	if (action == 0)
		action = w->ops->make(w, w->cur, &w->obj, &e);
	if (action < 0 && must_confirm(w))
		return;
	if (action < 0) {
		fail(w, &e);
		return;
	}
	w->action = (enum write_action)action;
	admission_webhooks(w, true, mutated);
}

static void cur_converted(void *user, const struct err *e)
{
	struct write *w = user;

	if (e)
		fail(w, e);
	else
		write_make(w);
}

void write_start(struct write *w)
{
	if (w->tries++)
		api_warnings_done(&w->r->warnings);
	quota_leave(w);
	service_alloc_drop(w->srv->services, TAKE(w->held));
	drop_try(w);
	w->phase = WRITE_PHASE_OTHER;
	w->edited = false;
	w->view = store_view(w->srv->store);
	w->cur_obj = *w->name ? server_get(w->view, w->kind, str_of(w->ns), str_of(w->name)) : NULL;
	if (w->cur_obj && w->ops->splice && try_splice(w))
		return;
	if (w->cur_obj && w->kind->custom &&
	    conversion_ensure(w->srv, w->kind, &w->cur_obj->value, 1, cur_converted, w))
		return;
	write_make(w);
}
