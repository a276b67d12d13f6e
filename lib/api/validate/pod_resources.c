/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and limits, of containers and of whole pods. */
#include "lib/api/quantity.h"
#include "lib/api/validate/pod.h"

static bool in_list(struct str s, const char *const *list)
{
	for (size_t i = 0; list[i]; i++)
		if (str_eqs(s, list[i]))
			return true;
	return false;
}

static bool has_slash(struct str s)
{
	return str_chr(s, '/') >= 0;
}

static bool is_hugepages(struct str s)
{
	return str_starts(s, STR("hugepages-"));
}

/* Names without a domain, and those of kubernetes.io, mean something to Kubernetes itself. */
static bool is_native(struct str s)
{
	return !has_slash(s) || memmem(s.p, s.len, "kubernetes.io/", 14);
}

static bool is_standard(struct str s)
{
	static const char *const names[] = {"cpu",
					    "memory",
					    "ephemeral-storage",
					    "storage",
					    "requests.cpu",
					    "requests.memory",
					    "requests.storage",
					    "requests.ephemeral-storage",
					    "limits.cpu",
					    "limits.memory",
					    "limits.ephemeral-storage",
					    "pods",
					    "resourcequotas",
					    "services",
					    "services.nodeports",
					    "services.loadbalancers",
					    "replicationcontrollers",
					    "secrets",
					    "configmaps",
					    "persistentvolumeclaims",
					    NULL};

	return in_list(s, names) || is_hugepages(s) || str_starts(s, STR("requests.hugepages-"));
}

static bool is_container_resource(struct str s)
{
	static const char *const names[] = {"cpu", "memory", "ephemeral-storage", NULL};

	return in_list(s, names) || is_hugepages(s);
}

/* "nvidia.com/gpu": must also be good with "requests." in front, as quotas call it. */
static bool is_extended(struct str s)
{
	CLEANUP_FREE char *quota = xasprintf("requests.%.*s", STR_ARG(s));

	return !is_native(s) && !str_starts(s, STR("requests.")) &&
	       !name_check_qualified(str_of(quota));
}

/* Counted things come whole. */
static bool is_integer(struct str s)
{
	static const char *const names[] = {"pods",
					    "resourcequotas",
					    "services",
					    "services.nodeports",
					    "services.loadbalancers",
					    "replicationcontrollers",
					    "secrets",
					    "configmaps",
					    "persistentvolumeclaims",
					    NULL};

	return in_list(s, names) || is_extended(s);
}

static bool may_overcommit(struct str s)
{
	return is_native(s) && !is_hugepages(s);
}

static bool check_resource_name(const struct place *p, struct str name)
{
	size_t before = place_mistakes(p);

	check_name(p, NAME_QUALIFIED, name);
	if (place_mistakes(p) == before && !has_slash(name) && !is_standard(name))
		place_invalid_str(p, name, "must be a standard resource type or fully qualified");
	return place_mistakes(p) == before;
}

static void check_container_name(const struct place *p, struct str name)
{
	check_resource_name(p, name);
	if (!has_slash(name)) {
		if (!is_container_resource(name))
			place_invalid_str(p, name, "must be a standard resource for containers");
	} else if (!is_native(name) && !is_extended(name)) {
		place_invalid_str(p, name, "doesn't follow extended resource name standard");
	}
}

static void check_pod_name(const struct place *p, struct str name)
{
	static const char *const names[] = {"cpu", "hugepages-", "memory", NULL};

	if (!check_resource_name(p, name))
		return;
	if (!str_eqs(name, "cpu") && !str_eqs(name, "memory") && !is_hugepages(name))
		place_unsupported(p, name, names);
}

void validate_resource_quantity(const struct place *p, const char *resource, struct str quantity)
{
	struct quantity q;

	if (quantity_parse(quantity, &q) < 0)
		return;
	if (q.nano < 0)
		place_invalid_str(p, quantity, "must be greater than or equal to 0");
	if (is_integer(str_of(resource)) && q.nano % 1000000000)
		place_invalid_str(p, quantity, "must be an integer");
}

/* hugepages-2Mi comes in multiples of 2 MiB. */
static void check_hugepages(const struct place *p, struct str name, struct str quantity)
{
	CLEANUP_FREE char *why = NULL;
	struct quantity page, q;

	if (quantity_parse(str_skip(name, strlen("hugepages-")), &page) == 0 && page.nano > 0 &&
	    quantity_parse(quantity, &q) == 0 && q.nano % page.nano == 0)
		return;
	why = xasprintf("%.*s is not positive integer multiple of %.*s", STR_ARG(quantity),
			STR_ARG(name));
	place_invalid_str(p, quantity, why);
}

/* A request against its limit. */
static void check_limit(const struct place *p, struct str name, struct str request,
			struct json_object *limit)
{
	CLEANUP_FREE char *why = NULL;
	struct quantity r, l;

	if (!limit) {
		if (!may_overcommit(name))
			place_required(PLACE(p, "limits"),
				       "Limit must be set for non overcommitable resources");
		return;
	}
	if (quantity_parse(request, &r) < 0 || quantity_parse(jsonc_str(limit), &l) < 0)
		return;
	if (quantity_cmp(r, l) != 0 && !may_overcommit(name))
		why = xasprintf("must be equal to %.*s limit of %.*s", STR_ARG(name),
				STR_ARG(jsonc_str(limit)));
	else if (quantity_cmp(r, l) > 0)
		why = xasprintf("must be less than or equal to %.*s limit of %.*s", STR_ARG(name),
				STR_ARG(jsonc_str(limit)));
	if (why)
		place_invalid_str(PLACE(p, "requests"), request, why);
}

static void check_claims(const struct place *p, struct json_object *list,
			 struct json_object *claims)
{
	struct seen known = {0}, used = {0};

	for (size_t i = 0; i < list_len(claims); i++)
		seen_add(&known, text_of(list_at(claims, i), "name"));
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");
		const struct place *at = PLACE_AT(p, i);

		if (!name.len) {
			place_required(at, "");
			continue;
		}
		if (!text_of(list_at(list, i), "request").len && !seen_add(&used, name))
			place_duplicate(at, name);
		if (!seen_has(&known, name))
			place_report(at, "FieldValueNotFound",
				     "Not found: \"%.*s\": must be one of the names in "
				     "pod.spec.resourceClaims%s",
				     STR_ARG(name), list_len(claims) ? "" : " which is empty");
	}
	seen_done(&known);
	seen_done(&used);
}

struct found {
	bool huge, compute;
};

static void check_list(const struct place *p, struct json_object *r, const char *which,
		       void (*check_it)(const struct place *, struct str), struct found *f)
{
	bool requests = strcmp(which, "requests") == 0;
	struct json_object *limits = jsonc_get(r, "limits");

	map_for_each(it, jsonc_get(r, which))
	{
		struct str name = str_of(map_key(it)), value = jsonc_str(map_value(it));
		const struct place *at = PLACE_KEY(PLACE(p, which), map_key(it));

		check_it(at, name);
		validate_resource_quantity(at, map_key(it), value);
		if (requests)
			check_limit(p, name, value, jsonc_get(limits, map_key(it)));
		if (is_hugepages(name))
			check_hugepages(at, name, value);
		f->huge |= is_hugepages(name);
		f->compute |= str_eqs(name, "cpu") || str_eqs(name, "memory");
	}
}

static void check_resources(const struct place *p, struct json_object *r,
			    void (*check_it)(const struct place *, struct str))
{
	struct found f = {false, false};

	check_list(p, r, "limits", check_it, &f);
	check_list(p, r, "requests", check_it, &f);
	if (f.huge && !f.compute)
		place_forbidden(p, "HugePages require cpu or memory");
}

void validate_container_resources(const struct place *p, struct json_object *r,
				  struct json_object *claims)
{
	if (!r)
		return;
	check_resources(p, r, check_container_name);
	if (jsonc_get(r, "claims"))
		check_claims(PLACE(p, "claims"), jsonc_get(r, "claims"), claims);
}

void validate_overhead(const struct place *p, struct json_object *overhead)
{
	struct found f = {false, false};
	CLEANUP_JSON struct json_object *r = json_object_new_object();

	if (!overhead)
		return;
	jsonc_set(r, "limits", json_object_get(overhead));
	check_list(p, r, "limits", check_container_name, &f);
}

/* What all containers ask for together must fit in what the pod asks for. */
static void check_sum(const struct place *p, struct json_object *spec, const char *name)
{
	struct json_object *list = jsonc_get(spec, "containers");
	struct str have = jsonc_str(jsonc_get(jsonc_path(spec, "resources.requests"), name));
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	CLEANUP_FREE char *why = NULL;
	struct quantity sum = {0, QUANTITY_SI}, q = sum, pod = sum;

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *r = jsonc_path(list_at(list, i), "resources.requests");

		if (quantity_parse(jsonc_str(jsonc_get(r, name)), &q) == 0) {
			sum.nano += q.nano;
			sum.format = q.format;
		}
	}
	if (have.len && quantity_parse(have, &pod) < 0)
		return;
	if (quantity_cmp(sum, pod) <= 0)
		return;
	quantity_format(sum, &text);
	why = xasprintf("must be greater than or equal to aggregate container requests of %s",
			text.p);
	place_invalid_str(PLACE_KEY(PLACE(p, "requests"), name), have.len ? have : STR("0"), why);
}

static void check_container_limits(const struct place *p, struct json_object *spec)
{
	struct json_object *list = jsonc_get(spec, "containers");
	struct json_object *limits = jsonc_path(spec, "resources.limits");

	for (size_t i = 0; i < list_len(list); i++)
		map_for_each(it, jsonc_path(list_at(list, i), "resources.limits"))
		{
			struct str pod = jsonc_str(jsonc_get(limits, map_key(it)));
			struct str mine = jsonc_str(map_value(it));
			CLEANUP_FREE char *why = NULL;
			struct quantity a, b;

			if (quantity_parse(mine, &a) < 0 || quantity_parse(pod, &b) < 0 ||
			    quantity_cmp(a, b) <= 0)
				continue;
			why = xasprintf("must be less than or equal to pod limits of %.*s",
					STR_ARG(pod));
			place_invalid_str(
				PLACE(PLACE_KEY(PLACE_AT(PLACE(p, "containers"), i), map_key(it)),
				      "limits"),
				mine, why);
		}
}

void validate_pod_resources(const struct place *p, struct json_object *spec)
{
	struct json_object *r = jsonc_get(spec, "resources");

	if (!r)
		return;
	if (jsonc_get(r, "claims"))
		place_forbidden(PLACE(p, "claims"),
				"claims cannot be set for Resources at pod-level");
	check_resources(p, r, check_pod_name);
	check_sum(p, spec, "cpu");
	check_sum(p, spec, "memory");
	check_container_limits(p, spec);
}
