/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_CRD_SCHEMA_H
#define KNARR_API_CRD_SCHEMA_H
#include "lib/api/schema.h"
#include "lib/base/arena.h"
#include "lib/json/jsonc.h"
#include "lib/json/jv.h"
/*
 * Structural schemas of custom resources (apiextensions.k8s.io/v1 JSONSchemaProps), compiled from
 * the definition's bytes into one arena. The field tables of schema.h describe Go types; this says
 * what JSON Schema can say beyond them: bounds, alternatives, unions of types, free members.
 * Ownership of fields (server-side apply) reads the tables made of it by crd_schema_type.
 *
 * Descriptions are not kept: OpenAPI reads them in the definition itself.
 */
enum crd_type {
	CRD_NONE, /* nothing is said */
	CRD_OBJECT,
	CRD_ARRAY,
	CRD_STRING,
	CRD_INTEGER,
	CRD_NUMBER,
	CRD_BOOLEAN,
	CRD_TYPE_MAX,
};
const char *crd_type_name(enum crd_type t);

enum crd_format {
	CRD_F_NONE, /* or one that nobody checks */
	CRD_F_DATETIME,
	CRD_F_DATE,
	CRD_F_DURATION,
	CRD_F_IPV4,
	CRD_F_IPV6,
	CRD_F_CIDR,
	CRD_F_MAC,
	CRD_F_UUID,
	CRD_F_UUID3,
	CRD_F_UUID4,
	CRD_F_UUID5,
	CRD_F_BYTE,
	CRD_F_EMAIL,
	CRD_F_HOSTNAME,
	CRD_F_URI,
	CRD_F_HEXCOLOR,
	CRD_F_RGBCOLOR,
	CRD_F_BSONID,
	CRD_F_SSN,
	CRD_F_ISBN,
	CRD_F_ISBN10,
	CRD_F_ISBN13,
	CRD_F_CREDITCARD,
	CRD_F_SHORT_NAME,
	CRD_F_LONG_NAME,
	CRD_F_INT32,
	CRD_F_INT64,
	CRD_F_MAX,
};
/* "date-time" -> CRD_F_DATETIME; unknown ones give CRD_F_NONE. */
enum crd_format crd_format_of(struct str name);
const char *crd_format_name(enum crd_format f);
/* Does the text have the form? (formats of texts only) */
bool crd_format_check(enum crd_format f, struct str text);

struct crd_schema;
struct crd_prop {
	struct str name;
	struct crd_schema *schema;
};

enum crd_bound {
	CRD_MINIMUM = 1 << 0,
	CRD_MAXIMUM = 1 << 1,
	CRD_MULTIPLE = 1 << 2,
	CRD_MIN_LEN = 1 << 3,
	CRD_MAX_LEN = 1 << 4,
	CRD_MIN_ITEMS = 1 << 5,
	CRD_MAX_ITEMS = 1 << 6,
	CRD_MIN_PROPS = 1 << 7,
	CRD_MAX_PROPS = 1 << 8,
};

/* What few schemas say; NULL where nothing of it is said. */
struct crd_limits {
	uint16_t set; /* enum crd_bound */
	bool exclusive_min, exclusive_max;
	double minimum, maximum, multiple;
	int64_t min_len, max_len, min_items, max_items, min_props, max_props;
	const char *pattern;
	struct crd_schema_set *owner; /* of this schema, where there is a pattern */
	struct rx *rx; /* of pattern, when first asked for; owned by the set */
	bool bad_pattern;
	struct json_object *enums; /* array; owned by the set */
	struct crd_schema **all_of, **any_of, **one_of, *not_;
	size_t n_all, n_any, n_one;
};

struct cel_type;
struct crd_rules; /* x-kubernetes-validations, compiled: rules.h */

struct crd_schema {
	uint8_t type; /* enum crd_type */
	uint8_t format; /* enum crd_format */
	uint8_t list; /* enum api_list; of arrays */
	bool nullable, preserve, int_or_string, embedded, atomic_map;
	bool additional_any; /* additionalProperties: true */
	bool has_defaults; /* here or below */
	bool has_rules; /* here or below */
	struct crd_prop *props; /* sorted by name */
	uint32_t n_props, n_required, n_keys;
	struct str *required;
	struct str *keys; /* of a list of type map */
	struct crd_schema *items, *additional;
	struct json_object *def; /* owned by the set; NULL: none (or null) */
	struct crd_limits *limits;
	struct crd_rules *rules;
	const struct cel_type *cel; /* in expressions; when first asked for */
	struct jv rules_json; /* x-kubernetes-validations in the definition's bytes */
};

/* A compiled schema with what it owns. */
struct crd_schema_set {
	struct arena arena;
	struct crd_schema *root;
	struct str text; /* of the schema; what rules_json points into */
	struct json_object **objects;
	size_t n_objects, cap_objects;
	struct rx **rxs;
	size_t n_rxs, cap_rxs;
	void (**undo)(void *); /* for what rules own */
	void **undo_arg;
	size_t n_undo, cap_undo;
	bool prepared; /* rules are compiled */
	const struct api_type *type; /* crd_schema_type's, made once */
};

/*
 * Compile openAPIV3Schema (absent: anything goes). What validation of the definition would refuse
 * is passed over. The text is copied where rules need it.
 */
struct crd_schema_set *crd_schema_new(struct jv openapi);
/* The compiled pattern; NULL when there is none (that can be compiled). */
const struct rx *crd_pattern(struct crd_limits *l);
struct crd_schema_set *crd_schema_free(struct crd_schema_set *s);
DEFINE_CLEANUP(struct crd_schema_set *, crd_schema_freep, crd_schema_free)
const struct crd_schema *crd_schema_prop(const struct crd_schema *s, struct str name);
/* The member's schema, or that of additional members; NULL: nothing is said about it. */
const struct crd_schema *crd_schema_member(const struct crd_schema *s, struct str name);

/* The root as a field table for server-side apply: metadata is ObjectMeta. */
const struct api_type *crd_schema_type(struct crd_schema_set *s);

/*
 * Remove what the schema doesn't know, in place; `found` (may be NULL) is told the path of each
 * ("spec.foo"). apiVersion, kind and metadata stay at the root and in embedded resources.
 */
typedef void crd_unknown_fn(void *user, const char *path);
void crd_prune(const struct crd_schema *root, struct json_object *obj, crd_unknown_fn *found,
	       void *user);
/* Fill in defaults, and take out nulls that are not allowed, in place. */
void crd_default(const struct crd_schema *root, struct json_object *obj);

struct place;
/*
 * Check a value; mistakes go to the place's err with the messages of upstream's validator. `old`
 * (NULL: none): what the object was; values that did not change are not looked at (ratcheting).
 * Lists of type set and map are checked for doubles too.
 */
void crd_check(const struct crd_schema *s, struct json_object *v, struct json_object *old,
	       const struct place *p);
/* The elements of a list of type map by their keys, for crd_list_find; ended by hmap_free. */
struct hmap;
struct hmap *crd_list_index(const struct crd_schema *s, struct json_object *list);
/* The one with this element's keys; NULL (also without an index). */
struct json_object *crd_list_find(const struct crd_schema *s, const struct hmap *index,
				  struct json_object *element);
#endif
