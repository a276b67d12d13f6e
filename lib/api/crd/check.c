/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/schema.h"
#include "lib/api/validate/check.h"
#include "lib/base/hmap.h"
#include "lib/base/regex.h"

#include <math.h>
/*
 * Values against schemas, with the sentences of k8s.io/kube-openapi pkg/validation as the API
 * server shows them. A value that equals the old one at the same place has been accepted before,
 * perhaps by an older schema, and is let through whole (ratcheting).
 */

/* More than anyone reads; and what one object may cost, as alternatives multiply. */
#define MISTAKES_MAX 200
#define EFFORT_MAX 2000000

struct spot {
	size_t *effort; /* values looked at */
	size_t mistakes_max; /* 1 inside of alternatives: whether is enough */
	const struct crd_schema *s;
	struct json_object *v, *old;
	const struct place *p;
	bool root; /* apiVersion, kind and metadata are checked elsewhere */
};

static void check(const struct spot *at);

/* "spec.replicas in body SENTENCE"; the value is shown as JSON. */
static void says(const struct place *p, const char *reason, struct json_object *v, const char *fmt,
		 ...) PRINTF_LIKE(4, 5);
static void says(const struct place *p, const char *reason, struct json_object *v, const char *fmt,
		 ...)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT, value = BUF_INIT, text = BUF_INIT;
	va_list ap;

	place_path(p, &path);
	jsonc_write(v, &value);
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	place_report(p, reason, "Invalid value: %s: %s in body %s", value.p, path.p, text.p);
}
#define INVALID "FieldValueInvalid"

static bool is_number(struct json_object *v)
{
	return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static bool is_integer(struct json_object *v)
{
	double d;

	if (json_object_is_type(v, json_type_int))
		return true;
	if (!json_object_is_type(v, json_type_double))
		return false;
	d = json_object_get_double(v);
	return d == floor(d) && fabs(d) < 9.3e18;
}

static const char *name_of_value(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_null:
		break;
	case json_type_boolean:
		return "boolean";
	case json_type_int:
		return "integer";
	case json_type_double:
		return is_integer(v) ? "integer" : "number";
	case json_type_string:
		return "string";
	case json_type_array:
		return "array";
	case json_type_object:
		return "object";
	}
	return "null";
}

static bool type_fits(const struct crd_schema *s, struct json_object *v)
{
	if (s->int_or_string)
		return is_integer(v) || json_object_is_type(v, json_type_string);
	switch ((enum crd_type)s->type) {
	case CRD_OBJECT:
		return json_object_is_type(v, json_type_object);
	case CRD_ARRAY:
		return json_object_is_type(v, json_type_array);
	case CRD_STRING:
		return json_object_is_type(v, json_type_string);
	case CRD_INTEGER:
		return is_integer(v);
	case CRD_NUMBER:
		return is_number(v);
	case CRD_BOOLEAN:
		return json_object_is_type(v, json_type_boolean);
	case CRD_NONE:
	case CRD_TYPE_MAX:
		break;
	}
	return true;
}

static void bad_type(const struct spot *at)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	const char *is = name_of_value(at->v);
	const char *want =
		at->s->int_or_string ? "integer,string" : crd_type_name((enum crd_type)at->s->type);

	place_path(at->p, &path);
	place_report(at->p, "FieldValueTypeInvalid",
		     "Invalid value: \"%s\": %s in body must be of type %s: \"%s\"", is, path.p,
		     want, is);
}

/* ---- bounds ---- */

static void number_text(double d, struct buf *out)
{
	if (d == floor(d) && fabs(d) < 1e15)
		buf_addf(out, "%.0f", d);
	else
		json_double(d, out);
}

static void bound(const struct spot *at, const char *sentence, double limit)
{
	CLEANUP(buf_done) struct buf n = BUF_INIT;

	number_text(limit, &n);
	says(at->p, INVALID, at->v, "%s %s", sentence, n.p);
}

static void check_number(const struct spot *at, const struct crd_limits *l)
{
	double d = json_object_get_double(at->v), q;

	if (l->set & CRD_MAXIMUM && (l->exclusive_max ? d >= l->maximum : d > l->maximum))
		bound(at,
		      l->exclusive_max ? "should be less than" : "should be less than or equal to",
		      l->maximum);
	if (l->set & CRD_MINIMUM && (l->exclusive_min ? d <= l->minimum : d < l->minimum))
		bound(at,
		      l->exclusive_min ? "should be greater than"
				       : "should be greater than or equal to",
		      l->minimum);
	q = l->set & CRD_MULTIPLE && l->multiple > 0 ? d / l->multiple : 0;
	if (fabs(q - round(q)) > 1e-9 * fmax(1, fabs(q)))
		bound(at, "should be a multiple of", l->multiple);
}

static size_t characters(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

static void check_string(const struct spot *at, struct crd_limits *l)
{
	const struct rx *rx = crd_pattern(l);
	struct str s = jsonc_str(at->v);
	uint64_t steps = 0;
	int64_t n = (int64_t)characters(s);

	if (l->set & CRD_MAX_LEN && n > l->max_len)
		place_report(at->p, "FieldValueTooLong",
			     "Too long: may not be more than %" PRId64 " bytes", l->max_len);
	if (l->set & CRD_MIN_LEN && n < l->min_len)
		says(at->p, INVALID, at->v, "should be at least %" PRId64 " chars long",
		     l->min_len);
	if (rx && !rx_match_steps(rx, s, &steps))
		says(at->p, INVALID, at->v, "should match '%s'", l->pattern);
	*at->effort -= MIN(*at->effort, (size_t)(steps / 100));
}

static void check_counts(const struct spot *at, const struct crd_limits *l)
{
	bool list = json_object_is_type(at->v, json_type_array);
	int64_t n = (int64_t)(list ? list_len(at->v) : map_len(at->v));
	int64_t lo = list ? l->min_items : l->min_props, hi = list ? l->max_items : l->max_props;
	unsigned lo_bit = list ? CRD_MIN_ITEMS : CRD_MIN_PROPS;
	unsigned hi_bit = list ? CRD_MAX_ITEMS : CRD_MAX_PROPS;

	if (l->set & hi_bit && n > hi)
		place_report(at->p, "FieldValueTooMany",
			     "Too many: %" PRId64 ": must have at most %" PRId64 " items", n, hi);
	if (l->set & lo_bit && n < lo)
		says(at->p, INVALID, at->v, "should have at least %" PRId64 " %s", lo,
		     list ? "items" : "properties");
}

static bool same_value(struct json_object *a, struct json_object *b)
{
	if (is_number(a) && is_number(b))
		return json_object_get_double(a) == json_object_get_double(b);
	return jsonc_equal(a, b);
}

static void check_enums(const struct spot *at, struct json_object *enums)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT, value = BUF_INIT;

	for (size_t i = 0; i < list_len(enums); i++)
		if (same_value(at->v, list_at(enums, i)))
			return;
	for (size_t i = 0; i < list_len(enums); i++) {
		struct json_object *e = list_at(enums, i);

		buf_adds(&all, i ? ", " : "");
		if (json_object_is_type(e, json_type_string)) {
			jsonc_write(e, &all);
		} else {
			buf_addc(&all, '"');
			jsonc_write(e, &all);
			buf_addc(&all, '"');
		}
	}
	jsonc_write(at->v, &value);
	place_report(at->p, "FieldValueNotSupported", "Unsupported value: %s: supported values: %s",
		     value.p, all.p);
}

/* ---- alternatives ---- */

static bool tries(const struct spot *at, const struct crd_schema *s, struct err *ret)
{
	/* The place's name goes along: errors of the alternative are shown in the object's words.
	 */
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	struct place base = {NULL, ret, NULL, 0, PLACE_ROOT};
	struct spot in = *at;

	place_path(at->p, &path);
	in.s = s;
	in.old = NULL;
	in.mistakes_max = 1;
	in.p = path.len ? PLACE(&base, path.p) : &base;
	check(&in);
	return !ret->n_fields;
}

static void composite(const struct spot *at, const char *fmt, const char *more)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;

	place_path(at->p, &path);
	place_report(at->p, INVALID, "Invalid value: \"\": \"%s\" must %s%s", path.p, fmt, more);
}

static void take_over(const struct spot *at, const struct err *e)
{
	const struct place *root = at->p;

	while (root->up)
		root = root->up;
	for (size_t i = 0; i < e->n_fields; i++)
		err_field(root->err, e->fields[i].path, e->fields[i].reason, "%s",
			  e->fields[i].message);
}

/* How many hold; *ret_best: the mistakes of the one that came nearest. */
static size_t count_holding(const struct spot *at, struct crd_schema **v, size_t n,
			    struct err *best)
{
	size_t held = 0;

	for (size_t i = 0; i < n; i++) {
		struct err e = ERR_INIT;

		if (tries(at, v[i], &e)) {
			held++;
		} else if (!best->n_fields || e.n_fields < best->n_fields) {
			err_clear(best);
			err_move(best, &e);
		}
		err_done(&e);
	}
	return held;
}

static void check_alternatives(const struct spot *at, const struct crd_limits *l)
{
	struct err best = ERR_INIT;
	size_t held;

	if (l->n_any && !count_holding(at, l->any_of, l->n_any, &best)) {
		composite(at, "validate at least one schema (anyOf)", "");
		take_over(at, &best);
	}
	err_clear(&best);
	held = l->n_one ? count_holding(at, l->one_of, l->n_one, &best) : 1;
	if (held != 1) {
		CLEANUP_FREE char *more = held ? xasprintf(". Found %zu valid alternatives", held)
					       : xstrdup(". Found none valid");

		composite(at, "validate one and only one schema (oneOf)", more);
		if (!held)
			take_over(at, &best);
	}
	err_clear(&best);
	for (size_t i = 0; i < l->n_all; i++) {
		struct err e = ERR_INIT;

		if (!tries(at, l->all_of[i], &e))
			take_over(at, &e);
		if (e.n_fields)
			held = 0;
		err_done(&e);
	}
	if (l->n_all && !held)
		composite(at, "validate all the schemas (allOf)",
			  l->n_all == 1 ? ". None validated" : "");
	if (l->not_ && tries(at, l->not_, &best))
		composite(at, "not validate the schema (not)", "");
	err_done(&best);
}

/* ---- members and elements ---- */

static void check_object(const struct spot *at)
{
	const struct crd_schema *s = at->s;
	bool own = at->root || s->embedded;

	for (uint32_t i = 0; i < s->n_required; i++)
		if (!json_object_object_get_ex(at->v, s->required[i].p, NULL))
			place_required(PLACE(at->p, s->required[i].p), "");
	map_for_each(it, at->v)
	{
		const char *key = map_key(it);
		const struct crd_schema *m = crd_schema_prop(s, str_of(key));
		bool known = m;
		struct spot in = {at->effort, at->mistakes_max, .v = map_value(it),
				  .old = jsonc_get(at->old, key)};

		if (own && at->root && !strcmp(key, "metadata") && m && m->n_props == 0 &&
		    !m->limits)
			continue;
		m = m ? m : s->additional;
		if (!m)
			continue;
		in.s = m;
		in.p = known ? PLACE(at->p, key) : PLACE(at->p, key);
		check(&in);
	}
	if (s->embedded && !at->root) {
		if (!text_of(at->v, "apiVersion").len)
			place_required(PLACE(at->p, "apiVersion"), "must not be empty");
		if (!text_of(at->v, "kind").len)
			place_required(PLACE(at->p, "kind"), "must not be empty");
	}
}

/* The element's keys as one text, absent ones by their default. */
static void key_text(const struct crd_schema *s, struct json_object *e, struct buf *out)
{
	for (uint32_t i = 0; i < s->n_keys; i++) {
		const struct crd_schema *k = crd_schema_prop(s->items, s->keys[i]);
		struct json_object *v = jsonc_get(e, s->keys[i].p);

		if (!v && k)
			v = k->def;
		buf_addf(out, "%s\"%s\":", i ? "," : "{", s->keys[i].p);
		jsonc_write(v, out);
	}
	buf_addc(out, '}');
}

struct hmap *crd_list_index(const struct crd_schema *s, struct json_object *list)
{
	struct hmap *index = hmap_new();

	for (size_t i = 0; i < list_len(list); i++) {
		CLEANUP(buf_done) struct buf key = BUF_INIT;

		key_text(s, list_at(list, i), &key);
		hmap_put(index, buf_str(&key), list_at(list, i));
	}
	return index;
}

struct json_object *crd_list_find(const struct crd_schema *s, const struct hmap *index,
				  struct json_object *element)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	if (!index)
		return NULL;
	key_text(s, element, &key);
	return hmap_get(index, buf_str(&key));
}

static void check_doubles(const struct spot *at)
{
	const struct crd_schema *s = at->s;
	CLEANUP(hmap_freep) struct hmap *seen = hmap_new();

	for (size_t i = 0; i < list_len(at->v); i++) {
		CLEANUP(buf_done) struct buf key = BUF_INIT;
		struct json_object *e = list_at(at->v, i);

		if (s->list == API_LISTMAP && !json_object_is_type(e, json_type_object))
			continue;
		if (s->list == API_LISTMAP)
			key_text(s, e, &key);
		else
			jsonc_write(e, &key);
		if (hmap_has(seen, buf_str(&key)))
			place_report(PLACE_AT(at->p, i), "FieldValueDuplicate",
				     "Duplicate value: %s", key.p);
		else
			hmap_put(seen, buf_str(&key), seen);
	}
}

/* Elements of lists of type map have an old one; by key, looked up in one pass. */
static void check_list(const struct spot *at)
{
	const struct crd_schema *s = at->s;
	CLEANUP(hmap_freep) struct hmap *was = NULL;

	if (!s->items)
		return;
	if (s->list == API_LISTMAP && list_len(at->old))
		was = crd_list_index(s, at->old);
	for (size_t i = 0; i < list_len(at->v); i++) {
		struct spot in = {at->effort, at->mistakes_max, .s = s->items,
				  .v = list_at(at->v, i), .p = PLACE_AT(at->p, i)};

		in.old = crd_list_find(s, was, in.v);
		check(&in);
	}
	if (s->list != API_ATOMIC)
		check_doubles(at);
}

static void check_format(const struct spot *at)
{
	enum crd_format f = (enum crd_format)at->s->format;
	double d;

	if (json_object_is_type(at->v, json_type_string)) {
		CLEANUP(buf_done) struct buf path = BUF_INIT, value = BUF_INIT;

		if (crd_format_check(f, jsonc_str(at->v)))
			return;
		place_path(at->p, &path);
		jsonc_write(at->v, &value);
		place_report(at->p, INVALID, "Invalid value: %s: %s in body must be of type %s: %s",
			     value.p, path.p, crd_format_name(f), value.p);
		return;
	}
	d = is_number(at->v) ? json_object_get_double(at->v) : 0;
	if (f == CRD_F_INT32 && (d > INT32_MAX || d < INT32_MIN))
		says(at->p, INVALID, at->v, "should be of type integer with format int32");
}

static void check(const struct spot *at)
{
	const struct crd_schema *s = at->s;

	if (place_mistakes(at->p) >= at->mistakes_max || !*at->effort)
		return;
	--*at->effort;
	if (at->old && !at->root && jsonc_equal(at->v, at->old))
		return;
	if (!at->v) {
		if (!s->nullable && (s->type != CRD_NONE || s->int_or_string))
			bad_type(at);
		return;
	}
	if (!type_fits(s, at->v)) {
		bad_type(at);
		return;
	}
	if (s->limits) {
		struct crd_limits *l = s->limits;

		if (l->enums)
			check_enums(at, l->enums);
		if (is_number(at->v))
			check_number(at, l);
		else if (json_object_is_type(at->v, json_type_string))
			check_string(at, l);
		else
			check_counts(at, l);
	}
	if (s->format)
		check_format(at);
	if (json_object_is_type(at->v, json_type_object))
		check_object(at);
	else if (json_object_is_type(at->v, json_type_array))
		check_list(at);
	if (s->limits)
		check_alternatives(at, s->limits);
}

void crd_check(const struct crd_schema *s, struct json_object *v, struct json_object *old,
	       const struct place *p)
{
	size_t effort = EFFORT_MAX;

	check(&(struct spot){&effort, place_mistakes(p) + MISTAKES_MAX, s, v, old, p, true});
	if (!effort)
		place_report(p, "FieldValueTooMany",
			     "Too many: the object takes too long to be validated");
}
