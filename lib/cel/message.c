/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/ast.h"

#include <math.h>
/*
 * Messages: `name{field: value}`. Those of protobuf that CEL knows as values of its own (wrappers,
 * times, JSON) stand here; what else there is, libraries bring along (struct cel_message).
 */
static const struct cel_val *field(const struct cel_pair *v, size_t n, const char *name)
{
	while (n--)
		if (str_eqs(v[n].k.s, name))
			return &v[n].v;
	return NULL;
}

/* ---- wrappers: google.protobuf.Int32Value{value: 1} is 1 ---- */

static struct cel_val range_error(struct cel_run *r)
{
	return cel_error(r, "range error");
}

/* The value, which is of `kind` or absent; false: it is of none. */
static bool value_of(const struct cel_pair *v, size_t n, enum cel_kind kind, struct cel_val *ret)
{
	const struct cel_val *got = field(v, n, "value");

	*ret = got ? *got : (struct cel_val){.kind = kind};
	return ret->kind == kind;
}

static struct cel_val make_plain(const struct cel_pair *v, size_t n, enum cel_kind kind)
{
	struct cel_val x;

	return value_of(v, n, kind, &x) ? x : cel_no_overload();
}

#define MAKE(name) static struct cel_val name(struct cel_run *r, const struct cel_pair *v, size_t n)

MAKE(make_bool)
{
	return make_plain(v, n, CEL_BOOL);
}
MAKE(make_string)
{
	return make_plain(v, n, CEL_STRING);
}
MAKE(make_bytes)
{
	return make_plain(v, n, CEL_BYTES);
}
MAKE(make_int64)
{
	return make_plain(v, n, CEL_INT);
}
MAKE(make_uint64)
{
	return make_plain(v, n, CEL_UINT);
}
MAKE(make_double)
{
	return make_plain(v, n, CEL_DOUBLE);
}
MAKE(make_int32)
{
	struct cel_val x;

	if (!value_of(v, n, CEL_INT, &x))
		return cel_no_overload();
	return x.i < INT32_MIN || x.i > INT32_MAX ? range_error(r) : x;
}
MAKE(make_uint32)
{
	struct cel_val x;

	if (!value_of(v, n, CEL_UINT, &x))
		return cel_no_overload();
	return x.u > UINT32_MAX ? range_error(r) : x;
}
MAKE(make_float)
{
	struct cel_val x;

	if (!value_of(v, n, CEL_DOUBLE, &x))
		return cel_no_overload();
	return cel_double((double)(float)x.d);
}

/* ---- times ---- */

#define SECONDS_MIN (-62135596800)
#define SECONDS_MAX 253402300799
#define DURATION_MAX_S 315576000000

/* seconds and nanos, both ints or absent. */
static bool parts(const struct cel_pair *v, size_t n, int64_t *s, int64_t *ns)
{
	const struct cel_val *a = field(v, n, "seconds"), *b = field(v, n, "nanos");

	*s = a ? a->i : 0;
	*ns = b ? b->i : 0;
	return (!a || a->kind == CEL_INT) && (!b || b->kind == CEL_INT);
}

MAKE(make_time)
{
	int64_t s, ns;

	if (!parts(v, n, &s, &ns))
		return cel_no_overload();
	if (s < SECONDS_MIN || s > SECONDS_MAX || ns < 0 || ns >= 1000000000)
		return range_error(r);
	return (struct cel_val){.kind = CEL_TIME, .t = {s, (int32_t)ns}};
}

MAKE(make_duration)
{
	int64_t s, ns;
	struct cel_val d = {.kind = CEL_DURATION};

	if (!parts(v, n, &s, &ns))
		return cel_no_overload();
	if (s < -DURATION_MAX_S || s > DURATION_MAX_S || ns <= -1000000000 || ns >= 1000000000 ||
	    (s > 0 && ns < 0) || (s < 0 && ns > 0) ||
	    __builtin_mul_overflow(s, (int64_t)1000000000, &d.i) ||
	    __builtin_add_overflow(d.i, ns, &d.i))
		return range_error(r);
	return d;
}

/* ---- JSON ---- */

MAKE(make_list)
{
	const struct cel_val *l = field(v, n, "values");
	struct cel_val *none;

	return l ? *l : cel_new_list(r, 0, &none);
}

MAKE(make_struct)
{
	const struct cel_val *m = field(v, n, "fields");

	return m ? *m : (struct cel_val){.kind = CEL_MAP, .m = ARENA_NEW(r->arena, struct cel_map)};
}

/* One of several fields; none is null. */
MAKE(make_value)
{
	return n ? v[n - 1].v : CEL_VAL_NULL;
}

/* ---- the table ---- */

#define FIELD(text, t)                                                \
	{                                                             \
		{text, sizeof(text) - 1}, {text, sizeof(text) - 1}, t \
	}

static const struct cel_type wrapped_bool = {.kind = CEL_BOOL, .nullable = true},
			     wrapped_int = {.kind = CEL_INT, .nullable = true},
			     wrapped_uint = {.kind = CEL_UINT, .nullable = true},
			     wrapped_double = {.kind = CEL_DOUBLE, .nullable = true},
			     wrapped_string = {.kind = CEL_STRING, .nullable = true},
			     wrapped_bytes = {.kind = CEL_BYTES, .nullable = true};
static const struct cel_field bool_fields[] = {FIELD("value", &cel_t_bool)},
			      int_fields[] = {FIELD("value", &cel_t_int)},
			      uint_fields[] = {FIELD("value", &cel_t_uint)},
			      double_fields[] = {FIELD("value", &cel_t_double)},
			      string_fields[] = {FIELD("value", &cel_t_string)},
			      bytes_fields[] = {FIELD("value", &cel_t_bytes)},
			      time_fields[] = {FIELD("seconds", &cel_t_int),
					       FIELD("nanos", &cel_t_int)},
			      list_fields[] = {FIELD("values", &cel_t_list_dyn)},
			      struct_fields[] = {FIELD("fields", &cel_t_map_dyn)},
			      value_fields[] = {FIELD("null_value", &cel_t_dyn),
						FIELD("number_value", &cel_t_double),
						FIELD("string_value", &cel_t_string),
						FIELD("bool_value", &cel_t_bool),
						FIELD("struct_value", &cel_t_map_dyn),
						FIELD("list_value", &cel_t_list_dyn)};

#define P "google.protobuf."
const struct cel_message cel_messages_std[] = {
	{P "BoolValue", bool_fields, 1, false, false, &wrapped_bool, make_bool},
	{P "Int32Value", int_fields, 1, false, false, &wrapped_int, make_int32},
	{P "Int64Value", int_fields, 1, false, false, &wrapped_int, make_int64},
	{P "UInt32Value", uint_fields, 1, false, false, &wrapped_uint, make_uint32},
	{P "UInt64Value", uint_fields, 1, false, false, &wrapped_uint, make_uint64},
	{P "FloatValue", double_fields, 1, false, false, &wrapped_double, make_float},
	{P "DoubleValue", double_fields, 1, false, false, &wrapped_double, make_double},
	{P "StringValue", string_fields, 1, false, false, &wrapped_string, make_string},
	{P "BytesValue", bytes_fields, 1, false, false, &wrapped_bytes, make_bytes},
	{P "Timestamp", time_fields, 2, false, false, &cel_t_time, make_time},
	{P "Duration", time_fields, 2, false, false, &cel_t_duration, make_duration},
	{P "ListValue", list_fields, 1, false, false, &cel_t_list_dyn, make_list},
	{P "Struct", struct_fields, 1, false, false, &cel_t_map_dyn, make_struct},
	{P "Value", value_fields, 6, false, false, &cel_t_dyn, make_value},
};
const size_t cel_n_messages_std = ARRAY_SIZE(cel_messages_std);

/* ---- names ---- */

const struct cel_field *cel_field_find(const struct cel_field *fields, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(fields[i].shown, name))
			return &fields[i];
	return NULL;
}

bool cel_dotted(const struct cel_node *x, struct buf *out)
{
	if (x->op == OP_IDENT) {
		buf_addstr(out, x->name);
		return true;
	}
	if (x->op != OP_SELECT || !cel_dotted(x->args[0], out))
		return false;
	buf_addc(out, '.');
	buf_addstr(out, x->name);
	return true;
}

static bool fits_name(const struct cel_message *m, struct str name)
{
	struct str own = str_of(m->name);

	return str_eq(name, own) || (m->below && str_starts(name, own) && name.len > own.len + 1 &&
				     name.p[own.len] == '.');
}

static const struct cel_message *among(const struct cel_message *m, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (fits_name(&m[i], name))
			return &m[i];
	return NULL;
}

const struct cel_message *cel_message_find(const struct cel_env *env, struct arena *a,
					   struct str name, const struct cel_type **ret_type)
{
	const struct cel_message *m = among(cel_messages_std, cel_n_messages_std, name);
	struct cel_type *t;

	for (const struct cel_lib *const *l = env->libs; !m && l && *l; l++)
		m = among((*l)->messages, (*l)->n_messages, name);
	if (!m)
		return NULL;
	*ret_type = m->type;
	if (m->type)
		return m;
	t = ARENA_NEW(a, struct cel_type);
	*t = (struct cel_type){.kind = CEL_OBJECT,
			       .open = true,
			       .name = arena_strdup(a, name),
			       .fields = m->fields,
			       .n_fields = m->n_fields};
	*ret_type = t;
	return m;
}

/* ---- evaluation ---- */

static void put(struct cel_pair *v, size_t *n, struct str name, struct cel_val val)
{
	for (size_t i = 0; i < *n; i++) {
		if (str_eq(v[i].k.s, name)) {
			v[i].v = val;
			return;
		}
	}
	v[(*n)++] = (struct cel_pair){cel_str(name), val};
}

struct cel_val cel_eval_message(struct cel_run *r, const struct cel_node *x)
{
	struct cel_pair *v = ARENA_ARRAY(r->arena, struct cel_pair, x->n);
	struct cel_map *m;
	size_t n = 0;

	if (!cel_charge(r, 40))
		return cel_over();
	for (uint32_t i = 0; i < x->n; i++) {
		struct cel_val e;

		if (!cel_eval_element(r, x, i, i, &e))
			continue;
		if (e.kind == CEL_ERR)
			return e;
		r->steps += n;
		put(v, &n, x->fields[i], e);
	}
	if (x->message->make)
		return x->message->make(r, v, n);
	m = ARENA_NEW(r->arena, struct cel_map);
	*m = (struct cel_map){.n = n, .v = v, .type = x->type};
	return (struct cel_val){.kind = CEL_MAP, .m = m};
}
