/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/job.h"

#define BACKOFF_BASE_S 10
#define BACKOFF_MAX_S 600

static bool values_have(struct jv values, int64_t code)
{
	jv_for_each (v, values)
		if (jv_i64(v.value, -1) == code)
			return true;
	return false;
}

/* The first container of a list that ended as the rule says. */
static struct jv match_list(struct jv list, struct jv rule)
{
	struct jv name = jv_get(rule, "containerName");
	bool in = jv_eqs(jv_get(rule, "operator"), "In");

	jv_for_each (c, list) {
		struct jv code = jv_path(c.value, "state.terminated.exitCode");

		if (jv_exists(name) && !str_eq(jv_text(name), jv_text(jv_get(c.value, "name"))))
			continue;
		if (jv_i64(code, 0) && values_have(jv_get(rule, "values"), jv_i64(code, 0)) == in)
			return c.value;
	}
	return JV_NONE;
}

static struct jv match_codes(struct jv status, struct jv rule)
{
	struct jv c = match_list(jv_get(status, "containerStatuses"), rule);

	return jv_exists(c) ? c : match_list(jv_get(status, "initContainerStatuses"), rule);
}

static struct jv match_conditions(struct jv status, struct jv patterns)
{
	jv_for_each (p, patterns)
		jv_for_each (c, jv_get(status, "conditions"))
			if (str_eq(jv_text(jv_get(c.value, "type")),
				   jv_text(jv_get(p.value, "type"))) &&
			    str_eq(jv_text(jv_get(c.value, "status")),
				   jv_text(jv_get(p.value, "status"))))
				return c.value;
	return JV_NONE;
}

static enum job_action action_of(struct jv rule)
{
	struct jv a = jv_get(rule, "action");

	return jv_eqs(a, "Ignore")      ? JOB_IGNORE
	       : jv_eqs(a, "FailIndex") ? JOB_FAIL_INDEX
	       : jv_eqs(a, "FailJob")   ? JOB_FAIL_JOB
					: JOB_COUNT;
}

enum job_action job_failure_action(struct job_step *s, const struct job_pod *p, char **ret_message)
{
	struct jv status = object_status(p->o);
	int i = 0;

	jv_for_each (r, jv_path(s->spec, "podFailurePolicy.rules")) {
		struct jv codes = jv_get(r.value, "onExitCodes");
		struct jv hit =
			jv_exists(codes)
				? match_codes(status, codes)
				: match_conditions(status, jv_get(r.value, "onPodConditions"));
		enum job_action a = action_of(r.value);

		i++;
		if (!jv_exists(hit))
			continue;
		if (a != JOB_FAIL_JOB || !ret_message)
			return a;
		if (jv_exists(codes))
			*ret_message = xasprintf(
				"Container %.*s for pod %.*s/%.*s failed with exit code %" PRId64
				" matching FailJob rule at index %d",
				STR_ARG(jv_text(jv_get(hit, "name"))), STR_ARG(p->o->ns),
				STR_ARG(p->o->name),
				jv_i64(jv_path(hit, "state.terminated.exitCode"), 0), i - 1);
		else
			*ret_message = xasprintf("Pod %.*s/%.*s has condition %.*s matching "
						 "FailJob rule at index %d",
						 STR_ARG(p->o->ns), STR_ARG(p->o->name),
						 STR_ARG(jv_text(jv_get(hit, "type"))), i - 1);
		return a;
	}
	return JOB_COUNT;
}

int64_t job_success_rule(const struct job_step *s)
{
	int64_t i = -1;

	jv_for_each (r, jv_path(s->spec, "successPolicy.rules")) {
		struct jv which = jv_get(r.value, "succeededIndexes");
		struct jv count = jv_get(r.value, "succeededCount");
		CLEANUP(indexes_done) struct indexes want = {0};
		int64_t have;

		i++;
		if (!jv_exists(which)) {
			if (indexes_total(&s->done) >= jv_i64(count, INT32_MAX))
				return i;
			continue;
		}
		indexes_read(jv_text(which), s->completions, &want);
		have = indexes_common(&want, &s->done);
		if (have >= (jv_exists(count) ? jv_i64(count, 0) : indexes_total(&want)))
			return i;
	}
	return -1;
}

uint64_t job_backoff_left(int64_t failures, int64_t last_ns, int64_t now_ns)
{
	int64_t delay_s = BACKOFF_BASE_S, delay_ns, due_ns;

	if (failures <= 0)
		return 0;
	for (int64_t i = 1; i < failures && delay_s < BACKOFF_MAX_S; i++)
		delay_s *= 2;
	delay_ns = MIN(delay_s, (int64_t)BACKOFF_MAX_S) * (int64_t)NSEC_PER_SEC;
	due_ns = last_ns + delay_ns;
	/*
	 * A failure that is still to come was stamped by a clock that has been set since: looked at
	 * again after each delay it would never be over.
	 */
	if (last_ns - now_ns > delay_ns)
		return 0;
	return due_ns > now_ns ? (uint64_t)MIN(due_ns - now_ns, delay_ns) : 0;
}
