/* SPDX-License-Identifier: Apache-2.0 */
/* Environment of containers and the fields it may refer to. */
#include "lib/api/quantity.h"
#include "lib/api/validate/pod.h"

static const char *const env_fields[] = {"metadata.name",
					 "metadata.namespace",
					 "metadata.uid",
					 "spec.nodeName",
					 "spec.serviceAccountName",
					 "status.hostIP",
					 "status.hostIPs",
					 "status.podIP",
					 "status.podIPs",
					 NULL};
static const char *const volume_fields[] = {"metadata.annotations", "metadata.labels",
					    "metadata.name",        "metadata.namespace",
					    "metadata.uid",         NULL};
static const char *const resources[] = {"limits.cpu",
					"limits.ephemeral-storage",
					"limits.memory",
					"requests.cpu",
					"requests.ephemeral-storage",
					"requests.memory",
					NULL};

static bool in_list(struct str s, const char *const *list)
{
	for (size_t i = 0; list[i]; i++)
		if (str_eqs(s, list[i]))
			return true;
	return false;
}

/* Fields of a pod which the downward API knows at all, by their label. */
static bool is_known_field(struct str path)
{
	static const char *const more[] = {"spec.restartPolicy", "spec.schedulerName",
					   "status.phase", "spec.host", NULL};

	return in_list(path, env_fields) || in_list(path, volume_fields) || in_list(path, more);
}

/* "metadata.labels['x']" into its two parts. */
static bool split_subscript(struct str path, struct str *ret_base, struct str *ret_key)
{
	ssize_t at = str_chr(path, '[');

	if (!str_ends(path, STR("']")) || at <= 0 || path.p[at + 1] != '\'')
		return false;
	*ret_base = str_n(path.p, (size_t)at);
	*ret_key = str_n(path.p + at + 2, path.len - (size_t)at - 4);
	return true;
}

static void check_subscript(const struct place *p, struct str path, struct str base, struct str key)
{
	CLEANUP_FREE char *lower = str_dup(key);
	CLEANUP_FREE char *why = NULL;

	if (str_eqs(base, "metadata.annotations")) {
		for (char *c = lower; *c; c++)
			*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
		check_name(p, NAME_QUALIFIED, str_of(lower));
		return;
	}
	if (str_eqs(base, "metadata.labels")) {
		check_name(p, NAME_QUALIFIED, key);
		return;
	}
	why = xasprintf("error converting fieldPath: field label does not support subscript: %.*s",
			STR_ARG(path));
	place_invalid_str(PLACE(p, "fieldPath"), path, why);
}

void validate_field_ref(const struct place *p, struct json_object *ref, bool volume)
{
	struct str version = text_of(ref, "apiVersion"), path = text_of(ref, "fieldPath");
	const char *const *allowed = volume ? volume_fields : env_fields;
	CLEANUP_FREE char *why = NULL;
	struct str base, key;

	if (!version.len) {
		place_required(PLACE(p, "apiVersion"), "");
		return;
	}
	if (!path.len) {
		place_required(PLACE(p, "fieldPath"), "");
		return;
	}
	if (!str_eqs(version, "v1"))
		why = xasprintf("error converting fieldPath: unsupported pod version: %.*s",
				STR_ARG(version));
	else if (split_subscript(path, &base, &key))
		check_subscript(p, path, base, key);
	else if (!is_known_field(path))
		why = xasprintf("error converting fieldPath: field label not supported: %.*s",
				STR_ARG(path));
	else if (!in_list(path, allowed))
		place_unsupported(PLACE(p, "fieldPath"), path, allowed);
	if (why)
		place_invalid_str(PLACE(p, "fieldPath"), path, why);
}

static void check_divisor(const struct place *p, struct str resource, struct str divisor)
{
	static const char *const sizes[] = {"1",   "1k",  "1M",  "1G",  "1T",  "1P",  "1E",
					    "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei", NULL};
	static const char *const cores[] = {"1m", "1", NULL};
	static const struct {
		const char *prefix, *word;
		const char *const *allowed;
	} rules[] = {{"limits.cpu", "cpu", cores},
		     {"requests.cpu", "cpu", cores},
		     {"limits.memory", "memory", sizes},
		     {"requests.memory", "memory", sizes},
		     {"limits.ephemeral-storage", "local ephemeral storage", sizes},
		     {"requests.ephemeral-storage", "local ephemeral storage", sizes},
		     {"limits.hugepages-", "hugepages", sizes},
		     {"requests.hugepages-", "hugepages", sizes}};
	struct quantity q;

	if (!divisor.len || (quantity_parse(divisor, &q) == 0 && !q.nano))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		CLEANUP_FREE char *why = NULL;

		if (!str_starts(resource, str_of(rules[i].prefix)) ||
		    in_list(divisor, rules[i].allowed))
			continue;
		why = xasprintf("only divisor's values %s are supported with the %s resource",
				rules[i].allowed == cores ? "1m and 1"
							  : "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, "
							    "1Mi, 1Gi, 1Ti, 1Pi, 1Ei",
				rules[i].word);
		place_invalid_str(PLACE(p, "divisor"), resource, why);
	}
}

void validate_resource_ref(const struct place *p, struct json_object *ref, bool volume)
{
	struct str resource = text_of(ref, "resource");

	if (volume && !text_of(ref, "containerName").len)
		place_required(PLACE(p, "containerName"), "");
	else if (!resource.len)
		place_required(PLACE(p, "resource"), "");
	else if (!in_list(resource, resources) && !str_starts(resource, STR("limits.hugepages-")) &&
		 !str_starts(resource, STR("requests.hugepages-")))
		place_unsupported(PLACE(p, "resource"), resource, resources);
	check_divisor(p, resource, text_of(ref, "divisor"));
}

static void check_key_ref(const struct place *p, struct json_object *ref)
{
	check_name(PLACE(p, "name"), NAME_SUBDOMAIN, text_of(ref, "name"));
	if (!text_of(ref, "key").len)
		place_required(PLACE(p, "key"), "");
	else
		check_name(PLACE(p, "key"), NAME_CONFIG_KEY, text_of(ref, "key"));
}

static void check_value_from(const struct place *p, struct json_object *from, struct str value)
{
	struct json_object *field = jsonc_get(from, "fieldRef");
	struct json_object *resource = jsonc_get(from, "resourceFieldRef");
	struct json_object *map = jsonc_get(from, "configMapKeyRef");
	struct json_object *secret = jsonc_get(from, "secretKeyRef");
	size_t n = !!field + !!resource + !!map + !!secret + !!jsonc_get(from, "fileKeyRef");

	if (field)
		validate_field_ref(PLACE(p, "fieldRef"), field, false);
	if (resource)
		validate_resource_ref(PLACE(p, "resourceFieldRef"), resource, false);
	if (map)
		check_key_ref(PLACE(p, "configMapKeyRef"), map);
	if (secret)
		check_key_ref(PLACE(p, "secretKeyRef"), secret);
	if (!n)
		place_invalid_str(p, STR(""),
				  "must specify one of: `fieldRef`, `resourceFieldRef`, "
				  "`configMapKeyRef` or `secretKeyRef`");
	else if (value.len)
		place_invalid_str(p, STR(""), "may not be specified when `value` is not empty");
	else if (n > 1)
		place_invalid_str(p, STR(""),
				  "may not have more than one field specified at a time");
}

void validate_env(const struct place *p, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *e = list_at(list, i), *from = jsonc_get(e, "valueFrom");
		const struct place *at = PLACE_AT(p, i);

		if (!text_of(e, "name").len)
			place_required(PLACE(at, "name"), "");
		else
			check_name(PLACE(at, "name"), NAME_ENV, text_of(e, "name"));
		if (from)
			check_value_from(PLACE(at, "valueFrom"), from, text_of(e, "value"));
	}
}

void validate_env_from(const struct place *p, struct json_object *list)
{
	static const char *const sources[] = {"configMapRef", "secretRef"};

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *e = list_at(list, i);
		const struct place *at = PLACE_AT(p, i);
		size_t n = 0;

		if (text_of(e, "prefix").len)
			check_name(PLACE(at, "prefix"), NAME_ENV, text_of(e, "prefix"));
		for (size_t s = 0; s < ARRAY_SIZE(sources); s++) {
			struct json_object *ref = jsonc_get(e, sources[s]);
			const struct place *name = PLACE(PLACE(at, sources[s]), "name");

			n += !!ref;
			if (ref && !text_of(ref, "name").len)
				place_required(name, "");
			else if (ref)
				check_name(name, NAME_SUBDOMAIN, text_of(ref, "name"));
		}
		if (!n)
			place_invalid_str(p, STR(""),
					  "must specify one of: `configMapRef` or `secretRef`");
		else if (n > 1)
			place_invalid_str(p, STR(""),
					  "may not have more than one field specified at a time");
	}
}
