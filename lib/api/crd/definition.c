/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/definition.h"
#include "lib/api/crd/schema.h"
#include "lib/api/jsonpath.h"
#include "lib/api/validate/check.h"

#include <ctype.h>

#define APPROVED "api-approved.kubernetes.io"

static struct json_object *spec_of(struct json_object *crd)
{
	return jsonc_get(crd, "spec");
}

/* ---- defaults and strategy ---- */

static void lower_default(struct json_object *names, const char *name, struct str from,
			  const char *suffix)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (text_of(names, name).len || !from.len)
		return;
	buf_addstr(&b, from);
	for (size_t i = 0; !*suffix && i < b.len; i++)
		b.p[i] = (char)tolower((unsigned char)b.p[i]);
	buf_adds(&b, suffix);
	jsonc_set_str(names, name, buf_str(&b));
}

void crd_defaults(struct json_object *crd)
{
	struct json_object *spec = spec_of(crd), *names = jsonc_get(spec, "names"), *conv, *service;

	if (!spec)
		return;
	if (names) {
		lower_default(names, "singular", text_of(names, "kind"), "");
		lower_default(names, "listKind", text_of(names, "kind"), "List");
	}
	conv = jsonc_ensure(spec, "conversion");
	if (!text_of(conv, "strategy").len)
		jsonc_set_str(conv, "strategy", STR("None"));
	service = jsonc_path(conv, "webhook.clientConfig.service");
	if (service && !jsonc_get(service, "port"))
		jsonc_set(service, "port", json_object_new_int64(443));
	if (!bool_of(spec, "preserveUnknownFields"))
		json_object_object_del(spec, "preserveUnknownFields");
}

static bool version_is_stored(struct json_object *stored, struct str name)
{
	for (size_t i = 0; i < list_len(stored); i++)
		if (str_eq(jsonc_str(list_at(stored, i)), name))
			return true;
	return false;
}

/* Objects may be stored in this version from now on. */
static void note_stored_versions(struct json_object *crd)
{
	struct json_object *versions = jsonc_path(crd, "spec.versions");
	struct json_object *status = jsonc_ensure(crd, "status");
	struct json_object *stored = jsonc_get(status, "storedVersions");

	if (!stored) {
		stored = json_object_new_array();
		jsonc_set(status, "storedVersions", stored);
	}
	for (size_t i = 0; i < list_len(versions); i++) {
		struct str name = text_of(list_at(versions, i), "name");

		if (bool_of(list_at(versions, i), "storage") && !version_is_stored(stored, name))
			json_object_array_add(stored, jsonc_new_str(name));
	}
}

static void fill_status(struct json_object *crd)
{
	struct json_object *status = jsonc_ensure(crd, "status");

	if (!jsonc_get(status, "conditions"))
		jsonc_set(status, "conditions", json_object_new_array());
	if (!jsonc_get(status, "acceptedNames")) {
		struct json_object *names = jsonc_ensure(status, "acceptedNames");

		jsonc_set_str(names, "plural", STR(""));
		jsonc_set_str(names, "kind", STR(""));
	}
}

void crd_prepare_create(struct json_object *crd)
{
	fill_status(crd);
	note_stored_versions(crd);
}

void crd_prepare_update(struct json_object *crd, struct json_object *old)
{
	note_stored_versions(crd);
}

/* ---- validation ---- */

static void check_lower_name(const struct place *p, struct json_object *names, const char *name,
			     bool required)
{
	struct str s = text_of(names, name);

	if (s.len)
		check_name(PLACE(p, name), NAME_DNS_LABEL_1035, s);
	else if (required)
		place_required(PLACE(p, name), "");
}

/* CamelCase: a label once it is lower case. */
static void check_camel(const struct place *p, struct str s, bool required)
{
	CLEANUP(buf_done) struct buf low = BUF_INIT;
	struct name_errors e;

	if (!s.len) {
		if (required)
			place_required(p, "");
		return;
	}
	buf_addstr(&low, s);
	for (size_t i = 0; i < low.len; i++)
		low.p[i] = (char)tolower((unsigned char)low.p[i]);
	name_errors(NAME_DNS_LABEL_1035, buf_str(&low), &e);
	if (e.n) {
		CLEANUP_FREE char *why =
			xasprintf("may have mixed case, but should otherwise match: %s", e.v[0]);

		place_invalid_str(p, s, why);
	}
}

static void check_names(const struct place *p, struct json_object *names)
{
	struct json_object *list;

	check_lower_name(p, names, "plural", true);
	check_lower_name(p, names, "singular", false);
	check_camel(PLACE(p, "kind"), text_of(names, "kind"), true);
	check_camel(PLACE(p, "listKind"), text_of(names, "listKind"), false);
	list = jsonc_get(names, "shortNames");
	for (size_t i = 0; i < list_len(list); i++)
		check_name(PLACE_AT(PLACE(p, "shortNames"), i), NAME_DNS_LABEL_1035,
			   jsonc_str(list_at(list, i)));
	list = jsonc_get(names, "categories");
	for (size_t i = 0; i < list_len(list); i++)
		check_name(PLACE_AT(PLACE(p, "categories"), i), NAME_DNS_LABEL_1035,
			   jsonc_str(list_at(list, i)));
	if (text_of(names, "kind").len &&
	    str_eq(text_of(names, "kind"), text_of(names, "listKind")))
		place_invalid_str(PLACE(p, "listKind"), text_of(names, "listKind"),
				  "kind and listKind may not be the same");
}

static void check_group(const struct place *root, struct json_object *crd, struct str group)
{
	const struct place *p = PLACE(PLACE(root, "spec"), "group");
	struct json_object *ann = jsonc_path(crd, "metadata.annotations");
	bool guarded = str_eqs(group, "k8s.io") || str_ends(group, STR(".k8s.io")) ||
		       str_eqs(group, "kubernetes.io") || str_ends(group, STR(".kubernetes.io"));

	if (!group.len) {
		place_required(p, "");
		return;
	}
	check_name(p, NAME_SUBDOMAIN, group);
	if (str_chr(group, '.') < 0)
		place_invalid_str(p, group, "should be a domain with at least one dot");
	if (guarded && !text_of(ann, APPROVED).len)
		place_required(PLACE_KEY(PLACE(PLACE(root, "metadata"), "annotations"), APPROVED),
			       "protected groups must have approval annotation \"" APPROVED
			       "\", see https://github.com/kubernetes/enhancements/pull/1111");
}

static void check_columns(const struct place *p, struct json_object *list)
{
	static const char *const types[] = {"boolean", "date", "integer", "number", "string", NULL};
	static const char *const formats[] = {"byte",  "date",  "date-time", "double", "float",
					      "int32", "int64", "password",  NULL};

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *c = list_at(list, i);
		const struct place *at = PLACE_AT(p, i);
		struct str path = text_of(c, "jsonPath");
		struct arena a = {0};
		struct jsonpath *parsed;

		if (!text_of(c, "name").len)
			place_required(PLACE(at, "name"), "");
		check_enum(at, c, "type", types, true);
		check_enum(at, c, "format", formats, false);
		if (!path.len)
			place_required(PLACE(at, "jsonPath"), "");
		else if (path.p[0] != '.' && path.p[0] != '[')
			place_invalid_str(PLACE(at, "jsonPath"), path,
					  "does not match regular expression ^[\\.\\[]");
		else if (jsonpath_parse(path, &a, &parsed, NULL) < 0)
			place_invalid_str(PLACE(at, "jsonPath"), path, "is not a JSONPath");
		arena_done(&a);
	}
}

static void check_scale_path(const struct place *p, struct json_object *scale, const char *name,
			     const char *below, bool required)
{
	struct str s = text_of(scale, name), prefix = str_of(below);
	CLEANUP_FREE char *why = xasprintf("should be a json path under %s", below);

	if (!s.len) {
		if (required)
			place_required(PLACE(p, name), "");
		return;
	}
	if (!jsonpath_is_simple(s))
		place_invalid_str(PLACE(p, name), s, "must be a json path of names");
	else if (!str_starts(s, prefix) || s.len <= prefix.len || s.p[prefix.len] != '.')
		place_invalid_str(PLACE(p, name), s, why);
}

static void check_scale(const struct place *p, struct json_object *scale)
{
	struct str sel = text_of(scale, "labelSelectorPath");

	check_scale_path(p, scale, "specReplicasPath", ".spec", true);
	check_scale_path(p, scale, "statusReplicasPath", ".status", true);
	if (sel.len && !str_starts(sel, STR(".spec.")) && !str_starts(sel, STR(".status.")))
		place_invalid_str(PLACE(p, "labelSelectorPath"), sel,
				  "should be a json path under either .spec or .status");
}

/* The schema a simple path leads to, through properties; NULL. */
static struct json_object *schema_at(struct json_object *schema, struct str path)
{
	struct str part;

	path = str_skip(path, 1);
	while (schema && path.p && path.len && str_split(&path, '.', &part)) {
		CLEANUP_FREE char *name = str_dup(part);

		schema = jsonc_get(jsonc_get(schema, "properties"), name);
	}
	return schema;
}

static void check_selectable(const struct place *p, struct json_object *list,
			     struct json_object *schema)
{
	struct seen seen = {0};

	if (list_len(list) > 8)
		place_too_many(p, list_len(list), 8);
	for (size_t i = 0; i < list_len(list); i++) {
		const struct place *at = PLACE(PLACE_AT(p, i), "jsonPath");
		struct str path = text_of(list_at(list, i), "jsonPath"), type;
		struct json_object *s;

		if (!path.len) {
			place_required(at, "");
			continue;
		}
		if (!jsonpath_is_simple(path)) {
			place_invalid_str(at, path,
					  "is an invalid path: must be a simple json path");
			continue;
		}
		if (str_starts(path, STR(".metadata")))
			place_invalid_str(at, path, "must not point to fields in metadata");
		s = schema_at(schema, path);
		type = text_of(s, "type");
		if (!s)
			place_invalid_str(at, path, "is an invalid path: does not exist in schema");
		else if (!str_eqs(type, "string") && !str_eqs(type, "boolean") &&
			 !str_eqs(type, "integer"))
			place_invalid_str(
				at, path,
				"must point to a field of type string, boolean or integer. "
				"Enum string fields and strings with formats are allowed.");
		if (!seen_add(&seen, path))
			place_duplicate(at, path);
	}
	seen_done(&seen);
}

static struct json_object *schema_of(struct json_object *version)
{
	return jsonc_path(version, "schema.openAPIV3Schema");
}

/* Kubernetes' internal form has a schema that all versions share in one place, and says so. */
static bool shared_schema(struct json_object *versions)
{
	for (size_t i = 1; i < list_len(versions); i++)
		if (!jsonc_equal(schema_of(list_at(versions, 0)), schema_of(list_at(versions, i))))
			return false;
	return list_len(versions) > 0;
}

static struct json_object *old_version(struct json_object *old, struct str name)
{
	struct json_object *versions = jsonc_path(old, "spec.versions");

	for (size_t i = 0; i < list_len(versions); i++)
		if (str_eq(text_of(list_at(versions, i), "name"), name))
			return list_at(versions, i);
	return NULL;
}

static void check_version(const struct place *p, struct json_object *v)
{
	struct json_object *subs = jsonc_get(v, "subresources");
	struct str warning = text_of(v, "deprecationWarning");

	if (!text_of(v, "name").len)
		place_required(PLACE(p, "name"), "");
	else
		check_name(PLACE(p, "name"), NAME_DNS_LABEL_1035, text_of(v, "name"));
	if (!schema_of(v))
		place_required(PLACE(PLACE(p, "schema"), "openAPIV3Schema"),
			       "schemas are required");
	if (jsonc_get(v, "deprecationWarning") && !bool_of(v, "deprecated"))
		place_invalid_str(PLACE(p, "deprecationWarning"), warning,
				  "can only be set for deprecated versions");
	if (warning.len > 256)
		place_too_long(PLACE(p, "deprecationWarning"), 256);
	check_columns(PLACE(p, "additionalPrinterColumns"),
		      jsonc_get(v, "additionalPrinterColumns"));
	if (jsonc_get(subs, "scale"))
		check_scale(PLACE(PLACE(p, "subresources"), "scale"), jsonc_get(subs, "scale"));
	check_selectable(PLACE(p, "selectableFields"), jsonc_get(v, "selectableFields"),
			 schema_of(v));
}

static void check_versions(const struct place *p, struct json_object *versions)
{
	struct seen seen = {0};
	size_t stored = 0;
	bool unique = true;

	for (size_t i = 0; i < list_len(versions); i++) {
		struct json_object *v = list_at(versions, i);

		check_version(PLACE_AT(p, i), v);
		stored += bool_of(v, "storage");
		unique &= seen_add(&seen, text_of(v, "name"));
	}
	seen_done(&seen);
	if (!unique)
		place_report(p, "FieldValueInvalid",
			     "Invalid value: versions: must contain unique version names");
	if (stored != 1)
		place_report(
			p, "FieldValueInvalid",
			"Invalid value: must have exactly one version marked as storage version");
}

static void check_conversion(const struct place *p, struct json_object *conv)
{
	static const char *const strategies[] = {"None", "Webhook", NULL};
	struct json_object *hook = jsonc_get(conv, "webhook"), *cfg, *versions;
	const struct place *at = PLACE(p, "webhook");

	check_enum(p, conv, "strategy", strategies, true);
	if (!str_eqs(text_of(conv, "strategy"), "Webhook")) {
		if (hook)
			place_forbidden(at,
					"should not be set when strategy is not set to Webhook");
		return;
	}
	cfg = jsonc_get(hook, "clientConfig");
	if (!cfg) {
		place_required(PLACE(at, "clientConfig"),
			       "required when strategy is set to Webhook");
	} else if (!jsonc_get(cfg, "url") == !jsonc_get(cfg, "service")) {
		place_required(PLACE(at, "clientConfig"),
			       "exactly one of url or service is required");
	} else if (jsonc_get(cfg, "url") && !str_starts(text_of(cfg, "url"), STR("https://"))) {
		place_invalid_str(PLACE(PLACE(at, "clientConfig"), "url"), text_of(cfg, "url"),
				  "'https' is the only allowed URL scheme; desired format: "
				  "https://host[/path]");
	} else if (jsonc_get(cfg, "service")) {
		const struct place *s = PLACE(PLACE(at, "clientConfig"), "service");
		struct json_object *svc = jsonc_get(cfg, "service");

		if (!text_of(svc, "name").len)
			place_required(PLACE(s, "name"), "service name is required");
		if (!text_of(svc, "namespace").len)
			place_required(PLACE(s, "namespace"), "service namespace is required");
		check_port(PLACE(s, "port"), int_of(svc, "port"));
	}
	versions = jsonc_get(hook, "conversionReviewVersions");
	if (!list_len(versions))
		place_required(PLACE(at, "conversionReviewVersions"), "");
	else if (!version_is_stored(versions, STR("v1")) &&
		 !version_is_stored(versions, STR("v1beta1")))
		place_invalid(PLACE(at, "conversionReviewVersions"), versions,
			      "must include at least one of v1, v1beta1");
}

static void check_schemas(const struct place *p, struct json_object *versions,
			  struct json_object *old)
{
	bool shared = shared_schema(versions);

	for (size_t i = 0; i < list_len(versions); i++) {
		struct json_object *v = list_at(versions, i), *s = schema_of(v);
		struct json_object *was = schema_of(old_version(old, text_of(v, "name")));

		if (shared && i)
			break;
		if (s && !(was && jsonc_equal(s, was)))
			crd_validate_schema(shared ? PLACE(p, "validation.openAPIV3Schema")
						   : PLACE(PLACE_AT(PLACE(p, "versions"), i),
							   "schema.openAPIV3Schema"),
					    s, was);
	}
}

static void check_all(struct json_object *crd, struct json_object *old, struct err *err)
{
	static const char *const scopes[] = {"Cluster", "Namespaced", NULL};
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec");
	struct json_object *spec = spec_of(crd), *names = jsonc_get(spec, "names");
	struct json_object *versions = jsonc_get(spec, "versions"),
			   *status = jsonc_get(crd, "status");
	struct json_object *stored = jsonc_get(status, "storedVersions");
	CLEANUP_FREE char *want = xasprintf("%.*s.%.*s", STR_ARG(text_of(names, "plural")),
					    STR_ARG(text_of(spec, "group")));

	if (!str_eqs(jsonc_path_str(crd, "metadata.name"), want))
		place_invalid_str(PLACE(PLACE(root, "metadata"), "name"),
				  jsonc_path_str(crd, "metadata.name"),
				  "must be spec.names.plural+\".\"+spec.group");
	check_group(root, crd, text_of(spec, "group"));
	check_enum(p, spec, "scope", scopes, true);
	check_versions(PLACE(p, "versions"), versions);
	if (bool_of(spec, "preserveUnknownFields"))
		place_report(PLACE(p, "preserveUnknownFields"), "FieldValueInvalid",
			     "Invalid value: true: cannot set to true, set "
			     "x-kubernetes-preserve-unknown-fields to true in "
			     "spec.versions[*].schema instead");
	check_names(PLACE(p, "names"), names);
	check_conversion(PLACE(p, "conversion"), jsonc_get(spec, "conversion"));
	check_schemas(p, versions, old);
	for (size_t i = 0; i < list_len(stored); i++)
		if (!old_version(crd, jsonc_str(list_at(stored, i))))
			place_invalid_str(
				PLACE_AT(PLACE(PLACE(root, "status"), "storedVersions"), i),
				jsonc_str(list_at(stored, i)), "must appear in spec.versions");
}

/* The strategy's own hook sees no old object: everything is done in the two below. */
void crd_validate(struct json_object *crd, struct err *err)
{
}

void crd_validate_create(struct json_object *crd, struct err *err)
{
	check_all(crd, NULL, err);
}

static bool established(struct json_object *crd)
{
	struct json_object *list = jsonc_path(crd, "status.conditions");

	for (size_t i = 0; i < list_len(list); i++)
		if (str_eqs(text_of(list_at(list, i), "type"), "Established"))
			return str_eqs(text_of(list_at(list, i), "status"), "True");
	return false;
}

void crd_validate_update(struct json_object *crd, struct json_object *old, struct err *err)
{
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	struct json_object *now = spec_of(crd), *was = spec_of(old);

	check_all(crd, old, err);
	check_immutable(PLACE(p, "group"), jsonc_get(now, "group"), jsonc_get(was, "group"));
	check_immutable(PLACE(p, "names.plural"), jsonc_path(now, "names.plural"),
			jsonc_path(was, "names.plural"));
	if (!established(old))
		return;
	check_immutable(PLACE(p, "scope"), jsonc_get(now, "scope"), jsonc_get(was, "scope"));
	check_immutable(PLACE(p, "names.kind"), jsonc_path(now, "names.kind"),
			jsonc_path(was, "names.kind"));
}

void crd_validate_status(struct json_object *crd, struct json_object *old, struct err *err)
{
	const struct place *p = PLACE(PLACE(PLACE_OF(err), "status"), "storedVersions");
	struct json_object *stored = jsonc_path(crd, "status.storedVersions");
	struct json_object *versions = jsonc_path(crd, "spec.versions");

	if (!list_len(stored) && list_len(jsonc_path(old, "status.storedVersions")))
		place_required(p, "must have at least one stored version");
	for (size_t i = 0; i < list_len(stored); i++)
		if (!old_version(crd, jsonc_str(list_at(stored, i))))
			place_invalid_str(PLACE_AT(p, i), jsonc_str(list_at(stored, i)),
					  "must appear in spec.versions");
	for (size_t i = 0; i < list_len(versions); i++)
		if (bool_of(list_at(versions, i), "storage") &&
		    !version_is_stored(stored, text_of(list_at(versions, i), "name")))
			place_report(p, "FieldValueInvalid",
				     "Invalid value: must have the storage version %.*s",
				     STR_ARG(text_of(list_at(versions, i), "name")));
}

void crd_warnings(struct json_object *crd, struct json_object *old, struct buf *out)
{
}
