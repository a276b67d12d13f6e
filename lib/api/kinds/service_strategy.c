/* SPDX-License-Identifier: Apache-2.0 */
/* What a Service's fields become before they are validated: pkg/registry/core/service/strategy. */
#include "lib/api/api.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/validate/rules.h"

static bool is_type(struct json_object *spec, const char *type)
{
	return str_eqs(jsonc_path_str(spec, "type"), type);
}

static bool on_nodes(struct json_object *spec)
{
	struct json_object *alloc = jsonc_get(spec, "allocateLoadBalancerNodePorts");

	return is_type(spec, "NodePort") ||
	       (is_type(spec, "LoadBalancer") && (!alloc || json_object_get_boolean(alloc)));
}

static bool external(struct json_object *spec)
{
	struct json_object *ips = jsonc_get(spec, "externalIPs");

	return is_type(spec, "NodePort") || is_type(spec, "LoadBalancer") ||
	       (is_type(spec, "ClusterIP") && ips && json_object_array_length(ips));
}

static bool health_checked(struct json_object *spec)
{
	return is_type(spec, "LoadBalancer") &&
	       str_eqs(jsonc_path_str(spec, "externalTrafficPolicy"), "Local");
}

static bool is_some(struct json_object *list)
{
	return list && json_object_array_length(list);
}

/* clusterIPs = [clusterIP]. */
static void list_of_one(struct json_object *spec)
{
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, jsonc_new_str(jsonc_path_str(spec, "clusterIP")));
	jsonc_set(spec, "clusterIPs", list);
}

static void service_create(struct json_object *obj)
{
	struct json_object *spec = jsonc_get(obj, "spec");

	if (jsonc_path_str(spec, "clusterIP").len && !is_some(jsonc_get(spec, "clusterIPs")))
		list_of_one(spec);
}

/* What the type no longer needs goes, unless the client has just changed it. */
static void drop(struct json_object *spec, struct json_object *was, const char *name)
{
	if (jsonc_equal(jsonc_get(spec, name), jsonc_get(was, name)))
		json_object_object_del(spec, name);
}

static void drop_node_ports(struct json_object *spec, struct json_object *was)
{
	struct json_object *ports = jsonc_get(spec, "ports"), *old = jsonc_get(was, "ports");
	size_t n = ports ? json_object_array_length(ports) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *p = json_object_array_get_idx(ports, i);
		int64_t port = jsonc_i64(jsonc_get(p, "nodePort"), 0);

		for (size_t j = 0; port && old && j < json_object_array_length(old); j++) {
			struct json_object *o = json_object_array_get_idx(old, j);

			if (jsonc_i64(jsonc_get(o, "nodePort"), 0) != port)
				continue;
			json_object_object_del(p, "nodePort");
			break;
		}
	}
}

static void drop_by_type(struct json_object *spec, struct json_object *was)
{
	static const char *const addresses[] = {"clusterIPs", "clusterIP", "ipFamilies",
						"ipFamilyPolicy"};

	if (is_type(spec, "ExternalName") && !is_type(was, "ExternalName"))
		for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
			drop(spec, was, addresses[i]);
	if (on_nodes(was) && !on_nodes(spec))
		drop_node_ports(spec, was);
	if (health_checked(was) && !health_checked(spec))
		drop(spec, was, "healthCheckNodePort");
	if (is_type(was, "LoadBalancer") && !is_type(spec, "LoadBalancer")) {
		drop(spec, was, "allocateLoadBalancerNodePorts");
		drop(spec, was, "loadBalancerClass");
	}
	if (external(was) && !external(spec))
		drop(spec, was, "externalTrafficPolicy");
}

/* Left out by a PUT, and not the client's to choose: they stay. */
static void keep_allocated(struct json_object *spec, struct json_object *was)
{
	if (is_type(spec, "ExternalName") || is_type(was, "ExternalName"))
		return;
	if (!jsonc_path_str(spec, "clusterIP").len && jsonc_get(was, "clusterIP"))
		jsonc_set(spec, "clusterIP", jsonc_clone(jsonc_get(was, "clusterIP")));
	if (!is_some(jsonc_get(spec, "clusterIPs")) && jsonc_get(was, "clusterIPs") &&
	    jsonc_equal(jsonc_get(spec, "clusterIP"), jsonc_get(was, "clusterIP")))
		jsonc_set(spec, "clusterIPs", jsonc_clone(jsonc_get(was, "clusterIPs")));
	if (health_checked(spec) && health_checked(was) &&
	    !jsonc_i64(jsonc_get(spec, "healthCheckNodePort"), 0))
		jsonc_set(spec, "healthCheckNodePort",
			  json_object_get(jsonc_get(was, "healthCheckNodePort")));
}

static void service_update(struct json_object *obj, struct json_object *old)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	struct str ip = jsonc_path_str(spec, "clusterIP"), had = jsonc_path_str(was, "clusterIP");
	bool same_list = jsonc_equal(jsonc_get(spec, "clusterIPs"), jsonc_get(was, "clusterIPs"));

	if (!spec || !was)
		return;
	if (!ip.len && had.len && same_list)
		json_object_object_del(spec, "clusterIPs");
	else if (ip.len && !str_eq(ip, had) &&
		 (same_list || !is_some(jsonc_get(spec, "clusterIPs"))))
		list_of_one(spec);
	drop_by_type(spec, was);
	keep_allocated(spec, was);
}

const struct api_strategy service_strategy = {
	.prepare_create = service_create,
	.prepare_update = service_update,
	.validate = validate_service,
	.validate_update = validate_service_update,
};
