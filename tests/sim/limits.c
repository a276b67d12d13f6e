/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/model.h"
#include "tests/sim/sim.h"

#include "master/store/store.h"
/*
 * Rolling updates within maxSurge and maxUnavailable, evictions within budgets. Controllers decide
 * by what they have seen, which may be some moments old: what is wrong by the newest state must
 * have been right a moment ago.
 */
#define MOMENT_NS SEC(3)
#define NAMES_MAX 16u

/* What is remembered of a Deployment or budget, by key. */
struct memory {
	char *key;
	/* Deployment: the largest sum allowed of late, and when the sizes were changed last. */
	int64_t most, replicas;
	uint64_t most_ns, changed_ns;
	int64_t available, newest; /* the most of late, of the set of that revision */
	uint64_t available_ns;
	/* Budget: when an eviction would have been right last. */
	uint64_t ok_ns;
};

static struct memory memories[NAMES_MAX];

void limits_begin(void)
{
	for (size_t i = 0; i < NAMES_MAX; i++)
		free(memories[i].key);
	memset(memories, 0, sizeof(memories));
}

static struct memory *memory_of(struct str key)
{
	for (size_t i = 0; i < NAMES_MAX; i++) {
		if (!memories[i].key)
			memories[i].key = str_dup(key);
		if (str_eqs(key, memories[i].key))
			return &memories[i];
	}
	abort();
}

static int64_t num(struct jv v, const char *path)
{
	return jv_i64(jv_path(v, path), 0);
}

/* ---- rolling updates ---- */

/* A number or a share of `total`, rounded up or down as the field's rule is. */
static int64_t amount(struct jv v, int64_t total, bool up)
{
	struct str s = jv_text(v);
	int64_t n = 0;

	if (!s.len)
		return jv_i64(v, 0);
	str_to_i64(str_n(s.p, s.len - 1), &n);
	return (n * total + (up ? 99 : 0)) / 100;
}

static int64_t surge(struct jv d)
{
	return amount(jv_path(d, "spec.strategy.rollingUpdate.maxSurge"), num(d, "spec.replicas"),
		      true);
}

static int64_t least(struct jv d)
{
	int64_t n = num(d, "spec.replicas");
	int64_t down = amount(jv_path(d, "spec.strategy.rollingUpdate.maxUnavailable"), n, false);

	if (!down && !surge(d))
		down = 1;
	return MAX(n - down, 0);
}

void limits_deployment(const struct store_obj *o)
{
	struct memory *m = memory_of(o->key);
	struct jv d = jv_of(o->value);
	int64_t n = num(d, "spec.replicas"), most = n + surge(d);

	if (n != m->replicas)
		m->changed_ns = world.now_ns;
	if (most >= m->most || world.now_ns - m->most_ns > MOMENT_NS) {
		m->most = most;
		m->most_ns = world.now_ns;
	}
	m->replicas = n;
}

struct sets {
	int64_t sum; /* of spec.replicas */
	int64_t newest, new_n, new_available;
};

static bool owned_by(struct jv v, struct jv owner)
{
	return str_eq(jv_text(jv_path(v, "metadata.ownerReferences[0].uid")),
		      jv_text(jv_path(owner, "metadata.uid")));
}

static void sum_sets(struct jv d, struct sets *ret)
{
	const struct store_obj *o;

	*ret = (struct sets){.newest = -1};
	for (size_t i = 0; (o = model_nth("/apps/replicasets/x/", i)); i++) {
		struct jv v = jv_of(o->value);
		int64_t n = num(v, "spec.replicas"), revision = 0;

		if (!owned_by(v, d))
			continue;
		ret->sum += n;
		str_to_i64(jv_text(jv_get(jv_path(v, "metadata.annotations"),
					  "deployment.kubernetes.io/revision")),
			   &revision);
		if (revision <= ret->newest)
			continue;
		ret->newest = revision;
		ret->new_n = n;
		ret->new_available = num(v, "status.availableReplicas");
	}
}

/* How many of the newest set are missing, or were a moment ago. */
static int64_t missing(struct memory *m, const struct sets *s)
{
	if (s->newest != m->newest || s->new_available >= m->available ||
	    world.now_ns - m->available_ns > MOMENT_NS) {
		m->newest = s->newest;
		m->available = s->new_available;
		m->available_ns = world.now_ns;
	}
	return MAX(s->new_n - m->available, 0);
}

/* Pods of other sets of the Deployment that have not ended. */
static size_t others(struct jv d, struct jv set)
{
	const struct store_obj *o, *p;
	size_t n = 0;

	for (size_t i = 0; (o = model_nth("/apps/replicasets/x/", i)); i++) {
		struct jv v = jv_of(o->value);

		if (!owned_by(v, d) || str_eq(jv_text(jv_path(v, "metadata.uid")),
					      jv_text(jv_path(set, "metadata.uid"))))
			continue;
		for (size_t k = 0; (p = model_nth("/core/pods/x/", k)); k++) {
			struct jv pod = jv_of(p->value);
			struct jv phase = jv_path(pod, "status.phase");

			n += owned_by(pod, v) && !jv_eqs(phase, "Succeeded") &&
			     !jv_eqs(phase, "Failed");
		}
	}
	return n;
}

void limits_set(const struct store_obj *old, const struct store_obj *o)
{
	struct jv v = jv_of(o->value), d;
	struct str name = jv_text(jv_path(v, "metadata.ownerReferences[0].name"));
	int64_t was = old ? num(jv_of(old->value), "spec.replicas") : 0;
	int64_t n = num(v, "spec.replicas");
	CLEANUP_FREE char *key = xasprintf("/apps/deployments/x/%.*s", STR_ARG(name));
	const struct store_obj *owner = model_get(str_of(key));
	struct memory *m;
	int64_t gone;
	struct sets s;

	if (!owner || !owned_by(v, jv_of(owner->value)))
		return;
	d = jv_of(owner->value);
	m = memory_of(owner->key);
	sum_sets(d, &s);
	gone = missing(m, &s);
	if (n == was)
		return;
	if (jv_eqs(jv_path(d, "spec.strategy.type"), "Recreate")) {
		if (!old && n) /* a new set begins */
			SIM_CHECK(!others(d, v), "%.*s begins with %zu pods of others still there",
				  STR_ARG(o->key), others(d, v));
		return;
	}
	if (n > was)
		SIM_CHECK(s.sum <= m->most,
			  "%.*s grows to %" PRId64 ": %" PRId64
			  " pods in all, allowed are %" PRId64,
			  STR_ARG(o->key), n, s.sum, m->most);
	else if (world.now_ns - m->changed_ns > MOMENT_NS)
		SIM_CHECK(s.sum - gone >= least(d),
			  "%.*s shrinks to %" PRId64 ": %" PRId64 " pods in all, %" PRId64
			  " of the new ones missing, %" PRId64 " must stay",
			  STR_ARG(o->key), n, s.sum, gone, least(d));
}

/* ---- budgets ---- */

static bool ready(struct jv pod)
{
	if (jv_exists(jv_path(pod, "metadata.deletionTimestamp")))
		return false;
	jv_for_each (c, jv_path(pod, "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "Ready"))
			return jv_eqs(jv_get(c.value, "status"), "True");
	return false;
}

/* Pods of a budget that serve and that no eviction has been granted for. Of the name's own. */
static int64_t healthy(struct jv budget)
{
	CLEANUP_FREE char *prefix =
		xasprintf("/core/pods/x/%.*s-", STR_ARG(jv_text(jv_path(budget, "metadata.name"))));
	struct jv gone = jv_path(budget, "status.disruptedPods");
	const struct store_obj *o;
	int64_t n = 0;

	for (size_t i = 0; (o = model_nth(prefix, i)); i++) {
		struct jv pod = jv_of(o->value);

		n += ready(pod) &&
		     !jv_exists(jv_getn(gone, jv_text(jv_path(pod, "metadata.name"))));
	}
	return n;
}

/* A pod or a budget is about to change: is an eviction right as things are? */
void limits_look(void)
{
	const struct store_obj *o;

	for (size_t i = 0; (o = model_nth("/policy/poddisruptionbudgets/x/", i)); i++) {
		struct jv v = jv_of(o->value);

		if (healthy(v) > num(v, "status.desiredHealthy"))
			memory_of(o->key)->ok_ns = world.now_ns;
	}
}

void limits_budget(const struct store_obj *old, const struct store_obj *o)
{
	struct jv v = jv_of(o->value), was = old ? jv_of(old->value) : JV_NONE;
	size_t n = jv_len(jv_path(v, "status.disruptedPods"));

	if (n <= jv_len(jv_path(was, "status.disruptedPods")))
		return;
	world.count.evictions++;
	SIM_CHECK(world.now_ns - memory_of(o->key)->ok_ns <= MOMENT_NS,
		  "an eviction within %.*s is granted: %" PRId64 " others serve, %" PRId64 " must",
		  STR_ARG(o->key), healthy(v), num(v, "status.desiredHealthy"));
}
