/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/schema.h"

const struct api_field *api_field_find(const struct api_type *t, struct str name)
{
	if (!t)
		return NULL;
	/* Keys of decoded objects are the tables' own text: no need to look at it. */
	for (size_t i = 0; i < t->n_fields; i++)
		if (t->fields[i].name == name.p && name.len && name.p[name.len] == '\0')
			return &t->fields[i];
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct api_field *f = &t->fields[i];

		if (f->flags & API_INLINE) {
			const struct api_field *in = api_field_find(f->ref, name);

			if (in)
				return in;
			continue;
		}
		if (name.len && f->name[0] == name.p[0] &&
		    strncmp(f->name, name.p, name.len) == 0 && f->name[name.len] == '\0')
			return f;
	}
	return NULL;
}

const struct api_field *api_field_by_number(const struct api_type *t, uint32_t number)
{
	for (size_t i = 0; t && number && i < t->n_fields; i++)
		if (t->fields[i].pb == number)
			return &t->fields[i];
	return NULL;
}

const struct api_field *api_field_path(const struct api_type *t, struct str path)
{
	const struct api_field *f = NULL;
	struct str part;

	while (str_split(&path, '.', &part)) {
		if (f && f->shape == API_MAP) {
			t = f->ref; /* the part is a key of the map */
			continue;
		}
		f = api_field_find(t, part);
		if (!f)
			return NULL;
		t = f->ref;
	}
	return f;
}

const char *api_type_short(const struct api_type *t)
{
	const char *dot = strrchr(t->name, '.');

	return dot ? dot + 1 : t->name;
}

int api_type_each(const struct api_type *t, int (*fn)(const struct api_field *f, void *user),
		  void *user)
{
	int r = 0;

	for (size_t i = 0; t && !r && i < t->n_fields; i++) {
		const struct api_field *f = &t->fields[i];

		r = f->flags & API_INLINE ? api_type_each(f->ref, fn, user) : fn(f, user);
	}
	return r;
}
