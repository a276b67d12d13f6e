/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/service_sync.h"

#include "agent/node/health_ports.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/client/informer.h"
#include "lib/json/jv.h"
#include "lib/sys/file.h"
#include "net/lb.h"

#define RETRY_NS NSEC_PER_SEC
#define ALONE_NS (3 * NSEC_PER_SEC)
#define BACK_NS (10 * NSEC_PER_SEC) /* for the node and its pods to be reported and heard of */

/* The fronts a Service has in the balancer now: to be removed when it no longer wants them. */
struct fronts {
	struct lb_key *v;
	size_t n, cap;
};

/* Where the cluster's DNS is; addr none: nowhere. */
struct vip {
	struct lb_key key;
	struct lb_backend backend;
};

struct service_sync {
	struct service_sync_conf conf;
	struct informer_index *by_service;
	struct hmap *dirty; /* "ns/name" */
	struct hmap *have; /* "ns/name" -> struct fronts */
	struct timer timer;
	struct hmap *host_ports; /* owner -> struct owner_ports */
	struct vip vips[2]; /* of the cluster's DNS, one a family */
	bool whole; /* nothing was synced yet: one lb_sync for all */
	bool without_master; /* what the caches have is good enough */
	char *zone; /* of this node; NULL: not known */
	struct timer alone;
	/*
	 * What the masters took for dead while no agent was here is not ready until it is reported
	 * again; it has served all the time and goes on to, where nothing else is there. Not after
	 * a reboot: then it has not.
	 */
	struct timer back;
	bool coming_back;
	bool kept; /* some front has only such endpoints */
};

struct owner_ports {
	struct host_port *v;
	struct lb_backend *backends; /* one each */
	size_t n;
};

/* One usable endpoint of a port. */
struct endpoint {
	struct lb_backend b;
	bool ready, serving, terminating, local;
	bool zone_hints, node_hints; /* it has some */
	bool my_zone, my_node; /* and we are among them */
};
struct endpoints {
	struct endpoint *v;
	size_t n, cap;
};

/* By the Service's name alone: the index wants a part of the object; the caller compares ns. */
static struct str by_service_name(const struct object *o)
{
	return jv_text(
		jv_get(jv_path(jv_of(o->bytes), "metadata.labels"), "kubernetes.io/service-name"));
}

static enum lb_proto proto_of(struct jv v)
{
	if (jv_eqs(v, "UDP"))
		return LB_UDP;
	return !jv_exists(v) || jv_eqs(v, "TCP") ? LB_TCP : 0;
}

/* The slice's number of the port with this name and protocol; 0: it has none. */
static uint16_t slice_port(struct jv slice, struct str name, enum lb_proto proto)
{
	jv_for_each (it, jv_get(slice, "ports"))
		if (str_eq(jv_text(jv_get(it.value, "name")), name) &&
		    proto_of(jv_get(it.value, "protocol")) == proto)
			return (uint16_t)jv_i64(jv_get(it.value, "port"), 0);
	return 0;
}

static bool names_have(struct jv list, const char *name)
{
	jv_for_each (it, list)
		if (name && jv_eqs(jv_get(it.value, "name"), name))
			return true;
	return false;
}

static void read_hints(const struct service_sync *s, struct jv endpoint, struct endpoint *e)
{
	struct jv zones = jv_path(endpoint, "hints.forZones");
	struct jv nodes = jv_path(endpoint, "hints.forNodes");

	e->zone_hints = jv_len(zones) > 0;
	e->node_hints = jv_len(nodes) > 0;
	e->my_zone = names_have(zones, s->zone);
	e->my_node = names_have(nodes, s->conf.node_name);
}

static void collect(struct service_sync *s, struct str key, struct str port_name,
		    enum lb_proto proto, bool v6, struct endpoints *ret)
{
	struct object_set slices;
	struct str ns, name;

	object_key_split(key, &ns, &name);
	slices = informer_lookup(s->by_service, name);
	for (size_t i = 0; i < slices.n; i++) {
		struct jv slice = jv_of(slices.v[i]->bytes);
		uint16_t port = slice_port(slice, port_name, proto);

		if (!port || !str_eq(slices.v[i]->ns, ns) ||
		    !jv_eqs(jv_get(slice, "addressType"), v6 ? "IPv6" : "IPv4"))
			continue;
		jv_for_each (it, jv_get(slice, "endpoints")) {
			struct jv c = jv_get(it.value, "conditions");
			bool ready = jv_bool(jv_get(c, "ready"), true);
			struct endpoint e = {
				.b.port = port,
				.ready = ready,
				.serving = jv_bool(jv_get(c, "serving"), ready),
				.terminating = jv_bool(jv_get(c, "terminating"), false),
				.local = jv_eqs(jv_get(it.value, "nodeName"), s->conf.node_name),
			};

			read_hints(s, it.value, &e);
			if (ip_addr_parse(jv_text(jv_path(it.value, "addresses[0]")), &e.b.addr) ==
				    0 &&
			    ip_is4(e.b.addr) != v6)
				*ARRAY_PUSH(ret->v, ret->n, ret->cap) = e;
		}
	}
}

/* Hints count when every ready endpoint has them and one at least is for us. */
enum nearness { NEAR_ANY, NEAR_ZONE, NEAR_NODE };
static enum nearness nearness_of(const struct endpoints *e)
{
	bool zones = true, nodes = true, zone = false, node = false;

	for (size_t i = 0; i < e->n; i++) {
		if (!e->v[i].ready)
			continue;
		zones &= e->v[i].zone_hints;
		nodes &= e->v[i].node_hints;
		zone |= e->v[i].my_zone;
		node |= e->v[i].my_node;
	}
	return nodes && node ? NEAR_NODE : zones && zone ? NEAR_ZONE : NEAR_ANY;
}

static bool is_near(const struct endpoint *e, enum nearness how)
{
	return how == NEAR_ANY || (how == NEAR_ZONE ? e->my_zone : e->my_node);
}

/*
 * CategorizeEndpoints: ready ones, of those the ones near by if they have hints; when there is
 * none, those that end but still serve. With a Local policy the same among the node's own.
 */
static size_t choose(struct service_sync *s, const struct endpoints *e, bool local_only,
		     struct lb_backend *ret)
{
	enum nearness how = local_only ? NEAR_ANY : nearness_of(e);
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].ready && (local_only ? e->v[i].local : is_near(&e->v[i], how)))
			ret[n++] = e->v[i].b;
	if (n)
		return n;
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].serving && e->v[i].terminating && (!local_only || e->v[i].local))
			ret[n++] = e->v[i].b;
	if (n || !s->coming_back)
		return n;
	for (size_t i = 0; i < e->n; i++)
		if (!e->v[i].terminating && e->v[i].local)
			ret[n++] = e->v[i].b;
	s->kept |= n > 0;
	return n;
}

/* The fronts under construction: the backends' arrays are freed with them. */
struct build {
	struct lb_front *v;
	size_t n, cap;
	struct lb_backend **lists;
	struct ip_prefix **ranges;
	size_t n_ranges, cap_ranges;
	size_t n_lists, cap_lists;
};

static void build_done(struct build *b)
{
	for (size_t i = 0; i < b->n_lists; i++)
		free(b->lists[i]);
	free(b->lists);
	for (size_t i = 0; i < b->n_ranges; i++)
		free(b->ranges[i]);
	free(b->ranges);
	free(b->v);
}

static struct lb_backend *list_new(struct build *b, size_t n)
{
	struct lb_backend *l = xcalloc(n + 1, sizeof(*l));

	*ARRAY_PUSH(b->lists, b->n_lists, b->cap_lists) = l;
	return l;
}

static bool same_key(const struct lb_key *a, const struct lb_key *b)
{
	return a->port == b->port && a->proto == b->proto && ip_eq(a->addr, b->addr);
}

static void front_add(struct build *b, const struct lb_front *like, struct ip_addr addr,
		      uint16_t port, bool external)
{
	struct lb_key key = {addr, port, like->key.proto};
	struct lb_front *f;

	if (!port)
		return;
	for (size_t i = 0; i < b->n; i++) /* the same external address named twice */
		if (same_key(&b->v[i].key, &key))
			return;
	f = ARRAY_PUSH(b->v, b->n, b->cap);
	*f = *like;
	f->key = key;
	f->external = external;
	if (!external)
		f->outside_differs = false;
}

/* Those of the family. */
static void addrs_add(struct build *b, const struct lb_front *like, struct jv list,
		      const char *member, uint16_t port, bool v6)
{
	struct ip_addr addr;

	jv_for_each (it, list)
		if (ip_addr_parse(jv_text(member ? jv_get(it.value, member) : it.value), &addr) ==
			    0 &&
		    ip_is4(addr) != v6 && !ip_is_none(addr) &&
		    !(member && jv_eqs(jv_get(it.value, "ipMode"), "Proxy")))
			front_add(b, like, addr, port, true);
}

/*
 * loadBalancerSourceRanges: of the balancer's addresses only (pkg/proxy). One that cannot be read
 * lets nobody in, instead of everybody.
 */
static void read_sources(struct build *b, struct jv spec, struct lb_front *ret)
{
	struct jv list = jv_get(spec, "loadBalancerSourceRanges");
	struct ip_prefix *v;
	struct ip_prefix range;

	if (!jv_len(list) || !jv_eqs(jv_get(spec, "type"), "LoadBalancer"))
		return;
	v = xcalloc(jv_len(list) + 1, sizeof(*v));
	*ARRAY_PUSH(b->ranges, b->n_ranges, b->cap_ranges) = v;
	jv_for_each (it, list)
		if (ip_prefix_parse_loose(str_trim(jv_text(it.value)), &range) == 0)
			v[ret->n_sources++] = range;
	if (!ret->n_sources)
		v[ret->n_sources++] = (struct ip_prefix){ip_of4(0), 128};
	ret->sources = v;
}

/* The Service's address of the family; none: it has no such one, or is a former release's. */
static struct ip_addr cluster_ip(struct jv spec, bool v6)
{
	struct jv list = jv_get(spec, "clusterIPs");
	struct ip_addr addr;

	jv_for_each (it, list)
		if (ip_addr_parse(jv_text(it.value), &addr) == 0 && ip_is4(addr) != v6)
			return addr;
	if (!jv_len(list) && ip_addr_parse(jv_text(jv_get(spec, "clusterIP")), &addr) == 0 &&
	    ip_is4(addr) != v6)
		return addr;
	return ip_any(false);
}

static bool has_family(struct jv spec, bool v6)
{
	struct jv list = jv_get(spec, "ipFamilies");

	jv_for_each (it, list)
		if (jv_eqs(it.value, v6 ? "IPv6" : "IPv4"))
			return true;
	return !jv_len(list) && !ip_is_none(cluster_ip(spec, v6));
}

static void add_port(struct service_sync *s, struct build *b, struct str key, struct jv svc,
		     struct jv port, bool v6)
{
	struct jv spec = jv_get(svc, "spec");
	enum lb_proto proto = proto_of(jv_get(port, "protocol"));
	uint16_t number = (uint16_t)jv_i64(jv_get(port, "port"), 0);
	bool internal_local = jv_eqs(jv_get(spec, "internalTrafficPolicy"), "Local");
	bool external_local = jv_eqs(jv_get(spec, "externalTrafficPolicy"), "Local");
	struct endpoints e = {0};
	struct lb_front in = {.key.proto = proto}, out;
	struct lb_backend *all, *local;
	size_t n_all, n_local;
	struct ip_addr vip = cluster_ip(spec, v6);

	if (!proto || !number)
		return;
	collect(s, key, jv_text(jv_get(port, "name")), proto, v6, &e);
	all = list_new(b, e.n);
	local = list_new(b, e.n);
	n_all = choose(s, &e, false, all);
	n_local = choose(s, &e, true, local);
	free(e.v);
	if (jv_eqs(jv_get(spec, "sessionAffinity"), "ClientIP"))
		in.affinity_s = (uint32_t)jv_i64(
			jv_path(spec, "sessionAffinityConfig.clientIP.timeoutSeconds"), 10800);
	in.backends = internal_local ? local : all;
	in.n_backends = internal_local ? n_local : n_all;
	in.empty = internal_local && n_all ? LB_EMPTY_DROP : LB_EMPTY_REFUSE;
	/* Node ports and external addresses: from pods and the host always Cluster. */
	out = in;
	out.backends = all;
	out.n_backends = n_all;
	out.empty = external_local && n_all && !n_local ? LB_EMPTY_DROP : LB_EMPTY_REFUSE;
	out.outside = local;
	out.n_outside = n_local;
	out.outside_differs = external_local;
	if (!ip_is_none(vip))
		front_add(b, &in, vip, number, false);
	front_add(b, &out, ip_any(!v6), (uint16_t)jv_i64(jv_get(port, "nodePort"), 0), true);
	addrs_add(b, &out, jv_get(spec, "externalIPs"), NULL, number, v6);
	read_sources(b, spec, &out);
	addrs_add(b, &out, jv_path(svc, "status.loadBalancer.ingress"), "ip", number, v6);
}

/* Ready addresses on this node, each once: a Service may have several ports. */
static size_t count_local(struct service_sync *s, struct str key, struct jv svc, bool v6)
{
	struct endpoints e = {0};
	size_t n = 0;

	jv_for_each (it, jv_path(svc, "spec.ports"))
		collect(s, key, jv_text(jv_get(it.value, "name")),
			proto_of(jv_get(it.value, "protocol")), v6, &e);
	for (size_t i = 0; i < e.n; i++) {
		bool seen = !e.v[i].ready || !e.v[i].local;

		for (size_t k = 0; k < i && !seen; k++)
			seen = e.v[k].ready && ip_eq(e.v[k].b.addr, e.v[i].b.addr);
		n += !seen;
	}
	free(e.v);
	return n;
}

static void tell_health(struct service_sync *s, struct str key, struct jv svc)
{
	uint16_t port = (uint16_t)jv_i64(jv_path(svc, "spec.healthCheckNodePort"), 0);

	bool v6 = !has_family(jv_get(svc, "spec"), false);

	if (s->conf.health)
		health_ports_set(s->conf.health, key, port,
				 port ? count_local(s, key, svc, v6) : 0);
}

static void add_service(struct service_sync *s, struct build *b, struct str key)
{
	struct object *o = informer_get(s->conf.services, key);
	struct jv svc;

	tell_health(s, key, o ? jv_of(o->bytes) : JV_NONE);
	if (!o)
		return;
	svc = jv_of(o->bytes);
	if (jv_eqs(jv_path(svc, "spec.type"), "ExternalName") ||
	    jv_eqs(jv_path(svc, "spec.clusterIP"), "None"))
		return;
	/* A Service that another proxy serves. */
	if (jv_exists(jv_get(jv_path(svc, "metadata.labels"),
			     "service.kubernetes.io/service-proxy-name")))
		return;
	for (int v6 = 0; v6 < 2; v6++) {
		if (!has_family(jv_get(svc, "spec"), v6))
			continue;
		jv_for_each (it, jv_path(svc, "spec.ports"))
			add_port(s, b, key, svc, it.value, v6);
	}
}

static void fronts_free(void *p)
{
	struct fronts *f = p;

	free(f->v);
	free(f);
}

static void remember(struct service_sync *s, struct str key, const struct build *b, size_t from)
{
	struct fronts *f = NEW(struct fronts), *old;

	for (size_t i = from; i < b->n; i++)
		*ARRAY_PUSH(f->v, f->n, f->cap) = b->v[i].key;
	if (!f->n) {
		fronts_free(f);
		old = hmap_del(s->have, key);
	} else {
		old = hmap_put(s->have, key, f);
	}
	if (old)
		fronts_free(old);
}

/* The agent's own DNS stands behind the cluster's DNS address, whatever Service names it. */
static void add_vip(const struct vip *vip, struct build *b)
{
	for (int udp = 0; !ip_is_none(vip->key.addr) && udp < 2; udp++) {
		struct lb_front f = {.key = vip->key, .backends = &vip->backend, .n_backends = 1};

		f.key.proto = udp ? LB_UDP : LB_TCP;
		for (size_t i = 0; i < b->n; i++)
			if (same_key(&b->v[i].key, &f.key))
				b->v[i] = b->v[--b->n];
		front_add(b, &f, f.key.addr, f.key.port, false);
	}
}

static bool is_vip(const struct service_sync *s, const struct lb_key *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->vips); i++)
		if (!ip_is_none(s->vips[i].key.addr) && s->vips[i].key.port == k->port &&
		    ip_eq(s->vips[i].key.addr, k->addr))
			return true;
	return false;
}

void service_sync_dns(struct service_sync *s, struct ip_addr vip, struct ip_addr addr)
{
	s->vips[!ip_is4(vip)] = (struct vip){.key = {.addr = vip, .port = 53},
					     .backend = {.addr = addr, .port = 53}};
	s->whole = true;
	timers_soon(s->conf.timers, &s->timer);
}

void service_sync_zone(struct service_sync *s, struct str zone)
{
	if (!s || str_eq(zone, str_of(s->zone)))
		return;
	free(s->zone);
	s->zone = zone.len ? str_dup(zone) : NULL;
	s->whole = true;
	timers_soon(s->conf.timers, &s->timer);
}

static struct lb_front host_port_front(const struct owner_ports *o, size_t i)
{
	return (struct lb_front){
		.key = {o->v[i].host_addr, o->v[i].host_port, o->v[i].proto},
		.backends = &o->backends[i],
		.n_backends = 1,
		.external = true,
	};
}

static void owner_ports_free(void *p)
{
	struct owner_ports *o = p;

	free(o->v);
	free(o->backends);
	free(o);
}

static void report(struct service_sync *s, int r, struct err *err)
{
	if (r < 0) {
		log_warn("cannot program services: %s", err_text(err));
		s->whole = true; /* all of them again, soon */
		timers_arm_in(s->conf.timers, &s->timer, RETRY_NS);
	}
	err_done(err);
}

void service_sync_host_ports(struct service_sync *s, struct str owner, const struct host_port *v,
			     size_t n)
{
	struct owner_ports *old = hmap_del(s->host_ports, owner), *o;
	struct err err = ERR_INIT;
	int r = 0;

	for (size_t i = 0; old && i < old->n && r >= 0; i++)
		r = lb_del(s->conf.lb, host_port_front(old, i).key, &err);
	if (old)
		owner_ports_free(old);
	if (n) {
		o = NEW(struct owner_ports);
		o->v = xmemdup(v, n * sizeof(*v));
		o->backends = xcalloc(n, sizeof(*o->backends));
		o->n = n;
		hmap_put(s->host_ports, owner, o);
		for (size_t i = 0; i < n; i++)
			o->backends[i] = (struct lb_backend){v[i].addr, v[i].port};
		for (size_t i = 0; i < n && !s->whole && r >= 0; i++) {
			struct lb_front f = host_port_front(o, i);

			r = lb_put(s->conf.lb, &f, &err);
		}
	}
	report(s, r, &err);
}

static int sync_whole(struct service_sync *s, struct err *err)
{
	struct build b = {0};
	struct lb_result res = {0};
	int r;

	informer_for_each(o, s->conf.services)
	{
		size_t from = b.n;

		add_service(s, &b, o->key);
		remember(s, o->key, &b, from);
	}
	for (size_t i = 0; i < ARRAY_SIZE(s->vips); i++)
		add_vip(&s->vips[i], &b);
	hmap_for_each (it, s->host_ports) {
		const struct owner_ports *o = it->value;

		for (size_t i = 0; i < o->n; i++) {
			struct lb_front f = host_port_front(o, i);

			front_add(&b, &f, f.key.addr, f.key.port, true);
		}
	}
	r = lb_sync(s->conf.lb, b.v, b.n, &res, err);
	build_done(&b);
	if (r == 0)
		s->whole = false;
	return r;
}

static bool has_key(const struct build *b, const struct lb_key *k)
{
	for (size_t i = 0; i < b->n; i++)
		if (same_key(&b->v[i].key, k))
			return true;
	return false;
}

static int sync_one(struct service_sync *s, struct str key, struct err *err)
{
	struct fronts *had = hmap_get(s->have, key);
	struct build b = {0};
	int r = 0, r1;

	add_service(s, &b, key);
	for (size_t i = 0; i < b.n;) {
		if (is_vip(s, &b.v[i].key))
			b.v[i] = b.v[--b.n]; /* ours: add_vip */
		else
			i++;
	}
	for (size_t i = 0; had && i < had->n; i++)
		if (!has_key(&b, &had->v[i]) && (r1 = lb_del(s->conf.lb, had->v[i], err)) < 0)
			r = r1;
	for (size_t i = 0; i < b.n; i++)
		if ((r1 = lb_put(s->conf.lb, &b.v[i], err)) < 0)
			r = r1;
	remember(s, key, &b, 0);
	build_done(&b);
	return r;
}

static void kill_stale(struct service_sync *s)
{
	int *fds = NULL;
	size_t n = s->conf.netns_fds ? s->conf.netns_fds(s->conf.user, &fds) : 0;

	lb_kill_stale(s->conf.lb, fds, n, false, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
}

static void on_timer(struct timer *t)
{
	struct service_sync *s = container_of(t, struct service_sync, timer);
	struct hmap *dirty = s->dirty;
	struct err err = ERR_INIT;
	bool failed = false;

	if ((!informer_synced(s->conf.services) || !informer_synced(s->conf.slices)) &&
	    !s->without_master)
		return; /* what is pinned goes on until both are known */
	s->dirty = hmap_new();
	if (s->coming_back && !timer_armed(&s->back))
		timers_arm_in(s->conf.timers, &s->back, BACK_NS);
	if (s->whole) {
		failed = sync_whole(s, &err) < 0;
		if (!failed && s->conf.mark)
			file_write_atomic(AT_FDCWD, s->conf.mark, STR(""), 0644);
	} else {
		hmap_for_each (it, dirty) {
			if (sync_one(s, it->key, &err) < 0) {
				failed = true;
				hmap_put(s->dirty, it->key, s);
			}
		}
		kill_stale(s);
	}
	hmap_free(dirty);
	if (failed) {
		log_warn("cannot program services: %s", err_text(&err));
		timers_arm_in(s->conf.timers, &s->timer, RETRY_NS);
	}
	err_done(&err);
}

/* After a reboot nothing is pinned: old knowledge is better than none. */
static void on_alone(struct timer *t)
{
	struct service_sync *s = container_of(t, struct service_sync, alone);

	if (!s->whole || !informer_len(s->conf.services))
		return;
	log_notice("no master answers: services are balanced as last known");
	s->without_master = true;
	timers_soon(s->conf.timers, &s->timer);
}

/* What is not ready by now is not. */
static void on_back(struct timer *t)
{
	struct service_sync *s = container_of(t, struct service_sync, back);

	s->coming_back = false;
	if (!s->kept)
		return;
	s->whole = true;
	timers_soon(s->conf.timers, &s->timer);
}

static void mark(struct service_sync *s, struct str key)
{
	hmap_put(s->dirty, key, s);
	timers_soon(s->conf.timers, &s->timer);
}

static void svc_seen(void *user, struct object *o)
{
	mark(user, o->key);
}
static void svc_updated(void *user, struct object *old, struct object *o)
{
	mark(user, o->key);
}
static void slice_seen(void *user, struct object *o)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct str name = jv_text(
		jv_get(jv_path(jv_of(o->bytes), "metadata.labels"), "kubernetes.io/service-name"));

	object_key(o->ns, name, &key);
	if (name.len)
		mark(user, buf_str(&key));
}
static void slice_updated(void *user, struct object *old, struct object *o)
{
	slice_seen(user, old);
	slice_seen(user, o);
}
static void synced(void *user)
{
	struct service_sync *s = user;

	timers_soon(s->conf.timers, &s->timer);
}

static const struct informer_handler svc_handler = {svc_seen, svc_updated, svc_seen, synced};
static const struct informer_handler slice_handler = {slice_seen, slice_updated, slice_seen,
						      synced};

struct service_sync *service_sync_start(const struct service_sync_conf *conf)
{
	struct service_sync *s = NEW(struct service_sync);

	s->conf = *conf;
	s->whole = true;
	s->dirty = hmap_new();
	s->have = hmap_new();
	s->host_ports = hmap_new();
	s->timer.fire = on_timer;
	s->by_service = informer_index(conf->slices, by_service_name);
	s->alone.fire = on_alone;
	s->back.fire = on_back;
	s->coming_back = conf->mark && access(conf->mark, F_OK) == 0;
	if (conf->mark && !s->coming_back)
		timers_arm_in(conf->timers, &s->alone, ALONE_NS);
	informer_handle(conf->services, &svc_handler, s);
	informer_handle(conf->slices, &slice_handler, s);
	return s;
}

struct service_sync *service_sync_stop(struct service_sync *s)
{
	if (!s)
		return NULL;
	informer_unhandle(s->conf.services, &svc_handler, s);
	informer_unhandle(s->conf.slices, &slice_handler, s);
	timers_disarm(s->conf.timers, &s->timer);
	timers_disarm(s->conf.timers, &s->alone);
	timers_disarm(s->conf.timers, &s->back);
	hmap_free(s->dirty);
	hmap_free_full(s->have, fronts_free);
	hmap_free_full(s->host_ports, owner_ports_free);
	free(s->zone);
	free(s);
	return NULL;
}
