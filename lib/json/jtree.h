/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JTREE_H
#define KNARR_JTREE_H
#include "lib/base/str.h"
/*
 * JSON as a tree that can be changed. Names, meanings and ownership are those of json-c's
 * interface, of which this is the part that Knarr uses (json-c's own documentation holds); the
 * memory is made for requests: nodes of one tree lie one behind the other in a few blocks, and a
 * block is free again with its last node, so that a tree costs neither malloc nor free for each
 * node; an object is a list of members with an index once it has many, and true and false are not
 * allocated at all. docs/decisions/json.md says what was measured.
 *
 * Not for several threads at a time: a tree belongs to one, and stays where it was made.
 */
enum json_type {
	json_type_null, /* no object: NULL */
	json_type_boolean,
	json_type_double,
	json_type_int,
	json_type_object,
	json_type_array,
	json_type_string,
};
typedef int json_bool;

/* The head of every node; the rest is jtree.c's. */
struct json_object {
	uint32_t refs;
	uint16_t at; /* where in its block, in units of 8 bytes; 0: it is malloc's */
	uint8_t type; /* enum json_type */
	uint8_t flags;
};

/* A member of an object, in their order. Deleting the current one is fine while iterating. */
struct lh_entry {
	struct lh_entry *next, *prev;
	const char *k;
	struct json_object *v;
	uint32_t klen;
	uint32_t hash; /* only where the object is indexed */
	uint16_t at;
	char copy[]; /* the key, unless it is constant */
};

#define JSON_C_OBJECT_KEY_IS_CONSTANT 4 /* the key outlives the object: it is not copied */
#define JSON_C_TO_STRING_PLAIN 0

static inline enum json_type json_object_get_type(const struct json_object *o)
{
	return o ? (enum json_type)o->type : json_type_null;
}
static inline bool json_object_is_type(const struct json_object *o, enum json_type type)
{
	return json_object_get_type(o) == type;
}

struct json_object *json_object_get(struct json_object *o); /* one reference more */
int json_object_put(struct json_object *o); /* one less; 1: it is gone */

struct json_object *json_object_new_boolean(bool v);
struct json_object *json_object_new_int64(int64_t v);
struct json_object *json_object_new_uint64(uint64_t v);
struct json_object *json_object_new_double(double v);
struct json_object *json_object_new_string_len(const char *s, int len);
struct json_object *json_object_new_object(void);
struct json_object *json_object_new_array(void);
struct json_object *json_object_new_array_ext(int room);
static inline struct json_object *json_object_new_int(int32_t v)
{
	return json_object_new_int64(v);
}
static inline struct json_object *json_object_new_string(const char *s)
{
	return json_object_new_string_len(s, (int)strlen(s));
}

/* Scalars; of another type what json-c makes of it (zero for what is no scalar). */
json_bool json_object_get_boolean(const struct json_object *o);
int64_t json_object_get_int64(const struct json_object *o); /* clamped */
uint64_t json_object_get_uint64(const struct json_object *o); /* clamped */
double json_object_get_double(const struct json_object *o);
/* The text of a string, NUL-terminated, borrowed; NULL and 0 of anything else. */
const char *json_object_get_string(const struct json_object *o);
int json_object_get_string_len(const struct json_object *o);

/* Objects. add takes the reference; a member of that name is replaced in its place. */
struct lh_entry *jtree_find(const struct json_object *o, const char *key, size_t len);
int jtree_add(struct json_object *o, const char *key, size_t len, struct json_object *take_value,
	      bool constant);
void jtree_del(struct json_object *o, const char *key, size_t len);
struct lh_entry *jtree_first(const struct json_object *o); /* NULL also if o is no object */
int json_object_object_length(const struct json_object *o);

/* The length of a literal is known, and the literal itself can be the key. */
#define json_object_object_add(o, key, take_value) \
	jtree_add((o), (key), strlen(key), (take_value), __builtin_constant_p(key))
static inline int json_object_object_add_ex(struct json_object *o, const char *key,
					    struct json_object *take_value, unsigned flags)
{
	return jtree_add(o, key, strlen(key), take_value, flags & JSON_C_OBJECT_KEY_IS_CONSTANT);
}
static inline json_bool json_object_object_get_ex(const struct json_object *o, const char *key,
						  struct json_object **ret)
{
	struct lh_entry *e = jtree_find(o, key, strlen(key));

	if (ret)
		*ret = e ? e->v : NULL;
	return e != NULL;
}
static inline struct json_object *json_object_object_get(const struct json_object *o,
							 const char *key)
{
	struct lh_entry *e = jtree_find(o, key, strlen(key));

	return e ? e->v : NULL;
}
static inline void json_object_object_del(struct json_object *o, const char *key)
{
	jtree_del(o, key, strlen(key));
}

#define json_object_get_object(o) (o)
#define lh_table_head(o) jtree_first(o)
#define lh_entry_next(e) ((e)->next)
#define lh_entry_k(e) ((e)->k)
#define lh_entry_v(e) ((e)->v)
#define json_object_object_foreach(obj, key, val)                                                \
	const char *key __attribute__((unused)) = NULL;                                          \
	struct json_object *val __attribute__((unused)) = NULL;                                  \
	for (struct lh_entry *entry_##key = jtree_first(obj), *next_##key = NULL;                \
	     entry_##key &&                                                                      \
	     (next_##key = entry_##key->next, key = entry_##key->k, val = entry_##key->v, true); \
	     entry_##key = next_##key)

/* Arrays. */
size_t json_object_array_length(const struct json_object *o);
struct json_object *json_object_array_get_idx(const struct json_object *o, size_t i);
int json_object_array_add(struct json_object *o, struct json_object *take_value);
/* Behind the end: null in between. */
int json_object_array_put_idx(struct json_object *o, size_t i, struct json_object *take_value);
int json_object_array_del_idx(struct json_object *o, size_t i, size_t n);

/* Exactly equal: of one type, members in any order. */
int json_object_equal(const struct json_object *a, const struct json_object *b);

/* A tree of text that json_scan has accepted (or that we wrote); NULL for null. */
struct json_object *jtree_parse(struct str json);
struct json_object *json_tokener_parse(const char *json); /* scans first; NULL if it is none */
/* Text, for messages: valid until the fourth call from here. */
const char *json_object_to_json_string_ext(struct json_object *o, int flags);
static inline const char *json_object_to_json_string(struct json_object *o)
{
	return json_object_to_json_string_ext(o, 0);
}

/* An object kept as its text: see jsonc_new_text. The memory of a malloc'ed text is taken. */
struct json_object *jtree_new_text(char *take_text, size_t len);
struct str jtree_text(const struct json_object *o); /* STR_NULL for all others */
struct json_object *jtree_clone(const struct json_object *o); /* a deep copy */
#endif
