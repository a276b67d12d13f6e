/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_SCHEMA_H
#define KNARR_API_SCHEMA_H
#include "lib/base/str.h"
/*
 * The shape of API objects as const tables. One row describes one field; decoding, unknown-field
 * checks, defaulting, strategic merge, server-side apply, protobuf decoding, OpenAPI and explain
 * all read the same rows. Built-in kinds have their tables in lib/api/kinds/; custom resources
 * build the same structs at run time.
 *
 * Names, numbers and list kinds follow the Kubernetes API (k8s.io/api types, 1.37).
 */
struct json_object;
struct api_type;

/* What a single value is. */
enum api_vtype {
	API_STRING,
	API_BOOL,
	API_INT32,
	API_INT64,
	API_DOUBLE,
	API_BYTES, /* base64 text in JSON */
	API_OBJECT, /* described by .ref */
	API_ANY, /* free JSON (RawExtension, FieldsV1); not looked into */
	API_TIME, /* RFC 3339 seconds; protobuf Timestamp */
	API_MICROTIME, /* RFC 3339 microseconds */
	API_DURATION, /* Go duration text */
	API_QUANTITY, /* "100m", or a JSON number */
	API_INT_OR_STRING,
	API_NESTED, /* lists in maps and the like: the one row of .ref says what an element is */
	API_DEDUCED, /* known by its value alone: members of objects are owned one by one */
	API_VTYPE_MAX,
};

/* How many of them. */
enum api_shape {
	API_ONE,
	API_LIST,
	API_MAP, /* JSON object with free keys */
};

/* How a list (or object, or map) is merged and owned by server-side apply. */
enum api_list {
	API_ATOMIC, /* replaced as a whole; what lists are unless said otherwise */
	API_SET, /* of scalars */
	API_LISTMAP, /* of objects told apart by .keys */
};

enum api_field_flags {
	API_REQUIRED = 1 << 0, /* OpenAPI "required" */
	API_PTR = 1 << 1, /* a pointer in Go: presence of a zero value is meaningful */
	API_KEEP_EMPTY = 1 << 2, /* no omitempty: a zero value is kept */
	API_MERGE = 1 << 3, /* patchStrategy merge (key: .merge_key) */
	API_RETAIN_KEYS = 1 << 4, /* patchStrategy retainKeys */
	API_REPLACE = 1 << 5, /* patchStrategy replace */
	API_WHOLE = 1 << 6, /* map or struct owned as a whole (mapType/structType atomic) */
	API_IMMUTABLE = 1 << 7, /* may not change once set (custom resources and simple kinds) */
	API_INLINE = 1 << 8, /* fields of .ref stand in this object; nested in protobuf only */
	API_PRESERVE = 1 << 9, /* unknown fields are kept (x-kubernetes-preserve-unknown-fields) */
	API_PB_WRAPPED = 1 << 10, /* protobuf wraps the list in a message with field 1 */
	API_MAP_OF_LISTS = 1 << 11, /* the map's values are lists (extra: {"k": ["v"]}) */
	API_PB_INNER = 1 << 12, /* in protobuf the message is field 1 of one around it */
	API_OR_BOOL = 1 << 13, /* true or false in its place; in protobuf {1: bool, 2: message} */
};

struct api_field {
	const char *name; /* "" for API_INLINE */
	uint8_t type; /* enum api_vtype */
	uint8_t shape; /* enum api_shape */
	uint8_t list; /* enum api_list, for API_LIST */
	uint16_t pb; /* protobuf field number, 0: none */
	uint16_t flags; /* enum api_field_flags */
	const struct api_type *ref; /* for API_OBJECT, of the element for lists and maps */
	const char *keys; /* list-map keys, comma-separated: "containerPort,protocol" */
	const char *merge_key; /* patchMergeKey */
	const char *def; /* default as JSON text */
	const char *const *enums; /* allowed values, NULL-terminated */
	const char *help; /* one short sentence */
};

struct api_type {
	const char *name; /* OpenAPI name: "io.k8s.api.core.v1.PodSpec" */
	const struct api_field *fields;
	uint16_t n_fields;
	uint16_t flags; /* API_WHOLE, API_PRESERVE */
	const char *help;
	/*
	 * Defaults which depend on other fields; runs after the rows' own .def of this object and
	 * before those of its children. NULL: none.
	 */
	void (*defaults)(struct json_object *obj);
};

/* Row by name, looking through API_INLINE rows; NULL when there is none. */
const struct api_field *api_field_find(const struct api_type *t, struct str name);
/* Row by protobuf number; inline rows are returned themselves. */
const struct api_field *api_field_by_number(const struct api_type *t, uint32_t number);
/* Follow "spec.template.metadata" through objects, lists and maps; NULL when it leads nowhere. */
const struct api_field *api_field_path(const struct api_type *t, struct str path);
/* The type's last component: "PodSpec". */
const char *api_type_short(const struct api_type *t);
/*
 * Call fn for every row with inline rows replaced by their own fields. Stops when fn returns
 * non-zero and returns that.
 */
int api_type_each(const struct api_type *t, int (*fn)(const struct api_field *f, void *user),
		  void *user);
#endif
