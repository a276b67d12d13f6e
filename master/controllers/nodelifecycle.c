/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Node lifecycle (k8s pkg/controller/nodelifecycle): a node that renews its Lease is alive. One
 * that is silent for the grace period gets Ready=Unknown; conditions become taints; the pods of a
 * node that is not ready are told not to be ready.
 *
 * A heartbeat only notes the time. A timer a node, set to the end of its grace, is all that runs.
 * Time is measured from when the heartbeat was seen here, by our own clock. When the grace is over
 * a second look follows: heartbeats that came while this process itself was held up (a busy or
 * stopped machine) are read before a node is judged by them.
 */
#define GRACE_NS (40 * NSEC_PER_SEC)
#define STARTUP_GRACE_NS (60 * NSEC_PER_SEC)
#define SECOND_LOOK_NS (250 * NSEC_PER_MSEC)
/* A node not heard of since we began to listen may have to find this master first. */
#define FIND_US_NS (2 * NSEC_PER_SEC)
/* Eviction by zones: one node in ten seconds; slower, or not at all, when most of a zone is out. */
#define EVICT_EVERY_NS (10 * NSEC_PER_SEC)
#define EVICT_SLOWLY_TIMES 10
#define LARGE_ZONE 50
#define UNHEALTHY_PERCENT 55
/* Nodes rarely fall silent at the same instant: how many did is known a little later. */
#define SETTLE_NS (5 * NSEC_PER_SEC)

#define NOT_READY "node.kubernetes.io/not-ready"
#define UNREACHABLE "node.kubernetes.io/unreachable"

struct health { /* of one node */
	uint64_t seen_ns; /* last sign of life */
	uint64_t unknown_ns; /* when we declared it Unknown; 0: it is not */
	uint64_t missed_ns; /* when the grace was over, for the second look; 0: it is not */
	bool heard; /* seen_ns is more than when we began to listen */
};

/* Of many nodes that come or go at once: once for all of them. */
#define RECOUNT_NS (50 * NSEC_PER_MSEC)

struct lifecycle {
	struct ctl *c;
	struct hmap *health; /* name -> health */
	struct timer recount; /* who is ready has changed: the others are looked at again */
	struct hmap *evicted_ns; /* zone -> uint64_t*: when a node was last tainted NoExecute */
};

static struct informer *nodes(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}
static struct informer *leases(struct ctl *c)
{
	return informers_get(c->informers, &client_leases);
}

static uint64_t grace(const struct ctl *c, struct jv node)
{
	if (jv_exists(condition_get(node, "Ready")))
		return c->conf->node_grace_ns ? c->conf->node_grace_ns : GRACE_NS;
	return c->conf->node_startup_grace_ns ? c->conf->node_startup_grace_ns : STARTUP_GRACE_NS;
}

static uint64_t lease_grace(const struct ctl *c)
{
	return c->conf->node_grace_ns ? c->conf->node_grace_ns : GRACE_NS;
}

static uint64_t settle(const struct ctl *c)
{
	return c->conf->node_settle_ns ? c->conf->node_settle_ns : SETTLE_NS;
}

static uint64_t evict_every(const struct ctl *c)
{
	return c->conf->node_evict_every_ns ? c->conf->node_evict_every_ns : EVICT_EVERY_NS;
}

static struct health *health_of(struct ctl *c, struct str name)
{
	struct lifecycle *l = c->state;
	struct health *h = hmap_get(l->health, name);

	if (h)
		return h;
	h = NEW(struct health);
	h->seen_ns = client_now_ns(c->client);
	hmap_put(l->health, name, h);
	return h;
}

static void alive(struct ctl *c, struct str name)
{
	struct health *h = health_of(c, name);

	h->seen_ns = client_now_ns(c->client);
	h->missed_ns = 0;
	h->heard = true;
}

/* Is the node silent for good? Else *ret_wait_ns is when to ask again. */
static bool is_silent(struct ctl *c, const struct object *n, uint64_t *ret_wait_ns)
{
	struct health *h = health_of(c, n->name);
	uint64_t now_ns = client_now_ns(c->client);
	uint64_t due_ns = h->seen_ns + grace(c, jv_of(n->bytes)) + (h->heard ? 0 : FIND_US_NS);

	if (now_ns < due_ns) {
		*ret_wait_ns = due_ns - now_ns;
		return false;
	}
	if (!h->missed_ns)
		h->missed_ns = now_ns;
	if (now_ns - h->missed_ns >= SECOND_LOOK_NS)
		return true;
	*ret_wait_ns = SECOND_LOOK_NS - (now_ns - h->missed_ns);
	return false;
}

/* Conditions */

static const struct {
	const char *type, *taint;
} pressures[] = {
	{"MemoryPressure", "node.kubernetes.io/memory-pressure"},
	{"DiskPressure", "node.kubernetes.io/disk-pressure"},
	{"PIDPressure", "node.kubernetes.io/pid-pressure"},
	{"NetworkUnavailable", "node.kubernetes.io/network-unavailable"},
};

static void write_unknown(struct ctl *c, struct jw *w, struct jv node, const char *type)
{
	struct jv old = condition_get(node, type);
	bool never = !jv_exists(old);
	char now[TIME_LEN + 1];

	time_format(client_real_ns(c->client), now);
	jw_begin_object(w);
	jw_member_str(w, "type", str_of(type));
	jw_member_str(w, "status", STR("Unknown"));
	jw_member_str(w, "reason",
		      never ? STR("NodeStatusNeverUpdated") : STR("NodeStatusUnknown"));
	jw_member_str(w, "message",
		      never ? STR("Kubelet never posted node status.")
			    : STR("Kubelet stopped posting node status."));
	jw_member_str(w, "lastHeartbeatTime",
		      never ? jv_text(jv_path(node, "metadata.creationTimestamp"))
			    : jv_text(jv_get(old, "lastHeartbeatTime")));
	jw_member_str(w, "lastTransitionTime", str_of(now));
	jw_end_object(w);
}

static void set_unknown(struct ctl *c, struct plan *p, const struct object *n)
{
	struct jv node = jv_of(n->bytes);
	struct plan_op *op = plan_add(p, "PATCH", &client_nodes, STR_NULL, n->name, "status");
	struct jw w = jw_start(&op->body);

	op->content_type = CLIENT_STRATEGIC_PATCH;
	op->flags = PLAN_OK_ABSENT;
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "conditions");
	jw_begin_array(&w);
	write_unknown(c, &w, node, "Ready");
	for (size_t i = 0; i < 3; i++)
		if (!jv_eqs(jv_get(condition_get(node, pressures[i].type), "status"), "Unknown"))
			write_unknown(c, &w, node, pressures[i].type);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	recorder_event_for(c->events, &client_nodes, n, EVENT_NORMAL, "NodeNotReady",
			   "Node %.*s status is now: NodeNotReady", STR_ARG(n->name));
}

/* Zones */

/* Region and zone together: a zone's name may come again in another region. */
struct zone {
	struct str region, zone;
};

static struct zone zone_of(const struct object *n)
{
	struct jv labels = jv_get(object_meta(n), "labels");

	return (struct zone){jv_text(jv_get(labels, "topology.kubernetes.io/region")),
			     jv_text(jv_get(labels, "topology.kubernetes.io/zone"))};
}

static bool zone_eq(struct zone a, struct zone b)
{
	return str_eq(a.region, b.region) && str_eq(a.zone, b.zone);
}

static bool node_ready(const struct object *n)
{
	return condition_true(jv_of(n->bytes), "Ready");
}

/*
 * How long between two evictions in a zone; UINT64_MAX: none (node_lifecycle_controller.go
 * ComputeZoneState, handleDisruption):
 *
 *	Normal			one node an interval
 *	FullDisruption		none is ready: as Normal, for the zone is lost and others are not
 *	PartialDisruption	more than two and 55 % are not: slowly in a large zone, else none
 *	FullDisruption of all	it is we who are cut off: none, nowhere
 */
static uint64_t eviction_interval(struct ctl *c, struct zone zone)
{
	uint64_t percent = c->conf->node_unhealthy_percent ? c->conf->node_unhealthy_percent
							   : UNHEALTHY_PERCENT;
	uint64_t large = c->conf->node_large_zone ? c->conf->node_large_zone : LARGE_ZONE;
	size_t ready_here = 0, here = 0, ready = 0;

	informer_for_each(n, nodes(c))
	{
		bool r = node_ready(n);

		ready += r;
		if (!zone_eq(zone_of(n), zone))
			continue;
		here++;
		ready_here += r;
	}
	if (!ready)
		return UINT64_MAX;
	if (ready_here && here - ready_here > 2 && (here - ready_here) * 100 >= here * percent)
		return here > large ? EVICT_SLOWLY_TIMES * evict_every(c) : UINT64_MAX;
	return evict_every(c);
}

/* May this node's pods be evicted now? Else *ret_wait_ns is when to ask again. */
static bool eviction_turn(struct ctl *c, const struct object *n, uint64_t *ret_wait_ns)
{
	struct lifecycle *l = c->state;
	struct zone zone = zone_of(n);
	uint64_t every_ns = eviction_interval(c, zone), now_ns = client_now_ns(c->client);
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	uint64_t *last_ns;

	*ret_wait_ns = evict_every(c);
	if (every_ns == UINT64_MAX)
		return false;
	buf_addf(&key, "%.*s/%.*s", STR_ARG(zone.region), STR_ARG(zone.zone));
	last_ns = hmap_get(l->evicted_ns, buf_str(&key));
	if (last_ns && now_ns - *last_ns < every_ns) {
		*ret_wait_ns = every_ns - (now_ns - *last_ns);
		return false;
	}
	if (!last_ns) {
		last_ns = NEW(uint64_t);
		hmap_put(l->evicted_ns, buf_str(&key), last_ns);
	}
	*last_ns = now_ns;
	return true;
}

/* Taints */

static bool has_taint(struct jv node, const char *key, const char *effect)
{
	jv_for_each (t, jv_path(node, "spec.taints"))
		if (jv_eqs(jv_get(t.value, "key"), key) &&
		    jv_eqs(jv_get(t.value, "effect"), effect))
			return true;
	return false;
}

struct wanted { /* taints that conditions ask for */
	const char *key, *effect;
	bool want;
};

/* The rows end with key NULL. True: the node's taints differ from them. */
static bool taints_differ(struct jv node, const struct wanted *rows)
{
	for (; rows->key; rows++)
		if (has_taint(node, rows->key, rows->effect) != rows->want)
			return true;
	return false;
}

static bool is_ours(struct jv taint, const struct wanted *rows)
{
	for (; rows->key; rows++)
		if (jv_eqs(jv_get(taint, "key"), rows->key) &&
		    jv_eqs(jv_get(taint, "effect"), rows->effect))
			return true;
	return false;
}

static void write_taints(struct ctl *c, struct jw *w, struct jv node, const struct wanted *rows)
{
	char now[TIME_LEN + 1];

	time_format(client_real_ns(c->client), now);
	jw_begin_array(w);
	jv_for_each (t, jv_path(node, "spec.taints"))
		if (!is_ours(t.value, rows))
			jw_raw(w, jv_raw(t.value));
	for (; rows->key; rows++) {
		struct jv kept = JV_NONE;

		if (!rows->want)
			continue;
		jv_for_each (t, jv_path(node, "spec.taints"))
			if (jv_eqs(jv_get(t.value, "key"), rows->key) &&
			    jv_eqs(jv_get(t.value, "effect"), rows->effect))
				kept = t.value;
		if (jv_exists(kept)) { /* with the time of its own */
			jw_raw(w, jv_raw(kept));
			continue;
		}
		jw_begin_object(w);
		jw_member_str(w, "key", str_of(rows->key));
		jw_member_str(w, "effect", str_of(rows->effect));
		jw_member_str(w, "timeAdded", str_of(now));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void set_taints(struct ctl *c, struct plan *p, const struct object *n,
		       const struct wanted *rows)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_nodes, STR_NULL, n->name, NULL);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(object_meta(n), "resourceVersion")));
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_key(&w, "taints");
	write_taints(c, &w, jv_of(n->bytes), rows);
	jw_end_object(&w);
	jw_end_object(&w);
}

/*
 * NoExecute: at the zone's turn; one that is there stays unless nobody may be evicted any more.
 */
static bool may_evict(struct ctl *c, const struct object *n, bool unknown, uint64_t *ret_wait_ns)
{
	struct jv node = jv_of(n->bytes);
	struct health *h = health_of(c, n->name);
	uint64_t now_ns = client_now_ns(c->client);

	if (has_taint(node, NOT_READY, "NoExecute") || has_taint(node, UNREACHABLE, "NoExecute")) {
		*ret_wait_ns = evict_every(c);
		return eviction_interval(c, zone_of(n)) != UINT64_MAX;
	}
	if (unknown && now_ns - h->unknown_ns < settle(c)) {
		*ret_wait_ns = settle(c) - (now_ns - h->unknown_ns);
		return false;
	}
	return eviction_turn(c, n, ret_wait_ns);
}

static void reconcile_taints(struct ctl *c, struct plan *p, const struct object *n)
{
	struct jv node = jv_of(n->bytes), ready = jv_get(condition_get(node, "Ready"), "status");
	bool no = jv_eqs(ready, "False"), unknown = jv_eqs(ready, "Unknown");
	struct wanted rows[12] = {{NOT_READY, "NoSchedule", no},
				  {UNREACHABLE, "NoSchedule", unknown},
				  {NOT_READY, "NoExecute", no},
				  {UNREACHABLE, "NoExecute", unknown}};
	size_t k = 4;
	uint64_t wait_ns = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pressures); i++)
		rows[k++] = (struct wanted){pressures[i].taint, "NoSchedule",
					    condition_true(node, pressures[i].type)};
	rows[k] = (struct wanted){"node.kubernetes.io/unschedulable", "NoSchedule",
				  jv_bool(jv_path(node, "spec.unschedulable"), false)};
	if ((no || unknown) && !may_evict(c, n, unknown, &wait_ns)) {
		rows[2].want = rows[3].want = false;
		plan_again_in(p, wait_ns);
	}
	if (taints_differ(node, rows))
		set_taints(c, p, n, rows);
}

/* Pods of a silent node serve nobody as far as we know: out of the endpoints with them. */
static void pods_not_ready(struct ctl *c, struct plan *p, const struct object *n)
{
	struct object_set pods = informer_lookup(
		informer_index(informers_get(c->informers, &client_pods), informer_by_node),
		n->name);
	char now[TIME_LEN + 1];

	time_format(client_real_ns(c->client), now);
	for (size_t i = 0; i < pods.n; i++) {
		struct plan_op *op;

		if (!pod_ready(jv_of(pods.v[i]->bytes)))
			continue;
		op = plan_add(p, "PATCH", &client_pods, pods.v[i]->ns, pods.v[i]->name, "status");
		op->content_type = CLIENT_STRATEGIC_PATCH;
		op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
		buf_addf(&op->body,
			 "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\","
			 "\"lastTransitionTime\":\"%s\"}]}}",
			 now);
	}
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct object *n = informer_get(nodes(c), key);
	struct lifecycle *l = c->state;
	uint64_t now_ns = client_now_ns(c->client), wait_ns;
	bool unknown;

	if (!n) {
		free(hmap_del(l->health, key));
		return;
	}
	unknown = jv_eqs(jv_get(condition_get(jv_of(n->bytes), "Ready"), "status"), "Unknown");
	if (!is_silent(c, n, &wait_ns))
		plan_again_in(p, wait_ns);
	else if (!unknown) {
		set_unknown(c, p, n);
		return; /* the taints follow when the cache shows the condition */
	}
	if (!unknown)
		health_of(c, key)->unknown_ns = 0;
	else if (!health_of(c, key)->unknown_ns)
		health_of(c, key)->unknown_ns = now_ns;
	reconcile_taints(c, p, n);
	if (unknown)
		pods_not_ready(c, p, n);
}

/* Signs of life */

static void lease_seen(void *user, struct object *o)
{
	struct ctl *c = user;

	struct health *h;
	int64_t renewed, age;

	if (!str_eqs(o->ns, "kube-node-lease"))
		return;
	/*
	 * The first one may be old: it says only that there was somebody. One that the node dates
	 * within its grace was renewed at the leader before this one, and counts from then, so that
	 * a change of leaders costs no time; clocks that differ by more only cost that gain.
	 */
	h = health_of(c, o->name);
	if (h->heard || time_parse(jv_text(jv_get(object_spec(o), "renewTime")), &renewed) < 0)
		return;
	age = client_real_ns(c->client) - renewed;
	if (age >= 0 && age < (int64_t)lease_grace(c)) {
		h->seen_ns -= MIN((uint64_t)age, h->seen_ns);
		h->heard = true;
	}
}
static void lease_two(void *user, struct object *old, struct object *o)
{
	if (str_eqs(o->ns, "kube-node-lease") &&
	    !str_eq(jv_text(jv_get(object_spec(old), "renewTime")),
		    jv_text(jv_get(object_spec(o), "renewTime"))))
		alive(user, o->name);
}
static const struct informer_handler on_lease = {.added = lease_seen, .updated = lease_two};

static struct str heartbeat(const struct object *n)
{
	return jv_text(jv_get(condition_get(jv_of(n->bytes), "Ready"), "lastHeartbeatTime"));
}

static void node_one(void *user, struct object *n)
{
	health_of(user, n->name);
	ctl_enqueue(user, n->key);
}
static void node_two(void *user, struct object *old, struct object *n)
{
	struct ctl *c = user;
	struct lifecycle *l = c->state;
	struct jv was = jv_of(old->bytes), is = jv_of(n->bytes);

	/* Only what is no older than our own word (Unknown keeps the last heartbeat). */
	if (!str_eq(heartbeat(old), heartbeat(n)))
		alive(c, n->name);
	if (!str_eq(jv_raw(jv_path(was, "status.conditions")),
		    jv_raw(jv_path(is, "status.conditions"))) ||
	    !str_eq(jv_raw(jv_get(was, "spec")), jv_raw(jv_get(is, "spec"))))
		ctl_enqueue(c, n->key);
	/* How many are ready decides about the others that are not. */
	if (node_ready(old) != node_ready(n) && !timer_armed(&l->recount))
		timers_arm_in(client_timers(c->client), &l->recount, RECOUNT_NS);
}

static void recount(struct timer *t)
{
	struct ctl *c = container_of(t, struct lifecycle, recount)->c;

	informer_for_each(n, nodes(c)) if (!node_ready(n)) ctl_enqueue(c, n->key);
}
static void node_gone(void *user, struct object *n)
{
	ctl_enqueue(user, n->key);
}
static const struct informer_handler on_node = {node_one, node_two, node_gone, NULL};

static bool init(struct ctl *c)
{
	struct lifecycle *l = NEW(struct lifecycle);

	l->c = c;
	l->recount.fire = recount;
	l->health = hmap_new();
	l->evicted_ns = hmap_new();
	c->state = l;
	informer_index(informers_get(c->informers, &client_pods), informer_by_node);
	ctl_handle(c, leases(c), &on_lease);
	ctl_handle(c, nodes(c), &on_node);
	return true;
}

static void done(struct ctl *c)
{
	struct lifecycle *l = c->state;

	timers_disarm(client_timers(c->client), &l->recount);
	hmap_free_full(l->health, free);
	hmap_free_full(l->evicted_ns, free);
	free(l);
}

const struct controller nodelifecycle_controller = {
	.name = "node-lifecycle",
	.component = "node-controller",
	.parallel = 8,
	.init = init,
	.sync = reconcile,
	.done = done,
};
