/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/service_alloc.h"
#include "lib/api/api.h"
#include "lib/api/status.h"
#include "lib/base/cidr.h"
#include "lib/base/hmap.h"
#include "master/apiserver/service_ranges.h"

#define SERVICES STR("/core/services/")

/* How many stored Services (or writes under way) use an address or a port. */
struct service_alloc {
	struct store *store;
	struct store_watch *watch;
	struct cidr4 configured;
	uint16_t port_first, port_last;
	struct hmap *ips; /* by the four bytes of an address: how many, as a number */
	uint8_t ports[65536];
	char first[INET_ADDRSTRLEN];
	struct list held; /* by writes under way */
	struct list committed; /* by writes whose event has perhaps not come yet */
};

/* Addresses and ports of one write. */
struct held {
	struct list node;
	uint64_t rev; /* committed at or before it */
	uint32_t ips[2];
	uint16_t *ports;
	size_t n_ips, n_ports, cap_ports;
	struct service_range from; /* of the address; its name is owned */
};

static uintptr_t ip_uses(const struct service_alloc *a, uint32_t ip)
{
	return (uintptr_t)hmap_get(a->ips, str_n(&ip, sizeof(ip)));
}

static void ip_count(struct service_alloc *a, uint32_t ip, int by)
{
	struct str key = str_n(&ip, sizeof(ip));
	uintptr_t had = ip_uses(a, ip), n = by < 0 ? (had ? had - 1 : 0) : had + 1;

	if (n)
		hmap_put(a->ips, key, (void *)n);
	else
		hmap_del(a->ips, key);
}

/* Count a stored Service's addresses and ports up or down. */
static void account(struct service_alloc *a, const struct store_obj *o, int by)
{
	struct jv spec = jv_get(jv_of(o->value), "spec");
	uint32_t at;
	int64_t port;

	if (cidr4_address(jv_text(jv_get(spec, "clusterIP")), &at))
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
	struct cidr4 c;

	if (cidr_pair_parse("service-cidr", cidr, &p, err) < 0)
		return -EINVAL;
	if (p.v[0].base.v6)
		return err_sys(err, EINVAL, "--service-cidr: the first range must be of IPv4 yet");
	c = (struct cidr4){(uint32_t)p.v[0].base.n, p.v[0].bits};
	a = NEW(struct service_alloc);
	a->store = store;
	a->configured = c;
	a->port_first = port_first;
	a->port_last = port_last;
	list_init(&a->held);
	list_init(&a->committed);
	cidr4_text(c.base + 1, a->first);
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
	return a->first;
}

/* ---- choosing ---- */

static void hold_ip(struct service_alloc *a, struct held *h, uint32_t ip,
		    const struct service_range *from)
{
	ip_count(a, ip, 1);
	h->ips[h->n_ips++] = ip;
	free(h->from.name);
	h->from = *from;
	h->from.name = from->name ? xstrdup(from->name) : NULL;
}

static void hold_port(struct service_alloc *a, struct held *h, uint16_t port)
{
	a->ports[port]++;
	*ARRAY_PUSH(h->ports, h->n_ports, h->cap_ports) = port;
}

static bool ip_free(const struct service_alloc *a, const struct store_view *v, uint32_t ip)
{
	return ip != a->configured.base + 1 && !ip_uses(a, ip) && !service_address_taken(v, ip);
}

/* The first free one of n from `first` on, looked for from a random one. */
static bool free_within(const struct service_alloc *a, const struct store_view *v, uint32_t first,
			uint64_t n, uint32_t *ret)
{
	uint64_t start = n ? rng_below(&rng_system, n) : 0;

	for (uint64_t i = 0; i < n; i++) {
		*ret = first + (uint32_t)((start + i) % n);
		if (ip_free(a, v, *ret))
			return true;
	}
	return false;
}

/* The lower 1/16 of a range comes last: it is for those who choose one themselves (KEP-3070). */
static bool free_in(const struct service_alloc *a, const struct store_view *v, struct cidr4 c,
		    uint32_t *ret)
{
	uint64_t n = cidr4_size(c), hosts = n > 2 ? n - 2 : 0;
	uint64_t low = n <= 16 ? 0 : MIN(MAX(n / 16, (uint64_t)16), (uint64_t)256);

	if (low >= hosts)
		low = 0;
	return free_within(a, v, c.base + 1 + (uint32_t)low, hosts - low, ret) ||
	       free_within(a, v, c.base + 1, low, ret);
}

static const struct service_range *free_ip(const struct service_alloc *a,
					   const struct store_view *v,
					   const struct service_ranges *r, uint32_t *ret)
{
	size_t start = r->n ? (size_t)rng_below(&rng_system, r->n) : 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct service_range *one = &r->v[(start + i) % r->n];

		if (free_in(a, v, one->cidr, ret))
			return one;
	}
	return NULL;
}

static const struct service_range *range_of(const struct service_ranges *r, uint32_t ip)
{
	for (size_t i = 0; i < r->n; i++)
		if (cidr4_has_host(r->v[i].cidr, ip))
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

static void set_ip(struct json_object *spec, struct str ip)
{
	struct json_object *list = json_object_new_array(), *fam;

	json_object_array_add(list, jsonc_new_str(ip));
	jsonc_set_str(spec, "clusterIP", ip);
	jsonc_set(spec, "clusterIPs", list);
	if (!jsonc_get(spec, "ipFamilies")) {
		fam = json_object_new_array();
		json_object_array_add(fam, json_object_new_string("IPv4"));
		jsonc_set(spec, "ipFamilies", fam);
	}
	if (!jsonc_get(spec, "ipFamilyPolicy"))
		jsonc_set_str(spec, "ipFamilyPolicy", STR("SingleStack"));
}

static void ip_refused(struct str ip, const char *why, struct err *err)
{
	err_field(err, "spec.clusterIPs", "FieldValueInvalid",
		  "Invalid value: [\"%.*s\"]: failed to allocate IP %.*s: %s", STR_ARG(ip),
		  STR_ARG(ip), why);
}

static int choose_ip(struct service_alloc *a, struct held *h, struct json_object *spec,
		     struct str ip, struct err *err)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(a->store);
	CLEANUP(service_ranges_done) struct service_ranges r;
	const struct service_range *from;
	char text[INET_ADDRSTRLEN];
	uint32_t at;

	service_ranges_get(v, a->configured, &r);
	if (!ip.len) {
		from = free_ip(a, v, &r, &at);
		if (!from)
			return err_set(err, ENOSPC, "InternalError",
				       "Internal error occurred: failed to allocate a serviceIP: "
				       "range is full");
		hold_ip(a, h, at, from);
		set_ip(spec, str_of(cidr4_text(at, text)));
		return 0;
	}
	from = cidr4_address(ip, &at) ? range_of(&r, at) : NULL;
	if (!from)
		ip_refused(ip, "the provided network does not match the current range", err);
	else if (ip_uses(a, at) || service_address_taken(v, at))
		ip_refused(ip, "provided IP is already allocated", err);
	else
		hold_ip(a, h, at, from);
	set_ip(spec, ip);
	return 0;
}

static int prepare_ip(struct service_alloc *a, struct held *h, struct json_object *spec,
		      struct str old_ip, struct err *err)
{
	struct str ip = jsonc_path_str(spec, "clusterIP");

	if (str_eqs(jsonc_path_str(spec, "type"), "ExternalName"))
		return 0;
	if (!ip.len && old_ip.len)
		ip = old_ip;
	if (!str_eqs(ip, "None") && !(ip.len && str_eq(ip, old_ip)))
		return choose_ip(a, h, spec, ip, err);
	set_ip(spec, ip);
	return 0;
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
	r = prepare_ip(a, h, spec, jsonc_path_str(old, "spec.clusterIP"), err);
	if (r == 0) {
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

	service_address_charge(w, h && h->n_ips ? &h->from : NULL);
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
	free(h->from.name);
	free(h);
}
