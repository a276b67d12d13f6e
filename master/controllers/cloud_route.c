/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
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

static struct str internal_ip(const struct object *n)
{
	jv_for_each (a, jv_get(object_status(n), "addresses"))
		if (jv_eqs(jv_get(a.value, "type"), "InternalIP"))
			return jv_text(jv_get(a.value, "address"));
	return STR_NULL;
}

static struct str range_of(const struct object *n)
{
	return jv_text(jv_get(object_spec(n), "podCIDR"));
}

static bool has_route(const struct object *n)
{
	return internal_ip(n).len && range_of(n).len;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp((*(struct object *const *)a)->name, (*(struct object *const *)b)->name);
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
	for (size_t i = 0; i < n; i++) {
		struct jv id = jv_get(object_spec(v[i]), "providerID");

		jw_begin_object(&w);
		jw_member_str(&w, "node", v[i]->name);
		if (jv_exists(id))
			jw_member_raw(&w, "providerID", jv_raw(id));
		jw_member_str(&w, "cidr", range_of(v[i]));
		jw_member_str(&w, "address", internal_ip(v[i]));
		jw_end_object(&w);
	}
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
	if (!str_eq(range_of(old), range_of(n)) || !str_eq(internal_ip(old), internal_ip(n)) ||
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
