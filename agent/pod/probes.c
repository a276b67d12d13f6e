/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/probes.h"

#include "agent/pod/exec_sync.h"
#include "agent/pod/pod.h"
#include "agent/probe/prober.h"
#include "lib/base/log.h"
#include "lib/client/events.h"

struct container_probes {
	struct container *c;
	struct pod_view *view; /* probers point into the view they were made from: own copy */
	struct prober *v[3]; /* by enum probe_kind; NULL: none */
};

/* A try by exec: exec_sync and prober meet here. */
struct exec_try {
	struct prober *p;
	struct exec_sync *x;
};

static struct container *container_of_prober(struct prober *p)
{
	return ((struct container_probes *)prober_user(p))->c;
}

static void on_exec(void *user, int r, int code, struct str output, const struct err *err)
{
	struct exec_try *t = user;
	struct prober *p = t->p;

	free(t);
	if (r == -ETIMEDOUT)
		prober_result(p, CHECK_FAILURE, STR("command timed out"));
	else if (r < 0)
		prober_result(p, r == -ENOENT || r == -EACCES ? CHECK_FAILURE : CHECK_UNKNOWN,
			      str_of(err_text(err)));
	else
		prober_result(p, code == 0 ? CHECK_SUCCESS : CHECK_FAILURE, output);
}

static void on_attempt(void *user, enum check_result result, struct str output)
{
	prober_result(user, result, output);
}

static void attempt(void *user, struct prober *p, const struct check *check, uint64_t timeout_ns)
{
	struct container *c = container_of_prober(p);
	struct pods *ps = c->pod->all;
	struct exec_try *t;

	if (check->type != CHECK_EXEC) {
		prober_set_attempt(
			p, attempt_start(ps->conf.loop, ps->conf.timers, check,
					 c->pod->view->host_network ? ps->host_ip : c->pod->ip,
					 timeout_ns, on_attempt, p));
		return;
	}
	t = NEW(struct exec_try);
	t->p = p;
	prober_set_attempt(p, t);
	t->x = exec_sync_start(ps->conf.rt, ps->conf.loop, ps->conf.timers, c->id,
			       (const char *const *)check->argv, timeout_ns, on_exec, t);
}

static const char *const keys[] = {"startupProbe", "readinessProbe", "livenessProbe"};

static void cancel(void *user, struct prober *p)
{
	struct container_probes *cp = user;
	const struct container_view *cv = pod_view_container(cp->view, str_of(cp->c->name));
	struct exec_try *t = prober_attempt(p);

	if (!t)
		return;
	if (cv && jv_exists(jv_get(jv_get(cv->json, keys[prober_kind(p)]), "exec"))) {
		exec_sync_cancel(t->x);
		free(t);
	} else {
		attempt_cancel(prober_attempt(p));
	}
}

static void failed(void *user, struct prober *p, struct str output)
{
	struct container *c = container_of_prober(p);

	pod_container_event(c, EVENT_WARNING, "Unhealthy", "%s probe failed: %.*s",
			    probe_kind_name(prober_kind(p)), STR_ARG(output));
}

static void set_ready(struct container *c, bool ready)
{
	if (c->ready == ready)
		return;
	c->ready = ready;
	c->pod->status_dirty = c->pod->state_dirty = true;
	pod_kick(c->pod);
}

/* From startup on the other two probes run. */
static void begin_after_startup(struct container *c, bool poke)
{
	struct container_probes *cp = c->probes;

	c->started = true;
	c->pod->status_dirty = c->pod->state_dirty = true;
	if (!cp || !cp->v[PROBE_READINESS])
		set_ready(c, true);
	for (enum probe_kind k = PROBE_READINESS; cp && k <= PROBE_LIVENESS; k++) {
		if (!cp->v[k])
			continue;
		if (poke)
			prober_poke(cp->v[k]);
		else
			prober_start(cp->v[k]);
	}
	pod_kick(c->pod);
}

static void verdict(void *user, struct prober *p, bool success)
{
	struct container *c = container_of_prober(p);
	enum probe_kind k = prober_kind(p);
	int64_t grace = prober_grace_s(p) >= 0 ? prober_grace_s(p) : c->pod->view->grace_s;
	CLEANUP_FREE char *why = NULL;

	if (k == PROBE_READINESS) {
		set_ready(c, success);
		return;
	}
	if (success) {
		if (k == PROBE_STARTUP)
			begin_after_startup(c, true);
		return;
	}
	why = xasprintf("Container %s failed %s probe%s", c->name,
			k == PROBE_STARTUP ? "startup" : "liveness",
			pod_container_will_restart(c) && c->view &&
					c->view->restart != RESTART_NEVER
				? ", will be restarted"
				: "");
	/* Frees this prober: nothing may touch it after. */
	pod_container_stop(c, grace, why);
}

static const struct prober_ops ops = {attempt, cancel, failed, verdict};

void probes_start(struct container *c)
{
	probes_resume(c, false, false);
}

void probes_resume(struct container *c, bool started, bool ready)
{
	struct container_probes *cp;
	const struct container_view *cv;
	struct err err = ERR_INIT;

	probes_stop(c);
	c->started = started;
	c->ready = ready;
	cp = NEW(struct container_probes);
	cp->c = c;
	if (pod_view_parse(c->pod->view->json, &cp->view, NULL) < 0) {
		free(cp);
		return;
	}
	c->probes = cp;
	cv = pod_view_container(cp->view, str_of(c->name));
	for (enum probe_kind k = PROBE_STARTUP; cv && k <= PROBE_LIVENESS; k++) {
		struct jv probe = jv_get(cv->json, keys[k]);

		if (jv_type(probe) != JV_OBJECT || (k == PROBE_STARTUP && started))
			continue;
		if (prober_new(&(struct prober_conf){.kind = k,
						     .probe = probe,
						     .container = cv->json,
						     .timers = c->pod->all->conf.timers,
						     .began_ns = pods_now_ns(c->pod->all),
						     .passed = k == PROBE_READINESS && ready,
						     .ops = &ops,
						     .user = cp},
			       &cp->v[k], &err) < 0) {
			pod_log(LOG_LEVEL_WARN, c->pod, 0, "container %s, %s: %s", c->name, keys[k],
				err_text(&err));
			err_clear(&err);
		}
	}
	if (cp->v[PROBE_STARTUP])
		prober_start(cp->v[PROBE_STARTUP]);
	else
		begin_after_startup(c, false);
	if (!cp->v[PROBE_STARTUP] && !cp->v[PROBE_READINESS] && !cp->v[PROBE_LIVENESS])
		probes_stop(c); /* nothing to do: nothing to keep */
	err_done(&err);
}

void probes_stop(struct container *c)
{
	struct container_probes *cp = TAKE(c->probes);

	if (!cp)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(cp->v); i++)
		prober_free(cp->v[i]);
	pod_view_free(cp->view);
	free(cp);
}
