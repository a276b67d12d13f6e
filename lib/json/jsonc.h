/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JSONC_H
#define KNARR_JSONC_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/json/json_scan.h"
#include <json-c/json.h>
/*
 * json-c trees, for write paths where an object is changed. Text from outside goes through
 * jsonc_parse, which scans strictly first. Ownership is json-c's: *_new and parse give one
 * reference, object_add takes it.
 */

/* Scan, then parse. *ret holds one reference; a document `null` gives 0 with *ret NULL. */
int jsonc_parse(struct str json, const struct json_scan_limits *limits, struct json_object **ret,
		struct err *err);
/* Compact text with members in their order, doubles as json_double, nothing but \" \\ and control
 * escaped. */
void jsonc_write(struct json_object *obj, struct buf *out);

/* Member by name or dotted path ("metadata.name"); borrowed; NULL if absent, null or no object. */
struct json_object *jsonc_get(struct json_object *obj, const char *name);
struct json_object *jsonc_path(struct json_object *obj, const char *path);
/* The text of a string (STR_NULL if it is none); borrowed from the object. */
struct str jsonc_str(struct json_object *obj);
struct str jsonc_path_str(struct json_object *obj, const char *path);
int64_t jsonc_i64(struct json_object *obj, int64_t otherwise);

struct json_object *jsonc_new_str(struct str s);
/* obj[name] = value (the reference is taken), replacing. */
void jsonc_set_key(struct json_object *obj, const char *name, struct json_object *take_value,
		   bool constant);
/* A literal is not copied: it is the key. */
#define jsonc_set(obj, name, take_value) \
	jsonc_set_key(obj, name, take_value, __builtin_constant_p(name))
#define jsonc_set_str(obj, name, value) jsonc_set(obj, name, jsonc_new_str(value))
/* obj[name], made as an empty object if it is absent or null; borrowed. */
struct json_object *jsonc_ensure(struct json_object *obj, const char *name);
/*
 * An object that is kept as its text (the memory is taken): for large parts that are only written,
 * copied and compared. It has no members to look at; jsonc_text gives the text back, and
 * STR_NULL for all others.
 */
struct json_object *jsonc_new_text(struct buf *take_json);
struct str jsonc_text(struct json_object *obj);
/* Deep copy: a new reference. NULL stays NULL. */
struct json_object *jsonc_clone(struct json_object *obj);
/* Equal as JSON values (member order doesn't count, 1 equals 1.0). */
bool jsonc_equal(struct json_object *a, struct json_object *b);

static inline void jsonc_putp(struct json_object **o)
{
	json_object_put(*o);
}
#define CLEANUP_JSON CLEANUP(jsonc_putp)
#endif
