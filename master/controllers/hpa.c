/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/hpa.h"
#include "lib/api/quantity.h"
#include "master/controllers/custom_kinds.h"
#include "master/controllers/kinds.h"

/*
 * HorizontalPodAutoscaler (k8s pkg/controller/podautoscaler). Every 15 seconds, for each:
 *
 *	due --> GET target/scale --> GET metrics, all at once --> a step works with the answers:
 *	 ^                                                        scale and status are written
 *	 +--------------------------------------------------------+
 */
#define PERIOD_NS (15 * (int64_t)NSEC_PER_SEC)
#define TOLERANCE 0.1

static const struct client_kind pod_metrics = {"metrics.k8s.io", "v1beta1", "pods", "PodMetrics",
					       true};

struct hpas { /* c->state */
	struct hmap *v; /* key -> hpa */
	struct custom_kinds *customs; /* which may have a scale too */
};

static struct hmap *all(struct ctl *c)
{
	return ((struct hpas *)c->state)->v;
}

static const struct client_kind *find_kind(struct ctl *c, struct jv ref)
{
	struct str version = jv_text(jv_get(ref, "apiVersion"));
	struct str kind = jv_text(jv_get(ref, "kind"));
	const struct client_kind *k = kinds_find(version, kind);

	return k ? k : custom_kinds_find(((struct hpas *)c->state)->customs, version, kind);
}

static struct informer *hpas_in(struct ctl *c)
{
	return informers_get(c->informers, &client_hpas);
}
static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}

/* ---- What is kept ---- */

static void answer_clear(struct ctl *c, struct hpa_answer *a)
{
	client_cancel(c->client, a->call);
	free(a->body);
	free(a->error);
	a->call = NULL;
	a->body = a->error = NULL;
}

static void sample_clear(struct hpa *h)
{
	answer_clear(h->c, &h->scale);
	for (size_t i = 0; i < h->n_metrics; i++)
		answer_clear(h->c, &h->metrics[i]);
	free(h->metrics);
	h->metrics = NULL;
	h->n_metrics = h->pending = 0;
	h->sampled = false;
}

static void hpa_free(void *p)
{
	struct hpa *h = p;

	if (!h)
		return;
	sample_clear(h);
	free(h->wanted.v);
	free(h->ups.v);
	free(h->downs.v);
	free(h->key);
	free(h);
}

static struct hpa *hpa_get(struct ctl *c, struct str key)
{
	struct hpa *h = hmap_get(all(c), key);

	if (h)
		return h;
	h = NEW(struct hpa);
	h->c = c;
	h->key = str_dup(key);
	hmap_put(all(c), key, h);
	return h;
}

/* ---- Asking ---- */

static void sampled(struct hpa *h)
{
	h->sampled = true;
	ctl_enqueue(h->c, str_of(h->key));
}

static void take(struct hpa_answer *a, const struct err *e, struct str body)
{
	a->call = NULL;
	if (e->errnum)
		a->error = xstrdup(err_text(e));
	else
		a->body = str_dup(body);
}

static void on_metric(void *user, const struct err *e, struct str body)
{
	struct hpa_answer *a = user;

	take(a, e, body);
	if (!--a->h->pending)
		sampled(a->h);
}

static void get(struct hpa *h, struct hpa_answer *a, const struct client_req *req)
{
	struct client_req r = *req;

	r.method = "GET";
	a->h = h;
	h->pending++;
	a->call = client_do(h->c->client, &r, on_metric, a);
}

static bool is_resource(struct jv metric)
{
	return jv_eqs(jv_get(metric, "type"), "Resource") ||
	       jv_eqs(jv_get(metric, "type"), "ContainerResource");
}

static void add_selector(struct buf *query, const char *name, struct jv selector)
{
	CLEANUP(label_selector_done) struct label_selector sel = {0};
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	if (!jv_exists(selector) || label_selector_from_object(selector, &sel, NULL) < 0)
		return;
	label_selector_format(&sel, &text);
	client_query_add(query, name, buf_str(&text));
}

/* Metrics of custom.metrics.k8s.io and external.metrics.k8s.io, which others serve. */
static void ask_other(struct hpa *h, struct hpa_answer *a, struct jv metric, struct str ns,
		      struct str selector)
{
	static const char *const bodies[] = {"pods", "object", "external"};
	struct client_kind kind = {"custom.metrics.k8s.io", "v1beta2", "pods", "MetricValueList",
				   true};
	CLEANUP(buf_done) struct buf query = BUF_INIT, plural = BUF_INIT;
	CLEANUP_FREE char *name = NULL;
	const struct client_kind *target;
	struct jv body = JV_NONE, object;
	struct client_req req = {.kind = &kind, .ns = ns};
	size_t i = 0;

	while (i < ARRAY_SIZE(bodies) && !jv_exists(body = jv_get(metric, bodies[i])))
		i++;
	name = jv_strdup(jv_path(body, "metric.name"));
	if (!name) {
		a->error = xstrdup("the metric has no name");
		return;
	}
	if (i == 0) {
		req.name = STR("*");
		client_query_add(&query, "labelSelector", selector);
	}
	if (i == 1) {
		object = jv_get(body, "describedObject");
		target = find_kind(h->c, object);
		if (!target) {
			a->error = xstrdup("the described object's kind is not known");
			return;
		}
		buf_addf(&plural, "%s%s%s", target->plural, *target->group ? "." : "",
			 target->group);
		kind.plural = plural.p;
		req.name = jv_text(jv_get(object, "name"));
	}
	if (i == 2) {
		kind = (struct client_kind){"external.metrics.k8s.io", "v1beta1", name,
					    "ExternalMetricValueList", true};
		add_selector(&query, "labelSelector", jv_path(body, "metric.selector"));
	} else {
		req.sub = name;
		add_selector(&query, "metricLabelSelector", jv_path(body, "metric.selector"));
	}
	req.query = query.p;
	get(h, a, &req);
}

static void ask_metrics(struct hpa *h, struct object *o)
{
	struct str selector = jv_text(jv_path(jv_of(str_of(h->scale.body)), "status.selector"));
	struct jv metrics = jv_get(object_spec(o), "metrics");
	size_t i = 1;
	bool any = false;

	h->n_metrics = jv_len(metrics) + 1;
	h->metrics = xcalloc(h->n_metrics, sizeof(*h->metrics));
	h->pending = 1; /* until all are asked */
	jv_for_each (m, metrics) {
		if (is_resource(m.value))
			any = true;
		else
			ask_other(h, &h->metrics[i], m.value, o->ns, selector);
		i++;
	}
	if (any) {
		CLEANUP(buf_done) struct buf query = BUF_INIT;
		struct client_req req = {.kind = &pod_metrics, .ns = o->ns};

		client_query_add(&query, "labelSelector", selector);
		req.query = query.p;
		get(h, &h->metrics[0], &req);
	}
	if (!--h->pending)
		sampled(h);
}

static void on_scale(void *user, const struct err *e, struct str body)
{
	struct hpa_answer *a = user;
	struct hpa *h = a->h;
	struct object *o = informer_get(hpas_in(h->c), str_of(h->key));

	take(a, e, body);
	if (o && a->body)
		ask_metrics(h, o);
	else
		sampled(h);
}

static const struct client_kind *target_kind(struct ctl *c, const struct object *o)
{
	return find_kind(c, jv_get(object_spec(o), "scaleTargetRef"));
}

static void ask_scale(struct hpa *h, struct object *o)
{
	struct jv ref = jv_get(object_spec(o), "scaleTargetRef");
	const struct client_kind *k = target_kind(h->c, o);

	sample_clear(h);
	h->scale.h = h;
	if (!k) {
		h->scale.error = xasprintf("no matches for kind \"%.*s\" in \"%.*s\"",
					   STR_ARG(jv_text(jv_get(ref, "kind"))),
					   STR_ARG(jv_text(jv_get(ref, "apiVersion"))));
		sampled(h);
		return;
	}
	h->scale.call = client_do(h->c->client,
				  &(struct client_req){.method = "GET",
						       .kind = k,
						       .ns = o->ns,
						       .name = jv_text(jv_get(ref, "name")),
						       .sub = "scale"},
				  on_scale, &h->scale);
}

/* ---- A step ---- */

enum { ABLE, ACTIVE, LIMITED, N_CONDITIONS };
static const char *const condition_names[N_CONDITIONS] = {"AbleToScale", "ScalingActive",
							  "ScalingLimited"};
struct condition {
	bool set, status;
	const char *reason;
	char *message; /* owned */
};

struct hpa_step {
	struct ctl *c;
	struct plan *p;
	struct hpa *h;
	struct object *o;
	struct hpa_view v;
	struct condition cond[N_CONDITIONS];
	struct hpa_metric *m; /* one a metric of spec */
	size_t n_m;
	int64_t min, max, desired;
	bool rescaled;
	char *why;
};

static void PRINTF_LIKE(5, 6)
	set(struct hpa_step *s, int which, bool status, const char *reason, const char *fmt, ...)
{
	struct condition *k = &s->cond[which];
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	free(k->message);
	*k = (struct condition){true, status, reason, buf_take(&text)};
}

#define TELL(s, type, reason, ...) \
	recorder_event_for((s)->c->events, &client_hpas, (s)->o, type, reason, __VA_ARGS__)

static double tolerance(const struct hpa_step *s, const char *path)
{
	struct jv v = jv_path(object_spec(s->o), path);

	return jv_exists(v) ? (double)quantity_str_milli(jv_text(v)) / 1000 : TOLERANCE;
}

static void view(struct hpa_step *s, struct jv scale)
{
	CLEANUP(label_selector_done) struct label_selector sel = {0};
	struct object_set all =
		informer_lookup(informer_index(pods_in(s->c), informer_by_ns), s->o->ns);

	s->v = (struct hpa_view){
		.c = s->c,
		.ns = s->o->ns,
		.current = jv_i64(jv_path(scale, "spec.replicas"), 0),
		.status_replicas = jv_i64(jv_path(scale, "status.replicas"), 0),
		.tolerance_up = tolerance(s, "behavior.scaleUp.tolerance"),
		.tolerance_down = tolerance(s, "behavior.scaleDown.tolerance"),
		.now_ns = client_real_ns(s->c->client),
	};
	s->v.pods = xcalloc(all.n + 1, sizeof(*s->v.pods));
	if (!jv_text(jv_path(scale, "status.selector")).len ||
	    label_selector_parse(jv_text(jv_path(scale, "status.selector")), &sel, NULL) < 0)
		return;
	for (size_t i = 0; i < all.n; i++)
		if (label_selector_match(&sel, jv_get(object_meta(all.v[i]), "labels")) &&
		    !jv_eqs(jv_get(object_status(all.v[i]), "phase"), "Succeeded"))
			s->v.pods[s->v.n_pods++] = all.v[i];
}

/* The size that the metrics want together, or -1; and which says most. */
static int64_t compute(struct hpa_step *s, const char **ret_name)
{
	struct jv metrics = jv_get(object_spec(s->o), "metrics");
	const struct hpa_metric *bad = NULL;
	int64_t best = -1;
	size_t i = 0;

	s->m = xcalloc(jv_len(metrics) + 1, sizeof(*s->m));
	jv_for_each (m, metrics) {
		struct hpa_answer *a =
			&s->h->metrics[is_resource(m.value) || i + 1 >= s->h->n_metrics ? 0
											: i + 1];
		struct jv answer = a->body ? jv_of(str_of(a->body)) : JV_NONE;
		struct hpa_metric *one = &s->m[i++];

		*one = hpa_compute(&s->v, m.value, answer,
				   a->body    ? NULL
				   : a->error ? a->error
					      : "it was not asked for");
		if (one->error) {
			TELL(s, EVENT_WARNING, one->reason, "%s", one->error);
			bad = bad ? bad : one;
		} else if (one->replicas > best) {
			best = one->replicas;
			*ret_name = one->name;
		}
	}
	s->n_m = i;
	/* With one metric unknown nothing is taken away by what the others say. */
	if (bad && best < s->v.current) {
		set(s, ACTIVE, false, bad->reason,
		    "the HPA was unable to compute the replica count: %s", bad->error);
		TELL(s, EVENT_WARNING, "FailedComputeMetricsReplicas",
		     "invalid metrics, first error is: %s", bad->error);
		return -1;
	}
	set(s, ACTIVE, true, "ValidMetricFound",
	    "the HPA was able to successfully calculate a replica count from %s",
	    *ret_name ? *ret_name : "");
	return best;
}

static void decide(struct hpa_step *s)
{
	struct hpa_limits l = {s->v.current, s->min, s->max, jv_get(object_spec(s->o), "behavior"),
			       s->v.now_ns};
	const char *name = NULL;
	struct hpa_decision d;
	int64_t wanted;

	s->desired = s->v.current;
	if (!s->h->wanted.n)
		hpa_points_add(&s->h->wanted, s->v.now_ns, s->v.current);
	if (!s->v.current && s->min) {
		set(s, ACTIVE, false, "ScalingDisabled",
		    "scaling is disabled since the replica count of the target is zero");
		return;
	}
	if (s->v.current > s->max || s->v.current < s->min) {
		bool above = s->v.current > s->max;

		s->why = xstrdup(above ? "Current number of replicas above Spec.MaxReplicas"
				       : "Current number of replicas below Spec.MinReplicas");
		s->desired = above ? s->max : s->min;
		return;
	}
	wanted = compute(s, &name);
	if (wanted < 0)
		return;
	d = hpa_decide(s->h, &l, wanted);
	set(s, ABLE, true, d.able_reason, "%s", d.able_message);
	/* Out of bounds is a limit too, also where nothing changes. */
	if (d.replicas > s->max || d.replicas < s->min) {
		bool above = d.replicas > s->max;

		d.limited = true;
		d.replicas = above ? s->max : s->min;
		d.limit_reason = above ? "TooManyReplicas" : "TooFewReplicas";
		d.limit_message = above ? "the desired replica count is more than the maximum "
					  "replica count"
					: "the desired replica count is less than the minimum "
					  "replica count";
	}
	set(s, LIMITED, d.limited, d.limit_reason, "%s", d.limit_message);
	s->desired = d.replicas;
	if (wanted > s->v.current)
		s->why = xasprintf("%s above target", name);
	else
		s->why = xstrdup("All metrics below target");
}

/* ---- Writing ---- */

static void on_rescaled(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *o = informer_get(hpas_in(c), str_of(op->user_text));
	int64_t n = jv_i64(jv_path(jv_of(buf_str(&op->body)), "spec.replicas"), 0);

	if (o && e->errnum)
		recorder_event_for(c->events, &client_hpas, o, EVENT_WARNING, "FailedRescale",
				   "New size: %" PRId64 "; error: %s", n, err_text(e));
}

static void write_scale(struct hpa_step *s)
{
	struct jv ref = jv_get(object_spec(s->o), "scaleTargetRef");
	struct plan_op *op = plan_add(s->p, "PATCH", target_kind(s->c, s->o), s->o->ns,
				      jv_text(jv_get(ref, "name")), "scale");

	op->result = on_rescaled;
	op->user = s->c;
	op->user_text = str_dup(s->o->key);
	buf_addf(&op->body, "{\"spec\":{\"replicas\":%" PRId64 "}}", s->desired);
	plan_next_stage(s->p);
	set(s, ABLE, true, "SucceededRescale",
	    "the HPA controller was able to update the target scale to %" PRId64, s->desired);
	TELL(s, EVENT_NORMAL, "SuccessfulRescale", "New size: %" PRId64 "; reason: %s", s->desired,
	     s->why ? s->why : "");
	hpa_note_change(s->h, s->v.current, s->desired, s->v.now_ns);
	s->rescaled = true;
}

static void write_quantity(struct jw *w, const char *name, int64_t milli)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	quantity_format(quantity_of_milli(milli, QUANTITY_SI), &b);
	jw_member_str(w, name, buf_str(&b));
}

static void write_metric(struct jw *w, struct jv metric, const struct hpa_metric *m)
{
	static const char *const bodies[] = {"resource", "containerResource", "pods", "object",
					     "external"};
	static const char *const kept[] = {"name", "container", "metric", "describedObject"};
	struct jv body = JV_NONE;
	size_t i = 0;

	while (i < ARRAY_SIZE(bodies) && !jv_exists(body = jv_get(metric, bodies[i])))
		i++;
	if (m->error || i == ARRAY_SIZE(bodies))
		return;
	jw_begin_object(w);
	jw_member_str(w, "type", jv_text(jv_get(metric, "type")));
	jw_key(w, bodies[i]);
	jw_begin_object(w);
	for (size_t k = 0; k < ARRAY_SIZE(kept); k++)
		if (jv_exists(jv_get(body, kept[k])))
			jw_member_raw(w, kept[k], jv_raw(jv_get(body, kept[k])));
	jw_key(w, "current");
	jw_begin_object(w);
	if (m->utilization >= 0)
		jw_member_i64(w, "averageUtilization", m->utilization);
	if (m->average_milli >= 0)
		write_quantity(w, "averageValue", m->average_milli);
	if (m->value_milli >= 0)
		write_quantity(w, "value", m->value_milli);
	jw_end_object(w);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_conditions(struct hpa_step *s, struct jw *w)
{
	char now[TIME_LEN + 1];

	time_format(client_real_ns(s->c->client), now);
	jw_key(w, "conditions");
	jw_begin_array(w);
	for (int i = 0; i < N_CONDITIONS; i++) {
		struct jv old = condition_get(jv_of(s->o->bytes), condition_names[i]);
		struct condition *k = &s->cond[i];
		const char *status = k->status ? "True" : "False";

		if (!k->set) {
			if (jv_exists(old))
				jw_raw(w, jv_raw(old));
			continue;
		}
		jw_begin_object(w);
		jw_member_str(w, "type", str_of(condition_names[i]));
		jw_member_str(w, "status", str_of(status));
		jw_member_str(w, "lastTransitionTime",
			      jv_eqs(jv_get(old, "status"), status)
				      ? jv_text(jv_get(old, "lastTransitionTime"))
				      : str_of(now));
		jw_member_str(w, "reason", str_of(k->reason));
		jw_member_str(w, "message", str_of(k->message));
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* `scale`: the sizes are known. */
static void write_status(struct hpa_step *s, bool scale)
{
	struct jv generation = jv_get(object_meta(s->o), "generation");
	CLEANUP(buf_done) struct buf status = BUF_INIT;
	struct jw w = jw_start(&status);
	char now[TIME_LEN + 1];
	struct plan_op *op;
	size_t i = 0;

	time_format(client_real_ns(s->c->client), now);
	jw_begin_object(&w);
	if (jv_exists(generation))
		jw_member_raw(&w, "observedGeneration", jv_raw(generation));
	if (scale) {
		jw_member_i64(&w, "currentReplicas", s->v.current);
		jw_member_i64(&w, "desiredReplicas", s->desired);
		jw_key(&w, "currentMetrics");
		jw_begin_array(&w);
		jv_for_each (m, jv_get(object_spec(s->o), "metrics")) {
			if (i < s->n_m)
				write_metric(&w, m.value, &s->m[i]);
			i++;
		}
		jw_end_array(&w);
	}
	if (s->rescaled)
		jw_member_str(&w, "lastScaleTime", str_of(now));
	write_conditions(s, &w);
	jw_end_object(&w);
	op = plan_add(s->p, "PATCH", &client_hpas, s->o->ns, s->o->name, "status");
	op->flags = PLAN_OK_ABSENT;
	buf_addf(&op->body, "{\"metadata\":{\"uid\":\"%.*s\"},\"status\":%.*s}",
		 STR_ARG(object_uid(s->o)), STR_ARG(buf_str(&status)));
}

static void work(struct hpa_step *s)
{
	const char *error = s->h->scale.error;

	if (error) {
		set(s, ABLE, false, "FailedGetScale",
		    "the HPA controller was unable to get the target's current scale: %s", error);
		TELL(s, EVENT_WARNING, "FailedGetScale", "%s", error);
		write_status(s, false);
		return;
	}
	set(s, ABLE, true, "SucceededGetScale",
	    "the HPA controller was able to get the target's current scale");
	s->min = jv_i64(jv_get(object_spec(s->o), "minReplicas"), 1);
	s->max = jv_i64(jv_get(object_spec(s->o), "maxReplicas"), 1);
	view(s, jv_of(str_of(s->h->scale.body)));
	decide(s);
	if (s->desired != s->v.current)
		write_scale(s);
	write_status(s, true);
}

static void step_done(struct hpa_step *s)
{
	for (size_t i = 0; i < s->n_m; i++)
		hpa_metric_done(&s->m[i]);
	for (int i = 0; i < N_CONDITIONS; i++)
		free(s->cond[i].message);
	free(s->m);
	free(s->v.pods);
	free(s->why);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *o = informer_get(hpas_in(c), key);
	int64_t now_ns = client_real_ns(c->client);
	uint64_t question;
	struct hpa *h;

	if (!o || object_deleting(o)) {
		hpa_free(hmap_del(all(c), key));
		return;
	}
	h = hpa_get(c, key);
	question = str_hash(jv_raw(object_spec(o)));
	if (h->sampled && h->question == question) {
		struct hpa_step s = {.c = c, .p = p, .h = h, .o = o};

		work(&s);
		step_done(&s);
		sample_clear(h);
		h->next_ns = now_ns + PERIOD_NS;
		plan_again_in(p, PERIOD_NS);
		return;
	}
	if (h->question != question)
		sample_clear(h);
	else if (h->scale.call || h->pending)
		return; /* the key comes back with the answers */
	else if (now_ns < h->next_ns) {
		plan_again_in(p, (uint64_t)(h->next_ns - now_ns));
		return;
	}
	h->question = question;
	ask_scale(h, o);
}

static void ignore(void *user, const struct client_kind *k)
{
}
static const struct custom_kinds_ops custom_ops = {ignore, ignore};

static bool init(struct ctl *c)
{
	struct hpas *s = NEW(struct hpas);

	c->state = s;
	s->v = hmap_new();
	s->customs = custom_kinds_new(c, &custom_ops, c);
	informer_index(pods_in(c), informer_by_ns);
	ctl_handle(c, hpas_in(c), &ctl_enqueue_self);
	return true;
}

static void done(struct ctl *c)
{
	struct hpas *s = c->state;

	hmap_free_full(s->v, hpa_free);
	custom_kinds_free(s->customs);
	free(s);
}

const struct controller hpa_controller = {
	.name = "horizontalpodautoscaler",
	.component = "horizontal-pod-autoscaler",
	.init = init,
	.sync = reconcile,
	.done = done,
};
