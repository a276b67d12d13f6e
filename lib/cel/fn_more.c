/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/cel.h"
#include "lib/base/codec.h"

#include <math.h>
/* Mathematics, base64, optional values and semantic versions. */

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

/* ---- math (cel-go ext/math.go) ---- */

static struct cel_val extreme(struct cel_run *r, const struct cel_val *a, size_t n, int want)
{
	struct cel_val best = a[0];

	if (n == 1 && a->kind == CEL_LIST) {
		if (!a->l->n)
			return cel_error(r, "math.@%s(list) argument must not be empty",
					 want > 0 ? "max" : "min");
		best = cel_at(r, a, 0);
		for (size_t i = 1; i < a->l->n; i++) {
			struct cel_val e = cel_at(r, a, i);

			if (!cel_charge(r, 1))
				return cel_no_overload();
			if (cel_compare(&e, &best) == want)
				best = e;
		}
	}
	for (size_t i = 1; i < n; i++)
		if (cel_compare(&a[i], &best) == want)
			best = a[i];
	if (best.kind != CEL_INT && best.kind != CEL_UINT && best.kind != CEL_DOUBLE)
		return cel_no_overload();
	return best;
}

FN(greatest)
{
	return extreme(r, a, n, 1);
}
FN(least)
{
	return extreme(r, a, n, -1);
}
FN(math_ceil)
{
	return cel_double(ceil(a->d));
}
FN(math_floor)
{
	return cel_double(floor(a->d));
}
FN(math_round)
{
	return cel_double(round(a->d));
}
FN(math_trunc)
{
	return cel_double(trunc(a->d));
}
FN(math_sqrt)
{
	return cel_double(sqrt(a->kind == CEL_DOUBLE ? a->d
			       : a->kind == CEL_INT  ? (double)a->i
						     : (double)a->u));
}
FN(math_abs)
{
	if (a->kind == CEL_DOUBLE)
		return cel_double(fabs(a->d));
	if (a->kind == CEL_UINT)
		return a[0];
	return a->i == INT64_MIN ? cel_error(r, "integer overflow")
				 : cel_int(a->i < 0 ? -a->i : a->i);
}
FN(math_sign)
{
	if (a->kind == CEL_DOUBLE)
		return cel_double(isnan(a->d) ? a->d : a->d > 0 ? 1 : a->d < 0 ? -1 : 0);
	if (a->kind == CEL_UINT)
		return cel_uint(a->u ? 1 : 0);
	return cel_int(a->i > 0 ? 1 : a->i < 0 ? -1 : 0);
}
FN(is_nan)
{
	return cel_bool(isnan(a->d));
}
FN(is_inf)
{
	return cel_bool(isinf(a->d));
}
FN(is_finite)
{
	return cel_bool(isfinite(a->d));
}
#define BITS(name, expr)                                                        \
	FN(name)                                                                \
	{                                                                       \
		uint64_t x = a[0].u, y = n > 1 ? a[1].u : 0, v = (expr);        \
                                                                                \
		(void)y;                                                        \
		return a->kind == CEL_UINT ? cel_uint(v) : cel_int((int64_t)v); \
	}
BITS(bit_and, x &y)
BITS(bit_or, x | y)
BITS(bit_xor, x ^ y)
BITS(bit_not, ~x)

static struct cel_val shift(struct cel_run *r, const struct cel_val *a, bool left)
{
	int64_t by = a[1].i;
	uint64_t v;

	if (by < 0)
		return cel_error(r, "math.bitShift%s() negative offset: %" PRId64,
				 left ? "Left" : "Right", by);
	v = by > 63 ? 0 : left ? a[0].u << by : a[0].u >> by;
	return a->kind == CEL_UINT ? cel_uint(v) : cel_int((int64_t)v);
}
FN(bit_left)
{
	return shift(r, a, true);
}
FN(bit_right)
{
	return shift(r, a, false);
}

#define EXTREMES(name, fn)                                                                        \
	{name, "i:i", fn, 0}, {name, "u:u", fn, 0}, {name, "d:d", fn, 0}, {name, "i,i:i", fn, 0}, \
		{name, "u,u:u", fn, 0}, {name, "d,d:d", fn, 0}, {name, "A,B:D", fn, 0},           \
		{name, "lA:A", fn, 0}, {name, "D,D,D:D", fn, 0}, {name, "D,D,D,D:D", fn, 0},      \
	{                                                                                         \
		name, "D,D,D,D,D:D", fn, 0                                                        \
	}
static const struct cel_def math_defs[] = {
	EXTREMES("math.greatest", greatest),
	EXTREMES("math.least", least),
	{"math.ceil", "d:d", math_ceil, 0},
	{"math.floor", "d:d", math_floor, 0},
	{"math.round", "d:d", math_round, 0},
	{"math.trunc", "d:d", math_trunc, 0},
	{"math.sqrt", "d:d", math_sqrt, 0},
	{"math.sqrt", "i:d", math_sqrt, 0},
	{"math.sqrt", "u:d", math_sqrt, 0},
	{"math.abs", "i:i", math_abs, 0},
	{"math.abs", "u:u", math_abs, 0},
	{"math.abs", "d:d", math_abs, 0},
	{"math.sign", "i:i", math_sign, 0},
	{"math.sign", "u:u", math_sign, 0},
	{"math.sign", "d:d", math_sign, 0},
	{"math.isNaN", "d:b", is_nan, 0},
	{"math.isInf", "d:b", is_inf, 0},
	{"math.isFinite", "d:b", is_finite, 0},
	{"math.bitAnd", "i,i:i", bit_and, 0},
	{"math.bitAnd", "u,u:u", bit_and, 0},
	{"math.bitOr", "i,i:i", bit_or, 0},
	{"math.bitOr", "u,u:u", bit_or, 0},
	{"math.bitXor", "i,i:i", bit_xor, 0},
	{"math.bitXor", "u,u:u", bit_xor, 0},
	{"math.bitNot", "i:i", bit_not, 0},
	{"math.bitNot", "u:u", bit_not, 0},
	{"math.bitShiftLeft", "i,i:i", bit_left, 0},
	{"math.bitShiftLeft", "u,i:u", bit_left, 0},
	{"math.bitShiftRight", "i,i:i", bit_right, 0},
	{"math.bitShiftRight", "u,i:u", bit_right, 0},
};
const struct cel_lib cel_lib_math = {.defs = math_defs, .n = ARRAY_SIZE(math_defs)};

/* ---- base64 ---- */

FN(b64_encode)
{
	struct buf b = BUF_INIT;

	base64_encode(a->s, &b);
	return cel_take_buf(r, &b);
}

FN(b64_decode)
{
	struct buf b = BUF_INIT;
	struct cel_val v;
	CLEANUP(buf_done) struct buf padded = BUF_INIT;

	buf_addstr(&padded, a->s);
	while (padded.len % 4)
		buf_addc(&padded, '=');
	if (base64_decode(buf_str(&padded), &b) < 0) {
		buf_done(&b);
		return cel_error(r, "illegal base64 data");
	}
	v = cel_take_buf(r, &b);
	v.kind = CEL_BYTES;
	return v;
}
static const struct cel_def encoder_defs[] = {
	{"base64.encode", "y:s", b64_encode, 1},
	{"base64.decode", "s:y", b64_decode, 1},
};
const struct cel_lib cel_lib_encoders = {.defs = encoder_defs, .n = ARRAY_SIZE(encoder_defs)};

/* ---- optional values ---- */

FN(opt_of)
{
	return cel_some(r, a[0]);
}
FN(opt_none)
{
	return (struct cel_val){.kind = CEL_OPTIONAL};
}
static bool is_zero(const struct cel_val *v)
{
	switch ((enum cel_kind)v->kind) {
	case CEL_NULL:
		return true;
	case CEL_BOOL:
		return !v->b;
	case CEL_INT:
	case CEL_UINT:
	case CEL_DURATION:
		return !v->u;
	case CEL_DOUBLE:
		return v->d == 0;
	case CEL_STRING:
	case CEL_BYTES:
		return !v->s.len;
	case CEL_LIST:
	case CEL_MAP:
		return !cel_size(v);
	case CEL_OPTIONAL:
		return !v->opt;
	default:
		return false;
	}
}
FN(opt_non_zero)
{
	return is_zero(a) ? (struct cel_val){.kind = CEL_OPTIONAL} : cel_some(r, a[0]);
}
FN(opt_has)
{
	return cel_bool(a->opt);
}
FN(opt_value)
{
	return a->opt ? *a->opt : cel_error(r, "optional.none() dereference");
}
FN(opt_or)
{
	return a->opt ? a[0] : a[1];
}
FN(opt_or_value)
{
	return a->opt ? *a->opt : a[1];
}
static const struct cel_def optional_defs[] = {
	{"optional.of", "A:oA", opt_of, 0},
	{"optional.none", ":oD", opt_none, 0},
	{"optional.ofNonZeroValue", "A:oA", opt_non_zero, 0},
	{"hasValue", "oA.:b", opt_has, 0},
	{"value", "oA.:A", opt_value, 0},
	{"or", "oA.oA:oA", opt_or, 0},
	{"orValue", "oA.A:A", opt_or_value, 0},
};
const struct cel_lib cel_lib_optional = {.defs = optional_defs, .n = ARRAY_SIZE(optional_defs)};

/* ---- semantic versions (k8s.io/apiserver pkg/cel/library/semverlib.go) ---- */

struct semver {
	uint64_t v[3];
	struct str pre; /* "rc.1" */
};

static int cmp_pre(struct str a, struct str b)
{
	if (!a.len || !b.len)
		return a.len ? -1 : b.len ? 1 : 0;
	while (a.len && b.len) {
		struct str x, y;
		uint64_t i, j;
		bool nx, ny;
		int c;

		str_split(&a, '.', &x);
		str_split(&b, '.', &y);
		nx = str_to_u64(x, &i) == 0;
		ny = str_to_u64(y, &j) == 0;
		if (nx && ny)
			c = i < j ? -1 : i > j;
		else
			c = nx ? -1 : ny ? 1 : str_cmp(x, y);
		if (c)
			return c < 0 ? -1 : 1;
	}
	return a.len ? 1 : b.len ? -1 : 0;
}

static int semver_cmp(const struct semver *a, const struct semver *b)
{
	for (size_t i = 0; i < 3; i++)
		if (a->v[i] != b->v[i])
			return a->v[i] < b->v[i] ? -1 : 1;
	return cmp_pre(a->pre, b->pre);
}

static bool ids_fit(struct str s, bool numbers)
{
	struct str id;

	while (str_split(&s, '.', &id)) {
		bool digits = id.len;

		for (size_t i = 0; i < id.len; i++) {
			char c = id.p[i];

			if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			      (c >= 'A' && c <= 'Z') || c == '-'))
				return false;
			digits &= c >= '0' && c <= '9';
		}
		if (!id.len || (numbers && digits && id.len > 1 && id.p[0] == '0'))
			return false;
	}
	return true;
}

/* normalise: a leading v, missing parts and leading zeros are put right. */
static bool semver_parse(struct str s, bool normalise, struct semver *ret)
{
	ssize_t plus = str_chr(s, '+'), dash;
	struct str core = s, part;
	size_t i = 0;

	*ret = (struct semver){0};
	if (normalise && core.len && core.p[0] == 'v')
		core = s = str_skip(s, 1), plus--;
	if (plus >= 0) {
		if (!ids_fit(str_skip(s, (size_t)plus + 1), false))
			return false;
		core.len = (size_t)plus;
	}
	dash = str_chr(core, '-');
	if (dash >= 0) {
		ret->pre = str_skip(core, (size_t)dash + 1);
		core.len = (size_t)dash;
		if (!ids_fit(ret->pre, true))
			return false;
	}
	while (core.p && str_split(&core, '.', &part)) {
		if (i == 3 || str_to_u64(part, &ret->v[i]) < 0 ||
		    (!normalise && part.len > 1 && part.p[0] == '0') || part.p[0] == '+')
			return false;
		i++;
	}
	return i == 3 || (normalise && i > 0);
}

static bool semver_equal(const void *a, const void *b)
{
	return semver_cmp(a, b) == 0;
}
static const struct cel_host_ops semver_ops = {.name = "kubernetes.Semver", .equal = semver_equal};
static const struct cel_type semver_type = {.kind = CEL_HOST, .name = "kubernetes.Semver"};

FN(to_semver)
{
	struct semver *v = ARENA_NEW(r->arena, struct semver);

	if (!semver_parse(a->s, n > 1 && a[1].b, v))
		return cel_error(r, "invalid semantic version \"%.*s\"", STR_ARG(a->s));
	return cel_host(&semver_ops, v);
}
struct cel_val cel_semver(struct cel_run *r, struct str s)
{
	struct cel_val v = cel_str(s);

	return to_semver(r, &v, 1);
}
FN(is_semver)
{
	struct semver v;

	return cel_bool(semver_parse(a->s, n > 1 && a[1].b, &v));
}
FN(sv_gt)
{
	return cel_bool(semver_cmp(a[0].h.p, a[1].h.p) > 0);
}
FN(sv_lt)
{
	return cel_bool(semver_cmp(a[0].h.p, a[1].h.p) < 0);
}
FN(sv_cmp)
{
	return cel_int(semver_cmp(a[0].h.p, a[1].h.p));
}
FN(sv_major)
{
	return cel_int((int64_t)((const struct semver *)a->h.p)->v[0]);
}
FN(sv_minor)
{
	return cel_int((int64_t)((const struct semver *)a->h.p)->v[1]);
}
FN(sv_patch)
{
	return cel_int((int64_t)((const struct semver *)a->h.p)->v[2]);
}
#define SV "{kubernetes.Semver}"
static const struct cel_def semver_defs[] = {
	{"semver", "s:" SV, to_semver, 0},
	{"semver", "s,b:" SV, to_semver, 0},
	{"isSemver", "s:b", is_semver, 0},
	{"isSemver", "s,b:b", is_semver, 0},
	{"isGreaterThan", SV "." SV ":b", sv_gt, 0},
	{"isLessThan", SV "." SV ":b", sv_lt, 0},
	{"compareTo", SV "." SV ":i", sv_cmp, 0},
	{"major", SV ".:i", sv_major, 0},
	{"minor", SV ".:i", sv_minor, 0},
	{"patch", SV ".:i", sv_patch, 0},
};
static const struct cel_type *const semver_types[] = {&semver_type, NULL};
const struct cel_lib cel_lib_semver = {
	.defs = semver_defs, .n = ARRAY_SIZE(semver_defs), .types = semver_types};
