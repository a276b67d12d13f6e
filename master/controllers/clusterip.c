/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/cidr.h"
#include "lib/base/clock.h"
#include "master/controllers/controller.h"
#include "master/controllers/kinds.h"
#include "master/controllers/util.h"

/*
 * One IPAddress for each cluster address, as the API makes it together with the Service; this mends
 * what was changed by hand or is older (k8s pkg/registry/core/service/ipallocator/controller,
 * repairip.go). Keys are "ns/name" of a Service and "10.96.0.1" of an IPAddress.
 */
#define SETTLE_NS NSEC_PER_SEC /* until both caches have what was written together */
#define LEAK_NS (60 * NSEC_PER_SEC)
#define TOLD_NS (180 * NSEC_PER_SEC) /* what only a person can mend is told again */

struct state {
	struct hmap *twins; /* "ns/name" of Services whose address is another Service's */
};

static const struct client_kind *range_kind(void)
{
	return kinds_find(STR("networking.k8s.io/v1"), STR("ServiceCIDR"));
}

static const struct client_kind *address_kind(void)
{
	return kinds_find(STR("networking.k8s.io/v1"), STR("IPAddress"));
}

static struct informer *addresses(struct ctl *c)
{
	return informers_get(c->informers, address_kind());
}

static struct informer *services(struct ctl *c)
{
	return informers_get(c->informers, &client_services);
}

static struct str label(const struct object *o, const char *name)
{
	return jv_text(jv_get(jv_get(object_meta(o), "labels"), name));
}

static bool is_ours(const struct object *o)
{
	return str_eqs(label(o, "ipaddress.kubernetes.io/managed-by"), "ipallocator.k8s.io");
}

/* The Service that an address names, "ns/name"; absent: it is none's. */
static struct str parent(const struct object *o, struct buf *key)
{
	struct jv ref = jv_get(object_spec(o), "parentRef");

	if (jv_text(jv_get(ref, "group")).len || !jv_eqs(jv_get(ref, "resource"), "services"))
		return STR_NULL;
	object_key(jv_text(jv_get(ref, "namespace")), jv_text(jv_get(ref, "name")), key);
	return buf_str(key);
}

/* What a Service has, two at most, and what their IPAddresses are called. */
struct cluster_ips {
	struct ip v[2];
	char names[2][IP_TEXT];
	size_t n;
};

static struct cluster_ips cluster_ips(const struct object *svc)
{
	struct jv spec = object_spec(svc);
	struct cluster_ips ret = {0};

	if (jv_eqs(jv_get(spec, "type"), "ExternalName"))
		return ret;
	jv_for_each (ip, jv_get(spec, "clusterIPs"))
		if (ret.n < 2 && ip_parse(jv_text(ip.value), &ret.v[ret.n])) {
			ip_text(ret.v[ret.n], ret.names[ret.n]);
			ret.n++;
		}
	return ret;
}

static bool has_ip(const struct object *svc, struct str name)
{
	struct cluster_ips ips = cluster_ips(svc);

	for (size_t i = 0; i < ips.n; i++)
		if (str_eqs(name, ips.names[i]))
			return true;
	return false;
}

#define EVENT(c, svc, reason, ...) \
	recorder_event_for((c)->events, &client_services, svc, EVENT_WARNING, reason, __VA_ARGS__)

/* ---- a Service ---- */

static bool in_a_range(struct ctl *c, struct ip ip)
{
	struct cidr one;

	informer_for_each(o, informers_get(c->informers, range_kind())) jv_for_each (
		t, jv_get(object_spec(o), "cidrs")) if (cidr_parse(jv_text(t.value), &one) &&
							cidr_has_host(one, ip)) return true;
	return false;
}

static const char *family_of(struct str ip)
{
	return ip_family(str_chr(ip, ':') >= 0);
}

static void made(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *svc = informer_get(services(c), str_of(op->user_text));
	struct str ip = jv_text(jv_path(jv_of(body), "metadata.name"));

	if (!e->errnum && svc)
		EVENT(c, svc, "ClusterIPNotAllocated",
		      "Cluster IP [%s]: %.*s is not allocated; repairing", family_of(ip),
		      STR_ARG(ip));
}

static void make(struct ctl *c, const struct object *svc, struct str ip, struct plan *p)
{
	struct plan_op *op = plan_add(p, "POST", address_kind(), STR_NULL, STR_NULL, NULL);

	op->flags = PLAN_OK_EXISTS;
	op->result = made;
	op->user = c;
	op->user_text = str_dup(svc->key);
	buf_addf(&op->body,
		 "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"IPAddress\",\"metadata\":{"
		 "\"name\":\"%.*s\",\"labels\":{\"ipaddress.kubernetes.io/ip-family\":\"%s\","
		 "\"ipaddress.kubernetes.io/managed-by\":\"ipallocator.k8s.io\"}},\"spec\":{"
		 "\"parentRef\":{\"resource\":\"services\",\"namespace\":\"%.*s\",\"name\":\"%.*s\""
		 "}}}",
		 STR_ARG(ip), family_of(ip), STR_ARG(svc->ns), STR_ARG(svc->name));
}

static void drop(const struct object *address, struct plan *p)
{
	struct plan_op *op = plan_add(p, "DELETE", address_kind(), STR_NULL, address->name, NULL);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}", STR_ARG(object_uid(address)));
}

static void again(struct ctl *c, const struct object *svc, const struct object *address,
		  struct str ip, struct plan *p)
{
	drop(address, p);
	plan_next_stage(p);
	make(c, svc, ip, p);
}

static void sync_ip(struct ctl *c, const struct object *svc, struct ip at, struct str ip,
		    struct plan *p)
{
	const char *family = ip_family(at.v6);
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct object *address, *other;
	struct str of;

	if (!in_a_range(c, at)) {
		EVENT(c, svc, "ClusterIPOutOfRange",
		      "Cluster IP [%s]: %.*s is not within any configured Service CIDR; please "
		      "recreate service",
		      family, STR_ARG(ip));
		return;
	}
	address = informer_get(addresses(c), ip);
	if (!address) {
		make(c, svc, ip, p);
		return;
	}
	of = parent(address, &key);
	other = of.p ? informer_get(services(c), of) : NULL;
	if (!other) {
		again(c, svc, address, ip, p);
	} else if (other != svc) {
		/* The address may become free: see wake_twins. */
		hmap_put(((struct state *)c->state)->twins, svc->key, c->state);
		plan_again_in(p, TOLD_NS);
		if (has_ip(other, ip))
			EVENT(c, svc, "ClusterIPAlreadyAllocated",
			      "Cluster IP [%s]:%.*s was assigned to multiple services; please "
			      "recreate service",
			      family, STR_ARG(ip));
	} else if (!is_ours(address) ||
		   !str_eqs(label(address, "ipaddress.kubernetes.io/ip-family"), family)) {
		again(c, svc, address, ip, p);
	}
}

static void sync_service(struct ctl *c, const struct object *svc, struct plan *p)
{
	struct cluster_ips ips = cluster_ips(svc);

	hmap_del(((struct state *)c->state)->twins, svc->key);
	for (size_t i = 0; i < ips.n; i++)
		sync_ip(c, svc, ips.v[i], str_of(ips.names[i]), p);
}

/* ---- an address ---- */

static void sync_address(struct ctl *c, const struct object *o, struct plan *p)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct str of = parent(o, &key);
	struct object *svc = of.p ? informer_get(services(c), of) : NULL;
	int64_t age = client_real_ns(c->client) - object_created_ns(o);

	if (!is_ours(o)) {
		/* Its labels may have been taken off. */
		if (svc && has_ip(svc, o->name))
			sync_service(c, svc, p);
		return;
	}
	if (svc && has_ip(svc, o->name)) {
		sync_service(c, svc, p);
		return;
	}
	if (!svc && of.p && age >= 0 && age < (int64_t)LEAK_NS) {
		plan_again_in(p, LEAK_NS - (uint64_t)age + SETTLE_NS);
		return;
	}
	recorder_event_for(c->events, address_kind(), o, EVENT_WARNING,
			   svc ? "IPAddressWrongReference" : "IPAddressNotAllocated",
			   "IPAddress: %.*s for Service %.*s %s; cleaning up", STR_ARG(o->name),
			   STR_ARG(of.p ? of : STR("(none)")),
			   svc ? "has a wrong reference" : "appears to have leaked");
	drop(o, p);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	bool is_service = str_chr(key, '/') >= 0;
	struct object *o = informer_get(is_service ? services(c) : addresses(c), key);

	if (o && is_service)
		sync_service(c, o, p);
	else if (o)
		sync_address(c, o, p);
}

/* ---- events ---- */

static void later(struct ctl *c, struct str key)
{
	workqueue_add_after(c->queue, key, SETTLE_NS);
}

/* Somebody's address has gone, or who had it: one of those who share theirs may have it now. */
static void wake_twins(struct ctl *c)
{
	hmap_for_each (it, ((struct state *)c->state)->twins)
		later(c, it->key);
}

static void service_gone(void *user, struct object *svc)
{
	struct ctl *c = user;

	hmap_del(((struct state *)c->state)->twins, svc->key);
	wake_twins(c);
}

static void service_one(void *user, struct object *svc)
{
	later(user, svc->key);
}

static void service_two(void *user, struct object *old, struct object *svc)
{
	if (str_eq(jv_raw(jv_get(object_spec(old), "clusterIPs")),
		   jv_raw(jv_get(object_spec(svc), "clusterIPs"))))
		return;
	later(user, svc->key);
	wake_twins(user);
}
static const struct informer_handler on_service = {
	.added = service_one, .updated = service_two, .deleted = service_gone};

/* An address that goes may leave its Service without. */
static void address_one(void *user, struct object *o)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct str of = parent(o, &key);

	later(user, o->key);
	if (of.p)
		later(user, of);
}

static void address_two(void *user, struct object *old, struct object *o)
{
	address_one(user, old);
	address_one(user, o);
}

static void address_gone(void *user, struct object *o)
{
	address_one(user, o);
	wake_twins(user);
}
static const struct informer_handler on_address = {address_one, address_two, address_gone, NULL};

/* A range that comes may have what was in none. */
static void range_added(void *user, struct object *range)
{
	struct ctl *c = user;

	informer_for_each(o, services(c)) if (cluster_ips(o).n) later(c, o->key);
}
static const struct informer_handler on_range = {.added = range_added};

static bool init(struct ctl *c)
{
	struct state *s = NEW(struct state);

	s->twins = hmap_new();
	c->state = s;
	ctl_handle(c, services(c), &on_service);
	ctl_handle(c, addresses(c), &on_address);
	ctl_handle(c, informers_get(c->informers, range_kind()), &on_range);
	return true;
}

static void done(struct ctl *c)
{
	struct state *s = c->state;

	hmap_free(s->twins);
	free(s);
	c->state = NULL;
}

const struct controller clusterip_controller = {
	.name = "cluster-ip",
	.component = "ipallocator-repair-controller",
	.parallel = 1,
	.init = init,
	.sync = reconcile,
	.done = done,
};
