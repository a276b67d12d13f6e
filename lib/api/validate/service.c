/* SPDX-License-Identifier: Apache-2.0 */
/* Service; follows pkg/apis/core/validation. */
#include "lib/api/validate/check.h"
#include "lib/api/validate/rules.h"

#define AFFINITY_MAX_S 86400
#define TOPOLOGY_HINTS "service.kubernetes.io/topology-aware-hints"
#define TOPOLOGY_MODE "service.kubernetes.io/topology-mode"
#define SOURCE_RANGES "service.beta.kubernetes.io/load-balancer-source-ranges"

static bool is_type(struct json_object *spec, const char *type)
{
	return str_eqs(text_of(spec, "type"), type);
}

static bool headless(struct json_object *spec)
{
	struct json_object *ips = jsonc_get(spec, "clusterIPs");

	return list_len(ips) == 1 && str_eqs(jsonc_str(list_at(ips, 0)), "None");
}

/* Reached from outside the cluster, so that externalTrafficPolicy means something. */
static bool external(struct json_object *spec)
{
	return is_type(spec, "LoadBalancer") || is_type(spec, "NodePort") ||
	       (is_type(spec, "ClusterIP") && list_len(jsonc_get(spec, "externalIPs")));
}

static bool health_checked(struct json_object *spec)
{
	return is_type(spec, "LoadBalancer") &&
	       str_eqs(text_of(spec, "externalTrafficPolicy"), "Local");
}

static void check_external_name(const struct place *p, struct json_object *spec)
{
	static const char *const unset[] = {"clusterIPs", "ipFamilies", "ipFamilyPolicy"};
	struct str name = text_of(spec, "externalName");

	for (size_t i = 0; i < ARRAY_SIZE(unset); i++)
		if (jsonc_get(spec, unset[i]))
			place_forbidden(PLACE(p, unset[i]),
					"may not be set for ExternalName services");
	if (name.len && name.p[name.len - 1] == '.')
		name.len--;
	if (name.len)
		check_name(PLACE(p, "externalName"), NAME_SUBDOMAIN, name);
	else
		place_required(PLACE(p, "externalName"), "");
}

static void check_type(const struct place *p, struct json_object *spec)
{
	const struct place *ip = PLACE_AT(PLACE(p, "clusterIPs"), 0);

	if (is_type(spec, "ExternalName")) {
		check_external_name(p, spec);
		return;
	}
	if (!list_len(jsonc_get(spec, "ports")) && !headless(spec))
		place_required(PLACE(p, "ports"), "");
	if (headless(spec) && is_type(spec, "LoadBalancer"))
		place_invalid_str(ip, STR("None"),
				  "may not be set to 'None' for LoadBalancer services");
	if (headless(spec) && is_type(spec, "NodePort"))
		place_invalid_str(ip, STR("None"),
				  "may not be set to 'None' for NodePort services");
}

static void check_service_port(const struct place *p, struct json_object *port, bool need_name,
			       struct seen *names)
{
	struct str name = text_of(port, "name");
	struct json_object *app = jsonc_get(port, "appProtocol");

	if (name.len) {
		check_name(PLACE(p, "name"), NAME_DNS_LABEL, name);
		if (!seen_add(names, name))
			place_duplicate(PLACE(p, "name"), name);
	} else if (need_name) {
		place_required(PLACE(p, "name"), "");
	}
	check_port(PLACE(p, "port"), int_of(port, "port"));
	check_enum(p, port, "protocol", check_protocols, true);
	check_port_or_name(PLACE(p, "targetPort"), jsonc_get(port, "targetPort"));
	if (app)
		check_name(PLACE(p, "appProtocol"), NAME_QUALIFIED, jsonc_str(app));
}

/* "TCP/80", to see whether a pair comes twice; in `keep` as long as `seen` lives. */
static bool pair_is_new(struct seen *seen, struct buf *keep, struct str protocol, int64_t port)
{
	size_t at = keep->len;

	buf_addf(keep, "%.*s/%" PRId64, STR_ARG(protocol), port);
	return seen_add(seen, str_skip(buf_str(keep), at));
}

static void report_port_twice(const struct place *p, struct json_object *port)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(text_of(port, "protocol"), &b);
	place_report(p, "FieldValueDuplicate",
		     "Duplicate value: {\"Name\":\"\",\"Protocol\":%s,\"AppProtocol\":null,"
		     "\"Port\":%" PRId64 ",\"TargetPort\":0,\"NodePort\":0}",
		     b.p, int_of(port, "port"));
}

/* No two ports with the same number and protocol, neither inside nor on the nodes. */
static void check_port_pairs(const struct place *p, struct json_object *ports, const char *field)
{
	CLEANUP(buf_done) struct buf keep = BUF_INIT;
	struct seen seen = {0};

	/* Room for all: pieces of it are remembered, so it must not move. */
	buf_reserve(&keep, list_len(ports) * 48 + 1);
	for (size_t i = 0; i < list_len(ports); i++) {
		struct json_object *port = list_at(ports, i);
		struct str protocol = text_of(port, "protocol");
		int64_t n = int_of(port, field);

		protocol.len = MIN(protocol.len, (size_t)20);
		if (!n && strcmp(field, "nodePort") == 0)
			continue;
		if (pair_is_new(&seen, &keep, protocol, n))
			continue;
		if (strcmp(field, "nodePort") == 0)
			place_report(PLACE(PLACE_AT(p, i), field), "FieldValueDuplicate",
				     "Duplicate value: %" PRId64, n);
		else
			report_port_twice(PLACE_AT(p, i), port);
	}
	seen_done(&seen);
}

static void check_ports(const struct place *p, struct json_object *ports)
{
	struct seen names = {0};

	for (size_t i = 0; i < list_len(ports); i++)
		check_service_port(PLACE_AT(p, i), list_at(ports, i), list_len(ports) > 1, &names);
	seen_done(&names);
}

static void check_affinity(const struct place *p, struct json_object *spec)
{
	static const char *const kinds[] = {"ClientIP", "None", NULL};
	static const char *const when = "when session affinity type is ClientIP";
	struct str affinity = text_of(spec, "sessionAffinity");
	struct json_object *conf = jsonc_get(spec, "sessionAffinityConfig");
	struct json_object *client = jsonc_get(conf, "clientIP");
	struct json_object *timeout = jsonc_get(client, "timeoutSeconds");
	const struct place *at = PLACE(p, "sessionAffinityConfig");

	check_enum(p, spec, "sessionAffinity", kinds, true);
	if (str_eqs(affinity, "None") && conf)
		place_forbidden(at, "must not be set when session affinity is None");
	if (!str_eqs(affinity, "ClientIP"))
		return;
	if (!conf)
		place_required(at, when);
	else if (!client)
		place_required(PLACE(at, "clientIP"), when);
	else if (!timeout)
		place_required(PLACE(at, "clientIP.timeoutSeconds"), when);
	else if (jsonc_i64(timeout, 0) <= 0 || jsonc_i64(timeout, 0) > AFFINITY_MAX_S)
		place_invalid(PLACE(at, "clientIP.timeoutSeconds"), timeout,
			      "must be greater than 0 and less than 86400");
}

/* ---- Addresses of its own ---- */

static void check_families(const struct place *p, struct json_object *spec)
{
	static const char *const families[] = {"IPv4", "IPv6", NULL};
	static const char *const policies[] = {"PreferDualStack", "RequireDualStack", "SingleStack",
					       NULL};
	struct json_object *list = jsonc_get(spec, "ipFamilies");
	struct seen seen = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct str f = jsonc_str(list_at(list, i));
		const struct place *at = PLACE_AT(PLACE(p, "ipFamilies"), i);

		if (!str_eqs(f, "IPv4") && !str_eqs(f, "IPv6"))
			place_unsupported(at, f, families);
		if (!seen_add(&seen, f))
			place_duplicate(at, f);
	}
	seen_done(&seen);
	if (jsonc_get(spec, "ipFamilyPolicy"))
		check_enum(p, spec, "ipFamilyPolicy", policies, false);
}

static void check_same_ip(const struct place *at, struct json_object *spec)
{
	struct json_object *ips = jsonc_get(spec, "clusterIPs");
	struct str ip = text_of(spec, "clusterIP");

	if (!ip.len) {
		if (list_len(ips))
			place_invalid(at, ips, "must be empty when `clusterIP` is not specified");
	} else if (!list_len(ips)) {
		place_required(at, "");
	} else if (!str_eq(jsonc_str(list_at(ips, 0)), ip)) {
		place_invalid(at, ips, "first value must match `clusterIP`");
	}
}

/* Every one an address ("None" only alone); false when one is not. */
static bool check_ips(const struct place *at, struct json_object *ips)
{
	bool good = true;

	for (size_t i = 0; i < list_len(ips); i++) {
		struct str ip = jsonc_str(list_at(ips, i));

		if (i || !str_eqs(ip, "None")) {
			good &= check_ip(PLACE_AT(at, i), ip);
		} else if (list_len(ips) > 1) {
			place_invalid(at, ips, "'None' must be the first and only value");
			good = false;
		}
	}
	if (list_len(ips) > 2)
		place_invalid(at, ips, "may only hold up to 2 values");
	return good;
}

static void check_cluster_ips(const struct place *p, struct json_object *spec)
{
	struct json_object *ips = jsonc_get(spec, "clusterIPs");
	struct json_object *families = jsonc_get(spec, "ipFamilies");
	const struct place *at = PLACE(p, "clusterIPs");
	size_t v6 = 0;

	if (is_type(spec, "ExternalName"))
		return;
	check_same_ip(at, spec);
	check_families(p, spec);
	if (!check_ips(at, ips))
		return;
	for (size_t i = 0; i < list_len(ips); i++)
		v6 += ip_is_v6(jsonc_str(list_at(ips, i)));
	if (list_len(ips) > 1 && (!v6 || v6 == list_len(ips)))
		place_invalid(at, ips, "may specify no more than one IP for each IP family");
	for (size_t i = 0; !headless(spec) && i < MIN(list_len(ips), list_len(families)); i++) {
		struct str ip = jsonc_str(list_at(ips, i)), f = jsonc_str(list_at(families, i));
		CLEANUP_FREE char *why = xasprintf(
			"expected an %.*s value as indicated by `ipFamilies[%zu]`", STR_ARG(f), i);

		if ((str_eqs(f, "IPv4") && ip_is_v6(ip)) || (str_eqs(f, "IPv6") && !ip_is_v6(ip)))
			place_invalid_str(PLACE_AT(at, i), ip, why);
	}
}

void validate_service_addresses(struct json_object *obj, struct err *err)
{
	check_cluster_ips(PLACE(PLACE_OF(err), "spec"), jsonc_get(obj, "spec"));
}

/* ---- From outside ---- */

static void check_source_ranges(const struct place *root, struct json_object *obj)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *list = jsonc_get(spec, "loadBalancerSourceRanges");
	struct json_object *note =
		jsonc_get(jsonc_path(obj, "metadata.annotations"), SOURCE_RANGES);
	const struct place *at =
		list_len(list) ? PLACE(root, "spec.LoadBalancerSourceRanges")
			       : PLACE_KEY(PLACE(root, "metadata.annotations"), SOURCE_RANGES);
	struct str rest = str_trim(jsonc_str(note)), cidr;

	if (!list_len(list) && !note)
		return;
	if (!is_type(spec, "LoadBalancer"))
		place_forbidden(at, "may only be used when `type` is 'LoadBalancer'");
	for (size_t i = 0; i < list_len(list); i++)
		check_cidr(PLACE_AT(at, i), str_trim(jsonc_str(list_at(list, i))));
	while (!list_len(list) && rest.len && str_split(&rest, ',', &cidr))
		check_cidr(at, str_trim(cidr));
}

static void check_load_balancer(const struct place *p, struct json_object *spec)
{
	static const char *const only = "may only be used when `type` is 'LoadBalancer'";
	struct json_object *class = jsonc_get(spec, "loadBalancerClass");
	bool lb = is_type(spec, "LoadBalancer");

	if (jsonc_get(spec, "allocateLoadBalancerNodePorts") && !lb)
		place_forbidden(PLACE(p, "allocateLoadBalancerNodePorts"), only);
	if (class && !lb)
		place_forbidden(PLACE(p, "loadBalancerClass"), only);
	else if (class)
		check_name(PLACE(p, "loadBalancerClass"), NAME_QUALIFIED, jsonc_str(class));
}

static void check_traffic(const struct place *p, struct json_object *spec)
{
	static const char *const policies[] = {"Cluster", "Local", NULL};
	static const char *const distributions[] = {"PreferClose", "PreferSameNode",
						    "PreferSameZone", NULL};
	struct str policy = text_of(spec, "externalTrafficPolicy");
	int64_t health = int_of(spec, "healthCheckNodePort");

	if (external(spec))
		check_enum(p, spec, "externalTrafficPolicy", policies, true);
	else if (policy.len)
		place_invalid_str(PLACE(p, "externalTrafficPolicy"), policy,
				  "may only be set for externally-accessible services");
	if (health && !health_checked(spec))
		place_invalid_int(PLACE(p, "healthCheckNodePort"), health,
				  "may only be set when `type` is 'LoadBalancer' and "
				  "`externalTrafficPolicy` is 'Local'");
	else if (health)
		check_port(PLACE(p, "healthCheckNodePort"), health);
	check_enum(p, spec, "internalTrafficPolicy", policies,
		   is_type(spec, "ClusterIP") || is_type(spec, "NodePort") ||
			   is_type(spec, "LoadBalancer"));
	check_enum(p, spec, "trafficDistribution", distributions, false);
}

static void check_topology(const struct place *root, struct json_object *obj)
{
	struct json_object *notes = jsonc_path(obj, "metadata.annotations");
	struct json_object *hints = jsonc_get(notes, TOPOLOGY_HINTS);
	struct json_object *mode = jsonc_get(notes, TOPOLOGY_MODE);

	if (hints && mode && !jsonc_equal(hints, mode))
		place_invalid(PLACE_KEY(PLACE(root, "metadata.annotations"), TOPOLOGY_MODE), mode,
			      "must match annotations[" TOPOLOGY_HINTS "] when both are specified");
}

void validate_service(struct json_object *obj, struct err *err)
{
	static const char *const types[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort",
					    NULL};
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *ports = jsonc_get(spec, "ports"), *ips = jsonc_get(spec, "externalIPs");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec");
	const struct place *at = PLACE(p, "ports");

	check_topology(root, obj);
	check_type(p, spec);
	check_ports(at, ports);
	check_labels(PLACE(p, "selector"), jsonc_get(spec, "selector"));
	check_affinity(p, spec);
	check_cluster_ips(p, spec);
	for (size_t i = 0; i < list_len(ips); i++) {
		const struct place *ip = PLACE_AT(PLACE(p, "externalIPs"), i);

		if (check_ip(ip, jsonc_str(list_at(ips, i))))
			check_ip_not_special(ip, jsonc_str(list_at(ips, i)));
	}
	check_enum(p, spec, "type", types, true);
	for (size_t i = 0; is_type(spec, "ClusterIP") && i < list_len(ports); i++)
		if (int_of(list_at(ports, i), "nodePort"))
			place_forbidden(PLACE(PLACE_AT(at, i), "nodePort"),
					"may not be used when `type` is 'ClusterIP'");
	check_port_pairs(at, ports, "nodePort");
	check_port_pairs(at, ports, "port");
	check_source_ranges(root, obj);
	check_load_balancer(p, spec);
	check_traffic(p, spec);
}

/* ---- Update ---- */

/* clusterIPs or ipFamilies: the first stays, the second may come and go. */
static void keep_first(const struct place *p, struct json_object *spec, struct json_object *was,
		       const char *field, const char *second)
{
	struct json_object *now = jsonc_get(spec, field), *old = jsonc_get(was, field);
	size_t n = list_len(now), had = list_len(old);
	size_t same = n == had ? n : n && had; /* so many must be */
	const struct place *at = PLACE(p, field);

	for (size_t i = 0; i < same; i++)
		if (!jsonc_equal(list_at(now, i), list_at(old, i)))
			place_invalid(PLACE_AT(at, i), now, "may not change once set");
	if (n >= had)
		return;
	if (!n) {
		CLEANUP_FREE char *why = xasprintf("primary %s can not be unset", second);
		place_invalid(PLACE_AT(at, 0), now, why);
	}
	if (n == 1 && !str_eqs(text_of(spec, "ipFamilyPolicy"), "SingleStack")) {
		CLEANUP_FREE char *why = xasprintf(
			"must be set to 'SingleStack' when releasing the secondary %s", second);

		place_invalid(PLACE(p, "ipFamilyPolicy"), jsonc_get(spec, "ipFamilyPolicy"), why);
	}
}

void validate_service_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	bool named = is_type(spec, "ExternalName") || is_type(was, "ExternalName");

	if (!named && !(headless(spec) && headless(was)))
		keep_first(p, spec, was, "clusterIPs", "clusterIP");
	if (!named && !headless(spec) && !headless(was))
		keep_first(p, spec, was, "ipFamilies", "ipFamily");
	if (is_type(spec, "LoadBalancer") && is_type(was, "LoadBalancer") &&
	    !jsonc_equal(jsonc_get(spec, "loadBalancerClass"), jsonc_get(was, "loadBalancerClass")))
		place_invalid(PLACE(p, "loadBalancerClass"), jsonc_get(spec, "loadBalancerClass"),
			      "may not change once set");
	if (health_checked(spec) && health_checked(was) && int_of(was, "healthCheckNodePort") &&
	    int_of(spec, "healthCheckNodePort") != int_of(was, "healthCheckNodePort"))
		place_forbidden(PLACE(p, "healthCheckNodePort"), "field is immutable");
}

/* ---- Status ---- */

static void check_ingress(const struct place *p, struct json_object *in)
{
	static const char *const modes[] = {"Proxy", "VIP", NULL};
	struct str ip = text_of(in, "ip"), host = text_of(in, "hostname");

	if (ip.len)
		check_ip(PLACE(p, "ip"), ip);
	if (jsonc_get(in, "ipMode") && !ip.len)
		place_forbidden(PLACE(p, "ipMode"), "may not be specified when `ip` is not set");
	else
		check_enum(p, in, "ipMode", modes, false);
	if (!host.len)
		return;
	check_name(PLACE(p, "hostname"), NAME_SUBDOMAIN, host);
	if (is_ip(host))
		place_invalid_str(PLACE(p, "hostname"), host,
				  "must be a DNS name, not an IP address");
}

void validate_service_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *list = jsonc_path(obj, "status.loadBalancer.ingress");
	const struct place *at = PLACE(PLACE_OF(err), "status.loadBalancer.ingress");

	if (list_len(list) && !is_type(jsonc_get(obj, "spec"), "LoadBalancer")) {
		place_forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'");
		return;
	}
	for (size_t i = 0; i < list_len(list); i++)
		check_ingress(PLACE_AT(at, i), list_at(list, i));
}
