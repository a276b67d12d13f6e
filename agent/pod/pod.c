/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/commands.h"
#include "agent/pod/pod.h"

#include "agent/pod/hooks.h"
#include "agent/pod/objects.h"
#include "agent/pod/ownership.h"
#include "agent/pod/probes.h"
#include "agent/pod/report.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"

void pod_log(enum log_level level, const struct pod *p, int r, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	log_write(level, r, "pod %s: %s", p->key, b.p);
}

void pod_container_end_done(struct container_end *e)
{
	free(e->reason);
	free(e->message);
	*e = (struct container_end){0};
}

static struct container *container_new(struct pod *p, const struct container_view *cv)
{
	struct container *c = NEW(struct container);

	c->pod = p;
	c->view = cv;
	c->kind = cv->kind;
	str_copy(c->name, sizeof(c->name), cv->name);
	c->waiting = "ContainerCreating";
	return c;
}

static void container_free(struct container *c)
{
	if (c->id[0])
		hmap_del(c->pod->all->by_container, str_of(c->id));
	probes_stop(c);
	hook_cancel(c);
	pod_container_end_done(&c->end);
	pod_container_end_done(&c->last);
	free(c->image);
	free(c->image_id);
	free(c->log_path);
	free(c->previous_log);
	free(c->waiting_message);
	free(c->kill_message);
	free(c);
}

static void on_sync_timer(struct timer *t)
{
	pod_sync(container_of(t, struct pod, sync_timer));
}

static void on_wake_timer(struct timer *t)
{
	pod_sync(container_of(t, struct pod, wake_timer));
}

/* Bind containers to the view: by name, in the view's order; unknown ones are made. */
static void bind_containers(struct pod *p)
{
	struct container **v = xcalloc(p->view->n + p->n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < p->view->n; i++) {
		const struct container_view *cv = &p->view->containers[i];
		struct container *c = pod_container(p, cv->name);

		if (c)
			c->view = cv;
		else
			c = container_new(p, cv);
		v[n++] = c;
	}
	/* Containers never leave a spec by the API's rules; a static pod's new file has a new UID.
	 */
	for (size_t i = 0; i < p->n; i++)
		if (!pod_view_container(p->view, str_of(p->containers[i]->name))) {
			p->containers[i]->view = NULL;
			v[n++] = p->containers[i];
		}
	free(p->containers);
	p->containers = v;
	p->n = n;
}

struct pod *pod_new(struct pods *all, struct pod_view *take_view)
{
	struct pod *p = NEW(struct pod);

	p->all = all;
	p->view = take_view;
	str_copy(p->uid, sizeof(p->uid), take_view->uid);
	p->key = xasprintf("%.*s/%.*s", STR_ARG(take_view->ns), STR_ARG(take_view->name));
	p->dir = xasprintf("%s/pods/%s", all->conf.data_dir, p->uid);
	p->log_dir = xasprintf("%s/%.*s_%.*s_%s", all->conf.log_dir, STR_ARG(take_view->ns),
			       STR_ARG(take_view->name), p->uid);
	p->grace_s = take_view->grace_s;
	p->start_ns = pods_real_ns(all);
	p->source.ops = &pod_source_ops;
	list_init(&p->commands);
	list_init(&p->ownerships);
	p->sync_timer.fire = on_sync_timer;
	p->wake_timer.fire = on_wake_timer;
	memset(p->cond_value, -1, sizeof(p->cond_value));
	bind_containers(p);
	list_append(&all->list, &p->in_all);
	hmap_put(all->by_uid, str_of(p->uid), p);
	return p;
}

struct pod *pod_free(struct pod *p)
{
	if (!p)
		return NULL;
	assert(p->inflight == 0 || p->all->closing);
	timers_disarm(p->all->conf.timers, &p->sync_timer);
	timers_disarm(p->all->conf.timers, &p->wake_timer);
	report_cancel(p);
	hmap_del(p->all->by_uid, str_of(p->uid));
	list_remove(&p->in_all);
	for (size_t i = 0; i < p->n; i++)
		container_free(p->containers[i]);
	refs_free(p);
	commands_free(p);
	ownership_free(p);
	volume_set_free(p->volumes);
	pod_view_free(p->view);
	free(p->containers);
	free(p->key);
	free(p->dir);
	free(p->log_dir);
	free(p->mirror_uid);
	free(p->end_reason);
	free(p->end_message);
	free(p->reported);
	free(p->last_volume_error);
	free(p);
	return NULL;
}

static struct str ready_in(struct jv status)
{
	jv_for_each (c, jv_get(status, "conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "Ready"))
			return jv_text(jv_get(c.value, "status"));
	return STR("");
}

/*
 * The master takes a pod's readiness back when its node was silent for a while: what we said last
 * is said again.
 */
static void check_reported(struct pod *p)
{
	if (!p->reported || str_eq(ready_in(p->view->status), ready_in(jv_of(str_of(p->reported)))))
		return;
	free(p->reported);
	p->reported = NULL;
}

void pod_update(struct pod *p, struct pod_view *take_view)
{
	struct pod_view *old = p->view;
	bool relabelled = !str_eq(jv_raw(jv_get(old->metadata, "labels")),
				  jv_raw(jv_get(take_view->metadata, "labels")));
	struct err err = ERR_INIT;

	p->view = take_view;
	p->volumes_dirty = true; /* labels and annotations may be shown */
	p->status_dirty = true;
	bind_containers(p);
	pod_view_free(old);
	check_reported(p);
	if (relabelled && p->sandbox == SANDBOX_READY)
		pod_connected(p, true);
	if (pod_object_save(p, &err) < 0)
		pod_log(LOG_LEVEL_WARN, p, 0, "%s", err_text(&err));
	err_done(&err);
	if (p->view->deletion_grace_s >= 0)
		pod_end(p, p->view->deletion_grace_s);
	pod_kick(p);
}

void pod_kick(struct pod *p)
{
	if (!p->all->closing)
		timers_soon(p->all->conf.timers, &p->sync_timer);
}

void pod_wake_at(struct pod *p, uint64_t at_ns)
{
	if (!timer_armed(&p->wake_timer) || p->wake_timer.at_ns > at_ns)
		timers_arm(p->all->conf.timers, &p->wake_timer, at_ns);
}

static void check(struct pod *p)
{
	struct pod_facts f = {
		.work = p->work,
		.sandbox = p->sandbox,
		.must_end = p->must_end,
		.has_volumes = p->volumes_ready,
	};
	const char *wrong;

	for (size_t i = 0; i < p->n; i++)
		f.n_state[p->containers[i]->state]++;
	wrong = pod_facts_check(&f);
	if (wrong) {
		pod_log(LOG_LEVEL_ERR, p, 0, "bug: %s (%s, sandbox %s)", wrong,
			pod_work_name(p->work), sandbox_state_name(p->sandbox));
		assert(!"pod invariant");
	}
}

void pod_work_step(struct pod *p, enum pod_work to)
{
	assert(pod_work_allowed(p->work, to));
	p->work = to;
	p->state_dirty = true;
	check(p);
}

void pod_container_step(struct container *c, enum container_state to)
{
	if (!container_state_allowed(c->state, to))
		pod_log(LOG_LEVEL_ERR, c->pod, 0, "bug: container %s from %s to %s", c->name,
			container_state_name(c->state), container_state_name(to));
	assert(container_state_allowed(c->state, to));
	c->state = to;
	c->pod->state_dirty = c->pod->status_dirty = true;
	pod_kick(c->pod);
}

void pod_sandbox_step(struct pod *p, enum sandbox_state to)
{
	assert(sandbox_state_allowed(p->sandbox, to));
	p->sandbox = to;
	p->state_dirty = p->status_dirty = true;
	pod_kick(p);
}

void pod_container_wait(struct container *c, const char *reason, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		buf_vaddf(&b, fmt, ap);
		va_end(ap);
	}
	if (c->waiting && strcmp(c->waiting, reason) == 0 &&
	    strcmp(c->waiting_message ? c->waiting_message : "", b.p) == 0)
		return;
	c->waiting = reason;
	free(c->waiting_message);
	c->waiting_message = b.len ? xstrndup(b.p, b.len) : NULL;
	c->pod->status_dirty = true;
	pod_kick(c->pod);
}

void pod_end(struct pod *p, int64_t grace_s)
{
	uint64_t now = pods_now_ns(p->all), end;

	if (grace_s < 0)
		grace_s = p->view->grace_s;
	if (!p->must_end || grace_s < p->grace_s)
		p->grace_s = grace_s;
	end = now + (uint64_t)p->grace_s * NSEC_PER_SEC;
	if (!p->must_end || end < p->grace_end_ns)
		p->grace_end_ns = end;
	p->must_end = true;
	if (p->work == POD_SYNC)
		pod_work_step(p, POD_TERMINATING);
	pod_kick(p);
}

void pod_fail(struct pod *p, const char *reason, const char *message)
{
	if (p->evict_failed || p->work != POD_SYNC)
		return;
	p->evict_failed = true;
	p->ended_ns = pods_real_ns(p->all);
	p->end_reason = xstrdup(reason);
	p->end_message = xstrdup(message);
	p->status_dirty = true;
	pod_end(p, -1);
}
