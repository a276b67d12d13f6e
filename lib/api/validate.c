/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/validate.h"
#include "lib/api/crd/custom.h"
#include "lib/api/status.h"

static void check_field(const struct api_field *f, struct json_object *v, const struct place *p)
{
	bool text = json_object_is_type(v, json_type_string);
	struct str s = text ? jsonc_str(v) : STR_NULL;

	if (!v || (text && !s.len && f->flags & API_REQUIRED)) {
		if (f->flags & API_REQUIRED && f->shape == API_ONE && f->type != API_BOOL)
			place_required(p, "");
		return;
	}
	if (!text || !f->enums || !s.len)
		return;
	for (size_t i = 0; f->enums[i]; i++)
		if (str_eqs(s, f->enums[i]))
			return;
	place_unsupported(p, s, f->enums);
}

static void check_value(const struct api_field *f, struct json_object *v, const struct place *p)
{
	if (f->shape == API_ONE) {
		check_field(f, v, p);
		if (f->type == API_OBJECT && json_object_is_type(v, json_type_object))
			validate_table(f->ref, v, p);
		return;
	}
	if (f->shape == API_LIST && f->flags & API_REQUIRED &&
	    !(json_object_is_type(v, json_type_array) && json_object_array_length(v)))
		place_required(p, "");
	if (f->shape != API_LIST)
		return;
	for (size_t i = 0; i < list_len(v); i++) {
		struct json_object *e = list_at(v, i);

		if (f->type == API_OBJECT && json_object_is_type(e, json_type_object))
			validate_table(f->ref, e, PLACE_AT(p, i));
		else if (f->enums)
			check_field(f, e, PLACE_AT(p, i));
	}
}

/* Rows which must be there: absent ones are reported (present ones are checked as members). */
static void check_required(const struct api_type *t, struct json_object *obj, const struct place *p)
{
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct api_field *f = &t->fields[i];

		if (f->flags & API_INLINE)
			check_required(f->ref, obj, p);
		else if (f->flags & API_REQUIRED && !jsonc_get(obj, f->name))
			check_value(f, NULL, PLACE(p, f->name));
	}
}

void validate_table(const struct api_type *t, struct json_object *obj, const struct place *p)
{
	check_required(t, obj, p);
	map_for_each(it, obj)
	{
		const struct api_field *f = api_field_find(t, str_of(map_key(it)));

		if (f && map_value(it))
			check_value(f, map_value(it), PLACE(p, f->name));
	}
}

void validate_content(const struct api_type *t, struct json_object *obj, const struct place *root)
{
	check_required(t, obj, root);
	map_for_each(it, obj)
	{
		const struct api_field *f = api_field_find(t, str_of(map_key(it)));

		if (f && map_value(it) && strcmp(f->name, "metadata") != 0 &&
		    strcmp(f->name, "status") != 0)
			check_value(f, map_value(it), PLACE(root, f->name));
	}
}

static void whole(const struct api_kind *k, struct json_object *obj, struct json_object *old,
		  const struct place *root)
{
	const struct api_field *spec = api_field_find(k->type, STR("spec"));
	struct json_object *v = jsonc_get(obj, "spec");

	if (k->flags & API_K_VIRTUAL || !k->plural)
		return;
	validate_metadata(k, obj, root);
	if (k->custom)
		custom_validate(k, obj, old, root);
	else if (k->strategy && k->strategy->validate)
		k->strategy->validate(obj, root->err);
	else if (spec && spec->type == API_OBJECT && v)
		validate_table(spec->ref, v, PLACE(root, "spec"));
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

	whole(kind, obj, NULL, PLACE_OF(&own));
	if (kind->strategy && kind->strategy->validate_create)
		kind->strategy->validate_create(obj, &own);
	return finish(kind, obj, &own, err);
}

int api_validate_update(const struct api_kind *kind, const struct api_subresource *sub,
			struct json_object *obj, struct json_object *old, struct err *err)
{
	struct err own = ERR_INIT;
	const struct place *root = PLACE_OF(&own);

	validate_metadata_update(obj, old, root);
	if (sub && sub->validate_update) {
		sub->validate_update(obj, old, &own);
	} else if (sub && kind->custom) {
		custom_validate(kind, obj, old, root);
	} else if (sub && !strcmp(sub->name, "status")) {
		/* The rest is that of the stored object. */
		check_labels(PLACE(root, "metadata.labels"), jsonc_path(obj, "metadata.labels"));
		check_annotations(PLACE(root, "metadata.annotations"),
				  jsonc_path(obj, "metadata.annotations"));
	} else {
		whole(kind, obj, old, root);
		if (kind->strategy && kind->strategy->validate_update)
			kind->strategy->validate_update(obj, old, &own);
	}
	return finish(kind, obj, &own, err);
}
