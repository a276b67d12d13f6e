/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/defaults.h"
#include "lib/json/jsonc.h"

static bool has(struct json_object *o, const char *name)
{
	return jsonc_get(o, name) != NULL;
}

static void set_text(struct json_object *o, const char *name, const char *text)
{
	if (!has(o, name))
		jsonc_set_str(o, name, str_of(text));
}

void default_pod_spec(struct json_object *o)
{
	struct str name = jsonc_path_str(o, "serviceAccountName");

	/* The old name of the field follows the new one. */
	if (!name.len)
		name = jsonc_path_str(o, "serviceAccount");
	if (name.len) {
		CLEANUP_FREE char *copy = str_dup(name);

		jsonc_set_str(o, "serviceAccountName", str_of(copy));
		jsonc_set_str(o, "serviceAccount", str_of(copy));
	}
}

/* The tag of an image reference, "latest" without one; STR("") for a digest alone. */
static struct str image_tag(struct str image)
{
	ssize_t at = str_chr(image, '@'), colon, slash;
	bool digest = at >= 0;

	if (digest)
		image.len = (size_t)at;
	colon = str_rchr(image, ':');
	slash = str_rchr(image, '/');
	if (colon > slash)
		return str_skip(image, (size_t)colon + 1);
	return digest ? STR("") : STR("latest");
}

void default_container(struct json_object *o)
{
	struct str image = jsonc_path_str(o, "image");

	if (!has(o, "imagePullPolicy"))
		set_text(o, "imagePullPolicy",
			 str_eqs(image_tag(image), "latest") ? "Always" : "IfNotPresent");
}

void default_volume(struct json_object *o)
{
	json_object_object_foreach(o, key, v)
	{
		if (v && strcmp(key, "name") != 0)
			return;
	}
	jsonc_set(o, "emptyDir", json_object_new_object());
}

void default_service_spec(struct json_object *o)
{
	struct str type = jsonc_path_str(o, "type");
	bool lb = str_eqs(type, "LoadBalancer"), node_port = str_eqs(type, "NodePort");

	if (str_eqs(jsonc_path_str(o, "sessionAffinity"), "ClientIP")) {
		struct json_object *ip =
			jsonc_ensure(jsonc_ensure(o, "sessionAffinityConfig"), "clientIP");

		if (!has(ip, "timeoutSeconds"))
			jsonc_set(ip, "timeoutSeconds", json_object_new_int(10800));
	} else {
		json_object_object_del(o, "sessionAffinityConfig");
	}
	if (lb || node_port || (str_eqs(type, "ClusterIP") && has(o, "externalIPs")))
		set_text(o, "externalTrafficPolicy", "Cluster");
	if (lb || node_port || str_eqs(type, "ClusterIP"))
		set_text(o, "internalTrafficPolicy", "Cluster");
	if (lb && !has(o, "allocateLoadBalancerNodePorts"))
		jsonc_set(o, "allocateLoadBalancerNodePorts", json_object_new_boolean(true));
}

void default_service_port(struct json_object *o)
{
	struct json_object *target = jsonc_get(o, "targetPort");

	if (!target || (json_object_is_type(target, json_type_int) && !jsonc_i64(target, 0)) ||
	    (json_object_is_type(target, json_type_string) && !jsonc_str(target).len))
		jsonc_set(o, "targetPort",
			  json_object_new_int64(jsonc_i64(jsonc_get(o, "port"), 0)));
}

void default_node_status(struct json_object *o)
{
	struct json_object *capacity = jsonc_get(o, "capacity");

	if (capacity && !has(o, "allocatable"))
		jsonc_set(o, "allocatable", jsonc_clone(capacity));
}

void default_deployment_strategy(struct json_object *o)
{
	if (str_eqs(jsonc_path_str(o, "type"), "RollingUpdate"))
		jsonc_ensure(o, "rollingUpdate");
}

void default_rolling_update(struct json_object *o)
{
	default_deployment_strategy(o);
}

/* Claim templates are whole objects of their kind. */
void default_stateful_set_spec(struct json_object *o)
{
	struct json_object *list = jsonc_get(o, "volumeClaimTemplates");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *claim = json_object_array_get_idx(list, i), *status;

		jsonc_set_str(claim, "apiVersion", STR("v1"));
		jsonc_set_str(claim, "kind", STR("PersistentVolumeClaim"));
		status = jsonc_ensure(claim, "status");
		if (!has(status, "phase"))
			jsonc_set_str(status, "phase", STR("Pending"));
	}
}

/* What is limited but not requested is requested. */
static void requests_from_limits(struct json_object *container)
{
	struct json_object *limits = jsonc_path(container, "resources.limits"), *requests;

	if (!limits || !json_object_object_length(limits))
		return;
	requests = jsonc_ensure(jsonc_get(container, "resources"), "requests");
	json_object_object_foreach(limits, key, v)
	{
		if (!has(requests, key))
			jsonc_set(requests, key, json_object_get(v));
	}
}

static void host_ports(struct json_object *container)
{
	struct json_object *ports = jsonc_get(container, "ports");
	size_t n =
		json_object_is_type(ports, json_type_array) ? json_object_array_length(ports) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *p = json_object_array_get_idx(ports, i);

		if (!has(p, "hostPort"))
			jsonc_set(
				p, "hostPort",
				json_object_new_int64(jsonc_i64(jsonc_get(p, "containerPort"), 0)));
	}
}

void default_pod(struct json_object *obj)
{
	static const char *const lists[] = {"containers", "initContainers"};
	struct json_object *spec = jsonc_get(obj, "spec");

	if (!spec)
		return;
	if (!has(spec, "enableServiceLinks"))
		jsonc_set(spec, "enableServiceLinks", json_object_new_boolean(true));
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json_object *v = jsonc_get(spec, lists[l]);
		size_t n =
			json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;

		for (size_t i = 0; i < n; i++) {
			struct json_object *c = json_object_array_get_idx(v, i);

			requests_from_limits(c);
			if (json_object_get_boolean(jsonc_get(spec, "hostNetwork")))
				host_ports(c);
		}
	}
	if (has(spec, "resources"))
		requests_from_limits(spec);
}

void default_namespace(struct json_object *obj)
{
	struct json_object *meta = jsonc_ensure(obj, "metadata");
	struct str name = jsonc_path_str(meta, "name");

	if (name.len) {
		CLEANUP_FREE char *copy = str_dup(name);

		jsonc_set_str(jsonc_ensure(meta, "labels"), "kubernetes.io/metadata.name",
			      str_of(copy));
	}
}
