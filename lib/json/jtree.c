/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/jtree.h"
#include "lib/json/jsonc.h"
#include "lib/json/jv.h"
#include "lib/json/jv_skip.h"
#include "lib/json/jtree_mem.h"

#include <math.h>

#define INDEX_FROM 16 /* members; below, going through them is faster */

enum {
	UNSIGNED = 1, /* an integer above INT64_MAX */
	TEXT = 2, /* an object kept as text */
	FOREVER = 4, /* not counted, not freed */
};

struct number {
	struct json_object o;
	union {
		int64_t i;
		uint64_t u;
		double d;
	};
};

struct string {
	struct json_object o;
	uint32_t len;
	char text[];
};

struct array {
	struct json_object o;
	uint32_t n, cap;
	struct json_object **v;
	uint16_t v_at;
};

struct object {
	struct json_object o;
	uint32_t n, mask; /* mask: slots of the index - 1 */
	struct lh_entry *first, *last;
	struct lh_entry **index; /* open addressing; NULL while there are few members */
};

struct text {
	struct json_object o;
	struct str s; /* malloc's */
};

static struct json_object yes = {1, 0, json_type_boolean, FOREVER};
static struct json_object no = {1, 0, json_type_boolean, FOREVER};

#define AS(type, o) ((struct type *)(o))
#define TO(type, o) ((const struct type *)(o))

static void *node(size_t size, enum json_type type, unsigned flags)
{
	uint16_t at;
	struct json_object *o = jtree_alloc(size, &at);

	*o = (struct json_object){1, at, (uint8_t)type, (uint8_t)flags};
	return o;
}

struct json_object *json_object_get(struct json_object *o)
{
	if (o && !(o->flags & FOREVER))
		o->refs++;
	return o;
}

static void free_members(struct object *o)
{
	struct lh_entry *e = o->first, *next;

	for (; e; e = next) {
		next = e->next;
		json_object_put(e->v);
		jtree_free(e, e->at);
	}
	free(o->index);
}

int json_object_put(struct json_object *o)
{
	if (!o || o->flags & FOREVER || --o->refs)
		return 0;
	if (o->flags & TEXT) {
		free((char *)TO(text, o)->s.p);
	} else if (o->type == json_type_object) {
		free_members(AS(object, o));
	} else if (o->type == json_type_array) {
		struct array *a = AS(array, o);

		for (uint32_t i = 0; i < a->n; i++)
			json_object_put(a->v[i]);
		if (a->v)
			jtree_free(a->v, a->v_at);
	}
	jtree_free(o, o->at);
	return 1;
}

/* ---- scalars ---- */

struct json_object *json_object_new_boolean(bool v)
{
	return v ? &yes : &no;
}

struct json_object *json_object_new_int64(int64_t v)
{
	struct number *x = node(sizeof(*x), json_type_int, 0);

	x->i = v;
	return &x->o;
}

struct json_object *json_object_new_uint64(uint64_t v)
{
	struct number *x = node(sizeof(*x), json_type_int, v > INT64_MAX ? UNSIGNED : 0);

	x->u = v;
	return &x->o;
}

struct json_object *json_object_new_double(double v)
{
	struct number *x = node(sizeof(*x), json_type_double, 0);

	x->d = v;
	return &x->o;
}

struct json_object *json_object_new_string_len(const char *s, int len)
{
	struct string *x = node(sizeof(*x) + (size_t)len + 1, json_type_string, 0);

	x->len = (uint32_t)len;
	memcpy(x->text, s, (size_t)len);
	x->text[len] = 0;
	return &x->o;
}

const char *json_object_get_string(const struct json_object *o)
{
	return json_object_is_type(o, json_type_string) ? TO(string, o)->text : NULL;
}

int json_object_get_string_len(const struct json_object *o)
{
	return json_object_is_type(o, json_type_string) ? (int)TO(string, o)->len : 0;
}

json_bool json_object_get_boolean(const struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_boolean:
		return o == &yes;
	case json_type_int:
		return TO(number, o)->u != 0;
	case json_type_double:
		return TO(number, o)->d != 0;
	case json_type_string:
		return TO(string, o)->len != 0;
	case json_type_null:
	case json_type_object:
	case json_type_array:
		break;
	}
	return 0;
}

int64_t json_object_get_int64(const struct json_object *o)
{
	double d;

	switch (json_object_get_type(o)) {
	case json_type_boolean:
		return o == &yes;
	case json_type_int:
		return o->flags & UNSIGNED ? INT64_MAX : TO(number, o)->i;
	case json_type_double:
		d = TO(number, o)->d;
		if (d >= 0x1p63)
			return INT64_MAX;
		return d <= -0x1p63 ? INT64_MIN : (int64_t)d;
	case json_type_string:
		return strtoll(TO(string, o)->text, NULL, 10);
	case json_type_null:
	case json_type_object:
	case json_type_array:
		break;
	}
	return 0;
}

uint64_t json_object_get_uint64(const struct json_object *o)
{
	double d;
	int64_t i;

	if (json_object_is_type(o, json_type_int) && o->flags & UNSIGNED)
		return TO(number, o)->u;
	if (json_object_is_type(o, json_type_double)) {
		d = TO(number, o)->d;
		if (d >= 0x1p64)
			return UINT64_MAX;
		return d <= 0 ? 0 : (uint64_t)d;
	}
	if (json_object_is_type(o, json_type_string))
		return strtoull(TO(string, o)->text, NULL, 10);
	i = json_object_get_int64(o);
	return i < 0 ? 0 : (uint64_t)i;
}

double json_object_get_double(const struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_boolean:
		return o == &yes;
	case json_type_int:
		return o->flags & UNSIGNED ? (double)TO(number, o)->u : (double)TO(number, o)->i;
	case json_type_double:
		return TO(number, o)->d;
	case json_type_string:
		return strtod(TO(string, o)->text, NULL);
	case json_type_null:
	case json_type_object:
	case json_type_array:
		break;
	}
	return 0;
}

/* ---- objects ---- */

struct json_object *json_object_new_object(void)
{
	struct object *x = node(sizeof(*x), json_type_object, 0);

	memset((char *)x + sizeof(x->o), 0, sizeof(*x) - sizeof(x->o));
	return &x->o;
}

static struct object *members_of(const struct json_object *o)
{
	return json_object_is_type(o, json_type_object) && !(o->flags & TEXT) ? AS(object, o)
									      : NULL;
}

struct lh_entry *jtree_first(const struct json_object *o)
{
	const struct object *x = members_of(o);

	return x ? x->first : NULL;
}

int json_object_object_length(const struct json_object *o)
{
	const struct object *x = members_of(o);

	return x ? (int)x->n : 0;
}

static bool key_is(const struct lh_entry *e, const char *key, size_t len)
{
	return e->klen == len && (e->k == key || memcmp(e->k, key, len) == 0);
}

static struct lh_entry **slot_of(const struct object *x, uint32_t hash, const char *key, size_t len)
{
	for (uint32_t i = hash & x->mask;; i = (i + 1) & x->mask) {
		struct lh_entry *e = x->index[i];

		if (!e || (e->hash == hash && key_is(e, key, len)))
			return &x->index[i];
	}
}

struct lh_entry *jtree_find(const struct json_object *o, const char *key, size_t len)
{
	const struct object *x = members_of(o);

	if (!x)
		return NULL;
	if (x->index)
		return *slot_of(x, (uint32_t)str_hash(str_n(key, len)), key, len);
	for (struct lh_entry *e = x->first; e; e = e->next)
		if (key_is(e, key, len))
			return e;
	return NULL;
}

/* All members into an index with room for as many again. */
static void make_index(struct object *x)
{
	uint32_t slots = INDEX_FROM * 4;

	while (slots < x->n * 4)
		slots *= 2;
	free(x->index);
	x->index = xcalloc(slots, sizeof(struct lh_entry *));
	x->mask = slots - 1;
	for (struct lh_entry *e = x->first; e; e = e->next) {
		e->hash = (uint32_t)str_hash(str_n(e->k, e->klen));
		*slot_of(x, e->hash, e->k, e->klen) = e;
	}
}

static void append(struct object *x, const char *key, size_t len, struct json_object *value,
		   bool constant)
{
	uint16_t at;
	struct lh_entry *e = jtree_alloc(sizeof(*e) + (constant ? 0 : len + 1), &at);

	*e = (struct lh_entry){NULL, x->last, key, value, (uint32_t)len, 0, at};
	if (!constant) {
		memcpy(e->copy, key, len);
		e->copy[len] = 0;
		e->k = e->copy;
	}
	*(x->last ? &x->last->next : &x->first) = e;
	x->last = e;
	x->n++;
	if (!x->index && x->n <= INDEX_FROM)
		return;
	if (!x->index || x->n * 2 > x->mask) {
		make_index(x);
	} else {
		e->hash = (uint32_t)str_hash(str_n(e->k, len));
		*slot_of(x, e->hash, e->k, len) = e;
	}
}

int jtree_add(struct json_object *o, const char *key, size_t len, struct json_object *take_value,
	      bool constant)
{
	struct object *x = members_of(o);
	struct lh_entry *e = jtree_find(o, key, len);

	assert(x && o != take_value);
	if (e) {
		json_object_put(e->v);
		e->v = take_value;
	} else {
		append(x, key, len, take_value, constant);
	}
	return 0;
}

/* Out of the index: what was pushed on by it moves back. */
static void unindex(struct object *x, struct lh_entry *e)
{
	uint32_t hole = (uint32_t)(slot_of(x, e->hash, e->k, e->klen) - x->index), i = hole;

	for (;;) {
		struct lh_entry *other;

		i = (i + 1) & x->mask;
		other = x->index[i];
		if (!other)
			break;
		if (((i - other->hash) & x->mask) >= ((i - hole) & x->mask)) {
			x->index[hole] = other;
			hole = i;
		}
	}
	x->index[hole] = NULL;
}

void jtree_del(struct json_object *o, const char *key, size_t len)
{
	struct object *x = members_of(o);
	struct lh_entry *e = jtree_find(o, key, len);

	if (!e)
		return;
	if (x->index)
		unindex(x, e);
	*(e->prev ? &e->prev->next : &x->first) = e->next;
	*(e->next ? &e->next->prev : &x->last) = e->prev;
	x->n--;
	json_object_put(e->v);
	jtree_free(e, e->at);
}

/* ---- arrays ---- */

static void array_room(struct array *a, size_t n)
{
	struct json_object **v;
	uint16_t at;
	size_t cap = MAX(n, (size_t)a->cap * 2);

	if (n <= a->cap)
		return;
	if (a->v && !a->v_at) {
		a->v = xrealloc(a->v, cap * sizeof(*v));
	} else {
		v = jtree_alloc(cap * sizeof(*v), &at);
		if (a->n)
			memcpy(v, a->v, a->n * sizeof(*v));
		if (a->v)
			jtree_free(a->v, a->v_at);
		a->v = v;
		a->v_at = at;
	}
	a->cap = (uint32_t)cap;
}

struct json_object *json_object_new_array_ext(int room)
{
	struct array *a = node(sizeof(*a), json_type_array, 0);

	memset((char *)a + sizeof(a->o), 0, sizeof(*a) - sizeof(a->o));
	array_room(a, (size_t)room);
	return &a->o;
}

struct json_object *json_object_new_array(void)
{
	return json_object_new_array_ext(0);
}

size_t json_object_array_length(const struct json_object *o)
{
	return json_object_is_type(o, json_type_array) ? TO(array, o)->n : 0;
}

struct json_object *json_object_array_get_idx(const struct json_object *o, size_t i)
{
	return i < json_object_array_length(o) ? TO(array, o)->v[i] : NULL;
}

int json_object_array_add(struct json_object *o, struct json_object *take_value)
{
	return json_object_array_put_idx(o, json_object_array_length(o), take_value);
}

int json_object_array_put_idx(struct json_object *o, size_t i, struct json_object *take_value)
{
	struct array *a = AS(array, o);

	assert(json_object_is_type(o, json_type_array) && i < UINT32_MAX / 2);
	if (i < a->n) {
		json_object_put(a->v[i]);
	} else {
		array_room(a, MAX(i + 1, (size_t)2));
		while (a->n <= i)
			a->v[a->n++] = NULL;
	}
	a->v[i] = take_value;
	return 0;
}

int json_object_array_del_idx(struct json_object *o, size_t i, size_t n)
{
	struct array *a = AS(array, o);
	size_t len = json_object_array_length(o);

	if (i >= len || n > len - i)
		return -1;
	for (size_t k = i; k < i + n; k++)
		json_object_put(a->v[k]);
	memmove(a->v + i, a->v + i + n, (len - i - n) * sizeof(*a->v));
	a->n -= (uint32_t)n;
	return 0;
}

/* ---- whole trees ---- */

static bool members_equal(const struct json_object *a, const struct json_object *b)
{
	if (json_object_object_length(a) != json_object_object_length(b))
		return false;
	for (struct lh_entry *e = jtree_first(a); e; e = e->next) {
		const struct lh_entry *f = jtree_find(b, e->k, e->klen);

		if (!f || !json_object_equal(e->v, f->v))
			return false;
	}
	return true;
}

int json_object_equal(const struct json_object *a, const struct json_object *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->type != b->type)
		return false;
	switch ((enum json_type)a->type) {
	case json_type_null:
	case json_type_boolean:
		break; /* there is one of each */
	case json_type_double:
		return TO(number, a)->d == TO(number, b)->d;
	case json_type_int:
		return a->flags == b->flags && TO(number, a)->u == TO(number, b)->u;
	case json_type_string:
		return TO(string, a)->len == TO(string, b)->len &&
		       !memcmp(TO(string, a)->text, TO(string, b)->text, TO(string, a)->len);
	case json_type_object:
		if ((a->flags | b->flags) & TEXT)
			return a->flags == b->flags && str_eq(jtree_text(a), jtree_text(b));
		return members_equal(a, b);
	case json_type_array:
		if (TO(array, a)->n != TO(array, b)->n)
			return false;
		for (uint32_t i = 0; i < TO(array, a)->n; i++)
			if (!json_object_equal(TO(array, a)->v[i], TO(array, b)->v[i]))
				return false;
		return true;
	}
	return false;
}

struct json_object *jtree_new_text(char *take_text, size_t len)
{
	struct text *x = node(sizeof(*x), json_type_object, TEXT);

	x->s = str_n(take_text, len);
	return &x->o;
}

struct str jtree_text(const struct json_object *o)
{
	return o && o->flags & TEXT ? TO(text, o)->s : STR_NULL;
}

struct json_object *jtree_clone(const struct json_object *o)
{
	struct json_object *copy = NULL;

	switch (json_object_get_type(o)) {
	case json_type_null:
		break;
	case json_type_boolean:
		return o == &yes ? &yes : &no;
	case json_type_double:
		return json_object_new_double(TO(number, o)->d);
	case json_type_int:
		if (o->flags & UNSIGNED)
			return json_object_new_uint64(TO(number, o)->u);
		return json_object_new_int64(TO(number, o)->i);
	case json_type_string:
		return json_object_new_string_len(TO(string, o)->text, (int)TO(string, o)->len);
	case json_type_object:
		if (o->flags & TEXT) {
			struct str s = TO(text, o)->s;

			return jtree_new_text(xstrndup(s.p, s.len), s.len);
		}
		copy = json_object_new_object();
		for (struct lh_entry *e = jtree_first(o); e; e = e->next)
			append(AS(object, copy), e->k, e->klen, jtree_clone(e->v), e->k != e->copy);
		break;
	case json_type_array:
		copy = json_object_new_array_ext((int)TO(array, o)->n);
		for (uint32_t i = 0; i < TO(array, o)->n; i++)
			json_object_array_add(copy, jtree_clone(TO(array, o)->v[i]));
		break;
	}
	return copy;
}

/* ---- text ---- */

struct parser {
	const char *p, *end;
	struct buf scratch; /* of a text with escapes */
};

static void skip_space(struct parser *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
		s->p++;
}

/* At a quote: what it means, borrowed from the text or from the scratch. */
static struct str parse_text(struct parser *s)
{
	const char *from = s->p + 1;
	struct str raw;

	s->p = jv_skip_string(s->p, s->end);
	raw = str_n(from, s->p - from >= 1 ? (size_t)(s->p - from) - 1 : 0);
	if (!raw.len || !memchr(raw.p, '\\', raw.len))
		return raw;
	buf_clear(&s->scratch);
	jv_unescape(raw, &s->scratch);
	return buf_str(&s->scratch);
}

static struct json_object *parse_number(struct parser *s)
{
	struct jv v = {s->p, s->end};
	struct str raw = jv_raw(v);
	int64_t i;
	uint64_t u;

	s->p += MAX(raw.len, (size_t)1);
	if (str_to_i64(raw, &i) == 0)
		return json_object_new_int64(i);
	if (str_to_u64(raw, &u) == 0)
		return json_object_new_uint64(u);
	return json_object_new_double(jv_double(v, 0));
}

static struct json_object *parse_value(struct parser *s);

/* Behind an element: is there another one? Steps over the comma or the bracket. */
static bool more(struct parser *s)
{
	skip_space(s);
	return s->p < s->end && *s->p++ == ',';
}

static bool is_empty(struct parser *s, char close)
{
	s->p++;
	skip_space(s);
	if (s->p < s->end && *s->p != close)
		return false;
	s->p++;
	return true;
}

static struct json_object *parse_object(struct parser *s)
{
	struct json_object *o = json_object_new_object();

	if (is_empty(s, '}'))
		return o;
	do {
		struct lh_entry *e;
		struct str key;

		skip_space(s);
		key = parse_text(s);
		e = jtree_find(o, key.p, key.len);
		if (!e) {
			append(AS(object, o), key.p, key.len, NULL, false);
			e = AS(object, o)->last;
		}
		skip_space(s);
		s->p++; /* the colon */
		json_object_put(e->v);
		e->v = parse_value(s);
	} while (more(s));
	return o;
}

static struct json_object *parse_array(struct parser *s)
{
	struct json_object *o = json_object_new_array();

	if (is_empty(s, ']'))
		return o;
	do {
		json_object_array_add(o, parse_value(s));
	} while (more(s));
	return o;
}

static struct json_object *parse_value(struct parser *s)
{
	struct str text;

	skip_space(s);
	if (s->p >= s->end)
		return NULL;
	switch (*s->p) {
	case '{':
		return parse_object(s);
	case '[':
		return parse_array(s);
	case '"':
		text = parse_text(s);
		return json_object_new_string_len(text.p, (int)text.len);
	case 't':
		s->p += 4;
		return &yes;
	case 'f':
		s->p += 5;
		return &no;
	case 'n':
		s->p += 4;
		return NULL;
	default:
		return parse_number(s);
	}
}

struct json_object *jtree_parse(struct str json)
{
	struct parser s = {json.p, json.p + json.len, BUF_INIT};
	struct json_object *o = parse_value(&s);

	buf_done(&s.scratch);
	return o;
}

struct json_object *json_tokener_parse(const char *json)
{
	return json_scan(str_of(json), NULL, NULL) < 0 ? NULL : jtree_parse(str_of(json));
}

const char *json_object_to_json_string_ext(struct json_object *o, int flags)
{
	static __thread struct buf ring[4];
	static __thread unsigned at;
	struct buf *b = &ring[at++ % ARRAY_SIZE(ring)];

	if (!b->p)
		buf_init(b);
	buf_clear(b);
	jsonc_write(o, b);
	return b->p;
}
