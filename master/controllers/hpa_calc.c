/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/hpa.h"
#include "lib/api/quantity.h"

/*
 * How many pods a metric wants: present size times measured over wanted, within a tolerance (k8s
 * pkg/controller/podautoscaler/replica_calculator.go). Pods that cannot be judged yet never turn
 * the direction: missing ones count as idle on the way up and as at their target on the way down,
 * those not ready as idle on the way up.
 */
#define CPU_START_NS (300 * (int64_t)NSEC_PER_SEC) /* processors are no measure while it starts */
#define READY_DELAY_NS (30 * (int64_t)NSEC_PER_SEC)

enum group { IGNORED, UNREADY, MISSING, COUNTED };
struct sample {
	struct object *pod;
	enum group group;
	int64_t milli, request_milli;
};

void hpa_metric_done(struct hpa_metric *m)
{
	free(m->error);
	free(m->name);
}

static struct jv metrics_of(struct jv answer, struct str pod)
{
	jv_for_each (i, jv_get(answer, "items"))
		if (str_eq(jv_text(jv_path(i.value, "metadata.name")), pod))
			return i.value;
	return JV_NONE;
}

static bool cpu_unready(const struct hpa_view *v, const struct object *pod, struct jv m)
{
	struct jv ready = condition_get(jv_of(pod->bytes), "Ready");
	int64_t start = time_ns(jv_get(object_status(pod), "startTime"));
	int64_t changed = time_ns(jv_get(ready, "lastTransitionTime"));
	int64_t window_ns = 0;
	bool no = jv_eqs(jv_get(ready, "status"), "False");

	if (!jv_exists(ready) || !start)
		return true;
	duration_parse(jv_text(jv_get(m, "window")), &window_ns);
	if (start + CPU_START_NS > v->now_ns)
		return no || time_ns(jv_get(m, "timestamp")) < changed + window_ns;
	return no && start + READY_DELAY_NS > changed;
}

/* The measured amount of a resource: of all containers or the one. False: not there. */
static bool usage(struct jv m, struct str resource, struct str container, int64_t *ret)
{
	bool any = false;

	*ret = 0;
	jv_for_each (c, jv_get(m, "containers")) {
		struct str q = jv_text(jv_getn(jv_get(c.value, "usage"), resource));

		if (container.len && !str_eq(container, jv_text(jv_get(c.value, "name"))))
			continue;
		if (!q.len)
			return false;
		*ret += quantity_str_milli(q);
		any = true;
	}
	return any;
}

static bool add_requests(struct jv list, bool sidecars, struct str resource, struct str container,
			 int64_t *sum, struct str *ret_missing)
{
	jv_for_each (c, list) {
		struct str name = jv_text(jv_get(c.value, "name"));
		struct str q = jv_text(jv_getn(jv_path(c.value, "resources.requests"), resource));

		if ((container.len && !str_eq(container, name)) ||
		    (sidecars && !jv_eqs(jv_get(c.value, "restartPolicy"), "Always")))
			continue;
		if (!q.len) {
			*ret_missing = name;
			return false;
		}
		*sum += quantity_str_milli(q);
	}
	return true;
}

struct resource_step {
	const struct hpa_view *v;
	struct sample *s;
	size_t n;
	int64_t target; /* percent, or milli an average pod */
	bool percent;
};

/* Measured over wanted; *ret_usage: percent, or milli of an average pod. */
static double ratio(const struct resource_step *r, int64_t *ret_usage, int64_t *ret_average)
{
	int64_t total = 0, requests = 0, n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (r->s[i].group != COUNTED)
			continue;
		total += r->s[i].milli;
		requests += r->s[i].request_milli;
		n++;
	}
	*ret_average = n ? total / n : 0;
	*ret_usage = !r->percent ? *ret_average
		     : requests  ? (int64_t)((double)total * 100 / (double)requests)
				 : 0;
	return r->target ? (double)*ret_usage / (double)r->target : 0;
}

static bool tolerable(const struct hpa_view *v, double ratio)
{
	return ratio >= 1.0 - v->tolerance_down && ratio <= 1.0 + v->tolerance_up;
}

static int64_t ceil_of(double x)
{
	int64_t n;

	if (x >= INT32_MAX)
		return INT32_MAX;
	n = (int64_t)x;
	return n + ((double)n < x);
}

static size_t count(const struct resource_step *r, enum group g)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->s[i].group == g;
	return n;
}

static void judge_as(struct resource_step *r, enum group g,
		     int64_t (*milli)(struct resource_step *, struct sample *))
{
	for (size_t i = 0; i < r->n; i++)
		if (r->s[i].group == g) {
			r->s[i].milli = milli(r, &r->s[i]);
			r->s[i].group = COUNTED;
		}
}

static int64_t idle(struct resource_step *r, struct sample *s)
{
	return 0;
}
static int64_t at_target(struct resource_step *r, struct sample *s)
{
	return r->percent ? s->request_milli * MAX(r->target, (int64_t)100) / 100 : r->target;
}

/* The size that the samples want; what was measured is told in *m. */
static int64_t replicas_of(struct resource_step *r, struct hpa_metric *m)
{
	size_t ready = count(r, COUNTED), missing = count(r, MISSING), unready = count(r, UNREADY);
	int64_t used, average, again, n;
	double first = ratio(r, &used, &average), now;
	bool up_unready = unready && first > 1.0;

	m->utilization = r->percent ? used : -1;
	m->average_milli = average;
	if (!up_unready && !missing)
		return tolerable(r->v, first) ? r->v->current : ceil_of(first * (double)ready);
	if (missing && first < 1.0)
		judge_as(r, MISSING, at_target);
	else if (missing && first > 1.0)
		judge_as(r, MISSING, idle);
	if (up_unready)
		judge_as(r, UNREADY, idle);
	now = ratio(r, &again, &average);
	if (tolerable(r->v, now) || (first < 1.0 && now > 1.0) || (first > 1.0 && now < 1.0))
		return r->v->current;
	n = ceil_of(now * (double)count(r, COUNTED));
	if ((now < 1.0 && n > r->v->current) || (now > 1.0 && n < r->v->current))
		return r->v->current;
	return n;
}

static bool look(struct resource_step *r, struct jv answer, struct str resource,
		 struct str container, struct hpa_metric *m)
{
	for (size_t i = 0; i < r->n; i++) {
		struct sample *s = &r->s[i];
		struct jv phase, one, spec;
		struct str who;

		s->pod = r->v->pods[i];
		phase = jv_get(object_status(s->pod), "phase");
		one = metrics_of(answer, s->pod->name);
		spec = object_spec(s->pod);
		if (object_deleting(s->pod) || jv_eqs(phase, "Failed"))
			s->group = IGNORED;
		else if (jv_eqs(phase, "Pending"))
			s->group = UNREADY;
		else if (!jv_exists(one) || !usage(one, resource, container, &s->milli))
			s->group = MISSING;
		else if (str_eqs(resource, "cpu") && cpu_unready(r->v, s->pod, one))
			s->group = UNREADY;
		else
			s->group = COUNTED;
		if (!r->percent || s->group == IGNORED)
			continue;
		if (add_requests(jv_get(spec, "containers"), false, resource, container,
				 &s->request_milli, &who) &&
		    add_requests(jv_get(spec, "initContainers"), true, resource, container,
				 &s->request_milli, &who))
			continue;
		m->error = xasprintf("failed to get %.*s utilization: missing request for %.*s in "
				     "container %.*s of Pod %.*s",
				     STR_ARG(resource), STR_ARG(resource), STR_ARG(who),
				     STR_ARG(s->pod->name));
		return false;
	}
	return true;
}

static void compute_resource(const struct hpa_view *v, struct jv body, struct jv answer,
			     struct hpa_metric *m)
{
	struct str name = jv_text(jv_get(body, "name"));
	struct jv target = jv_get(body, "target"), percent = jv_get(target, "averageUtilization");
	struct resource_step r = {.v = v, .n = v->n_pods, .percent = jv_exists(percent)};

	m->name = xasprintf(r.percent ? "%.*s resource utilization (percentage of request)"
				      : "%.*s resource",
			    STR_ARG(name));
	if (!v->n_pods) {
		m->error = xstrdup("no pods returned by selector while calculating replica count");
		return;
	}
	r.target = r.percent ? jv_i64(percent, 0)
			     : quantity_str_milli(jv_text(jv_get(target, "averageValue")));
	r.s = xcalloc(v->n_pods, sizeof(*r.s));
	if (look(&r, answer, name, jv_text(jv_get(body, "container")), m)) {
		if (!count(&r, COUNTED))
			m->error = xasprintf("failed to get %.*s utilization: did not receive "
					     "metrics for targeted pods (pods might be unready)",
					     STR_ARG(name));
		else
			m->replicas = replicas_of(&r, m);
	}
	free(r.s);
}

/* ---- Metrics of other APIs ---- */

/* Pods: a list with a value a pod. */
static void compute_pods(const struct hpa_view *v, struct jv body, struct jv answer,
			 struct hpa_metric *m)
{
	struct resource_step r = {.v = v, .n = v->n_pods};

	r.target = quantity_str_milli(jv_text(jv_path(body, "target.averageValue")));
	r.s = xcalloc(v->n_pods + 1, sizeof(*r.s));
	for (size_t i = 0; i < r.n; i++) {
		struct sample *s = &r.s[i];
		struct jv phase;
		bool found = false;

		s->pod = v->pods[i];
		phase = jv_get(object_status(s->pod), "phase");
		jv_for_each (it, jv_get(answer, "items"))
			if (str_eq(jv_text(jv_path(it.value, "describedObject.name")),
				   s->pod->name)) {
				s->milli = quantity_str_milli(jv_text(jv_get(it.value, "value")));
				found = true;
			}
		s->group = object_deleting(s->pod) || jv_eqs(phase, "Failed") ? IGNORED
			   : jv_eqs(phase, "Pending")                         ? UNREADY
			   : found                                            ? COUNTED
									      : MISSING;
	}
	if (!count(&r, COUNTED))
		m->error = xstrdup("did not receive metrics for targeted pods (pods might be "
				   "unready)");
	else
		m->replicas = replicas_of(&r, m);
	free(r.s);
}

/* Object and External: one number for all, or an average a pod. */
static void compute_total(const struct hpa_view *v, struct jv body, struct jv answer,
			  struct hpa_metric *m)
{
	struct jv target = jv_get(body, "target");
	int64_t per_pod = quantity_str_milli(jv_text(jv_get(target, "averageValue")));
	int64_t whole = quantity_str_milli(jv_text(jv_get(target, "value"))), total = 0, ready = 0;
	double r;

	jv_for_each (it, jv_get(answer, "items"))
		total += quantity_str_milli(jv_text(jv_get(it.value, "value")));
	if (per_pod) {
		int64_t n = MAX(v->status_replicas, (int64_t)1);

		r = (double)total / ((double)per_pod * (double)n);
		m->average_milli = ceil_of((double)total / (double)n);
		m->replicas = tolerable(v, r) ? v->status_replicas
					      : ceil_of((double)total / (double)per_pod);
		return;
	}
	for (size_t i = 0; i < v->n_pods; i++)
		ready += pod_ready(jv_of(v->pods[i]->bytes));
	r = whole ? (double)total / (double)whole : 0;
	m->value_milli = total;
	if (!v->current)
		m->replicas = ceil_of(r);
	else
		m->replicas = tolerable(v, r) ? v->current : ceil_of(r * (double)ready);
}

struct hpa_metric hpa_compute(const struct hpa_view *v, struct jv metric, struct jv answer,
			      const char *error)
{
	static const struct {
		const char *type, *body, *reason;
		void (*compute)(const struct hpa_view *, struct jv, struct jv, struct hpa_metric *);
	} rows[] = {
		{"Resource", "resource", "FailedGetResourceMetric", compute_resource},
		{"ContainerResource", "containerResource", "FailedGetContainerResourceMetric",
		 compute_resource},
		{"Pods", "pods", "FailedGetPodsMetric", compute_pods},
		{"Object", "object", "FailedGetObjectMetric", compute_total},
		{"External", "external", "FailedGetExternalMetric", compute_total},
	};
	struct hpa_metric m = {.utilization = -1, .average_milli = -1, .value_milli = -1};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct jv body = jv_get(metric, rows[i].body);
		struct str name = jv_text(jv_path(body, "metric.name"));

		if (!jv_eqs(jv_get(metric, "type"), rows[i].type))
			continue;
		m.reason = rows[i].reason;
		if (error && i < 2)
			m.error = xasprintf("failed to get %.*s utilization: unable to get metrics "
					    "for resource %.*s: %s",
					    STR_ARG(jv_text(jv_get(body, "name"))),
					    STR_ARG(jv_text(jv_get(body, "name"))), error);
		else if (error)
			m.error = xasprintf("unable to get metric %.*s: %s", STR_ARG(name), error);
		else
			rows[i].compute(v, body, answer, &m);
		if (!m.name)
			m.name = xasprintf("%s metric %.*s", rows[i].body, STR_ARG(name));
		return m;
	}
	m.reason = "InvalidMetricSourceType";
	m.error = xstrdup("unknown metric source type");
	m.name = xstrdup("");
	return m;
}
