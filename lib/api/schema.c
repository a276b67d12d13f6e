/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/schema.h"

/*
 * Where a name was found the last time, in whatever type; only a hint, which is looked at before
 * it is believed.
 */
static __thread uint8_t hints[1024];

static uint8_t *hint_of(const struct api_type *t, struct str name)
{
	uintptr_t h = (uintptr_t)t >> 5;

	h += name.len * 73 + (uint8_t)name.p[0] * 31u + (uint8_t)name.p[name.len / 2] * 7u +
	     (uint8_t)name.p[name.len - 1];
	return &hints[h % ARRAY_SIZE(hints)];
}

static bool is_named(const struct api_field *f, struct str name)
{
	return f->name == name.p
		       ? f->name[name.len] == '\0'
		       : strncmp(f->name, name.p, name.len) == 0 && f->name[name.len] == '\0';
}

static const struct api_field *find(const struct api_type *t, struct str name, uint8_t *hint)
{
	/* Keys of decoded objects are the tables' own text: no need to look at it. */
	for (size_t i = 0; i < t->n_fields; i++)
		if (t->fields[i].name == name.p && is_named(&t->fields[i], name)) {
			*hint = (uint8_t)MIN(i, (size_t)UINT8_MAX);
			return &t->fields[i];
		}
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct api_field *f = &t->fields[i];

		if (f->flags & API_INLINE) {
			const struct api_field *in = api_field_find(f->ref, name);

			if (in)
				return in;
			continue;
		}
		if (f->name[0] == name.p[0] && is_named(f, name)) {
			*hint = (uint8_t)MIN(i, (size_t)UINT8_MAX);
			return f;
		}
	}
	return NULL;
}

const struct api_field *api_field_find(const struct api_type *t, struct str name)
{
	const struct api_field *f;
	uint8_t *hint;

	if (!t || !name.len)
		return NULL;
	hint = hint_of(t, name);
	if (*hint < t->n_fields) {
		f = &t->fields[*hint];
		if (!(f->flags & API_INLINE) && is_named(f, name))
			return f;
	}
	return find(t, name, hint);
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
