/* SPDX-License-Identifier: Apache-2.0 */
/* Ingress, NetworkPolicy and addresses; follows pkg/apis/networking/validation. */
#include <arpa/inet.h>
#include "lib/api/kinds/types.h"
#include "lib/api/validate.h"
#include "lib/api/validate/rules.h"

/* ---- Ingress ---- */

static void check_backend_port(const struct place *p, struct json_object *service)
{
	struct json_object *port = jsonc_get(service, "port");
	struct str name = text_of(port, "name");
	int64_t number = int_of(port, "number");

	if (name.len && number) {
		place_invalid_str(p, STR(""), "cannot set both port name & port number");
	} else if (name.len) {
		check_name(PLACE(p, "service.port.name"), NAME_PORT, name);
	} else if (number) {
		check_port(PLACE(p, "service.port.number"), number);
	} else {
		place_required(p, "port name or number is required");
	}
}

static void check_backend(const struct place *p, struct json_object *backend)
{
	struct json_object *service = jsonc_get(backend, "service");
	struct json_object *res = jsonc_get(backend, "resource");

	if (service && res) {
		place_invalid_str(p, STR(""), "cannot set both resource and service backends");
	} else if (res) {
		if (!text_of(res, "kind").len)
			place_required(PLACE(p, "resource.kind"), "");
		if (!text_of(res, "name").len)
			place_required(PLACE(p, "resource.name"), "");
	} else if (service) {
		if (!text_of(service, "name").len)
			place_required(PLACE(p, "service.name"), "");
		else
			check_name(PLACE(p, "service.name"), NAME_DNS_LABEL_1035,
				   text_of(service, "name"));
		check_backend_port(p, service);
	} else {
		place_required(p, "resource or service backend is required");
	}
}

static void check_absolute(const struct place *p, struct str path)
{
	static const char *const within[] = {"//", "/./", "/../", "%2f", "%2F"};
	static const char *const ends[] = {"/..", "/."};
	CLEANUP_FREE char *text = str_dup(path);

	if (!str_starts(path, STR("/"))) {
		place_invalid_str(p, path, "must be an absolute path");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(within); i++)
		if (strstr(text, within[i])) {
			CLEANUP_FREE char *why = xasprintf("must not contain '%s'", within[i]);

			place_invalid_str(p, path, why);
		}
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (str_ends(path, str_of(ends[i]))) {
			CLEANUP_FREE char *why = xasprintf("cannot end with '%s'", ends[i]);

			place_invalid_str(p, path, why);
		}
}

static void check_http_path(const struct place *p, struct json_object *o)
{
	static const char *const types[] = {"Exact", "ImplementationSpecific", "Prefix", NULL};
	struct str type = text_of(o, "pathType"), path = text_of(o, "path");

	if (!type.len)
		place_required(PLACE(p, "pathType"), "pathType must be specified");
	else if (str_eqs(type, "Exact") || str_eqs(type, "Prefix"))
		check_absolute(PLACE(p, "path"), path);
	else if (!str_eqs(type, "ImplementationSpecific"))
		place_unsupported(PLACE(p, "pathType"), type, types);
	else if (path.len && path.p[0] != '/')
		place_invalid_str(PLACE(p, "path"), path, "must be an absolute path");
	check_backend(PLACE(p, "backend"), jsonc_get(o, "backend"));
}

static void check_host(const struct place *p, struct str host)
{
	if (!host.len)
		return;
	if (is_ip(host))
		place_invalid_str(p, host, "must be a DNS name, not an IP address");
	else if (str_starts(host, STR("*.")))
		check_name(p, NAME_SUBDOMAIN, str_skip(host, 2));
	else
		check_name(p, NAME_SUBDOMAIN, host);
}

static void check_tls(const struct place *p, struct json_object *tls)
{
	for (size_t i = 0; i < list_len(tls); i++) {
		struct json_object *hosts = jsonc_get(list_at(tls, i), "hosts");
		struct str secret = text_of(list_at(tls, i), "secretName");

		for (size_t j = 0; j < list_len(hosts); j++)
			check_host(PLACE_AT(PLACE(PLACE_AT(p, i), "hosts"), j),
				   jsonc_str(list_at(hosts, j)));
		if (secret.len)
			check_name(PLACE(PLACE_AT(p, i), "secretName"), NAME_SUBDOMAIN, secret);
	}
}

void validate_ingress(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *rules = jsonc_get(spec, "rules");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	struct str class = text_of(spec, "ingressClassName");

	if (!list_len(rules) && !jsonc_get(spec, "defaultBackend"))
		place_invalid(p, rules, "either `defaultBackend` or `rules` must be specified");
	if (jsonc_get(spec, "defaultBackend"))
		check_backend(PLACE(p, "defaultBackend"), jsonc_get(spec, "defaultBackend"));
	for (size_t i = 0; i < list_len(rules); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "rules"), i);
		struct json_object *http = jsonc_get(list_at(rules, i), "http");
		struct json_object *paths = jsonc_get(http, "paths");

		check_host(PLACE(at, "host"), text_of(list_at(rules, i), "host"));
		if (http && !list_len(paths))
			place_required(PLACE(at, "http.paths"), "");
		for (size_t j = 0; j < list_len(paths); j++)
			check_http_path(PLACE_AT(PLACE(at, "http.paths"), j), list_at(paths, j));
	}
	check_tls(PLACE(p, "tls"), jsonc_get(spec, "tls"));
	if (class.len)
		check_name(PLACE(p, "ingressClassName"), NAME_SUBDOMAIN, class);
}

void validate_ingress_create(struct json_object *obj, struct err *err)
{
	struct json_object *note =
		jsonc_get(jsonc_path(obj, "metadata.annotations"), "kubernetes.io/ingress.class");

	if (note && jsonc_path(obj, "spec.ingressClassName"))
		place_invalid(PLACE_KEY(PLACE(PLACE_OF(err), "annotations"),
					"kubernetes.io/ingress.class"),
			      note, "can not be set when the class field is also set");
}

void validate_ingressclass(struct json_object *obj, struct err *err)
{
	static const char *const scopes[] = {"Cluster", "Namespace", NULL};
	struct json_object *spec = jsonc_get(obj, "spec"), *par = jsonc_get(spec, "parameters");
	const struct place *p = PLACE(PLACE_OF(err), "spec"), *pp = PLACE(p, "parameters");
	struct str controller = text_of(spec, "controller"), scope = text_of(par, "scope");

	if (controller.len > 250)
		place_too_long(PLACE(p, "controller"), 250);
	if (!controller.len)
		place_required(PLACE(p, "controller"), "");
	else if (str_chr(controller, '/') <= 0)
		place_invalid_str(PLACE(p, "controller"), controller,
				  "must be a domain-prefixed path (such as \"acme.io/foo\")");
	if (!par)
		return;
	if (!text_of(par, "kind").len)
		place_required(PLACE(pp, "kind"), "kind is required");
	if (!text_of(par, "name").len)
		place_required(PLACE(pp, "name"), "name is required");
	check_enum(pp, par, "scope", scopes, true);
	if (str_eqs(scope, "Namespace") && !text_of(par, "namespace").len)
		place_required(PLACE(pp, "namespace"), "`parameters.scope` is set to 'Namespace'");
	if (str_eqs(scope, "Cluster") && jsonc_get(par, "namespace"))
		place_forbidden(PLACE(pp, "namespace"), "`parameters.scope` is set to 'Cluster'");
}

void validate_ingressclass_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec.controller"), jsonc_path(obj, "spec.controller"),
			jsonc_path(old, "spec.controller"));
}

/* ---- NetworkPolicy ---- */

static void check_policy_port(const struct place *p, struct json_object *o)
{
	struct json_object *port = jsonc_get(o, "port"), *end = jsonc_get(o, "endPort");

	check_enum(p, o, "protocol", check_protocols, false);
	if (port)
		check_port_or_name(PLACE(p, "port"), port);
	if (!end)
		return;
	if (!port)
		place_required(PLACE(p, "port"), "must be specified when endPort is set");
	else if (!json_object_is_type(port, json_type_int))
		place_invalid(PLACE(p, "endPort"), end, "may not be set with named port");
	else if (jsonc_i64(end, 0) < jsonc_i64(port, 0))
		place_invalid(PLACE(p, "endPort"), end, "must be greater than or equal to `port`");
	else
		check_port(PLACE(p, "endPort"), jsonc_i64(end, 0));
}

/* Is `in` a smaller part of `of`? Both are right. */
static bool subset(struct str in, struct str of)
{
	CLEANUP_FREE char *a = str_dup(in), *b = str_dup(of);
	char *sa = strchr(a, '/'), *sb = strchr(b, '/');
	unsigned char x[16] = {0}, y[16] = {0};
	int family = strchr(a, ':') ? AF_INET6 : AF_INET, la, lb;

	if (!sa || !sb || (strchr(b, ':') != NULL) != (family == AF_INET6))
		return false;
	*sa = *sb = 0;
	la = atoi(sa + 1);
	lb = atoi(sb + 1);
	if (la <= lb || inet_pton(family, a, x) != 1 || inet_pton(family, b, y) != 1)
		return false;
	for (int i = 0; i < lb; i++)
		if ((x[i / 8] ^ y[i / 8]) & (0x80 >> (i % 8)))
			return false;
	return true;
}

static void check_ip_block(const struct place *p, struct json_object *block)
{
	struct json_object *except = jsonc_get(block, "except");
	struct str cidr = text_of(block, "cidr");
	size_t before = place_mistakes(p);

	if (!cidr.len) {
		place_required(PLACE(p, "cidr"), "");
		return;
	}
	check_cidr(PLACE(p, "cidr"), cidr);
	for (size_t i = 0; i < list_len(except); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "except"), i);
		struct str e = jsonc_str(list_at(except, i));

		check_cidr(at, e);
		if (place_mistakes(p) == before && !subset(e, cidr))
			place_invalid_str(at, e, "must be a strict subset of `cidr`");
	}
}

static void check_peer(const struct place *p, struct json_object *peer)
{
	static const char *const selectors[] = {"podSelector", "namespaceSelector"};
	struct json_object *block = jsonc_get(peer, "ipBlock");
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		n += jsonc_get(peer, selectors[i]) != NULL;
		check_label_selector(PLACE(p, selectors[i]), jsonc_get(peer, selectors[i]));
	}
	if (block)
		check_ip_block(PLACE(p, "ipBlock"), block);
	if (block && n)
		place_forbidden(p, "may not specify both ipBlock and another peer");
	if (!block && !n)
		place_required(p, "must specify a peer");
}

static void check_policy_rules(const struct place *p, struct json_object *rules, const char *peers)
{
	for (size_t i = 0; i < list_len(rules); i++) {
		struct json_object *ports = jsonc_get(list_at(rules, i), "ports");
		struct json_object *list = jsonc_get(list_at(rules, i), peers);
		const struct place *at = PLACE_AT(p, i);

		for (size_t j = 0; j < list_len(ports); j++)
			check_policy_port(PLACE_AT(PLACE(at, "ports"), j), list_at(ports, j));
		for (size_t j = 0; j < list_len(list); j++)
			check_peer(PLACE_AT(PLACE(at, peers), j), list_at(list, j));
	}
}

void validate_networkpolicy(struct json_object *obj, struct err *err)
{
	static const char *const known[] = {"Egress", "Ingress", NULL};
	struct json_object *spec = jsonc_get(obj, "spec"), *types = jsonc_get(spec, "policyTypes");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_label_selector(PLACE(p, "podSelector"), jsonc_get(spec, "podSelector"));
	check_policy_rules(PLACE(p, "ingress"), jsonc_get(spec, "ingress"), "from");
	check_policy_rules(PLACE(p, "egress"), jsonc_get(spec, "egress"), "to");
	if (list_len(types) > 2) {
		place_invalid(PLACE(p, "policyTypes"), types,
			      "may not specify more than two policyTypes");
		return;
	}
	for (size_t i = 0; i < list_len(types); i++) {
		struct str t = jsonc_str(list_at(types, i));

		if (!str_eqs(t, known[0]) && !str_eqs(t, known[1]))
			place_unsupported(PLACE_AT(PLACE(p, "policyTypes"), i), t, known);
	}
}

/* ---- IPAddress, ServiceCIDR ---- */

static bool canonical_ip(struct str text)
{
	CLEANUP_FREE char *t = str_dup(text);
	char out[INET6_ADDRSTRLEN];
	unsigned char raw[16];
	int family = t && strchr(t, ':') ? AF_INET6 : AF_INET;

	return t && inet_pton(family, t, raw) == 1 && inet_ntop(family, raw, out, sizeof(out)) &&
	       strcmp(out, t) == 0;
}

void validate_ipaddress(struct json_object *obj, struct err *err)
{
	struct json_object *ref = jsonc_path(obj, "spec.parentRef");
	const struct place *p = PLACE(PLACE_OF(err), "spec.parentRef");
	struct str name = jsonc_path_str(obj, "metadata.name");

	if (!canonical_ip(name))
		place_invalid_str(PLACE(PLACE_OF(err), "metadata.name"), name,
				  "must be a valid IP address in canonical form");
	if (!ref) {
		place_required(p, "");
		return;
	}
	if (!text_of(ref, "resource").len)
		place_required(PLACE(p, "resource"), "");
	if (!text_of(ref, "name").len)
		place_required(PLACE(p, "name"), "");
}

void validate_ipaddress_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec.parentRef"), jsonc_path(obj, "spec.parentRef"),
			jsonc_path(old, "spec.parentRef"));
}

void validate_servicecidr(struct json_object *obj, struct err *err)
{
	struct json_object *list = jsonc_path(obj, "spec.cidrs");
	const struct place *p = PLACE(PLACE_OF(err), "spec.cidrs");

	if (!list_len(list))
		place_required(p, "at least one CIDR required");
	else if (list_len(list) > 2)
		place_invalid(p, list, "may only hold up to 2 values");
	else if (list_len(list) == 2 && (str_chr(jsonc_str(list_at(list, 0)), ':') >= 0) ==
						(str_chr(jsonc_str(list_at(list, 1)), ':') >= 0))
		place_invalid(p, list,
			      "may specify no more than one IP for each IP family, i.e "
			      "192.168.0.0/24 and 2001:db8::/64");
	else
		for (size_t i = 0; i < list_len(list); i++)
			check_cidr(PLACE_AT(p, i), jsonc_str(list_at(list, i)));
}

void validate_servicecidr_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *now = jsonc_path(obj, "spec.cidrs"),
			   *was = jsonc_path(old, "spec.cidrs");
	const struct place *p = PLACE(PLACE_OF(err), "spec.cidrs");

	/* One of the other family may come: the way to two families. */
	if (list_len(was) != 1 || list_len(now) != 2)
		check_immutable(p, now, was);
	else if (!jsonc_equal(list_at(now, 0), list_at(was, 0)))
		place_invalid(PLACE_AT(p, 0), list_at(now, 0), "field is immutable");
}
