/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/service_lb.h"
#include "lib/base/cidr.h"
#include "master/controllers/backends.h"

/*
 * Which node announces a load balancer's address. A node that dies has to be replaced within two
 * seconds, long before its pods are given up: the silence of 0.3 lease durations (three of ten
 * renewals; 1.5 s as agents do it) and a second look are enough, for to move an address needlessly
 * costs next to nothing.
 */
#define SECOND_LOOK_NS (100 * NSEC_PER_MSEC)
#define LEAST_NS (100 * NSEC_PER_MSEC)
#define LEASE_S 5
/* A node that is not heard of since we lead may have to find this master first. */
#define FIND_US_NS (2 * NSEC_PER_SEC)

struct beat { /* of a node */
	uint64_t seen_ns; /* last renewal, 0: none since we listen */
	uint64_t silence_ns; /* this long without one is too long */
	uint64_t doubt_ns; /* first look at which it was; 0: it was not */
	size_t services; /* that it announces */
	bool silent;
};

struct announce {
	struct ctl *c;
	struct hmap *beats; /* node -> beat */
	struct timer timer;
};

static struct informer *nodes_in(struct ctl *c)
{
	return informers_get(c->informers, &client_nodes);
}
static struct informer *services_in(struct ctl *c)
{
	return informers_get(c->informers, &client_services);
}

static struct beat *beat_of(struct announce *a, struct str node)
{
	struct beat *b = hmap_get(a->beats, node);

	if (b)
		return b;
	b = NEW(struct beat);
	b->silence_ns = LEASE_S * NSEC_PER_SEC * 3 / 10;
	hmap_put(a->beats, node, b);
	return b;
}

static struct str announcer(const struct object *service)
{
	return object_annotation(service, LB_ANNOUNCED_BY);
}

bool lb_node_serves(const struct object *node)
{
	return condition_true(jv_of(node->bytes), "Ready") && !object_deleting(node) &&
	       !jv_exists(jv_get(jv_get(object_meta(node), "labels"), LB_EXCLUDE));
}

/* ---- Watching those that announce ---- */

static void enqueue_of(struct announce *a, struct str node)
{
	informer_for_each(s, services_in(a->c)) if (str_eq(announcer(s), node))
		ctl_enqueue(a->c, s->key);
}

static void arm(struct announce *a, uint64_t at_ns)
{
	if (!timer_armed(&a->timer) || a->timer.at_ns > at_ns)
		timers_arm(client_timers(a->c->client), &a->timer, at_ns);
}

/* When this node has to be looked at again; UINT64_MAX: only when it is heard of. */
static uint64_t look(struct announce *a, struct str node, struct beat *b, uint64_t now_ns)
{
	if (!b->services || !b->seen_ns || b->silent)
		return UINT64_MAX;
	if (now_ns < b->seen_ns + b->silence_ns)
		return b->seen_ns + b->silence_ns;
	if (!b->doubt_ns)
		b->doubt_ns = now_ns;
	if (now_ns < b->doubt_ns + SECOND_LOOK_NS)
		return b->doubt_ns + SECOND_LOOK_NS;
	b->silent = true;
	enqueue_of(a, node);
	return UINT64_MAX;
}

static void on_timer(struct timer *t)
{
	struct announce *a = container_of(t, struct announce, timer);
	uint64_t now_ns = client_now_ns(a->c->client), next_ns = UINT64_MAX;

	hmap_for_each (it, a->beats)
		next_ns = MIN(next_ns, look(a, it->key, it->value, now_ns));
	if (next_ns != UINT64_MAX)
		arm(a, MAX(next_ns, now_ns + LEAST_NS));
}

static struct announce *of(struct ctl *c);

static void lease_two(void *user, struct object *old, struct object *o)
{
	struct jv duration = jv_get(object_spec(o), "leaseDurationSeconds");
	struct announce *a = of(user);
	struct beat *b;
	bool was_silent;

	if (!str_eqs(o->ns, "kube-node-lease") ||
	    str_eq(jv_text(jv_get(object_spec(old), "renewTime")),
		   jv_text(jv_get(object_spec(o), "renewTime"))))
		return;
	b = beat_of(a, o->name);
	was_silent = b->silent;
	b->seen_ns = client_now_ns(a->c->client);
	b->silence_ns =
		(uint64_t)MAX(jv_i64(duration, LEASE_S), (int64_t)1) * NSEC_PER_SEC * 3 / 10;
	b->doubt_ns = 0;
	b->silent = false;
	if (b->services)
		arm(a, b->seen_ns + b->silence_ns);
	if (was_silent)
		enqueue_of(a, o->name);
}
/* The first sight of a lease says only that there was somebody: the time runs from now. */
static void lease_one(void *user, struct object *o)
{
	struct announce *a = of(user);
	struct beat *b;

	if (!str_eqs(o->ns, "kube-node-lease"))
		return;
	b = beat_of(a, o->name);
	if (!b->seen_ns)
		b->seen_ns = client_now_ns(a->c->client) + FIND_US_NS;
	if (b->services)
		arm(a, b->seen_ns + b->silence_ns);
}
static const struct informer_handler on_lease = {.added = lease_one, .updated = lease_two};

static void count(struct announce *a, struct str node, bool more)
{
	struct beat *b;

	if (!node.len)
		return;
	b = beat_of(a, node);
	if (more)
		b->services++;
	else if (b->services)
		b->services--;
	if (more && b->seen_ns)
		arm(a, MAX(b->seen_ns + b->silence_ns, client_now_ns(a->c->client) + LEAST_NS));
}

static void service_one(void *user, struct object *s)
{
	count(of(user), announcer(s), true);
}
static void service_two(void *user, struct object *old, struct object *s)
{
	count(of(user), announcer(s), true);
	count(of(user), announcer(old), false);
}
static void service_gone(void *user, struct object *s)
{
	count(of(user), announcer(s), false);
}
static const struct informer_handler on_service = {service_one, service_two, service_gone, NULL};

/* Nodes come, go, get ready and are excluded: services that lost theirs look for another. */
static void node_two(void *user, struct object *old, struct object *n)
{
	struct ctl *c = user;

	if (lb_node_serves(old) == lb_node_serves(n))
		return;
	enqueue_of(of(c), n->name);
	informer_for_each(s, services_in(c))
	{
		struct str node = announcer(s);
		struct object *o = node.len ? informer_get(nodes_in(c), node) : NULL;

		if (node.len && (!o || !lb_node_serves(o)))
			ctl_enqueue(c, s->key);
	}
}
static void node_gone(void *user, struct object *n)
{
	struct announce *a = of(user);
	struct beat *b = hmap_get(a->beats, n->name);

	enqueue_of(a, n->name);
	if (b && !b->services)
		free(hmap_del(a->beats, n->name));
}
static const struct informer_handler on_node = {.updated = node_two, .deleted = node_gone};

/* ---- Choosing ---- */

/* Highest random weight: each address its own order of nodes, spread evenly. */
static uint64_t weight(struct str address, struct str node)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < address.len; i++)
		h = (h ^ (unsigned char)address.p[i]) * 0x100000001b3ull;
	for (size_t i = 0; i < node.len; i++)
		h = (h ^ (unsigned char)node.p[i]) * 0x100000001b3ull;
	/* FNV alone keeps the order of names that differ in the last letter. */
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	return h ^ h >> 33;
}

static bool in_zones(const struct object *node, struct jv zones)
{
	struct jv zone = jv_get(jv_get(object_meta(node), "labels"), "topology.kubernetes.io/zone");

	if (!jv_len(zones))
		return true;
	jv_for_each (z, zones)
		if (str_eq(jv_text(z.value), jv_text(zone)))
			return true;
	return false;
}

/* With externalTrafficPolicy Local only nodes with an endpoint of their own will do. */
static bool has_endpoint(const struct backends *local, struct str node)
{
	for (size_t i = 0; i < local->n; i++)
		if (local->v[i].ready &&
		    str_eq(jv_text(jv_get(object_spec(local->v[i].pod), "nodeName")), node))
			return true;
	return false;
}

static struct str choose(struct announce *a, struct object *service, struct jv zones)
{
	struct str ip = jv_text(jv_path(object_status(service), "loadBalancer.ingress[0].ip"));
	bool local = jv_eqs(jv_get(object_spec(service), "externalTrafficPolicy"), "Local");
	struct str now = announcer(service), best = STR_NULL;
	struct backends ends = {0};
	uint64_t best_weight = 0;

	if (local)
		backends_find(
			a->c, service,
			ip_family(jv_eqs(jv_path(object_spec(service), "ipFamilies[0]"), "IPv6")),
			&ends);
	informer_for_each(n, nodes_in(a->c))
	{
		struct beat *b = hmap_get(a->beats, n->name);
		uint64_t w = weight(ip, n->name);

		if (!lb_node_serves(n) || (b && b->silent) || !in_zones(n, zones) ||
		    (local && !has_endpoint(&ends, n->name)))
			continue;
		if (str_eq(n->name, now))
			w = UINT64_MAX; /* as long as it is well, it stays */
		if (!best.len || w > best_weight) {
			best = n->name;
			best_weight = w;
		}
	}
	backends_done(&ends);
	return best;
}

static void on_moved(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *s = informer_get_in(services_in(c), str_of(op->ns), str_of(op->name));

	if (s && !e->errnum)
		recorder_event_for(c->events, &client_services, s, EVENT_NORMAL, "Announced",
				   "Node %s announces the load balancer's addresses",
				   op->user_text);
}

void announce_service(struct announce *a, struct plan *p, struct object *service, struct jv zones)
{
	struct str node = choose(a, service, zones);
	struct plan_op *op;
	struct jw w;

	/* Nobody who could: the old one, should it come back, is as good as none. */
	if (!node.len || str_eq(node, announcer(service)))
		return;
	op = plan_add(p, "PATCH", &client_services, service->ns, service->name, NULL);
	op->flags = PLAN_OK_ABSENT;
	op->result = on_moved;
	op->user = a->c;
	op->user_text = str_dup(node);
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(service));
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	jw_member_str(&w, LB_ANNOUNCED_BY, node);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static struct announce *of(struct ctl *c)
{
	return ((struct lb_state *)c->state)->announce;
}

struct announce *announce_new(struct ctl *c)
{
	struct announce *a = NEW(struct announce);

	a->c = c;
	a->beats = hmap_new();
	a->timer.fire = on_timer;
	((struct lb_state *)c->state)->announce = a;
	ctl_handle(c, informers_get(c->informers, &client_leases), &on_lease);
	ctl_handle(c, services_in(c), &on_service);
	ctl_handle(c, nodes_in(c), &on_node);
	return a;
}

struct announce *announce_free(struct announce *a)
{
	if (!a)
		return NULL;
	timers_disarm(client_timers(a->c->client), &a->timer);
	hmap_free_full(a->beats, free);
	free(a);
	return NULL;
}
