/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/controllers.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/json/jv.h"
#include "master/cloud/cloud.h"
#include "master/controllers/controller.h"

/*
 * A key whose step took long (a Service with thousands of pods) rests several times as long, so
 * that a wave of changes is taken in a few steps and no key holds the processor.
 */
#define REST_FACTOR 10
#define REST_MAX_NS (250 * NSEC_PER_MSEC)
#define REST_MIN_NS (1 * NSEC_PER_MSEC) /* less is no burden */
/* A write that no informer has shown after this time is no longer waited for. */
#define CATCH_UP_MAX_NS (5 * NSEC_PER_SEC)

struct controllers {
	struct controllers_conf conf;
	char *ca_pem, *only;
	struct informers *informers;
	struct ctl *v;
	size_t n;
	struct informer **watched; /* told about progress */
	size_t n_watched, cap_watched;
	size_t n_waiting; /* runs that wait for caches */
};

/* A write to wait for. */
struct written {
	struct informer *in;
	char *key, *uid;
	uint64_t rv; /* 0: a deletion */
};

struct run {
	struct list node;
	struct ctl *c;
	struct plan_run *plan;
	char *key;
	uint64_t again_after_ns, rest_ns;
	int result;
	bool waiting;
	struct timer give_up;
	struct written *writes;
	size_t n_writes, cap_writes;
	size_t n_seen; /* writes before this one have been seen */
};

static void run_free(struct run *r)
{
	timers_disarm(client_timers(r->c->client), &r->give_up);
	list_remove(&r->node);
	for (size_t i = 0; i < r->n_writes; i++) {
		free(r->writes[i].key);
		free(r->writes[i].uid);
	}
	r->c->all->n_waiting -= r->waiting;
	free(r->writes);
	free(r->key);
	free(r);
}

static bool seen(const struct written *w)
{
	struct object *o;
	struct jv meta;

	if (w->rv)
		return informer_rv(w->in) >= w->rv;
	o = informer_get(w->in, str_of(w->key));
	if (!o)
		return true;
	meta = object_meta(o);
	return !jv_eqs(jv_get(meta, "uid"), w->uid) || jv_exists(jv_get(meta, "deletionTimestamp"));
}

static bool caught_up(struct run *r)
{
	while (r->n_seen < r->n_writes && seen(&r->writes[r->n_seen]))
		r->n_seen++;
	return r->n_seen == r->n_writes;
}

static void run_over(struct run *r)
{
	struct ctl *c = r->c;
	CLEANUP_FREE char *key = TAKE(r->key);

	if (r->again_after_ns && !r->result)
		workqueue_add_after(c->queue, str_of(key), r->again_after_ns);
	workqueue_rest(c->queue, str_of(key), r->rest_ns);
	workqueue_done(c->queue, str_of(key), r->result);
	run_free(r);
}

static void on_give_up(struct timer *t)
{
	run_over(container_of(t, struct run, give_up));
}

/* An informer moved on: whoever waited for it may be done. */
static void on_progress(struct controllers *cs)
{
	for (size_t i = 0; cs->n_waiting && i < cs->n; i++)
		list_for_each_safe (it, &cs->v[i].runs) {
			struct run *r = list_entry(it, struct run, node);

			if (r->waiting && caught_up(r))
				run_over(r);
		}
}
static void progress_one(void *user, struct object *o)
{
	on_progress(user);
}
static void progress_two(void *user, struct object *old, struct object *o)
{
	on_progress(user);
}
static const struct informer_handler progress = {progress_one, progress_two, progress_one, NULL};

static void watch_progress(struct controllers *cs, struct informer *in)
{
	for (size_t i = 0; i < cs->n_watched; i++)
		if (cs->watched[i] == in)
			return;
	*ARRAY_PUSH(cs->watched, cs->n_watched, cs->cap_watched) = in;
	informer_handle(in, &progress, cs);
}

static void note_write(struct run *r, const struct plan_op *op, struct str body)
{
	struct informer *in = informers_find(r->c->informers, op->kind);
	struct jv meta = jv_get(jv_of(body), "metadata");
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct written w = {.in = in};

	if (!strcmp(op->method, "GET") || !in || !informer_synced(in) ||
	    (op->sub && strcmp(op->sub, "status") != 0))
		return;
	if (strcmp(op->method, "DELETE") != 0) {
		if (str_to_u64(jv_text(jv_get(meta, "resourceVersion")), &w.rv) < 0 || !w.rv)
			return;
	} else {
		struct object *o;

		object_key(str_of(op->ns), str_of(op->name), &key);
		o = informer_get(in, buf_str(&key));
		if (!o)
			return;
		w.uid = str_dup(jv_text(jv_get(object_meta(o), "uid")));
		w.key = buf_take(&key);
	}
	watch_progress(r->c->all, in);
	*ARRAY_PUSH(r->writes, r->n_writes, r->cap_writes) = w;
}

static void on_written(void *user, const struct plan_op *op, struct str body)
{
	note_write(user, op, body);
}

static void on_plan_done(void *user, const struct err *e)
{
	struct run *r = user;

	r->plan = NULL;
	r->result = -e->errnum;
	if (e->errnum && !client_err_transient(e))
		log_warn("%s %s: %s", r->c->def->name, r->key, err_text(e));
	if (caught_up(r)) {
		run_over(r);
		return;
	}
	r->waiting = true;
	r->c->all->n_waiting++;
	timers_arm_in(client_timers(r->c->client), &r->give_up, CATCH_UP_MAX_NS);
}

static void process(void *user, struct str key)
{
	struct ctl *c = user;
	struct plan p = PLAN_INIT;
	struct run *r = NEW(struct run);
	uint64_t start_ns = client_now_ns(c->client);

	r->c = c;
	r->key = str_dup(key);
	r->give_up.fire = on_give_up;
	list_append(&c->runs, &r->node);
	c->def->sync(c, key, &p);
	r->again_after_ns = p.again_after_ns;
	r->rest_ns = MIN((client_now_ns(c->client) - start_ns) * REST_FACTOR, REST_MAX_NS);
	if (r->rest_ns < REST_MIN_NS)
		r->rest_ns = 0;
	p.written = on_written;
	if (p.n)
		r->plan = plan_run(c->client, &p, on_plan_done, r);
	else /* done at once: r is gone when it returns */
		plan_run(c->client, &p, on_plan_done, r);
}

/* For controllers */

void ctl_handle(struct ctl *c, struct informer *in, const struct informer_handler *h)
{
	__typeof__(c->handlers) slot = ARRAY_PUSH(c->handlers, c->n_handlers, c->cap_handlers);

	slot->in = in;
	slot->h = h;
	informer_handle(in, h, c);
}

void ctl_enqueue(struct ctl *c, struct str key)
{
	workqueue_add(c->queue, key);
}

void ctl_enqueue_in(struct ctl *c, struct str ns, struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	object_key(ns, name, &key);
	workqueue_add(c->queue, buf_str(&key));
}

void ctl_enqueue_owner(struct ctl *c, const struct object *o, const char *kind)
{
	jv_for_each (ref, object_owners(o))
		if (jv_bool(jv_get(ref.value, "controller"), false) &&
		    jv_eqs(jv_get(ref.value, "kind"), kind))
			ctl_enqueue_in(c, o->ns, jv_text(jv_get(ref.value, "name")));
}

static void self_one(void *user, struct object *o)
{
	ctl_enqueue(user, o->key);
}
static void self_two(void *user, struct object *old, struct object *o)
{
	ctl_enqueue(user, o->key);
}
const struct informer_handler ctl_enqueue_self = {self_one, self_two, self_one, NULL};

/* All of them */

static bool wanted(const struct controllers_conf *conf, const char *name)
{
	struct str rest = str_of(conf->only), one;

	if (!conf->only)
		return true;
	while (str_split(&rest, ',', &one))
		if (str_eqs(one, name))
			return true;
	return false;
}

static void ctl_stop(struct ctl *c)
{
	for (size_t i = 0; i < c->n_handlers; i++)
		informer_unhandle(c->handlers[i].in, c->handlers[i].h, c);
	free(c->handlers);
	list_for_each_safe (it, &c->runs) {
		struct run *r = list_entry(it, struct run, node);

		plan_cancel(r->plan);
		run_free(r);
	}
	if (c->def->done)
		c->def->done(c);
	workqueue_free(c->queue);
	recorder_free(c->events);
}

static bool ctl_start(struct controllers *cs, struct ctl *c, const struct controller *def)
{
	*c = (struct ctl){.def = def, .all = cs, .conf = &cs->conf, .informers = cs->informers};
	c->client = informers_client(cs->informers);
	list_init(&c->runs);
	c->queue = workqueue_new(&(struct workqueue_conf){
		.name = def->name,
		.timers = client_timers(c->client),
		.parallel = def->parallel ? def->parallel : 4,
		.process = process,
		.user = c,
	});
	workqueue_pause(c->queue, true);
	if (def->component)
		c->events = recorder_new(c->client,
					 &(struct recorder_conf){.component = def->component});
	if (def->init(c))
		return true;
	ctl_stop(c);
	return false;
}

static void on_begin(void *user)
{
	struct controllers *cs = user;

	for (size_t i = 0; i < cs->n; i++) {
		if (cs->v[i].def->start)
			cs->v[i].def->start(&cs->v[i]);
		workqueue_pause(cs->v[i].queue, false);
	}
}

static void on_cloud_changed(void *user)
{
	struct controllers *cs = user;

	for (size_t i = 0; i < cs->n; i++)
		if (cs->v[i].def->cloud_changed)
			cs->v[i].def->cloud_changed(&cs->v[i]);
}

struct controllers *controllers_start(struct informers *informers,
				      const struct controllers_conf *conf)
{
	struct controllers *cs = NEW(struct controllers);
	size_t max = 0;

	cs->conf = *conf;
	cs->ca_pem = str_dup(conf->ca_pem);
	cs->only = xstrdup(conf->only);
	cs->conf.ca_pem = str_of(cs->ca_pem);
	cs->conf.only = cs->only;
	cs->informers = informers;
	while (controllers_table[max])
		max++;
	cs->v = xcalloc(max, sizeof(*cs->v));
	for (size_t i = 0; i < max; i++)
		if (wanted(&cs->conf, controllers_table[i]->name) &&
		    ctl_start(cs, &cs->v[cs->n], controllers_table[i]))
			cs->n++;
	if (conf->cloud)
		cloud_on_change(conf->cloud, on_cloud_changed, cs);
	informers_on_synced(informers, on_begin, cs);
	return cs;
}

struct controllers *controllers_stop(struct controllers *cs)
{
	if (!cs)
		return NULL;
	informers_cancel_on_synced(cs->informers, on_begin, cs);
	if (cs->conf.cloud)
		cloud_on_change(cs->conf.cloud, NULL, NULL);
	for (size_t i = 0; i < cs->n; i++)
		ctl_stop(&cs->v[i]);
	for (size_t i = 0; i < cs->n_watched; i++)
		informer_unhandle(cs->watched[i], &progress, cs);
	free(cs->watched);
	free(cs->v);
	free(cs->ca_pem);
	free(cs->only);
	free(cs);
	return NULL;
}
