/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/model.h"
#include "tests/sim/sim.h"

#include "lib/base/hmap.h"
#include "lib/json/jv.h"
#include "master/store/store.h"

#define NODE_CPU_MILLI 2000
#define NODE_PODS 20u

/* Sorted by key. */
static const struct store_obj **objs;
static size_t n_objs, cap_objs;
static struct hmap *running; /* "uid/container", "pod ns/name" of StatefulSets -> node + 1 */

void model_begin(void)
{
	running = hmap_new();
	n_objs = 0;
	limits_begin();
}

void model_done(void)
{
	for (size_t i = 0; i < n_objs; i++)
		store_obj_unref(objs[i]);
	n_objs = 0;
	running = hmap_free(running);
}

static size_t find(struct str key)
{
	size_t lo = 0, hi = n_objs;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (str_cmp(objs[mid]->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct store_obj *model_get(struct str key)
{
	size_t at = find(key);

	return at < n_objs && str_eq(objs[at]->key, key) ? objs[at] : NULL;
}

const struct store_obj *model_nth(const char *prefix, size_t i)
{
	size_t at = find(str_of(prefix)) + i;

	return at < n_objs && str_starts(objs[at]->key, str_of(prefix)) ? objs[at] : NULL;
}

size_t model_n(const char *prefix)
{
	size_t n = 0;

	while (model_nth(prefix, n))
		n++;
	return n;
}

size_t model_count(void)
{
	return n_objs;
}

/* ---- pods on nodes ---- */

static int64_t cpu_milli(struct str s)
{
	int64_t n = 0;

	if (s.len && s.p[s.len - 1] == 'm')
		str_to_i64(str_n(s.p, s.len - 1), &n);
	else if (str_to_i64(s, &n) == 0)
		n *= 1000;
	return n;
}

static bool pod_ended(struct jv pod)
{
	struct jv phase = jv_path(pod, "status.phase");

	return jv_eqs(phase, "Succeeded") || jv_eqs(phase, "Failed");
}

/* The scheduler has bound a pod: what is on the node must fit. */
static void check_node(struct str node)
{
	int64_t cpu = 0;
	unsigned n = 0;

	for (size_t i = 0; model_nth("/core/pods/", i); i++) {
		struct jv pod = jv_of(model_nth("/core/pods/", i)->value);

		if (!str_eq(jv_text(jv_path(pod, "spec.nodeName")), node) || pod_ended(pod))
			continue;
		n++;
		jv_for_each (c, jv_path(pod, "spec.containers"))
			cpu += cpu_milli(jv_text(jv_path(c.value, "resources.requests.cpu")));
	}
	SIM_CHECK(cpu <= NODE_CPU_MILLI && n <= NODE_PODS,
		  "node %.*s has %u pods that ask for %" PRId64 "m of its %dm of CPU",
		  STR_ARG(node), n, cpu, NODE_CPU_MILLI);
}

static void pod_changed(const struct store_obj *old, const struct store_obj *o)
{
	struct str node = jv_text(jv_path(jv_of(o->value), "spec.nodeName"));
	struct str was = old ? jv_text(jv_path(jv_of(old->value), "spec.nodeName")) : STR("");

	if (was.len)
		SIM_CHECK(str_eq(was, node), "%.*s moved from %.*s to %.*s", STR_ARG(o->key),
			  STR_ARG(was), STR_ARG(node));
	else if (node.len)
		check_node(node);
}

void model_change(bool put, const struct store_obj *o)
{
	size_t at = find(o->key);
	bool had = at < n_objs && str_eq(objs[at]->key, o->key);
	const struct store_obj *old = had ? objs[at] : NULL;
	bool pod = str_starts(o->key, STR("/core/pods/x/"));
	bool budget = str_starts(o->key, STR("/policy/poddisruptionbudgets/x/"));

	if (pod || budget)
		limits_look();
	if (put && had) {
		objs[at] = store_obj_ref(o);
	} else if (put) {
		(void)ARRAY_PUSH(objs, n_objs, cap_objs);
		memmove(objs + at + 1, objs + at, (n_objs - at - 1) * sizeof(*objs));
		objs[at] = store_obj_ref(o);
	} else if (had) {
		n_objs--;
		memmove(objs + at, objs + at + 1, (n_objs - at) * sizeof(*objs));
	}
	if (put && str_starts(o->key, STR("/core/pods/")))
		pod_changed(old, o);
	if (put && str_starts(o->key, STR("/apps/deployments/x/")))
		limits_deployment(o);
	if (put && str_starts(o->key, STR("/apps/replicasets/x/")))
		limits_set(old, o);
	if (put && str_starts(o->key, STR("/batch/jobs/x/"))) {
		struct jv v = jv_of(o->value);
		int64_t done = jv_i64(jv_path(v, "status.succeeded"), 0);

		SIM_CHECK(done <= jv_i64(jv_path(v, "spec.completions"), 1),
			  "%.*s has succeeded %" PRId64 " times", STR_ARG(o->key), done);
	}
	if (put && budget)
		limits_budget(old, o);
	store_obj_unref(old);
}

void model_reset(const struct store_view *v)
{
	const struct store_obj *o;
	struct store_iter it;

	for (size_t i = 0; i < n_objs; i++)
		store_obj_unref(objs[i]);
	n_objs = 0;
	store_range(v, STR("/"), STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		*ARRAY_PUSH(objs, n_objs, cap_objs) = store_obj_ref(o);
	for (size_t i = 0; (o = model_nth("/apps/deployments/x/", i)); i++)
		limits_deployment(o);
}

void check_container(unsigned node, struct str uid, struct str name, struct str pod, bool runs)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	bool set = memmem(pod.p, pod.len, "/sts", 4);
	uintptr_t was;

	for (int i = 0; i < 1 + set; i++) {
		buf_clear(&key);
		if (i)
			buf_addf(&key, "pod %.*s", STR_ARG(pod));
		else
			buf_addf(&key, "%.*s/%.*s", STR_ARG(uid), STR_ARG(name));
		if (!runs) {
			hmap_del(running, buf_str(&key));
			continue;
		}
		was = (uintptr_t)hmap_put(running, buf_str(&key), (void *)(uintptr_t)(node + 1));
		SIM_CHECK(!was, "%s of %.*s runs on n%zu and now on n%u, too", key.p, STR_ARG(pod),
			  (size_t)was - 1, node);
	}
}

/* ---- all is well again ---- */

static char why[512];

static const char *say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static const char *say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return why;
}

static int64_t num(struct jv v, const char *path)
{
	return jv_i64(jv_path(v, path), 0);
}

static const char *workloads(const char *prefix, const char *available)
{
	const struct store_obj *o;

	for (size_t i = 0; (o = model_nth(prefix, i)); i++) {
		struct jv v = jv_of(o->value);
		int64_t want = num(v, "spec.replicas"), has = num(v, available);

		if (jv_exists(jv_path(v, "metadata.deletionTimestamp")))
			return say("%.*s is still being deleted", STR_ARG(o->key));
		if (has != want || num(v, "status.updatedReplicas") != want ||
		    num(v, "status.replicas") != want ||
		    num(v, "status.observedGeneration") != num(v, "metadata.generation"))
			return say("%.*s wants %" PRId64 " and has %" PRId64 " (status %.*s)",
				   STR_ARG(o->key), want, has,
				   STR_ARG(jv_raw(jv_get(v, "status"))));
	}
	return NULL;
}

static bool condition(struct jv v, const char *type);

static const char *jobs(void)
{
	const struct store_obj *o;

	for (size_t i = 0; (o = model_nth("/batch/jobs/x/", i)); i++) {
		struct jv v = jv_of(o->value);

		if (!condition(v, "Complete") && !condition(v, "Failed"))
			return say("%.*s has not ended (status %.*s)", STR_ARG(o->key),
				   STR_ARG(jv_raw(jv_get(v, "status"))));
		if (num(v, "status.active") ||
		    (condition(v, "Complete") &&
		     num(v, "status.succeeded") != num(v, "spec.completions")))
			return say("%.*s has ended, and does not look it (status %.*s)",
				   STR_ARG(o->key), STR_ARG(jv_raw(jv_get(v, "status"))));
	}
	return NULL;
}

static const char *daemons(void)
{
	const struct store_obj *o;

	for (size_t i = 0; (o = model_nth("/apps/daemonsets/", i)); i++) {
		struct jv v = jv_of(o->value);
		int64_t want = (int64_t)model_n("/core/nodes/");

		if (num(v, "status.desiredNumberScheduled") != want ||
		    num(v, "status.numberAvailable") != want ||
		    num(v, "status.updatedNumberScheduled") != want ||
		    num(v, "status.observedGeneration") != num(v, "metadata.generation"))
			return say("%.*s should be on %" PRId64 " nodes (status %.*s)",
				   STR_ARG(o->key), want, STR_ARG(jv_raw(jv_get(v, "status"))));
	}
	return NULL;
}

static bool condition(struct jv v, const char *type)
{
	jv_for_each (c, jv_path(v, "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), type))
			return jv_eqs(jv_get(c.value, "status"), "True");
	return false;
}

static const char *pods(void)
{
	const struct store_obj *o;
	size_t n = 0, run = 0;

	for (size_t i = 0; (o = model_nth("/core/pods/", i)); i++) {
		struct jv v = jv_of(o->value);

		if (jv_exists(jv_path(v, "metadata.deletionTimestamp")))
			return say("%.*s is still being deleted", STR_ARG(o->key));
		if (pod_ended(v) && jv_exists(jv_path(v, "metadata.finalizers")))
			return say("%.*s has ended and keeps its finalizers", STR_ARG(o->key));
		if (pod_ended(v) && str_starts(o->key, STR("/core/pods/x/job")))
			continue;
		if (!condition(v, "Ready"))
			return say("%.*s is not ready: %.*s", STR_ARG(o->key),
				   STR_ARG(jv_raw(jv_get(v, "status"))));
		n++;
	}
	for (unsigned i = 0; i < n_nodes; i++)
		run += machine_running(node_machine(i));
	if (n != run)
		return say("there are %zu pods, and %zu containers run", n, run);
	return NULL;
}

static const char *nodes(void)
{
	const struct store_obj *o;
	size_t n = 0;

	for (size_t i = 0; (o = model_nth("/core/nodes/", i)); i++) {
		struct jv v = jv_of(o->value);

		if (!condition(v, "Ready"))
			return say("%.*s is not ready", STR_ARG(o->key));
		if (jv_len(jv_path(v, "spec.taints")))
			return say("%.*s has taints %.*s", STR_ARG(o->key),
				   STR_ARG(jv_raw(jv_path(v, "spec.taints"))));
	}
	for (unsigned k = 0; k < n_nodes; k++)
		n += node_exists(k);
	if (n != model_n("/core/nodes/"))
		return say("%zu nodes instead of %zu", model_n("/core/nodes/"), n);
	return NULL;
}

static bool selected(struct jv selector, struct jv pod)
{
	struct jv labels = jv_path(pod, "metadata.labels");

	jv_for_each_member (m, selector)
		if (!str_eq(jv_text(m.value), jv_text(jv_getn(labels, m.key))))
			return false;
	return jv_len(selector) > 0;
}

static bool slice_has(struct str ns, struct str service, struct str ip)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;

	buf_addf(&prefix, "/discovery.k8s.io/endpointslices/%.*s/", STR_ARG(ns));
	for (size_t i = 0; (o = model_nth(prefix.p, i)); i++) {
		struct jv v = jv_of(o->value);
		struct jv of = jv_get(jv_path(v, "metadata.labels"), "kubernetes.io/service-name");

		if (!str_eq(jv_text(of), service))
			continue;
		jv_for_each (e, jv_get(v, "endpoints"))
			if (str_eq(jv_text(jv_path(e.value, "addresses[0]")), ip) &&
			    jv_bool(jv_path(e.value, "conditions.ready"), false))
				return true;
	}
	return false;
}

static size_t slice_count(struct str ns, struct str service)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	size_t n = 0;

	buf_addf(&prefix, "/discovery.k8s.io/endpointslices/%.*s/", STR_ARG(ns));
	for (size_t i = 0; (o = model_nth(prefix.p, i)); i++) {
		struct jv v = jv_of(o->value);
		struct jv of = jv_get(jv_path(v, "metadata.labels"), "kubernetes.io/service-name");

		if (!str_eq(jv_text(of), service))
			continue;
		jv_for_each (e, jv_get(v, "endpoints"))
			n += jv_bool(jv_path(e.value, "conditions.ready"), false);
	}
	return n;
}

static const char *services(void)
{
	const struct store_obj *s, *p;

	for (size_t i = 0; (s = model_nth("/core/services/x/", i)); i++) {
		struct jv v = jv_of(s->value);
		struct str name = jv_text(jv_path(v, "metadata.name"));
		size_t n = 0;

		for (size_t k = 0; (p = model_nth("/core/pods/x/", k)); k++) {
			struct jv pod = jv_of(p->value);

			if (!selected(jv_path(v, "spec.selector"), pod) || !condition(pod, "Ready"))
				continue;
			n++;
			if (!slice_has(STR("x"), name, jv_text(jv_path(pod, "status.podIP"))))
				return say("%.*s is ready and no endpoint of %.*s", STR_ARG(p->key),
					   STR_ARG(s->key));
		}
		if (slice_count(STR("x"), name) != n)
			return say("%.*s has %zu endpoints and %zu ready pods", STR_ARG(s->key),
				   slice_count(STR("x"), name), n);
	}
	return NULL;
}

static const char *masters(void)
{
	int lead = master_leader();

	if (lead < 0)
		return say("no master leads");
	if (members_unsettled())
		return members_unsettled();
	for (unsigned i = 0; i < n_masters; i++) {
		if (!master_up(i))
			return say("m%u is down", i);
		if (store_rev(master_store(i)) + 20 < check_newest())
			return say("m%u is at revision %" PRIu64 " of %" PRIu64, i,
				   store_rev(master_store(i)), check_newest());
	}
	return NULL;
}

const char *check_converged(void)
{
	const char *r = masters();

	if (!r)
		r = nodes();
	if (!r)
		r = workloads("/apps/deployments/", "status.availableReplicas");
	if (!r)
		r = workloads("/apps/statefulsets/", "status.readyReplicas");
	if (!r)
		r = jobs();
	if (!r)
		r = daemons();
	if (!r)
		r = pods();
	if (!r)
		r = services();
	return r;
}
