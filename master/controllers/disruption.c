/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * PodDisruptionBudget: how many of the selected pods may be evicted now
 * (k8s pkg/controller/disruption). The eviction subresource takes one of disruptionsAllowed and
 * notes the pod in disruptedPods; here it is counted as gone until it is, or for two minutes.
 */
#define DISRUPTED_MAX_NS (2 * 60 * (int64_t)NSEC_PER_SEC)

struct pdb_step {
	struct ctl *c;
	struct plan *p;
	struct object *pdb;
	struct jv spec, status;
	struct object **pods; /* selected */
	size_t n_pods, cap_pods;
	int64_t expected, desired, healthy, now_ns;
	struct buf disrupted; /* JSON of those still counted as gone */
	struct buf failure; /* why the numbers cannot be told; empty: they can */
};

static struct informer *budgets(struct ctl *c)
{
	return informers_get(c->informers, &client_poddisruptionbudgets);
}
static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}

static const struct client_kind *const scaled[] = {&client_deployments, &client_replicasets,
						   &client_statefulsets};

static struct jv controller_of(const struct object *o)
{
	jv_for_each (ref, object_owners(o))
		if (jv_bool(jv_get(ref.value, "controller"), false))
			return ref.value;
	return JV_NONE;
}

/* The object which says how many pods like this there are to be: the highest of its owners. */
static struct object *scale_of(struct pdb_step *s, struct object *pod)
{
	struct object *o = pod, *found = NULL;

	for (int depth = 0; o && depth < 2; depth++) {
		struct jv ref = controller_of(o);

		o = NULL;
		for (size_t i = 0; i < ARRAY_SIZE(scaled) && !o; i++)
			if (jv_eqs(jv_get(ref, "kind"), scaled[i]->kind))
				o = informer_get_in(informers_get(s->c->informers, scaled[i]),
						    pod->ns, jv_text(jv_get(ref, "name")));
		if (o && !str_eq(object_uid(o), jv_text(jv_get(ref, "uid"))))
			o = NULL;
		found = o ? o : found;
	}
	return found;
}

/* Sum of the wanted pods of all controllers of the selected pods. */
static int64_t wanted_pods(struct pdb_step *s)
{
	CLEANUP(hmap_freep) struct hmap *seen = hmap_new();
	int64_t sum = 0;

	for (size_t i = 0; i < s->n_pods; i++) {
		struct jv ref = controller_of(s->pods[i]);
		struct object *scale;

		if (!jv_exists(ref))
			continue; /* nobody's pod: not known to be wanted */
		scale = scale_of(s, s->pods[i]);
		if (!scale) {
			buf_clear(&s->failure);
			buf_addf(&s->failure, "found no controllers for pod \"%.*s\"",
				 STR_ARG(s->pods[i]->name));
			return 0;
		}
		if (hmap_put(seen, object_uid(scale), scale))
			continue;
		sum += jv_i64(jv_get(object_spec(scale), "replicas"), 1);
	}
	return sum;
}

static void count_desired(struct pdb_step *s)
{
	struct jv min = jv_get(s->spec, "minAvailable"), max = jv_get(s->spec, "maxUnavailable");

	s->expected = (int64_t)s->n_pods;
	if (jv_exists(max)) {
		s->expected = wanted_pods(s);
		s->desired =
			MAX(s->expected - int_or_percent(max, s->expected, true, 0), (int64_t)0);
	} else if (jv_type(min) == JV_NUMBER) {
		s->desired = jv_i64(min, 0);
	} else if (jv_exists(min)) {
		s->expected = wanted_pods(s);
		s->desired = int_or_percent(min, s->expected, true, 0);
	}
}

/* Pods that an eviction has taken and whose end is not seen yet. */
static void keep_disrupted(struct pdb_step *s)
{
	struct jw w = jw_start(&s->disrupted);

	jw_begin_object(&w);
	jv_for_each_member (m, jv_get(s->status, "disruptedPods")) {
		struct object *pod = informer_get_in(pods_in(s->c), s->pdb->ns, m.key);
		int64_t left_ns = time_ns(m.value) + DISRUPTED_MAX_NS - s->now_ns;

		jw_keyn(&w, m.key);
		if (pod && !object_deleting(pod) && left_ns > 0) {
			jw_raw(&w, jv_raw(m.value));
			plan_again_in(s->p, (uint64_t)left_ns);
		} else {
			jw_null(&w);
		}
	}
	jw_end_object(&w);
}

static void count_healthy(struct pdb_step *s)
{
	struct jv gone = jv_of(buf_str(&s->disrupted));

	for (size_t i = 0; i < s->n_pods; i++)
		s->healthy += !object_deleting(s->pods[i]) &&
			      !jv_exists(jv_getn(gone, s->pods[i]->name)) &&
			      pod_ready(jv_of(s->pods[i]->bytes));
}

static void write_condition(struct pdb_step *s, struct jw *w, int64_t allowed)
{
	struct jv old = condition_get(jv_of(s->pdb->bytes), "DisruptionAllowed");
	const char *status = allowed > 0 ? "True" : "False";
	char now[TIME_LEN + 1];

	time_format(s->now_ns, now);
	jw_key(w, "conditions");
	jw_begin_array(w);
	jw_begin_object(w);
	jw_member_str(w, "type", STR("DisruptionAllowed"));
	jw_member_str(w, "status", str_of(status));
	jw_member_i64(w, "observedGeneration",
		      jv_i64(jv_get(object_meta(s->pdb), "generation"), 0));
	jw_member_str(w, "lastTransitionTime",
		      jv_eqs(jv_get(old, "status"), status)
			      ? jv_text(jv_get(old, "lastTransitionTime"))
			      : str_of(now));
	jw_member_str(w, "reason",
		      s->failure.len ? STR("SyncFailed")
		      : allowed > 0  ? STR("SufficientPods")
				     : STR("InsufficientPods"));
	jw_member_str(w, "message", s->failure.len ? buf_str(&s->failure) : STR(""));
	jw_end_object(w);
	jw_end_array(w);
}

static bool same(struct pdb_step *s, int64_t allowed, int64_t generation)
{
	struct jv cond = condition_get(jv_of(s->pdb->bytes), "DisruptionAllowed");

	jv_for_each_member (m, jv_of(buf_str(&s->disrupted)))
		if (!jv_exists(m.value))
			return false;
	return jv_i64(jv_get(s->status, "disruptionsAllowed"), -1) == allowed &&
	       jv_i64(jv_get(s->status, "currentHealthy"), -1) == s->healthy &&
	       jv_i64(jv_get(s->status, "desiredHealthy"), -1) == s->desired &&
	       jv_i64(jv_get(s->status, "expectedPods"), -1) == s->expected &&
	       jv_i64(jv_get(s->status, "observedGeneration"), -1) == generation &&
	       jv_exists(cond) &&
	       jv_eqs(jv_get(cond, "reason"), "SyncFailed") == (s->failure.len > 0);
}

static void update_status(struct pdb_step *s)
{
	int64_t generation = jv_i64(jv_get(object_meta(s->pdb), "generation"), 0);
	int64_t allowed = s->healthy - s->desired;
	struct plan_op *op;
	struct jw w;

	if (s->failure.len || s->expected <= 0 || allowed < 0)
		allowed = 0;
	if (same(s, allowed, generation))
		return;
	op = plan_add(s->p, "PATCH", &client_poddisruptionbudgets, s->pdb->ns, s->pdb->name,
		      "status");
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	w = jw_start(&op->body);
	jw_begin_object(&w);
	/* On the revision looked at: an eviction that came between must not be forgotten. */
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "resourceVersion",
		      jv_text(jv_get(object_meta(s->pdb), "resourceVersion")));
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_member_i64(&w, "disruptionsAllowed", allowed);
	jw_member_i64(&w, "currentHealthy", s->healthy);
	jw_member_i64(&w, "desiredHealthy", s->desired);
	jw_member_i64(&w, "expectedPods", s->expected);
	jw_member_i64(&w, "observedGeneration", generation);
	jw_member_raw(&w, "disruptedPods", buf_str(&s->disrupted));
	write_condition(s, &w, allowed);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct pdb_step s = {.c = c, .p = p, .pdb = informer_get(budgets(c), key)};
	struct label_selector sel = {0};
	struct object_set here;

	if (!s.pdb)
		return;
	s.spec = object_spec(s.pdb);
	s.status = object_status(s.pdb);
	s.now_ns = client_real_ns(c->client);
	if (label_selector_from_object(jv_get(s.spec, "selector"), &sel, NULL) < 0)
		return;
	here = informer_lookup(informer_index(pods_in(c), informer_by_ns), s.pdb->ns);
	for (size_t i = 0; i < here.n; i++)
		if (!pod_ended(here.v[i]) &&
		    label_selector_match(&sel, jv_get(object_meta(here.v[i]), "labels")))
			*ARRAY_PUSH(s.pods, s.n_pods, s.cap_pods) = here.v[i];
	label_selector_done(&sel);
	keep_disrupted(&s);
	count_desired(&s);
	count_healthy(&s);
	update_status(&s);
	buf_done(&s.disrupted);
	buf_done(&s.failure);
	free(s.pods);
}

/* Events */

static void pod_one(void *user, struct object *pod)
{
	struct ctl *c = user;
	struct object_set all =
		informer_lookup(informer_index(budgets(c), informer_by_ns), pod->ns);

	for (size_t i = 0; i < all.n; i++) {
		struct label_selector sel = {0};

		if (label_selector_from_object(jv_get(object_spec(all.v[i]), "selector"), &sel,
					       NULL) == 0 &&
		    label_selector_match(&sel, jv_get(object_meta(pod), "labels")))
			ctl_enqueue(c, all.v[i]->key);
		label_selector_done(&sel);
	}
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	pod_one(user, pod);
	if (!str_eq(jv_raw(jv_get(object_meta(old), "labels")),
		    jv_raw(jv_get(object_meta(pod), "labels"))))
		pod_one(user, old);
}
static const struct informer_handler on_pod = {pod_one, pod_two, pod_one, NULL};

/* A controller was resized. */
static void scale_two(void *user, struct object *old, struct object *o)
{
	struct ctl *c = user;
	struct object_set all;

	if (jv_i64(jv_get(object_spec(old), "replicas"), 1) ==
	    jv_i64(jv_get(object_spec(o), "replicas"), 1))
		return;
	all = informer_lookup(informer_index(budgets(c), informer_by_ns), o->ns);
	for (size_t i = 0; i < all.n; i++)
		ctl_enqueue(c, all.v[i]->key);
}
static const struct informer_handler on_scale = {NULL, scale_two, NULL, NULL};

static bool init(struct ctl *c)
{
	informer_index(pods_in(c), informer_by_ns);
	informer_index(budgets(c), informer_by_ns);
	ctl_handle(c, budgets(c), &ctl_enqueue_self);
	ctl_handle(c, pods_in(c), &on_pod);
	for (size_t i = 0; i < ARRAY_SIZE(scaled); i++)
		ctl_handle(c, informers_get(c->informers, scaled[i]), &on_scale);
	return true;
}

const struct controller disruption_controller = {
	.name = "disruption",
	.component = "controllermanager",
	.init = init,
	.sync = reconcile,
};
