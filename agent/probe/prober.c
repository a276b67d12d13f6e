/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probe/prober.h"

struct prober {
	struct prober_conf conf;
	struct check check;
	uint64_t delay_ns, period_ns, timeout_ns;
	int64_t success_threshold, failure_threshold, grace_s;
	struct timer next;
	bool trying, done; /* done: a startup probe that has passed, a verdict that ends all */
	bool verdict; /* as told */
	bool last; /* result of the last try */
	int64_t run; /* equal results in a row */
	void *attempt;
};

const char *probe_kind_name(enum probe_kind k)
{
	static const char *const names[] = {"Startup", "Readiness", "Liveness"};

	return names[k];
}

static void on_next(struct timer *t)
{
	struct prober *p = container_of(t, struct prober, next);

	if (p->trying || p->done)
		return;
	p->trying = true;
	timers_arm_in(p->conf.timers, &p->next, p->period_ns);
	p->conf.ops->attempt(p->conf.user, p, &p->check, p->timeout_ns);
}

int prober_new(const struct prober_conf *conf, struct prober **ret, struct err *err)
{
	struct prober *p = NEW(struct prober);
	struct jv j = conf->probe;
	int r;

	p->conf = *conf;
	r = check_parse(j, conf->container, &p->check, err);
	if (r == 0 && p->check.type == CHECK_NONE)
		r = err_sys(err, EINVAL, "the probe has no handler");
	if (r < 0) {
		check_done(&p->check);
		free(p);
		return r;
	}
	p->delay_ns = (uint64_t)jv_i64(jv_get(j, "initialDelaySeconds"), 0) * NSEC_PER_SEC;
	p->period_ns = (uint64_t)MAX(jv_i64(jv_get(j, "periodSeconds"), 10), 1) * NSEC_PER_SEC;
	p->timeout_ns = (uint64_t)MAX(jv_i64(jv_get(j, "timeoutSeconds"), 1), 1) * NSEC_PER_SEC;
	p->success_threshold = MAX(jv_i64(jv_get(j, "successThreshold"), 1), 1);
	p->failure_threshold = MAX(jv_i64(jv_get(j, "failureThreshold"), 3), 1);
	p->grace_s = jv_i64(jv_get(j, "terminationGracePeriodSeconds"), -1);
	p->next.fire = on_next;
	p->verdict = conf->kind == PROBE_LIVENESS || conf->passed;
	*ret = p;
	return 0;
}

struct prober *prober_free(struct prober *p)
{
	if (!p)
		return NULL;
	timers_disarm(p->conf.timers, &p->next);
	if (p->trying)
		p->conf.ops->cancel(p->conf.user, p);
	check_done(&p->check);
	free(p);
	return NULL;
}

void prober_start(struct prober *p)
{
	timers_arm(p->conf.timers, &p->next,
		   MAX(p->conf.began_ns + p->delay_ns, timers_now_ns(p->conf.timers)));
}

void prober_poke(struct prober *p)
{
	uint64_t now = timers_now_ns(p->conf.timers), from = p->conf.began_ns + p->delay_ns;

	if (!p->trying && !p->done)
		timers_arm(p->conf.timers, &p->next, MAX(from, now));
}

void prober_result(struct prober *p, enum check_result result, struct str output)
{
	bool ok = result == CHECK_SUCCESS;

	p->trying = false;
	p->attempt = NULL;
	if (result == CHECK_UNKNOWN)
		return; /* says nothing: the next period tries again */
	if (!ok)
		p->conf.ops->failed(p->conf.user, p, output);
	p->run = ok == p->last && p->run ? p->run + 1 : 1;
	p->last = ok;
	if (p->run < (ok ? p->success_threshold : p->failure_threshold))
		return;
	if (p->conf.kind == PROBE_STARTUP || (p->conf.kind == PROBE_LIVENESS && !ok))
		p->done = true; /* passed for good, or the container is about to be killed */
	if (p->done)
		timers_disarm(p->conf.timers, &p->next);
	if (ok == p->verdict && !(p->conf.kind == PROBE_STARTUP))
		return;
	p->verdict = ok;
	p->conf.ops->verdict(p->conf.user, p, ok);
}

enum probe_kind prober_kind(const struct prober *p)
{
	return p->conf.kind;
}
int64_t prober_grace_s(const struct prober *p)
{
	return p->grace_s;
}
void prober_set_attempt(struct prober *p, void *attempt)
{
	p->attempt = attempt;
}
void *prober_attempt(const struct prober *p)
{
	return p->attempt;
}
void *prober_user(const struct prober *p)
{
	return p->conf.user;
}
