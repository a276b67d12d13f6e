/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_KIND_H
#define KNARR_API_KIND_H
#include "lib/api/schema.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
/*
 * A kind: where it is served, what it looks like, how it behaves. Built-in kinds are const
 * structs in lib/api/kinds/, listed in one array. Kinds which are only bodies (Scale, Eviction,
 * DeleteOptions, ...) have no plural and are found by group, version and kind alone.
 */
enum api_verb {
	API_VERB_CREATE = 1 << 0,
	API_VERB_GET = 1 << 1,
	API_VERB_LIST = 1 << 2,
	API_VERB_WATCH = 1 << 3,
	API_VERB_UPDATE = 1 << 4,
	API_VERB_PATCH = 1 << 5,
	API_VERB_DELETE = 1 << 6,
	API_VERB_DELETECOLLECTION = 1 << 7,
	API_VERB_ALL = 0xff,
	API_VERB_STATUS = API_VERB_GET | API_VERB_UPDATE | API_VERB_PATCH,
};
/* "create", "get", ...; NULL for anything but one bit. */
const char *api_verb_name(enum api_verb v);

enum api_kind_flags {
	API_K_NAMESPACED = 1 << 0,
	API_K_VIRTUAL = 1 << 1, /* answered at once, never stored (SelfSubjectReview) */
	API_K_GENERATION = 1 << 2, /* metadata.generation counts changes outside metadata+status */
	API_K_STATUS = 1 << 3, /* status is written by the /status subresource only */
	API_K_CREATE_ON_UPDATE = 1 << 4, /* PUT of an absent object creates it (Lease, Event..) */
	API_K_UNCONDITIONAL = 1 << 5, /* update without resourceVersion is allowed */
	API_K_GRACEFUL = 1 << 6, /* deletion may be delayed by a grace period (Pod) */
	API_K_GENERATION_ANN = 1 << 7, /* changed annotations count as well (Deployment) */
	API_K_STATUS_ON_CREATE = 1 << 8, /* with STATUS: a new object may bring one (Node) */
	API_K_RETURN_DELETED = 1 << 9, /* DELETE answers with the object, not with a Status */
	API_K_ORPHAN = 1 << 10, /* deleted without a policy, what it owns stays (Job) */
};

struct api_kind;
struct api_custom;

struct api_subresource {
	const char *name; /* "status" */
	uint16_t verbs; /* enum api_verb */
	/* Kind of the body and the answer; NULL: the parent kind itself. */
	const char *group, *version, *kind;
	/* For update and patch: obj is what came in, old the stored one. NULL: the generic rule. */
	void (*prepare_update)(struct json_object *obj, struct json_object *old);
	void (*validate_update)(struct json_object *obj, struct json_object *old, struct err *err);
};

/*
 * Behaviour of one kind. Every pointer may be NULL. `err` collects causes with err_field.
 * Order on create: prepare_create, (admission), validate, validate_create, canonicalise. On
 * update: prepare_update, (admission), validate, validate_update, canonicalise.
 */
struct api_strategy {
	void (*prepare_create)(struct json_object *obj);
	void (*prepare_update)(struct json_object *obj, struct json_object *old);
	/* All of the kind's rules: the table's required fields and enums are then not looked at. */
	void (*validate)(struct json_object *obj, struct err *err);
	void (*validate_create)(struct json_object *obj, struct err *err);
	void (*validate_update)(struct json_object *obj, struct json_object *old, struct err *err);
	void (*canonicalise)(struct json_object *obj);
	/* Texts for the Warning header, e.g. deprecated fields; added to out. */
	void (*warnings)(struct json_object *obj, struct json_object *old, struct buf *out);
};

/* Now, for columns that show ages. */
struct api_table_ctx {
	int64_t now_ns;
};

struct jsonpath;
struct api_column {
	const char *name; /* "READY" is printed from "Ready" */
	const char *type; /* string, integer, number, boolean, date */
	const char *format; /* "name" for the name column, else NULL */
	int priority; /* 0 always shown, 1 with -o wide */
	const char *path; /* dotted path of a string, or NULL if cell is set */
	void (*cell)(const struct api_table_ctx *c, struct jv obj, struct jw *w);
	const char *help;
};

/* Dotted paths of what a Scale shows. */
struct api_scale_paths {
	const char *spec_replicas, *status_replicas;
	const char *selector; /* of a text; NULL: none */
};

/* A top-level field which has another name in the stored version (events.k8s.io/v1). */
struct api_rename {
	const char *name, *stored;
};

struct api_kind {
	const char *group, *version, *kind; /* group "" is core */
	const char *plural, *singular; /* plural NULL: only a body */
	const char *const *short_names; /* NULL-terminated, or NULL */
	const char *const *categories; /* "all" */
	const char *list_kind; /* "PodList" */
	uint16_t verbs; /* enum api_verb */
	uint16_t flags; /* enum api_kind_flags */
	const struct api_type *type;
	const struct api_subresource *subresources;
	size_t n_subresources;
	const struct api_strategy *strategy;
	/* Whole-object defaults behind those of the tables (Pod: requests from limits). */
	void (*defaults)(struct json_object *obj);
	const struct api_column *columns; /* NULL: Name and Age */
	size_t n_columns;
	/* Of custom resources: where a column's value stands, by its type; NULL: as the row says.
	 */
	const struct jsonpath *const *column_paths;
	/* Paths for fieldSelector besides metadata.name and .namespace; NULL-terminated. */
	const char *const *selectable;
	/* Set when another version is what the store holds. */
	const struct api_kind *storage;
	const struct api_rename *renames; /* ended by {NULL, NULL}; order of fields is free */
	/* What else differs between the two, in place; apiVersion is set by the caller. */
	void (*convert)(struct json_object *obj, bool to_storage);
	/* Set for kinds made at run time: crd/custom.h. */
	struct api_custom *custom;
	const struct api_scale_paths *scale; /* NULL: spec.replicas, spec.selector and so on */
	const char *name_rule; /* "subdomain" (default), "label", "path" */
	const char *short_help;
};

/*
 * The kinds of one API server: the built-in ones, then those made at run time. A NULL set stands
 * for the built-in ones alone, as do the functions without one.
 */
struct api_kinds {
	const struct api_kind **extra; /* by group, then version in order of preference */
	size_t n_extra;
	uint64_t stamp; /* changes with the set */
};
const struct api_kind *api_kinds_at(const struct api_kinds *s, size_t i);
const struct api_kind *api_kinds_find(const struct api_kinds *s, struct str group,
				      struct str version, struct str plural);

/* Every built-in kind. i counts from 0; NULL behind the last. */
const struct api_kind *api_kind_at(size_t i);
const struct api_kind *api_kind_find(struct str group, struct str version, struct str plural);
const struct api_kind *api_kind_by_gvk(struct str group, struct str version, struct str kind);
/* First kind of a plural in a group in any version (owner references, RBAC). */
const struct api_kind *api_kind_any_version(struct str group, struct str plural);
/* apiVersion text: "v1" or "apps/v1". */
void api_kind_api_version(const struct api_kind *k, struct buf *out);
/* Split "apps/v1" or "v1". */
void api_version_split(struct str api_version, struct str *ret_group, struct str *ret_version);
const struct api_subresource *api_subresource_find(const struct api_kind *k, struct str name);
static inline bool api_kind_namespaced(const struct api_kind *k)
{
	return k->flags & API_K_NAMESPACED;
}
/* "pods", "deployments.apps": how messages name a resource. */
void api_kind_qualified(const struct api_kind *k, struct buf *out);
#endif
