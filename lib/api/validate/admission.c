/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks and policies; follows pkg/apis/admissionregistration/validation. Expressions are
 * compiled by those who run them.
 */
#include "lib/api/kinds/types.h"
#include "lib/api/validate.h"
#include "lib/api/validate/rules.h"

/* ---- rules: what requests are meant ---- */

static void check_star(const struct place *p, struct json_object *list, const char *what)
{
	bool star = false;
	CLEANUP_FREE char *why = NULL;

	if (!list_len(list)) {
		place_required(p, "");
		return;
	}
	for (size_t i = 0; i < list_len(list); i++)
		star |= str_eqs(jsonc_str(list_at(list, i)), "*");
	if (!star || list_len(list) == 1)
		return;
	why = xasprintf("if '*' is present, must not specify other %s", what);
	place_invalid(p, list, why);
}

static void check_resources(const struct place *p, struct json_object *list)
{
	bool all = false, all_subs = false;
	CLEANUP(seen_done) struct seen plain = {0};

	if (!list_len(list))
		place_required(p, "");
	for (size_t i = 0; i < list_len(list); i++) {
		struct str r = jsonc_str(list_at(list, i));

		if (!r.len)
			place_required(PLACE_AT(p, i), "");
		all |= str_eqs(r, "*/*");
		all_subs |= str_eqs(r, "*");
		if (!seen_add(&plain, r))
			place_duplicate(PLACE_AT(p, i), r);
	}
	if (all && list_len(list) > 1)
		place_invalid(p, list, "if '*/*' is present, must not specify other resources");
	else if (all_subs)
		for (size_t i = 0; i < list_len(list); i++)
			if (str_chr(jsonc_str(list_at(list, i)), '/') < 0 &&
			    !str_eqs(jsonc_str(list_at(list, i)), "*")) {
				place_invalid(p, list,
					      "if '*' is present, must not specify other "
					      "resources without subresources");
				return;
			}
}

/* What nobody can change any more is no mutation's business. */
static void check_rule(const struct place *p, struct json_object *rule, bool mutating)
{
	static const char *const all[] = {"*", "CONNECT", "CREATE", "DELETE", "UPDATE", NULL};
	static const char *const mutable[] = {"*", "CONNECT", "CREATE", "UPDATE", NULL};
	const char *const *known = mutating ? mutable : all;
	static const char *const scopes[] = {"*", "Cluster", "Namespaced", NULL};
	struct json_object *ops = jsonc_get(rule, "operations");

	check_star(PLACE(p, "operations"), ops, "operations");
	for (size_t i = 0; i < list_len(ops); i++) {
		struct str op = jsonc_str(list_at(ops, i));
		bool good = false;

		for (size_t k = 0; known[k]; k++)
			good |= str_eqs(op, known[k]);
		if (!good)
			place_unsupported(PLACE_AT(PLACE(p, "operations"), i), op, known);
	}
	check_star(PLACE(p, "apiGroups"), jsonc_get(rule, "apiGroups"), "API groups");
	check_star(PLACE(p, "apiVersions"), jsonc_get(rule, "apiVersions"), "API versions");
	check_resources(PLACE(p, "resources"), jsonc_get(rule, "resources"));
	check_enum(p, rule, "scope", scopes, false);
}

static void check_match_conditions(const struct place *p, struct json_object *list)
{
	CLEANUP(seen_done) struct seen names = {0};

	if (list_len(list) > 64)
		place_too_many(p, list_len(list), 64);
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");

		if (!str_trim(text_of(list_at(list, i), "expression")).len)
			place_required(PLACE(PLACE_AT(p, i), "expression"), "");
		if (!name.len)
			place_required(PLACE(PLACE_AT(p, i), "name"), "");
		else
			check_name(PLACE(PLACE_AT(p, i), "name"), NAME_QUALIFIED, name);
		if (name.len && !seen_add(&names, name))
			place_duplicate(PLACE(PLACE_AT(p, i), "name"), name);
	}
}

/* ---- webhooks ---- */

static void check_url(const struct place *p, struct str url)
{
	static const char form[] = "; desired format: https://host[:port]/path";
	CLEANUP_FREE char *why = NULL;
	struct str rest, host;
	ssize_t slash;

	if (!str_starts(url, STR("https://"))) {
		why = xasprintf("'https' is the only allowed URL scheme%s", form);
		place_invalid_str(p, url, why);
		return;
	}
	rest = str_skip(url, 8);
	slash = str_chr(rest, '/');
	host = slash < 0 ? rest : str_n(rest.p, (size_t)slash);
	if (!host.len)
		why = xasprintf("host must be specified%s", form);
	else if (str_chr(host, '@') >= 0)
		why = xstrdup("user information is not permitted in the URL");
	else if (str_chr(rest, '#') >= 0)
		why = xstrdup("fragments are not permitted in the URL");
	else if (str_chr(rest, '?') >= 0)
		why = xstrdup("query parameters are not permitted in the URL");
	if (why)
		place_invalid_str(p, url, why);
}

static void check_client(const struct place *p, struct json_object *client)
{
	struct json_object *url = jsonc_get(client, "url"), *service = jsonc_get(client, "service");
	struct str path = text_of(service, "path");
	const struct place *ps = PLACE(p, "service");

	if (!url == !service)
		place_required(p, "exactly one of url or service is required");
	if (url)
		check_url(PLACE(p, "url"), jsonc_str(url));
	if (!service)
		return;
	if (!text_of(service, "name").len)
		place_required(PLACE(ps, "name"), "service name is required");
	if (!text_of(service, "namespace").len)
		place_required(PLACE(ps, "namespace"), "service namespace is required");
	check_port(PLACE(ps, "port"), jsonc_i64(jsonc_get(service, "port"), 443));
	if (path.len && path.p[0] != '/')
		place_invalid_str(PLACE(ps, "path"), path, "must start with a '/'");
}

static void check_versions(const struct place *p, struct json_object *list)
{
	CLEANUP(seen_done) struct seen names = {0};
	bool known = false;

	if (!list_len(list)) {
		place_required(p, "must specify one of v1, v1beta1");
		return;
	}
	for (size_t i = 0; i < list_len(list); i++) {
		struct str v = jsonc_str(list_at(list, i));

		check_name(PLACE_AT(p, i), NAME_DNS_LABEL_1035, v);
		if (!seen_add(&names, v))
			place_invalid_str(PLACE_AT(p, i), v, "duplicate version");
		known |= str_eqs(v, "v1") || str_eqs(v, "v1beta1");
	}
	if (!known)
		place_invalid(p, list, "must include at least one of v1, v1beta1");
}

/* A domain of three parts at least. */
static void check_domain(const struct place *p, struct str name)
{
	size_t dots = 0;

	if (!name.len) {
		place_required(p, "");
		return;
	}
	check_name(p, NAME_SUBDOMAIN, name);
	for (size_t i = 0; i < name.len; i++)
		dots += name.p[i] == '.';
	if (dots < 2)
		place_invalid_str(p, name,
				  "should be a domain with at least three segments separated by "
				  "dots");
}

static const char *const failure_policies[] = {"Fail", "Ignore", NULL};
static const char *const match_policies[] = {"Equivalent", "Exact", NULL};

static void check_selectors(const struct place *p, struct json_object *o)
{
	check_label_selector(PLACE(p, "namespaceSelector"), jsonc_get(o, "namespaceSelector"));
	check_label_selector(PLACE(p, "objectSelector"), jsonc_get(o, "objectSelector"));
}

static void check_webhook(const struct place *p, struct json_object *w)
{
	static const char *const effects[] = {"None", "NoneOnDryRun", NULL};
	static const char *const again[] = {"IfNeeded", "Never", NULL};
	struct json_object *rules = jsonc_get(w, "rules");
	int64_t timeout = jsonc_i64(jsonc_get(w, "timeoutSeconds"), 10);

	check_domain(PLACE(p, "name"), text_of(w, "name"));
	for (size_t i = 0; i < list_len(rules); i++)
		check_rule(PLACE_AT(PLACE(p, "rules"), i), list_at(rules, i), false);
	check_enum(p, w, "failurePolicy", failure_policies, false);
	check_enum(p, w, "matchPolicy", match_policies, false);
	if (!jsonc_get(w, "sideEffects"))
		place_required(PLACE(p, "sideEffects"), "must specify one of None, NoneOnDryRun");
	else
		check_enum(p, w, "sideEffects", effects, true);
	check_enum(p, w, "reinvocationPolicy", again, false);
	if (timeout < 1 || timeout > 30)
		place_invalid_int(PLACE(p, "timeoutSeconds"), timeout,
				  "the timeout value must be between 1 and 30 seconds");
	check_selectors(p, w);
	check_client(PLACE(p, "clientConfig"), jsonc_get(w, "clientConfig"));
	check_versions(PLACE(p, "admissionReviewVersions"),
		       jsonc_get(w, "admissionReviewVersions"));
	check_match_conditions(PLACE(p, "matchConditions"), jsonc_get(w, "matchConditions"));
}

static void check_webhooks(struct json_object *obj, struct err *err)
{
	struct json_object *list = jsonc_get(obj, "webhooks");
	const struct place *p = PLACE(PLACE_OF(err), "webhooks");
	CLEANUP(seen_done) struct seen names = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");

		check_webhook(PLACE_AT(p, i), list_at(list, i));
		if (name.len && !seen_add(&names, name))
			place_duplicate(PLACE(PLACE_AT(p, i), "name"), name);
	}
}

void validate_validatingwebhook(struct json_object *obj, struct err *err)
{
	check_webhooks(obj, err);
}

void validate_mutatingwebhook(struct json_object *obj, struct err *err)
{
	check_webhooks(obj, err);
}

/* ---- policies ---- */

static void check_match(const struct place *p, struct json_object *m, bool mutating)
{
	static const char *const lists[] = {"resourceRules", "excludeResourceRules"};

	check_enum(p, m, "matchPolicy", match_policies, true);
	check_selectors(p, m);
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json_object *rules = jsonc_get(m, lists[l]);

		for (size_t i = 0; i < list_len(rules); i++)
			check_rule(PLACE_AT(PLACE(p, lists[l]), i), list_at(rules, i), mutating);
	}
}

static void check_variables(const struct place *p, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");

		if (!name.len)
			place_required(PLACE(PLACE_AT(p, i), "name"), "");
		else
			check_name(PLACE(PLACE_AT(p, i), "name"), NAME_C_IDENTIFIER, name);
		if (!str_trim(text_of(list_at(list, i), "expression")).len)
			place_required(PLACE(PLACE_AT(p, i), "expression"), "");
	}
}

/* What both sorts of policy have. */
static void check_policy(const struct place *p, struct json_object *spec, bool mutating)
{
	struct json_object *match = jsonc_get(spec, "matchConstraints");
	struct json_object *kind = jsonc_get(spec, "paramKind");

	check_enum(p, spec, "failurePolicy", failure_policies, true);
	if (kind && !text_of(kind, "apiVersion").len)
		place_required(PLACE(p, "paramKind.apiVersion"), "");
	if (kind && !text_of(kind, "kind").len)
		place_required(PLACE(p, "paramKind.kind"), "");
	if (!match) {
		place_required(PLACE(p, "matchConstraints"), "");
	} else {
		check_match(PLACE(p, "matchConstraints"), match, mutating);
		if (!list_len(jsonc_get(match, "resourceRules")))
			place_required(PLACE(p, "matchConstraints.resourceRules"), "");
	}
	check_match_conditions(PLACE(p, "matchConditions"), jsonc_get(spec, "matchConditions"));
	check_variables(PLACE(p, "variables"), jsonc_get(spec, "variables"));
}

void validate_validatingpolicy(struct json_object *obj, struct err *err)
{
	static const char *const reasons[] = {"Forbidden", "Invalid", "RequestEntityTooLarge",
					      "Unauthorized", NULL};
	struct json_object *spec = jsonc_get(obj, "spec"), *list = jsonc_get(spec, "validations");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_policy(p, spec, false);
	if (!list_len(list) && !list_len(jsonc_get(spec, "auditAnnotations")))
		place_required(PLACE(p, "validations"),
			       "validations or auditAnnotations must be provided");
	for (size_t i = 0; i < list_len(list); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "validations"), i);
		struct json_object *v = list_at(list, i);
		struct str message = text_of(v, "message");

		if (!str_trim(text_of(v, "expression")).len)
			place_required(PLACE(at, "expression"), "expression is not specified");
		if (message.len && !str_trim(message).len)
			place_invalid_str(PLACE(at, "message"), message,
					  "message must be non-empty if specified");
		if (str_chr(message, '\n') >= 0)
			place_invalid_str(PLACE(at, "message"), message,
					  "message must not contain line breaks");
		if (str_chr(text_of(v, "expression"), '\n') >= 0 && !message.len)
			place_required(PLACE(at, "message"),
				       "message must be specified if expression contains line "
				       "breaks");
		check_enum(at, v, "reason", reasons, false);
	}
	list = jsonc_get(spec, "auditAnnotations");
	for (size_t i = 0; i < list_len(list); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "auditAnnotations"), i);

		if (!text_of(list_at(list, i), "key").len)
			place_required(PLACE(at, "key"), "");
		if (!str_trim(text_of(list_at(list, i), "valueExpression")).len)
			place_required(PLACE(at, "valueExpression"),
				       "valueExpression is not specified");
	}
}

/* The member that the type asks for, and not the other one. */
static void check_union(const struct place *at, struct json_object *m, const char *type,
			const char *mine, const char *other)
{
	CLEANUP_FREE char *must = xasprintf("must be specified when patchType is %s", type);
	CLEANUP_FREE char *must_not = xasprintf("must not be specified when patchType is %s", type);
	CLEANUP_FREE char *shown = xasprintf("{%s}", other);

	if (!jsonc_get(m, mine))
		place_required(PLACE(at, mine), must);
	else if (!str_trim(text_of(jsonc_get(m, mine), "expression")).len)
		place_required(PLACE(PLACE(at, mine), "expression"), "");
	if (jsonc_get(m, other))
		place_invalid_str(PLACE(at, other), str_of(shown), must_not);
}

void validate_mutatingpolicy(struct json_object *obj, struct err *err)
{
	static const char *const types[] = {"ApplyConfiguration", "JSONPatch", NULL};
	static const char *const again[] = {"IfNeeded", "Never", NULL};
	struct json_object *spec = jsonc_get(obj, "spec"), *list = jsonc_get(spec, "mutations");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	check_policy(p, spec, true);
	check_enum(p, spec, "reinvocationPolicy", again, true);
	if (!list_len(list))
		place_required(PLACE(p, "mutations"), "mutations must contain at least one item");
	for (size_t i = 0; i < list_len(list); i++) {
		const struct place *at = PLACE_AT(PLACE(p, "mutations"), i);
		struct json_object *m = list_at(list, i);
		bool apply = str_eqs(text_of(m, "patchType"), types[0]);
		const char *mine = apply ? "applyConfiguration" : "jsonPatch";
		const char *other = apply ? "jsonPatch" : "applyConfiguration";

		check_enum(at, m, "patchType", types, true);
		if (!apply && !str_eqs(text_of(m, "patchType"), types[1]))
			continue;
		check_union(at, m, types[!apply], mine, other);
	}
}

static void check_binding(const struct place *p, struct json_object *spec, bool mutating)
{
	static const char *const actions[] = {"Allow", "Deny", NULL};
	struct json_object *ref = jsonc_get(spec, "paramRef");
	const struct place *pr = PLACE(p, "paramRef");
	struct str policy = text_of(spec, "policyName");

	if (!policy.len)
		place_required(PLACE(p, "policyName"), "");
	else
		check_name(PLACE(p, "policyName"), NAME_SUBDOMAIN, policy);
	if (jsonc_get(spec, "matchResources"))
		check_match(PLACE(p, "matchResources"), jsonc_get(spec, "matchResources"),
			    mutating);
	if (!ref)
		return;
	if (text_of(ref, "name").len && jsonc_get(ref, "selector"))
		place_forbidden(PLACE(pr, "name"), "name and selector are mutually exclusive");
	if (!text_of(ref, "name").len && !jsonc_get(ref, "selector"))
		place_required(pr, "one of name or selector must be specified");
	check_label_selector(PLACE(pr, "selector"), jsonc_get(ref, "selector"));
	check_enum(pr, ref, "parameterNotFoundAction", actions, true);
}

void validate_validatingbinding(struct json_object *obj, struct err *err)
{
	static const char *const known[] = {"Audit", "Deny", "Warn", NULL};
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *list = jsonc_get(spec, "validationActions");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	CLEANUP(seen_done) struct seen actions = {0};

	check_binding(p, spec, false);
	if (!list_len(list))
		place_required(PLACE(p, "validationActions"), "at least one validation action is "
							      "required");
	for (size_t i = 0; i < list_len(list); i++) {
		struct str a = jsonc_str(list_at(list, i));

		if (!str_eqs(a, known[0]) && !str_eqs(a, known[1]) && !str_eqs(a, known[2]))
			place_unsupported(PLACE_AT(PLACE(p, "validationActions"), i), a, known);
		if (!seen_add(&actions, a))
			place_duplicate(PLACE_AT(PLACE(p, "validationActions"), i), a);
	}
	if (seen_has(&actions, STR("Deny")) && seen_has(&actions, STR("Warn")))
		place_invalid(PLACE(p, "validationActions"), list,
			      "must not contain both Deny and Warn (repeating the same validation "
			      "failure information in the API response and headers serves no "
			      "purpose)");
}

void validate_mutatingbinding(struct json_object *obj, struct err *err)
{
	check_binding(PLACE(PLACE_OF(err), "spec"), jsonc_get(obj, "spec"), true);
}
