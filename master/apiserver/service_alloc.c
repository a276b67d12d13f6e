/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/service_alloc.h"
#include "lib/api/api.h"
#include "lib/api/status.h"
#include "lib/base/hmap.h"
#include "master/apiserver/service_families.h"
#include "master/apiserver/service_ranges.h"

#define SERVICES STR("/core/services/")

/* How many stored Services (or writes under way) use an address or a port. */
struct service_alloc {
	struct store *store;
	struct store_watch *watch;
	struct cidr_pair configured;
	uint16_t port_first, port_last;
	struct hmap *ips; /* by family and bytes of an address: how many, as a number */
	uint8_t ports[65536];
	struct ip first; /* of `kubernetes` */
	char first_text[IP_TEXT];
	struct list held; /* by writes under way */
	struct list committed; /* by writes whose event has perhaps not come yet */
};

/* Addresses and ports of one write. */
struct held {
	struct list node;
	uint64_t rev; /* committed at or before it */
	struct ip ips[2];
	struct service_range from[2]; /* of the addresses; names are owned */
	uint16_t *ports;
	size_t n_ips, n_ports, cap_ports;
};

struct ip_key {
	uint8_t bytes[17];
};

static struct str ip_key(struct ip ip, struct ip_key *ret)
{
	ret->bytes[0] = ip.v6;
	memcpy(ret->bytes + 1, &ip.n, 16);
	return str_n(ret->bytes, sizeof(ret->bytes));
}

static uintptr_t ip_uses(const struct service_alloc *a, struct ip ip)
{
	struct ip_key key;

	return (uintptr_t)hmap_get(a->ips, ip_key(ip, &key));
}

static void ip_count(struct service_alloc *a, struct ip ip, int by)
{
	uintptr_t had = ip_uses(a, ip), n = by < 0 ? (had ? had - 1 : 0) : had + 1;
	struct ip_key key;

	if (n)
		hmap_put(a->ips, ip_key(ip, &key), (void *)n);
	else
		hmap_del(a->ips, ip_key(ip, &key));
}

/* Count a stored Service's addresses and ports up or down. */
static void account(struct service_alloc *a, const struct store_obj *o, int by)
{
	struct jv spec = jv_get(jv_of(o->value), "spec");
	struct ip at;
	int64_t port;

	jv_for_each (it, jv_get(spec, "clusterIPs"))
		if (ip_parse(jv_text(it.value), &at))
			ip_count(a, at, by);
	jv_for_each (it, jv_get(spec, "ports")) {
		port = jv_i64(jv_get(it.value, "nodePort"), 0);
		if (port > 0 && port < 65536)
			a->ports[port] = (uint8_t)(a->ports[port] + by);
	}
	port = jv_i64(jv_get(spec, "healthCheckNodePort"), 0);
	if (port > 0 && port < 65536)
		a->ports[port] = (uint8_t)(a->ports[port] + by);
}

static void follow(struct service_alloc *a);

static void hold_again(struct service_alloc *a, const struct held *h)
{
	for (size_t i = 0; i < h->n_ips; i++)
		ip_count(a, h->ips[i], 1);
	for (size_t i = 0; i < h->n_ports; i++)
		a->ports[h->ports[i]]++;
}

static void on_event(void *user, const struct store_event *ev, int err)
{
	struct service_alloc *a = user;

	if (!ev) {
		store_unwatch(a->watch);
		a->watch = NULL;
		if (err == -ESTALE)
			service_alloc_recount(a);
		return;
	}
	if (ev->prev)
		account(a, ev->prev, -1);
	if (ev->type == STORE_EVENT_PUT)
		account(a, ev->obj, 1);
	list_for_each_safe (it, &a->committed)
		if (list_entry(it, struct held, node)->rev <= ev->rev)
			service_alloc_drop(a, list_entry(it, struct held, node));
}

static void follow(struct service_alloc *a)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(a->store);
	struct store_watch_spec spec = {.prefix = SERVICES, .from_rev = store_view_rev(v)};
	const struct store_obj *o;
	struct store_iter it;

	hmap_free(a->ips);
	a->ips = hmap_new();
	memset(a->ports, 0, sizeof(a->ports));
	store_range(v, SERVICES, STR_NULL, &it);
	while ((o = store_iter_next(&it)))
		account(a, o, 1);
	store_watch(a->store, &spec, on_event, a, &a->watch);
}

void service_alloc_recount(struct service_alloc *a)
{
	store_unwatch(a->watch);
	a->watch = NULL;
	/* What writes under way hold is counted by them; follow() forgets it otherwise. */
	list_for_each_safe (it, &a->committed)
		service_alloc_drop(a, list_entry(it, struct held, node));
	follow(a);
	list_for_each (it, &a->held)
		hold_again(a, list_entry(it, struct held, node));
}

int service_alloc_new(struct store *store, const char *cidr, uint16_t port_first,
		      uint16_t port_last, struct service_alloc **ret, struct err *err)
{
	struct service_alloc *a;
	struct cidr_pair p;

	if (cidr_pair_parse("service-cidr", cidr, &p, err) < 0)
		return -EINVAL;
	a = NEW(struct service_alloc);
	a->store = store;
	a->configured = p;
	a->port_first = port_first;
	a->port_last = port_last;
	list_init(&a->held);
	list_init(&a->committed);
	a->first = p.v[0].base;
	a->first.n++;
	ip_text(a->first, a->first_text);
	follow(a);
	*ret = a;
	return 0;
}

struct service_alloc *service_alloc_free(struct service_alloc *a)
{
	if (!a)
		return NULL;
	store_unwatch(a->watch);
	list_for_each_safe (it, &a->committed)
		service_alloc_drop(a, list_entry(it, struct held, node));
	hmap_free(a->ips);
	free(a);
	return NULL;
}

const char *service_alloc_first_ip(const struct service_alloc *a)
{
	return a->first_text;
}

/* ---- choosing ---- */

static void hold_ip(struct service_alloc *a, struct held *h, struct ip ip,
		    const struct service_range *from)
{
	ip_count(a, ip, 1);
	h->ips[h->n_ips] = ip;
	h->from[h->n_ips] = *from;
	h->from[h->n_ips].name = from->name ? xstrdup(from->name) : NULL;
	h->n_ips++;
}

static void hold_port(struct service_alloc *a, struct held *h, uint16_t port)
{
	a->ports[port]++;
	*ARRAY_PUSH(h->ports, h->n_ports, h->cap_ports) = port;
}

static bool ip_free(const struct service_alloc *a, const struct store_view *v, struct ip ip)
{
	return !ip_eq(ip, a->first) && !ip_uses(a, ip) && !service_address_taken(v, ip);
}

/* The first free one of n from `first` on, looked for from a random one. */
static bool free_within(const struct service_alloc *a, const struct store_view *v, struct ip first,
			uint64_t n, struct ip *ret)
{
	uint64_t start = n ? rng_below(&rng_system, n) : 0;

	*ret = first;
	for (uint64_t i = 0; i < n; i++) {
		ret->n = first.n + (start + i) % n;
		if (ip_free(a, v, *ret))
			return true;
	}
	return false;
}

/* The lower 1/16 of a range comes last: it is for those who choose one themselves (KEP-3070). */
static bool free_in(const struct service_alloc *a, const struct store_view *v, struct cidr c,
		    struct ip *ret)
{
	uint64_t span = (uint64_t)MIN(cidr_span(c), (u128)1 << 62), n = span + 1;
	uint64_t hosts = c.base.v6 ? span : span ? span - 1 : 0;
	uint64_t low = n <= 16 ? 0 : MIN(MAX(n / 16, (uint64_t)16), (uint64_t)256);
	struct ip first = {c.base.n + 1, c.base.v6}, upper;

	if (low >= hosts)
		low = 0;
	upper = (struct ip){first.n + low, first.v6};
	return free_within(a, v, upper, hosts - low, ret) || free_within(a, v, first, low, ret);
}

static const struct service_range *free_ip(const struct service_alloc *a,
					   const struct store_view *v,
					   const struct service_ranges *r, bool v6, struct ip *ret)
{
	size_t start = r->n ? (size_t)rng_below(&rng_system, r->n) : 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct service_range *one = &r->v[(start + i) % r->n];

		if (one->cidr.base.v6 == v6 && free_in(a, v, one->cidr, ret))
			return one;
	}
	return NULL;
}

static const struct service_range *range_of(const struct service_ranges *r, struct ip ip)
{
	for (size_t i = 0; i < r->n; i++)
		if (cidr_has_host(r->v[i].cidr, ip))
			return &r->v[i];
	return NULL;
}

static int free_port(struct service_alloc *a, uint16_t *ret)
{
	uint32_t n = (uint32_t)a->port_last - a->port_first + 1u;
	uint32_t start = (uint32_t)rng_below(&rng_system, n);

	for (uint32_t i = 0; i < n; i++) {
		*ret = (uint16_t)(a->port_first + (start + i) % n);
		if (!a->ports[*ret])
			return 0;
	}
	return -ENOSPC;
}

static void ip_refused(struct json_object *ips, struct str ip, const char *why, struct err *err)
{
	CLEANUP(buf_done) struct buf list = BUF_INIT;

	jsonc_write(ips, &list);
	err_field(err, "spec.clusterIPs", "FieldValueInvalid",
		  "Invalid value: %s: failed to allocate IP %.*s: %s", list.p, STR_ARG(ip), why);
}

/* clusterIPs[i] of that family: the one that stands there, or any. */
static int choose_ip(struct service_alloc *a, struct held *h, struct json_object *ips, size_t i,
		     bool v6, struct err *err)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(a->store);
	CLEANUP(service_ranges_done) struct service_ranges r;
	struct str ip = jsonc_str(json_object_array_get_idx(ips, i));
	const struct service_range *from;
	char text[IP_TEXT];
	struct ip at;

	service_ranges_get(v, &a->configured, &r);
	if (!ip.len) {
		from = free_ip(a, v, &r, v6, &at);
		if (!from)
			return err_set(err, ENOSPC, "InternalError",
				       "Internal error occurred: failed to allocate a serviceIP: "
				       "range is full");
		hold_ip(a, h, at, from);
		json_object_array_put_idx(ips, i, json_object_new_string(ip_text(at, text)));
		return 0;
	}
	from = ip_parse(ip, &at) ? range_of(&r, at) : NULL;
	if (!from)
		ip_refused(ips, ip, "the provided network does not match the current range", err);
	else if (ip_uses(a, at) || service_address_taken(v, at))
		ip_refused(ips, ip, "provided IP is already allocated", err);
	else
		hold_ip(a, h, at, from);
	return 0;
}

static size_t length(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

/*
 * One address a family, those that are not there yet: all of a new Service's, the second one of a
 * Service that becomes dual-stack. What it has and keeps is its own already.
 */
static int prepare_ips(struct service_alloc *a, struct held *h, struct json_object *spec,
		       struct json_object *was, struct err *err)
{
	struct json_object *families = jsonc_get(spec, "ipFamilies"), *ips;
	bool had = was && !str_eqs(jsonc_path_str(was, "type"), "ExternalName");
	size_t first = 0;
	int r = 0;

	if (str_eqs(jsonc_path_str(spec, "type"), "ExternalName") ||
	    str_eqs(jsonc_path_str(spec, "clusterIP"), "None") ||
	    (had && str_eqs(jsonc_path_str(was, "clusterIP"), "None")))
		return 0;
	if (had) {
		first = MAX(length(jsonc_get(was, "ipFamilies")), (size_t)1);
		if (first >= length(families))
			return 0; /* none is missing; what goes, goes with the write */
	}
	ips = jsonc_get(spec, "clusterIPs");
	if (!ips) {
		ips = json_object_new_array();
		jsonc_set(spec, "clusterIPs", ips);
	}
	while (length(ips) < length(families))
		json_object_array_add(ips, json_object_new_string(""));
	for (size_t i = first; i < length(families) && r == 0; i++)
		r = choose_ip(a, h, ips, i,
			      str_eqs(jsonc_str(json_object_array_get_idx(families, i)), "IPv6"),
			      err);
	jsonc_set_str(spec, "clusterIP", jsonc_str(json_object_array_get_idx(ips, 0)));
	return r;
}

/* The node port that the same port of the old Service has, or 0. */
static int64_t old_node_port(struct json_object *old, struct json_object *port)
{
	struct json_object *ports = jsonc_path(old, "spec.ports");

	for (size_t i = 0; ports && i < json_object_array_length(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i);

		if (jsonc_i64(jsonc_get(p, "port"), 0) == jsonc_i64(jsonc_get(port, "port"), 0) &&
		    str_eq(jsonc_path_str(p, "protocol"), jsonc_path_str(port, "protocol")))
			return jsonc_i64(jsonc_get(p, "nodePort"), 0);
	}
	return 0;
}

static bool has_node_port(struct json_object *old, int64_t port)
{
	struct json_object *ports = jsonc_path(old, "spec.ports");

	for (size_t i = 0; ports && i < json_object_array_length(ports); i++)
		if (jsonc_i64(jsonc_get(json_object_array_get_idx(ports, i), "nodePort"), 0) ==
		    port)
			return true;
	return false;
}

static bool held_port(const struct held *h, uint16_t port)
{
	for (size_t i = 0; i < h->n_ports; i++)
		if (h->ports[i] == port)
			return true;
	return false;
}

static void prepare_port(struct service_alloc *a, struct held *h, struct json_object *p, size_t i,
			 struct json_object *old, struct err *err)
{
	int64_t want = jsonc_i64(jsonc_get(p, "nodePort"), 0);
	CLEANUP_FREE char *path = xasprintf("spec.ports[%zu].nodePort", i);
	uint16_t got;

	if (!want && old)
		want = old_node_port(old, p);
	if (want && has_node_port(old, want)) {
		jsonc_set(p, "nodePort", json_object_new_int64(want));
		return;
	}
	if (!want) {
		if (free_port(a, &got) < 0) {
			err_field(err, path, "InternalError",
				  "failed to allocate a nodePort: range is full");
			return;
		}
		hold_port(a, h, got);
		jsonc_set(p, "nodePort", json_object_new_int64(got));
		return;
	}
	if (want < a->port_first || want > a->port_last)
		err_field(err, path, "FieldValueInvalid",
			  "Invalid value: %" PRId64
			  ": provided port is not in the valid range. The "
			  "range of valid ports is %u-%u",
			  want, a->port_first, a->port_last);
	else if (held_port(h, (uint16_t)want))
		; /* the same number for TCP and UDP is fine */
	else if (a->ports[want])
		err_field(err, path, "FieldValueInvalid",
			  "Invalid value: %" PRId64 ": provided port is already allocated", want);
	else
		hold_port(a, h, (uint16_t)want);
}

static void prepare_ports(struct service_alloc *a, struct held *h, struct json_object *spec,
			  struct json_object *old, struct err *err)
{
	struct json_object *ports = jsonc_get(spec, "ports");
	struct json_object *alloc = jsonc_get(spec, "allocateLoadBalancerNodePorts");
	struct str type = jsonc_path_str(spec, "type");
	bool wants = str_eqs(type, "NodePort") ||
		     (str_eqs(type, "LoadBalancer") && (!alloc || json_object_get_boolean(alloc)));

	for (size_t i = 0; wants && ports && i < json_object_array_length(ports); i++)
		prepare_port(a, h, json_object_array_get_idx(ports, i), i, old, err);
}

/* Of a load balancer that asks each node for endpoints of its own (healthCheckNodePort). */
static void prepare_health(struct service_alloc *a, struct held *h, struct json_object *spec,
			   struct json_object *old, struct err *err)
{
	static const char *const path = "spec.healthCheckNodePort";
	int64_t want = jsonc_i64(jsonc_get(spec, "healthCheckNodePort"), 0);
	uint16_t got;

	if (!str_eqs(jsonc_path_str(spec, "type"), "LoadBalancer") ||
	    !str_eqs(jsonc_path_str(spec, "externalTrafficPolicy"), "Local") ||
	    (want && want == jsonc_i64(jsonc_path(old, path), 0)))
		return;
	if (!want && free_port(a, &got) < 0) {
		err_field(err, path, "InternalError",
			  "failed to allocate a HealthCheck NodePort: range is full");
	} else if (!want) {
		hold_port(a, h, got);
		jsonc_set(spec, "healthCheckNodePort", json_object_new_int64(got));
	} else if (want < a->port_first || want > a->port_last) {
		err_field(err, path, "FieldValueInvalid",
			  "Invalid value: %" PRId64
			  ": provided port is not in the valid range. The range of valid ports is "
			  "%u-%u",
			  want, a->port_first, a->port_last);
	} else if (a->ports[want] || held_port(h, (uint16_t)want)) {
		err_field(err, path, "FieldValueInvalid",
			  "Invalid value: %" PRId64 ": provided port is already allocated", want);
	} else {
		hold_port(a, h, (uint16_t)want);
	}
}

int service_alloc_prepare(struct service_alloc *a, const struct api_kind *k,
			  const struct api_subresource *sub, struct json_object *obj,
			  struct json_object *old, void **held, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct held *h;
	int r;

	if (*k->group || strcmp(k->plural, "services") != 0 || sub || !spec)
		return 0;
	h = NEW(struct held);
	list_append(&a->held, &h->node);
	service_families(&a->configured, obj, old, err);
	r = err->n_fields ? 0 : prepare_ips(a, h, spec, jsonc_get(old, "spec"), err);
	if (r == 0 && !err->n_fields) {
		prepare_ports(a, h, spec, old, err);
		prepare_health(a, h, spec, old, err);
	}
	if (r == 0 && err->n_fields)
		r = api_err_invalid(err, k, jsonc_path_str(obj, "metadata.name"));
	if (r < 0) {
		service_alloc_drop(a, h);
		return r;
	}
	*held = h;
	return 0;
}

void service_alloc_charge(struct service_alloc *a, struct write *w)
{
	const struct held *h = w->held;

	service_address_charge(w, h ? h->from : NULL, h ? h->n_ips : 0);
}

/* The marks stay until the event of the write has been counted: no moment looks free in between. */
void service_alloc_commit(struct service_alloc *a, void *held)
{
	struct held *h = held;

	if (!h)
		return;
	h->rev = store_rev(a->store);
	list_remove(&h->node);
	list_append(&a->committed, &h->node);
}

void service_alloc_drop(struct service_alloc *a, void *held)
{
	struct held *h = held;

	if (!h)
		return;
	list_remove(&h->node);
	for (size_t i = 0; i < h->n_ips; i++)
		ip_count(a, h->ips[i], -1);
	for (size_t i = 0; i < h->n_ports; i++)
		a->ports[h->ports[i]]--;
	free(h->ports);
	for (size_t i = 0; i < h->n_ips; i++)
		free(h->from[i].name);
	free(h);
}
