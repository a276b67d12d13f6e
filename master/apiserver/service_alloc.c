/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/service_alloc.h"
#include "lib/api/api.h"
#include "lib/api/status.h"

#include <arpa/inet.h>

#define SERVICES STR("/core/services/")
#define ADDRESSES_MAX 65536u

/* How many stored Services (or writes under way) use an address or a port. */
struct service_alloc {
	struct store *store;
	struct store_watch *watch;
	uint32_t base, size; /* host order */
	uint16_t port_first, port_last;
	uint8_t *ips; /* by offset from base */
	uint8_t ports[65536];
	char first[INET_ADDRSTRLEN];
	struct list held; /* by writes under way */
	struct list committed; /* by writes whose event has perhaps not come yet */
};

/* Offsets and ports of one write. */
struct held {
	struct list node;
	uint64_t rev; /* committed at or before it */
	uint32_t ips[2];
	uint16_t *ports;
	size_t n_ips, n_ports, cap_ports;
};

static bool ip_offset(const struct service_alloc *a, struct str text, uint32_t *ret)
{
	char ip[INET_ADDRSTRLEN];
	struct in_addr in;

	if (str_copy(ip, sizeof(ip), text) < 0 || inet_pton(AF_INET, ip, &in) != 1)
		return false;
	*ret = ntohl(in.s_addr) - a->base;
	return *ret < a->size;
}

/* Count a stored Service's addresses and ports up or down. */
static void account(struct service_alloc *a, const struct store_obj *o, int by)
{
	struct jv spec = jv_get(jv_of(o->value), "spec");
	uint32_t at;
	int64_t port;

	if (ip_offset(a, jv_text(jv_get(spec, "clusterIP")), &at))
		a->ips[at] = (uint8_t)(a->ips[at] + by);
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
		a->ips[h->ips[i]]++;
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

	memset(a->ips, 0, a->size);
	memset(a->ports, 0, sizeof(a->ports));
	a->ips[0] = a->ips[a->size - 1] = 1; /* network and broadcast */
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
	struct str rest = str_of(cidr), ip;
	struct service_alloc *a;
	uint64_t bits = 0;
	char text[INET_ADDRSTRLEN];
	struct in_addr in;

	if (!str_split(&rest, '/', &ip) || str_copy(text, sizeof(text), ip) < 0 ||
	    inet_pton(AF_INET, text, &in) != 1 || str_to_u64(rest, &bits) < 0 || bits < 8 ||
	    bits > 29)
		return err_sys(err, EINVAL,
			       "\"%s\" is no IPv4 range of at least 8 addresses such as "
			       "10.96.0.0/16",
			       cidr);
	a = NEW(struct service_alloc);
	a->store = store;
	a->base = ntohl(in.s_addr) & (0xffffffffu << (32 - bits));
	a->size = MIN(1u << (32 - bits), ADDRESSES_MAX);
	a->port_first = port_first;
	a->port_last = port_last;
	a->ips = xcalloc(a->size, 1);
	list_init(&a->held);
	list_init(&a->committed);
	in.s_addr = htonl(a->base + 1);
	inet_ntop(AF_INET, &in, a->first, sizeof(a->first));
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
	free(a->ips);
	free(a);
	return NULL;
}

const char *service_alloc_first_ip(const struct service_alloc *a)
{
	return a->first;
}

/* ---- choosing ---- */

static void hold_ip(struct service_alloc *a, struct held *h, uint32_t at)
{
	a->ips[at]++;
	h->ips[h->n_ips++] = at;
}

static void hold_port(struct service_alloc *a, struct held *h, uint16_t port)
{
	a->ports[port]++;
	*ARRAY_PUSH(h->ports, h->n_ports, h->cap_ports) = port;
}

/* A random free address; the lower 1/16 is left to those who choose one themselves (KEP-3070). */
static int free_ip(struct service_alloc *a, uint32_t *ret)
{
	uint32_t band = MIN(MAX(a->size / 16, 16u), 256u);
	uint32_t low = a->size > 2 * band ? band : 2;
	uint32_t start = low + (uint32_t)rng_below(&rng_system, a->size - low);

	for (uint32_t i = 0; i < a->size; i++) {
		*ret = (start + i) % a->size;
		if (*ret > 1 && !a->ips[*ret])
			return 0;
	}
	return -ENOSPC;
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

static void prepare_ip(struct service_alloc *a, struct held *h, struct json_object *spec,
		       struct str old_ip, struct err *err)
{
	struct str ip = jsonc_path_str(spec, "clusterIP");
	char text[INET_ADDRSTRLEN];
	struct in_addr in;
	uint32_t at;

	if (str_eqs(jsonc_path_str(spec, "type"), "ExternalName"))
		return;
	if (!ip.len && old_ip.len)
		ip = old_ip;
	if (str_eqs(ip, "None") || (ip.len && str_eq(ip, old_ip))) {
		set_ip(spec, ip);
		return;
	}
	if (ip.len) {
		if (!ip_offset(a, ip, &at))
			err_field(err, "spec.clusterIPs", "FieldValueInvalid",
				  "Invalid value: [\"%.*s\"]: failed to allocate IP %.*s: the "
				  "provided "
				  "network does not match the current range",
				  STR_ARG(ip), STR_ARG(ip));
		else if (a->ips[at])
			err_field(err, "spec.clusterIPs", "FieldValueInvalid",
				  "Invalid value: [\"%.*s\"]: failed to allocate IP %.*s: provided "
				  "IP "
				  "is already allocated",
				  STR_ARG(ip), STR_ARG(ip));
		else
			hold_ip(a, h, at);
		set_ip(spec, ip);
		return;
	}
	if (free_ip(a, &at) < 0) {
		err_field(err, "spec.clusterIPs", "InternalError",
			  "failed to allocate a serviceIP: range is full");
		return;
	}
	hold_ip(a, h, at);
	in.s_addr = htonl(a->base + at);
	inet_ntop(AF_INET, &in, text, sizeof(text));
	set_ip(spec, str_of(text));
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

	if (*k->group || strcmp(k->plural, "services") != 0 || sub || !spec)
		return 0;
	h = NEW(struct held);
	list_append(&a->held, &h->node);
	prepare_ip(a, h, spec, jsonc_path_str(old, "spec.clusterIP"), err);
	prepare_ports(a, h, spec, old, err);
	prepare_health(a, h, spec, old, err);
	if (err->n_fields) {
		service_alloc_drop(a, h);
		return api_err_invalid(err, k, jsonc_path_str(obj, "metadata.name"));
	}
	*held = h;
	return 0;
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
		a->ips[h->ips[i]]--;
	for (size_t i = 0; i < h->n_ports; i++)
		a->ports[h->ports[i]]--;
	free(h->ports);
	free(h);
}
