/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/cel_libs.h"
#include "lib/api/crd/schema.h"
#include "lib/api/names.h"
#include "lib/api/quantity.h"

#include <ctype.h>

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

/* ---- quantities ---- */

static bool q_equal(const void *a, const void *b)
{
	return quantity_cmp(*(const struct quantity *)a, *(const struct quantity *)b) == 0;
}
static const struct cel_host_ops q_ops = {.name = "kubernetes.Quantity", .equal = q_equal};
const struct cel_type api_cel_t_quantity = {.kind = CEL_HOST, .name = "kubernetes.Quantity"};

struct cel_val api_cel_quantity(struct cel_run *r, struct quantity q)
{
	struct quantity *p = ARENA_NEW(r->arena, struct quantity);

	*p = q;
	return cel_host(&q_ops, p);
}

static struct quantity q_of(const struct cel_val *v)
{
	return v->kind == CEL_INT ? quantity_of(v->i, QUANTITY_SI)
				  : *(const struct quantity *)v->h.p;
}

FN(to_quantity)
{
	struct quantity q;

	if (quantity_parse(a->s, &q) < 0)
		return cel_error(r, "quantities must match the regular expression "
				    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
	return api_cel_quantity(r, q);
}
FN(is_quantity)
{
	struct quantity q;

	return cel_bool(quantity_parse(a->s, &q) == 0);
}
FN(q_greater)
{
	return cel_bool(quantity_cmp(q_of(&a[0]), q_of(&a[1])) > 0);
}
FN(q_less)
{
	return cel_bool(quantity_cmp(q_of(&a[0]), q_of(&a[1])) < 0);
}
FN(q_compare)
{
	return cel_int(quantity_cmp(q_of(&a[0]), q_of(&a[1])));
}

static struct cel_val q_sum(struct cel_run *r, const struct cel_val *a, bool minus)
{
	struct quantity x = q_of(&a[0]), y = q_of(&a[1]);

	if (minus ? __builtin_sub_overflow(x.nano, y.nano, &x.nano)
		  : __builtin_add_overflow(x.nano, y.nano, &x.nano))
		return cel_error(r, "quantity overflow");
	return api_cel_quantity(r, x);
}
FN(q_add)
{
	return q_sum(r, a, false);
}
FN(q_sub)
{
	return q_sum(r, a, true);
}
FN(q_sign)
{
	__int128 v = q_of(a).nano;

	return cel_int(v > 0 ? 1 : v < 0 ? -1 : 0);
}

#define NANO 1000000000

FN(q_is_integer)
{
	__int128 v = q_of(a).nano;

	return cel_bool(v % NANO == 0 && v / NANO >= INT64_MIN && v / NANO <= INT64_MAX);
}
FN(q_as_integer)
{
	__int128 v = q_of(a).nano;

	if (v % NANO != 0 || v / NANO < INT64_MIN || v / NANO > INT64_MAX)
		return cel_error(r, "cannot convert value to integer");
	return cel_int((int64_t)(v / NANO));
}
FN(q_as_float)
{
	return cel_double((double)q_of(a).nano / 1e9);
}

#define Q "{kubernetes.Quantity}"
static const struct cel_def q_defs[] = {
	{"quantity", "s:" Q, to_quantity, 1},
	{"isQuantity", "s:b", is_quantity, 1},
	{"isGreaterThan", Q "." Q ":b", q_greater, 0},
	{"isLessThan", Q "." Q ":b", q_less, 0},
	{"compareTo", Q "." Q ":i", q_compare, 0},
	{"add", Q "." Q ":" Q, q_add, 0},
	{"add", Q ".i:" Q, q_add, 0},
	{"sub", Q "." Q ":" Q, q_sub, 0},
	{"sub", Q ".i:" Q, q_sub, 0},
	{"sign", Q ".:i", q_sign, 0},
	{"isInteger", Q ".:b", q_is_integer, 0},
	{"asInteger", Q ".:i", q_as_integer, 0},
	{"asApproximateFloat", Q ".:d", q_as_float, 0},
};
static const struct cel_type *const q_types[] = {&api_cel_t_quantity, NULL};
static const struct cel_lib q_lib = {.defs = q_defs, .n = ARRAY_SIZE(q_defs), .types = q_types};

/* ---- named formats ---- */

struct format {
	const char *name;
	int rule; /* enum name_rule, or -1 */
	enum crd_format f;
	bool prefix; /* a trailing dash may follow: something comes behind it */
	const char *message;
};
static const struct format formats[] = {
	{"dns1123Label", NAME_DNS_LABEL, CRD_F_NONE, false, NULL},
	{"dns1123Subdomain", NAME_SUBDOMAIN, CRD_F_NONE, false, NULL},
	{"dns1035Label", NAME_DNS_LABEL_1035, CRD_F_NONE, false, NULL},
	{"qualifiedName", NAME_QUALIFIED, CRD_F_NONE, false, NULL},
	{"dns1123LabelPrefix", NAME_DNS_LABEL, CRD_F_NONE, true, NULL},
	{"dns1123SubdomainPrefix", NAME_SUBDOMAIN, CRD_F_NONE, true, NULL},
	{"dns1035LabelPrefix", NAME_DNS_LABEL_1035, CRD_F_NONE, true, NULL},
	{"labelValue", NAME_LABEL_VALUE, CRD_F_NONE, false, NULL},
	{"uri", -1, CRD_F_URI, false, "invalid URI"},
	{"uuid", -1, CRD_F_UUID, false, "does not match the UUID format"},
	{"byte", -1, CRD_F_BYTE, false, "invalid base64"},
	{"date", -1, CRD_F_DATE, false, "invalid date"},
	{"datetime", -1, CRD_F_DATETIME, false, "invalid datetime"},
};
static const struct cel_host_ops format_ops = {.name = "kubernetes.NamedFormat"};
static const struct cel_type format_type = {.kind = CEL_HOST, .name = "kubernetes.NamedFormat"};

FN(format_named)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (str_eqs(a->s, formats[i].name))
			return cel_some(r, cel_host(&format_ops, (void *)&formats[i]));
	return (struct cel_val){.kind = CEL_OPTIONAL};
}

FN(format_validate)
{
	const struct format *f = a[0].h.p;
	struct name_errors e = {.n = 0};
	struct str s = a[1].s;
	struct cel_val *v, list;

	cel_charge(r, s.len / 10);
	if (f->prefix && s.len > 1 && s.p[s.len - 1] == '-')
		s.len--;
	if (f->rule >= 0) {
		name_errors((enum name_rule)f->rule, s, &e);
	} else if (!crd_format_check(f->f, s)) {
		e.v[0] = f->message;
		e.n = 1;
	}
	if (!e.n)
		return (struct cel_val){.kind = CEL_OPTIONAL};
	list = cel_new_list(r, e.n, &v);
	for (size_t i = 0; i < e.n; i++)
		v[i] = cel_str(arena_str(r->arena, str_of(e.v[i])));
	return cel_some(r, list);
}

#define NAMED(i)                                                   \
	FN(format_##i)                                             \
	{                                                          \
		return cel_host(&format_ops, (void *)&formats[i]); \
	}
NAMED(0)
NAMED(1)
NAMED(2)
NAMED(3)
NAMED(4)
NAMED(5)
NAMED(6)
NAMED(7)
NAMED(8)
NAMED(9)
NAMED(10)
NAMED(11)
NAMED(12)

#define F "{kubernetes.NamedFormat}"
static const struct cel_def format_defs[] = {
	{"format.named", "s:o" F, format_named, 0},
	{"validate", F ".s:ols", format_validate, 0},
	{"format.dns1123Label", ":" F, format_0, 0},
	{"format.dns1123Subdomain", ":" F, format_1, 0},
	{"format.dns1035Label", ":" F, format_2, 0},
	{"format.qualifiedName", ":" F, format_3, 0},
	{"format.dns1123LabelPrefix", ":" F, format_4, 0},
	{"format.dns1123SubdomainPrefix", ":" F, format_5, 0},
	{"format.dns1035LabelPrefix", ":" F, format_6, 0},
	{"format.labelValue", ":" F, format_7, 0},
	{"format.uri", ":" F, format_8, 0},
	{"format.uuid", ":" F, format_9, 0},
	{"format.byte", ":" F, format_10, 0},
	{"format.date", ":" F, format_11, 0},
	{"format.datetime", ":" F, format_12, 0},
};
static const struct cel_type *const format_types[] = {&format_type, NULL};
static const struct cel_lib format_lib = {
	.defs = format_defs, .n = ARRAY_SIZE(format_defs), .types = format_types};

const struct cel_lib *const api_cel_libs[] = {&cel_lib_strings,
					      &cel_lib_lists,
					      &cel_lib_regex,
					      &cel_lib_sets,
					      &cel_lib_math,
					      &cel_lib_encoders,
					      &cel_lib_optional,
					      &cel_lib_url,
					      &cel_lib_ip,
					      &cel_lib_semver,
					      &q_lib,
					      &format_lib,
					      NULL};
_Static_assert(ARRAY_SIZE(api_cel_libs) == API_CEL_LIBS + 1, "rows");

bool api_cel_escape(struct str name, struct buf *out)
{
	static const char *const words[] = {
		"true",     "false",   "null",      "in",       "as",  "break",  "const",
		"continue", "else",    "for",       "function", "if",  "import", "let",
		"loop",     "package", "namespace", "return",   "var", "void",   "while"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (str_eqs(name, words[i])) {
			buf_addf(out, "__%s__", words[i]);
			return true;
		}
	}
	if (!name.len || isdigit((unsigned char)name.p[0]))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (c == '_' && i + 1 < name.len && name.p[i + 1] == '_') {
			buf_adds(out, "__underscores__");
			i++;
		} else if (c == '.' || c == '-' || c == '/') {
			buf_adds(out, c == '.' ? "__dot__" : c == '-' ? "__dash__" : "__slash__");
		} else if (isalnum((unsigned char)c) || c == '_') {
			buf_addc(out, c);
		} else {
			return false;
		}
	}
	return true;
}
