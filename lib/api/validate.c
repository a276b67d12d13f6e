/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/validate.h"
#include "lib/api/names.h"
#include "lib/api/status.h"

#define ANNOTATIONS_MAX (256 * 1024)

void invalid_required(struct err *err, const char *path, const char *detail)
{
	err_field(err, path, "FieldValueRequired", "Required value%s%s", *detail ? ": " : "",
		  detail);
}

void invalid_value(struct err *err, const char *path, struct json_object *value, const char *detail)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jsonc_write(value, &b);
	err_field(err, path, "FieldValueInvalid", "Invalid value: %s: %s", b.p, detail);
}

void invalid_text(struct err *err, const char *path, struct str value, const char *detail)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(value, &b);
	err_field(err, path, "FieldValueInvalid", "Invalid value: %s: %s", b.p, detail);
}

void invalid_int(struct err *err, const char *path, int64_t value, const char *detail)
{
	err_field(err, path, "FieldValueInvalid", "Invalid value: %" PRId64 ": %s", value, detail);
}

void invalid_unsupported(struct err *err, const char *path, struct str value,
			 const char *const *supported)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(value, &b);
	buf_adds(&b, ": supported values: ");
	for (size_t i = 0; supported[i]; i++)
		buf_addf(&b, "%s\"%s\"", i ? ", " : "", supported[i]);
	err_field(err, path, "FieldValueNotSupported", "Unsupported value: %s", b.p);
}

void invalid_duplicate(struct err *err, const char *path, struct str value)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(value, &b);
	err_field(err, path, "FieldValueDuplicate", "Duplicate value: %s", b.p);
}

void invalid_forbidden(struct err *err, const char *path, const char *detail)
{
	err_field(err, path, "FieldValueForbidden", "Forbidden: %s", detail);
}

void invalid_not_found(struct err *err, const char *path, struct str value)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(value, &b);
	err_field(err, path, "FieldValueNotFound", "Not found: %s", b.p);
}

void invalid_too_long(struct err *err, const char *path, int64_t max_bytes)
{
	err_field(err, path, "FieldValueTooLong",
		  "Too long: may not be more than %" PRId64 " bytes", max_bytes);
}

void invalid_if_changed(struct err *err, const char *path, struct json_object *now,
			struct json_object *old)
{
	if (!jsonc_equal(now, old))
		invalid_value(err, path, now, "field is immutable");
}

void validate_labels(struct json_object *labels, const char *path, struct err *err)
{
	if (!json_object_is_type(labels, json_type_object))
		return;
	json_object_object_foreach(labels, key, v)
	{
		struct str value = v ? jsonc_str(v) : STR("");
		const char *why = name_check_qualified(str_of(key));

		if (why)
			invalid_text(err, path, str_of(key), why);
		why = name_check_label_value(value);
		if (why)
			invalid_text(err, path, value, why);
	}
}

void validate_annotations(struct json_object *annotations, const char *path, struct err *err)
{
	size_t total = 0;

	if (!json_object_is_type(annotations, json_type_object))
		return;
	json_object_object_foreach(annotations, key, v)
	{
		CLEANUP_FREE char *lower = xstrdup(key);
		const char *why;

		for (char *p = lower; *p; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
		why = name_check_qualified(str_of(lower));
		if (why)
			invalid_text(err, path, str_of(key), why);
		total += strlen(key) + (v ? jsonc_str(v).len : 0);
	}
	if (total > ANNOTATIONS_MAX)
		invalid_too_long(err, path, ANNOTATIONS_MAX);
}

static const char *check_name(const struct api_kind *k, struct str name)
{
	const char *rule = k->name_rule ? k->name_rule : "subdomain";

	if (strcmp(rule, "label") == 0)
		return name_check_dns_label(name);
	if (strcmp(rule, "label1035") == 0)
		return name_check_dns_label_1035(name);
	if (strcmp(rule, "path") == 0)
		return name_check_path_segment(name);
	return name_check_dns_subdomain(name);
}

static void validate_owners(struct json_object *owners, struct err *err)
{
	static const char *const fields[] = {"apiVersion", "kind", "name", "uid"};
	static const char *const detail[] = {"version must not be empty", "must not be empty",
					     "must not be empty", "must not be empty"};
	size_t n =
		json_object_is_type(owners, json_type_array) ? json_object_array_length(owners) : 0;
	size_t controllers = 0;
	char path[96];

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(owners, i);

		controllers += json_object_get_boolean(jsonc_get(o, "controller"));
		for (size_t f = 0; f < ARRAY_SIZE(fields); f++) {
			if (jsonc_path_str(o, fields[f]).len)
				continue;
			snprintf(path, sizeof(path), "metadata.ownerReferences[%zu].%s", i,
				 fields[f]);
			invalid_text(err, path, STR(""), detail[f]);
		}
	}
	if (controllers > 1)
		invalid_value(err, "metadata.ownerReferences", owners,
			      "Only one reference can have Controller set to true");
}

static void validate_finalizers(struct json_object *list, struct err *err)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	static const char *const plain[] = {"kubernetes", "orphan", "foregroundDeletion"};

	for (size_t i = 0; i < n; i++) {
		struct str f = jsonc_str(json_object_array_get_idx(list, i));
		const char *why = name_check_qualified(f);
		bool known = f.len && memchr(f.p, '/', f.len);

		for (size_t j = 0; j < ARRAY_SIZE(plain); j++)
			known |= str_eqs(f, plain[j]);
		if (why)
			invalid_text(err, "metadata.finalizers", f, why);
		else if (!known)
			invalid_text(err, "metadata.finalizers", f,
				     "name is neither a standard finalizer name nor is it fully "
				     "qualified");
	}
}

void validate_metadata(const struct api_kind *k, struct json_object *obj, struct err *err)
{
	struct json_object *meta = jsonc_get(obj, "metadata");
	struct str name = jsonc_path_str(meta, "name"), ns = jsonc_path_str(meta, "namespace");
	const char *why;

	if (!name.len) {
		invalid_required(err, "metadata.name", "name or generateName is required");
	} else {
		why = check_name(k, name);
		if (why)
			invalid_text(err, "metadata.name", name, why);
	}
	if (api_kind_namespaced(k) && !ns.len) {
		invalid_required(err, "metadata.namespace", "");
	} else if (api_kind_namespaced(k)) {
		why = name_check_dns_label(ns);
		if (why)
			invalid_text(err, "metadata.namespace", ns, why);
	} else if (ns.len) {
		invalid_forbidden(err, "metadata.namespace", "not allowed on this type");
	}
	validate_labels(jsonc_get(meta, "labels"), "metadata.labels", err);
	validate_annotations(jsonc_get(meta, "annotations"), "metadata.annotations", err);
	validate_owners(jsonc_get(meta, "ownerReferences"), err);
	validate_finalizers(jsonc_get(meta, "finalizers"), err);
}

void validate_metadata_update(const struct api_kind *k, struct json_object *obj,
			      struct json_object *old, struct err *err)
{
	static const char *const fixed[] = {"name",
					    "namespace",
					    "uid",
					    "creationTimestamp",
					    "deletionTimestamp",
					    "deletionGracePeriodSeconds"};
	struct json_object *meta = jsonc_get(obj, "metadata");
	struct json_object *old_meta = jsonc_get(old, "metadata");
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		snprintf(path, sizeof(path), "metadata.%s", fixed[i]);
		invalid_if_changed(err, path, jsonc_get(meta, fixed[i]),
				   jsonc_get(old_meta, fixed[i]));
	}
}

static void check_field(const struct api_field *f, struct json_object *v, const char *path,
			struct err *err)
{
	bool text = json_object_is_type(v, json_type_string);
	struct str s = text ? jsonc_str(v) : STR_NULL;

	if (!v || (text && !s.len && f->flags & API_REQUIRED)) {
		if (f->flags & API_REQUIRED && f->shape == API_ONE && f->type != API_BOOL)
			invalid_required(err, path, "");
		return;
	}
	if (!text || !f->enums || !s.len)
		return;
	for (size_t i = 0; f->enums[i]; i++)
		if (str_eqs(s, f->enums[i]))
			return;
	invalid_unsupported(err, path, s, f->enums);
}

static void check_value(const struct api_field *f, struct json_object *v, struct buf *path,
			struct err *err);

/* Rows which must be there: absent ones are reported (present ones are checked as members). */
static void check_required(const struct api_type *t, struct json_object *obj, struct buf *path,
			   struct err *err)
{
	size_t len = path->len;

	for (size_t i = 0; i < t->n_fields; i++) {
		const struct api_field *f = &t->fields[i];

		if (f->flags & API_INLINE)
			check_required(f->ref, obj, path, err);
		if (!(f->flags & API_REQUIRED) || jsonc_get(obj, f->name))
			continue;
		buf_addf(path, "%s%s", len ? "." : "", f->name);
		check_value(f, NULL, path, err);
		buf_setlen(path, len);
	}
}

static void check_object(const struct api_type *t, struct json_object *obj, struct buf *path,
			 struct err *err)
{
	size_t len = path->len;

	check_required(t, obj, path, err);
	json_object_object_foreach(obj, key, v)
	{
		const struct api_field *f = api_field_find(t, str_of(key));

		if (!f || !v)
			continue;
		if (len)
			buf_addc(path, '.');
		buf_adds(path, key);
		check_value(f, v, path, err);
		buf_setlen(path, len);
	}
}

static void check_value(const struct api_field *f, struct json_object *v, struct buf *path,
			struct err *err)
{
	size_t len = path->len;

	if (f->shape == API_ONE) {
		check_field(f, v, path->p, err);
		if (f->type == API_OBJECT && json_object_is_type(v, json_type_object))
			check_object(f->ref, v, path, err);
		return;
	}
	if (f->shape == API_LIST && json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++) {
			struct json_object *e = json_object_array_get_idx(v, i);

			buf_addf(path, "[%zu]", i);
			if (f->type == API_OBJECT && json_object_is_type(e, json_type_object))
				check_object(f->ref, e, path, err);
			else if (f->enums)
				check_field(f, e, path->p, err);
			buf_setlen(path, len);
		}
	}
}

void validate_table(const struct api_type *type, struct json_object *obj, const char *path,
		    struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_adds(&b, path);
	check_object(type, obj, &b, err);
}

static void generic(const struct api_kind *k, struct json_object *obj, struct err *err)
{
	const struct api_field *spec = api_field_find(k->type, STR("spec"));
	struct json_object *v = jsonc_get(obj, "spec");

	if (k->flags & API_K_VIRTUAL || !k->plural)
		return;
	validate_metadata(k, obj, err);
	if (spec && spec->type == API_OBJECT && v)
		validate_table(spec->ref, v, "spec", err);
}

static int finish(const struct api_kind *k, struct json_object *obj, struct err *own,
		  struct err *err)
{
	int r = 0;

	if (own->n_fields) {
		r = api_err_invalid(own, k, jsonc_path_str(obj, "metadata.name"));
		err_move(err, own);
	}
	err_done(own);
	return r;
}

int api_validate_create(const struct api_kind *kind, struct json_object *obj, struct err *err)
{
	struct err own = ERR_INIT;

	generic(kind, obj, &own);
	if (kind->strategy && kind->strategy->validate)
		kind->strategy->validate(obj, &own);
	return finish(kind, obj, &own, err);
}

int api_validate_update(const struct api_kind *kind, struct json_object *obj,
			struct json_object *old, struct err *err)
{
	struct err own = ERR_INIT;

	validate_metadata_update(kind, obj, old, &own);
	generic(kind, obj, &own);
	if (kind->strategy && kind->strategy->validate)
		kind->strategy->validate(obj, &own);
	if (kind->strategy && kind->strategy->validate_update)
		kind->strategy->validate_update(obj, old, &own);
	return finish(kind, obj, &own, err);
}
