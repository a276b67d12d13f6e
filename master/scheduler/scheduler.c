/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/scheduler_private.h"
#include "master/scheduler/class.h"

#define BATCH 64 /* decisions before the loop sees to others */

static const struct sched_profile *profile_of(const struct scheduler *s, const struct sched_pod *p);

void scheduler_ready(void *user)
{
	struct scheduler *s = user;

	if (s->synced && s->n_binds < BINDS_MAX && s->queue.n_active && !timer_armed(&s->pump))
		timers_soon(client_timers(s->c), &s->pump);
}

/*
 * Nothing has changed since a pod of this class was refused: neither has the answer. Keeps a crowd
 * of pods that don't fit from costing more than one.
 */
static bool refused_before(struct scheduler *s, struct sched_pod *p)
{
	const struct sched_wants *w = p->class->wants;

	return w && w->failed_text && w->failed_version == s->cache.version &&
	       w->failed_priority == p->priority && w->workloads == p->class->ns->workloads &&
	       !p->nominated && !p->never_preempts && !p->class->pieces[PIECE_VOLUMES].len &&
	       !p->class->pieces[PIECE_CLAIMS].len;
}

static void remember_refusal(struct scheduler *s, struct sched_pod *p, uint32_t wakes,
			     struct str why)
{
	struct sched_wants *w = p->class->wants;

	free(w->failed_text);
	w->failed_text = p->never_preempts ? NULL : str_dup(why);
	w->failed_version = s->cache.version;
	w->failed_priority = p->priority;
	w->failed_wakes = wakes;
	w->failed_by = s->fw.cy.refused_by;
}

static void refuse(struct scheduler *s, struct sched_pod *p)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	CLEANUP(sched_victims_done) struct sched_victims victims = {0};
	uint32_t wakes = sched_wakes(&s->fw.cy);
	bool keep = false, preempts;
	struct str nominated;

	s->fw.cy.post = s->cache.n_nodes ? devices_post(s, p) : NULL;
	preempts = s->cache.n_nodes && sched_preempt(&s->fw, &s->budgets, &victims, &keep);
	nominated = keep ? STR_NULL : STR("");
	sched_explain(&s->fw.cy, &why);
	if (preempts) {
		act_preempt(s, p, &victims, buf_str(&why));
	} else {
		act_unschedulable(s, p, buf_str(&why), nominated);
		if (!keep)
			sched_cache_nominate(&s->cache, p, NULL);
		remember_refusal(s, p, wakes, buf_str(&why));
	}
	sched_queue_park(&s->queue, p, wakes, s->fw.cy.refused_by);
}

static void schedule_one(struct scheduler *s, struct sched_pod *p)
{
	const struct sched_profile *profile = profile_of(s, p);
	struct sched_node *n;

	if (!profile)
		return; /* it was ours when it came */
	s->stats.attempts++;
	if (refused_before(s, p)) {
		s->stats.failed++;
		act_unschedulable(s, p, str_of(p->class->wants->failed_text), STR(""));
		sched_queue_park(&s->queue, p, p->class->wants->failed_wakes,
				 p->class->wants->failed_by);
		return;
	}
	n = sched_decide(&s->fw, &s->cache, profile, p);
	if (!n) {
		s->stats.failed++;
		refuse(s, p);
		return;
	}
	sched_queue_remove(&s->queue, p);
	sched_cache_assume(&s->cache, p, n);
	devices_reserve(s, p, n);
	if (!reserve_start(s, p, n))
		devices_bind(s, p, n);
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
	scheduler_ready(s);
}

/* What comes from the caches */

const struct sched_profile *scheduler_profile(const struct scheduler *s, struct str name)
{
	for (size_t i = 0; i < s->config->n_profiles; i++)
		if (str_eqs(name.len ? name : STR("default-scheduler"),
			    s->config->profiles[i].name))
			return &s->config->profiles[i];
	return NULL;
}

static const struct sched_profile *profile_of(const struct scheduler *s, const struct sched_pod *p)
{
	return scheduler_profile(s, p->class->pieces[PIECE_SCHEDULER]);
}

static bool ours(struct scheduler *s, const struct sched_pod *p)
{
	return !p->deleting && !p->gated && profile_of(s, p) && !devices_missing(s, p);
}

static bool may_help(void *user, struct sched_pod *p, uint32_t refused_by,
		     const struct sched_change *what)
{
	struct scheduler *s = user;
	const struct sched_profile *profile = profile_of(s, p);

	if (!profile)
		return false;
	if (what->claim)
		return sched_devices_names(p->obj, what->claim);
	if (what->placed)
		return sched_is_counted(p->class, what->placed->class);
	return sched_may_help(&s->cache, profile, p->class, refused_by, what->node);
}

static void forget_pod(struct scheduler *s, struct str key)
{
	struct sched_pod *p = sched_cache_find(&s->cache, key);
	CLEANUP_FREE char *freed = NULL;
	struct sched_node *n;

	if (!p)
		return;
	n = p->node ? p->node : p->nominated;
	freed = n ? str_dup(n->name) : NULL;
	sched_queue_remove(&s->queue, p);
	if (hmap_len(s->claimless))
		hmap_del(s->claimless, key);
	sched_cache_pod_gone(&s->cache, key);
	n = freed ? sched_cache_node_find(&s->cache, str_of(freed)) : NULL;
	if (n)
		sched_queue_wake(&s->queue, SCHED_EV_POD_GONE, &(struct sched_change){.node = n});
}

static void set_pod(struct scheduler *s, struct object *o)
{
	struct sched_pod *p;
	bool placed, changed;

	if (sched_pod_ended(o)) {
		forget_pod(s, o->key);
		return;
	}
	p = sched_cache_find(&s->cache, o->key);
	placed = !p || p->state != SCHED_BOUND;
	p = sched_cache_pod(&s->cache, o, &changed);
	if (p->state == SCHED_BOUND && placed)
		sched_queue_wake(&s->queue, SCHED_EV_POD_PLACED,
				 &(struct sched_change){.placed = p});
	else if (p->state == SCHED_BOUND && changed) /* other labels: it may count no more */
		sched_queue_wake(&s->queue, SCHED_EV_POD_PLACED, NULL);
	/* Not for a change of its status alone: our own condition must not wake a pod. */
	if (p->state != SCHED_PENDING || !ours(s, p))
		sched_queue_remove(&s->queue, p);
	else if (!p->queued || changed)
		sched_queue_add(&s->queue, p);
}

void scheduler_look_again(struct scheduler *s, struct sched_pod *p)
{
	if (p->state != SCHED_PENDING || !ours(s, p))
		sched_queue_remove(&s->queue, p);
	else if (!p->queued)
		sched_queue_add(&s->queue, p);
}

static void pod_added(void *user, struct object *o)
{
	set_pod(user, o);
}
static void pod_updated(void *user, struct object *old, struct object *o)
{
	set_pod(user, o);
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
	struct sched_change what = {.node = sched_cache_node_find(&s->cache, o->name)};

	if (events)
		sched_queue_wake(&s->queue, events, &what);
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
		sched_queue_wake(&s->queue, events, NULL);
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

static void volumes_changed(void *user)
{
	struct scheduler *s = user;

	s->cache.version++;
	sched_queue_wake(&s->queue, SCHED_EV_VOLUMES, NULL);
	if (!list_empty(&s->reserves))
		timers_soon(client_timers(s->c), &s->volumes_look);
}

static void on_synced(void *user)
{
	struct scheduler *s = user;

	s->synced = true;
	scheduler_ready(s);
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
	budgets_start(&s->budgets, s->informers);
	s->storage.changed = volumes_changed;
	s->storage.user = s;
	sched_storage_start(&s->storage, s->informers);
	s->cache.storage = &s->storage;
	s->devices.changed = devices_changed;
	s->devices.user = s;
	sched_devices_start(&s->devices, s->informers);
	s->cache.devices = &s->devices;
	informers_on_synced(s->informers, on_synced, s);
}

static void unwatch(struct scheduler *s)
{
	informers_cancel_on_synced(s->informers, on_synced, s);
	informer_unhandle(s->namespaces, &namespace_handler, s);
	informer_unhandle(s->nodes, &node_handler, s);
	informer_unhandle(s->pods, &pod_handler, s);
	workloads_stop(&s->workloads);
	budgets_stop(&s->budgets);
}

struct scheduler *scheduler_start(struct informers *informers, const struct scheduler_conf *conf)
{
	struct scheduler *s = NEW(struct scheduler);

	s->informers = informers;
	s->c = informers_client(informers);
	if (!conf || !conf->config)
		sched_config_default(&s->own_config,
				     conf && conf->name ? conf->name : "default-scheduler");
	s->config = conf && conf->config ? conf->config : &s->own_config;
	s->fw.random = conf && conf->seed ? conf->seed : rng_u64(client_rng(s->c));
	s->events = xcalloc(s->config->n_profiles, sizeof(struct recorder *));
	for (size_t i = 0; i < s->config->n_profiles; i++)
		s->events[i] = recorder_new(
			s->c, &(struct recorder_conf){.component = s->config->profiles[i].name});
	s->pump.fire = pump;
	act_init(s);
	list_init(&s->reserves);
	list_init(&s->grants);
	s->claimless = hmap_new();
	s->devices.rng = client_rng(s->c);
	s->volumes_look.fire = reserve_look;
	sched_cache_init(&s->cache);
	sched_queue_init(&s->queue, client_timers(s->c), scheduler_ready, s);
	s->queue.may_help = may_help;
	sched_queue_backoffs(&s->queue, s->config->initial_backoff_s * NSEC_PER_SEC,
			     s->config->max_backoff_s * NSEC_PER_SEC);
	watch(s);
	return s;
}

struct scheduler *scheduler_stop(struct scheduler *s)
{
	if (!s)
		return NULL;
	unwatch(s);
	timers_disarm(client_timers(s->c), &s->pump);
	act_done(s);
	reserve_done(s);
	devices_done(s);
	hmap_for_each (e, s->cache.pods)
		sched_queue_remove(&s->queue, e->value);
	sched_queue_done(&s->queue);
	sched_framework_done(&s->fw);
	sched_storage_stop(&s->storage);
	sched_devices_stop(&s->devices);
	sched_cache_done(&s->cache);
	for (size_t i = 0; i < s->config->n_profiles; i++)
		recorder_free(s->events[i]);
	free(s->events);
	sched_config_done(&s->own_config);
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
