/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/service_lb.h"

/*
 * Load balancers of Services of that type (k8s staging cloud-provider/controllers/service). The
 * finalizer stands before anything is asked for, and goes when the provider has taken it back.
 *
 *	wanted   --finalizer--> ensureLoadBalancer --> status.loadBalancer, who announces it
 *	unwanted --------------> deleteLoadBalancer --> status and annotation away, finalizer off
 *
 * loadBalancerClass: none, or "knarr.io/NAME" with the provider's name; others are other
 * controllers' business.
 */
#define REFRESH_NS (600 * NSEC_PER_SEC)
#define FAILED "SyncLoadBalancerFailed"

static struct informer *services_in(struct ctl *c)
{
	return informers_get(c->informers, &client_services);
}
static struct informer *nodes_in(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}
static struct lb_state *state_of(struct ctl *c)
{
	return c->state;
}

#define TELL(c, s, type, reason, ...) \
	recorder_event_for((c)->events, &client_services, s, type, reason, __VA_ARGS__)

static bool has_finalizer(const struct object *s)
{
	jv_for_each (f, jv_get(object_meta(s), "finalizers"))
		if (jv_eqs(f.value, LB_FINALIZER))
			return true;
	return false;
}

static bool our_class(struct ctl *c, const struct object *s)
{
	struct str class = jv_text(jv_get(object_spec(s), "loadBalancerClass"));

	return !class.len || (str_starts(class, STR("knarr.io/")) &&
			      str_eqs(str_skip(class, 9), cloud_name(c->conf->cloud)));
}

static bool is_wanted(struct ctl *c, const struct object *s)
{
	return jv_eqs(jv_get(object_spec(s), "type"), "LoadBalancer") && !object_deleting(s) &&
	       our_class(c, s);
}

/* ---- Patches ---- */

static void begin_patch(struct jw *w, const struct object *s)
{
	jw_begin_object(w);
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "uid", object_uid(s));
}

static void set_finalizer(struct plan *p, const struct object *s, bool on)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_services, s->ns, s->name, NULL);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT;
	begin_patch(&w, s);
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(object_meta(s), "resourceVersion")));
	jw_key(&w, "finalizers");
	jw_begin_array(&w);
	jv_for_each (f, jv_get(object_meta(s), "finalizers"))
		if (!jv_eqs(f.value, LB_FINALIZER))
			jw_raw(&w, jv_raw(f.value));
	if (on)
		jw_str(&w, STR(LB_FINALIZER));
	jw_end_array(&w);
	if (!on) {
		jw_key(&w, "annotations");
		jw_begin_object(&w);
		jw_key(&w, LB_ANNOUNCED_BY);
		jw_null(&w);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
}

/* What the API makes of an answer's list: ipMode is there for each ip. */
static void write_ingress(struct jv list, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_array(&w);
	jv_for_each (i, list) {
		struct str ip = jv_text(jv_get(i.value, "ip"));
		struct str host = jv_text(jv_get(i.value, "hostname"));
		struct str mode = jv_text(jv_get(i.value, "ipMode"));

		jw_begin_object(&w);
		if (ip.len)
			jw_member_str(&w, "ip", ip);
		if (host.len)
			jw_member_str(&w, "hostname", host);
		if (ip.len)
			jw_member_str(&w, "ipMode", mode.len ? mode : STR("VIP"));
		jw_end_object(&w);
	}
	jw_end_array(&w);
}

static bool set_status(struct plan *p, const struct object *s, struct jv ingress)
{
	struct jv had = jv_path(object_status(s), "loadBalancer.ingress");
	CLEANUP(buf_done) struct buf list = BUF_INIT;
	struct plan_op *op;
	struct jw w;

	write_ingress(ingress, &list);
	if (json_same(jv_len(had) ? jv_raw(had) : STR("[]"), buf_str(&list)))
		return false;
	op = plan_add(p, "PATCH", &client_services, s->ns, s->name, "status");
	op->flags = PLAN_OK_ABSENT;
	w = jw_start(&op->body);
	begin_patch(&w, s);
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "loadBalancer");
	jw_begin_object(&w);
	jw_key(&w, "ingress");
	if (jv_len(ingress))
		jw_raw(&w, buf_str(&list));
	else
		jw_null(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	plan_next_stage(p);
	return true;
}

/* ---- Questions ---- */

static void write_service(struct jw *w, const struct object *s, bool whole)
{
	static const char *const fields[] = {"ports",
					     "loadBalancerIP",
					     "loadBalancerClass",
					     "sessionAffinity",
					     "externalTrafficPolicy",
					     "healthCheckNodePort",
					     "ipFamilies",
					     "loadBalancerSourceRanges",
					     "allocateLoadBalancerNodePorts",
					     "clusterIP",
					     "clusterIPs",
					     "ipFamilyPolicy"};

	jw_key(w, "service");
	jw_begin_object(w);
	jw_member_str(w, "namespace", s->ns);
	jw_member_str(w, "name", s->name);
	jw_member_str(w, "uid", object_uid(s));
	if (whole) {
		jw_key(w, "annotations");
		jw_begin_object(w);
		jv_for_each_member (m, jv_get(object_meta(s), "annotations")) {
			if (str_eqs(m.key, LB_ANNOUNCED_BY) ||
			    str_starts(m.key, STR("kubectl.kubernetes.io/")))
				continue;
			jw_keyn(w, m.key);
			jw_raw(w, jv_raw(m.value));
		}
		jw_end_object(w);
		jw_key(w, "spec");
		jw_begin_object(w);
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			struct jv v = jv_get(object_spec(s), fields[i]);

			if (jv_exists(v))
				jw_member_raw(w, fields[i], jv_raw(v));
		}
		jw_end_object(w);
	}
	jw_end_object(w);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp((*(struct object *const *)a)->name, (*(struct object *const *)b)->name);
}

static void write_nodes(struct ctl *c, struct jw *w)
{
	CLEANUP_FREE struct object **v = xcalloc(informer_len(nodes_in(c)) + 1, sizeof(*v));
	size_t n = 0;

	informer_for_each(o, nodes_in(c)) if (lb_node_serves(o)) v[n++] = o;
	qsort(v, n, sizeof(*v), by_name);
	jw_key(w, "nodes");
	jw_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		struct jv id = jv_get(object_spec(v[i]), "providerID");
		struct jv zone =
			jv_get(jv_get(object_meta(v[i]), "labels"), "topology.kubernetes.io/zone");
		struct jv addresses = jv_get(object_status(v[i]), "addresses");

		jw_begin_object(w);
		jw_member_str(w, "name", v[i]->name);
		if (jv_exists(id))
			jw_member_raw(w, "providerID", jv_raw(id));
		if (jv_exists(zone))
			jw_member_raw(w, "zone", jv_raw(zone));
		jw_member_raw(w, "addresses", jv_exists(addresses) ? jv_raw(addresses) : STR("[]"));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_current(const struct object *s, struct jw *w)
{
	jw_key(w, "current");
	jw_begin_array(w);
	jv_for_each (i, jv_path(object_status(s), "loadBalancer.ingress"))
		if (jv_text(jv_get(i.value, "ip")).len)
			jw_str(w, jv_text(jv_get(i.value, "ip")));
	jw_end_array(w);
}

static void write_question(struct ctl *c, const struct object *s, bool ensure, bool current,
			   struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	write_service(&w, s, ensure);
	if (ensure)
		write_nodes(c, &w);
	if (current)
		write_current(s, &w);
	jw_end_object(&w);
}

/* ---- Steps ---- */

static int check_balancer(struct jv result, struct err *err)
{
	struct cloud_balancer b;

	return cloud_read_balancer(result, &b, err);
}

static void ensure(struct ctl *c, struct plan *p, struct object *s)
{
	CLEANUP(buf_done) struct buf params = BUF_INIT, same = BUF_INIT;
	struct ask q = {.key = s->key,
			.verb = CLOUD_ENSURE_BALANCER,
			.check = check_balancer,
			.max_age_ns = REFRESH_NS};
	struct cloud_balancer b;
	enum ask_state state;

	if (!has_finalizer(s)) {
		set_finalizer(p, s, true);
		return; /* the key comes back with it */
	}
	write_question(c, s, true, true, &params);
	write_question(c, s, true, false, &same);
	q.params = buf_str(&params);
	q.same = buf_str(&same);
	state = ask(state_of(c)->asks, p, &q);
	if (q.asked)
		TELL(c, s, EVENT_NORMAL, "EnsuringLoadBalancer", "Ensuring load balancer");
	if (state == ASK_FAILED && q.fresh)
		TELL(c, s, EVENT_WARNING, FAILED,
		     "Error syncing load balancer: failed to ensure load balancer: %s", q.error);
	if (state != ASK_OK || cloud_read_balancer(q.result, &b, NULL) < 0)
		return;
	if (set_status(p, s, b.ingress) || q.fresh)
		TELL(c, s, EVENT_NORMAL, "EnsuredLoadBalancer", "Ensured load balancer");
	if (b.announce && !p->n)
		announce_service(state_of(c)->announce, p, s, b.zones);
}

static void take_back(struct ctl *c, struct plan *p, struct object *s)
{
	CLEANUP(buf_done) struct buf params = BUF_INIT;
	struct ask q = {.key = s->key, .verb = CLOUD_DELETE_BALANCER};
	enum ask_state state;

	if (!has_finalizer(s))
		return;
	write_question(c, s, false, false, &params);
	q.params = buf_str(&params);
	state = ask(state_of(c)->asks, p, &q);
	if (q.asked)
		TELL(c, s, EVENT_NORMAL, "DeletingLoadBalancer", "Deleting load balancer");
	if (state == ASK_FAILED && q.fresh)
		TELL(c, s, EVENT_WARNING, FAILED,
		     "Error syncing load balancer: failed to delete load balancer: %s", q.error);
	if (state != ASK_OK)
		return;
	if (q.fresh)
		TELL(c, s, EVENT_NORMAL, "DeletedLoadBalancer", "Deleted load balancer");
	if (!object_deleting(s) && set_status(p, s, JV_NONE))
		return; /* its revision is another now: the finalizer with the next step */
	set_finalizer(p, s, false);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *s = informer_get(services_in(c), key);

	if (!s) {
		asks_forget(state_of(c)->asks, key);
		return;
	}
	if (is_wanted(c, s)) {
		ensure(c, p, s);
		return;
	}
	take_back(c, p, s);
	if (!has_finalizer(s))
		asks_forget(state_of(c)->asks, key);
}

/* ---- Events ---- */

static void hold_all(struct ctl *c, const struct object *s)
{
	jv_for_each (i, jv_path(object_status(s), "loadBalancer.ingress")) {
		struct str ip = jv_text(jv_get(i.value, "ip"));

		if (ip.len)
			cloud_hold(c->conf->cloud, object_uid(s), ip);
	}
}

static void service_one(void *user, struct object *s)
{
	hold_all(user, s);
	ctl_enqueue(user, s->key);
}
static void service_two(void *user, struct object *old, struct object *s)
{
	struct ctl *c = user;

	if (!str_eq(object_uid(old), object_uid(s))) {
		cloud_release(c->conf->cloud, object_uid(old));
		asks_forget(state_of(c)->asks, old->key);
	}
	service_one(c, s);
}
static void service_gone(void *user, struct object *s)
{
	struct ctl *c = user;

	cloud_release(c->conf->cloud, object_uid(s));
	ctl_enqueue(c, s->key);
}
static const struct informer_handler on_service = {service_one, service_two, service_gone, NULL};

static void enqueue_balanced(struct ctl *c)
{
	informer_for_each(s, services_in(c)) if (is_wanted(c, s)) ctl_enqueue(c, s->key);
}
static bool same_for_balancers(const struct object *a, const struct object *b)
{
	return lb_node_serves(a) == lb_node_serves(b) &&
	       str_eq(jv_raw(jv_get(object_status(a), "addresses")),
		      jv_raw(jv_get(object_status(b), "addresses"))) &&
	       str_eq(jv_text(jv_get(object_spec(a), "providerID")),
		      jv_text(jv_get(object_spec(b), "providerID")));
}
static void node_one(void *user, struct object *n)
{
	enqueue_balanced(user);
}
static void node_two(void *user, struct object *old, struct object *n)
{
	if (!same_for_balancers(old, n))
		enqueue_balanced(user);
}
static const struct informer_handler on_node = {node_one, node_two, node_one, NULL};

/* With Local policy it matters where the endpoints are. */
static void pods_changed(struct ctl *c, const struct object *pod)
{
	informer_for_each(s, services_in(c))
	{
		struct label_selector sel = {0};

		if (!object_annotation(s, LB_ANNOUNCED_BY).len || !str_eq(s->ns, pod->ns) ||
		    !jv_eqs(jv_get(object_spec(s), "externalTrafficPolicy"), "Local"))
			continue;
		if (label_selector_from_map(jv_get(object_spec(s), "selector"), &sel, NULL) == 0 &&
		    label_selector_match(&sel, jv_get(object_meta(pod), "labels")))
			ctl_enqueue(c, s->key);
		label_selector_done(&sel);
	}
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	if (pod_ready(jv_of(old->bytes)) != pod_ready(jv_of(pod->bytes)) ||
	    object_deleting(old) != object_deleting(pod))
		pods_changed(user, pod);
}
static void pod_gone(void *user, struct object *pod)
{
	pods_changed(user, pod);
}
static const struct informer_handler on_pod = {NULL, pod_two, pod_gone, NULL};

static void cloud_changed(struct ctl *c)
{
	asks_expire(state_of(c)->asks);
}

static void done(struct ctl *c)
{
	struct lb_state *s = c->state;

	if (!s)
		return;
	announce_free(s->announce);
	asks_free(s->asks);
	free(s);
}

static bool init(struct ctl *c)
{
	struct lb_state *s;

	if (!c->conf->cloud || !cloud_does(c->conf->cloud, CLOUD_ENSURE_BALANCER))
		return false;
	c->state = s = NEW(struct lb_state);
	s->asks = asks_new(c);
	ctl_handle(c, services_in(c), &on_service);
	ctl_handle(c, nodes_in(c), &on_node);
	ctl_handle(c, informers_get(c->informers, &client_pods), &on_pod);
	informer_index(informers_get(c->informers, &client_pods), informer_by_ns);
	announce_new(c);
	return true;
}

const struct controller service_lb_controller = {
	.name = "service-lb",
	.component = "service-controller",
	.parallel = 8,
	.init = init,
	.sync = reconcile,
	.done = done,
	.cloud_changed = cloud_changed,
};
