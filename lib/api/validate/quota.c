/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LimitRange, ResourceQuota, PodTemplate, RuntimeClass and HorizontalPodAutoscaler; follows
 * pkg/apis/core, node and autoscaling validation.
 */
#include "lib/api/kinds/types.h"
#include "lib/api/quantity.h"
#include "lib/api/validate.h"
#include "lib/api/validate/pod.h"
#include "lib/api/validate/rules.h"

/* ---- LimitRange ---- */

struct limit {
	const struct place *p;
	struct json_object *item;
	const char *key;
};

/* item[a][key] must not be above item[b][key]; the mistake is told of `at`. */
static void not_above(const struct limit *l, const char *a, const char *a_name, const char *b,
		      const char *b_name, const char *word, const char *at)
{
	struct json_object *x = jsonc_get(jsonc_get(l->item, a), l->key);
	struct json_object *y = jsonc_get(jsonc_get(l->item, b), l->key);
	CLEANUP_FREE char *why = NULL;
	struct quantity qx, qy;

	if (!x || !y || quantity_parse(jsonc_str(x), &qx) < 0 ||
	    quantity_parse(jsonc_str(y), &qy) < 0 || quantity_cmp(qx, qy) <= 0)
		return;
	why = xasprintf("%s value %.*s is %s than %s value %.*s", a_name, STR_ARG(jsonc_str(x)),
			word, b_name, STR_ARG(jsonc_str(y)));
	place_invalid_str(PLACE_KEY(PLACE(l->p, at), l->key),
			  jsonc_str(jsonc_get(jsonc_get(l->item, at), l->key)), why);
}

static void check_bounds(const struct limit *l)
{
	not_above(l, "min", "min", "max", "max", "greater", "min");
	not_above(l, "min", "min", "defaultRequest", "default request", "greater",
		  "defaultRequest");
	not_above(l, "defaultRequest", "default request", "max", "max", "greater",
		  "defaultRequest");
	not_above(l, "defaultRequest", "default request", "default", "default limit", "greater",
		  "defaultRequest");
	not_above(l, "min", "min", "default", "default", "greater", "default");
	not_above(l, "default", "default", "max", "max", "greater", "default");
}

static void check_ratio(const struct place *p, struct json_object *item)
{
	map_for_each(it, jsonc_get(item, "maxLimitRequestRatio"))
	{
		struct str text = jsonc_str(map_value(it));
		CLEANUP_FREE char *why = NULL;
		struct quantity q;

		if (quantity_parse(text, &q) < 0 || q.nano >= quantity_of(1, q.format).nano)
			continue;
		why = xasprintf("ratio %.*s is less than 1", STR_ARG(text));
		place_invalid_str(PLACE_KEY(PLACE(p, "maxLimitRequestRatio"), map_key(it)), text,
				  why);
	}
}

static void check_limit(const struct place *p, struct json_object *item)
{
	static const char *const maps[] = {"max", "min", "default", "defaultRequest"};
	CLEANUP(seen_done) struct seen keys = {0};
	struct str type = text_of(item, "type");

	if (str_eqs(type, "Pod"))
		for (size_t i = 2; i < ARRAY_SIZE(maps); i++)
			if (map_len(jsonc_get(item, maps[i])))
				place_forbidden(PLACE(p, maps[i]),
						"may not be specified when `type` is 'Pod'");
	if (str_eqs(type, "PersistentVolumeClaim") &&
	    !jsonc_get(jsonc_get(item, "max"), "storage") &&
	    !jsonc_get(jsonc_get(item, "min"), "storage"))
		place_required(PLACE(p, "limits"),
			       "either minimum or maximum storage value is required, but neither "
			       "was provided");
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		map_for_each(it, jsonc_get(item, maps[i]))
		{
			validate_resource_quantity(PLACE_KEY(PLACE(p, maps[i]), map_key(it)),
						   map_key(it), jsonc_str(map_value(it)));
			if (seen_add(&keys, str_of(map_key(it))))
				check_bounds(&(struct limit){p, item, map_key(it)});
		}
	check_ratio(p, item);
}

void validate_limitrange(struct json_object *obj, struct err *err)
{
	struct json_object *list = jsonc_path(obj, "spec.limits");
	const struct place *p = PLACE(PLACE_OF(err), "spec.limits");
	CLEANUP(seen_done) struct seen types = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct str type = text_of(list_at(list, i), "type");

		if (!type.len)
			place_required(PLACE(PLACE_AT(p, i), "type"), "");
		else if (!seen_add(&types, type))
			place_duplicate(PLACE(PLACE_AT(p, i), "type"), type);
		check_limit(PLACE_AT(p, i), list_at(list, i));
	}
}

/* ---- ResourceQuota ---- */

static void check_hard(const struct place *p, struct json_object *hard)
{
	map_for_each(it, hard)
	{
		const struct place *at = PLACE_KEY(p, map_key(it));
		struct quantity q;

		check_name(at, NAME_QUALIFIED, str_of(map_key(it)));
		if (quantity_parse(jsonc_str(map_value(it)), &q) == 0 && q.nano < 0)
			place_invalid(at, map_value(it), "must be greater than or equal to 0");
	}
}

static void check_scope_rule(const struct place *p, struct json_object *e)
{
	static const char *const ops[] = {"DoesNotExist", "Exists", "In", "NotIn", NULL};
	struct str op = text_of(e, "operator");
	bool listed = str_eqs(op, "In") || str_eqs(op, "NotIn");

	check_enum(p, e, "operator", ops, true);
	if (listed && !list_len(jsonc_get(e, "values")))
		place_required(PLACE(p, "values"),
			       "must be at least one value when `operator` is 'In' or 'NotIn' for "
			       "scope selector");
	if (!listed && list_len(jsonc_get(e, "values")))
		place_invalid(PLACE(p, "values"), jsonc_get(e, "values"),
			      "must be no value when `operator` is 'Exist' or 'DoesNotExist' for "
			      "scope selector");
}

void validate_resourcequota(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *list;
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_hard(PLACE(p, "hard"), jsonc_get(spec, "hard"));
	list = jsonc_path(spec, "scopeSelector.matchExpressions");
	for (size_t i = 0; i < list_len(list); i++)
		check_scope_rule(PLACE_AT(PLACE(p, "scopeSelector.matchExpressions"), i),
				 list_at(list, i));
	if (spec)
		validate_table(&api_t_core_v1_ResourceQuotaSpec, spec, p);
}

void validate_resourcequota_update(struct json_object *obj, struct json_object *old,
				   struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec.scopes"), jsonc_path(obj, "spec.scopes"),
			jsonc_path(old, "spec.scopes"));
}

/* ---- PodTemplate, RuntimeClass ---- */

void validate_podtemplate(struct json_object *obj, struct err *err)
{
	struct json_object *tmpl = jsonc_get(obj, "template");
	const struct place *p = PLACE(PLACE_OF(err), "template");

	if (tmpl)
		validate_pod_template(p, tmpl);
	else
		place_required(PLACE(p, "spec"), "");
}

void validate_runtimeclass(struct json_object *obj, struct err *err)
{
	struct json_object *overhead = jsonc_path(obj, "overhead.podFixed");
	struct json_object *scheduling = jsonc_get(obj, "scheduling");
	const struct place *root = PLACE_OF(err);

	check_name(PLACE(root, "handler"), NAME_DNS_LABEL, text_of(obj, "handler"));
	if (overhead)
		validate_overhead(PLACE(root, "overhead.podFixed"), overhead);
	if (!scheduling)
		return;
	check_labels(PLACE(root, "scheduling.nodeSelector"), jsonc_get(scheduling, "nodeSelector"));
	validate_tolerations(PLACE(root, "scheduling.tolerations"),
			     jsonc_get(scheduling, "tolerations"));
}

void validate_runtimeclass_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "handler"), jsonc_get(obj, "handler"),
			jsonc_get(old, "handler"));
}

/* ---- HorizontalPodAutoscaler ---- */

static void check_scale_bounds(const struct place *p, struct json_object *spec)
{
	int64_t min = jsonc_i64(jsonc_get(spec, "minReplicas"), 1),
		max = int_of(spec, "maxReplicas");

	if (min < 1)
		place_invalid_int(PLACE(p, "minReplicas"), min,
				  "must be greater than or equal to 1");
	if (max < 1)
		place_invalid_int(PLACE(p, "maxReplicas"), max, "must be greater than 0");
	else if (max < min)
		place_invalid_int(PLACE(p, "maxReplicas"), max,
				  "must be greater than or equal to `minReplicas`");
}

static void check_target_ref(const struct place *p, struct json_object *ref)
{
	static const char *const names[] = {"kind", "name"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!text_of(ref, names[i]).len)
			place_required(PLACE(p, names[i]), "");
		else
			check_name(PLACE(p, names[i]), NAME_PATH_SEGMENT, text_of(ref, names[i]));
}

void validate_hpa_v1(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *cpu = jsonc_get(spec, "targetCPUUtilizationPercentage");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_scale_bounds(p, spec);
	check_target_ref(PLACE(p, "scaleTargetRef"), jsonc_get(spec, "scaleTargetRef"));
	if (cpu && jsonc_i64(cpu, 0) < 1)
		place_invalid(PLACE(p, "targetCPUUtilizationPercentage"), cpu,
			      "must be greater than 0");
}

static const struct {
	const char *type, *member;
} metric_parts[] = {{"ContainerResource", "containerResource"},
		    {"External", "external"},
		    {"Object", "object"},
		    {"Pods", "pods"},
		    {"Resource", "resource"}};

static void check_metric_target(const struct place *p, struct json_object *t)
{
	static const char *const types[] = {"AverageValue", "Utilization", "Value", NULL};
	static const char *const values[] = {"averageUtilization", "averageValue", "value"};
	bool any = false;

	if (!t) {
		place_required(p, "must specify a metric target");
		return;
	}
	check_enum(p, t, "type", types, true);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct json_object *v = jsonc_get(t, values[i]);
		bool positive = i ? quantity_str_milli(jsonc_str(v)) > 0 : jsonc_i64(v, 0) > 0;

		any |= v != NULL;
		if (v && !positive)
			place_invalid(PLACE(p, values[i]), v,
				      i ? "must be positive" : "must be greater than 0");
	}
	if (!any)
		place_required(p, "must set either a target raw value or a target utilization");
}

static void check_metric(const struct place *p, struct json_object *m)
{
	static const char *const known[] = {"ContainerResource", "External", "Object", "Pods",
					    "Resource",          NULL};
	struct str type = text_of(m, "type");
	const char *mine = NULL;

	check_enum(p, m, "type", known, true);
	for (size_t i = 0; i < ARRAY_SIZE(metric_parts); i++) {
		if (str_eqs(type, metric_parts[i].type))
			mine = metric_parts[i].member;
		else if (jsonc_get(m, metric_parts[i].member) && type.len)
			place_forbidden(PLACE(p, metric_parts[i].member),
					"must specify a source of the metric's own type only");
	}
	if (!mine)
		return;
	if (!jsonc_get(m, mine)) {
		CLEANUP_FREE char *why =
			xasprintf("must populate information for the given metric source");

		place_required(PLACE(p, mine), why);
		return;
	}
	if (strstr(mine, "esource") && !text_of(jsonc_get(m, mine), "name").len)
		place_required(PLACE(PLACE(p, mine), "name"), "must specify a resource name");
	check_metric_target(PLACE(PLACE(p, mine), "target"),
			    jsonc_get(jsonc_get(m, mine), "target"));
}

static void check_scaling_rules(const struct place *p, struct json_object *r)
{
	static const char *const select[] = {"Disabled", "Max", "Min", NULL};
	static const char *const types[] = {"Percent", "Pods", NULL};
	struct json_object *list = jsonc_get(r, "policies");
	int64_t window = int_of(r, "stabilizationWindowSeconds");

	if (!r)
		return;
	if (window < 0)
		place_invalid_int(PLACE(p, "stabilizationWindowSeconds"), window,
				  "must be greater than or equal to zero");
	if (window > 3600)
		place_invalid_int(PLACE(p, "stabilizationWindowSeconds"), window,
				  "must be less than or equal to 3600");
	check_enum(p, r, "selectPolicy", select, false);
	if (!list_len(list))
		place_required(PLACE(p, "policies"), "must specify at least one Policy");
	for (size_t i = 0; i < list_len(list); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "policies"), i);
		int64_t period = int_of(list_at(list, i), "periodSeconds");

		check_enum(at, list_at(list, i), "type", types, true);
		if (int_of(list_at(list, i), "value") <= 0)
			place_invalid_int(PLACE(at, "value"), int_of(list_at(list, i), "value"),
					  "must be greater than zero");
		if (period <= 0)
			place_invalid_int(PLACE(at, "periodSeconds"), period,
					  "must be greater than zero");
		if (period > 1800)
			place_invalid_int(PLACE(at, "periodSeconds"), period,
					  "must be less than or equal to 1800");
	}
}

void validate_hpa(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *list = jsonc_get(spec, "metrics");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_scale_bounds(p, spec);
	check_target_ref(PLACE(p, "scaleTargetRef"), jsonc_get(spec, "scaleTargetRef"));
	for (size_t i = 0; i < list_len(list); i++)
		check_metric(PLACE_AT(PLACE(p, "metrics"), i), list_at(list, i));
	check_scaling_rules(PLACE(p, "behavior.scaleUp"), jsonc_path(spec, "behavior.scaleUp"));
	check_scaling_rules(PLACE(p, "behavior.scaleDown"), jsonc_path(spec, "behavior.scaleDown"));
}
