/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/hooks.h"
#include "agent/pod/pod.h"
#include "agent/pod/probes.h"
#include "agent/pod/pull.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/client/events.h"
/* A container's way up: image, spec, start, postStart (kuberuntime_container.go startContainer). */

/* The wait that stands in the way of the next try; 0: none. Also sets the waiting reason. */
static uint64_t waits(struct container *c)
{
	uint64_t now = pods_now_ns(c->pod->all), left;

	if (c->state == CONTAINER_EXITED) {
		left = backoff_remaining(&c->restart, c->tried_ns, now);
		if (left) {
			CLEANUP(buf_done) struct buf d = BUF_INIT;

			duration_format((int64_t)c->restart.delay_ns, &d);
			if (!c->waiting || strcmp(c->waiting, "CrashLoopBackOff") != 0)
				pod_container_event(
					c, EVENT_WARNING, "BackOff",
					"Back-off restarting failed container %s in pod "
					"%.*s_%.*s(%s)",
					c->name, STR_ARG(c->pod->view->name),
					STR_ARG(c->pod->view->ns), c->pod->uid);
			pod_container_wait(c, "CrashLoopBackOff",
					   "back-off %s restarting failed container=%s "
					   "pod=%.*s_%.*s(%s)",
					   d.p, c->name, STR_ARG(c->pod->view->name),
					   STR_ARG(c->pod->view->ns), c->pod->uid);
		}
		return left;
	}
	return backoff_remaining(&c->create, c->tried_ns, now);
}

/* A try failed before the program ran. From EXITED the old end stays visible as lastState. */
static void failed(struct container *c, const char *reason, const struct err *err)
{
	uint64_t now = pods_now_ns(c->pod->all);

	backoff_fail(&c->create, &backoff_restart, now);
	c->tried_ns = now;
	pod_container_step(c, CONTAINER_WAITING);
	pod_container_wait(c, reason, "%s", err_text(err));
	pod_container_event(c, EVENT_WARNING, "Failed", "Error: %s", err_text(err));
	pod_wake_at(c->pod, now + c->create.delay_ns);
}

static void on_post_start(struct container *c, int r, const struct err *err)
{
	c->post_start_pending = false;
	if (r < 0) {
		pod_container_event(c, EVENT_WARNING, "FailedPostStartHook",
				    "PostStartHook failed");
		pod_container_stop(c, c->pod->view->grace_s, "FailedPostStartHook");
		return;
	}
	if (c->state == CONTAINER_RUNNING)
		probes_start(c);
	c->pod->status_dirty = true;
	pod_kick(c->pod);
}

void pod_container_runs(struct container *c)
{
	struct container_info info;

	if (runtime_container_get(c->pod->all->conf.rt, c->id, &info) == 0) {
		if (info.started_ns)
			c->started_ns = info.started_ns;
		if (info.warning)
			pod_log(LOG_LEVEL_WARN, c->pod, 0, "container %s: %s", c->name,
				info.warning);
	}
	c->waiting = NULL;
	free(c->waiting_message);
	c->waiting_message = NULL;
	c->started = c->ready = false;
}

static void on_started(void *user, int r, const struct err *e)
{
	struct container *c = user;
	struct pod *p = c->pod;

	p->inflight--;
	if (p->all->closing)
		return;
	if (r < 0) {
		hmap_del(p->all->by_container, str_of(c->id));
		c->id[0] = 0;
		if (p->must_end || p->sandbox != SANDBOX_READY) {
			pod_container_step(c, CONTAINER_WAITING);
			pod_kick(p);
			return;
		}
		/* The kubelet shows what the program's absence looks like as exit code 128. */
		failed(c, "RunContainerError", e);
		c->restarts++;
		return;
	}
	if (c->state == CONTAINER_EXITED) /* faster than its own start message */
		return;
	backoff_reset(&c->create);
	pod_container_step(c, CONTAINER_RUNNING);
	pod_container_runs(c);
	pod_container_event(c, EVENT_NORMAL, "Started", "Started container %s", c->name);
	if (p->must_end) {
		pod_kick(p);
		return;
	}
	c->post_start_pending = hook_start(c, "postStart", 0, on_post_start);
	if (!c->post_start_pending)
		probes_start(c);
}

/* Instance n's log with what was rotated off it. */
static void remove_log(const struct container *c, uint32_t n)
{
	for (unsigned i = 0; i < 10; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s/%u.log", c->pod->log_dir, c->name, n);
		CLEANUP_FREE char *old = xasprintf("%s.%u", path, i);

		unlink(i ? old : path);
	}
}

/* The bookkeeping of a new instance; undone by nobody: a failed start clears the id. */
static void new_instance(struct container *c, const struct image_info *img)
{
	CLEANUP(buf_done) struct buf hex = BUF_INIT;
	struct pod *p = c->pod;
	char id[UUID_LEN + 1], id2[UUID_LEN + 1];

	rng_uuid(&rng_system, id);
	rng_uuid(&rng_system, id2);
	for (const char *s = id; *s; s++)
		if (*s != '-')
			buf_addc(&hex, *s);
	for (const char *s = id2; *s; s++)
		if (*s != '-')
			buf_addc(&hex, *s);
	if (c->state == CONTAINER_EXITED) {
		/* One ended instance is kept for `logs --previous`; the one before it goes. */
		if (c->previous_id[0]) {
			runtime_container_remove(p->all->conf.rt, c->previous_id, NULL);
			hmap_del(p->all->by_container, str_of(c->previous_id));
			remove_log(c, c->instances - 2);
		}
		str_copy(c->previous_id, sizeof(c->previous_id), str_of(c->id));
		pod_container_end_done(&c->last);
		c->last = c->end;
		c->end = (struct container_end){0};
	}
	if (c->last.set)
		c->restarts++;
	str_copy(c->id, sizeof(c->id), buf_str(&hex));
	hmap_put(p->all->by_container, str_of(c->id), c);
	c->sandbox_attempt = p->sandbox_attempt;
	c->started_ns = pods_real_ns(p->all);
	free(c->image);
	c->image = str_dup(c->view->image);
	free(c->image_id);
	c->image_id = xstrdup(img->id);
	free(c->log_path);
	c->log_path = xasprintf("%s/%s/%u.log", p->log_dir, c->name, c->instances++);
}

static void start_now(struct container *c, const struct image_info *img)
{
	struct pod *p = c->pod;
	struct err err = ERR_INIT;
	bool again = c->state == CONTAINER_EXITED;
	int r;

	if (again)
		backoff_fail(&c->restart, &backoff_restart, pods_now_ns(p->all));
	new_instance(c, img);
	r = container_spec_start(c, img, on_started, &err);
	/* What waits for an object is kicked by its coming: a step here would kick for ever. */
	if (r != -EAGAIN || again)
		pod_container_step(c, CONTAINER_STARTING);
	if (r < 0) {
		hmap_del(p->all->by_container, str_of(c->id));
		c->id[0] = 0;
		c->instances--;
		if (c->last.set && c->restarts)
			c->restarts--;
		if (r == -EAGAIN) {
			if (again)
				pod_container_step(c, CONTAINER_WAITING);
			pod_container_wait(c, "ContainerCreating", NULL);
		} else {
			failed(c, "CreateContainerConfigError", &err);
		}
	} else {
		p->inflight++;
		pod_container_event(c, EVENT_NORMAL, "Created", "Created container: %s", c->name);
	}
	err_done(&err);
}

void pod_container_start(struct container *c)
{
	const struct image_info *img;
	uint64_t left = waits(c);

	assert(c->view && !c->pod->must_end);
	if (left) {
		pod_wake_at(c->pod, pods_now_ns(c->pod->all) + left);
		return;
	}
	/* 1: here; 0: under way, or it failed and waits: pull.c has said so. */
	if (pull_ready(c, &img) > 0)
		start_now(c, img);
}
