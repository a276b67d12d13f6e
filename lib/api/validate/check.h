/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CHECK_H
#define KNARR_API_CHECK_H
#include "lib/api/api.h"
#include "lib/api/names.h"
/*
 * Tools of the kinds' validation. A `struct place` is where a check stands: a chain of steps on
 * the stack, which becomes a path ("spec.containers[0].image") only when there is a mistake to
 * report, so that a valid object costs no text at all. The root holds the err that collects.
 *
 *	const struct place *spec = PLACE(root, "spec");
 *	for (size_t i = 0; i < list_len(ports); i++)
 *		port(PLACE_AT(PLACE(spec, "ports"), i), list_at(ports, i));
 *
 * Texts follow k8s.io/apimachinery util/validation/field: one cause a mistake, its reason the
 * CauseType, its message "Invalid value: -1: must be greater than or equal to 0".
 */
enum place_step {
	PLACE_ROOT,
	PLACE_FIELD, /* .name */
	PLACE_INDEX, /* [index] */
	PLACE_MAPKEY, /* [name] */
};

struct place {
	const struct place *up;
	struct err *err; /* of the root alone */
	const char *name; /* may have dots: two steps in one */
	size_t index;
	enum place_step step;
};

#define PLACE_OF(err_) (&(const struct place){NULL, (err_), NULL, 0, PLACE_ROOT})
#define PLACE(up_, name_) (&(const struct place){(up_), NULL, (name_), 0, PLACE_FIELD})
#define PLACE_AT(up_, i_) (&(const struct place){(up_), NULL, NULL, (i_), PLACE_INDEX})
#define PLACE_KEY(up_, key_) (&(const struct place){(up_), NULL, (key_), 0, PLACE_MAPKEY})

/* ---- Reporting; `detail` may be "" ---- */

/* Any reason and message. */
void place_report(const struct place *p, const char *reason, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void place_required(const struct place *p, const char *detail);
void place_invalid(const struct place *p, struct json_object *value, const char *detail);
/* The members of a map in the order of their names, as Go prints one; NULL is null. */
void place_invalid_map(const struct place *p, struct json_object *map, const char *detail);
void place_invalid_str(const struct place *p, struct str value, const char *detail);
void place_invalid_int(const struct place *p, int64_t value, const char *detail);
void place_forbidden(const struct place *p, const char *detail);
void place_unsupported(const struct place *p, struct str value, const char *const *supported);
/* The same for a value given as JSON text. */
void place_unsupported_json(const struct place *p, const char *json, const char *const *supported);
void place_duplicate(const struct place *p, struct str value);
void place_not_found(const struct place *p, struct str value);
void place_too_long(const struct place *p, size_t max_bytes);
void place_too_many(const struct place *p, size_t n, size_t max);
/* How many mistakes there are so far: to see whether a check found one. */
size_t place_mistakes(const struct place *p);
/* "spec.containers[0].name", appended. */
void place_path(const struct place *p, struct buf *out);

/* ---- Reading objects ---- */

static inline struct str text_of(struct json_object *obj, const char *name)
{
	return jsonc_str(jsonc_get(obj, name));
}
static inline int64_t int_of(struct json_object *obj, const char *name)
{
	return jsonc_i64(jsonc_get(obj, name), 0);
}
static inline bool bool_of(struct json_object *obj, const char *name)
{
	return json_object_get_boolean(jsonc_get(obj, name));
}
static inline size_t list_len(struct json_object *v)
{
	return json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
}
static inline struct json_object *list_at(struct json_object *v, size_t i)
{
	return json_object_array_get_idx(v, i);
}
static inline size_t map_len(struct json_object *v)
{
	return json_object_is_type(v, json_type_object) ? (size_t)json_object_object_length(v) : 0;
}
/* for (each key, value of a map that may be absent) */
#define map_for_each(it, map)                                                           \
	for (struct lh_entry *it = json_object_is_type((map), json_type_object)         \
					   ? lh_table_head(json_object_get_object(map)) \
					   : NULL;                                      \
	     it; it = lh_entry_next(it))
#define map_key(it) ((const char *)lh_entry_k(it))
#define map_value(it) ((struct json_object *)lh_entry_v(it))

/* Texts seen so far, for duplicates; borrowed from the object. Zero-initialise, end with done. */
struct seen {
	struct str few[16];
	size_t n;
	struct hmap *many;
};
bool seen_has(const struct seen *s, struct str text);
bool seen_add(struct seen *s, struct str text); /* true when it is new */
void seen_done(struct seen *s);

/* ---- Rules ---- */

/* Every sentence of the rule that the text breaks, as an invalid value. */
void check_name(const struct place *p, enum name_rule rule, struct str text);
/* A driver's name: a DNS subdomain of at most 63 bytes. One that is missing is the table's matter.
 */
void check_driver(const struct place *p, struct str name);
/* obj[name] must not be negative when it is there. */
void check_not_negative(const struct place *p, struct json_object *obj, const char *name);
/* Inclusive; false when it was not in there. */
bool check_range(const struct place *p, int64_t v, int64_t lo, int64_t hi);
void check_port(const struct place *p, int64_t port);
void check_port_or_name(const struct place *p, struct json_object *port);
/* obj[name] must be one of the list; an absent one is a mistake only if `required`. */
void check_enum(const struct place *p, struct json_object *obj, const char *name,
		const char *const *supported, bool required);
/* "field is immutable" unless both are equal (NULL is absent). */
void check_immutable(const struct place *p, struct json_object *now, struct json_object *old);
/* An integer or a percentage, neither negative; its number, whichever it is. */
uint64_t check_int_or_percent(const struct place *p, struct json_object *v);
bool check_ip(const struct place *p, struct str ip); /* true when it is one */
void check_ip_not_special(const struct place *p, struct str ip);
void check_cidr(const struct place *p, struct str cidr);
bool is_ip(struct str text);
bool ip_is_v6(struct str text);
void check_labels(const struct place *p, struct json_object *labels);
void check_annotations(const struct place *p, struct json_object *annotations);
/* A LabelSelector; absent is fine. */
void check_label_selector(const struct place *p, struct json_object *selector);
void check_path_no_backsteps(const struct place *p, struct str path);
void check_path_descending(const struct place *p, struct str path); /* relative, no ".." */
void check_path_unreserved(const struct place *p, struct str path); /* nor "..x" in front */

extern const char *const check_protocols[];
#endif
