/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/commands.h"
#include "agent/pod/files.h"
#include "agent/pod/objects.h"
#include "agent/pod/ownership.h"
#include "agent/pod/pod.h"
#include "agent/pod/pod_devices.h"
#include "agent/pod/report.h"
#include "agent/pod/shutdown.h"
#include "lib/base/log.h"
#include "lib/client/events.h"
#include "lib/sys/file.h"
/*
 * What a pod needs next. Each function looks at wanted and real, starts what can be started and
 * returns; the completions kick the pod again (pkg/kubelet/kubelet.go SyncPod and friends,
 * kuberuntime_manager.go computePodActions).
 */

#define LIMIT_CHECK_NS (60 * NSEC_PER_SEC)

static bool ended_well(const struct container *c)
{
	return c->state == CONTAINER_EXITED && c->end.set && c->end.exit_code == 0;
}

bool pod_container_will_restart(const struct container *c)
{
	enum restart_policy policy = c->view ? c->view->restart : RESTART_NEVER;

	if (c->pod->must_end || !c->view)
		return false;
	if (c->state != CONTAINER_EXITED)
		return true;
	switch (policy) {
	case RESTART_ALWAYS:
		return true;
	case RESTART_ON_FAILURE:
		return !ended_well(c);
	case RESTART_NEVER:
		return false;
	}
	return false;
}

/* A main container has been made in this sandbox: initialisation is over for good. */
static bool main_begun(const struct pod *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct container *c = p->containers[i];

		if (c->kind == CONTAINER_MAIN && c->sandbox_attempt == p->sandbox_attempt &&
		    c->id[0] && p->sandbox_attempt)
			return true;
	}
	return false;
}

bool pod_initialized(const struct pod *p)
{
	if (main_begun(p))
		return true;
	for (size_t i = 0; i < p->n; i++) {
		const struct container *c = p->containers[i];

		if (c->kind == CONTAINER_INIT && !ended_well(c))
			return false;
		if (c->kind == CONTAINER_SIDECAR && !(c->state == CONTAINER_RUNNING && c->started))
			return false;
	}
	return true;
}

/* Nothing of the pod will ever run again by its own policy. */
static bool all_ended(const struct pod *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct container *c = p->containers[i];

		if (c->kind == CONTAINER_INIT && c->state == CONTAINER_EXITED && !ended_well(c) &&
		    !pod_container_will_restart(c))
			return true; /* initialisation has failed for good */
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct container *c = p->containers[i];

		if (c->kind == CONTAINER_MAIN && (pod_container_will_restart(c)))
			return false;
	}
	return true;
}

static bool deadline_passed(struct pod *p)
{
	int64_t left;

	if (p->view->deadline_s < 0)
		return false;
	left = p->start_ns + p->view->deadline_s * (int64_t)NSEC_PER_SEC - pods_real_ns(p->all);
	if (left > 0)
		pod_wake_at(p, pods_now_ns(p->all) + (uint64_t)left);
	return left <= 0;
}

/* 0: setting up may be tried now; else it waits. */
static bool setup_waits(struct pod *p)
{
	uint64_t now = pods_now_ns(p->all);
	uint64_t wait = backoff_remaining(&p->setup, p->setup_tried_ns, now);

	if (wait)
		pod_wake_at(p, now + wait);
	return wait > 0;
}

static void volumes_open(struct pod *p, struct err *err)
{
	struct resource_amounts a;
	struct volume_conf conf = {
		.volumes = jv_get(p->view->spec, "volumes"),
		.pod_dir = p->dir,
		.fs_group = p->view->fs_group,
		.fs_group_on_mismatch =
			jv_eqs(jv_path(p->view->spec, "securityContext.fsGroupChangePolicy"),
			       "OnRootMismatch"),
		.fs_user = jv_i64(jv_path(p->view->spec, "securityContext.runAsUser"), -1),
		.source = &p->source,
		.clock = p->all->conf.timers->clock,
		.csi = p->all->conf.csi,
	};

	pod_resources(p->view, &a);
	conf.mem_limit_bytes = a.mem_limit > 0 ? (uint64_t)a.mem_limit : 0;
	volume_set_new(&conf, &p->volumes, err);
}

/* The same failure is told once, not with every sync. */
static void volume_failed(struct pod *p, int r, const struct err *err)
{
	uint64_t now = pods_now_ns(p->all);

	if (r != -ENOENT) { /* an absent object kicks the pod when it comes */
		backoff_fail(&p->setup, &backoff_setup, now);
		p->setup_tried_ns = now;
		pod_wake_at(p, now + p->setup.delay_ns);
	}
	if (p->last_volume_error && strcmp(p->last_volume_error, err_text(err)) == 0)
		return;
	free(p->last_volume_error);
	p->last_volume_error = xstrdup(err_text(err));
	pod_event(p, EVENT_WARNING, "FailedMount", "%s", err_text(err));
}

/* True when all volumes stand. */
static bool volumes_sync(struct pod *p)
{
	struct err err = ERR_INIT;
	bool fresh = !p->volumes;
	int r;

	if (!p->volumes)
		volumes_open(p, &err);
	if (!p->volumes) {
		volume_failed(p, -EINVAL, &err);
		err_done(&err);
		return false;
	}
	if (fresh && p->volumes_ready)
		volume_set_adopt(p->volumes);
	if (p->volumes_ready && !p->volumes_dirty)
		return true;
	r = volume_set_apply(p->volumes, &err);
	if (r >= 0) {
		p->state_dirty = p->state_dirty || !p->volumes_ready;
		p->volumes_ready = true;
		p->volumes_dirty = false;
		free(p->last_volume_error);
		p->last_volume_error = NULL;
	} else if (r != -EAGAIN) {
		volume_failed(p, r, &err);
	}
	err_done(&err);
	/* Once set up, later failures leave the old content and do not hold containers back. */
	return p->volumes_ready;
}

/* True when the drivers of its claims have done their part. */
static bool devices_sync(struct pod *p)
{
	struct err err = ERR_INIT;
	int r;

	if (p->devices_ready || setup_waits(p))
		return p->devices_ready;
	r = pod_devices_prepare(p, &err);
	p->devices_ready = r == 0;
	if (r < 0 && r != -EAGAIN) {
		backoff_fail(&p->setup, &backoff_setup, pods_now_ns(p->all));
		p->setup_tried_ns = pods_now_ns(p->all);
		setup_waits(p);
		pod_event(p, EVENT_WARNING, "FailedPrepareDynamicResources",
			  "Failed to prepare dynamic resources: %s", err_text(&err));
	}
	err_done(&err);
	return p->devices_ready;
}

/* True when none is left to be given back. */
static bool devices_end(struct pod *p)
{
	struct err err = ERR_INIT;
	int r = pod_devices_release(p, &err);

	if (r < 0 && r != -EAGAIN) {
		pod_log(LOG_LEVEL_WARN, p, 0, "cannot give devices back: %s", err_text(&err));
		backoff_fail(&p->setup, &backoff_setup, pods_now_ns(p->all));
		p->setup_tried_ns = pods_now_ns(p->all);
		setup_waits(p);
	}
	err_done(&err);
	return r == 0;
}

static bool sandbox_sync(struct pod *p)
{
	switch (p->sandbox) {
	case SANDBOX_READY:
		if (p->half_made)
			pod_sandbox_stop(p); /* and a new one */
		p->half_made = false;
		return p->sandbox == SANDBOX_READY;
	case SANDBOX_NONE:
	case SANDBOX_GONE:
		if (pods_shutting_down(p->all))
			return false; /* held until the machine is back */
		if (setup_waits(p))
			return false;
		if (!p->view->host_network && !p->all->conf.net) {
			backoff_fail(&p->setup, &backoff_setup, pods_now_ns(p->all));
			p->setup_tried_ns = pods_now_ns(p->all);
			/* At start the node's range takes a moment to come: say nothing yet. */
			if (p->setup.delay_ns > 2 * NSEC_PER_SEC)
				pod_event(p, EVENT_WARNING, "NetworkNotReady",
					  "network is not ready: the node has no pod network yet");
			setup_waits(p);
			return false;
		}
		pod_sandbox_start(p);
		return false;
	case SANDBOX_STARTING:
	case SANDBOX_STOPPING:
	case SANDBOX_STATE_MAX:
	case SANDBOX_STATE_INVALID:
		break;
	}
	return false;
}

/* A running container whose image was changed in the spec is replaced. */
static bool definition_changed(const struct container *c)
{
	return c->state == CONTAINER_RUNNING && c->kind != CONTAINER_EPHEMERAL && c->view &&
	       c->image && !str_eqs(c->view->image, c->image);
}

/* True: the container is up (or over) and the next one of the list may be looked at. */
static bool init_step(struct pod *p, struct container *c)
{
	bool begun = main_begun(p);

	switch (c->state) {
	case CONTAINER_RUNNING:
		return c->kind == CONTAINER_SIDECAR && (c->started || begun);
	case CONTAINER_EXITED:
		if (c->kind == CONTAINER_INIT && ended_well(c))
			return true;
		if (c->kind == CONTAINER_INIT && begun)
			return true;
		if (pod_container_will_restart(c))
			pod_container_start(c);
		return begun;
	case CONTAINER_WAITING:
		if (c->kind == CONTAINER_INIT && begun)
			return true;
		pod_container_start(c);
		return begun;
	case CONTAINER_PULLING:
	case CONTAINER_STARTING:
	case CONTAINER_STOPPING:
	case CONTAINER_STATE_MAX:
	case CONTAINER_STATE_INVALID:
		break;
	}
	return begun;
}

static void containers_sync(struct pod *p)
{
	bool init_done = true;

	for (size_t i = 0; i < p->n; i++)
		if (definition_changed(p->containers[i])) {
			CLEANUP_FREE char *why =
				xasprintf("Container %s definition changed, will be restarted",
					  p->containers[i]->name);

			pod_container_stop(p->containers[i], p->view->grace_s, why);
		}
	for (size_t i = 0; i < p->n; i++) {
		struct container *c = p->containers[i];

		if (c->kind == CONTAINER_EPHEMERAL && c->view && c->state == CONTAINER_WAITING)
			pod_container_start(c);
	}
	for (size_t i = 0; i < p->n && init_done; i++)
		if (p->containers[i]->kind <= CONTAINER_SIDECAR && p->containers[i]->view)
			init_done = init_step(p, p->containers[i]);
	for (size_t i = 0; i < p->n; i++) {
		struct container *c = p->containers[i];

		if (c->kind != CONTAINER_MAIN || !c->view)
			continue;
		if (!init_done && c->state == CONTAINER_WAITING && !c->id[0])
			pod_container_wait(c, "PodInitializing", NULL);
		else if (init_done &&
			 (c->state == CONTAINER_WAITING ||
			  (c->state == CONTAINER_EXITED && pod_container_will_restart(c))))
			pod_container_start(c);
	}
}

/* An emptyDir that outgrew its sizeLimit ends the pod; looked at once a minute, if it has one. */
static bool outgrown(struct pod *p)
{
	CLEANUP_FREE char *why = NULL;
	uint64_t now = pods_now_ns(p->all);
	const char *name;
	int64_t limit;

	if (!p->volumes || !p->volumes_ready || !volume_set_has_limits(p->volumes))
		return false;
	if (now >= p->limit_check_ns) {
		p->limit_check_ns = now + LIMIT_CHECK_NS;
		name = volume_set_over_limit(p->volumes, &limit);
		if (name) {
			why = xasprintf("Usage of EmptyDir volume \"%s\" exceeds the limit "
					"\"%" PRId64 "\". ",
					name, limit);
			pod_event(p, EVENT_WARNING, "Evicted", "%s", why);
			pod_fail(p, "Evicted", why);
			return true;
		}
	}
	pod_wake_at(p, p->limit_check_ns);
	return false;
}

static void sync_running(struct pod *p)
{
	struct err err = ERR_INIT;
	int r;

	if (deadline_passed(p)) {
		pod_fail(p, "DeadlineExceeded",
			 "Pod was active on the node longer than the specified deadline");
		return;
	}
	if (outgrown(p))
		return;
	if (p->sandbox_attempt && all_ended(p)) {
		p->must_end = true;
		pod_work_step(p, POD_TERMINATING);
		return;
	}
	r = dir_make(p->dir, 0750);
	if (r == 0)
		r = dir_make(p->log_dir, 0755);
	if (r < 0) {
		pod_event(p, EVENT_WARNING, "FailedMount", "error making pod data directories: %s",
			  strerror(-r));
		pod_wake_at(p, pods_now_ns(p->all) + 5 * NSEC_PER_SEC);
		return;
	}
	err_done(&err);
	if (volumes_sync(p) && devices_sync(p) && sandbox_sync(p))
		containers_sync(p);
}

static bool still_active(const struct container *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_STOPPING ||
	       c->state == CONTAINER_STARTING || c->state == CONTAINER_PULLING;
}

static int64_t grace_left_s(const struct pod *p)
{
	uint64_t now = pods_now_ns(p->all);

	if (!p->grace_end_ns)
		return p->grace_s;
	return p->grace_end_ns > now
		       ? (int64_t)((p->grace_end_ns - now + NSEC_PER_SEC - 1) / NSEC_PER_SEC)
		       : 0;
}

/* Main and other containers first, together; then sidecars, the last started first. */
static void stop_all(struct pod *p)
{
	bool others = false;

	for (size_t i = 0; i < p->n; i++) {
		struct container *c = p->containers[i];

		if (c->kind == CONTAINER_SIDECAR || !still_active(c))
			continue;
		others = true;
		pod_container_stop(c, grace_left_s(p), NULL);
	}
	for (size_t i = p->n; i-- > 0 && !others;) {
		struct container *c = p->containers[i];

		if (c->kind != CONTAINER_SIDECAR || !still_active(c))
			continue;
		pod_container_stop(c, grace_left_s(p), NULL);
		others = true;
	}
	/* A grace that was cut meanwhile holds for sidecars as well. */
	for (size_t i = 0; i < p->n; i++)
		if (p->containers[i]->kind == CONTAINER_SIDECAR && still_active(p->containers[i]) &&
		    grace_left_s(p) == 0)
			pod_container_stop(p->containers[i], 0, NULL);
}

static void sync_terminating(struct pod *p)
{
	stop_all(p);
	for (size_t i = 0; i < p->n; i++)
		if (still_active(p->containers[i]))
			return;
	pod_work_step(p, POD_TERMINATED);
}

static void sync_terminated(struct pod *p)
{
	struct err err = ERR_INIT;
	bool busy;
	int r;

	if (p->sandbox != SANDBOX_NONE && p->sandbox != SANDBOX_GONE) {
		pod_sandbox_stop(p);
		return;
	}
	if (p->inflight || setup_waits(p))
		return;
	busy = commands_end(p); /* what it mounts could come after the teardown */
	busy = ownership_end(p) || busy; /* who is in a volume would keep it from being unmounted */
	if (busy)
		return;
	if (!p->volumes)
		volumes_open(p, NULL);
	r = p->volumes ? volume_set_teardown(p->volumes, &err) : 0;
	if (r == -EAGAIN) {
		err_done(&err);
		return; /* kicked when the drivers are done */
	}
	if (r < 0) {
		pod_log(LOG_LEVEL_WARN, p, 0, "%s", err_text(&err));
		backoff_fail(&p->setup, &backoff_setup, pods_now_ns(p->all));
		p->setup_tried_ns = pods_now_ns(p->all);
		setup_waits(p);
		err_done(&err);
		return;
	}
	err_done(&err);
	p->volumes_ready = false;
	if (!devices_end(p))
		return;
	refs_free(p);
	pod_work_step(p, POD_FINISHED);
}

/* The record goes once no source has the pod any more. */
static void on_removed(void *user, int r, const struct err *e)
{
	struct pod *p = user;

	p->inflight--;
	if (p->all->closing)
		return;
	if (r < 0)
		pod_log(LOG_LEVEL_WARN, p, 0, "cannot remove sandbox: %s", err_text(e));
	dir_remove_tree(AT_FDCWD, p->log_dir);
	dir_remove_tree(AT_FDCWD, p->dir);
	if (!p->inflight)
		pod_free(p);
}

static void remove_record(struct pod *p)
{
	struct err err = ERR_INIT;

	report_cancel(p);
	report_unmirror(p);
	p->inflight++;
	if (!p->sandbox_id[0] ||
	    runtime_sandbox_remove(p->all->conf.rt, p->sandbox_id, on_removed, p, &err) < 0)
		on_removed(p, 0, NULL);
	err_done(&err);
}

void pod_sync(struct pod *p)
{
	timers_disarm(p->all->conf.timers, &p->sync_timer);
	timers_disarm(p->all->conf.timers, &p->wake_timer);
	if (p->gone && p->work == POD_SYNC)
		pod_end(p, p->grace_s);
	if (p->work == POD_SYNC)
		sync_running(p);
	if (p->work == POD_TERMINATING)
		sync_terminating(p);
	if (p->work == POD_TERMINATED)
		sync_terminated(p);
	if (p->work == POD_FINISHED && p->gone) {
		if (!p->inflight)
			remove_record(p);
		return;
	}
	pod_state_save(p);
	report_pod(p);
}
