/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/hooks.h"

#include "agent/pod/exec_sync.h"
#include "agent/pod/pod.h"
#include "agent/probe/attempt.h"

#define HTTP_HOOK_TIMEOUT_NS (30 * NSEC_PER_SEC)

struct hook {
	struct container *c;
	struct pod_view *view; /* keeps the handler's JSON */
	struct check check;
	struct exec_sync *exec;
	struct attempt *attempt;
	struct timer timer; /* sleep, or a handler that is no use */
	hook_fn *done;
};

static void hook_free(struct hook *h)
{
	timers_disarm(h->c->pod->all->conf.timers, &h->timer);
	check_done(&h->check);
	pod_view_free(h->view);
	free(h);
}

static void finish(struct hook *h, int r, const struct err *err)
{
	struct container *c = h->c;
	hook_fn *done = h->done;

	c->hook = NULL;
	hook_free(h);
	done(c, r, err);
}

static void fail(struct hook *h, int errnum, struct str text)
{
	struct err err = ERR_INIT;

	err_sys(&err, errnum, "%.*s", STR_ARG(text));
	finish(h, -errnum, &err);
	err_done(&err);
}

static void on_exec(void *user, int r, int code, struct str output, const struct err *err)
{
	struct hook *h = user;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	h->exec = NULL;
	if (r < 0) {
		finish(h, r, err);
	} else if (code) {
		buf_addf(&b, "command exited with %d: %.*s", code, STR_ARG(output));
		fail(h, EIO, buf_str(&b));
	} else {
		finish(h, 0, NULL);
	}
}

static void on_attempt(void *user, enum check_result result, struct str output)
{
	struct hook *h = user;

	h->attempt = NULL;
	if (result == CHECK_SUCCESS)
		finish(h, 0, NULL);
	else
		fail(h, EIO, output);
}

static void on_timer(struct timer *t)
{
	struct hook *h = container_of(t, struct hook, timer);

	if (h->check.type == CHECK_SLEEP)
		finish(h, 0, NULL);
	else
		fail(h, EINVAL, STR("cannot run this kind of handler"));
}

bool hook_start(struct container *c, const char *name, uint64_t timeout_ns, hook_fn *done)
{
	struct pods *ps = c->pod->all;
	struct hook *h;
	const struct container_view *cv;

	if (!c->view || jv_type(jv_get(jv_get(c->view->json, "lifecycle"), name)) != JV_OBJECT)
		return false;
	hook_cancel(c);
	h = NEW(struct hook);
	h->c = c;
	h->done = done;
	h->timer.fire = on_timer;
	c->hook = h;
	if (pod_view_parse(c->pod->view->json, &h->view, NULL) < 0 ||
	    !(cv = pod_view_container(h->view, str_of(c->name))) ||
	    check_parse(jv_get(jv_get(cv->json, "lifecycle"), name), cv->json, &h->check, NULL) <
		    0) {
		timers_soon(ps->conf.timers, &h->timer);
		return true;
	}
	switch (h->check.type) {
	case CHECK_EXEC:
		h->exec =
			exec_sync_start(ps->conf.rt, ps->conf.loop, ps->conf.timers, c->id,
					(const char *const *)h->check.argv, timeout_ns, on_exec, h);
		break;
	case CHECK_HTTP:
		h->attempt = attempt_start(ps->conf.loop, ps->conf.timers, &h->check,
					   c->pod->view->host_network ? ps->host_ip : c->pod->ip,
					   timeout_ns ? MIN(timeout_ns, HTTP_HOOK_TIMEOUT_NS)
						      : HTTP_HOOK_TIMEOUT_NS,
					   on_attempt, h);
		break;
	case CHECK_SLEEP:
		timers_arm_in(ps->conf.timers, &h->timer,
			      timeout_ns
				      ? MIN((uint64_t)h->check.sleep_s * NSEC_PER_SEC, timeout_ns)
				      : (uint64_t)h->check.sleep_s * NSEC_PER_SEC);
		break;
	case CHECK_TCP: /* accepted by the API for compatibility, never supported */
	case CHECK_GRPC:
	case CHECK_NONE:
		timers_soon(ps->conf.timers, &h->timer);
		break;
	}
	return true;
}

void hook_cancel(struct container *c)
{
	struct hook *h = TAKE(c->hook);

	if (!h)
		return;
	if (h->exec)
		exec_sync_cancel(h->exec);
	attempt_cancel(h->attempt);
	hook_free(h);
}
