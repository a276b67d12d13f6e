/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/shutdown.h"

#include "agent/pod/pod.h"
#include "agent/pod/report.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/client/client.h"
#include "lib/json/jw.h"

#define SYSTEM_CRITICAL_PRIORITY 2000000000
#define LOOK_NS (100 * NSEC_PER_MSEC)
#define ASK_AGAIN_NS (500 * NSEC_PER_MSEC)
#define REPORT_NS (2 * NSEC_PER_SEC)
#define SYNC_SHARE 4 /* of the ordinary pods' time */

enum stage { STAGE_ORDINARY, STAGE_CRITICAL, STAGE_REPORT };

/* One pod's eviction: asked for until it is granted or the time is over. */
struct eviction {
	struct pods_shutdown *of;
	char uid[65];
	struct client_call *call;
	uint64_t next_ns; /* when to ask again */
	bool granted;
};

struct pods_shutdown {
	struct pods *ps;
	struct pods_shutdown_conf conf;
	enum stage stage;
	uint64_t stage_end_ns;
	uint64_t sync_until_ns; /* so long a master is waited for that can move pods */
	struct timer timer;
	struct hmap *evictions; /* uid -> struct eviction */
};

bool pods_shutting_down(const struct pods *ps)
{
	return ps->shutdown;
}

static bool is_critical(const struct pod *p)
{
	return p->view->priority >= SYSTEM_CRITICAL_PRIORITY;
}

static struct str controller_of(const struct pod *p)
{
	jv_for_each (o, jv_get(p->view->metadata, "ownerReferences"))
		if (jv_bool(jv_get(o.value, "controller"), false))
			return jv_text(jv_get(o.value, "kind"));
	return STR_NULL;
}

bool pod_is_leftover(const struct pod *p)
{
	return p->terminated_before && controller_of(p).len && !p->view->is_static;
}

/* Somebody makes another one of it on another node. */
static bool is_movable(const struct pod *p)
{
	struct str kind = controller_of(p);

	return kind.len && !str_eqs(kind, "DaemonSet") && !p->view->is_static &&
	       p->all->conf.client;
}

static int64_t seconds_left(const struct pods_shutdown *s)
{
	uint64_t now = pods_now_ns(s->ps);

	return now < s->stage_end_ns ? (int64_t)((s->stage_end_ns - now) / NSEC_PER_SEC) : 0;
}

static void terminate(struct pods_shutdown *s, struct pod *p)
{
	if (p->work == POD_SYNC) {
		pod_log(LOG_LEVEL_NOTICE, p, 0, "terminated: the machine goes down");
		pod_fail(p, POD_TERMINATED_REASON,
			 "Pod was terminated in response to imminent node shutdown.");
	}
	pod_end(p, MIN(p->view->grace_s, seconds_left(s)));
}

static void on_evicted(void *user, const struct err *e, struct str body)
{
	struct eviction *v = user;
	struct pods_shutdown *s = v->of;
	struct pod *p = hmap_get(s->ps->by_uid, str_of(v->uid));

	v->call = NULL;
	if (!e->errnum || e->errnum == ENOENT) {
		v->granted = true; /* the deletion comes by the watch */
		return;
	}
	v->next_ns = pods_now_ns(s->ps) + ASK_AGAIN_NS;
	/* A budget says "not now"; whatever else fails, there is nobody to wait for. */
	if (p && !(e->reason && strcmp(e->reason, "TooManyRequests") == 0)) {
		v->granted = true;
		terminate(s, p);
	}
}

static void ask(struct pods_shutdown *s, struct pod *p, struct eviction *v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_adds(&b, "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":");
	json_quote(p->view->name, &b);
	buf_adds(&b, ",\"namespace\":");
	json_quote(p->view->ns, &b);
	buf_addf(&b,
		 "},\"deleteOptions\":{\"gracePeriodSeconds\":%" PRId64
		 ",\"preconditions\":{\"uid\":",
		 MIN(p->view->grace_s, seconds_left(s)));
	json_quote(p->view->uid, &b);
	buf_adds(&b, "}}}");
	v->call = client_do(s->ps->conf.client,
			    &(struct client_req){
				    .method = "POST",
				    .kind = &client_pods,
				    .ns = p->view->ns,
				    .name = p->view->name,
				    .sub = "eviction",
				    .body = buf_str(&b),
			    },
			    on_evicted, v);
}

static void evict(struct pods_shutdown *s, struct pod *p)
{
	struct eviction *v = hmap_get(s->evictions, p->view->uid);

	if (!v) {
		v = NEW(struct eviction);
		v->of = s;
		str_copy(v->uid, sizeof(v->uid), p->view->uid);
		hmap_put(s->evictions, p->view->uid, v);
	}
	if (!v->call && !v->granted && pods_now_ns(s->ps) >= v->next_ns)
		ask(s, p, v);
}

/* True: the pod has ended, or never began and is held. */
static bool end_one(struct pods_shutdown *s, struct pod *p)
{
	if (p->gone || p->work == POD_FINISHED)
		return true;
	if (p->work == POD_SYNC && p->sandbox != SANDBOX_READY && p->sandbox != SANDBOX_STARTING)
		return true;
	if (p->work == POD_SYNC && is_movable(p) && !is_critical(p) && seconds_left(s) > 0) {
		if (s->ps->api_synced) {
			evict(s, p);
			return false;
		}
		/* An agent just started has not heard of a master yet; with none it is ended. */
		if (pods_now_ns(s->ps) < s->sync_until_ns)
			return false;
	}
	terminate(s, p);
	return false;
}

static bool all_ended(struct pods_shutdown *s, bool critical)
{
	bool all = true;

	list_for_each_safe (it, &s->ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		if (is_critical(p) == critical && !end_one(s, p))
			all = false;
	}
	return all;
}

static bool all_told(const struct pods_shutdown *s)
{
	list_for_each (it, &s->ps->list)
		if (!report_idle(list_entry(it, struct pod, in_all)))
			return false;
	return true;
}

static void enter(struct pods_shutdown *s, enum stage stage, uint64_t for_ns)
{
	s->stage = stage;
	s->stage_end_ns = pods_now_ns(s->ps) + for_ns;
}

/* A stage's time that is left over goes to nobody: the machine is down the sooner. */
static void step(struct pods_shutdown *s)
{
	uint64_t slack = NSEC_PER_SEC; /* SIGKILL is on its way when the grace is over */

	if (s->stage == STAGE_ORDINARY &&
	    (all_ended(s, false) || pods_now_ns(s->ps) > s->stage_end_ns + slack))
		enter(s, STAGE_CRITICAL, s->conf.critical_ns);
	if (s->stage == STAGE_CRITICAL &&
	    (all_ended(s, true) || pods_now_ns(s->ps) > s->stage_end_ns + slack))
		enter(s, STAGE_REPORT, REPORT_NS);
	if (s->stage == STAGE_REPORT && (all_told(s) || pods_now_ns(s->ps) >= s->stage_end_ns)) {
		void (*done)(void *user) = s->conf.done;

		s->conf.done = NULL;
		if (done)
			done(s->conf.user);
		return;
	}
	timers_arm_in(s->ps->conf.timers, &s->timer, LOOK_NS);
}

static void on_timer(struct timer *t)
{
	step(container_of(t, struct pods_shutdown, timer));
}

void pods_shutdown_begin(struct pods *ps, const struct pods_shutdown_conf *conf)
{
	struct pods_shutdown *s;
	uint64_t critical = MIN(conf->critical_ns, conf->grace_ns);

	if (ps->shutdown)
		return;
	s = ps->shutdown = NEW(struct pods_shutdown);
	s->ps = ps;
	s->conf = *conf;
	s->conf.critical_ns = critical;
	s->timer.fire = on_timer;
	s->evictions = hmap_new();
	enter(s, STAGE_ORDINARY, conf->grace_ns - critical);
	s->sync_until_ns = pods_now_ns(ps) + (conf->grace_ns - critical) / SYNC_SHARE;
	timers_soon(ps->conf.timers, &s->timer);
}

void pods_shutdown_free(struct pods *ps)
{
	struct pods_shutdown *s = ps->shutdown;

	if (!s)
		return;
	timers_disarm(ps->conf.timers, &s->timer);
	hmap_for_each (it, s->evictions) {
		struct eviction *v = it->value;

		if (v->call)
			client_cancel(ps->conf.client, v->call);
	}
	hmap_free_full(s->evictions, free);
	free(s);
	ps->shutdown = NULL;
}

void pods_shutdown_cancel(struct pods *ps)
{
	pods_shutdown_free(ps);
	list_for_each (it, &ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		if (p->end_reason && strcmp(p->end_reason, POD_TERMINATED_REASON) == 0)
			p->terminated_before = true;
		pod_kick(p);
	}
}
