/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/scheduler.h"
#include "lib/base/log.h"
#include "lib/client/events.h"
#include "lib/json/jw.h"
#include "master/scheduler/framework.h"
#include "master/scheduler/queue.h"
#include "master/scheduler/workloads.h"

#define BINDS_MAX 512 /* requests under way */
#define BATCH 64 /* decisions before the loop sees to others */

struct scheduler {
	struct informers *informers;
	struct informer *pods, *nodes, *namespaces;
	struct client *c;
	struct sched_profile profile;
	struct recorder *events;
	struct sched_cache cache;
	struct workloads workloads;
	struct sched_framework fw;
	struct sched_queue queue;
	struct timer pump;
	bool synced;
	struct list binds;
	size_t n_binds;
	struct scheduler_stats stats;
};

/* A binding under way. */
struct bind {
	struct list node;
	struct scheduler *s;
	struct client_call *call;
	struct object *pod;
	char *node_name;
};

static void on_ready(void *user)
{
	struct scheduler *s = user;

	if (s->synced && s->n_binds < BINDS_MAX && s->queue.n_active && !timer_armed(&s->pump))
		timers_soon(client_timers(s->c), &s->pump);
}

static void bind_free(struct bind *b)
{
	list_remove(&b->node);
	b->s->n_binds--;
	object_unref(b->pod);
	free(b->node_name);
	free(b);
}

static void on_bound(void *user, const struct err *e, struct str body)
{
	struct bind *b = user;
	struct scheduler *s = b->s;
	struct sched_pod *p = sched_cache_find(&s->cache, b->pod->key);

	if (!e->errnum) {
		s->stats.bound++;
		recorder_event_for(s->events, &client_pods, b->pod, EVENT_NORMAL, "Scheduled",
				   "Successfully assigned %.*s/%.*s to %s", STR_ARG(b->pod->ns),
				   STR_ARG(b->pod->name), b->node_name);
	} else if (p && p->state == SCHED_ASSUMED && e->errnum != ENOENT) {
		s->stats.failed++;
		recorder_event_for(s->events, &client_pods, b->pod, EVENT_WARNING,
				   "FailedScheduling", "binding rejected: %s", err_text(e));
		sched_cache_forget(&s->cache, p);
		sched_queue_add(&s->queue, p);
		sched_queue_backoff(&s->queue, p);
	}
	bind_free(b);
	on_ready(s);
}

static void bind(struct scheduler *s, struct sched_pod *p, struct sched_node *n)
{
	struct bind *b = NEW(struct bind);
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct jw w = jw_start(&body);

	b->s = s;
	b->pod = object_ref(p->obj);
	b->node_name = str_dup(n->name);
	list_append(&s->binds, &b->node);
	s->n_binds++;
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Binding"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", p->obj->name);
	jw_member_str(&w, "namespace", p->obj->ns);
	jw_member_str(&w, "uid", jv_text(jv_get(object_meta(p->obj), "uid")));
	jw_end_object(&w);
	jw_key(&w, "target");
	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Node"));
	jw_member_str(&w, "name", n->name);
	jw_end_object(&w);
	jw_end_object(&w);
	b->call = client_do(s->c,
			    &(struct client_req){.method = "POST",
						 .kind = &client_pods,
						 .ns = p->obj->ns,
						 .name = p->obj->name,
						 .sub = "binding",
						 .body = buf_str(&body)},
			    on_bound, b);
}

/* Status condition PodScheduled=False, unless it says so already. */
static void tell_unschedulable(struct scheduler *s, struct sched_pod *p, struct str why)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT, scratch = BUF_INIT;
	char now[TIME_LEN + 1];
	struct str since;
	struct jw w = jw_start(&body);

	time_format(client_real_ns(s->c), now);
	since = str_of(now);
	jv_for_each (c, jv_get(object_status(p->obj), "conditions")) {
		if (!jv_eqs(jv_get(c.value, "type"), "PodScheduled") ||
		    !jv_eqs(jv_get(c.value, "status"), "False"))
			continue;
		if (str_eq(jv_str(jv_get(c.value, "message"), &scratch), why))
			return;
		since = jv_text(jv_get(c.value, "lastTransitionTime"));
	}
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "conditions");
	jw_begin_array(&w);
	jw_begin_object(&w);
	jw_member_str(&w, "type", STR("PodScheduled"));
	jw_member_str(&w, "status", STR("False"));
	jw_member_str(&w, "reason", STR("Unschedulable"));
	jw_member_str(&w, "message", why);
	jw_key(&w, "lastProbeTime");
	jw_null(&w);
	jw_member_str(&w, "lastTransitionTime", since);
	jw_end_object(&w);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	client_do(s->c,
		  &(struct client_req){.method = "PATCH",
				       .kind = &client_pods,
				       .ns = p->obj->ns,
				       .name = p->obj->name,
				       .sub = "status",
				       .content_type = CLIENT_STRATEGIC_PATCH,
				       .body = buf_str(&body)},
		  NULL, NULL);
}

static void say_preemption(struct sched_cycle *cy)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	uint32_t n = cy->evaluated, helpable = (uint32_t)cy->n_helpable;

	buf_addf(&b, "0/%u nodes are available: ", n);
	if (helpable)
		buf_addf(&b, "%u No preemption victims found for incoming pod%s", helpable,
			 helpable < n ? ", " : "");
	if (helpable < n)
		buf_addf(&b, "%u Preemption is not helpful for scheduling", n - helpable);
	buf_addc(&b, '.');
	cy->preemption = buf_take(&b);
}

static void schedule_one(struct scheduler *s, struct sched_pod *p)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct sched_node *n = sched_decide(&s->fw, &s->cache, &s->profile, p);

	s->stats.attempts++;
	if (n) {
		sched_queue_remove(&s->queue, p);
		sched_cache_assume(&s->cache, p, n);
		bind(s, p, n);
		return;
	}
	s->stats.failed++;
	say_preemption(&s->fw.cy);
	sched_explain(&s->fw.cy, &why);
	recorder_event_for(s->events, &client_pods, p->obj, EVENT_WARNING, "FailedScheduling", "%s",
			   why.p);
	tell_unschedulable(s, p, buf_str(&why));
	sched_queue_park(&s->queue, p, sched_wakes(&s->fw.cy));
}

static void pump(struct timer *t)
{
	struct scheduler *s = container_of(t, struct scheduler, pump);
	struct sched_pod *p;

	for (int i = 0; i < BATCH && s->n_binds < BINDS_MAX; i++) {
		p = sched_queue_pop(&s->queue);
		if (!p)
			break;
		schedule_one(s, p);
	}
	on_ready(s);
}

/* What comes from the caches */

static bool ours(struct scheduler *s, const struct object *pod)
{
	struct jv spec = object_spec(pod), name = jv_get(spec, "schedulerName");

	return (!jv_exists(name) || jv_eqs(name, s->profile.name)) && !pod->deleting &&
	       !jv_len(jv_get(spec, "schedulingGates"));
}

static void forget_pod(struct scheduler *s, struct str key)
{
	struct sched_pod *p = sched_cache_find(&s->cache, key);
	bool freed = p && p->node;

	if (!p)
		return;
	sched_queue_remove(&s->queue, p);
	sched_cache_pod_gone(&s->cache, key);
	if (freed)
		sched_queue_wake(&s->queue, SCHED_EV_POD_GONE);
}

/* Whether anything but status and bookkeeping differs: our own condition must not wake a pod. */
static bool spec_differs(struct object *old, struct object *o)
{
	return !str_eq(jv_raw(object_spec(old)), jv_raw(object_spec(o))) ||
	       !str_eq(jv_raw(jv_get(object_meta(old), "labels")),
		       jv_raw(jv_get(object_meta(o), "labels")));
}

static void set_pod(struct scheduler *s, struct object *old, struct object *o)
{
	struct sched_pod *p;
	bool placed;

	if (sched_pod_ended(o)) {
		forget_pod(s, o->key);
		return;
	}
	p = sched_cache_find(&s->cache, o->key);
	placed = !p || p->state != SCHED_BOUND;
	p = sched_cache_pod(&s->cache, o);
	if (p->state == SCHED_BOUND && (placed || (old && spec_differs(old, o))))
		sched_queue_wake(&s->queue, SCHED_EV_POD_PLACED);
	if (p->state != SCHED_PENDING || !ours(s, o))
		sched_queue_remove(&s->queue, p);
	else if (!p->queued || !old || spec_differs(old, o))
		sched_queue_add(&s->queue, p);
}

static void pod_added(void *user, struct object *o)
{
	set_pod(user, NULL, o);
}
static void pod_updated(void *user, struct object *old, struct object *o)
{
	set_pod(user, old, o);
}
static void pod_deleted(void *user, struct object *o)
{
	forget_pod(user, o->key);
}
static const struct informer_handler pod_handler = {pod_added, pod_updated, pod_deleted, NULL};

static void node_added(void *user, struct object *o)
{
	struct scheduler *s = user;
	uint32_t events = sched_cache_node(&s->cache, o);

	if (events)
		sched_queue_wake(&s->queue, events);
}
static void node_updated(void *user, struct object *old, struct object *o)
{
	node_added(user, o);
}
static void node_deleted(void *user, struct object *o)
{
	struct scheduler *s = user;

	sched_cache_node_gone(&s->cache, o->name);
}
static const struct informer_handler node_handler = {node_added, node_updated, node_deleted, NULL};

static void namespace_added(void *user, struct object *o)
{
	struct scheduler *s = user;
	uint32_t events = sched_cache_namespace(&s->cache, o->name, o);

	if (events)
		sched_queue_wake(&s->queue, events);
}
static void namespace_updated(void *user, struct object *old, struct object *o)
{
	namespace_added(user, o);
}
static void namespace_deleted(void *user, struct object *o)
{
	struct scheduler *s = user;

	sched_cache_namespace(&s->cache, o->name, NULL);
}
static const struct informer_handler namespace_handler = {namespace_added, namespace_updated,
							  namespace_deleted, NULL};

static void on_synced(void *user)
{
	struct scheduler *s = user;

	s->synced = true;
	on_ready(s);
}

static void watch(struct scheduler *s)
{
	s->nodes = informers_get(s->informers, &client_nodes);
	s->pods = informers_get(s->informers, &client_pods);
	s->namespaces = informers_get(s->informers, &client_namespaces);
	informer_handle(s->namespaces, &namespace_handler, s);
	informer_handle(s->nodes, &node_handler, s);
	informer_handle(s->pods, &pod_handler, s);
	workloads_start(&s->workloads, s->informers, &s->cache);
	informers_on_synced(s->informers, on_synced, s);
}

static void unwatch(struct scheduler *s)
{
	informers_cancel_on_synced(s->informers, on_synced, s);
	informer_unhandle(s->namespaces, &namespace_handler, s);
	informer_unhandle(s->nodes, &node_handler, s);
	informer_unhandle(s->pods, &pod_handler, s);
	workloads_stop(&s->workloads);
}

struct scheduler *scheduler_start(struct informers *informers, const struct scheduler_conf *conf)
{
	struct scheduler *s = NEW(struct scheduler);

	s->informers = informers;
	s->c = informers_client(informers);
	sched_profile_default(&s->profile, conf && conf->name ? conf->name : "default-scheduler");
	s->fw.random = conf && conf->seed ? conf->seed : rng_u64(client_rng(s->c));
	s->events = recorder_new(s->c, &(struct recorder_conf){.component = s->profile.name});
	s->pump.fire = pump;
	list_init(&s->binds);
	sched_cache_init(&s->cache);
	sched_queue_init(&s->queue, client_timers(s->c), on_ready, s);
	watch(s);
	return s;
}

struct scheduler *scheduler_stop(struct scheduler *s)
{
	if (!s)
		return NULL;
	unwatch(s);
	timers_disarm(client_timers(s->c), &s->pump);
	list_for_each_safe (it, &s->binds) {
		struct bind *b = list_entry(it, struct bind, node);

		client_cancel(s->c, b->call);
		bind_free(b);
	}
	hmap_for_each (e, s->cache.pods)
		sched_queue_remove(&s->queue, e->value);
	sched_queue_done(&s->queue);
	sched_framework_done(&s->fw);
	sched_cache_done(&s->cache);
	recorder_free(s->events);
	free(s->profile.name);
	free(s);
	return NULL;
}

void scheduler_stats(const struct scheduler *s, struct scheduler_stats *ret)
{
	*ret = s->stats;
	ret->active = s->queue.n_active;
	ret->backoff = s->queue.n_backoff;
	ret->unschedulable = s->queue.n_unschedulable;
}
