/* SPDX-License-Identifier: Apache-2.0 */
/* ResourceSlice; follows pkg/apis/resource/validation. */
#include "lib/api/device_cel.h"
#include "lib/api/quantity.h"
#include "lib/api/validate/devices.h"
#include "lib/api/validate/pod.h"
#include "lib/api/validate/rules.h"

#define DEVICES_MAX 128
#define DEVICES_MAX_ADVANCED 64 /* with taints, counters or lists */
#define VALUES_MAX 48
#define TAINTS_MAX 16
#define COUNTER_SETS_MAX 8
#define COUNTERS_MAX 32
#define CONSUMED_SETS_MAX 2
#define CONDITIONS_MAX 4
#define POLICY_VALUES_MAX 10

/* ---- versions ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Dotted parts of a pre-release or of a build: not empty; numbers without leading zeros. */
static bool good_parts(struct str s, bool zeros)
{
	struct str part;

	while (str_split(&s, '.', &part)) {
		bool number = true;

		for (size_t i = 0; i < part.len; i++) {
			char c = part.p[i];

			if (!is_digit(c) && c != '-' && !(c >= 'a' && c <= 'z') &&
			    !(c >= 'A' && c <= 'Z'))
				return false;
			number &= is_digit(c);
		}
		if (!part.len || (!zeros && number && part.len > 1 && part.p[0] == '0'))
			return false;
	}
	return true;
}

static bool is_semver(struct str s)
{
	ssize_t plus = str_chr(s, '+'), dash;
	struct str core, part;
	int n = 0;

	if (plus >= 0 && !good_parts(str_skip(s, (size_t)plus + 1), true))
		return false;
	core = plus < 0 ? s : str_n(s.p, (size_t)plus);
	dash = str_chr(core, '-');
	if (dash >= 0 && !good_parts(str_skip(core, (size_t)dash + 1), false))
		return false;
	core = dash < 0 ? core : str_n(core.p, (size_t)dash);
	while (str_split(&core, '.', &part)) {
		n++;
		for (size_t i = 0; i < part.len; i++)
			if (!is_digit(part.p[i]))
				return false;
		if (!part.len || (part.len > 1 && part.p[0] == '0'))
			return false;
	}
	return n == 3;
}

/* ---- attributes ---- */

static void check_text(const struct place *p, struct str s, bool version)
{
	if (version && !is_semver(s))
		place_invalid_str(p, s, "must be a string compatible with semver.org spec 2.0.0");
	if (s.len > DEVICE_VALUE_MAX)
		place_too_long(p, DEVICE_VALUE_MAX);
}

static void check_attribute(const struct place *p, struct json_object *a)
{
	static const char *const lists[] = {"bools", "ints", "strings", "versions"};
	int n = 0;

	n += jsonc_get(a, "bool") != NULL;
	n += jsonc_get(a, "int") != NULL;
	n += jsonc_get(a, "string") != NULL;
	n += jsonc_get(a, "version") != NULL;
	if (jsonc_get(a, "string"))
		check_text(PLACE(p, "string"), text_of(a, "string"), false);
	if (jsonc_get(a, "version"))
		check_text(PLACE(p, "version"), text_of(a, "version"), true);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct json_object *l = jsonc_get(a, lists[i]);

		n += l != NULL;
		for (size_t k = 0; i >= 2 && k < list_len(l); k++)
			check_text(PLACE_AT(PLACE(p, lists[i]), k), jsonc_str(list_at(l, k)),
				   i == 3);
	}
	if (n == 0)
		place_invalid_str(p, STR(""), "exactly one value must be specified");
	else if (n > 1)
		place_invalid(p, a, "exactly one value must be specified");
}

static size_t count_values(struct json_object *attributes, bool *ret_lists)
{
	static const char *const lists[] = {"bools", "ints", "strings", "versions"};
	size_t n = 0;

	map_for_each(it, attributes)
	{
		size_t here = 0;

		for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
			here += list_len(jsonc_get(map_value(it), lists[i]));
		*ret_lists |= here > 0;
		n += here ? here : 1;
	}
	return n;
}

/* ---- capacity ---- */

static struct quantity quantity_at(struct json_object *o, const char *name)
{
	struct quantity q = {0};

	quantity_parse(text_of(o, name), &q);
	return q;
}

static void larger(const struct place *p, struct str value, const char *what, struct str max)
{
	CLEANUP_FREE char *why =
		xasprintf("%s larger than capacity value: %.*s", what, STR_ARG(max));

	place_invalid_str(p, value, why);
}

static void check_values(const struct place *p, struct json_object *list,
			 struct json_object *policy, struct json_object *capacity)
{
	struct quantity max = quantity_at(capacity, "value"),
			given = quantity_at(policy, "default");
	struct quantity last = {0};
	bool found = false;

	if (!check_at_most(p, list, POLICY_VALUES_MAX))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		struct str text = jsonc_str(list_at(list, i));
		struct quantity q = {0};

		quantity_parse(text, &q);
		if (i && quantity_cmp(last, q) > 0)
			place_invalid_str(PLACE_AT(p, i), text,
					  "values must be sorted in ascending order");
		if (quantity_cmp(q, max) > 0)
			larger(PLACE_AT(p, i), text, "option is", text_of(capacity, "value"));
		found |= !quantity_cmp(q, given);
		last = q;
	}
	if (!found)
		place_invalid_str(p, text_of(policy, "default"),
				  "default value is not valid according to the requestPolicy");
}

static void check_step(const struct place *p, struct json_object *range, struct str value)
{
	struct quantity step = quantity_at(range, "step"), min = quantity_at(range, "min"), v = {0};

	quantity_parse(value, &v);
	if (step.nano > 0 && (v.nano - min.nano) % step.nano) {
		CLEANUP_FREE char *why =
			xasprintf("value is not a multiple of a given step (%.*s) from (%.*s)",
				  STR_ARG(text_of(range, "step")), STR_ARG(text_of(range, "min")));

		place_invalid_str(PLACE(p, "step"), value, why);
	}
}

static void check_range_policy(const struct place *p, struct json_object *range,
			       struct json_object *policy, struct json_object *capacity)
{
	struct quantity max = quantity_at(capacity, "value"), min = quantity_at(range, "min");
	struct quantity given = quantity_at(policy, "default");

	if (!jsonc_get(range, "min")) {
		place_required(PLACE(p, "min"), "required when validRange is defined");
		return;
	}
	if (quantity_cmp(min, max) > 0)
		larger(PLACE(p, "min"), text_of(range, "min"), "min is",
		       text_of(capacity, "value"));
	if (quantity_cmp(given, min) < 0) {
		CLEANUP_FREE char *why =
			xasprintf("default is less than min: %.*s", STR_ARG(text_of(range, "min")));

		place_invalid_str(PLACE(p, "default"), text_of(policy, "default"), why);
	}
	if (jsonc_get(range, "max")) {
		CLEANUP_FREE char *more =
			xasprintf("default is more than max: %.*s", STR_ARG(text_of(range, "max")));

		if (quantity_cmp(quantity_at(range, "max"), max) > 0)
			larger(PLACE(p, "max"), text_of(range, "max"), "max is",
			       text_of(capacity, "value"));
		if (quantity_cmp(given, quantity_at(range, "max")) > 0)
			place_invalid_str(PLACE(p, "default"), text_of(policy, "default"), more);
	}
	if (!jsonc_get(range, "step"))
		return;
	if (quantity_at(range, "step").nano <= 0) {
		place_invalid_str(PLACE(p, "step"), text_of(range, "step"),
				  "must be greater than zero");
		return;
	}
	check_step(p, range, text_of(policy, "default"));
	if (jsonc_get(range, "max"))
		check_step(p, range, text_of(range, "max"));
}

static void check_capacity(const struct place *p, struct json_object *c, bool shared)
{
	struct json_object *policy = jsonc_get(c, "requestPolicy");
	struct json_object *values = jsonc_get(policy, "validValues"),
			   *range = jsonc_get(policy, "validRange");
	const struct place *at = PLACE(p, "requestPolicy");

	if (!policy)
		return;
	if (!shared)
		place_forbidden(at, "allowMultipleAllocations must be true");
	else if (list_len(values) && range)
		place_forbidden(at, "exactly one policy can be specified, cannot specify "
				    "\"validValues\" and \"validRange\" at the same time");
	else if ((list_len(values) || range) && !jsonc_get(policy, "default"))
		place_required(PLACE(at, "default"),
			       list_len(values) ? "required when validValues is defined"
						: "required when validRange is defined");
	else if (list_len(values))
		check_values(PLACE(at, "validValues"), values, policy, c);
	else if (range)
		check_range_policy(PLACE(at, "validRange"), range, policy, c);
}

/* ---- devices ---- */

static void check_condition_names(const struct place *p, struct json_object *list,
				  struct json_object *others)
{
	CLEANUP(seen_done) struct seen seen = {0}, theirs = {0};

	if (!check_at_most(p, list, CONDITIONS_MAX))
		return;
	for (size_t i = 0; i < list_len(others); i++)
		seen_add(&theirs, jsonc_str(list_at(others, i)));
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = jsonc_str(list_at(list, i));

		check_name(PLACE_AT(p, i), NAME_QUALIFIED, name);
		if (!seen_add(&seen, name))
			place_duplicate(PLACE_AT(p, i), name);
		if (seen_has(&theirs, name))
			place_invalid_str(PLACE_AT(p, i), name,
					  "bindingFailureConditions must not overlap with "
					  "bindingConditions");
	}
}

void check_binding_conditions(const struct place *p, struct json_object *d)
{
	struct json_object *good = jsonc_get(d, "bindingConditions"),
			   *bad = jsonc_get(d, "bindingFailureConditions");

	check_condition_names(PLACE(p, "bindingConditions"), good, NULL);
	check_condition_names(PLACE(p, "bindingFailureConditions"), bad, good);
	if (!list_len(good) && list_len(bad))
		place_invalid(PLACE(p, "bindingConditions"), good,
			      "bindingConditions are required to use bindingFailureConditions");
	if (list_len(good) && !list_len(bad))
		place_invalid(PLACE(p, "bindingFailureConditions"), bad,
			      "bindingFailureConditions are required to use bindingConditions");
}

static void check_taints(const struct place *p, struct json_object *list)
{
	static const char *const effects[] = {"NoExecute", "NoSchedule", "None", NULL};

	if (!check_at_most(p, list, TAINTS_MAX))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *t = list_at(list, i);
		const struct place *at = PLACE_AT(p, i);

		check_name(PLACE(at, "key"), NAME_QUALIFIED, text_of(t, "key"));
		if (text_of(t, "value").len)
			check_name(PLACE(at, "value"), NAME_LABEL_VALUE, text_of(t, "value"));
		check_enum(at, t, "effect", effects, true);
	}
}

static void check_counters(const struct place *p, struct json_object *counters)
{
	if (!map_len(counters))
		place_required(p, "");
	else if (map_len(counters) > COUNTERS_MAX)
		place_too_many(p, map_len(counters), COUNTERS_MAX);
	else
		map_for_each(it, counters) check_name(p, NAME_DNS_LABEL, str_of(map_key(it)));
}

/* Of sharedCounters ("name") and consumesCounters ("counterSet"). */
static void check_counter_sets(const struct place *p, struct json_object *list, size_t max,
			       const char *name)
{
	CLEANUP(seen_done) struct seen seen = {0};

	if (!check_at_most(p, list, max))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		struct str set = text_of(list_at(list, i), name);

		if (!set.len)
			place_required(PLACE(PLACE_AT(p, i), name), "");
		else
			check_name(PLACE(PLACE_AT(p, i), name), NAME_DNS_LABEL, set);
		check_counters(PLACE(PLACE_AT(p, i), "counters"),
			       jsonc_get(list_at(list, i), "counters"));
		if (set.len && !seen_add(&seen, set))
			place_duplicate(PLACE_AT(p, i), set);
	}
}

static void check_nodes(const struct place *p, struct json_object *d, bool by_device)
{
	struct json_object *name = jsonc_get(d, "nodeName"), *all = jsonc_get(d, "allNodes");
	struct json_object *selector = jsonc_get(d, "nodeSelector");
	int n = (name && jsonc_str(name).len) + (selector != NULL) + bool_of(d, "allNodes");
	const char *why = "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required "
			  "when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";

	if (!by_device) {
		if (name || all || selector)
			place_invalid(p, NULL,
				      "`nodeName`, `nodeSelector` and `allNodes` can only be set "
				      "if `perDeviceNodeSelection` is set to true in the "
				      "ResourceSlice spec");
		return;
	}
	if (name && !jsonc_str(name).len)
		place_invalid_str(PLACE(p, "nodeName"), STR(""), "must not be empty");
	else if (name)
		check_name(PLACE(p, "nodeName"), NAME_SUBDOMAIN, jsonc_str(name));
	if (selector)
		check_node_selector(PLACE(p, "nodeSelector"), selector);
	if (all && !bool_of(d, "allNodes"))
		place_invalid(PLACE(p, "allNodes"), all, "must be either unset or set to true");
	if (n == 0)
		place_required(p, why);
	else if (n > 1)
		place_invalid_str(p, STR(""), why);
}

static void check_device(const struct place *p, struct json_object *d, bool by_device)
{
	struct json_object *attributes = jsonc_get(d, "attributes"),
			   *capacity = jsonc_get(d, "capacity");
	size_t n = map_len(attributes) + map_len(capacity), values;
	bool lists = false;

	check_name(PLACE(p, "name"), NAME_DNS_LABEL, text_of(d, "name"));
	if (n > DEVICE_ATTRIBUTES_MAX)
		place_invalid_int(p, (int64_t)n,
				  "the total number of attributes and capacities must not exceed "
				  "32");
	values = count_values(attributes, &lists);
	if (values > VALUES_MAX)
		place_invalid_int(p, (int64_t)values,
				  "the total number of attribute values must not exceed 48");
	map_for_each(it, attributes)
	{
		check_qualified_name(PLACE(p, "attributes"), str_of(map_key(it)), false);
		check_attribute(PLACE_KEY(PLACE(p, "attributes"), map_key(it)), map_value(it));
	}
	map_for_each(it, capacity)
	{
		check_qualified_name(PLACE(p, "capacity"), str_of(map_key(it)), false);
		check_capacity(PLACE_KEY(PLACE(p, "capacity"), map_key(it)), map_value(it),
			       bool_of(d, "allowMultipleAllocations"));
	}
	check_taints(PLACE(p, "taints"), jsonc_get(d, "taints"));
	check_counter_sets(PLACE(p, "consumesCounters"), jsonc_get(d, "consumesCounters"),
			   CONSUMED_SETS_MAX, "counterSet");
	check_nodes(p, d, by_device);
	check_binding_conditions(p, d);
}

static size_t devices_max(struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *d = list_at(list, i);
		bool lists = false;

		count_values(jsonc_get(d, "attributes"), &lists);
		if (lists || list_len(jsonc_get(d, "taints")) ||
		    list_len(jsonc_get(d, "consumesCounters")))
			return DEVICES_MAX_ADVANCED;
	}
	return DEVICES_MAX;
}

static void check_devices(const struct place *p, struct json_object *list, bool by_device)
{
	CLEANUP(seen_done) struct seen names = {0};

	if (!check_at_most(p, list, devices_max(list)))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");

		check_device(PLACE_AT(p, i), list_at(list, i), by_device);
		if (!seen_add(&names, name))
			place_duplicate(PLACE_AT(p, i), name);
	}
}

/* ---- the slice ---- */

static void check_true(const struct place *p, struct json_object *spec, const char *name, int *n,
		       struct buf *set)
{
	struct json_object *v = jsonc_get(spec, name);

	if (!v)
		return;
	if (!json_object_get_boolean(v)) {
		place_invalid(PLACE(p, name), v, "must be either unset or set to true");
		return;
	}
	buf_addf(set, "%s`%s`", (*n)++ ? ", " : "", name);
}

static void check_where(const struct place *p, struct json_object *spec)
{
	struct json_object *name = jsonc_get(spec, "nodeName"),
			   *selector = jsonc_get(spec, "nodeSelector");
	CLEANUP(buf_done) struct buf set = BUF_INIT;
	int n = 0;

	buf_addc(&set, '{');
	if (name && !jsonc_str(name).len) {
		place_invalid_str(PLACE(p, "nodeName"), STR(""),
				  "must be either unset or set to a non-empty string");
	} else if (name) {
		buf_addf(&set, "%s`nodeName`", n++ ? ", " : "");
		check_name(PLACE(p, "nodeName"), NAME_SUBDOMAIN, jsonc_str(name));
	}
	if (selector) {
		struct json_object *terms = jsonc_get(selector, "nodeSelectorTerms");

		buf_addf(&set, "%s`nodeSelector`", n++ ? ", " : "");
		check_node_selector(PLACE(p, "nodeSelector"), selector);
		if (list_len(terms) != 1)
			place_invalid(PLACE(p, "nodeSelector.nodeSelectorTerms"), terms,
				      "must have exactly one node selector term");
	}
	check_true(p, spec, "allNodes", &n, &set);
	check_true(p, spec, "perDeviceNodeSelection", &n, &set);
	buf_addc(&set, '}');
	if (n == 0)
		place_required(p, "exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
				  "`perDeviceNodeSelection` is required");
	else if (n > 1)
		place_invalid_str(p, buf_str(&set),
				  "exactly one of `nodeName`, `nodeSelector`, `allNodes`, "
				  "`perDeviceNodeSelection` is required, but multiple fields are "
				  "set");
}

void validate_resourceslice(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *pool = jsonc_get(spec, "pool");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_device_driver(PLACE(p, "driver"), text_of(spec, "driver"));
	check_pool_name(PLACE(p, "pool.name"), text_of(pool, "name"));
	if (int_of(pool, "resourceSliceCount") <= 0)
		place_invalid_int(PLACE(p, "pool.resourceSliceCount"),
				  int_of(pool, "resourceSliceCount"), "must be greater than zero");
	if (int_of(pool, "generation") < 0)
		place_invalid_int(PLACE(p, "pool.generation"), int_of(pool, "generation"),
				  "must be greater than or equal to zero");
	check_where(p, spec);
	if (jsonc_get(spec, "sharedCounters") && jsonc_get(spec, "devices"))
		place_invalid_str(p, STR(""),
				  "only one of `sharedCounters` or `devices` is allowed");
	check_devices(PLACE(p, "devices"), jsonc_get(spec, "devices"),
		      bool_of(spec, "perDeviceNodeSelection"));
	check_counter_sets(PLACE(p, "sharedCounters"), jsonc_get(spec, "sharedCounters"),
			   COUNTER_SETS_MAX, "name");
}

void validate_resourceslice_update(struct json_object *obj, struct json_object *old,
				   struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_immutable(PLACE(p, "pool.name"), jsonc_path(spec, "pool.name"),
			jsonc_path(was, "pool.name"));
	check_immutable(PLACE(p, "driver"), jsonc_get(spec, "driver"), jsonc_get(was, "driver"));
	check_immutable(PLACE(p, "nodeName"), jsonc_get(spec, "nodeName"),
			jsonc_get(was, "nodeName"));
}
