/* SPDX-License-Identifier: Apache-2.0 */
/* Node, Lease, PriorityClass, Binding; follows pkg/apis/{core,coordination,scheduling}. */
#include "lib/api/validate/pod.h"
#include "lib/api/validate/rules.h"

#define USER_PRIORITY_MAX 1000000000
#define SYSTEM_PRIORITY 2000000000

/* ---- Node ---- */

static void check_amounts(const struct place *p, struct json_object *amounts)
{
	map_for_each(it, amounts) validate_resource_quantity(PLACE(p, map_key(it)), map_key(it),
							     jsonc_str(map_value(it)));
}

static void check_node_resources(const struct place *root, struct json_object *obj)
{
	check_amounts(PLACE(root, "status.capacity"), jsonc_path(obj, "status.capacity"));
	check_amounts(PLACE(root, "status.allocatable"), jsonc_path(obj, "status.allocatable"));
}

static void check_pod_cidrs(const struct place *p, struct json_object *list)
{
	struct seen seen = {0};
	size_t v6 = 0;

	for (size_t i = 0; i < list_len(list); i++) {
		struct str cidr = jsonc_str(list_at(list, i));

		check_cidr(PLACE_AT(p, i), cidr);
		v6 += str_chr(cidr, ':') >= 0;
	}
	if (list_len(list) > 2 || (list_len(list) == 2 && v6 != 1))
		place_invalid(p, list, "may specify no more than one CIDR for each IP family");
	for (size_t i = 0; i < list_len(list); i++)
		if (!seen_add(&seen, jsonc_str(list_at(list, i))))
			place_duplicate(PLACE_AT(p, i), jsonc_str(list_at(list, i)));
	seen_done(&seen);
}

void validate_node(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	const struct place *root = PLACE_OF(err);

	/* Kubernetes says "metadata" here. */
	validate_taints(PLACE(root, "metadata.taints"), jsonc_get(spec, "taints"));
	check_node_resources(root, obj);
	check_pod_cidrs(PLACE(root, "spec.podCIDRs"), jsonc_get(spec, "podCIDRs"));
}

void validate_node_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	struct str id = text_of(was, "providerID");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	if (list_len(jsonc_get(was, "podCIDRs")) &&
	    !jsonc_equal(jsonc_get(spec, "podCIDRs"), jsonc_get(was, "podCIDRs")))
		place_forbidden(PLACE(p, "podCIDRs"),
				"node updates may not change podCIDR except from \"\" to valid");
	if (id.len && !str_eq(id, text_of(spec, "providerID")))
		place_forbidden(PLACE(p, "providerID"),
				"node updates may not change providerID except from \"\" to valid");
	if (!str_eq(text_of(spec, "externalID"), text_of(was, "externalID")))
		place_forbidden(PLACE(p, "externalID"), "may not be updated");
}

void validate_node_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *list = jsonc_path(obj, "status.addresses");
	const struct place *root = PLACE_OF(err);

	check_node_resources(root, obj);
	/* A handful of addresses at most. */
	for (size_t i = 1; i < MIN(list_len(list), (size_t)256); i++)
		for (size_t j = 0; j < i; j++) {
			CLEANUP(buf_done) struct buf b = BUF_INIT;

			if (!jsonc_equal(list_at(list, i), list_at(list, j)))
				continue;
			buf_adds(&b, "{\"Type\":");
			json_quote(text_of(list_at(list, i), "type"), &b);
			buf_adds(&b, ",\"Address\":");
			json_quote(text_of(list_at(list, i), "address"), &b);
			place_report(PLACE_AT(PLACE(root, "status.addresses"), i),
				     "FieldValueDuplicate", "Duplicate value: %s}", b.p);
			break;
		}
}

/* ---- Lease ---- */

void validate_lease(struct json_object *obj, struct err *err)
{
	static const char *const strategies[] = {"OldestEmulationVersion", NULL};
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *duration = jsonc_get(spec, "leaseDurationSeconds");
	struct str strategy = text_of(spec, "strategy");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	if (duration && jsonc_i64(duration, 0) <= 0)
		place_invalid(PLACE(p, "leaseDurationSeconds"), duration, "must be greater than 0");
	check_not_negative(p, spec, "leaseTransitions");
	if (str_chr(strategy, '/') >= 0)
		check_name(PLACE(p, "strategy.strategy"), NAME_QUALIFIED, strategy);
	else if (jsonc_get(spec, "strategy") && !str_eqs(strategy, strategies[0]))
		place_unsupported(PLACE(p, "strategy.strategy"), strategy, strategies);
	if (text_of(spec, "preferredHolder").len && !strategy.len)
		place_forbidden(PLACE(p, "preferredHolder"),
				"may only be specified if `strategy` is defined");
}

/* ---- PriorityClass ---- */

/* The two that Kubernetes itself brings. */
static bool is_system_class(struct json_object *obj, struct str name)
{
	int64_t value = int_of(obj, "value");

	return !bool_of(obj, "globalDefault") &&
	       ((str_eqs(name, "system-node-critical") && value == SYSTEM_PRIORITY + 1000) ||
		(str_eqs(name, "system-cluster-critical") && value == SYSTEM_PRIORITY));
}

void validate_priorityclass(struct json_object *obj, struct err *err)
{
	static const char *const policies[] = {"PreemptLowerPriority", "Never", NULL};
	struct str name = jsonc_path_str(obj, "metadata.name");
	const struct place *root = PLACE_OF(err);

	if (str_starts(name, STR("system-"))) {
		CLEANUP_FREE char *why = xasprintf(
			"priority class names with 'system-' prefix are reserved for system use "
			"only. error: %.*s is not a known system priority class",
			STR_ARG(name));

		if (!is_system_class(obj, name))
			place_forbidden(PLACE(root, "metadata.name"), why);
	} else if (int_of(obj, "value") > USER_PRIORITY_MAX) {
		place_forbidden(PLACE(root, "value"),
				"maximum allowed value of a user defined priority is 1000000000");
	}
	check_enum(root, obj, "preemptionPolicy", policies, false);
}

void validate_priorityclass_update(struct json_object *obj, struct json_object *old,
				   struct err *err)
{
	const struct place *root = PLACE_OF(err);

	if (int_of(obj, "value") != int_of(old, "value"))
		place_forbidden(PLACE(root, "value"), "may not be changed in an update.");
	check_immutable(PLACE(root, "preemptionPolicy"), jsonc_get(obj, "preemptionPolicy"),
			jsonc_get(old, "preemptionPolicy"));
}

/* ---- Binding ---- */

void validate_binding(struct json_object *obj, struct err *err)
{
	static const char *const kinds[] = {"Node", "<empty>", NULL};
	struct json_object *target = jsonc_get(obj, "target");
	struct str kind = text_of(target, "kind");
	const struct place *p = PLACE(PLACE_OF(err), "target");

	if (kind.len && !str_eqs(kind, "Node"))
		place_unsupported(PLACE(p, "kind"), kind, kinds);
	if (!text_of(target, "name").len)
		place_required(PLACE(p, "name"), "");
}
