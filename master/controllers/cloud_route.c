/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/cidr.h"
#include "master/controllers/cloud_ask.h"
#include "master/controllers/util.h"

/*
 * Routes to the nodes' pod ranges in a cloud whose network has to be told (k8s staging
 * cloud-provider/controllers/route). There is one key: the whole list is what shall be; the
 * provider makes it so. NetworkUnavailable of a node is false once it is in a list that succeeded.
 */
#define KEY STR("routes")
#define REFRESH_NS (300 * NSEC_PER_SEC)

static struct informer *nodes_in(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}

/* The address of a node that a range of the family is reached by. */
static struct str internal_ip(const struct object *n, bool v6)
{
	struct ip ip;

	jv_for_each (a, jv_get(object_status(n), "addresses"))
		if (jv_eqs(jv_get(a.value, "type"), "InternalIP") &&
		    ip_parse(jv_text(jv_get(a.value, "address")), &ip) && ip.v6 == v6)
			return jv_text(jv_get(a.value, "address"));
	return STR_NULL;
}

/* The ith range of a node and the address it is reached by; false behind the last. */
static bool route_at(const struct object *n, size_t i, struct str *ret_range, struct str *ret_ip)
{
	struct jv spec = object_spec(n), list = jv_get(spec, "podCIDRs");
	struct str range = i ? STR_NULL : jv_text(jv_get(spec, "podCIDR"));
	struct cidr c;
	size_t at = 0;

	jv_for_each (t, list)
		if (at++ == i)
			range = jv_text(t.value);
	if (!cidr_parse(range, &c))
		return false;
	*ret_range = range;
	*ret_ip = internal_ip(n, c.base.v6);
	return true;
}

static bool has_route(const struct object *n)
{
	struct str range, ip;

	for (size_t i = 0; route_at(n, i, &range, &ip); i++)
		if (ip.len)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp((*(struct object *const *)a)->name, (*(struct object *const *)b)->name);
}

static void write_node(struct jw *w, const struct object *n)
{
	struct jv id = jv_get(object_spec(n), "providerID");
	struct str range, ip;

	for (size_t i = 0; route_at(n, i, &range, &ip); i++) {
		if (!ip.len)
			continue;
		jw_begin_object(w);
		jw_member_str(w, "node", n->name);
		if (jv_exists(id))
			jw_member_raw(w, "providerID", jv_raw(id));
		jw_member_str(w, "cidr", range);
		jw_member_str(w, "address", ip);
		jw_end_object(w);
	}
}

static void write_routes(struct ctl *c, struct buf *out)
{
	CLEANUP_FREE struct object **v = xcalloc(informer_len(nodes_in(c)) + 1, sizeof(*v));
	struct jw w = jw_start(out);
	size_t n = 0;

	informer_for_each(o, nodes_in(c)) if (has_route(o)) v[n++] = o;
	qsort(v, n, sizeof(*v), by_name);
	jw_begin_object(&w);
	jw_key(&w, "routes");
	jw_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		write_node(&w, v[i]);
	jw_end_array(&w);
	jw_end_object(&w);
}

static void tell_available(struct ctl *c, struct plan *p, const struct object *n)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_nodes, STR_NULL, n->name, "status");
	char now[TIME_LEN + 1];

	time_format(client_real_ns(c->client), now);
	op->content_type = CLIENT_STRATEGIC_PATCH;
	op->flags = PLAN_OK_ABSENT;
	buf_addf(&op->body,
		 "{\"status\":{\"conditions\":[{\"type\":\"NetworkUnavailable\",\"status\":"
		 "\"False\",\"reason\":\"RouteCreated\",\"message\":\"RouteController created a "
		 "route\",\"lastTransitionTime\":\"%s\"}]}}",
		 now);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	CLEANUP(buf_done) struct buf params = BUF_INIT;
	struct ask q = {.key = KEY, .verb = CLOUD_SYNC_ROUTES, .max_age_ns = REFRESH_NS};
	enum ask_state state;

	write_routes(c, &params);
	q.params = buf_str(&params);
	state = ask(c->state, p, &q);
	informer_for_each(n, nodes_in(c))
	{
		if (!has_route(n))
			continue;
		if (state == ASK_FAILED && q.fresh)
			recorder_event_for(c->events, &client_nodes, n, EVENT_WARNING,
					   "FailedToCreateRoute", "Could not create routes: %s",
					   q.error);
		if (state == ASK_OK &&
		    jv_eqs(jv_get(condition_get(jv_of(n->bytes), "NetworkUnavailable"), "status"),
			   "True"))
			tell_available(c, p, n);
	}
}

static void node_one(void *user, struct object *n)
{
	ctl_enqueue(user, KEY);
}
static void node_two(void *user, struct object *old, struct object *n)
{
	CLEANUP(buf_done) struct buf was = BUF_INIT, is = BUF_INIT;
	struct jw a = jw_start(&was), b = jw_start(&is);

	jw_begin_array(&a);
	jw_begin_array(&b);
	write_node(&a, old);
	write_node(&b, n);
	if (!str_eq(buf_str(&was), buf_str(&is)) ||
	    condition_true(jv_of(n->bytes), "NetworkUnavailable"))
		ctl_enqueue(user, KEY);
}
static const struct informer_handler on_node = {node_one, node_two, node_one, NULL};

static bool init(struct ctl *c)
{
	if (!c->conf->cloud || !cloud_does(c->conf->cloud, CLOUD_SYNC_ROUTES))
		return false;
	c->state = asks_new(c);
	ctl_handle(c, nodes_in(c), &on_node);
	return true;
}

static void start(struct ctl *c)
{
	ctl_enqueue(c, KEY); /* also without a node: what is left from before goes */
}

static void cloud_changed(struct ctl *c)
{
	asks_expire(c->state);
}

static void done(struct ctl *c)
{
	asks_free(c->state);
}

const struct controller cloud_route_controller = {
	.name = "cloud-route",
	.component = "route_controller",
	.init = init,
	.start = start,
	.sync = reconcile,
	.done = done,
	.cloud_changed = cloud_changed,
};
