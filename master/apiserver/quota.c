/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/quota.h"
#include "master/apiserver/admission_plugins.h"
#include "master/apiserver/follow.h"
#include "master/apiserver/quota_line.h"
#include "lib/base/log.h"

#define RECOUNT_NS (300 * NSEC_PER_SEC)
#define RETRY_NS (100 * NSEC_PER_MSEC)

const struct api_kind *quota_kind(void)
{
	return server_kind("", "v1", "resourcequotas");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct quota_item *)a)->name, ((const struct quota_item *)b)->name);
}

/* ---- the stored quota ---- */

static void set_quantity(struct json_object *list, const char *name, struct quantity q)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	q.nano = MAX(q.nano, (__int128)0);
	quantity_format(q, &text);
	jsonc_set_str(list, name, buf_str(&text));
}

/* ---- charging ---- */

struct charge {
	struct write *w;
	struct buf now; /* the object as it shall be */
	struct jv obj, old;
	struct quota_use is, was;
};

static void charge_done(struct charge *c)
{
	buf_done(&c->now);
	quota_use_done(&c->is);
	quota_use_done(&c->was);
}

static struct quantity limit_of(struct jv quota, struct str name, struct quantity *ret_used)
{
	struct quantity hard = quantity_of(0, QUANTITY_SI);

	*ret_used = hard;
	quantity_parse(jv_text(jv_getn(jv_path(quota, "status.hard"), name)), &hard);
	quantity_parse(jv_text(jv_getn(jv_path(quota, "status.used"), name)), ret_used);
	return hard;
}

/* "a=1,b=2" */
static void print(struct quota_use *u, struct buf *out)
{
	qsort(u->v, u->n, sizeof(*u->v), by_name);
	for (size_t i = 0; i < u->n; i++) {
		buf_addf(out, "%s%s=", i ? "," : "", u->v[i].name);
		quantity_format(u->v[i].q, out);
	}
}

static int refuse(struct charge *c, struct str quota, struct quota_use *want,
		  struct quota_use *used, struct quota_use *hard, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	buf_addf(&text, "exceeded quota: %.*s, requested: ", STR_ARG(quota));
	print(want, &text);
	buf_adds(&text, ", used: ");
	print(used, &text);
	buf_adds(&text, ", limited: ");
	print(hard, &text);
	return api_err_forbidden(err, c->w->kind, str_of(c->w->name), text.p);
}

static int unknown(struct charge *c, struct str quota, struct quota_use *names, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	buf_addf(&text, "status unknown for quota: %.*s, resources: ", STR_ARG(quota));
	qsort(names->v, names->n, sizeof(*names->v), by_name);
	for (size_t i = 0; i < names->n; i++)
		buf_addf(&text, "%s%s", i ? "," : "", names->v[i].name);
	return api_err_forbidden(err, c->w->kind, str_of(c->w->name), text.p);
}

static struct quantity delta_of(const struct charge *c, struct str name, bool is_in, bool was_in)
{
	const struct quantity *is = is_in ? quota_use_get(&c->is, name) : NULL;
	const struct quantity *was = was_in ? quota_use_get(&c->was, name) : NULL;
	struct quantity d = is ? *is : was ? *was : quantity_of(0, QUANTITY_SI);

	d.nano = (is ? is->nano : 0) - (was ? was->nano : 0);
	return d;
}

/* What the write changes of this quota's numbers; the sums for a refusal, and the new ones. */
struct sums {
	struct quota_use want, used, hard, unknown, fresh;
	bool over;
};

static void sums_done(struct sums *s)
{
	quota_use_done(&s->want);
	quota_use_done(&s->used);
	quota_use_done(&s->hard);
	quota_use_done(&s->unknown);
	quota_use_done(&s->fresh);
}

/* `due`: what others of the batch have made of it; or NULL. */
static void add_sum(struct jv quota, const struct quota_due *due, struct str name,
		    struct quantity q, struct sums *s)
{
	const struct quantity *now = due ? quota_use_get(&due->used, name) : NULL;
	struct quantity used, hard;

	if (!jv_exists(jv_getn(jv_path(quota, "status.hard"), name))) {
		if (q.nano > 0)
			quota_use_add(&s->unknown, name, q, 1);
		return;
	}
	hard = limit_of(quota, name, &used);
	used = now ? *now : used;
	if (!used.nano)
		used.format = q.format; /* "0" has none of its own */
	if (q.nano > 0 && used.nano + q.nano > hard.nano) {
		s->over = true;
		quota_use_add(&s->want, name, q, 1);
		quota_use_add(&s->used, name, used, 1);
		quota_use_add(&s->hard, name, hard, 1);
	}
	used.nano += q.nano;
	quota_use_add(&s->fresh, name, used, 1);
}

static int charge_one(struct charge *c, const struct store_obj *o, struct err *err)
{
	struct jv quota = jv_of(o->value);
	struct str name = jv_text(jv_path(quota, "metadata.name"));
	bool is_in = jv_type(c->obj) != JV_ABSENT && quota_matches(quota, c->w->kind, c->obj);
	bool was_in = jv_type(c->old) != JV_ABSENT && quota_matches(quota, c->w->kind, c->old);
	CLEANUP(sums_done) struct sums s = {0};

	if (!is_in && !was_in)
		return 0;
	if (is_in && c->w->phase == WRITE_PHASE_CREATE && !strcmp(c->w->kind->plural, "pods") &&
	    !*c->w->kind->group) {
		CLEANUP(err_done) struct err e = ERR_INIT;

		if (quota_check_pod(quota, c->obj, &e) < 0) {
			err_prefix(&e, "failed quota: %.*s: ", STR_ARG(name));
			return api_err_forbidden(err, c->w->kind, str_of(c->w->name), err_text(&e));
		}
	}
	jv_for_each_member (it, jv_path(quota, "spec.hard")) {
		struct quantity delta = delta_of(c, it.key, is_in, was_in);

		if (delta.nano)
			add_sum(quota, quota_line_due(c->w, o), it.key, delta, &s);
	}
	if (s.unknown.n)
		return unknown(c, name, &s.unknown, err);
	if (s.over)
		return refuse(c, name, &s.want, &s.used, &s.hard, err);
	if (!s.fresh.n || request_dry_run(c->w->r))
		return 0;
	if (c->w->n_dues == WRITE_QUOTAS_MAX)
		return err_set(err, E2BIG, "InternalError",
			       "Internal error occurred: too many quotas in the namespace");
	quota_due_add(&c->w->dues, &c->w->n_dues, o, s.fresh);
	s.fresh = (struct quota_use){0};
	return 0;
}

int quota_charge(struct write *w, struct err *err)
{
	/* What quotas say now: w->view may be older, where others were asked or others were first.
	 */
	CLEANUP(store_view_unrefp) struct store_view *view = store_view(w->srv->store);
	CLEANUP(buf_done) struct buf prefix = BUF_INIT, own = BUF_INIT;
	CLEANUP(charge_done) struct charge c = {.w = w, .now = BUF_INIT};
	const struct store_obj *o;
	struct store_iter it;
	int64_t now;
	int r = 0;

	quota_dues_done(&w->dues, &w->n_dues);
	if (!*w->ns || !api_kind_namespaced(w->kind) ||
	    admission_plugin_off(w->srv->plugins_off, PLUGIN_RESOURCE_QUOTA))
		return 0;
	request_key(quota_kind(), str_of(w->ns), STR_NULL, &prefix);
	store_range(view, buf_str(&prefix), STR_NULL, &it);
	o = store_iter_next(&it);
	if (!o)
		return 0;
	now = server_now_ns(w->srv);
	if (w->action == WRITE_PUT) {
		jsonc_write(w->obj, &c.now);
		c.obj = jv_of(buf_str(&c.now));
		quota_cost(w->kind, c.obj, now, &c.is);
	}
	if (w->cur_obj) {
		c.old = jv_of(w->cur_obj->value);
		quota_cost(w->kind, c.old, now, &c.was);
	}
	request_key(w->kind, str_of(w->ns), str_of(w->name), &own);
	for (; o && r == 0; o = store_iter_next(&it))
		if (!str_eq(o->key, buf_str(&own))) /* a quota is not charged for itself */
			r = charge_one(&c, o, err);
	if (r == 0 || !quota_line_shared(w))
		return r;
	/* Those before it in the batch may not get what they took. */
	err_done(err);
	w->quota_again = true;
	return 0;
}

struct quota_keeper {
	struct apiserver *s;
	struct follow follow;
	struct timer soon, round;
	struct quota_lines *lines;
};

bool quota_turn(struct write *w, void (*go_on)(struct write *w))
{
	return quota_lines_turn(w->srv->quotas->lines, w, go_on);
}

/* ---- counting anew ---- */

struct counted {
	const struct api_kind *kinds[64];
	size_t n;
};

static void count_kind(struct apiserver *s, struct store_view *v, struct jv quota, struct str ns,
		       const struct api_kind *k, struct quota_use *all)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	int64_t now = server_now_ns(s);
	const struct store_obj *o;
	struct store_iter it;

	request_key(k, ns, STR_NULL, &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		if (quota_matches(quota, k, jv_of(o->value)))
			quota_cost(k, jv_of(o->value), now, all);
}

static void count_all(struct apiserver *s, struct store_view *v, struct jv quota,
		      struct quota_use *all)
{
	struct str ns = jv_text(jv_path(quota, "metadata.namespace"));
	struct counted done = {.n = 0};

	jv_for_each_member (it, jv_path(quota, "spec.hard")) {
		const struct api_kind *k = quota_kind_of(it.key);
		bool seen = !k;

		for (size_t i = 0; i < done.n; i++)
			seen = seen || done.kinds[i] == k;
		if (seen || done.n == ARRAY_SIZE(done.kinds))
			continue;
		done.kinds[done.n++] = k;
		count_kind(s, v, quota, ns, k, all);
	}
}

/* New status: hard as in spec, used as counted. NULL when that is what is there. */
static struct json_object *counted_status(struct apiserver *s, struct store_view *v,
					  const struct store_obj *o)
{
	CLEANUP_JSON struct json_object *obj = NULL;
	CLEANUP(buf_done) struct buf before = BUF_INIT, after = BUF_INIT;
	struct quota_use all = {0};
	struct json_object *hard, *used, *status;

	if (jsonc_parse(o->value, NULL, &obj, NULL) < 0)
		return NULL;
	count_all(s, v, jv_of(o->value), &all);
	jsonc_write(jsonc_ensure(obj, "status"), &before);
	status = jsonc_ensure(obj, "status");
	hard = jsonc_get(jsonc_get(obj, "spec"), "hard");
	jsonc_set(status, "hard", hard ? jsonc_clone(hard) : json_object_new_object());
	used = json_object_new_object();
	if (json_object_is_type(hard, json_type_object)) {
		json_object_object_foreach(hard, key, val)
		{
			const struct quantity *q = quota_use_get(&all, str_of(key));
			struct quantity zero = quantity_of(0, QUANTITY_SI);

			(void)val;
			set_quantity(used, key, q ? *q : zero);
		}
	}
	jsonc_set(status, "used", used);
	jsonc_write(status, &after);
	quota_use_done(&all);
	return str_eq(buf_str(&before), buf_str(&after)) ? NULL : TAKE(obj);
}

static void on_counted(void *user, const struct store_result *res)
{
	struct quota_keeper *k = user;

	if (res->err == -EAGAIN)
		timers_arm_in(k->s->timers, &k->soon, RETRY_NS);
}

static void recount(struct quota_keeper *k, struct str key)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(k->s->store);
	const struct store_obj *o = store_get(v, key);
	CLEANUP_JSON struct json_object *obj = o ? counted_status(k->s, v, o) : NULL;

	if (obj)
		server_rewrite(k->s, quota_kind(), o, obj, on_counted, k);
}

static bool is_settled(struct jv quota)
{
	struct jv want = jv_path(quota, "spec.hard"), have = jv_path(quota, "status.hard");

	if (!jv_exists(have) || jv_len(want) != jv_len(have))
		return false;
	jv_for_each_member (it, want)
		if (!str_eq(jv_text(it.value), jv_text(jv_getn(have, it.key))) ||
		    !jv_exists(jv_getn(jv_path(quota, "status.used"), it.key)))
			return false;
	return true;
}

static void look_at_all(struct quota_keeper *k, bool also_settled)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(k->s->store);
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;

	if (store_role(k->s->store) != STORE_LEADER)
		return;
	request_key(quota_kind(), STR_NULL, STR_NULL, &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		if (also_settled || !is_settled(jv_of(o->value)))
			recount(k, o->key);
}

static void on_soon(struct timer *t)
{
	look_at_all(container_of(t, struct quota_keeper, soon), false);
}

static void on_round(struct timer *t)
{
	struct quota_keeper *k = container_of(t, struct quota_keeper, round);

	look_at_all(k, true);
	timers_arm_in(k->s->timers, &k->round, RECOUNT_NS);
}

static void on_put(void *user, const struct store_obj *o)
{
	struct quota_keeper *k = user;

	if (!is_settled(jv_of(o->value)))
		timers_soon(k->s->timers, &k->soon);
}

static const struct follow_ops follow_ops = {.put = on_put};

struct quota_keeper *quota_keeper_new(struct apiserver *s)
{
	struct quota_keeper *k = NEW(struct quota_keeper);

	k->s = s;
	k->lines = quota_lines_new(s->timers, s->store);
	k->soon.fire = on_soon;
	k->round.fire = on_round;
	follow_start(&k->follow, s->store, STR("/core/resourcequotas/"), &follow_ops, k);
	timers_arm_in(s->timers, &k->round, RECOUNT_NS);
	return k;
}

void quota_keeper_lead(struct quota_keeper *k)
{
	timers_soon(k->s->timers, &k->soon);
}

struct quota_keeper *quota_keeper_free(struct quota_keeper *k)
{
	if (!k)
		return NULL;
	follow_stop(&k->follow);
	timers_disarm(k->s->timers, &k->soon);
	timers_disarm(k->s->timers, &k->round);
	quota_lines_free(k->lines);
	free(k);
	return NULL;
}
