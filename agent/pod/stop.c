/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "agent/pod/files.h"
#include "agent/pod/hooks.h"
#include "agent/pod/pod.h"
#include "agent/pod/probes.h"
#include "agent/pod/pull.h"
#include "lib/base/log.h"
#include "lib/client/events.h"
/*
 * A container's way down:
 *
 *	pod_container_stop --> preStop --> signal --> (grace) SIGKILL --> pod_container_exited
 *	                   counts against the grace; at least 2 s are left for the signal
 */
#define MIN_SIGNAL_GRACE_NS (2 * NSEC_PER_SEC)

static void on_stopped(void *user, int r, const struct err *e)
{
	struct container *c = user;

	c->pod->inflight--;
	if (c->pod->all->closing)
		return;
	/* The EXITED event came first; a runtime that lost the container gets the same end. */
	if (c->state == CONTAINER_STOPPING)
		pod_container_exited(c);
	pod_kick(c->pod);
}

/* STOPSIGNAL of the image, or the container's lifecycle.stopSignal. */
static int stop_signal(const struct container *c)
{
	static const struct {
		const char *name;
		int sig;
	} names[] = {{"TERM", SIGTERM}, {"INT", SIGINT},     {"QUIT", SIGQUIT},
		     {"HUP", SIGHUP},   {"KILL", SIGKILL},   {"USR1", SIGUSR1},
		     {"USR2", SIGUSR2}, {"WINCH", SIGWINCH}, {"STOP", SIGSTOP}};
	const struct image_info *img;
	struct str s = c->view ? jv_text(jv_path(c->view->json, "lifecycle.stopSignal")) : STR_NULL;
	uint64_t n;

	if (!s.len && c->image_id &&
	    image_resolve(c->pod->all->conf.images, c->image_id, &img, NULL) == 0)
		s = str_of(img->config.stop_signal);
	if (str_to_u64(s, &n) == 0 && n > 0 && n < 65)
		return (int)n;
	if (str_starts(s, STR("SIG")))
		s = str_skip(s, 3);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eqs(s, names[i].name))
			return names[i].sig;
	return SIGTERM;
}

static void signal_now(struct container *c)
{
	struct pod *p = c->pod;
	struct err err = ERR_INIT;
	uint64_t now = pods_now_ns(p->all), left;

	left = c->stop_deadline_ns > now ? c->stop_deadline_ns - now : 0;
	if (c->stop_had_hook)
		left = MAX(left, MIN_SIGNAL_GRACE_NS);
	if (runtime_container_stop(p->all->conf.rt, c->id, stop_signal(c), left, on_stopped, c,
				   &err) < 0) {
		pod_log(LOG_LEVEL_WARN, p, 0, "cannot stop container %s: %s", c->name,
			err_text(&err));
		if (c->state == CONTAINER_STOPPING && !c->stop_sent)
			pod_container_exited(c);
	} else {
		p->inflight++;
	}
	c->stop_sent = true;
	err_done(&err);
}

static void on_pre_stop(struct container *c, int r, const struct err *err)
{
	c->stop_hook = false;
	if (r < 0)
		pod_container_event(c, EVENT_WARNING, "FailedPreStopHook", "PreStopHook failed");
	if (c->state == CONTAINER_STOPPING)
		signal_now(c);
}

/* Already on its way down: only an earlier end makes a difference. */
static void hasten(struct container *c, uint64_t deadline_ns, int64_t grace_s)
{
	if (deadline_ns >= c->stop_deadline_ns)
		return;
	c->stop_deadline_ns = deadline_ns;
	if (c->stop_hook && grace_s > 0)
		return;
	if (c->stop_hook) {
		hook_cancel(c);
		c->stop_hook = c->stop_had_hook = false;
	}
	signal_now(c);
}

void pod_container_stop(struct container *c, int64_t grace_s, const char *message)
{
	uint64_t grace_ns = (uint64_t)MAX(grace_s, 0) * NSEC_PER_SEC;
	uint64_t deadline = pods_now_ns(c->pod->all) + grace_ns;

	if (c->state == CONTAINER_PULLING) {
		pull_cancel(c);
		pod_container_step(c, c->end.set ? CONTAINER_EXITED : CONTAINER_WAITING);
		return;
	}
	if (c->state == CONTAINER_STOPPING) {
		hasten(c, deadline, grace_s);
		return;
	}
	if (c->state != CONTAINER_RUNNING)
		return; /* STARTING: comes back here when it runs */
	free(c->kill_message);
	c->kill_message = message ? xstrdup(message) : NULL;
	pod_container_event(c, EVENT_NORMAL, "Killing", "%s%s",
			    message ? message : "Stopping container ", message ? "" : c->name);
	probes_stop(c);
	hook_cancel(c); /* a postStart that has not ended */
	c->post_start_pending = false;
	pod_container_step(c, CONTAINER_STOPPING);
	c->stop_deadline_ns = deadline;
	c->stop_sent = c->stop_had_hook = false;
	c->stop_hook = grace_ns > 0 && hook_start(c, "preStop", grace_ns, on_pre_stop);
	if (c->stop_hook)
		c->stop_had_hook = true;
	else
		signal_now(c);
}

void pod_container_exited(struct container *c)
{
	struct container_info info;
	struct pod *p = c->pod;
	int r = runtime_container_get(p->all->conf.rt, c->id, &info);

	probes_stop(c);
	hook_cancel(c);
	c->stop_hook = c->post_start_pending = false;
	pod_container_end_done(&c->end);
	c->end.set = true;
	str_copy(c->end.id, sizeof(c->end.id), str_of(c->id));
	c->end.started_ns = c->started_ns;
	c->end.finished_ns = pods_real_ns(p->all);
	c->end.exit_code = 137;
	if (r == 0) {
		c->end.exit_code = info.exit_code;
		c->end.signal = 0; /* as the CRI: 128 + signal stands in exitCode */
		if (info.started_ns)
			c->end.started_ns = info.started_ns;
		if (info.finished_ns)
			c->end.finished_ns = info.finished_ns;
	}
	c->end.reason = xstrdup(r < 0                   ? "ContainerStatusUnknown"
				: info.oom_killed       ? "OOMKilled"
				: c->end.exit_code == 0 ? "Completed"
							: "Error");
	c->end.message = files_termination_message(c);
	c->started = c->ready = false;
	c->tried_ns = pods_now_ns(p->all);
	if (c->restart.delay_ns && c->tried_ns - c->restart.since_ns > 2 * backoff_restart.max_ns)
		backoff_reset(&c->restart);
	c->waiting = NULL;
	pod_container_step(c, CONTAINER_EXITED);
}
