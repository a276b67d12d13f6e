/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/service_families.h"
#include "lib/api/validate/rules.h"

#define POLICY "spec.ipFamilyPolicy"

struct look {
	const struct cidr_pair *ranges;
	struct json_object *spec, *was; /* was: NULL: there is no old one */
	struct err *err;
};

static struct json_object *list_of(struct json_object *spec, const char *name)
{
	return jsonc_get(spec, name);
}

static size_t count(struct json_object *spec, const char *name)
{
	struct json_object *list = list_of(spec, name);

	return list ? json_object_array_length(list) : 0;
}

static struct str nth(struct json_object *spec, const char *name, size_t i)
{
	return jsonc_str(json_object_array_get_idx(list_of(spec, name), i));
}

static bool is_type(struct json_object *spec, const char *type)
{
	return str_eqs(jsonc_path_str(spec, "type"), type);
}

static bool has_policy(const struct look *l, const char *policy)
{
	return str_eqs(jsonc_path_str(l->spec, "ipFamilyPolicy"), policy);
}

static bool configured(const struct look *l, struct str family)
{
	return cidr_pair_of(l->ranges, str_eqs(family, "IPv6")) != NULL;
}

static void bad_policy(const struct look *l, const char *why)
{
	struct str policy = jsonc_path_str(l->spec, "ipFamilyPolicy");

	err_field(l->err, POLICY, "FieldValueInvalid", "Invalid value: \"%.*s\": %s",
		  STR_ARG(policy), why);
}

static void add_family(const struct look *l, const char *family)
{
	struct json_object *list = list_of(l->spec, "ipFamilies");

	if (!list) {
		list = json_object_new_array();
		jsonc_set(l->spec, "ipFamilies", list);
	}
	json_object_array_add(list, json_object_new_string(family));
}

static void add_other_family(const struct look *l)
{
	add_family(l, ip_family(!str_eqs(nth(l->spec, "ipFamilies", 0), "IPv6")));
}

static bool same(const struct look *l, const char *name)
{
	size_t n = count(l->spec, name);

	if (!l->was || n != count(l->was, name))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!str_eq(nth(l->spec, name, i), nth(l->was, name, i)))
			return false;
	return true;
}

/* One that takes what there was when it was made: it does not follow the cluster. */
static bool prefers_as_before(const struct look *l)
{
	struct json_object *old_policy = jsonc_get(l->was, "ipFamilyPolicy");

	return l->was && has_policy(l, "PreferDualStack") &&
	       str_eq(jsonc_path_str(l->spec, "type"), jsonc_path_str(l->was, "type")) &&
	       (!old_policy || str_eqs(jsonc_str(old_policy), "PreferDualStack")) &&
	       same(l, "clusterIPs") && same(l, "ipFamilies");
}

static bool headless_alone(const struct look *l)
{
	struct json_object *selector = jsonc_get(l->spec, "selector");

	return str_eqs(jsonc_path_str(l->spec, "clusterIP"), "None") &&
	       !(selector && json_object_object_length(selector));
}

static void default_policy(const struct look *l)
{
	struct str old = jsonc_path_str(l->was, "ipFamilyPolicy");

	if (jsonc_get(l->spec, "ipFamilyPolicy"))
		return;
	if (!old.len)
		old = headless_alone(l) ? STR("RequireDualStack") : STR("SingleStack");
	jsonc_set_str(l->spec, "ipFamilyPolicy", old);
}

static void keep_one(const struct look *l, const char *name)
{
	struct json_object *list = list_of(l->spec, name);

	if (same(l, name) && count(l->spec, name) > 1)
		json_object_array_del_idx(list, 1, json_object_array_length(list) - 1);
}

static bool reduced(const struct look *l, const char *name)
{
	return count(l->spec, name) && count(l->spec, name) < count(l->was, name);
}

/* The second family goes only where the policy says so. */
static void release_second(const struct look *l)
{
	if (has_policy(l, "SingleStack")) {
		keep_one(l, "clusterIPs");
		keep_one(l, "ipFamilies");
		return;
	}
	if (reduced(l, "clusterIPs"))
		bad_policy(l, "must be 'SingleStack' to release the secondary cluster IP");
	if (reduced(l, "ipFamilies"))
		bad_policy(l, "must be 'SingleStack' to release the secondary IP family");
}

static void check_single(const struct look *l)
{
	if (!has_policy(l, "SingleStack"))
		return;
	if (count(l->spec, "clusterIPs") == 2)
		bad_policy(l, "must be 'RequireDualStack' or 'PreferDualStack' when multiple "
			      "cluster IPs are specified");
	if (count(l->spec, "ipFamilies") == 2)
		bad_policy(l, "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP "
			      "families are specified");
}

/* Families that only the addresses tell. */
static void families_of_addresses(const struct look *l)
{
	for (size_t i = 0; i < count(l->spec, "clusterIPs"); i++) {
		struct str text = nth(l->spec, "clusterIPs", i);
		struct ip ip;

		if (!ip_parse(text, &ip))
			break; /* "None" */
		if (i < count(l->spec, "ipFamilies"))
			continue;
		if (cidr_pair_of(l->ranges, ip.v6)) {
			add_family(l, ip_family(ip.v6));
		} else {
			CLEANUP_FREE char *path = xasprintf("spec.clusterIPs[%zu]", i);
			CLEANUP(buf_done) struct buf list = BUF_INIT;

			jsonc_write(list_of(l->spec, "clusterIPs"), &list);
			err_field(l->err, path, "FieldValueInvalid",
				  "Invalid value: %s: %s is not configured on this cluster", list.p,
				  ip_family(ip.v6));
		}
	}
}

static void default_family(const struct look *l)
{
	if (!count(l->spec, "ipFamilies"))
		add_family(l, ip_family(l->ranges->v[0].base.v6));
}

static void check_cluster(const struct look *l)
{
	if (has_policy(l, "RequireDualStack") && l->ranges->n < 2)
		bad_policy(l, "this cluster is not configured for dual-stack services");
	for (size_t i = 0; i < count(l->spec, "ipFamilies"); i++) {
		struct str family = nth(l->spec, "ipFamilies", i);
		CLEANUP_FREE char *path = xasprintf("spec.ipFamilies[%zu]", i);

		if (!configured(l, family))
			err_field(l->err, path, "FieldValueInvalid",
				  "Invalid value: \"%.*s\": not configured on this cluster",
				  STR_ARG(family));
	}
}

void service_families(const struct cidr_pair *ranges, struct json_object *obj,
		      struct json_object *old, struct err *err)
{
	struct look l = {ranges, jsonc_get(obj, "spec"), jsonc_get(old, "spec"), err};

	if (is_type(l.spec, "ExternalName") || prefers_as_before(&l))
		return;
	default_policy(&l);
	validate_service_addresses(obj, err);
	if (err->n_fields)
		return;
	if (l.was)
		release_second(&l);
	check_single(&l);
	families_of_addresses(&l);
	if (err->n_fields)
		return;
	if (headless_alone(&l)) { /* of any families, also ones this cluster has not */
		default_family(&l);
		if (count(l.spec, "ipFamilies") < 2 && !has_policy(&l, "SingleStack"))
			add_other_family(&l);
		return;
	}
	check_cluster(&l);
	if (err->n_fields)
		return;
	default_family(&l);
	if (!has_policy(&l, "SingleStack") && count(l.spec, "ipFamilies") == 1 && ranges->n == 2)
		add_other_family(&l);
}
