/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of networking, quotas, autoscaling, flow control and devices. */
#include "lib/api/kinds/defaults.h"
#include "lib/api/api.h"
#include "lib/api/validate/check.h"

/* ---- LimitRange: what is not said of a container's defaults follows from its bounds ---- */

static void fill(struct json_object *item, const char *to, const char *from)
{
	struct json_object *dst, *src = jsonc_get(item, from);

	if (!map_len(src))
		return;
	dst = jsonc_ensure(item, to);
	map_for_each(it, src) if (!jsonc_get(dst, map_key(it)))
		jsonc_set(dst, map_key(it), json_object_get(map_value(it)));
}

void default_limit_range_item(struct json_object *obj)
{
	if (!str_eqs(text_of(obj, "type"), "Container"))
		return;
	fill(obj, "default", "max");
	fill(obj, "defaultRequest", "default");
	fill(obj, "defaultRequest", "min");
}

/* ---- NetworkPolicy ---- */

void default_network_policy_spec(struct json_object *obj)
{
	struct json_object *types = jsonc_get(obj, "policyTypes");

	if (list_len(types))
		return;
	types = json_object_new_array();
	json_object_array_add(types, json_object_new_string("Ingress"));
	if (list_len(jsonc_get(obj, "egress")))
		json_object_array_add(types, json_object_new_string("Egress"));
	jsonc_set(obj, "policyTypes", types);
}

/* ---- PriorityLevelConfiguration: each type has its part ---- */

void default_priority_level_spec(struct json_object *obj)
{
	if (str_eqs(text_of(obj, "type"), "Exempt"))
		jsonc_ensure(obj, "exempt");
}

void default_limit_response(struct json_object *obj)
{
	if (str_eqs(text_of(obj, "type"), "Queue"))
		jsonc_ensure(obj, "queuing");
}

/* ---- DeviceRequest ---- */

void default_device_request(struct json_object *obj)
{
	if (str_eqs(text_of(obj, "allocationMode"), "ExactCount") && !int_of(obj, "count"))
		jsonc_set(obj, "count", json_object_new_int64(1));
}

/* ---- HorizontalPodAutoscaler ---- */

void default_hpa_spec(struct json_object *obj)
{
	struct json_object *list = jsonc_get(obj, "metrics"), *m, *r, *t;

	if (list_len(list))
		return;
	m = json_object_new_object();
	jsonc_set_str(m, "type", STR("Resource"));
	r = jsonc_ensure(m, "resource");
	jsonc_set_str(r, "name", STR("cpu"));
	t = jsonc_ensure(r, "target");
	jsonc_set_str(t, "type", STR("Utilization"));
	jsonc_set(t, "averageUtilization", json_object_new_int64(80));
	list = json_object_new_array();
	json_object_array_add(list, m);
	jsonc_set(obj, "metrics", list);
}

static void add_policy(struct json_object *list, const char *type, int64_t value)
{
	struct json_object *p = json_object_new_object();

	jsonc_set_str(p, "type", str_of(type));
	jsonc_set(p, "value", json_object_new_int64(value));
	jsonc_set(p, "periodSeconds", json_object_new_int64(15));
	json_object_array_add(list, p);
}

static void default_rules(struct json_object *behavior, const char *name, bool up)
{
	struct json_object *r = jsonc_ensure(behavior, name), *list;

	if (!jsonc_get(r, "selectPolicy"))
		jsonc_set_str(r, "selectPolicy", STR("Max"));
	if (up && !jsonc_get(r, "stabilizationWindowSeconds"))
		jsonc_set(r, "stabilizationWindowSeconds", json_object_new_int64(0));
	if (jsonc_get(r, "policies"))
		return;
	list = json_object_new_array();
	if (up)
		add_policy(list, "Pods", 4);
	add_policy(list, "Percent", 100);
	jsonc_set(r, "policies", list);
}

void default_hpa(struct json_object *obj)
{
	struct json_object *b = jsonc_path(obj, "spec.behavior");

	if (!json_object_is_type(b, json_type_object))
		return;
	if (jsonc_get(b, "scaleUp") || jsonc_get(b, "scaleDown")) {
		default_rules(b, "scaleUp", true);
		default_rules(b, "scaleDown", false);
	}
}
