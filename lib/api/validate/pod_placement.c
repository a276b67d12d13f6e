/* SPDX-License-Identifier: Apache-2.0 */
/* Where pods may run: affinity, tolerations, taints, spreading. */
#include "lib/api/validate/pod.h"

static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};

static void check_weight(const struct place *p, struct json_object *term)
{
	int64_t w = int_of(term, "weight");

	if (w <= 0 || w > 100)
		place_invalid_int(PLACE(p, "weight"), w, "must be in the range 1-100");
}

/* ---- Nodes ---- */

static void check_node_requirement(const struct place *p, struct json_object *r, bool values_too)
{
	struct str op = text_of(r, "operator");
	struct json_object *values = jsonc_get(r, "values");
	const struct place *at = PLACE(p, "values");

	if (str_eqs(op, "In") || str_eqs(op, "NotIn")) {
		if (!list_len(values))
			place_required(at, "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (str_eqs(op, "Exists") || str_eqs(op, "DoesNotExist")) {
		if (list_len(values))
			place_forbidden(at, "may not be specified when `operator` is 'Exists' or "
					    "'DoesNotExist'");
	} else if (str_eqs(op, "Gt") || str_eqs(op, "Lt")) {
		if (list_len(values) != 1)
			place_required(
				at,
				"must be specified single value when `operator` is 'Lt' or 'Gt'");
	} else {
		place_invalid_str(PLACE(p, "operator"), op, "not a valid selector operator");
	}
	check_name(PLACE(p, "key"), NAME_QUALIFIED, text_of(r, "key"));
	for (size_t i = 0; values_too && i < list_len(values); i++)
		check_name(PLACE_AT(at, i), NAME_LABEL_VALUE, jsonc_str(list_at(values, i)));
}

static void check_node_field(const struct place *p, struct json_object *r)
{
	struct str op = text_of(r, "operator"), key = text_of(r, "key");
	struct json_object *values = jsonc_get(r, "values");
	const struct place *at = PLACE(p, "values");

	if (!str_eqs(op, "In") && !str_eqs(op, "NotIn"))
		place_invalid_str(PLACE(p, "operator"), op, "not a valid selector operator");
	else if (list_len(values) != 1)
		place_required(at, "must be only one value when `operator` is 'In' or 'NotIn' for "
				   "node field selector");
	if (!str_eqs(key, "metadata.name")) {
		place_invalid_str(PLACE(p, "key"), key, "not a valid field selector key");
		return;
	}
	for (size_t i = 0; i < list_len(values); i++)
		check_name(PLACE_AT(at, i), NAME_SUBDOMAIN, jsonc_str(list_at(values, i)));
}

static void check_node_term(const struct place *p, struct json_object *term, bool values_too)
{
	struct json_object *exprs = jsonc_get(term, "matchExpressions");
	struct json_object *fields = jsonc_get(term, "matchFields");

	for (size_t i = 0; i < list_len(exprs); i++)
		check_node_requirement(PLACE_AT(PLACE(p, "matchExpressions"), i), list_at(exprs, i),
				       values_too);
	for (size_t i = 0; i < list_len(fields); i++)
		check_node_field(PLACE_AT(PLACE(p, "matchFields"), i), list_at(fields, i));
}

void check_node_selector(const struct place *p, struct json_object *selector)
{
	struct json_object *terms = jsonc_get(selector, "nodeSelectorTerms");
	const struct place *at = PLACE(p, "nodeSelectorTerms");

	if (!list_len(terms))
		place_required(at, "must have at least one node selector term");
	for (size_t i = 0; i < list_len(terms); i++)
		check_node_term(PLACE_AT(at, i), list_at(terms, i), true);
}

static void check_node_affinity(const struct place *p, struct json_object *a)
{
	struct json_object *required =
		jsonc_get(a, "requiredDuringSchedulingIgnoredDuringExecution");
	struct json_object *preferred =
		jsonc_get(a, "preferredDuringSchedulingIgnoredDuringExecution");
	const struct place *at = PLACE(p, "preferredDuringSchedulingIgnoredDuringExecution");

	if (required)
		check_node_selector(PLACE(p, "requiredDuringSchedulingIgnoredDuringExecution"),
				    required);
	for (size_t i = 0; i < list_len(preferred); i++) {
		struct json_object *t = list_at(preferred, i);

		check_weight(PLACE_AT(at, i), t);
		check_node_term(PLACE(PLACE_AT(at, i), "preference"), jsonc_get(t, "preference"),
				false);
	}
}

/* ---- Pods ---- */

static void check_label_keys(const struct place *p, struct json_object *keys,
			     struct json_object *selector)
{
	if (!list_len(keys))
		return;
	if (!selector) {
		place_forbidden(p, "must not be specified when labelSelector is not set");
		return;
	}
	for (size_t i = 0; i < list_len(keys); i++)
		check_name(PLACE_AT(p, i), NAME_QUALIFIED, jsonc_str(list_at(keys, i)));
}

static void add_all(struct seen *s, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++)
		seen_add(s, jsonc_str(list_at(list, i)));
}

/* A key cannot match and mismatch, nor stand in the selector twice. */
static void check_match_keys(const struct place *p, struct json_object *term)
{
	struct json_object *match = jsonc_get(term, "matchLabelKeys");
	struct json_object *mismatch = jsonc_get(term, "mismatchLabelKeys");
	struct json_object *selector = jsonc_get(term, "labelSelector");
	struct json_object *exprs = jsonc_get(selector, "matchExpressions");
	struct seen in_selector = {0}, mismatched = {0};

	check_label_keys(PLACE(p, "matchLabelKeys"), match, selector);
	check_label_keys(PLACE(p, "mismatchLabelKeys"), mismatch, selector);
	map_for_each(it, jsonc_get(selector, "matchLabels"))
		seen_add(&in_selector, str_of(map_key(it)));
	for (size_t e = 0; e < list_len(exprs); e++) {
		struct str key = text_of(list_at(exprs, e), "key");

		if (seen_add(&in_selector, key))
			continue;
		for (size_t i = 0; i < list_len(match); i++)
			if (str_eq(jsonc_str(list_at(match, i)), key))
				place_invalid_str(PLACE_AT(p, i), key,
						  "exists in both matchLabelKeys and "
						  "labelSelector");
	}
	add_all(&mismatched, mismatch);
	for (size_t i = 0; i < list_len(match); i++)
		if (seen_has(&mismatched, jsonc_str(list_at(match, i))))
			place_invalid_str(PLACE_AT(PLACE(p, "matchLabelKeys"), i),
					  jsonc_str(list_at(match, i)),
					  "exists in both matchLabelKeys and mismatchLabelKeys");
	seen_done(&in_selector);
	seen_done(&mismatched);
}

static void check_pod_term(const struct place *p, struct json_object *term)
{
	struct json_object *namespaces = jsonc_get(term, "namespaces");
	struct str key = text_of(term, "topologyKey");

	check_label_selector(PLACE(p, "labelSelector"), jsonc_get(term, "labelSelector"));
	check_label_selector(PLACE(p, "namespaceSelector"), jsonc_get(term, "namespaceSelector"));
	for (size_t i = 0; i < list_len(namespaces); i++)
		check_name(PLACE(p, "namespace"), NAME_DNS_LABEL,
			   jsonc_str(list_at(namespaces, i)));
	check_match_keys(p, term);
	if (!key.len)
		place_required(PLACE(p, "topologyKey"), "can not be empty");
	check_name(PLACE(p, "topologyKey"), NAME_QUALIFIED, key);
}

static void check_pod_affinity(const struct place *p, struct json_object *a)
{
	struct json_object *required =
		jsonc_get(a, "requiredDuringSchedulingIgnoredDuringExecution");
	struct json_object *preferred =
		jsonc_get(a, "preferredDuringSchedulingIgnoredDuringExecution");

	for (size_t i = 0; i < list_len(required); i++)
		check_pod_term(
			PLACE_AT(PLACE(p, "requiredDuringSchedulingIgnoredDuringExecution"), i),
			list_at(required, i));
	for (size_t i = 0; i < list_len(preferred); i++) {
		struct json_object *t = list_at(preferred, i);
		const struct place *at =
			PLACE_AT(PLACE(p, "preferredDuringSchedulingIgnoredDuringExecution"), i);

		check_weight(at, t);
		check_pod_term(PLACE(at, "podAffinityTerm"), jsonc_get(t, "podAffinityTerm"));
	}
}

void validate_affinity(const struct place *p, struct json_object *affinity)
{
	if (jsonc_get(affinity, "nodeAffinity"))
		check_node_affinity(PLACE(p, "nodeAffinity"), jsonc_get(affinity, "nodeAffinity"));
	check_pod_affinity(PLACE(p, "podAffinity"), jsonc_get(affinity, "podAffinity"));
	check_pod_affinity(PLACE(p, "podAntiAffinity"), jsonc_get(affinity, "podAntiAffinity"));
}

/* ---- Taints and tolerations ---- */

/* Every sentence in one, as Kubernetes joins them here. */
static void check_value_joined(const struct place *p, struct str value)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct name_errors e;

	name_errors(NAME_LABEL_VALUE, value, &e);
	for (size_t i = 0; i < e.n; i++)
		buf_addf(&b, "%s%s", i ? ";" : "", e.v[i]);
	if (b.len)
		place_invalid_str(p, value, b.p);
}

static void check_toleration(const struct place *p, struct json_object *t)
{
	static const char *const ops[] = {"Equal", "Exists", NULL};
	struct str key = text_of(t, "key"), op = text_of(t, "operator"),
		   value = text_of(t, "value");
	struct str effect = text_of(t, "effect");

	if (key.len)
		check_name(PLACE(p, "key"), NAME_QUALIFIED, key);
	else if (!str_eqs(op, "Exists"))
		place_invalid_str(PLACE(p, "operator"), op,
				  "operator must be Exists when `key` is empty, which means "
				  "\"match all values and all keys\"");
	if (jsonc_get(t, "tolerationSeconds") && !str_eqs(effect, "NoExecute"))
		place_invalid_str(PLACE(p, "effect"), effect,
				  "effect must be 'NoExecute' when `tolerationSeconds` is set");
	if (!op.len || str_eqs(op, "Equal")) {
		check_value_joined(PLACE(p, "operator"), value);
	} else if (str_eqs(op, "Exists")) {
		if (value.len)
			place_invalid_str(PLACE(p, "operator"), value,
					  "value must be empty when `operator` is 'Exists'");
	} else {
		place_unsupported(PLACE(p, "operator"), op, ops);
	}
	if (effect.len)
		check_enum(p, t, "effect", effects, false);
}

void validate_tolerations(const struct place *p, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++)
		check_toleration(PLACE_AT(p, i), list_at(list, i));
}

static void report_taint_twice(const struct place *p, struct json_object *t)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_adds(&b, "{\"Key\":");
	json_quote(text_of(t, "key"), &b);
	buf_adds(&b, ",\"Value\":");
	json_quote(text_of(t, "value"), &b);
	buf_adds(&b, ",\"Effect\":");
	json_quote(text_of(t, "effect"), &b);
	buf_adds(&b, ",\"TimeAdded\":");
	jsonc_write(jsonc_get(t, "timeAdded"), &b);
	place_report(p, "FieldValueDuplicate",
		     "Duplicate value: %s}: taints must be unique by key and effect pair", b.p);
}

void validate_taints(const struct place *p, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *t = list_at(list, i);
		const struct place *at = PLACE_AT(p, i);

		check_name(PLACE(at, "key"), NAME_QUALIFIED, text_of(t, "key"));
		check_value_joined(PLACE(at, "value"), text_of(t, "value"));
		check_enum(at, t, "effect", effects, true);
		/* Few: a node with hundreds of taints has other worries. */
		for (size_t j = 0; j < i; j++) {
			struct json_object *u = list_at(list, j);

			if (!str_eq(text_of(t, "key"), text_of(u, "key")) ||
			    !str_eq(text_of(t, "effect"), text_of(u, "effect")))
				continue;
			report_taint_twice(at, t);
			break;
		}
	}
}

/* ---- Spreading ---- */

static bool same_constraint(struct json_object *a, struct json_object *b)
{
	return str_eq(text_of(a, "topologyKey"), text_of(b, "topologyKey")) &&
	       str_eq(text_of(a, "whenUnsatisfiable"), text_of(b, "whenUnsatisfiable"));
}

static void check_min_domains(const struct place *p, struct json_object *c)
{
	struct json_object *min = jsonc_get(c, "minDomains");
	struct str when = text_of(c, "whenUnsatisfiable");
	CLEANUP_FREE char *why = NULL;

	if (!min)
		return;
	if (jsonc_i64(min, 0) <= 0)
		place_invalid(PLACE(p, "minDomains"), min, "must be greater than zero");
	if (str_eqs(when, "DoNotSchedule"))
		return;
	why = xasprintf("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not %.*s",
			STR_ARG(when));
	place_invalid(PLACE(p, "minDomains"), min, why);
}

static void check_spread_keys(const struct place *p, struct json_object *c)
{
	struct json_object *keys = jsonc_get(c, "matchLabelKeys");
	struct json_object *selector = jsonc_get(c, "labelSelector");
	struct json_object *exprs = jsonc_get(selector, "matchExpressions");
	struct seen in_selector = {0};

	if (!list_len(keys))
		return;
	if (!selector)
		place_forbidden(p, "must not be specified when labelSelector is not set");
	map_for_each(it, jsonc_get(selector, "matchLabels"))
		seen_add(&in_selector, str_of(map_key(it)));
	for (size_t i = 0; i < list_len(exprs); i++)
		seen_add(&in_selector, text_of(list_at(exprs, i), "key"));
	for (size_t i = 0; i < list_len(keys); i++) {
		struct str key = jsonc_str(list_at(keys, i));

		check_name(PLACE_AT(p, i), NAME_QUALIFIED, key);
		if (seen_has(&in_selector, key))
			place_invalid_str(PLACE_AT(p, i), key,
					  "exists in both matchLabelKeys and labelSelector");
	}
	seen_done(&in_selector);
}

static void check_constraint(const struct place *p, struct json_object *c)
{
	static const char *const actions[] = {"DoNotSchedule", "ScheduleAnyway", NULL};
	static const char *const policies[] = {"Honor", "Ignore", NULL};
	struct str when = text_of(c, "whenUnsatisfiable");

	if (int_of(c, "maxSkew") <= 0)
		place_invalid_int(PLACE(p, "maxSkew"), int_of(c, "maxSkew"),
				  "must be greater than zero");
	if (!text_of(c, "topologyKey").len)
		place_required(PLACE(p, "topologyKey"), "can not be empty");
	if (!str_eqs(when, actions[0]) && !str_eqs(when, actions[1]))
		place_unsupported(PLACE(p, "whenUnsatisfiable"), when, actions);
	check_min_domains(p, c);
	check_enum(p, c, "nodeAffinityPolicy", policies, false);
	check_enum(p, c, "nodeTaintsPolicy", policies, false);
	check_spread_keys(PLACE(p, "matchLabelKeys"), c);
	check_label_selector(PLACE(p, "labelSelector"), jsonc_get(c, "labelSelector"));
}

void validate_topology_spread(const struct place *p, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *c = list_at(list, i);
		const struct place *at = PLACE_AT(p, i);

		check_constraint(at, c);
		for (size_t j = i + 1; j < list_len(list); j++) {
			CLEANUP_FREE char *pair = NULL;

			if (!same_constraint(c, list_at(list, j)))
				continue;
			pair = xasprintf("{%.*s, %.*s}", STR_ARG(text_of(c, "topologyKey")),
					 STR_ARG(text_of(c, "whenUnsatisfiable")));
			place_duplicate(PLACE(at, "{topologyKey, whenUnsatisfiable}"),
					str_of(pair));
			break;
		}
	}
}
