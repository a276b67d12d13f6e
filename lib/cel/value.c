/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/cel.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/hmap.h"
#include "lib/base/regex.h"
#include "lib/json/jw.h"

#include <math.h>

#define MEM_MAX (64u << 20)
#define STEPS_MAX 40000000u

struct cel_val cel_error(struct cel_run *r, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	struct cel_val v = {.kind = CEL_ERR};
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (b.len > 512)
		buf_setlen(&b, 512);
	v.s = arena_str(r->arena, buf_str(&b));
	buf_done(&b);
	return v;
}

struct cel_val cel_no_overload(void)
{
	return (struct cel_val){.kind = CEL_ERR, .s = STR("no such overload")};
}

bool cel_charge(struct cel_run *r, uint64_t cost)
{
	r->steps += 1 + cost;
	if (__builtin_add_overflow(r->cost, cost, &r->cost))
		r->cost = UINT64_MAX;
	if (r->cost > r->cost_max || r->steps > STEPS_MAX || r->arena->used > MEM_MAX)
		r->over = true;
	return !r->over;
}

struct cel_val cel_take_buf(struct cel_run *r, struct buf *b)
{
	struct cel_val v = cel_str(arena_str(r->arena, buf_str(b)));

	buf_done(b);
	return v;
}

struct cel_val cel_new_list(struct cel_run *r, size_t n, struct cel_val **ret_v)
{
	struct cel_list *l = ARENA_NEW(r->arena, struct cel_list);

	l->n = n;
	l->v = *ret_v = ARENA_ARRAY(r->arena, struct cel_val, n);
	return (struct cel_val){.kind = CEL_LIST, .l = l};
}

struct cel_val cel_some(struct cel_run *r, struct cel_val v)
{
	struct cel_val *p = ARENA_NEW(r->arena, struct cel_val);

	*p = v;
	return (struct cel_val){.kind = CEL_OPTIONAL, .opt = p};
}

/* ---- JSON ---- */

static struct cel_val text_of_json(struct cel_run *r, struct str s, const struct cel_type *t)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct cel_val v;

	if (!t)
		return cel_str(s);
	switch ((enum cel_kind)t->kind) {
	case CEL_TIME:
		/* A date alone is midnight. */
		if (s.len == 10) {
			buf_addf(&b, "%.*sT00:00:00Z", STR_ARG(s));
			s = buf_str(&b);
		}
		return cel_time_parse(s, &v) ? v : cel_error(r, "Invalid date-time format");
	case CEL_DURATION:
		return cel_duration_parse(s, &v) ? v : cel_error(r, "Invalid duration format");
	case CEL_BYTES:
		if (base64_decode(s, &b) < 0)
			return cel_error(r, "Invalid byte format");
		return (struct cel_val){.kind = CEL_BYTES, .s = arena_str(r->arena, buf_str(&b))};
	default:
		return cel_str(s);
	}
}

struct cel_val cel_of_json(struct cel_run *r, struct json_object *o, const struct cel_type *t)
{
	struct cel_list *l;
	struct cel_map *m;

	switch (json_object_get_type(o)) {
	case json_type_null:
		break;
	case json_type_boolean:
		return cel_bool(json_object_get_boolean(o));
	case json_type_int:
		return t && t->kind == CEL_DOUBLE ? cel_double(json_object_get_double(o))
						  : cel_int(json_object_get_int64(o));
	case json_type_double:
		if (t && t->kind == CEL_INT)
			return cel_int((int64_t)json_object_get_double(o));
		return cel_double(json_object_get_double(o));
	case json_type_string:
		return text_of_json(r, jsonc_str(o), t);
	case json_type_array:
		l = ARENA_NEW(r->arena, struct cel_list);
		*l = (struct cel_list){.n = json_object_array_length(o),
				       .json = o,
				       .type = t && t->kind == CEL_LIST ? t : NULL};
		return (struct cel_val){.kind = CEL_LIST, .l = l};
	case json_type_object:
		m = ARENA_NEW(r->arena, struct cel_map);
		*m = (struct cel_map){
			.n = (size_t)json_object_object_length(o),
			.json = o,
			.type = t && (t->kind == CEL_MAP || t->kind == CEL_OBJECT) ? t : NULL};
		return (struct cel_val){.kind = CEL_MAP, .m = m};
	}
	return CEL_VAL_NULL;
}

static struct json_object *map_to_json(const struct cel_val *v)
{
	struct json_object *o;

	if (v->m->json)
		return json_object_get(v->m->json);
	o = json_object_new_object();
	for (size_t i = 0; i < v->m->n; i++) {
		CLEANUP(buf_done) struct buf key = BUF_INIT;

		cel_text(NULL, &v->m->v[i].k, &key);
		json_object_object_add(o, key.p, cel_to_json(&v->m->v[i].v));
	}
	return o;
}

struct json_object *cel_to_json(const struct cel_val *v)
{
	struct buf b = BUF_INIT;
	struct json_object *o = NULL;

	switch ((enum cel_kind)v->kind) {
	case CEL_BOOL:
		return json_object_new_boolean(v->b);
	case CEL_INT:
		return json_object_new_int64(v->i);
	case CEL_UINT:
		return json_object_new_uint64(v->u);
	case CEL_DOUBLE:
		return json_object_new_double(v->d);
	case CEL_STRING:
		return jsonc_new_str(v->s);
	case CEL_LIST:
		if (v->l->json)
			return json_object_get(v->l->json);
		o = json_object_new_array();
		for (size_t i = 0; i < v->l->n; i++)
			json_object_array_add(o, cel_to_json(&v->l->v[i]));
		return o;
	case CEL_MAP:
		return map_to_json(v);
	case CEL_OPTIONAL:
		return v->opt ? cel_to_json(v->opt) : NULL;
	case CEL_BYTES:
		base64_encode(v->s, &b);
		o = jsonc_new_str(buf_str(&b));
		buf_done(&b);
		return o;
	case CEL_TIME:
	case CEL_DURATION:
		cel_text(NULL, v, &b);
		o = jsonc_new_str(buf_str(&b));
		buf_done(&b);
		return o;
	default:
		return NULL;
	}
}

/* ---- lists and maps ---- */

size_t cel_size(const struct cel_val *v)
{
	return v->kind == CEL_LIST ? v->l->n : v->kind == CEL_MAP ? v->m->n : 0;
}

struct cel_val cel_at(struct cel_run *r, const struct cel_val *list, size_t i)
{
	const struct cel_list *l = list->l;

	if (l->json)
		return cel_of_json(r, json_object_array_get_idx(l->json, i),
				   l->type ? l->type->a : NULL);
	return l->v[i];
}

static const struct cel_type *member_type(const struct cel_type *t, struct str name)
{
	if (!t || t->kind == CEL_MAP)
		return t ? t->b : NULL;
	for (size_t i = 0; i < t->n_fields; i++)
		if (str_eq(t->fields[i].name, name))
			return t->fields[i].type;
	return NULL;
}

bool cel_map_get(struct cel_run *r, const struct cel_val *map, const struct cel_val *key,
		 struct cel_val *ret)
{
	const struct cel_map *m = map->m;
	struct json_object *o;

	if (m->json) {
		CLEANUP_FREE char *name = key->kind == CEL_STRING ? str_dup(key->s) : NULL;

		if (!name || !json_object_object_get_ex(m->json, name, &o))
			return false;
		*ret = cel_of_json(r, o, member_type(m->type, key->s));
		return true;
	}
	for (size_t i = 0; i < m->n; i++) {
		if (!cel_equal(r, &m->v[i].k, key))
			continue;
		*ret = m->v[i].v;
		return true;
	}
	if (!m->otherwise)
		return false;
	*ret = *m->otherwise;
	return true;
}

struct cel_val cel_map_key(struct cel_run *r, const struct cel_val *map, size_t i)
{
	const struct cel_map *m = map->m;
	struct lh_entry *e;

	if (!m->json)
		return m->v[i].k;
	e = lh_table_head(json_object_get_object(m->json));
	while (e && i--)
		e = lh_entry_next(e);
	return e ? cel_str(str_of(lh_entry_k(e))) : CEL_VAL_NULL;
}

/* ---- comparing ---- */

static bool numeric(const struct cel_val *v)
{
	return v->kind == CEL_INT || v->kind == CEL_UINT || v->kind == CEL_DOUBLE;
}

static int cmp_double_int(double d, const struct cel_val *v)
{
	int64_t whole;

	if (v->kind == CEL_INT) {
		if (d >= 9223372036854775808.0)
			return 1;
		if (d < -9223372036854775808.0)
			return -1;
		whole = (int64_t)d;
		if (whole != v->i)
			return whole < v->i ? -1 : 1;
		return d < (double)whole ? -1 : d > (double)whole;
	}
	if (d < 0)
		return -1;
	if (d >= 18446744073709551616.0)
		return 1;
	return (uint64_t)d < v->u ? -1 : (uint64_t)d > v->u ? 1 : d > floor(d) ? 1 : 0;
}

static int cmp_numbers(const struct cel_val *a, const struct cel_val *b)
{
	if (a->kind == CEL_DOUBLE && b->kind == CEL_DOUBLE)
		return isnan(a->d) || isnan(b->d) ? 2 : a->d < b->d ? -1 : a->d > b->d;
	if (a->kind == CEL_DOUBLE)
		return isnan(a->d) ? 2 : cmp_double_int(a->d, b);
	if (b->kind == CEL_DOUBLE)
		return isnan(b->d) ? 2 : -cmp_double_int(b->d, a);
	if (a->kind == CEL_INT && b->kind == CEL_INT)
		return a->i < b->i ? -1 : a->i > b->i;
	if (a->kind == CEL_UINT && b->kind == CEL_UINT)
		return a->u < b->u ? -1 : a->u > b->u;
	if (a->kind == CEL_INT)
		return a->i < 0 || (uint64_t)a->i < b->u ? -1 : (uint64_t)a->i > b->u;
	return b->i < 0 || a->u > (uint64_t)b->i ? 1 : a->u < (uint64_t)b->i ? -1 : 0;
}

int cel_compare(const struct cel_val *a, const struct cel_val *b)
{
	int c;

	if (numeric(a) && numeric(b))
		return cmp_numbers(a, b);
	if (a->kind != b->kind)
		return 2;
	switch ((enum cel_kind)a->kind) {
	case CEL_BOOL:
		return (int)a->b - (int)b->b;
	case CEL_STRING:
	case CEL_BYTES:
		c = str_cmp(a->s, b->s);
		return c < 0 ? -1 : c > 0;
	case CEL_TIME:
		if (a->t.s != b->t.s)
			return a->t.s < b->t.s ? -1 : 1;
		return a->t.ns < b->t.ns ? -1 : a->t.ns > b->t.ns;
	case CEL_DURATION:
		return a->i < b->i ? -1 : a->i > b->i;
	default:
		return 2;
	}
}

static bool same_keys(struct cel_run *r, const struct cel_type *t, const struct cel_val *a,
		      const struct cel_val *b)
{
	for (size_t i = 0; i < t->n_keys; i++) {
		struct cel_val k = cel_str(t->keys[i]), x, y;
		bool hx = a->kind == CEL_MAP && cel_map_get(r, a, &k, &x);
		bool hy = b->kind == CEL_MAP && cel_map_get(r, b, &k, &y);

		if (hx != hy || (hx && !cel_equal(r, &x, &y)))
			return false;
	}
	return true;
}

/* Order doesn't count where elements have an identity. */
static bool equal_unordered(struct cel_run *r, const struct cel_val *a, const struct cel_val *b,
			    const struct cel_type *t)
{
	for (size_t i = 0; i < a->l->n; i++) {
		struct cel_val x = cel_at(r, a, i);
		bool found = false;

		for (size_t j = 0; !found && j < b->l->n; j++) {
			struct cel_val y = cel_at(r, b, j);

			if (!cel_charge(r, 1))
				return false;
			if (t->list == CEL_LIST_SET || same_keys(r, t, &x, &y))
				found = cel_equal(r, &x, &y);
		}
		if (!found)
			return false;
	}
	return true;
}

static bool equal_lists(struct cel_run *r, const struct cel_val *a, const struct cel_val *b)
{
	const struct cel_type *t = a->l->type ? a->l->type : b->l->type;

	if (a->l->n != b->l->n)
		return false;
	if (t && t->list != CEL_LIST_PLAIN)
		return equal_unordered(r, a, b, t);
	for (size_t i = 0; i < a->l->n; i++) {
		struct cel_val x = cel_at(r, a, i), y = cel_at(r, b, i);

		r->steps++;
		if (!cel_equal(r, &x, &y))
			return false;
	}
	return true;
}

static bool equal_entry(struct cel_run *r, const struct cel_val *k, const struct cel_val *x,
			const struct cel_val *b)
{
	struct cel_val y;

	r->steps++;
	return cel_map_get(r, b, k, &y) && cel_equal(r, x, &y);
}

/* Messages that were made equal only those by the same name. */
static bool same_message(const struct cel_type *a, const struct cel_type *b)
{
	bool x = a && a->open, y = b && b->open;

	return x == y && (!x || !strcmp(a->name, b->name));
}

static bool equal_maps(struct cel_run *r, const struct cel_val *a, const struct cel_val *b)
{
	if (a->m->n != b->m->n || !same_message(a->m->type, b->m->type))
		return false;
	if (a->m->json) {
		json_object_object_foreach(a->m->json, key, v)
		{
			struct cel_val k = cel_str(str_of(key));
			struct cel_val x = cel_of_json(r, v, member_type(a->m->type, k.s));

			if (!equal_entry(r, &k, &x, b))
				return false;
		}
		return true;
	}
	for (size_t i = 0; i < a->m->n; i++)
		if (!equal_entry(r, &a->m->v[i].k, &a->m->v[i].v, b))
			return false;
	return true;
}

bool cel_equal(struct cel_run *r, const struct cel_val *a, const struct cel_val *b)
{
	int c;

	if (!(numeric(a) && numeric(b)) && a->kind != b->kind)
		return false;
	switch ((enum cel_kind)a->kind) {
	case CEL_NULL:
		return true;
	case CEL_LIST:
		return equal_lists(r, a, b);
	case CEL_MAP:
		return equal_maps(r, a, b);
	case CEL_TYPE:
		return a->type->kind == b->type->kind &&
		       ((a->type->kind != CEL_HOST && !a->type->open) ||
			!strcmp(a->type->name, b->type->name));
	case CEL_OPTIONAL:
		if (!a->opt || !b->opt)
			return a->opt == b->opt;
		return cel_equal(r, a->opt, b->opt);
	case CEL_HOST:
		if (a->h.ops != b->h.ops)
			return false;
		return a->h.ops->equal ? a->h.ops->equal(a->h.p, b->h.p) : a->h.p == b->h.p;
	default:
		c = cel_compare(a, b);
		return c == 0;
	}
}

/* ---- text ---- */

static void double_text(double d, struct buf *out)
{
	if (isnan(d))
		buf_adds(out, "NaN");
	else if (isinf(d))
		buf_adds(out, d > 0 ? "+Inf" : "-Inf");
	else
		json_double(d, out);
}

void cel_text(struct cel_run *r, const struct cel_val *v, struct buf *out)
{
	switch ((enum cel_kind)v->kind) {
	case CEL_NULL:
		buf_adds(out, "null");
		break;
	case CEL_BOOL:
		buf_adds(out, v->b ? "true" : "false");
		break;
	case CEL_INT:
		buf_addf(out, "%" PRId64, v->i);
		break;
	case CEL_UINT:
		buf_addf(out, "%" PRIu64, v->u);
		break;
	case CEL_DOUBLE:
		double_text(v->d, out);
		break;
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_ERR:
		buf_addstr(out, v->s);
		break;
	case CEL_TIME:
		cel_time_text(v, out);
		break;
	case CEL_DURATION:
		cel_duration_text(v->i, out);
		break;
	case CEL_TYPE:
		if (v->type->kind == CEL_NULL)
			buf_adds(out, "null_type");
		else if (v->type->kind == CEL_LIST || v->type->kind == CEL_MAP)
			buf_adds(out, v->type->kind == CEL_LIST ? "list" : "map");
		else if (v->type->kind == CEL_OPTIONAL)
			buf_adds(out, "optional_type");
		else
			cel_type_text(v->type, out);
		break;
	default:
		break;
	}
}

/* ---- times ---- */

#define TIME_MIN (-62135596800) /* year 1 */
#define TIME_MAX 253402300799 /* end of 9999 */

static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

static bool two_digits(const char *s, unsigned max, unsigned *ret)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*ret = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
	return *ret <= max;
}

bool cel_time_parse(struct str s, struct cel_val *ret)
{
	static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned y1, y2, mo, d, h, mi, sec, oh = 0, om = 0;
	int64_t t, year;
	int32_t ns = 0;
	size_t i = 19;
	bool leap;

	if (s.len < 20 || s.p[4] != '-' || s.p[7] != '-' || (s.p[10] | 32) != 't' ||
	    s.p[13] != ':' || s.p[16] != ':')
		return false;
	if (!two_digits(s.p, 99, &y1) || !two_digits(s.p + 2, 99, &y2) ||
	    !two_digits(s.p + 5, 12, &mo) || !two_digits(s.p + 8, 31, &d) ||
	    !two_digits(s.p + 11, 23, &h) || !two_digits(s.p + 14, 59, &mi) ||
	    !two_digits(s.p + 17, 59, &sec) || !mo || !d)
		return false;
	year = (int64_t)y1 * 100 + y2;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (!year || d > month_days[mo - 1] + (unsigned)(mo == 2 && leap))
		return false;
	if (s.p[i] == '.') {
		int32_t unit = 100000000;

		for (i++; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++, unit /= 10)
			ns += (s.p[i] - '0') * unit;
		if (i == 20)
			return false;
	}
	t = days_from_civil(year, mo, d) * 86400 + h * 3600 + mi * 60 + sec;
	if (i + 1 == s.len && (s.p[i] | 32) == 'z') {
		;
	} else if (i + 6 == s.len && (s.p[i] == '+' || s.p[i] == '-') && s.p[i + 3] == ':' &&
		   two_digits(s.p + i + 1, 23, &oh) && two_digits(s.p + i + 4, 59, &om)) {
		t += (s.p[i] == '-' ? 1 : -1) * (int64_t)(oh * 3600 + om * 60);
	} else {
		return false;
	}
	if (t < TIME_MIN || t > TIME_MAX)
		return false;
	*ret = (struct cel_val){.kind = CEL_TIME, .t = {t, ns}};
	return true;
}

void cel_time_text(const struct cel_val *t, struct buf *out)
{
	time_t s = t->t.s;
	struct tm tm;
	char text[16];
	size_t n;

	gmtime_r(&s, &tm);
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		 tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (t->t.ns) {
		snprintf(text, sizeof(text), ".%09d", t->t.ns);
		for (n = strlen(text); text[n - 1] == '0'; n--)
			;
		buf_add(out, text, n);
	}
	buf_addc(out, 'Z');
}

bool cel_duration_parse(struct str s, struct cel_val *ret)
{
	*ret = (struct cel_val){.kind = CEL_DURATION};
	return duration_parse(s, &ret->i) == 0;
}

/* Protobuf's JSON form: seconds. */
void cel_duration_text(int64_t ns, struct buf *out)
{
	uint64_t u = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	char text[16];
	size_t n;

	buf_addf(out, "%s%" PRIu64, ns < 0 ? "-" : "", (uint64_t)(u / NSEC_PER_SEC));
	if (u % NSEC_PER_SEC) {
		snprintf(text, sizeof(text), ".%09" PRIu64, (uint64_t)(u % NSEC_PER_SEC));
		for (n = strlen(text); text[n - 1] == '0'; n--)
			;
		buf_add(out, text, n);
	}
	buf_addc(out, 's');
}

/* ---- regular expressions ---- */

struct rx_cache {
	struct hmap *map;
};

static void free_rx(void *r)
{
	rx_free(r);
}

const struct rx *cel_regex(struct cel_run *r, struct str pattern, struct cel_val *ret_err)
{
	struct rx *rx = NULL;
	struct err e = ERR_INIT;

	if (!r->regexes) {
		r->regexes = NEW(struct rx_cache);
		r->regexes->map = hmap_new();
	}
	rx = hmap_get(r->regexes->map, pattern);
	if (rx)
		return rx;
	if (rx_compile(pattern, &rx, &e) < 0) {
		*ret_err = cel_error(r, "%s", err_text(&e));
		err_done(&e);
		return NULL;
	}
	if (hmap_len(r->regexes->map) >= 64) {
		hmap_free_full(r->regexes->map, free_rx);
		r->regexes->map = hmap_new();
	}
	hmap_put(r->regexes->map, pattern, rx);
	return rx;
}

void cel_run_done(struct cel_run *r);
void cel_run_done(struct cel_run *r)
{
	if (!r->regexes)
		return;
	hmap_free_full(r->regexes->map, free_rx);
	free(r->regexes);
	r->regexes = NULL;
}
