/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/delete.h"
#include "lib/api/labels.h"
#include "lib/api/validate/rules.h"
#include "master/apiserver/gate.h"
#include "master/apiserver/verbs.h"

/* Sub-resources of a pod that are acts: binding to a node, eviction. */
struct act {
	struct write w;
	struct json_object *body; /* Binding or Eviction */
	struct delete_options o;
};

static void act_free(struct write *w)
{
	struct act *a = container_of(w, struct act, w);

	json_object_put(a->body);
	delete_options_done(&a->o);
	free(a);
}

static void act_done(struct write *w, enum write_action action, struct str value,
		     const struct store_obj *o)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	api_status_success(NULL, &b);
	respond_json(w->r, 201, &b);
}

static bool act_retry(struct write *w, int err)
{
	return true;
}

static struct act *act_new(struct request *r, const char *group, const char *version,
			   const char *kind)
{
	const struct api_kind *k = api_kind_by_gvk(str_of(group), str_of(version), str_of(kind));
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct json_object *body = NULL;
	struct act *a;

	if (!k) {
		respond_not_served(r);
		return NULL;
	}
	if (write_strictness(r, &e) < 0 ||
	    api_decode(k, r->content_type, r->body, API_IGNORE, &body, &r->warnings, &e) < 0) {
		respond_err(r, &e);
		return NULL;
	}
	a = NEW(struct act);
	a->body = body;
	a->o.grace_s = -1;
	return a;
}

/* ---- eviction: a deletion that asks first (policy/v1) ---- */

/* Says on a pod that will live on for a while why it goes: to a Job this is no failure. */
static void set_disrupted(struct write *w, struct json_object *pod)
{
	struct json_object *status = jsonc_ensure(pod, "status"), *list, *c;
	struct json_object *old = jsonc_get(status, "conditions");
	char now[TIME_LEN + 1];

	list = json_object_new_array();
	for (size_t i = 0; old && i < json_object_array_length(old); i++) {
		c = json_object_array_get_idx(old, i);
		if (!str_eqs(jsonc_path_str(c, "type"), "DisruptionTarget"))
			json_object_array_add(list, json_object_get(c));
	}
	time_format(server_now_ns(w->srv), now);
	c = json_object_new_object();
	jsonc_set_str(c, "type", STR("DisruptionTarget"));
	jsonc_set_str(c, "status", STR("True"));
	jsonc_set_str(c, "lastTransitionTime", str_of(now));
	jsonc_set_str(c, "reason", STR("EvictionByEvictionAPI"));
	jsonc_set_str(c, "message", STR("Eviction API: evicting"));
	json_object_array_add(list, c);
	jsonc_set(status, "conditions", list);
}

static int eviction_make(struct write *w, struct json_object *cur, struct json_object **ret,
			 struct err *err)
{
	int r = delete_make(w, &container_of(w, struct act, w)->o, cur, ret, err);

	w->phase = WRITE_PHASE_OTHER; /* admission has heard of the eviction, not of a deletion */
	if (r == WRITE_PUT)
		set_disrupted(w, *ret);
	return r;
}

static const struct write_ops eviction_ops = {
	.make = eviction_make, .done = act_done, .retry = act_retry, .free = act_free};

/*
 * The budget of the pod is charged first, then the pod is deleted: should the deletion fail, the
 * budget's controller gives the charge back after two minutes
 * (k8s pkg/registry/core/pod/storage/eviction.go).
 */
struct charge {
	struct write w; /* of the PodDisruptionBudget */
	struct act *then;
};
#define DISRUPTED_MAX 2000 /* evictions that the controller has not confirmed */

static int refuse(struct err *err, uint32_t retry_after_s, const char *why)
{
	err_set(err, EAGAIN, "TooManyRequests",
		"Cannot evict pod as it would violate the pod's disruption budget.");
	err_field(err, "", "DisruptionBudget", "%s", why);
	err->http_code = 429;
	err->retry_after_s = retry_after_s;
	return -EAGAIN;
}

static int charge_check(struct write *w, struct json_object *cur, struct err *err)
{
	struct json_object *status = jsonc_get(cur, "status");
	int64_t allowed = jsonc_i64(jsonc_get(status, "disruptionsAllowed"), 0);
	struct json_object *out = jsonc_get(status, "disruptedPods");
	CLEANUP_FREE char *why = NULL;

	if (jsonc_i64(jsonc_get(status, "observedGeneration"), 0) <
	    jsonc_i64(jsonc_path(cur, "metadata.generation"), 0)) {
		why = xasprintf("The disruption budget %s is still being processed by the server.",
				w->name);
		return refuse(err, 10, why);
	}
	if (allowed < 0)
		return api_err_forbidden(err, w->kind, str_of(w->name),
					 "pdb disruptions allowed is negative");
	if (out && json_object_object_length(out) > DISRUPTED_MAX)
		return api_err_forbidden(err, w->kind, str_of(w->name),
					 "DisruptedPods map too big - too many evictions not "
					 "confirmed by PDB controller");
	if (allowed > 0)
		return 0;
	why = xasprintf("The disruption budget %s needs %" PRId64 " healthy pods and has %" PRId64
			" currently",
			w->name, jsonc_i64(jsonc_get(status, "desiredHealthy"), 0),
			jsonc_i64(jsonc_get(status, "currentHealthy"), 0));
	return refuse(err, 0, why);
}

static int charge_make(struct write *w, struct json_object *cur, struct json_object **ret,
		       struct err *err)
{
	CLEANUP_FREE char *pod = str_dup(w->r->info.name);
	struct json_object *obj, *status;
	char now[TIME_LEN + 1];
	int64_t left;
	int r;

	if (!cur)
		return api_err_not_found(err, w->kind, str_of(w->name));
	r = charge_check(w, cur, err);
	if (r < 0)
		return r;
	obj = jsonc_clone(cur);
	status = jsonc_ensure(obj, "status");
	left = jsonc_i64(jsonc_get(status, "disruptionsAllowed"), 0) - 1;
	jsonc_set(status, "disruptionsAllowed", json_object_new_int64(left));
	time_format(server_now_ns(w->srv), now);
	jsonc_set_str(jsonc_ensure(status, "disruptedPods"), pod, str_of(now));
	*ret = obj;
	return WRITE_PUT;
}

static void evict(struct request *r, struct act *a)
{
	write_init(&a->w, r, &eviction_ops);
	write_start(&a->w);
}

static void charge_done(struct write *w, enum write_action action, struct str value,
			const struct store_obj *o)
{
	evict(w->r, TAKE(container_of(w, struct charge, w)->then));
}

static void charge_free(struct write *w)
{
	struct charge *c = container_of(w, struct charge, w);

	if (c->then)
		act_free(&c->then->w);
	free(c);
}

static const struct write_ops charge_ops = {
	.make = charge_make, .done = charge_done, .retry = act_retry, .free = charge_free};

/* The budgets that select the pod: how many, and one of them. */
static size_t budgets_of(const struct store_view *v, struct str ns, struct jv pod,
			 const struct store_obj **ret)
{
	struct jv labels = jv_path(pod, "metadata.labels");
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;
	size_t n = 0;

	request_key(server_kind("policy", "v1", "poddisruptionbudgets"), ns, STR(""), &prefix);
	store_range(v, buf_str(&prefix), STR_NULL, &it);
	while ((o = store_iter_next(&it))) {
		CLEANUP(label_selector_done) struct label_selector sel = {0};

		if (label_selector_from_object(jv_path(jv_of(o->value), "spec.selector"), &sel,
					       NULL) < 0 ||
		    !label_selector_match(&sel, labels))
			continue;
		*ret = o;
		n++;
	}
	return n;
}

static bool is_ready(struct jv pod)
{
	jv_for_each (c, jv_path(pod, "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "Ready"))
			return jv_eqs(jv_get(c.value, "status"), "True");
	return false;
}

/* Pods that serve nobody are not what a budget protects. */
static bool needs_no_budget(struct jv pod)
{
	struct jv phase = jv_path(pod, "status.phase");

	return jv_exists(jv_path(pod, "metadata.deletionTimestamp")) || jv_eqs(phase, "Pending") ||
	       jv_eqs(phase, "Succeeded") || jv_eqs(phase, "Failed");
}

static bool free_of(struct jv pod, struct jv pdb)
{
	int64_t desired = jv_i64(jv_path(pdb, "status.desiredHealthy"), 0);

	if (is_ready(pod))
		return false;
	return jv_eqs(jv_path(pdb, "spec.unhealthyPodEvictionPolicy"), "AlwaysAllow") ||
	       (desired > 0 && jv_i64(jv_path(pdb, "status.currentHealthy"), 0) >= desired);
}

static void charge_budget(struct request *r, struct act *a, struct jv pdb)
{
	struct charge *c = NEW(struct charge);

	c->then = a;
	write_init(&c->w, r, &charge_ops);
	c->w.kind = server_kind("policy", "v1", "poddisruptionbudgets");
	c->w.sub = NULL;
	write_set_name(&c->w, r->info.ns, jv_text(jv_path(pdb, "metadata.name")));
	write_start(&c->w);
}

/* Admission has agreed. */
static void eviction_start(struct request *r, struct act *a)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(r->srv->store);
	CLEANUP(err_done) struct err e = ERR_INIT;
	const struct store_obj *pod, *pdb = NULL;
	struct str uid;
	size_t n = 0;

	if (delete_options_dry_run(r, jsonc_path(a->body, "deleteOptions.dryRun"), &e) < 0) {
		respond_err(r, &e);
		act_free(&a->w);
		return;
	}
	a->o.grace_s = jsonc_i64(jsonc_path(a->body, "deleteOptions.gracePeriodSeconds"), -1);
	uid = jsonc_path_str(a->body, "deleteOptions.preconditions.uid");
	a->o.uid = str_dup(uid);
	pod = server_get(v, r->kind, r->info.ns, r->info.name);
	if (pod && !needs_no_budget(jv_of(pod->value)))
		n = budgets_of(v, r->info.ns, jv_of(pod->value), &pdb);
	if (n > 1) {
		err_set(&e, EINVAL, "InternalError",
			"This pod has more than one PodDisruptionBudget, which the eviction "
			"subresource does not support.");
		e.http_code = 500;
		respond_err(r, &e);
		act_free(&a->w);
	} else if (n == 1 && !free_of(jv_of(pod->value), jv_of(pdb->value))) {
		charge_budget(r, a, jv_of(pdb->value));
	} else {
		evict(r, a);
	}
}

struct admitted {
	struct request *r; /* a reference */
	struct act *a;
};

static void eviction_admitted(void *user, struct json_object *obj, bool edited,
			      const struct err *refusal)
{
	struct admitted *d = user;
	struct request *r = d->r;

	if (refusal) {
		if (!r->gone)
			respond_err(r, refusal);
		act_free(&d->a->w);
	} else {
		d->a->body = json_object_get(obj);
		eviction_start(r, d->a);
	}
	free(d);
	request_unref(r);
}

void sub_eviction(struct request *r)
{
	struct act *a = act_new(r, "policy", "v1", "Eviction");
	struct admitted *d;

	if (!a)
		return;
	if (gate_is_open(r)) {
		eviction_start(r, a);
		return;
	}
	d = NEW(struct admitted);
	*d = (struct admitted){request_ref(r), a};
	gate_pass(r, GATE_CREATE, api_kind_by_gvk(STR("policy"), STR("v1"), STR("Eviction")),
		  TAKE(a->body), eviction_admitted, d);
}
