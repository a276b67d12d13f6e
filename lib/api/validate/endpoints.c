/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints and EndpointSlice; follows pkg/apis/core and pkg/apis/discovery validation. */
#include "lib/api/validate/check.h"
#include "lib/api/validate/rules.h"

#define MAX_ADDRESSES 100
#define MAX_PORTS 20000
#define MAX_ENDPOINTS 1000
#define MAX_HINTS 8

static void check_address(const struct place *p, struct json_object *a)
{
	struct str host = text_of(a, "hostname");
	struct json_object *node = jsonc_get(a, "nodeName");

	check_ip(PLACE(p, "ip"), text_of(a, "ip"));
	if (host.len)
		check_name(PLACE(p, "hostname"), NAME_DNS_LABEL, host);
	if (node)
		check_name(PLACE(p, "nodeName"), NAME_SUBDOMAIN, jsonc_str(node));
	check_ip_not_special(PLACE(p, "ip"), text_of(a, "ip"));
}

static void check_endpoint_port(const struct place *p, struct json_object *port, bool need_name)
{
	struct str name = text_of(port, "name");
	struct json_object *app = jsonc_get(port, "appProtocol");

	if (name.len)
		check_name(PLACE(p, "name"), NAME_DNS_LABEL, name);
	else if (need_name)
		place_required(PLACE(p, "name"), "");
	check_port(PLACE(p, "port"), int_of(port, "port"));
	check_enum(p, port, "protocol", check_protocols, true);
	if (app)
		check_name(PLACE(p, "appProtocol"), NAME_QUALIFIED, jsonc_str(app));
}

static void check_subset(const struct place *p, struct json_object *s)
{
	static const char *const lists[] = {"addresses", "notReadyAddresses"};
	struct json_object *ports = jsonc_get(s, "ports");

	if (!list_len(jsonc_get(s, lists[0])) && !list_len(jsonc_get(s, lists[1])))
		place_required(p, "must specify `addresses` or `notReadyAddresses`");
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json_object *list = jsonc_get(s, lists[l]);

		for (size_t i = 0; i < list_len(list); i++)
			check_address(PLACE_AT(PLACE(p, lists[l]), i), list_at(list, i));
	}
	for (size_t i = 0; i < list_len(ports); i++)
		check_endpoint_port(PLACE_AT(PLACE(p, "ports"), i), list_at(ports, i),
				    list_len(ports) > 1);
}

void validate_endpoints(struct json_object *obj, struct err *err)
{
	struct json_object *list = jsonc_get(obj, "subsets");
	const struct place *p = PLACE(PLACE_OF(err), "subsets");

	for (size_t i = 0; i < list_len(list); i++)
		check_subset(PLACE_AT(p, i), list_at(list, i));
}

/* ---- EndpointSlice ---- */

static void check_fqdn(const struct place *p, struct str s)
{
	if (!s.len) {
		place_required(p, "");
		return;
	}
	if (s.p[s.len - 1] == '.')
		s.len--;
	check_name(p, NAME_SUBDOMAIN, s);
	if (str_chr(s, '.') < 0)
		place_invalid_str(
			p, s, "should be a domain with at least two segments separated by dots");
}

static void check_slice_address(const struct place *p, struct str type, struct str a)
{
	if (str_eqs(type, "FQDN")) {
		check_fqdn(p, a);
		return;
	}
	if (str_eqs(type, "IPv4") && (!is_ip(a) || ip_is_v6(a)))
		place_invalid_str(p, a, "must be a valid IPv4 address");
	else if (str_eqs(type, "IPv6") && !ip_is_v6(a))
		place_invalid_str(p, a, "must be a valid IPv6 address");
	if (str_eqs(type, "IPv4") || str_eqs(type, "IPv6"))
		check_ip_not_special(p, a);
}

static void check_zone_hints(const struct place *p, struct json_object *list, const char *what)
{
	struct seen seen = {0};

	if (list_len(list) > MAX_HINTS) {
		place_too_many(p, list_len(list), MAX_HINTS);
		return;
	}
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");
		const struct place *at = PLACE(PLACE_AT(p, i), "name");

		if (!seen_add(&seen, name))
			place_duplicate(at, name);
		else
			check_name(at,
				   strcmp(what, "zone") == 0 ? NAME_LABEL_VALUE : NAME_SUBDOMAIN,
				   name);
	}
	seen_done(&seen);
}

static void check_endpoint(const struct place *p, struct json_object *e, struct str type)
{
	struct json_object *addresses = jsonc_get(e, "addresses");
	struct json_object *host = jsonc_get(e, "hostname"), *node = jsonc_get(e, "nodeName");
	struct json_object *topology = jsonc_get(e, "deprecatedTopology");
	const struct place *at = PLACE(p, "addresses");

	if (!list_len(addresses))
		place_required(at, "must contain at least 1 address");
	else if (list_len(addresses) > MAX_ADDRESSES)
		place_too_many(at, list_len(addresses), MAX_ADDRESSES);
	for (size_t i = 0; i < list_len(addresses); i++)
		check_slice_address(PLACE_AT(at, i), type, jsonc_str(list_at(addresses, i)));
	if (node)
		check_name(PLACE(p, "nodeName"), NAME_SUBDOMAIN, jsonc_str(node));
	check_labels(PLACE(p, "deprecatedTopology"), topology);
	if (host)
		check_name(PLACE(p, "hostname"), NAME_DNS_LABEL, jsonc_str(host));
	check_zone_hints(PLACE(p, "hints.forZones"), jsonc_path(e, "hints.forZones"), "zone");
	check_zone_hints(PLACE(p, "hints.forNodes"), jsonc_path(e, "hints.forNodes"), "node");
}

static void check_slice_ports(const struct place *p, struct json_object *ports)
{
	struct seen names = {0};

	if (list_len(ports) > MAX_PORTS) {
		place_too_many(p, list_len(ports), MAX_PORTS);
		return;
	}
	for (size_t i = 0; i < list_len(ports); i++) {
		struct json_object *port = list_at(ports, i);
		struct str name = text_of(port, "name");
		struct json_object *app = jsonc_get(port, "appProtocol");
		const struct place *at = PLACE_AT(p, i);

		if (name.len)
			check_name(PLACE(at, "name"), NAME_DNS_LABEL, name);
		if (!seen_add(&names, name))
			place_duplicate(PLACE(at, "name"), name);
		check_enum(at, port, "protocol", check_protocols, true);
		if (app)
			check_name(PLACE(at, "appProtocol"), NAME_QUALIFIED, jsonc_str(app));
	}
	seen_done(&names);
}

void validate_endpointslice(struct json_object *obj, struct err *err)
{
	static const char *const types[] = {"FQDN", "IPv4", "IPv6", NULL};
	struct json_object *list = jsonc_get(obj, "endpoints");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "endpoints");

	check_enum(root, obj, "addressType", types, true);
	if (list_len(list) > MAX_ENDPOINTS)
		place_too_many(p, list_len(list), MAX_ENDPOINTS);
	for (size_t i = 0; list_len(list) <= MAX_ENDPOINTS && i < list_len(list); i++)
		check_endpoint(PLACE_AT(p, i), list_at(list, i), text_of(obj, "addressType"));
	check_slice_ports(PLACE(root, "ports"), jsonc_get(obj, "ports"));
}

void validate_endpointslice_update(struct json_object *obj, struct json_object *old,
				   struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "addressType"), jsonc_get(obj, "addressType"),
			jsonc_get(old, "addressType"));
}
