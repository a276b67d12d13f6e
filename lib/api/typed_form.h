/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_TYPED_FORM_H
#define KNARR_API_TYPED_FORM_H
#include "lib/api/schema.h"
#include "lib/json/jsonc.h"
/* How values are owned, for the files that see objects through their table (typed.h). */

/* How a value is owned. */
enum form { LEAF, STRUCT, MAP, SET, LISTMAP, DEDUCED };

static inline enum form form_of(const struct api_field *f)
{
	if (f->type == API_DEDUCED)
		return DEDUCED;
	switch ((enum api_shape)f->shape) {
	case API_LIST:
		return f->list == API_LISTMAP ? LISTMAP : f->list == API_SET ? SET : LEAF;
	case API_MAP:
		return f->flags & API_WHOLE ? LEAF : MAP;
	case API_ONE:
		break;
	}
	if (f->type != API_OBJECT || f->flags & API_WHOLE || f->ref->flags & API_WHOLE)
		return LEAF;
	return STRUCT;
}

/* The form an element of a map has. */
static inline struct api_field element_of(const struct api_field *f)
{
	struct api_field e = *f;

	if (f->type == API_NESTED)
		return f->ref->fields[0];
	e.shape = f->flags & API_MAP_OF_LISTS ? API_LIST : API_ONE;
	e.list = API_ATOMIC;
	e.flags &= ~(API_WHOLE | API_MAP_OF_LISTS);
	return e;
}

/* What a member without a row of its own is, where such are kept. */
extern const struct api_field typed_deduced;

static inline const struct api_field *member_of(const struct api_type *t, struct str name)
{
	const struct api_field *f = api_field_find(t, name);

	return f || !(t->flags & API_PRESERVE) ? f : &typed_deduced;
}

static inline bool is_object(struct json_object *v)
{
	return json_object_is_type(v, json_type_object);
}

static inline size_t length(struct json_object *v)
{
	return json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
}
#endif
