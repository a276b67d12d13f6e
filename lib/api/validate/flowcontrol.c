/* SPDX-License-Identifier: Apache-2.0 */
/* FlowSchema, PriorityLevelConfiguration (pkg/apis/flowcontrol/validation), APIService. */
#include "lib/api/validate.h"
#include "lib/api/validate/rules.h"

#define PRECEDENCE_MAX 10000

static void check_subject(const struct place *p, struct json_object *s)
{
	static const char *const kinds[] = {"Group", "ServiceAccount", "User", NULL};
	static const char *const parts[] = {"group", "serviceAccount", "user"};
	struct str kind = text_of(s, "kind");

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct json_object *part = jsonc_get(s, parts[i]);
		CLEANUP_FREE char *why = NULL;

		if (str_eqs(kind, kinds[i])) {
			why = xasprintf("%s is required when subject kind is '%s'", parts[i],
					kinds[i]);
			if (!part)
				place_required(PLACE(p, parts[i]), why);
			else if (!text_of(part, "name").len)
				place_required(PLACE(PLACE(p, parts[i]), "name"), "");
		} else if (part) {
			why = xasprintf("%s is forbidden when subject kind is not '%s'", parts[i],
					kinds[i]);
			place_forbidden(PLACE(p, parts[i]), why);
		}
	}
	if (!str_eqs(kind, kinds[0]) && !str_eqs(kind, kinds[1]) && !str_eqs(kind, kinds[2]))
		place_unsupported(PLACE(p, "kind"), kind, kinds);
}

static void need_values(const struct place *p, struct json_object *rule, const char *name)
{
	CLEANUP_FREE char *why = NULL;

	if (list_len(jsonc_get(rule, name)))
		return;
	why = xasprintf("%s must contain at least one value", name);
	place_required(PLACE(p, name), why);
}

static void check_flow_rule(const struct place *p, struct json_object *rule)
{
	struct json_object *subjects = jsonc_get(rule, "subjects");
	struct json_object *res = jsonc_get(rule, "resourceRules");
	struct json_object *non = jsonc_get(rule, "nonResourceRules");

	need_values(p, rule, "subjects");
	for (size_t i = 0; i < list_len(subjects); i++)
		check_subject(PLACE_AT(PLACE(p, "subjects"), i), list_at(subjects, i));
	if (!list_len(res) && !list_len(non))
		place_required(p, "at least one of resourceRules and nonResourceRules has to be "
				  "non-empty");
	for (size_t i = 0; i < list_len(res); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "resourceRules"), i);

		need_values(at, list_at(res, i), "verbs");
		need_values(at, list_at(res, i), "apiGroups");
		need_values(at, list_at(res, i), "resources");
		if (!bool_of(list_at(res, i), "clusterScope") &&
		    !list_len(jsonc_get(list_at(res, i), "namespaces")))
			place_required(PLACE(at, "namespaces"),
				       "resource rules that are not cluster scoped must supply at "
				       "least one namespace");
	}
	for (size_t i = 0; i < list_len(non); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "nonResourceRules"), i);

		need_values(at, list_at(non, i), "verbs");
		need_values(at, list_at(non, i), "nonResourceURLs");
	}
}

void validate_flowschema(struct json_object *obj, struct err *err)
{
	static const char *const methods[] = {"ByNamespace", "ByUser", NULL};
	struct json_object *spec = jsonc_get(obj, "spec"), *rules = jsonc_get(spec, "rules");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	const struct place *pp = PLACE(p, "matchingPrecedence");
	int64_t precedence = int_of(spec, "matchingPrecedence");

	if (precedence <= 0)
		place_invalid_int(pp, precedence, "must be a positive value");
	else if (precedence > PRECEDENCE_MAX)
		place_invalid_int(pp, precedence, "must not be greater than 10000");
	else if (precedence == 1 && !str_eqs(jsonc_path_str(obj, "metadata.name"), "exempt"))
		place_invalid_int(pp, precedence,
				  "only the schema named 'exempt' may have matchingPrecedence 1");
	if (jsonc_get(spec, "distinguisherMethod"))
		check_enum(PLACE(p, "distinguisherMethod"), jsonc_get(spec, "distinguisherMethod"),
			   "type", methods, true);
	if (!jsonc_path_str(spec, "priorityLevelConfiguration.name").len)
		place_required(PLACE(p, "priorityLevelConfiguration.name"),
			       "must reference a priority level");
	for (size_t i = 0; i < list_len(rules); i++)
		check_flow_rule(PLACE_AT(PLACE(p, "rules"), i), list_at(rules, i));
}

static void check_queuing(const struct place *p, struct json_object *q)
{
	int64_t queues = int_of(q, "queues"), hand = int_of(q, "handSize");
	CLEANUP_FREE char *why = NULL;

	if (int_of(q, "queueLengthLimit") <= 0)
		place_invalid_int(PLACE(p, "queueLengthLimit"), int_of(q, "queueLengthLimit"),
				  "must be positive");
	if (queues <= 0)
		place_invalid_int(PLACE(p, "queues"), queues, "must be positive");
	else if (queues > 10000000)
		place_invalid_int(PLACE(p, "queues"), queues, "must not be greater than 10000000");
	if (hand <= 0) {
		place_invalid_int(PLACE(p, "handSize"), hand, "must be positive");
	} else if (hand > queues) {
		why = xasprintf("should not be greater than queues (%" PRId64 ")", queues);
		place_invalid_int(PLACE(p, "handSize"), hand, why);
	}
}

static void check_limited(const struct place *p, struct json_object *l)
{
	static const char *const types[] = {"Queue", "Reject", NULL};
	struct json_object *resp = jsonc_get(l, "limitResponse");
	const struct place *pr = PLACE(p, "limitResponse");
	int64_t lend = int_of(l, "lendablePercent");
	bool queue = str_eqs(text_of(resp, "type"), "Queue");

	if (int_of(l, "nominalConcurrencyShares") < 0)
		place_invalid_int(PLACE(p, "nominalConcurrencyShares"),
				  int_of(l, "nominalConcurrencyShares"),
				  "must be a non-negative integer");
	if (lend < 0 || lend > 100)
		place_invalid_int(PLACE(p, "lendablePercent"), lend,
				  "must be between 0 and 100, inclusive");
	check_not_negative(p, l, "borrowingLimitPercent");
	check_enum(pr, resp, "type", types, true);
	if (queue && !jsonc_get(resp, "queuing"))
		place_required(PLACE(pr, "queuing"),
			       "must not be empty if limited.limitResponse.type is Limited");
	else if (queue)
		check_queuing(PLACE(pr, "queuing"), jsonc_get(resp, "queuing"));
	else if (jsonc_get(resp, "queuing"))
		place_forbidden(PLACE(pr, "queuing"),
				"must be nil if limited.limitResponse.type is not Limited");
}

void validate_prioritylevel(struct json_object *obj, struct err *err)
{
	static const char *const types[] = {"Exempt", "Limited", NULL};
	struct json_object *spec = jsonc_get(obj, "spec");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	bool exempt = str_eqs(text_of(spec, "type"), "Exempt");

	check_enum(p, spec, "type", types, true);
	if (exempt && jsonc_get(spec, "limited"))
		place_forbidden(PLACE(p, "limited"), "must be nil if the type is not Limited");
	if (!exempt && jsonc_get(spec, "exempt"))
		place_forbidden(PLACE(p, "exempt"), "must be nil if the type is Limited");
	if (str_eqs(text_of(spec, "type"), "Limited") && !jsonc_get(spec, "limited"))
		place_required(PLACE(p, "limited"), "must not be empty when type is Limited");
	else if (jsonc_get(spec, "limited") && !exempt)
		check_limited(PLACE(p, "limited"), jsonc_get(spec, "limited"));
}

/* ---- APIService (kube-aggregator pkg/apis/apiregistration/validation) ---- */

static void check_remote(const struct place *p, struct json_object *spec)
{
	struct json_object *service = jsonc_get(spec, "service");
	bool blind = bool_of(spec, "insecureSkipTLSVerify");
	struct str ca = text_of(spec, "caBundle");

	if (!service) {
		if (ca.len)
			place_invalid_str(PLACE(p, "caBundle"), ca,
					  "local APIServices may not have a caBundle");
		if (blind)
			place_invalid(PLACE(p, "insecureSkipTLSVerify"),
				      jsonc_get(spec, "insecureSkipTLSVerify"),
				      "local APIServices may not have insecureSkipTLSVerify");
		return;
	}
	if (!text_of(service, "namespace").len)
		place_required(PLACE(p, "service.namespace"), "");
	if (!text_of(service, "name").len)
		place_required(PLACE(p, "service.name"), "");
	check_port(PLACE(p, "service.port"), jsonc_i64(jsonc_get(service, "port"), 443));
	if (blind && ca.len)
		place_invalid(PLACE(p, "insecureSkipTLSVerify"),
			      jsonc_get(spec, "insecureSkipTLSVerify"),
			      "may not be true if caBundle is present");
}

void validate_apiservice(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	struct str group = text_of(spec, "group"), version = text_of(spec, "version");
	struct str name = jsonc_path_str(obj, "metadata.name");
	CLEANUP_FREE char *want = xasprintf("%.*s.%.*s", STR_ARG(version), STR_ARG(group));
	CLEANUP_FREE char *why = xasprintf("must be `spec.version+\".\"+spec.group`: \"%s\"", want);
	int64_t group_prio = int_of(spec, "groupPriorityMinimum");
	int64_t version_prio = int_of(spec, "versionPriority");

	if (!str_eqs(name, want))
		place_invalid_str(PLACE(PLACE_OF(err), "metadata.name"), name, why);
	if (!group.len && !str_eqs(version, "v1"))
		place_required(PLACE(p, "group"),
			       "only v1 may have an empty group and it better be legacy kube");
	else if (group.len)
		check_name(PLACE(p, "group"), NAME_SUBDOMAIN, group);
	check_name(PLACE(p, "version"), NAME_DNS_LABEL_1035, version);
	if (group_prio <= 0 || group_prio > 20000)
		place_invalid_int(PLACE(p, "groupPriorityMinimum"), group_prio,
				  "must be positive and less than 20000");
	if (version_prio <= 0 || version_prio > 1000)
		place_invalid_int(PLACE(p, "versionPriority"), version_prio,
				  "must be positive and less than 1000");
	check_remote(p, spec);
}
