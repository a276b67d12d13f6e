/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/device_cel.h"
#include "lib/api/cel_libs.h"
#include "lib/api/quantity.h"

/* ---- types ---- */

static const struct cel_type t_domain = {.kind = CEL_STRING, .max = DEVICE_DOMAIN_MAX};
static const struct cel_type t_id = {.kind = CEL_STRING, .max = DEVICE_ID_MAX};
static const struct cel_type t_driver = {.kind = CEL_STRING, .max = DEVICE_DOMAIN_MAX};
static const struct cel_type t_value = {.kind = CEL_DYN, .max = DEVICE_VALUE_MAX};
static const struct cel_type t_attributes_in = {
	.kind = CEL_MAP, .a = &t_id, .b = &t_value, .max = DEVICE_ATTRIBUTES_MAX};
static const struct cel_type t_attributes = {
	.kind = CEL_MAP, .a = &t_domain, .b = &t_attributes_in, .max = DEVICE_ATTRIBUTES_MAX};
static const struct cel_type t_capacity_in = {
	.kind = CEL_MAP, .a = &t_id, .b = &api_cel_t_quantity, .max = DEVICE_ATTRIBUTES_MAX};
static const struct cel_type t_capacity = {
	.kind = CEL_MAP, .a = &t_domain, .b = &t_capacity_in, .max = DEVICE_ATTRIBUTES_MAX};

#define FIELD(n, t)                                       \
	{                                                 \
		{n, sizeof(n) - 1}, {n, sizeof(n) - 1}, t \
	}
static const struct cel_field device_fields[] = {
	FIELD("driver", &t_driver),
	FIELD("allowMultipleAllocations", &cel_t_bool),
	FIELD("attributes", &t_attributes),
	FIELD("capacity", &t_capacity),
};
static const struct cel_type t_device = {.kind = CEL_OBJECT,
					 .name = "kubernetes.DRADevice",
					 .fields = device_fields,
					 .n_fields = ARRAY_SIZE(device_fields)};

/* Whether a value, or one of a list, is the other. */
static struct cel_val includes(struct cel_run *r, const struct cel_val *a, size_t n)
{
	if (a[0].kind != CEL_LIST)
		return cel_bool(cel_equal(r, &a[0], &a[1]));
	for (size_t i = 0; i < cel_size(&a[0]); i++) {
		struct cel_val v;

		if (i >= DEVICE_LIST_MAX)
			return cel_error(r,
					 "'includes' function cannot be applied to lists longer "
					 "than %d values",
					 DEVICE_LIST_MAX);
		if (!cel_charge(r, 1))
			return cel_bool(false);
		v = cel_at(r, &a[0], i);
		if (cel_equal(r, &v, &a[1]))
			return cel_bool(true);
	}
	return cel_bool(false);
}
static const struct cel_def device_defs[] = {{"includes", "D.D:b", includes, 0}};
static const struct cel_lib device_lib = {.defs = device_defs, .n = ARRAY_SIZE(device_defs)};

int device_cel_compile(struct str text, struct cel_program **ret, struct err *err)
{
	static const struct cel_var vars[] = {{"device", &t_device}};
	const struct cel_lib *libs[API_CEL_LIBS + 2];
	struct cel_env env = {vars, 1, libs};
	CLEANUP(err_done) struct err why = ERR_INIT;
	const struct cel_type *t;

	memcpy(libs, api_cel_libs, API_CEL_LIBS * sizeof(*libs));
	libs[API_CEL_LIBS] = &device_lib;
	libs[API_CEL_LIBS + 1] = NULL;
	if (cel_compile(&env, text, ret, &why) < 0)
		return err_sys(err, EINVAL, "compilation failed: %s", err_text(&why));
	t = cel_program_type(*ret);
	if (t->kind != CEL_BOOL && t->kind != CEL_DYN) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		cel_type_text(t, &b);
		*ret = cel_program_free(*ret);
		return err_sys(err, EINVAL, "must evaluate to bool or the unknown type, not %s",
			       b.p);
	}
	return 0;
}

/* ---- values ---- */

void device_name_split(struct str name, struct str driver, struct str *ret_domain,
		       struct str *ret_id)
{
	ssize_t slash = str_chr(name, '/');

	*ret_domain = slash < 0 ? driver : str_n(name.p, (size_t)slash);
	*ret_id = slash < 0 ? name : str_skip(name, (size_t)slash + 1);
}

static struct cel_val text_of(struct cel_run *r, struct jv v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	return cel_str(arena_str(r->arena, jv_str(v, &b)));
}

static struct cel_val scalar(struct cel_run *r, struct str kind, struct jv v)
{
	if (str_starts(kind, STR("int")))
		return cel_int(jv_i64(v, 0));
	if (str_starts(kind, STR("bool")))
		return cel_bool(jv_bool(v, false));
	if (str_starts(kind, STR("string")))
		return text_of(r, v);
	if (str_starts(kind, STR("version")))
		return cel_semver(r, text_of(r, v).s);
	return cel_error(r, "unsupported attribute value");
}

static struct cel_val attribute(struct cel_run *r, struct jv v)
{
	jv_for_each_member (m, v) {
		struct cel_val list, *to;
		size_t i = 0;

		if (!jv_exists(m.value))
			continue;
		if (jv_type(m.value) != JV_ARRAY)
			return scalar(r, m.key, m.value);
		list = cel_new_list(r, jv_len(m.value), &to);
		jv_for_each (e, m.value)
			to[i++] = scalar(r, m.key, e.value);
		return list;
	}
	return cel_error(r, "unsupported attribute value");
}

static struct cel_val capacity(struct cel_run *r, struct jv v)
{
	struct quantity q = {0};

	quantity_parse(jv_text(jv_get(v, "value")), &q);
	return api_cel_quantity(r, q);
}

static struct cel_map *new_map(struct cel_run *r, size_t n)
{
	struct cel_map *m = ARENA_NEW(r->arena, struct cel_map);

	m->v = n ? ARENA_ARRAY(r->arena, struct cel_pair, n) : NULL;
	return m;
}

static struct cel_val map_val(const struct cel_map *m)
{
	return (struct cel_val){.kind = CEL_MAP, .m = m};
}

static void push(struct cel_map *m, struct str k, struct cel_val v)
{
	((struct cel_pair *)m->v)[m->n++] = (struct cel_pair){cel_str(k), v};
}

/* {"d/a": x, "b": y} as {"d": {"a": x}, "driver": {"b": y}}; other domains are empty. */
static struct cel_val by_domain(struct cel_run *r, struct str driver, struct jv members,
				struct cel_val (*value)(struct cel_run *, struct jv))
{
	size_t n = jv_len(members);
	struct cel_map *outer = new_map(r, n), *inner;
	struct cel_val *nothing = ARENA_NEW(r->arena, struct cel_val);

	*nothing = map_val(new_map(r, 0));
	outer->otherwise = nothing;
	jv_for_each_member (m, members) {
		struct str domain, id;
		size_t i = 0;

		device_name_split(m.key, driver, &domain, &id);
		while (i < outer->n && !str_eq(outer->v[i].k.s, domain))
			i++;
		if (i == outer->n)
			push(outer, domain, map_val(new_map(r, n)));
		inner = (struct cel_map *)outer->v[i].v.m;
		push(inner, id, value(r, m.value));
	}
	return map_val(outer);
}

static struct cel_val device_val(struct cel_run *r, struct str driver, struct jv device)
{
	struct cel_map *m = new_map(r, ARRAY_SIZE(device_fields));

	m->type = &t_device;
	push(m, STR("driver"), cel_str(driver));
	push(m, STR("allowMultipleAllocations"),
	     cel_bool(jv_bool(jv_get(device, "allowMultipleAllocations"), false)));
	push(m, STR("attributes"), by_domain(r, driver, jv_get(device, "attributes"), attribute));
	push(m, STR("capacity"), by_domain(r, driver, jv_get(device, "capacity"), capacity));
	return map_val(m);
}

int device_cel_match(const struct cel_program *p, struct str driver, struct jv device,
		     struct arena *scratch, uint64_t *ret_cost, struct err *err)
{
	struct cel_run r = {.arena = scratch, .cost_max = DEVICE_CEL_COST_MAX};
	struct cel_val var, v;

	arena_reset(scratch);
	var = device_val(&r, driver, device);
	v = cel_eval(p, &var, &r);
	if (ret_cost)
		*ret_cost = r.cost;
	if (r.over)
		return err_sys(err, EINVAL, "operation cancelled: actual cost limit exceeded");
	if (v.kind == CEL_BOOL)
		return v.b;
	if (v.kind != CEL_ERR)
		return err_sys(err, EINVAL,
			       "CEL result could not be converted to bool: unsupported type");
	return err_sys(err, EINVAL, "%.*s%s", STR_ARG(v.s),
		       str_starts(v.s, STR("no such key:"))
			       ? ". consider using CEL optional chaining (.? followed by "
				 "orValue()) or guarding the check with has() for optional fields"
			       : "");
}
