/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/cel_types.h"
#include "lib/api/cel_libs.h"
#include "lib/api/crd/custom.h"
#include "lib/api/crd/rules.h"
#include "lib/base/hmap.h"

struct maker {
	struct arena *a;
	struct hmap *made; /* by name of the table: they refer to each other in circles */
};

extern const struct api_type api_t_meta_v1_ObjectMeta;

static const struct cel_type *object_of(struct maker *m, const struct api_type *t);

static struct cel_type *make(struct maker *m, enum cel_kind kind)
{
	struct cel_type *t = ARENA_NEW(m->a, struct cel_type);

	t->kind = (uint8_t)kind;
	return t;
}

static const struct cel_type *scalar_of(struct maker *m, const struct api_field *f)
{
	switch ((enum api_vtype)f->type) {
	case API_STRING:
	case API_DURATION:
		return &cel_t_string;
	case API_BOOL:
		return &cel_t_bool;
	case API_INT32:
	case API_INT64:
		return &cel_t_int;
	case API_DOUBLE:
		return &cel_t_double;
	case API_BYTES:
		return &cel_t_bytes;
	case API_TIME:
	case API_MICROTIME:
		return &cel_t_time;
	case API_OBJECT:
		return f->flags & API_OR_BOOL ? &cel_t_dyn : object_of(m, f->ref);
	default:
		return &cel_t_dyn;
	}
}

static const struct cel_type *field_type(struct maker *m, const struct api_field *f)
{
	struct cel_type *t;

	if (f->type == API_NESTED || f->shape == API_ONE)
		return f->type == API_NESTED ? &cel_t_dyn : scalar_of(m, f);
	t = make(m, f->shape == API_LIST ? CEL_LIST : CEL_MAP);
	*(f->shape == API_LIST ? &t->a : &t->b) = scalar_of(m, f);
	if (f->shape == API_LIST)
		return t;
	t->a = &cel_t_string;
	if (f->flags & API_MAP_OF_LISTS) {
		struct cel_type *l = make(m, CEL_LIST);

		l->a = t->b;
		t->b = l;
	}
	return t;
}

struct fields {
	struct maker *m;
	struct cel_field *v; /* NULL: they are counted */
	size_t n;
};

static int add_field(const struct api_field *f, void *user)
{
	struct fields *fs = user;
	CLEANUP(buf_done) struct buf shown = BUF_INIT;

	if (!api_cel_escape(str_of(f->name), &shown))
		return 0;
	if (fs->v)
		fs->v[fs->n] = (struct cel_field){.name = str_of(f->name),
						  .shown = arena_str(fs->m->a, buf_str(&shown)),
						  .type = field_type(fs->m, f)};
	fs->n++;
	return 0;
}

static const struct cel_type *object_of(struct maker *m, const struct api_type *t)
{
	struct fields fs = {.m = m};
	struct cel_type *o;

	if (!t || t->flags & API_PRESERVE || !t->n_fields)
		return &cel_t_dyn;
	o = hmap_get(m->made, str_of(t->name));
	if (o)
		return o;
	o = make(m, CEL_OBJECT);
	o->name = api_type_short(t);
	hmap_put(m->made, str_of(t->name), o);
	api_type_each(t, add_field, &fs);
	fs.v = ARENA_ARRAY(m->a, struct cel_field, fs.n);
	fs.n = 0;
	api_type_each(t, add_field, &fs);
	o->fields = fs.v;
	o->n_fields = fs.n;
	return o;
}

const struct cel_type *api_cel_object(const struct api_type *t, struct arena *a)
{
	struct maker m = {a, hmap_new()};
	const struct cel_type *o = object_of(&m, t);

	hmap_free(m.made);
	return o;
}

/* Rules of a definition may look at little of the metadata, policies at all of it. */
static const struct cel_type *with_metadata(const struct cel_type *t, const char *kind,
					    struct arena *a)
{
	struct cel_type *o = ARENA_NEW(a, struct cel_type);
	struct cel_field *f = ARENA_ARRAY(a, struct cel_field, t->n_fields);

	*o = *t;
	o->name = kind;
	for (size_t i = 0; i < t->n_fields; i++) {
		f[i] = t->fields[i];
		if (str_eqs(f[i].name, "metadata"))
			f[i].type = api_cel_object(&api_t_meta_v1_ObjectMeta, a);
	}
	o->fields = f;
	return o;
}

const struct cel_type *api_cel_type(const struct api_kind *k, struct arena *a)
{
	struct crd_schema_set *set = custom_schema(k);
	const struct cel_type *t;

	if (!set)
		return api_cel_object(k->type, a);
	t = crd_cel_type(set, set->root, true);
	return t->kind == CEL_OBJECT ? with_metadata(t, k->kind, a) : &cel_t_dyn;
}
